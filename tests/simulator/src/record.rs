//! What everybody outside the engine knows: what was acknowledged, what was shown, what left. Checkers go by this, and by nothing
//! that the engine says of itself.

use crate::faults::{Name, Tally};
use cadenza_core::effect::Outgoing;
use cadenza_core::event::Event;
use cadenza_core::id::{EffectId, LeadId, RunId};
use cadenza_core::journal::Entry;
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_runtime::engine::Incoming;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What became of a command, as far as its sender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was acknowledged, and went to this lead.
    Taken(LeadId),
    /// It was refused for its content.
    Refused,
    Unknown,
}

/// An event from outside.
pub(crate) struct Told {
    pub(crate) incoming: Incoming,
    /// When the event first came.
    pub(crate) came_at: Timestamp,
    pub(crate) fate: Fate,
}

/// Something that somebody did to a lead. It has no mark, so if it were sent again it would be done again; it is sent once.
pub(crate) struct Act {
    /// The id of its entry in the journal.
    pub(crate) id: String,
    pub(crate) lead: LeadId,
    pub(crate) fate: Fate,
    /// Whether the journal has an entry of it, according to the answer.
    pub(crate) noted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Departed {
    pub(crate) effect: EffectId,
    /// The key that the receiver sees.
    pub(crate) key: String,
    /// Everything that the message says.
    pub(crate) body: String,
    /// The address, if the message is a mail.
    pub(crate) to: Option<String>,
}

/// What identifies a message apart from its number: its lead, its run, and when it was made.
type Which = (LeadId, RunId, Timestamp);

/// Everything that is known outside.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) told: Vec<Told>,
    pub(crate) acts: Vec<Act>,
    /// Leads in the order in which they became known.
    pub(crate) leads: Vec<LeadId>,
    /// The newest journal entry of a lead, from each time it was shown.
    pub(crate) shown: BTreeMap<(LeadId, u64), Entry>,
    /// Leads whose opt-out was acknowledged.
    pub(crate) opted_out: BTreeSet<LeadId>,
    /// Addresses that such an opt-out named.
    pub(crate) addresses: BTreeSet<String>,
    pub(crate) departed: Vec<Departed>,
    /// Messages that were taken.
    pub(crate) taken: BTreeSet<EffectId>,
    /// What left under each key, including before any backup that was restored.
    ever_left: BTreeMap<String, Which>,
    /// When the clock was set back: from what time, and to which.
    pub(crate) set_back: Vec<(Timestamp, Timestamp)>,
    /// The latest time that was shown.
    pub(crate) latest: Timestamp,
    /// What does not hold.
    pub(crate) wrong: Vec<String>,
    pub(crate) lines: Vec<String>,
    /// Whether lines are wanted.
    pub(crate) speaks: bool,
    pub(crate) tally: Tally,
    /// What came from outside, by `steps::origin`.
    pub(crate) from_outside: BTreeSet<&'static str>,
}

/// The record, shared by everybody who adds to it.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Record>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn say(&self, line: impl FnOnce() -> String) {
        let mut record = self.lock();
        if record.speaks {
            let line = line();
            record.lines.push(line);
        }
    }

    pub(crate) fn wrong(&self, what: String) {
        self.say(|| format!("WRONG: {what}"));
        self.lock().wrong.push(what);
    }

    pub(crate) fn count(&self, name: Name) {
        self.lock().tally.count(name);
    }

    /// Notes that somebody outside saw a lead. What they saw must stay true.
    pub(crate) fn show(&self, state: &LeadState) {
        let Some(latest) = state.latest.as_ref().map(as_kept) else { return };
        let key = (state.lead.id, latest.seq);
        let before = self.lock().shown.insert(key, latest.clone());
        if let Some(before) = before.filter(|before| *before != latest) {
            let (seq, lead) = (key.1, key.0);
            self.wrong(format!("entry {seq} of {lead} was shown as {before:?} and then as {latest:?}"));
        }
    }
}

/// An entry as it is kept, which is without the time that a plugin took by the clock of the machine.
fn as_kept(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    for event in entry.personal.iter_mut().flat_map(|personal| &mut personal.events) {
        if let Event::Decided(answer) = event {
            answer.cost.wall_ns = 0;
        }
    }
    entry
}

impl Record {
    /// Notes that a lead became known.
    pub(crate) fn meet(&mut self, lead: LeadId) {
        if !self.leads.contains(&lead) {
            self.leads.push(lead);
        }
    }

    /// Notes that a life begins at this time, or has reached it.
    pub(crate) fn is_at(&mut self, now: Timestamp, begins: bool) {
        if begins && now < self.latest {
            self.set_back.push((self.latest, now));
            self.latest = now;
        }
        self.latest = self.latest.max(now);
    }

    /// Whether this time may have come twice because the clock was set back.
    pub(crate) fn came_twice(&self, at: Timestamp) -> bool {
        self.set_back.iter().any(|(from, to)| *to < at && at <= *from)
    }

    /// Notes that a message leaves. Its receiver knows the key for ever, no matter what is restored on this side.
    pub(crate) fn departs(&mut self, row: &Outgoing, to: Option<String>, body: String) {
        let (key, which) = (row.key(), (row.lead, row.run, row.made_at));
        let first = *self.ever_left.entry(key.clone()).or_insert(which);
        if first != which {
            self.wrong.push(format!("under {key} {first:?} left, and now {which:?}"));
        }
        self.departed.push(Departed { effect: row.id, key, body, to });
    }

    /// What is known now, for a backup that is begun.
    pub(crate) fn known(&self) -> Known {
        Known {
            told: self.told.iter().map(|told| told.fate).collect(),
            acts: self.acts.iter().map(|act| act.fate).collect(),
            leads: self.leads.len(),
            shown: self.shown.clone(),
            opted_out: self.opted_out.clone(),
            addresses: self.addresses.clone(),
            departed: self.departed.len(),
            taken: self.taken.clone(),
            latest: self.latest,
        }
    }

    /// Goes back to what was known when the restored backup was begun. Everything after that is lost, and nothing else. Events
    /// that came since may come again; what people did since must not show in any journal.
    pub(crate) fn back_to(&mut self, known: Known) {
        let Known { told, acts, leads, shown, opted_out, addresses, departed, taken, latest } = known;
        let fates = told.into_iter().map(Some).chain(std::iter::repeat(None));
        for (told, before) in self.told.iter_mut().zip(fates) {
            told.fate = before.unwrap_or(match told.fate {
                Fate::Refused => Fate::Refused,
                Fate::Taken(_) | Fate::Unknown => Fate::Unknown,
            });
        }
        let fates = acts.into_iter().chain(std::iter::repeat(Fate::Refused));
        self.acts.iter_mut().zip(fates).for_each(|(act, fate)| act.fate = fate);
        self.leads.truncate(leads);
        self.departed.truncate(departed);
        (self.shown, self.opted_out, self.addresses) = (shown, opted_out, addresses);
        (self.taken, self.latest) = (taken, latest);
    }
}

/// What everybody outside knew when a backup was begun.
pub(crate) struct Known {
    told: Vec<Fate>,
    acts: Vec<Fate>,
    leads: usize,
    shown: BTreeMap<(LeadId, u64), Entry>,
    opted_out: BTreeSet<LeadId>,
    addresses: BTreeSet<String>,
    departed: usize,
    taken: BTreeSet<EffectId>,
    latest: Timestamp,
}

/// When a seed begins: Monday, 2 March 2026, nine o'clock in UTC.
pub(crate) const BEGIN: Timestamp = Timestamp::from_ms(1_772_442_000_000);
