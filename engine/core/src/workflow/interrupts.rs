//! What events do to a run at any step: they move it, pause it, or trigger something while it stays.

use super::{StepId, StepIx, Target, Verb, Workflow};
use crate::event_type::EventType;
use crate::expr::Expr;
use crate::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// The lead to which an event happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The lead that hears of it.
    Own,
    /// Another lead of its account, at this time.
    OfAccount { since: Timestamp },
}

impl Whose {
    /// Whether an entry applies to such an event. An entry may accept events of the whole account.
    pub(crate) const fn reaches(self, of_account: bool) -> bool {
        matches!(self, Self::Own) || of_account
    }
}

/// An entry of `interrupts:`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interrupt {
    pub event: EventType,
    /// Whether the event may happen to any lead of the account, not to this lead alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_account: bool,
    /// The condition on the event.
    pub condition: Expr,
    /// The steps at which the interrupt applies; every step when none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub during: Vec<StepIx>,
    pub reaction: Reaction,
}

/// What an interrupt does to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reaction {
    /// The run leaves its step: its open task is withdrawn, and its timers are dropped.
    Go(Target),
    /// The run touches nobody until some time, and then continues where it was.
    Pause {
        /// The time; blank when the event does not say.
        until: Option<Expr>,
        /// How long to pause when `until` is blank or past.
        otherwise: Span,
    },
    /// Something is done while the run stays where it is: `update`, `notify`, `watch` or `enroll`.
    Do(Vec<Verb>),
}

impl Interrupt {
    /// Every expression that is evaluated for the interrupt.
    pub fn expressions(&self) -> Vec<&Expr> {
        let mut all = vec![&self.condition];
        match &self.reaction {
            Reaction::Go(_) => {}
            Reaction::Pause { until, .. } => all.extend(until),
            Reaction::Do(deeds) => all.extend(deeds.iter().flat_map(Verb::expressions)),
        }
        all
    }

    /// Whether the interrupt applies while a run is at this step.
    pub(crate) fn applies_at(&self, workflow: &Workflow, step: StepId) -> bool {
        self.during.is_empty()
            || workflow.place(step).is_some_and(|at| self.during.iter().any(|ix| usize::from(ix.0) == at))
    }
}
