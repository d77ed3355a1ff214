//! Runs cargo for guests. It may run inside another cargo; what the outer one says about flags, wrappers and folders is
//! meant for the machine at hand and is not passed on.

use crate::{BuildError, TARGET};
use serde_json::Value;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Crates to compile into modules.
#[derive(Clone, Copy, Debug)]
pub struct Guests<'a> {
    /// Where cargo runs: the folder of the crate or of its workspace.
    pub folder: &'a Path,
    /// The packages; the folder's own if the list is empty.
    pub packages: &'a [&'a str],
    /// A separate target folder, so that two cargos do not wait for each other; by default, the folder's.
    pub target_dir: Option<&'a Path>,
}

/// A compiled core module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The name of its package.
    pub package: String,
    pub file: PathBuf,
}

impl Module {
    /// Reads the bytes of the module.
    pub fn read(&self) -> Result<Vec<u8>, BuildError> {
        std::fs::read(&self.file).map_err(|cause| BuildError::File { path: self.file.clone(), cause })
    }
}

/// Installs the target's standard library if it is missing, for the toolchain that is used in this folder.
pub fn ensure_target(folder: &Path) -> Result<(), BuildError> {
    let rustc = program("RUSTC", "rustc");
    let asked =
        Command::new(&rustc).current_dir(folder).args(["--print", "target-libdir", "--target", TARGET]).output();
    let asked = asked.map_err(|cause| missing(&rustc, cause))?;
    let libraries = String::from_utf8_lossy(&asked.stdout);
    if asked.status.success() && Path::new(libraries.trim()).exists() {
        return Ok(());
    }
    // Its output belongs beside the compiler's, and standard output is not ours to write to.
    let mut rustup = Command::new("rustup");
    rustup.current_dir(folder).args(["target", "add", TARGET]).stdout(Stdio::null());
    if rustup.status().is_ok_and(|status| status.success()) { Ok(()) } else { Err(BuildError::NoTarget) }
}

impl Guests<'_> {
    /// Compiles the crates. The compiler's messages go to standard error.
    pub fn compile(&self) -> Result<Vec<Module>, BuildError> {
        let program = program("CARGO", "cargo");
        let mut cargo = Command::new(&program);
        cargo.current_dir(self.folder).args(["build", "--release", "--target", TARGET]);
        cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
        for package in self.packages {
            cargo.args(["--package", package]);
        }
        self.set_environment(&mut cargo);
        let output = cargo.output().map_err(|cause| missing(&program, cause))?;
        if !output.status.success() {
            return Err(BuildError::DoesNotCompile { folder: self.folder.to_owned() });
        }
        let modules = modules(&String::from_utf8_lossy(&output.stdout));
        if modules.is_empty() {
            return Err(BuildError::NoModule { manifest: self.folder.join("Cargo.toml") });
        }
        Ok(modules)
    }

    fn set_environment(&self, cargo: &mut Command) {
        // The outer build's settings do not apply to the guests.
        for name in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS", "CARGO_INCREMENTAL"] {
            cargo.env_remove(name);
        }
        if let Some(target_dir) = self.target_dir {
            cargo.arg("--target-dir").arg(target_dir).env("CARGO_BUILD_BUILD_DIR", target_dir);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(self.folder).join("\x1f"));
        // Small and fast: a guest is compiled to machine code in milliseconds, and fits into one page with its data.
        for (setting, value) in [
            ("OPT_LEVEL", "3"),
            ("LTO", "fat"),
            ("CODEGEN_UNITS", "1"),
            ("DEBUG", "0"),
            // Keeps the names of functions, which traps report.
            ("STRIP", "debuginfo"),
            ("PANIC", "abort"),
        ] {
            cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
        }
        cargo.env("CARGO_PROFILE_RELEASE_BUILD_OVERRIDE_OPT_LEVEL", "0");
    }
}

fn flags(folder: &Path) -> Vec<String> {
    let cargo_home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| home + "/.cargo"));
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut flags = vec![
        // A lean guest's stack, data and arena share one page of 64 KiB. The stack comes first
        // and overflows into a trap.
        "-Clink-arg=-zstack-size=16384".to_owned(),
        // Panic messages name source files. Where this machine keeps them is private, and would make the same plugin a
        // different component on every machine.
        format!("--remap-path-prefix={}=.", folder.display()),
    ];
    flags.extend(cargo_home.ok().map(|home| format!("--remap-path-prefix={home}=/cargo")));
    flags
}

/// The modules among the artifacts that cargo reports, one JSON object per line.
fn modules(messages: &str) -> Vec<Module> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let artifacts = artifacts.filter(|message| {
        message["reason"] == "compiler-artifact" && has(&message["target"]["crate_types"], |kind| kind == "cdylib")
    });
    artifacts.filter_map(|message| module(&message)).collect()
}

fn module(artifact: &Value) -> Option<Module> {
    let files = artifact["filenames"].as_array()?.iter().filter_map(Value::as_str);
    let file = files.map(PathBuf::from).find(|file| file.extension().is_some_and(|ending| ending == "wasm"))?;
    // What cargo calls an id ends with the package's name and version, except if the folder has the same name.
    let folder = Path::new(artifact["manifest_path"].as_str()?).parent()?.file_name()?.to_string_lossy();
    let (_, tail) = artifact["package_id"].as_str()?.rsplit_once('#')?;
    let package = tail.split_once('@').map_or_else(|| folder.into_owned(), |(name, _)| name.to_owned());
    Some(Module { package, file })
}

fn has(list: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    list.as_array().is_some_and(|items| items.iter().any(fits))
}

/// The program that the outer cargo runs, if there is one.
fn program(variable: &str, name: &str) -> OsString {
    env::var_os(variable).unwrap_or_else(|| name.into())
}

fn missing(program: &OsString, cause: std::io::Error) -> BuildError {
    BuildError::NoCargo { program: program.to_string_lossy().into_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_among_what_cargo_says() {
        let artifact = |id: &str, file: &str, kind: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{id}","manifest_path":"/x/two/Cargo.toml","target":{{"crate_types":["{kind}","rlib"]}},"filenames":["/t/{file}","/t/lib.rlib"]}}"#
            )
        };
        let messages = [
            artifact("path+file:///x/one#one-fit@0.1.0", "one_fit.wasm", "cdylib"),
            artifact("path+file:///x/two#0.1.0", "two.wasm", "cdylib"),
            artifact("registry+https://x#serde@1.0.0", "serde.rlib", "lib"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let found = modules(&messages.join("\n"));
        let found: Vec<_> = found.iter().map(|module| (module.package.as_str(), module.file.as_path())).collect();
        assert_eq!(found, [("one-fit", Path::new("/t/one_fit.wasm")), ("two", Path::new("/t/two.wasm"))]);
    }
}
