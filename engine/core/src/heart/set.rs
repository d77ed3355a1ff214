//! The working set: what was read, and what commands have changed since. A key in it is unread, absent or present. The
//! difference matters: a record that is absent may be created, one that is unread must be read first.

use super::incoming::Mark;
use super::overlay::{ChangedLead, Changes};
use crate::account::Account;
use crate::id::{AccountId, LeadId};
use crate::identity::{Identity, IdentityKey};
use crate::lead::RepId;
use crate::state::{LeadState, PoolState};
use crate::task::Assignee;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of a record that a command may need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Lead(LeadId),
    Account(AccountId),
    /// What is known of an address, a number or an id.
    Identity(IdentityKey),
    Pool(String),
    /// The number of a rep's open tasks.
    OpenTasks(RepId),
    /// Whether an event with this id was applied.
    Mark(String),
}

/// What a read found.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Found<T> {
    /// There is no such record.
    #[default]
    Nothing,
    One(Arc<T>),
    /// There is a record that cannot be read; the text says why.
    Damaged(Arc<str>),
}

impl<T> Found<T> {
    /// The record, when there is one that can be read.
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
    Lead(LeadId, Found<LeadState>),
    Account(AccountId, Found<Account>),
    Identity(IdentityKey, Found<Identity>),
    Pool(String, PoolState),
    /// The number of a rep's open tasks on leads that the set does not hold.
    OpenTasks(RepId, u32),
    Mark(String, Found<Mark>),
}

/// The records in memory, by kind.
#[derive(Debug, Default)]
pub struct WorkingSet {
    leads: BTreeMap<LeadId, Found<LeadState>>,
    accounts: BTreeMap<AccountId, Found<Account>>,
    identities: BTreeMap<IdentityKey, Found<Identity>>,
    marks: BTreeMap<String, Found<Mark>>,
    /// No more of them than pools in the workspace.
    pools: BTreeMap<String, PoolState>,
    /// Kept for reps whose load was asked for, and updated by the difference that each change of a lead makes.
    open_tasks: BTreeMap<RepId, u32>,
    /// Owners that were chosen, and whose tasks may still be to come.
    given: BTreeMap<LeadId, RepId>,
}

/// How many of a lead's open tasks belong to a rep.
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

    /// Adds a record that was read. It never replaces a record in the set, which may be newer.
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

    /// A lead, or `None` when it was not read.
    pub fn lead(&self, id: LeadId) -> Option<&Found<LeadState>> {
        self.leads.get(&id)
    }

    /// The state of a lead that was read, exists and can be read.
    pub fn state(&self, id: LeadId) -> Option<&LeadState> {
        self.leads.get(&id)?.one()
    }

    /// An account, or `None` when it was not read.
    pub fn account(&self, id: AccountId) -> Option<&Found<Account>> {
        self.accounts.get(&id)
    }

    /// What is known of a key, or `None` when it was not read.
    pub fn identity(&self, key: &IdentityKey) -> Option<&Found<Identity>> {
        self.identities.get(key)
    }

    /// An event's mark, or `None` when it was not read.
    pub fn mark(&self, id: &str) -> Option<&Found<Mark>> {
        self.marks.get(id)
    }

    /// What a pool remembers, or `None` when it was not read.
    pub fn pool(&self, name: &str) -> Option<&PoolState> {
        self.pools.get(name)
    }

    /// The number of a rep's open tasks, or `None` when they were not counted.
    pub(super) fn open_tasks(&self, rep: &RepId) -> Option<u32> {
        self.open_tasks.get(rep).copied()
    }

    /// The leads that were just given to a rep, each with that rep.
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
        // Add before subtracting: a count that saturated at zero in between would be wrong.
        count(after, u32::saturating_add);
        before.into_iter().for_each(|before| count(before, u32::saturating_sub));
    }

    /// Forgets leads, accounts, keys and marks that `keep` does not want; they are read again when they are needed.
    /// What pools remember and how much reps have to do is kept.
    pub fn retain(&mut self, mut keep: impl FnMut(Kept<'_>) -> bool) {
        self.leads.retain(|id, _| keep(Kept::Lead(*id)));
        self.accounts.retain(|id, _| keep(Kept::Account(*id)));
        self.identities.retain(|key, _| keep(Kept::Identity(key)));
        self.marks.retain(|id, _| keep(Kept::Mark(id)));
        self.given.retain(|lead, _| keep(Kept::Given(*lead)));
    }
}

/// Something that the working set may forget.
#[derive(Clone, Copy, Debug)]
pub enum Kept<'a> {
    Lead(LeadId),
    Account(AccountId),
    Identity(&'a IdentityKey),
    Mark(&'a str),
    /// That a lead was just given to a rep.
    Given(LeadId),
}
