//! `cadenza next LEAD`: whether a lead may be contacted now, on which channel, and when that changes.

use super::Answer;
use super::client::query;
use super::remote::{Remote, find_lead, path};
use crate::say::{output, table};
use clap::Args;
use serde_json::Value;

#[derive(Debug, Args)]
pub(super) struct Next {
    /// Id, mail address, phone number, external id or part of a name
    lead: String,
    /// Only this channel: call, email or message
    #[arg(long)]
    channel: Option<String>,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Next {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let client = self.remote.client()?;
        let lead = find_lead(&client, &self.lead)?;
        let parameters = query(&[("channel", self.channel.as_deref())]);
        let gate = client.get(&path("/v1/leads/", &lead, &format!("/gate{parameters}")))?;
        if self.json {
            output::json(&gate);
            return Ok(Answer::Yes);
        }
        let rows: Vec<Value> = gate["items"].as_array().cloned().unwrap_or_default();
        let columns = [("channel", "channel"), ("gate", "says"), ("opens", "opens_at"), ("because", "words")];
        table::print_in(gate["timezone"].as_str(), &columns, &rows, "There is no such channel.");
        Ok(Answer::Yes)
    }
}
