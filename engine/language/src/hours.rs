//! Opening hours, holidays and named calendars, as `cadenza.yaml` and `team.yaml` write them.

use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::meant::meant_time;
use crate::shape::{Shape, Takes, optional};
use crate::suggest::nearest;
use crate::yaml::{Node, Word};
use cadenza_core::calendar::{Calendar, Hours, weekdays_nine_to_five};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What a weekday takes: `09:00-17:00`, or a list of such ranges.
pub(crate) static DAY: Takes = Takes::Either(&[Takes::Text, Takes::List(&Takes::Text)]);

pub(crate) static CALENDAR: Shape = Shape {
    name: "a calendar",
    about: "Hours and holidays; what is left out is as in the workspace.",
    keys: &[
        optional("timezone", Takes::Zone, "Its zone"),
        optional("hours", Takes::Map(&DAY), "Opening hours by weekday"),
        optional("holidays", Takes::List(&Takes::Date), "Days without opening hours"),
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
            let holidays = form.get("holidays").map_or_else(Vec::new, |days| read_dates(sheet, days));
            let never = |_| sheet.report(Problem::error("never-open", hours.pointer(), "these hours are never open"));
            Calendar::new(zone, week, holidays.into_iter().collect()).map_err(never).ok()?
        }
        None => {
            let base = base.in_zone(zone);
            form.get("holidays").map_or_else(|| base.clone(), |days| base.without(read_dates(sheet, days)))
        }
    };
    Some(calendar)
}

pub(crate) fn read_dates(sheet: &Sheet<'_>, node: &Node) -> Vec<Date> {
    sheet.list(node, "`holidays`").unwrap_or_default().iter().filter_map(|date| sheet.date(date)).collect()
}

/// `{ mon-fri: 09:00-17:00, sat: [10:00-12:00, 13:00-15:00] }`
pub(crate) fn read_week(sheet: &Sheet<'_>, node: &Node) -> Option<[Hours; 7]> {
    let mut week: [Hours; 7] = Default::default();
    let mut sound = true;
    for entry in sheet.named(node, "`hours`")? {
        let days = read_days(sheet, &entry.key);
        let hours: Option<Hours> = sheet.items(&entry.value).iter().map(|item| read_hours(sheet, item)).collect();
        let (Some((first, last)), Some(mut hours)) = (days, hours) else {
            sound = false;
            continue;
        };
        hours.sort();
        if hours.windows(2).any(|pair| pair[0].1.is_none_or(|end| end > pair[1].0)) {
            sheet.report(Problem::error("bad-hours", entry.value.pointer(), "these hours overlap"));
            sound = false;
        }
        for day in &mut week[first..=last] {
            if !day.is_empty() {
                let message = format!("`{}` names a day that has hours already", entry.key.text);
                sheet.report(
                    Problem::error("bad-hours", entry.key.span.clone(), message)
                        .help("write several times as `[09:00-12:00, 13:00-17:00]`"),
                );
                sound = false;
            }
            day.clone_from(&hours);
        }
    }
    sound.then_some(week)
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

/// `09:00-17:00`; the end may be `24:00`.
fn read_hours(sheet: &Sheet<'_>, node: &Node) -> Option<(Time, Option<Time>)> {
    let text = sheet.text(node, "hours such as `09:00-17:00`")?;
    let clock = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        Time::new(hour.parse().ok()?, minute.parse().ok().filter(|_| minute.len() == 2)?, 0, 0).ok()
    };
    let parsed = text.split_once(['-', '–']).and_then(|(from, to)| {
        let from = clock(from)?;
        let to = if to.trim() == "24:00" { None } else { Some(clock(to)?) };
        to.is_none_or(|to| from < to).then_some((from, to))
    });
    if parsed.is_none() {
        let problem = Problem::error("bad-hours", node.span.clone(), format!("`{text}` is no time from and to"));
        let problem = problem.help("write two times of the day, the earlier first: `09:00-17:00`, at most to `24:00`");
        let turned = text.split_once(['-', '–']).filter(|(from, to)| clock(from) > clock(to) && clock(to).is_some());
        let meant = text.split_once(['-', '–']).and_then(|(from, to)| Some((meant_time(from)?, meant_time(to)?)));
        sheet.report(match (turned, meant.filter(|(from, to)| from < to)) {
            (Some((from, to)), _) => problem.replace(format!("{}-{}", to.trim(), from.trim())),
            (None, Some((from, to))) => problem.label(format!("write `{from}-{to}`")).replace(format!("{from}-{to}")),
            (None, None) => problem,
        });
    }
    parsed
}
