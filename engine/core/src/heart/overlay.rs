//! The changes of one command, laid over what was read. The command itself sees them at once, others only after they
//! were taken over. A command that stops leaves nothing behind.

use super::incoming::Mark;
use super::set::{Found, Key, WorkingSet, tasks_of};
use super::turn::Known;
use super::{Decide, Rules, Stop};
use crate::account::{Account, AccountFacts};
use crate::assignment::Pools;
use crate::effect::{Departure, Due, Outgoing, Question, Shadow};
use crate::event::{Answer, Event};
use crate::id::{AccountId, LeadId};
use crate::identity::{Identity, IdentityKey, Told};
use crate::journal::Entry;
use crate::lead::RepId;
use crate::plugin::DecisionKind;
use crate::state::{LeadState, PoolState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A lead that a command changed.
#[derive(Clone, Debug)]
pub struct ChangedLead {
    pub state: Arc<LeadState>,
    /// Journal entries that were pushed out of the state, oldest first.
    pub entries: Vec<Entry>,
}

/// What a command wants done outside, once it is durable.
#[derive(Debug)]
pub enum Outside {
    /// A new row for the outbox.
    Send(Box<Outgoing>),
    /// A question whose answer comes as an event.
    Ask(Box<Question>),
    /// A question to a build that is only watched.
    Watch(Box<Watched>),
    /// A dead letter: an enrolment about which a person has to decide.
    Bury(Box<Unclear>),
}

/// An enrolment whose condition has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclear {
    pub lead: LeadId,
    pub workflow: String,
    /// The id of the event, or of the schedule's firing.
    pub event: String,
    /// Why there is no answer.
    pub cause: String,
}

/// A decision that was taken, and the same question to a watched build.
#[derive(Debug)]
pub struct Watched {
    /// The question to the watched build.
    pub shadow: Shadow,
    pub kind: DecisionKind,
    /// The decision that was taken.
    pub answer: Answer,
}

/// An event that a lead was not told: its record cannot be read, or one transition could not hold all that came of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Untold {
    pub lead: LeadId,
    /// The event's id, for the journal.
    pub id: String,
    pub event: Event,
}

/// What a command changed.
#[derive(Debug, Default)]
pub struct Changes {
    pub leads: BTreeMap<LeadId, ChangedLead>,
    pub accounts: BTreeMap<AccountId, Arc<Account>>,
    pub identities: BTreeMap<IdentityKey, Arc<Identity>>,
    /// Keys made by older rules, which newer keys have replaced.
    pub forgotten: Vec<IdentityKey>,
    pub pools: BTreeMap<String, PoolState>,
    /// Owners that were chosen, for leads whose choice depended on how much each rep has to do.
    pub given: BTreeMap<LeadId, RepId>,
    pub marks: Vec<Mark>,
    /// Leads under an account's hold that the account does not list: `true` for one that comes under it,
    /// `false` for one that is no longer.
    pub held: Vec<(AccountId, LeadId, bool)>,
    /// Decisions that were taken: the lead, and the sequence number of the journal entry that holds them.
    pub decided: Vec<(LeadId, u64)>,
    /// What is to be done outside, in order.
    pub outside: Vec<Outside>,
    /// Events that leads were not told and are told later, in order.
    pub untold: Vec<Untold>,
    /// The number of transitions that changed a lead.
    pub transitions: usize,
    /// Leads with an overdue task about which nobody could be told, once for each such task.
    pub unheard: Vec<LeadId>,
    /// Leads to which one event led to more than is handled in one transition. The rest is among `untold`.
    pub cut_short: Vec<LeadId>,
    /// Messages of these leads at these places of the outbox were put off and are looked at again. What put them off is gone, or
    /// has changed.
    pub sooner: Vec<(LeadId, Due)>,
}

impl Changes {
    /// Whether nothing was changed and nothing is to be done.
    pub fn is_empty(&self) -> bool {
        let Self { leads, accounts, identities, forgotten, pools, marks, held, outside, untold, .. } = self;
        leads.is_empty()
            && accounts.is_empty()
            && identities.is_empty()
            && forgotten.is_empty()
            && pools.is_empty()
            && marks.is_empty()
            && held.is_empty()
            && outside.is_empty()
            && untold.is_empty()
    }
}

/// A command under way, with its changes so far.
pub(super) struct Overlay<'a> {
    pub(super) rules: Rules<'a>,
    set: &'a WorkingSet,
    pub(super) decide: &'a mut dyn Decide,
    /// Answers that this command has had, including those from earlier runs that were stopped.
    pub(super) answers: &'a mut Vec<Known>,
    pub(super) changes: Changes,
    /// What becomes of the message that the command is about.
    pub(super) departure: Option<Departure>,
    /// Leads that were created and have not been through a transition.
    new: BTreeMap<LeadId, Found<LeadState>>,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(
        rules: Rules<'a>,
        set: &'a WorkingSet,
        decide: &'a mut dyn Decide,
        answers: &'a mut Vec<Known>,
    ) -> Self {
        Self { rules, set, decide, answers, changes: Changes::default(), departure: None, new: BTreeMap::new() }
    }

    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }

    /// Creates a lead.
    pub(super) fn create(&mut self, id: LeadId) {
        self.new.insert(id, Some(LeadState::new(id, self.rules.now)).into());
    }

    /// A lead as it is now, with the changes of this command.
    pub(super) fn lead(&self, id: LeadId) -> Result<Found<LeadState>, Stop> {
        if let Some(changed) = self.changes.leads.get(&id) {
            return Ok(Found::One(Arc::clone(&changed.state)));
        }
        let known = self.new.get(&id).or_else(|| self.set.lead(id));
        known.cloned().ok_or_else(|| Stop::Unread(vec![Key::Lead(id)]))
    }

    /// The state of a lead as it is now, or `None` when it does not exist or cannot be read.
    pub(super) fn state(&self, id: LeadId) -> Result<Option<&LeadState>, Stop> {
        if let Some(changed) = self.changes.leads.get(&id) {
            return Ok(Some(&changed.state));
        }
        let known = self.new.get(&id).or_else(|| self.set.lead(id));
        known.map(Found::one).ok_or_else(|| Stop::Unread(vec![Key::Lead(id)]))
    }

    /// Stops unless all of these leads were read.
    pub(super) fn need_leads(&self, leads: &[LeadId]) -> Result<(), Stop> {
        all_read(leads.iter().filter(|id| self.state(**id).is_err()).map(|id| Key::Lead(*id)).collect())
    }

    /// Stops unless all of these leads and their accounts were read, because they are about to be told something.
    pub(super) fn need_to_tell(&self, leads: &[LeadId]) -> Result<(), Stop> {
        self.need_leads(leads)?;
        let accounts = leads.iter().filter_map(|id| self.state(*id).ok()??.lead.account);
        let unread = accounts.filter(|id| self.account(*id).is_err());
        all_read(unread.map(Key::Account).collect())
    }

    /// Takes a lead out for a transition, with the journal entries that earlier transitions pushed out of it.
    pub(super) fn take(&mut self, id: LeadId) -> Result<Option<ChangedLead>, Stop> {
        if let Some(changed) = self.changes.leads.remove(&id) {
            return Ok(Some(changed));
        }
        match self.lead(id)? {
            Found::One(state) => {
                self.new.remove(&id);
                Ok(Some(ChangedLead { state, entries: Vec::new() }))
            }
            Found::Nothing | Found::Damaged(_) => Ok(None),
        }
    }

    /// An account as it is now, with the changes of this command.
    pub(super) fn account(&self, id: AccountId) -> Result<Option<&Account>, Stop> {
        if let Some(changed) = self.changes.accounts.get(&id) {
            return Ok(Some(changed));
        }
        self.set.account(id).map(Found::one).ok_or_else(|| Stop::Unread(vec![Key::Account(id)]))
    }

    /// An account as it was read, without the changes of this command.
    pub(super) fn read_account(&self, id: AccountId) -> Option<&Found<Account>> {
        self.set.account(id)
    }

    /// What is known of an account. Nothing is known of one without a name.
    pub(super) fn facts(&self, account: Option<AccountId>) -> Result<Option<AccountFacts>, Stop> {
        let Some(id) = account else { return Ok(None) };
        Ok(self.account(id)?.filter(|account| !account.name.is_empty()).map(Account::facts))
    }

    /// Changes an account. One that cannot be read is left as it is.
    pub(super) fn change_account<T: Default>(
        &mut self,
        id: AccountId,
        change: impl FnOnce(&mut Account) -> T,
    ) -> Result<T, Stop> {
        let before = match (self.changes.accounts.get(&id), self.set.account(id)) {
            (Some(changed), _) | (None, Some(Found::One(changed))) => Arc::clone(changed),
            (None, Some(Found::Nothing)) => Arc::new(Account::new(id, String::new())),
            (None, Some(Found::Damaged(_))) => return Ok(T::default()),
            (None, None) => return Err(Stop::Unread(vec![Key::Account(id)])),
        };
        let mut account = Arc::clone(&before);
        let result = change(Arc::make_mut(&mut account));
        if account != before {
            self.changes.accounts.insert(id, account);
        }
        Ok(result)
    }

    /// What is known of a key now, with the changes of this command.
    pub(super) fn identity(&self, key: &IdentityKey) -> Result<Found<Identity>, Stop> {
        if let Some(changed) = self.changes.identities.get(key) {
            return Ok(Found::One(Arc::clone(changed)));
        }
        self.set.identity(key).cloned().ok_or_else(|| Stop::Unread(vec![Key::Identity(key.clone())]))
    }

    /// Tells a key something, and returns its answer and its record after that. A key that
    /// cannot be read is told nothing.
    pub(super) fn tell_identity(
        &mut self,
        key: &IdentityKey,
        tell: impl FnOnce(&mut Identity) -> Told,
    ) -> Result<Option<(Told, Arc<Identity>)>, Stop> {
        let mut identity = match self.identity(key)? {
            Found::One(known) => known,
            Found::Nothing => Arc::default(),
            Found::Damaged(_) => return Ok(None),
        };
        let told = tell(Arc::make_mut(&mut identity));
        if told.changed {
            self.changes.identities.insert(key.clone(), Arc::clone(&identity));
        }
        Ok(Some((told, identity)))
    }

    /// The mark of an event.
    pub(super) fn mark(&self, id: &str) -> Result<&Found<Mark>, Stop> {
        self.set.mark(id).ok_or_else(|| Stop::Unread(vec![Key::Mark(id.to_owned())]))
    }

    /// Stops unless all of these pools were read.
    pub(super) fn need_pools<'p>(&self, names: impl Iterator<Item = &'p String>) -> Result<(), Stop> {
        all_read(names.filter(|name| self.set.pool(name).is_none()).map(|name| Key::Pool(name.clone())).collect())
    }

    /// The load of each of these reps: their open tasks, and leads just given to them whose tasks are still to come.
    pub(super) fn loads(&self, reps: Vec<RepId>) -> Result<BTreeMap<RepId, u32>, Stop> {
        let unread = reps.iter().filter(|rep| self.set.open_tasks(rep).is_none());
        all_read(unread.map(|rep| Key::OpenTasks(rep.clone())).collect())?;
        let mut loads: BTreeMap<RepId, u32> = reps
            .into_iter()
            .map(|rep| (self.set.open_tasks(&rep).unwrap_or_default(), rep))
            .map(|(n, rep)| (rep, n))
            .collect();
        for (id, changed) in &self.changes.leads {
            let before = self.set.state(*id);
            for (rep, count) in &mut loads {
                let had = before.map_or(0, |state| tasks_of(state, rep));
                *count = count.saturating_sub(had).saturating_add(tasks_of(&changed.state, rep));
            }
        }
        let given = self.set.given().iter().filter(|(lead, _)| !self.changes.given.contains_key(lead));
        for (lead, owner) in given.chain(&self.changes.given) {
            let Some(count) = loads.get_mut(owner) else { continue };
            let changed = self.changes.leads.get(lead).map(|changed| &*changed.state);
            let has_one = changed.or_else(|| self.set.state(*lead)).is_some_and(|state| tasks_of(state, owner) > 0);
            *count = count.saturating_add(u32::from(!has_one));
        }
        Ok(loads)
    }

    /// What the pools remember, for choosing an owner.
    pub(super) const fn pools(&mut self) -> OverlaidPools<'_> {
        OverlaidPools { set: self.set, changed: &mut self.changes.pools }
    }
}

/// Stops for want of these records, if there are any.
fn all_read(unread: Vec<Key>) -> Result<(), Stop> {
    if unread.is_empty() { Ok(()) } else { Err(Stop::Unread(unread)) }
}

/// What the pools remember. A pool from which an owner is chosen is copied before it changes.
pub(super) struct OverlaidPools<'a> {
    set: &'a WorkingSet,
    changed: &'a mut BTreeMap<String, PoolState>,
}

impl Pools for OverlaidPools<'_> {
    fn pool(&mut self, name: &str) -> &mut PoolState {
        if !self.changed.contains_key(name) {
            self.changed.insert(name.to_owned(), self.set.pool(name).cloned().unwrap_or_default());
        }
        self.changed.entry(name.to_owned()).or_default()
    }
}
