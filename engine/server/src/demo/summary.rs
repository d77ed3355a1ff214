//! The summary: what the demo and the engine counted, as lines for a terminal. Does not know how the counts were made.

use super::tally::{Tally, percentile};
use super::world::World;
use crate::say::glance::{self, row};
use anyhow::Context as _;
use cadenza_api::views::status::StatusView;
use cadenza_core::time::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// All counts at one moment.
pub(super) struct Summary {
    pub(super) tally: Tally,
    /// What the engine reports about itself, as `cadenza status` shows it.
    pub(super) status: Value,
    took: Duration,
    /// The time in the workspace's zone.
    now: String,
    leads: usize,
}

impl Summary {
    /// Takes the summary now; `took` is the real time since the beginning.
    pub(super) async fn take(world: &World, took: Duration) -> anyhow::Result<Self> {
        let status = StatusView::take(&world.engine).await?;
        Ok(Self {
            tally: world.tally().clone(),
            status: serde_json::to_value(status).context("the status has no JSON")?,
            took,
            now: clock(world, world.now()),
            leads: world.prospects.len(),
        })
    }

    /// The summary in one line, for a log.
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
            self.status["decisions"]["taken"]
        )
    }

    /// The full summary: the engine's own status, then what the demo saw from outside.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = glance::lines(&self.status);
        row(&mut lines, "Took", &[format!("{} s of yours", self.took.as_secs())]);
        row(&mut lines, "Posted", &self.leads());
        row(&mut lines, "Hot leads", &self.first_calls());
        row(&mut lines, "Reps", &self.reps());
        row(&mut lines, "Mailbox", &self.sent());
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

    fn first_calls(&self) -> Vec<String> {
        let calls = &self.tally.first_calls;
        let minutes: Vec<f64> = calls.iter().map(|call| call.minutes).collect();
        let Some((half, most)) = percentile(&minutes, 0.5).zip(percentile(&minutes, 0.9)) else {
            return vec!["none yet".to_owned()];
        };
        let in_time = calls.iter().filter(|call| call.in_time).count() * 100 / calls.len();
        vec![
            format!("{} called", calls.len()),
            format!("p50 {half:.1}, p90 {most:.1} business minutes"),
            format!("{in_time} % within five"),
        ]
    }

    fn reps(&self) -> Vec<String> {
        let tally = &self.tally;
        let parts = [
            (tally.tasks_done, "tasks done"),
            (tally.dials, "calls"),
            (tally.reached, "reached"),
            (tally.handed_out, "handed to the sales desk"),
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

/// A time as people of this workspace read it.
pub(super) fn clock(world: &World, at: Timestamp) -> String {
    let zone = world.engine.catalog().workspace.settings.calendar.zone().clone();
    at.to_jiff().to_zoned(zone).strftime("%a %-d %b %H:%M").to_string()
}
