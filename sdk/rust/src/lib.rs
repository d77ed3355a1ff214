//! What a plugin in Rust is written and tested with. The guide is `sdk/README.md`.
//!
//! A plugin implements [`Plugin`] and one or more of [`Scorer`], [`Nurturer`] and [`Escalator`], and says so with
//! [`export!`]. Built for `wasm32-unknown-unknown` it is a guest without imports: it has no clock, randomness, network
//! or files, and its memory is an arena that is dropped with the instance. Built for the machine at hand it is a plain
//! library that [`golden`] tests.

#[cfg(target_arch = "wasm32")]
mod arena;
#[doc(hidden)]
pub mod contract;
mod declare;
mod export;
#[cfg(not(target_arch = "wasm32"))]
pub mod golden;
#[cfg(target_arch = "wasm32")]
mod panics;
#[doc(hidden)]
pub mod plugin;
mod tally;
mod time;
#[doc(hidden)]
pub mod value;
mod view;

#[doc(hidden)]
pub use export::worlds;
pub use plugin::{Escalator, Nothing, Nurturer, Plugin, Reads, Refusal, RuleText, Scorer};
pub use tally::{Action, Choice, Rating, Segment, Tally, Verdict};
pub use time::{Span, Time};
pub use value::FieldType;
pub use view::{Code, Engagement, Overdue, Touch, View};

impl Code {
    /// Its position in the plugin's codes; compare with a variant of `codes!` instead.
    #[doc(hidden)]
    pub fn position(self) -> u16 {
        self.0
    }
}
