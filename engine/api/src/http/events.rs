//! `POST /v1/events`: one event or an array. The items of an array succeed or fail one by one. They are with the engine
//! at the same time, in the order of the array, so that they share its batches.

use crate::http::auth::{Caller, Ingest};
use crate::http::hooks::Taken;
use crate::http::problem::{Kind, Problem};
use crate::http::request::{must_be_json, parse, without_mark};
use crate::http::state::Shared;
use crate::intake::{self, Draft, Rules};
use crate::json::{self, Tree};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cadenza_core::event::{EVENT_DATA_MAX, EventType, ReportError, meant_type};
use cadenza_core::field::Declared;
use cadenza_core::id::LeadId;
use cadenza_core::moment;
use cadenza_core::reading::{LeftOut, Why};
use cadenza_core::value::{Value, ValueType};
use cadenza_runtime::engine::Incoming;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Value as Any, json};
use std::collections::BTreeMap;

/// The source of events that come this way, in conditions and in the journal. No webhook may have this name.
pub(crate) use cadenza_language::EVENTS_SOURCE as SOURCE;

/// The members that an event may have.
const MEMBERS: &str = "`id`, `type`, `at`, `lead`, `data` and `enroll`";

/// An event as it was sent.
#[derive(Default)]
struct EventBody {
    id: Option<String>,
    kind: Option<String>,
    at: Option<Value>,
    lead: Members,
    data: Members,
    /// Whether it may enrol the lead. Imported history does not.
    enroll: Option<bool>,
}

/// Members of an object, each at most once.
pub(crate) type Members = Vec<(String, Tree)>;

#[derive(Serialize)]
struct Several {
    accepted: usize,
    failed: usize,
    results: Vec<One>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum One {
    Taken(Taken),
    Failed { index: usize, event: Option<String>, problem: Any },
}

/// Takes an event or an array of events, and answers once all of it is durable or refused.
pub(crate) async fn take(_: Caller<Ingest>, State(api): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    must_be_json(&parts.headers)?;
    let limits = &api.limits;
    let read = api.bodies.read(&parts.headers, body, limits.events_body_bytes_max, limits.body_read_timeout);
    // Held until the last of its events is durable.
    let mut held = read.await?;
    held.take_for_values()?;
    match parse::<Tree>(&json::exact(&without_mark(held.bytes.clone())))? {
        Tree::List(items) => take_several(&api, items).await,
        item => take_one(&api, item).await.map(|taken| (StatusCode::ACCEPTED, Json(taken)).into_response()),
    }
}

async fn take_several(api: &Shared, items: Vec<Tree>) -> Result<Response, Problem> {
    let max = api.limits.events_max;
    if items.is_empty() || items.len() > max {
        let detail = format!("an array has 1 to {max} events, this one {}: send it in parts", items.len());
        return Err(Problem::new(Kind::TooMany, detail));
    }
    let (mut results, mut pressure, mut index) = (Vec::with_capacity(items.len()), None, 0);
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let together: Vec<Tree> = items.by_ref().take(api.limits.events_under_way_max).collect();
        let ids: Vec<Option<String>> = together.iter().map(id_of).collect();
        let taken = join_all(together.into_iter().map(|item| take_one(api, item))).await;
        for (result, event) in taken.into_iter().zip(ids) {
            results.push(match result {
                Ok(taken) => One::Taken(taken),
                Err(problem) => {
                    let body = problem.body();
                    pressure =
                        Some(problem).filter(|problem| matches!(problem.kind().status(), 429 | 503)).or(pressure);
                    One::Failed { index, event, problem: body }
                }
            });
            index += 1;
        }
    }
    let accepted = results.iter().filter(|one| matches!(one, One::Taken(_))).count();
    let failed = results.len() - accepted;
    match pressure {
        // Nothing was accepted, so a sender that looks only at the status may send everything again.
        Some(problem) if accepted == 0 => Err(problem),
        _ => {
            let status = if failed == 0 { StatusCode::ACCEPTED } else { StatusCode::MULTI_STATUS };
            Ok((status, Json(Several { accepted, failed, results })).into_response())
        }
    }
}

/// The id that an event was sent with, for reporting what happened to it.
fn id_of(item: &Tree) -> Option<String> {
    let Tree::Object(members) = item else { return None };
    members.iter().find(|(name, _)| name == "id").and_then(|(_, value)| text_of(value.clone()))
}

/// A text, or the digits of a whole number.
fn text_of(value: Tree) -> Option<String> {
    let Tree::Leaf(value) = value else { return None };
    match cadenza_core::reading::read(value, ValueType::Text, &jiff::tz::TimeZone::UTC) {
        Ok(Value::Text(text)) => Some(text),
        _ => None,
    }
}

async fn take_one(api: &Shared, item: Tree) -> Result<Taken, Problem> {
    let body = read_body_of(item)?;
    let id = body.id.clone().unwrap_or_else(|| api.new_event_id());
    let incoming = read(api, body, &id)?;
    let accepted = api.engine.report(incoming).await?;
    Ok(Taken::new(id, &accepted))
}

/// The members of an object. A repeated one is refused by name, because otherwise the last one would silently win.
pub(crate) fn members(item: Tree, expecting: &str) -> Result<Members, Problem> {
    item.repeated().map_err(|repeated| Problem::new(Kind::InvalidBody, repeated.to_string()).at(repeated.0))?;
    match item {
        Tree::Object(members) => Ok(members),
        _ => Err(Problem::new(Kind::InvalidBody, format!("expected {expecting}")).at("the whole body")),
    }
}

fn read_body_of(item: Tree) -> Result<EventBody, Problem> {
    let mut body = EventBody::default();
    for (name, value) in members(item, "an event, an object with `type`, `lead` and `data`")? {
        let invalid = |what: &str| Problem::new(Kind::InvalidBody, format!("`{name}` is {what}")).at(&name);
        let object = |value: Tree| match value {
            Tree::Object(members) => Ok(members),
            Tree::Leaf(Value::Blank) => Ok(Members::new()),
            _ => Err(invalid("an object")),
        };
        match name.as_str() {
            _ if value == Tree::Leaf(Value::Blank) => {}
            "id" => body.id = Some(text_of(value).ok_or_else(|| invalid("a text or a whole number"))?),
            "type" => body.kind = Some(text_of(value).ok_or_else(|| invalid("a text such as lead.created"))?),
            "at" => body.at = Some(value.value().ok_or_else(|| invalid("a time such as 2026-03-08T07:30:00Z"))?),
            "lead" => body.lead = object(value)?,
            "data" => body.data = object(value)?,
            "enroll" => match value {
                Tree::Leaf(Value::Bool(enroll)) => body.enroll = Some(enroll),
                _ => return Err(invalid("true or false")),
            },
            _ => {
                let detail = format!("unknown field `{name}`: an event has {MEMBERS}");
                return Err(Problem::new(Kind::UnknownField, detail).at(&name));
            }
        }
    }
    Ok(body)
}

fn read(api: &Shared, body: EventBody, id: &str) -> Result<Incoming, Problem> {
    let catalog = api.engine.catalog();
    let rules = Rules::of(&catalog.workspace.settings, api.engine.clock().now());
    let kind = body.kind.ok_or_else(|| Problem::new(Kind::InvalidBody, "`type` is missing").at("type"))?;
    let kind = EventType::parse(&kind).ok_or_else(|| Problem::new(Kind::UnknownType, unknown_type(kind)).at("type"))?;
    let at = body.at.map(|at| {
        moment::read(&at, rules.zone).map_err(|_| {
            let detail = format!("{} is no RFC 3339 time such as 2026-03-08T07:30:00Z, and no date", json::show(&at));
            Problem::new(Kind::InvalidBody, detail).at("at")
        })
    });
    let mut left_out = Vec::new();
    let (lead, fields) = lead_of(body.lead, &mut left_out)?;
    let data = data_of(body.data, &mut left_out)?;
    let enrolls = body.enroll.unwrap_or(true);
    checked(Draft { source: SOURCE, id, kind, at: at.transpose()?, lead, fields, data, left_out, enrolls }, rules)
}

/// Checks a draft. An error names its place.
pub(crate) fn checked(draft: Draft<'_>, rules: Rules<'_>) -> Result<Incoming, Problem> {
    let declared = rules.declared;
    intake::check(draft, rules).map_err(|error| {
        let problem = Problem::new(intake_kind(&error), format!("{error}{}", advice(&error, declared)));
        let problem = match &error {
            intake::IntakeError::Reason { result } => {
                problem.with("missing", json!([reason_of(result, "data.reason")]))
            }
            _ => problem,
        };
        error.place().into_iter().fold(problem, Problem::at)
    })
}

/// The reason that a result of the team's own has to come with, as one of the answers that are missing.
pub(crate) fn reason_of(result: &str, field: &str) -> serde_json::Value {
    json!({ "field": field, "question": format!("The reason for {result}") })
}

fn unknown_type(kind: String) -> String {
    let meant = meant_type(&kind).map(|meant| format!(": did you mean `{meant}`?"));
    format!("{}{}", ReportError::Type(kind), meant.unwrap_or_default())
}

/// Suggests the field that was probably meant instead of an unknown one.
fn advice(error: &intake::IntakeError, declared: &BTreeMap<String, Declared>) -> String {
    use cadenza_core::field::{FieldError, STANDARD_FIELDS};
    let intake::IntakeError::Report(ReportError::Field(FieldError::Unknown { field })) = error else {
        return String::new();
    };
    let names = STANDARD_FIELDS.iter().map(|info| info.name).chain(declared.keys().map(String::as_str));
    cadenza_language::nearest(field, names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

const fn intake_kind(error: &intake::IntakeError) -> Kind {
    use cadenza_core::field::FieldError;
    match error {
        intake::IntakeError::Report(ReportError::Field(FieldError::Unknown { .. })) => Kind::UnknownField,
        intake::IntakeError::Reason { .. } => Kind::MissingAnswers,
        _ => Kind::InvalidField,
    }
}

/// A lead as an event names it: by our own id, and by what the event says about it.
type Named = (Option<LeadId>, Vec<(String, Value)>);

/// The most members under `lead`.
const LEAD_MEMBERS_MAX: usize = 512;
/// The most bytes of a name under `data`, including the names above it.
const DATA_NAME_BYTES_MAX: usize = 256;

/// The id and the fields under `lead`. A field whose value is an object is left out.
pub(crate) fn lead_of(lead: Members, left_out: &mut Vec<LeftOut>) -> Result<Named, Problem> {
    if lead.len() > LEAD_MEMBERS_MAX {
        let detail = format!("`lead` has {} members: {LEAD_MEMBERS_MAX} at most", lead.len());
        return Err(Problem::new(Kind::InvalidField, detail).at("lead"));
    }
    let (mut id, mut fields) = (None, Vec::with_capacity(lead.len()));
    for (name, value) in lead {
        if name == "id" {
            let shown = value.clone().plain();
            id = Some(text_of(value).as_deref().and_then(LeadId::parse).ok_or_else(|| {
                let detail =
                    format!("{shown} is no lead's id: it is `ld_` and 26 characters; your own id is `external_id`");
                Problem::new(Kind::InvalidField, detail).at("lead.id")
            })?);
            continue;
        }
        match value.value() {
            Some(value) => fields.push((name, value)),
            None => left_out.push(LeftOut::new(name, Why::Object, None)),
        }
    }
    Ok((id, fields))
}

/// What is under `data`, flattened: `{"a": {"b": 1}}` becomes `a.b`.
fn data_of(data: Members, left_out: &mut Vec<LeftOut>) -> Result<BTreeMap<String, Value>, Problem> {
    let too_much = |detail: String| Problem::new(Kind::InvalidField, detail).at("data");
    let mut flat = BTreeMap::new();
    let mut open = data;
    let mut seen = open.len();
    while let Some((name, value)) = open.pop() {
        if name.len() > DATA_NAME_BYTES_MAX {
            return Err(too_much(format!("a name under `data` has more than {DATA_NAME_BYTES_MAX} bytes")));
        }
        match value {
            Tree::Object(members) => {
                seen = seen + members.len() - 1;
                if seen > EVENT_DATA_MAX {
                    break;
                }
                open.extend(members.into_iter().map(|(member, value)| (format!("{name}.{member}"), value)));
            }
            value => match value.value() {
                // `{"a.b": 1, "a": {"b": 2}}` says the same thing twice.
                Some(_) if flat.contains_key(&name) => {
                    left_out.push(LeftOut::new(format!("data.{name}"), Why::Repeated, None));
                }
                Some(value) => drop(flat.insert(name, value)),
                None => left_out.push(LeftOut::new(format!("data.{name}"), Why::Object, None)),
            },
        }
    }
    if seen > EVENT_DATA_MAX {
        return Err(too_much(ReportError::TooMuchData.to_string()));
    }
    Ok(flat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn object(value: Any) -> Members {
        let Tree::Object(members) = serde_json::from_value(value).unwrap() else { panic!("an object") };
        members
    }

    #[test]
    fn data_is_made_flat() {
        let mut left = Vec::new();
        let data = data_of(object(json!({"a": {"b": 1, "c": {"d": "x"}}, "e": ["y"]})), &mut left).unwrap();
        assert_eq!(data.keys().map(String::as_str).collect::<Vec<_>>(), ["a.b", "a.c.d", "e"]);
        assert_eq!(left, []);
        for (data, field, why) in
            [(json!({"a": [{}]}), "data.a", Why::Object), (json!({"a": {"b": 1}, "a.b": 2}), "data.a.b", Why::Repeated)]
        {
            let mut left = Vec::new();
            data_of(object(data.clone()), &mut left).unwrap();
            let left: Vec<(&str, Why)> = left.iter().map(|left| (left.field.as_str(), left.why)).collect();
            assert_eq!(left, [(field, why)], "{data}");
        }
    }

    #[test]
    fn a_lead_is_named_by_our_id_or_by_its_own() {
        let id = LeadId::new(cadenza_core::time::Timestamp::from_ms(1), 1);
        let mut left = Vec::new();
        let given = object(json!({"id": id, "email": "a@b.io", "title": null, "phone": {"work": 1}}));
        let (read, fields) = lead_of(given, &mut left).unwrap();
        assert_eq!(read, Some(id));
        assert_eq!(fields, [("email".into(), Value::Text("a@b.io".into())), ("title".into(), Value::Blank)]);
        assert_eq!(left.iter().map(|left| left.field.as_str()).collect::<Vec<_>>(), ["phone"]);
        for lead in [json!({"id": 7}), json!({"id": "x"}), json!({"id": {}})] {
            assert_eq!(lead_of(object(lead.clone()), &mut left).unwrap_err().body()["at"], "lead.id", "{lead}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_event_is_named() {
        for (body, kind, at) in [
            (r#"{"type": "lead.created", "type": "lead.updated"}"#, Kind::InvalidBody, "type"),
            (r#"{"type": "x", "lead": {"email": "a@b.io", "email": "b@b.io"}}"#, Kind::InvalidBody, "lead.email"),
            (r#"{"type": "x", "data": {"a": {"b": 1, "b": 1}}}"#, Kind::InvalidBody, "data.a.b"),
            (r#"{"type": 7.5, "lead": []}"#, Kind::InvalidBody, "lead"),
            (r#"{"type": "x", "id": {}}"#, Kind::InvalidBody, "id"),
            (r#"{"type": "x", "at": {}}"#, Kind::InvalidBody, "at"),
            (r#"{"type": "x", "enroll": "yes"}"#, Kind::InvalidBody, "enroll"),
            (r#"{"type": "x", "colour": 1}"#, Kind::UnknownField, "colour"),
            (r#""text""#, Kind::InvalidBody, "the whole body"),
            ("7", Kind::InvalidBody, "the whole body"),
        ] {
            let problem = read_body_of(serde_json::from_str(body).unwrap()).err().expect(body);
            assert_eq!((problem.kind(), problem.body()["at"].as_str()), (kind, Some(at)), "{body}");
        }
        let id = |id: &str| read_body_of(serde_json::from_str(&format!(r#"{{"id": {id}}}"#)).unwrap()).ok()?.id;
        assert_eq!(
            (id("7"), id("7.0"), id("\"7\""), id("null")),
            (Some("7".into()), Some("7".into()), Some("7".into()), None)
        );
    }

    #[test]
    fn data_that_is_too_much_is_refused_before_it_is_made_flat() {
        let many: Vec<_> = (0..EVENT_DATA_MAX).map(|n| (format!("m{n}"), json!(1))).collect();
        let large = |name: String| {
            Json::Object([(name, Json::Object(many.clone().into_iter().collect()))].into_iter().collect())
        };
        let deep = (0..60).fold(json!(1), |below, _| json!({"abcde": below}));
        for (data, taken) in [
            (large("a".to_owned()), true),
            (large("a".repeat(300)), false),
            (json!({"a": large("b".to_owned()), "c": 1}), false),
            (json!({"a": [{}]}), true),
            (deep, false),
        ] {
            let read = data_of(object(data.clone()), &mut Vec::new());
            assert_eq!(read.is_ok(), taken, "{data}");
        }
        let wide: Vec<_> = (0..600).map(|n| (format!("x{n}"), json!({}))).collect();
        let read = lead_of(object(Json::Object(wide.into_iter().collect())), &mut Vec::new());
        assert!(read.is_err(), "more members than any workspace has fields");
    }
}
