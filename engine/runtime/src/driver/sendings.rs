//! The outbox: what is due is gated, marked as started in a commit, and sent when that commit is durable. Results come
//! back as commands. Every attempt of a row leaves under one idempotency key, its id.

use super::batch::After;
use super::desk::Desk;
use super::lanes::{Lanes, Place};
use super::rendering::{GIVEN_UP, Rendering};
use crate::courier::{RetryLimits, SendError};
use crate::render::{render_email, unrendered};
use cadenza_core::effect::{Message, Outgoing};
use cadenza_core::event::{Delivery, Event};
use cadenza_core::expr::Object;
use cadenza_core::gate::{self, Permit, Reason, Verdict};
use cadenza_core::heart::Found;
use cadenza_core::id::EffectId;
use cadenza_core::identity::IdentityKind;
use cadenza_core::lead::{Channel, Lead};
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_store::{DeadContent, DeadLetter, DeadLetterId, OutboxWrite, StoreError};
use std::sync::Arc;

/// When rows fall due that wait for somebody to release what holds them: a paused connection, workflow or lead, or a
/// connection that is gone. They lie behind all others and are looked at when something is released.
pub const HELD: Timestamp = Timestamp::MAX;
/// Rows read at a time.
const PAGE: usize = 128;
/// The most rows looked at in one go, those of connections without room included; the next go begins behind them.
const LOOKED_AT_MAX: usize = 1_024;
/// The most rows begun, put off or held in one batch.
const HANDLED_MAX: usize = 64;

enum Gate {
    Go(Option<Permit>),
    Later(Timestamp, Reason),
    Never(String),
}

/// What is on its way out.
pub(super) struct Sendings {
    /// Attempts under way, and who may send next.
    pub(super) lanes: Lanes,
    /// Which mail is being rendered.
    rendering: Rendering,
    /// Not later than the next row of the outbox.
    next: Timestamp,
    /// The batch that carries the attempts begun last: no rows are looked for before it has settled.
    begun_in: Option<u64>,
}

impl Sendings {
    pub(super) const fn new(lanes: Lanes, rendering: Rendering, now: Timestamp) -> Self {
        Self { lanes, rendering, next: now, begun_in: None }
    }

    /// When rows are looked for next.
    pub(super) const fn next(&self) -> Timestamp {
        if self.begun_in.is_none() { self.next } else { Timestamp::MAX }
    }

    /// The store has what this batch wrote.
    pub(super) fn settled(&mut self, batch: u64) {
        self.begun_in.take_if(|number| *number <= batch);
    }

    /// A row will be found at this time from now on.
    pub(super) fn placed(&mut self, via: &str, due: Timestamp) {
        self.lanes.placed(via, due);
        self.next = self.next.min(due);
    }

    /// The result of an attempt is durable.
    pub(super) fn ended(&mut self, id: EffectId, now: Timestamp) {
        self.lanes.end(id);
        self.next = self.next.min(now);
    }

    /// What is in the store is no longer known: everything is looked at anew.
    pub(super) fn forget(&mut self, now: Timestamp) {
        (self.next, self.begun_in) = (now, None);
        self.lanes.forget_places();
    }

    /// Somebody wants a row tried again.
    pub(super) fn forgive(&mut self, row: EffectId) {
        self.rendering.forgive(row);
    }

    /// Begins attempts for rows that are due. Rows are read from the store, and the outbox of the open batch is not in it yet.
    pub(super) async fn begin(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        if self.next() > now {
            return Ok(());
        }
        let (mut looked_at, mut handled) = (0, 0);
        self.next = 'look: loop {
            let mut before: Option<Place> = self.lanes.next_place();
            let rows = desk.store.outbox(before, now, PAGE).await?;
            let last = rows.len() < PAGE;
            for row in rows {
                let place = (row.due, row.id);
                looked_at += 1;
                if self.lanes.takes(&row.via, place, before) {
                    handled += self.begin_one(desk, row, now).await?;
                }
                before = Some(place);
                if handled >= HANDLED_MAX {
                    self.lanes.looked_up_to(place);
                    break 'look now;
                }
            }
            if let Some(place) = before {
                self.lanes.looked_up_to(place);
            }
            if last {
                // Those that found no room wait for a result, which looks again.
                break next_after(desk, now).await?;
            }
            if looked_at >= LOOKED_AT_MAX {
                break now;
            }
        };
        if handled > 0 {
            self.begun_in = Some(desk.open.number);
        }
        Ok(())
    }

    /// Begins an attempt; says how much of the batch's share it took.
    async fn begin_one(&mut self, desk: &mut Desk, mut row: Outgoing, now: Timestamp) -> Result<usize, StoreError> {
        let was_due = row.due;
        if desk.holds(&row) {
            return Self::defer(desk, row, HELD, Reason::Held).await.map(|()| 1);
        }
        let may_have_left = row.started_at.is_some();
        let permit = match ask_gate(desk, &row, now).await? {
            Gate::Go(permit) => permit,
            Gate::Later(at, why) => return Self::defer(desk, row, at, why).await.map(|()| 1),
            Gate::Never(why) => {
                desk.open.outbox.push(OutboxWrite::Remove { due: was_due, id: row.id });
                return desk.tell_of(&row, Delivery::HeldBack(why)).await.map(|()| 1);
            }
        };
        self.render(desk, &mut row, now).await?;
        // What nobody can have received goes to the address that the lead has now.
        if !may_have_left
            && let Message::Email { rendered: Some(mail), .. } = &mut row.message
            && let Some(address) = desk.state(row.lead).and_then(|state| state.lead.text_of(IdentityKind::Email))
            && mail.to != address
        {
            address.clone_into(&mut mail.to);
        }
        // A template that was stopped took milliseconds: the next one waits for the next batch.
        let stopped = matches!(row.message, Message::Email { rendered: None, .. });
        row.tries = row.tries.saturating_add(1);
        row.started_at = Some(now);
        self.lanes.begin(row.id, &row.via);
        desk.open.outbox.push(OutboxWrite::Update { was_due, row: row.clone() });
        desk.open.after.push(After::Send(Box::new(row), permit, may_have_left));
        Ok(if stopped { HANDLED_MAX } else { 1 })
    }

    /// Renders a mail that was not rendered yet; one that ended two lives of the engine is given up.
    async fn render(&self, desk: &mut Desk, row: &mut Outgoing, now: Timestamp) -> Result<(), StoreError> {
        let catalog = Arc::clone(&desk.catalog);
        let Some(script) = unrendered(&catalog, &row.message) else { return Ok(()) };
        let account = desk.state(row.lead).and_then(|state| state.lead.account);
        let account = desk.facts(account.filter(|_| script.may_name(Object::Account))).await?;
        if self.rendering.ends_lives(row.id) {
            row.last_error = Some(GIVEN_UP.to_owned());
        } else if let Some(state) = desk.state(row.lead) {
            let id = row.id;
            self.rendering.under_mark(id, || render_email(&catalog, state, account.as_ref(), row, now));
        }
        Ok(())
    }

    /// Puts a row off, and tells its lead when that is for another reason or until another time than before.
    pub(super) async fn defer(
        desk: &mut Desk,
        mut row: Outgoing,
        at: Timestamp,
        why: Reason,
    ) -> Result<(), StoreError> {
        let verdict = Verdict::NotBefore { at, why };
        if let Some(channel) = row.message.touch()
            && row.deferred.replace(verdict) != Some(verdict)
        {
            desk.tell(row.lead, row.id.to_string(), Event::Deferred { channel, verdict }).await?;
        }
        desk.put_off(row.due, row, at);
        Ok(())
    }

    /// Takes back attempts of the open batch that something later in it forbids: an opt-out that is acknowledged with this
    /// batch must not be followed by a mail that left with it. The rows are asked about again. `changing`: somebody waits to
    /// change what is in force, a brake perhaps, and until then nothing more leaves.
    pub(super) fn take_back(&mut self, desk: &mut Desk, changing: bool) {
        let now = desk.clock.now();
        for after in std::mem::take(&mut desk.open.after) {
            match after {
                After::Send(row, _, may_have_left) if changing || !may_still_leave(desk, &row, may_have_left, now) => {
                    self.lanes.end(row.id);
                    let was_due = row.due;
                    let tries = row.tries.saturating_sub(1);
                    let started_at = row.started_at.filter(|_| may_have_left);
                    desk.put_off(was_due, Outgoing { tries, started_at, ..*row }, now);
                }
                after => desk.open.after.push(after),
            }
        }
    }

    /// How many attempts are under way by each connection, told where the engine stops.
    pub(super) fn tell_of_those_left(&self) {
        for (via, under_way) in self.lanes.counts() {
            tracing::warn!(
                via,
                under_way,
                "messages were still under way at the stop: whether they arrived is not known, and they leave again \
                 under the same keys after the start"
            );
        }
    }
}

impl Desk {
    pub(super) fn put_off(&mut self, was_due: Timestamp, mut row: Outgoing, due: Timestamp) {
        row.due = due;
        self.open.place(&row.via, due);
        self.open.outbox.push(OutboxWrite::Update { was_due, row });
    }

    /// Whether a brake, or the want of a connection, holds a row until further notice.
    pub(super) fn holds(&self, row: &Outgoing) -> bool {
        let catalog = &self.catalog;
        let workflow = match &row.message {
            Message::Email { workflow, .. } => catalog.definitions.name(workflow),
            Message::Notice { .. } => None,
        };
        catalog.brakes.connections.contains(&row.via)
            || !catalog.workspace.connections.contains_key(&row.via)
            || workflow.is_some_and(|workflow| catalog.brakes.paused.contains(workflow))
    }

    /// An attempt ended.
    pub(super) async fn sent(&mut self, mut row: Outgoing, result: Result<(), SendError>) -> Result<(), StoreError> {
        let now = self.clock.now();
        // Not looked at again before this result is in the store.
        self.open.after.push(After::Forget(row.id));
        let was_due = row.due;
        match result {
            Ok(()) => {
                self.meters.sent_total.add(1);
                self.open.outbox.push(OutboxWrite::Remove { due: was_due, id: row.id });
                self.tell_of(&row, Delivery::Sent).await
            }
            Err(error) => {
                self.meters.send_failures_total.add(1);
                let limits = RetryLimits::of(&self.catalog, &row.via);
                row.last_error = Some(error.cause.clone());
                row.started_at = None;
                if error.retry && row.tries < limits.attempts_max {
                    tracing::warn!(via = row.via, message = %row.id, tries = row.tries, cause = error.cause, "not sent yet");
                    row.due = now.plus_ms(limits.backoff_ms(row.tries, error.retry_after_ms));
                    self.open.place(&row.via, row.due);
                    self.open.outbox.push(OutboxWrite::Update { was_due, row });
                    return Ok(());
                }
                self.give_up(row, error, now).await
            }
        }
    }

    /// A message that is not tried again lies with the dead letters, and its lead hears so.
    async fn give_up(&mut self, row: Outgoing, error: SendError, now: Timestamp) -> Result<(), StoreError> {
        self.meters.dead_letters_total.add(1);
        tracing::warn!(
            via = row.via, message = %row.id, tries = row.tries, cause = error.cause,
            "a message is given up; it lies with the dead letters"
        );
        let id = DeadLetterId(row.id.0);
        let content = DeadContent::Outgoing(row.clone());
        let letter = DeadLetter { id, at: now, cause: error.cause.clone(), content, again: 0, last_at: None };
        self.open.outbox.push(OutboxWrite::Bury { was_due: row.due, letter });
        let attempts = if row.tries == 1 { "an attempt".to_owned() } else { format!("{} attempts", row.tries) };
        self.tell_of(&row, Delivery::Dead(format!("after {attempts}, {}", error.cause))).await
    }

    /// The lead hears what became of a touch; of a notice to a rep only that it did not get there.
    pub(super) async fn tell_of(&mut self, row: &Outgoing, ending: Delivery) -> Result<(), StoreError> {
        if row.message.touch().is_none() && !matches!(ending, Delivery::Dead(_)) {
            return Ok(());
        }
        let script = row.message.script().map(str::to_owned);
        let event = Event::Delivered { effect: row.id, run: row.run, attempt: row.attempt, ending, script };
        self.tell(row.lead, row.id.to_string(), event).await.map(drop)
    }
}

async fn next_after(desk: &Desk, now: Timestamp) -> Result<Timestamp, StoreError> {
    let after = Some((now, EffectId(u128::MAX)));
    let stored = desk.store.outbox(after, Timestamp::MAX, 1).await?;
    Ok(stored.first().map_or(Timestamp::MAX, |row| row.due))
}

/// Leave for one attempt. What is no touch needs none; a touch whose run has moved on is no longer wanted, unless an
/// attempt may have left already or a person wants it.
async fn ask_gate(desk: &mut Desk, row: &Outgoing, now: Timestamp) -> Result<Gate, StoreError> {
    let Some(channel) = row.message.touch() else { return Ok(Gate::Go(None)) };
    let catalog = Arc::clone(&desk.catalog);
    let state = match desk.lead(row.lead).await? {
        Found::One(state) => state,
        Found::Nothing => return Ok(Gate::Never("the lead is gone".to_owned())),
        // Nobody knows whether it may be contacted: held until it can be read again.
        Found::Damaged(_) => return Ok(Gate::Later(HELD, Reason::Held)),
    };
    if row.started_at.is_none() && !is_wanted(row, state) {
        return Ok(Gate::Never("the run has moved on".to_owned()));
    }
    let (verdict, permit) = gate::check(&state.lead, channel, &catalog.live.settings, now);
    Ok(match verdict {
        // An attempt that may have left is made again as it was: to the address that the lead had then.
        Verdict::Go => match bound_there(&row.message, &state.lead).filter(|_| row.started_at.is_some()) {
            Some(why) => Gate::Never(Reason::as_str(why).to_owned()),
            None => Gate::Go(permit),
        },
        Verdict::NotBefore { why: Reason::Paused, .. } => Gate::Later(HELD, Reason::Paused),
        Verdict::NotBefore { at, why } => Gate::Later(at, why),
        Verdict::Never(why) => Gate::Never(Reason::as_str(why).to_owned()),
    })
}

fn may_still_leave(desk: &Desk, row: &Outgoing, may_have_left: bool, now: Timestamp) -> bool {
    // A lead that is no longer in memory did not change in this batch.
    let allowed = match (row.message.touch(), desk.state(row.lead)) {
        (Some(channel), Some(state)) => {
            let (verdict, _) = gate::check(&state.lead, channel, &desk.catalog.live.settings, now);
            let wanted = may_have_left || is_wanted(row, state);
            verdict == Verdict::Go && wanted && bound_there(&row.message, &state.lead).is_none()
        }
        _ => true,
    };
    allowed && !desk.holds(row)
}

/// Whether the run that a row comes from still stands where it made it, or a person wants it whatever the run does.
fn is_wanted(row: &Outgoing, state: &LeadState) -> bool {
    row.redriven || state.runs.iter().any(|run| run.id == row.run && run.attempt == row.attempt)
}

/// What binds the address that a mail was written to, when that is not the lead's any more.
fn bound_there(message: &Message, lead: &Lead) -> Option<Reason> {
    let Message::Email { rendered: Some(mail), .. } = message else { return None };
    lead.bound_at(IdentityKind::Email, &mail.to, Channel::Email).map(Reason::from)
}
