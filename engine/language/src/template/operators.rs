//! Operators: what each makes from two values, paid for by size before it is made. A blank on either side of an
//! arithmetic operator gives a blank.

use super::value::{Pen, Shown, Work};
use super::{LIST_ITEMS_MAX, Stop};
use cadenza_core::date::Date;
use cadenza_core::time::Timestamp;
use minijinja::machinery::ast::BinOpKind;
use std::cmp::Ordering;

/// An operator between two values. `and` and `or` are not included, because they look at one side first.
pub(super) fn binary(work: &mut Work<'_>, op: BinOpKind, left: &Shown, right: &Shown) -> Result<Shown, Stop> {
    use BinOpKind::{Add, Concat, Div, Eq, FloorDiv, Gt, Gte, In, Lt, Lte, Mul, Ne, Pow, Rem, Sub};
    match op {
        Concat => joined(work, left, right),
        Eq => equal(work, left, right).map(Shown::Bool),
        Ne => equal(work, left, right).map(|equal| Shown::Bool(!equal)),
        Lt | Lte | Gt | Gte => {
            let order = compare(work, left, right)?;
            let wanted = |order: Ordering| match op {
                Lt => order.is_lt(),
                Lte => order.is_le(),
                Gt => order.is_gt(),
                _ => order.is_ge(),
            };
            Ok(Shown::Bool(order.is_some_and(wanted)))
        }
        In => contains(work, right, left).map(Shown::Bool),
        Add | Sub | Mul | Div | FloorDiv | Rem | Pow if left.is_blank() || right.is_blank() => Ok(Shown::Blank),
        Add => match (left, right) {
            (Shown::Text(_), Shown::Text(_)) => joined(work, left, right),
            (Shown::List(first), Shown::List(second)) => {
                items_allowed(work, first.items.len() + second.items.len())?;
                Shown::list(first.items.iter().chain(&second.items).cloned().collect())
            }
            _ => number(op, left, right),
        },
        Mul => match (left, right) {
            (Shown::Text(text), Shown::Int(times)) | (Shown::Int(times), Shown::Text(text)) => {
                let times = usize::try_from(*times).unwrap_or(0);
                work.length(text.len().saturating_mul(times))?;
                Ok(Shown::text(text.repeat(times)))
            }
            (Shown::List(list), Shown::Int(times)) | (Shown::Int(times), Shown::List(list)) => {
                let times = usize::try_from(*times).unwrap_or(0);
                let length = list.items.len().saturating_mul(times);
                items_allowed(work, length)?;
                Shown::list(list.items.iter().cycle().take(length).cloned().collect())
            }
            _ => number(op, left, right),
        },
        Sub | Div | FloorDiv | Rem | Pow => number(op, left, right),
        BinOpKind::ScAnd | BinOpKind::ScOr => Ok(Shown::Blank),
    }
}

fn items_allowed(work: &mut Work<'_>, count: usize) -> Result<(), Stop> {
    if count > LIST_ITEMS_MAX {
        return Err(Stop::TooManyItems);
    }
    work.steps(count)
}

fn joined(work: &mut Work<'_>, left: &Shown, right: &Shown) -> Result<Shown, Stop> {
    let mut pen = Pen::default();
    pen.print(left, work)?;
    pen.print(right, work)?;
    Ok(Shown::text(pen.text))
}

fn number(op: BinOpKind, left: &Shown, right: &Shown) -> Result<Shown, Stop> {
    let sign = sign(op);
    let beyond = || Stop::Mismatch(format!("the result of `{sign}` is no number that can be written"));
    let fits = |number: f64| if number.is_finite() { Ok(Shown::Number(number)) } else { Err(beyond()) };
    if let (Shown::Int(a), Shown::Int(b)) = (left, right) {
        let (a, b) = (*a, *b);
        let exact = match op {
            BinOpKind::Add => a.checked_add(b),
            BinOpKind::Sub => a.checked_sub(b),
            BinOpKind::Mul => a.checked_mul(b),
            BinOpKind::FloorDiv => floored(a, b).map(|(quotient, _)| quotient),
            BinOpKind::Rem => floored(a, b).map(|(_, rest)| rest),
            BinOpKind::Pow if b >= 0 => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
            _ => return fits(float(op, a as f64, b as f64)),
        };
        return exact.map(Shown::Int).ok_or_else(beyond);
    }
    match (left.as_f64(), right.as_f64()) {
        (Some(a), Some(b)) => fits(float(op, a, b)),
        _ => Err(Stop::Mismatch(format!(
            "`{sign}` does not go between {} and {}: texts are put together with `~`",
            left.what(),
            right.what()
        ))),
    }
}

fn float(op: BinOpKind, a: f64, b: f64) -> f64 {
    match op {
        BinOpKind::Add => a + b,
        BinOpKind::Sub => a - b,
        BinOpKind::Mul => a * b,
        BinOpKind::Div => a / b,
        BinOpKind::FloorDiv => (a / b).floor(),
        BinOpKind::Rem => a - b * (a / b).floor(),
        _ => a.powf(b),
    }
}

/// Quotient and remainder as in Python: the remainder has the sign of the divisor.
fn floored(a: i64, b: i64) -> Option<(i64, i64)> {
    let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
    if rest != 0 && (rest < 0) != (b < 0) { Some((quotient - 1, rest + b)) } else { Some((quotient, rest)) }
}

const fn sign(op: BinOpKind) -> &'static str {
    match op {
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        _ => "**",
    }
}

pub(super) fn equal(work: &mut Work<'_>, left: &Shown, right: &Shown) -> Result<bool, Stop> {
    work.steps(1)?;
    Ok(match (left, right) {
        (Shown::Blank, Shown::Blank) => true,
        (Shown::Bool(a), Shown::Bool(b)) => a == b,
        (Shown::List(a), Shown::List(b)) => {
            if a.items.len() != b.items.len() {
                return Ok(false);
            }
            for (a, b) in a.items.iter().zip(&b.items) {
                if !equal(work, a, b)? {
                    return Ok(false);
                }
            }
            true
        }
        (Shown::Object(a), Shown::Object(b)) => a == b,
        _ => compare(work, left, right)?.is_some_and(Ordering::is_eq),
    })
}

/// The order of two values; `None` when they have none. A time can be compared with its text.
pub(super) fn compare(work: &mut Work<'_>, left: &Shown, right: &Shown) -> Result<Option<Ordering>, Stop> {
    work.steps(1)?;
    Ok(match (left, right) {
        (Shown::Text(a), Shown::Text(b)) => {
            work.bytes(a.len().min(b.len()))?;
            Some(a.cmp(b))
        }
        (Shown::Int(a), Shown::Int(b)) | (Shown::Duration(a), Shown::Duration(b)) => Some(a.cmp(b)),
        (Shown::Time(a), Shown::Time(b)) => Some(a.cmp(b)),
        (Shown::Date(a), Shown::Date(b)) => Some(a.cmp(b)),
        (Shown::Date(a), Shown::Text(b)) => Date::parse(b).map(|b| a.cmp(&b)),
        (Shown::Text(a), Shown::Date(b)) => Date::parse(a).map(|a| a.cmp(b)),
        (Shown::Time(a), Shown::Text(b)) => Timestamp::parse(b).map(|b| a.cmp(&b)),
        (Shown::Text(a), Shown::Time(b)) => Timestamp::parse(a).map(|a| a.cmp(b)),
        _ => left.as_f64().zip(right.as_f64()).and_then(|(a, b)| a.partial_cmp(&b)),
    })
}

/// Whether a text or a list contains something.
pub(super) fn contains(work: &mut Work<'_>, whole: &Shown, part: &Shown) -> Result<bool, Stop> {
    match whole {
        Shown::Text(text) => {
            let part = work.text_of(part)?;
            work.bytes(text.len())?;
            Ok(part.len() <= text.len() && text.contains(&*part))
        }
        Shown::List(list) => {
            for item in &list.items {
                if equal(work, item, part)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// `x[3]`, counted from the end when negative; blank when there is no such item.
pub(super) fn item(work: &mut Work<'_>, of: &Shown, at: &Shown) -> Result<Shown, Stop> {
    let Shown::Int(at) = at else { return Ok(Shown::Blank) };
    let place = |length: usize| usize::try_from(if *at < 0 { *at + length as i64 } else { *at }).ok();
    match of {
        Shown::List(list) => {
            Ok(place(list.items.len()).and_then(|at| list.items.get(at)).cloned().unwrap_or(Shown::Blank))
        }
        Shown::Text(text) => {
            work.bytes(text.len())?;
            let found = place(text.chars().count()).and_then(|at| text.chars().nth(at));
            Ok(found.map_or(Shown::Blank, |found| Shown::text(found.to_string())))
        }
        _ => Ok(Shown::Blank),
    }
}

/// `x[2:10]` of a list or a text. A time is sliced as `2026-03-08T09:30:00+01:00`, on the reader's clock.
pub(super) fn slice(work: &mut Work<'_>, of: &Shown, start: &Shown, stop: &Shown) -> Result<Shown, Stop> {
    let bound = |bound: &Shown, length: usize, default: usize| match bound {
        Shown::Int(at) if *at < 0 => length.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
        Shown::Int(at) => usize::try_from(*at).unwrap_or(usize::MAX).min(length),
        _ => default,
    };
    let range = |length: usize| {
        let start = bound(start, length, 0);
        (start, bound(stop, length, length).saturating_sub(start))
    };
    match of {
        Shown::Blank => Ok(Shown::Blank),
        Shown::List(list) => {
            let (skip, take) = range(list.items.len());
            work.steps(take)?;
            Shown::list(list.items.iter().skip(skip).take(take).cloned().collect())
        }
        Shown::Time(at) => {
            let text = work.reader.iso(*at);
            slice(work, &Shown::text(text), start, stop)
        }
        Shown::Date(date) => slice(work, &Shown::text(date.to_string()), start, stop),
        other => {
            let text = work.text_of(other)?;
            work.bytes(text.len() * 2)?;
            let (skip, take) = range(text.chars().count());
            Ok(Shown::text(text.chars().skip(skip).take(take).collect::<String>()))
        }
    }
}
