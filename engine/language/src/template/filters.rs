//! Everything that may stand after `|`. A filter pays for what it looks at and for what it makes.

use super::operators::{compare, equal};
use super::value::{Pen, Shown, Work};
use super::{LIST_ITEMS_MAX, Stop};
use cadenza_core::date::Date;
use cadenza_core::time::Timestamp;
use jiff::civil;
use std::cmp::Ordering;

/// A filter: its name, the arguments that it takes, how many of them it needs, and its function on a value. Arguments
/// that were not given are blank.
pub(super) struct Filter {
    pub(super) name: &'static str,
    pub(super) takes: &'static [&'static str],
    pub(super) needs: usize,
    pub(super) make: fn(&mut Work<'_>, &Shown, &[Shown]) -> Result<Shown, Stop>,
}

const fn filter(
    name: &'static str,
    takes: &'static [&'static str],
    needs: usize,
    make: fn(&mut Work<'_>, &Shown, &[Shown]) -> Result<Shown, Stop>,
) -> Filter {
    Filter { name, takes, needs, make }
}

/// Every filter.
pub(super) static FILTERS: &[Filter] = &[
    filter("abs", &[], 0, |_, value, _| {
        Ok(match value {
            Shown::Int(int) => Shown::Int(int.saturating_abs()),
            Shown::Number(number) => Shown::Number(number.abs()),
            _ => Shown::Blank,
        })
    }),
    filter("capitalize", &[], 0, |work, value, _| change(work, value, capitalized)),
    filter("count", &[], 0, |work, value, _| length(work, value)),
    filter("d", &["default", "boolean"], 1, default),
    filter("date", &[], 0, |work, value, _| {
        dated(work, value, |work, date| work.reader.date_of(date), |work, at| work.reader.date(at))
    }),
    filter("datetime", &[], 0, |work, value, _| timed(work, value, |work, at| work.reader.date_and_time(at))),
    filter("default", &["default", "boolean"], 1, default),
    filter("first", &[], 0, |work, value, _| Ok(ends(work, value)?.0)),
    filter("float", &[], 0, |work, value, _| Ok(number_of(work, value)?.map_or(Shown::Blank, Shown::Number))),
    filter("indent", &["width", "first"], 1, indent),
    filter("int", &[], 0, |work, value, _| {
        let number = number_of(work, value)?.map(f64::trunc);
        Ok(number.filter(|number| number.abs() < 9e18).map_or(Shown::Blank, |number| Shown::Int(number as i64)))
    }),
    filter("iso", &[], 0, |work, value, _| {
        dated(work, value, |_, date| date.to_string(), |work, at| work.reader.iso(at))
    }),
    filter("join", &["with"], 0, join),
    filter("last", &[], 0, |work, value, _| Ok(ends(work, value)?.1)),
    filter("length", &[], 0, |work, value, _| length(work, value)),
    filter("list", &[], 0, |work, value, _| listed(work, value)),
    filter("lower", &[], 0, |work, value, _| change(work, value, str::to_lowercase)),
    filter("max", &[], 0, |work, value, _| best(work, value, Ordering::Greater)),
    filter("min", &[], 0, |work, value, _| best(work, value, Ordering::Less)),
    filter("money", &["currency"], 1, money),
    filter("number", &["places"], 0, number),
    filter("replace", &["from", "to"], 2, replace),
    filter("reverse", &[], 0, reverse),
    filter("round", &["places"], 0, round),
    filter("sort", &[], 0, sort),
    filter("split", &["at"], 0, split),
    filter("string", &[], 0, |work, value, _| Ok(Shown::Text(work.text_of(value)?))),
    filter("sum", &[], 0, sum),
    filter("time", &[], 0, |work, value, _| timed(work, value, |work, at| work.reader.time_of_day(at))),
    filter("title", &[], 0, |work, value, _| change(work, value, titled)),
    filter("trim", &[], 0, |work, value, _| change(work, value, |text| text.trim().to_owned())),
    filter("truncate", &["length"], 1, truncate),
    filter("unique", &[], 0, unique),
    filter("upper", &[], 0, |work, value, _| change(work, value, str::to_uppercase)),
    filter("weekday", &[], 0, |work, value, _| {
        let day = |work: &Work<'_>, date| work.reader.weekday_of(date).to_owned();
        dated(work, value, day, |work, at| work.reader.weekday(at).to_owned())
    }),
];

/// The filter of this name.
pub(super) fn find(name: &str) -> Option<&'static Filter> {
    FILTERS.iter().find(|filter| filter.name == name)
}

/// A text made from a text; blank stays blank. A change of case makes a text at most three times as long in bytes.
fn change(work: &mut Work<'_>, value: &Shown, make: fn(&str) -> String) -> Result<Shown, Stop> {
    if value.is_blank() {
        return Ok(Shown::Blank);
    }
    let text = work.text_of(value)?;
    work.bytes(text.len())?;
    let made = make(&text);
    work.length(made.len())?;
    Ok(Shown::text(made))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect())
}

fn titled(text: &str) -> String {
    let mut inside = false;
    let mut made = String::with_capacity(text.len());
    for letter in text.chars() {
        if inside {
            made.extend(letter.to_lowercase());
        } else {
            made.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric() || letter == '\'' || letter == '’';
    }
    made
}

fn default(_: &mut Work<'_>, value: &Shown, args: &[Shown]) -> Result<Shown, Stop> {
    let empty = args[1].is_true() && !value.is_true();
    Ok(if value.is_blank() || empty { args[0].clone() } else { value.clone() })
}

/// A date or a time, or a text that is one.
fn dated(
    work: &mut Work<'_>,
    value: &Shown,
    of_date: fn(&Work<'_>, civil::Date) -> String,
    of_time: fn(&Work<'_>, Timestamp) -> String,
) -> Result<Shown, Stop> {
    let date = match value {
        Shown::Date(date) => *date,
        Shown::Text(text) if let Some(date) = Date::parse(text) => date,
        _ => return timed(work, value, of_time),
    };
    work.steps(4)?;
    let text = of_date(work, date.to_jiff());
    work.length(text.len())?;
    Ok(Shown::text(text))
}

/// A time, or a text that is one.
fn timed(work: &mut Work<'_>, value: &Shown, write: fn(&Work<'_>, Timestamp) -> String) -> Result<Shown, Stop> {
    let at = match value {
        Shown::Blank => return Ok(Shown::Blank),
        Shown::Time(at) => Some(*at),
        Shown::Text(text) => Timestamp::parse(text),
        _ => None,
    };
    let at =
        at.ok_or_else(|| Stop::Mismatch(format!("only a time has a date or an hour, and this is {}", value.what())))?;
    work.steps(4)?;
    let text = write(work, at);
    work.length(text.len())?;
    Ok(Shown::text(text))
}

fn number_of(work: &mut Work<'_>, value: &Shown) -> Result<Option<f64>, Stop> {
    match value {
        Shown::Text(text) => {
            work.bytes(text.len())?;
            Ok(text.trim().parse().ok().filter(|number: &f64| number.is_finite()))
        }
        other => Ok(other.as_f64()),
    }
}

/// The requested number of decimal places.
fn places(value: &Shown) -> Result<Option<usize>, Stop> {
    match value {
        Shown::Blank => Ok(None),
        Shown::Int(places @ 0..=15) => Ok(Some(usize::try_from(*places).unwrap_or_default())),
        _ => Err(Stop::Mismatch("the places after the point are 0 to 15".to_owned())),
    }
}

fn number(work: &mut Work<'_>, value: &Shown, args: &[Shown]) -> Result<Shown, Stop> {
    let Some(number) = number_of(work, value)? else { return not_a_number(value) };
    let text = work.reader.number(number, places(&args[0])?);
    work.length(text.len())?;
    Ok(Shown::text(text))
}

fn money(work: &mut Work<'_>, value: &Shown, args: &[Shown]) -> Result<Shown, Stop> {
    let currency = match &args[0] {
        Shown::Text(code) if code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase()) => code.clone(),
        _ => return Err(Stop::Mismatch("a currency has three letters: write `money(\"EUR\")`".to_owned())),
    };
    let Some(amount) = number_of(work, value)? else { return not_a_number(value) };
    let text = work.reader.money(amount, &currency);
    work.length(text.len())?;
    Ok(Shown::text(text))
}

fn not_a_number(value: &Shown) -> Result<Shown, Stop> {
    if value.is_blank() {
        return Ok(Shown::Blank);
    }
    Err(Stop::Mismatch(format!("a number is wanted, and this is {}", value.what())))
}

fn round(work: &mut Work<'_>, value: &Shown, args: &[Shown]) -> Result<Shown, Stop> {
    let Some(number) = number_of(work, value)? else { return not_a_number(value) };
    let scale = 10_f64.powi(places(&args[0])?.map_or(0, |places| places as i32));
    let rounded = (number * scale).round() / scale;
    Ok(Shown::Number(if rounded.is_finite() { rounded } else { number }))
}

fn length(work: &mut Work<'_>, value: &Shown) -> Result<Shown, Stop> {
    Ok(match value {
        Shown::Blank => Shown::Int(0),
        Shown::List(list) => Shown::whole(list.items.len()),
        Shown::Text(text) => {
            work.bytes(text.len())?;
            Shown::whole(text.chars().count())
        }
        other => {
            return Err(Stop::Mismatch(format!("only a text or a list has a length, and this is {}", other.what())));
        }
    })
}

/// A list of the letters of a text, or of the single value.
fn listed(work: &mut Work<'_>, value: &Shown) -> Result<Shown, Stop> {
    match value {
        Shown::Blank => Shown::list(Vec::new()),
        Shown::List(_) => Ok(value.clone()),
        Shown::Text(text) => {
            let letters = text.chars().take(LIST_ITEMS_MAX + 1).count();
            work.steps(letters)?;
            Shown::list(text.chars().take(letters).map(|letter| Shown::text(letter.to_string())).collect())
        }
        other => Shown::list(vec![other.clone()]),
    }
}

fn ends(work: &mut Work<'_>, value: &Shown) -> Result<(Shown, Shown), Stop> {
    let or_blank = |item: Option<Shown>| item.unwrap_or(Shown::Blank);
    Ok(match value {
        Shown::List(list) => (or_blank(list.items.first().cloned()), or_blank(list.items.last().cloned())),
        Shown::Text(text) => {
            work.steps(2)?;
            let letter = |letter: Option<char>| or_blank(letter.map(|letter| Shown::text(letter.to_string())));
            (letter(text.chars().next()), letter(text.chars().next_back()))
        }
        _ => (Shown::Blank, Shown::Blank),
    })
}

fn join(work: &mut Work<'_>, value: &Shown, args: &[Shown]) -> Result<Shown, Stop> {
    let with = work.text_of(&args[0])?;
    let Shown::List(list) = value else { return Ok(value.clone()) };
    let mut pen = Pen::default();
    for (number, item) in list.items.iter().enumerate() {
        if number > 0 {
            pen.write(&with, work)?;
        }
        pen.print(item, work)?;
    }
    Ok(Shown::text(pen.text))
}

fn replace(work: &mut Work<'_>, value: &Shown, args: &[Shown]) -> Result<Shown, Stop> {
    if value.is_blank() {
        return Ok(Shown::Blank);
    }
    let (text, from, to) = (work.text_of(value)?, work.text_of(&args[0])?, work.text_of(&args[1])?);
    // A search prepares itself with the text that it looks for, however short the searched text is.
    if from.len() > text.len() {
        return Ok(Shown::Text(text));
    }
    work.bytes(text.len() * 2)?;
    let found = text.matches(&*from).count();
    work.length((text.len() - found * from.len()).saturating_add(found.saturating_mul(to.len())))?;
    Ok(Shown::text(text.replace(&*from, &to)))
}

fn split(work: &mut Work<'_>, value: &Shown, args: &[Shown]) -> Result<Shown, Stop> {
    if value.is_blank() {
        return Shown::list(Vec::new());
    }
    let text = work.text_of(value)?;
    work.bytes(text.len())?;
    let parts: Vec<&str> = match &args[0] {
        Shown::Blank => text.split_whitespace().take(LIST_ITEMS_MAX + 1).collect(),
        at => {
            let at = work.text_of(at)?;
            if at.len() > text.len() {
                return Shown::list(vec![Shown::Text(text)]);
            }
            if at.is_empty() {
                return Err(Stop::Mismatch("a text is split at something: write `split(\",\")`".to_owned()));
            }
            text.split(&*at).take(LIST_ITEMS_MAX + 1).collect()
        }
    };
    work.steps(parts.len())?;
    Shown::list(parts.into_iter().map(Shown::text).collect())
}

fn indent(work: &mut Work<'_>, value: &Shown, args: &[Shown]) -> Result<Shown, Stop> {
    let Shown::Int(width @ 0..=100) = args[0] else {
        return Err(Stop::Mismatch("a text is indented by 0 to 100 blanks".to_owned()));
    };
    let blanks = " ".repeat(usize::try_from(width).unwrap_or_default());
    let text = work.text_of(value)?;
    let mut pen = Pen::default();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if (number > 0 || args[1].is_true()) && !line.trim().is_empty() {
            pen.write(&blanks, work)?;
        }
        pen.write(line, work)?;
    }
    Ok(Shown::text(pen.text))
}

fn truncate(work: &mut Work<'_>, value: &Shown, args: &[Shown]) -> Result<Shown, Stop> {
    let Shown::Int(most) = args[0] else {
        return Err(Stop::Mismatch("a text is cut after a number of letters: write `truncate(80)`".to_owned()));
    };
    let most = usize::try_from(most).unwrap_or_default();
    let text = work.text_of(value)?;
    work.bytes(text.len() * 2)?;
    if value.is_blank() || text.chars().count() <= most {
        return Ok(value.clone());
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    Ok(Shown::text(format!("{}…", kept.trim_end())))
}

fn reverse(work: &mut Work<'_>, value: &Shown, _: &[Shown]) -> Result<Shown, Stop> {
    match value {
        Shown::List(list) => {
            work.steps(list.items.len())?;
            Shown::list(list.items.iter().rev().cloned().collect())
        }
        other => change(work, other, |text| text.chars().rev().collect()),
    }
}

/// Numbers, times or texts in order. All comparisons are paid for before the first.
fn sort(work: &mut Work<'_>, value: &Shown, _: &[Shown]) -> Result<Shown, Stop> {
    let Shown::List(list) = value else { return Ok(value.clone()) };
    let bytes: usize = list.items.iter().map(|item| if let Shown::Text(text) = item { text.len() } else { 8 }).sum();
    let rounds = list.items.len().checked_ilog2().unwrap_or(0) as usize + 1;
    work.steps(list.items.len() * rounds)?;
    work.bytes(bytes.saturating_mul(rounds))?;
    let mut items = list.items.clone();
    // Each type is sorted by a total order: the sort of the standard library may panic on an inconsistent order.
    if items.iter().all(|item| matches!(item, Shown::Text(_))) {
        items.sort_by(|a, b| if let (Shown::Text(a), Shown::Text(b)) = (a, b) { a.cmp(b) } else { Ordering::Equal });
    } else if items.iter().all(|item| matches!(item, Shown::Date(_))) {
        items.sort_by_key(|item| if let Shown::Date(date) = item { Some(*date) } else { None });
    } else if items.iter().all(|item| matches!(item, Shown::Time(_))) {
        items.sort_by_key(|item| if let Shown::Time(at) = item { *at } else { Timestamp::MAX });
    } else if items.iter().all(|item| item.as_f64().is_some()) {
        items.sort_by(|a, b| a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default()));
    } else {
        return Err(Stop::Mismatch("a list is sorted when all of it are numbers, times or texts".to_owned()));
    }
    Shown::list(items)
}

fn unique(work: &mut Work<'_>, value: &Shown, _: &[Shown]) -> Result<Shown, Stop> {
    let Shown::List(list) = value else { return Ok(value.clone()) };
    let mut kept: Vec<Shown> = Vec::new();
    'items: for item in &list.items {
        for other in &kept {
            if equal(work, other, item)? {
                continue 'items;
            }
        }
        kept.push(item.clone());
    }
    Shown::list(kept)
}

fn best(work: &mut Work<'_>, value: &Shown, wanted: Ordering) -> Result<Shown, Stop> {
    let Shown::List(list) = value else { return Ok(value.clone()) };
    let mut best = Shown::Blank;
    for item in &list.items {
        if best.is_blank() || compare(work, item, &best)? == Some(wanted) {
            best = item.clone();
        }
    }
    Ok(best)
}

fn sum(work: &mut Work<'_>, value: &Shown, _: &[Shown]) -> Result<Shown, Stop> {
    let Shown::List(list) = value else { return Ok(value.clone()) };
    work.steps(list.items.len())?;
    let whole = list
        .items
        .iter()
        .try_fold(0_i64, |sum, item| if let Shown::Int(int) = item { sum.checked_add(*int) } else { None });
    let all = || list.items.iter().filter_map(Shown::as_f64).sum::<f64>();
    Ok(whole.map_or_else(|| Shown::Number(all().clamp(f64::MIN, f64::MAX)), Shown::Int))
}
