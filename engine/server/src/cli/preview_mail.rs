//! `cadenza preview SCRIPT --lead LEAD`: the mail as it would leave, and what it lacks. Nothing is sent.

use super::Answer;
use super::client::query;
use super::remote::{Remote, find_lead, path};
use crate::say::output;
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct PreviewMail {
    /// The script's path in the workspace, such as `scripts/mail.md`
    script: String,
    /// Id, mail address, phone number, external id or part of a name
    #[arg(long)]
    lead: String,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl PreviewMail {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let client = self.remote.client()?;
        let lead = find_lead(&client, &self.lead)?;
        let parameters = query(&[("script", Some(self.script.as_str()))]);
        let shown = client.get(&path("/v1/leads/", &lead, &format!("/mail{parameters}")))?;
        let leaves = shown["mail"].is_string() && shown["gate"].is_null();
        if self.json {
            output::json(&shown);
            return Ok(if leaves { Answer::Yes } else { Answer::No });
        }
        let text = |key: &str| shown[key].as_str().unwrap_or_default().to_owned();
        output::say(text("mail").replace('\r', "").trim_end());
        let mut notes = vec![format!("It leaves by `{}`, for the workflow `{}`.", text("via"), text("workflow"))];
        if let Some(why) = shown["why_not"].as_str() {
            notes.push(format!("It would not leave: {why}."));
        }
        if let Some(why) = shown["gate"].as_str() {
            notes.push(format!("As things stand it would be held back: {why}."));
        }
        let lacks = shown["lacks"].as_array().into_iter().flatten().filter_map(|lack| lack.as_str());
        notes.extend(lacks.map(|lack| format!("It lacks {lack}.")));
        output::complain(&notes.join("\n"));
        Ok(if leaves { Answer::Yes } else { Answer::No })
    }
}
