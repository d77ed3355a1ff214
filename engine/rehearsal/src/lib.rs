//! Plays the cases of test files and tells what came of them. Each case has an engine of its own: the real runtime on one
//! thread, a store in memory, a clock that goes where the case wants it, and a courier that keeps what leaves. What cases
//! share is what nothing changes: the checked workspace and the compiled plugins.
//!
//! Must not know: the command line, how test files are written (`cadenza_language::cases`), HTTP. Of the API it knows how
//! an event is taken in and how a journal is told, so that a case hears and says what everybody else does.

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
