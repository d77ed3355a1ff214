//! Versions of workflows that no run follows any more. Only an outline of them is kept, from which old timelines are told.
//! Otherwise a team that edits every day would pay for each edit with memory, and at each start.
//!
//! A version is followed by what names it: a run, an open task, a hold, or a mail that has not left or lies with the dead
//! letters. All of these are looked through away from the driver, which meanwhile notes the versions named in what it writes. A
//! version that is neither found nor noted is named by nothing, since whatever names an old version either was there before or is
//! written now.

use crate::engine::{Engine, Refused};
use crate::threads;
use cadenza_core::account::Account;
use cadenza_core::effect::Outgoing;
use cadenza_core::id::Digest;
use cadenza_core::state::LeadState;
use cadenza_store::{Batch, DeadContent, OutboxWrite, TimerOwner};
use std::collections::BTreeSet;
use std::time::Duration;

/// Records read at once.
const PAGE: usize = 256;
/// How often versions are looked for besides, in real time, since runs also end when nobody applies a workspace.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// The versions that a lead names.
fn of_lead(state: &LeadState) -> impl Iterator<Item = Digest> {
    let runs = state.runs.iter().map(|run| run.workflow);
    let tasks = state.tasks.iter().chain(&state.given_up);
    runs.chain(tasks.map(|task| task.workflow)).chain(state.hold.iter().map(|hold| hold.workflow))
}

/// The versions that an account names.
fn of_account(account: &Account) -> impl Iterator<Item = Digest> {
    let ending = account.ending.iter().filter_map(|ending| ending.tells);
    account.hold.iter().map(|hold| hold.workflow).chain(ending.map(|tells| tells.workflow))
}

/// The version that an outgoing message names.
fn of_row(row: &Outgoing) -> Option<Digest> {
    row.message.at().map(|at| at.workflow)
}

/// The versions named in what a batch writes.
pub(crate) fn of_batch(batch: &Batch) -> impl Iterator<Item = Digest> {
    let rows = batch.outbox.iter().filter_map(|write| match write {
        OutboxWrite::Put(row) | OutboxWrite::Update { row, .. } => of_row(row),
        OutboxWrite::Bury { letter, .. } => match &letter.content {
            DeadContent::Outgoing(row) => of_row(row),
            DeadContent::Incoming { .. } | DeadContent::Enrolment { .. } => None,
        },
        OutboxWrite::Remove { .. } | OutboxWrite::Exhume { .. } => None,
    });
    let leads = batch.leads.iter().flat_map(|write| of_lead(&write.state));
    leads.chain(batch.accounts.iter().flat_map(|(account, _)| of_account(account))).chain(rows)
}

/// Drops versions that nobody follows, once a day and whenever another workspace comes into force.
pub(crate) fn watch(engine: Engine) {
    threads::beside(async move {
        let mut in_force = engine.in_force();
        loop {
            in_force.borrow_and_update();
            match drop_unfollowed(&engine).await {
                Ok(()) => {}
                Err(Refused::Stopping) => return,
                Err(error) => tracing::warn!(%error, "versions of workflows that no run follows are kept for now"),
            }
            tokio::select! {
                _ = in_force.changed() => {}
                () = engine.clock().sleep(EVERY) => {}
            }
        }
    });
}

async fn drop_unfollowed(engine: &Engine) -> Result<(), Refused> {
    let mut unfollowed = without_runs(engine).await?;
    if unfollowed.is_empty() {
        return Ok(());
    }
    engine.note_followed().await?;
    look_through(engine, &mut unfollowed).await?;
    if engine.damage().noted() > 0 && !unfollowed.is_empty() {
        tracing::warn!(
            versions = unfollowed.len(),
            "versions of workflows that no run seems to follow are kept, since there are records that cannot be read"
        );
        unfollowed.clear();
    }
    engine.drop_definitions(unfollowed).await
}

/// Versions that are not in force and have no runs according to the counters, which are only a hint.
async fn without_runs(engine: &Engine) -> Result<BTreeSet<Digest>, Refused> {
    let counters = engine.counters().await?;
    let catalog = engine.catalog();
    let is_counted = |digest: &Digest| {
        ["step", "parked"].into_iter().any(|state| {
            let before = format!("{state}/{digest}/");
            let mut named = counters.values.range(before.clone()..).take_while(|(name, _)| name.starts_with(&before));
            named.any(|(_, count)| *count > 0)
        })
    };
    let not_in_force = catalog.definitions.followed().map(|workflow| workflow.digest);
    Ok(not_in_force.filter(|digest| !catalog.has_in_force(digest) && !is_counted(digest)).collect())
}

/// Takes out the versions that are named anywhere.
async fn look_through(engine: &Engine, unfollowed: &mut BTreeSet<Digest>) -> Result<(), Refused> {
    let mut forget = |named: Digest| {
        unfollowed.remove(&named);
    };
    let mut after = None;
    loop {
        let leads = engine.leads(after, PAGE).await?;
        leads.iter().flat_map(of_lead).for_each(&mut forget);
        after = leads.last().map(|state| state.lead.id);
        if leads.len() < PAGE {
            break;
        }
        tokio::task::yield_now().await;
    }
    // An account that still has something to do has a timer.
    let mut after = None;
    loop {
        let timers = engine.timers(after, PAGE).await?;
        for (_, owner) in &timers {
            if let TimerOwner::Account(id) = owner
                && let Some(account) = engine.account(*id).await?
            {
                of_account(&account).for_each(&mut forget);
            }
        }
        after = timers.last().copied();
        if timers.len() < PAGE {
            break;
        }
        tokio::task::yield_now().await;
    }
    let mut after = None;
    loop {
        let rows = engine.outbox(after, PAGE).await?;
        rows.iter().filter_map(of_row).for_each(&mut forget);
        after = rows.last().map(|row| (row.due, row.id));
        if rows.len() < PAGE {
            break;
        }
    }
    let mut after = None;
    loop {
        let letters = engine.dead_letters(after, PAGE).await?;
        for letter in &letters {
            if let DeadContent::Outgoing(row) = &letter.content {
                of_row(row).into_iter().for_each(&mut forget);
            }
        }
        after = letters.last().map(|letter| letter.id);
        if letters.len() < PAGE {
            break;
        }
    }
    Ok(())
}
