//! Names of time zones: which of them are places, and what people and other programs write for a zone.
//!
//! A workspace, calendar, schedule or rep needs a *place* ([`place`]). `EST` has one offset all year and is an hour off
//! in summer, so it is refused, with the place that was probably meant. A lead's zone comes from forms and CRMs, which
//! write Windows names, the texts of their lists, and abbreviations. [`of_lead`] understands those, or says why it does
//! not. A name that could mean clocks hours apart is never guessed at.

use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[cfg(test)]
mod tests;
pub mod whereabouts;

/// Zones under the names that Windows uses and shows. The file says where they are from.
const WINDOWS: &str = include_str!("zone/windows.txt");
/// Zones as people spell them out.
const SPOKEN: &str = include_str!("zone/spoken.txt");
/// Abbreviations, with their meaning in each country.
const ABBREVIATIONS: &str = include_str!("zone/abbreviations.txt");

/// The longest text that is read, in bytes. No name of a zone is longer.
const TEXT_BYTES_MAX: usize = 100;

/// The most places that are offered in place of a name that is not one.
const OFFERED_MAX: usize = 4;

/// How far an offset next to a name may differ from the place's own, in seconds: it may be an offset from the country's
/// past or its summer. A greater difference contradicts the name.
const OFFSET_SLACK_S: i32 = 3600;

/// IANA names that have no area but are places nevertheless: old names of countries.
const COUNTRIES: &[&str] = &[
    "Cuba",
    "Egypt",
    "Eire",
    "GB",
    "GB-Eire",
    "Hongkong",
    "Iceland",
    "Iran",
    "Israel",
    "Jamaica",
    "Japan",
    "Kwajalein",
    "Libya",
    "Navajo",
    "NZ",
    "NZ-CHAT",
    "Poland",
    "Portugal",
    "PRC",
    "ROC",
    "ROK",
    "Singapore",
    "Turkey",
    "W-SU",
];

/// Areas in which the second part of a name is a city or an island. In `US/Eastern` and `America/Indiana/Knox`, the
/// last part alone names no place.
const AREAS: &[&str] =
    &["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];

/// Last parts of IANA names that mean something else, or nothing, on their own.
const NO_CITIES: &[&str] =
    &["act", "lhi", "north", "nsw", "south", "virgin", "west", "yap", "victoria", "johnston", "samoa"];

/// Large places, one of which is suggested for an offset.
const LARGE: &[&str] = &[
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Halifax",
    "America/Puerto_Rico",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Bogota",
    "Atlantic/Azores",
    "Europe/London",
    "Africa/Accra",
    "Europe/Berlin",
    "Africa/Lagos",
    "Europe/Athens",
    "Africa/Johannesburg",
    "Europe/Istanbul",
    "Africa/Nairobi",
    "Asia/Tehran",
    "Asia/Dubai",
    "Asia/Kabul",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Dhaka",
    "Asia/Yangon",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Adelaide",
    "Australia/Brisbane",
    "Australia/Sydney",
    "Pacific/Guadalcanal",
    "Pacific/Auckland",
    "Pacific/Tongatapu",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
];

/// Why a text names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// Nothing with this name is known.
    #[error("there is no time zone `{0}`")]
    Unknown(String),
    /// The text is an offset, or (for a workspace) an abbreviation or another program's name. An offset says nothing
    /// about summer time.
    #[error("`{name}` is not the time zone of a place{}", offered(.meant))]
    NoPlace {
        /// The text as it was written.
        name: String,
        /// Places to write instead; empty when none is likelier than the others.
        meant: Vec<String>,
    },
    /// The text could mean several places whose clocks are hours apart.
    #[error("`{name}` means several time zones{}", offered(.meant))]
    Ambiguous {
        /// The text as it was written.
        name: String,
        /// The places that it could mean.
        meant: Vec<String>,
    },
    /// The place next to the offset has a different offset.
    #[error("`{name}` contradicts itself: {place} has another offset")]
    Contradiction {
        /// The text as it was written.
        name: String,
        /// The place that the words mean.
        place: String,
    },
}

impl ZoneError {
    /// What to write instead, the likeliest first.
    pub fn meant(&self) -> &[String] {
        match self {
            Self::NoPlace { meant, .. } | Self::Ambiguous { meant, .. } => meant,
            Self::Unknown(_) | Self::Contradiction { .. } => &[],
        }
    }
}

fn offered(meant: &[String]) -> String {
    match meant {
        [] => String::new(),
        [one] => format!("; write {one}"),
        [some @ .., last] => format!("; write {} or {last}", some.join(", ")),
    }
}

/// The place with this IANA name, in upper or lower case, as a zone with the correctly spelled name. UTC is allowed
/// under any of its names.
///
/// # Errors
/// When the name is not a place. The error says what to write instead where that is clear: `EST`, `GMT+5`, `Etc/GMT-3`,
/// `+02:00` and `Eastern Standard Time` are not places.
pub fn place(name: &str) -> Result<TimeZone, ZoneError> {
    if let Some(zone) = iana(name) {
        return Ok(zone);
    }
    let short = name.chars().take(TEXT_BYTES_MAX).collect::<String>();
    match of_lead(name, None) {
        // What a lead may write is not allowed as a workspace's zone, but it tells which place was meant.
        Ok(meant) => Err(ZoneError::NoPlace { name: short, meant: vec![meant.into_owned()] }),
        Err(ZoneError::Ambiguous { meant, .. }) => Err(ZoneError::NoPlace { name: short, meant }),
        Err(error) => Err(error),
    }
}

/// The IANA name of the zone that a lead gave: as IANA, Windows or a CRM's list writes it, in words, or as an
/// abbreviation, whose meaning `country` (two letters, ISO 3166) may decide.
///
/// # Errors
/// When the text names no zone, or a guess would have to choose between clocks that are hours apart.
pub fn of_lead<'t>(text: &'t str, country: Option<&str>) -> Result<Cow<'t, str>, ZoneError> {
    let text = text.trim();
    if let Some(zone) = iana(text) {
        let name = zone.iana_name().unwrap_or("UTC");
        return Ok(if name == text { Cow::Borrowed(text) } else { Cow::Owned(name.to_owned()) });
    }
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Err(ZoneError::Unknown(text.chars().take(TEXT_BYTES_MAX).collect()));
    }
    written(text, country).map(Cow::Owned)
}

/// The zone of an IANA name that is a place, or UTC.
fn iana(name: &str) -> Option<TimeZone> {
    let zone = TimeZone::get(name).ok()?;
    let known = zone.iana_name()?;
    match known {
        "UTC" | "UCT" | "Universal" | "Zulu" | "Etc/UTC" | "Etc/UCT" | "Etc/Universal" | "Etc/Zulu" => {
            Some(TimeZone::UTC)
        }
        _ if known.starts_with("Etc/") => None,
        _ => (known.contains('/') || COUNTRIES.contains(&known)).then_some(zone),
    }
}

/// Reads a text that is not simply an IANA name.
fn written(text: &str, country: Option<&str>) -> Result<String, ZoneError> {
    let (offset, words) = offset_before(text);
    let (offset, words) = match offset_after(words) {
        Some((behind, words)) => (Some(behind), words),
        None => (offset, words),
    };
    if words.is_empty() || is_fixed(words) {
        let offset = offset.or_else(|| TimeZone::get(words).ok().map(|zone| offsets(&zone)[0]));
        return Err(ZoneError::NoPlace { name: text.to_owned(), meant: offset.map(places_at).unwrap_or_default() });
    }
    let place = named(words, country)?;
    match offset {
        Some(offset) if !fits(&place, offset) => Err(ZoneError::Contradiction { name: text.to_owned(), place }),
        _ => Ok(place),
    }
}

/// Whether this is an IANA name for an offset. A name that is also an abbreviation is read as the abbreviation.
fn is_fixed(words: &str) -> bool {
    TimeZone::get(words).is_ok_and(|zone| !zone.is_unknown() && zone.iana_name() != Some("Factory"))
        && iana(words).is_none()
        && !NAMES.abbreviations.contains_key(&folded(words))
}

/// The place that these words name: as a whole, in brackets, or on either side of a dash.
fn named(words: &str, country: Option<&str>) -> Result<String, ZoneError> {
    let whole = named_whole(words, country);
    let parts = || {
        let bracketed = words
            .split_once(['(', '['])
            .and_then(|(before, rest)| Some((before, rest.rsplit_once([')', ']'])?.0)))
            .map(|(before, inside)| [inside, before]);
        let dashed = words.split_once(" - ").map(|(before, behind)| [behind, before]);
        bracketed.into_iter().chain(dashed).flatten()
    };
    match whole {
        Ok(place) => Ok(place),
        Err(error) => parts().find_map(|part| named_whole(part.trim(), country).ok()).ok_or(error),
    }
}

fn named_whole(words: &str, country: Option<&str>) -> Result<String, ZoneError> {
    let underscored = words.replace("_slash_", "/").replace(" / ", "/").replace(' ', "_");
    if let Some(zone) = iana(&underscored) {
        return Ok(zone.iana_name().unwrap_or("UTC").to_owned());
    }
    let key = folded(words);
    if let Some(abbreviation) = NAMES.abbreviations.get(key.as_str()) {
        return abbreviation.place(words, country);
    }
    let known = NAMES.places.get(&key).copied();
    let place = known.or_else(|| NAMES.places.get(&as_standard_time(&key)?).copied()).map(str::to_owned);
    place.map_or_else(|| cities(words), Ok)
}

/// Turns `eastern daylight time`, `eastern summer time` and `eastern time` into `eastern standard time`, which is the
/// name in the table.
fn as_standard_time(key: &str) -> Option<String> {
    let zone =
        [" daylight time", " summer time", " standard time", " time"].iter().find_map(|end| key.strip_suffix(end))?;
    Some(format!("{zone} standard time"))
}

/// Reads a city, or a list of cities that are all known and share a clock. `London, Ontario` is not in Europe.
fn cities(words: &str) -> Result<String, ZoneError> {
    let found: Option<Vec<&String>> = words.split([',', ';']).map(|city| NAMES.cities.get(&folded(city))).collect();
    match found.as_deref() {
        None | Some([]) => Err(ZoneError::Unknown(words.to_owned())),
        Some([first, others @ ..]) if others.iter().all(|other| same_clock(first, other)) => Ok((*first).clone()),
        Some(several) => Err(ZoneError::Ambiguous {
            name: words.to_owned(),
            meant: several.iter().take(OFFERED_MAX).map(|place| (*place).clone()).collect(),
        }),
    }
}

/// Reads `(UTC-05:00) `, `GMT+1 `, `(UTC) ` or `+02:00 ` at the front. Returns the seconds east of
/// Greenwich, and the words that follow.
fn offset_before(text: &str) -> (Option<i32>, &str) {
    let open = text.trim_start_matches(['(', '[', ' ']);
    let named = open.get(..3).filter(|name| name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case("GMT"));
    let rest = named.map_or(open, |name| open[name.len()..].trim_start());
    let words = |rest: &'_ str| &text[text.len() - rest.trim_start_matches([')', ']', '-', ',', ' ']).len()..];
    if let Some((seconds, rest)) = signed(rest) {
        return (Some(seconds), words(rest));
    }
    let is_bare = named.is_some() && open.len() < text.len() && rest.starts_with([')', ']']);
    if is_bare { (Some(0), words(rest)) } else { (None, text) }
}

/// Reads an offset in brackets at the end, as in `Eastern Time (GMT-5)`.
fn offset_after(words: &str) -> Option<(i32, &str)> {
    let (before, _) = words.rsplit_once(['(', '['])?;
    let (seconds, rest) = offset_before(&words[before.len()..]);
    (rest.is_empty() && !before.trim().is_empty()).then_some((seconds?, before.trim()))
}

/// Reads `+5`, `-05:00` or `+0530` (also with a typographic minus). Returns the seconds, and what follows.
fn signed(text: &str) -> Option<(i32, &str)> {
    let rest = text.strip_prefix(['+', '-', '\u{2212}', '\u{2013}'])?.trim_start();
    let sign = if text.starts_with('+') { 1 } else { -1 };
    let (first, rest) = digits(rest);
    let (hours, minutes, rest) = match (first.len(), rest.strip_prefix(':')) {
        (1 | 2, Some(after)) => {
            let (minutes, rest) = digits(after);
            (first, minutes, rest)
        }
        (1 | 2, None) => (first, "0", rest),
        (3 | 4, _) => (&first[..first.len() - 2], &first[first.len() - 2..], rest),
        _ => return None,
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then_some((sign * (hours * 3600 + minutes * 60), rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len())
}

/// The offsets of a zone in January and July, in seconds east of Greenwich.
fn offsets(zone: &TimeZone) -> [i32; 2] {
    // The middle of January and of July 2026.
    [1_768_435_200, 1_784_073_600]
        .map(|second| Instant::from_second(second).map_or(0, |instant| zone.to_offset(instant).seconds()))
}

fn offsets_of(place: &str) -> [i32; 2] {
    TimeZone::get(place).map_or([0; 2], |zone| offsets(&zone))
}

fn same_clock(one: &str, other: &str) -> bool {
    offsets_of(one) == offsets_of(other)
}

fn fits(place: &str, offset: i32) -> bool {
    offsets_of(place).iter().any(|own| (own - offset).abs() <= OFFSET_SLACK_S)
}

/// Large places that have this offset; those that have it in January come first.
fn places_at(offset: i32) -> Vec<String> {
    let with = |half: usize| {
        let at = LARGE.iter().filter(move |place| offsets_of(place)[half] == offset);
        at.map(|place| (*place).to_owned())
    };
    let mut found: Vec<String> = Vec::new();
    for place in with(0).chain(with(1)) {
        if found.len() < OFFERED_MAX && !found.contains(&place) {
            found.push(place);
        }
    }
    found
}

/// A name in the form used for look-ups: words in lower case, with one space between them.
fn folded(name: &str) -> String {
    let spaced: String = name
        .replace('&', " and ")
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The names that are known besides IANA's, by folded name.
struct Names {
    abbreviations: BTreeMap<String, Abbreviation>,
    places: BTreeMap<String, &'static str>,
    cities: BTreeMap<String, String>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    abbreviations: rows(ABBREVIATIONS).map(|(name, rest)| (folded(name), Abbreviation::read(rest))).collect(),
    places: [WINDOWS, SPOKEN]
        .into_iter()
        .flat_map(rows)
        .flat_map(|(place, names)| names.split('|').map(move |name| (folded(name), place)))
        .collect(),
    cities: jiff::tz::db()
        .available()
        .filter_map(|zone| Some((city(zone.as_str())?, zone.as_str().to_owned())))
        .collect(),
});

/// The lines of a table, each split into the first column and the rest.
fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once('|'))
        .map(|(first, rest)| (first.trim(), rest.trim()))
}

/// The city in an IANA name, folded.
fn city(name: &str) -> Option<String> {
    let (area, city) = name.split_once('/')?;
    let city = folded(city);
    (AREAS.contains(&area) && !name[area.len() + 1..].contains('/') && !NO_CITIES.contains(&city.as_str()))
        .then_some(city)
}

/// The meaning of an abbreviation.
struct Abbreviation {
    /// The place when the country is not known or not listed.
    usual: Option<&'static str>,
    /// The place in each country where it differs.
    by_country: Vec<(&'static str, &'static str)>,
}

impl Abbreviation {
    fn read(columns: &'static str) -> Self {
        let mut columns = columns.split('|').map(str::trim);
        let usual = columns.next().filter(|place| *place != "-");
        Self { usual, by_country: columns.filter_map(|column| column.split_once(' ')).collect() }
    }

    fn place(&self, name: &str, country: Option<&str>) -> Result<String, ZoneError> {
        let here = country.and_then(|country| {
            self.by_country.iter().find(|(code, _)| code.eq_ignore_ascii_case(country.trim())).map(|(_, place)| *place)
        });
        here.or(self.usual).map(str::to_owned).ok_or_else(|| {
            let meant = self.by_country.iter().take(OFFERED_MAX).map(|(_, place)| (*place).to_owned()).collect();
            ZoneError::Ambiguous { name: name.to_owned(), meant }
        })
    }
}
