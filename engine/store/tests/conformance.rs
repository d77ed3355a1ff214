//! Both stores keep the contract.

use async_trait::async_trait;
use cadenza_store::conformance::{Place, run};
use cadenza_store::{MemoryDisk, MemoryStore, SledOptions, SledStore};

struct Memory(MemoryDisk);

#[async_trait]
impl Place for Memory {
    type Opened = MemoryStore;
    async fn open(&self) -> MemoryStore {
        MemoryStore::on(&self.0)
    }
}

struct Folder(tempfile::TempDir);

#[async_trait]
impl Place for Folder {
    type Opened = SledStore;
    async fn open(&self) -> SledStore {
        SledStore::open(&self.0.path().join("store"), SledOptions::default()).expect("the store opens")
    }
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    run(|| Memory(MemoryDisk::default())).await;
}

#[tokio::test]
async fn sled_keeps_the_contract() {
    run(|| Folder(tempfile::tempdir().expect("a folder"))).await;
}
