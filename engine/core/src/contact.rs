//! How a lead is contacted, and what came of it.

use crate::codes::codes;

codes! {
    /// The channel of a touch.
    pub enum Channel {
        /// A telephone call.
        0 Call = "call",
        1 Email = "email",
        2 Meeting = "meeting",
        /// A text message.
        3 Message = "message",
        /// Anything else that was done outside.
        4 Other = "other",
    }
}

codes! {
    /// What came of a touch.
    pub enum Outcome {
        /// The lead answered.
        0 Connected = "connected",
        /// No one answered.
        1 NoAnswer = "no_answer",
        /// A message was left.
        2 Voicemail = "voicemail",
        /// The line was busy.
        3 Busy = "busy",
        /// The number is not the lead's.
        4 WrongNumber = "wrong_number",
        /// Another person answered and did not put the call through.
        5 Gatekeeper = "gatekeeper",
        /// A mail was handed over.
        6 Sent = "sent",
        /// A task that is not a touch was done.
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
        /// The lead fits and wants to go on.
        0 Qualified = "qualified",
        /// The lead does not fit.
        1 Unqualified = "unqualified",
        /// The lead does not buy now.
        2 NotNow = "not_now",
        /// The lead wants to be called again at an agreed time.
        3 Callback = "callback",
        /// The lead does not recall asking.
        4 DoesNotRecall = "does_not_recall",
        /// The lead does not know who we are (practice B13).
        5 DoesNotKnowUs = "does_not_know_us",
        /// The lead asked not to be contacted.
        6 OptedOut = "opted_out",
    }
}

impl TouchResult {
    /// Whether this result is possible for a call that ended with `outcome`. Whoever answers may leave an opt-out; any
    /// other result requires that the lead itself was reached.
    pub const fn counts_with(self, outcome: Outcome) -> bool {
        outcome.reached() || matches!(self, Self::OptedOut)
    }
}
