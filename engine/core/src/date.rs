//! A day of the calendar, without a time and without a zone.

use crate::time::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use std::fmt;

/// A day such as 2026-12-25. The zone decides which moments belong to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(civil::Date);

/// The day from which records count days.
const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl Date {
    /// Reads dates of the form `2026-12-25`, and no other form.
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        text.parse().ok().filter(|_| shaped).map(Self)
    }

    /// The date at that moment in this zone.
    pub fn of(at: Timestamp, zone: &TimeZone) -> Self {
        Self(zone.to_datetime(at.to_jiff()).date())
    }

    /// The first moment of the day in this zone. If the day has none because it lies at the calendar's edge, the edge
    /// is returned.
    pub fn begins(self, zone: &TimeZone) -> Timestamp {
        match zone.to_ambiguous_zoned(self.0.to_datetime(civil::Time::midnight())).compatible() {
            Ok(at) => Timestamp::from_jiff(at.timestamp()),
            Err(_) if self.0.year() > 0 => Timestamp::MAX,
            Err(_) => Timestamp::from_ms(-Timestamp::MAX.as_ms()),
        }
    }

    /// The day this many days later, or earlier when negative; `None` outside the calendar.
    pub fn plus_days(self, days: i64) -> Option<Self> {
        let span = jiff::Span::new().try_days(days).ok()?;
        self.0.checked_add(span).ok().map(Self)
    }

    /// How many days lie between an earlier day and this one; negative when the other day is later.
    pub fn days_since(self, earlier: Self) -> i64 {
        i64::from(earlier.0.until((jiff::Unit::Day, self.0)).map_or(0, |span| span.get_days()))
    }

    /// The day as the time-zone library represents it.
    pub const fn to_jiff(self) -> civil::Date {
        self.0
    }

    /// Days since 1970.
    pub(crate) fn to_days(self) -> i64 {
        self.days_since(Self(EPOCH))
    }

    /// The day this many days after 1970-01-01; `None` outside the calendar.
    pub(crate) fn from_days(days: i64) -> Option<Self> {
        Self(EPOCH).plus_days(days)
    }
}

impl From<civil::Date> for Date {
    fn from(date: civil::Date) -> Self {
        Self(date)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no date such as 2026-12-25")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_and_counted_and_begins_where_its_zone_says() {
        let date = |text: &str| Date::parse(text).unwrap();
        for text in ["1970-01-01", "2026-12-25", "2024-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(date(text).to_string(), text);
            assert_eq!(Date::from_days(date(text).to_days()), Some(date(text)));
        }
        for text in ["2026-02-30", "2026-1-1", "2026-12-25T00:00:00Z", "20261225", "tomorrow", ""] {
            assert_eq!(Date::parse(text), None, "`{text}`");
        }
        assert_eq!(date("2026-03-01").days_since(date("2026-02-27")), 2);
        assert_eq!(date("2026-02-27").plus_days(2), Some(date("2026-03-01")));
        assert_eq!(date("9999-12-31").plus_days(1), None);
        for (day, zone, begins) in [
            ("2026-11-26", "America/New_York", "2026-11-26T05:00:00Z"),
            // Midnight is skipped in Havana on this day.
            ("2026-03-08", "America/Havana", "2026-03-08T05:00:00Z"),
            ("9999-12-31", "Pacific/Honolulu", "9999-12-30T22:00:00Z"),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            assert_eq!(date(day).begins(&zone).to_string(), begins);
        }
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let late = Timestamp::parse("2026-12-24T23:30:00Z").unwrap();
        assert_eq!(Date::of(late, &berlin), date("2026-12-25"));
    }
}
