//! `POST /hooks/{source}`: a signed webhook becomes an event. The hot path: no logging, nothing parsed twice.

use crate::engine::{Accepted, Incoming};
use crate::http::problem::{Kind, Problem};
use crate::http::request::{Named, read_body, unreadable};
use crate::http::state::{Intake, OpenSource, Shared};
use crate::intake::{self, Draft, LeftOutView, Rules};
use crate::mapping::{MappingError, Reader};
use crate::signature::SignatureError;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use cadenza_core::id::LeadId;
use cadenza_store::DeadContent;
use serde::Serialize;

/// What becomes of a delivery or an event.
#[derive(Debug, Serialize)]
pub(crate) struct Taken {
    /// The sender's id.
    pub(crate) event: String,
    /// The lead it came to.
    pub(crate) lead: LeadId,
    /// Whether it had been applied before.
    pub(crate) duplicate: bool,
    /// What it brought and was not taken; the lead was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<LeftOutView>,
}

impl Taken {
    /// What became of an event of this id.
    pub(crate) fn new(event: String, accepted: &Accepted) -> Self {
        let left_out = accepted.left_out.iter().map(LeftOutView::from).collect();
        Self { event, lead: accepted.lead, duplicate: accepted.duplicate, left_out }
    }
}

/// Takes a delivery; answers once it is durable.
pub(crate) async fn receive(
    State(api): State<Shared>,
    Named(name): Named<String>,
    request: Request,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    let sources = api.sources();
    let OpenSource { verifier, reader } = match sources.get(&name) {
        Some(Intake::Open(source)) => source.as_ref(),
        Some(Intake::Closed(why)) => {
            return Err(
                Problem::new(Kind::SourceClosed, format!("{why}, then apply the workspace again")).retry_after_s(60)
            );
        }
        None => return Err(Problem::not_found("source", &name)),
    };
    let (parts, body) = request.into_parts();
    let limits = &api.limits;
    let body = read_body(&parts.headers, body, limits.hook_body_bytes_max, limits.body_read_timeout).await?;
    let delivery = verifier.verify(&parts.headers, &body, crate::clock::Clock::real()).map_err(bad_signature)?;
    let incoming = match read(&api, &name, reader, delivery, &body) {
        Ok(incoming) => incoming,
        Err(problem) if problem.kind() == Kind::MalformedJson => return Err(problem),
        Err(problem) => return Err(keep(&api, &name, delivery, &body, problem).await),
    };
    let event = incoming.id[name.len() + 1..].to_owned();
    match api.engine.report(incoming).await.map_err(Problem::from) {
        Ok(accepted) => Ok((StatusCode::ACCEPTED, Json(Taken::new(event, &accepted)))),
        Err(problem) if problem.kind() == Kind::NoIdentity => Err(keep(&api, &name, delivery, &body, problem).await),
        Err(problem) => Err(problem),
    }
}

/// Maps a delivery and checks it; also for a dead letter that is tried again.
pub(crate) fn read(
    api: &Shared,
    source: &str,
    reader: &Reader,
    delivery: Option<&str>,
    body: &[u8],
) -> Result<Incoming, Problem> {
    let catalog = api.engine.catalog();
    let rules = Rules::of(&catalog.workspace.settings, api.engine.clock().now());
    let mapped = reader.read(body, rules.zone).map_err(|error| not_mapped(&error))?;
    let id = mapped.id.as_deref().or(delivery).ok_or_else(|| {
        Problem::new(
            Kind::MappingFailed,
            "nothing tells this delivery from another: give the source's mapping an `id`, or its signature an id header",
        )
    })?;
    let draft = Draft {
        source,
        id,
        kind: mapped.kind,
        at: mapped.at,
        lead: None,
        fields: mapped.fields,
        data: mapped.data,
        left_out: mapped.left_out,
        enrolls: true,
    };
    intake::check(draft, rules).map_err(|error| {
        let problem = Problem::new(Kind::MappingFailed, error.to_string());
        error.place().into_iter().fold(problem, Problem::at)
    })
}

/// A genuine delivery that cannot be used is kept for a person; the sender hears so only once it is durable.
async fn keep(api: &Shared, source: &str, delivery: Option<&str>, body: &[u8], problem: Problem) -> Problem {
    let content = DeadContent::Incoming {
        source: source.to_owned(),
        event: delivery.unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(body).into_owned(),
    };
    match api.engine.bury(problem.detail().to_owned(), content).await {
        Ok(letter) => problem.with("dead_letter", crate::views::outbox::show_id(letter).into()),
        Err(refused) => refused.into(),
    }
}

fn bad_signature(error: SignatureError) -> Problem {
    let problem = Problem::new(Kind::BadSignature, error.to_string());
    error.header().into_iter().fold(problem, Problem::at)
}

fn not_mapped(error: &MappingError) -> Problem {
    if let MappingError::Json(cause) = error {
        return unreadable(cause, ".");
    }
    let problem = Problem::new(Kind::MappingFailed, error.to_string());
    error.path().into_iter().fold(problem, Problem::at)
}
