//! The store in memory keeps the contract.

use async_trait::async_trait;
use cadenza_core::time::Timestamp;
use cadenza_store::conformance::{Commons, Place, run, run_for_several};
use cadenza_store::{Commits, MemoryDisk, MemoryStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

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

struct Several {
    first: MemoryStore,
    now: Arc<AtomicI64>,
}

impl Several {
    fn new(commits: Commits) -> Self {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let time = Arc::clone(&now);
        let time = Arc::new(move || Timestamp::from_ms(time.load(Ordering::SeqCst)));
        let first = MemoryStore::for_several(&MemoryDisk::default(), commits, time).expect("memory can be read");
        Self { first, now }
    }
}

#[async_trait]
impl Commons for Several {
    type Opened = MemoryStore;
    async fn join(&self) -> MemoryStore {
        self.first.join().await.expect("one more writer")
    }
    fn pass(&self, time: Duration) {
        self.now.fetch_add(time.as_millis() as i64, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn memory_keeps_the_contract_for_several_writers() {
    for commits in [Commits::OnTheirThread, Commits::OnCallersThread] {
        run_for_several(|| Several::new(commits)).await;
    }
}
