//! Plugins as the engine keeps them: components by their content, which of them are live or on
//! trial, and how they are doing.
//!
//! Must not know: HTTP, the driver. Nothing here decides for a lead; the decider does that, with the sandbox.

mod archive;
pub mod compile;
pub mod decision;
pub mod health;
mod histogram;
mod library;
mod loaded;
mod meter;
pub mod names;
mod registry;
pub mod shadow;

pub use archive::Archive;
pub use histogram::Histogram;
pub use library::{ComponentHash, Library};
pub use loaded::{Misfit, Plugins, Troubles, offers};
pub use meter::Meter;
pub use registry::{BuildRefusal, Registry, RolledBack, Trial, Versions};

use cadenza_sandbox::{HostError, LoadError};
use std::io;
use std::path::PathBuf;

/// Why a plugin is not available.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// It does not load.
    #[error("the plugin `{name}` cannot be loaded: {cause}")]
    Load { name: String, cause: LoadError },
    /// Its file cannot be read.
    #[error("the plugin `{name}` cannot be read from `{}`: {cause}", path.display())]
    File { name: String, path: PathBuf, cause: String },
    /// The component is another plugin.
    #[error("the plugin `{name}` is expected, but the component calls itself `{found}`")]
    Name { name: String, found: String },
    /// The data folder's components cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Library { path: PathBuf, cause: String },
    /// The compiler's process cannot be run.
    #[error("components cannot be compiled here: {0}")]
    Compiler(io::Error),
    /// What is asked of its builds cannot be done.
    #[error(transparent)]
    Refused(#[from] BuildRefusal),
    /// A component that should be live is missing.
    #[error(
        "the component {0} is not in the data folder, or damaged there: push it again with `cadenza plugin push`, or take \
         components/{0}.wasm from a backup"
    )]
    Gone(ComponentHash),
    /// The sandbox does not start.
    #[error(transparent)]
    Host(#[from] HostError),
}
