//! What falls due for an account: its hold ends, and the leads under it are told; an event is passed on to other leads of it.

use super::command::Outcome;
use super::overlay::Overlay;
use super::set::Found;
use super::turn::drop_notes;
use super::{Rejected, Stop};
use crate::event::{Event, Passed};
use crate::id::{AccountId, LeadId};
use crate::state::LeadState;
use crate::workflow::Workflow;
use std::collections::VecDeque;

impl Overlay<'_> {
    pub(super) fn account_due(&mut self, id: AccountId) -> Result<Outcome, Stop> {
        match self.read_account(id) {
            Some(Found::Damaged(why)) => return Err(Rejected::Damaged(why.to_string()).into()),
            Some(Found::Nothing) => return Err(Rejected::Damaged(format!("the account {id} is not there")).into()),
            _ => {}
        }
        let now = self.rules.now;
        let told = self.change_account(id, |account| account.timer_due(now))?;
        let leads: Vec<LeadId> = told.iter().map(|(lead, _)| *lead).collect();
        self.need_to_tell(&leads)?;
        for (lead, event) in told {
            self.transition(lead, &format!("hold/{id}/{now}"), VecDeque::from([event]), Vec::new(), drop_notes)?;
        }
        Ok(Outcome::Done)
    }

    /// Tells a page of leads, which the account's record does not list, about the end of their hold. Leads that have since come
    /// under the next hold are skipped.
    pub(super) fn hold_ended(&mut self, id: AccountId, page: &[LeadId], last: bool) -> Result<Outcome, Stop> {
        let account = self.account(id)?;
        let joined = account.map_or_else(Vec::new, |account| account.joined.clone());
        let Some(ending) = account.and_then(|account| account.ending) else { return Ok(Outcome::Nothing) };
        self.need_to_tell(page)?;
        for lead in page.iter().filter(|lead| !joined.contains(lead)) {
            // Done before the lead hears of the end: hearing may bring it under the next hold, and there is one place for both.
            self.changes.held.push((id, *lead, false));
            if let Some(tells) = ending.tells {
                let event = VecDeque::from([tells.event()]);
                self.transition(*lead, &format!("hold/{id}/{}", ending.at), event, Vec::new(), drop_notes)?;
            }
        }
        self.change_account(id, |account| account.told(page, last))?;
        Ok(Outcome::Done)
    }

    /// Tells a page of leads about the oldest event that their account has to pass on. Leads without a run to hear it are
    /// skipped.
    pub(super) fn pass_on(&mut self, id: AccountId, page: &[LeadId], last: bool) -> Result<Outcome, Stop> {
        let Some(passed) = self.account(id)?.and_then(|account| account.passing.first()).cloned() else {
            return Ok(Outcome::Nothing);
        };
        self.need_to_tell(page)?;
        for lead in page.iter().filter(|lead| **lead != passed.lead) {
            if self.lead(*lead)?.one().is_none_or(|state| self.listens(state, &passed)) {
                let event = Event::OfAccount(Box::new(passed.clone()));
                self.transition(
                    *lead,
                    &format!("account/{id}/{}", passed.at),
                    VecDeque::from([event]),
                    Vec::new(),
                    drop_notes,
                )?;
            }
        }
        self.change_account(id, |account| account.passed(page, last))?;
        Ok(Outcome::Done)
    }

    /// Whether a run of a lead listens for such an event of another lead of its account, and had begun by then.
    fn listens(&self, state: &LeadState, passed: &Passed) -> bool {
        let hears = |definition: &Workflow| definition.heard_of_account().any(|kind| *kind == passed.report.kind);
        let mut runs = state.runs.iter().filter(|run| run.hears_account && run.started_at <= passed.at);
        runs.any(|run| self.rules.definitions.get(&run.workflow).is_some_and(|definition| hears(definition)))
    }
}
