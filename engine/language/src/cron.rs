//! Cron expressions that are valid but do not do what they seem to say, each with what it really does.

/// A field: its name, its first and last value, and what it is a part of.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    whole: &'static str,
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", first: 0, last: 59, whole: "hour" },
    Field { name: "hour", first: 0, last: 23, whole: "day" },
    Field { name: "day", first: 1, last: 31, whole: "month" },
    Field { name: "month", first: 1, last: 12, whole: "year" },
    Field { name: "weekday", first: 0, last: 6, whole: "week" },
];
/// The length of each month in a year that is not a leap year.
const MONTH_DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What is odd about a valid expression of five fields, and what it really does.
pub(crate) fn oddities(text: &str) -> Vec<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else { return Vec::new() };
    let mut odd: Vec<String> = FIELDS
        .iter()
        .zip(&fields)
        .flat_map(|(field, text)| text.split(',').filter_map(|part| step(field, part)))
        .collect();
    if minute == "*" && hour.parse::<u32>().is_ok() {
        odd.push(format!("a minute of `*` is every minute: sixty firings from {hour}:00 on; write `0 {hour}` for one"));
    }
    if is_named(day) && is_named(weekday) {
        odd.push(format!(
            "it fires on every day that is `{day}` of the month and on every day that is `{weekday}` of the week, not only when \
             both are so"
        ));
    }
    odd.extend(missing_days(day, month));
    odd
}

/// Whether a field of days leaves any day out.
fn is_named(field: &str) -> bool {
    !field.starts_with(['*', '?'])
}

/// A step that leaves a remainder: the count starts again with every hour, day, month…
fn step(field: &Field, part: &str) -> Option<String> {
    let (range, step) = part.split_once('/')?;
    let step: u32 = step.parse().ok().filter(|step| *step > 0)?;
    let bounds = match range.split_once('-') {
        Some((from, to)) => (from.parse().ok()?, to.parse().ok()?),
        None if range == "*" => (field.first, field.last),
        None => (range.parse().ok()?, field.last),
    };
    let (from, to): (u32, u32) = bounds;
    let values: Vec<u32> = (from..=to).step_by(usize::try_from(step).ok()?).collect();
    let Field { name, first, last, whole } = field;
    if let [only] = values[..] {
        return Some(format!("`{part}` is only {name} {only}, once in every {whole}, which has no {step} {name}s"));
    }
    let is_whole = range == "*" && ((last - first + 1) % step != 0 || *name == "day" && step > 1);
    let (beginning, end) = (values.first()?, values.last()?);
    is_whole.then(|| {
        let rest = last - end + 1 + (beginning - first);
        let rest = if *name == "day" { "fewer".to_owned() } else { rest.to_string() };
        format!(
            "`{part}` counts anew in every {whole}: the last {name} is {end}, and {rest} {name}s after it comes {beginning} again, \
             not {step}"
        )
    })
}

/// The months of one part: `*`, `2`, `FEB`, `2-4`, `FEB-APR`; `None` for a part with a step.
fn months_of(part: &str) -> Option<Vec<usize>> {
    let number = |text: &str| {
        let named = || MONTHS.iter().position(|name| name[..3].eq_ignore_ascii_case(text)).map(|place| place + 1);
        text.parse().ok().or_else(named).filter(|month| (1..=12).contains(month))
    };
    match part.split_once('-') {
        _ if part == "*" => Some((1..=12).collect()),
        Some((from, to)) => Some((number(from)?..=number(to)?).collect()),
        None => number(part).map(|month| vec![month]),
    }
}

/// What an odd expression probably means: one firing instead of every minute of an hour, the last day of the month
/// instead of the 31st, or the only value that an oversized step gives.
pub(crate) fn plainer(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else { return None };
    let only = |field: &Field, text: &str| {
        step(field, text).filter(|odd| odd.contains("is only")).map(|_| field.first.to_string())
    };
    let minute_meant =
        if minute == "*" && hour.parse::<u32>().is_ok() { Some("0".to_owned()) } else { only(&FIELDS[0], minute) };
    let day_meant = (day == "31" && missing_days(day, month).is_some()).then(|| "L".to_owned());
    if minute_meant.is_none() && day_meant.is_none() {
        return None;
    }
    let (minute, day) = (minute_meant.as_deref().unwrap_or(minute), day_meant.as_deref().unwrap_or(day));
    Some([minute, hour, day, month, weekday].join(" "))
}

/// Days that some months do not have.
fn missing_days(day: &str, month: &str) -> Option<String> {
    let wanted = day.split(',').filter_map(|day| day.parse::<u32>().ok()).max().filter(|day| *day > 28)?;
    let months: Option<Vec<Vec<usize>>> = month.split(',').map(months_of).collect();
    let months: Vec<usize> = months?.concat();
    let without = months.iter().filter(|month| MONTH_DAYS.get(*month - 1).is_some_and(|days| *days < wanted));
    let without: Vec<&str> = without.map(|month| MONTHS[month - 1]).collect();
    let unless = if wanted == 29 { " (but in leap years)" } else { "" };
    (!without.is_empty()).then(|| {
        format!("day {wanted} does not come in {}{unless}; `L` is the last day of a month", without.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_odd_is_said_with_what_it_does() {
        // The expression, and a part of the message about it; nothing for expressions that do what they say.
        let cases = [
            ("*/90 * * * *", "`*/90` is only minute 0, once in every hour"),
            ("*/60 * * * *", "only minute 0"),
            ("5/55 * * * *", "`5/55` is only minute 5"),
            ("*/45 * * * *", "the last minute is 45, and 15 minutes after it comes 0 again, not 45"),
            ("*/7 * * * *", "the last minute is 56, and 4 minutes after it comes 0 again, not 7"),
            ("0 */5 * * *", "the last hour is 20, and 4 hours after it comes 0 again, not 5"),
            ("0 */36 * * *", "`*/36` is only hour 0, once in every day"),
            ("0 8 */2 * *", "the last day is 31, and fewer days after it comes 1 again"),
            ("0 8 1 */5 *", "the last month is 11, and 2 months after it comes 1 again, not 5"),
            ("0 8 * * */2", "the last weekday is 6, and 1 weekdays after it comes 0 again, not 2"),
            ("0 9-17/10 * * *", "`9-17/10` is only hour 9"),
            ("* 8 * * *", "sixty firings from 8:00 on; write `0 8` for one"),
            ("0 8 1 * MON", "not only when both are so"),
            ("0 8 31 * *", "day 31 does not come in February, April, June, September, November; `L`"),
            ("0 8 30 * *", "day 30 does not come in February; `L`"),
            ("0 8 29 2 *", "day 29 does not come in February (but in leap years)"),
            ("0 8 15,31 3,4 *", "day 31 does not come in April"),
            ("0 8 31 APR *", "day 31 does not come in April"),
            ("0 8 31 mar,jun *", "day 31 does not come in June"),
            ("0 8 30 1-3 *", "day 30 does not come in February"),
            ("0 8 31 JAN-MAR *", "day 31 does not come in February"),
            ("0 8 31 JUL-AUG *", ""),
            ("*/15 * * * *", ""),
            ("*/15 8-18 * * MON-FRI", ""),
            ("0 */6 * * *", ""),
            ("0 8-18/2 * * *", ""),
            ("0 8 L * *", ""),
            ("0 8 1 */3 *", ""),
            ("0 8 31 1,3,5 *", ""),
            ("* * * * *", ""),
            ("0 8 * * MON#1", ""),
        ];
        for (text, expected) in cases {
            let odd = oddities(text);
            assert_eq!(odd.len(), usize::from(!expected.is_empty()), "`{text}`: {odd:?}");
            assert!(odd.iter().all(|said| said.contains(expected)), "`{text}`: {odd:?}");
        }
    }
}
