//! The store in memory keeps the contract.

use async_trait::async_trait;
use cadenza_store::conformance::{Place, run};
use cadenza_store::{MemoryDisk, MemoryStore};

struct Memory(MemoryDisk);

#[async_trait]
impl Place for Memory {
    type Opened = MemoryStore;
    async fn open(&self) -> MemoryStore {
        MemoryStore::on(&self.0)
    }
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    run(|| Memory(MemoryDisk::default())).await;
}
