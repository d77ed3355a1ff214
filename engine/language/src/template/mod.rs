//! The language of templates. The syntax is Jinja's, read by minijinja's parser; our own lists say what may be written,
//! and every step is counted.
//!
//! minijinja's own machine is not used. It folds constants while it compiles (`"x" * 100000000` takes its memory before
//! any fuel is counted), an operator or a filter costs one step however much it makes, and its parser recurses into a
//! long chain of signs or filters as deep as the stack reaches. Here a template is measured before it is parsed, and
//! its output is paid for by the byte before it is made, so it ends within [`FUEL`], whatever it says. A run keeps the
//! scripts with which it began, so all of this also holds when a template is rendered, not only when the workspace is
//! checked.

mod blanks;
mod check;
mod evaluate;
mod filters;
mod locale;
mod operators;
mod predicates;
mod samples;
mod source;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use blanks::blanks;
pub(crate) use check::{Unlisted, What, findings};
pub use locale::Reader;
pub(crate) use source::Unreadable;

use cadenza_core::expr::Scope;
use evaluate::Evaluation;
pub use value::percent_encoded;

/// The steps that rendering one text may take. A step is a node of the template, or [`BYTES_A_STEP`] bytes that it
/// makes. All the steps together take some milliseconds, and are far more than any script needs.
pub const FUEL: u64 = 50_000;
/// How many bytes one step pays for.
pub const BYTES_A_STEP: usize = 8;
/// The most bytes of a rendered text, and of every text made on the way to it.
pub const RENDERED_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of a template: as many as it may make.
pub const TEMPLATE_BYTES_MAX: usize = RENDERED_BYTES_MAX;
/// The most items of a list, including that of `range`.
pub const LIST_ITEMS_MAX: usize = 10_000;
/// The most names that a template may have set at the same time.
pub const NAMES_MAX: usize = 100;
/// How deeply lists may be nested.
const LIST_DEPTH_MAX: u8 = 8;

/// Why a template did not render.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the template: {stop}")]
pub struct RenderError {
    /// The line, from 1.
    pub line: u32,
    pub stop: Stop,
}

/// What stopped a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// The template is too long, or has too much in one tag.
    #[error("{0}")]
    TooLarge(String),
    /// The template uses something that is on none of the lists.
    #[error("templates have no {0}")]
    Unlisted(String),
    /// It takes more steps than it may.
    #[error("it takes more than {FUEL} steps")]
    OutOfFuel,
    /// It makes a text that is too long.
    #[error("it makes a text of more than {RENDERED_BYTES_MAX} bytes")]
    TooLong,
    /// It makes a list that is too long or too deep.
    #[error("it makes a list of more than {LIST_ITEMS_MAX} items, or {LIST_DEPTH_MAX} lists deep")]
    TooManyItems,
    /// It sets more names than it may.
    #[error("it sets more than {NAMES_MAX} names")]
    TooManyNames,
    /// It combines values that do not fit together.
    #[error("{0}")]
    Mismatch(String),
    /// A value in a path is blank, so the path would mean something else.
    #[error("a value in the path is blank, and without it the path would mean something else")]
    BlankInPath,
    /// A part of a path would lead out of it.
    #[error("a value makes `.` or `..` of a part of the path, which would lead elsewhere")]
    Dots,
}

/// Renders a template with the known values. Blanks render as nothing; a template never fails because a value is not known.
pub fn render(template: &str, names: &dyn Scope, reader: &Reader) -> Result<String, RenderError> {
    let parsed = source::parse(template).map_err(|broken| RenderError { line: broken.line, stop: broken.stop })?;
    Evaluation::new(names, reader).run(&parsed)
}

/// Renders the path of an address, including what follows `?`. Each value is percent-encoded as one part, so that none
/// leads elsewhere.
///
/// # Errors
/// Those of [`render`]; also when a value is blank, or a part of the path becomes `.` or `..`.
pub fn render_path(template: &str, names: &dyn Scope, reader: &Reader) -> Result<String, RenderError> {
    let parsed = source::parse(template).map_err(|broken| RenderError { line: broken.line, stop: broken.stop })?;
    let path = Evaluation::new(names, reader).run_path(&parsed)?;
    let parts = path.split(['?', '#']).next().unwrap_or_default().split('/');
    if parts.map(|part| part.replace("%2E", ".").replace("%2e", ".")).any(|part| part == "." || part == "..") {
        return Err(RenderError { line: 1, stop: Stop::Dots });
    }
    Ok(path)
}
