//! Tasks: how they are made, done, moved and withdrawn, and what a completed touch does.

use super::Machine;
use super::escalate::offered_from;
use super::report::Word;
use super::verbs::NotMade;
use super::view::ClosedTask;
use crate::calendar::Calendar;
use crate::event::{TaskChange, TaskReport};
use crate::gate::{self, Intent, Verdict};
use crate::id::{RunId, TaskId};
use crate::identity::{IdentityKey, IdentityKind};
use crate::journal::{Ignored, Note};
use crate::lead::{Channel, Outcome, RepId, Stage, Touch, TouchResult};
use crate::own_words::Said;
use crate::run::RunState;
use crate::state::{CLAIM_MS, TASKS_MAX};
use crate::task::{Assignee, EscalationPoint, Task, TaskKind};
use crate::time::{Span, Timestamp};
use crate::workflow::{Call, Doer, Escalate, StepRef, Todo, TouchId, TouchPlan, Verb, Workflow};

/// The times and the doer that a step gives its task.
#[derive(Clone, Copy)]
pub(super) struct Terms<'d> {
    pub(super) due: Span,
    pub(super) escalate: Option<&'d Escalate>,
    pub(super) give_up: Option<Span>,
    pub(super) doer: &'d Doer,
    /// Whether it is for the second dial of a double dial.
    pub(super) redial: bool,
}

impl<'d> Terms<'d> {
    /// The terms of the step or touch that makes a task; none if it makes none.
    fn of(verb: &'d Verb, touch: Option<TouchId>) -> Option<Self> {
        match verb {
            Verb::Call(call) => Some(call.as_ref().into()),
            Verb::Task(todo) => Some(todo.as_ref().into()),
            Verb::Cadence(cadence) => Self::of_touch(&cadence.touch(touch?)?.touch),
            _ => None,
        }
    }

    /// The terms of a call or task of a cadence.
    pub(super) fn of_touch(touch: &'d TouchPlan) -> Option<Self> {
        match touch {
            TouchPlan::Call { due, escalate, give_up, .. } => Some(Self {
                due: *due,
                escalate: escalate.as_ref(),
                give_up: *give_up,
                doer: &Doer::Owner,
                redial: false,
            }),
            TouchPlan::Task { due, escalate, give_up, .. } => Some(Self {
                due: *due,
                escalate: escalate.as_ref(),
                give_up: *give_up,
                doer: &Doer::Owner,
                redial: false,
            }),
            TouchPlan::Email(_) | TouchPlan::Message(_) => None,
        }
    }
}

impl<'d> From<&'d Call> for Terms<'d> {
    fn from(call: &'d Call) -> Self {
        Self { due: call.due, escalate: call.escalate.as_ref(), give_up: call.give_up, doer: &call.doer, redial: false }
    }
}

impl<'d> From<&'d Todo> for Terms<'d> {
    fn from(todo: &'d Todo) -> Self {
        Self { due: todo.due, escalate: todo.escalate.as_ref(), give_up: todo.give_up, doer: &todo.doer, redial: false }
    }
}

impl<'a> Machine<'a> {
    /// Creates the task for a run's step.
    pub(super) fn make_task(
        &mut self,
        run: RunId,
        kind: TaskKind,
        touch: Option<TouchId>,
        terms: Terms<'_>,
        definition: &Workflow,
    ) -> Result<TaskId, NotMade> {
        let Terms { due, escalate, give_up, doer, redial } = terms;
        let now = self.cx.now;
        let agreed = self.state.callback_at.is_some();
        let intent = if agreed || redial { Intent::Agreed } else { Intent::New };
        let gated = if kind == TaskKind::Call { self.gate_call(intent).ok_or(NotMade::Never)? } else { None };
        if self.state.tasks.len() >= TASKS_MAX || self.is_spent() {
            return Err(NotMade::NoRoom);
        }
        let step = self.run(run).ok_or(NotMade::Never)?.step;
        let callback = self.state.callback_at.take();
        let from = gated.max(callback.filter(|at| *at > now)).unwrap_or(now);
        let assignee = self.new_task_for(run, definition, doer);
        let id = self.new_task_id();
        let calendar = self.cx.live.settings.hours_for(&assignee);
        let task = Task {
            id,
            kind,
            run: Some(run),
            workflow: definition.digest,
            step,
            touch,
            assignee,
            created_at: now,
            // A call-back is due at the agreed time.
            due: if callback.is_some() { from } else { calendar.add(from, due) },
            not_before: (from > now).then_some(from),
            escalation: escalate.and_then(|escalate| first_point(escalate, from, calendar)),
            reminders: 0,
            raised: false,
            redial,
            agreed,
            about: None,
            give_up: give_up.map(|span| calendar.add(from, span)),
            number: None,
        };
        self.open_task(task);
        Ok(id)
    }

    pub(super) fn open_task(&mut self, task: Task) {
        let Task { id, kind, due, ref assignee, .. } = task;
        let (assignee, at) = (assignee.clone(), Some(task.at()));
        self.notes.push(Note::TaskMade { task: id.in_journal(), kind, assignee, due, at });
        self.state.tasks.push(task);
    }

    /// The first moment at which a call may be made. The outer `None` means never, the inner one means now. Calls are
    /// gated when they are created, and again when they are listed and claimed.
    fn gate_call(&mut self, intent: Intent) -> Option<Option<Timestamp>> {
        let verdict = gate::check_for(intent, self.state, Channel::Call, &self.cx.live.settings, self.cx.now);
        if verdict != Verdict::Go {
            self.notes.push(Note::Gated { channel: Some(Channel::Call), verdict, effect: None });
        }
        (!matches!(verdict, Verdict::Never(_))).then(|| held_until(verdict))
    }

    /// What the gate says of calls now, or `None` when no call is open. It is asked before and after each event, so
    /// that open calls are gated again whatever the event changed: a zone, a preference, the stage, an address, a touch.
    pub(super) fn gate_of_calls(&self) -> Option<CallVerdicts> {
        let is_open = self.state.tasks.iter().any(|task| task.kind == TaskKind::Call);
        let (settings, now) = (&self.cx.live.settings, self.cx.now);
        let check = |intent| gate::check_for(intent, self.state, Channel::Call, settings, now);
        is_open.then(|| {
            let new = check(Intent::New);
            let agreed = if settings.contact.has_limits() { check(Intent::Agreed) } else { new };
            CallVerdicts { new, agreed }
        })
    }

    /// Applies the gate's new verdict to open calls: moves them to when they may be made, and
    /// withdraws those that never may be.
    pub(super) fn regate_calls(&mut self) {
        let Some(before) = self.gate_before.take() else { return };
        let Some(after) = self.gate_of_calls() else { return };
        if before == after {
            return;
        }
        let calls = self.state.tasks.iter().filter(|task| task.kind == TaskKind::Call);
        let calls: Vec<(TaskId, Intent)> = calls.map(|task| (task.id, Intent::of_call(task))).collect();
        for (id, intent) in calls {
            match after.of(intent) {
                Verdict::Never(_) => self.give_up_touch(id),
                verdict => self.reoffer_call(id, held_until(before.of(intent)), held_until(verdict)),
            }
        }
    }

    /// Whether the lead wants nothing on this channel.
    pub(super) fn refuses(&self, channel: Option<Channel>) -> bool {
        channel.is_some_and(|channel| self.state.lead.consent.refused.contains(&channel))
    }

    /// Withdraws what people are to do on channels that the lead now refuses, as is done with calls that may never be made.
    pub(super) fn withdraw_refused(&mut self) {
        if self.state.lead.consent.refused.is_empty() {
            return;
        }
        let channel = |task: &Task| self.channel_of(task).map(|channel| channel.means);
        let is_refused = |task: &&Task| task.kind == TaskKind::Todo && self.refuses(channel(task));
        let tasks: Vec<TaskId> = self.state.tasks.iter().filter(is_refused).map(|task| task.id).collect();
        tasks.into_iter().for_each(|task| self.give_up_touch(task));
    }

    /// Moves one call, which the gate held until `was` and now holds until `is`. An agreed
    /// time or a snooze stays in force.
    pub(super) fn reoffer_call(&mut self, id: TaskId, was: Option<Timestamp>, is: Option<Timestamp>) {
        let Some(task) = self.state.tasks.iter().find(|task| task.id == id).cloned() else { return };
        let otherwise = task.not_before.filter(|at| Some(*at) != was);
        let not_before = otherwise.max(is);
        if not_before == task.not_before {
            return;
        }
        let from = not_before.unwrap_or(self.cx.now);
        let times = self.times_from(&task, from);
        let point = task.escalation.filter(|point| !point.asked);
        let moved = point.and_then(|point| self.point(&task, &self.escalation_of(&task)?.1, point.point, from));
        if let Some(task) = self.task_mut(id) {
            task.not_before = not_before;
            if let Some((due, give_up)) = times {
                (task.due, task.give_up) = (due, task.give_up.and(give_up));
            }
            task.escalation = moved.or(task.escalation);
        }
        self.notes.push(Note::TaskMoved { task: id.in_journal(), assignee: task.assignee });
    }

    /// When a task would be due, and when it would be given up, if it could be done from this moment on.
    fn times_from(&self, task: &Task, from: Timestamp) -> Option<(Timestamp, Option<Timestamp>)> {
        let definition = self.cx.definitions.get(&task.workflow)?;
        let terms = Terms::of(&definition.step(task.step)?.verb, task.touch)?;
        let calendar = self.cx.live.settings.hours_for(&task.assignee);
        Some((calendar.add(from, terms.due), terms.give_up.map(|span| calendar.add(from, span))))
    }

    /// Gives tasks time again when what kept them from being done is over: they have as long as in the beginning until they are
    /// due, until somebody is told of them, and until they are given up.
    pub(super) fn give_time_again(&mut self, of: impl Fn(&Task) -> bool) {
        self.give_time_again_from(of, self.cx.now);
    }

    /// Gives tasks time again from the moment at which what kept them from being done was over.
    pub(super) fn give_time_again_from(&mut self, of: impl Fn(&Task) -> bool, over: Timestamp) {
        let tasks: Vec<Task> = self.state.tasks.iter().filter(|task| of(task)).cloned().collect();
        for task in tasks {
            let ahead = task.not_before.filter(|at| *at > self.cx.now);
            let from = ahead.or_else(|| self.gated_from(&task)).unwrap_or(over);
            let Some((due, give_up)) = self.times_from(&task, from) else { continue };
            // A task that is not on offer yet has only lost time until it is given up. Everything else is timed from its offer.
            let point = task.escalation.filter(|_| ahead.is_none());
            let moved = point.and_then(|point| self.point(&task, &self.escalation_of(&task)?.1, point.point, from));
            let Some(open) = self.task_mut(task.id) else { continue };
            open.give_up = open.give_up.and(open.give_up.max(give_up));
            if ahead.is_none() {
                (open.not_before, open.due) = (Some(from), open.due.max(due));
                open.escalation = moved.or(open.escalation);
            }
        }
    }

    /// Until when the gate holds a task back, if it is a call.
    fn gated_from(&self, task: &Task) -> Option<Timestamp> {
        let verdict = gate::check_call(task, self.state, &self.cx.live.settings, self.cx.now);
        held_until(verdict).filter(|_| task.kind == TaskKind::Call)
    }

    /// Gives up a task that nobody has done in time. There was no touch and no contact, and plugins are not told.
    pub(super) fn give_up_task(&mut self, id: TaskId) {
        let now = self.cx.now;
        let Some(ix) = self.state.tasks.iter().position(|task| task.id == id) else { return };
        if self.state.tasks[ix].run.is_some_and(|run| self.brake(run)) {
            return;
        }
        let is_over = |at: Timestamp| at <= now;
        if self.state.gives_up_at(&self.state.tasks[ix]).is_none_or(|at| !is_over(at)) {
            return;
        }
        let mut task = self.state.tasks.remove(ix);
        self.state.unclaim(id);
        if task.kind == TaskKind::Call && task.number.is_none() {
            task.number = self.number().map(|number| number.value);
        }
        let (kind, assignee, at) = (task.kind, task.assignee.clone(), task.at());
        self.notes.push(Note::NotDone { task: id.in_journal(), kind, assignee, at });
        self.withdraw_about(id);
        let run = task.run;
        self.state.remember_given_up(task);
        let Some(run) = run else { return };
        let Some((definition, ix)) = self.place(run) else { return };
        let awaited = self.run(run).is_some_and(|run| run.state == RunState::Task(id));
        match &definition.steps[ix].verb {
            Verb::Call(call) if awaited => self.go_on(run, call.results.given_up()),
            Verb::Task(todo) if awaited => self.go_on(run, todo.results.given_up()),
            Verb::Cadence(cadence) => self.cadence_task_not_done(run, id, cadence),
            _ => {}
        }
    }

    /// Withdraws a call or a manual touch that may never be made. Its run goes on as if it had come to nothing.
    fn give_up_touch(&mut self, id: TaskId) {
        let Some(run) = self.state.tasks.iter().find(|task| task.id == id).and_then(|task| task.run) else { return };
        self.withdraw_task(id);
        let Some((definition, ix)) = self.place(run) else { return };
        match &definition.steps[ix].verb {
            Verb::Call(call) => self.go_on(run, call.results.otherwise),
            Verb::Cadence(cadence) => self.cadence_task_given_up(run, id, cadence),
            _ => {}
        }
    }

    /// Records that the lead agreed to be called at this time.
    pub(super) fn agree_callback(&mut self, at: Timestamp) {
        if at > self.cx.now {
            self.state.callback_at = Some(at);
        }
    }

    pub(super) fn withdraw_task(&mut self, id: TaskId) {
        let Some(ix) = self.state.tasks.iter().position(|task| task.id == id) else { return };
        self.state.tasks.remove(ix);
        self.state.unclaim(id);
        self.notes.push(Note::TaskWithdrawn(id.in_journal()));
        self.withdraw_about(id);
    }

    /// Withdraws the tasks that were raised about this one, since they are settled with it.
    fn withdraw_about(&mut self, id: TaskId) {
        let about: Vec<TaskId> = self.state.tasks.iter().filter(|t| t.about == Some(id)).map(|t| t.id).collect();
        about.into_iter().for_each(|task| self.withdraw_task(task));
    }

    pub(super) fn task_done(&mut self, report: &'a TaskReport) {
        let Some((task, late)) = self.state.take_task(report.task) else {
            self.ignore(Ignored::UnknownTask);
            return;
        };
        self.state.unclaim(task.id);
        if let Some(run) = task.run.and_then(|run| self.run(run)) {
            run.raised = 0;
        }
        if late {
            self.notes.push(Note::DoneLate(task.id.in_journal()));
        }
        let heard = |result: &TouchResult| task.kind != TaskKind::Call || result.counts_with(report.outcome);
        let result = report.result.filter(heard).map(|means| Said { means, own: report.result_own.clone() });
        let (code, result_own) =
            (result.as_ref().map(|said| said.means), result.as_ref().and_then(|said| said.own.clone()));
        let by = task.assignee.rep().cloned();
        self.notes.push(Note::TaskDone {
            task: task.id.in_journal(),
            outcome: report.outcome,
            result: code,
            kind: Some(task.kind),
            by: by.clone(),
            at: Some(task.at()),
            result_own: result_own.clone(),
        });
        self.withdraw_about(task.id);
        self.named = &report.fields;
        let kept = task.number.as_ref().map(|number| IdentityKey::kept(IdentityKind::Phone, number));
        self.dialled = kept.or_else(|| self.number());
        self.set_fields(&report.fields, Word::Own);
        let run = task.run;
        if task.kind == TaskKind::Call {
            // This call settles a call-back that was agreed before, but not one that was agreed after the call was given up.
            self.state.callback_at.take_if(|_| !late);
        }
        // Somebody has seen to what the lead said.
        if task.kind == TaskKind::Todo && !late {
            self.state.lead.said_at = None;
        }
        let channel = if task.kind == TaskKind::Call { Some(Channel::Call.into()) } else { self.channel_of(&task) };
        if let Some(Said { means: channel, own: channel_own }) = channel {
            let touch = Touch {
                at: self.cx.now,
                channel,
                outcome: report.outcome,
                result: code,
                by,
                run,
                task: Some(task.id),
                effect: None,
                result_own,
                channel_own,
            };
            self.complete_touch(touch, task.redial, Some(task.at()));
        }
        if let Some(at) = report.callback_at {
            self.agree_callback(at);
        }
        self.task = Some(ClosedTask { task, outcome: report.outcome, result: result.clone() });
        match code {
            Some(TouchResult::OptedOut) => self.opt_out(&report.by, report.notes.clone()),
            _ => self.leave_runs(),
        }
        match run {
            Some(run) if late => self.somebody_calls(run),
            Some(run) => self.task_result(run, report.task, report.outcome, result.as_ref()),
            None => {}
        }
        // A workflow's next call is made at the agreed time, but no run is left to make one.
        if let Some(at) = self.state.callback_at.filter(|_| report.callback_at.is_some() && self.state.runs.is_empty())
        {
            self.notes.push(Note::CallbackUnheard(at));
        }
    }

    /// The channel by which a task of a cadence reaches the lead, if it does.
    fn channel_of(&self, task: &Task) -> Option<Said<Channel>> {
        let definition = self.cx.definitions.get(&task.workflow)?;
        let Verb::Cadence(cadence) = &definition.step(task.step)?.verb else { return None };
        let touch = &cadence.touch(task.touch?)?.touch;
        touch.channel_named().filter(|_| matches!(touch, TouchPlan::Task { .. }))
    }

    /// Moves a run on by the result of a task that was done.
    fn task_result(&mut self, run: RunId, task: TaskId, outcome: Outcome, result: Option<&Said<TouchResult>>) {
        let Some((definition, ix)) = self.place(run) else { return };
        let awaited = self.run(run).is_some_and(|r| r.state == RunState::Task(task));
        match &definition.steps[ix].verb {
            Verb::Call(call) if awaited => self.go_on(run, call.results.lookup(Some(outcome), result)),
            Verb::Task(todo) if awaited => self.go_on(run, todo.results.lookup(Some(outcome), result)),
            Verb::Cadence(cadence) => self.cadence_task_over(run, task, cadence, outcome),
            _ => self.ignore(Ignored::NotAwaited),
        }
    }

    /// Records a touch on the lead.
    pub(super) fn complete_touch(&mut self, touch: Touch, second_dial: bool, at: Option<StepRef>) {
        let Touch { channel, outcome, result, .. } = touch;
        let (by, result_own, channel_own) = (touch.by.clone(), touch.result_own.clone(), touch.channel_own.clone());
        if outcome == Outcome::WrongNumber {
            let by = touch.by.as_ref().map_or_else(|| self.report.map_or("", |report| &report.source), |rep| &rep.0);
            self.wrong_number(by);
        }
        if channel == Channel::Call {
            self.measure_first_call(touch.at);
        }
        if result.is_some() {
            self.state.lead.said_at.take_if(|said| *said <= touch.at);
        } else if outcome.reached() && channel == Channel::Call {
            self.state.lead.said_at = self.state.lead.said_at.max(Some(touch.at));
        }
        self.lead_changed = true;
        self.touch = Some(touch.clone());
        if second_dial {
            self.state.lead.record_second_dial(touch);
        } else {
            let day = gate::hours_of(&self.state.lead, &self.cx.live.settings).day(touch.at);
            self.state.lead.count_on_day(day, touch.channel);
            self.state.lead.record_touch(touch);
        }
        let contact = self.state.lead.counts.contacts;
        self.notes.push(Note::Touched { channel, outcome, contact, result, by, at, result_own, channel_own });
    }

    /// Measures how long the lead waited for its first call, in milliseconds of its own business hours:
    /// the speed to lead of practice C5.
    fn measure_first_call(&mut self, at: Timestamp) {
        let lead = &self.state.lead;
        if lead.first_call_ms.is_none() {
            let waited = crate::gate::hours_of(lead, &self.cx.live.settings).open_ms(lead.created_at, at);
            self.state.lead.first_call_ms = Some(waited.unsigned_abs());
        }
    }

    pub(super) fn task_moved(&mut self, id: TaskId, change: &TaskChange) {
        let now = self.cx.now;
        if let TaskChange::Claimed(rep) | TaskChange::Reassigned(rep) = change
            && !self.team().knows(rep)
        {
            self.ignore(Ignored::UnknownRep);
            return;
        }
        let number = self.number();
        let Some(open) = self.state.tasks.iter().find(|task| task.id == id) else {
            self.ignore(Ignored::UnknownTask);
            return;
        };
        let intent = match Intent::of_call(open) {
            Intent::New => Intent::Claim(id),
            intent => intent,
        };
        let call = gate::check_for(intent, self.state, Channel::Call, &self.cx.live.settings, now);
        let Some(task) = self.task_mut(id) else { return };
        let is_call = task.kind == TaskKind::Call;
        match change {
            TaskChange::Claimed(rep) if matches!(&task.assignee, Assignee::Rep(owner) if owner != rep) => {
                self.ignore(Ignored::NotAwaited);
            }
            TaskChange::Claimed(_) if is_call && call != Verdict::Go => {
                self.notes.push(Note::Gated { channel: Some(Channel::Call), verdict: call, effect: None });
                self.ignore(Ignored::HeldBack);
            }
            TaskChange::Claimed(rep) => {
                self.give_to(id, Assignee::Rep(rep.clone()));
                if is_call {
                    self.state.claim(id, now);
                    self.keep_number(id, number);
                } else if let Some(task) = self.task_mut(id) {
                    // A call that is claimed is under way, and is not given up meanwhile. Another task is never under way.
                    task.give_up = task.give_up.map(|at| at.max(now.plus_ms(CLAIM_MS)));
                }
            }
            TaskChange::Reassigned(rep) => self.give_to(id, Assignee::Rep(rep.clone())),
            TaskChange::Snoozed(until) => {
                task.not_before = Some(*until).filter(|until| *until > now);
                self.notes.push(Note::Snoozed { task: id.in_journal(), until: *until });
            }
        }
    }

    /// Keeps the number that a call goes to, for a report that comes when the lead may have another one.
    fn keep_number(&mut self, id: TaskId, number: Option<IdentityKey>) {
        if let Some(task) = self.task_mut(id) {
            task.number = number.map(|number| number.value);
        }
    }

    /// Moves the open tasks of one assignee to a rep.
    pub(super) fn move_tasks(&mut self, from: &Assignee, to: &RepId) {
        let moved: Vec<TaskId> = self.state.tasks.iter().filter(|t| t.assignee == *from).map(|t| t.id).collect();
        moved.into_iter().for_each(|task| self.give_to(task, Assignee::Rep(to.clone())));
    }

    /// Puts a task into another queue. A claim on it ends.
    pub(super) fn give_to(&mut self, id: TaskId, assignee: Assignee) {
        let Some(before) = self.state.tasks.iter().find(|task| task.id == id).cloned() else { return };
        let after = self.in_hours_of(&before, &assignee);
        let Some(task) = self.task_mut(id) else { return };
        *task = after;
        task.number = None;
        self.state.unclaim(id);
        self.notes.push(Note::TaskMoved { task: id.in_journal(), assignee });
    }

    /// A task as another assignee has it. Times that were set by the hours of the previous assignee are set by the other's,
    /// unless they would be past already. A time that was agreed stays.
    fn in_hours_of(&self, before: &Task, assignee: &Assignee) -> Task {
        let mut after = Task { assignee: assignee.clone(), ..before.clone() };
        let (from, now) = (offered_from(before), self.cx.now);
        let (Some(was), Some(is)) = (self.times_from(before, from), self.times_from(&after, from)) else {
            return after;
        };
        let moved = |at: Timestamp, was: Timestamp, is: Timestamp| if at == was && is > now { is } else { at };
        after.due = moved(before.due, was.0, is.0);
        if let (Some(at), Some(was), Some(is)) = (before.give_up, was.1, is.1) {
            after.give_up = Some(moved(at, was, is));
        }
        let point = |task: &Task, point: u16| self.point(task, &self.escalation_of(task)?.1, point, from);
        if let Some(ahead) = before.escalation.filter(|ahead| !ahead.asked)
            && let (Some(was), Some(is)) = (point(before, ahead.point), point(&after, ahead.point))
        {
            after.escalation = Some(EscalationPoint { at: moved(ahead.at, was.at, is.at), ..ahead });
        }
        after
    }

    /// Whether the lead may no longer be worked.
    pub(super) fn is_suppressed(&self) -> bool {
        self.state.lead.consent.opted_out.is_some()
            || matches!(self.state.lead.stage, Stage::Suppressed | Stage::Disqualified)
    }
}

/// What the gate says of a lead's calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CallVerdicts {
    /// Of calls that are touches of their own.
    new: Verdict,
    /// Of calls that caps and gaps do not hold back.
    agreed: Verdict,
}

impl CallVerdicts {
    const fn of(self, intent: Intent) -> Verdict {
        if matches!(intent, Intent::Agreed) { self.agreed } else { self.new }
    }
}

/// Until when the gate's verdict holds a call back. A pause does not move a call, because the gate is asked again when
/// the call is listed and claimed.
fn held_until(verdict: Verdict) -> Option<Timestamp> {
    match verdict {
        Verdict::Held(_) | Verdict::Go | Verdict::Never(_) => None,
        Verdict::NotBefore { at, .. } => Some(at),
    }
}

fn first_point(escalate: &Escalate, from: Timestamp, calendar: &Calendar) -> Option<EscalationPoint> {
    let span = escalate.at.first()?;
    Some(EscalationPoint { point: 0, at: calendar.add(from, *span), asked: false })
}
