//! Where secrets are found. None of them is ever part of a workspace.

use std::path::PathBuf;

/// Where to find a secret. The secret itself never stands in the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(PathBuf),
}
