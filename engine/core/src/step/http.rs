//! Requests to other systems: how one is queued, when it may leave, and what its answer does.
//!
//! A request is no touch: it needs no gate, permit or reservation, and it leaves even while the lead's touches are paused. It is
//! held back by the brakes (a paused connection or workflow, a connection that is gone) and by a pause of its own run, which goes
//! on where it was. The run waits for the answer. A run that has left the step meanwhile is not moved by the answer, and nothing
//! of it is saved.

use super::Machine;
use super::sending::Sent;
use super::verbs::NotMade;
use crate::effect::Message;
use crate::event::{Delivery, MessageDue, Reply};
use crate::gate::{Reason, Verdict};
use crate::id::{EffectId, RunId};
use crate::journal::Ignored;
use crate::run::RunState;
use crate::workflow::{Http, StepRef, Target, Verb};

impl Machine<'_> {
    pub(super) fn enter_http(&mut self, id: RunId, http: &Http) {
        match self.request(id, http) {
            Ok(effect) => self.set_run_state(id, RunState::Sending(effect)),
            Err(_) => self.park(id, "the lead has used up its sequence numbers".to_owned()),
        }
    }

    /// Queues the request of a step. It is filled in when its first attempt begins.
    fn request(&mut self, id: RunId, http: &Http) -> Result<EffectId, NotMade> {
        if self.is_spent() {
            return Err(NotMade::NoRoom);
        }
        let Some((at @ StepRef { workflow, step }, attempt)) = self.run(id).map(|run| (run.at(), run.attempt)) else {
            return Err(NotMade::Never);
        };
        Ok(self.queue((id, attempt), http.via.clone(), Message::Request { workflow, step, rendered: None }, at, false))
    }

    /// Checks whether a request that falls due may leave; the error is the verdict against it.
    pub(super) fn may_ask(&self, message: &MessageDue) -> Result<(), Verdict> {
        if !message.may_have_left && !self.still_wants(message) {
            return Err(Verdict::Never(Reason::MovedOn));
        }
        let now = self.cx.now;
        let of_run = self.state.runs.iter().find(|run| run.id == message.run && !message.wanted);
        let paused = of_run.and_then(|run| run.paused_until).filter(|until| *until > now && !message.may_have_left);
        match (paused, self.held(message)) {
            (_, Some(why)) => Err(Verdict::Held(why)),
            (Some(at), None) => Err(Verdict::NotBefore { at, why: Reason::RunPaused }),
            (None, None) => Ok(()),
        }
    }

    /// Handles what became of a request. It has been noted already.
    pub(super) fn answered(&mut self, request: &Sent, ending: &Delivery) {
        let Sent { effect, run, attempt, .. } = *request;
        let stands = |run: &mut crate::run::Run| run.attempt == attempt && run.state == RunState::Sending(effect);
        if !self.run(run).is_some_and(stands) {
            return self.ignore(Ignored::StaleAttempt);
        }
        let Some((definition, ix)) = self.place(run) else { return };
        let step = &definition.steps[ix];
        let Verb::Http(http) = &step.verb else { return self.go_on(run, step.next) };
        // As after an event, all runs hear of it before any run takes a step.
        self.then_walk(|machine| {
            if let Some(reply) = ending.reply() {
                machine.save(run, reply);
            }
            // What other runs did about the saved values may have moved this one.
            if machine.run(run).is_some_and(stands) {
                machine.go_on(run, way_out(http, step.next, ending));
            }
        });
    }

    /// Sets the fields that the step takes from the answer, as `update` does.
    fn save(&mut self, run: RunId, reply: &Reply) {
        for left in &reply.left_out {
            self.left_out(&left.field, left.why);
        }
        self.tell_of_updates(run, |machine| {
            for (field, value) in &reply.values {
                machine.update_field(run, field, value.clone(), false);
            }
        });
    }
}

/// The way that a run takes after its request.
fn way_out(http: &Http, next: Target, ending: &Delivery) -> Target {
    http.results.map_or(next, |results| match ending {
        Delivery::Answered(_) | Delivery::Sent => results.sent,
        Delivery::Refused(_) => results.refused,
        _ => results.failed,
    })
}
