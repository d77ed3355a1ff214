//! How a value is read into a field. Blank text is blank. A number is accepted where text is wanted, and a text where a
//! number is wanted, if it is one. A value that cannot be read is left out of its event, and the reply says so; the
//! lead is accepted all the same.

use crate::codes::codes;
use crate::date::Date;
use crate::field::{self, Declared};
use crate::moment::{self, NoTime};
use crate::numeral::{self, EXACT_MAX, NoNumber};
use crate::time::Span;
use crate::value::{Value, ValueType};
use jiff::tz::TimeZone;
use minicbor::{Decode, Encode};

/// The most characters that are kept of a value that could not be read.
const SAID_CHARS_MAX: usize = 60;

codes! {
    /// Why a value was left out of an event.
    pub enum Why {
        /// The value is not of the kind that the field holds.
        0 Type = "type",
        /// There are several values where one is wanted.
        1 List = "list",
        /// There is an object where a value is wanted.
        2 Object = "object",
        /// The value could mean two things.
        3 Ambiguous = "ambiguous",
        /// The number has more digits than can be stored.
        4 Inexact = "inexact",
        /// The text does not have the form that the field needs, such as that of a mail address.
        5 Form = "form",
        /// The value is longer than a field may be.
        6 TooLong = "too_long",
        /// The body contains the field twice.
        7 Repeated = "repeated",
        /// Nothing with this name is known.
        8 Unknown = "unknown",
        /// The field holds a value that dates from later.
        9 Older = "older",
        /// Something stronger prevents it, such as an opt-out.
        10 Refused = "refused",
        /// A workflow computed a blank, so the known value stays.
        11 Blank = "blank",
        /// Several leads have the key that the event names, so the value may belong to another lead.
        60 Shared = "shared",
        /// An event of this type uses the field only to find the lead, and does not change it.
        61 Finds = "finds",
        /// The answer to a request has nothing at the path that the step names.
        62 Absent = "absent",
    }
}

/// A value of an event that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LeftOut {
    /// The lead's field, or `data.` followed by a name.
    #[n(0)]
    pub field: String,
    #[n(1)]
    pub why: Why,
    /// The beginning of the value. It may be about a person.
    #[n(2)]
    pub said: Option<String>,
    /// What would be accepted, in words.
    #[n(3)]
    pub wanted: Option<String>,
}

impl LeftOut {
    /// A value that was left out. Its beginning is kept.
    pub fn new(field: impl Into<String>, why: Why, said: Option<&Value>) -> Self {
        Self { field: field.into(), why, said: said.and_then(excerpt), wanted: None }
    }

    /// The same, with a description of what would be accepted.
    #[must_use]
    pub fn wanting(self, wanted: impl Into<String>) -> Self {
        Self { wanted: Some(wanted.into()), ..self }
    }

    /// The reason as a sentence, without a full stop.
    pub fn words(&self) -> String {
        let wanted = self.wanted.as_deref();
        let said = self.said.as_deref().map_or_else(|| "it".to_owned(), |said| format!("`{said}`"));
        match self.why {
            Why::Type | Why::Form => format!("{said} is not {}", wanted.unwrap_or("what the field holds")),
            Why::List => format!("a list stands where one value is wanted: send {}", wanted.unwrap_or("one value")),
            Why::Object => format!("an object stands where {} is wanted", wanted.unwrap_or("a value")),
            Why::Ambiguous => format!("{said} may mean two things: send {}", wanted.unwrap_or("it in another form")),
            Why::Inexact => format!("{said} has more digits than can be kept: send it as a text"),
            Why::TooLong => format!("it has more than {}", wanted.unwrap_or("fits into a field")),
            Why::Repeated => "the body has it more than once".to_owned(),
            Why::Unknown => {
                format!("{said} is not known here{}", wanted.map_or_else(String::new, |w| format!(": {w}")))
            }
            Why::Older => "what is known was true later".to_owned(),
            Why::Refused => format!("{said} would lift what stands against it"),
            Why::Blank => "nothing came out, and what is known stays".to_owned(),
            Why::Shared => "several leads have what the event names, and it may be another's".to_owned(),
            Why::Absent => format!("the answer has nothing at {}", wanted.unwrap_or("that place")),
            Why::Finds => "such an event only finds the lead by it: send lead.updated to change it".to_owned(),
        }
    }
}

fn excerpt(value: &Value) -> Option<String> {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Time(at) => at.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Blank | Value::List(_) | Value::Duration(_) => return None,
    };
    let end = text.char_indices().nth(SAID_CHARS_MAX).map(|(end, _)| end);
    Some(end.map_or_else(|| text.clone(), |end| format!("{}…", &text[..end])))
}

/// Reads a value for the field with this name. A plain date means that day in `zone`. A blank result means that the
/// event says nothing about the field.
pub fn read_field(name: &str, value: Value, kind: ValueType, zone: &TimeZone) -> Result<Value, LeftOut> {
    let failed = |why: Why, said: &Value| LeftOut::new(name, why, Some(said)).wanting(field::example(kind));
    let said = if kind == ValueType::Text { None } else { Some(value.clone()) };
    let value = match read(value, kind, zone) {
        Ok(value) => value,
        Err((why, value)) => return Err(failed(why, said.as_ref().unwrap_or(&value))),
    };
    match &value {
        Value::Text(text) if text.len() > field::TEXT_BYTES_MAX => {
            Err(LeftOut::new(name, Why::TooLong, None).wanting(format!("{} bytes", field::TEXT_BYTES_MAX)))
        }
        Value::Text(text) => match misformed(name, text) {
            Some(what) => Err(LeftOut::new(name, Why::Form, Some(&value))
                .wanting(format!("{} {what}", if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }))),
            None => Ok(value),
        },
        _ => Ok(value),
    }
}

/// The choice that the value names, if the field is a choice; any other value stays as it is.
pub fn choose(name: &str, value: Value, declared: Option<&Declared>) -> Result<Value, LeftOut> {
    match (value, declared) {
        (Value::Text(text), Some(declared)) => match declared.choose(text.clone()) {
            Ok(choice) => Ok(Value::Text(choice)),
            Err(choices) => {
                let said = Value::Text(text);
                Err(LeftOut::new(name, Why::Form, Some(&said)).wanting(format!("one of {choices}")))
            }
        },
        (value, _) => Ok(value),
    }
}

/// A telephone number has at least this many digits, in every country.
const PHONE_DIGITS_MIN: usize = 6;

/// What the text should have been, or `None` when its form is right. Whether enough digits make a telephone number is
/// decided later, when the lead's country is known.
fn misformed(name: &str, text: &str) -> Option<&'static str> {
    let digits = || text.chars().filter(|c| c.is_numeric()).count();
    if name == "phone" && digits() >= PHONE_DIGITS_MIN { None } else { field::formed(name, text, None).err() }
}

/// Reads a value as one of this type. The error returns the value that could not be read.
pub fn read(value: Value, kind: ValueType, zone: &TimeZone) -> Result<Value, (Why, Value)> {
    let value = match value {
        Value::Text(text) => match known(&text) {
            "" => return Ok(Value::Blank),
            trimmed if trimmed.len() == text.len() => Value::Text(text),
            trimmed => Value::Text(trimmed.to_owned()),
        },
        Value::Blank => return Ok(Value::Blank),
        other => other,
    };
    match (kind, value) {
        (ValueType::Any, value) => Ok(value),
        (ValueType::List, value) => list(value, zone),
        (_, Value::List(items)) => Err((Why::List, Value::List(items))),
        (ValueType::Text, value) => text(value),
        (ValueType::Int | ValueType::Number, value) => number(value, kind == ValueType::Int),
        (ValueType::Time, value) => match moment::read(&value, zone) {
            Ok(at) => Ok(Value::Time(at)),
            Err(no) => Err((no.into(), value)),
        },
        (ValueType::Date, value) => day(value, zone),
        (ValueType::Bool, value) => truth(&value).map(Value::Bool).ok_or((Why::Type, value)),
        (ValueType::Duration, Value::Duration(ms)) => Ok(Value::Duration(ms)),
        (ValueType::Duration, Value::Text(text)) => match Span::parse(&text) {
            Some(span) => Ok(Value::Duration(span.approximate_ms())),
            None => Err((Why::Type, Value::Text(text))),
        },
        (ValueType::Duration, value) => Err((Why::Type, value)),
    }
}

/// A text without white space and invisible characters at its ends.
pub fn known(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}')
    })
}

impl From<NoTime> for Why {
    fn from(no: NoTime) -> Self {
        match no {
            NoTime::Other => Self::Type,
            NoTime::Ambiguous => Self::Ambiguous,
        }
    }
}

/// Reads a day. A time counts as the day on which it falls in this zone.
fn day(value: Value, zone: &TimeZone) -> Result<Value, (Why, Value)> {
    match &value {
        Value::Date(_) => Ok(value),
        Value::Text(text) if let Some(date) = Date::parse(text) => Ok(Value::Date(date)),
        _ => match moment::read(&value, zone) {
            Ok(at) => Ok(Value::Date(Date::of(at, zone))),
            Err(no) => Err((no.into(), value)),
        },
    }
}

fn text(value: Value) -> Result<Value, (Why, Value)> {
    Ok(Value::Text(match value {
        Value::Text(text) => text,
        Value::Int(int) => int.to_string(),
        Value::Time(at) => at.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Number(number) if number.abs() >= EXACT_MAX => return Err((Why::Inexact, value)),
        Value::Number(number) if number.is_finite() => number.to_string(),
        other => return Err((Why::Type, other)),
    }))
}

fn number(value: Value, whole: bool) -> Result<Value, (Why, Value)> {
    match value {
        Value::Int(int) => Ok(if whole { Value::Int(int) } else { Value::Number(int as f64) }),
        Value::Number(number) if !number.is_finite() => Err((Why::Type, value)),
        Value::Number(number) if !whole => Ok(Value::Number(number)),
        Value::Number(number) if number.abs() >= EXACT_MAX => Err((Why::Inexact, value)),
        Value::Number(number) if number.fract() == 0.0 => Ok(Value::Int(number as i64)),
        Value::Text(text) => numeral::read(&text, whole).map_err(|no| {
            let why = match no {
                NoNumber::Other => Why::Type,
                NoNumber::Ambiguous => Why::Ambiguous,
                NoNumber::Inexact => Why::Inexact,
            };
            (why, Value::Text(text))
        }),
        other => Err((Why::Type, other)),
    }
}

/// Reads a list of texts. A single value counts as a list of one.
fn list(value: Value, zone: &TimeZone) -> Result<Value, (Why, Value)> {
    let items = match value {
        Value::List(items) => items,
        one => vec![one],
    };
    let texts = items.into_iter().map(|item| read(item, ValueType::Text, zone));
    let texts: Vec<Value> = texts.filter(|item| *item != Ok(Value::Blank)).collect::<Result<_, _>>()?;
    Ok(if texts.is_empty() { Value::Blank } else { Value::List(texts) })
}

/// Reads yes or no, in the words that forms and tables use.
pub fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(bool) => Some(*bool),
        Value::Int(1) => Some(true),
        Value::Int(0) => Some(false),
        Value::Number(number) if *number == 1.0 => Some(true),
        Value::Number(number) if *number == 0.0 => Some(false),
        Value::Text(text) => match known(text).to_lowercase().as_str() {
            "true" | "yes" | "y" | "t" | "1" | "1.0" | "on" | "x" | "✓" | "✔" | "ja" | "j" | "wahr" | "oui"
            | "vrai" | "si" | "sí" | "verdadero" | "checked" => Some(true),
            "false" | "no" | "n" | "f" | "0" | "0.0" | "off" | "nein" | "falsch" | "non" | "faux" | "falso"
            | "unchecked" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn t(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_field_is_read_as_what_it_holds_or_left_out() {
        let list = |items: &[&str]| Value::List(items.iter().map(|item| t(item)).collect());
        let day = Value::Time(Timestamp::parse("2026-12-01T05:00:00Z").unwrap());
        for (name, kind, value, expected) in [
            // Blank values, in all spellings.
            ("title", ValueType::Text, t(""), Ok(Value::Blank)),
            ("title", ValueType::Text, t("  \t\r\n"), Ok(Value::Blank)),
            ("title", ValueType::Text, t("\u{A0}\u{3000}"), Ok(Value::Blank)),
            ("title", ValueType::Text, t("\u{FEFF}\u{200B}"), Ok(Value::Blank)),
            ("employees", ValueType::Int, t(" "), Ok(Value::Blank)),
            ("project_date", ValueType::Time, t(""), Ok(Value::Blank)),
            ("seats", ValueType::Bool, t(""), Ok(Value::Blank)),
            ("tags", ValueType::List, t(" "), Ok(Value::Blank)),
            ("tags", ValueType::List, list(&["", " "]), Ok(Value::Blank)),
            ("any", ValueType::Any, t("  "), Ok(Value::Blank)),
            ("title", ValueType::Text, Value::Blank, Ok(Value::Blank)),
            // Numbers where text is wanted.
            ("external_id", ValueType::Text, Value::Int(4711), Ok(t("4711"))),
            ("external_id", ValueType::Text, Value::Number(4711.0), Ok(t("4711"))),
            ("external_id", ValueType::Text, Value::Int(9_007_199_254_740_993), Ok(t("9007199254740993"))),
            ("external_id", ValueType::Text, Value::Number(1e16), Err(Why::Inexact)),
            ("external_id", ValueType::Text, Value::Number(f64::NAN), Err(Why::Type)),
            ("external_id", ValueType::Text, Value::Bool(false), Err(Why::Type)),
            ("external_id", ValueType::Text, list(&["a"]), Err(Why::List)),
            ("phone", ValueType::Text, Value::Int(4_930_123_456), Ok(t("4930123456"))),
            ("phone", ValueType::Text, Value::Number(4_930_123_456.0), Ok(t("4930123456"))),
            ("phone", ValueType::Text, Value::Number(2.5), Err(Why::Form)),
            ("company", ValueType::Text, Value::Number(1.5), Ok(t("1.5"))),
            ("company", ValueType::Text, t(" Acme Inc \u{200B}"), Ok(t("Acme Inc"))),
            ("message", ValueType::Text, t("a\n\nb"), Ok(t("a\n\nb"))),
            ("message", ValueType::Text, t(&"x".repeat(5_000)), Err(Why::TooLong)),
            ("email", ValueType::Text, t("nobody"), Err(Why::Form)),
            // Texts where a number is wanted.
            ("employees", ValueType::Int, t("250"), Ok(Value::Int(250))),
            ("employees", ValueType::Int, t("250.0"), Ok(Value::Int(250))),
            ("employees", ValueType::Int, Value::Number(250.0), Ok(Value::Int(250))),
            ("employees", ValueType::Int, t("1,200"), Ok(Value::Int(1_200))),
            ("employees", ValueType::Int, t("1.200"), Err(Why::Ambiguous)),
            ("employees", ValueType::Int, t("51-200"), Err(Why::Type)),
            ("employees", ValueType::Int, t("N/A"), Err(Why::Type)),
            ("employees", ValueType::Int, Value::Number(2.5), Err(Why::Type)),
            ("employees", ValueType::Int, Value::Number(1e300), Err(Why::Inexact)),
            ("employees", ValueType::Int, Value::Bool(true), Err(Why::Type)),
            ("employees", ValueType::Int, Value::List(vec![Value::Int(250)]), Err(Why::List)),
            ("budget", ValueType::Number, Value::Int(3), Ok(Value::Number(3.0))),
            ("budget", ValueType::Number, t("1.200,50"), Ok(Value::Number(1_200.5))),
            ("budget", ValueType::Number, t("about 5000"), Err(Why::Type)),
            // Days, yes and no, lists, durations.
            ("project_date", ValueType::Time, t("2026-12-01"), Ok(day.clone())),
            ("project_date", ValueType::Time, t("03/04/2026"), Err(Why::Ambiguous)),
            ("project_date", ValueType::Time, t("soon"), Err(Why::Type)),
            ("project_date", ValueType::Time, list(&["2026-12-01"]), Err(Why::List)),
            ("renewal", ValueType::Date, t("2026-12-01"), Ok(Value::Date(Date::parse("2026-12-01").unwrap()))),
            ("renewal", ValueType::Date, t("1.12.2026"), Ok(Value::Date(Date::parse("2026-12-01").unwrap()))),
            // It is still the day before in New York.
            (
                "renewal",
                ValueType::Date,
                t("2026-12-01T02:00:00Z"),
                Ok(Value::Date(Date::parse("2026-11-30").unwrap())),
            ),
            ("renewal", ValueType::Date, day.clone(), Ok(Value::Date(Date::parse("2026-12-01").unwrap()))),
            ("renewal", ValueType::Date, t("03/04/2026"), Err(Why::Ambiguous)),
            ("renewal", ValueType::Date, t("soon"), Err(Why::Type)),
            ("project_date", ValueType::Time, Value::Date(Date::parse("2026-12-01").unwrap()), Ok(day.clone())),
            ("plan", ValueType::Text, Value::Date(Date::parse("2026-12-01").unwrap()), Ok(t("2026-12-01"))),
            ("agreed", ValueType::Bool, t("Yes"), Ok(Value::Bool(true))),
            ("agreed", ValueType::Bool, t("nein"), Ok(Value::Bool(false))),
            ("agreed", ValueType::Bool, Value::Int(1), Ok(Value::Bool(true))),
            ("agreed", ValueType::Bool, Value::Int(2), Err(Why::Type)),
            ("agreed", ValueType::Bool, t("maybe"), Err(Why::Type)),
            ("tags", ValueType::List, t("a"), Ok(list(&["a"]))),
            ("tags", ValueType::List, Value::List(vec![t(" a "), t(""), Value::Int(7)]), Ok(list(&["a", "7"]))),
            ("tags", ValueType::List, Value::List(vec![Value::List(vec![])]), Err(Why::List)),
            ("within", ValueType::Duration, t("5m"), Ok(Value::Duration(300_000))),
            ("within", ValueType::Duration, Value::Int(5), Err(Why::Type)),
        ] {
            let zone = TimeZone::get("America/New_York").unwrap();
            let read = read_field(name, value.clone(), kind, &zone);
            let told = read.as_ref().err().map(LeftOut::words);
            assert_eq!(read.map_err(|left| left.why), expected, "{name} from {value:?}: {told:?}");
        }
    }

    #[test]
    fn a_choice_is_one_of_its_words_or_left_out() {
        let plan = Declared { choices: vec!["free".to_owned(), "Pro".to_owned()], ..ValueType::Text.into() };
        assert_eq!(choose("plan", t("PRO"), Some(&plan)), Ok(t("Pro")));
        assert_eq!(choose("plan", Value::Blank, Some(&plan)), Ok(Value::Blank));
        assert_eq!(choose("company", t("gold"), Some(&ValueType::Text.into())), Ok(t("gold")));
        assert_eq!(choose("company", t("gold"), None), Ok(t("gold")));
        let left = choose("plan", t("gold"), Some(&plan)).unwrap_err();
        assert_eq!(left.words(), "`gold` is not one of free, Pro");
    }

    #[test]
    fn what_is_left_out_says_what_would_be_taken() {
        let left = read_field("employees", t("51-200"), ValueType::Int, &TimeZone::UTC).unwrap_err();
        assert_eq!(left.words(), "`51-200` is not a whole number such as 250");
        let left = read_field("message", t(&"é".repeat(3_000)), ValueType::Int, &TimeZone::UTC).unwrap_err();
        assert!(left.words().chars().count() < 120, "only the beginning is kept: {}", left.words());
    }
}
