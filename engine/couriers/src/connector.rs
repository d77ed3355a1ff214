//! Sends what the outbox hands over: HTTP, signed by Standard Webhooks, always under the row's idempotency key. Knows
//! neither the store nor what a lead is. Reports how an attempt ended and nothing else.

use crate::address::{Address, NoAddress};
use crate::causes::causes;
use bytes::Bytes;
use cadenza_core::effect::{Addressee, Message, NoticeKind, Outgoing};
use cadenza_core::gate::Permit;
use cadenza_core::identity;
use cadenza_core::lead::RepId;
use cadenza_core::time::{SECOND_MS, Timestamp};
use cadenza_core::workspace::{Connection, HeaderValue};
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::clock::Clock;
use cadenza_runtime::courier::{Attempted, Courier, SendError};
use cadenza_runtime::plain;
use cadenza_signatures::secret;
use cadenza_signatures::{ID_HEADER, Key, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, RETRY_AFTER};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How many bytes of a response are read; more are not needed to know the outcome.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends messages over HTTP.
pub struct Connector {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: tokio::runtime::Handle,
}

impl Connector {
    /// A connector whose attempts run on `runtime`.
    pub fn new(runtime: tokio::runtime::Handle) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build(https()), runtime }
    }
}

impl Courier for Connector {
    fn send(self: Arc<Self>, catalog: Arc<Catalog>, row: Outgoing, permit: Option<Permit>, done: Attempted) {
        let runtime = self.runtime.clone();
        runtime.spawn(async move {
            let result = match (row.message.touch(), permit) {
                (Some(channel), Some(permit)) if permit.is_for(row.id, channel) => self.attempted(&catalog, &row).await,
                (None, _) => self.attempted(&catalog, &row).await,
                (Some(_), _) => Err(permanent("a touch without a permit is never sent".to_owned())),
            };
            done(row, result);
        });
    }

    fn unready(&self, catalog: &Catalog) -> Vec<(String, String)> {
        unready(catalog)
    }
}

impl Connector {
    async fn attempted(self: &Arc<Self>, catalog: &Arc<Catalog>, row: &Outgoing) -> Result<(), SendError> {
        let (this, catalog, row) = (Arc::clone(self), Arc::clone(catalog), row.clone());
        unpanicked(async move { this.attempt(&catalog, &row).await }).await
    }

    async fn attempt(&self, catalog: &Catalog, row: &Outgoing) -> Result<(), SendError> {
        let connection = catalog.workspace.connections.get(&row.via);
        let connection = connection.ok_or_else(|| passing(format!("there is no connection `{}`", row.via)))?;
        let request = request(catalog, connection, row)?;
        let timeout = Duration::from_millis(connection.timeout_ms);
        let answer = tokio::time::timeout(timeout, self.client.request(request)).await;
        let answer = answer.map_err(|_| passing(format!("no answer within {} ms", connection.timeout_ms)))?.map_err(
            |error| {
                // The client's own words name no address.
                passing(format!("the connection failed: {}", causes(&error)))
            },
        )?;
        let status = answer.status();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after_ms = wait.and_then(|text| read_retry_after(text, Clock::real()));
        // Read to the end so that the connection can be used again.
        let _ = tokio::time::timeout(timeout, Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect()).await;
        if status.is_success() {
            return Ok(());
        }
        let retry = status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 425 | 429);
        Err(SendError { cause: format!("the other side answered {status}"), retry, retry_after_ms })
    }
}

/// Makes an attempt that panics fail like any other, so that it is tried again and its row does not
/// stay in progress forever.
async fn unpanicked(attempt: impl Future<Output = Result<(), SendError>> + Send + 'static) -> Result<(), SendError> {
    let broken = |_| Err(passing("the attempt broke off, a fault of this program".to_owned()));
    tokio::spawn(attempt).await.unwrap_or_else(broken)
}

/// Connections through which nothing can currently be sent, and why.
fn unready(catalog: &Catalog) -> Vec<(String, String)> {
    let check = |connection: &Connection| -> Result<(), String> {
        address(connection)?;
        let headers = connection.headers.values().filter_map(|value| match value {
            HeaderValue::Secret(reference) => Some(reference),
            HeaderValue::Text(_) => None,
        });
        for reference in headers {
            secret::resolve(reference, &catalog.root).map_err(|error| error.to_string())?;
        }
        if let Some(reference) = &connection.secret {
            let text = secret::resolve(reference, &catalog.root).map_err(|error| error.to_string())?;
            let place = secret::place(reference);
            Key::standard(&text).ok_or_else(|| secret::SecretError::Form { place }.to_string())?;
        }
        Ok(())
    };
    let connections = catalog.workspace.connections.iter();
    connections.filter_map(|(name, connection)| check(connection).err().map(|why| (name.clone(), why))).collect()
}

/// https with the system's certificates, or Mozilla's if the system has none.
pub fn https() -> HttpsConnector<HttpConnector> {
    let builder = match HttpsConnectorBuilder::new().with_native_roots() {
        Ok(builder) => builder,
        Err(_) => HttpsConnectorBuilder::new().with_webpki_roots(),
    };
    builder.https_or_http().enable_http1().build()
}

fn passing(cause: String) -> SendError {
    SendError { cause, retry: true, retry_after_ms: None }
}

const fn permanent(cause: String) -> SendError {
    SendError { cause, retry: false, retry_after_ms: None }
}

/// The address in force, or what is wrong with it. The error says where it is written, never what it is.
fn address(connection: &Connection) -> Result<Address, String> {
    let set = connection.url_env.as_ref().and_then(|name| std::env::var(name).ok().map(|url| (name, url)));
    match set.filter(|(_, url)| !url.is_empty()) {
        Some((name, url)) => {
            Address::parse(&url).map_err(|why: NoAddress| format!("the environment variable `{name}`: {why}"))
        }
        None => Address::parse(&connection.url).map_err(|why| format!("`url`: {why}")),
    }
}

/// `Retry-After` in milliseconds: seconds, or a date in any form that HTTP allows. A past date means no wait.
fn read_retry_after(text: &str, now: Timestamp) -> Option<u64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX).saturating_sub(now.as_ms());
    Some(u64::try_from(ms).unwrap_or(0))
}

fn request(
    catalog: &Catalog,
    connection: &Connection,
    row: &Outgoing,
) -> Result<hyper::Request<Full<Bytes>>, SendError> {
    let body = serde_json::to_vec(&body(catalog, row)?).map_err(|error| permanent(error.to_string()))?;
    let key = row.key();
    let second = Clock::real().as_ms() / SECOND_MS;
    let Address { uri, authorization } = address(connection).map_err(passing)?;
    let mut request = hyper::Request::post(uri)
        .header("content-type", "application/json")
        .header("user-agent", concat!("cadenza/", env!("CARGO_PKG_VERSION")))
        .header("idempotency-key", &key)
        .header(ID_HEADER, &key)
        .header(TIMESTAMP_HEADER, second);
    if let Some(reference) = &connection.secret {
        let text = secret::resolve(reference, &catalog.root).map_err(|error| passing(error.to_string()))?;
        let signer = Key::standard(&text)
            .ok_or_else(|| passing(format!("the secret of `{}` is no Standard Webhooks secret", row.via)))?;
        request = request.header(SIGNATURE_HEADER, signer.sign(&key, second, &body));
    }
    let own = connection.headers.keys().any(|name| name.eq_ignore_ascii_case(AUTHORIZATION.as_str()));
    if let Some(header) = authorization.filter(|_| !own) {
        request = request.header(AUTHORIZATION, header);
    }
    for (name, value) in &connection.headers {
        let value = match value {
            HeaderValue::Text(text) => text.clone(),
            HeaderValue::Secret(reference) => {
                secret::resolve(reference, &catalog.root).map_err(|error| passing(error.to_string()))?
            }
        };
        request = request.header(name, value);
    }
    request
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| permanent(format!("the request cannot be made: {error}")))
}

/// The JSON to send.
fn body(catalog: &Catalog, row: &Outgoing) -> Result<serde_json::Value, SendError> {
    match &row.message {
        Message::Email { rendered: Some(mail), workflow, .. } => Ok(serde_json::json!({
            "type": "email",
            "id": row.key(),
            "lead": row.lead,
            "workflow": catalog.definitions.name(workflow),
            // Cleaned when it was rendered, but rows of an earlier version were not.
            "to": identity::email(&mail.to).ok_or_else(|| permanent("the address of the mail is none".to_owned()))?,
            "subject": plain::line(&mail.subject),
            "text": plain::lines(&mail.body),
        })),
        Message::Email { script, .. } => {
            let script = catalog.definitions.script(*script).unwrap_or("of a version that is gone");
            let why = row.last_error.as_deref().unwrap_or("nothing is known of its workflow any more");
            Err(permanent(format!("the mail `{script}` could not be rendered: {why}")))
        }
        Message::Text { rendered: Some(message), workflow, .. } => Ok(serde_json::json!({
            "type": "message",
            "id": row.key(),
            "lead": row.lead,
            "workflow": catalog.definitions.name(workflow),
            "to": message.to,
            "text": plain::lines(&message.body),
        })),
        Message::Words { rendered: Some(words), workflow, to, .. } => {
            let mut body = serde_json::json!({
                "type": "notice",
                "id": row.key(),
                "lead": row.lead,
                "workflow": catalog.definitions.name(workflow),
                "kind": NoticeKind::Words,
                "text": plain::lines(words),
            });
            if let Addressee::Rep(rep) = to {
                body["to"] = whom(catalog, rep);
            }
            Ok(body)
        }
        Message::Text { .. } | Message::Words { .. } => {
            let why = row.last_error.as_deref().unwrap_or("nothing is known of its workflow any more");
            Err(permanent(format!("the words of the message could not be rendered: {why}")))
        }
        Message::Notice { to, task, kind } => Ok(serde_json::json!({
            "type": "notice",
            "id": row.key(),
            "lead": row.lead,
            "kind": kind,
            "task": task,
            "to": whom(catalog, to),
        })),
        Message::Assigned { to, role } => Ok(serde_json::json!({
            "type": "notice",
            "id": row.key(),
            "lead": row.lead,
            "kind": NoticeKind::Assigned,
            "role": role,
            "to": whom(catalog, to),
        })),
    }
}

/// A rep, for whoever carries a notice.
fn whom(catalog: &Catalog, to: &RepId) -> serde_json::Value {
    let rep = catalog.live.settings.team.reps.get(to);
    serde_json::json!({
        "rep": to,
        "name": rep.map(|rep| plain::line(&rep.name)),
        "email": rep.and_then(|rep| identity::email(rep.email.as_deref()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_that_the_other_side_asks_for_is_read_in_every_form() {
        // 2026-03-08 07:30:00 UTC.
        let now = Timestamp::from_ms(1_772_955_000_000);
        for (text, wait_ms) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("Sun, 08 Mar 2026 07:31:30 GMT", Some(90_000)),
            ("Sunday, 08-Mar-26 07:31:30 GMT", Some(90_000)),
            ("Sun Mar  8 07:31:30 2026", Some(90_000)),
            ("Sun, 08 Mar 2026 07:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(251_629_345_799_000)),
            ("18446744073709551615", Some(u64::MAX)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(read_retry_after(text, now), wait_ms, "`{text}`");
        }
    }

    #[tokio::test]
    async fn an_attempt_that_panics_has_failed_and_is_made_again() {
        let broken = unpanicked(async { panic!("a fault of this program") }).await.unwrap_err();
        assert!(broken.retry, "{}", broken.cause);
        assert_eq!(unpanicked(async { Ok(()) }).await.ok(), Some(()));
    }
}
