//! The store contract: domain operations, asynchronous, written so that an existing distributed database can stand
//! behind it too. One atomic commit for a batch of transitions; no range scan inside a commit; the ownership epoch in
//! every commit; an unknown outcome is resolved by the batch's id.

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

/// A store, as one of its writers has it. Reads see what was committed; the driver sees to it that nobody outside sees it before it is durable.
///
/// One record that cannot be read stops nobody else. It is noted in [`Store::damage`]; a list leaves it out and goes on behind
/// it, so a page is shorter than its limit only at the end of what there is; a read of the one record fails with an error
/// that [`StoreError::is_damage`], since what is damaged is not absent ([`crate::UnlessDamaged`] for whom it may be).
///
/// **Several writers.** What belongs to a lead (its record, journal, timer, places in queues, messages, inbox) is written only
/// by the holder of its partition. Everything else that has a key (addresses, marks of events, accounts, schedules, documents) is
/// written by any of them, against what it has seen ([`Batch::seen`]). Counters are given as differences and add up; what a
/// pool remembers is each writer's own. A lead of another partition is told by a row of its inbox. An embedded store has one
/// writer that holds everything, and looks nothing up for this.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What could not be read since the store was opened.
    fn damage(&self) -> &DamageLog;
    /// The format the folder had, when this opening raised it: an older program does not open it any more.
    fn raised_from(&self) -> Option<u32>;
    /// The number of the restore from which what is here comes; 0 when it was never restored. Messages that are born later leave
    /// under other keys than those that may have left before, whatever numbers they have.
    fn incarnation(&self) -> u32;
    /// Reads `limit` records of whatever kind from after the cursor, for what it notes in [`Store::damage`]; how many were
    /// read, and where to go on.
    async fn check(&self, after: Option<Vec<u8>>, limit: usize) -> Result<(usize, Option<Vec<u8>>), StoreError>;
    /// This writer's number: that of its opening.
    fn epoch(&self) -> Epoch;
    /// How far the store has come, for whoever is about to read what others may write too; none where there are no others.
    fn position(&self) -> Option<Position>;

    /// Takes of these partitions what nobody holds or whose time has run out, and keeps what this writer has already; both
    /// for this long from now, by the store's time. What came of it is everything that it holds. A partition that was lost
    /// and is held again has a newer term: whatever the writer remembers of it is to be forgotten.
    async fn claim(&self, wanted: &Partitions, lease: Duration) -> Result<Holding, StoreError>;
    /// Gives partitions back; others can claim them at once.
    async fn release(&self, given_back: &Partitions) -> Result<(), StoreError>;

    /// Writes everything in the batch or nothing, and returns what it weighed once it is durable. Batches are committed one at a time.
    /// After an error nothing may be written until [`Store::recover`]; after [`StoreError::Conflict`] and
    /// [`StoreError::NotHeld`], which fail this writer alone, until [`Store::claim`].
    async fn commit(&self, batch: Batch) -> Result<Weight, StoreError>;

    /// Whether the batch of this number of this epoch is in the store, for an outcome that is not known: to be asked after
    /// [`Store::recover`] and before the next commit. Numbers go up; they begin anew with the epoch.
    async fn committed(&self, id: BatchId) -> Result<bool, StoreError>;

    /// Begins to read everything as it is now, while commits go on; one at a time. What these change before it was read is kept in
    /// this file, which must be empty, readable and writable, and is the snapshot's from now on.
    async fn snapshot(&self, images: Images) -> Result<Box<dyn Snapshot>, StoreError>;

    /// Opens the store again after a failed commit. The epoch stays. May fail itself, on a disk that is still full, and
    /// be tried again.
    async fn recover(&self) -> Result<(), StoreError>;

    /// Reads these records, in one go where the store can. How many open tasks a rep has is no record, and left out. One that cannot
    /// be read is found as such.
    async fn read_many(&self, keys: Vec<Key>, today: u32) -> Result<Vec<Record>, StoreError>;
    /// A lead.
    async fn lead(&self, id: LeadId) -> Result<Option<LeadState>, StoreError>;
    /// Leads in order of their ids, from after the cursor.
    async fn leads(
        &self,
        within: &Partitions,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadState>, StoreError>;
    /// Journal entries of a lead in order, from after `seq`; without the newest, which rides in the state.
    async fn journal(&self, lead: LeadId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError>;
    /// What is known of a key: the leads that have it, and what binds it.
    async fn identity(&self, key: &IdentityKey) -> Result<Option<Identity>, StoreError>;
    /// Keys that were made by the rules of this version, in order; at most `limit`.
    async fn identities_of(&self, version: u8, limit: usize) -> Result<Vec<(IdentityKey, Identity)>, StoreError>;
    /// Whether an event was applied in the last [`MARK_DAYS`](crate::MARK_DAYS) days before `today`.
    async fn mark(&self, event: &str, today: u32) -> Result<Option<Mark>, StoreError>;
    /// Forgets some of the marks of days before `day`, so many that nobody waits long; returns whether those were all.
    async fn forget_marks(&self, day: u32) -> Result<bool, StoreError>;
    /// An account.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;
    /// What this writer remembers of a pool.
    async fn pool(&self, name: &str) -> Result<Option<PoolState>, StoreError>;
    /// A schedule.
    async fn schedule(&self, id: &str) -> Result<Option<ScheduleState>, StoreError>;
    /// All schedules that were ever written.
    async fn schedules(&self) -> Result<Vec<(String, ScheduleState)>, StoreError>;
    /// Timers in order of time, up to and including `until`, from after the cursor.
    async fn timers(
        &self,
        within: &Partitions,
        after: Option<Timer>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timer>, StoreError>;
    /// A queue in rank order, from after the cursor; all queues when none is named. A task's id leads to its lead.
    async fn queue(
        &self,
        within: &Partitions,
        assignee: Option<&Assignee>,
        after: Option<&QueueKey>,
        limit: usize,
    ) -> Result<Vec<QueueKey>, StoreError>;
    /// The line of questions that wait for a plugin, oldest first; the first of every line when none is named.
    async fn questions(
        &self,
        within: &Partitions,
        plugin: Option<&str>,
        limit: usize,
    ) -> Result<Vec<QuestionKey>, StoreError>;
    /// Leads under the hold of an account that its record does not list, in order, from after the cursor.
    async fn held(
        &self,
        within: &Partitions,
        account: AccountId,
        after: Option<LeadId>,
        limit: usize,
    ) -> Result<Vec<LeadId>, StoreError>;
    /// Outbox rows in order of their due time, up to and including `until`.
    async fn outbox(
        &self,
        within: &Partitions,
        after: Option<(Due, EffectId)>,
        until: Due,
        limit: usize,
    ) -> Result<Vec<Outgoing>, StoreError>;
    /// Dead letters in order, from after the cursor.
    async fn dead_letters(&self, after: Option<DeadLetterId>, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;
    /// The dead letter that a delivery lies in.
    async fn dead_letter_of(&self, delivery: DeliveryKey) -> Result<Option<DeadLetterId>, StoreError>;
    /// The counters.
    async fn counters(&self) -> Result<Counters, StoreError>;
    /// A document.
    async fn document(&self, key: &DocumentKey) -> Result<Option<Vec<u8>>, StoreError>;
    /// Documents of a kind.
    async fn documents(&self, kind: DocumentKind) -> Result<Vec<(DocumentKey, Vec<u8>)>, StoreError>;
    /// What leads are told by other writers, in the order of the commits that sent it, from after the cursor.
    async fn inbox(
        &self,
        within: &Partitions,
        after: Option<InboxKey>,
        limit: usize,
    ) -> Result<Vec<(InboxKey, InboxRow)>, StoreError>;
    /// What commits changed, in their order, from after the cursor, up to and including `until`. A commit that changed nothing
    /// of what is asked for is there too, with nothing in it.
    async fn feed(
        &self,
        within: &Partitions,
        after: Option<FeedKey>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(FeedKey, Feed)>, StoreError>;
    /// Bytes the store takes on disk; 0 in memory.
    fn size_on_disk(&self) -> u64;
    /// Writes what is pending and closes; called once, at a graceful stop.
    async fn close(&self) -> Result<(), StoreError>;
}
