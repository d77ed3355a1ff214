//! Events for leads whose records could not be read: results of their mails, ends of holds, addresses that are bound. They lie in
//! the store's inbox until the lead can be read and is told, or is gone.
//!
//! The inbox is gone through at every start, before anything leaves, and from time to time while it is not empty, since a record
//! can be mended or be readable at the next attempt. A record that is never mended costs one row of the store for each event, and
//! holds up nobody but its lead.
//!
//! Must not know: what the events say.

use super::batch::After;
use super::desk::Desk;
use cadenza_core::heart::{Command, Rejected, Untold};
use cadenza_core::id::LeadId;
use cadenza_core::time::Timestamp;
use cadenza_store::{InboxKey, InboxRow, Partitions, StoreError};
use std::collections::BTreeSet;
use std::time::Duration;

/// Rows looked at in one batch.
const PAGE: usize = 64;
/// The pause before the inbox is gone through again, in real time.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// The most leads with events in the inbox that are known by id. Messages to leads beyond them are not held back if their records
/// turn out to be readable before the inbox is gone through again.
const KNOWN_MAX: usize = 10_000;

/// Leads with events in the inbox.
#[derive(Debug, Default)]
pub(super) struct Unheard {
    /// Leads found when the inbox was last gone through; none before the first time.
    found: Option<BTreeSet<LeadId>>,
    /// Leads that were added since that walk began.
    fresh: BTreeSet<LeadId>,
}

impl Unheard {
    /// Whether the inbox has been gone through.
    pub(super) const fn is_known(&self) -> bool {
        self.found.is_some()
    }

    /// Whether this lead must hear something before anything is sent to it.
    pub(super) fn is_waited_for_by(&self, lead: LeadId) -> bool {
        self.fresh.contains(&lead) || self.found.as_ref().is_some_and(|found| found.contains(&lead))
    }

    /// Adds the leads of events that could not be told.
    pub(super) fn add(&mut self, untold: &[Untold]) {
        for untold in untold {
            note(&mut self.fresh, untold.lead);
        }
    }

    /// A walk through the inbox begins: leads added so far count as found.
    fn begin_again(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        fresh.into_iter().for_each(|lead| note(self.found.get_or_insert_default(), lead));
    }

    fn is_nobody(&self) -> bool {
        self.fresh.is_empty() && self.found.as_ref().is_some_and(BTreeSet::is_empty)
    }
}

fn note(leads: &mut BTreeSet<LeadId>, lead: LeadId) {
    if leads.len() < KNOWN_MAX {
        leads.insert(lead);
    }
}

/// A walk through the inbox.
#[derive(Debug, Default)]
struct Walk {
    /// The last row that was looked at.
    after: Option<InboxKey>,
    /// Leads that still cannot be read. The rest of their events waits too.
    left: BTreeSet<LeadId>,
    /// Whether any event was told, or dropped because its lead is gone.
    told: bool,
}

/// How far the inbox has been gone through.
#[derive(Debug)]
pub(super) struct Inbox {
    /// None between two walks.
    walk: Option<Walk>,
    /// When the next walk begins, in real time; none if the inbox is empty.
    again: Option<Duration>,
    /// The batch that tells leads. Nothing more is read before it has settled, or they would be told twice.
    told_in: Option<u64>,
}

impl Inbox {
    pub(super) fn begin() -> Self {
        Self { walk: Some(Walk::default()), again: None, told_in: None }
    }

    /// When the walk goes on: at once while rows are left.
    pub(super) const fn next(&self) -> Timestamp {
        if self.walk.is_some() && self.told_in.is_none() { Timestamp::from_ms(0) } else { Timestamp::MAX }
    }

    pub(super) fn settled(&mut self, batch: u64) {
        self.told_in.take_if(|number| *number <= batch);
    }

    /// Tells some of the leads that can be read their events.
    pub(super) async fn go_on(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        self.begin_again(desk);
        if self.next() > now {
            return Ok(());
        }
        let Some(mut walk) = self.walk.take() else { return Ok(()) };
        let page = desk.store.inbox(&Partitions::ALL, walk.after, PAGE).await?;
        let is_last = page.len() < PAGE;
        for (key, row) in page {
            walk.after = Some(key);
            if walk.left.contains(&row.to) {
                continue;
            }
            if hears(desk, &row, now).await? {
                desk.open.received.push(key);
                (self.told_in, walk.told) = (Some(desk.open.number), true);
            } else {
                note(&mut walk.left, row.to);
            }
        }
        match is_last {
            true => end(walk, desk),
            false => self.walk = Some(walk),
        }
        Ok(())
    }

    fn begin_again(&mut self, desk: &mut Desk) {
        if self.walk.is_some() || desk.unheard.is_nobody() {
            return;
        }
        let elapsed = desk.clock.elapsed();
        if *self.again.get_or_insert(elapsed + AGAIN_AFTER) <= elapsed {
            desk.unheard.begin_again();
            *self = Self { walk: Some(Walk::default()), again: None, told_in: self.told_in };
        }
    }
}

/// Tells a lead one event. Returns whether the event is done with: the lead has heard it, or is gone.
async fn hears(desk: &mut Desk, row: &InboxRow, now: Timestamp) -> Result<bool, StoreError> {
    let InboxRow { to: lead, id, event } = row.clone();
    let told = desk.run_at(&Command::Event { lead, id, event: Box::new(event) }, now).await?;
    Ok(!matches!(told, Err(Rejected::Damaged(_))))
}

/// Ends a walk. Leads that can be read have heard everything, so the messages held back for that are looked at.
fn end(walk: Walk, desk: &mut Desk) {
    let before = desk.unheard.found.replace(walk.left).unwrap_or_default();
    let left = desk.unheard.found.get_or_insert_default();
    if walk.told || before.difference(left).next().is_some() {
        desk.open.after.push(After::Release { leads: false });
    }
}
