//! Signatures of webhooks: the Standard Webhooks scheme and HMAC presets, checked and made. Keys are prepared once;
//! checking allocates nothing. Knows neither what a body says nor who answers.

use crate::secret::{self, SecretError};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::{SecretRef, Signature, SignatureEncoding, Source};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::path::Path;
use subtle::{Choice, ConstantTimeEq};

/// How many signatures of one delivery are looked at; senders send as many as they have keys in force.
const SIGNATURES_MAX: usize = 8;
/// The least bytes of a Standard Webhooks key.
const KEY_BYTES_MIN: usize = 16;

/// Header names of the Standard Webhooks scheme.
pub(crate) const ID_HEADER: &str = "webhook-id";
/// The time in seconds since 1970.
pub(crate) const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// `v1,` and base 64, several with a space between.
pub(crate) const SIGNATURE_HEADER: &str = "webhook-signature";

type Tag = [u8; 32];

/// A prepared key: the hash has already taken the padded key in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

impl Key {
    /// The key with these bytes.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length"))
    }

    /// Reads a Standard Webhooks secret, `whsec_` and base 64.
    pub(crate) fn standard(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
        (bytes.len() >= KEY_BYTES_MIN).then(|| Self::new(&bytes))
    }

    fn tag(&self, parts: &[&[u8]]) -> Tag {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    /// The `webhook-signature` of what is sent under this id at this second.
    pub(crate) fn sign(&self, id: &str, second: i64, body: &[u8]) -> String {
        let tag = self.tag(&[id.as_bytes(), b".", second.to_string().as_bytes(), b".", body]);
        format!("v1,{}", STANDARD.encode(tag))
    }
}

/// Why a delivery is not known to be genuine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    /// A header is not there.
    #[error("the header `{header}` is missing")]
    Missing {
        /// Its name.
        header: String,
    },
    /// A header cannot be read.
    #[error("the header `{header}` cannot be read: {expected}")]
    Unreadable {
        /// Its name.
        header: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Too old or from the future.
    #[error(
        "the delivery is {off_s} seconds {side} our clock, {tolerance_s} are tolerated: check the sender's clock, and do not replay"
    )]
    OutOfTolerance {
        /// Seconds off.
        off_s: i64,
        /// `behind` or `ahead of`.
        side: &'static str,
        /// Seconds allowed.
        tolerance_s: i64,
    },
    /// Nobody we know has signed it.
    #[error("no signature matches: check the secret, and that the body is signed as it is sent")]
    Mismatch,
}

impl SignatureError {
    /// The header it is about.
    pub(crate) fn header(&self) -> Option<&str> {
        match self {
            Self::Missing { header } | Self::Unreadable { header, .. } => Some(header),
            Self::OutOfTolerance { .. } | Self::Mismatch => None,
        }
    }
}

/// A source's scheme with its keys prepared.
pub(crate) struct Verifier {
    scheme: Scheme,
    keys: Vec<Key>,
    tolerance_ms: i64,
}

enum Scheme {
    Standard,
    Hmac { header: String, prefix: String, encoding: SignatureEncoding, timestamp: Option<String>, id: Option<String> },
}

impl Verifier {
    /// Prepares a source's scheme; relative secret files lie in `workspace`.
    pub(crate) fn new(source: &Source, workspace: &Path) -> Result<Self, SecretError> {
        let (scheme, secrets, read): (_, _, fn(&str) -> Option<Key>) = match &source.signature {
            Signature::StandardWebhooks { secrets } => (Scheme::Standard, secrets, Key::standard),
            Signature::Hmac { secrets, header, prefix, encoding, timestamp_header, id_header } => {
                let scheme = Scheme::Hmac {
                    header: header.to_lowercase(),
                    prefix: prefix.clone(),
                    encoding: *encoding,
                    timestamp: timestamp_header.as_ref().map(|name| name.to_lowercase()),
                    id: id_header.as_ref().map(|name| name.to_lowercase()),
                };
                (scheme, secrets, |text| Some(Key::new(text.as_bytes())))
            }
        };
        let key = |secret: &SecretRef| {
            read(&secret::resolve(secret, workspace)?).ok_or_else(|| SecretError::Form { place: secret::place(secret) })
        };
        let keys = secrets.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { scheme, keys, tolerance_ms: i64::try_from(source.tolerance_ms).unwrap_or(i64::MAX) })
    }

    /// Checks a delivery against real time; answers the id it came under, where its headers have one.
    pub(crate) fn verify<'a>(
        &self,
        headers: &'a HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<&'a str>, SignatureError> {
        match &self.scheme {
            Scheme::Standard => {
                let id = header(headers, ID_HEADER)?;
                let second = header(headers, TIMESTAMP_HEADER)?;
                self.check_time(second, TIMESTAMP_HEADER, now)?;
                let candidates = header(headers, SIGNATURE_HEADER)?
                    .split(' ')
                    .filter_map(|one| one.strip_prefix("v1,"))
                    .filter_map(base64_tag);
                self.check_tag(&[id.as_bytes(), b".", second.as_bytes(), b".", body], candidates)?;
                Ok(Some(id))
            }
            Scheme::Hmac { header: name, prefix, encoding, timestamp, id } => {
                let given = header(headers, name)?;
                let read = match encoding {
                    SignatureEncoding::Hex => hex_tag,
                    SignatureEncoding::Base64 => base64_tag,
                };
                let candidates =
                    given.split([',', ' ']).filter_map(|one| one.strip_prefix(prefix.as_str())).filter_map(read);
                match timestamp {
                    Some(timestamp) => {
                        let second = header(headers, timestamp)?;
                        self.check_time(second, timestamp, now)?;
                        self.check_tag(&[second.as_bytes(), b".", body], candidates)?;
                    }
                    None => self.check_tag(&[body], candidates)?,
                }
                id.as_ref().map(|name| header(headers, name)).transpose()
            }
        }
    }

    fn check_time(&self, second: &str, name: &str, now: Timestamp) -> Result<(), SignatureError> {
        let sent = second.parse::<i64>().ok().and_then(|second| second.checked_mul(1_000)).ok_or_else(|| {
            SignatureError::Unreadable { header: name.to_owned(), expected: "it is whole seconds since 1970" }
        })?;
        let off_ms = now.as_ms().saturating_sub(sent);
        if off_ms.saturating_abs() <= self.tolerance_ms {
            return Ok(());
        }
        Err(SignatureError::OutOfTolerance {
            off_s: off_ms.saturating_abs() / 1_000,
            side: if off_ms > 0 { "behind" } else { "ahead of" },
            tolerance_s: self.tolerance_ms / 1_000,
        })
    }

    /// Every key is tried against every signature, so that the time taken does not tell which one matched.
    fn check_tag(&self, parts: &[&[u8]], candidates: impl Iterator<Item = Tag>) -> Result<(), SignatureError> {
        let mut given = [Tag::default(); SIGNATURES_MAX];
        let count = candidates.zip(&mut given).map(|(tag, slot)| *slot = tag).count();
        let mut matched = Choice::from(0);
        for key in &self.keys {
            let expected = key.tag(parts);
            for tag in &given[..count] {
                matched |= expected.ct_eq(tag);
            }
        }
        if bool::from(matched) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, SignatureError> {
    let value = headers.get(name).ok_or_else(|| SignatureError::Missing { header: name.to_owned() })?;
    value.to_str().ok().filter(|text| !text.is_empty()).ok_or_else(|| SignatureError::Unreadable {
        header: name.to_owned(),
        expected: "it is printable ASCII and not empty",
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The published example of the Standard Webhooks specification and its reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SECOND: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn standard(secrets: &[&str]) -> Verifier {
        let keys = secrets.iter().map(|secret| Key::standard(secret).unwrap()).collect();
        Verifier { scheme: Scheme::Standard, keys, tolerance_ms: 300_000 }
    }

    fn preset(encoding: SignatureEncoding, prefix: &str, timestamp: Option<&str>) -> Verifier {
        let scheme = Scheme::Hmac {
            header: "x-signature".into(),
            prefix: prefix.into(),
            encoding,
            timestamp: timestamp.map(Into::into),
            id: Some("x-delivery".into()),
        };
        Verifier { scheme, keys: vec![Key::new(b"It's a Secret to Everybody")], tolerance_ms: 300_000 }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn signed(signature: &str, second: i64) -> HeaderMap {
        let second = second.to_string();
        headers(&[(ID_HEADER, ID), (TIMESTAMP_HEADER, &second), (SIGNATURE_HEADER, signature)])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_ms(second * 1_000)
    }

    #[test]
    fn the_vector_of_the_specification_holds() {
        assert_eq!(Key::standard(SECRET).unwrap().sign(ID, SECOND, BODY), SIGNATURE);
        assert_eq!(standard(&[SECRET]).verify(&signed(SIGNATURE, SECOND), BODY, at(SECOND)), Ok(Some(ID)));
    }

    #[test]
    fn any_signature_by_any_secret_in_force_will_do() {
        let several = format!("v1,{} v1a,ignored {SIGNATURE}", STANDARD.encode([1; 32]));
        for (secrets, signature) in [(&[SECRET][..], several.as_str()), (&[OTHER, SECRET], SIGNATURE)] {
            assert_eq!(
                standard(secrets).verify(&signed(signature, SECOND), BODY, at(SECOND)),
                Ok(Some(ID)),
                "{signature}"
            );
        }
    }

    #[test]
    fn what_was_changed_or_signed_by_another_is_refused() {
        let check = |secret: &str, signature: &str, body: &[u8]| {
            standard(&[secret]).verify(&signed(signature, SECOND), body, at(SECOND)).unwrap_err()
        };
        for (what, error) in [
            ("body", check(SECRET, SIGNATURE, br#"{"test": 2432232315}"#)),
            ("secret", check(OTHER, SIGNATURE, BODY)),
            ("no version", check(SECRET, &SIGNATURE[3..], BODY)),
            ("short", check(SECRET, "v1,AAAA", BODY)),
            ("long", check(SECRET, &format!("v1,{}", STANDARD.encode([0; 64])), BODY)),
            ("no base 64", check(SECRET, "v1,%%%", BODY)),
        ] {
            assert_eq!(error, SignatureError::Mismatch, "{what}");
        }
        let many = vec![SIGNATURE; SIGNATURES_MAX + 5].join(" ");
        assert!(
            standard(&[SECRET]).verify(&signed(&many, SECOND), BODY, at(SECOND)).is_ok(),
            "more than are looked at"
        );
    }

    #[test]
    fn deliveries_outside_the_tolerance_are_refused_on_both_sides() {
        for (now, fine) in [(SECOND + 300, true), (SECOND + 301, false), (SECOND - 300, true), (SECOND - 301, false)] {
            let headers = signed(SIGNATURE, SECOND);
            let got = standard(&[SECRET]).verify(&headers, BODY, at(now));
            assert_eq!(got.is_ok(), fine, "{} seconds after it was signed: {got:?}", now - SECOND);
        }
        let unreadable = headers(&[(ID_HEADER, ID), (TIMESTAMP_HEADER, "soon"), (SIGNATURE_HEADER, SIGNATURE)]);
        let error = standard(&[SECRET]).verify(&unreadable, BODY, at(SECOND)).unwrap_err();
        assert_eq!(error.header(), Some(TIMESTAMP_HEADER));
        let huge =
            headers(&[(ID_HEADER, ID), (TIMESTAMP_HEADER, "9223372036854775807"), (SIGNATURE_HEADER, SIGNATURE)]);
        assert!(standard(&[SECRET]).verify(&huge, BODY, at(SECOND)).is_err());
    }

    #[test]
    fn every_header_is_asked_for_by_name() {
        let complete = [(ID_HEADER, ID), (TIMESTAMP_HEADER, "1614265330"), (SIGNATURE_HEADER, SIGNATURE)];
        for (missing, _) in complete {
            let rest: Vec<_> = complete.into_iter().filter(|(name, _)| *name != missing).collect();
            let error = standard(&[SECRET]).verify(&headers(&rest), BODY, at(SECOND)).unwrap_err();
            assert_eq!(error, SignatureError::Missing { header: missing.into() });
        }
    }

    /// GitHub's documented example: HMAC-SHA256 of `Hello, World!`.
    #[test]
    fn a_hex_preset_reads_the_published_example() {
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let verifier = preset(SignatureEncoding::Hex, "sha256=", None);
        let check = |signature: &str| {
            let headers = headers(&[("x-signature", signature), ("x-delivery", "7")]);
            let id = verifier.verify(&headers, b"Hello, World!", at(0))?;
            Ok(id.map(str::to_owned))
        };
        assert_eq!(check(good), Ok(Some("7".into())));
        assert_eq!(check(&good.to_uppercase().replace("SHA", "sha")), Ok(Some("7".into())));
        assert_eq!(check(&good[7..]), Err(SignatureError::Mismatch), "without its prefix");
        assert_eq!(check(&good.replace('7', "g")), Err(SignatureError::Mismatch), "no hexadecimal");
    }

    #[test]
    fn a_preset_with_a_time_signs_the_time_too() {
        let verifier = preset(SignatureEncoding::Base64, "", Some("x-time"));
        let signature = STANDARD.encode(verifier.keys[0].tag(&[b"100", b".", b"body"]));
        let check = |time: &str, now: i64| {
            let headers = headers(&[("x-signature", &signature), ("x-time", time), ("x-delivery", "7")]);
            verifier.verify(&headers, b"body", at(now)).is_ok()
        };
        assert!(check("100", 100));
        assert!(!check("101", 100), "another time than was signed");
        assert!(!check("100", 1_000), "too late");
    }

    #[test]
    fn secrets_that_are_none_are_refused() {
        for text in ["", "whsec_", "whsec_%%", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(Key::standard(text).is_none(), "`{text}`");
        }
    }
}
