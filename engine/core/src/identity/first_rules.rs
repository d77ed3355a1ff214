//! The first version of the rules, which made the keys in older data folders. These rules serve only to find such keys
//! until they are replaced.

use super::{IdentityKey, IdentityKind};

/// The key that the first rules made from a field's text.
pub fn first_key(kind: IdentityKind, text: &str) -> Option<IdentityKey> {
    let value = match kind {
        IdentityKind::External => Some(text.trim().to_owned()).filter(|id| !id.is_empty()),
        IdentityKind::Email => email(text),
        IdentityKind::Phone => phone(text),
    };
    Some(IdentityKey { kind, version: 1, value: value? })
}

fn email(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (local, domain) = text.split_once('@')?;
    let plain = !text.contains(char::is_whitespace) && !domain.contains('@');
    (plain && !local.is_empty() && domain.len() >= 3 && text.len() <= 254).then_some(text)
}

fn phone(text: &str) -> Option<String> {
    let text = text.trim();
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
