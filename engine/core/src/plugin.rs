//! Decisions: what a plugin says about itself, what it is asked, and what it answers. How it is run is the sandbox's.
//!
//! The WIT in `sdk/wit` is the contract with guests; these are the same things as the engine keeps them.

use crate::codes::codes;
use crate::contact::{Channel, Outcome, TouchResult};
use crate::id::Digest;
use crate::time::Timestamp;
use crate::value::{Value, ValueType};
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

codes! {
    /// The three kinds of decision; a plugin may be several.
    pub enum DecisionKind {
        /// How good is this lead.
        0 Scoring = "scoring",
        /// Which nurture track, and when to look again.
        1 Nurture = "nurture",
        /// What to do about something that is overdue.
        2 Escalation = "escalation",
    }
}

codes! {
    /// How a lead is to be handled.
    pub enum Segment {
        /// Straight to closers.
        0 Hot = "hot",
        /// Sales development.
        1 Warm = "warm",
        /// Nurture.
        2 Cold = "cold",
    }
}

codes! {
    /// What an escalation decides. The set cannot grow.
    pub enum Action {
        /// Nothing yet.
        0 Wait = "wait",
        /// Remind whoever should have done it.
        1 Remind = "remind",
        /// Raise it to the manager.
        2 Raise = "raise",
        /// Give it to somebody else of the same pool.
        3 Reassign = "reassign",
    }
}

/// What a plugin says of itself, whatever its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// The name workflows use.
    pub name: String,
    /// Version text of the plugin itself.
    pub version: String,
    /// What it is for, one sentence.
    pub summary: String,
    /// The head of the SHA-256 of the component.
    pub digest: Digest,
    /// What it can decide.
    pub kinds: Vec<DecisionKind>,
    /// Its parameters, in the order in which their values are passed.
    pub parameters: Vec<ParameterInfo>,
    /// Its rules, by number; reasons refer to them.
    pub rules: Vec<RuleInfo>,
    /// Tracks a nurture plugin may answer; empty for other kinds.
    pub tracks: Vec<String>,
    /// The most fuel one decision may burn.
    pub fuel_budget: u64,
    /// The most bytes of memory one decision may take.
    pub memory_budget: u64,
}

impl PluginInfo {
    /// Whether its decisions are taken inside the commit, and are not a wait: what one may cost at most is little.
    pub const fn is_inline(&self) -> bool {
        self.fuel_budget <= INLINE_FUEL_MAX && self.memory_budget <= INLINE_MEMORY_MAX
    }
}

/// The largest fuel budget with which a decision is taken inside the commit; 1 M units are about 70 µs of ordinary code
/// (`measured.md`), and 1.1 ms of a loop around nothing (`tests/benches/hostile.rs`).
pub const INLINE_FUEL_MAX: u64 = 1_000_000;
/// The largest memory budget with which it is: touching a page costs no fuel, but time, about 2 ms for all of these.
pub const INLINE_MEMORY_MAX: u64 = 4 * 1024 * 1024;

/// One parameter of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterInfo {
    /// The name under `with`.
    pub name: String,
    /// Its type.
    pub kind: ValueType,
    /// What it does, with its unit.
    pub summary: String,
    /// Taken when the workflow names none; blank makes the parameter required.
    pub default: Value,
    /// Smallest value, for numbers.
    pub minimum: Option<f64>,
    /// Largest value, for numbers.
    pub maximum: Option<f64>,
}

/// One rule of a plugin, as reasons name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// Its number in reasons.
    pub id: u16,
    /// Short name.
    pub name: String,
    /// What it says in words; `{value}` is replaced by the reason's value, `{points}` by its points.
    pub text: String,
}

/// What a plugin reads, given its parameters. The host passes exactly that, in that order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reads {
    /// Lead fields: standard, kept or custom.
    pub fields: Vec<FieldRead>,
    /// Touches: how many at most, and how far back.
    pub touches: Option<HistoryReads>,
    /// Engagement: how many at most, and how far back.
    pub engagement: Option<HistoryReads>,
    /// Whether it wants to know if the owner is at work now.
    pub owner_present: bool,
    /// Whether it wants the score before this one.
    pub previous_score: bool,
    /// Whether it wants business time elapsed since the subject began (task created, run entered).
    pub business_elapsed: bool,
}

impl Reads {
    /// The type in which it reads a field; none when it does not.
    pub fn field(&self, name: &str) -> Option<ValueType> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.kind)
    }
}

/// A lead field that a plugin reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRead {
    /// The name after `lead.`.
    pub name: String,
    /// The type its values are passed in; one that does not fit is passed blank.
    pub kind: ValueType,
}

/// A window on history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryReads {
    /// Only these kinds (channel codes for touches, engagement kinds); all when empty.
    pub kinds: Vec<String>,
    /// The newest this many.
    pub count_max: u16,
    /// Not older than so many days.
    pub days_back_max: u16,
}

/// The parameters of one step as they are passed: in the order of [`PluginInfo::parameters`]. All decisions of the step
/// share them.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Arc<[Value]>);

impl Deref for Parameters {
    type Target = [Value];
    fn deref(&self) -> &[Value] {
        &self.0
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl FromIterator<Value> for Parameters {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<C> Encode<C> for Parameters {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), EncodeError<W::Error>> {
        self.0.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Parameters {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        Ok(Self(Vec::decode(d, ctx)?.into()))
    }
}

/// What a workflow says under `with`.
pub type With = BTreeMap<String, Value>;

/// Lays out `with` in the plugin's order, with defaults; what does not fit is named.
pub fn lay_out(info: &PluginInfo, with: &With) -> Result<Parameters, ParameterError> {
    if let Some(name) = with.keys().find(|name| !info.parameters.iter().any(|p| &p.name == *name)) {
        return Err(ParameterError::Unknown { name: name.clone() });
    }
    info.parameters
        .iter()
        .map(|parameter| {
            let given = with.get(&parameter.name).unwrap_or(&parameter.default).clone();
            if given.is_blank() {
                return Err(ParameterError::Missing { name: parameter.name.clone(), kind: parameter.kind });
            }
            let value = given
                .fit(parameter.kind)
                .ok_or_else(|| ParameterError::Type { name: parameter.name.clone(), kind: parameter.kind })?;
            let number = match value {
                Value::Int(int) => Some(int as f64),
                Value::Number(number) => Some(number),
                _ => None,
            };
            match (number, parameter.minimum, parameter.maximum) {
                (Some(n), Some(minimum), _) if n < minimum => {
                    Err(ParameterError::Range { name: parameter.name.clone(), bound: format!("at least {minimum}") })
                }
                (Some(n), _, Some(maximum)) if n > maximum => {
                    Err(ParameterError::Range { name: parameter.name.clone(), bound: format!("at most {maximum}") })
                }
                _ => Ok(value),
            }
        })
        .collect()
}

/// What is wrong with a step's `with`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The plugin has no such parameter.
    #[error("the plugin has no parameter `{name}`")]
    Unknown {
        /// As written.
        name: String,
    },
    /// A required one is not given.
    #[error("the parameter `{name}` ({kind}) is required")]
    Missing {
        /// Its name.
        name: String,
        /// Its type.
        kind: ValueType,
    },
    /// Another type.
    #[error("the parameter `{name}` is of type {kind}")]
    Type {
        /// Its name.
        name: String,
        /// Its type.
        kind: ValueType,
    },
    /// Out of range.
    #[error("the parameter `{name}` must be {bound}")]
    Range {
        /// Its name.
        name: String,
        /// The bound it breaks.
        bound: String,
    },
}

/// The plugins there are, as `cadenza validate` asks them; the server answers with the sandbox behind it.
pub trait PluginCatalog {
    /// What the plugin of this name says of itself.
    fn info(&self, name: &str) -> Option<&PluginInfo>;
    /// Every name.
    fn names(&self) -> Vec<&str>;
    /// What it reads, given its parameters in its order; the text says why it will not.
    fn reads(&self, name: &str, parameters: &[Value]) -> Result<Reads, String>;
    /// Why there is no plugin of this name although the workspace brings it along.
    fn trouble(&self, _name: &str) -> Option<String> {
        None
    }
}

/// Everything a decision may depend on.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct DecisionInput {
    /// When it is decided.
    #[n(0)]
    pub now: Timestamp,
    /// Parameter values in the order of the description.
    #[n(1)]
    pub parameters: Parameters,
    /// Field values in the order of [`Reads::fields`].
    #[n(2)]
    pub fields: Vec<Value>,
    /// Touches, newest first.
    #[n(3)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub touches: Vec<TouchSeen>,
    /// Engagement, newest first.
    #[n(4)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub engagement: Vec<EngagementSeen>,
    /// Whether the owner is at work; when asked for and there is an owner.
    #[n(5)]
    pub owner_present: Option<bool>,
    /// The score before; when asked for and there is one.
    #[n(6)]
    pub previous_score: Option<i32>,
    /// Business milliseconds since the subject began; when asked for.
    #[n(7)]
    pub business_elapsed_ms: Option<u64>,
    /// What is overdue; for escalations only.
    #[n(8)]
    pub overdue: Option<Overdue>,
}

/// A touch as a plugin sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct TouchSeen {
    /// Seconds before now.
    #[n(0)]
    pub age_s: u32,
    /// On which channel.
    #[n(1)]
    pub channel: Channel,
    /// What came of it.
    #[n(2)]
    pub outcome: Outcome,
    /// What the lead said; none when it was not reached.
    #[n(3)]
    pub result: Option<TouchResult>,
}

/// An engagement as a plugin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct EngagementSeen {
    /// Seconds before now.
    #[n(0)]
    pub age_s: u32,
    /// What the lead did.
    #[n(1)]
    pub kind: String,
    /// With what (page, paper, event).
    #[n(2)]
    pub detail: String,
}

/// What is overdue.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Overdue {
    /// Which of the step's `at` points this is, from 0.
    #[n(0)]
    pub point: u16,
    /// How many points the step has.
    #[n(1)]
    pub points: u16,
    /// Milliseconds since the task was made.
    #[n(2)]
    pub waited_ms: u64,
    /// Milliseconds past its due time; 0 before.
    #[n(3)]
    pub overdue_ms: u64,
    /// How often somebody was reminded.
    #[n(4)]
    pub reminders: u16,
    /// Whether it was raised already.
    #[n(5)]
    pub raised: bool,
}

/// Why: a rule, the points it gave and the value it saw.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's number in the plugin's table.
    #[n(0)]
    pub rule: u16,
    /// Points it gave or took.
    #[n(1)]
    pub points: i32,
    /// What it saw, as text for the reader; may be empty.
    #[n(2)]
    pub value: String,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Decision {
    /// How good the lead is.
    #[n(0)]
    Score {
        /// Points, -1,000 to 1,000.
        #[n(0)]
        points: i32,
        /// How to handle it.
        #[n(1)]
        segment: Segment,
        /// Why.
        #[n(2)]
        reasons: Vec<Reason>,
        /// Ask again after so many seconds; the score decays otherwise unseen.
        #[n(3)]
        rescore_after_s: Option<u32>,
    },
    /// Which nurture track.
    #[n(1)]
    Track {
        /// A track the plugin described.
        #[n(0)]
        track: String,
        /// Look again after so many seconds.
        #[n(1)]
        look_again_s: Option<u32>,
        /// Why.
        #[n(2)]
        reasons: Vec<Reason>,
    },
    /// What to do about something overdue.
    #[n(2)]
    Escalate {
        /// The action.
        #[n(0)]
        action: Action,
        /// Why.
        #[n(1)]
        reasons: Vec<Reason>,
    },
}

impl Decision {
    /// About how many bytes a guest answers with it, as the host counts them: texts, and 32 for each reason.
    pub fn bytes(&self) -> usize {
        let track = if let Self::Track { track, .. } = self { track.len() } else { 0 };
        track + self.reasons().iter().map(|reason| 32 + reason.value.len()).sum::<usize>()
    }

    /// Why it was decided so.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Score { reasons, .. } | Self::Track { reasons, .. } | Self::Escalate { reasons, .. } => reasons,
        }
    }
}

/// Which budget a plugin broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Budget {
    /// Instructions.
    #[n(0)]
    Fuel,
    /// Wall time.
    #[n(1)]
    WallTime,
    /// Linear memory or tables.
    #[n(2)]
    Memory,
    /// Size of the answer.
    #[n(3)]
    Output,
    /// Lines said while deciding.
    #[n(4)]
    Log,
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fuel => "fuel",
            Self::WallTime => "wall time",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Log => "log",
        })
    }
}

/// Why no decision came. A guest's fault, never the engine's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "failure", content = "detail", rename_all = "snake_case")]
pub enum DecisionFailure {
    /// The plugin said it cannot decide.
    #[error("the plugin refused{}", said(.0))]
    #[n(0)]
    Refusal(#[n(0)] String),
    /// The plugin crashed.
    #[error("the plugin trapped{}", said(.0))]
    #[n(1)]
    Trap(#[n(0)] String),
    /// The plugin used more than it may.
    #[error("the plugin exceeded its {0} budget")]
    #[n(2)]
    Budget(#[n(0)] Budget),
    /// The answer breaks the contract.
    #[error("the plugin answered what the contract does not allow{}", said(.0))]
    #[n(3)]
    BadOutput(#[n(0)] String),
    /// No plugin of that name and kind is loaded, or the engine had no room to run it in time.
    #[error("the plugin could not be asked{}", said(.0))]
    #[n(4)]
    Unavailable(#[n(0)] String),
}

impl DecisionFailure {
    /// The same without the plugin's own words, which may name people: for what is kept when a person is erased, and for
    /// whoever may not see personal data.
    pub fn without_words(&self) -> Self {
        match self {
            Self::Refusal(_) => Self::Refusal(String::new()),
            Self::Trap(_) => Self::Trap(String::new()),
            Self::Budget(budget) => Self::Budget(*budget),
            Self::BadOutput(_) => Self::BadOutput(String::new()),
            // These words are the engine's own.
            Self::Unavailable(why) => Self::Unavailable(why.clone()),
        }
    }
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Cost {
    /// Fuel burnt.
    #[n(0)]
    pub fuel: u64,
    /// Nanoseconds of wall time, for metering; never decided upon, and journalled in microseconds.
    #[cbor(skip)]
    #[serde(skip)]
    pub wall_ns: u64,
    /// Microseconds of wall time.
    #[n(3)]
    #[cbor(default)]
    pub wall_us: u32,
    /// Bytes of linear memory at the end.
    #[n(1)]
    pub memory_bytes: u64,
    /// Lines said.
    #[n(2)]
    #[cbor(default)]
    pub log_lines: u32,
}
