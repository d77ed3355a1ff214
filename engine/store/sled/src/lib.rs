//! The store on sled, the embedded default: one data folder, one process. `README.md` lists the problems of
//! sled and how each is handled.
//!
//! sled 0.34.7 as released does not keep its promises when the power is cut. `sync` holds the remedy, `folder` looks
//! after the folder, `database` and `space` use the database.

mod database;
mod failure;
mod folder;
mod nudge;
mod space;
mod sync;

pub use space::SledSpace;
pub use sync::SyncPolicy;

use cadenza_store::StoreError;
use cadenza_store::{Commits, Keyed, Opening, Restorer};
use std::path::Path;

/// A store on sled.
pub type SledStore = Keyed<SledSpace>;

/// How sled is opened. The defaults are measured (`README.md`, "sled's settings").
#[derive(Clone, Debug)]
pub struct SledOptions {
    /// How many bytes of pages sled aims to keep in memory. It takes about ten times as many.
    pub cache_bytes: u64,
    /// Also open a store that has less than was acknowledged. From then on, the loss is no longer reported.
    pub accept_loss: bool,
    /// Whether the format of a folder that an older program wrote is raised. Where only something is looked up or copied it is not:
    /// the older program can go on with it.
    pub raise: bool,
    /// Whether commits survive a power cut. Turned off only by the test that shows what happens otherwise.
    #[doc(hidden)]
    pub sync: SyncPolicy,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 16 * 1024 * 1024, accept_loss: false, raise: true, sync: SyncPolicy::Full }
    }
}

/// Opens the store in this folder, or makes a new one, and takes it over: its epoch goes up
/// before anything else happens.
///
/// # Errors
/// [`StoreError::Locked`] when another process has it open, [`StoreError::Newer`] when a newer program wrote it,
/// [`StoreError::CutShort`] when less is there than was acknowledged, [`StoreError::NotDurable`] when commits would not
/// survive a power cut, [`StoreError::Io`] and [`StoreError::Corrupt`] when the folder cannot be read.
pub fn open(folder: &Path, options: SledOptions) -> Result<SledStore, StoreError> {
    let checks = sync::Check::begin(options.sync)?;
    let opening = Opening { accept_loss: options.accept_loss, raise: options.raise };
    let store = Keyed::open(SledSpace::open(folder, options)?, opening, Commits::OnTheirThread)?;
    // The epoch has just been written through sled, so our symbol must have been called.
    checks.end()?;
    Ok(store)
}

/// Makes a store in this folder from the records of a backup.
///
/// # Errors
/// When there is a store in the folder already, or the disk fails.
pub fn restore(folder: &Path) -> Result<Restorer<SledSpace>, StoreError> {
    let options = SledOptions::default();
    sync::Check::begin(options.sync)?;
    let space = SledSpace::open(folder, options)?;
    Restorer::into_empty(space)
}
