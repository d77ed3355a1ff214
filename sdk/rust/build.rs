//! Writes what each kind of plugin exports for the linker, taken from `sdk/wit`: the custom sections from which a core
//! module is later encoded as a component.

use std::path::PathBuf;
use std::{env, fs};
use wit_component::StringEncoding;
use wit_parser::Resolve;

fn main() {
    let wit = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts")).join("../wit");
    println!("cargo::rerun-if-changed={}", wit.display());
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(&wit).expect("the contract in sdk/wit is valid WIT");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it for build scripts"));
    for world in ["scoring", "nurture", "escalation"] {
        let id = resolve.select_world(&[package], Some(world)).expect("the contract has this world");
        let section = wit_component::metadata::encode(&resolve, id, StringEncoding::UTF8, None)
            .expect("a valid world can be encoded");
        fs::write(out.join(world), section).expect("cargo made the folder");
    }
}
