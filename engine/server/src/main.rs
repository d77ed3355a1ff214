//! The binary: composes the parts and nothing else.

mod cli;
mod data_folder;
mod demo;
mod say;
mod start;

/// With the system's allocator, a quarter of an event's time on the driver is spent on allocation; `--bench intake`
/// shows what this one gains.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    reserve_less();
    cli::run()
}

/// Where the address space is limited (`ulimit -v`), makes the allocator leave most of it to the plugins; otherwise it
/// would reserve a gibibyte at a time. The allocator reads its environment before `main`, so the program replaces
/// itself with a new process image.
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
        // Returns only if that failed; then the program continues as it is.
        let _ = std::process::Command::new(program).arg0(name).args(arguments).env(RESERVES, "32MiB").exec();
    }
}

#[cfg(not(unix))]
fn reserve_less() {}
