//! What the gate says of a touch, and why.

use crate::identity::Why;
use crate::time::Timestamp;
use minicbor::{Decode, Encode};

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Verdict {
    /// Now.
    #[n(0)]
    Go,
    /// Not before then.
    #[n(1)]
    NotBefore {
        /// The first moment it may happen.
        #[n(0)]
        at: Timestamp,
        /// Why.
        #[n(1)]
        why: Reason,
    },
    /// Never.
    #[n(2)]
    Never(#[n(0)] Reason),
    /// Not before somebody releases what holds it.
    #[n(3)]
    Held(#[n(0)] Reason),
}

impl Verdict {
    /// What stands against it.
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
        /// The lead does not want this channel.
        1 ChannelRefused = "channel_refused",
        /// The lead asked for a later time.
        2 NotBefore = "not_before",
        /// Outside business hours where the lead is.
        3 OutsideHours = "outside_hours",
        /// A person holds the lead's touches back.
        4 Paused = "paused",
        /// Disqualified: will never buy.
        5 Disqualified = "disqualified",
        /// The lead has no address for this channel.
        6 NoAddress = "no_address",
        /// Somebody who has this address or number asked not to be contacted.
        60 AddressOptedOut = "address_opted_out",
        /// Mail to this address comes back.
        61 AddressBounced = "address_bounced",
        /// Somebody else answers at this number.
        62 WrongNumber = "wrong_number",
        /// This number is not to be called.
        63 DoNotCall = "do_not_call",
        /// So many leads have this address or number that it is nobody's.
        64 CrowdedAddress = "crowded_address",
        /// Its workflow or connection is paused, or the connection is gone; which of them was not told apart.
        120 Held = "held",
        /// Its workflow is paused.
        121 WorkflowPaused = "workflow_paused",
        /// Its connection is paused.
        122 ConnectionPaused = "connection_paused",
        /// The workspace has no such connection any more.
        123 ConnectionGone = "connection_gone",
        /// The run that it comes from has moved on.
        124 MovedOn = "moved_on",
        /// As many messages to the lead are under way as may be.
        125 UnderWay = "under_way",
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
