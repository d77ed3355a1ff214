//! The outbox. A row that falls due is brought before the heart, which asks the gate. A message that may leave is marked as
//! started in that commit, and sent when the commit is durable. Results come back as commands. Every attempt of a row leaves
//! under the same idempotency key, the row's id.

use super::allowance::Allowances;
use super::batch::{After, Attempt};
use super::desk::Desk;
use super::lanes::{Lanes, Place};
use super::pool::Called;
use super::rendering::{GIVEN_UP, Rendering};
use crate::catalog::Catalog;
use crate::courier::{RetryLimits, SendError, Sent};
use crate::render::{render_message, requests, unrendered};
use cadenza_core::effect::{Departure, Due, Outgoing};
use cadenza_core::event::{Delivery, Event, Reply};
use cadenza_core::expr::Object;
use cadenza_core::gate::{self, Permit, Verdict};
use cadenza_core::heart::{Command, Found, Outcome, Rejected};
use cadenza_core::id::{EffectId, LeadId};
use cadenza_core::lead::Channel;
use cadenza_core::mailer::Unsure;
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::Connection;
use cadenza_store::{DeadContent, DeadLetter, DeadLetterId, OutboxWrite, Partitions, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows read at a time.
const PAGE: usize = 128;
/// The most rows looked at in one go, including those of connections without room. The next go begins behind them.
const LOOKED_AT_MAX: usize = 1_024;
/// The most rows begun, put off or held in one batch.
const HANDLED_MAX: usize = 64;

/// The messages that are on their way out.
pub(super) struct Sendings {
    /// Attempts under way, and who may send next.
    pub(super) lanes: Lanes,
    /// How much leaves by each connection in an hour.
    allowances: Allowances,
    /// Remembers which mail is being rendered.
    rendering: Rendering,
    /// No later than the next row of the outbox.
    next: Timestamp,
    /// The batch that carries the attempts begun last. No rows are looked for before it has settled.
    begun_in: Option<u64>,
    put_off: PutOff,
}

/// Rows that were put off and are looked at again before their time.
#[derive(Default)]
struct PutOff {
    /// Leads whose rows are looked at, each with the time until which they were put off, and the row to continue after.
    of_leads: BTreeMap<(Timestamp, LeadId), EffectId>,
    /// The place to continue after when all rows that were put off are looked at; none when that is over.
    all: Option<Place>,
}

impl PutOff {
    fn is_over(&self) -> bool {
        self.of_leads.is_empty() && self.all.is_none()
    }
}

impl Sendings {
    pub(super) fn new(lanes: Lanes, rendering: Rendering, now: Timestamp) -> Self {
        let (allowances, put_off) = (Allowances::default(), PutOff::default());
        let mut new = Self { lanes, allowances, rendering, next: now, begun_in: None, put_off };
        // The workspace may have changed while the engine was stopped.
        new.look_again_at_all();
        new
    }

    /// When rows are looked for next. They are not looked for until it is known which leads have events in the inbox, since those
    /// may forbid a message.
    pub(super) fn next(&self, desk: &Desk) -> Timestamp {
        match self.begun_in {
            Some(_) => Timestamp::MAX,
            None if !desk.unheard.is_known() => Timestamp::MAX,
            None if self.put_off.is_over() => self.next,
            None => Timestamp::from_ms(0),
        }
    }

    /// What put a lead's rows off until then is gone, or has changed.
    pub(super) fn look_again(&mut self, lead: LeadId, put_off_until: Timestamp) {
        self.put_off.of_leads.insert((put_off_until, lead), EffectId(lead.0));
    }

    /// What puts rows off may have changed for all leads.
    pub(super) fn look_again_at_all(&mut self) {
        self.put_off.all = Some((Due::At(Timestamp::from_ms(0)), EffectId(0)));
    }

    pub(super) fn settled(&mut self, batch: u64) {
        self.begun_in.take_if(|number| *number <= batch);
    }

    /// A row will be found under this time from now on.
    pub(super) fn placed(&mut self, via: &str, due: Timestamp) {
        self.lanes.placed(via, due);
        self.next = self.next.min(due);
    }

    /// The result of an attempt is durable.
    pub(super) fn ended(&mut self, id: EffectId, now: Timestamp) {
        self.lanes.end(id);
        self.next = self.next.min(now);
    }

    /// The contents of the store are no longer known: everything is looked at anew.
    pub(super) fn forget(&mut self, now: Timestamp) {
        (self.next, self.begun_in) = (now, None);
        self.look_again_at_all();
        self.lanes.forget_places();
    }

    /// Somebody wants a row tried again.
    pub(super) fn forgive(&mut self, row: EffectId) {
        self.rendering.forgive(row);
    }

    /// Begins attempts for rows that are due. Rows are read from the store, which does not yet have the outbox changes of the
    /// open batch.
    pub(super) async fn begin(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        if self.next(desk) > now || self.bring_forward(desk, now).await? {
            return Ok(());
        }
        let catalog = Arc::clone(&desk.catalog);
        self.lanes.open(now, |via| per_hour(&catalog, via, now).is_some());
        let (mut looked_at, mut handled) = (0, 0);
        self.next = 'look: loop {
            let mut before: Option<Place> = self.lanes.next_place();
            let rows = desk.store.outbox(&Partitions::ALL, before, Due::At(now), PAGE).await?;
            let last = rows.len() < PAGE;
            let rows: Vec<Command> = rows.into_iter().map(|row| Command::Depart(Box::new(row))).collect();
            let may_leave = |row: &&Command| matches!(row, Command::Depart(row) if self.lanes.has_room_for(row));
            desk.prefetch(rows.iter().filter(may_leave).take(HANDLED_MAX), now).await?;
            for command in rows {
                let Command::Depart(row) = &command else { continue };
                let place = (row.due, row.id);
                looked_at += 1;
                if self.lanes.takes(&row.via, place, before) {
                    handled += self.depart(desk, command, now).await?;
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
                // Rows that found no room wait for a result, after which the outbox is looked at again.
                break next_after(desk, now).await?;
            }
            if looked_at >= LOOKED_AT_MAX {
                break now;
            }
        };
        if let Some(opens) = self.lanes.open(now, |_| true) {
            self.next = self.next.min(opens);
        }
        if handled > 0 {
            self.begun_in = Some(desk.open.number);
        }
        Ok(())
    }

    /// Makes rows that were put off fall due now, a batch's share at a time, so that the gate is asked about them again. Returns
    /// whether there were any; if so, no rows are looked for until the store has the change.
    async fn bring_forward(&mut self, desk: &mut Desk, now: Timestamp) -> Result<bool, StoreError> {
        let mut found = self.put_off_of_leads(desk, now).await?;
        if found.is_empty() {
            found = self.put_off_of_all(desk, now).await?;
        }
        let any = !found.is_empty();
        for row in found {
            desk.put_off(row.due, row, Due::At(now));
        }
        self.begun_in = self.begun_in.or(any.then_some(desk.open.number));
        Ok(any)
    }

    /// Rows of leads for which something has changed. The rows of one lead are adjacent, since their ids begin with the lead's.
    async fn put_off_of_leads(&mut self, desk: &Desk, now: Timestamp) -> Result<Vec<Outgoing>, StoreError> {
        let mut found = Vec::new();
        while found.len() < HANDLED_MAX
            && let Some(((at, lead), after)) = self.put_off.of_leads.pop_first()
        {
            let due = Due::At(at);
            let page = desk.store.outbox(&Partitions::ALL, Some((due, after)), due, HANDLED_MAX).await?;
            if let Some(last) = page.last().filter(|last| page.len() == HANDLED_MAX && last.lead == lead) {
                self.put_off.of_leads.insert((at, lead), last.id);
            }
            found.extend(page.into_iter().take_while(|row| row.lead == lead).filter(|row| waits(row, now)));
        }
        Ok(found)
    }

    /// From a page of all rows that were put off, those on which the gate's verdict is different by now.
    async fn put_off_of_all(&mut self, desk: &mut Desk, now: Timestamp) -> Result<Vec<Outgoing>, StoreError> {
        let Some(after) = self.put_off.all else { return Ok(Vec::new()) };
        // Rows that have fallen due are looked at anyway.
        let after = after.max((Due::At(now), EffectId(u128::MAX)));
        let page = desk.store.outbox(&Partitions::ALL, Some(after), Due::At(Timestamp::MAX), HANDLED_MAX).await?;
        self.put_off.all = page.last().filter(|_| page.len() == HANDLED_MAX).map(|last| (last.due, last.id));
        let mut found = Vec::new();
        for row in page.into_iter().filter(|row| waits(row, now)) {
            if desk.says_otherwise(&row, now).await? {
                found.push(row);
            }
        }
        Ok(found)
    }

    /// Carries out what the heart says about a row that falls due. Returns how much of the batch's share it took.
    async fn depart(&mut self, desk: &mut Desk, command: Command, now: Timestamp) -> Result<usize, StoreError> {
        if let Command::Depart(row) = &command
            && row.message.is_of_lead()
            && desk.unheard.is_waited_for_by(row.lead)
        {
            // What the lead still has to hear may forbid the message.
            desk.put_off(row.due, Outgoing::clone(row), Due::OnRelease);
            return Ok(1);
        }
        let ran = desk.run_prefetched(&command, Called::Nobody, now).await?;
        let Command::Depart(row) = command else { return Ok(0) };
        let (was_due, may_have_left) = (row.due, row.started_at.is_some());
        match ran {
            Ok(Outcome::Departs(row, Departure::Now(permit))) => {
                return self.attempt(desk, *row, permit, may_have_left, now).await;
            }
            Ok(Outcome::Departs(row, Departure::Later(_))) => {
                let due = row.due;
                desk.put_off(was_due, *row, due);
            }
            Ok(Outcome::Departs(row, Departure::Never)) => {
                desk.open.outbox.push(OutboxWrite::Remove { due: was_due, id: row.id });
            }
            // A notice to a rep is about a lead, but does not need its record.
            Err(_) if !row.message.is_of_lead() && !desk.holds(&row) => {
                return self.attempt(desk, row.begun(now), None, may_have_left, now).await;
            }
            Err(Rejected::NoLead(lead)) => {
                tracing::warn!(message = %row.id, %lead, "a message to a lead that is not there any more is dropped");
                desk.open.outbox.push(OutboxWrite::Remove { due: was_due, id: row.id });
            }
            // Nobody knows whether the lead may be contacted, so the row is held until it can be read again.
            Err(_) | Ok(_) => desk.put_off(was_due, *row, Due::OnRelease),
        }
        Ok(1)
    }

    /// Begins an attempt. It leaves when the open batch is durable.
    async fn attempt(
        &mut self,
        desk: &mut Desk,
        mut row: Outgoing,
        permit: Option<Permit>,
        may_have_left: bool,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        if may_have_left && asks_when_unsure(&desk.catalog, &row.via) {
            let ended =
                SendError { cause: KILLED.to_owned(), retry: false, retry_after_ms: None, may_have_arrived: true };
            desk.sent(row, Err(ended)).await?;
            return Ok(1);
        }
        let is_first = row.message.is_unrendered();
        self.render(desk, &mut row, now).await?;
        // A template that was stopped has used milliseconds, so the next row waits for the next batch.
        let stopped = row.message.is_unrendered();
        if let Some(next) = self.allowances.take(&row.via, per_hour(&desk.catalog, &row.via, now), now) {
            self.lanes.close(&row.via, next);
        }
        self.lanes.begin(row.id, &row.via);
        desk.open.outbox.push(OutboxWrite::Update { was_due: row.due, row: row.clone() });
        let lead_seq = desk.state(row.lead).map(|state| state.seq);
        desk.open.after.push(After::Send(Box::new(Attempt { row, permit, may_have_left, is_first, lead_seq })));
        Ok(if stopped { HANDLED_MAX } else { 1 })
    }

    /// Renders a mail that is not rendered yet. One that ended two lives of the engine is given up.
    async fn render(&self, desk: &mut Desk, row: &mut Outgoing, now: Timestamp) -> Result<(), StoreError> {
        let catalog = Arc::clone(&desk.catalog);
        let Some(source) = unrendered(&catalog, &row.message) else { return Ok(()) };
        let account = desk.state(row.lead).and_then(|state| state.lead.account);
        let account = desk.facts(account.filter(|_| source.may_name(Object::Account))).await?;
        if self.rendering.ends_lives(row.id) {
            row.last_error = Some(GIVEN_UP.to_owned());
        } else if let Some(state) = desk.state(row.lead) {
            let id = row.id;
            self.rendering.under_mark(id, || render_message(&catalog, state, account.as_ref(), row, now));
        }
        Ok(())
    }

    /// Asks again about attempts of the open batch whose leads changed later in it: an opt-out that is acknowledged with this
    /// batch must not be followed by a mail that left with it. `changing` says that somebody waits to change what is in force,
    /// perhaps with a brake; then nothing more leaves before that.
    pub(super) async fn take_back(&mut self, desk: &mut Desk, changing: bool) -> Result<(), StoreError> {
        let now = desk.clock.now();
        loop {
            let again = desk.attempts_to_ask_about(changing);
            if again.is_empty() {
                return Ok(());
            }
            // None of them is under way, no matter what happens next.
            again.iter().for_each(|row| self.lanes.end(row.id));
            for row in again {
                if changing {
                    if row.message.touch().is_some() {
                        desk.tell(row.lead, row.id.to_string(), Event::TakenBack(row.id)).await?;
                    }
                    desk.put_off(row.due, row, Due::At(now));
                } else {
                    // The heart's answer for one row may change its lead, and with it the answer for another row.
                    let command = Command::Depart(Box::new(row));
                    desk.prefetch(std::iter::once(&command), now).await?;
                    self.depart(desk, command, now).await?;
                }
            }
        }
    }

    /// Logs for each connection how many attempts are under way when the engine stops.
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

/// What is known of an attempt with which an earlier life of the engine ended.
const KILLED: &str = "the engine ended while it was being handed over, and the server may have taken it";

/// Whether a message that may have arrived is kept for a person, and not sent again.
fn asks_when_unsure(catalog: &Catalog, via: &str) -> bool {
    let mailer = catalog.workspace.connections.get(via).and_then(Connection::mailer);
    // What is captured is kept under its key, so another attempt changes nothing.
    mailer.is_some_and(|mailer| mailer.unsure == Unsure::Ask && mailer.capture.is_none())
}

/// How many messages may leave by a connection in an hour of today.
fn per_hour(catalog: &Catalog, via: &str, now: Timestamp) -> Option<u32> {
    let mailer = catalog.workspace.connections.get(via)?.mailer()?;
    let zone = catalog.live.settings.calendar.zone().clone();
    mailer.limits.per_hour_on(now.to_jiff().to_zoned(zone).date())
}

/// Whether a row was put off and its time has not come. A row that waits for its next attempt was not put off.
fn waits(row: &Outgoing, now: Timestamp) -> bool {
    row.due > Due::At(now) && matches!(row.deferred, Some(Verdict::NotBefore { .. }))
}

impl Desk {
    /// Whether the gate's verdict on a row differs from the one with which it was put off. If the lead cannot be read, this is
    /// not known, and the answer is no.
    async fn says_otherwise(&mut self, row: &Outgoing, now: Timestamp) -> Result<bool, StoreError> {
        let settings = Arc::clone(&self.catalog.live.settings);
        let (Found::One(state), Some(channel)) = (self.lead(row.lead).await?, row.message.touch()) else {
            return Ok(false);
        };
        Ok(Some(gate::check(state, channel, &settings, now)) != row.deferred)
    }

    /// Takes attempts out of the open batch, all of them or those whose leads have changed since they were begun. Returns their
    /// rows as if the attempts had not been begun.
    fn attempts_to_ask_about(&mut self, all: bool) -> Vec<Outgoing> {
        let set = self.ledger.set();
        let (mut rows, mut rest) = (Vec::new(), Vec::new());
        for after in std::mem::take(&mut self.open.after) {
            match after {
                After::Send(attempt) if all || attempt.lead_seq != set.state(attempt.row.lead).map(|lead| lead.seq) => {
                    rows.push(attempt.undone());
                }
                after => rest.push(after),
            }
        }
        self.open.after = rest;
        rows
    }

    pub(super) fn put_off(&mut self, was_due: Due, mut row: Outgoing, due: Due) {
        row.due = due;
        self.open.place(&row.via, due);
        self.open.outbox.push(OutboxWrite::Update { was_due, row });
    }

    /// Whether a brake, or the lack of its connection, holds a row until further notice.
    pub(super) fn holds(&self, row: &Outgoing) -> bool {
        let (catalog, paused) = (&self.catalog, &self.catalog.brakes.paused);
        let workflow = row.message.at().and_then(|at| catalog.definitions.name(&at.workflow));
        paused.connections.contains(&row.via)
            || !catalog.workspace.connections.contains_key(&row.via)
            || workflow.is_some_and(|workflow| paused.workflows.contains(workflow))
    }

    /// Handles the end of an attempt.
    pub(super) async fn sent(&mut self, mut row: Outgoing, result: Sent) -> Result<(), StoreError> {
        let now = self.clock.now();
        // The row is not looked at again before this result is in the store.
        self.open.after.push(After::Forget(row.id));
        let was_due = row.due;
        match result {
            Ok(Some(reply)) if !reply.is_accepted() => self.refused(row, reply, now).await,
            Ok(reply) => {
                self.meters.sent_total.add(1);
                self.open.outbox.push(OutboxWrite::Remove { due: was_due, id: row.id });
                self.tell_of(&row, reply.map_or(Delivery::Sent, Delivery::Answered)).await
            }
            Err(error) => {
                self.meters.send_failures_total.add(1);
                let limits = RetryLimits::of(&self.catalog, &row.via);
                row.last_error = Some(error.cause.clone());
                row.started_at = None;
                let is_asked = error.may_have_arrived && asks_when_unsure(&self.catalog, &row.via);
                if error.retry && !is_asked && row.tries < limits.attempts_max {
                    tracing::warn!(via = row.via, message = %row.id, tries = row.tries, cause = error.cause, "not sent yet");
                    row.due = Due::At(now.plus_ms(limits.backoff_ms(row.tries, error.retry_after_ms)));
                    self.open.place(&row.via, row.due);
                    self.open.outbox.push(OutboxWrite::Update { was_due, row });
                    return Ok(());
                }
                self.give_up(row, error, now).await
            }
        }
    }

    /// Puts a message that is not tried again with the dead letters, and tells its lead.
    async fn give_up(&mut self, row: Outgoing, error: SendError, now: Timestamp) -> Result<(), StoreError> {
        self.bury(&row, &error.cause, now);
        if error.may_have_arrived {
            return self.tell_of(&row, Delivery::Unsure(error.cause)).await;
        }
        let attempts = if row.tries == 1 { "an attempt".to_owned() } else { format!("{} attempts", row.tries) };
        self.tell_of(&row, Delivery::Dead(format!("after {attempts}, {}", error.cause))).await
    }

    /// The receiver refuses a request. If the step has results for that, the lead goes that way; otherwise a person has to look
    /// at it.
    async fn refused(&mut self, mut row: Outgoing, reply: Reply, now: Timestamp) -> Result<(), StoreError> {
        self.meters.send_failures_total.add(1);
        let step = requests::step_of(&self.catalog.definitions, &row.message);
        if step.is_some_and(|http| http.results.is_some()) {
            self.open.outbox.push(OutboxWrite::Remove { due: row.due, id: row.id });
        } else {
            let cause = reply.refusal();
            row.last_error = Some(cause.clone());
            self.bury(&row, &cause, now);
        }
        self.tell_of(&row, Delivery::Refused(reply)).await
    }

    /// Puts a message that is not retried with the dead letters: somebody may have it tried again, or throw it away.
    fn bury(&mut self, row: &Outgoing, cause: &str, now: Timestamp) {
        self.meters.dead_letters_total.add(1);
        tracing::warn!(
            via = row.via, message = %row.id, tries = row.tries, cause,
            "a message is given up; it lies with the dead letters"
        );
        let (id, content) = (DeadLetterId(row.id.0), DeadContent::Outgoing(row.clone()));
        let letter = DeadLetter { id, at: now, cause: cause.to_owned(), content, again: 0, last_at: None };
        self.open.outbox.push(OutboxWrite::Bury { was_due: row.due, letter });
    }

    /// Tells a lead what became of a touch or request; for a notice to a rep, only that it did not arrive.
    pub(super) async fn tell_of(&mut self, row: &Outgoing, ending: Delivery) -> Result<(), StoreError> {
        if !row.message.is_of_lead() && !matches!(ending, Delivery::Dead(_) | Delivery::Unsure(_)) {
            return Ok(());
        }
        let script = row.message.script();
        let (effect, run, attempt, at) = (row.id, row.run, row.attempt, row.message.at());
        // E-mail is the default, so it is not named.
        let channel = row.message.touch().filter(|channel| *channel != Channel::Email);
        let is_request = row.message.is_request();
        let event = Event::Delivered { effect, run, attempt, ending, script, at, channel, is_request };
        self.must_tell(row.lead, row.id.to_string(), event).await
    }
}

async fn next_after(desk: &Desk, now: Timestamp) -> Result<Timestamp, StoreError> {
    let after = Some((Due::At(now), EffectId(u128::MAX)));
    let stored = desk.store.outbox(&Partitions::ALL, after, Due::OnRelease, 1).await?;
    Ok(stored.first().and_then(|row| row.due.at()).unwrap_or(Timestamp::MAX))
}
