//! The last acknowledged batch, noted beside the key space. When the store is opened, this note shows whether
//! anything acknowledged is missing.
//!
//! The note is written after each batch is durable, over the same few bytes of a small file, without a sync: one system
//! call and no wait. After a process ends, however suddenly, the note names the last batch acknowledged. After a
//! machine goes down, it may be as old as the system's last write-back, usually half a minute. It never names a batch
//! that was not durable, so a store with less than the note names was cut short or is an older copy.
//!
//! Must not know: where bytes are kept, what a batch is.

use crate::reading::{self, Records};
use crate::record::Header;
use crate::records::{BatchId, Epoch, StoreError};
use crate::space::Space;
use sha2::{Digest as _, Sha256};

/// Two numbers, and eight bytes of a hash that show whether the note is whole.
const BYTES: usize = 24;

/// An acknowledged batch. Number 0 stands for the opening alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Acknowledged {
    pub(crate) epoch: Epoch,
    pub(crate) batch: BatchId,
}

impl Acknowledged {
    /// The bytes of the note.
    pub(crate) fn bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.batch.0.to_be_bytes());
        let hash = Sha256::digest(&bytes[..16]);
        bytes[16..].copy_from_slice(&hash[..8]);
        bytes
    }

    /// Returns `None` when the bytes are not whole. They are overwritten without a sync, so a power cut may tear them.
    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk()?;
        let (batch, _) = rest.split_first_chunk()?;
        let read = Self { epoch: Epoch(u64::from_be_bytes(*epoch)), batch: BatchId(u64::from_be_bytes(*batch)) };
        (read.bytes() == bytes).then_some(read)
    }

    /// Reads the note beside the key space.
    pub(crate) fn kept(space: &impl Space) -> Option<Self> {
        Self::of_bytes(&space.beside()?)
    }
}

/// Refuses a key space that has less than was acknowledged.
pub(crate) fn nothing_is_missing<S: Space>(records: Records<'_, S>, header: Option<&Header>) -> Result<(), StoreError> {
    let Some(kept) = Acknowledged::kept(records.space) else { return Ok(()) };
    let opened = Acknowledged { epoch: header.map_or(Epoch(0), |header| header.epoch), batch: BatchId(0) };
    let last = match reading::last_batch(records, None) {
        Ok(last) => last.map(|last| Acknowledged { epoch: last.epoch, batch: last.id }),
        // It cannot be known what is missing, and the record will be written again.
        Err(error) if error.is_damage() => return Ok(()),
        Err(error) => return Err(error),
    };
    let there = last.map_or(opened, |last| last.max(opened));
    match kept > there {
        true => Err(StoreError::CutShort { kept: (kept.epoch, kept.batch), there: (there.epoch, there.batch) }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_torn_says_nothing() {
        let one = Acknowledged { epoch: Epoch(3), batch: BatchId(258) };
        assert_eq!(Acknowledged::of_bytes(&one.bytes()), Some(one));
        for cut in 0..BYTES {
            assert_eq!(Acknowledged::of_bytes(&one.bytes()[..cut]), None, "the first {cut} bytes");
            let mut torn = one.bytes();
            torn[cut] ^= 1;
            assert_eq!(Acknowledged::of_bytes(&torn), None, "byte {cut} of another");
        }
    }
}
