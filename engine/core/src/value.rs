//! Values as they occur in expressions, custom fields, plugin inputs and parameters.

use crate::codes::codes;
use crate::date::Date;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

codes! {
    /// The type of a value, as `cadenza.yaml` and plugin descriptions spell it.
    pub enum ValueType {
        /// Yes or no.
        0 Bool = "bool",
        /// A whole number of 64 bits.
        1 Int = "int",
        /// A double that is never NaN.
        2 Number = "number",
        /// Text in UTF-8.
        3 Text = "text",
        /// An instant.
        4 Time = "time",
        /// A duration in milliseconds.
        5 Duration = "duration",
        /// A list of texts.
        6 List = "list",
        /// Any type. The type of a value from a custom event is known only when the event arrives.
        7 Any = "any",
        /// A day of the calendar, without a zone.
        8 Date = "date",
    }
}

/// A value. Blank means "not known", which differs from empty and from zero. A value is serialised with its type, so
/// that a stored definition is read back unchanged; the HTTP API writes plain JSON instead.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// The value is not known.
    #[default]
    Blank,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A double that is never NaN.
    Number(f64),
    /// An instant.
    Time(Timestamp),
    /// Text in UTF-8.
    Text(String),
    /// A list of values, in order.
    List(Vec<Value>),
    /// A duration in milliseconds.
    Duration(i64),
    /// A day of the calendar, without a zone.
    Date(Date),
}

impl Value {
    /// Approximately how many bytes the value takes in storage.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => 3 + text.len(),
            Self::List(items) => 3 + items.iter().map(Self::bytes).sum::<usize>(),
            _ => 9,
        }
    }
}

/// How a value is written: as CBOR's own null, bool, integer, double, text and array. Times and durations are integers
/// of milliseconds with a tag; dates are days since 1970 with a tag.
mod wire {
    use super::Value;
    use crate::date::Date;
    use crate::time::Timestamp;
    use minicbor::data::{Tag, Type};
    use minicbor::decode::{Decode, Decoder, Error as DecodeError};
    use minicbor::encode::{Encode, Encoder, Error as EncodeError, Write};

    const TIME: Tag = Tag::new(6);
    const DURATION: Tag = Tag::new(7);
    const DATE: Tag = Tag::new(8);

    impl<C> Encode<C> for Value {
        fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), EncodeError<W::Error>> {
            match self {
                Self::Blank => e.null()?.ok(),
                Self::Bool(yes) => e.bool(*yes)?.ok(),
                Self::Int(int) => e.i64(*int)?.ok(),
                Self::Number(number) => e.f64(*number)?.ok(),
                Self::Text(text) => e.str(text)?.ok(),
                Self::List(items) => items.encode(e, ctx),
                Self::Time(at) => e.tag(TIME)?.i64(at.as_ms())?.ok(),
                Self::Duration(ms) => e.tag(DURATION)?.i64(*ms)?.ok(),
                Self::Date(date) => e.tag(DATE)?.i64(date.to_days())?.ok(),
            }
        }
    }

    impl<'b, C> Decode<'b, C> for Value {
        fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
            Ok(match d.datatype()? {
                Type::Null => {
                    d.null()?;
                    Self::Blank
                }
                Type::Bool => Self::Bool(d.bool()?),
                Type::F16 | Type::F32 | Type::F64 => Self::Number(d.f64()?),
                Type::String => Self::Text(d.str()?.to_owned()),
                Type::Array => Self::List(Vec::decode(d, ctx)?),
                Type::Tag => match d.tag()? {
                    TIME => Self::Time(Timestamp::from_ms(d.i64()?)),
                    DURATION => Self::Duration(d.i64()?),
                    DATE => {
                        let date = Date::from_days(d.i64()?);
                        Self::Date(date.ok_or_else(|| DecodeError::message("a day outside of the calendar"))?)
                    }
                    _ => return Err(DecodeError::message("a value of a kind that this program does not know")),
                },
                _ => Self::Int(d.i64()?),
            })
        }
    }
}

impl ValueType {
    /// Whether every value of this type fits `to`, as [`Value::fit`] and [`Value::fit_in`] define it.
    pub fn fits(self, to: Self) -> bool {
        self == to
            || matches!(
                (self, to),
                (Self::Int, Self::Number)
                    | (Self::Time, Self::Text)
                    | (Self::Date, Self::Text | Self::Time)
                    | (_, Self::Any)
            )
    }
}

impl Value {
    /// Whether the value is blank.
    pub const fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }

    /// The type of the value; `None` when it is blank.
    pub const fn kind(&self) -> Option<ValueType> {
        Some(match self {
            Self::Blank => return None,
            Self::Bool(_) => ValueType::Bool,
            Self::Int(_) => ValueType::Int,
            Self::Number(_) => ValueType::Number,
            Self::Time(_) => ValueType::Time,
            Self::Duration(_) => ValueType::Duration,
            Self::Text(_) => ValueType::Text,
            Self::List(_) => ValueType::List,
            Self::Date(_) => ValueType::Date,
        })
    }

    /// A text value, or blank when there is no text.
    pub fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Blank, |t| Self::Text(t.to_owned()))
    }

    /// Converts this value to the type `to` if that loses nothing: a whole number to a number, RFC 3339 text to a time.
    /// `None` when it does not fit; blank always fits.
    pub fn fit(self, to: ValueType) -> Option<Self> {
        Some(match (self, to) {
            (Self::Blank, _) => Self::Blank,
            (Self::Int(int), ValueType::Number) => Self::Number(int as f64),
            (Self::Number(number), ValueType::Int) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Self::Int(number as i64)
            }
            (Self::Number(number), _) if number.is_nan() => return None,
            (Self::Text(text), ValueType::Time) => Self::Time(Timestamp::parse(&text)?),
            (Self::Time(at), ValueType::Text) => Self::Text(at.to_string()),
            (Self::Text(text), ValueType::Date) => Self::Date(Date::parse(&text)?),
            (Self::Date(date), ValueType::Text) => Self::Text(date.to_string()),
            (value, ValueType::Any) => value,
            (value, to) if value.kind() == Some(to) => value,
            _ => return None,
        })
    }

    /// Like [`Self::fit`], but a date where a time is wanted becomes the first moment of that day in this zone.
    pub fn fit_in(self, to: ValueType, zone: &TimeZone) -> Option<Self> {
        match (self, to) {
            (Self::Date(date), ValueType::Time) => Some(Self::Time(date.begins(zone))),
            (value, to) => value.fit(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text = || Value::Text("Müller".to_owned());
        for value in [
            Value::Blank,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Int(250),
            Value::Number(250.0),
            Value::Number(-0.5),
            text(),
            Value::Text(String::new()),
            Value::Time(Timestamp::from_ms(-1)),
            Value::Duration(86_400_000),
            Value::Date(Date::parse("2026-12-25").unwrap()),
            Value::Date(Date::parse("1969-12-31").unwrap()),
            Value::List(vec![text(), Value::Blank, Value::List(vec![])]),
        ] {
            let bytes = minicbor::to_vec(&value).unwrap();
            assert_eq!(minicbor::decode::<Value>(&bytes).unwrap(), value, "{bytes:02x?}");
        }
    }
}
