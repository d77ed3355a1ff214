//! What leads were to be told while their records could not be read: results of their mails, ends of holds, addresses that are
//! bound. It lies in the store's inbox until the lead can be read and is told, or is gone.
//!
//! The inbox is gone through at every start, before anything leaves, and again from time to time while something lies in it: a
//! record can be mended, or be read when it is tried once more. What waits for a record that is never mended costs a record of
//! the store for each thing told, and holds up nobody but its lead.
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

/// Rows that are looked at in one batch.
const PAGE: usize = 64;
/// How long the inbox rests before it is gone through again, in real time.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// The most leads known by id to have something to hear. Messages to others are not held back for it should their records turn out
/// to be readable before the inbox is gone through again.
const KNOWN_MAX: usize = 10_000;

/// Leads that have something to hear.
#[derive(Debug, Default)]
pub(super) struct Unheard {
    /// Found when the inbox was gone through last; none before it was.
    found: Option<BTreeSet<LeadId>>,
    /// Those that have come since that began.
    fresh: BTreeSet<LeadId>,
}

impl Unheard {
    /// Whether the inbox has been gone through.
    pub(super) const fn is_known(&self) -> bool {
        self.found.is_some()
    }

    /// Whether this lead has something to hear before anything is sent to it.
    pub(super) fn is_waited_for_by(&self, lead: LeadId) -> bool {
        self.fresh.contains(&lead) || self.found.as_ref().is_some_and(|found| found.contains(&lead))
    }

    /// These could not be told.
    pub(super) fn add(&mut self, untold: &[Untold]) {
        for untold in untold {
            note(&mut self.fresh, untold.lead);
        }
    }

    /// The inbox is gone through from here on.
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

/// The inbox being gone through.
#[derive(Debug, Default)]
struct Walk {
    /// The last row that was looked at.
    after: Option<InboxKey>,
    /// Leads that still cannot be read. The rest of what they are to hear waits behind it.
    left: BTreeSet<LeadId>,
    /// Whether some lead was told something.
    told: bool,
}

/// How far the inbox has been gone through.
#[derive(Debug)]
pub(super) struct Inbox {
    /// None between two walks.
    walk: Option<Walk>,
    /// When the next one begins, in real time; none when nobody has anything to hear.
    again: Option<Duration>,
    /// The batch that tells leads: nothing more is read before it has settled, or they would be told twice.
    told_in: Option<u64>,
}

impl Inbox {
    /// From the beginning.
    pub(super) fn begin() -> Self {
        Self { walk: Some(Walk::default()), again: None, told_in: None }
    }

    /// When it is gone on with: at once while somebody is to be looked at.
    pub(super) const fn next(&self) -> Timestamp {
        if self.walk.is_some() && self.told_in.is_none() { Timestamp::from_ms(0) } else { Timestamp::MAX }
    }

    /// The store has what this batch wrote.
    pub(super) fn settled(&mut self, batch: u64) {
        self.told_in.take_if(|number| *number <= batch);
    }

    /// Tells some leads what they have to hear, those that can be read.
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

/// Tells a lead what it has to hear; whether it did, or is gone.
async fn hears(desk: &mut Desk, row: &InboxRow, now: Timestamp) -> Result<bool, StoreError> {
    let InboxRow { to: lead, id, event } = row.clone();
    let told = desk.run_at(&Command::Event { lead, id, event: Box::new(event) }, now).await?;
    Ok(!matches!(told, Err(Rejected::Damaged(_))))
}

/// Who can be read has heard everything: what was held back for that is looked at.
fn end(walk: Walk, desk: &mut Desk) {
    let before = desk.unheard.found.replace(walk.left).unwrap_or_default();
    let left = desk.unheard.found.get_or_insert_default();
    if walk.told || before.difference(left).next().is_some() {
        desk.open.after.push(After::Release { leads: false });
    }
}
