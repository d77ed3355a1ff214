//! State in memory: what the open batch and the batch being flushed have changed, and so must be read from here rather
//! than from the store. A lead leaves when its batch has settled, so memory does not grow with what is waiting.

use super::batch::OpenBatch;
use crate::counts;
use cadenza_core::account::Account;
use cadenza_core::id::{AccountId, Digest, LeadId};
use cadenza_core::identity::{Identity, IdentityKey, Told};
use cadenza_core::journal::Entry;
use cadenza_core::lead::RepId;
use cadenza_core::plugin::Segment;
use cadenza_core::run::RunState;
use cadenza_core::state::{LeadState, PoolState};
use cadenza_core::task::{Assignee, Task};
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::StepIx;
use cadenza_store::{Batch, BatchId, Counters, Epoch, LeadIndex, LeadWrite, Mark};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A lead in memory.
pub(crate) struct CachedLead {
    /// As it is now.
    pub(crate) state: Arc<LeadState>,
    /// Its indexes as of the last batch that wrote it.
    index: LeadIndex,
    /// What the counters count of it as of that batch.
    counted: Counted,
    /// Journal entries pushed out since.
    pub(crate) entries: Vec<Entry>,
    /// The batch that will write it, or did.
    written_in: u64,
    dirty: bool,
}

/// What the counters count of one lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counted {
    known: bool,
    untaken: bool,
    segment: Option<Segment>,
    steps: Vec<(Digest, StepIx, bool)>,
    tasks: usize,
    /// The class of how long the lead waited for its first call.
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

    fn add_to(&self, counters: &mut Counters, sign: i64) {
        let mut add = |name: String, by: i64| {
            let value = counters.values.entry(name).or_default();
            *value += by * sign;
        };
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
            add(format!("{state}/{workflow}/{}", step.0), 1);
        }
        if self.tasks > 0 {
            add("tasks".to_owned(), self.tasks as i64);
        }
        if let Some(class) = self.first_call {
            add(format!("first_call/{class}"), 1);
        }
    }
}

struct CachedAccount {
    account: Account,
    due_before: Option<Timestamp>,
    written_in: u64,
    dirty: bool,
}

struct CachedIdentity {
    identity: Identity,
    written_in: u64,
    dirty: bool,
}

/// State in memory.
pub(crate) struct WorkingSet {
    leads: BTreeMap<LeadId, CachedLead>,
    accounts: BTreeMap<AccountId, CachedAccount>,
    /// Pools stay: there are as many as the workspace names.
    pools: BTreeMap<String, PoolState>,
    pools_dirty: Vec<String>,
    identities: BTreeMap<IdentityKey, CachedIdentity>,
    identities_dirty: Vec<IdentityKey>,
    identities_forgotten: Vec<IdentityKey>,
    marks: BTreeMap<String, (Mark, u64)>,
    /// Owners chosen in batches that have not settled, with the batch: their tasks may be still to come.
    given: BTreeMap<LeadId, (RepId, u64)>,
    new_marks: Vec<Mark>,
    schedules: Vec<(String, cadenza_core::state::ScheduleState)>,
    counters: Counters,
    counters_dirty: bool,
}

impl WorkingSet {
    /// Nothing in memory but the counters.
    pub(crate) fn new(counters: Counters) -> Self {
        Self {
            leads: BTreeMap::new(),
            accounts: BTreeMap::new(),
            pools: BTreeMap::new(),
            pools_dirty: Vec::new(),
            identities: BTreeMap::new(),
            identities_dirty: Vec::new(),
            identities_forgotten: Vec::new(),
            marks: BTreeMap::new(),
            given: BTreeMap::new(),
            new_marks: Vec::new(),
            schedules: Vec::new(),
            counters,
            counters_dirty: false,
        }
    }

    /// A lead, when it is in memory.
    pub(crate) fn lead(&self, id: LeadId) -> Option<&LeadState> {
        self.leads.get(&id).map(|cached| cached.state.as_ref())
    }

    /// Puts a lead into memory as the store has it; `new` when the store has none.
    pub(crate) fn put_lead(&mut self, state: LeadState, new: bool) {
        let index = if new { LeadIndex::default() } else { LeadIndex::of(&state) };
        let counted = if new { Counted::default() } else { Counted::of(&state) };
        let (id, state) = (state.lead.id, Arc::new(state));
        self.leads.insert(id, CachedLead { state, index, counted, entries: Vec::new(), written_in: 0, dirty: false });
    }

    /// Takes a lead out for a transition.
    pub(crate) fn take_lead(&mut self, id: LeadId) -> Option<CachedLead> {
        self.leads.remove(&id)
    }

    /// Puts it back, changed in the batch of this number.
    pub(crate) fn return_lead(&mut self, mut lead: CachedLead, changed_in: Option<u64>) {
        if let Some(number) = changed_in {
            lead.written_in = number;
            lead.dirty = true;
        }
        self.leads.insert(lead.state.lead.id, lead);
    }

    /// An account, when it is in memory.
    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id).map(|cached| &cached.account)
    }

    /// Puts an account into memory as the store has it.
    pub(crate) fn put_account(&mut self, account: Account) {
        let due_before = account.next_due();
        self.accounts.insert(account.id, CachedAccount { account, due_before, written_in: 0, dirty: false });
    }

    /// Changes an account in the batch of this number.
    pub(crate) fn change_account<T>(
        &mut self,
        id: AccountId,
        number: u64,
        change: impl FnOnce(&mut Account) -> T,
    ) -> Option<T> {
        let cached = self.accounts.get_mut(&id)?;
        let before = cached.account.clone();
        let result = change(&mut cached.account);
        if cached.account != before {
            cached.dirty = true;
            cached.written_in = number;
        }
        Some(result)
    }

    /// Whether a pool is in memory.
    pub(crate) fn has_pool(&self, name: &str) -> bool {
        self.pools.contains_key(name)
    }

    /// The pools in memory.
    pub(crate) const fn pools(&mut self) -> &mut BTreeMap<String, PoolState> {
        &mut self.pools
    }

    /// A pool changed.
    pub(crate) fn pool_changed(&mut self, name: String) {
        if !self.pools_dirty.contains(&name) {
            self.pools_dirty.push(name);
        }
    }

    /// An owner was chosen for a lead in the batch of this number.
    pub(crate) fn give(&mut self, lead: LeadId, owner: RepId, number: u64) {
        self.given.insert(lead, (owner, number));
    }

    /// Open tasks of a rep among the leads in memory, and leads just given that have none yet.
    pub(crate) fn given_to(&self, rep: &RepId) -> u32 {
        let is_theirs = |task: &&Task| matches!(&task.assignee, Assignee::Rep(assignee) if assignee == rep);
        let tasks = |cached: &CachedLead| cached.state.tasks.iter().filter(is_theirs).count();
        let open: usize = self.leads.values().map(tasks).sum();
        let to_come = self
            .given
            .iter()
            .filter(|(lead, (owner, _))| owner == rep && self.leads.get(lead).is_none_or(|cached| tasks(cached) == 0));
        u32::try_from(open + to_come.count()).unwrap_or(u32::MAX)
    }

    /// What is known of a key, when it is in memory.
    pub(crate) fn identity(&self, key: &IdentityKey) -> Option<&Identity> {
        self.identities.get(key).map(|cached| &cached.identity)
    }

    /// Puts a key into memory as the store has it; nothing is known of one that the store does not have.
    pub(crate) fn put_identity(&mut self, key: IdentityKey, identity: Identity) {
        self.identities.insert(key, CachedIdentity { identity, written_in: 0, dirty: false });
    }

    /// Tells a key that is in memory something, in the batch of this number.
    pub(crate) fn change_identity(
        &mut self,
        key: &IdentityKey,
        number: u64,
        tell: impl FnOnce(&mut Identity) -> Told,
    ) -> Option<Told> {
        let cached = self.identities.get_mut(key)?;
        let told = tell(&mut cached.identity);
        if told.changed {
            cached.written_in = number;
            if !std::mem::replace(&mut cached.dirty, true) {
                self.identities_dirty.push(key.clone());
            }
        }
        Some(told)
    }

    /// A key by older rules is forgotten.
    pub(crate) fn forget_identity(&mut self, key: IdentityKey) {
        self.identities_forgotten.push(key);
    }

    /// An event's mark that is not yet in the store.
    pub(crate) fn mark(&self, event: &str) -> Option<&Mark> {
        self.marks.get(event).map(|(mark, _)| mark)
    }

    /// An event was applied.
    pub(crate) fn add_mark(&mut self, mark: Mark, number: u64) {
        self.marks.insert(mark.event.clone(), (mark.clone(), number));
        self.new_marks.push(mark);
    }

    /// A schedule's state is to be written.
    pub(crate) fn write_schedule(&mut self, id: String, state: cadenza_core::state::ScheduleState) {
        self.schedules.retain(|(other, _)| *other != id);
        self.schedules.push((id, state));
    }

    /// Everything changed since the last batch, with what the open batch brings along.
    pub(crate) fn batch(&mut self, open: &mut OpenBatch, epoch: Epoch, now: Timestamp) -> Batch {
        let mut batch = Batch::new(BatchId(open.number), epoch);
        let Self { leads, counters, counters_dirty, .. } = self;
        for cached in leads.values_mut().filter(|cached| cached.dirty) {
            cached.dirty = false;
            let index = LeadIndex::of(&cached.state);
            let counted = Counted::of(&cached.state);
            if counted != cached.counted {
                cached.counted.add_to(counters, -1);
                counted.add_to(counters, 1);
                *counters_dirty = true;
                cached.counted = counted;
            }
            batch.leads.push(LeadWrite {
                before: std::mem::replace(&mut cached.index, index),
                state: Arc::clone(&cached.state),
                entries: std::mem::take(&mut cached.entries),
            });
        }
        for cached in self.accounts.values_mut().filter(|cached| cached.dirty) {
            cached.dirty = false;
            batch.accounts.push((cached.account.clone(), cached.due_before));
            cached.due_before = cached.account.next_due();
        }
        for name in std::mem::take(&mut self.pools_dirty) {
            if let Some(state) = self.pools.get(&name) {
                batch.pools.push((name, state.clone()));
            }
        }
        for key in std::mem::take(&mut self.identities_dirty) {
            if let Some(cached) = self.identities.get_mut(&key) {
                cached.dirty = false;
                batch.identities.push((key, cached.identity.clone()));
            }
        }
        batch.forget_identities = std::mem::take(&mut self.identities_forgotten);
        batch.marks = std::mem::take(&mut self.new_marks);
        batch.schedules = std::mem::take(&mut self.schedules);
        batch.held = std::mem::take(&mut open.held);
        batch.outbox = std::mem::take(&mut open.outbox);
        batch.documents = std::mem::take(&mut open.documents);
        batch.forget_decisions = std::mem::take(&mut open.forget_decisions);
        let decisions = std::mem::take(&mut open.decisions);
        batch.decisions = (!decisions.is_empty()).then_some((now, decisions));
        if std::mem::take(&mut self.counters_dirty) {
            self.counters.values.retain(|_, value| *value != 0);
            batch.counters = Some(self.counters.clone());
        }
        batch
    }

    /// The batch of this number is in the store: what it wrote is read from there again.
    pub(crate) fn settled(&mut self, number: u64) {
        self.leads.retain(|_, cached| cached.dirty || cached.written_in > number);
        self.accounts.retain(|_, cached| cached.dirty || cached.written_in > number);
        self.identities.retain(|_, cached| cached.dirty || cached.written_in > number);
        self.marks.retain(|_, (_, written_in)| *written_in > number);
        self.given.retain(|_, (_, given_in)| *given_in > number);
    }

    /// The earliest deadline of what is in memory: the store may not know it yet.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let leads = self.leads.values().filter_map(|cached| cached.state.next_due());
        let accounts = self.accounts.values().filter_map(|cached| cached.account.next_due());
        leads.chain(accounts).min()
    }
}
