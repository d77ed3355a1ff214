//! Schedules: when they fire, what becomes of firings that were missed, and how a firing goes through the leads.
//!
//! A firing's id is its schedule and its nominal time; how far it has come is stored with every batch of it, so a restart
//! neither fires twice nor leaves anybody out.

use super::Driver;
use super::working_set::WorkingSet;
use crate::catalog::Catalog;
use cadenza_core::event::Event;
use cadenza_core::expr::{Expr, Object};
use cadenza_core::state::{FIRINGS_MAX, Firing, PastFiring, ScheduleState};
use cadenza_core::step::View;
use cadenza_core::time::{MINUTE_MS, Timestamp};
use cadenza_core::workflow::{CatchUp, Enroll, Schedule};
use cadenza_store::{Store, StoreError, UnlessDamaged as _};
use croner::Cron;
use jiff::tz::TimeZone;
use std::str::FromStr;
use std::sync::Arc;

/// A firing that begins later than this after its nominal time is late.
const LATE_AFTER_MS: i64 = MINUTE_MS;
/// The most missed firings that are told apart; older ones are as if they had not been.
const MISSED_MAX: usize = 1_000;

/// The schedules in force.
pub(super) struct Schedules {
    all: Vec<Planned>,
}

struct Planned {
    workflow: String,
    schedule: Schedule,
    leads: Arc<Expr>,
    cron: Cron,
    zone: TimeZone,
    state: ScheduleState,
    next: Timestamp,
    /// The store has nothing of it yet.
    new: bool,
}

impl Schedules {
    /// The schedules of the workspace with what they remember. One that is new begins now.
    pub(super) async fn load(catalog: &Catalog, store: &dyn Store, now: Timestamp) -> Result<Self, StoreError> {
        let mut all = Vec::new();
        for workflow in catalog.live.workflows.values() {
            for way in &workflow.enroll {
                let Enroll::Schedule { schedule, leads } = way else { continue };
                let (Ok(cron), Ok(zone)) = (Cron::from_str(&schedule.cron), TimeZone::get(&schedule.timezone)) else {
                    tracing::error!(schedule = schedule.id, "a schedule that was checked cannot be read");
                    continue;
                };
                // One that cannot be read begins now, like one that is new.
                let stored = store.schedule(&schedule.id).await.unless_damaged()?;
                let new = stored.is_none();
                let mut state = stored.unwrap_or_default();
                let handled = *state.handled.get_or_insert(now);
                let next = next_after(&cron, &zone, handled);
                let (workflow, schedule) = (workflow.name.clone(), schedule.clone());
                all.push(Planned { workflow, schedule, leads: Arc::new(leads.clone()), cron, zone, state, next, new });
            }
        }
        Ok(Self { all })
    }

    /// The same, but what is known already is not read from the store, which lags behind.
    pub(super) fn going_on_from(mut self, before: &Self) -> Self {
        for planned in &mut self.all {
            if let Some(known) = before.all.iter().find(|known| known.schedule.id == planned.schedule.id) {
                planned.state = known.state.clone();
                let handled = planned.state.handled.unwrap_or(planned.next);
                planned.next = next_after(&planned.cron, &planned.zone, handled);
                planned.new = known.new;
            }
        }
        self
    }

    /// Writes those that the store does not have: a firing that is missed while the engine is stopped is missed since
    /// then. Whether there were any.
    pub(super) fn write_new(&mut self, set: &mut WorkingSet) -> bool {
        let mut written = false;
        for planned in self.all.iter_mut().filter(|planned| planned.new) {
            planned.new = false;
            set.write_schedule(planned.schedule.id.clone(), planned.state.clone());
            written = true;
        }
        written
    }

    /// When the next firing falls due; at once while one is under way.
    pub(super) fn next_due(&self) -> Timestamp {
        let due = |p: &Planned| if p.state.firing.is_some() { Timestamp::from_ms(0) } else { p.next };
        self.all.iter().map(due).min().unwrap_or(Timestamp::MAX)
    }
}

/// The first firing after a time. Where clocks change: a firing in the gap happens when the gap ends, one in the overlap
/// once.
pub(crate) fn next_after(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Timestamp {
    let zoned = after.to_jiff().to_zoned(zone.clone());
    cron.find_next_occurrence(&zoned, false).map_or(Timestamp::MAX, |next| Timestamp::from_jiff(next.timestamp()))
}

impl Driver {
    /// When the driver next has to do with schedules.
    pub(super) fn next_firing(&self) -> Timestamp {
        if self.is_asking_much() { Timestamp::MAX } else { self.schedules.next_due() }
    }

    /// Begins firings that are due and takes the one under way a batch further.
    pub(super) async fn fire_schedules(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.next_firing() > now {
            return Ok(());
        }
        for ix in 0..self.schedules.all.len() {
            if self.schedules.all[ix].state.firing.is_some() {
                self.fire_further(ix, now).await?;
            } else if self.schedules.all[ix].next <= now {
                self.begin_firing(ix, now);
            }
        }
        Ok(())
    }

    fn begin_firing(&mut self, ix: usize, now: Timestamp) {
        let planned = &mut self.schedules.all[ix];
        let mut due = Vec::new();
        let mut next = planned.next;
        while next <= now {
            if due.len() == MISSED_MAX {
                due.remove(0);
            }
            due.push(next);
            next = next_after(&planned.cron, &planned.zone, next);
        }
        planned.next = next;
        planned.state.handled = due.last().copied();
        let oldest = planned.zone_subtract(now);
        let late = |nominal: Timestamp| now.since_ms(nominal) > LATE_AFTER_MS;
        let keep = match planned.schedule.catch_up {
            CatchUp::Latest => 1,
            CatchUp::All { at_most } => usize::from(at_most),
            CatchUp::None => usize::from(!due.last().copied().is_some_and(late)),
        };
        let first_kept = due.len().saturating_sub(keep);
        for (place, nominal) in due.iter().enumerate() {
            let fires = place >= first_kept && (*nominal >= oldest || !late(*nominal));
            if fires && planned.state.firing.is_none() {
                planned.state.firing =
                    Some(Firing { nominal: *nominal, started_at: now, cursor: None, enrolled: 0, seen: 0 });
                if place + 1 < due.len() {
                    // The rest of `all` fires when this one is over.
                    planned.state.handled = Some(*nominal);
                    planned.next = due[place + 1];
                    break;
                }
            } else if !fires {
                let how = if place < first_kept && keep > 0 { "coalesced" } else { "missed" };
                planned.remember(PastFiring { nominal: *nominal, at: now, how: how.to_owned(), enrolled: 0 });
            }
        }
        let (id, state) = (planned.schedule.id.clone(), planned.state.clone());
        self.set.write_schedule(id, state);
        self.open.touched = true;
    }

    async fn fire_further(&mut self, ix: usize, now: Timestamp) -> Result<(), StoreError> {
        let planned = &self.schedules.all[ix];
        let Some(mut firing) = planned.state.firing else { return Ok(()) };
        let (workflow, leads) = (planned.workflow.clone(), Arc::clone(&planned.leads));
        let by = format!("schedule/{}/{}", planned.schedule.id, firing.nominal);
        let limit = self.parts.options.firing_leads_max;
        let page = self.parts.store.leads(firing.cursor, limit).await?;
        let over = page.len() < limit;
        let asks_account = leads.names(Object::Account);
        let catalog = Arc::clone(&self.parts.catalog);
        for stored in page {
            let id = stored.lead.id;
            firing.cursor = Some(id);
            firing.seen += 1;
            let account = self.set.lead(id).unwrap_or(&stored).lead.account.filter(|_| asks_account);
            let account = self.facts(account).await?;
            let state = self.set.lead(id).unwrap_or(&stored);
            let is_in = state.runs.iter().any(|run| {
                catalog.definitions.get(&run.workflow).is_some_and(|definition| definition.name == workflow)
            });
            let view = View { account: account.as_ref(), ..View::of(state, &catalog.live, &catalog.definitions, now) };
            if is_in || !leads.holds(&view) {
                continue;
            }
            let before = state.runs.len();
            let event = Event::Enrolled { workflow: workflow.clone(), by: by.clone() };
            self.transition_at(id, by.clone(), event, now, Vec::new()).await?;
            let enrolled = self.set.lead(id).is_some_and(|state| state.runs.len() > before);
            firing.enrolled += u64::from(enrolled);
        }
        self.parts.meters.schedule_enrolled_total.add(0);
        let planned = &mut self.schedules.all[ix];
        if over {
            let how = if firing.started_at.since_ms(firing.nominal) > LATE_AFTER_MS { "late" } else { "fired" };
            planned.state.firing = None;
            planned.remember(PastFiring {
                nominal: firing.nominal,
                at: firing.started_at,
                how: how.to_owned(),
                enrolled: firing.enrolled,
            });
            self.parts.meters.schedule_enrolled_total.add(firing.enrolled);
        } else {
            planned.state.firing = Some(firing);
        }
        let (id, state) = (planned.schedule.id.clone(), planned.state.clone());
        self.set.write_schedule(id, state);
        self.open.touched = true;
        Ok(())
    }
}

impl Planned {
    fn remember(&mut self, past: PastFiring) {
        if self.state.past.len() >= FIRINGS_MAX {
            self.state.past.remove(0);
        }
        self.state.past.push(past);
    }

    /// Firings older than this are not caught up.
    fn zone_subtract(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(-self.schedule.within.approximate_ms())
    }
}
