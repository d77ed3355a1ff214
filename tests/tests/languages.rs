//! The reference plugins in Python and TypeScript, built and tested as an author would, with the golden cases of the
//! one in Rust. What they need besides Python and Node is installed once, below the target folder.
//!
//! If Python or Node is missing, they are reported as ignored, with the reason.

use cadenza_tests::cadenza;
use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// A language, and what must be installed to build its plugins.
struct Language {
    name: &'static str,
    folder: &'static str,
    /// Its names for `cadenza plugin new --lang`.
    flavours: &'static [&'static str],
    needs: &'static [&'static [&'static str]],
    /// The tests of the SDK itself: where below `sdk/` they run, and how.
    native: (&'static str, &'static [&'static str]),
}

const LANGUAGES: [Language; 2] = [
    Language {
        name: "python",
        folder: "python",
        flavours: &["python"],
        needs: &[&["python3", "-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 11)"]],
        native: ("python", &["python3", "-B", "-m", "unittest", "discover", "-s", "tests", "-t", "."]),
    },
    Language {
        name: "typescript",
        folder: "javascript",
        flavours: &["javascript", "typescript"],
        needs: &[
            &[
                "node",
                "-e",
                "const [a, b] = process.versions.node.split('.').map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)",
            ],
            &["npm", "--version"],
        ],
        native: ("javascript/tests", &["node", "--test", "--test-reporter=tap"]),
    },
];

fn main() -> ExitCode {
    let trials = LANGUAGES.map(|language| {
        let missing = language.needs.iter().find(|command| !runs(command));
        if let Some(command) = missing {
            eprintln!("SKIPPED: `{}` does not run, so nothing in {} is built", command.join(" "), language.name);
        }
        let trial = |name: String, check: Box<dyn FnOnce() + Send>| {
            let check = move || {
                check();
                Ok(())
            };
            Trial::test(name, check).with_ignored_flag(missing.is_some())
        };
        let reference = format!("the_reference_plugin_in_{}_passes_the_golden_cases_of_the_one_in_rust", language.name);
        let templates = language.flavours.iter().flat_map(|flavour| {
            ["scoring", "nurture", "escalation"].map(|kind| {
                let name = format!("a_new_plugin_in_{flavour}_for_{kind}_holds");
                trial(name, Box::new(move || new_plugin_holds(flavour, kind)))
            })
        });
        let native = format!("the_sdk_for_{}_passes_its_own_tests", language.name);
        let mut trials = vec![
            trial(native, Box::new(move || sdk_holds(language.native))),
            trial(reference, Box::new(move || reference_holds(language.folder))),
        ];
        trials.extend(templates);
        trials
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}

fn runs(command: &[&str]) -> bool {
    Command::new(command[0]).args(&command[1..]).output().is_ok_and(|output| output.status.success())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs `cadenza plugin` with the tools below the target folder, and returns what it prints.
fn plugin(arguments: &[&str]) -> String {
    let mut command = cadenza(&[&["plugin"], arguments].concat());
    command.env("CADENZA_TOOLS", root().join("target/tools"));
    let output = command.output().expect("cadenza runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "cadenza plugin {arguments:?} ended with {}:\n{said}", output.status);
    said
}

fn text(path: &Path) -> &str {
    path.to_str().expect("our paths are UTF-8")
}

/// Builds the reference plugin of a language, and runs the golden cases of `inbound-fit` and the properties on it.
fn reference_holds(language: &str) {
    let (root, folder) = (root(), tempfile::tempdir().expect("a temporary folder"));
    let component = folder.path().join("inbound-fit.wasm");
    let reference = root.join("sdk").join(language).join("reference");
    plugin(&["build", text(&reference), "--out", text(&component)]);
    let golden = root.join("plugins/inbound-fit/golden");
    holds(&plugin(&["test", text(&component), "--golden", text(&golden), "--cases", "40"]));
}

/// Runs the tests of an SDK outside the sandbox.
fn sdk_holds((folder, native): (&str, &[&str])) {
    let mut command = Command::new(native[0]);
    command.args(&native[1..]).current_dir(root().join("sdk").join(folder));
    let output = command.output().expect("it ran before");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{native:?} ended with {}:\n{said}", output.status);
    let none = ["Ran 0 tests", "NO TESTS RAN", "# tests 0"];
    assert!(!none.iter().any(|none| said.contains(none)), "there are tests to be run:\n{said}");
}

/// Makes a plugin as a newcomer would, and tests it.
fn new_plugin_holds(language: &str, kind: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = folder.path().join("house-rules");
    plugin(&["new", "house-rules", "--lang", language, "--kind", kind, "--dir", text(&project)]);
    let first = plugin(&["test", text(&project), "--cases", "40"]);
    holds(&first);
    if kind != "scoring" {
        return;
    }
    // An unchanged plugin is neither built nor compiled again; a changed one is.
    let again = plugin(&["test", text(&project), "--cases", "40"]);
    holds(&again);
    assert!(again.contains("nothing that goes into it has changed"), "{again}");
    assert_eq!(digest(&again), digest(&first));
    assert!(plugin(&["bench", text(&project), "--calls", "1"]).contains("compiling  done before"));
    let main =
        ["plugin.py", "plugin.js", "plugin.ts"].map(|file| project.join(file)).into_iter().find(|file| file.exists());
    let main = main.expect("the template has a main file");
    let source = std::fs::read_to_string(&main).expect("a source is text");
    std::fs::write(&main, source.replacen("20", "21", 1)).expect("it can be written");
    let changed = plugin(&["inspect", text(&project)]);
    assert!(!changed.contains("nothing that goes into it has changed"), "{changed}");
    assert_ne!(digest(&changed), digest(&first));
}

/// The digest that a command prints for the build it is about.
fn digest(said: &str) -> &str {
    let after = said.split_once("digest ").expect("the digest is told").1;
    after.split_whitespace().next().expect("and is a word")
}

fn holds(tested: &str) {
    assert!(tested.contains("golden cases: all hold"), "{tested}");
    assert!(tested.contains("every property holds"), "{tested}");
}
