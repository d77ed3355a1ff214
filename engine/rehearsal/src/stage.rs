//! An engine for one case, on the thread that plays it.

use crate::post::Post;
use crate::stubs::Stubs;
use anyhow::Context as _;
use cadenza_core::time::Timestamp;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::clock::ClockKind;
use cadenza_runtime::courier::Courier;
use cadenza_runtime::engine::Engine;
use cadenza_runtime::start::{StartOptions, start};
use cadenza_runtime::{DriverOptions, PlayedPool, Threads};
use cadenza_store::{Batch, BatchId, DocumentKey, MemoryDisk, MemoryStore, Store as _};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Starts an engine whose clock stands at `begin`, and plays. Everything that it made is gone when this call returns.
pub(crate) fn on_stage<T>(
    catalog: &Arc<Catalog>,
    data: &Path,
    begin: Timestamp,
    stubs: Stubs,
    post: Post,
    play: impl AsyncFnOnce(Engine, Arc<Post>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    LocalSet::new().block_on(&runtime, async {
        let disk = MemoryDisk::default();
        set_clock(&disk, begin).await?;
        let post = Arc::new(post);
        let mut driver = DriverOptions::default();
        // Nothing is stored on a disk.
        driver.free_bytes_reserve = 0;
        let options = StartOptions {
            workspace: catalog.root.clone(),
            data: data.to_owned(),
            clock: ClockKind::Virtual,
            clock_from: None,
            driver,
            threads: Threads::Callers,
            played: Some(Arc::new(stubs) as Arc<dyn PlayedPool>),
            library: Some(Arc::clone(&catalog.library)),
            catalog: Some(Arc::clone(catalog)),
        };
        let store = Arc::new(MemoryStore::in_one_order(&disk)?);
        let courier: Arc<dyn Courier> = Arc::<Post>::clone(&post);
        let running = start(options, store, courier).await.context("the engine does not start")?;
        play(running.engine, post).await
    })
}

/// Sets the clock in the store, because an engine continues where the clock of its store was.
async fn set_clock(disk: &MemoryDisk, at: Timestamp) -> anyhow::Result<()> {
    let store = MemoryStore::in_one_order(disk)?;
    let mut batch = Batch::new(BatchId(1), store.epoch());
    batch.documents.push((DocumentKey::Clock, Some(at.as_ms().to_be_bytes().to_vec())));
    store.commit(batch).await?;
    Ok(())
}
