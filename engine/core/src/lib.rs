//! Cadenza's core: what a lead workflow is and how it moves, as pure functions over plain data.
//!
//! Must not know: any other crate of the workspace, tokio, sled, wasmtime, axum, a YAML or CEL parser, the system
//! clock, a source of randomness. What depends on one of those comes in as an argument or an event.

pub mod account;
mod account_facts;
pub mod ages;
pub mod assignment;
pub mod calendar;
mod contact;
pub mod country;
pub mod date;
pub mod effect;
pub mod event;
mod event_type;
pub mod expr;
pub mod field;
pub mod finding;
pub mod gate;
pub mod heart;
pub mod id;
pub mod identity;
pub mod journal;
pub mod lead;
mod letter;
pub mod mailer;
pub mod moment;
pub mod notice;
pub mod numeral;
pub mod own_words;
pub mod paused;
pub mod plugin;
pub mod reach;
pub mod reading;
pub mod run;
mod secret;
pub mod state;
pub mod step;
pub mod task;
pub mod time;
pub mod value;
mod verdict;
pub mod workflow;
pub mod workspace;
pub mod zone;

mod codes;
mod thin;
