//! Evaluation: computes the value of an expression in a bounded number of steps.
//!
//! A value whose type could not be foreseen (`event.data.x`, a field whose type was changed) is converted to the type
//! of the value that it is used with, by the rules by which events are read: a text that contains a number counts as
//! that number. A value that cannot be converted is a fault.

use super::fault::{Fault, Trouble};
use super::{
    BUSINESS_DAYS_MAX, Comparison, Expr, Function, Items, Object, Operator, PATTERN_CHARS_MAX, Quantifier, Scope,
};
use crate::date::Date;
use crate::field::TEXT_BYTES_MAX;
use crate::lead::Touch;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS, Span, Timestamp};
use crate::value::{Value, ValueType};
use crate::{identity, reading, zone};
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The most steps of one evaluation. Each part takes one step; a part that goes through a text or a list takes more.
/// All the steps together take a few milliseconds.
pub const STEPS_MAX: u32 = 50_000;
/// The days of the week as `weekday(t)` names them.
pub const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// How many bytes of a text one step covers.
const BYTES_A_STEP: usize = 64;
/// The memory that a compiled pattern may take, in bytes. This limits the cost for each character of a text.
const PATTERN_BYTES_MAX: usize = 8 << 10;
/// The steps for compiling a pattern, for looking at a calendar, and for looking up a domain.
const COMPILE_STEPS: usize = 50;
const CALENDAR_STEPS: usize = 10;
const DOMAIN_STEPS: usize = 10;

/// What [`Expr::Item`] stands for at the moment.
enum Item<'s> {
    Touch(&'s Touch),
    Value(Value),
}

/// One evaluation.
pub(super) struct Evaluation<'s> {
    scope: &'s dyn Scope,
    steps_left: u32,
    item: Option<Item<'s>>,
}

impl<'s> Evaluation<'s> {
    pub(super) fn new(scope: &'s dyn Scope) -> Self {
        Self { scope, steps_left: STEPS_MAX, item: None }
    }

    pub(super) fn holds(&mut self, part: &Expr) -> Result<bool, Fault> {
        Ok(self.as_kind(part, ValueType::Bool)? == Value::Bool(true))
    }

    pub(super) fn moment(&mut self, part: &Expr) -> Result<Option<Timestamp>, Fault> {
        Ok(match self.value(part)? {
            Value::Date(date) => Some(date.begins(self.home())),
            value => match self.taken(part, value, ValueType::Time)? {
                Value::Time(at) => Some(at),
                _ => None,
            },
        })
    }

    /// The workspace's zone.
    fn home(&self) -> &'s TimeZone {
        self.scope.calendar().zone()
    }

    fn pay(&mut self, part: &Expr, steps: usize) -> Result<(), Fault> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.steps_left.checked_sub(steps));
        self.steps_left = left.ok_or_else(|| Trouble::Steps.of(part))?;
        Ok(())
    }

    /// The value of a part, converted to this type.
    fn as_kind(&mut self, part: &Expr, wanted: ValueType) -> Result<Value, Fault> {
        let value = self.value(part)?;
        self.taken(part, value, wanted)
    }

    /// A value, converted to this type if it can be. Blank stays blank.
    fn taken(&self, part: &Expr, value: Value, wanted: ValueType) -> Result<Value, Fault> {
        if value.is_blank() || value.kind() == Some(wanted) {
            return Ok(value);
        }
        reading::read(value, wanted, self.home()).map_err(|(_, value)| Trouble::unfit(&value, wanted).of(part))
    }

    /// The value of a part as text, with its length paid for in steps; `None` when it is blank.
    fn text(&mut self, part: &Expr) -> Result<Option<String>, Fault> {
        match self.as_kind(part, ValueType::Text)? {
            Value::Text(text) => {
                self.pay(part, text.len() / BYTES_A_STEP)?;
                Ok(Some(text))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn value(&mut self, part: &Expr) -> Result<Value, Fault> {
        self.pay(part, 1)?;
        Ok(match part {
            Expr::Literal(value) => value.clone(),
            Expr::Name(name) => match name.object {
                Object::Now => Value::Time(self.scope.now()),
                _ => self.scope.get(name),
            },
            Expr::Item(field) => match &self.item {
                Some(Item::Touch(touch)) => touch.field(field),
                Some(Item::Value(value)) => value.clone(),
                None => Value::Blank,
            },
            Expr::Not(inner) => match self.as_kind(inner, ValueType::Bool)? {
                Value::Bool(yes) => Value::Bool(!yes),
                _ => Value::Blank,
            },
            Expr::And(parts) => Value::Bool(self.all_are(parts, true)?),
            Expr::Or(parts) => Value::Bool(!self.all_are(parts, false)?),
            Expr::Compare(how, left, right) => {
                let (left, right) = (self.looked_at(left)?, self.looked_at(right)?);
                let order = self.order(left, right).map_err(|trouble| trouble.of(part))?;
                Value::Bool(order.is_some_and(|order| is(*how, order)))
            }
            Expr::In(item, list) => Value::Bool(self.is_in(part, item, list)?),
            Expr::Arithmetic(how, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.arithmetic(*how, left, right).map_err(|trouble| trouble.of(part))?
            }
            Expr::Negate(inner) => match self.value(inner)? {
                Value::Duration(ms) => whole(Operator::Subtract, 0, ms).map(Value::Duration),
                value => self.arithmetic(Operator::Subtract, Value::Int(0), value),
            }
            .map_err(|trouble| trouble.of(part))?,
            Expr::If(test, yes, no) => {
                let chosen = if self.holds(test)? { yes } else { no };
                self.value(chosen)?
            }
            Expr::Call(function, arguments) => self.call(part, *function, arguments)?,
            Expr::List(items) => Value::List(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?),
            Expr::Each(quantifier, items, test) => Value::Bool(self.each(part, *quantifier, items, test)?),
        })
    }

    /// The value of a part, not copied where it is written in the expression.
    fn looked_at<'p>(&mut self, part: &'p Expr) -> Result<Cow<'p, Value>, Fault> {
        match part {
            Expr::Literal(value) => self.pay(part, 1).map(|()| Cow::Borrowed(value)),
            _ => self.value(part).map(Cow::Owned),
        }
    }

    /// Whether each part has the wanted truth value, from left to right. Parts after the first that has not are not
    /// evaluated.
    fn all_are(&mut self, parts: &[Expr], wanted: bool) -> Result<bool, Fault> {
        for part in parts {
            if self.holds(part)? != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn each(&mut self, part: &Expr, quantifier: Quantifier, items: &Items, test: &Expr) -> Result<bool, Fault> {
        match items {
            Items::Touches => self.pass(quantifier, self.scope.touches().iter().map(Item::Touch), test),
            Items::Of(list) => match self.as_kind(list, ValueType::List)? {
                Value::List(items) => {
                    self.pay(part, items.len())?;
                    self.pass(quantifier, items.into_iter().map(Item::Value), test)
                }
                // A list that is not known passes neither `exists` nor `all`.
                _ => Ok(false),
            },
        }
    }

    fn pass(
        &mut self,
        quantifier: Quantifier,
        items: impl Iterator<Item = Item<'s>>,
        test: &Expr,
    ) -> Result<bool, Fault> {
        let all = quantifier == Quantifier::All;
        for item in items {
            self.item = Some(item);
            let passes = self.holds(test);
            self.item = None;
            if passes? != all {
                return Ok(!all);
            }
        }
        Ok(all)
    }

    /// The order of two values; `None` when either is blank.
    fn order(&self, left: Cow<'_, Value>, right: Cow<'_, Value>) -> Result<Option<Ordering>, Trouble> {
        if !left.is_blank() && left.kind() == right.kind() {
            return order(&left, &right).map(Some).ok_or_else(|| Trouble::types(&left, &right));
        }
        let Some((left, right)) = self.alike(left.into_owned(), right.into_owned())? else { return Ok(None) };
        order(&left, &right).map(Some).ok_or_else(|| Trouble::types(&left, &right))
    }

    /// Two values, converted to one type. When the types differ, the value with the more general type (text or number)
    /// is converted to the type of the other. `None` when either is blank.
    fn alike(&self, left: Value, right: Value) -> Result<Option<(Value, Value)>, Trouble> {
        if left.is_blank() || right.is_blank() {
            return Ok(None);
        }
        let (left_says, right_says) = (says(&left), says(&right));
        if left.kind() == right.kind() || (left_says == Says::Number && right_says == Says::Number) {
            return Ok(Some((left, right)));
        }
        let (left, right) = match left_says.cmp(&right_says) {
            Ordering::Less => (self.beside(left, &right, right.kind())?, right),
            Ordering::Greater => {
                let read = self.beside(right, &left, left.kind())?;
                (left, read)
            }
            Ordering::Equal => return Err(Trouble::types(&left, &right)),
        };
        Ok(Some((left, right)).filter(|(left, right)| !left.is_blank() && !right.is_blank()))
    }

    /// A value, converted for use with a value of another type.
    fn beside(&self, value: Value, other: &Value, wanted: Option<ValueType>) -> Result<Value, Trouble> {
        // A text may contain a fraction even when the other value is a whole number.
        let kinds = match wanted {
            Some(ValueType::Int) => &[ValueType::Int, ValueType::Number][..],
            Some(ref kind) if *kind != ValueType::List => std::slice::from_ref(kind),
            _ => &[],
        };
        let read = |kind: &ValueType| reading::read(value.clone(), *kind, self.home()).ok();
        kinds.iter().find_map(read).ok_or_else(|| Trouble::types(&value, other))
    }

    fn is_in(&mut self, part: &Expr, item: &Expr, list: &Expr) -> Result<bool, Fault> {
        let item = self.value(item)?;
        let others: Vec<Cow<'_, Value>> = match list {
            Expr::List(others) => {
                self.pay(list, 1)?;
                others.iter().map(|other| self.looked_at(other)).collect::<Result<_, _>>()?
            }
            _ => match self.as_kind(list, ValueType::List)? {
                Value::List(others) => others.into_iter().map(Cow::Owned).collect(),
                _ => return Ok(false),
            },
        };
        self.pay(part, others.len())?;
        for other in others {
            let order = self.order(Cow::Borrowed(&item), other).map_err(|trouble| trouble.of(part))?;
            if order == Some(Ordering::Equal) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn arithmetic(&self, how: Operator, left: Value, right: Value) -> Result<Value, Trouble> {
        use Operator::{Add, Divide, Multiply, Subtract};
        use Value::{Blank, Date, Duration, Int, Number, Text, Time};
        let (left, right) = match (left, right) {
            (Text(a), Text(b)) => (Text(a), Text(b)),
            (Text(text), other) => (self.beside(Text(text), &other, joins(&other))?, other),
            (other, Text(text)) => {
                let read = self.beside(Text(text), &other, joins(&other))?;
                (other, read)
            }
            pair => pair,
        };
        match (left, how, right) {
            (Blank, ..) | (.., Blank) => Ok(Blank),
            (Int(a), _, Int(b)) => whole(how, a, b).map(Int),
            (Int(a), _, Number(b)) => real(how, a as f64, b),
            (Number(a), _, Int(b)) => real(how, a, b as f64),
            (Number(a), _, Number(b)) => real(how, a, b),
            (Duration(a), Add | Subtract, Duration(b)) | (Duration(a), Multiply | Divide, Int(b)) => {
                whole(how, a, b).map(Duration)
            }
            (Int(a), Multiply, Duration(b)) => whole(how, a, b).map(Duration),
            (Time(at), Add, Duration(ms)) | (Duration(ms), Add, Time(at)) => Ok(Time(at.plus_ms(ms))),
            (Time(at), Subtract, Duration(ms)) => Ok(Time(at.plus_ms(ms.saturating_neg()))),
            (Time(a), Subtract, Time(b)) => Ok(Duration(a.since_ms(b))),
            (Date(date), Add, Duration(ms)) | (Duration(ms), Add, Date(date)) => moved(date, ms),
            (Date(date), Subtract, Duration(ms)) => moved(date, ms.saturating_neg()),
            (Date(a), Subtract, Date(b)) => Ok(Duration(a.days_since(b) * DAY_MS)),
            (Text(a), Add, Text(b)) if a.len() + b.len() > TEXT_BYTES_MAX => Err(Trouble::TooLong),
            (Text(a), Add, Text(b)) => Ok(Text(a + &b)),
            (left, _, right) => Err(Trouble::types(&left, &right)),
        }
    }

    fn call(&mut self, part: &Expr, function: Function, arguments: &[Expr]) -> Result<Value, Fault> {
        const NOTHING: &Expr = &Expr::Literal(Value::Blank);
        let argument = |ix: usize| arguments.get(ix).unwrap_or(NOTHING);
        let (first, second) = (argument(0), argument(1));
        Ok(match function {
            Function::IsBlank => Value::Bool(self.value(first)?.is_blank()),
            Function::Default => match self.value(first)? {
                Value::Blank => self.value(second)?,
                known => known,
            },
            Function::Since => match self.as_kind(first, ValueType::Time)? {
                Value::Time(at) => Value::Duration(self.scope.now().since_ms(at)),
                _ => Value::Blank,
            },
            Function::Days => self.span(part, first, DAY_MS)?,
            Function::Hours => self.span(part, first, HOUR_MS)?,
            Function::Minutes => self.span(part, first, MINUTE_MS)?,
            Function::Contains => self.texts(first, second, |a, b| a.contains(b))?,
            Function::StartsWith => self.texts(first, second, |a, b| a.starts_with(b))?,
            Function::EndsWith => self.texts(first, second, |a, b| a.ends_with(b))?,
            Function::Matches => self.matches(part, first, second)?,
            Function::Size => match self.value(first)? {
                Value::List(items) => Value::Int(items.len() as i64),
                value => match self.taken(first, value, ValueType::Text)? {
                    Value::Text(text) => Value::Int(text.chars().count() as i64),
                    _ => Value::Blank,
                },
            },
            Function::Lower => self.text(first)?.map_or(Value::Blank, |text| Value::Text(text.to_lowercase())),
            Function::Domain => {
                self.pay(part, DOMAIN_STEPS)?;
                Value::text(self.text(first)?.and_then(|text| identity::domain(&text)).as_deref())
            }
            Function::Time => self.as_kind(first, ValueType::Time)?,
            Function::InZone => self.value(first)?,
            Function::Hour => match self.clock(first)? {
                Some((at, zone)) => Value::Int(zone.to_datetime(at.to_jiff()).hour().into()),
                None => Value::Blank,
            },
            Function::Weekday | Function::Date => match (self.day(first)?, function) {
                (Some(date), Function::Date) => Value::Date(date),
                (Some(date), _) => Value::Text(weekday(date).to_owned()),
                (None, _) => Value::Blank,
            },
            Function::InHours => {
                self.pay(part, CALENDAR_STEPS)?;
                match self.as_kind(first, ValueType::Time)? {
                    Value::Time(at) => Value::Bool(self.scope.calendar().is_open(at)),
                    _ => Value::Blank,
                }
            }
            Function::BusinessDays => self.business_days(part, first, second)?,
        })
    }

    /// A duration of this many units.
    fn span(&mut self, part: &Expr, count: &Expr, unit_ms: i64) -> Result<Value, Fault> {
        let value = self.value(count)?;
        let value = match value {
            Value::Int(_) => value,
            value => self.taken(count, value, ValueType::Number)?,
        };
        match value {
            Value::Int(count) => whole(Operator::Multiply, count, unit_ms).map(Value::Duration),
            Value::Number(count) if (count * unit_ms as f64).abs() < 9e15 => {
                Ok(Value::Duration((count * unit_ms as f64) as i64))
            }
            Value::Number(_) => Err(Trouble::Overflow),
            _ => Ok(Value::Blank),
        }
        .map_err(|trouble| trouble.of(part))
    }

    /// The result of a test of two texts. It never holds for a blank.
    fn texts(&mut self, a: &Expr, b: &Expr, test: fn(&str, &str) -> bool) -> Result<Value, Fault> {
        let (a, b) = (self.text(a)?, self.text(b)?);
        Ok(Value::Bool(a.zip(b).is_some_and(|(a, b)| test(&a, &b))))
    }

    fn matches(&mut self, part: &Expr, text: &Expr, pattern: &Expr) -> Result<Value, Fault> {
        let (Some(text), Some(pattern)) = (self.text(text)?, self.text(pattern)?) else {
            return Ok(Value::Bool(false));
        };
        let pattern = compile(&pattern).map_err(|_| Trouble::Pattern.of(part))?;
        self.pay(part, COMPILE_STEPS + text.len())?;
        Ok(Value::Bool(pattern.is_match(&text)))
    }

    /// A time, and the zone in which it has to be read; `None` when it is blank.
    fn clock(&mut self, time: &Expr) -> Result<Option<(Timestamp, TimeZone)>, Fault> {
        self.pay(time, CALENDAR_STEPS)?;
        let (time, zone) = match time {
            Expr::Call(Function::InZone, arguments) if arguments.len() == 2 => match self.text(&arguments[1])? {
                Some(name) => (&arguments[0], named(&name).ok_or_else(|| Trouble::Zone.of(time))?),
                None => return Ok(None),
            },
            time => (time, self.scope.zone()),
        };
        Ok(match self.as_kind(time, ValueType::Time)? {
            Value::Time(at) => Some((at, zone)),
            _ => None,
        })
    }

    /// The day of a time in the zone in which it has to be read. A date is the same day everywhere.
    fn day(&mut self, part: &Expr) -> Result<Option<Date>, Fault> {
        if !matches!(part, Expr::Call(Function::InZone, _)) {
            match self.value(part)? {
                Value::Date(date) => return Ok(Some(date)),
                Value::Text(text) if let Some(date) = Date::parse(reading::known(&text)) => return Ok(Some(date)),
                _ => {}
            }
        }
        // A day without a time is stored as its first moment in the workspace's zone, and is the same day everywhere.
        let home = self.home();
        let is_day = |at: Timestamp| Date::of(at, home).begins(home) == at;
        let zoned = matches!(part, Expr::Call(Function::InZone, _));
        Ok(match self.clock(part)? {
            Some((at, _)) if !zoned && is_day(at) => Some(Date::of(at, home)),
            clock => clock.map(|(at, zone)| Date::of(at, &zone)),
        })
    }

    fn business_days(&mut self, part: &Expr, from: &Expr, count: &Expr) -> Result<Value, Fault> {
        let (from, count) = (self.moment(from)?, self.as_kind(count, ValueType::Int)?);
        let (Some(from), Value::Int(count)) = (from, count) else { return Ok(Value::Blank) };
        let days = u32::try_from(count.unsigned_abs()).ok().filter(|_| count.abs() <= BUSINESS_DAYS_MAX);
        let days = days.ok_or_else(|| Trouble::BusinessDays.of(part))?;
        self.pay(part, CALENDAR_STEPS + days as usize)?;
        let (calendar, span) = (self.scope.calendar(), Span::BusinessDays(days));
        Ok(Value::Time(if count < 0 { calendar.subtract(from, span) } else { calendar.add(from, span) }))
    }
}

/// Compiles a pattern of at most [`PATTERN_CHARS_MAX`] characters, within the memory that limits the cost of a text.
/// The error says what is wrong with it.
pub fn compile(pattern: &str) -> Result<regex_lite::Regex, String> {
    if pattern.chars().count() > PATTERN_CHARS_MAX {
        return Err(format!("it has more than {PATTERN_CHARS_MAX} characters"));
    }
    regex_lite::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build().map_err(|error| error.to_string())
}

/// A zone under the name of a place, or as CRMs and Windows write it.
fn named(name: &str) -> Option<TimeZone> {
    TimeZone::get(&zone::of_lead(name, None).ok()?).ok()
}

/// How general a type is: a text can contain any value, a number can also mean a time or a truth value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    Text,
    Number,
    Itself,
}

fn says(value: &Value) -> Says {
    match value {
        Value::Text(_) => Says::Text,
        Value::Int(_) | Value::Number(_) => Says::Number,
        _ => Says::Itself,
    }
}

/// The type to which a text is converted when it is added to such a value, or the value to it.
fn joins(other: &Value) -> Option<ValueType> {
    match other {
        Value::Int(_) | Value::Number(_) | Value::Date(_) => other.kind(),
        Value::Time(_) | Value::Duration(_) => Some(ValueType::Time),
        Value::Blank => Some(ValueType::Text),
        Value::Text(_) | Value::Bool(_) | Value::List(_) => None,
    }
}

/// The order of two values of one type. Lists are only equal or not equal.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Number(b)) => (*a as f64).partial_cmp(b),
        (Value::Number(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::List(a), Value::List(b)) => {
            let same = a.iter().zip(b).all(|(x, y)| order(x, y) == Some(Ordering::Equal));
            Some(a.len().cmp(&b.len()).then(if same { Ordering::Equal } else { Ordering::Less }))
        }
        _ => None,
    }
}

fn is(how: Comparison, order: Ordering) -> bool {
    match how {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

fn whole(how: Operator, a: i64, b: i64) -> Result<i64, Trouble> {
    match how {
        Operator::Divide | Operator::Remainder if b == 0 => return Err(Trouble::Zero),
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
    }
    .ok_or(Trouble::Overflow)
}

fn real(how: Operator, a: f64, b: f64) -> Result<Value, Trouble> {
    let result = match how {
        Operator::Divide | Operator::Remainder if b == 0.0 => return Err(Trouble::Zero),
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Remainder => a % b,
    };
    if result.is_finite() { Ok(Value::Number(result)) } else { Err(Trouble::Overflow) }
}

fn moved(date: Date, ms: i64) -> Result<Value, Trouble> {
    if ms % DAY_MS != 0 {
        return Err(Trouble::PartOfADay);
    }
    date.plus_days(ms / DAY_MS).map(Value::Date).ok_or(Trouble::Overflow)
}

fn weekday(date: Date) -> &'static str {
    WEEKDAYS[usize::from(date.to_jiff().weekday().to_monday_zero_offset().unsigned_abs())]
}
