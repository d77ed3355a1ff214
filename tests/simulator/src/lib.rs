//! The engine on one thread, under a seed. Whatever the seed says happens: events come, once or again, calls are reported,
//! brakes are put on, the clock goes on, commits fail or are only half known, messages do not get through, and the process
//! dies in the middle. What must hold all the same is checked from outside, by what was acknowledged and what left:
//!
//! - **applied once**: an event that was acknowledged is in its lead's journal once; one whose fate nobody knows, and which
//!   is sent again, is there once as well;
//! - **one key**: a mail leaves under one key however often it is tried, says the same each time, and no run sends it under
//!   two; none leaves to somebody whose opt-out was acknowledged;
//! - **it ends**: once nothing fails any more, all that is due is done.
//!
//! The same seed tells the same story, line by line.

mod checks;
mod life;
mod post;
mod world;

pub use world::Story;

/// How many things happen under one seed.
pub const STEPS: usize = 300;

/// Plays a seed; what happened, and what does not hold.
///
/// # Errors
/// When the engine cannot even be started.
pub fn play(seed: u64, steps: usize) -> anyhow::Result<Story> {
    world::World::new(seed, steps)?.play()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_store::Fault;

    /// A fault on purpose, of each of which some check has to hear: records that a program would have forgotten to write.
    #[test]
    fn what_is_forgotten_is_found() {
        for (kind, what, heard) in [
            (b'M', "marks of events", "is told of in"),
            (b'I', "keys", "leads are p"),
            (b'T', "timers", "waits since"),
            (b'E', "the outbox", "is not heard of"),
        ] {
            let found = wrong_with(|world| world.forgets = Some(kind));
            assert!(
                found.iter().any(|wrong| wrong.contains(heard)),
                "{what} are forgotten, and nobody hears: {found:#?}"
            );
        }
    }

    /// The same of a store that does not keep its word.
    #[test]
    fn a_store_that_loses_or_tears_a_batch_is_found() {
        for fault in [Fault::Lost, Fault::Torn] {
            let found = wrong_with(|world| world.fails = Some(fault));
            assert!(found.iter().any(|wrong| wrong.contains("is told of in")), "{fault:?}: {found:#?}");
        }
    }

    fn wrong_with(spoil: impl Fn(&mut world::World)) -> Vec<String> {
        let wrong = |seed| {
            let mut world = world::World::new(seed, STEPS).expect("folders can be made");
            spoil(&mut world);
            // An engine may see that something is missing, and not start.
            world.play().map_or_else(|error| vec![error.to_string()], |story| story.wrong)
        };
        (0..10).flat_map(wrong).collect()
    }

    /// Seeds that found something are kept here.
    const KEPT: [u64; 0] = [];

    #[test]
    fn what_must_hold_holds_under_every_seed() {
        for seed in KEPT.into_iter().chain(0..30) {
            let story = play(seed, STEPS).expect("the engine starts");
            assert!(story.wrong.is_empty(), "seed {seed}: {:#?}\n{}", story.wrong, story.lines.join("\n"));
        }
    }

    #[test]
    fn a_seed_tells_one_story() {
        let [first, again] = [7, 7].map(|seed| play(seed, STEPS).expect("the engine starts"));
        assert_eq!(first.lines, again.lines);
        assert!(first.lines.len() > STEPS / 2, "something happened: {:#?}", first.lines);
    }

    /// Everything that can go wrong did, in one of a few seeds: otherwise nothing of it was tried.
    #[test]
    fn every_fault_occurs() {
        let lines: Vec<String> = (0..10).flat_map(|seed| play(seed, STEPS).expect("the engine starts").lines).collect();
        for fault in [
            "dies",
            "a commit is not kept",
            "a commit is half known",
            "does not get through",
            "is refused for good",
            "is sent again",
        ] {
            assert!(lines.iter().any(|line| line.contains(fault)), "nothing {fault}");
        }
    }
}
