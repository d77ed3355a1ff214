//! Shows an expression as it is written, for the causes of faults.

use super::{Expr, Function, Items, Name, Object, Quantifier};
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::value::Value;
use std::fmt::{Display, Formatter, Result, Write as _};

/// The name that stands for an item.
const ITEM: &str = "x";

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Literal(value) => literal(value, f),
            Self::Name(name) => name.fmt(f),
            Self::Not(inner) => write!(f, "!{}", Operand(inner)),
            Self::Negate(inner) => write!(f, "-{}", Operand(inner)),
            Self::And(parts) => joined(parts, " && ", f),
            Self::Or(parts) => joined(parts, " || ", f),
            Self::Compare(how, left, right) => write!(f, "{} {how} {}", Operand(left), Operand(right)),
            Self::In(item, list) => write!(f, "{} in {}", Operand(item), Operand(list)),
            Self::Arithmetic(how, left, right) => write!(f, "{} {how} {}", Operand(left), Operand(right)),
            Self::If(test, yes, no) => write!(f, "{} ? {} : {}", Operand(test), Operand(yes), Operand(no)),
            Self::Call(Function::BusinessDays, arguments) if arguments.len() == 2 => {
                write!(f, "{} + business_days({})", Operand(&arguments[0]), arguments[1])
            }
            Self::Call(function, arguments) => call(*function, arguments, f),
            Self::List(items) => {
                f.write_char('[')?;
                listed(items, f)?;
                f.write_char(']')
            }
            Self::Each(quantifier, items, test) => each(*quantifier, items, test, f),
            Self::Item(field) if field.is_empty() => f.write_str(ITEM),
            Self::Item(field) => write!(f, "{ITEM}.{field}"),
        }
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.object {
            Object::Now => f.write_str("now"),
            object => write!(f, "{object}.{}", self.field),
        }
    }
}

/// A part between operators. It is put in brackets when it has an operator of its own.
struct Operand<'e>(&'e Expr);

impl Display for Operand<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let alone = match self.0 {
            Expr::Literal(_) | Expr::Name(_) | Expr::List(_) | Expr::Each(..) | Expr::Item(_) => true,
            Expr::Call(function, _) => *function != Function::BusinessDays,
            _ => false,
        };
        if alone { self.0.fmt(f) } else { write!(f, "({})", self.0) }
    }
}

fn joined(parts: &[Expr], sign: &str, f: &mut Formatter<'_>) -> Result {
    for (ix, part) in parts.iter().enumerate() {
        if ix > 0 {
            f.write_str(sign)?;
        }
        Operand(part).fmt(f)?;
    }
    Ok(())
}

fn listed(items: &[Expr], f: &mut Formatter<'_>) -> Result {
    for (ix, item) in items.iter().enumerate() {
        if ix > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

fn call(function: Function, arguments: &[Expr], f: &mut Formatter<'_>) -> Result {
    let arguments = match arguments {
        [target, rest @ ..] if function.is_method() => {
            write!(f, "{}.", Operand(target))?;
            rest
        }
        all => all,
    };
    write!(f, "{function}(")?;
    listed(arguments, f)?;
    f.write_char(')')
}

fn each(quantifier: Quantifier, items: &Items, test: &Expr, f: &mut Formatter<'_>) -> Result {
    match items {
        Items::Touches => f.write_str("touches")?,
        Items::Of(list) => Operand(list).fmt(f)?,
    }
    write!(f, ".{quantifier}({ITEM}, {test})")
}

fn literal(value: &Value, f: &mut Formatter<'_>) -> Result {
    match value {
        Value::Blank => f.write_str("null"),
        Value::Bool(yes) => yes.fmt(f),
        Value::Int(int) => int.fmt(f),
        // A number without a fraction keeps its decimal point.
        Value::Number(number) => write!(f, "{number:?}"),
        Value::Time(at) => write!(f, "timestamp(\"{at}\")"),
        Value::Date(date) => write!(f, "date(\"{date}\")"),
        Value::Text(text) => write!(f, "{text:?}"),
        Value::List(items) => {
            f.write_char('[')?;
            for (ix, item) in items.iter().enumerate() {
                if ix > 0 {
                    f.write_str(", ")?;
                }
                literal(item, f)?;
            }
            f.write_char(']')
        }
        Value::Duration(ms) if ms % DAY_MS == 0 => write!(f, "days({})", ms / DAY_MS),
        Value::Duration(ms) if ms % HOUR_MS == 0 => write!(f, "hours({})", ms / HOUR_MS),
        Value::Duration(ms) => write!(f, "minutes({})", *ms as f64 / MINUTE_MS as f64),
    }
}
