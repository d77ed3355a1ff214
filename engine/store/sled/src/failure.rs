//! Turns sled's errors and panics into ours.

use cadenza_store::StoreError;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Turns sled's panics into errors.
pub(crate) fn unpanicked<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(StoreError::Io(format!("sled gave up: {text}")))
    })
}

/// Turns sled's errors into ours.
pub(crate) fn error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => StoreError::Io(error.to_string()),
        sled::Error::Corruption { .. } => StoreError::Corrupt(error.to_string()),
        other => StoreError::Io(other.to_string()),
    }
}
