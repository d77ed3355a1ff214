//! Compiles the first-party plugins for WebAssembly and encodes each as a component. The inner cargo has a target
//! folder of its own below `OUT_DIR`, so that the two do not wait for each other's lock.

use cadenza_sdk_build::{Guests, encode, ensure_target};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The plugin folders next to this one. Their names are also those of the plugins and their crates.
const PLUGINS: &[&str] = &["inbound-fit", "nurture-track", "speed-to-lead"];

fn main() {
    if let Err(error) = build() {
        panic!("the first-party plugins are not built: {error}");
    }
}

fn build() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("../..");
    watch(&root);
    ensure_target(&root)?;
    let out = PathBuf::from(variable("OUT_DIR"));
    let guests = Guests { folder: &root, packages: PLUGINS, target_dir: Some(&out.join("guests")) };
    let mut modules = guests.compile()?;
    modules.sort_by(|a, b| a.package.cmp(&b.package));
    let mut list = String::from("/// Every first-party plugin: its name and its component.\n");
    list.push_str("pub const PLUGINS: &[(&str, &[u8])] = &[\n");
    for module in modules {
        let plugin = &module.package;
        let component = out.join(format!("{plugin}.wasm"));
        fs::write(&component, encode(&module.read()?)?)?;
        list.push_str(&format!("    ({plugin:?}, include_bytes!({component:?})),\n"));
    }
    list.push_str("];\n");
    fs::write(out.join("plugins.rs"), list)?;
    Ok(())
}

/// Watches everything that a guest is made of. Golden cases are not part of it.
fn watch(root: &Path) {
    let sources = PLUGINS.iter().flat_map(|plugin| {
        let folder = root.join("plugins").join(plugin);
        [folder.join("src"), folder.join("Cargo.toml")]
    });
    let shared = [
        "sdk/wit",
        "sdk/rust/src",
        "sdk/rust/build.rs",
        "sdk/rust/Cargo.toml",
        "sdk/rust/derive/src",
        "sdk/rust/derive/Cargo.toml",
        "Cargo.lock",
    ];
    for path in sources.chain(shared.map(|path| root.join(path))) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}
