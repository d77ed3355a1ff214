//! What a transition asks the driver to do: one closed set. `step` itself carries out none of it.

use crate::account::AccountMessage;
use crate::event::{Asker, MessageDue};
use crate::gate::{Permit, Verdict};
use crate::id::{AccountId, Digest, EffectId, LeadId, RunId, TaskId};
use crate::identity::{IdentityKey, IdentityKind, IdentityMessage};
use crate::lead::{Channel, RepId};
use crate::letter::Letter;
use crate::notice::Notice;
use crate::plugin::{DecisionInput, DecisionKind};
use crate::time::Timestamp;
use crate::workflow::{AssignBy, Method, ScriptId, StepId, StepRef, Sticky};
use minicbor::{Decode, Encode};

pub use crate::notice::NoticeKind;

/// What the driver is to do for a lead.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Ask a plugin. Its answer comes back as [`crate::event::Event::Decided`].
    Decide(Question),
    /// Choose an owner. The answer comes back as [`crate::event::Event::Assigned`].
    Assign(AssignRequest),
    /// Send something. It goes to the outbox in the same commit, and its result comes back as an event.
    Send(Outgoing),
    /// Let a message that fell due leave, put it off, or drop it.
    Depart(Departure),
    /// A workflow's condition has no answer, so nobody can tell whether the workflow is for the lead. A person has to look.
    Unclear { workflow: String, cause: String },
    /// Send a message to the lead's account.
    Account(AccountId, AccountMessage),
    /// Send a message to an identity key. What binds the key comes back as [`crate::event::Event::Bound`].
    Identity(IdentityKey, IdentityMessage),
}

/// What happens to a message that has fallen due.
#[derive(Debug, PartialEq)]
pub enum Departure {
    /// An attempt begins. A touch carries its permit.
    Now(Option<Permit>),
    /// The message is put off: [`Verdict::NotBefore`] or [`Verdict::Held`].
    Later(Verdict),
    /// The message must not be sent any more.
    Never,
}

/// When a message falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    At(Timestamp),
    /// Due when an operator releases what holds the message: a paused connection, workflow or lead, or a missing
    /// connection. Such rows are stored after all others.
    OnRelease,
}

impl Due {
    /// The time, or `None` for a message that waits for a release.
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

/// Written as a time, or as nothing. Earlier programs wrote the end of time in place of nothing.
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
    /// What the answer is for: an attempt of the run's step, or an overdue task.
    pub asker: Asker,
    pub kind: DecisionKind,
    pub plugin: String,
    /// The build to ask: the live one, or the candidate for its share of the leads. `None` when no build of the plugin
    /// fits.
    pub digest: Option<Digest>,
    pub input: DecisionInput,
    /// The question to a watched build. Its answer changes nothing.
    pub shadow: Option<Box<Shadow>>,
}

/// A question to a watched build. Its answer changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Shadow {
    pub digest: Digest,
    pub input: DecisionInput,
}

/// A request for an owner.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignRequest {
    /// The run that asks.
    pub run: RunId,
    /// The attempt of that run.
    pub attempt: u32,
    pub pool: Option<String>,
    pub by: AssignBy,
    /// Which known owner keeps the lead, if any.
    pub sticky: Option<Sticky>,
    /// The rep or pool that takes the lead when no one else can.
    pub fallback: Option<String>,
    /// The lead's present owner.
    pub current: Option<RepId>,
    pub account: Option<AccountId>,
    /// The rep whom the step names, or the owner of the lead's territory, looked up by `step`.
    pub named: Option<RepId>,
    /// Reps to skip, because they already had the lead in this run.
    pub except: Vec<RepId>,
    /// The moment from which the lead may be called; `None` when it may be called now.
    pub callable_from: Option<Timestamp>,
}

/// A row of the outbox. Every attempt is made under one idempotency key, the row's id.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Outgoing {
    /// The id, which is also the idempotency key.
    #[n(0)]
    pub id: EffectId,
    #[n(1)]
    pub lead: LeadId,
    /// The run that made the message.
    #[n(2)]
    pub run: RunId,
    /// The run's attempt, which is a fencing token: results of an older attempt are recorded and not applied.
    #[n(3)]
    pub attempt: u32,
    /// The connection through which it leaves.
    #[n(4)]
    pub via: String,
    /// When the next attempt may be made.
    #[n(5)]
    pub due: Due,
    #[n(6)]
    pub message: Message,
    /// The number of attempts made.
    #[n(7)]
    pub tries: u16,
    /// When the latest attempt began. It is set in the commit before the attempt leaves. A row that has it after a
    /// crash is sent again under the same key.
    #[n(8)]
    pub started_at: Option<Timestamp>,
    /// What went wrong at the last attempt.
    #[n(9)]
    pub last_error: Option<String>,
    #[n(10)]
    pub made_at: Timestamp,
    /// Whether a person took the message back from the dead letters. It is then wanted, whatever its run does now.
    #[n(11)]
    #[cbor(default)]
    pub redriven: bool,
    /// Why the message was last put off, as its lead's journal says. A new journal entry is made only when the reason
    /// changes, not every time the message is looked at.
    #[n(120)]
    #[cbor(default)]
    pub deferred: Option<Verdict>,
    /// The number that the latest restore of the store drew before the message was made; 0 if there was no restore.
    #[n(121)]
    #[cbor(default)]
    pub incarnation: u32,
}

impl Outgoing {
    /// The idempotency key under which every attempt leaves. It is the id, followed in a restored store by the
    /// incarnation, because ids of messages made after the backup are given out again there.
    pub fn key(&self) -> String {
        self.key_of(self.id)
    }

    /// The key of another message that was made since the same restore.
    pub fn key_of(&self, id: EffectId) -> String {
        match self.incarnation {
            0 => id.to_string(),
            restored => format!("{id}-r{restored}"),
        }
    }

    /// The facts that decide whether the message may leave.
    pub fn falls_due(&self) -> MessageDue {
        let written_to = match &self.message {
            Message::Email { rendered, .. } | Message::Text { rendered, .. } => {
                rendered.as_ref().map(|message| message.to.clone())
            }
            Message::Notice { .. } | Message::Assigned { .. } | Message::Words { .. } | Message::Request { .. } => None,
        };
        MessageDue {
            effect: self.id,
            run: self.run,
            attempt: self.attempt,
            channel: self.message.touch(),
            via: self.via.clone(),
            at: self.message.at(),
            script: self.message.script(),
            may_have_left: self.started_at.is_some(),
            wanted: self.redriven,
            deferred: self.deferred,
            is_fixed: written_to.is_some(),
            written_to,
            is_request: self.message.is_request(),
        }
    }

    /// The row when an attempt begins.
    pub fn begun(self, now: Timestamp) -> Self {
        Self { tries: self.tries.saturating_add(1), started_at: Some(now), deferred: None, ..self }
    }

    /// The row when the message is put off: due when it has to be looked at again.
    pub(crate) fn put_off(self, verdict: Verdict) -> Self {
        let due = if let Verdict::NotBefore { at, .. } = verdict { Due::At(at) } else { Due::OnRelease };
        Self { due, deferred: Some(verdict), ..self }
    }
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Message {
    /// A mail to the lead: a touch, so it needs a permit at every attempt.
    #[n(0)]
    Email {
        /// The digest of the definition with the script.
        #[n(0)]
        workflow: Digest,
        /// The step that made the mail.
        #[n(1)]
        step: StepId,
        #[n(2)]
        script: ScriptId,
        /// Set when the first attempt begins, so that every attempt carries the same text to the same address.
        #[n(3)]
        rendered: Option<Rendered>,
    },
    /// A message from a workflow to a rep or another system. It is not a touch.
    #[n(2)]
    Words {
        /// The digest of the definition that contains the text.
        #[n(0)]
        workflow: Digest,
        /// The step that sends the message, or at which the run was.
        #[n(1)]
        step: StepId,
        /// The text, one of the definition's scripts.
        #[n(2)]
        script: ScriptId,
        #[n(3)]
        to: Addressee,
        /// Set when the first attempt begins, so that every attempt carries the same text.
        #[n(4)]
        rendered: Option<String>,
    },
    /// A text message to the lead: a touch, so it needs a permit at every attempt.
    #[n(3)]
    Text {
        /// The digest of the definition with the script.
        #[n(0)]
        workflow: Digest,
        /// The step that made the message.
        #[n(1)]
        step: StepId,
        #[n(2)]
        script: ScriptId,
        /// Set when the first attempt begins. A text message has no subject.
        #[n(3)]
        rendered: Option<Rendered>,
    },
    /// A notice to a rep about a task.
    #[n(1)]
    Notice {
        #[n(0)]
        to: RepId,
        #[n(1)]
        task: TaskId,
        #[n(2)]
        kind: NoticeKind,
    },
    /// A notice to a rep to whom a lead was given.
    #[n(5)]
    Assigned {
        #[n(0)]
        to: RepId,
        /// The role that the rep takes in the run; `None` when the rep becomes the lead's owner.
        #[n(1)]
        role: Option<String>,
    },
    /// A request of an `http` step. It is not a touch, and its run waits for the answer.
    #[n(4)]
    Request {
        /// The digest of the definition with the step.
        #[n(0)]
        workflow: Digest,
        #[n(1)]
        step: StepId,
        /// Set when the first attempt begins, so that every attempt sends the same request.
        #[n(2)]
        rendered: Option<Request>,
    },
}

/// A request as it leaves, without what the connection adds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Request {
    #[n(0)]
    pub method: Method,
    /// The path after the connection's address, with the query parameters.
    #[n(1)]
    pub path: String,
    #[n(2)]
    #[cbor(skip_if = "Vec::is_empty", default)]
    pub headers: Vec<(String, String)>,
    /// The body, in JSON.
    #[n(3)]
    pub body: Option<String>,
}

impl Message {
    /// The script of a message to the lead; `None` for any other message.
    pub const fn script(&self) -> Option<ScriptId> {
        match self {
            Self::Email { script, .. } | Self::Text { script, .. } => Some(*script),
            Self::Notice { .. } | Self::Assigned { .. } | Self::Words { .. } | Self::Request { .. } => None,
        }
    }

    /// What it is, and for whom; `None` for a message to the lead, and for a request.
    pub fn notice(&self) -> Option<Notice> {
        let (kind, to) = match self {
            Self::Notice { to, kind, .. } => (*kind, Some(to.clone())),
            Self::Assigned { to, .. } => (NoticeKind::Assigned, Some(to.clone())),
            Self::Words { to: Addressee::Rep(rep), .. } => (NoticeKind::Words, Some(rep.clone())),
            Self::Words { to: Addressee::System, .. } => (NoticeKind::Words, None),
            Self::Email { .. } | Self::Text { .. } | Self::Request { .. } => return None,
        };
        Some(Notice { kind, to })
    }

    /// The step whose words it carries; `None` for a notice without any.
    pub const fn at(&self) -> Option<StepRef> {
        match self {
            Self::Email { workflow, step, .. }
            | Self::Text { workflow, step, .. }
            | Self::Words { workflow, step, .. }
            | Self::Request { workflow, step, .. } => Some(StepRef { workflow: *workflow, step: *step }),
            Self::Notice { .. } | Self::Assigned { .. } => None,
        }
    }

    /// The rendered message to the lead and the kind of its address; `None` if it is not rendered yet, or not for the lead.
    pub const fn written_mut(&mut self) -> Option<(IdentityKind, &mut Rendered)> {
        match self {
            Self::Email { rendered: Some(written), .. } => Some((IdentityKind::Email, written)),
            Self::Text { rendered: Some(written), .. } => Some((IdentityKind::Phone, written)),
            _ => None,
        }
    }

    /// Whether the message still has to be rendered.
    pub const fn is_unrendered(&self) -> bool {
        matches!(
            self,
            Self::Email { rendered: None, .. }
                | Self::Text { rendered: None, .. }
                | Self::Words { rendered: None, .. }
                | Self::Request { rendered: None, .. }
        )
    }

    /// Whether this is a request. A run waits for its answer.
    pub const fn is_request(&self) -> bool {
        matches!(self, Self::Request { .. })
    }

    /// Whether only the lead can tell whether the message may leave, and has to be told the outcome. That holds for
    /// touches and requests. A message to a rep about a lead needs neither.
    pub const fn is_of_lead(&self) -> bool {
        self.touch().is_some() || self.is_request()
    }

    /// The channel of a touch; `None` for a message that is not a touch.
    pub const fn touch(&self) -> Option<Channel> {
        match self {
            Self::Email { .. } => Some(Channel::Email),
            Self::Text { .. } => Some(Channel::Message),
            Self::Notice { .. } | Self::Assigned { .. } | Self::Words { .. } | Self::Request { .. } => None,
        }
    }
}

/// The addressee of a message that a workflow sends.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Addressee {
    #[n(0)]
    Rep(#[n(0)] RepId),
    /// Whatever is behind the connection.
    #[n(1)]
    System,
}

/// A mail or text message as it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rendered {
    #[n(0)]
    pub to: String,
    #[n(1)]
    pub subject: String,
    #[n(2)]
    pub body: String,
    /// What a mail has besides, when its connection sends mails itself.
    #[n(3)]
    pub letter: Option<Box<Letter>>,
}
