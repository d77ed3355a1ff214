//! A task: something that a rep is asked to do.

use crate::codes::codes;
use crate::id::{Digest, RunId, TaskId};
use crate::lead::RepId;
use crate::time::Timestamp;
use crate::workflow::{StepId, StepRef, TouchId};
use minicbor::{Decode, Encode};

codes! {
    /// What is to be done.
    pub enum TaskKind {
        /// Call the lead. This task passes the gate.
        0 Call = "call",
        /// Do anything else.
        1 Todo = "todo",
        /// Look after an overdue task.
        2 Escalation = "escalation",
    }
}

/// An open task.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Task {
    #[n(0)]
    pub id: TaskId,
    #[n(1)]
    pub kind: TaskKind,
    /// The run that waits for the task; `None` for escalations.
    #[n(2)]
    pub run: Option<RunId>,
    /// The digest of the definition that has its step and script.
    #[n(3)]
    pub workflow: Digest,
    /// The step that made the task.
    #[n(4)]
    pub step: StepId,
    /// The touch of a cadence for which the task was made.
    #[n(5)]
    pub touch: Option<TouchId>,
    #[n(6)]
    pub assignee: Assignee,
    #[n(7)]
    pub created_at: Timestamp,
    #[n(8)]
    pub due: Timestamp,
    /// Before this time the task is not offered, because of the gate, an agreed call-back or a snooze.
    #[n(9)]
    pub not_before: Option<Timestamp>,
    /// The escalation point that comes next, or that was asked about.
    #[n(10)]
    pub escalation: Option<EscalationPoint>,
    /// How often a rep was reminded of the task.
    #[n(11)]
    #[cbor(skip_if = "is_zero")]
    pub reminders: u16,
    #[n(12)]
    #[cbor(skip_if = "is_false")]
    pub raised: bool,
    /// Whether this is the second dial of a double dial.
    #[n(13)]
    #[cbor(skip_if = "is_false")]
    pub redial: bool,
    /// The overdue task that an escalation is about.
    #[n(14)]
    pub about: Option<TaskId>,
    /// When the task is given up if nobody has done it by then.
    #[n(15)]
    pub give_up: Option<Timestamp>,
    /// The number that a call goes to, fixed when the task is claimed or given up, because the lead may have another
    /// number by the time of the report. Until then it is the number that the lead has.
    #[n(16)]
    pub number: Option<String>,
    /// Whether the call was agreed with the lead.
    #[n(17)]
    #[cbor(skip_if = "is_false", default)]
    pub agreed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive calls it by reference")]
fn is_zero(count: &u16) -> bool {
    *count == 0
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive calls it by reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Who has a task in their queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Assignee {
    #[n(0)]
    Rep(#[n(0)] RepId),
    /// A pool. Any member may claim the task.
    #[n(1)]
    Pool(#[n(0)] String),
    /// No one could be found. Operators see the task.
    #[n(2)]
    Nobody,
}

impl Assignee {
    /// The rep who has the task, if any.
    pub const fn rep(&self) -> Option<&RepId> {
        if let Self::Rep(rep) = self { Some(rep) } else { None }
    }
}

impl std::fmt::Display for Assignee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rep(rep) => write!(f, "{rep}"),
            Self::Pool(pool) => write!(f, "pool:{pool}"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

/// The next escalation point of a task, or the one that a plugin was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EscalationPoint {
    /// The point's place in the step's `at` list, from 0.
    #[n(0)]
    pub point: u16,
    /// When the point falls due. Once a plugin has been asked, the time of the question.
    #[n(1)]
    pub at: Timestamp,
    /// Whether a plugin was asked about it and has not answered.
    #[n(2)]
    pub asked: bool,
}

impl Task {
    /// The step that made the task.
    pub const fn at(&self) -> StepRef {
        StepRef { workflow: self.workflow, step: self.step }
    }

    /// The task's rank in its queue, smaller first: escalations and raised tasks, then calls outside cadences (first
    /// responses), then the rest, each by due time. It does not depend on the clock, so the order of a queue does not
    /// change as time passes.
    pub fn rank(&self) -> (u8, Timestamp) {
        let class = match self.kind {
            TaskKind::Escalation => 0,
            _ if self.raised => 0,
            TaskKind::Call if self.touch.is_none() => 1,
            _ => 2,
        };
        (class, self.due)
    }
}
