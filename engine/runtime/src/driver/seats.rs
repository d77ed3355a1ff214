//! Tasks of reps and pools that are not in the team any more: found by their queues, and moved to whoever can do them, a
//! batch's share at a time. Which they are is seen from the queues alone, so a restart begins again and forgets nobody.

use super::Driver;
use cadenza_core::event::Event;
use cadenza_core::id::{LeadId, TaskId};
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use cadenza_store::{QueueKey, StoreError};

/// How far the queues have been looked through since the team changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Seating {
    /// The last place looked at; none when all have been.
    after: Option<Option<QueueKey>>,
    /// Leads that were told.
    told: u64,
}

impl Seating {
    /// From the beginning.
    pub(super) const fn begin() -> Self {
        Self { after: Some(None), told: 0 }
    }
}

/// The last place that a queue can have: after it the next queue begins.
const fn end_of(assignee: Assignee) -> QueueKey {
    QueueKey { assignee, class: u8::MAX, due: Timestamp::MAX, task: TaskId(u128::MAX) }
}

impl Driver {
    /// When queues are looked through next: at once while some have not been.
    pub(super) const fn next_seating(&self) -> Timestamp {
        if self.seating.after.is_none() { Timestamp::MAX } else { Timestamp::from_ms(0) }
    }

    /// Looks through some more queues. Of one that has its rep or pool only the first place is read.
    pub(super) async fn seat_further(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Some(mut after) = self.seating.after.clone() else { return Ok(()) };
        let limit = self.parts.options.firing_leads_max;
        for _ in 0..limit {
            let Some(first) = self.parts.store.queue(None, after.as_ref(), 1).await?.pop() else {
                return self.seated();
            };
            if self.parts.catalog.live.settings.team.seats(&first.assignee) {
                after = Some(end_of(first.assignee));
                continue;
            }
            let page = self.parts.store.queue(Some(&first.assignee), after.as_ref(), limit).await?;
            for place in &page {
                self.seat_lead(place.task.lead(), now).await?;
            }
            after = page.into_iter().last();
            break;
        }
        self.seating.after = Some(after);
        Ok(())
    }

    fn seated(&mut self) -> Result<(), StoreError> {
        if self.seating.told > 0 {
            tracing::info!(
                leads = self.seating.told,
                "tasks of reps or pools that are not in the team any more were moved"
            );
        }
        self.seating = Seating::default();
        Ok(())
    }

    /// The lead's next transition moves its tasks; this is one.
    async fn seat_lead(&mut self, lead: LeadId, now: Timestamp) -> Result<(), StoreError> {
        match self.load_lead(lead).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // Told of where it was read; its tasks stay where they are.
            Err(error) if error.is_damage() => return Ok(()),
            Err(error) => return Err(error),
        }
        let team = &self.parts.catalog.live.settings.team;
        let waits = self.set.lead(lead).is_some_and(|state| state.tasks.iter().any(|task| !team.seats(&task.assignee)));
        if waits {
            self.transition_at(lead, format!("team/{now}"), Event::Woken, now, Vec::new()).await?;
            self.seating.told += 1;
        }
        Ok(())
    }
}
