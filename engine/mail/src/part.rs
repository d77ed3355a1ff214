//! A message taken apart: its head, and its parts in order. Attached messages are parts and are not entered, so that
//! what somebody forwards is not taken for something that came to us. Our own walk, since mail-parser enters attached
//! messages to any depth; its readers of headers, encodings and character sets are used.

use crate::head::Head;
use crate::{DEPTH_MAX, HEAD_BYTES_MAX, MESSAGE_BYTES_MAX, PARTS_MAX, TEXT_READ_BYTES_MAX, html};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use std::borrow::Cow;

/// A part that contains no other parts.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// The media type in lower case, such as `text/plain`.
    pub(crate) kind: String,
    head: Head<'a>,
    body: &'a [u8],
}

/// A message with its parts.
#[derive(Debug)]
pub(crate) struct Parted<'a> {
    pub(crate) head: Head<'a>,
    /// The media type of the whole, in lower case.
    pub(crate) kind: String,
    pub(crate) parts: Vec<Part<'a>>,
}

impl<'a> Parted<'a> {
    /// Takes a message apart; `None` when it has no head.
    pub(crate) fn read(raw: &'a [u8]) -> Option<Self> {
        let raw = without_envelope(&raw[..raw.len().min(MESSAGE_BYTES_MAX)]);
        let (head, body) = split_head(raw);
        let head = Head::read(head)?;
        let kind = head.media_type();
        let mut parts = Vec::new();
        add(head.clone(), body, "", 0, &mut parts);
        Some(Self { head, kind, parts })
    }

    /// The first part of this type.
    pub(crate) fn part(&self, kind: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.kind == kind)
    }

    /// What a person would read: the plain text, else the text of the HTML.
    pub(crate) fn text(&self) -> String {
        let of = |kind: &str| {
            let mut text = String::new();
            for part in self.parts.iter().filter(|part| part.kind == kind && !part.head.is_attachment()) {
                if text.len() < TEXT_READ_BYTES_MAX {
                    text.push_str(&part.text());
                    text.push('\n');
                }
            }
            text
        };
        let plain = of("text/plain");
        if plain.trim().is_empty() { html::to_text(&of("text/html")) } else { plain }
    }

    /// The head of the message that came with a report: our own, as it was sent.
    pub(crate) fn returned(&self) -> Option<Head<'static>> {
        const KINDS: [&str; 4] = ["message/rfc822", "text/rfc822-headers", "message/global", "message/rfc822-headers"];
        let part = self.parts.iter().find(|part| KINDS.contains(&&*part.kind))?;
        let bytes = part.bytes();
        Head::read(split_head(without_envelope(&bytes)).0).map(Head::into_owned)
    }
}

impl Part<'_> {
    /// The body without its transfer encoding. One that is broken is read as far as possible.
    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self.head.encoding().as_str() {
            "base64" => Cow::Owned(base64(self.body)),
            "quoted-printable" => quoted_printable_decode(self.body).map_or(Cow::Borrowed(self.body), Cow::Owned),
            _ => Cow::Borrowed(self.body),
        }
    }

    /// The body as text, up to [`TEXT_READ_BYTES_MAX`].
    pub(crate) fn text(&self) -> String {
        let bytes = self.bytes();
        let bytes = &bytes[..bytes.len().min(TEXT_READ_BYTES_MAX)];
        match self.head.charset().and_then(|charset| charset_decoder(charset.as_bytes())) {
            Some(decode) => decode(bytes),
            // A sender that names no set, or one that nobody knows, mostly writes UTF-8 by now, and Windows-1252
            // before.
            None => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes).into_owned(),
                Err(_) => charset_decoder(b"windows-1252")
                    .map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |decode| decode(bytes)),
            },
        }
    }
}

fn base64(body: &[u8]) -> Vec<u8> {
    base64_decode(body).unwrap_or_else(|| {
        let mut plain: Vec<u8> =
            body.iter().copied().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).collect();
        plain.truncate(plain.len() / 4 * 4);
        base64_decode(&plain).unwrap_or_default()
    })
}

fn add<'a>(head: Head<'a>, body: &'a [u8], within: &str, depth: usize, parts: &mut Vec<Part<'a>>) {
    if parts.len() >= PARTS_MAX {
        return;
    }
    let kind = match head.media_type() {
        none if none.is_empty() && within == "multipart/digest" => "message/rfc822".to_owned(),
        none if none.is_empty() => "text/plain".to_owned(),
        kind => kind,
    };
    if kind.starts_with("multipart/") && depth < DEPTH_MAX {
        let bounded = head.boundary().map(|boundary| split_parts(body, boundary.as_bytes())).unwrap_or_default();
        // A message that names no boundary, or another than it uses, still shows it in its first line.
        let found = if bounded.is_empty() { guessed_parts(body) } else { bounded };
        for part in &found {
            let (own, body) = split_head(part);
            // A part without a head is text.
            let own = Head::read(own).unwrap_or_default();
            add(own, body, &kind, depth + 1, parts);
        }
        if !found.is_empty() {
            return;
        }
    }
    let kind = if kind.starts_with("multipart/") { "text/plain".to_owned() } else { kind };
    parts.push(Part { kind, head, body });
}

/// Skips the line `From …` that delivery agents put before a message.
fn without_envelope(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw);
    let begin = raw.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(raw.len());
    let raw = &raw[begin..];
    if raw.starts_with(b"From ") || raw.starts_with(b">From ") {
        let end = raw.iter().position(|byte| *byte == b'\n').map_or(raw.len(), |end| end + 1);
        return &raw[end..];
    }
    raw
}

/// The head up to the first empty line, at most [`HEAD_BYTES_MAX`] of it, and what follows it.
fn split_head(raw: &[u8]) -> (&[u8], &[u8]) {
    if raw.starts_with(b"\n") || raw.starts_with(b"\r\n") {
        return (&[], raw);
    }
    let mut at = 0;
    while let Some(end) = raw[at..].iter().position(|byte| *byte == b'\n') {
        let next = at + end + 1;
        let rest = &raw[next..];
        if rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            let body = if rest[0] == b'\r' { &rest[2..] } else { &rest[1..] };
            return (&raw[..next.min(HEAD_BYTES_MAX)], body);
        }
        at = next;
    }
    (&raw[..raw.len().min(HEAD_BYTES_MAX)], &[])
}

/// The parts between lines with the boundary. Nothing when the boundary does not occur.
fn split_parts<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut begin) = (Vec::new(), None);
    let mut at = 0;
    while at < body.len() && parts.len() < PARTS_MAX {
        let next = body[at..].iter().position(|byte| *byte == b'\n').map_or(body.len(), |end| at + end + 1);
        let line = body[at..next].trim_ascii_end();
        let after = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        if let Some(after) = after.filter(|after| after.is_empty() || *after == b"--") {
            if let Some(begin) = begin.replace(next) {
                parts.push(&body[begin..at]);
            }
            if !after.is_empty() {
                return parts;
            }
        }
        at = next;
    }
    if let Some(begin) = begin.filter(|begin| *begin < body.len()) {
        parts.push(&body[begin..]);
    }
    parts
}

fn guessed_parts(body: &[u8]) -> Vec<&[u8]> {
    let line = body.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    match line.trim_ascii_end().strip_prefix(b"--") {
        Some(boundary) if !boundary.is_empty() && boundary.len() <= 200 => split_parts(body, boundary),
        _ => Vec::new(),
    }
}
