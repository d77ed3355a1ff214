//! The map of an import, `--map`: what each column is. Errors that can be seen in the map are
//! reported before anything is sent.

use super::advice::advice;
use super::consent::{self, ConsentColumn, Says};
use super::recipe::{TIMES, type_advice};
use anyhow::bail;
use cadenza_core::event::EventType;
use cadenza_core::lead::Channel;
use cadenza_core::value::ValueType;
use cadenza_language::{listed, nearest};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a lead's column may be besides a field.
pub(super) const STANDING: [&str; 13] = [
    "opted_out",
    "opted_in",
    "refused",
    "refused.call",
    "refused.email",
    "refused.message",
    "refused.meeting",
    "accepted.call",
    "accepted.email",
    "accepted.message",
    "accepted.meeting",
    "stage",
    "owner",
];

/// A map file: what each column is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnMap {
    /// The type of every event, or the name of the column that has it.
    #[serde(default)]
    r#type: Option<String>,
    /// The column with the event's id.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// The column with the time it happened.
    #[serde(default)]
    pub(super) at: Option<String>,
    /// Lead fields by column; also consent, stage and owner.
    #[serde(default)]
    pub(super) lead: BTreeMap<String, String>,
    /// Names under `data` by column.
    #[serde(default)]
    pub(super) data: BTreeMap<String, String>,
    /// Columns to leave out although they look like consent.
    #[serde(default)]
    ignore: Vec<String>,
}

impl ColumnMap {
    pub(super) fn fixed_type(&self) -> Option<&str> {
        self.r#type.as_deref().filter(|text| EventType::parse(text).is_some())
    }

    pub(super) fn type_column(&self) -> Option<&str> {
        self.r#type.as_deref().filter(|text| EventType::parse(text).is_none())
    }

    /// Every column that the map names, and its use.
    fn uses(&self) -> Vec<(&str, String)> {
        let mut uses: Vec<(&str, String)> = Vec::new();
        uses.extend(self.type_column().map(|column| (column, "the event's type".to_owned())));
        uses.extend(self.id.as_deref().map(|column| (column, "the event's id".to_owned())));
        uses.extend(self.at.as_deref().map(|column| (column, "when it happened".to_owned())));
        uses.extend(self.lead.iter().map(|(column, field)| (column.as_str(), format!("lead.{field}"))));
        uses.extend(self.data.iter().map(|(column, name)| (column.as_str(), format!("data.{name}"))));
        uses.extend(self.ignore.iter().map(|column| (column.as_str(), "left out".to_owned())));
        uses
    }

    /// Reports errors that can be seen in the map without the file.
    pub(super) fn check(&self, fields: &BTreeMap<String, ValueType>) -> anyhow::Result<()> {
        let uses = self.uses();
        if uses.is_empty() && self.r#type.is_none() {
            bail!("the map is empty: say which column is what under `type`, `id`, `at`, `lead` and `data`");
        }
        let names = || fields.keys().map(String::as_str).chain(STANDING);
        let known = |field: &str| fields.contains_key(field) || STANDING.contains(&field);
        if let Some((column, field)) =
            self.lead.iter().find(|(_, field)| TIMES.contains(&field.as_str()) && !known(field))
        {
            bail!("`{field}` is no field of a lead, but when it happened: write `at: {column}` in the map");
        }
        if let Some(field) = self.lead.values().find(|field| !known(field)) {
            let near = nearest(field, names()).map(|near| format!("did you mean `{near}`?"));
            let advice = near.unwrap_or_else(|| "declare it in cadenza.yaml".to_owned());
            bail!("the map names the lead field `{field}`, which the engine does not know: {advice}");
        }
        let mut used = BTreeMap::new();
        for (column, what) in uses {
            if let Some(before) = used.insert(column, what.clone()) {
                bail!("the map uses the column `{column}` twice, as {before} and as {what}: a column has one use");
            }
        }
        Ok(())
    }

    /// Checks that the map fits the file's columns, and ignores none in which somebody may say no.
    pub(super) fn check_columns(&self, columns: &BTreeSet<String>) -> anyhow::Result<()> {
        let missing = |column: &str| !columns.contains(column);
        if let Some(kind) = self.type_column().filter(|column| missing(column) && column.contains('.')) {
            bail!("the map names the event type `{kind}`, which there is not: {}", type_advice(kind));
        }
        let uses = self.uses();
        if let Some((column, _)) = uses.iter().find(|(column, _)| missing(column)) {
            let advice = advice(column, columns.iter().map(String::as_str), "its columns");
            bail!("the map names the column `{column}`, which the file does not have: {advice}");
        }
        let forgotten = |column: &&str| {
            let consent = consent::of_column(column);
            consent.is_some_and(|consent| {
                !matches!(consent.says, Says::PerhapsStatus | Says::Preference | Says::YesDetail)
            }) && !uses.iter().any(|(used, _)| used == column)
        };
        let forgotten: Vec<&str> = columns.iter().map(String::as_str).filter(forgotten).collect();
        if let Some(first) = forgotten.first() {
            let listed = listed(forgotten.iter().copied());
            bail!(
                "{listed} may say who does not want to be contacted, and the map leaves that out: write \
                 `lead: {{ {first}: opted_out }}` in the map (or refused.email, refused.call, opted_in, accepted.email), or \
                 `ignore: [{first}]` to leave it out all the same"
            );
        }
        Ok(())
    }

    /// What a column says about consent, according to the map.
    pub(super) fn consent(&self, column: &str) -> Option<ConsentColumn> {
        let target = self.lead.get(column)?;
        let (what, channel) =
            target.split_once('.').map_or((target.as_str(), None), |(what, channel)| (what, Some(channel)));
        let channel = match channel {
            Some(channel) => Some(Channel::parse(channel)?),
            None => None,
        };
        let by_name = consent::of_column(column).map(|consent| consent.says);
        let says = match (what, by_name) {
            ("opted_out" | "refused", _) if what == "refused" && channel.is_none() => return None,
            ("opted_out" | "refused", Some(Says::Status | Says::PerhapsStatus)) => Says::Status,
            ("opted_out" | "refused", Some(Says::NoDetail)) => Says::NoDetail,
            ("opted_out" | "refused", _) => Says::No,
            ("opted_in" | "accepted", _) => Says::Yes,
            _ => return None,
        };
        Some(ConsentColumn { channel, says })
    }
}
