//! Kills a process with kill -9 twenty times while it commits batches. What it said was committed is there, whole, at
//! the next opening, and nothing is there in part. The process that is killed is this program, started again.

mod power;

use cadenza_sled::SledOptions;
use cadenza_store::Store;
use power::{batch, block_on, last_batch};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const ROUNDS: u64 = 20;
/// The folder in which the process to be killed works.
const FOLDER: &str = "CADENZA_KILL_FOLDER";

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().expect("a folder to work in");
    let mut last = 0;
    for seed in 0..ROUNDS {
        let mut chance = fastrand::Rng::with_seed(seed);
        let acknowledged =
            write_and_kill(folder.path(), chance.u64(0..40), Duration::from_micros(chance.u64(0..4_000)));
        let acknowledged = acknowledged.max(last);
        let store = cadenza_sled::open(folder.path(), SledOptions::default())
            .unwrap_or_else(|error| panic!("seed {seed}: after the kill: {error}"));
        last = block_on(last_batch(&store)).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        assert!(last >= acknowledged, "seed {seed}: batch {acknowledged} was acknowledged, the last is {last}");
    }
    assert!(last > 100, "only {last} batches: this was no load");
}

/// Starts a writer and kills it shortly after it has acknowledged `batches` batches. Returns the number of
/// the last batch acknowledged.
fn write_and_kill(folder: &Path, batches: u64, after: Duration) -> u64 {
    let me = std::env::current_exe().expect("this program's path");
    let mut child = Command::new(me)
        .args(["--exact", "the_writer", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts again");
    let said = BufReader::new(child.stdout.take().expect("it was piped"));
    let mut said = said.lines().map_while(Result::ok).filter_map(|line| line.strip_prefix("committed ")?.parse().ok());
    let mut last = said.by_ref().take(batches as usize).last().unwrap_or(0);
    // This does not wait for anything: the moment of the kill is what varies.
    std::thread::sleep(after);
    child.kill().expect("the process can be killed");
    child.wait().expect("the process has ended");
    // What it said before it was killed counts.
    last = said.last().unwrap_or(0).max(last);
    last
}

#[test]
#[ignore = "the process that the test above kills"]
fn the_writer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    block_on(async {
        let store = cadenza_sled::open(Path::new(&folder), SledOptions::default()).expect("the store opens");
        let last = store.counters().await.expect("readable").values.get("batch").map_or(0, |n| *n as u64);
        println!();
        for number in last + 1.. {
            store.commit(batch(store.epoch(), number)).await.expect("a batch is committed");
            // One system call for each line, so that a line is whole or not there.
            std::io::stdout().write_all(format!("committed {number}\n").as_bytes()).expect("somebody listens");
        }
    });
}
