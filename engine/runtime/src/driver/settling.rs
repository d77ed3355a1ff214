//! How a batch ends: it is handed to the store and settled when durable. If it fails, it is undone and the store is opened again.

use super::batch::{self, After, Attempt, OpenBatch, Taken};
use super::desk::Desk;
use super::inbox::{Inbox, Unheard};
use super::ledger::Ledger;
use super::letters::Letters;
use super::unanswered::Unanswered;
use super::walks::{Raising, Seating};
use super::watching::Watching;
use super::{Driver, begins_a_batch, brakes, firings};
use crate::courier::Ended;
use crate::engine::{Progress, Refused, Request};
use crate::render::requests;
use cadenza_core::effect::{Due, Outgoing};
use cadenza_store::{Batch, BatchId, StoreError, Weight};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long after a failed commit the store is opened again, in real time; longer when it fails again at once.
const RECOVER_AFTER: Duration = Duration::from_millis(200);
const RECOVER_AFTER_MAX: Duration = Duration::from_secs(5);
/// How long what is due waits after damage that no read could step over. Requests go on meanwhile.
const DUE_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How many times in a row work that conflicts with other writers is done again before its callers are told.
const CONFLICTS_MAX: u32 = 8;

type Flush = Pin<Box<dyn Future<Output = Result<Weight, StoreError>> + Send>>;

#[derive(Default)]
pub(super) struct Settling {
    /// The batch that is being flushed, with what waits for it.
    flushing: Option<(OpenBatch, Flush)>,
    /// A batch whose commit failed. Whether it was kept is known once the store is open again.
    unsure: Option<OpenBatch>,
    progress: Progress,
    /// Failures of the store since it last took a batch.
    failures: u32,
    /// Batches that conflicted with other writers since the store last took one.
    conflicts: u32,
}

impl Settling {
    pub(super) const fn is_flushing(&self) -> bool {
        self.flushing.is_some()
    }

    /// The last batch that the store has.
    pub(super) const fn settled(&self) -> u64 {
        self.progress.settled
    }

    /// Waits for the batch that is being flushed, if there is one.
    pub(super) async fn flushed(&mut self) -> Result<Weight, StoreError> {
        match &mut self.flushing {
            Some((_, flush)) => flush.await,
            None => std::future::pending().await,
        }
    }

    /// Begins to write a batch.
    fn begin(&mut self, open: OpenBatch, batch: Batch, desk: &Desk) {
        self.progress.submitted = open.number;
        let flush: Flush = if batch.is_empty() {
            Box::pin(std::future::ready(Ok(Weight::default())))
        } else {
            desk.meters.commits_total.add(1);
            desk.meters.lead_writes_total.add(batch.leads.len() as u64);
            let store = Arc::clone(&desk.store);
            Box::pin(async move { store.commit(batch).await })
        };
        self.flushing = Some((open, flush));
    }
}

impl Driver {
    /// Hands the open batch to the store and begins the next one.
    pub(super) async fn hand_over(&mut self) -> Result<(), StoreError> {
        let changing = self.waiting.front().is_some_and(begins_a_batch);
        self.sendings.take_back(&mut self.desk, changing).await?;
        self.pasts.keep(&mut self.desk).await?;
        let desk = &mut self.desk;
        let number = desk.open.number;
        let mut open = std::mem::replace(&mut desk.open, OpenBatch::new(number + 1));
        let batch = desk.ledger.batch(&mut open, desk.store.epoch(), &desk.holding, desk.clock.now());
        self.versions.follow(desk, &batch);
        desk.meters.queue_depth.set(self.ends.requests.len() as u64);
        desk.meters.sendings_under_way.set(self.sendings.lanes.len() as u64);
        desk.meters.decisions_under_way.set(desk.pool.leads() as u64);
        self.settling.begin(open, batch, desk);
        self.ends.progress.send_replace(self.settling.progress);
        Ok(())
    }

    /// Settles the batch that was being flushed.
    pub(super) fn settle(&mut self, result: Result<Weight, StoreError>) -> Result<(), StoreError> {
        let Some((open, _)) = self.settling.flushing.take() else { return Ok(()) };
        match result {
            Ok(weight) => {
                self.desk.meters.commit_records_total.add(weight.records as u64);
                self.desk.meters.commit_bytes_total.add(weight.bytes as u64);
            }
            Err(error) => {
                self.settling.unsure = Some(open);
                return Err(error);
            }
        }
        (self.settling.failures, self.settling.conflicts) = (0, 0);
        self.settling.progress.settled = open.number;
        self.desk.ledger.settled();
        self.desk.next_timer = self.desk.next_timer.min(open.next_due);
        self.desk.pool.settled(open.number);
        self.letters.settled(open.number);
        self.deadlines.settled(open.number);
        self.inbox.settled(open.number);
        self.sendings.settled(open.number);
        self.releasing.settled(open.number);
        self.schedules.settled(open.number);
        for (via, due) in &open.placed {
            self.sendings.placed(via, *due);
        }
        self.ends.progress.send_replace(self.settling.progress);
        self.deliver(open);
        Ok(())
    }

    /// Answers whoever waits for a durable batch, and carries out what it began. Everybody can see what came into force before
    /// anybody is told that it did.
    fn deliver(&mut self, open: OpenBatch) {
        let (public, rest): (Vec<After>, Vec<After>) =
            open.after.into_iter().partition(|after| matches!(after, After::Publish(_)));
        public.into_iter().for_each(|after| self.carry_out(after));
        open.taken.into_iter().for_each(Taken::send);
        rest.into_iter().for_each(|after| self.carry_out(after));
    }

    fn carry_out(&mut self, after: After) {
        let results = || self.ends.results_to.clone();
        match after {
            After::Send(attempt) => {
                let (courier, results) = (Arc::clone(&self.courier), results());
                let Attempt { row, permit, .. } = *attempt;
                let catalog = Arc::clone(&self.desk.catalog);
                // The parts of an answer that a step keeps are extracted where it arrives, not in the driver.
                let done = move |row: Outgoing, ended: Ended| {
                    let reply = |answer| requests::reply(&catalog, &row, &answer);
                    let sent = ended.map(|answer| answer.map(reply));
                    let _ = results.send(Request::Sent(row, sent));
                };
                courier.send(Arc::clone(&self.desk.catalog), row, permit, Box::new(done));
            }
            After::Ask(mut question) => {
                let (kind, shadow, results) = (question.kind, question.shadow.take(), results());
                self.desk.decider.ask_pooled(*question, move |answer| {
                    let _ = results.send(Request::Answered(Box::new(answer), kind, shadow));
                });
            }
            After::Watch(watched) => self.watching.begin(&mut self.desk, *watched, results()),
            After::Forget(id) => self.sendings.ended(id, self.desk.clock.now()),
            After::Leave(lead, plugin) => {
                self.desk.pool.leave(lead, &plugin);
                self.desk.next_timer = self.desk.next_timer.min(self.desk.clock.now());
            }
            After::Publish(catalog) => drop(self.ends.catalog.send_replace(catalog)),
            After::LookAgain(lead, Due::OnRelease) => self.releasing.go_of(lead),
            After::LookAgain(lead, Due::At(at)) => self.sendings.look_again(lead, at),
            After::LookAgainAtAll => self.sendings.look_again_at_all(),
            After::Release { leads } => self.releasing.go(leads),
            After::Seat => self.seating = Seating::begin(),
        }
    }

    /// Another writer has changed what the failed batch was computed from. That batch and the one computed on top of it are
    /// undone, memory is read anew, and their commands are run again in order. After a few times the callers are told that it did
    /// not succeed.
    async fn done_again(&mut self, error: StoreError) -> Result<(), StoreError> {
        self.desk.meters.commits_conflicting_total.add(1);
        self.settling.conflicts += 1;
        let gives_up = self.settling.conflicts > CONFLICTS_MAX;
        tracing::info!(%error, gives_up, "another writer came first: what was computed is computed again");
        let refused = Refused::Failed(error.to_string());
        let number = self.desk.open.number;
        let behind = std::mem::replace(&mut self.desk.open, OpenBatch::new(number + 1));
        let mut again = VecDeque::new();
        for mut open in self.settling.unsure.take().into_iter().chain([behind]) {
            if gives_up {
                open.fail(&refused);
            }
            self.let_go(&open);
            again.extend(open.taken.into_iter().filter_map(Taken::again));
        }
        again.append(&mut self.waiting);
        self.waiting = again;
        if let Some(advance) = &mut self.advancing {
            advance.undone();
        }
        self.skip_to(number);
        self.read_anew().await
    }

    /// Notes that batches up to this one will not come any more.
    fn skip_to(&mut self, number: u64) {
        let progress = &mut self.settling.progress;
        progress.submitted = progress.submitted.max(number);
        progress.settled = progress.submitted;
        progress.failures += 1;
        self.ends.progress.send_replace(*progress);
    }

    /// Handles a failed commit or read: everything computed on top of it is undone, and the store is opened again.
    pub(super) async fn failed(&mut self, mut error: StoreError) {
        if matches!(error, StoreError::Conflict { .. }) {
            match self.done_again(error).await {
                Ok(()) => return,
                Err(worse) => error = worse,
            }
        }
        tracing::error!(%error, "the store failed; what was not durable is undone and the store is opened again");
        let refused = Refused::Failed(error.to_string());
        if let Some((open, flush)) = self.settling.flushing.take() {
            match flush.await {
                Ok(_) => self.deliver(open),
                Err(_) => self.settling.unsure = Some(open),
            }
        }
        let number = self.desk.open.number;
        let open = std::mem::replace(&mut self.desk.open, OpenBatch::new(number + 1));
        self.undo(open, &refused);
        if let Some(advance) = &mut self.advancing {
            advance.undone();
        }
        if error.is_damage() {
            // A request is told of the damage that it touches, so this came from something that was due, which can wait while
            // requests go on.
            self.due.from = self.desk.clock.elapsed() + DUE_AGAIN_AFTER;
        } else if self.settling.failures > 0 {
            self.sleep_unless_stopped((RECOVER_AFTER * self.settling.failures).min(RECOVER_AFTER_MAX)).await;
        }
        self.settling.failures = self.settling.failures.saturating_add(1);
        while let Err(error) = self.reopen(&refused).await {
            if matches!(error, StoreError::Fenced { .. } | StoreError::NotHeld { .. }) {
                return self.give_up(&error, &refused);
            }
            tracing::error!(%error, "the store cannot be opened again yet");
            if let Some(open) = &mut self.settling.unsure {
                // Whether it was kept is found out later, and nobody is made to wait for that. A retry finds a duplicate, or does
                // it.
                open.fail(&refused);
            }
            self.refuse_waiting(&refused);
            self.hear_stop();
            if self.stopping.is_some() {
                tracing::warn!("stopping without the store: what was not acknowledged may be missing, nothing else is");
                for left in self.waiting.drain(..) {
                    if let Request::Sent(row, _) = left {
                        self.sendings.lanes.end(row.id);
                    }
                }
                break;
            }
            self.sleep_unless_stopped(RECOVER_AFTER).await;
        }
        self.skip_to(number);
        self.room.look(&self.desk);
    }

    /// Ends this process's work because another one has taken the data over: it writes nothing more, answers whoever waits, and
    /// ends.
    fn give_up(&mut self, error: &StoreError, refused: &Refused) {
        tracing::error!(
            %error,
            "another process has taken the data over: this one gives it up and ends; what it acknowledged is kept"
        );
        self.ends.requests.close();
        if let Some(mut open) = self.settling.unsure.take() {
            open.fail(refused);
        }
        self.refuse_waiting(refused);
        self.given_up = true;
    }

    /// Undoes a batch of which nothing was kept. The attempts it would have begun are begun anew from the store. The results it
    /// handled are handled again, before anything else.
    fn undo(&mut self, mut open: OpenBatch, refused: &Refused) {
        self.let_go(&open);
        open.fail(refused);
        for result in open.taken.into_iter().filter_map(Taken::again).rev() {
            self.waiting.push_front(result);
        }
    }

    /// Gives up the places that a batch took and will not need.
    fn let_go(&mut self, open: &OpenBatch) {
        for after in &open.after {
            match after {
                After::Send(attempt) => self.sendings.lanes.end(attempt.row.id),
                After::Ask(question) => self.desk.pool.leave(question.run.lead(), &question.plugin),
                After::Forget(_)
                | After::Leave(..)
                | After::Watch(_)
                | After::Publish(_)
                | After::LookAgain(..)
                | After::LookAgainAtAll
                | After::Release { .. }
                | After::Seat => {}
            }
        }
    }

    /// Opens the store again, settles the batch whose fate is not known, and reads anew what is in memory.
    async fn reopen(&mut self, refused: &Refused) -> Result<(), StoreError> {
        let store = Arc::clone(&self.desk.store);
        store.recover().await?;
        let kept = match &self.settling.unsure {
            Some(open) => store.committed(BatchId(open.number)).await?,
            None => false,
        };
        match self.settling.unsure.take() {
            Some(open) if kept => self.deliver(open),
            Some(open) => {
                self.desk.meters.commits_failed_total.add(1);
                self.undo(open, refused);
            }
            None => {}
        }
        self.read_anew().await
    }

    /// Claims the partitions again, and reads anew what is in memory.
    async fn read_anew(&mut self) -> Result<(), StoreError> {
        let desk = &mut self.desk;
        let store = Arc::clone(&desk.store);
        desk.holding = self.tenure.again(store.as_ref(), desk.clock.elapsed()).await?;
        let now = desk.clock.now();
        // What was not durable was not in force.
        let in_force = Arc::clone(&self.ends.catalog.borrow());
        desk.put_in_force(in_force);
        desk.pool.find_lines(store.as_ref()).await?;
        self.pasts.forget();
        desk.ledger = Ledger::new(store.position());
        desk.next_timer = now;
        self.watching = Watching::load(store.as_ref(), desk.clock.elapsed()).await?;
        self.releasing = brakes::Releasing::begin(&desk.catalog.brakes);
        self.raising = Raising::begin(store.as_ref()).await?;
        desk.older_keys = !self.raising.is_over();
        self.letters = Letters::default();
        (self.inbox, desk.unheard) = (Inbox::begin(), Unheard::default());
        self.unanswered = Unanswered::begin();
        self.seating = Seating::begin();
        self.schedules = firings::Schedules::load(&desk.catalog, store.as_ref(), now).await?;
        desk.open.touched |= self.schedules.write_new(&mut desk.ledger);
        self.deadlines.forget();
        self.sendings.forget(now);
        Ok(())
    }

    /// Refuses requests while the store is closed, so that nobody is kept waiting. Results wait for it to open.
    fn refuse_waiting(&mut self, refused: &Refused) {
        let (results, requests): (VecDeque<Request>, VecDeque<Request>) =
            std::mem::take(&mut self.waiting).into_iter().partition(Request::is_result);
        self.waiting = results;
        requests.into_iter().for_each(|request| batch::refuse(request, refused));
        while let Ok(request) = self.ends.requests.try_recv() {
            batch::refuse(request, refused);
        }
    }
}
