//! Why an expression has no value. A fault names the part of the expression and the types of the values, never the
//! values themselves: values may be about a person, and causes are stored where personal data is not.

use super::{BUSINESS_DAYS_MAX, Expr, STEPS_MAX};
use crate::field::TEXT_BYTES_MAX;
use crate::value::{Value, ValueType};
use std::fmt;

/// The longest text of a part that is stored, in characters.
const PART_CHARS_MAX: usize = 160;

/// A part of an expression that has no value, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` has no answer: {trouble}")]
pub struct Fault {
    /// The part as it is written, shortened if it is long.
    pub part: String,
    pub trouble: Trouble,
}

/// What is wrong with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The two types cannot be combined.
    #[error("{} and {} do not go together", words(*.0), words(*.1))]
    Types(ValueType, ValueType),
    /// The value has another type than wanted, and cannot be converted to it.
    #[error("{} stands where {} is wanted", words(*.is), words(*.wanted))]
    Type { is: ValueType, wanted: ValueType },
    #[error("something is divided by zero")]
    Zero,
    #[error("what comes out is too large")]
    Overflow,
    #[error("the text that comes out has more than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// Dates move by whole days only.
    #[error("a date is moved by whole days")]
    PartOfADay,
    #[error("business days are counted from 0 to {BUSINESS_DAYS_MAX}, in whole numbers")]
    BusinessDays,
    #[error("there is no time zone of this name")]
    Zone,
    /// The pattern is invalid or too large.
    #[error("the pattern cannot be used")]
    Pattern,
    #[error("it takes more than {STEPS_MAX} steps")]
    Steps,
}

impl Trouble {
    /// The fault for this part.
    pub(super) fn of(self, part: &Expr) -> Fault {
        let text = part.to_string();
        let end = text.char_indices().nth(PART_CHARS_MAX).map(|(end, _)| end);
        let part = end.map_or_else(|| text.clone(), |end| format!("{}…", &text[..end]));
        Fault { part, trouble: self }
    }

    /// The trouble of two values that cannot be combined.
    pub(super) fn types(left: &Value, right: &Value) -> Self {
        Self::Types(kind(left), kind(right))
    }

    /// The trouble of a value that cannot be converted to the wanted type.
    pub(super) fn unfit(value: &Value, wanted: ValueType) -> Self {
        Self::Type { is: kind(value), wanted }
    }
}

fn kind(value: &Value) -> ValueType {
    value.kind().unwrap_or(ValueType::Any)
}

/// The type in words.
fn words(kind: ValueType) -> impl fmt::Display {
    match kind {
        ValueType::Bool => "true or false",
        ValueType::Int => "a whole number",
        ValueType::Number => "a number",
        ValueType::Text => "a text",
        ValueType::Time => "a time",
        ValueType::Duration => "a duration",
        ValueType::List => "a list",
        ValueType::Date => "a date",
        ValueType::Any => "a blank",
    }
}
