//! The types of the parts of a template, as far as they can be known before there is a lead. A sample of each type goes
//! through the same operators and filters as in rendering, so a value that never fits is found when the workspace is
//! checked.

use super::locale::Reader;
use super::operators;
use super::value::{Pen, Shown, Turn, Work};
use super::{Stop, filters::Filter};
use cadenza_core::date::Date;
use cadenza_core::time::Timestamp;
use cadenza_core::value::ValueType;
use jiff::tz::TimeZone;
use minijinja::machinery::ast::{BinOpKind, UnaryOpKind};

/// A value with the type of a part of a template.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    value: Shown,
    /// Whether the value is a literal in the template.
    constant: bool,
}

/// `None` when the type is not known, as for a value from an event.
pub(super) type Guess = Option<Sample>;

impl Sample {
    /// A literal in the template.
    pub(super) const fn constant(value: Shown) -> Self {
        Self { value, constant: true }
    }

    /// Some value of this type; `None` for a type that allows any value.
    pub(super) fn of(kind: ValueType) -> Guess {
        Self::typical(match kind {
            ValueType::Bool => Shown::Bool(true),
            ValueType::Int => Shown::Int(1),
            ValueType::Number => Shown::Number(1.0),
            ValueType::Text => Shown::text("1"),
            ValueType::Time => Shown::Time(Timestamp::from_ms(0)),
            ValueType::Date => Shown::Date(Date::of(Timestamp::from_ms(0), &TimeZone::UTC)),
            ValueType::Duration => Shown::Duration(1),
            ValueType::List => Shown::list(vec![Shown::text("1")]).ok()?,
            ValueType::Any => return None,
        })
    }

    /// Some value of the same type. The result for one sample says nothing about other values.
    fn typical(value: Shown) -> Guess {
        let value = match value {
            Shown::Blank => return None,
            Shown::Bool(_) => Shown::Bool(true),
            Shown::Int(_) => Shown::Int(1),
            Shown::Number(_) => Shown::Number(1.0),
            Shown::Text(_) => Shown::text("1"),
            other @ (Shown::Time(_)
            | Shown::Date(_)
            | Shown::Duration(_)
            | Shown::List(_)
            | Shown::Object(_)
            | Shown::Turn(_)) => other,
        };
        Some(Self { value, constant: false })
    }

    /// Whether this is the text of a field, which may contain a number or a time.
    const fn is_open_text(&self) -> bool {
        matches!(self.value, Shown::Text(_)) && !self.constant
    }

    /// Whether both are of one type.
    fn is_like(&self, other: &Self) -> bool {
        self.value.what() == other.value.what()
    }
}

/// `loop`.
pub(super) const fn turn() -> Guess {
    Some(Sample { value: Shown::Turn(Turn { index: 0, length: 1 }), constant: false })
}

/// One of two values; only rendering decides which.
pub(super) fn either(one: Guess, other: Guess) -> Guess {
    one.zip(other).filter(|(one, other)| one.is_like(other)).and_then(|(one, _)| Sample::typical(one.value))
}

/// An item of the list that a loop goes through.
pub(super) fn item_of(list: &Guess) -> Result<Guess, String> {
    match list.as_ref().map(|list| &list.value) {
        None | Some(Shown::Blank) => Ok(None),
        Some(Shown::List(list)) => {
            let mut items = list.items.iter().map(|item| Sample::typical(item.clone()));
            let first = items.next().flatten();
            Ok(items.fold(first, either))
        }
        Some(other) => Err(format!("`for` goes through a list, and this is {}", other.what())),
    }
}

/// A list of these items.
pub(super) fn list_of(items: Vec<Guess>) -> Guess {
    let items: Option<Vec<Shown>> = items.into_iter().map(|item| item.map(|item| item.value)).collect();
    Shown::list(items?).ok().map(Sample::constant)
}

/// A part of a list or a text.
pub(super) fn part_of(whole: Guess) -> Guess {
    whole.and_then(|whole| match whole.value {
        list @ Shown::List(_) => Sample::typical(list),
        _ => Sample::of(ValueType::Text),
    })
}

/// The result of an operator on two values, or why it never has one.
pub(super) fn binary(op: BinOpKind, left: &Guess, right: &Guess) -> Result<Guess, String> {
    use BinOpKind::{Eq, Gt, Gte, In, Lt, Lte, Ne, ScAnd, ScOr};
    match op {
        ScAnd | ScOr => return Ok(either(left.clone(), right.clone())),
        Eq | Ne => compared(left, right, Comparing::Equality)?,
        Lt | Lte | Gt | Gte => compared(left, right, Comparing::Order)?,
        In => within(left, right)?,
        _ => {
            let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
            return made(|work| operators::binary(work, op, &left.value, &right.value));
        }
    }
    Ok(Sample::of(ValueType::Bool))
}

/// The result of an operator before a value.
pub(super) fn unary(op: &UnaryOpKind, value: &Guess) -> Result<Guess, String> {
    match op {
        UnaryOpKind::Not => Ok(Sample::of(ValueType::Bool)),
        UnaryOpKind::Neg => binary(BinOpKind::Sub, &Some(Sample::constant(Shown::Int(0))), value),
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Comparing {
    Equality,
    Order,
}

/// The error says why a comparison of two values never holds.
pub(super) fn compared(left: &Guess, right: &Guess, asked: Comparing) -> Result<(), String> {
    let (Some(left), Some(right)) = (left, right) else { return Ok(()) };
    if left.value.is_blank() || right.value.is_blank() {
        return Ok(());
    }
    let may_be_a_time =
        |one: &Sample, other: &Sample| one.is_open_text() && matches!(other.value, Shown::Time(_) | Shown::Date(_));
    if may_be_a_time(left, right) || may_be_a_time(right, left) {
        return Ok(());
    }
    let ordered = work(|work| operators::compare(work, &left.value, &right.value))?.flatten().is_some();
    let alike = left.is_like(right) && matches!(asked, Comparing::Equality);
    if ordered || alike {
        return Ok(());
    }
    let (one, other) = (left.value.what(), right.value.what());
    Err(match asked {
        Comparing::Equality => format!("{one} is never equal to {other}"),
        Comparing::Order => format!("{one} is never more or less than {other}"),
    })
}

/// The error says why nothing is ever contained in this value.
pub(super) fn within(part: &Guess, whole: &Guess) -> Result<(), String> {
    match whole.as_ref().map(|whole| &whole.value) {
        None | Some(Shown::Blank | Shown::Text(_)) => Ok(()),
        Some(Shown::List(_)) => match item_of(whole)? {
            item @ Some(_) => compared(part, &item, Comparing::Equality),
            None => Ok(()),
        },
        Some(other) => Err(format!("`in` looks into a text or a list, and this is {}", other.what())),
    }
}

/// The result of a filter on a value, or why it never has one.
pub(super) fn filtered(filter: &Filter, value: &Guess, args: &[Guess]) -> Result<Guess, String> {
    let args: Option<Vec<Shown>> = args.iter().map(|arg| arg.as_ref().map(|arg| arg.value.clone())).collect();
    let (Some(value), Some(args)) = (value, args) else { return Ok(None) };
    let shown = made(|work| (filter.make)(work, &value.value, &args));
    match shown {
        // `{{ lead.budget_text | money("EUR") }}`
        Err(_) if value.is_open_text() => Ok(None),
        // The value of `default` may have another type.
        Ok(_) if matches!(filter.name, "default" | "d") => {
            Ok(either(Some(value.clone()), args.into_iter().next().and_then(Sample::typical)))
        }
        other => other,
    }
}

/// The error says why a value cannot be printed.
pub(super) fn printed(value: &Guess) -> Result<(), String> {
    let Some(value) = value else { return Ok(()) };
    work(|work| Pen::default().print(&value.value, work)).map(drop)
}

fn made(make: impl FnOnce(&mut Work<'_>) -> Result<Shown, Stop>) -> Result<Guess, String> {
    work(make).map(|made| made.and_then(Sample::typical))
}

/// Does some work on samples. Only a value that never fits is an error: whether something is too long or too much
/// depends on the real values.
fn work<T>(make: impl FnOnce(&mut Work<'_>) -> Result<T, Stop>) -> Result<Option<T>, String> {
    let reader = Reader::new(TimeZone::UTC, None, None);
    match make(&mut Work::new(&reader)) {
        Err(Stop::Mismatch(why)) => Err(why),
        made => Ok(made.ok()),
    }
}
