//! Core's values as plain JSON and back: what the API shows and takes. Stored records have their own form.
//!
//! A body is read into a [`Tree`], not into a map: a map keeps the last of two members with one name, and says nothing.

use cadenza_core::value::Value;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::fmt;

/// A value as the API shows it: blank is null, times are RFC 3339, dates `2026-12-25`, durations are milliseconds.
pub fn show(value: &Value) -> Json {
    match value {
        Value::Blank => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) | Value::Duration(int) => Json::from(*int),
        Value::Number(number) => Json::from(*number),
        Value::Time(at) => Json::String(at.to_string()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(show).collect()),
    }
}

/// What was sent, with every member of every object.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A value that is neither a list nor an object.
    Leaf(Value),
    List(Vec<Tree>),
    /// Members in the order they were sent.
    Object(Vec<(String, Tree)>),
}

/// A member that an object has more than once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is there more than once, and only one of them could count: send it once")]
pub struct Repeated(pub String);

impl Default for Tree {
    fn default() -> Self {
        Self::Object(Vec::new())
    }
}

impl Tree {
    /// As a value of core; `None` for an object, or a list with one in it.
    pub fn value(self) -> Option<Value> {
        Some(match self {
            Self::Leaf(value) => value,
            Self::List(items) => Value::List(items.into_iter().map(Self::value).collect::<Option<_>>()?),
            Self::Object(_) => return None,
        })
    }

    /// The first member, wherever it is, that its object has more than once; its place is given with dots.
    pub fn repeated(&self) -> Result<(), Repeated> {
        match self {
            Self::Leaf(_) => Ok(()),
            Self::List(items) => items.iter().try_for_each(Self::repeated),
            Self::Object(members) => {
                let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                    return Err(Repeated(twice[0].to_owned()));
                }
                let below = |(name, value): &(String, Self)| {
                    value.repeated().map_err(|Repeated(inner)| Repeated(format!("{name}.{inner}")))
                };
                members.iter().try_for_each(below)
            }
        }
    }

    /// As serde's own tree, for code that only shows it.
    pub fn plain(self) -> Json {
        match self {
            Self::Leaf(value) => show(&value),
            Self::List(items) => Json::Array(items.into_iter().map(Self::plain).collect()),
            Self::Object(members) => {
                Json::Object(members.into_iter().map(|(name, value)| (name, value.plain())).collect())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Blank))
    }
    fn visit_bool<E>(self, bool: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Bool(bool)))
    }
    fn visit_i64<E>(self, int: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Int(int)))
    }
    fn visit_u64<E>(self, int: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(unsigned(int)))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Number(number)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Text(text.to_owned())))
    }
    fn visit_string<E>(self, text: String) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Text(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Object(members))
    }
}

/// A number without a sign; [`exact`] has made those that do not fit texts before.
pub fn unsigned(int: u64) -> Value {
    i64::try_from(int).map_or(Value::Number(int as f64), Value::Int)
}

/// Fewer digits always fit 64 bits.
const DIGITS_THAT_FIT: usize = 18;

/// A body in which whole numbers that 64 bits do not hold stand as texts: an id of twenty digits would lose its last ones
/// on the way through a double. A body without such a number, which is every ordinary one, is not copied.
pub fn exact(body: &[u8]) -> Cow<'_, [u8]> {
    if !has_long_number(body) {
        return Cow::Borrowed(body);
    }
    let mut out: Vec<u8> = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while at < body.len() {
        at = match body[at] {
            b'"' => after_string(body, at),
            b'-' | b'0'..=b'9' => {
                let end = body[at..].iter().position(|byte| !is_of_number(*byte)).map_or(body.len(), |end| at + end);
                if is_too_long(&body[at..end]) {
                    out.extend_from_slice(&body[copied..at]);
                    out.push(b'"');
                    out.extend_from_slice(&body[at..end]);
                    out.push(b'"');
                    copied = end;
                }
                end
            }
            _ => at + 1,
        };
    }
    if copied == 0 {
        return Cow::Borrowed(body);
    }
    out.extend_from_slice(&body[copied..]);
    Cow::Owned(out)
}

/// Whether so many digits that they may not fit stand side by side anywhere, in a text perhaps.
fn has_long_number(body: &[u8]) -> bool {
    let least = DIGITS_THAT_FIT + 1;
    let run = |at: usize| {
        let before = body[..at].iter().rev().take_while(|byte| byte.is_ascii_digit());
        before.count() + body[at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    // A run of so many digits has one at one of these places.
    (DIGITS_THAT_FIT..body.len()).step_by(least).any(|at| body[at].is_ascii_digit() && run(at) >= least)
}

const fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// The place behind the string that begins here.
fn after_string(body: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < body.len() {
        match body[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    body.len()
}

fn is_too_long(number: &[u8]) -> bool {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    digits.len() > DIGITS_THAT_FIT
        && digits[0] != b'0'
        && digits.iter().all(u8::is_ascii_digit)
        && std::str::from_utf8(number).is_ok_and(|text| text.parse::<i64>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_json_comes_back_as_it_was() {
        let read = |json: Json| serde_json::from_value::<Tree>(json).unwrap();
        for json in [json!(null), json!(true), json!(-3), json!(1.5), json!("text"), json!(["a", 1, null])] {
            assert_eq!(show(&read(json.clone()).value().unwrap()), json);
        }
        assert_eq!(read(json!({"a": 1})).value(), None);
        assert_eq!(read(json!([{"a": 1}])).value(), None);
        let deep = json!({"a": [{"b": null}], "c": "d"});
        assert_eq!(read(deep.clone()).plain(), deep);
    }

    #[test]
    fn a_member_that_is_there_twice_is_found_wherever_it_is() {
        for (body, twice) in [
            (r#"{"a": 1, "b": 2}"#, None),
            (r#"{"a": 1, "a": 1}"#, Some("a")),
            (r#"{"a": {"b": 1, "c": 2, "b": 3}}"#, Some("a.b")),
            (r#"{"list": [1, {"x": 1, "x": 2}]}"#, Some("list.x")),
            (r#"{"a": {"b": 1}, "c": {"b": 1}}"#, None),
            (r#"{"a": 1, "\u0061": 2}"#, Some("a")),
            (r#"[{"a": 1}, {"a": 1}]"#, None),
        ] {
            let tree: Tree = serde_json::from_str(body).unwrap();
            assert_eq!(tree.repeated().err().map(|Repeated(name)| name).as_deref(), twice, "{body}");
        }
    }

    #[test]
    fn whole_numbers_that_do_not_fit_are_texts_and_all_else_is_untouched() {
        for (body, expected) in [
            (r#"{"id": 12345678901234567890123, "n": 1}"#, Some(r#"{"id": "12345678901234567890123", "n": 1}"#)),
            ("[-12345678901234567890123]", Some(r#"["-12345678901234567890123"]"#)),
            ("[18446744073709551616,18446744073709551615]", Some(r#"["18446744073709551616","18446744073709551615"]"#)),
            ("[9223372036854775807, -9223372036854775808]", None),
            ("[1234567890123456789]", None),
            (r#"{"text": "12345678901234567890123"}"#, None),
            (r#"{"text": "a \" 12345678901234567890123"}"#, None),
            ("[1.2345678901234567890123]", None),
            ("[12345678901234567890123e2]", None),
            (
                r#"{"a": "12345678901234567890123", "b": 12345678901234567890123}"#,
                Some(r#"{"a": "12345678901234567890123", "b": "12345678901234567890123"}"#),
            ),
            ("12345678901234567890123", Some("\"12345678901234567890123\"")),
            (r#""unclosed 12345678901234567890123"#, None),
        ] {
            let made = exact(body.as_bytes());
            assert_eq!(String::from_utf8_lossy(&made), expected.unwrap_or(body));
            assert_eq!(matches!(made, Cow::Owned(_)), expected.is_some(), "{body}");
        }
    }
}
