//! Values of fields and parameters, and the Rust types that hold them.

use crate::contract::describe::{Literal, ValueType};
use crate::contract::types;
use crate::time::{Span, Time};

pub use crate::contract::types::Value;

/// The texts of a call. They live as long as the instance, which is one call.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    joined: &'static [u8],
    ends: &'static [u32],
}

impl Texts {
    /// Keeps what the host passed.
    pub(crate) fn keep(texts: types::Texts) -> Self {
        Self { joined: texts.joined.leak(), ends: texts.ends.leak() }
    }

    /// A text by its number.
    pub(crate) fn get(self, number: u32) -> &'static str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        let bytes = &self.joined[start as usize..self.ends[number] as usize];
        debug_assert!(std::str::from_utf8(bytes).is_ok(), "texts are UTF-8, cut between characters");
        #[allow(unsafe_code, reason = "checking again what the contract promises costs as much as a rule")]
        // SAFETY: the contract makes the host pass UTF-8, and end each text at the boundary of a character.
        unsafe {
            std::str::from_utf8_unchecked(bytes)
        }
    }
}

/// A Rust type that a field or parameter may have.
pub trait FieldType: Sized {
    /// The type in the contract.
    const KIND: ValueType;

    /// Takes the value; `None` if it is blank or of another type.
    #[doc(hidden)]
    fn take(value: Value, texts: Texts) -> Option<Self>;

    /// The value, for a description.
    #[doc(hidden)]
    fn give(self) -> Literal;
}

macro_rules! field_types {
    ($($rust:ty = $kind:ident as $case:ident ($held:ident, $texts:ident => $take:expr, $give:expr);)+) => {$(
        impl FieldType for $rust {
            const KIND: ValueType = ValueType::$kind;

            fn take(value: Value, $texts: Texts) -> Option<Self> {
                if let Value::$case($held) = value { Some($take) } else { None }
            }

            fn give(self) -> Literal {
                let $held = self;
                Literal::$case($give)
            }
        }
    )+};
}

field_types! {
    bool = Boolean as Boolean(v, _texts => v, v);
    i64 = Int as Int(v, _texts => v, v);
    f64 = Number as Number(v, _texts => v, v);
    &'static str = Text as Text(v, texts => texts.get(v), v.to_owned());
    Time = Time as Time(v, _texts => Time::from_ms(v), v.as_ms());
    Span = Duration as Duration(v, _texts => Span::ms(v), v.as_ms());
    &'static [&'static str] = Texts as Texts(
        v, texts => (v.first..v.first + v.count).map(|number| texts.get(number)).collect::<Vec<_>>().leak(),
        v.iter().map(|text| (*text).to_owned()).collect()
    );
}

/// Values in the order in which they were described, taken one by one.
#[derive(Debug)]
pub struct Values<'v> {
    values: std::slice::Iter<'v, Value>,
    texts: Texts,
}

impl<'v> Values<'v> {
    pub(crate) fn new(values: &'v [Value], texts: Texts) -> Self {
        Self { values: values.iter(), texts }
    }

    /// The next parameter.
    pub fn parameter<T: FieldType>(&mut self, name: &str) -> Result<T, String> {
        let value = self.values.next().and_then(|value| T::take(*value, self.texts));
        value.ok_or_else(|| format!("the parameter `{name}` was not given its type"))
    }

    /// The next field.
    pub fn field<T: FieldType>(&mut self, name: &str) -> Result<Option<T>, String> {
        match self.values.next() {
            None | Some(Value::Blank) => Ok(None),
            Some(value) => match T::take(*value, self.texts) {
                Some(taken) => Ok(Some(taken)),
                None => Err(format!("the field `{name}` has another type than this plugin reads")),
            },
        }
    }
}
