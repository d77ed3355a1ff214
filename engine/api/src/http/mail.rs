//! What came back by mail: `POST /v1/mail` takes one message as it came, and webhooks with a `format` take what mail
//! providers tell. Says of each message what it is and to which lead it went.

use crate::body::{self, Body};
use crate::http::auth::{Caller, Ingest};
use crate::http::events::checked;
use crate::http::hooks::{self, Sent};
use crate::http::problem::{Kind, Problem};
use crate::http::request::unreadable;
use crate::http::state::{MailSource, Shared};
use crate::intake::Rules;
use crate::mail;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use cadenza_core::event::StandardEvent;
use cadenza_core::id::LeadId;
use cadenza_core::identity::{IdentityKey, IdentityKind};
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::MailFormat;
use cadenza_mail::{Mail, Verdict, Why, vendor};
use cadenza_runtime::clock::Clock;
use cadenza_runtime::engine::Refused;
use cadenza_signatures::Delivered;
use futures_util::future::join_all;
use serde::Serialize;

/// What became of a message.
#[derive(Debug, Serialize)]
pub(crate) struct Brought {
    /// The message's own id.
    message: Option<String>,
    /// What it was taken for.
    kind: &'static str,
    /// The event that it became; none when it concerns no lead.
    #[serde(rename = "type")]
    event: Option<String>,
    /// The event's id.
    id: Option<String>,
    lead: Option<LeadId>,
    /// By what the lead was found.
    found_by: Option<&'static str>,
    /// Whether it had come before.
    duplicate: bool,
    /// Why it became no event.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Brought {
    fn nothing(mail: &Mail, why: String) -> Self {
        let (message, kind) = (mail.id.clone(), mail.verdict.name());
        Self { message, kind, event: None, id: None, lead: None, found_by: None, duplicate: false, why: Some(why) }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        if self.event.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK }
    }
}

/// What became of the messages of a delivery.
#[derive(Debug, Serialize)]
struct Several {
    results: Vec<One>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum One {
    Brought(Brought),
    Failed { problem: serde_json::Value },
}

/// Takes a delivery of a mail provider, and answers once all of it is durable or refused.
pub(crate) async fn receive(
    api: &Shared,
    name: &str,
    source: &MailSource,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let limits = &api.limits;
    let mut held = api.bodies.read(&parts.headers, body, limits.mail_bytes_max, limits.body_read_timeout).await?;
    if source.format != MailFormat::Mail {
        held.take_for_values()?;
    }
    let delivered = Delivered { headers: &parts.headers, query: parts.uri.query(), body: &held.bytes };
    let genuine = source.verifier.verify(delivered, Clock::real()).map_err(hooks::bad_signature)?;
    let now = api.engine.clock().now();
    let content_type = body::said(&parts.headers, &CONTENT_TYPE);
    let mails = match mails(source.format, content_type, &held.bytes, now) {
        Ok(mails) => mails,
        Err(problem) => {
            let sent = Sent { source: name, id: genuine.id, signed: None };
            return Err(hooks::keep(api, &sent, None, delivered, &genuine, problem).await);
        }
    };
    let results = deliver_all(api, &mails, name, &held.bytes).await?;
    let is_event = |one: &One| matches!(one, One::Brought(brought) if brought.event.is_some());
    let status = if results.iter().any(is_event) { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(Several { results })).into_response())
}

/// The messages of a delivery.
pub(crate) fn mails(
    format: MailFormat,
    content_type: Option<&str>,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Vec<Mail>, Problem> {
    if format == MailFormat::Mail {
        let mail = cadenza_mail::read(bytes, now);
        if mail.verdict == Verdict::Other(Why::NoMail) {
            return Err(Problem::new(Kind::MappingFailed, Why::NoMail.words()).at("the whole body"));
        }
        return Ok(vec![mail]);
    }
    let body = match body::read(content_type, bytes).map_err(hooks::not_read)? {
        Body::Json(json) => serde_json::from_slice(&json).map_err(|cause| unreadable(&cause, "."))?,
        Body::Form(fields) => fields,
    };
    vendor::read_delivery(format, &body, now).map_err(|error| Problem::new(Kind::MappingFailed, error.to_string()))
}

/// Tells the leads of all messages of a delivery. When there is no room for one, the sender has to send all again; what
/// was taken is known then.
async fn deliver_all(api: &Shared, mails: &[Mail], source: &str, raw: &[u8]) -> Result<Vec<One>, Problem> {
    let mut results = Vec::with_capacity(mails.len());
    for together in mails.chunks(api.limits.events_under_way_max) {
        for result in join_all(together.iter().map(|mail| deliver(api, mail, source, raw))).await {
            results.push(match result {
                Ok(brought) => One::Brought(brought),
                Err(problem) if problem.kind().status() == 422 => One::Failed { problem: problem.body() },
                Err(problem) => return Err(problem),
            });
        }
    }
    Ok(results)
}

/// Takes a delivery again that was kept as a dead letter.
pub(crate) async fn receive_again(api: &Shared, mails: &[Mail], source: &str, raw: &[u8]) -> Result<(), Problem> {
    let results = deliver_all(api, mails, source, raw).await?;
    match results
        .iter()
        .find_map(|one| if let One::Failed { problem } = one { problem["detail"].as_str() } else { None })
    {
        Some(detail) => Err(Problem::new(Kind::MappingFailed, detail)),
        None => Ok(()),
    }
}

/// Takes a message, and answers once its event is durable.
pub(crate) async fn take(
    _: Caller<Ingest>,
    State(api): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Brought>), Problem> {
    let (parts, body) = request.into_parts();
    let limits = &api.limits;
    let held = api.bodies.read(&parts.headers, body, limits.mail_bytes_max, limits.body_read_timeout).await?;
    let mail = cadenza_mail::read(&held.bytes, api.engine.clock().now());
    if mail.verdict == Verdict::Other(Why::NoMail) {
        return Err(Problem::new(Kind::InvalidBody, Why::NoMail.words()).at("the whole body"));
    }
    let done = deliver(&api, &mail, mail::SOURCE, &held.bytes).await?;
    Ok((done.status(), Json(done)))
}

/// Tells the lead that a message is about. `raw` identifies a message without an id.
pub(crate) async fn deliver(api: &Shared, mail: &Mail, source: &str, raw: &[u8]) -> Result<Brought, Problem> {
    if mail::is_ours(mail) {
        return Ok(Brought::nothing(mail, "it is a copy of a message of ours".to_owned()));
    }
    let Some(event) = mail::event(&mail.verdict) else {
        let why = if let Verdict::Other(why) = mail.verdict { why.words() } else { "it concerns no lead" };
        return Ok(Brought::nothing(mail, why.to_owned()));
    };
    let catalog = api.engine.catalog();
    if let Some(rep) = mail::rep(mail, &catalog.workspace.settings.team) {
        // Reps answer in the same threads, and are away too; and notices to them come back.
        return Ok(Brought::nothing(mail, format!("it is about {rep} of the team, and not about a lead")));
    }
    let by_message = lead_of_message(api, mail).await?;
    if by_message.is_none()
        && let Some(why) = unknown_address(api, mail).await?
    {
        return Ok(Brought::nothing(mail, why));
    }
    let now = api.engine.clock().now();
    let id = mail::event_id(mail, raw);
    let Some(draft) = mail::draft(mail, &id, source, by_message, now) else {
        return Ok(Brought::nothing(mail, "it concerns no lead".to_owned()));
    };
    let incoming = checked(draft, Rules::of(&catalog.workspace.settings, now))?;
    let (lead, duplicate) = match api.engine.report(incoming).await {
        Ok(accepted) => (Some(accepted.lead), accepted.duplicate),
        // The same message by another way, such as through a list that changed it.
        Err(Refused::Conflict { .. }) => (by_message, true),
        Err(refused) => return Err(refused.into()),
    };
    Ok(Brought {
        message: mail.id.clone(),
        kind: mail.verdict.name(),
        event: Some(StandardEvent::as_str(event).to_owned()),
        id: Some(id),
        lead,
        found_by: Some(if by_message.is_some() { "message" } else { "address" }),
        duplicate,
        why: None,
    })
}

/// The lead to which a message of ours was sent, if the lead is known and has made as many messages. Anybody can
/// write an id. A bounce that does not say whom the message did not reach is the lead's only if it was a mail to the
/// lead, and no notice.
async fn lead_of_message(api: &Shared, mail: &Mail) -> Result<Option<LeadId>, Problem> {
    for effect in mail::named(mail) {
        let Some(state) = api.engine.lead(effect.lead()).await? else { continue };
        let was_made = (1..=state.born).contains(&effect.in_journal().number());
        let was_mail = || state.lead.touches.iter().any(|touch| touch.effect == Some(effect));
        if was_made && (mail::address(mail).is_some() || was_mail()) {
            return Ok(Some(effect.lead()));
        }
    }
    Ok(None)
}

/// Why the address leads to no lead; `None` when it does. Mail makes no leads: most of what comes is not from one.
async fn unknown_address(api: &Shared, mail: &Mail) -> Result<Option<String>, Problem> {
    let Some(address) = mail::address(mail) else {
        return Ok(Some("it names no address, and no message of ours".to_owned()));
    };
    let Some(key) = IdentityKey::of(IdentityKind::Email, address, None) else {
        return Ok(Some(format!("`{address}` is no person's address, and it names no message of ours")));
    };
    let found = api.engine.find(&key).await?;
    Ok(found.is_empty().then(|| format!("no lead has the address {address}, and it names no message of ours")))
}
