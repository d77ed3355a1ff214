//! The store as the engine sees it: with late reads, other writers of the same store, and bugs on purpose that concern whole
//! batches. Everything else is the real store on the simulated disk.
//!
//! The other writers are only reported and write nothing: the engine gets the errors that the store's contract has for a record
//! that they changed and for partitions that they claimed. Several real writers are played in the runtime's own tests.

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
    Epoch, Feed, FeedKey, Holding, Images, InboxKey, InboxRow, Keyed, Mark, OutboxWrite, Pair, Partitions, Position,
    QuestionKey, QueueKey, Snapshot, Store, StoreError, Term, Timer, Weight,
};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How late reads are, in turns of others. It is set while the engine runs.
#[derive(Clone, Default)]
pub(crate) struct Lateness(Arc<AtomicU8>);

impl Lateness {
    /// Sets the turns from here on.
    pub(crate) fn set(&self, turns: u8) {
        self.0.store(turns, Relaxed);
    }
}

/// How many batches are to meet a record that another writer changed. It is set while the engine runs.
#[derive(Clone, Default)]
pub(crate) struct Conflicts(Arc<AtomicU8>);

impl Conflicts {
    /// Sets the number from here on.
    pub(crate) fn set(&self, batches: u8) {
        self.0.store(batches, Relaxed);
    }

    fn take(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// The real store on a disk that fails.
pub(crate) struct Played {
    kept: Keyed<Opened>,
    disk: Disk,
    late: Lateness,
    conflicts: Conflicts,
    /// Why nothing is written until this writer claims again.
    refused: Mutex<Option<StoreError>>,
    /// Whether another writer has claimed everything.
    lost: AtomicBool,
}

impl Played {
    /// Takes the disk over.
    ///
    /// # Errors
    /// As for any store.
    pub(crate) fn open(disk: &Disk, late: Lateness, conflicts: Conflicts) -> Result<Self, StoreError> {
        let kept = Keyed::start(disk.open(), false, Commits::InTurns)?;
        let (refused, lost) = (Mutex::default(), AtomicBool::new(false));
        Ok(Self { kept, disk: disk.clone(), late, conflicts, refused, lost })
    }

    /// Lets another writer claim everything.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Relaxed);
    }

    /// Why a batch is not written, if it is not. Whatever this writer hands over after it is not written either, until it claims
    /// again.
    fn refuses(&self, batch: &Batch) -> Option<StoreError> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_none() && self.lost.load(Relaxed) {
            self.disk.platter().tally.count(Name::HandOver);
            let partition = batch.owned().iter().next().unwrap_or_default();
            *refused = Some(StoreError::NotHeld { partition, held: Some(Epoch(batch.epoch.0 + 1)), ours: batch.epoch });
        } else if refused.is_none()
            && let Some(key) = batch.shared().next()
            && self.conflicts.take()
        {
            self.disk.platter().tally.count(Name::Conflict);
            *refused = Some(StoreError::Conflict { key });
        }
        refused.clone()
    }

    /// Gives others their turns before a read is answered.
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

/// A snapshot that shows every record as it is at the time of reading.
struct OfNoMoment {
    disk: Disk,
    after: Option<Vec<u8>>,
}

impl Snapshot for OfNoMoment {
    fn next(&mut self, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let is_next = |key: &Vec<u8>| self.after.as_ref().is_none_or(|after| key > after);
        let page: Vec<Pair> = self.disk.records().into_iter().filter(|(key, _)| is_next(key)).take(limit).collect();
        self.after = page.last().map(|(key, _)| key.clone()).or(self.after.take());
        Ok(page)
    }
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
        match self.refuses(&batch) {
            Some(StoreError::NotHeld { .. }) if mutant == Some(Mutant::HandOverIgnored) => {}
            Some(StoreError::Conflict { key }) if mutant == Some(Mutant::ConflictWritten) => {
                self.kept.commit(batch).await?;
                return Err(StoreError::Conflict { key });
            }
            Some(error) => return Err(error),
            None => {}
        }
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
        match self.disk.platter().mutant {
            Some(Mutant::IncarnationForgotten) => 0,
            _ => self.kept.incarnation(),
        }
    }
    fn position(&self) -> Option<Position> {
        self.kept.position()
    }
    async fn claim(&self, wanted: &Partitions, lease: Duration) -> Result<Holding, StoreError> {
        if self.lost.load(Relaxed) {
            return Ok(Holding { partitions: Partitions::from_iter([]), term: Term::default(), until: None });
        }
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.kept.claim(wanted, lease).await
    }
    async fn release(&self, given_back: &Partitions) -> Result<(), StoreError> {
        self.kept.release(given_back).await
    }
    async fn snapshot(&self, images: Images) -> Result<Box<dyn Snapshot>, StoreError> {
        let snapshot = self.kept.snapshot(images).await?;
        Ok(match self.disk.platter().mutant {
            Some(Mutant::BackupOfNoMoment) => Box::new(OfNoMoment { disk: self.disk.clone(), after: None }),
            _ => snapshot,
        })
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
    async fn unanswered(
        &self,
        within: &Partitions,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError> {
        self.wait().await;
        self.kept.unanswered(within, after, limit).await
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
    async fn listeners(
        &self,
        within: &Partitions,
        account: AccountId,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError> {
        let mut found = self.kept.listeners(within, account, after, limit).await?;
        match self.disk.platter().mutant {
            Some(Mutant::ListenerPassedOver) => drop(found.pop()),
            Some(Mutant::ListenerTwice) => found.extend(found.first().copied()),
            _ => {}
        }
        Ok(found)
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
