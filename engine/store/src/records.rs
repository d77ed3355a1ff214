//! What a store is given and gives back: batches of writes, the keys and records in them, and the errors. No trait and
//! no bytes: those are in `contract` and `keys`.

use crate::partitions::Partitions;
use cadenza_core::account::Account;
use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::event::Event;
pub use cadenza_core::heart::Mark;
use cadenza_core::id::{AccountId, Digest, EffectId, LeadId, RunId, TaskId};
use cadenza_core::identity::{Identity, IdentityKey};
use cadenza_core::journal::Entry;
use cadenza_core::state::{LeadState, PoolState, ScheduleState};
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A writer, named by the number of its opening, which goes up with each opening. Where there is a sole writer, a
/// commit of an older one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Epoch(#[n(0)] pub u64);

/// The number of a batch among those of one writer. Together with the writer's number it names the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct BatchId(#[n(0)] pub u64);

/// Everything one commit writes, or nothing of it.
#[derive(Clone, Debug)]
pub struct Batch {
    pub id: BatchId,
    pub epoch: Epoch,
    /// The writer's last claim when this was computed. It knew what it held up to that claim.
    pub term: Term,
    /// For each record that other writers may write too: how far the store had come when this writer read it. Looked at
    /// only where there are several writers. There, writing such a record that is not named here, or that another
    /// writer has written since, is a conflict.
    pub seen: BTreeMap<SharedKey, Position>,
    /// Leads with their runs and tasks, each at most once. The store keeps timers, queues and journal in step.
    pub leads: Vec<LeadWrite>,
    /// Keys with what is now known of them.
    pub identities: Vec<(IdentityKey, Identity)>,
    /// Keys made by older rules, now replaced by newer ones.
    pub forget_identities: Vec<IdentityKey>,
    /// Events that have been applied.
    pub marks: Vec<Mark>,
    /// Leads that come under an account's hold (`true`) or leave it, beyond those that the account's own record lists.
    pub held: Vec<(AccountId, LeadId, bool)>,
    /// Accounts, with the deadline they had before.
    pub accounts: Vec<(Account, Option<Timestamp>)>,
    /// Pools by name.
    pub pools: Vec<(String, PoolState)>,
    /// Schedules by id.
    pub schedules: Vec<(String, ScheduleState)>,
    /// Changes to the outbox, in order.
    pub outbox: Vec<OutboxWrite>,
    /// By how much each counter changes.
    pub counted: BTreeMap<String, i64>,
    /// Documents: definitions, the active workspace, tokens. `None` deletes one.
    pub documents: Vec<(DocumentKey, Option<Vec<u8>>)>,
    /// When the batch was begun, which decides its place in the feed.
    pub at: Timestamp,
    /// Decisions that were taken; the feed names them.
    pub decisions: Vec<DecisionRef>,
    /// Records of the feed that are too old.
    pub forget_feed: Vec<FeedKey>,
    /// What leads of other partitions are told.
    pub sent: Vec<InboxRow>,
    /// What leads were told by others and have now handled.
    pub received: Vec<InboxKey>,
}

impl Batch {
    /// A batch that writes nothing yet.
    pub fn new(id: BatchId, epoch: Epoch) -> Self {
        Self {
            id,
            epoch,
            term: Term::default(),
            seen: BTreeMap::new(),
            leads: Vec::new(),
            identities: Vec::new(),
            forget_identities: Vec::new(),
            marks: Vec::new(),
            held: Vec::new(),
            accounts: Vec::new(),
            pools: Vec::new(),
            schedules: Vec::new(),
            outbox: Vec::new(),
            counted: BTreeMap::new(),
            documents: Vec::new(),
            at: Timestamp::from_ms(0),
            decisions: Vec::new(),
            forget_feed: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.leads.is_empty()
            && self.identities.is_empty()
            && self.forget_identities.is_empty()
            && self.marks.is_empty()
            && self.held.is_empty()
            && self.accounts.is_empty()
            && self.pools.is_empty()
            && self.schedules.is_empty()
            && self.outbox.is_empty()
            && self.counted.is_empty()
            && self.documents.is_empty()
            && self.decisions.is_empty()
            && self.forget_feed.is_empty()
            && self.sent.is_empty()
            && self.received.is_empty()
    }

    /// Partitions for which it writes what only their holder may write: leads, and what lies with them.
    pub fn owned(&self) -> Partitions {
        let leads = self.leads.iter().map(|write| write.state.lead.id);
        let held = self.held.iter().map(|(_, lead, _)| *lead);
        let rows = self.outbox.iter().filter_map(OutboxWrite::lead);
        let received = self.received.iter().map(|key| key.to);
        leads.chain(held).chain(rows).chain(received).map(LeadId::partition).collect()
    }

    /// The records it writes that every writer may write.
    pub fn shared(&self) -> impl Iterator<Item = SharedKey> {
        let identities = self.identities.iter().map(|(key, _)| key).chain(&self.forget_identities);
        let identities = identities.map(|key| SharedKey::Identity(key.clone()));
        let marks = self.marks.iter().map(|mark| SharedKey::Mark(mark.event.clone()));
        let accounts = self.accounts.iter().map(|(account, _)| SharedKey::Account(account.id));
        let schedules = self.schedules.iter().map(|(id, _)| SharedKey::Schedule(id.clone()));
        let documents = self.documents.iter().map(|(key, _)| SharedKey::Document(key.clone()));
        identities.chain(marks).chain(accounts).chain(schedules).chain(documents)
    }
}

/// The weight of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Records written or deleted.
    pub records: usize,
    pub bytes: usize,
}

/// Names a record that every writer may write, checked against what that writer has seen of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedKey {
    /// What is known of an address, a number or an id.
    Identity(IdentityKey),
    /// Whether an event was applied.
    Mark(String),
    Account(AccountId),
    Schedule(String),
    Document(DocumentKey),
}

/// Holds no personal data.
impl fmt::Display for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(key) => write!(f, "a key of kind {:?}", key.kind),
            Self::Mark(_) => f.write_str("the mark of an event"),
            Self::Account(id) => write!(f, "account {id}"),
            Self::Schedule(id) => write!(f, "schedule {id}"),
            Self::Document(DocumentKey::Token(_)) => f.write_str("a token"),
            Self::Document(key) => write!(f, "document {key:?}"),
        }
    }
}

/// How far a store has come: goes up with every commit of any writer, from 0 at the opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

/// The number of a claim. Each claim that takes partitions has the next number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Term(#[n(0)] pub u64);

/// What a writer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub partitions: Partitions,
    /// The last claim that gave it partitions. What was computed under an older claim is refused if the
    /// partition was lost in between.
    pub term: Term,
    /// Until when nobody else can claim them, by the store's time. `None` for a sole writer.
    pub until: Option<Timestamp>,
}

/// What one commit changed, for those who follow the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Feed {
    /// Leads that it wrote, each with the number of its newest journal entry.
    #[n(0)]
    #[cbor(default)]
    pub leads: Vec<Moved>,
    #[n(1)]
    #[cbor(default)]
    pub decisions: Vec<DecisionRef>,
    /// Whether it wrote documents. If so, another workspace may be in force.
    #[n(2)]
    #[cbor(default)]
    pub documents: bool,
}

impl Feed {
    /// The part that concerns these partitions.
    pub fn within(mut self, partitions: &Partitions) -> Self {
        if !partitions.is_all() {
            self.leads.retain(|moved| partitions.contains(moved.lead.partition()));
            self.decisions.retain(|decision| partitions.contains(decision.lead.partition()));
        }
        self
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.leads.is_empty() && self.decisions.is_empty() && !self.documents
    }
}

/// A lead, and how far its journal had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Moved {
    #[n(0)]
    pub lead: LeadId,
    /// The number of its newest journal entry.
    #[n(1)]
    pub seq: u64,
}

/// What another writer tells the holder of a lead. It is written together with what caused it, and deleted
/// together with its effects.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct InboxRow {
    /// The lead that is told.
    #[n(0)]
    pub to: LeadId,
    #[n(1)]
    pub id: String,
    #[n(2)]
    pub event: Event,
}

/// The key of an inbox row, in the order of the commits that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboxKey {
    pub sent: FeedKey,
    /// The row's number among those of its commit, from 0.
    pub number: u32,
    /// The lead that is told.
    pub to: LeadId,
}

/// Where decisions lie: in a journal entry of their lead, with their inputs, answers and costs. They are deleted
/// when the person is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DecisionRef {
    #[n(0)]
    pub lead: LeadId,
    /// The number of the journal entry.
    #[n(1)]
    pub seq: u64,
}

/// A commit's place in the feed. Keys sort in the order of the commits, so whoever has followed up to one misses
/// nothing by continuing after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedKey {
    /// When the batch was begun; a little later if the clock was set back.
    pub at: Timestamp,
    pub epoch: Epoch,
    pub batch: BatchId,
}

/// A lead as it is after the batch, and what its indexes said before.
#[derive(Clone, Debug)]
pub struct LeadWrite {
    /// What its indexes said after the last batch.
    pub before: LeadIndex,
    /// The lead as it is now. Shared with whoever works on it, so that writing it does not copy it.
    pub state: Arc<LeadState>,
    /// Journal entries that are no longer part of the state, oldest first.
    pub entries: Vec<Entry>,
}

/// What is kept about a lead outside its record. All of it is derived from the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadIndex {
    pub timer: Option<Timestamp>,
    /// Its places in queues, sorted.
    pub queue: Vec<QueueKey>,
    /// Its questions that wait for a place in the pool, sorted.
    pub questions: Vec<QuestionKey>,
    /// Whether a question of it was put and has no answer.
    pub unanswered: bool,
    /// The account of whose other leads it hears.
    pub listens_to: Option<AccountId>,
}

impl LeadIndex {
    /// Derives the index from the state.
    pub fn of(state: &LeadState) -> Self {
        let mut queue: Vec<QueueKey> = state
            .tasks
            .iter()
            .map(|task| {
                let (class, due) = task.rank();
                QueueKey { assignee: task.assignee.clone(), class, due, task: task.id }
            })
            .collect();
        queue.sort();
        let question = |(plugin, since, run): (&str, _, _)| QuestionKey { plugin: plugin.to_owned(), since, run };
        let mut questions: Vec<QuestionKey> = state.queued().map(question).collect();
        questions.sort();
        let (unanswered, listens_to) = (state.is_unanswered(), state.listens_to());
        Self { timer: state.next_due(), queue, questions, unanswered, listens_to }
    }
}

/// A task's place in a queue, in rank order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    pub assignee: Assignee,
    /// The class of the task's rank: escalations and raised tasks, then first responses, then the rest.
    pub class: u8,
    pub due: Timestamp,
    pub task: TaskId,
}

/// A question that waits for a place in the pool. Each plugin has its own line, in the order of asking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuestionKey {
    /// The plugin to ask.
    pub plugin: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// The run that asks. Its id leads to its lead.
    pub run: RunId,
}

/// For how many days an event's id is remembered.
pub const MARK_DAYS: u32 = 30;

/// A change to the outbox.
#[derive(Clone, Debug)]
pub enum OutboxWrite {
    Put(Outgoing),
    /// A row changed; `was_due` is the time it was kept under.
    Update {
        was_due: Due,
        row: Outgoing,
    },
    /// A row is done.
    Remove {
        /// The time it was kept under.
        due: Due,
        id: EffectId,
    },
    /// A row is given up and kept for a person.
    Bury {
        /// The time it was kept under.
        was_due: Due,
        letter: DeadLetter,
    },
    /// A dead letter is tried again or thrown away.
    Exhume {
        id: DeadLetterId,
        /// Set if the dead letter is a delivery.
        delivery: Option<DeliveryKey>,
    },
}

impl OutboxWrite {
    /// The lead whose message it is. `None` for a buried delivery, and for a dead letter that is exhumed.
    pub const fn lead(&self) -> Option<LeadId> {
        match self {
            Self::Put(row) | Self::Update { row, .. } => Some(row.id.lead()),
            Self::Remove { id, .. } => Some(id.lead()),
            Self::Bury { letter: DeadLetter { content: DeadContent::Outgoing(row), .. }, .. } => Some(row.id.lead()),
            Self::Bury { .. } | Self::Exhume { .. } => None,
        }
    }
}

/// A dead letter's number, ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct DeadLetterId(#[n(0)] pub u128);

/// Writes `dl_` and 32 hexadecimal digits.
impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dl_{:032x}", self.0)
    }
}

impl DeadLetterId {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("dl_").filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16).ok().map(Self)
    }
}

/// Tells one delivery from another, so that its retries are one dead letter: a cryptographic hash of its source and of
/// what identifies it, which is its id or its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct DeliveryKey(#[n(0)] pub u128);

/// Something that could not be done and waits for a person.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct DeadLetter {
    #[n(0)]
    pub id: DeadLetterId,
    /// When it was given up.
    #[n(1)]
    pub at: Timestamp,
    #[n(2)]
    pub cause: String,
    #[n(3)]
    pub content: DeadContent,
    /// How often it came again after the first time. Counts retries of a delivery.
    #[n(4)]
    #[cbor(default)]
    pub again: u32,
    /// When it last came, if it came more than once.
    #[n(5)]
    pub last_at: Option<Timestamp>,
}

impl DeadLetter {
    /// The delivery's key, if the dead letter is a delivery.
    pub const fn delivery(&self) -> Option<DeliveryKey> {
        match &self.content {
            DeadContent::Incoming { delivery, .. } => *delivery,
            DeadContent::Outgoing(_) | DeadContent::Enrolment { .. } => None,
        }
    }
}

/// What a dead letter holds.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum DeadContent {
    /// Something that could not be sent.
    #[n(0)]
    Outgoing(#[n(0)] Outgoing),
    /// A delivery that could not be mapped to an event.
    #[n(1)]
    Incoming {
        #[n(0)]
        source: String,
        /// The sender's id.
        #[n(1)]
        event: String,
        /// The body. If it is not UTF-8, its bytes are in `raw`.
        #[n(2)]
        body: String,
        /// The body as it came, if it is not UTF-8.
        #[n(3)]
        raw: Option<ByteVec>,
        /// The `Content-Type` header.
        #[n(4)]
        content_type: Option<String>,
        /// Another id under which the same content is known if it comes under a different one.
        #[n(5)]
        signed: Option<String>,
        /// Tells it from other deliveries.
        #[n(6)]
        delivery: Option<DeliveryKey>,
    },
    /// An enrolment whose condition has no answer.
    #[n(2)]
    Enrolment {
        #[n(0)]
        lead: LeadId,
        #[n(1)]
        workflow: String,
        /// The id of the event, or of the schedule's firing, that came last.
        #[n(2)]
        event: String,
    },
}

/// Counters used by reports and the summary. Their names say what they count. Each has a record, unless it is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Counters {
    /// Values by name.
    #[n(0)]
    pub values: BTreeMap<String, i64>,
}

/// Names a document: something small that is read by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKey {
    /// A definition that runs have pinned.
    Definition(Digest),
    /// The active workspace's files.
    Workspace,
    /// An API token, by the hash of its secret.
    Token(String),
    /// The virtual clock's time.
    Clock,
    /// What is paused.
    Brakes,
    /// Which builds of plugins are live or on trial.
    Plugins,
    /// The results of watching builds on trial.
    Shadows,
    /// Nothing may be sent before a person allows it: from a restore until the next start.
    HoldOutbox,
    /// What journal entries were computed under, by the digest that they name.
    Catalog(Digest),
    /// A part of what such entries were computed under, by its own digest, so that it is kept once: a file of a workspace, or what a
    /// plugin said of itself.
    Part(Digest),
}

/// Who is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerOwner {
    Lead(LeadId),
    Account(AccountId),
}

impl TimerOwner {
    /// The partition whose holder looks after it.
    pub const fn partition(self) -> u8 {
        match self {
            Self::Lead(id) => id.partition(),
            Self::Account(id) => id.partition(),
        }
    }
}

/// One due timer.
pub type Timer = (Timestamp, TimerOwner);

/// Why the store could not do something.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process owns the data, or took it over.
    #[error("the data belongs to epoch {held:?} now, this writer has {ours:?}: another process took it over")]
    Fenced {
        /// The epoch in force.
        held: Epoch,
        ours: Epoch,
    },
    /// Another writer holds a partition for which the batch writes. Nothing of the batch is kept, and nothing that this
    /// writer hands over after it, until it claims again and learns what it holds.
    #[error(
        "partition {partition} belongs to {}: this writer, number {}, does not hold it any more",
        held.map_or_else(|| "nobody".to_owned(), |held| format!("writer {}", held.0)), ours.0
    )]
    NotHeld { partition: u8, held: Option<Epoch>, ours: Epoch },
    /// Another writer has changed a record that the batch was computed from. Nothing of the batch is kept, and nothing
    /// that this writer hands over after it, until it claims again.
    #[error("{key} was changed by another writer meanwhile")]
    Conflict { key: SharedKey },
    /// Another process has the data folder open.
    #[error("{path}: another cadenza process has this data folder open; stop it first")]
    Locked { path: String },
    /// Another snapshot is being read.
    #[error("a snapshot is being read already: one at a time")]
    SnapshotUnderWay,
    /// More was changed during a snapshot than may be kept.
    #[error(
        "more was changed while everything was read than can be kept ({images} bytes of values, {keys} for keys): try again when less \
         comes in"
    )]
    SnapshotTooLarge {
        /// Bytes of before-images.
        images: u64,
        /// Bytes of memory for their keys.
        keys: usize,
    },
    /// The disk is too full for what is changed during a snapshot.
    #[error(
        "too little room is left on the disk to keep what is changed while everything is read ({images} bytes so far): make room, or \
         try again when less comes in"
    )]
    SnapshotWithoutRoom {
        /// Bytes of before-images.
        images: u64,
    },
    /// The disk is full or failed. Nothing can be read or written until [`Store::recover`](crate::Store::recover).
    /// After that the batch is there whole or not at all, and [`Store::committed`](crate::Store::committed) says which:
    /// a full disk keeps nothing of it, but a disk that failed midway may have kept it.
    #[error("the disk did not take it: {0}")]
    Io(String),
    /// A record cannot be read.
    #[error("a record is damaged: {0}")]
    Corrupt(String),
    /// The data folder was written by a newer program.
    #[error(
        "it has format {found}, written by a newer cadenza; this one reads up to {known}: use the newer one, an older one \
         cannot go back"
    )]
    Newer {
        /// The format or record version that was found.
        found: u32,
        known: u32,
    },
    /// Less is there than was acknowledged.
    #[error(
        "the data folder has less than was acknowledged: batch {} of opening {} was, the last one there is batch {} of \
         opening {}. A file of it was cut short or is gone, or it is an older copy. Bring the whole folder back as it was, from a \
         copy if need be; to go on without what is missing, say so once with `cadenza doctor --accept-loss --data DIR`",
        kept.1.0, kept.0.0, there.1.0, there.0.0
    )]
    CutShort {
        /// The last batch that was acknowledged.
        kept: (Epoch, BatchId),
        /// The last batch that is there.
        there: (Epoch, BatchId),
    },
    /// Syncing does not work as it must (see `sled/src/sync.rs`), so a power cut could lose what was acknowledged.
    #[error("writes to the data folder would not survive a power cut: {0}")]
    NotDurable(String),
}

impl StoreError {
    /// Whether a single record is to blame, rather than the disk or the store as a whole.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Newer { .. })
    }
}

/// Kinds of documents that can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    Definition,
    Token,
    Catalog,
}
