//! A disk that fills up: the commit fails with a clear error, nothing of it can be seen, and once there is space again
//! the store continues where it was. This needs a file system of its own, and so the right to mount one.

use cadenza_sled::SledOptions;
use cadenza_store::conformance::sample::{self, Presence, presence};
use cadenza_store::{BatchId, Store, StoreError};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory, gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output().ok()?;
        mounted.status.success().then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_fails_the_commit_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder to work in");
    let Some(disk) = SmallDisk::mount(folder.path(), 38) else {
        eprintln!("SKIPPED: a full disk cannot be made here, mounting a file system needs root");
        return;
    };
    // Deleted later to make space again.
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![0; 8 << 20]).expect("there is space for the ballast");
    let store = cadenza_sled::open(&disk.0.join("store"), SledOptions::default()).expect("the store opens");
    let epoch = store.epoch();
    let intake = |number: u64| sample::intake(epoch, BatchId(number), number * 64..(number + 1) * 64);

    let mut number = 1;
    let error = loop {
        match store.commit(intake(number)).await {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 1_000, "24 MB must be full by now");
    };
    assert!(matches!(&error, StoreError::Io(text) if text.contains("space")), "{error}");
    assert!(number > 20, "full after {number} batches: that is no fair trial");
    let next = store.commit(intake(number + 1)).await;
    assert!(next.is_err(), "a batch computed on one that failed must fail too");

    let still_full = store.recover().await;
    println!("recovering on a full disk: {still_full:?}");
    std::fs::remove_file(&ballast).expect("space is made");
    store.recover().await.expect("with space again the store opens");
    for (batch, expected) in [(1, Presence::Whole), (number - 1, Presence::Whole), (number, Presence::Absent)] {
        let is_committed = store.committed(BatchId(batch)).await.expect("readable");
        assert_eq!(is_committed, expected == Presence::Whole, "batch {batch} of {number}");
        for n in batch * 64..(batch + 1) * 64 {
            assert_eq!(presence(&store, n).await, expected, "lead {n} of batch {batch}");
        }
    }
    for again in number..number + 20 {
        store.commit(intake(again)).await.expect("intake goes on");
    }
    store.close().await.expect("the store closes");
    drop(store);
    let store = cadenza_sled::open(&disk.0.join("store"), SledOptions::default()).expect("the store opens again");
    for n in 64..(number + 20) * 64 {
        assert_eq!(presence(&store, n).await, Presence::Whole, "lead {n} at the next opening");
    }
}
