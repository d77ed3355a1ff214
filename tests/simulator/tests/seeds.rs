//! Seeds, some of them the same every time and some that nobody has seen. `CADENZA_SIMULATE_SECONDS` says for how long new ones
//! are played.

use cadenza_simulator::faults::Tally;
use cadenza_simulator::steps::FROM_OUTSIDE;
use cadenza_simulator::{STEPS, Story, Trace, play};
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The default: long enough to matter, and no longer.
const SECONDS: u64 = 10;
/// This many seeds meet every fault, and do everything that can be done from outside.
const SAME: u64 = 40;

fn holds(seed: u64, steps: usize) -> Story {
    let story = play(&Trace::draw(seed, steps), None, false).expect("the engine starts");
    assert!(
        story.wrong.is_empty(),
        "seed {seed}: {:#?}\nits story: cargo run --release -p cadenza-simulator -- --seed {seed} --steps {steps}\n\
         shortened: the same with --keep tests/simulator/kept/NAME.trace",
        story.wrong
    );
    story
}

#[test]
fn a_trace_tells_one_story() {
    let trace = Trace::draw(7, 300);
    let [first, again] = [(), ()].map(|()| play(&trace, None, true).expect("the engine starts"));
    assert_eq!(first.lines, again.lines);
    assert!(first.lines.len() > trace.steps.len(), "something comes of the steps: {:#?}", first.lines);
}

#[test]
fn every_fault_takes_place_and_everything_is_done_from_outside() {
    let (mut tally, mut done) = (Tally::default(), BTreeSet::new());
    for seed in 0..SAME {
        let story = holds(seed, STEPS);
        tally.add(&story.tally);
        done.extend(story.from_outside);
    }
    let missing: Vec<_> = tally.all().filter(|(_, times)| *times == 0).map(|(name, _)| name).collect();
    assert!(missing.is_empty(), "{SAME} seeds did not meet {missing:?}: draw what leads there more often");
    let missing: Vec<_> = FROM_OUTSIDE.iter().filter(|name| !done.contains(*name)).collect();
    assert!(missing.is_empty(), "{SAME} seeds never did {missing:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "new seeds are drawn by the clock of the machine")]
fn new_seeds_hold() {
    let seconds = std::env::var("CADENZA_SIMULATE_SECONDS").ok().and_then(|text| text.parse().ok());
    let (begin, budget) = (Instant::now(), Duration::from_secs(seconds.unwrap_or(SECONDS)));
    let from = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
    let mut played = 0;
    while begin.elapsed() < budget {
        holds(from + played, STEPS);
        played += 1;
    }
    println!("{played} seeds of {STEPS} steps, from {from}: all held");
}
