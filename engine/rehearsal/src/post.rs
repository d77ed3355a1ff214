//! The other side of every connection: it takes what it is given, and keeps it.

use cadenza_core::effect::{Addressee, Message, NoticeKind, Outgoing, Rendered};
use cadenza_core::gate::Permit;
use cadenza_core::id::{Born, LeadId};
use cadenza_core::time::Timestamp;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::courier::{Attempted, Courier};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A word to a rep.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) lead: LeadId,
    pub(crate) at: Timestamp,
    pub(crate) to: String,
    pub(crate) kind: NoticeKind,
}

/// What left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) mails: Vec<(LeadId, Born, Rendered)>,
    pub(crate) notices: Vec<Notice>,
}

#[derive(Default)]
pub(crate) struct Post(Mutex<Taken>);

impl Post {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that left so far.
    pub(crate) fn all(&self) -> Taken {
        self.taken().clone()
    }
}

impl Courier for Post {
    fn send(self: Arc<Self>, _: Arc<Catalog>, row: Outgoing, _: Option<Permit>, done: Attempted) {
        match &row.message {
            Message::Email { rendered: Some(mail), .. } | Message::Text { rendered: Some(mail), .. } => {
                self.taken().mails.push((row.lead, row.id.in_journal(), mail.clone()));
            }
            // It could not be rendered: the driver says so.
            Message::Email { rendered: None, .. } | Message::Text { rendered: None, .. } => {}
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
        done(row, Ok(()));
    }

    fn unready(&self, _: &Catalog) -> Vec<(String, String)> {
        Vec::new()
    }
}
