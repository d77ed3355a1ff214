//! Takes what names people out of a decision that was really taken, so that it can be kept as a golden case: letters and
//! digits of texts are replaced by others, so that lengths and forms stay. What only sorts leads (industry, country…) stays.

use cadenza_core::date::Date;
use cadenza_core::field::field_info;
use cadenza_core::plugin::{DecisionInput, FieldRead};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;

/// Standard fields whose texts sort leads and name nobody; those that the engine keeps are codes.
const KEPT: [&str; 9] =
    ["title", "seniority", "industry", "country", "region", "language", "source", "campaign", "product"];

/// The input with what may name anybody masked; `fields` are its fields, in order. Of the workspace's own fields nothing is
/// known but their types: texts are masked, numbers rounded to two digits, and times to the first of a year.
pub fn masked(input: &DecisionInput, fields: &[FieldRead]) -> DecisionInput {
    let mut masked = input.clone();
    for (field, value) in fields.iter().zip(&mut masked.fields) {
        match field_info(&field.name) {
            Some(info) if !info.given || KEPT.contains(&info.name) => {}
            Some(_) => mask_value(value),
            None => {
                mask_value(value);
                blur(value);
            }
        }
    }
    for seen in &mut masked.engagement {
        seen.detail = mask(&seen.detail);
    }
    masked
}

/// Makes a number or time one that many leads may have.
fn blur(value: &mut Value) {
    match value {
        Value::Int(int) => *int = rounded(*int as f64) as i64,
        Value::Number(number) => *number = rounded(*number),
        Value::Time(at) => {
            let year = at.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).year();
            *value = Timestamp::parse(&format!("{year:04}-01-01T00:00:00Z")).map_or(Value::Blank, Value::Time);
        }
        Value::Date(date) => {
            *value = Date::parse(&format!("{:04}-01-01", date.to_jiff().year())).map_or(Value::Blank, Value::Date);
        }
        _ => {}
    }
}

/// A number of which two digits are left.
fn rounded(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    let unit = 10_f64.powf(number.abs().log10().floor() - 1.0);
    (number / unit).round() * unit
}

fn mask_value(value: &mut Value) {
    match value {
        Value::Text(text) => *text = mask(text),
        Value::List(items) => items.iter_mut().for_each(mask_value),
        _ => {}
    }
}

fn mask(text: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_numeric() => '9',
        c if c.is_uppercase() => 'X',
        c if c.is_alphabetic() => 'x',
        c => c,
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_names_anybody_is_left() {
        assert_eq!(mask("Ada Lovelace <ada.l1815@acme.example>"), "Xxx Xxxxxxxx <xxx.x9999@xxxx.xxxxxxx>");
        assert_eq!(mask("Zoë Łukasiewicz, +49 30 1234"), "Xxx Xxxxxxxxxxx, +99 99 9999");
        let mut values = [Value::Int(48_213), Value::Number(-0.0471), Value::Time(Timestamp::from_ms(500_000_000_000))];
        values.iter_mut().for_each(blur);
        let begin = Timestamp::parse("1985-01-01T00:00:00Z").expect("a time");
        assert_eq!(values, [Value::Int(48_000), Value::Number(-0.047), Value::Time(begin)]);
    }
}
