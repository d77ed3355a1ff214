//! Cadences: one touch after another, each timed from the completion of the one before, until something stops them.

use super::Machine;
use super::tasks::Terms;
use super::verbs::NotMade;
use crate::event::Delivery;
use crate::expr::Fault;
use crate::gate::{self, Reason, Verdict};
use crate::id::{EffectId, RunId, TaskId};
use crate::journal::{Ignored, Note};
use crate::lead::{Channel, Outcome};
use crate::own_words::Said;
use crate::run::{CadencePhase, CadenceState, RunState};
use crate::task::TaskKind;
use crate::time::{Span, Timestamp};
use crate::workflow::{Cadence, CadenceTouch, Refused, TouchPlan, Verb};

/// The most rounds of a cadence. The limit on contacts is not enough: a mail that never arrives is no contact,
/// and must not be sent for ever.
const ROUNDS_MAX: u16 = 1_000;
/// After this many calls in a row that nobody made, the cadence is left.
const NOT_DONE_MAX: u8 = 3;
/// The cause with which a run is parked then.
const NOBODY_DOES_IT: &str = "nobody does it: three calls in a row were given up";
/// The cause with which a run is parked whose cadence ended with calls that nobody made.
const NOBODY_DID_THE_LAST: &str = "nobody does it: the cadence is over, and its last calls were given up";
/// When a touch for which there was no room is tried again.
const NO_ROOM_RETRY: Span = Span::BusinessDays(1);

/// What a touch began.
enum Made {
    Task(TaskId),
    Message(EffectId),
}

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

/// The place of the next touch. A touch that the cadence no longer has counts as one behind the last.
fn place_after(cadence: &Cadence, state: CadenceState) -> usize {
    cadence.place(state.touch).map_or(cadence.touches.len(), |place| place + 1)
}

/// Whether another round may begin.
const fn may_repeat(cadence: &Cadence, state: CadenceState) -> bool {
    cadence.repeat.is_some() && state.round < ROUNDS_MAX
}

impl Machine<'_> {
    pub(super) fn enter_cadence(&mut self, id: RunId, cadence: &Cadence) {
        if let Some(kept) = self.run(id).and_then(|run| run.cadence.take()) {
            return self.resume_cadence(id, cadence, kept);
        }
        let (touch, phase) = (cadence.touch_id(0), CadencePhase::Pause(self.cx.now));
        let state = CadenceState { touch, round: 0, contacts: 0, voicemails: 0, phase, not_done: 0 };
        self.schedule_touch(id, cadence, state, 0);
    }

    /// Goes on where the run was parked: with what was planned then, otherwise with the next touch. A last call that nobody made
    /// is made once more, since nothing comes after it.
    fn resume_cadence(&mut self, id: RunId, cadence: &Cadence, kept: CadenceState) {
        let state = CadenceState { not_done: 0, ..kept };
        match kept.phase {
            CadencePhase::Pause(at) => return self.set_phase(id, state, CadencePhase::Pause(at.max(self.cx.now))),
            CadencePhase::Redial(at) => return self.set_phase(id, state, CadencePhase::Redial(at.max(self.cx.now))),
            CadencePhase::Task(_) | CadencePhase::RedialTask(_) | CadencePhase::Sending(_) => {}
        }
        if kept.not_done == 0 {
            // The conditions that stop the cadence are evaluated again, since one of them may have had no answer.
            self.touch = self.state.lead.touches.iter().rfind(|touch| touch.run == Some(id)).cloned();
            self.set_run_state(id, RunState::Cadence(state));
            return self.stop_or_go_on(id, cadence, state);
        }
        let next = place_after(cadence, state);
        let was_last = next >= cadence.touches.len() && !may_repeat(cadence, state);
        let again = kept.not_done > 0 && was_last;
        self.schedule_touch(id, cadence, state, if again { next.saturating_sub(1) } else { next });
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
        while state.contacts < cadence.contacts_max && tried <= cadence.touches.len() && self.any_may_happen(cadence) {
            let Some(touch) = cadence.touches.get(place) else {
                let Some(repeat) = cadence.repeat.filter(|_| may_repeat(cadence, state)) else { break };
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
                None => self.touch_due(from, touch),
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
        self.cadence_over(id, cadence, state);
    }

    /// The cadence is used up, or none of its touches may ever happen. Unless the last calls were not made, this means that the
    /// lead was silent.
    fn cadence_over(&mut self, id: RunId, cadence: &Cadence, state: CadenceState) {
        let all_made = state.contacts >= cadence.contacts_max;
        if state.not_done == 0 || all_made || !self.any_may_happen(cadence) {
            self.go_on(id, cadence.exhausted);
        } else {
            self.leave_undone(id, cadence, NOBODY_DID_THE_LAST);
        }
    }

    /// Leaves a cadence because nobody does what it asks for.
    fn leave_undone(&mut self, id: RunId, cadence: &Cadence, cause: &str) {
        match cadence.not_done {
            Some(target) => self.go_on(id, target),
            None => self.park(id, cause.to_owned()),
        }
    }

    /// Whether any touch of the cadence may happen at all: there is an address or number,
    /// and the gate does not say never.
    fn any_may_happen(&self, cadence: &Cadence) -> bool {
        let call = gate::check(self.state, Channel::Call, &self.cx.live.settings, self.cx.now);
        let call = !matches!(call, Verdict::Never(_));
        let sent = |channel| self.never_sent(channel).is_none();
        cadence.touches.iter().any(|touch| match &touch.touch {
            _ if touch.refused == Refused::Wait => true,
            TouchPlan::Call { .. } => call,
            TouchPlan::Email(_) => sent(Channel::Email),
            TouchPlan::Message(_) => sent(Channel::Message),
            task @ TouchPlan::Task { .. } => !self.refuses(task.channel()),
        })
    }

    /// When a touch that is timed from this moment falls due.
    fn touch_due(&self, from: Timestamp, touch: &CadenceTouch) -> Timestamp {
        let due = self.cx.live.settings.calendar.add(from, touch.after);
        match touch.at {
            Some(minutes) => gate::hours_of(&self.state.lead, &self.cx.live.settings).time_from(due, minutes),
            None => due,
        }
    }

    /// Makes a touch with a time of day that was held past it wait for that time again. What was agreed with the lead is done at
    /// once.
    pub(super) fn keep_time_of_day(&mut self, id: RunId) {
        let Some((definition, ix)) = self.place(id) else { return };
        let Verb::Cadence(cadence) = &definition.steps[ix].verb else { return };
        let Some(state) = self.cadence_state(id).filter(|_| self.state.callback_at.is_none()) else { return };
        let held = matches!(state.phase, CadencePhase::Pause(due) if due < self.cx.now);
        let Some(minutes) = cadence.touch(state.touch).and_then(|touch| touch.at).filter(|_| held) else { return };
        let at = gate::hours_of(&self.state.lead, &self.cx.live.settings).time_from(self.cx.now, minutes);
        if at > self.cx.now {
            self.set_phase(id, state, CadencePhase::Pause(at));
            self.notes.push(Note::Waiting { run: id.in_journal(), until: Some(at) });
        }
    }

    /// Whether the condition of a touch lets it happen. The touch that conditions see is the run's latest.
    fn is_wanted(&self, id: RunId, touch: &CadenceTouch) -> Result<bool, Fault> {
        let Some(condition) = &touch.condition else { return Ok(true) };
        let mut view = self.view(Some(id));
        view.touch = self.state.lead.touches.iter().rfind(|touch| touch.run == Some(id));
        condition.holds(&view)
    }

    /// Begins the touch that the state points to. Returns false when it may never happen.
    fn begin_touch(&mut self, id: RunId, cadence: &Cadence, state: CadenceState, redial: bool) -> bool {
        let Some(definition) = self.definition(id) else { return false };
        let Some(touch) = cadence.touch(state.touch) else { return false };
        let wanted = if redial { Ok(true) } else { self.is_wanted(id, touch) };
        if let Err(fault) = &wanted {
            self.set_phase(id, state, CadencePhase::Pause(self.cx.now));
            self.no_answer(id, "`if` of a touch", fault);
            return true;
        }
        if wanted == Ok(false) {
            if let Some(at) = self.run(id).map(|run| run.at()) {
                self.notes.push(Note::PassedOver { run: id.in_journal(), touch: state.touch, at });
            }
            return false;
        }
        let made = match &touch.touch {
            plan @ TouchPlan::Task { .. } if self.refuses(plan.channel()) => {
                let (channel, verdict) = (plan.channel(), Verdict::Never(Reason::ChannelRefused));
                self.notes.push(Note::Gated { channel, verdict, effect: None });
                Err(NotMade::Never)
            }
            plan @ (TouchPlan::Call { .. } | TouchPlan::Task { .. }) => {
                let Some(mut terms) = Terms::of_touch(plan) else { return false };
                terms.redial = redial;
                let kind = if plan.channel() == Some(Channel::Call) { TaskKind::Call } else { TaskKind::Todo };
                self.make_task(id, kind, Some(state.touch), terms, &definition).map(Made::Task)
            }
            TouchPlan::Email(email) => self.send(id, Channel::Email, email).map(Made::Message),
            TouchPlan::Message(message) => self.send(id, Channel::Message, message).map(Made::Message),
        };
        match made {
            Ok(Made::Task(task)) => {
                let phase = if redial { CadencePhase::RedialTask(task) } else { CadencePhase::Task(task) };
                self.set_phase(id, state, phase);
                true
            }
            Ok(Made::Message(effect)) => {
                self.set_phase(id, state, CadencePhase::Sending(effect));
                true
            }
            Err(NotMade::Never) if redial || touch.refused == Refused::Skip => false,
            Err(NotMade::Never | NotMade::NoRoom) => {
                self.try_later(id, state, redial);
                true
            }
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
        if let Some(run) = self.run(id) {
            run.raised = 0;
        }
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
            self.touch_over(id, cadence, state, Some(Channel::Call));
        } else {
            self.next_touch(id, cadence, state);
        }
    }

    /// Goes on after a call or task of a cadence that may no longer be made.
    pub(super) fn cadence_task_given_up(&mut self, id: RunId, task: TaskId, cadence: &Cadence) {
        let Some(state) = self.cadence_state(id) else { return };
        if state.phase == CadencePhase::RedialTask(task) {
            self.touch_over(id, cadence, state, Some(Channel::Call));
        } else if state.phase == CadencePhase::Task(task) {
            self.next_touch(id, cadence, state);
        }
    }

    /// Goes on after nobody did a call or task of a cadence. That is no contact, so the conditions that stop the cadence are not
    /// evaluated. Three in a row mean that nobody works here, which is not the lead's silence.
    pub(super) fn cadence_task_not_done(&mut self, id: RunId, task: TaskId, cadence: &Cadence) {
        let Some(mut state) = self.cadence_state(id) else { return };
        if state.phase == CadencePhase::RedialTask(task) {
            // The first dial was made, and is the contact.
            return self.touch_over(id, cadence, state, Some(Channel::Call));
        }
        if state.phase != CadencePhase::Task(task) {
            return;
        }
        state.not_done = state.not_done.saturating_add(1);
        self.set_run_state(id, RunState::Cadence(state));
        if state.not_done < NOT_DONE_MAX {
            self.next_touch(id, cadence, state);
        } else {
            self.leave_undone(id, cadence, NOBODY_DOES_IT);
        }
    }

    /// Notes that a call that had been given up was made all the same, so somebody works here.
    pub(super) fn somebody_calls(&mut self, id: RunId) {
        if let Some(state) = self.cadence_state(id) {
            self.set_run_state(id, RunState::Cadence(CadenceState { not_done: 0, ..state }));
        }
    }

    fn next_touch(&mut self, id: RunId, cadence: &Cadence, state: CadenceState) {
        self.schedule_touch(id, cadence, state, place_after(cadence, state));
    }

    /// Goes on after a call or task of a cadence was done.
    pub(super) fn cadence_task_over(&mut self, id: RunId, task: TaskId, cadence: &Cadence, outcome: Outcome) {
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
        let channel = cadence.touch(state.touch).and_then(|touch| touch.touch.channel());
        state.not_done = 0;
        self.touch_over(id, cadence, state, channel);
    }

    /// Goes on after a message of a cadence was sent, or was not.
    pub(super) fn cadence_message_over(
        &mut self,
        id: RunId,
        cadence: &Cadence,
        channel: Option<Channel>,
        ending: &Delivery,
    ) {
        let Some(state) = self.cadence_state(id) else { return };
        let waits = || cadence.touch(state.touch).is_some_and(|touch| touch.refused == Refused::Wait);
        match ending {
            Delivery::Sent => self.touch_over(id, cadence, state, channel),
            Delivery::HeldBack(_) if waits() => self.try_later(id, state, false),
            _ => self.next_touch(id, cadence, state),
        }
    }

    fn touch_over(&mut self, id: RunId, cadence: &Cadence, mut state: CadenceState, channel: Option<Channel>) {
        let own = cadence.touch(state.touch).and_then(|touch| touch.touch.channel_named()?.own);
        let counts = channel.is_some_and(|means| cadence.counts(&Said { means, own }));
        state.contacts = state.contacts.saturating_add(u16::from(counts));
        if channel == Some(Channel::Call) {
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
}
