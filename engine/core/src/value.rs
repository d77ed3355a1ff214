//! Values as they occur in expressions, custom fields, plugin inputs and parameters.

use crate::codes::codes;
use crate::time::Timestamp;
use minicbor::{Decode, Encode};
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
        /// Text, UTF-8.
        3 Text = "text",
        /// An instant.
        4 Time = "time",
        /// A duration in milliseconds.
        5 Duration = "duration",
        /// A list of texts.
        6 List = "list",
        /// Known only when it is there: what a custom event brought along.
        7 Any = "any",
    }
}

/// A value. Blank is "not known", which is different from empty and from zero. Serialised with its type, so that a stored
/// definition reads back the same; the HTTP API writes plain JSON instead.
#[derive(Clone, Debug, PartialEq, Default, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Not known.
    #[default]
    #[n(0)]
    Blank,
    /// Yes or no.
    #[n(1)]
    Bool(#[n(0)] bool),
    /// A whole number.
    #[n(2)]
    Int(#[n(0)] i64),
    /// A double, never NaN.
    #[n(3)]
    Number(#[n(0)] f64),
    /// An instant.
    #[n(4)]
    Time(#[n(0)] Timestamp),
    /// Text.
    #[n(5)]
    Text(#[n(0)] String),
    /// Values in order.
    #[n(6)]
    List(#[n(0)] Vec<Value>),
    /// A duration in milliseconds.
    #[n(7)]
    Duration(#[n(0)] i64),
}

impl Value {
    /// Whether nothing is known.
    pub const fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }

    /// The type of the value; none when blank.
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
        })
    }

    /// Text, or blank when there is none.
    pub fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Blank, |t| Self::Text(t.to_owned()))
    }

    /// This value as one of type `to`, where that loses nothing: a whole number as a number, RFC 3339 text as a time.
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
            (value, ValueType::Any) => value,
            (value, to) if value.kind() == Some(to) => value,
            _ => return None,
        })
    }
}
