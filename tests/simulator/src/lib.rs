//! The engine on one thread, under a seed: drawn workspaces, everything that people and senders do, and everything that goes
//! wrong, in an order that can be played again. What must hold nevertheless is checked from outside, against what was
//! acknowledged, what left, and what lies on the disk. README.md says what is played, what is checked, and how to play a seed
//! again.

mod backups;
mod checks;
mod commands;
pub mod dice;
mod disk;
pub mod faults;
mod life;
pub mod mutants;
mod post;
mod record;
pub mod shrink;
pub mod steps;
mod store;
pub mod trace;
pub mod world;

pub use life::{Story, play};
pub use trace::{STEPS, Trace};

/// Plays a seed.
///
/// # Errors
/// When the engine cannot be started at all.
pub fn play_seed(seed: u64, steps: usize) -> anyhow::Result<Story> {
    play(&Trace::draw(seed, steps), None, false)
}
