//! Numbers as people, tables and programs write them: `250.0`, `1,200`, `1.200,50`, `1 200`. If a text could mean two
//! numbers, neither is guessed.

use crate::value::Value;

/// Why a text cannot be taken as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoNumber {
    /// The text is not a number, or has a fraction where a whole number is wanted.
    Other,
    /// The text could mean either of two numbers.
    Ambiguous,
    /// The text has more digits than can be stored.
    Inexact,
}

/// From here on, a double cannot represent every whole number.
pub(crate) const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Reads a number. With `whole`, it must not have a fraction.
///
/// A dot is a decimal point, as programs write it, but `1.200` could also be a group of thousands and is refused. A
/// comma before exactly three digits separates groups; any other comma is a decimal sign.
pub fn read(text: &str, whole: bool) -> Result<Value, NoNumber> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let plain = plain(digits)?;
    let signed = if negative { format!("-{plain}") } else { plain };
    if whole { whole_number(&signed) } else { number(&signed) }
}

fn number(plain: &str) -> Result<Value, NoNumber> {
    plain.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Number).ok_or(NoNumber::Other)
}

fn whole_number(plain: &str) -> Result<Value, NoNumber> {
    if let Ok(int) = plain.parse() {
        return Ok(Value::Int(int));
    }
    match plain.parse::<f64>() {
        Ok(number) if number.abs() >= EXACT_MAX => Err(NoNumber::Inexact),
        Ok(number) if number.fract() == 0.0 => Ok(Value::Int(number as i64)),
        _ => Err(NoNumber::Other),
    }
}

/// The number in the form that Rust parses: digits, at most one point, and perhaps an exponent.
fn plain(text: &str) -> Result<String, NoNumber> {
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let machine = is_digits(power) && mantissa.chars().all(|c| c.is_ascii_digit() || c == '.');
        return if machine && mantissa.starts_with(|c: char| c.is_ascii_digit()) {
            Ok(text.to_owned())
        } else {
            Err(NoNumber::Other)
        };
    }
    let signs: Vec<char> =
        text.chars().filter(|c| !c.is_ascii_digit()).map(sign).collect::<Option<_>>().ok_or(NoNumber::Other)?;
    let groups: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).collect();
    let joined = || groups.concat();
    match signs.as_slice() {
        [] if is_digits(text) => Ok(joined()),
        ['.' | ','] if groups[0].is_empty() && is_digits(groups[1]) => decimal("0", groups[1]),
        ['.'] if in_thousands(&groups) => Err(NoNumber::Ambiguous),
        ['.'] => decimal(groups[0], groups[1]),
        [',' | ' ' | '\''] if in_thousands(&groups) => Ok(joined()),
        [','] => decimal(groups[0], groups[1]),
        [first, rest @ ..] if rest.iter().all(|sign| sign == first) && in_thousands(&groups) => Ok(joined()),
        [before @ .., last @ ('.' | ',')] => {
            let (fraction, wholes) = groups.split_last().ok_or(NoNumber::Other)?;
            let grouped = before.iter().all(|sign| *sign == before[0] && sign != last) && in_thousands(wholes);
            if grouped { decimal(&wholes.concat(), fraction) } else { Err(NoNumber::Other) }
        }
        _ => Err(NoNumber::Other),
    }
}

/// A sign that may stand between digits, in a single spelling.
fn sign(c: char) -> Option<char> {
    match c {
        '.' | ',' => Some(c),
        ' ' | '\u{A0}' | '\u{2009}' | '\u{202F}' => Some(' '),
        '\'' | '\u{2019}' => Some('\''),
        _ => None,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn decimal(whole: &str, fraction: &str) -> Result<String, NoNumber> {
    if is_digits(whole) && (fraction.is_empty() || is_digits(fraction)) {
        Ok(format!("{whole}.{fraction}"))
    } else {
        Err(NoNumber::Other)
    }
}

/// Whether these are groups of three digits, or a last group of three after groups of two, as in India. A grouped
/// number does not begin with a zero.
fn in_thousands(groups: &[&str]) -> bool {
    let [first, between @ .., last] = groups else { return false };
    let width = between.first().map_or(3, |group| group.len());
    (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && last.len() == 3
        && matches!(width, 2 | 3)
        && between.iter().all(|group| group.len() == width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_one_number_that_it_says() {
        let whole = |int| Ok(Value::Int(int));
        let number = |number| Ok(Value::Number(number));
        let (other, ambiguous, inexact) = (Err(NoNumber::Other), Err(NoNumber::Ambiguous), Err(NoNumber::Inexact));
        for (text, as_whole, as_number) in [
            ("250", whole(250), number(250.0)),
            (" 250 ", whole(250), number(250.0)),
            ("+250", whole(250), number(250.0)),
            ("-250", whole(-250), number(-250.0)),
            ("\u{2212}250", whole(-250), number(-250.0)),
            ("250.0", whole(250), number(250.0)),
            ("250.", whole(250), number(250.0)),
            ("250,00", whole(250), number(250.0)),
            ("250.5", other.clone(), number(250.5)),
            ("12,5", other.clone(), number(12.5)),
            (".5", other.clone(), number(0.5)),
            ("0.125", other.clone(), number(0.125)),
            ("0,125", other.clone(), number(0.125)),
            ("1234.567", other.clone(), number(1234.567)),
            ("1.200", ambiguous.clone(), ambiguous.clone()),
            ("250.000", ambiguous.clone(), ambiguous.clone()),
            ("1,200", whole(1_200), number(1_200.0)),
            ("-1,200", whole(-1_200), number(-1_200.0)),
            ("1,200,000", whole(1_200_000), number(1_200_000.0)),
            ("1.200.000", whole(1_200_000), number(1_200_000.0)),
            ("12,34,567", whole(1_234_567), number(1_234_567.0)),
            ("1 200", whole(1_200), number(1_200.0)),
            ("1\u{A0}200\u{A0}000", whole(1_200_000), number(1_200_000.0)),
            ("1\u{202F}200,50", other.clone(), number(1_200.5)),
            ("1'200.50", other.clone(), number(1_200.5)),
            ("1,200.50", other.clone(), number(1_200.5)),
            ("1.200,50", other.clone(), number(1_200.5)),
            ("1.200,00", whole(1_200), number(1_200.0)),
            ("1,200.00", whole(1_200), number(1_200.0)),
            ("1e3", whole(1_000), number(1_000.0)),
            ("2.5E+2", whole(250), number(250.0)),
            ("1e400", inexact.clone(), other.clone()),
            ("9007199254740993", whole(9_007_199_254_740_993), number(9_007_199_254_740_992.0)),
            ("99999999999999999999", inexact.clone(), number(1e20)),
            ("51-200", other.clone(), other.clone()),
            ("51 - 200", other.clone(), other.clone()),
            ("1,20,0", other.clone(), other.clone()),
            ("1,2,3", other.clone(), other.clone()),
            ("1.2.3", other.clone(), other.clone()),
            ("1,200.5.6", other.clone(), other.clone()),
            ("12 34", other.clone(), other.clone()),
            ("200+", other.clone(), other.clone()),
            (">200", other.clone(), other.clone()),
            ("12k", other.clone(), other.clone()),
            ("50%", other.clone(), other.clone()),
            ("$1,200", other.clone(), other.clone()),
            ("NaN", other.clone(), other.clone()),
            ("inf", other.clone(), other.clone()),
            ("infinity", other.clone(), other.clone()),
            ("e5", other.clone(), other.clone()),
            ("0x10", other.clone(), other.clone()),
            ("\u{0663}", other.clone(), other.clone()),
            ("--5", other.clone(), other.clone()),
            (",", other.clone(), other.clone()),
            ("-", other.clone(), other.clone()),
            ("", other.clone(), other.clone()),
        ] {
            assert_eq!(read(text, true), as_whole, "`{text}` as a whole number");
            assert_eq!(read(text, false), as_number, "`{text}` as a number");
        }
    }
}
