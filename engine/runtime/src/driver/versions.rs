//! Versions of workflows that nothing names: dropped between two batches, since what the open one writes is known when it is
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

/// The most that are dropped in one batch; the others are found again.
const DROPPED_MAX: usize = 256;

/// Hears that it was done.
type Done = oneshot::Sender<Result<(), Refused>>;

/// What is known of versions that somebody looks for.
#[derive(Default)]
pub(super) struct Versions {
    /// What batches named since.
    named: Option<BTreeSet<Digest>>,
    /// To be dropped as soon as the open batch is handed over.
    unfollowed: Option<(BTreeSet<Digest>, Done)>,
}

impl Versions {
    /// Notes from the open batch on what is named.
    pub(super) fn note(&mut self) {
        self.named = Some(BTreeSet::new());
    }

    /// Drops these once the open batch is handed over.
    pub(super) fn drop_unfollowed(&mut self, desk: &mut Desk, unfollowed: BTreeSet<Digest>, reply: Done) {
        desk.open.touched = true;
        self.unfollowed = Some((unfollowed, reply));
    }

    /// A batch was handed over, and nothing is in the next one yet.
    pub(super) fn follow(&mut self, desk: &mut Desk, batch: &Batch) {
        if let Some(named) = &mut self.named {
            named.extend(followed::of_batch(batch));
        }
        let Some((mut unfollowed, reply)) = self.unfollowed.take() else { return };
        // Who did not look from the beginning does not know.
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
