//! An event from outside, made ready for the engine: its fields checked against the workspace, its sizes against the
//! limits, its id qualified by its source. Everything past this door is checked.

use crate::engine::Incoming;
use cadenza_core::event::{EVENT_DATA_MAX, EVENT_ID_BYTES_MAX, EventType, Report, ReportError, StandardEvent};
use cadenza_core::field::{FieldError, STANDARD_FIELDS, TEXT_BYTES_MAX};
use cadenza_core::id::LeadId;
use cadenza_core::lead::{Outcome, TouchResult};
use cadenza_core::time::Timestamp;
use cadenza_core::value::{Value, ValueType};
use std::collections::BTreeMap;

/// The most bytes of all texts of an event together: it is written into the lead's journal.
pub(crate) const EVENT_TEXT_BYTES_MAX: usize = 64 * 1024;
/// The most items of a list that an event brings.
pub(crate) const LIST_ITEMS_MAX: usize = 100;

/// An event before it is checked.
pub(crate) struct Draft<'a> {
    /// Who delivers it: part of its identity.
    pub(crate) source: &'a str,
    /// The sender's id.
    pub(crate) id: &'a str,
    /// A hash of its content.
    pub(crate) content: u64,
    /// What happened.
    pub(crate) kind: EventType,
    /// When.
    pub(crate) at: Timestamp,
    /// The lead by our own id.
    pub(crate) lead: Option<LeadId>,
    /// What it says about the lead.
    pub(crate) fields: Vec<(String, Value)>,
    /// Everything else.
    pub(crate) data: BTreeMap<String, Value>,
    /// Whether it may enrol.
    pub(crate) enrolls: bool,
}

/// Why a draft is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IntakeError {
    /// One thing does not fit.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A code nobody knows.
    #[error("`{text}` is no {name} of a call: {known}")]
    Code {
        /// Its name under `data`.
        name: &'static str,
        /// What was sent.
        text: String,
        /// What is taken.
        known: String,
    },
    /// Too large altogether.
    #[error("the event's texts have more than {EVENT_TEXT_BYTES_MAX} bytes together: send less of them")]
    TooLarge,
    /// A list that is too long.
    #[error("`{name}` has more than {LIST_ITEMS_MAX} items")]
    ListTooLong {
        /// Its name.
        name: String,
    },
    /// A single text that is too long.
    #[error("`{name}` has more than {TEXT_BYTES_MAX} bytes")]
    TextTooLong {
        /// Its name.
        name: String,
    },
}

impl IntakeError {
    /// The member it is about.
    pub(crate) fn place(&self) -> Option<String> {
        match self {
            Self::Report(ReportError::Field(error)) => {
                let (FieldError::Type { field, .. }
                | FieldError::TooLong { field }
                | FieldError::Form { field, .. }
                | FieldError::Unknown { field }) = error;
                Some(format!("lead.{field}"))
            }
            Self::Report(ReportError::Type(_)) => Some("type".to_owned()),
            Self::Report(ReportError::Id) => Some("id".to_owned()),
            Self::Report(ReportError::TooMuchData) => Some("data".to_owned()),
            Self::ListTooLong { name } | Self::TextTooLong { name } => Some(format!("data.{name}")),
            Self::Code { name, .. } => Some(format!("data.{name}")),
            Self::TooLarge => None,
        }
    }
}

/// Checks a draft; `declared` are the workspace's own fields.
pub(crate) fn check(draft: Draft<'_>, declared: &BTreeMap<String, ValueType>) -> Result<Incoming, IntakeError> {
    if draft.id.is_empty() || draft.id.len() > EVENT_ID_BYTES_MAX || draft.id.contains(char::is_control) {
        return Err(ReportError::Id.into());
    }
    if draft.data.len() > EVENT_DATA_MAX {
        return Err(ReportError::TooMuchData.into());
    }
    if draft.kind == EventType::Standard(StandardEvent::CallCompleted) {
        check_call(&draft.data)?;
    }
    let mut text_bytes = 0;
    let mut fields = Vec::with_capacity(draft.fields.len());
    for (name, value) in draft.fields {
        let value = check_field(&name, value, declared).map_err(ReportError::from)?;
        text_bytes += name.len() + bytes_of(&name, &value)?;
        fields.push((name, value));
    }
    for (name, value) in &draft.data {
        text_bytes += name.len() + bytes_of(name, value)?;
    }
    if text_bytes > EVENT_TEXT_BYTES_MAX {
        return Err(IntakeError::TooLarge);
    }
    let report = Report {
        kind: draft.kind,
        at: draft.at,
        source: draft.source.to_owned(),
        fields,
        data: draft.data,
        enrolls: draft.enrolls,
        only_finds: false,
    };
    Ok(Incoming { id: format!("{}/{}", draft.source, draft.id), content: draft.content, report, lead: draft.lead })
}

/// A call that was made outside says how it ended, in our codes: one that is misspelt must not pass for another.
fn check_call(data: &BTreeMap<String, Value>) -> Result<(), IntakeError> {
    let known = |codes: &[&str]| format!("write {}", codes.join(", "));
    let text = |name: &str| match data.get(name) {
        None | Some(Value::Blank) => None,
        Some(Value::Text(text)) => Some(text.clone()),
        Some(other) => Some(format!("{other:?}")),
    };
    let outcomes = Outcome::ALL.iter().filter(|outcome| !matches!(outcome, Outcome::Sent | Outcome::Done));
    let outcomes: Vec<&str> = outcomes.map(|outcome| outcome.as_str()).collect();
    let outcome = text("outcome").unwrap_or_default();
    if !outcomes.contains(&outcome.as_str()) {
        return Err(IntakeError::Code { name: "outcome", text: outcome, known: known(&outcomes) });
    }
    let results: Vec<&str> = TouchResult::ALL.iter().map(|result| result.as_str()).collect();
    match text("result").filter(|result| !results.contains(&result.as_str())) {
        Some(result) => Err(IntakeError::Code { name: "result", text: result, known: known(&results) }),
        None => Ok(()),
    }
}

/// A value as the field takes it.
pub(crate) fn check_field(
    name: &str,
    value: Value,
    declared: &BTreeMap<String, ValueType>,
) -> Result<Value, FieldError> {
    let standard = || STANDARD_FIELDS.iter().find(|info| info.name == name).map(|info| info.kind);
    let kind = standard()
        .or_else(|| declared.get(name).copied())
        .ok_or_else(|| FieldError::Unknown { field: name.to_owned() })?;
    let value = value.fit(kind).ok_or_else(|| FieldError::Type { field: name.to_owned(), expected: kind })?;
    match &value {
        Value::Text(text) if text.len() > TEXT_BYTES_MAX => Err(FieldError::TooLong { field: name.to_owned() }),
        _ => Ok(value),
    }
}

fn bytes_of(name: &str, value: &Value) -> Result<usize, IntakeError> {
    match value {
        Value::Text(text) if text.len() > TEXT_BYTES_MAX => Err(IntakeError::TextTooLong { name: name.to_owned() }),
        Value::Text(text) => Ok(text.len()),
        Value::List(items) if items.len() > LIST_ITEMS_MAX => Err(IntakeError::ListTooLong { name: name.to_owned() }),
        Value::List(items) => items.iter().try_fold(0, |sum, item| Ok(sum + bytes_of(name, item)?)),
        _ => Ok(8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(fields: &[(&str, Value)], data: &[(&str, Value)]) -> Draft<'static> {
        Draft {
            source: "web",
            id: "7",
            content: 1,
            kind: EventType::Standard(StandardEvent::LeadCreated),
            at: Timestamp::from_ms(0),
            lead: None,
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            data: data.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            enrolls: true,
        }
    }

    fn text(length: usize) -> Value {
        Value::Text("x".repeat(length))
    }

    #[test]
    fn what_fits_is_taken_as_the_field_holds_it() {
        let declared = [("seats".to_owned(), ValueType::Number)].into();
        let incoming = check(draft(&[("seats", Value::Int(3))], &[]), &declared).unwrap();
        assert_eq!(incoming.id, "web/7");
        assert_eq!(incoming.report.fields, [("seats".to_owned(), Value::Number(3.0))]);
    }

    #[test]
    fn each_refusal_says_where() {
        let many: Vec<(String, Value)> = (0..=EVENT_DATA_MAX).map(|n| (format!("n{n}"), Value::Int(1))).collect();
        let many: Vec<(&str, Value)> = many.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let names: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
        let connected = ("outcome", Value::Text("connected".into()));
        let call = |data: &[(&str, Value)]| Draft {
            kind: EventType::Standard(StandardEvent::CallCompleted),
            ..draft(&[], data)
        };
        assert!(check(call(std::slice::from_ref(&connected)), &BTreeMap::new()).is_ok());
        let large: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), text(4_000))).collect();
        for (draft, place) in [
            (draft(&[("employees", Value::Text("many".into()))], &[]), Some("lead.employees")),
            (draft(&[("shoe_size", Value::Int(42))], &[]), Some("lead.shoe_size")),
            (draft(&[("score", Value::Int(99))], &[]), Some("lead.score")),
            (draft(&[("message", text(TEXT_BYTES_MAX + 1))], &[]), Some("lead.message")),
            (draft(&[], &[("note", text(TEXT_BYTES_MAX + 1))]), Some("data.note")),
            (draft(&[], &[("list", Value::List(vec![Value::Int(1); LIST_ITEMS_MAX + 1]))]), Some("data.list")),
            (draft(&[], &many), Some("data")),
            (draft(&[], &large), None),
            (call(&[]), Some("data.outcome")),
            (call(&[("outcome", Value::Text("NO_ANSWER".into()))]), Some("data.outcome")),
            (call(&[("outcome", Value::Text("sent".into()))]), Some("data.outcome")),
            (call(&[connected.clone(), ("result", Value::Text("bogus".into()))]), Some("data.result")),
            (Draft { id: "", ..draft(&[], &[]) }, Some("id")),
            (Draft { id: "a\nb", ..draft(&[], &[]) }, Some("id")),
        ] {
            let error = check(draft, &BTreeMap::new()).expect_err("refused");
            assert_eq!(error.place().as_deref(), place, "{error}");
        }
    }
}
