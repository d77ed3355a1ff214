//! Everything that can happen to a lead: one closed set. An event from outside has its sender's id. What the engine
//! tells itself (timers, decisions, results of effects) is in the set too, so that the journal is one list of events.

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

/// The most bytes that an event id from a sender may have.
pub const EVENT_ID_BYTES_MAX: usize = 128;
/// The most names that an event's `data` may have.
pub const EVENT_DATA_MAX: usize = 64;
/// The name in an event's `data` that holds the team's own word for its `result`.
pub const RESULT_OWN: &str = "result_own";
/// The `kind` of a bounce that is not final. Any other bounce is.
pub const SOFT_BOUNCE: &str = "soft";
/// The name in an event's `data` that holds the team's own word for its `channel`.
pub const CHANNEL_OWN: &str = "channel_own";
/// How far ahead of our clock a sender's clock may be, in milliseconds. An event that claims to have happened later
/// than that is refused, however it arrives.
pub const AHEAD_MS_MAX: i64 = 5 * MINUTE_MS;

/// A checked event from outside: its fields fit the workspace.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Report {
    #[n(0)]
    pub kind: EventType,
    /// When it happened, according to the sender.
    #[n(1)]
    pub at: Timestamp,
    /// The source that delivered it.
    #[n(2)]
    pub source: String,
    /// What the event says about the lead, as field and value; a blank clears the field.
    #[cbor(n(3), with = "crate::field::wire", skip_if = "Vec::is_empty", default)]
    pub fields: Vec<(String, Value)>,
    /// Everything else in the event, as a flat map.
    #[n(4)]
    #[cbor(skip_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, Value>,
    /// Whether the event may enrol the lead; false for imported history.
    #[n(5)]
    pub enrolls: bool,
    /// Whether all keys that the event names belong to several leads. Its fields may then describe another lead, so
    /// none of them is set.
    #[n(60)]
    #[cbor(skip_if = "is_false", default)]
    pub only_finds: bool,
    /// Parts of the event that could not be read.
    #[n(70)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub left_out: Vec<LeftOut>,
    /// The lead's standing, according to the sender.
    #[n(71)]
    pub standing: Option<Standing>,
    /// Addresses and numbers against which the event says something, besides those among its fields: further ones in
    /// the same text or list, and those under `data`.
    #[cbor(n(72), with = "crate::field::wire", skip_if = "Vec::is_empty", default)]
    pub also: Vec<(String, Value)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive passes fields by reference")]
pub(crate) const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Consent, stage and owner as a sender knows them, such as an imported list or a CRM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Standing {
    /// Whether the lead asked not to be contacted. False does not lift an opt-out.
    #[n(0)]
    pub opted_out: Option<bool>,
    /// Channels that the lead refuses, in addition to those already known.
    #[n(1)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub refused: Vec<Channel>,
    #[n(2)]
    pub stage: Option<Stage>,
    /// The lead's owner, a rep of the team.
    #[n(3)]
    pub owner: Option<RepId>,
    /// The team's own word for the stage, if one was given.
    #[n(4)]
    pub stage_own: Option<String>,
}

impl Standing {
    /// Whether the lead must not be contacted any more.
    pub fn opts_out(&self) -> bool {
        self.opted_out == Some(true) || self.stage == Some(Stage::Suppressed)
    }
}

impl Report {
    /// Whether the event is of a type that brings fields. Any other type names a lead only to find it.
    pub const fn brings_fields(&self) -> bool {
        matches!(self.kind, EventType::Standard(StandardEvent::LeadCreated | StandardEvent::LeadUpdated))
    }

    /// Whether the event is an opt-out. An opt-out counts in whatever form it arrives.
    pub fn opts_out(&self) -> bool {
        self.kind == EventType::Standard(StandardEvent::LeadOptedOut)
            || self.standing.as_ref().is_some_and(Standing::opts_out)
            || self.text("result").and_then(TouchResult::parse) == Some(TouchResult::OptedOut)
    }

    /// Whether the event refuses contact, altogether or on some channel.
    pub fn says_no(&self) -> bool {
        self.opts_out() || self.standing.as_ref().is_some_and(|standing| !standing.refused.is_empty())
    }

    /// Whether a mail came back that may arrive another time: a full mailbox, a server that could not be reached.
    pub fn is_soft_bounce(&self) -> bool {
        let kind = self.text("kind").unwrap_or_default();
        self.kind == EventType::Standard(StandardEvent::EmailBounced) && kind.eq_ignore_ascii_case(SOFT_BOUNCE)
    }

    /// Whether the event says something against an address or number: that it must not be used, or that it does not
    /// reach the lead.
    pub fn is_against(&self) -> bool {
        let outcome = || self.text("outcome").and_then(Outcome::parse);
        self.says_no()
            || match self.kind {
                EventType::Standard(StandardEvent::EmailBounced) => true,
                EventType::Standard(StandardEvent::CallCompleted) => outcome() == Some(Outcome::WrongNumber),
                _ => false,
            }
    }

    /// The text of one of the lead's fields.
    pub fn field_text(&self, field: &str) -> Option<&str> {
        self.fields.iter().find_map(|(name, value)| match value {
            Value::Text(text) if name == field => Some(text.as_str()),
            _ => None,
        })
    }

    /// The country for telephone numbers that do not name one; `home` when the event names no country either.
    pub fn country(&self, home: Option<Country>) -> Option<Country> {
        self.field_text("country").and_then(Country::parse).or(home)
    }

    /// A text from the event's `data`.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.data.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// An event of one lead that is passed on to the other leads of its account.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Passed {
    /// The lead to which it happened.
    #[n(0)]
    pub lead: LeadId,
    /// When that lead handled it.
    #[n(1)]
    pub at: Timestamp,
    /// The event, without its statements about the lead to which it happened.
    #[n(2)]
    pub report: Report,
    /// The last lead that has been told.
    #[n(3)]
    pub after: Option<LeadId>,
}

impl Passed {
    /// An event that this lead handled at this moment.
    pub fn new(lead: LeadId, at: Timestamp, report: &Report) -> Self {
        let Report { kind, at: happened, source, data, .. } = report;
        let report = Report {
            kind: kind.clone(),
            at: *happened,
            source: source.clone(),
            fields: Vec::new(),
            data: data.clone(),
            enrolls: false,
            only_finds: false,
            left_out: Vec::new(),
            standing: None,
            also: Vec::new(),
        };
        Self { lead, at, report, after: None }
    }
}

/// What happens to a lead.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Event {
    #[n(0)]
    Reported(#[n(0)] Report),
    /// A person reports what came of a task.
    #[n(1)]
    TaskDone(#[n(0)] TaskReport),
    /// A person takes, moves or puts off a task.
    #[n(2)]
    TaskMoved {
        #[n(0)]
        task: TaskId,
        #[n(1)]
        change: TaskChange,
        /// A rep, or the name of a token.
        #[n(2)]
        by: String,
    },
    /// A deadline of the lead has passed.
    #[n(3)]
    TimerDue,
    /// A plugin answered, or could not answer.
    #[n(4)]
    Decided(#[n(0)] Answer),
    /// An owner was chosen.
    #[n(5)]
    Assigned {
        /// The run that asked.
        #[n(0)]
        run: RunId,
        /// The run's attempt.
        #[n(1)]
        attempt: u32,
        /// `None` when no owner could be found.
        #[n(2)]
        owner: Option<RepId>,
        #[n(3)]
        how: ChosenBy,
    },
    /// The outcome of sending a message.
    #[n(6)]
    Delivered {
        #[n(0)]
        effect: EffectId,
        /// The run that made the message.
        #[n(1)]
        run: RunId,
        /// The run's attempt when the message was made.
        #[n(2)]
        attempt: u32,
        #[n(3)]
        ending: Delivery,
        /// The script of a message to the lead; `None` for any other message.
        #[n(4)]
        script: Option<ScriptId>,
        /// The step that made the message.
        #[n(5)]
        at: Option<StepRef>,
        /// The channel of a touch other than a mail; `None` for a mail, and for a message that is not a touch.
        #[n(6)]
        #[cbor(default)]
        channel: Option<Channel>,
        /// Whether it was a request. A run waits for its answer.
        #[n(7)]
        #[cbor(skip_if = "is_false", default)]
        is_request: bool,
    },
    /// A person or a schedule enrols the lead in a workflow.
    #[n(7)]
    Enrolled {
        #[n(0)]
        workflow: String,
        /// The id of a firing or the name of a token. One firing of a schedule enrols once.
        #[n(1)]
        by: String,
        /// The key of the run, for a workflow that has one run for each value of something.
        #[n(2)]
        #[cbor(default)]
        key: Option<String>,
    },
    /// The hold on the lead or on its account has expired.
    #[n(8)]
    HoldExpired {
        /// The definition that made the hold.
        #[n(0)]
        workflow: Digest,
        /// The step at which a new run begins, if there is one.
        #[cbor(n(1), with = "landing")]
        go: Option<StepId>,
    },
    /// A person gives a command for the lead.
    #[n(9)]
    Commanded {
        #[n(0)]
        command: LeadCommand,
        #[n(1)]
        by: String,
    },
    /// A reason for which the lead's runs may have stood still is gone, such as the pause of a workflow.
    #[n(10)]
    Woken,
    /// What is known of the lead's account changed before the events that follow in this transition. The event only
    /// marks the journal, for a replay.
    #[n(11)]
    AccountKnown(#[n(0)] Option<crate::account_facts::AccountFacts>),
    /// The same as [`Self::Braked`] in the form that earlier programs wrote: names of workflows, and names of plugins
    /// after `plugin/`.
    #[n(12)]
    Paused(#[n(0)] std::collections::BTreeSet<String>),
    /// One of the lead's addresses or numbers is bound.
    #[n(60)]
    Bound {
        #[n(0)]
        key: IdentityKey,
        #[n(1)]
        binding: Binding,
    },
    /// Another lead now has a key that this lead has.
    #[n(61)]
    KeyShared {
        #[n(0)]
        kind: IdentityKind,
        /// The other lead.
        #[n(1)]
        with: LeadId,
    },
    /// One of the lead's addresses or numbers is no longer bound for this reason.
    #[n(63)]
    Unbound {
        #[n(0)]
        key: IdentityKey,
        /// The reason that no longer holds.
        #[n(1)]
        why: crate::identity::Why,
    },
    /// A key that leads to this lead was made by older rules. Today's rules make a different key.
    #[n(62)]
    RulesRaised(#[n(0)] IdentityKey),
    /// The decision pool has no room for a run's question.
    #[n(120)]
    PutOff {
        #[n(0)]
        run: RunId,
        /// The run's attempt.
        #[n(1)]
        attempt: u32,
    },
    /// The decision pool has room for this run's waiting question.
    #[n(121)]
    PlaceFree(#[n(0)] RunId),
    /// A message is put off, for another reason or to another time than before. Only entries of earlier programs, which
    /// asked the gate elsewhere, contain this event.
    #[n(122)]
    Deferred {
        /// The channel of the touch.
        #[n(0)]
        channel: Channel,
        /// Why it is put off, and until when.
        #[n(1)]
        verdict: Verdict,
    },
    /// A message has fallen due, and the lead is asked whether it may leave.
    #[n(123)]
    MessageDue(#[n(0)] MessageDue),
    /// A message that was about to leave did not, because the configuration in force is about to change. The lead is
    /// asked again afterwards.
    #[n(124)]
    TakenBack(#[n(0)] EffectId),
    /// The engine has restarted. Answers to questions that it had put to plugins are lost, and the questions are put again.
    #[n(143)]
    AnswersLost,
    /// Workflows that are no longer paused, each with the time since when. Deadlines of people in their runs count from
    /// then.
    #[n(141)]
    Resumed(#[n(0)] BTreeMap<String, Timestamp>),
    /// A schedule fired, and its condition has no answer for the lead.
    #[n(142)]
    Unclear {
        /// The workflow in which the schedule enrols leads.
        #[n(0)]
        workflow: String,
        /// Why there is no answer.
        #[n(1)]
        cause: String,
    },
    /// What was paused during the transition. The event only marks the journal, for a replay.
    #[n(125)]
    Braked(#[n(0)] Paused),
    /// An event happened to another lead of the account.
    #[n(140)]
    OfAccount(#[n(0)] Box<Passed>),
}

/// The facts that decide whether a message that has fallen due may leave.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MessageDue {
    #[n(0)]
    pub effect: EffectId,
    /// The run that made the message.
    #[n(1)]
    pub run: RunId,
    /// The run's attempt when the message was made.
    #[n(2)]
    pub attempt: u32,
    /// The channel on which it touches the lead; `None` for a message that is not a touch.
    #[n(3)]
    pub channel: Option<Channel>,
    /// The connection through which it leaves.
    #[n(4)]
    pub via: String,
    /// The step that made the message. A pause of its workflow holds the message.
    #[n(5)]
    pub at: Option<StepRef>,
    #[n(6)]
    pub script: Option<ScriptId>,
    /// The address in a message to the lead that was rendered for an earlier attempt.
    #[n(7)]
    pub written_to: Option<String>,
    /// Whether an earlier attempt may have left; nobody knows for certain.
    #[n(8)]
    #[cbor(skip_if = "is_false", default)]
    pub may_have_left: bool,
    /// Whether a person wants it sent, whatever its run does now.
    #[n(9)]
    #[cbor(skip_if = "is_false", default)]
    pub wanted: bool,
    /// The gate's verdict when it was last put off.
    #[n(10)]
    pub deferred: Option<Verdict>,
    /// Whether the message leaves as it was written for an earlier attempt, and to no other address. False in entries
    /// of earlier programs, which wrote the lead's present address into a mail that had failed.
    #[n(11)]
    #[cbor(skip_if = "is_false", default)]
    pub is_fixed: bool,
    /// Whether it is a request. A run waits for its answer.
    #[n(12)]
    #[cbor(skip_if = "is_false", default)]
    pub is_request: bool,
}

/// Who asks a plugin: a step or an overdue task. An answer that no longer fits is recorded and not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Asker {
    /// A step of a run.
    #[n(0)]
    Step {
        /// The run's attempt.
        #[n(0)]
        attempt: u32,
    },
    /// An overdue task.
    #[n(1)]
    Task {
        #[n(0)]
        task: TaskId,
        /// The place of the escalation point in the step's list.
        #[n(1)]
        point: u16,
    },
}

impl Asker {
    /// The overdue task that asks; `None` for a step.
    pub const fn task(self) -> Option<TaskId> {
        if let Self::Task { task, .. } = self { Some(task) } else { None }
    }

    /// The number of the attempt, or of the escalation point.
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
    /// What the answer is for: an attempt of the run's step, or an overdue task.
    #[n(1)]
    pub asker: Asker,
    #[n(3)]
    pub plugin: String,
    /// The build that answered; `None` when none could be asked.
    #[n(4)]
    pub digest: Option<Digest>,
    /// The input of the question.
    #[n(5)]
    pub input: DecisionInput,
    /// The decision, or why there is none.
    #[n(6)]
    pub decision: Result<Decision, DecisionFailure>,
    /// What the decision cost.
    #[n(7)]
    pub cost: Cost,
    /// The lines that the plugin logged meanwhile. They may name people.
    #[n(8)]
    #[cbor(skip_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// An answer as it is read. Earlier programs wrote a number, and the task next to it.
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

/// A report of what came of a task.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct TaskReport {
    #[n(0)]
    pub task: TaskId,
    #[n(1)]
    pub outcome: Outcome,
    /// What the lead said.
    #[n(2)]
    pub result: Option<TouchResult>,
    /// Free text from the rep.
    #[n(3)]
    pub notes: Option<String>,
    /// What the rep learnt, as field and value.
    #[cbor(n(4), with = "crate::field::wire")]
    pub fields: Vec<(String, Value)>,
    /// When to call again, for the result `callback`.
    #[n(5)]
    pub callback_at: Option<Timestamp>,
    /// The rep or token that reports.
    #[n(6)]
    pub by: String,
    /// The team's own word for the result, if one was given.
    #[n(7)]
    pub result_own: Option<String>,
}

/// How a task changes hands or is put off.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum TaskChange {
    /// A rep takes the task.
    #[n(0)]
    Claimed(#[n(0)] RepId),
    /// The task is given to a rep.
    #[n(1)]
    Reassigned(#[n(0)] RepId),
    /// The task is put off until this time.
    #[n(2)]
    Snoozed(#[n(0)] Timestamp),
}

/// How the sending of a message ended.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Delivery {
    /// The other side accepted the message.
    #[n(0)]
    Sent,
    /// The message may not leave, with the gate's reason.
    #[n(1)]
    HeldBack(#[n(0)] String),
    /// Every attempt failed, and the message became a dead letter. Holds the last error.
    #[n(2)]
    Dead(#[n(0)] String),
    /// A person discarded the dead letter.
    #[n(110)]
    Discarded(#[n(0)] String),
    /// A person had the dead letter sent again.
    #[n(111)]
    Redriven(#[n(0)] String),
    /// The other side did what a request asked, and this is its answer.
    #[n(112)]
    Answered(#[n(0)] Reply),
    /// The other side did not do what a request asked, or answered more than is read.
    #[n(113)]
    Refused(#[n(0)] Reply),
    /// The mail became a dead letter because nobody knows whether the server took it. Holds what happened.
    #[n(114)]
    Unsure(#[n(0)] String),
}

/// The most bytes that are read of an answer to a request. Nothing is known of an answer that has more.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// What a step keeps of an answer to its request. The answer itself is not kept.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Reply {
    /// The HTTP status, such as 200.
    #[n(0)]
    pub status: u16,
    /// Fields of the lead with the values from the answer.
    #[cbor(n(1), with = "crate::field::wire", skip_if = "Vec::is_empty", default)]
    pub values: Vec<(String, Value)>,
    /// Fields for which the answer has no readable value.
    #[n(2)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub left_out: Vec<LeftOut>,
    /// Whether the answer has more bytes than are read, so that nothing is known of its contents.
    #[n(3)]
    #[cbor(skip_if = "is_false", default)]
    pub too_large: bool,
}

impl Reply {
    /// Whether the other side did what was asked, and its answer can be read.
    pub const fn is_accepted(&self) -> bool {
        matches!(self.status, 200..=299) && !self.too_large
    }

    /// Why the answer counts as a refusal, in words for people.
    pub fn refusal(&self) -> String {
        let status = self.status;
        if self.too_large {
            format!("the other side answered {status} with more than the {} KiB that are read", ANSWER_BYTES_MAX / 1024)
        } else {
            format!("the other side answered {status}")
        }
    }
}

crate::codes::codes! {
    /// How the sending of a message ended, without the details.
    pub enum Ending {
        /// The other side accepted the message.
        0 Sent = "sent",
        /// The message may not leave.
        1 HeldBack = "held_back",
        /// Every attempt failed, and the message became a dead letter.
        2 Dead = "dead",
        /// A person discarded the dead letter.
        3 Discarded = "discarded",
        /// A person had the dead letter sent again.
        4 Redriven = "redriven",
        /// The other side did not do what a request asked, or answered more than is read.
        5 Refused = "refused",
        /// The mail became a dead letter because nobody knows whether the server took it.
        6 Unsure = "unsure",
    }
}

impl Delivery {
    /// The code for this ending, without the details.
    pub const fn ending(&self) -> Ending {
        match self {
            Self::Sent => Ending::Sent,
            Self::HeldBack(_) => Ending::HeldBack,
            Self::Dead(_) => Ending::Dead,
            Self::Discarded(_) => Ending::Discarded,
            Self::Redriven(_) => Ending::Redriven,
            Self::Answered(_) => Ending::Sent,
            Self::Refused(_) => Ending::Refused,
            Self::Unsure(_) => Ending::Unsure,
        }
    }

    /// The answer to a request, when there is one.
    pub const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Answered(reply) | Self::Refused(reply) => Some(reply),
            _ => None,
        }
    }
}

/// The time from which a lead wants to be contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// At any time; an earlier wish is withdrawn.
    AnyTime,
    /// From this time on.
    Then(Timestamp),
}

/// Written as a time, or as `true` for any time. Earlier programs wrote the beginning of 1970 for any time.
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

/// What a person may command for a lead.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum LeadCommand {
    /// Nobody may touch the lead any more.
    #[n(0)]
    OptOut {
        /// The reason, in the lead's words.
        #[n(0)]
        reason: Option<String>,
    },
    /// The channels and the time that the lead prefers. A part that is `None` stays as it was.
    #[n(1)]
    Prefer {
        /// The channels that the lead refuses.
        #[n(0)]
        refused: Option<Vec<Channel>>,
        /// The time from which the lead wants to be contacted.
        #[n(1)]
        from: Option<Wish>,
    },
    /// Touches are held back until the lead is resumed.
    #[n(2)]
    Pause,
    /// Touches may be made again.
    #[n(3)]
    Resume,
    /// Another rep becomes the owner.
    #[n(4)]
    SetOwner(#[n(0)] RepId),
    /// The lead will never buy.
    #[n(5)]
    Disqualify {
        #[n(0)]
        reason: String,
    },
    /// A run is ended.
    #[n(6)]
    CancelRun(#[n(0)] RunId),
    /// A parked run tries its step again.
    #[n(7)]
    Unpark(#[n(0)] RunId),
    /// The lead leaves a workflow: its runs there are ended.
    #[n(8)]
    Remove {
        #[n(0)]
        workflow: String,
    },
}

/// Why an event from outside is refused on arrival.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// A field does not fit the workspace.
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("`{0}` is no event type: use one of the standard types or `custom.` and a name")]
    Type(String),
    #[error("an event id has 1 to {EVENT_ID_BYTES_MAX} bytes")]
    Id,
    #[error("`data` has more than {EVENT_DATA_MAX} names")]
    TooMuchData,
}
