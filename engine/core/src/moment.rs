//! Times as people, tables and programs write them: RFC 3339, a plain date, a clock time without a zone, seconds or
//! milliseconds since 1970. A time without a zone is read in the zone that is passed in, usually the workspace's. The
//! meaning of `03/04/2026` is not guessed.

use crate::time::Timestamp;
use crate::value::Value;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Why a value cannot be taken as a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTime {
    /// The value is not a time.
    Other,
    /// The value could mean either of two days.
    Ambiguous,
}

/// Numbers count as times only from 1990 to 2100, so that `20261201` is not taken for a moment in 1970.
const FROM_MS: i64 = 631_152_000_000;
const TO_MS: i64 = 4_102_444_800_000;

/// Reads a value as a time. `zone` is for times that name none.
pub fn read(value: &Value, zone: &TimeZone) -> Result<Timestamp, NoTime> {
    match value {
        Value::Time(at) => Ok(*at),
        Value::Date(date) => Ok(date.begins(zone)),
        Value::Text(text) => read_text(text.trim(), zone),
        Value::Int(number) => since_1970(*number).ok_or(NoTime::Other),
        Value::Number(seconds) if seconds.is_finite() => in_range((seconds * 1e3) as i64).ok_or(NoTime::Other),
        _ => Err(NoTime::Other),
    }
}

fn in_range(ms: i64) -> Option<Timestamp> {
    (FROM_MS..TO_MS).contains(&ms).then(|| Timestamp::from_ms(ms))
}

/// Reads seconds or milliseconds; the two ranges do not overlap.
fn since_1970(number: i64) -> Option<Timestamp> {
    in_range(number).or_else(|| in_range(number.checked_mul(1_000)?))
}

fn read_text(text: &str, zone: &TimeZone) -> Result<Timestamp, NoTime> {
    if let Some(at) = Timestamp::parse(text) {
        return Ok(at);
    }
    if let Ok(at) = text.parse::<jiff::Zoned>() {
        return Ok(Timestamp::from_jiff(at.timestamp()));
    }
    // A date and a time without a zone. Text in brackets or after a sign would be ignored by
    // this parser, so it is excluded.
    if !text.contains(['[', '+'])
        && let Ok(at) = text.parse::<DateTime>()
    {
        return Ok(in_zone(at, zone));
    }
    if let Ok(at) = jiff::fmt::rfc2822::parse(text) {
        return Ok(Timestamp::from_jiff(at.timestamp()));
    }
    if text.len() >= 9
        && let Ok(number) = text.parse::<i64>()
    {
        return since_1970(number).ok_or(NoTime::Other);
    }
    written_by_hand(text).map(|at| in_zone(at, zone))
}

/// A day outside the calendar's range in this zone becomes the first or last moment of that range.
fn in_zone(at: DateTime, zone: &TimeZone) -> Timestamp {
    match zone.to_timestamp(at) {
        Ok(at) => Timestamp::from_jiff(at),
        Err(_) if at.year() > 0 => Timestamp::MAX,
        Err(_) => Timestamp::from_ms(-Timestamp::MAX.as_ms()),
    }
}

/// Reads `1.12.2026`, `2026/12/01` or `31/12/2026`, each with or without a time of day after it.
fn written_by_hand(text: &str) -> Result<DateTime, NoTime> {
    let (day, clock) = match text.split_once([' ', 'T']) {
        Some((day, clock)) => (day, clock.trim().parse::<Time>().map_err(|_| NoTime::Other)?),
        None => (text, Time::midnight()),
    };
    let sign = day.chars().find(|c| !c.is_ascii_digit()).ok_or(NoTime::Other)?;
    let parts: Vec<i16> = day.split(sign).map(|part| part.parse().ok()).collect::<Option<_>>().ok_or(NoTime::Other)?;
    let [first, second, third] = parts.as_slice() else { return Err(NoTime::Other) };
    let (first, second, third) = (*first, *second, *third);
    let (year, month, of_month) = match (sign, first, third) {
        ('/' | '.', 1000.., _) => (first, second, third),
        ('.', _, 1000..) => (third, second, first),
        ('/', ..=12, 1000..) if second <= 12 && first != second => return Err(NoTime::Ambiguous),
        ('/', ..=12, 1000..) => (third, first, second),
        ('/', _, 1000..) => (third, second, first),
        _ => return Err(NoTime::Other),
    };
    let number = |part: i16| i8::try_from(part).map_err(|_| NoTime::Other);
    let date = Date::new(year, number(month)?, number(of_month)?).map_err(|_| NoTime::Other)?;
    Ok(date.to_datetime(clock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_one_moment_that_it_says() {
        let utc = "UTC";
        let text = |text: &str| Value::Text(text.to_owned());
        let (other, ambiguous) = (Err(NoTime::Other), Err(NoTime::Ambiguous));
        for (value, zone, expected) in [
            (text("2026-03-08T07:30:00Z"), "America/New_York", Ok("2026-03-08T07:30:00Z")),
            (text("2026-03-08T07:30:00+02:00"), "America/New_York", Ok("2026-03-08T05:30:00Z")),
            (text("2026-03-08 07:30:00Z"), utc, Ok("2026-03-08T07:30:00Z")),
            (text("2026-03-08T07:30:00+01:00[Europe/Berlin]"), utc, Ok("2026-03-08T06:30:00Z")),
            (text("2026-03-08T07:30[Europe/Berlin]"), utc, Ok("2026-03-08T06:30:00Z")),
            (text("2026-11-26"), utc, Ok("2026-11-26T00:00:00Z")),
            (text("2026-11-26"), "America/New_York", Ok("2026-11-26T05:00:00Z")),
            (text("2026-11-26"), "Asia/Tokyo", Ok("2026-11-25T15:00:00Z")),
            (text(" 2026-07-01 "), "America/New_York", Ok("2026-07-01T04:00:00Z")),
            (text("20261126"), "Asia/Tokyo", Ok("2026-11-25T15:00:00Z")),
            // Midnight is skipped in Havana on this day, and comes twice in the Azores.
            (text("2026-03-08"), "America/Havana", Ok("2026-03-08T05:00:00Z")),
            (text("2026-10-25"), "Atlantic/Azores", Ok("2026-10-25T00:00:00Z")),
            (text("2026-11-26T07:30"), "Europe/Berlin", Ok("2026-11-26T06:30:00Z")),
            (text("2026-11-26 07:30:15"), "Europe/Berlin", Ok("2026-11-26T06:30:15Z")),
            (text("26.11.2026"), "Europe/Berlin", Ok("2026-11-25T23:00:00Z")),
            (text("1.2.2026"), utc, Ok("2026-02-01T00:00:00Z")),
            (text("26.11.2026 07:30"), "Europe/Berlin", Ok("2026-11-26T06:30:00Z")),
            (text("2026/11/26"), utc, Ok("2026-11-26T00:00:00Z")),
            (text("26/11/2026"), utc, Ok("2026-11-26T00:00:00Z")),
            (text("11/26/2026"), utc, Ok("2026-11-26T00:00:00Z")),
            (text("05/05/2026"), utc, Ok("2026-05-05T00:00:00Z")),
            (text("03/04/2026"), utc, ambiguous),
            (text("Thu, 26 Nov 2026 07:30:00 +0100"), utc, Ok("2026-11-26T06:30:00Z")),
            (text("1773064800"), utc, Ok("2026-03-09T14:00:00Z")),
            (text("1773064800000"), utc, Ok("2026-03-09T14:00:00Z")),
            (Value::Int(1_773_064_800), utc, Ok("2026-03-09T14:00:00Z")),
            (Value::Int(1_773_064_800_000), utc, Ok("2026-03-09T14:00:00Z")),
            (Value::Number(1_773_064_800.5), utc, Ok("2026-03-09T14:00:00.5Z")),
            (text("9999-12-31"), utc, Ok("9999-12-30T22:00:00Z")),
            (Value::Int(20_261_201), utc, other),
            (Value::Int(46_352), utc, other),
            (Value::Int(0), utc, other),
            (Value::Int(-1), utc, other),
            (Value::Number(f64::INFINITY), utc, other),
            (Value::Bool(true), utc, other),
            (text("0000-00-00"), utc, other),
            (text("2026-02-30"), utc, other),
            (text("30.02.2026"), utc, other),
            (text("26.11.26"), utc, other),
            (text("26/11/26"), utc, other),
            (text("2026-11"), utc, other),
            (text("tomorrow"), utc, other),
            (text("2026"), utc, other),
            (text("12:30"), utc, other),
            (text(""), utc, other),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            let expected = expected.map(|at: &str| Timestamp::parse(at).unwrap());
            assert_eq!(read(&value, &zone), expected, "{value:?} in {zone:?}");
        }
    }
}
