//! Text without characters that are invisible but have effects: they ring a bell, move a cursor, end a header or reverse the
//! direction of writing. Anything from outside may contain them.

/// Characters that hide or reverse what stands next to them. Joiners stay, since names and emoji are written with them.
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// One line: line ends and white space of any width become one space.
pub fn line(text: &str) -> String {
    let seen: String = text.chars().filter(|c| c.is_whitespace() || !(c.is_control() || is_hidden(*c))).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Several lines. Only control characters are removed; the direction of writing is up to the writer.
pub fn lines(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_nothing_that_is_not_seen() {
        for (text, expected) in [
            ("For Acme", "For Acme"),
            ("For Acme\r\nBcc: all@example.com", "For Acme Bcc: all@example.com"),
            ("For\u{85}Acme\u{2028}Corp\u{2029}", "For Acme Corp"),
            ("For \0Ac\u{7}me\u{1B}[31m\u{7F}", "For Acme[31m"),
            ("For \u{202E}emcA\u{202C} \u{2066}x\u{2069}", "For emcA x"),
            ("\u{FEFF}A\u{200B}cme\u{AD}\u{200F}", "Acme"),
            ("\u{9B}31mAcme", "31mAcme"),
            ("می\u{200C}خواهم 👩\u{200D}💻", "می\u{200C}خواهم 👩\u{200D}💻"),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(lines("Dear Ada,\r\n\tsee\u{1B}[2J you\0.\u{200F}\n"), "Dear Ada,\n\tsee[2J you.\u{200F}\n");
    }
}
