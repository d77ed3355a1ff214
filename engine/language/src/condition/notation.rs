//! A first look at an expression's text, before the parser: characters, quotes, brackets, words of other languages.
//!
//! The parser reports errors in terms of its grammar, and it recurses. This scan names the mistakes that people make in
//! words that say what to write, and limits length and depth.

use crate::diagnostic::Problem;
use std::collections::BTreeMap;
use std::ops::Range;

/// The most bytes an expression may have.
pub(super) const BYTES_MAX: usize = 4_000;
/// The most words, signs and brackets. More could not fit core's limit on the parts of an expression.
const TOKENS_MAX: usize = 600;
/// How deeply brackets and signs may be nested. The parser's own stack can take several times that.
const NESTING_MAX: usize = 24;

/// The result of the scan, which is needed again to find where a call or list ends.
pub(super) struct Notation {
    pub(super) tokens: Vec<(Token, Range<usize>)>,
    /// Maps the offset of an opening bracket to that of its closing one.
    pub(super) closes: BTreeMap<usize, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word,
    Number,
    Text,
    /// A sign between two operands.
    Between,
    /// `-` and `!` before an operand. A `-` may also stand between operands.
    Sign,
    Dot,
    Comma,
    Open(char),
    Close,
}

impl Notation {
    /// The first place where a name begins with this word and, if a field is given, continues with that field.
    pub(super) fn names(&self, text: &str, word: &str, field: Option<&str>) -> Option<Range<usize>> {
        let part = |ix: usize| self.tokens.get(ix).and_then(|(_, range)| text.get(range.clone()));
        let begins = |ix: usize| part(ix) == Some(word) && (ix == 0 || self.tokens[ix - 1].0 != Token::Dot);
        let words = self.tokens.iter().enumerate().filter(|(_, (token, _))| *token == Token::Word);
        let mut places = words.filter(|(ix, _)| begins(*ix));
        let (ix, (_, range)) = places.find(|(ix, _)| field.is_none() || part(ix + 2) == field)?;
        let end = field.and_then(|_| self.tokens.get(ix + 2)).map_or(range.end, |(_, field)| field.end);
        Some(range.start..end)
    }
}

pub(super) fn scan(text: &str) -> Result<Notation, Vec<Problem>> {
    if text.len() > BYTES_MAX {
        let message = format!("this expression has {} bytes, and the most is {BYTES_MAX}", text.len());
        return Err(vec![Problem::error("too-large", 0..text.len(), message)]);
    }
    let tokens = tokens(text).map_err(|problem| vec![problem])?;
    if tokens.len() > TOKENS_MAX {
        let message = format!("this expression has {} words and signs, and the most is {TOKENS_MAX}", tokens.len());
        return Err(vec![Problem::error("too-large", 0..text.len(), message).help("split it over several steps")]);
    }
    let closes = brackets(text, &tokens).map_err(|problem| vec![problem])?;
    match order(text, &tokens) {
        Some(problem) => Err(vec![problem]),
        None => Ok(Notation { tokens, closes }),
    }
}

fn bad(range: Range<usize>, message: impl Into<String>) -> Problem {
    Problem::error("bad-expression", range, message)
}

fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Problem> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, width) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let width = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
                word(&rest[..width], at, &tokens)?
            }
            '0'..='9' => {
                let width = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.').len();
                (number(&rest[..width], at)?, width)
            }
            '"' | '\'' => (Token::Text, quoted(rest, at)?),
            '(' | '[' | '{' => (Token::Open(first), 1),
            ')' | ']' | '}' => (Token::Close, 1),
            '.' => (Token::Dot, 1),
            ',' => (Token::Comma, 1),
            _ => operator(rest, at)?,
        };
        tokens.push((token, at..at + width));
        at += width;
    }
    Ok(tokens)
}

/// A name, or a word that other languages use for an operator.
fn word(word: &str, at: usize, before: &[(Token, Range<usize>)]) -> Result<(Token, usize), Problem> {
    let range = at..at + word.len();
    if matches!(before.last(), Some((Token::Dot, _))) {
        return Ok((Token::Word, word.len()));
    }
    let instead = match word.to_lowercase().as_str() {
        "and" => "&&",
        "or" => "||",
        "not" => "!",
        "is" | "equals" => "==",
        "in" if word == "in" => return Ok((Token::Between, word.len())),
        "true" | "false" | "null" | "in" if word.chars().any(char::is_uppercase) => &word.to_lowercase(),
        _ => return Ok((Token::Word, word.len())),
    };
    let problem = bad(range, format!("`{word}` is not how conditions say it"));
    Err(problem.label(format!("write `{instead}`")).replace(instead))
}

fn number(text: &str, at: usize) -> Result<Token, Problem> {
    let whole = text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole && text.parse::<i64>().is_ok()) || (!whole && text.parse::<f64>().is_ok_and(f64::is_finite)) {
        return Ok(Token::Number);
    }
    let range = at..at + text.len();
    let problem = bad(range, format!("`{text}` is no number"));
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = text.split_at(digits);
    let instead = match unit {
        "d" => format!("days({count})"),
        "w" => format!("days({})", count.parse::<u32>().unwrap_or_default().saturating_mul(7)),
        "h" => format!("hours({count})"),
        "m" | "min" => format!("minutes({count})"),
        _ => return Err(problem.help("durations are written `days(14)`, `hours(36)` or `minutes(5)`")),
    };
    Err(problem.label(format!("write `{instead}`")).replace(instead))
}

/// The width of a quoted text.
fn quoted(rest: &str, at: usize) -> Result<usize, Problem> {
    let quote = rest.chars().next().unwrap_or_default();
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => break,
            c if c == quote => return Ok(index + 1),
            _ => {}
        }
    }
    let width = rest.find('\n').unwrap_or(rest.len());
    let problem = bad(at..at + width, "this text has no closing quote").label(format!("close it with `{quote}`"));
    Err(problem.replace(format!("{}{quote}", &rest[..width])))
}

fn operator(rest: &str, at: usize) -> Result<(Token, usize), Problem> {
    for two in ["&&", "||", "==", "!=", "<=", ">="] {
        if rest.starts_with(two) {
            // `===` and `!==` come from JavaScript.
            if two.ends_with('=') && rest[2..].starts_with('=') {
                let problem = bad(at..at + 3, format!("`{two}=` is no operator here"));
                return Err(problem.label(format!("write `{two}`")).replace(two));
            }
            return Ok((Token::Between, 2));
        }
    }
    let first = rest.chars().next().unwrap_or_default();
    let instead = match first {
        '!' | '-' => return Ok((Token::Sign, 1)),
        '<' if rest.starts_with("<>") => "!=",
        '<' | '>' | '+' | '*' | '/' | '%' | '?' | ':' => return Ok((Token::Between, 1)),
        '=' => "==",
        '&' => "&&",
        '|' => "||",
        '“' | '”' | '„' | '‘' | '’' => "\"",
        other => {
            let message = format!("`{other}` has no meaning in a condition");
            return Err(
                bad(at..at + other.len_utf8(), message).help("texts stand in quotes: `lead.city == \"Zürich\"`")
            );
        }
    };
    let width = if instead == "!=" { 2 } else { first.len_utf8() };
    let problem = bad(at..at + width, format!("`{}` is no operator here", &rest[..width]));
    Err(problem.label(format!("write `{instead}`")).replace(instead))
}

fn brackets(text: &str, tokens: &[(Token, Range<usize>)]) -> Result<BTreeMap<usize, usize>, Problem> {
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut closes = BTreeMap::new();
    let mut signs = 0;
    for (token, range) in tokens {
        signs = if *token == Token::Sign { signs + 1 } else { 0 };
        match token {
            Token::Open(bracket) => open.push((*bracket, range.start)),
            Token::Close => {
                let found = &text[range.clone()];
                let Some((bracket, start)) = open.pop() else {
                    return Err(bad(range.clone(), format!("`{found}` closes nothing")).label("remove it"));
                };
                let wanted = match bracket {
                    '(' => ")",
                    '[' => "]",
                    _ => "}",
                };
                if wanted != found {
                    let message = format!("`{bracket}` is closed by `{found}`");
                    return Err(bad(range.clone(), message).label(format!("write `{wanted}`")).replace(wanted));
                }
                closes.insert(start, range.start);
            }
            _ => {}
        }
        if open.len() + signs > NESTING_MAX {
            let message = format!("this expression is nested more than {NESTING_MAX} deep");
            return Err(Problem::error("too-large", range.clone(), message).help("split it over several steps"));
        }
    }
    match open.pop() {
        Some((bracket, start)) => {
            let close = if bracket == '[' { ']' } else { ')' };
            let problem = bad(start..text.len(), format!("`{bracket}` is opened and not closed")).label("close it");
            Err(problem.replace(format!("{}{close}", &text[start..])))
        }
        None => Ok(closes),
    }
}

/// Operands and operators must alternate. Reports where they do not.
fn order(text: &str, tokens: &[(Token, Range<usize>)]) -> Option<Problem> {
    let mut operand_before = false;
    let mut last: Option<&(Token, Range<usize>)> = None;
    for token in tokens {
        let (kind, range) = token;
        let here = &text[range.clone()];
        let empty_brackets = matches!((last, kind), (Some((Token::Open(_), _)), Token::Close));
        match kind {
            Token::Word | Token::Number | Token::Text if operand_before => {
                let message = format!("an operator is missing before `{here}`");
                return Some(bad(range.clone(), message).help("write `&&`, `||`, `==`, `<`… between the two"));
            }
            Token::Word | Token::Number | Token::Text => operand_before = true,
            Token::Open(bracket) => {
                if operand_before && *bracket == '(' && !matches!(last, Some((Token::Word, _))) {
                    let message = "an operator is missing before `(`";
                    return Some(bad(range.clone(), message).help("write `&&`, `||`, `==`, `<`… between the two"));
                }
                operand_before = false;
            }
            Token::Close if operand_before || empty_brackets => operand_before = true,
            Token::Sign if here == "!" && operand_before => {
                return Some(
                    bad(range.clone(), "`!` stands before a condition, not after").label("did you mean `!=`?"),
                );
            }
            Token::Sign => operand_before = false,
            Token::Between | Token::Dot | Token::Comma | Token::Close if !operand_before => {
                let message = format!("something is missing before `{here}`");
                return Some(
                    bad(range.clone(), message).help("write what it is about, such as `lead.segment == \"hot\"`"),
                );
            }
            Token::Between | Token::Dot | Token::Comma | Token::Close => operand_before = false,
        }
        last = Some(token);
    }
    match last {
        None => Some(bad(0..0, "the condition is empty")),
        Some((_, range)) if !operand_before => {
            let sign = &text[range.clone()];
            let problem = bad(range.clone(), format!("something is missing after `{sign}`"));
            Some(problem.help("write what it is about, such as `lead.segment == \"hot\"`, or remove it"))
        }
        Some(_) => None,
    }
}
