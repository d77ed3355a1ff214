//! What leaves by a connection, as a request of HTTP: where it goes, what it carries, and what every one of them is signed and
//! marked with.

use crate::address::{Address, NoAddress};
use bytes::Bytes;
use cadenza_core::effect::{Addressee, Message, NoticeKind, Outgoing, Request};
use cadenza_core::identity;
use cadenza_core::lead::RepId;
use cadenza_core::time::SECOND_MS;
use cadenza_core::workspace::{Endpoint, HeaderValue};
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::clock::Clock;
use cadenza_runtime::courier::SendError;
use cadenza_runtime::plain;
use cadenza_signatures::secret;
use cadenza_signatures::{ID_HEADER, Key, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use http_body_util::Full;
use hyper::header::AUTHORIZATION;
use hyper::{Method, Uri};

pub(crate) fn passing(cause: String) -> SendError {
    SendError { cause, retry: true, retry_after_ms: None, may_have_arrived: false }
}

pub(crate) const fn permanent(cause: String) -> SendError {
    SendError { cause, retry: false, retry_after_ms: None, may_have_arrived: false }
}

/// The address in force, or what is wrong with it. The error says where it is written, never what it is.
pub(crate) fn address(connection: &Endpoint) -> Result<Address, String> {
    let set = connection.url_env.as_ref().and_then(|name| std::env::var(name).ok().map(|url| (name, url)));
    let (place, read) = match set.filter(|(_, url)| !url.is_empty()) {
        Some((name, url)) => (format!("the environment variable `{name}`"), Address::parse(&url)),
        None => ("`url`".to_owned(), Address::parse(&connection.url)),
    };
    let address = read.map_err(|why: NoAddress| format!("{place}: {why}"))?;
    let host = address.uri.host().unwrap_or_default().to_ascii_lowercase();
    if !connection.hosts.is_empty() && !connection.hosts.contains(&host) {
        return Err(format!("{place}: its host is none of the `hosts` of the connection"));
    }
    Ok(address)
}

/// The request of one attempt.
pub(crate) fn request(
    catalog: &Catalog,
    connection: &Endpoint,
    row: &Outgoing,
) -> Result<hyper::Request<Full<Bytes>>, SendError> {
    let asked = asked(row)?;
    let body = match asked {
        Some(asked) => asked.body.clone().unwrap_or_default().into_bytes(),
        None => serde_json::to_vec(&posted(catalog, row)?).map_err(|error| permanent(error.to_string()))?,
    };
    let key = row.key();
    let second = Clock::real().as_ms() / SECOND_MS;
    let Address { uri, authorization } = address(connection).map_err(passing)?;
    let (method, uri) = match asked {
        Some(asked) => (method(asked), below(&uri, &asked.path)?),
        None => (Method::POST, uri),
    };
    let mut request = hyper::Request::builder()
        .method(method)
        .uri(uri)
        .header("user-agent", concat!("cadenza/", env!("CARGO_PKG_VERSION")))
        .header("idempotency-key", &key)
        .header(ID_HEADER, &key)
        .header(TIMESTAMP_HEADER, second);
    if asked.is_none_or(|asked| asked.body.is_some()) {
        request = request.header("content-type", "application/json");
    }
    if let Some(reference) = &connection.secret {
        let text = secret::resolve(reference, &catalog.root).map_err(|error| passing(error.to_string()))?;
        let signer = Key::standard(&text)
            .ok_or_else(|| passing(format!("the secret of `{}` is no Standard Webhooks secret", row.via)))?;
        request = request.header(SIGNATURE_HEADER, signer.sign(&key, second, &body));
    }
    let says = |name: &str| connection.headers.keys().any(|own| own.eq_ignore_ascii_case(name));
    if let Some(header) = authorization.filter(|_| !says(AUTHORIZATION.as_str())) {
        request = request.header(AUTHORIZATION, header);
    }
    // What the connection says of every request stands against what a step says of one.
    for (name, value) in asked.iter().flat_map(|asked| &asked.headers).filter(|(name, _)| !says(name)) {
        request = request.header(name, value);
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

/// What a step asks, when it is a step that asks.
fn asked(row: &Outgoing) -> Result<Option<&Request>, SendError> {
    match &row.message {
        Message::Request { rendered: Some(request), .. } => Ok(Some(request)),
        Message::Request { rendered: None, .. } => {
            let why = row.last_error.as_deref().unwrap_or("nothing is known of its workflow any more");
            Err(permanent(format!("the request could not be made: {why}")))
        }
        _ => Ok(None),
    }
}

fn method(asked: &Request) -> Method {
    match asked.method {
        cadenza_core::workflow::Method::Get => Method::GET,
        cadenza_core::workflow::Method::Post => Method::POST,
        cadenza_core::workflow::Method::Put => Method::PUT,
        cadenza_core::workflow::Method::Patch => Method::PATCH,
        cadenza_core::workflow::Method::Delete => Method::DELETE,
    }
}

/// A path below an address. Scheme and host are the address's, whatever the path says.
fn below(base: &Uri, path: &str) -> Result<Uri, SendError> {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut whole = format!("{}{path}", base.path().trim_end_matches('/'));
    let queries: Vec<&str> = base.query().into_iter().chain(query).filter(|query| !query.is_empty()).collect();
    if !queries.is_empty() {
        whole.push('?');
        whole.push_str(&queries.join("&"));
    }
    let mut parts = base.clone().into_parts();
    let wrong = |error: &dyn std::fmt::Display| permanent(format!("the path of the request is none: {error}"));
    parts.path_and_query = Some(whole.parse().map_err(|error: hyper::http::uri::InvalidUri| wrong(&error))?);
    Uri::from_parts(parts).map_err(|error| wrong(&error))
}

/// The JSON to send.
pub(crate) fn posted(catalog: &Catalog, row: &Outgoing) -> Result<serde_json::Value, SendError> {
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
        Message::Text { .. } | Message::Words { .. } | Message::Request { .. } => {
            let why = row.last_error.as_deref().unwrap_or("nothing is known of its workflow any more");
            Err(permanent(format!("the words of the message could not be rendered: {why}")))
        }
        Message::Assigned { to, role } => Ok(serde_json::json!({
            "type": "notice",
            "id": row.key(),
            "lead": row.lead,
            "kind": NoticeKind::Assigned,
            "role": role,
            "to": whom(catalog, to),
        })),
        Message::Notice { to, task, kind } => Ok(serde_json::json!({
            "type": "notice",
            "id": row.key(),
            "lead": row.lead,
            "kind": kind,
            "task": task,
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
    fn a_path_stays_below_the_address() {
        for (base, path, whole) in [
            ("https://crm.example", "/deals/7", "https://crm.example/deals/7"),
            ("https://crm.example/", "/deals/7?x=1", "https://crm.example/deals/7?x=1"),
            ("https://crm.example/v1/", "/deals", "https://crm.example/v1/deals"),
            ("https://crm.example:8443/v1?tenant=a", "/deals?x=1", "https://crm.example:8443/v1/deals?tenant=a&x=1"),
            ("https://crm.example/v1", "//evil.example/x", "https://crm.example/v1//evil.example/x"),
            ("https://crm.example", "/@evil.example", "https://crm.example/@evil.example"),
            ("https://crm.example", "/a?", "https://crm.example/a"),
        ] {
            let made = below(&base.parse().expect("an address"), path).map(|uri| uri.to_string());
            assert_eq!(made.ok().as_deref(), Some(whole), "{base} and {path}");
        }
        for path in ["/a b", "/a\r\nHost: evil", "https://evil.example/x y"] {
            assert!(below(&"https://crm.example".parse().expect("an address"), path).is_err(), "{path}");
        }
    }
}
