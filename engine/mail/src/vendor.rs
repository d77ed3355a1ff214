//! What the webhooks of mail providers say, read as if the mail itself had come. Each provider has its shape, after its
//! public documentation; what they send besides (deliveries, opens, clicks) concerns no lead here.

mod mailgun;
mod postmark;
mod sendgrid;
mod ses;

use crate::{Mail, Verdict, Why, read, text};
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::MailFormat;
use serde_json::Value;
use std::fmt::Write as _;

/// Messages that one delivery may bring. SendGrid sends several events in one body.
pub const MAILS_MAX: usize = 1_000;

/// Why a delivery cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// It is nothing that this provider sends.
    #[error("this is no delivery of {}: it has no {wanted}", .format.as_str())]
    Shape {
        format: MailFormat,
        /// What it should have.
        wanted: &'static str,
    },
    /// Amazon asks whether it may deliver here. The address is not opened by the engine, since it could be any.
    #[error("Amazon SNS asks whether it may deliver here: open this address once to confirm it: {url}")]
    Confirm {
        /// Where it is confirmed.
        url: String,
    },
    #[error("a delivery has at most {MAILS_MAX} events: this one has more")]
    TooMany,
}

/// Reads a delivery that came at `now`: each event as the message that it tells of.
pub fn read_delivery(format: MailFormat, body: &Value, now: Timestamp) -> Result<Vec<Mail>, NotRead> {
    match format {
        MailFormat::Mail => Err(NotRead::Shape { format, wanted: "head" }),
        MailFormat::Postmark => postmark::read(body, now).map(|mail| vec![mail]),
        MailFormat::SendGrid => sendgrid::read(body),
        MailFormat::Mailgun => mailgun::read(body, now).map(|mail| vec![mail]),
        MailFormat::Ses => ses::read(body, now),
    }
}

/// A text at a path of members.
fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(value, |value, name| value.get(name))?.as_str().filter(|text| !text.is_empty())
}

/// A message of which a provider tells, without what it says besides.
fn told(id: Option<String>, address: Option<&str>, verdict: Verdict) -> Mail {
    let from = address.map(|address| address.trim().to_lowercase());
    Mail {
        id,
        from: from.filter(|from| from.len() <= crate::ADDRESS_BYTES_MAX),
        subject: None,
        at: None,
        about: Vec::new(),
        verdict,
    }
}

/// An address as a bounce names it.
fn recipient(address: Option<&str>) -> Option<String> {
    text::addresses(address?).into_iter().next()
}

fn short(words: Option<&str>) -> Option<String> {
    let line = text::on_one_line(words?);
    (!line.is_empty()).then(|| text::head(&line, crate::DIAGNOSTIC_BYTES_MAX).to_owned())
}

fn nothing(id: Option<String>, why: Why) -> Mail {
    told(id, None, Verdict::Other(why))
}

/// A message that a provider took apart, put together again so that it is read like any other.
struct Parts<'a> {
    /// Fields of its head, as they came.
    head: Vec<(&'a str, &'a str)>,
    /// Fields that count when the head does not have them.
    known: Vec<(&'static str, Option<&'a str>)>,
    text: Option<&'a str>,
    html: Option<&'a str>,
}

impl Parts<'_> {
    fn read(&self, now: Timestamp) -> Mail {
        let mut raw = String::new();
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let mut add = |name: &str, value: &str| {
            // The parts have been decoded already.
            if is_name(name) && !name.to_ascii_lowercase().starts_with("content-") {
                let _ = writeln!(raw, "{name}: {}", text::on_one_line(value));
            }
        };
        self.head.iter().for_each(|(name, value)| add(name, value));
        for (name, value) in &self.known {
            let is_there = self.head.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            if let Some(value) = value.filter(|_| !is_there) {
                add(name, value);
            }
        }
        let (kind, body) = match (self.text.filter(|text| !text.trim().is_empty()), self.html) {
            (None, Some(html)) => ("text/html", html),
            (text, _) => ("text/plain", text.unwrap_or_default()),
        };
        let _ = write!(raw, "Content-Type: {kind}; charset=utf-8\n\n{body}");
        read(raw.as_bytes(), now)
    }
}

#[cfg(test)]
mod tests;
