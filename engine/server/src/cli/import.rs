//! `cadenza import FILE`: leads, history or opt-outs into a running engine. First a preview; then, row by row, events
//! whose ids derive from their content, so that the same command again goes on where it broke off and does nothing twice.

use super::client::{Client, ClientError, problem_text};
use super::remote::Remote;
use super::rows::{Column, ColumnMap, Enrolment, Recipe, rows};
use super::{Answer, event, output, table};
use anyhow::Context as _;
use cadenza_core::time::Timestamp;
use cadenza_core::value::ValueType;
use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

/// Rows that the preview shows.
const PREVIEW_ROWS: usize = 3;
/// Failures that are told one by one; the rest is counted.
const FAILURES_TOLD: usize = 20;
/// Events posted at once.
const EVENTS_AT_ONCE: usize = 500;
/// How often a batch is tried again while the engine is under pressure.
const TRIES_MAX: u32 = 60;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// A file of CSV with a header line (by its ending .csv), or of JSON lines
    file: PathBuf,
    /// A YAML file that says which column is what: type, id, at, lead: {column: field}, data: {column: name}
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Enrol nobody
    #[arg(long, conflicts_with = "enroll")]
    no_enroll: bool,
    /// Let history enrol too: what happened more than a day ago enrols nobody otherwise
    #[arg(long)]
    enroll: bool,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    remote: Remote,
}

/// What the engine says about events.
#[derive(Debug, Deserialize)]
struct Intake {
    now: Timestamp,
    fields: BTreeMap<String, ValueType>,
}

/// What a look at the whole file shows.
#[derive(Debug, Default)]
struct Preview {
    rows: usize,
    unreadable: usize,
    enrolling: usize,
    types: BTreeMap<String, usize>,
    known: BTreeMap<String, String>,
    ignored: BTreeSet<String>,
    first: Vec<Value>,
    complaints: Vec<String>,
}

/// How far an import is.
#[derive(Debug, Default)]
struct Tally {
    taken: usize,
    known: usize,
    failed: usize,
}

impl Import {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let client = self.remote.client()?;
        let recipe = self.recipe(&client)?;
        let preview = self.preview(&recipe)?;
        output::say(&preview.text());
        if preview.rows == preview.unreadable {
            output::complain("There is nothing to import.");
            return Ok(Answer::No);
        }
        if !self.yes && !confirmed(preview.rows)? {
            output::complain("Nothing was imported; --yes imports without asking.");
            return Ok(Answer::No);
        }
        let tally = self.send(&client, &recipe, preview.rows)?;
        output::say(&format!("{} taken, {} were here before, {} failed.", tally.taken, tally.known, tally.failed));
        Ok(if tally.failed == 0 { Answer::Yes } else { Answer::No })
    }

    fn recipe(&self, client: &Client) -> anyhow::Result<Recipe> {
        let intake: Intake =
            serde_json::from_value(client.get("/v1/intake")?).context("the engine's list of fields")?;
        let map = self.map.as_ref().map(|file| -> anyhow::Result<ColumnMap> {
            let text = std::fs::read_to_string(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
            serde_saphyr::from_str(&text).with_context(|| format!("`{}` is no map of columns", file.display()))
        });
        let enrolment = match (self.enroll, self.no_enroll) {
            (true, _) => Enrolment::Always,
            (_, true) => Enrolment::Never,
            _ => Enrolment::Fresh,
        };
        Recipe::new(map.transpose()?, intake.fields, enrolment, intake.now)
    }

    fn preview(&self, recipe: &Recipe) -> anyhow::Result<Preview> {
        let mut preview = Preview::default();
        for row in rows(&self.file)? {
            preview.rows += 1;
            let names: Vec<String> = row.as_ref().map_or_else(|_| Vec::new(), |row| row.keys().cloned().collect());
            match row.and_then(|row| recipe.event(row)) {
                Ok(event) => preview.count(&event, &names, recipe),
                Err(error) => {
                    preview.unreadable += 1;
                    if preview.complaints.len() < FAILURES_TOLD {
                        preview.complaints.push(format!("row {}: {error:#}", preview.rows));
                    }
                }
            }
        }
        Ok(preview)
    }

    fn send(&self, client: &Client, recipe: &Recipe, total: usize) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        let mut waiting: Vec<(usize, Value)> = Vec::with_capacity(EVENTS_AT_ONCE);
        for (ix, row) in rows(&self.file)?.enumerate() {
            match row.and_then(|row| recipe.event(row)) {
                Ok(event) => waiting.push((ix + 1, event)),
                Err(error) => tally.fail(ix + 1, &format!("{error:#}")),
            }
            if waiting.len() == EVENTS_AT_ONCE {
                send_batch(client, &mut waiting, &mut tally)?;
                output::progress(&format!("{} of {total} rows, {} failed", ix + 1, tally.failed));
            }
        }
        send_batch(client, &mut waiting, &mut tally)?;
        output::progress("");
        Ok(tally)
    }
}

/// Sends a batch; what the engine could not take for the moment is sent again after a while.
fn send_batch(client: &Client, waiting: &mut Vec<(usize, Value)>, tally: &mut Tally) -> anyhow::Result<()> {
    for _ in 0..TRIES_MAX {
        if waiting.is_empty() {
            return Ok(());
        }
        let events: Vec<Value> = waiting.iter().map(|(_, event)| event.clone()).collect();
        let results = match event::post(client, &events) {
            Ok(results) => results,
            Err(ClientError::Problem { status, retry_after, .. }) if matches!(status.as_u16(), 429 | 503) => {
                std::thread::sleep(retry_after.unwrap_or(Duration::from_secs(1)));
                continue;
            }
            Err(error) => {
                let broke_off = "the import broke off; the same command again goes on, and does nothing twice";
                return Err(anyhow::Error::from(error).context(broke_off));
            }
        };
        let before = std::mem::take(waiting);
        for ((row, event), result) in before.into_iter().zip(results) {
            match result.get("problem") {
                None => tally.take(&result),
                Some(problem) if matches!(problem["status"].as_u64(), Some(429 | 503)) => waiting.push((row, event)),
                Some(problem) => tally.fail(row, &problem_text(problem)),
            }
        }
        if !waiting.is_empty() {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    anyhow::bail!("the engine takes nothing for the moment; the same command again goes on, and does nothing twice")
}

impl Tally {
    fn take(&mut self, result: &Value) {
        if result["duplicate"] == true { self.known += 1 } else { self.taken += 1 }
    }

    fn fail(&mut self, row: usize, why: &str) {
        self.failed += 1;
        match self.failed {
            told if told <= FAILURES_TOLD => output::complain(&format!("row {row}: {why}")),
            told if told == FAILURES_TOLD + 1 => output::complain("more failures are only counted"),
            _ => {}
        }
    }
}

impl Preview {
    fn count(&mut self, event: &Value, names: &[String], recipe: &Recipe) {
        self.enrolling += usize::from(event["enroll"] == true);
        *self.types.entry(table::cell(event, "type")).or_default() += 1;
        if event.get("lead").is_some() && !names.iter().any(|name| name == "lead") {
            for name in names {
                let what = match recipe.column(name) {
                    Column::Type => "the event's type".to_owned(),
                    Column::Id => "the event's id".to_owned(),
                    Column::At => "when it happened".to_owned(),
                    Column::Lead(field, kind) => format!("lead.{field} ({kind})"),
                    Column::Data(name) => format!("data.{name}"),
                    Column::Ignored => {
                        self.ignored.insert(name.clone());
                        continue;
                    }
                };
                self.known.insert(name.clone(), what);
            }
        }
        if self.first.len() < PREVIEW_ROWS {
            self.first.push(event.clone());
        }
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("{} rows, {} of them cannot be read.", self.rows, self.unreadable)];
        lines.extend(self.types.iter().map(|(kind, count)| format!("  {count} {kind}")));
        lines.push(format!(
            "{} may enrol their leads into workflows, {} not.",
            self.enrolling,
            self.rows - self.unreadable - self.enrolling
        ));
        lines.extend(self.known.iter().map(|(column, what)| format!("  {column} -> {what}")));
        if !self.ignored.is_empty() {
            let ignored: Vec<&str> = self.ignored.iter().map(String::as_str).collect();
            lines.push(format!("Columns that are left out: {}.", ignored.join(", ")));
        }
        lines.extend(self.first.iter().map(|event| format!("  {event}")));
        lines.extend(self.complaints.iter().cloned());
        lines.join("\n")
    }
}

fn confirmed(rows: usize) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    output::complain(&format!("Import {rows} rows? [y/N]"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
