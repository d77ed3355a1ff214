//! Cadences: one touch after another, each timed from the completion of the one before, until something stops them.

use super::Machine;
use super::tasks::Terms;
use super::verbs::NotMade;
use crate::gate::{self, Verdict};
use crate::id::{RunId, TaskId};
use crate::journal::{Ignored, Note};
use crate::lead::{Channel, Outcome};
use crate::run::{CadencePhase, CadenceState, RunState};
use crate::task::TaskKind;
use crate::time::Span;
use crate::workflow::{Cadence, TouchPlan, Verb};

/// The most rounds of a cadence. The limit on contacts is not enough: a mail that never arrives is no contact,
/// and must not be sent for ever.
const ROUNDS_MAX: u16 = 1_000;
/// After so many calls in a row that nobody made a cadence is left.
const NOT_DONE_MAX: u8 = 3;
/// Why a run is parked then.
const NOBODY_DOES_IT: &str = "nobody does it: three calls in a row were given up";
/// When to try a touch again for which there was no room.
const NO_ROOM_RETRY: Span = Span::BusinessDays(1);

/// The place of the next call, and whether it lies in the next round (`true`). An agreed call-back is a call,
/// so it skips the mails before it.
fn next_call(cadence: &Cadence, place: usize) -> (usize, bool) {
    let is_call = |touch: &usize| matches!(cadence.touches[*touch].touch, TouchPlan::Call { .. });
    let ahead = (place..cadence.touches.len()).find(is_call);
    let again = (0..cadence.touches.len()).find(is_call).filter(|_| cadence.repeat.is_some());
    match (ahead, again) {
        (Some(call), _) => (call, false),
        (None, Some(call)) => (call, true),
        (None, None) => (place, false),
    }
}

impl Machine<'_> {
    pub(super) fn enter_cadence(&mut self, id: RunId, cadence: &Cadence) {
        let (touch, phase) = (cadence.touch_id(0), CadencePhase::Pause(self.cx.now));
        let state = CadenceState { touch, round: 0, contacts: 0, voicemails: 0, phase, not_done: 0 };
        self.schedule_touch(id, cadence, state, 0);
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

    /// Plans the touch at `place`, timed from now. An agreed call-back comes first. Touches that are due at once are
    /// begun; touches that the gate will never allow are passed over.
    fn schedule_touch(&mut self, id: RunId, cadence: &Cadence, state: CadenceState, place: usize) {
        let (mut state, mut place, mut from) = (state, place, self.cx.now);
        let mut tried = 0;
        while state.contacts < cadence.contacts_max && tried < cadence.touches.len() && self.any_may_happen(cadence) {
            let Some(touch) = cadence.touches.get(place) else {
                let Some(repeat) = cadence.repeat.filter(|_| state.round < ROUNDS_MAX) else { break };
                from = self.cx.live.settings.calendar.add(from, repeat);
                (place, state.round) = (0, state.round + 1);
                continue;
            };
            let due = match self.state.callback_at.filter(|at| *at > self.cx.now) {
                Some(agreed) => {
                    let (call, again) = next_call(cadence, place);
                    (place, state.round) = (call, state.round.saturating_add(u16::from(again)));
                    agreed
                }
                None => self.cx.live.settings.calendar.add(from, touch.after),
            };
            state.touch = cadence.touch_id(place);
            if due > self.cx.now {
                self.set_phase(id, state, CadencePhase::Pause(due));
                return;
            }
            if self.brake(id) {
                self.set_phase(id, state, CadencePhase::Pause(self.cx.now));
                return;
            }
            if self.begin_touch(id, cadence, state, false) {
                return;
            }
            place += 1;
            tried += 1;
        }
        // The cadence is used up, or none of its touches may ever happen.
        self.go_on(id, cadence.exhausted);
    }

    /// Whether any touch of the cadence may happen at all: there is an address or number,
    /// and the gate does not say never.
    fn any_may_happen(&self, cadence: &Cadence) -> bool {
        let call = gate::check(self.state, Channel::Call, &self.cx.live.settings, self.cx.now);
        let (call, mail) = (!matches!(call, Verdict::Never(_)), self.never_mailed().is_none());
        cadence.touches.iter().any(|touch| match &touch.touch {
            TouchPlan::Call { .. } => call,
            TouchPlan::Email(_) => mail,
        })
    }

    /// Begins the touch that the state points to. Returns false when it may never happen.
    fn begin_touch(&mut self, id: RunId, cadence: &Cadence, state: CadenceState, redial: bool) -> bool {
        let Some(definition) = self.definition(id) else { return false };
        let Some(touch) = cadence.touch(state.touch) else { return false };
        match &touch.touch {
            plan @ TouchPlan::Call { .. } => {
                let Some(terms) = Terms::of_touch(plan) else { return false };
                let task = match self.make_task(id, TaskKind::Call, Some(state.touch), terms, &definition) {
                    Ok(task) => task,
                    Err(NotMade::Never) => return false,
                    Err(NotMade::NoRoom) => {
                        self.try_later(id, state, redial);
                        return true;
                    }
                };
                if redial && let Some(task) = self.task_mut(task) {
                    task.redial = true;
                }
                let phase = if redial { CadencePhase::RedialTask(task) } else { CadencePhase::Task(task) };
                self.set_phase(id, state, phase);
                true
            }
            TouchPlan::Email(email) => match self.send_email(id, email) {
                Ok(effect) => {
                    self.set_phase(id, state, CadencePhase::Sending(effect));
                    true
                }
                Err(NotMade::Never) => false,
                Err(NotMade::NoRoom) => {
                    self.try_later(id, state, redial);
                    true
                }
            },
        }
    }

    /// Tries a touch again later, since there is no room for it now. The run is not parked, because it
    /// would lose count of its contacts.
    fn try_later(&mut self, id: RunId, state: CadenceState, redial: bool) {
        let at = self.cx.live.settings.calendar.add(self.cx.now, NO_ROOM_RETRY).max(self.cx.now.plus_ms(1));
        self.set_phase(id, state, if redial { CadencePhase::Redial(at) } else { CadencePhase::Pause(at) });
        self.notes.push(Note::Waiting { run: id.in_journal(), until: Some(at) });
    }

    /// Begins the next touch or second dial of a cadence when its time has come.
    pub(super) fn cadence_due(&mut self, id: RunId, phase: CadencePhase) {
        let Some((definition, ix)) = self.place(id) else { return };
        let Some(state) = self.cadence_state(id) else { return };
        let Verb::Cadence(cadence) = &definition.steps[ix].verb else {
            self.park(id, "it is in a cadence at a step that is none".to_owned());
            return;
        };
        let redial = matches!(phase, CadencePhase::Redial(_));
        if self.begin_touch(id, cadence, state, redial) {
            return;
        }
        if redial {
            // The first dial was made, and counts as the contact.
            self.touch_over(id, cadence, state, Channel::Call);
        } else {
            self.next_touch(id, cadence, state);
        }
    }

    /// Goes on after a call of a cadence that may no longer be made.
    pub(super) fn cadence_call_given_up(&mut self, id: RunId, task: TaskId, cadence: &Cadence) {
        let Some(state) = self.cadence_state(id) else { return };
        if state.phase == CadencePhase::RedialTask(task) {
            self.touch_over(id, cadence, state, Channel::Call);
        } else if state.phase == CadencePhase::Task(task) {
            self.next_touch(id, cadence, state);
        }
    }

    /// Nobody made a call of a cadence. It counts as no contact, so nothing that stops the cadence is asked; three in a row say that
    /// nobody works here, which is not the lead's silence.
    pub(super) fn cadence_call_not_made(&mut self, id: RunId, task: TaskId, cadence: &Cadence) {
        let Some(mut state) = self.cadence_state(id) else { return };
        if state.phase == CadencePhase::RedialTask(task) {
            // The first dial was made: it is the contact.
            return self.touch_over(id, cadence, state, Channel::Call);
        }
        if state.phase != CadencePhase::Task(task) {
            return;
        }
        state.not_done = state.not_done.saturating_add(1);
        self.set_run_state(id, RunState::Cadence(state));
        match cadence.not_done {
            _ if state.not_done < NOT_DONE_MAX => self.next_touch(id, cadence, state),
            Some(target) => self.go_on(id, target),
            None => self.park(id, NOBODY_DOES_IT.to_owned()),
        }
    }

    /// A call that had been given up was made all the same: somebody works here.
    pub(super) fn somebody_calls(&mut self, id: RunId) {
        if let Some(state) = self.cadence_state(id) {
            self.set_run_state(id, RunState::Cadence(CadenceState { not_done: 0, ..state }));
        }
    }

    fn next_touch(&mut self, id: RunId, cadence: &Cadence, state: CadenceState) {
        // A touch that the cadence no longer has counts as one behind the last.
        let place = cadence.place(state.touch).map_or(cadence.touches.len(), |place| place + 1);
        self.schedule_touch(id, cadence, state, place);
    }

    /// Goes on after a call of a cadence was made.
    pub(super) fn cadence_call_over(&mut self, id: RunId, task: TaskId, cadence: &Cadence, outcome: Outcome) {
        let Some(mut state) = self.cadence_state(id) else { return };
        let first_dial = state.phase == CadencePhase::Task(task);
        if !first_dial && state.phase != CadencePhase::RedialTask(task) {
            self.ignore(Ignored::NotAwaited);
            return;
        }
        state.voicemails = state.voicemails.saturating_add(u16::from(outcome == Outcome::Voicemail));
        if first_dial
            && matches!(outcome, Outcome::NoAnswer | Outcome::Busy)
            && let Some(TouchPlan::Call { redial: Some(redial), .. }) =
                cadence.touch(state.touch).map(|touch| &touch.touch)
        {
            // A double dial is one contact, counted when the second dial is over.
            let at = self.cx.live.settings.calendar.add(self.cx.now, redial.after);
            self.set_phase(id, state, CadencePhase::Redial(at));
            return;
        }
        self.touch_over(id, cadence, state, Channel::Call);
    }

    /// Goes on after a mail of a cadence was sent, or was not.
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
        if channel == Channel::Call {
            state.not_done = 0;
        }
        self.set_run_state(id, RunState::Cadence(state));
        self.stop_or_go_on(id, cadence, state);
    }

    fn stop_or_go_on(&mut self, id: RunId, cadence: &Cadence, state: CadenceState) {
        match self.first_that_holds(&cadence.stop, |arm| &arm.condition, id) {
            Ok(Some(arm)) => self.go_on(id, arm.go),
            Ok(None) => self.next_touch(id, cadence, state),
            Err(fault) => self.no_answer(id, "`stop`", &fault),
        }
    }

    /// Goes on in a cadence that was kept while its run was parked: with the touch that was next, or, after one that is over, with
    /// what stops the cadence.
    pub(super) fn resume_cadence(&mut self, id: RunId, cadence: &Cadence, state: CadenceState) {
        let now = self.cx.now;
        self.set_run_state(id, RunState::Cadence(state));
        self.lead_changed = true;
        match state.phase {
            CadencePhase::Pause(_) => self.set_phase(id, state, CadencePhase::Pause(now)),
            CadencePhase::Redial(_) => self.set_phase(id, state, CadencePhase::Redial(now)),
            CadencePhase::Task(_) | CadencePhase::RedialTask(_) | CadencePhase::Sending(_) => {
                self.touch = self.state.lead.touches.iter().rfind(|touch| touch.run == Some(id)).cloned();
                self.stop_or_go_on(id, cadence, state);
            }
        }
    }
}
