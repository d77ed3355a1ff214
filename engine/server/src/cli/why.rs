//! `cadenza why LEAD`: the story of a lead, readable for those who manage the reps.

use super::Answer;
use super::client::{Client, query};
use super::remote::{Remote, find_lead, path};
use crate::say::{output, story};
use clap::Args;
use serde_json::Value;

#[derive(Debug, Args)]
pub(super) struct Why {
    /// Id, mail address, phone number, external id or part of a name
    lead: String,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Why {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let client = self.remote.client()?;
        let lead = find_lead(&client, &self.lead)?;
        if self.json {
            let (entries, _) = entries(&client, &lead, false)?;
            output::json(&Value::Array(entries));
            return Ok(Answer::Yes);
        }
        let (entries, zone) = entries(&client, &lead, true)?;
        let state = client.get(&path("/v1/leads/", &lead, ""))?;
        output::say(&story::of(&state, &entries, zone.as_deref()));
        Ok(Answer::Yes)
    }
}

/// The whole journal, page by page, and the time zone of its words. With `facts`, each entry also has its facts.
pub(super) fn entries(client: &Client, lead: &str, facts: bool) -> anyhow::Result<(Vec<Value>, Option<String>)> {
    let mut entries: Vec<Value> = Vec::new();
    let mut unreadable = 0;
    let mut cursor: Option<String> = None;
    loop {
        let parameters =
            query(&[("limit", Some("200")), ("cursor", cursor.as_deref()), ("facts", facts.then_some("true"))]);
        let mut page = client.get(&path("/v1/leads/", lead, &format!("/timeline{parameters}")))?;
        if let Value::Array(found) = page["items"].take() {
            entries.extend(found);
        }
        unreadable += page["unreadable"].as_u64().unwrap_or(0);
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            if unreadable > 0 {
                output::complain(&format!("{unreadable} entries of its journal cannot be read (`cadenza doctor`)."));
            }
            return Ok((entries, page["timezone"].as_str().map(str::to_owned)));
        }
    }
}
