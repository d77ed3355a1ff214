//! Embeds what the binary brings along: the shipped workspace with its sample leads, so that `cadenza demo` runs from any
//! folder, and the SDKs, so that a plugin builds outside of this repository.

#![allow(clippy::print_stdout, reason = "cargo is told on standard output")]

mod sdk;
mod shipped;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build");
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts");
    let root = PathBuf::from(folder).join("../..").canonicalize().expect("the project's folder is there");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    shipped::embed(&root, &out);
    sdk::embed(&root, &out);
}

/// The files below a folder that are wanted, in the order of their paths. Folders are asked about as well.
fn files(folder: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
        match path.is_dir() {
            _ if !is_wanted(&path) => {}
            true => found.extend(files(&path, is_wanted)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// The path of a file below a folder, as it is written on every system.
fn relative(file: &Path, folder: &Path) -> String {
    file.strip_prefix(folder).expect("it was found below").to_string_lossy().replace('\\', "/")
}
