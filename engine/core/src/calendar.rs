//! Working time: opening hours by weekday in a time zone, less holidays.
//!
//! **Later is never sooner**: whatever span is added to two moments, the result for the later moment is never before
//! the result for the earlier one. A moment outside opening hours counts as the next opening: one business day after
//! Friday 17:01 and one after Saturday 11:00 are both Tuesday 9:00.
//!
//! Where clocks change, these rules hold. Opening hours that begin or end at a time that does not exist (spring) begin
//! or end when the gap ends. Where a time comes twice (autumn), hours begin at its first passing and end at its second.
//! `24:00` is the first moment of the next day, and no hours reach into that day. Days are counted on the clock: a time
//! that does not exist becomes the end of the gap, and a time that comes twice means the first passing. A count that
//! starts in the second passing never ends sooner than one that starts in the first.

use crate::time::{Span, Timestamp};
use crate::workflow::NextDay;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, AmbiguousTimestamp, TimeZone};
use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// How many days ahead opening hours are looked for. A calendar with none in that time is refused when it is read.
const SEARCH_DAYS_MAX: u32 = 4_000;

/// The hours of one weekday as pairs of from and to, ascending and without overlap. `None`
/// as the second time means 24:00.
pub type Hours = Vec<(Time, Option<Time>)>;

/// Which of the two moments is meant by a wall-clock time that comes twice.
#[derive(Clone, Copy)]
enum Passing {
    First,
    Second,
}

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

/// Opening hours from Monday to Friday, 9 to 17, for a workspace that declares none.
pub fn weekdays_nine_to_five() -> [Hours; 7] {
    let day = || vec![(Time::constant(9, 0, 0, 0), Some(Time::constant(17, 0, 0, 0)))];
    [day(), day(), day(), day(), day(), vec![], vec![]]
}

impl Calendar {
    /// A calendar. `week` begins on Monday.
    pub fn new(zone: TimeZone, week: [Hours; 7], holidays: BTreeSet<Date>) -> Result<Self, NeverOpen> {
        if week.iter().all(Vec::is_empty) { Err(NeverOpen) } else { Ok(Self { zone, week, holidays }) }
    }

    /// The zone in which its times are given.
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

    /// The same zone and holidays with other hours. `week` begins on Monday.
    pub fn with_week(&self, week: [Hours; 7]) -> Result<Self, NeverOpen> {
        Self::new(self.zone.clone(), week, self.holidays.clone())
    }

    /// The day on which a moment lies, in days since 1970.
    pub fn day(&self, at: Timestamp) -> i32 {
        (self.date(at) - Date::constant(1970, 1, 1)).get_days()
    }

    /// The first moment of a day, given in days since 1970.
    pub fn begin_of_day(&self, day: i32) -> Timestamp {
        self.midnight(Date::constant(1970, 1, 1).saturating_add(day.days()))
    }

    fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at.to_jiff()).date()
    }

    /// The instant of a wall-clock time: the end of the gap when the time does not exist, the
    /// first passing when it comes twice.
    fn instant(&self, civil: DateTime) -> Timestamp {
        self.edge(civil, Passing::First)
    }

    fn edge(&self, civil: DateTime, passing: Passing) -> Timestamp {
        self.edge_of(&self.zone.to_ambiguous_timestamp(civil), passing)
    }

    fn edge_of(&self, ambiguous: &AmbiguousTimestamp, passing: Passing) -> Timestamp {
        let before_gap = ambiguous.is_ambiguous().then(|| ambiguous.earlier().ok()).flatten();
        if let (AmbiguousOffset::Gap { .. }, Some(before)) = (ambiguous.offset(), before_gap)
            && let Some(change) = self.zone.following(before).next()
        {
            return Timestamp::from_jiff(change.timestamp());
        }
        in_range(match passing {
            Passing::First => ambiguous.clone().compatible(),
            Passing::Second => ambiguous.clone().later(),
        })
    }

    /// The first moment of a day.
    fn midnight(&self, date: Date) -> Timestamp {
        self.instant(date.to_datetime(Time::midnight()))
    }

    /// When hours of a date end; `None` means the end of the day.
    fn closing(&self, date: Date, time: Option<Time>) -> Timestamp {
        let tomorrow = || self.midnight(date.saturating_add(1.day()));
        let Some(time) = time else { return tomorrow() };
        let ambiguous = self.zone.to_ambiguous_timestamp(date.to_datetime(time));
        let end = self.edge_of(&ambiguous, Passing::Second);
        // The clocks may be set back over midnight. The next day has then begun before this time comes again.
        if ambiguous.is_ambiguous() { end.min(tomorrow()) } else { end }
    }

    /// The opening hours of one date as instants, without overlap.
    fn hours(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        let closed = self.holidays.contains(&date);
        self.week[weekday]
            .iter()
            .filter(move |_| !closed)
            .scan(Timestamp::from_ms(i64::MIN), move |open_until, (from, to)| {
                // Where a time comes twice, hours may end after the next ones have begun.
                let from = self.instant(date.to_datetime(*from)).max(*open_until);
                *open_until = self.closing(date, *to).max(from);
                Some((from, *open_until))
            })
            .filter(|(from, to)| from < to)
    }

    fn is_working(&self, date: Date) -> bool {
        self.hours(date).next().is_some()
    }

    fn hours_from(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let first = self.date(at);
        (0..SEARCH_DAYS_MAX)
            .map(move |day| first.saturating_add(i64::from(day).days()))
            .flat_map(move |date| self.hours(date))
            .filter(move |(_, to)| *to > at)
    }

    /// Whether `at` lies within opening hours.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.hours_from(at).next().is_some_and(|(from, _)| from <= at)
    }

    /// The first open instant at or after this one, or [`Timestamp::MAX`] when there is none within 4 000 days.
    pub fn next_open(&self, at: Timestamp) -> Timestamp {
        self.hours_from(at).next().map_or(Timestamp::MAX, |(from, _)| from.max(at))
    }

    /// The instant `span` after `at`.
    pub fn add(&self, at: Timestamp, span: Span) -> Timestamp {
        let due = match span {
            Span::Elapsed(ms) => at.plus_ms(ms),
            Span::Days(days) => self.later_not_sooner(at, |at| self.move_days(at, i64::from(days))),
            Span::Business(ms) => self.add_open_ms(at, ms),
            Span::BusinessDays(days) => self.later_not_sooner(at, |at| self.add_working_days(at, days)),
        };
        // Zero days after the second passing of a time must not lead back to its first.
        due.max(at)
    }

    /// The instant `span` before `at`. Business spans count back by the same rules. A moment on a day without hours
    /// counts as the beginning of the next day that has some.
    pub fn subtract(&self, at: Timestamp, span: Span) -> Timestamp {
        match span {
            Span::Elapsed(ms) => at.plus_ms(-ms),
            Span::Days(days) => self.later_not_sooner(at, |at| self.move_days(at, -i64::from(days))),
            Span::Business(ms) => self.subtract_open_ms(at, ms),
            Span::BusinessDays(days) => self.later_not_sooner(at, |at| self.subtract_working_days(at, days)),
        }
    }

    /// Applies `due` to `at`. If clocks were set back and `at` is the second passing of its time, the result is no
    /// sooner than for the last moment before the change.
    fn later_not_sooner(&self, at: Timestamp, due: impl Fn(Timestamp) -> Timestamp) -> Timestamp {
        match self.before_second_passing(at) {
            Some(earlier) => due(at).max(due(earlier)),
            None => due(at),
        }
    }

    /// The last moment before the clocks were set back, if the clock already showed the time of `at` before then.
    fn before_second_passing(&self, at: Timestamp) -> Option<Timestamp> {
        let instant = at.to_jiff();
        let ambiguous = self.zone.to_ambiguous_timestamp(self.zone.to_datetime(instant));
        let AmbiguousOffset::Fold { after, .. } = ambiguous.offset() else { return None };
        if self.zone.to_offset(instant) != after {
            return None;
        }
        let upto = instant.checked_add(1.nanosecond()).ok()?;
        let change = self.zone.preceding(upto).next()?.timestamp();
        Some(Timestamp::from_jiff(change).plus_ms(-1))
    }

    fn time(&self, at: Timestamp) -> Time {
        self.zone.to_datetime(at.to_jiff()).time()
    }

    fn move_days(&self, at: Timestamp, days: i64) -> Timestamp {
        let date = self.date(at).saturating_add(days.days());
        self.instant(date.to_datetime(self.time(at)))
    }

    fn add_working_days(&self, at: Timestamp, days: u32) -> Timestamp {
        let at = self.next_open(at);
        let date = self.working_day(self.date(at), days, 1);
        self.next_open(self.instant(date.to_datetime(self.time(at))))
    }

    fn subtract_working_days(&self, at: Timestamp, days: u32) -> Timestamp {
        let on = self.date(at);
        let time = if self.is_working(on) { self.time(at) } else { Time::midnight() };
        self.instant(self.working_day(on, days, -1).to_datetime(time))
    }

    /// The date that lies `days` working days after (`step` 1) or before (`step` -1) this one.
    fn working_day(&self, from: Date, days: u32, step: i64) -> Date {
        let (mut date, mut left) = (from, days);
        for _ in 0..SEARCH_DAYS_MAX {
            if left == 0 {
                break;
            }
            date = date.saturating_add(step.days());
            left -= u32::from(self.is_working(date));
        }
        date
    }

    fn add_open_ms(&self, at: Timestamp, ms: i64) -> Timestamp {
        let mut left = ms;
        for (from, to) in self.hours_from(at) {
            let from = from.max(at);
            let open = to.since_ms(from);
            // If the span ends exactly at closing time, the result is that moment, not the next morning.
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
            let hours: Vec<_> = self.hours(date).filter(|(from, _)| *from < at).collect();
            for (from, to) in hours.into_iter().rev() {
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

    /// The next time, strictly later than `now`, at which this day comes or opening hours begin. `minutes` is the time
    /// of day, counted from midnight. Without it, the time is when hours begin on that day, or midnight when the day
    /// has none.
    pub fn next_day(&self, now: Timestamp, day: NextDay, minutes: Option<u16>) -> Timestamp {
        let weekday = match day {
            NextDay::Opening => {
                let later = self.hours_from(now).map(|(from, _)| from).find(|from| *from > now);
                return later.unwrap_or(Timestamp::MAX);
            }
            NextDay::Day => None,
            // The weekdays stand first in the list, starting with Monday.
            named => NextDay::ALL.iter().position(|one| *one == named),
        };
        let time = |date: Date| match minutes {
            Some(minutes) => self.instant(date.to_datetime(clock(minutes))),
            None => self.hours(date).next().map_or_else(|| self.midnight(date), |(from, _)| from),
        };
        let today = self.date(now);
        let is_named = |date: &Date| weekday.is_none_or(|wanted| weekday_ix(date.weekday()) == wanted);
        // A day from now on, or the same weekday a week later if today's time has passed.
        let first = i64::from(weekday.is_none());
        (first..=14)
            .map(|ahead| today.saturating_add(ahead.days()))
            .filter(is_named)
            .map(time)
            .find(|at| *at > now)
            .unwrap_or(Timestamp::MAX)
    }

    /// The first time at or after `from` that the clock shows these minutes after midnight.
    pub fn time_from(&self, from: Timestamp, minutes: u16) -> Timestamp {
        self.next_day(from.plus_ms(-1), NextDay::Day, Some(minutes)).min({
            let today = self.date(from).to_datetime(clock(minutes));
            let at = self.instant(today);
            if at >= from { at } else { Timestamp::MAX }
        })
    }

    /// The open milliseconds between two instants; 0 when `to` is not after `from`.
    pub fn open_ms(&self, from: Timestamp, to: Timestamp) -> i64 {
        self.hours_from(from)
            .take_while(|(open, _)| *open < to)
            .map(|(open, close)| close.min(to).since_ms(open.max(from)))
            .sum()
    }
}

/// Maps an instant beyond the year 9999, such as the last evening of that year in some zones, to the last representable
/// one.
fn in_range(at: Result<jiff::Timestamp, jiff::Error>) -> Timestamp {
    at.map_or(Timestamp::MAX, Timestamp::from_jiff)
}

/// The time of day that lies this many minutes after midnight.
fn clock(minutes: u16) -> Time {
    Time::new((minutes / 60) as i8, (minutes % 60) as i8, 0, 0).unwrap_or_default()
}

/// The place of a weekday in the list that [`Calendar::new`] takes.
pub fn weekday_ix(weekday: Weekday) -> usize {
    usize::from(weekday.to_monday_zero_offset().unsigned_abs())
}
