//! Escalations: at given points a plugin is asked what to do about a task that is not done.

use super::Machine;
use super::decide::Asked;
use crate::effect::{Effect, Message, Outgoing};
use crate::event::Answer;
use crate::gate::{self, Reason, Verdict};
use crate::id::TaskId;
use crate::journal::{Ignored, Note};
use crate::lead::{Channel, RepId};
use crate::plugin::{Action, Decision, DecisionKind, Overdue};
use crate::state::TASKS_MAX;
use crate::task::{Assignee, EscalationPoint, Task, TaskKind};
use crate::time::Timestamp;
use crate::workflow::{AskRef, Escalate, Recipient, Verb};

/// From when on somebody could have done it: escalation points count from here.
fn offered_from(task: &Task) -> Timestamp {
    task.not_before.unwrap_or(task.created_at).max(task.created_at)
}

impl Machine<'_> {
    /// The escalation of a task's step.
    pub(super) fn escalation_of(&self, task: &Task) -> Option<(AskRef, Escalate)> {
        let definition = self.cx.definitions.get(&task.workflow)?;
        let touch = task.touch.unwrap_or(0);
        let verb: &Verb = &definition.step(task.step)?.verb;
        let (_, escalate) = verb.escalations().find(|(ix, _)| *ix == touch)?;
        let place = AskRef { workflow: task.workflow, step: task.step, slot: AskRef::escalation(touch) };
        Some((place, escalate.clone()))
    }

    /// A point of a task has come: the latest one that has is asked, and only that.
    pub(super) fn escalation_due(&mut self, id: TaskId) {
        let now = self.cx.now;
        let Some(task) = self.state.tasks.iter().find(|task| task.id == id).cloned() else { return };
        let Some(mut point) = task.escalation else { return };
        if task.run.is_some_and(|run| self.brake(run)) {
            return;
        }
        let Some((place, escalate)) = self.escalation_of(&task) else {
            self.set_point(id, None);
            return;
        };
        if self.cx.is_plugin_paused(&escalate.ask.plugin)
            && let Some(run) = task.run
        {
            self.stand_still(run);
            return;
        }
        if let Some((at, why)) = self.touches_held_until(&task) {
            self.notes.push(Note::Gated { channel: Channel::Call, verdict: Verdict::NotBefore { at, why } });
            self.set_point(id, Some(EscalationPoint { at, asked: false, ..point }));
            return;
        }
        let from = offered_from(&task);
        while let Some(next) = self.point(&escalate, point.point + 1, from)
            && next.at <= now
        {
            point = next;
        }
        let Some(run) = task.run else {
            self.set_point(id, None);
            return;
        };
        // Counted from now when it is asked, so that one that has not been answered is not asked again at once.
        self.set_point(id, Some(EscalationPoint { at: now, asked: true, ..point }));
        let overdue = Overdue {
            point: point.point,
            points: u16::try_from(escalate.at.len()).unwrap_or(u16::MAX),
            waited_ms: u64::try_from(now.since_ms(from)).unwrap_or(0),
            overdue_ms: u64::try_from(now.since_ms(task.due)).unwrap_or(0),
            reminders: task.reminders,
            raised: task.raised,
        };
        let (kind, plugin) = (DecisionKind::Escalation, escalate.ask.plugin.as_str());
        let attempt = u32::from(point.point);
        self.question(Asked { run, attempt, task: Some(id), kind, plugin, place, since: from }, Some(overdue));
    }

    /// A call that may not be made now is nobody's neglect: until when, when a person or the lead holds it back.
    fn touches_held_until(&self, task: &Task) -> Option<(Timestamp, Reason)> {
        if task.kind != TaskKind::Call {
            return None;
        }
        match gate::check(&self.state.lead, Channel::Call, &self.cx.live.settings, self.cx.now).0 {
            Verdict::NotBefore { at, why: why @ (Reason::Paused | Reason::NotBefore) } => Some((at, why)),
            Verdict::NotBefore { .. } | Verdict::Go | Verdict::Never(_) => None,
        }
    }

    /// Points that a pause put off fall due when they would have, or now.
    pub(super) fn resume_escalations(&mut self) {
        for task in self.state.tasks.clone() {
            let Some(held) = task.escalation.filter(|point| !point.asked && point.at > self.cx.now) else { continue };
            let Some((_, escalate)) = self.escalation_of(&task) else { continue };
            if let Some(point) = self.point(&escalate, held.point, offered_from(&task)) {
                self.set_point(task.id, Some(EscalationPoint { at: point.at.max(self.cx.now), ..point }));
            }
        }
    }

    pub(super) fn point(&self, escalate: &Escalate, point: u16, from: Timestamp) -> Option<EscalationPoint> {
        let span = escalate.at.get(usize::from(point))?;
        Some(EscalationPoint { point, at: self.cx.live.settings.calendar.add(from, *span), asked: false })
    }

    pub(super) fn set_point(&mut self, id: TaskId, point: Option<EscalationPoint>) {
        if let Some(task) = self.task_mut(id) {
            task.escalation = point;
        }
    }

    pub(super) fn escalation_decided(&mut self, id: TaskId, answer: &Answer) {
        let Some(task) = self.state.tasks.iter().find(|task| task.id == id).cloned() else {
            self.ignore(Ignored::UnknownTask);
            return;
        };
        // The attempt of an escalation's question is its point.
        let asked = task.escalation.filter(|point| point.asked && u32::from(point.point) == answer.attempt);
        let Some(asked) = asked else {
            self.ignore(Ignored::NotAwaited);
            return;
        };
        let Some((_, escalate)) = self.escalation_of(&task) else {
            self.set_point(id, None);
            return;
        };
        self.note_decision(answer, DecisionKind::Escalation);
        let action = match &answer.decision {
            Ok(Decision::Escalate { action, .. }) => *action,
            // Something overdue must not be forgotten because a plugin failed.
            _ => Action::Remind,
        };
        self.set_point(id, self.point(&escalate, asked.point + 1, offered_from(&task)));
        let to = match action {
            Action::Wait => None,
            Action::Remind => self.remind(&task, &escalate.remind),
            Action::Raise => self.raise(&task, &escalate.raise),
            Action::Reassign => self.offer_to_pool(&task),
        };
        self.notes.push(Note::Escalated { task: id, point: asked.point, action, to });
    }

    fn recipient(&self, recipient: &Recipient, task: &Task) -> Option<RepId> {
        let owner = match &task.assignee {
            Assignee::Rep(rep) => Some(rep),
            Assignee::Pool(_) | Assignee::Nobody => self.state.lead.owner.as_ref(),
        };
        let team = &self.cx.live.settings.team;
        match recipient {
            Recipient::Owner => owner.cloned(),
            Recipient::Manager => owner.and_then(|owner| team.reps.get(owner)).and_then(|rep| rep.manager.clone()),
            Recipient::Rep(rep) => Some(RepId(rep.clone())),
        }
    }

    fn remind(&mut self, task: &Task, recipient: &Recipient) -> Option<RepId> {
        let to = self.recipient(recipient, task);
        if let Some(task) = self.task_mut(task.id) {
            task.reminders = task.reminders.saturating_add(1);
        }
        self.notify(task, to.as_ref(), "reminder");
        to
    }

    /// The manager gets a task of their own, and the overdue one rises in its queue.
    fn raise(&mut self, task: &Task, recipient: &Recipient) -> Option<RepId> {
        let to = self.recipient(recipient, task);
        if let Some(task) = self.task_mut(task.id) {
            task.raised = true;
        }
        let already = self.state.tasks.iter().any(|t| t.about == Some(task.id));
        if !already && self.state.tasks.len() < TASKS_MAX && !self.is_spent() {
            let id = self.new_task_id();
            self.open_task(Task {
                id,
                kind: TaskKind::Escalation,
                run: None,
                workflow: task.workflow,
                step: task.step,
                touch: task.touch,
                assignee: to.clone().map_or(Assignee::Nobody, Assignee::Rep),
                created_at: self.cx.now,
                due: self.cx.now,
                not_before: None,
                escalation: None,
                reminders: 0,
                raised: false,
                redial: false,
                about: Some(task.id),
            });
        }
        self.notify(task, to.as_ref(), "raised");
        to
    }

    /// Anybody of the owner's pool may claim it.
    fn offer_to_pool(&mut self, task: &Task) -> Option<RepId> {
        let Assignee::Rep(owner) = &task.assignee else { return None };
        let pools = &self.cx.live.settings.team.pools;
        let (pool, _) = pools.iter().find(|(_, pool)| pool.members.iter().any(|(rep, _)| rep == owner))?;
        let assignee = Assignee::Pool(pool.clone());
        if let Some(task) = self.task_mut(task.id) {
            task.assignee = assignee.clone();
        }
        self.notes.push(Note::TaskMoved { task: task.id, assignee });
        None
    }

    fn notify(&mut self, task: &Task, to: Option<&RepId>, kind: &str) {
        let Some(via) = self.cx.live.settings.contact.notify_via.clone() else { return };
        let (Some(to), Some(run)) = (to, task.run) else { return };
        if self.is_spent() {
            return;
        }
        let effect = self.new_effect_id();
        self.notes.push(Note::Queued { effect, via: via.clone(), script: None });
        self.effects.push(Effect::Send(Outgoing {
            id: effect,
            lead: self.state.lead.id,
            run,
            attempt: 0,
            via,
            due: self.cx.now,
            message: Message::Notice { to: to.clone(), task: task.id, kind: kind.to_owned() },
            tries: 0,
            started_at: None,
            last_error: None,
            made_at: self.cx.now,
            redriven: false,
            deferred: None,
        }));
    }
}
