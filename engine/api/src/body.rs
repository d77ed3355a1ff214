//! Reads the body of a delivery by its headers: JSON or a form, in UTF-8 or in the character set that is named. Does
//! not know who signed it or what it means.

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use encoding_rs::{Encoding, UTF_8};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The most fields of a form.
const FORM_FIELDS_MAX: usize = 1_000;
/// The most parts of a field's name, as in `contact[address][city]`.
const NAME_PARTS_MAX: usize = 16;

/// A body that can be read.
#[derive(Debug, PartialEq)]
pub enum Body<'a> {
    /// JSON in UTF-8, not parsed yet.
    Json(Cow<'a, [u8]>),
    /// A form's fields, in the shape that JSON would have.
    Form(Value),
}

/// Why a body cannot be read: the header that is to blame, and what it should say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("`Content-Encoding: {given}` is not understood: send the body as it is")]
    Packed { given: String },
    /// Neither JSON nor a form.
    #[error(
        "`Content-Type: {given}` is not understood: send `application/json`, `application/…+json` or \
         `application/x-www-form-urlencoded`"
    )]
    Type { given: String },
    /// An unknown character set.
    #[error("`Content-Type` names the character set `{given}`, which is not known: send UTF-8")]
    Charset { given: String },
    /// The body is not in the named character set.
    #[error("the body is not in {charset}, as its {says} says: send UTF-8")]
    Text {
        charset: &'static str,
        /// What names the character set.
        says: &'static str,
    },
    /// Fields that contradict each other.
    #[error("the form's field `{name}` cannot be read: {why}")]
    Field { name: String, why: &'static str },
    #[error("the form has more than {FORM_FIELDS_MAX} fields: send less of them")]
    TooMany,
}

impl BodyError {
    /// The header or field that is to blame.
    pub fn place(&self) -> &str {
        match self {
            Self::Packed { .. } => "Content-Encoding",
            Self::Type { .. } | Self::Charset { .. } => "Content-Type",
            Self::Text { .. } | Self::TooMany => "the whole body",
            Self::Field { name, .. } => name,
        }
    }

    /// Whether a header is to blame, rather than the body.
    pub(crate) const fn is_of_header(&self) -> bool {
        matches!(self, Self::Packed { .. } | Self::Type { .. } | Self::Charset { .. })
    }
}

/// A header's value. One that is not text becomes `(no text)`.
pub fn said<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("(no text)"))
}

/// Reads a body by its headers.
pub fn open<'a>(headers: &HeaderMap, bytes: &'a [u8]) -> Result<Body<'a>, BodyError> {
    if let Some(given) = said(headers, &CONTENT_ENCODING).filter(|given| !given.eq_ignore_ascii_case("identity")) {
        return Err(BodyError::Packed { given: given.to_owned() });
    }
    read(said(headers, &CONTENT_TYPE), bytes)
}

/// Reads a body by its content type. A missing one, or one that says only that it is text, counts as JSON.
pub fn read<'a>(content_type: Option<&str>, bytes: &'a [u8]) -> Result<Body<'a>, BodyError> {
    let given = content_type.unwrap_or("application/json");
    let media = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parameter(given, "charset");
    match media.as_str() {
        "application/x-www-form-urlencoded" => form(&utf8(charset, bytes)?).map(Body::Form),
        "" | "application/json" | "text/json" | "text/plain" => utf8(charset, bytes).map(Body::Json),
        media if media.ends_with("+json") => utf8(charset, bytes).map(Body::Json),
        _ => Err(BodyError::Type { given: given.to_owned() }),
    }
}

/// A parameter of a content type. Its value may be quoted.
fn parameter<'a>(content_type: &'a str, name: &str) -> Option<&'a str> {
    let mut parameters = content_type.split(';').skip(1).filter_map(|one| one.split_once('='));
    let found = parameters.find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().trim_matches('"'))
}

/// The body in UTF-8, without a byte-order mark. A mark takes precedence over the content type. Text that is said to be
/// UTF-8 is not checked here; whoever reads it finds out.
fn utf8<'a>(charset: Option<&str>, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, BodyError> {
    let (encoding, bytes, says) = match (Encoding::for_bom(bytes), charset) {
        (Some((encoding, mark)), _) => (encoding, &bytes[mark..], "byte-order mark"),
        (None, Some(given)) => {
            let known = Encoding::for_label(given.as_bytes());
            (known.ok_or_else(|| BodyError::Charset { given: given.to_owned() })?, bytes, "`Content-Type`")
        }
        (None, None) => (UTF_8, bytes, "`Content-Type`"),
    };
    if encoding == UTF_8 {
        return Ok(Cow::Borrowed(bytes));
    }
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    let text = text.ok_or_else(|| BodyError::Text { charset: encoding.name(), says })?;
    Ok(Cow::Owned(text.into_owned().into_bytes()))
}

/// The fields of a form by their names. `a[b]` and `a.b` mean b within a; `a[]` and a repeated name make a list.
fn form(bytes: &[u8]) -> Result<Value, BodyError> {
    let mut fields = Map::new();
    for (n, (name, value)) in form_urlencoded::parse(bytes).enumerate() {
        if n == FORM_FIELDS_MAX {
            return Err(BodyError::TooMany);
        }
        if [&name, &value].iter().any(|text| text.contains(char::REPLACEMENT_CHARACTER)) {
            return Err(BodyError::Field { name: name.into_owned(), why: "it is not in UTF-8" });
        }
        let parts: Vec<&str> = name.split(['[', '.']).map(|part| part.trim_end_matches(']')).collect();
        if parts.len() > NAME_PARTS_MAX {
            return Err(BodyError::Field { name: name.into_owned(), why: "its name has too many parts" });
        }
        let why = "it is a value and has parts as well";
        put(&mut fields, &parts, value.into_owned())
            .ok_or_else(|| BodyError::Field { name: name.into_owned(), why })?;
    }
    Ok(Value::Object(fields))
}

fn put(fields: &mut Map<String, Value>, parts: &[&str], text: String) -> Option<()> {
    let (first, rest) = parts.split_first()?;
    let entry = fields.entry(*first);
    if rest.iter().all(|part| part.is_empty()) {
        match entry.or_insert(if rest.is_empty() { Value::Null } else { Value::Array(Vec::new()) }) {
            Value::Array(items) => items.push(text.into()),
            Value::Object(_) => return None,
            nothing @ Value::Null => *nothing = text.into(),
            one => *one = Value::Array(vec![one.take(), text.into()]),
        }
        return Some(());
    }
    put(entry.or_insert_with(|| Value::Object(Map::new())).as_object_mut()?, rest, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn a_body_is_what_its_content_type_says() {
        let json = |bytes: &[u8]| Ok(Body::Json(bytes.to_vec().into()));
        let no_type = |given: &str| Err(BodyError::Type { given: given.to_owned() });
        for (content_type, bytes, expected) in [
            (None, &b"{}"[..], json(b"{}")),
            (Some(""), b"{}", json(b"{}")),
            (Some("application/json"), b"{}", json(b"{}")),
            (Some("Application/JSON; charset=\"UTF-8\""), b"{}", json(b"{}")),
            (Some("application/json;charset=us-ascii"), b"{}", json(b"{}")),
            (Some("application/json; boundary=x; Charset=utf8"), b"{}", json(b"{}")),
            (Some("application/vnd.crm.v2+json"), b"{}", json(b"{}")),
            (Some("application/cloudevents+json; charset=utf-8"), b"{}", json(b"{}")),
            (Some("text/plain;charset=UTF-8"), b"{}", json(b"{}")),
            (Some("application/json"), b"\xEF\xBB\xBF{}", json(b"{}")),
            (Some("application/json"), b"\xFF\xFE{\0}\0", json(b"{}")),
            (Some("application/json"), b"\xFE\xFF\0{\0}", json(b"{}")),
            (Some("application/json; charset=utf-16le"), b"{\0}\0", json(b"{}")),
            (Some("application/json; charset=iso-8859-1"), b"\"M\xFCller\"", json("\"Müller\"".as_bytes())),
            (Some("application/json; charset=windows-1252"), b"\"\x80\"", json("\"€\"".as_bytes())),
            (Some("application/json; charset=klingon"), b"{}", Err(BodyError::Charset { given: "klingon".into() })),
            (
                Some("application/json; charset=gbk"),
                b"\"\xFF\"",
                Err(BodyError::Text { charset: "GBK", says: "`Content-Type`" }),
            ),
            (Some("multipart/form-data; boundary=x"), b"", no_type("multipart/form-data; boundary=x")),
            (Some("application/xml"), b"<a/>", no_type("application/xml")),
            (Some("application/jsonp"), b"", no_type("application/jsonp")),
            (Some(FORM), b"a=1", Ok(Body::Form(json!({"a": "1"})))),
            (Some("application/x-www-form-urlencoded; charset=UTF-8"), b"a=1", Ok(Body::Form(json!({"a": "1"})))),
        ] {
            assert_eq!(read(content_type, bytes), expected, "{content_type:?}, {bytes:?}");
        }
    }

    #[test]
    fn a_packed_body_is_refused_by_its_header() {
        for (given, fine) in [("gzip", false), ("br", false), ("identity", true), ("Identity", true)] {
            let headers: HeaderMap = [(CONTENT_ENCODING, given.parse().unwrap())].into_iter().collect();
            let read = open(&headers, b"{}");
            assert_eq!(read.is_ok(), fine, "{given}");
            assert!(fine || read.unwrap_err().place() == "Content-Encoding");
        }
    }

    #[test]
    fn a_form_has_its_fields_by_their_names() {
        for (text, expected) in [
            ("", json!({})),
            ("email=ada%40example.com&name=Ada+L%C3%B6we", json!({"email": "ada@example.com", "name": "Ada Löwe"})),
            ("a=1&a=2&a=3", json!({"a": ["1", "2", "3"]})),
            ("a[]=1", json!({"a": ["1"]})),
            ("a%5B%5D=1&a%5B%5D=2", json!({"a": ["1", "2"]})),
            ("contact[email]=x&contact[phone]=y", json!({"contact": {"email": "x", "phone": "y"}})),
            ("contact.email=x", json!({"contact": {"email": "x"}})),
            ("items[0][id]=7", json!({"items": {"0": {"id": "7"}}})),
            ("phone=&fax", json!({"phone": "", "fax": ""})),
            ("Your Name=Ada&your-name=x", json!({"Your Name": "Ada", "your-name": "x"})),
            ("q=1%2B1%3D2", json!({"q": "1+1=2"})),
        ] {
            assert_eq!(form(text.as_bytes()), Ok(json!(expected)), "{text}");
        }
    }

    #[test]
    fn a_form_that_cannot_be_read_says_which_field() {
        for (text, place) in [
            ("a=%FF", "a"),
            ("a=1&a[b]=2", "a[b]"),
            ("a[b]=2&a=1", "a"),
            (&format!("a{}=1", "[b]".repeat(NAME_PARTS_MAX)), &*format!("a{}", "[b]".repeat(NAME_PARTS_MAX))),
            (&"a=1&".repeat(FORM_FIELDS_MAX + 1), "the whole body"),
        ] {
            let error = form(text.as_bytes()).expect_err(text);
            assert_eq!(error.place(), place, "{error}");
        }
    }
}
