//! What the open batch writes. Beside the heart's working set it keeps what was there before, since timers, places in queues and
//! counters are updated by the difference. What is neither in the open batch nor in the one being flushed leaves memory, so
//! memory does not grow with what is waiting.

use super::batch::OpenBatch;
use crate::counts;
use cadenza_core::heart::{Changes, Found, Kept, Key, Mark, WorkingSet};
use cadenza_core::id::{AccountId, Digest, LeadId};
use cadenza_core::identity::IdentityKey;
use cadenza_core::journal::Entry;
use cadenza_core::plugin::Segment;
use cadenza_core::run::RunState;
use cadenza_core::state::{LeadState, ScheduleState};
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::StepId;
use cadenza_store::{Batch, BatchId, Epoch, Holding, LeadIndex, LeadWrite, Position, SharedKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the counters count of one lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counted {
    known: bool,
    untaken: bool,
    segment: Option<Segment>,
    steps: Vec<(Digest, StepId, bool)>,
    tasks: usize,
    /// How long the lead waited for its first call, as a class.
    first_call: Option<&'static str>,
}

impl Counted {
    fn of(state: &LeadState) -> Self {
        let step =
            |run: &cadenza_core::run::Run| (run.workflow, run.step, matches!(run.state, RunState::Parked { .. }));
        Self {
            known: state.seq > 0,
            untaken: state.is_untaken(),
            segment: state.lead.segment,
            steps: state.runs.iter().map(step).collect(),
            tasks: state.tasks.len(),
            first_call: state.lead.first_call_ms.map(counts::first_call_class),
        }
    }

    fn add_to(&self, counted: &mut BTreeMap<String, i64>, sign: i64) {
        let mut add = |name: String, by: i64| *counted.entry(name).or_default() += by * sign;
        if self.known {
            add("leads".to_owned(), 1);
        }
        if self.untaken {
            add("untaken".to_owned(), 1);
        }
        if let Some(segment) = self.segment {
            add(format!("segment/{segment}"), 1);
        }
        for (workflow, step, parked) in &self.steps {
            let state = if *parked { "parked" } else { "step" };
            add(format!("{state}/{workflow}/{}", step.number()), 1);
        }
        if self.tasks > 0 {
            add("tasks".to_owned(), self.tasks as i64);
        }
        if let Some(class) = self.first_call {
            add(format!("first_call/{class}"), 1);
        }
    }
}

#[derive(Default)]
struct WrittenLead {
    /// The lead before that batch; none if it is new.
    before: Option<Arc<LeadState>>,
    /// Journal entries pushed out since.
    entries: Vec<Entry>,
}

/// The states that the open batch writes.
#[derive(Default)]
struct Written {
    leads: BTreeMap<LeadId, WrittenLead>,
    /// The accounts, each with the deadline that it had before.
    accounts: BTreeMap<AccountId, Option<Timestamp>>,
    identities: BTreeSet<IdentityKey>,
    identities_forgotten: Vec<IdentityKey>,
    pools: BTreeSet<String>,
    marks: Vec<Mark>,
    given: BTreeSet<LeadId>,
    schedules: BTreeMap<String, ScheduleState>,
}

/// States in memory, and which of them are to be written.
pub(super) struct Ledger {
    set: WorkingSet,
    open: Written,
    /// How far the store had come when this ledger began, if others write to it too. It applies to what was read before
    /// everything else (schedules, what is in force).
    began: Option<Position>,
    /// How far the store had come when each of these records was read; only records that others may write.
    seen: BTreeMap<SharedKey, Position>,
}

impl Ledger {
    /// An empty ledger. `began` is how far the store has come, if others write to it too.
    pub(super) fn new(began: Option<Position>) -> Self {
        Self { set: WorkingSet::default(), open: Written::default(), began, seen: BTreeMap::new() }
    }

    /// Notes how far the store has come, for those of the keys that are about to be read because they are not in memory.
    pub(super) fn looks(&mut self, position: Option<Position>, keys: &[Key]) {
        let Some(position) = position else { return };
        for key in keys.iter().filter(|key| !self.set.has(key)) {
            let shared = match key {
                Key::Account(id) => SharedKey::Account(*id),
                Key::Identity(key) => SharedKey::Identity(key.clone()),
                Key::Mark(id) => SharedKey::Mark(id.clone()),
                Key::Lead(_) | Key::Pool(_) | Key::OpenTasks(_) => continue,
            };
            self.seen.insert(shared, position);
        }
    }

    pub(super) const fn set(&self) -> &WorkingSet {
        &self.set
    }

    /// The set, for records to be read into.
    pub(super) const fn set_mut(&mut self) -> &mut WorkingSet {
        &mut self.set
    }

    /// Takes over what a command changed.
    pub(super) fn take(&mut self, mut changes: Changes) {
        for (id, changed) in &mut changes.leads {
            let written = self.open.leads.entry(*id).or_insert_with(|| {
                let before = self.set.lead(*id).and_then(|found| match found {
                    Found::One(state) => Some(Arc::clone(state)),
                    Found::Nothing | Found::Damaged(_) => None,
                });
                WrittenLead { before, entries: Vec::new() }
            });
            written.entries.append(&mut changed.entries);
        }
        for id in changes.accounts.keys() {
            let before = || self.set.account(*id).and_then(Found::one).and_then(|account| account.next_due());
            self.open.accounts.entry(*id).or_insert_with(before);
        }
        self.open.identities.extend(changes.identities.keys().cloned());
        self.open.identities_forgotten.append(&mut changes.forgotten);
        self.open.pools.extend(changes.pools.keys().cloned());
        self.open.marks.extend(changes.marks.iter().cloned());
        self.open.given.extend(changes.given.keys().copied());
        self.set.apply(changes);
    }

    /// Whether the open batch writes leads, and so journal entries.
    pub(super) fn writes_leads(&self) -> bool {
        !self.open.leads.is_empty()
    }

    /// Notes that a schedule's state is to be written.
    pub(super) fn write_schedule(&mut self, id: String, state: ScheduleState) {
        self.open.schedules.insert(id, state);
    }

    /// Everything changed since the last batch, together with what the open batch brings.
    pub(super) fn batch(&mut self, open: &mut OpenBatch, epoch: Epoch, holding: &Holding, now: Timestamp) -> Batch {
        let mut batch = Batch::new(BatchId(open.number), epoch);
        (batch.term, batch.at) = (holding.term, now);
        let Written { leads, accounts, identities, identities_forgotten, pools, marks, given: _, schedules } =
            std::mem::take(&mut self.open);
        for (id, WrittenLead { before, entries }) in leads {
            let Some(Found::One(state)) = self.set.lead(id) else { continue };
            count(&mut batch.counted, before.as_deref(), state);
            let before = before.as_deref().map(LeadIndex::of).unwrap_or_default();
            batch.leads.push(LeadWrite { before, state: Arc::clone(state), entries });
        }
        let known = |id: AccountId| self.set.account(id).and_then(Found::one).cloned();
        batch.accounts = accounts.into_iter().filter_map(|(id, due_before)| Some((known(id)?, due_before))).collect();
        let known = |name: &String| self.set.pool(name).cloned();
        batch.pools = pools
            .into_iter()
            .filter_map(|name| Some((known(&name)?, name)))
            .map(|(state, name)| (name, state))
            .collect();
        let known = |key: &IdentityKey| self.set.identity(key).and_then(Found::one).cloned();
        batch.identities = identities
            .into_iter()
            .filter_map(|key| Some((known(&key)?, key)))
            .map(|(known, key)| (key, known))
            .collect();
        batch.forget_identities = identities_forgotten;
        batch.marks = marks;
        batch.schedules = schedules.into_iter().collect();
        batch.held = std::mem::take(&mut open.held);
        batch.sent = std::mem::take(&mut open.sent);
        batch.received = std::mem::take(&mut open.received);
        batch.outbox = std::mem::take(&mut open.outbox);
        batch.documents = std::mem::take(&mut open.documents);
        batch.forget_feed = std::mem::take(&mut open.forget_feed);
        batch.decisions = std::mem::take(&mut open.decisions);
        if let Some(began) = self.began {
            let seen = |key: SharedKey| {
                let seen = self.seen.get(&key).copied().unwrap_or(began);
                (key, seen)
            };
            batch.seen = batch.shared().map(seen).collect();
        }
        batch
    }

    /// No batch is being flushed any more: records that the open one has not changed are dropped, and read from the store when
    /// needed.
    pub(super) fn settled(&mut self) {
        let open = &self.open;
        let marks: BTreeSet<&str> = open.marks.iter().map(|mark| mark.event.as_str()).collect();
        self.set.retain(|kept| match kept {
            Kept::Lead(id) => open.leads.contains_key(&id),
            Kept::Account(id) => open.accounts.contains_key(&id),
            Kept::Identity(key) => open.identities.contains(key),
            Kept::Mark(id) => marks.contains(id),
            Kept::Given(lead) => open.given.contains(&lead),
        });
        self.seen.retain(|key, _| match key {
            SharedKey::Account(id) => open.accounts.contains_key(id),
            SharedKey::Identity(key) => open.identities.contains(key),
            SharedKey::Mark(id) => marks.contains(id.as_str()),
            SharedKey::Schedule(_) | SharedKey::Document(_) => false,
        });
    }
}

/// Counts a lead as it is now, and no longer as it was.
fn count(counted: &mut BTreeMap<String, i64>, before: Option<&LeadState>, after: &LeadState) {
    let (was, is) = (before.map(Counted::of).unwrap_or_default(), Counted::of(after));
    if was != is {
        was.add_to(counted, -1);
        is.add_to(counted, 1);
    }
}
