//! The driver: the one writer. It takes requests, timers, firings and finished effects, has the heart compute what each does, and
//! commits the results in batches. A batch is computed while the previous one is being flushed.
//!
//! Nothing that it computes is seen outside before it is durable: replies, sendings and pooled decisions leave when their batch
//! has settled. It owns every partition of the node, so an exchange between owners (a webhook's identity key, its lead, the
//! lead's account, the pool) fits into one commit. Each part below knows its own subject and the desk, where commands are run
//! (`desk.rs`). Only this file knows all parts, and it decides nothing but whose turn it is. Must not know: HTTP, YAML, sled.

mod advance;
mod allowance;
mod arrivals;
mod batch;
mod brakes;
mod deadlines;
mod desk;
mod firings;
mod holding;
mod inbox;
mod lanes;
mod ledger;
mod letters;
mod options;
mod pasts;
mod pool;
mod rendering;
mod room;
mod sendings;
mod settling;
mod unanswered;
mod versions;
mod walks;
mod watching;

pub use options::DriverOptions;
#[cfg(test)]
pub(crate) use pool::tests::question as sample_question;
pub(crate) use rendering::Rendering;

use crate::catalog::{Catalog, Documents};
use crate::clock::{Clock, ClockKind};
use crate::courier::Courier;
use crate::decider::Decider;
use crate::engine::{Operation, Progress, Refused, Request};
use crate::meters::Meters;
use arrivals::Asked;
use batch::{After, OpenBatch, Taken};
use cadenza_core::time::Timestamp;
use cadenza_store::{DocumentKey, MARK_DAYS, Store, StoreError};
use desk::Desk;
use lanes::Lanes;
use ledger::Ledger;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// The longest the driver sleeps without looking at its clocks, in real time: the system's clock may be set, or the system may
/// have slept.
const SLEEP_MAX: Duration = Duration::from_secs(5);
/// How often some of the marks that are too old are dropped, in real time. They go a few at a time so that intake hardly notices.
const FORGET_EVERY: Duration = Duration::from_millis(50);

pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    /// What is in force.
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) decider: Decider,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) meters: Arc<Meters>,
    /// Returns how many bytes are free on the disk that holds the data.
    pub(crate) free_bytes: Box<dyn Fn() -> u64 + Send>,
    /// Remembers which mail is being rendered.
    pub(crate) rendering: Rendering,
    pub(crate) options: DriverOptions,
}

/// The driver's ends of the channels that it shares with others.
pub(crate) struct Ends {
    /// Requests from outside; bounded.
    pub(crate) requests: mpsc::Receiver<Request>,
    /// Requests to stop, each with where to answer once the driver has stopped. They have a channel of their own, so that they
    /// are heard whatever becomes of the other requests.
    pub(crate) stop: mpsc::Receiver<oneshot::Sender<()>>,
    /// Results of what the driver itself began; bounded by how much it begins.
    pub(crate) results: mpsc::UnboundedReceiver<Request>,
    /// A sender of results, handed to whoever carries something out for the driver.
    pub(crate) results_to: mpsc::UnboundedSender<Request>,
    /// The barrier for reads.
    pub(crate) progress: watch::Sender<Progress>,
    /// What is in force, for the API and the command line.
    pub(crate) catalog: watch::Sender<Arc<Catalog>>,
}

pub(crate) struct Driver {
    desk: Desk,
    ends: Ends,
    courier: Arc<dyn Courier>,
    /// Requests that were taken in but not begun.
    waiting: VecDeque<Request>,
    settling: settling::Settling,
    room: room::Room,
    letters: letters::Letters,
    deadlines: deadlines::Deadlines,
    inbox: inbox::Inbox,
    unanswered: unanswered::Unanswered,
    sendings: sendings::Sendings,
    schedules: firings::Schedules,
    releasing: brakes::Releasing,
    raising: walks::Raising,
    seating: walks::Seating,
    watching: watching::Watching,
    versions: versions::Versions,
    pasts: pasts::Pasts,
    /// When this process claims its partitions again.
    tenure: holding::Tenure,
    advancing: Option<advance::Advance>,
    stopping: Option<Stopping>,
    /// Set when another process writes now, so this one ends.
    given_up: bool,
    due: Due,
    /// Which unreadable records have been logged.
    told: crate::damage::Told,
}

/// A stop that somebody waits for.
struct Stopping {
    stopped: oneshot::Sender<()>,
    /// Until when sendings under way are waited for.
    until: Duration,
}

/// When what is due gets its share of a batch, and when old marks are dropped.
struct Due {
    /// The batch that has had its share of what is due.
    shared_in: Option<u64>,
    /// Nothing that is due is looked at before this.
    from: Duration,
    /// The day on which old marks were last dropped completely.
    marks_forgotten: u32,
    forget_next: Duration,
}

impl Driver {
    /// A driver over an opened store.
    pub(crate) async fn new(parts: Parts, ends: Ends) -> Result<Self, StoreError> {
        let Parts { store, clock, catalog, decider, courier, meters, free_bytes, rendering, options } = parts;
        let (now, elapsed) = (clock.now(), clock.elapsed());
        let (holding, tenure) = holding::Tenure::begin(store.as_ref(), options.lease, elapsed).await?;
        let mut ledger = Ledger::new(store.position());
        let mut open = OpenBatch::new(1);
        let mut schedules = firings::Schedules::load(&catalog, store.as_ref(), now).await?;
        open.touched |= schedules.write_new(&mut ledger);
        let mut pool = pool::Pool::new(options.decisions_max);
        pool.find_lines(store.as_ref()).await?;
        let watching = watching::Watching::load(store.as_ref(), elapsed).await?;
        let raising = walks::Raising::begin(store.as_ref()).await?;
        let releasing = brakes::Releasing::begin(&catalog.brakes);
        let older_keys = !raising.is_over();
        let lanes = Lanes::new(options.sendings);
        Ok(Self {
            desk: Desk {
                store,
                clock,
                catalog,
                decider,
                meters,
                options,
                pool,
                ledger,
                holding,
                open,
                next_timer: now,
                older_keys,
                unheard: inbox::Unheard::default(),
            },
            ends,
            courier,
            waiting: VecDeque::new(),
            settling: settling::Settling::default(),
            room: room::Room::new(free_bytes, elapsed),
            letters: letters::Letters::default(),
            deadlines: deadlines::Deadlines::default(),
            inbox: inbox::Inbox::begin(),
            unanswered: unanswered::Unanswered::begin(),
            sendings: sendings::Sendings::new(lanes, rendering, now),
            schedules,
            releasing,
            raising,
            seating: walks::Seating::begin(),
            watching,
            versions: versions::Versions::default(),
            pasts: pasts::Pasts::default(),
            tenure,
            advancing: None,
            stopping: None,
            given_up: false,
            due: Due { shared_in: None, from: elapsed, marks_forgotten: 0, forget_next: elapsed },
            told: crate::damage::Told::default(),
        })
    }

    /// Runs until it is told to stop and everything under way is durable, or until another process has taken the data over.
    pub(crate) async fn run(mut self) {
        self.room.look(&self.desk);
        loop {
            self.hear_stop();
            if let Err(error) = self.turn().await {
                self.failed(error).await;
            }
            if self.given_up {
                if let Some(Stopping { stopped, .. }) = self.stopping.take() {
                    let _ = stopped.send(());
                }
                return;
            }
            self.told.tell(self.desk.store.as_ref());
            if self.may_end() {
                self.end().await;
                return;
            }
        }
    }

    /// Checks for a request to stop. This happens in every turn and while the store fails, so that no failure of the store can
    /// keep the driver running.
    fn hear_stop(&mut self) {
        if let Ok(stopped) = self.ends.stop.try_recv() {
            self.begin_stop(stopped);
        }
    }

    fn begin_stop(&mut self, stopped: oneshot::Sender<()>) {
        if self.stopping.is_none()
            && let ClockKind::Scaled(_) = self.desk.clock.kind()
        {
            self.desk.keep_clock();
        }
        let until = self.desk.clock.elapsed() + self.desk.options.sendings_drain;
        self.stopping = Some(Stopping { stopped, until });
    }

    /// Waits, but no longer than until a request to stop.
    async fn sleep_unless_stopped(&mut self, time: Duration) {
        tokio::select! {
            biased;
            Some(stopped) = self.ends.stop.recv() => self.begin_stop(stopped),
            () = self.desk.clock.sleep(time) => {}
        }
    }

    /// Whether a stop was asked for and everything that it waits for is done: what was taken in is durable, and sendings under
    /// way are over or their time limit has passed.
    fn may_end(&self) -> bool {
        let over = |stop: &Stopping| self.sendings.lanes.is_empty() || stop.until <= self.desk.clock.elapsed();
        self.is_quiet()
            && self.waiting.is_empty()
            && self.ends.requests.is_empty()
            && self.stopping.as_ref().is_some_and(over)
    }

    async fn end(&mut self) {
        self.sendings.tell_of_those_left();
        let decisions = self.desk.pool.leads();
        if decisions > 0 {
            tracing::info!(decisions, "under way when it stopped: asked again at the next start");
        }
        if let Err(error) = self.desk.store.close().await {
            tracing::error!(%error, "the store did not close cleanly");
        }
        if let Some(Stopping { stopped, .. }) = self.stopping.take() {
            let _ = stopped.send(());
        }
    }

    /// Whether everything computed is durable.
    const fn is_quiet(&self) -> bool {
        !self.settling.is_flushing() && self.desk.open.is_empty()
    }

    /// One turn of the loop: hands over a batch when it may, then waits for whatever comes first.
    async fn turn(&mut self) -> Result<(), StoreError> {
        if !self.settling.is_flushing() && !self.desk.open.is_empty() {
            self.hand_over().await?;
        }
        if self.stopping.is_none() && self.waiting.is_empty() {
            self.do_what_is_due().await?;
        }
        if !self.settling.is_flushing() && !self.desk.open.is_empty() {
            // What was due has gone into a batch, which need not wait for a request.
            return Ok(());
        }
        if self.may_end() {
            return Ok(());
        }
        if self.waiting.front().is_some_and(|first| !begins_a_batch(first) || self.desk.open.is_empty()) {
            return self.take_waiting().await;
        }
        if self.advance_is_settled() {
            return self.advance_further();
        }
        if self.is_quiet() {
            // This also drops what was read for requests that were refused.
            self.desk.ledger.settled();
        }
        let (sleep, flushing, takes_requests) = (self.sleep(), self.settling.is_flushing(), self.takes_requests());
        // A full open batch waits for the one before it, which is being flushed. So does a request that begins a batch.
        let room = self.waiting.is_empty() && (self.desk.open.events < self.desk.options.batch_events_max || !flushing);
        let over = self.stopping.is_some() && self.ends.requests.is_closed() && self.ends.requests.is_empty();
        tokio::select! {
            biased;
            flushed = self.settling.flushed(), if flushing => self.settle(flushed),
            Some(stopped) = self.ends.stop.recv(), if self.stopping.is_none() => {
                self.begin_stop(stopped);
                Ok(())
            }
            Some(result) = self.ends.results.recv(), if room => {
                self.waiting.push_back(result);
                self.gather();
                self.take_waiting().await
            }
            request = self.ends.requests.recv(), if room && takes_requests && !over => match request {
                Some(request) => {
                    self.waiting.push_back(request);
                    self.gather();
                    self.took_requests();
                    self.take_waiting().await
                }
                None => {
                    self.begin_stop(oneshot::channel().0);
                    Ok(())
                }
            },
            () = self.desk.clock.sleep(sleep), if room => {
                self.room.look(&self.desk);
                Ok(())
            }
        }
    }

    /// Gathers what else is there, up to one batch. Results get at most half of it while requests are waiting.
    fn gather(&mut self) {
        let (max, takes_requests) = (self.desk.options.batch_events_max, self.takes_requests());
        for results_max in [max / 2, max] {
            while self.waiting.len() < results_max
                && let Ok(result) = self.ends.results.try_recv()
            {
                self.waiting.push_back(result);
            }
            while takes_requests
                && self.waiting.len() < max
                && let Ok(request) = self.ends.requests.try_recv()
            {
                self.waiting.push_back(request);
                self.took_requests();
            }
        }
    }

    /// Does what was gathered, in order, as far as it belongs into the open batch. What commands of the heart need is read for
    /// all of them together.
    async fn take_waiting(&mut self) -> Result<(), StoreError> {
        while let Some(first) = self.waiting.pop_front() {
            if begins_a_batch(&first) && !self.desk.open.is_empty() {
                self.waiting.push_front(first);
                return Ok(());
            }
            match Asked::of(first, &self.desk) {
                Ok(first) => self.compute(first).await?,
                Err(first) => self.take(*first).await?,
            }
        }
        Ok(())
    }

    /// Runs consecutive commands of the heart.
    async fn compute(&mut self, first: Asked) -> Result<(), StoreError> {
        let mut asked = VecDeque::from([first]);
        while let Some(next) = self.waiting.pop_front() {
            match Asked::of(next, &self.desk) {
                Ok(next) => asked.push_back(next),
                Err(other) => {
                    self.waiting.push_front(*other);
                    break;
                }
            }
        }
        let mut done = self.desk.prefetch(asked.iter().map(Asked::command), self.desk.clock.now()).await;
        while let Some(next) = asked.pop_front() {
            if done.is_ok() {
                done = next.run(&mut self.desk, &mut self.room).await;
            }
            if done.is_err() {
                // The request that failed has its answer. The others go on when the store is open again.
                asked.drain(..).rev().filter_map(Asked::into_request).for_each(|left| self.waiting.push_front(left));
            }
        }
        done
    }

    async fn take(&mut self, request: Request) -> Result<(), StoreError> {
        let Self { desk, letters, .. } = self;
        desk.open.taken.extend(request.as_result().map(Box::new).map(Taken::Result));
        match request {
            // These are commands of the heart: see `compute`.
            Request::Report(..) | Request::Lead { .. } => Ok(()),
            Request::Bury(cause, content, reply) => match self.room.refuses(desk) {
                Some(refused) => {
                    let _ = reply.send(Err(refused));
                    Ok(())
                }
                None => letters.bury(desk, cause, content, reply).await,
            },
            Request::Operate(operation, reply) => self.operate(operation, reply).await,
            Request::Advance(to, pace, reply) => {
                self.begin_advance(to, pace, reply);
                Ok(())
            }
            Request::Sent(row, result) => desk.sent(row, result).await,
            Request::Answered(answer, kind, shadow) => desk.answered(*answer, kind, shadow).await,
            Request::Compared(compared) => {
                self.watching.compared(desk, &compared);
                Ok(())
            }
        }
    }

    /// Carries out an operation. The caller is answered when it is durable, or at once if it is refused.
    async fn operate(
        &mut self,
        operation: Operation,
        reply: oneshot::Sender<Result<(), Refused>>,
    ) -> Result<(), StoreError> {
        let Self { desk, sendings, letters, .. } = self;
        match &operation {
            Operation::Exhume(id, what) => {
                if let Err(refused) = letters.exhume(desk, sendings, *id, what).await? {
                    let _ = reply.send(Err(refused));
                    return Ok(());
                }
            }
            Operation::Documents(documents) => desk.open.documents.extend(documents.iter().cloned()),
            Operation::Apply(catalog, documents) => self.apply(catalog, documents).await?,
            Operation::Brake(what, on) => self.releasing.brake(desk, what.clone(), *on),
            Operation::Plugins(catalog, documents) => {
                self.watching.change_plugins(desk, catalog, documents.clone());
            }
            Operation::NoteFollowed => self.versions.note(),
            Operation::DropDefinitions(unfollowed) => {
                // Answered with the next batch.
                self.versions.drop_unfollowed(desk, unfollowed.clone(), reply);
                return Ok(());
            }
        }
        self.desk.open.taken.push(Taken::Operation(operation, reply));
        Ok(())
    }

    async fn apply(&mut self, catalog: &Catalog, documents: &Documents) -> Result<(), StoreError> {
        let Self { desk, schedules, .. } = self;
        let now = desk.clock.now();
        tracing::info!(digest = %catalog.workspace.digest, "workspace applied");
        let catalog = Arc::new(catalog.with_brakes(desk.catalog.brakes.as_ref().clone()));
        let loaded = firings::Schedules::load(&catalog, desk.store.as_ref(), now).await?;
        let before = std::mem::replace(schedules, firings::Schedules::none());
        *schedules = loaded.going_on_from(before, now);
        desk.open.touched |= schedules.write_new(&mut desk.ledger);
        desk.put_in_force(Arc::clone(&catalog));
        desk.open.documents.extend(documents.iter().cloned());
        desk.open.after.push(After::Publish(catalog));
        // The workspace may have new connections.
        desk.open.after.push(After::Release { leads: false });
        desk.open.after.push(After::LookAgainAtAll);
        // There may now be tasks of reps who have left the team.
        desk.open.after.push(After::Seat);
        Ok(())
    }

    /// Timers, firings, releases, the tasks of people who left, and the outbox each get a share of every batch; the rest of it is
    /// left to requests.
    async fn do_what_is_due(&mut self) -> Result<(), StoreError> {
        let desk = &mut self.desk;
        if self.due.shared_in == Some(desk.open.number) || self.due.from > desk.clock.elapsed() {
            return Ok(());
        }
        let (now, settled) = (desk.clock.now(), self.settling.settled());
        self.tenure.keep(desk).await?;
        let (events, empty) = (desk.open.events, desk.open.is_empty());
        self.inbox.go_on(desk, now).await?;
        self.unanswered.go_on(desk, now).await?;
        self.deadlines.fire(desk, now).await?;
        self.sendings.begin(desk, now).await?;
        if self.unanswered.is_over() {
            self.deadlines.ask_who_waits(desk, settled, now).await?;
        }
        self.schedules.fire(desk, now).await?;
        self.releasing.go_on(desk, now).await?;
        self.raising.go_on(desk, settled, now).await?;
        self.seating.go_on(desk, now).await?;
        self.watching.keep(desk, now).await?;
        if desk.open.events > events || empty != desk.open.is_empty() {
            desk.open.events = events;
            self.due.shared_in = Some(desk.open.number);
        }
        self.due.forget_old_marks(desk, now).await
    }

    /// The next due time at which an advance of a virtual clock stops.
    fn next_event(&self) -> Timestamp {
        self.deadlines
            .next(&self.desk)
            .min(self.inbox.next())
            .min(self.unanswered.next())
            .min(self.sendings.next(&self.desk))
            .min(self.schedules.next_due())
            .min(self.releasing.next(&self.desk))
            .min(self.seating.next())
    }

    /// How long until something falls due, in real time.
    fn sleep(&self) -> Duration {
        let clock = &self.desk.clock;
        if let Some(stop) = &self.stopping {
            // Nothing more is begun.
            return stop.until.saturating_sub(clock.elapsed()).min(SLEEP_MAX);
        }
        if self.due.shared_in == Some(self.desk.open.number) || self.due.from > clock.elapsed() {
            // This batch has had its share, and the next begins when the previous one is durable.
            return SLEEP_MAX;
        }
        let next = self
            .deadlines
            .next(&self.desk)
            .min(self.inbox.next())
            .min(self.unanswered.next())
            .min(self.sendings.next(&self.desk))
            .min(self.schedules.next(&self.desk))
            .min(self.releasing.next(&self.desk))
            .min(self.raising.next(self.settling.settled()))
            .min(self.seating.next());
        let due = if next == Timestamp::MAX { None } else { clock.until(next) };
        let limit = match self.room.is_out() {
            _ if self.due.marks_forgotten != clock.now().day() => FORGET_EVERY,
            true => room::CHECK_EVERY,
            false => SLEEP_MAX,
        };
        let renewal = self.tenure.sleep_max(clock.elapsed());
        due.unwrap_or(limit).min(limit).min(self.watching.sleep_max()).min(renewal)
    }
}

impl Due {
    /// Drops marks older than they must be kept, some at a time.
    async fn forget_old_marks(&mut self, desk: &Desk, now: Timestamp) -> Result<(), StoreError> {
        let today = now.day();
        if self.marks_forgotten != today && self.forget_next <= desk.clock.elapsed() {
            if desk.store.forget_marks(today.saturating_sub(MARK_DAYS)).await? {
                self.marks_forgotten = today;
            }
            self.forget_next = desk.clock.elapsed() + FORGET_EVERY;
        }
        Ok(())
    }
}

impl Desk {
    /// Writes down where a clock of our own stands, so that it goes on from there.
    fn keep_clock(&mut self) {
        let now = self.clock.now();
        self.open.documents.push((DocumentKey::Clock, Some(now.as_ms().to_be_bytes().to_vec())));
    }
}

/// Whether a request changes what is in force. If so the batch before it ends, since one batch has one catalog.
const fn begins_a_batch(request: &Request) -> bool {
    matches!(request, Request::Operate(Operation::Apply(..) | Operation::Plugins(..) | Operation::Brake(..), _))
}
