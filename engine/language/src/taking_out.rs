//! Which part of a file is removed with a key or an item, so that the rest still reads as before.

use crate::diagnostic::Sheet;
use crate::putting_in::Edit;
use crate::yaml::Node;
use std::ops::Range;

impl Sheet<'_> {
    /// Everything to remove with the key or item that begins here: its lines in a block; itself and a comma in brackets.
    pub(crate) fn taken_out(&self, start: usize) -> Range<usize> {
        let line = self.line_start(start);
        let before = &self.text[line..start];
        if before.trim().is_empty() {
            return line..self.end_of_block(line, before.len());
        }
        if before.trim() == "-" {
            // This is the first key of an item, so the key below it moves up.
            let end = self.end_of_block(line, start - line);
            let deeper = self.text[end..].starts_with(&" ".repeat(start - line));
            return if deeper { start..end + (start - line) } else { line..end };
        }
        let end = self.end_in_brackets(start);
        let open = self.text[..start].trim_end();
        if open.ends_with(',') {
            return open.len() - 1..end;
        }
        let rest = &self.text[end..];
        let comma = rest.strip_prefix(',').map_or(0, |rest| 1 + rest.len() - rest.trim_start_matches(' ').len());
        start..end + comma
    }

    /// Everything to remove with an item of a list: all lines of a mapping in a block.
    pub(crate) fn item_taken_out(&self, item: &Node) -> Range<usize> {
        let start = item.span.start;
        match self.dash_before(start) {
            Some(dash) => self.line_start(start)..self.end_of_block(self.line_start(start), dash),
            None => self.taken_out(start),
        }
    }

    /// Turns a block mapping into a list with that mapping as its only item; `None` for one in braces.
    pub(crate) fn as_item(&self, node: &Node) -> Option<Edit> {
        let start = node.entries().first()?.key.span.start;
        let line = self.line_start(start);
        let blanks = &self.text[line..start];
        if !blanks.trim().is_empty() {
            return None;
        }
        let end = self.end_of_block(line, blanks.len().saturating_sub(1));
        let mut item = String::new();
        for (number, text) in self.text[line..end].split_inclusive('\n').enumerate() {
            let deeper = text.strip_prefix(blanks).unwrap_or(text);
            item.push_str(blanks);
            item.push_str(if number == 0 { "- " } else { "  " });
            item.push_str(deeper);
        }
        Some((line..end, item))
    }

    /// The beginning of the next line that is indented no deeper than the one that begins here.
    fn end_of_block(&self, line: usize, indent: usize) -> usize {
        let mut at = line;
        for (number, text) in self.text[line..].split_inclusive('\n').enumerate() {
            let blanks = text.len() - text.trim_start_matches(' ').len();
            if number > 0 && !text.trim().is_empty() && blanks <= indent {
                break;
            }
            at += text.len();
        }
        at
    }

    /// The end of a value in brackets: the comma or bracket after it.
    fn end_in_brackets(&self, start: usize) -> usize {
        let (mut depth, mut quote, mut before) = (0_usize, None, ' ');
        for (at, sign) in self.text[start..].char_indices() {
            let begins = matches!(before, ' ' | '[' | '{' | ',');
            before = sign;
            match (quote, sign) {
                (Some(open), sign) if open == sign => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') if begins => quote = Some(sign),
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}' | ',') if depth == 0 => return start + at,
                (None, ']' | '}') => depth -= 1,
                (None, '\n') if depth == 0 => return start + at,
                _ => {}
            }
        }
        self.text.len()
    }
}
