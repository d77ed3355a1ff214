//! Makes a key space from the records of a snapshot.
//!
//! Must not know: how a backup is kept, where bytes are kept.

use crate::keys::{HeaderKey, Key as _, LeaseKey};
use crate::record::{self, FORMAT, Header};
use crate::records::{DocumentKey, StoreError};
use crate::snapshot::Pair;
use crate::space::{Changes, Space};
use cadenza_core::id::PARTITIONS;
use minicbor::bytes::ByteSlice;

/// Earlier programs counted restores. Numbers with this bit are none of those counts, and not 0 either.
const ABOVE_COUNTS: u32 = 1 << 31;

/// A store that is being restored. It cannot be opened until it is finished.
pub struct Restorer<S> {
    space: S,
    header: Option<Header>,
}

impl<S: Space> Restorer<S> {
    /// Restores into this key space.
    ///
    /// # Errors
    /// When there is something in it already, or it cannot be read.
    pub fn into_empty(space: S) -> Result<Self, StoreError> {
        match space.scan(&[], &[u8::MAX], 1)?.is_empty() {
            true => Ok(Self { space, header: None }),
            false => Err(StoreError::Io("something is in it already".to_owned())),
        }
    }

    /// Writes some of the records.
    ///
    /// # Errors
    /// When the backup was made by a newer program or with another number of partitions, or the disk does not take it.
    pub fn put(&mut self, records: &[Pair]) -> Result<(), StoreError> {
        let mut changes = Changes::default();
        for (key, value) in records {
            match key.first() {
                // Written last: without a header there is nothing that could be opened.
                Some(&HeaderKey::PREFIX) => self.header = Some(record::decode(key, value)?),
                // Whoever held partitions in the backed-up store holds none here.
                Some(&LeaseKey::PREFIX) => {}
                _ => drop(changes.put_with(|out| out.extend_from_slice(key), |out| out.extend_from_slice(value))),
            }
        }
        match self.header {
            Some(Header { format, .. }) if format > FORMAT => Err(StoreError::Newer { found: format, known: FORMAT }),
            Some(Header { partitions, .. }) if partitions != PARTITIONS => Err(StoreError::Corrupt(format!(
                "the backup has {partitions} partitions, this program has {PARTITIONS}"
            ))),
            _ if changes.is_empty() => Ok(()),
            _ => self.space.apply(&changes),
        }
    }

    /// Notes that all records are written. From here on the store can be opened. Its incarnation differs from that of the
    /// store it was made from, and from that of every other restore. With `hold_outbox`, the engine pauses every
    /// connection before anything is sent.
    ///
    /// # Errors
    /// When there was no header among the records, the system gives no random number, or the disk does not take it.
    pub fn finish(self, hold_outbox: bool) -> Result<(), StoreError> {
        let header = self.header.ok_or_else(|| StoreError::Corrupt("the backup has no header".to_owned()))?;
        let header = Header { incarnation: new_incarnation()?, ..header };
        let mut changes = Changes::default();
        if hold_outbox {
            let (key, nothing) = (DocumentKey::HoldOutbox, <&ByteSlice>::from([].as_slice()));
            changes.put_with(|out| key.append(out), |out| record::encode(&nothing, out));
        }
        changes.put_with(|out| HeaderKey.append(out), |out| record::encode(&header, out));
        self.space.apply(&changes)?;
        self.space.close()
    }
}

/// A number that no other restore has, of the same backup or another. It is random, since a count would come out the same
/// each time one backup is restored.
fn new_incarnation() -> Result<u32, StoreError> {
    let random = getrandom::u32().map_err(|error| StoreError::Io(format!("no random number: {error}")))?;
    Ok(random | ABOVE_COUNTS)
}
