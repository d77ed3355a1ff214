//! Something a rep is asked to do.

use crate::codes::codes;
use crate::id::{Digest, RunId, TaskId};
use crate::lead::RepId;
use crate::time::Timestamp;
use crate::workflow::{StepId, StepRef, TouchId};
use minicbor::{Decode, Encode};

codes! {
    /// What is to be done.
    pub enum TaskKind {
        /// Call the lead; passes the gate.
        0 Call = "call",
        /// Anything else.
        1 Todo = "todo",
        /// Look after something that is overdue.
        2 Escalation = "escalation",
    }
}

/// An open task.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Task {
    /// Its id.
    #[n(0)]
    pub id: TaskId,
    /// What is to be done.
    #[n(1)]
    pub kind: TaskKind,
    /// The run that waits for it; none for escalations.
    #[n(2)]
    pub run: Option<RunId>,
    /// The definition with its script.
    #[n(3)]
    pub workflow: Digest,
    /// The step it comes from.
    #[n(4)]
    pub step: StepId,
    /// The touch of a cadence it comes from.
    #[n(5)]
    pub touch: Option<TouchId>,
    /// Whose queue it is in.
    #[n(6)]
    pub assignee: Assignee,
    /// When it was made.
    #[n(7)]
    pub created_at: Timestamp,
    /// When it is due.
    #[n(8)]
    pub due: Timestamp,
    /// Not offered before: the gate, an agreed call-back or a snooze.
    #[n(9)]
    pub not_before: Option<Timestamp>,
    /// The next point at which it escalates.
    #[n(10)]
    pub escalation: Option<EscalationPoint>,
    /// How often somebody was reminded.
    #[n(11)]
    #[cbor(skip_if = "is_zero")]
    pub reminders: u16,
    /// Whether it was raised.
    #[n(12)]
    #[cbor(skip_if = "is_false")]
    pub raised: bool,
    /// Whether this is the second dial of a double dial.
    #[n(13)]
    #[cbor(skip_if = "is_false")]
    pub redial: bool,
    /// The task an escalation is about.
    #[n(14)]
    pub about: Option<TaskId>,
    /// When it is given up if nobody has done it by then.
    #[n(15)]
    pub give_up: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive calls it by reference")]
fn is_zero(count: &u16) -> bool {
    *count == 0
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive calls it by reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Whose queue a task is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Assignee {
    /// One rep's.
    #[n(0)]
    Rep(#[n(0)] RepId),
    /// A pool's; any member may claim it.
    #[n(1)]
    Pool(#[n(0)] String),
    /// Nobody could be found; operators see it.
    #[n(2)]
    Nobody,
}

impl Assignee {
    /// The rep whose it is.
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

/// A point of `escalate: at` that lies ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EscalationPoint {
    /// Its index.
    #[n(0)]
    pub point: u16,
    /// When it falls due; once it is asked, when that was.
    #[n(1)]
    pub at: Timestamp,
    /// A plugin was asked about it and has not answered.
    #[n(2)]
    pub asked: bool,
}

impl Task {
    /// The step it comes from.
    pub const fn at(&self) -> StepRef {
        StepRef { workflow: self.workflow, step: self.step }
    }

    /// Its place in its queue, smaller first: first responses before everything, then by due time. Contains no clock, so
    /// the order of a queue does not change by time passing.
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
