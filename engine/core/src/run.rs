//! One passage of a lead through a workflow, and where it stands.

use crate::id::{Digest, EffectId, RunId, TaskId};
use crate::time::Timestamp;
use crate::workflow::{Asks, StepId, StepRef, TouchId};
use minicbor::{Decode, Encode};

/// A run that is not over.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Run {
    /// Its id.
    #[n(0)]
    pub id: RunId,
    /// The definition it pins.
    #[n(1)]
    pub workflow: Digest,
    /// When it began.
    #[n(2)]
    pub started_at: Timestamp,
    /// The step it is at.
    #[n(3)]
    pub step: StepId,
    /// When it came there.
    #[n(4)]
    pub entered_at: Timestamp,
    /// Goes up whenever the run moves; answers and results that carry an older one are stale.
    #[n(5)]
    pub attempt: u32,
    /// The journal sequence when it came to rest at a step (a task, a mail, a cadence, a wait): an event since then is
    /// seen by a wait that asks for it, in whatever order they come.
    #[n(6)]
    pub moved_seq: u64,
    /// What it does there.
    #[n(7)]
    pub state: RunState,
    /// When the nurture plugin wants to look again.
    #[n(8)]
    pub look_again_at: Option<Timestamp>,
    /// Since when it stands still because its workflow or a plugin is paused: it wanted to take a step, or something fell due.
    #[n(9)]
    pub braked_at: Option<Timestamp>,
}

impl Run {
    /// The step it is at.
    pub const fn at(&self) -> StepRef {
        StepRef { workflow: self.workflow, step: self.step }
    }

    /// The task whose outcome the run waits for.
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
}

/// What a run does at its step.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum RunState {
    /// About to do the step; kept between commits only by a run that stands still.
    #[n(0)]
    Ready,
    /// A plugin is asked.
    #[n(1)]
    Deciding {
        /// Which of the step's questions.
        #[n(0)]
        slot: Asks,
        /// Since when.
        #[n(1)]
        since: Timestamp,
        /// How often it ran out of wall time.
        #[n(2)]
        #[cbor(default)]
        overruns: u8,
        /// The plugin, while the question waits for a place in the pool: then nothing falls due, and the store keeps it
        /// among the questions that wait.
        #[n(3)]
        #[cbor(default)]
        queued: Option<String>,
    },
    /// An owner is being chosen.
    #[n(2)]
    Assigning,
    /// A person is to do something.
    #[n(3)]
    Task(#[n(0)] TaskId),
    /// A mail is on its way.
    #[n(4)]
    Sending(#[n(0)] EffectId),
    /// In a cadence.
    #[n(5)]
    Cadence(#[n(0)] CadenceState),
    /// Nothing until then, or until an event.
    #[n(6)]
    Waiting {
        /// The time-out or the moment waited for; none while a date is not known.
        #[n(0)]
        until: Option<Timestamp>,
    },
    /// A person must look.
    #[n(7)]
    Parked {
        /// Why, for the person.
        #[n(0)]
        cause: String,
        /// Since when.
        #[n(1)]
        at: Timestamp,
    },
}

impl RunState {
    /// Whether the run has come to rest: it is not on its way, and no plugin or owner is being asked for.
    pub const fn rests(&self) -> bool {
        matches!(self, Self::Task(_) | Self::Sending(_) | Self::Cadence(_) | Self::Waiting { .. })
    }

    /// `active`, `waiting` or `parked`, as the HTTP API filters.
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
    /// How often it has begun anew.
    #[n(1)]
    pub round: u16,
    /// Contacts counted.
    #[n(2)]
    pub contacts: u16,
    /// Messages left.
    #[n(3)]
    pub voicemails: u16,
    /// What is under way.
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
    /// The next touch falls due then.
    #[n(0)]
    Pause(#[n(0)] Timestamp),
    /// A call task is open.
    #[n(1)]
    Task(#[n(0)] TaskId),
    /// Nobody answered; the second dial falls due then.
    #[n(2)]
    Redial(#[n(0)] Timestamp),
    /// The second dial is open.
    #[n(3)]
    RedialTask(#[n(0)] TaskId),
    /// A mail is on its way.
    #[n(4)]
    Sending(#[n(0)] EffectId),
}

/// How a run ends that came to the end of its workflow; other endings are of `leave`, of people and of consent.
pub const COMPLETED: &str = "completed";

/// A run that is over: the latest of its workflow.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Past {
    /// Its id.
    #[n(0)]
    pub run: RunId,
    /// When it ended.
    #[n(1)]
    pub ended_at: Timestamp,
    /// How: `completed`, or the name the workflow gives.
    #[n(2)]
    pub ending: String,
    /// How many runs of this workflow are over.
    #[n(3)]
    pub count: u32,
}
