//! Dates as people write them, as the moments that were meant: a day begins at midnight in the workspace's zone.

use crate::known::Known;
use crate::meant::as_date;
use cadenza_core::time::Timestamp;
use jiff::civil::DateTime;
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
