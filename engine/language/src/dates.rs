//! Dates as people write them, as the moments that were meant: a day begins at midnight in the workspace's zone.

use crate::known::Known;
use cadenza_core::time::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// `timestamp("…")` for a date or a time without a zone; `None` for anything else.
pub(crate) fn as_timestamp(written: &str, known: &Known<'_>) -> Option<String> {
    as_time(written, known).map(|time| format!("timestamp(\"{time}\")"))
}

/// The time with its zone, for a date or a time without one; `None` for anything else.
pub(crate) fn as_time(written: &str, known: &Known<'_>) -> Option<String> {
    let zone = known.timezone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    as_local_time(written, &zone)
}

/// The same when the zone is known.
pub(crate) fn as_local_time(written: &str, zone: &TimeZone) -> Option<String> {
    let moment = match as_date(written) {
        Some(date) => date.at(0, 0, 0, 0),
        // A text with an offset is already a time.
        None if Timestamp::parse(written).is_some() => return None,
        None => written.trim().parse::<DateTime>().ok().filter(|_| written.contains(':'))?,
    };
    let zoned = moment.to_zoned(zone.clone()).ok()?;
    Some(zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// `2026-12-01`, `2026/12/01`, `1.12.2026`, `25/12/2026`; `None` when day and month could be exchanged.
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

#[cfg(test)]
mod tests {
    use super::*;

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
