//! A word of a request that may be one of the engine's, or of the team's own.

use crate::http::problem::{Kind, Problem};
use cadenza_core::own_words::{Code, Said, Words};

/// What a word says; a problem with the words there are if it is none of those whose meaning may be given.
pub(crate) fn said<C: Code>(
    word: &str,
    (what, at): (&str, &str),
    words: &Words<C>,
    may: impl Fn(C) -> bool,
) -> Result<Said<C>, Problem> {
    words.said(word).ok_or_else(|| {
        let near = cadenza_language::nearest(word, words.all());
        let near = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        let detail = format!("`{word}` is no {what}{near}; there are {}", words.listed_of(may));
        Problem::new(Kind::InvalidField, detail).at(at)
    })
}
