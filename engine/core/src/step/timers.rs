//! Deadlines: handles everything of a lead that has fallen due, in the order in which it fell due.

use super::Machine;
use crate::journal::Ignored;
use crate::run::RunState;
use crate::state::Deadline;
use crate::time::Timestamp;

impl Machine<'_> {
    pub(super) fn timer_due(&mut self) {
        self.release_runs();
        let due = self.deadlines_due();
        if due == 0 && self.notes.is_empty() {
            self.ignore(Ignored::NothingDue);
        }
    }

    /// Handles what has fallen due by now, and returns how many deadlines that was. New deadlines that follow from it get a
    /// transition of their own.
    pub(super) fn deadlines_due(&mut self) -> usize {
        let now = self.cx.now;
        let mut due: Vec<(Timestamp, Deadline)> = self.state.deadlines().filter(|(at, _)| *at <= now).collect();
        due.sort_by_key(|(at, _)| *at);
        let count = due.len();
        for (_, what) in due {
            self.deadline(what);
        }
        count
    }

    /// Handles one deadline, unless an earlier one of this transition has settled it already.
    fn deadline(&mut self, due: Deadline) {
        match due {
            Deadline::Hold => {
                let now = self.cx.now;
                if let Some(hold) = self.state.hold.take_if(|hold| hold.until <= now) {
                    self.hold_expired(hold.workflow, hold.on_expiry);
                }
            }
            Deadline::Escalation(task) => self.escalation_due(task),
            Deadline::GiveUp(task) => self.give_up_task(task),
            Deadline::Wait(run) => {
                let waiting = self.run(run).is_some_and(|run| matches!(run.state, RunState::Waiting { .. }));
                if waiting && !self.brake(run) {
                    self.wait_over(run);
                }
            }
            Deadline::Cadence(run, phase) => {
                let still = self
                    .run(run)
                    .is_some_and(|run| matches!(run.state, RunState::Cadence(cadence) if cadence.phase == phase));
                if still && !self.brake(run) {
                    self.cadence_due(run, phase);
                }
            }
            Deadline::Decision(run, slot) => {
                let still =
                    self.run(run).is_some_and(|run| matches!(run.state, RunState::Deciding { queued: None, .. }));
                if still {
                    self.ask_again(run, slot);
                }
            }
            Deadline::Ready(run) => self.walk(run),
            Deadline::Pause(run) => self.pause_over(run),
            Deadline::Waiter => self.stop_waiting(),
        }
    }
}
