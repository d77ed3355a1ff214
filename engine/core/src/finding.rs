//! Whose event it is: which of the leads that have a key it leads to.
//!
//! A weaker key finds a lead only when no stronger one of the two disagrees: two colleagues with one switchboard's number
//! are told apart by their addresses, two entries of a CRM with one `info@` by their ids.

use crate::country::Country;
use crate::field::Profile;
use crate::id::AccountId;
use crate::identity::{self, IdentityKey, IdentityKind, domain, is_free_mail};
use crate::lead::Lead;

/// The source of events that come through our own door, where nobody says which system an id is of.
pub const OPEN_SOURCE: &str = "api";

/// What an event names.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// Its keys, strongest first.
    pub keys: &'a [IdentityKey],
    /// Where it comes from: ids are those of their source.
    pub source: &'a str,
    /// Where telephone numbers without a country's code are.
    pub country: Option<Country>,
}

/// How a lead that has a key stands to an event that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// Another person who has the key too.
    Other,
    /// It had the key, and has another one now.
    Formerly,
    /// It has this id, and one of the two does not say of which system.
    Perhaps,
    /// It has the key.
    Now,
}

/// What a lead says of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// It has it.
    Same,
    /// It had it.
    Former,
    /// It has another one of this kind, or more than one.
    Another,
    /// It has none of this kind that could be compared.
    Silent,
}

impl Named<'_> {
    /// How a lead that was found by `key`, one of those named, stands to the event.
    pub fn matches(&self, key: &IdentityKey, lead: &Lead) -> Match {
        let own = self.word(key, lead);
        let open_id = key.kind == IdentityKind::External && own == Word::Silent;
        let disagrees = |other: &&IdentityKey| self.word(other, lead) == Word::Another;
        let against = self.keys.iter().filter(|other| if open_id { *other != key } else { other.kind < key.kind });
        if against.into_iter().any(|other| disagrees(&other)) {
            return Match::Other;
        }
        match own {
            Word::Former => Match::Formerly,
            Word::Silent if open_id && self.may_be_the_same(key, lead) => Match::Perhaps,
            Word::Silent if open_id => Match::Other,
            Word::Another if key.kind == IdentityKind::External => Match::Other,
            Word::Another | Word::Silent => Match::Formerly,
            Word::Same => Match::Now,
        }
    }

    /// Whether a lead has this key now, whoever the event is about.
    pub fn is_had_by(&self, key: &IdentityKey, lead: &Lead) -> bool {
        self.word(key, lead) == Word::Same
    }

    fn word(&self, key: &IdentityKey, lead: &Lead) -> Word {
        // An id is its source's: where that knows the lead by none, a former one is another source's.
        let of_source = key.kind != IdentityKind::External || lead.external_id_of(self.source).is_some();
        if of_source && lead.former.contains(key) {
            return Word::Former;
        }
        let profile = &lead.profile;
        let own = match key.kind {
            IdentityKind::External => lead.external_id_of(self.source),
            IdentityKind::Email => profile.email.as_deref(),
            IdentityKind::Phone => profile.phone.as_deref(),
        };
        match own {
            None => Word::Silent,
            Some(own) if own == key.value => Word::Same,
            // Kept by older rules, or read for another country.
            Some(own) if IdentityKey::of(key.kind, own, lead.country().or(self.country)).as_ref() == Some(key) => {
                Word::Same
            }
            Some(_) => Word::Another,
        }
    }

    /// Whether one of the two ids names no system that it is of.
    fn may_be_the_same(&self, key: &IdentityKey, lead: &Lead) -> bool {
        self.source == OPEN_SOURCE || lead.external_id_of(OPEN_SOURCE) == Some(key.value.as_str())
    }
}

/// The keys of a lead, strongest first.
pub fn keys(profile: &Profile, country: Option<Country>) -> Vec<IdentityKey> {
    let Profile { external_id, email, phone, .. } = profile;
    let named = [(IdentityKind::External, external_id), (IdentityKind::Email, email), (IdentityKind::Phone, phone)];
    named.into_iter().filter_map(|(kind, text)| IdentityKey::of(kind, text.as_deref()?, country)).collect()
}

/// The fields that say which account a lead is of: those that [`account`] looks at.
pub(crate) const ACCOUNT_FIELDS: [&str; 3] = ["company", "domain", "email"];

/// The account a lead belongs to: by the registered domain of its web address, else of its mail, providers of free mail
/// left out, else by its company's name. The id derives from the key, so two leads of one company agree without a look-up.
pub fn account(profile: &Profile) -> Option<(AccountId, String)> {
    let Profile { company, domain: given_domain, email, .. } = profile;
    let own = |text: &Option<String>| text.as_deref().and_then(domain).filter(|domain| !is_free_mail(domain));
    let company = company.as_deref().map(|name| identity::plain(name).split_whitespace().collect::<Vec<_>>().join(" "));
    let company = company.filter(|name| !name.is_empty());
    let domain = own(given_domain).or_else(|| own(email));
    let key = domain.as_ref().map(|domain| format!("domain:{domain}"));
    let key = key.or_else(|| company.as_ref().map(|name| format!("name:{}", name.to_lowercase())))?;
    Some((AccountId::of_key(&key), company.or(domain)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_field_says_which_account_it_is() {
        let custom = std::collections::BTreeMap::new();
        for info in crate::field::STANDARD_FIELDS {
            let mut profile = Profile::default();
            let set = ["acme.example", "ada@acme.example"]
                .into_iter()
                .any(|text| profile.set(info.name, crate::value::Value::Text(text.to_owned()), &custom).is_ok());
            let says = set && account(&profile).is_some();
            assert_eq!(says, ACCOUNT_FIELDS.contains(&info.name), "{}", info.name);
        }
    }

    #[test]
    fn colleagues_share_an_account_and_free_mail_does_not() {
        let same: &[&[(&str, &str)]] = &[
            &[("email", "ada@acme.example")],
            &[("email", "Bob@ACME.example"), ("company", "Acme Inc")],
            &[("email", "cy@mail.acme.example")],
            &[("domain", "https://acme.example/contact")],
            &[("domain", "www.acme.example")],
            &[("domain", "acme.example."), ("email", "dee@gmail.com")],
            &[("domain", "HTTP://user:secret@Acme.Example:8080/?q=1")],
            &[("domain", "\u{FEFF}acme.example\u{200B}")],
            &[("domain", "gmail.com"), ("email", "ed@acme.example")],
        ];
        let of = |fields: &[(&str, &str)]| {
            let mut profile = Profile::default();
            for (field, text) in fields {
                profile
                    .set(field, crate::value::Value::Text((*text).to_owned()), &Default::default())
                    .expect("it fits");
            }
            account(&profile)
        };
        let expected = Some(AccountId::of_key("domain:acme.example"));
        for fields in same {
            assert_eq!(of(fields).map(|(id, _)| id), expected, "{fields:?}");
        }
        for mail in ["ada@gmail.com", "ada@yahoo.co.uk", "ada@outlook.de", "ada@orange.fr", "ada@hotmail.com.tr"] {
            assert_eq!(of(&[("email", mail)]), None, "{mail}: a provider of free mail is no company");
            let named = of(&[("email", mail), ("company", " Acme\u{A0}  Inc ")]);
            assert_eq!(
                named,
                Some((AccountId::of_key("name:acme inc"), "Acme Inc".to_owned())),
                "{mail}: the name serves"
            );
        }
    }
}
