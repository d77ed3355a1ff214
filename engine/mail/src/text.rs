//! Small readings of plain text: addresses, ids of messages, codes, words.

use crate::ADDRESSES_MAX;
use cadenza_core::identity;

/// A text in one line, without control characters.
pub(crate) fn on_one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without control characters other than line ends and tabs, and without the invisible marks that turn text
/// round or hide it.
pub(crate) fn visible(text: &str) -> String {
    let is_hidden = |c: char| {
        matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}')
            || matches!(c, '\u{FEFF}' | '\u{AD}')
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\u{A0}', " ");
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control() && !is_hidden(*c)).collect()
}

/// The longest beginning of a text that has at most so many bytes.
pub(crate) fn head(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The first mail addresses in a text, each once.
pub(crate) fn addresses(text: &str) -> Vec<String> {
    let is_between = |c: char| c.is_whitespace() || "<>()[]\",;:'`".contains(c);
    let mut found = Vec::new();
    for word in text.split(is_between).filter(|word| word.contains('@')) {
        let word = word.trim_matches(|c: char| c == '.' || c == '*' || c == '=');
        if let Some(address) = identity::email(word).filter(|address| !found.contains(address)) {
            found.push(address);
            if found.len() == ADDRESSES_MAX {
                break;
            }
        }
    }
    found
}

/// The ids of messages in a text: what stands in angle brackets, or words with an `@` when there are none.
pub(crate) fn ids(text: &str) -> Vec<String> {
    let is_id = |id: &&str| !id.is_empty() && id.len() <= 400 && !id.contains(|c: char| c.is_whitespace() || c == '<');
    let bracketed = text.split('<').skip(1).filter_map(|rest| Some(rest.split_once('>')?.0)).filter(is_id);
    let ids: Vec<String> = bracketed.map(str::to_owned).collect();
    if !ids.is_empty() || text.contains('<') {
        return ids;
    }
    text.split_whitespace().filter(|word| word.contains('@')).filter(is_id).map(str::to_owned).collect()
}

/// Whether a text contains one of these, which are in lower case.
pub(crate) fn has_any(lower: &str, words: &[&str]) -> bool {
    words.iter().any(|word| lower.contains(word))
}

/// A subject without what clients put before an answer, and whether anything stood there.
pub(crate) fn without_re(subject: &str) -> (&str, bool) {
    const MARKS: [&str; 14] =
        ["re", "aw", "antw", "rép", "rif", "sv", "vs", "odp", "res", "fwd", "fw", "wg", "tr", "rv"];
    let mut rest = subject.trim();
    let mut any = false;
    while let Some((mark, after)) = rest.split_once(':') {
        let mark = mark.trim().to_lowercase();
        let mark = mark.split('[').next().unwrap_or_default();
        if !MARKS.contains(&mark.trim()) {
            break;
        }
        (rest, any) = (after.trim_start(), true);
    }
    (rest, any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_an_answer_are_taken_off_a_subject() {
        for (subject, rest, any) in [
            ("Re: Offer", "Offer", true),
            ("AW: WG: Angebot", "Angebot", true),
            ("RE[2]: Offer", "Offer", true),
            ("Rép : Offre", "Offre", true),
            ("Offer: Re", "Offer: Re", false),
            ("Automatic reply: Offer", "Automatic reply: Offer", false),
        ] {
            assert_eq!(without_re(subject), (rest, any), "{subject}");
        }
    }

    #[test]
    fn ids_and_addresses_are_found_in_text() {
        assert_eq!(ids("<a@b> <c@d>"), ["a@b", "c@d"]);
        assert_eq!(ids("a@b c"), ["a@b"]);
        assert_eq!(ids("<a b@c> <d@e"), Vec::<String>::new());
        assert_eq!(addresses("to <Ada@Example.com>: user unknown (ada@example.com)"), ["ada@example.com"]);
        assert_eq!(head("aé", 2), "a");
    }
}
