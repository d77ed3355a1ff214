//! Everything that can happen to a lead: one closed set. An event from outside has its sender's id; what the engine
//! tells itself (timers, decisions, results of effects) is here too, so that the journal is one list of events.

pub use crate::event_type::{EventType, StandardEvent, meant_type};

use crate::country::Country;
use crate::field::FieldError;
use crate::id::{Digest, EffectId, LeadId, RunId, TaskId};
use crate::identity::{Binding, IdentityKey, IdentityKind};
use crate::lead::{Channel, Outcome, RepId, Stage, TouchResult};
use crate::paused::Paused;
use crate::plugin::{Cost, Decision, DecisionFailure, DecisionInput};
use crate::reading::LeftOut;
use crate::time::{MINUTE_MS, Timestamp};
use crate::value::Value;
use crate::verdict::Verdict;
use crate::workflow::{ChosenBy, ScriptId, StepId, StepRef, landing};
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// The most bytes of an event id given by a sender.
pub const EVENT_ID_BYTES_MAX: usize = 128;
/// The most names under an event's `data`.
pub const EVENT_DATA_MAX: usize = 64;
/// How far ahead of our clock a sender's may be, in milliseconds: what is said to have happened later than that has not
/// happened, and is refused at every door.
pub const AHEAD_MS_MAX: i64 = 5 * MINUTE_MS;

/// An event from outside, checked: its fields fit the workspace.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Report {
    /// What happened.
    #[n(0)]
    pub kind: EventType,
    /// When, by the sender's word.
    #[n(1)]
    pub at: Timestamp,
    /// The source that delivered it.
    #[n(2)]
    pub source: String,
    /// What it says about the lead: field and value, blank clears.
    #[cbor(n(3), with = "crate::field::wire", skip_if = "Vec::is_empty", default)]
    pub fields: Vec<(String, Value)>,
    /// Everything else it brought, flat.
    #[n(4)]
    #[cbor(skip_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, Value>,
    /// Whether it may enrol; false for imported history.
    #[n(5)]
    pub enrolls: bool,
    /// It names nothing but what several leads have, so its fields are perhaps another's: none is set.
    #[n(60)]
    #[cbor(skip_if = "is_false", default)]
    pub only_finds: bool,
    /// What it brought and could not be read.
    #[n(70)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub left_out: Vec<LeftOut>,
    /// Where the sender says that the lead stands.
    #[n(71)]
    pub standing: Option<Standing>,
    /// Addresses and numbers that it says something against, beside those among its fields: several in one text or list,
    /// those under `data`.
    #[cbor(n(72), with = "crate::field::wire", skip_if = "Vec::is_empty", default)]
    pub also: Vec<(String, Value)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive passes fields by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Consent, stage and owner, as a sender knows them: a list that is imported, a CRM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Standing {
    /// Whether the lead asked not to be contacted. False lifts nothing.
    #[n(0)]
    pub opted_out: Option<bool>,
    /// Channels it does not want, besides those that are known.
    #[n(1)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub refused: Vec<Channel>,
    /// Its stage.
    #[n(2)]
    pub stage: Option<Stage>,
    /// Its owner, a rep of the team.
    #[n(3)]
    pub owner: Option<RepId>,
}

impl Standing {
    /// Whether the lead is not to be contacted.
    pub fn opts_out(&self) -> bool {
        self.opted_out == Some(true) || self.stage == Some(Stage::Suppressed)
    }
}

impl Report {
    /// Whether it says that it brings fields; anything else names a lead only to find it.
    pub const fn brings_fields(&self) -> bool {
        matches!(self.kind, EventType::Standard(StandardEvent::LeadCreated | StandardEvent::LeadUpdated))
    }

    /// Whether somebody asks in it not to be contacted: an opt-out counts wherever it is told.
    pub fn opts_out(&self) -> bool {
        self.kind == EventType::Standard(StandardEvent::LeadOptedOut)
            || self.standing.as_ref().is_some_and(Standing::opts_out)
            || self.text("result").and_then(TouchResult::parse) == Some(TouchResult::OptedOut)
    }

    /// Whether somebody says in it that there are to be no contacts, or none by some way.
    pub fn says_no(&self) -> bool {
        self.opts_out() || self.standing.as_ref().is_some_and(|standing| !standing.refused.is_empty())
    }

    /// Whether it says something against an address or number: it is asked not to be used, or serves nobody.
    pub fn is_against(&self) -> bool {
        let outcome = || self.text("outcome").and_then(Outcome::parse);
        self.says_no()
            || match self.kind {
                EventType::Standard(StandardEvent::EmailBounced) => true,
                EventType::Standard(StandardEvent::CallCompleted) => outcome() == Some(Outcome::WrongNumber),
                _ => false,
            }
    }

    /// A text among the lead's fields.
    pub fn field_text(&self, field: &str) -> Option<&str> {
        self.fields.iter().find_map(|(name, value)| match value {
            Value::Text(text) if name == field => Some(text.as_str()),
            _ => None,
        })
    }

    /// Where its telephone numbers are when they do not say of which country; `home` when it does not say either.
    pub fn country(&self, home: Option<Country>) -> Option<Country> {
        self.field_text("country").and_then(Country::parse).or(home)
    }

    /// A text under `data`.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.data.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// What happens to a lead.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Event {
    /// Something happened outside.
    #[n(0)]
    Reported(#[n(0)] Report),
    /// Somebody reports what came of a task.
    #[n(1)]
    TaskDone(#[n(0)] TaskReport),
    /// Somebody takes, moves or puts off a task.
    #[n(2)]
    TaskMoved {
        /// The task.
        #[n(0)]
        task: TaskId,
        /// How.
        #[n(1)]
        change: TaskChange,
        /// By whom: a rep or the name of a token.
        #[n(2)]
        by: String,
    },
    /// A deadline of the lead has come.
    #[n(3)]
    TimerDue,
    /// A plugin answered, or could not.
    #[n(4)]
    Decided(#[n(0)] Answer),
    /// An owner was chosen.
    #[n(5)]
    Assigned {
        /// The run that asked.
        #[n(0)]
        run: RunId,
        /// Its attempt.
        #[n(1)]
        attempt: u32,
        /// Who; none when nobody could be found.
        #[n(2)]
        owner: Option<RepId>,
        /// How the choice came about.
        #[n(3)]
        how: ChosenBy,
    },
    /// What became of a message sent.
    #[n(6)]
    Delivered {
        /// The effect.
        #[n(0)]
        effect: EffectId,
        /// Its run.
        #[n(1)]
        run: RunId,
        /// The run's attempt when the effect was made.
        #[n(2)]
        attempt: u32,
        /// How it ended.
        #[n(3)]
        ending: Delivery,
        /// The script of a mail.
        #[n(4)]
        script: Option<ScriptId>,
        /// The step that made it.
        #[n(5)]
        at: Option<StepRef>,
    },
    /// A person or a schedule puts the lead into a workflow.
    #[n(7)]
    Enrolled {
        /// The workflow's name.
        #[n(0)]
        workflow: String,
        /// A firing or a token's name; a schedule's firing enrols once.
        #[n(1)]
        by: String,
    },
    /// The hold on the lead's account or on the lead expired.
    #[n(8)]
    HoldExpired {
        /// The definition that made it.
        #[n(0)]
        workflow: Digest,
        /// Where a run of its own begins, if there is one.
        #[cbor(n(1), with = "landing")]
        go: Option<StepId>,
    },
    /// A person does something to the lead.
    #[n(9)]
    Commanded {
        /// What.
        #[n(0)]
        command: LeadCommand,
        /// By whom.
        #[n(1)]
        by: String,
    },
    /// Something changed that the lead's runs may have stood still for: a workflow that was paused goes on.
    #[n(10)]
    Woken,
    /// What is known of the lead's account changed before the events that follow in this transition; a mark in the
    /// journal for whoever plays it again.
    #[n(11)]
    AccountKnown(#[n(0)] Option<crate::account_facts::AccountFacts>),
    /// The same as [`Self::Braked`], as earlier programs wrote it: workflows, and `plugin/` with the name of a plugin.
    #[n(12)]
    Paused(#[n(0)] std::collections::BTreeSet<String>),
    /// Something binds an address or number that the lead has.
    #[n(60)]
    Bound {
        /// Which.
        #[n(0)]
        key: IdentityKey,
        /// What.
        #[n(1)]
        binding: Binding,
    },
    /// Another lead got a key that this one has.
    #[n(61)]
    KeyShared {
        /// Of which kind.
        #[n(0)]
        kind: IdentityKind,
        /// Which lead.
        #[n(1)]
        with: LeadId,
    },
    /// What bound an address or number that the lead has was taken back.
    #[n(63)]
    Unbound {
        /// Which.
        #[n(0)]
        key: IdentityKey,
        /// What bound it.
        #[n(1)]
        why: crate::identity::Why,
    },
    /// A key that leads to the lead was made by older rules; today's make another one of it.
    #[n(62)]
    RulesRaised(#[n(0)] IdentityKey),
    /// The pool has no place for the question of a run.
    #[n(120)]
    PutOff {
        /// The run that asked.
        #[n(0)]
        run: RunId,
        /// Its attempt.
        #[n(1)]
        attempt: u32,
    },
    /// The pool has a place for the question of this run, which waits for one.
    #[n(121)]
    PlaceFree(#[n(0)] RunId),
    /// A message is put off, for another reason or to another time than before; earlier programs asked the gate elsewhere.
    #[n(122)]
    Deferred {
        /// On which way.
        #[n(0)]
        channel: Channel,
        /// Why, and until when.
        #[n(1)]
        verdict: Verdict,
    },
    /// A message falls due: may it leave?
    #[n(123)]
    MessageDue(#[n(0)] MessageDue),
    /// A message that was about to leave did not: what is in force is about to change, and it is asked about again then.
    #[n(124)]
    TakenBack(#[n(0)] EffectId),
    /// What was paused during the transition; a mark in the journal for whoever plays it again.
    #[n(125)]
    Braked(#[n(0)] Paused),
}

/// A message that falls due: as much of it as decides whether it may leave.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MessageDue {
    /// Which.
    #[n(0)]
    pub effect: EffectId,
    /// The run it comes from.
    #[n(1)]
    pub run: RunId,
    /// The run's attempt when it was made.
    #[n(2)]
    pub attempt: u32,
    /// On which way it touches the lead; none when it is a notice to a rep.
    #[n(3)]
    pub channel: Option<Channel>,
    /// The connection that it leaves by.
    #[n(4)]
    pub via: String,
    /// The step that wrote a mail; the pause of its workflow holds it.
    #[n(5)]
    pub at: Option<StepRef>,
    /// The script of a mail.
    #[n(6)]
    pub script: Option<ScriptId>,
    /// The address of a mail that was rendered for an earlier attempt.
    #[n(7)]
    pub written_to: Option<String>,
    /// Whether an earlier attempt may have left, nobody knows.
    #[n(8)]
    #[cbor(skip_if = "is_false", default)]
    pub may_have_left: bool,
    /// Whether a person wants it, whatever its run does by now.
    #[n(9)]
    #[cbor(skip_if = "is_false", default)]
    pub wanted: bool,
    /// Why it was put off last.
    #[n(10)]
    pub deferred: Option<Verdict>,
}

/// What asks a plugin. An answer that no longer fits is recorded and not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Asker {
    /// A run's step.
    #[n(0)]
    Step {
        /// The run's attempt.
        #[n(0)]
        attempt: u32,
    },
    /// A task that is overdue.
    #[n(1)]
    Task {
        /// The task.
        #[n(0)]
        task: TaskId,
        /// The point of its escalation.
        #[n(1)]
        point: u16,
    },
}

impl Asker {
    /// The task that it is about.
    pub const fn task(self) -> Option<TaskId> {
        if let Self::Task { task, .. } = self { Some(task) } else { None }
    }

    /// The number of the attempt, or of the point.
    pub const fn number(self) -> u32 {
        match self {
            Self::Step { attempt } => attempt,
            Self::Task { point, .. } => point as u32,
        }
    }
}

/// An answer to [`crate::effect::Effect::Decide`].
#[derive(Clone, Debug, PartialEq, Encode)]
pub struct Answer {
    /// The run that asked.
    #[n(0)]
    pub run: RunId,
    /// The attempt of its step, or the overdue task, that it is an answer to.
    #[n(1)]
    pub asker: Asker,
    /// The plugin asked.
    #[n(3)]
    pub plugin: String,
    /// The build that answered; none when none could be asked.
    #[n(4)]
    pub digest: Option<Digest>,
    /// What it was asked.
    #[n(5)]
    pub input: DecisionInput,
    /// What it answered.
    #[n(6)]
    pub decision: Result<Decision, DecisionFailure>,
    /// What that cost.
    #[n(7)]
    pub cost: Cost,
    /// The lines that the plugin said meanwhile; they may name people.
    #[n(8)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// An answer as it is read: earlier programs wrote a number, and the task beside it.
#[derive(Decode)]
struct AnswerRead {
    #[n(0)]
    run: RunId,
    #[n(1)]
    asker: AskerRead,
    #[n(2)]
    task: Option<TaskId>,
    #[n(3)]
    plugin: String,
    #[cbor(n(4), with = "crate::id::known")]
    digest: Option<Digest>,
    #[n(5)]
    input: DecisionInput,
    #[n(6)]
    decision: Result<Decision, DecisionFailure>,
    #[n(7)]
    cost: Cost,
    #[n(8)]
    #[cbor(default)]
    log: Vec<String>,
}

enum AskerRead {
    Number(u32),
    Asker(Asker),
}

impl<'b, C> Decode<'b, C> for AskerRead {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        match d.datatype()? {
            minicbor::data::Type::Array => Asker::decode(d, ctx).map(Self::Asker),
            _ => d.u32().map(Self::Number),
        }
    }
}

impl<'b, C> Decode<'b, C> for Answer {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let AnswerRead { run, asker, task, plugin, digest, input, decision, cost, log } = AnswerRead::decode(d, ctx)?;
        let asker = match (asker, task) {
            (AskerRead::Asker(asker), _) => asker,
            (AskerRead::Number(attempt), None) => Asker::Step { attempt },
            (AskerRead::Number(point), Some(task)) => {
                Asker::Task { task, point: u16::try_from(point).unwrap_or(u16::MAX) }
            }
        };
        Ok(Self { run, asker, plugin, digest, input, decision, cost, log })
    }
}

/// What came of a task.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct TaskReport {
    /// The task.
    #[n(0)]
    pub task: TaskId,
    /// What came of it.
    #[n(1)]
    pub outcome: Outcome,
    /// What the lead said.
    #[n(2)]
    pub result: Option<TouchResult>,
    /// Free notes.
    #[n(3)]
    pub notes: Option<String>,
    /// What was learnt: field and value.
    #[cbor(n(4), with = "crate::field::wire")]
    pub fields: Vec<(String, Value)>,
    /// When to call again, for `callback`.
    #[n(5)]
    pub callback_at: Option<Timestamp>,
    /// By whom.
    #[n(6)]
    pub by: String,
}

/// How a task changes hands or time.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum TaskChange {
    /// A rep of the pool takes it.
    #[n(0)]
    Claimed(#[n(0)] RepId),
    /// It is given to a rep.
    #[n(1)]
    Reassigned(#[n(0)] RepId),
    /// Not before this time.
    #[n(2)]
    Snoozed(#[n(0)] Timestamp),
}

/// How a sending ended.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Delivery {
    /// The other side took it.
    #[n(0)]
    Sent,
    /// The gate said never.
    #[n(1)]
    HeldBack(#[n(0)] String),
    /// Every attempt failed; it lies with the dead letters.
    #[n(2)]
    Dead(#[n(0)] String),
    /// A person threw it away out of the dead letters.
    #[n(110)]
    Discarded(#[n(0)] String),
    /// A person took it back out of the dead letters: it is sent again.
    #[n(111)]
    Redriven(#[n(0)] String),
}

crate::codes::codes! {
    /// How a sending ended, without what was said of it.
    pub enum Ending {
        /// The other side took it.
        0 Sent = "sent",
        /// It may not leave.
        1 HeldBack = "held_back",
        /// Every attempt failed; it lies with the dead letters.
        2 Dead = "dead",
        /// A person threw it away out of the dead letters.
        3 Discarded = "discarded",
        /// A person took it back out of the dead letters: it is sent again.
        4 Redriven = "redriven",
    }
}

impl Delivery {
    /// Without what was said of it.
    pub const fn ending(&self) -> Ending {
        match self {
            Self::Sent => Ending::Sent,
            Self::HeldBack(_) => Ending::HeldBack,
            Self::Dead(_) => Ending::Dead,
            Self::Discarded(_) => Ending::Discarded,
            Self::Redriven(_) => Ending::Redriven,
        }
    }
}

/// From when on a lead wants to hear of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Whenever: a wish that was there is taken back.
    AnyTime,
    /// From then on.
    Then(Timestamp),
}

/// As a time, or `true`. Earlier programs wrote the beginning of 1970 for any time.
impl<C> Encode<C> for Wish {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::AnyTime => e.bool(true)?.ok(),
            Self::Then(at) => at.encode(e, ctx),
        }
    }
}

impl<'b, C> Decode<'b, C> for Wish {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        if d.datatype()? == minicbor::data::Type::Bool {
            return d.bool().map(|_| Self::AnyTime);
        }
        let at = Timestamp::decode(d, ctx)?;
        Ok(if at.as_ms() == 0 { Self::AnyTime } else { Self::Then(at) })
    }
}

/// What a person does to a lead.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum LeadCommand {
    /// No more touches, by anybody.
    #[n(0)]
    OptOut {
        /// In the lead's words.
        #[n(0)]
        reason: Option<String>,
    },
    /// Which ways and from when; what is none stays as it was.
    #[n(1)]
    Prefer {
        /// Channels not wanted.
        #[n(0)]
        refused: Option<Vec<Channel>>,
        /// From when on.
        #[n(1)]
        from: Option<Wish>,
    },
    /// Touches are held back until resumed.
    #[n(2)]
    Pause,
    /// Go on.
    #[n(3)]
    Resume,
    /// Another owner.
    #[n(4)]
    SetOwner(#[n(0)] RepId),
    /// Will never buy.
    #[n(5)]
    Disqualify {
        /// Why.
        #[n(0)]
        reason: String,
    },
    /// A run is ended.
    #[n(6)]
    CancelRun(#[n(0)] RunId),
    /// A parked run tries its step again.
    #[n(7)]
    Unpark(#[n(0)] RunId),
    /// The lead leaves a workflow.
    #[n(8)]
    Remove {
        /// The workflow's name.
        #[n(0)]
        workflow: String,
    },
}

/// An event with its id and the lead it came to; ids from outside are text.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Arrival {
    /// The sender's id, or ours.
    #[n(0)]
    pub id: String,
    /// Whom it came to.
    #[n(1)]
    pub lead: LeadId,
    /// What.
    #[n(2)]
    pub event: Event,
}

/// Why an event from outside is refused at the door.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// A field does not fit.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The type is unknown.
    #[error("`{0}` is no event type: use one of the standard types or `custom.` and a name")]
    Type(String),
    /// The id is empty or too long.
    #[error("an event id has 1 to {EVENT_ID_BYTES_MAX} bytes")]
    Id,
    /// Too much under `data`.
    #[error("`data` has more than {EVENT_DATA_MAX} names")]
    TooMuchData,
}
