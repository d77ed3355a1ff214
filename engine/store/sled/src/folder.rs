//! The store's folder: used by one process at a time, made whole or not at all, and cleared of files
//! that keep sled from opening.
//!
//! ```text
//! lock          held while the store is open
//! acknowledged  the last acknowledged batch, see `acknowledged.rs`
//! sled/         the database
//! sled.new/     a database that is being made; renamed when it is whole
//! ```
//!
//! Must not know: keys, batches, how sled is configured.

use cadenza_store::StoreError;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The most bytes read from the file beside the database.
const BESIDE_BYTES_MAX: usize = 64;

/// A folder that is ours while this lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
    beside: File,
}

impl Folder {
    /// Makes the folder if necessary, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self, StoreError> {
        let in_folder = |error: io::Error| StoreError::Io(format!("{}: {error}", path.display()));
        if !path.exists() {
            std::fs::create_dir_all(path).map_err(in_folder)?;
            // The folder's own entry must survive too.
            if let Some(parent) = path.canonicalize().map_err(in_folder)?.parent() {
                sync(parent).map_err(in_folder)?;
            }
        }
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.map_err(in_folder)?;
        match lock.try_lock() {
            Ok(()) => {
                let mut open = File::options();
                let beside = open.create(true).truncate(false).read(true).write(true).open(path.join("acknowledged"));
                Ok(Self { path: path.to_owned(), _lock: lock, beside: beside.map_err(in_folder)? })
            }
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(in_folder(error)),
        }
    }

    /// Returns where the database lies, ready to be opened. If there is none, `make` makes it elsewhere and it is then
    /// moved into place, so that a power cut leaves a whole database or none. (sled never syncs its `conf`; a torn one
    /// would keep the database from opening forever.)
    pub(super) fn database(&self, make: impl FnOnce(&Path) -> Result<(), StoreError>) -> Result<PathBuf, StoreError> {
        let database = self.path.join("sled");
        if !database.exists() {
            let new = self.path.join("sled.new");
            if new.exists() {
                std::fs::remove_dir_all(&new).map_err(|error| self.error(&error))?;
            }
            make(&new)?;
            self.sync_all(&new)?;
            std::fs::rename(&new, &database).map_err(|error| self.error(&error))?;
            sync(&self.path).map_err(|error| self.error(&error))?;
        }
        self.remove_unfinished(&database)?;
        Ok(database)
    }

    /// Makes the names of the database's files durable. sled's own syncs cover only their contents.
    pub(super) fn sync_names(&self) -> Result<(), StoreError> {
        sync(&self.path.join("sled")).map_err(|error| self.error(&error))
    }

    /// Removes a snapshot that was being written when the process ended. A snapshot that was cut short keeps sled from
    /// opening (issue 1527 of spacejam/sled), and sled writes another one anyway.
    fn remove_unfinished(&self, database: &Path) -> Result<(), StoreError> {
        for entry in std::fs::read_dir(database).map_err(|error| self.error(&error))? {
            let entry = entry.map_err(|error| self.error(&error))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                std::fs::remove_file(entry.path()).map_err(|error| self.error(&error))?;
            }
        }
        Ok(())
    }

    /// What lies in the file beside the database.
    pub(super) fn beside(&self) -> Option<Vec<u8>> {
        let mut bytes = [0; BESIDE_BYTES_MAX];
        let read = self.beside.read_at(&mut bytes, 0).ok()?;
        (read > 0).then(|| bytes[..read].to_vec())
    }

    /// Overwrites the file. The length is always the same, so only the bytes change.
    pub(super) fn keep_beside(&self, bytes: &[u8], sync: bool) -> io::Result<()> {
        self.beside.write_all_at(bytes, 0)?;
        if sync { self.sync_beside() } else { Ok(()) }
    }

    pub(super) fn sync_beside(&self) -> io::Result<()> {
        self.beside.sync_data()
    }

    /// Syncs the folder and everything in it.
    fn sync_all(&self, folder: &Path) -> Result<(), StoreError> {
        for entry in std::fs::read_dir(folder).map_err(|error| self.error(&error))? {
            let path = entry.map_err(|error| self.error(&error))?.path();
            if path.is_dir() {
                self.sync_all(&path)?;
            } else {
                sync(&path).map_err(|error| self.error(&error))?;
            }
        }
        sync(folder).map_err(|error| self.error(&error))
    }

    fn error(&self, error: &io::Error) -> StoreError {
        StoreError::Io(format!("{}: {error}", self.path.display()))
    }
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
