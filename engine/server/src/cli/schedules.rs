//! `cadenza schedules`: when each fires next, and what happened to its past firings.

use super::Answer;
use super::remote::Remote;
use crate::say::{output, table};
use clap::Args;
use serde_json::Value;

#[derive(Debug, Args)]
pub(super) struct Schedules {
    /// As JSON, for other programs; with the past firings
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Schedules {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let schedules = self.remote.client()?.get("/v1/schedules")?;
        if self.json {
            output::json(&schedules);
            return Ok(Answer::Yes);
        }
        let columns = [
            ("ID", "id"),
            ("CRON", "cron"),
            ("ZONE", "timezone"),
            ("NEXT", "next"),
            ("LAST", "last.nominal"),
            ("HOW", "last.how"),
            ("ENROLLED", "last.enrolled"),
            ("MISSED", "missed"),
            ("COALESCED", "coalesced"),
        ];
        let rows: &[Value] = schedules.as_array().map_or(&[], Vec::as_slice);
        table::print(&columns, rows, "No workflow has a schedule.");
        Ok(Answer::Yes)
    }
}
