//! `/u/{link}`: what a lead decides for itself, by the link in its mails. Opening the page changes nothing, since
//! scanners open every link; its form does, and so does the one click of RFC 8058. A link needs no token: it is signed,
//! and speaks for one lead alone.

use crate::http::problem::Problem;
use crate::http::request::Named;
use crate::http::state::Shared;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use cadenza_core::event::{Event, LeadCommand};
use cadenza_core::id::LeadId;
use cadenza_core::lead::Channel;
use cadenza_signatures::LinkKeys;
use std::collections::BTreeSet;

/// The most bytes of a form.
const FORM_BYTES_MAX: usize = 4 * 1024;
/// Who is named in the lead's story.
const BY: &str = "the link in a mail";

/// Nothing is loaded, nothing runs, and nobody else shows the page as a part of theirs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

/// `GET /u/{link}`
pub(crate) async fn show(State(api): State<Shared>, Named(link): Named<String>) -> Result<Response, Problem> {
    let lead = match lead_of(&api, &link) {
        Ok(lead) => lead,
        Err(page) => return Ok(*page),
    };
    let Some(state) = api.engine.lead(lead).await? else { return Ok(unknown()) };
    let boxes: String = Channel::ALL
        .iter()
        .map(|channel| {
            let word = channel.as_str();
            let checked = if state.lead.consent.refused.contains(channel) { " checked" } else { "" };
            format!(
                "<p><label><input type=\"checkbox\" name=\"refused\" value=\"{word}\"{checked}> {}</label></p>\n",
                named(*channel)
            )
        })
        .collect();
    let body = format!(
        "<h1>What may we send you?</h1>\n\
         <form method=\"post\"><button name=\"List-Unsubscribe\" value=\"One-Click\">No more mails</button></form>\n\
         <form method=\"post\"><p>Do not reach me by:</p>\n{boxes}\
         <button name=\"choice\" value=\"channels\">Save</button></form>\n\
         <form method=\"post\"><button name=\"choice\" value=\"nothing\">Do not contact me at all</button></form>"
    );
    Ok(page(StatusCode::OK, &body))
}

/// `POST /u/{link}`
pub(crate) async fn decide(
    State(api): State<Shared>,
    Named(link): Named<String>,
    request: Request,
) -> Result<Response, Problem> {
    let lead = match lead_of(&api, &link) {
        Ok(lead) => lead,
        Err(page) => return Ok(*page),
    };
    let (parts, body) = request.into_parts();
    let held = api.bodies.read(&parts.headers, body, FORM_BYTES_MAX, api.limits.body_read_timeout).await?;
    let Some(state) = api.engine.lead(lead).await? else { return Ok(unknown()) };
    let fields: Vec<(String, String)> = form_urlencoded::parse(&held.bytes).into_owned().collect();
    let says = |key: &str, value: &str| fields.iter().any(|(own, said)| own == key && said == value);
    let (told, said) = if says("choice", "nothing") {
        let reason = Some(BY.to_owned());
        (LeadCommand::OptOut { reason }, "Nobody will contact you any more.")
    } else if says("choice", "channels") {
        let refused = fields.iter().filter(|(key, _)| key == "refused");
        let refused: Option<BTreeSet<Channel>> = refused.map(|(_, word)| Channel::parse(word)).collect();
        // A form that was garbled on its way must not allow what its sender refused.
        let Some(refused) = refused else { return Ok(garbled()) };
        (LeadCommand::Prefer { refused: Some(refused.into_iter().collect()), from: None }, "This is saved.")
    } else {
        // Whatever else a mail program sends, it is asked for by one click.
        let refused: BTreeSet<Channel> = state.lead.consent.refused.iter().copied().chain([Channel::Email]).collect();
        (
            LeadCommand::Prefer { refused: Some(refused.into_iter().collect()), from: None },
            "You get no more mails from us.",
        )
    };
    // Mail programs may ask twice. What is so already is done.
    let event = Event::Commanded { command: told, by: BY.to_owned() };
    api.engine.apply_to(lead, api.new_event_id(), event).await?;
    Ok(page(StatusCode::OK, &format!("<h1>{said}</h1>")))
}

/// The lead for which a link speaks, or the page for a link that nobody signed, or that cannot be checked now.
fn lead_of(api: &Shared, link: &str) -> Result<LeadId, Box<Response>> {
    let catalog = api.engine.catalog();
    let links = catalog.workspace.links.as_ref().ok_or_else(|| Box::new(unknown()))?;
    let keys = LinkKeys::resolve(&links.secrets, &catalog.root).map_err(|error| {
        tracing::warn!(%error, "links in mails cannot be checked");
        Box::new(unchecked())
    })?;
    keys.lead(link).ok_or_else(|| Box::new(unknown()))
}

/// A secret is missing here. The link may be good, so whoever sent it asks again.
fn unchecked() -> Response {
    let mut page =
        page(StatusCode::SERVICE_UNAVAILABLE, "<h1>Please try again later.</h1>\n<p>Nothing was changed.</p>");
    page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("3600"));
    page
}

fn garbled() -> Response {
    page(StatusCode::BAD_REQUEST, "<h1>This form cannot be read.</h1>\n<p>Nothing was changed. Please try again.</p>")
}

fn unknown() -> Response {
    page(StatusCode::NOT_FOUND, "<h1>This link is not valid.</h1>\n<p>Please answer the mail that it came with.</p>")
}

const fn named(channel: Channel) -> &'static str {
    match channel {
        Channel::Call => "telephone",
        Channel::Email => "mail",
        Channel::Message => "text message",
        Channel::Meeting => "meeting",
        Channel::Other => "other ways",
    }
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Preferences</title>\
         <style>body{{font-family:sans-serif;max-width:34em;margin:3em auto;padding:0 1em}}</style></head>\n\
         <body>\n{body}\n</body></html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (status, headers, html).into_response()
}
