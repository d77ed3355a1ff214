//! A firing reaches each of its leads once: no lead is told of one firing twice, and as many were enrolled by it as it counted.
//! But for firings that came again since the clock had gone back behind them: what a schedule handled later counts as handled
//! then (ARCHITECTURE.md).

use super::scan::Scan;
use crate::record::Shared;
use cadenza_core::event::Event;
use cadenza_core::journal::Note;
use cadenza_core::state::Fired;
use cadenza_core::time::Timestamp;
use std::collections::BTreeMap;

pub(super) fn check(scan: &Scan, record: &Shared) {
    // By the firing: how many leads were enrolled by it.
    let mut enrolled: BTreeMap<String, u64> = BTreeMap::new();
    let came_twice = |firing: &str| {
        let nominal = firing.rsplit('/').next().and_then(Timestamp::parse);
        nominal.is_some_and(|nominal| record.lock().came_twice(nominal))
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
                    record.wrong(format!("{firing} enrolled {} leads, as it says, and {count} by their journals", past.enrolled));
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
