//! What each verb does when a run comes to its step.

use super::Machine;
use crate::effect::{AssignRequest, Effect, Message, Outgoing};
use crate::event::Delivery;
use crate::expr::Expr;
use crate::gate;
use crate::id::{EffectId, RunId};
use crate::journal::{Ignored, Note};
use crate::lead::{Channel, Outcome, Touch};
use crate::run::{CadencePhase, RunState};
use crate::task::TaskKind;
use crate::time::Timestamp;
use crate::value::Value;
use crate::workflow::{AskRef, Assign, AssignBy, Assignment, Call, Email, Target, Todo, Verb, Wait, Workflow};

impl Machine<'_> {
    pub(super) fn take_step(&mut self, id: RunId) {
        let Some(definition) = self.definition(id) else {
            self.park(id, "the definition it runs by is not in the store".to_owned());
            return;
        };
        let Some(ix) = self.run(id).map(|run| run.step) else { return };
        let Some(step) = definition.step(ix) else {
            self.park(id, format!("its definition has no step number {}", ix.0));
            return;
        };
        self.notes.push(Note::Entered { run: id, step: ix });
        match &step.verb {
            Verb::Score(score) => self.ask(id, &definition, AskRef::MAIN, &score.ask),
            Verb::Branch(branch) => self.ask(id, &definition, AskRef::MAIN, &branch.ask),
            Verb::Switch(arms) => {
                let arm = arms.iter().find(|arm| self.holds(&arm.condition, Some(id)));
                self.go(id, arm.map_or(step.next, |arm| arm.go));
            }
            Verb::Assign(assign) => self.ask_for_owner(id, assign),
            Verb::Call(call) => self.enter_call(id, call, &definition),
            Verb::Email(email) => self.enter_email(id, email, step.next),
            Verb::Cadence(cadence) => self.enter_cadence(id, cadence),
            Verb::Task(todo) => self.enter_todo(id, todo, &definition),
            Verb::Wait(wait) => self.enter_wait(id, wait, step.next),
            Verb::Update(assignments) => {
                self.update(id, assignments);
                self.go(id, step.next);
            }
            Verb::Enroll(workflow) => {
                // On its way first: the other workflow may end this run.
                self.go(id, step.next);
                self.enroll_by_name(workflow);
            }
            Verb::End(ending) => self.end_run(id, ending),
        }
    }

    fn enter_call(&mut self, id: RunId, call: &Call, definition: &Workflow) {
        let escalate = call.escalate.as_ref();
        match self.make_task(id, TaskKind::Call, None, call.due, escalate, definition) {
            Some(task) => self.set_run_state(id, RunState::Task(task)),
            // Never on this channel: as if nothing had come of it.
            None => self.go(id, call.results.otherwise),
        }
    }

    fn enter_todo(&mut self, id: RunId, todo: &Todo, definition: &Workflow) {
        match self.make_task(id, TaskKind::Todo, None, todo.due, todo.escalate.as_ref(), definition) {
            Some(task) => self.set_run_state(id, RunState::Task(task)),
            None => self.go(id, todo.results.otherwise),
        }
    }

    fn enter_email(&mut self, id: RunId, email: &Email, next: Target) {
        match self.send_email(id, email) {
            Some(effect) => self.set_run_state(id, RunState::Sending(effect)),
            None => self.go(id, next),
        }
    }

    pub(super) fn set_run_state(&mut self, id: RunId, state: RunState) {
        if let Some(run) = self.run(id) {
            run.state = state;
        }
    }

    /// Queues a mail; none when the lead has no address. The gate is asked when it is to leave.
    pub(super) fn send_email(&mut self, id: RunId, email: &Email) -> Option<EffectId> {
        if self.state.lead.profile.email.is_none() {
            let verdict = gate::Verdict::Never(gate::Reason::NoAddress);
            self.notes.push(Note::Gated { channel: Channel::Email, verdict });
            return None;
        }
        let (workflow, step, attempt) = self.run(id).map(|run| (run.workflow, run.step, run.attempt))?;
        let effect = self.new_effect_id();
        self.notes.push(Note::Queued { effect, via: email.via.clone() });
        self.effects.push(Effect::Send(Outgoing {
            id: effect,
            lead: self.state.lead.id,
            run: id,
            attempt,
            via: email.via.clone(),
            due: self.cx.now,
            message: Message::Email { workflow, step, script: email.script.clone(), rendered: None },
            tries: 0,
            started_at: None,
            last_error: None,
            made_at: self.cx.now,
        }));
        Some(effect)
    }

    pub(super) fn delivered(&mut self, effect: EffectId, run: RunId, attempt: u32, ending: &Delivery) {
        let text = match ending {
            Delivery::Sent => "sent",
            Delivery::HeldBack(_) => "held_back",
            Delivery::Dead(_) => "dead",
        };
        self.notes.push(Note::Delivered { effect, ending: text.to_owned() });
        let awaited = self.run(run).is_some_and(|r| {
            r.attempt == attempt
                && match &r.state {
                    RunState::Sending(awaited) => *awaited == effect,
                    RunState::Cadence(state) => state.phase == CadencePhase::Sending(effect),
                    _ => false,
                }
        });
        let sent = *ending == Delivery::Sent;
        // A mail that left is a touch, whatever became of its run meanwhile.
        if sent {
            let touch = Touch {
                at: self.cx.now,
                channel: Channel::Email,
                outcome: Outcome::Sent,
                result: None,
                by: None,
                run: Some(run),
                task: None,
            };
            self.complete_touch(touch);
            self.leave_runs();
        }
        if !awaited {
            self.ignore(Ignored::StaleAttempt);
            return;
        }
        let Some(definition) = self.definition(run) else { return };
        let Some(step) = self.run(run).map(|r| r.step).and_then(|ix| definition.step(ix)) else { return };
        match &step.verb {
            Verb::Cadence(cadence) => self.cadence_mail_over(run, cadence, sent),
            _ => self.go_on(run, step.next),
        }
    }

    fn ask_for_owner(&mut self, id: RunId, assign: &Assign) {
        let territory = (assign.by == AssignBy::Territory).then(|| self.territory_owner(id)).flatten();
        let Some(attempt) = self.run(id).map(|run| {
            run.state = RunState::Assigning;
            run.attempt
        }) else {
            return;
        };
        self.effects.push(Effect::Assign(AssignRequest {
            run: id,
            attempt,
            pool: assign.pool.clone(),
            by: assign.by,
            sticky: assign.sticky,
            fallback: assign.fallback.clone(),
            current: self.state.lead.owner.clone(),
            account: self.state.lead.account,
            territory,
        }));
    }

    fn update(&mut self, id: RunId, assignments: &[Assignment]) {
        for assignment in assignments {
            match assignment {
                Assignment::Stage(stage) => self.set_stage(*stage),
                Assignment::Segment(segment) => self.set_segment(*segment),
                Assignment::Field { field, value } => {
                    let value = value.eval(&self.view(Some(id)));
                    self.set_fields(&[(field.clone(), value)]);
                }
            }
        }
    }

    pub(super) fn set_segment(&mut self, segment: crate::plugin::Segment) {
        if self.state.lead.segment != Some(segment) {
            self.state.lead.segment = Some(segment);
            self.notes.push(Note::Segment(segment));
        }
    }

    fn enter_wait(&mut self, id: RunId, wait: &Wait, next: Target) {
        let now = self.cx.now;
        match wait {
            Wait::For(span) => {
                let until = self.cx.live.settings.calendar.add(now, *span);
                if until <= now { self.go(id, next) } else { self.wait_until(id, Some(until)) }
            }
            Wait::Until { date, past, blank, .. } => match self.wait_date(id, wait, date) {
                None => self.go(id, *blank),
                Some(until) if until <= now => self.go(id, *past),
                Some(until) => self.wait_until(id, Some(until)),
            },
            Wait::Event { condition, event, go, timeout, .. } => {
                let moved_seq = self.run(id).map_or(u64::MAX, |run| run.moved_seq);
                let came = self.state.recent.iter().any(|recent| {
                    recent.seq > moved_seq && recent.kind == *event && self.recent_holds(recent, condition, id)
                });
                let until = self.cx.live.settings.calendar.add(now, *timeout);
                if came { self.go(id, *go) } else { self.wait_until(id, Some(until)) }
            }
        }
    }

    fn wait_until(&mut self, id: RunId, until: Option<Timestamp>) {
        self.set_run_state(id, RunState::Waiting { until });
        self.notes.push(Note::Waiting { run: id, until });
    }

    fn recent_holds(&self, recent: &crate::state::Recent, condition: &Expr, run: RunId) -> bool {
        let report = crate::event::Report {
            kind: recent.kind.clone(),
            at: recent.at,
            source: recent.source.clone(),
            fields: Vec::new(),
            data: recent.data.clone(),
            enrolls: false,
        };
        let mut view = self.view(Some(run));
        view.report = Some(&report);
        condition.holds(&view)
    }

    /// The moment a wait on a date is for; none while the date is blank.
    fn wait_date(&self, run: RunId, wait: &Wait, date: &Expr) -> Option<Timestamp> {
        let Wait::Until { offset, before, .. } = wait else { return None };
        let Value::Time(date) = date.eval(&self.view(Some(run))) else { return None };
        let calendar = &self.cx.live.settings.calendar;
        Some(if *before { calendar.subtract(date, *offset) } else { calendar.add(date, *offset) })
    }

    /// After an event from outside: runs that waited for it, or whose date it moved, go on.
    pub(super) fn wake_waits(&mut self) {
        let waiting: Vec<RunId> = self
            .state
            .runs
            .iter()
            .filter(|run| matches!(run.state, RunState::Waiting { .. }))
            .map(|run| run.id)
            .collect();
        for id in waiting {
            let Some(definition) = self.definition(id) else { continue };
            let Some(step) = self.run(id).map(|run| run.step).and_then(|ix| definition.step(ix)) else { continue };
            let Verb::Wait(wait) = &step.verb else { continue };
            self.wake_wait(id, wait);
        }
    }

    fn wake_wait(&mut self, id: RunId, wait: &Wait) {
        let now = self.cx.now;
        match wait {
            Wait::For(_) => {}
            Wait::Event { event, condition, go, .. } => {
                if self.report.is_some_and(|report| report.kind == *event) && self.holds(condition, Some(id)) {
                    self.go_on(id, *go);
                }
            }
            Wait::Until { date, past, blank, .. } => {
                let until = self.wait_date(id, wait, date);
                let waited = self.run(id).map(|run| run.state.clone());
                match until {
                    None => self.go_on(id, *blank),
                    Some(until) if until <= now => self.go_on(id, *past),
                    until if waited != Some(RunState::Waiting { until }) => self.wait_until(id, until),
                    _ => {}
                }
            }
        }
    }

    /// A wait's time has come.
    pub(super) fn wait_over(&mut self, id: RunId) {
        let Some(definition) = self.definition(id) else { return };
        let Some(step) = self.run(id).map(|run| run.step).and_then(|ix| definition.step(ix)) else { return };
        let Verb::Wait(wait) = &step.verb else { return };
        match wait {
            Wait::Event { on_timeout, .. } => self.go_on(id, *on_timeout),
            Wait::For(_) | Wait::Until { .. } => self.go_on(id, step.next),
        }
    }
}
