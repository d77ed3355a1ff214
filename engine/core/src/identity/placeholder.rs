//! What people and programs write when they have no id, address or number. Taken literally, it would merge strangers.

/// Texts for a missing id, in lower case, without surrounding signs.
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

/// Texts before the `@` of an address that nobody reads, without signs.
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

/// Texts that people write on both sides of the `@`: `test@test.com`.
const TWICE: &[&str] = &[
    "a", "aa", "aaa", "abc", "asd", "asdf", "email", "mail", "me", "na", "no", "nobody", "test", "testing", "user",
    "x", "xx", "xxx", "xyz",
];

/// Domains that people make up.
const NO_DOMAIN: &[&str] = &["nomail.com", "noemail.com", "no-email.com", "none.com", "null.com", "fakemail.com"];

/// Whether a text stands for a missing id: `N/A`, `null`, `0`, `-1`, or nothing but signs or zeros.
pub(super) fn is_no_id(id: &str) -> bool {
    let core = id.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let said: String = id.chars().filter(|c| c.is_alphanumeric()).collect();
    // `0-0-1` is one of a series and counts as an id; a UUID made only of zeros does not.
    let zeros =
        said.bytes().all(|byte| byte == b'0') && (said.len() == id.len() || said.is_empty() || said.len() == 32);
    zeros || id == "-1" || NO_ID.contains(&core.as_str())
}

/// Whether an address is a placeholder.
pub(super) fn is_nobodys(local: &str, domain: &str) -> bool {
    let bare: String = local.chars().filter(char::is_ascii_alphanumeric).collect();
    let first = domain.split('.').next().unwrap_or_default();
    NO_MAILBOX.contains(&bare.as_str())
        || (bare == first && TWICE.contains(&first))
        || NO_DOMAIN.contains(&domain)
        || domain.ends_with(".invalid")
}

/// Whether this is a number such as `555-1234`, without an area code, which only people in films have.
pub(super) fn is_of_films(digits: &str) -> bool {
    digits.len() == 7 && digits.starts_with("555")
}

/// Whether these digits were typed in place of a number: one or two digits repeated, digits in sequence, `000…`.
pub(super) fn is_no_number(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    let steps = |step: u8| bytes.windows(2).all(|pair| (pair[1] + 10 - pair[0]) % 10 == step);
    let pairs = || bytes.len() >= 10 && bytes.windows(3).all(|three| three[0] == three[2]);
    digits.starts_with("000") || steps(0) || steps(1) || steps(9) || pairs()
}
