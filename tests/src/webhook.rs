//! Deliveries signed by the Standard Webhooks scheme, as a sender would make them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

const KEY: &[u8] = b"a key of the tests, 32 bytes long";

/// The secret that every test site uses.
pub fn secret() -> String {
    format!("whsec_{}", STANDARD.encode(KEY))
}

/// One delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub second: i64,
    pub body: String,
    /// `webhook-signature`.
    pub signature: String,
}

impl Delivery {
    /// A delivery signed now.
    pub fn new(id: &str, body: &Value) -> Self {
        Self::at(id, body, now_s())
    }

    /// A delivery signed at this second.
    pub fn at(id: &str, body: &Value, second: i64) -> Self {
        Self::raw(id, body.to_string(), second)
    }

    /// A delivery with exactly this body.
    pub fn raw(id: &str, body: impl Into<String>, second: i64) -> Self {
        let body = body.into();
        let signature = sign(id, second, body.as_bytes());
        Self { id: id.to_owned(), second, body, signature }
    }
}

impl Delivery {
    /// The second and the signature for a body that is sent now under this id.
    pub fn sign(id: &str, body: &[u8]) -> (String, String) {
        let second = now_s();
        (second.to_string(), sign(id, second, body))
    }
}

/// The signature of a delivery.
pub(crate) fn sign(id: &str, second: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{second}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The real time, because signatures are never made by the engine's clock.
#[expect(clippy::disallowed_methods, reason = "a sender signs with the real time")]
pub fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
