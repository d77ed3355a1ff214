//! Working time: opening hours by weekday in a time zone, less holidays.
//!
//! Rules where clocks change: an opening hour that does not exist (spring gap) begins when the gap ends; one that exists
//! twice (autumn overlap) begins at its first and ends at its second passing. A wall-clock time that does not exist is
//! moved past the gap by the gap's length; one that exists twice is the first.

use crate::time::{Span, Timestamp};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::collections::BTreeSet;

/// How far ahead opening hours are looked for, in days; a calendar with none in that time is refused when it is read.
const SEARCH_DAYS_MAX: u32 = 4_000;

/// The hours of one weekday: from, to; ascending and not overlapping. `to` may be 24:00, written as `None`.
pub type Hours = Vec<(Time, Option<Time>)>;

/// Opening hours in a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    zone: TimeZone,
    week: [Hours; 7],
    holidays: BTreeSet<Date>,
}

/// A calendar that is never open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the calendar has no opening hours")]
pub struct NeverOpen;

/// Opening hours Monday to Friday 9 to 17, when a workspace declares none.
pub fn weekdays_nine_to_five() -> [Hours; 7] {
    let day = || vec![(Time::constant(9, 0, 0, 0), Some(Time::constant(17, 0, 0, 0)))];
    [day(), day(), day(), day(), day(), vec![], vec![]]
}

impl Calendar {
    /// A calendar; `week` begins on Monday.
    pub fn new(zone: TimeZone, week: [Hours; 7], holidays: BTreeSet<Date>) -> Result<Self, NeverOpen> {
        if week.iter().all(Vec::is_empty) { Err(NeverOpen) } else { Ok(Self { zone, week, holidays }) }
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The same hours and holidays on the clocks of another zone.
    pub fn in_zone(&self, zone: TimeZone) -> Self {
        Self { zone, ..self.clone() }
    }

    /// The same calendar, closed on these days too.
    pub fn without(&self, days: impl IntoIterator<Item = Date>) -> Self {
        let mut closed = self.clone();
        closed.holidays.extend(days);
        closed
    }

    /// The same zone and holidays with other hours; `week` begins on Monday.
    pub fn with_week(&self, week: [Hours; 7]) -> Result<Self, NeverOpen> {
        Self::new(self.zone.clone(), week, self.holidays.clone())
    }

    fn date(&self, at: Timestamp) -> Date {
        at.to_jiff().to_zoned(self.zone.clone()).date()
    }

    /// The instant of a wall-clock time: moved past a gap by its length, the first of two.
    fn instant(&self, civil: DateTime) -> Timestamp {
        in_range(self.zone.to_ambiguous_timestamp(civil).compatible())
    }

    /// The instant at which hours begin or end (`None` is the end of the day): the end of a gap, the first of two when
    /// they begin, the second when they end.
    fn edge(&self, date: Date, time: Option<Time>, end: bool) -> Timestamp {
        let civil = match time {
            Some(time) => date.to_datetime(time),
            None => date.saturating_add(1.day()).to_datetime(Time::midnight()),
        };
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        let before_gap = ambiguous.is_ambiguous().then(|| ambiguous.earlier().ok()).flatten();
        if let (AmbiguousOffset::Gap { .. }, Some(before)) = (ambiguous.offset(), before_gap)
            && let Some(change) = self.zone.following(before).next()
        {
            return Timestamp::from_jiff(change.timestamp());
        }
        in_range(if end { ambiguous.later() } else { ambiguous.compatible() })
    }

    /// Opening hours of one date as instants.
    fn hours(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        let closed = self.holidays.contains(&date);
        self.week[weekday]
            .iter()
            .filter(move |_| !closed)
            .map(move |(from, to)| (self.edge(date, Some(*from), false), self.edge(date, *to, true)))
            .filter(|(from, to)| from < to)
    }

    fn hours_from(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let first = self.date(at);
        (0..SEARCH_DAYS_MAX)
            .map(move |day| first.saturating_add(i64::from(day).days()))
            .flat_map(move |date| self.hours(date))
            .filter(move |(_, to)| *to > at)
    }

    /// Whether it is open.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.hours(self.date(at)).any(|(from, to)| from <= at && at < to)
    }

    /// The first open instant at or after this one; [`Timestamp::MAX`] when there is none in ten years.
    pub fn next_open(&self, at: Timestamp) -> Timestamp {
        self.hours_from(at).next().map_or(Timestamp::MAX, |(from, _)| from.max(at))
    }

    /// The instant `span` after `at`.
    pub fn add(&self, at: Timestamp, span: Span) -> Timestamp {
        match span {
            Span::Elapsed(ms) => at.plus_ms(ms),
            Span::Days(days) => self.move_days(at, i64::from(days)),
            Span::Business(ms) => self.add_open_ms(at, ms),
            Span::BusinessDays(days) => self.add_working_days(at, days),
        }
    }

    /// The instant `span` before `at`; business spans count back over the same rules.
    pub fn subtract(&self, at: Timestamp, span: Span) -> Timestamp {
        match span {
            Span::Elapsed(ms) => at.plus_ms(-ms),
            Span::Days(days) => self.move_days(at, -i64::from(days)),
            Span::Business(ms) => self.subtract_open_ms(at, ms),
            Span::BusinessDays(days) => {
                let mut date = self.date(at);
                let mut left = days;
                for _ in 0..SEARCH_DAYS_MAX {
                    if left == 0 {
                        break;
                    }
                    date = date.saturating_sub(1.day());
                    left -= u32::from(self.hours(date).next().is_some());
                }
                self.same_time(at, date)
            }
        }
    }

    fn same_time(&self, at: Timestamp, date: Date) -> Timestamp {
        let time = at.to_jiff().to_zoned(self.zone.clone()).time();
        self.instant(date.to_datetime(time))
    }

    fn move_days(&self, at: Timestamp, days: i64) -> Timestamp {
        self.same_time(at, self.date(at).saturating_add(days.days()))
    }

    fn add_open_ms(&self, at: Timestamp, ms: i64) -> Timestamp {
        let mut left = ms;
        for (from, to) in self.hours_from(at) {
            let from = from.max(at);
            let open = to.since_ms(from);
            // Due at closing time is due then, not the next morning.
            if left <= open {
                return from.plus_ms(left);
            }
            left -= open;
        }
        Timestamp::MAX
    }

    fn subtract_open_ms(&self, at: Timestamp, ms: i64) -> Timestamp {
        let mut left = ms;
        let last = self.date(at);
        for back in 0..SEARCH_DAYS_MAX {
            let date = last.saturating_sub(i64::from(back).days());
            let mut hours: Vec<_> = self.hours(date).filter(|(from, _)| *from < at).collect();
            hours.reverse();
            for (from, to) in hours {
                let to = to.min(at);
                let open = to.since_ms(from);
                if left <= open {
                    return to.plus_ms(-left);
                }
                left -= open;
            }
        }
        at.plus_ms(-ms)
    }

    fn add_working_days(&self, at: Timestamp, days: u32) -> Timestamp {
        let mut date = self.date(at);
        let mut left = days;
        for _ in 0..SEARCH_DAYS_MAX {
            if left == 0 {
                break;
            }
            date = date.saturating_add(1.day());
            left -= u32::from(self.hours(date).next().is_some());
        }
        self.next_open(self.same_time(at, date))
    }

    /// Open milliseconds between two instants; 0 when `to` is not after `from`.
    pub fn open_ms(&self, from: Timestamp, to: Timestamp) -> i64 {
        self.hours_from(from)
            .take_while(|(open, _)| *open < to)
            .map(|(open, close)| close.min(to).since_ms(open.max(from)))
            .sum()
    }
}

/// An instant after the year 9999, which some zone's last evening is, becomes the last one there is.
fn in_range(at: Result<jiff::Timestamp, jiff::Error>) -> Timestamp {
    at.map_or(Timestamp::MAX, Timestamp::from_jiff)
}

/// The weekday's place in [`Calendar::new`]'s list.
pub fn weekday_ix(weekday: Weekday) -> usize {
    usize::from(weekday.to_monday_zero_offset().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str) -> Calendar {
        let holidays = [jiff::civil::date(2026, 12, 25)].into();
        Calendar::new(TimeZone::get(zone).unwrap(), weekdays_nine_to_five(), holidays).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn spans_are_added_in_working_time() {
        let cases = [
            (
                "America/New_York",
                "2026-11-20T21:58:00Z",
                "5 business minutes",
                "2026-11-23T14:03:00Z",
                "over the weekend",
            ),
            (
                "America/New_York",
                "2026-11-20T15:00:00Z",
                "5 business minutes",
                "2026-11-20T15:05:00Z",
                "in the middle of a day",
            ),
            (
                "America/New_York",
                "2026-11-20T21:55:00Z",
                "5 business minutes",
                "2026-11-20T22:00:00Z",
                "due at closing time",
            ),
            (
                "America/New_York",
                "2026-03-06T15:00:00Z",
                "1 business day",
                "2026-03-09T14:00:00Z",
                "same wall time after the spring change",
            ),
            ("America/New_York", "2026-03-07T15:00:00Z", "1d", "2026-03-08T14:00:00Z", "a calendar day of 23 hours"),
            (
                "Europe/Berlin",
                "2026-12-24T10:00:00Z",
                "1 business day",
                "2026-12-28T10:00:00Z",
                "Christmas and a weekend",
            ),
            ("Europe/Berlin", "2026-10-24T10:00:00Z", "36h", "2026-10-25T22:00:00Z", "hours pass on any clock"),
            ("Europe/Berlin", "2026-11-21T10:00:00Z", "2 business days", "2026-11-24T10:00:00Z", "from a Saturday"),
            (
                "Europe/Berlin",
                "2026-11-20T20:00:00Z",
                "1 business day",
                "2026-11-24T08:00:00Z",
                "after hours rolls to the next opening",
            ),
        ];
        for (zone, from, span, expected, why) in cases {
            let got = calendar(zone).add(at(from), Span::parse(span).unwrap());
            assert_eq!(got, at(expected), "{from} + {span} in {zone}: {why}");
        }
    }

    #[test]
    fn open_time_between_skips_nights_and_holidays() {
        let calendar = calendar("Europe/Berlin");
        let hours = calendar.open_ms(at("2026-12-24T15:00:00Z"), at("2026-12-28T09:00:00Z")) / crate::time::HOUR_MS;
        assert_eq!(hours, 2, "one hour on the 24th until 17:00 and one on the 28th from 9:00");
        assert_eq!(calendar.open_ms(at("2026-12-28T09:00:00Z"), at("2026-12-24T15:00:00Z")), 0);
    }

    #[test]
    fn hours_keep_their_rules_where_clocks_change() {
        let hours = |from: (i8, i8), to: (i8, i8)| {
            let hours = vec![(Time::constant(from.0, from.1, 0, 0), Some(Time::constant(to.0, to.1, 0, 0)))];
            let week = std::array::from_fn(|_| hours.clone());
            Calendar::new(TimeZone::get("America/New_York").unwrap(), week, [].into()).unwrap()
        };
        let cases = [
            ("begins in the gap", hours((2, 30), (4, 0)), "2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z", 60),
            ("ends in the gap", hours((1, 0), (2, 30)), "2026-03-08T05:00:00Z", "2026-03-08T06:00:00Z", 60),
            (
                "begins in the hour that comes twice",
                hours((1, 30), (3, 0)),
                "2026-11-01T05:00:00Z",
                "2026-11-01T05:30:00Z",
                150,
            ),
            (
                "ends in the hour that comes twice",
                hours((0, 30), (1, 30)),
                "2026-11-01T04:00:00Z",
                "2026-11-01T04:30:00Z",
                120,
            ),
        ];
        for (what, calendar, from, opens, minutes) in cases {
            assert_eq!(calendar.next_open(at(from)), at(opens), "{what}: when it opens");
            let day = at(from).plus_ms(12 * crate::time::HOUR_MS);
            assert_eq!(calendar.open_ms(at(from), day) / crate::time::MINUTE_MS, minutes, "{what}: minutes open");
        }
    }

    #[test]
    fn working_time_is_counted_back_by_the_same_rules() {
        let calendar = calendar("America/New_York");
        for (from, span, expected, why) in [
            ("2026-03-02T15:00:00Z", "2 business hours", "2026-02-27T21:00:00Z", "an hour on Monday, one on Friday"),
            ("2026-03-02T16:00:00Z", "2 business hours", "2026-03-02T14:00:00Z", "until the hour it opens"),
            ("2026-03-01T16:00:00Z", "1 business hour", "2026-02-27T21:00:00Z", "from a Sunday"),
            (
                "2026-03-09T14:00:00Z",
                "1 business day",
                "2026-03-06T15:00:00Z",
                "same wall time before the spring change",
            ),
            ("2026-03-09T14:00:00Z", "3d", "2026-03-06T15:00:00Z", "calendar days"),
        ] {
            assert_eq!(calendar.subtract(at(from), Span::parse(span).unwrap()), at(expected), "{from} - {span}: {why}");
        }
    }

    #[test]
    fn the_last_instant_is_no_trap() {
        for zone in ["America/New_York", "Asia/Tokyo", "UTC"] {
            let calendar = calendar(zone);
            for at in [Timestamp::MAX, Timestamp::MAX.plus_ms(-crate::time::DAY_MS), Timestamp::from_ms(i64::MIN)] {
                for span in ["5m", "3d", "2 business hours", "2 business days"].map(|s| Span::parse(s).unwrap()) {
                    let (later, earlier) = (calendar.add(at, span), calendar.subtract(at, span));
                    assert!(later <= Timestamp::MAX && earlier <= Timestamp::MAX, "{at} and {span} in {zone}");
                }
                assert!(calendar.next_open(at) <= Timestamp::MAX);
            }
        }
    }
}
