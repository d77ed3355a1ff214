//! Owners: what choosing one does to the lead, its tasks and its holds.

use super::Machine;
use crate::account::{AccountMessage, Hold as HoldInForce};
use crate::effect::{Effect, Message};
use crate::expr::Fault;
use crate::id::{Digest, RunId};
use crate::journal::{Ignored, Note, Refusal, Unable};
use crate::lead::RepId;
use crate::run::RunState;
use crate::state::RUNS_MAX;
use crate::task::Assignee;
use crate::workflow::{Assign, Carry, ChosenBy, HoldRule, HoldScope, StepId, Sticky, Verb, Workflow};

impl Machine<'_> {
    /// The owner of the first territory whose condition the lead meets.
    pub(super) fn territory_owner(&self, run: RunId) -> Result<Option<RepId>, Fault> {
        let territories = &self.cx.live.settings.team.territories;
        let found = self.first_that_holds(territories, |territory| &territory.condition, run)?;
        Ok(found.map(|territory| territory.owner.clone()))
    }

    pub(super) fn assigned(&mut self, id: RunId, attempt: u32, owner: Option<&RepId>, how: ChosenBy) {
        self.goes_on_by_answer(id);
        let Some(run) = self.run(id) else {
            self.ignore(Ignored::UnknownRun);
            return;
        };
        if run.attempt != attempt || run.state != RunState::Assigning {
            self.ignore(Ignored::StaleAttempt);
            return;
        }
        let Some((definition, ix)) = self.place(id) else { return };
        let step = &definition.steps[ix];
        let Verb::Assign(assign) = &step.verb else {
            self.ignore(Ignored::NotAwaited);
            return;
        };
        if let Some(owner) = owner
            && let Some(run) = self.run(id)
        {
            run.was_given_to(owner);
        }
        match (owner, &assign.role) {
            (rep, Some(role)) => {
                let before = self.in_role(id, role);
                self.cast(id, role, rep, how);
                self.announce(id, rep.filter(|rep| before.as_ref() != Some(rep)), assign);
            }
            (Some(owner), None) => {
                let is_new = self.state.lead.owner.as_ref() != Some(owner);
                let pool = self.chosen_from(assign, owner, how);
                let stands_in_for = self.stands_in_for(owner, assign);
                self.take_over_hold(owner);
                self.leave_own_hold(Some(owner));
                let holder_is_here = self.account_owner().is_some_and(|holder| self.team().knows(holder));
                if stands_in_for.is_none() && holder_is_here && !assign.holds_account() {
                    self.leave_account_hold(Some(owner));
                }
                self.set_owner(owner, how, assign.carry);
                self.state.lead.pool = pool;
                self.own(owner, assign, stands_in_for, &definition);
                self.announce(id, Some(owner).filter(|_| is_new), assign);
            }
            (None, None) => self.notes.push(Note::Owned { owner: None, how }),
        }
        self.go_on(id, step.next);
    }

    /// Gives a rep a role in the run. If nobody could be found, whoever has the role keeps it.
    fn cast(&mut self, id: RunId, role: &str, rep: Option<&RepId>, how: ChosenBy) {
        if let (Some(run), Some(rep)) = (self.run(id), rep) {
            run.roles.insert(role.to_owned(), rep.clone());
        }
        self.notes.push(Note::Cast { run: id.in_journal(), role: role.to_owned(), rep: rep.cloned(), how });
    }

    /// Tells a rep that a lead or a role is theirs, where a connection carries notices.
    fn announce(&mut self, id: RunId, rep: Option<&RepId>, assign: &Assign) {
        let Some(rep) = rep.filter(|_| !assign.unannounced) else { return };
        let Some(via) = self.cx.live.settings.contact.notify_via.clone() else { return };
        let Some(at) = self.run(id).map(|run| run.at()).filter(|_| !self.is_spent()) else {
            return self.notes.push(Note::NotTold {
                run: id.in_journal(),
                why: Unable::NoRoom,
                rep: Some(rep.clone()),
            });
        };
        let message = Message::Assigned { to: rep.clone(), role: assign.role.clone() };
        // The notice stands whatever the run does next: attempt 0 keeps it from going stale.
        self.queue((id, 0), via, message, at, false);
    }

    /// The pool from which an owner was chosen, as far as it is known. Another member of it is found
    /// when the owner cannot do a task.
    fn chosen_from(&self, assign: &Assign, owner: &RepId, how: ChosenBy) -> Option<String> {
        let is_of = |pool: &&String| self.team().members(pool).any(|member| member == owner);
        match how {
            ChosenBy::Pool => assign.pool.clone(),
            ChosenBy::Fallback => assign.fallback.clone().filter(|name| self.team().pools.contains_key(name)),
            ChosenBy::Sticky if self.state.lead.owner.as_ref() == Some(owner) => self.state.lead.pool.clone(),
            _ => assign.pool.as_ref().filter(is_of).cloned(),
        }
    }

    /// The owner of the account, if the rep chosen for the lead only stands in for them: an owner who is away keeps the account.
    fn stands_in_for(&self, owner: &RepId, assign: &Assign) -> Option<RepId> {
        let away = self.account_owner().filter(|of| *of != owner && assign.sticky == Some(Sticky::Account));
        let away = away.filter(|of| self.team().knows(of) && !self.team().is_here(of, self.cx.now));
        away.filter(|_| assign.hold.is_none() || assign.holds_account()).cloned()
    }

    /// Applies an assignment to the account and to holds.
    fn own(&mut self, owner: &RepId, assign: &Assign, stands_in_for: Option<RepId>, definition: &Workflow) {
        match (stands_in_for, &assign.hold) {
            (Some(of), _) => self.notes.push(Note::StandsIn { owner: owner.clone(), of }),
            (_, Some(hold)) => self.hold(owner, hold, definition),
            (_, None) => self.own_account(owner),
        }
    }

    fn account_owner(&self) -> Option<&RepId> {
        self.cx.account.and_then(|facts| facts.owner.as_ref())
    }

    /// Ends the lead's holds because it gets this owner or is done with, so the end of a hold no longer matters to it. A hold on
    /// the account stays in force for the others.
    pub(super) fn leave_holds(&mut self, owner: Option<&RepId>) {
        self.leave_own_hold(owner);
        self.leave_account_hold(owner);
    }

    fn leave_own_hold(&mut self, owner: Option<&RepId>) {
        if let Some(hold) = self.state.hold.take_if(|hold| Some(&hold.owner) != owner) {
            self.notes.push(Note::HoldLeft { owner: hold.owner });
        }
    }

    fn leave_account_hold(&mut self, owner: Option<&RepId>) {
        let Some(account) = self.cx.account.filter(|account| account.held) else { return };
        let is_under = account.owner == self.state.lead.owner && self.state.lead.account == Some(account.id);
        if let Some(holder) = account.owner.clone().filter(|holder| is_under && Some(holder) != owner) {
            self.notes.push(Note::HoldLeft { owner: holder });
            self.effects.push(Effect::Account(account.id, AccountMessage::Leave(self.state.lead.id)));
        }
    }

    /// Passes the lead's own hold to the new owner when the rep who held it is no longer in the team.
    fn take_over_hold(&mut self, owner: &RepId) {
        let team = &self.cx.live.settings.team;
        if let Some(hold) = self.state.hold.as_mut().filter(|hold| !team.knows(&hold.owner)) {
            hold.owner = owner.clone();
        }
    }

    pub(super) fn set_owner(&mut self, owner: &RepId, how: ChosenBy, carry: Carry) {
        let previous = self.state.lead.owner.replace(owner.clone());
        self.state.lead.pool = None;
        self.lead_changed = true;
        self.notes.push(Note::Owned { owner: Some(owner.clone()), how });
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
        let Some(account) = self.state.lead.account else { return };
        let gone = self.account_owner().filter(|before| !self.team().knows(before)).cloned();
        let held = self.cx.account.is_some_and(|facts| facts.held);
        let owner = owner.clone();
        let message = match gone {
            Some(gone) => AccountMessage::TakeOver { gone, owner },
            None if held => return,
            None => AccountMessage::Own(owner),
        };
        self.effects.push(Effect::Account(account, message));
    }

    /// Starts a hold. One that is already in force for the same owner is not started again.
    fn hold(&mut self, owner: &RepId, hold: &HoldRule, definition: &Workflow) {
        let until = self.cx.live.settings.calendar.add(self.cx.now, hold.span);
        let new = HoldInForce {
            owner: owner.clone(),
            until,
            until_event: hold.until.clone(),
            workflow: definition.digest,
            on_expiry: hold.on_expiry.and_then(|target| definition.landing(target)),
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

    /// Ends a hold that ran out. A new run begins where the workflow says, beside any runs that go on.
    pub(super) fn hold_expired(&mut self, workflow: Digest, go: Option<StepId>) {
        self.notes.push(Note::HoldOver { expired: true });
        let Some(step) = go else { return };
        let Some(definition) = self.cx.definitions.get(&workflow).filter(|d| d.step(step).is_some()).cloned() else {
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
        let id = self.begin_run(&definition, step);
        if let Some(run) = self.run(id) {
            run.after_hold = true;
        }
        self.walk(id);
    }
}
