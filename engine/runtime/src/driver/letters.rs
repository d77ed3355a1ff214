//! Dead letters: what could not be done is kept for a person, who drives it again or throws it away. Retries of one delivery
//! share one letter.

use super::batch::Taken;
use super::desk::Desk;
use super::sendings::Sendings;
use crate::engine::{Exhume, Refused};
use cadenza_core::effect::{Due, Message, Outgoing};
use cadenza_core::event::Delivery;
use cadenza_core::heart::Unclear;
use cadenza_core::id::{EventId, hash64};
use cadenza_core::run::COMPLETED;
use cadenza_core::time::Timestamp;
use cadenza_store::{DeadContent, DeadLetter, DeadLetterId, DeliveryKey, OutboxWrite, StoreError, UnlessDamaged as _};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Letters that the store does not have yet, each with the number of its batch.
#[derive(Debug, Default)]
pub(super) struct Letters {
    /// Letters that are taken away; the store may still have them.
    exhuming: BTreeMap<DeadLetterId, u64>,
    /// Deliveries whose letters are being kept.
    burying: BTreeMap<DeliveryKey, (DeadLetter, u64)>,
}

impl Letters {
    /// The store has what this batch wrote.
    pub(super) fn settled(&mut self, batch: u64) {
        self.exhuming.retain(|_, number| *number > batch);
        self.burying.retain(|_, (_, number)| *number > batch);
    }
}

impl Letters {
    /// Keeps a letter. If the delivery has one already, that counts one more and takes the newest content.
    pub(super) async fn bury(
        &mut self,
        desk: &mut Desk,
        cause: String,
        content: DeadContent,
        reply: oneshot::Sender<Result<DeadLetterId, Refused>>,
    ) -> Result<(), StoreError> {
        let at = desk.clock.now();
        let id = DeadLetterId(EventId::new(at, hash64(format!("{content:?}").as_bytes())).0);
        let mut letter = DeadLetter { id, at, cause, content, again: 0, last_at: None };
        let (delivery, again) = (letter.delivery(), (letter.cause.clone(), Box::new(letter.content.clone())));
        if let Some(delivery) = delivery
            && let Some(before) = self.buried(desk, delivery).await?
        {
            letter = DeadLetter {
                id: before.id,
                at: before.at,
                again: before.again.saturating_add(1),
                last_at: Some(at),
                ..letter
            };
        } else {
            desk.meters.dead_letters_total.add(1);
        }
        let id = letter.id;
        tracing::warn!(
            letter = %id,
            cause = letter.cause,
            again = letter.again,
            "a delivery lies with the dead letters"
        );
        if let Some(delivery) = delivery {
            self.burying.insert(delivery, (letter.clone(), desk.open.number));
        }
        desk.open.outbox.push(OutboxWrite::Bury { was_due: Due::At(at), letter });
        desk.open.taken.push(Taken::Bury(again.0, again.1, reply, id));
        Ok(())
    }

    /// The letter of a delivery.
    async fn buried(&self, desk: &Desk, delivery: DeliveryKey) -> Result<Option<DeadLetter>, StoreError> {
        if let Some((letter, _)) = self.burying.get(&delivery) {
            return Ok(Some(letter.clone()));
        }
        match desk.store.dead_letter_of(delivery).await.unless_damaged()? {
            Some(id) => self.letter(desk, id).await,
            None => Ok(None),
        }
    }

    /// A letter that nobody has taken away yet.
    async fn letter(&self, desk: &Desk, id: DeadLetterId) -> Result<Option<DeadLetter>, StoreError> {
        if self.exhuming.contains_key(&id) {
            return Ok(None);
        }
        let before = id.0.checked_sub(1).map(DeadLetterId);
        let found = desk.store.dead_letters(before, 1).await?.into_iter().next();
        Ok(found.filter(|letter| letter.id == id))
    }

    /// Takes a letter away, to be driven again or for good.
    pub(super) async fn exhume(
        &mut self,
        desk: &mut Desk,
        sendings: &mut Sendings,
        id: DeadLetterId,
        what: &Exhume,
    ) -> Result<Result<(), Refused>, StoreError> {
        let Some(letter) = self.letter(desk, id).await? else {
            return Ok(Err(Refused::NotFound { what: "dead letter", id: id.to_string() }));
        };
        if let (Exhume::Redrive { even_so: false, .. }, DeadContent::Outgoing(row)) = (what, &letter.content)
            && let Some(why) = is_over(desk, row).await?
        {
            return Ok(Err(Refused::Needless { why }));
        }
        if let (Exhume::Redrive { .. }, DeadContent::Enrolment { .. }) = (what, &letter.content) {
            let why = "nobody can tell whether the lead belongs there: enrol it yourself, then throw this away";
            return Ok(Err(Refused::Needless { why }));
        }
        let delivery = letter.delivery();
        self.exhuming.insert(id, desk.open.number);
        if let Some(delivery) = delivery {
            self.burying.remove(&delivery);
        }
        desk.open.outbox.push(OutboxWrite::Exhume { id, delivery });
        tracing::info!(letter = %id, ?what, "a dead letter is taken away");
        if let DeadContent::Outgoing(mut row) = letter.content {
            sendings.forgive(row.id);
            match what {
                Exhume::Discard { by } => desk.tell_of(&row, Delivery::Discarded(by.clone())).await?,
                Exhume::Redrive { by, .. } => {
                    row.tries = 0;
                    row.redriven = true;
                    row.due = Due::At(desk.clock.now());
                    row.started_at = None;
                    desk.tell_of(&row, Delivery::Redriven(by.clone())).await?;
                    desk.open.place(&row.via, row.due);
                    desk.open.outbox.push(OutboxWrite::Put(row));
                }
            }
        }
        Ok(Ok(()))
    }
}

/// The letter for an enrolment whose condition has no answer. A lead has one for each workflow: the latest.
pub(super) fn of_enrolment(unclear: Unclear, now: Timestamp) -> DeadLetter {
    let Unclear { lead, workflow, event, cause } = unclear;
    let id = DeadLetterId(EventId::new(lead.timestamp(), hash64(format!("{lead}/{workflow}").as_bytes())).0);
    let cause = format!("whether the lead belongs into `{workflow}` has no answer: {cause}");
    let content = DeadContent::Enrolment { lead, workflow, event };
    DeadLetter { id, at: now, cause, content, again: 0, last_at: None }
}

/// Why a message is no longer wanted, if it is not. Someone who drives all letters again at once does not mean a first mail to a
/// lead that has answered meanwhile, nor the reminder of a call that was made.
async fn is_over(desk: &mut Desk, row: &Outgoing) -> Result<Option<&'static str>, StoreError> {
    // For a lead that cannot be read, the question is asked when the message is to leave.
    let Some(state) = desk.lead(row.lead).await?.one() else { return Ok(None) };
    Ok(match &row.message {
        // A run that completed did so without the mail, which may still leave. Runs too far back to be remembered count as ended
        // otherwise.
        Message::Email { .. } | Message::Text { .. } | Message::Request { .. }
            if state.runs.iter().all(|run| run.id != row.run)
                && !state.past.values().any(|past| past.run == row.run && past.ending == COMPLETED) =>
        {
            Some("the lead has left the workflow that wrote it")
        }
        Message::Notice { task, .. } if state.tasks.iter().all(|open| open.id != *task) => {
            Some("the task that it is about was done or withdrawn")
        }
        Message::Assigned { to, role: None } if state.lead.owner.as_ref() != Some(to) => {
            Some("the lead is somebody else's by now")
        }
        Message::Email { .. }
        | Message::Text { .. }
        | Message::Request { .. }
        | Message::Notice { .. }
        | Message::Assigned { .. }
        | Message::Words { .. } => None,
    })
}
