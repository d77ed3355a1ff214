//! Opening hours, holidays and named calendars, as `cadenza.yaml` and `team.yaml` write them.

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::Known;
use crate::meant::meant_time;
use crate::shape::{Shape, Takes, optional};
use crate::suggest::nearest;
use crate::yaml::{Node, Word};
use cadenza_core::calendar::{Calendar, Hours, holidays, is_over_midnight, weekdays_nine_to_five};
use cadenza_core::country::Country;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::ops::Range;

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What a weekday takes: `09:00-17:00`, or a list of such ranges.
pub(crate) static DAY: Takes = Takes::Either(&[Takes::Text, Takes::List(&Takes::Text)]);

/// What `holidays` takes: `[US, DE-BY, 2026-12-24]`.
pub(crate) const HOLIDAYS: Takes = Takes::List(&Takes::Either(&[Takes::Date, Takes::Words(names_of_holidays)]));

fn names_of_holidays() -> Vec<&'static str> {
    holidays::names().collect()
}

pub(crate) static CALENDAR: Shape = Shape {
    name: "a calendar",
    about: "Hours and holidays; what is left out is as in the workspace.",
    keys: &[
        optional("timezone", Takes::Zone, "Its zone"),
        optional("hours", Takes::Map(&DAY), "Opening hours by weekday"),
        optional("holidays", HOLIDAYS, "Days on which no hours begin: dates, and public holidays by country or region"),
    ],
};

/// Replaces the workspace's calendar when it could not be read, so that the rest is still checked.
pub(crate) fn any_calendar() -> Calendar {
    Calendar::new(TimeZone::UTC, weekdays_nine_to_five(), Default::default()).expect("working days have opening hours")
}

/// A calendar that differs from `base` in the keys that it names.
pub(crate) fn read_calendar(sheet: &Sheet<'_>, node: &Node, base: &Calendar) -> Option<Calendar> {
    let form = Form::open(sheet, node, &CALENDAR)?;
    let zone = match form.get("timezone") {
        Some(zone) => sheet.zone(zone)?.1,
        None => base.zone().clone(),
    };
    let calendar = match form.get("hours") {
        Some(hours) => {
            let week = read_week(sheet, hours)?;
            let never = |_| sheet.report(Problem::error("never-open", hours.pointer(), "these hours are never open"));
            Calendar::new(zone, week, BTreeSet::new()).map_err(never).ok()?
        }
        None => base.in_zone(zone),
    };
    Some(close(sheet, form.get("holidays"), calendar))
}

/// The calendar, closed on the days that `holidays` lists.
pub(crate) fn close(sheet: &Sheet<'_>, holidays: Option<&Node>, calendar: Calendar) -> Calendar {
    let items = holidays.and_then(|node| sheet.list(node, "`holidays`")).unwrap_or_default();
    let (names, dates): (Vec<&Node>, Vec<&Node>) = items.iter().partition(|item| is_name_of_holidays(item));
    let closed = calendar.without(dates.into_iter().filter_map(|date| sheet.date(date)));
    names.into_iter().fold(closed, |closed, item| {
        let name = sheet.text(item, "a country or region such as `US` or `DE-BY`");
        let observing = name.as_ref().and_then(|name| closed.observing(name));
        if let Some(name) = name.filter(|_| observing.is_none()) {
            sheet.report(unknown_holidays(item, &name));
        }
        observing.unwrap_or(closed)
    })
}

/// Whether an item is no date, and no date that was written in another way.
fn is_name_of_holidays(item: &Node) -> bool {
    item.scalar().is_some_and(|scalar| scalar.text.starts_with(|first: char| first.is_alphabetic()))
}

fn unknown_holidays(item: &Node, name: &str) -> Problem {
    let problem = Problem::error("unknown-holidays", item.span.clone(), format!("no holidays are known for `{name}`"));
    if let Some(meant) = holidays::meant(name) {
        return problem.label(format!("write `{meant}`")).replace(meant);
    }
    let country = name.split_once('-').map_or(name, |(country, _)| country);
    match (holidays::days(country), Country::parse(country)) {
        (Some(_), _) => {
            let regions = holidays::names().filter(|name| name.split_once('-').is_some_and(|(of, _)| of == country));
            problem.suggest(name, regions, &format!("regions of `{country}`"))
        }
        (None, Some(country)) => problem.help(format!("list the holidays of {country} as dates, such as 2026-12-25")),
        (None, None) => {
            let countries = holidays::names().filter(|name| !name.contains('-'));
            problem.suggest(name, countries, "countries").help("holidays of other countries are listed as dates")
        }
    }
}

/// A calendar that `cadenza.yaml` declares.
pub(crate) fn named_calendar(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) -> Option<Calendar> {
    let name = sheet.text(node, "a calendar")?;
    let calendar = known.calendars.get(&name);
    if calendar.is_none() && known.has_all("calendars") {
        let problem = Problem::error("unknown-calendar", node.span.clone(), format!("there is no calendar `{name}`"));
        sheet.report(problem.suggest_one(
            &name,
            known.calendars.keys().map(String::as_str),
            "calendars in cadenza.yaml",
        ));
    }
    calendar.cloned()
}

/// `{ mon-fri: 09:00-17:00, sat: [10:00-12:00, 13:00-15:00] }`
pub(crate) fn read_week(sheet: &Sheet<'_>, node: &Node) -> Option<[Hours; 7]> {
    let mut week: [Hours; 7] = Default::default();
    // Where the last hours of each day stand.
    let mut stands: [Range<usize>; 7] = Default::default();
    let mut sound = true;
    for entry in sheet.named(node, "`hours`")? {
        let days = read_days(sheet, &entry.key);
        let read = |item| Some((read_hours(sheet, item)?, item.span.clone()));
        let hours: Option<Vec<_>> = sheet.items(&entry.value).iter().map(read).collect();
        let (Some((first, last)), Some(mut hours)) = (days, hours) else {
            sound = false;
            continue;
        };
        hours.sort_by_key(|(hours, _)| *hours);
        let ends = hours.last().map(|(_, span)| span.clone()).unwrap_or_default();
        let hours: Hours = hours.into_iter().map(|(hours, _)| hours).collect();
        if hours.windows(2).any(|pair| end_of(pair[0]) > minutes(pair[1].0)) {
            let problem = Problem::error("bad-hours", entry.value.pointer(), "these hours overlap");
            let problem =
                problem.help("let the next hours begin when the last have ended: `[09:00-12:00, 13:00-17:00]`");
            sheet.report(match joined(&hours) {
                Some(joined) => {
                    problem.label(format!("write `{joined}`, if that is meant")).mend(entry.value.span.clone(), joined)
                }
                None => problem,
            });
            sound = false;
        }
        for (day, stands) in week[first..=last].iter_mut().zip(&mut stands[first..=last]) {
            if !day.is_empty() {
                let message = format!("`{}` names a day that has hours already", entry.key.text);
                sheet.report(
                    Problem::error("bad-hours", entry.key.span.clone(), message)
                        .help("write several times as `[09:00-12:00, 13:00-17:00]`"),
                );
                sound = false;
            }
            day.clone_from(&hours);
            stands.clone_from(&ends);
        }
    }
    // Hours that overlap within a day, or stand twice, would be told of again.
    (sound && nights_end(sheet, &week, &stands)).then_some(week)
}

/// Minutes after midnight.
fn minutes(time: Time) -> i32 {
    i32::from(time.hour()) * 60 + i32::from(time.minute())
}

/// When hours end, in minutes after the midnight of the day on which they begin.
fn end_of((from, to): (Time, Option<Time>)) -> i32 {
    let to = to.map_or(DAY_MINUTES, minutes);
    if to <= minutes(from) { to + DAY_MINUTES } else { to }
}

/// Hours with those that overlap made one; `None` when that would be a whole day.
fn joined(hours: &[(Time, Option<Time>)]) -> Option<String> {
    let mut joined: Vec<(i32, i32)> = Vec::new();
    for (from, to) in hours.iter().map(|hours| (minutes(hours.0), end_of(*hours))) {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    let clock = |minutes: i32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let end = |to: i32| if to > DAY_MINUTES { clock(to - DAY_MINUTES) } else { clock(to) };
    let written = joined.iter().map(|(from, to)| format!("{}-{}", clock(*from), end(*to))).collect::<Vec<_>>();
    let is_short = joined.iter().all(|(from, to)| to - from < DAY_MINUTES);
    is_short.then(|| if let [one] = &written[..] { one.clone() } else { format!("[{}]", written.join(", ")) })
}

/// Whether hours over midnight end before those of the next day begin. If not, reports the first that do not.
fn nights_end(sheet: &Sheet<'_>, week: &[Hours; 7], stands: &[Range<usize>; 7]) -> bool {
    let late = (0..7).find_map(|day| {
        let last = *week[day].last().filter(|hours| is_over_midnight(**hours))?;
        let next = (day + 1) % 7;
        let begin = week[next].first()?.0;
        (end_of(last) - DAY_MINUTES > minutes(begin)).then_some((day, last, next, begin))
    });
    let Some((day, (from, to), next, begin)) = late else { return true };
    let (day_name, next_name, begin) = (WEEKDAYS[day], WEEKDAYS[next], written(begin));
    let to = to.map_or_else(|| "24:00".to_owned(), written);
    let message = format!("the hours of `{day_name}` end on `{next_name}` at {to}, after hours of that day have begun");
    let problem = Problem::error("bad-hours", stands[day].clone(), message);
    let shorter = format!("{}-{begin}", written(from));
    let problem = problem.label(format!("write `{shorter}`, if that is meant")).replace(shorter);
    sheet.report(problem.help(format!("they have to end by {begin}, when the hours of `{next_name}` begin")));
    false
}

fn written(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

/// `mon` or `mon-fri`, as indexes into the week.
fn read_days(sheet: &Sheet<'_>, key: &Word) -> Option<(usize, usize)> {
    let lower = key.text.to_lowercase();
    let (from, to) = lower.split_once('-').unwrap_or((&lower, &lower));
    let place = |name: &str| WEEKDAYS.iter().position(|day| *day == name.trim());
    match (place(from), place(to)) {
        (Some(first), Some(last)) if first <= last => Some((first, last)),
        (Some(_), Some(_)) => {
            let problem = Problem::error(
                "bad-hours",
                key.span.clone(),
                format!("`{}` runs backwards: a week begins on Monday", key.text),
            );
            sheet.report(problem.help("name the days one by one"));
            None
        }
        _ => {
            let wrong = if place(from).is_none() { from } else { to };
            let short: String = wrong.chars().take(3).collect();
            let near = place(&short).map(|at| WEEKDAYS[at]).or_else(|| nearest(wrong, WEEKDAYS));
            let problem = Problem::error("bad-hours", key.span.clone(), format!("`{wrong}` is no weekday"));
            sheet.report(match near {
                Some(near) => {
                    problem.label(format!("did you mean `{near}`?")).replace(key.text.replacen(wrong, near, 1))
                }
                None => problem
                    .help("write `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`, or from one to another: `mon-fri`"),
            });
            None
        }
    }
}

const DAY_MINUTES: i32 = 24 * 60;
/// Hours over midnight that are longer than this, in minutes, were probably written the wrong way round.
const NIGHT_MINUTES_MAX: i32 = 12 * 60;

/// `09:00-17:00`; the end may be `24:00`, or a time of the next day, as in `22:00-06:00`.
fn read_hours(sheet: &Sheet<'_>, node: &Node) -> Option<(Time, Option<Time>)> {
    let text = sheet.text(node, "hours such as `09:00-17:00`")?;
    let clock = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        Time::new(hour.parse().ok()?, minute.parse().ok().filter(|_| minute.len() == 2)?, 0, 0).ok()
    };
    let written = text.split_once(['-', '–']);
    let parsed = written.and_then(|(from, to)| {
        let from = clock(from)?;
        // `22:00-00:00` ends with the day, as `22:00-24:00` does.
        let to = if to.trim() == "24:00" { None } else { Some(clock(to)?).filter(|to| *to != Time::midnight()) };
        (to != Some(from)).then_some((from, to))
    });
    match (parsed, written) {
        (Some(hours @ (from, _)), Some((first, last))) if is_over_midnight(hours) => {
            if end_of(hours) - minutes(from) > NIGHT_MINUTES_MAX {
                let turned = format!("{}-{}", last.trim(), first.trim());
                let message = format!("`{text}` is most of the day and the night after it");
                let problem = Problem::warning("odd-hours", node.span.clone(), message);
                let problem = problem.label(format!("did you mean `{turned}`?")).replace(turned);
                sheet.report(problem.help("if not, write the two days apart: until `24:00`, and from `00:00`"));
            }
        }
        (None, _) => {
            let problem = Problem::error("bad-hours", node.span.clone(), format!("`{text}` is no time from and to"));
            let problem = problem.help(
                "write two times of the day: `09:00-17:00`, `00:00-24:00`; over midnight the earlier is the second: \
                 `22:00-06:00`",
            );
            let meant = written.and_then(|(from, to)| Some((meant_time(from)?, meant_time(to)?)));
            sheet.report(match meant {
                // Round the clock, as others write it.
                Some((from, to)) if from == to => problem.perhaps("00:00-24:00".to_owned()),
                Some((from, to)) => problem.label(format!("write `{from}-{to}`")).replace(format!("{from}-{to}")),
                None => problem,
            });
        }
        (Some(_), _) => {}
    }
    parsed
}
