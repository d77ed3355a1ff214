//! Makes an outside event ready for the engine: converts its values to the types of the workspace's fields, checks its
//! size against the limits, and qualifies its id by its source. Everything past this point is checked.
//!
//! A value that cannot be read is left out and reported; the lead is not lost because of it. What concerns consent is
//! never left out: if it is unclear, the event is refused.

mod against;
mod call;
mod content;
mod standing;

use cadenza_core::country::Country;
use cadenza_core::event::{
    AHEAD_MS_MAX, EVENT_DATA_MAX, EVENT_ID_BYTES_MAX, EventType, Report, ReportError, StandardEvent, Standing,
};
use cadenza_core::field::{Declared, FieldError, STANDARD_FIELDS, STANDING_FIELDS, TEXT_BYTES_MAX};
use cadenza_core::id::LeadId;
use cadenza_core::own_words::OwnWords;
use cadenza_core::reading::{self, LeftOut, Why};
use cadenza_core::time::Timestamp;
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workspace::{Settings, Team};
use cadenza_core::zone;
use cadenza_runtime::engine::Incoming;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// The most bytes of all texts of an event together, because they are written to the lead's journal.
pub(crate) const EVENT_TEXT_BYTES_MAX: usize = 64 * 1024;
/// The most items of a list that an event brings.
pub const LIST_ITEMS_MAX: usize = 100;

/// What events are read by.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The workspace's own fields.
    pub declared: &'a BTreeMap<String, Declared>,
    /// The time zone of plain dates.
    pub zone: &'a TimeZone,
    /// Who may own a lead; `None` if that is not known, as in a preview.
    pub team: Option<&'a Team>,
    /// The country of leads that do not name one.
    pub country: Option<Country>,
    /// The team's own words for results, stages and channels.
    pub own_words: &'a OwnWords,
    /// The engine's time.
    pub now: Timestamp,
}

impl<'a> Rules<'a> {
    /// The rules of a workspace.
    pub fn of(settings: &'a Settings, now: Timestamp) -> Self {
        let Settings { fields, calendar, team, country, own_words, .. } = settings;
        Self { declared: fields, zone: calendar.zone(), team: Some(team), country: *country, own_words, now }
    }
}

/// An event before it is checked.
pub struct Draft<'a> {
    /// Who delivers it; part of its identity.
    pub source: &'a str,
    /// The sender's id.
    pub id: &'a str,
    pub kind: EventType,
    /// When it happened, if the sender says so.
    pub at: Option<Timestamp>,
    /// The lead, by our own id.
    pub lead: Option<LeadId>,
    /// What it says about the lead.
    pub fields: Vec<(String, Value)>,
    pub data: BTreeMap<String, Value>,
    /// What could not even be read as a value.
    pub left_out: Vec<LeftOut>,
    /// Whether it may enrol the lead.
    pub enrolls: bool,
}

/// Why a draft is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// A single value does not fit.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// An unknown code.
    #[error("`{text}` is no {name} of a call: {known}")]
    Code {
        /// Its name under `data`.
        name: &'static str,
        /// What was sent.
        text: String,
        /// What is accepted.
        known: String,
    },
    /// The team wants a reason with this word.
    #[error("the result `{result}` has to come with a reason: give it as `data.reason`")]
    Reason {
        /// The team's own word.
        result: String,
    },
    /// It has not happened yet.
    #[error(
        "`at` is {at}, more than {} minutes ahead of the engine's clock ({now}): an event is told when it has happened",
        AHEAD_MS_MAX / 60_000
    )]
    Ahead {
        /// When it is said to have happened.
        at: Timestamp,
        /// The engine's time.
        now: Timestamp,
    },
    /// What a lead wants must not be guessed.
    #[error("`{said}` does not say clearly what `{field}` is: write {wanted}")]
    Consent {
        /// `opted_out` or `refused`.
        field: &'static str,
        /// What was sent.
        said: String,
        /// What is accepted.
        wanted: &'static str,
    },
    /// Too large as a whole.
    #[error("the event's texts have more than {EVENT_TEXT_BYTES_MAX} bytes together: send less of them")]
    TooLarge,
}

impl IntakeError {
    /// The member that is to blame.
    pub fn place(&self) -> Option<String> {
        match self {
            Self::Report(ReportError::Field(error)) => {
                let (FieldError::Type { field, .. }
                | FieldError::TooLong { field }
                | FieldError::Form { field, .. }
                | FieldError::Choice { field, .. }
                | FieldError::Unknown { field }) = error;
                Some(format!("lead.{field}"))
            }
            Self::Report(ReportError::Type(_)) => Some("type".to_owned()),
            Self::Report(ReportError::Id) => Some("id".to_owned()),
            Self::Report(ReportError::TooMuchData) => Some("data".to_owned()),
            Self::Code { name, .. } => Some(format!("data.{name}")),
            Self::Reason { .. } => Some("data.reason".to_owned()),
            Self::Consent { field, .. } => Some(format!("lead.{field}")),
            Self::Ahead { .. } => Some("at".to_owned()),
            Self::TooLarge => None,
        }
    }
}

/// Something left out, as the API reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutView {
    /// The lead's field; for one under `data`, `data.` and the name.
    field: String,
    code: Why,
    why: String,
}

impl From<&LeftOut> for LeftOutView {
    fn from(left: &LeftOut) -> Self {
        Self { field: left.field.clone(), code: left.why, why: left.words() }
    }
}

/// The members of `data` that the engine itself uses. All others are the workspace's own.
const DATA: &[(StandardEvent, &str, ValueType)] = &[
    (StandardEvent::LeadEngaged, "kind", ValueType::Text),
    (StandardEvent::LeadEngaged, "detail", ValueType::Text),
    (StandardEvent::CallInbound, "detail", ValueType::Text),
    (StandardEvent::CallInbound, "answered", ValueType::Bool),
    (StandardEvent::EmailReplied, "detail", ValueType::Text),
    (StandardEvent::EmailReplied, "text", ValueType::Text),
    (StandardEvent::EmailAutoReplied, "until", ValueType::Time),
    (StandardEvent::EmailAutoReplied, "text", ValueType::Text),
    (StandardEvent::EmailBounced, "kind", ValueType::Text),
    (StandardEvent::EmailBounced, "status", ValueType::Text),
    (StandardEvent::EmailBounced, "detail", ValueType::Text),
    (StandardEvent::MeetingAccepted, "detail", ValueType::Text),
    (StandardEvent::CallCompleted, "outcome", ValueType::Text),
    (StandardEvent::CallCompleted, "result", ValueType::Text),
    (StandardEvent::CallCompleted, "by", ValueType::Text),
    (StandardEvent::CallCompleted, "reason", ValueType::Text),
    (StandardEvent::CallCompleted, "callback_at", ValueType::Time),
    (StandardEvent::DealStageChanged, "deal", ValueType::Text),
    (StandardEvent::DealStageChanged, "stage", ValueType::Text),
    (StandardEvent::DealStageChanged, "amount", ValueType::Number),
    (StandardEvent::DealWon, "deal", ValueType::Text),
    (StandardEvent::DealWon, "amount", ValueType::Number),
    (StandardEvent::DealLost, "deal", ValueType::Text),
    (StandardEvent::DealLost, "amount", ValueType::Number),
    (StandardEvent::LeadOptedOut, "reason", ValueType::Text),
];

/// Checks a draft.
pub fn check(draft: Draft<'_>, rules: Rules<'_>) -> Result<Incoming, IntakeError> {
    if draft.id.is_empty() || draft.id.len() > EVENT_ID_BYTES_MAX || draft.id.contains(char::is_control) {
        return Err(ReportError::Id.into());
    }
    if draft.data.len() > EVENT_DATA_MAX {
        return Err(ReportError::TooMuchData.into());
    }
    if let Some(at) = draft.at.filter(|at| at.since_ms(rules.now) > AHEAD_MS_MAX) {
        return Err(IntakeError::Ahead { at, now: rules.now });
    }
    // One that is an object, or is repeated, was left out before anybody looked at what it says.
    let consent_of = |left: &LeftOut| consent_name(left.field.strip_prefix("data.").unwrap_or(&left.field));
    if let Some((field, left)) = draft.left_out.iter().find_map(|left| Some((consent_of(left)?, left))) {
        return Err(IntakeError::Consent { field, said: left.words(), wanted: "one value" });
    }
    let given = given_keys(&draft);
    let is_unknown = |left: &&LeftOut| !left.field.starts_with("data.") && !is_known(&left.field, rules.declared);
    if let Some(left) = draft.left_out.iter().find(is_unknown) {
        return Err(ReportError::from(FieldError::Unknown { field: left.field.clone() }).into());
    }
    let mut reading = Reading { kind: &draft.kind, rules, standing: None, left_out: draft.left_out, text_bytes: 0 };
    let fields = reading.fields(draft.fields)?;
    let mut data = draft.data;
    // What somebody wants is never left out, wherever it is.
    for name in CONSENT {
        if let Some(value) = data.remove(name) {
            reading.stand(name, value)?;
        }
    }
    if let Some(Value::List(items)) = data.get_mut("result")
        && items.len() == 1
    {
        let only = items.remove(0);
        data.insert("result".to_owned(), only);
    }
    data.retain(|name, value| reading.datum(name, value));
    let Reading { standing, mut left_out, text_bytes, .. } = reading;
    if text_bytes > EVENT_TEXT_BYTES_MAX {
        return Err(IntakeError::TooLarge);
    }
    if draft.kind == EventType::Standard(StandardEvent::CallCompleted) {
        call::check(&mut data, &mut left_out, rules.own_words)?;
    } else {
        call::read_result(&mut data, &rules.own_words.results);
    }
    let mut report = Report {
        kind: draft.kind,
        at: draft.at.unwrap_or(rules.now),
        source: draft.source.to_owned(),
        fields,
        data,
        enrolls: draft.enrolls,
        only_finds: false,
        left_out,
        standing,
        also: Vec::new(),
    };
    if report.is_against() {
        against::name(&mut report, given, rules.country)?;
    }
    let content = content::hash(&report, draft.lead, draft.at);
    Ok(Incoming { id: format!("{}/{}", draft.source, draft.id), content, signed: None, report, lead: draft.lead })
}

/// Members that say what somebody wants.
const CONSENT: [&str; 2] = ["opted_out", "refused"];

fn consent_name(name: &str) -> Option<&'static str> {
    CONSENT.into_iter().find(|known| *known == name)
}

/// Whether there is a member with this name under `lead`.
fn is_known(name: &str, declared: &BTreeMap<String, Declared>) -> bool {
    STANDARD_FIELDS.iter().chain(STANDING_FIELDS).any(|info| info.name == name) || declared.contains_key(name)
}

/// The address and number as they were given, if the event may say something against them.
fn given_keys(draft: &Draft<'_>) -> Vec<(String, Value)> {
    use StandardEvent::{CallCompleted, EmailBounced, LeadOptedOut};
    let by_kind = matches!(draft.kind, EventType::Standard(CallCompleted | EmailBounced | LeadOptedOut));
    let stands = |name: &str| STANDING_FIELDS.iter().any(|info| info.name == name);
    let by_word = || {
        draft.fields.iter().any(|(name, _)| stands(name))
            || ["opted_out", "refused", "result"].into_iter().any(|name| draft.data.contains_key(name))
    };
    let is_key = |name: &str| matches!(name, "email" | "phone");
    let of_keys = || draft.fields.iter().filter(|(name, _)| is_key(name)).cloned().collect();
    if by_kind || by_word() { of_keys() } else { Vec::new() }
}

/// Reads an event's values.
struct Reading<'a> {
    kind: &'a EventType,
    rules: Rules<'a>,
    standing: Option<Standing>,
    left_out: Vec<LeftOut>,
    text_bytes: usize,
}

impl Reading<'_> {
    fn fields(&mut self, given: Vec<(String, Value)>) -> Result<Vec<(String, Value)>, IntakeError> {
        // A null clears a field if the event says what a lead is now. In other events, and as
        // blank text, it says nothing.
        let clears = *self.kind == EventType::Standard(StandardEvent::LeadUpdated);
        let country = given.iter().find(|(name, _)| name == "country").and_then(|(_, value)| match value {
            Value::Text(country) => Country::parse(country),
            _ => None,
        });
        let country = country.or(self.rules.country);
        let mut fields = Vec::with_capacity(given.len());
        for (name, value) in given {
            let Some(kind) = self.type_of(&name) else {
                self.stand(&name, value)?;
                continue;
            };
            if value.is_blank() {
                if clears {
                    fields.push((name, value));
                }
                continue;
            }
            let read = if name == "timezone" {
                zone_of(value, country)
            } else {
                reading::read_field(&name, value, kind, self.rules.zone)
                    .and_then(|value| reading::choose(&name, value, self.rules.declared.get(&name)))
            };
            match read {
                Ok(Value::Blank) => {}
                Ok(value) if is_too_long(&value) => self.left_out.push(too_long(&name)),
                Ok(value) => {
                    self.text_bytes += name.len() + bytes_of(&value);
                    fields.push((name, value));
                }
                Err(left) => self.left_out.push(left),
            }
        }
        Ok(fields)
    }

    /// The type of a given field; `None` for what says where the lead stands, and for an unknown field.
    fn type_of(&self, name: &str) -> Option<ValueType> {
        let standard = STANDARD_FIELDS.iter().find(|info| info.name == name).map(|info| info.kind);
        standard.or_else(|| self.rules.declared.get(name).map(|declared| declared.kind))
    }

    fn stand(&mut self, name: &str, value: Value) -> Result<(), IntakeError> {
        let info = STANDING_FIELDS.iter().find(|info| info.name == name);
        let info = info.ok_or_else(|| ReportError::from(FieldError::Unknown { field: name.to_owned() }))?;
        let standing = standing::read(info.name, value, &self.rules, &mut self.left_out)?;
        if let Some(told) = standing {
            standing::add(self.standing.get_or_insert_default(), told);
        }
        Ok(())
    }

    /// Whether a value under `data` is kept. It is read in place.
    fn datum(&mut self, name: &str, value: &mut Value) -> bool {
        let kind = match self.kind {
            EventType::Standard(kind) => DATA.iter().find(|(of, known, _)| of == kind && *known == name),
            EventType::Custom(_) => None,
        };
        let kind = kind.map_or(ValueType::Any, |(.., kind)| *kind);
        let left = |why: Why, said: &Value| {
            LeftOut::new(format!("data.{name}"), why, Some(said)).wanting(cadenza_core::field::example(kind))
        };
        match reading::read(std::mem::take(value), kind, self.rules.zone) {
            Ok(Value::Blank) => false,
            Ok(read) if is_too_long(&read) => {
                self.left_out.push(too_long(&format!("data.{name}")));
                false
            }
            Ok(read) => {
                self.text_bytes += name.len() + bytes_of(&read);
                *value = read;
                true
            }
            Err((why, said)) => {
                self.left_out.push(left(why, &said));
                false
            }
        }
    }
}

/// A lead's time zone by the name of a place. One that is not understood is left out.
fn zone_of(value: Value, country: Option<Country>) -> Result<Value, LeftOut> {
    let unknown = |value: &Value| LeftOut::new("timezone", Why::Unknown, Some(value));
    let text = match reading::read(value, ValueType::Text, &TimeZone::UTC) {
        Ok(Value::Text(text)) => text,
        Ok(blank) => return Ok(blank),
        Err((why, value)) => {
            return Err(LeftOut::new("timezone", why, Some(&value)).wanting("a name such as Europe/Berlin"));
        }
    };
    match zone::of_lead(&text, country.as_ref().map(Country::code)) {
        Ok(name) => Ok(Value::Text(name.into_owned())),
        Err(error) => Err(unknown(&Value::Text(text)).wanting(error.to_string())),
    }
}

/// A value that a person gives for a field, as the field holds it. Blank text is blank.
pub(crate) fn check_field(name: &str, value: Value, rules: &Rules<'_>) -> Result<Value, FieldNotRead> {
    let standard = || STANDARD_FIELDS.iter().find(|info| info.name == name).map(|info| info.kind);
    let kind = standard()
        .or_else(|| rules.declared.get(name).map(|declared| declared.kind))
        .ok_or_else(|| FieldNotRead::Unknown(FieldError::Unknown { field: name.to_owned() }))?;
    let read = if name == "timezone" {
        zone_of(value, rules.country)
    } else {
        reading::read_field(name, value, kind, rules.zone)
            .and_then(|value| reading::choose(name, value, rules.declared.get(name)))
    };
    match read {
        Ok(value) if is_too_long(&value) => Err(FieldNotRead::LeftOut(too_long(name))),
        read => read.map_err(FieldNotRead::LeftOut),
    }
}

/// Why a person's value cannot be taken.
#[derive(Debug)]
pub enum FieldNotRead {
    /// There is no such field.
    Unknown(FieldError),
    /// It does not fit.
    LeftOut(LeftOut),
}

impl std::fmt::Display for FieldNotRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(error) => error.fmt(f),
            Self::LeftOut(left) => f.write_str(&left.words()),
        }
    }
}

fn too_long(field: &str) -> LeftOut {
    LeftOut::new(field, Why::TooLong, None).wanting(format!("{TEXT_BYTES_MAX} bytes or {LIST_ITEMS_MAX} items"))
}

fn is_too_long(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.len() > TEXT_BYTES_MAX,
        Value::List(items) => items.len() > LIST_ITEMS_MAX || items.iter().any(is_too_long),
        _ => false,
    }
}

fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.iter().map(bytes_of).sum(),
        _ => 8,
    }
}

#[cfg(test)]
mod tests;
