//! Conditions: turns CEL text in a YAML value into core's `Expr`. Names are resolved, types are checked, and errors
//! point at their column.

mod blanks;
mod calls;
mod each;
mod functions;
mod lower;
mod names;
mod notation;
mod phrases;
mod place;

use crate::diagnostic::{Problem, Sheet};
use crate::known::Known;
use crate::scalar::kind_words;
use crate::yaml::{Node, Scalar, quoted};
pub(crate) use blanks::may_be_blank_in_text;
use cadenza_core::expr::{EXPR_NODES_MAX, Expr, Object};
use cadenza_core::value::ValueType;
use granit_parser::ScalarStyle;
use lower::Lowering;
pub(crate) use names::{fields_of, type_of_field};
pub(crate) use place::Place;
use std::ops::Range;

/// Reads a condition: its value must be true or false.
pub(crate) fn condition(sheet: &Sheet<'_>, known: &Known<'_>, node: &Node, place: Place) -> Option<Expr> {
    expression(sheet, known, node, place, ValueType::Bool)
}

/// Reads an expression whose value must be of type `wanted`.
pub(crate) fn expression(
    sheet: &Sheet<'_>,
    known: &Known<'_>,
    node: &Node,
    place: Place,
    wanted: ValueType,
) -> Option<Expr> {
    let scalar = sheet.raw_scalar(node, "an expression")?;
    let (read, problems) = match read(known, &scalar.text, place, wanted) {
        Ok((expr, warnings)) => (Some(expr), warnings),
        Err(problems) => (None, problems),
    };
    for problem in problems {
        sheet.report(in_yaml(sheet, node, scalar, problem));
    }
    read
}

/// The expression with its warnings, or what is wrong with it.
type Read = Result<(Expr, Vec<Problem>), Vec<Problem>>;

fn read(known: &Known<'_>, text: &str, place: Place, wanted: ValueType) -> Read {
    if text.len() <= notation::BYTES_MAX
        && let Some(problem) = phrases::find(text, known)
    {
        return Err(vec![problem]);
    }
    let notation = notation::scan(text)?;
    let (tree, source) = cel::parser::Parser::new().parse_with_source_info(text).map_err(|errors| {
        // After the scan, the parser finds little to complain about. Its messages are about its grammar, so they are
        // not shown.
        let at = errors.errors.first().map_or(0, |error| usize::try_from(error.pos.1 - 1).unwrap_or_default());
        let at = text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
        let problem = Problem::error("bad-expression", at..at + 1, "this expression cannot be read from here on");
        vec![problem.help("a condition looks like `lead.segment == \"hot\" && since(lead.last_touch) > days(14)`")]
    })?;
    let mut lowering = Lowering::new(known, place, text, &notation, &source);
    let typed = lowering.lower(&tree);
    let mut problems = lowering.problems;
    let Some(typed) = typed else { return Err(problems) };
    // A date counts as the first moment of that day in the workspace's zone.
    let is_day = typed.kind == ValueType::Date && wanted == ValueType::Time;
    if !lower::fits(typed.kind, wanted) && !is_day {
        problems.push(lower::wrong_result(text, &typed, wanted));
    }
    let mut nodes = 0;
    typed.expr.walk(&mut |_| nodes += 1);
    if nodes > EXPR_NODES_MAX {
        let message = format!("this condition has {nodes} parts, and the most is {EXPR_NODES_MAX}");
        problems.push(Problem::error("too-large", 0..text.len(), message).help("split it over several steps"));
    }
    if problems.iter().any(Problem::is_error) { Err(problems) } else { Ok((typed.expr, problems)) }
}

/// The first place in the file where an expression names this object, or this field of it.
pub(crate) fn named_at(sheet: &Sheet<'_>, node: &Node, object: Object, field: Option<&str>) -> Option<Range<usize>> {
    let scalar = node.scalar()?;
    let notation = notation::scan(&scalar.text).ok()?;
    notation.names(&scalar.text, object.as_str(), field).map(|range| source_span(sheet.text, node, scalar, range))
}

/// Turns a problem whose span is in the expression's own text into a problem of the file.
fn in_yaml(sheet: &Sheet<'_>, node: &Node, scalar: &Scalar, problem: Problem) -> Problem {
    let mut problem = as_yaml(problem, node, scalar).at(|range| source_span(sheet.text, node, scalar, range));
    let rest = sheet.text[node.span.end.min(sheet.text.len())..].lines().next().unwrap_or_default();
    if scalar.is_plain() && rest.trim_start().starts_with('#') && scalar.text.contains(['"', '\'']) {
        problem = problem.help("an unquoted ` #` begins a comment in YAML: put the whole condition in single quotes");
    }
    problem
}

/// The problem with its replacement as it must be written in the file: quoted text may need YAML's own escapes, and
/// plain text may need quotes around the whole.
fn as_yaml(problem: Problem, node: &Node, scalar: &Scalar) -> Problem {
    let (Some(replacement), range) = (problem.replacement().map(str::to_owned), problem.span()) else { return problem };
    match scalar.style {
        ScalarStyle::SingleQuoted => problem.replace(replacement.replace('\'', "''")),
        ScalarStyle::DoubleQuoted => problem.replace(replacement.replace('\\', "\\\\").replace('"', "\\\"")),
        ScalarStyle::Plain => {
            let mut whole = scalar.text.clone();
            if whole.get(range.clone()).is_none() {
                return problem;
            }
            whole.replace_range(range, &replacement);
            let begins =
                whole.starts_with(['!', '&', '*', '?', '|', '>', '%', '@', '`', '"', '\'', '{', '[', '#', '-']);
            if !begins && !whole.contains([',', '[', ']', '{', '}']) && !whole.contains(": ") && !whole.contains(" #") {
                return problem;
            }
            // If the text already stands unquoted with brackets in a block, it can stay unquoted.
            if !begins && scalar.text.contains(['[', ']', ',', '{', '}']) {
                return problem;
            }
            if node.span.len() != scalar.text.len() {
                return problem.without_replacement();
            }
            let whole = quoted(&whole);
            problem.at(|_| 0..scalar.text.len()).label(format!("write `{whole}`")).replace(whole)
        }
        ScalarStyle::Literal | ScalarStyle::Folded => problem,
    }
}

/// The place in the file of a range in a scalar's text. It walks through quotes, escapes and folded lines.
pub(crate) fn source_span(source: &str, node: &Node, scalar: &Scalar, range: Range<usize>) -> Range<usize> {
    let mut at = node.span.start;
    if matches!(scalar.style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
        at += 1;
    }
    let mut start = None;
    for (index, wanted) in scalar.text.char_indices() {
        if !wanted.is_whitespace() {
            while source[at..].starts_with(char::is_whitespace) {
                at += source[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
        if index >= range.start && start.is_none() {
            start = Some(at);
        }
        if index >= range.end {
            break;
        }
        let width = source_width(&source[at.min(source.len())..], wanted, scalar.style);
        at = (at + width).min(source.len());
        // If the text differs from what stands in the file, as after a tag, this is a guess; but it is never inside a
        // character.
        while !source.is_char_boundary(at) {
            at += 1;
        }
    }
    let start = start.unwrap_or(at);
    start..at.max(start)
}

/// How many bytes of the source one character of the text takes.
fn source_width(rest: &str, wanted: char, style: ScalarStyle) -> usize {
    let Some(first) = rest.chars().next() else { return 0 };
    match (style, first) {
        (ScalarStyle::SingleQuoted, '\'') => 2,
        (ScalarStyle::DoubleQuoted, '\\') => match rest[1..].chars().next() {
            Some('x') => 4,
            Some('u') => 6,
            Some('U') => 10,
            Some(other) => 1 + other.len_utf8(),
            None => 1,
        },
        // White space in the text may be a fold in the source. The next character skips what is left of it.
        _ if wanted.is_whitespace() && !first.is_whitespace() => 0,
        _ => first.len_utf8(),
    }
}

/// What an expression is wanted for, in words.
fn wanted_words(wanted: ValueType) -> &'static str {
    if wanted == ValueType::Bool { "a condition" } else { kind_words(wanted) }
}
