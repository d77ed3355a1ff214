//! Who is who: the keys by which a lead or an account is found, normalised the same way everywhere.
//!
//! The rules have a version. A change adds a new version next to the old one and never alters a version in use, because
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

/// The version of the rules in this module.
pub const RULES_VERSION: u8 = 2;

crate::codes::codes! {
    /// The kinds of key, the strongest first.
    pub enum IdentityKind {
        /// The id in the system the lead came from.
        0 External = "external_id",
        /// A mail address.
        1 Email = "email",
        /// A telephone number.
        2 Phone = "phone",
    }
}

/// A normalised key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct IdentityKey {
    #[n(0)]
    pub kind: IdentityKind,
    /// The version of the rules that made the key.
    #[n(1)]
    pub version: u8,
    #[n(2)]
    pub value: String,
}

impl IdentityKey {
    /// The key that today's rules make from a field's text; `None` when they cannot make one. `country` is for
    /// telephone numbers that name no country.
    pub fn of(kind: IdentityKind, text: &str, country: Option<Country>) -> Option<Self> {
        let value = match kind {
            IdentityKind::External => external_id(text)?,
            IdentityKind::Email => email(text)?,
            IdentityKind::Phone => phone(text, country)?,
        };
        Some(Self { kind, version: RULES_VERSION, value })
    }

    /// The key of a text that today's rules have already normalised.
    pub fn kept(kind: IdentityKind, text: &str) -> Self {
        Self { kind, version: RULES_VERSION, value: text.to_owned() }
    }

    /// Whether this is a telephone number whose country is not known.
    pub fn is_without_country(&self) -> bool {
        self.kind == IdentityKind::Phone && !self.value.starts_with('+')
    }

    /// Whether the key looks like one person's: an address whose name is not that of a role, a mobile number, or a
    /// number with an extension. Several leads that have such a key are probably the same person.
    pub fn is_personal(&self) -> bool {
        match self.kind {
            IdentityKind::External => false,
            IdentityKind::Email => !email::is_of_role(&self.value),
            IdentityKind::Phone => phone::is_personal(&self.value),
        }
    }
}

/// A text on one line, without invisible characters.
pub(crate) fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    text::plain(text)
}

/// An id in another system, without surrounding white space or invisible characters. Upper and lower case are kept.
/// `None` for what people and programs write when there is no id: `N/A`, `null`, `0`, `-`.
pub fn external_id(text: &str) -> Option<String> {
    let id = text::plain(text);
    (!placeholder::is_no_id(&id)).then(|| id.into_owned())
}
