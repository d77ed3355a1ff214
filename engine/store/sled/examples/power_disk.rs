//! The disk that can lose its power, for a program that is started with this library loaded before all others. At the
//! call of a given number the power is cut, the disk as a machine would find it is written elsewhere, and the program
//! ends. Nothing leaves it after the cut: a thread that returns from a write or a sync by then waits forever.
//!
//! `POWER_ROOT` is the folder to watch, `POWER_CUT` the number of the call, `POWER_TO` where the disk is written,
//! `POWER_SEED` the seed for what survives. `POWER_UNSYNCED` makes `fdatasync` keep nothing.

#[path = "../tests/power/disk.rs"]
#[allow(dead_code, unreachable_pub, reason = "the store's own tests use its other parts")]
mod disk;

use std::path::PathBuf;

/// The loader runs this before `main`.
#[allow(unsafe_code, reason = "a library that is loaded before all others begins like this")]
#[unsafe(link_section = ".init_array")]
#[used]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    let Some(root) = std::env::var_os("POWER_ROOT").map(PathBuf::from) else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (Some(cut_at), Some(seed)) = (number("POWER_CUT"), number("POWER_SEED")) else { return };
    let Some(to) = std::env::var_os("POWER_TO").map(PathBuf::from) else { return };
    if std::env::var_os("POWER_UNSYNCED").is_some() {
        disk::keep_nothing_by_fdatasync();
    }
    disk::watch(&root, cut_at);
    std::thread::spawn(move || {
        let cut = disk::wait_and_freeze();
        cut.restore(&to, &mut fastrand::Rng::with_seed(seed));
        std::process::abort();
    });
}
