//! From records back to what the contract speaks of: point reads, and ranges read on from a cursor.
//!
//! Must not know: batches, threads, where bytes are kept.

use crate::contract::{
    BatchId, Counters, DeadLetter, DeadLetterId, DecisionRef, DecisionsKey, DocumentKey, DocumentKind, Epoch, Mark,
    QueueKey, StoreError, Timer,
};
use crate::keys::{
    CounterKey, HeaderKey, Key, LastBatchKey, MarkKey, OutboxKey, PersonalKey, PieceKey, SkeletonKey, documents_of,
    end, first, from_after, just_after, queue_of,
};
use crate::mark_days::MarkDays;
use crate::record::{self, FORMAT, Header, LastBatch, MarkRecord};
use crate::space::Space;
use cadenza_core::effect::Outgoing;
use cadenza_core::id::{EffectId, LeadId};
use cadenza_core::journal::Entry;
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use minicbor::Decode;
use minicbor::bytes::ByteVec;

/// The most pieces a value may have: 64 MiB. More can only be damage.
const PIECES_MAX: u32 = 4_096;
/// How often a page is read anew because one of its values went meanwhile.
const SCANS_MAX: usize = 16;

/// The value of a key.
pub(crate) fn value<K: Key, T: for<'b> Decode<'b, ()>>(space: &impl Space, key: &K) -> Result<Option<T>, StoreError> {
    let key = key.bytes();
    match space.get(&key)? {
        Some(bytes) => whole(space, &key, bytes.as_ref()),
        None => Ok(None),
    }
}

/// Reads a value, put together from its pieces when it has any; it may be gone by then. Its records are read while
/// nothing is applied, or they might not belong together.
fn whole<T: for<'b> Decode<'b, ()>>(space: &impl Space, key: &[u8], bytes: &[u8]) -> Result<Option<T>, StoreError> {
    if record::pieces(bytes).is_none() {
        return record::decode(key, bytes).map(Some);
    }
    let _still = space.still();
    let Some(bytes) = space.get(key)? else { return Ok(None) };
    let Some(pieces) = record::pieces(bytes.as_ref()) else {
        return record::decode(key, bytes.as_ref()).map(Some);
    };
    if pieces > PIECES_MAX {
        return Err(StoreError::Corrupt(format!("a value in {pieces} pieces")));
    }
    let mut together = Vec::with_capacity(pieces as usize * record::VALUE_BYTES_MAX);
    for number in 0..pieces {
        let piece = space.get(&PieceKey { of: key, number }.bytes())?;
        let piece = piece.ok_or_else(|| StoreError::Corrupt(format!("piece {number} of {pieces} is missing")))?;
        together.extend_from_slice(piece.as_ref());
    }
    record::decode(key, &together).map(Some)
}

/// Values in the order of their keys.
fn values<T: for<'b> Decode<'b, ()>>(
    space: &impl Space,
    (from, to): (Vec<u8>, Vec<u8>),
    limit: usize,
) -> Result<Vec<T>, StoreError> {
    // One that went while it was read would make the page look like the last.
    for _ in 0..SCANS_MAX {
        let found = space.scan(&from, &to, limit)?;
        let read: Result<Vec<Option<T>>, StoreError> =
            found.iter().map(|(key, value)| whole(space, key.as_ref(), value.as_ref())).collect();
        if let Some(all) = read?.into_iter().collect() {
            return Ok(all);
        }
    }
    Err(StoreError::Io("what is read changes faster than it can be read".to_owned()))
}

/// Keys that are all there is.
fn keys<K: Key>(space: &impl Space, (from, to): (Vec<u8>, Vec<u8>), limit: usize) -> Result<Vec<K>, StoreError> {
    let found = space.scan(&from, &to, limit)?;
    found.iter().map(|(key, _)| K::of_bytes(key.as_ref())).collect()
}

/// The header; none in a key space that has never been opened.
pub(crate) fn header(space: &impl Space) -> Result<Option<Header>, StoreError> {
    let header: Option<Header> = value(space, &HeaderKey)?;
    match header {
        Some(Header { format, .. }) if format > FORMAT => Err(StoreError::Newer { found: format, known: FORMAT }),
        header => Ok(header),
    }
}

/// The last batch.
pub(crate) fn last_batch(space: &impl Space) -> Result<Option<LastBatch>, StoreError> {
    value(space, &LastBatchKey)
}

/// The mark of an event.
pub(crate) fn mark(space: &impl Space, days: &MarkDays, event: &str, today: u32) -> Result<Option<Mark>, StoreError> {
    let hash = MarkKey::hash(event);
    for day in days.that_may_know(hash, today) {
        if let Some(MarkRecord { lead, content }) = value(space, &MarkKey { day, event: hash })? {
            return Ok(Some(Mark { event: event.to_owned(), day, lead, content }));
        }
    }
    Ok(None)
}

/// Marks of a day from after this one.
pub(crate) fn marks_of(
    space: &impl Space,
    day: u32,
    after: Option<MarkKey>,
    limit: usize,
) -> Result<Vec<MarkKey>, StoreError> {
    let from = after.map_or_else(|| MarkKey::first_of(day).bytes(), |mark| just_after(mark.bytes()));
    keys(space, (from, day.checked_add(1).map_or_else(end::<MarkKey>, |next| MarkKey::first_of(next).bytes())), limit)
}

/// Leads in order of their ids.
pub(crate) fn leads<T: for<'b> Decode<'b, ()>>(
    space: &impl Space,
    after: Option<LeadId>,
    limit: usize,
) -> Result<Vec<T>, StoreError> {
    values(space, (from_after(after.as_ref()), end::<LeadId>()), limit)
}

/// Journal entries of a lead.
pub(crate) fn journal(space: &impl Space, lead: LeadId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
    let from = just_after(SkeletonKey { lead, seq: after }.bytes());
    let to = just_after(SkeletonKey { lead, seq: u64::MAX }.bytes());
    let found = space.scan(&from, &to, limit)?;
    found
        .iter()
        .filter_map(|(key, skeleton)| {
            let entry = || {
                let SkeletonKey { seq, .. } = SkeletonKey::of_bytes(key.as_ref())?;
                let Some(skeleton) = whole(space, key.as_ref(), skeleton.as_ref())? else { return Ok(None) };
                Ok(Some(Entry { seq, skeleton, personal: value(space, &PersonalKey { lead, seq })? }))
            };
            entry().transpose()
        })
        .collect()
}

/// Timers in order of time.
pub(crate) fn timers(
    space: &impl Space,
    after: Option<Timer>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Timer>, StoreError> {
    keys(space, (from_after(after.as_ref()), past(until, |at| (at, FIRST_OWNER).bytes(), end::<Timer>)), limit)
}

/// The owner that sorts before all others.
const FIRST_OWNER: crate::contract::TimerOwner = crate::contract::TimerOwner::Lead(LeadId(0));

/// The first key that is later than `until`.
fn past(until: Timestamp, first_at: impl Fn(Timestamp) -> Vec<u8>, end: impl Fn() -> Vec<u8>) -> Vec<u8> {
    // Not `plus_ms`: it stops at the end of the year 9999, and so would the range.
    until.as_ms().checked_add(1).map_or_else(end, |ms| first_at(Timestamp::from_ms(ms)))
}

/// A queue in rank order, or all of them.
pub(crate) fn queue(
    space: &impl Space,
    assignee: Option<&Assignee>,
    after: Option<&QueueKey>,
    limit: usize,
) -> Result<Vec<QueueKey>, StoreError> {
    let (begin, to) = assignee.map_or_else(|| (first::<QueueKey>(), end::<QueueKey>()), queue_of);
    // A cursor out of another queue must not lead out of this one.
    let from = after.map_or(begin.clone(), |key| just_after(key.bytes()).max(begin));
    if from >= to {
        return Ok(Vec::new());
    }
    keys(space, (from, to), limit)
}

/// Outbox rows in order of their due time.
pub(crate) fn outbox(
    space: &impl Space,
    after: Option<(Timestamp, EffectId)>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Outgoing>, StoreError> {
    let after = after.map(|(due, id)| OutboxKey { due, id });
    let to = past(until, |due| OutboxKey { due, id: EffectId(0) }.bytes(), end::<OutboxKey>);
    values(space, (from_after(after.as_ref()), to), limit)
}

/// Dead letters in order.
pub(crate) fn dead_letters(
    space: &impl Space,
    after: Option<DeadLetterId>,
    limit: usize,
) -> Result<Vec<DeadLetter>, StoreError> {
    values(space, (from_after(after.as_ref()), end::<DeadLetterId>()), limit)
}

/// The counters.
pub(crate) fn counters(space: &impl Space) -> Result<Counters, StoreError> {
    let found = space.scan(&first::<CounterKey>(), &end::<CounterKey>(), usize::MAX)?;
    let values = found.iter().map(|(key, value)| {
        let CounterKey(name) = CounterKey::of_bytes(key.as_ref())?;
        Ok((name, record::decode(key.as_ref(), value.as_ref())?))
    });
    Ok(Counters { values: values.collect::<Result<_, StoreError>>()? })
}

/// A document.
pub(crate) fn document(space: &impl Space, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(value::<_, ByteVec>(space, key)?.map(Vec::from))
}

/// Documents of a kind.
pub(crate) fn documents(space: &impl Space, kind: DocumentKind) -> Result<Vec<(DocumentKey, Vec<u8>)>, StoreError> {
    let (from, to) = documents_of(kind);
    let found = space.scan(&from, &to, usize::MAX)?;
    found
        .iter()
        .filter_map(|(key, value)| {
            let document = || {
                let content: Option<ByteVec> = whole(space, key.as_ref(), value.as_ref())?;
                let key = DocumentKey::of_bytes(key.as_ref())?;
                Ok(content.map(|content| (key, content.into())))
            };
            document().transpose()
        })
        .collect()
}

/// Lists of decisions in order of time.
pub(crate) fn decisions(
    space: &impl Space,
    after: Option<DecisionsKey>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<(DecisionsKey, Vec<DecisionRef>)>, StoreError> {
    let to = past(until, |at| DecisionsKey { at, epoch: Epoch(0), batch: BatchId(0) }.bytes(), end::<DecisionsKey>);
    let found = space.scan(&from_after(after.as_ref()), &to, limit)?;
    let read = found.iter().map(|(key, value)| {
        let list = whole(space, key.as_ref(), value.as_ref())?;
        Ok((DecisionsKey::of_bytes(key.as_ref())?, list.unwrap_or_default()))
    });
    read.collect()
}

/// Keys of marks of days before `day`, at most `limit`.
pub(crate) fn marks_before(space: &impl Space, day: u32, limit: usize) -> Result<Vec<MarkKey>, StoreError> {
    keys(space, (first::<MarkKey>(), MarkKey::first_of(day).bytes()), limit)
}
