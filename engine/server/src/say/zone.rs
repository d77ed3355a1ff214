//! The reader's time zone: the only place where the command line asks the machine for it. All decisions are made in the
//! zones of the workspace and its leads; this is only for reading.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The zone that `TZ` names, or else the machine's; UTC if neither is known.
#[expect(clippy::disallowed_methods, reason = "times are shown as whoever reads them reads a clock")]
pub(crate) fn of_reader() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}

/// The zone with this name; UTC if there is none.
pub(crate) fn named(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// A time as the API writes it, in words; `None` if the text is not a time.
pub(crate) fn in_words(text: &str, zone: &TimeZone) -> Option<String> {
    let at: Timestamp = as_time(text)?;
    Some(at.to_zoned(zone.clone()).strftime("%a %-d %b %Y %H:%M").to_string())
}

/// The same for a column, in which times stand one below another.
pub(crate) fn in_a_column(text: &str, zone: &TimeZone) -> Option<String> {
    let at: Timestamp = as_time(text)?;
    Some(at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string())
}

/// The API's times are RFC 3339 in UTC. Other text is left as it is, even if it could be read as a time.
fn as_time(text: &str) -> Option<Timestamp> {
    let is_ours = text.len() >= "2026-11-20T15:00:00Z".len() && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    is_ours.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_of_the_api_are_times() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        for (text, expected) in [
            ("2026-11-20T15:00:00Z", Some("2026-11-20 16:00")),
            ("2026-07-20T22:30:00.250Z", Some("2026-07-21 00:30")),
            ("2026-11-20", None),
            ("2026-11-20T15:00:00+01:00", None),
            ("call Ada at 2026-11-20T15:00:00Z", None),
            ("Zoë works at Zürich-Zoo-Z", None),
        ] {
            assert_eq!(in_a_column(text, &zone).as_deref(), expected, "{text}");
        }
        assert_eq!(in_words("2026-11-20T15:00:00Z", &zone).as_deref(), Some("Fri 20 Nov 2026 16:00"));
    }
}
