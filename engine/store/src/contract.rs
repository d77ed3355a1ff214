//! The store contract: asynchronous domain operations, written so that an existing distributed database can implement
//! them too. A batch of transitions is one atomic commit; no commit scans a range; every commit carries the ownership
//! epoch; an unknown outcome is resolved by the batch's id.

use crate::damage::DamageLog;
use crate::partitions::Partitions;
use crate::records::{
    Batch, BatchId, Counters, DeadLetter, DeadLetterId, DeliveryKey, DocumentKey, DocumentKind, Epoch, Feed, FeedKey,
    Holding, InboxKey, InboxRow, Mark, Position, QuestionKey, QueueKey, StoreError, Timer, Weight,
};
use crate::snapshot::{Images, Snapshot};
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
use std::time::Duration;

/// A store, as one of its writers sees it. Reads return what was committed. The driver makes sure that nobody outside
/// sees it before it is durable.
///
/// A record that cannot be read does not affect the others. It is noted in [`Store::damage`]. A list skips it and
/// continues behind it, so a page is shorter than its limit only at the end. A read of that one record fails with an
/// error for which [`StoreError::is_damage`] is true, because damaged is not the same as absent. A caller for whom it
/// is the same uses [`crate::UnlessDamaged`].
///
/// **Several writers.** What belongs to a lead (its record, journal, timer, places in queues, messages, inbox) is
/// written only by the holder of its partition. Everything else that has a key (addresses, marks of events, accounts,
/// schedules, documents) may be written by any writer, and is checked against what that writer has seen
/// ([`Batch::seen`]). Counters are given as differences and add up. What a pool remembers is separate for each writer.
/// A lead of another partition is told something by a row in its inbox. An embedded store has one writer that holds
/// everything, and performs none of these checks.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What could not be read since the store was opened.
    fn damage(&self) -> &DamageLog;
    /// The format the folder had, if this opening raised it. An older program can no longer open the folder.
    fn raised_from(&self) -> Option<u32>;
    /// The number of the restore that these data come from; 0 when they were never restored. Messages created later are
    /// sent under other idempotency keys than those that may have been sent before, even if their numbers are the same.
    fn incarnation(&self) -> u32;
    /// Reads `limit` records of any kind after the cursor, and notes damage in [`Store::damage`]. Returns how many were
    /// read, and where to continue.
    async fn check(&self, after: Option<Vec<u8>>, limit: usize) -> Result<(usize, Option<Vec<u8>>), StoreError>;
    /// This writer's number, given when it opened the store.
    fn epoch(&self) -> Epoch;
    /// How far the store has come. Asked before reading records that other writers may write too. `None` where
    /// there are no other writers.
    fn position(&self) -> Option<Position>;

    /// Claims those of the wanted partitions that nobody holds or whose lease has run out, and renews those that this
    /// writer already holds. Both are then held for `lease` from now, by the store's time. Returns everything the
    /// writer holds. A partition that was lost and claimed again has a newer term, and the writer must forget whatever
    /// it remembers of that partition.
    async fn claim(&self, wanted: &Partitions, lease: Duration) -> Result<Holding, StoreError>;
    /// Gives partitions back; others can claim them at once.
    async fn release(&self, given_back: &Partitions) -> Result<(), StoreError>;

    /// Writes everything in the batch or nothing, and returns what it weighed once it is durable. Batches are committed
    /// one at a time. After an error nothing may be written until [`Store::recover`]. [`StoreError::Conflict`] and
    /// [`StoreError::NotHeld`] fail this writer alone; after them it may write nothing until [`Store::claim`].
    async fn commit(&self, batch: Batch) -> Result<Weight, StoreError>;

    /// Whether this writer's batch of this number is in the store, for when the outcome of a commit is unknown.
    /// To be asked after [`Store::recover`] and before the next commit. Numbers increase within an epoch and
    /// start again with the next.
    async fn committed(&self, id: BatchId) -> Result<bool, StoreError>;

    /// Begins to read everything as it is now, while commits continue. Only one snapshot at a time. What commits
    /// replace before it was read is kept in this file, which must be empty, readable and writable, and belongs to
    /// the snapshot from then on.
    async fn snapshot(&self, images: Images) -> Result<Box<dyn Snapshot>, StoreError>;

    /// Opens the store again after a failed commit; the epoch stays. This may fail too, for instance while the disk is
    /// still full, and can be tried again.
    async fn recover(&self) -> Result<(), StoreError>;

    /// Reads these records, in one go where the store can. A rep's number of open tasks is not a record, and is left
    /// out. A record that cannot be read is returned as damaged.
    async fn read_many(&self, keys: Vec<Key>, today: u32) -> Result<Vec<Record>, StoreError>;
    async fn lead(&self, id: LeadId) -> Result<Option<LeadState>, StoreError>;
    /// Leads after the cursor, in order of their ids.
    async fn leads(
        &self,
        within: &Partitions,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadState>, StoreError>;
    /// A lead's journal entries after `seq`, in order; without the newest, which is part of the lead's state.
    async fn journal(&self, lead: LeadId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError>;
    /// What is known of a key: the leads that have it, and what binds it.
    async fn identity(&self, key: &IdentityKey) -> Result<Option<Identity>, StoreError>;
    /// At most `limit` keys that were made by the rules of this version, in order.
    async fn identities_of(&self, version: u8, limit: usize) -> Result<Vec<(IdentityKey, Identity)>, StoreError>;
    /// Whether an event was applied in the last [`MARK_DAYS`](crate::MARK_DAYS) days before `today`.
    async fn mark(&self, event: &str, today: u32) -> Result<Option<Mark>, StoreError>;
    /// Forgets some of the marks of days before `day`, few enough that nobody waits long.
    /// Returns whether those were all.
    async fn forget_marks(&self, day: u32) -> Result<bool, StoreError>;
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// What this writer remembers of a pool.
    async fn pool(&self, name: &str) -> Result<Option<PoolState>, StoreError>;
    async fn schedule(&self, id: &str) -> Result<Option<ScheduleState>, StoreError>;
    /// All schedules that were ever written.
    async fn schedules(&self) -> Result<Vec<(String, ScheduleState)>, StoreError>;
    /// Timers after the cursor, up to and including `until`, in order of time.
    async fn timers(
        &self,
        within: &Partitions,
        after: Option<Timer>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError>;
    /// A queue's places after the cursor, in rank order; those of all queues if none is named. A
    /// task's id leads to its lead.
    async fn queue(
        &self,
        within: &Partitions,
        assignee: Option<&Assignee>,
        after: Option<&QueueKey>,
        limit: usize,
    ) -> Result<Vec<QueueKey>, StoreError>;
    /// The questions that wait for a plugin, oldest first. If no plugin is named, the first question of each plugin.
    async fn questions(
        &self,
        within: &Partitions,
        plugin: Option<&str>,
        limit: usize,
    ) -> Result<Vec<QuestionKey>, StoreError>;
    /// Leads with a question to a plugin that was put and has no answer, after the cursor, in order of their ids. Whoever begins to
    /// hold a partition asks again: answers that were on their way went to another.
    async fn unanswered(
        &self,
        within: &Partitions,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError>;
    /// Leads under an account's hold that the account's record does not list, after the cursor, in order.
    async fn held(
        &self,
        within: &Partitions,
        account: AccountId,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError>;
    /// Leads with a run that hears what happens to other leads of the account, after the cursor, in order.
    async fn listeners(
        &self,
        within: &Partitions,
        account: AccountId,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError>;
    /// Outbox rows after the cursor, up to and including `until`, in order of their due time.
    async fn outbox(
        &self,
        within: &Partitions,
        after: Option<(Due, EffectId)>,
        until: Due,
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError>;
    /// Dead letters after the cursor, in order.
    async fn dead_letters(&self, after: Option<DeadLetterId>, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;
    /// The dead letter that holds a delivery.
    async fn dead_letter_of(&self, delivery: DeliveryKey) -> Result<Option<DeadLetterId>, StoreError>;
    async fn counters(&self) -> Result<Counters, StoreError>;
    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError>;
    async fn documents(&self, kind: DocumentKind) -> Result<Vec<(DocumentKey, Vec<u8>)>, StoreError>;
    /// What other writers tell leads, after the cursor, in the order of the commits that sent it.
    async fn inbox(
        &self,
        within: &Partitions,
        after: Option<InboxKey>,
        limit: usize,
    ) -> Result<Vec<(InboxKey, InboxRow)>, StoreError>;
    /// What commits changed, after the cursor, up to and including `until`, in the order of the commits. A commit that
    /// changed nothing in the partitions asked for is listed with an empty feed.
    async fn feed(
        &self,
        within: &Partitions,
        after: Option<FeedKey>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(FeedKey, Feed)>, StoreError>;
    /// Bytes the store takes on disk; 0 in memory.
    fn size_on_disk(&self) -> u64;
    /// Writes what is pending and closes. Called once, at a graceful stop.
    async fn close(&self) -> Result<(), StoreError>;
}
