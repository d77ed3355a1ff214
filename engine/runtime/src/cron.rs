//! When a schedule fires: from the times of its cron, its stored state and the clock. Everything here is pure. The driver, the
//! API and the command line use the same functions, so what is shown is what will be done.

use cadenza_core::state::{SERIES_MAX, ScheduleState, Series};
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::Schedule;
use croner::Cron;
use jiff::tz::TimeZone;
use std::str::FromStr;

/// The times of a schedule. Where clocks change, a time in the gap is when the gap ends, and a time that comes twice is the first
/// of the two.
pub struct Times {
    cron: Cron,
    zone: TimeZone,
}

impl Times {
    /// The times of a schedule; none if they cannot be read, which its check rules out.
    pub fn of(schedule: &Schedule) -> Option<Self> {
        Some(Self { cron: Cron::from_str(&schedule.cron).ok()?, zone: TimeZone::get(&schedule.timezone).ok()? })
    }

    /// The first time after `at` whose firing has not begun; [`Timestamp::MAX`] if there is none.
    pub(crate) fn next_after(&self, at: Timestamp, ran: &[Series]) -> Timestamp {
        let mut next = self.first_after(at);
        while let Some(series) = ran.iter().find(|series| series.has(next)) {
            next = self.first_after(series.to);
        }
        next
    }

    fn first_after(&self, at: Timestamp) -> Timestamp {
        let zoned = at.to_jiff().to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&zoned, false);
        next.map_or(Timestamp::MAX, |next| Timestamp::from_jiff(next.timestamp()))
    }

    /// The latest times after `after`, up to and including `until`, whose firings have not begun: in order, and at most
    /// `at_most`. They are found from the end, so a clock that jumped over years costs no more than these.
    pub fn latest(&self, after: Timestamp, until: Timestamp, ran: &[Series], at_most: usize) -> Vec<Timestamp> {
        let mut found = Vec::new();
        let (mut from, mut inclusive) = (until, true);
        while found.len() < at_most
            && let Ok(time) = self.cron.find_previous_occurrence(&from.to_jiff().to_zoned(self.zone.clone()), inclusive)
            && let at = Timestamp::from_jiff(time.timestamp())
            && at > after
        {
            let series = ran.iter().find(|series| series.has(at));
            found.extend(series.is_none().then_some(at));
            (from, inclusive) = (series.map_or(at, |series| series.from), false);
        }
        found.reverse();
        found
    }

    /// Notes that the firing of this time begins.
    pub(crate) fn note(&self, ran: &mut Vec<Series>, at: Timestamp) {
        let place = ran.partition_point(|series| series.to < at);
        ran.insert(place, Series { from: at, to: at });
        self.join(ran, place + 1);
        self.join(ran, place);
        if ran.len() > SERIES_MAX {
            ran[0].to = ran.remove(1).to;
        }
    }

    /// Joins a series with the one before it if no time of the schedule lies between them.
    fn join(&self, ran: &mut Vec<Series>, place: usize) {
        let (Some(before), Some(series)) = (place.checked_sub(1).and_then(|before| ran.get(before)), ran.get(place))
        else {
            return;
        };
        if self.first_after(before.to) >= series.from {
            ran[place - 1].to = ran.remove(place).to;
        }
    }

    /// Whether all of these may be times of this schedule.
    pub(crate) fn are_its(&self, times: impl IntoIterator<Item = Timestamp>) -> bool {
        times.into_iter().all(|at| self.first_after(at.plus_ms(-1)) == at)
    }
}

/// What determines a schedule's times, as its state stores it.
pub fn rule(schedule: &Schedule) -> String {
    format!("{} {}", schedule.cron, schedule.timezone)
}

/// Until when a schedule's times have been dealt with, according to its state. A schedule that is new, was removed meanwhile or
/// has other times begins now: nothing was missed. If times were handled that are still to come, because the clock was set back,
/// they count as handled now; otherwise a clock that was ahead by years would silence a schedule for as long. What ran by a clock
/// that was ahead by no more than a week does not run again (see [`ran`]).
pub fn handled(schedule: &Schedule, state: &ScheduleState, now: Timestamp) -> Timestamp {
    let has_other_times = state.rule.as_ref().is_some_and(|known| *known != rule(schedule));
    if state.removed.is_some() || has_other_times {
        return now;
    }
    state.handled.map_or(now, |handled| handled.min(now))
}

/// How far ahead a clock may have been for what ran by it to count.
const AHEAD_MAX_MS: i64 = 7 * cadenza_core::time::DAY_MS;

/// The times that ran and do not run again. A clock that was ahead by more than a week says nothing about the times to come.
pub fn ran(state: &ScheduleState, now: Timestamp) -> &[Series] {
    match state.handled {
        Some(handled) if handled.since_ms(now) > AHEAD_MAX_MS => &[],
        _ => &state.ran,
    }
}

/// When a schedule fires next according to its state. If a firing is overdue, this time has passed.
pub fn next(schedule: &Schedule, state: &ScheduleState, now: Timestamp) -> Option<Timestamp> {
    let next = Times::of(schedule)?.next_after(handled(schedule, state, now), ran(state, now));
    (next < Timestamp::MAX).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_core::time::{DAY_MS, Span};
    use cadenza_core::workflow::CatchUp;

    fn schedule(cron: &str, timezone: &str) -> Schedule {
        let (cron, timezone) = (cron.to_owned(), timezone.to_owned());
        Schedule { id: "w/x".into(), cron, timezone, catch_up: CatchUp::Latest, within: Span::Days(1) }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap_or_else(|| panic!("`{text}` is a time"))
    }

    #[test]
    fn times_keep_to_the_zone() {
        let cases = [
            ("0 8 * * MON-FRI", "America/New_York", "2026-03-06T12:59:00Z", "2026-03-06T13:00:00Z"),
            ("0 8 * * MON-FRI", "America/New_York", "2026-03-06T13:00:00Z", "2026-03-09T12:00:00Z"),
            // In the gap in New York and in Berlin; twice in New York, the Azores and Lord Howe.
            ("30 2 * * *", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z"),
            ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
            ("30 1 * * *", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z"),
            ("30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"),
            ("0 0 * * *", "Atlantic/Azores", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"),
            ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T14:45:00Z"),
            ("0 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-28T22:00:00Z"),
        ];
        for (cron, zone, after, expected) in cases {
            let next = Times::of(&schedule(cron, zone)).expect("a good schedule").first_after(at(after));
            assert_eq!(next, at(expected), "`{cron}` in {zone} after {after}");
        }
    }

    /// Looking back finds the times that looking forward finds.
    #[test]
    fn the_latest_are_those_that_came() {
        let crons = ["*/7 * * * *", "30 2 * * *", "0 0 * * *", "15,45 1,23 * * *", "0 8 29 2 *", "0 12 L * *"];
        let zones =
            ["America/New_York", "Atlantic/Azores", "America/Havana", "Australia/Lord_Howe", "Asia/Beirut", "UTC"];
        for (cron, zone) in crons.iter().flat_map(|cron| zones.map(|zone| (*cron, zone))) {
            let times = Times::of(&schedule(cron, zone)).expect("a good schedule");
            for around in
                ["2026-03-08T12:00:00Z", "2026-03-29T02:00:00Z", "2026-10-25T03:00:00Z", "2026-11-01T12:00:00Z"]
            {
                let (from, until) = (at(around).plus_ms(-3 * DAY_MS), at(around));
                let mut forward = Vec::new();
                let mut next = times.first_after(from);
                while next <= until {
                    forward.push(next);
                    next = times.first_after(next);
                }
                assert_eq!(times.latest(from, until, &[], 10_000), forward, "`{cron}` in {zone} up to {around}");
                let tail = forward.len().saturating_sub(5);
                assert_eq!(times.latest(from, until, &[], 5), forward[tail..], "`{cron}` in {zone} up to {around}");
            }
        }
    }

    #[test]
    fn a_jump_over_thousands_of_years_costs_no_more_than_what_is_kept() {
        let times = Times::of(&schedule("* * * * *", "Europe/Berlin")).expect("a good schedule");
        // croner looks no further than the year 5000.
        let until = at("4900-01-01T00:00:30Z");
        let latest = times.latest(at("1971-01-01T00:00:00Z"), until, &[], 3);
        assert_eq!(latest, [-2, -1, 0].map(|minutes| at("4900-01-01T00:00:00Z").plus_ms(minutes * 60_000)));
    }

    /// The series of a daily schedule that ran on these days of March 2026.
    fn ran(times: &Times, days: impl IntoIterator<Item = u32>) -> Vec<Series> {
        let mut ran = Vec::new();
        days.into_iter().for_each(|day| times.note(&mut ran, at(&format!("2026-03-{day:02}T08:00:00Z"))));
        ran
    }

    #[test]
    fn what_ran_does_not_run_again_and_what_was_passed_over_does() {
        let times = Times::of(&schedule("0 8 * * *", "UTC")).expect("a good schedule");
        let day = |at: Timestamp| at.to_jiff().to_zoned(TimeZone::UTC).day();
        // The days that ran, how many series they form, and which days are left when the clock begins again on the first.
        for (days, series, left) in [
            (vec![2, 3, 4], 1, vec![1, 5, 6, 7, 8, 9]),
            (vec![2, 3, 7], 2, vec![1, 4, 5, 6, 8, 9]),
            (vec![2, 7, 3], 2, vec![1, 4, 5, 6, 8, 9]),
            (vec![5, 3, 4], 1, vec![1, 2, 6, 7, 8, 9]),
            (vec![2, 4, 6, 3, 5], 1, vec![1, 7, 8, 9]),
            (vec![], 0, vec![1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ] {
            let ran = ran(&times, days.iter().copied());
            assert_eq!(ran.len(), series, "{days:?}: {ran:?}");
            let (begin, end) = (at("2026-03-01T00:00:00Z"), at("2026-03-09T12:00:00Z"));
            let mut forward = vec![times.next_after(begin, &ran)];
            while let Some(next) = forward.last().map(|last| times.next_after(*last, &ran)).filter(|next| *next <= end)
            {
                forward.push(next);
            }
            assert_eq!(forward.iter().map(|at| day(*at)).collect::<Vec<_>>(), left, "{days:?}");
            assert_eq!(times.latest(begin, end, &ran, 100), forward, "{days:?}: looking back finds the same");
        }
    }

    #[test]
    fn of_too_many_series_the_oldest_are_taken_for_one() {
        let times = Times::of(&schedule("0 * * * *", "UTC")).expect("a good schedule");
        let hour = |n: i64| at("2026-03-01T00:00:00Z").plus_ms(n * 60 * 60_000);
        let mut ran = Vec::new();
        for n in 0..=SERIES_MAX as i64 {
            times.note(&mut ran, hour(2 * n));
        }
        assert_eq!(ran.len(), SERIES_MAX);
        assert_eq!((ran[0].from, ran[0].to, ran[1].from), (hour(0), hour(2), hour(4)));
        assert_eq!(times.next_after(hour(-1), &ran), hour(3), "what lies between the oldest two is left out");
    }

    #[test]
    fn what_is_next_goes_by_what_was_handled() {
        let daily = schedule("0 8 * * *", "UTC");
        let (now, other) = ("2026-03-10T12:00:00Z", Some("0 9 * * * UTC".to_owned()));
        let same = Some(rule(&daily));
        let cases = [
            ("nothing is known", None, None, None, "2026-03-11T08:00:00Z"),
            ("dealt with today", Some("2026-03-10T08:00:00Z"), same.clone(), None, "2026-03-11T08:00:00Z"),
            ("today's is overdue", Some("2026-03-09T08:00:00Z"), same.clone(), None, "2026-03-10T08:00:00Z"),
            ("by an earlier version", Some("2026-03-09T08:00:00Z"), None, None, "2026-03-10T08:00:00Z"),
            (
                "the clock went back over years",
                Some("2031-01-01T08:00:00Z"),
                same.clone(),
                None,
                "2026-03-11T08:00:00Z",
            ),
            ("it had other times", Some("2026-03-01T09:00:00Z"), other, None, "2026-03-11T08:00:00Z"),
            ("it was away", Some("2026-03-01T08:00:00Z"), same, Some("2026-03-02T00:00:00Z"), "2026-03-11T08:00:00Z"),
        ];
        for (what, handled, rule, removed, expected) in cases {
            let (handled, removed) = (handled.map(at), removed.map(at));
            let state = ScheduleState { handled, rule, removed, ..Default::default() };
            assert_eq!(next(&daily, &state, at(now)), Some(at(expected)), "{what}");
        }
    }
}
