//! The binary: composes the parts and nothing else.

mod cli;
mod data_folder;
mod demo;
mod say;
mod start;

/// A quarter of an event's time on the driver went into the system's allocator; `--bench intake` says what this one is worth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    reserve_less();
    cli::run()
}

/// Where the address space is limited (`ulimit -v`), the allocator leaves most of it to the plugins: it would reserve a
/// gibibyte at a time. It looks into its environment before there is a `main`, so the program takes its own place.
#[cfg(unix)]
fn reserve_less() {
    use std::os::unix::process::CommandExt as _;
    const RESERVES: &str = "MIMALLOC_ARENA_RESERVE";
    if cadenza_sandbox::reserves_nothing().is_none() || std::env::var_os(RESERVES).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "cadenza".into());
    if let Ok(program) = std::env::current_exe() {
        // Comes back only when it could not be done, and then goes on as it is.
        let _ = std::process::Command::new(program).arg0(name).args(arguments).env(RESERVES, "32MiB").exec();
    }
}

#[cfg(not(unix))]
fn reserve_less() {}
