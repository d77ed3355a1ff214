//! Instants and durations. The clock is not here: `now` is always an argument.

use std::fmt;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Timestamp(#[n(0)] i64);

impl Timestamp {
    /// Days since 1970, in which marks and counters are kept.
    pub fn day(self) -> u32 {
        u32::try_from(self.as_ms().max(0) / DAY_MS).unwrap_or(u32::MAX)
    }

    /// The last instant that has a four-digit year in every time zone. It stands for "never" in orderings.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// The instant that lies `ms` milliseconds after 1970 UTC.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970 UTC.
    pub const fn as_ms(self) -> i64 {
        self.0
    }

    /// This instant moved by `ms` milliseconds, at most to [`Self::MAX`].
    pub const fn plus_ms(self, ms: i64) -> Self {
        let moved = self.0.saturating_add(ms);
        Self(if moved > Self::MAX.0 { Self::MAX.0 } else { moved })
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is later.
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant as the time-zone library represents it.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0.clamp(-Self::MAX.0, Self::MAX.0))
            .expect("clamped to years that have four digits")
    }

    /// Converts an instant of the time-zone library. Fractions of a millisecond are dropped.
    pub fn from_jiff(at: jiff::Timestamp) -> Self {
        Self(at.as_millisecond())
    }

    /// Reads RFC 3339 with a zone or offset (`2026-03-08T07:30:00Z`, `…+02:00`).
    ///
    /// Many systems write the last day of the year 9999 for "never". That day cannot be represented in every zone, so
    /// it is read as [`Self::MAX`].
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(Self::from_jiff(at));
        }
        let pieces = jiff::fmt::temporal::Pieces::parse(text).ok()?;
        let has_zone = pieces.offset().is_some() || pieces.time_zone_annotation().is_some();
        let last = jiff::civil::date(9999, 12, 30);
        (has_zone && pieces.time().is_some() && pieces.date() >= last).then_some(Self::MAX)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_jiff(), f)
    }
}
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is no RFC 3339 time such as 2026-03-08T07:30:00Z"))
        })
    }
}

/// One second in milliseconds.
pub const SECOND_MS: i64 = 1_000;
/// One minute in milliseconds.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// One hour in milliseconds.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Twenty-four hours in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// A duration as people write it: `90s`, `5m`, `36h`, `14d`, `2w`, `5 business minutes`, `2 business days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
pub enum Span {
    /// Milliseconds on any clock (seconds, minutes, hours).
    #[n(0)]
    Elapsed(#[n(0)] i64),
    /// Calendar days in the zone that applies: the same time of day this many days later, even across a change of the
    /// clocks.
    #[n(1)]
    Days(#[n(0)] u32),
    /// Milliseconds of opening hours.
    #[n(2)]
    Business(#[n(0)] i64),
    /// Working days, which are days with opening hours: the same time of day this many working days later. A moment
    /// outside opening hours counts as the next opening.
    #[n(3)]
    BusinessDays(#[n(0)] u32),
}

/// The longest duration that can be written, in days: ten years of 366 days.
pub const SPAN_DAYS_MAX: u32 = 3_660;

impl Span {
    /// No time at all: due at once.
    pub const ZERO: Self = Self::Elapsed(0);

    /// Whether the span is zero, in whatever unit it was written.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Elapsed(0) | Self::Days(0) | Self::Business(0) | Self::BusinessDays(0))
    }

    /// The approximate length of the span in milliseconds, for comparisons and expressions. A day counts as 24 hours.
    pub const fn approximate_ms(self) -> i64 {
        match self {
            Self::Elapsed(ms) | Self::Business(ms) => ms,
            Self::Days(days) | Self::BusinessDays(days) => days as i64 * DAY_MS,
        }
    }

    /// Reads a span as people write it: a whole number, an optional `business`, and a unit.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count: u32 = text.get(..digits)?.parse().ok()?;
        let rest = text[digits..].trim_start();
        let (business, unit) = match rest.strip_prefix("business ") {
            Some(unit) => (true, unit.trim()),
            None => (false, rest),
        };
        let unit_ms = match unit {
            "s" | "second" | "seconds" => SECOND_MS,
            "m" | "min" | "minute" | "minutes" => MINUTE_MS,
            "h" | "hour" | "hours" => HOUR_MS,
            "d" | "day" | "days" => DAY_MS,
            "w" | "week" | "weeks" if !business => 7 * DAY_MS,
            _ => return None,
        };
        let ms = i64::from(count).checked_mul(unit_ms)?;
        if ms > i64::from(SPAN_DAYS_MAX) * DAY_MS {
            return None;
        }
        Some(match (unit_ms >= DAY_MS, business) {
            (true, false) => Self::Days((ms / DAY_MS) as u32),
            (true, true) => Self::BusinessDays((ms / DAY_MS) as u32),
            (false, false) => Self::Elapsed(ms),
            (false, true) => Self::Business(ms),
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = |ms: i64| match ms {
            ms if ms % HOUR_MS == 0 && ms != 0 => (ms / HOUR_MS, "h", "hour"),
            ms if ms % MINUTE_MS == 0 => (ms / MINUTE_MS, "m", "minute"),
            ms => (ms / SECOND_MS, "s", "second"),
        };
        let plural = |count: i64| if count == 1 { "" } else { "s" };
        match *self {
            Self::Elapsed(ms) => {
                let (count, unit, _) = units(ms);
                write!(f, "{count}{unit}")
            }
            Self::Days(days) => write!(f, "{days}d"),
            Self::Business(ms) => {
                let (count, _, unit) = units(ms);
                write!(f, "{count} business {unit}{}", plural(count))
            }
            Self::BusinessDays(days) => write!(f, "{days} business day{}", plural(i64::from(days))),
        }
    }
}
impl serde::Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is no duration such as `5m`, `14d` or `2 business days`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_is_a_time() {
        for (text, expected) in [
            ("9999-12-31T00:00:00Z", Some(Timestamp::MAX)),
            ("9999-12-31T23:59:59.999Z", Some(Timestamp::MAX)),
            ("9999-12-31T23:59:59+02:00", Some(Timestamp::MAX)),
            ("9999-12-31T23:59:59-12:00", Some(Timestamp::MAX)),
            ("9999-12-31T00:00:00", None),
            ("9999-13-31T00:00:00Z", None),
            ("2026-02-30T00:00:00Z", None),
            ("1970-01-01T00:00:00Z", Some(Timestamp::from_ms(0))),
        ] {
            assert_eq!(Timestamp::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn spans_read_and_write() {
        let cases = [
            ("5m", Some(Span::Elapsed(5 * MINUTE_MS))),
            ("90s", Some(Span::Elapsed(90 * SECOND_MS))),
            ("14d", Some(Span::Days(14))),
            ("2w", Some(Span::Days(14))),
            ("5 business minutes", Some(Span::Business(5 * MINUTE_MS))),
            ("1 business day", Some(Span::BusinessDays(1))),
            ("5", None),
            ("5x", None),
            ("five minutes", None),
            ("-5m", None),
            ("2 business weeks", None),
            ("99999999999d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Span::parse(text), expected, "reading `{text}`");
            if let Some(span) = expected {
                assert_eq!(Span::parse(&span.to_string()), Some(span), "`{text}` written and read again");
            }
        }
    }
}
