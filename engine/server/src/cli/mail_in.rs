//! `cadenza mail-in`: hands one message from standard input to a running engine. Called by a mail server for each
//! message.

use super::Answer;
use super::remote::Remote;
use crate::say::{output, table};
use anyhow::Context as _;
use cadenza_core::time::Timestamp;
use cadenza_mail::{MESSAGE_BYTES_MAX, Verdict, Why};
use clap::Args;
use serde_json::Value;
use std::io::Read as _;

/// Exit codes: 0 a lead was told, 1 the message concerns no lead or is none, 2 it could not be handed over, so try again.
#[derive(Debug, Args)]
pub(super) struct MailIn {
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl MailIn {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let mut input = std::io::stdin().lock();
        let mut mail = Vec::new();
        input
            .by_ref()
            .take(MESSAGE_BYTES_MAX as u64)
            .read_to_end(&mut mail)
            .context("standard input cannot be read")?;
        // A mail server that could not write the rest would take it for a failure.
        std::io::copy(&mut input, &mut std::io::sink()).context("standard input cannot be read")?;
        if cadenza_mail::read(&mail, Timestamp::from_ms(0)).verdict == Verdict::Other(Why::NoMail) {
            // The engine would refuse it, today and tomorrow.
            output::complain(&format!("{}; nobody is told.", Why::NoMail.words()));
            return Ok(Answer::No);
        }
        let done = self.remote.client()?.post_mail("/v1/mail", mail)?;
        if self.json {
            output::json(&done)
        } else {
            output::say(&sentence(&done))
        }
        Ok(if done["type"].is_string() { Answer::Yes } else { Answer::No })
    }
}

fn sentence(done: &Value) -> String {
    let kind = table::cell(done, "kind");
    if let Some(why) = done["why"].as_str() {
        return format!("{kind}: nobody is told. {why}");
    }
    let by = if done["found_by"] == "message" { "the message of ours that it names" } else { "the address" };
    let known = if done["duplicate"] == true { "; it was here before" } else { "" };
    format!("{kind}: {} for {}, found by {by}{known}", table::cell(done, "type"), table::cell(done, "lead"))
}
