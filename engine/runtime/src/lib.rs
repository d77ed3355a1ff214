//! The engine without HTTP and the command line: it makes batches of leads, timers, firings and finished effects. It runs on any
//! store, with any courier and on any clock.
//!
//! Must not know: HTTP, the command line, where bytes are kept, how a message leaves.

pub mod backup;
pub mod brakes;
pub mod catalog;
pub mod clock;
pub mod counts;
pub mod courier;
pub mod cron;
mod damage;
mod decider;
mod driver;
pub mod engine;
#[doc(hidden)]
pub mod fixture;
mod followed;
pub mod left_behind;
pub mod meters;
pub mod past;
pub mod plain;
mod reading;
pub mod rehearsal;
pub mod render;
pub mod start;
#[cfg(test)]
mod tests;
mod threads;

pub use decider::{Answered, PlayedPool};
pub use driver::DriverOptions;
pub use threads::Threads;
