//! Embeds the shipped workspace and its sample leads, so that `cadenza demo` runs from any folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts");
    let root = PathBuf::from(folder).join("../../workflows");
    let root = root.canonicalize().expect("the shipped workspace lies in workflows/");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut table = String::from("/// Files of the shipped workspace: path and text.\n");
    table.push_str("const FILES: &[(&str, &str)] = &[\n");
    for file in &files {
        let name = file.strip_prefix(&root).expect("it was found below").to_string_lossy().replace('\\', "/");
        table.push_str(&format!("    ({name:?}, include_str!({file:?})),\n"));
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("shipped.rs"), table).expect("OUT_DIR can be written");
}

/// What a workspace is made of, and the samples.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the workspace can be read");
    for path in entries.map(|entry| entry.expect("the workspace can be read").path()) {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            collect(&path, files);
        } else if matches!(ending, Some("yaml" | "md" | "jsonl")) && !path.ends_with("README.md") {
            files.push(path);
        }
    }
}
