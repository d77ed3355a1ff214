//! What happens to one lead is heard once by each other lead of its account that has a run which listens for it. What was heard
//! did happen, to another lead, while such a run was there. A run that is still there in the end, or was there long enough, heard
//! it. An event that changes nothing on the receiving lead leaves no entry, so the last promise is checked on runs that always
//! react. Definitions are read here from the kept workspaces, not by the code that asks who listens.

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::event::{Event, EventType};
use cadenza_core::expr::Expr;
use cadenza_core::id::{AccountId, Digest, LeadId};
use cadenza_core::journal::{Entry, Note};
use cadenza_core::state::LeadState;
use cadenza_core::time::{HOUR_MS, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// An event: the lead to which it happened, when it was handled there, and its type. Several events may share these.
type Which = (LeadId, Timestamp, EventType);

/// A run that listens to its account.
struct Listener {
    started_at: Timestamp,
    /// The number of the journal entry with which the run began.
    since: u64,
    until: u64,
    /// When the run ended.
    ended_at: Option<Timestamp>,
    hears: Heard,
}

/// What the runs of a definition hear of their account.
#[derive(Clone, Default)]
struct Heard {
    kinds: BTreeSet<EventType>,
    /// The events that always move such a run, wherever it is.
    always: BTreeSet<EventType>,
}

pub(super) fn check(scan: &Scan, record: &Shared, healed_at: Timestamp) {
    let kinds = kinds(scan);
    let happened = happened(scan);
    let mut of_account: BTreeMap<AccountId, Vec<&LeadState>> = BTreeMap::new();
    for state in &scan.leads {
        state.lead.account.into_iter().for_each(|id| of_account.entry(id).or_default().push(state));
    }
    for state in &scan.leads {
        let listeners = listeners(scan.journal(state.lead.id), &kinds);
        let heard = heard(scan, state, &listeners, record);
        for (which, times) in &heard {
            let real = happened.get(which).map_or(0, |(times, _)| *times);
            if *times > real {
                record.wrong(format!("{} heard {which:?} {times} times, and it happened {real} times", state.lead.id));
            }
        }
        let stays = |state: &LeadState| !scan.was_account_spoilt(state) && !moved(scan.journal(state.lead.id));
        let others = state.lead.account.and_then(|id| of_account.get(&id)).filter(|_| stays(state));
        for other in others.into_iter().flatten().filter(|other| other.lead.id != state.lead.id && stays(other)) {
            for (which, (times, passed_on)) in happened.iter().filter(|(which, _)| which.0 == other.lead.id) {
                let times = (*times).min(*passed_on);
                let hears = |listener: &&Listener| listener.must_hear(which, record, healed_at);
                let found = heard.get(which).copied().unwrap_or_default();
                if found < times && listeners.iter().any(|listener| hears(&listener)) {
                    record.wrong(format!("{} heard {which:?} {found} times of {times}", state.lead.id));
                }
            }
        }
    }
}

impl Listener {
    /// Whether the run was there before an event and so long after it that it must have heard of it. Times that came twice do not
    /// count, since it is not known which was first.
    fn must_hear(&self, (_, at, kind): &Which, record: &Shared, healed_at: Timestamp) -> bool {
        let once = |at: Timestamp| !record.lock().came_twice(at);
        let long_after = (*at).max(healed_at).plus_ms(HOUR_MS);
        self.hears.always.contains(kind)
            && self.started_at < *at
            && self.ended_at.is_none_or(|ended| ended > long_after)
            && once(*at)
            && once(self.started_at)
    }
}

/// What runs of each definition hear of their account.
fn kinds(scan: &Scan) -> BTreeMap<Digest, Heard> {
    let workflows = scan.pasts.values().flatten().flat_map(|past| past.workspace.workflows.values());
    let of = workflows.map(|workflow| {
        let interrupts = workflow.interrupts.iter().filter(|one| one.of_account);
        let interrupts = interrupts.map(|one| (&one.event, one.condition == Expr::TRUE && one.during.is_empty()));
        let leave = workflow.leave.iter().filter(|one| one.of_account);
        let leave = leave.filter_map(|one| Some((one.event.as_ref()?, one.condition == Expr::TRUE)));
        let mut hears = Heard::default();
        for (kind, is_always) in interrupts.chain(leave) {
            hears.kinds.insert(kind.clone());
            if is_always && workflow.key.is_none() {
                hears.always.insert(kind.clone());
            }
        }
        (workflow.digest, hears)
    });
    of.collect()
}

/// How often each event happened, and how often it could be passed on.
fn happened(scan: &Scan) -> BTreeMap<Which, (usize, usize)> {
    let mut happened: BTreeMap<Which, (usize, usize)> = BTreeMap::new();
    for (lead, entries) in &scan.journals {
        for entry in entries {
            let notes = &entry.skeleton.notes;
            for event in entry.personal.iter().flat_map(|personal| &personal.events) {
                let Event::Reported(report) = event else { continue };
                let (times, passed_on) = happened.entry((*lead, entry.skeleton.now, report.kind.clone())).or_default();
                *times += 1;
                *passed_on += usize::from(!notes.contains(&Note::NotPassedOn(report.kind.clone())));
            }
        }
    }
    happened
}

fn listeners(entries: &[Entry], kinds: &BTreeMap<Digest, Heard>) -> Vec<Listener> {
    let mut runs = BTreeMap::new();
    for entry in entries {
        for note in &entry.skeleton.notes {
            match note {
                Note::Enrolled { run, workflow, .. } => {
                    let hears = kinds.get(workflow).cloned().unwrap_or_default();
                    let (started_at, since) = (entry.skeleton.now, entry.seq);
                    runs.insert(*run, Listener { started_at, since, until: u64::MAX, ended_at: None, hears });
                }
                Note::Ended { run, .. } => {
                    if let Some(listener) = runs.get_mut(run) {
                        (listener.until, listener.ended_at) = (entry.seq, Some(entry.skeleton.now));
                    }
                }
                _ => {}
            }
        }
    }
    runs.into_values().filter(|listener| !listener.hears.kinds.is_empty()).collect()
}

/// What a lead heard of others, and how often. A lead that could not be read is told later, and whatever runs listen then hear
/// it.
fn heard(scan: &Scan, state: &LeadState, listeners: &[Listener], record: &Shared) -> BTreeMap<Which, usize> {
    let mut heard = BTreeMap::new();
    let lead = state.lead.id;
    for entry in scan.journal(lead) {
        for event in entry.personal.iter().flat_map(|personal| &personal.events) {
            let Event::OfAccount(passed) = event else { continue };
            let kind = &passed.report.kind;
            let hears = |listener: &Listener| {
                listener.hears.kinds.contains(kind)
                    && listener.started_at <= passed.at
                    && (listener.since..=listener.until).contains(&entry.seq)
            };
            if passed.lead == lead {
                record.wrong(format!("{lead} heard of its own {kind} as of another's"));
            }
            if !scan.was_lead_spoilt(lead) && !listeners.iter().any(hears) {
                record.wrong(format!("{lead} heard of {kind} of {}, and had no run to hear it", passed.lead));
            }
            *heard.entry((passed.lead, passed.at, kind.clone())).or_default() += 1;
        }
    }
    heard
}

/// Whether a lead may have moved to another account.
fn moved(entries: &[Entry]) -> bool {
    let changes = entries.iter().filter_map(|entry| entry.personal.as_ref()).flat_map(|personal| &personal.changes);
    changes.into_iter().any(|change| ["email", "company", "domain"].contains(&change.field.as_str()))
}
