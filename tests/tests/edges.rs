//! Who may know whom: the crate edges of ARCHITECTURE.md, checked with `cargo metadata`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"];
    let output =
        Command::new(cargo).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// The dependencies of each package, without those of its tests.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let name = |value: &Value| value["name"].as_str().expect("everything has a name").to_owned();
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().expect("a list of dependencies");
        all.iter().filter(|d| d["kind"] != "dev").map(&name).collect::<BTreeSet<_>>()
    };
    packages.iter().map(|package| (name(package), dependencies(package))).collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    let edges = edges();
    let ours: BTreeSet<&String> = edges.keys().collect();
    let allowed: &[(&str, &[&str])] = &[
        ("cadenza-core", &[]),
        ("cadenza-language", &["cadenza-core"]),
        ("cadenza-mail", &["cadenza-core"]),
        ("cadenza-store", &["cadenza-core"]),
        ("cadenza-sled", &["cadenza-store"]),
        ("cadenza-sandbox", &["cadenza-core"]),
        ("cadenza-sdk", &["cadenza-sdk-derive"]),
        ("cadenza-sdk-derive", &[]),
        ("cadenza-sdk-build", &[]),
        ("cadenza-plugins", &["cadenza-sdk-build"]),
        ("cadenza-signatures", &["cadenza-core"]),
        ("cadenza-builds", &["cadenza-core", "cadenza-plugins", "cadenza-sandbox"]),
        (
            "cadenza-runtime",
            &["cadenza-builds", "cadenza-core", "cadenza-language", "cadenza-sandbox", "cadenza-store"],
        ),
        ("cadenza-couriers", &["cadenza-core", "cadenza-runtime", "cadenza-signatures"]),
        (
            "cadenza-api",
            &[
                "cadenza-builds",
                "cadenza-core",
                "cadenza-language",
                "cadenza-mail",
                "cadenza-runtime",
                "cadenza-sandbox",
                "cadenza-signatures",
                "cadenza-store",
            ],
        ),
        (
            "cadenza-rehearsal",
            &[
                // How an event is taken in, and how a journal is told.
                "cadenza-api",
                "cadenza-core",
                "cadenza-language",
                "cadenza-runtime",
                "cadenza-store",
            ],
        ),
        (
            "cadenza-kit",
            &[
                "cadenza-builds",
                "cadenza-core",
                // Its words for lists of names.
                "cadenza-language",
                "cadenza-sandbox",
                "cadenza-sdk",
                "cadenza-sdk-build",
            ],
        ),
        (
            "cadenza",
            &[
                "cadenza-api",
                "cadenza-builds",
                "cadenza-core",
                "cadenza-couriers",
                "cadenza-kit",
                "cadenza-language",
                // How many bytes of a message are read.
                "cadenza-mail",
                "cadenza-rehearsal",
                "cadenza-runtime",
                "cadenza-sandbox",
                "cadenza-sdk",
                "cadenza-signatures",
                "cadenza-sled",
                "cadenza-store",
            ],
        ),
        // A benchmark's guest, which is not a plugin.
        ("floor", &["cadenza-sdk", "inbound-fit"]),
    ];
    for (package, dependencies) in &edges {
        let found: BTreeSet<&str> = dependencies.iter().filter(|d| ours.contains(d)).map(String::as_str).collect();
        let may: BTreeSet<&str> = match allowed.iter().find(|(name, _)| name == package) {
            Some((_, may)) => may.iter().copied().collect(),
            None if package == "cadenza-tests" || package == "cadenza-simulator" => continue,
            // Every other package is a plugin.
            None => ["cadenza-sdk"].into(),
        };
        let too_much: Vec<_> = found.difference(&may).collect();
        assert!(
            too_much.is_empty(),
            "{package} must not know {too_much:?}: move the code, or change ARCHITECTURE.md first"
        );
    }
}

#[test]
fn core_is_pure() {
    let core = &edges()["cadenza-core"];
    for banned in [
        "tokio",
        "sled",
        "wasmtime",
        "axum",
        "hyper",
        "serde-saphyr",
        "granit-parser",
        "cel",
        "getrandom",
        "rand",
        "fastrand",
    ] {
        assert!(!core.contains(banned), "cadenza-core must not depend on {banned}: give it the result as an argument");
    }
}

/// The runtime is the engine without any interface to the outside, and runs wherever its parts are given to it.
#[test]
fn the_runtime_has_no_face() {
    let runtime = &edges()["cadenza-runtime"];
    for banned in
        ["axum", "hyper", "hyper-util", "lettre", "mail-builder", "clap", "sled", "hmac", "getrandom", "fastrand"]
    {
        assert!(
            !runtime.contains(banned),
            "cadenza-runtime must not depend on {banned}: give it the part as an argument"
        );
    }
}

/// A case hears and says what everybody else does, and nothing of it is a request or a command line.
#[test]
fn a_rehearsal_has_no_face() {
    let rehearsal = &edges()["cadenza-rehearsal"];
    for banned in ["axum", "hyper", "hyper-util", "clap", "sled", "cadenza-couriers", "cadenza-sled"] {
        assert!(
            !rehearsal.contains(banned),
            "cadenza-rehearsal must not depend on {banned}: cases are played in memory"
        );
    }
}

/// The modules at the top of a crate know each other in one direction only, so that a reader of one need not have read
/// those that use it. What tests use does not count.
#[test]
fn no_modules_go_in_circles() {
    let engine = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine");
    let crates = "api builds core couriers kit language rehearsal runtime sandbox server signatures store store/sled";
    for of in crates.split(' ') {
        let uses = uses_in(&engine.join(of).join("src"));
        assert!(uses.len() > 1 || of == "store/sled", "{of}: {uses:?}");
        // A module that uses only modules that are in order is in order too. What is left is in a
        // circle, or uses one that is.
        let mut left: BTreeMap<&str, BTreeSet<&str>> =
            uses.iter().map(|(module, used)| (module.as_str(), used.iter().map(String::as_str).collect())).collect();
        loop {
            let in_order: BTreeSet<&str> =
                left.iter().filter(|(_, used)| used.is_empty()).map(|(module, _)| *module).collect();
            if in_order.is_empty() {
                break;
            }
            left.retain(|module, _| !in_order.contains(module));
            left.values_mut().for_each(|used| used.retain(|module| !in_order.contains(module)));
        }
        assert!(left.is_empty(), "modules of {of} go in circles, or use some that do: {left:#?}");
    }
}

/// Which modules at the top of a crate each of them names with `crate::`.
fn uses_in(src: &std::path::Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    all_files(src, &mut files);
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in &files {
        let within = path.strip_prefix(src).expect("it lies there");
        let module = within.iter().next().expect("a name").to_string_lossy().trim_end_matches(".rs").to_owned();
        let is_test = within.iter().any(|part| part == "tests" || part == "tests.rs");
        if is_test || matches!(module.as_str(), "lib" | "main" | "bin") {
            continue;
        }
        let text = std::fs::read_to_string(path).expect("a file of the project");
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        let used = uses.entry(module).or_default();
        for rest in code.join("\n").split("crate::").skip(1) {
            let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
            match rest.strip_prefix('{') {
                Some(several) => {
                    used.extend(several.split('}').next().unwrap_or_default().split(',').map(|one| name(one.trim())))
                }
                None => drop(used.insert(name(rest))),
            }
        }
    }
    let modules: BTreeSet<String> = uses.keys().cloned().collect();
    for (module, used) in &mut uses {
        used.retain(|other| other != module && modules.contains(other));
    }
    uses
}

fn all_files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("a folder of the project").path();
        if path.is_dir() {
            all_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn only_named_places_are_unsafe() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let named = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let mut found = Vec::new();
    for folder in ["engine", "sdk", "plugins", "tests"] {
        collect(&root.join(folder), &mut found);
    }
    for path in found {
        let relative = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let place = named.lines().filter(|line| line.starts_with("| `")).any(|line| {
            line.split('`')
                .skip(1)
                .step_by(2)
                .any(|place| relative.starts_with(place) || line.contains(relative.rsplit('/').next().unwrap_or("-")))
        });
        assert!(place, "{relative} allows unsafe code, and ARCHITECTURE.md, \"Unsafe\", does not name it");
    }
}

/// Files that switch off the lint.
fn collect(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("a folder of the project").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("edges.rs") {
            let text = std::fs::read_to_string(&path).expect("a file of the project");
            if text.contains("unsafe_code") {
                found.push(path);
            }
        }
    }
}
