//! The store's counters under the names that people use: workflows and steps, never digests. `/metrics`, `cadenza status` and the
//! demo read them here. The driver writes them (`driver/ledger.rs`).

use crate::catalog::Catalog;
use cadenza_core::plugin::Segment;
use cadenza_core::time::MINUTE_MS;
use cadenza_core::workflow::StepId;
use cadenza_store::Counters;
use serde::Serialize;
use std::collections::BTreeMap;

/// The classes of waits for the first call, each up to this many business minutes (practice C5). Longer waits are `later`.
const FIRST_CALL_CLASSES: [(u64, &str); 4] = [(5, "5m"), (15, "15m"), (60, "1h"), (240, "4h")];
const FIRST_CALL_LATER: &str = "later";

/// The class of a wait for the first call.
pub(crate) fn first_call_class(waited_ms: u64) -> &'static str {
    let minutes = |minutes: u64| minutes * MINUTE_MS.unsigned_abs();
    let class = FIRST_CALL_CLASSES.iter().find(|(most, _)| waited_ms <= minutes(*most));
    class.map_or(FIRST_CALL_LATER, |(_, class)| class)
}

/// Everything that is counted about the workspace's leads.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub leads: i64,
    /// Open leads that no workflow ever took.
    pub untaken: i64,
    /// Leads by segment. A lead that was never scored is in none.
    pub segments: BTreeMap<Segment, i64>,
    /// Runs by workflow, in the order of the workflows' names.
    pub workflows: Vec<WorkflowCounts>,
    pub tasks: i64,
    /// Leads that were called, by how long they waited for the first call: at most 5, 15, 60 or 240 business minutes, or longer.
    /// Each lead is in one class.
    pub first_calls: Vec<FirstCalls>,
}

/// Runs of one workflow, all its versions together.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct WorkflowCounts {
    pub workflow: String,
    /// The workflow's steps that have runs.
    pub steps: Vec<StepCounts>,
}

/// Runs at one step.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct StepCounts {
    pub step: String,
    /// Runs that go on by themselves.
    pub runs: i64,
    /// Runs that are parked for a person.
    pub parked: i64,
}

/// Leads of one class.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FirstCalls {
    /// `5m`, `15m`, `1h`, `4h` or `later`.
    pub within: &'static str,
    pub leads: i64,
}

impl Counts {
    /// Reads the counters, using the names in the definitions that runs have pinned.
    pub fn read(counters: &Counters, catalog: &Catalog) -> Self {
        let value = |name: &str| counters.values.get(name).copied().unwrap_or_default();
        let classes = FIRST_CALL_CLASSES.iter().map(|(_, class)| *class).chain([FIRST_CALL_LATER]);
        Self {
            leads: value("leads"),
            // In a data folder from before this was counted, leads may have left that were never added.
            untaken: value("untaken").max(0),
            segments: Segment::ALL.iter().map(|segment| (*segment, value(&format!("segment/{segment}")))).collect(),
            workflows: workflows(counters, catalog),
            tasks: value("tasks"),
            first_calls: classes
                .map(|within| FirstCalls { within, leads: value(&format!("first_call/{within}")) })
                .collect(),
        }
    }

    /// Runs that are parked for a person.
    pub fn parked(&self) -> i64 {
        self.workflows.iter().flat_map(|workflow| &workflow.steps).map(|step| step.parked).sum()
    }
}

fn workflows(counters: &Counters, catalog: &Catalog) -> Vec<WorkflowCounts> {
    // Ordered by place in the file, so that the steps of a workflow read from the top. Versions are added up by step.
    let mut found: BTreeMap<&str, BTreeMap<&str, (usize, StepCounts)>> = BTreeMap::new();
    for definition in catalog.definitions.followed() {
        for (state, parked) in [("step", false), ("parked", true)] {
            let before = format!("{state}/{}/", definition.digest);
            let named = counters.values.range(before.clone()..).take_while(|(name, _)| name.starts_with(&before));
            for (name, count) in named.filter(|(_, count)| **count != 0) {
                let Some(step) = name[before.len()..].parse().ok().map(StepId::from_number) else { continue };
                let place = definition.place(step);
                let id = place.map_or("?", |place| definition.steps[place].id.as_str());
                let steps = found.entry(&definition.name).or_default();
                let new = || (place.unwrap_or(usize::MAX), StepCounts { step: id.to_owned(), runs: 0, parked: 0 });
                let (_, counts) = steps.entry(id).or_insert_with(new);
                *if parked { &mut counts.parked } else { &mut counts.runs } += count;
            }
        }
    }
    let in_order = |(workflow, steps): (&str, BTreeMap<&str, (usize, StepCounts)>)| {
        let mut steps: Vec<(usize, StepCounts)> = steps.into_values().collect();
        steps.sort_by_key(|(place, _)| *place);
        WorkflowCounts { workflow: workflow.to_owned(), steps: steps.into_iter().map(|(_, counts)| counts).collect() }
    };
    found.into_iter().map(in_order).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_in_the_first_class_it_fits() {
        const MINUTE: u64 = 60_000;
        for (waited_ms, class) in [
            (0, "5m"),
            (5 * MINUTE, "5m"),
            (5 * MINUTE + 1, "15m"),
            (15 * MINUTE, "15m"),
            (60 * MINUTE, "1h"),
            (61 * MINUTE, "4h"),
            (240 * MINUTE + 1, "later"),
            (u64::MAX, "later"),
        ] {
            assert_eq!(first_call_class(waited_ms), class, "{waited_ms} ms");
        }
    }
}
