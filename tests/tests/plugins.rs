//! The first-party plugins through the real binary: the golden cases that their own crates run natively, what holds for
//! every plugin, and what they may cost.

use cadenza_sandbox::{Budgets, HostLimits, Resource};
use cadenza_tests::cadenza;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A first-party plugin as a file.
struct Component {
    name: &'static str,
    file: PathBuf,
    _folder: TempDir,
}

fn components() -> impl Iterator<Item = Component> {
    cadenza_plugins::PLUGINS.iter().map(|(name, component)| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join(format!("{name}.wasm"));
        std::fs::write(&file, component).expect("the folder can be written");
        Component { name, file, _folder: folder }
    })
}

impl Component {
    /// What a command prints about it, given its golden cases. The command must succeed.
    #[track_caller]
    fn ask(&self, command: &str, more: &[&str]) -> String {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(self.name).join("golden");
        let mut asked = cadenza(&["plugin", command]);
        asked.arg(&self.file).args(more);
        if command != "inspect" {
            asked.arg("--golden").arg(golden);
        }
        let output = asked.output().expect("cadenza runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: cadenza plugin {command} said:\n{said}{complained}", self.name);
        said
    }

    #[track_caller]
    fn ask_json(&self, command: &str, more: &[&str]) -> Value {
        let more = [more, &["--json"]].concat();
        serde_json::from_str(&self.ask(command, &more)).expect("--json is JSON")
    }
}

#[test]
fn golden_cases_and_properties_hold_in_the_sandbox() {
    for component in components() {
        let said = component.ask("test", &["--cases", "300"]);
        assert!(said.contains("golden cases: all hold"), "{}: there are golden cases:\n{said}", component.name);
    }
}

#[test]
fn decisions_stay_far_below_their_budget_and_within_one_page() {
    for component in components() {
        let costs = component.ask_json("bench", &["--calls", "1"]);
        let figure = |of: &str, what: &str| {
            costs["budgets"][of][what].as_u64().unwrap_or_else(|| panic!("no budgets.{of}.{what}: {costs}"))
        };
        let (fuel, budget) = (figure("fuel", "max"), figure("fuel", "allowed"));
        assert!(fuel * 4 <= budget, "{} burns {fuel} of {budget} fuel; leave more room", component.name);
        let memory = figure("memory_bytes", "max");
        assert!(memory <= 65_536, "{} takes {memory} bytes of memory, more than a page", component.name);
    }
}

#[test]
fn a_workspace_may_set_what_the_engine_grants_and_no_more() {
    let output = cadenza(&["schema", "workspace"]).output().expect("cadenza runs");
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a schema is JSON");
    let settings = &schema["properties"]["plugins"]["additionalProperties"]["properties"];
    let most = Budgets::most(&HostLimits::default());
    for of in Resource::ALL {
        let setting = &settings[of.setting()];
        match of {
            // Sizes are texts with a unit; the sentence beside them says how much.
            Resource::Memory | Resource::Output => {
                let most = if most.of(of) < 1 << 20 {
                    format!("{}KiB", most.of(of) >> 10)
                } else {
                    format!("{}MiB", most.of(of) >> 20)
                };
                assert!(setting["description"].as_str().is_some_and(|says| says.ends_with(&most)), "{most}: {setting}");
            }
            Resource::Time => assert_eq!(setting["maximum"], most.of(of) / 1_000, "{setting}"),
            _ => assert_eq!(setting["maximum"], most.of(of), "{}: {setting}", of.setting()),
        }
    }
}

#[test]
fn first_party_plugins_are_what_they_are_called_and_decided_inside_the_commit() {
    for component in components() {
        let seen = component.ask_json("inspect", &[]);
        assert_eq!(seen["name"], component.name, "a plugin is called as its crate");
        assert_eq!(seen["imports"], serde_json::json!([]), "{} says nothing, so it imports nothing", component.name);
        assert_eq!(seen["inside_the_commit"], true, "{}: its budgets make its decisions a wait", component.name);
    }
}

/// Built when 1.0 was frozen.
const KEPT: [(&str, &str); 4] = [
    ("inbound-fit", "2ccb80f02df03468be317fbca41f9392c65fea417d8095be428ed44e874f1490"),
    ("nurture-track", "13547cf39776591a0a18ac5dc570b9f06d9847f221bc850e42badf111e7cb09f"),
    ("speed-to-lead", "ae2a39ee5a3841a1be5728056cd8ec681dc7b40063492191cf6bdf11c2751b05"),
    // It imports `log`.
    ("says-lines", "11fd047160e45365d0425db16de3a69264fb3e890bc4917ce25bdc040d1fe67e"),
];

#[test]
fn components_built_against_the_first_version_of_the_contract_still_decide_as_they_did() {
    // These components are never replaced: if one had to be for this test to pass, users would
    // have to replace theirs too.
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/kept-1.0");
    for (name, sha256) in KEPT {
        let (component, golden) = (kept.join(format!("{name}.wasm")), kept.join(name));
        let bytes = std::fs::read(&component).expect("it is kept");
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, sha256, "{name} of 1.0 is another than it was");
        let mut command = cadenza(&["plugin", "test"]);
        let output = command.arg(&component).arg("--golden").arg(&golden).output().expect("cadenza runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("all hold"), "{name}, kept since 1.0: {said}");
        assert_eq!(said.contains("logs:\n    1 looks"), name == "says-lines", "{name}, kept since 1.0: {said}");
    }
}
