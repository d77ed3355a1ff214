//! Hours, holidays and calendars as the files write them, and when they are open.

use crate::fixture::{catalog, folder_in, with_change};
use cadenza_core::country::Country;
use cadenza_core::lead::RepId;
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::Settings;
use cadenza_language::{Paint, check, render};

const HOURS: &str = "hours: { mon-fri: 09:00-17:00 }\n";
const HOLIDAYS: &str = "holidays: [2026-12-25]\n";
const CONTACT: &str = "contact:\n";
const DESK: &str = "  sales-desk: [max]\n";
const MAX: &str = "max: { name: Max Moser }\n";

/// The settings of the good workspace with one place changed, which has to be without a fault.
fn settings(out: &str, put: &str) -> Settings {
    let file = if [DESK, MAX].contains(&out) { "team.yaml" } else { "cadenza.yaml" };
    let folder = with_change(&folder_in("good"), file, |text| {
        assert_eq!(text.matches(out).count(), 1, "`{out}` stands once in {file}");
        text.replace(out, put)
    });
    let checked = check(&folder, &catalog());
    assert!(checked.diagnostics.is_empty(), "{put}: {}", render(&checked.diagnostics, &folder, Paint::Plain));
    checked.workspace.expect("a workspace without faults").settings
}

/// A time of Berlin in winter.
fn at(text: &str) -> Timestamp {
    Timestamp::parse(&format!("{text}:00+01:00")).expect("a time")
}

#[test]
fn hours_and_holidays_are_open_as_they_are_written() {
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        (
            HOURS,
            "hours: { mon-fri: 22:00-06:00 }\n",
            &["2026-11-23T22:00", "2026-11-24T02:00", "2026-11-28T05:59"],
            &["2026-11-23T05:00", "2026-11-24T06:00", "2026-11-24T12:00", "2026-11-29T02:00"],
        ),
        (HOURS, "hours: { mon-fri: 20:00-00:00 }\n", &["2026-11-23T23:59"], &["2026-11-24T00:00", "2026-11-23T19:59"]),
        (HOURS, "hours: { mon-sun: 00:00-00:00 }\n", &["2026-11-23T00:00", "2026-11-29T23:59"], &[]),
        (
            HOURS,
            "hours: { mon-fri: [06:00-12:00, 22:00-06:00] }\n",
            &["2026-11-24T03:00", "2026-11-24T06:00", "2026-11-28T03:00"],
            &["2026-11-23T03:00", "2026-11-24T13:00", "2026-11-28T07:00"],
        ),
        (
            HOLIDAYS,
            "holidays: [US, 2026-12-24]\n",
            &["2026-12-28T12:00", "2026-05-01T12:00"],
            &["2026-07-03T12:00", "2026-11-26T12:00", "2026-12-24T12:00", "2026-12-25T12:00"],
        ),
        (HOLIDAYS, "holidays: [DE]\n", &["2026-06-04T12:00"], &["2026-05-01T12:00"]),
        (HOLIDAYS, "holidays: [DE-BY, AT]\n", &["2026-06-05T12:00"], &["2026-06-04T12:00", "2026-10-26T12:00"]),
        (HOLIDAYS, "holidays: [\"NO\"]\n", &["2026-12-24T12:00"], &["2027-05-17T12:00"]),
        (HOLIDAYS, "holidays: []\n", &["2026-12-25T12:00"], &[]),
    ];
    for (out, put, open, closed) in cases {
        let calendar = settings(out, put).calendar;
        open.iter().for_each(|time| assert!(calendar.is_open(at(time)), "{put} is open at {time}"));
        closed.iter().for_each(|time| assert!(!calendar.is_open(at(time)), "{put} is closed at {time}"));
    }
}

#[test]
fn each_has_the_calendar_that_it_names() {
    let by_country = settings(CONTACT, "contact:\n  calendars: { US: early, DE: early }\n");
    let early = &by_country.calendars["early"];
    let of = |code: &str| by_country.contact.calendars.get(&Country::of_code(code).expect("a country"));
    assert_eq!((of("US"), of("DE"), of("FR")), (Some(early), Some(early), None));

    let pools = settings(DESK, "  sales-desk: { members: [max, { rep: ana, weight: 3 }], calendar: early }\n");
    let members: Vec<_> =
        pools.team.pools["sales-desk"].members.iter().map(|(rep, weight)| (&*rep.0, *weight)).collect();
    assert_eq!(members, [("max", 1), ("ana", 3)]);
    let pool = |name: &str| pools.hours_for(&Assignee::Pool(name.to_owned()));
    let early = &pools.calendars["early"];
    assert_eq!((pool("sales-desk"), pool("closers"), pool("gone")), (early, &pools.calendar, &pools.calendar));
    assert_eq!(pools.hours_for(&Assignee::Rep(RepId("ana".to_owned()))), early, "a rep's own");
    assert_eq!(pools.hours_for(&Assignee::Nobody), &pools.calendar);

    let rep = settings(MAX, "max: { name: Max Moser, hours: { sat: 22:00-02:00 } }\n");
    let max = rep.hours_of(Some(&RepId("max".to_owned())));
    assert!(max.is_open(at("2026-11-29T01:00")) && !max.is_open(at("2026-11-29T02:00")), "a rep over midnight");
}

#[test]
fn holidays_that_end_are_told_of_from_a_year_before() {
    for (out, put, now, until) in [
        (HOLIDAYS, "holidays: [US]\n", "2034-12-31T23:00", None),
        (HOLIDAYS, "holidays: [US]\n", "2035-01-01T00:00", Some(2035)),
        (HOLIDAYS, "holidays: [US]\n", "2040-01-01T00:00", Some(2035)),
        (HOLIDAYS, HOLIDAYS, "2040-01-01T00:00", None),
        ("  early:\n", "  early:\n    holidays: [CH-ZH]\n", "2035-06-01T00:00", Some(2035)),
    ] {
        let end = settings(out, put).holidays_end(at(now));
        assert_eq!(end.map(|end| end.until), until, "{put} at {now}");
    }
}
