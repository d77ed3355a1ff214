//! Core modules of `tests/guests`, compiled for a benchmark.

use cadenza_sdk_build::{Guests, Module};
use std::path::Path;

/// Compiles a guest like the first-party plugins, and returns its bytes.
pub fn build(package: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target_dir = root.join("target/guests");
    let guests = Guests { folder: &root, packages: &[package], target_dir: Some(&target_dir) };
    let modules = guests.compile().unwrap_or_else(|error| panic!("the guest {package}: {error}"));
    let module = modules.iter().find(|module| module.package == package).expect("cargo compiled this package");
    Module::read(module).unwrap_or_else(|error| panic!("the guest {package}: {error}"))
}
