//! Calls of functions: which functions exist, whether they are allowed at their place, and what they become in core.

use super::blanks::doubt_of_call;
use super::functions::{gives, usage, wants};
use super::lower::{Lowering, Typed, fits, joined};
use super::names::Codes;
use super::notation::Token;
use crate::dates::as_time;
use crate::diagnostic::Problem;
use crate::foreign;
use crate::meant::as_date;
use crate::scalar::{kind_words, no_zone};
use crate::suggest::{listed, nearest};
use cadenza_core::date::Date;
use cadenza_core::expr::{BUSINESS_DAYS_MAX, Comparison, Expr, Function, Name, Object, Operator, WEEKDAYS, compile};
use cadenza_core::time::Timestamp;
use cadenza_core::value::{Value, ValueType};
use cadenza_core::zone::place;
use cel::common::ast::{CallExpr, Expr as Cel, IdedExpr};
use std::ops::Range;

impl<'a> Lowering<'a, '_> {
    pub(super) fn function(&mut self, call: &'a CallExpr, at: Range<usize>) -> Option<Typed> {
        let name = call.func_name.as_str();
        let word = self.word_before(at.start, name.len());
        let close = self.notation.closes.get(&at.start).map_or(at.end, |close| close + 1);
        let Some(function) = Function::parse(name) else { return self.unknown_function(call, word) };
        let arguments: Vec<&'a IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let wanted = wants(function);
        if function == Function::Contains
            && let [list, item] = arguments[..]
            && let (Some(list), Some(item)) = (self.lower(list), self.lower(item))
            && list.kind == ValueType::List
        {
            let (list, item) = (&self.text[list.range], &self.text[item.range]);
            let instead = format!("{item} in {list}");
            let from = word.start.saturating_sub(list.len() + 1);
            let problem = Problem::error("wrong-type", from..close, "`contains` looks into a text, and this is a list");
            return self.problem(problem.label(format!("write `{instead}`")).replace(instead));
        }
        if call.target.is_some() != function.is_method() || arguments.len() != wanted.len() {
            return self.wrong_call(function, word.start..close);
        }
        match function {
            Function::InZone => {
                let message =
                    "`in_zone` says on whose clock `hour`, `weekday` and `date` are read, and stands in one of them";
                let problem = Problem::error("wrong-call", word.start..close, message);
                return self.problem(problem.help(format!("write `{}`", usage(function))));
            }
            Function::BusinessDays => {
                let message = "business days are counted from a time, and there is none here";
                let problem = Problem::error("wrong-call", word.start..close, message);
                let help = "write `since(lead.last_touch) > business_days(2)` or `now + business_days(3)`";
                return self.problem(problem.help(help));
            }
            _ => {}
        }
        if function == Function::Since
            && let Some(why) = self.place.lacks(Object::Now, "")
        {
            let message = "`since` counts up to now, and `now` never has a value here";
            return self.problem(Problem::error("no-value-here", word, message).help(why));
        }
        let read_on_a_clock = matches!(function, Function::Hour | Function::Weekday | Function::Date);
        let zoned = arguments[0];
        let typed: Option<Vec<Typed>> = match &zoned.expr {
            Cel::Call(zone) if read_on_a_clock && zone.func_name == Function::InZone.as_str() => {
                Some(vec![self.in_zone(zone, self.at(zoned))?])
            }
            _ => arguments.iter().map(|argument| self.lower(argument)).collect(),
        };
        let typed = typed?;
        let start = typed.first().map_or(word.start, |first| first.range.start.min(word.start));
        for (argument, wanted) in typed.iter().zip(wanted) {
            if !wanted.iter().any(|kind| fits(argument.kind, *kind)) {
                let message =
                    format!("`{name}` wants {}, and this is {}", kind_words(wanted[0]), kind_words(argument.kind));
                let problem = Problem::error("wrong-type", argument.range.clone(), message);
                return self.problem(match (function, argument.kind) {
                    (Function::Date, ValueType::Text) if argument.literal_text().is_some() => {
                        return self.date_literal(argument, start..close);
                    }
                    (Function::Since, ValueType::Date) => {
                        let date = &self.text[argument.range.clone()];
                        problem.help(format!("how long ago a date was is `date(now) - {date}`"))
                    }
                    _ => problem.help(format!("write `{}`", usage(function))),
                });
            }
        }
        if function == Function::Default {
            return self.default(typed, start..close);
        }
        if function == Function::Matches
            && let Some(problem) = bad_pattern(&typed[1])
        {
            return self.problem(problem);
        }
        if function == Function::Time {
            let text = typed.first().and_then(Typed::literal_text).unwrap_or_default();
            let Some(time) = Timestamp::parse(text) else {
                let problem = Problem::error("wrong-type", typed[0].range.clone(), format!("`{text}` is no time"));
                if let Some(time) = as_time(text, self.known) {
                    let quoted = format!("\"{time}\"");
                    return self.problem(problem.label(format!("write `{quoted}`")).replace(quoted));
                }
                return self
                    .problem(problem.help("write date, time and zone, such as `timestamp(\"2026-03-08T07:30:00Z\")`"));
            };
            return Some(Typed::new(Expr::Literal(Value::Time(time)), ValueType::Time, start..close));
        }
        let doubt = typed.iter().find_map(|argument| argument.doubt.clone());
        let written = &self.text[start..close];
        let doubt = doubt_of_call(function, doubt, written).filter(|_| !self.knows(written));
        let codes = (function == Function::Weekday).then(|| Codes::new("day of the week", WEEKDAYS)).flatten();
        let expr = Expr::Call(function, typed.into_iter().map(|argument| argument.expr).collect());
        Some(Typed { codes, ..Typed::new(expr, gives(function), start..close) }.doubted(doubt))
    }

    fn wrong_call(&mut self, function: Function, at: Range<usize>) -> Option<Typed> {
        let message = format!("`{function}` is not called like this");
        let problem = Problem::error("wrong-call", at.clone(), message).help(format!("write `{}`", usage(function)));
        self.problem(match self.as_method(function, at) {
            Some(instead) => problem.label(format!("write `{instead}`")).replace(instead),
            None => problem,
        })
    }

    /// `contains(x, y)` as `x.contains(y)`.
    fn as_method(&self, function: Function, at: Range<usize>) -> Option<String> {
        let inside = self.text[at].strip_prefix(function.as_str())?.trim().strip_prefix('(')?.strip_suffix(')')?;
        let (first, rest) = inside.split_once(',')?;
        let is_plain = |part: &str| !part.contains(['(', ',']) && !part.trim().is_empty();
        let fits = function.is_method() && is_plain(first) && is_plain(rest);
        fits.then(|| format!("{}.{function}({})", first.trim(), rest.trim()))
    }

    /// `default(x, y)`: both have one type, and y must be a text that x can hold.
    fn default(&mut self, typed: Vec<Typed>, range: Range<usize>) -> Option<Typed> {
        let Ok([value, instead]) = <[Typed; 2]>::try_from(typed) else { return None };
        let Some(kind) = joined(value.kind, instead.kind) else {
            let message = format!(
                "what stands for {} is one too, and this is {}",
                kind_words(value.kind),
                kind_words(instead.kind)
            );
            return self.problem(
                Problem::error("wrong-type", instead.range, message).help(format!("write {}", literal_of(value.kind))),
            );
        };
        if let (Some(codes), Some(code)) = (&value.codes, instead.literal_text())
            && let Some(problem) = codes.check(code, instead.range.clone())
        {
            return self.problem(problem);
        }
        let expr = Expr::Call(Function::Default, vec![value.expr, instead.expr]);
        Some(Typed { codes: value.codes, ..Typed::new(expr, kind, range) }.doubted(instead.doubt))
    }

    /// `in_zone(t, "Europe/Berlin")`, where it is allowed.
    fn in_zone(&mut self, call: &'a CallExpr, at: Range<usize>) -> Option<Typed> {
        let word = self.word_before(at.start, call.func_name.len());
        let close = self.notation.closes.get(&at.start).map_or(at.end, |close| close + 1);
        let ([time, zone], None) = (call.args.as_slice(), &call.target) else {
            return self.wrong_call(Function::InZone, word.start..close);
        };
        let (time, zone) = (self.lower(time), self.lower(zone));
        let (time, zone) = (time?, zone?);
        for (argument, wanted) in [(&time, ValueType::Time), (&zone, ValueType::Text)] {
            if !fits(argument.kind, wanted) {
                let message =
                    format!("`in_zone` wants {}, and this is {}", kind_words(wanted), kind_words(argument.kind));
                let problem = Problem::error("wrong-type", argument.range.clone(), message);
                return self.problem(problem.help(format!("write `{}`", usage(Function::InZone))));
            }
        }
        if let Some(name) = zone.literal_text()
            && let Err(error) = place(name)
        {
            let problem = no_zone(&error, name, zone.range.clone());
            let quoted = problem.replacement().map(|zone| format!("\"{zone}\""));
            return self.problem(match quoted {
                Some(quoted) => problem.replace(quoted),
                None => problem,
            });
        }
        let doubt = time.doubt.or(zone.doubt);
        let expr = Expr::Call(Function::InZone, vec![time.expr, zone.expr]);
        Some(Typed::new(expr, ValueType::Time, word.start..close).doubted(doubt))
    }

    /// `date("2026-12-25")`.
    fn date_literal(&mut self, argument: &Typed, range: Range<usize>) -> Option<Typed> {
        let text = argument.literal_text().unwrap_or_default();
        if let Some(date) = Date::parse(text) {
            return Some(Typed::new(Expr::Literal(Value::Date(date)), ValueType::Date, range));
        }
        let problem = Problem::error("bad-date", argument.range.clone(), format!("`{text}` is no date"));
        self.problem(match as_date(text) {
            Some(date) => problem.label(format!("write `\"{date}\"`")).replace(format!("\"{date}\"")),
            None => problem.help("write year, month and day, such as `date(\"2026-12-25\")`"),
        })
    }

    /// The number of days in `business_days(n)`.
    pub(super) fn counted_days(&self, part: &'a IdedExpr) -> Option<&'a IdedExpr> {
        match &part.expr {
            Cel::Call(call) if call.func_name == Function::BusinessDays.as_str() && call.target.is_none() => {
                call.args.first().filter(|_| call.args.len() == 1)
            }
            _ => None,
        }
    }

    /// The end of a call whose opening bracket the parser saw there.
    fn close_of(&self, call: &IdedExpr) -> usize {
        let at = self.at(call);
        self.notation.closes.get(&at.start).map_or(at.end, |close| close + 1)
    }

    /// A number of business days: a whole one, within the limit.
    fn days(&mut self, count: &'a IdedExpr) -> Option<Typed> {
        let count = self.lower(count)?;
        let limit = format!("business days are counted from 0 to {BUSINESS_DAYS_MAX}");
        match &count.expr {
            Expr::Literal(Value::Int(0..=BUSINESS_DAYS_MAX)) => Some(count),
            Expr::Literal(_) | Expr::Negate(_) => {
                let problem = Problem::error("bad-number", count.range, limit);
                self.problem(problem.help("write a whole number; before a time is `now - business_days(2)`"))
            }
            _ if fits(count.kind, ValueType::Int) => Some(count),
            _ => {
                let message = format!("`business_days` wants a whole number, and this is {}", kind_words(count.kind));
                let problem = Problem::error("wrong-type", count.range, message);
                self.problem(problem.help(format!("write `{}`", usage(Function::BusinessDays))))
            }
        }
    }

    /// `now + business_days(3)`.
    pub(super) fn move_by_business_days(
        &mut self,
        how: Operator,
        from: &'a IdedExpr,
        count: &'a IdedExpr,
        call: &'a IdedExpr,
    ) -> Option<Typed> {
        let (close, from, count) = (self.close_of(call), self.lower(from), self.days(count));
        let (from, count) = (from?, count?);
        if !fits(from.kind, ValueType::Time) && from.kind != ValueType::Date {
            let message = format!("business days are counted from a time, and this is {}", kind_words(from.kind));
            let problem = Problem::error("wrong-type", from.range, message);
            return self.problem(problem.help("write `now + business_days(3)`"));
        }
        self.warn_of_arithmetic(&from);
        let start = from.range.start.min(self.word_before(self.at(call).start, 0).start);
        let range = start..close.max(from.range.end);
        let count = match (how, count.expr) {
            (Operator::Subtract, Expr::Literal(Value::Int(days))) => Expr::Literal(Value::Int(-days)),
            (Operator::Subtract, count) => Expr::Negate(Box::new(count)),
            (_, count) => count,
        };
        Some(Typed::new(Expr::Call(Function::BusinessDays, vec![from.expr, count]), ValueType::Time, range))
    }

    /// `since(t) > business_days(2)`, which means `now > t + business_days(2)`; and the same for a difference of two
    /// times, `a - b`.
    pub(super) fn compare_with_business_days(
        &mut self,
        how: Comparison,
        span: &'a IdedExpr,
        count: &'a IdedExpr,
        call: &'a IdedExpr,
    ) -> Option<Typed> {
        let (close, word) = (self.close_of(call), self.word_before(self.at(call).start, 0));
        let (typed, count) = (self.lower(span)?, self.days(count)?);
        let range = typed.range.start.min(word.start)..close.max(typed.range.end);
        let (later, earlier) = match typed.expr {
            Expr::Call(Function::Since, mut arguments) if arguments.len() == 1 => (now(), arguments.remove(0)),
            Expr::Arithmetic(Operator::Subtract, later, earlier) if typed.kind == ValueType::Duration => {
                (*later, *earlier)
            }
            _ => {
                let message = "business days are compared with the time since something, or between two times";
                let problem = Problem::error("wrong-call", range, message);
                return self.problem(problem.help(format!("write `{}`", usage(Function::BusinessDays))));
            }
        };
        let doubt = self.warn_of_span(&typed.doubt, &range);
        let due = Expr::Call(Function::BusinessDays, vec![earlier, count.expr]);
        let expr = Expr::Compare(how, Box::new(later), Box::new(due));
        Some(Typed::new(expr, ValueType::Bool, range).doubted(doubt))
    }

    /// The word that ends just before the bracket at `open`.
    pub(super) fn word_before(&self, open: usize, length: usize) -> Range<usize> {
        let before =
            self.notation.tokens.iter().rev().find(|(token, range)| *token == Token::Word && range.end <= open);
        before.map_or(open.saturating_sub(length)..open, |(_, range)| range.clone())
    }

    fn unknown_function(&mut self, call: &CallExpr, word: Range<usize>) -> Option<Typed> {
        let name = call.func_name.as_str();
        let close = self.notation.closes.get(&word.end).map_or(word.end, |close| close + 1);
        let whole = word.start..close;
        let problem = Problem::error("unknown-function", word, format!("there is no function `{name}`"));
        let names = || Function::ALL.iter().map(|function| function.as_str());
        let known_elsewhere = foreign::function(name).filter(|ours| ours.is_method() == call.target.is_some());
        self.problem(match (name, nearest(name, names())) {
            ("exists" | "all", _) => problem.help(
                "ask each of them: `touches.exists(t, t.channel == \"call\")`; whether a value is known is `!is_blank(lead.phone)`",
            ),
            _ if let Some(ours) = known_elsewhere => {
                problem.label(format!("here it is `{ours}`")).replace(ours.as_str())
            }
            _ if let Some(ours) = foreign::function(name) => problem.help(format!("write `{}`", usage(ours))),
            ("duration", _) => problem.help("write `days(14)`, `hours(36)` or `minutes(5)`"),
            ("now", _) => problem.at(|_| whole).label("write `now`, without brackets").replace("now"),
            _ if foreign::is_now(name) => {
                problem.at(|_| whole).label("the time of asking is `now`, without brackets").replace("now")
            }
            ("has" | "isset" | "present" | "defined", _) => problem.help("write `!is_blank(lead.phone)`"),
            ("weeks", _) => problem.help("write `days(7)` for a week"),
            (_, Some(near)) => problem.label(format!("did you mean `{near}`?")).replace(near),
            (_, None) => problem.help(format!("functions: {}", listed(names()))),
        })
    }
}

fn now() -> Expr {
    Expr::Name(Name { object: Object::Now, field: String::new() })
}

/// How a value of this type is written in a condition.
fn literal_of(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Bool => "`true` or `false`",
        ValueType::Int | ValueType::Number => "a number, such as `0`",
        ValueType::Text => "a text in quotes, such as `\"none\"`",
        ValueType::Time => "a time, such as `now`",
        ValueType::Date => "a date, such as `date(now)`",
        ValueType::Duration => "a duration, such as `days(0)`",
        ValueType::List => "a list, such as `[\"none\"]`",
        ValueType::Any => "any value",
    }
}

/// What is wrong with the pattern of `matches`, if anything.
fn bad_pattern(pattern: &Typed) -> Option<Problem> {
    let problem = |message: String| Problem::error("bad-pattern", pattern.range.clone(), message);
    let Some(text) = pattern.literal_text() else {
        let message = "a pattern is known before there is a lead: it stands in quotes".to_owned();
        return Some(
            problem(message).help("write `lead.title.matches(\"^(VP|Head) \")`; a text is looked for by `contains`"),
        );
    };
    let why = compile(text).err()?;
    let message = format!("this pattern cannot be read: {why}");
    Some(problem(message).help("patterns are those of Rust's `regex`: `^(VP|Head) `, `[0-9]+`, `(?i)sales`"))
}
