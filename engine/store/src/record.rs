//! How a value is written: one byte for the format's version, then CBOR whose fields are numbered, so that a newer
//! program reads what an older one wrote. Also the few records that belong to the store alone.
//!
//! Must not know: keys, batches, where bytes are kept.

use crate::contract::{BatchId, Epoch, StoreError};
use cadenza_core::id::LeadId;
use minicbor::{Decode, Encode};

/// The version that is written; every one up to it is read.
pub(crate) const VERSION: u8 = 1;
/// In place of a version: the value lies in pieces, their number follows as four bytes.
pub(crate) const IN_PIECES: u8 = 0xFF;
/// The longest value kept in one record; past 128 KiB sled would put it into a file that it does not sync, and it works
/// best with values near 4 KiB.
pub(crate) const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Appends the value.
pub(crate) fn encode<T: Encode<()>>(value: &T, out: &mut Vec<u8>) {
    out.push(VERSION);
    match minicbor::encode(value, out) {
        Ok(()) => {}
        Err(error) => unreachable!("a vector takes everything: {error}"),
    }
}

/// Reads a value that is in one piece; `key` is for the error.
pub(crate) fn decode<'b, T: Decode<'b, ()>>(key: &[u8], bytes: &'b [u8]) -> Result<T, StoreError> {
    let kind = || key.first().map_or('?', |byte| char::from(*byte));
    match bytes.split_first() {
        Some((1..=VERSION, cbor)) => minicbor::decode(cbor)
            .map_err(|error| StoreError::Corrupt(format!("a record of kind `{}`: {error}", kind()))),
        Some((version, _)) => Err(StoreError::Newer { found: u32::from(*version), known: u32::from(VERSION) }),
        None => Err(StoreError::Corrupt(format!("a record of kind `{}` is empty", kind()))),
    }
}

/// The number of pieces, when the value lies in pieces.
pub(crate) fn pieces(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [IN_PIECES, count @ ..] => count.try_into().ok().map(u32::from_be_bytes),
        _ => None,
    }
}

/// What is true of the whole data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Header {
    /// The layout of keys; goes up when an older program must not touch the folder.
    #[n(0)]
    pub(crate) format: u32,
    /// Who writes.
    #[n(1)]
    pub(crate) epoch: Epoch,
    /// Logical partitions.
    #[n(2)]
    pub(crate) partitions: u16,
}

/// The layout of keys that this program writes.
pub(crate) const FORMAT: u32 = 1;

/// The last batch, written with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct LastBatch {
    #[n(0)]
    pub(crate) epoch: Epoch,
    #[n(1)]
    pub(crate) id: BatchId,
}

/// What a mark says; the event and the day are in its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct MarkRecord {
    #[n(0)]
    pub(crate) lead: LeadId,
    #[n(1)]
    pub(crate) content: u64,
}
