//! `cadenza event FILE`: posts events as they are: a single one, an array, or one per line.

use super::Answer;
use super::client::{Client, problem_text};
use super::remote::Remote;
use crate::say::{output, table};
use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Events posted at once.
const EVENTS_AT_ONCE: usize = 500;

#[derive(Debug, Args)]
pub(super) struct Event {
    /// A file of JSON or JSON lines; `-` for standard input
    file: PathBuf,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Event {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let events = read(&self.file)?;
        let client = self.remote.client()?;
        let mut failed = 0;
        for together in events.chunks(EVENTS_AT_ONCE) {
            for result in post(&client, together)? {
                failed += usize::from(result.get("problem").is_some());
                if self.json { output::json(&result) } else { output::say(&sentence(&result)) }
            }
        }
        Ok(if failed == 0 { Answer::Yes } else { Answer::No })
    }
}

/// Posts events and returns a result for each.
pub(super) fn post(client: &Client, events: &[Value]) -> Result<Vec<Value>, super::client::ClientError> {
    let mut answer = client.post("/v1/events", Some(&Value::Array(events.to_vec())))?;
    match answer["results"].take() {
        Value::Array(results) => Ok(results),
        _ => Ok(vec![answer]),
    }
}

fn sentence(result: &Value) -> String {
    let event = table::cell(result, "event");
    if let Some(problem) = result.get("problem") {
        return format!("{event}: not taken. {}", problem_text(problem));
    }
    let known = if result["duplicate"] == true { " (it was here before)" } else { "" };
    format!("{event}: taken for {}{known}", table::cell(result, "lead"))
}

fn read(file: &Path) -> anyhow::Result<Vec<Value>> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?
    };
    let mut events = Vec::new();
    for (ix, value) in serde_json::Deserializer::from_str(&text).into_iter::<Value>().enumerate() {
        match value.with_context(|| format!("`{}`, document {}", file.display(), ix + 1))? {
            Value::Array(several) => events.extend(several),
            one => events.push(one),
        }
    }
    Ok(events)
}
