//! How mails leave: the server, who they come from, how many an hour, and what is done where it is not known whether
//! one arrived. Must not know: SMTP, and what a mail says.

use crate::id::EffectId;
use crate::lead::RepId;
use crate::time::Timestamp;
use crate::workspace::SecretRef;
use jiff::civil::Date;
use minicbor::{Decode, Encode};
use std::fmt;
use std::path::PathBuf;

/// A connection that sends mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailer {
    /// The server; `None` when mails are only captured.
    pub server: Option<SmtpServer>,
    /// The folder below the data folder in which mails are kept instead of being sent.
    pub capture: Option<PathBuf>,
    /// Who sends, in order: the first who can.
    pub from: Vec<Sender>,
    pub reply_to: Option<Mailbox>,
    pub limits: MailLimits,
    pub dkim: Option<Dkim>,
    pub unsure: Unsure,
    /// The sender's postal address, at the foot of every mail to a lead.
    pub postal_address: Option<String>,
}

impl Mailer {
    /// The domain of the ids of its mails. It does not depend on who sends, so that replies in a thread name the ids of
    /// mails that somebody else sent.
    pub fn domain(&self) -> &str {
        let fixed = self.from.iter().find_map(|sender| match sender {
            Sender::Fixed(mailbox) => Some(mailbox.domain()),
            Sender::Owner | Sender::Role(_) | Sender::Rep(_) => None,
        });
        let of_dkim = self.dkim.as_ref().map(|dkim| dkim.domain.as_str());
        let of_server = || self.server.as_ref().map(|server| server.host.as_str());
        of_dkim.or(fixed).or_else(of_server).unwrap_or("cadenza.invalid")
    }
}

/// A server that takes mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub user: Option<String>,
    pub password: Option<SecretRef>,
}

/// How a connection to a server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// The connection begins in the clear, and nothing is sent before it is encrypted.
    StartTls,
    /// Encrypted from the first byte.
    Implicit,
    /// Never encrypted.
    None,
}

impl Tls {
    pub const ALL: [(&'static str, Self); 3] =
        [("starttls", Self::StartTls), ("implicit", Self::Implicit), ("none", Self::None)];

    /// The port when the file names none: those of mail submission (RFC 8314).
    pub const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// Who sends a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The lead's owner.
    Owner,
    /// The rep who has this role in the run.
    Role(String),
    Rep(RepId),
    /// An address of nobody in particular.
    Fixed(Mailbox),
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("owner"),
            Self::Role(role) => write!(f, "the role `{role}`"),
            Self::Rep(rep) => write!(f, "the rep `{rep}`"),
            Self::Fixed(mailbox) => mailbox.fmt(f),
        }
    }
}

/// What is done with a mail that the server may have taken, because the connection was lost when it had been handed
/// over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsure {
    /// It is sent again under the same Message-ID, and may arrive twice.
    Repeat,
    /// It lies with the dead letters until a person decides.
    Ask,
}

impl Unsure {
    pub const ALL: [(&'static str, Self); 2] = [("repeat", Self::Repeat), ("ask", Self::Ask)];
}

/// The key by which receivers verify that a mail is its sender's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dkim {
    pub domain: String,
    pub selector: String,
    /// The private key, RSA or Ed25519, in PEM.
    pub key: SecretRef,
}

/// How much leaves by a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailLimits {
    /// Mails in an hour.
    pub per_hour: Option<u32>,
    /// Mails over one connection to the server, after which a new one is opened.
    pub per_connection: Option<u32>,
    pub warm_up: Option<WarmUp>,
}

/// The days in which a new sender gets to its full rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmUp {
    pub first_day: Date,
    pub days: u32,
}

impl MailLimits {
    /// How many mails may leave in an hour of this day. During the warm-up every day adds the same share.
    pub fn per_hour_on(&self, today: Date) -> Option<u32> {
        let full = self.per_hour?;
        let Some(WarmUp { first_day, days }) = self.warm_up else { return Some(full) };
        let day = today.since(first_day).map_or(0, |since| i64::from(since.get_days())) + 1;
        let share =
            u64::try_from(day.clamp(1, i64::from(days))).unwrap_or(1) * u64::from(full) / u64::from(days.max(1));
        Some(u32::try_from(share).unwrap_or(full).max(1))
    }
}

/// A name with a mail address.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mailbox {
    #[n(0)]
    pub name: Option<String>,
    #[n(1)]
    pub address: String,
}

/// The most bytes of an address (RFC 5321, 4.5.3.1).
const ADDRESS_BYTES_MAX: usize = 254;

impl Mailbox {
    /// Reads `Sales <sales@acme.example>`, or the address alone. Only plain ASCII addresses: the sender chooses its
    /// own, and others than these do not pass everywhere.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"').trim(), address),
            None => ("", text),
        };
        let (local, domain) = address.split_once('@')?;
        let is_local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
        let fits = !local.is_empty() && local.chars().all(is_local) && is_domain(domain);
        let is_whole =
            address.len() <= ADDRESS_BYTES_MAX && !name.contains(|c: char| c.is_control() || "<>".contains(c));
        let name = Some(name.to_owned()).filter(|name| !name.is_empty());
        (fits && is_whole).then(|| Self { name, address: address.to_ascii_lowercase() })
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Whether a text is a full domain name, in ASCII.
pub fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.contains('.') && text.split('.').all(is_label)
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

/// What a mail has besides its text, fixed together with it, so that every attempt carries the same.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Letter {
    #[n(0)]
    pub from: Mailbox,
    /// Where answers go, if not to the sender.
    #[n(1)]
    pub reply_to: Option<Mailbox>,
    /// The sender's signature, in Markdown.
    #[n(2)]
    pub signature: Option<String>,
    #[n(3)]
    pub date: Timestamp,
    /// The earlier mails of the same thread, the latest last.
    #[n(4)]
    pub follows: Vec<EffectId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_mailbox_is_one_address_with_or_without_a_name() {
        for (text, name, address) in [
            ("sales@acme.example", None, Some("sales@acme.example")),
            ("Sales <Sales@Acme.example>", Some("Sales"), Some("sales@acme.example")),
            ("\"Acme, Sales\" <sales@acme.example>", Some("Acme, Sales"), Some("sales@acme.example")),
            ("Müller & Söhne <info@mueller.example>", Some("Müller & Söhne"), Some("info@mueller.example")),
            ("<sales@acme.example>", None, Some("sales@acme.example")),
            ("Sales <sales@acme.example>, Ana <ana@acme.example>", None, None),
            ("Sales\r\nBcc: all@acme.example <sales@acme.example>", None, None),
            ("sales@acme.example\r\nBcc: x@y.example", None, None),
            ("sales", None, None),
            ("@acme.example", None, None),
            ("sales@", None, None),
            ("sales@localhost", None, None),
            ("sales@-acme.example", None, None),
            ("sa les@acme.example", None, None),
            ("säles@acme.example", None, None),
            ("", None, None),
        ] {
            let read = Mailbox::parse(text);
            assert_eq!(read.as_ref().map(|read| read.address.as_str()), address, "{text:?}");
            assert_eq!(read.and_then(|read| read.name).as_deref(), name, "{text:?}");
        }
    }

    #[test]
    fn a_new_sender_gets_to_its_full_rate_by_equal_steps() {
        let warm_up = Some(WarmUp { first_day: date(2026, 12, 1), days: 10 });
        let limits = MailLimits { per_hour: Some(200), per_connection: None, warm_up };
        for (day, allowed) in [
            (date(2026, 11, 20), 20),
            (date(2026, 12, 1), 20),
            (date(2026, 12, 5), 100),
            (date(2026, 12, 10), 200),
            (date(2027, 6, 1), 200),
        ] {
            assert_eq!(limits.per_hour_on(day), Some(allowed), "{day}");
        }
        let few = MailLimits { per_hour: Some(3), ..limits };
        assert_eq!(few.per_hour_on(date(2026, 12, 1)), Some(1), "never nothing at all");
        assert_eq!(MailLimits::default().per_hour_on(date(2026, 12, 1)), None);
    }
}
