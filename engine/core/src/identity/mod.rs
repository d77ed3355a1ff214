//! Who is who: the keys by which a lead or an account is found, normalised the same way everywhere.
//!
//! The rules have a version; a change of rules is a new version beside the old one, never a change of this one, because
//! keys made by it are stored.

mod domain;
mod email;
mod finding;
mod first_rules;
mod phone;
mod record;
#[cfg(test)]
mod tests;
mod text;

pub use domain::{domain, is_free_mail};
pub use email::email;
pub use finding::{Match, Named, OPEN_SOURCE};
pub use first_rules::first_key;
pub use phone::phone;
pub use record::{Binding, BoundKey, HOLDERS_MAX, Identity, IdentityMessage, Told, Why, needed_by};

use crate::country::Country;
use crate::field::Profile;
use crate::id::AccountId;
use minicbor::{Decode, Encode};

/// The version of the rules below.
pub const RULES_VERSION: u8 = 2;

crate::codes::codes! {
    /// What kind of key; stronger ones first.
    pub enum IdentityKind {
        /// The id in the system the lead came from.
        0 External = "external_id",
        /// Mail address.
        1 Email = "email",
        /// Phone number.
        2 Phone = "phone",
    }
}

/// A normalised key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct IdentityKey {
    /// Of what kind.
    #[n(0)]
    pub kind: IdentityKind,
    /// By which rules.
    #[n(1)]
    pub version: u8,
    /// The normalised text.
    #[n(2)]
    pub value: String,
}

impl IdentityKey {
    /// The key of what a field says, by the rules of today; none when it says nothing that can be understood. `country` is
    /// where telephone numbers without a country's code are.
    pub fn of(kind: IdentityKind, text: &str, country: Option<Country>) -> Option<Self> {
        let value = match kind {
            IdentityKind::External => external_id(text)?,
            IdentityKind::Email => email(text)?,
            IdentityKind::Phone => phone(text, country)?,
        };
        Some(Self { kind, version: RULES_VERSION, value })
    }

    /// The key of a text that is kept by the rules of today already.
    pub fn kept(kind: IdentityKind, text: &str) -> Self {
        Self { kind, version: RULES_VERSION, value: text.to_owned() }
    }
}

/// An id in another system without white space around it and without what cannot be seen; its case is its own.
pub fn external_id(text: &str) -> Option<String> {
    let id = text::plain(text);
    (!id.is_empty()).then(|| id.into_owned())
}

/// The keys of a lead, strongest first.
pub fn keys(profile: &Profile, country: Option<Country>) -> Vec<IdentityKey> {
    let Profile { external_id, email, phone, .. } = profile;
    let named = [(IdentityKind::External, external_id), (IdentityKind::Email, email), (IdentityKind::Phone, phone)];
    named.into_iter().filter_map(|(kind, text)| IdentityKey::of(kind, text.as_deref()?, country)).collect()
}

/// The account a lead belongs to: by the registered domain of its web address, else of its mail, providers of free mail
/// left out, else by its company's name. The id derives from the key, so two leads of one company agree without a look-up.
pub fn account(profile: &Profile) -> Option<(AccountId, String)> {
    let own = |text: &Option<String>| text.as_deref().and_then(domain).filter(|domain| !is_free_mail(domain));
    let company =
        profile.company.as_deref().map(|name| text::plain(name).split_whitespace().collect::<Vec<_>>().join(" "));
    let company = company.filter(|name| !name.is_empty());
    let domain = own(&profile.domain).or_else(|| own(&profile.email));
    let key = domain.as_ref().map(|domain| format!("domain:{domain}"));
    let key = key.or_else(|| company.as_ref().map(|name| format!("name:{}", name.to_lowercase())))?;
    Some((AccountId::of_key(&key), company.or(domain)?))
}
