//! Every lead has a next step or a stated end: what a run waits for is there, what is due is done, and nothing stands still that
//! nobody holds. Called when nothing fails and nothing is paused any more.

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::effect::Due;
use cadenza_core::run::{CadencePhase, RunState};
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;

pub(super) fn check(scan: &Scan, record: &Shared, now: Timestamp) {
    for state in &scan.leads {
        if let Err(broken) = state.validate() {
            record.wrong(format!("{}: {broken}", state.lead.id));
        }
        for run in &state.runs {
            let open = |task| state.tasks.iter().any(|open| open.id == task);
            let on_its_way = |effect| scan.outbox.iter().any(|row| row.id == effect);
            let why = match &run.state {
                _ if run.braked_at.is_some() => Some("stands still, and nothing is paused"),
                RunState::Ready | RunState::Assigning => Some("was left in the midst of a step"),
                RunState::Deciding { .. } => Some("waits for a decision"),
                RunState::Waiting { until: Some(until) } if *until < now => Some("waits for what is over"),
                RunState::Task(task) if !open(*task) => Some("waits for a task that nobody has"),
                RunState::Sending(effect) if !on_its_way(*effect) => Some("waits for a mail that is nowhere"),
                RunState::Cadence(cadence) => match cadence.phase {
                    CadencePhase::Pause(at) | CadencePhase::Redial(at) if at < now => Some("has missed its next touch"),
                    CadencePhase::Task(task) | CadencePhase::RedialTask(task) if !open(task) => {
                        Some("waits for a call that nobody has")
                    }
                    CadencePhase::Sending(effect) if !on_its_way(effect) => Some("waits for a mail that is nowhere"),
                    _ => None,
                },
                RunState::Task(_) | RunState::Sending(_) | RunState::Waiting { .. } | RunState::Parked { .. } => None,
            };
            if let Some(why) = why {
                record.wrong(format!("{} of {} {why}: {:?}", run.id, state.lead.id, run.state));
            }
        }
        if let Some(nobody) = has_no_end(state) {
            record.wrong(format!("{}: {nobody}", state.lead.id));
        }
    }
    for (due, owner) in scan.timers.iter().filter(|(due, _)| *due < now) {
        record.wrong(format!("a timer of {owner:?} was due at {due}, and it is {now}"));
    }
    for row in scan.outbox.iter().filter(|row| matches!(row.due, Due::At(at) if at < now)) {
        record.wrong(format!("{} to {} was due at {}, and it is {now}", row.id, row.lead, row.due));
    }
    for row in &scan.inbox {
        record.wrong(format!("{} can be read, and has not heard of {}: {:?}", row.to, row.id, row.event));
    }
    for row in scan.outbox.iter().filter(|row| row.due == Due::OnRelease) {
        record.wrong(format!("{} to {} is held back, and nothing is paused: {:?}", row.id, row.lead, row.deferred));
    }
}

/// A run that is over says how it ended.
fn has_no_end(state: &LeadState) -> Option<String> {
    let blank = state.past.iter().find(|(_, past)| past.ending.is_empty());
    blank.map(|(workflow, past)| format!("{} of {workflow} is over, and nobody knows how", past.run))
}
