//! Who is who: the keys by which a lead or an account is found, normalised the same way everywhere.
//!
//! The rules have a version; a change of rules is a new version beside the old one, never a change of this one, because
//! keys made by it are stored.

mod domain;
mod email;
mod first_rules;
mod phone;
mod placeholder;
mod record;
#[cfg(test)]
mod tests;
mod text;

pub use domain::{domain, is_free_mail};
pub use email::email;
pub use first_rules::first_key;
pub use phone::phone;
pub use record::{Binding, BoundKey, HOLDERS_MAX, Identity, IdentityMessage, Told, Why, needed_by};

use crate::country::Country;
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

    /// Whether it is a telephone number of which nobody knows the country.
    pub fn is_without_country(&self) -> bool {
        self.kind == IdentityKind::Phone && !self.value.starts_with('+')
    }

    /// Whether it is one person's by what it says: an address whose name is not that of a role, a mobile number, a number
    /// with an extension. What several leads have is then the same person's, more than once.
    pub fn is_personal(&self) -> bool {
        match self.kind {
            IdentityKind::External => false,
            IdentityKind::Email => !email::is_of_role(&self.value),
            IdentityKind::Phone => phone::is_personal(&self.value),
        }
    }
}

/// A text in one line, without what cannot be seen.
pub(crate) fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    text::plain(text)
}

/// An id in another system without white space around it and without what cannot be seen; its case is its own. None for
/// what is written where there is no id: `N/A`, `null`, `0`, `-`.
pub fn external_id(text: &str) -> Option<String> {
    let id = text::plain(text);
    (!placeholder::is_no_id(&id)).then(|| id.into_owned())
}
