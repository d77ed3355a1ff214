//! Web addresses and hosts as files give them, and the secrets that must not stand in them.

use crate::diagnostic::{Problem, Sheet};
use crate::secret::inline;
use crate::yaml::Node;

/// The host of an address, with or without its scheme, port and path.
pub(crate) fn host_in(text: &str) -> &str {
    let authority = host_of(text.split_once("://").map_or(text, |(_, rest)| rest));
    match authority.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => &authority[..end + 2],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// A web address.
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

/// Whether a header identifies the sender.
pub(crate) fn tells_secrets(name: &str) -> bool {
    let parts = ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey", "api_key"];
    parts.iter().any(|part| name.contains(part))
}
