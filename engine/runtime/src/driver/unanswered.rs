//! Questions that were under way when an earlier life of the engine ended. Nobody will answer them, so they are put again a page
//! at a time from the start on, rather than at their time-outs. They pass the lines of their plugins, since they had places; a
//! question that finds none waits in line like any other.

use super::desk::Desk;
use cadenza_core::id::LeadId;
use cadenza_core::time::Timestamp;
use cadenza_store::{Partitions, StoreError};

/// How far the leads with unanswered questions have been gone through.
#[derive(Debug)]
pub(super) struct Unanswered {
    /// The last lead that was looked at; none when all have been.
    after: Option<Option<LeadId>>,
    /// Leads for which this life had already asked something when they were looked at. They may have lost another question, so
    /// they are looked at again when theirs is answered. There are no more of them than questions under way.
    later: Vec<LeadId>,
}

impl Unanswered {
    pub(super) const fn begin() -> Self {
        Self { after: Some(None), later: Vec::new() }
    }

    /// Whether all leads have been looked at. Questions that wait for a place are not put before that.
    pub(super) const fn is_over(&self) -> bool {
        self.after.is_none()
    }

    /// When the walk goes on: at once while leads are left.
    pub(super) const fn next(&self) -> Timestamp {
        if self.is_over() { Timestamp::MAX } else { Timestamp::from_ms(0) }
    }

    /// Puts some more questions again. Leads with questions of this life under way are left for later.
    pub(super) async fn go_on(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        self.look_again(desk, now).await?;
        let Some(after) = self.after else { return Ok(()) };
        let limit = desk.options.batch_timers_max;
        let page = desk.store.unanswered(&Partitions::ALL, after, limit).await?;
        let (mut asked, is_last) = (0_u64, page.len() < limit);
        for lead in &page {
            if desk.pool.asks_for(*lead) {
                self.later.push(*lead);
            } else if desk.ask_again(*lead, now).await?.is_ok() {
                // A lead that cannot be read is logged, and asks at its time-out.
                asked += 1;
            }
        }
        if asked > 0 {
            tracing::info!(leads = asked, "decisions that were under way when the engine ended are asked for again");
        }
        self.after = page.last().filter(|_| !is_last).map(|last| Some(*last));
        Ok(())
    }

    /// Puts the lost questions of leads whose other questions have been answered by now.
    async fn look_again(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        for lead in self.later.extract_if(.., |lead| !desk.pool.asks_for(*lead)).collect::<Vec<_>>() {
            let before = lead.0.checked_sub(1).map(LeadId);
            if desk.store.unanswered(&Partitions::ALL, before, 1).await? == [lead] {
                drop(desk.ask_again(lead, now).await?);
            }
        }
        Ok(())
    }
}
