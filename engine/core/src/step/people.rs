//! Reps and pools that leave the team: who gets new tasks, and who takes over the open ones.

use super::Machine;
use crate::id::{Digest, RunId, TaskId};
use crate::journal::Note;
use crate::lead::RepId;
use crate::task::{Assignee, Task, TaskKind};
use crate::workflow::{Doer, Verb, Workflow};
use crate::workspace::Team;

impl Machine<'_> {
    pub(super) fn team(&self) -> &Team {
        &self.cx.live.settings.team
    }

    /// Who gets a new task of the lead: whoever the step names, otherwise the lead's owner, or a pool of the owner's if the owner
    /// is no longer in the team.
    pub(super) fn new_task_for(&mut self, run: RunId, workflow: &Workflow, doer: &Doer) -> Assignee {
        match doer {
            Doer::Role(role) => {
                if let Some(rep) = self.in_role(run, role) {
                    return Assignee::Rep(rep);
                }
            }
            Doer::Rep(rep) => return Assignee::Rep(RepId(rep.clone())),
            Doer::Pool(pool) => return Assignee::Pool(pool.clone()),
            Doer::Owner | Doer::Manager => {}
        }
        let owner = self.state.lead.owner.as_ref().and_then(|owner| self.team().reps.get(owner));
        if let (Doer::Manager, Some(manager)) = (doer, owner.and_then(|owner| owner.manager.clone()))
            && self.team().knows(&manager)
        {
            return Assignee::Rep(manager);
        }
        let Some(owner) = self.state.lead.owner.clone() else { return Assignee::Nobody };
        if self.team().knows(&owner) {
            return Assignee::Rep(owner);
        }
        let pool = self.pools_of(&owner, workflow.digest).into_iter().next();
        self.notes.push(Note::Gone(Assignee::Rep(owner)));
        pool.map_or(Assignee::Nobody, Assignee::Pool)
    }

    /// The rep who has a role in a run, if that rep is in the team.
    pub(super) fn in_role(&self, run: RunId, role: &str) -> Option<RepId> {
        let run = self.state.runs.iter().find(|one| one.id == run)?;
        run.roles.get(role).filter(|rep| self.team().knows(rep)).cloned()
    }

    /// The pools from which another rep could take this rep's task, the likeliest first: the pool from which the lead's
    /// owner was chosen; then the rep's own pools, those that the workflow assigns from before the others. For a rep in
    /// no pool, it is the pool that the workflow assigns from, if there is only one.
    pub(super) fn pools_of(&self, rep: &RepId, workflow: Digest) -> Vec<String> {
        let team = self.team();
        let named = self.cx.definitions.get(&workflow).map_or_else(Vec::new, |workflow| assigns_from(workflow));
        let named: Vec<&str> = named.into_iter().filter(|pool| team.pools.contains_key(*pool)).collect();
        let mut pools: Vec<&str> =
            self.state.lead.pool.iter().map(String::as_str).filter(|pool| team.pools.contains_key(*pool)).collect();
        let mut of_rep: Vec<&str> = team
            .pools
            .keys()
            .map(String::as_str)
            .filter(|pool| team.members(pool).any(|member| member == rep))
            .collect();
        of_rep.sort_by_key(|pool| !named.contains(pool));
        match (named.as_slice(), of_rep.is_empty()) {
            ([only], true) => pools.push(only),
            _ => pools.extend(of_rep),
        }
        let mut seen = std::collections::BTreeSet::new();
        pools.into_iter().filter(|pool| seen.insert(*pool)).map(str::to_owned).collect()
    }

    /// Moves tasks of reps and pools that are no longer in the team: to a pool where one is known, else to the lead's
    /// owner, else to nobody, where operators see them. An escalation task goes to a superior instead.
    pub(super) fn reseat(&mut self) {
        let gone = self.state.tasks.iter().filter(|task| !self.team().seats(&task.assignee));
        let gone: Vec<TaskId> = gone.map(|task| task.id).collect();
        for id in gone {
            let Some(task) = self.state.tasks.iter().find(|task| task.id == id).cloned() else { continue };
            let assignee = self.seat(&task);
            self.notes.push(Note::Gone(task.assignee));
            self.give_to(id, assignee);
        }
    }

    fn seat(&self, task: &Task) -> Assignee {
        if task.kind == TaskKind::Escalation {
            return self.superior_here(task).map_or(Assignee::Nobody, Assignee::Rep);
        }
        let pools = match &task.assignee {
            Assignee::Rep(rep) => self.pools_of(rep, task.workflow),
            Assignee::Pool(_) | Assignee::Nobody => Vec::new(),
        };
        let owner = || self.state.lead.owner.clone().filter(|owner| self.team().knows(owner)).map(Assignee::Rep);
        pools.into_iter().next().map(Assignee::Pool).or_else(owner).unwrap_or(Assignee::Nobody)
    }
}

/// The pools from which a workflow assigns, each once. If it names none, its fallbacks.
fn assigns_from(workflow: &Workflow) -> Vec<&str> {
    let assigns = || {
        workflow.steps.iter().filter_map(|step| match &step.verb {
            Verb::Assign(assign) => Some(assign),
            _ => None,
        })
    };
    let mut pools: Vec<&str> = assigns().filter_map(|assign| assign.pool.as_deref()).collect();
    if pools.is_empty() {
        pools = assigns().filter_map(|assign| assign.fallback.as_deref()).collect();
    }
    pools.sort_unstable();
    pools.dedup();
    pools
}
