//! sled as a key space: one tree, and one batch for each commit.
//!
//! sled reports a full or failing disk by errors, and sometimes by a panic. Both become errors, after which the
//! database is released and opened again.
//!
//! Must not know: what keys and values mean.

use crate::SledOptions;
use crate::database::{Database, Failed};
use crate::failure::{error, unpanicked};
use crate::folder::Folder;
use cadenza_store::StoreError;
use cadenza_store::{Changes, Record, Space};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// If more bytes of keys and values than this were written, closing opens the database once more. At the first opening
/// after the writes, sled reads its whole log and writes a snapshot, which makes the next opening ten times as fast.
const SNAPSHOT_AFTER_BYTES: u64 = 32 * 1024 * 1024;

/// A key space on sled.
pub struct SledSpace {
    options: SledOptions,
    open: RwLock<Open>,
    /// Bytes written since the database was opened.
    written: AtomicU64,
    /// Held while a batch is applied.
    applying: RwLock<()>,
    /// A batch of which sled has kept a part.
    halfway: Mutex<Option<sled::Batch>>,
}

struct Open {
    database: Option<Database>,
    folder: Option<Folder>,
}

impl SledSpace {
    pub(super) fn open(path: &Path, options: SledOptions) -> Result<Self, StoreError> {
        let folder = Folder::lock(path)?;
        let database = open(&folder, &options)?;
        let open = RwLock::new(Open { database: Some(database), folder: Some(folder) });
        Ok(Self { options, open, written: AtomicU64::new(0), applying: RwLock::new(()), halfway: Mutex::new(None) })
    }

    fn shared(&self) -> RwLockReadGuard<'_, Open> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn exclusively(&self) -> RwLockWriteGuard<'_, Open> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match &self.shared().database {
            Some(database) => work(database),
            None => Err(StoreError::Io("the database is not open".to_owned())),
        }
    }

    fn read<T>(&self, work: impl FnOnce(&sled::Db) -> Result<T, sled::Error>) -> Result<T, StoreError> {
        self.with(|database| unpanicked(|| work(database.sled()).map_err(error)))
    }

    fn set_halfway(&self, batch: Option<sled::Batch>) {
        *self.halfway.lock().unwrap_or_else(PoisonError::into_inner) = batch;
    }

    fn halfway(&self) -> Option<sled::Batch> {
        self.halfway.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn open(folder: &Folder, options: &SledOptions) -> Result<Database, StoreError> {
    let path = folder.database(|path| Database::open(path, options)?.close())?;
    let database = Database::open(&path, options)?;
    // sled wrote a snapshot and deleted the previous one. Both changes of names must be durable
    // before anything builds on them.
    folder.sync_names()?;
    Ok(database)
}

impl Space for SledSpace {
    type Bytes = sled::IVec;

    fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        self.read(|sled| sled.get(key))
    }

    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record<sled::IVec>>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        self.read(|sled| sled.range(from..to).take(limit).collect())
    }

    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        self.read(|sled| sled.range(from..to).next_back().map(|last| last.map(|(key, _)| key)).transpose())
    }

    fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.applying.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, changes: &Changes) -> Result<(), StoreError> {
        let batch = || {
            let mut batch = sled::Batch::default();
            for (key, value) in changes.iter() {
                match value {
                    Some(value) => batch.insert(key, value),
                    None => batch.remove(key),
                }
            }
            batch
        };
        let _applying = self.applying.write().unwrap_or_else(PoisonError::into_inner);
        self.written.fetch_add(changes.bytes_len() as u64, Ordering::Relaxed);
        self.with(|database| {
            database.commit(batch()).map_err(|Failed { error, halfway }| {
                self.set_halfway(halfway.then(batch));
                error
            })
        })
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut now = self.exclusively();
        if let Some(database) = now.database.take() {
            database.let_go();
        }
        let folder = now.folder.as_ref().ok_or_else(|| StoreError::Io("the store is closed".to_owned()))?;
        let database = open(folder, &self.options)?;
        if let Some(batch) = self.halfway() {
            database.commit(batch).map_err(|failed| failed.error)?;
            self.set_halfway(None);
        }
        self.written.store(0, Ordering::Relaxed);
        now.database = Some(database);
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut now = self.exclusively();
        let (database, folder) = (now.database.take(), now.folder.take());
        database.map_or(Ok(()), Database::close)?;
        if let Some(folder) = &folder {
            let _ = folder.sync_beside();
        }
        match folder {
            Some(folder) if self.written.load(Ordering::Relaxed) > SNAPSHOT_AFTER_BYTES => {
                open(&folder, &self.options)?.close()
            }
            _ => Ok(()),
        }
    }

    fn beside(&self) -> Option<Vec<u8>> {
        self.shared().folder.as_ref()?.beside()
    }

    fn keep_beside(&self, bytes: &[u8], sync: bool) {
        if let Some(folder) = &self.shared().folder {
            // If the disk accepts a batch but not these few bytes, the next batch will show it if it matters.
            let _ = folder.keep_beside(bytes, sync);
        }
    }

    fn size_on_disk(&self) -> u64 {
        self.with(|database| Ok(database.size())).unwrap_or(0)
    }
}
