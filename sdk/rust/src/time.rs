//! Instants and durations for use in decisions. There is no clock here: `now` is in the input.

use core::ops::{Add, Sub};

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// From milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_ms(self) -> i64 {
        self.0
    }
}

impl Sub for Time {
    type Output = Span;

    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Span {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }
}

impl Sub for Span {
    type Output = Self;

    fn sub(self, less: Self) -> Self {
        Self(self.0.saturating_sub(less.0))
    }
}

impl Sub<Span> for Time {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add<Span> for Time {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// A length of time; negative if it lies before something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of milliseconds.
    pub const fn ms(ms: i64) -> Self {
        Self(ms)
    }

    /// A span of seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// A span of minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self::seconds(minutes.saturating_mul(60))
    }

    /// A span of hours.
    pub const fn hours(hours: i64) -> Self {
        Self::minutes(hours.saturating_mul(60))
    }

    /// A span of days of 24 hours.
    pub const fn days(days: i64) -> Self {
        Self::hours(days.saturating_mul(24))
    }

    /// The value in milliseconds.
    pub const fn as_ms(self) -> i64 {
        self.0
    }

    /// Whole minutes; the rest is dropped.
    pub const fn as_minutes(self) -> i64 {
        self.0 / 60_000
    }

    /// Whole days of 24 hours; the rest is dropped.
    pub const fn as_days(self) -> i64 {
        self.0 / 86_400_000
    }

    /// Whole seconds from now, for asking to be asked again. A time in the past counts as now. A fraction of a second
    /// is rounded up, because before that nothing would have changed yet.
    pub const fn as_delay_seconds(self) -> u32 {
        if self.0 <= 0 {
            return 0;
        }
        let seconds = (self.0 - 1) / 1_000 + 1;
        if seconds > u32::MAX as i64 { u32::MAX } else { seconds as u32 }
    }
}
