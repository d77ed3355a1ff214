//! Whether a bounce is final. Hard means that the address reaches nobody; a full mailbox, a filter that took offence,
//! or a server that could not be reached says nothing about the address.

use crate::text::has_any;

/// How final a bounce is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The address reaches nobody.
    Hard,
    /// It may reach somebody another time.
    Soft,
}

impl Kind {
    /// The word for it in an event.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

/// Words of servers for a mailbox or domain that does not exist.
const NOBODY: &[&str] = &[
    "user unknown",
    "unknown user",
    "no such user",
    "no such mailbox",
    "no such recipient",
    "no mailbox here",
    "unknown recipient",
    "recipient unknown",
    "recipient not found",
    "recipientnotfound",
    "recipnotfound",
    "mailbox not found",
    "mailbox unavailable",
    "user not found",
    "account not found",
    "does not exist",
    "doesn't exist",
    "not a valid mailbox",
    "invalid recipient",
    "invalid mailbox",
    "invalid address",
    "address rejected",
    "address unknown",
    "unknown address",
    "unrouteable address",
    "unroutable address",
    "unknown local part",
    "no longer valid",
    "no longer in use",
    "no longer available",
    "account is disabled",
    "account disabled",
    "account has been disabled",
    "mailbox disabled",
    "inactive user",
    "user doesn't have",
    "wasn't found at",
    "couldn't be found",
    "host not found",
    "domain not found",
    "nxdomain",
    "unknown host",
    "no such domain",
    "couldn't find any host",
    "empfänger unbekannt",
    "existiert nicht",
    "unbekannter empfänger",
    "nicht gefunden",
    "n'existe pas",
    "destinataire inconnu",
    "no existe",
    "no se encontró",
];

/// Words for what may be otherwise tomorrow, or for another mail.
const FOR_NOW: &[&str] = &[
    "quota",
    "mailbox full",
    "mailbox is full",
    "full mailbox",
    "over limit",
    "out of storage",
    "insufficient storage",
    "insufficient system storage",
    "too large",
    "too big",
    "size limit",
    "exceeds",
    "spam",
    "blocked",
    "block list",
    "blocklist",
    "blacklist",
    "denylist",
    "reputation",
    "rejected by policy",
    "policy",
    "dmarc",
    "dkim",
    "spf ",
    "greylist",
    "graylist",
    "rate limit",
    "too many",
    "temporar",
    "try again",
    "timed out",
    "timeout",
    "connection refused",
    "not accepting",
    "loop",
    "retry time",
    "retry timeout",
    "expired",
    "virus",
    "attachment",
    "postfach voll",
    "boîte pleine",
    "buzón lleno",
];

/// How final a failure is, by its status (RFC 3463) and the server's words.
pub(crate) fn of(status: Option<&str>, words: &str) -> Kind {
    let lower = words.to_lowercase();
    let by_words = || match (has_any(&lower, NOBODY), has_any(&lower, FOR_NOW)) {
        (true, false) => Kind::Hard,
        (false, true) => Kind::Soft,
        // Both, as in "address rejected: policy", say that the address may be fine.
        (true, true) => Kind::Soft,
        (false, false) if has_reply(&lower, &["550", "551", "553"]) => Kind::Hard,
        (false, false) => Kind::Soft,
    };
    let mut parts = status.unwrap_or_default().splitn(3, '.').map(|part| part.parse::<u16>().unwrap_or(999));
    match (parts.next(), parts.next(), parts.next()) {
        (Some(4), ..) => Kind::Soft,
        // The sender's address is meant (5.1.7, 5.1.8), not the recipient's.
        (Some(5), Some(1), Some(7 | 8)) => Kind::Soft,
        (Some(5), Some(1), _) => Kind::Hard,
        // Mailbox disabled, and nothing else about mailboxes.
        (Some(5), Some(2), Some(1)) => Kind::Hard,
        (Some(5), Some(2), Some(2..=4)) => Kind::Soft,
        (Some(5), Some(4), Some(4)) => Kind::Hard,
        // Exchange Online refuses unknown recipients at its edge with 5.4.1.
        (Some(5), Some(4), Some(1)) if lower.contains("access denied") || has_any(&lower, NOBODY) => Kind::Hard,
        (Some(5), Some(3..=6), _) => {
            if has_any(&lower, NOBODY) && !has_any(&lower, FOR_NOW) {
                Kind::Hard
            } else {
                Kind::Soft
            }
        }
        // What a filter says is about the mail, even if it adds that the address was rejected.
        (Some(5), Some(7), _) => Kind::Soft,
        _ => by_words(),
    }
}

/// Whether a text has one of these replies of SMTP as a word.
fn has_reply(text: &str, replies: &[&str]) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| replies.contains(&word))
}

/// The first status code in a text, such as `5.1.1`.
pub(crate) fn status_in(text: &str) -> Option<String> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_matches('.'));
    let found = words.into_iter().find(|word| {
        let mut parts = word.split('.');
        let class = matches!(parts.next(), Some("2" | "4" | "5"));
        let mut number = || parts.next().is_some_and(|part| (1..=3).contains(&part.len()));
        class && number() && number() && parts.next().is_none()
    });
    found.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_final_depends_on_the_address_alone() {
        use Kind::{Hard, Soft};
        for (status, words, kind) in [
            (Some("5.1.1"), "", Hard),
            (Some("5.1.10"), "RESOLVER.ADR.RecipientNotFound", Hard),
            (Some("5.1.2"), "Host unknown", Hard),
            (Some("5.1.8"), "Sender address rejected: domain not found", Soft),
            (Some("5.2.1"), "The email account that you tried to reach is disabled", Hard),
            (Some("5.2.2"), "mailbox full", Soft),
            (Some("5.2.3"), "message too large", Soft),
            (Some("5.4.1"), "Recipient address rejected: Access denied.", Hard),
            (Some("5.4.4"), "Host not found", Hard),
            (Some("5.4.6"), "mail loop", Soft),
            (Some("5.4.7"), "delivery time expired", Soft),
            (Some("5.7.1"), "rejected as spam", Soft),
            (Some("5.7.1"), "Recipient address rejected: blocked", Soft),
            (Some("4.4.1"), "connect: Connection timed out", Soft),
            (Some("4.2.2"), "over quota", Soft),
            (Some("5.0.0"), "550 No such user here", Hard),
            (Some("5.0.0"), "550 rejected", Hard),
            (Some("5.0.0"), "554 message refused", Soft),
            (None, "550 Unknown user", Hard),
            (None, "552 mailbox quota exceeded", Soft),
            (None, "", Soft),
        ] {
            assert_eq!(of(status, words), kind, "{status:?} {words}");
        }
    }

    #[test]
    fn a_status_is_found_in_a_servers_words() {
        for (text, status) in [
            ("550 5.1.1 <ada@example.com>: user unknown", Some("5.1.1")),
            ("550-5.1.1 The email account", Some("5.1.1")),
            ("#5.1.10 smtp;550", Some("5.1.10")),
            ("host 192.0.2.1 said: 550 no", None),
            ("10.5.1.1", None),
            ("Postfix 3.5.9 on 5.1", None),
        ] {
            assert_eq!(status_in(text).as_deref(), status, "{text}");
        }
    }
}
