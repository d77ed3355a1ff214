//! `connections.yaml`: where messages and requests are sent, and how often that is tried. What is said of mail servers
//! lies in `mailers`.

use crate::address::{host_in, read_address, tells_secrets};
use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::Known;
use crate::mailers;
use crate::pace::{ATTEMPTS_MAX, Pace, WEB_TIMEOUT};
use crate::secret::{SECRET, inline, read_env, read_secret};
use crate::shape::{Shape, Takes, optional, required};
use crate::yaml::{Content, Node};
use cadenza_core::reach;
use cadenza_core::workspace::{Connection, Endpoint, HeaderValue, Team, Transport};
use std::collections::{BTreeMap, BTreeSet};

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

fn read_connection(sheet: &Sheet<'_>, node: &Node) -> Option<Connection> {
    let form = Form::open(sheet, node, &CONNECTION)?;
    let url = form.get("url").and_then(|node| read_url(sheet, node));
    let hosts = form.get("hosts").map_or_else(|| Some(BTreeSet::new()), |node| read_hosts(sheet, &form, node));
    let private = form.get("private").map(|node| sheet.flag(node));
    let secret = form.get("secret").map(|node| read_secret(sheet, node));
    let headers = form.get("headers").map_or_else(|| Some(BTreeMap::new()), |node| read_headers(sheet, node));
    let pace = Pace::read(sheet, &form, WEB_TIMEOUT);
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
