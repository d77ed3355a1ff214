//! Messages that are none to the lead: to a rep, or to another system. They are no touch.

use crate::lead::RepId;
use minicbor::{Decode, Encode};

crate::codes::codes! {
    /// What a rep is told.
    pub enum NoticeKind {
        /// The task is late.
        0 Reminder = "reminder",
        /// The task is late, and another rep than the one told has it.
        1 Raised = "raised",
        /// Words that a workflow has for somebody.
        2 Words = "words",
        /// The lead is theirs now, or they have a role in one of its runs.
        3 Assigned = "assigned",
    }
}

/// A message to somebody else than the lead.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Notice {
    #[n(0)]
    pub kind: NoticeKind,
    /// The rep; `None` for whoever is behind the connection.
    #[n(1)]
    pub to: Option<RepId>,
}
