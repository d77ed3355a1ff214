//! What people and programs write where they have no id, address or number: it joins strangers if it is taken for one.

/// Said of an id that is not there, in lower case without signs around.
const NO_ID: &[&str] = &[
    "blank",
    "empty",
    "false",
    "n/a",
    "n.a",
    "na",
    "nan",
    "nil",
    "no",
    "none",
    "not available",
    "not set",
    "null",
    "tbd",
    "undefined",
    "unknown",
    "unbekannt",
    "inconnu",
    "desconocido",
];

/// Before the `@` of an address where nobody reads, without signs.
const NO_MAILBOX: &[&str] = &[
    "donotreply",
    "keineemail",
    "keinemail",
    "noemail",
    "noemailprovided",
    "nomail",
    "none",
    "noreply",
    "notavailable",
    "notprovided",
    "null",
    "pasdemail",
    "sincorreo",
    "sinemail",
    "undefined",
    "unknown",
];

/// On both sides of the `@`: `test@test.com`.
const TWICE: &[&str] = &[
    "a", "aa", "aaa", "abc", "asd", "asdf", "email", "mail", "me", "na", "no", "nobody", "test", "testing", "user",
    "x", "xx", "xxx", "xyz",
];

/// Domains that people make up.
const NO_DOMAIN: &[&str] = &["nomail.com", "noemail.com", "no-email.com", "none.com", "null.com", "fakemail.com"];

/// Whether a text stands for an id that is not there: `N/A`, `null`, `0`, `-1`, nothing but signs or zeros.
pub(super) fn is_no_id(id: &str) -> bool {
    let core = id.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let said: String = id.chars().filter(|c| c.is_alphanumeric()).collect();
    // `0-0-1` is one of a series; a UUID of nothing but zeros is none.
    let zeros =
        said.bytes().all(|byte| byte == b'0') && (said.len() == id.len() || said.is_empty() || said.len() == 32);
    zeros || id == "-1" || NO_ID.contains(&core.as_str())
}

/// Whether an address is nobody's.
pub(super) fn is_nobodys(local: &str, domain: &str) -> bool {
    let bare: String = local.chars().filter(char::is_ascii_alphanumeric).collect();
    let first = domain.split('.').next().unwrap_or_default();
    NO_MAILBOX.contains(&bare.as_str())
        || (bare == first && TWICE.contains(&first))
        || NO_DOMAIN.contains(&domain)
        || domain.ends_with(".invalid")
}

/// `555-1234`, without an area: the number of somebody in a film.
pub(super) fn is_of_films(digits: &str) -> bool {
    digits.len() == 7 && digits.starts_with("555")
}

/// Whether somebody typed these digits for want of a number: one digit or two again and again, digits in their order,
/// `000…`.
pub(super) fn is_no_number(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    let steps = |step: u8| bytes.windows(2).all(|pair| (pair[1] + 10 - pair[0]) % 10 == step);
    let pairs = || bytes.len() >= 10 && bytes.windows(3).all(|three| three[0] == three[2]);
    digits.starts_with("000") || steps(0) || steps(1) || steps(9) || pairs()
}
