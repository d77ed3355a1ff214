//! The rules of `inbound-fit` as an Extism plugin: once with JSON, as its authors write plugins, and once with one
//! buffer of bytes, like `tests/guests/floor`. The rules are the plugin's own files. The types around them belong to
//! this crate, because those of the SDK last for one call and come with an arena, and an instance here is used again.
#![cfg(target_arch = "wasm32")]

// The rules name the SDK; here that is this crate.
extern crate self as cadenza_sdk;

mod bytes;
pub mod contract;
mod json;
#[path = "../../../../../plugins/inbound-fit/src/points.rs"]
mod points;
mod rules;
#[path = "../../../../../sdk/rust/src/tally.rs"]
mod tally;
#[path = "../../../../../sdk/rust/src/time.rs"]
mod time;

pub use peer_lead::Known;
pub use rules::{Engagement, Fields, Parameters, Rule, Touch};
pub use tally::Tally;
pub use time::{Span, Time};
