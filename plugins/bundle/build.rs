//! Compiles the first-party plugins for WebAssembly and encodes each as a component.
//!
//! It runs cargo inside of cargo, with a target folder of its own below `OUT_DIR`, so that the two do not wait for each
//! other's lock; what the outer one says about flags, wrappers and folders is meant for the machine at hand and is not
//! passed on.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_component::ComponentEncoder;

/// The folders beside this one that are plugins; also their names and those of their crates.
const PLUGINS: &[&str] = &["inbound-fit", "nurture-track", "speed-to-lead"];
/// Without WASI, so that a guest has no imports.
const TARGET: &str = "wasm32-unknown-unknown";

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("../..");
    watch(&root);
    ensure_target();
    let out = PathBuf::from(variable("OUT_DIR"));
    compile(&root, &out.join("guests"));
    let mut list = String::from("/// Every first-party plugin: its name and its component.\n");
    list.push_str("pub const PLUGINS: &[(&str, &[u8])] = &[\n");
    for plugin in PLUGINS {
        let module = out.join("guests").join(TARGET).join("release").join(plugin.replace('-', "_") + ".wasm");
        let component = out.join(format!("{plugin}.wasm"));
        fs::write(&component, encode(&module)).expect("OUT_DIR can be written");
        list.push_str(&format!("    ({plugin:?}, include_bytes!({component:?})),\n"));
    }
    list.push_str("];\n");
    fs::write(out.join("plugins.rs"), list).expect("OUT_DIR can be written");
}

/// Everything a guest is made of; golden cases are not among it.
fn watch(root: &Path) {
    let sources = PLUGINS.iter().flat_map(|plugin| {
        let folder = root.join("plugins").join(plugin);
        [folder.join("src"), folder.join("Cargo.toml")]
    });
    let shared = ["sdk/wit", "sdk/rust/src", "sdk/rust/build.rs", "sdk/rust/Cargo.toml", "Cargo.lock"];
    for path in sources.chain(shared.map(|path| root.join(path))) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
}

/// Installs the target's standard library where it is missing.
fn ensure_target() {
    let folder = Command::new(variable("RUSTC")).args(["--print", "target-libdir", "--target", TARGET]).output();
    let is_there = folder.is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists()
    });
    if is_there {
        return;
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    assert!(
        added.is_ok_and(|status| status.success()),
        "the plugins are compiled for {TARGET}, whose standard library is not installed; run `rustup target add {TARGET}`"
    );
}

fn compile(root: &Path, target_dir: &Path) {
    let mut cargo = Command::new(variable("CARGO"));
    cargo.current_dir(root).args(["build", "--release", "--target", TARGET, "--target-dir"]).arg(target_dir);
    for plugin in PLUGINS {
        cargo.args(["--package", plugin]);
    }
    // The outer build's settings are not the guests'.
    for name in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_INCREMENTAL"] {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_BUILD_BUILD_DIR", target_dir);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", guest_flags().join("\x1f"));
    // Small and fast: one guest is compiled to machine code in milliseconds and fits a page with its data.
    for (setting, value) in [
        ("OPT_LEVEL", "3"),
        ("LTO", "fat"),
        ("CODEGEN_UNITS", "1"),
        ("DEBUG", "0"),
        // Keeps the names of functions, which traps tell.
        ("STRIP", "debuginfo"),
        ("PANIC", "abort"),
    ] {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    cargo.env("CARGO_PROFILE_RELEASE_BUILD_OVERRIDE_OPT_LEVEL", "0");
    let status = cargo.status().expect("cargo runs this script, so it can be run");
    assert!(status.success(), "the plugins do not compile for {TARGET}; what is wrong stands above");
}

fn guest_flags() -> Vec<String> {
    let cargo_home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| home + "/.cargo"));
    let mut flags = vec![
        // A lean guest's stack, data and arena share one page of 64 KiB; the stack comes first and overflows into a trap.
        "-Clink-arg=-zstack-size=16384".to_owned(),
    ];
    // Panic messages name source files; where this machine keeps them is nobody's business.
    flags.extend(cargo_home.ok().map(|home| format!("--remap-path-prefix={home}=/cargo")));
    flags
}

fn encode(module: &Path) -> Vec<u8> {
    let bytes = fs::read(module).unwrap_or_else(|error| panic!("{} cannot be read: {error}", module.display()));
    ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(ComponentEncoder::encode)
        .unwrap_or_else(|error| panic!("{} is no plugin: {error:#}", module.display()))
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}
