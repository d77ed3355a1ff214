//! How leads get into a workflow, and what takes them out of it wherever they are.

use crate::event_type::EventType;
use crate::expr::Expr;
use crate::time::Span;
use serde::{Deserialize, Serialize};

/// One way into the workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Enroll {
    /// Enrols a lead when an event of this type comes and the condition holds.
    When {
        event: EventType,
        /// Evaluated on the lead as the event left it.
        condition: Expr,
    },
    /// Enrols every lead for which the condition holds, each time the schedule fires.
    Schedule {
        schedule: Schedule,
        /// The condition for a lead.
        leads: Expr,
    },
}

/// A cron schedule, with its policy for missed firings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// An id that is unique in the workspace: `workflow/id`, or the workflow and a hash of the
    /// times when the file gives none.
    pub id: String,
    /// The five fields of cron(5).
    pub cron: String,
    /// The IANA name of a time zone.
    pub timezone: String,
    pub catch_up: CatchUp,
    /// How long ago a missed firing may lie and still be caught up.
    pub within: Span,
}

/// What happens to firings that were missed while the engine was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// Only the latest missed one fires.
    Latest,
    /// Every missed one fires, up to the latest `at_most`.
    All {
        at_most: u16,
    },
    None,
}

/// Whether a lead may go through the workflow again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReEnroll {
    Never,
    /// As soon as the last run has ended.
    Always,
    /// This long after the last run ended.
    After(Span),
}

/// A condition that ends a run, whatever step it is at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    pub condition: Expr,
    /// The name of the ending, such as `suppressed` or `won`.
    pub ending: String,
}
