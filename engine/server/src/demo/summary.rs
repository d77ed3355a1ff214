//! The summary: what the demo and the engine counted, as lines for a terminal. Knows nothing of how they got there.

use super::tally::{Tally, percentile};
use super::world::World;
use crate::engine::Refused;
use crate::meters::Meters;
use cadenza_core::id::Digest;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::StepIx;
use std::collections::BTreeMap;
use std::time::Duration;

/// The widest line; a terminal that breaks lines would spoil the redrawing.
const WIDTH: usize = 79;
/// Where values begin.
const MARGIN: usize = 12;

/// Everything at one moment.
pub(super) struct Summary {
    pub(super) tally: Tally,
    /// The engine's own counters.
    pub(super) counters: BTreeMap<String, i64>,
    /// Leads at each `workflow/step`.
    places: Vec<(String, Vec<(String, i64)>)>,
    decisions: u64,
    decisions_failed: u64,
    mean_decision_ns: u64,
    took: Duration,
    /// The time in the workspace's zone.
    now: String,
    leads: usize,
}

impl Summary {
    /// As it is now; `took` is the real time since the beginning.
    pub(super) async fn take(world: &World, took: Duration) -> Result<Self, Refused> {
        let counters = world.engine.counters().await?.values;
        let Meters { decisions_total, decisions_failed_total, decision_ns_total, .. } = world.engine.meters();
        let decisions = decisions_total.get();
        Ok(Self {
            tally: world.tally().clone(),
            places: places(world, &counters),
            counters,
            decisions,
            decisions_failed: decisions_failed_total.get(),
            mean_decision_ns: decision_ns_total.get().checked_div(decisions).unwrap_or_default(),
            took,
            now: clock(world, world.now()),
            leads: world.prospects.len(),
        })
    }

    /// In one line, for a log.
    pub(super) fn line(&self) -> String {
        let tally = &self.tally;
        format!(
            "{}  {} leads in, {} called first, {} tasks done, {} mails, {} reminders, {} qualified, {} decisions",
            self.now,
            tally.posted,
            tally.first_calls.len(),
            tally.tasks_done,
            tally.mails,
            tally.reminders,
            tally.qualified,
            self.decisions
        )
    }

    /// In full.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        row(&mut lines, "Engine time", &[self.now.clone(), format!("{} s of yours", self.took.as_secs())]);
        row(&mut lines, "Leads", &self.leads());
        row(&mut lines, "Segments", &self.segments());
        for (workflow, steps) in &self.places {
            let steps: Vec<String> = steps.iter().map(|(step, count)| format!("{step} {count}")).collect();
            row(&mut lines, workflow, &steps);
        }
        row(&mut lines, "First calls", &self.first_calls());
        row(&mut lines, "Decisions", &self.decided());
        row(&mut lines, "Reps", &self.reps());
        row(&mut lines, "Sent", &self.sent());
        row(&mut lines, "Prospects", &self.prospects());
        lines
    }

    fn leads(&self) -> Vec<String> {
        let tally = &self.tally;
        let mut parts = vec![format!("{} of {} posted and answered 202", tally.posted, self.leads)];
        if let Some((half, most)) = percentile(&tally.intake_ms, 0.5).zip(percentile(&tally.intake_ms, 0.99)) {
            parts.push(format!("p50 {half} ms, p99 {most} ms"));
        }
        parts.push(format!("{} sent twice, recognised", tally.repeated));
        parts.push(format!("{} forged, refused", tally.forged));
        if tally.waited > 0 {
            parts.push(format!("{} asked to wait", tally.waited));
        }
        parts
    }

    fn segments(&self) -> Vec<String> {
        let count = |segment: &str| self.counters.get(&format!("segment/{segment}")).copied().unwrap_or_default();
        let all = self.counters.get("leads").copied().unwrap_or_default().max(1);
        ["hot", "warm", "cold"].map(|name| format!("{name} {} ({} %)", count(name), count(name) * 100 / all)).into()
    }

    fn first_calls(&self) -> Vec<String> {
        let calls = &self.tally.first_calls;
        let minutes: Vec<f64> = calls.iter().map(|call| call.minutes).collect();
        let Some((half, most)) = percentile(&minutes, 0.5).zip(percentile(&minutes, 0.9)) else {
            return vec!["none yet".to_owned()];
        };
        let in_time = calls.iter().filter(|call| call.in_time).count() * 100 / calls.len();
        vec![
            format!("{} hot leads called", calls.len()),
            format!("p50 {half:.1}, p90 {most:.1} business minutes"),
            format!("{in_time} % within five"),
        ]
    }

    fn decided(&self) -> Vec<String> {
        let rate = self.decisions as f64 / self.took.as_secs_f64().max(0.001);
        let mut parts = vec![
            format!("{} by plugins", self.decisions),
            format!("{rate:.0} a second"),
            format!("{:.0} µs each", self.mean_decision_ns as f64 / 1_000.0),
        ];
        if self.decisions_failed > 0 {
            parts.push(format!("{} fell back to the failure policy", self.decisions_failed));
        }
        parts
    }

    fn reps(&self) -> Vec<String> {
        let tally = &self.tally;
        let open = self.counters.get("tasks").copied().unwrap_or_default();
        let parts = [
            (tally.tasks_done as i64, "tasks done"),
            (tally.dials as i64, "calls"),
            (tally.reached as i64, "reached"),
            (tally.handed_out as i64, "handed to the sales desk"),
            (open, "open"),
        ];
        parts.map(|(count, what)| format!("{count} {what}")).into()
    }

    fn sent(&self) -> Vec<String> {
        let tally = &self.tally;
        let once = match tally.came_twice.len() {
            0 => "each once, signed".to_owned(),
            several => format!("{several} CAME AGAIN"),
        };
        vec![
            format!("{} mails", tally.mails),
            format!("{} reminders", tally.reminders),
            format!("{} raised to a manager", tally.raised),
            once,
        ]
    }

    fn prospects(&self) -> Vec<String> {
        let tally = &self.tally;
        vec![
            format!("{} visits", tally.engaged),
            format!("{} qualified", tally.qualified),
            format!("{} opted out", tally.opted_out),
            format!("{} meetings", tally.meetings),
            format!("{} deals won ({} thousand)", tally.won, tally.revenue / 1_000),
            format!("{} lost", tally.lost),
        ]
    }
}

/// How many leads are at which step, by workflow, in the order of the steps.
fn places(world: &World, counters: &BTreeMap<String, i64>) -> Vec<(String, Vec<(String, i64)>)> {
    let catalog = world.engine.catalog();
    let mut found: BTreeMap<&str, Vec<(StepIx, String, i64)>> = BTreeMap::new();
    for (digest, definition) in catalog.definitions.iter() {
        for (ix, count) in at_steps(counters, digest) {
            let step = definition.step(ix).map_or_else(|| "?".to_owned(), |step| step.id.clone());
            found.entry(&definition.name).or_default().push((ix, step, count));
        }
    }
    let in_order = |(workflow, mut steps): (&str, Vec<(StepIx, String, i64)>)| {
        steps.sort_by_key(|(ix, ..)| ix.0);
        (workflow.to_owned(), steps.into_iter().map(|(_, step, count)| (step, count)).collect())
    };
    found.into_iter().map(in_order).collect()
}

/// Leads at the steps of one definition, parked ones included.
fn at_steps(counters: &BTreeMap<String, i64>, definition: &Digest) -> BTreeMap<StepIx, i64> {
    let mut steps = BTreeMap::new();
    for state in ["step", "parked"] {
        let before = format!("{state}/{definition}/");
        let named = counters.iter().filter_map(|(name, count)| Some((name.strip_prefix(&before)?, *count)));
        for (step, count) in named.filter(|(_, count)| *count != 0) {
            if let Ok(step) = step.parse() {
                *steps.entry(StepIx(step)).or_default() += count;
            }
        }
    }
    steps
}

/// A time as people of this workspace read it.
pub(super) fn clock(world: &World, at: Timestamp) -> String {
    let zone = world.engine.catalog().workspace.settings.calendar.zone().clone();
    at.to_jiff().to_zoned(zone).strftime("%a %-d %b %H:%M").to_string()
}

/// A label and its parts, on as many lines as they need.
fn row(lines: &mut Vec<String>, label: &str, parts: &[String]) {
    let mut line = format!("{label:<MARGIN$}");
    let mut is_first = true;
    for part in parts {
        if !is_first && line.chars().count() + part.chars().count() + 3 > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(MARGIN)));
            is_first = true;
        }
        if !is_first {
            line.push_str(" · ");
        }
        line.push_str(part);
        is_first = false;
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_are_broken_between_their_parts() {
        let mut lines = Vec::new();
        row(&mut lines, "inbound", &vec!["a step with a name 12".to_owned(); 5]);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        let part = "a step with a name 12";
        let margin = " ".repeat(MARGIN);
        let expected = [format!("inbound     {part} · {part}"), format!("{margin}{part} · {part}"), margin + part];
        assert_eq!(lines, expected);
    }
}
