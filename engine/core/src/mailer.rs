//! How mails leave: the server, who they come from, how many an hour, and what is done where it is not known whether
//! one arrived. Must not know: SMTP, and what a mail says.

use crate::lead::RepId;
pub use crate::letter::{Letter, Mailbox, is_domain};
use crate::secret::SecretRef;
use jiff::civil::Date;
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
    /// Each, with the word for it in files.
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
    /// Each, with the word for it in files.
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

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

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
