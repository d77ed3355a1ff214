//! From records back to the terms of the contract: point reads, and ranges that continue after a cursor.
//!
//! What cannot be read is noted in the [`DamageLog`]. A point read then fails, because its caller has to know that the
//! record is not absent. A range skips the record and continues behind it, so a page is short only at the end.
//!
//! Must not know: batches, threads, where bytes are kept.

use crate::damage::{DamageLog, UnlessDamaged as _};
use crate::keys::{
    CounterKey, HeaderKey, HeldKey, Key, LastBatchKey, LeaseKey, ListenerKey, MarkKey, OutboxKey, PersonalKey,
    PieceKey, ScheduleKey, SkeletonKey, UnansweredKey, documents_of, end, first, from_after, identities_by, just_after,
    questions_to, queue_of,
};
use crate::partitions::Partitions;
use crate::record::{self, FORMAT, FeedRecord, Header, LastBatch, Lease};
use crate::records::{
    BatchId, Counters, DeadLetter, DeadLetterId, DocumentKey, DocumentKind, Epoch, Feed, FeedKey, InboxKey, InboxRow,
    QuestionKey, QueueKey, StoreError, Timer,
};
use crate::space::Space;
use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::id::{AccountId, EffectId, LeadId};
use cadenza_core::identity::{Identity, IdentityKey};
use cadenza_core::journal::Entry;
use cadenza_core::state::ScheduleState;
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use minicbor::Decode;
use minicbor::bytes::ByteVec;
use std::collections::BTreeMap;

/// The most pieces a value may have, which is 64 MiB. A larger number can only be damage.
const PIECES_MAX: u32 = 4_096;

/// The records, and where damage to them is noted.
#[derive(Debug)]
pub(crate) struct Records<'a, S> {
    pub(crate) space: &'a S,
    pub(crate) damage: &'a DamageLog,
}

impl<S> Clone for Records<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S> Copy for Records<'_, S> {}

/// The value of a key.
pub(crate) fn value<K: Key, T: for<'b> Decode<'b, ()>>(
    records: Records<'_, impl Space>,
    key: &K,
) -> Result<Option<T>, StoreError> {
    let key = key.bytes();
    let read = || match records.space.get(&key)? {
        Some(bytes) => whole(records.space, &key, bytes.as_ref()),
        None => Ok(None),
    };
    read().inspect_err(|error: &StoreError| {
        if error.is_damage() {
            records.damage.note(&key, error);
        }
    })
}

/// Reads a value, putting it together from its pieces if it has any. Returns `None` if it has gone in the meantime. A
/// value in pieces is read while no batch is applied, because otherwise its pieces might not belong together.
pub(crate) fn whole<T: for<'b> Decode<'b, ()>>(
    space: &impl Space,
    key: &[u8],
    bytes: &[u8],
) -> Result<Option<T>, StoreError> {
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
    let mut together = Vec::new();
    for number in 0..pieces {
        let piece = space.get(&PieceKey { of: key, number }.bytes())?;
        let piece = piece.ok_or_else(|| StoreError::Corrupt(format!("piece {number} of {pieces} is missing")))?;
        together.extend_from_slice(piece.as_ref());
    }
    record::decode(key, &together).map(Some)
}

/// Reads a range until there are `limit` things, skipping those that cannot be read or have gone in the meantime.
pub(crate) fn range<S: Space, T>(
    records: Records<'_, S>,
    (mut from, to): (Vec<u8>, Vec<u8>),
    limit: usize,
    read: impl Fn(&[u8], &[u8]) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut things = Vec::new();
    while things.len() < limit {
        let wanted = limit - things.len();
        let found = records.space.scan(&from, &to, wanted)?;
        for (key, value) in &found {
            match read(key.as_ref(), value.as_ref()) {
                Ok(thing) => things.extend(thing),
                Err(error) if error.is_damage() => records.damage.note(key.as_ref(), &error),
                Err(error) => return Err(error),
            }
        }
        match found.last() {
            Some((last, _)) if found.len() == wanted => from = just_after(last.as_ref().to_vec()),
            _ => break,
        }
    }
    Ok(things)
}

/// Values in the order of their keys.
fn values<T: for<'b> Decode<'b, ()>>(
    records: Records<'_, impl Space>,
    bounds: (Vec<u8>, Vec<u8>),
    limit: usize,
) -> Result<Vec<T>, StoreError> {
    range(records, bounds, limit, |key, value| whole(records.space, key, value))
}

/// Keys of records that have no value.
fn keys<K: Key>(
    records: Records<'_, impl Space>,
    bounds: (Vec<u8>, Vec<u8>),
    limit: usize,
) -> Result<Vec<K>, StoreError> {
    keys_where(records, bounds, limit, |_| true)
}

/// The same, but only the keys that are wanted; the others do not count towards the limit.
fn keys_where<K: Key>(
    records: Records<'_, impl Space>,
    bounds: (Vec<u8>, Vec<u8>),
    limit: usize,
    wanted: impl Fn(&K) -> bool,
) -> Result<Vec<K>, StoreError> {
    range(records, bounds, limit, |key, _| Ok(Some(K::of_bytes(key)?).filter(&wanted)))
}

/// Values under the keys that are wanted. If all partitions are asked for, no key is looked at.
fn values_where<K: Key, T: for<'b> Decode<'b, ()>>(
    records: Records<'_, impl Space>,
    bounds: (Vec<u8>, Vec<u8>),
    limit: usize,
    within: &Partitions,
    partition: impl Fn(&K) -> u8,
) -> Result<Vec<T>, StoreError> {
    if within.is_all() {
        return values(records, bounds, limit);
    }
    range(records, bounds, limit, |key, value| match within.contains(partition(&K::of_bytes(key)?)) {
        true => whole(records.space, key, value),
        false => Ok(None),
    })
}

/// The header; `None` in a key space that has never been opened.
pub(crate) fn header(records: Records<'_, impl Space>) -> Result<Option<Header>, StoreError> {
    let header: Option<Header> = value(records, &HeaderKey)?;
    match header {
        Some(Header { format, .. }) if format > FORMAT => Err(StoreError::Newer { found: format, known: FORMAT }),
        header => Ok(header),
    }
}

/// The last batch: the sole writer's, or that of one among several.
pub(crate) fn last_batch(records: Records<'_, impl Space>, of: Option<Epoch>) -> Result<Option<LastBatch>, StoreError> {
    value(records, &LastBatchKey(of))
}

/// Who holds which partitions. A partition whose lease cannot be read is left out and can be claimed.
pub(crate) fn leases(records: Records<'_, impl Space>) -> Result<BTreeMap<u8, Lease>, StoreError> {
    let leases = range(records, (first::<LeaseKey>(), end::<LeaseKey>()), usize::MAX, |key, value| {
        let LeaseKey(partition) = LeaseKey::of_bytes(key)?;
        Ok(Some((partition, record::decode(key, value)?)))
    })?;
    Ok(leases.into_iter().collect())
}

/// Marks of a day, after this one.
pub(crate) fn marks_of(
    records: Records<'_, impl Space>,
    day: u32,
    after: Option<MarkKey>,
    limit: usize,
) -> Result<Vec<MarkKey>, StoreError> {
    let from = after.map_or_else(|| MarkKey::first_of(day).bytes(), |mark| just_after(mark.bytes()));
    keys(records, (from, day.checked_add(1).map_or_else(end::<MarkKey>, |next| MarkKey::first_of(next).bytes())), limit)
}

/// Keys that were made by the rules of this version.
pub(crate) fn identities_of(
    records: Records<'_, impl Space>,
    version: u8,
    limit: usize,
) -> Result<Vec<(IdentityKey, Identity)>, StoreError> {
    let mut identities = Vec::new();
    for of_a_kind in identities_by(version) {
        identities.extend(range(records, of_a_kind, limit - identities.len(), |key, value| {
            let identity: Option<Identity> = whole(records.space, key, value)?;
            identity.map(|identity| Ok((IdentityKey::of_bytes(key)?, identity))).transpose()
        })?);
    }
    Ok(identities)
}

/// Leads in order of their ids.
pub(crate) fn leads<T: for<'b> Decode<'b, ()>>(
    records: Records<'_, impl Space>,
    within: &Partitions,
    after: Option<LeadId>,
    limit: usize,
) -> Result<Vec<T>, StoreError> {
    let bounds = (from_after(after.as_ref()), end::<LeadId>());
    values_where(records, bounds, limit, within, |lead: &LeadId| lead.partition())
}

pub(crate) fn journal(
    records: Records<'_, impl Space>,
    lead: LeadId,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let from = just_after(SkeletonKey { lead, seq: after }.bytes());
    let to = just_after(SkeletonKey { lead, seq: u64::MAX }.bytes());
    range(records, (from, to), limit, |key, skeleton| {
        let SkeletonKey { seq, .. } = SkeletonKey::of_bytes(key)?;
        let Some(skeleton) = whole(records.space, key, skeleton)? else { return Ok(None) };
        // What happened is returned even if the personal part cannot be read.
        let personal = value(records, &PersonalKey { lead, seq }).unless_damaged()?;
        Ok(Some(Entry { seq, skeleton, personal }))
    })
}

/// Timers in order of time.
pub(crate) fn timers(
    records: Records<'_, impl Space>,
    within: &Partitions,
    after: Option<Timer>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Timer>, StoreError> {
    let bounds = (from_after(after.as_ref()), past(until, |at| (at, FIRST_OWNER).bytes(), end::<Timer>));
    keys_where(records, bounds, limit, |(_, owner): &Timer| within.contains(owner.partition()))
}

/// The owner that sorts before all others.
const FIRST_OWNER: crate::records::TimerOwner = crate::records::TimerOwner::Lead(LeadId(0));

/// The first key later than `until`.
fn past(until: Timestamp, first_at: impl Fn(Timestamp) -> Vec<u8>, end: impl Fn() -> Vec<u8>) -> Vec<u8> {
    // Not `plus_ms`: that stops at the end of the year 9999, and the range would stop with it.
    until.as_ms().checked_add(1).map_or_else(end, |ms| first_at(Timestamp::from_ms(ms)))
}

/// A queue in rank order, or all queues.
pub(crate) fn queue(
    records: Records<'_, impl Space>,
    within: &Partitions,
    assignee: Option<&Assignee>,
    after: Option<&QueueKey>,
    limit: usize,
) -> Result<Vec<QueueKey>, StoreError> {
    let (begin, to) = assignee.map_or_else(|| (first::<QueueKey>(), end::<QueueKey>()), queue_of);
    // A cursor from another queue must not lead out of this one.
    let from = after.map_or(begin.clone(), |key| just_after(key.bytes()).max(begin));
    if from >= to {
        return Ok(Vec::new());
    }
    keys_where(records, (from, to), limit, |key: &QueueKey| within.contains(key.task.lead().partition()))
}

/// The questions that wait for a plugin, or the first question of each plugin.
pub(crate) fn questions(
    records: Records<'_, impl Space>,
    within: &Partitions,
    plugin: Option<&str>,
    limit: usize,
) -> Result<Vec<QuestionKey>, StoreError> {
    let wanted = |key: &QuestionKey| within.contains(key.run.lead().partition());
    if let Some(plugin) = plugin {
        return keys_where(records, questions_to(plugin), limit, wanted);
    }
    let (mut firsts, mut from) = (Vec::new(), first::<QuestionKey>());
    while firsts.len() < limit {
        let Some(next) = keys_where(records, (from, end::<QuestionKey>()), 1, wanted)?.pop() else { break };
        // One seek for each plugin, however many questions it has.
        (_, from) = questions_to(&next.plugin);
        firsts.push(next);
    }
    Ok(firsts)
}

/// Leads with a question that has no answer.
pub(crate) fn unanswered(
    records: Records<'_, impl Space>,
    within: &Partitions,
    after: Option<LeadId>,
    limit: usize,
) -> Result<Vec<LeadId>, StoreError> {
    let bounds = (from_after(after.map(UnansweredKey).as_ref()), end::<UnansweredKey>());
    let wanted = |key: &UnansweredKey| within.contains(key.0.partition());
    let found = keys_where(records, bounds, limit, wanted)?;
    Ok(found.into_iter().map(|UnansweredKey(lead)| lead).collect())
}

/// Leads under the hold of an account.
pub(crate) fn held(
    records: Records<'_, impl Space>,
    within: &Partitions,
    account: AccountId,
    after: Option<LeadId>,
    limit: usize,
) -> Result<Vec<LeadId>, StoreError> {
    let first = HeldKey { account, lead: LeadId(0) }.bytes();
    let from = after.map_or(first, |lead| just_after(HeldKey { account, lead }.bytes()));
    let to = just_after(HeldKey { account, lead: LeadId(u128::MAX) }.bytes());
    let wanted = |key: &HeldKey| within.contains(key.lead.partition());
    Ok(keys_where(records, (from, to), limit, wanted)?.into_iter().map(|key| key.lead).collect())
}

/// Leads with a run that hears what happens to other leads of the account.
pub(crate) fn listeners(
    records: Records<'_, impl Space>,
    within: &Partitions,
    account: AccountId,
    after: Option<LeadId>,
    limit: usize,
) -> Result<Vec<LeadId>, StoreError> {
    let first = ListenerKey { account, lead: LeadId(0) }.bytes();
    let from = after.map_or(first, |lead| just_after(ListenerKey { account, lead }.bytes()));
    let to = just_after(ListenerKey { account, lead: LeadId(u128::MAX) }.bytes());
    let wanted = |key: &ListenerKey| within.contains(key.lead.partition());
    Ok(keys_where(records, (from, to), limit, wanted)?.into_iter().map(|key| key.lead).collect())
}

/// Outbox rows in order of their due time.
pub(crate) fn outbox(
    records: Records<'_, impl Space>,
    within: &Partitions,
    after: Option<(Due, EffectId)>,
    until: Due,
    limit: usize,
) -> Result<Vec<Outgoing>, StoreError> {
    let after = after.map(|(due, id)| OutboxKey { due, id });
    let first_at = |at| OutboxKey { due: Due::At(at), id: EffectId(0) }.bytes();
    let to = until.at().map_or_else(end::<OutboxKey>, |until| past(until, first_at, end::<OutboxKey>));
    let bounds = (from_after(after.as_ref()), to);
    values_where(records, bounds, limit, within, |key: &OutboxKey| key.id.lead().partition())
}

/// What other writers tell leads, in the order of the commits that sent it.
pub(crate) fn inbox(
    records: Records<'_, impl Space>,
    within: &Partitions,
    after: Option<InboxKey>,
    limit: usize,
) -> Result<Vec<(InboxKey, InboxRow)>, StoreError> {
    range(records, (from_after(after.as_ref()), end::<InboxKey>()), limit, |key, value| {
        let at = InboxKey::of_bytes(key)?;
        if !within.contains(at.to.partition()) {
            return Ok(None);
        }
        Ok(whole(records.space, key, value)?.map(|row| (at, row)))
    })
}

pub(crate) fn dead_letters(
    records: Records<'_, impl Space>,
    after: Option<DeadLetterId>,
    limit: usize,
) -> Result<Vec<DeadLetter>, StoreError> {
    values(records, (from_after(after.as_ref()), end::<DeadLetterId>()), limit)
}

pub(crate) fn counters(records: Records<'_, impl Space>) -> Result<Counters, StoreError> {
    let bounds = (first::<CounterKey>(), end::<CounterKey>());
    let values = range(records, bounds, usize::MAX, |key, value| {
        let CounterKey(name) = CounterKey::of_bytes(key)?;
        Ok(Some((name, record::decode(key, value)?)))
    })?;
    Ok(Counters { values: values.into_iter().collect() })
}

pub(crate) fn schedules(records: Records<'_, impl Space>) -> Result<Vec<(String, ScheduleState)>, StoreError> {
    range(records, (first::<ScheduleKey>(), end::<ScheduleKey>()), usize::MAX, |key, value| {
        let ScheduleKey(id) = ScheduleKey::of_bytes(key)?;
        Ok(whole(records.space, key, value)?.map(|state| (id, state)))
    })
}

pub(crate) fn document(records: Records<'_, impl Space>, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(value::<_, ByteVec>(records, key)?.map(Vec::from))
}

pub(crate) fn documents(
    records: Records<'_, impl Space>,
    kind: DocumentKind,
) -> Result<Vec<(DocumentKey, Vec<u8>)>, StoreError> {
    range(records, documents_of(kind), usize::MAX, |key, value| {
        let content: Option<ByteVec> = whole(records.space, key, value)?;
        let key = DocumentKey::of_bytes(key)?;
        Ok(content.map(|content| (key, content.into())))
    })
}

/// The feed in the order of the commits.
pub(crate) fn feed(
    records: Records<'_, impl Space>,
    within: &Partitions,
    after: Option<FeedKey>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<(FeedKey, Feed)>, StoreError> {
    let to = past(until, |at| FeedKey { at, epoch: Epoch(0), batch: BatchId(0) }.bytes(), end::<FeedKey>);
    range(records, (from_after(after.as_ref()), to), limit, |key, value| {
        let at = FeedKey::of_bytes(key)?;
        // A record that cannot be read is listed as empty, so that it is forgotten in time like all others.
        let read = whole(records.space, key, value).inspect_err(|error| {
            if error.is_damage() {
                records.damage.note(key, error);
            }
        });
        let feed = read.unless_damaged()?.map_or_else(Feed::default, |FeedRecord(feed)| feed);
        Ok(Some((at, feed.within(within))))
    })
}

/// The last place in the feed.
pub(crate) fn last_of_feed(records: Records<'_, impl Space>) -> Result<Option<FeedKey>, StoreError> {
    let last = records.space.last(&first::<FeedKey>(), &end::<FeedKey>())?;
    // A key that cannot be read does not belong to the feed.
    Ok(last.and_then(|key| FeedKey::of_bytes(key.as_ref()).ok()))
}

/// The first mark from this key on.
pub(crate) fn next_mark(records: Records<'_, impl Space>, from: Vec<u8>) -> Result<Option<MarkKey>, StoreError> {
    Ok(keys(records, (from, end::<MarkKey>()), 1)?.pop())
}

/// Keys of at most `limit` marks of days before `day`.
pub(crate) fn marks_before(
    records: Records<'_, impl Space>,
    day: u32,
    limit: usize,
) -> Result<Vec<MarkKey>, StoreError> {
    keys(records, (first::<MarkKey>(), MarkKey::first_of(day).bytes()), limit)
}
