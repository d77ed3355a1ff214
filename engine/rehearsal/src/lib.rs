//! Plays the cases of test files and reports their results. Each case has an engine of its own: the real runtime on one
//! thread, a store in memory, a clock that the case sets, and a courier that keeps what leaves. Cases share only what
//! nothing changes: the checked workspace and the compiled plugins.
//!
//! Must not know: the command line, how test files are written (`cadenza_language::cases`), HTTP. Of the API it knows
//! how an event is taken in and how a journal is put into words, so that a case hears and says the same as everybody
//! else.

mod compare;
mod coverage;
mod play;
mod post;
mod ran;
mod record;
mod several;
mod stage;
mod story;
mod stubs;
mod ways;
mod words;

pub use compare::Failure;
pub use coverage::{Coverage, WorkflowCoverage};
pub use record::{NoCase, Past, record};
pub use several::{Played, play_all, threads};
pub use story::Line;
