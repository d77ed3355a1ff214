//! The reference plugins in Python and TypeScript: built and tested as an author would, with the golden cases of the one
//! in Rust. What they need besides Python and Node is installed below the target folder, once.
//!
//! Skipped aloud where Python or Node is missing.

use cadenza_tests::cadenza;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether a program can be started; says aloud that a test is skipped otherwise.
fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("SKIPPED: `{program}` is not installed, so the plugins written for it are not built");
    }
    there
}

/// Builds the reference plugin of a language and runs the golden cases of `inbound-fit`, and the properties, on it.
fn reference_holds(language: &str, program: &str) {
    if !is_there(program) {
        return;
    }
    let (root, folder) = (root(), tempfile::tempdir().expect("a temporary folder"));
    let component = folder.path().join("inbound-fit.wasm");
    let run = |arguments: &[&str]| {
        let mut command = cadenza(arguments);
        command.env("CADENZA_TOOLS", root.join("target/tools"));
        let output = command.output().expect("cadenza runs");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "cadenza {arguments:?} ended with {}:\n{said}", output.status);
        said
    };
    let plugin = root.join("sdk").join(language).join("reference");
    let golden = root.join("plugins/inbound-fit/golden");
    let text = |path: &Path| path.to_str().expect("our paths are UTF-8").to_owned();
    run(&["plugin", "build", &text(&plugin), "--out", &text(&component)]);
    let tested = run(&["plugin", "test", &text(&component), "--golden", &text(&golden), "--cases", "40"]);
    assert!(tested.contains("golden cases: all hold"), "{tested}");
    assert!(tested.contains("every property holds"), "{tested}");
}

#[test]
fn the_reference_plugin_in_python_passes_the_golden_cases_of_the_one_in_rust() {
    reference_holds("python", "python3");
}

#[test]
fn the_reference_plugin_in_typescript_passes_the_golden_cases_of_the_one_in_rust() {
    reference_holds("javascript", "node");
}
