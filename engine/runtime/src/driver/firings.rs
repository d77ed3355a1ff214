//! Schedules: when they fire, what becomes of missed firings, and how a firing goes through the leads.
//!
//! A firing's id is its schedule and its nominal time. Its progress is stored with every batch of it, so a restart neither fires
//! twice nor leaves anybody out. The firings that began are remembered, so that a clock that was set back fires none of them
//! again. A firing covers the leads that existed when it began, so it ends no matter what comes in meanwhile.

use super::desk::Desk;
use super::ledger::Ledger;
use super::pool::Called;
use crate::catalog::Catalog;
use crate::cron::{self, Times};
use cadenza_core::expr::Expr;
use cadenza_core::heart::{Command, Outcome};
use cadenza_core::id::LeadId;
use cadenza_core::journal::Note;
use cadenza_core::state::{FIRINGS_MAX, Fired, Firing, LeadState, PastFiring, ScheduleState};
use cadenza_core::time::{MINUTE_MS, Timestamp};
use cadenza_core::workflow::{CatchUp, Enroll, Schedule};
use cadenza_store::{Partitions, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A firing that begins this long after its nominal time is late.
const LATE_AFTER_MS: i64 = MINUTE_MS;

pub(super) struct Schedules {
    all: Vec<Planned>,
    /// Schedules that the workspace no longer has, still to be written.
    gone: BTreeMap<String, ScheduleState>,
}

struct Planned {
    workflow: String,
    schedule: Schedule,
    leads: Arc<Expr>,
    times: Times,
    state: ScheduleState,
    next: Timestamp,
    /// The batch in which a firing began. Once it has settled, and with it everything that came before, the firing goes through
    /// the leads.
    begun_in: Option<u64>,
    /// The store has another state for this schedule, or none.
    unwritten: bool,
}

impl Schedules {
    pub(super) const fn none() -> Self {
        Self { all: Vec::new(), gone: BTreeMap::new() }
    }

    /// The schedules of the workspace, with their stored states. A schedule that is new, or was removed and is back, begins now.
    pub(super) async fn load(catalog: &Catalog, store: &dyn Store, now: Timestamp) -> Result<Self, StoreError> {
        // A schedule whose state cannot be read begins now, as a new one does.
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
                    begun_in: None,
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

    /// Carries over the states of the schedules before. They are not read from the store, which lags behind.
    pub(super) fn going_on_from(mut self, before: Self, now: Timestamp) -> Self {
        for known in before.all {
            match self.all.iter_mut().find(|planned| planned.schedule.id == known.schedule.id) {
                Some(planned) => {
                    planned.go_on_with(known.state, now);
                    // What came before the firing must still settle, even if a workspace was applied meanwhile.
                    planned.begun_in = known.begun_in;
                }
                None => drop(self.gone.insert(known.schedule.id, remove(known.state, now))),
            }
        }
        self
    }

    /// Writes the states that differ from the store's, so that a firing missed while the engine is stopped counts from then.
    /// Returns whether any was written.
    pub(super) fn write_new(&mut self, ledger: &mut Ledger) -> bool {
        let gone = std::mem::take(&mut self.gone);
        let mut written = !gone.is_empty();
        gone.into_iter().for_each(|(id, state)| ledger.write_schedule(id, state));
        for planned in self.all.iter_mut().filter(|planned| planned.unwritten) {
            planned.unwritten = false;
            ledger.write_schedule(planned.schedule.id.clone(), planned.state.clone());
            written = true;
        }
        written
    }

    pub(super) fn settled(&mut self, batch: u64) {
        for planned in &mut self.all {
            planned.begun_in.take_if(|number| *number <= batch);
        }
    }

    /// When the next firing falls due: at once while one is under way.
    pub(super) fn next_due(&self) -> Timestamp {
        let due = |p: &Planned| match p.state.firing {
            Some(_) if p.begun_in.is_some() => Timestamp::MAX,
            Some(_) => Timestamp::from_ms(0),
            None => p.next,
        };
        self.all.iter().map(due).min().unwrap_or(Timestamp::MAX)
    }
}

/// Whether a state that an earlier version kept under the schedule's place in its file belongs to this schedule: it does if the
/// schedule fired at these times.
fn is_of(state: &ScheduleState, times: &Times) -> bool {
    state.removed.is_none() && state.rule.is_none() && times.are_its(state.past.iter().map(|past| past.nominal))
}

/// Marks a schedule that the workspace no longer has; a firing under way ends.
fn remove(mut state: ScheduleState, now: Timestamp) -> ScheduleState {
    state.removed = Some(now);
    if let Some(Firing { nominal, started_at, enrolled, .. }) = state.firing.take() {
        tracing::warn!(%nominal, enrolled, "a schedule was removed while it was going through the leads");
        remember(&mut state, PastFiring { nominal, at: started_at, how: Fired::Stopped, enrolled });
    }
    state
}

fn remember(state: &mut ScheduleState, past: PastFiring) {
    if state.past.len() >= FIRINGS_MAX {
        state.past.remove(0);
    }
    state.past.push(past);
}

/// Whether a lead came after a firing began. A lead whose time lies after now came before the clock was set back.
const fn came_since(lead: LeadId, started_at: Timestamp, now: Timestamp) -> bool {
    let at = lead.heard_at().as_ms();
    started_at.as_ms() < at && at <= now.as_ms()
}

impl Schedules {
    /// When the schedules next need the driver.
    pub(super) fn next(&self, desk: &Desk) -> Timestamp {
        if desk.is_asking_much() { Timestamp::MAX } else { self.next_due() }
    }

    /// Begins firings that are due, and takes those under way one batch further.
    pub(super) async fn fire(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        if self.next(desk) > now {
            return Ok(());
        }
        for planned in &mut self.all {
            if planned.state.firing.is_some() {
                if planned.begun_in.is_none() {
                    planned.fire_further(desk, now).await?;
                }
            } else if planned.next <= now {
                planned.begin_firing(now);
                planned.begun_in = Some(desk.open.number);
                planned.write(desk);
            }
        }
        Ok(())
    }
}

/// The next leads that a firing covers, and whether they are the last.
async fn leads_of(
    store: &dyn Store,
    firing: &Firing,
    limit: usize,
    now: Timestamp,
) -> Result<(Vec<LeadState>, bool), StoreError> {
    let is_new = |state: &LeadState| came_since(state.lead.id, firing.started_at, now);
    let mut page = store.leads(&Partitions::ALL, firing.cursor, limit).await?;
    let over = page.len() < limit;
    let Some(new) = page.iter().position(is_new) else { return Ok((page, over)) };
    page.truncate(new);
    if page.is_empty() {
        // Only leads from before the clock was set back follow the new ones.
        page = store.leads(&Partitions::ALL, Some(LeadId::last_of(now)), limit).await?;
        let over = page.len() < limit;
        return Ok((page, over));
    }
    Ok((page, false))
}

impl Planned {
    fn begin_firing(&mut self, now: Timestamp) {
        let handled = self.state.handled.unwrap_or(now);
        let told = match self.schedule.catch_up {
            CatchUp::All { at_most } => FIRINGS_MAX.max(usize::from(at_most)),
            CatchUp::Latest | CatchUp::None => FIRINGS_MAX,
        };
        // Older ones are treated as if they had never been due.
        let due = self.times.latest(handled, now, &self.state.ran, told + 1);
        self.next = self.times.next_after(now, &self.state.ran);
        self.state.handled = due.last().copied().or(Some(now));
        let oldest = self.caught_up_from(now);
        let late = |nominal: Timestamp| now.since_ms(nominal) > LATE_AFTER_MS;
        let keep = match self.schedule.catch_up {
            CatchUp::Latest => 1,
            CatchUp::All { at_most } => usize::from(at_most),
            CatchUp::None => usize::from(!due.last().copied().is_some_and(late)),
        };
        let first_kept = due.len().saturating_sub(keep);
        for (place, nominal) in due.iter().enumerate() {
            let fires = place >= first_kept && (*nominal >= oldest || !late(*nominal));
            if fires && self.state.firing.is_none() {
                self.state.firing =
                    Some(Firing { nominal: *nominal, started_at: now, cursor: None, enrolled: 0, seen: 0 });
                self.times.note(&mut self.state.ran, *nominal);
                if place + 1 < due.len() {
                    // The remaining firings of `all` follow when this one is over.
                    self.state.handled = Some(*nominal);
                    self.next = due[place + 1];
                    break;
                }
            } else if !fires {
                let how = if place < first_kept && keep > 0 { Fired::Coalesced } else { Fired::Missed };
                let past = PastFiring { nominal: *nominal, at: now, how, enrolled: 0 };
                remember(&mut self.state, past);
            }
        }
    }

    async fn fire_further(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        let Some(mut firing) = self.state.firing else { return Ok(()) };
        let by = format!("schedule/{}/{}", self.schedule.id, firing.nominal);
        let limit = desk.options.firing_leads_max;
        let (page, over) = leads_of(desk.store.as_ref(), &firing, limit, now).await?;
        let commands: Vec<Command> = page
            .iter()
            .map(|stored| Command::Enroll {
                lead: stored.lead.id,
                workflow: self.workflow.clone(),
                by: by.clone(),
                leads: Arc::clone(&self.leads),
            })
            .collect();
        for stored in page {
            firing.cursor = Some(stored.lead.id);
            firing.seen += 1;
            desk.put(stored);
        }
        desk.prefetch(commands.iter(), now).await?;
        for command in &commands {
            let ran = desk.run_prefetched(command, Called::Nobody, now).await?;
            let Ok(Outcome::Applied(notes)) = ran else { continue };
            firing.enrolled += u64::from(notes.iter().any(|note| matches!(note, Note::Enrolled { .. })));
        }
        if over {
            let how =
                if firing.started_at.since_ms(firing.nominal) > LATE_AFTER_MS { Fired::Late } else { Fired::InTime };
            self.state.firing = None;
            let (nominal, at, enrolled) = (firing.nominal, firing.started_at, firing.enrolled);
            remember(&mut self.state, PastFiring { nominal, at, how, enrolled });
            desk.meters.schedule_enrolled_total.add(enrolled);
        } else {
            self.state.firing = Some(firing);
        }
        self.write(desk);
        Ok(())
    }

    fn write(&self, desk: &mut Desk) {
        desk.ledger.write_schedule(self.schedule.id.clone(), self.state.clone());
        desk.open.touched = true;
    }

    /// Takes over the state that is known of the schedule.
    fn go_on_with(&mut self, known: ScheduleState, now: Timestamp) {
        let handled = cron::handled(&self.schedule, &known, now);
        let mut state = known.clone();
        state.ran = cron::ran(&known, now).to_vec();
        state.handled = Some(handled);
        state.rule = Some(cron::rule(&self.schedule));
        state.removed = None;
        if let Some(firing) = &mut state.firing {
            // The clock may have been set back: leads that come from now on came after the firing began.
            firing.started_at = firing.started_at.min(now);
        }
        self.unwritten = state != known;
        self.next = self.times.next_after(handled, &state.ran);
        self.state = state;
    }

    /// Firings older than this are not caught up.
    fn caught_up_from(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(-self.schedule.within.approximate_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_core::time::Span;

    fn schedules() -> Schedules {
        let schedule = Schedule {
            id: "flow/daily".to_owned(),
            cron: "0 8 * * *".to_owned(),
            timezone: "America/New_York".to_owned(),
            catch_up: CatchUp::Latest,
            within: Span::parse("1d").expect("a duration"),
        };
        let planned = Planned {
            workflow: "flow".to_owned(),
            times: Times::of(&schedule).expect("a schedule"),
            schedule,
            leads: Arc::new(Expr::TRUE),
            state: ScheduleState::default(),
            next: Timestamp::from_ms(0),
            begun_in: None,
            unwritten: false,
        };
        Schedules { all: vec![planned], gone: BTreeMap::new() }
    }

    /// If it did not wait, it would skip leads that came before it and are not in the store yet.
    #[test]
    fn a_firing_waits_for_its_batch_also_when_a_workspace_is_applied_meanwhile() {
        let (mut before, now) = (schedules(), Timestamp::from_ms(1_795_186_800_000));
        before.all[0].begin_firing(now);
        before.all[0].state.firing = Some(Firing { nominal: now, started_at: now, cursor: None, enrolled: 0, seen: 0 });
        before.all[0].begun_in = Some(7);
        assert_eq!(before.next_due(), Timestamp::MAX, "its batch is not in the store yet");
        let mut applied = schedules().going_on_from(before, now);
        assert_eq!(applied.next_due(), Timestamp::MAX, "it is not there because a workspace was applied");
        applied.settled(7);
        assert_eq!(applied.next_due(), Timestamp::from_ms(0), "now it goes on at once");
    }
}
