//! A copy of everything as it was at one moment, read while writing continues.
//!
//! The reader walks through the keys in order. Before a commit changes a key that the reader has not reached, the
//! committer keeps what the key held (its before-image), and the reader uses that in place of what it finds. The values
//! of before-images lie in a file that the caller provides. Both the file and the keys have limits; beyond them the
//! snapshot fails, and writing continues.
//!
//! Must not know: what keys and values mean, how a backup is kept.

use crate::keys::just_after;
use crate::records::StoreError;
use crate::space::{Changes, Space};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most bytes of before-images in the file: what intake at full speed changes in a few minutes.
const IMAGES_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// The most bytes of keys that have a before-image. The keys are kept in memory.
const KEYS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A key and its value, as they are stored.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Everything as it was when the snapshot began, in the order of the keys. Dropping it ends the snapshot, which costs
/// writing nothing from then on.
pub trait Snapshot: Send {
    /// The next records, at most `limit`; none at the end.
    ///
    /// # Errors
    /// When the store failed or was closed in the meantime, when more was changed than may be kept, or
    /// when the file cannot be read.
    fn next(&mut self, limit: usize) -> Result<Vec<Pair>, StoreError>;
}

/// A file for before-images in this folder, without a name, so that it is gone when it is closed,
/// however the process ends.
///
/// # Errors
/// When no file can be made there.
pub fn images_in(folder: &Path) -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!(".images-{}-{number}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Where a before-image lies in the file; `None` if the key did not exist.
type Image = Option<(u64, u32)>;

/// The snapshot that is being read, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(Mutex<Option<Active>>);

#[derive(Debug)]
struct Active {
    /// Keys up to this one have been read. Empty if none has been read yet.
    reached: Vec<u8>,
    images: BTreeMap<Vec<u8>, Image>,
    keys_bytes: usize,
    file: File,
    written: u64,
    failed: Option<StoreError>,
}

impl Snapshots {
    fn active(&self) -> MutexGuard<'_, Option<Active>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a snapshot. To be called between two commits.
    pub(crate) fn begin(&self, file: File) -> Result<(), StoreError> {
        let mut active = self.active();
        if active.is_some() {
            return Err(StoreError::SnapshotUnderWay);
        }
        let (reached, images) = (Vec::new(), BTreeMap::new());
        *active = Some(Active { reached, images, keys_bytes: 0, file, written: 0, failed: None });
        Ok(())
    }

    pub(crate) fn end(&self) {
        *self.active() = None;
    }

    /// Where the reader continues.
    pub(crate) fn from(&self) -> Result<Vec<u8>, StoreError> {
        match &*self.active() {
            Some(Active { failed: Some(error), .. }) => Err(error.clone()),
            Some(active) if active.reached.is_empty() => Ok(Vec::new()),
            Some(active) => Ok(just_after(active.reached.clone())),
            None => Err(over()),
        }
    }

    /// Turns what was found, up to this key or to the end, into what was there when the snapshot began. All of that
    /// counts as read from then on.
    pub(crate) fn merge(&self, found: Vec<Pair>, last: Option<Vec<u8>>) -> Result<Vec<Pair>, StoreError> {
        match &mut *self.active() {
            Some(Active { failed: Some(error), .. }) => Err(error.clone()),
            Some(active) => active.merge(found, last),
            None => Err(over()),
        }
    }

    /// Fails the snapshot, because what was read so far may not be what is there.
    pub(crate) fn fail(&self, error: &StoreError) {
        if let Some(active) = &mut *self.active() {
            active.failed.get_or_insert_with(|| error.clone());
        }
    }

    /// Keeps what these changes are about to replace. An error here fails the snapshot, not the changes.
    pub(crate) fn before(&self, changes: &Changes, space: &impl Space) {
        let mut active = self.active();
        let Some(active) = active.as_mut().filter(|active| active.failed.is_none()) else { return };
        for (key, _) in changes.iter() {
            if key <= active.reached.as_slice() || active.images.contains_key(key) {
                continue;
            }
            let kept = space.get(key).and_then(|value| active.keep(key, value.as_ref().map(AsRef::as_ref)));
            if let Err(error) = kept {
                active.failed = Some(error);
                active.images.clear();
                return;
            }
        }
    }
}

impl Active {
    fn keep(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        let image = match value {
            Some(value) => {
                self.file.write_all(value).map_err(|error| not_kept(&error))?;
                let at = self.written;
                self.written += value.len() as u64;
                Some((at, value.len() as u32))
            }
            None => None,
        };
        self.keys_bytes += key.len();
        self.images.insert(key.to_vec(), image);
        if self.written > IMAGES_BYTES_MAX || self.keys_bytes > KEYS_BYTES_MAX {
            return Err(StoreError::SnapshotTooLarge { images: self.written, keys: self.keys_bytes });
        }
        Ok(())
    }

    fn image(&mut self, image: Image) -> io::Result<Option<Vec<u8>>> {
        let Some((at, length)) = image else { return Ok(None) };
        let mut value = vec![0; length as usize];
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(&mut value)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(Some(value))
    }

    /// Turns what was found, from behind the last key read up to this one or to the end, into what was there when the
    /// snapshot began. All of that counts as read from then on.
    fn merge(&mut self, found: Vec<Pair>, last: Option<Vec<u8>>) -> Result<Vec<Pair>, StoreError> {
        let from = Bound::Excluded(self.reached.as_slice());
        let to = last.as_deref().map_or(Bound::Unbounded, Bound::Included);
        let changed: Vec<(Vec<u8>, Image)> =
            self.images.range::<[u8], _>((from, to)).map(|(key, image)| (key.clone(), *image)).collect();
        let mut records: BTreeMap<Vec<u8>, Vec<u8>> = found.into_iter().collect();
        for (key, image) in changed {
            match self.image(image).map_err(|error| not_kept(&error))? {
                Some(value) => drop(records.insert(key.clone(), value)),
                None => drop(records.remove(&key)),
            }
            self.images.remove(&key);
            self.keys_bytes -= key.len();
        }
        // Nothing sorts behind this key.
        self.reached = last.unwrap_or_else(|| vec![u8::MAX; 64]);
        Ok(records.into_iter().collect())
    }
}

fn over() -> StoreError {
    StoreError::Io("the snapshot is over".to_owned())
}

fn not_kept(error: &io::Error) -> StoreError {
    StoreError::Io(format!("the file for what is changed during a snapshot: {error}"))
}
