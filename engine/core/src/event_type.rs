//! The types of events from outside: the standard ones, and a workspace's own.

use crate::codes::codes;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

codes! {
    /// The standard event types.
    pub enum StandardEvent {
        /// A lead is new, or applies again.
        0 LeadCreated = "lead.created",
        /// Fields of a lead changed.
        1 LeadUpdated = "lead.updated",
        /// The lead did something: saw a page, opened or clicked a mail, read a paper, came to an event, replied.
        2 LeadEngaged = "lead.engaged",
        /// The lead called us.
        3 CallInbound = "call.inbound",
        /// A call made outside was completed.
        4 CallCompleted = "call.completed",
        /// The lead answered a mail.
        5 EmailReplied = "email.replied",
        /// A mail came back undelivered.
        6 EmailBounced = "email.bounced",
        /// An out-of-office message came; it is no reply.
        7 EmailAutoReplied = "email.auto_replied",
        /// The invitation to a meeting was accepted.
        8 MeetingAccepted = "meeting.accepted",
        /// The invitation to a meeting was declined.
        9 MeetingDeclined = "meeting.declined",
        /// The meeting was cancelled.
        10 MeetingCancelled = "meeting.cancelled",
        /// The meeting took place.
        11 MeetingHeld = "meeting.held",
        /// The lead did not come to the meeting.
        12 MeetingNoShow = "meeting.no_show",
        /// The deal's stage changed in the CRM.
        13 DealStageChanged = "deal.stage_changed",
        /// The deal was won.
        14 DealWon = "deal.won",
        /// The deal was lost.
        15 DealLost = "deal.lost",
        /// The lead asked not to be contacted.
        16 LeadOptedOut = "lead.opted_out",
        /// A task was done outside.
        17 TaskDone = "task.done",
    }
}

/// The type of an event from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum EventType {
    #[n(0)]
    Standard(#[n(0)] StandardEvent),
    /// One of the workspace's own types: `custom.` followed by this name.
    #[n(1)]
    Custom(#[n(0)] String),
}

impl EventType {
    /// Reads the public text of an event type.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(standard) = StandardEvent::parse(text) {
            return Some(Self::Standard(standard));
        }
        let name = text.strip_prefix("custom.")?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
        (!name.is_empty() && name.len() <= 64 && name.chars().all(plain)).then(|| Self::Custom(name.to_owned()))
    }
}
/// The event type that an unknown text probably meant. Event types have no capitals, spaces or hyphens.
pub fn meant_type(text: &str) -> Option<EventType> {
    let folded: String =
        text.trim().to_lowercase().chars().map(|c| if c == ' ' || c == '-' { '_' } else { c }).collect();
    EventType::parse(&folded).or_else(|| {
        StandardEvent::ALL
            .iter()
            .find(|event| event.as_str().replace('.', "_") == folded.replace('.', "_"))
            .map(|event| EventType::Standard(*event))
    })
}

impl std::fmt::Display for EventType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Standard(standard) => f.write_str(standard.as_str()),
            Self::Custom(name) => write!(f, "custom.{name}"),
        }
    }
}
impl From<EventType> for String {
    fn from(kind: EventType) -> Self {
        kind.to_string()
    }
}
impl TryFrom<String> for EventType {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no event type"))
    }
}
