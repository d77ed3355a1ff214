//! What is wrong in a workspace, where, and what to write instead. `render` decides how it looks on a screen.

use serde::Serialize;
use std::cell::RefCell;
use std::ops::Range;

/// The most errors, and the most warnings, that are reported for one file. The first ones are reported.
const REPORTED_MAX: usize = 100;

/// How serious a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The folder is refused.
    Error,
    /// The folder is accepted, but somebody should look at it.
    Warning,
}

/// One thing that is wrong. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// A stable name for this kind of mistake, such as `unknown-step`.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The file, relative to the folder.
    pub file: String,
    /// Where it begins: line and column.
    pub line: usize,
    pub column: usize,
    /// Where it ends, exclusive: line and column.
    pub end_line: usize,
    pub end_column: usize,
    /// The text in question, as it stands in the file.
    pub text: String,
    /// A few words to show under that text.
    pub label: Option<String>,
    /// What to write instead, or what the choices are.
    pub help: Vec<String>,
    /// What to write in place of `text`, if that alone fixes the problem.
    pub replacement: Option<String>,
    /// Where the replacement goes if not in place of `text`: what is removed, or where something is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Place>,
    /// The range of `text` in bytes from the beginning of the file.
    #[serde(skip)]
    pub span: Range<usize>,
    /// The range that the replacement replaces, in bytes.
    #[serde(skip)]
    pub edit: Range<usize>,
}

/// A place in a file. Lines and columns count from 1; the end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

impl Diagnostic {
    /// Whether the folder is refused because of this diagnostic.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A diagnostic in the making: it knows its span, but not yet its file. It is boxed so that a `Result` with it stays small.
#[derive(Debug)]
#[must_use = "a problem is only seen when it is reported"]
pub(crate) struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    severity: Severity,
    code: &'static str,
    span: Range<usize>,
    message: String,
    label: Option<String>,
    help: Vec<String>,
    replacement: Option<String>,
    /// The range that the replacement replaces, if that is not the span.
    edit: Option<Range<usize>>,
}

impl Problem {
    pub(crate) fn error(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message.into())
    }

    /// Whether the problem has this code.
    pub(crate) fn is_of(&self, code: &str) -> bool {
        self.0.code == code
    }

    pub(crate) fn is_error(&self) -> bool {
        self.0.severity == Severity::Error
    }

    pub(crate) fn warning(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, span, message.into())
    }

    fn new(severity: Severity, code: &'static str, span: Range<usize>, message: String) -> Self {
        Self(Box::new(Parts {
            severity,
            code,
            span,
            message,
            label: None,
            help: Vec::new(),
            replacement: None,
            edit: None,
        }))
    }

    /// A few words to show under the text.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = Some(label.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help.push(help.into());
        self
    }

    /// Help for when there is no suggestion under the text.
    pub(crate) fn or_help(self, help: impl Into<String>) -> Self {
        if self.0.label.is_some() { self } else { self.help(help) }
    }

    /// What to write in place of the text.
    pub(crate) fn replace(mut self, replacement: impl Into<String>) -> Self {
        self.0.replacement = Some(replacement.into());
        self
    }

    /// A fix somewhere other than at the text. The ranges are those of the file.
    pub(crate) fn mend(mut self, edit: Range<usize>, replacement: impl Into<String>) -> Self {
        (self.0.edit, self.0.replacement) = (Some(edit), Some(replacement.into()));
        self
    }

    pub(crate) fn replacement(&self) -> Option<&str> {
        self.0.replacement.as_deref()
    }

    pub(crate) fn without_replacement(mut self) -> Self {
        self.0.replacement = None;
        self
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.0.span.clone()
    }

    /// The same problem with another message.
    pub(crate) fn message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same problem at another place, computed from its present one.
    pub(crate) fn at(mut self, place: impl FnOnce(Range<usize>) -> Range<usize>) -> Self {
        self.0.span = place(self.0.span);
        self
    }
}

/// One file under check, and the list for its problems.
#[derive(Clone, Copy)]
pub(crate) struct Sheet<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    findings: &'a RefCell<Vec<Diagnostic>>,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str, findings: &'a RefCell<Vec<Diagnostic>>) -> Self {
        Self { file, text, findings }
    }

    /// Another file that is read because of this one.
    pub(crate) fn beside(&self, file: &'a str, text: &'a str) -> Self {
        Self { file, text, findings: self.findings }
    }

    /// The same file without the text after this offset.
    pub(crate) fn up_to(&self, end: usize) -> Self {
        Self { text: &self.text[..end], ..*self }
    }

    pub(crate) fn report(&self, problem: Problem) {
        let Problem(problem) = problem;
        let span = self.within(problem.span);
        if self.is_refused(span.start) || self.is_full(problem.severity) {
            return;
        }
        let (line, column) = self.position(span.start);
        let (end_line, end_column) = self.position(span.end);
        let replaces = problem.edit.clone().map(|edit| {
            let ((line, column), (end_line, end_column)) = (self.position(edit.start), self.position(edit.end));
            Place { line, column, end_line, end_column }
        });
        self.findings.borrow_mut().push(Diagnostic {
            severity: problem.severity,
            code: problem.code,
            message: problem.message,
            file: self.file.to_owned(),
            line,
            column,
            end_line,
            end_column,
            text: self.text[span.clone()].to_owned(),
            label: problem.label,
            help: problem.help,
            replacement: problem.replacement,
            replaces,
            edit: problem.edit.unwrap_or_else(|| span.clone()),
            span,
        });
    }

    /// How many errors this file has so far.
    pub(crate) fn errors(&self) -> usize {
        self.findings.borrow().iter().filter(|found| found.is_error() && found.file == self.file).count()
    }

    fn is_full(&self, severity: Severity) -> bool {
        let same = |found: &&Diagnostic| found.severity == severity && found.file == self.file;
        self.findings.borrow().iter().filter(same).count() >= REPORTED_MAX
    }

    /// Whether YAML refused what stands here. Any other problem reported about it only follows from that.
    fn is_refused(&self, start: usize) -> bool {
        let refused = |found: &Diagnostic| {
            matches!(found.code, "yaml" | "yaml-anchor" | "unquoted-tag") && found.file == self.file
        };
        self.findings.borrow().iter().any(|found| refused(found) && found.span.start == start)
    }

    /// The span moved onto the text and character boundaries, and limited to its first line.
    fn within(&self, span: Range<usize>) -> Range<usize> {
        let mut start = span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = span.end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let line = self.text[start..end].find(['\n', '\r']).map_or(end, |at| start + at);
        start..line.max(start)
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}
