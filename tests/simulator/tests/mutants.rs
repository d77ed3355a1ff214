//! Bugs on purpose. Some checker has to find each of them: otherwise a run without a finding says nothing.

use cadenza_simulator::mutants::Mutant;
use cadenza_simulator::{Trace, play};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Each is found within this many seeds.
const SEEDS: u64 = 120;
/// The seeds are short: what is wrong shows early, and then the seed is over.
const STEPS: usize = 300;

/// The seed that finds the bug, and what the checker says.
fn found(mutant: Mutant) -> Option<(u64, String)> {
    (0..SEEDS).find_map(|seed| {
        let story = play(&Trace::draw(seed, STEPS), Some(mutant), false).expect("the engine starts, or it is told of");
        Some((seed, story.wrong.into_iter().next()?))
    })
}

#[test]
fn every_mutant_is_found() {
    let (next, not_found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(mutant) = Mutant::ALL.get(next.fetch_add(1, Relaxed)) {
                    match found(*mutant) {
                        Some((seed, wrong)) => println!("{mutant:?} by seed {seed}: {wrong:.160}"),
                        None => not_found.lock().expect("nobody panics with it").push(*mutant),
                    }
                }
            });
        }
    });
    let not_found = not_found.into_inner().expect("nobody panics with it");
    assert!(
        not_found.is_empty(),
        "{SEEDS} seeds do not find {not_found:?}: a checker is missing, or the steps that bring it out are too rare"
    );
}
