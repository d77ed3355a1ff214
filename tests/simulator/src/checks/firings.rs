//! A firing reaches each of its leads once: no lead is told of one firing twice, and as many leads were enrolled by it as it
//! counted. The exception is a schedule whose record could not be read: it begins anew, and when the clock was set back it comes
//! to its firings again.

use super::scan::Scan;
use crate::life::Lives;
use crate::record::Shared;
use cadenza_core::event::Event;
use cadenza_core::expr::Expr;
use cadenza_core::journal::{Entry, Note};
use cadenza_core::state::Fired;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::workflow::Enroll;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(scan: &Scan, record: &Shared) {
    // How many leads were enrolled by each firing.
    let mut enrolled: BTreeMap<String, u64> = BTreeMap::new();
    let came_twice = |firing: &str| {
        let (id, nominal) = firing.strip_prefix("schedule/").and_then(|firing| firing.rsplit_once('/')).unzip();
        let nominal = nominal.and_then(Timestamp::parse);
        id.is_some_and(|id| scan.was_schedule_spoilt(id)) && nominal.is_some_and(|at| record.lock().came_twice(at))
    };
    for (lead, entries) in &scan.journals {
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in entries {
            let events = entry.personal.iter().flat_map(|personal| &personal.events);
            let firing = events.clone().find_map(|event| match event {
                Event::Enrolled { by, .. } if by.starts_with("schedule/") => Some(by.as_str()),
                _ => None,
            });
            let Some(firing) = firing else { continue };
            *told.entry(firing).or_default() += 1;
            if entry.skeleton.notes.iter().any(|note| matches!(note, Note::Enrolled { .. })) {
                *enrolled.entry(firing.to_owned()).or_default() += 1;
            }
        }
        for (firing, times) in told.into_iter().filter(|(_, times)| *times > 1) {
            if came_twice(firing) {
                continue;
            }
            record.wrong(format!("{firing} reached {lead} {times} times"));
        }
    }
    for (id, state) in &scan.schedules {
        let mut nominal_before = None;
        for past in &state.past {
            let firing = format!("schedule/{id}/{}", past.nominal);
            if matches!(past.how, Fired::InTime | Fired::Late) && !came_twice(&firing) {
                let count = enrolled.get(&firing).copied().unwrap_or_default();
                if count != past.enrolled {
                    record.wrong(format!(
                        "{firing} enrolled {} leads, as it says, and {count} by their journals",
                        past.enrolled
                    ));
                }
                if nominal_before == Some(past.nominal) {
                    record.wrong(format!("{firing} took place twice"));
                }
                nominal_before = Some(past.nominal);
            }
        }
        if let Some(firing) = &state.firing {
            record.wrong(format!("{id} fires since {}, and comes to no end", firing.started_at));
        }
    }
}

/// No schedule of this simulation is silent for longer.
const SILENT_MS_MAX: i64 = 4 * DAY_MS;

/// Since nothing fails any more, every schedule fired when it was due, for every lead that it covers: each lead has an entry of
/// it, or was in the workflow then.
pub(super) fn check_last(scan: &Scan, lives: &Lives<'_>, now: Timestamp) {
    let schedules = lives.workflows.values().flat_map(|workflow| {
        let ways = workflow.enroll.iter();
        ways.filter_map(|way| match way {
            Enroll::Schedule { schedule, leads } => Some((workflow.name.as_str(), &schedule.id, *leads == Expr::TRUE)),
            Enroll::When { .. } => None,
        })
    });
    for (workflow, id, of_all) in schedules {
        let Some((_, state)) = scan.schedules.iter().find(|(known, _)| known == id) else {
            lives.record.wrong(format!("{id} is in force, and nothing is known of it"));
            continue;
        };
        if state.handled.is_none_or(|handled| now.since_ms(handled) > SILENT_MS_MAX) {
            lives.record.wrong(format!("{id} was last seen to at {:?}, and it is {now}", state.handled));
        }
        let fired = state.past.iter().filter(|past| past.how == Fired::InTime && past.nominal > lives.healed_at);
        // At a time that came twice, a lead may have been in the workflow before by a clock that was ahead, or may have come
        // after the firing by that clock.
        let once = |nominal: Timestamp| !lives.record.lock().came_twice(nominal);
        for past in fired.filter(|past| of_all && once(past.nominal)) {
            let firing = format!("schedule/{id}/{}", past.nominal);
            for lead in scan.leads.iter().filter(|state| state.lead.created_at < past.at) {
                let entries = scan.journal(lead.lead.id);
                if !is_told(entries, &firing) && !is_in(entries, lives, workflow, past.at) {
                    lives.record.wrong(format!("{firing} did not reach {}", lead.lead.id));
                }
            }
        }
    }
}

fn is_told(entries: &[Entry], firing: &str) -> bool {
    let mut events = entries.iter().filter_map(|entry| entry.personal.as_ref()).flat_map(|personal| &personal.events);
    events.any(|event| matches!(event, Event::Enrolled { by, .. } if by == firing))
}

/// Whether a lead was in a workflow at this time, or entered or left it at that moment.
fn is_in(entries: &[Entry], lives: &Lives<'_>, name: &str, at: Timestamp) -> bool {
    let mut inside = BTreeSet::new();
    for entry in entries {
        let then = entry.skeleton.now;
        if then > at {
            break;
        }
        for note in &entry.skeleton.notes {
            match note {
                Note::Enrolled { run, workflow, .. } if lives.definitions.name(workflow) == Some(name) => {
                    inside.insert(*run);
                    if then == at {
                        return true;
                    }
                }
                Note::Ended { run, .. } if inside.remove(run) && then == at => return true,
                _ => {}
            }
        }
    }
    !inside.is_empty()
}
