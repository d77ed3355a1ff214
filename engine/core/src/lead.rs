//! The lead: what is known, what happened, who owns it.

pub use crate::contact::{Channel, Outcome, TouchResult};

use crate::ages::Ages;
use crate::codes::codes;
use crate::field::Profile;
use crate::id::{AccountId, Digest, EffectId, LeadId, RunId, TaskId};
use crate::identity::{BoundKey, IdentityKey};
use crate::plugin::{Reason, Segment};
use crate::time::Timestamp;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many touches a lead keeps in full; older ones remain in the counters and the journal.
pub const TOUCHES_MAX: usize = 40;
/// How many engagements a lead keeps in full.
pub const ENGAGEMENTS_MAX: usize = 20;
/// How many watchers a lead may have; the oldest gives way.
pub const WATCHERS_MAX: usize = 8;
/// How many keys that it no longer has a lead remembers; the oldest gives way.
pub const FORMER_MAX: usize = 16;
/// How many named scores a lead may have.
pub const SCORES_MAX: usize = 16;

codes! {
    /// Where the lead stands.
    #[derive(Default)]
    pub enum Stage {
        /// Being worked or nurtured.
        #[default]
        0 Open = "open",
        /// Handed over as an opportunity.
        1 Qualified = "qualified",
        /// Bought.
        2 Customer = "customer",
        /// The deal was lost.
        3 Lost = "lost",
        /// Will never buy (practice B9).
        4 Disqualified = "disqualified",
        /// Asked not to be contacted.
        5 Suppressed = "suppressed",
    }
}

/// A lead, with everything but its runs and tasks.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Lead {
    /// Its id; time-ordered.
    #[n(0)]
    pub id: LeadId,
    /// When we first heard of it.
    #[n(1)]
    pub created_at: Timestamp,
    /// What is known now.
    #[n(2)]
    pub profile: Profile,
    /// Where it stands.
    #[n(3)]
    pub stage: Stage,
    /// How it is to be handled.
    #[n(4)]
    pub segment: Option<Segment>,
    /// Scores by name.
    #[n(5)]
    #[cbor(skip_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, LeadScore>,
    /// The rep who owns it.
    #[n(6)]
    pub owner: Option<RepId>,
    /// The company it belongs to.
    #[n(7)]
    pub account: Option<AccountId>,
    /// Opt-out and preferences.
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
    /// Counters over all time.
    #[n(11)]
    #[cbor(skip_if = "Counts::is_default")]
    pub counts: Counts,
    /// The latest deal.
    #[n(12)]
    pub deal: Option<Deal>,
    /// Reps who hear of every later stage change.
    #[n(13)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub watchers: Vec<RepId>,
    /// Touches are held back while a person has set this.
    #[n(14)]
    pub paused_at: Option<Timestamp>,
    /// Keys that it had and has no longer; they still find it. At most [`FORMER_MAX`], the newest last.
    #[n(60)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub former: Vec<IdentityKey>,
    /// The source that its `external_id` is of; none when that was never told.
    #[n(61)]
    pub external_source: Option<String>,
    /// What other sources call it, by source.
    #[n(62)]
    #[cbor(skip_if = "BTreeMap::is_empty", default)]
    pub other_ids: BTreeMap<String, String>,
    /// Business milliseconds, where the lead is, from when we first heard of it to the first call, answered or not; none
    /// before there was one.
    #[n(140)]
    pub first_call_ms: Option<u64>,
    /// Since when its fields hold what they hold.
    #[n(70)]
    #[cbor(skip_if = "Ages::is_default", default)]
    pub ages: Ages,
    /// The pool its owner was chosen from: where its tasks go when the owner cannot do them.
    #[n(80)]
    pub pool: Option<String>,
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

/// One named score with its reasons.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct LeadScore {
    /// Points.
    #[n(0)]
    pub points: i32,
    /// The segment it speaks for.
    #[n(1)]
    pub segment: Segment,
    /// When it was decided.
    #[n(2)]
    pub at: Timestamp,
    /// By which build of which plugin; none for a fallback value.
    #[cbor(n(3), with = "crate::id::known")]
    pub digest: Option<Digest>,
    /// Why.
    #[n(4)]
    pub reasons: Vec<Reason>,
    /// The plugin's name, for the words of the reasons; none for a fallback value.
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
    /// Channels it does not want.
    #[n(1)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub refused: Vec<Channel>,
    /// Not before this time; "we'll call you" sets it far ahead.
    #[n(2)]
    pub not_before: Option<Timestamp>,
    /// Channels whose address proved wrong while it was not known which it was, until there is a new one.
    #[n(3)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub unreachable: Vec<Channel>,
    /// Addresses and numbers that the lead has, had or may get, and what binds them whoever has them.
    #[n(60)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub bound: Vec<BoundKey>,
}

impl Consent {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// An opt-out, for the audit.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct OptOut {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// By which way we heard of it.
    #[n(1)]
    pub by: String,
    /// In the lead's words, when known.
    #[n(2)]
    pub reason: Option<String>,
}

/// A contact attempt that was completed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Touch {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// On which way.
    #[n(1)]
    pub channel: Channel,
    /// What came of it.
    #[n(2)]
    pub outcome: Outcome,
    /// What the lead said.
    #[n(3)]
    pub result: Option<TouchResult>,
    /// By whom.
    #[n(4)]
    pub by: Option<RepId>,
    /// In which run.
    #[n(5)]
    pub run: Option<RunId>,
    /// For which task.
    #[n(6)]
    pub task: Option<TaskId>,
    /// The mail that was sent, so that hearing of it twice counts once.
    #[n(7)]
    pub effect: Option<EffectId>,
}

/// Something the lead did of its own accord.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Engagement {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// page, open, click, paper, event, reply, call…
    #[n(1)]
    pub kind: String,
    /// With what.
    #[n(2)]
    pub detail: String,
}

/// Counters over all time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Counts {
    /// Touches completed; a double dial counts once.
    #[n(0)]
    pub contacts: u32,
    /// Of these, calls.
    #[n(1)]
    pub calls: u32,
    /// Of these, mails.
    #[n(2)]
    pub emails: u32,
    /// Of these, such that reached the lead.
    #[n(3)]
    pub reached: u32,
    /// Messages left.
    #[n(4)]
    pub voicemails: u32,
    /// Engagements.
    #[n(5)]
    pub engagements: u32,
    /// Times the lead said it does not know us.
    #[n(6)]
    pub does_not_know_us: u32,
}

impl Counts {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The lead's latest deal, as the CRM tells it.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Deal {
    /// Its stage in the CRM.
    #[n(0)]
    pub stage: Option<String>,
    /// Its amount.
    #[n(1)]
    pub amount: Option<f64>,
    /// Whether it was won; none while open.
    #[n(2)]
    pub won: Option<bool>,
    /// When it was won or lost.
    #[n(3)]
    pub closed_at: Option<Timestamp>,
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
            watchers: Vec::new(),
            paused_at: None,
            former: Vec::new(),
            external_source: None,
            other_ids: BTreeMap::new(),
            first_call_ms: None,
            ages: Ages::default(),
            pool: None,
        }
    }

    /// Records a completed touch: the list, bounded, and the counters.
    pub fn record_touch(&mut self, touch: Touch) {
        self.counts.contacts = self.counts.contacts.saturating_add(1);
        self.record_second_dial(touch);
    }

    /// Records the second dial of a double dial: a call, but no contact of its own (practice B6).
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

    /// Records an engagement: the list, bounded, and the counter.
    pub fn record_engagement(&mut self, engagement: Engagement) {
        self.counts.engagements = self.counts.engagements.saturating_add(1);
        push_bounded(&mut self.engagements, engagement, ENGAGEMENTS_MAX, |engagement| engagement.at);
    }

    /// Adds a watcher once.
    pub fn watch(&mut self, rep: RepId) {
        if !self.watchers.contains(&rep) {
            push_bounded(&mut self.watchers, rep, WATCHERS_MAX, |_| ());
        }
    }
}

/// Puts an item where it belongs in time (what happened outside is often told late); the oldest gives way.
fn push_bounded<T, O: Ord>(list: &mut Vec<T>, item: T, max: usize, order: impl Fn(&T) -> O) {
    let place = list.iter().rposition(|earlier| order(earlier) <= order(&item)).map_or(0, |ix| ix + 1);
    list.insert(place, item);
    if list.len() > max {
        list.remove(0);
    }
}
