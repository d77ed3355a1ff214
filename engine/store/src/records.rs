//! What a store is given and gives back: batches of writes, the keys and records in them, and why it could not do it. No
//! trait and no bytes: those are `contract` and `keys`.

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

/// A writer: the number of an opening, which goes up with each. Where one writer has everything, a commit of an older one is
/// refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Epoch(#[n(0)] pub u64);

/// The number of a batch of one writer; together with the writer's it names the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct BatchId(#[n(0)] pub u64);

/// Everything one commit writes, or nothing of it.
#[derive(Clone, Debug)]
pub struct Batch {
    pub id: BatchId,
    pub epoch: Epoch,
    /// Up to which claim the writer knew what it holds when this was computed.
    pub term: Term,
    /// How far the store had come when the records were read that other writers may write too. Looked at where there are others:
    /// what is written and not named here is a conflict then.
    pub seen: BTreeMap<SharedKey, Position>,
    /// Leads with their runs and tasks, each at most once; the store keeps timers, queues and journal in step.
    pub leads: Vec<LeadWrite>,
    /// Keys with what is known of them now.
    pub identities: Vec<(IdentityKey, Identity)>,
    /// Keys by older rules that newer ones stand for.
    pub forget_identities: Vec<IdentityKey>,
    /// Events that have been applied.
    pub marks: Vec<Mark>,
    /// Leads that come under the hold of an account which has more than its record lists, or are there no longer.
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
    /// Documents: definitions, the active workspace, tokens.
    pub documents: Vec<(DocumentKey, Option<Vec<u8>>)>,
    /// When it was begun: its place in the feed.
    pub at: Timestamp,
    /// Decisions that were taken; the feed names them.
    pub decisions: Vec<DecisionRef>,
    /// Records of the feed that are too old.
    pub forget_feed: Vec<FeedKey>,
    /// What leads of other partitions are told.
    pub sent: Vec<InboxRow>,
    /// What leads were told by others, and know now.
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

    /// Partitions of which it writes what only their holder may write: leads, and what lies with them.
    pub fn owned(&self) -> Partitions {
        let leads = self.leads.iter().map(|write| write.state.lead.id);
        let held = self.held.iter().map(|(_, lead, _)| *lead);
        let rows = self.outbox.iter().filter_map(OutboxWrite::lead);
        let received = self.received.iter().map(|key| key.to);
        leads.chain(held).chain(rows).chain(received).map(LeadId::partition).collect()
    }

    /// What it writes of the records that every writer may write.
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

/// What a batch weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Records written or taken away.
    pub records: usize,
    /// Bytes of their keys and values.
    pub bytes: usize,
}

/// Names a record that every writer may write, against what it has seen of it.
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

/// Without personal data.
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

/// How far a store has come: goes up with every commit of any writer, from 0 at its opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

/// How often partitions were claimed: each claim that takes some has the next number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Term(#[n(0)] pub u64);

/// What a writer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub partitions: Partitions,
    /// The last claim that gave it some. What was computed under an older one is refused where it was lost in between.
    pub term: Term,
    /// Until when nobody else can claim them, by the store's time; none where there is nobody else.
    pub until: Option<Timestamp>,
}

/// What one commit changed, for whoever follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Feed {
    /// Leads that it wrote, each with the number of its newest journal entry.
    #[n(0)]
    #[cbor(default)]
    pub leads: Vec<Moved>,
    /// Decisions that were taken.
    #[n(1)]
    #[cbor(default)]
    pub decisions: Vec<DecisionRef>,
    /// Whether it wrote documents: what is in force may be another.
    #[n(2)]
    #[cbor(default)]
    pub documents: bool,
}

impl Feed {
    /// What of it concerns these partitions.
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

/// A lead, and how far its story had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Moved {
    #[n(0)]
    pub lead: LeadId,
    /// The number of its newest journal entry.
    #[n(1)]
    pub seq: u64,
}

/// What the holder of a lead is told by another writer; written with what gave rise to it, and taken away with what came of it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct InboxRow {
    /// Who is told.
    #[n(0)]
    pub to: LeadId,
    /// The event's id.
    #[n(1)]
    pub id: String,
    #[n(2)]
    pub event: Event,
}

/// Under which a row of the inbox lies, in the order of the commits that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboxKey {
    pub sent: FeedKey,
    /// Which of that commit's, from 0.
    pub number: u32,
    /// Who is told.
    pub to: LeadId,
}

/// Where decisions lie: in an entry of the journal of their lead, with their inputs, answers and costs. They go when the
/// person is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DecisionRef {
    #[n(0)]
    pub lead: LeadId,
    /// The number of the journal entry.
    #[n(1)]
    pub seq: u64,
}

/// A commit's place in the feed. Keys have the order of the commits: whoever has followed up to one misses nothing by going on
/// after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedKey {
    /// When the batch was begun; a little later where the clock was set back meanwhile.
    pub at: Timestamp,
    pub epoch: Epoch,
    pub batch: BatchId,
}

/// A lead as it is after the batch, and what its indexes said before.
#[derive(Clone, Debug)]
pub struct LeadWrite {
    /// What its indexes said as of the last batch.
    pub before: LeadIndex,
    /// The lead now; shared with whoever works on it, since writing it is no reason to copy it.
    pub state: Arc<LeadState>,
    /// Journal entries that no longer ride in the state, oldest first.
    pub entries: Vec<Entry>,
}

/// What is kept about a lead outside its record: derived from it alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadIndex {
    /// Its one timer.
    pub timer: Option<Timestamp>,
    /// Its places in queues, sorted.
    pub queue: Vec<QueueKey>,
    /// Its questions that wait for a place in the pool, sorted.
    pub questions: Vec<QuestionKey>,
}

impl LeadIndex {
    /// What the state says.
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
        Self { timer: state.next_due(), queue, questions }
    }
}

/// A task's place in a queue, in rank order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    pub assignee: Assignee,
    /// First responses before the rest.
    pub class: u8,
    /// When it is due.
    pub due: Timestamp,
    pub task: TaskId,
}

/// A question that waits for a place in the pool: each plugin has a line of its own, in the order of asking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuestionKey {
    /// Who is to be asked.
    pub plugin: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// Whose question it is; leads to its lead.
    pub run: RunId,
}

/// For how many days an event's id is remembered.
pub const MARK_DAYS: u32 = 30;

/// A change to the outbox.
#[derive(Clone, Debug)]
pub enum OutboxWrite {
    /// A new row.
    Put(Outgoing),
    /// A row changed; `was_due` is the time it was kept under.
    Update {
        /// Where it was.
        was_due: Due,
        /// As it is now.
        row: Outgoing,
    },
    /// A row is done.
    Remove {
        /// Where it was.
        due: Due,
        id: EffectId,
    },
    /// A row is given up and kept for a person.
    Bury {
        /// Where it was.
        was_due: Due,
        /// With what went wrong.
        letter: DeadLetter,
    },
    /// A dead letter is driven again or thrown away.
    Exhume {
        id: DeadLetterId,
        /// The delivery that it is, when it is one.
        delivery: Option<DeliveryKey>,
    },
}

impl OutboxWrite {
    /// The lead whose message it is; none for what lies with the dead letters.
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

/// `dl_` and 32 hexadecimal digits.
impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dl_{:032x}", self.0)
    }
}

impl DeadLetterId {
    /// Reads what it is shown as.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("dl_").filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16).ok().map(Self)
    }
}

/// Tells one delivery from another, so that its retries are one dead letter: a cryptographic hash of its source and of what
/// it is known by.
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
    /// How often it came after the first time: retries of a delivery.
    #[n(4)]
    #[cbor(default)]
    pub again: u32,
    /// When it came the last time, when that was not the first.
    #[n(5)]
    pub last_at: Option<Timestamp>,
}

impl DeadLetter {
    /// The delivery that it is, when it is one.
    pub const fn delivery(&self) -> Option<DeliveryKey> {
        match &self.content {
            DeadContent::Incoming { delivery, .. } => *delivery,
            DeadContent::Outgoing(_) | DeadContent::Enrolment { .. } => None,
        }
    }
}

/// What lies with the dead letters.
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
        /// The body; its bytes are in `raw` when they are no UTF-8.
        #[n(2)]
        body: String,
        /// The body as it came, when it is no UTF-8.
        #[n(3)]
        raw: Option<ByteVec>,
        /// The header `Content-Type`.
        #[n(4)]
        content_type: Option<String>,
        /// By what else the same content is known when it comes under another id.
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

/// Counters that reports and the summary read; what they count is in their names. A record each; one that is at nothing has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Counters {
    /// Name and value.
    #[n(0)]
    pub values: BTreeMap<String, i64>,
}

/// A document: something small that is read by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKey {
    /// A definition that runs have pinned.
    Definition(Digest),
    /// The active workspace's files.
    Workspace,
    /// An API token by the hash of its secret.
    Token(String),
    /// The virtual clock's time.
    Clock,
    /// What is paused.
    Brakes,
    /// Which builds of plugins are live and tried.
    Plugins,
    /// What came of watching builds that are tried.
    Shadows,
    /// That nothing may leave before a person says so: from a restore until the next start.
    HoldOutbox,
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

/// Why the store could not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process owns the data, or took it over.
    #[error("the data belongs to epoch {held:?} now, this writer has {ours:?}: another process took it over")]
    Fenced {
        /// The epoch in force.
        held: Epoch,
        ours: Epoch,
    },
    /// Another writer holds a partition of which the batch writes leads. Nothing of the batch is kept, and nothing that this
    /// writer hands over behind it, until it claims again and hears what it holds.
    #[error(
        "partition {partition} belongs to {}: this writer, number {}, does not hold it any more",
        held.map_or_else(|| "nobody".to_owned(), |held| format!("writer {}", held.0)), ours.0
    )]
    NotHeld {
        partition: u8,
        /// Who holds it now.
        held: Option<Epoch>,
        ours: Epoch,
    },
    /// Another writer has changed what the batch was computed on. Nothing of the batch is kept, and nothing that this writer hands
    /// over behind it, until it claims again.
    #[error("{key} was changed by another writer meanwhile")]
    Conflict {
        /// What was changed.
        key: SharedKey,
    },
    /// Another process has the data folder open.
    #[error("{path}: another cadenza process has this data folder open; stop it first")]
    Locked { path: String },
    /// Somebody reads everything already.
    #[error("a snapshot is being read already: one at a time")]
    SnapshotUnderWay,
    /// More was changed during a snapshot than may be kept.
    #[error(
        "more was changed while everything was read than can be kept ({images} bytes of values, {keys} of keys): try again when less \
         comes in"
    )]
    SnapshotTooLarge {
        /// Bytes of before-images.
        images: u64,
        /// Bytes of their keys.
        keys: usize,
    },
    /// The disk is full or failed. Until [`Store::recover`](crate::Store::recover) nothing can be read or written. Then the batch is there whole
    /// or not at all, and [`Store::committed`](crate::Store::committed) says which: a full disk leaves nothing of it, one that failed in the midst
    /// may have kept it.
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
        /// In the folder.
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
        /// The last one there is.
        there: (Epoch, BatchId),
    },
    /// The sync remedy is not in force (see `measured.md`): a power cut could lose what was acknowledged.
    #[error("writes to the data folder would not survive a power cut: {0}")]
    NotDurable(String),
}

impl StoreError {
    /// Whether one thing that was read is to blame, rather than the disk or the store as a whole.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Newer { .. })
    }
}

/// A kind of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    Definition,
    Token,
}
