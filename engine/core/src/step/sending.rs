//! Messages: how one is queued, what the gate says when it falls due, and what came of it.

use super::Machine;
use super::verbs::NotMade;
use crate::effect::{Departure, Due, Effect, Message, Outgoing};
use crate::event::{Delivery, MessageDue};
use crate::gate::{self, Intent, Permit, Reason, Verdict};
use crate::id::{EffectId, RunId};
use crate::identity::{IdentityKind, Why};
use crate::journal::{Ignored, Note};
use crate::lead::{Channel, Outcome, Touch};
use crate::run::{CadencePhase, CadenceState, RunState};
use crate::workflow::{Email, ScriptId, StepRef, Verb};

/// The message that a delivery report is about.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) effect: EffectId,
    pub(super) run: RunId,
    pub(super) attempt: u32,
    /// The script of a message to the lead; `None` for what goes to others.
    pub(super) script: Option<ScriptId>,
    /// The step that made the message.
    pub(super) at: Option<StepRef>,
    /// The channel of a touch.
    pub(super) channel: Option<Channel>,
    /// Whether it was a request, whose answer a run waits for.
    pub(super) is_request: bool,
}

/// A message to the lead on a channel, not rendered yet.
const fn written(channel: Option<Channel>, at: StepRef, script: ScriptId) -> Message {
    let StepRef { workflow, step } = at;
    match channel {
        Some(Channel::Message) => Message::Text { workflow, step, script, rendered: None },
        _ => Message::Email { workflow, step, script, rendered: None },
    }
}

/// Whether a message is put off for another reason than before, or until another time. When it is held back because others are
/// under way to its lead, the time is only when to look again. That is every minute, and is no news.
fn is_news(before: Option<Verdict>, now: Verdict) -> bool {
    let looks_again = now.why() == Some(Reason::UnderWay);
    match before {
        Some(before) if looks_again => before.why() != now.why(),
        before => before != Some(now),
    }
}

impl Machine<'_> {
    /// Queues a mail or text message, unless there is no address or the gate says never. When it falls due, the gate
    /// is asked whether it may leave.
    pub(super) fn send(&mut self, id: RunId, channel: Channel, email: &Email) -> Result<EffectId, NotMade> {
        if let Some(why) = self.never_sent(channel) {
            self.notes.push(Note::Gated { channel: Some(channel), verdict: Verdict::Never(why), effect: None });
            return Err(NotMade::Never);
        }
        if self.is_spent() {
            return Err(NotMade::NoRoom);
        }
        let Some((workflow, step, attempt)) = self.run(id).map(|run| (run.workflow, run.step, run.attempt)) else {
            return Err(NotMade::Never);
        };
        let at = StepRef { workflow, step };
        let message = written(Some(channel), at, ScriptId::of(&email.script));
        Ok(self.queue((id, attempt), email.via.clone(), message, at, false))
    }

    /// Puts a message of a run's attempt and step into the outbox. `wanted` says that a person asked for it, so it is sent
    /// whatever its run does.
    pub(super) fn queue(
        &mut self,
        (run, attempt): (RunId, u32),
        via: String,
        message: Message,
        at: StepRef,
        wanted: bool,
    ) -> EffectId {
        let (id, now) = (self.new_effect_id(), self.cx.now);
        let (script, is_request, notice) = (message.script(), message.is_request(), message.notice());
        let (effect, at) = (id.in_journal(), Some(at));
        self.notes.push(Note::Queued { effect, via: via.clone(), script, at, is_request, notice });
        self.effects.push(Effect::Send(Outgoing {
            id,
            lead: self.state.lead.id,
            run,
            attempt,
            via,
            due: Due::At(now),
            message,
            tries: 0,
            started_at: None,
            last_error: None,
            made_at: now,
            redriven: wanted,
            deferred: None,
            incarnation: 0,
        }));
        id
    }

    /// Why the lead can never be sent anything on a channel as things stand, or `None` when it can be.
    pub(super) fn never_sent(&self, channel: Channel) -> Option<Reason> {
        if !gate::has_address(&self.state.lead, channel) {
            return Some(Reason::NoAddress);
        }
        match gate::check(self.state, channel, &self.cx.live.settings, self.cx.now) {
            Verdict::Never(why) => Some(why),
            Verdict::Go | Verdict::NotBefore { .. } | Verdict::Held(_) => None,
        }
    }

    /// Handles a message that falls due. The gate sees the whole lead, and a message that may leave counts as under way from now
    /// on, so that two that fall due at the same moment see each other.
    pub(super) fn message_due(&mut self, message: &MessageDue) {
        let (effect, channel) = (message.effect, message.channel);
        let departure = match self.may_leave(message) {
            Ok(permit) => {
                if let Some(way) = channel.filter(|_| !self.state.is_under_way(effect)) {
                    self.state.reserve(effect, way, self.cx.now);
                    self.notes.push(Note::Gated { channel, verdict: Verdict::Go, effect: Some(effect.in_journal()) });
                }
                Departure::Now(permit)
            }
            Err(Verdict::Never(why)) => {
                self.drop_message(message, why);
                Departure::Never
            }
            Err(verdict) => {
                // A message that may have left keeps its reservation until it is known whether it did.
                let withdrawn = !message.may_have_left && self.state.release(effect);
                if withdrawn || is_news(message.deferred, verdict) {
                    self.notes.push(Note::Gated { channel, verdict, effect: Some(effect.in_journal()) });
                }
                Departure::Later(verdict)
            }
        };
        self.effects.push(Effect::Depart(departure));
    }

    /// Drops a message that may never leave. If the only obstacle is the address, to which an earlier attempt went and failed, a
    /// new message with a key of its own takes its place: under one key nothing leaves for two addresses.
    fn drop_message(&mut self, message: &MessageDue, why: Reason) {
        let MessageDue { effect, run, attempt, script, at, channel, is_request, .. } = *message;
        let ending = Delivery::HeldBack(why.as_str().to_owned());
        match (at, script) {
            (Some(at), Some(script)) if self.is_wanted_elsewhere(message) => {
                self.state.release(effect);
                let (number, ending) = (effect.in_journal(), ending.ending());
                self.notes.push(Note::Delivered {
                    effect: number,
                    ending,
                    script: Some(script),
                    why: Some(why),
                    at: Some(at),
                    status: None,
                    is_request,
                });
                let again = written(channel, at, script);
                let instead = self.queue((run, attempt), message.via.clone(), again, at, message.wanted);
                self.await_instead(run, attempt, effect, instead);
            }
            _ => self.delivered(&Sent { effect, run, attempt, script, at, channel, is_request }, &ending),
        }
    }

    /// Whether a mail that may not leave for the address it was rendered for may be rendered for the lead's present one. An
    /// attempt that may have left is not replaced.
    fn is_wanted_elsewhere(&self, message: &MessageDue) -> bool {
        let Some(channel) = message.channel.filter(|_| message.is_fixed && !message.may_have_left) else {
            return false;
        };
        let verdict = gate::check(self.state, channel, &self.cx.live.settings, self.cx.now);
        let may_be_contacted = !matches!(verdict, Verdict::Never(_));
        may_be_contacted && self.still_wants(message) && self.bound_there(message).is_some() && !self.is_spent()
    }

    /// Makes a run that waits for one message wait for another.
    fn await_instead(&mut self, run: RunId, attempt: u32, effect: EffectId, instead: EffectId) {
        let Some(run) = self.run(run).filter(|run| run.attempt == attempt) else { return };
        match &mut run.state {
            RunState::Sending(awaited) if *awaited == effect => *awaited = instead,
            RunState::Cadence(CadenceState { phase: CadencePhase::Sending(awaited), .. }) if *awaited == effect => {
                *awaited = instead;
            }
            _ => {}
        }
    }

    /// Withdraws the reservation of a message that was about to leave.
    pub(super) fn taken_back(&mut self, effect: EffectId) {
        if self.state.release(effect) {
            self.notes.push(Note::TakenBack(effect.in_journal()));
        } else {
            self.ignore(Ignored::NotAwaited);
        }
    }

    /// Checks whether one attempt may be made; the error is the verdict against it. A message that is no touch needs no permit. A
    /// touch whose run has moved on is no longer wanted, unless an earlier attempt may have left already or a person asked for
    /// it.
    fn may_leave(&self, message: &MessageDue) -> Result<Option<Permit>, Verdict> {
        if message.is_request {
            return self.may_ask(message).map(|()| None);
        }
        let Some(channel) = message.channel else {
            return self.held(message).map_or(Ok(None), |why| Err(Verdict::Held(why)));
        };
        if !message.may_have_left && !self.still_wants(message) {
            return Err(Verdict::Never(Reason::MovedOn));
        }
        let of_run = self.state.runs.iter().find(|at| at.id == message.run && !message.wanted);
        let paused = of_run.and_then(|run| run.paused_until).filter(|at| *at > self.cx.now && !message.may_have_left);
        if let Some(at) = paused {
            return Err(Verdict::NotBefore { at, why: Reason::RunPaused });
        }
        let (settings, now) = (&self.cx.live.settings, self.cx.now);
        let intent = match self.is_answer(message) {
            true => Intent::Answer(message.effect),
            false if message.may_have_left => Intent::Agreed,
            false => Intent::Message(message.effect),
        };
        let permit = gate::permit(self.state, message.effect, intent, channel, settings, now);
        if let Err(Verdict::Never(_)) = permit {
            return permit.map(Some);
        }
        match (self.bound_there(message), self.held(message)) {
            (Some(why), _) => Err(Verdict::Never(why.into())),
            (None, Some(why)) => Err(Verdict::Held(why)),
            (None, None) => permit.map(Some),
        }
    }

    /// Whether a message answers the lead: the step or touch that made it says so.
    fn is_answer(&self, message: &MessageDue) -> bool {
        let Some((at, script)) = message.at.zip(message.script) else { return false };
        let step = self.cx.definitions.get(&at.workflow).and_then(|definition| definition.step(at.step));
        step.is_some_and(|step| step.verb.answers_with(script))
    }

    /// Whether a person asked for a message, or the run that made it still stands where it did.
    pub(super) fn still_wants(&self, message: &MessageDue) -> bool {
        let stands = |run: &crate::run::Run| run.id == message.run && run.attempt == message.attempt;
        message.wanted || self.state.runs.iter().any(stands)
    }

    /// What binds the address to which an attempt is repeated. That is the address that the lead had when the first attempt
    /// began.
    fn bound_there(&self, message: &MessageDue) -> Option<Why> {
        let there = message.written_to.as_deref().filter(|_| message.is_fixed || message.may_have_left)?;
        let channel = message.channel?;
        let kind = if channel == Channel::Message { IdentityKind::Phone } else { IdentityKind::Email };
        self.state.lead.bound_at(kind, there, channel)
    }

    /// The brake or missing connection that holds a message until further notice, if there is one.
    pub(super) fn held(&self, message: &MessageDue) -> Option<Reason> {
        let (paused, via) = (self.cx.paused, &message.via);
        let touches = message.channel.is_some() && !message.wanted && !message.may_have_left;
        if touches && self.is_ousted(message.run) {
            return Some(Reason::Ousted);
        }
        let workflow = message.at.and_then(|at| self.cx.definitions.name(&at.workflow));
        if workflow.is_some_and(|workflow| paused.workflows.contains(workflow)) {
            Some(Reason::WorkflowPaused)
        } else if paused.connections.contains(via) {
            Some(Reason::ConnectionPaused)
        } else {
            (!self.cx.live.connections.contains(via)).then_some(Reason::ConnectionGone)
        }
    }

    /// Handles the report of what became of a message.
    pub(super) fn delivered(&mut self, message: &Sent, ending: &Delivery) {
        let Sent { effect, run, attempt, script, at, channel, is_request } = *message;
        self.state.release(effect);
        self.goes_on_by_answer(run);
        let why = if let Delivery::HeldBack(why) = ending { Reason::parse(why) } else { None };
        let (number, ending_code) = (effect.in_journal(), ending.ending());
        let status = ending.reply().map(|reply| reply.status);
        self.notes.push(Note::Delivered { effect: number, ending: ending_code, script, why, at, status, is_request });
        if matches!(ending, Delivery::Discarded(_) | Delivery::Redriven(_)) {
            // The run was told what became of the message when it was given up.
            return;
        }
        if is_request {
            return self.answered(message, ending);
        }
        if effect.lead() != self.state.lead.id || self.state.lead.touches.iter().any(|t| t.effect == Some(effect)) {
            self.ignore(Ignored::NotAwaited);
            return;
        }
        let awaited = self.run(run).is_some_and(|r| {
            r.attempt == attempt
                && match &r.state {
                    RunState::Sending(awaited) => *awaited == effect,
                    RunState::Cadence(state) => state.phase == CadencePhase::Sending(effect),
                    _ => false,
                }
        });
        let sent = *ending == Delivery::Sent;
        // A mail that left is a touch, whatever has become of its run.
        if let Some(channel) = channel.filter(|_| sent) {
            let touch = Touch {
                at: self.cx.now,
                channel,
                outcome: Outcome::Sent,
                result: None,
                by: None,
                run: Some(run),
                task: None,
                effect: Some(effect),
                result_own: None,
                channel_own: None,
            };
            self.complete_touch(touch, false, at);
            self.leave_runs();
        }
        if !awaited {
            // No run goes on by this message. A mail that left was recorded as a touch above, and no
            // run waits for a notice to a rep.
            if !sent && script.is_some() {
                self.ignore(Ignored::StaleAttempt);
            }
            return;
        }
        let Some((definition, ix)) = self.place(run) else { return };
        match &definition.steps[ix].verb {
            Verb::Cadence(cadence) => self.cadence_message_over(run, cadence, channel, ending),
            Verb::Email(Email { results: Some(results), .. }) | Verb::Message(Email { results: Some(results), .. }) => {
                let target = match ending {
                    Delivery::Sent => results.sent,
                    Delivery::HeldBack(_) | Delivery::Refused(_) => results.refused,
                    _ => results.failed,
                };
                self.go_on(run, target);
            }
            _ => self.go_on(run, definition.steps[ix].next),
        }
    }
}
