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
mod plugins;
mod schedules;
#[cfg(test)]
mod tests;
mod timers;
mod transition;
mod working_set;

pub(crate) use outbox::HELD;

use crate::catalog::{Catalog, Documents};
use crate::clock::{Clock, ClockKind};
use crate::connector::Connector;
use crate::decider::Decider;
use crate::engine::{Command, Progress, Refused};
use crate::meters::Meters;
use batch::{After, OpenBatch, Reply};
use cadenza_core::event::Event;
use cadenza_core::id::{EffectId, LeadId};
use cadenza_core::journal::Note;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_store::{
    BatchId, DeadContent, DeadLetter, DeadLetterId, DocumentKey, MARK_DAYS, OutboxWrite, Store, StoreError, TimerOwner,
};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Sendings under way at once by one connection.
    pub(crate) sendings_per_connection_max: usize,
    /// Intake stops when fewer bytes than this are free where the data lies.
    pub(crate) free_bytes_reserve: u64,
    /// For so many days it is remembered where decisions lie, for replaying them. The decisions themselves stay with
    /// their leads.
    pub(crate) decision_days_max: u32,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            batch_events_max: 64,
            batch_timers_max: 32,
            firing_leads_max: 32,
            sendings_max: 64,
            sendings_per_connection_max: 16,
            free_bytes_reserve: 256 * 1024 * 1024,
            decision_days_max: 90,
        }
    }
}

/// How often the room on the disk is looked at, in real time.
const SPACE_CHECK_EVERY: Duration = Duration::from_secs(1);
/// The longest the driver sleeps without looking at its clocks, in real time: the system's may be set, or have slept.
const SLEEP_MAX: Duration = Duration::from_secs(5);
/// How long after a failed commit the store is opened again, in real time; longer when it fails again at once.
const RECOVER_AFTER: Duration = Duration::from_millis(200);
const RECOVER_AFTER_MAX: Duration = Duration::from_secs(5);
/// How often some of the marks that are too old are dropped, in real time, so that intake hardly notices.
const FORGET_EVERY: Duration = Duration::from_millis(50);
/// The most pooled decisions under way. One that finds no place is asked again when its time-out comes.
const ASKED_MAX: usize = 1_024;
/// With more than this under way, schedules and releases bring no more.
const ASKED_MUCH: usize = 256;

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
    /// Attempts under way, by their connections.
    sending: BTreeMap<EffectId, String>,
    /// Dead letters that are driven again by the batch of this number: the store may still have them.
    exhuming: BTreeMap<DeadLetterId, u64>,
    /// Pooled decisions under way, by their leads.
    asking: BTreeMap<LeadId, u32>,
    /// What could not be read when its timer came.
    unreadable: BTreeSet<TimerOwner>,
    /// The batch that has had its share of what is due.
    due_in: Option<u64>,
    schedules: schedules::Schedules,
    watching: plugins::Watching,
    releasing: brakes::Releasing,
    advancing: Option<advance::Advance>,
    out_of_space: Option<u64>,
    space_checked: tokio::time::Instant,
    marks_forgotten: u32,
    forget_next: tokio::time::Instant,
    /// Failures of the store since it last took a batch.
    failures: u32,
    stopping: Option<oneshot::Sender<()>>,
}

impl Driver {
    /// A driver over an opened store.
    pub(crate) async fn new(parts: Parts, ends: Ends) -> Result<Self, StoreError> {
        let now = parts.clock.now();
        let counters = parts.store.counters().await?;
        let mut set = WorkingSet::new(counters);
        let mut open = OpenBatch::new(1);
        let mut schedules = schedules::Schedules::load(&parts.catalog, parts.store.as_ref(), now).await?;
        open.touched |= schedules.write_new(&mut set);
        let watching = plugins::Watching::load(parts.store.as_ref()).await?;
        Ok(Self {
            set,
            open,
            flushing: None,
            unsure: None,
            progress: Progress::default(),
            next_timer: now,
            next_send: now,
            timers_in: None,
            sends_in: None,
            sending: BTreeMap::new(),
            exhuming: BTreeMap::new(),
            asking: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            due_in: None,
            schedules,
            watching,
            releasing: brakes::Releasing::begin(&parts.catalog.brakes),
            advancing: None,
            out_of_space: None,
            space_checked: tokio::time::Instant::now(),
            marks_forgotten: 0,
            forget_next: tokio::time::Instant::now(),
            failures: 0,
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
        if self.stopping.is_none() {
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
        // An open batch without room waits for the one before it, which is being flushed.
        let room = self.open.events < self.parts.options.batch_events_max || !flushing;
        tokio::select! {
            biased;
            result = async { match &mut self.flushing { Some((_, flush)) => flush.await, None => std::future::pending().await } }, if flushing => {
                self.settle(result)
            }
            Some(result) = self.ends.results.recv(), if room => {
                self.take(result).await?;
                self.take_waiting().await
            }
            command = self.ends.commands.recv(), if room => match command {
                Some(command) => {
                    self.take(command).await?;
                    self.take_waiting().await
                }
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

    /// Takes what else is waiting, up to a batch; results get half of it at the most while commands are waiting.
    async fn take_waiting(&mut self) -> Result<(), StoreError> {
        let max = self.parts.options.batch_events_max;
        let mut taken = 1;
        for results_max in [max / 2, max] {
            while taken < results_max
                && let Ok(result) = self.ends.results.try_recv()
            {
                self.take(result).await?;
                taken += 1;
            }
            while taken < max
                && let Ok(command) = self.ends.commands.try_recv()
            {
                self.take(command).await?;
                taken += 1;
            }
        }
        Ok(())
    }

    async fn take(&mut self, command: Command) -> Result<(), StoreError> {
        match command {
            Command::Report(incoming, reply) => self.report(incoming, reply).await,
            Command::Lead { lead, id, event, reply } => self.lead_command(lead, id, event, reply).await,
            Command::Bury(cause, content, reply) => {
                match self.no_space() {
                    Some(refused) => drop(reply.send(Err(refused))),
                    None => self.bury(cause, content, reply),
                }
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
            Command::Answered(answer, kind, shadow) => self.answered(*answer, kind, shadow).await,
            Command::Compared(compared) => {
                self.compared(&compared);
                Ok(())
            }
            Command::Plugins(catalog, documents, reply) => {
                self.change_plugins(&catalog, documents, reply);
                Ok(())
            }
            Command::Stop(stopped) => {
                if let ClockKind::Scaled(_) = self.parts.clock.kind() {
                    self.keep_clock();
                }
                self.stopping = Some(stopped);
                Ok(())
            }
        }
    }

    /// A clock of our own goes on where it was.
    fn keep_clock(&mut self) {
        let now = self.parts.clock.now();
        self.open.documents.push((DocumentKey::Clock, Some(now.as_ms().to_be_bytes().to_vec())));
    }

    fn no_longer_asking(&mut self, lead: LeadId) {
        if let Some(count) = self.asking.get_mut(&lead) {
            *count -= 1;
            if *count == 0 {
                self.asking.remove(&lead);
            }
        }
    }

    /// Whether so many decisions are under way that nothing should be begun that brings more.
    fn is_asking_much(&self) -> bool {
        self.asking.len() > ASKED_MUCH
    }

    async fn lead_command(
        &mut self,
        lead: LeadId,
        id: String,
        event: Event,
        reply: oneshot::Sender<Result<crate::engine::Applied, Refused>>,
    ) -> Result<(), StoreError> {
        match self.load_lead(lead).await {
            Ok(true) => {}
            Ok(false) => {
                let _ = reply.send(Err(Refused::NotFound { what: "lead", id: lead.to_string() }));
                return Ok(());
            }
            Err(error) if error.is_damage() => {
                let _ = reply.send(Err(error.into()));
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let notes = self.transition(lead, id, event).await?;
        if notes.contains(&Note::Paused(false)) {
            self.open.after.push(After::Release { leads: false });
        }
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
        tracing::warn!(
            letter = crate::views::outbox::show_id(id),
            cause = letter.cause,
            "a delivery lies with the dead letters"
        );
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
        tracing::info!(digest = %catalog.workspace.digest, "workspace applied");
        let catalog = Arc::new(catalog.with_brakes(self.parts.catalog.brakes.as_ref().clone()));
        let schedules = schedules::Schedules::load(&catalog, self.parts.store.as_ref(), now).await?;
        self.schedules = schedules.going_on_from(&self.schedules);
        self.open.touched |= self.schedules.write_new(&mut self.set);
        self.parts.decider.use_plugins(&catalog);
        self.parts.catalog = Arc::clone(&catalog);
        self.open.documents.extend(documents);
        self.open.after.push(After::Publish(catalog));
        // There may be connections now that there were not.
        self.open.after.push(After::Release { leads: false });
        self.open.replies.push(Reply::Done(reply));
        Ok(())
    }

    /// Timers, firings, releases and the outbox: of each a share in every batch, which leaves its room for commands.
    async fn do_what_is_due(&mut self) -> Result<(), StoreError> {
        if self.due_in == Some(self.open.number) {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let (events, empty) = (self.open.events, self.open.is_empty());
        if self.timers_in.is_none() && self.next_timer <= now {
            self.fire_timers(now).await?;
        }
        if self.sends_in.is_none() && self.next_send <= now {
            self.begin_sendings(now).await?;
        }
        self.fire_schedules(now).await?;
        self.release_further(now).await?;
        self.keep_watching(now).await?;
        if self.open.events > events || empty != self.open.is_empty() {
            self.open.events = events;
            self.due_in = Some(self.open.number);
        }
        self.forget_old_marks(now).await
    }

    /// Marks older than they are promised for are dropped, some at a time.
    async fn forget_old_marks(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let today = day(now);
        if self.marks_forgotten != today && self.forget_next <= tokio::time::Instant::now() {
            if self.parts.store.forget_marks(today.saturating_sub(MARK_DAYS)).await? {
                self.marks_forgotten = today;
            }
            self.forget_next = tokio::time::Instant::now() + FORGET_EVERY;
        }
        Ok(())
    }

    /// How long until something falls due, in real time.
    fn sleep(&self) -> Duration {
        if self.due_in == Some(self.open.number) {
            // This batch has had its share; the next one begins when the one before it is durable.
            return SLEEP_MAX;
        }
        let timers = if self.timers_in.is_none() { self.next_timer } else { Timestamp::MAX };
        let sends = if self.sends_in.is_none() { self.next_send } else { Timestamp::MAX };
        let next = timers.min(sends).min(self.next_firing()).min(self.next_release());
        let due = if next == Timestamp::MAX { None } else { self.parts.clock.until(next) };
        let limit = match self.out_of_space {
            _ if self.marks_forgotten != day(self.parts.clock.now()) => FORGET_EVERY,
            Some(_) => SPACE_CHECK_EVERY,
            None => SLEEP_MAX,
        };
        due.unwrap_or(limit).min(limit).min(self.watching.sleep_max())
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
        self.take_back_sendings();
        let number = self.open.number;
        let mut open = std::mem::replace(&mut self.open, OpenBatch::new(number + 1));
        let batch = self.set.batch(&mut open, self.parts.store.epoch(), self.parts.clock.now());
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
        self.failures = 0;
        self.set.settled(open.number);
        self.exhuming.retain(|_, number| *number > open.number);
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

    /// A batch is durable: who waited hears so, and what it began leaves. What came into force is seen before anybody is
    /// told that it did.
    fn deliver(&mut self, open: OpenBatch) {
        let (public, rest): (Vec<After>, Vec<After>) =
            open.after.into_iter().partition(|after| matches!(after, After::Publish(_)));
        public.into_iter().for_each(|after| self.carry_out(after));
        open.replies.into_iter().for_each(Reply::send);
        rest.into_iter().for_each(|after| self.carry_out(after));
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
            After::Ask(mut question) => {
                let results = self.ends.results_to.clone();
                let (kind, shadow) = (question.kind, question.shadow.take());
                self.parts.decider.ask_pooled(*question, move |answer| {
                    let _ = results.send(Command::Answered(Box::new(answer), kind, shadow));
                });
            }
            After::Watch(watched) => self.begin_watching(*watched),
            After::Forget(id) => {
                self.sending.remove(&id);
                self.next_send = self.next_send.min(self.parts.clock.now());
            }
            After::Publish(catalog) => {
                self.ends.catalog.send_replace(catalog);
            }
            After::Release { leads } => self.releasing.go(leads),
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
        if let Some(advance) = &mut self.advancing {
            advance.undone();
        }
        if self.failures > 0 {
            tokio::time::sleep((RECOVER_AFTER * self.failures).min(RECOVER_AFTER_MAX)).await;
        }
        self.failures = self.failures.saturating_add(1);
        while let Err(error) = self.reopen(&refused).await {
            tracing::error!(%error, "the store cannot be opened again yet");
            if let Some(open) = &mut self.unsure {
                // Its fate is found out later; nobody is kept waiting for that. A retry finds a duplicate, or does it.
                open.replies.drain(..).for_each(|reply| reply.fail(refused.clone()));
            }
            self.refuse_waiting(&refused);
            if self.stopping.is_some() {
                break;
            }
            tokio::time::sleep(RECOVER_AFTER).await;
        }
        self.progress.submitted = self.progress.submitted.max(number);
        self.progress.settled = self.progress.submitted;
        self.progress.failures += 1;
        self.ends.progress.send_replace(self.progress);
        self.look_at_space();
    }

    /// Nothing of a batch was kept: attempts it would have begun or ended are begun anew from the store.
    fn undo(&mut self, open: OpenBatch, refused: &Refused) {
        for after in &open.after {
            match after {
                After::Send(row, _) => drop(self.sending.remove(&row.id)),
                After::Forget(id) => drop(self.sending.remove(id)),
                After::Ask(question) => self.no_longer_asking(question.run.lead()),
                After::Watch(_) | After::Publish(_) | After::Release { .. } => {}
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
        self.releasing = brakes::Releasing::begin(&self.parts.catalog.brakes);
        self.exhuming.clear();
        self.set = WorkingSet::new(self.parts.store.counters().await?);
        self.schedules = schedules::Schedules::load(&self.parts.catalog, self.parts.store.as_ref(), now).await?;
        self.open.touched |= self.schedules.write_new(&mut self.set);
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
