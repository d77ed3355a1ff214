//! Cuts the power again and again while leads come in, and looks at what is left.

#![allow(dead_code, reason = "each of the tests that share this uses a part of it")]
#![allow(unreachable_pub, reason = "a test has no reach")]

pub mod disk;

use cadenza_sled::{SledOptions, SledStore, SyncPolicy};
use cadenza_store::conformance::sample::{self, Presence, presence_as};
use cadenza_store::{Batch, BatchId, DocumentKey, Epoch, Store, StoreError};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Leads in a batch.
const LEADS: u64 = 8;
/// The leads of a batch are called this many batches later, so that records are replaced, timers
/// moved and tasks withdrawn.
const CALLED_AFTER: u64 = 5;

/// The batch with this number in the whole story, whatever its epoch: new leads, calls, a counter, and
/// a document of some length.
pub fn batch(epoch: Epoch, number: u64) -> Batch {
    let mut batch = sample::intake(epoch, BatchId(number), number * LEADS..(number + 1) * LEADS);
    if let Some(earlier) = number.checked_sub(CALLED_AFTER).filter(|n| *n > 0) {
        batch.leads.extend((earlier * LEADS..(earlier + 1) * LEADS).map(sample::call));
    }
    batch.counted = [("batch".to_owned(), 1)].into();
    batch.documents.push((DocumentKey::Workspace, Some(document(number))));
    batch
}

fn document(number: u64) -> Vec<u8> {
    let length = number.wrapping_mul(0x9E37_79B9) % 60_000;
    (0..length).map(|i| (i ^ number) as u8).collect()
}

/// Returns the number of the last batch, after checking that every batch up to it is there whole and that nothing
/// is there of any after it.
pub async fn last_batch(store: &SledStore) -> Result<u64, String> {
    let error = |error: StoreError| error.to_string();
    let last = store.counters().await.map_err(error)?.values.get("batch").map_or(0, |n| *n as u64);
    let document_found = store.document(&DocumentKey::Workspace).await.map_err(error)?;
    if document_found != (last > 0).then(|| document(last)) {
        return Err(format!("the document is not that of batch {last}"));
    }
    for number in 1..=last + 3 {
        for n in number * LEADS..(number + 1) * LEADS {
            let called = number + CALLED_AFTER <= last;
            let state = if called { sample::called(n) } else { sample::waiting(n) };
            let expected = if number <= last { Presence::Whole } else { Presence::Absent };
            let found = presence_as(store, n, &state).await;
            if found != expected {
                return Err(format!("lead {n} of batch {number} is {found:?}, the last batch is {last}"));
            }
        }
    }
    Ok(last)
}

/// How one cut ended.
#[derive(Debug)]
pub enum Ending {
    /// Everything acknowledged is there, up to this batch; nothing is there in part.
    Kept(u64),
    /// The store opened, but something acknowledged is missing.
    Lost(String),
    /// The store did not open.
    Shut(String),
}

/// Writes in `before`, which holds everything up to batch `last`, until the power is cut at this call. Then
/// opens what is left in `after`.
pub fn cut(
    sync: SyncPolicy,
    (before, after): (&Path, &Path),
    last: u64,
    at_call: u64,
    chance: &mut fastrand::Rng,
) -> (Ending, disk::Cut) {
    std::fs::create_dir_all(before).expect("a folder to work in");
    let options = SledOptions { sync, ..SledOptions::default() };
    disk::ACKNOWLEDGED.store(last, Ordering::SeqCst);
    disk::watch(before, at_call);
    let (over, written) = (AtomicBool::new(false), AtomicBool::new(false));
    let cut = std::thread::scope(|scope| {
        scope.spawn(|| {
            write(before, options.clone(), &over);
            written.store(true, Ordering::SeqCst);
        });
        let cut = disk::wait_for_cut(|| written.load(Ordering::SeqCst));
        over.store(true, Ordering::SeqCst);
        cut
    });
    cut.restore(after, chance);
    let opened = std::panic::catch_unwind(|| cadenza_sled::open(&after.join("store"), options));
    let ending = match opened {
        Ok(Ok(store)) => match block_on(last_batch(&store)) {
            Ok(last) if last >= cut.acknowledged => Ending::Kept(last),
            Ok(last) => Ending::Lost(format!("batch {} was acknowledged, the last is {last}", cut.acknowledged)),
            Err(why) => Ending::Lost(why),
        },
        Ok(Err(error)) => Ending::Shut(error.to_string()),
        Err(_) => Ending::Shut("a panic".to_owned()),
    };
    (ending, cut)
}

/// Continues from the last batch until told to stop.
fn write(folder: &Path, options: SledOptions, over: &AtomicBool) {
    block_on(async {
        let store = cadenza_sled::open(&folder.join("store"), options).expect("an undamaged store opens");
        let last = disk::ACKNOWLEDGED.load(Ordering::SeqCst);
        for number in last + 1..last + 10_000 {
            if over.load(Ordering::SeqCst) {
                return;
            }
            store.commit(batch(store.epoch(), number)).await.expect("a batch is committed");
            disk::ACKNOWLEDGED.store(number, Ordering::SeqCst);
        }
    });
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}
