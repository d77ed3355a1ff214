//! The engine's HTTP API: webhooks and events in, leads, tasks and everything else out.
//!
//! Must not know: how a message is sent, where bytes are kept, the command line.

pub mod body;
pub mod http;
pub mod intake;
pub mod json;
pub mod mail;
pub mod mapping;
pub mod token;
pub mod views;
