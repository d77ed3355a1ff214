//! The closed set of commands: what each needs to know, and what came of it.

use super::incoming::{Accepted, Incoming};
use super::overlay::Overlay;
use super::set::{Found, Key, WorkingSet};
use super::turn::drop_notes;
use super::{Rejected, Rules, Stop};
use crate::account::AccountFacts;
use crate::effect::{Departure, Outgoing};
use crate::event::Event;
use crate::expr::{Expr, Fault, Object};
use crate::id::{AccountId, LeadId, RunId};
use crate::identity::{IdentityKey, RULES_VERSION};
use crate::journal::Note;
use crate::state::LeadState;
use crate::step::{View, is_told_of_release};
use crate::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// One unit of computation; its changes are kept or dropped as a whole.
#[derive(Clone, Debug)]
pub enum Command {
    /// An event from outside, with the keys that it names, strongest first.
    Report(Box<Incoming>, Vec<IdentityKey>),
    /// An event of a lead.
    Event {
        lead: LeadId,
        /// The event's id, for the journal.
        id: String,
        event: Box<Event>,
    },
    /// Something of a lead falls due.
    Due(LeadId),
    /// A message falls due.
    Depart(Box<Outgoing>),
    /// Something of an account falls due.
    AccountDue(AccountId),
    /// A hold is over, and leads that its account does not list are told.
    HoldEnded {
        account: AccountId,
        page: Vec<LeadId>,
        /// Whether this is the last page.
        last: bool,
    },
    /// An event of one lead is passed on to others of its account.
    PassOn {
        account: AccountId,
        page: Vec<LeadId>,
        /// Whether this is the last page.
        last: bool,
    },
    /// A schedule fires for a lead, which is enrolled if the schedule covers it.
    Enroll {
        lead: LeadId,
        /// The workflow into which the lead is enrolled.
        workflow: String,
        /// The id of the firing, for the journal.
        by: String,
        /// The condition for the leads that the schedule covers.
        leads: Arc<Expr>,
    },
    /// A brake was released: runs of this lead that stand still go on, if there are any. Time that people have to do something
    /// for them counts from the release.
    Release {
        lead: LeadId,
        /// The workflows that were released, and when.
        workflows: Arc<BTreeMap<String, Timestamp>>,
    },
    /// The team changed: tasks of this lead whose rep or pool is gone are moved, if there are any.
    Seat(LeadId),
    /// The decision pool has room for the question of a run.
    Call(RunId),
    /// The engine started again: questions of this lead whose answers were lost with the process are put again, if there are any.
    AskAgain(LeadId),
    /// A key made by older rules is replaced by the one that today's rules make.
    Raise(IdentityKey),
}

/// The result of a command.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// An event from outside has been applied, now or earlier.
    Accepted(Accepted),
    /// The notes of what happened to the lead, in order.
    Applied(Vec<Note>),
    /// What becomes of a message, and its outbox row as it is to be stored, unless the message is not to be sent any more.
    Departs(Box<Outgoing>, Departure),
    /// The command was carried out and has no result of its own.
    Done,
    Nothing,
}

/// The number of rounds in which everything is read that a command names or leads to, as far as that can be foreseen.
pub const ROUNDS: u8 = 4;

impl Command {
    /// Adds to `keys` what this command names or leads to and has not been read: in the first round what it names, in
    /// later rounds what that leads to. The command stops for want of anything not foreseen here.
    pub fn names(&self, round: u8, rules: Rules<'_>, set: &WorkingSet, keys: &mut Vec<Key>) {
        let mut unread = |key: Key| {
            if !set.has(&key) {
                keys.push(key);
            }
        };
        match self {
            Self::Report(incoming, named) => incoming.names(named, round, rules, set, &mut unread),
            Self::Event { lead, .. }
            | Self::Due(lead)
            | Self::Release { lead, .. }
            | Self::Seat(lead)
            | Self::AskAgain(lead) => one_lead(*lead, round, set, &mut unread),
            Self::Depart(row) => one_lead(row.lead, round, set, &mut unread),
            Self::Enroll { lead, workflow, leads, .. } => {
                // For leads that the schedule does not cover, nothing else is read.
                let is_meant = |state| {
                    leads.names(Object::Account) || is_meant(state, workflow, leads, None, rules).unwrap_or(true)
                };
                if round == 0 || set.state(*lead).is_some_and(is_meant) {
                    one_lead(*lead, round, set, &mut unread);
                }
            }
            Self::Call(run) => one_lead(run.lead(), round, set, &mut unread),
            Self::AccountDue(id) => {
                let account = set.account(*id).and_then(Found::one);
                let hold = account.and_then(|account| account.hold.as_ref());
                several(Key::Account(*id), hold.map_or(&[], |hold| &hold.leads), round, set, &mut unread);
            }
            Self::HoldEnded { account, page, .. } | Self::PassOn { account, page, .. } => {
                several(Key::Account(*account), page, round, set, &mut unread)
            }
            Self::Raise(key) => {
                let known = set.identity(key).and_then(Found::one);
                let holders = known.map_or(&[][..], |known| &known.holders);
                several(Key::Identity(key.clone()), holders, round, set, &mut unread);
            }
        }
    }
}

/// Whether a schedule covers a lead. A lead that is already in the workflow is left alone.
fn is_meant(
    state: &LeadState,
    workflow: &str,
    leads: &Expr,
    account: Option<&AccountFacts>,
    rules: Rules<'_>,
) -> Result<bool, Fault> {
    let Rules { live, definitions, now, .. } = rules;
    let is_in = state.runs.iter().any(|run| definitions.name(&run.workflow) == Some(workflow));
    Ok(!is_in && leads.holds(&View { account, ..View::of(state, live, definitions, now) })?)
}

/// A lead, and in the next round its account.
fn one_lead(lead: LeadId, round: u8, set: &WorkingSet, unread: &mut impl FnMut(Key)) {
    match round {
        0 => unread(Key::Lead(lead)),
        _ => set.state(lead).and_then(|state| state.lead.account).into_iter().for_each(|id| unread(Key::Account(id))),
    }
}

/// A first record, in the next round the leads that it names, and then their accounts.
fn several(first: Key, leads: &[LeadId], round: u8, set: &WorkingSet, unread: &mut impl FnMut(Key)) {
    if round == 0 {
        unread(first);
    } else {
        leads.iter().for_each(|lead| one_lead(*lead, round - 1, set, unread));
    }
}

impl Overlay<'_> {
    pub(super) fn run(&mut self, command: &Command) -> Result<Outcome, Stop> {
        let now = self.rules.now;
        match command {
            Command::Report(incoming, keys) => self.report(incoming, keys).map(Outcome::Accepted),
            Command::Event { lead, id, event } => {
                self.readable(*lead)?;
                if !self.is_still_so(event)? {
                    return Ok(Outcome::Nothing);
                }
                let events = VecDeque::from([Event::clone(event)]);
                self.transition(*lead, id, events, Vec::new(), <[Note]>::to_vec).map(Outcome::Applied)
            }
            Command::Due(lead) => {
                let is_due = self.readable(*lead)?.next_due().is_some_and(|at| at <= now);
                self.when(is_due, *lead, &format!("timer/{now}"), Event::TimerDue)
            }
            Command::Depart(row) => self.depart(row),
            Command::AccountDue(id) => self.account_due(*id),
            Command::HoldEnded { account, page, last } => self.hold_ended(*account, page, *last),
            Command::PassOn { account, page, last } => self.pass_on(*account, page, *last),
            Command::Enroll { lead, workflow, by, leads } => self.enroll(*lead, workflow, by, leads),
            Command::Release { lead, workflows } => {
                let is_told = is_told_of_release(self.readable(*lead)?, self.rules.definitions, workflows);
                let event = match workflows.is_empty() {
                    true => Event::Woken,
                    false => Event::Resumed(BTreeMap::clone(workflows)),
                };
                self.when(is_told, *lead, &format!("release/{now}"), event)
            }
            Command::Seat(lead) => {
                let team = &self.rules.live.settings.team;
                let unseated = self.readable(*lead)?.tasks.iter().any(|task| !team.seats(&task.assignee));
                self.when(unseated, *lead, &format!("team/{now}"), Event::Woken)
            }
            Command::Call(run) => {
                self.readable(run.lead())?;
                self.when(true, run.lead(), &format!("pool/{run}"), Event::PlaceFree(*run))
            }
            Command::AskAgain(lead) => {
                let is_unanswered = self.readable(*lead)?.is_unanswered();
                self.when(is_unanswered, *lead, &format!("restart/{now}"), Event::AnswersLost)
            }
            Command::Raise(key) => self.raise(key),
        }
    }

    /// The state of a lead that exists and can be read. Any other lead rejects the command.
    pub(super) fn readable(&self, id: LeadId) -> Result<&LeadState, Stop> {
        if let Found::Damaged(why) = self.lead(id)? {
            return Err(Rejected::Damaged(why.to_string()).into());
        }
        self.state(id)?.ok_or_else(|| Rejected::NoLead(id).into())
    }

    /// Whether what a key tells a lead still holds when it is told late: the key may have been bound or freed by now. A key that
    /// cannot be read is taken to be bound.
    fn is_still_so(&self, event: &Event) -> Result<bool, Stop> {
        let (key, why, bound) = match event {
            Event::Bound { key, binding } => (key, binding.why, true),
            Event::Unbound { key, why } => (key, *why, false),
            _ => return Ok(true),
        };
        let is_bound = match self.identity(key)? {
            Found::One(known) => known.bindings.iter().any(|binding| binding.why == why),
            Found::Nothing => false,
            Found::Damaged(_) => true,
        };
        Ok(is_bound == bound)
    }

    fn when(&mut self, it_is_so: bool, lead: LeadId, id: &str, event: Event) -> Result<Outcome, Stop> {
        if !it_is_so {
            return Ok(Outcome::Nothing);
        }
        self.transition(lead, id, VecDeque::from([event]), Vec::new(), <[Note]>::to_vec).map(Outcome::Applied)
    }

    fn depart(&mut self, row: &Outgoing) -> Result<Outcome, Stop> {
        self.readable(row.lead)?;
        let event = VecDeque::from([Event::MessageDue(row.falls_due())]);
        self.transition(row.lead, &row.id.to_string(), event, Vec::new(), drop_notes)?;
        let row = row.clone();
        // `step` says of every message that falls due what becomes of it.
        Ok(match self.departure.take() {
            Some(now @ Departure::Now(_)) => Outcome::Departs(Box::new(row.begun(self.rules.now)), now),
            Some(Departure::Later(why)) => Outcome::Departs(Box::new(row.put_off(why)), Departure::Later(why)),
            Some(Departure::Never) => Outcome::Departs(Box::new(row), Departure::Never),
            None => Outcome::Nothing,
        })
    }

    fn enroll(&mut self, lead: LeadId, workflow: &str, by: &str, leads: &Expr) -> Result<Outcome, Stop> {
        let state = self.readable(lead)?;
        let account = self.facts(state.lead.account.filter(|_| leads.names(Object::Account)))?;
        let is_meant = match is_meant(state, workflow, leads, account.as_ref(), self.rules) {
            Ok(is_meant) => is_meant,
            Err(fault) => {
                // The lead's own story says so, and a person has to look.
                let unclear = Event::Unclear { workflow: workflow.to_owned(), cause: fault.to_string() };
                return self.when(true, lead, by, unclear);
            }
        };
        let event = Event::Enrolled { workflow: workflow.to_owned(), by: by.to_owned(), key: None };
        self.when(is_meant, lead, by, event)
    }

    /// Tells the leads that have an old key, which then tell their new keys, and forgets the old one.
    fn raise(&mut self, key: &IdentityKey) -> Result<Outcome, Stop> {
        let identity = self.identity(key)?;
        let holders = identity.one().map_or(&[][..], |known| &known.holders);
        let told = holders.iter().map(|lead| (*lead, Event::RulesRaised(key.clone()))).collect();
        self.tell_others(told, &format!("rules/{RULES_VERSION}"))?;
        self.changes.forgotten.push(key.clone());
        Ok(Outcome::Done)
    }
}
