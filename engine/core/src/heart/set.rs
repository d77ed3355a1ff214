//! What was read, and what commands made of it since: the working set. A key of it is unread, absent or present, and the
//! difference matters: what is absent may be created, what is unread must be read first.

use super::intake::Mark;
use super::overlay::{ChangedLead, Changes};
use crate::account::Account;
use crate::id::{AccountId, LeadId};
use crate::identity::{Identity, IdentityKey};
use crate::lead::RepId;
use crate::state::{LeadState, PoolState};
use crate::task::Assignee;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names something that a command may need to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A lead.
    Lead(LeadId),
    /// An account.
    Account(AccountId),
    /// What is known of an address, a number or an id.
    Identity(IdentityKey),
    /// What a pool remembers.
    Pool(String),
    /// How many open tasks a rep has.
    OpenTasks(RepId),
    /// Whether an event of this id was applied.
    Mark(String),
}

/// What a read found.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Found<T> {
    /// There is none.
    #[default]
    Nothing,
    /// There is one: this.
    One(Arc<T>),
    /// One that cannot be read: why, in words.
    Damaged(Arc<str>),
}

impl<T> Found<T> {
    /// What there is, when it can be read.
    pub fn one(&self) -> Option<&T> {
        if let Self::One(one) = self { Some(one) } else { None }
    }
}

impl<T> From<Option<T>> for Found<T> {
    fn from(read: Option<T>) -> Self {
        read.map_or(Self::Nothing, |one| Self::One(Arc::new(one)))
    }
}

/// A record as it was read.
#[derive(Clone, Debug)]
pub enum Record {
    /// A lead.
    Lead(LeadId, Found<LeadState>),
    /// An account.
    Account(AccountId, Found<Account>),
    /// What is known of a key.
    Identity(IdentityKey, Found<Identity>),
    /// What a pool remembers.
    Pool(String, PoolState),
    /// A rep's open tasks, in leads that the set does not hold.
    OpenTasks(RepId, u32),
    /// An event's mark.
    Mark(String, Found<Mark>),
}

/// What is in memory.
#[derive(Debug, Default)]
pub struct WorkingSet {
    leads: BTreeMap<LeadId, Found<LeadState>>,
    accounts: BTreeMap<AccountId, Found<Account>>,
    identities: BTreeMap<IdentityKey, Found<Identity>>,
    marks: BTreeMap<String, Found<Mark>>,
    /// As many as the workspace names.
    pools: BTreeMap<String, PoolState>,
    /// Of reps whose load somebody asked for; kept by the difference that each change of a lead makes.
    open_tasks: BTreeMap<RepId, u32>,
    /// Owners that were chosen, and whose tasks may be still to come.
    given: BTreeMap<LeadId, RepId>,
}

/// How many open tasks of a lead are a rep's.
pub(super) fn tasks_of(state: &LeadState, rep: &RepId) -> u32 {
    let theirs = state.tasks.iter().filter(|task| matches!(&task.assignee, Assignee::Rep(assignee) if assignee == rep));
    u32::try_from(theirs.count()).unwrap_or(u32::MAX)
}

impl WorkingSet {
    /// Whether a key was read.
    pub fn has(&self, key: &Key) -> bool {
        match key {
            Key::Lead(id) => self.leads.contains_key(id),
            Key::Account(id) => self.accounts.contains_key(id),
            Key::Identity(key) => self.identities.contains_key(key),
            Key::Pool(name) => self.pools.contains_key(name),
            Key::OpenTasks(rep) => self.open_tasks.contains_key(rep),
            Key::Mark(id) => self.marks.contains_key(id),
        }
    }

    /// Takes what was read. It never replaces what is here, which may be newer.
    pub fn put(&mut self, record: Record) {
        match record {
            Record::Lead(id, found) => drop(self.leads.entry(id).or_insert(found)),
            Record::Account(id, found) => drop(self.accounts.entry(id).or_insert(found)),
            Record::Identity(key, found) => drop(self.identities.entry(key).or_insert(found)),
            Record::Pool(name, state) => drop(self.pools.entry(name).or_insert(state)),
            Record::Mark(id, found) => drop(self.marks.entry(id).or_insert(found)),
            Record::OpenTasks(rep, elsewhere) => {
                let here = self.leads.values().filter_map(Found::one).map(|state| tasks_of(state, &rep));
                let count = here.fold(elsewhere, u32::saturating_add);
                self.open_tasks.entry(rep).or_insert(count);
            }
        }
    }

    /// A lead, when it was read.
    pub fn lead(&self, id: LeadId) -> Option<&Found<LeadState>> {
        self.leads.get(&id)
    }

    /// A lead that is there and can be read.
    pub fn state(&self, id: LeadId) -> Option<&LeadState> {
        self.leads.get(&id)?.one()
    }

    /// An account, when it was read.
    pub fn account(&self, id: AccountId) -> Option<&Found<Account>> {
        self.accounts.get(&id)
    }

    /// What is known of a key, when it was read.
    pub fn identity(&self, key: &IdentityKey) -> Option<&Found<Identity>> {
        self.identities.get(key)
    }

    /// An event's mark, when it was read.
    pub fn mark(&self, id: &str) -> Option<&Found<Mark>> {
        self.marks.get(id)
    }

    /// What a pool remembers, when it was read.
    pub fn pool(&self, name: &str) -> Option<&PoolState> {
        self.pools.get(name)
    }

    /// A rep's open tasks, when they were counted.
    pub(super) fn open_tasks(&self, rep: &RepId) -> Option<u32> {
        self.open_tasks.get(rep).copied()
    }

    /// Leads that were just given to a rep, and who that is.
    pub(super) const fn given(&self) -> &BTreeMap<LeadId, RepId> {
        &self.given
    }

    /// Takes over what a command changed.
    pub fn apply(&mut self, changes: Changes) {
        for (id, ChangedLead { state, .. }) in changes.leads {
            let before = self.leads.insert(id, Found::One(Arc::clone(&state)));
            self.recount(before.as_ref().and_then(Found::one), &state);
        }
        self.accounts.extend(changes.accounts.into_iter().map(|(id, account)| (id, Found::One(account))));
        self.identities.extend(changes.identities.into_iter().map(|(key, known)| (key, Found::One(known))));
        self.pools.extend(changes.pools);
        let marks = changes.marks.into_iter();
        self.marks.extend(marks.map(|mark| (mark.event.clone(), Found::One(Arc::new(mark)))));
        self.given.extend(changes.given);
    }

    fn recount(&mut self, before: Option<&LeadState>, after: &LeadState) {
        let mut count = |state: &LeadState, counted: fn(u32, u32) -> u32| {
            for task in &state.tasks {
                if let Assignee::Rep(rep) = &task.assignee
                    && let Some(count) = self.open_tasks.get_mut(rep)
                {
                    *count = counted(*count, 1);
                }
            }
        };
        // What is added first: a count that would go below nothing in between stays right.
        count(after, u32::saturating_add);
        before.into_iter().for_each(|before| count(before, u32::saturating_sub));
    }

    /// Forgets what is read again when it is needed: leads, accounts, keys and marks that nobody wants kept. What pools remember
    /// and how much reps have to do stays.
    pub fn retain(&mut self, mut keep: impl FnMut(Kept<'_>) -> bool) {
        self.leads.retain(|id, _| keep(Kept::Lead(*id)));
        self.accounts.retain(|id, _| keep(Kept::Account(*id)));
        self.identities.retain(|key, _| keep(Kept::Identity(key)));
        self.marks.retain(|id, _| keep(Kept::Mark(id)));
        self.given.retain(|lead, _| keep(Kept::Given(*lead)));
    }
}

/// Something that may be forgotten.
#[derive(Clone, Copy, Debug)]
pub enum Kept<'a> {
    /// A lead.
    Lead(LeadId),
    /// An account.
    Account(AccountId),
    /// What is known of a key.
    Identity(&'a IdentityKey),
    /// An event's mark.
    Mark(&'a str),
    /// That a lead was just given to a rep.
    Given(LeadId),
}
