//! Domains: finds the domain that a company has registered in an address, a URL or a host, and says whether anyone can
//! get an address there.

use super::email::{self, email};
use super::text::{plain, trim_around};
use std::collections::HashSet;
use std::sync::LazyLock;

/// The domains of providers that give an address to anyone. The file says where the list is from.
const FREE_MAIL: &str = include_str!("free_mail.txt");

/// Names that providers use in every country: `yahoo.co.uk`, `outlook.de`. They were collected from addresses seen in
/// practice.
const FREE_EVERYWHERE: &[&str] = &[
    "aol",
    "gmail",
    "gmx",
    "googlemail",
    "hotmail",
    "icloud",
    "msn",
    "outlook",
    "protonmail",
    "rocketmail",
    "windowslive",
    "yahoo",
    "yandex",
    "ymail",
];

/// The most bytes of a host name, and of one of its labels (RFC 1035, 2.3.4).
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

static FREE: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| FREE_MAIL.lines().filter(|line| !line.starts_with('#')).collect());

/// The registrable domain, in lower case and ASCII: `acme.example` for `https://www.acme.example:443/contact`, `Ada
/// <ada@mail.acme.example>` and `ACME.example.`. `None` for an IP address, a single name or a public suffix (`co.uk`).
pub fn domain(text: &str) -> Option<String> {
    if email::is_clean(text) {
        // Nearly all addresses are written like this, and so are those that were read before.
        let host = host(text.rsplit('@').next().unwrap_or_default())?;
        return psl::domain_str(&host).map(str::to_owned);
    }
    let text = plain(text);
    let host = match email(&text) {
        Some(address) if !text.contains("://") => address.split_once('@')?.1.to_owned(),
        _ => host(trim_around(authority(trim_around(&text))))?,
    };
    psl::domain_str(&host).map(str::to_owned)
}

/// The host of a URL, without its user and port.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or_else(|| url.trim_start_matches('/'), |(_, rest)| rest);
    let authority = rest.split(['/', '\\', '?', '#', ' ']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.split_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    }
}

/// A host name in lower case and ASCII, without a dot at the end. `None` when it is not a name on the public internet.
pub(super) fn host(text: &str) -> Option<String> {
    let text = text.trim_end_matches('.');
    let plain = text.is_ascii() && !text.contains("xn--");
    let host = if plain { text.to_ascii_lowercase() } else { idna::domain_to_ascii(text).ok()? };
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let (_, top) = host.rsplit_once('.')?;
    let fits = host.len() <= HOST_BYTES_MAX && host.split('.').all(is_label);
    (fits && !top.bytes().all(|byte| byte.is_ascii_digit())).then_some(host)
}

/// Whether a registrable domain, in lower case, belongs to a provider that gives an address to anyone.
pub fn is_free_mail(domain: &str) -> bool {
    let (name, suffix) = domain.split_once('.').unwrap_or((domain, ""));
    let anywhere = suffix == "com" || suffix == "net" || suffix.rsplit('.').next().is_some_and(|top| top.len() == 2);
    FREE.contains(domain) || (anywhere && FREE_EVERYWHERE.contains(&name))
}
