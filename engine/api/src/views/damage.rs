//! What cannot be read, as the API and `cadenza doctor` show it.

use cadenza_store::{DamageLog, Damaged};
use serde::Serialize;

/// One damaged record.
#[derive(Debug, Serialize)]
pub struct DamageView {
    kind: &'static str,
    what: String,
    cause: String,
}

impl DamageView {
    /// Everything listed, in the order of discovery.
    pub fn list(damage: &DamageLog) -> Vec<Self> {
        let view = |Damaged { kind, what, cause, .. }| Self { kind, what, cause };
        damage.list(0).into_iter().map(view).collect()
    }
}
