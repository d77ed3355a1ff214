//! Turns CEL's tree into core's `Expr`. Types are checked on the way, and every part knows its place in the text.

use super::blanks::{Doubt, Doubts};
use super::names::{Codes, Found, OWN, resolve};
use super::notation::Notation;
use super::place::Place;
use super::wanted_words;
use crate::dates::as_timestamp;
use crate::diagnostic::Problem;
use crate::known::Known;
use crate::meant::as_date;
use crate::meant::perhaps_thousands;
use crate::scalar::kind_words;
use cadenza_core::expr::{Comparison, Expr, Operator};
use cadenza_core::value::{Value, ValueType};
use cel::common::ast::{CallExpr, Expr as Cel, IdedExpr, LiteralValue, SourceInfo, operators};
use std::ops::Range;

/// A lowered part with its type.
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) kind: ValueType,
    pub(super) range: Range<usize>,
    pub(super) codes: Option<Codes>,
    /// The items of a literal list, for the checks of `in`.
    pub(super) items: Vec<Typed>,
    /// What may be blank in it.
    pub(super) doubt: Option<Doubt>,
}

impl Typed {
    pub(super) fn new(expr: Expr, kind: ValueType, range: Range<usize>) -> Self {
        Self { expr, kind, range, codes: None, items: Vec::new(), doubt: None }
    }

    pub(super) fn doubted(self, doubt: Option<Doubt>) -> Self {
        Self { doubt, ..self }
    }

    pub(super) fn literal_text(&self) -> Option<&str> {
        if let Expr::Literal(Value::Text(text)) = &self.expr { Some(text) } else { None }
    }
}

/// Whether a value of type `is` is allowed where `wanted` is expected.
pub(super) fn fits(is: ValueType, wanted: ValueType) -> bool {
    is == wanted
        || is == ValueType::Any
        || wanted == ValueType::Any
        || (is == ValueType::Int && wanted == ValueType::Number)
}

/// The problem that the whole expression has another type than its place wants.
pub(super) fn wrong_result(text: &str, typed: &Typed, wanted: ValueType) -> Problem {
    let message = format!("{} is wanted here, and this is {}", wanted_words(wanted), kind_words(typed.kind));
    let problem = Problem::error("wrong-type", typed.range.clone(), message);
    let part = text.get(typed.range.clone()).unwrap_or(text);
    match (wanted, &typed.expr, typed.kind) {
        (ValueType::Bool, Expr::Name(_), ValueType::Text) => {
            let asked = format!("!is_blank({part})");
            problem.help(format!("compare it, `{part} == \"…\"`, or ask `{asked}`")).replace(asked)
        }
        (ValueType::Bool, Expr::Name(_), ValueType::Time) => {
            let asked = format!("!is_blank({part})");
            problem.help(format!("ask `{asked}`, or compare: `since({part}) > days(14)`")).replace(asked)
        }
        (ValueType::Bool, ..) => problem.help("compare it with something: `==`, `!=`, `<`, `>`, `in`"),
        (ValueType::Date, _, ValueType::Time) => {
            let instead = format!("date({part})");
            problem.label(format!("write `{instead}`")).replace(instead)
        }
        (ValueType::Time, ..) => problem.help(
            "name a field of type time, such as `lead.project_date`, or work with one: `lead.created_at + days(7)`",
        ),
        _ => problem.help(format!("write an expression that gives {}", kind_words(wanted))),
    }
}

pub(super) struct Lowering<'a, 'k> {
    pub(super) known: &'a Known<'k>,
    pub(super) place: Place,
    pub(super) text: &'a str,
    pub(super) notation: &'a Notation,
    source: &'a SourceInfo,
    pub(super) problems: Vec<Problem>,
    /// The item that `exists` or `all` is testing.
    pub(super) item: Option<Item<'a>>,
    pub(super) doubts: Doubts,
}

/// The items of an `exists` or `all`, inside its test.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) name: &'a str,
    /// The type of an item of a list; `None` for a touch.
    pub(super) kind: Option<ValueType>,
}

impl<'a, 'k> Lowering<'a, 'k> {
    pub(super) fn new(
        known: &'a Known<'k>,
        place: Place,
        text: &'a str,
        notation: &'a Notation,
        source: &'a SourceInfo,
    ) -> Self {
        Self { known, place, text, notation, source, problems: Vec::new(), item: None, doubts: Doubts::default() }
    }

    pub(super) fn problem(&mut self, problem: Problem) -> Option<Typed> {
        self.problems.push(problem);
        None
    }

    /// Where the parser saw the token that a part is named after: an operator, a dot, an opening bracket.
    pub(super) fn at(&self, part: &IdedExpr) -> Range<usize> {
        self.source.offset_for(part.id).map_or(0..self.text.len(), |(start, stop)| {
            let start = (start as usize).min(self.text.len());
            start..(stop as usize + 1).clamp(start, self.text.len())
        })
    }

    pub(super) fn lower(&mut self, part: &'a IdedExpr) -> Option<Typed> {
        let at = self.at(part);
        match &part.expr {
            Cel::Literal(literal) => self.literal(literal, at),
            Cel::Ident(_) | Cel::Select(_) => self.name(part),
            Cel::Call(call) => self.call(call, at),
            Cel::List(list) => {
                let close = self.notation.closes.get(&at.start).map_or(at.end, |close| close + 1);
                let items: Option<Vec<Typed>> = list.elements.iter().map(|item| self.lower(item)).collect();
                let items = items?;
                if let Some(odd) =
                    items.iter().find(|item| !fits(item.kind, items[0].kind) && !fits(items[0].kind, item.kind))
                {
                    let message = format!("this list mixes {} and {}", kind_words(items[0].kind), kind_words(odd.kind));
                    let problem = Problem::error("wrong-type", odd.range.clone(), message);
                    let problem = problem.help("write all of them with quotes, or all without");
                    let written = &self.text[odd.range.clone()];
                    let bare = written.trim_matches(['"', '\'']);
                    return self.problem(match (items[0].kind, odd.kind) {
                        (ValueType::Int | ValueType::Number, ValueType::Text) if bare.parse::<f64>().is_ok() => {
                            problem.replace(bare)
                        }
                        (ValueType::Text, ValueType::Int | ValueType::Number) => {
                            problem.replace(format!("\"{written}\""))
                        }
                        _ => problem,
                    });
                }
                let exprs = items.iter().map(|item| item.expr.clone()).collect();
                Some(Typed { items, ..Typed::new(Expr::List(exprs), ValueType::List, at.start..close) })
            }
            Cel::Comprehension(each) => self.each(each, at),
            Cel::Map(_) | Cel::Struct(_) | Cel::Unspecified => self.problem(
                Problem::error("not-in-language", at, "`{ }` is not part of this language")
                    .help("a list is written `[a, b]`"),
            ),
        }
    }

    fn literal(&mut self, literal: &LiteralValue, at: Range<usize>) -> Option<Typed> {
        let (value, kind) = match literal {
            LiteralValue::Boolean(yes) => (Value::Bool(*yes.inner()), ValueType::Bool),
            LiteralValue::Int(int) => (Value::Int(*int.inner()), ValueType::Int),
            LiteralValue::Double(number) => {
                let written = self.text.get(at.clone()).unwrap_or_default();
                self.problems.extend(perhaps_thousands(written, at.clone()));
                (Value::Number(*number.inner()), ValueType::Number)
            }
            LiteralValue::String(text) => (Value::Text(text.inner().to_owned()), ValueType::Text),
            LiteralValue::Null => {
                let problem = Problem::error("not-in-language", at, "nothing equals `null` here");
                return self.problem(problem.help("ask whether a value is known: `is_blank(lead.phone)`"));
            }
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) => {
                let text = self.text.get(at.clone()).unwrap_or_default().trim_matches(['u', 'U', 'b', 'B']).to_owned();
                let problem = Problem::error("not-in-language", at, "this kind of value is not part of the language");
                return self.problem(problem.label(format!("write `{text}`")).replace(text));
            }
        };
        Some(Typed::new(Expr::Literal(value), kind, at))
    }

    fn name(&mut self, part: &'a IdedExpr) -> Option<Typed> {
        let mut path: Vec<(&str, Range<usize>)> = Vec::new();
        let mut current = part;
        loop {
            match &current.expr {
                Cel::Ident(root) => {
                    path.push((root, self.at(current)));
                    break;
                }
                Cel::Select(select) if select.test => {
                    let field = self.text.get(self.at(&select.operand).start..).unwrap_or_default();
                    let field = field.split(')').next().unwrap_or_default().trim();
                    let at = self.at(current);
                    let end = self.notation.closes.get(&at.start).map_or(at.end, |close| close + 1);
                    let call = at.start.saturating_sub("has".len())..end;
                    let problem = Problem::error("not-in-language", call, "`has(…)` is not part of this language");
                    let instead = format!("!is_blank({field})");
                    return self.problem(problem.help(format!("write `{instead}`")).replace(instead));
                }
                Cel::Select(select) => {
                    let dot = self.at(current);
                    path.push((&select.field, self.after(dot.end, select.field.len())));
                    current = &select.operand;
                }
                _ => {
                    let problem = Problem::error("not-in-language", self.at(current), "this has no fields");
                    return self.problem(problem);
                }
            }
        }
        path.reverse();
        let range = path[0].1.start..path[path.len() - 1].1.end;
        if let Some(item) = self.item.filter(|item| item.name == path[0].0) {
            return self.item_name(item, &path, range);
        }
        match resolve(self.known, self.place, &path) {
            Ok(Found { name, kind, codes }) => {
                let doubt = self.doubt_of(&name);
                Some(Typed { codes, ..Typed::new(Expr::Name(name), kind, range) }.doubted(doubt))
            }
            Err(problem) => self.problem(problem),
        }
    }

    /// The range of a word of this length after `at`, after skipping white space.
    fn after(&self, at: usize, length: usize) -> Range<usize> {
        let rest = self.text.get(at..).unwrap_or_default();
        let start = at + (rest.len() - rest.trim_start().len());
        start..(start + length).min(self.text.len())
    }

    fn call(&mut self, call: &'a CallExpr, at: Range<usize>) -> Option<Typed> {
        let arguments = call.args.as_slice();
        match (call.func_name.as_str(), arguments) {
            (operators::LOGICAL_AND, [_, _]) => self.logic(call, operators::LOGICAL_AND),
            (operators::LOGICAL_OR, [_, _]) => self.logic(call, operators::LOGICAL_OR),
            (operators::LOGICAL_NOT, [inner]) => {
                let inner = self.lower(inner)?;
                let range = at.start..inner.range.end;
                if !fits(inner.kind, ValueType::Bool) {
                    let message = format!("`!` wants true or false, and this is {}", kind_words(inner.kind));
                    let part = self.text.get(inner.range.clone()).unwrap_or_default();
                    let problem = Problem::error("wrong-type", inner.range, message);
                    return self.problem(problem.help(format!("to ask whether it is not known: `is_blank({part})`")));
                }
                let range = self.balanced(&range);
                self.warn_of_not(&inner, &range);
                Some(Typed::new(Expr::Not(Box::new(inner.expr)), ValueType::Bool, range))
            }
            (operators::NEGATE, [inner]) => {
                let inner = self.lower(inner)?;
                let range = at.start..inner.range.end;
                match inner.kind {
                    ValueType::Int | ValueType::Number | ValueType::Duration | ValueType::Any => {
                        self.warn_of_arithmetic(&inner);
                        Some(Typed::new(Expr::Negate(Box::new(inner.expr)), inner.kind, range))
                    }
                    other => {
                        let message = format!("`-` wants a number or duration, and this is {}", kind_words(other));
                        self.problem(Problem::error("wrong-type", inner.range, message))
                    }
                }
            }
            (operators::CONDITIONAL, [test, yes, no]) => {
                let tree = test;
                let test = self.boolean(test, "?");
                let yes = self.knowing([(tree, true)], |lowering| lowering.lower(yes));
                let no = self.knowing([(tree, false)], |lowering| lowering.lower(no));
                let (test, yes, no) = (test?, yes?, no?);
                let doubt = yes.doubt.or(no.doubt);
                let range = test.range.start..no.range.end;
                let Some(kind) = joined(yes.kind, no.kind) else {
                    let message =
                        format!("one side of `:` is {}, the other {}", kind_words(yes.kind), kind_words(no.kind));
                    return self.problem(Problem::error("wrong-type", no.range, message));
                };
                let expr = Expr::If(Box::new(test.expr), Box::new(yes.expr), Box::new(no.expr));
                Some(Typed::new(expr, kind, range).doubted(doubt))
            }
            (operators::IN, [item, list]) => self.within(item, list),
            (operators::INDEX, _) => {
                let problem = Problem::error("not-in-language", at, "`[ ]` after a name is not part of this language");
                self.problem(problem.help("fields are written with a dot: `lead.industry`"))
            }
            (name, [left, right]) if call.target.is_none() => {
                let sign = name.trim_matches('_');
                match (Comparison::parse(sign), Operator::parse(sign)) {
                    (Some(how), _) => self.compare(how, left, right),
                    (_, Some(how)) => self.arithmetic(how, left, right),
                    _ => self.function(call, at),
                }
            }
            _ => self.function(call, at),
        }
    }

    /// `a && b && c` becomes one list; the parser nests them.
    fn logic(&mut self, call: &'a CallExpr, operator: &str) -> Option<Typed> {
        let sign = operator.trim_matches('_');
        let mut trees = Vec::new();
        let mut pending: Vec<&'a IdedExpr> = call.args.iter().rev().collect();
        while let Some(part) = pending.pop() {
            match &part.expr {
                Cel::Call(inner) if inner.func_name == operator => pending.extend(inner.args.iter().rev()),
                _ => trees.push(part),
            }
        }
        let mut parts = Vec::new();
        let mut failed = false;
        for part in &trees {
            // A part of `&&` only counts where all others hold, a part of `||` where none of them does.
            let others = trees.iter().filter(|other| other.id != part.id);
            let others = others.map(|other| (*other, operator == operators::LOGICAL_AND));
            match self.knowing(others, |lowering| lowering.boolean(part, sign)) {
                Some(part) => parts.push(part),
                None => failed = true,
            }
        }
        let range = parts.first()?.range.start..parts.last()?.range.end;
        let doubt = parts.iter().find_map(|part| part.doubt.clone()).map(Doubt::of_answer);
        let exprs = parts.into_iter().map(|part| part.expr).collect();
        let expr = if operator == operators::LOGICAL_AND { Expr::And(exprs) } else { Expr::Or(exprs) };
        (!failed).then(|| Typed::new(expr, ValueType::Bool, range).doubted(doubt))
    }

    pub(super) fn boolean(&mut self, part: &'a IdedExpr, sign: &str) -> Option<Typed> {
        let typed = self.lower(part)?;
        if fits(typed.kind, ValueType::Bool) {
            return Some(typed);
        }
        let message = format!("`{sign}` wants true or false, and this is {}", kind_words(typed.kind));
        self.problem(wrong_result(self.text, &typed, ValueType::Bool).message(message))
    }

    fn within(&mut self, item: &'a IdedExpr, list: &'a IdedExpr) -> Option<Typed> {
        let (item, list) = (self.lower(item), self.lower(list));
        let (item, list) = (item?, list?);
        let range = item.range.start..list.range.end;
        if !fits(list.kind, ValueType::List) {
            let message = format!("`in` wants a list on its right, and this is {}", kind_words(list.kind));
            let written = self.text[list.range.clone()].to_owned();
            let problem = Problem::error("wrong-type", list.range, message);
            let problem = problem.help("write `lead.source in [\"web\", \"phone\"]`");
            return self.problem(match matches!(list.expr, Expr::Literal(_)) {
                true => problem.replace(format!("[{written}]")),
                false => problem,
            });
        }
        let items: Vec<&Typed> = list.items.iter().collect();
        if matches!(list.expr, Expr::Name(_)) && !fits(item.kind, ValueType::Text) {
            let message = format!("a list of texts has no {}", kind_words(item.kind));
            return self.problem(Problem::error("wrong-type", item.range, message));
        }
        let mut sound = true;
        if let (Some(codes), Some(code)) = (&list.codes, item.literal_text())
            && let Some(problem) = codes.check(code, item.range.clone())
        {
            self.problems.push(problem);
            sound = false;
        }
        for candidate in items {
            if let Some(problem) = mismatch(self.known, self.text, "in", &item, candidate) {
                self.problems.push(problem);
                sound = false;
            }
        }
        let doubt = item.doubt.clone().or(list.doubt).map(Doubt::of_answer);
        let expr = Expr::In(Box::new(item.expr), Box::new(list.expr));
        sound.then(|| Typed::new(expr, ValueType::Bool, range).doubted(doubt))
    }

    fn compare(&mut self, how: Comparison, left: &'a IdedExpr, right: &'a IdedExpr) -> Option<Typed> {
        if let Some(count) = self.counted_days(right) {
            return self.compare_with_business_days(how, left, count, right);
        }
        if let Some(count) = self.counted_days(left) {
            return self.compare_with_business_days(turned(how), right, count, left);
        }
        let (left, right) = (self.lower(left), self.lower(right));
        let (left, right) = (left?, right?);
        let range = left.range.start..right.range.end;
        if let Some(problem) = mismatch(self.known, self.text, how.as_str(), &left, &right) {
            return self.problem(problem);
        }
        let equality = matches!(how, Comparison::Equal | Comparison::NotEqual);
        if !equality && (left.kind == ValueType::Bool || left.kind == ValueType::List) {
            let message = format!("`{how}` has no meaning for {}", kind_words(left.kind));
            return self.problem(Problem::error("wrong-type", range, message).help("use `==` or `!=`"));
        }
        let doubt = self.warn_of_comparison(how, &left, &right, &range);
        let expr = Expr::Compare(how, Box::new(left.expr), Box::new(right.expr));
        Some(Typed::new(expr, ValueType::Bool, range).doubted(doubt))
    }

    fn arithmetic(&mut self, how: Operator, left: &'a IdedExpr, right: &'a IdedExpr) -> Option<Typed> {
        use ValueType::{Any, Date, Duration, Int, Number, Text, Time};
        match (how, self.counted_days(left), self.counted_days(right)) {
            (Operator::Add | Operator::Subtract, None, Some(count)) => {
                return self.move_by_business_days(how, left, count, right);
            }
            (Operator::Add, Some(count), None) => return self.move_by_business_days(how, right, count, left),
            _ => {}
        }
        let (left, right) = (self.lower(left), self.lower(right));
        let (left, right) = (left?, right?);
        let range = left.range.start..right.range.end;
        let kind = match (left.kind, how, right.kind) {
            (Any, ..) | (.., Any) => Any,
            (Int, _, Int) => Int,
            (Int | Number, _, Int | Number) => Number,
            (Duration, Operator::Add | Operator::Subtract, Duration) => Duration,
            (Duration, Operator::Multiply | Operator::Divide, Int) => Duration,
            (Time, Operator::Add | Operator::Subtract, Duration) => Time,
            (Time, Operator::Subtract, Time) => Duration,
            (Date, Operator::Add | Operator::Subtract, Duration) => Date,
            (Date, Operator::Subtract, Date) => Duration,
            (Text, Operator::Add, Text) => Text,
            (is, _, other) => {
                let message = format!("`{how}` cannot join {} and {}", kind_words(is), kind_words(other));
                let problem = Problem::error("wrong-type", range, message);
                return self.problem(match (is, other) {
                    (Time | Date | Duration, Int | Number) => {
                        let problem = problem.help("durations are written `days(14)`, `hours(36)` or `minutes(5)`");
                        // A number next to a time is most often a number of days.
                        match (&right.expr, self.text.get(left.range.start..right.range.start)) {
                            (Expr::Literal(Value::Int(days)), Some(before)) if matches!(is, Time | Date) => {
                                problem.perhaps(format!("{before}days({days})"))
                            }
                            _ => problem,
                        }
                    }
                    (Time, Date) | (Date, Time) => problem.help("the day of a time is `date(…)`: `date(now)`"),
                    (Duration, Time | Date) => problem.help("write the time first: `now + days(14)`"),
                    _ => problem,
                });
            }
        };
        self.warn_of_arithmetic(if left.doubt.is_some() { &left } else { &right });
        let expr = Expr::Arithmetic(how, Box::new(left.expr), Box::new(right.expr));
        Some(Typed::new(expr, kind, range))
    }
}

/// The same comparison with its sides exchanged.
fn turned(how: Comparison) -> Comparison {
    match how {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Equal | Comparison::NotEqual => how,
    }
}

/// The common type of both sides of a choice.
pub(super) fn joined(a: ValueType, b: ValueType) -> Option<ValueType> {
    match (a, b) {
        (a, b) if a == b => Some(a),
        (ValueType::Any, _) | (_, ValueType::Any) => Some(ValueType::Any),
        (ValueType::Int, ValueType::Number) | (ValueType::Number, ValueType::Int) => Some(ValueType::Number),
        _ => None,
    }
}

/// If the word belongs to the other of two neighbouring fields, suggests writing that field instead. The suggestion is
/// made only if nothing else is compared with the field.
fn beside(text: &str, sign: &str, named: &Typed, codes: &Codes, problem: Problem) -> Problem {
    let Some(beside) = codes.beside.as_ref().filter(|_| problem.is_of("own-word") && sign != "in") else {
        return problem;
    };
    let written = text.get(named.range.clone()).unwrap_or_default();
    let instead = match beside.is_own {
        true => written.strip_suffix(OWN).map(str::to_owned),
        false => written.ends_with(&format!(".{}", beside.field)).then(|| format!("{written}{OWN}")),
    };
    match instead {
        Some(instead) => problem.at(|_| named.range.clone()).label(format!("write `{instead}`")).replace(instead),
        None => problem,
    }
}

/// The problem of comparing the engine's word with the team's.
fn across(one: &Codes, other: &Codes, range: Range<usize>) -> Option<Problem> {
    let (one, other) = (one.beside.as_ref()?, other.beside.as_ref()?);
    (one.is_own != other.is_own).then(|| {
        let message = "the engine's word is compared with one of the team's own: they are never equal";
        Problem::error("own-word", range, message).help("compare each with a word of its own kind")
    })
}

/// What is wrong with a comparison of these two, if anything.
pub(super) fn mismatch(known: &Known<'_>, text: &str, sign: &str, left: &Typed, right: &Typed) -> Option<Problem> {
    for (named, literal) in [(left, right), (right, left)] {
        if let (Some(codes), Some(code)) = (&named.codes, literal.literal_text()) {
            let problem = codes.check(code, literal.range.clone())?;
            return Some(beside(text, sign, named, codes, problem));
        }
    }
    if let (Some(one), Some(other)) = (&left.codes, &right.codes)
        && let Some(problem) = across(one, other, right.range.clone())
    {
        return Some(problem);
    }
    if joined(left.kind, right.kind).is_some() {
        return None;
    }
    let message = format!("`{sign}` compares {} with {}", kind_words(left.kind), kind_words(right.kind));
    let problem = Problem::error("wrong-type", right.range.clone(), message);
    let (name, other) = if matches!(left.expr, Expr::Name(_) | Expr::Item(_)) { (left, right) } else { (right, left) };
    let named = text.get(name.range.clone()).unwrap_or_default();
    let written = text.get(other.range.clone()).unwrap_or_default();
    Some(match (name.kind, other.kind) {
        (ValueType::Bool, _) => {
            let problem = problem.help(format!("write `{named}` or `!{named}`"));
            let whole = name.range.start.min(other.range.start)..name.range.end.max(other.range.end);
            let yes = other.literal_text().and_then(|word| match word.to_lowercase().as_str() {
                "yes" | "true" | "1" => Some(true),
                "no" | "false" | "0" => Some(false),
                _ => None,
            });
            match yes.filter(|_| matches!(sign, "==" | "!=")).map(|yes| yes == (sign == "==")) {
                Some(true) => problem.at(|_| whole).replace(named),
                Some(false) => problem.at(|_| whole).replace(format!("!{named}")),
                None => problem,
            }
        }
        (ValueType::Date, ValueType::Text) | (ValueType::Text, ValueType::Date)
            if let Some((written, date)) =
                [other, name].into_iter().find_map(|part| Some((part, as_date(part.literal_text()?)?))) =>
        {
            let instead = format!("date(\"{date}\")");
            problem.at(|_| written.range.clone()).label(format!("write `{instead}`")).replace(instead)
        }
        (ValueType::Date, ValueType::Text) => problem.help("a date is written `date(\"2026-12-25\")`"),
        (ValueType::Date, ValueType::Time) | (ValueType::Time, ValueType::Date) => {
            let time = if name.kind == ValueType::Time { name } else { other };
            let instead = format!("date({})", text.get(time.range.clone()).unwrap_or_default());
            problem.at(|_| time.range.clone()).label(format!("write `{instead}`")).replace(instead)
        }
        (ValueType::Time, ValueType::Duration) => problem.help(format!("how long ago it was is `since({named})`")),
        (ValueType::Time, ValueType::Text)
            if let Some(time) = other.literal_text().and_then(|t| as_timestamp(t, known)) =>
        {
            problem.at(|_| other.range.clone()).label(format!("write `{time}`")).replace(time)
        }
        (ValueType::Time, _) => {
            problem.help("a time is written `timestamp(\"2026-03-08T07:30:00Z\")`; how long ago it was is `since(…)`")
        }
        (ValueType::Text, ValueType::Int | ValueType::Number) if other.items.is_empty() => {
            let quoted = format!("\"{written}\"");
            problem.at(|_| other.range.clone()).label(format!("a text stands in quotes: `{quoted}`")).replace(quoted)
        }
        (ValueType::Int | ValueType::Number, ValueType::Text) => match other.literal_text() {
            Some(number) if number.parse::<f64>().is_ok() => {
                let label = format!("a number stands without quotes: `{number}`");
                problem.at(|_| other.range.clone()).label(label).replace(number)
            }
            _ => problem.help(format!("`{named}` is {}: compare it with one", kind_words(name.kind))),
        },
        (ValueType::List, _) => problem.help(format!("write `\"…\" in {named}`")),
        (ValueType::Duration, _) | (_, ValueType::Duration) => {
            let problem = problem.help("durations are written `days(14)`, `hours(36)` or `minutes(5)`");
            // A bare number counts days, as it does in most tools.
            let days = |part: &&Typed| text.get(part.range.clone()).is_some_and(|part| part.parse::<u32>().is_ok());
            match [left, right].into_iter().find(days) {
                Some(bare) => {
                    let days = format!("days({})", text.get(bare.range.clone()).unwrap_or_default());
                    problem.at(|_| bare.range.clone()).replace(days)
                }
                None => problem,
            }
        }
        _ => problem.help("compare values of the same type"),
    })
}
