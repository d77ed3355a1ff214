//! Links that speak for one lead: in its mails, to what it may decide for itself. Several secrets are in force while
//! one is being replaced, so that links in mails that have left stay valid.

use crate::Key;
use crate::secret::{self, SecretError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cadenza_core::id::LeadId;
use cadenza_core::workspace::SecretRef;
use std::path::Path;
use subtle::ConstantTimeEq as _;

/// What is signed besides the lead, so that no other signature with such a key is taken for a link's.
const PURPOSE: &[u8] = b"cadenza link\0";
const LEAD_BYTES: usize = 16;
/// How much of a tag stands in a link: enough that nobody finds one by trying.
const TAG_BYTES: usize = 16;

/// The keys of links. The first signs, and each may have signed.
pub struct LinkKeys(Vec<Key>);

impl LinkKeys {
    /// Looks up the secrets. A relative path of a file is relative to `workspace`.
    pub fn resolve(secrets: &[SecretRef], workspace: &Path) -> Result<Self, SecretError> {
        let keys = secrets.iter().map(|reference| Ok(Key::new(secret::resolve(reference, workspace)?.as_bytes())));
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// The part of a link that names a lead. `None` without any key.
    pub fn sign(&self, lead: LeadId) -> Option<String> {
        let mut bytes = lead.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&tag(self.0.first()?, lead));
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The lead for which a link speaks.
    pub fn lead(&self, part: &str) -> Option<LeadId> {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok().filter(|bytes| bytes.len() == LEAD_BYTES + TAG_BYTES)?;
        let (lead, shown) = bytes.split_at(LEAD_BYTES);
        let lead = LeadId(u128::from_be_bytes(lead.try_into().ok()?));
        self.0.iter().any(|key| bool::from(tag(key, lead).as_slice().ct_eq(shown))).then_some(lead)
    }
}

fn tag(key: &Key, lead: LeadId) -> [u8; TAG_BYTES] {
    let mut short = [0; TAG_BYTES];
    short.copy_from_slice(&key.tag(&[PURPOSE, &lead.0.to_be_bytes()])[..TAG_BYTES]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secrets: &[&str]) -> LinkKeys {
        LinkKeys(secrets.iter().map(|secret| Key::new(secret.as_bytes())).collect())
    }

    #[test]
    fn a_link_speaks_for_its_lead_as_long_as_its_key_is_in_force() {
        let (lead, link) = (LeadId(7), keys(&["old"]).sign(LeadId(7)).expect("there is a key"));
        for (secrets, of) in [(&["old"][..], Some(lead)), (&["new", "old"], Some(lead)), (&["new"], None), (&[], None)]
        {
            assert_eq!(keys(secrets).lead(&link), of, "{secrets:?}");
        }
        assert_ne!(keys(&["new", "old"]).sign(lead), Some(link.clone()), "the first signs");
        let flipped: String = link.chars().rev().collect();
        for broken in ["", "x", &link[1..], &flipped, &format!("{link}A"), "%00", "ÄÖ"] {
            assert_eq!(keys(&["old"]).lead(broken), None, "{broken}");
        }
    }
}
