//! Digests of a folder's contents. Each part goes in with its length, so that parts cannot run into each other.

use cadenza_core::id::Digest;
use sha2::{Digest as _, Sha256};

pub(crate) struct Hasher(Sha256);

impl Hasher {
    /// `kind` separates digests of different things; `1` is the version of this layout.
    pub(crate) fn new(kind: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.add("cadenza-1");
        hasher.add(kind);
        hasher
    }

    pub(crate) fn add(&mut self, part: &str) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part.as_bytes());
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::of_hash(&self.0.finalize().into())
    }
}
