//! Indexes and counters equal a scan of the records. Each lead has one timer at its next deadline; each task has a place in its
//! queue; each waiting question has a place in its line; each lead with an unanswered question has a key, and each lead that
//! listens to its account another; each message has one row in the outbox; and every counter says what counting says. All of this
//! is worked out here from the records, not by the code that maintains it.

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::lead::Stage;
use cadenza_core::run::{CadencePhase, Run, RunState};
use cadenza_core::state::{CLAIM_MS, DECISION_TIMEOUT_MS, LeadState, Toucher};
use cadenza_core::task::{Task, TaskKind};
use cadenza_core::time::{MINUTE_MS, Timestamp};
use cadenza_store::{QueueKey, Timer, TimerOwner};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

pub(super) fn check(scan: &Scan, record: &Shared) {
    compare(record, "timers", scan.timers.iter().copied().collect(), due(scan));
    let place = |key: &QueueKey| (key.assignee.clone(), key.class, key.due, key.task);
    let places = scan.leads.iter().flat_map(|state| &state.tasks).map(|task| {
        let class = class_of(task);
        (task.assignee.clone(), class, task.due, task.id)
    });
    compare(record, "places in queues", scan.queue.iter().map(place).collect(), places.collect());
    let waiting = scan.leads.iter().flat_map(|state| &state.runs).filter_map(|run| match &run.state {
        RunState::Deciding { queued: Some(plugin), since, .. } if run.braked_at.is_none() => {
            Some((plugin.clone(), *since, run.id))
        }
        _ => None,
    });
    let questions = scan.questions.iter().map(|key| (key.plugin.clone(), key.since, key.run));
    compare(record, "questions that wait", questions.collect(), waiting.collect());
    let unanswered = scan.leads.iter().filter(|state| {
        let asks = |run: &Run| run.braked_at.is_none() && matches!(run.state, RunState::Deciding { queued: None, .. });
        state.runs.iter().any(asks) || state.tasks.iter().any(|task| task.escalation.is_some_and(|point| point.asked))
    });
    let unanswered = unanswered.map(|state| state.lead.id).collect();
    compare(record, "questions without an answer", scan.unanswered.iter().copied().collect(), unanswered);
    let listeners = scan.leads.iter().filter(|state| state.runs.iter().any(|run| run.hears_account));
    let listeners = listeners.filter_map(|state| Some((state.lead.account?, state.lead.id)));
    compare(record, "leads that hear of an account", scan.listeners.iter().copied().collect(), listeners.collect());
    let mut rows = BTreeSet::new();
    for row in scan.outbox.iter().filter(|row| !rows.insert(row.id)) {
        record.wrong(format!("{} lies in the outbox twice", row.id));
    }
    let counted: BTreeMap<&String, &i64> = scan.counters.iter().filter(|(_, count)| **count != 0).collect();
    let found = count(scan);
    let found: BTreeMap<&String, &i64> = found.iter().filter(|(_, count)| **count != 0).collect();
    if counted != found {
        let kept: Vec<_> = counted.iter().filter(|(name, count)| found.get(*name) != Some(count)).collect();
        let scanned: Vec<_> = found.iter().filter(|(name, count)| counted.get(*name) != Some(count)).collect();
        record.wrong(format!("counters say {kept:?}, and a scan says {scanned:?}"));
    }
}

fn compare<T: Ord + Debug>(record: &Shared, what: &str, kept: BTreeSet<T>, scanned: BTreeSet<T>) {
    let (more, less): (Vec<_>, Vec<_>) = (kept.difference(&scanned).collect(), scanned.difference(&kept).collect());
    if !more.is_empty() || !less.is_empty() {
        record.wrong(format!("{what} that no record has: {more:?}; that records have and are missing: {less:?}"));
    }
}

/// When each lead and account is due.
fn due(scan: &Scan) -> BTreeSet<Timer> {
    let leads = scan.leads.iter().filter_map(|state| Some((next_of(state)?, TimerOwner::Lead(state.lead.id))));
    let accounts = scan.accounts.values().filter_map(|account| {
        let hold = account.ending.map(|ending| ending.at).or_else(|| account.hold.as_ref().map(|hold| hold.until));
        let at = account.passing.first().map(|passed| passed.at).into_iter().chain(hold).min()?;
        Some((at, TimerOwner::Account(account.id)))
    });
    leads.chain(accounts).collect()
}

fn next_of(state: &LeadState) -> Option<Timestamp> {
    let mut next: Option<Timestamp> = state.hold.as_ref().map(|hold| hold.until);
    let mut earlier = |at: Timestamp| next = Some(next.map_or(at, |next| next.min(at)));
    for task in &state.tasks {
        let stands = state.runs.iter().any(|run| Some(run.id) == task.run && run.braked_at.is_some());
        // A call to a lead that a person has paused makes nobody late.
        if stands || (task.kind == TaskKind::Call && state.lead.paused_at.is_some()) {
            continue;
        }
        let claim = state.reserved.iter().find(|reserved| reserved.by == Toucher::Call(task.id));
        let lapses = claim.map_or(Timestamp::from_ms(0), |claim| claim.since.plus_ms(CLAIM_MS));
        if let Some(point) = task.escalation {
            let at = if point.asked { point.at.plus_ms(DECISION_TIMEOUT_MS) } else { point.at };
            earlier(at.max(lapses));
        }
        if let Some(at) = task.give_up {
            earlier(at.max(lapses));
        }
    }
    for run in state.runs.iter().filter(|run| run.braked_at.is_none()) {
        let paused = run.paused_until.unwrap_or(Timestamp::from_ms(0));
        if run.paused_until.is_some() {
            earlier(paused);
        }
        match &run.state {
            RunState::Ready => earlier(run.entered_at),
            RunState::Deciding { queued: None, since, .. } => earlier(since.plus_ms(DECISION_TIMEOUT_MS)),
            RunState::Waiting { until: Some(until) } => earlier((*until).max(paused)),
            RunState::Cadence(cadence) => match cadence.phase {
                CadencePhase::Pause(at) | CadencePhase::Redial(at) => earlier(at.max(paused)),
                CadencePhase::Task(_) | CadencePhase::RedialTask(_) | CadencePhase::Sending(_) => {}
            },
            RunState::Deciding { queued: Some(_), .. }
            | RunState::Assigning
            | RunState::Task(_)
            | RunState::Sending(_)
            | RunState::Waiting { until: None }
            | RunState::Parked { .. } => {}
        }
    }
    next
}

/// Escalations and raised tasks come first, then first calls, then everything else.
fn class_of(task: &Task) -> u8 {
    match task.kind {
        TaskKind::Escalation => 0,
        TaskKind::Call | TaskKind::Todo if task.raised => 0,
        TaskKind::Call if task.touch.is_none() => 1,
        TaskKind::Call | TaskKind::Todo => 2,
    }
}

fn count(scan: &Scan) -> BTreeMap<String, i64> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    let mut add = |name: String, by: usize| *counts.entry(name).or_default() += by as i64;
    for state in &scan.leads {
        if state.seq == 0 {
            continue;
        }
        add("leads".to_owned(), 1);
        if state.lead.stage == Stage::Open && state.runs.is_empty() && state.past.is_empty() {
            add("untaken".to_owned(), 1);
        }
        if let Some(segment) = state.lead.segment {
            add(format!("segment/{segment}"), 1);
        }
        for run in &state.runs {
            let kind = if matches!(run.state, RunState::Parked { .. }) { "parked" } else { "step" };
            add(format!("{kind}/{}/{}", run.workflow, run.step.number()), 1);
        }
        add("tasks".to_owned(), state.tasks.len());
        if let Some(waited_ms) = state.lead.first_call_ms {
            let minutes = waited_ms.div_ceil(MINUTE_MS.unsigned_abs());
            let class = match minutes {
                0..=5 => "5m",
                6..=15 => "15m",
                16..=60 => "1h",
                61..=240 => "4h",
                _ => "later",
            };
            add(format!("first_call/{class}"), 1);
        }
    }
    counts
}
