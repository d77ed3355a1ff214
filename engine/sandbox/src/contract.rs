//! `sdk/wit` as the host passes it: the WIT's types, borrowed from core's on the way in, owned on the way out.
//!
//! Loading a plugin checks these against the component's own types, so a difference from the WIT cannot go unnoticed.
//! Knows nothing of limits or of what an answer may say: that is `answer.rs`.

use cadenza_core::plugin::{self as kept, DecisionInput, DecisionKind};
use cadenza_core::value::{Value, ValueType};
use wasmtime::component::{ComponentType, Lift, Lower};

/// The interface every plugin exports.
pub(crate) const DESCRIBE: &str = "cadenza:plugin/describe@1.0.0";
/// The interface that makes a component a plugin of this kind.
pub(crate) const fn interface(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Scoring => "cadenza:plugin/scorer@1.0.0",
        DecisionKind::Nurture => "cadenza:plugin/nurturer@1.0.0",
        DecisionKind::Escalation => "cadenza:plugin/escalator@1.0.0",
    }
}

/// What stands for a code that the plugin did not list.
const CODE_NOT_LISTED: u16 = u16::MAX;

#[derive(ComponentType, Lower)]
#[component(variant)]
pub(crate) enum Given<'a> {
    #[component(name = "blank")]
    Blank,
    #[component(name = "boolean")]
    Boolean(bool),
    #[component(name = "int")]
    Int(i64),
    #[component(name = "number")]
    Number(f64),
    #[component(name = "text")]
    Text(&'a str),
    #[component(name = "time")]
    Time(i64),
    #[component(name = "duration")]
    Duration(i64),
    #[component(name = "texts")]
    Texts(Vec<&'a str>),
}

impl<'a> Given<'a> {
    /// Values in order; the error is the position of a list that holds something else than texts.
    pub(crate) fn all(values: &'a [Value]) -> Result<Vec<Self>, usize> {
        values.iter().enumerate().map(|(position, value)| Self::of(value).ok_or(position)).collect()
    }

    fn of(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::Blank => Self::Blank,
            Value::Bool(yes) => Self::Boolean(*yes),
            Value::Int(int) => Self::Int(*int),
            Value::Number(number) => Self::Number(*number),
            Value::Text(text) => Self::Text(text),
            Value::Time(at) => Self::Time(at.as_ms()),
            Value::Duration(ms) => Self::Duration(*ms),
            Value::List(values) => Self::Texts(
                values
                    .iter()
                    .map(|v| if let Value::Text(text) = v { Some(text.as_str()) } else { None })
                    .collect::<Option<_>>()?,
            ),
        })
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Touch {
    #[component(name = "age")]
    age: u32,
    #[component(name = "channel")]
    channel: u16,
    #[component(name = "outcome")]
    outcome: u16,
    #[component(name = "result")]
    result: Option<u16>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Engagement<'a> {
    #[component(name = "age")]
    age: u32,
    #[component(name = "kind")]
    kind: u16,
    #[component(name = "detail")]
    detail: &'a str,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Lead<'a> {
    #[component(name = "fields")]
    fields: Vec<Given<'a>>,
    #[component(name = "touches")]
    touches: Vec<Touch>,
    #[component(name = "engagement")]
    engagement: Vec<Engagement<'a>>,
    #[component(name = "owner-present")]
    owner_present: Option<bool>,
    #[component(name = "previous-score")]
    previous_score: Option<i32>,
    #[component(name = "business-elapsed")]
    business_elapsed: Option<u64>,
}

impl<'a> Lead<'a> {
    /// The lead of this input, for a plugin with these codes; the error is the position of a field that cannot be passed.
    pub(crate) fn of(input: &'a DecisionInput, codes: &Codes) -> Result<Self, usize> {
        Ok(Self {
            fields: Given::all(&input.fields)?,
            touches: input
                .touches
                .iter()
                .map(|touch| Touch {
                    age: touch.age_s,
                    channel: codes.position(&touch.channel),
                    outcome: codes.position(&touch.outcome),
                    result: touch.result.as_deref().map(|result| codes.position(result)),
                })
                .collect(),
            engagement: input
                .engagement
                .iter()
                .map(|seen| Engagement { age: seen.age_s, kind: codes.position(&seen.kind), detail: &seen.detail })
                .collect(),
            owner_present: input.owner_present,
            previous_score: input.previous_score,
            business_elapsed: input.business_elapsed_ms,
        })
    }
}

/// The codes a plugin tells apart, for looking up their positions.
#[derive(Debug, Default)]
pub(crate) struct Codes(Vec<(String, u16)>);

impl Codes {
    pub(crate) fn new(listed: Vec<String>) -> Self {
        let mut sorted: Vec<(String, u16)> = listed.into_iter().zip(0..).collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    fn position(&self, code: &str) -> u16 {
        self.0.binary_search_by(|(listed, _)| listed.as_str().cmp(code)).map_or(CODE_NOT_LISTED, |at| self.0[at].1)
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Overdue {
    #[component(name = "point")]
    point: u16,
    #[component(name = "points")]
    points: u16,
    #[component(name = "waited")]
    waited: u64,
    #[component(name = "late")]
    late: u64,
    #[component(name = "reminders")]
    reminders: u16,
    #[component(name = "raised")]
    raised: bool,
}

impl From<&kept::Overdue> for Overdue {
    fn from(overdue: &kept::Overdue) -> Self {
        Self {
            point: overdue.point,
            points: overdue.points,
            waited: overdue.waited_ms,
            late: overdue.overdue_ms,
            reminders: overdue.reminders,
            raised: overdue.raised,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Taken {
    #[component(name = "blank")]
    Blank,
    #[component(name = "boolean")]
    Boolean(bool),
    #[component(name = "int")]
    Int(i64),
    #[component(name = "number")]
    Number(f64),
    #[component(name = "text")]
    Text(String),
    #[component(name = "time")]
    Time(i64),
    #[component(name = "duration")]
    Duration(i64),
    #[component(name = "texts")]
    Texts(Vec<String>),
}

impl From<Taken> for Value {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::Blank => Self::Blank,
            Taken::Boolean(yes) => Self::Bool(yes),
            Taken::Int(int) => Self::Int(int),
            Taken::Number(number) => Self::Number(number),
            Taken::Text(text) => Self::Text(text),
            Taken::Time(ms) => Self::Time(cadenza_core::time::Timestamp::from_ms(ms)),
            Taken::Duration(ms) => Self::Duration(ms),
            Taken::Texts(texts) => Self::List(texts.into_iter().map(Self::Text).collect()),
        }
    }
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "only ever lifted out of a guest")]
pub(crate) enum Kind {
    #[component(name = "boolean")]
    Boolean,
    #[component(name = "int")]
    Int,
    #[component(name = "number")]
    Number,
    #[component(name = "text")]
    Text,
    #[component(name = "time")]
    Time,
    #[component(name = "duration")]
    Duration,
    #[component(name = "texts")]
    Texts,
}

impl From<Kind> for ValueType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Boolean => Self::Bool,
            Kind::Int => Self::Int,
            Kind::Number => Self::Number,
            Kind::Text => Self::Text,
            Kind::Time => Self::Time,
            Kind::Duration => Self::Duration,
            Kind::Texts => Self::List,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) summary: String,
    pub(crate) default: Taken,
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Rule {
    pub(crate) id: u16,
    pub(crate) name: String,
    pub(crate) text: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) tracks: Vec<String>,
    pub(crate) codes: Vec<String>,
    #[component(name = "fuel-budget")]
    pub(crate) fuel_budget: u64,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Window {
    pub(crate) kinds: Vec<String>,
    pub(crate) count: u16,
    #[component(name = "days-back")]
    pub(crate) days_back: u16,
}

impl From<Window> for kept::HistoryReads {
    fn from(window: Window) -> Self {
        Self { kinds: window.kinds, count_max: window.count, days_back_max: window.days_back }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct View {
    pub(crate) fields: Vec<String>,
    pub(crate) touches: Option<Window>,
    pub(crate) engagement: Option<Window>,
    #[component(name = "owner-present")]
    pub(crate) owner_present: bool,
    #[component(name = "previous-score")]
    pub(crate) previous_score: bool,
    #[component(name = "business-elapsed")]
    pub(crate) business_elapsed: bool,
}

impl From<View> for kept::Reads {
    fn from(view: View) -> Self {
        Self {
            fields: view.fields,
            touches: view.touches.map(Into::into),
            engagement: view.engagement.map(Into::into),
            owner_present: view.owner_present,
            previous_score: view.previous_score,
            business_elapsed: view.business_elapsed,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Reason {
    pub(crate) rule: u16,
    pub(crate) points: i32,
    pub(crate) value: String,
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "only ever lifted out of a guest")]
pub(crate) enum Segment {
    #[component(name = "hot")]
    Hot,
    #[component(name = "warm")]
    Warm,
    #[component(name = "cold")]
    Cold,
}

impl From<Segment> for kept::Segment {
    fn from(segment: Segment) -> Self {
        match segment {
            Segment::Hot => Self::Hot,
            Segment::Warm => Self::Warm,
            Segment::Cold => Self::Cold,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Rating {
    pub(crate) points: i32,
    pub(crate) segment: Segment,
    pub(crate) reasons: Vec<Reason>,
    #[component(name = "rescore-after")]
    pub(crate) rescore_after: Option<u32>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Choice {
    pub(crate) track: String,
    #[component(name = "look-again")]
    pub(crate) look_again: Option<u32>,
    pub(crate) reasons: Vec<Reason>,
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "only ever lifted out of a guest")]
pub(crate) enum Action {
    #[component(name = "wait")]
    Wait,
    #[component(name = "remind")]
    Remind,
    #[component(name = "raise")]
    Raise,
    #[component(name = "reassign")]
    Reassign,
}

impl From<Action> for kept::Action {
    fn from(action: Action) -> Self {
        match action {
            Action::Wait => Self::Wait,
            Action::Remind => Self::Remind,
            Action::Raise => Self::Raise,
            Action::Reassign => Self::Reassign,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Verdict {
    pub(crate) action: Action,
    pub(crate) reasons: Vec<Reason>,
}
