//! Signatures of webhooks, checked and made: the Standard Webhooks scheme, presets for other senders, and tokens
//! for those that cannot sign. Keys are prepared once; checking allocates next to nothing. Knows neither what a
//! body says nor who responds.

mod links;
mod scheme;
pub mod secret;
#[cfg(test)]
mod tests;

pub use links::LinkKeys;

use crate::secret::SecretError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::{SecretRef, Signature, Source};
use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use scheme::{Claim, Scheme};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use subtle::{Choice, ConstantTimeEq};

/// How many signatures of one delivery are looked at. Senders send one for each key in force.
const SIGNATURES_MAX: usize = 8;
/// The fewest bytes of a Standard Webhooks key.
const KEY_BYTES_MIN: usize = 16;
/// Times from here on are milliseconds: as seconds they would lie past the year 5000.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// The header with the delivery's id in the Standard Webhooks scheme.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures: `v1,` and base 64, several of them separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

type Tag = [u8; 32];

/// A prepared key: the hash has already consumed the padded key. Cheap to clone.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// The key with these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length"))
    }

    /// Reads a Standard Webhooks secret, `whsec_` and base 64.
    pub fn standard(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
        (bytes.len() >= KEY_BYTES_MIN).then(|| Self::new(&bytes))
    }

    fn tag(&self, parts: &[&[u8]]) -> Tag {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    /// The `webhook-signature` for a body sent under this id at this second.
    pub fn sign(&self, id: &str, second: i64, body: &[u8]) -> String {
        let tag = self.tag(&[id.as_bytes(), b".", second.to_string().as_bytes(), b".", body]);
        format!("v1,{}", STANDARD.encode(tag))
    }
}

/// Why a delivery is not known to be genuine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing.
    #[error("the header `{header}` is missing{}", also(header))]
    Missing { header: String },
    /// A parameter of the address is missing.
    #[error("the parameter `{name}` of the address is missing")]
    NoParameter { name: String },
    /// A header cannot be read.
    #[error("the header `{header}` cannot be read: {expected}")]
    Unreadable {
        header: String,
        /// What it should be.
        expected: String,
    },
    /// Too old, or from the future.
    #[error(
        "the delivery is {off_s} seconds {side} our clock, {tolerance_s} are tolerated: check the sender's clock, and do not replay"
    )]
    OutOfTolerance {
        /// The header that gives the time.
        header: String,
        off_s: i64,
        /// `behind` or `ahead of`.
        side: &'static str,
        tolerance_s: i64,
    },
    /// It was not signed with any known key.
    #[error("no signature in `{header}` matches: check the secret, and that the body is signed as it is sent")]
    Mismatch { header: String },
    #[error("the token in `{place}` is not that of the source: check the secret")]
    WrongToken {
        /// The header or the parameter.
        place: String,
    },
}

/// The other name under which the scheme accepts a header.
fn also(header: &str) -> String {
    header.strip_prefix("webhook-").map_or_else(String::new, |rest| format!(" (`svix-{rest}` is taken, too)"))
}

impl SignatureError {
    /// The header or parameter it is about.
    pub fn place(&self) -> &str {
        match self {
            Self::Missing { header }
            | Self::Unreadable { header, .. }
            | Self::OutOfTolerance { header, .. }
            | Self::Mismatch { header } => header,
            Self::NoParameter { name } | Self::WrongToken { place: name } => name,
        }
    }
}

/// A delivery as it came.
#[derive(Clone, Copy)]
pub struct Delivered<'a> {
    pub headers: &'a HeaderMap,
    /// What follows `?` in the address.
    pub query: Option<&'a str>,
    pub body: &'a [u8],
}

/// A delivery that is known to be genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genuine<'a> {
    /// The id it came under, if its headers have one.
    pub id: Option<&'a str>,
    /// A hash of what was signed, if the id is not part of it. Whoever captured the delivery could
    /// send it under another id.
    pub signed: Option<String>,
}

/// A source's scheme with its keys prepared.
pub struct Verifier {
    scheme: Scheme,
    keys: Vec<Key>,
    tolerance_ms: i64,
}

impl Verifier {
    /// Prepares a source's scheme. Relative paths of secret files are relative to `workspace`.
    pub fn new(source: &Source, workspace: &Path) -> Result<Self, SecretError> {
        let (secrets, read): (_, fn(&str) -> Option<Key>) = match &source.signature {
            Signature::StandardWebhooks { secrets } => (secrets, Key::standard),
            Signature::Hmac { secrets, .. } | Signature::Timed { secrets, .. } | Signature::Token { secrets, .. } => {
                (secrets, |text| Some(Key::new(text.as_bytes())))
            }
        };
        let key = |secret: &SecretRef| {
            read(&secret::resolve(secret, workspace)?).ok_or_else(|| SecretError::Form { place: secret::place(secret) })
        };
        let keys = secrets.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let tolerance_ms = i64::try_from(source.tolerance_ms).unwrap_or(i64::MAX);
        Ok(Self { scheme: Scheme::new(&source.signature), keys, tolerance_ms })
    }

    /// Checks a delivery against the time `now`, which must be real.
    pub fn verify<'a>(&'a self, delivered: Delivered<'a>, now: Timestamp) -> Result<Genuine<'a>, SignatureError> {
        let claim = match self.scheme.read(delivered)? {
            Claim::Token { shown, place, id } => {
                self.check_token(shown.as_bytes(), &place)?;
                return Ok(Genuine { id, signed: None });
            }
            Claim::Signed(claim) => claim,
        };
        if let Some((time, header)) = claim.time {
            self.check_time(time, header, now)?;
        }
        let mut tags = [Tag::default(); SIGNATURES_MAX];
        let count = claim.tags.zip(&mut tags).map(|(tag, slot)| *slot = tag).count();
        if count == 0 {
            return Err(SignatureError::Unreadable { header: claim.header.to_owned(), expected: claim.expected });
        }
        if !self.has_signed(&claim.content, &tags[..count]) {
            return Err(SignatureError::Mismatch { header: claim.header.to_owned() });
        }
        let signed = (!claim.id_is_signed && claim.id.is_some()).then(|| hash(&claim.content));
        Ok(Genuine { id: claim.id, signed })
    }

    fn check_time(&self, text: &str, header: &str, now: Timestamp) -> Result<(), SignatureError> {
        let sent = text.parse::<i64>().ok().and_then(|time| match time {
            MILLISECONDS_FROM.. => Some(time),
            seconds => seconds.checked_mul(1_000),
        });
        let sent = sent.ok_or_else(|| SignatureError::Unreadable {
            header: header.to_owned(),
            expected: "the time is whole seconds since 1970".to_owned(),
        })?;
        let off_ms = now.as_ms().saturating_sub(sent);
        if off_ms.saturating_abs() <= self.tolerance_ms {
            return Ok(());
        }
        Err(SignatureError::OutOfTolerance {
            header: header.to_owned(),
            off_s: off_ms.saturating_abs() / 1_000,
            side: if off_ms > 0 { "behind" } else { "ahead of" },
            tolerance_s: self.tolerance_ms / 1_000,
        })
    }

    /// Tries every key against every signature, so that the time taken does not reveal which one matched.
    fn has_signed(&self, parts: &[&[u8]], given: &[Tag]) -> bool {
        let mut matched = Choice::from(0);
        for key in &self.keys {
            let expected = key.tag(parts);
            for tag in given {
                matched |= expected.ct_eq(tag);
            }
        }
        bool::from(matched)
    }

    /// A token is used as a key, and what both keys make of one text is compared, so that the time taken reveals
    /// neither how much of the token is right nor how long it is.
    fn check_token(&self, shown: &[u8], place: &str) -> Result<(), SignatureError> {
        let given = Key::new(shown).tag(&[b"token"]);
        if self.has_signed(&[b"token"], &[given]) {
            return Ok(());
        }
        Err(SignatureError::WrongToken { place: place.to_owned() })
    }
}

/// A hash under which signed content is remembered. It does not depend on the key, which may be replaced.
fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
