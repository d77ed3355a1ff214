//! Diagnostics for people: the line, carets under the text, and what to write instead, in the style of rustc.

use crate::diagnostic::{Diagnostic, Severity};
use crate::folder::Folder;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

/// Whether the terminal shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Coloured,
}

/// All diagnostics with the lines that they are about, and a count at the end; empty when there are none.
pub fn render(diagnostics: &[Diagnostic], folder: &Folder, paint: Paint) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&render_one(diagnostic, folder, paint));
        out.push_str("\n\n");
    }
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    out.push_str(&summary(errors, diagnostics.len() - errors));
    out.push('\n');
    out
}

/// The code whose line is not shown, because what is rendered ends up in the logs of a CI.
const INLINE_SECRET: &str = "inline-secret";

fn render_one(diagnostic: &Diagnostic, folder: &Folder, paint: Paint) -> String {
    let renderer = match paint {
        Paint::Plain => Renderer::plain(),
        Paint::Coloured => Renderer::styled(),
    };
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let source = folder.shown(&diagnostic.file);
    // An empty span gets a caret of its own at the place where something is missing.
    let mut annotation = AnnotationKind::Primary.span(diagnostic.span.clone());
    if let Some(label) = &diagnostic.label {
        annotation = annotation.label(label);
    }
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code);
    let mut group = match source {
        Some(source) if diagnostic.code != INLINE_SECRET => {
            title.element(Snippet::source(source).path(&diagnostic.file).annotation(annotation))
        }
        _ => {
            let column = diagnostic.column;
            title.element(Origin::path(&diagnostic.file).line(diagnostic.line).char_column(column))
        }
    };
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

fn summary(errors: usize, warnings: usize) -> String {
    let count = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        number => format!("{number} {word}s"),
    };
    match (errors, warnings) {
        (0, warnings) => count(warnings, "warning"),
        (errors, 0) => count(errors, "error"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}
