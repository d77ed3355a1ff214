//! Values of fields and parameters, and the Rust types that hold them.

use crate::contract::describe::ValueType;
use crate::time::{Span, Time};

pub use crate::contract::types::Value;

/// A Rust type that a field or parameter may have.
pub trait FieldType: Sized {
    /// The type in the contract.
    const KIND: ValueType;

    /// Takes the value; none when it is blank or of another type.
    fn take(value: Value) -> Option<Self>;

    /// The value, for a description.
    fn give(self) -> Value;
}

macro_rules! field_types {
    ($($rust:ty = $kind:ident as $case:ident ($held:ident => $take:expr, $give:expr);)+) => {$(
        impl FieldType for $rust {
            const KIND: ValueType = ValueType::$kind;

            fn take(value: Value) -> Option<Self> {
                if let Value::$case($held) = value { Some($take) } else { None }
            }

            fn give(self) -> Value {
                let $held = self;
                Value::$case($give)
            }
        }
    )+};
}

field_types! {
    bool = Boolean as Boolean(v => v, v);
    i64 = Int as Int(v => v, v);
    f64 = Number as Number(v => v, v);
    String = Text as Text(v => v, v);
    Time = Time as Time(v => Time::from_ms(v), v.as_ms());
    Span = Duration as Duration(v => Span::ms(v), v.as_ms());
    Vec<String> = Texts as Texts(v => v, v);
}

/// A literal that can stand for a default: `&str` and lists of them are easier to write than owned text.
pub trait IntoDefault<T> {
    /// The default.
    fn into_default(self) -> T;
}

impl<T: FieldType> IntoDefault<T> for T {
    fn into_default(self) -> T {
        self
    }
}

impl IntoDefault<String> for &str {
    fn into_default(self) -> String {
        self.to_owned()
    }
}

impl<const N: usize> IntoDefault<Vec<String>> for [&str; N] {
    fn into_default(self) -> Vec<String> {
        self.into_iter().map(str::to_owned).collect()
    }
}
