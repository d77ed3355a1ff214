//! Sends what the outbox hands over: HTTP, signed by Standard Webhooks, always under the row's idempotency key. Knows
//! neither the store nor what a lead is. Reports how an attempt ended and, of a request, what was answered. No redirect is
//! followed: an answer that points elsewhere is an answer.

use crate::causes::causes;
use crate::leaving::{may_leave, unpanicked};
use crate::reach::{self, PublicOnly};
use crate::request::{address, passing, permanent, posted, request};
use bytes::Bytes;
use cadenza_core::effect::Outgoing;
use cadenza_core::gate::Permit;
use cadenza_core::mailer::Mailbox;
use cadenza_core::reach::names_inside;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::Verb;
use cadenza_core::workspace::{Connection, Endpoint, HeaderValue};
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::clock::Clock;
use cadenza_runtime::courier::{ANSWER_BYTES_MAX, Attempted, Courier, Ended, Response, SendError, Tried, is_passing};
use cadenza_signatures::Key;
use cadenza_signatures::secret;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How many bytes are read of a response of which only the outcome matters.
const PASSED_OVER_BYTES_MAX: usize = 64 * 1024;
const PASSED_OVER_FOR: Duration = Duration::from_secs(5);

type Body = Full<Bytes>;

/// Sends messages over HTTP.
pub struct Connector {
    anywhere: Client<HttpsConnector<HttpConnector>, Body>,
    /// Connects to the public internet alone.
    outside: Client<HttpsConnector<PublicOnly>, Body>,
    runtime: tokio::runtime::Handle,
}

impl Connector {
    /// A connector whose attempts run on `runtime`.
    pub fn new(runtime: tokio::runtime::Handle) -> Self {
        let outside = roots().https_or_http().enable_http1().wrap_connector(PublicOnly::new());
        Self {
            anywhere: Client::builder(TokioExecutor::new()).build(https()),
            outside: Client::builder(TokioExecutor::new()).build(outside),
            runtime,
        }
    }
}

impl Courier for Connector {
    fn send(self: Arc<Self>, catalog: Arc<Catalog>, row: Outgoing, permit: Option<Permit>, done: Attempted) {
        let runtime = self.runtime.clone();
        runtime.spawn(async move {
            let result = match may_leave(&row, permit) {
                Ok(()) => self.attempted(&catalog, &row).await,
                Err(error) => Err(error),
            };
            done(row, result);
        });
    }

    fn unready(&self, catalog: &Catalog) -> Vec<(String, String)> {
        unready(catalog)
    }

    fn shown(&self, catalog: &Catalog, row: &Outgoing) -> Result<String, SendError> {
        let posted = posted(catalog, row)?;
        serde_json::to_string_pretty(&posted).map_err(|error| permanent(error.to_string()))
    }

    /// Nobody knows what a request would do behind the address, so none is made.
    fn try_out(self: Arc<Self>, catalog: Arc<Catalog>, via: String, _: Option<Mailbox>, done: Tried) {
        let found = unready(&catalog).into_iter().find(|(name, _)| *name == via);
        let endpoint = catalog.workspace.connections.get(&via).and_then(Connection::endpoint);
        let address =
            endpoint.map_or_else(String::new, |endpoint| address(endpoint).map_or_else(|why| why, |it| it.to_string()));
        done(match found {
            Some((_, why)) => Err(why),
            None => Ok(format!("its secrets and its address {address} are in order; nothing was sent there")),
        });
    }
}

impl Connector {
    async fn attempted(self: &Arc<Self>, catalog: &Arc<Catalog>, row: &Outgoing) -> Ended {
        let (this, catalog, row) = (Arc::clone(self), Arc::clone(catalog), row.clone());
        unpanicked(async move { this.attempt(&catalog, &row).await }).await
    }

    async fn attempt(&self, catalog: &Catalog, row: &Outgoing) -> Ended {
        let connection = catalog.workspace.connections.get(&row.via);
        let connection = connection.ok_or_else(|| passing(format!("there is no connection `{}`", row.via)))?;
        let endpoint = endpoint(connection, &row.via)?;
        let request = request(catalog, endpoint, row)?;
        let wants_answer = row.message.is_request();
        let whole = async {
            let response = self.respond(request, reaches_inside(endpoint, wants_answer)).await?;
            if wants_answer { answer(response).await.map(Some) } else { outcome(response).await.map(|()| None) }
        };
        let ended = tokio::time::timeout(Duration::from_millis(connection.timeout_ms), whole).await;
        ended.unwrap_or_else(|_| Err(passing(format!("no answer within {} ms", connection.timeout_ms))))
    }

    async fn respond(
        &self,
        request: hyper::Request<Body>,
        inside: bool,
    ) -> Result<hyper::Response<Incoming>, SendError> {
        let responding = if inside { self.anywhere.request(request) } else { self.outside.request(request) };
        responding.await.map_err(|error| match reach::is_inside(&error) {
            // Another attempt would be refused alike: the connection has to say that it is meant.
            true => permanent(reach::NotPublic.to_string()),
            // The client's own words name no address.
            false => passing(format!("the connection failed: {}", causes(&error))),
        })
    }
}

fn endpoint<'a>(connection: &'a Connection, via: &str) -> Result<&'a Endpoint, SendError> {
    connection.endpoint().ok_or_else(|| permanent(format!("the connection `{via}` sends mails only")))
}

/// Whether something may go to addresses that are not public. A request brings an answer back into a workflow, so its connection
/// has to say so; what only leaves may, unless the connection says otherwise.
fn reaches_inside(connection: &Endpoint, is_request: bool) -> bool {
    connection.private.unwrap_or(!is_request)
}

/// Whether the other side took what it was sent.
async fn outcome(response: hyper::Response<Incoming>) -> Result<(), SendError> {
    let (status, retry_after_ms) = (response.status(), retry_after_ms(&response));
    // Read to the end so that the connection can be used again; whoever is slow with it has answered all the same.
    let reading = Limited::new(response.into_body(), PASSED_OVER_BYTES_MAX).collect();
    let _ = tokio::time::timeout(PASSED_OVER_FOR, reading).await;
    if status.is_success() {
        return Ok(());
    }
    let retry = status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 425 | 429);
    Err(SendError {
        cause: format!("the other side answered {status}"),
        retry,
        retry_after_ms,
        may_have_arrived: false,
    })
}

/// What the other side answered to a request; an error where it is to be asked again.
async fn answer(response: hyper::Response<Incoming>) -> Result<Response, SendError> {
    let (status, retry_after_ms) = (response.status(), retry_after_ms(&response));
    if is_passing(status.as_u16()) {
        return Err(SendError {
            cause: format!("the other side answered {status}"),
            retry: true,
            retry_after_ms,
            may_have_arrived: false,
        });
    }
    let is_json = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json);
    let answer = Response { status: status.as_u16(), is_json, ..Response::default() };
    if !answer.is_accepted() {
        // Of a refusal nothing but its status counts.
        return Ok(answer);
    }
    match Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await {
        Ok(body) => Ok(Response { body: String::from_utf8_lossy(&body.to_bytes()).into_owned(), ..answer }),
        Err(error) if error.is::<LengthLimitError>() => Ok(Response { too_large: true, ..answer }),
        Err(error) => Err(passing(format!("the answer broke off: {}", causes(error.as_ref())))),
    }
}

/// `application/json`, `application/problem+json; charset=utf-8` and their like.
fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(kind.as_str(), "application/json" | "text/json") || kind.ends_with("+json")
}

fn retry_after_ms(response: &hyper::Response<Incoming>) -> Option<u64> {
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    wait.and_then(|text| read_retry_after(text, Clock::real()))
}

/// Connections through which nothing can currently be sent, and why.
fn unready(catalog: &Catalog) -> Vec<(String, String)> {
    let check = |name: &str, connection: &Endpoint| -> Result<(), String> {
        let address = address(connection)?;
        let inside = address.uri.host().is_some_and(names_inside);
        if inside && !reaches_inside(connection, asks_by(catalog, name)) {
            return Err(reach::NotPublic.to_string());
        }
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
    let endpoints = connections.filter_map(|(name, connection)| Some((name, connection.endpoint()?)));
    endpoints.filter_map(|(name, endpoint)| check(name, endpoint).err().map(|why| (name.clone(), why))).collect()
}

/// Whether a workflow asks something by a connection.
fn asks_by(catalog: &Catalog, name: &str) -> bool {
    let mut steps = catalog.live.workflows.values().flat_map(|workflow| &workflow.steps);
    steps.any(|step| matches!(&step.verb, Verb::Http(http) if http.via == name))
}

/// The system's certificates, or Mozilla's if the system has none.
fn roots() -> HttpsConnectorBuilder<WantsSchemes> {
    match HttpsConnectorBuilder::new().with_native_roots() {
        Ok(builder) => builder,
        Err(_) => HttpsConnectorBuilder::new().with_webpki_roots(),
    }
}

/// https to anywhere.
pub fn https() -> HttpsConnector<HttpConnector> {
    roots().https_or_http().enable_http1().build()
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
}
