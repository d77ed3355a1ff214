//! What is a valid name, and what an invalid number, name or value probably meant.

use crate::diagnostic::Problem;
use crate::yaml::Scalar;
use cadenza_core::value::ValueType;
use jiff::civil::Date;
use std::ops::Range;

/// The most characters a name may have.
pub(crate) const NAME_CHARS_MAX: usize = 64;

/// Whether a text can be a name.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    text.len() <= NAME_CHARS_MAX && text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The number that was meant, without thousands separators, currency and percent signs, and quotes.
pub(crate) fn plain_number(text: &str) -> Option<String> {
    let bare = text.trim().trim_matches(['$', '€', '£', '%', ' ', '+']);
    let whole = bare.split_once('.').map_or(bare, |(whole, _)| whole);
    let separator = [',', '_', ' ', '\''].into_iter().find(|c| whole.contains(*c));
    let grouped = separator.is_none_or(|c| c == '_' || whole.split(c).skip(1).all(|part| part.len() == 3));
    let (thousand, bare) = match bare.strip_suffix(['k', 'K']) {
        Some(bare) => (1_000, bare),
        None => (1, bare),
    };
    let digits: String = bare.chars().filter(|c| Some(*c) != separator).collect();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    let number = digits.parse::<f64>().ok().filter(|number| grouped && plain && number.is_finite())?;
    Some(if thousand == 1 { digits } else { (number * f64::from(thousand)).to_string() })
}

/// The number that was meant if the point separates thousands, as in `10.000`; `None` if it can only be a decimal point.
pub(crate) fn thousands(text: &str) -> Option<String> {
    let (whole, rest) = text.strip_prefix('-').unwrap_or(text).split_once('.')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = (1..=3).contains(&whole.len()) && rest.len() == 3 && digits(whole) && digits(rest);
    (fits && !whole.starts_with('0')).then(|| text.replace('.', ""))
}

/// Warns of a number that many readers would read as a different number.
pub(crate) fn perhaps_thousands(text: &str, at: Range<usize>) -> Option<Problem> {
    let thousands = thousands(text)?;
    let number = text.parse::<f64>().ok()?;
    let problem =
        Problem::warning("ambiguous-number", at, format!("`{text}` is {number} here: the point is a decimal point"));
    let help = format!("write `{thousands}` without a point when that is meant, else `{number:?}`");
    Some(problem.help(help).replace(thousands))
}

/// What a value that is not of this type probably meant.
pub(crate) fn meant(scalar: &Scalar, kind: ValueType) -> Option<String> {
    match kind {
        ValueType::Int => {
            let number = thousands(&scalar.text).or_else(|| plain_number(&scalar.text))?;
            let whole = number.split_once('.').map_or(number.as_str(), |(whole, rest)| {
                if rest.bytes().all(|byte| byte == b'0') { whole } else { "" }
            });
            whole.parse::<i64>().is_ok().then(|| whole.to_owned())
        }
        ValueType::Number => plain_number(&scalar.text),
        ValueType::Date => as_date(&scalar.text).map(|date| date.to_string()),
        _ => None,
    }
}

/// What `9am`, `9 pm` or `9` were meant to be.
pub(crate) fn meant_time(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (number, later) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(number), _) => (number, 0),
        (_, Some(number)) => (number, 12),
        _ => (text.as_str(), 0),
    };
    let (hour, minute) = number.trim().split_once([':', '.']).unwrap_or((number.trim(), "00"));
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = if text.ends_with('m') { hour % 12 + later } else { hour };
    (hour < 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
}

/// `2026-12-01`, `2026/12/01`, `1.12.2026`, `25/12/2026`; none when day and month could be either.
pub(crate) fn as_date(written: &str) -> Option<Date> {
    let written = written.trim();
    let parts: Vec<&str> = written.split(['-', '/', '.']).collect();
    let [first, second, third] = parts[..] else { return None };
    let number = |text: &str| text.parse::<i16>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (a, b, c) = (number(first)?, number(second)?, number(third)?);
    let date =
        |year: i16, month: i16, day: i16| Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
    match (first.len(), third.len()) {
        (4, _) => date(a, b, c),
        (_, 4) if written.contains('.') || a > 12 => date(c, b, a),
        (_, 4) if b > 12 || a == b => date(c, a, b),
        _ => None,
    }
}

/// The closest valid name for a text: lower case, letters without their marks, and `joint` for anything that is not a
/// letter or digit.
pub(crate) fn slug(text: &str, joint: char) -> Option<String> {
    let mut slug = String::new();
    for c in text.trim().chars() {
        match plain_letters(c) {
            Some(letters) => slug.push_str(letters),
            None if c.is_ascii_alphanumeric() => slug.push(c.to_ascii_lowercase()),
            None if c == '_' || (c == '-' && joint == '-') => slug.push(c),
            None if !slug.ends_with(joint) => slug.push(joint),
            None => {}
        }
    }
    let slug = slug.trim_matches(['-', '_']).to_owned();
    (!slug.is_empty() && slug.len() <= NAME_CHARS_MAX).then_some(slug)
}

/// The closest valid header name for a text.
pub(crate) fn header_like(text: &str) -> Option<String> {
    let parts: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("-"))
}

/// A letter with a mark, as people write it whose keyboard does not have it.
fn plain_letters(c: char) -> Option<&'static str> {
    Some(match c.to_lowercase().next()? {
        'ä' | 'æ' => "ae",
        'ö' | 'ø' | 'œ' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'à' | 'á' | 'â' | 'ã' => "a",
        'å' => "aa",
        'ç' | 'č' | 'ć' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'ě' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ñ' | 'ń' => "n",
        'ò' | 'ó' | 'ô' | 'õ' => "o",
        'š' | 'ś' => "s",
        'ù' | 'ú' | 'û' | 'ů' => "u",
        'ý' | 'ÿ' => "y",
        'ž' | 'ż' | 'ź' => "z",
        'ł' => "l",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_read_as_they_were_meant_or_not_at_all() {
        for (written, number) in [
            ("10,000", Some("10000")),
            ("1_000", Some("1000")),
            ("1,000,000", Some("1000000")),
            ("$500", Some("500")),
            ("500 €", Some("500")),
            ("50%", Some("50")),
            ("10k", Some("10000")),
            ("1,000.50", Some("1000.50")),
            ("250", Some("250")),
            ("1,00", None),
            ("ten", None),
            ("", None),
            ("1.2.3", None),
        ] {
            assert_eq!(plain_number(written).as_deref(), number, "the number `{written}`");
        }
        for (written, name) in [
            ("Hand Back", Some("hand-back")),
            ("Gespräch führen", Some("gespraech-fuehren")),
            ("  Straße  7 ", Some("strasse-7")),
            ("first_call", Some("first_call")),
            ("Café/Łódź", Some("cafe-lodz")),
            ("!!!", None),
            ("電話", None),
        ] {
            assert_eq!(slug(written, '-').as_deref(), name, "the name `{written}`");
        }
    }

    #[test]
    fn dates_are_read_as_they_were_meant_or_not_at_all() {
        for (written, expected) in [
            ("2026-12-01", Some("2026-12-01")),
            ("2026/12/01", Some("2026-12-01")),
            ("2026.12.1", Some("2026-12-01")),
            ("1.12.2026", Some("2026-12-01")),
            ("25/12/2026", Some("2026-12-25")),
            ("12/25/2026", Some("2026-12-25")),
            ("12-25-2026", Some("2026-12-25")),
            ("5/5/2026", Some("2026-05-05")),
            ("01/02/2026", None),
            ("2026-13-01", None),
            ("10.5", None),
            ("2026", None),
            ("a-b-c", None),
        ] {
            assert_eq!(as_date(written).map(|date| date.to_string()).as_deref(), expected, "`{written}`");
        }
    }
}
