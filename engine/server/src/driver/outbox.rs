//! The outbox: what is due is gated, marked as started in a commit, and sent when that commit is durable. Results come
//! back as commands. Every attempt of a row leaves under one idempotency key, its id.

use super::Driver;
use super::batch::After;
use crate::connector::render_email;
use crate::engine::{Refused, SendError};
use cadenza_core::effect::{Message, Outgoing};
use cadenza_core::event::{Delivery, Event};
use cadenza_core::gate::{self, Permit, Reason, Verdict};
use cadenza_core::time::{MINUTE_MS, Timestamp};
use cadenza_store::{DeadContent, DeadLetter, DeadLetterId, OutboxWrite, StoreError};
use tokio::sync::oneshot;

/// How long a row waits before it is looked at again when its connection is paused or gone, or its workflow paused.
const LOOK_AGAIN_MS: i64 = MINUTE_MS;

impl Driver {
    /// Begins attempts for rows that are due. Rows are read from the store, so only such as are durable leave.
    pub(super) async fn begin_sendings(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let room = self.parts.options.sendings_max.saturating_sub(self.sending.len());
        if room == 0 {
            // A result makes room and looks again.
            self.next_send = Timestamp::MAX;
            return Ok(());
        }
        let limit = self.sending.len() + room;
        let rows = self.parts.store.outbox(None, now, limit).await?;
        let full = rows.len() == limit;
        let mut begun = 0;
        for row in rows {
            if begun < room && !self.sending.contains(&row.id) {
                self.begin_sending(row, now).await?;
                begun += 1;
            }
        }
        self.next_send = if full && begun == room { now } else { self.next_send_after(now).await? };
        if begun > 0 {
            self.sends_in = Some(self.open.number);
        }
        Ok(())
    }

    async fn next_send_after(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let after = Some((now, cadenza_core::id::EffectId(u128::MAX)));
        let stored = self.parts.store.outbox(after, Timestamp::MAX, 1).await?;
        Ok(stored.first().map_or(Timestamp::MAX, |row| row.due))
    }

    async fn begin_sending(&mut self, mut row: Outgoing, now: Timestamp) -> Result<(), StoreError> {
        let was_due = row.due;
        if self.parts.catalog.brakes.connections.contains(&row.via)
            || !self.parts.connector.knows(&self.parts.catalog, &row.via)
        {
            row.due = now.plus_ms(LOOK_AGAIN_MS);
            self.open.first_send = self.open.first_send.min(row.due);
            self.open.outbox.push(OutboxWrite::Update { was_due, row });
            return Ok(());
        }
        let permit = match self.ask_gate(&row, now).await? {
            Gate::Go(permit) => permit,
            Gate::Later(at) => {
                row.due = at;
                self.open.first_send = self.open.first_send.min(at);
                self.open.outbox.push(OutboxWrite::Update { was_due, row });
                return Ok(());
            }
            Gate::Never(why) => {
                self.open.outbox.push(OutboxWrite::Remove { due: was_due, id: row.id });
                return self.tell(&row, Delivery::HeldBack(why)).await;
            }
        };
        if matches!(row.message, Message::Email { rendered: None, .. })
            && let Some(state) = self.set.lead(row.lead)
        {
            render_email(&self.parts.catalog, state, &mut row.message, now);
        }
        row.tries = row.tries.saturating_add(1);
        row.started_at = Some(now);
        self.sending.insert(row.id);
        self.open.outbox.push(OutboxWrite::Update { was_due, row: row.clone() });
        self.open.after.push(After::Send(Box::new(row), permit));
        Ok(())
    }

    /// Leave for one attempt. What is no touch needs none; a touch whose run has moved on is no longer wanted.
    async fn ask_gate(&mut self, row: &Outgoing, now: Timestamp) -> Result<Gate, StoreError> {
        let Some(channel) = row.message.touch() else { return Ok(Gate::Go(None)) };
        if !self.load_lead(row.lead).await? {
            return Ok(Gate::Never("the lead is gone".to_owned()));
        }
        let Some(state) = self.set.lead(row.lead) else { return Ok(Gate::Never("the lead is gone".to_owned())) };
        let run = state.runs.iter().find(|run| run.id == row.run);
        if run.is_none_or(|run| run.attempt != row.attempt) && row.tries == 0 {
            return Ok(Gate::Never("the run has moved on".to_owned()));
        }
        let catalog = &self.parts.catalog;
        let workflow = run.and_then(|run| catalog.definitions.get(&run.workflow));
        if workflow.is_some_and(|workflow| catalog.brakes.workflows.contains(&workflow.name)) {
            return Ok(Gate::Later(now.plus_ms(LOOK_AGAIN_MS)));
        }
        let (verdict, permit) = gate::check(&state.lead, channel, &self.parts.catalog.live.settings, now);
        Ok(match verdict {
            Verdict::Go => Gate::Go(permit),
            Verdict::NotBefore { at, .. } => Gate::Later(at),
            Verdict::Never(why) => Gate::Never(Reason::as_str(why).to_owned()),
        })
    }

    /// An attempt ended.
    pub(super) async fn sent(&mut self, mut row: Outgoing, result: Result<(), SendError>) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        // Not looked at again before this result is in the store.
        self.open.after.push(After::Forget(row.id));
        let was_due = row.due;
        match result {
            Ok(()) => {
                self.parts.meters.sent_total.add(1);
                self.open.outbox.push(OutboxWrite::Remove { due: was_due, id: row.id });
                self.tell(&row, Delivery::Sent).await
            }
            Err(error) => {
                self.parts.meters.send_failures_total.add(1);
                let limits = self.parts.connector.limits(&self.parts.catalog, &row.via);
                row.last_error = Some(error.cause.clone());
                row.started_at = None;
                if error.retry && row.tries < limits.attempts_max {
                    let backoff_ms = limits.backoff_ms(row.tries).max(error.retry_after_ms.map_or(0, |ms| ms as i64));
                    row.due = now.plus_ms(backoff_ms);
                    self.open.outbox.push(OutboxWrite::Update { was_due, row });
                    return Ok(());
                }
                self.parts.meters.dead_letters_total.add(1);
                let id = DeadLetterId(row.id.0);
                let content = DeadContent::Outgoing(row.clone());
                let letter = DeadLetter { id, at: now, cause: error.cause.clone(), content };
                self.open.outbox.push(OutboxWrite::Bury { was_due, letter });
                self.tell(&row, Delivery::Dead(error.cause)).await
            }
        }
    }

    /// The lead hears what became of a touch; a notice to a rep concerns it no further.
    async fn tell(&mut self, row: &Outgoing, ending: Delivery) -> Result<(), StoreError> {
        if row.message.touch().is_none() {
            return Ok(());
        }
        let event = Event::Delivered { effect: row.id, run: row.run, attempt: row.attempt, ending };
        self.transition(row.lead, row.id.to_string(), event).await.map(|_| ())
    }

    pub(super) async fn redrive(
        &mut self,
        id: DeadLetterId,
        reply: oneshot::Sender<Result<(), Refused>>,
    ) -> Result<(), StoreError> {
        let before = (id.0 > 0).then(|| DeadLetterId(id.0 - 1));
        let letter = self.parts.store.dead_letters(before, 1).await?.into_iter().find(|letter| letter.id == id);
        let Some(letter) = letter else {
            let _ = reply.send(Err(Refused::NotFound { what: "dead letter", id: format!("{:032x}", id.0) }));
            return Ok(());
        };
        self.open.outbox.push(OutboxWrite::Exhume(id));
        if let DeadContent::Outgoing(mut row) = letter.content {
            row.tries = 0;
            row.due = self.parts.clock.now();
            row.started_at = None;
            self.open.first_send = self.open.first_send.min(row.due);
            self.open.outbox.push(OutboxWrite::Put(row));
        }
        self.open.replies.push(super::batch::Reply::Done(reply));
        Ok(())
    }
}

enum Gate {
    Go(Option<Permit>),
    Later(Timestamp),
    Never(String),
}
