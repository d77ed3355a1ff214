//! Conditions as the engine evaluates them. Reading a file resolves their names and checks their types, and the cost of
//! evaluation is bounded.
//!
//! The text is CEL; `cadenza-language` reads and checks it. A comparison with a blank is false; `is_blank(x)` tests for
//! one. An expression without an answer (a division by zero, a number that is too large, a value whose type nobody
//! could foresee) is a [`Fault`], never a silent false.

mod evaluate;
mod fault;
mod show;
#[cfg(test)]
mod tests;

pub use evaluate::{STEPS_MAX, WEEKDAYS, compile};
pub use fault::{Fault, Trouble};

use crate::calendar::Calendar;
use crate::codes::codes;
use crate::field::FieldInfo;
use crate::lead::Touch;
use crate::time::Timestamp;
use crate::value::{Value, ValueType};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The most parts that an expression may have. Evaluation visits each part at most once, or once for each item within
/// `exists` and `all`.
pub const EXPR_NODES_MAX: usize = 256;
/// The most characters of a pattern.
pub const PATTERN_CHARS_MAX: usize = 200;
/// The most business days that may be counted at once.
pub const BUSINESS_DAYS_MAX: i64 = 500;

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
    /// Whether some or all items pass a test: `a.exists(x, test)`.
    Each(Quantifier, Items, Box<Expr>),
    /// The item that [`Expr::Each`] is testing. If the item is a touch, the field with this name; otherwise the name is
    /// empty.
    Item(String),
}

/// The items that [`Expr::Each`] tests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Items {
    /// The touches that the lead keeps.
    Touches,
    /// The items of a list.
    Of(Box<Expr>),
}

codes! {
    /// How many of the items have to pass the test.
    pub enum Quantifier {
        /// At least one, so it is false when there are no items.
        0 Exists = "exists",
        /// Every item, so it is true when there are none.
        1 All = "all",
    }
}

codes! {
    /// The objects whose fields expressions may name.
    pub enum Object {
        /// The lead; its fields are in `field`.
        0 Lead = "lead",
        /// The event being handled; `event.data.x` reads a value that a custom event brought.
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
        /// The time of evaluation. It has no fields.
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
        /// `default(x, y)`: x, or y when x is blank.
        11 Default = "default",
        /// `hour(t)`: the hour at that time where the lead is, 0 to 23.
        12 Hour = "hour",
        /// `weekday(t)`: the day of the week at that time where the lead is: monday to sunday.
        13 Weekday = "weekday",
        /// `date(t)`: the date at that time where the lead is.
        14 Date = "date",
        /// `in_zone(t, "Europe/Berlin")`: the same time, but its `hour`, `weekday` and `date` follow that zone.
        15 InZone = "in_zone",
        /// `in_hours(t)`: whether the workspace's business hours are open then.
        16 InHours = "in_hours",
        /// `t + business_days(n)`: the time n business days later, as [`Calendar::add`] counts them. The arguments are
        /// t and n.
        17 BusinessDays = "business_days",
        /// `x.matches("^VP")`: whether the text x contains a match of the pattern.
        18 Matches = "matches",
        /// `domain(x)`: the registrable domain of an address or URL; blank when it has none.
        19 Domain = "domain",
    }
}

impl Function {
    /// Whether the function is called on its first argument: `x.contains(y)`.
    pub const fn is_method(self) -> bool {
        matches!(self, Self::Contains | Self::StartsWith | Self::EndsWith | Self::Matches)
    }
}

/// The ending that turns a role into the name of its rep: `run.host` is the rep's id in team.yaml, `run.host_name` the
/// name.
pub const ROLE_NAME: &str = "_name";

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
            field("deal", ValueType::Text, "The deal's id in the CRM, for events of deals"),
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
            field("result", ValueType::Text, "The result reported, in the engine's word"),
            field("result_own", ValueType::Text, "The team's own word for it; blank when the engine's was given"),
            field("due", ValueType::Time, "When it was due"),
            field("created_at", ValueType::Time, "When it was made"),
            field("reminders", ValueType::Int, "How often somebody was reminded of it"),
        ],
    ),
    (
        Object::Touch,
        &[
            field("channel", ValueType::Text, "call, email, meeting, message or other"),
            field("channel_own", ValueType::Text, "The team's own word for it; blank when the engine's was given"),
            field("outcome", ValueType::Text, "connected, no_answer, voicemail, busy, wrong_number or gatekeeper"),
            field("result", ValueType::Text, "The result, when the lead was reached, in the engine's word"),
            field("result_own", ValueType::Text, "The team's own word for it; blank when the engine's was given"),
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
            field("pools", ValueType::List, "The pools that the rep is in"),
        ],
    ),
    (
        Object::Deal,
        &[
            field("id", ValueType::Text, "Its id in the CRM; blank when events do not say it"),
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

/// Supplies the values of an expression's names, and the context of the lead.
pub trait Scope {
    /// The value of a name; blank when the value is not known.
    fn get(&self, name: &Name) -> Value;
    /// The time of evaluation.
    fn now(&self) -> Timestamp;
    /// The touches that the lead keeps, oldest first.
    fn touches(&self) -> &[Touch];
    /// The lead's zone, or the workspace's when the lead's zone is not known.
    fn zone(&self) -> TimeZone;
    /// The workspace's business hours, in its zone.
    fn calendar(&self) -> &Calendar;
}

impl Expr {
    /// The constant true.
    pub const TRUE: Self = Self::Literal(Value::Bool(true));

    /// Whether the condition holds. A blank result does not hold.
    pub fn holds(&self, scope: &dyn Scope) -> Result<bool, Fault> {
        evaluate::Evaluation::new(scope).holds(self)
    }

    /// The value of the expression.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Value, Fault> {
        evaluate::Evaluation::new(scope).value(self)
    }

    /// The moment that the expression gives; `None` when it is blank. A date counts as its first moment in the
    /// workspace's zone.
    pub fn moment(&self, scope: &dyn Scope) -> Result<Option<Timestamp>, Fault> {
        evaluate::Evaluation::new(scope).moment(self)
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
            Self::Literal(_) | Self::Name(_) | Self::Item(_) => {}
            Self::Not(a) | Self::Negate(a) | Self::Each(_, Items::Touches, a) => a.walk(visit),
            Self::Compare(_, a, b) | Self::In(a, b) | Self::Arithmetic(_, a, b) | Self::Each(_, Items::Of(a), b) => {
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
