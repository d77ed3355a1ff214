//! Telephone numbers: every spelling of a number becomes the same text, and a text that is not a number gives none.
//!
//! A library (`phonelib`) reads digits as a number of a country, with the lengths, trunk prefixes and access codes of
//! every numbering plan. This module handles the text around the digits, extensions in many languages, and texts that
//! only look like a number.

use super::placeholder::{is_no_number, is_of_films};
use super::text::plain;
use crate::country::Country;
use phonelib::PhoneNumber;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The longest text that is read, in bytes.
const TEXT_BYTES_MAX: usize = 200;
/// The fewest digits of a number without its extension. Fewer digits are an extension, an emergency number or no number.
const DIGITS_MIN: usize = 6;
/// The most digits of a number with its country code (E.164), and of an extension.
const DIGITS_MAX: usize = 15;
const EXTENSION_DIGITS_MAX: usize = 7;
/// A number without `+` that has at least this many digits may have lost its `+`.
const LOST_PLUS_DIGITS_MIN: usize = 11;

/// Words that stand before the digits of an extension, in lower case.
const EXTENSION_WORDS: &[&str] = &[
    "app",
    "apparat",
    "anexo",
    "ankn",
    "anknytning",
    "dahili",
    "doorkiesnummer",
    "durchwahl",
    "dw",
    "ext",
    "extension",
    "extensión",
    "extensao",
    "extensão",
    "extn",
    "int",
    "interno",
    "klappe",
    "kl",
    "lok",
    "lokal",
    "nebenstelle",
    "nst",
    "p",
    "poste",
    "ramal",
    "toestel",
    "tst",
    "w",
    "wew",
    "wewn",
    "x",
    "xt",
    "вн",
    "внутр",
    "доб",
    "доп",
    "内線",
    "分机",
];

/// A telephone number in E.164 (`+493012345`), with `;ext=7` when it has an extension. `country` is for a number
/// without a country code. A number whose country is not known is kept as its digits; only that spelling finds it
/// again. `None` for what is not a number: fewer than six digits, a date, an IP address, `4.42079E+11`, a placeholder
/// such as `000-000-0000` or `123456`, or two numbers in one text.
pub fn phone(text: &str, country: Option<Country>) -> Option<String> {
    let text = plain(text);
    if text.len() > TEXT_BYTES_MAX || text.contains(['$', '€', '£', '%', '°']) {
        return None;
    }
    let text = text.strip_prefix("tel:").unwrap_or(&text);
    let Parts { number, extension } = parts(text)?;
    let number = without_fraction(number.trim());
    if is_date(number) || is_ip_address(number) {
        return None;
    }
    let dialled = Dialled::of(number)?;
    let mut number = match dialled.read(country) {
        Some(known) => shown(&known)?,
        // Without a country, the meaning of the digits is not known, so they are kept.
        None if !dialled.international => dialled.digits,
        None => return None,
    };
    if let Some(extension) = extension {
        let _ = write!(number, ";ext={extension}");
    }
    Some(number)
}

/// A number and its extension, as they stand in the text.
struct Parts<'a> {
    number: Cow<'a, str>,
    extension: Option<&'a str>,
}

/// Splits a text into number and extension. Words before and after the number are dropped. `None` when a word between
/// digits does not introduce an extension.
fn parts(text: &str) -> Option<Parts<'_>> {
    let begin = text.find(|c: char| c == '+' || c.is_ascii_digit())?;
    // A bracket belongs to its digits, as in `(0)30`.
    let text = &text[text[..begin].rfind('(').filter(|at| text[*at + 1..begin].trim().is_empty()).unwrap_or(begin)..];
    if let Some((number, context)) = text.split_once(";phone-context=") {
        return of_context(number, context);
    }
    let Some(end) = text.find(ends_number) else { return Some(Parts { number: text.into(), extension: None }) };
    let (number, rest) = text.split_at(end);
    if !rest.contains(|c: char| c.is_ascii_digit()) {
        return Some(Parts { number: number.into(), extension: None }).filter(|_| !rest.contains('*'));
    }
    if let Some(extension) = extension(rest) {
        return Some(Parts { number: number.into(), extension: Some(extension).filter(|digits| !digits.is_empty()) });
    }
    None
}

const fn ends_number(c: char) -> bool {
    !matches!(c, '0'..='9' | '+' | '-' | '.' | '/' | '(' | ')' | ' ' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}')
}

/// Reads a local number of RFC 3966, with the code to which it belongs.
fn of_context<'a>(number: &str, context: &'a str) -> Option<Parts<'a>> {
    let code = context.split(';').next()?;
    let digits = number.trim_start_matches(|c: char| c == '0' || !c.is_ascii_digit());
    let extension = context.split_once(";ext=").and_then(|(_, rest)| leading_digits(rest));
    Some(Parts { number: format!("{code}{digits}").into(), extension }).filter(|_| code.starts_with('+'))
}

/// The digits of an extension, when `rest` begins with a word or sign for one and no other digits follow.
fn extension(rest: &str) -> Option<&str> {
    let rest = rest.trim_start_matches(|c| " [{<|:\"'".contains(c));
    let unsigned = rest.trim_start_matches(|c| "#,;~ .".contains(c));
    let end = unsigned.find(|c: char| !c.is_alphabetic()).unwrap_or(unsigned.len());
    let (word, behind) = unsigned.split_at(end);
    let known = if word.is_empty() {
        unsigned.len() < rest.len()
    } else {
        EXTENSION_WORDS.contains(&word.to_lowercase().as_str())
    };
    let digits = leading_digits(behind.trim_start_matches(|c: char| !c.is_alphanumeric())).filter(|_| known)?;
    let further = behind.split_once(digits)?.1.contains(|c: char| c.is_ascii_digit());
    (!further && digits.len() <= EXTENSION_DIGITS_MAX).then_some(digits)
}

fn leading_digits(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some(&text[..end]).filter(|digits| !digits.is_empty())
}

/// Repairs `442079460958.0`, a number that some program stored as a quantity.
fn without_fraction(number: &str) -> &str {
    number.strip_suffix(".0").filter(|whole| whole.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or(number)
}

/// Whether this is a date such as `2026-03-01`, `01.03.2026` or `3/1/26`: three groups that could be a day, a month and
/// a year.
fn is_date(number: &str) -> bool {
    ['-', '.', '/'].into_iter().any(|separator| {
        let groups: Vec<&str> = number.split(separator).map(str::trim).collect();
        let [first, second, third] = groups[..] else { return false };
        let within = |group: &str, digits: &[usize], most: u32| {
            digits.contains(&group.len()) && group.parse().is_ok_and(|value: u32| (1..=most).contains(&value))
        };
        let day_and_month = |one: &str, other: &str| {
            (within(one, &[1, 2], 31) && within(other, &[1, 2], 12))
                || (within(one, &[1, 2], 12) && within(other, &[1, 2], 31))
        };
        (is_year(first) && day_and_month(second, third))
            || ((is_year(third) || within(third, &[2], 99)) && day_and_month(first, second))
    })
}

fn is_year(group: &str) -> bool {
    group.len() == 4 && group.parse().is_ok_and(|year: u32| (1900..2200).contains(&year))
}

/// Whether this is an IP address. Four groups of two digits do not count as one, because Denmark and other countries
/// write numbers that way.
fn is_ip_address(number: &str) -> bool {
    let pairs = number.split('.').all(|group| group.len() == 2);
    (Ipv4Addr::from_str(number).is_ok() && !pairs) || Ipv6Addr::from_str(number).is_ok()
}

/// The digits of a number, and how they were written.
struct Dialled {
    digits: String,
    /// Whether the number began with `+`.
    international: bool,
    /// Whether nothing but digits was written.
    bare: bool,
}

impl Dialled {
    /// `None` when there are too few or too many digits, or they are a placeholder.
    fn of(number: &str) -> Option<Self> {
        let international = number.trim_start_matches(['(', ' ']).starts_with('+');
        let trunk = if international { number.find("(0)") } else { None };
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let digits = match trunk {
            // Italian numbers keep their zero; no other number in this notation does.
            Some(at) if !is_italian(&number[..at]) => digits(&number[..at]) + &digits(&number[at + 3..]),
            _ => digits(number),
        };
        let bare = number.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (DIGITS_MIN..=DIGITS_MAX + 3).contains(&digits.len()) && !is_no_number(&digits);
        let fits = fits && (international || !is_of_films(&digits));
        fits.then_some(Self { digits, international, bare })
    }

    /// Reads the digits as a number in a country.
    fn read(&self, country: Option<Country>) -> Option<PhoneNumber> {
        if self.international {
            return abroad(self.digits.strip_prefix("00").unwrap_or(&self.digits));
        }
        let at_home = country.and_then(|country| {
            let digits = if country.code() == "MX" { in_mexico(&self.digits) } else { &self.digits };
            PhoneNumber::parse_with_country(digits, country.code())
        });
        let lost_plus = self.bare && self.digits.len() >= LOST_PLUS_DIGITS_MIN && !self.digits.starts_with('0');
        let international = || abroad(&self.digits).filter(|_| lost_plus);
        // `491701234567` in Germany: a number there may be that long, but nobody writes one without its leading zero.
        let own_code = |number: &PhoneNumber| self.digits.starts_with(&number.country_code().to_string());
        let at_home = at_home.filter(|number| !self.is_dialled_as_in_america(number));
        let at_home = at_home.map(|number| international().filter(|_| own_code(&number)).unwrap_or(number));
        // The digits may begin with the prefix for calls abroad: `00` in most countries, `011` in North America.
        let dialled = || ["00", "011"].iter().filter_map(|prefix| self.digits.strip_prefix(prefix)).find_map(abroad);
        at_home.or_else(dialled).or_else(international)
    }

    /// Whether the digits are `011` followed by the code of the country for which the number was read. Nobody in that
    /// country dials that way.
    fn is_dialled_as_in_america(&self, at_home: &PhoneNumber) -> bool {
        let rest = self.digits.strip_prefix("011").filter(|rest| rest.len() >= LOST_PLUS_DIGITS_MIN);
        rest.is_some_and(|rest| rest.starts_with(&at_home.country_code().to_string()))
    }
}

/// Reads digits that begin with a country code.
fn abroad(digits: &str) -> Option<PhoneNumber> {
    let mexican = digits.strip_prefix("52").map(|rest| format!("52{}", in_mexico(rest)));
    PhoneNumber::parse(&format!("+{}", mexican.as_deref().unwrap_or(digits)))
}

/// Drops the mobile prefixes that Mexico abolished in 2019 (`1` from abroad, `044` and `045` at home). Without them it
/// is the same number.
fn in_mexico(digits: &str) -> &str {
    let without = ["1", "044", "045"].iter().find_map(|sign| digits.strip_prefix(sign));
    without.filter(|rest| rest.len() == 10).unwrap_or(digits)
}

fn is_italian(code: &str) -> bool {
    ["39", "378", "379"].contains(&code.trim_matches(|c: char| !c.is_ascii_digit()))
}

/// The number in E.164; `None` for a placeholder after a country code.
fn shown(number: &PhoneNumber) -> Option<String> {
    let text = number.e164();
    let fits = text.len() > DIGITS_MIN && text.len() <= DIGITS_MAX + 1;
    let fits = fits && !is_no_number(number.national_number());
    fits.then(|| text.to_owned())
}

/// Whether a number, in the form in which it is kept, belongs to one person: a mobile number, or one with an extension.
/// In North America, digits do not distinguish a mobile number from others, so no number there counts as mobile.
pub(super) fn is_personal(number: &str) -> bool {
    number.contains(";ext=") || PhoneNumber::parse(number).is_some_and(|number| number.is_mobile())
}
