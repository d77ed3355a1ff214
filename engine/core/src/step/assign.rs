//! Owners: what choosing one does to the lead, its tasks and its holds.

use super::Machine;
use crate::account::{AccountMessage, Hold as HoldInForce};
use crate::effect::Effect;
use crate::id::{Digest, RunId};
use crate::journal::{Ignored, Note, Refusal};
use crate::lead::RepId;
use crate::run::RunState;
use crate::state::RUNS_MAX;
use crate::task::Assignee;
use crate::workflow::{Carry, Hold, HoldScope, Target, Verb};

impl Machine<'_> {
    /// The owner of the territory the lead lies in.
    pub(super) fn territory_owner(&self, run: RunId) -> Option<RepId> {
        let territories = &self.cx.live.settings.team.territories;
        territories.iter().find(|territory| self.holds(&territory.condition, Some(run))).map(|t| t.owner.clone())
    }

    pub(super) fn assigned(&mut self, id: RunId, attempt: u32, owner: Option<&RepId>, how: &str) {
        let Some(run) = self.run(id) else {
            self.ignore(Ignored::UnknownRun);
            return;
        };
        if run.attempt != attempt || run.state != RunState::Assigning {
            self.ignore(Ignored::StaleAttempt);
            return;
        }
        let workflow = run.workflow;
        let Some((definition, ix)) = self.place(id) else { return };
        let step = &definition.steps[ix];
        let Verb::Assign(assign) = &step.verb else {
            self.ignore(Ignored::NotAwaited);
            return;
        };
        match owner {
            Some(owner) => {
                self.set_owner(owner, how, assign.carry);
                match &assign.hold {
                    Some(hold) => self.hold(owner, hold, workflow),
                    None => self.own_account(owner),
                }
            }
            None => self.notes.push(Note::Owned { owner: None, how: how.to_owned() }),
        }
        self.go_on(id, step.next);
    }

    pub(super) fn set_owner(&mut self, owner: &RepId, how: &str, carry: Carry) {
        let previous = self.state.lead.owner.replace(owner.clone());
        self.lead_changed = true;
        self.notes.push(Note::Owned { owner: Some(owner.clone()), how: how.to_owned() });
        self.move_tasks(&Assignee::Nobody, owner);
        let Some(previous) = previous.filter(|previous| previous != owner) else { return };
        if carry.move_open_tasks {
            self.move_tasks(&Assignee::Rep(previous.clone()), owner);
        }
        if carry.watch_previous_owner {
            self.state.lead.watch(previous);
        }
    }

    fn own_account(&mut self, owner: &RepId) {
        if let Some(account) = self.state.lead.account
            && !self.cx.account.is_some_and(|facts| facts.held)
        {
            self.effects.push(Effect::Account(account, AccountMessage::Own(owner.clone())));
        }
    }

    /// Starts a hold; one in force for the same owner is not started again.
    fn hold(&mut self, owner: &RepId, hold: &Hold, workflow: Digest) {
        let until = self.cx.live.settings.calendar.add(self.cx.now, hold.span);
        let new = HoldInForce {
            owner: owner.clone(),
            until,
            until_event: hold.until.clone(),
            workflow,
            on_expiry: hold.on_expiry,
            leads: vec![self.state.lead.id],
        };
        match self.state.lead.account.filter(|_| hold.scope == HoldScope::Account) {
            Some(account) => {
                let in_force = self.cx.account.is_some_and(|facts| facts.held && facts.owner.as_ref() == Some(owner));
                if !in_force {
                    self.notes.push(Note::Held { owner: owner.clone(), until });
                }
                self.effects.push(Effect::Account(account, AccountMessage::Hold(new)));
            }
            None if self.state.hold.as_ref().is_some_and(|hold| hold.owner == *owner) => {}
            None => {
                self.notes.push(Note::Held { owner: owner.clone(), until });
                self.state.hold = Some(new);
            }
        }
    }

    /// A hold ran out: a run of its own begins where the workflow says, beside whatever goes on.
    pub(super) fn hold_expired(&mut self, workflow: Digest, go: Target) {
        self.notes.push(Note::HoldOver { expired: true });
        let Target::Step(step) = go else { return };
        let Some(definition) = self.cx.definitions.get(&workflow).filter(|d| d.step(step).is_some()) else {
            self.ignore(Ignored::UnknownStep);
            return;
        };
        if self.is_suppressed() {
            self.not_enrolled(&definition.name, Refusal::Suppressed);
            return;
        }
        if self.state.runs.len() >= RUNS_MAX || self.is_spent() {
            self.not_enrolled(&definition.name, Refusal::TooManyRuns);
            return;
        }
        let run = self.begin_run(workflow, step);
        self.walk(run);
    }
}
