//! Core modules of `tests/guests`, compiled for a benchmark.

use std::path::Path;
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles a guest with the flags of the first-party plugins; its bytes.
pub fn build(package: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target_dir = root.join("target/guests");
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.current_dir(&root).args(["build", "--release", "--target", TARGET, "--package", package, "--target-dir"]);
    cargo.arg(&target_dir);
    for (setting, value) in [("OPT_LEVEL", "3"), ("LTO", "fat"), ("CODEGEN_UNITS", "1"), ("PANIC", "abort")] {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Clink-arg=-zstack-size=16384");
    let status = cargo.status().expect("cargo can be run");
    assert!(status.success(), "the guest {package} does not compile; what is wrong stands above");
    let module = target_dir.join(TARGET).join("release").join(format!("{}.wasm", package.replace('-', "_")));
    std::fs::read(&module).unwrap_or_else(|error| panic!("{}: {error}", module.display()))
}
