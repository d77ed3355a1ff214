//! How old the values of a lead's fields are. The age of everything that came with the event that created the lead is
//! stored once, in milliseconds before the lead's creation. Only fields that changed later take up more space.

use crate::field::{number, numbered};
use crate::time::Timestamp;
use minicbor::data::Type;
use minicbor::decode::{Decode, Decoder, Error as DecodeError};
use minicbor::encode::{Encode, Encoder, Error as EncodeError, Write};

/// The ages of a lead's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// How long before the lead's creation its first event happened, in milliseconds.
    behind_ms: i64,
    /// Fields that were set or cleared at other times, grouped by the time.
    later: Vec<(Timestamp, Vec<String>)>,
}

impl Ages {
    /// The ages of a lead whose first event happened `behind_ms` milliseconds before the lead was created.
    pub fn first(behind_ms: i64) -> Self {
        Self { behind_ms: behind_ms.max(0), later: Vec::new() }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether no field holds a value that dates from after `at`.
    pub(crate) fn all_before(&self, created_at: Timestamp, at: Timestamp) -> bool {
        created_at.plus_ms(-self.behind_ms) <= at && self.later.iter().all(|(since, _)| *since <= at)
    }

    /// The time from which a field holds its value; `known` says whether it has one. A field that never had a value has
    /// no age. The age of a cleared field counts from the moment when it was cleared.
    pub(crate) fn since(&self, field: &str, known: bool, created_at: Timestamp) -> Option<Timestamp> {
        let later = self.later.iter().find(|(_, fields)| fields.iter().any(|other| other == field));
        later.map(|(since, _)| *since).or_else(|| known.then(|| created_at.plus_ms(-self.behind_ms)))
    }

    /// Records that a field was set or cleared at this time.
    pub(crate) fn set(&mut self, field: &str, at: Timestamp, created_at: Timestamp) {
        for (_, fields) in &mut self.later {
            fields.retain(|other| other != field);
        }
        self.later.retain(|(_, fields)| !fields.is_empty());
        if at == created_at.plus_ms(-self.behind_ms) {
            return;
        }
        match self.later.iter_mut().find(|(since, _)| *since == at) {
            Some((_, fields)) => fields.push(field.to_owned()),
            None => self.later.push((at, vec![field.to_owned()])),
        }
    }
}

impl<C> Encode<C> for Ages {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.array(1 + 2 * self.later.len() as u64)?.i64(self.behind_ms)?;
        for (since, fields) in &self.later {
            e.i64(since.as_ms())?.array(fields.len() as u64)?;
            for field in fields {
                match number(field) {
                    Some(number) => e.u8(number)?,
                    None => e.str(field)?,
                };
            }
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Ages {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let of_known_length = || DecodeError::message("ages are a list of known length");
        let items = d.array()?.ok_or_else(of_known_length)?;
        let behind_ms = d.i64()?;
        let mut later = Vec::new();
        for _ in 0..items.saturating_sub(1) / 2 {
            let since = Timestamp::from_ms(d.i64()?);
            let mut fields = Vec::new();
            for _ in 0..d.array()?.ok_or_else(of_known_length)? {
                let field = match d.datatype()? {
                    Type::String => d.str()?,
                    _ => numbered(d.u8()?).ok_or_else(|| DecodeError::message("a field this program does not know"))?,
                };
                fields.push(field.to_owned());
            }
            later.push((since, fields));
        }
        Ok(Self { behind_ms, later })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_apart_and_read_back() {
        let at = Timestamp::from_ms;
        let created = at(10_000);
        let mut ages = Ages::first(40);
        assert_eq!(ages.since("email", true, created), Some(at(9_960)), "as old as the first event");
        assert_eq!(ages.since("email", false, created), None, "never known");
        assert!(ages.all_before(created, at(9_960)) && !ages.all_before(created, at(9_959)));
        ages.set("email", at(20_000), created);
        ages.set("shoe_size", at(20_000), created);
        ages.set("phone", at(30_000), created);
        ages.set("shoe_size", at(30_000), created);
        for (field, since) in [("email", 20_000), ("shoe_size", 30_000), ("phone", 30_000), ("title", 9_960)] {
            assert_eq!(ages.since(field, true, created), Some(at(since)), "{field}");
        }
        assert_eq!(ages.since("phone", false, created), Some(at(30_000)), "cleared then");
        assert!(ages.all_before(created, at(30_000)) && !ages.all_before(created, at(29_999)));
        let bytes = minicbor::to_vec(&ages).unwrap();
        assert_eq!(minicbor::decode::<Ages>(&bytes).unwrap(), ages);
        ages.set("email", at(9_960), created);
        assert_eq!(ages.later.len(), 1, "what is as old as the lead costs nothing");
    }

    #[test]
    fn a_fresh_lead_costs_next_to_nothing() {
        let bytes = minicbor::to_vec(Ages::first(12)).unwrap();
        assert_eq!(bytes.len(), 2);
    }
}
