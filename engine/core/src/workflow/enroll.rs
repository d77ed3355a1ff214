//! How leads get into a workflow, and what takes them out of it at any step.

use crate::event_type::EventType;
use crate::expr::Expr;
use crate::time::Span;
use crate::workflow::Whose;
use serde::{Deserialize, Serialize};

/// One way into the workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Enroll {
    /// Enrols a lead when an event of this type arrives and the condition holds.
    When {
        event: EventType,
        /// Evaluated on the lead after it has handled the event.
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
    /// An id that is unique in the workspace: `workflow/id`, or the workflow and a hash of the times when the file
    /// gives no id.
    pub id: String,
    /// The five fields of cron(5).
    pub cron: String,
    /// The IANA name of a time zone.
    pub timezone: String,
    pub catch_up: CatchUp,
    /// How old a missed firing may be and still be caught up.
    pub within: Span,
}

/// What happens to firings that were missed while the engine was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// Only the latest missed firing is caught up.
    Latest,
    /// Every missed firing is caught up, limited to the latest `at_most`.
    All {
        at_most: u16,
    },
    None,
}

/// Whether a lead may go through the workflow again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ReEnroll {
    Never,
    /// As soon as the last run has ended.
    Always,
    /// This long after the last run ended.
    After(Span),
    /// When the condition holds, and did not hold when the last run ended.
    When(Expr),
}

/// A group of workflows. A lead is in only one of them at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    /// The higher priority wins. Between equal ones, the workflow that already has the lead keeps it.
    pub priority: i32,
    /// How long a lead waits when another workflow of the group has it. Without this, the lead is not enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Span>,
    /// Whether a run stands still while a workflow with a higher priority has the lead. Otherwise the run ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pauses: bool,
}

/// A workflow that a step puts the lead into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "EnrolmentForm")]
pub struct Enrolment {
    pub workflow: String,
    /// The key of the run, for a workflow that has one run for each value of something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Expr>,
}

/// The forms that programs have written: a name alone, or a name and a key.
#[derive(Deserialize)]
#[serde(untagged)]
enum EnrolmentForm {
    Name(String),
    Whole {
        workflow: String,
        #[serde(default)]
        key: Option<Expr>,
    },
}

impl From<EnrolmentForm> for Enrolment {
    fn from(form: EnrolmentForm) -> Self {
        match form {
            EnrolmentForm::Name(workflow) => Self { workflow, key: None },
            EnrolmentForm::Whole { workflow, key } => Self { workflow, key },
        }
    }
}

/// A condition that ends a run, whatever step it is at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    /// The event after which the condition is evaluated. Without one, it is evaluated whatever happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventType>,
    /// Whether the event may happen to any lead of the account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_account: bool,
    pub condition: Expr,
    /// The name of the ending, such as `suppressed` or `won`.
    pub ending: String,
}

impl Leave {
    /// Whether the condition is evaluated now: after an event, or when something else happened.
    pub(crate) fn is_asked(&self, heard: Option<(&EventType, Whose)>) -> bool {
        match (&self.event, heard) {
            (None, _) => true,
            (Some(event), Some((kind, whose))) => event == kind && whose.reaches(self.of_account),
            (Some(_), None) => false,
        }
    }
}
