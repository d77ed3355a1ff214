//! What an import would do, reported before it is done: how many rows, what each column becomes, who must not be
//! contacted, what cannot be read.

use super::import::FAILURES_TOLD;
use super::recipe::{Column, Made, Recipe, consent_words, names_somebody};
use super::rows::Rows;
use crate::say::{counted, table};
use cadenza_core::zone::whereabouts::Whereabouts;
use cadenza_language::listed;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How many rows are shown.
const ROWS_SHOWN: usize = 3;
/// How many left-out fields are remembered by line, so that each is reported once.
const LEFT_OUT_REMEMBERED: usize = 10_000;

/// The result of reading the whole file.
#[derive(Debug, Default)]
pub(super) struct Preview {
    /// Rows that are not empty.
    pub(super) rows: usize,
    /// How many of these cannot be read.
    pub(super) unreadable: usize,
    /// Rows without any content.
    pub(super) empty: usize,
    /// Every column of the file.
    pub(super) columns: BTreeSet<String>,
    enrolling: usize,
    opted_out: usize,
    /// Rows with a number to call, but nothing that says the time zone to call it in.
    zoneless: usize,
    /// How many rows refuse each channel.
    refusing: BTreeMap<String, usize>,
    types: BTreeMap<String, usize>,
    known: BTreeMap<String, String>,
    /// Fields that several columns fill.
    shared: BTreeMap<String, Vec<String>>,
    /// Columns that are left out, with the field that was perhaps meant.
    ignored: BTreeMap<String, Option<String>>,
    /// How often each field was left out.
    left_out: BTreeMap<String, usize>,
    told: BTreeSet<(u64, String)>,
    guess: Option<String>,
    first: Vec<Value>,
    complaints: Vec<String>,
}

impl Preview {
    pub(super) fn new(rows: &Rows) -> Self {
        Self { columns: rows.heads.iter().cloned().collect(), guess: rows.guess.clone(), ..Self::default() }
    }

    pub(super) fn see_columns(&mut self, cells: &Map<String, Value>) {
        for name in cells.keys() {
            if !self.columns.contains(name) {
                self.columns.insert(name.clone());
            }
        }
    }

    /// Records a row that cannot be read.
    pub(super) fn complain(&mut self, line: u64, why: &str) {
        self.rows += 1;
        self.unreadable += 1;
        if self.complaints.len() < FAILURES_TOLD {
            self.complaints.push(format!("line {line}: {why}"));
        }
    }

    /// Counts a row that becomes an event.
    pub(super) fn count(&mut self, line: u64, made: Made) {
        self.rows += 1;
        self.enrolling += usize::from(made.event["enroll"] == true);
        self.opted_out += usize::from(made.event["lead"]["opted_out"] == true);
        for channel in made.event["lead"]["refused"].as_array().into_iter().flatten() {
            *self.refusing.entry(channel.as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        let has = |field: &str| made.event["lead"].get(field).is_some_and(|value| !value.is_null());
        let text = |field: &str| made.event["lead"][field].as_str();
        let number = text("phone").map(|number| number.replace([' ', '-', '.', '(', ')'], ""));
        let whereabouts = Whereabouts::of(number.as_deref(), text("country"), text("region"));
        self.zoneless += usize::from(has("phone") && !has("timezone") && whereabouts.likeliest().is_none());
        for left in &made.left_out {
            *self.left_out.entry(left.field.clone()).or_default() += 1;
            if self.told.len() < LEFT_OUT_REMEMBERED {
                self.told.insert((line, left.field.clone()));
            }
            if self.complaints.len() < FAILURES_TOLD {
                self.complaints.push(format!("line {line}: {} is left out: {}", left.field, left.words()));
            }
        }
        *self.types.entry(table::cell(&made.event, "type")).or_default() += 1;
        if self.first.len() < ROWS_SHOWN {
            self.first.push(made.event);
        }
    }

    /// Whether this field of this line was reported as left out.
    pub(super) fn has_told(&self, line: u64, field: &str) -> bool {
        self.left_out.contains_key(field) && self.told.contains(&(line, field.to_owned()))
    }

    /// Separates columns that become something from those that are left out.
    pub(super) fn sort_columns(&mut self, recipe: &Recipe) {
        for name in &self.columns {
            let what = match recipe.column(name) {
                Column::Type => "the event's type".to_owned(),
                Column::Id => "the event's id".to_owned(),
                Column::At => "when it happened".to_owned(),
                Column::Lead(field, kind) => {
                    self.shared.entry(field.clone()).or_default().push(name.clone());
                    format!("lead.{field} ({kind})")
                }
                Column::Consent(consent, None) => consent_words(consent),
                Column::Consent(consent, Some((field, kind))) => {
                    format!("lead.{field} ({kind}); {}", consent_words(consent))
                }
                Column::Standing(what) => format!("lead.{what}"),
                Column::Data(name) => format!("data.{name}"),
                Column::Ignored => {
                    self.ignored.insert(name.clone(), recipe.near(name).map(str::to_owned));
                    continue;
                }
            };
            self.known.insert(name.clone(), what);
        }
        self.shared.retain(|_, columns| columns.len() > 1);
    }

    pub(super) fn text(&self) -> String {
        let mut lines = vec![format!("{}, {} cannot be read.", counted(self.rows, "row"), self.unreadable)];
        if self.empty > 0 {
            lines.push(format!("{} passed over.", counted(self.empty, "empty row")));
        }
        lines.extend(self.guess.clone());
        lines.extend(self.types.iter().map(|(kind, count)| format!("  {count} {kind}")));
        let others = self.rows - self.unreadable - self.enrolling;
        lines.push(format!("{} may enrol a lead into workflows, {others} may not.", self.enrolling));
        lines.extend(self.consent());
        if self.zoneless > 0 {
            let rows = counted(self.zoneless, "row");
            lines.push(format!(
                "{rows} with a phone number that says no time zone: they are called in the workspace's business hours."
            ));
        }
        lines.extend(self.known.iter().map(|(column, what)| format!("  {column} -> {what}")));
        for (field, columns) in &self.shared {
            let columns = listed(columns.iter().map(String::as_str));
            lines.push(format!(
                "{columns} fill lead.{field}: the one of that name first, then the first that is not blank."
            ));
        }
        if !self.ignored.is_empty() {
            let ignored = self.ignored.iter().map(|(column, near)| match near {
                Some(near) => format!("{column} (did you mean `{near}`?)"),
                None => column.clone(),
            });
            lines.push(format!("Columns that are left out: {}.", ignored.collect::<Vec<_>>().join(", ")));
            let names = self.ignored.keys().filter(|column| names_somebody(column)).map(|column| format!("`{column}`"));
            let names: Vec<String> = names.collect();
            if !names.is_empty() && (self.opted_out > 0 || !self.refusing.is_empty()) {
                let holds = format!("what {} hold is bound, too", names.join(", "));
                lines.push(format!("Who says no says it of every address and number of the row: {holds}."));
            }
        }
        lines.extend(self.first.iter().map(|event| format!("  {event}")));
        lines.extend(
            self.left_out.iter().map(|(field, rows)| format!("{field} is left out of {}.", counted(*rows, "row"))),
        );
        lines.extend(self.complaints.iter().cloned());
        if self.unreadable > self.complaints.len() {
            lines.push("more rows that cannot be read are only counted".to_owned());
        }
        lines.join("\n")
    }

    /// Who must not be contacted.
    fn consent(&self) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        if self.opted_out > 0 {
            parts.push(format!("{} opted out", self.opted_out));
        }
        parts.extend(self.refusing.iter().map(|(channel, count)| format!("{count} refuse {channel}")));
        (!parts.is_empty()).then(|| format!("{}: none of these is enrolled.", parts.join(", ")))
    }
}
