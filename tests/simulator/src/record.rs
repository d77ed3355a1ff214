//! What everybody outside of the engine knows: what was acknowledged, what was shown, what left. Checkers go by this, and by
//! nothing that the engine says of itself.

use crate::faults::{Name, Tally};
use cadenza_core::effect::Outgoing;
use cadenza_core::event::Event;
use cadenza_core::id::{EffectId, LeadId};
use cadenza_core::journal::Entry;
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_runtime::engine::Incoming;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What became of a command, as whoever gave it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Acknowledged: it came to this lead.
    Taken(LeadId),
    /// Refused for what it says.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// An event from outside.
pub(crate) struct Told {
    pub(crate) incoming: Incoming,
    /// When it came first.
    pub(crate) came_at: Timestamp,
    pub(crate) fate: Fate,
}

/// Something that somebody did to a lead. It has no mark: told again it would be done again, so it is told once.
pub(crate) struct Act {
    /// The id that its entry in the journal has.
    pub(crate) id: String,
    pub(crate) lead: LeadId,
    pub(crate) fate: Fate,
    /// The journal has an entry of it, as the answer says.
    pub(crate) noted: bool,
}

/// One attempt that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Departed {
    /// The key that the other side sees.
    pub(crate) key: EffectId,
    /// All that is said in it.
    pub(crate) body: String,
    /// To which address, where it is a mail.
    pub(crate) to: Option<String>,
    /// An earlier attempt under this key failed, as the engine was told.
    pub(crate) failed_before: bool,
}

/// All of it.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) told: Vec<Told>,
    pub(crate) acts: Vec<Act>,
    /// Leads in the order in which they were heard of.
    pub(crate) leads: Vec<LeadId>,
    /// The newest entry of a lead's journal whenever a lead was shown.
    pub(crate) shown: BTreeMap<(LeadId, u64), Entry>,
    /// Leads whose opt-out was acknowledged.
    pub(crate) opted_out: BTreeSet<LeadId>,
    /// Addresses that such an opt-out named.
    pub(crate) addresses: BTreeSet<String>,
    pub(crate) departed: Vec<Departed>,
    /// Keys under which something failed, as the engine was told.
    pub(crate) failed: BTreeSet<EffectId>,
    /// Keys under which something was taken.
    pub(crate) taken: BTreeSet<EffectId>,
    /// When the clock went back: from what time, and to which. What a schedule handled later than that counts as handled then,
    /// so its firings come again.
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

/// It, shared by everybody who adds to it.
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

    /// Somebody outside saw a lead: what it saw must stay true.
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

/// An entry as it is kept: how long a plugin took by the clock of the machine is not.
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
    /// A lead was heard of.
    pub(crate) fn meet(&mut self, lead: LeadId) {
        if !self.leads.contains(&lead) {
            self.leads.push(lead);
        }
    }

    /// A life begins at this time, or is at it.
    pub(crate) fn is_at(&mut self, now: Timestamp, begins: bool) {
        if begins && now < self.latest {
            self.set_back.push((self.latest, now));
            self.latest = now;
        }
        self.latest = self.latest.max(now);
    }

    /// Whether this time may have come twice, since the clock went back.
    pub(crate) fn came_twice(&self, at: Timestamp) -> bool {
        self.set_back.iter().any(|(from, to)| *to < at && at <= *from)
    }

    /// Something leaves.
    pub(crate) fn departs(&mut self, row: &Outgoing, to: Option<String>, body: String) {
        let failed_before = self.failed.contains(&row.id);
        self.departed.push(Departed { key: row.id, body, to, failed_before });
    }
}

/// When a seed begins: Monday, 2 March 2026, nine o'clock in UTC.
pub(crate) const BEGIN: Timestamp = Timestamp::from_ms(1_772_442_000_000);
