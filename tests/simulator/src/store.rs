//! The store as the engine sees it: late reads, and bugs on purpose that are made of whole batches. Everything else is the real
//! store, on the simulated disk.
//!
//! A sole writer on one disk meets no `Conflict`; one that does is played in the runtime's own tests.

use crate::disk::{Disk, Opened};
use crate::faults::Name;
use crate::mutants::Mutant;
use async_trait::async_trait;
use cadenza_core::account::Account;
use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::heart::{Key, Record};
use cadenza_core::id::{AccountId, EffectId, LeadId};
use cadenza_core::identity::{Identity, IdentityKey};
use cadenza_core::journal::Entry;
use cadenza_core::state::{LeadState, PoolState, ScheduleState};
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use cadenza_store::{
    Batch, BatchId, Commits, Counters, DamageLog, DeadLetter, DeadLetterId, DeliveryKey, DocumentKey, DocumentKind,
    Epoch, Feed, FeedKey, Holding, Images, InboxKey, InboxRow, Keyed, Mark, OutboxWrite, Partitions, Position,
    QuestionKey, QueueKey, Snapshot, Store, StoreError, Timer, Weight,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

/// How late reads are, in turns of others; set while the engine runs.
#[derive(Clone, Default)]
pub(crate) struct Lateness(Arc<AtomicU8>);

impl Lateness {
    /// From here on.
    pub(crate) fn set(&self, turns: u8) {
        self.0.store(turns, Relaxed);
    }
}

/// The real store on a disk that fails.
pub(crate) struct Played {
    kept: Keyed<Opened>,
    disk: Disk,
    late: Lateness,
}

impl Played {
    /// Takes the disk over.
    ///
    /// # Errors
    /// As of any store.
    pub(crate) fn open(disk: &Disk, late: Lateness) -> Result<Self, StoreError> {
        let kept = Keyed::start(disk.open(), false, Commits::InTurns)?;
        Ok(Self { kept, disk: disk.clone(), late })
    }

    /// Others have their turn before a read is answered.
    async fn wait(&self) {
        let turns = self.late.0.load(Relaxed);
        if turns > 0 {
            self.disk.platter().tally.count(Name::ReadsLate);
        }
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

fn mutated(mut batch: Batch, mutant: Option<Mutant>) -> Batch {
    match mutant {
        Some(Mutant::CountedTwice) if batch.id.0 % 7 == 3 => {
            batch.counted.values_mut().for_each(|by| *by *= 2);
        }
        Some(Mutant::RowLostOnUpdate) => {
            for write in &mut batch.outbox {
                if let OutboxWrite::Update { was_due, row } = write
                    && row.tries > 0
                    && *was_due != row.due
                {
                    *write = OutboxWrite::Remove { due: *was_due, id: row.id };
                }
            }
        }
        Some(Mutant::RowTwice) => {
            let again: Vec<OutboxWrite> = batch
                .outbox
                .iter()
                .filter_map(|write| match write {
                    OutboxWrite::Put(row) => {
                        let due = Due::At(row.due.at()?.plus_ms(60_000));
                        Some(OutboxWrite::Put(Outgoing { due, ..row.clone() }))
                    }
                    _ => None,
                })
                .collect();
            batch.outbox.extend(again);
        }
        _ => {}
    }
    batch
}

#[async_trait]
impl Store for Played {
    fn damage(&self) -> &DamageLog {
        self.kept.damage()
    }
    fn raised_from(&self) -> Option<u32> {
        self.kept.raised_from()
    }
    async fn check(&self, after: Option<Vec<u8>>, limit: usize) -> Result<(usize, Option<Vec<u8>>), StoreError> {
        self.kept.check(after, limit).await
    }
    fn epoch(&self) -> Epoch {
        self.kept.epoch()
    }
    async fn commit(&self, batch: Batch) -> Result<Weight, StoreError> {
        let mutant = self.disk.platter().mutant;
        self.kept.commit(mutated(batch, mutant)).await
    }
    async fn committed(&self, id: BatchId) -> Result<bool, StoreError> {
        let kept = self.kept.committed(id).await?;
        Ok(match self.disk.platter().mutant {
            Some(Mutant::LostTakenForKept) => true,
            _ => kept,
        })
    }
    async fn recover(&self) -> Result<(), StoreError> {
        self.kept.recover().await
    }
    fn incarnation(&self) -> u32 {
        self.kept.incarnation()
    }
    fn position(&self) -> Option<Position> {
        self.kept.position()
    }
    async fn claim(&self, wanted: &Partitions, lease: Duration) -> Result<Holding, StoreError> {
        self.kept.claim(wanted, lease).await
    }
    async fn release(&self, given_back: &Partitions) -> Result<(), StoreError> {
        self.kept.release(given_back).await
    }
    async fn snapshot(&self, images: Images) -> Result<Box<dyn Snapshot>, StoreError> {
        self.kept.snapshot(images).await
    }
    async fn read_many(&self, keys: Vec<Key>, today: u32) -> Result<Vec<Record>, StoreError> {
        self.wait().await;
        self.kept.read_many(keys, today).await
    }
    async fn inbox(
        &self,
        within: &Partitions,
        after: Option<InboxKey>,
        limit: usize,
    ) -> Result<Vec<(InboxKey, InboxRow)>, StoreError> {
        self.kept.inbox(within, after, limit).await
    }
    async fn lead(&self, id: LeadId) -> Result<Option<LeadState>, StoreError> {
        self.wait().await;
        self.kept.lead(id).await
    }
    async fn leads(
        &self,
        within: &Partitions,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadState>, StoreError> {
        self.wait().await;
        self.kept.leads(within, after, limit).await
    }
    async fn journal(&self, lead: LeadId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.wait().await;
        self.kept.journal(lead, after, limit).await
    }
    async fn identity(&self, key: &IdentityKey) -> Result<Option<Identity>, StoreError> {
        self.wait().await;
        self.kept.identity(key).await
    }
    async fn identities_of(&self, version: u8, limit: usize) -> Result<Vec<(IdentityKey, Identity)>, StoreError> {
        self.kept.identities_of(version, limit).await
    }
    async fn mark(&self, event: &str, today: u32) -> Result<Option<Mark>, StoreError> {
        self.wait().await;
        self.kept.mark(event, today).await
    }
    async fn forget_marks(&self, day: u32) -> Result<bool, StoreError> {
        self.kept.forget_marks(day).await
    }
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.wait().await;
        self.kept.account(id).await
    }
    async fn pool(&self, name: &str) -> Result<Option<PoolState>, StoreError> {
        self.wait().await;
        self.kept.pool(name).await
    }
    async fn schedule(&self, id: &str) -> Result<Option<ScheduleState>, StoreError> {
        self.kept.schedule(id).await
    }
    async fn schedules(&self) -> Result<Vec<(String, ScheduleState)>, StoreError> {
        self.kept.schedules().await
    }
    async fn timers(
        &self,
        within: &Partitions,
        after: Option<Timer>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError> {
        self.wait().await;
        self.kept.timers(within, after, until, limit).await
    }
    async fn queue(
        &self,
        within: &Partitions,
        assignee: Option<&Assignee>,
        after: Option<&QueueKey>,
        limit: usize,
    ) -> Result<Vec<QueueKey>, StoreError> {
        self.kept.queue(within, assignee, after, limit).await
    }
    async fn questions(
        &self,
        within: &Partitions,
        plugin: Option<&str>,
        limit: usize,
    ) -> Result<Vec<QuestionKey>, StoreError> {
        self.wait().await;
        let waiting = self.kept.questions(within, plugin, limit).await?;
        if !waiting.is_empty() {
            self.disk.platter().tally.count(Name::QuestionsWait);
        }
        Ok(waiting)
    }
    async fn held(
        &self,
        within: &Partitions,
        account: AccountId,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError> {
        self.kept.held(within, account, after, limit).await
    }
    async fn outbox(
        &self,
        within: &Partitions,
        after: Option<(Due, EffectId)>,
        until: Due,
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError> {
        self.wait().await;
        self.kept.outbox(within, after, until, limit).await
    }
    async fn dead_letters(&self, after: Option<DeadLetterId>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.kept.dead_letters(after, limit).await
    }
    async fn dead_letter_of(&self, delivery: DeliveryKey) -> Result<Option<DeadLetterId>, StoreError> {
        self.wait().await;
        self.kept.dead_letter_of(delivery).await
    }
    async fn counters(&self) -> Result<Counters, StoreError> {
        self.kept.counters().await
    }
    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.kept.document(key).await
    }
    async fn documents(&self, kind: DocumentKind) -> Result<Vec<(DocumentKey, Vec<u8>)>, StoreError> {
        self.kept.documents(kind).await
    }
    async fn feed(
        &self,
        within: &Partitions,
        after: Option<FeedKey>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(FeedKey, Feed)>, StoreError> {
        self.kept.feed(within, after, until, limit).await
    }
    fn size_on_disk(&self) -> u64 {
        self.kept.size_on_disk()
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.kept.close().await
    }
}
