//! The batch that is being computed: what it writes besides states, and who waits for it.

use super::arrivals::Asked;
use crate::catalog::{Catalog, Documents};
use crate::engine::{Accepted, Applied, Operation, Refused, Request};
use cadenza_core::effect::{Due, Message, Outgoing, Question};
use cadenza_core::gate::Permit;
use cadenza_core::heart::{Command, Watched};
use cadenza_core::id::{AccountId, EffectId, LeadId};
use cadenza_core::time::Timestamp;
use cadenza_store::{DeadContent, DeadLetterId, DecisionRef, FeedKey, InboxKey, InboxRow, OutboxWrite};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

pub(crate) struct OpenBatch {
    pub(crate) number: u64,
    /// Events from outside taken so far.
    pub(crate) events: usize,
    /// Changes to the outbox, in order.
    pub(crate) outbox: Vec<OutboxWrite>,
    pub(crate) documents: Documents,
    /// Leads to be listed under (true) or removed from (false) the hold of an account whose own list is full.
    pub(crate) held: Vec<(AccountId, LeadId, bool)>,
    /// Events for leads that cannot be read, kept in the store's inbox.
    pub(crate) sent: Vec<InboxRow>,
    /// Rows of the inbox whose leads have now been told.
    pub(crate) received: Vec<InboxKey>,
    /// Decisions taken in this batch.
    pub(crate) decisions: Vec<DecisionRef>,
    /// Records of the feed that are too old, to be dropped.
    pub(crate) forget_feed: Vec<FeedKey>,
    /// What the batch has taken, in order, and who waits for each.
    pub(crate) taken: Vec<Taken>,
    /// What is carried out once the batch is durable.
    pub(crate) after: Vec<After>,
    /// Whether it writes states.
    pub(crate) touched: bool,
    /// The earliest time at which something that the batch writes falls due. It is looked for once the batch is durable.
    pub(crate) next_due: Timestamp,
    /// For each connection, the earliest due time of the rows that the batch adds to the outbox. They are looked for once the
    /// batch is durable.
    pub(crate) placed: BTreeMap<String, Timestamp>,
}

/// Something that a batch has taken, its outcome, and who waits for it.
pub(crate) enum Taken {
    /// An event from outside. A refused one also waits, until the record that it conflicts with is durable.
    Report(Command, oneshot::Sender<Result<Accepted, Refused>>, Result<Accepted, Refused>),
    /// An event to a lead.
    Lead(Command, oneshot::Sender<Result<Applied, Refused>>, Applied),
    Bury(String, Box<DeadContent>, oneshot::Sender<Result<DeadLetterId, Refused>>, DeadLetterId),
    Operation(Operation, oneshot::Sender<Result<(), Refused>>),
    /// The result of something that the driver began: nobody waits for it, and nobody will send it again.
    Result(Box<Request>),
}

impl Taken {
    /// Answers, now that the batch is durable. A caller that no longer waits is ignored.
    pub(crate) fn send(self) {
        match self {
            Self::Report(_, reply, outcome) => drop(reply.send(outcome)),
            Self::Lead(_, reply, applied) => drop(reply.send(Ok(applied))),
            Self::Bury(_, _, reply, id) => drop(reply.send(Ok(id))),
            Self::Operation(_, reply) => drop(reply.send(Ok(()))),
            Self::Result(_) => {}
        }
    }

    /// Answers that nothing was kept, or that this is not known. A result is given back.
    pub(crate) fn fail(self, refused: Refused) -> Option<Request> {
        match self {
            Self::Report(_, reply, _) => drop(reply.send(Err(refused))),
            Self::Lead(_, reply, _) => drop(reply.send(Err(refused))),
            Self::Bury(_, _, reply, _) => drop(reply.send(Err(refused))),
            Self::Operation(_, reply) => drop(reply.send(Err(refused))),
            Self::Result(result) => return Some(*result),
        }
        None
    }

    /// The request again, to be done once more.
    pub(crate) fn again(self) -> Option<Request> {
        match self {
            Self::Report(command, reply, _) => Asked::Report(command, reply).into_request(),
            Self::Lead(command, reply, _) => Asked::Lead(command, reply).into_request(),
            Self::Bury(cause, content, reply, _) => Some(Request::Bury(cause, *content, reply)),
            Self::Operation(operation, reply) => Some(Request::Operate(operation, reply)),
            Self::Result(result) => Some(*result),
        }
    }
}

/// An attempt to send.
pub(crate) struct Attempt {
    /// The row, as it stands in the outbox during the attempt.
    pub(crate) row: Outgoing,
    /// Leave to touch, when it is a touch.
    pub(crate) permit: Option<Permit>,
    /// The gate's permit, if this is a touch.
    pub(crate) may_have_left: bool,
    /// Whether the message was rendered for this attempt, so that no recipient can have it.
    pub(crate) is_first: bool,
    /// The number of the lead's newest journal entry when the attempt was begun.
    pub(crate) lead_seq: Option<u64>,
}

impl Attempt {
    /// The row as if the attempt had not been begun.
    pub(crate) fn undone(self) -> Outgoing {
        let Self { mut row, may_have_left, is_first, .. } = self;
        match &mut row.message {
            Message::Email { rendered, .. } | Message::Text { rendered, .. } if is_first => *rendered = None,
            Message::Words { rendered, .. } if is_first => *rendered = None,
            Message::Request { rendered, .. } if is_first => *rendered = None,
            _ => {}
        }
        let started_at = row.started_at.filter(|_| may_have_left);
        Outgoing { tries: row.tries.saturating_sub(1), started_at, ..row }
    }
}

/// What is carried out once a batch is durable.
pub(crate) enum After {
    /// An attempt to send.
    Send(Box<Attempt>),
    /// A question for the decision pool.
    Ask(Box<Question>),
    /// A question for a candidate build that is only watched.
    Watch(Box<Watched>),
    /// The result of an attempt is written, so the row may be looked at again.
    Forget(EffectId),
    /// An answer of the pool is written: its place is free, and its lead's timers are fired again.
    Leave(LeadId, String),
    /// A workspace or a brake has come into force.
    Publish(Arc<Catalog>),
    /// The rows of one lead that were put off until this due time are looked at again.
    LookAgain(LeadId, Due),
    /// Business hours may have changed, so everything that was put off is looked at again.
    LookAgainAtAll,
    /// Held messages are looked at again.
    Release {
        /// Whether leads are told too, because a workflow is no longer paused.
        leads: bool,
    },
    /// The team may have changed, so the tasks of people who left are moved.
    Seat,
}

impl OpenBatch {
    pub(crate) const fn new(number: u64) -> Self {
        Self {
            number,
            events: 0,
            outbox: Vec::new(),
            documents: Vec::new(),
            held: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
            decisions: Vec::new(),
            forget_feed: Vec::new(),
            taken: Vec::new(),
            after: Vec::new(),
            touched: false,
            next_due: Timestamp::MAX,
            placed: BTreeMap::new(),
        }
    }

    /// A row of the outbox will be found under this due time.
    pub(crate) fn place(&mut self, via: &str, due: Due) {
        let Due::At(due) = due else { return };
        match self.placed.get_mut(via) {
            Some(first) => *first = due.min(*first),
            None => drop(self.placed.insert(via.to_owned(), due)),
        }
    }

    /// Whether nobody waits for the batch and it writes nothing.
    pub(crate) const fn is_empty(&self) -> bool {
        !self.touched
            && self.outbox.is_empty()
            && self.documents.is_empty()
            && self.forget_feed.is_empty()
            && self.sent.is_empty()
            && self.received.is_empty()
            && self.taken.is_empty()
            && self.after.is_empty()
    }

    /// Tells everybody who waits that nothing was kept, or that this is not known. Results stay.
    pub(crate) fn fail(&mut self, refused: &Refused) {
        let results = self.taken.drain(..).filter_map(|taken| taken.fail(refused.clone()));
        self.taken = results.map(Box::new).map(Taken::Result).collect();
    }
}

/// Refuses a command that was not begun.
pub(crate) fn refuse(command: Request, refused: &Refused) {
    let refused = refused.clone();
    match command {
        Request::Report(_, reply) => drop(reply.send(Err(refused))),
        Request::Lead { reply, .. } => drop(reply.send(Err(refused))),
        Request::Bury(_, _, reply) => drop(reply.send(Err(refused))),
        Request::Operate(_, reply) => drop(reply.send(Err(refused))),
        Request::Advance(_, _, reply) => drop(reply.send(Err(refused))),
        Request::Sent(..) | Request::Answered(..) | Request::Compared(_) => {}
    }
}
