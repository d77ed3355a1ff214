//! Phrases from other languages, spreadsheets and plain English in conditions. Each is reported with a complete phrase
//! that means the same here, so that following the advice does not lead to a second mistake.

use crate::dates::as_timestamp;
use crate::diagnostic::Problem;
use crate::foreign;
use crate::known::Known;
use crate::meant::as_date;
use cadenza_core::expr::Object;
use cadenza_core::value::ValueType;
use std::ops::Range;

/// Words for an unknown value, and for a known one.
const UNKNOWN: [&str; 9] = ["blank", "empty", "null", "none", "missing", "unknown", "unset", "undefined", "nil"];
const KNOWN: [&str; 6] = ["known", "set", "present", "filled", "defined", "given"];

/// What kind a piece of the text is, as far as that can be told without a grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A word, or words with dots between them.
    Name,
    Number,
    Text,
    Open(char),
    Close,
    Sign,
}

struct Piece<'t> {
    kind: Kind,
    text: &'t str,
    range: Range<usize>,
}

/// The first phrase that conditions do not use.
pub(super) fn find(text: &str, known: &Known<'_>) -> Option<Problem> {
    let pieces = pieces(text);
    let phrases = Phrases { text, pieces: &pieces, known };
    (0..pieces.len()).find_map(|ix| phrases.at(ix))
}

/// Splits the text into pieces. Anything unrecognised is a sign.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let while_in = |good: fn(char) -> bool| rest.len() - rest.trim_start_matches(good).len();
        let (kind, width) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                (Kind::Name, while_in(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            }
            '0'..='9' => (Kind::Number, while_in(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')),
            '"' | '\'' => (Kind::Text, quoted_width(rest, first, 1)),
            '“' | '”' | '„' | '«' => (Kind::Text, smart_width(rest, &['”', '“', '»'])),
            '‘' | '’' | '‚' => (Kind::Text, smart_width(rest, &['’', '‘'])),
            '(' | '[' | '{' => (Kind::Open(first), 1),
            ')' | ']' | '}' => (Kind::Close, 1),
            _ => {
                let two = ["&&", "||", "==", "!=", "<=", ">=", "<>", "=>", "=<", "{{", "}}"];
                (Kind::Sign, if two.iter().any(|sign| rest.starts_with(sign)) { 2 } else { first.len_utf8() })
            }
        };
        pieces.push(Piece { kind, text: &text[at..at + width], range: at..at + width });
        at += width;
    }
    pieces
}

fn quoted_width(rest: &str, quote: char, open: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(open) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// The width up to the closing quote, or of the opening quote alone when there is no closing one.
fn smart_width(rest: &str, closing: &[char]) -> usize {
    let close = rest.char_indices().skip(1).find(|(_, c)| closing.contains(c) || *c == '"' || *c == '\'');
    close.map_or(rest.chars().next().map_or(0, char::len_utf8), |(at, c)| at + c.len_utf8())
}

struct Phrases<'p> {
    text: &'p str,
    pieces: &'p [Piece<'p>],
    known: &'p Known<'p>,
}

impl Phrases<'_> {
    fn at(&self, ix: usize) -> Option<Problem> {
        let piece = &self.pieces[ix];
        match piece.kind {
            Kind::Text => self.smart_quotes(piece),
            Kind::Number => self.number(ix),
            Kind::Sign => self.sign(ix),
            Kind::Name if self.word(ix) == "not" => self.not(ix),
            Kind::Name => self.after_name(ix),
            Kind::Open('{') => self.braces(ix),
            Kind::Open(_) | Kind::Close => None,
        }
    }

    /// The piece as a word in lower case; empty when it is not a word.
    fn word(&self, ix: usize) -> String {
        self.pieces.get(ix).filter(|piece| piece.kind == Kind::Name).map_or_else(String::new, |p| p.text.to_lowercase())
    }

    fn source(&self, from: usize, to: usize) -> &str {
        &self.text[self.pieces[from].range.start..self.pieces[to].range.end]
    }

    fn instead(&self, from: usize, to: usize, instead: impl Into<String>) -> Problem {
        let range = self.pieces[from].range.start..self.pieces[to].range.end;
        let (message, instead) =
            (format!("`{}` is not how conditions say it", &self.text[range.clone()]), instead.into());
        Problem::error("bad-expression", range, message).label(format!("write `{instead}`")).replace(instead)
    }

    fn smart_quotes(&self, piece: &Piece<'_>) -> Option<Problem> {
        let smart = |c: char| matches!(c, '“' | '”' | '„' | '«' | '»' | '‘' | '’' | '‚');
        if !piece.text.starts_with(smart) {
            return None;
        }
        let inside = piece.text.trim_matches(|c| smart(c) || c == '"' || c == '\'');
        let instead = format!("\"{inside}\"");
        let message = "these quotes are made for reading: a text stands between straight ones";
        let problem = Problem::error("bad-expression", piece.range.clone(), message);
        Some(problem.label(format!("write `{instead}`")).replace(instead))
    }

    /// `{{ lead.company }}`, as in templates.
    fn braces(&self, ix: usize) -> Option<Problem> {
        let (open, close) = ("{{", "}}");
        let start = self.pieces[ix].range.start;
        let rest = self.text[start..].strip_prefix(open)?;
        let end = rest.find(close)?;
        let inside = rest[..end].trim();
        let range = start..start + open.len() + end + close.len();
        let problem = Problem::error("bad-expression", range, "a condition names fields without braces");
        Some(problem.label(format!("write `{inside}`")).replace(inside))
    }

    /// `10,000`, `1_000`, `50%`, `10k`, `2026-12-01`.
    fn number(&self, ix: usize) -> Option<Problem> {
        if let Some(problem) = self.date(ix).or_else(|| self.span(ix)) {
            return Some(problem);
        }
        let adjacent =
            |at: usize| at > 0 && self.pieces.get(at).is_some_and(|p| p.range.start == self.pieces[at - 1].range.end);
        let mut last = ix;
        let mut digits = self.pieces[ix].text.replace('_', "");
        let thousands = |at: usize| {
            let three = self.pieces.get(at + 1).is_some_and(|p| p.kind == Kind::Number && p.text.len() == 3);
            self.pieces.get(at).is_some_and(|p| p.text == ",") && adjacent(at) && adjacent(at + 1) && three
        };
        while !self.in_list(ix) && thousands(last + 1) {
            digits.push_str(self.pieces[last + 2].text);
            last += 2;
        }
        if let Some(thousand) = digits.strip_suffix(['k', 'K']).and_then(|count| count.parse::<i64>().ok()) {
            digits = thousand.saturating_mul(1_000).to_string();
        }
        let operand = |at: usize| {
            self.pieces.get(at).is_some_and(|p| matches!(p.kind, Kind::Name | Kind::Number | Kind::Open(_)))
                && !matches!(self.word(at).as_str(), "and" | "or" | "in")
        };
        if self.pieces.get(last + 1).is_some_and(|p| matches!(p.text, "%" | "€" | "$" | "£")) && !operand(last + 2) {
            last += 1;
        }
        let first = if ix > 0 && matches!(self.pieces[ix - 1].text, "$" | "€" | "£") { ix - 1 } else { ix };
        let plain = digits.parse::<f64>().is_ok_and(f64::is_finite);
        (plain && self.source(first, last) != digits).then(|| self.instead(first, last, digits))
    }

    /// `14 days`.
    fn span(&self, ix: usize) -> Option<Problem> {
        let count: u64 = self.pieces[ix].text.parse().ok()?;
        let (factor, function) = match self.word(ix + 1).as_str() {
            "minute" | "minutes" | "mins" | "min" => (1, "minutes"),
            "hour" | "hours" | "hrs" | "hr" => (1, "hours"),
            "day" | "days" => (1, "days"),
            "week" | "weeks" => (7, "days"),
            _ => return None,
        };
        Some(self.instead(ix, ix + 1, format!("{function}({})", count.checked_mul(factor)?)))
    }

    /// `x == "a" or "b"`: the values that `x` is compared with, and the last piece of them.
    fn choices(&self, ix: usize) -> Option<(Vec<&str>, usize)> {
        let is_value = |at: usize| self.pieces.get(at).is_some_and(|p| matches!(p.kind, Kind::Text | Kind::Number));
        let is_or = |at: usize| self.word(at) == "or" || self.pieces.get(at).is_some_and(|piece| piece.text == "||");
        let ends = |at: usize| {
            self.pieces.get(at).is_none_or(|p| p.kind == Kind::Close || matches!(p.text, "&&" | "||" | "?" | ":" | ","))
                || matches!(self.word(at).as_str(), "and" | "or")
        };
        let (mut values, mut last) = (vec![self.pieces.get(ix).filter(|_| is_value(ix))?.text], ix);
        while is_or(last + 1) && is_value(last + 2) && ends(last + 3) {
            last += 2;
            values.push(self.pieces[last].text);
        }
        (values.len() > 1).then_some((values, last))
    }

    /// Whether a comma between numbers at this place separates items or arguments.
    fn in_list(&self, ix: usize) -> bool {
        let mut open = Vec::new();
        for (at, piece) in self.pieces[..ix].iter().enumerate() {
            match piece.kind {
                Kind::Open(bracket) => {
                    open.push(bracket == '[' || (at > 0 && self.pieces[at - 1].kind == Kind::Name));
                }
                Kind::Close => drop(open.pop()),
                _ => {}
            }
        }
        open.last().copied().unwrap_or(false)
    }

    fn date(&self, ix: usize) -> Option<Problem> {
        let start = self.pieces[ix].range.start;
        let (last_ix, last, written, instead) = [ix + 4, ix].into_iter().find_map(|last_ix| {
            let last = self.pieces.get(last_ix)?;
            let written = &self.text[start..last.range.end];
            Some((last_ix, last, written, as_timestamp(written, self.known)?))
        })?;
        let instead = match as_date(written) {
            Some(date) if self.beside_a_day(ix, last_ix) => format!("date(\"{date}\")"),
            _ => instead,
        };
        let problem = Problem::error(
            "bad-expression",
            start..last.range.end,
            format!("`{written}` is not how a date is written here"),
        );
        Some(problem.label(format!("write `{instead}`")).replace(instead))
    }

    /// The type of the field of the lead that is named there.
    fn kind_of(&self, ix: usize) -> Option<ValueType> {
        let name = self.pieces.get(ix).filter(|piece| piece.kind == Kind::Name)?.text;
        name.strip_prefix("lead.").and_then(|field| self.known.field(field))
    }

    /// Whether what stands there is compared with a date, rather than a time.
    fn beside_a_day(&self, first: usize, last: usize) -> bool {
        let compares = |ix: usize| {
            let piece = self.pieces.get(ix).filter(|piece| piece.kind == Kind::Sign);
            piece.is_some_and(|piece| matches!(piece.text, "==" | "!=" | "<" | ">" | "<=" | ">=" | "=" | "+" | "-"))
        };
        let is_day = |ix: usize| self.kind_of(ix) == Some(ValueType::Date);
        (first >= 2 && compares(first - 1) && is_day(first - 2)) || (compares(last + 1) && is_day(last + 2))
    }

    /// `today()` beside a date, which is compared with the day that it is.
    fn today(&self, ix: usize) -> Option<Problem> {
        let called = self.pieces.get(ix + 1).is_some_and(|piece| piece.text == "(");
        let last = if called { self.closes_at(ix + 1).filter(|close| *close == ix + 2)? } else { ix };
        let is_now = foreign::is_now(self.pieces[ix].text) && self.pieces[ix].text != "now";
        ((is_now || called && self.pieces[ix].text == "now") && self.beside_a_day(ix, last))
            .then(|| self.instead(ix, last, "date(now)"))
    }

    /// `lead.plan == team`: a text without its quotes.
    fn bare_text(&self, ix: usize) -> Option<Problem> {
        let compared = self.kind_of(ix) == Some(ValueType::Text)
            && self.pieces.get(ix + 1).is_some_and(|piece| matches!(piece.text, "==" | "!="));
        let word = self.pieces.get(ix + 2).filter(|piece| compared && piece.kind == Kind::Name)?.text;
        let is_called = self.pieces.get(ix + 3).is_some_and(|piece| matches!(piece.kind, Kind::Open(_)));
        let means_more = word.contains('.')
            || is_called
            || Object::parse(word).is_some()
            || self.known.field(word).is_some()
            || matches!(word, "true" | "false" | "null" | "not" | "and" | "or" | "in");
        if means_more {
            return None;
        }
        let message = format!("`{word}` would be a name: a text stands in quotes");
        let instead = format!("\"{word}\"");
        let problem = Problem::error("bad-expression", self.pieces[ix + 2].range.clone(), message);
        Some(problem.label(format!("write `{instead}`")).replace(instead))
    }

    fn sign(&self, ix: usize) -> Option<Problem> {
        match self.pieces[ix].text {
            "<>" => Some(self.instead(ix, ix, "!=")),
            "=>" => Some(self.instead(ix, ix, ">=")),
            "=<" => Some(self.instead(ix, ix, "<=")),
            "{{" => self.braces(ix),
            "$" | "€" | "£" if self.pieces.get(ix + 1).is_some_and(|p| p.kind == Kind::Number) => {
                self.number(ix + 1)
            }
            _ => None,
        }
    }

    /// `not a == b`, as far as `not` reaches in the languages that have it.
    fn not(&self, ix: usize) -> Option<Problem> {
        if self.pieces.get(ix + 1).is_none() || (ix > 0 && self.pieces[ix - 1].text == ".") {
            return None;
        }
        let last = self.operand_end(ix + 1)?;
        let operand = self.source(ix + 1, last);
        let alone = last == ix + 1 || self.closes_at(ix + 1) == Some(last);
        let call = self.pieces[ix + 1].kind == Kind::Name && self.closes_at(ix + 2) == Some(last);
        Some(self.instead(ix, last, if alone || call { format!("!{operand}") } else { format!("!({operand})") }))
    }

    /// The last piece before the next `and` or `or`, or before the end of the brackets.
    fn operand_end(&self, from: usize) -> Option<usize> {
        let mut depth = 0;
        let mut last = None;
        for ix in from..self.pieces.len() {
            match self.pieces[ix].kind {
                Kind::Open(_) => depth += 1,
                Kind::Close if depth == 0 => break,
                Kind::Close => depth -= 1,
                _ if depth > 0 => {}
                Kind::Sign if matches!(self.pieces[ix].text, "&&" | "||" | "?" | ":" | ",") => break,
                Kind::Name if matches!(self.word(ix).as_str(), "and" | "or") => break,
                _ => {}
            }
            last = Some(ix);
        }
        last
    }

    /// The index of the bracket that closes the one at `open`.
    fn closes_at(&self, open: usize) -> Option<usize> {
        matches!(self.pieces.get(open)?.kind, Kind::Open(_)).then_some(())?;
        let mut depth = 0;
        for ix in open..self.pieces.len() {
            match self.pieces[ix].kind {
                Kind::Open(_) => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(ix);
            }
        }
        None
    }

    /// What follows a name: `is blank`, `not in`, `contains`…
    fn after_name(&self, ix: usize) -> Option<Problem> {
        let name = self.pieces[ix].text;
        // The name of a function is not an operand, and neither is a word of the phrase.
        let words: Vec<String> = (1..=4).map(|step| self.word(ix + step)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let sign = |step: usize| self.pieces.get(ix + step).map_or("", |piece| piece.text);
        let blank = |word: &str| UNKNOWN.contains(&word);
        let nothing = |step: usize| blank(&self.word(ix + step)) || matches!(sign(step), "\"\"" | "''");
        let is_blank = || format!("is_blank({name})");
        Some(match words[..] {
            ["is", "not", word, ..] if blank(word) => self.instead(ix, ix + 3, format!("!{}", is_blank())),
            ["is", "not", word, ..] if KNOWN.contains(&word) => self.instead(ix, ix + 3, is_blank()),
            ["is", word, ..] if blank(word) => self.instead(ix, ix + 2, is_blank()),
            ["is", word, ..] if KNOWN.contains(&word) => self.instead(ix, ix + 2, format!("!{}", is_blank())),
            ["exists", ..] => self.instead(ix, ix + 1, format!("!{}", is_blank())),
            ["is", "true", ..] => self.instead(ix, ix + 2, name),
            ["is", "false", ..] => self.instead(ix, ix + 2, format!("!{name}")),
            ["is", "not", "in", ..] => return self.list(ix, 4, true),
            ["is", "none", "of", ..] => return self.list(ix, 4, true),
            ["is", "any" | "one", "of", ..] => return self.list(ix, 4, false),
            ["is", "in", ..] => return self.list(ix, 3, false),
            ["not", "in", ..] => return self.list(ix, 3, true),
            ["in", ..] if sign(2) == "(" && self.pieces.get(ix + 3).is_some_and(|p| p.kind == Kind::Text) => {
                return self.list(ix, 2, false);
            }
            ["is", "equal", "to", ..] => self.instead(ix, ix + 3, format!("{name} ==")),
            ["is", "greater" | "more" | "later", "than", ..] => self.instead(ix, ix + 3, format!("{name} >")),
            ["is", "less" | "fewer" | "earlier", "than", ..] => self.instead(ix, ix + 3, format!("{name} <")),
            ["is", "at", "least", ..] => self.instead(ix, ix + 3, format!("{name} >=")),
            ["is", "at", "most", ..] => self.instead(ix, ix + 3, format!("{name} <=")),
            ["is", "not", ..] => self.instead(ix, ix + 2, format!("{name} !=")),
            ["contains" | "includes", ..] => return self.method(ix, 2, "contains", false),
            ["does", "not", "contain" | "include", ..] => return self.method(ix, 4, "contains", true),
            ["not", "contains", ..] => return self.method(ix, 3, "contains", true),
            ["starts" | "begins", "with", ..] => return self.method(ix, 3, "startsWith", false),
            ["startswith", ..] => return self.method(ix, 2, "startsWith", false),
            ["ends", "with", ..] => return self.method(ix, 3, "endsWith", false),
            ["endswith", ..] => return self.method(ix, 2, "endsWith", false),
            ["like" | "ilike", ..] => return self.like(ix),
            ["between", ..] => return self.between(ix),
            ["eq", ..] => self.instead(ix, ix + 1, format!("{name} ==")),
            ["ne" | "neq", ..] => self.instead(ix, ix + 1, format!("{name} !=")),
            ["gt", ..] => self.instead(ix, ix + 1, format!("{name} >")),
            ["gte" | "ge", ..] => self.instead(ix, ix + 1, format!("{name} >=")),
            ["lt", ..] => self.instead(ix, ix + 1, format!("{name} <")),
            ["lte" | "le", ..] => self.instead(ix, ix + 1, format!("{name} <=")),
            _ if matches!(sign(1), "==" | "=")
                && let Some((values, last)) = self.choices(ix + 2) =>
            {
                self.instead(ix, last, format!("{name} in [{}]", values.join(", ")))
            }
            _ if matches!(sign(1), "==" | "=") && sign(2) != "=" && nothing(2) => self.instead(ix, ix + 2, is_blank()),
            _ if matches!(sign(1), "!=" | "<>") && nothing(2) => self.instead(ix, ix + 2, format!("!{}", is_blank())),
            _ => return self.today(ix).or_else(|| self.bare_text(ix)),
        })
    }

    /// `x not in [..]`, where the list begins `step` pieces after the name.
    fn list(&self, ix: usize, step: usize, not: bool) -> Option<Problem> {
        let (open, name) = (ix + step, self.pieces[ix].text);
        // A list that is a name, or that only lacks brackets, gets brackets.
        let last = self.closes_at(open).unwrap_or(open);
        let list = self.pieces.get(last).map(|_| self.source(open, last))?;
        let list = match self.pieces[open].kind {
            Kind::Open('(') => format!("[{}]", list.trim_start_matches('(').trim_end_matches(')')),
            Kind::Text | Kind::Number => format!("[{list}]"),
            _ => list.to_owned(),
        };
        let within = format!("{name} in {list}");
        Some(self.instead(ix, last, if not { format!("!({within})") } else { within }))
    }

    /// `x contains "y"`. For a list, `in` is used.
    fn method(&self, ix: usize, step: usize, function: &str, not: bool) -> Option<Problem> {
        let (name, wanted) = (self.pieces[ix].text, self.pieces.get(ix + step)?);
        if !matches!(wanted.kind, Kind::Text | Kind::Name) {
            return None;
        }
        let is_list = name.strip_prefix("lead.").is_some_and(|field| self.known.field(field) == Some(ValueType::List));
        let call = match (is_list, not) {
            (true, false) => format!("{} in {name}", wanted.text),
            (true, true) => format!("!({} in {name})", wanted.text),
            (false, false) => format!("{name}.{function}({})", wanted.text),
            (false, true) => format!("!{name}.{function}({})", wanted.text),
        };
        Some(self.instead(ix, ix + step, call))
    }

    fn like(&self, ix: usize) -> Option<Problem> {
        let (name, wanted) = (self.pieces[ix].text, self.pieces.get(ix + 2).filter(|piece| piece.kind == Kind::Text)?);
        let pattern = wanted.text.trim_matches(['"', '\'']);
        let inside = pattern.trim_matches('%');
        let function = match (pattern.starts_with('%'), pattern.ends_with('%')) {
            (true, false) => "endsWith",
            (false, true) => "startsWith",
            (true, true) => "contains",
            (false, false) => return Some(self.instead(ix, ix + 2, format!("{name} == \"{pattern}\""))),
        };
        Some(self.instead(ix, ix + 2, format!("{name}.{function}(\"{inside}\")")))
    }

    fn between(&self, ix: usize) -> Option<Problem> {
        let name = self.pieces[ix].text;
        let and = (ix + 3..self.pieces.len())
            .find(|at| matches!(self.word(*at).as_str(), "and") || self.pieces[*at].text == "&&")?;
        let last = self.operand_end(and + 1)?;
        let (low, high) = (self.source(ix + 2, and - 1), self.source(and + 1, last));
        Some(self.instead(ix, last, format!("{name} >= {low} && {name} <= {high}")))
    }
}
