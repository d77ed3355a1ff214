//! A disk that fails one call, at many different moments: the commit returns an error instead of hanging. Once the
//! store has been opened again, every batch is there whole or not at all, and `committed` says which.

mod power;

use cadenza_sled::SledOptions;
use cadenza_store::{BatchId, Store};
use power::disk::{self, Call};
use power::{batch, block_on, last_batch};
use std::sync::mpsc;
use std::time::Duration;

/// sled's own waiting is woken within two seconds. A busy machine gets more time.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_failing_call_fails_one_commit() {
    // A young database has no segments to clean, so nothing else happens that would wake a commit by chance. In one
    // that is larger than its cache, pages have to be read in the middle of a batch.
    let cases = [(Call::Sync, 2), (Call::Sync, 60), (Call::Write, 2), (Call::Write, 60), (Call::Read, 60)];
    for (call, sound) in cases {
        for after in [0, 1, 2, 3, 5, 20, 21] {
            let (tell, told) = mpsc::channel();
            std::thread::spawn(move || {
                block_on(fail_once(call, sound, after));
                // Nobody is listening any more if the patience has run out.
                let _ = tell.send(());
            });
            match told.recv_timeout(PATIENCE) {
                Ok(()) => {}
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("{call:?} failed after {after} more, and the store hangs")
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{call:?} failed after {after} more: see above"),
            }
        }
    }
}

async fn fail_once(call: Call, sound: u64, after: u64) {
    let folder = tempfile::tempdir().expect("a folder to work in");
    disk::watch(folder.path(), u64::MAX);
    let options = SledOptions { cache_bytes: 1 << 16, ..SledOptions::default() };
    let store = cadenza_sled::open(&folder.path().join("store"), options.clone()).expect("the store opens");
    for number in 1..=sound {
        store.commit(batch(store.epoch(), number)).await.expect("a sound disk takes it");
    }
    disk::fail(call, after);
    let mut number = sound + 1;
    let error = loop {
        match store.commit(batch(store.epoch(), number)).await {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 2_000, "the call never failed, or nobody noticed");
    };
    let case = format!("{call:?} after {after} more, in batch {number}: {error}");
    assert!(disk::failed(), "{case}: the disk was sound");
    assert!(store.commit(batch(store.epoch(), number + 1)).await.is_err(), "{case}: what builds on it must fail");
    store.recover().await.unwrap_or_else(|error| panic!("{case}: recovering: {error}"));
    let last = last_batch(&store).await.unwrap_or_else(|why| panic!("{case}: {why}"));
    assert!(last == number || last == number - 1, "{case}: the last batch is {last}");
    let committed = store.committed(BatchId(number)).await.expect("readable");
    assert_eq!(committed, last == number, "{case}: whether it is committed");
    for number in last + 1..last + 5 {
        store.commit(batch(store.epoch(), number)).await.unwrap_or_else(|error| panic!("{case}: going on: {error}"));
    }
    store.close().await.expect("the store closes");
    drop(store);
    let store = cadenza_sled::open(&folder.path().join("store"), options).expect("the store opens again");
    assert_eq!(last_batch(&store).await, Ok(last + 4), "{case}: at the next opening");
    disk::unwatch();
}
