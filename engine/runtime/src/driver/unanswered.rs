//! Questions that were under way when an earlier life of the engine ended: nobody will answer them, so they are put again at
//! once, a page at a time, and not when their time is over. They pass the lines of their plugins, since they had places; what
//! finds none waits in line like any other.

use super::desk::Desk;
use cadenza_core::id::LeadId;
use cadenza_core::time::Timestamp;
use cadenza_store::{Partitions, StoreError};

/// How far the leads have been gone through whose questions have no answer.
#[derive(Debug)]
pub(super) struct Unanswered {
    /// The last lead that was looked at; none when all have been.
    after: Option<Option<LeadId>>,
    /// Leads for which this life asked something when they were looked at: they may have lost another question, and are looked at again
    /// when theirs is answered. There are no more than questions under way.
    later: Vec<LeadId>,
}

impl Unanswered {
    /// From the beginning.
    pub(super) const fn begin() -> Self {
        Self { after: Some(None), later: Vec::new() }
    }

    /// Whether all have been looked at. Who waits for a place is not asked about before that.
    pub(super) const fn is_over(&self) -> bool {
        self.after.is_none()
    }

    /// When it is gone on with: at once while somebody is to be looked at.
    pub(super) const fn next(&self) -> Timestamp {
        if self.is_over() { Timestamp::MAX } else { Timestamp::from_ms(0) }
    }

    /// Puts some more questions again. Those that this life has put are under way, and left alone meanwhile.
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
                // One that cannot be read is told of, and asks when its time is over.
                asked += 1;
            }
        }
        if asked > 0 {
            tracing::info!(leads = asked, "decisions that were under way when the engine ended are asked for again");
        }
        self.after = page.last().filter(|_| !is_last).map(|last| Some(*last));
        Ok(())
    }

    /// Puts what the leads have lost whose other questions are answered by now.
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
