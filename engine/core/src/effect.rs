//! What a transition asks the driver to do: one closed set. `step` itself does none of it.

use crate::account::AccountMessage;
use crate::event::{Asker, MessageDue};
use crate::gate::{Permit, Verdict};
use crate::id::{AccountId, Digest, EffectId, LeadId, RunId, TaskId};
use crate::identity::{IdentityKey, IdentityMessage};
use crate::lead::{Channel, RepId};
use crate::plugin::{DecisionInput, DecisionKind};
use crate::time::Timestamp;
use crate::workflow::{AssignBy, ScriptId, StepId, StepRef, Sticky};
use minicbor::{Decode, Encode};

/// What the driver is to do for a lead.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Ask a plugin; its answer comes back as [`crate::event::Event::Decided`].
    Decide(Question),
    /// Choose an owner; comes back as [`crate::event::Event::Assigned`].
    Assign(AssignRequest),
    /// Send something; goes to the outbox in the same commit, its result comes back as an event.
    Send(Outgoing),
    /// What becomes of a message that fell due.
    Depart(Departure),
    /// Tell the lead's account something.
    Account(AccountId, AccountMessage),
    /// Tell a key something; what binds it comes back as [`crate::event::Event::Bound`].
    Identity(IdentityKey, IdentityMessage),
}

/// What becomes of a message that fell due.
#[derive(Debug, PartialEq)]
pub enum Departure {
    /// An attempt begins, with leave to touch when it is a touch.
    Now(Option<Permit>),
    /// It is put off: [`Verdict::NotBefore`], or [`Verdict::Held`].
    Later(Verdict),
    /// It is not to be sent any more.
    Never,
}

/// When a message falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// At this time.
    At(Timestamp),
    /// When somebody releases what holds it: a paused connection, workflow or lead, or a connection that is gone. Such rows lie
    /// behind all others.
    OnRelease,
}

impl Due {
    /// The time, where there is one.
    pub const fn at(self) -> Option<Timestamp> {
        if let Self::At(at) = self { Some(at) } else { None }
    }
}

impl std::fmt::Display for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::OnRelease => f.write_str("when it is released"),
        }
    }
}

/// As a time, or nothing. Earlier programs wrote the end of time.
impl<C> Encode<C> for Due {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        self.at().encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Due {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = Option::<Timestamp>::decode(d, ctx)?.filter(|at| *at != Timestamp::MAX);
        Ok(at.map_or(Self::OnRelease, Self::At))
    }
}

/// A question to a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The run that asks.
    pub run: RunId,
    /// The attempt of its step, or the overdue task, that the answer is for.
    pub asker: Asker,
    /// Of which kind.
    pub kind: DecisionKind,
    /// Whom.
    pub plugin: String,
    /// Which build of it: the live one, or the one that is tried on a share of the leads. None when there is none.
    pub digest: Option<Digest>,
    /// What.
    pub input: DecisionInput,
    /// The build that is asked besides, whose answer changes nothing, and what it is asked.
    pub shadow: Option<Box<Shadow>>,
}

/// What a build is asked whose answer changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Shadow {
    /// Which build.
    pub digest: Digest,
    /// What it reads.
    pub input: DecisionInput,
}

/// A request for an owner.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignRequest {
    /// The run that asks.
    pub run: RunId,
    /// Its attempt.
    pub attempt: u32,
    /// The pool to choose from.
    pub pool: Option<String>,
    /// How.
    pub by: AssignBy,
    /// Whether a known owner is kept.
    pub sticky: Option<Sticky>,
    /// Who takes it when nobody else can.
    pub fallback: Option<String>,
    /// The lead's owner now.
    pub current: Option<RepId>,
    /// The lead's account.
    pub account: Option<AccountId>,
    /// The rep of the lead's territory, looked up by `step`.
    pub territory: Option<RepId>,
    /// From when on the lead may be called; none where it may be now.
    pub callable_from: Option<Timestamp>,
}

/// Something on its way out: an outbox row. It is carried out under one idempotency key, its id.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Outgoing {
    /// Its id and idempotency key.
    #[n(0)]
    pub id: EffectId,
    /// The lead it is about.
    #[n(1)]
    pub lead: LeadId,
    /// The run it comes from.
    #[n(2)]
    pub run: RunId,
    /// The run's attempt: a fencing token, results of an older one are recorded and not applied.
    #[n(3)]
    pub attempt: u32,
    /// The connection it leaves by.
    #[n(4)]
    pub via: String,
    /// When it may be tried next.
    #[n(5)]
    pub due: Due,
    /// What it is.
    #[n(6)]
    pub message: Message,
    /// How often it was tried.
    #[n(7)]
    pub tries: u16,
    /// Set in the commit before an attempt leaves; a row that has it after a crash is sent again under the same key.
    #[n(8)]
    pub started_at: Option<Timestamp>,
    /// What went wrong the last time.
    #[n(9)]
    pub last_error: Option<String>,
    /// When it was made.
    #[n(10)]
    pub made_at: Timestamp,
    /// A person took it back from the dead letters: it is wanted, whatever its run does by now.
    #[n(11)]
    #[cbor(default)]
    pub redriven: bool,
    /// Why it was put off last, as its lead's journal has it: another entry is made when that changes, and not at each look.
    #[n(120)]
    #[cbor(default)]
    pub deferred: Option<Verdict>,
}

impl Outgoing {
    /// As much of it as decides whether it may leave.
    pub fn falls_due(&self) -> MessageDue {
        let written_to = match &self.message {
            Message::Email { rendered, .. } => rendered.as_ref().map(|mail| mail.to.clone()),
            Message::Notice { .. } => None,
        };
        MessageDue {
            effect: self.id,
            run: self.run,
            attempt: self.attempt,
            channel: self.message.touch(),
            via: self.via.clone(),
            at: self.message.at(),
            script: self.message.script(),
            written_to,
            may_have_left: self.started_at.is_some(),
            wanted: self.redriven,
            deferred: self.deferred,
        }
    }

    /// An attempt begins.
    pub fn begun(self, now: Timestamp) -> Self {
        Self { tries: self.tries.saturating_add(1), started_at: Some(now), deferred: None, ..self }
    }

    /// It is put off, and lies where it is looked at again.
    pub(crate) fn put_off(self, verdict: Verdict) -> Self {
        let due = if let Verdict::NotBefore { at, .. } = verdict { Due::At(at) } else { Due::OnRelease };
        Self { due, deferred: Some(verdict), ..self }
    }
}

crate::codes::codes! {
    /// What a rep is told about a task.
    pub enum NoticeKind {
        /// It is late.
        0 Reminder = "reminder",
        /// It is late, and whoever has it is not the one who is told.
        1 Raised = "raised",
    }
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Message {
    /// A mail to the lead: a touch, so it needs a permit at every attempt.
    #[n(0)]
    Email {
        /// The definition with the script.
        #[n(0)]
        workflow: Digest,
        /// The step it comes from.
        #[n(1)]
        step: StepId,
        /// The script.
        #[n(2)]
        script: ScriptId,
        /// Rendered when the first attempt starts, so that every attempt says the same.
        #[n(3)]
        rendered: Option<Rendered>,
    },
    /// A word to a rep about a task.
    #[n(1)]
    Notice {
        /// To whom.
        #[n(0)]
        to: RepId,
        /// About which task.
        #[n(1)]
        task: TaskId,
        /// What about it.
        #[n(2)]
        kind: NoticeKind,
    },
}

impl Message {
    /// The script of a mail.
    pub const fn script(&self) -> Option<ScriptId> {
        match self {
            Self::Email { script, .. } => Some(*script),
            Self::Notice { .. } => None,
        }
    }

    /// The step that made a mail.
    pub const fn at(&self) -> Option<StepRef> {
        match self {
            Self::Email { workflow, step, .. } => Some(StepRef { workflow: *workflow, step: *step }),
            Self::Notice { .. } => None,
        }
    }

    /// The way of the touch; none when it is no touch.
    pub const fn touch(&self) -> Option<Channel> {
        match self {
            Self::Email { .. } => Some(Channel::Email),
            Self::Notice { .. } => None,
        }
    }
}

/// A mail as it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rendered {
    /// To which address.
    #[n(0)]
    pub to: String,
    /// Subject.
    #[n(1)]
    pub subject: String,
    /// Text.
    #[n(2)]
    pub body: String,
}
