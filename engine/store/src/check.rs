//! Reads every record once to find those that cannot be read. Used to check a data folder, and by a test that reads
//! records kept from every past version.
//!
//! Must not know: batches, threads, where bytes are kept.

use crate::keys::*;
use crate::reading::{self, Records};
use crate::record::{FeedRecord, Header, LastBatch, Lease, MarkRecord};
use crate::records::{
    DeadLetter, DeadLetterId, DeliveryKey, DocumentKey, FeedKey, InboxKey, InboxRow, QuestionKey, QueueKey, StoreError,
    Timer,
};
use crate::space::Space;
use cadenza_core::account::Account;
use cadenza_core::effect::Outgoing;
use cadenza_core::id::{AccountId, LeadId};
use cadenza_core::identity::{Identity, IdentityKey};
use cadenza_core::journal::{Personal, Skeleton};
use cadenza_core::state::{LeadState, PoolState, ScheduleState};
use minicbor::Decode;
use minicbor::bytes::ByteVec;

/// Reads `limit` records after a key. Returns how many there were, and where to continue.
pub(crate) fn some<S: Space>(
    records: Records<'_, S>,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<(usize, Option<Vec<u8>>), StoreError> {
    let from = after.map_or_else(Vec::new, just_after);
    let found = records.space.scan(&from, &[u8::MAX], limit)?;
    for (key, bytes) in &found {
        match record(records.space, key.as_ref(), bytes.as_ref()) {
            Ok(()) => {}
            Err(error) if error.is_damage() => records.damage.note(key.as_ref(), &error),
            Err(error) => return Err(error),
        }
    }
    let next = found.last().filter(|_| found.len() == limit).map(|(key, _)| key.as_ref().to_vec());
    Ok((found.len(), next))
}

/// Reads a record as the store does.
pub(crate) fn record<S: Space>(space: &S, key: &[u8], bytes: &[u8]) -> Result<(), StoreError> {
    fn is<K: Key, T: for<'b> Decode<'b, ()>>(space: &impl Space, key: &[u8], bytes: &[u8]) -> Result<(), StoreError> {
        K::of_bytes(key)?;
        reading::whole::<T>(space, key, bytes).map(drop)
    }
    match key.first() {
        Some(b'A') => is::<AccountId, Account>(space, key, bytes),
        Some(b'B') => is::<LastBatchKey, LastBatch>(space, key, bytes),
        Some(b'C') => is::<CounterKey, i64>(space, key, bytes),
        Some(b'D') => is::<DeadLetterId, DeadLetter>(space, key, bytes),
        Some(b'E') => is::<OutboxKey, Outgoing>(space, key, bytes),
        Some(b'F') => is::<DocumentKey, ByteVec>(space, key, bytes),
        Some(b'G') => is::<FeedKey, FeedRecord>(space, key, bytes),
        Some(b'H') => is::<HeaderKey, Header>(space, key, bytes),
        Some(b'I') => is::<IdentityKey, Identity>(space, key, bytes),
        Some(b'J') => is::<SkeletonKey, Skeleton>(space, key, bytes),
        Some(b'K') => is::<DeliveryKey, DeadLetterId>(space, key, bytes),
        Some(b'L') => is::<LeadId, LeadState>(space, key, bytes),
        Some(b'M') => is::<MarkKey, MarkRecord>(space, key, bytes),
        Some(b'N') => is::<FilterKey, ByteVec>(space, key, bytes),
        Some(b'O') => is::<PoolKey, PoolState>(space, key, bytes),
        Some(b'P') => is::<PersonalKey, Personal>(space, key, bytes),
        Some(b'Q') => QueueKey::of_bytes(key).map(drop),
        Some(b'R') => is::<InboxKey, InboxRow>(space, key, bytes),
        Some(b'S') => is::<ScheduleKey, ScheduleState>(space, key, bytes),
        Some(b'T') => Timer::of_bytes(key).map(drop),
        Some(b'U') => QuestionKey::of_bytes(key).map(drop),
        Some(b'V') => HeldKey::of_bytes(key).map(drop),
        Some(b'W') => NudgeKey::of_bytes(key).map(drop),
        // A piece of a value is read with the value.
        Some(b'X') => Ok(()),
        Some(b'Y') => is::<PiecesKey, u32>(space, key, bytes),
        Some(b'Z') => is::<LeaseKey, Lease>(space, key, bytes),
        Some(b'a') => ListenerKey::of_bytes(key).map(drop),
        Some(b'b') => UnansweredKey::of_bytes(key).map(drop),
        _ => Err(StoreError::Corrupt("no kind of record begins so".to_owned())),
    }
}
