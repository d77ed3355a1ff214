//! Embeds the shipped workspace with its sample leads, so that `cadenza demo` runs from any folder.

#![allow(clippy::print_stdout, reason = "cargo is told on standard output")]

#[path = "../../kit/build/files.rs"]
mod files;
mod shipped;

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=../kit/build/files.rs");
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts");
    let root = PathBuf::from(folder).join("../..").canonicalize().expect("the project's folder is there");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    shipped::embed(&root, &out);
}
