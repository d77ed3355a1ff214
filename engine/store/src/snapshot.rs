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
/// The most bytes of memory for keys that have a before-image.
const KEYS_BYTES_MAX: usize = 256 * 1024 * 1024;
/// What a key takes in memory beside its own bytes: its place in the map and where its before-image lies.
const KEY_OVERHEAD_BYTES: usize = 96;
/// After so many bytes of before-images it is asked again whether there is room for more.
const ROOM_ASKED_EVERY_BYTES: u64 = 1024 * 1024;

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

/// Where before-images are kept.
pub struct Images {
    file: File,
    /// Whether the disk has room for more of them.
    has_room: Box<dyn Fn() -> bool + Send>,
}

impl std::fmt::Debug for Images {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Images").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Images {
    /// The same, while there is room: `has_room` is asked again and again as the file grows.
    #[must_use]
    pub fn while_there_is_room(self, has_room: impl Fn() -> bool + Send + 'static) -> Self {
        Self { has_room: Box::new(has_room), ..self }
    }
}

/// A file for before-images in this folder, without a name, so that it is gone when it is closed,
/// however the process ends.
///
/// # Errors
/// When no file can be made there.
pub fn images_in(folder: &Path) -> io::Result<Images> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!(".images-{}-{number}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(Images { file, has_room: Box::new(|| true) })
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
    kept_in: Images,
    written: u64,
    /// How much was written when it was last asked whether there is room.
    asked_at: u64,
    failed: Option<StoreError>,
}

impl Snapshots {
    fn active(&self) -> MutexGuard<'_, Option<Active>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a snapshot. To be called between two commits.
    pub(crate) fn begin(&self, kept_in: Images) -> Result<(), StoreError> {
        let mut active = self.active();
        if active.is_some() {
            return Err(StoreError::SnapshotUnderWay);
        }
        if !(kept_in.has_room)() {
            return Err(StoreError::SnapshotWithoutRoom { images: 0 });
        }
        let (reached, images) = (Vec::new(), BTreeMap::new());
        *active = Some(Active { reached, images, keys_bytes: 0, kept_in, written: 0, asked_at: 0, failed: None });
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
            active.give_up(error.clone());
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
                return active.give_up(error);
            }
        }
    }
}

impl Active {
    fn keep(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        let image = match value {
            Some(value) => {
                self.kept_in.file.write_all(value).map_err(|error| not_kept(&error))?;
                let at = self.written;
                self.written += value.len() as u64;
                Some((at, value.len() as u32))
            }
            None => None,
        };
        self.keys_bytes += key.len() + KEY_OVERHEAD_BYTES;
        self.images.insert(key.to_vec(), image);
        if self.written > IMAGES_BYTES_MAX || self.keys_bytes > KEYS_BYTES_MAX {
            return Err(StoreError::SnapshotTooLarge { images: self.written, keys: self.keys_bytes });
        }
        self.look_for_room()
    }

    /// Before-images must not take the room that intake needs.
    fn look_for_room(&mut self) -> Result<(), StoreError> {
        if self.written < self.asked_at + ROOM_ASKED_EVERY_BYTES {
            return Ok(());
        }
        self.asked_at = self.written;
        match (self.kept_in.has_room)() {
            true => Ok(()),
            false => Err(StoreError::SnapshotWithoutRoom { images: self.written }),
        }
    }

    /// The snapshot fails, and what it took is given back at once, not when somebody next reads from it.
    fn give_up(&mut self, error: StoreError) {
        self.failed.get_or_insert(error);
        self.images.clear();
        // When that fails, the room is free once the file is closed.
        let _ = self.kept_in.file.set_len(0);
    }

    fn image(&mut self, image: Image) -> io::Result<Option<Vec<u8>>> {
        let Some((at, length)) = image else { return Ok(None) };
        let mut value = vec![0; length as usize];
        let file = &mut self.kept_in.file;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut value)?;
        file.seek(SeekFrom::End(0))?;
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
            self.keys_bytes -= key.len() + KEY_OVERHEAD_BYTES;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemorySpace;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    /// Keeps what a commit changes in a store where each key has this many bytes.
    fn keep(snapshots: &Snapshots, space: &MemorySpace, key: u8, bytes: usize) {
        let mut changes = Changes::default();
        changes.put_with(|out| out.push(key), |out| out.resize(out.len() + bytes, key));
        space.apply(&changes).unwrap();
        snapshots.before(&changes, space);
    }

    fn size(snapshots: &Snapshots) -> u64 {
        snapshots.active().as_ref().unwrap().kept_in.file.metadata().unwrap().len()
    }

    #[test]
    fn before_images_leave_the_room_that_intake_needs() {
        let has_room = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&has_room);
        let images = || images_in(&std::env::temp_dir()).unwrap();
        let limited = images().while_there_is_room(move || asked.load(Ordering::Relaxed));
        let (snapshots, space) = (Snapshots::default(), MemorySpace::of(&crate::memory::MemoryDisk::default()));
        snapshots.begin(limited).unwrap();
        let mebibyte = ROOM_ASKED_EVERY_BYTES as usize;
        keep(&snapshots, &space, 1, mebibyte);
        assert!(snapshots.from().is_ok() && size(&snapshots) == ROOM_ASKED_EVERY_BYTES);
        has_room.store(false, Ordering::Relaxed);
        keep(&snapshots, &space, 2, 10);
        assert!(snapshots.from().is_ok(), "it is asked once a mebibyte");
        keep(&snapshots, &space, 3, mebibyte);
        let failed = snapshots.from().unwrap_err();
        assert!(matches!(failed, StoreError::SnapshotWithoutRoom { images } if images > 2 * ROOM_ASKED_EVERY_BYTES));
        assert_eq!(size(&snapshots), 0, "what it took is free again, though its reader has not noticed yet");
        snapshots.end();
        let refused = snapshots.begin(images().while_there_is_room(|| false));
        assert!(matches!(refused, Err(StoreError::SnapshotWithoutRoom { images: 0 })), "{refused:?}");
    }

    #[test]
    fn a_key_costs_more_memory_than_its_bytes() {
        let (snapshots, space) = (Snapshots::default(), MemorySpace::of(&crate::memory::MemoryDisk::default()));
        snapshots.begin(images_in(&std::env::temp_dir()).unwrap()).unwrap();
        keep(&snapshots, &space, 1, 1);
        assert_eq!(snapshots.active().as_ref().unwrap().keys_bytes, 1 + KEY_OVERHEAD_BYTES);
        snapshots.merge(Vec::new(), None).unwrap();
        assert_eq!(snapshots.active().as_ref().unwrap().keys_bytes, 0, "what was read is let go");
    }
}
