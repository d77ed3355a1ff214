//! Everything that may stand after `is`.

use super::Stop;
use super::operators::{binary, contains, equal};
use super::value::{Shown, Work};
use minijinja::machinery::ast::BinOpKind;

/// A test: its name, how many arguments it takes, and its function.
pub(super) struct Predicate {
    pub(super) name: &'static str,
    pub(super) takes: usize,
    pub(super) ask: fn(&mut Work<'_>, &Shown, &Shown) -> Result<bool, Stop>,
}

/// Every test.
pub(super) static PREDICATES: &[Predicate] = &[
    Predicate { name: "blank", takes: 0, ask: |_, value, _| Ok(value.is_blank()) },
    Predicate { name: "boolean", takes: 0, ask: |_, value, _| Ok(matches!(value, Shown::Bool(_))) },
    Predicate { name: "defined", takes: 0, ask: |_, value, _| Ok(!value.is_blank()) },
    Predicate { name: "divisibleby", takes: 1, ask: |_, value, by| Ok(remainder(value, by) == Some(0)) },
    Predicate {
        name: "endingwith",
        takes: 1,
        ask: |work, text, end| texts(work, text, end, |text, end| text.ends_with(end)),
    },
    Predicate { name: "eq", takes: 1, ask: equal },
    Predicate { name: "equalto", takes: 1, ask: equal },
    Predicate { name: "even", takes: 0, ask: |_, value, _| Ok(remainder(value, &Shown::Int(2)) == Some(0)) },
    Predicate { name: "false", takes: 0, ask: |_, value, _| Ok(matches!(value, Shown::Bool(false))) },
    Predicate { name: "ge", takes: 1, ask: |work, a, b| ordered(work, BinOpKind::Gte, a, b) },
    Predicate { name: "gt", takes: 1, ask: |work, a, b| ordered(work, BinOpKind::Gt, a, b) },
    Predicate { name: "in", takes: 1, ask: |work, part, whole| contains(work, whole, part) },
    Predicate { name: "integer", takes: 0, ask: |_, value, _| Ok(matches!(value, Shown::Int(_))) },
    Predicate { name: "le", takes: 1, ask: |work, a, b| ordered(work, BinOpKind::Lte, a, b) },
    Predicate { name: "lt", takes: 1, ask: |work, a, b| ordered(work, BinOpKind::Lt, a, b) },
    Predicate { name: "ne", takes: 1, ask: |work, a, b| equal(work, a, b).map(|equal| !equal) },
    Predicate { name: "none", takes: 0, ask: |_, value, _| Ok(value.is_blank()) },
    Predicate { name: "number", takes: 0, ask: |_, value, _| Ok(value.as_f64().is_some()) },
    Predicate { name: "odd", takes: 0, ask: |_, value, _| Ok(remainder(value, &Shown::Int(2)) == Some(1)) },
    Predicate { name: "sequence", takes: 0, ask: |_, value, _| Ok(matches!(value, Shown::List(_))) },
    Predicate {
        name: "startingwith",
        takes: 1,
        ask: |work, text, start| texts(work, text, start, |text, start| text.starts_with(start)),
    },
    Predicate { name: "string", takes: 0, ask: |_, value, _| Ok(matches!(value, Shown::Text(_))) },
    Predicate { name: "true", takes: 0, ask: |_, value, _| Ok(matches!(value, Shown::Bool(true))) },
    Predicate { name: "undefined", takes: 0, ask: |_, value, _| Ok(value.is_blank()) },
];

/// The test of this name.
pub(super) fn find(name: &str) -> Option<&'static Predicate> {
    PREDICATES.iter().find(|predicate| predicate.name == name)
}

fn ordered(work: &mut Work<'_>, op: BinOpKind, a: &Shown, b: &Shown) -> Result<bool, Stop> {
    binary(work, op, a, b).map(|answer| answer.is_true())
}

fn texts(work: &mut Work<'_>, text: &Shown, part: &Shown, ask: fn(&str, &str) -> bool) -> Result<bool, Stop> {
    let (text, part) = (work.text_of(text)?, work.text_of(part)?);
    work.bytes(part.len())?;
    Ok(ask(&text, &part))
}

fn remainder(value: &Shown, by: &Shown) -> Option<i64> {
    match (value, by) {
        (Shown::Int(value), Shown::Int(by)) => value.checked_rem_euclid(*by),
        _ => None,
    }
}
