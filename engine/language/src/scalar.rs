//! Single values: texts, names, numbers, durations, dates, zones, cron. Each says what to write when it cannot be read.

use crate::cron;
use crate::diagnostic::{Problem, Sheet};
use crate::meant::{NAME_CHARS_MAX, as_date, is_name, meant, perhaps_thousands, plain_number, slug};
use crate::suggest::nearest;
use crate::yaml::{Content, Entry, Node, Scalar, quoted};
use cadenza_core::event::{EventType, StandardEvent};
use cadenza_core::time::{Span, Timestamp};
use cadenza_core::value::{Value, ValueType};
use cadenza_core::zone::{self, ZoneError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::ops::Range;

/// How durations are written.
const DURATIONS: &str =
    "write a whole number and a unit: `90s`, `5m`, `36h`, `14d`, `2w`, `5 business minutes`, `2 business days`";
/// Words that YAML 1.1 read as booleans, and that people still use as such.
const BOOLEAN_LOOKALIKES: &[&str] = &["yes", "no", "on", "off", "y", "n"];

impl Sheet<'_> {
    /// A single value that is neither blank nor a template. Only texts for people are templates.
    pub(crate) fn scalar<'n>(&self, node: &'n Node, what: &str) -> Option<&'n Scalar> {
        let scalar = self.raw_scalar(node, what)?;
        self.is_no_template(node, what).then_some(scalar)
    }

    /// Whether the value is not a template; reports one that is.
    fn is_no_template(&self, node: &Node, what: &str) -> bool {
        let problem = self.taken_literally(node, what);
        let is_none = problem.is_none();
        problem.into_iter().for_each(|problem| self.report(problem));
        is_none
    }

    /// The problem of a template in a value that is taken literally.
    pub(crate) fn taken_literally(&self, node: &Node, what: &str) -> Option<Problem> {
        let scalar = node.scalar().filter(|scalar| is_template(&scalar.text))?;
        let message = format!("`{}` would be taken as it stands: {what} is not filled in", scalar.text);
        let help =
            "write it out; values are filled in in `task` and in scripts, and worked out by `{ cel: … }` in `update`";
        Some(Problem::error("taken-literally", node.span.clone(), message).help(help))
    }

    /// A text that may be a template.
    pub(crate) fn template(&self, node: &Node, what: &str) -> Option<String> {
        let scalar = self.raw_scalar(node, what)?;
        self.cut_by_a_comment(node, scalar);
        if is_template(&scalar.text) { Some(scalar.text.clone()) } else { self.text(node, what) }
    }

    /// `Call about ticket #7 today`: YAML ends the text before the sign. A comment for people has a blank behind it.
    fn cut_by_a_comment(&self, node: &Node, scalar: &Scalar) {
        let rest = self.text[node.span.end.min(self.text.len())..].lines().next().unwrap_or_default();
        let comment = rest.trim_start().strip_prefix('#').filter(|_| scalar.is_plain() && rest.starts_with(' '));
        if !comment.is_some_and(|comment| comment.starts_with(char::is_alphanumeric)) {
            return;
        }
        let whole = node.span.start..node.span.end + rest.trim_end().len();
        let instead = quoted(&self.text[whole.clone()]);
        let message = "the text ends before ` #`: what follows is a comment, and nobody reads it";
        let problem = Problem::warning("cut-by-comment", whole, message).label("put all of it in quotes");
        self.report(
            problem.help(format!("write {instead}, or a blank behind `#` where a comment is meant")).replace(instead),
        );
    }

    /// A single value that is not blank.
    pub(crate) fn raw_scalar<'n>(&self, node: &'n Node, what: &str) -> Option<&'n Scalar> {
        match &node.content {
            Content::Scalar(scalar) if !scalar.is_null() => Some(scalar),
            _ => {
                let message = format!("{what} is wanted here, and this is {}", node.is_a());
                self.report(Problem::error("wrong-type", node.pointer(), message));
                None
            }
        }
    }

    /// A text. `no` and similar words are refused unless quoted, because other YAML readers turn them into false.
    pub(crate) fn text(&self, node: &Node, what: &str) -> Option<String> {
        let scalar = self.scalar(node, what)?;
        let lower = scalar.text.to_lowercase();
        if scalar.is_plain()
            && (BOOLEAN_LOOKALIKES.contains(&lower.as_str()) || matches!(lower.as_str(), "true" | "false"))
        {
            let message = format!("unquoted `{}` may be read as a boolean, and a text is wanted here", scalar.text);
            let quoted = format!("\"{}\"", scalar.text);
            let help = format!("put it in quotes: {quoted}");
            self.report(Problem::error("ambiguous-word", node.span.clone(), message).help(help).replace(quoted));
            return None;
        }
        if scalar.text.trim().is_empty() {
            self.report(Problem::error("empty-text", node.span.clone(), format!("{what} is empty")));
            return None;
        }
        Some(scalar.text.clone())
    }

    /// A new name.
    pub(crate) fn name(&self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        self.check_name(&text, node.span.clone(), what).then_some(text)
    }

    pub(crate) fn check_name(&self, text: &str, span: std::ops::Range<usize>, what: &str) -> bool {
        let good = is_name(text);
        if !good {
            let message = format!("`{text}` cannot be {what}");
            let help = format!(
                "a name has at most {NAME_CHARS_MAX} lower-case letters, digits, `-` and `_`, and begins with a letter or digit"
            );
            let problem = Problem::error("bad-name", span, message).help(help);
            self.report(match slug(text, '-') {
                Some(slug) => problem.label(format!("write `{slug}`")).replace(slug),
                None => problem,
            });
        }
        good
    }

    pub(crate) fn flag(&self, node: &Node) -> Option<bool> {
        let scalar = self.scalar(node, "`true` or `false`")?;
        match (scalar.is_plain(), scalar.text.as_str()) {
            (true, "true") => Some(true),
            (true, "false") => Some(false),
            _ => {
                let message = format!("`{}` is neither `true` nor `false`", scalar.text);
                let problem = Problem::error("bad-boolean", node.span.clone(), message);
                self.report(match scalar.text.to_lowercase().as_str() {
                    "yes" | "y" | "on" | "true" => problem.label("write `true`").replace("true"),
                    "no" | "n" | "off" | "false" => problem.label("write `false`").replace("false"),
                    _ => problem.help("write `true` or `false`, without quotes"),
                });
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(crate) fn whole(&self, node: &Node, what: &str, min: u32, max: u32) -> Option<u32> {
        let scalar = self.scalar(node, what)?;
        match scalar.text.parse::<u32>() {
            Ok(number) if scalar.is_plain() && (min..=max).contains(&number) => Some(number),
            _ => {
                let message = format!("`{}` cannot be {what}", scalar.text);
                let help = format!("write a whole number from {min} to {max}");
                let problem = Problem::error("bad-number", node.span.clone(), message).help(help);
                let meant = plain_number(&scalar.text)
                    .filter(|text| text.parse::<u32>().is_ok_and(|number| (min..=max).contains(&number)));
                // If the number is out of bounds, the nearest is the bound.
                let bound = scalar.text.parse::<u32>().ok().map(|number| number.clamp(min, max).to_string());
                self.report(match meant.or_else(|| bound.filter(|bound| *bound != scalar.text)) {
                    Some(number) => problem.label(format!("write `{number}`")).replace(number),
                    None => problem,
                });
                None
            }
        }
    }

    pub(crate) fn duration(&self, node: &Node) -> Option<Span> {
        let what = "a duration such as `5m`";
        let scalar = self.raw_scalar(node, what)?;
        if let Some(problem) = self.taken_literally(node, what) {
            self.report(problem.for_example("1d"));
            return None;
        }
        let span = Span::parse(&scalar.text);
        if span.is_none() {
            let message = format!("`{}` is no duration", scalar.text);
            let problem = Problem::error("bad-duration", node.span.clone(), message);
            let has_unit = !scalar.text.bytes().all(|byte| byte.is_ascii_digit());
            let (problem, mended) = match mend_duration(&scalar.text) {
                Some(mended) => (problem.label(format!("did you mean `{mended}`?")).replace(mended), has_unit),
                None => (problem, false),
            };
            self.report(if mended { problem } else { problem.help(DURATIONS) });
        }
        span
    }

    /// A duration on any clock, in milliseconds, up to a maximum.
    pub(crate) fn plain_duration_ms(&self, node: &Node, longest: Span) -> Option<u64> {
        match self.duration(node)? {
            Span::Elapsed(ms) if (1..=longest.approximate_ms()).contains(&ms) => Some(ms.unsigned_abs()),
            _ => {
                let message = "this duration does not fit here".to_owned();
                let help = format!("write one between `1s` and `{longest}`, in seconds, minutes or hours");
                let problem = Problem::error("bad-duration", node.span.clone(), message).help(help);
                self.report(problem.for_example(&longest.to_string()));
                None
            }
        }
    }

    pub(crate) fn date(&self, node: &Node) -> Option<Date> {
        let scalar = self.scalar(node, "a date such as `2026-12-25`")?;
        let date = scalar.text.parse::<Date>().ok().filter(|_| scalar.text.len() == "2026-12-25".len());
        if date.is_none() {
            let message = format!("`{}` is no date", scalar.text);
            let problem = Problem::error("bad-date", node.span.clone(), message);
            self.report(match as_date(&scalar.text) {
                Some(date) => problem.label(format!("write `{date}`")).replace(date.to_string()),
                None => problem.help("write year, month and day, such as `2026-12-25`"),
            });
        }
        date
    }

    /// The zone of a place, with the correct spelling of its IANA name.
    pub(crate) fn zone(&self, node: &Node) -> Option<(String, TimeZone)> {
        let text = self.text(node, "a time zone")?;
        let error = match zone::place(&text) {
            Ok(zone) => return Some((zone.iana_name().unwrap_or("UTC").to_owned(), zone)),
            Err(error) => error,
        };
        self.report(no_zone(&error, &text, node.span.clone()));
        None
    }

    /// The five fields of cron(5).
    pub(crate) fn cron(&self, node: &Node) -> Option<String> {
        let text = self.text(node, "a cron expression")?;
        let parser = croner::parser::CronParser::builder().seconds(croner::parser::Seconds::Disallowed).build();
        let fields = text.split_whitespace().count();
        let problem = |message: String| Problem::error("bad-cron", node.span.clone(), message);
        if fields != 5 {
            let help = "write minute, hour, day of month, month and weekday: `0 8 * * MON-FRI` is 8:00 on working days";
            let problem = problem(format!("a cron expression has five fields, and this has {fields}")).help(help);
            // In other tools, seconds come first.
            let without_seconds =
                text.trim().strip_prefix("0 ").filter(|_| fields == 6).map(|rest| format!("\"{rest}\""));
            self.report(match without_seconds {
                Some(instead) => problem.label(format!("write `{instead}`")).replace(instead),
                None => problem,
            });
            return None;
        }
        let cron = match parser.parse(&text) {
            Ok(cron) => cron,
            Err(error) => {
                let what = error.to_string();
                let reason = what.split_once(": ").map_or(what.as_str(), |(_, reason)| reason).trim_end_matches('.');
                let problem = problem(format!("`{text}` is no cron expression"));
                let odd = cron_help(&text);
                let help = odd.as_ref().map_or_else(|| reason.to_owned(), |odd| odd.help.clone());
                let mended = odd.and_then(|odd| Some((odd.near?, odd.part)));
                let mended = mended.map(|(near, part)| format!("\"{}\"", text.replace(part, near)));
                self.report(match mended.filter(|mended| parser.parse(mended.trim_matches('"')).is_ok()) {
                    Some(mended) => problem.label(format!("did you mean `{mended}`?")).replace(mended).help(help),
                    None => problem.help(help),
                });
                return None;
            }
        };
        let start = jiff::civil::date(2024, 1, 1).at(0, 0, 0, 0).to_zoned(TimeZone::UTC);
        let start = start.expect("the first of January begins in UTC");
        if cron.find_next_occurrence(&start, true).is_err() {
            let message = format!("`{text}` never comes: there is no such day");
            let help = "look at the day of the month and the month, the third and fourth field";
            let problem = problem(message).help(help);
            let mut fields: Vec<&str> = text.split_whitespace().collect();
            fields[2] = "L";
            let last = fields.join(" ");
            let comes = parser.parse(&last).is_ok_and(|cron| cron.find_next_occurrence(&start, true).is_ok());
            self.report(if comes {
                problem.label(format!("the last day is `L`: write `\"{last}\"`")).replace(format!("\"{last}\""))
            } else {
                problem
            });
            return None;
        }
        for odd in cron::oddities(&text) {
            let message = format!("`{text}` may not be what it says");
            let problem = Problem::warning("odd-cron", node.span.clone(), message).help(odd);
            self.report(match cron::plainer(&text) {
                Some(plain) => problem.replace(format!("\"{plain}\"")),
                None => problem,
            });
        }
        Some(text)
    }

    pub(crate) fn event(&self, node: &Node) -> Option<EventType> {
        let text = self.text(node, "an event type")?;
        let event = EventType::parse(&text);
        if event.is_none() {
            let message = format!("there is no event type `{text}`");
            let problem = Problem::error("unknown-event", node.span.clone(), message);
            let names = StandardEvent::ALL.iter().map(|event| event.as_str());
            let own = text.split_once('.').filter(|(first, _)| first.eq_ignore_ascii_case("custom"));
            let own = own.and_then(|(_, name)| slug(name, '_')).map(|name| format!("custom.{name}"));
            self.report(match own {
                Some(own) => problem.label(format!("write `{own}`")).replace(own),
                None => problem.suggest(&text, names, "event types").or_help(
                    "events of your own are called `custom.` and a name of lower-case letters, digits, `_` and `.`",
                ),
            });
        }
        event
    }

    /// One of a closed set of words.
    pub(crate) fn word<T: Copy>(&self, node: &Node, what: &str, words: &[(&'static str, T)]) -> Option<T> {
        let scalar = self.scalar(node, what)?;
        let found = words.iter().find(|(word, _)| *word == scalar.text).map(|(_, value)| *value);
        if found.is_none() {
            let message = format!("`{}` cannot be {what}", scalar.text);
            let problem = Problem::error("unknown-word", node.span.clone(), message);
            self.report(match words {
                [(only, _)] => problem.label(format!("write `{only}`")).replace(*only),
                _ => problem.suggest_one(&scalar.text, words.iter().map(|(word, _)| *word), "it can be"),
            });
        }
        found
    }

    /// A value of this type.
    pub(crate) fn value(&self, node: &Node, kind: ValueType, what: &str) -> Option<Value> {
        if !self.is_no_template(node, what) {
            return None;
        }
        let value = match (&node.content, kind) {
            (Content::List(items), ValueType::List | ValueType::Any) => {
                let texts = items.iter().map(|item| self.text(item, "a text"));
                return texts
                    .collect::<Option<Vec<_>>>()
                    .map(|texts| Value::List(texts.into_iter().map(Value::Text).collect()));
            }
            (Content::Scalar(scalar), ValueType::Text) if !scalar.is_null() => {
                return self.text(node, what).map(Value::Text);
            }
            (Content::Scalar(scalar), ValueType::Bool) if !scalar.is_null() => return self.flag(node).map(Value::Bool),
            (Content::Scalar(scalar), ValueType::Duration) if !scalar.is_null() => {
                return self.duration(node).map(|span| Value::Duration(span.approximate_ms()));
            }
            (Content::Scalar(scalar), _) if !scalar.is_null() => read_value(scalar, kind),
            _ => None,
        };
        if let (Some(Value::Number(_)), Some(scalar)) = (&value, node.scalar()) {
            perhaps_thousands(&scalar.text, node.span.clone()).into_iter().for_each(|problem| self.report(problem));
        }
        if value.is_none() {
            let found = node.scalar().filter(|scalar| !scalar.text.is_empty());
            let found = found.map_or_else(
                || node.is_a().to_owned(),
                |scalar| {
                    if scalar.is_plain() { format!("`{}`", scalar.text) } else { format!("the text {:?}", scalar.text) }
                },
            );
            let problem = Problem::error(
                "wrong-type",
                node.pointer(),
                format!("{what} is {}, and this is {found}", kind_words(kind)),
            );
            self.report(match node.scalar().and_then(|scalar| meant(scalar, kind)) {
                Some(meant) => problem.label(format!("write `{meant}`")).replace(meant),
                None => problem.help(format!("write {}", example(kind))),
            });
        }
        value
    }

    /// A value that must be one of these choices, if there are any.
    pub(crate) fn choice(&self, node: &Node, value: Value, choices: &[String]) -> Option<Value> {
        let Value::Text(text) = &value else { return Some(value) };
        if choices.is_empty() || choices.contains(text) {
            return Some(value);
        }
        let problem = Problem::error("unknown-code", node.span.clone(), format!("there is no choice `{text}`"));
        self.report(problem.suggest_one(text, choices.iter().map(String::as_str), "choices of this field"));
        None
    }

    /// The items of a list; a single value counts as a list of one.
    pub(crate) fn items<'n>(&self, node: &'n Node) -> &'n [Node] {
        match &node.content {
            Content::List(items) => items,
            Content::Scalar(_) | Content::Map(_) => std::slice::from_ref(node),
        }
    }

    /// The items of a node that must be a list.
    pub(crate) fn list<'n>(&self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        if let Content::List(items) = &node.content {
            return Some(items);
        }
        let message = format!("{what} is a list, and this is {}", node.is_a());
        let problem = Problem::error("wrong-type", node.pointer(), message);
        let problem = problem.help("begin each item with `- `, or write `[ … ]`");
        self.report(problem.mend_by(self.as_item(node)));
        None
    }

    /// The entries of a node that must be a mapping from names of the author's choice.
    pub(crate) fn named<'n>(&self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        if let Content::Map(entries) = &node.content {
            return Some(entries);
        }
        let message = format!("{what} is a mapping from names, and this is {}", node.is_a());
        self.report(Problem::error("wrong-type", node.pointer(), message).help("write each as `name: …`"));
        None
    }
}

/// Whether a text contains something to fill in.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

fn read_value(scalar: &Scalar, kind: ValueType) -> Option<Value> {
    let text = scalar.text.as_str();
    match kind {
        ValueType::Int => text.parse().ok().filter(|_| scalar.is_plain()).map(Value::Int),
        ValueType::Number => {
            text.parse::<f64>().ok().filter(|number| scalar.is_plain() && number.is_finite()).map(Value::Number)
        }
        ValueType::Time => Timestamp::parse(text).map(Value::Time),
        ValueType::Date => cadenza_core::date::Date::parse(text).map(Value::Date),
        ValueType::Any if !scalar.is_plain() => Some(Value::Text(text.to_owned())),
        ValueType::Any => Some(match (text, text.parse::<i64>(), text.parse::<f64>()) {
            ("true", ..) => Value::Bool(true),
            ("false", ..) => Value::Bool(false),
            (_, Ok(int), _) => Value::Int(int),
            (_, _, Ok(number)) if number.is_finite() => Value::Number(number),
            _ => Value::Text(text.to_owned()),
        }),
        ValueType::Bool | ValueType::Text | ValueType::Duration | ValueType::List => None,
    }
}

/// A type in words, with its article.
pub(crate) fn kind_words(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Bool => "true or false",
        ValueType::Int => "a whole number",
        ValueType::Number => "a number",
        ValueType::Text => "a text",
        ValueType::Time => "a point in time",
        ValueType::Duration => "a duration",
        ValueType::List => "a list of texts",
        ValueType::Date => "a date",
        ValueType::Any => "a value of any type",
    }
}

fn example(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Bool => "`true` or `false`, without quotes",
        ValueType::Int => "a whole number such as `250`, without quotes",
        ValueType::Number => "a number such as `49.5`, without quotes",
        ValueType::Text => "a text such as `\"Software\"`",
        ValueType::Time => "a time with its zone such as `2026-03-08T07:30:00Z`",
        ValueType::Duration => "a duration such as `14d`",
        ValueType::List => "a list such as `[a, b]`",
        ValueType::Date => "a date such as `2026-12-25`",
        ValueType::Any => "any value",
    }
}

/// `1.5d` in whole hours; none where nothing smaller makes it whole.
fn in_smaller_units(text: &str) -> Option<String> {
    let number = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',')).len();
    let count: f64 = text[..number].replace(',', ".").parse().ok().filter(|_| text[..number].contains(['.', ',']))?;
    let (factor, unit) = match text[number..].trim() {
        "w" | "week" | "weeks" => (7.0, "d"),
        "d" | "day" | "days" => (24.0, "h"),
        "h" | "hour" | "hours" => (60.0, "m"),
        "m" | "min" | "minute" | "minutes" => (60.0, "s"),
        _ => return None,
    };
    let whole = count * factor;
    (whole.fract() == 0.0 && whole > 0.0).then(|| format!("{whole}{unit}")).filter(|whole| Span::parse(whole).is_some())
}

/// What a mistyped duration was probably meant to be.
fn mend_duration(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, rest) = text.split_at(digits);
    if count.is_empty() {
        return None;
    }
    if let Some(whole) = in_smaller_units(text) {
        return Some(whole);
    }
    let rest = rest.trim().trim_end_matches('.');
    if rest.is_empty() {
        // Most durations of a workflow are days.
        return Some(format!("{count}d"));
    }
    let is_business = |word: &str| {
        let word = word.trim_end_matches('.').to_lowercase();
        word == "biz" || word == "bus" || nearest(&word, ["business", "working", "work"]).is_some()
    };
    let (business, unit) = match rest.split_once([' ', '-', '_']) {
        Some((word, unit)) if is_business(word) => (true, unit.trim()),
        Some(_) => return None,
        None => match rest.to_lowercase().as_str() {
            "bd" | "workday" | "workdays" | "weekday" | "weekdays" | "businessday" | "businessdays" => (true, "days"),
            "bh" | "workhours" | "businesshours" => (true, "hours"),
            _ => (false, rest),
        },
    };
    // Longer units are taken as days, because a month has no fixed length.
    let longer = |days: u32| Some(format!("{}d", count.parse::<u32>().ok()?.checked_mul(days)?));
    match unit.to_lowercase().as_str() {
        "month" | "months" | "mo" | "mon" => return longer(30),
        "quarter" | "quarters" => return longer(91),
        "year" | "years" | "y" | "yr" | "yrs" => return longer(365),
        _ => {}
    }
    let units = match count {
        "1" => ["second", "minute", "hour", "day", "week"],
        _ => ["seconds", "minutes", "hours", "days", "weeks"],
    };
    let unit = match unit.to_lowercase().as_str() {
        "sec" | "secs" => "seconds",
        "mins" => "minutes",
        "hrs" | "hr" => "hours",
        "m" | "h" | "d" | "s" | "w" | "min" => unit,
        wrong => nearest(wrong, units)?,
    };
    let mended = if business { format!("{count} business {unit}") } else { format!("{count} {unit}") };
    Span::parse(&mended).map(|_| mended)
}

/// The problem of a text that is not the time zone of a place, with what it probably meant.
pub(crate) fn no_zone(error: &ZoneError, text: &str, span: Range<usize>) -> Problem {
    let problem = |message: String| Problem::error("unknown-time-zone", span, message);
    let help = "write the IANA name of a place, area and city, such as `America/New_York` or `Europe/Berlin`";
    match error {
        ZoneError::NoPlace { name, meant } | ZoneError::Ambiguous { name, meant } => {
            let problem = problem(format!("`{name}` is not the time zone of a place"));
            match meant.as_slice() {
                [] => problem.help(help),
                [one] => problem.label(format!("did you mean `{one}`?")).replace(one),
                [first, ..] => problem.for_example(first).help(format!(
                    "only a place says when its clocks change; write one, such as {}",
                    meant.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(", ")
                )),
            }
        }
        ZoneError::Unknown(_) | ZoneError::Contradiction { .. } => {
            let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
            let problem = problem(format!("there is no time zone `{text}`"));
            match near_zone(text, &known) {
                Some(near) => problem.label(format!("did you mean `{near}`?")).replace(near),
                None => problem.help(help),
            }
        }
    }
}

/// The zone that a misspelt name probably meant.
fn near_zone<'z>(name: &str, zones: &'z [String]) -> Option<&'z str> {
    let places = zones.iter().map(String::as_str).filter(|zone| zone::place(zone).is_ok());
    nearest(&name.replace(' ', "_").to_lowercase(), places)
}

/// A part of a cron expression that cannot be read.
struct OddPart<'t> {
    part: &'t str,
    /// What the field accepts.
    help: String,
    /// The name that was probably meant.
    near: Option<&'static str>,
}

/// The first part that cannot be read.
fn cron_help(text: &str) -> Option<OddPart<'_>> {
    const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let fields: [(&str, u32, u32, &[&'static str]); 5] = [
        ("minute", 0, 59, &[]),
        ("hour", 0, 23, &[]),
        ("day of month", 1, 31, &[]),
        ("month", 1, 12, &MONTHS),
        ("weekday", 0, 7, &DAYS),
    ];
    for (field, (name, low, high, words)) in text.split_whitespace().zip(fields) {
        for part in field.split([',', '-', '/']).map(|part| part.split('#').next().unwrap_or(part)) {
            let known = part.is_empty()
                || matches!(part, "*" | "?" | "L" | "W" | "LW")
                || words.iter().any(|word| word.eq_ignore_ascii_case(part.trim_end_matches('L')))
                || part.trim_end_matches(['L', 'W']).parse::<u32>().is_ok_and(|number| (low..=high).contains(&number));
            if !known {
                let or_words =
                    if words.is_empty() { String::new() } else { format!(", or one of {}", words.join(", ")) };
                let help = format!("the {name} is a number from {low} to {high}{or_words}, not `{part}`");
                return Some(OddPart { part, help, near: nearest(part, words.iter().copied()) });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_durations_are_mended() {
        let cases = [
            ("5 busines minutes", Some("5 business minutes")),
            ("5 minuts", Some("5 minutes")),
            ("5 mins", Some("5 minutes")),
            ("2 working days", Some("2 business days")),
            ("3 business-days", Some("3 business days")),
            ("five minutes", None),
            ("14", Some("14d")),
        ];
        for (wrong, mended) in cases {
            assert_eq!(mend_duration(wrong).as_deref(), mended, "mending `{wrong}`");
        }
    }
}
