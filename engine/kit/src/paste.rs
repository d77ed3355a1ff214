//! A case as YAML, to be pasted into a golden file.

use cadenza_core::plugin::DecisionKind;
use cadenza_core::time::Timestamp;
use cadenza_sdk::golden::{Case, EngagementCase, Expect, OverdueCase, Scalar, TouchCase};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The case as YAML. `kind` is what it is about, in case the plugin takes several kinds of decision.
pub fn yaml(case: &Case, kind: DecisionKind, kinds: &[DecisionKind]) -> String {
    let expect = match kind {
        DecisionKind::Nurture if kinds.len() > 1 => "  expect: { track: \"\" }",
        DecisionKind::Scoring if kinds.len() > 1 => "  expect: { score: 0 }",
        _ => "  expect: {}",
    };
    format!("{}\n{expect}", asked(case))
}

/// The case with what it must result in.
pub fn yaml_with(case: &Case, expect: &Expect) -> String {
    format!("{}\n  expect:\n{}", asked(case), expect.to_string().trim_end())
}

/// The case without what it expects.
fn asked(case: &Case) -> String {
    let mut lines =
        vec![format!("- case: {}", quoted(&case.case)), format!("  now: {}", Timestamp::from_ms(case.now.0.as_ms()))];
    for (name, values) in [("with", &case.with), ("lead", &case.lead)] {
        if !values.is_empty() {
            lines.push(format!("  {name}: {}", map(values)));
        }
    }
    if !case.touches.is_empty() {
        lines.push("  touches:".to_owned());
        lines.extend(case.touches.iter().map(touch));
    }
    if !case.engagement.is_empty() {
        lines.push("  engagement:".to_owned());
        lines.extend(case.engagement.iter().map(engagement));
    }
    lines.extend(case.owner_present.map(|present| format!("  owner_present: {present}")));
    lines.extend(case.previous_score.map(|score| format!("  previous_score: {score}")));
    lines.extend(case.business_elapsed.map(|elapsed| format!("  business_elapsed: {elapsed}")));
    lines.extend(case.overdue.as_ref().map(overdue));
    lines.join("\n")
}

fn touch(touch: &TouchCase) -> String {
    let TouchCase { age, channel, outcome, result } = touch;
    let result = result.as_ref().map(|result| format!(", result: {result}")).unwrap_or_default();
    format!("    - {{ age: {age}, channel: {channel}, outcome: {outcome}{result} }}")
}

fn engagement(seen: &EngagementCase) -> String {
    format!("    - {{ age: {}, kind: {}, detail: {} }}", seen.age, quoted(&seen.kind), quoted(&seen.detail))
}

fn overdue(overdue: &OverdueCase) -> String {
    let OverdueCase { point, points, waited, late, reminders, raised } = overdue;
    format!(
        "  overdue: {{ point: {point}, points: {points}, waited: {waited}, late: {late}, reminders: {reminders}, raised: \
         {raised} }}"
    )
}

fn map(values: &BTreeMap<String, Scalar>) -> String {
    let entries = values.iter().map(|(name, value)| format!("{name}: {}", scalar(value)));
    format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
}

fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Bool(yes) => yes.to_string(),
        Scalar::Int(int) => int.to_string(),
        // With a point or an exponent, so that it is read back as a number that need not be whole.
        Scalar::Number(number) => format!("{number:?}"),
        Scalar::Text(text) => quoted(text),
        Scalar::List(texts) => format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ")),
    }
}

/// A text in double quotes. What a terminal or a YAML file cannot hold is escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Besides control characters, those that change the direction of writing or break lines unseen.
            c if c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{FEFF}') => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
