//! Countries: how people and other programs write them, and the country in which a time zone's place lies.
//!
//! Telephone numbers are read with a country. If a text names no country, or several, none is guessed.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

const NAMES: &str = include_str!("country/names.txt");
const ZONES: &str = include_str!("country/zones.txt");

/// A country or territory, by its two-letter ISO 3166-1 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads a code of two or three letters, or a name, in upper or lower case. `None` when the text names no country.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(code) = Self::of_code(text) {
            return Some(code);
        }
        BY_NAME.get(text.to_lowercase().as_str()).copied()
    }

    /// Reads a two-letter code.
    pub fn of_code(text: &str) -> Option<Self> {
        let code: [u8; 2] = text.as_bytes().try_into().ok()?;
        let code = Self(code.map(|letter| letter.to_ascii_uppercase()));
        CODES.binary_search(&code).ok().map(|_| code)
    }

    /// Every two-letter code, sorted.
    pub fn codes() -> Vec<&'static str> {
        CODES.iter().map(Self::code).collect()
    }

    /// The country in which the place of an IANA zone lies; `None` for a zone without a place, such as UTC.
    pub fn of_zone(zone: &str) -> Option<Self> {
        let lines = records(ZONES).map(|(code, zones)| (code, zones.split(' ')));
        lines.into_iter().find_map(|(code, mut zones)| zones.any(|name| name == zone).then_some(code))
    }

    /// The two-letter code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two letters of ASCII")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Every country, sorted by its code.
static CODES: LazyLock<Vec<Country>> = LazyLock::new(|| records(NAMES).map(|(code, _)| code).collect());

/// Countries by their three-letter codes and names, in lower case.
static BY_NAME: LazyLock<HashMap<String, Country>> = LazyLock::new(|| {
    let names = records(NAMES).flat_map(|(code, names)| names.split(" | ").map(move |name| (name, code)));
    names.map(|(name, code)| (name.to_lowercase(), code)).collect()
});

/// The lines of a table, each split into a code and the rest. Lines that begin with `#` are comments.
fn records(table: &'static str) -> impl Iterator<Item = (Country, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (code, rest) = line.split_once(" | ")?;
        Some((Country(code.as_bytes().try_into().ok()?), rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn countries_are_known_by_what_people_write() {
        for (text, expected) in [
            ("DE", Some("DE")),
            (" de ", Some("DE")),
            ("DEU", Some("DE")),
            ("Germany", Some("DE")),
            ("DEUTSCHLAND", Some("DE")),
            ("USA", Some("US")),
            ("United States of America", Some("US")),
            ("UK", Some("GB")),
            ("Österreich", Some("AT")),
            ("österreich", Some("AT")),
            ("South Korea", Some("KR")),
            ("Congo", None),
            ("Virgin Islands", None),
            ("XX", None),
            ("Europe", None),
            ("", None),
            ("D", None),
        ] {
            assert_eq!(Country::parse(text).as_ref().map(Country::code), expected, "country `{text}`");
        }
    }

    #[test]
    fn zones_lie_in_countries() {
        for (zone, expected) in [
            ("Europe/Berlin", Some("DE")),
            ("Europe/Busingen", Some("DE")),
            ("Europe/Zurich", Some("CH")),
            ("America/New_York", Some("US")),
            ("US/Eastern", Some("US")),
            ("Asia/Calcutta", Some("IN")),
            ("Atlantic/Azores", Some("PT")),
            ("Africa/Timbuktu", Some("ML")),
            ("UTC", None),
            ("EST", None),
            ("Etc/GMT+5", None),
            ("Europe", None),
            ("", None),
        ] {
            assert_eq!(Country::of_zone(zone).as_ref().map(Country::code), expected, "zone `{zone}`");
        }
    }

    #[test]
    fn no_name_is_in_the_table_for_two_countries() {
        let mut seen = BTreeMap::new();
        for (code, names) in records(NAMES) {
            for name in names.split(" | ") {
                let other = seen.insert(name.to_lowercase(), code);
                assert!(other.is_none_or(|other| other == code), "`{name}` is {code} and {other:?}");
            }
        }
        assert!(CODES.is_sorted(), "codes are looked up by halving");
        for (code, _) in records(ZONES) {
            assert!(CODES.contains(&code), "{code} has zones and no name");
        }
    }
}
