//! Takes what names people out of a decision that was really taken, so that it can be kept as a golden case: letters and
//! digits of texts are replaced by others, so that lengths and forms stay. What only sorts leads (industry, country…) stays.

use cadenza_core::plugin::{DecisionInput, FieldRead};
use cadenza_core::value::Value;

/// Fields whose texts sort leads and name nobody.
const KEPT: [&str; 14] = [
    "title",
    "seniority",
    "industry",
    "country",
    "region",
    "language",
    "source",
    "campaign",
    "product",
    "stage",
    "segment",
    "timezone",
    "currency",
    "plan",
];

/// The input with its texts masked; `fields` are its fields, in order.
pub(crate) fn masked(input: &DecisionInput, fields: &[FieldRead]) -> DecisionInput {
    let mut masked = input.clone();
    for (field, value) in fields.iter().zip(&mut masked.fields) {
        if !KEPT.contains(&field.name.as_str()) {
            mask_value(value);
        }
    }
    for seen in &mut masked.engagement {
        if !is_code(&seen.detail) {
            seen.detail = mask(&seen.detail);
        }
    }
    masked
}

fn mask_value(value: &mut Value) {
    match value {
        Value::Text(text) => *text = mask(text),
        Value::List(items) => items.iter_mut().for_each(mask_value),
        _ => {}
    }
}

/// A page or paper by a plain name, such as `pricing`.
fn is_code(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b'/'))
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
        assert!(is_code("pricing") && is_code("papers/roi-guide"));
        assert!(!is_code("ada@acme.example") && !is_code("Ada"));
    }
}
