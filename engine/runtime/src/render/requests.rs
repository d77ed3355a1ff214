//! Requests of `http` steps: how they are filled in over what is known of a lead, and what a step keeps of the answer. Knows
//! neither how a request leaves nor how an answer comes.

use crate::catalog::Catalog;
use crate::courier::Response;
use crate::plain;
use crate::render;
use cadenza_core::effect::{Message, Outgoing, Request};
use cadenza_core::event::Reply;
use cadenza_core::expr::{Fault, Object};
use cadenza_core::field::{TEXT_BYTES_MAX, field_info};
use cadenza_core::reading::{self, LeftOut, Why};
use cadenza_core::step::View;
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workflow::{Filled, Http, Part, Verb};
use cadenza_core::workspace::{Definitions, Settings};
use cadenza_language::template;
use serde_json::Value as Json;

/// The most bytes of each part of a request: the path, the query, all headers together, or the body.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// The most items that are kept of a list in an answer.
const ITEMS_MAX: usize = 100;

/// Why a request cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("{part} does not render: {error}")]
    Template { part: String, error: template::RenderError },
    #[error("a value of {part} has no answer: {fault}")]
    Cel { part: &'static str, fault: Fault },
    #[error("{part} has more than {REQUEST_BYTES_MAX} bytes")]
    TooLarge { part: &'static str },
}

/// The bytes that are left for a part of a request. Everything filled in takes from them as it comes, so that many values, each
/// within its own limit, never add up to more.
struct Room {
    part: &'static str,
    left: usize,
}

impl Room {
    const fn of(part: &'static str) -> Self {
        Self { part, left: REQUEST_BYTES_MAX }
    }

    fn take(&mut self, bytes: usize) -> Result<(), RequestError> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(RequestError::TooLarge { part: self.part })?;
        Ok(())
    }
}

/// The step that sends a request, as long as its definition is known.
pub(crate) fn step_of<'d>(definitions: &'d Definitions, message: &Message) -> Option<&'d Http> {
    let Message::Request { workflow, step, .. } = message else { return None };
    match &definitions.get(workflow)?.step(*step)?.verb {
        Verb::Http(http) => Some(http),
        _ => None,
    }
}

/// Whether what the step sends may name this object.
pub(crate) fn may_name(http: &Http, object: Object) -> bool {
    let texts = std::iter::once(http.path.as_str()).chain(http.templates());
    texts.into_iter().any(|text| text.contains(object.as_str()))
        || http.expressions().iter().any(|expr| expr.names(object))
}

pub(crate) fn fill(http: &Http, view: &View<'_>) -> Result<Request, RequestError> {
    let path = path(http, view)?;
    let mut room = Room::of("the body");
    let body = http.body.as_ref().map(|body| filled(body, view, &mut room)).transpose()?.map(|body| body.to_string());
    // Written out, the body may take more bytes than its values do.
    Room::of("the body").take(body.as_ref().map_or(0, String::len))?;
    let mut room = Room::of("all headers together");
    let header = |(name, value): &(String, String)| {
        let text = render::text(value, view);
        let text = text.map_err(|error| RequestError::Template { part: format!("the header `{name}`"), error })?;
        room.take(name.len() + text.len())?;
        // A line end in a field must not begin another header.
        Ok((name.clone(), plain::line(&text)))
    };
    let headers = http.headers.iter().map(header).collect::<Result<_, _>>()?;
    Ok(Request { method: http.method, path, headers, body })
}

fn path(http: &Http, view: &View<'_>) -> Result<String, RequestError> {
    let failed = |error| RequestError::Template { part: "the path".to_owned(), error };
    let mut path = template::render_path(&http.path, view, &render::reader(view)).map_err(failed)?;
    let mut room = Room::of("`query`");
    for (name, value) in &http.query {
        let text = match filled(value, view, &mut room)? {
            Json::Null => continue,
            Json::String(text) => text,
            Json::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        if !text.trim().is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&format!("{}={}", template::percent_encoded(name), template::percent_encoded(&text)));
        }
    }
    Room::of("the path").take(path.len())?;
    Ok(path)
}

fn as_text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn filled(part: &Filled, view: &View<'_>, room: &mut Room) -> Result<Json, RequestError> {
    let of = room.part;
    Ok(match part {
        Filled::Fixed(value) => shown(value),
        Filled::Text(template) => {
            let text = render::text(template, view);
            let text = text.map_err(|error| RequestError::Template { part: of.to_owned(), error })?;
            room.take(text.len())?;
            Json::String(text)
        }
        Filled::Cel(expr) => {
            let value = expr.eval(view).map_err(|fault| RequestError::Cel { part: of, fault })?;
            room.take(value.bytes())?;
            shown(&value)
        }
        Filled::List(items) => {
            Json::Array(items.iter().map(|item| filled(item, view, room)).collect::<Result<_, _>>()?)
        }
        Filled::Map(members) => {
            let member = |(name, member): &(String, Filled)| Ok((name.clone(), filled(member, view, room)?));
            Json::Object(members.iter().map(member).collect::<Result<_, _>>()?)
        }
    })
}

/// A value in JSON: blank is null, times are RFC 3339, dates `2026-12-25`, durations milliseconds.
fn shown(value: &Value) -> Json {
    match value {
        Value::Blank => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) | Value::Duration(int) => Json::from(*int),
        // Whole numbers are written without a point, as people and most systems write them.
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => Json::from(*number as i64),
        Value::Number(number) => Json::from(*number),
        Value::Time(at) => Json::String(at.to_string()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(shown).collect()),
    }
}

/// What the step of a request keeps of its answer. If its definition is gone, it keeps only how the request went.
pub(crate) fn reply(catalog: &Catalog, row: &Outgoing, answer: &Response) -> Reply {
    let mut reply = Reply { status: answer.status, too_large: answer.too_large, ..Reply::default() };
    let Some(http) = step_of(&catalog.definitions, &row.message) else { return reply };
    // What a refusal says is about the request, not about the lead.
    let keeps = |part: &Part| answer.is_accepted() || *part == Part::Status;
    let saves = http.save.iter().filter(|save| keeps(&save.from));
    let body = saves.clone().any(|save| save.from != Part::Status).then(|| read(answer));
    for save in saves {
        let found = match (&save.from, &body) {
            (Part::Status, _) => Ok(Value::Int(i64::from(answer.status))),
            (Part::Body(steps), Some(body)) => value(find(body, steps)),
            (Part::Body(_), None) => Ok(Value::Blank),
        };
        let absent = || LeftOut::new(&save.field, Why::Absent, None).wanting(format!("`{}`", save.from));
        let fitting = match found {
            Ok(Value::Blank) => Err(absent()),
            Ok(value) => fitting(&save.field, value, &catalog.live.settings),
            Err(Unfit { why, wanted }) => {
                let left = LeftOut::new(&save.field, why, None);
                Err(if let Some(wanted) = wanted { left.wanting(wanted) } else { left })
            }
        };
        match fitting {
            Ok(value) => reply.values.push((save.field.clone(), value)),
            Err(left) => reply.left_out.push(left),
        }
    }
    reply
}

/// A value in the form that the field holds. `step` reads it again, by what is in force then.
fn fitting(field: &str, value: Value, settings: &Settings) -> Result<Value, LeftOut> {
    let declared = settings.fields.get(field);
    let kind = field_info(field).map(|info| info.kind).or(declared.map(|declared| declared.kind));
    let read = reading::read_field(field, value, kind.unwrap_or(ValueType::Any), settings.calendar.zone());
    read.and_then(|value| reading::choose(field, value, declared))
}

/// The body: JSON if it is declared as JSON or looks like it, and parses; otherwise one text.
fn read(answer: &Response) -> Json {
    let looks_so = answer.body.trim_start().starts_with(['{', '[']);
    let json = (answer.is_json || looks_so).then(|| serde_json::from_str(&answer.body).ok()).flatten();
    json.unwrap_or_else(|| Json::String(answer.body.clone()))
}

/// Why a part of an answer does not fit a field.
struct Unfit {
    why: Why,
    /// What would fit, in words.
    wanted: Option<String>,
}

impl From<Why> for Unfit {
    fn from(why: Why) -> Self {
        Self { why, wanted: None }
    }
}

fn find<'j>(body: &'j Json, steps: &[String]) -> &'j Json {
    let step = |value: &'j Json, step: &String| match value {
        Json::Object(members) => members.get(step),
        Json::Array(items) => step.parse::<usize>().ok().and_then(|place| items.get(place)),
        _ => None,
    };
    steps.iter().try_fold(body, step).unwrap_or(&Json::Null)
}

/// A value of an answer as one that a field may take; blank if there is none.
fn value(json: &Json) -> Result<Value, Unfit> {
    let too_long = |wanted| Unfit { why: Why::TooLong, wanted: Some(wanted) };
    Ok(match json {
        Json::Null => Value::Blank,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(int), ..) => Value::Int(int),
            // A number for a computer, not for people: an id, which a text holds.
            (None, Some(large), _) => Value::Text(large.to_string()),
            (None, None, Some(number)) => Value::Number(number),
            (None, None, None) => return Err(Why::Inexact.into()),
        },
        Json::String(text) if text.trim().is_empty() => Value::Blank,
        Json::String(text) if text.len() > TEXT_BYTES_MAX => return Err(too_long(format!("{TEXT_BYTES_MAX} bytes"))),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) if items.is_empty() => Value::Blank,
        Json::Array(items) if items.len() > ITEMS_MAX => return Err(too_long(format!("{ITEMS_MAX} items"))),
        Json::Array(items) => {
            let single = |item: &Json| match item {
                Json::Array(_) => Err(Why::List.into()),
                item => value(item),
            };
            Value::List(items.iter().map(single).collect::<Result<_, _>>()?)
        }
        Json::Object(_) => return Err(Why::Object.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use cadenza_core::expr::{Expr, Name};

    /// Each value is within its own limit, but together they are not.
    #[test]
    fn many_values_make_no_more_of_a_request_than_it_may_have() {
        let catalog = fixture::catalog();
        let mut state = fixture::lead();
        state.lead.profile.message = Some("x".repeat(1000));
        let view = View::of(&state, &catalog.live, &catalog.definitions, fixture::NOW);
        let fits = REQUEST_BYTES_MAX / 1000;
        let text = Filled::Text("{{ lead.message }}".to_owned());
        let cel = Filled::Cel(Expr::Name(Name { object: Object::Lead, field: "message".to_owned() }));
        for (what, value) in [("a text", text), ("an expression", cel)] {
            let list = |count: usize| Filled::List(vec![value.clone(); count]);
            let map = |count: usize| Filled::Map((0..count).map(|key| (key.to_string(), value.clone())).collect());
            for (many, is_room) in [(fits - 1, true), (fits + 1, false), (fits * 1000, false)] {
                for part in [list(many), map(many), Filled::List(vec![map(many / 2), list(many - many / 2)])] {
                    let mut room = Room::of("the body");
                    let made = filled(&part, &view, &mut room);
                    assert_eq!(made.is_ok(), is_room, "{many} of {what}");
                    assert!(is_room || matches!(made, Err(RequestError::TooLarge { part: "the body" })), "{what}");
                }
            }
        }
    }

    /// The value at a part of an answer, or why it has none that a field could take.
    fn found(body: &str, part: &str, is_json: bool) -> Result<Value, Why> {
        let answer = Response { status: 200, is_json, body: body.to_owned(), too_large: false };
        let Some(Part::Body(steps)) = Part::parse(part) else { panic!("{part}") };
        value(find(&read(&answer), &steps)).map_err(|unfit| unfit.why)
    }

    #[test]
    fn what_stands_at_a_part_of_an_answer_is_found_with_its_type() {
        let text = |text: &str| Value::Text(text.to_owned());
        let body = r#"{ "deal": { "stage": "won", "tags": ["a", 2, null], "0": "zero" }, "deals": [{ "id": 18446744073709551615 }],
            "n": 7, "x": 0.5, "yes": true, "none": null, "blank": " ", "deep": [[1]], "empty": [] }"#;
        for (part, expected) in [
            ("body.deal.stage", Ok(text("won"))),
            ("body.deal.tags", Ok(Value::List(vec![text("a"), Value::Int(2), Value::Blank]))),
            ("body.deal.tags[1]", Ok(Value::Int(2))),
            ("body.deal[0]", Ok(text("zero"))),
            ("body.deals[0].id", Ok(text("18446744073709551615"))),
            ("body.n", Ok(Value::Int(7))),
            ("body.x", Ok(Value::Number(0.5))),
            ("body.yes", Ok(Value::Bool(true))),
            ("body.none", Ok(Value::Blank)),
            ("body.blank", Ok(Value::Blank)),
            ("body.empty", Ok(Value::Blank)),
            ("body.nowhere", Ok(Value::Blank)),
            ("body.deals[1].id", Ok(Value::Blank)),
            ("body.n.more", Ok(Value::Blank)),
            ("body.deal", Err(Why::Object)),
            ("body.deep", Err(Why::List)),
            ("body", Err(Why::Object)),
        ] {
            assert_eq!(found(body, part, true), expected, "{part}");
            assert_eq!(found(body, part, false), expected, "{part}, where the other side does not say that it is JSON");
        }
        let long = format!("\"{}\"", "x".repeat(TEXT_BYTES_MAX + 1));
        let many = format!("[{}]", vec!["1"; ITEMS_MAX + 1].join(","));
        for (body, is_json, expected) in [
            ("\"won\"", true, Ok(text("won"))),
            ("7", true, Ok(Value::Int(7))),
            ("7", false, Ok(text("7"))),
            ("OK", true, Ok(text("OK"))),
            ("{ broken", true, Ok(text("{ broken"))),
            ("", true, Ok(Value::Blank)),
            (long.as_str(), true, Err(Why::TooLong)),
            (many.as_str(), true, Err(Why::TooLong)),
        ] {
            assert_eq!(found(body, "body", is_json), expected, "{:.40}", body);
        }
    }
}
