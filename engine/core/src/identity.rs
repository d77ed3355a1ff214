//! Who is who: the keys by which a lead or an account is found, normalised the same way everywhere.
//!
//! The rules have a version; a change of rules is a new version beside the old one, never a change of this one, because
//! keys made by it are stored.

use crate::field::Profile;
use crate::id::AccountId;
use minicbor::{Decode, Encode};

/// The version of the rules below.
pub const RULES_VERSION: u8 = 1;

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

/// Mail providers that say nothing about where somebody works.
const FREE_MAIL: &[&str] = &[
    "aol.com",
    "gmail.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.com",
    "me.com",
    "msn.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "web.de",
    "yahoo.com",
    "yandex.com",
    "163.com",
];

/// The keys of a lead, strongest first.
pub fn keys(profile: &Profile) -> Vec<IdentityKey> {
    let key = |kind, value| IdentityKey { kind, version: RULES_VERSION, value };
    let external = profile.external_id.as_deref().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned);
    [
        external.map(|value| key(IdentityKind::External, value)),
        profile.email.as_deref().and_then(email).map(|value| key(IdentityKind::Email, value)),
        profile.phone.as_deref().and_then(phone).map(|value| key(IdentityKind::Phone, value)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A mail address in lower case without surrounding space; none when it is none.
pub fn email(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (local, domain) = text.split_once('@')?;
    let plain = !text.contains(char::is_whitespace) && !domain.contains('@');
    (plain && !local.is_empty() && domain.len() >= 3 && text.len() <= 254).then_some(text)
}

/// A phone number as its digits, with `+` when the country code is given (`+…` or `00…`); none with fewer than 6 digits.
pub fn phone(text: &str) -> Option<String> {
    let text = text.trim();
    // An extension is no part of the number.
    let text = text.find(['x', 'X', '#', ';']).map_or(text, |end| &text[..end]);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let (international, digits) = match (text.starts_with('+'), digits.strip_prefix("00")) {
        (true, _) => (true, digits.as_str()),
        (false, Some(rest)) => (true, rest),
        (false, None) => (false, digits.as_str()),
    };
    let plus = if international { "+" } else { "" };
    (6..=17).contains(&digits.len()).then(|| format!("{plus}{digits}"))
}

/// The account a lead belongs to: by its web domain, else the domain of its mail unless that is a free provider, else
/// its company's name. The id derives from the key, so two leads of one company agree without a look-up.
pub fn account(profile: &Profile) -> Option<(AccountId, String)> {
    let given = profile.domain.as_deref().map(|d| d.trim().trim_start_matches("www.").to_lowercase());
    let from_mail = || {
        let mail = profile.email.as_deref().and_then(email)?;
        let (_, domain) = mail.split_once('@')?;
        (!FREE_MAIL.contains(&domain)).then(|| domain.to_owned())
    };
    let company = profile.company.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let key = given
        .filter(|domain| domain.contains('.'))
        .or_else(from_mail)
        .map(|domain| format!("domain:{domain}"))
        .or_else(|| company.map(|name| format!("name:{}", name.to_lowercase())))?;
    let name = company.map_or_else(|| key.split_once(':').map_or("", |(_, name)| name).to_owned(), str::to_owned);
    Some((AccountId::of_key(&key), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_normalised() {
        for (given, expected) in [
            (" Ada@Example.COM ", Some("ada@example.com")),
            ("ada@@example.com", None),
            ("ada", None),
            ("@example.com", None),
            ("ada l@example.com", None),
        ] {
            assert_eq!(email(given).as_deref(), expected, "mail `{given}`");
        }
        for (given, expected) in [
            ("+1 (212) 555-0100", Some("+12125550100")),
            ("0049 30 123456", Some("+4930123456")),
            ("212-555-0100 x12", Some("2125550100")),
            ("12345", None),
            ("call me", None),
        ] {
            assert_eq!(phone(given).as_deref(), expected, "phone `{given}`");
        }
    }

    #[test]
    fn colleagues_share_an_account_and_free_mail_does_not() {
        let with = |mail: &str, company: Option<&str>| {
            let profile = Profile { email: Some(mail.into()), company: company.map(Into::into), ..Profile::default() };
            account(&profile).map(|(id, _)| id)
        };
        assert_eq!(with("ada@acme.io", None), with("Bob@ACME.io", Some("Acme Inc")), "one domain, one account");
        assert_eq!(with("ada@gmail.com", None), None, "a free provider is no company");
        assert!(with("ada@gmail.com", Some("Acme")).is_some(), "the company's name serves when the mail does not");
    }
}
