//! The shipped workspace and its sample leads.

use crate::files::{files, relative};
use std::fs;
use std::path::Path;

pub(crate) fn embed(root: &Path, out: &Path) {
    let root = root.join("workflows");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut table = String::from("/// Files of the shipped workspace: path and text.\n");
    table.push_str("const FILES: &[(&str, &str)] = &[\n");
    for file in &files(&root, &is_wanted) {
        table.push_str(&format!("    ({:?}, include_str!({file:?})),\n", relative(file, &root)));
    }
    table.push_str("];\n");
    fs::write(out.join("shipped.rs"), table).expect("OUT_DIR can be written");
}

/// Whether a file belongs to the workspace or its samples: recipes and cases do not.
fn is_wanted(path: &Path) -> bool {
    let is_case = path.to_str().is_some_and(|path| path.ends_with(".test.yaml"));
    if is_case || path.ends_with("examples") {
        return false;
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    path.is_dir() || matches!(ending, Some("yaml" | "md" | "jsonl")) && !path.ends_with("README.md")
}
