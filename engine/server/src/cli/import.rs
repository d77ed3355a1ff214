//! `cadenza import FILE`: brings leads, history or opt-outs into a running engine. First comes a preview, then,
//! row by row, events whose ids derive from their content, so that repeating the command continues where it
//! stopped and does nothing twice.

use super::client::{Client, ClientError, problem_text};
use super::preview::Preview;
use super::recipe::{Enrolment, Made, NamesNobody, Recipe, has_made_id, is_event, must_stop};
use super::remote::Remote;
use super::rows::rows;
use super::{Answer, event, yaml};
use crate::say::{counted, output};
use anyhow::{Context as _, bail};
use cadenza_core::own_words::OwnWords;
use cadenza_core::time::Timestamp;
use cadenza_core::value::ValueType;
use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

/// Failures that are reported one by one; the rest are counted.
pub(super) const FAILURES_TOLD: usize = 20;
/// Events posted at once.
const EVENTS_AT_ONCE: usize = 500;
/// How often a batch is tried again while the engine is busy.
const TRIES_MAX: u32 = 60;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// A table with a header line (by its ending .csv, .tsv or .txt), or a file of JSON lines
    file: PathBuf,
    /// A YAML file that says what each column is: type, id, at, lead: {column: field, or opted_out, opted_in,
    /// refused.email, stage, owner}, data: {column: name}, ignore: [columns that look like consent but are not]
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Enrol nobody
    #[arg(long, conflicts_with = "enroll")]
    no_enroll: bool,
    /// Let history enrol too; otherwise what happened more than a day ago enrols nobody
    #[arg(long)]
    enroll: bool,
    /// The file's encoding, such as windows-1251, if it is neither Unicode nor Windows-1252
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
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
    /// The time zone of dates that do not name one.
    timezone: String,
    fields: BTreeMap<String, ValueType>,
    /// Empty if the engine is older and does not send them.
    #[serde(default)]
    own_words: OwnWords,
}

/// How far an import has come.
#[derive(Debug, Default)]
struct Tally {
    taken: usize,
    known: usize,
    /// How many of these were imported before with a different choice on whether they may enrol.
    known_otherwise: usize,
    failed: usize,
    /// Rows of which something was not accepted that the preview could not foresee.
    left_out: usize,
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
        let tally = self.send(&client, &recipe, &preview, readable)?;
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
        let zone = jiff::tz::TimeZone::get(&intake.timezone).context("the workspace's time zone")?;
        Recipe::new(map, intake.fields, enrolment, intake.now, zone, intake.own_words)
    }

    fn preview(&self, recipe: &Recipe) -> anyhow::Result<Preview> {
        let rows = rows(&self.file, self.encoding.as_deref())?;
        let decimal_comma = rows.decimal_comma;
        let mut preview = Preview::new(&rows);
        let (mut unclear, mut broken) = (Vec::new(), Vec::new());
        for row in rows {
            let row = row?;
            if row.cells.as_ref().is_ok_and(serde_json::Map::is_empty) {
                preview.empty += 1;
                continue;
            }
            if let Some(cells) = row.cells.as_ref().ok().filter(|cells| !is_event(cells)) {
                preview.see_columns(cells);
            }
            let cells = match row.cells {
                Ok(cells) => cells,
                Err(error) => {
                    let why = output::causes(error.as_ref());
                    preview.complain(row.line, &why);
                    broken.push(format!("line {}: {why}", row.line));
                    continue;
                }
            };
            let says_no = recipe.says_no(&cells);
            match recipe.event(cells, decimal_comma) {
                Ok(made) => preview.count(row.line, made),
                Err(error) if must_stop(&error) => unclear.push(format!("line {}: {error}", row.line)),
                Err(error) if says_no && !error.is::<NamesNobody>() => {
                    let why = output::causes(error.as_ref());
                    unclear.push(format!("line {}: it says that somebody is not to be contacted, and {why}", row.line));
                }
                Err(error) => preview.complain(row.line, &output::causes(error.as_ref())),
            }
        }
        // A row that cannot be read may be somebody who said no.
        if recipe.asks_consent(&preview.columns) {
            unclear.extend(broken);
        }
        if preview.rows > 0 {
            recipe.check_columns(&preview.columns)?;
        }
        if !unclear.is_empty() {
            let more = unclear.len().saturating_sub(FAILURES_TOLD);
            unclear.truncate(FAILURES_TOLD);
            let more = if more == 0 { String::new() } else { format!("\n{more} more such rows") };
            bail!("nothing was imported, since it is not clear who may be contacted\n{}{more}", unclear.join("\n"));
        }
        preview.sort_columns(recipe);
        Ok(preview)
    }

    /// Sends the rows that can be read. The preview has reported the others.
    fn send(&self, client: &Client, recipe: &Recipe, preview: &Preview, total: usize) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        let mut waiting: Vec<(u64, Value)> = Vec::with_capacity(EVENTS_AT_ONCE);
        let rows = rows(&self.file, self.encoding.as_deref())?;
        let decimal_comma = rows.decimal_comma;
        for row in rows {
            let row = row?;
            let made = row.cells.and_then(|cells| recipe.event(cells, decimal_comma));
            let Ok(Made { event, .. }) = made else { continue };
            waiting.push((row.line, event));
            if waiting.len() == EVENTS_AT_ONCE {
                send_batch(client, &mut waiting, preview, &mut tally)?;
                let done = tally.taken + tally.known + tally.failed;
                output::progress(&format!("{done} of {total} rows, {} failed", tally.failed));
            }
        }
        send_batch(client, &mut waiting, preview, &mut tally)?;
        output::progress("");
        Ok(tally)
    }
}

/// Sends a batch. What the engine could not accept for the moment is sent again after a while.
fn send_batch(
    client: &Client,
    waiting: &mut Vec<(u64, Value)>,
    preview: &Preview,
    tally: &mut Tally,
) -> anyhow::Result<()> {
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
                tally.take(line, &result, preview);
                continue;
            };
            match problem["status"].as_u64() {
                Some(429 | 503) => waiting.push((line, event)),
                // Its id is made of everything it says except whether it may enrol, so it came before
                // and differs only in that.
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
    fn take(&mut self, line: u64, result: &Value, preview: &Preview) {
        if result["duplicate"] == true {
            self.known += 1;
            return;
        }
        self.taken += 1;
        let left_out = result["left_out"].as_array().into_iter().flatten();
        let news = |left: &&Value| !preview.has_told(line, left["field"].as_str().unwrap_or_default());
        let news: Vec<String> =
            left_out.filter(news).map(|left| format!("{}: {}", text(&left["field"]), text(&left["why"]))).collect();
        if news.is_empty() {
            return;
        }
        self.left_out += 1;
        match self.left_out {
            told if told <= FAILURES_TOLD => output::complain(&format!("line {line}: left out {}", news.join("; "))),
            told if told == FAILURES_TOLD + 1 => {
                output::complain("more rows of which something was left out are counted")
            }
            _ => {}
        }
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
        if self.left_out > 0 {
            text += &format!("; something was left out of {}", counted(self.left_out, "row"));
        }
        text + "."
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
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
