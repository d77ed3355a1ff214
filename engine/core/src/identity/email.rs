//! Mail addresses: removes everything that is not part of the address itself.

use super::domain;
use super::placeholder::is_nobodys;
use super::text::{plain, trim_around};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

/// The most bytes of an address, and of the part before its `@` (RFC 5321, 4.5.3.1).
const BYTES_MAX: usize = 254;
const LOCAL_BYTES_MAX: usize = 64;

/// The brackets around an address that stands next to a name: `Ada <ada@example.com>`.
const BRACKETS: [(char, char); 6] = [('<', '>'), ('‹', '›'), ('«', '»'), ('〈', '〉'), ('⟨', '⟩'), ('《', '》')];

/// A mail address, ready for sending and the same for all its spellings: in lower case, its domain in ASCII, without a
/// name, `mailto:`, brackets, quotes, white space, invisible characters or a dot at the end. `None` when the text is
/// not an address, contains more than one, or is what people write when they have none: `none@none.com`, `noreply@…`.
pub fn email(text: &str) -> Option<String> {
    if is_clean(text) {
        // Nearly all addresses are written like this.
        return bare(text);
    }
    let text = plain(text);
    let text = unescaped(&text);
    let address = trim_around(after_mailto(in_brackets(&text)));
    let address = trim_around(after_label(address));
    if address.contains('@') { bare(address) } else { bare(&address.replace("%40", "@")) }
}

/// Whether a text is in lower case, without anything that may stand around an address or a domain, and in need of no
/// other change.
pub(super) fn is_clean(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'+' | b'@'))
}

fn bare(address: &str) -> Option<String> {
    let (local, domain) = address.split_once('@')?;
    // The quotes of `"ada"@example.com`; the first may already be gone.
    let local = local.trim_end().trim_matches('"');
    // Cut off a comment after the address, and the query of a `mailto:`.
    let domain = domain.split(['(', '?']).next()?;
    let domain = domain::host(trim_around(domain))?;
    let local = local.to_lowercase();
    let fits = is_local(&local) && local.len() + domain.len() < BYTES_MAX && !is_nobodys(&local, &domain);
    fits.then(|| format!("{local}@{domain}"))
}

/// Replaces HTML's escapes of angle brackets, which come from web pages and poor exports.
fn unescaped(text: &str) -> Cow<'_, str> {
    if text.contains("&lt;") || text.contains("&gt;") {
        return text.replace("&lt;", "<").replace("&gt;", ">").into();
    }
    Cow::Borrowed(text)
}

/// The text in the last brackets that hold an address, or the whole text when none do or several hold different addresses.
fn in_brackets(text: &str) -> &str {
    for (open, close) in BRACKETS {
        let parts = text.split(open).skip(1).filter_map(|part| part.split(close).next());
        let mut addresses = parts.filter(|part| part.contains('@'));
        if let Some(first) = addresses.next() {
            return if addresses.all(|other| other.eq_ignore_ascii_case(first)) { first } else { text };
        }
    }
    text
}

/// The text after a `mailto:`, up to the end of the link.
fn after_mailto(text: &str) -> &str {
    let ends = |c: char| c.is_whitespace() || "|)]>\"".contains(c);
    match find_ignoring_case(text, "mailto:") {
        Some(at) => text[at + "mailto:".len()..].trim_start_matches(['/', ' ']).split(ends).next().unwrap_or_default(),
        None => text,
    }
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let bytes = text.as_bytes().windows(wanted.len()).rposition(|part| part.eq_ignore_ascii_case(wanted.as_bytes()));
    bytes.filter(|at| text.is_char_boundary(*at))
}

/// The text after a word with a colon: `E-Mail: ada@example.com`, `SMTP:ada@example.com`.
fn after_label(text: &str) -> &str {
    let is_word = |label: &str| label.chars().all(|c| c.is_alphabetic() || "- ".contains(c));
    match text.split_once(':') {
        Some((label, rest)) if is_word(label) && rest.contains('@') => rest,
        _ => text,
    }
}

/// Whether this text may stand before the `@`: letters of any language, digits and the signs of RFC 5322, 3.2.3. Dots
/// may be anywhere except at the beginning, because Japanese providers gave out such addresses.
fn is_local(local: &str) -> bool {
    let may = |c: char| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
    (1..=LOCAL_BYTES_MAX).contains(&local.len()) && local.chars().all(may) && !local.starts_with('.')
}

/// The names of mailboxes that several people read.
static ROLES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("roles.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// Whether an address, in the form in which it is kept, belongs to a role (`info@`, `sales.eu@`) and not to one person.
pub(super) fn is_of_role(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    let first = local.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let whole: String = local.chars().filter(|c| c.is_alphabetic()).collect();
    first.is_empty() || ROLES.contains(first) || ROLES.contains(whole.as_str())
}
