//! `cadenza plugin test --csv`: what a score would have been worth among past leads.

use super::{identity, percent};
use crate::cli::Answer;
use crate::cli::rows::rows;
use crate::say::{counted, output, table};
use anyhow::{Context as _, bail};
use cadenza_core::plugin::Segment;
use cadenza_kit::history::{self, Backtest, Cells, Group, Past, Scored, rules, scalar, share, tenths};
use cadenza_kit::subject::Subject;
use cadenza_runtime::clock::Clock;
use cadenza_sdk::golden::Scalar;
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The most rules that are shown.
const RULES_SHOWN: usize = 15;

#[derive(Debug, Args)]
pub(super) struct PastLeads {
    /// Past leads instead of cases: a table whose columns are named like the fields of a lead
    #[arg(long, value_name = "FILE", requires_all = ["outcome", "won"])]
    csv: Option<PathBuf>,
    /// The column that says what became of a lead
    #[arg(long, value_name = "COLUMN", requires = "csv")]
    outcome: Option<String>,
    /// The value in that column if it was won
    #[arg(long, value_name = "VALUE", value_delimiter = ',', requires = "csv")]
    won: Vec<String>,
    /// What the workflow would set; may be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "csv")]
    with: Vec<String>,
    /// As JSON, for other programs; with --csv
    #[arg(long, requires = "csv")]
    json: bool,
}

impl PastLeads {
    pub(super) fn is_asked_for(&self) -> bool {
        self.csv.is_some()
    }

    pub(super) fn run(&self, subject: &Subject) -> anyhow::Result<Answer> {
        let file = self.csv.as_deref().context("--csv names a file")?;
        let outcome = self.outcome.as_deref().context("--outcome names a column")?;
        if !file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
            bail!("{} does not end with .csv: past leads are a table with a header line", file.display());
        }
        let table = rows(file, None)?;
        let columns = table.heads.clone();
        if !columns.iter().any(|column| column == outcome) {
            let columns = cadenza_language::listed(columns.iter().map(String::as_str));
            bail!("{} has no column `{outcome}`; its columns are {columns}", file.display());
        }
        let (mut leads, mut unreadable) = (Vec::new(), 0);
        for row in table {
            let row = row?;
            match row.cells {
                Ok(cells) => leads.push((row.line, texts(cells))),
                Err(_) => unreadable += 1,
            }
        }
        let with = self.with(subject)?;
        let (rows, won) = (&leads[..], &self.won[..]);
        let past = Past { columns: &columns, rows, outcome, won, with: &with, now: Clock::real() };
        let backtest = history::score(subject, &past)?;
        if self.json {
            output::json(&as_json(subject, &backtest, unreadable));
        } else {
            print(subject, &backtest, unreadable, &self.won);
        }
        // A score that fails for past leads will fail for future ones.
        Ok(if backtest.failed == 0 { Answer::Yes } else { Answer::No })
    }

    fn with(&self, subject: &Subject) -> anyhow::Result<BTreeMap<String, Scalar>> {
        let parameters = &subject.info.parameters;
        self.with
            .iter()
            .map(|setting| {
                let (name, text) = setting.split_once('=').with_context(|| format!("`{setting}` is no NAME=VALUE"))?;
                let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
                    let names = cadenza_language::listed(parameters.iter().map(|parameter| parameter.name.as_str()));
                    bail!("the plugin has no parameter `{name}`; its parameters are {names}");
                };
                let kind = parameter.kind;
                let value = scalar(text, kind).with_context(|| format!("`{name}` is of type {kind}: {text}"))?;
                Ok((name.to_owned(), value))
            })
            .collect()
    }
}

fn texts(cells: serde_json::Map<String, Value>) -> Cells {
    let text = |value: Value| if let Value::String(text) = value { text } else { value.to_string() };
    cells.into_iter().map(|(column, value)| (column, text(value))).collect()
}

fn as_json(subject: &Subject, backtest: &Backtest, unreadable: usize) -> Value {
    let all = Group::of(&backtest.scored);
    json!({
        "plugin": identity(subject),
        "leads": all.leads, "won": all.won, "rate": all.rate(),
        "refused": backtest.refused, "failed": backtest.failed, "rows_not_read": unreadable,
        "columns_not_used": backtest.columns_not_used, "blank": backtest.blank,
        "cells_not_read": backtest.unreadable.iter().map(|(column, (count, first))| {
            json!({"column": column, "count": count, "first": first})
        }).collect::<Vec<_>>(),
        "segments": segments(backtest, &Value::from), "tenths": deciles(backtest, &Value::from),
        "rules": rule_rows(subject, backtest, &Value::from),
    })
}

type Show<'a> = &'a dyn Fn(f64) -> Value;

fn group(group: Group, all: Group, show: Show<'_>, lift: Show<'_>) -> Value {
    json!({
        "leads": group.leads, "share": show(share(group.leads, all.leads)), "won": group.won,
        "rate": show(group.rate()), "lift": group.lift(all).map(lift),
    })
}

fn with_key(mut row: Value, key: &str, value: Value) -> Value {
    row[key] = value;
    row
}

fn segments(backtest: &Backtest, show: Show<'_>) -> Vec<Value> {
    let all = Group::of(&backtest.scored);
    let row = |segment: &Segment| {
        let leads = Group::of(backtest.scored.iter().filter(|lead| lead.segment == *segment));
        with_key(group(leads, all, show, &lift(show)), "segment", segment.as_str().into())
    };
    Segment::ALL.iter().map(row).collect()
}

fn deciles(backtest: &Backtest, show: Show<'_>) -> Vec<Value> {
    let all = Group::of(&backtest.scored);
    let row = |(tenth, leads): &(usize, Vec<&Scored>)| {
        let row = group(Group::of(leads.iter().copied()), all, show, &lift(show));
        let points = |lead: Option<&&Scored>| lead.map_or(0, |lead| lead.points);
        let row = with_key(row, "tenth", (*tenth).into());
        with_key(row, "points", format!("{} to {}", points(leads.first()), points(leads.last())).into())
    };
    tenths(&backtest.scored).iter().map(row).collect()
}

/// A lift is not a share. If shares are texts, it is a text with two decimals.
fn lift(show: Show<'_>) -> impl Fn(f64) -> Value + use<> {
    let as_text = show(0.0).is_string();
    move |lift| if as_text { format!("{lift:.2}").into() } else { lift.into() }
}

fn rule_rows(subject: &Subject, backtest: &Backtest, show: Show<'_>) -> Vec<Value> {
    let all = Group::of(&backtest.scored);
    let name = |id| subject.info.rules.iter().find(|rule| rule.id == id).map_or("?", |rule| rule.name.as_str());
    let row = |used: history::RuleUse| {
        let (won, lost) = (share(used.won, all.won), share(used.lost, all.leads - all.won));
        json!({"rule": name(used.rule), "won": show(won), "lost": show(lost)})
    };
    rules(&backtest.scored).into_iter().map(row).collect()
}

fn print(subject: &Subject, backtest: &Backtest, unreadable: usize, won: &[String]) {
    let all = Group::of(&backtest.scored);
    if all.won == 0 {
        output::complain(&format!(
            "No lead came to {}: there is nothing to learn from. Is it spelt as in the table?",
            won.join(" or ")
        ));
    }
    let show = |share: f64| Value::from(percent(share));
    let (rate, won) = (percent(all.rate()), won.join(" or "));
    output::say(&format!(
        "{} {}: {}, of which {} ({rate}) came to {won}",
        subject.info.name,
        subject.info.version,
        counted(all.leads, "lead"),
        all.won
    ));
    output::say(&notes(backtest, unreadable).join("\n"));
    let figures = [("LEADS", "leads"), ("SHARE", "share"), ("WON", "won"), ("RATE", "rate"), ("LIFT", "lift")];
    let columns = |first: &[table::Column]| first.iter().chain(&figures).copied().collect::<Vec<_>>();
    table::print(&columns(&[("SEGMENT", "segment")]), &segments(backtest, &show), "No lead was scored.");
    output::say("");
    let by_points = columns(&[("TENTH", "tenth"), ("POINTS", "points")]);
    table::print(&by_points, &deciles(backtest, &show), "No lead was scored.");
    output::say("");
    let mut fired = rule_rows(subject, backtest, &show);
    fired.truncate(RULES_SHOWN);
    let columns = [("RULE", "rule"), ("OF WON", "won"), ("OF LOST", "lost")];
    table::print(&columns, &fired, "No rule fired.");
}

/// What a reader should know before trusting the figures.
fn notes(backtest: &Backtest, unreadable: usize) -> Vec<String> {
    let mut notes = Vec::new();
    let listed = |names: &[String]| cadenza_language::listed(names.iter().map(String::as_str));
    if !backtest.columns_not_used.is_empty() {
        notes.push(format!("not used: the columns {}", listed(&backtest.columns_not_used)));
    }
    if !backtest.blank.is_empty() {
        notes.push(format!("blank, since no column says it: {}", listed(&backtest.blank)));
    }
    for (column, (count, first)) in &backtest.unreadable {
        let cells = counted(*count, "cell");
        notes.push(format!("blank: {cells} of `{column}` not of its type, such as `{first}`"));
    }
    if unreadable > 0 {
        notes.push(format!("left out: {}, which cannot be read", counted(unreadable, "row")));
    }
    if backtest.refused + backtest.failed > 0 {
        notes.push(format!("not scored: {} refused, {} failed", backtest.refused, backtest.failed));
        notes.extend(backtest.told.iter().map(|(line, why)| format!("  line {line}: {why}")));
    }
    notes.push(String::new());
    notes
}
