//! The contents of each verb of a step, key by key as in the file.

use super::names::TouchId;
use super::{Arm, StepIx, Target};
use crate::codes::codes;
use crate::event_type::EventType;
use crate::expr::{Expr, Object};
use crate::lead::{Channel, Outcome, Stage, TouchResult};
use crate::own_words::Said;
use crate::plugin::{Segment, With};
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A question to a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's parameters, by name.
    pub with: With,
}

/// What a step does when its plugin gives no decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OnFailure<V> {
    /// Continue as if the plugin had answered this.
    Fallback(V),
    /// Ask another plugin. If that fails too, park the run.
    Plugin(Ask),
    /// Park the run until a person looks at it.
    Park,
}

impl<V> OnFailure<V> {
    /// The question to the other plugin, if that is the policy.
    pub const fn ask(&self) -> Option<&Ask> {
        match self {
            Self::Plugin(ask) => Some(ask),
            Self::Fallback(_) | Self::Park => None,
        }
    }
}

/// A `score:` step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub ask: Ask,
    /// The name under which the score is stored. The lead's own score is the one named [`MAIN_SCORE`].
    pub name: String,
    pub on_failure: OnFailure<Segment>,
}

/// The name of the score that sets the lead's segment and points.
pub const MAIN_SCORE: &str = "fit";

/// A `branch:` step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    pub ask: Ask,
    /// The target for each track.
    pub tracks: BTreeMap<String, Target>,
    /// The target for a track that `tracks` does not name.
    pub otherwise: Target,
    /// What happens when there is no decision; a fallback names the track to take.
    pub on_failure: OnFailure<String>,
}

codes! {
    /// How an owner is chosen among several reps.
    pub enum AssignBy {
        /// The rep who has waited longest since the last assignment (practice C2).
        0 LongestIdle = "longest_idle",
        /// Each rep in turn.
        1 RoundRobin = "round_robin",
        /// The rep with the fewest open tasks.
        2 LeastLoaded = "least_loaded",
        /// Each rep in turn, by weight.
        3 Weighted = "weighted",
        /// The owner of the territory to which the lead belongs.
        4 Territory = "territory",
        /// The rep whom the step names.
        5 Rep = "rep",
    }
}

impl AssignBy {
    /// Whether the choice is a single rep, not one among several.
    pub const fn names_one(self) -> bool {
        matches!(self, Self::Territory | Self::Rep)
    }
}

codes! {
    /// What an assignment sticks to: an owner known there is kept before any other is chosen.
    pub enum Sticky {
        /// The lead's own owner.
        0 Lead = "lead",
        /// The owner of the lead's account, or else the lead's own.
        1 Account = "account",
    }
}

/// An `assign:` step, with its `hold:` and `carry:`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assign {
    /// The pool from which an owner is chosen; `None` when the territory decides.
    pub pool: Option<String>,
    pub by: AssignBy,
    /// The rep who is chosen, whatever the pool and the strategy say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rep: Option<String>,
    /// The role that the rep takes in the run. The lead's owner stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether to skip a rep who already had the lead in this run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
    /// Whether the rep is not told. A rep who already had the lead or the role is never told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unannounced: bool,
    /// Which known owner keeps the lead, if any.
    pub sticky: Option<Sticky>,
    /// A rep or pool that takes the lead when no one else can.
    pub fallback: Option<String>,
    /// How long the owner keeps the lead, whatever happens to the run.
    pub hold: Option<HoldRule>,
    pub carry: Carry,
}

impl Assign {
    /// Whether the step begins a hold on the account.
    pub(crate) fn holds_account(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.scope == HoldScope::Account)
    }
}

codes! {
    /// What a hold covers.
    pub enum HoldScope {
        /// This lead alone.
        0 Lead = "lead",
        /// The lead's account, or the lead alone when it has none.
        1 Account = "account",
    }
}

/// Ownership that outlives the run (practice C3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldRule {
    pub scope: HoldScope,
    /// How long the hold lasts. A second lead of the account does not start it again.
    pub span: Span,
    /// An event that makes the hold permanent.
    pub until: Option<EventType>,
    /// Where a new run begins when the hold expires.
    pub on_expiry: Option<Target>,
}

/// What happens to tasks and the previous owner when the owner changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carry {
    /// Whether open tasks go to the new owner.
    pub move_open_tasks: bool,
    /// Whether the previous owner stays as a watcher (practices A5, C3).
    pub watch_previous_owner: bool,
}

/// A `call:` step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The path of the script.
    pub script: String,
    /// The time from the making of the call to its due time.
    pub due: Span,
    /// What happens while the call has not been made.
    pub escalate: Option<Escalate>,
    /// The time after which the call is given up, from when it could first be made and counted like `due`; `None` for
    /// never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_up: Option<Span>,
    #[serde(default, skip_serializing_if = "Doer::is_owner")]
    pub doer: Doer,
    /// The questions that a report answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Inquiry>,
    pub results: Results,
}

/// A `task:` step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Todo {
    /// What has to be done; a template.
    pub objective: String,
    /// The path of an accompanying script.
    pub script: Option<String>,
    /// The time from the making of the task to its due time.
    pub due: Span,
    /// What happens while the task has not been done.
    pub escalate: Option<Escalate>,
    /// The time after which the task is given up, from when it was made and counted like `due`; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_up: Option<Span>,
    #[serde(default, skip_serializing_if = "Doer::is_owner")]
    pub doer: Doer,
    /// The questions that a report answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Inquiry>,
    pub results: Results,
}

/// Who has to do a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doer {
    /// The lead's owner.
    #[default]
    Owner,
    /// The owner's manager, or the owner if there is no manager.
    Manager,
    /// This rep.
    Rep(String),
    /// Any member of this pool.
    Pool(String),
    /// The rep to whom an `assign` of the run gave this role; the owner while nobody has the role.
    Role(String),
}

impl Doer {
    /// Whether it is the lead's owner, which is the default of a file.
    pub const fn is_owner(&self) -> bool {
        matches!(self, Self::Owner)
    }

    /// Whether the doer depends on the lead's owner, so that nobody gets the task of a lead without one.
    pub const fn needs_owner(&self) -> bool {
        matches!(self, Self::Owner | Self::Manager)
    }
}

/// Who is told of something: see [`Notify`] and [`Verb::Watch`](super::Verb::Watch).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Party {
    /// The lead's owner.
    Owner,
    /// The owner's manager.
    Manager,
    /// Everybody who watches the lead.
    Watchers,
    /// The rep who has this role in the run.
    Role(String),
    Rep(String),
    /// Every member of this pool.
    Pool(String),
    /// Another system, reached through this connection.
    Connection(String),
}

/// A `notify:` step: a message to people or to another system. It is not a touch, and nothing waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    pub to: Party,
    /// The key of the text among the workflow's scripts.
    pub script: String,
    /// The connection through which it leaves; `None` for the connection of the workspace's notices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

codes! {
    /// The unit for which an arm of a `split` is drawn.
    pub enum SplitBy {
        /// Each lead by itself.
        0 Lead = "lead",
        /// All leads of an account take the same arm.
        1 Account = "account",
    }
}

/// A `split:` step: an A/B test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    pub by: SplitBy,
    /// What counts as success. Reports compare the arms by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// The arms, in the order of the file. Their shares add up to 100.
    pub arms: Vec<SplitArm>,
}

/// The event that an A/B test aims at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    pub event: EventType,
    /// How long after the draw the event counts.
    pub within: Span,
}

/// One arm of a `split`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitArm {
    pub name: String,
    /// In per cent.
    pub share: u8,
    pub go: Target,
}

/// A `require:` step: fields that must be known before the run goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Require {
    pub fields: Vec<String>,
    /// The leads for which the fields are required.
    pub condition: Expr,
    /// Where the run goes when one of the fields is blank.
    pub missing: Target,
}

/// A question that the report of a task answers. The answer sets a field of the lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// The field that takes the answer.
    pub field: String,
    /// The question, in words for the rep.
    pub question: String,
    /// Whether a report without the answer is refused. For a call, only if the lead was reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// Where outcomes and results lead. The team's own word is looked up first, then its meaning, then the outcome. What is
/// not named goes to `otherwise`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Targets by the team's own words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_own: BTreeMap<String, Target>,
    pub by_result: BTreeMap<TouchResult, Target>,
    /// Looked up when the lead was not reached, or when the result is not named.
    pub by_outcome: BTreeMap<Outcome, Target>,
    /// The target when the task is given up because nobody did it. This is not the outcome of a touch, because there
    /// was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_done: Option<Target>,
    pub otherwise: Target,
}

impl Results {
    /// The target for this outcome and result.
    pub fn lookup(&self, outcome: Option<Outcome>, result: Option<&Said<TouchResult>>) -> Target {
        let own = result.and_then(|result| self.by_own.get(result.own.as_ref()?));
        own.or_else(|| result.and_then(|result| self.by_result.get(&result.means)))
            .or_else(|| outcome.and_then(|outcome| self.by_outcome.get(&outcome)))
            .copied()
            .unwrap_or(self.otherwise)
    }

    /// The target when nobody did the task.
    pub fn given_up(&self) -> Target {
        self.not_done.unwrap_or(self.otherwise)
    }
}

/// An `escalate:` block: points in time at which a plugin is asked what to do about a task that has not been done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Escalate {
    pub ask: Ask,
    /// When each point comes, counted from when the task is first on offer, in ascending order.
    pub at: Vec<Span>,
    /// Who gets a reminder.
    pub remind: Recipient,
    /// Who gets the raised task.
    pub raise: Recipient,
}

/// Who is told of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recipient {
    /// The rep who has the task, or else the lead's owner.
    Owner,
    /// That rep's manager.
    Manager,
    Rep(String),
}

codes! {
    /// How an owner came to be chosen.
    pub enum ChosenBy {
        /// The rep had the lead or its account before.
        0 Sticky = "sticky",
        /// The rep was chosen from the pool.
        1 Pool = "pool",
        /// The rep owns the lead's territory.
        2 Territory = "territory",
        /// The rep was the fallback, because no one else could be found.
        3 Fallback = "fallback",
        /// The rep is away, but no one who is present could be found.
        4 Away = "away",
        /// No owner could be found.
        5 Nobody = "none",
        /// A person chose the owner.
        6 Manual = "manual",
        /// The sender of an event named the owner.
        7 Told = "told",
        /// The step names the rep.
        8 Named = "named",
    }
}

/// An `email:` step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Email {
    /// The path of the script.
    pub script: String,
    /// The connection through which it leaves.
    pub via: String,
    /// Where the run goes, depending on the outcome of the mail. Without this, it goes to the next step in every case.
    /// Mails of a cadence have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<MailResults>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Purpose::is_default")]
    pub purpose: Purpose,
}

/// What a message to a lead is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// It wants something of the lead.
    #[default]
    Outreach,
    /// It answers the lead or confirms what was agreed. Hours, caps, gaps and conversations do not hold it back.
    Answer,
}

impl Purpose {
    /// Whether it is the default of a file.
    pub const fn is_default(&self) -> bool {
        matches!(self, Self::Outreach)
    }
}

/// Where a run goes, depending on the outcome of its mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailResults {
    /// The other side accepted the mail.
    pub sent: Target,
    /// The mail may not leave: the contact gate said never, or there is no address.
    pub refused: Target,
    /// The mail was given up after its attempts.
    pub failed: Target,
}

/// A `cadence:` step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cadence {
    /// The most contacts on the counted channels.
    pub contacts_max: u16,
    /// The channels that count.
    pub count: Vec<Channel>,
    /// The team's own channels that count, whatever they mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub count_own: Vec<String>,
    /// The scripts of the voice-mail series (practice B4).
    pub voicemails: Option<Voicemails>,
    /// Conditions evaluated after every completed touch, in order.
    pub stop: Vec<Arm>,
    /// The touches of one round, in order.
    pub touches: Vec<CadenceTouch>,
    /// How long after the last touch of a round the next round begins; `None` for a single round.
    pub repeat: Option<Span>,
    /// Where the run goes when the contacts or touches are used up.
    pub exhausted: Target,
    /// Where the run goes when three calls in a row were given up because nobody made them; the run is parked when this
    /// is `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_done: Option<Target>,
}

impl Cadence {
    /// Whether a touch on this channel counts as a contact.
    pub fn counts(&self, channel: &Said<Channel>) -> bool {
        self.count.contains(&channel.means) || channel.own.as_ref().is_some_and(|own| self.count_own.contains(own))
    }

    /// The name that records use for the touch at an index.
    pub fn touch_id(&self, place: usize) -> TouchId {
        self.touches.get(place).map_or_else(
            || TouchId::of(&format!("none-{}", place + 1)),
            |touch| match &touch.id {
                Some(id) => TouchId::of(id),
                None => TouchId::of(&format!("{}-{}", touch.touch.verb(), place + 1)),
            },
        )
    }

    /// The index in the list of the touch with this name.
    pub fn place(&self, touch: TouchId) -> Option<usize> {
        let mut places = 0..self.touches.len();
        match touch.place() {
            Some(place) => Some(place).filter(|place| places.contains(place)),
            None => places.find(|place| self.touch_id(*place) == touch),
        }
    }

    /// Whether neither the limit nor the rounds leave room for another call after this touch, which is made after this
    /// many contacts. A message left on it is then the last one.
    pub fn is_last_call(&self, touch: TouchId, contacts: u16) -> bool {
        let Some(place) = self.place(touch) else { return true };
        let counted = |at: usize| {
            let channel = self.touches.get(at).and_then(|touch| touch.touch.channel());
            u16::from(channel.is_some_and(|channel| self.count.contains(&channel)))
        };
        let touches = self.touches.len();
        let ahead = if self.repeat.is_some() { touches } else { touches - 1 - place };
        let mut contacts = contacts.saturating_add(counted(place));
        for step in 1..=ahead {
            let next = (place + step) % touches;
            if contacts >= self.contacts_max {
                return true;
            }
            if matches!(self.touches.get(next), Some(CadenceTouch { touch: TouchPlan::Call { .. }, .. })) {
                return false;
            }
            contacts = contacts.saturating_add(counted(next));
        }
        true
    }

    /// The touch with this name.
    pub fn touch(&self, touch: TouchId) -> Option<&CadenceTouch> {
        self.touches.get(self.place(touch)?)
    }
}

/// The scripts for voice mails: for the first, for those in between, and for the one left on the last call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voicemails {
    pub first: String,
    /// The script for every message in between.
    pub next: String,
    /// The script for the message left on the last call.
    pub last: String,
}

/// One touch of a cadence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CadenceTouch {
    /// The author's id; without one, records name the touch by its verb and place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The time since the completion of the previous touch.
    pub after: Span,
    /// The time of day until which the touch then waits, in minutes after midnight on the lead's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u16>,
    /// Evaluated when the touch falls due. The touch is skipped if it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Expr>,
    /// What happens when the gate says never.
    #[serde(default, skip_serializing_if = "Refused::is_skip")]
    pub refused: Refused,
    pub touch: TouchPlan,
}

/// What a cadence does with a touch that the gate does not allow as things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refused {
    /// The touch is skipped.
    #[default]
    Skip,
    /// The touch is tried again every business day until it may happen.
    Wait,
}

impl Refused {
    /// Whether it is the default of a file.
    pub const fn is_skip(&self) -> bool {
        matches!(self, Self::Skip)
    }
}

/// What happens at a touch of a cadence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TouchPlan {
    Call {
        /// The path of the script.
        script: String,
        /// The time from the making of the call to its due time.
        due: Span,
        /// The second dial, for when the first is not answered.
        redial: Option<Redial>,
        /// What happens while the call has not been made.
        escalate: Option<Escalate>,
        /// The time after which the call is given up, from when it could first be made and counted like `due`; `None`
        /// for never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        give_up: Option<Span>,
    },
    Email(Email),
    /// A text message.
    Message(Email),
    /// A task for a person, such as a message in a social network.
    Task {
        /// What has to be done; a template.
        objective: String,
        /// The path of an accompanying script.
        script: Option<String>,
        /// The channel through which the task reaches the lead; `None` for a task that is not a touch.
        channel: Option<Channel>,
        /// The team's own word for the channel, if the file has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel_own: Option<String>,
        /// The time from the making of the task to its due time.
        due: Span,
        /// What happens while the task has not been done.
        escalate: Option<Escalate>,
        /// The time after which the task is given up, from when it was made; `None` for never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        give_up: Option<Span>,
    },
}

impl TouchPlan {
    /// The verb as the file spells it.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Call { .. } => "call",
            Self::Email(_) => "email",
            Self::Message(_) => "message",
            Self::Task { .. } => "task",
        }
    }

    /// The channel of the touch, if it is one.
    pub const fn channel(&self) -> Option<Channel> {
        match self {
            Self::Call { .. } => Some(Channel::Call),
            Self::Email(_) => Some(Channel::Email),
            Self::Message(_) => Some(Channel::Message),
            Self::Task { channel, .. } => *channel,
        }
    }

    /// The channel as the file names it, if this is a touch.
    pub fn channel_named(&self) -> Option<Said<Channel>> {
        let own = if let Self::Task { channel_own, .. } = self { channel_own.clone() } else { None };
        self.channel().map(|means| Said { means, own })
    }

    /// Whether a person makes the touch.
    pub const fn is_task(&self) -> bool {
        matches!(self, Self::Call { .. } | Self::Task { .. })
    }
}

/// The double dial (practice B6): a second dial a few minutes later, counted as one contact with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redial {
    pub after: Span,
    /// Whether the message is left on the second dial rather than on the first.
    pub voicemail_on_redial: bool,
}

/// A `wait:` step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Wait {
    /// Waits for a span of time.
    For(Span),
    /// Waits until some time before or after a date of the lead, and follows the date when it moves.
    Until {
        date: Expr,
        /// The distance from the date.
        offset: Span,
        /// Whether the moment lies before the date rather than after it.
        before: bool,
        /// Where to go when that moment has already passed on arrival.
        past: Target,
        /// Where to go when the date is blank, on arrival or later.
        blank: Target,
    },
    /// Waits until a day or an opening that is strictly later than now, on the lead's clock.
    Next {
        day: NextDay,
        /// The time of day, in minutes after midnight; `None` for the beginning of business hours.
        at: Option<u16>,
    },
    /// Waits until one of several events comes.
    Event {
        #[serde(flatten)]
        first: Awaited,
        /// Further events that end the wait.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        or: Vec<Awaited>,
        /// How far back events count that were received before the run came to this step.
        #[serde(default, skip_serializing_if = "Since::is_moved")]
        since: Since,
        /// The longest wait.
        timeout: Span,
        /// Where to go when no such event has arrived by then.
        on_timeout: Target,
    },
}

impl Wait {
    /// The events that end the wait, in the order of the file.
    pub fn awaited(&self) -> impl Iterator<Item = &Awaited> {
        let (first, or): (Option<&Awaited>, &[Awaited]) = match self {
            Self::Event { first, or, .. } => (Some(first), or),
            Self::For(_) | Self::Until { .. } | Self::Next { .. } => (None, &[]),
        };
        first.into_iter().chain(or)
    }
}

/// An event that ends a wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Awaited {
    pub event: EventType,
    /// The condition on the event.
    pub condition: Expr,
    pub go: Target,
}

/// The time from which an event counts for a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Since {
    /// Since the run last moved.
    #[default]
    Moved,
    /// Since the run began.
    Run,
    /// Since the run came to this step.
    Step(StepIx),
}

impl Since {
    /// Whether it is the default of a file.
    pub const fn is_moved(&self) -> bool {
        matches!(self, Self::Moved)
    }
}

codes! {
    /// The day that a wait is for.
    pub enum NextDay {
        0 Monday = "monday",
        1 Tuesday = "tuesday",
        2 Wednesday = "wednesday",
        3 Thursday = "thursday",
        4 Friday = "friday",
        5 Saturday = "saturday",
        6 Sunday = "sunday",
        /// The next day, whatever day of the week it is.
        7 Day = "day",
        /// The next time at which business hours begin.
        8 Opening = "opening",
    }
}

/// One assignment of an `update:` step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Assignment {
    /// A standard or custom field that may be given.
    Field {
        field: String,
        /// The new value. A literal blank clears the field; a computed blank leaves it as it is.
        value: Expr,
    },
    Stage(Stage),
    /// One of the team's own stages, with its meaning.
    OwnStage {
        own: String,
        means: Stage,
    },
    Segment(Segment),
}

/// A template, with the keys of its front matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// What the touch should achieve (practice B1).
    pub objective: String,
    /// Who first tried it on a few people (practice B12).
    pub reviewed_by: Option<String>,
    /// The subject line of a mail; a template.
    pub subject: Option<String>,
    /// The text; a Jinja template.
    pub body: String,
}

impl Script {
    /// Whether the script may use this object. Objects that are costly to look up are looked up only in that case.
    pub fn may_name(&self, object: Object) -> bool {
        let texts = [Some(&self.objective), self.subject.as_ref(), Some(&self.body)];
        texts.into_iter().flatten().any(|text| text.contains(object.as_str()))
    }
}
