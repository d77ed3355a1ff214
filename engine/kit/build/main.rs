//! Embeds the SDKs, so that a plugin can be built outside this repository.

#![allow(clippy::print_stdout, reason = "cargo is told on standard output")]

mod files;
mod sdk;

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build");
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts");
    let root = PathBuf::from(folder).join("../..").canonicalize().expect("the project's folder is there");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    sdk::embed(&root, &out);
}
