//! How rows of a file become events: by the names of their columns, or by a map. An event that the engine would refuse
//! for what it says is an error here already, so that the preview of an import keeps its word. Knows neither the file
//! nor what is done with the events.

use super::advice::advice;
use crate::intake::{self, Draft};
use crate::json;
use anyhow::{Context as _, anyhow, bail};
use cadenza_core::event::{EventType, StandardEvent};
use cadenza_core::field::{FieldError, Profile};
use cadenza_core::id::LeadId;
use cadenza_core::identity;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::ValueType;
use cadenza_language::nearest;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What happened longer ago than this is history.
const HISTORY_MS: i64 = DAY_MS;
/// What an event says beside its lead's fields.
const MEMBERS: [&str; 6] = ["id", "type", "at", "lead", "data", "enroll"];

/// A map file: which column is what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnMap {
    /// The type of every event, or the name of the column that has it.
    #[serde(default)]
    r#type: Option<String>,
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

impl ColumnMap {
    fn fixed_type(&self) -> Option<&str> {
        self.r#type.as_deref().filter(|text| EventType::parse(text).is_some())
    }

    fn type_column(&self) -> Option<&str> {
        self.r#type.as_deref().filter(|text| EventType::parse(text).is_none())
    }

    /// Every column it names, with what for.
    fn uses(&self) -> Vec<(&str, String)> {
        let mut uses: Vec<(&str, String)> = Vec::new();
        uses.extend(self.type_column().map(|column| (column, "the event's type".to_owned())));
        uses.extend(self.id.as_deref().map(|column| (column, "the event's id".to_owned())));
        uses.extend(self.at.as_deref().map(|column| (column, "when it happened".to_owned())));
        uses.extend(self.lead.iter().map(|(column, field)| (column.as_str(), format!("lead.{field}"))));
        uses.extend(self.data.iter().map(|(column, name)| (column.as_str(), format!("data.{name}"))));
        uses
    }

    /// What can be seen of a wrong map without the file.
    fn check(&self, fields: &BTreeMap<String, ValueType>) -> anyhow::Result<()> {
        let uses = self.uses();
        if uses.is_empty() && self.r#type.is_none() {
            bail!("the map is empty: say which column is what under `type`, `id`, `at`, `lead` and `data`");
        }
        let names = || fields.keys().map(String::as_str);
        if let Some(field) = self.lead.values().find(|field| !fields.contains_key(*field)) {
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
    map: Option<ColumnMap>,
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
        if let Some(map) = &map {
            map.check(&fields)?;
        }
        Ok(Self { map, fields, enrolment, now })
    }

    /// Whether the map fits the columns that the file has.
    pub(super) fn check_columns(&self, columns: &BTreeSet<String>) -> anyhow::Result<()> {
        let Some(map) = &self.map else { return Ok(()) };
        let missing = |column: &str| !columns.contains(column);
        if let Some(kind) = map.type_column().filter(|column| missing(column) && column.contains('.')) {
            bail!("the map names the event type `{kind}`, which there is not: {}", type_advice(kind));
        }
        if let Some((column, _)) = map.uses().into_iter().find(|(column, _)| missing(column)) {
            let advice = advice(column, columns.iter().map(String::as_str), "its columns");
            bail!("the map names the column `{column}`, which the file does not have: {advice}");
        }
        Ok(())
    }

    /// What the column of this name is: by the map when there is one, else by its name.
    pub(super) fn column(&self, name: &str) -> Column {
        let field = |field: &str| self.fields.get(field).map(|kind| Column::Lead(field.to_owned(), *kind));
        if let Some(map) = &self.map {
            let named = |column: Option<&str>| column == Some(name);
            return match () {
                () if named(map.id.as_deref()) => Column::Id,
                () if named(map.at.as_deref()) => Column::At,
                () if named(map.type_column()) => Column::Type,
                () => (map.lead.get(name).and_then(|name| field(name)))
                    .or_else(|| map.data.get(name).cloned().map(Column::Data))
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

    /// The field that was perhaps meant by a column that is left out; with a map nothing is left out by mistake.
    pub(super) fn near(&self, column: &str) -> Option<&str> {
        let names = self.fields.keys().map(String::as_str).chain(["type", "event_id", "created_at"]);
        if self.map.is_some() { None } else { nearest(&plain_name(column), names) }
    }

    /// The event of a row. Its id, when the row brings none, derives from what it says: the same row is the same event.
    pub(super) fn event(&self, row: Map<String, Value>) -> anyhow::Result<Value> {
        let event = if is_event(&row) { self.ready(row)? } else { self.made(row)? };
        self.check(&event)?;
        Ok(event)
    }

    fn made(&self, row: Map<String, Value>) -> anyhow::Result<Value> {
        let (mut lead, mut data) = (Map::new(), Map::new());
        let (mut kind, mut id, mut at) = (None, None, None);
        for (name, value) in row {
            let empty = value.as_str().is_some_and(|text| text.trim().is_empty());
            if empty || value.is_null() {
                continue;
            }
            match self.column(&name) {
                Column::Type => kind = value.as_str().map(str::to_owned),
                Column::Id => id = Some(plain_text(&value)),
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
        let fixed = || self.map.as_ref().and_then(ColumnMap::fixed_type).unwrap_or("lead.created").to_owned();
        let mut event = json!({"type": kind.unwrap_or_else(fixed), "lead": lead});
        if !data.is_empty() {
            event["data"] = Value::Object(data);
        }
        if let Some(at) = at {
            event["at"] = at.to_string().into();
        }
        Ok(finished(event, id, self.enrolls(at)))
    }

    /// A row that is an event already.
    fn ready(&self, mut row: Map<String, Value>) -> anyhow::Result<Value> {
        if let Some(other) = row.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            bail!("an event has no `{other}`: {}", advice(other, MEMBERS, "its members"));
        }
        row.retain(|_, value| !value.is_null());
        let at = row.get("at").map(time).transpose()?;
        if let Some(at) = at {
            row.insert("at".to_owned(), at.to_string().into());
        }
        let enrolls = match row.remove("enroll") {
            None => self.enrolls(at),
            Some(said) => said.as_bool().with_context(|| format!("`enroll` is {said}: write true or false"))?,
        };
        let id = row.remove("id").map(|id| plain_text(&id));
        Ok(finished(Value::Object(row), id, enrolls))
    }

    /// Whether the engine would take it, as far as the event alone says.
    fn check(&self, event: &Value) -> anyhow::Result<()> {
        let kind = plain_text(&event["type"]);
        let lead = event["lead"].as_object().context("`lead` is no object")?;
        let id = lead.get("id").map(|id| {
            let id = plain_text(id);
            LeadId::parse(&id).with_context(|| {
                format!("`{id}` is no lead's id: it is `ld_` and 26 characters; your own id is `external_id`")
            })
        });
        let fields = lead.iter().filter(|(name, _)| *name != "id").map(|(name, value)| {
            let value = json::read(value.clone()).with_context(|| format!("`{name}` is an object: write a value"))?;
            Ok((name.clone(), value))
        });
        let data = match event.get("data") {
            None => None,
            Some(data) => Some(data.as_object().context("`data` is no object")?),
        };
        // What is deeper down the engine makes flat, and judges.
        let data =
            data.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), json::read(value.clone())?)));
        let draft = Draft {
            source: "",
            id: event["id"].as_str().unwrap_or_default(),
            content: 0,
            kind: EventType::parse(&kind)
                .with_context(|| format!("`{kind}` is no event type: {}", type_advice(&kind)))?,
            at: self.now,
            lead: id.transpose()?,
            fields: fields.collect::<anyhow::Result<_>>()?,
            data: data.collect(),
            enrolls: true,
        };
        let incoming = intake::check(draft, &self.fields)?;
        let mut profile = Profile::default();
        for (name, value) in incoming.report.fields {
            match profile.set(&name, value, &self.fields) {
                // The engine leaves such a field out and takes the rest.
                Ok(()) | Err(FieldError::Form { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if incoming.lead.is_none() && identity::keys(&profile, None).is_empty() {
            bail!("it names no lead: it needs an id, external_id, email or phone");
        }
        Ok(())
    }

    fn enrolls(&self, at: Option<Timestamp>) -> bool {
        match self.enrolment {
            Enrolment::Always => true,
            Enrolment::Never => false,
            Enrolment::Fresh => at.is_none_or(|at| self.now.since_ms(at) <= HISTORY_MS),
        }
    }
}

/// Whether a row is an event as the API takes it, and has no columns.
pub(super) fn is_event(row: &Map<String, Value>) -> bool {
    row.contains_key("type") && row.get("lead").is_some_and(Value::is_object)
}

/// Whether an event's id was made here, of what it says.
pub(super) fn has_made_id(event: &Value) -> bool {
    let mut bare = event.clone();
    if let Some(members) = bare.as_object_mut() {
        members.retain(|name, _| name != "id" && name != "enroll");
    }
    event["id"] == made_id(&bare)
}

/// An id for an event that has none, made of what it says. Whether it may enrol is not part of that: it changes with the
/// day of the import, and the event stays the same.
fn made_id(bare: &Value) -> String {
    let hash = Sha256::digest(bare.to_string().as_bytes());
    let head: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("import-{head}")
}

/// The event under its id, or one that is made.
fn finished(mut event: Value, id: Option<String>, enrolls: bool) -> Value {
    event["id"] = id.unwrap_or_else(|| made_id(&event)).into();
    event["enroll"] = enrolls.into();
    event
}

fn type_advice(kind: &str) -> String {
    match nearest(kind, StandardEvent::ALL.iter().map(|kind| kind.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write one such as lead.created or lead.opted_out, or `custom.` and a name of your own".to_owned(),
    }
}

fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
    let value = json::read(value).ok_or_else(|| anyhow!("an object stands where a value is wanted"))?;
    let value = match (value, kind) {
        (cadenza_core::value::Value::Int(int), ValueType::Text) => cadenza_core::value::Value::Text(int.to_string()),
        (value, kind) => json::loosen(value, kind),
    };
    Ok(json::show(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_recipe(map: Option<&str>, enrolment: Enrolment) -> anyhow::Result<Recipe> {
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
        Recipe::new(map.map(|map| serde_json::from_str(map).unwrap()), fields, enrolment, now)
    }

    fn recipe(map: Option<&str>, enrolment: Enrolment) -> Recipe {
        try_recipe(map, enrolment).unwrap()
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
        assert_eq!((recipe.near("Shoe"), recipe.near("Emial")), (None, Some("email")));
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
    fn a_map_that_does_not_fit_is_refused() {
        let columns: BTreeSet<String> = ["Email", "Name", "Kind"].map(str::to_owned).into();
        for (map, said) in [
            (r"{}", "is empty"),
            (r#"{"lead": {"Emial": "email"}}"#, "`Emial`, which the file does not have: did you mean `Email`?"),
            (r#"{"lead": {"Shoe": "email"}}"#, "its columns are `Email`, `Kind` and `Name`"),
            (r#"{"lead": {"Email": "emial"}}"#, "`emial`, which the engine does not know: did you mean `email`?"),
            (r#"{"type": "lead.craeted", "lead": {"Email": "email"}}"#, "did you mean `lead.created`?"),
            (r#"{"type": "Kidn", "lead": {"Email": "email"}}"#, "did you mean `Kind`?"),
            (r#"{"id": "Email", "lead": {"Email": "email"}}"#, "`Email` twice, as the event's id and as lead.email"),
        ] {
            let error = try_recipe(Some(map), Enrolment::Fresh).and_then(|recipe| recipe.check_columns(&columns));
            let error = error.expect_err(map).to_string();
            assert!(error.contains(said), "{map} is refused with: {error}");
        }
        let map = r#"{"type": "Kind", "id": "Name", "lead": {"Email": "email"}}"#;
        recipe(Some(map), Enrolment::Fresh).check_columns(&columns).unwrap();
    }

    #[test]
    fn the_same_row_is_the_same_event() {
        let recipe_of = |enrolment| recipe(None, enrolment);
        let id = |enrolment, value: Value| recipe_of(enrolment).event(row(value)).unwrap()["id"].clone();
        let fresh = |value: Value| id(Enrolment::Fresh, value);
        assert_eq!(fresh(json!({"email": "a@b.io", "phone": "1"})), fresh(json!({"phone": "1", "email": "a@b.io"})));
        assert_ne!(fresh(json!({"email": "a@b.io"})), fresh(json!({"email": "b@b.io"})));
        assert_eq!(fresh(json!({"event_id": "x7", "email": "a@b.io"})), "x7");
        let made = |value: Value| has_made_id(&recipe_of(Enrolment::Fresh).event(row(value)).unwrap());
        assert!(made(json!({"email": "a@b.io"})) && !made(json!({"event_id": "import-7", "email": "a@b.io"})));
        for value in [json!({"email": "a@b.io"}), json!({"type": "lead.created", "lead": {"email": "a@b.io"}})] {
            assert_eq!(id(Enrolment::Always, value.clone()), id(Enrolment::Never, value), "enrolling is no part of it");
        }
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
            let ready = json!({"type": "lead.created", "lead": {"email": "a@b.io"}, "at": at});
            let ready = recipe(None, enrolment).event(row(ready)).unwrap();
            assert_eq!(ready["enroll"], enrolls, "an event line, {enrolment:?} at {at:?}");
            assert!(ready["id"].is_string(), "an event line gets an id too");
        }
    }

    #[test]
    fn what_the_engine_would_refuse_is_no_event() {
        let recipe = recipe(None, Enrolment::Fresh);
        for (value, said) in [
            (json!({"email": "a@b.io", "type": "lead.creatd"}), "did you mean `lead.created`?"),
            (json!({"email": "a@b.io", "employees": "many"}), "a whole number"),
            (json!({"first_name": "Ada"}), "names no lead"),
            (json!({"email": "nobody"}), "names no lead"),
            (json!({"type": "lead.created", "lead": {}}), "names no lead"),
            (json!({"type": "lead.created", "lead": {"id": "7"}}), "external_id"),
            (json!({"type": "lead.created", "lead": {"shoe": 7}}), "no field `shoe`"),
            (json!({"type": "lead.created", "lead": {"email": "a@b.io"}, "dta": {}}), "did you mean `data`?"),
            (json!({"type": "lead.created", "lead": {"email": "a@b.io"}, "data": 7}), "`data` is no object"),
        ] {
            let error = format!("{:#}", recipe.event(row(value.clone())).expect_err("refused"));
            assert!(error.contains(said), "{value} is refused with: {error}");
        }
    }
}
