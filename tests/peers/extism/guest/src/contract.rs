//! What `tally.rs` of the SDK takes from the contract. Scoring uses the first two; the rest is
//! there so that it compiles.

pub mod types {
    pub use peer_lead::Reason;
}

pub mod scorer {
    pub use peer_lead::{Rating, Segment};
}

pub mod nurturer {
    pub struct Choice {
        pub track: String,
        pub look_again: Option<u32>,
        pub reasons: Vec<super::types::Reason>,
    }
}

pub mod escalator {
    pub enum Action {
        Wait,
    }

    pub struct Verdict {
        pub action: Action,
        pub reasons: Vec<super::types::Reason>,
    }
}
