//! `connections.yaml`: where messages and requests are sent, and how often that is tried. What is said of mail servers
//! lies in `mailers`.

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::Known;
use crate::mailers;
use crate::secret::{SECRET, inline, read_env, read_secret};
use crate::shape::{Shape, Takes, optional, required};
use crate::yaml::{Content, Node};
use cadenza_core::reach;
use cadenza_core::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Span};
use cadenza_core::workspace::{Connection, Endpoint, HeaderValue, Team, Transport};
use std::collections::{BTreeMap, BTreeSet};

const TIMEOUT_DEFAULT_MS: u64 = 10 * SECOND_MS.unsigned_abs();
const ATTEMPTS_DEFAULT: u16 = 12;
pub(crate) const ATTEMPTS_MAX: u32 = 100;
const BACKOFF_DEFAULT: Span = Span::Elapsed(2 * SECOND_MS);
const BACKOFF_MAX_DEFAULT: Span = Span::Elapsed(HOUR_MS);
const HEADERS_MAX: usize = 32;

pub(crate) static CONNECTIONS: Shape = Shape {
    name: "connections.yaml",
    about: "Where mails, reminders and events are sent.",
    keys: &[required("connections", Takes::Map(&EITHER), "Connections by name")],
};

static EITHER: Takes = Takes::Either(&[Takes::Form(&CONNECTION), Takes::Form(&mailers::MAILER)]);

static CONNECTION: Shape = Shape {
    name: "a connection",
    about: "An HTTP address: what is sent goes there, and requests of `http` steps go below it.",
    keys: &[
        required("url", Takes::Either(&[Takes::Text, Takes::Form(&URL)]), "The address"),
        optional("hosts", Takes::List(&Takes::Text), "The only hosts at which the address may lie; any when left out"),
        optional(
            "private",
            Takes::Flag,
            "Whether it may reach addresses that are not public; when left out mails, messages and notices may, and requests of `http` may not",
        ),
        optional("secret", Takes::Form(&SECRET), "Signs what is sent, by Standard Webhooks"),
        optional("headers", Takes::Map(&HEADER), "Headers added to every request"),
        optional("timeout", Takes::Duration, "Longest wait for an answer; 10s when left out"),
        optional(
            "attempts",
            Takes::Whole(1, ATTEMPTS_MAX),
            "Attempts before it becomes a dead letter; 12 when left out",
        ),
        optional("backoff", Takes::Duration, "First wait before another attempt, doubled each time; 2s when left out"),
        optional("backoff_max", Takes::Duration, "Longest wait before another attempt; 1h when left out"),
    ],
};

static URL: Shape = Shape {
    name: "`url`",
    about: "An address that the environment may set.",
    keys: &[
        required("env", Takes::Text, "The environment variable that sets it"),
        required("default", Takes::Text, "The address when the variable is not set"),
    ],
};

static HEADER: Takes = Takes::Either(&[Takes::Text, Takes::Form(&SECRET)]);

pub(crate) fn read(
    sheet: &Sheet<'_>,
    node: &Node,
    known: &Known<'_>,
    team: Option<&Team>,
) -> Option<BTreeMap<String, Connection>> {
    let form = Form::open(sheet, node, &CONNECTIONS)?;
    let mut connections = BTreeMap::new();
    for entry in sheet.named(form.get("connections")?, "`connections`")? {
        sheet.check_name(&entry.key.text, entry.key.span.clone(), "the name of a connection");
        let connection = match mailers::is_one(&entry.value) {
            true => mailers::read(sheet, &entry.value, known, team),
            false => read_connection(sheet, &entry.value),
        };
        if let Some(connection) = connection {
            connections.insert(entry.key.text.clone(), connection);
        }
    }
    Some(connections)
}

/// The names of the connections for mails, whether they can be read or not.
pub(crate) fn mailers_of(node: &Node) -> BTreeSet<String> {
    let entries = node.get("connections").map(Node::entries).unwrap_or_default();
    entries.iter().filter(|entry| mailers::is_one(&entry.value)).map(|entry| entry.key.text.clone()).collect()
}

/// How long and how often a connection is tried.
pub(crate) struct Pace {
    timeout_ms: u64,
    attempts_max: u16,
    backoff: Span,
    backoff_max: Span,
}

impl Pace {
    /// Reads the four keys, which every connection has.
    pub(crate) fn read(sheet: &Sheet<'_>, form: &Form<'_>) -> Option<Self> {
        let timeout = form.get("timeout").map(|node| sheet.plain_duration_ms(node, Span::Elapsed(5 * MINUTE_MS)));
        let attempts = form.get("attempts").map(|node| sheet.whole(node, "a number of attempts", 1, ATTEMPTS_MAX));
        let wait = |key: &str, default: Span| {
            form.get(key).map_or(Some(default), |node| {
                sheet.plain_duration_ms(node, Span::Elapsed(DAY_MS)).map(|ms| Span::Elapsed(ms.cast_signed()))
            })
        };
        let (backoff, backoff_max) = (wait("backoff", BACKOFF_DEFAULT), wait("backoff_max", BACKOFF_MAX_DEFAULT));
        if let (Some(first), Some(longest)) = (backoff, backoff_max)
            && first > longest
        {
            let at = form.key_span(if form.get("backoff_max").is_some() { "backoff_max" } else { "backoff" });
            sheet.report(Problem::error("bad-duration", at, "the first wait is longer than the longest"));
        }
        let attempts = attempts.unwrap_or(Some(u32::from(ATTEMPTS_DEFAULT)));
        Some(Self {
            timeout_ms: timeout.unwrap_or(Some(TIMEOUT_DEFAULT_MS))?,
            attempts_max: attempts.and_then(|most| u16::try_from(most).ok())?,
            backoff: backoff?,
            backoff_max: backoff_max?,
        })
    }

    /// A connection that is tried so.
    pub(crate) fn of(self, transport: Transport) -> Connection {
        let Self { timeout_ms, attempts_max, backoff, backoff_max } = self;
        Connection { transport, timeout_ms, attempts_max, backoff, backoff_max }
    }
}

fn read_connection(sheet: &Sheet<'_>, node: &Node) -> Option<Connection> {
    let form = Form::open(sheet, node, &CONNECTION)?;
    let url = form.get("url").and_then(|node| read_url(sheet, node));
    let hosts = form.get("hosts").map_or_else(|| Some(BTreeSet::new()), |node| read_hosts(sheet, &form, node));
    let private = form.get("private").map(|node| sheet.flag(node));
    let secret = form.get("secret").map(|node| read_secret(sheet, node));
    let headers = form.get("headers").map_or_else(|| Some(BTreeMap::new()), |node| read_headers(sheet, node));
    let pace = Pace::read(sheet, &form);
    let (url, url_env) = url?;
    let (hosts, private) = (hosts?, private.map_or(Some(None), |private| private.map(Some))?);
    check_place(sheet, &form, &url, &hosts, private)?;
    let secret = secret.map_or(Some(None), |secret| secret.map(Some))?;
    let endpoint = Endpoint { url, url_env, hosts, private, secret, headers: headers? };
    Some(pace?.of(Transport::Http(endpoint)))
}

/// Hosts, without scheme, port or path.
fn read_hosts(sheet: &Sheet<'_>, form: &Form<'_>, node: &Node) -> Option<BTreeSet<String>> {
    let items = sheet.list(node, "`hosts`")?;
    if items.is_empty() {
        let problem =
            Problem::error("empty-list", node.span.clone(), "`hosts` names no host, so nothing could be sent");
        let problem = problem.help("name the host of `url`, or remove `hosts`");
        let host = form.get("url").and_then(Node::scalar).map(|url| host_in(&url.text)).filter(|host| !host.is_empty());
        sheet.report(match host {
            Some(host) => problem.label(format!("write `[{host}]`")).replace(format!("[{host}]")),
            None => problem,
        });
        return None;
    }
    let read = |item: &Node| {
        let text = sheet.text(item, "a host")?;
        let host = host_in(&text).to_lowercase();
        if host == text.to_lowercase() && !host.is_empty() && !host.contains(char::is_whitespace) && !host.contains('*')
        {
            return Some(host);
        }
        let problem = Problem::error("bad-url", item.span.clone(), format!("`{text}` is no host"));
        let alone = !host.is_empty() && !host.contains(['*', '@']) && !host.contains(char::is_whitespace);
        sheet.report(if alone {
            problem.label(format!("write `{host}`")).replace(host)
        } else {
            problem.help("write each host by its full name, `api.crm.example`, without scheme, port and path")
        });
        None
    };
    let hosts: Vec<Option<String>> = items.iter().map(read).collect();
    hosts.into_iter().collect()
}

/// The host of an address, with or without its scheme, port and path.
pub(crate) fn host_in(text: &str) -> &str {
    let authority = host_of(text.split_once("://").map_or(text, |(_, rest)| rest));
    match authority.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => &authority[..end + 2],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Checks that the rest of the connection allows the address in the file.
fn check_place(
    sheet: &Sheet<'_>,
    form: &Form<'_>,
    url: &str,
    hosts: &BTreeSet<String>,
    private: Option<bool>,
) -> Option<()> {
    let host = host_in(url).to_lowercase();
    if !hosts.is_empty() && !hosts.contains(&host) {
        let message = format!("`{host}` is none of the `hosts` of this connection");
        let problem = Problem::error("unlisted-host", form.key_span("url"), message);
        sheet.report(problem.help("add it to `hosts`, or change the address"));
        return None;
    }
    if private == Some(false) && reach::names_inside(&host) {
        let at = form.get("private").map_or_else(|| form.pointer(), |node| node.span.clone());
        let problem = Problem::error("private-address", at, format!("`{host}` is not on the public internet"));
        sheet.report(problem.label("write `true`").replace("true"));
        return None;
    }
    Some(())
}

/// Whether no request of an `http` step could leave through this connection, because its address is not public and the
/// connection does not allow that. A value from the environment is not known here.
pub(crate) fn keeps_requests_in(endpoint: &Endpoint) -> bool {
    endpoint.url_env.is_none() && endpoint.private != Some(true) && reach::names_inside(host_in(&endpoint.url))
}

/// The address, and the environment variable that may replace it.
fn read_url(sheet: &Sheet<'_>, node: &Node) -> Option<(String, Option<String>)> {
    if !matches!(node.content, Content::Map(_)) {
        return Some((read_address(sheet, node)?, None));
    }
    let form = Form::open(sheet, node, &URL)?;
    let env = form.get("env").and_then(|node| read_env(sheet, node));
    let address = form.get("default").and_then(|node| read_address(sheet, node));
    Some((address?, Some(env?)))
}

pub(crate) fn read_address(sheet: &Sheet<'_>, node: &Node) -> Option<String> {
    let text = sheet.text(node, "an address")?;
    if let Some(message) = secret_in(&text) {
        sheet.report(inline(node, message));
        return None;
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest.map(host_of) {
        Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => Some(text),
        _ => {
            let problem = Problem::error("bad-url", node.span.clone(), format!("`{text}` is no web address"));
            let meant = format!("https://{text}");
            let is_host = !text.contains("//") && !text.contains(char::is_whitespace) && host_of(&text).contains('.');
            sheet.report(match is_host {
                true => problem.label(format!("write `{meant}`")).replace(meant),
                false => problem.help("write it with its scheme: `https://mail.example.com/send`"),
            });
            None
        }
    }
}

fn host_of(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The secret in an address, which must not stand in a file. Even a malformed address may contain one: with another
/// scheme or none, or with a slash in the password, which makes the host end too early.
pub(crate) fn secret_in(text: &str) -> Option<&'static str> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = host_of(rest);
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let whole = host.starts_with('[') || host.split_once(':').is_none_or(|(_, port)| is_port(port));
    if host.contains('@') || (!whole && rest.contains('@')) {
        return Some("an address does not carry user and password in a file that people share");
    }
    let (_, query) = text.split_once('?')?;
    let named = |pair: &str| pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    let telling =
        |name: &str| tells_secrets(name) || matches!(name, "key" | "sig" | "signature" | "auth" | "pwd" | "pass");
    let tells = query.split(['&', ';']).map(named).any(|name| telling(&name));
    tells.then_some("this address carries a secret in its query, and that does not stand in a file that people share")
}

fn read_headers(sheet: &Sheet<'_>, node: &Node) -> Option<BTreeMap<String, HeaderValue>> {
    let mut headers = BTreeMap::new();
    let entries = sheet.named(node, "`headers`")?;
    for entry in entries {
        let name = entry.key.text.to_lowercase();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            let problem =
                Problem::error("bad-name", entry.key.span.clone(), format!("`{name}` cannot be the name of a header"));
            sheet.report(problem.help("write it as `X-Team`"));
            continue;
        }
        let value = match entry.value.content {
            Content::Map(_) => read_secret(sheet, &entry.value).map(HeaderValue::Secret),
            _ if tells_secrets(&name) => {
                sheet.report(inline(
                    &entry.value,
                    &format!("`{}` carries a secret, and that does not stand in the file", entry.key.text),
                ));
                None
            }
            _ => sheet.text(&entry.value, "the value of a header").map(HeaderValue::Text),
        };
        headers.extend(value.map(|value| (name, value)));
    }
    if entries.len() > HEADERS_MAX {
        sheet.report(Problem::error("too-large", node.pointer(), format!("there are more than {HEADERS_MAX} headers")));
    }
    Some(headers)
}

/// Whether a header identifies the sender.
pub(crate) fn tells_secrets(name: &str) -> bool {
    let parts = ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "api_key"];
    parts.iter().any(|part| name.contains(part))
}
