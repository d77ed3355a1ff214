//! The contract, kept on an ordered key space: one implementation for every place bytes can be kept in.
//!
//! Must not know: which place that is.

use crate::committer::{Commits, Committer, Shared, TakenOver};
use crate::contract::Store;
use crate::damage::{DamageLog, UnlessDamaged as _};
use crate::keys::{PoolKey, ScheduleKey};
use crate::mark_days;
use crate::reading;
use crate::records::*;
use crate::space::Space;
use async_trait::async_trait;
use cadenza_core::account::Account;
use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::id::{AccountId, EffectId, LeadId};
use cadenza_core::identity::{Identity, IdentityKey};
use cadenza_core::journal::Entry;
use cadenza_core::state::{LeadState, PoolState, ScheduleState};
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use std::sync::Arc;

/// A store on the key space `S`. Reads are answered at once, on the caller's thread; commits by a thread of their own.
pub struct Keyed<S> {
    // First, so that the thread has ended before the key space is let go.
    committer: Committer,
    shared: Arc<Shared<S>>,
    taken: TakenOver,
}

impl<S: Space> Keyed<S> {
    /// Takes the key space over; also one that has less than was acknowledged, when that is accepted.
    ///
    /// # Errors
    /// When the header cannot be read, less is there than was acknowledged, or no thread can be started.
    pub fn start(space: S, accept_loss: bool, commits: Commits) -> Result<Self, StoreError> {
        let (shared, taken, committer) = Committer::start(space, accept_loss, commits)?;
        Ok(Self { committer, shared, taken })
    }

    /// The key space, whatever state it is in.
    pub(crate) fn space(&self) -> &S {
        &self.shared.space
    }
}

#[async_trait]
impl<S: Space> Store for Keyed<S> {
    fn damage(&self) -> &DamageLog {
        &self.shared.damage
    }

    fn raised_from(&self) -> Option<u32> {
        self.taken.raised_from
    }

    async fn check(&self, after: Option<Vec<u8>>, limit: usize) -> Result<(usize, Option<Vec<u8>>), StoreError> {
        crate::check::some(self.shared.sound()?, after, limit)
    }

    fn epoch(&self) -> Epoch {
        self.taken.epoch
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.committer.commit(batch).await
    }

    async fn committed(&self, id: BatchId) -> Result<bool, StoreError> {
        // When the record cannot be read nobody knows: what was done is then found to be done when it comes again.
        let last = reading::last_batch(self.shared.sound()?).unless_damaged()?;
        Ok(last.is_some_and(|last| last.epoch == self.taken.epoch && id <= last.id))
    }

    async fn recover(&self) -> Result<(), StoreError> {
        self.committer.recover().await
    }

    async fn lead(&self, id: LeadId) -> Result<Option<LeadState>, StoreError> {
        reading::value(self.shared.sound()?, &id)
    }

    async fn leads(&self, after: Option<LeadId>, limit: usize) -> Result<Vec<LeadState>, StoreError> {
        reading::leads(self.shared.sound()?, after, limit)
    }

    async fn journal(&self, lead: LeadId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        reading::journal(self.shared.sound()?, lead, after, limit)
    }

    async fn identity(&self, key: &IdentityKey) -> Result<Option<Identity>, StoreError> {
        reading::value(self.shared.sound()?, key)
    }

    async fn identities_of(&self, version: u8, limit: usize) -> Result<Vec<(IdentityKey, Identity)>, StoreError> {
        reading::identities_of(self.shared.sound()?, version, limit)
    }

    async fn mark(&self, event: &str, today: u32) -> Result<Option<Mark>, StoreError> {
        let records = self.shared.sound()?;
        self.shared.with_days(|days| mark_days::mark(records, days, event, today))
    }

    async fn forget_marks(&self, day: u32) -> Result<bool, StoreError> {
        self.shared.sound()?;
        let none = self.shared.with_days(|days| days.before(day).is_empty());
        Ok(none || self.committer.forget_some(day).await?)
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        reading::value(self.shared.sound()?, &id)
    }

    async fn pool(&self, name: &str) -> Result<Option<PoolState>, StoreError> {
        reading::value(self.shared.sound()?, &PoolKey(name.to_owned()))
    }

    async fn schedule(&self, id: &str) -> Result<Option<ScheduleState>, StoreError> {
        reading::value(self.shared.sound()?, &ScheduleKey(id.to_owned()))
    }

    async fn schedules(&self) -> Result<Vec<(String, ScheduleState)>, StoreError> {
        reading::schedules(self.shared.sound()?)
    }

    async fn timers(&self, after: Option<Timer>, until: Timestamp, limit: usize) -> Result<Vec<Timer>, StoreError> {
        reading::timers(self.shared.sound()?, after, until, limit)
    }

    async fn queue(
        &self,
        assignee: Option<&Assignee>,
        after: Option<&QueueKey>,
        limit: usize,
    ) -> Result<Vec<QueueKey>, StoreError> {
        reading::queue(self.shared.sound()?, assignee, after, limit)
    }

    async fn questions(&self, plugin: Option<&str>, limit: usize) -> Result<Vec<QuestionKey>, StoreError> {
        reading::questions(self.shared.sound()?, plugin, limit)
    }

    async fn held(&self, account: AccountId, after: Option<LeadId>, limit: usize) -> Result<Vec<LeadId>, StoreError> {
        reading::held(self.shared.sound()?, account, after, limit)
    }

    async fn outbox(
        &self,
        after: Option<(Due, EffectId)>,
        until: Due,
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError> {
        reading::outbox(self.shared.sound()?, after, until, limit)
    }

    async fn dead_letters(&self, after: Option<DeadLetterId>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        reading::dead_letters(self.shared.sound()?, after, limit)
    }

    async fn dead_letter_of(&self, delivery: DeliveryKey) -> Result<Option<DeadLetterId>, StoreError> {
        reading::value(self.shared.sound()?, &delivery)
    }

    async fn counters(&self) -> Result<Counters, StoreError> {
        reading::counters(self.shared.sound()?)
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
        reading::document(self.shared.sound()?, key)
    }

    async fn documents(&self, kind: DocumentKind) -> Result<Vec<(DocumentKey, Vec<u8>)>, StoreError> {
        reading::documents(self.shared.sound()?, kind)
    }

    async fn decisions(
        &self,
        after: Option<DecisionsKey>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(DecisionsKey, Vec<DecisionRef>)>, StoreError> {
        reading::decisions(self.shared.sound()?, after, until, limit)
    }

    fn size_on_disk(&self) -> u64 {
        self.shared.space.size_on_disk()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.committer.close().await
    }
}
