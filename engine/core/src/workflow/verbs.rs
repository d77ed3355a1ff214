//! What the verbs of a step say, each as its keys stand in the file.

use super::names::TouchId;
use super::{Arm, Target};
use crate::codes::codes;
use crate::event_type::EventType;
use crate::expr::{Expr, Object};
use crate::lead::{Channel, Outcome, Stage, TouchResult};
use crate::plugin::{Segment, With};
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A question to a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The plugin's name.
    pub plugin: String,
    /// Its parameters by name.
    pub with: With,
}

/// What a step does when its plugin gives no decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OnFailure<V> {
    /// Go on as if it had said this.
    Fallback(V),
    /// Ask another plugin; when that fails too, park.
    Plugin(Ask),
    /// Wait for a person.
    Park,
}

impl<V> OnFailure<V> {
    /// The other plugin, when that is the policy.
    pub const fn ask(&self) -> Option<&Ask> {
        match self {
            Self::Plugin(ask) => Some(ask),
            Self::Fallback(_) | Self::Park => None,
        }
    }
}

/// `score:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Whom to ask.
    pub ask: Ask,
    /// Under which name the score is kept. The lead's own score is the one named [`MAIN_SCORE`].
    pub name: String,
    /// When no decision comes.
    pub on_failure: OnFailure<Segment>,
}

/// The name of the score that sets the lead's segment and points.
pub const MAIN_SCORE: &str = "fit";

/// `branch:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// Whom to ask.
    pub ask: Ask,
    /// Where each track leads.
    pub tracks: BTreeMap<String, Target>,
    /// Where any other leads.
    pub otherwise: Target,
    /// When no decision comes: the track to take.
    pub on_failure: OnFailure<String>,
}

codes! {
    /// How an owner is chosen among several.
    pub enum AssignBy {
        /// Who has waited longest since the last assignment (practice C2).
        0 LongestIdle = "longest_idle",
        /// In turn.
        1 RoundRobin = "round_robin",
        /// Who owns the fewest open tasks.
        2 LeastLoaded = "least_loaded",
        /// In turn, by weight.
        3 Weighted = "weighted",
        /// By the territory the lead lies in.
        4 Territory = "territory",
    }
}

codes! {
    /// What an assignment sticks to: an owner known there is taken before anybody is chosen.
    pub enum Sticky {
        /// The lead's own owner.
        0 Lead = "lead",
        /// The owner of the lead's account, else the lead's own.
        1 Account = "account",
    }
}

/// `assign:` with `hold:` and `carry:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assign {
    /// The pool chosen from; none when by territory.
    pub pool: Option<String>,
    /// How.
    pub by: AssignBy,
    /// Whether a known owner is kept.
    pub sticky: Option<Sticky>,
    /// A rep or pool that takes it when nobody else can.
    pub fallback: Option<String>,
    /// How long the owner keeps it, whatever becomes of the run.
    pub hold: Option<Hold>,
    /// What moves along when the owner changes.
    pub carry: Carry,
}

codes! {
    /// What a hold is on.
    pub enum HoldScope {
        /// This lead alone.
        0 Lead = "lead",
        /// The lead's account; the lead alone when it has none.
        1 Account = "account",
    }
}

/// Ownership that outlives the run (practice C3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// On what.
    pub scope: HoldScope,
    /// For how long; a second lead of the account does not start it again.
    pub span: Span,
    /// An event that makes it permanent.
    pub until: Option<EventType>,
    /// Where a run of its own begins when it expires.
    pub on_expiry: Option<Target>,
}

/// What moves along when the owner changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carry {
    /// Open tasks go to the new owner.
    pub move_open_tasks: bool,
    /// The previous owner stays a watcher (practices A5, C3).
    pub watch_previous_owner: bool,
}

/// `call:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Path of the script.
    pub script: String,
    /// Due so long after it was made.
    pub due: Span,
    /// What happens while it is not done.
    pub escalate: Option<Escalate>,
    /// How long after it could first be made it is given up, counted as `due` is; never when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_up: Option<Span>,
    /// Who is to do it.
    #[serde(default, skip_serializing_if = "Doer::is_owner")]
    pub doer: Doer,
    /// What a report answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Inquiry>,
    /// Where each outcome or result leads.
    pub results: Results,
}

/// `task:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Todo {
    /// What is to be done, a template.
    pub objective: String,
    /// A script to go with it.
    pub script: Option<String>,
    /// Due so long after it was made.
    pub due: Span,
    /// What happens while it is not done.
    pub escalate: Option<Escalate>,
    /// How long after it was made it is given up, counted as `due` is; never when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_up: Option<Span>,
    /// Who is to do it.
    #[serde(default, skip_serializing_if = "Doer::is_owner")]
    pub doer: Doer,
    /// What a report answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Inquiry>,
    /// Where each outcome or result leads.
    pub results: Results,
}

/// Who is to do a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doer {
    /// The lead's owner.
    #[default]
    Owner,
    /// The owner's manager; the owner when there is none.
    Manager,
    /// This rep.
    Rep(String),
    /// Any member of this pool.
    Pool(String),
}

impl Doer {
    /// Whether it is the lead's owner, as it is when a file does not say.
    pub const fn is_owner(&self) -> bool {
        matches!(self, Self::Owner)
    }

    /// Whether it follows from the lead's owner, so that a lead without one gives the task to nobody.
    pub const fn needs_owner(&self) -> bool {
        matches!(self, Self::Owner | Self::Manager)
    }
}

/// A question that the report of a task answers, with a field of the lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// The field that takes the answer.
    pub field: String,
    /// The question, in words for the rep.
    pub question: String,
    /// Whether a report without the answer is refused: of a call only when the lead was reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// Where outcomes and results lead: a result is looked up before its outcome; what is not named takes `otherwise`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// By result.
    pub by_result: BTreeMap<TouchResult, Target>,
    /// By outcome, when the lead was not reached or the result is not named.
    pub by_outcome: BTreeMap<Outcome, Target>,
    /// When it is given up because nobody did it. That is no outcome of a touch: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_done: Option<Target>,
    /// Everything else.
    pub otherwise: Target,
}

impl Results {
    /// Where this outcome and result lead.
    pub fn lookup(&self, outcome: Option<Outcome>, result: Option<TouchResult>) -> Target {
        result
            .and_then(|result| self.by_result.get(&result))
            .or_else(|| outcome.and_then(|outcome| self.by_outcome.get(&outcome)))
            .copied()
            .unwrap_or(self.otherwise)
    }

    /// Where it leads when nobody did it.
    pub fn given_up(&self) -> Target {
        self.not_done.unwrap_or(self.otherwise)
    }
}

/// `escalate:` points at which a plugin is asked what to do about a task that is not done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Escalate {
    /// Whom to ask.
    pub ask: Ask,
    /// When: so long after the task was made, ascending.
    pub at: Vec<Span>,
    /// Whom a reminder goes to.
    pub remind: Recipient,
    /// Whom it is raised to.
    pub raise: Recipient,
}

/// Somebody who hears of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recipient {
    /// The lead's owner.
    Owner,
    /// The owner's manager.
    Manager,
    /// This rep.
    Rep(String),
}

codes! {
    /// How an owner came about.
    pub enum ChosenBy {
        /// Who had the lead or its account before.
        0 Sticky = "sticky",
        /// From the pool.
        1 Pool = "pool",
        /// By the lead's territory.
        2 Territory = "territory",
        /// The fallback, since nobody else could be found.
        3 Fallback = "fallback",
        /// Somebody who is away, since nobody who is here could be found.
        4 Away = "away",
        /// Nobody could be found.
        5 Nobody = "none",
        /// By a person's choice.
        6 Manual = "manual",
        /// As the sender of an event has it.
        7 Told = "told",
    }
}

/// `email:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Email {
    /// Path of the script.
    pub script: String,
    /// The connection it leaves by.
    pub via: String,
    /// Where it leads by what becomes of the mail; on to the next step in every case when none. Mails of a cadence have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<MailResults>,
}

/// Where a mail leads by what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailResults {
    /// The other side took it.
    pub sent: Target,
    /// It may not leave: the contact gate said never, or there is no address.
    pub refused: Target,
    /// It was given up after its attempts.
    pub failed: Target,
}

/// `cadence:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cadence {
    /// The most contacts of the counted channels.
    pub contacts_max: u16,
    /// Which channels count.
    pub count: Vec<Channel>,
    /// Scripts of the voice-mail series (practice B4).
    pub voicemails: Option<Voicemails>,
    /// Asked after every completed touch, in order.
    pub stop: Vec<Arm>,
    /// The touches of one round, in order.
    pub touches: Vec<CadenceTouch>,
    /// How long after the last touch the round begins anew; once only when none.
    pub repeat: Option<Span>,
    /// Where it goes when the contacts or touches are used up.
    pub exhausted: Target,
    /// Where it goes when three calls in a row were given up because nobody made them; the run is parked when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_done: Option<Target>,
}

impl Cadence {
    /// How records name the touch at a place.
    pub fn touch_id(&self, place: usize) -> TouchId {
        let verb = self.touches.get(place).map_or("none", |touch| match touch.touch {
            TouchPlan::Call { .. } => "call",
            TouchPlan::Email(_) => "email",
        });
        TouchId::of(&format!("{verb}-{}", place + 1))
    }

    /// The place of a touch.
    pub fn place(&self, touch: TouchId) -> Option<usize> {
        let mut places = 0..self.touches.len();
        match touch.place() {
            Some(place) => Some(place).filter(|place| places.contains(place)),
            None => places.find(|place| self.touch_id(*place) == touch),
        }
    }

    /// The touch at which a cadence stands.
    pub fn touch(&self, touch: TouchId) -> Option<&CadenceTouch> {
        self.touches.get(self.place(touch)?)
    }
}

/// One script for each message left: the first, those between, and the last before the limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voicemails {
    /// The first message.
    pub first: String,
    /// Every message between.
    pub next: String,
    /// The message left on the last contact.
    pub last: String,
}

/// One touch of a cadence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CadenceTouch {
    /// Counted from the completion of the touch before.
    pub after: Span,
    /// What is done.
    pub touch: TouchPlan,
}

/// What a touch of a cadence is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TouchPlan {
    /// A call task.
    Call {
        /// Path of the script.
        script: String,
        /// Due so long after it was made.
        due: Span,
        /// The second dial when nobody answers.
        redial: Option<Redial>,
        /// What happens while it is not done.
        escalate: Option<Escalate>,
        /// How long after it could first be made it is given up, counted as `due` is; never when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        give_up: Option<Span>,
    },
    /// A mail.
    Email(Email),
}

/// The double dial (practice B6): once more a few minutes later, counted as one contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redial {
    /// How long after the first dial.
    pub after: Span,
    /// Whether the message is left on the redial rather than on the first dial.
    pub voicemail_on_redial: bool,
}

/// `wait:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Wait {
    /// For so long.
    For(Span),
    /// Until so long before or after a date of the lead; follows the date when it moves.
    Until {
        /// The date.
        date: Expr,
        /// How far from it.
        offset: Span,
        /// Before it rather than after.
        before: bool,
        /// Where to go when that moment has already passed on entering.
        past: Target,
        /// Where to go when the date is blank, on entering or later.
        blank: Target,
    },
    /// Until an event comes.
    Event {
        /// The event.
        event: EventType,
        /// Which of them.
        condition: Expr,
        /// Where it leads.
        go: Target,
        /// At the latest after this…
        timeout: Span,
        /// …go there.
        on_timeout: Target,
    },
}

/// One field set by `update:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Assignment {
    /// A given field, standard or custom.
    Field {
        /// Its name.
        field: String,
        /// Its new value; blank clears it.
        value: Expr,
    },
    /// The stage.
    Stage(Stage),
    /// The segment.
    Segment(Segment),
}

/// A template, with what its front matter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// What the touch is to achieve (practice B1).
    pub objective: String,
    /// Who tried it on a few people first (practice B12).
    pub reviewed_by: Option<String>,
    /// Subject line, a template; mails have one.
    pub subject: Option<String>,
    /// The text, a Jinja template.
    pub body: String,
}

impl Script {
    /// Whether it may name this object: what is costly to look up is looked up only then.
    pub fn may_name(&self, object: Object) -> bool {
        let texts = [Some(&self.objective), self.subject.as_ref(), Some(&self.body)];
        texts.into_iter().flatten().any(|text| text.contains(object.as_str()))
    }
}
