//! The store on sled, the embedded default: one data folder, one process. `README.md` says what is done about sled.
//!
//! sled 0.34.7 as it comes does not keep its word when the power is cut; what is done about it is in `sync`, how the
//! folder is looked after in `folder`, how the database is used in `database` and `space`.

mod database;
mod failure;
mod folder;
mod nudge;
mod space;
mod sync;

pub use space::SledSpace;
pub use sync::SyncPolicy;

use cadenza_store::StoreError;
use cadenza_store::{Commits, Keyed, Restorer};
use std::path::Path;

/// A store on sled.
pub type SledStore = Keyed<SledSpace>;

/// How sled is opened. The defaults are measured (`README.md`, "sled's settings").
#[derive(Clone, Debug)]
pub struct SledOptions {
    /// Bytes of pages that sled means to keep in memory; it takes about ten times as many.
    pub cache_bytes: u64,
    /// Open a store that has less than was acknowledged too: what is missing is missed by nobody from then on.
    pub accept_loss: bool,
    /// Whether commits survive a power cut; only the test that shows what happens otherwise turns it off.
    #[doc(hidden)]
    pub sync: SyncPolicy,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 16 * 1024 * 1024, accept_loss: false, sync: SyncPolicy::Full }
    }
}

/// Opens the store in this folder, or makes a new one, and takes it over: its epoch goes up before anything else.
///
/// # Errors
/// [`StoreError::Locked`] when another process has it open, [`StoreError::Newer`] when a newer program wrote it,
/// [`StoreError::CutShort`] when less is there than was acknowledged, [`StoreError::NotDurable`] when commits would not
/// survive a power cut, [`StoreError::Io`] and [`StoreError::Corrupt`] when the folder cannot be read.
pub fn open(folder: &Path, options: SledOptions) -> Result<SledStore, StoreError> {
    let checks = sync::Check::begin(options.sync)?;
    let accept_loss = options.accept_loss;
    let store = Keyed::start(SledSpace::open(folder, options)?, accept_loss, Commits::OnTheirThread)?;
    // The epoch has just been written through sled: it must have come by our symbol.
    checks.end()?;
    Ok(store)
}

/// Makes a store in this folder out of the records of a backup.
///
/// # Errors
/// When there is a store in the folder already, or the disk does not take it.
pub fn restore(folder: &Path) -> Result<Restorer<SledSpace>, StoreError> {
    let options = SledOptions::default();
    sync::Check::begin(options.sync)?;
    let space = SledSpace::open(folder, options)?;
    Restorer::into_empty(space)
}
