//! `cadenza import FILE`: leads, history or opt-outs into a running engine. First a preview; then, row by row, events
//! whose ids derive from their content, so that the same command again goes on where it broke off and does nothing twice.

use super::client::{Client, ClientError, problem_text};
use super::recipe::{Column, Enrolment, Recipe, has_made_id, is_event};
use super::remote::Remote;
use super::rows::rows;
use super::{Answer, counted, event, output, table, yaml};
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
    columns: BTreeSet<String>,
    known: BTreeMap<String, String>,
    /// Columns that are left out, with the field that was perhaps meant.
    ignored: BTreeMap<String, Option<String>>,
    first: Vec<Value>,
    complaints: Vec<String>,
}

/// How far an import is.
#[derive(Debug, Default)]
struct Tally {
    taken: usize,
    known: usize,
    /// Of these, how many were imported with another word on whether they may enrol.
    known_otherwise: usize,
    failed: usize,
}

impl Import {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let client = self.remote.client()?;
        let recipe = self.recipe(&client)?;
        let preview = self.preview(&recipe)?;
        output::say(&preview.text());
        let readable = preview.rows - preview.unreadable;
        if readable == 0 {
            output::complain("There is nothing to import.");
            return Ok(Answer::No);
        }
        if !self.yes && !confirmed(readable)? {
            output::complain("Nothing was imported; --yes imports without asking.");
            return Ok(Answer::No);
        }
        let tally = self.send(&client, &recipe, readable)?;
        output::say(&tally.text(preview.unreadable));
        if self.enroll && tally.known_otherwise > 0 {
            let several = counted(tally.known_otherwise, "event");
            output::complain(&format!(
                "{several} came before without enrolling, and that stays: `cadenza leads enroll` puts leads into workflows."
            ));
        }
        Ok(if tally.failed + preview.unreadable == 0 { Answer::Yes } else { Answer::No })
    }

    fn recipe(&self, client: &Client) -> anyhow::Result<Recipe> {
        let map = self.map.as_ref().map(|file| yaml::read(file, "is no map of columns")).transpose()?;
        let intake: Intake =
            serde_json::from_value(client.get("/v1/intake")?).context("the engine's list of fields")?;
        let enrolment = match (self.enroll, self.no_enroll) {
            (true, _) => Enrolment::Always,
            (_, true) => Enrolment::Never,
            _ => Enrolment::Fresh,
        };
        Recipe::new(map, intake.fields, enrolment, intake.now)
    }

    fn preview(&self, recipe: &Recipe) -> anyhow::Result<Preview> {
        let rows = rows(&self.file)?;
        let mut preview = Preview { columns: rows.heads.iter().cloned().collect(), ..Preview::default() };
        for row in rows {
            let row = row?;
            preview.rows += 1;
            if let Some(cells) = row.cells.as_ref().ok().filter(|cells| !is_event(cells)) {
                for name in cells.keys() {
                    if !preview.columns.contains(name) {
                        preview.columns.insert(name.clone());
                    }
                }
            }
            match row.cells.and_then(|cells| recipe.event(cells)) {
                Ok(event) => preview.count(event),
                Err(error) => {
                    preview.unreadable += 1;
                    if preview.complaints.len() < FAILURES_TOLD {
                        preview.complaints.push(format!("line {}: {}", row.line, output::causes(error.as_ref())));
                    }
                }
            }
        }
        if preview.rows > 0 {
            recipe.check_columns(&preview.columns)?;
        }
        preview.sort_columns(recipe);
        Ok(preview)
    }

    /// Sends what can be read; what cannot, the preview has told.
    fn send(&self, client: &Client, recipe: &Recipe, total: usize) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        let mut waiting: Vec<(u64, Value)> = Vec::with_capacity(EVENTS_AT_ONCE);
        for row in rows(&self.file)? {
            let row = row?;
            let Ok(event) = row.cells.and_then(|cells| recipe.event(cells)) else { continue };
            waiting.push((row.line, event));
            if waiting.len() == EVENTS_AT_ONCE {
                send_batch(client, &mut waiting, &mut tally)?;
                let done = tally.taken + tally.known + tally.failed;
                output::progress(&format!("{done} of {total} rows, {} failed", tally.failed));
            }
        }
        send_batch(client, &mut waiting, &mut tally)?;
        output::progress("");
        Ok(tally)
    }
}

/// Sends a batch; what the engine could not take for the moment is sent again after a while.
fn send_batch(client: &Client, waiting: &mut Vec<(u64, Value)>, tally: &mut Tally) -> anyhow::Result<()> {
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
        for ((line, event), result) in before.into_iter().zip(results) {
            let Some(problem) = result.get("problem") else {
                tally.take(&result);
                continue;
            };
            match problem["status"].as_u64() {
                Some(429 | 503) => waiting.push((line, event)),
                // Its id is made of all it says but whether it may enrol: it came before, and differs in that alone.
                Some(409) if has_made_id(&event) => {
                    tally.known += 1;
                    tally.known_otherwise += 1;
                }
                _ => tally.fail(line, &problem_text(problem)),
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

    fn fail(&mut self, line: u64, why: &str) {
        self.failed += 1;
        match self.failed {
            told if told <= FAILURES_TOLD => output::complain(&format!("line {line}: {why}")),
            told if told == FAILURES_TOLD + 1 => output::complain("more failures are only counted"),
            _ => {}
        }
    }

    fn text(&self, unreadable: usize) -> String {
        let was = if self.known == 1 { "was" } else { "were" };
        let mut text = format!("{} taken, {} {was} here before, {} failed", self.taken, self.known, self.failed);
        if unreadable > 0 {
            text += &format!(", {unreadable} could not be read");
        }
        text + "."
    }
}

impl Preview {
    fn count(&mut self, event: Value) {
        self.enrolling += usize::from(event["enroll"] == true);
        *self.types.entry(table::cell(&event, "type")).or_default() += 1;
        if self.first.len() < PREVIEW_ROWS {
            self.first.push(event);
        }
    }

    /// Tells columns that become something from those that are left out.
    fn sort_columns(&mut self, recipe: &Recipe) {
        for name in &self.columns {
            let what = match recipe.column(name) {
                Column::Type => "the event's type".to_owned(),
                Column::Id => "the event's id".to_owned(),
                Column::At => "when it happened".to_owned(),
                Column::Lead(field, kind) => format!("lead.{field} ({kind})"),
                Column::Data(name) => format!("data.{name}"),
                Column::Ignored => {
                    self.ignored.insert(name.clone(), recipe.near(name).map(str::to_owned));
                    continue;
                }
            };
            self.known.insert(name.clone(), what);
        }
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("{}, {} cannot be read.", counted(self.rows, "row"), self.unreadable)];
        lines.extend(self.types.iter().map(|(kind, count)| format!("  {count} {kind}")));
        let others = self.rows - self.unreadable - self.enrolling;
        lines.push(format!("{} may enrol a lead into workflows, {others} may not.", self.enrolling));
        lines.extend(self.known.iter().map(|(column, what)| format!("  {column} -> {what}")));
        if !self.ignored.is_empty() {
            let ignored = self.ignored.iter().map(|(column, near)| match near {
                Some(near) => format!("{column} (did you mean `{near}`?)"),
                None => column.clone(),
            });
            lines.push(format!("Columns that are left out: {}.", ignored.collect::<Vec<_>>().join(", ")));
        }
        lines.extend(self.first.iter().map(|event| format!("  {event}")));
        lines.extend(self.complaints.iter().cloned());
        if self.unreadable > self.complaints.len() {
            lines.push("more rows that cannot be read are only counted".to_owned());
        }
        lines.join("\n")
    }
}

fn confirmed(rows: usize) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    output::complain(&format!("Import {}? [y/N]", counted(rows, "row")));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
