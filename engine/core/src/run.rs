//! One passage of a lead through a workflow, and where it stands.

use crate::id::{Digest, EffectId, RunId, TaskId};
use crate::lead::RepId;
use crate::time::Timestamp;
use crate::value::Value;
use crate::workflow::{Asks, StepId, StepRef, TouchId};
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// A run that has not ended.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Run {
    #[n(0)]
    pub id: RunId,
    /// The digest of the definition that the run pins.
    #[n(1)]
    pub workflow: Digest,
    #[n(2)]
    pub started_at: Timestamp,
    /// The step at which the run is.
    #[n(3)]
    pub step: StepId,
    /// When the run came to its step.
    #[n(4)]
    pub entered_at: Timestamp,
    /// Raised whenever the run moves. Answers and results that carry an older number are stale.
    #[n(5)]
    pub attempt: u32,
    /// The number of the journal entry in which the run came to rest at a step (a task, a mail, a cadence, a wait). A
    /// wait sees every event since then, in whatever order the two come.
    #[n(6)]
    pub moved_seq: u64,
    #[n(7)]
    pub state: RunState,
    /// When the nurture plugin wants to look again.
    #[n(8)]
    pub look_again_at: Option<Timestamp>,
    /// Since when the run stands still because its workflow or a plugin is paused, or because a workflow of a higher priority has
    /// the lead.
    #[n(9)]
    pub braked_at: Option<Timestamp>,
    /// Until when an interrupt has paused the run. What falls due during the pause falls due at its end.
    #[n(10)]
    pub paused_until: Option<Timestamp>,
    /// The rep in each role of the run.
    #[n(11)]
    #[cbor(skip_if = "BTreeMap::is_empty", default)]
    pub roles: BTreeMap<String, RepId>,
    /// The reps to whom this run gave the lead, for an `assign` that skips them. At most [`HAD_MAX`], the latest last.
    #[n(12)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub had: Vec<RepId>,
    /// When the run began and came to its steps, as far as a wait of its workflow looks back to that.
    #[n(13)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub marks: Vec<Mark>,
    /// The events that the run's waits must not take: those that waits took, in a workflow with waits that look back, and those that
    /// moved the run. Each is a journal entry's number, with the event's place there in the highest byte.
    #[n(14)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub taken: Vec<u64>,
    /// The value for which the run stands, in a workflow that has a run for each value of an expression.
    #[n(15)]
    pub key: Option<String>,
    /// How far the run's cadence had come when the run was parked in it; it goes on from there.
    #[n(16)]
    pub cadence: Option<CadenceState>,
    /// Whether the run's workflow hears what happens to other leads of the account.
    #[n(20)]
    #[cbor(skip_if = "std::ops::Not::not", default)]
    pub hears_account: bool,
    /// Whether the run began at the end of a hold. Its group then does not count it.
    #[n(21)]
    #[cbor(skip_if = "std::ops::Not::not", default)]
    pub after_hold: bool,
    /// How many field changes by workflows led one after another to where the run is.
    #[n(22)]
    #[cbor(skip_if = "is_zero", default)]
    pub raised: u8,
    /// How many events of that journal entry were known when the run came to rest: later ones of the entry are news to its wait. `None`
    /// when no event of it is.
    #[n(23)]
    pub moved_nth: Option<u8>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive calls it by reference")]
fn is_zero(count: &u8) -> bool {
    *count == 0
}

/// The most reps that a run remembers, of those to whom it gave the lead.
pub const HAD_MAX: usize = 32;

/// The most characters of a run's key.
const KEY_CHARS_MAX: usize = 120;

/// A value as the key of a run; none for a blank or a list.
pub fn key_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Text(text) => text.trim().to_owned(),
        Value::Int(int) => int.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Time(at) => at.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Duration(ms) => ms.to_string(),
        Value::Blank | Value::List(_) => return None,
    };
    (!text.is_empty()).then(|| text.chars().take(KEY_CHARS_MAX).collect())
}

/// When a run came to a step, or began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mark {
    /// The step; `None` for the beginning of the run.
    #[n(0)]
    pub step: Option<StepId>,
    /// The number of the journal entry.
    #[n(1)]
    pub seq: u64,
}

impl Run {
    /// The step at which the run is.
    pub const fn at(&self) -> StepRef {
        StepRef { workflow: self.workflow, step: self.step }
    }

    /// The task whose outcome the run waits for, if it waits for one.
    pub const fn awaited_task(&self) -> Option<TaskId> {
        match &self.state {
            RunState::Task(task) => Some(*task),
            RunState::Cadence(CadenceState {
                phase: CadencePhase::Task(task) | CadencePhase::RedialTask(task),
                ..
            }) => Some(*task),
            _ => None,
        }
    }

    /// Records that the run comes to a step now, or begins, for waits that look back to it.
    pub(crate) fn mark(&mut self, step: Option<StepId>, seq: u64) {
        self.marks.retain(|mark| mark.step != step);
        self.marks.push(Mark { step, seq });
    }

    /// The number of the journal entry with which the run came to the step, or began.
    pub(crate) fn marked(&self, step: Option<StepId>) -> Option<u64> {
        self.marks.iter().find(|mark| mark.step == step).map(|mark| mark.seq)
    }

    /// A time of the run, put off while it is paused.
    pub(crate) fn not_while_paused(&self, at: Timestamp) -> Timestamp {
        self.paused_until.map_or(at, |until| until.max(at))
    }

    /// Remembers that the lead was given to this rep.
    pub(crate) fn was_given_to(&mut self, rep: &RepId) {
        self.had.retain(|had| had != rep);
        if self.had.len() == HAD_MAX {
            self.had.remove(0);
        }
        self.had.push(rep.clone());
    }
}

/// What a run does at its step.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum RunState {
    /// The run is about to take its step. Only a run that stands still keeps this state between commits.
    #[n(0)]
    Ready,
    /// A plugin was asked.
    #[n(1)]
    Deciding {
        #[n(0)]
        slot: Asks,
        #[n(1)]
        since: Timestamp,
        /// How often the decision ran out of wall time.
        #[n(2)]
        #[cbor(default)]
        overruns: u8,
        /// The plugin, while the question waits for room in the decision pool. The question then has no deadline, and
        /// the store lists it among those that wait.
        #[n(3)]
        #[cbor(default)]
        queued: Option<String>,
    },
    /// An owner is being chosen.
    #[n(2)]
    Assigning,
    /// A person has a task to do.
    #[n(3)]
    Task(#[n(0)] TaskId),
    /// A message or a request is on its way.
    #[n(4)]
    Sending(#[n(0)] EffectId),
    /// The run is in a cadence.
    #[n(5)]
    Cadence(#[n(0)] CadenceState),
    /// The run waits for a time or an event.
    #[n(6)]
    Waiting {
        /// The time-out, or the moment waited for; `None` while a date is not known.
        #[n(0)]
        until: Option<Timestamp>,
    },
    /// The run waits until a person looks at it.
    #[n(7)]
    Parked {
        /// Why the run was parked, in words for that person.
        #[n(0)]
        cause: String,
        #[n(1)]
        at: Timestamp,
    },
}

impl RunState {
    /// Whether the run has come to rest: it is not about to take a step, and no plugin or owner is being asked for.
    pub const fn rests(&self) -> bool {
        matches!(self, Self::Task(_) | Self::Sending(_) | Self::Cadence(_) | Self::Waiting { .. })
    }

    /// Whether a message or a request of the run is under way.
    pub const fn is_sending(&self) -> bool {
        matches!(self, Self::Sending(_) | Self::Cadence(CadenceState { phase: CadencePhase::Sending(_), .. }))
    }

    /// The code by which the HTTP API filters runs: `active`, `waiting` or `parked`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ready | Self::Deciding { .. } | Self::Assigning | Self::Sending(_) => "active",
            Self::Task(_) | Self::Cadence(_) | Self::Waiting { .. } => "waiting",
            Self::Parked { .. } => "parked",
        }
    }
}

/// Where a cadence stands.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct CadenceState {
    /// The touch that is next or under way.
    #[n(0)]
    pub touch: TouchId,
    /// How often the cadence has begun a new round.
    #[n(1)]
    pub round: u16,
    /// How many contacts have been counted.
    #[n(2)]
    pub contacts: u16,
    /// How many voice mails were left.
    #[n(3)]
    pub voicemails: u16,
    #[n(4)]
    pub phase: CadencePhase,
    /// How many calls in a row were given up because nobody made them.
    #[n(5)]
    #[cbor(default)]
    pub not_done: u8,
}

/// What a cadence is doing.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub enum CadencePhase {
    /// The next touch falls due at this time.
    #[n(0)]
    Pause(#[n(0)] Timestamp),
    /// A call or a task is open.
    #[n(1)]
    Task(#[n(0)] TaskId),
    /// The first dial was not answered; the second falls due at this time.
    #[n(2)]
    Redial(#[n(0)] Timestamp),
    /// The task for the second dial is open.
    #[n(3)]
    RedialTask(#[n(0)] TaskId),
    /// A message is on its way.
    #[n(4)]
    Sending(#[n(0)] EffectId),
}

/// The ending of a run that came to the end of its workflow. Other endings come from
/// `leave`, from people and from consent.
pub const COMPLETED: &str = "completed";

/// The ending of a run from which another workflow of its group took the lead.
pub const OUSTED: &str = "ousted";

/// An enrolment that waits until its group is free.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Waiter {
    /// The name of the workflow.
    #[n(0)]
    pub workflow: String,
    /// The key of the run.
    #[n(1)]
    pub key: Option<String>,
    /// Until when it waits.
    #[n(2)]
    pub until: Timestamp,
}

/// The latest run of a workflow that has ended.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Past {
    #[n(0)]
    pub run: RunId,
    #[n(1)]
    pub ended_at: Timestamp,
    /// `completed`, the name that the workflow gives, or a code such as `ousted`.
    #[n(2)]
    pub ending: String,
    /// How many runs of this workflow have ended.
    #[n(3)]
    pub count: u32,
    /// Whether the condition for enrolling the lead again held when the run ended.
    #[n(4)]
    #[cbor(skip_if = "std::ops::Not::not", default)]
    pub could_come_again: bool,
}
