//! Escalations: at given points in time, a plugin is asked what to do about a task that is not done.

use super::Machine;
use super::decide::Asked;
use crate::effect::{Message, NoticeKind};
use crate::event::{Answer, Asker};
use crate::gate::{self, Reason, Verdict};
use crate::id::{RunId, TaskId};
use crate::journal::{Ignored, Note, Unable};
use crate::lead::{Channel, RepId};
use crate::plugin::{Action, Decision, DecisionKind, Overdue};
use crate::state::TASKS_MAX;
use crate::task::{Assignee, EscalationPoint, Task, TaskKind};
use crate::time::Timestamp;
use crate::workflow::{AskRef, Escalate, Recipient, Slot, StepIx, Verb};
use std::collections::BTreeSet;

/// The most levels of managers that are tried.
const MANAGERS_MAX: usize = 32;

/// When the task was first on offer. Escalation points are timed from then.
pub(super) fn offered_from(task: &Task) -> Timestamp {
    task.not_before.unwrap_or(task.created_at).max(task.created_at)
}

impl Machine<'_> {
    /// The escalation that a task's step defines.
    pub(super) fn escalation_of(&self, task: &Task) -> Option<(AskRef, Escalate)> {
        let definition = self.cx.definitions.get(&task.workflow)?;
        let ix = definition.place(task.step)?;
        let verb: &Verb = &definition.steps[ix].verb;
        let touch = match (verb, task.touch) {
            (Verb::Cadence(cadence), Some(touch)) => cadence.place(touch)? as u16,
            _ => 0,
        };
        let (_, escalate) = verb.escalations().find(|(ix, _)| *ix == touch)?;
        let place = AskRef { workflow: task.workflow, step: StepIx(ix as u16), slot: Slot::Escalation(touch) };
        Some((place, escalate.clone()))
    }

    /// Asks about the latest escalation point of a task that has come. Earlier points that were missed are skipped.
    pub(super) fn escalation_due(&mut self, id: TaskId) {
        let now = self.cx.now;
        let Some(task) = self.state.tasks.iter().find(|task| task.id == id).cloned() else { return };
        let Some(mut point) = task.escalation else { return };
        // An earlier deadline of this transition may have put the point off.
        if task.run.is_some_and(|run| self.brake(run)) || !self.is_due_at(&task, point) {
            return;
        }
        let Some((place, escalate)) = self.escalation_of(&task) else {
            self.set_point(id, None);
            return;
        };
        if let Some((at, verdict)) = self.touches_held_until(&task) {
            self.notes.push(Note::Gated { channel: Some(Channel::Call), verdict, effect: None });
            self.set_point(id, Some(EscalationPoint { at, asked: false, ..point }));
            return;
        }
        let from = offered_from(&task);
        while let Some(next) = self.point(&task, &escalate, point.point + 1, from)
            && next.at <= now
        {
            point = next;
        }
        let Some(run) = task.run else {
            self.set_point(id, None);
            return;
        };
        // The timeout runs from the moment of asking, so that a point without an answer yet is not asked again at once.
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
        let asker = Asker::Task { task: id, point: point.point };
        self.question(Asked { run, asker, kind, plugin, place, since: from }, Some(overdue));
    }

    /// Whether anything may be done now about a task at this point.
    fn is_due_at(&self, task: &Task, point: EscalationPoint) -> bool {
        let task = Task { escalation: Some(point), ..task.clone() };
        self.state.escalates_at(&task).is_some_and(|at| at <= self.cx.now)
    }

    /// Whether a paused plugin would have to be asked about an overdue task of a run, which makes the run stand still.
    pub(super) fn awaits_paused_escalation(&self, run: RunId) -> bool {
        let (paused, now) = (&self.cx.paused.plugins, self.cx.now);
        let is_due = |task: &&Task| self.state.would_escalate_at(task).is_some_and(|at| at <= now);
        let asks = |task: &Task| self.escalation_of(task).is_some_and(|(_, it)| paused.contains(&it.ask.plugin));
        !paused.is_empty() && self.state.tasks.iter().filter(|task| task.run == Some(run)).filter(is_due).any(asks)
    }

    /// Asks again about each task for which a question has no answer, as if its point fell due now.
    pub(super) fn ask_about_tasks_again(&mut self) {
        let now = self.cx.now;
        let asked = |task: &Task| Some((task.id, task.escalation.filter(|point| point.asked)?));
        let asked: Vec<(TaskId, EscalationPoint)> = self.state.tasks.iter().filter_map(asked).collect();
        for (task, point) in asked {
            self.set_point(task, Some(EscalationPoint { at: point.at.min(now), asked: false, ..point }));
            self.escalation_due(task);
        }
    }

    /// When to look again at a call that the lead's own wish holds back, with the gate's verdict. Nobody neglects a call
    /// that may not be made.
    fn touches_held_until(&self, task: &Task) -> Option<(Timestamp, Verdict)> {
        if task.kind != TaskKind::Call {
            return None;
        }
        match gate::check_call(task, self.state, &self.cx.live.settings, self.cx.now) {
            verdict @ Verdict::NotBefore { at, why: Reason::NotBefore } => Some((at, verdict)),
            // While a call is held, none of its points falls due.
            Verdict::NotBefore { .. } | Verdict::Held(_) | Verdict::Go | Verdict::Never(_) => None,
        }
    }

    pub(super) fn point(
        &self,
        task: &Task,
        escalate: &Escalate,
        point: u16,
        from: Timestamp,
    ) -> Option<EscalationPoint> {
        let span = escalate.at.get(usize::from(point))?;
        let hours = self.cx.live.settings.hours_for(&task.assignee);
        Some(EscalationPoint { point, at: hours.add(from, *span), asked: false })
    }

    pub(super) fn set_point(&mut self, id: TaskId, point: Option<EscalationPoint>) {
        if let Some(task) = self.task_mut(id) {
            task.escalation = point;
        }
    }

    pub(super) fn escalation_decided(&mut self, id: TaskId, point: u16, answer: &Answer) {
        let Some(task) = self.state.tasks.iter().find(|task| task.id == id).cloned() else {
            self.ignore(Ignored::UnknownTask);
            return;
        };
        let asked = task.escalation.filter(|asked| asked.asked && asked.point == point);
        let Some(asked) = asked else {
            self.ignore(Ignored::NotAwaited);
            return;
        };
        let Some((_, escalate)) = self.escalation_of(&task) else {
            self.set_point(id, None);
            return;
        };
        let again = EscalationPoint { at: self.cx.now, asked: false, ..asked };
        if task.run.is_some_and(|run| self.brake(run)) || !self.is_due_at(&task, again) {
            // Somebody is at it, or it may not be done for now. The plugin is asked again when that is over.
            self.set_point(id, Some(again));
            self.ignore(Ignored::NotAwaited);
            return;
        }
        self.note_decision(answer, DecisionKind::Escalation);
        let action = match &answer.decision {
            Ok(Decision::Escalate { action, .. }) => *action,
            // An overdue task must not be forgotten because a plugin failed.
            _ => Action::Remind,
        };
        self.set_point(id, self.point(&task, &escalate, asked.point + 1, offered_from(&task)));
        self.carry_out(&task, &escalate, asked.point, action);
    }

    /// Does what was decided. What cannot be done is raised; what cannot be raised is listed among the things that need
    /// a person. Each note says what was done, or why it was not.
    fn carry_out(&mut self, task: &Task, escalate: &Escalate, point: u16, action: Action) {
        let done = match action {
            Action::Wait => Ok(None),
            Action::Remind => self.remind(task, escalate),
            Action::Reassign => self.offer_to_pool(task).map(|()| None),
            Action::Raise => return self.raise(task, escalate, point),
        };
        match done {
            Ok(to) => {
                self.notes.push(Note::Escalated { task: task.id.in_journal(), point, action, to, at: Some(task.at()) })
            }
            // The reminder still shows in the rep's own queue.
            Err(NotDone { why: why @ (Unable::NoConnection | Unable::NoRoom), rep }) => {
                self.not_escalated(task, action, why, rep);
            }
            Err(NotDone { why, rep }) => {
                self.not_escalated(task, action, why, rep);
                self.raise(task, escalate, point);
            }
        }
    }

    fn not_escalated(&mut self, task: &Task, action: Action, why: Unable, rep: Option<RepId>) {
        self.notes.push(Note::NotEscalated { task: task.id.in_journal(), action, why, rep });
    }

    /// Why a rep cannot be told anything now, or `None` when the rep can be.
    fn unable(&self, rep: &RepId) -> Option<Unable> {
        let team = self.team();
        match (team.knows(rep), team.is_here(rep, self.cx.now)) {
            (false, _) => Some(Unable::Gone),
            (true, false) => Some(Unable::Away),
            (true, true) => None,
        }
    }

    /// The rep who has the task, or else the lead's owner.
    fn holder<'t>(&'t self, task: &'t Task) -> Option<&'t RepId> {
        match &task.assignee {
            Assignee::Rep(rep) => Some(rep),
            Assignee::Pool(_) | Assignee::Nobody => self.state.lead.owner.as_ref(),
        }
    }

    fn manager(&self, rep: &RepId) -> Option<RepId> {
        self.team().reps.get(rep)?.manager.clone()
    }

    /// The managers above a rep, the nearest first; at most [`MANAGERS_MAX`].
    fn managers(&self, rep: &RepId) -> impl Iterator<Item = RepId> {
        std::iter::successors(self.manager(rep), |above| self.manager(above)).take(MANAGERS_MAX)
    }

    fn remind(&mut self, task: &Task, escalate: &Escalate) -> Result<Option<RepId>, NotDone> {
        let to = match &escalate.remind {
            Recipient::Owner => self.holder(task).cloned().ok_or(NotDone { why: Unable::NoOwner, rep: None })?,
            Recipient::Manager => {
                let manager = self.holder(task).and_then(|holder| self.manager(holder));
                manager.ok_or(NotDone { why: Unable::NoManager, rep: None })?
            }
            Recipient::Rep(rep) => RepId(rep.clone()),
        };
        if let Some(why) = self.unable(&to) {
            return Err(NotDone { why, rep: Some(to) });
        }
        if let Some(task) = self.task_mut(task.id) {
            task.reminders = task.reminders.saturating_add(1);
        }
        match self.notify(task, &to, NoticeKind::Reminder) {
            Ok(()) => Ok(Some(to)),
            Err(why) => Err(NotDone { why, rep: Some(to) }),
        }
    }

    /// The reps to whom a task may be raised, in the order in which they are tried: the one that the step names;
    /// the managers above the task's holder; when no rep in the team holds it, the managers of its pool's members;
    /// then the rep named for reminders.
    fn superiors(&self, task: &Task, escalate: &Escalate) -> Vec<RepId> {
        let holder = self.holder(task);
        let mut all = match &escalate.raise {
            Recipient::Owner => holder.cloned().into_iter().collect(),
            Recipient::Manager => Vec::new(),
            Recipient::Rep(rep) => vec![RepId(rep.clone())],
        };
        all.extend(holder.into_iter().flat_map(|holder| self.managers(holder)));
        if !holder.is_some_and(|holder| self.team().knows(holder)) {
            let lies_in = match (&task.assignee, holder) {
                (Assignee::Pool(pool), _) => vec![pool.clone()],
                (_, Some(holder)) => self.pools_of(holder, task.workflow),
                (_, None) => Vec::new(),
            };
            for pool in lies_in {
                all.extend(self.team().members(&pool).filter_map(|member| self.manager(member)));
            }
        }
        for named in [&escalate.raise, &escalate.remind] {
            if let Recipient::Rep(rep) = named {
                all.push(RepId(rep.clone()));
                all.extend(self.managers(&RepId(rep.clone())));
            }
        }
        let mut seen = BTreeSet::new();
        all.into_iter().filter(|rep| seen.insert(rep.clone())).collect()
    }

    /// The first superior who is here, for an escalation task `about` another task.
    pub(super) fn superior_here(&self, about: &Task) -> Option<RepId> {
        let overdue = self.state.tasks.iter().find(|task| Some(task.id) == about.about)?;
        let (_, escalate) = self.escalation_of(overdue)?;
        self.superiors(overdue, &escalate).into_iter().find(|rep| self.unable(rep).is_none())
    }

    /// Gives a superior a task about the overdue one, and marks the overdue one as raised,
    /// which moves it up in its queue.
    fn raise(&mut self, task: &Task, escalate: &Escalate, point: u16) {
        if let Some(task) = self.task_mut(task.id) {
            task.raised = true;
        }
        let superiors = self.superiors(task, escalate);
        if superiors.is_empty() {
            let why = if self.holder(task).is_some() { Unable::NoManager } else { Unable::NoOwner };
            self.not_escalated(task, Action::Raise, why, None);
        }
        for rep in superiors {
            match self.unable(&rep) {
                Some(why) => self.not_escalated(task, Action::Raise, why, Some(rep)),
                None => return self.raise_to(task, rep, point),
            }
        }
        // An unassigned task is listed where operators see it.
        self.give_escalation(task, Assignee::Nobody);
        self.notes.push(Note::NobodyTold { task: task.id.in_journal(), point });
    }

    fn raise_to(&mut self, task: &Task, rep: RepId, point: u16) {
        let given = self.give_escalation(task, Assignee::Rep(rep.clone()));
        let told = self.notify(task, &rep, NoticeKind::Raised);
        let why = match (given, told) {
            (Given::New, _) | (_, Ok(())) => {
                let (id, action, at) = (task.id.in_journal(), Action::Raise, Some(task.at()));
                self.notes.push(Note::Escalated { task: id, point, action, to: Some(rep), at });
                return;
            }
            (Given::Already, Err(_)) => Unable::Told,
            (Given::NoRoom, Err(_)) => Unable::NoRoom,
        };
        self.not_escalated(task, Action::Raise, why, Some(rep));
        if why == Unable::NoRoom {
            self.notes.push(Note::NobodyTold { task: task.id.in_journal(), point });
        }
    }

    /// Gives an assignee the task about an overdue one: the task that exists already, or a new one.
    fn give_escalation(&mut self, task: &Task, assignee: Assignee) -> Given {
        if let Some(open) = self.state.tasks.iter().find(|open| open.about == Some(task.id)) {
            if open.assignee == assignee || assignee == Assignee::Nobody {
                return Given::Already;
            }
            self.give_to(open.id, assignee);
            return Given::New;
        }
        if self.state.tasks.len() >= TASKS_MAX || self.is_spent() {
            return Given::NoRoom;
        }
        let id = self.new_task_id();
        self.open_task(Task {
            id,
            kind: TaskKind::Escalation,
            run: None,
            workflow: task.workflow,
            step: task.step,
            touch: task.touch,
            assignee,
            created_at: self.cx.now,
            due: self.cx.now,
            not_before: None,
            escalation: None,
            reminders: 0,
            raised: false,
            redial: false,
            agreed: false,
            about: Some(task.id),
            give_up: None,
            number: None,
        });
        Given::New
    }

    /// Offers the task to a pool of the rep who has it, if another member of the pool is here to claim it.
    fn offer_to_pool(&mut self, task: &Task) -> Result<(), NotDone> {
        let (holder, pools) = match &task.assignee {
            Assignee::Rep(holder) => (holder, self.pools_of(holder, task.workflow)),
            Assignee::Pool(_) => return Err(NotDone { why: Unable::WithPool, rep: None }),
            Assignee::Nobody => return Err(NotDone { why: Unable::NoOwner, rep: None }),
        };
        let not_done = |why| NotDone { why, rep: Some(holder.clone()) };
        if pools.is_empty() {
            return Err(not_done(Unable::NoPool));
        }
        let now = self.cx.now;
        let could = |pool: &String| self.team().members(pool).any(|rep| rep != holder && self.team().is_here(rep, now));
        let pool = pools.into_iter().find(could).ok_or_else(|| not_done(Unable::NobodyElse))?;
        self.give_to(task.id, Assignee::Pool(pool));
        Ok(())
    }

    /// Sends a notice about a task to a rep, by the connection for notices.
    fn notify(&mut self, task: &Task, to: &RepId, kind: NoticeKind) -> Result<(), Unable> {
        let via = self.cx.live.settings.contact.notify_via.clone().ok_or(Unable::NoConnection)?;
        let run = task.run.filter(|_| !self.is_spent()).ok_or(Unable::NoRoom)?;
        // The notice belongs to its task, whatever the run does. Attempt 0 keeps it from going stale with the run.
        let message = Message::Notice { to: to.clone(), task: task.id, kind };
        self.queue((run, 0), via, message, task.at(), false);
        Ok(())
    }
}

/// Why a decided action could not be done.
struct NotDone {
    why: Unable,
    /// The rep who should have been told, or whose task it is.
    rep: Option<RepId>,
}

/// What came of giving out the task about an overdue one.
enum Given {
    New,
    Already,
    NoRoom,
}
