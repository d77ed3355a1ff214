//! The driver: the one writer. It takes commands, timers, firings and finished effects, runs transitions until they are
//! quiet, and commits them in batches; a batch is computed while the last one is being flushed.
//!
//! Nothing it computes is seen outside before it is durable: replies, sendings and pooled decisions leave when their batch
//! has settled. It owns every partition of the node, so an exchange between owners (a webhook's identity key, its lead,
//! the lead's account, the pool) is folded into one commit. Must not know: HTTP, YAML, sled.

mod advance;
mod batch;
mod brakes;
mod due;
mod identities;
mod intake;
mod lanes;
mod letters;
mod loads;
mod options;
mod outbox;
mod plugins;
mod pool;
mod raising;
mod rendering;
mod schedules;
mod seats;
mod settle;
#[cfg(test)]
mod tests;
mod timers;
mod transition;
mod versions;
#[cfg(test)]
mod who_is_who;
mod working_set;

pub use options::DriverOptions;
pub use outbox::HELD;
#[cfg(test)]
pub(crate) use pool::tests::question as sample_question;
pub(crate) use rendering::Rendering;

use crate::catalog::{Catalog, Documents};
use crate::clock::{Clock, ClockKind};
use crate::courier::Courier;
use crate::decider::Decider;
use crate::engine::{Command, Progress, Refused};
use crate::meters::Meters;
use batch::{After, OpenBatch, Reply};
use cadenza_core::event::Event;
use cadenza_core::id::LeadId;
use cadenza_core::journal::Note;
use cadenza_core::time::Timestamp;
use cadenza_store::{DocumentKey, Store, StoreError, TimerOwner};
use lanes::Lanes;
use letters::Letters;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use working_set::WorkingSet;

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
    pub(crate) courier: Arc<dyn Courier>,
    /// What is counted.
    pub(crate) meters: Arc<Meters>,
    /// Free bytes where the data lies.
    pub(crate) free_bytes: Box<dyn Fn() -> u64 + Send>,
    /// Which mail is being rendered.
    pub(crate) rendering: Rendering,
    /// Limits.
    pub(crate) options: DriverOptions,
}

/// The ends of the driver's channels that others hold.
pub(crate) struct Ends {
    /// For commands from outside; bounded.
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Says that it is to stop, and hears when it has. Apart from commands, so that it is heard whatever becomes of them.
    pub(crate) stop: mpsc::Receiver<oneshot::Sender<()>>,
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
    /// The batch that carries rows that were held: no others are looked for before it has settled.
    released_in: Option<u64>,
    /// Attempts under way, and who may send next.
    sending: Lanes,
    letters: Letters,
    pool: pool::Pool,
    /// What could not be read when its timer came.
    unreadable: BTreeSet<TimerOwner>,
    /// The batch that has had its share of what is due.
    due_in: Option<u64>,
    /// Until then nothing that is due is looked at.
    due_from: Duration,
    /// What was told of that cannot be read.
    told: crate::damage::Told,
    schedules: schedules::Schedules,
    watching: plugins::Watching,
    versions: versions::Versions,
    releasing: brakes::Releasing,
    /// Keys by older rules.
    raising: raising::Raising,
    seating: seats::Seating,
    advancing: Option<advance::Advance>,
    out_of_space: Option<u64>,
    space_checked: Duration,
    marks_forgotten: u32,
    forget_next: Duration,
    /// Failures of the store since it last took a batch.
    failures: u32,
    stopping: Option<Stopping>,
}

/// A stop that somebody waits for.
struct Stopping {
    stopped: oneshot::Sender<()>,
    /// Sendings under way are waited for until then.
    until: Duration,
}

impl Driver {
    /// A driver over an opened store.
    pub(crate) async fn new(parts: Parts, ends: Ends) -> Result<Self, StoreError> {
        let (now, elapsed) = (parts.clock.now(), parts.clock.elapsed());
        let counters = parts.store.counters().await?;
        let mut set = WorkingSet::new(counters);
        let mut open = OpenBatch::new(1);
        let mut schedules = schedules::Schedules::load(&parts.catalog, parts.store.as_ref(), now).await?;
        open.touched |= schedules.write_new(&mut set);
        let mut pool = pool::Pool::default();
        pool.find_lines(parts.store.as_ref()).await?;
        let watching = plugins::Watching::load(parts.store.as_ref(), elapsed).await?;
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
            released_in: None,
            sending: Lanes::new(parts.options.sendings),
            letters: Letters::default(),
            pool,
            unreadable: BTreeSet::new(),
            due_in: None,
            due_from: elapsed,
            told: crate::damage::Told::default(),
            schedules,
            watching,
            versions: versions::Versions::default(),
            releasing: brakes::Releasing::begin(&parts.catalog.brakes),
            raising: raising::Raising::begin(parts.store.as_ref()).await?,
            seating: seats::Seating::begin(),
            advancing: None,
            out_of_space: None,
            space_checked: elapsed,
            marks_forgotten: 0,
            forget_next: elapsed,
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
            self.hear_stop();
            if let Err(error) = self.turn().await {
                self.failed(error).await;
            }
            self.told.tell(self.parts.store.as_ref());
            if self.may_end() {
                self.end().await;
                return;
            }
        }
    }

    /// Whether somebody says that it is to stop. Asked in every turn and while the store fails, so that nothing it fails at
    /// can keep it running.
    pub(super) fn hear_stop(&mut self) {
        if let Ok(stopped) = self.ends.stop.try_recv() {
            self.begin_stop(stopped);
        }
    }

    fn begin_stop(&mut self, stopped: oneshot::Sender<()>) {
        if self.stopping.is_none()
            && let ClockKind::Scaled(_) = self.parts.clock.kind()
        {
            self.keep_clock();
        }
        let until = self.parts.clock.elapsed() + self.parts.options.sendings_drain;
        self.stopping = Some(Stopping { stopped, until });
    }

    /// Waits, but not for longer than until it is to stop.
    pub(super) async fn sleep_unless_stopped(&mut self, time: Duration) {
        tokio::select! {
            biased;
            Some(stopped) = self.ends.stop.recv() => self.begin_stop(stopped),
            () = self.parts.clock.sleep(time) => {}
        }
    }

    /// Whether a stop was asked for and everything is done that it waits for: what was taken in is durable, and sendings under
    /// way are over, within a limit.
    fn may_end(&self) -> bool {
        let over = |stop: &Stopping| self.sending.is_empty() || stop.until <= self.parts.clock.elapsed();
        self.is_quiet() && self.ends.commands.is_empty() && self.stopping.as_ref().is_some_and(over)
    }

    async fn end(&mut self) {
        self.tell_of_sendings_left();
        let decisions = self.pool.leads();
        if decisions > 0 {
            tracing::info!(decisions, "under way when it stopped: asked again at the next start");
        }
        if let Err(error) = self.parts.store.close().await {
            tracing::error!(%error, "the store did not close cleanly");
        }
        if let Some(Stopping { stopped, .. }) = self.stopping.take() {
            let _ = stopped.send(());
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
        if self.may_end() {
            return Ok(());
        }
        if self.advance_is_settled() {
            return self.advance_further().await;
        }
        let sleep = self.sleep();
        let (flushing, takes_commands) = (self.flushing.is_some(), self.takes_commands());
        // An open batch without room waits for the one before it, which is being flushed.
        let room = self.open.events < self.parts.options.batch_events_max || !flushing;
        let commands_over = self.ends.commands.is_closed() && self.ends.commands.is_empty();
        tokio::select! {
            biased;
            result = async { match &mut self.flushing { Some((_, flush)) => flush.await, None => std::future::pending().await } }, if flushing => {
                self.settle(result)
            }
            Some(stopped) = self.ends.stop.recv(), if self.stopping.is_none() => {
                self.begin_stop(stopped);
                Ok(())
            }
            Some(result) = self.ends.results.recv(), if room => {
                self.take(result).await?;
                self.take_waiting().await
            }
            command = self.ends.commands.recv(),
                if room && takes_commands && !(commands_over && self.stopping.is_some()) => match command {
                Some(command) => {
                    self.take(command).await?;
                    self.take_waiting().await?;
                    self.took_commands();
                    Ok(())
                }
                None => {
                    self.begin_stop(oneshot::channel().0);
                    Ok(())
                }
            },
            () = self.parts.clock.sleep(sleep), if room => {
                self.look_at_space();
                Ok(())
            }
        }
    }

    /// Takes what else is waiting, up to a batch; results get half of it at the most while commands are waiting.
    async fn take_waiting(&mut self) -> Result<(), StoreError> {
        let max = self.parts.options.batch_events_max;
        let (mut taken, mut took_commands) = (1, false);
        for results_max in [max / 2, max] {
            while taken < results_max
                && let Ok(result) = self.ends.results.try_recv()
            {
                self.take(result).await?;
                taken += 1;
            }
            while taken < max
                && self.takes_commands()
                && let Ok(command) = self.ends.commands.try_recv()
            {
                self.take(command).await?;
                (taken, took_commands) = (taken + 1, true);
            }
        }
        if took_commands {
            self.took_commands();
        }
        Ok(())
    }

    async fn take(&mut self, command: Command) -> Result<(), StoreError> {
        match command {
            Command::Report(incoming, reply) => self.report(incoming, reply).await,
            Command::Lead { lead, id, event, reply } => self.lead_command(lead, id, event, reply).await,
            Command::Bury(cause, content, reply) => match self.no_space() {
                Some(refused) => {
                    let _ = reply.send(Err(refused));
                    Ok(())
                }
                None => self.bury(cause, content, reply).await,
            },
            Command::Exhume(id, what, reply) => self.exhume(id, what, reply).await,
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
            Command::NoteFollowed(reply) => {
                self.note_followed(reply);
                Ok(())
            }
            Command::DropDefinitions(unfollowed, reply) => {
                self.drop_definitions(unfollowed, reply);
                Ok(())
            }
        }
    }

    fn tell_of_sendings_left(&self) {
        for (via, under_way) in self.sending.counts() {
            tracing::warn!(
                via,
                under_way,
                "messages were still under way at the stop: whether they arrived is not known, and they leave again \
                 under the same keys after the start"
            );
        }
    }

    /// A clock of our own goes on where it was.
    fn keep_clock(&mut self) {
        let now = self.parts.clock.now();
        self.open.documents.push((DocumentKey::Clock, Some(now.as_ms().to_be_bytes().to_vec())));
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
            self.open.after.push(After::ReleaseLead(lead));
        }
        if let Some(state) = self.set.lead(lead) {
            let applied = crate::engine::Applied { notes, state: Box::new(state.clone()) };
            self.open.replies.push(Reply::Applied(reply, applied));
        }
        Ok(())
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
        let before = std::mem::replace(&mut self.schedules, schedules::Schedules::none());
        self.schedules = schedules.going_on_from(before, now);
        self.open.touched |= self.schedules.write_new(&mut self.set);
        self.parts.decider.use_plugins(&catalog);
        self.parts.catalog = Arc::clone(&catalog);
        self.open.documents.extend(documents);
        self.open.after.push(After::Publish(catalog));
        // There may be connections now that there were not.
        self.open.after.push(After::Release { leads: false });
        // There may be tasks now of reps that there are no more.
        self.open.after.push(After::Seat);
        self.open.replies.push(Reply::Done(reply));
        Ok(())
    }
}
