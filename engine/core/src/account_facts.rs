//! What is known of an account while one of its leads is handled.

use crate::id::AccountId;
use crate::lead::RepId;
use minicbor::{Decode, Encode};

/// What a lead's transition may know of its account.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct AccountFacts {
    #[n(0)]
    pub id: AccountId,
    #[n(1)]
    pub name: String,
    #[n(2)]
    pub owner: Option<RepId>,
    /// Whether a hold is in force.
    #[n(3)]
    pub held: bool,
    /// Whether as many events as it takes wait to be passed on to its leads.
    #[n(4)]
    #[cbor(default)]
    pub crowded: bool,
}
