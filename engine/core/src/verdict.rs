//! The gate's answer about a touch, and the reason for it.

use crate::identity::Why;
use crate::time::Timestamp;
use minicbor::{Decode, Encode};

/// The gate's answer about a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Verdict {
    /// The touch may happen now.
    #[n(0)]
    Go,
    /// The touch may happen later.
    #[n(1)]
    NotBefore {
        /// The first moment at which it may happen.
        #[n(0)]
        at: Timestamp,
        #[n(1)]
        why: Reason,
    },
    /// The touch may never happen.
    #[n(2)]
    Never(#[n(0)] Reason),
    /// The touch may happen only once someone releases what holds it.
    #[n(3)]
    Held(#[n(0)] Reason),
}

impl Verdict {
    /// The reason against the touch; `None` when it may happen.
    pub const fn why(self) -> Option<Reason> {
        match self {
            Self::Go => None,
            Self::NotBefore { why, .. } | Self::Never(why) | Self::Held(why) => Some(why),
        }
    }
}

crate::codes::codes! {
    /// Why a touch may not happen now.
    pub enum Reason {
        /// The lead asked not to be contacted.
        0 OptedOut = "opted_out",
        /// The lead refuses this channel.
        1 ChannelRefused = "channel_refused",
        /// The lead asked for a later time.
        2 NotBefore = "not_before",
        /// The moment is outside business hours where the lead is.
        3 OutsideHours = "outside_hours",
        /// A person has paused the lead's touches.
        4 Paused = "paused",
        /// The lead is disqualified and will never buy.
        5 Disqualified = "disqualified",
        /// The lead has no address for this channel.
        6 NoAddress = "no_address",
        /// Someone who has this address or number asked not to be contacted.
        60 AddressOptedOut = "address_opted_out",
        /// Mail to this address bounces.
        61 AddressBounced = "address_bounced",
        /// Someone other than the lead answers at this number.
        62 WrongNumber = "wrong_number",
        /// This number must not be called.
        63 DoNotCall = "do_not_call",
        /// So many leads have this address or number that it identifies none of them.
        64 CrowdedAddress = "crowded_address",
        /// The workflow or connection is paused, or the connection is gone. Earlier programs did not say which.
        120 Held = "held",
        /// The message's workflow is paused.
        121 WorkflowPaused = "workflow_paused",
        /// The message's connection is paused.
        122 ConnectionPaused = "connection_paused",
        /// The workspace no longer has the message's connection.
        123 ConnectionGone = "connection_gone",
        /// The run that made the message has moved on.
        124 MovedOn = "moved_on",
        /// The lead already has as many messages under way as allowed.
        125 UnderWay = "under_way",
        /// An interrupt has paused the run that made the message.
        126 RunPaused = "run_paused",
        /// A workflow with a higher priority in its group has the lead.
        140 Ousted = "ousted",
        /// The lead has had as many touches in the window as a cap allows.
        160 Capped = "capped",
        /// The last touch is too recent.
        161 Gap = "gap",
        /// A person is in conversation with the lead.
        162 InConversation = "in_conversation",
    }
}

impl From<Why> for Reason {
    fn from(why: Why) -> Self {
        match why {
            Why::OptedOut => Self::AddressOptedOut,
            Why::Bounced => Self::AddressBounced,
            Why::WrongNumber => Self::WrongNumber,
            Why::DoNotCall => Self::DoNotCall,
            Why::Crowded => Self::CrowdedAddress,
        }
    }
}
