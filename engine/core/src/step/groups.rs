//! Groups of workflows: a lead is in one workflow of a group at a time.

use super::Machine;
use crate::id::RunId;
use crate::journal::{Note, Refusal};
use crate::run::{CadencePhase, OUSTED, Run, RunState, Waiter};
use crate::state::WAITERS_MAX;
use crate::workflow::{Group, Workflow};
use crate::workspace::Definitions;

/// The workflow that makes a run stand still: one of a higher priority in its group, which has the lead.
pub fn gives_way_to<'a>(definitions: &'a Definitions, runs: &[Run], run: &Run) -> Option<&'a str> {
    let definition = definitions.get(&run.workflow)?;
    let group = definition.group.as_ref().filter(|group| group.pauses && !run.after_hold)?;
    runs.iter().filter(|other| other.id != run.id && !other.after_hold).find_map(|other| {
        let higher = definitions.get(&other.workflow)?;
        let of = higher.group.as_ref().filter(|of| of.name == group.name && of.priority > group.priority);
        of.map(|_| higher.name.as_str()).filter(|name| *name != definition.name)
    })
}

impl Machine<'_> {
    /// The runs of other workflows of a group, each with its priority.
    fn others_of(&self, group: &Group, workflow: &str) -> Vec<(RunId, i32)> {
        let of_group = |run: &Run| {
            let definition = self.cx.definitions.get(&run.workflow)?;
            let other = definition.group.as_ref().filter(|other| other.name == group.name)?;
            (definition.name != workflow).then_some((run.id, other.priority))
        };
        self.state.runs.iter().filter(|run| !run.after_hold).filter_map(of_group).collect()
    }

    /// A workflow of a higher priority takes the lead from a run. The run ends or stands still, even if something else holds it
    /// already.
    fn oust(&mut self, id: RunId) {
        let pauses = |group: &Group| group.pauses;
        if !self.definition(id).is_some_and(|definition| definition.group.as_ref().is_some_and(pauses)) {
            return self.end_run(id, OUSTED);
        }
        let now = self.cx.now;
        let ousted = self.is_ousted(id);
        let Some(run) = self.run(id).filter(|_| !ousted) else { return };
        run.braked_at.get_or_insert(now);
        self.notes.push(Note::Ousted(id.in_journal()));
        self.lay_down(id);
    }

    /// Withdraws what people are to do for a run that stands still. They get it again when the run goes on from there.
    fn lay_down(&mut self, id: RunId) {
        let now = self.cx.now;
        let Some(task) = self.run(id).and_then(|run| run.awaited_task()) else { return };
        self.withdraw_task(task);
        let Some(run) = self.run(id) else { return };
        run.attempt = run.attempt.saturating_add(1);
        if let RunState::Cadence(cadence) = &mut run.state {
            let redial = matches!(cadence.phase, CadencePhase::RedialTask(_));
            cadence.phase = if redial { CadencePhase::Redial(now) } else { CadencePhase::Pause(now) };
        } else {
            run.state = RunState::Ready;
        }
    }

    /// Whether a workflow of a higher priority in its group has the lead, so that a run stands still.
    pub(super) fn is_ousted(&self, id: RunId) -> bool {
        let run = self.state.runs.iter().find(|run| run.id == id);
        run.is_some_and(|run| gives_way_to(self.cx.definitions, &self.state.runs, run).is_some())
    }

    /// Lets runs go on from which the group had taken the lead. Runs under a brake are told when it is released.
    pub(super) fn admit_ousted(&mut self) {
        let gives_way = |run: &Run| {
            let group = self.cx.definitions.get(&run.workflow).and_then(|definition| definition.group.as_ref());
            run.braked_at.is_some() && group.is_some_and(|group| group.pauses)
        };
        let stand: Vec<RunId> = self.state.runs.iter().filter(|run| gives_way(run)).map(|run| run.id).collect();
        self.release(stand);
    }

    /// Makes room for a workflow in its group: runs of a lower priority end or stand still. Returns whether there is room;
    /// otherwise the lead stays out, or waits.
    pub(super) fn take_group(&mut self, workflow: &Workflow, key: Option<&str>) -> bool {
        let Some(group) = &workflow.group else { return true };
        let others = self.others_of(group, &workflow.name);
        if others.iter().all(|(_, priority)| *priority < group.priority) {
            others.into_iter().for_each(|(run, _)| self.oust(run));
            return true;
        }
        match group.waits {
            Some(span) if self.wait_for_group(workflow, key, span) => {
                self.not_enrolled(&workflow.name, Refusal::GroupWaits);
            }
            _ => self.not_enrolled(&workflow.name, Refusal::GroupTaken),
        }
        false
    }

    /// Makes an enrolment wait for its group. Returns whether there is room for one more.
    fn wait_for_group(&mut self, workflow: &Workflow, key: Option<&str>, span: crate::time::Span) -> bool {
        let until = self.cx.live.settings.calendar.add(self.cx.now, span);
        let same = |waiter: &Waiter| waiter.workflow == workflow.name && waiter.key.as_deref() == key;
        if self.state.waiters.iter().any(same) {
            return true;
        }
        if self.state.waiters.len() == WAITERS_MAX {
            return false;
        }
        self.state.waiters.push(Waiter { workflow: workflow.name.clone(), key: key.map(str::to_owned), until });
        true
    }

    /// Enrols those whose group is free by now: the highest priority first, then the one that came first.
    pub(super) fn admit_waiters(&mut self) {
        if self.state.waiters.is_empty() {
            return;
        }
        let mut waiting: Vec<(Waiter, i32)> = Vec::new();
        for waiter in std::mem::take(&mut self.state.waiters) {
            match self.cx.live.workflows.get(&waiter.workflow).map(|workflow| workflow.group.as_ref()) {
                Some(group) => waiting.push((waiter, group.map_or(0, |group| group.priority))),
                None => self.not_enrolled(&waiter.workflow, Refusal::Unknown),
            }
        }
        waiting.sort_by_key(|(_, priority)| std::cmp::Reverse(*priority));
        for (waiter, _) in waiting {
            let Some(workflow) = self.cx.live.workflows.get(&waiter.workflow).cloned() else { continue };
            let busy = workflow.group.as_ref().is_some_and(|group| {
                let others = self.others_of(group, &workflow.name);
                others.iter().any(|(_, priority)| *priority >= group.priority)
            });
            if busy && !self.is_suppressed() {
                self.state.waiters.push(waiter);
            } else {
                self.enroll(&workflow, waiter.key);
            }
        }
    }

    /// Gives up enrolments that have waited as long as they may.
    pub(super) fn stop_waiting(&mut self) {
        let now = self.cx.now;
        let (over, waiting) =
            std::mem::take(&mut self.state.waiters).into_iter().partition(|waiter| waiter.until <= now);
        self.state.waiters = waiting;
        let over: Vec<Waiter> = over;
        over.into_iter().for_each(|waiter| self.not_enrolled(&waiter.workflow, Refusal::GroupTaken));
    }
}
