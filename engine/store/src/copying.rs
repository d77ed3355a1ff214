//! The reader of a snapshot. It walks through the key space while commits continue.
//!
//! Must not know: what a commit is, how before-images are kept.

use crate::committer::Shared;
use crate::records::StoreError;
use crate::snapshot::{Pair, Snapshot};
use crate::space::{Space, spare_key};
use std::sync::Arc;

/// Reads a snapshot that has begun, and ends it when dropped.
pub(crate) struct Reader<S: Space> {
    shared: Arc<Shared<S>>,
    over: bool,
}

impl<S: Space> Reader<S> {
    pub(crate) const fn of(shared: Arc<Shared<S>>) -> Self {
        Self { shared, over: false }
    }
}

impl<S: Space> Snapshot for Reader<S> {
    fn next(&mut self, limit: usize) -> Result<Vec<Pair>, StoreError> {
        while !self.over {
            let from = self.shared.snapshots.from()?;
            let found = self.shared.space.scan(&from, &[u8::MAX], limit.max(1))?;
            let is_full = found.len() >= limit.max(1);
            let found: Vec<Pair> =
                found.into_iter().map(|(key, value)| (key.as_ref().to_vec(), value.as_ref().to_vec())).collect();
            let last = found.last().filter(|_| is_full).map(|(key, _)| key.clone());
            self.over = last.is_none();
            let mut records = self.shared.snapshots.merge(found, last)?;
            // What a key space writes there for itself is not part of the store.
            records.retain(|(key, _)| *key != spare_key());
            if !records.is_empty() {
                return Ok(records);
            }
        }
        Ok(Vec::new())
    }
}

impl<S: Space> Drop for Reader<S> {
    fn drop(&mut self) {
        self.shared.snapshots.end();
    }
}
