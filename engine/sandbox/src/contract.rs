//! `sdk/wit` as the host passes it: laid out from core's types on the way in (`layout.rs`,
//! `rows.rs`), owned on the way out.
//!
//! Loading a plugin checks these against the component's own types, so a difference from the WIT cannot go unnoticed.
//! Does not know limits, or what an answer may say: that is `answer.rs`.

use cadenza_core::plugin::{self as kept, DecisionKind};
use cadenza_core::value::{Value, ValueType};
use wasmtime::component::{ComponentType, Lift, Lower};

/// The interface every plugin exports.
pub(crate) const DESCRIBE: &str = "cadenza:plugin/describe@1.0.0";
/// The only interface that a plugin may import.
pub(crate) const LOG: &str = "cadenza:plugin/log@1.0.0";
/// The interface that makes a component a plugin of this kind.
pub(crate) const fn interface(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Scoring => "cadenza:plugin/scorer@1.0.0",
        DecisionKind::Nurture => "cadenza:plugin/nurturer@1.0.0",
        DecisionKind::Escalation => "cadenza:plugin/escalator@1.0.0",
    }
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Texts<'a> {
    #[component(name = "joined")]
    pub(crate) joined: &'a [u8],
    #[component(name = "ends")]
    pub(crate) ends: &'a [u32],
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct TextRange {
    #[component(name = "first")]
    pub(crate) first: u32,
    #[component(name = "count")]
    pub(crate) count: u32,
}

#[derive(Clone, Copy, Debug, ComponentType)]
#[component(variant)]
pub(crate) enum Given {
    #[component(name = "blank")]
    Blank,
    #[component(name = "boolean")]
    Boolean(bool),
    #[component(name = "int")]
    Int(i64),
    #[component(name = "number")]
    Number(f64),
    #[component(name = "text")]
    Text(u32),
    #[component(name = "time")]
    Time(i64),
    #[component(name = "duration")]
    Duration(i64),
    #[component(name = "texts")]
    Texts(TextRange),
}

#[derive(Clone, Copy, Debug, ComponentType)]
#[component(record)]
pub(crate) struct Touch {
    #[component(name = "age")]
    pub(crate) age: u32,
    #[component(name = "channel")]
    pub(crate) channel: u16,
    #[component(name = "outcome")]
    pub(crate) outcome: u16,
    #[component(name = "result")]
    pub(crate) result: Option<u16>,
}

#[derive(Clone, Copy, Debug, ComponentType)]
#[component(record)]
pub(crate) struct Engagement {
    #[component(name = "age")]
    pub(crate) age: u32,
    #[component(name = "kind")]
    pub(crate) kind: u16,
    #[component(name = "detail")]
    pub(crate) detail: u32,
}

#[derive(Clone, Copy, Debug, ComponentType)]
#[component(record)]
pub(crate) struct Lead {
    #[component(name = "touches")]
    pub(crate) touches: u32,
    #[component(name = "engagement")]
    pub(crate) engagement: u32,
    #[component(name = "owner-present")]
    pub(crate) owner_present: Option<bool>,
    #[component(name = "previous-score")]
    pub(crate) previous_score: Option<i32>,
    #[component(name = "business-elapsed")]
    pub(crate) business_elapsed: Option<u64>,
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Input<'a> {
    #[component(name = "now")]
    pub(crate) now: i64,
    #[component(name = "texts")]
    pub(crate) texts: Texts<'a>,
    #[component(name = "parameters")]
    pub(crate) parameters: &'a [Given],
    #[component(name = "fields")]
    pub(crate) fields: &'a [Given],
    #[component(name = "touches")]
    pub(crate) touches: &'a [Touch],
    #[component(name = "engagement")]
    pub(crate) engagement: &'a [Engagement],
    #[component(name = "leads")]
    pub(crate) leads: &'a [Lead],
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
pub(crate) enum Literal {
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

impl From<Literal> for Value {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::Blank => Self::Blank,
            Literal::Boolean(yes) => Self::Bool(yes),
            Literal::Int(int) => Self::Int(int),
            Literal::Number(number) => Self::Number(number),
            Literal::Text(text) => Self::Text(text),
            Literal::Time(ms) => Self::Time(cadenza_core::time::Timestamp::from_ms(ms)),
            Literal::Duration(ms) => Self::Duration(ms),
            Literal::Texts(texts) => Self::List(texts.into_iter().map(Self::Text).collect()),
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
    pub(crate) default: Literal,
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
    #[component(name = "memory-budget")]
    pub(crate) memory_budget: u64,
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
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct View {
    pub(crate) fields: Vec<Field>,
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
            fields: view
                .fields
                .into_iter()
                .map(|Field { name, kind }| kept::FieldRead { name, kind: kind.into() })
                .collect(),
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
