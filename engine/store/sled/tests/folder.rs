//! What a store may find in its folder besides a sound database: another process, leftovers, a half-made database.

use cadenza_sled::{SledOptions, SledStore};
use cadenza_store::conformance::sample::{self, Presence, presence};
use cadenza_store::{BatchId, Store, StoreError};
use std::path::Path;

fn open(folder: &Path) -> Result<SledStore, StoreError> {
    cadenza_sled::open(folder, SledOptions::default())
}

#[tokio::test]
async fn one_process_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder to work in");
    let store = open(folder.path()).expect("the store opens");
    match open(folder.path()) {
        Err(StoreError::Locked { path }) => assert_eq!(path, folder.path().display().to_string()),
        Err(other) => panic!("a second opening must be told that the folder is locked, not `{other}`"),
        Ok(_) => panic!("two stores are open on one folder"),
    }
    store.close().await.expect("the store closes");
    open(folder.path()).expect("closing lets go of the folder, even while the closed store is still there");
}

#[tokio::test]
async fn leftovers_of_a_crash_do_not_keep_it_from_opening() {
    let folder = tempfile::tempdir().expect("a folder to work in");
    // A database whose making was cut short.
    let new = folder.path().join("sled.new/blobs");
    std::fs::create_dir_all(new).expect("writable");
    std::fs::write(folder.path().join("sled.new/conf"), "segm").expect("writable");
    let store = open(folder.path()).expect("half a database is made anew");
    let batch = sample::intake(store.epoch(), BatchId(1), 0..10);
    store.commit(batch).await.expect("the batch is committed");
    drop(store);
    assert!(!folder.path().join("sled.new").exists(), "what was half made is gone");
    // A snapshot that was cut short. sled takes the one with the highest number, and cannot open with this one.
    let snapshot = folder.path().join("sled/snap.7FFFFFFFFFFFFFFF.generating");
    std::fs::write(&snapshot, [1, 2, 3]).expect("writable");
    let store = open(folder.path()).expect("a snapshot cut short is thrown away");
    assert!(!snapshot.exists(), "the snapshot is gone");
    for n in 0..10 {
        assert_eq!(presence(&store, n).await, Presence::Whole, "lead {n}");
    }
}

#[tokio::test]
async fn a_damaged_log_is_an_error_and_no_crash() {
    let folder = tempfile::tempdir().expect("a folder to work in");
    let store = open(folder.path()).expect("the store opens");
    store.close().await.expect("the store closes");
    for name in std::fs::read_dir(folder.path().join("sled")).expect("readable") {
        let path = name.expect("readable").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap.")) {
            std::fs::write(path, [0; 64]).expect("writable");
        }
    }
    let opened = open(folder.path()).map(|_| ());
    assert!(matches!(opened, Err(StoreError::Corrupt(_) | StoreError::Io(_))), "{opened:?}");
}
