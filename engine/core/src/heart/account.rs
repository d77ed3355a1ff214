//! What falls due for an account: its hold ends, and the leads under it are told.

use super::command::Outcome;
use super::overlay::Overlay;
use super::set::Found;
use super::{Rejected, Stop};
use crate::id::{AccountId, LeadId};
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
            self.transition(lead, &format!("hold/{id}/{now}"), VecDeque::from([event]), Vec::new())?;
        }
        Ok(Outcome::Done)
    }

    /// Tells a page of leads, which the account's record does not list, that their hold is over. Leads that have come under
    /// the next one since are passed over.
    pub(super) fn hold_ended(&mut self, id: AccountId, page: &[LeadId], last: bool) -> Result<Outcome, Stop> {
        let account = self.account(id)?;
        let joined = account.map_or_else(Vec::new, |account| account.joined.clone());
        let Some(ending) = account.and_then(|account| account.ending) else { return Ok(Outcome::Nothing) };
        self.need_to_tell(page)?;
        for lead in page.iter().filter(|lead| !joined.contains(lead)) {
            // Before it hears of the end: that may bring it under the next hold, and it has one place for both.
            self.changes.held.push((id, *lead, false));
            if let Some(tells) = ending.tells {
                let event = VecDeque::from([tells.event()]);
                self.transition(*lead, &format!("hold/{id}/{}", ending.at), event, Vec::new())?;
            }
        }
        self.change_account(id, |account| account.told(page, last))?;
        Ok(Outcome::Done)
    }
}
