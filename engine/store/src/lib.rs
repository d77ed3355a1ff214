//! Where state is kept: the contract, its conformance suite, sled (the embedded default) and an in-memory store.
//!
//! Must not know: the language, the sandbox, HTTP. It knows core's records and nothing of what moves them.

mod contract;

pub use contract::*;
