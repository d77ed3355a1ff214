//! An open sled database: how it is configured, how a batch becomes durable, how it is released.
//!
//! Must not know: what keys and values mean, locks, the store's folder except for the database in it.

use crate::failure::{error, unpanicked};
use crate::nudge::Nudge;
use crate::{SledOptions, SyncPolicy, sync};
use cadenza_store::StoreError;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// sled's log is written back, and its old segments are cleaned, at least this often. Without it
/// memory grows to gigabytes.
const FLUSH_EVERY_MS: u64 = 500;
/// How long sled's threads may continue writing after the database was released.
const LET_GO_MS_MAX: u64 = 10_000;

/// A database and the thread that watches over it.
pub(super) struct Database {
    // First, so that it no longer holds the database when that is released.
    nudge: Nudge,
    sled: sled::Db,
    /// The log, opened a second time; see [`sync::nothing_was_lost`].
    log: File,
    policy: SyncPolicy,
}

/// Why a batch was not committed.
pub(super) struct Failed {
    pub(super) error: StoreError,
    /// sled gave up in the middle of the batch and carried on. The part it accepted will be there at the next opening,
    /// so the whole batch has to be written again before anything is read.
    pub(super) halfway: bool,
}

impl Database {
    /// Opens the database in this folder, or makes one.
    pub(super) fn open(path: &Path, options: &SledOptions) -> Result<Self, StoreError> {
        let asked = Instant::now();
        let sled = loop {
            match unpanicked(|| config(path, options).open().map_err(error)) {
                // The folder is ours, so the lock can only belong to a database that this process has released. Its
                // last writes may still be under way, and must not come after the first ones of this database.
                Err(StoreError::Io(text)) if text.contains("could not acquire lock") => {
                    if asked.elapsed() > Duration::from_millis(LET_GO_MS_MAX) {
                        return Err(StoreError::Io(text));
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                opened => break opened?,
            }
        };
        let log = File::open(path.join("db")).map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Self { nudge: Nudge::start(sled.clone())?, sled, log, policy: options.sync })
    }

    pub(super) fn sled(&self) -> &sled::Db {
        &self.sled
    }

    /// Writes all of the batch or nothing, durably.
    pub(super) fn commit(&self, batch: sled::Batch) -> Result<(), Failed> {
        let _watched = self.nudge.watch();
        if let Err(error) = unpanicked(|| self.sled.apply_batch(batch).map_err(error)) {
            // If its log failed, sled writes no more of it, and the batch is gone at the next opening. If, for example,
            // sled could not read a page, it crosses out the mark that holds the batch together, but keeps the pieces.
            let halfway = self.flush().is_ok();
            return Err(Failed { error, halfway });
        }
        self.flush().map_err(|error| Failed { error, halfway: false })
    }

    /// Returns once everything written so far is durable.
    fn flush(&self) -> Result<(), StoreError> {
        // Our symbol has synced every write by the time this returns.
        unpanicked(|| self.sled.flush().map_err(error))?;
        match self.policy {
            SyncPolicy::Full => sync::nothing_was_lost(&self.log).map_err(|error| StoreError::Io(error.to_string())),
            SyncPolicy::Off => Ok(()),
        }
    }

    /// Flushes and closes.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let flushed = self.flush();
        self.let_go();
        flushed
    }

    /// Releases the database, whatever state it is in.
    pub(super) fn let_go(self) {
        // sled may panic on a failing disk; there is nothing left to save by then.
        let _ = unpanicked(|| {
            drop(self);
            Ok(())
        });
    }

    pub(super) fn size(&self) -> u64 {
        self.sled.size_on_disk().unwrap_or(0)
    }
}

fn config(path: &Path, options: &SledOptions) -> sled::Config {
    sled::Config::new()
        .path(path)
        .cache_capacity(options.cache_bytes)
        .flush_every_ms(Some(FLUSH_EVERY_MS))
        .mode(sled::Mode::HighThroughput)
}
