//! Why there is no component, and what to do about it.

use crate::TARGET;
use std::path::PathBuf;

/// Why a plugin was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no cargo.
    #[error("`{program}` cannot be run ({cause}): plugins in Rust need it, install Rust from https://rustup.rs")]
    NoCargo { program: String, cause: std::io::Error },
    /// The target's standard library is missing, and rustup did not install it.
    #[error(
        "plugins are compiled for {TARGET}, whose standard library is not installed: run `rustup target add {TARGET}`"
    )]
    NoTarget,
    /// The compiler failed, and reported why on standard error.
    #[error("the plugin does not compile for {TARGET}: what is wrong stands above (in {})", folder.display())]
    DoesNotCompile {
        /// Where cargo ran.
        folder: PathBuf,
    },
    /// It compiles, but not into a module.
    #[error("no module came of it: put `crate-type = [\"cdylib\", \"rlib\"]` under [lib] in {}", manifest.display())]
    NoModule {
        /// The manifest to change.
        manifest: PathBuf,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {cause}", path.display())]
    File { path: PathBuf, cause: std::io::Error },
    /// The module does not say which kind of plugin it is.
    #[error("the module is no plugin; does src/lib.rs say `cadenza_sdk::export!(…)`? {0}")]
    NoPlugin(String),
}
