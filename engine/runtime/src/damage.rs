//! Damage as the engine deals with it: documents that make no sense are noted like records that do not, and each thing that
//! cannot be read is told of once.

use cadenza_store::{DocumentKey, Store, StoreError, UnlessDamaged as _};
use serde::de::DeserializeOwned;

/// A document as what it stands for; nothing when there is none, or none that can be read.
pub(crate) async fn document<T: DeserializeOwned>(
    store: &dyn Store,
    key: &DocumentKey,
) -> Result<Option<T>, StoreError> {
    let Some(bytes) = store.document(key).await.unless_damaged()? else { return Ok(None) };
    Ok(read(store, key, &bytes))
}

/// The same of bytes that were read already.
pub(crate) fn read<T: DeserializeOwned>(store: &dyn Store, key: &DocumentKey, bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).inspect_err(|error| store.damage().note_document(key, error)).ok()
}

/// Tells of what cannot be read, each thing once.
#[derive(Debug, Default)]
pub(crate) struct Told {
    number: u64,
    /// What was told of beyond the list, and at how much it is told of again: each look at a record that found no room in
    /// the list counts.
    beyond: u64,
    again_at: u64,
}

impl Told {
    /// Tells what is new. One look at a counter when nothing is.
    pub(crate) fn tell(&mut self, store: &dyn Store) {
        let damage = store.damage();
        let noted = damage.noted();
        if noted == self.number {
            return;
        }
        let new = damage.list(self.number);
        let more = (noted - self.number).saturating_sub(new.len() as u64);
        for damaged in new {
            tracing::error!(
                kind = damaged.kind,
                what = damaged.what,
                cause = damaged.cause,
                "this cannot be read and is passed over; everything else goes on (cadenza doctor, GET /v1/damaged)"
            );
        }
        self.beyond += more;
        if more > 0 && self.beyond >= self.again_at {
            self.again_at = self.beyond.saturating_mul(2);
            tracing::error!(
                looks = self.beyond,
                "more cannot be read than is listed, or was written anew meanwhile; told of again when it is twice as often"
            );
        }
        self.number = noted;
    }
}
