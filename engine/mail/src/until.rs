//! Until when somebody is away, in the words of out-of-office messages: dates in English, German, French and Spanish,
//! and what stands before them. A date that could be two days is taken only when one of them is near.

use crate::{UNTIL_DAYS_MAX, text};
use cadenza_core::date::Date;

/// Bytes of a message that are looked through.
const BYTES_MAX: usize = 8 * 1024;
/// How near one reading of `05/12/2026` has to be, in days, while the other is not.
const NEAR_DAYS: i64 = 60;

/// Months by how they begin in the four languages, in lower case.
const MONTHS: [(&str, i8); 40] = [
    ("jan", 1),
    ("jän", 1),
    ("ene", 1),
    ("feb", 2),
    ("fév", 2),
    ("fev", 2),
    ("mar", 3),
    ("mär", 3),
    ("mrz", 3),
    ("apr", 4),
    ("avr", 4),
    ("abr", 4),
    ("may", 5),
    ("mai", 5),
    ("jun", 6),
    ("juin", 6),
    ("jul", 7),
    ("juil", 7),
    ("aug", 8),
    ("aoû", 8),
    ("aou", 8),
    ("ago", 8),
    ("sep", 9),
    ("set", 9),
    ("oct", 10),
    ("okt", 10),
    ("nov", 11),
    ("dec", 12),
    ("dez", 12),
    ("déc", 12),
    ("dic", 12),
    ("january", 1),
    ("januar", 1),
    ("janvier", 1),
    ("enero", 1),
    ("march", 3),
    ("märz", 3),
    ("mars", 3),
    ("marzo", 3),
    ("maerz", 3),
];
/// Words before the first day on which somebody is back.
const BACK: [&str; 33] = [
    "back",
    "return",
    "returns",
    "returning",
    "again",
    "available",
    "resume",
    "reachable",
    "wieder",
    "zurück",
    "zurueck",
    "retour",
    "reviendrai",
    "rentrerai",
    "revenir",
    "vuelta",
    "regreso",
    "regresaré",
    "regresare",
    "volveré",
    "volvere",
    "vuelvo",
    "incorporaré",
    "reincorporo",
    "reincorporaré",
    "disponible",
    "erreichbar",
    "ab",
    "dès",
    "partir",
    "starting",
    "onwards",
    "estaré",
];
/// Words before the last day on which somebody is away.
const LAST: [&str; 16] = [
    "until",
    "till",
    "til",
    "thru",
    "through",
    "to",
    "and",
    "bis",
    "einschließlich",
    "inkl",
    "jusqu'au",
    "jusqu",
    "au",
    "hasta",
    "al",
    "y",
];
/// Words before the first day on which somebody is away.
const FIRST: [&str; 11] =
    ["from", "since", "starting", "between", "vom", "von", "seit", "du", "depuis", "desde", "del"];

/// What the word before a date says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Back,
    Last,
    First,
}

/// The first day on which somebody is there again, as a message of this day says.
pub(crate) fn read(text: &str, written: Date) -> Option<Date> {
    let text = text::head(text, BYTES_MAX).to_lowercase().replace('\u{2019}', "'").replace("jusqu'au", "jusqu au");
    let words = words(&text);
    let (mut back, mut last) = (None, None);
    let (mut role, mut sentence) = (None, Sentence::default());
    let mut at = 0;
    while at < words.len() {
        if let Some((date, length)) = date(&words[at..], written) {
            let role_here = role.take().or_else(|| sentence.back.then_some(Role::Back));
            match role_here {
                Some(Role::Back) if back.is_none() && date > written => back = Some(date),
                Some(Role::Last) => last = Some(date).max(last),
                None => sentence.unsaid = sentence.unsaid.or(Some(date)),
                _ => {}
            }
            at += length;
            continue;
        }
        let word = words[at];
        if BACK.contains(&word) {
            (role, sentence.back) = (Some(Role::Back), true);
            // `Am 7. Dezember bin ich wieder da` says it after the date.
            if matches!(word, "wieder" | "zurück" | "zurueck") {
                back = back.or_else(|| sentence.unsaid.take());
            }
        } else if LAST.contains(&word) {
            // `I return to the office on …` and `will not return until …` name the first day.
            let is_joined = matches!(word, "to" | "and" | "y" | "au" | "al") || words[..at].ends_with(&["return"]);
            if !(is_joined && role == Some(Role::Back)) {
                role = Some(Role::Last);
            }
        } else if FIRST.contains(&word) && role != Some(Role::Back) {
            role = Some(Role::First);
        } else if word == "." {
            (role, sentence) = (None, Sentence::default());
        }
        at += 1;
    }
    let until = back.or_else(|| last?.plus_days(1))?;
    let days = until.days_since(written);
    (1..=UNTIL_DAYS_MAX).contains(&days).then_some(until)
}

#[derive(Default)]
struct Sentence {
    /// Whether the sentence has said that somebody is back.
    back: bool,
    /// A date of which the sentence has not said what it is.
    unsaid: Option<Date>,
}

/// Words and numbers; a dot that ends a sentence is a word.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for piece in
        text.split(|c: char| c.is_whitespace() || ",;:()!?\"<>[]".contains(c)).filter(|piece| !piece.is_empty())
    {
        let plain = piece.trim_end_matches('.');
        if !plain.is_empty() {
            words.push(piece.trim_end_matches('.'));
        }
        // `7.` and `Dez.` end no sentence.
        if piece.ends_with('.')
            && !plain.bytes().last().is_some_and(|byte| byte.is_ascii_digit())
            && month(plain).is_none()
        {
            words.push(".");
        }
    }
    words
}

/// The date with which the words begin, and how many words it takes.
fn date(words: &[&str], written: Date) -> Option<(Date, usize)> {
    let first = *words.first()?;
    if let Some(date) = numeric(first, written) {
        return Some((date, 1));
    }
    // The day of the week, and `the`, `dem`, `le`, stand before dates and say nothing.
    if let Some(month) = month(first) {
        // December 7th, 2026
        let day = day(words.get(1)?)?;
        let year = words.get(2).and_then(|word| year(word));
        return Some((complete(year, month, day, written)?, 2 + usize::from(year.is_some())));
    }
    let day = day(first)?;
    let mut next = 1;
    if matches!(words.get(next), Some(&("of" | "de"))) {
        next += 1;
    }
    let month = month(words.get(next)?)?;
    next += 1;
    let skip = usize::from(matches!(words.get(next), Some(&("de" | "del"))));
    let year = words.get(next + skip).and_then(|word| year(word));
    let length = if year.is_some() { next + skip + 1 } else { next };
    Some((complete(year, month, day, written)?, length))
}

/// A date in digits: `2026-12-07`, `7.12.2026`, `7.12`, `07/12/2026`.
fn numeric(word: &str, written: Date) -> Option<Date> {
    if let Some(date) = Date::parse(word) {
        return Some(date);
    }
    let number = |part: &str| part.parse::<i16>().ok().filter(|_| part.len() <= 4);
    let of = |mark: char| {
        let parts: Vec<i16> = word.split(mark).map(number).collect::<Option<_>>()?;
        (2..=3).contains(&parts.len()).then_some(parts)
    };
    if let Some(parts) = of('.') {
        return complete(parts.get(2).copied(), i8::try_from(parts[1]).ok()?, i8::try_from(parts[0]).ok()?, written);
    }
    let parts = of('/').or_else(|| of('-')).filter(|parts| parts.len() == 3)?;
    let (a, b) = (i8::try_from(parts[0]).ok()?, i8::try_from(parts[1]).ok()?);
    let [day_first, month_first] = [(b, a), (a, b)].map(|(month, day)| complete(Some(parts[2]), month, day, written));
    let is_near = |date: &Date| (0..=NEAR_DAYS).contains(&date.days_since(written));
    match (day_first, month_first) {
        (Some(one), Some(other)) if one == other => Some(one),
        (Some(one), Some(other)) => match (is_near(&one), is_near(&other)) {
            (true, false) => Some(one),
            (false, true) => Some(other),
            _ => None,
        },
        (one, other) => one.or(other),
    }
}

fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches('.');
    let known = |(name, month): &(&str, i8)| (word == *name).then_some(*month);
    // Names of months in the four languages begin like this, and few other words have their length.
    let begins = |(name, month): &(&str, i8)| (word.starts_with(name) && is_month(word)).then_some(*month);
    MONTHS.iter().find_map(known).or_else(|| MONTHS.iter().rev().find_map(begins))
}

/// The whole names, so that `marketing` is no March.
fn is_month(word: &str) -> bool {
    const NAMES: &str = " january february march april may june july august september sept october november december \
        januar jänner februar märz april mai juni juli august september oktober november dezember \
        janvier février fevrier mars avril mai juin juillet août aout septembre octobre novembre décembre decembre \
        enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre \
        janv févr juil déc sept ";
    NAMES.contains(&format!(" {word} "))
}

fn day(word: &str) -> Option<i8> {
    let digits = word.trim_end_matches(|c: char| c.is_alphabetic() || c == '.' || c == 'º');
    let ending = &word[digits.len()..];
    let is_ordinal = ["", ".", "st", "nd", "rd", "th", "er", "º"].contains(&ending);
    digits.parse().ok().filter(|day| is_ordinal && digits.len() <= 2 && (1..=31).contains(day))
}

fn year(word: &str) -> Option<i16> {
    word.parse().ok().filter(|year| word.len() == 4 && (2000..2200).contains(year))
}

/// A date whose year may be missing: then it is the next such day, or the one that has just passed.
fn complete(year: Option<i16>, month: i8, day: i8, written: Date) -> Option<Date> {
    const JUST_DAYS: i64 = 60;
    let of = |year: i16| Date::parse(&format!("{year:04}-{month:02}-{day:02}"));
    match year {
        Some(year @ 0..=99) => of(2000 + year),
        Some(year) => of(year),
        None => {
            let this = written.to_jiff().year();
            let soonest = of(this).filter(|date| date.days_since(written) >= -JUST_DAYS);
            soonest.or_else(|| of(this.checked_add(1)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_somebody_is_back_is_read() {
        let written = Date::parse("2026-11-30").expect("a date");
        for (text, until) in [
            ("I am out of the office until December 4, 2026.", Some("2026-12-05")),
            ("I'll be back on Monday, 7 December.", Some("2026-12-07")),
            ("I am away from 28 November to 4 December and will return on 7th of December 2026", Some("2026-12-07")),
            ("Out of office 11/28/2026 - back 12/14/2026", Some("2026-12-14")),
            ("I will be returning on Dec 7th.", Some("2026-12-07")),
            ("Back on 05/12/2026", Some("2026-12-05")),
            ("Back on 05/06/2027", None),
            ("Ich bin bis einschließlich 4. Dezember 2026 nicht im Büro.", Some("2026-12-05")),
            ("Ich bin vom 30.11. bis 04.12.2026 nicht erreichbar.", Some("2026-12-05")),
            ("Ab dem 7. Dezember bin ich wieder für Sie da.", Some("2026-12-07")),
            ("Am 7.12.2026 bin ich wieder erreichbar.", Some("2026-12-07")),
            ("Ich bin wieder am 7.12. im Büro", Some("2026-12-07")),
            ("Je suis absent jusqu'au 4 décembre inclus.", Some("2026-12-05")),
            ("Absente du 30 novembre au 4 décembre 2026. De retour le 7 décembre.", Some("2026-12-07")),
            ("Estaré fuera de la oficina hasta el 4 de diciembre de 2026.", Some("2026-12-05")),
            ("Regreso el 7 de diciembre", Some("2026-12-07")),
            ("Back on 2027-01-04", Some("2027-01-04")),
            ("I am back on January 4.", Some("2027-01-04")),
            ("I was away until November 20, 2026.", None),
            ("Back on 1 January 2099", None),
            ("I will be out starting 27.11.2026 and will not return until 08.12.2026.", Some("2026-12-08")),
            ("Back soon. Our fair is on 7 December.", None),
            ("Call me on 030 1234567 until 5.", None),
            ("", None),
        ] {
            let read = read(text, written).map(|date| date.to_string());
            assert_eq!(read.as_deref(), until, "{text}");
        }
    }
}
