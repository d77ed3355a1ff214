//! Cadenza's core: what a lead workflow is and how it moves, as pure functions over plain data.
//!
//! Must not know: any other crate of the workspace, tokio, sled, wasmtime, axum, a YAML or CEL parser, the system clock,
//! a random source. Whatever needs one of those gets its result here as an argument or an event.

pub mod calendar;
pub mod event;
pub mod expr;
pub mod field;
pub mod id;
pub mod lead;
pub mod plugin;
pub mod time;
pub mod value;
pub mod workflow;
pub mod workspace;

mod codes;
