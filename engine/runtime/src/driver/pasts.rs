//! What is in force is kept for replays with the first batch that has journal entries computed under it. So a workspace under
//! which nothing happened costs nothing, and every entry has what is needed to play it again.

use super::desk::Desk;
use crate::past::Kept;
use cadenza_core::id::Digest;
use cadenza_store::{DocumentKey, StoreError, UnlessDamaged as _};
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Pasts {
    /// What is in force, if the store has it or the open batch writes it.
    kept: Option<Digest>,
}

impl Pasts {
    /// Keeps what is in force if the open batch is the first to write entries under it. Otherwise this compares one digest.
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
        // A part that cannot be read is written again.
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

    /// The batch that kept it may have been undone.
    pub(super) const fn forget(&mut self) {
        self.kept = None;
    }
}
