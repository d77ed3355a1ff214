//! Tasks: how they are made, done, moved and withdrawn, and what a completed touch does.

use super::Machine;
use super::view::ClosedTask;
use crate::event::{TaskChange, TaskReport};
use crate::gate::{self, Verdict};
use crate::id::{RunId, TaskId};
use crate::journal::{Ignored, Note};
use crate::lead::{Channel, Outcome, Stage, Touch, TouchResult};
use crate::run::RunState;
use crate::state::TASKS_MAX;
use crate::task::{Assignee, EscalationPoint, Task, TaskKind};
use crate::time::{Span, Timestamp};
use crate::workflow::{Escalate, Verb, Workflow};

impl Machine<'_> {
    /// Makes a task for a run's step. None when the gate says never, or when the run had to be parked.
    pub(super) fn make_task(
        &mut self,
        run: RunId,
        kind: TaskKind,
        touch: Option<u16>,
        due: Span,
        escalate: Option<&Escalate>,
        definition: &Workflow,
    ) -> Option<TaskId> {
        let (now, calendar) = (self.cx.now, &self.cx.live.settings.calendar);
        let not_before = if kind == TaskKind::Call { self.gate_call()? } else { None };
        if self.state.tasks.len() >= TASKS_MAX {
            self.park(run, format!("the lead has {TASKS_MAX} open tasks already"));
            return None;
        }
        let callback = self.state.callback_at.take().filter(|at| *at > now);
        let from = not_before.max(callback).unwrap_or(now);
        let step = self.run(run)?.step;
        let id = self.new_task_id();
        let task = Task {
            id,
            kind,
            run: Some(run),
            workflow: definition.digest,
            step,
            touch,
            assignee: self.state.lead.owner.clone().map_or(Assignee::Nobody, Assignee::Rep),
            created_at: now,
            due: calendar.add(from, due),
            not_before: (from > now).then_some(from),
            escalation: escalate.and_then(|escalate| first_point(escalate, from, calendar)),
            reminders: 0,
            raised: false,
            redial: false,
            about: None,
        };
        self.open_task(task);
        Some(id)
    }

    pub(super) fn open_task(&mut self, task: Task) {
        let Task { id, kind, due, ref assignee, .. } = task;
        self.notes.push(Note::TaskMade { task: id, kind, assignee: assignee.clone(), due });
        self.state.tasks.push(task);
    }

    /// The first moment a call may be made; the outer none is never. Calls are gated when made; again when listed and
    /// claimed.
    fn gate_call(&mut self) -> Option<Option<Timestamp>> {
        let (verdict, _) = gate::check(&self.state.lead, Channel::Call, &self.cx.live.settings, self.cx.now);
        match verdict {
            Verdict::Go => Some(None),
            Verdict::NotBefore { at, .. } => {
                self.notes.push(Note::Gated { channel: Channel::Call, verdict });
                Some(Some(at))
            }
            Verdict::Never(_) => {
                self.notes.push(Note::Gated { channel: Channel::Call, verdict });
                None
            }
        }
    }

    /// After preferences or a pause changed: open calls are offered when the gate says so now.
    pub(super) fn regate_calls(&mut self) {
        let now = self.cx.now;
        let (verdict, _) = gate::check(&self.state.lead, Channel::Call, &self.cx.live.settings, now);
        for task in self.state.tasks.iter_mut().filter(|task| task.kind == TaskKind::Call) {
            task.not_before = match verdict {
                Verdict::Go => None,
                Verdict::NotBefore { at, .. } => Some(at),
                Verdict::Never(_) => Some(Timestamp::MAX),
            };
        }
    }

    pub(super) fn withdraw_task(&mut self, id: TaskId) {
        let Some(ix) = self.state.tasks.iter().position(|task| task.id == id) else { return };
        self.state.tasks.remove(ix);
        self.notes.push(Note::TaskWithdrawn(id));
        self.withdraw_about(id);
    }

    /// What was raised about a task is settled with it.
    fn withdraw_about(&mut self, id: TaskId) {
        let about: Vec<TaskId> = self.state.tasks.iter().filter(|t| t.about == Some(id)).map(|t| t.id).collect();
        about.into_iter().for_each(|task| self.withdraw_task(task));
    }

    pub(super) fn task_done(&mut self, report: &TaskReport) {
        let Some(ix) = self.state.tasks.iter().position(|task| task.id == report.task) else {
            self.ignore(Ignored::UnknownTask);
            return;
        };
        let task = self.state.tasks.remove(ix);
        let result = report.result.filter(|_| report.outcome.reached() || task.kind != TaskKind::Call);
        self.notes.push(Note::TaskDone { task: task.id, outcome: report.outcome, result });
        self.withdraw_about(task.id);
        self.set_fields(&report.fields);
        self.state.callback_at = report.callback_at.filter(|at| *at > self.cx.now);
        let run = task.run;
        if task.kind == TaskKind::Call {
            let by = match &task.assignee {
                Assignee::Rep(rep) => Some(rep.clone()),
                Assignee::Pool(_) | Assignee::Nobody => None,
            };
            let touch = Touch {
                at: self.cx.now,
                channel: Channel::Call,
                outcome: report.outcome,
                result,
                by,
                run,
                task: Some(task.id),
            };
            self.complete_touch(touch);
        }
        self.task = Some(ClosedTask { task, outcome: report.outcome, result });
        match result {
            Some(TouchResult::OptedOut) => self.opt_out(&report.by, report.notes.clone()),
            _ => self.leave_runs(),
        }
        if let Some(run) = run {
            self.task_result(run, report.task, report.outcome, result);
        }
        self.wake_waits();
    }

    /// Where a run goes from a task that was done.
    fn task_result(&mut self, run: RunId, task: TaskId, outcome: Outcome, result: Option<TouchResult>) {
        let Some(definition) = self.definition(run) else { return };
        let Some(step) = self.run(run).map(|r| r.step).and_then(|ix| definition.step(ix)) else { return };
        let awaited = self.run(run).is_some_and(|r| r.state == RunState::Task(task));
        match &step.verb {
            Verb::Call(call) if awaited => self.go_on(run, call.results.lookup(Some(outcome), result)),
            Verb::Task(todo) if awaited => self.go_on(run, todo.results.lookup(Some(outcome), result)),
            Verb::Cadence(cadence) => self.cadence_call_over(run, task, cadence, outcome),
            _ => self.ignore(Ignored::NotAwaited),
        }
    }

    /// Records a touch for the lead.
    pub(super) fn complete_touch(&mut self, touch: Touch) {
        let (channel, outcome) = (touch.channel, touch.outcome);
        if outcome == Outcome::WrongNumber && !self.state.lead.consent.refused.contains(&Channel::Call) {
            self.state.lead.consent.refused.push(Channel::Call);
        }
        self.touch = Some(touch.clone());
        self.state.lead.record_touch(touch);
        self.notes.push(Note::Touched { channel, outcome, contact: self.state.lead.counts.contacts });
    }

    pub(super) fn task_moved(&mut self, id: TaskId, change: &TaskChange) {
        let now = self.cx.now;
        let Some(task) = self.task_mut(id) else {
            self.ignore(Ignored::UnknownTask);
            return;
        };
        match change {
            TaskChange::Claimed(rep) if matches!(&task.assignee, Assignee::Rep(owner) if owner != rep) => {
                self.ignore(Ignored::NotAwaited);
                return;
            }
            TaskChange::Claimed(rep) | TaskChange::Reassigned(rep) => task.assignee = Assignee::Rep(rep.clone()),
            TaskChange::Snoozed(until) => task.not_before = Some(*until).filter(|until| *until > now),
        }
        let assignee = task.assignee.clone();
        self.notes.push(Note::TaskMoved { task: id, assignee });
    }

    /// Open tasks of one rep go to another.
    pub(super) fn move_tasks(&mut self, from: &crate::lead::RepId, to: &crate::lead::RepId) {
        let from = Assignee::Rep(from.clone());
        let to = Assignee::Rep(to.clone());
        let mut moved = Vec::new();
        for task in self.state.tasks.iter_mut().filter(|task| task.assignee == from) {
            task.assignee = to.clone();
            moved.push(task.id);
        }
        self.notes.extend(moved.into_iter().map(|task| Note::TaskMoved { task, assignee: to.clone() }));
    }

    /// Whether the lead may still be worked.
    pub(super) fn is_suppressed(&self) -> bool {
        self.state.lead.consent.opted_out.is_some()
            || matches!(self.state.lead.stage, Stage::Suppressed | Stage::Disqualified)
    }
}

fn first_point(escalate: &Escalate, from: Timestamp, calendar: &crate::calendar::Calendar) -> Option<EscalationPoint> {
    let span = escalate.at.first()?;
    Some(EscalationPoint { point: 0, at: calendar.add(from, *span), asked: false })
}
