//! Cadences: touch after touch, each counted from the completion of the one before, until something stops them.

use super::Machine;
use crate::id::{RunId, TaskId};
use crate::lead::{Channel, Outcome};
use crate::run::{CadencePhase, CadenceState, RunState};
use crate::task::TaskKind;
use crate::time::Timestamp;
use crate::workflow::{Cadence, Target, TouchPlan, Verb};

impl Machine<'_> {
    pub(super) fn enter_cadence(&mut self, id: RunId, cadence: &Cadence) {
        let state =
            CadenceState { touch: 0, round: 0, contacts: 0, voicemails: 0, phase: CadencePhase::Pause(self.cx.now) };
        self.schedule_touch(id, cadence, state, self.cx.now);
    }

    fn cadence_state(&mut self, id: RunId) -> Option<CadenceState> {
        match self.run(id)?.state {
            RunState::Cadence(state) => Some(state),
            _ => None,
        }
    }

    fn set_phase(&mut self, id: RunId, state: CadenceState, phase: CadencePhase) {
        self.set_run_state(id, RunState::Cadence(CadenceState { phase, ..state }));
    }

    /// Plans the touch the state points to, counted from `from`; a call-back that was agreed comes first. Touches that
    /// are due at once are begun, and such as the gate never lets happen are passed over.
    fn schedule_touch(&mut self, id: RunId, cadence: &Cadence, mut state: CadenceState, from: Timestamp) {
        let mut from = from;
        for passed_over in 0..=cadence.touches.len() {
            if state.contacts >= cadence.contacts_max || passed_over == cadence.touches.len() {
                break;
            }
            let Some(touch) = cadence.touches.get(usize::from(state.touch)) else {
                let Some(repeat) = cadence.repeat else { break };
                from = self.cx.live.settings.calendar.add(from, repeat);
                state = CadenceState { touch: 0, round: state.round.saturating_add(1), ..state };
                continue;
            };
            let due = self.cx.live.settings.calendar.add(from, touch.after).max(self.state.callback_at.unwrap_or(from));
            if due > self.cx.now {
                self.set_phase(id, state, CadencePhase::Pause(due));
                return;
            }
            if self.begin_touch(id, cadence, state, false) {
                return;
            }
            state.touch += 1;
        }
        // Used up, or nothing in a whole round that may happen.
        self.go_on(id, cadence.exhausted);
    }

    /// Begins the touch the state points to; false when it may never happen.
    fn begin_touch(&mut self, id: RunId, cadence: &Cadence, state: CadenceState, redial: bool) -> bool {
        let Some(definition) = self.definition(id) else { return false };
        let Some(touch) = cadence.touches.get(usize::from(state.touch)) else { return false };
        match &touch.touch {
            TouchPlan::Call { due, escalate, .. } => {
                let escalate = escalate.as_ref();
                let Some(task) = self.make_task(id, TaskKind::Call, Some(state.touch), *due, escalate, &definition)
                else {
                    return self.run(id).is_none_or(|run| matches!(run.state, RunState::Parked { .. }));
                };
                if redial && let Some(task) = self.task_mut(task) {
                    task.redial = true;
                }
                let phase = if redial { CadencePhase::RedialTask(task) } else { CadencePhase::Task(task) };
                self.set_phase(id, state, phase);
                true
            }
            TouchPlan::Email(email) => match self.send_email(id, email) {
                Some(effect) => {
                    self.set_phase(id, state, CadencePhase::Sending(effect));
                    true
                }
                None => false,
            },
        }
    }

    /// The time for a cadence's next touch or second dial has come.
    pub(super) fn cadence_due(&mut self, id: RunId, phase: CadencePhase) {
        let Some(definition) = self.definition(id) else { return };
        let Some(state) = self.cadence_state(id) else { return };
        let Some(step) = self.run(id).map(|run| run.step).and_then(|ix| definition.step(ix)) else { return };
        let Verb::Cadence(cadence) = &step.verb else { return };
        let begun = self.begin_touch(id, cadence, state, matches!(phase, CadencePhase::Redial(_)));
        if !begun {
            self.next_touch(id, cadence, state);
        }
    }

    fn next_touch(&mut self, id: RunId, cadence: &Cadence, state: CadenceState) {
        let state = CadenceState { touch: state.touch.saturating_add(1), ..state };
        self.schedule_touch(id, cadence, state, self.cx.now);
    }

    /// A call of a cadence was made.
    pub(super) fn cadence_call_over(&mut self, id: RunId, task: TaskId, cadence: &Cadence, outcome: Outcome) {
        let Some(mut state) = self.cadence_state(id) else { return };
        let first_dial = state.phase == CadencePhase::Task(task);
        if !first_dial && state.phase != CadencePhase::RedialTask(task) {
            self.ignore(crate::journal::Ignored::NotAwaited);
            return;
        }
        state.voicemails = state.voicemails.saturating_add(u16::from(outcome == Outcome::Voicemail));
        if first_dial
            && matches!(outcome, Outcome::NoAnswer | Outcome::Busy)
            && let Some(TouchPlan::Call { redial: Some(redial), .. }) =
                cadence.touches.get(usize::from(state.touch)).map(|touch| &touch.touch)
        {
            // The double dial is one contact: it is counted when the second dial is over.
            let at = self.cx.live.settings.calendar.add(self.cx.now, redial.after);
            self.set_phase(id, state, CadencePhase::Redial(at));
            return;
        }
        self.touch_over(id, cadence, state, Channel::Call);
    }

    /// A mail of a cadence left, or did not.
    pub(super) fn cadence_mail_over(&mut self, id: RunId, cadence: &Cadence, sent: bool) {
        let Some(state) = self.cadence_state(id) else { return };
        if sent {
            self.touch_over(id, cadence, state, Channel::Email);
        } else {
            self.next_touch(id, cadence, state);
        }
    }

    fn touch_over(&mut self, id: RunId, cadence: &Cadence, mut state: CadenceState, channel: Channel) {
        state.contacts = state.contacts.saturating_add(u16::from(cadence.count.contains(&channel)));
        self.set_run_state(id, RunState::Cadence(state));
        let stop: Option<Target> =
            cadence.stop.iter().find(|arm| self.holds(&arm.condition, Some(id))).map(|arm| arm.go);
        match stop {
            Some(target) => self.go_on(id, target),
            None => self.next_touch(id, cadence, state),
        }
    }
}
