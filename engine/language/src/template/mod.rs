//! The language of templates: the syntax is Jinja's, read by minijinja's parser; what may be written is on our own lists,
//! and every step is counted.
//!
//! minijinja's own machine is not used. It folds constants while it compiles (`"x" * 100000000` takes its memory before
//! any fuel is counted), an operator or a filter costs one step however much it makes, and its parser follows a long
//! chain of signs or filters as deep as the stack reaches. Here a template is measured before it is parsed, and what it
//! makes is paid for by the byte before it is made: it ends within [`FUEL`], whatever it says. A run keeps the scripts it
//! began with, so all of this holds when a template is rendered, and not only when the workspace is checked.

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

/// Steps that rendering one text may take. A step is a node of the template, or [`BYTES_A_STEP`] bytes that it makes; all
/// of them take some milliseconds, far more than any script needs.
pub const FUEL: u64 = 50_000;
/// Bytes that are made for the price of one step.
pub const BYTES_A_STEP: usize = 8;
/// Bytes that a rendered text may have, and every text that is made on the way to it.
pub const RENDERED_BYTES_MAX: usize = 64 * 1024;
/// Bytes that a template may have: no more than what it may make.
pub const TEMPLATE_BYTES_MAX: usize = RENDERED_BYTES_MAX;
/// Items of a list, of `range` too.
pub const LIST_ITEMS_MAX: usize = 10_000;
/// Names that a template may set at the same time.
pub const NAMES_MAX: usize = 100;
/// Lists within lists.
const LIST_DEPTH_MAX: u8 = 8;

/// Why a template did not render.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the template: {stop}")]
pub struct RenderError {
    /// Where, from 1.
    pub line: u32,
    pub stop: Stop,
}

/// What stopped a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Longer, or with more in one tag, than is read.
    #[error("{0}")]
    TooLarge(String),
    /// On none of the lists.
    #[error("templates have no {0}")]
    Unlisted(String),
    /// More steps than there are.
    #[error("it takes more than {FUEL} steps")]
    OutOfFuel,
    /// A text that is too long.
    #[error("it makes a text of more than {RENDERED_BYTES_MAX} bytes")]
    TooLong,
    /// A list that is too long or too deep.
    #[error("it makes a list of more than {LIST_ITEMS_MAX} items, or {LIST_DEPTH_MAX} lists deep")]
    TooManyItems,
    /// More names than a template may set.
    #[error("it sets more than {NAMES_MAX} names")]
    TooManyNames,
    /// Values that do not go together.
    #[error("{0}")]
    Mismatch(String),
    /// A path without one of its values would be that of something else.
    #[error("a value in the path is blank, and without it the path would mean something else")]
    BlankInPath,
    /// A part of a path that would lead out of it.
    #[error("a value makes `.` or `..` of a part of the path, which would lead elsewhere")]
    Dots,
}

/// Renders a template over what is known. Blanks render empty; a template never fails because something is not known.
pub fn render(template: &str, names: &dyn Scope, reader: &Reader) -> Result<String, RenderError> {
    let parsed = source::parse(template).map_err(|broken| RenderError { line: broken.line, stop: broken.stop })?;
    Evaluation::new(names, reader).run(&parsed)
}

/// Renders the path of an address, with what stands behind `?`: each value is percent-encoded as one part of it, so that none
/// leads elsewhere.
///
/// # Errors
/// As [`render`]; and when a value is blank, or a part of the path comes out as `.` or `..`.
pub fn render_path(template: &str, names: &dyn Scope, reader: &Reader) -> Result<String, RenderError> {
    let parsed = source::parse(template).map_err(|broken| RenderError { line: broken.line, stop: broken.stop })?;
    let path = Evaluation::new(names, reader).run_path(&parsed)?;
    let parts = path.split(['?', '#']).next().unwrap_or_default().split('/');
    if parts.map(|part| part.replace("%2E", ".").replace("%2e", ".")).any(|part| part == "." || part == "..") {
        return Err(RenderError { line: 1, stop: Stop::Dots });
    }
    Ok(path)
}
