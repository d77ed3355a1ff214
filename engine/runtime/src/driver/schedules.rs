//! Schedules: when they fire, what becomes of firings that were missed, and how a firing goes through the leads.
//!
//! A firing's id is its schedule and its nominal time; how far it has come is stored with every batch of it, so a restart
//! neither fires twice nor leaves anybody out. A firing is about the leads that were there when it began: it ends, whatever
//! comes in meanwhile.

use super::Driver;
use super::working_set::WorkingSet;
use crate::catalog::Catalog;
use crate::cron::{self, Times};
use cadenza_core::event::Event;
use cadenza_core::expr::{Expr, Object};
use cadenza_core::id::LeadId;
use cadenza_core::state::{FIRINGS_MAX, Firing, LeadState, PastFiring, ScheduleState};
use cadenza_core::step::View;
use cadenza_core::time::{MINUTE_MS, Timestamp};
use cadenza_core::workflow::{CatchUp, Enroll, Schedule};
use cadenza_store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A firing that begins later than this after its nominal time is late.
const LATE_AFTER_MS: i64 = MINUTE_MS;

/// The schedules in force.
pub(super) struct Schedules {
    all: Vec<Planned>,
    /// Those that the workspace no longer has, to be written.
    gone: BTreeMap<String, ScheduleState>,
}

struct Planned {
    workflow: String,
    schedule: Schedule,
    leads: Arc<Expr>,
    times: Times,
    state: ScheduleState,
    next: Timestamp,
    /// The store has another state, or none.
    unwritten: bool,
}

impl Schedules {
    /// None at all.
    pub(super) const fn none() -> Self {
        Self { all: Vec::new(), gone: BTreeMap::new() }
    }

    /// The schedules of the workspace with what they remember. One that is new begins now, and so does one that was away.
    pub(super) async fn load(catalog: &Catalog, store: &dyn Store, now: Timestamp) -> Result<Self, StoreError> {
        // One that cannot be read begins now, like one that is new.
        let kept: BTreeMap<String, ScheduleState> = store.schedules().await?.into_iter().collect();
        let mut stored = kept.clone();
        let mut all = Vec::new();
        for workflow in catalog.live.workflows.values() {
            let schedules = workflow.enroll.iter().filter_map(|way| match way {
                Enroll::Schedule { schedule, leads } => Some((schedule, leads)),
                Enroll::When { .. } => None,
            });
            for (place, (schedule, leads)) in (1..).zip(schedules) {
                let Some(times) = Times::of(schedule) else {
                    tracing::error!(schedule = schedule.id, "a schedule that was checked cannot be read");
                    continue;
                };
                let state = stored.remove(&schedule.id).or_else(|| {
                    let by_place = format!("{}/{place}", workflow.name);
                    stored.remove(&by_place).filter(|state| is_of(state, &times))
                });
                let (workflow, schedule) = (workflow.name.clone(), schedule.clone());
                let mut planned = Planned {
                    workflow,
                    schedule,
                    leads: Arc::new(leads.clone()),
                    times,
                    state: ScheduleState::default(),
                    next: now,
                    unwritten: true,
                };
                planned.go_on_with(state.unwrap_or_default(), now);
                all.push(planned);
            }
        }
        let gone = kept
            .into_iter()
            .filter(|(id, state)| state.removed.is_none() && all.iter().all(|planned| planned.schedule.id != *id));
        let gone = gone.map(|(id, state)| (id, remove(state, now))).collect();
        Ok(Self { all, gone })
    }

    /// The same, but what is known already is not read from the store, which lags behind.
    pub(super) fn going_on_from(mut self, before: Self, now: Timestamp) -> Self {
        for known in before.all {
            match self.all.iter_mut().find(|planned| planned.schedule.id == known.schedule.id) {
                Some(planned) => planned.go_on_with(known.state, now),
                None => drop(self.gone.insert(known.schedule.id, remove(known.state, now))),
            }
        }
        self
    }

    /// Writes what the store has otherwise: a firing that is missed while the engine is stopped is missed since then.
    /// Whether there was anything.
    pub(super) fn write_new(&mut self, set: &mut WorkingSet) -> bool {
        let gone = std::mem::take(&mut self.gone);
        let mut written = !gone.is_empty();
        gone.into_iter().for_each(|(id, state)| set.write_schedule(id, state));
        for planned in self.all.iter_mut().filter(|planned| planned.unwritten) {
            planned.unwritten = false;
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

/// Whether what an earlier version kept by a schedule's place in its file is of this one: it fired at its times.
fn is_of(state: &ScheduleState, times: &Times) -> bool {
    state.removed.is_none() && state.rule.is_none() && times.are_its(state.past.iter().map(|past| past.nominal))
}

/// A schedule that the workspace no longer has: a firing under way ends.
fn remove(mut state: ScheduleState, now: Timestamp) -> ScheduleState {
    state.removed = Some(now);
    if let Some(Firing { nominal, started_at, enrolled, .. }) = state.firing.take() {
        tracing::warn!(%nominal, enrolled, "a schedule was removed while it was going through the leads");
        remember(&mut state, PastFiring { nominal, at: started_at, how: "stopped".to_owned(), enrolled });
    }
    state
}

fn remember(state: &mut ScheduleState, past: PastFiring) {
    if state.past.len() >= FIRINGS_MAX {
        state.past.remove(0);
    }
    state.past.push(past);
}

/// Whether a lead came after a firing had begun. What is later than now came before the clock went back.
const fn came_since(lead: LeadId, started_at: Timestamp, now: Timestamp) -> bool {
    let at = lead.heard_at().as_ms();
    started_at.as_ms() < at && at <= now.as_ms()
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
        let handled = planned.state.handled.unwrap_or(now);
        let told = match planned.schedule.catch_up {
            CatchUp::All { at_most } => FIRINGS_MAX.max(usize::from(at_most)),
            CatchUp::Latest | CatchUp::None => FIRINGS_MAX,
        };
        // Older ones are as if they had not been.
        let due = planned.times.latest(handled, now, told + 1);
        planned.next = planned.times.next_after(now);
        planned.state.handled = due.last().copied().or(Some(now));
        let oldest = planned.caught_up_from(now);
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
                let past = PastFiring { nominal: *nominal, at: now, how: how.to_owned(), enrolled: 0 };
                remember(&mut planned.state, past);
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
        let (page, over) = self.leads_of(&firing, limit, now).await?;
        let asks_account = leads.names(Object::Account);
        let catalog = Arc::clone(&self.parts.catalog);
        for stored in page {
            let id = stored.lead.id;
            firing.cursor = Some(id);
            firing.seen += 1;
            let account = self.set.lead(id).unwrap_or(&stored).lead.account.filter(|_| asks_account);
            let account = self.facts(account).await?;
            let state = self.set.lead(id).unwrap_or(&stored);
            let is_in = state.runs.iter().any(|run| catalog.definitions.name(&run.workflow) == Some(workflow.as_str()));
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
        let planned = &mut self.schedules.all[ix];
        if over {
            let how = if firing.started_at.since_ms(firing.nominal) > LATE_AFTER_MS { "late" } else { "fired" };
            planned.state.firing = None;
            let past = PastFiring {
                nominal: firing.nominal,
                at: firing.started_at,
                how: how.to_owned(),
                enrolled: firing.enrolled,
            };
            remember(&mut planned.state, past);
            self.parts.meters.schedule_enrolled_total.add(firing.enrolled);
        } else {
            planned.state.firing = Some(firing);
        }
        let (id, state) = (planned.schedule.id.clone(), planned.state.clone());
        self.set.write_schedule(id, state);
        self.open.touched = true;
        Ok(())
    }

    /// The next leads that a firing is about, and whether they are the last.
    async fn leads_of(
        &self,
        firing: &Firing,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<LeadState>, bool), StoreError> {
        let store = &self.parts.store;
        let is_new = |state: &LeadState| came_since(state.lead.id, firing.started_at, now);
        let mut page = store.leads(firing.cursor, limit).await?;
        let over = page.len() < limit;
        let Some(new) = page.iter().position(is_new) else { return Ok((page, over)) };
        page.truncate(new);
        if page.is_empty() {
            // Behind all that is new lie only leads from before the clock went back.
            page = store.leads(Some(LeadId::last_of(now)), limit).await?;
            let over = page.len() < limit;
            return Ok((page, over));
        }
        Ok((page, false))
    }
}

impl Planned {
    /// Takes up what the schedule remembers.
    fn go_on_with(&mut self, known: ScheduleState, now: Timestamp) {
        let handled = cron::handled(&self.schedule, &known, now);
        let mut state = known.clone();
        state.handled = Some(handled);
        state.rule = Some(cron::rule(&self.schedule));
        state.removed = None;
        if let Some(firing) = &mut state.firing {
            // A clock that went back: who comes now came after it had begun.
            firing.started_at = firing.started_at.min(now);
        }
        self.unwritten = state != known;
        self.next = self.times.next_after(handled);
        self.state = state;
    }

    /// Firings older than this are not caught up.
    fn caught_up_from(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(-self.schedule.within.approximate_ms())
    }
}
