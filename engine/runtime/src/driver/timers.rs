//! Timers: only what is due now is read; ten million waiting are keys on disk.

use super::Driver;
use cadenza_core::event::Event;
use cadenza_core::id::{AccountId, LeadId};
use cadenza_core::time::Timestamp;
use cadenza_store::{StoreError, TimerOwner};

impl Driver {
    /// Fires what is due, up to a batch's share. The next look is after this batch has settled, so a timer that is
    /// handled but not yet written is not seen twice.
    pub(super) async fn fire_timers(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let share = self.parts.options.batch_timers_max;
        let passed_over_max = self.pool.leads() + self.unreadable.len();
        let due = self.parts.store.timers(None, now, share + passed_over_max).await?;
        let due: Vec<TimerOwner> =
            due.into_iter().map(|(_, owner)| owner).filter(|owner| !self.passes_over(*owner)).collect();
        for owner in due.iter().take(share) {
            self.parts.meters.timers_fired_total.add(1);
            match owner {
                TimerOwner::Lead(lead) => self.lead_due(*lead, now).await?,
                TimerOwner::Account(account) => self.account_due(*account, now).await?,
            }
        }
        self.next_timer = if due.len() >= share { now } else { self.next_timer_after(now).await? };
        if self.open.touched {
            self.timers_in = Some(self.open.number);
        }
        Ok(())
    }

    /// Timers that are left alone: of leads for which a plugin is being asked, whose answer comes first; and of what
    /// cannot be read.
    fn passes_over(&self, owner: TimerOwner) -> bool {
        let asked = matches!(owner, TimerOwner::Lead(lead) if self.pool.asks_for(lead));
        asked || self.unreadable.contains(&owner)
    }

    async fn lead_due(&mut self, lead: LeadId, now: Timestamp) -> Result<(), StoreError> {
        match self.load_lead(lead).await {
            Ok(_) => {}
            Err(error) if error.is_damage() => {
                self.unreadable.insert(TimerOwner::Lead(lead));
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let settled_already = self.set.lead(lead).is_some_and(|s| s.next_due().is_none_or(|at| at > now));
        if !settled_already {
            self.transition_at(lead, format!("timer/{now}"), Event::TimerDue, now, Vec::new()).await?;
        }
        Ok(())
    }

    async fn next_timer_after(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let after = Some((now, TimerOwner::Account(AccountId(u128::MAX))));
        let stored = self.parts.store.timers(after, Timestamp::MAX, 1).await?;
        let stored = stored.first().map_or(Timestamp::MAX, |(at, _)| *at);
        Ok(self.set.next_due().map_or(stored, |at| at.min(stored)))
    }

    async fn account_due(&mut self, id: AccountId, now: Timestamp) -> Result<(), StoreError> {
        self.load_account(id).await?;
        if self.set.account(id).is_none() {
            self.unreadable.insert(TimerOwner::Account(id));
        }
        let number = self.open.number;
        let told = self.set.change_account(id, number, |account| account.timer_due(now)).unwrap_or_default();
        self.open.touched |= !told.is_empty();
        for (lead, event) in told {
            self.transition_at(lead, format!("hold/{id}/{now}"), event, now, Vec::new()).await?;
        }
        self.tell_the_unlisted(id, now).await
    }

    /// A page of the leads under a hold that is over which its account does not list. Until all are told the account is due.
    async fn tell_the_unlisted(&mut self, id: AccountId, now: Timestamp) -> Result<(), StoreError> {
        let Some(ending) = self.set.account(id).and_then(|account| account.ending) else { return Ok(()) };
        let limit = self.parts.options.batch_timers_max;
        let page = self.parts.store.held(id, ending.after, limit).await?;
        for lead in &page {
            if let Some(tells) = ending.tells {
                self.transition_at(*lead, format!("hold/{id}/{}", ending.at), tells.event(), now, Vec::new()).await?;
            }
            self.open.held.push((id, *lead, false));
        }
        let (number, last) = (self.open.number, page.len() < limit);
        self.set.change_account(id, number, |account| account.told(&page, last));
        self.open.touched = true;
        self.next_timer = if last { self.next_timer } else { now };
        Ok(())
    }
}
