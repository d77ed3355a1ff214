//! Working time: opening hours by weekday in a time zone, less holidays.
//!
//! **Later is never sooner**: whatever span is added to two moments, the result for the later moment is never before
//! the result for the earlier one. A moment outside opening hours counts as the next opening: one business day after
//! Friday 17:01 and one after Saturday 11:00 are both Tuesday 9:00.
//!
//! Where clocks change, these rules hold. Opening hours that begin or end at a time that does not exist (spring) begin
//! or end when the gap ends. Where a time comes twice (autumn), hours begin at its first passing and end at its second.
//! `24:00` is the first moment of the next day, and hours that end then do not reach into that day. Days are counted on
//! the clock: a time that does not exist becomes the end of the gap, and a time that comes twice means the first passing.
//! A count that starts in the second passing never ends sooner than one that starts in the first.
//!
//! Hours over midnight, such as 22:00 to 06:00, belong to the day on which they begin. A holiday closes what begins on
//! it, and not what has begun the day before. Tuesday 2:00 is then part of Monday: one business day later is Wednesday
//! 2:00, if Tuesday is a working day. A day that the clocks skip as a whole has no hours.

use crate::time::{Span, Timestamp};
use crate::workflow::NextDay;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, AmbiguousTimestamp, TimeZone};
use std::collections::BTreeSet;
use std::sync::Arc;

pub mod holidays;
#[cfg(test)]
mod tests;

/// How many days ahead opening hours are looked for. A calendar with none in that time is refused when it is read.
const SEARCH_DAYS_MAX: u32 = 4_000;

/// The hours of one weekday as pairs of from and to, ascending and without overlap. `None` as the second time means
/// 24:00. A second time that is not after the first is on the next day; only the last pair may have one, and it ends
/// before the next day's hours begin.
pub type Hours = Vec<(Time, Option<Time>)>;

/// Which of the two moments is meant by a wall-clock time that comes twice.
#[derive(Clone, Copy)]
enum Passing {
    First,
    Second,
}

/// A time on the day that it belongs to, or on the morning after, within hours over midnight.
#[derive(Clone, Copy)]
enum OnDay {
    Same(Time),
    Next(Time),
}

/// Opening hours in a zone. A clone shares the hours and holidays, because the gate makes one for every lead.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    zone: TimeZone,
    days: Arc<Days>,
}

/// When a calendar is open, on the clocks of any zone.
#[derive(Clone, Debug, PartialEq)]
struct Days {
    week: [Hours; 7],
    holidays: BTreeSet<Date>,
    /// Whether some of the holidays are from the table, which ends.
    by_name: bool,
    /// Whether hours of any day reach into the next. Calendars without such hours are spared looking for them.
    nights: bool,
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
        if week.iter().all(Vec::is_empty) {
            return Err(NeverOpen);
        }
        let nights = week.iter().flatten().any(|hours| is_over_midnight(*hours));
        Ok(Self { zone, days: Arc::new(Days { week, holidays, by_name: false, nights }) })
    }

    /// The zone in which its times are given.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The same hours and holidays on the clocks of another zone.
    pub fn in_zone(&self, zone: TimeZone) -> Self {
        Self { zone, days: Arc::clone(&self.days) }
    }

    /// The same calendar, closed on these days too.
    pub fn without(&self, days: impl IntoIterator<Item = Date>) -> Self {
        let mut closed = self.clone();
        Arc::make_mut(&mut closed.days).holidays.extend(days);
        closed
    }

    /// The same calendar, closed on the holidays of this name too; `None` when there are none of this name.
    pub fn observing(&self, name: &str) -> Option<Self> {
        let mut closed = self.without(holidays::days(name)?);
        Arc::make_mut(&mut closed.days).by_name = true;
        Some(closed)
    }

    /// The last year of which its holidays are known, if they are given by name.
    pub fn holidays_until(&self) -> Option<i16> {
        self.days.by_name.then_some(holidays::LAST_YEAR)
    }

    /// The same zone and holidays with other hours. `week` begins on Monday.
    pub fn with_week(&self, week: [Hours; 7]) -> Result<Self, NeverOpen> {
        let mut own = Self::new(self.zone.clone(), week, self.days.holidays.clone())?;
        Arc::make_mut(&mut own.days).by_name = self.days.by_name;
        Ok(own)
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
            Passing::First => (*ambiguous).compatible(),
            Passing::Second => (*ambiguous).later(),
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

    /// The hours that a weekday or a holiday gives a date, on the clock.
    fn listed(&self, date: Date) -> &[(Time, Option<Time>)] {
        if self.days.holidays.contains(&date) { &[] } else { &self.days.week[weekday_ix(date.weekday())] }
    }

    /// The hours of the day before that reach into this one, as instants; `None` when there are none.
    fn night_before(&self, date: Date) -> Option<Timestamp> {
        if !self.days.nights {
            return None;
        }
        let before = date.saturating_sub(1.day());
        let (_, to) = *self.listed(before).last().filter(|hours| is_over_midnight(**hours))?;
        // On a day that the clocks skip, nothing begins.
        (self.midnight(before) < self.midnight(date)).then(|| self.closing(date, to))
    }

    /// The opening hours that begin on one date as instants, without overlap.
    fn hours(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let begun = self.night_before(date).unwrap_or(Timestamp::from_ms(i64::MIN));
        self.listed(date)
            .iter()
            .scan(begun, move |open_until, (from, to)| {
                // Where a time comes twice, hours may end after the next ones have begun.
                let begins = self.instant(date.to_datetime(*from)).max(*open_until);
                *open_until = match is_over_midnight((*from, *to)) {
                    true => self.night_before(date.saturating_add(1.day())).unwrap_or(begins),
                    false => self.closing(date, *to),
                };
                *open_until = begins.max(*open_until);
                Some((begins, *open_until))
            })
            .filter(|(from, to)| from < to)
    }

    fn is_working(&self, date: Date) -> bool {
        self.hours(date).next().is_some()
    }

    fn hours_from(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let first = self.date(at).saturating_sub(i64::from(self.days.nights).days());
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
        let (on, time) = self.day_of(at);
        self.next_open(self.on_day(self.working_day(on, days, 1), time))
    }

    fn subtract_working_days(&self, at: Timestamp, days: u32) -> Timestamp {
        let (on, time) = self.day_of(at);
        let time = if self.is_working(on) { time } else { OnDay::Same(Time::midnight()) };
        self.on_day(self.working_day(on, days, -1), time)
    }

    /// The day that a moment belongs to, and its time.
    fn day_of(&self, at: Timestamp) -> (Date, OnDay) {
        let civil = self.zone.to_datetime(at.to_jiff());
        match self.night_before(civil.date()) {
            Some(end) if at < end => (civil.date().saturating_sub(1.day()), OnDay::Next(civil.time())),
            _ => (civil.date(), OnDay::Same(civil.time())),
        }
    }

    /// The moment that has this time and belongs to this day, or the end of the day that is nearer to it.
    fn on_day(&self, date: Date, time: OnDay) -> Timestamp {
        let next = date.saturating_add(1.day());
        let at = match time {
            OnDay::Same(time) => self.instant(date.to_datetime(time)),
            OnDay::Next(time) => self.instant(next.to_datetime(time)),
        };
        if self.days.nights { at.min(self.beginning(next)).max(self.beginning(date)) } else { at }
    }

    /// When a day begins: at midnight, or when the hours of the night before are over.
    fn beginning(&self, date: Date) -> Timestamp {
        let midnight = self.midnight(date);
        self.night_before(date).map_or(midnight, |end| end.max(midnight))
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
        // Where clocks are set back over midnight, hours of the next date may have begun.
        let last = self.date(at).saturating_add(1.day());
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

/// Whether such hours end on the next day.
pub fn is_over_midnight((from, to): (Time, Option<Time>)) -> bool {
    to.is_some_and(|to| to <= from)
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
