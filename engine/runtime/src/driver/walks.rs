//! Walks through what is stored, a batch's share at a time: leads whose workflow goes on, tasks of people who left the team, keys
//! made by older rules. The store shows how far each walk has come, so a restart begins again and forgets nobody.

use super::desk::Desk;
use cadenza_core::heart::{Command, Outcome};
use cadenza_core::id::{LeadId, TaskId};
use cadenza_core::identity::{Identity, IdentityKey, RULES_VERSION};
use cadenza_core::step::is_told_of_release;
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use cadenza_store::{Partitions, QueueKey, Store, StoreError};
use std::sync::Arc;

/// Keys replaced in one batch.
const KEYS_MAX: usize = 64;

/// How far the queues have been looked through since the team changed. The tasks of a rep or pool that is gone are found by the
/// first place of its queue, and moved to someone who can do them.
#[derive(Clone, Debug, Default)]
pub(super) struct Seating {
    /// The last place looked at; none when all queues have been.
    after: Option<Option<QueueKey>>,
    /// How many leads were told.
    told: u64,
}

/// The last place that a queue can have: the next queue begins after it.
const fn end_of(assignee: Assignee) -> QueueKey {
    QueueKey { assignee, class: u8::MAX, due: Timestamp::MAX, task: TaskId(u128::MAX) }
}

impl Seating {
    pub(super) const fn begin() -> Self {
        Self { after: Some(None), told: 0 }
    }

    /// When queues are looked through next: at once while some are left.
    pub(super) const fn next(&self) -> Timestamp {
        if self.after.is_none() { Timestamp::MAX } else { Timestamp::from_ms(0) }
    }

    /// Looks through some more queues. If the rep or pool of a queue still exists, only its first place is read.
    pub(super) async fn go_on(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        let Some(mut after) = self.after.clone() else { return Ok(()) };
        let limit = desk.options.firing_leads_max;
        for _ in 0..limit {
            let Some(first) = desk.store.queue(&Partitions::ALL, None, after.as_ref(), 1).await?.pop() else {
                self.end();
                return Ok(());
            };
            if desk.catalog.live.settings.team.seats(&first.assignee) {
                after = Some(end_of(first.assignee));
                continue;
            }
            let page = desk.store.queue(&Partitions::ALL, Some(&first.assignee), after.as_ref(), limit).await?;
            for place in &page {
                // A lead that cannot be read is logged; its tasks stay where they are.
                let ran = desk.run_at(&Command::Seat(place.task.lead()), now).await?;
                self.told += u64::from(matches!(ran, Ok(Outcome::Applied(_))));
            }
            after = page.into_iter().last();
            break;
        }
        self.after = Some(after);
        Ok(())
    }

    fn end(&mut self) {
        if self.told > 0 {
            tracing::info!(leads = self.told, "tasks of reps or pools that are not in the team any more were moved");
        }
        *self = Self::default();
    }
}

/// How far the replacement of keys made by older rules has come. Each is replaced by the key that today's rules make. The data
/// folder of an older program is raised once in this way; intake goes on meanwhile, and finds leads by both kinds of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raising {
    /// There are such keys, and none is being replaced.
    Due,
    /// Some are being replaced by the batch of this number.
    In(u64),
    /// No such keys are left.
    Over,
}

impl Raising {
    /// Checks whether the store has keys made by older rules.
    pub(super) async fn begin(store: &dyn Store) -> Result<Self, StoreError> {
        let old = older(store, 1).await?;
        Ok(if old.is_empty() { Self::Over } else { Self::Due })
    }

    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Over)
    }

    /// When keys are next replaced: at once while there are some. `settled` is the last batch that the store has.
    pub(super) const fn next(self, settled: u64) -> Timestamp {
        let waits = match self {
            Self::Due => false,
            Self::In(number) => settled < number,
            Self::Over => true,
        };
        if waits { Timestamp::MAX } else { Timestamp::from_ms(0) }
    }

    /// Replaces some keys. Their leads are told and name their new keys, and the old ones are forgotten in the same commit.
    pub(super) async fn go_on(&mut self, desk: &mut Desk, settled: u64, now: Timestamp) -> Result<(), StoreError> {
        if self.next(settled) > now {
            return Ok(());
        }
        let page = older(desk.store.as_ref(), KEYS_MAX).await?;
        if page.is_empty() {
            *self = Self::Over;
            desk.older_keys = false;
            tracing::info!("every key is kept by today's rules");
            return Ok(());
        }
        *self = Self::In(desk.open.number);
        for (old, _) in page {
            // This cannot be refused: if a holder cannot be read, the event is kept for it in the inbox.
            let _ = desk.run_at(&Command::Raise(old), now).await?;
        }
        Ok(())
    }
}

/// Some keys made by older rules.
async fn older(store: &dyn Store, limit: usize) -> Result<Vec<(IdentityKey, Identity)>, StoreError> {
    for version in 1..RULES_VERSION {
        let found = store.identities_of(version, limit).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// The leads of resumed workflows, as long as some of them have not been told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Resuming {
    /// The last lead that was looked at; none when all have been.
    after: Option<Option<LeadId>>,
}

impl Resuming {
    /// A walk from the beginning, or one that is over.
    pub(super) fn begin(resumes: bool) -> Self {
        Self { after: resumes.then_some(None) }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.after.is_none()
    }

    /// Tells some more leads. Returns whether those were the last.
    pub(super) async fn go_on(&mut self, desk: &mut Desk, now: Timestamp) -> Result<bool, StoreError> {
        let Some(after) = self.after else { return Ok(false) };
        let limit = desk.options.firing_leads_max;
        let page = desk.store.leads(&Partitions::ALL, after, limit).await?;
        let workflows = Arc::new(desk.catalog.brakes.released.clone());
        for stored in &page {
            let lead = stored.lead.id;
            let state = desk.state(lead).unwrap_or(stored);
            if is_told_of_release(state, &desk.catalog.definitions, &workflows) {
                // A lead that cannot be read is logged, and stays as it is.
                let _ = desk.run_at(&Command::Release { lead, workflows: Arc::clone(&workflows) }, now).await?;
            }
        }
        self.after = page.last().filter(|_| page.len() == limit).map(|last| Some(last.lead.id));
        Ok(self.after.is_none())
    }
}
