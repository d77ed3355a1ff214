//! The contract implemented on an ordered key space, once for every place where bytes can be kept.
//!
//! Must not know: which place that is.

use crate::committer::{Commits, Committer, Opening, Shared, TakenOver};
use crate::contract::Store;
use crate::damage::{DamageLog, UnlessDamaged as _};
use crate::keys::{PoolKey, ScheduleKey};
use crate::mark_days;
use crate::partitions::Partitions;
use crate::reading::{self, Records};
use crate::records::*;
use crate::sharing::{self, StoreTime};
use crate::snapshot::{Images, Snapshot};
use crate::space::Space;
use async_trait::async_trait;
use cadenza_core::account::Account;
use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::heart::{Found, Key, Record};
use cadenza_core::id::{AccountId, EffectId, LeadId};
use cadenza_core::identity::{Identity, IdentityKey};
use cadenza_core::journal::Entry;
use cadenza_core::state::{LeadState, PoolState, ScheduleState};
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A store on the key space `S`. Reads are answered at once, on the caller's thread. Where commits
/// happen depends on [`Commits`].
pub struct Keyed<S> {
    // First, so that the thread has ended before the key space is released.
    committer: Arc<Committer>,
    shared: Arc<Shared<S>>,
    taken: TakenOver,
    closed: AtomicBool,
}

impl<S: Space> Keyed<S> {
    /// Takes over the key space. With `accept_loss`, also one that has less than was acknowledged.
    ///
    /// # Errors
    /// When the header cannot be read, less is there than was acknowledged, or no thread can be started.
    pub fn start(space: S, accept_loss: bool, commits: Commits) -> Result<Self, StoreError> {
        Self::open(space, Opening { accept_loss, ..Opening::default() }, commits)
    }

    /// Takes over the key space, perhaps without raising its format.
    ///
    /// # Errors
    /// The same as those of [`Self::start`].
    pub fn open(space: S, opening: Opening, commits: Commits) -> Result<Self, StoreError> {
        Self::start_with(space, opening, commits, None)
    }

    /// Starts the first of several writers; the others [join](Self::join) it. Leases run out by `time`.
    ///
    /// # Errors
    /// The same as those of [`Self::start`].
    pub fn start_for_several(space: S, commits: Commits, time: StoreTime) -> Result<Self, StoreError> {
        Self::start_with(space, Opening::default(), commits, Some(time))
    }

    fn start_with(
        space: S,
        opening: Opening,
        commits: Commits,
        several: Option<StoreTime>,
    ) -> Result<Self, StoreError> {
        let (shared, taken, committer) = Committer::start(space, opening, commits, several)?;
        Ok(Self { committer: Arc::new(committer), shared, taken, closed: AtomicBool::new(false) })
    }

    /// Adds another writer to the same store.
    ///
    /// # Errors
    /// When the store has a sole writer, or was taken over by one.
    pub async fn join(&self) -> Result<Self, StoreError> {
        let epoch = self.committer.join().await?;
        let taken = TakenOver { epoch, raised_from: None, incarnation: self.taken.incarnation };
        let (committer, shared) = (Arc::clone(&self.committer), Arc::clone(&self.shared));
        Ok(Self { committer, shared, taken, closed: AtomicBool::new(false) })
    }

    /// The records, unless a commit failed or this writer was closed.
    fn sound(&self) -> Result<Records<'_, S>, StoreError> {
        match self.closed.load(Ordering::SeqCst) {
            true => Err(StoreError::Io("the store is closed".to_owned())),
            false => self.shared.sound(),
        }
    }

    /// Whose records these are, where there are several writers.
    fn among_several(&self) -> Option<Epoch> {
        self.shared.several.then_some(self.taken.epoch)
    }

    /// The key space, whatever state it is in.
    pub(crate) fn space(&self) -> &S {
        &self.shared.space
    }
}

/// Turns damage into something that was found.
fn found<T>(read: Result<Option<T>, StoreError>) -> Result<Found<T>, StoreError> {
    match read {
        Ok(read) => Ok(read.into()),
        Err(error) if error.is_damage() => Ok(Found::Damaged(error.to_string().into())),
        Err(error) => Err(error),
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

    fn incarnation(&self) -> u32 {
        self.taken.incarnation
    }

    async fn check(&self, after: Option<Vec<u8>>, limit: usize) -> Result<(usize, Option<Vec<u8>>), StoreError> {
        crate::check::some(self.sound()?, after, limit)
    }

    fn epoch(&self) -> Epoch {
        self.taken.epoch
    }

    fn position(&self) -> Option<Position> {
        self.shared.several.then(|| self.shared.position())
    }

    async fn claim(&self, wanted: &Partitions, lease: Duration) -> Result<Holding, StoreError> {
        self.sound()?;
        self.committer.claim(self.taken.epoch, *wanted, lease).await
    }

    async fn release(&self, given_back: &Partitions) -> Result<(), StoreError> {
        self.sound()?;
        self.committer.release(self.taken.epoch, *given_back).await
    }

    async fn commit(&self, batch: Batch) -> Result<Weight, StoreError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Io("the store is closed".to_owned()));
        }
        self.committer.commit(batch).await
    }

    async fn committed(&self, id: BatchId) -> Result<bool, StoreError> {
        sharing::has_committed(self.sound()?, self.among_several(), self.taken.epoch, id)
    }

    async fn snapshot(&self, images: Images) -> Result<Box<dyn Snapshot>, StoreError> {
        self.sound()?;
        self.committer.begin_snapshot(images).await
    }

    async fn recover(&self) -> Result<(), StoreError> {
        self.committer.recover().await
    }

    async fn read_many(&self, keys: Vec<Key>, today: u32) -> Result<Vec<Record>, StoreError> {
        let records = self.sound()?;
        let read = |key| {
            Ok(match key {
                Key::Lead(id) => Record::Lead(id, found(reading::value(records, &id))?),
                Key::Account(id) => Record::Account(id, found(reading::value(records, &id))?),
                Key::Identity(key) => {
                    let read = found(reading::value(records, &key))?;
                    Record::Identity(key, read)
                }
                Key::Mark(id) => {
                    let read = self.shared.with_days(|days| mark_days::mark(records, days, &id, today));
                    Record::Mark(id, found(read)?)
                }
                // A pool that cannot be read starts afresh: it forgets whose turn it was, and nothing else.
                Key::Pool(name) => {
                    let key = PoolKey { name, of: self.among_several() };
                    let read = reading::value(records, &key).unless_damaged()?.unwrap_or_default();
                    Record::Pool(key.name, read)
                }
                Key::OpenTasks(_) => return Ok(None),
            }
            .into())
        };
        keys.into_iter().filter_map(|key| read(key).transpose()).collect()
    }

    async fn lead(&self, id: LeadId) -> Result<Option<LeadState>, StoreError> {
        reading::value(self.sound()?, &id)
    }

    async fn leads(
        &self,
        within: &Partitions,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadState>, StoreError> {
        reading::leads(self.sound()?, within, after, limit)
    }

    async fn journal(&self, lead: LeadId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        reading::journal(self.sound()?, lead, after, limit)
    }

    async fn identity(&self, key: &IdentityKey) -> Result<Option<Identity>, StoreError> {
        reading::value(self.sound()?, key)
    }

    async fn identities_of(&self, version: u8, limit: usize) -> Result<Vec<(IdentityKey, Identity)>, StoreError> {
        reading::identities_of(self.sound()?, version, limit)
    }

    async fn mark(&self, event: &str, today: u32) -> Result<Option<Mark>, StoreError> {
        let records = self.sound()?;
        self.shared.with_days(|days| mark_days::mark(records, days, event, today))
    }

    async fn forget_marks(&self, day: u32) -> Result<bool, StoreError> {
        self.sound()?;
        let none = self.shared.with_days(|days| days.before(day).is_empty());
        Ok(none || self.committer.forget_some(day).await?)
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        reading::value(self.sound()?, &id)
    }

    async fn pool(&self, name: &str) -> Result<Option<PoolState>, StoreError> {
        reading::value(self.sound()?, &PoolKey { name: name.to_owned(), of: self.among_several() })
    }

    async fn schedule(&self, id: &str) -> Result<Option<ScheduleState>, StoreError> {
        reading::value(self.sound()?, &ScheduleKey(id.to_owned()))
    }

    async fn schedules(&self) -> Result<Vec<(String, ScheduleState)>, StoreError> {
        reading::schedules(self.sound()?)
    }

    async fn timers(
        &self,
        within: &Partitions,
        after: Option<Timer>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError> {
        reading::timers(self.sound()?, within, after, until, limit)
    }

    async fn queue(
        &self,
        within: &Partitions,
        assignee: Option<&Assignee>,
        after: Option<&QueueKey>,
        limit: usize,
    ) -> Result<Vec<QueueKey>, StoreError> {
        reading::queue(self.sound()?, within, assignee, after, limit)
    }

    async fn questions(
        &self,
        within: &Partitions,
        plugin: Option<&str>,
        limit: usize,
    ) -> Result<Vec<QuestionKey>, StoreError> {
        reading::questions(self.sound()?, within, plugin, limit)
    }

    async fn unanswered(
        &self,
        within: &Partitions,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError> {
        reading::unanswered(self.sound()?, within, after, limit)
    }

    async fn held(
        &self,
        within: &Partitions,
        account: AccountId,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError> {
        reading::held(self.sound()?, within, account, after, limit)
    }

    async fn listeners(
        &self,
        within: &Partitions,
        account: AccountId,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError> {
        reading::listeners(self.sound()?, within, account, after, limit)
    }

    async fn outbox(
        &self,
        within: &Partitions,
        after: Option<(Due, EffectId)>,
        until: Due,
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError> {
        reading::outbox(self.sound()?, within, after, until, limit)
    }

    async fn dead_letters(&self, after: Option<DeadLetterId>, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        reading::dead_letters(self.sound()?, after, limit)
    }

    async fn dead_letter_of(&self, delivery: DeliveryKey) -> Result<Option<DeadLetterId>, StoreError> {
        reading::value(self.sound()?, &delivery)
    }

    async fn counters(&self) -> Result<Counters, StoreError> {
        reading::counters(self.sound()?)
    }

    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError> {
        reading::document(self.sound()?, key)
    }

    async fn documents(&self, kind: DocumentKind) -> Result<Vec<(DocumentKey, Vec<u8>)>, StoreError> {
        reading::documents(self.sound()?, kind)
    }

    async fn inbox(
        &self,
        within: &Partitions,
        after: Option<InboxKey>,
        limit: usize,
    ) -> Result<Vec<(InboxKey, InboxRow)>, StoreError> {
        reading::inbox(self.sound()?, within, after, limit)
    }

    async fn feed(
        &self,
        within: &Partitions,
        after: Option<FeedKey>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(FeedKey, Feed)>, StoreError> {
        reading::feed(self.sound()?, within, after, until, limit)
    }

    fn size_on_disk(&self) -> u64 {
        self.shared.space.size_on_disk()
    }

    async fn close(&self) -> Result<(), StoreError> {
        let closed = self.committer.close(self.taken.epoch).await;
        self.closed.store(true, Ordering::SeqCst);
        closed
    }
}
