//! The SDKs: every file below `sdk/`, in any language. The crates' manifests are rewritten to stand alone, because
//! there is no workspace around them where they go.

use crate::files::{files, relative};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What tools leave behind.
const LEAVINGS: &[&str] = &["target", "node_modules", "__pycache__", ".venv"];
/// What is only of use in this repository.
const OURS: &[&str] =
    &["rust/build", "rust/tests", "python/reference", "python/tests", "javascript/reference", "javascript/tests"];

pub(crate) fn embed(root: &Path, out: &Path) {
    let sdk = root.join("sdk");
    println!("cargo::rerun-if-changed={}", sdk.display());
    println!("cargo::rerun-if-changed={}", root.join("Cargo.toml").display());
    println!("cargo::rerun-if-changed={}", root.join("Cargo.lock").display());
    let workspace = fs::read_to_string(root.join("Cargo.toml")).expect("the workspace has a manifest");
    let is_template = |path: &Path| relative(path, &sdk).contains("/template");
    let is_any = |path: &Path, of: &[&str]| of.iter().any(|end| path.ends_with(end));
    let is_wanted = |path: &Path| !is_any(path, LEAVINGS) && (is_template(path) || !is_any(path, OURS));
    let mut table = String::from("/// Every file of the SDKs: its path below `sdk/`, and its bytes.\n");
    table.push_str("const FILES: &[(&str, &[u8])] = &[\n");
    for file in &files(&sdk, &is_wanted) {
        let name = relative(file, &sdk);
        let file = if name.ends_with("Cargo.toml") && !is_template(file) {
            let alone = out.join(name.replace('/', "-"));
            let manifest = fs::read_to_string(file).expect("a file of the project can be read");
            fs::write(&alone, stand_alone(&manifest, &workspace, &name)).expect("OUT_DIR can be written");
            alone
        } else {
            file.clone()
        };
        table.push_str(&format!("    ({name:?}, include_bytes!({file:?})),\n"));
    }
    table.push_str("];\n");
    table.push_str("/// The versions with which the SDK for Rust is tested.\n");
    table.push_str(&format!("const CARGO_LOCK: &str = include_str!({:?});\n", root.join("Cargo.lock")));
    fs::write(out.join("sdk.rs"), table).expect("OUT_DIR can be written");
}

/// A crate's manifest with what it inherits from the workspace written out.
fn stand_alone(manifest: &str, workspace: &str, name: &str) -> String {
    let inherited: BTreeMap<&str, &str> =
        workspace.lines().filter_map(|line| line.split_once(" = ")).map(|(key, value)| (key.trim(), value)).collect();
    let mut alone = String::new();
    for line in manifest.lines() {
        match line.strip_suffix(".workspace = true") {
            Some(key) => {
                let value = inherited.get(key).unwrap_or_else(|| panic!("{name}: the workspace has no `{key}`"));
                alone.push_str(&format!("{key} = {}\n", beside(value)));
            }
            // Our lints are for us; a warning about our code does not concern an author.
            None if line == "[lints]" || line == "workspace = true" => {}
            None => alone.push_str(&format!("{line}\n")),
        }
    }
    format!("{}\n", alone.trim_end())
}

/// Where a crate of ours lies, seen from `sdk/rust`. Only the SDK itself names others.
fn beside(value: &str) -> String {
    value.replace("path = \"sdk/rust/", "path = \"")
}
