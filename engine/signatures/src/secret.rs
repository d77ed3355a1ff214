//! Secrets: found in the environment or in a file, never in the workspace itself. Read when a workspace becomes active,
//! not for every request. Nothing here shows a secret, not even in errors.

use cadenza_core::workspace::SecretRef;
use std::path::{Path, PathBuf};

/// The most bytes a secret may have.
const SECRET_BYTES_MAX: usize = 4_096;

/// Why a secret is not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not in the environment.
    #[error("the environment variable `{name}` is not set: set it where cadenza is started")]
    Unset { name: String },
    /// The file cannot be read.
    #[error("the secret file `{}` cannot be read: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: String },
    /// Empty, or too long.
    #[error("the secret in {place} is empty or longer than {SECRET_BYTES_MAX} bytes")]
    Size { place: String },
    /// Not in the form that the scheme requires.
    #[error("the secret in {place} is no Standard Webhooks secret: it is `whsec_` and at least 16 bytes in base 64")]
    Form { place: String },
}

/// Where a secret is looked for, in words.
pub fn place(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(name) => format!("the environment variable `{name}`"),
        SecretRef::File(path) => format!("the file `{}`", path.display()),
    }
}

/// Looks up a secret. A relative path of a file is relative to `workspace`. A line break at the end of a file
/// is not part of the secret.
pub fn resolve(secret: &SecretRef, workspace: &Path) -> Result<String, SecretError> {
    let text = match secret {
        SecretRef::Env(name) => std::env::var(name).map_err(|_| SecretError::Unset { name: name.clone() })?,
        SecretRef::File(path) => {
            let path = workspace.join(path);
            let text = std::fs::read_to_string(&path)
                .map_err(|error| SecretError::Unreadable { path, cause: error.to_string() })?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    if text.is_empty() || text.len() > SECRET_BYTES_MAX {
        return Err(SecretError::Size { place: place(secret) });
    }
    Ok(text)
}
