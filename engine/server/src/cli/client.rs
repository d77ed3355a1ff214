//! Talks to a running engine over HTTP, one request at a time. A problem that the engine returns becomes an error that
//! says what was wrong, where, and what to do.

use crate::say::output;
use bytes::Bytes;
use cadenza_couriers::{Address, NoAddress};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::io::Write;
use std::time::Duration;

/// The most bytes of a response.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest wait for a response. Advancing the virtual clock may take that long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// Why there is no successful response.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// The address cannot be read. It is not repeated, because there may be a password in it.
    #[error("the address of the engine is none: write http://HOST:PORT")]
    Address,
    /// An address with a user and password, which would be silently ignored.
    #[error("{0} is given with a user or password, which is not used: give the API token by --token or CADENZA_TOKEN")]
    Password(String),
    /// Nobody answers.
    #[error("no engine answers at {url}: is `cadenza serve` running? ({cause})")]
    Unreachable { url: String, cause: String },
    /// The engine refuses.
    #[error("{}", problem_text(body))]
    Problem {
        status: StatusCode,
        body: Value,
        /// When it is worth trying again.
        retry_after: Option<Duration>,
    },
    /// Something that is not an engine answered.
    #[error("{url} answered what an engine does not say: {cause}")]
    Strange { url: String, cause: String },
    /// The system cannot open what a client needs.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A problem in one paragraph, and a line for each place of a workspace that it is about.
pub(super) fn problem_text(body: &Value) -> String {
    let text = |name: &str| body[name].as_str();
    let at = text("at").map_or_else(String::new, |at| format!(" (at {at})"));
    let said = text("detail").or_else(|| text("title")).unwrap_or("the engine refused and does not say why");
    let mut told = format!("{said}{at}");
    for error in body["errors"].as_array().into_iter().flatten() {
        let [file, line, column, message] = ["file", "line", "column", "message"].map(|name| plain(&error[name]));
        told.push_str(&format!("\n  {file}:{line}:{column}: {message}"));
        for help in error["help"].as_array().into_iter().flatten().chain(error.get("label").filter(|it| it.is_string()))
        {
            told.push_str(&format!("\n    {}", plain(help)));
        }
    }
    told
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A connection to one engine.
pub(super) struct Client {
    base: String,
    token: Option<String>,
    http: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    /// A client of the engine at this address.
    pub(super) fn new(url: &str, token: Option<String>) -> Result<Self, ClientError> {
        let base = url.trim_end_matches('/').to_owned();
        let address = Address::parse(&base).map_err(|NoAddress| ClientError::Address)?;
        if address.authorization.is_some() {
            return Err(ClientError::Password(address.to_string()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            base,
            token,
            http: HyperClient::builder(TokioExecutor::new()).build(cadenza_couriers::https()),
            runtime,
        })
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.send(Method::GET, path, None)
    }

    /// Asks for something to be done.
    pub(super) fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        self.send(Method::POST, path, body)
    }

    /// Sends something that is not JSON and may take long to process.
    pub(super) fn put_bytes(&self, path: &str, bytes: Vec<u8>) -> Result<Value, ClientError> {
        self.exchange(Method::PUT, path, Some("application/wasm"), bytes.into())
    }

    /// Sends a mail as it came.
    pub(super) fn post_mail(&self, path: &str, mail: Vec<u8>) -> Result<Value, ClientError> {
        self.exchange(Method::POST, path, Some("message/rfc822"), mail.into())
    }

    /// Sends one request. Anything but success is an error.
    pub(super) fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.exchange(method, path, body.map(|_| "application/json"), bytes)
    }

    /// Writes a response of any length to `out` as it arrives. Anything but success is an error.
    pub(super) fn download(&self, path: &str, out: &mut impl Write) -> Result<(), ClientError> {
        let url = format!("{}{path}", self.base);
        let mut request = Request::builder().method(Method::POST).uri(&url);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::new())).map_err(|_| ClientError::Address)?;
        let shown = cadenza_couriers::shown(&self.base);
        let unreachable = |cause: String| ClientError::Unreachable { url: shown.clone(), cause };
        self.runtime.block_on(async {
            let idle = || unreachable(format!("nothing came for {} s", ANSWER_TIMEOUT.as_secs()));
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.http.request(request));
            let answer = answer.await.map_err(|_| idle())?.map_err(|error| unreachable(output::causes(&error)))?;
            let (parts, mut body) = answer.into_parts();
            if !parts.status.is_success() {
                let bytes = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
                let body = bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes.to_bytes()).ok());
                let body = body.unwrap_or(Value::Null);
                return Err(ClientError::Problem { status: parts.status, body, retry_after: None });
            }
            while let Some(frame) = tokio::time::timeout(ANSWER_TIMEOUT, body.frame()).await.map_err(|_| idle())? {
                let frame = frame.map_err(|error| unreachable(format!("it broke off: {}", output::causes(&error))))?;
                if let Some(bytes) = frame.data_ref() {
                    out.write_all(bytes)?;
                }
            }
            Ok(())
        })
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        bytes: Bytes,
    ) -> Result<Value, ClientError> {
        let url = format!("{}{path}", self.base);
        let shown = format!("{}{path}", cadenza_couriers::shown(&self.base));
        let mut request = Request::builder().method(method).uri(&url);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request.body(Full::new(bytes)).map_err(|_| ClientError::Address)?;
        let exchange = async {
            let answer = self.http.request(request).await.map_err(|error| ClientError::Unreachable {
                url: cadenza_couriers::shown(&self.base),
                cause: output::causes(&error),
            })?;
            let (parts, body) = answer.into_parts();
            let bytes = Limited::new(body, ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|error| ClientError::Strange { url: shown.clone(), cause: error.to_string() })?;
            Ok((parts, bytes.to_bytes()))
        };
        let (parts, bytes) = self.runtime.block_on(async {
            tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.unwrap_or_else(|_| {
                let cause = format!("no answer within {} s", ANSWER_TIMEOUT.as_secs());
                Err(ClientError::Unreachable { url: cadenza_couriers::shown(&self.base), cause })
            })
        })?;
        let answer = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
        let answer =
            answer.map_err(|error| ClientError::Strange { url: shown, cause: format!("{}, {error}", parts.status) })?;
        if parts.status.is_success() {
            return Ok(answer);
        }
        let seconds = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Err(ClientError::Problem { status: parts.status, body: answer, retry_after: seconds.map(Duration::from_secs) })
    }
}

/// Escapes text as part of a query.
pub(super) fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => {
                use std::fmt::Write as _;
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
        escaped
    })
}

/// A query with the parameters that have a value.
pub(super) fn query(parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some(format!("{name}={}", escape((*value)?))));
    let given: Vec<String> = given.collect();
    if given.is_empty() { String::new() } else { format!("?{}", given.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped() {
        let parameters = [("q", Some("a b&c=é")), ("owner", None), ("stage", Some("open"))];
        assert_eq!(query(&parameters), "?q=a%20b%26c%3D%C3%A9&stage=open");
        assert_eq!(query(&[("q", None)]), "");
    }

    #[test]
    fn addresses_need_a_scheme_and_a_host() {
        for url in ["localhost:8080", "", "http://", "/v1"] {
            assert!(matches!(Client::new(url, None), Err(ClientError::Address)), "`{url}`");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for url in ["http://ada:s3cret@127.0.0.1:8080", "http://ada:s3/cret@127.0.0.1", "ada:s3cret@127.0.0.1"] {
            let error = Client::new(url, None).err().expect(url).to_string();
            assert!(!error.contains("s3"), "{error}");
        }
    }
}
