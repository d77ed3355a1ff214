//! A company: who owns it, and for how long (practice C3). An account outlives every run.

pub use crate::account_facts::AccountFacts;

use crate::event::{Event, Passed};
use crate::event_type::EventType;
use crate::id::{AccountId, Digest, LeadId};
use crate::lead::RepId;
use crate::time::Timestamp;
use crate::workflow::{StepId, landing};
use minicbor::{Decode, Encode};

/// How many leads a hold lists in its account's record. Further leads are kept apart, so that the record of an account
/// with thousands of leads is not rewritten whole whenever one more comes. All of them are told when the hold ends.
pub const HOLD_LEADS_MAX: usize = 64;

/// How many events may wait to be passed on to the leads of an account. Beyond that, the journal of the lead to which an event
/// happens says that nobody else heard of it.
pub const PASSED_MAX: usize = 256;

/// The most bytes of events that wait to be passed on, which every page of leads rewrites: 256 KiB.
pub const PASSED_BYTES_MAX: usize = 256 * 1024;

/// How many leads are remembered that came under a hold while the one before it was still ending. The pages of that end follow
/// one another at once, so there are few. Leads beyond the limit are told of that end too.
const JOINED_MAX: usize = 256;

/// A company, with its owner and the hold on it.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Account {
    /// Derived from the key of its name.
    #[n(0)]
    pub id: AccountId,
    /// The company's name as it was first given.
    #[n(1)]
    pub name: String,
    #[n(2)]
    pub owner: Option<RepId>,
    /// The hold in force.
    #[n(3)]
    pub hold: Option<Hold>,
    /// Whether the hold was made permanent.
    #[n(4)]
    pub kept: bool,
    /// Whether more leads are under the hold than it lists.
    #[cbor(n(120), skip_if = "std::ops::Not::not", default)]
    pub more: bool,
    /// A hold that is over, while leads that it does not list still have to be told.
    #[n(121)]
    #[cbor(default)]
    pub ending: Option<Ending>,
    /// Leads that came under the hold in force since the one before has been ending, and that it does not list. The store keeps
    /// them among the leads of the one before, some of which still have to be told.
    #[cbor(n(122), skip_if = "Vec::is_empty", default)]
    pub joined: Vec<LeadId>,
    /// Events of its leads that are passed on to the others, a page at a time, the oldest event first. There are no more than
    /// [`PASSED_MAX`] or [`PASSED_BYTES_MAX`] allow.
    #[cbor(n(123), skip_if = "Vec::is_empty", default)]
    pub passing: Vec<Passed>,
}

/// A hold that is over, while the leads that it did not list are told a page at a time.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Ending {
    #[n(0)]
    pub at: Timestamp,
    /// What the leads are told. `None` when the hold was made permanent: they are then only taken off the hold.
    #[n(1)]
    pub tells: Option<Tells>,
    /// The lead that was told last.
    #[n(2)]
    pub after: Option<LeadId>,
}

/// What a lead is told when a hold has expired.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Tells {
    /// The definition that made the hold.
    #[n(0)]
    pub workflow: Digest,
    /// The step at which a new run begins, if there is one.
    #[cbor(n(1), with = "landing")]
    pub go: Option<StepId>,
}

impl Tells {
    /// The event that tells a lead so.
    pub const fn event(self) -> Event {
        Event::HoldExpired { workflow: self.workflow, go: self.go }
    }
}

/// Ownership until a time. A lead without an account may have a hold of its own.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Hold {
    #[n(0)]
    pub owner: RepId,
    #[n(1)]
    pub until: Timestamp,
    /// An event that makes the hold permanent.
    #[n(2)]
    pub until_event: Option<EventType>,
    /// The definition that made the hold.
    #[n(3)]
    pub workflow: Digest,
    /// The step at which a new run begins when the hold expires.
    #[cbor(n(4), with = "landing")]
    pub on_expiry: Option<StepId>,
    /// The leads assigned under the hold, up to [`HOLD_LEADS_MAX`].
    #[n(5)]
    pub leads: Vec<LeadId>,
}

/// What leads tell their account.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountMessage {
    /// A lead now belongs to the account.
    Join { name: String },
    /// A lead's owner was chosen under a hold. Starts the hold unless one is in force for the same owner.
    Hold(Hold),
    /// The owner changed without a hold. A hold in force stands.
    Own(RepId),
    /// The account's owner has left the team. The account and a hold of that owner now belong to `owner`.
    TakeOver {
        /// The rep who left.
        gone: RepId,
        /// The rep who takes over.
        owner: RepId,
    },
    /// A lead that came under the hold has another owner or is done with: the end of the hold no longer matters to it.
    Leave(LeadId),
    /// This event happened to one of the account's leads.
    Happened(EventType),
    /// This event happened to one of the account's leads, and the others may want to hear of it.
    Pass(Box<Passed>),
}

impl Hold {
    /// Lists leads while there is room, and returns those for which there is none.
    fn join(&mut self, mut leads: Vec<LeadId>) -> Vec<LeadId> {
        leads.retain(|lead| !self.leads.contains(lead));
        let room = HOLD_LEADS_MAX.saturating_sub(self.leads.len()).min(leads.len());
        self.leads.extend(leads.drain(..room));
        leads
    }
}

impl Account {
    /// An account of which only the name is known.
    pub fn new(id: AccountId, name: String) -> Self {
        let (joined, passing) = (Vec::new(), Vec::new());
        Self { id, name, owner: None, hold: None, kept: false, more: false, ending: None, joined, passing }
    }

    /// What a lead's transition may know of the account.
    pub fn facts(&self) -> AccountFacts {
        AccountFacts {
            id: self.id,
            name: self.name.clone(),
            owner: self.owner.clone(),
            held: self.hold.is_some(),
            crowded: self.is_crowded(),
        }
    }

    /// Whether no more events may wait to be passed on.
    fn is_crowded(&self) -> bool {
        let data = self.passing.iter().flat_map(|passed| &passed.report.data);
        let bytes: usize = data.map(|(name, value)| name.len() + value.bytes()).sum();
        self.passing.len() >= PASSED_MAX || bytes >= PASSED_BYTES_MAX
    }

    /// When the account has to be looked at again.
    pub fn next_due(&self) -> Option<Timestamp> {
        let ending = self.ending.as_ref().map(|ending| ending.at);
        let passing = self.passing.first().map(|passed| passed.at);
        self.hold.as_ref().map(|hold| hold.until).into_iter().chain(ending).chain(passing).min()
    }

    /// Takes a message from a lead at `now`. Returns leads that the account's record does not list, each with whether it is to be
    /// kept apart from now on (`true`) or no longer (`false`).
    pub fn tell(&mut self, message: AccountMessage, now: Timestamp) -> Vec<(LeadId, bool)> {
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
            AccountMessage::TakeOver { gone, owner } => {
                if let Some(hold) = self.hold.as_mut().filter(|hold| hold.owner == gone) {
                    hold.owner = owner.clone();
                }
                if self.hold.as_ref().is_none_or(|hold| hold.owner == owner) {
                    self.own(owner);
                }
            }
            AccountMessage::Hold(new) => return self.take_hold(new).into_iter().map(|lead| (lead, true)).collect(),
            AccountMessage::Leave(lead) => {
                let listed = |hold: &mut Hold| hold.leads.extract_if(.., |listed| *listed == lead).next().is_some();
                self.joined.retain(|joined| *joined != lead);
                if !self.hold.as_mut().is_some_and(listed) && (self.more || self.ending.is_some()) {
                    return vec![(lead, false)];
                }
            }
            AccountMessage::Pass(passed) => self.passing.push(*passed),
            AccountMessage::Happened(event) => {
                if self.hold.as_ref().is_some_and(|hold| hold.until_event.as_ref() == Some(&event)) {
                    self.hold = None;
                    self.kept = true;
                    self.end(now, None);
                }
            }
        }
        Vec::new()
    }

    /// Starts telling the leads that are not listed, if there are any.
    fn end(&mut self, at: Timestamp, tells: Option<Tells>) {
        if std::mem::take(&mut self.more) {
            self.ending = Some(Ending { at, tells, after: None });
            self.joined.clear();
        }
    }

    /// A second lead joins a hold in force and does not start it again. A hold for another owner takes over the leads
    /// of the one before, so that none is forgotten.
    fn take_hold(&mut self, new: Hold) -> Vec<LeadId> {
        if self.kept && self.owner.as_ref() == Some(&new.owner) {
            return Vec::new();
        }
        self.own(new.owner.clone());
        let (hold, joining) = match self.hold.take() {
            Some(hold) if hold.owner == new.owner => (hold, new.leads),
            Some(before) => (new, before.leads),
            None => (new, Vec::new()),
        };
        let unlisted = self.hold.insert(hold).join(joining);
        self.more |= !unlisted.is_empty();
        self.note_joined(&unlisted);
        unlisted
    }

    /// Remembers leads that do not belong to a hold that is ending, unless its pages have passed them already.
    fn note_joined(&mut self, unlisted: &[LeadId]) {
        let Some(ending) = self.ending else { return };
        let ahead = unlisted.iter().filter(|lead| Some(**lead) > ending.after);
        let room = JOINED_MAX.saturating_sub(self.joined.len());
        let new: Vec<LeadId> = ahead.filter(|lead| !self.joined.contains(lead)).take(room).copied().collect();
        self.joined.extend(new);
    }

    /// A hold made permanent for one owner is not permanent for the next.
    fn own(&mut self, owner: RepId) {
        self.kept &= self.owner.as_ref() == Some(&owner);
        self.owner = Some(owner);
    }

    /// Ends a hold that has run out. Returns the events for its listed leads.
    pub fn timer_due(&mut self, now: Timestamp) -> Vec<(LeadId, Event)> {
        match self.hold.take_if(|hold| hold.until <= now) {
            Some(Hold { workflow, on_expiry, leads, .. }) => {
                let tells = Tells { workflow, go: on_expiry };
                self.end(now, Some(tells));
                leads.into_iter().map(|lead| (lead, tells.event())).collect()
            }
            None => Vec::new(),
        }
    }

    /// Records that a page of the leads has heard of the oldest event to be passed on; `last` says that no page follows.
    pub fn passed(&mut self, page: &[LeadId], last: bool) {
        if last {
            self.passing.drain(..self.passing.len().min(1));
        } else if let Some(passed) = self.passing.first_mut() {
            passed.after = page.last().copied().or(passed.after);
        }
    }

    /// Records that a page of the leads that were not listed has been told; `last` says that no page follows.
    pub fn told(&mut self, page: &[LeadId], last: bool) {
        if let Some(ending) = &mut self.ending {
            ending.after = page.last().copied().or(ending.after);
            let after = ending.after;
            self.joined.retain(|lead| Some(*lead) > after);
        }
        if last {
            self.ending = None;
            self.joined.clear();
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
        let over = |gone, owner| AccountMessage::TakeOver { gone: rep(gone), owner: rep(owner) };
        let leave = |lead: u128| AccountMessage::Leave(LeadId(lead << 20));
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
            (
                "whoever takes over has the hold to its end",
                vec![hold("ada", 9, 1), over("ada", "bob")],
                "bob until 9 for 1",
            ),
            ("an account that was kept, too", vec![hold("ada", 9, 1), won(), over("ada", "bob")], "bob"),
            (
                "a lead that leaves is not told",
                vec![hold("ada", 9, 1), hold("ada", 9, 2), leave(1)],
                "ada until 9 for 1",
            ),
            ("nor a hold ended by it", vec![hold("ada", 9, 1), leave(1), leave(2)], "ada until 9 for 0"),
            ("nobody takes over what another holds", vec![hold("ada", 9, 1), over("gus", "bob")], "ada until 9 for 1"),
        ];
        for (what, messages, expected) in cases {
            let mut account = Account::new(AccountId::of_key("domain:acme.io"), "Acme".to_owned());
            for message in messages {
                account.tell(message, Timestamp::from_ms(0));
            }
            let owner = account.owner.as_ref().map_or("nobody".to_owned(), ToString::to_string);
            let hold = account.hold.as_ref().map(|h| format!(" until {} for {}", h.until.as_ms(), h.leads.len()));
            let kept = if account.kept { " kept" } else { "" };
            assert_eq!(format!("{owner}{}{kept}", hold.unwrap_or_default()), expected, "{what}");
        }
    }

    #[test]
    fn an_expired_hold_tells_its_leads_once() {
        let mut account = Account::new(AccountId::of_key("domain:acme.io"), "Acme".to_owned());
        account.tell(hold("ada", 9, 1), Timestamp::from_ms(0));
        assert!(account.timer_due(Timestamp::from_ms(8)).is_empty(), "too early");
        assert_eq!(account.timer_due(Timestamp::from_ms(9)).len(), 1);
        assert!(account.timer_due(Timestamp::from_ms(9)).is_empty(), "told already");
    }

    #[test]
    fn leads_beyond_the_list_hear_of_its_end_too() {
        // How the hold ends. The leads that are not listed are told when it expires, and only
        // forgotten when it is made permanent.
        for (what, won) in [("it expires", false), ("it is made permanent", true)] {
            let mut account = Account::new(AccountId::of_key("domain:acme.io"), "Acme".to_owned());
            let at = |ms| Timestamp::from_ms(ms);
            let apart: Vec<LeadId> =
                (1..=70).flat_map(|n| account.tell(hold("ada", 9, n), at(0))).map(|(lead, _)| lead).collect();
            assert_eq!(apart.len(), 70 - HOLD_LEADS_MAX, "{what}: the list has an end");
            assert_eq!(account.next_due(), Some(at(9)), "{what}");
            if won {
                account.tell(AccountMessage::Happened(EventType::parse("deal.won").unwrap()), at(5));
            } else {
                assert_eq!(account.timer_due(at(9)).len(), HOLD_LEADS_MAX, "{what}");
            }
            let ending = account.ending.expect("the others have still to be gone through");
            assert_eq!((ending.tells.is_some(), account.next_due()), (!won, Some(ending.at)), "{what}");
            account.told(&apart[..4], false);
            assert_eq!(account.ending.and_then(|ending| ending.after), Some(apart[3]), "{what}");
            account.told(&apart[4..], true);
            assert_eq!((account.ending, account.next_due()), (None, None), "{what}");
        }
    }
}
