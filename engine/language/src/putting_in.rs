//! Where a key or an item is added, so that the rest of the file still reads as before.

use crate::diagnostic::{Problem, Sheet};
use crate::yaml::Node;
use std::ops::Range;

/// A place in a file, and the text that goes there.
pub(crate) type Edit = (Range<usize>, String);

impl Problem {
    /// Adds a fix elsewhere in the file, if there is one.
    pub(crate) fn mend_by(self, edit: Option<Edit>) -> Self {
        match edit {
            Some((at, text)) => self.mend(at, text),
            None => self,
        }
    }
}

impl Sheet<'_> {
    /// The beginning of the line on which this offset lies.
    pub(crate) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Keys at the end of a mapping: on lines of their own in a block, after commas in braces.
    pub(crate) fn put_in(&self, node: &Node, keys: &[String]) -> Option<Edit> {
        let last = node.entries().last()?;
        let end = last.value.span.end.max(last.key.span.end);
        if self.text[node.span.start..].starts_with('{') {
            return Some((end..end, format!(", {}", keys.join(", "))));
        }
        let start = last.key.span.start;
        let indent = " ".repeat(start - self.line_start(start));
        let end = self.line_end(end);
        Some((end..end, keys.iter().map(|key| format!("\n{indent}{key}")).collect()))
    }

    /// A mapping of these keys as an item at the end of a list.
    pub(crate) fn put_item_in(&self, list: &Node, keys: &[&str]) -> Option<Edit> {
        let last = list.list().last()?;
        if self.text[list.span.start..].starts_with('[') {
            return Some((last.span.end..last.span.end, format!(", {{ {} }}", keys.join(", "))));
        }
        let indent = " ".repeat(self.dash_before(last.span.start)?);
        let end = self.line_end(last.span.end);
        Some((end..end, format!("\n{indent}- {}", keys.join(&format!("\n{indent}  ")))))
    }

    /// An item of a block list moved to its end.
    pub(crate) fn moved_to_end(&self, list: &Node, item: &Node) -> Option<Edit> {
        self.dash_before(item.span.start)?;
        let (lines, last) = (self.item_taken_out(item), self.item_taken_out(list.list().last()?));
        let (moved, rest) = (&self.text[lines.clone()], &self.text[lines.end..last.end]);
        let newline = if rest.ends_with('\n') { "" } else { "\n" };
        Some((
            lines.start..last.end,
            format!("{rest}{newline}{}", moved.strip_suffix('\n').filter(|_| !newline.is_empty()).unwrap_or(moved)),
        ))
    }

    /// Divides an item of a block list: from the line of this key on, it becomes an item of its own, which begins with
    /// `head`.
    pub(crate) fn divided_at(&self, item: &Node, key: usize, head: Option<&str>) -> Option<Edit> {
        let first = item.entries().first()?.key.span.start;
        let dash = self.dash_before(first)?;
        let (line, column) = (self.line_start(key), first - self.line_start(first));
        if !self.text[line..key].trim().is_empty() {
            return None;
        }
        let begins = format!("{}-{}", " ".repeat(dash), " ".repeat(column - dash - 1));
        Some((line..key, head.map_or_else(|| begins.clone(), |head| format!("{begins}{head}\n{}", " ".repeat(column)))))
    }

    /// The indentation of the dash before an item, if the item follows the dash and nothing stands before the dash.
    pub(crate) fn dash_before(&self, item: usize) -> Option<usize> {
        let before = &self.text[self.line_start(item)..item];
        (before.trim() == "-").then(|| before.len() - before.trim_start().len())
    }

    /// The end of the line on which the text before `end` has its last character.
    fn line_end(&self, end: usize) -> usize {
        let end = self.text[..end].trim_end().len();
        self.text[end..].find(['\r', '\n']).map_or(self.text.len(), |newline| end + newline)
    }
}
