//! Thirty power cuts under load: what was acknowledged is there, whole, and nothing is there in part.

mod power;

use cadenza_sled::SyncPolicy;
use power::{Ending, cut};

const CUTS: u64 = 30;
/// How many cuts one database gets before a new one is made. The first cuts of each happen while it is being made.
const CUTS_PER_DATABASE: u64 = 10;

#[test]
fn what_was_acknowledged_survives() {
    let (mut batches, mut calls) = (0, 0);
    for database in 0..CUTS / CUTS_PER_DATABASE {
        let folder = tempfile::tempdir().expect("a folder to work in");
        let mut last = 0;
        for round in 0..CUTS_PER_DATABASE {
            let seed = database * 1_000 + round;
            let mut chance = fastrand::Rng::with_seed(seed);
            let at_call = if round < 2 { chance.u64(1..40) } else { chance.u64(40..600) };
            let (before, after) = (folder.path().join(round.to_string()), folder.path().join((round + 1).to_string()));
            let (ending, cut) = cut(SyncPolicy::Full, (&before, &after), last, at_call, &mut chance);
            let Ending::Kept(kept) = ending else {
                panic!("seed {seed}, power cut at call {}: {ending:?}", cut.calls);
            };
            std::fs::remove_dir_all(&before).expect("the old disk is thrown away");
            (last, calls) = (kept, calls + cut.calls);
        }
        batches += last;
    }
    assert!(batches > 1_000, "only {batches} batches in {calls} calls: this was no load");
}
