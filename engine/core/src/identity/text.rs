//! The treatment of every text that a person typed, pasted or exported, before it is read as an address or a number.

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization as _;

/// The text as it is meant: compatibility forms (full-width digits, `＠`, no-break spaces) become the characters that
/// they stand for, white space becomes spaces, and control and invisible characters (byte-order mark, U+200B) and
/// spaces at the ends are dropped.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text.trim());
    }
    let seen = |c: char| match c {
        _ if c.is_whitespace() => Some(' '),
        _ if c.is_control() || is_invisible(c) => None,
        _ => Some(c),
    };
    let plain: String = text.nfkc().filter_map(seen).collect();
    Cow::Owned(plain.trim().to_owned())
}

/// Whether a character takes no room on a screen: joiners, direction marks, fillers, variation selectors, tags.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFC}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Removes what surrounds an address or a domain that was copied out of a sentence, a list or a program.
pub(super) fn trim_around(text: &str) -> &str {
    let around = |c: char| c.is_whitespace() || "\"'`´“”„‘’‚<>‹›«»()[]{},;:|".contains(c);
    text.trim_start_matches(around).trim_end_matches(|c| c == '.' || around(c))
}
