//! Secrets: found in the environment or in a file, never in the workspace itself. Read when a workspace becomes active,
//! not for every request. Nothing here shows a secret, in errors neither.

use cadenza_core::workspace::SecretRef;
use std::path::{Path, PathBuf};

/// The most bytes a secret may have.
const SECRET_BYTES_MAX: usize = 4_096;

/// Why a secret is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not in the environment.
    #[error("the environment variable `{name}` is not set: set it where cadenza is started")]
    Unset { name: String },
    /// The file cannot be read.
    #[error("the secret file `{}` cannot be read: {cause}", path.display())]
    Unreadable {
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// Nothing there, or too much.
    #[error("the secret in {place} is empty or longer than {SECRET_BYTES_MAX} bytes")]
    Size {
        /// Where it was looked for.
        place: String,
    },
    /// Not of the form that the scheme asks for.
    #[error("the secret in {place} is no Standard Webhooks secret: it is `whsec_` and at least 16 bytes in base 64")]
    Form {
        /// Where it was found.
        place: String,
    },
}

/// Where a secret is looked for, in words.
pub fn place(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(name) => format!("the environment variable `{name}`"),
        SecretRef::File(path) => format!("the file `{}`", path.display()),
    }
}

/// Looks a secret up; a relative file lies in `workspace`. A line end at the end of a file is no part of the secret.
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
