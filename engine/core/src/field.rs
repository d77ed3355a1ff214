//! The lead's fields: the standard ones with their types, and the names that expressions,
//! templates, plugins and `update` use.

use crate::country::Country;
use crate::identity;
use crate::time::Timestamp;
use crate::value::{Value, ValueType};
use minicbor::{Decode, Encode};
use serde::Serialize;
use std::collections::BTreeMap;

/// The most bytes that a single text field may have.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// The most custom fields that a workspace may declare.
pub const CUSTOM_FIELDS_MAX: usize = 100;

/// Why a value does not fit its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The value has another type.
    #[error("`{field}` is of type {expected}: write {}", example(*expected))]
    Type { field: String, expected: ValueType },
    /// The text is longer than [`TEXT_BYTES_MAX`].
    #[error("`{field}` has more than {TEXT_BYTES_MAX} bytes")]
    TooLong { field: String },
    /// The text does not have the form that the field needs.
    #[error("`{text}` is no {what}")]
    Form {
        field: String,
        /// What the field takes, in words.
        what: &'static str,
        /// The text that was given.
        text: String,
    },
    /// The text is none of the choices.
    #[error("`{field}` can be {choices}, and not `{text}`")]
    Choice { field: String, text: String, choices: String },
    #[error("there is no field `{field}`: declare it under `fields` in cadenza.yaml")]
    Unknown { field: String },
}

/// A field of the lead that the workspace declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// The type of its values. The values of a choice are texts.
    pub kind: ValueType,
    /// The texts that a choice can be; empty for a field that is not a choice.
    pub choices: Vec<String>,
    /// The value to read when the lead has none; blank for a field without a default.
    pub default: Value,
}

impl From<ValueType> for Declared {
    fn from(kind: ValueType) -> Self {
        Self { kind, choices: Vec::new(), default: Value::Blank }
    }
}

impl Declared {
    /// The choice that a text names, in upper or lower case. The error lists the choices. Without choices, any text is
    /// allowed.
    pub fn choose(&self, text: String) -> Result<String, String> {
        if self.choices.is_empty() {
            return Ok(text);
        }
        let said = text.to_lowercase();
        let choice = self.choices.iter().find(|choice| choice.to_lowercase() == said);
        choice.cloned().ok_or_else(|| self.choices.join(", "))
    }
}

/// An example of a value of this type, for messages about a value of another type.
pub const fn example(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Bool => "true or false",
        ValueType::Int => "a whole number such as 250",
        ValueType::Number => "a number such as 49.5",
        ValueType::Text => "a text",
        ValueType::Time => "a time such as 2026-03-08T07:30:00Z",
        ValueType::Duration => "a duration such as 5m",
        ValueType::List => "a list of texts",
        ValueType::Date => "a date such as 2026-12-25",
        ValueType::Any => "any value",
    }
}

/// A Rust type that can hold a standard field.
trait Standard: Sized {
    const KIND: ValueType;
    fn show(&self) -> Value;
    fn read(value: Value) -> Option<Self>;
    /// Whether this is the given value.
    fn is(&self, value: &Value) -> bool {
        self.show() == *value
    }
}
impl Standard for String {
    const KIND: ValueType = ValueType::Text;
    fn show(&self) -> Value {
        Value::Text(self.clone())
    }
    fn read(value: Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
    fn is(&self, value: &Value) -> bool {
        matches!(value, Value::Text(text) if text == self)
    }
}
impl Standard for i64 {
    const KIND: ValueType = ValueType::Int;
    fn show(&self) -> Value {
        Value::Int(*self)
    }
    fn read(value: Value) -> Option<Self> {
        if let Value::Int(int) = value { Some(int) } else { None }
    }
}
impl Standard for f64 {
    const KIND: ValueType = ValueType::Number;
    fn show(&self) -> Value {
        Value::Number(*self)
    }
    fn read(value: Value) -> Option<Self> {
        if let Value::Number(number) = value { Some(number) } else { None }
    }
}
impl Standard for Timestamp {
    const KIND: ValueType = ValueType::Time;
    fn show(&self) -> Value {
        Value::Time(*self)
    }
    fn read(value: Value) -> Option<Self> {
        if let Value::Time(at) = value { Some(at) } else { None }
    }
}

macro_rules! standard_fields {
    ($($(#[doc = $doc:literal])+ $number:literal $name:ident: $kind:ty),+ $(,)?) => {
        /// What is known about a lead, as it was given to us: the standard fields with their types, and the workspace's
        /// own.
        #[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
        #[cbor(map)]
        pub struct Profile {
            $($(#[doc = $doc])+ #[n($number)] pub $name: Option<$kind>,)+
            /// The fields declared in `cadenza.yaml`, by name.
            #[n(100)] #[cbor(skip_if = "BTreeMap::is_empty")] pub custom: BTreeMap<String, Value>,
        }

        /// The number under which a standard field is stored.
        pub(crate) fn number(field: &str) -> Option<u8> {
            match field { $(stringify!($name) => Some($number),)+ _ => None }
        }

        /// The standard field that is stored under this number.
        pub(crate) fn numbered(number: u8) -> Option<&'static str> {
            match number { $($number => Some(stringify!($name)),)+ _ => None }
        }

        /// Every standard field with its name, its type and what it means.
        pub const STANDARD_FIELDS: &[FieldInfo] = &[$(FieldInfo {
            name: stringify!($name), kind: <$kind as Standard>::KIND, doc: concat!($($doc),+), given: true,
        }),+];

        impl Profile {
            /// The field's value; blank when the value is not known, or when no such field is declared.
            pub fn get(&self, field: &str) -> Value {
                match field {
                    $(stringify!($name) => self.$name.as_ref().map_or(Value::Blank, Standard::show),)+
                    other => self.custom.get(other).cloned().unwrap_or_default(),
                }
            }

            /// Sets a field; `Blank` clears it. `declared` holds the workspace's own fields.
            pub fn set(
                &mut self, field: &str, value: Value, declared: &BTreeMap<String, Declared>,
            ) -> Result<(), FieldError> {
                self.set_at(field, value, declared, None)
            }

            /// Sets a field as [`Self::set`] does, but reads a telephone number that names no country as one of `country`.
            pub fn set_at(
                &mut self,
                field: &str,
                value: Value,
                declared: &BTreeMap<String, Declared>,
                country: Option<Country>,
            ) -> Result<(), FieldError> {
                match field {
                    $(stringify!($name) => {
                        let kind = <$kind as Standard>::KIND;
                        self.$name = match checked(field, value, kind, country)? {
                            Value::Blank => None,
                            value => <$kind as Standard>::read(value),
                        };
                    })+
                    custom => {
                        let unknown = || FieldError::Unknown { field: field.to_owned() };
                        let declared = declared.get(custom).ok_or_else(unknown)?;
                        match checked(field, value, declared.kind, country)? {
                            Value::Blank => self.custom.remove(custom),
                            Value::Text(text) => {
                                let no_choice = |choices| {
                                    let (field, text) = (field.to_owned(), text.clone());
                                    FieldError::Choice { field, text, choices }
                                };
                                let choice = declared.choose(text.clone()).map_err(no_choice)?;
                                self.custom.insert(custom.to_owned(), Value::Text(choice))
                            }
                            value => self.custom.insert(custom.to_owned(), value),
                        };
                    }
                }
                Ok(())
            }

            /// Every field that has a value: the standard ones in the order of the table, then the custom ones by name.
            pub fn known(&self) -> Vec<(&str, Value)> {
                let mut known = Vec::new();
                $(if let Some(value) = &self.$name { known.push((stringify!($name), value.show())); })+
                known.extend(self.custom.iter().map(|(name, value)| (name.as_str(), value.clone())));
                known
            }

            /// Whether a field has this value.
            pub(crate) fn has(&self, field: &str, value: &Value) -> bool {
                match field {
                    $(stringify!($name) => self.$name.as_ref().is_some_and(|own| own.is(value)),)+
                    other => self.custom.get(other) == Some(value),
                }
            }

            /// The first place in [`Self::known`] that has this value.
            pub(crate) fn place_of(&self, value: &Value) -> Option<usize> {
                let mut place = 0;
                $(if let Some(own) = &self.$name {
                    if own.is(value) {
                        return Some(place);
                    }
                    place += 1;
                })+
                self.custom.values().position(|own| own == value).map(|after| place + after)
            }
        }
    };
}

/// Reads and writes a list of fields with their values. Standard fields are written by number.
pub(crate) mod wire {
    use super::{Value, number, numbered};
    use minicbor::data::Type;
    use minicbor::decode::{Decode, Decoder, Error as DecodeError};
    use minicbor::encode::{Encode, Encoder, Error as EncodeError, Write};

    pub(crate) fn encode<C, W: Write>(
        fields: &[(String, Value)],
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(2 * fields.len() as u64)?;
        for (field, value) in fields {
            match number(field) {
                Some(number) => e.u8(number)?,
                None => e.str(field)?,
            };
            value.encode(e, ctx)?;
        }
        Ok(())
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Vec<(String, Value)>, DecodeError> {
        let items = d.array()?.ok_or_else(|| DecodeError::message("fields are a list of known length"))?;
        (0..items / 2)
            .map(|_| {
                let field = match d.datatype()? {
                    Type::String => d.str()?,
                    _ => numbered(d.u8()?).ok_or_else(|| DecodeError::message("a field this program does not know"))?,
                };
                Ok((field.to_owned(), Value::decode(d, ctx)?))
            })
            .collect()
    }
}

fn checked(field: &str, value: Value, kind: ValueType, country: Option<Country>) -> Result<Value, FieldError> {
    let value = value.fit(kind).ok_or_else(|| FieldError::Type { field: field.to_owned(), expected: kind })?;
    match value {
        Value::Text(text) if text.len() > TEXT_BYTES_MAX => Err(FieldError::TooLong { field: field.to_owned() }),
        Value::Text(text) => match formed(field, &text, country) {
            Ok(None) => Ok(Value::Text(text)),
            Ok(Some(formed)) => Ok(Value::Text(formed)),
            Err(what) => Err(FieldError::Form { field: field.to_owned(), what, text }),
        },
        other => Ok(other),
    }
}

/// The form in which this field keeps the text, where that differs from the text: addresses and numbers are kept ready
/// for use, without surrounding text. The error says what the text should have been.
pub(crate) fn formed(field: &str, text: &str, country: Option<Country>) -> Result<Option<String>, &'static str> {
    match field {
        "external_id" => identity::external_id(text).map(Some).ok_or("id in another system"),
        "email" => identity::email(text).map(Some).ok_or("mail address"),
        "phone" => identity::phone(text, country).map(Some).ok_or("phone number"),
        "timezone" if jiff::tz::TimeZone::get(text).is_err() => Err("time zone such as Europe/Berlin"),
        _ => Ok(None),
    }
}

standard_fields! {
    /// The id of the lead in the system it came from.
    0 external_id: String,
    /// Mail address.
    1 email: String,
    /// Phone number, best with its country code.
    2 phone: String,
    /// Given name.
    3 first_name: String,
    /// Family name.
    4 last_name: String,
    /// Job title, as the person writes it.
    5 title: String,
    /// Seniority code: c_level, vp, director, manager, staff.
    6 seniority: String,
    /// Name of the company.
    7 company: String,
    /// The company's web domain.
    8 domain: String,
    /// Industry.
    9 industry: String,
    /// How many people the company employs.
    10 employees: i64,
    /// ISO 3166 country code of two letters.
    11 country: String,
    /// State or region.
    12 region: String,
    /// City.
    13 city: String,
    /// IANA time zone.
    14 timezone: String,
    /// ISO 639 language code.
    15 language: String,
    /// Where the lead came from: web, phone, chat, event, list…
    16 source: String,
    /// The campaign that brought it.
    17 campaign: String,
    /// What the lead is interested in.
    18 product: String,
    /// Budget in the workspace's currency.
    19 budget: f64,
    /// Expected deal size in the workspace's currency.
    20 deal_size: f64,
    /// When the lead's project starts.
    21 project_date: Timestamp,
    /// The pain the lead names.
    22 pain: String,
    /// What the lead wrote to us.
    23 message: String,
}

/// A name under `lead.`, with its type. It is either given (events and `update` may set it) or kept by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FieldInfo {
    /// The name after the dot.
    pub name: &'static str,
    pub kind: ValueType,
    /// What the field means, for the editor and the reference.
    pub doc: &'static str,
    /// Whether events and `update` may set the field.
    pub given: bool,
}

/// The fields that the engine keeps up to date. Expressions and plugins read them. Of these, `update` can set only
/// `stage` and `segment`.
pub const KEPT_FIELDS: &[FieldInfo] = &[
    kept("id", ValueType::Text, "The lead's id, `ld_…`"),
    kept("stage", ValueType::Text, "open, qualified, customer, lost, disqualified or suppressed"),
    kept("stage_own", ValueType::Text, "The team's own word for the stage; blank while the engine's was given"),
    kept("segment", ValueType::Text, "hot, warm or cold; blank before the first score"),
    kept("score", ValueType::Int, "Points of the lead's main score"),
    kept("owner", ValueType::Text, "The id of the rep who owns the lead now"),
    kept("opted_out", ValueType::Bool, "Whether the lead asked not to be contacted"),
    kept("created_at", ValueType::Time, "When we first heard of the lead"),
    kept("last_touch", ValueType::Time, "When the last touch was completed; when the lead came, while there was none"),
    kept("last_engaged", ValueType::Time, "When the lead last did something of its own accord"),
    kept("reached", ValueType::Bool, "Whether any touch reached the lead"),
    kept("contacts", ValueType::Int, "How many touches were completed, over all workflows"),
    kept("calls", ValueType::Int, "How many calls were completed"),
    kept("emails", ValueType::Int, "How many mails were sent"),
    kept("engagements", ValueType::Int, "How many times the lead engaged"),
    kept("knows_us", ValueType::Bool, "False once the lead said it does not know who we are"),
];

const fn kept(name: &'static str, kind: ValueType, doc: &'static str) -> FieldInfo {
    FieldInfo { name, kind, doc, given: false }
}

/// What an event may say under `lead` besides the fields: consent, stage and owner as the sender knows them.
pub const STANDING_FIELDS: &[FieldInfo] = &[
    told("opted_out", ValueType::Bool, "Whether the lead asked not to be contacted; false lifts no opt-out"),
    told(
        "refused",
        ValueType::List,
        "Channels that it does not want: call, email, message, meeting, or the team's own",
    ),
    told("stage", ValueType::Text, "open, qualified, customer, lost, disqualified, suppressed, or the team's own word"),
    told("owner", ValueType::Text, "The rep who owns it: the id, name or mail address in team.yaml"),
];

const fn told(name: &'static str, kind: ValueType, doc: &'static str) -> FieldInfo {
    FieldInfo { name, kind, doc, given: true }
}

/// The standard or kept field with this name.
pub fn field_info(name: &str) -> Option<&'static FieldInfo> {
    STANDARD_FIELDS.iter().chain(KEPT_FIELDS).find(|info| info.name == name)
}
