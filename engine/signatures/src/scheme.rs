//! What each scheme reads from a delivery before anything is checked.

use super::{Delivered, ID_HEADER, SIGNATURE_HEADER, SignatureError, TIMESTAMP_HEADER, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadenza_core::workspace::{Signature, SignatureEncoding, TokenPlace};
use hyper::HeaderMap;
use std::borrow::Cow;

/// The headers of Standard Webhooks under the names that its first sender gave them.
const SVIX: [&str; 3] = ["svix-id", "svix-timestamp", "svix-signature"];
const STANDARD_HEADERS: [&str; 3] = [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER];

/// A source's scheme; header names are in lower case.
pub(crate) enum Scheme {
    Standard,
    Hmac { header: String, prefix: String, encoding: SignatureEncoding, timestamp: Option<String>, id: Option<String> },
    Timed { header: String, time: String, signature: String, encoding: SignatureEncoding, between: String },
    Token { place: TokenPlace, id: Option<String> },
}

/// What a delivery says of itself.
pub(crate) enum Claim<'a> {
    /// It shows a token.
    Token { shown: Cow<'a, str>, place: String, id: Option<&'a str> },
    /// It is signed.
    Signed(Signed<'a>),
}

/// What a delivery claims to be signed.
pub(crate) struct Signed<'a> {
    /// The id it came under.
    pub(crate) id: Option<&'a str>,
    /// Whether the signed content includes the id.
    pub(crate) id_is_signed: bool,
    /// When it was sent, and the header that says so.
    pub(crate) time: Option<(&'a str, &'a str)>,
    /// What is signed.
    pub(crate) content: Vec<&'a [u8]>,
    /// The header with the signatures.
    pub(crate) header: &'a str,
    /// Signatures that can be read.
    pub(crate) tags: Box<dyn Iterator<Item = Tag> + 'a>,
    /// What the header should hold.
    pub(crate) expected: String,
}

impl Scheme {
    pub(crate) fn new(signature: &Signature) -> Self {
        let lower = |name: &Option<String>| name.as_ref().map(|name| name.to_lowercase());
        match signature {
            Signature::StandardWebhooks { .. } => Self::Standard,
            Signature::Hmac { header, prefix, encoding, timestamp_header, id_header, .. } => Self::Hmac {
                header: header.to_lowercase(),
                prefix: prefix.clone(),
                encoding: *encoding,
                timestamp: lower(timestamp_header),
                id: lower(id_header),
            },
            Signature::Timed { header, time, signature, encoding, between, .. } => Self::Timed {
                header: header.to_lowercase(),
                time: time.clone(),
                signature: signature.clone(),
                encoding: *encoding,
                between: between.clone(),
            },
            Signature::Token { place, id_header, .. } => Self::Token { place: place.clone(), id: lower(id_header) },
        }
    }

    pub(crate) fn read<'a>(&'a self, delivered: Delivered<'a>) -> Result<Claim<'a>, SignatureError> {
        match self {
            Self::Standard => standard(delivered),
            Self::Hmac { header: name, prefix, encoding, timestamp, id } => {
                let Delivered { headers, body, .. } = delivered;
                let given = header(headers, name)?;
                let time = timestamp.as_ref().map(|name| Ok((header(headers, name)?, name.as_str()))).transpose()?;
                let content = match time {
                    Some((time, _)) => vec![time.as_bytes(), b".", body],
                    None => vec![body],
                };
                let tags = given.split([',', ' ']).filter_map(|one| one.strip_prefix(prefix.as_str()));
                Ok(Claim::Signed(Signed {
                    id: id.as_ref().and_then(|name| header(headers, name).ok()),
                    id_is_signed: false,
                    time,
                    content,
                    header: name,
                    tags: Box::new(tags.filter_map(reader(*encoding))),
                    expected: expected(prefix, *encoding),
                }))
            }
            Self::Timed { header: name, time, signature, encoding, between } => {
                let given = header(delivered.headers, name)?;
                let pairs = || given.split([',', ';']).filter_map(|pair| pair.trim().split_once('='));
                let sent = pairs().find(|(key, _)| key == time).map(|(_, value)| value);
                let sent = sent.ok_or_else(|| SignatureError::Unreadable {
                    header: name.clone(),
                    expected: format!("it holds the time as `{time}=…`"),
                })?;
                let tags = pairs().filter(move |(key, _)| key == signature).map(|(_, value)| value);
                Ok(Claim::Signed(Signed {
                    id: None,
                    id_is_signed: false,
                    time: Some((sent, name)),
                    content: vec![sent.as_bytes(), between.as_bytes(), delivered.body],
                    header: name,
                    tags: Box::new(tags.filter_map(reader(*encoding))),
                    expected: expected(&format!("{signature}="), *encoding),
                }))
            }
            Self::Token { place, id } => {
                let id = id.as_ref().and_then(|name| header(delivered.headers, name).ok());
                let (shown, place) = match place {
                    TokenPlace::Header { name, prefix } => {
                        (Cow::Borrowed(token_in(delivered.headers, name, prefix.trim())?), name.to_lowercase())
                    }
                    TokenPlace::Query(name) => (parameter(delivered.query, name)?, name.clone()),
                };
                Ok(Claim::Token { shown, place, id })
            }
        }
    }
}

fn standard(delivered: Delivered<'_>) -> Result<Claim<'_>, SignatureError> {
    let Delivered { headers, body, .. } = delivered;
    let given = |names: [&str; 3]| names.iter().any(|name| headers.contains_key(*name));
    let names = if given(SVIX) && !given(STANDARD_HEADERS) { SVIX } else { STANDARD_HEADERS };
    let [id_name, time_name, signature_name] = names;
    let (id, second) = (header(headers, id_name)?, header(headers, time_name)?);
    let tags = header(headers, signature_name)?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    Ok(Claim::Signed(Signed {
        id: Some(id),
        id_is_signed: true,
        time: Some((second, time_name)),
        content: vec![id.as_bytes(), b".", second.as_bytes(), b".", body],
        header: signature_name,
        tags: Box::new(tags.filter_map(base64_tag)),
        expected: expected("v1,", SignatureEncoding::Base64),
    }))
}

fn expected(prefix: &str, encoding: SignatureEncoding) -> String {
    let form = match encoding {
        SignatureEncoding::Hex => "64 hexadecimal digits",
        SignatureEncoding::Base64 => "32 bytes in base 64",
    };
    if prefix.is_empty() { format!("it holds {form}") } else { format!("it holds `{prefix}` and {form}") }
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, SignatureError> {
    let value = headers.get(name).ok_or_else(|| SignatureError::Missing { header: name.to_owned() })?;
    value.to_str().ok().filter(|text| !text.is_empty()).ok_or_else(|| SignatureError::Unreadable {
        header: name.to_owned(),
        expected: "it is printable ASCII and not empty".to_owned(),
    })
}

/// A token in a header. The prefix may be written in any case, such as `bearer`.
fn token_in<'a>(headers: &'a HeaderMap, name: &str, prefix: &str) -> Result<&'a str, SignatureError> {
    let given = header(headers, name)?;
    let (before, token) = given.split_at_checked(prefix.len()).unwrap_or((given, ""));
    if before.eq_ignore_ascii_case(prefix) {
        return Ok(token.trim());
    }
    let expected = format!("it begins with `{prefix}`");
    Err(SignatureError::Unreadable { header: name.to_lowercase(), expected })
}

fn parameter<'a>(query: Option<&'a str>, name: &str) -> Result<Cow<'a, str>, SignatureError> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let found = pairs.find(|(key, _)| key == name).map(|(_, value)| value);
    found.ok_or_else(|| SignatureError::NoParameter { name: name.to_owned() })
}

fn reader(encoding: SignatureEncoding) -> fn(&str) -> Option<Tag> {
    match encoding {
        SignatureEncoding::Hex => hex_tag,
        SignatureEncoding::Base64 => base64_tag,
    }
}

fn base64_tag(text: &str) -> Option<Tag> {
    // Base 64 of 32 bytes decodes into at most 33; the slack keeps the decoder from refusing the buffer.
    let mut bytes = [0; 36];
    let count = STANDARD.decode_slice(text.trim(), &mut bytes).ok()?;
    bytes[..count].try_into().ok()
}

fn hex_tag(text: &str) -> Option<Tag> {
    let digits = text.trim().as_bytes();
    let mut tag = Tag::default();
    if digits.len() != 2 * tag.len() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    for (byte, pair) in tag.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(tag)
}
