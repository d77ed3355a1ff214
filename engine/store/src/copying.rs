//! The reader of a snapshot. It walks through the key space while commits continue.
//!
//! Must not know: what a commit is, how before-images are kept.

use crate::records::StoreError;
use crate::snapshot::{Pair, Snapshot, Snapshots};
use crate::space::{Space, spare_key};
use std::sync::Arc;

/// What a snapshot is read from.
pub(crate) trait Source: Send + Sync {
    type Space: Space;

    fn space(&self) -> &Self::Space;
    fn snapshots(&self) -> &Snapshots;
}

/// Reads a snapshot that has begun, and ends it when dropped.
pub(crate) struct Reader<T: Source> {
    shared: Arc<T>,
    over: bool,
}

impl<T: Source> Reader<T> {
    pub(crate) const fn of(shared: Arc<T>) -> Self {
        Self { shared, over: false }
    }
}

impl<T: Source> Snapshot for Reader<T> {
    fn next(&mut self, limit: usize) -> Result<Vec<Pair>, StoreError> {
        while !self.over {
            let from = self.shared.snapshots().from()?;
            let found = self.shared.space().scan(&from, &[u8::MAX], limit.max(1))?;
            let is_full = found.len() >= limit.max(1);
            let found: Vec<Pair> =
                found.into_iter().map(|(key, value)| (key.as_ref().to_vec(), value.as_ref().to_vec())).collect();
            let last = found.last().filter(|_| is_full).map(|(key, _)| key.clone());
            self.over = last.is_none();
            let mut records = self.shared.snapshots().merge(found, last)?;
            // What a key space writes there for itself is not part of the store.
            records.retain(|(key, _)| *key != spare_key());
            if !records.is_empty() {
                return Ok(records);
            }
        }
        Ok(Vec::new())
    }
}

impl<T: Source> Drop for Reader<T> {
    fn drop(&mut self) {
        self.shared.snapshots().end();
    }
}
