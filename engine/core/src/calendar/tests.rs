//! Checks working time against tables of what people expect, and against rules that must hold in every zone.

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
        ("America/New_York", "2026-11-20T21:58:00Z", "5 business minutes", "2026-11-23T14:03:00Z", "over the weekend"),
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
        ("Europe/Berlin", "2026-12-24T10:00:00Z", "1 business day", "2026-12-28T10:00:00Z", "Christmas and a weekend"),
        ("Europe/Berlin", "2026-10-24T10:00:00Z", "36h", "2026-10-25T22:00:00Z", "hours pass on any clock"),
        // A moment outside opening hours counts as the next opening.
        ("America/New_York", "2026-11-20T21:59:00Z", "1 business day", "2026-11-23T21:59:00Z", "Friday 16:59"),
        ("America/New_York", "2026-11-20T22:00:00Z", "1 business day", "2026-11-24T14:00:00Z", "Friday 17:00"),
        ("America/New_York", "2026-11-20T22:01:00Z", "1 business day", "2026-11-24T14:00:00Z", "Friday 17:01"),
        ("America/New_York", "2026-11-21T16:00:00Z", "1 business day", "2026-11-24T14:00:00Z", "Saturday 11:00"),
        ("America/New_York", "2026-11-23T04:59:00Z", "1 business day", "2026-11-24T14:00:00Z", "Sunday 23:59"),
        ("America/New_York", "2026-11-23T13:59:00Z", "1 business day", "2026-11-24T14:00:00Z", "Monday 8:59"),
        ("America/New_York", "2026-11-23T14:00:00Z", "1 business day", "2026-11-24T14:00:00Z", "Monday 9:00"),
        ("America/New_York", "2026-11-23T14:01:00Z", "1 business day", "2026-11-24T14:01:00Z", "Monday 9:01"),
        ("America/New_York", "2026-11-21T16:00:00Z", "0 business days", "2026-11-23T14:00:00Z", "none at all"),
        ("Europe/Berlin", "2026-11-20T20:00:00Z", "1 business day", "2026-11-24T08:00:00Z", "Friday 21:00"),
        ("America/New_York", "2026-11-21T09:00:00Z", "1 business day", "2026-11-24T14:00:00Z", "Saturday 4:00"),
        ("Europe/Berlin", "2026-11-21T10:00:00Z", "2 business days", "2026-11-25T08:00:00Z", "two from a Saturday"),
        ("Europe/Berlin", "2026-12-25T11:00:00Z", "1 business day", "2026-12-29T08:00:00Z", "from a holiday"),
        ("Asia/Kathmandu", "2026-11-22T20:00:00Z", "1 business day", "2026-11-24T03:15:00Z", "a zone of 5:45"),
        // A clock time that does not exist means the end of the gap; one that comes twice means the first.
        ("America/New_York", "2026-03-07T07:30:00Z", "1d", "2026-03-08T07:00:00Z", "2:30 is in the gap"),
        ("America/New_York", "2026-03-07T07:59:59Z", "1d", "2026-03-08T07:00:00Z", "2:59 is, too"),
        ("America/New_York", "2026-03-07T08:00:00Z", "1d", "2026-03-08T07:00:00Z", "3:00 is its end"),
        ("America/New_York", "2026-03-07T08:01:00Z", "1d", "2026-03-08T07:01:00Z", "3:01 is after it"),
        ("America/New_York", "2026-10-31T05:30:00Z", "1d", "2026-11-01T05:30:00Z", "1:30 comes twice"),
        ("America/New_York", "2026-11-01T05:30:00Z", "1d", "2026-11-02T06:30:00Z", "from its first passing"),
        ("America/New_York", "2026-11-01T06:15:00Z", "1d", "2026-11-02T06:59:59.999Z", "no sooner from its second"),
        ("America/New_York", "2026-11-01T07:00:00Z", "1d", "2026-11-02T07:00:00Z", "and from after it"),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", "1d", "2026-10-26T01:59:59.999Z", "in Berlin"),
        ("Atlantic/Azores", "2026-10-25T01:30:00Z", "1d", "2026-10-26T01:59:59.999Z", "over midnight in the Azores"),
        ("Atlantic/Azores", "2026-10-25T01:30:00Z", "1w", "2026-11-01T01:59:59.999Z", "and a week"),
        ("America/Havana", "2026-11-01T05:30:00Z", "1d", "2026-11-02T05:59:59.999Z", "over midnight in Havana"),
        ("Australia/Lord_Howe", "2026-04-04T15:15:00Z", "1d", "2026-04-05T15:29:59.999Z", "half an hour twice"),
        ("Australia/Lord_Howe", "2026-10-02T15:45:00Z", "1d", "2026-10-03T15:30:00Z", "half an hour missing"),
        ("Asia/Beirut", "2026-03-27T22:30:00Z", "1d", "2026-03-28T22:00:00Z", "no midnight in Beirut"),
        ("America/Santiago", "2026-09-05T04:30:00Z", "1d", "2026-09-06T04:00:00Z", "no midnight in Santiago"),
        ("Africa/Cairo", "2026-10-29T21:30:00Z", "1d", "2026-10-30T21:59:59.999Z", "23:00 twice in Cairo"),
        ("Pacific/Apia", "2011-12-29T20:00:00Z", "1d", "2011-12-30T10:00:00Z", "a day that there was not"),
        ("Pacific/Apia", "2011-12-29T20:00:00Z", "2d", "2011-12-30T20:00:00Z", "and the one after it"),
        ("Pacific/Apia", "2011-12-29T20:00:00Z", "1 business day", "2012-01-01T20:00:00Z", "it was a Friday"),
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
        ("2026-03-09T14:00:00Z", "1 business day", "2026-03-06T15:00:00Z", "same wall time before the spring change"),
        ("2026-03-07T20:00:00Z", "1 business day", "2026-03-06T05:00:00Z", "a Saturday is as the Monday's beginning"),
        ("2026-03-08T14:00:00Z", "1 business day", "2026-03-06T05:00:00Z", "and so is a Sunday"),
        ("2026-03-09T04:00:00Z", "1 business day", "2026-03-06T05:00:00Z", "the Monday's beginning"),
        ("2026-11-01T06:15:00Z", "1d", "2026-10-31T05:59:59.999Z", "from the second passing of 1:15"),
        ("2026-03-09T14:00:00Z", "3d", "2026-03-06T15:00:00Z", "calendar days"),
    ] {
        assert_eq!(calendar.subtract(at(from), Span::parse(span).unwrap()), at(expected), "{from} - {span}: {why}");
    }
}

/// Monday to Friday 22:00 to 6:00 in Berlin.
fn nights() -> Calendar {
    let night = || vec![(Time::constant(22, 0, 0, 0), Some(Time::constant(6, 0, 0, 0)))];
    calendar("Europe/Berlin").with_week([night(), night(), night(), night(), night(), vec![], vec![]]).unwrap()
}

#[test]
fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
    for (from, span, expected, why) in [
        ("2026-11-23T22:00:00Z", "2 business hours", "2026-11-24T00:00:00Z", "past midnight"),
        (
            "2026-11-28T04:00:00Z",
            "2 business hours",
            "2026-11-30T22:00:00Z",
            "Friday's until Saturday 6:00, then Monday's",
        ),
        ("2026-11-28T04:00:00Z", "1 business hour", "2026-11-28T05:00:00Z", "due when they end"),
        ("2026-11-24T01:00:00Z", "1 business day", "2026-11-25T01:00:00Z", "Tuesday 2:00 is Monday's"),
        (
            "2026-11-28T01:00:00Z",
            "1 business day",
            "2026-12-01T01:00:00Z",
            "Saturday 2:00 is Friday's, and comes on Monday's",
        ),
        ("2026-11-28T11:00:00Z", "1 business day", "2026-12-01T21:00:00Z", "Saturday noon counts as Monday 22:00"),
        ("2026-11-24T01:00:00Z", "0 business days", "2026-11-24T01:00:00Z", "none at all"),
        (
            "2026-12-24T22:00:00Z",
            "7 business hours",
            "2026-12-25T05:00:00Z",
            "a holiday leaves what began the day before",
        ),
        ("2026-12-24T22:00:00Z", "8 business hours", "2026-12-28T22:00:00Z", "and closes what begins on it"),
        ("2026-12-25T22:00:00Z", "1 business day", "2026-12-29T21:00:00Z", "Friday 23:00 is closed"),
        (
            "2026-12-25T01:00:00Z",
            "1 business day",
            "2026-12-29T01:00:00Z",
            "Friday 2:00 is Thursday's, and comes on Monday's",
        ),
    ] {
        assert_eq!(nights().add(at(from), Span::parse(span).unwrap()), at(expected), "{from} + {span}: {why}");
    }
    for (from, span, expected, why) in [
        ("2026-11-23T23:30:00Z", "2 business hours", "2026-11-23T21:30:00Z", "to before midnight"),
        ("2026-11-23T21:30:00Z", "2 business hours", "2026-11-21T03:30:00Z", "into Friday's, on Saturday"),
        (
            "2026-11-24T01:00:00Z",
            "1 business day",
            "2026-11-21T01:00:00Z",
            "Monday's Tuesday 2:00 is Friday's Saturday 2:00",
        ),
        (
            "2026-11-28T11:00:00Z",
            "1 business day",
            "2026-11-27T05:00:00Z",
            "Friday begins when Thursday's hours are over",
        ),
    ] {
        assert_eq!(nights().subtract(at(from), Span::parse(span).unwrap()), at(expected), "{from} - {span}: {why}");
    }
    for (when, is_open) in [
        ("2026-11-23T05:30:00Z", false),
        ("2026-11-23T21:00:00Z", true),
        ("2026-11-24T04:59:00Z", true),
        ("2026-11-24T05:00:00Z", false),
        ("2026-11-28T04:59:00Z", true),
        ("2026-11-29T04:00:00Z", false),
    ] {
        assert_eq!(nights().is_open(at(when)), is_open, "{when}");
    }
    let (monday, opening) = (at("2026-11-23T23:00:00Z"), NextDay::Opening);
    assert_eq!(
        nights().next_day(monday, opening, None),
        at("2026-11-24T21:00:00Z"),
        "the next opening is Tuesday 22:00"
    );
}

#[test]
fn open_time_is_counted_back_where_clocks_are_set_back_over_midnight() {
    // 0:01 on the 1st became 23:01 on the 31st. It is 23:30 for the second time.
    let calendar = daily("America/St_Johns", &[(0, 0, 24, 0)]);
    let hour = Span::parse("1 business hour").unwrap();
    assert_eq!(calendar.subtract(at("2009-11-01T03:00:00Z"), hour), at("2009-11-01T02:00:00Z"));
}

#[test]
fn the_last_instant_is_no_trap() {
    let all = ["America/New_York", "Asia/Tokyo", "UTC"].map(|zone| {
        [calendar(zone), daily(zone, &[(22, 0, 6, 0)]).observing("US").unwrap()].map(|calendar| (zone, calendar))
    });
    for (zone, calendar) in all.into_iter().flatten() {
        for at in [Timestamp::MAX, Timestamp::MAX.plus_ms(-crate::time::DAY_MS), Timestamp::from_ms(i64::MIN)] {
            for span in ["5m", "3d", "2 business hours", "2 business days"].map(|s| Span::parse(s).unwrap()) {
                let (later, earlier) = (calendar.add(at, span), calendar.subtract(at, span));
                assert!(later <= Timestamp::MAX && earlier <= Timestamp::MAX, "{at} and {span} in {zone}");
            }
            assert!(calendar.next_open(at) <= Timestamp::MAX);
        }
    }
}

/// The same hours on every day of the week.
fn daily(zone: &str, hours: &[(i8, i8, i8, i8)]) -> Calendar {
    let time = |hour, minute| Time::constant(hour, minute, 0, 0);
    let day: Hours = hours
        .iter()
        .map(|(from, minute, to, to_minute)| (time(*from, *minute), (*to < 24).then(|| time(*to, *to_minute))))
        .collect();
    Calendar::new(TimeZone::get(zone).unwrap(), std::array::from_fn(|_| day.clone()), [].into()).unwrap()
}

#[test]
fn no_moment_is_open_twice() {
    let evening: &[_] = &[(9, 0, 24, 0)];
    let always: &[_] = &[(0, 0, 24, 0)];
    let night: &[_] = &[(22, 0, 6, 0)];
    // The zone, the hours, the beginning and end of the period, and the open minutes in between.
    let cases = [
        (
            "Atlantic/Azores",
            evening,
            "2026-10-24T00:00:00Z",
            "2026-10-25T02:00:00Z",
            15 * 60,
            "24:00 is the first midnight",
        ),
        ("Atlantic/Azores", always, "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z", 25 * 60, "a day of 25 hours"),
        ("Atlantic/Azores", always, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", 24 * 60, "midnight twice, once"),
        ("America/Havana", evening, "2026-10-31T04:00:00Z", "2026-11-01T06:00:00Z", 15 * 60, "the same in Havana"),
        ("America/Havana", always, "2026-10-31T12:00:00Z", "2026-11-01T12:00:00Z", 24 * 60, "the same in Havana"),
        (
            "Africa/Cairo",
            evening,
            "2026-10-28T21:00:00Z",
            "2026-10-29T22:00:00Z",
            16 * 60,
            "23:00 comes twice that day",
        ),
        (
            "Asia/Beirut",
            evening,
            "2026-03-27T22:00:00Z",
            "2026-03-28T22:00:00Z",
            15 * 60,
            "a midnight that there is not",
        ),
        ("America/Santiago", always, "2026-09-05T04:00:00Z", "2026-09-07T03:00:00Z", 47 * 60, "a day of 23 hours"),
        ("Pacific/Apia", always, "2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z", 48 * 60, "a day that there was not"),
        (
            "America/New_York",
            &[(0, 0, 1, 30), (1, 30, 3, 0)],
            "2026-11-01T04:00:00Z",
            "2026-11-01T12:00:00Z",
            4 * 60,
            "hours that meet in the hour that comes twice",
        ),
        (
            "America/New_York",
            &[(0, 30, 1, 15), (1, 45, 3, 0)],
            "2026-11-01T04:00:00Z",
            "2026-11-01T12:00:00Z",
            210,
            "a break within it",
        ),
        (
            "America/St_Johns",
            &[(22, 0, 23, 30)],
            "2009-10-31T12:00:00Z",
            "2009-11-01T12:00:00Z",
            120,
            "what comes again when the next day has begun is over",
        ),
        ("America/New_York", night, "2026-10-31T16:00:00Z", "2026-11-01T16:00:00Z", 9 * 60, "a night of nine hours"),
        ("America/New_York", night, "2026-03-07T16:00:00Z", "2026-03-08T16:00:00Z", 7 * 60, "and one of seven"),
        (
            "America/New_York",
            &[(22, 0, 1, 30)],
            "2026-10-31T16:00:00Z",
            "2026-11-01T16:00:00Z",
            270,
            "a night that ends when a time comes for the second time",
        ),
        (
            "America/New_York",
            &[(2, 30, 1, 0)],
            "2026-03-08T06:00:00Z",
            "2026-03-09T05:00:00Z",
            22 * 60,
            "hours that begin in the gap and end the next night",
        ),
        (
            "America/New_York",
            &[(1, 45, 1, 45)],
            "2026-10-31T12:00:00Z",
            "2026-11-02T12:00:00Z",
            48 * 60,
            "nights that meet in the hour that comes twice",
        ),
        ("America/Havana", &[(22, 0, 0, 30)], "2026-10-31T12:00:00Z", "2026-11-01T12:00:00Z", 210, "midnight twice"),
        ("Asia/Beirut", &[(22, 0, 0, 30)], "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", 120, "no midnight"),
        (
            "America/St_Johns",
            night,
            "2009-10-31T12:00:00Z",
            "2009-11-01T12:00:00Z",
            9 * 60,
            "midnight twice in St John's",
        ),
        (
            "Pacific/Apia",
            night,
            "2011-12-29T10:00:00Z",
            "2011-12-31T10:00:00Z",
            600,
            "on a day that there was not nothing begins, and the night before it ends with the day",
        ),
    ];
    for (zone, hours, from, until, minutes, why) in cases {
        let calendar = daily(zone, hours);
        let open = calendar.open_ms(at(from), at(until));
        assert_eq!(open / crate::time::MINUTE_MS, minutes, "{zone}, {from} to {until}: {why}");
    }
}

/// Zones that are hard on calculations of working time.
const HARD_ZONES: &[&str] = &[
    "Atlantic/Azores",
    "America/Havana",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Gaza",
    "America/Santiago",
    "America/Nuuk",
    "America/St_Johns",
    "America/New_York",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Kwajalein",
    "Antarctica/Troll",
    "America/Caracas",
    "Asia/Kathmandu",
    "UTC",
];

/// Weeks from the ordinary to the odd. Each range of hours is: from hour, minute, to hour, minute.
fn odd_calendar(zone: &str, which: usize, holiday: i64) -> Calendar {
    type Week = [&'static [(i8, i8, i8, i8)]; 7];
    const NINE: &[(i8, i8, i8, i8)] = &[(9, 0, 17, 0)];
    const WEEKS: [Week; 10] = [
        [NINE, NINE, NINE, NINE, NINE, &[], &[]],
        [&[(0, 0, 24, 0)]; 7],
        [
            &[(9, 0, 24, 0)],
            &[],
            &[(0, 0, 0, 30)],
            NINE,
            &[(8, 0, 12, 0), (13, 0, 24, 0)],
            &[(23, 0, 24, 0)],
            &[(0, 0, 2, 30)],
        ],
        [&[], &[], &[], &[], &[], &[(1, 30, 2, 30), (2, 30, 3, 30), (23, 30, 24, 0)], &[(0, 0, 1, 15), (1, 45, 4, 0)]],
        [&[], &[], &[(10, 0, 12, 0)], &[], &[], &[], &[]],
        [NINE, &[(12, 0, 24, 0)], &[(0, 0, 12, 0)], NINE, &[(9, 0, 9, 1)], &[], &[(2, 0, 3, 0)]],
        [&[(22, 0, 23, 30)]; 7],
        [&[(22, 0, 6, 0)]; 7],
        [&[(20, 0, 4, 0)], &[(20, 0, 4, 0)], &[], &[(20, 0, 4, 0)], &[(20, 0, 4, 0)], &[], &[]],
        [
            &[(9, 0, 17, 0), (23, 0, 1, 30)],
            &[(1, 30, 4, 0), (22, 0, 0, 30)],
            &[],
            NINE,
            &[(23, 30, 23, 0)],
            &[(23, 15, 2, 30)],
            &[(2, 30, 3, 30), (21, 0, 0, 30)],
        ],
    ];
    let week = WEEKS[which % WEEKS.len()].map(|day| {
        let time = |hour, minute| Time::constant(hour, minute, 0, 0);
        day.iter().map(|(h, m, to, to_m)| (time(*h, *m), (*to < 24).then(|| time(*to, *to_m)))).collect()
    });
    let holidays = [jiff::civil::date(2026, 1, 1).saturating_add(holiday.days())].into();
    Calendar::new(TimeZone::get(zone).unwrap(), week, holidays).unwrap()
}

/// A moment near the next change of the clocks after `from`, if there is one.
fn near_a_change(zone: &TimeZone, from: Timestamp, minutes: i64) -> Timestamp {
    let change = zone.following(from.to_jiff()).next().map_or(from, |change| Timestamp::from_jiff(change.timestamp()));
    change.plus_ms(minutes * crate::time::MINUTE_MS)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    #[test]
    fn later_is_never_sooner(
        zone in 0..HARD_ZONES.len(),
        week in 0..10_usize,
        holiday in -400..400_i64,
        // From 1970 to 2038.
        from_s in 0..2_145_916_800_i64,
        is_near in proptest::bool::weighted(0.8),
        minutes in -4_000..4_000_i64,
        apart_ms in proptest::prop_oneof![0..7_200_000_i64, 0..1_000_000_000_i64],
        count in 0..40_u32,
        unit in 0..6_usize,
    ) {
        let calendar = odd_calendar(HARD_ZONES[zone], week, holiday);
        let from = Timestamp::from_ms(from_s * 1000);
        let sooner = if is_near { near_a_change(calendar.zone(), from, minutes) } else { from };
        let later = sooner.plus_ms(apart_ms);
        let unit = ["m", "h", "d", "business minutes", "business hours", "business days"][unit];
        let span = Span::parse(&format!("{count} {unit}")).unwrap();
        let (first, second) = (calendar.add(sooner, span), calendar.add(later, span));
        assert!(first <= second, "{sooner} + {span} is {first}, but {later} + {span} is {second}");
        assert!(sooner <= first, "{sooner} + {span} is {first}");
        let (first, second) = (calendar.subtract(sooner, span), calendar.subtract(later, span));
        assert!(first <= second, "{sooner} - {span} is {first}, but {later} - {span} is {second}");
        let (open, until) = (calendar.next_open(sooner), calendar.next_open(later));
        assert!(sooner <= open && open <= until && calendar.is_open(open), "{sooner} opens {open}, {later} opens {until}");
        let between = calendar.open_ms(sooner, later);
        assert!(between <= later.since_ms(sooner), "{between} ms of {apart_ms} are open from {sooner} to {later}");
        let (whole, first_half) = (calendar.open_ms(sooner, later), later.plus_ms(-apart_ms / 2));
        let halves = calendar.open_ms(sooner, first_half) + calendar.open_ms(first_half, later);
        assert_eq!(whole, halves, "open time from {sooner} by way of {first_half} to {later}");
    }
}
