//! An ordered key space: all that a place to keep bytes has to offer. Everything else is written once, on top of it.
//!
//! Must not know: what keys and values mean.

use crate::keys::{Key, NudgeKey};
use crate::records::{StoreError, Weight};
use std::ops::Range;
use std::sync::RwLockReadGuard;

/// A key and its value.
pub type Record<B> = (B, B);

/// A key whose value has no meaning. A key space may write there what it likes.
pub fn spare_key() -> Vec<u8> {
    NudgeKey.bytes()
}

/// A place that keeps bytes in the order of their keys.
pub trait Space: Send + Sync + 'static {
    /// Bytes that were read.
    type Bytes: AsRef<[u8]> + Send;

    fn get(&self, key: &[u8]) -> Result<Option<Self::Bytes>, StoreError>;
    /// At most `limit` keys and values in order, from `from` to before `to`.
    fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record<Self::Bytes>>, StoreError>;
    /// The last key from `from` to before `to`.
    fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Self::Bytes>, StoreError>;
    /// Nothing is applied while this is held. Used for a value that lies in several records.
    fn still(&self) -> RwLockReadGuard<'_, ()>;
    /// Makes all the changes or none, and returns once they are durable. Called by one thread at a time.
    fn apply(&self, changes: &Changes) -> Result<(), StoreError>;
    /// Opens the key space again after an error. What was not durable may be gone.
    fn reopen(&self) -> Result<(), StoreError>;
    /// Closes the key space. Everything fails after that.
    fn close(&self) -> Result<(), StoreError>;
    fn size_on_disk(&self) -> u64;
    /// A few bytes that lie beside the key space, as they were last kept; `None` if there are none. They may be torn.
    fn beside(&self) -> Option<Vec<u8>>;
    /// Keeps these bytes beside the key space. They can be read at once, even after this process ends, but are synced
    /// only if asked. An error here loses nothing: they are only for comparing.
    fn keep_beside(&self, bytes: &[u8], sync: bool);
}

/// Changes to a key space, in order. If a key is changed twice, the later change counts. All bytes lie in one buffer,
/// so a change costs no allocation.
#[derive(Debug, Default)]
pub struct Changes {
    bytes: Vec<u8>,
    list: Vec<(Range<usize>, Option<Range<usize>>)>,
}

impl Changes {
    /// Each key with its new value, or with `None` if it is deleted.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.list.iter().map(|(key, value)| (&self.bytes[key.clone()], value.clone().map(|value| &self.bytes[value])))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many records are changed, and how many bytes their keys and values have.
    pub(crate) fn weight(&self) -> Weight {
        let bytes = self.list.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, ExactSizeIterator::len));
        Weight { records: self.len(), bytes: bytes.sum() }
    }

    /// Forgets everything but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.list.clear();
    }

    /// Bytes of all keys and values.
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Gives a key an empty value.
    pub(crate) fn put_empty(&mut self, key: &impl Key) {
        self.put_with(|out| key.append(out), |_| {});
    }

    pub(crate) fn delete(&mut self, key: &impl Key) {
        self.delete_with(|out| key.append(out));
    }

    /// Writes a key and its value in place, and returns where they are.
    pub(crate) fn put_with(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) -> (Range<usize>, Range<usize>) {
        let start = self.bytes.len();
        key(&mut self.bytes);
        let middle = self.bytes.len();
        value(&mut self.bytes);
        let end = self.bytes.len();
        self.list.push((start..middle, Some(middle..end)));
        (start..middle, middle..end)
    }

    /// Deletes the key that is written in place.
    pub(crate) fn delete_with(&mut self, key: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        key(&mut self.bytes);
        self.list.push((start..self.bytes.len(), None));
    }

    /// Some bytes of an earlier change.
    pub(crate) fn slice(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Makes bytes written by an earlier change the value of another key as well.
    pub(crate) fn put_shared(&mut self, key: impl FnOnce(&mut Vec<u8>), value: Range<usize>) {
        let start = self.bytes.len();
        key(&mut self.bytes);
        self.list.push((start..self.bytes.len(), Some(value)));
    }

    /// Gives the latest change another value.
    pub(crate) fn replace_last(&mut self, value: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        value(&mut self.bytes);
        let end = self.bytes.len();
        if let Some((_, last)) = self.list.last_mut() {
            *last = Some(start..end);
        }
    }
}
