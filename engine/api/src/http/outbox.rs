//! The outbox and the dead letters: list them, redrive them, throw them away.

use crate::body;
use crate::http::auth::{Caller, Steer};
use crate::http::problem::{Kind, Problem};
use crate::http::request::{Bare, Named, OptionalJson, Params};
use crate::http::state::{Intake, Shared};
use crate::http::{cursor, paging};
use crate::http::{hooks, mail};
use crate::intake::LeftOutView;
use crate::views::Page;
use crate::views::outbox::{DeadLetterView, OutgoingView};
use axum::Json;
use axum::extract::State;
use cadenza_core::effect::Due;
use cadenza_core::id::{EffectId, LeadId};
use cadenza_core::time::Timestamp;
use cadenza_runtime::engine::{Accepted, Exhume};
use cadenza_store::{DeadContent, DeadLetter, DeadLetterId};
use serde::{Deserialize, Serialize};

/// Where a page begins, and how long it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ListParams {
    cursor: Option<String>,
    limit: Option<usize>,
}

/// `GET /v1/outbox`: in order of due times.
pub(crate) async fn list(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<OutgoingView>>, Problem> {
    const LIST: &str = "outbox";
    let limit = paging::size(params.limit, &api.limits)?;
    let after = params.cursor.as_deref().map(|text| read_place(LIST, text)).transpose()?;
    let rows = api.engine.outbox(after, limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| {
        let due = row.due.at().map_or(ON_RELEASE, Timestamp::as_ms);
        let place = [&due.to_be_bytes()[..], &row.id.0.to_be_bytes()].concat();
        cursor::write(LIST, &place)
    });
    let catalog = api.engine.catalog();
    Ok(Json(Page { items: rows.iter().map(|row| OutgoingView::new(row, &catalog)).collect(), next }))
}

/// In a cursor: the row waits for a release.
const ON_RELEASE: i64 = i64::MAX;

fn read_place(list: &str, text: &str) -> Result<(Due, EffectId), Problem> {
    let bytes = cursor::read(list, text)?;
    let place = bytes.split_first_chunk::<8>().and_then(|(due, id)| {
        let due = match i64::from_be_bytes(*due) {
            ON_RELEASE => Due::OnRelease,
            ms => Due::At(Timestamp::from_ms(ms)),
        };
        Some((due, EffectId(u128::from_be_bytes(id.try_into().ok()?))))
    });
    place.ok_or_else(|| Problem::new(Kind::BadCursor, "the cursor is damaged: begin the list again").at("cursor"))
}

/// `GET /v1/dead-letters`: oldest first.
pub(crate) async fn dead_letters(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<DeadLetterView>>, Problem> {
    const LIST: &str = "dead letters";
    let limit = paging::size(params.limit, &api.limits)?;
    let after = cursor::read_id(LIST, params.cursor.as_deref())?.map(DeadLetterId);
    let letters = api.engine.dead_letters(after, limit).await?;
    let last = letters.last().filter(|_| letters.len() == limit);
    let next = last.map(|letter| cursor::write(LIST, &letter.id.0.to_be_bytes()));
    let catalog = api.engine.catalog();
    Ok(Json(Page { items: letters.iter().map(|letter| DeadLetterView::brief(letter, &catalog)).collect(), next }))
}

/// What happened to a dead letter.
#[derive(Debug, Serialize)]
pub(crate) struct Redriven {
    dead_letter: String,
    /// The lead that a delivery went to.
    #[serde(skip_serializing_if = "Option::is_none")]
    lead: Option<LeadId>,
    /// Whether a delivery had already become an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<bool>,
    /// What a delivery brought that the lead did not take.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<LeftOutView>,
}

/// How a letter is redriven.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct RedriveBody {
    /// Redrive it even if what it was about is over.
    #[serde(default)]
    even_so: bool,
}

/// `POST /v1/dead-letters/{id}/redrive`: a message goes back to the outbox; a delivery is mapped again, by
/// the mapping now in force.
pub(crate) async fn redrive(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(text): Named<String>,
    OptionalJson(body): OptionalJson<RedriveBody>,
) -> Result<Json<Redriven>, Problem> {
    let letter = find(&api, &text).await?;
    let delivered = deliver_again(&api, &letter).await?;
    api.engine.exhume(letter.id, Exhume::Redrive { by: caller.name(), even_so: body.even_so }).await?;
    let left_out = delivered.iter().flat_map(|accepted| &accepted.left_out).map(LeftOutView::from).collect();
    let (lead, duplicate) = delivered.map(|accepted| (accepted.lead, accepted.duplicate)).unzip();
    Ok(Json(Redriven { dead_letter: text, lead, duplicate, left_out }))
}

/// `GET /v1/dead-letters/{id}`
pub(crate) async fn dead_letter(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Named(text): Named<String>,
) -> Result<Json<DeadLetterView>, Problem> {
    find(&api, &text).await.map(|letter| Json(DeadLetterView::new(&letter, &api.engine.catalog())))
}

/// What was thrown away.
#[derive(Debug, Serialize)]
pub(crate) struct Discarded {
    dead_letter: String,
}

/// `DELETE /v1/dead-letters/{id}`: throws it away for good.
pub(crate) async fn discard(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(text): Named<String>,
    _: Bare,
) -> Result<Json<Discarded>, Problem> {
    let letter = find(&api, &text).await?;
    api.engine.exhume(letter.id, Exhume::Discard { by: caller.name() }).await?;
    Ok(Json(Discarded { dead_letter: text }))
}

async fn find(api: &Shared, text: &str) -> Result<DeadLetter, Problem> {
    let not_found = || Problem::not_found("dead letter", text);
    let id = DeadLetterId::parse(text).ok_or_else(not_found)?;
    api.engine.dead_letter(id).await?.ok_or_else(not_found)
}

/// Turns a delivery among the dead letters into an event. If the letter stays behind after that, redriving it
/// once more finds a duplicate.
async fn deliver_again(api: &Shared, letter: &DeadLetter) -> Result<Option<Accepted>, Problem> {
    let DeadContent::Incoming { source, event, body, raw, content_type, signed, .. } = &letter.content else {
        return Ok(None);
    };
    let sources = api.sources();
    let bytes = raw.as_ref().map_or(body.as_bytes(), |raw| raw.as_slice());
    let open = match sources.get(source) {
        Some(Intake::Open(open)) => open,
        Some(Intake::Mail(mail)) => {
            let mails = mail::mails(mail.format, content_type.as_deref(), bytes, letter.at)?;
            return mail::receive_again(api, &mails, source, bytes).await.map(|()| None);
        }
        Some(Intake::Closed(_)) | None => return Err(Problem::not_found("open source", source)),
    };
    let id = Some(event.as_str()).filter(|event| !event.is_empty());
    let sent = hooks::Sent { source, id, signed: signed.clone() };
    let body = body::read(content_type.as_deref(), bytes).map_err(hooks::not_read)?;
    let incoming = hooks::read(api, &open.reader, &sent, body, letter.at)?;
    Ok(Some(api.engine.report(incoming).await?))
}
