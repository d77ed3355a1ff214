//! Which lead an event is about, when one or more leads have a key that the event names.
//!
//! A weaker key finds a lead only when no stronger key of the event and the lead disagrees. Two colleagues with one
//! switchboard number are told apart by their addresses, and two entries of a CRM with one `info@` address by their
//! ids.

use crate::country::Country;
use crate::field::Profile;
use crate::id::AccountId;
use crate::identity::{self, IdentityKey, IdentityKind, domain, is_free_mail};
use crate::lead::Lead;

/// The source of events from our own API, for which no system is named that the ids belong to.
pub const OPEN_SOURCE: &str = "api";

/// The keys that an event names, with their context.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The event's keys, strongest first.
    pub keys: &'a [IdentityKey],
    /// The event's source. External ids belong to their source.
    pub source: &'a str,
    /// The country for telephone numbers that name none.
    pub country: Option<Country>,
}

/// How well a lead that has a key matches an event that names it. A greater value is a better match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// The lead is a different person with the same key.
    Other,
    /// The lead had the key, and now has another one.
    Formerly,
    /// The lead has this id, but it is unknown to which system one of the two ids belongs.
    Perhaps,
    /// The lead has the key.
    Now,
}

/// How a lead's own data compares with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// The lead has the key.
    Same,
    /// The lead had the key.
    Former,
    /// The lead has another key of this kind.
    Another,
    /// The lead has no comparable key of this kind.
    Silent,
}

impl Named<'_> {
    /// How well a lead that was found by `key`, one of the event's keys, matches the event.
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

    /// Whether a lead has this key now, whichever lead the event is about.
    pub fn is_had_by(&self, key: &IdentityKey, lead: &Lead) -> bool {
        self.word(key, lead) == Word::Same
    }

    fn word(&self, key: &IdentityKey, lead: &Lead) -> Word {
        // An id belongs to its source. If this source knows no id for the lead, a former id came from another source.
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
            // The lead's key was kept by older rules, or read with another country.
            Some(own) if IdentityKey::of(key.kind, own, lead.country().or(self.country)).as_ref() == Some(key) => {
                Word::Same
            }
            Some(_) => Word::Another,
        }
    }

    /// Whether it is unknown to which system one of the two ids belongs.
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

/// The fields that determine a lead's account: those that [`account`] looks at.
pub(crate) const ACCOUNT_FIELDS: [&str; 3] = ["company", "domain", "email"];

/// The account to which a lead belongs: by the registrable domain of its web address, else by that of its mail address
/// (unless it is a free-mail provider's), else by the company's name. The id derives from the key, so that two leads of
/// one company agree without a look-up.
pub fn account(profile: &Profile) -> Option<(AccountId, String)> {
    account_of(profile.company.as_deref(), profile.domain.as_deref(), profile.email.as_deref())
}

/// The account to which a lead with these fields would belong.
pub(crate) fn account_of(
    company: Option<&str>,
    given_domain: Option<&str>,
    email: Option<&str>,
) -> Option<(AccountId, String)> {
    let own = |text: Option<&str>| text.and_then(domain).filter(|domain| !is_free_mail(domain));
    let company = company.map(|name| identity::plain(name).split_whitespace().collect::<Vec<_>>().join(" "));
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
