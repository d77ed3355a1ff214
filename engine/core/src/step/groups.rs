//! Groups: workflows of which a lead is in one at a time.

use super::Machine;
use crate::id::RunId;
use crate::journal::Refusal;
use crate::run::{OUSTED, Waiter};
use crate::state::WAITERS_MAX;
use crate::workflow::{Group, Workflow};

impl Machine<'_> {
    /// The runs of other workflows of a group, each with its priority.
    fn others_of(&self, group: &Group, workflow: &str) -> Vec<(RunId, i32)> {
        let of_group = |run: &crate::run::Run| {
            let definition = self.cx.definitions.get(&run.workflow)?;
            let other = definition.group.as_ref().filter(|other| other.name == group.name)?;
            (definition.name != workflow).then_some((run.id, other.priority))
        };
        self.state.runs.iter().filter_map(of_group).collect()
    }

    /// Makes room for a workflow in its group: runs of a lower priority end. Says whether there is room; otherwise the
    /// lead stays out, or waits.
    pub(super) fn take_group(&mut self, workflow: &Workflow, key: Option<&str>) -> bool {
        let Some(group) = &workflow.group else { return true };
        let others = self.others_of(group, &workflow.name);
        if others.iter().all(|(_, priority)| *priority < group.priority) {
            others.into_iter().for_each(|(run, _)| self.end_run(run, OUSTED));
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

    /// Has an enrolment wait for its group. Says whether there is room for one more.
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

    /// Lets in those whose group is free by now: the highest priority first, then who came first.
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
