//! Compiles plugins in Rust for WebAssembly and encodes them as components: for the first-party plugins, for benchmarks
//! and for `cadenza plugin build`. Knows neither the contract nor what a plugin does.

mod cargo;
mod error;

pub use cargo::{Guests, Module, ensure_target};
pub use error::BuildError;

use wit_component::ComponentEncoder;

/// The target that guests are compiled for: without WASI, so that they import nothing of a system.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Makes a component from a core module. The module itself says what it exports.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, BuildError> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(ComponentEncoder::encode)
        .map_err(|error| BuildError::NoPlugin(format!("{error:#}")))
}
