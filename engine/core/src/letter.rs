//! What a mail has besides its text. Must not know: how it is sent.

use crate::id::EffectId;
use crate::time::Timestamp;
use minicbor::{Decode, Encode};
use std::fmt;

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
}
