//! Where state is kept: the contract, its conformance suite, sled (the embedded default) and an in-memory store.
//!
//! Must not know: the language, the sandbox, HTTP. It knows core's records and nothing of what moves them.

mod acknowledged;
mod check;
mod committer;
pub mod conformance;
mod contract;
mod damage;
#[cfg(test)]
mod damaged_records;
mod embedded;
#[cfg(test)]
mod kept_records;
mod keyed;
mod keys;
mod mark_days;
mod memory;
mod reading;
mod record;
mod recording;
mod space;

pub use contract::*;
pub use damage::{DamageLog, Damaged, UnlessDamaged};
pub use embedded::{SledOptions, SledStore, SyncPolicy};
pub use memory::{MemoryDisk, MemoryStore};
pub use recording::{Weight, weight};
