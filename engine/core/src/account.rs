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
    /// The owner changed without a hold; a hold in force stands.
    Own(RepId),
    /// This happened to one of its leads.
    Happened(EventType),
}

impl Hold {
    fn join(&mut self, leads: Vec<LeadId>) {
        for lead in leads {
            if !self.leads.contains(&lead) && self.leads.len() < HOLD_LEADS_MAX {
                self.leads.push(lead);
            }
        }
    }
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
            AccountMessage::Own(owner) => {
                if self.hold.is_none() {
                    self.own(owner);
                }
            }
            AccountMessage::Hold(new) => self.take_hold(new),
            AccountMessage::Happened(event) => {
                if self.hold.as_ref().is_some_and(|hold| hold.until_event.as_ref() == Some(&event)) {
                    self.hold = None;
                    self.kept = true;
                }
            }
        }
    }

    /// A second lead joins a hold in force and does not start it again; a hold for another owner takes over its leads,
    /// so that none is forgotten.
    fn take_hold(&mut self, new: Hold) {
        if self.kept && self.owner.as_ref() == Some(&new.owner) {
            return;
        }
        self.own(new.owner.clone());
        match &mut self.hold {
            Some(hold) if hold.owner == new.owner => hold.join(new.leads),
            slot => {
                let joined = slot.replace(new).map_or_else(Vec::new, |before| before.leads);
                slot.iter_mut().for_each(|hold| hold.join(joined.clone()));
            }
        }
    }

    /// What was made permanent for one owner is not so for the next.
    fn own(&mut self, owner: RepId) {
        self.kept &= self.owner.as_ref() == Some(&owner);
        self.owner = Some(owner);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rep(name: &str) -> RepId {
        RepId(name.to_owned())
    }

    fn hold(owner: &str, until_ms: i64, lead: u128) -> AccountMessage {
        AccountMessage::Hold(Hold {
            owner: rep(owner),
            until: Timestamp::from_ms(until_ms),
            until_event: EventType::parse("deal.won"),
            workflow: Digest(1),
            on_expiry: None,
            leads: vec![LeadId(lead << 20)],
        })
    }

    #[test]
    fn who_owns_an_account_and_for_how_long() {
        let own = |owner| AccountMessage::Own(rep(owner));
        let won = || AccountMessage::Happened(EventType::parse("deal.won").unwrap());
        let cases = [
            ("a second lead does not start it again", vec![hold("ada", 9, 1), hold("ada", 20, 2)], "ada until 9 for 2"),
            ("the same lead again", vec![hold("ada", 9, 1), hold("ada", 20, 1)], "ada until 9 for 1"),
            ("another owner takes over the leads", vec![hold("ada", 9, 1), hold("bob", 20, 2)], "bob until 20 for 2"),
            ("an owner without a hold gives way to one", vec![hold("ada", 9, 1), own("bob")], "ada until 9 for 1"),
            ("the event makes it permanent", vec![hold("ada", 9, 1), won()], "ada kept"),
            ("it stays permanent", vec![hold("ada", 9, 1), won(), hold("ada", 30, 2)], "ada kept"),
            ("but not for the next owner", vec![hold("ada", 9, 1), won(), hold("bob", 30, 2)], "bob until 30 for 1"),
            (
                "nor after an assignment",
                vec![hold("ada", 9, 1), won(), own("bob"), hold("bob", 30, 2)],
                "bob until 30 for 1",
            ),
            ("no hold, no keeping", vec![own("ada"), won()], "ada"),
        ];
        for (what, messages, expected) in cases {
            let mut account = Account::new(AccountId::of_key("domain:acme.io"), "Acme".to_owned());
            messages.into_iter().for_each(|message| account.tell(message));
            let owner = account.owner.as_ref().map_or("nobody".to_owned(), ToString::to_string);
            let hold = account.hold.as_ref().map(|h| format!(" until {} for {}", h.until.as_ms(), h.leads.len()));
            let kept = if account.kept { " kept" } else { "" };
            assert_eq!(format!("{owner}{}{kept}", hold.unwrap_or_default()), expected, "{what}");
        }
    }

    #[test]
    fn an_expired_hold_tells_its_leads_once() {
        let mut account = Account::new(AccountId::of_key("domain:acme.io"), "Acme".to_owned());
        account.tell(hold("ada", 9, 1));
        assert!(account.timer_due(Timestamp::from_ms(8)).is_empty(), "too early");
        assert_eq!(account.timer_due(Timestamp::from_ms(9)).len(), 1);
        assert!(account.timer_due(Timestamp::from_ms(9)).is_empty(), "told already");
    }
}
