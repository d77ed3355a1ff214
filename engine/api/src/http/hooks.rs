//! `POST /hooks/{source}`: turns a signed webhook into an event. This is the hot path: no
//! logging, nothing parsed twice.

use crate::body::{self, Body, BodyError};
use crate::http::mail;
use crate::http::problem::{Kind, Problem};
use crate::http::request::{Named, unreadable};
use crate::http::state::{Intake, OpenSource, Shared};
use crate::intake::{self, Draft, LeftOutView, Rules};
use crate::mapping::{MappingError, Reader};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use cadenza_core::id::LeadId;
use cadenza_core::time::Timestamp;
use cadenza_runtime::engine::{Accepted, Incoming};
use cadenza_signatures::{Delivered, Genuine, SignatureError};
use cadenza_store::{DeadContent, DeliveryKey};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// What happened to a delivery or an event.
#[derive(Debug, Serialize)]
pub(crate) struct Taken {
    /// The sender's id.
    pub(crate) event: String,
    /// The lead it went to.
    pub(crate) lead: LeadId,
    /// Whether that is a new lead, because what the event names led to nobody.
    pub(crate) created: bool,
    /// Whether it had been applied before.
    pub(crate) duplicate: bool,
    /// What it brought that was not taken; the lead was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<LeftOutView>,
}

impl Taken {
    /// What happened to an event with this id.
    pub(crate) fn new(event: String, accepted: &Accepted) -> Self {
        let left_out = accepted.left_out.iter().map(LeftOutView::from).collect();
        Self { event, lead: accepted.lead, created: accepted.created, duplicate: accepted.duplicate, left_out }
    }
}

/// Takes a delivery, and answers once it is durable.
pub(crate) async fn receive(
    State(api): State<Shared>,
    Named(name): Named<String>,
    request: Request,
) -> Result<Response, Problem> {
    let sources = api.sources();
    let OpenSource { verifier, reader } = match sources.get(&name) {
        Some(Intake::Open(source)) => source.as_ref(),
        Some(Intake::Mail(source)) => return mail::receive(&api, &name, source, request).await,
        Some(Intake::Closed(why)) => {
            return Err(
                Problem::new(Kind::SourceClosed, format!("{why}, then apply the workspace again")).retry_after_s(60)
            );
        }
        None => return Err(Problem::not_found("source", &name)),
    };
    let (parts, body) = request.into_parts();
    let limits = &api.limits;
    let arriving = api.bodies.read(&parts.headers, body, limits.hook_body_bytes_max, limits.body_read_timeout);
    let mut held = arriving.await?;
    held.take_for_values()?;
    let body = held.bytes.clone();
    let delivered = Delivered { headers: &parts.headers, query: parts.uri.query(), body: &body };
    let genuine = verifier.verify(delivered, cadenza_runtime::clock::Clock::real()).map_err(bad_signature)?;
    let open = || body::open(&parts.headers, &body);
    let signed = genuine.signed.as_ref().map(|hash| format!("{name}/\0signed/{hash}"));
    let sent = Sent { source: &name, id: genuine.id, signed };
    let now = api.engine.clock().now();
    let own_id = || open().ok().and_then(|body| reader.id(body));
    let incoming = match open().map_err(not_read).and_then(|body| read(&api, reader, &sent, body, now)) {
        Ok(incoming) => incoming,
        Err(problem) => return Err(keep(&api, &sent, own_id(), delivered, &genuine, problem).await),
    };
    let event = incoming.id[name.len() + 1..].to_owned();
    match api.engine.report(incoming).await.map_err(Problem::from) {
        Ok(accepted) => Ok((StatusCode::ACCEPTED, Json(Taken::new(event, &accepted))).into_response()),
        Err(problem) if matches!(problem.kind(), Kind::NoIdentity | Kind::Damaged) => {
            Err(keep(&api, &sent, own_id(), delivered, &genuine, problem).await)
        }
        Err(problem) => Err(problem),
    }
}

/// What is known of a delivery besides its body. Also used when a dead letter is tried again.
pub(crate) struct Sent<'a> {
    pub(crate) source: &'a str,
    /// The id it came under.
    pub(crate) id: Option<&'a str>,
    /// How else it is identified, if that id was not signed.
    pub(crate) signed: Option<String>,
}

/// Maps and checks a delivery that arrived at `came`. If it has no time of its own, that is its time.
pub(crate) fn read(
    api: &Shared,
    reader: &Reader,
    sent: &Sent<'_>,
    body: Body<'_>,
    came: Timestamp,
) -> Result<Incoming, Problem> {
    let catalog = api.engine.catalog();
    let rules = Rules::of(&catalog.workspace.settings, came);
    let mapped = reader.read(body, rules.zone).map_err(|error| not_mapped(&error))?;
    // An id in the body is signed along with the body.
    let signed = sent.signed.clone().filter(|_| mapped.id.is_none());
    let id = mapped.id.as_deref().or(sent.id).ok_or_else(|| {
        Problem::new(
            Kind::MappingFailed,
            "nothing tells this delivery from another: neither the body has the `id` of the source's mapping, nor is there \
             the id header of its signature",
        )
    })?;
    let draft = Draft {
        source: sent.source,
        id,
        kind: mapped.kind,
        at: mapped.at,
        lead: None,
        fields: mapped.fields,
        data: mapped.data,
        left_out: mapped.left_out,
        enrolls: true,
    };
    let checked = intake::check(draft, rules).map_err(|error| {
        let problem = Problem::new(Kind::MappingFailed, error.to_string());
        error.place().into_iter().fold(problem, Problem::at)
    })?;
    Ok(Incoming { signed, ..checked })
}

/// Keeps a genuine delivery that cannot be used, so that a person can look at it, with its bytes as they came. The sender
/// is told only once it is durable. `id` is the id in its body.
pub(crate) async fn keep(
    api: &Shared,
    sent: &Sent<'_>,
    id: Option<String>,
    delivered: Delivered<'_>,
    genuine: &Genuine<'_>,
    problem: Problem,
) -> Problem {
    // Retries must be one letter. An id in the body comes first, but it may be the id of a thing rather than of a
    // delivery, so the rest of the body counts too, except for digits (a counter of attempts, a time). Without such an
    // id, a signed id identifies the delivery, or else the whole body.
    let delivery = match (&id, genuine) {
        (Some(id), _) => {
            let rest: Vec<u8> = delivered.body.iter().copied().filter(|byte| !byte.is_ascii_digit()).collect();
            delivery_key(sent.source, "id in the body", &[id.as_bytes(), b"\0", &rest])
        }
        (None, Genuine { id: Some(id), signed: None }) => delivery_key(sent.source, "id", &[id.as_bytes()]),
        _ => delivery_key(sent.source, "body", &[delivered.body]),
    };
    let body = String::from_utf8_lossy(delivered.body);
    let raw = matches!(body, Cow::Owned(_)).then(|| delivered.body.to_vec().into());
    let content = DeadContent::Incoming {
        source: sent.source.to_owned(),
        event: id.or_else(|| sent.id.map(str::to_owned)).unwrap_or_default(),
        body: body.into_owned(),
        raw,
        content_type: body::said(delivered.headers, &CONTENT_TYPE).map(str::to_owned),
        signed: sent.signed.clone(),
        delivery: Some(delivery),
    };
    match api.engine.bury(problem.detail().to_owned(), content).await {
        Ok(letter) => problem.with("dead_letter", letter.to_string().into()),
        Err(refused) => refused.into(),
    }
}

fn delivery_key(source: &str, by: &str, known: &[&[u8]]) -> DeliveryKey {
    let begin = Sha256::new().chain_update(format!("{source}\0{by}\0"));
    let hash = known.iter().fold(begin, |hash, part| hash.chain_update(part)).finalize();
    DeliveryKey(u128::from_be_bytes(*hash.first_chunk().expect("SHA-256 gives 32 bytes")))
}

pub(crate) fn bad_signature(error: SignatureError) -> Problem {
    Problem::new(Kind::BadSignature, error.to_string()).at(error.place())
}

pub(crate) fn not_read(error: BodyError) -> Problem {
    let kind = if error.is_of_header() { Kind::NotJson } else { Kind::MappingFailed };
    Problem::new(kind, error.to_string()).at(error.place())
}

fn not_mapped(error: &MappingError) -> Problem {
    if let MappingError::Json(cause) = error {
        return unreadable(cause, ".");
    }
    let problem = Problem::new(Kind::MappingFailed, error.to_string());
    error.path().into_iter().fold(problem, Problem::at)
}
