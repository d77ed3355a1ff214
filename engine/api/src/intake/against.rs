//! Which addresses and numbers an opt-out, a bounce or a wrong number holds for: every one named with it, however many
//! are in one field, and whether they are under `lead` or `data`. None is silently left out.

use super::IntakeError;
use cadenza_core::country::Country;
use cadenza_core::event::Report;
use cadenza_core::identity::{IdentityKey, IdentityKind};
use cadenza_core::reading::{self, LeftOut, Why};
use cadenza_core::value::{Value, ValueType};
use jiff::tz::TimeZone;

/// The most addresses and numbers that one event names.
const NAMED_MAX: usize = 100;

/// Members under `data` that hold such a key, at any depth.
const NAMES: [(IdentityKind, &[&str]); 2] = [
    (IdentityKind::Email, &["email", "emails", "e-mail", "email_address", "mail"]),
    (IdentityKind::Phone, &["phone", "phones", "phone_number", "telephone", "tel", "mobile", "mobile_phone"]),
];

/// Puts the lead's address and number as `given`, and those under `data`, where the lead takes them from. `home` is the
/// country of numbers that do not name one.
pub(super) fn name(report: &mut Report, given: Vec<(String, Value)>, home: Option<Country>) -> Result<(), IntakeError> {
    if report.says_no() {
        refuse_unclear(&report.left_out)?;
    }
    let country = report.country(home);
    for (field, value) in given {
        let Some(kind) = IdentityKind::parse(&field) else { continue };
        if report.field_text(&field).is_some_and(|text| IdentityKey::of(kind, text, country).is_some()) {
            continue;
        }
        let several = Several::of(kind, &value, country);
        let mut keys = several.keys.into_iter().map(|text| (field.clone(), Value::Text(text)));
        let Some(first) = keys.next() else { continue };
        report.fields.retain(|(name, _)| *name != field);
        report.fields.push(first);
        report.also.extend(keys);
        report.left_out.retain(|left| left.field != field || several.unread);
    }
    for (kind, names) in NAMES {
        for (name, value) in &report.data {
            if !name.split('.').any(|part| names.contains(&part)) {
                continue;
            }
            let several = Several::of(kind, value, country);
            let named = |text| (kind.as_str().to_owned(), Value::Text(text));
            report.also.extend(several.keys.into_iter().map(named));
            if several.unread && name == kind.as_str() {
                let left = LeftOut::new(format!("data.{name}"), Why::Form, Some(value));
                report.left_out.push(left.wanting(wanted(kind)));
            }
        }
    }
    if report.also.len() > NAMED_MAX {
        let said = format!("{} addresses and numbers", report.also.len());
        return Err(IntakeError::Consent { field: "email", said, wanted: "at most 100 of them in one event" });
    }
    Ok(())
}

/// Refuses an event in which somebody says no, but the place that should say who cannot be read at all. The
/// sender can send it again.
fn refuse_unclear(left_out: &[LeftOut]) -> Result<(), IntakeError> {
    for left in left_out {
        let field = left.field.strip_prefix("data.").unwrap_or(&left.field);
        let unclear = match IdentityKind::parse(field) {
            Some(IdentityKind::External) => matches!(left.why, Why::Object | Why::Repeated | Why::List),
            Some(_) => matches!(left.why, Why::Object | Why::Repeated),
            None => false,
        };
        if let Some(kind) = IdentityKind::parse(field).filter(|_| unclear) {
            let wanted = if kind == IdentityKind::External { "one id" } else { "one of them, or a list" };
            return Err(IntakeError::Consent { field: kind.as_str(), said: left.words(), wanted });
        }
    }
    Ok(())
}

const fn wanted(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::Phone => "a telephone number",
        IdentityKind::Email | IdentityKind::External => "a mail address",
    }
}

/// The keys in one value.
#[derive(Debug, Default)]
struct Several {
    keys: Vec<String>,
    /// Something else may be a key too, but cannot be read.
    unread: bool,
}

impl Several {
    fn of(kind: IdentityKind, value: &Value, country: Option<Country>) -> Self {
        let mut several = Self::default();
        several.add(kind, value, country);
        several
    }

    fn add(&mut self, kind: IdentityKind, value: &Value, country: Option<Country>) {
        if let Value::List(items) = value {
            items.iter().for_each(|item| self.add(kind, item, country));
            return;
        }
        let text = match reading::read(value.clone(), ValueType::Text, &TimeZone::UTC) {
            Ok(Value::Text(text)) => text,
            Ok(_) => return,
            Err(_) => {
                self.unread = true;
                return;
            }
        };
        if self.take(kind, &text, country) {
            return;
        }
        let mut any = false;
        for part in parts(kind, &text) {
            any = true;
            self.unread |= !self.take(kind, part, country);
        }
        self.unread |= !any;
    }

    fn take(&mut self, kind: IdentityKind, text: &str, country: Option<Country>) -> bool {
        // Enough to be refused.
        if self.keys.len() > NAMED_MAX + 1 {
            return true;
        }
        let is_key = IdentityKey::of(kind, text, country).is_some();
        self.keys.extend(is_key.then(|| text.to_owned()).filter(|text| !self.keys.contains(text)));
        is_key
    }
}

/// The parts of a text that may each be a key.
fn parts(kind: IdentityKind, text: &str) -> Vec<&str> {
    const DIGITS_MIN: usize = 6;
    match kind {
        IdentityKind::Phone => {
            // Letters may separate two numbers ("or", "mobile:"), and so may a slash.
            let between = |c: char| c.is_alphabetic() || ",;|/\n\r\t&:".contains(c);
            let is_number = |part: &&str| part.chars().filter(char::is_ascii_digit).count() >= DIGITS_MIN;
            text.split(between).map(str::trim).filter(is_number).collect()
        }
        IdentityKind::Email | IdentityKind::External => {
            let between = |c: char| c.is_whitespace() || ",;|/".contains(c);
            text.split(between).filter(|part| part.contains('@')).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_in_a_value_is_found() {
        use IdentityKind::{Email, Phone};
        let text = |text: &str| Value::Text(text.to_owned());
        let list = |items: &[&str]| Value::List(items.iter().map(|item| text(item)).collect());
        for (kind, value, keys, unread) in [
            (Email, text("ada@a.example"), &["ada@a.example"][..], false),
            (Email, text("Ada Lovelace <ada@a.example>"), &["Ada Lovelace <ada@a.example>"], false),
            (Email, text("ada@a.example, bob@b.example"), &["ada@a.example", "bob@b.example"], false),
            (Email, text("ada@a.example;bob@b.example"), &["ada@a.example", "bob@b.example"], false),
            (Email, text("ada@a.example / bob@b.example"), &["ada@a.example", "bob@b.example"], false),
            (Email, text("ada@a.example bob@b.example"), &["ada@a.example", "bob@b.example"], false),
            (Email, text("ada@a.example\nbob@b.example"), &["ada@a.example", "bob@b.example"], false),
            (Email, text("Ada <ada@a.example>, Bob <bob@b.example>"), &["<ada@a.example>", "<bob@b.example>"], false),
            (Email, text("ada@a.example, bob@"), &["ada@a.example"], true),
            (Email, list(&["ada@a.example", "", "bob@b.example"]), &["ada@a.example", "bob@b.example"], false),
            (Email, list(&["ada@a.example", "ada@a.example"]), &["ada@a.example"], false),
            (Email, list(&["ada@a.example", "nobody"]), &["ada@a.example"], true),
            (Email, text("n/a"), &[], true),
            (Email, text("none@none.com"), &[], true),
            (Email, Value::Int(7), &[], true),
            (Email, Value::Blank, &[], false),
            (Phone, text("030 1234567"), &["030 1234567"], false),
            (Phone, text("030/1234567"), &["030/1234567"], false),
            (Phone, text("030 1234567 / 030 7654321"), &["030 1234567", "030 7654321"], false),
            (Phone, text("030 1234567, 0170 1234567"), &["030 1234567", "0170 1234567"], false),
            (Phone, text("030 1234567 oder 0170 1234567"), &["030 1234567", "0170 1234567"], false),
            (Phone, text("+49 30 1234567; mobil: +49 170 1234567"), &["+49 30 1234567", "+49 170 1234567"], false),
            (Phone, Value::Int(493_012_345_678), &["493012345678"], false),
            (Phone, list(&["030 1234567", "000-000-0000"]), &["030 1234567"], true),
            (Phone, text("call me"), &[], true),
        ] {
            let several = Several::of(kind, &value, Country::of_code("DE"));
            assert_eq!(
                (several.keys.as_slice(), several.unread),
                (&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>()[..], unread),
                "{value:?}"
            );
        }
    }
}
