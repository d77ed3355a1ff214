//! How a value is written: one byte for the record version, then CBOR whose fields are numbered, so that a newer
//! program can read what an older one wrote. Also the few records that belong to the store alone.
//!
//! Must not know: keys, batches, where bytes are kept.

use crate::records::{BatchId, Epoch, Feed, StoreError, Term};
use cadenza_core::id::LeadId;
use cadenza_core::time::Timestamp;
use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode};

/// The version that is written. Every version up to it can be read.
pub(crate) const VERSION: u8 = 1;
/// In place of a version: the value lies in pieces, and their number follows as four bytes.
pub(crate) const IN_PIECES: u8 = 0xFF;
/// The longest value kept in one record. sled would put a value of more than 128 KiB into a file that it does not sync,
/// and it works best with values near 4 KiB.
pub(crate) const VALUE_BYTES_MAX: usize = 16 * 1024;

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

/// The number of pieces, if the value lies in pieces.
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
    /// What the folder may hold; see [`FORMAT`].
    #[n(0)]
    pub(crate) format: u32,
    #[n(1)]
    pub(crate) epoch: Epoch,
    #[n(2)]
    pub(crate) partitions: u16,
    /// A number that every restore draws anew; 0 when it was never restored. Earlier programs counted restores here.
    #[n(3)]
    #[cbor(default)]
    pub(crate) incarnation: u32,
}

/// What a folder written by this program may hold. Older folders are raised to this format when they are opened, and a
/// program that knows only an older format refuses the folder.
///
/// The format goes up with every release that writes what the previous one cannot read: another layout of keys, a new
/// kind of record, or a new case of an enum that is stored anywhere in a record. minicbor skips a field it does not
/// know but fails at a case it does not know. Without this number an older program would find newer records damaged,
/// one by one, and go on without them. A new field that is optional or has a default does not need a new format.
///
/// | format | since |
/// |---|---|
/// | 1 | 0.1, first release |
/// | 2 | more cases in journal, events, leads and runs; keys that several leads have; marks of what was read; questions that wait for a place in the pool; the leads of a hold |
/// | 3 | what is under way to a lead; messages that fall due; steps, touches and scripts by a hash of their ids; codes as numbers; what each commit changed; what journal entries were computed under |
pub(crate) const FORMAT: u32 = 3;

/// The last batch. Each batch writes it along with everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct LastBatch {
    #[n(0)]
    pub(crate) epoch: Epoch,
    #[n(1)]
    pub(crate) id: BatchId,
}

/// Who holds a partition, and until when nobody else can claim it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Lease {
    #[n(0)]
    pub(crate) holder: Epoch,
    #[n(1)]
    pub(crate) term: Term,
    #[n(2)]
    pub(crate) until: Timestamp,
}

/// A record of the feed. Programs up to format 2 kept a list of decisions in its place.
pub(crate) struct FeedRecord(pub(crate) Feed);
impl<'b, C> Decode<'b, C> for FeedRecord {
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, minicbor::decode::Error> {
        match d.datatype()? {
            Type::Array | Type::ArrayIndef => {
                Ok(Self(Feed { decisions: Decode::decode(d, context)?, ..Feed::default() }))
            }
            _ => Feed::decode(d, context).map(Self),
        }
    }
}

/// What a mark says. The event and the day are in its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct MarkRecord {
    #[n(0)]
    pub(crate) lead: LeadId,
    /// A hash of the body as it was sent. Programs of format 1 wrote it.
    #[n(1)]
    #[cbor(default)]
    pub(crate) body: Option<u64>,
    /// A hash of the content as it was read.
    #[n(70)]
    #[cbor(default)]
    pub(crate) content: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{DecisionRef, Moved};

    #[test]
    fn a_list_of_decisions_of_an_older_program_is_a_record_of_the_feed() {
        let decisions = vec![DecisionRef { lead: LeadId(7), seq: 2 }, DecisionRef { lead: LeadId(8), seq: 1 }];
        let feed =
            Feed { leads: vec![Moved { lead: LeadId(7), seq: 2 }], decisions: decisions.clone(), documents: true };
        for (bytes, expected) in [
            (minicbor::to_vec(&decisions), Feed { decisions: decisions.clone(), ..Feed::default() }),
            (minicbor::to_vec(&feed), feed.clone()),
        ] {
            let FeedRecord(read) = minicbor::decode(&bytes.unwrap()).unwrap();
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_mark_of_an_older_program_says_nothing_of_what_was_read() {
        #[derive(Encode)]
        #[cbor(map)]
        struct OfFormat1 {
            #[n(0)]
            lead: LeadId,
            #[n(1)]
            content: u64,
        }
        let bytes = minicbor::to_vec(OfFormat1 { lead: LeadId(7), content: 99 }).unwrap();
        let read: MarkRecord = minicbor::decode(&bytes).unwrap();
        assert_eq!(read, MarkRecord { lead: LeadId(7), body: Some(99), content: None });
        let written = minicbor::to_vec(MarkRecord { lead: LeadId(7), body: None, content: Some(99) }).unwrap();
        assert!(written.len() <= bytes.len() + 1, "a mark is in the share of every new lead");
    }
}
