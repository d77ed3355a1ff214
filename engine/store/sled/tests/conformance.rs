//! The store on sled keeps the contract.

use async_trait::async_trait;
use cadenza_sled::{SledOptions, SledStore};
use cadenza_store::conformance::{Place, run};

struct Folder(tempfile::TempDir);

#[async_trait]
impl Place for Folder {
    type Opened = SledStore;
    async fn open(&self) -> SledStore {
        cadenza_sled::open(&self.0.path().join("store"), SledOptions::default()).expect("the store opens")
    }
}

#[tokio::test]
async fn sled_keeps_the_contract() {
    run(|| Folder(tempfile::tempdir().expect("a folder"))).await;
}
