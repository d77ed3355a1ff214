//! `POST /v1/events`: one event or an array. The items of an array succeed or fail one by one; they are with the engine
//! at the same time, in the order of the array, so that they share its batches.

use crate::engine::Incoming;
use crate::http::auth::{Caller, Ingest};
use crate::http::hooks::Taken;
use crate::http::problem::{Kind, Problem};
use crate::http::request::{must_be_json, parse, read_body, unreadable};
use crate::http::state::Shared;
use crate::intake::{self, Draft};
use crate::json;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cadenza_core::event::{EventType, ReportError};
use cadenza_core::id::{LeadId, hash64};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value as Any;
use std::collections::BTreeMap;

/// The source of events that come this way, in conditions and in the journal.
pub(crate) const SOURCE: &str = "api";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an event, an object with `type`, `lead` and `data`")]
struct EventBody {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    at: Option<Timestamp>,
    #[serde(default)]
    lead: serde_json::Map<String, Any>,
    #[serde(default)]
    data: serde_json::Map<String, Any>,
    /// Whether it may enrol; history that is imported does not.
    enroll: Option<bool>,
}

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

/// Takes an event or an array of events; answers once all of it is durable or refused.
pub(crate) async fn take(_: Caller<Ingest>, State(api): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    must_be_json(&parts.headers)?;
    let limits = &api.limits;
    let body = read_body(&parts.headers, body, limits.events_body_bytes_max, limits.body_read_timeout).await?;
    match parse::<Any>(&body)? {
        Any::Array(items) => take_several(&api, items).await,
        item => take_one(&api, item).await.map(|taken| (StatusCode::ACCEPTED, Json(taken)).into_response()),
    }
}

async fn take_several(api: &Shared, items: Vec<Any>) -> Result<Response, Problem> {
    let max = api.limits.events_max;
    if items.is_empty() || items.len() > max {
        let detail = format!("an array has 1 to {max} events, this one {}: send it in parts", items.len());
        return Err(Problem::new(Kind::TooMany, detail));
    }
    let (mut results, mut pressure, mut index) = (Vec::with_capacity(items.len()), None, 0);
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let together: Vec<Any> = items.by_ref().take(api.limits.events_under_way_max).collect();
        let ids: Vec<Option<String>> = together.iter().map(|item| item["id"].as_str().map(str::to_owned)).collect();
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
        // Nothing was taken, so a sender that only looks at the status may send it all again.
        Some(problem) if accepted == 0 => Err(problem),
        _ => {
            let status = if failed == 0 { StatusCode::ACCEPTED } else { StatusCode::MULTI_STATUS };
            Ok((status, Json(Several { accepted, failed, results })).into_response())
        }
    }
}

async fn take_one(api: &Shared, item: Any) -> Result<Taken, Problem> {
    let content = hash64(item.to_string().as_bytes());
    let body: EventBody = serde_path_to_error::deserialize(item).map_err(|error| {
        let path = error.path().to_string();
        unreadable(error.inner(), &path)
    })?;
    let id = body.id.clone().unwrap_or_else(|| api.new_event_id());
    let incoming = read(api, body, &id, content)?;
    let accepted = api.engine.report(incoming).await?;
    Ok(Taken { event: id, lead: accepted.lead, duplicate: accepted.duplicate })
}

fn read(api: &Shared, body: EventBody, id: &str, content: u64) -> Result<Incoming, Problem> {
    let kind = EventType::parse(&body.kind)
        .ok_or_else(|| Problem::new(Kind::UnknownType, ReportError::Type(body.kind).to_string()).at("type"))?;
    let (lead, fields) = lead_of(body.lead)?;
    let draft = Draft {
        source: SOURCE,
        id,
        content,
        kind,
        at: body.at.unwrap_or_else(|| api.engine.clock().now()),
        lead,
        fields,
        data: data_of(body.data)?,
        enrolls: body.enroll.unwrap_or(true),
    };
    checked(api, draft)
}

/// Checks a draft; what is wrong is named with its place.
pub(crate) fn checked(api: &Shared, draft: Draft<'_>) -> Result<Incoming, Problem> {
    let settings = &api.engine.catalog().workspace.settings;
    intake::check(draft, &settings.fields).map_err(|error| {
        let problem = Problem::new(intake_kind(&error), error.to_string());
        error.place().into_iter().fold(problem, Problem::at)
    })
}

const fn intake_kind(error: &intake::IntakeError) -> Kind {
    use cadenza_core::field::FieldError;
    match error {
        intake::IntakeError::Report(ReportError::Field(FieldError::Unknown { .. })) => Kind::UnknownField,
        _ => Kind::InvalidField,
    }
}

/// A lead as an event names it: by our own id, and by what it says about it.
type Named = (Option<LeadId>, Vec<(String, Value)>);

/// The id and the fields under `lead`.
pub(crate) fn lead_of(mut lead: serde_json::Map<String, Any>) -> Result<Named, Problem> {
    let id = lead.remove("id").map(|id| {
        id.as_str().and_then(LeadId::parse).ok_or_else(|| {
            let detail = format!("{id} is no lead's id: it is `ld_` and 26 characters; your own id is `external_id`");
            Problem::new(Kind::InvalidField, detail).at("lead.id")
        })
    });
    let field = |(name, value): (String, Any)| {
        let value = json::read(value).ok_or_else(|| {
            let detail = format!("`{name}` is an object: a field takes one value, or a list of texts");
            Problem::new(Kind::InvalidField, detail).at(format!("lead.{name}"))
        })?;
        Ok((name, value))
    };
    Ok((id.transpose()?, lead.into_iter().map(field).collect::<Result<_, Problem>>()?))
}

/// What is under `data`, flat: `{"a": {"b": 1}}` is `a.b`.
fn data_of(data: serde_json::Map<String, Any>) -> Result<BTreeMap<String, Value>, Problem> {
    let mut flat = BTreeMap::new();
    let mut open: Vec<(String, Any)> = data.into_iter().collect();
    while let Some((name, value)) = open.pop() {
        match value {
            Any::Object(members) => {
                open.extend(members.into_iter().map(|(member, value)| (format!("{name}.{member}"), value)));
            }
            value => {
                let value = json::read(value).ok_or_else(|| {
                    let detail =
                        format!("`{name}` is a list of objects: a list holds texts, numbers or true and false");
                    Problem::new(Kind::InvalidField, detail).at(format!("data.{name}"))
                })?;
                flat.insert(name, value);
            }
        }
    }
    Ok(flat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Any) -> serde_json::Map<String, Any> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn data_is_made_flat() {
        let data = data_of(object(json!({"a": {"b": 1, "c": {"d": "x"}}, "e": ["y"]}))).unwrap();
        assert_eq!(data.keys().map(String::as_str).collect::<Vec<_>>(), ["a.b", "a.c.d", "e"]);
        assert_eq!(data_of(object(json!({"a": [{}]}))).unwrap_err().body()["at"], "data.a");
    }

    #[test]
    fn a_lead_is_named_by_our_id_or_by_its_own() {
        let id = LeadId::new(Timestamp::from_ms(1), 1);
        let (read, fields) = lead_of(object(json!({"id": id, "email": "a@b.io", "title": null}))).unwrap();
        assert_eq!(read, Some(id));
        assert_eq!(fields, [("email".into(), Value::Text("a@b.io".into())), ("title".into(), Value::Blank)]);
        for (lead, at) in
            [(json!({"id": 7}), "lead.id"), (json!({"id": "x"}), "lead.id"), (json!({"email": {}}), "lead.email")]
        {
            assert_eq!(lead_of(object(lead.clone())).unwrap_err().body()["at"], at, "{lead}");
        }
    }
}
