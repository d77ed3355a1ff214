//! How leads get into a workflow, and what takes them out of it wherever they are.

use crate::event_type::EventType;
use crate::expr::Expr;
use crate::time::Span;
use serde::{Deserialize, Serialize};

/// One way into the workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Enroll {
    /// When an event of this type comes and the condition holds.
    When {
        /// The event.
        event: EventType,
        /// Asked of the lead as the event left it.
        condition: Expr,
    },
    /// At times, every lead for which the condition holds.
    Schedule {
        /// When.
        schedule: Schedule,
        /// Whom.
        leads: Expr,
    },
}

/// A cron schedule with its policy for firings that were missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Unique in the workspace: `workflow/id`, or the workflow and a hash of the times when the file gives none.
    pub id: String,
    /// Five fields, as cron(5).
    pub cron: String,
    /// IANA name.
    pub timezone: String,
    /// What happens to firings missed while stopped.
    pub catch_up: CatchUp,
    /// Firings missed longer ago than this are not caught up.
    pub within: Span,
}

/// What happens to firings missed while stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// Only the latest missed one fires.
    Latest,
    /// Every missed one fires, the latest so many.
    All {
        /// At most this many.
        at_most: u16,
    },
    /// None fires.
    None,
}

/// Whether a lead may pass through again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReEnroll {
    /// Once and never again.
    Never,
    /// As soon as the last run is over.
    Always,
    /// So long after the last run ended.
    After(Span),
}

/// A condition that ends the run wherever it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    /// When it holds, the run ends.
    pub condition: Expr,
    /// The name of the ending: `suppressed`, `won`…
    pub ending: String,
}
