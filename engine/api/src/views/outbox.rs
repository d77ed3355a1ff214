//! The outbox and the dead letters, as the API shows them. Bodies of mails are left out,
//! because they belong to the lead.

use super::words;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadenza_core::effect::{Addressee, Message, Outgoing};
use cadenza_core::gate::Verdict;
use cadenza_core::id::{EffectId, LeadId, RunId};
use cadenza_core::time::Timestamp;
use cadenza_runtime::catalog::Catalog;
use cadenza_store::{DeadContent, DeadLetter};
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
    /// `None` while it is held until something is resumed.
    due: Option<Timestamp>,
    tries: u16,
    started_at: Option<Timestamp>,
    last_error: Option<String>,
    /// Why it was last put off, in words.
    put_off: Option<&'static str>,
}

impl OutgoingView {
    pub(crate) fn new(row: &Outgoing, catalog: &Catalog) -> Self {
        let script = |script| catalog.definitions.script(script).unwrap_or("a script that is gone").to_owned();
        let step = |workflow, at| {
            catalog.definitions.step(workflow, at).map_or("a step of a version that is gone", |(id, _)| id)
        };
        let (kind, what) = match &row.message {
            Message::Email { script: mail, .. } => ("email", script(*mail)),
            Message::Text { script: text, .. } => ("message", script(*text)),
            // Words that stand in a workflow have no name of their own.
            Message::Words { to, workflow, step: at, .. } => {
                let to = if let Addressee::Rep(rep) = to { format!("to {rep}, ") } else { String::new() };
                ("notice", format!("{to}the words of {}", step(workflow, *at)))
            }
            Message::Assigned { to, role: None } => ("notice", format!("to {to}, that the lead is theirs")),
            Message::Assigned { to, role: Some(role) } => ("notice", format!("to {to}, the {role} from now on")),
            // Its path may say who the lead is.
            Message::Request { workflow, step: at, .. } => ("request", step(workflow, *at).to_owned()),
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
            due: row.due.at(),
            tries: row.tries,
            started_at: row.started_at,
            last_error: row.last_error.clone(),
            put_off: row.deferred.and_then(Verdict::why).map(words::gate_words),
        }
    }
}

/// A dead letter.
#[derive(Debug, Serialize)]
pub(crate) struct DeadLetterView {
    id: String,
    at: Timestamp,
    cause: String,
    /// How often it came; more than once for a retried delivery.
    times: u64,
    /// When it last came.
    last_at: Timestamp,
    #[serde(flatten)]
    content: ContentView,
}

#[derive(Debug, Serialize)]
#[serde(tag = "direction", rename_all = "snake_case")]
enum ContentView {
    Outgoing {
        message: OutgoingView,
    },
    Incoming {
        source: String,
        event: String,
        content_type: Option<String>,
        body_bytes: usize,
        /// As text; what is not UTF-8 is replaced. Left out in a list.
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// The bytes as they came, if they are not UTF-8. Left out in a list.
        #[serde(skip_serializing_if = "Option::is_none")]
        body_base64: Option<String>,
    },
    /// An enrolment whose condition has no answer.
    Enrolment {
        lead: LeadId,
        workflow: String,
        /// The id of the event, or of the schedule's firing.
        event: String,
    },
}

impl DeadLetterView {
    /// The letter without its body, for a list.
    pub(crate) fn brief(letter: &DeadLetter, catalog: &Catalog) -> Self {
        let mut view = Self::new(letter, catalog);
        if let ContentView::Incoming { body, body_base64, .. } = &mut view.content {
            (*body, *body_base64) = (None, None);
        }
        view
    }

    /// The whole letter.
    pub(crate) fn new(letter: &DeadLetter, catalog: &Catalog) -> Self {
        let content = match &letter.content {
            DeadContent::Outgoing(row) => {
                // It is no longer put off; it is given up.
                let message = OutgoingView { put_off: None, ..OutgoingView::new(row, catalog) };
                ContentView::Outgoing { message }
            }
            DeadContent::Incoming { source, event, body, raw, content_type, .. } => ContentView::Incoming {
                source: source.clone(),
                event: event.clone(),
                content_type: content_type.clone(),
                body_bytes: raw.as_ref().map_or(body.len(), |raw| raw.len()),
                body: Some(body.clone()),
                body_base64: raw.as_ref().map(|raw| STANDARD.encode(raw.as_slice())),
            },
            DeadContent::Enrolment { lead, workflow, event } => {
                ContentView::Enrolment { lead: *lead, workflow: workflow.clone(), event: event.clone() }
            }
        };
        Self {
            id: letter.id.to_string(),
            at: letter.at,
            cause: letter.cause.clone(),
            times: u64::from(letter.again) + 1,
            last_at: letter.last_at.unwrap_or(letter.at),
            content,
        }
    }
}
