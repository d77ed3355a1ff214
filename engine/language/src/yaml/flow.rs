//! What goes wrong within braces and brackets: a value that ends sooner than its author meant, because a sign in it has
//! a meaning in YAML, and a bracket that is not closed, which the parser notices only lines later.

use super::{Blocks, Entry, Node, Word, begins_value, quoted};
use crate::diagnostic::Problem;
use std::ops::Range;

/// The state of reading a text up to an offset.
#[derive(Default)]
struct Read {
    /// The brackets and braces that are open there, the outermost first.
    open: Vec<usize>,
    /// The beginning of the value in which the offset lies.
    value: usize,
}

/// What is wrong with braces or brackets where the parser gave up; `None` when it is something else.
pub(super) fn trouble(text: &str, at: usize) -> Option<Problem> {
    let read = read(text, at);
    let innermost = *read.open.last()?;
    bracketed(text, at, innermost, read.value).or_else(|| unclosed(text, at, &read.open))
}

/// The value around an offset within braces or brackets, as far as its author meant it; `None` outside of them.
pub(super) fn value_around(text: &str, at: usize) -> Option<Range<usize>> {
    let Read { open, value } = read(text, at);
    open.last().map(|_| value..end_of_value(text, value))
}

/// `{ stage: body.deals[0].stage }`: YAML ends the value at the bracket.
fn bracketed(text: &str, at: usize, innermost: usize, value: usize) -> Option<Problem> {
    let sign = text[at..].chars().next()?;
    let on_this_line = |place: usize| !text[place..at].contains('\n');
    let breaks = match sign {
        '[' | '{' => !begins_value(&text[..at]),
        ':' => on_this_line(innermost),
        _ => false,
    };
    if !breaks || !on_this_line(value) || value >= at {
        return None;
    }
    let whole = value..end_of_prose(text, end_of_value(text, value));
    let instead = quoted(&text[whole.clone()]);
    let message =
        format!("an unquoted `{sign}` cannot stand in a value within braces or brackets: YAML takes it for its own");
    let problem = Problem::error("yaml", whole, message).label("put this in quotes");
    Some(problem.help(format!("write {instead}")).replace(instead))
}

/// `{ if: touches.exists(t, t.channel == "call") }`: YAML takes what stands behind the comma for another key. The value as its
/// author meant it.
pub(super) fn divided(text: &str, last: &Entry, key: &Word, rest: &Node) -> Option<(Problem, Range<usize>)> {
    let before = last.value.scalar().filter(|scalar| scalar.is_plain() && !scalar.text.is_empty())?;
    let is_empty = rest.scalar().is_some_and(|scalar| scalar.is_plain() && scalar.text.is_empty());
    let follows = text.get(last.value.span.end..key.span.start).is_some_and(|between| between.trim() == ",");
    if !is_empty || !follows {
        return None;
    }
    let start = last.value.span.start;
    if let Some(end) = end_of_number(text, &before.text, last.value.span.end) {
        let whole = start..end_of_value(text, end);
        let digits = text.get(last.value.span.end..end)?.replace(',', "");
        let instead = format!("{}{digits}{}", before.text, &text[end..whole.end]);
        let message = format!("`{}` is two things here: a comma begins the next key", &text[whole.clone()]);
        let problem = Problem::error("bad-number", whole.clone(), message);
        return Some((problem.label(format!("write `{instead}`")).replace(instead), whole));
    }
    if let Some(problem) = decimal(text, last, &before.text, key) {
        return Some(problem);
    }
    let count = |sign: char| before.text.matches(sign).count();
    if count('"') % 2 == 1 || count('(') > count(')') {
        let whole = start..end_of_value(text, start);
        let instead = quoted(&text[whole.clone()]);
        let message = "an unquoted `,` ends a value within braces, and this one goes on";
        let problem = Problem::error("yaml", whole.clone(), message).label("put this in quotes");
        return (whole.end > last.value.span.end)
            .then(|| (problem.help(format!("write {instead}")).replace(instead), whole));
    }
    let is_prose =
        key.text.contains(|c: char| c.is_whitespace() || c.is_uppercase()) || key.text.ends_with(['.', '!', '?']);
    let is_key = text[key.span.end..].starts_with(':');
    if !is_prose || is_key || !before.text.contains(char::is_alphabetic) {
        return None;
    }
    let whole = start..end_of_prose(text, key.span.end);
    Some((cut_short(text, whole.clone()), whole))
}

/// `{ share: 33,5 }`, with the comma that many languages have.
fn decimal(text: &str, last: &Entry, before: &str, key: &Word) -> Option<(Problem, Range<usize>)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = digits(before) && digits(&key.text) && key.span.start == last.value.span.end + 1;
    let whole = last.value.span.start..key.span.end;
    let instead = format!("{before}.{}", key.text);
    let message = format!("`{}` is two things here: a comma begins the next key", &text[whole.clone()]);
    let problem = Problem::error("bad-number", whole.clone(), message);
    is_one.then(|| (problem.label(format!("write `{instead}`")).replace(instead), whole))
}

/// A text within braces that a comma ends, all of it.
pub(crate) fn cut_short(text: &str, whole: Range<usize>) -> Problem {
    let instead = quoted(&text[whole.clone()]);
    Problem::error("yaml", whole, "an unquoted `,` ends a text within braces: what follows it would be a key")
        .label("put all of it in quotes")
        .help(format!("write {instead}"))
        .replace(instead)
}

/// Where the groups of three digits end that follow a number; none where none do.
fn end_of_number(text: &str, before: &str, from: usize) -> Option<usize> {
    let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let joined = before[..before.len() - digits].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_'));
    let is_group = |at: usize| {
        let group = text.get(at..at + 4).unwrap_or_default();
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let is_three = group.strip_prefix(',').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        is_three && text.get(at + 4..).is_some_and(ends)
    };
    let mut end = from;
    while (1..=3).contains(&digits) && !joined && is_group(end) {
        end += 4;
    }
    (end > from).then_some(end)
}

/// Where a text ends that goes on behind a comma: before what is a key with a value.
pub(super) fn end_of_prose(text: &str, from: usize) -> usize {
    let mut end = from;
    while let Some(rest) = text[end..].strip_prefix(',') {
        let part = rest.find([',', '}', ']', '\n']).map_or(rest, |stop| &rest[..stop]);
        if part.contains(": ") || part.trim().is_empty() || rest[part.len()..].starts_with('\n') {
            break;
        }
        end += 1 + part.trim_end().len();
    }
    end
}

/// A bracket that was opened on an earlier line, followed by a line that does not look like a part of it.
fn unclosed(text: &str, at: usize, open: &[usize]) -> Option<Problem> {
    let start = |place: usize| text[..place].rfind('\n').map_or(0, |newline| newline + 1);
    let blanks = |line: &str, signs: &[char]| line.len() - line.trim_start_matches(signs).len();
    let here = &text[start(at)..];
    let begun = *open.iter().rev().find(|place| **place < start(at))?;
    let first = text[start(begun)..].lines().next().unwrap_or_default();
    // The keys of an item stand after its dash, unless the bracket is the item.
    let of_item = blanks(first, &[' ', '-']);
    let deep = if start(begun) + of_item == begun { blanks(first, &[' ']) } else { of_item };
    if blanks(here, &[' ']) > deep || !begins_entry(here) {
        return None;
    }
    let bracket = if text[begun..].starts_with('{') { ('{', '}') } else { ('[', ']') };
    let problem = Problem::error("yaml", begun..begun + 1, format!("`{}` is opened here and not closed", bracket.0));
    let behind = &text[begun..start(begun) + first.len()];
    Some(match behind.contains(" #") {
        true => problem.help("` #` begins a comment, and what stands behind it is not read: put the value in quotes"),
        false => {
            let line = text[..at].matches('\n').count() + 1;
            problem.help(format!("close it with `{}`: line {line} is read as a part of it", bracket.1))
        }
    })
}

/// Whether a line begins a list item or a key of a mapping outside braces.
fn begins_entry(line: &str) -> bool {
    let line = line.lines().next().unwrap_or_default().trim_start();
    let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let key = line.split_once(':').filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
    line.starts_with("- ") || key.is_some_and(|(key, _)| !key.is_empty() && key.chars().all(name))
}

fn read(text: &str, at: usize) -> Read {
    let mut found = Read::default();
    let (mut blocks, mut quote, mut line_start) = (Blocks::default(), None, 0);
    for line in text[..at].split_inclusive('\n') {
        if blocks.skips(line, quote.is_none() && found.open.is_empty()) {
            line_start += line.len();
            continue;
        }
        let (mut before, mut escapes) = (' ', false);
        let mut signs = line.char_indices().peekable();
        while let Some((column, c)) = signs.next() {
            let here = line_start + column;
            let next = signs.peek().map(|(_, next)| *next);
            match (quote, c) {
                // Two single quotes within single quotes mean one.
                (Some('\''), '\'') if next == Some('\'') => drop(signs.next()),
                (Some(open), c) if c == open && (open == '\'' || !escapes) => quote = None,
                (Some(_), _) => {}
                (None, '#') if before.is_whitespace() => break,
                (None, '"' | '\'') if begins_value(&text[..here]) => quote = Some(c),
                (None, '[' | '{') if !found.open.is_empty() || begins_value(&text[..here]) => {
                    found.open.push(here);
                    found.value = here + 1;
                }
                (None, ']' | '}') => drop(found.open.pop()),
                (None, ',') if !found.open.is_empty() => found.value = here + 1,
                (None, ':') if next.is_some_and(char::is_whitespace) => found.value = here + 1,
                (None, _) => {}
            }
            escapes = c == '\\' && !escapes;
            before = c;
        }
        line_start += line.len();
    }
    let blanks = text[found.value..at].len() - text[found.value..at].trim_start().len();
    Read { value: found.value + blanks, ..found }
}

/// Where a value ends for its author: at a comma or closing bracket that belongs to nothing within it.
pub(super) fn end_of_value(text: &str, start: usize) -> usize {
    let line = text[start..].lines().next().unwrap_or_default();
    let line = line.find(" #").map_or(line, |comment| &line[..comment]);
    let (mut depth, mut quote) = (0_usize, None);
    let end = line.char_indices().find(|(_, c)| {
        match (quote, *c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(*c),
            (None, ',' | ']' | '}' | ')') if depth == 0 => return true,
            (None, '[' | '{' | '(') => depth += 1,
            (None, ']' | '}' | ')') => depth -= 1,
            (None, _) => {}
        }
        false
    });
    let end = end.map_or(line.len(), |(end, _)| end);
    start + line[..end].trim_end().len()
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Sheet;
    use std::cell::RefCell;

    /// A file, the line and column that are reported, from 1, and the suggested replacement; `None` when the fix is
    /// only described.
    #[test]
    fn what_breaks_braces_is_told_where_it_stands() {
        for (text, line, column, instead) in [
            ("save: { a: body.deals[0].stage }\n", 1, 12, Some("\"body.deals[0].stage\"")),
            ("save: { a: x, b: body[0] }\n", 1, 18, Some("\"body[0]\"")),
            ("- { if: lead.company in [\"a\", \"b\"], go: on }\n", 1, 9, Some("'lead.company in [\"a\", \"b\"]'")),
            ("http: { via: crm, path: /deals/{{ lead.id }} }\n", 1, 25, Some("\"/deals/{{ lead.id }}\"")),
            ("http: { via: crm, path: /deals/{id}, method: GET }\n", 1, 25, Some("\"/deals/{id}\"")),
            ("update: { a: { cel: lead.tools[0] } }\n", 1, 21, Some("\"lead.tools[0]\"")),
            (
                "- { if: touches.exists(t, t.a == \"b, c\"), go: on }\n",
                1,
                9,
                Some("'touches.exists(t, t.a == \"b, c\")'"),
            ),
            ("- { if: lead.a == \"b, c\", go: on }\n", 1, 9, Some("'lead.a == \"b, c\"'")),
            ("update: { a: b: c, d: e }\n", 1, 14, Some("\"b: c\"")),
            ("list:\n  - [a, lead.b[0]]\n", 2, 9, Some("\"lead.b[0]\"")),
            ("- { if: \"a, b\" in lead.tools, go: on }\n", 1, 16, Some("'\"a, b\" in lead.tools'")),
            ("steps:\n  - a: { b: \"c\"\n  - d: e\n", 2, 8, None),
            ("steps:\n  - a: { b: c\n    d: e\n", 2, 8, None),
            ("steps:\n  - a: { b: c,\n    d: { e: f }\n    g: h\n  - i: j\n", 2, 8, None),
            ("steps:\n  - a: { b: { c: d }\n  - e: f\n", 2, 8, None),
            ("steps:\n  - a: { b: /c #d }\n    e: f\n", 2, 8, None),
            ("steps:\n  - a: [b\n  - c: { d: e }\n", 2, 8, None),
            ("steps: [\n  { a: b },\n  { c: \"d\"\n]\nrest: e\n", 3, 3, None),
        ] {
            let findings = RefCell::new(Vec::new());
            let _ = crate::yaml::parse(&Sheet::new("a.yaml", text, &findings));
            let [found] = &findings.into_inner()[..] else { panic!("it is told once: {text}") };
            let told = (found.line, found.column, found.replacement.as_deref());
            assert_eq!(told, (line, column, instead), "{text}{}", found.message);
        }
    }
}
