//! The one place that speaks on standard output and standard error. What comes from leads may hold control characters:
//! they are taken out before a terminal sees them.

pub(super) use crate::causes::causes;
use std::io::{IsTerminal as _, Write as _};

/// Says something on standard output. A reader that went away is no failure: `cadenza leads | head` is fine.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", harmless(text));
}

/// Says something on standard output as it stands: machine-readable, or rendered by us.
pub(super) fn say_raw(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Says something on standard error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", harmless(text));
}

/// Shows how far a long command is: one line on standard error, written over; nothing when nobody watches.
pub(super) fn progress(text: &str) {
    let mut stderr = std::io::stderr().lock();
    if !stderr.is_terminal() {
        return;
    }
    let _ = write!(stderr, "\r{}\x1b[K", harmless(text));
    let _ = stderr.flush();
}

/// Writes lines over the `before` lines that were written last, for a summary that changes while one looks at it.
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

/// JSON for other programs, indented.
pub(super) fn json(value: &serde_json::Value) {
    say_raw(&format!("{value:#}"));
}

/// How this program was called, as a shell takes it: what is printed as a command works from where it is printed, also when
/// `cadenza` is not on the path.
pub(crate) fn program() -> String {
    std::env::args_os().next().map_or_else(|| "cadenza".to_owned(), |name| quoted(&name.to_string_lossy()))
}

/// The same for a command that is to be run in another folder.
pub(super) fn program_from_anywhere() -> String {
    let called = std::env::args_os().next().map(std::path::PathBuf::from);
    let by_path =
        called.filter(|name| name.components().nth(1).is_some()).and_then(|name| std::path::absolute(name).ok());
    by_path.map_or_else(program, |path| quoted(&path.display().to_string()))
}

/// A text as one word of a shell's command.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{FFFD}' } else { c }).collect()
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
    }
}
