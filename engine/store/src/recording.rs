//! Turns a batch into changes of the key space: records, and the indexes kept in step with them. Also holds what has to
//! be remembered between batches for that; all of it is read back from the records when the store is opened.
//!
//! Must not know: where bytes are kept, threads, how a commit is made durable.

use crate::keys::{
    CounterKey, FilterKey, HeldKey, Key, LastBatchKey, ListenerKey, MarkKey, OutboxKey, PersonalKey, PieceKey,
    PiecesKey, PoolKey, ScheduleKey, SkeletonKey, UnansweredKey, end, first,
};
use crate::mark_days::Filter;
use crate::reading::{self, Records};
use crate::record::{self, LastBatch, MarkRecord, VALUE_BYTES_MAX};
use crate::records::{
    Batch, Epoch, Feed, FeedKey, InboxKey, LeadIndex, LeadWrite, Mark, Moved, OutboxWrite, StoreError, TimerOwner,
    Weight,
};
use crate::space::{Changes, Space};
use cadenza_core::account::Account;
use cadenza_core::time::Timestamp;
use minicbor::Encode;
use minicbor::bytes::ByteSlice;
use std::collections::BTreeMap;

/// What is remembered between batches.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// Counters as last written. What a batch counts is added to them.
    counters: BTreeMap<String, i64>,
    /// The few values that are too long for one record, and how many pieces each has.
    pieces: BTreeMap<Vec<u8>, u32>,
    /// The last place given in the feed.
    fed: Option<FeedKey>,
}

impl Remembered {
    /// Reads it from the records. What cannot be read is treated as absent, and is written again when it changes.
    pub(crate) fn read<S: Space>(records: Records<'_, S>) -> Result<Self, StoreError> {
        let counters = reading::counters(records)?.values;
        let pieces = reading::range(records, (first::<PiecesKey>(), end::<PiecesKey>()), usize::MAX, |key, value| {
            let PiecesKey(of) = PiecesKey::of_bytes(key)?;
            Ok(Some((of, record::decode(key, value)?)))
        })?;
        Ok(Self { counters, pieces: pieces.into_iter().collect(), fed: reading::last_of_feed(records)? })
    }

    /// A batch's place in the feed: behind all others, even if the clock was set back.
    fn feed_key(&mut self, batch: &Batch) -> FeedKey {
        let mut key = FeedKey { at: batch.at, epoch: batch.epoch, batch: batch.id };
        if let Some(last) = self.fed.filter(|last| *last >= key) {
            key.at = last.at;
            if last >= key {
                key.at = last.at.plus_ms(1);
            }
        }
        self.fed = Some(key);
        key
    }
}

/// Appends everything the batch writes to `changes`. Where there are several writers, `of` is
/// the one that made the batch.
pub(crate) fn record(batch: &Batch, of: Option<Epoch>, remembered: &mut Remembered, changes: &mut Changes) {
    let place = remembered.feed_key(batch);
    let mut recorder = Recorder { remembered, changes };
    for lead in &batch.leads {
        recorder.lead(lead);
    }
    for (key, identity) in &batch.identities {
        recorder.put(key, identity);
    }
    for key in &batch.forget_identities {
        recorder.delete(key);
    }
    for mark in &batch.marks {
        recorder.mark(mark);
    }
    for (account, lead, held) in &batch.held {
        let key = HeldKey { account: *account, lead: *lead };
        if *held {
            recorder.changes.put_empty(&key);
        } else {
            recorder.changes.delete(&key);
        }
    }
    for (account, due_before) in &batch.accounts {
        recorder.account(account, *due_before);
    }
    for (name, pool) in &batch.pools {
        recorder.put(&PoolKey { name: name.clone(), of }, pool);
    }
    for (id, schedule) in &batch.schedules {
        recorder.put(&ScheduleKey(id.clone()), schedule);
    }
    for write in &batch.outbox {
        recorder.outbox(write);
    }
    for (name, by) in &batch.counted {
        recorder.count(name, *by);
    }
    for (key, content) in &batch.documents {
        match content {
            Some(content) => recorder.put::<_, &ByteSlice>(key, &content.as_slice().into()),
            None => recorder.delete(key),
        }
    }
    let feed = feed(batch);
    if !feed.is_empty() {
        recorder.put(&place, &feed);
    }
    for key in &batch.forget_feed {
        recorder.delete(key);
    }
    for (number, row) in (0..).zip(&batch.sent) {
        recorder.put(&InboxKey { sent: place, number, to: row.to }, row);
    }
    for key in &batch.received {
        recorder.delete(key);
    }
    recorder.put(&LastBatchKey(of), &LastBatch { epoch: batch.epoch, id: batch.id });
}

/// What the feed says of a batch.
fn feed(batch: &Batch) -> Feed {
    let moved = |write: &LeadWrite| Moved { lead: write.state.lead.id, seq: write.state.seq };
    Feed {
        leads: batch.leads.iter().map(moved).collect(),
        decisions: batch.decisions.clone(),
        documents: !batch.documents.is_empty(),
    }
}

/// What this batch would weigh as the first one in an empty store.
pub fn weight(batch: &Batch) -> Weight {
    let mut changes = Changes::default();
    record(batch, None, &mut Remembered::default(), &mut changes);
    changes.weight()
}

/// Appends the filter of a day's marks.
pub(crate) fn record_filter(day: u32, filter: &Filter, remembered: &mut Remembered, changes: &mut Changes) {
    Recorder { remembered, changes }.put(&FilterKey(day), &filter.bytes());
}

/// Appends the removal of that filter.
pub(crate) fn drop_filter(day: u32, remembered: &mut Remembered, changes: &mut Changes) {
    Recorder { remembered, changes }.delete(&FilterKey(day));
}

struct Recorder<'a> {
    remembered: &'a mut Remembered,
    changes: &'a mut Changes,
}

impl Recorder<'_> {
    fn put<K: Key, T: Encode<()>>(&mut self, key: &K, value: &T) {
        let (key, value) = self.changes.put_with(|out| key.append(out), |out| record::encode(value, out));
        let long = value.len() > VALUE_BYTES_MAX;
        if long || !self.remembered.pieces.is_empty() {
            let key = self.changes.slice(key).to_vec();
            self.pieces(key, long.then_some(value));
        }
    }

    fn delete(&mut self, key: &impl Key) {
        self.changes.delete(key);
        if !self.remembered.pieces.is_empty() {
            self.pieces(key.bytes(), None);
        }
    }

    /// Puts the pieces of a value that is too long beside its key, and deletes the pieces it no longer has.
    fn pieces(&mut self, of: Vec<u8>, value: Option<std::ops::Range<usize>>) {
        let before = self.remembered.pieces.get(&of).copied().unwrap_or(0);
        let now = value.as_ref().map_or(0, |value| value.len().div_ceil(VALUE_BYTES_MAX) as u32);
        if let Some(value) = value {
            self.changes.replace_last(|out| {
                out.push(record::IN_PIECES);
                out.extend_from_slice(&now.to_be_bytes());
            });
            for (number, start) in (0..).zip(value.clone().step_by(VALUE_BYTES_MAX)) {
                let piece = start..value.end.min(start + VALUE_BYTES_MAX);
                self.changes.put_shared(|out| PieceKey { of: &of, number }.append(out), piece);
            }
        }
        for number in now..before {
            self.changes.delete_with(|out| PieceKey { of: &of, number }.append(out));
        }
        let note = PiecesKey(of);
        if now == 0 && before > 0 {
            self.changes.delete(&note);
            self.remembered.pieces.remove(&note.0);
        } else if now > 0 {
            self.changes.put_with(|out| note.append(out), |out| record::encode(&now, out));
            self.remembered.pieces.insert(note.0, now);
        }
    }

    fn lead(&mut self, write: &LeadWrite) {
        let id = write.state.lead.id;
        self.put(&id, write.state.as_ref());
        self.index(TimerOwner::Lead(id), &write.before, &LeadIndex::of(&write.state));
        for entry in &write.entries {
            self.put(&SkeletonKey { lead: id, seq: entry.seq }, &entry.skeleton);
            if let Some(personal) = &entry.personal {
                self.put(&PersonalKey { lead: id, seq: entry.seq }, personal);
            }
        }
    }

    /// Writes only the difference, because most transitions move one timer and no task.
    fn index(&mut self, owner: TimerOwner, before: &LeadIndex, after: &LeadIndex) {
        self.timer(owner, before.timer, after.timer);
        for gone in before.queue.iter().filter(|key| after.queue.binary_search(key).is_err()) {
            self.changes.delete(gone);
        }
        for new in after.queue.iter().filter(|key| !before.queue.contains(key)) {
            self.changes.put_empty(new);
        }
        for gone in before.questions.iter().filter(|key| !after.questions.contains(key)) {
            self.changes.delete(gone);
        }
        for new in after.questions.iter().filter(|key| !before.questions.contains(key)) {
            self.changes.put_empty(new);
        }
        let TimerOwner::Lead(lead) = owner else { return };
        if before.listens_to != after.listens_to {
            let key = |account| ListenerKey { account, lead };
            before.listens_to.into_iter().for_each(|account| self.changes.delete(&key(account)));
            after.listens_to.into_iter().for_each(|account| self.changes.put_empty(&key(account)));
        }
        match (before.unanswered, after.unanswered) {
            (true, false) => self.changes.delete(&UnansweredKey(lead)),
            (false, true) => self.changes.put_empty(&UnansweredKey(lead)),
            (true, true) | (false, false) => {}
        }
    }

    fn timer(&mut self, owner: TimerOwner, before: Option<Timestamp>, after: Option<Timestamp>) {
        if before != after {
            if let Some(at) = before {
                self.changes.delete(&(at, owner));
            }
            if let Some(at) = after {
                self.changes.put_empty(&(at, owner));
            }
        }
    }

    fn mark(&mut self, mark: &Mark) {
        let key = MarkKey { day: mark.day, event: MarkKey::hash(&mark.event) };
        self.put(&key, &MarkRecord { lead: mark.lead, body: None, content: mark.content });
    }

    fn account(&mut self, account: &Account, due_before: Option<Timestamp>) {
        self.put(&account.id, account);
        self.timer(TimerOwner::Account(account.id), due_before, account.next_due());
    }

    fn outbox(&mut self, write: &OutboxWrite) {
        match write {
            OutboxWrite::Put(row) => self.put(&OutboxKey { due: row.due, id: row.id }, row),
            OutboxWrite::Update { was_due, row } => {
                if *was_due != row.due {
                    self.delete(&OutboxKey { due: *was_due, id: row.id });
                }
                self.put(&OutboxKey { due: row.due, id: row.id }, row);
            }
            OutboxWrite::Remove { due, id } => self.delete(&OutboxKey { due: *due, id: *id }),
            OutboxWrite::Bury { was_due, letter } => {
                if let crate::records::DeadContent::Outgoing(row) = &letter.content {
                    self.delete(&OutboxKey { due: *was_due, id: row.id });
                }
                if let Some(delivery) = letter.delivery() {
                    self.put(&delivery, &letter.id);
                }
                self.put(&letter.id, letter);
            }
            OutboxWrite::Exhume { id, delivery } => {
                self.delete(id);
                if let Some(delivery) = delivery {
                    self.delete(delivery);
                }
            }
        }
    }

    /// Costs as much as was counted, however many counters there are.
    fn count(&mut self, name: &str, by: i64) {
        let before = self.remembered.counters.get(name).copied().unwrap_or_default();
        let (key, now) = (CounterKey(name.to_owned()), before.saturating_add(by));
        if now == before {
            return;
        }
        if now == 0 {
            self.remembered.counters.remove(name);
            return self.delete(&key);
        }
        self.put(&key, &now);
        self.remembered.counters.insert(key.0, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample;
    use crate::records::{BatchId, Epoch};

    #[test]
    fn a_batch_writes_what_it_counts_however_many_counters_there_are() {
        let mut batch = sample::intake(Epoch(1), BatchId(1), 0..64);
        batch.counted = [("leads".to_owned(), 64), ("step/7/3".to_owned(), 64), ("never".to_owned(), 0)].into();
        let records = [100, 100_000].map(|others| {
            let counters = (0..others).map(|n| (format!("step/{n}/1"), 1)).collect();
            let mut remembered = Remembered { counters, ..Remembered::default() };
            let mut changes = Changes::default();
            record(&batch, None, &mut remembered, &mut changes);
            assert_eq!(remembered.counters.len(), others + 2);
            changes.len()
        });
        assert_eq!(records[0], records[1]);
    }
}
