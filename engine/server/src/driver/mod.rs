//! The driver: the one writer. It takes commands, timers, firings and finished effects, runs transitions until they are
//! quiet, and commits them in batches; a batch is computed while the last one is being flushed.
//!
//! Nothing it computes is seen outside before it is durable: replies, sendings and pooled decisions leave when their batch
//! has settled. It owns every partition of the node, so an exchange between owners (a webhook's identity key, its lead,
//! the lead's account, the pool) is folded into one commit. Must not know: HTTP, YAML, sled.

mod advance;
mod batch;
mod brakes;
mod intake;
mod outbox;
mod schedules;
mod timers;
mod transition;
mod working_set;

use crate::catalog::{Catalog, Documents};
use crate::clock::Clock;
use crate::connector::Connector;
use crate::decider::Decider;
use crate::engine::{Command, Progress, Refused};
use crate::meters::Meters;
use batch::{After, OpenBatch, Reply};
use cadenza_core::event::Event;
use cadenza_core::id::LeadId;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_store::{BatchId, DeadContent, DeadLetter, DeadLetterId, MARK_DAYS, OutboxWrite, Store, StoreError};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use working_set::WorkingSet;

/// How the driver is set up. Every number is a limit.
#[derive(Clone, Debug)]
pub(crate) struct DriverOptions {
    /// Events in one batch. 64 is what sled takes with the least processor time per lead (`measured.md`); more is slower.
    pub(crate) batch_events_max: usize,
    /// Timers fired in one batch, so that ten thousand due at once do not keep intake out.
    pub(crate) batch_timers_max: usize,
    /// Leads looked at in one batch while a schedule fires.
    pub(crate) firing_leads_max: usize,
    /// Sendings under way at once.
    pub(crate) sendings_max: usize,
    /// Intake stops when fewer bytes than this are free where the data lies.
    pub(crate) free_bytes_reserve: u64,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            batch_events_max: 64,
            batch_timers_max: 32,
            firing_leads_max: 64,
            sendings_max: 64,
            free_bytes_reserve: 256 * 1024 * 1024,
        }
    }
}

/// How often the room on the disk is looked at, in real time.
const SPACE_CHECK_EVERY: Duration = Duration::from_secs(1);
/// The longest the driver sleeps without looking at its clocks, in real time.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);
/// How long after a failed commit the store is opened again, in real time.
const RECOVER_AFTER: Duration = Duration::from_millis(200);

/// What the driver works with.
pub(crate) struct Parts {
    /// Where state is kept.
    pub(crate) store: Arc<dyn Store>,
    /// The time.
    pub(crate) clock: Clock,
    /// What is in force.
    pub(crate) catalog: Arc<Catalog>,
    /// Who asks plugins.
    pub(crate) decider: Decider,
    /// Who sends.
    pub(crate) connector: Arc<Connector>,
    /// What is counted.
    pub(crate) meters: Arc<Meters>,
    /// Free bytes where the data lies.
    pub(crate) free_bytes: Box<dyn Fn() -> u64 + Send>,
    /// Limits.
    pub(crate) options: DriverOptions,
}

/// The ends of the driver's channels that others hold.
pub(crate) struct Ends {
    /// For commands from outside; bounded.
    pub(crate) commands: mpsc::Receiver<Command>,
    /// For results of what the driver itself began; bounded by what it begins.
    pub(crate) results: mpsc::UnboundedReceiver<Command>,
    /// Handed to whoever carries something out for the driver.
    pub(crate) results_to: mpsc::UnboundedSender<Command>,
    /// The barrier for reads.
    pub(crate) progress: watch::Sender<Progress>,
    /// What is in force, for the faces.
    pub(crate) catalog: watch::Sender<Arc<Catalog>>,
}

type Flush = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// The driver.
pub(crate) struct Driver {
    parts: Parts,
    ends: Ends,
    set: WorkingSet,
    open: OpenBatch,
    /// The batch that is being flushed, with what waits for it.
    flushing: Option<(OpenBatch, Flush)>,
    /// The batch whose commit failed: whether it was kept is known once the store is open again.
    unsure: Option<OpenBatch>,
    progress: Progress,
    /// Not later than the next timer of the store.
    next_timer: Timestamp,
    /// Not later than the next row of the outbox.
    next_send: Timestamp,
    /// The batch that carries the timers fired last: none are looked for before it has settled.
    timers_in: Option<u64>,
    /// The same for the outbox.
    sends_in: Option<u64>,
    sending: BTreeSet<cadenza_core::id::EffectId>,
    /// Pooled decisions under way.
    asked: u64,
    schedules: schedules::Schedules,
    releasing: Option<brakes::Releasing>,
    advancing: Option<advance::Advance>,
    out_of_space: Option<u64>,
    space_checked: tokio::time::Instant,
    marks_forgotten: u32,
    stopping: Option<oneshot::Sender<()>>,
}

impl Driver {
    /// A driver over an opened store.
    pub(crate) async fn new(parts: Parts, ends: Ends) -> Result<Self, StoreError> {
        let now = parts.clock.now();
        let counters = parts.store.counters().await?;
        let schedules = schedules::Schedules::load(&parts.catalog, parts.store.as_ref(), now).await?;
        Ok(Self {
            set: WorkingSet::new(counters),
            open: OpenBatch::new(1),
            flushing: None,
            unsure: None,
            progress: Progress::default(),
            next_timer: now,
            next_send: now,
            timers_in: None,
            sends_in: None,
            sending: BTreeSet::new(),
            asked: 0,
            schedules,
            releasing: parts.catalog.brakes.releasing.then(brakes::Releasing::default),
            advancing: None,
            out_of_space: None,
            space_checked: tokio::time::Instant::now(),
            marks_forgotten: 0,
            stopping: None,
            parts,
            ends,
        })
    }

    /// Runs until it is told to stop and everything under way is durable.
    pub(crate) async fn run(mut self) {
        self.look_at_space();
        loop {
            if let Err(error) = self.turn().await {
                self.failed(error).await;
            }
            if let Some(stopped) = self.stopping.take() {
                if self.is_quiet() {
                    if let Err(error) = self.parts.store.close().await {
                        tracing::error!(%error, "the store did not close cleanly");
                    }
                    let _ = stopped.send(());
                    return;
                }
                self.stopping = Some(stopped);
            }
        }
    }

    /// Nothing computed that is not durable.
    const fn is_quiet(&self) -> bool {
        self.flushing.is_none() && self.open.is_empty()
    }

    /// One turn of the loop: hands over a batch when it may, then waits for whatever comes first.
    async fn turn(&mut self) -> Result<(), StoreError> {
        if self.flushing.is_none() && !self.open.is_empty() {
            self.hand_over();
        }
        let room = self.open.events < self.parts.options.batch_events_max;
        if room && self.stopping.is_none() {
            self.do_what_is_due().await?;
        }
        if self.flushing.is_none() && !self.open.is_empty() {
            // What was due filled a batch: it need not wait for a command.
            return Ok(());
        }
        if self.stopping.is_some() && self.is_quiet() {
            return Ok(());
        }
        if self.advance_is_settled() {
            return self.advance_further().await;
        }
        let sleep = self.sleep();
        let flushing = self.flushing.is_some();
        tokio::select! {
            biased;
            result = async { match &mut self.flushing { Some((_, flush)) => flush.await, None => std::future::pending().await } }, if flushing => {
                self.settle(result)
            }
            Some(result) = self.ends.results.recv(), if room => self.take(result).await,
            command = self.ends.commands.recv(), if room => match command {
                Some(command) => self.take_all(command).await,
                None => {
                    self.stopping.get_or_insert_with(|| oneshot::channel().0);
                    Ok(())
                }
            },
            () = tokio::time::sleep(sleep), if room => {
                self.look_at_space();
                Ok(())
            }
        }
    }

    /// Takes a command and whatever else is waiting, up to a batch.
    async fn take_all(&mut self, first: Command) -> Result<(), StoreError> {
        self.take(first).await?;
        while self.open.events < self.parts.options.batch_events_max {
            match self.ends.commands.try_recv() {
                Ok(command) => self.take(command).await?,
                Err(_) => break,
            }
        }
        Ok(())
    }

    async fn take(&mut self, command: Command) -> Result<(), StoreError> {
        match command {
            Command::Report(incoming, reply) => self.report(incoming, reply).await,
            Command::Lead { lead, id, event, reply } => self.lead_command(lead, id, event, reply).await,
            Command::Bury(cause, content, reply) => {
                self.bury(cause, content, reply);
                Ok(())
            }
            Command::Redrive(id, reply) => self.redrive(id, reply).await,
            Command::Documents(documents, reply) => {
                self.open.documents.extend(documents);
                self.open.replies.push(Reply::Done(reply));
                Ok(())
            }
            Command::Apply(catalog, documents, reply) => self.apply(catalog, documents, reply).await,
            Command::Advance(to, reply) => {
                self.begin_advance(to, reply);
                Ok(())
            }
            Command::Brake(what, on, reply) => {
                self.brake(what, on, reply);
                Ok(())
            }
            Command::Sent(row, result) => self.sent(row, result).await,
            Command::Answered(answer) => {
                self.asked = self.asked.saturating_sub(1);
                let lead = answer.run.lead();
                let id = format!("decision/{}/{}", answer.run, answer.attempt);
                self.transition(lead, id, Event::Decided(*answer)).await.map(|_| ())
            }
            Command::Stop(stopped) => {
                self.stopping = Some(stopped);
                Ok(())
            }
        }
    }

    async fn lead_command(
        &mut self,
        lead: LeadId,
        id: String,
        event: Event,
        reply: oneshot::Sender<Result<crate::engine::Applied, Refused>>,
    ) -> Result<(), StoreError> {
        if !self.load_lead(lead).await? {
            let _ = reply.send(Err(Refused::NotFound { what: "lead", id: lead.to_string() }));
            return Ok(());
        }
        let notes = self.transition(lead, id, event).await?;
        if let Some(state) = self.set.lead(lead) {
            let applied = crate::engine::Applied { notes, state: Box::new(state.clone()) };
            self.open.replies.push(Reply::Applied(reply, applied));
        }
        Ok(())
    }

    fn bury(&mut self, cause: String, content: DeadContent, reply: oneshot::Sender<Result<DeadLetterId, Refused>>) {
        let at = self.parts.clock.now();
        let seed = cadenza_core::id::hash64(format!("{content:?}").as_bytes());
        let id = DeadLetterId(cadenza_core::id::EventId::new(at, seed).0);
        let letter = DeadLetter { id, at, cause, content };
        self.open.outbox.push(OutboxWrite::Bury { was_due: at, letter });
        self.open.replies.push(Reply::Buried(reply, id));
        self.parts.meters.dead_letters_total.add(1);
    }

    async fn apply(
        &mut self,
        catalog: Arc<Catalog>,
        documents: Documents,
        reply: oneshot::Sender<Result<(), Refused>>,
    ) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let catalog = Arc::new(catalog.with_brakes(self.parts.catalog.brakes.as_ref().clone()));
        self.schedules = schedules::Schedules::load(&catalog, self.parts.store.as_ref(), now).await?;
        self.parts.decider.use_plugins(&catalog);
        self.parts.catalog = Arc::clone(&catalog);
        self.open.documents.extend(documents);
        self.open.after.push(After::Publish(catalog));
        self.open.replies.push(Reply::Done(reply));
        Ok(())
    }

    /// Timers, firings and the outbox, as far as they are due and the batch has room.
    async fn do_what_is_due(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        if self.timers_in.is_none() && self.next_timer <= now {
            self.fire_timers(now).await?;
        }
        if self.sends_in.is_none() && self.next_send <= now {
            self.begin_sendings(now).await?;
        }
        self.fire_schedules(now).await?;
        self.release_further(now).await?;
        self.forget_old_marks(now).await
    }

    /// Marks older than they are promised for are dropped, a day at a time.
    async fn forget_old_marks(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let today = day(now);
        if self.marks_forgotten != today {
            self.marks_forgotten = today;
            self.parts.store.forget_marks(today.saturating_sub(MARK_DAYS)).await?;
        }
        Ok(())
    }

    /// How long until something falls due, in real time.
    fn sleep(&self) -> Duration {
        let timers = if self.timers_in.is_none() { self.next_timer } else { Timestamp::MAX };
        let sends = if self.sends_in.is_none() { self.next_send } else { Timestamp::MAX };
        let next = timers.min(sends).min(self.schedules.next_due()).min(self.next_release());
        let due = if next == Timestamp::MAX { None } else { self.parts.clock.until(next) };
        let limit = if self.out_of_space.is_some() { SPACE_CHECK_EVERY } else { SLEEP_MAX };
        due.unwrap_or(limit).min(limit)
    }

    fn look_at_space(&mut self) {
        let free = (self.parts.free_bytes)();
        self.space_checked = tokio::time::Instant::now();
        self.parts.meters.disk_free_bytes.set(free);
        self.out_of_space = (free < self.parts.options.free_bytes_reserve).then_some(free);
    }

    /// The free bytes when there are too few to take anything in.
    fn no_space(&mut self) -> Option<Refused> {
        if self.space_checked.elapsed() >= SPACE_CHECK_EVERY {
            self.look_at_space();
        }
        let reserve_bytes = self.parts.options.free_bytes_reserve;
        self.out_of_space.map(|free_bytes| Refused::NoSpace { free_bytes, reserve_bytes })
    }

    /// Hands the open batch to the store and begins the next one.
    fn hand_over(&mut self) {
        let number = self.open.number;
        let mut open = std::mem::replace(&mut self.open, OpenBatch::new(number + 1));
        let batch = self.set.batch(&mut open, self.parts.store.epoch());
        self.progress.submitted = number;
        self.ends.progress.send_replace(self.progress);
        self.parts.meters.queue_depth.set(self.ends.commands.len() as u64);
        let flush: Flush = if batch.is_empty() {
            Box::pin(std::future::ready(Ok(())))
        } else {
            self.parts.meters.commits_total.add(1);
            self.parts.meters.lead_writes_total.add(batch.leads.len() as u64);
            let store = Arc::clone(&self.parts.store);
            Box::pin(async move { store.commit(batch).await })
        };
        self.flushing = Some((open, flush));
    }

    /// The batch that was being flushed is durable: whoever waited for it hears so, and what it began leaves.
    fn settle(&mut self, result: Result<(), StoreError>) -> Result<(), StoreError> {
        let Some((open, _)) = self.flushing.take() else { return Ok(()) };
        if let Err(error) = result {
            self.unsure = Some(open);
            return Err(error);
        }
        self.set.settled(open.number);
        self.next_send = self.next_send.min(open.first_send);
        self.progress.settled = open.number;
        self.ends.progress.send_replace(self.progress);
        if self.timers_in.is_some_and(|number| number <= open.number) {
            self.timers_in = None;
        }
        if self.sends_in.is_some_and(|number| number <= open.number) {
            self.sends_in = None;
        }
        self.deliver(open);
        Ok(())
    }

    /// A batch is durable: who waited hears so, and what it began leaves.
    fn deliver(&mut self, open: OpenBatch) {
        open.replies.into_iter().for_each(Reply::send);
        open.after.into_iter().for_each(|after| self.carry_out(after));
    }

    fn carry_out(&mut self, after: After) {
        match after {
            After::Send(row, permit) => {
                let connector = Arc::clone(&self.parts.connector);
                let results = self.ends.results_to.clone();
                connector.send(Arc::clone(&self.parts.catalog), *row, permit, move |row, result| {
                    let _ = results.send(Command::Sent(row, result));
                });
            }
            After::Ask(question) => {
                let results = self.ends.results_to.clone();
                self.parts.decider.ask_pooled(*question, move |answer| {
                    let _ = results.send(Command::Answered(Box::new(answer)));
                });
            }
            After::Forget(id) => {
                self.sending.remove(&id);
                self.next_send = self.next_send.min(self.parts.clock.now());
            }
            After::Publish(catalog) => {
                self.ends.catalog.send_replace(catalog);
            }
            After::Release => self.releasing = Some(brakes::Releasing::default()),
        }
    }

    /// A commit or a read failed: everything computed on it is undone and the store is opened again.
    async fn failed(&mut self, error: StoreError) {
        tracing::error!(%error, "the store failed; what was not durable is undone and the store is opened again");
        let refused = Refused::Failed(error.to_string());
        if let Some((open, flush)) = self.flushing.take() {
            match flush.await {
                Ok(()) => self.deliver(open),
                Err(_) => self.unsure = Some(open),
            }
        }
        let number = self.open.number;
        let open = std::mem::replace(&mut self.open, OpenBatch::new(number + 1));
        self.undo(open, &refused);
        while let Err(error) = self.reopen(&refused).await {
            tracing::error!(%error, "the store cannot be opened again yet");
            if let Some(open) = self.unsure.take() {
                self.undo(open, &refused);
            }
            self.refuse_waiting(&refused);
            tokio::time::sleep(RECOVER_AFTER).await;
        }
        self.progress.submitted = self.progress.submitted.max(number);
        self.progress.settled = self.progress.submitted;
        self.ends.progress.send_replace(self.progress);
        self.look_at_space();
    }

    /// Nothing of a batch was kept: attempts it would have begun or ended are begun anew from the store.
    fn undo(&mut self, open: OpenBatch, refused: &Refused) {
        for after in &open.after {
            match after {
                After::Send(row, _) => drop(self.sending.remove(&row.id)),
                After::Forget(id) => drop(self.sending.remove(id)),
                After::Ask(_) => self.asked = self.asked.saturating_sub(1),
                After::Publish(_) | After::Release => {}
            }
        }
        open.fail(refused);
    }

    /// Opens the store again, settles the batch whose fate was open, and reads what is in memory anew.
    async fn reopen(&mut self, refused: &Refused) -> Result<(), StoreError> {
        self.parts.store.recover().await?;
        let kept = match &self.unsure {
            Some(open) => self.parts.store.committed(BatchId(open.number)).await?,
            None => false,
        };
        match self.unsure.take() {
            Some(open) if kept => self.deliver(open),
            Some(open) => {
                self.parts.meters.commits_failed_total.add(1);
                self.undo(open, refused);
            }
            None => {}
        }
        let now = self.parts.clock.now();
        // What was not durable was not in force.
        self.parts.catalog = Arc::clone(&self.ends.catalog.borrow());
        self.parts.decider.use_plugins(&self.parts.catalog);
        self.releasing = self.parts.catalog.brakes.releasing.then(brakes::Releasing::default);
        self.set = WorkingSet::new(self.parts.store.counters().await?);
        self.schedules = schedules::Schedules::load(&self.parts.catalog, self.parts.store.as_ref(), now).await?;
        (self.next_timer, self.next_send) = (now, now);
        (self.timers_in, self.sends_in) = (None, None);
        Ok(())
    }

    /// While the store is closed nobody is kept waiting.
    fn refuse_waiting(&mut self, refused: &Refused) {
        while let Ok(command) = self.ends.commands.try_recv() {
            match command {
                Command::Stop(stopped) => self.stopping = Some(stopped),
                command => batch::refuse(command, refused),
            }
        }
    }
}

/// Days since 1970.
fn day(now: Timestamp) -> u32 {
    u32::try_from(now.as_ms().max(0) / DAY_MS).unwrap_or(u32::MAX)
}
