//! Reading requests: bodies within their limits, JSON with the place of an error, queries and paths. Every failure
//! becomes a problem of ours; axum's own plain-text responses are never seen.

use crate::http::bodies::Held;
use crate::http::problem::{Kind, Problem};
use crate::http::state::Shared;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use hyper::body::Bytes;
use serde::de::DeserializeOwned;

/// A body as JSON.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for JsonBody<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        must_be_json(&parts.headers)?;
        let held = command_body(api, &parts.headers, body).await?;
        object(&held.bytes)?;
        parse(&crate::json::exact(&held.bytes)).map(Self)
    }
}

/// No parameters, and no body except an empty object. Anything that would be ignored is refused instead.
pub(crate) struct Bare;

impl FromRequest<Shared> for Bare {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &Shared) -> Result<Self, Problem> {
        #[derive(Default, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        OptionalJson::<Nothing>::from_request(request, api).await.map(|OptionalJson(Nothing {})| Self)
    }
}

fn no_parameters(parts: &Parts) -> Result<(), Problem> {
    match parts.uri.query().filter(|query| !query.is_empty()) {
        Some(query) => {
            let name = query.split(['=', '&']).next().unwrap_or_default();
            Err(Problem::new(Kind::BadParameter, "this takes no parameters: leave them out").at(name))
        }
        None => Ok(()),
    }
}

/// Refuses anything but an object. serde would also take a list, with the members in order.
fn object(bytes: &[u8]) -> Result<(), Problem> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err(Problem::new(Kind::MalformedJson, "the body is empty: send one JSON object")),
        Some(b'[' | b'"' | b'0'..=b'9' | b'-' | b't' | b'f' | b'n') => {
            Err(Problem::new(Kind::InvalidBody, "the body has to be one JSON object, in braces").at("the whole body"))
        }
        Some(_) => Ok(()),
    }
}

/// A body as JSON, or no body at all.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<Shared> for OptionalJson<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let held = command_body(api, &parts.headers, body).await?;
        no_parameters(&parts)?;
        if held.bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        must_be_json(&parts.headers)?;
        object(&held.bytes)?;
        parse(&held.bytes).map(Self)
    }
}

/// Refuses a body that says it is something else. Without a content type it counts as JSON.
pub(crate) fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let text = given.to_str().unwrap_or_default();
    let media = text.split(';').next().unwrap_or_default().trim();
    let json = media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json");
    if json {
        return Ok(());
    }
    let detail = format!("`{media}` is not understood: send `Content-Type: application/json`");
    Err(Problem::new(Kind::NotJson, detail).at("Content-Type"))
}

/// A body without the byte-order mark that some programs write before UTF-8.
pub(crate) fn without_mark(bytes: Bytes) -> Bytes {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    if bytes.starts_with(MARK) { bytes.slice(MARK.len()..) } else { bytes }
}

async fn command_body(api: &Shared, headers: &HeaderMap, body: Body) -> Result<Held, Problem> {
    let limits = &api.limits;
    let mut held = api.bodies.read(headers, body, limits.command_body_bytes_max, limits.body_read_timeout).await?;
    held.bytes = without_mark(held.bytes);
    Ok(held)
}

/// Parses JSON. An error names its place.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        unreadable(error.inner(), &path)
    })?;
    json.end().map_err(|error| unreadable(&error, "."))?;
    Ok(value)
}

/// Turns serde's error into a problem.
pub(crate) fn unreadable(error: &serde_json::Error, path: &str) -> Problem {
    use serde_json::error::Category;
    match error.classify() {
        Category::Io | Category::Syntax | Category::Eof => {
            let (line, column) = (error.line(), error.column());
            Problem::new(Kind::MalformedJson, format!("{error}: send one JSON document in UTF-8"))
                .at(format!("line {line}, column {column}"))
                .with("line", line.into())
                .with("column", column.into())
        }
        Category::Data => {
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or(&text);
            let none_of = |rest: &str| format!("there is no {}", rest.replacen(", expected", ": it is", 1));
            let plain = text.strip_prefix("unknown variant ").map(none_of);
            let text = plain.as_deref().unwrap_or(text);
            let kind = if text.starts_with("unknown field") { Kind::UnknownField } else { Kind::InvalidBody };
            let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
            match (missing, path) {
                (Some(name), ".") => Problem::new(kind, format!("`{name}` is missing")).at(name),
                (Some(name), path) => Problem::new(kind, format!("`{name}` is missing")).at(format!("{path}.{name}")),
                (None, ".") => Problem::new(kind, text).at("the whole body"),
                (None, path) => Problem::new(kind, text).at(path),
            }
        }
    }
}

/// The query, with the parameters that `T` names. Any other parameter is refused.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Params<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|rejection| {
            use std::error::Error as _;
            let cause = rejection.source().map_or_else(|| rejection.to_string(), ToString::to_string);
            Problem::new(Kind::BadParameter, format!("{cause}: see the list of routes in engine/README.md"))
        })
    }
}

/// Something that an address names.
pub(crate) trait InPath: Sized {
    /// What it is: a lead, a task, a run, and so on.
    const WHAT: &'static str;
    fn read(text: &str) -> Option<Self>;
}

macro_rules! ids_in_path {
    ($($id:ident $what:literal),+) => {$(
        impl InPath for cadenza_core::id::$id {
            const WHAT: &'static str = $what;
            fn read(text: &str) -> Option<Self> { Self::parse(text) }
        }
    )+};
}
ids_in_path!(LeadId "lead", TaskId "task", RunId "run");

impl InPath for String {
    const WHAT: &'static str = "name";
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// What the address names, parsed.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: InPath> FromRequestParts<Shared> for Named<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, api).await.map_err(|_| {
            Problem::new(Kind::BadRequest, "the address is not UTF-8 once its `%` escapes are taken out")
        })?;
        T::read(&text).map(Self).ok_or_else(|| Problem::not_found(T::WHAT, &text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only its being read is of interest")]
        lines: Vec<Line>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[expect(dead_code, reason = "only its being read is of interest")]
        count: u32,
    }

    #[test]
    fn what_is_wrong_in_a_body_is_named_with_its_place() {
        for (body, kind, at) in [
            ("", Kind::MalformedJson, "line 1, column 0"),
            ("{\n  \"lines\": [}", Kind::MalformedJson, "line 2, column 13"),
            ("{} x", Kind::InvalidBody, "lines"),
            (r#"{"lines": []} x"#, Kind::MalformedJson, "line 1, column 15"),
            (r#"{"lines": [{"count": "two"}]}"#, Kind::InvalidBody, "lines[0].count"),
            (r#"{"lines": [{"count": 1, "colour": 2}]}"#, Kind::UnknownField, "lines[0].colour"),
            ("[]", Kind::InvalidBody, "the whole body"),
        ] {
            let problem = parse::<Order>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.kind(), kind, "{body}: {problem:?}");
            assert_eq!(problem.body()["at"], at, "{body}: {problem:?}");
        }
        let bytes = [b'"', 0xFF, 0xFE, b'"'];
        assert_eq!(parse::<String>(&bytes).unwrap_err().kind(), Kind::MalformedJson, "no UTF-8");
        let deep = "[".repeat(100_000);
        assert_eq!(parse::<serde_json::Value>(deep.as_bytes()).unwrap_err().kind(), Kind::MalformedJson);
    }

    #[test]
    fn content_types_of_json_are_taken() {
        let check = |text: &str| must_be_json(&[(CONTENT_TYPE, text.parse().unwrap())].into_iter().collect()).is_ok();
        assert!(check("application/json"));
        assert!(check("Application/JSON; charset=utf-8"));
        assert!(check("application/cloudevents+json"));
        assert!(!check("text/plain"));
        assert!(!check("application/x-www-form-urlencoded"));
        assert!(must_be_json(&HeaderMap::new()).is_ok());
    }
}
