//! Turns text into a syntax tree. The text is measured first: the parser, and whatever follows the tree, recurse as
//! deep as it nests, so a template that is too large, or has too much in one tag, is refused before it is parsed.

use super::{Stop, TEMPLATE_BYTES_MAX};
use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{self, Token};
use minijinja::syntax::SyntaxConfig;
use std::ops::Range;

/// The most tokens in one `{{ }}` or `{% %}`, which also limits the depth of an expression. The parser itself allows
/// 150 brackets.
const TAG_TOKENS_MAX: usize = 200;
/// The most `elif` in a template: each is nested in the one before.
const ELIFS_MAX: usize = 100;

/// A template that cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) stop: Stop,
    pub(crate) line: u32,
    pub(crate) range: Range<usize>,
}

/// Parses a template.
pub(super) fn parse(source: &str) -> Result<Stmt<'_>, Unreadable> {
    measure(source)?;
    machinery::parse(source, "template", SyntaxConfig::default()).map_err(|error| unreadable(&error))
}

fn measure(source: &str) -> Result<(), Unreadable> {
    if source.len() > TEMPLATE_BYTES_MAX {
        let stop =
            Stop::TooLarge(format!("a template has at most {TEMPLATE_BYTES_MAX} bytes, and this one {}", source.len()));
        return Err(Unreadable { stop, line: 1, range: 0..0 });
    }
    let (mut tokens, mut elifs) = (0, 0);
    for token in machinery::tokenize(source, false, SyntaxConfig::default()) {
        let (token, span) = token.map_err(|error| unreadable(&error))?;
        match token {
            Token::TemplateData(_) | Token::VariableStart | Token::BlockStart => tokens = 0,
            Token::Ident("elif") if tokens == 0 => elifs += 1,
            _ => tokens += 1,
        }
        let too_large = if tokens > TAG_TOKENS_MAX {
            format!("a tag has at most {TAG_TOKENS_MAX} words and signs")
        } else if elifs > ELIFS_MAX {
            format!("a template has at most {ELIFS_MAX} times `elif`")
        } else {
            continue;
        };
        let range = span.start_offset as usize..span.end_offset as usize;
        return Err(Unreadable { stop: Stop::TooLarge(too_large), line: span.start_line.into(), range });
    }
    Ok(())
}

fn unreadable(error: &minijinja::Error) -> Unreadable {
    let detail = error.detail().unwrap_or("it cannot be read").to_owned();
    let line = error.line().and_then(|line| u32::try_from(line).ok()).unwrap_or(1);
    let stop = match detail.strip_prefix("unknown statement ") {
        Some(statement) => Stop::Unlisted(format!("`{{% {statement} %}}`")),
        None => Stop::Unreadable(detail),
    };
    Unreadable { stop, line, range: error.range().unwrap_or(0..0) }
}
