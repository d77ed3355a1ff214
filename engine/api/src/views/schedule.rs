//! A schedule as the API shows it: when it fires next, and what happened to its past firings.

use cadenza_core::state::{Fired, Firing, PastFiring, ScheduleState};
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::{CatchUp, Schedule};
use cadenza_runtime::cron;
use serde::Serialize;

/// A schedule as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct ScheduleView {
    id: String,
    workflow: String,
    cron: String,
    timezone: String,
    catch_up: String,
    /// When the engine plans to fire it; in the past if it is overdue.
    next: Option<Timestamp>,
    last: Option<FiringView>,
    /// A firing that is working through the leads.
    firing: Option<UnderWay>,
    /// How many of the remembered firings did not run on time.
    late: usize,
    missed: usize,
    coalesced: usize,
    past: Vec<FiringView>,
}

#[derive(Clone, Debug, Serialize)]
struct FiringView {
    nominal: Timestamp,
    at: Timestamp,
    how: Fired,
    enrolled: u64,
}

#[derive(Debug, Serialize)]
struct UnderWay {
    nominal: Timestamp,
    started_at: Timestamp,
    seen: u64,
    enrolled: u64,
}

impl ScheduleView {
    /// A schedule with what it remembers, at `now`.
    pub(crate) fn new(workflow: &str, schedule: &Schedule, state: &ScheduleState, now: Timestamp) -> Self {
        let past: Vec<FiringView> = state.past.iter().map(firing_view).collect();
        let count = |how: Fired| past.iter().filter(|firing| firing.how == how).count();
        Self {
            id: schedule.id.clone(),
            workflow: workflow.to_owned(),
            cron: schedule.cron.clone(),
            timezone: schedule.timezone.clone(),
            catch_up: match schedule.catch_up {
                CatchUp::Latest => "latest".to_owned(),
                CatchUp::All { at_most } => format!("all (at most {at_most})"),
                CatchUp::None => "none".to_owned(),
            },
            next: cron::next(schedule, state, now),
            last: past.last().cloned(),
            firing: state.firing.as_ref().map(|firing: &Firing| UnderWay {
                nominal: firing.nominal,
                started_at: firing.started_at,
                seen: firing.seen,
                enrolled: firing.enrolled,
            }),
            late: count(Fired::Late),
            missed: count(Fired::Missed),
            coalesced: count(Fired::Coalesced),
            past,
        }
    }
}

fn firing_view(firing: &PastFiring) -> FiringView {
    FiringView { nominal: firing.nominal, at: firing.at, how: firing.how, enrolled: firing.enrolled }
}
