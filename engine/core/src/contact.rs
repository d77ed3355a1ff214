//! How a lead is reached, and what came of it.

use crate::codes::codes;

codes! {
    /// The way of a touch.
    pub enum Channel {
        /// Telephone.
        0 Call = "call",
        /// Mail.
        1 Email = "email",
        /// Meeting.
        2 Meeting = "meeting",
        /// Text message.
        3 Message = "message",
        /// Anything else done outside.
        4 Other = "other",
    }
}

codes! {
    /// What came of a touch.
    pub enum Outcome {
        /// The lead answered.
        0 Connected = "connected",
        /// Nobody answered.
        1 NoAnswer = "no_answer",
        /// A message was left.
        2 Voicemail = "voicemail",
        /// The line was busy.
        3 Busy = "busy",
        /// Not the lead's number.
        4 WrongNumber = "wrong_number",
        /// Somebody else answered and did not put through.
        5 Gatekeeper = "gatekeeper",
        /// A mail was handed over.
        6 Sent = "sent",
        /// A task that is no touch was done.
        7 Done = "done",
    }
}

impl Outcome {
    /// Whether the lead answered, whatever was said.
    pub const fn reached(self) -> bool {
        matches!(self, Self::Connected)
    }
}

codes! {
    /// What the lead said when it was reached.
    pub enum TouchResult {
        /// It fits and wants to go on.
        0 Qualified = "qualified",
        /// It does not fit.
        1 Unqualified = "unqualified",
        /// It does not buy now.
        2 NotNow = "not_now",
        /// Call again at an agreed time.
        3 Callback = "callback",
        /// It does not recall asking.
        4 DoesNotRecall = "does_not_recall",
        /// It does not know who we are (practice B13).
        5 DoesNotKnowUs = "does_not_know_us",
        /// It asked not to be contacted.
        6 OptedOut = "opted_out",
    }
}

impl TouchResult {
    /// Whether this can be heard where a call ends so: a no left with whoever answered counts, anything else needs the
    /// person on the line.
    pub const fn counts_with(self, outcome: Outcome) -> bool {
        outcome.reached() || matches!(self, Self::OptedOut)
    }
}
