//! Calls the engine over its HTTP API, as any other program would. Keeps connections open; many callers share one.

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::time::Duration;

/// The most bytes of a response.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest wait for a response.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Calls one engine.
pub(super) struct Caller {
    base: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// The engine's response.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The body; null if there is none.
    pub(super) body: Value,
}

impl Answer {
    /// What the engine says is wrong, in one line.
    pub(super) fn problem(&self) -> String {
        let text = |name: &str| self.body[name].as_str().unwrap_or_default();
        format!("{}: {} {}", self.status, text("title"), text("detail"))
    }
}

impl Caller {
    /// Calls the engine at this address.
    pub(super) fn new(base: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { base, http: Client::builder(TokioExecutor::new()).build(connector) }
    }

    pub(super) async fn get(&self, token: &str, path: &str) -> anyhow::Result<Answer> {
        let request = Request::get(format!("{}{path}", self.base)).header(AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Full::default())?).await
    }

    /// Posts a JSON body with a token.
    pub(super) async fn post(&self, token: &str, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = Request::post(format!("{}{path}", self.base)).header(AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header(CONTENT_TYPE, "application/json");
        self.send(request.body(Full::from(body.to_string()))?).await
    }

    /// Posts a body with these headers.
    pub(super) async fn deliver(&self, path: &str, headers: &[(&str, &str)], body: Bytes) -> anyhow::Result<Answer> {
        let mut request = Request::post(format!("{}{path}", self.base)).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::new(body))?).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let asked = format!("{} {}", request.method(), request.uri().path());
        let exchange = async {
            let answer = self.http.request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?.to_bytes();
            let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
            anyhow::Ok(Answer { status, body })
        };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, exchange).await;
        answer
            .with_context(|| format!("{asked}: no answer within {} s", ANSWER_TIMEOUT.as_secs()))?
            .with_context(|| format!("{asked} was not answered"))
    }
}
