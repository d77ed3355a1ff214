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

/// A batch under way.
pub(crate) struct OpenBatch {
    pub(crate) number: u64,
    /// Events from outside that it has taken so far.
    pub(crate) events: usize,
    /// Changes to the outbox, in order.
    pub(crate) outbox: Vec<OutboxWrite>,
    /// Documents it writes.
    pub(crate) documents: Documents,
    /// Leads that come under the hold of an account which lists no more, or are there no longer.
    pub(crate) held: Vec<(AccountId, LeadId, bool)>,
    /// What leads that cannot be read are to be told.
    pub(crate) sent: Vec<InboxRow>,
    /// What leads were told of that.
    pub(crate) received: Vec<InboxKey>,
    /// Decisions that were taken.
    pub(crate) decisions: Vec<DecisionRef>,
    /// Records of the feed that are too old.
    pub(crate) forget_feed: Vec<FeedKey>,
    /// What it has taken, in order, and who waits for that.
    pub(crate) taken: Vec<Taken>,
    /// What leaves once it is durable.
    pub(crate) after: Vec<After>,
    /// Whether it writes states.
    pub(crate) touched: bool,
    /// When the first thing falls due of what it writes; looked for once it is durable.
    pub(crate) next_due: Timestamp,
    /// When the first of the rows falls due that it puts into the outbox, by connection; looked for once it is durable.
    pub(crate) placed: BTreeMap<String, Timestamp>,
}

/// What a batch has taken, what came of it, and who waits for that.
pub(crate) enum Taken {
    /// An event from outside; one that is refused waits until what it is refused for is durable.
    Report(Command, oneshot::Sender<Result<Accepted, Refused>>, Result<Accepted, Refused>),
    /// An event to a lead.
    Lead(Command, oneshot::Sender<Result<Applied, Refused>>, Applied),
    /// A dead letter.
    Bury(String, Box<DeadContent>, oneshot::Sender<Result<DeadLetterId, Refused>>, DeadLetterId),
    Operation(Operation, oneshot::Sender<Result<(), Refused>>),
    /// The result of something that the driver began: nobody waits, and nobody sends it again.
    Result(Box<Request>),
}

impl Taken {
    /// It is durable. Who no longer waits is passed over.
    pub(crate) fn send(self) {
        match self {
            Self::Report(_, reply, outcome) => drop(reply.send(outcome)),
            Self::Lead(_, reply, applied) => drop(reply.send(Ok(applied))),
            Self::Bury(_, _, reply, id) => drop(reply.send(Ok(id))),
            Self::Operation(_, reply) => drop(reply.send(Ok(()))),
            Self::Result(_) => {}
        }
    }

    /// Nothing of it was kept, or nobody knows. A result is given back.
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

    /// As it came, to be done again.
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
    /// The row, as it lies in the outbox meanwhile.
    pub(crate) row: Outgoing,
    /// Leave to touch, when it is a touch.
    pub(crate) permit: Option<Permit>,
    /// Whether an earlier one may have left.
    pub(crate) may_have_left: bool,
    /// Whether the message was written for this one, so that nobody can have it.
    pub(crate) is_first: bool,
    /// The number of the lead's newest journal entry when it was begun.
    pub(crate) lead_seq: Option<u64>,
}

impl Attempt {
    /// The row as if it had not been begun.
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

/// What leaves once a batch is durable.
pub(crate) enum After {
    /// An attempt to send.
    Send(Box<Attempt>),
    /// A question for the decision pool.
    Ask(Box<Question>),
    /// A question for a build that is only watched.
    Watch(Box<Watched>),
    /// The result of an attempt is written: the row may be looked at again.
    Forget(EffectId),
    /// An answer of the pool is written: its place is free, and the timers of its lead count again.
    Leave(LeadId, String),
    /// A workspace or a brake came into force.
    Publish(Arc<Catalog>),
    /// What was put off of one lead, and lies at this place of the outbox, is looked at again.
    LookAgain(LeadId, Due),
    /// Hours may have changed: everything that was put off is looked at again.
    LookAgainAtAll,
    /// What was held is looked at again; `leads` when a workflow is no longer paused.
    Release {
        /// Whether leads are told.
        leads: bool,
    },
    /// The team may have changed: tasks of whoever left are moved.
    Seat,
}

impl OpenBatch {
    /// An empty batch of this number.
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

    /// A row of the outbox will be found at this time.
    pub(crate) fn place(&mut self, via: &str, due: Due) {
        let Due::At(due) = due else { return };
        match self.placed.get_mut(via) {
            Some(first) => *first = due.min(*first),
            None => drop(self.placed.insert(via.to_owned(), due)),
        }
    }

    /// Whether nobody waits for it and it writes nothing.
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

    /// Tells everybody who waits that nothing of it was kept, or that nobody knows; results stay.
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
