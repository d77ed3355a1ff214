//! The engine as the API and the command line see it. Commands go to the driver and return once they are durable; reads see only
//! what is durable. HTTP and the command line know this file and nothing behind it.

use crate::backup::{Backup, BackupError};
use crate::brakes::Brake;
use crate::catalog::{Catalog, Documents};
use crate::clock::Clock;
use crate::courier::{Courier, Sent};
use crate::damage::document;
use crate::reading::read;
use crate::rehearsal::{Preview, Rehearsal};
use cadenza_builds::health::Health;
use cadenza_builds::shadow::{Compared, Tally};
use cadenza_core::account::{Account, AccountFacts};
use cadenza_core::effect::{Due, Outgoing, Shadow};
use cadenza_core::event::Event;
use cadenza_core::heart::{self, Rejected};
pub use cadenza_core::heart::{Accepted, Incoming};
use cadenza_core::id::{AccountId, Digest, EffectId, LeadId};
use cadenza_core::identity::IdentityKey;
use cadenza_core::journal::{Entry, Ignored, Note};
use cadenza_core::mailer::Mailbox;
use cadenza_core::plugin::DecisionKind;
use cadenza_core::reading::LeftOut;
use cadenza_core::state::{LeadState, ScheduleState};
use cadenza_core::task::Assignee;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_store::{
    Counters, DamageLog, DeadContent, DeadLetter, DeadLetterId, DocumentKey, DocumentKind, Feed, FeedKey, Partitions,
    QueueKey, Store, StoreError, Timer, UnlessDamaged as _,
};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};

/// What an event did to its lead.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What happened, in order.
    pub notes: Vec<Note>,
    /// The lead after the event.
    pub state: Box<LeadState>,
}

impl Applied {
    /// Why nothing happened, if nothing did.
    pub fn ignored(&self) -> Option<Ignored> {
        self.notes.iter().find_map(|note| if let Note::Ignored(why) = note { Some(*why) } else { None })
    }
}

/// Why the engine refused. Each variant is one problem type of the HTTP API.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// The queue is full. Trying again in a moment helps.
    #[error("more is coming in than can be written; try again in a second")]
    Busy,
    /// The disk is nearly full.
    #[error("only {free_bytes} bytes are free where the data lies, {reserve_bytes} are kept in reserve: make room")]
    NoSpace { free_bytes: u64, reserve_bytes: u64 },
    /// The engine is stopping.
    #[error("the engine is stopping")]
    Stopping,
    /// The write failed, and nothing of it was kept.
    #[error("it could not be written: {0}")]
    Failed(String),
    /// The same id was received before with another content.
    #[error("the event `{id}` was received before with another content")]
    Conflict { id: String },
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// lead, task, run…
        what: &'static str,
        id: String,
    },
    /// The event has nothing by which a lead could be found or created.
    #[error("the event names no lead: it needs an id, external_id, email or phone{}", left_out_words(.0))]
    NoIdentity(Vec<LeftOut>),
    /// A message that was given up, about something that is over.
    #[error("{why}, so it is not sent any more: throw it away, or ask for it all the same (`even_so`)")]
    Needless {
        /// Why it is over.
        why: &'static str,
    },
    /// This clock cannot be advanced.
    #[error("only a virtual clock can be advanced: start with --clock virtual")]
    NotVirtual,
    /// The disk failed or is full, and the store is being opened again.
    #[error("the data cannot be read now: {0}; the engine tries again by itself, see that there is room on the disk")]
    Unavailable(String),
    /// Something that the command needs cannot be read. Everything else goes on.
    #[error("{0}; `cadenza doctor` and GET /v1/damaged list what cannot be read")]
    Damaged(String),
    /// The store refused.
    #[error("the store failed: {0}")]
    Store(String),
}

/// The fields that were left out of an event, each with what is wrong with it.
fn left_out_words(left_out: &[LeftOut]) -> String {
    left_out.iter().map(|left| format!("; `{}` was left out, since {}", left.field, left.words())).collect()
}

impl From<Rejected> for Refused {
    fn from(why: Rejected) -> Self {
        match why {
            Rejected::NoLead(lead) => Self::NotFound { what: "lead", id: lead.to_string() },
            Rejected::NoIdentity(left_out) => Self::NoIdentity(left_out),
            Rejected::Conflict { id } => Self::Conflict { id },
            Rejected::Damaged(what) => Self::Damaged(what),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io(_) => Self::Unavailable(error.to_string()),
            _ if error.is_damage() => Self::Damaged(error.to_string()),
            _ => Self::Store(error.to_string()),
        }
    }
}

/// What the driver is asked to do. Every reply comes after the commit is durable.
pub(crate) enum Request {
    /// Apply an event from outside.
    Report(Incoming, oneshot::Sender<Result<Accepted, Refused>>),
    /// Apply an event to a lead.
    Lead {
        lead: LeadId,
        /// The event's id, for the journal.
        id: String,
        event: Event,
        /// Receives what the event did.
        reply: oneshot::Sender<Result<Applied, Refused>>,
    },
    /// Keep something for a person to look at.
    Bury(String, DeadContent, oneshot::Sender<Result<DeadLetterId, Refused>>),
    /// Carry out an operation.
    Operate(Operation, oneshot::Sender<Result<(), Refused>>),
    /// Advance the virtual clock and do everything that falls due on the way.
    Advance(Timestamp, Pace, oneshot::Sender<Result<Timestamp, Refused>>),
    /// An attempt to send ended. This comes from the courier, never from outside.
    Sent(Outgoing, Sent),
    /// A pooled decision came back. If a candidate build is being watched, it is to be asked too.
    Answered(Box<cadenza_core::event::Answer>, DecisionKind, Option<Box<Shadow>>),
    /// What a watched build would have decided.
    Compared(Box<Compared>),
}

/// How far the virtual clock goes before whoever advances it gets an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Through,
    /// To the first time at which something is due.
    Once,
}

/// What an operator or the engine itself wants done. The answer is only that it was done or refused.
#[derive(Clone)]
pub(crate) enum Operation {
    /// Take a dead letter away.
    Exhume(DeadLetterId, Exhume),
    /// Write documents (tokens).
    Documents(Documents),
    /// Make a workspace the active one.
    Apply(Arc<Catalog>, Documents),
    /// Set or release a brake.
    Brake(Brake, bool),
    /// Change which builds of plugins are live or tried.
    Plugins(Arc<Catalog>, Documents),
    /// Begin to note which versions of workflows are named by what is written.
    NoteFollowed,
    /// Drop versions that nothing named.
    DropDefinitions(BTreeSet<Digest>),
}

impl Request {
    /// Whether this is the result of something that the driver began, which nobody will send again.
    pub(crate) const fn is_result(&self) -> bool {
        matches!(self, Self::Sent(..) | Self::Answered(..))
    }

    /// A copy, if this is such a result.
    pub(crate) fn as_result(&self) -> Option<Self> {
        match self {
            Self::Sent(row, result) => Some(Self::Sent(row.clone(), result.clone())),
            Self::Answered(answer, kind, shadow) => Some(Self::Answered(answer.clone(), *kind, shadow.clone())),
            _ => None,
        }
    }
}

/// What becomes of a dead letter that is taken away, and at whose request.
#[derive(Clone, Debug)]
pub enum Exhume {
    /// It is done again: an outgoing message goes back to the outbox; a delivery has become an event by then.
    Redrive {
        by: String,
        /// Even if what the message was about is over.
        even_so: bool,
    },
    /// It is thrown away for good.
    Discard { by: String },
}

/// How far the driver has come; the barrier for reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last batch handed to the store.
    pub submitted: u64,
    /// The last batch that is durable (or undone).
    pub settled: u64,
    /// How many times what was handed over may have been undone.
    pub failures: u64,
}

/// Up to how many open tasks a preview counts for a rep. A preview keeps no count between calls, and a rep with more is as busy
/// as can be.
const PREVIEW_TASKS_MAX: u32 = 1_000;

/// A handle to the running engine, cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) commands: mpsc::Sender<Request>,
    /// Requests to stop the driver, each with where to answer.
    pub(crate) stop: mpsc::Sender<oneshot::Sender<()>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) catalog: watch::Receiver<Arc<Catalog>>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) meters: Arc<crate::meters::Meters>,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) health: Arc<Health>,
    pub(crate) draining: Arc<AtomicBool>,
    /// For how many days the places of decisions are remembered.
    pub(crate) decision_days: u32,
    /// Asks plugins for previews.
    pub(crate) rehearsal: Arc<Mutex<Rehearsal>>,
    /// Free space on the disk.
    pub(crate) room: Room,
    pub(crate) data: Arc<Path>,
}

/// A backup keeps what changes meanwhile only while this many times the reserve is free, so that it never stops intake.
const BACKUP_RESERVES: u64 = 2;

/// Free space where the data lies.
#[derive(Clone)]
pub(crate) struct Room {
    /// Returns how many bytes are free.
    pub free_bytes: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// With fewer free bytes nothing is taken in.
    pub reserve_bytes: u64,
}

impl Engine {
    /// The clock that engine time comes from.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The workspace and definitions in force.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.borrow().clone()
    }

    /// The places of decisions before this are no longer remembered.
    pub fn decisions_forgotten_before(&self) -> Timestamp {
        self.clock.now().plus_ms(-i64::from(self.decision_days) * DAY_MS)
    }

    /// The engine's meters, for `/metrics`.
    pub fn meters(&self) -> &crate::meters::Meters {
        &self.meters
    }

    /// Follows which workspace and definitions are in force.
    pub fn in_force(&self) -> watch::Receiver<Arc<Catalog>> {
        self.catalog.clone()
    }

    /// Whether requests are taken, which they are not while draining.
    pub fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Acquire)
    }

    /// Whether the driver has ended, so that no command will be taken any more.
    pub fn has_ended(&self) -> bool {
        self.commands.is_closed()
    }

    /// Waits until the engine has ended, by itself or because it was told to.
    pub async fn ended(&self) {
        self.commands.closed().await;
    }

    /// Whether there is space for what comes in.
    pub fn has_room(&self) -> Result<(), Refused> {
        let (free_bytes, reserve_bytes) = ((self.room.free_bytes)(), self.room.reserve_bytes);
        if free_bytes < reserve_bytes { Err(Refused::NoSpace { free_bytes, reserve_bytes }) } else { Ok(()) }
    }

    /// Whether the store can be read.
    pub async fn can_read(&self) -> Result<(), Refused> {
        self.store.document(&DocumentKey::Brakes).await?;
        Ok(())
    }

    /// Sends a command without waiting for a place in the queue: what to do when it is full is up to the sender.
    fn submit(&self, command: Request) -> Result<(), Refused> {
        if !self.is_ready() {
            return Err(Refused::Stopping);
        }
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Busy,
            mpsc::error::TrySendError::Closed(_) => Refused::Stopping,
        })
    }

    async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<Result<T, Refused>>) -> Request) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.submit(make(reply))?;
        let lost = || Refused::Failed("the store failed while it was being done".to_owned());
        answer.await.unwrap_or_else(|_| Err(if self.is_ready() { lost() } else { Refused::Stopping }))
    }

    async fn operate(&self, operation: Operation) -> Result<(), Refused> {
        self.ask(|reply| Request::Operate(operation, reply)).await
    }

    /// Applies an event from outside.
    pub async fn report(&self, incoming: Incoming) -> Result<Accepted, Refused> {
        self.ask(|reply| Request::Report(incoming, reply)).await
    }

    /// What an event would do to a lead if it came now.
    ///
    /// # Errors
    /// When there is no such lead, or something that the event needs cannot be read.
    pub async fn preview(&self, lead: LeadId, event: Event) -> Result<Preview, Refused> {
        let command = heart::Command::Event { lead, id: String::new(), event: Box::new(event) };
        Ok(self.durable(|| self.rehearse(&command)).await??)
    }

    async fn rehearse(&self, command: &heart::Command) -> Result<Result<Preview, Rejected>, StoreError> {
        let (catalog, now) = (self.catalog(), self.clock.now());
        let (mut set, mut answers) = (heart::WorkingSet::default(), Vec::new());
        loop {
            let rehearsed = {
                let mut rehearsal = self.rehearsal.lock().unwrap_or_else(PoisonError::into_inner);
                rehearsal.rehearse(command, &catalog, &set, &mut answers, now)
            };
            match rehearsed {
                Ok(preview) => return Ok(Ok(preview)),
                Err(heart::Stop::Rejected(why)) => return Ok(Err(why)),
                Err(heart::Stop::Unread(keys)) => {
                    read(self.store.as_ref(), &mut set, keys, now.day(), PREVIEW_TASKS_MAX).await?
                }
            }
        }
    }

    /// Applies an event to a lead.
    pub async fn apply_to(&self, lead: LeadId, id: String, event: Event) -> Result<Applied, Refused> {
        self.ask(|reply| Request::Lead { lead, id, event, reply }).await
    }

    /// Keeps something for a person to look at.
    pub async fn bury(&self, cause: String, content: DeadContent) -> Result<DeadLetterId, Refused> {
        self.ask(|reply| Request::Bury(cause, content, reply)).await
    }

    /// Takes a dead letter away, to be driven again or for good.
    pub async fn exhume(&self, id: DeadLetterId, what: Exhume) -> Result<(), Refused> {
        self.operate(Operation::Exhume(id, what)).await
    }

    /// A dead letter; none if there is no such letter.
    pub async fn dead_letter(&self, id: DeadLetterId) -> Result<Option<DeadLetter>, Refused> {
        let before = id.0.checked_sub(1).map(DeadLetterId);
        let found = self.dead_letters(before, 1).await?.into_iter().next();
        Ok(found.filter(|letter| letter.id == id))
    }

    /// Writes documents, and returns once they are durable.
    pub async fn write_documents(&self, documents: Documents) -> Result<(), Refused> {
        self.operate(Operation::Documents(documents)).await
    }

    /// Makes a workspace the active one.
    pub async fn activate(&self, catalog: Arc<Catalog>, documents: Documents) -> Result<(), Refused> {
        self.operate(Operation::Apply(catalog, documents)).await
    }

    /// Changes which builds of plugins are live or tried.
    pub async fn change_plugins(&self, catalog: Arc<Catalog>, documents: Documents) -> Result<(), Refused> {
        self.operate(Operation::Plugins(catalog, documents)).await
    }

    /// Begins to note which versions of workflows are named by what is written.
    pub(crate) async fn note_followed(&self) -> Result<(), Refused> {
        self.operate(Operation::NoteFollowed).await
    }

    /// Reduces versions to outlines if nothing named them since noting began, and ends the noting.
    pub(crate) async fn drop_definitions(&self, unfollowed: BTreeSet<Digest>) -> Result<(), Refused> {
        self.operate(Operation::DropDefinitions(unfollowed)).await
    }

    /// Advances the virtual clock to a time, and returns when everything due by then has been done.
    pub async fn advance(&self, to: Timestamp) -> Result<Timestamp, Refused> {
        self.ask(|reply| Request::Advance(to, Pace::Through, reply)).await
    }

    /// Advances the virtual clock no further than to the first time at which something is due, so that whoever plays people can
    /// look at what they have to do. Returns the time that was reached.
    pub async fn advance_once(&self, to: Timestamp) -> Result<Timestamp, Refused> {
        self.ask(|reply| Request::Advance(to, Pace::Once, reply)).await
    }

    /// Sets or releases a brake.
    pub async fn brake(&self, what: Brake, on: bool) -> Result<(), Refused> {
        self.operate(Operation::Brake(what, on)).await
    }

    /// Stops taking requests, finishes what is under way and closes the store.
    pub async fn stop(&self) {
        self.draining.store(true, Ordering::Release);
        let (reply, stopped) = oneshot::channel();
        if self.stop.send(reply).await.is_ok() {
            let _ = stopped.await;
        }
    }

    /// What a stop would leave undone now, in words; nothing if all is done.
    pub fn left(&self) -> Vec<String> {
        let progress = *self.progress.borrow();
        let batches = progress.submitted.saturating_sub(progress.settled);
        let waiting = self.commands.max_capacity() - self.commands.capacity();
        let counts = [
            (
                batches,
                "batch that was not acknowledged and may or may not be kept",
                "batches that were not acknowledged and may or may not be kept",
            ),
            (waiting as u64, "command that was not begun", "commands that were not begun"),
            (
                self.meters.sendings_under_way.get(),
                "message on its way, which is sent again under the same key",
                "messages on their way, which are sent again under the same keys",
            ),
            (
                self.meters.decisions_under_way.get(),
                "decision, which is asked for again",
                "decisions, which are asked for again",
            ),
        ];
        let left = counts.into_iter().filter(|(count, ..)| *count > 0);
        left.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many })).collect()
    }

    /// Runs a read, and returns once everything that it may have seen is durable. If some of that was undone, it reads again.
    async fn durable<T, R: Future<Output = Result<T, StoreError>>>(&self, read: impl Fn() -> R) -> Result<T, Refused> {
        let mut progress = self.progress.clone();
        loop {
            let failures = progress.borrow().failures;
            let value = read().await?;
            let seen = progress.borrow().submitted;
            let settled = progress.wait_for(|progress| progress.settled >= seen).await;
            if settled.map_err(|_| Refused::Stopping)?.failures == failures {
                return Ok(value);
            }
        }
    }

    /// The lead of this id; none if there is no such lead.
    pub async fn lead(&self, id: LeadId) -> Result<Option<LeadState>, Refused> {
        self.durable(|| self.store.lead(id)).await
    }

    /// Several leads at once, in the order in which they are asked for, with one wait for all to be durable.
    pub async fn leads_by_id(&self, ids: &[LeadId]) -> Result<Vec<Option<LeadState>>, Refused> {
        self.durable(|| async {
            let mut leads = Vec::with_capacity(ids.len());
            for id in ids {
                // When many are listed, one that cannot be read is treated as gone.
                leads.push(self.store.lead(*id).await.unless_damaged()?);
            }
            Ok(leads)
        })
        .await
    }

    /// What is known of an account; nothing if it has no name.
    pub async fn account_facts(&self, id: AccountId) -> Result<Option<AccountFacts>, Refused> {
        let account = self.account(id).await?;
        Ok(account.filter(|account| !account.name.is_empty()).as_ref().map(Account::facts))
    }

    /// Leads in order of their ids (oldest first), after the cursor.
    pub async fn leads(&self, after: Option<LeadId>, limit: usize) -> Result<Vec<LeadState>, Refused> {
        self.durable(|| self.store.leads(&Partitions::ALL, after, limit)).await
    }

    /// The leads that have a key.
    pub async fn find(&self, key: &IdentityKey) -> Result<Vec<LeadId>, Refused> {
        Ok(self.durable(|| self.store.identity(key)).await?.map_or_else(Vec::new, |identity| identity.holders))
    }

    /// Journal entries of a lead after `seq`, the newest one included.
    pub async fn timeline(&self, lead: &LeadState, after: u64, limit: usize) -> Result<Vec<Entry>, Refused> {
        let mut entries = self.durable(|| self.store.journal(lead.lead.id, after, limit)).await?;
        let last = entries.last().map_or(after, |entry| entry.seq);
        if entries.len() < limit
            && let Some(latest) = &lead.latest
            && latest.seq > last
        {
            entries.push(latest.clone());
        }
        Ok(entries)
    }

    /// A queue in rank order; all queues if none is named.
    pub async fn queue(
        &self,
        assignee: Option<&Assignee>,
        after: Option<&QueueKey>,
        limit: usize,
    ) -> Result<Vec<QueueKey>, Refused> {
        self.durable(|| self.store.queue(&Partitions::ALL, assignee, after, limit)).await
    }

    /// An account. One that cannot be read is treated as gone.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, Refused> {
        self.durable(|| async { self.store.account(id).await.unless_damaged() }).await
    }

    /// The stored state of a schedule.
    pub async fn schedule(&self, id: &str) -> Result<Option<ScheduleState>, Refused> {
        self.durable(|| self.store.schedule(id)).await
    }

    /// Outbox rows in order of their due time.
    pub async fn outbox(&self, after: Option<(Due, EffectId)>, limit: usize) -> Result<Vec<Outgoing>, Refused> {
        self.durable(|| self.store.outbox(&Partitions::ALL, after, Due::OnRelease, limit)).await
    }

    /// Timers in order of time.
    pub async fn timers(&self, after: Option<Timer>, limit: usize) -> Result<Vec<Timer>, Refused> {
        self.durable(|| self.store.timers(&Partitions::ALL, after, Timestamp::MAX, limit)).await
    }

    /// Dead letters, oldest first.
    pub async fn dead_letters(&self, after: Option<DeadLetterId>, limit: usize) -> Result<Vec<DeadLetter>, Refused> {
        self.durable(|| self.store.dead_letters(after, limit)).await
    }

    /// Every counter as it was after the last durable batch.
    pub async fn counters(&self) -> Result<Counters, Refused> {
        self.durable(|| self.store.counters()).await
    }

    /// Documents of a kind.
    pub async fn documents(&self, kind: DocumentKind) -> Result<Vec<(DocumentKey, Vec<u8>)>, Refused> {
        self.durable(|| self.store.documents(kind)).await
    }

    /// Connections of a workspace by which nothing could be sent as things are, and why.
    pub fn unready(&self, catalog: &Catalog) -> Vec<(String, String)> {
        self.courier.unready(catalog)
    }

    /// A rendered message as it would leave. The error says why it would not.
    pub fn shown(&self, catalog: &Catalog, row: &Outgoing) -> Result<String, String> {
        self.courier.shown(catalog, row).map_err(|error| error.cause)
    }

    /// Tries a connection: what works, or what does not. With `to`, a mail that says what it is goes there.
    pub async fn try_connection(&self, via: String, to: Option<Mailbox>) -> Result<String, String> {
        let (done, found) = oneshot::channel();
        let tell = Box::new(|result| drop(done.send(result)));
        Arc::clone(&self.courier).try_out(self.catalog(), via, to, tell);
        found.await.unwrap_or_else(|_| Err("the attempt broke off, a fault of this program".to_owned()))
    }

    /// The health of plugin builds.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// What came of watching candidate builds, by the plugin's name.
    pub async fn tallies(&self) -> Result<BTreeMap<String, Tally>, Refused> {
        self.durable(|| document(self.store.as_ref(), &DocumentKey::Shadows)).await.map(Option::unwrap_or_default)
    }

    /// What commits changed, in their order, up to and including `until`.
    pub async fn feed(
        &self,
        after: Option<FeedKey>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(FeedKey, Feed)>, Refused> {
        self.durable(|| self.store.feed(&Partitions::ALL, after, until, limit)).await
    }

    /// One entry of a lead's journal.
    pub async fn entry(&self, lead: &LeadState, seq: u64) -> Result<Option<Entry>, Refused> {
        let entries = self.timeline(lead, seq.saturating_sub(1), 1).await?;
        Ok(entries.into_iter().next().filter(|entry| entry.seq == seq))
    }

    /// Begins a backup of everything as it is now.
    ///
    /// # Errors
    /// When another backup is under way, there is no space, the store cannot be read, or no file can be made in the data folder.
    pub async fn backup(&self) -> Result<Backup, BackupError> {
        let Room { free_bytes, reserve_bytes } = self.room.clone();
        let has_room = move || free_bytes() >= reserve_bytes.saturating_mul(BACKUP_RESERVES);
        Backup::begin(self.store.as_ref(), &self.data, has_room, self.clock.now()).await
    }

    /// What could not be read so far.
    pub fn damage(&self) -> &DamageLog {
        self.store.damage()
    }

    /// Bytes the store takes on disk.
    pub fn size_on_disk(&self) -> u64 {
        self.store.size_on_disk()
    }
}
