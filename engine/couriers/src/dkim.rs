//! Signs a mail by DKIM (RFC 6376, RFC 8463), over the bytes that leave. Both parts are canonicalized `relaxed`, so
//! that servers on the way may fold headers otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cadenza_core::time::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

/// The headers that are signed where a mail has them. RFC 8058 wants both headers of unsubscribing among them.
const SIGNED: [&str; 13] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
];
/// Signed once more than they are there, so that nobody can add another.
const ONCE: [&str; 4] = ["from", "to", "subject", "date"];
/// How many characters of a signature stand on one line.
const LINE_CHARS: usize = 70;

/// A private key that signs mails.
pub(crate) enum SigningKey {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// The key cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no private key in PEM that can sign: RSA of 2048 bits or more, or Ed25519")]
pub(crate) struct NoKey;

impl SigningKey {
    /// Reads a key in PEM.
    pub(crate) fn read(pem: &str) -> Result<Self, NoKey> {
        match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| NoKey)? {
            PrivateKeyDer::Pkcs1(der) => rsa(RsaKeyPair::from_der(der.secret_pkcs1_der())),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                let own = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self::Ed25519);
                own.or_else(|_| rsa(RsaKeyPair::from_pkcs8(der)))
            }
            _ => Err(NoKey),
        }
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, text: &[u8]) -> Result<String, NoKey> {
        Ok(STANDARD.encode(match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).map_err(|_| NoKey)?;
                signature
            }
            // Of Ed25519 the hash is signed, not the text.
            Self::Ed25519(key) => key.sign(&Sha256::digest(text)).as_ref().to_vec(),
        }))
    }
}

fn rsa(read: Result<RsaKeyPair, ring::error::KeyRejected>) -> Result<SigningKey, NoKey> {
    read.map(|key| SigningKey::Rsa(Box::new(key))).map_err(|_| NoKey)
}

/// The mail with its signature in front.
pub(crate) fn signed(
    mail: &[u8],
    key: &SigningKey,
    domain: &str,
    selector: &str,
    at: Timestamp,
) -> Result<Vec<u8>, NoKey> {
    let end = mail.windows(4).position(|four| four == b"\r\n\r\n").map_or(mail.len(), |at| at + 2);
    let (head, body) = (&mail[..end], mail.get(end + 2..).unwrap_or_default());
    let headers = headers(&String::from_utf8_lossy(head));
    let (mut names, mut text) = (Vec::new(), String::new());
    for name in SIGNED {
        // Of several headers with one name, the last is signed first.
        for (_, value) in headers.iter().rev().filter(|(own, _)| own == name) {
            names.push(name);
            text.push_str(&format!("{name}:{value}\r\n"));
        }
        names.extend(ONCE.into_iter().filter(|once| *once == name));
    }
    let hash = STANDARD.encode(Sha256::digest(body_of(body)));
    let begin = format!(
        "v=1; a={}; c=relaxed/relaxed; d={domain}; s={selector};\r\n\tt={};\r\n\th={};\r\n\tbh={hash};\r\n\tb=",
        key.algorithm(),
        at.as_ms().max(0) / 1_000,
        names.join(":\r\n\t "),
    );
    text.push_str(&format!("dkim-signature:{}", one_line(&begin)));
    let signature = key.sign(text.as_bytes())?;
    let lines: Vec<&str> = (0..signature.len().div_ceil(LINE_CHARS))
        .map(|n| &signature[n * LINE_CHARS..signature.len().min((n + 1) * LINE_CHARS)])
        .collect();
    let mut whole = format!("DKIM-Signature: {begin}{}\r\n", lines.join("\r\n\t ")).into_bytes();
    whole.extend_from_slice(mail);
    Ok(whole)
}

/// The headers with names in lower case and values on one line.
fn headers(head: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        match (line.starts_with([' ', '\t']), headers.last_mut()) {
            (true, Some((_, value))) => {
                value.push(' ');
                value.push_str(line);
            }
            _ => {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                headers.push((name.trim().to_ascii_lowercase(), value.to_owned()));
            }
        }
    }
    headers.into_iter().map(|(name, value)| (name, one_line(&value))).collect()
}

/// A value with one space wherever it has white space.
fn one_line(value: &str) -> String {
    value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The body: no white space at the ends of lines, one space elsewhere, no empty lines at the end.
fn body_of(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut was_space = false;
        let from = out.len();
        for byte in line {
            let is_space = matches!(byte, b' ' | b'\t');
            match (is_space, was_space) {
                (true, true) => {}
                (true, false) => out.push(b' '),
                (false, _) => out.push(*byte),
            }
            was_space = is_space;
        }
        if out.len() > from && out.last() == Some(&b' ') {
            out.pop();
        }
        out.extend_from_slice(b"\r\n");
    }
    while out.ends_with(b"\r\n\r\n") {
        out.truncate(out.len() - 2);
    }
    if out == b"\r\n" { Vec::new() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_canonicalized_as_the_standard_says() {
        // RFC 6376, 3.4.5 and 3.4.3.
        assert_eq!(
            headers("A: X\r\nB : Y\t\r\n\tZ  \r\n"),
            [("a".to_owned(), "X".to_owned()), ("b".to_owned(), "Y Z".to_owned())]
        );
        for (body, expected) in [
            (&b" C \r\nD \t E\r\n\r\n\r\n"[..], &b" C\r\nD E\r\n"[..]),
            (b"", b""),
            (b"\r\n\r\n", b""),
            (b"a", b"a\r\n"),
            (b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        ] {
            assert_eq!(body_of(body), expected, "{body:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_told() {
        for text in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(SigningKey::read(text).err(), Some(NoKey), "{text}");
        }
    }
}
