//! The test of the test: with sled as released, power cuts lose what was acknowledged. In a process of its own, because
//! the policy belongs to the process, and a sled that broke stays broken.

mod power;

use cadenza_sled::SyncPolicy;
use power::{Ending, cut};

#[test]
fn without_the_remedy_data_is_lost() {
    let folder = tempfile::tempdir().expect("a folder to work in");
    let mut endings = Vec::new();
    for seed in 0..10 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let (before, after) = (folder.path().join(format!("{seed}")), folder.path().join(format!("{seed}-after")));
        let at_call = chance.u64(60..400);
        let (ending, _) = cut(SyncPolicy::Off, (&before, &after), 0, at_call, &mut chance);
        if !matches!(ending, Ending::Kept(_)) {
            return;
        }
        endings.push(ending);
    }
    panic!("ten power cuts without syncing lost nothing: the disk layer does not see what it should ({endings:?})");
}
