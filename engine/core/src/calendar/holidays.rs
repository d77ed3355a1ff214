//! Public holidays of countries and their regions by name: `US`, `US-CA`, `DE-BY`.
//!
//! The days stand in a table that a script makes; its first lines say where they are from. A region has the days of its
//! country, unless the table takes some away.

use crate::country::Country;
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeSet;

const TABLE: &str = include_str!("holidays/table.txt");

/// The years of which the table knows the holidays.
pub const FIRST_YEAR: i16 = 2024;
/// The last of those years.
pub const LAST_YEAR: i16 = 2035;

/// The table ends soon: calendars that name holidays are open on those of later years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("public holidays by name are known to this program up to {until} only: install a newer one in time")]
pub struct HolidaysEnd {
    /// The last year of the table.
    pub until: i16,
}

/// The holidays of a country or region from [`FIRST_YEAR`] to [`LAST_YEAR`]; `None` when the table does not have it.
pub fn days(name: &str) -> Option<BTreeSet<Date>> {
    let (_, _, own) = row(name)?;
    let easter = easter()?;
    let mut days = BTreeSet::new();
    let country = name.split_once('-').and_then(|(country, _)| row(country)).map(|(_, _, days)| days);
    for rule in country.unwrap_or_default().split(' ').chain(own.split(' ')).filter(|rule| !rule.is_empty()) {
        match rule.strip_prefix('-') {
            Some(rule) => read(rule, &easter).iter().for_each(|day| _ = days.remove(day)),
            None => days.extend(read(rule, &easter)),
        }
    }
    Some(days)
}

/// Every name, countries before their regions.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    rows().map(|(code, _, _)| code)
}

/// The name that somebody meant who wrote it in another way, or wrote out what it stands for.
pub fn meant(text: &str) -> Option<&'static str> {
    let folded = text.trim().to_uppercase().replace(['_', '/', '.', ' '], "-");
    let is_called = |(code, called, _): &(&str, &str, &str)| {
        code.eq_ignore_ascii_case(&folded) || called.split(", ").any(|name| same(name, text))
    };
    let code = rows().find(is_called).map(|(code, _, _)| code);
    code.or_else(|| {
        let country = |text: &str| Country::parse(text).and_then(|country| Some(row(country.code())?.0));
        country(text).or_else(|| {
            // `US-California`, `Germany, Bavaria`
            let (first, rest) = text.split_once([',', '-', ' ', '/'])?;
            let (country, rest) = (country(first)?, rest.trim());
            let mut regions = rows().filter(|(code, _, _)| code.split_once('-').is_some_and(|(of, _)| of == country));
            let is_meant = |(code, called, _): &(&str, &str, &str)| {
                code[country.len() + 1..].eq_ignore_ascii_case(rest) || called.split(", ").any(|name| same(name, rest))
            };
            regions.find(is_meant).map(|(code, _, _)| code)
        })
    })
}

fn same(one: &str, other: &str) -> bool {
    !one.is_empty() && one.to_lowercase() == other.trim().to_lowercase()
}

/// The lines of the table: code, names, days. The first is Easter, whose code no country has.
fn all_rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> + Clone {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (code, rest) = line.split_once(" | ")?;
        let (called, days) = rest.split_once('|')?;
        Some((code, called.trim(), days.trim()))
    })
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> + Clone {
    all_rows().skip(1)
}

fn row(name: &str) -> Option<(&'static str, &'static str, &'static str)> {
    rows().find(|(code, _, _)| *code == name)
}

/// The Easter Sundays of the table's years.
fn easter() -> Option<Vec<Date>> {
    let (_, _, days) = all_rows().next()?;
    Some(days.split(' ').flat_map(|rule| read(rule, &[])).collect())
}

/// The days of a rule: `0704`, `E-2`, `0102:34`, `1227:27,32-33`.
fn read(rule: &str, easter: &[Date]) -> Vec<Date> {
    if let Some(distance) = rule.strip_prefix('E').and_then(|distance| distance.parse::<i64>().ok()) {
        return easter.iter().map(|sunday| sunday.saturating_add(distance.days())).collect();
    }
    let (day, years) = rule.split_once(':').unwrap_or((rule, ""));
    let (month, day) = day.split_at_checked(2).unwrap_or_default();
    let years: Vec<i16> = match years {
        "" => (FIRST_YEAR..=LAST_YEAR).collect(),
        some => some.split(',').filter_map(span_of_years).flatten().collect(),
    };
    let date = |year| Date::new(year, month.parse().ok()?, day.parse().ok()?).ok();
    years.into_iter().filter_map(date).collect()
}

/// `24`, or `26-28`.
fn span_of_years(text: &str) -> Option<std::ops::RangeInclusive<i16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(2000 + first.parse::<i16>().ok()?..=2000 + last.parse::<i16>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holidays_are_those_of_the_country_and_region() {
        for (name, date, expected, why) in [
            ("US", "2026-07-03", true, "Independence Day, observed on Friday because the 4th is a Saturday"),
            ("US", "2026-07-04", true, "and on the day itself"),
            ("US", "2027-07-05", true, "observed on Monday"),
            ("US", "2025-07-03", false, "on no other day when the 4th is a Friday"),
            ("US", "2026-11-26", true, "Thanksgiving"),
            ("US", "2026-10-12", true, "Columbus Day"),
            ("US-CA", "2026-10-12", false, "which California does not have"),
            ("US-CA", "2026-03-31", true, "but it has this"),
            ("DE", "2026-04-03", true, "Good Friday"),
            ("DE", "2026-06-04", false, "Corpus Christi is no holiday of all Germany"),
            ("DE-BY", "2026-06-04", true, "but of Bavaria"),
            ("DE-BY", "2026-10-03", true, "a region has the days of its country"),
            ("DE-BE", "2025-05-08", true, "once only"),
            ("DE-BE", "2026-05-08", false, "and not again"),
            ("GB", "2026-08-31", false, "Scotland has no holiday then"),
            ("GB-ENG", "2026-08-31", true, "England has one"),
            ("GB-SCT", "2026-11-30", true, "St Andrew's Day"),
            ("AT", "2035-10-26", true, "the last year"),
            ("AT", "2024-10-26", true, "and the first"),
            ("AT", "2036-10-26", false, "beyond the table"),
        ] {
            let days = days(name).unwrap_or_else(|| panic!("`{name}` is in the table"));
            assert_eq!(days.contains(&date.parse().unwrap()), expected, "{name} on {date}: {why}");
        }
        for unknown in ["", "E", "us", "XX", "US-", "US-XX", "US-CA-X", "-BY", "DEBY", "Germany"] {
            assert_eq!(days(unknown), None, "`{unknown}` is no name of the table");
        }
    }

    #[test]
    fn what_was_meant_is_found() {
        for (text, expected) in [
            ("us", Some("US")),
            ("de_by", Some("DE-BY")),
            ("DE BY", Some("DE-BY")),
            ("Germany", Some("DE")),
            ("USA", Some("US")),
            ("UK", Some("GB")),
            ("Bayern", Some("DE-BY")),
            ("US-California", Some("US-CA")),
            ("USA, Texas", Some("US-TX")),
            ("Scotland", Some("GB-SCT")),
            ("E", None),
            ("Atlantis", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(meant(text), expected, "what `{text}` means");
        }
    }

    /// Whoever makes the table anew for other years has to say so here.
    #[test]
    fn the_table_has_these_years_and_reads_whole() {
        assert!(TABLE.lines().next().is_some_and(|line| line.contains(&format!("{FIRST_YEAR} to {LAST_YEAR}"))));
        assert_eq!(all_rows().count(), TABLE.lines().filter(|line| !line.starts_with('#')).count());
        let easter = easter().unwrap();
        assert_eq!(easter.len(), usize::try_from(LAST_YEAR - FIRST_YEAR).unwrap() + 1);
        for (code, _, rules) in rows() {
            for rule in rules.split(' ').filter(|rule| !rule.is_empty()) {
                let days = read(rule.trim_start_matches('-'), &easter);
                assert!(!days.is_empty(), "{code}: `{rule}` says no day");
                let years = FIRST_YEAR..=LAST_YEAR;
                assert!(days.iter().all(|day| years.contains(&day.year())), "{code}: `{rule}` is of other years");
            }
            let country = code.split('-').next().unwrap_or_default();
            assert!(Country::of_code(country).is_some(), "`{code}` is of no country");
            assert!(!days(country).unwrap().is_empty(), "{code} has no holiday");
        }
    }
}
