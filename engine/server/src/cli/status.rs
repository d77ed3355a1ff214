//! `cadenza status`: the workspace at a glance.

use super::Answer;
use super::remote::Remote;
use crate::say::{glance, output};
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Status {
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Status {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let status = self.remote.client()?.get("/v1/status")?;
        if self.json {
            output::json(&status);
        } else {
            output::say(&glance::lines(&status).join("\n"));
        }
        Ok(Answer::Yes)
    }
}
