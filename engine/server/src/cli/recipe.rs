//! How rows of a file become events: by the names of their columns, or by a map. An event that the engine would refuse
//! for what it says is already an error here, so that the preview of an import is reliable. What cannot be read is left
//! out and reported, as the engine does. Knows neither the file nor what is done with the events.

use super::column_map::{ColumnMap, STANDING};
use super::consent::{self, ConsentColumn, Said, Says};
use anyhow::{Context as _, anyhow, bail};
use cadenza_api::intake::{self, Draft, IntakeError, Rules};
use cadenza_api::json::{self, Tree};
use cadenza_core::event::{EventType, StandardEvent};
use cadenza_core::field::Declared;
use cadenza_core::id::LeadId;
use cadenza_core::identity::IdentityKind;
use cadenza_core::moment::{self, NoTime};
use cadenza_core::own_words::OwnWords;
use cadenza_core::reading::{self, LeftOut, Why};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::{Value as Core, ValueType};
use cadenza_language::nearest;
use jiff::tz::TimeZone;
use serde_json::map::Entry;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

use super::advice::advice;

/// What happened longer ago than this is history.
const HISTORY_MS: i64 = DAY_MS;
/// Columns that say when it happened.
pub(super) const TIMES: &[&str] = &[
    "at",
    "created",
    "created_at",
    "created_date",
    "created_on",
    "create_date",
    "createdate",
    "creation_date",
    "date_added",
    "date_created",
    "erstellt_am",
    "time",
];

/// What an event says besides its lead's fields.
const MEMBERS: [&str; 6] = ["id", "type", "at", "lead", "data", "enroll"];

/// What a column is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The event's type.
    Type,
    /// The event's id.
    Id,
    /// When it happened.
    At,
    Lead(String, ValueType),
    /// A consent column. A field with the same name holds its value too.
    Consent(ConsentColumn, Option<(String, ValueType)>),
    /// The lead's stage, its owner, or the channels that it refuses.
    Standing(&'static str),
    /// A name under `data`.
    Data(String),
    /// Nothing we know.
    Ignored,
}

/// A cell that does not say whether its lead may be contacted, so the import stops.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{said}` in the column `{column}` does not say clearly whether the lead may be contacted: write yes, no, true, false or \
     a date there; or say in --map what the column is, with `lead: {{ {column}: opted_out }}`, or leave it out with \
     `ignore: [{column}]`"
)]
pub(super) struct Unclear {
    column: String,
    said: String,
}

/// A row that names no lead, so there is nobody to contact.
#[derive(Debug, thiserror::Error)]
#[error("it names no lead: it needs an id, external_id, email or phone{0}")]
pub(super) struct NamesNobody(String);

/// The result of a row.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) event: Value,
    /// What the event leaves out of the row.
    pub(super) left_out: Vec<LeftOut>,
}

fn is_against(event: &Value) -> bool {
    let lead = &event["lead"];
    let refused = &lead["refused"];
    !matches!(&lead["opted_out"], Value::Null | Value::Bool(false)) || !(refused.is_null() || *refused == json!([]))
}

/// Whether imported events may enrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enrolment {
    /// Those that happened within a day, or have no time.
    Fresh,
    /// All of them.
    Always,
    /// None of them.
    Never,
}

/// How rows become events.
pub(super) struct Recipe {
    map: Option<ColumnMap>,
    fields: BTreeMap<String, ValueType>,
    /// The same fields, in the form for reading events.
    declared: BTreeMap<String, Declared>,
    /// The team's own words, also for reading events.
    own_words: OwnWords,
    enrolment: Enrolment,
    now: Timestamp,
    /// The workspace's zone, in which a plain date is read.
    zone: TimeZone,
}

impl Recipe {
    /// A recipe from the map, if there is one, and the fields that the engine knows.
    pub(super) fn new(
        map: Option<ColumnMap>,
        fields: BTreeMap<String, ValueType>,
        enrolment: Enrolment,
        now: Timestamp,
        zone: TimeZone,
        own_words: OwnWords,
    ) -> anyhow::Result<Self> {
        if let Some(map) = &map {
            map.check(&fields)?;
        }
        let declared = fields.iter().map(|(name, kind)| (name.clone(), (*kind).into())).collect();
        Ok(Self { map, fields, declared, own_words, enrolment, now, zone })
    }

    /// Checks that the map fits the file's columns.
    pub(super) fn check_columns(&self, columns: &BTreeSet<String>) -> anyhow::Result<()> {
        self.map.as_ref().map_or(Ok(()), |map| map.check_columns(columns))
    }

    /// What a column with this name is: by the map if there is one, otherwise by its name.
    pub(super) fn column(&self, name: &str) -> Column {
        let field = |field: &str| self.fields.get(field).map(|kind| Column::Lead(field.to_owned(), *kind));
        if let Some(map) = &self.map {
            let named = |column: Option<&str>| column == Some(name);
            return match () {
                () if named(map.id.as_deref()) => Column::Id,
                () if named(map.at.as_deref()) => Column::At,
                () if named(map.type_column()) => Column::Type,
                () => (map.consent(name).map(|consent| Column::Consent(consent, None)))
                    .or_else(|| standing(map.lead.get(name)?))
                    .or_else(|| map.lead.get(name).and_then(|name| field(name)))
                    .or_else(|| map.data.get(name).cloned().map(Column::Data))
                    .unwrap_or(Column::Ignored),
            };
        }
        let plain = plain_name(name);
        match plain.as_str() {
            "type" | "event_type" => Column::Type,
            "event_id" => Column::Id,
            at if TIMES.contains(&at) => Column::At,
            other => match (name.strip_prefix("data."), consent::of_column(name)) {
                (Some(data), _) => Column::Data(data.to_owned()),
                (None, Some(consent)) => {
                    let field = synonym(other);
                    Column::Consent(consent, self.fields.get(field).map(|kind| (field.to_owned(), *kind)))
                }
                (None, None) => field(synonym(other)).or_else(|| standing(synonym(other))).unwrap_or(Column::Ignored),
            },
        }
    }

    /// The field that was perhaps meant by a left-out column. With a map, nothing is left out by mistake.
    pub(super) fn near(&self, column: &str) -> Option<&str> {
        let names = self.fields.keys().map(String::as_str).chain(["type", "event_id", "created_at"]).chain(STANDING);
        if self.map.is_some() { None } else { nearest(&plain_name(column), names) }
    }

    /// The event of a row. If the row has no id, the id derives from what the row says, so the same row is the same
    /// event. `decimal_comma` says that its numbers may be written with a decimal comma.
    pub(super) fn event(&self, row: Map<String, Value>, decimal_comma: bool) -> anyhow::Result<Made> {
        let mut left_out = Vec::new();
        let event = if is_event(&row) { self.ready(row)? } else { self.made(row, decimal_comma, &mut left_out)? };
        left_out.extend(self.check(&event)?);
        Ok(Made { event, left_out })
    }

    /// Columns in the order in which they fill the same field: the one with the field's name first, then by name.
    fn in_order(&self, row: Map<String, Value>) -> Vec<(Column, String, Value)> {
        let mut cells: Vec<(bool, String, Column, Value)> = Vec::new();
        for (name, value) in row {
            if is_empty(&value) {
                continue;
            }
            let column = self.column(&name);
            let own = match &column {
                Column::Lead(field, _) => *field == plain_name(&name),
                Column::At => plain_name(&name) == "at",
                _ => true,
            };
            cells.push((!own, name, column, value));
        }
        cells.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        cells.into_iter().map(|(_, name, column, value)| (column, name, value)).collect()
    }

    fn made(&self, row: Map<String, Value>, decimal_comma: bool, left_out: &mut Vec<LeftOut>) -> anyhow::Result<Value> {
        let (mut lead, mut data) = (Map::new(), Map::new());
        let (mut kind, mut id, mut at) = (None, None, None);
        let mut is_of_any_age = false;
        let (mut against, mut beside) = (Against::default(), Beside::default());
        for (column, name, value) in self.in_order(row) {
            match column {
                Column::Type => kind = value.as_str().map(str::to_owned),
                Column::Id => id = Some(plain_text(&value)),
                Column::At if at.is_some() => {}
                Column::At => match self.moment(&value) {
                    Ok(time) => at = Some(time),
                    // The lead and its wishes are still imported; whether the event is recent is unknown.
                    Err(left) => {
                        left_out.push(left);
                        is_of_any_age = true;
                    }
                },
                Column::Lead(field, kind) => {
                    if decimal_comma && kind == ValueType::Number && means_two_numbers(&value) {
                        let said = value_of(value).unwrap_or_default();
                        left_out.push(LeftOut::new(field, Why::Ambiguous, Some(&said)).wanting("1200 or 1.2"));
                    } else {
                        let value = self.loosened(value, kind);
                        match lead.entry(field) {
                            Entry::Vacant(place) => drop(place.insert(value)),
                            Entry::Occupied(place) => beside.add(place.key(), value),
                        }
                    }
                }
                Column::Consent(consent, field) => {
                    against.add(self.said(consent, &name, &value)?);
                    if let Some((field, kind)) = field {
                        lead.entry(field).or_insert(self.loosened(value, kind));
                    }
                }
                Column::Standing("refused") => against.refused_by.push(value),
                Column::Standing(what) => {
                    lead.entry(what).or_insert(value);
                }
                Column::Data(name) => {
                    data.insert(name, value);
                }
                Column::Ignored => beside.add(&name, value),
            }
        }
        if against.tell(&mut lead) {
            beside.tell(&mut lead);
        }
        let fixed = || self.map.as_ref().and_then(ColumnMap::fixed_type).unwrap_or("lead.created").to_owned();
        let mut event = json!({"type": kind.unwrap_or_else(fixed), "lead": lead});
        if !data.is_empty() {
            event["data"] = Value::Object(data);
        }
        if let Some(at) = at {
            event["at"] = at.to_string().into();
        }
        let fresh = self.enrolls(at) && (!is_of_any_age || self.enrolment == Enrolment::Always);
        let enrolls = fresh && !is_against(&event);
        Ok(finished(event, id, enrolls))
    }

    /// Whether a row says that somebody does not want to be contacted, whatever else of it can be read.
    pub(super) fn says_no(&self, row: &Map<String, Value>) -> bool {
        if is_event(row) {
            return is_against(&json!({"lead": row.get("lead")}));
        }
        row.iter().any(|(name, value)| match self.column(name) {
            Column::Consent(consent, _) if !is_empty(value) => {
                self.said(consent, name, value).map_or(true, |said| said != Said::Fine)
            }
            Column::Standing("refused") => !is_empty(value),
            _ => false,
        })
    }

    /// Whether one of these columns may say that somebody does not want to be contacted.
    pub(super) fn asks_consent<'c>(&self, columns: impl IntoIterator<Item = &'c String>) -> bool {
        columns.into_iter().any(|column| match self.column(column) {
            Column::Consent(consent, _) => {
                !matches!(consent.says, Says::YesDetail | Says::PerhapsStatus | Says::Preference)
            }
            Column::Standing(what) => what == "refused",
            _ => false,
        })
    }

    fn said(&self, consent: ConsentColumn, column: &str, value: &Value) -> Result<Said, Unclear> {
        let core = value_of(value.clone()).unwrap_or_default();
        consent::read(consent, &core, &self.zone)
            .ok_or_else(|| Unclear { column: column.to_owned(), said: plain_text(value) })
    }

    /// A row that is already an event.
    fn ready(&self, mut row: Map<String, Value>) -> anyhow::Result<Value> {
        if let Some(other) = row.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            bail!("an event has no `{other}`: {}", advice(other, MEMBERS, "its members"));
        }
        row.retain(|_, value| !value.is_null());
        let at = row.get("at").map(|at| self.time(at)).transpose()?;
        if let Some(at) = at {
            row.insert("at".to_owned(), at.to_string().into());
        }
        let enrolls = match row.remove("enroll") {
            None => self.enrolls(at) && !is_against(&json!({"lead": row.get("lead")})),
            Some(said) => said.as_bool().with_context(|| format!("`enroll` is {said}: write true or false"))?,
        };
        let id = row.remove("id").map(|id| plain_text(&id));
        Ok(finished(Value::Object(row), id, enrolls))
    }

    /// Whether the engine would accept it, as far as the event alone shows, and what it would leave out.
    fn check(&self, event: &Value) -> anyhow::Result<Vec<LeftOut>> {
        let kind = plain_text(&event["type"]);
        let lead = event["lead"].as_object().context("`lead` is no object")?;
        let id = lead.get("id").map(|id| {
            let id = plain_text(id);
            LeadId::parse(&id).with_context(|| {
                format!("`{id}` is no lead's id: it is `ld_` and 26 characters; your own id is `external_id`")
            })
        });
        let mut left_out = Vec::new();
        let fields = lead.iter().filter(|(name, _)| *name != "id").filter_map(|(name, value)| {
            let value = value_of(value.clone());
            if value.is_none() {
                left_out.push(LeftOut::new(name, Why::Object, None));
            }
            Some((name.clone(), value?))
        });
        let fields = fields.collect();
        let data = match event.get("data") {
            None => None,
            Some(data) => Some(data.as_object().context("`data` is no object")?),
        };
        // The engine flattens and judges what is nested deeper.
        let data =
            data.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), value_of(value.clone())?)));
        let draft = Draft {
            source: "",
            id: event["id"].as_str().unwrap_or_default(),
            kind: EventType::parse(&kind)
                .with_context(|| format!("`{kind}` is no event type: {}", type_advice(&kind)))?,
            at: event.get("at").map(|at| self.time(at)).transpose()?,
            lead: id.transpose()?,
            fields,
            data: data.collect(),
            left_out,
            enrolls: true,
        };
        let Self { declared, zone, own_words, now, .. } = self;
        let rules = Rules { declared, zone, team: None, country: None, own_words, now: *now };
        let incoming = intake::check(draft, rules)?;
        let left_out = incoming.report.left_out;
        let is_key = |name: &str| matches!(name, "external_id" | "email" | "phone");
        let named = incoming.report.fields.iter().any(|(name, value)| is_key(name) && !value.is_blank());
        if incoming.lead.is_none() && !named {
            let left: String = left_out.iter().map(|left| format!("; `{}`: {}", left.field, left.words())).collect();
            return Err(NamesNobody(left).into());
        }
        Ok(left_out)
    }

    /// When a row happened, or why that is left out.
    fn moment(&self, value: &Value) -> Result<Timestamp, LeftOut> {
        let core = value_of(value.clone()).unwrap_or_default();
        moment::read(&core, &self.zone).map_err(|no| {
            let why = match no {
                NoTime::Other => Why::Type,
                NoTime::Ambiguous => Why::Ambiguous,
            };
            LeftOut::new("at", why, Some(&core)).wanting("a date such as 2026-03-08, or 2026-03-08T07:30:00Z")
        })
    }

    /// A time in the form that files use. A date alone means that day in the workspace's zone.
    fn time(&self, value: &Value) -> anyhow::Result<Timestamp> {
        let core = value_of(value.clone()).unwrap_or_default();
        moment::read(&core, &self.zone)
            .map_err(|_| anyhow!("{value} is no time: write 2026-03-08T07:30:00Z, or a date such as 2026-03-08"))
    }

    /// A cell in the form in which its field stores it, so that a value gives the same event however it is written.
    /// What cannot be read stays as it is and is judged later.
    fn loosened(&self, value: Value, kind: ValueType) -> Value {
        let Some(core) = value_of(value.clone()) else { return value };
        reading::read(core, kind, &self.zone).map_or(value, |core| json::show(&core))
    }

    fn enrolls(&self, at: Option<Timestamp>) -> bool {
        match self.enrolment {
            Enrolment::Always => true,
            Enrolment::Never => false,
            Enrolment::Fresh => at.is_none_or(|at| self.now.since_ms(at) <= HISTORY_MS),
        }
    }
}

fn is_empty(cell: &Value) -> bool {
    cell.is_null() || cell.as_str().is_some_and(|text| reading::known(text).is_empty())
}

/// Whether a row is an event as the API takes it, without columns.
pub(super) fn is_event(row: &Map<String, Value>) -> bool {
    row.contains_key("type") && row.get("lead").is_some_and(Value::is_object)
}

/// Whether an event's id was made here from what it says.
pub(super) fn has_made_id(event: &Value) -> bool {
    let mut bare = event.clone();
    if let Some(members) = bare.as_object_mut() {
        members.retain(|name, _| name != "id" && name != "enroll");
    }
    event["id"] == made_id(&bare)
}

/// An id for an event that has none, made from what it says. Whether it may enrol is left out, because that changes
/// with the day of the import while the event stays the same.
fn made_id(bare: &Value) -> String {
    let hash = Sha256::digest(bare.to_string().as_bytes());
    let head: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("import-{head}")
}

/// The event under its own id, or one made for it.
fn finished(mut event: Value, id: Option<String>, enrolls: bool) -> Value {
    event["id"] = id.unwrap_or_else(|| made_id(&event)).into();
    event["enroll"] = enrolls.into();
    event
}

pub(super) fn type_advice(kind: &str) -> String {
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
        "number_of_employees" | "no_of_employees" | "no__of_employees" | "employee_count" | "company_size" => {
            "employees"
        }
        "lead_source" => "source",
        "state" | "province" => "region",
        "id" | "lead_id" | "crm_id" | "record_id" | "contact_id" => "external_id",
        "lead_owner" | "record_owner" | "contact_owner" | "account_owner" | "owner_id" | "assigned_to" => "owner",
        "lead_stage" | "lifecycle_stage" => "stage",
        other => other,
    }
}

fn value_of(value: Value) -> Option<Core> {
    serde_json::from_value::<Tree>(value).ok()?.value()
}

/// Which of the things that the engine maintains an event may set.
fn standing(name: &str) -> Option<Column> {
    ["stage", "owner", "refused"].into_iter().find(|known| *known == name).map(Column::Standing)
}

/// Whether a number could mean two things, like `1,200` and `1.200` in a table that may have decimal commas.
fn means_two_numbers(value: &Value) -> bool {
    let text = value.as_str().map(reading::known).unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    text.trim_start_matches(['-', '+']).split_once(['.', ',']).is_some_and(|(whole, rest)| {
        (1..=3).contains(&whole.len()) && !whole.starts_with('0') && rest.len() == 3 && digits(whole) && digits(rest)
    })
}

/// What the cells of a row say against a contact.
#[derive(Default)]
struct Against {
    opted_out: bool,
    refused: BTreeSet<&'static str>,
    /// Cells that name channels themselves.
    refused_by: Vec<Value>,
}

impl Against {
    fn add(&mut self, said: Said) {
        match said {
            Said::Fine => {}
            Said::Against(None) => self.opted_out = true,
            Said::Against(Some(channel)) => drop(self.refused.insert(channel.as_str())),
        }
    }

    /// Adds it to the event's lead, and returns whether there was anything to add. Nothing is added if there is nothing
    /// against a contact, so that the event is the same as without such a column.
    fn tell(self, lead: &mut Map<String, Value>) -> bool {
        if self.opted_out {
            lead.insert("opted_out".to_owned(), true.into());
        }
        let says = self.opted_out || !self.refused.is_empty() || !self.refused_by.is_empty();
        let by_column = self.refused_by.is_empty();
        let named = self.refused_by.into_iter();
        let mut refused: Vec<Value> = named.chain(self.refused.into_iter().map(Value::from)).collect();
        if refused.len() > 1 {
            // A cell that names several channels is split into its items here.
            let apart = |value: Value| if let Value::Array(items) = value { items } else { vec![value] };
            lead.insert("refused".to_owned(), refused.into_iter().flat_map(apart).collect::<Vec<_>>().into());
        } else if let Some(only) = refused.pop() {
            lead.insert("refused".to_owned(), if by_column { vec![only].into() } else { only });
        }
        says
    }
}

/// Addresses and numbers of a row besides the lead's own: `Email 2`, `Mobile`. A refusal counts for all of them.
#[derive(Default)]
struct Beside {
    emails: Vec<Value>,
    phones: Vec<Value>,
}

/// Whether a column's name says that it holds addresses or numbers, even if the column is not used.
pub(super) fn names_somebody(column: &str) -> bool {
    column_of(column).is_some()
}

/// The kind of key that the column holds: address or number.
fn column_of(column: &str) -> Option<IdentityKind> {
    let name = plain_name(column);
    let has = |markers: &[&str]| markers.iter().any(|marker| name.contains(marker));
    if has(&["mail", "courriel", "correo"]) {
        Some(IdentityKind::Email)
    } else {
        let is_phone = has(&["phone", "mobil", "cell", "telefon", "handy", "movil", "portable"]);
        (is_phone || name.split('_').any(|word| word == "tel")).then_some(IdentityKind::Phone)
    }
}

impl Beside {
    fn add(&mut self, column: &str, value: Value) {
        match column_of(column) {
            Some(IdentityKind::Email) if value.as_str().is_some_and(|text| text.contains('@')) => {
                self.emails.push(value)
            }
            Some(IdentityKind::Phone) => self.phones.push(value),
            _ => {}
        }
    }

    fn tell(self, lead: &mut Map<String, Value>) {
        for (field, beside) in [("email", self.emails), ("phone", self.phones)] {
            if beside.is_empty() {
                continue;
            }
            let own = lead.remove(field);
            let all: Vec<Value> = own.into_iter().chain(beside).collect();
            lead.insert(
                field.to_owned(),
                if all.len() == 1 { all.into_iter().next().unwrap_or_default() } else { all.into() },
            );
        }
    }
}

/// Whether an import has to stop for this: unclear consent is neither guessed nor ignored.
pub(super) fn must_stop(error: &anyhow::Error) -> bool {
    error.is::<Unclear>() || matches!(error.downcast_ref(), Some(IntakeError::Consent { .. }))
}

/// What a consent column is, in words.
pub(super) fn consent_words(consent: ConsentColumn) -> String {
    let against = consent.channel.map_or_else(|| "opted out".to_owned(), |channel| format!("refuses {channel}"));
    match consent.says {
        Says::No => format!("{against}, when it says yes"),
        Says::Yes => format!("{against}, when it says no"),
        Says::NoDetail => format!("{against}, when anything stands there"),
        Says::YesDetail => "nothing against a contact".to_owned(),
        Says::Preference => format!("{against}, when it says none, no or do not"),
        Says::Status | Says::PerhapsStatus => {
            format!(
                "{against}, when it says unsubscribed, opted out or the like; refuses email, when it says cleaned or bounced"
            )
        }
    }
}

#[cfg(test)]
mod tests;
