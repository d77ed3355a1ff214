//! Decisions: what a plugin says about itself, what it is asked, and what it answers. Running it is the sandbox's work.
//!
//! The WIT in `sdk/wit` is the contract with guests. These types express the same contract in the form that the engine
//! keeps.

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
    /// The three kinds of decision. A plugin may take several of them.
    pub enum DecisionKind {
        /// How good the lead is.
        0 Scoring = "scoring",
        /// Which nurture track the lead takes, and when to look again.
        1 Nurture = "nurture",
        /// What to do about an overdue task.
        2 Escalation = "escalation",
    }
}

codes! {
    /// How a lead is to be handled.
    pub enum Segment {
        /// The lead goes straight to closers.
        0 Hot = "hot",
        /// The lead goes to sales development.
        1 Warm = "warm",
        /// The lead is nurtured.
        2 Cold = "cold",
    }
}

codes! {
    /// What an escalation decides to do. The set cannot grow.
    pub enum Action {
        /// Do nothing yet.
        0 Wait = "wait",
        /// Remind the rep who should have done the task.
        1 Remind = "remind",
        /// Raise the task to a superior.
        2 Raise = "raise",
        /// Give the task to another rep of the same pool.
        3 Reassign = "reassign",
    }
}

/// What a plugin says about itself, whatever its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// The name that workflows use.
    pub name: String,
    /// The version of the plugin itself, as text.
    pub version: String,
    /// What the plugin is for, in one sentence.
    pub summary: String,
    /// The first eight bytes of the component's SHA-256.
    pub digest: Digest,
    /// The kinds of decision that it can take.
    pub kinds: Vec<DecisionKind>,
    /// The parameters, in the order in which their values are passed.
    pub parameters: Vec<ParameterInfo>,
    /// The rules, by number. Reasons refer to them.
    pub rules: Vec<RuleInfo>,
    /// The tracks that a nurture plugin may answer; empty for other kinds.
    pub tracks: Vec<String>,
    /// The channels, outcomes, results and kinds of engagement that it distinguishes. The team's own words may be among
    /// them.
    #[serde(default)]
    pub codes: Vec<String>,
    /// The most fuel that one decision may burn.
    pub fuel_budget: u64,
    /// The most bytes of memory that one decision may take.
    pub memory_budget: u64,
}

impl PluginInfo {
    /// Whether its decisions are taken inside the commit and do not count as a wait. That is the case when even its
    /// most expensive decision is cheap.
    pub const fn is_inline(&self) -> bool {
        self.fuel_budget <= INLINE_FUEL_MAX && self.memory_budget <= INLINE_MEMORY_MAX
    }
}

/// The largest fuel budget with which a decision is taken inside the commit. 1 M units are about 70 µs of ordinary code
/// (`measured.md`), and 1.1 ms of an empty loop (`tests/benches/hostile.rs`).
pub const INLINE_FUEL_MAX: u64 = 1_000_000;
/// The largest memory budget, in bytes, with which a decision is taken inside the commit. Touching a page costs no
/// fuel, but it takes time: about 2 ms for all pages of this budget.
pub const INLINE_MEMORY_MAX: u64 = 4 * 1024 * 1024;

/// One parameter of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterInfo {
    /// The name under `with`.
    pub name: String,
    pub kind: ValueType,
    /// What the parameter does, with its unit.
    pub summary: String,
    /// The value when the workflow gives none. A blank makes the parameter required.
    pub default: Value,
    /// The smallest value, for numbers.
    pub minimum: Option<f64>,
    /// The largest value, for numbers.
    pub maximum: Option<f64>,
}

/// One rule of a plugin, to which reasons refer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// The number that reasons use.
    pub id: u16,
    pub name: String,
    /// What the rule says in words. `{value}` is replaced by the reason's value, `{points}` by its points.
    pub text: String,
}

/// What a plugin reads, given its parameters. The host passes exactly that, in that order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reads {
    /// The lead's fields: standard, kept or custom.
    pub fields: Vec<FieldRead>,
    /// The window on touches, if it reads them.
    pub touches: Option<HistoryReads>,
    /// The window on engagements, if it reads them.
    pub engagement: Option<HistoryReads>,
    /// Whether it reads if the owner is at work now.
    pub owner_present: bool,
    /// Whether it reads the score before this one.
    pub previous_score: bool,
    /// Whether it reads the business time that has elapsed since the task was on offer or the run came to the step.
    pub business_elapsed: bool,
}

impl Reads {
    /// The type as which it reads a field; `None` when it does not read the field.
    pub fn field(&self, name: &str) -> Option<ValueType> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.kind)
    }
}

/// A lead field that a plugin reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRead {
    /// The name after `lead.`.
    pub name: String,
    /// The type as which the values are passed. A value that does not fit is passed as blank.
    pub kind: ValueType,
}

/// A window on a lead's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryReads {
    /// The kinds to read: codes of channels for touches, or kinds of engagement. All of them when empty.
    pub kinds: Vec<String>,
    /// The most items, counted from the newest.
    pub count_max: u16,
    /// The greatest age of an item, in days.
    pub days_back_max: u16,
}

/// The parameters of one step, in the order of [`PluginInfo::parameters`] in which they are passed. All
/// decisions of the step share them.
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

/// What a workflow gives under `with`.
pub type With = BTreeMap<String, Value>;

/// Puts the values of `with` into the plugin's order and fills in defaults. The error names the value that does not fit.
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
        /// The name as it is written.
        name: String,
    },
    /// A required parameter is not given.
    #[error("the parameter `{name}` ({kind}) is required")]
    Missing { name: String, kind: ValueType },
    /// The value has another type.
    #[error("the parameter `{name}` is of type {kind}")]
    Type { name: String, kind: ValueType },
    /// The value is out of range.
    #[error("the parameter `{name}` must be {bound}")]
    Range {
        name: String,
        /// The bound that it breaks, in words.
        bound: String,
    },
}

/// The known plugins. `cadenza validate` uses it; the server implements it with the sandbox.
pub trait PluginCatalog {
    /// What the plugin with this name says about itself.
    fn info(&self, name: &str) -> Option<&PluginInfo>;
    /// The name of every plugin.
    fn names(&self) -> Vec<&str>;
    /// What the plugin reads, given its parameters in its own order. The error says why it refuses them.
    fn reads(&self, name: &str, parameters: &[Value]) -> Result<Reads, String>;
    /// Why there is no plugin with this name, although the workspace contains one.
    fn trouble(&self, _name: &str) -> Option<String> {
        None
    }
}

/// Everything a decision may depend on.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct DecisionInput {
    /// The time of the decision.
    #[n(0)]
    pub now: Timestamp,
    /// The parameters' values, in the order of the plugin's description.
    #[n(1)]
    pub parameters: Parameters,
    /// The fields' values, in the order of [`Reads::fields`].
    #[n(2)]
    pub fields: Vec<Value>,
    /// Newest first.
    #[n(3)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub touches: Vec<TouchSeen>,
    /// Newest first.
    #[n(4)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub engagement: Vec<EngagementSeen>,
    /// Whether the owner is at work; given when the plugin reads it and there is an owner.
    #[n(5)]
    pub owner_present: Option<bool>,
    /// The previous score; given when the plugin reads it and there is one.
    #[n(6)]
    pub previous_score: Option<i32>,
    /// Milliseconds of business time since the task was on offer or the run came to the step; given when the plugin
    /// reads it.
    #[n(7)]
    pub business_elapsed_ms: Option<u64>,
    /// The overdue task; for escalations only.
    #[n(8)]
    pub overdue: Option<Overdue>,
}

/// A touch as a plugin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct TouchSeen {
    /// The age in seconds.
    #[n(0)]
    pub age_s: u32,
    #[n(1)]
    pub channel: Channel,
    #[n(2)]
    pub outcome: Outcome,
    /// What the lead said; `None` when it was not reached.
    #[n(3)]
    pub result: Option<TouchResult>,
    /// The team's own word for the result. A plugin that lists the word gets it; any other plugin gets the engine's word.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_own: Option<String>,
    /// The team's own word for the channel, in the same way.
    #[n(5)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_own: Option<String>,
}

/// An engagement as a plugin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct EngagementSeen {
    /// The age in seconds.
    #[n(0)]
    pub age_s: u32,
    /// What the lead did.
    #[n(1)]
    pub kind: String,
    /// Which page, paper or event it was about.
    #[n(2)]
    pub detail: String,
}

/// An overdue task, as a plugin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Overdue {
    /// The place of this point among the step's `at` points, from 0.
    #[n(0)]
    pub point: u16,
    /// How many points the step has.
    #[n(1)]
    pub points: u16,
    /// Milliseconds since the task was first on offer.
    #[n(2)]
    pub waited_ms: u64,
    /// Milliseconds since the task was due; 0 before that.
    #[n(3)]
    pub overdue_ms: u64,
    /// How often a rep was reminded of the task.
    #[n(4)]
    pub reminders: u16,
    /// Whether the task was already raised.
    #[n(5)]
    pub raised: bool,
}

/// One reason for a decision: a rule, the points that it gave and the value that it saw.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Reason {
    /// The rule's number in the plugin's table.
    #[n(0)]
    pub rule: u16,
    /// The points that it gave, or took when negative.
    #[n(1)]
    pub points: i32,
    /// The value that it saw, as text for the reader; may be empty.
    #[n(2)]
    pub value: String,
}

/// A plugin's decision.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Decision {
    /// How good the lead is.
    #[n(0)]
    Score {
        /// From -1,000 to 1,000.
        #[n(0)]
        points: i32,
        /// How the lead is to be handled.
        #[n(1)]
        segment: Segment,
        #[n(2)]
        reasons: Vec<Reason>,
        /// After how many seconds to ask again. Without this, the decay of a score would go unnoticed.
        #[n(3)]
        rescore_after_s: Option<u32>,
    },
    /// Which nurture track the lead takes.
    #[n(1)]
    Track {
        /// One of the tracks that the plugin described.
        #[n(0)]
        track: String,
        /// After how many seconds to look again.
        #[n(1)]
        look_again_s: Option<u32>,
        #[n(2)]
        reasons: Vec<Reason>,
    },
    /// What to do about an overdue task.
    #[n(2)]
    Escalate {
        #[n(0)]
        action: Action,
        #[n(1)]
        reasons: Vec<Reason>,
    },
}

impl Decision {
    /// Roughly how many bytes a guest's answer takes, as the host counts them: its texts, and 32 for each reason.
    pub fn bytes(&self) -> usize {
        let track = if let Self::Track { track, .. } = self { track.len() } else { 0 };
        track + self.reasons().iter().map(|reason| 32 + reason.value.len()).sum::<usize>()
    }

    /// The reasons that the plugin gave.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Score { reasons, .. } | Self::Track { reasons, .. } | Self::Escalate { reasons, .. } => reasons,
        }
    }
}

/// The budget that a plugin exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Budget {
    /// The number of instructions.
    #[n(0)]
    Fuel,
    #[n(1)]
    WallTime,
    /// Linear memory or tables.
    #[n(2)]
    Memory,
    /// The size of the answer.
    #[n(3)]
    Output,
    /// The lines logged during the decision.
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

/// Why there is no decision. It is the guest's fault, except for [`Self::Unavailable`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "failure", content = "detail", rename_all = "snake_case")]
pub enum DecisionFailure {
    /// The plugin said that it cannot decide.
    #[error("the plugin refused{}", said(.0))]
    #[n(0)]
    Refusal(#[n(0)] String),
    /// The plugin crashed.
    #[error("the plugin trapped{}", said(.0))]
    #[n(1)]
    Trap(#[n(0)] String),
    /// The plugin exceeded a budget.
    #[error("the plugin exceeded its {0} budget")]
    #[n(2)]
    Budget(#[n(0)] Budget),
    /// The answer breaks the contract.
    #[error("the plugin answered what the contract does not allow{}", said(.0))]
    #[n(3)]
    BadOutput(#[n(0)] String),
    /// No plugin with that name and kind is loaded, or the engine had no room to run it in time.
    #[error("the plugin could not be asked{}", said(.0))]
    #[n(4)]
    Unavailable(#[n(0)] String),
}

impl DecisionFailure {
    /// The same failure without the plugin's own words, which may name people. It is for records that outlive a
    /// person's erasure, and for readers who may not see personal data.
    pub fn without_words(&self) -> Self {
        match self {
            Self::Refusal(_) => Self::Refusal(String::new()),
            Self::Trap(_) => Self::Trap(String::new()),
            Self::Budget(budget) => Self::Budget(*budget),
            Self::BadOutput(_) => Self::BadOutput(String::new()),
            // The text is the engine's own.
            Self::Unavailable(why) => Self::Unavailable(why.clone()),
        }
    }
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// What one call of a plugin cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Cost {
    #[n(0)]
    pub fuel: u64,
    /// Nanoseconds of wall time, for metering. No decision depends on it, and the journal has microseconds instead.
    #[cbor(skip)]
    #[serde(skip)]
    pub wall_ns: u64,
    /// Microseconds of wall time.
    #[n(3)]
    #[cbor(default)]
    pub wall_us: u32,
    /// Bytes of linear memory at the end of the call.
    #[n(1)]
    pub memory_bytes: u64,
    #[n(2)]
    #[cbor(default)]
    pub log_lines: u32,
}
