//! How a webhook's body becomes an event. The paths of a source are arranged once as a tree, so that a body is read in
//! one pass and only what is asked for is kept. Does not know who signed the body or who responds.

use crate::body::Body;
use crate::json;
use cadenza_core::event::EventType;
use cadenza_core::moment;
use cadenza_core::reading::{LeftOut, Why};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_core::workspace::{JsonPath, MappedType, MappedValue, Mapping};
use jiff::tz::TimeZone;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// A body as read by its source's mapping.
#[derive(Debug, PartialEq)]
pub struct Mapped {
    pub kind: EventType,
    /// The id, if the mapping has a path for it and the body has something there.
    pub id: Option<String>,
    /// When it happened, under the same condition.
    pub at: Option<Timestamp>,
    /// Lead fields that the body has, not yet checked against their types.
    pub fields: Vec<(String, Value)>,
    /// Names under `data` that the body has.
    pub data: BTreeMap<String, Value>,
    /// What is there but is not a value.
    pub left_out: Vec<LeftOut>,
}

/// Why a body cannot be mapped.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    #[error("the body is not JSON: {0}")]
    Json(serde_json::Error),
    /// Something that decides what the event is, but is there more than once.
    #[error("`{path}` is there more than once, and only one of them could count: the sender has to send it once")]
    Repeated { path: String },
    /// Nothing says the event's type.
    #[error("there is no text at `{path}`, which says what kind of event it is")]
    NoType { path: String },
    /// A text that the mapping does not know.
    #[error("`{text}` at `{path}` is no kind of event that this source maps: add it under `map`")]
    UnknownType { path: String, text: String },
    /// The id is neither a text nor a whole number.
    #[error("`{path}` is no id: it is a text or a whole number")]
    Id { path: String },
    /// The time cannot be read.
    #[error(
        "`{path}` is no time: it is RFC 3339 such as 2026-03-08T07:30:00Z, a date such as 2026-03-08, or seconds or milliseconds since 1970"
    )]
    Time { path: String },
}

impl MappingError {
    /// The place in the body that is to blame.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Json(_) => None,
            Self::Repeated { path } | Self::NoType { path } | Self::UnknownType { path, .. } => Some(path),
            Self::Id { path } | Self::Time { path } => Some(path),
        }
    }
}

/// A source's mapping, ready to read bodies.
pub struct Reader {
    root: Node,
    /// The path of each slot, for errors.
    paths: Vec<String>,
    event: EventSlot,
    id: Option<usize>,
    at: Option<usize>,
    lead: Vec<(String, Taken)>,
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

/// What was found for one slot.
#[derive(Clone, Debug)]
enum Found {
    Nothing,
    Value(Value),
    Object,
    /// It, or something that contains it, is there more than once.
    Repeated,
}

impl Reader {
    /// Prepares a mapping.
    pub fn new(mapping: &Mapping) -> Self {
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
        let lead = mapping.lead.iter().map(|(name, value)| (name.clone(), take(value))).collect();
        let data = mapping.data.iter().map(|(name, value)| (name.clone(), take(value))).collect();
        Self { root, paths, event, id, at, lead, data }
    }

    /// Finds what is wanted in a body. If reading fails midway, returns what was found before that too.
    fn seek(&self, body: Body<'_>) -> (Vec<Found>, Result<(), serde_json::Error>) {
        let mut found = vec![Found::Nothing; self.paths.len()];
        let seek = Seek { node: &self.root, found: &mut found };
        let top = match body {
            Body::Json(bytes) => {
                let bytes = json::exact(&bytes);
                let mut json = serde_json::Deserializer::from_slice(&bytes);
                seek.deserialize(&mut json).and_then(|top| json.end().map(|()| top))
            }
            Body::Form(fields) => seek.deserialize(fields),
        };
        let read = top.map(|top| store(&self.root, top, &mut found));
        (found, read)
    }

    /// The id of a body, as far as it can be read.
    pub fn id(&self, body: Body<'_>) -> Option<String> {
        let (mut found, _) = self.seek(body);
        self.read_id(self.id?, &mut found).ok()?
    }

    /// Reads a body. `zone` is the time zone of dates that do not name one.
    pub fn read(&self, body: Body<'_>, zone: &TimeZone) -> Result<Mapped, MappingError> {
        let (mut found, read) = self.seek(body);
        read.map_err(MappingError::Json)?;
        let kind = self.kind(&found)?;
        let id = self.id.map(|slot| self.read_id(slot, &mut found)).transpose()?.flatten();
        let at = self.at.map(|slot| self.read_time(slot, &mut found, zone)).transpose()?.flatten();
        let mut left_out = Vec::new();
        let mut fields = Vec::with_capacity(self.lead.len());
        for (name, taken) in &self.lead {
            match take(taken, &mut found) {
                Ok(value) => fields.extend(value.map(|value| (name.clone(), value))),
                Err(why) => left_out.push(LeftOut::new(name, why, None)),
            }
        }
        let mut data = BTreeMap::new();
        for (name, taken) in &self.data {
            match take(taken, &mut found) {
                Ok(value) => data.extend(value.map(|value| (name.clone(), value))),
                Err(why) => left_out.push(LeftOut::new(format!("data.{name}"), why, None)),
            }
        }
        Ok(Mapped { kind, id, at, fields, data, left_out })
    }

    fn kind(&self, found: &[Found]) -> Result<EventType, MappingError> {
        match &self.event {
            EventSlot::Fixed(kind) => Ok(kind.clone()),
            EventSlot::By(slot, map) => {
                let path = || self.paths[*slot].clone();
                match &found[*slot] {
                    Found::Value(Value::Text(text)) => map
                        .get(text)
                        .cloned()
                        .ok_or_else(|| MappingError::UnknownType { path: path(), text: text.clone() }),
                    Found::Repeated => Err(MappingError::Repeated { path: path() }),
                    _ => Err(MappingError::NoType { path: path() }),
                }
            }
        }
    }

    fn read_id(&self, slot: usize, found: &mut [Found]) -> Result<Option<String>, MappingError> {
        match std::mem::replace(&mut found[slot], Found::Nothing) {
            Found::Nothing | Found::Value(Value::Blank) => Ok(None),
            Found::Value(Value::Text(text)) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
            Found::Value(Value::Int(int)) => Ok(Some(int.to_string())),
            // `7.0` is how some programs write the number 7.
            Found::Value(Value::Number(id)) if id.fract() == 0.0 && id.abs() < 9e15 => Ok(Some(id.to_string())),
            Found::Repeated => Err(MappingError::Repeated { path: self.paths[slot].clone() }),
            _ => Err(MappingError::Id { path: self.paths[slot].clone() }),
        }
    }

    fn read_time(&self, slot: usize, found: &mut [Found], zone: &TimeZone) -> Result<Option<Timestamp>, MappingError> {
        let path = || self.paths[slot].clone();
        match std::mem::replace(&mut found[slot], Found::Nothing) {
            Found::Nothing | Found::Value(Value::Blank) => Ok(None),
            Found::Value(Value::Text(text)) if text.trim().is_empty() => Ok(None),
            Found::Value(value) => {
                moment::read(&of_digits(value), zone).map(Some).map_err(|_| MappingError::Time { path: path() })
            }
            Found::Repeated => Err(MappingError::Repeated { path: path() }),
            Found::Object => Err(MappingError::Time { path: path() }),
        }
    }
}

fn take(taken: &Taken, found: &mut [Found]) -> Result<Option<Value>, Why> {
    match taken {
        Taken::Constant(value) => Ok(Some(value.clone())),
        Taken::Slot(slot) => match std::mem::replace(&mut found[*slot], Found::Nothing) {
            Found::Nothing => Ok(None),
            Found::Value(value) => Ok(Some(value)),
            Found::Object => Err(Why::Object),
            Found::Repeated => Err(Why::Repeated),
        },
    }
}

/// Which members of an object were there.
#[derive(Default)]
struct Seen([u64; 4]);

impl Seen {
    /// Whether this one was there before. A mapping names fewer members of one object than there is room for.
    fn again(&mut self, member: usize) -> bool {
        let Some(word) = self.0.get_mut(member / 64) else { return false };
        let bit = 1 << (member % 64);
        let again = *word & bit != 0;
        *word |= bit;
        again
    }
}

/// Marks the node and everything below it, because nobody can tell which of several was meant.
fn spoil(node: &Node, found: &mut [Found]) {
    node.slots.iter().for_each(|slot| found[*slot] = Found::Repeated);
    node.below.iter().for_each(|(_, below)| spoil(below, found));
}

/// Seconds or milliseconds written as text, as forms have them. Fewer digits may be a date.
fn of_digits(value: Value) -> Value {
    const DIGITS_OF_SECONDS: usize = 10;
    match &value {
        Value::Text(text) if text.trim().len() >= DIGITS_OF_SECONDS => text.trim().parse().map_or(value, Value::Int),
        _ => value,
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
        Ok(Found::Value(json::unsigned(int)))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Found, E> {
        Ok(Found::Value(Value::Number(number)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(Found::Value(Value::Text(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut seen = Seen::default();
        while let Some(wanted) = map.next_key_seed(Wanted(self.node))? {
            match wanted {
                Some(member) if seen.again(member) => {
                    map.next_value::<IgnoredAny>()?;
                    spoil(&self.node.below[member].1, self.found);
                }
                Some(member) => {
                    let below = &self.node.below[member].1;
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
                    Found::Object | Found::Nothing | Found::Repeated => objects = true,
                }
            }
            store(below, value, self.found);
        }
        Ok(if objects { Found::Object } else { Found::Value(Value::List(list)) })
    }
}

/// Reads a member's name without keeping it, and says which of the nodes below it is meant.
struct Wanted<'a>(&'a Node);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Wanted<'_> {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }
    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.below.iter().position(|(known, _)| known == name))
    }
    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Self::Value, E> {
        Err(E::custom("a member's name is text"))
    }
}

#[cfg(test)]
mod tests;
