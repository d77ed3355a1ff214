//! The reference plugins in Python and TypeScript: built and tested as an author would, with the golden cases of the one
//! in Rust. What they need besides Python and Node is installed below the target folder, once.
//!
//! Where Python or Node is missing they are told of as ignored, and why.

use cadenza_tests::cadenza;
use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// A language, and what has to run for its plugins to be built.
struct Language {
    name: &'static str,
    folder: &'static str,
    needs: &'static [&'static [&'static str]],
}

const LANGUAGES: [Language; 2] = [
    Language { name: "python", folder: "python", needs: &[&["python3", "-c", "import venv, ensurepip"]] },
    Language { name: "typescript", folder: "javascript", needs: &[&["node", "--version"], &["npm", "--version"]] },
];

fn main() -> ExitCode {
    let trials = LANGUAGES.map(|language| {
        let missing = language.needs.iter().find(|command| !runs(command));
        if let Some(command) = missing {
            eprintln!("SKIPPED: `{}` does not run, so nothing in {} is built", command.join(" "), language.name);
        }
        let name = format!("the_reference_plugin_in_{}_passes_the_golden_cases_of_the_one_in_rust", language.name);
        let check = move || {
            reference_holds(language.folder);
            Ok(())
        };
        Trial::test(name, check).with_ignored_flag(missing.is_some())
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn runs(command: &[&str]) -> bool {
    Command::new(command[0]).args(&command[1..]).output().is_ok_and(|output| output.status.success())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds the reference plugin of a language and runs the golden cases of `inbound-fit`, and the properties, on it.
fn reference_holds(language: &str) {
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
