//! A decision as the API shows it, and as the plugin kit reads it back for replaying: what the plugin was asked, by the
//! names it asked for, and what it answered. It holds personal data.

use cadenza_core::event::Answer;
use cadenza_core::id::{Digest, LeadId, RunId, TaskId};
use cadenza_core::plugin::{Cost, Decision, DecisionFailure, DecisionKind, EngagementSeen, Overdue, Reads, TouchSeen};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DecisionView {
    pub(crate) at: Timestamp,
    pub(crate) lead: LeadId,
    pub(crate) run: RunId,
    pub(crate) attempt: u32,
    /// For escalations.
    pub(crate) task: Option<TaskId>,
    pub(crate) plugin: String,
    /// The build that decided.
    pub(crate) digest: Digest,
    /// Not known when it failed and its component is gone.
    pub(crate) kind: Option<DecisionKind>,
    pub(crate) input: InputView,
    /// What was decided; null when it failed.
    pub(crate) decision: Option<Decision>,
    /// Why nothing was decided.
    #[serde(flatten)]
    pub(crate) failure: Option<DecisionFailure>,
    /// Fuel, microseconds, bytes of memory, lines.
    pub(crate) cost: Cost,
    /// The lines that the plugin said meanwhile.
    pub(crate) log: Vec<String>,
}

/// What it was asked. Values carry their types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct InputView {
    /// When it was asked.
    pub(crate) now: Timestamp,
    /// Whether parameters and fields are named by their positions, because the component is gone.
    #[serde(default)]
    pub(crate) by_position: bool,
    /// What the build that was asked reads, with the types of fields; not known when its component is gone.
    #[serde(default)]
    pub(crate) reads: Option<Reads>,
    /// By name; by position, from 0, when the component is gone.
    pub(crate) parameters: BTreeMap<String, Value>,
    /// Fields of the lead, in the same way.
    pub(crate) fields: BTreeMap<String, Value>,
    pub(crate) touches: Vec<TouchSeen>,
    pub(crate) engagement: Vec<EngagementSeen>,
    pub(crate) owner_present: Option<bool>,
    pub(crate) previous_score: Option<i32>,
    pub(crate) business_elapsed_ms: Option<u64>,
    pub(crate) overdue: Option<Overdue>,
}

/// What a build calls the values that it is passed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Names {
    pub(crate) kinds: Vec<DecisionKind>,
    pub(crate) parameters: Vec<String>,
    pub(crate) reads: Reads,
}

impl DecisionView {
    /// Of an answer that was given at this time.
    pub(crate) fn new(answer: &Answer, at: Timestamp, names: Option<&Names>) -> Self {
        let input = &answer.input;
        let kind = match &answer.decision {
            Ok(Decision::Score { .. }) => Some(DecisionKind::Scoring),
            Ok(Decision::Track { .. }) => Some(DecisionKind::Nurture),
            Ok(Decision::Escalate { .. }) => Some(DecisionKind::Escalation),
            Err(_) if input.overdue.is_some() => Some(DecisionKind::Escalation),
            Err(_) => names.and_then(|names| names.kinds.first().copied()),
        };
        Self {
            at,
            lead: answer.run.lead(),
            run: answer.run,
            attempt: answer.attempt,
            task: answer.task,
            plugin: answer.plugin.clone(),
            digest: answer.digest,
            kind,
            input: InputView {
                now: input.now,
                by_position: names.is_none(),
                reads: names.map(|names| names.reads.clone()),
                parameters: named(&input.parameters, names.map(|names| names.parameters.iter())),
                fields: named(&input.fields, names.map(|names| names.reads.fields.iter().map(|field| &field.name))),
                touches: input.touches.clone(),
                engagement: input.engagement.clone(),
                owner_present: input.owner_present,
                previous_score: input.previous_score,
                business_elapsed_ms: input.business_elapsed_ms,
                overdue: input.overdue.clone(),
            },
            decision: answer.decision.as_ref().ok().cloned(),
            failure: answer.decision.as_ref().err().cloned(),
            cost: answer.cost,
            log: answer.log.clone(),
        }
    }
}

fn named<'a>(values: &[Value], names: Option<impl Iterator<Item = &'a String>>) -> BTreeMap<String, Value> {
    let mut names = names.into_iter().flatten();
    let name = |at: usize, name: Option<&String>| name.cloned().unwrap_or_else(|| at.to_string());
    values.iter().enumerate().map(|(at, value)| (name(at, names.next()), value.clone())).collect()
}
