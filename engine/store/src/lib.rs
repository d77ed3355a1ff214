//! Where state is kept: the contract, its conformance suite, an in-memory store, and the two parts from which a store
//! can be made of any place that keeps bytes ([`Space`], [`Keyed`]). The embedded default, on sled, is `cadenza-sled`.
//!
//! Must not know: the language, the sandbox, HTTP. It knows core's records, but not how leads move.

mod acknowledged;
mod check;
mod committer;
pub mod conformance;
mod contract;
mod copying;
mod damage;
#[cfg(test)]
mod damaged_records;
#[cfg(test)]
mod kept_records;
mod keyed;
mod keys;
mod mark_days;
mod memory;
mod partitions;
mod reading;
mod record;
mod recording;
mod records;
mod restoring;
mod sharing;
mod snapshot;
mod space;

pub use committer::{Commits, Opening};
pub use contract::Store;
pub use damage::{DamageLog, Damaged, KINDS, UnlessDamaged};
pub use keyed::Keyed;
pub use memory::{MemoryDisk, MemoryStore, Stalled};
pub use partitions::Partitions;
pub use recording::weight;
pub use records::*;
pub use restoring::Restorer;
pub use sharing::StoreTime;
pub use snapshot::{Images, Pair, Snapshot, images_in};
pub use space::{Changes, Record, Space, spare_key};
