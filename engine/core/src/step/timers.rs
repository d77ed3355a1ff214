//! Deadlines: everything of a lead that has fallen due, in the order in which it did.

use super::Machine;
use crate::id::{RunId, TaskId};
use crate::journal::Ignored;
use crate::run::{CadencePhase, RunState};
use crate::state::DECISION_TIMEOUT_MS;
use crate::time::Timestamp;

/// One deadline of the lead.
#[derive(Clone, Copy, Debug)]
enum Due {
    Hold,
    Escalation(TaskId),
    Wait(RunId),
    Cadence(RunId, CadencePhase),
    Decision(RunId, u16),
    Ready(RunId),
}

impl Machine<'_> {
    pub(super) fn timer_due(&mut self) {
        self.release_runs();
        // What fell due when this began; what comes of it falls due in a transition of its own.
        let mut due = self.deadlines();
        if due.is_empty() {
            if self.notes.is_empty() {
                self.ignore(Ignored::NothingDue);
            }
            return;
        }
        due.sort_by_key(|(at, _)| *at);
        for (_, what) in due {
            self.deadline(what);
        }
    }

    fn deadlines(&self) -> Vec<(Timestamp, Due)> {
        let state = &self.state;
        let hold = state.hold.iter().map(|hold| (hold.until, Due::Hold));
        let escalations = state.tasks.iter().filter(|task| !state.stands_still(task)).filter_map(|task| {
            let point = task.escalation?;
            let at = if point.asked { point.at.plus_ms(DECISION_TIMEOUT_MS) } else { point.at };
            Some((at, Due::Escalation(task.id)))
        });
        let runs = state.runs.iter().filter(|run| run.braked_at.is_none()).filter_map(|run| match &run.state {
            RunState::Waiting { until } => until.map(|at| (at, Due::Wait(run.id))),
            RunState::Deciding { slot, since, queued: None, .. } => {
                Some((since.plus_ms(DECISION_TIMEOUT_MS), Due::Decision(run.id, *slot)))
            }
            RunState::Cadence(cadence) => match cadence.phase {
                CadencePhase::Pause(at) | CadencePhase::Redial(at) => Some((at, Due::Cadence(run.id, cadence.phase))),
                CadencePhase::Task(_) | CadencePhase::RedialTask(_) | CadencePhase::Sending(_) => None,
            },
            RunState::Ready => Some((run.entered_at, Due::Ready(run.id))),
            RunState::Deciding { .. }
            | RunState::Assigning
            | RunState::Task(_)
            | RunState::Sending(_)
            | RunState::Parked { .. } => None,
        });
        hold.chain(escalations).chain(runs).filter(|(at, _)| *at <= self.cx.now).collect()
    }

    /// One deadline; an earlier one of the same moment may have settled it already.
    fn deadline(&mut self, due: Due) {
        match due {
            Due::Hold => {
                let now = self.cx.now;
                if let Some(hold) = self.state.hold.take_if(|hold| hold.until <= now) {
                    self.hold_expired(hold.workflow, hold.on_expiry.unwrap_or(crate::workflow::Target::End));
                }
            }
            Due::Escalation(task) => self.escalation_due(task),
            Due::Wait(run) => {
                let waiting = self.run(run).is_some_and(|run| matches!(run.state, RunState::Waiting { .. }));
                if waiting && !self.brake(run) {
                    self.wait_over(run);
                }
            }
            Due::Cadence(run, phase) => {
                let still = self
                    .run(run)
                    .is_some_and(|run| matches!(run.state, RunState::Cadence(cadence) if cadence.phase == phase));
                if still && !self.brake(run) {
                    self.cadence_due(run, phase);
                }
            }
            Due::Decision(run, slot) => {
                let still =
                    self.run(run).is_some_and(|run| matches!(run.state, RunState::Deciding { queued: None, .. }));
                if still {
                    self.ask_again(run, slot);
                }
            }
            Due::Ready(run) => self.walk(run),
        }
    }
}
