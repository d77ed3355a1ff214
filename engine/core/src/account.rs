//! A company: who owns it, and for how long (practice C3). It outlives every run.

use crate::event::{Event, EventType};
use crate::id::{AccountId, Digest, LeadId};
use crate::lead::RepId;
use crate::time::Timestamp;
use crate::workflow::Target;
use minicbor::{Decode, Encode};

/// How many leads a hold remembers, to tell them when it expires.
pub const HOLD_LEADS_MAX: usize = 64;

/// An account.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Account {
    /// Its id, derived from its name key.
    #[n(0)]
    pub id: AccountId,
    /// The company's name as first given.
    #[n(1)]
    pub name: String,
    /// The rep who owns it.
    #[n(2)]
    pub owner: Option<RepId>,
    /// A hold in force.
    #[n(3)]
    pub hold: Option<Hold>,
    /// The hold was made permanent.
    #[n(4)]
    pub kept: bool,
}

/// Ownership until a time; also used on a lead without an account.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Hold {
    /// Whose.
    #[n(0)]
    pub owner: RepId,
    /// Until when.
    #[n(1)]
    pub until: Timestamp,
    /// An event that makes it permanent.
    #[n(2)]
    pub until_event: Option<EventType>,
    /// The definition that made it.
    #[n(3)]
    pub workflow: Digest,
    /// Where a run of its own begins on expiry.
    #[n(4)]
    pub on_expiry: Option<Target>,
    /// The leads assigned under it.
    #[n(5)]
    pub leads: Vec<LeadId>,
}

/// What a lead's transition may know of its account.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct AccountFacts {
    /// Its id.
    #[n(0)]
    pub id: AccountId,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// Its owner.
    #[n(2)]
    pub owner: Option<RepId>,
    /// Whether a hold is in force.
    #[n(3)]
    pub held: bool,
}

/// What leads tell their account.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountMessage {
    /// A lead belongs to it.
    Join {
        /// The company's name.
        name: String,
    },
    /// A lead's owner was chosen under a hold; starts one unless one is in force for the same owner.
    Hold(Hold),
    /// The owner changed without a hold.
    Own(RepId),
    /// This happened to one of its leads.
    Happened(EventType),
}

impl Account {
    /// An account of which only the name is known.
    pub fn new(id: AccountId, name: String) -> Self {
        Self { id, name, owner: None, hold: None, kept: false }
    }

    /// What a lead's transition may know.
    pub fn facts(&self) -> AccountFacts {
        AccountFacts { id: self.id, name: self.name.clone(), owner: self.owner.clone(), held: self.hold.is_some() }
    }

    /// When it has to be looked at again.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.hold.as_ref().map(|hold| hold.until)
    }

    /// Takes a message from a lead.
    pub fn tell(&mut self, message: AccountMessage) {
        match message {
            AccountMessage::Join { name } => {
                if self.name.is_empty() {
                    self.name = name;
                }
            }
            AccountMessage::Own(owner) => self.owner = Some(owner),
            AccountMessage::Hold(new) => self.take_hold(new),
            AccountMessage::Happened(event) => {
                if self.hold.as_ref().is_some_and(|hold| hold.until_event.as_ref() == Some(&event)) {
                    self.hold = None;
                    self.kept = true;
                }
            }
        }
    }

    /// A second lead joins a hold in force and does not start it again.
    fn take_hold(&mut self, new: Hold) {
        if self.kept && self.owner.as_ref() == Some(&new.owner) {
            return;
        }
        self.owner = Some(new.owner.clone());
        match &mut self.hold {
            Some(hold) if hold.owner == new.owner => {
                for lead in new.leads {
                    if !hold.leads.contains(&lead) && hold.leads.len() < HOLD_LEADS_MAX {
                        hold.leads.push(lead);
                    }
                }
            }
            slot => *slot = Some(new),
        }
    }

    /// Ends a hold that has run out: the events its leads hear.
    pub fn timer_due(&mut self, now: Timestamp) -> Vec<(LeadId, Event)> {
        match self.hold.take_if(|hold| hold.until <= now) {
            Some(Hold { workflow, on_expiry, leads, .. }) => {
                let go = on_expiry.unwrap_or(Target::End);
                leads.into_iter().map(|lead| (lead, Event::HoldExpired { workflow, go })).collect()
            }
            None => Vec::new(),
        }
    }
}
