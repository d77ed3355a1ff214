//! The outbox: what falls due is brought before the heart, which asks the gate; what may leave is marked as started in that
//! commit, and sent when it is durable. Results come back as commands. Every attempt of a row leaves under one idempotency
//! key, its id.

use super::batch::{After, Attempt};
use super::desk::Desk;
use super::lanes::{Lanes, Place};
use super::pool::Called;
use super::rendering::{GIVEN_UP, Rendering};
use crate::courier::{RetryLimits, SendError, Sent};
use crate::render::{render_message, requests, unrendered};
use cadenza_core::effect::{Departure, Due, Outgoing};
use cadenza_core::event::{Delivery, Event, Reply};
use cadenza_core::expr::Object;
use cadenza_core::gate::{self, Permit, Verdict};
use cadenza_core::heart::{Command, Found, Outcome, Rejected};
use cadenza_core::id::{EffectId, LeadId};
use cadenza_core::lead::Channel;
use cadenza_core::time::Timestamp;
use cadenza_store::{DeadContent, DeadLetter, DeadLetterId, OutboxWrite, Partitions, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows read at a time.
const PAGE: usize = 128;
/// The most rows looked at in one go, those of connections without room included; the next go begins behind them.
const LOOKED_AT_MAX: usize = 1_024;
/// The most rows begun, put off or held in one batch.
const HANDLED_MAX: usize = 64;

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
    put_off: PutOff,
}

/// Rows that were put off and are looked at again before their time.
#[derive(Default)]
struct PutOff {
    /// Until when the rows of which leads were put off, and behind which row to go on.
    of_leads: BTreeMap<(Timestamp, LeadId), EffectId>,
    /// Behind which row to go on through all of them; none when that is over.
    all: Option<Place>,
}

impl PutOff {
    fn is_over(&self) -> bool {
        self.of_leads.is_empty() && self.all.is_none()
    }
}

impl Sendings {
    pub(super) fn new(lanes: Lanes, rendering: Rendering, now: Timestamp) -> Self {
        let mut new = Self { lanes, rendering, next: now, begun_in: None, put_off: PutOff::default() };
        // The workspace may have changed while the engine was stopped.
        new.look_again_at_all();
        new
    }

    /// When rows are looked for next: not before it is known which leads have something to hear that may forbid theirs.
    pub(super) fn next(&self, desk: &Desk) -> Timestamp {
        match self.begun_in {
            Some(_) => Timestamp::MAX,
            None if !desk.unheard.is_known() => Timestamp::MAX,
            None if self.put_off.is_over() => self.next,
            None => Timestamp::from_ms(0),
        }
    }

    /// What put rows of a lead off until then is gone, or has changed.
    pub(super) fn look_again(&mut self, lead: LeadId, put_off_until: Timestamp) {
        self.put_off.of_leads.insert((put_off_until, lead), EffectId(lead.0));
    }

    /// What puts rows off may have changed for all leads.
    pub(super) fn look_again_at_all(&mut self) {
        self.put_off.all = Some((Due::At(Timestamp::from_ms(0)), EffectId(0)));
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
        self.look_again_at_all();
        self.lanes.forget_places();
    }

    /// Somebody wants a row tried again.
    pub(super) fn forgive(&mut self, row: EffectId) {
        self.rendering.forgive(row);
    }

    /// Begins attempts for rows that are due. Rows are read from the store, and the outbox of the open batch is not in it yet.
    pub(super) async fn begin(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        if self.next(desk) > now || self.bring_forward(desk, now).await? {
            return Ok(());
        }
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

    /// Lets rows fall due now that were put off, a batch's share at a time: the gate is asked about them again. Says whether
    /// there were any; then no rows are looked for before the store has that.
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

    /// Rows of leads for which something has changed. Those of one lead lie beside each other, since ids begin with that of
    /// the lead.
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

    /// A page of all rows that were put off: those of which the gate says something else by now.
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

    /// A row falls due: the heart says what becomes of it, and that is done. Says how much of the batch's share it took.
    async fn depart(&mut self, desk: &mut Desk, command: Command, now: Timestamp) -> Result<usize, StoreError> {
        if let Command::Depart(row) = &command
            && row.message.is_of_lead()
            && desk.unheard.is_waited_for_by(row.lead)
        {
            // What the lead has still to hear may forbid it.
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
            // A word to a rep is about a lead, and does not need it.
            Err(_) if !row.message.is_of_lead() && !desk.holds(&row) => {
                return self.attempt(desk, row.begun(now), None, may_have_left, now).await;
            }
            Err(Rejected::NoLead(lead)) => {
                tracing::warn!(message = %row.id, %lead, "a message to a lead that is not there any more is dropped");
                desk.open.outbox.push(OutboxWrite::Remove { due: was_due, id: row.id });
            }
            // Nobody knows whether the lead may be contacted: held until it can be read again.
            Err(_) | Ok(_) => desk.put_off(was_due, *row, Due::OnRelease),
        }
        Ok(1)
    }

    /// An attempt begins: it leaves when the open batch is durable.
    async fn attempt(
        &mut self,
        desk: &mut Desk,
        mut row: Outgoing,
        permit: Option<Permit>,
        may_have_left: bool,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let is_first = row.message.is_unrendered();
        self.render(desk, &mut row, now).await?;
        // A template that was stopped took milliseconds: the next one waits for the next batch.
        let stopped = row.message.is_unrendered();
        self.lanes.begin(row.id, &row.via);
        desk.open.outbox.push(OutboxWrite::Update { was_due: row.due, row: row.clone() });
        let lead_seq = desk.state(row.lead).map(|state| state.seq);
        desk.open.after.push(After::Send(Box::new(Attempt { row, permit, may_have_left, is_first, lead_seq })));
        Ok(if stopped { HANDLED_MAX } else { 1 })
    }

    /// Renders a mail that was not rendered yet; one that ended two lives of the engine is given up.
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
    /// batch must not be followed by a mail that left with it. `changing`: somebody waits to change what is in force, a brake
    /// perhaps, and until then nothing more leaves.
    pub(super) async fn take_back(&mut self, desk: &mut Desk, changing: bool) -> Result<(), StoreError> {
        let now = desk.clock.now();
        loop {
            let again = desk.attempts_to_ask_about(changing);
            if again.is_empty() {
                return Ok(());
            }
            // None of them is under way, whatever comes between.
            again.iter().for_each(|row| self.lanes.end(row.id));
            for row in again {
                if changing {
                    if row.message.touch().is_some() {
                        desk.tell(row.lead, row.id.to_string(), Event::TakenBack(row.id)).await?;
                    }
                    desk.put_off(row.due, row, Due::At(now));
                } else {
                    // What is said of one may change the lead, and with it what is said of another.
                    let command = Command::Depart(Box::new(row));
                    desk.prefetch(std::iter::once(&command), now).await?;
                    self.depart(desk, command, now).await?;
                }
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

/// Whether a row was put off and its time has not come. One that waits to be tried again was not put off.
fn waits(row: &Outgoing, now: Timestamp) -> bool {
    row.due > Due::At(now) && matches!(row.deferred, Some(Verdict::NotBefore { .. }))
}

impl Desk {
    /// Whether the gate says something else of a row than when it was put off. Of one whose lead cannot be read nobody knows.
    async fn says_otherwise(&mut self, row: &Outgoing, now: Timestamp) -> Result<bool, StoreError> {
        let settings = Arc::clone(&self.catalog.live.settings);
        let (Found::One(state), Some(channel)) = (self.lead(row.lead).await?, row.message.touch()) else {
            return Ok(false);
        };
        Ok(Some(gate::check(state, channel, &settings, now)) != row.deferred)
    }

    /// Takes those attempts out of the open batch whose leads changed since they were begun, or all: their rows, as if they had
    /// not been.
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

    /// Whether a brake, or the want of a connection, holds a row until further notice.
    pub(super) fn holds(&self, row: &Outgoing) -> bool {
        let (catalog, paused) = (&self.catalog, &self.catalog.brakes.paused);
        let workflow = row.message.at().and_then(|at| catalog.definitions.name(&at.workflow));
        paused.connections.contains(&row.via)
            || !catalog.workspace.connections.contains_key(&row.via)
            || workflow.is_some_and(|workflow| paused.workflows.contains(workflow))
    }

    /// An attempt ended.
    pub(super) async fn sent(&mut self, mut row: Outgoing, result: Sent) -> Result<(), StoreError> {
        let now = self.clock.now();
        // Not looked at again before this result is in the store.
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
                if error.retry && row.tries < limits.attempts_max {
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

    /// A message that is not tried again lies with the dead letters, and its lead hears so.
    async fn give_up(&mut self, row: Outgoing, error: SendError, now: Timestamp) -> Result<(), StoreError> {
        self.bury(&row, &error.cause, now);
        let attempts = if row.tries == 1 { "an attempt".to_owned() } else { format!("{} attempts", row.tries) };
        self.tell_of(&row, Delivery::Dead(format!("after {attempts}, {}", error.cause))).await
    }

    /// The other side does not do what a request asks. Where the step says what then, that is its way; else somebody has to look.
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

    /// A message is not tried again by itself: somebody may have it tried, or throw it away.
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

    /// The lead hears what became of a touch or request; of a notice to a rep only that it did not get there.
    pub(super) async fn tell_of(&mut self, row: &Outgoing, ending: Delivery) -> Result<(), StoreError> {
        if !row.message.is_of_lead() && !matches!(ending, Delivery::Dead(_)) {
            return Ok(());
        }
        let script = row.message.script();
        let (effect, run, attempt, at) = (row.id, row.run, row.attempt, row.message.at());
        // A mail goes without saying.
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
