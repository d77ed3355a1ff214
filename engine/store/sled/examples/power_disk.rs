//! The disk that can lose its power, for a program that is started with this library loaded before all others: at the
//! call of a given number the power is cut, the disk as a machine would find it is written elsewhere, and the program is
//! gone. Nothing leaves it after the cut: whoever comes back from a write or a sync by then waits for ever.
//!
//! `POWER_ROOT` the folder that is watched, `POWER_CUT` the number of the call, `POWER_TO` where the disk is written,
//! `POWER_SEED` the chance, `POWER_UNSYNCED` when `fdatasync` shall keep nothing.

#[path = "../tests/power/disk.rs"]
#[allow(dead_code, unreachable_pub, reason = "the store's own tests use its other parts")]
mod disk;

use std::path::PathBuf;

/// Run by the loader before `main`.
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
