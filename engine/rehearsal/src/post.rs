//! The other side of every connection: it accepts and keeps what it is given. The case determines its answers to requests.

use crate::stubs::WANTED;
use cadenza_core::effect::{Addressee, Message, NoticeKind, Outgoing, Rendered, Request};
use cadenza_core::gate::Permit;
use cadenza_core::id::{Born, Digest, LeadId};
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::StepId;
use cadenza_language::cases::{AnswerStub, Case, MailStub, Place};
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::courier::{Attempted, Courier, Ended, Response, SendError, is_passing};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A message to a rep.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) lead: LeadId,
    pub(crate) at: Timestamp,
    pub(crate) to: String,
    pub(crate) kind: NoticeKind,
}

/// Everything that left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) mails: Vec<(LeadId, Born, Rendered)>,
    pub(crate) notices: Vec<Notice>,
    /// Each request once, however often it was tried.
    pub(crate) requests: Vec<(LeadId, Born, Request)>,
}

#[derive(Default)]
pub(crate) struct Post {
    taken: Mutex<Taken>,
    answers: BTreeMap<Place, Vec<AnswerStub>>,
    mails: BTreeMap<Place, Vec<MailStub>>,
    /// How many attempts the messages and requests of each step have made.
    asked: Mutex<BTreeMap<Place, usize>>,
}

impl Post {
    /// One that does with the requests and messages of steps what the case says.
    pub(crate) fn of(case: &Case) -> Self {
        Self { answers: case.answers.clone(), mails: case.mails.clone(), ..Self::default() }
    }

    /// The number of this attempt of a step, from 0.
    fn number(&self, place: &Place) -> usize {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = asked.entry(place.clone()).or_default();
        std::mem::replace(asked, *asked + 1)
    }

    /// What becomes of a message of a step. One that fails is given up at once: no courier tries again without an end.
    fn hands_over(&self, place: &Place) -> Ended {
        let Some(stubs) = self.mails.get(place) else { return Ok(None) };
        match stubs.get(self.number(place)).or(stubs.last()) {
            Some(MailStub::Fails) => {
                Err(SendError { cause: WANTED.to_owned(), retry: false, retry_after_ms: None, may_have_arrived: false })
            }
            Some(MailStub::Sent) | None => Ok(None),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is answered to an attempt of a step, held to the rules by which a real answer is taken.
    fn answer(&self, place: &Place) -> Ended {
        let number = self.number(place);
        let stubs = self.answers.get(place).map(Vec::as_slice).unwrap_or_default();
        let fails =
            |cause: String| Err(SendError { cause, retry: true, retry_after_ms: None, may_have_arrived: false });
        match stubs.get(number).or(stubs.last()) {
            None => Ok(Some(Response { status: 200, ..Response::default() })),
            Some(AnswerStub::Fails) => fails(WANTED.to_owned()),
            Some(AnswerStub::Is { status, .. }) if is_passing(*status) => {
                fails(format!("the other side answered {status}"))
            }
            Some(AnswerStub::Is { status, body }) => {
                let body = body.as_ref().map(ToString::to_string);
                let is_json = body.is_some();
                Ok(Some(Response { status: *status, is_json, body: body.unwrap_or_default(), too_large: false }))
            }
        }
    }

    /// Everything that has left so far.
    pub(crate) fn all(&self) -> Taken {
        self.taken().clone()
    }
}

/// The step that sends something, by name.
pub(crate) fn place(catalog: &Catalog, workflow: &Digest, step: StepId) -> Place {
    let definitions = &catalog.definitions;
    Place {
        workflow: definitions.name(workflow).unwrap_or_default().to_owned(),
        step: definitions.step(workflow, step).map_or_else(String::new, |(id, _)| id.to_owned()),
    }
}

impl Courier for Post {
    fn send(self: Arc<Self>, catalog: Arc<Catalog>, row: Outgoing, _: Option<Permit>, done: Attempted) {
        match &row.message {
            Message::Email { workflow, step, rendered: Some(mail), .. }
            | Message::Text { workflow, step, rendered: Some(mail), .. } => {
                self.taken().mails.push((row.lead, row.id.in_journal(), mail.clone()));
                let ended = self.hands_over(&place(&catalog, workflow, *step));
                return done(row, ended);
            }
            // The message could not be rendered; the driver reports that.
            Message::Email { rendered: None, .. } | Message::Text { rendered: None, .. } => {}
            Message::Request { rendered: None, .. } => {
                let cause = row.last_error.clone().unwrap_or_default();
                return done(
                    row,
                    Err(SendError { cause, retry: false, retry_after_ms: None, may_have_arrived: false }),
                );
            }
            Message::Request { workflow, step, rendered: Some(request) } => {
                let (lead, effect) = (row.lead, row.id.in_journal());
                if row.tries <= 1 {
                    self.taken().requests.push((lead, effect, request.clone()));
                }
                let ended = self.answer(&place(&catalog, workflow, *step));
                return done(row, ended);
            }
            Message::Words { to, .. } => {
                let at = row.started_at.unwrap_or(row.made_at);
                let to = if let Addressee::Rep(rep) = to { rep.0.clone() } else { row.via.clone() };
                self.taken().notices.push(Notice { lead: row.lead, at, to, kind: NoticeKind::Words });
            }
            Message::Assigned { to, .. } => {
                let at = row.started_at.unwrap_or(row.made_at);
                let to = to.0.clone();
                self.taken().notices.push(Notice { lead: row.lead, at, to, kind: NoticeKind::Assigned });
            }
            Message::Notice { to, kind, .. } => {
                let at = row.started_at.unwrap_or(row.made_at);
                self.taken().notices.push(Notice { lead: row.lead, at, to: to.0.clone(), kind: *kind });
            }
        }
        done(row, Ok(None));
    }

    fn unready(&self, _: &Catalog) -> Vec<(String, String)> {
        Vec::new()
    }
}
