//! What is on its way out, and what was given up, as the API shows it. Bodies of mails are left out: they are the lead's.

use crate::driver::HELD;
use cadenza_core::effect::{Message, Outgoing};
use cadenza_core::id::{EffectId, LeadId, RunId};
use cadenza_core::time::Timestamp;
use cadenza_store::{DeadContent, DeadLetter, DeadLetterId};
use serde::Serialize;

/// An outbox row.
#[derive(Debug, Serialize)]
pub(crate) struct OutgoingView {
    id: EffectId,
    lead: LeadId,
    run: RunId,
    via: String,
    kind: &'static str,
    what: String,
    made_at: Timestamp,
    /// None while it is held until something is resumed.
    due: Option<Timestamp>,
    tries: u16,
    started_at: Option<Timestamp>,
    last_error: Option<String>,
}

impl OutgoingView {
    /// The row as it is kept.
    pub(crate) fn new(row: &Outgoing) -> Self {
        let (kind, what) = match &row.message {
            Message::Email { script, .. } => ("email", script.clone()),
            Message::Notice { to, task, kind } => ("notice", format!("{kind} to {to} about {task}")),
        };
        Self {
            id: row.id,
            lead: row.lead,
            run: row.run,
            via: row.via.clone(),
            kind,
            what,
            made_at: row.made_at,
            due: Some(row.due).filter(|due| *due != HELD),
            tries: row.tries,
            started_at: row.started_at,
            last_error: row.last_error.clone(),
        }
    }
}

/// A dead letter.
#[derive(Debug, Serialize)]
pub(crate) struct DeadLetterView {
    id: String,
    at: Timestamp,
    cause: String,
    #[serde(flatten)]
    content: ContentView,
}

#[derive(Debug, Serialize)]
#[serde(tag = "direction", rename_all = "snake_case")]
enum ContentView {
    Outgoing { message: OutgoingView },
    Incoming { source: String, event: String, body: String },
}

impl DeadLetterView {
    /// The letter as it is kept.
    pub(crate) fn new(letter: &DeadLetter) -> Self {
        let content = match &letter.content {
            DeadContent::Outgoing(row) => ContentView::Outgoing { message: OutgoingView::new(row) },
            DeadContent::Incoming { source, event, body } => {
                ContentView::Incoming { source: source.clone(), event: event.clone(), body: body.clone() }
            }
        };
        Self { id: show_id(letter.id), at: letter.at, cause: letter.cause.clone(), content }
    }
}

/// `dl_` and 32 hexadecimal digits.
pub(crate) fn show_id(id: DeadLetterId) -> String {
    format!("dl_{:032x}", id.0)
}

/// Reads what [`show_id`] writes.
pub(crate) fn read_id(text: &str) -> Option<DeadLetterId> {
    let digits = text.strip_prefix("dl_").filter(|digits| digits.len() == 32)?;
    u128::from_str_radix(digits, 16).ok().map(DeadLetterId)
}
