//! Core's values as plain JSON and back: what the API shows and takes. Stored records have their own form.

use cadenza_core::value::{Value, ValueType};
use serde_json::Value as Json;

/// A value as the API shows it: blank is null, times are RFC 3339, durations are milliseconds.
pub(crate) fn show(value: &Value) -> Json {
    match value {
        Value::Blank => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) | Value::Duration(int) => Json::from(*int),
        Value::Number(number) => Json::from(*number),
        Value::Time(at) => Json::String(at.to_string()),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(show).collect()),
    }
}

/// A value as the API takes it; `None` for an object, or a list with one in it.
pub(crate) fn read(json: Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Blank,
        Json::Bool(bool) => Value::Bool(bool),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().map(Value::Number), |int| Some(Value::Int(int)))?
        }
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::List(items.into_iter().map(read).collect::<Option<_>>()?),
        Json::Object(_) => return None,
    })
}

/// Reads what forms and tables write as text (`"250"`, `"yes"`, `""`) as the type that is wanted, where it says that.
/// Anything else stays as it is and is judged where it is used.
pub(crate) fn loosen(value: Value, wanted: ValueType) -> Value {
    let Value::Text(text) = value else { return value };
    let trimmed = text.trim();
    let read = match wanted {
        ValueType::Text | ValueType::List | ValueType::Any => None,
        _ if trimmed.is_empty() => Some(Value::Blank),
        ValueType::Int => trimmed.parse().ok().map(Value::Int),
        ValueType::Number => trimmed.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Number),
        ValueType::Bool => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        ValueType::Time | ValueType::Duration => None,
    };
    read.unwrap_or(Value::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_json_comes_back_as_it_was() {
        for json in [json!(null), json!(true), json!(-3), json!(1.5), json!("text"), json!(["a", 1, null])] {
            assert_eq!(show(&read(json.clone()).unwrap()), json);
        }
        assert_eq!(read(json!({"a": 1})), None);
        assert_eq!(read(json!([{"a": 1}])), None);
        assert_eq!(read(json!(u64::MAX)), Some(Value::Number(u64::MAX as f64)));
    }

    #[test]
    fn forms_write_everything_as_text() {
        let text = |text: &str| Value::Text(text.into());
        for (given, wanted, expected) in [
            ("250", ValueType::Int, Value::Int(250)),
            (" 49.5 ", ValueType::Number, Value::Number(49.5)),
            ("", ValueType::Int, Value::Blank),
            ("yes", ValueType::Bool, Value::Bool(true)),
            ("NaN", ValueType::Number, text("NaN")),
            ("many", ValueType::Int, text("many")),
            ("250", ValueType::Text, text("250")),
        ] {
            assert_eq!(loosen(text(given), wanted), expected, "`{given}` as {wanted}");
        }
    }
}
