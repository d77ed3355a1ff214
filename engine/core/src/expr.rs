//! Conditions as the engine evaluates them. Names were resolved and types checked when the file was
//! read, and the cost is bounded.
//!
//! The text is CEL; `cadenza-language` reads and checks it. Evaluation never fails: a comparison with a blank is false,
//! `is_blank(x)` asks, and arithmetic without a result (division by zero, overflow) gives blank.

use crate::codes::codes;
use crate::field::FieldInfo;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};
use crate::value::{Value, ValueType};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The most nodes that an expression may have. Evaluation visits each at most once.
pub const EXPR_NODES_MAX: usize = 256;

/// A checked expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    Literal(Value),
    /// A name such as `lead.segment`.
    Name(Name),
    /// Negation: `!a`.
    Not(Box<Expr>),
    /// Conjunction: `a && b && …`.
    And(Vec<Expr>),
    /// Disjunction: `a || b || …`.
    Or(Vec<Expr>),
    /// A comparison such as `a < b`.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Whether a list contains a value: `a in b`.
    In(Box<Expr>, Box<Expr>),
    /// Arithmetic such as `a + b`.
    Arithmetic(Operator, Box<Expr>, Box<Expr>),
    /// A change of sign: `-a`.
    Negate(Box<Expr>),
    /// A choice: `a ? b : c`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A call: `f(a, …)` or `a.f(…)`.
    Call(Function, Vec<Expr>),
    /// A list: `[a, b]`.
    List(Vec<Expr>),
}

codes! {
    /// The objects whose fields expressions may name.
    pub enum Object {
        /// The lead; its fields are in `field`.
        0 Lead = "lead",
        /// The event being handled; `event.data.x` reads what a custom event brought.
        1 Event = "event",
        /// The run that asks.
        2 Run = "run",
        /// The task whose outcome is being handled, or the open task for which a text is rendered.
        3 Task = "task",
        /// The touch just completed.
        4 Touch = "touch",
        /// The lead's account.
        5 Account = "account",
        /// The rep who owns the lead.
        6 Owner = "owner",
        /// The lead's latest deal.
        7 Deal = "deal",
        /// The time of evaluation; has no fields.
        8 Now = "now",
    }
}

/// A resolved name: an object and the field after the dot (empty for `now`). `data.x` of an event keeps its dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Name {
    pub object: Object,
    pub field: String,
}

codes! {
    /// How two values are compared.
    pub enum Comparison {
        /// The values are the same.
        0 Equal = "==",
        /// Both values are known, and they differ.
        1 NotEqual = "!=",
        /// The left value is smaller.
        2 Less = "<",
        /// The left value is smaller or the same.
        3 LessOrEqual = "<=",
        /// The left value is larger.
        4 Greater = ">",
        /// The left value is larger or the same.
        5 GreaterOrEqual = ">=",
    }
}

codes! {
    /// Arithmetic over numbers, times and durations; `+` also joins texts.
    pub enum Operator {
        0 Add = "+",
        /// The difference; of two times, a duration.
        1 Subtract = "-",
        2 Multiply = "*",
        /// The quotient; of whole numbers, truncated.
        3 Divide = "/",
        /// The remainder, for numbers.
        4 Remainder = "%",
    }
}

codes! {
    /// The functions of the language.
    pub enum Function {
        /// `is_blank(x)`: whether x is blank.
        0 IsBlank = "is_blank",
        /// `since(t)`: the duration from t to now; blank when t is blank.
        1 Since = "since",
        /// `days(n)`: n times 24 hours.
        2 Days = "days",
        /// `hours(n)`: n hours.
        3 Hours = "hours",
        /// `minutes(n)`: n minutes.
        4 Minutes = "minutes",
        /// `x.contains(y)`: whether the text x contains the text y.
        5 Contains = "contains",
        /// `x.startsWith(y)`: whether the text x begins with the text y.
        6 StartsWith = "startsWith",
        /// `x.endsWith(y)`: whether the text x ends with the text y.
        7 EndsWith = "endsWith",
        /// `size(x)`: the characters of a text, or the items of a list.
        8 Size = "size",
        /// `lower(x)`: the text in lower case.
        9 Lower = "lower",
        /// `timestamp("2026-03-08T07:30:00Z")`: the time that an RFC 3339 text names.
        10 Time = "timestamp",
    }
}

/// The fields of every object but `lead`, whose fields are in [`crate::field`].
pub const OBJECT_FIELDS: &[(Object, &[FieldInfo])] = &[
    (
        Object::Event,
        &[
            field("type", ValueType::Text, "The event's type, such as lead.created"),
            field("source", ValueType::Text, "The source that delivered it"),
            field("at", ValueType::Time, "When it happened"),
            field("kind", ValueType::Text, "What the lead did, for lead.engaged"),
            field("detail", ValueType::Text, "With what: page, paper, event"),
            field("answered", ValueType::Bool, "Whether the call was answered, for call.inbound"),
            field("reason", ValueType::Text, "The reason given"),
            field("stage", ValueType::Text, "The new stage, for deal.stage_changed"),
            field("until", ValueType::Time, "When the lead is back, for email.auto_replied"),
            field("changed", ValueType::List, "The fields that changed, for lead.updated; event.old.x is what x was"),
        ],
    ),
    (
        Object::Run,
        &[
            field("workflow", ValueType::Text, "The workflow's name"),
            field("step", ValueType::Text, "The id of the current step"),
            field("started_at", ValueType::Time, "When the run began"),
            field("entered_at", ValueType::Time, "When it came to the current step"),
            field("contacts", ValueType::Int, "Contacts counted by the cadence it is in"),
            field("round", ValueType::Int, "How often the cadence has begun anew"),
            field("key", ValueType::Text, "The value for which the run stands, with one_run_per"),
            field("look_again", ValueType::Time, "When the nurture plugin wants to look again"),
        ],
    ),
    (
        Object::Task,
        &[
            field("kind", ValueType::Text, "call or todo"),
            field("outcome", ValueType::Text, "The outcome reported"),
            field("result", ValueType::Text, "The result reported"),
            field("due", ValueType::Time, "When it was due"),
            field("created_at", ValueType::Time, "When it was made"),
            field("reminders", ValueType::Int, "How often somebody was reminded of it"),
        ],
    ),
    (
        Object::Touch,
        &[
            field("channel", ValueType::Text, "call or email"),
            field("outcome", ValueType::Text, "connected, no_answer, voicemail, busy, wrong_number or gatekeeper"),
            field("result", ValueType::Text, "The result, when the lead was reached"),
            field("reached", ValueType::Bool, "Whether the lead answered, whatever was said"),
            field("at", ValueType::Time, "When it was completed"),
        ],
    ),
    (
        Object::Account,
        &[
            field("id", ValueType::Text, "The account's id"),
            field("name", ValueType::Text, "The company's name"),
            field("owner", ValueType::Text, "The rep who owns the account"),
            field("held", ValueType::Bool, "Whether a hold on it is in force"),
        ],
    ),
    (
        Object::Owner,
        &[
            field("id", ValueType::Text, "The rep's id in team.yaml"),
            field("name", ValueType::Text, "The rep's name"),
            field("present", ValueType::Bool, "Whether the rep is at work now"),
        ],
    ),
    (
        Object::Deal,
        &[
            field("stage", ValueType::Text, "The deal's stage in the CRM"),
            field("amount", ValueType::Number, "Its amount"),
            field("won", ValueType::Bool, "Whether it was won; blank while open"),
            field("closed_at", ValueType::Time, "When it was won or lost"),
        ],
    ),
    (Object::Now, &[]),
];

const fn field(name: &'static str, kind: ValueType, doc: &'static str) -> FieldInfo {
    FieldInfo { name, kind, doc, given: false }
}

/// Where an expression's names get their values.
pub trait Scope {
    /// The value of a name; blank when it is not known.
    fn get(&self, name: &Name) -> Value;
    /// The time of evaluation.
    fn now(&self) -> Timestamp;
}

impl Expr {
    /// The constant true.
    pub const TRUE: Self = Self::Literal(Value::Bool(true));

    /// Whether the condition holds. A blank does not.
    pub fn holds(&self, scope: &dyn Scope) -> bool {
        matches!(self.eval(scope), Value::Bool(true))
    }

    /// The value of the expression.
    pub fn eval(&self, scope: &dyn Scope) -> Value {
        match self {
            Self::Literal(value) => value.clone(),
            Self::Name(name) => match name.object {
                Object::Now => Value::Time(scope.now()),
                _ => scope.get(name),
            },
            Self::Not(inner) => match inner.eval(scope) {
                Value::Bool(b) => Value::Bool(!b),
                _ => Value::Blank,
            },
            Self::And(parts) => Value::Bool(parts.iter().all(|part| part.holds(scope))),
            Self::Or(parts) => Value::Bool(parts.iter().any(|part| part.holds(scope))),
            Self::Compare(how, left, right) => Value::Bool(compare(*how, &left.eval(scope), &right.eval(scope))),
            Self::In(item, list) => {
                let item = item.eval(scope);
                match list.eval(scope) {
                    Value::List(items) => Value::Bool(items.iter().any(|i| order(i, &item) == Some(Ordering::Equal))),
                    _ => Value::Bool(false),
                }
            }
            Self::Arithmetic(how, left, right) => arithmetic(*how, left.eval(scope), right.eval(scope)),
            Self::Negate(inner) => match inner.eval(scope) {
                Value::Int(int) => int.checked_neg().map_or(Value::Blank, Value::Int),
                Value::Number(number) => Value::Number(-number),
                Value::Duration(ms) => ms.checked_neg().map_or(Value::Blank, Value::Duration),
                _ => Value::Blank,
            },
            Self::If(condition, yes, no) => if condition.holds(scope) { yes } else { no }.eval(scope),
            Self::Call(function, arguments) => call(*function, arguments, scope),
            Self::List(items) => Value::List(items.iter().map(|item| item.eval(scope)).collect()),
        }
    }

    /// Whether the expression names this object.
    pub fn names(&self, object: Object) -> bool {
        let mut found = false;
        self.walk(&mut |part| found |= matches!(part, Self::Name(name) if name.object == object));
        found
    }

    /// Calls `visit` on this expression and on every part of it.
    pub fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Self)) {
        visit(self);
        match self {
            Self::Literal(_) | Self::Name(_) => {}
            Self::Not(a) | Self::Negate(a) => a.walk(visit),
            Self::Compare(_, a, b) | Self::In(a, b) | Self::Arithmetic(_, a, b) => {
                a.walk(visit);
                b.walk(visit);
            }
            Self::If(a, b, c) => {
                a.walk(visit);
                b.walk(visit);
                c.walk(visit);
            }
            Self::And(parts) | Self::Or(parts) | Self::List(parts) | Self::Call(_, parts) => {
                parts.iter().for_each(|part| part.walk(visit));
            }
        }
    }
}

/// How two values are ordered; `None` when either is blank or they cannot be compared.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Number(b)) => (*a as f64).partial_cmp(b),
        (Value::Number(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::List(a), Value::List(b)) if a.len() == b.len() => {
            a.iter().zip(b).all(|(x, y)| order(x, y) == Some(Ordering::Equal)).then_some(Ordering::Equal)
        }
        _ => None,
    }
}

fn compare(how: Comparison, left: &Value, right: &Value) -> bool {
    if left.is_blank() || right.is_blank() {
        return false;
    }
    match (how, order(left, right)) {
        (Comparison::NotEqual, found) => found != Some(Ordering::Equal),
        (_, None) => false,
        (Comparison::Equal, Some(o)) => o == Ordering::Equal,
        (Comparison::Less, Some(o)) => o == Ordering::Less,
        (Comparison::LessOrEqual, Some(o)) => o != Ordering::Greater,
        (Comparison::Greater, Some(o)) => o == Ordering::Greater,
        (Comparison::GreaterOrEqual, Some(o)) => o != Ordering::Less,
    }
}

fn arithmetic(how: Operator, left: Value, right: Value) -> Value {
    use Value::{Blank, Duration, Int, Number, Text, Time};
    let whole = |a: i64, b: i64| match how {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
    };
    let real = |a: f64, b: f64| {
        let result = match how {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            Operator::Remainder => a % b,
        };
        if result.is_finite() { Number(result) } else { Blank }
    };
    match (left, right) {
        (Int(a), Int(b)) => whole(a, b).map_or(Blank, Int),
        (Int(a), Number(b)) => real(a as f64, b),
        (Number(a), Int(b)) => real(a, b as f64),
        (Number(a), Number(b)) => real(a, b),
        (Duration(a), Duration(b)) if matches!(how, Operator::Add | Operator::Subtract) => {
            whole(a, b).map_or(Blank, Duration)
        }
        (Duration(a), Int(b)) if matches!(how, Operator::Multiply | Operator::Divide) => {
            whole(a, b).map_or(Blank, Duration)
        }
        (Int(a), Duration(b)) if how == Operator::Multiply => whole(a, b).map_or(Blank, Duration),
        (Time(a), Duration(b)) | (Duration(b), Time(a)) if how == Operator::Add => Time(a.plus_ms(b)),
        (Time(a), Duration(b)) if how == Operator::Subtract => Time(a.plus_ms(b.saturating_neg())),
        (Time(a), Time(b)) if how == Operator::Subtract => Duration(a.since_ms(b)),
        (Text(a), Text(b)) if how == Operator::Add && a.len() + b.len() <= crate::field::TEXT_BYTES_MAX => Text(a + &b),
        _ => Blank,
    }
}

fn call(function: Function, arguments: &[Expr], scope: &dyn Scope) -> Value {
    let argument = |index: usize| arguments.get(index).map_or(Value::Blank, |a| a.eval(scope));
    let duration = |unit_ms: i64| match argument(0) {
        Value::Int(count) => count.checked_mul(unit_ms).map_or(Value::Blank, Value::Duration),
        Value::Number(count) if (count * unit_ms as f64).abs() < 9e15 => {
            Value::Duration((count * unit_ms as f64) as i64)
        }
        _ => Value::Blank,
    };
    let texts = |test: fn(&str, &str) -> bool| match (argument(0), argument(1)) {
        (Value::Text(a), Value::Text(b)) => Value::Bool(test(&a, &b)),
        _ => Value::Bool(false),
    };
    match function {
        Function::IsBlank => Value::Bool(argument(0).is_blank()),
        Function::Since => match argument(0) {
            Value::Time(at) => Value::Duration(scope.now().since_ms(at)),
            _ => Value::Blank,
        },
        Function::Days => duration(DAY_MS),
        Function::Hours => duration(HOUR_MS),
        Function::Minutes => duration(MINUTE_MS),
        Function::Contains => texts(|a, b| a.contains(b)),
        Function::StartsWith => texts(|a, b| a.starts_with(b)),
        Function::EndsWith => texts(|a, b| a.ends_with(b)),
        Function::Size => match argument(0) {
            Value::Text(text) => Value::Int(text.chars().count() as i64),
            Value::List(items) => Value::Int(items.len() as i64),
            _ => Value::Blank,
        },
        Function::Lower => match argument(0) {
            Value::Text(text) => Value::Text(text.to_lowercase()),
            _ => Value::Blank,
        },
        Function::Time => argument(0).fit(ValueType::Time).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Scope for Fixed {
        fn get(&self, name: &Name) -> Value {
            match name.field.as_str() {
                "title" => Value::Text("Head of IT".to_owned()),
                "employees" => Value::Int(250),
                "budget" => Value::Number(0.5),
                "knows_us" => Value::Bool(false),
                "created_at" => Value::Time(self.now().plus_ms(-DAY_MS)),
                _ => Value::Blank,
            }
        }
        fn now(&self) -> Timestamp {
            Timestamp::from_ms(1_772_000_000_000)
        }
    }

    fn lead(field: &str) -> Expr {
        Expr::Name(Name { object: Object::Lead, field: field.to_owned() })
    }
    fn int(value: i64) -> Expr {
        Expr::Literal(Value::Int(value))
    }
    fn number(value: f64) -> Expr {
        Expr::Literal(Value::Number(value))
    }
    fn text(value: &str) -> Expr {
        Expr::Literal(Value::Text(value.to_owned()))
    }
    fn not(inner: Expr) -> Expr {
        Expr::Not(Box::new(inner))
    }
    fn compare(left: Expr, how: &str, right: Expr) -> Expr {
        Expr::Compare(Comparison::parse(how).unwrap(), Box::new(left), Box::new(right))
    }
    fn sum(left: Expr, how: &str, right: Expr) -> Expr {
        Expr::Arithmetic(Operator::parse(how).unwrap(), Box::new(left), Box::new(right))
    }
    fn call(name: &str, arguments: Vec<Expr>) -> Expr {
        Expr::Call(Function::parse(name).unwrap(), arguments)
    }
    fn days(count: i64) -> Expr {
        call("days", vec![int(count)])
    }

    #[test]
    fn conditions_over_blanks_do_not_hold_and_is_blank_asks() {
        let blank = || lead("industry");
        let title_is = || compare(lead("title"), "==", text("Head of IT"));
        let list = || Expr::List(vec![text("a"), blank()]);
        let cases = [
            ("a known value", title_is(), true),
            ("blank == text", compare(blank(), "==", text("x")), false),
            ("blank != text", compare(blank(), "!=", text("x")), false),
            ("blank == blank", compare(blank(), "==", blank()), false),
            ("!(blank == text), for the comparison is false", not(compare(blank(), "==", text("x"))), true),
            ("blank", blank(), false),
            ("!blank, which is blank", not(blank()), false),
            ("!false", not(lead("knows_us")), true),
            ("is_blank(blank)", call("is_blank", vec![blank()]), true),
            ("is_blank(known)", call("is_blank", vec![lead("title")]), false),
            ("blank in a list with a blank", Expr::In(Box::new(blank()), Box::new(list())), false),
            ("text in a list", Expr::In(Box::new(text("a")), Box::new(list())), true),
            ("text in blank", Expr::In(Box::new(text("a")), Box::new(blank())), false),
            ("blank || true", Expr::Or(vec![blank(), Expr::TRUE]), true),
            ("blank && true", Expr::And(vec![blank(), Expr::TRUE]), false),
            ("nothing && …", Expr::And(vec![]), true),
            ("nothing || …", Expr::Or(vec![]), false),
            ("whole and broken numbers compare", compare(lead("employees"), ">", number(249.5)), true),
            ("text and number do not compare", compare(lead("title"), "<", int(3)), false),
            ("text and number differ", compare(lead("title"), "!=", int(3)), true),
            ("since a day ago is a day", compare(call("since", vec![lead("created_at")]), ">=", days(1)), true),
            ("since blank", compare(call("since", vec![blank()]), ">=", days(0)), false),
            ("blank.contains", call("contains", vec![blank(), text("x")]), false),
            ("contains", call("contains", vec![lead("title"), text("of")]), true),
            ("lower", compare(call("lower", vec![lead("title")]), "==", text("head of it")), true),
            (
                "a blank condition takes the second way",
                Expr::If(blank().into(), int(1).into(), Expr::TRUE.into()),
                true,
            ),
        ];
        for (what, condition, expected) in cases {
            assert_eq!(condition.holds(&Fixed), expected, "{what}");
        }
    }

    #[test]
    fn arithmetic_without_an_answer_is_blank() {
        let cases = [
            ("7 / 2", sum(int(7), "/", int(2)), Value::Int(3)),
            ("7 / 0", sum(int(7), "/", int(0)), Value::Blank),
            ("7 % 0", sum(int(7), "%", int(0)), Value::Blank),
            ("overflow", sum(int(i64::MAX), "+", int(1)), Value::Blank),
            ("the one quotient that overflows", sum(int(i64::MIN), "/", int(-1)), Value::Blank),
            ("the one rest that overflows", sum(int(i64::MIN), "%", int(-1)), Value::Blank),
            ("-smallest", Expr::Negate(int(i64::MIN).into()), Value::Blank),
            ("1.0 / 0.0", sum(number(1.0), "/", number(0.0)), Value::Blank),
            ("whole and broken", sum(int(1), "+", lead("budget")), Value::Number(1.5)),
            ("blank + 1", sum(lead("industry"), "+", int(1)), Value::Blank),
            ("text + text", sum(text("a"), "+", text("b")), Value::Text("ab".to_owned())),
            ("text + number", sum(text("a"), "+", int(1)), Value::Blank),
            (
                "time - time",
                sum(Expr::Name(Name { object: Object::Now, field: String::new() }), "-", lead("created_at")),
                Value::Duration(DAY_MS),
            ),
            ("2 * duration", sum(int(2), "*", days(1)), Value::Duration(2 * DAY_MS)),
            ("duration + time", sum(days(1), "+", lead("created_at")), Value::Time(Fixed.now())),
            ("duration / 0", sum(days(1), "/", int(0)), Value::Blank),
            ("days(too many)", days(i64::MAX), Value::Blank),
            ("size of characters, not bytes", call("size", vec![text("äö")]), Value::Int(2)),
            ("no time", call("timestamp", vec![text("tomorrow")]), Value::Blank),
            ("a call without its argument", call("since", vec![]), Value::Blank),
        ];
        for (what, expression, expected) in cases {
            assert_eq!(expression.eval(&Fixed), expected, "{what}");
        }
        let long = || text(&"x".repeat(crate::field::TEXT_BYTES_MAX));
        assert_eq!(sum(long(), "+", long()).eval(&Fixed), Value::Blank, "texts do not grow without limit");
    }
}
