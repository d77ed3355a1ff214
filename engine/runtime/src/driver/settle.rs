//! How a batch ends: handed to the store, settled when it is durable; undone when it is not, and the store opened again.

use super::batch::{self, After, OpenBatch, Reply};
use super::letters::Letters;
use super::plugins::Watching;
use super::seats::Seating;
use super::working_set::WorkingSet;
use super::{Driver, Flush, brakes, raising, schedules};
use crate::engine::{Command, Refused};
use cadenza_store::{BatchId, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// How long after a failed commit the store is opened again, in real time; longer when it fails again at once.
const RECOVER_AFTER: Duration = Duration::from_millis(200);
const RECOVER_AFTER_MAX: Duration = Duration::from_secs(5);
/// How long what is due waits after damage that no read could step over: commands go on meanwhile.
const DUE_AGAIN_AFTER: Duration = Duration::from_secs(10);

impl Driver {
    /// Hands the open batch to the store and begins the next one.
    pub(super) fn hand_over(&mut self) {
        self.take_back_sendings();
        let number = self.open.number;
        let mut open = std::mem::replace(&mut self.open, OpenBatch::new(number + 1));
        let batch = self.set.batch(&mut open, self.parts.store.epoch(), self.parts.clock.now());
        self.follow(&batch);
        self.progress.submitted = number;
        self.ends.progress.send_replace(self.progress);
        self.parts.meters.queue_depth.set(self.ends.commands.len() as u64);
        self.parts.meters.sendings_under_way.set(self.sending.len() as u64);
        self.parts.meters.decisions_under_way.set(self.pool.leads() as u64);
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
    pub(super) fn settle(&mut self, result: Result<(), StoreError>) -> Result<(), StoreError> {
        let Some((open, _)) = self.flushing.take() else { return Ok(()) };
        if let Err(error) = result {
            self.unsure = Some(open);
            return Err(error);
        }
        self.failures = 0;
        self.set.settled(open.number);
        self.letters.settled(open.number);
        for (via, due) in &open.placed {
            self.sending.placed(via, *due);
            self.next_send = self.next_send.min(*due);
        }
        self.progress.settled = open.number;
        self.ends.progress.send_replace(self.progress);
        if self.timers_in.is_some_and(|number| number <= open.number) {
            self.timers_in = None;
        }
        if self.sends_in.is_some_and(|number| number <= open.number) {
            self.sends_in = None;
        }
        self.released_in.take_if(|number| *number <= open.number);
        self.pool.settled(open.number);
        self.deliver(open);
        Ok(())
    }

    /// A batch is durable: who waited hears so, and what it began leaves. What came into force is seen before anybody is
    /// told that it did.
    pub(super) fn deliver(&mut self, open: OpenBatch) {
        let (public, rest): (Vec<After>, Vec<After>) =
            open.after.into_iter().partition(|after| matches!(after, After::Publish(_)));
        public.into_iter().for_each(|after| self.carry_out(after));
        open.replies.into_iter().for_each(Reply::send);
        rest.into_iter().for_each(|after| self.carry_out(after));
    }

    pub(super) fn carry_out(&mut self, after: After) {
        match after {
            After::Send(row, permit, _) => {
                let courier = Arc::clone(&self.parts.courier);
                let results = self.ends.results_to.clone();
                let done = move |row, result| {
                    let _ = results.send(Command::Sent(row, result));
                };
                courier.send(Arc::clone(&self.parts.catalog), *row, permit, Box::new(done));
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
                self.sending.end(id);
                self.next_send = self.next_send.min(self.parts.clock.now());
            }
            After::Publish(catalog) => {
                self.ends.catalog.send_replace(catalog);
            }
            After::ReleaseLead(lead) => self.releasing.go_of(lead),
            After::Release { leads } => self.releasing.go(leads),
            After::Seat => self.seating = Seating::begin(),
        }
    }

    /// A commit or a read failed: everything computed on it is undone and the store is opened again.
    pub(super) async fn failed(&mut self, error: StoreError) {
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
        if error.is_damage() {
            // No command touches what is damaged without being told so: it was something due, which can wait for commands.
            self.due_from = self.parts.clock.elapsed() + DUE_AGAIN_AFTER;
        } else if self.failures > 0 {
            self.sleep_unless_stopped((RECOVER_AFTER * self.failures).min(RECOVER_AFTER_MAX)).await;
        }
        self.failures = self.failures.saturating_add(1);
        while let Err(error) = self.reopen(&refused).await {
            tracing::error!(%error, "the store cannot be opened again yet");
            if let Some(open) = &mut self.unsure {
                // Its fate is found out later; nobody is kept waiting for that. A retry finds a duplicate, or does it.
                open.replies.drain(..).for_each(|reply| reply.fail(refused.clone()));
            }
            self.refuse_waiting(&refused);
            self.hear_stop();
            if self.stopping.is_some() {
                tracing::warn!("stopping without the store: what was not acknowledged may be missing, nothing else is");
                break;
            }
            self.sleep_unless_stopped(RECOVER_AFTER).await;
        }
        self.progress.submitted = self.progress.submitted.max(number);
        self.progress.settled = self.progress.submitted;
        self.progress.failures += 1;
        self.ends.progress.send_replace(self.progress);
        self.look_at_space();
    }

    /// Nothing of a batch was kept: attempts it would have begun or ended are begun anew from the store.
    pub(super) fn undo(&mut self, open: OpenBatch, refused: &Refused) {
        for after in &open.after {
            match after {
                After::Send(row, ..) => self.sending.end(row.id),
                After::Forget(id) => self.sending.end(*id),
                After::Ask(question) => self.pool.leave(question.run.lead(), &question.plugin),
                After::Watch(_) | After::Publish(_) | After::ReleaseLead(_) | After::Release { .. } | After::Seat => {}
            }
        }
        open.fail(refused);
    }

    /// Opens the store again, settles the batch whose fate was open, and reads what is in memory anew.
    pub(super) async fn reopen(&mut self, refused: &Refused) -> Result<(), StoreError> {
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
        self.watching = Watching::load(self.parts.store.as_ref(), self.parts.clock.elapsed()).await?;
        self.pool.find_lines(self.parts.store.as_ref()).await?;
        self.releasing = brakes::Releasing::begin(&self.parts.catalog.brakes);
        self.raising = raising::Raising::begin(self.parts.store.as_ref()).await?;
        self.letters = Letters::default();
        self.seating = Seating::begin();
        self.set = WorkingSet::new(self.parts.store.counters().await?);
        self.schedules = schedules::Schedules::load(&self.parts.catalog, self.parts.store.as_ref(), now).await?;
        self.open.touched |= self.schedules.write_new(&mut self.set);
        (self.next_timer, self.next_send) = (now, now);
        self.sending.forget_places();
        (self.timers_in, self.sends_in, self.released_in) = (None, None, None);
        Ok(())
    }

    /// While the store is closed nobody is kept waiting.
    pub(super) fn refuse_waiting(&mut self, refused: &Refused) {
        while let Ok(command) = self.ends.commands.try_recv() {
            batch::refuse(command, refused);
        }
    }
}
