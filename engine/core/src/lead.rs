//! The lead: what is known about it, what happened to it, and who owns it.

pub use crate::contact::{Channel, Outcome, TouchResult};

use crate::ages::Ages;
use crate::codes::codes;
use crate::field::Profile;
use crate::id::{AccountId, Digest, EffectId, LeadId, RunId, TaskId};
use crate::identity::{BoundKey, IdentityKey};
use crate::plugin::{Reason, Segment};
use crate::time::Timestamp;
use crate::value::Value;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many touches a lead keeps in full. Older ones remain in the counters and the journal.
pub const TOUCHES_MAX: usize = 40;
/// How many engagements a lead keeps in full.
pub const ENGAGEMENTS_MAX: usize = 20;
/// How many watchers a lead may have. Beyond that the oldest is dropped.
pub const WATCHERS_MAX: usize = 8;
/// How many former keys a lead remembers. Beyond that the oldest is dropped.
pub const FORMER_MAX: usize = 16;
/// How many named scores a lead may have.
pub const SCORES_MAX: usize = 16;

codes! {
    /// Where the lead stands.
    #[derive(Default)]
    pub enum Stage {
        /// The lead is being worked or nurtured.
        #[default]
        0 Open = "open",
        /// The lead was handed over as an opportunity.
        1 Qualified = "qualified",
        /// The lead bought.
        2 Customer = "customer",
        /// The deal was lost.
        3 Lost = "lost",
        /// The lead will never buy (practice B9).
        4 Disqualified = "disqualified",
        /// The lead asked not to be contacted.
        5 Suppressed = "suppressed",
    }
}

/// A lead, with everything but its runs and tasks.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Lead {
    /// The id, which is ordered by time.
    #[n(0)]
    pub id: LeadId,
    /// When we first heard of the lead.
    #[n(1)]
    pub created_at: Timestamp,
    #[n(2)]
    pub profile: Profile,
    #[n(3)]
    pub stage: Stage,
    #[n(4)]
    pub segment: Option<Segment>,
    #[n(5)]
    #[cbor(skip_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, LeadScore>,
    #[n(6)]
    pub owner: Option<RepId>,
    #[n(7)]
    pub account: Option<AccountId>,
    #[n(8)]
    #[cbor(skip_if = "Consent::is_default")]
    pub consent: Consent,
    /// The latest touches, oldest first.
    #[n(9)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub touches: Vec<Touch>,
    /// The latest engagements, oldest first.
    #[n(10)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub engagements: Vec<Engagement>,
    #[n(11)]
    #[cbor(skip_if = "Counts::is_default")]
    pub counts: Counts,
    /// The deal of events that named no deal, if no other deal was known.
    #[n(12)]
    pub deal: Option<Deal>,
    /// Deals with an id, in the order in which they became known; at most [`DEALS_MAX`].
    #[n(240)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub deals: Vec<Deal>,
    /// Reps who watch the lead, such as former owners.
    #[n(13)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub watchers: Vec<RepId>,
    /// The time since which a person's pause holds back the lead's touches.
    #[n(14)]
    pub paused_at: Option<Timestamp>,
    /// Keys that the lead had before, which still find it. At most [`FORMER_MAX`], the newest last.
    #[n(60)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub former: Vec<IdentityKey>,
    /// The source to which the `external_id` belongs; `None` if the source is unknown.
    #[n(61)]
    pub external_source: Option<String>,
    /// Other sources' ids for the lead, by source.
    #[n(62)]
    #[cbor(skip_if = "BTreeMap::is_empty", default)]
    pub other_ids: BTreeMap<String, String>,
    /// How long the lead waited for its first call, answered or not, in milliseconds of business hours where the lead
    /// is. `None` before the first call.
    #[n(140)]
    pub first_call_ms: Option<u64>,
    /// How old the values of the lead's fields are.
    #[n(70)]
    #[cbor(skip_if = "Ages::is_default", default)]
    pub ages: Ages,
    /// The team's own word for the stage, if one was given.
    #[n(220)]
    pub stage_own: Option<String>,
    /// The pool from which the owner was chosen. Tasks go there when the owner cannot do them.
    #[n(80)]
    pub pool: Option<String>,
    /// How many touches there were on each of the lead's days, by channel, oldest first: what caps go by. Days that no cap can
    /// reach any more are dropped.
    #[n(260)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub days: Vec<TouchDay>,
    /// The lead's last word in a conversation that is not over: a reply, a call of its own, an answered call without a result.
    #[n(261)]
    pub said_at: Option<Timestamp>,
}

/// The longest window of a cap, in days. Touches are counted by the day for as long.
pub const WINDOW_DAYS_MAX: u8 = 35;

/// The touches of one day on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TouchDay {
    /// The day on the lead's clock, in days since 1970.
    #[n(0)]
    pub day: i32,
    #[n(1)]
    pub channel: Channel,
    /// A double dial counts once.
    #[n(2)]
    pub touches: u16,
}

/// The id of a rep in `team.yaml`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(transparent)]
#[cbor(transparent)]
pub struct RepId(#[n(0)] pub String);

impl std::fmt::Display for RepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::fmt::Debug for RepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A named score with its reasons.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct LeadScore {
    #[n(0)]
    pub points: i32,
    /// The segment that goes with the score.
    #[n(1)]
    pub segment: Segment,
    #[n(2)]
    pub at: Timestamp,
    /// The build of the plugin that decided; `None` for a fallback value.
    #[cbor(n(3), with = "crate::id::known")]
    pub digest: Option<Digest>,
    #[n(4)]
    pub reasons: Vec<Reason>,
    /// The plugin's name, which is needed to render the reasons; `None` for a fallback value.
    #[n(5)]
    pub plugin: Option<String>,
}

/// Opt-out and preferences (practice B8).
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Consent {
    /// Set when the lead asked not to be contacted.
    #[n(0)]
    pub opted_out: Option<OptOut>,
    /// The channels that the lead refuses.
    #[n(1)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub refused: Vec<Channel>,
    /// The time before which the lead does not want to be contacted. The wish "we'll call you" sets it far ahead.
    #[n(2)]
    pub not_before: Option<Timestamp>,
    /// Channels whose address proved wrong when the lead had no address on record. They are not used until there is a
    /// new one.
    #[n(3)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub unreachable: Vec<Channel>,
    /// Addresses and numbers that the lead has, had or may get, with the reasons that bind them for everyone who has them.
    #[n(60)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub bound: Vec<BoundKey>,
    /// When mails to the lead's address bounced softly, the latest last. An answer from the lead or a new address
    /// begins anew.
    #[n(70)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub soft_bounces: Vec<Timestamp>,
}

/// How many soft bounces within [`SOFT_BOUNCES_WITHIN_MS`] count as a hard one.
pub const SOFT_BOUNCES_MAX: usize = 3;
/// Soft bounces that lie further apart do not count together.
pub const SOFT_BOUNCES_WITHIN_MS: i64 = 14 * crate::time::DAY_MS;

impl Consent {
    /// Counts a soft bounce, and says whether it is one too many.
    pub(crate) fn soft_bounce(&mut self, at: Timestamp) -> bool {
        self.soft_bounces.push(at);
        self.soft_bounces.sort_unstable();
        let latest = self.soft_bounces.last().copied().unwrap_or(at);
        self.soft_bounces.retain(|one| latest.since_ms(*one) <= SOFT_BOUNCES_WITHIN_MS);
        let is_too_many = self.soft_bounces.len() >= SOFT_BOUNCES_MAX;
        if is_too_many {
            self.soft_bounces.clear();
        }
        is_too_many
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// An opt-out, for the audit.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OptOut {
    #[n(0)]
    pub at: Timestamp,
    /// The source or the person that told us.
    #[n(1)]
    pub by: String,
    /// The reason in the lead's words, if it gave one.
    #[n(2)]
    pub reason: Option<String>,
}

/// A completed attempt to contact a lead.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Touch {
    #[n(0)]
    pub at: Timestamp,
    #[n(1)]
    pub channel: Channel,
    #[n(2)]
    pub outcome: Outcome,
    #[n(3)]
    pub result: Option<TouchResult>,
    /// The rep who made the touch.
    #[n(4)]
    pub by: Option<RepId>,
    #[n(5)]
    pub run: Option<RunId>,
    #[n(6)]
    pub task: Option<TaskId>,
    /// The message that was sent, so that a second report of it does not count again.
    #[n(7)]
    pub effect: Option<EffectId>,
    /// The team's own word for the result, if one was given.
    #[n(8)]
    pub result_own: Option<String>,
    /// The team's own word for the channel, if one was given.
    #[n(9)]
    pub channel_own: Option<String>,
}

impl Touch {
    /// The value of this field in expressions; blank when there is no such field.
    pub fn field(&self, field: &str) -> Value {
        match field {
            "channel" => Value::Text(self.channel.as_str().to_owned()),
            "outcome" => Value::Text(self.outcome.as_str().to_owned()),
            "result" => Value::text(self.result.map(|result| result.as_str())),
            "result_own" => Value::text(self.result_own.as_deref()),
            "channel_own" => Value::text(self.channel_own.as_deref()),
            "reached" => Value::Bool(self.outcome.reached()),
            "at" => Value::Time(self.at),
            _ => Value::Blank,
        }
    }
}

/// Something that the lead did of its own accord.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Engagement {
    #[n(0)]
    pub at: Timestamp,
    /// What the lead did: page, open, click, paper, event, reply, call…
    #[n(1)]
    pub kind: String,
    /// Which page, paper or event it was about.
    #[n(2)]
    pub detail: String,
}

/// A lead's counters over all time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Counts {
    /// Completed touches; a double dial counts once.
    #[n(0)]
    pub contacts: u32,
    /// Calls, including the second dial of a double dial.
    #[n(1)]
    pub calls: u32,
    /// Mails that were sent.
    #[n(2)]
    pub emails: u32,
    /// Touches that reached the lead.
    #[n(3)]
    pub reached: u32,
    /// Voice mails that were left.
    #[n(4)]
    pub voicemails: u32,
    #[n(5)]
    pub engagements: u32,
    /// How often the lead said that it does not know us.
    #[n(6)]
    pub does_not_know_us: u32,
}

impl Counts {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The most deals with an id that a lead keeps. When it is reached, the oldest closed deal is dropped first.
pub const DEALS_MAX: usize = 16;

/// A deal with the lead, as the CRM reports it.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Deal {
    /// The deal's stage in the CRM.
    #[n(0)]
    pub stage: Option<String>,
    #[n(1)]
    pub amount: Option<f64>,
    /// Whether the deal was won; `None` while it is open.
    #[n(2)]
    pub won: Option<bool>,
    /// When the deal was won or lost.
    #[n(3)]
    pub closed_at: Option<Timestamp>,
    /// The deal's id in the CRM, if events give one.
    #[n(4)]
    pub id: Option<String>,
}

impl Deal {
    /// Whether the deal is neither won nor lost.
    pub const fn is_open(&self) -> bool {
        self.won.is_none()
    }
}

impl Lead {
    /// A lead of which nothing is known yet.
    pub fn new(id: LeadId, created_at: Timestamp) -> Self {
        Self {
            id,
            created_at,
            profile: Profile::default(),
            stage: Stage::Open,
            segment: None,
            scores: BTreeMap::new(),
            owner: None,
            account: None,
            consent: Consent::default(),
            touches: Vec::new(),
            engagements: Vec::new(),
            counts: Counts::default(),
            deal: None,
            deals: Vec::new(),
            watchers: Vec::new(),
            paused_at: None,
            former: Vec::new(),
            external_source: None,
            other_ids: BTreeMap::new(),
            first_call_ms: None,
            ages: Ages::default(),
            stage_own: None,
            pool: None,
            days: Vec::new(),
            said_at: None,
        }
    }

    /// Every deal that is known, the oldest first.
    pub fn all_deals(&self) -> impl DoubleEndedIterator<Item = &Deal> {
        self.deal.iter().chain(&self.deals)
    }

    /// The deal with this id, if it is known. Otherwise the newest open deal, or else the newest deal.
    pub fn deal_called(&self, id: Option<&str>) -> Option<&Deal> {
        let named = id.and_then(|id| self.deals.iter().find(|deal| deal.id.as_deref() == Some(id)));
        named.or_else(|| self.all_deals().rfind(|deal| deal.is_open())).or_else(|| self.all_deals().next_back())
    }

    /// The deal that an event is about, which is created if it is unknown, and the deal that had to be dropped to make
    /// room.
    pub(crate) fn deal_of(&mut self, id: Option<&str>) -> (&mut Deal, Option<Deal>) {
        let place = match id {
            Some(id) => self.deals.iter().position(|deal| deal.id.as_deref() == Some(id)),
            None if self.deal.as_ref().is_some_and(Deal::is_open) && !self.deals.iter().any(Deal::is_open) => None,
            None => self.deals.iter().rposition(Deal::is_open).or_else(|| self.deals.len().checked_sub(1)),
        };
        if let Some(place) = place {
            return (&mut self.deals[place], None);
        }
        let Some(id) = id else { return (self.deal.get_or_insert_default(), None) };
        let full = self.deals.len() >= DEALS_MAX;
        let let_go = full.then(|| self.deals.remove(self.deals.iter().position(|deal| !deal.is_open()).unwrap_or(0)));
        // A deal that is open when the sender begins to give ids receives the first id. Otherwise nobody would ever
        // close it.
        let unnamed = if self.deals.is_empty() { self.deal.take_if(|deal| deal.is_open()) } else { None };
        self.deals.push(Deal { id: Some(id.to_owned()), ..unnamed.unwrap_or_default() });
        let newest = self.deals.len() - 1;
        (&mut self.deals[newest], let_go)
    }

    /// Records a completed touch in the bounded list and in the counters.
    pub fn record_touch(&mut self, touch: Touch) {
        self.counts.contacts = self.counts.contacts.saturating_add(1);
        self.record_second_dial(touch);
    }

    /// Counts a touch for the caps.
    pub(crate) fn count_on_day(&mut self, day: i32, channel: Channel) {
        let newest = self.days.iter().map(|known| known.day).max().unwrap_or(day).max(day);
        self.days.retain(|known| newest - known.day <= i32::from(WINDOW_DAYS_MAX));
        match self.days.iter_mut().find(|known| known.day == day && known.channel == channel) {
            Some(known) => known.touches = known.touches.saturating_add(1),
            None if newest - day <= i32::from(WINDOW_DAYS_MAX) => {
                let place = self.days.iter().position(|known| known.day > day).unwrap_or(self.days.len());
                self.days.insert(place, TouchDay { day, channel, touches: 1 });
            }
            None => {}
        }
    }

    /// Records the second dial of a double dial, which is a call but no contact of its own (practice B6).
    pub fn record_second_dial(&mut self, touch: Touch) {
        let counts = &mut self.counts;
        match touch.channel {
            Channel::Call => counts.calls = counts.calls.saturating_add(1),
            Channel::Email => counts.emails = counts.emails.saturating_add(1),
            Channel::Meeting | Channel::Message | Channel::Other => {}
        }
        counts.reached = counts.reached.saturating_add(u32::from(touch.outcome.reached()));
        counts.voicemails = counts.voicemails.saturating_add(u32::from(touch.outcome == Outcome::Voicemail));
        let unknown = touch.result == Some(TouchResult::DoesNotKnowUs);
        counts.does_not_know_us = counts.does_not_know_us.saturating_add(u32::from(unknown));
        push_bounded(&mut self.touches, touch, TOUCHES_MAX, |touch| touch.at);
    }

    /// Records an engagement in the bounded list and in the counter.
    pub fn record_engagement(&mut self, engagement: Engagement) {
        self.counts.engagements = self.counts.engagements.saturating_add(1);
        push_bounded(&mut self.engagements, engagement, ENGAGEMENTS_MAX, |engagement| engagement.at);
    }

    /// Adds a watcher, unless the rep already is one.
    pub fn watch(&mut self, rep: RepId) {
        if !self.watchers.contains(&rep) {
            push_bounded(&mut self.watchers, rep, WATCHERS_MAX, |_| ());
        }
    }
}

/// Inserts an item in order of time, because what happened outside is often reported late. Beyond `max` items, the
/// oldest is dropped.
fn push_bounded<T, O: Ord>(list: &mut Vec<T>, item: T, max: usize, order: impl Fn(&T) -> O) {
    let place = list.iter().rposition(|earlier| order(earlier) <= order(&item)).map_or(0, |ix| ix + 1);
    list.insert(place, item);
    if list.len() > max {
        list.remove(0);
    }
}
