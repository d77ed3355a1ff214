//! How the engine deals with damage: documents that make no sense are noted in the same way as records that do not, and
//! everything that cannot be read is logged once.

use cadenza_store::{DocumentKey, Store, StoreError, UnlessDamaged as _};
use serde::de::DeserializeOwned;

/// What a document stands for; nothing if it does not exist or cannot be read.
pub(crate) async fn document<T: DeserializeOwned>(
    store: &dyn Store,
    key: &DocumentKey,
) -> Result<Option<T>, StoreError> {
    let Some(bytes) = store.document(key).await.unless_damaged()? else { return Ok(None) };
    Ok(read(store, key, &bytes))
}

/// What the bytes of a document stand for, when they have been read already.
pub(crate) fn read<T: DeserializeOwned>(store: &dyn Store, key: &DocumentKey, bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).inspect_err(|error| store.damage().note_document(key, error)).ok()
}

/// Logs what cannot be read, each thing once.
#[derive(Debug, Default)]
pub(crate) struct Told {
    number: u64,
    /// How many looks found damage beyond the list, and at how many this is logged again. Each look at a record that found no
    /// room in the list counts.
    beyond: u64,
    again_at: u64,
}

impl Told {
    /// Logs what is new. When nothing is, this costs one look at a counter.
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
