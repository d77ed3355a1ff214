//! A small HTTP client with one connection per request, so that a killed engine is noticed at once.

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// The longest a test waits for a response. A virtual clock may have months to go through.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// The engine's response.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; null if it is not JSON.
    pub json: Value,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Returns this response if it has the status; fails the test otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "the engine answered {}: {}", self.status, self.text);
        self
    }

    /// Returns this response as a problem with this status, after checking that it has the shape every error has.
    #[track_caller]
    pub fn problem(self, status: u16) -> Value {
        let kind = self.header("content-type").unwrap_or_default().to_owned();
        let answer = self.expect(status);
        assert_eq!(kind, "application/problem+json", "an error that is no problem+json: {}", answer.text);
        for member in ["type", "title", "status", "detail"] {
            assert!(!answer.json[member].is_null(), "a problem without `{member}`: {}", answer.text);
        }
        answer.json
    }
}

/// Speaks to one engine with one token.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
    token: Option<String>,
}

impl Client {
    /// A client for `host:port`.
    pub fn new(address: &str, token: Option<&str>) -> Self {
        Self { address: address.to_owned(), token: token.map(str::to_owned) }
    }

    /// The same address with another token, or none.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self::new(&self.address, token)
    }

    /// Sends a `GET`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").expect("the engine answers")
    }

    /// Sends a `POST` with JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body)
    }

    /// Sends any method with JSON.
    #[track_caller]
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.send(method, path, &[("content-type", "application/json")], body.as_bytes()).expect("the engine answers")
    }

    /// Sends exactly this. An error means that the connection broke; the engine may be gone.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_nodelay(true)?;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        if let Some(token) = &self.token {
            head.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        // An engine that refuses a body early closes its side. Its response counts, not that it stopped reading.
        let written = stream.write_all(&request);
        let mut raw = Vec::new();
        let read = stream.read_to_end(&mut raw);
        if raw.is_empty() {
            written?;
            read?;
        }
        parse(&raw).ok_or_else(|| std::io::Error::other(format!("no HTTP answer in {} bytes", raw.len())))
    }
}

fn parse(raw: &[u8]) -> Option<Answer> {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&raw[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunk(&raw[end + 4..])? } else { raw[end + 4..].to_vec() };
    let text = String::from_utf8_lossy(&body).into_owned();
    Some(Answer { status, headers, json: serde_json::from_str(&text).unwrap_or(Value::Null), text })
}

fn unchunk(mut raw: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = raw.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..end]).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(raw.get(end + 2..end + 2 + size)?);
        raw = raw.get(end + 4 + size..)?;
    }
}
