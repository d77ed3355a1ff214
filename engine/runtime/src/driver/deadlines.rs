//! Deadlines. Only what is due now is read; ten million waiting deadlines are just keys on disk.

use super::desk::Desk;
use super::pool::Called;
use cadenza_core::account::Account;
use cadenza_core::heart::{Command, Found};
use cadenza_core::id::AccountId;
use cadenza_core::time::Timestamp;
use cadenza_store::{Partitions, StoreError, TimerOwner};
use std::collections::BTreeSet;

/// What is known of deadlines between batches.
#[derive(Default)]
pub(super) struct Deadlines {
    /// The batch that carries the timers fired last. No timers are looked for before it has settled.
    fired_in: Option<u64>,
    /// Owners that were missing, or could not be read, when their timer fired.
    unreadable: BTreeSet<TimerOwner>,
}

impl Deadlines {
    /// When timers are looked for next.
    pub(super) const fn next(&self, desk: &Desk) -> Timestamp {
        if self.fired_in.is_none() { desk.next_timer } else { Timestamp::MAX }
    }

    pub(super) fn settled(&mut self, batch: u64) {
        self.fired_in.take_if(|number| *number <= batch);
    }

    /// The contents of the store are no longer known.
    pub(super) const fn forget(&mut self) {
        self.fired_in = None;
    }

    /// Fires what is due, up to a batch's share. Timers are looked for again only after this batch has settled, so that one that
    /// is handled but not yet written is not seen twice.
    pub(super) async fn fire(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        if self.next(desk) > now {
            return Ok(());
        }
        let share = desk.options.batch_timers_max;
        let passed_over_max = desk.pool.leads() + self.unreadable.len();
        let due = desk.store.timers(&Partitions::ALL, None, now, share + passed_over_max).await?;
        let mut due: Vec<TimerOwner> =
            due.into_iter().map(|(_, owner)| owner).filter(|owner| !self.passes_over(desk, *owner)).collect();
        let more = due.len() >= share;
        due.truncate(share);
        let commands: Vec<Command> = due.iter().map(|owner| command(*owner)).collect();
        desk.prefetch(commands.iter(), now).await?;
        let mut unlisted = false;
        for (owner, command) in due.into_iter().zip(commands) {
            desk.meters.timers_fired_total.add(1);
            // The other leads under a hold that ends now are looked for once that is durable: by then all of them are in the
            // store.
            let had_ended = matches!(owner, TimerOwner::Account(account) if is_ending(desk, account));
            if desk.run_prefetched(&command, Called::Nobody, now).await?.is_err() {
                self.unreadable.insert(owner);
            }
            if let TimerOwner::Account(account) = owner
                && had_ended
            {
                unlisted |= tell_the_unlisted(desk, account, now).await?;
            }
            if let TimerOwner::Account(account) = owner {
                unlisted |= pass_on(desk, account, now).await?;
            }
        }
        desk.next_timer = if more || unlisted { now } else { next_after(desk, now).await? };
        if desk.open.touched {
            self.fired_in = Some(desk.open.number);
        }
        Ok(())
    }

    /// Puts the questions for which there is a place now.
    pub(super) async fn ask_who_waits(
        &mut self,
        desk: &mut Desk,
        settled: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        desk.ask_who_waits(&mut self.unreadable, settled, now).await
    }

    /// Whether a timer is passed over: either a plugin is being asked for its lead, and the answer comes first, or its owner is
    /// missing or cannot be read.
    fn passes_over(&self, desk: &Desk, owner: TimerOwner) -> bool {
        let asked = matches!(owner, TimerOwner::Lead(lead) if desk.pool.asks_for(lead));
        asked || self.unreadable.contains(&owner)
    }
}

/// Whether an account's hold is over while leads that its record does not list are still being told.
fn is_ending(desk: &Desk, account: AccountId) -> bool {
    desk.ledger.set().account(account).and_then(Found::one).is_some_and(|account| account.ending.is_some())
}

const fn command(owner: TimerOwner) -> Command {
    match owner {
        TimerOwner::Lead(lead) => Command::Due(lead),
        TimerOwner::Account(account) => Command::AccountDue(account),
    }
}

async fn next_after(desk: &Desk, now: Timestamp) -> Result<Timestamp, StoreError> {
    let after = Some((now, TimerOwner::Account(AccountId(u128::MAX))));
    let stored = desk.store.timers(&Partitions::ALL, after, Timestamp::MAX, 1).await?;
    Ok(stored.first().map_or(Timestamp::MAX, |(at, _)| *at))
}

/// Tells a page of the leads that listen to the oldest event which their account has to pass on. Returns whether there are more.
/// An event that the store does not have yet waits until it does: by then every lead that is to hear of it is in the store too.
async fn pass_on(desk: &mut Desk, account: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let known: Option<&Account> = desk.ledger.set().account(account).and_then(Found::one);
    let Some(passed) = known.and_then(|account| account.passing.first()).cloned() else { return Ok(false) };
    let kept = desk.store.account(account).await?;
    if kept.is_none_or(|kept| kept.passing.first() != Some(&passed)) {
        return Ok(false);
    }
    let limit = desk.options.batch_timers_max;
    let page = desk.store.listeners(&Partitions::ALL, account, passed.after, limit).await?;
    let last = page.len() < limit;
    // This cannot be refused: its account was read.
    let _ = desk.run_at(&Command::PassOn { account, page, last }, now).await?;
    Ok(!last)
}

/// Tells a page of the leads under a hold that is over and whose account does not list them. Returns whether there are more. The
/// account stays due until all are told.
async fn tell_the_unlisted(desk: &mut Desk, account: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let known: Option<&Account> = desk.ledger.set().account(account).and_then(Found::one);
    let Some(ending) = known.and_then(|account| account.ending) else { return Ok(false) };
    let limit = desk.options.batch_timers_max;
    let page = desk.store.held(&Partitions::ALL, account, ending.after, limit).await?;
    let last = page.len() < limit;
    // This cannot be refused: its account was read.
    let _ = desk.run_at(&Command::HoldEnded { account, page, last }, now).await?;
    Ok(!last)
}
