//! Versions of workflows that nothing names. They are dropped between two batches, since what a batch writes is known when it is
//! handed over.

use super::batch::{After, Taken};
use super::desk::Desk;
use crate::engine::{Operation, Refused};
use crate::followed;
use cadenza_core::id::Digest;
use cadenza_store::Batch;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The most versions dropped in one batch; the next search finds the others.
const DROPPED_MAX: usize = 256;

/// Where to answer once the versions are dropped.
type Done = oneshot::Sender<Result<(), Refused>>;

/// What is known of versions while somebody searches for unused ones.
#[derive(Default)]
pub(super) struct Versions {
    /// What batches have named since the search began.
    named: Option<BTreeSet<Digest>>,
    /// Versions to be dropped as soon as the open batch is handed over.
    unfollowed: Option<(BTreeSet<Digest>, Done)>,
}

impl Versions {
    /// Begins to note which versions are named, with the open batch.
    pub(super) fn note(&mut self) {
        self.named = Some(BTreeSet::new());
    }

    /// Drops these versions once the open batch is handed over.
    pub(super) fn drop_unfollowed(&mut self, desk: &mut Desk, unfollowed: BTreeSet<Digest>, reply: Done) {
        desk.open.touched = true;
        self.unfollowed = Some((unfollowed, reply));
    }

    /// Takes note of a batch that was handed over. Nothing is in the next one yet.
    pub(super) fn follow(&mut self, desk: &mut Desk, batch: &Batch) {
        if let Some(named) = &mut self.named {
            named.extend(followed::of_batch(batch));
        }
        let Some((mut unfollowed, reply)) = self.unfollowed.take() else { return };
        // Without notes from the beginning of the search, nothing may be dropped.
        let named = self.named.take();
        unfollowed.retain(|digest| named.as_ref().is_some_and(|named| !named.contains(digest)));
        unfollowed.retain(|digest| !desk.catalog.has_in_force(digest));
        let unfollowed: Vec<Digest> = unfollowed.into_iter().take(DROPPED_MAX).collect();
        match desk.catalog.without(&unfollowed) {
            _ if unfollowed.is_empty() => {}
            Ok((catalog, documents)) => {
                tracing::info!(versions = documents.len(), "versions of workflows that no run follows were dropped");
                let catalog = Arc::new(catalog);
                desk.put_in_force(Arc::clone(&catalog));
                desk.open.documents.extend(documents);
                desk.open.after.push(After::Publish(catalog));
            }
            Err(error) => tracing::error!(%error, "outlines of workflows cannot be written down"),
        }
        desk.open.taken.push(Taken::Operation(Operation::DropDefinitions(unfollowed.into_iter().collect()), reply));
    }
}
