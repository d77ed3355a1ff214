//! How a webhook's body becomes an event: the paths of a source, laid out once as a tree, so that a body is read in one
//! pass and only what is asked for is kept. Knows neither who signed the body nor who answers.

use crate::json;
use cadenza_core::event::EventType;
use cadenza_core::field::field_info;
use cadenza_core::time::Timestamp;
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workspace::{JsonPath, MappedType, MappedValue, Mapping};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// A body as its source's mapping reads it.
#[derive(Debug, PartialEq)]
pub(crate) struct Mapped {
    /// The type.
    pub(crate) kind: EventType,
    /// The id, when the mapping has a path for it and the body has something there.
    pub(crate) id: Option<String>,
    /// When it happened, likewise.
    pub(crate) at: Option<Timestamp>,
    /// Lead fields that the body has; not yet checked against their types.
    pub(crate) fields: Vec<(String, Value)>,
    /// Names under `data` that the body has.
    pub(crate) data: BTreeMap<String, Value>,
}

/// Why a body cannot be mapped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MappingError {
    /// No JSON.
    #[error("the body is not JSON: {0}")]
    Json(serde_json::Error),
    /// A whole object where a value is wanted.
    #[error("`{path}` is an object: `{name}` needs a text, a number, true or false, or a list of these")]
    Object {
        /// Where.
        path: String,
        /// For what.
        name: String,
    },
    /// Nothing to tell the event's type by.
    #[error("there is no text at `{path}`, which says what kind of event it is")]
    NoType {
        /// Where.
        path: String,
    },
    /// A text that the mapping does not know.
    #[error("`{text}` at `{path}` is no kind of event that this source maps: add it under `map`")]
    UnknownType {
        /// Where.
        path: String,
        /// What stands there.
        text: String,
    },
    /// An id that is none.
    #[error("`{path}` is no id: it is a text or a whole number")]
    Id {
        /// Where.
        path: String,
    },
    /// A time that is none.
    #[error("`{path}` is no time: it is RFC 3339 such as 2026-03-08T07:30:00Z, or seconds or milliseconds since 1970")]
    Time {
        /// Where.
        path: String,
    },
}

impl MappingError {
    /// The place in the body it is about.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Json(_) => None,
            Self::Object { path, .. } | Self::NoType { path } | Self::UnknownType { path, .. } => Some(path),
            Self::Id { path } | Self::Time { path } => Some(path),
        }
    }
}

/// A source's mapping, ready to read bodies.
pub(crate) struct Reader {
    root: Node,
    /// The path of each slot, for errors.
    paths: Vec<String>,
    event: EventSlot,
    id: Option<usize>,
    at: Option<usize>,
    lead: Vec<(String, ValueType, Taken)>,
    data: Vec<(String, Taken)>,
}

enum EventSlot {
    Fixed(EventType),
    By(usize, BTreeMap<String, EventType>),
}

enum Taken {
    Slot(usize),
    Constant(Value),
}

/// What is wanted below one place of the body.
#[derive(Default)]
struct Node {
    slots: Vec<usize>,
    below: Vec<(String, Node)>,
}

/// What stands at one slot.
#[derive(Clone, Debug)]
enum Found {
    Nothing,
    Value(Value),
    Object,
}

impl Reader {
    /// Lays a mapping out; `declared` are the workspace's own lead fields.
    pub(crate) fn new(mapping: &Mapping, declared: &BTreeMap<String, ValueType>) -> Self {
        let (mut root, mut paths) = (Node::default(), Vec::new());
        let mut slot = |path: &JsonPath| {
            let mut node = &mut root;
            for part in &path.0 {
                let known = node.below.iter().position(|(name, _)| name == part).unwrap_or_else(|| {
                    node.below.push((part.clone(), Node::default()));
                    node.below.len() - 1
                });
                node = &mut node.below[known].1;
            }
            node.slots.push(paths.len());
            paths.push(path.0.join("."));
            paths.len() - 1
        };
        let event = match &mapping.event {
            MappedType::Fixed(kind) => EventSlot::Fixed(kind.clone()),
            MappedType::By { path, map } => EventSlot::By(slot(path), map.clone()),
        };
        let id = mapping.id.as_ref().map(&mut slot);
        let at = mapping.at.as_ref().map(&mut slot);
        let mut take = |value: &MappedValue| match value {
            MappedValue::Path(path) => Taken::Slot(slot(path)),
            MappedValue::Constant(value) => Taken::Constant(value.clone()),
        };
        let kind = |name: &str| {
            field_info(name).map(|info| info.kind).or_else(|| declared.get(name).copied()).unwrap_or(ValueType::Any)
        };
        let lead = mapping.lead.iter().map(|(name, value)| (name.clone(), kind(name), take(value))).collect();
        let data = mapping.data.iter().map(|(name, value)| (name.clone(), take(value))).collect();
        Self { root, paths, event, id, at, lead, data }
    }

    /// Reads a body.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Mapped, MappingError> {
        let mut found = vec![Found::Nothing; self.paths.len()];
        let mut json = serde_json::Deserializer::from_slice(body);
        let top = Seek { node: &self.root, found: &mut found }.deserialize(&mut json).map_err(MappingError::Json)?;
        json.end().map_err(MappingError::Json)?;
        store(&self.root, top, &mut found);
        let kind = self.kind(&found)?;
        let id = self.id.map(|slot| self.read_id(slot, &mut found)).transpose()?.flatten();
        let at = self.at.map(|slot| self.read_time(slot, &mut found)).transpose()?.flatten();
        let mut fields = Vec::with_capacity(self.lead.len());
        for (name, kind, taken) in &self.lead {
            if let Some(value) = self.take(name, taken, &mut found)? {
                fields.push((name.clone(), json::loosen(value, *kind)));
            }
        }
        let mut data = BTreeMap::new();
        for (name, taken) in &self.data {
            if let Some(value) = self.take(name, taken, &mut found)? {
                data.insert(name.clone(), value);
            }
        }
        Ok(Mapped { kind, id, at, fields, data })
    }

    fn kind(&self, found: &[Found]) -> Result<EventType, MappingError> {
        match &self.event {
            EventSlot::Fixed(kind) => Ok(kind.clone()),
            EventSlot::By(slot, map) => {
                let path = || self.paths[*slot].clone();
                let Found::Value(Value::Text(text)) = &found[*slot] else {
                    return Err(MappingError::NoType { path: path() });
                };
                map.get(text).cloned().ok_or_else(|| MappingError::UnknownType { path: path(), text: text.clone() })
            }
        }
    }

    fn read_id(&self, slot: usize, found: &mut [Found]) -> Result<Option<String>, MappingError> {
        match std::mem::replace(&mut found[slot], Found::Nothing) {
            Found::Nothing | Found::Value(Value::Blank) => Ok(None),
            Found::Value(Value::Text(text)) => Ok(Some(text)),
            Found::Value(Value::Int(int)) => Ok(Some(int.to_string())),
            _ => Err(MappingError::Id { path: self.paths[slot].clone() }),
        }
    }

    fn read_time(&self, slot: usize, found: &mut [Found]) -> Result<Option<Timestamp>, MappingError> {
        /// Whole numbers from here on are milliseconds: as seconds they would lie past the year 5000.
        const MILLISECONDS_FROM: i64 = 100_000_000_000;
        match std::mem::replace(&mut found[slot], Found::Nothing) {
            Found::Nothing | Found::Value(Value::Blank) => return Ok(None),
            Found::Value(Value::Text(text)) => Timestamp::parse(&text),
            Found::Value(Value::Int(ms)) if ms >= MILLISECONDS_FROM => Some(Timestamp::from_ms(ms)),
            Found::Value(Value::Int(seconds)) if seconds >= 0 => Some(Timestamp::from_ms(seconds * 1_000)),
            Found::Value(Value::Number(seconds)) if (0.0..1e11).contains(&seconds) => {
                Some(Timestamp::from_ms((seconds * 1e3) as i64))
            }
            _ => None,
        }
        .map(Some)
        .ok_or_else(|| MappingError::Time { path: self.paths[slot].clone() })
    }

    fn take(&self, name: &str, taken: &Taken, found: &mut [Found]) -> Result<Option<Value>, MappingError> {
        match taken {
            Taken::Constant(value) => Ok(Some(value.clone())),
            Taken::Slot(slot) => match std::mem::replace(&mut found[*slot], Found::Nothing) {
                Found::Nothing => Ok(None),
                Found::Value(value) => Ok(Some(value)),
                Found::Object => Err(MappingError::Object { path: self.paths[*slot].clone(), name: name.to_owned() }),
            },
        }
    }
}

/// Puts what was found at a node into its slots.
fn store(node: &Node, value: Found, found: &mut [Found]) {
    if let Some((last, others)) = node.slots.split_last() {
        others.iter().for_each(|slot| found[*slot] = value.clone());
        found[*last] = value;
    }
}

/// Reads one value of the body and everything wanted below it.
struct Seek<'a> {
    node: &'a Node,
    found: &'a mut [Found],
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Found;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Value(Value::Blank))
    }
    fn visit_bool<E>(self, bool: bool) -> Result<Found, E> {
        Ok(Found::Value(Value::Bool(bool)))
    }
    fn visit_i64<E>(self, int: i64) -> Result<Found, E> {
        Ok(Found::Value(Value::Int(int)))
    }
    fn visit_u64<E>(self, int: u64) -> Result<Found, E> {
        Ok(Found::Value(i64::try_from(int).map_or(Value::Number(int as f64), Value::Int)))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Found, E> {
        Ok(Found::Value(Value::Number(number)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(Found::Value(Value::Text(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        while let Some(wanted) = map.next_key_seed(Wanted(self.node))? {
            match wanted {
                Some(below) => {
                    let value = map.next_value_seed(Seek { node: below, found: &mut *self.found })?;
                    store(below, value, self.found);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Found::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Found, A::Error> {
        const NOTHING: &Node = &Node { slots: Vec::new(), below: Vec::new() };
        let (mut list, mut objects) = (Vec::new(), false);
        for index in 0_usize.. {
            let below = self.node.below.iter().find(|(name, _)| name.parse() == Ok(index)).map_or(NOTHING, |(_, n)| n);
            let Some(value) = items.next_element_seed(Seek { node: below, found: &mut *self.found })? else { break };
            if !self.node.slots.is_empty() {
                match &value {
                    Found::Value(value) => list.push(value.clone()),
                    Found::Object | Found::Nothing => objects = true,
                }
            }
            store(below, value, self.found);
        }
        Ok(if objects { Found::Object } else { Found::Value(Value::List(list)) })
    }
}

/// Reads a member's name without keeping it: which node is wanted below it.
struct Wanted<'a>(&'a Node);

impl<'a, 'de> DeserializeSeed<'de> for Wanted<'a> {
    type Value = Option<&'a Node>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Wanted<'a> {
    type Value = Option<&'a Node>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.below.iter().find(|(known, _)| known == name).map(|(_, node)| node))
    }
    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Self::Value, E> {
        Err(E::custom("a member's name is text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_core::event::StandardEvent;

    fn path(text: &str) -> JsonPath {
        JsonPath(text.split('.').map(str::to_owned).collect())
    }

    fn reader() -> Reader {
        let taken = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, at)| ((*name).to_owned(), MappedValue::Path(path(at)))).collect::<BTreeMap<_, _>>()
        };
        let mut lead = taken(&[
            ("email", "form.contact.email"),
            ("employees", "form.size"),
            ("first_name", "form.names.0"),
            ("seats", "seats"),
        ]);
        lead.insert("source".into(), MappedValue::Constant(Value::Text("web".into())));
        let map = [("new", StandardEvent::LeadCreated), ("stop", StandardEvent::LeadOptedOut)];
        let mapping = Mapping {
            event: MappedType::By {
                path: path("kind"),
                map: map.into_iter().map(|(text, kind)| (text.to_owned(), EventType::Standard(kind))).collect(),
            },
            id: Some(path("id")),
            at: Some(path("at")),
            lead,
            data: taken(&[("names", "form.names"), ("page", "page")]),
        };
        Reader::new(&mapping, &[("seats".to_owned(), ValueType::Int)].into())
    }

    fn field<'a>(mapped: &'a Mapped, name: &str) -> Option<&'a Value> {
        mapped.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    #[test]
    fn values_are_taken_from_where_the_mapping_says() {
        let body = br#"{"kind": "new", "id": 7, "at": "2026-03-09T14:00:00Z", "ignored": [{"deep": [1, {"x": null}]}],
            "form": {"contact": {"email": "ada@example.com", "email2": 1}, "size": "250", "names": ["Ada", "L"]}, "seats": 3}"#;
        let mapped = reader().read(body).unwrap();
        assert_eq!(mapped.kind, EventType::Standard(StandardEvent::LeadCreated));
        assert_eq!(mapped.id.as_deref(), Some("7"));
        assert_eq!(mapped.at, Timestamp::parse("2026-03-09T14:00:00Z"));
        assert_eq!(field(&mapped, "email"), Some(&Value::Text("ada@example.com".into())));
        assert_eq!(field(&mapped, "employees"), Some(&Value::Int(250)), "a number written as text");
        assert_eq!(field(&mapped, "first_name"), Some(&Value::Text("Ada".into())), "an item of a list");
        assert_eq!(field(&mapped, "source"), Some(&Value::Text("web".into())), "a constant");
        assert_eq!(mapped.data["names"], Value::List(vec![Value::Text("Ada".into()), Value::Text("L".into())]));
        assert_eq!(mapped.data.get("page"), None, "what is missing is not given");
    }

    #[test]
    fn null_is_blank_and_missing_is_not_given() {
        let mapped = reader().read(br#"{"kind": "new", "form": {"contact": {"email": null}}, "id": null}"#).unwrap();
        assert_eq!(field(&mapped, "email"), Some(&Value::Blank));
        assert_eq!(field(&mapped, "seats"), None);
        assert_eq!((mapped.id, mapped.at), (None, None));
    }

    #[test]
    fn times_may_be_seconds_or_milliseconds() {
        for (at, expected) in [("1773064800", 1_773_064_800_000), ("1773064800123", 1_773_064_800_123), ("0.5", 500)] {
            let mapped = reader().read(format!(r#"{{"kind": "new", "at": {at}}}"#).as_bytes()).unwrap();
            assert_eq!(mapped.at, Some(Timestamp::from_ms(expected)), "at {at}");
        }
    }

    #[test]
    fn each_failure_says_where() {
        for (body, at) in [
            (r#"{"kind": "old"}"#, Some("kind")),
            (r#"{"kind": 7}"#, Some("kind")),
            (r#"{}"#, Some("kind")),
            (r#"[]"#, Some("kind")),
            (r#""text""#, Some("kind")),
            (r#"{"kind": "new", "id": {}}"#, Some("id")),
            (r#"{"kind": "new", "at": "tomorrow"}"#, Some("at")),
            (r#"{"kind": "new", "at": -1}"#, Some("at")),
            (r#"{"kind": "new", "form": {"contact": {"email": {}}}}"#, Some("form.contact.email")),
            (r#"{"kind": "new", "form": {"names": [{}]}}"#, Some("form.names.0")),
            (r#"{"kind": "new"} x"#, None),
            (r#"{"kind": "#, None),
            ("", None),
        ] {
            let error = reader().read(body.as_bytes()).expect_err(body);
            assert_eq!(error.path(), at, "{body}: {error}");
        }
        assert!(reader().read(&[0xFF, 0xFE, b'{']).is_err(), "no UTF-8");
        let deep = "[".repeat(100_000);
        assert!(reader().read(deep.as_bytes()).is_err(), "nested without end");
    }
}
