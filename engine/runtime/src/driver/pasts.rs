//! What journal entries are computed under is kept with the first batch that has such an entry: a workspace under which
//! nothing happened costs nothing, and no entry is without what it needs to be played again.

use super::desk::Desk;
use crate::past::Kept;
use cadenza_core::id::Digest;
use cadenza_store::{DocumentKey, StoreError, UnlessDamaged as _};
use std::sync::Arc;

/// What is known to be kept.
#[derive(Default)]
pub(super) struct Pasts {
    /// What is in force, once the store has it, or the batch under way brings it.
    kept: Option<Digest>,
}

impl Pasts {
    /// Keeps what is in force, if the open batch is the first that has entries of it. One look at a number otherwise.
    pub(super) async fn keep(&mut self, desk: &mut Desk) -> Result<(), StoreError> {
        let digest = desk.catalog.live.digest;
        if self.kept == Some(digest) || !desk.ledger.writes_leads() {
            return Ok(());
        }
        let (catalog, store) = (Arc::clone(&desk.catalog), Arc::clone(&desk.store));
        let there = async |key: &DocumentKey| store.document(key).await.unless_damaged();
        let (kept, parts) = match Kept::of(&catalog, desk.clock.now()) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(%error, "what is in force cannot be written down: what is decided under it cannot be played again");
                self.kept = Some(digest);
                return Ok(());
            }
        };
        // A part that cannot be read is written anew.
        for (key, bytes) in parts {
            if there(&key).await?.as_ref() != Some(&bytes) {
                desk.open.documents.push((key, Some(bytes)));
            }
        }
        let key = DocumentKey::Catalog(digest);
        if there(&key).await?.is_none() {
            desk.open.documents.push((key, Some(kept)));
        }
        self.kept = Some(digest);
        Ok(())
    }

    /// What was handed over may have been undone.
    pub(super) const fn forget(&mut self) {
        self.kept = None;
    }
}
