//! The only module that writes to standard output and standard error. What comes from leads may contain characters that
//! control a terminal or change the direction of what follows. They are removed before a person sees them.

pub(crate) use cadenza_couriers::causes;
use std::io::{IsTerminal as _, Write as _};

/// Writes to standard output. A reader that went away is not a failure: `cadenza leads | head` is fine.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", harmless(text));
}

/// Writes to standard output unchanged, for machines.
pub(crate) fn say_raw(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes to standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", harmless(text));
}

/// Shows the progress of a long command: one line on standard error, overwritten each time. Prints nothing if standard
/// error is not a terminal.
pub(crate) fn progress(text: &str) {
    let mut stderr = std::io::stderr().lock();
    if !stderr.is_terminal() {
        return;
    }
    let _ = write!(stderr, "\r{}\x1b[K", harmless(text));
    let _ = stderr.flush();
}

/// Writes lines over the `before` lines written last, for a summary that changes while somebody looks at it.
pub(crate) fn redraw(lines: &[String], before: usize) {
    let mut stdout = std::io::stdout().lock();
    if before > 0 {
        let _ = write!(stdout, "\x1b[{before}A\x1b[J");
    }
    for line in lines {
        let _ = writeln!(stdout, "{}", harmless(line));
    }
    let _ = stdout.flush();
}

/// Writes text that we coloured. Of the characters that control a terminal, only colours are kept.
pub(crate) fn say_painted(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", painted(text));
}

/// Writes indented JSON for other programs. A person who looks at it on a terminal gets the same document, with
/// characters that would control the terminal escaped as in JSON.
pub(crate) fn json(value: &serde_json::Value) {
    let text = format!("{value:#}");
    say_raw(&if std::io::stdout().is_terminal() { escaped(&text) } else { text });
}

/// How this program was called, quoted for a shell, so that a printed command works where it is printed, even if
/// `cadenza` is not on the path.
pub(crate) fn program() -> String {
    std::env::args_os().next().map_or_else(|| "cadenza".to_owned(), |name| quoted(&name.to_string_lossy()))
}

/// The same for a command that is run in another folder.
pub(crate) fn program_from_anywhere() -> String {
    let called = std::env::args_os().next().map(std::path::PathBuf::from);
    let by_path =
        called.filter(|name| name.components().nth(1).is_some()).and_then(|name| std::path::absolute(name).ok());
    by_path.map_or_else(program, |path| quoted(&path.display().to_string()))
}

/// A text as one word of a shell command.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Whether a character controls a terminal, ends a line where it should not, is invisible, or changes the direction of
/// what follows. Joiners are kept, because scripts and emoji need them.
fn steers(c: char) -> bool {
    let invisible =
        matches!(c, '\u{AD}' | '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}');
    let turns = matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}');
    let ends = matches!(c, '\u{2028}' | '\u{2029}');
    (c.is_control() && c != '\n' && c != '\t') || invisible || turns || ends
}

/// The text without what could control a terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '\u{FFFD}' } else { c }).collect()
}

/// The same, but colours are kept: `ESC [`, digits and `;`, `m`.
fn painted(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let mut made = harmless(parts.next().unwrap_or_default());
    for part in parts {
        let colour = part.strip_prefix('[').and_then(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            rest[end..].starts_with('m').then_some(end + 2)
        });
        made.push(if colour.is_some() { '\x1b' } else { '\u{FFFD}' });
        let (steering, text) = part.split_at(colour.unwrap_or(0));
        made.push_str(steering);
        made.push_str(&harmless(text));
    }
    made
}

/// JSON in which every such character is escaped, as in `\u009b`. Such characters occur only in its texts.
fn escaped(json: &str) -> String {
    let mut made = String::with_capacity(json.len());
    for c in json.chars() {
        if steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                made.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            made.push(c);
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_command() {
        for (text, word) in
            [("target/release/cadenza", "target/release/cadenza"), ("my folder", "'my folder'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(quoted(text), word);
        }
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(harmless("Ada\x1b[2J\rEve\nline"), "Ada\u{FFFD}[2J\u{FFFD}Eve\nline");
        let steering = "\0\x07\x08\x0b\x0c\r\x1b\x7f\u{85}\u{9b}\u{9d}\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}\u{e0041}";
        for c in steering.chars() {
            assert_eq!(harmless(&format!("a{c}b")), "a\u{FFFD}b", "{}", c.escape_unicode());
            let json = format!("{:#}", serde_json::json!({ "name": format!("a{c}b") }));
            let shown = escaped(&json);
            assert!(!shown.chars().any(steers), "{shown:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap()["name"], format!("a{c}b"));
        }
        for kept in ["Müller", "نور", "👩‍👧", "क्‍ष", "tab\there", "日本"] {
            assert_eq!(harmless(kept), kept);
        }
    }

    #[test]
    fn of_what_we_painted_only_the_colours_are_left() {
        for (text, shown) in [
            ("\x1b[1;31merror\x1b[0m: x", "\x1b[1;31merror\x1b[0m: x"),
            ("a\x1b[2Jb", "a\u{FFFD}[2Jb"),
            ("a\x1b]0;title\x07b\x1b", "a\u{FFFD}]0;title\u{FFFD}b\u{FFFD}"),
            ("\x1b[31", "\u{FFFD}[31"),
            ("\x1b[31m\u{202e}x", "\x1b[31m\u{FFFD}x"),
        ] {
            assert_eq!(painted(text), shown);
        }
    }
}
