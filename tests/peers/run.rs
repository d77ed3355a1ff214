//! Runs the benchmark of each peer. They are separate programs, because some are built differently from ours.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // The wasmtime inside Extism asks for a newer Rust than this repository does, but builds with this one.
    let arguments = ["run", "--release", "--ignore-rust-version", "--package", "peer-extism"];
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = Command::new(cargo).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).status();
    if run.expect("cargo runs").success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
