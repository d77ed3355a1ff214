//! Rows of a file to import, and how they become events: CSV with a header, or JSON lines; columns by their names, or by
//! a map. Knows neither the engine nor what is done with the events.

use crate::json;
use anyhow::{Context as _, bail};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::ValueType;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

/// The most bytes of one line.
const LINE_BYTES_MAX: usize = 1 << 20;
/// What happened longer ago than this is history.
const HISTORY_MS: i64 = DAY_MS;

/// A map file: which column is what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnMap {
    /// The type of every event, or the name of the column that has it.
    #[serde(default)]
    pub(super) r#type: Option<String>,
    /// Column with the event's id.
    #[serde(default)]
    id: Option<String>,
    /// Column with the time it happened.
    #[serde(default)]
    at: Option<String>,
    /// Lead field by column.
    #[serde(default)]
    lead: BTreeMap<String, String>,
    /// Name under `data` by column.
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// What a column is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The event's type.
    Type,
    /// The event's id.
    Id,
    /// When it happened.
    At,
    /// A lead field.
    Lead(String, ValueType),
    /// A name under `data`.
    Data(String),
    /// Nothing we know.
    Ignored,
}

/// Whether imported events may enrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enrolment {
    /// What happened within a day, or has no time.
    Fresh,
    /// All of them.
    Always,
    /// None.
    Never,
}

/// How rows become events.
pub(super) struct Recipe {
    map: ColumnMap,
    mapped: bool,
    fields: BTreeMap<String, ValueType>,
    enrolment: Enrolment,
    now: Timestamp,
}

impl Recipe {
    /// A recipe: the map, if there is one, and the fields that the engine knows.
    pub(super) fn new(
        map: Option<ColumnMap>,
        fields: BTreeMap<String, ValueType>,
        enrolment: Enrolment,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let mapped = map.is_some();
        let map = map.unwrap_or_default();
        for field in map.lead.values() {
            if !fields.contains_key(field) {
                bail!(
                    "the map names the lead field `{field}`, which the engine does not know: declare it in cadenza.yaml"
                );
            }
        }
        Ok(Self { map, mapped, fields, enrolment, now })
    }

    /// What the column of this name is: by the map when there is one, else by its name.
    pub(super) fn column(&self, name: &str) -> Column {
        let named = |column: &Option<String>| column.as_deref() == Some(name);
        let field = |field: &str| self.fields.get(field).map(|kind| Column::Lead(field.to_owned(), *kind));
        if self.mapped {
            return match () {
                () if named(&self.map.id) => Column::Id,
                () if named(&self.map.at) => Column::At,
                () if named(&self.map.r#type) => Column::Type,
                () => self
                    .map
                    .lead
                    .get(name)
                    .and_then(|name| field(name))
                    .or_else(|| self.map.data.get(name).cloned().map(Column::Data))
                    .unwrap_or(Column::Ignored),
            };
        }
        let plain = plain_name(name);
        match plain.as_str() {
            "type" | "event_type" => Column::Type,
            "event_id" => Column::Id,
            "at" | "created_at" | "time" => Column::At,
            other => match name.strip_prefix("data.") {
                Some(data) => Column::Data(data.to_owned()),
                None => field(synonym(other)).unwrap_or(Column::Ignored),
            },
        }
    }

    /// The event of a row. Its id, when the row brings none, derives from what it says: the same row is the same event.
    pub(super) fn event(&self, row: Map<String, Value>) -> anyhow::Result<Value> {
        if row.contains_key("lead") && row.contains_key("type") {
            return self.ready(row);
        }
        let (mut lead, mut data) = (Map::new(), Map::new());
        let (mut kind, mut id, mut at) = (None, None, None);
        for (name, value) in row {
            let empty = value.as_str().is_some_and(|text| text.trim().is_empty());
            if empty || value.is_null() {
                continue;
            }
            match self.column(&name) {
                Column::Type => kind = value.as_str().map(str::to_owned),
                Column::Id => id = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
                Column::At => at = Some(time(&value).with_context(|| format!("column `{name}`"))?),
                Column::Lead(field, kind) => {
                    lead.insert(field, loosened(value, kind).with_context(|| format!("column `{name}`"))?);
                }
                Column::Data(name) => {
                    data.insert(name, value);
                }
                Column::Ignored => {}
            }
        }
        let fixed = self.map.r#type.clone().filter(|text| text.contains('.'));
        let kind = kind.or(fixed).unwrap_or_else(|| "lead.created".to_owned());
        let mut event = json!({"type": kind, "lead": lead, "enroll": self.enrolls(at)});
        if !data.is_empty() {
            event["data"] = Value::Object(data);
        }
        if let Some(at) = at {
            event["at"] = at.to_string().into();
        }
        Ok(named(event, id))
    }

    /// A row that is an event already.
    fn ready(&self, row: Map<String, Value>) -> anyhow::Result<Value> {
        let at = row.get("at").map(time).transpose()?;
        let mut event = Value::Object(row);
        if event["enroll"].is_null() {
            event["enroll"] = self.enrolls(at).into();
        }
        let id = event["id"].as_str().map(str::to_owned);
        Ok(named(event, id))
    }

    fn enrolls(&self, at: Option<Timestamp>) -> bool {
        match self.enrolment {
            Enrolment::Always => true,
            Enrolment::Never => false,
            Enrolment::Fresh => at.is_none_or(|at| self.now.since_ms(at) <= HISTORY_MS),
        }
    }
}

/// The event under its id; one made of its content when it has none.
fn named(mut event: Value, id: Option<String>) -> Value {
    let id = id.unwrap_or_else(|| {
        let hash = Sha256::digest(event.to_string().as_bytes());
        let head: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("import-{head}")
    });
    event["id"] = id.into();
    event
}

/// `First Name`, `first-name` and `FIRST_NAME` are one column.
fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    name.trim().chars().map(plain).collect::<String>().trim_matches('_').to_owned()
}

/// What other systems call our fields.
fn synonym(name: &str) -> &str {
    match name {
        "e_mail" | "mail" | "email_address" => "email",
        "phone_number" | "telephone" | "tel" | "mobile" => "phone",
        "firstname" | "given_name" => "first_name",
        "lastname" | "surname" | "family_name" => "last_name",
        "job_title" | "position" => "title",
        "company_name" | "organisation" | "organization" | "account" => "company",
        "website" => "domain",
        "number_of_employees" | "company_size" => "employees",
        "lead_source" => "source",
        "state" | "province" => "region",
        "id" | "lead_id" | "crm_id" => "external_id",
        other => other,
    }
}

/// A time as files have it: RFC 3339, or a date alone, which is its first moment in UTC.
fn time(value: &Value) -> anyhow::Result<Timestamp> {
    let text = value.as_str().unwrap_or_default().trim();
    let date = || Timestamp::parse(&format!("{text}T00:00:00Z"));
    Timestamp::parse(text)
        .or_else(date)
        .with_context(|| format!("{value} is no time: write 2026-03-08T07:30:00Z, or a date such as 2026-03-08"))
}

fn loosened(value: Value, kind: ValueType) -> anyhow::Result<Value> {
    if kind == ValueType::Time {
        return Ok(time(&value)?.to_string().into());
    }
    let value = json::read(value).context("an object stands where a value is wanted")?;
    let value = match (value, kind) {
        (cadenza_core::value::Value::Int(int), ValueType::Text) => cadenza_core::value::Value::Text(int.to_string()),
        (value, kind) => json::loosen(value, kind),
    };
    Ok(json::show(&value))
}

/// A row by the names of its columns.
type Row = anyhow::Result<Map<String, Value>>;

/// Reads a file's rows one by one: CSV by its ending `.csv`, JSON lines otherwise.
pub(super) fn rows(file: &Path) -> anyhow::Result<Box<dyn Iterator<Item = Row>>> {
    let open = File::open(file).with_context(|| format!("`{}` cannot be opened", file.display()))?;
    if file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
        let mut table = csv::ReaderBuilder::new().flexible(false).from_reader(BufReader::new(open));
        let heads = table.headers().context("the header line cannot be read")?.clone();
        let row = move |record: Result<csv::StringRecord, csv::Error>| {
            let cells = record.context("a line cannot be read")?;
            let pair = |(head, cell): (&str, &str)| (head.trim_start_matches('\u{FEFF}').to_owned(), Value::from(cell));
            Ok(heads.iter().zip(cells.iter()).map(pair).collect())
        };
        return Ok(Box::new(table.into_records().map(row)));
    }
    Ok(Box::new(json_lines(BufReader::new(open))))
}

fn json_lines(mut file: BufReader<File>) -> impl Iterator<Item = Row> {
    std::iter::from_fn(move || {
        loop {
            let mut line = Vec::new();
            let limited = (&mut file).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line);
            match limited {
                Err(error) => return Some(Err(error.into())),
                Ok(0) => return None,
                Ok(_) if line.len() > LINE_BYTES_MAX => {
                    return Some(Err(anyhow::anyhow!("a line has more than {LINE_BYTES_MAX} bytes")));
                }
                Ok(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => return Some(serde_json::from_slice(&line).context("a line is no JSON object")),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(map: Option<&str>, enrolment: Enrolment) -> Recipe {
        let fields = [
            ("email", ValueType::Text),
            ("phone", ValueType::Text),
            ("first_name", ValueType::Text),
            ("employees", ValueType::Int),
            ("external_id", ValueType::Text),
            ("project_date", ValueType::Time),
        ];
        let fields = fields.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect();
        let now = Timestamp::parse("2026-11-20T15:00:00Z").unwrap();
        Recipe::new(map.map(|map| serde_json::from_str(map).unwrap()), fields, enrolment, now).unwrap()
    }

    fn row(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn columns_are_known_by_what_people_call_them() {
        let recipe = recipe(None, Enrolment::Fresh);
        let event = recipe
            .event(row(json!({"E-Mail": "a@b.io", "First Name": "Ada", "Employees": "250", "id": "7", "Shoe": "42",
                "project_date": "2027-01-01", "data.page": "/pricing", "phone": "  "})))
            .unwrap();
        assert_eq!(
            event["lead"],
            json!({"email": "a@b.io", "first_name": "Ada", "employees": 250, "external_id": "7",
            "project_date": "2027-01-01T00:00:00Z"})
        );
        assert_eq!((&event["type"], &event["data"]["page"]), (&json!("lead.created"), &json!("/pricing")));
        assert_eq!(recipe.column("Shoe"), Column::Ignored);
    }

    #[test]
    fn a_map_says_it_all() {
        let map =
            r#"{"type": "lead.opted_out", "at": "When", "lead": {"Adresse": "email"}, "data": {"Grund": "reason"}}"#;
        let event = recipe(Some(map), Enrolment::Fresh)
            .event(row(json!({"Adresse": "a@b.io", "When": "2026-01-02", "Grund": "spam", "email": "other@b.io"})))
            .unwrap();
        assert_eq!(event["type"], "lead.opted_out");
        assert_eq!(event["at"], "2026-01-02T00:00:00Z");
        assert_eq!((&event["lead"], &event["data"]), (&json!({"email": "a@b.io"}), &json!({"reason": "spam"})));
    }

    #[test]
    fn the_same_row_is_the_same_event() {
        let recipe = recipe(None, Enrolment::Fresh);
        let id = |value: Value| recipe.event(row(value)).unwrap()["id"].clone();
        assert_eq!(id(json!({"email": "a@b.io", "phone": "1"})), id(json!({"phone": "1", "email": "a@b.io"})));
        assert_ne!(id(json!({"email": "a@b.io"})), id(json!({"email": "b@b.io"})));
        assert_eq!(id(json!({"event_id": "x7", "email": "a@b.io"})), "x7");
    }

    #[test]
    fn history_enrols_nobody_unless_asked_to() {
        for (enrolment, at, enrolls) in [
            (Enrolment::Fresh, Some("2026-11-20T14:00:00Z"), true),
            (Enrolment::Fresh, Some("2026-11-01T14:00:00Z"), false),
            (Enrolment::Fresh, None, true),
            (Enrolment::Always, Some("2026-11-01T14:00:00Z"), true),
            (Enrolment::Never, None, false),
        ] {
            let event = recipe(None, enrolment).event(row(json!({"email": "a@b.io", "at": at}))).unwrap();
            assert_eq!(event["enroll"], enrolls, "{enrolment:?} at {at:?}");
            let ready = json!({"type": "lead.created", "lead": {"email": "a@b.io"}, "at": at.unwrap_or("2026-11-20")});
            let ready = recipe(None, enrolment).event(row(ready)).unwrap();
            assert!(ready["id"].is_string(), "an event line gets an id too");
        }
    }

    #[test]
    fn files_are_read_row_by_row() {
        let folder = std::env::temp_dir().join(format!("cadenza-rows-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.join(name);
            std::fs::write(&file, text).unwrap();
            rows(&file).unwrap().map(|row| row.map_err(|error| format!("{error:#}"))).collect::<Vec<_>>()
        };
        let table = write("a.csv", "\u{FEFF}email,name\na@b.io,\"L, Ada\"\nshort\n");
        assert_eq!(table[0].as_ref().unwrap()["email"], "a@b.io");
        assert_eq!(table[0].as_ref().unwrap()["name"], "L, Ada");
        assert!(table[1].is_err(), "a row with a cell too few");
        let lines = write("a.jsonl", "{\"email\": \"a@b.io\"}\n\n[1]\n");
        assert_eq!(lines.len(), 2);
        assert!(lines[0].is_ok() && lines[1].is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
