//! What is known of an account while a transition handles one of its leads.

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
    /// Whether the account's queue of events to pass on to its leads is full.
    #[n(4)]
    #[cbor(default)]
    pub crowded: bool,
}
