//! The head of a message or part: its fields, decoded.

use crate::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, IDS_MAX, text};
use cadenza_core::date::Date;
use cadenza_core::time::Timestamp;
use mail_parser::{Address, ContentType, Header, HeaderName, HeaderValue, MessageParser};

/// The fields of a head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head<'a> {
    fields: Vec<Header<'a>>,
}

impl<'a> Head<'a> {
    /// Reads a head; `None` when there is no field.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let message = parser().parse_headers(bytes)?;
        let fields = message.parts.into_iter().next()?.headers;
        (!fields.is_empty() && bytes.split(|byte| *byte == b'\n').any(is_field)).then_some(Self { fields })
    }

    pub(crate) fn into_owned(self) -> Head<'static> {
        Head { fields: self.fields.into_iter().map(Header::into_owned).collect() }
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &HeaderValue<'a>> {
        self.fields.iter().filter(move |field| field.name.as_str().eq_ignore_ascii_case(name)).map(|field| &field.value)
    }

    /// Whether there is such a field, whatever it says.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// What a field says, in one line.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = match self.values(name).next()? {
            HeaderValue::Text(text) => text.to_string(),
            HeaderValue::TextList(texts) => texts.join(" "),
            HeaderValue::Address(address) => addresses(address).join(", "),
            _ => return None,
        };
        Some(text::on_one_line(&value))
    }

    /// What a field says, in lower case and without comments and parameters; empty when it is not there.
    pub(crate) fn word(&self, name: &str) -> String {
        let text = self.text(name).unwrap_or_default();
        text.split([';', '(', ' ']).next().unwrap_or_default().trim().to_lowercase()
    }

    /// The addresses in a field.
    pub(crate) fn addresses(&self, name: &str) -> Vec<String> {
        let found = self.values(name).flat_map(|value| match value {
            HeaderValue::Address(address) => addresses(address),
            HeaderValue::Text(text) => text::addresses(text),
            _ => Vec::new(),
        });
        found.take(ADDRESSES_MAX).collect()
    }

    /// The first address in a field.
    pub(crate) fn address(&self, name: &str) -> Option<String> {
        self.addresses(name).into_iter().next()
    }

    /// The ids of messages in a field, without angle brackets; the last ones when there are too many.
    pub(crate) fn ids(&self, name: &str) -> Vec<String> {
        let mut ids = Vec::new();
        for value in self.values(name) {
            match value {
                HeaderValue::Text(text) => ids.extend(text::ids(text)),
                HeaderValue::TextList(texts) => texts.iter().for_each(|text| ids.extend(text::ids(text))),
                _ => {}
            }
        }
        ids.split_off(ids.len().saturating_sub(IDS_MAX))
    }

    /// When the message says it was written.
    pub(crate) fn date(&self) -> Option<(Timestamp, Option<Date>)> {
        let date = self.values("Date").find_map(HeaderValue::as_datetime).filter(|date| date.is_valid())?;
        let day = Date::parse(&format!("{:04}-{:02}-{:02}", date.year, date.month, date.day));
        Some((Timestamp::from_ms(date.to_timestamp().checked_mul(1_000)?), day))
    }

    fn content_type(&self) -> Option<&ContentType<'a>> {
        self.values("Content-Type").find_map(HeaderValue::as_content_type)
    }

    /// The media type in lower case, such as `text/plain`; empty when there is none.
    pub(crate) fn media_type(&self) -> String {
        self.content_type().map_or_else(String::new, |kind| {
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_lowercase()
        })
    }

    /// A parameter of the media type.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.content_type()?.attribute(name)
    }

    pub(crate) fn boundary(&self) -> Option<&str> {
        self.parameter("boundary").map(str::trim_end).filter(|boundary| !boundary.is_empty())
    }

    pub(crate) fn charset(&self) -> Option<&str> {
        self.parameter("charset")
    }

    pub(crate) fn encoding(&self) -> String {
        self.word("Content-Transfer-Encoding")
    }

    pub(crate) fn is_attachment(&self) -> bool {
        let named = |kind: &ContentType<'_>| kind.attribute("name").is_some();
        self.values("Content-Disposition")
            .find_map(HeaderValue::as_content_type)
            .is_some_and(ContentType::is_attachment)
            || self.content_type().is_some_and(named)
    }
}

/// Whether a line is a field, and no other text: JSON has colons too, and mail-parser takes a word for a field.
fn is_field(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.len() < line.len() && !name.is_empty() && name.trim_ascii_end().iter().all(plain)
}

/// The addresses as they are written, in lower case. Those of programs count too.
fn addresses(address: &Address<'_>) -> Vec<String> {
    let given = address.iter().take(ADDRESSES_MAX).filter_map(|one| one.address.as_deref());
    let given = given.map(|address| address.trim().to_lowercase());
    given
        .filter(|address| (1..=ADDRESS_BYTES_MAX).contains(&address.len()) && !address.contains(char::is_control))
        .collect()
}

fn parser() -> MessageParser {
    let mut parser = MessageParser::new()
        .header_content_type(HeaderName::ContentType)
        .header_content_type(HeaderName::ContentDisposition)
        .header_date(HeaderName::Date);
    for name in [HeaderName::From, HeaderName::To, HeaderName::Cc, HeaderName::Sender, HeaderName::ReplyTo] {
        parser = parser.header_address(name);
    }
    for name in [HeaderName::MessageId, HeaderName::InReplyTo, HeaderName::References, HeaderName::ReturnPath] {
        parser = parser.header_raw(name);
    }
    parser.default_header_text()
}
