//! A decision as the API shows it, and as the plugin kit reads it back for replaying: what the plugin was asked, by the
//! names it asked for, and what it answered. It holds personal data.

use cadenza_core::event::{Answer, Asker};
use cadenza_core::id::{Digest, LeadId, RunId, TaskId};
use cadenza_core::plugin::{Cost, Decision, DecisionFailure, DecisionKind, EngagementSeen, Overdue, Reads, TouchSeen};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One decision, with its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionView {
    /// When it was taken.
    pub at: Timestamp,
    pub lead: LeadId,
    /// The run that asked.
    pub run: RunId,
    /// Which attempt of its step; `None` for escalations.
    pub attempt: Option<u32>,
    pub task: Option<TaskId>,
    /// The point of an escalation.
    pub point: Option<u16>,
    /// The plugin that was asked.
    pub plugin: String,
    /// The build that decided; `None` if none could be asked.
    pub digest: Option<Digest>,
    /// Unknown if the decision failed and the component is gone.
    pub kind: Option<DecisionKind>,
    /// What it was asked.
    pub input: InputView,
    /// What was decided; null if it failed.
    pub decision: Option<Decision>,
    /// Why nothing was decided.
    #[serde(flatten)]
    pub failure: Option<DecisionFailure>,
    /// Fuel, microseconds, bytes of memory, lines.
    pub cost: Cost,
    /// The lines that the plugin logged meanwhile.
    pub log: Vec<String>,
}

/// What it was asked. Values carry their types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputView {
    /// When it was asked.
    pub now: Timestamp,
    /// Whether parameters and fields are named by their positions, because the component is gone.
    #[serde(default)]
    pub by_position: bool,
    /// What the build that was asked reads, with the types of fields; unknown if its component is gone.
    #[serde(default)]
    pub reads: Option<Reads>,
    /// By name; by position, from 0, if the component is gone.
    pub parameters: BTreeMap<String, Value>,
    /// Fields of the lead, named in the same way.
    pub fields: BTreeMap<String, Value>,
    /// The latest touches.
    pub touches: Vec<TouchSeen>,
    /// The latest engagements.
    pub engagement: Vec<EngagementSeen>,
    /// Whether the owner is at work.
    pub owner_present: Option<bool>,
    /// Points of the previous score.
    pub previous_score: Option<i32>,
    /// Open milliseconds since the step was entered.
    pub business_elapsed_ms: Option<u64>,
    /// For escalations, how overdue the task is.
    pub overdue: Option<Overdue>,
}

/// The names a build gives to the values it is passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Names {
    /// The kinds of decision that it takes.
    pub kinds: Vec<DecisionKind>,
    /// Its parameters, in order.
    pub parameters: Vec<String>,
    /// What it reads, with the fields in order.
    pub reads: Reads,
}

impl DecisionView {
    /// The view of an answer that was given at `at`.
    pub fn new(answer: &Answer, at: Timestamp, names: Option<&Names>) -> Self {
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
            attempt: if let Asker::Step { attempt } = answer.asker { Some(attempt) } else { None },
            task: answer.asker.task(),
            point: if let Asker::Task { point, .. } = answer.asker { Some(point) } else { None },
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
