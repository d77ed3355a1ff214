//! Working time next to an independent implementation in Python, in zones whose clocks skip and repeat midnights too.
//!
//! `working_time.py` says the rules anew on the clocks of another library. Without Python the test says that it asks nothing.

use cadenza_core::calendar::{Calendar, Hours};
use cadenza_core::time::{Span, Timestamp};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use std::process::Command;

fn number(text: &str) -> i64 {
    text.parse().expect("a number")
}

/// The hours of one weekday: `540-720,780-1020`, in minutes.
fn hours(text: &str) -> Hours {
    let time = |minutes: i64| (minutes < 1440).then(|| Time::midnight() + jiff::Span::new().minutes(minutes));
    let pairs = text.split(',').filter_map(|pair| pair.split_once('-'));
    pairs.map(|(from, to)| (time(number(from)).expect("a time of the day"), time(number(to)))).collect()
}

fn calendar(zone: &str, week: &str, holidays: &str) -> Calendar {
    let week: Vec<Hours> = week.split(';').map(hours).collect();
    let holidays = holidays.split(',').filter(|day| !day.is_empty()).map(|day| day.parse().expect("a date")).collect();
    let zone = TimeZone::get(zone).expect("a zone");
    Calendar::new(zone, week.try_into().expect("seven days"), holidays).expect("it is open some time")
}

fn answer(calendar: &Calendar, question: &str, at: Timestamp, argument: i64) -> i64 {
    let days = || u32::try_from(argument).expect("a number of days");
    let moment = match question {
        "open_ms" => return calendar.open_ms(at, Timestamp::from_ms(argument)),
        "next_open" => calendar.next_open(at),
        "add_business" => calendar.add(at, Span::Business(argument)),
        "subtract_business" => calendar.subtract(at, Span::Business(argument)),
        "add_days" => calendar.add(at, Span::Days(days())),
        "subtract_days" => calendar.subtract(at, Span::Days(days())),
        "add_business_days" => calendar.add(at, Span::BusinessDays(days())),
        "subtract_business_days" => calendar.subtract(at, Span::BusinessDays(days())),
        other => panic!("`{other}` is no question"),
    };
    moment.since_ms(Timestamp::from_ms(0))
}

#[test]
fn working_time_is_what_an_independent_implementation_says() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/working_time.py");
    let asked = match Command::new("python3").arg(script).output() {
        Ok(asked) if asked.status.success() => String::from_utf8(asked.stdout).expect("text"),
        Ok(failed) if failed.stderr.ends_with(b"no time zones are installed\n") => {
            return eprintln!("skipped: Python has no time zones");
        }
        Ok(failed) => panic!("{}", String::from_utf8_lossy(&failed.stderr)),
        Err(error) => return eprintln!("skipped: python3 is not there ({error})"),
    };
    let (mut calendars, mut wrong, mut questions) = (Vec::new(), Vec::new(), 0);
    for line in asked.lines() {
        let parts: Vec<&str> = line.split('|').collect();
        match parts[..] {
            ["calendar", zone, week, holidays] => {
                calendars.push((format!("{zone} {week}"), calendar(zone, week, holidays)))
            }
            [question, at, argument, expected] => {
                let (name, calendar) = calendars.last().expect("a calendar stands before its questions");
                let [at, argument, expected] = [at, argument, expected].map(number);
                let (from, got) =
                    (Timestamp::from_ms(at), answer(calendar, question, Timestamp::from_ms(at), argument));
                questions += 1;
                if got != expected {
                    let show = |ms| {
                        if question == "open_ms" { format!("{ms} ms") } else { Timestamp::from_ms(ms).to_string() }
                    };
                    let (got, expected) = (show(got), show(expected));
                    wrong.push(format!(
                        "{name}: {question} {argument} from {from} is {got}, and {expected} by the rules"
                    ));
                }
            }
            _ => panic!("`{line}` is neither a calendar nor a question"),
        }
    }
    assert!(questions > 10_000, "only {questions} questions");
    assert!(wrong.is_empty(), "{} of {questions} differ:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}
