//! The tools that build plugins in Python and JavaScript: the SDK's pinned ones, installed once into a folder of the
//! user's. A folder's name holds the hash of the pins, so that two versions of the SDK do not take turns in one folder.

use super::language::Language;
use super::sdk::{self, PROJECT_SDK};
use anyhow::{Context as _, bail};
use cadenza_core::id::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Marks a tools folder in which everything is installed.
const STAMP: &str = "installed";

/// Where tools are kept.
#[derive(Clone, Debug)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// The given folder, or the user's cache.
    pub fn at(given: Option<&Path>) -> anyhow::Result<Self> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = || variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
        let folder = given.map(Path::to_owned).or_else(|| cache().map(|cache| cache.join("cadenza")));
        let folder = folder.context("there is no home folder to keep build tools in: name a folder with --tools")?;
        Ok(Self { folder: std::path::absolute(&folder).unwrap_or(folder) })
    }

    /// Where machine code is kept.
    pub fn code(&self) -> PathBuf {
        self.folder.join("code")
    }

    /// The SDK of a project: the copy in it, or else the one that comes with the binary.
    pub fn sdk(&self, project: &Path, language: Language) -> anyhow::Result<PathBuf> {
        let copy = project.join(PROJECT_SDK);
        if copy.join(language.sdk()).is_dir() {
            return Ok(copy);
        }
        let folder = self.folder.join(format!("sdk-{}", env!("CARGO_PKG_VERSION")));
        sdk::write(sdk::below("wit"), &folder.join("wit"))?;
        sdk::write(sdk::library(language.sdk()), &folder.join(language.sdk()))?;
        if folder.join(language.sdk()).is_dir() {
            return Ok(folder);
        }
        bail!("this build of cadenza ({}) has no SDK for {}", env!("CARGO_PKG_VERSION"), language.name())
    }

    /// The Python that has the pinned packages, and the build script. The packages are installed if they are missing.
    /// The SDK runs from a copy outside the project, so that it is not taken for part of the plugin.
    pub fn python(&self, sdk: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
        let sdk = sdk.join("python");
        let pins = sdk.join("requirements.txt");
        let folder = self.folder.join(format!("python-{}", hash(&[&pins])?));
        let copy = folder.join("sdk");
        copy_to(&copy, &sdk)?;
        let venv = folder.join("venv");
        let python = venv.join("bin/python");
        self.once(&folder, || {
            let why = "plugins in Python need Python 3 to be built: install it from https://www.python.org";
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv), why)?;
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&pins);
            run(&mut pip, "Python's pip is missing: install Python with it")
        })?;
        Ok((python, copy.join("build.py")))
    }

    /// The build script for JavaScript, beside the pinned packages that it imports. They are
    /// installed if they are missing.
    pub fn javascript(&self, sdk: &Path) -> anyhow::Result<PathBuf> {
        let sdk = sdk.join("javascript");
        let pins = ["package.json", "package-lock.json", ".npmrc"].map(|name| sdk.join(name));
        let folder = self.folder.join(format!("javascript-{}", hash(&pins.each_ref().map(PathBuf::as_path))?));
        copy_to(&folder, &sdk)?;
        self.once(&folder, || {
            let why = "plugins in JavaScript need Node.js with npm to be built: install it from https://nodejs.org";
            let mut npm = Command::new("npm");
            npm.args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).current_dir(&folder);
            run(&mut npm, why)
        })?;
        Ok(folder.join("build.mjs"))
    }

    fn once(&self, folder: &Path, install: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let stamp = folder.join(STAMP);
        if stamp.exists() {
            return Ok(());
        }
        fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        // Two builds that begin at once would install into the same folder. The lock ends with
        // this process at the latest.
        let lock = folder.join(".lock");
        let locked = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _locked = locked.with_context(|| format!("{} cannot be locked", lock.display()))?;
        if stamp.exists() {
            return Ok(());
        }
        install().with_context(|| format!("the build tools cannot be installed in {}", folder.display()))?;
        fs::write(&stamp, "").with_context(|| format!("{} cannot be written", stamp.display()))
    }
}

/// Runs a program to its end. Its standard error is passed through, and its standard output becomes part of the error if
/// it fails. `missing` says what to do if there is no such program.
pub fn run(command: &mut Command, missing: &str) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => bail!("`{program}` cannot be run ({error}): {missing}"),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim() {
        "" => bail!("`{program}` failed; what is wrong stands above"),
        said => bail!("`{program}` failed:\n{said}"),
    }
}

/// Identifies a set of pins. A missing file counts as empty.
fn hash(files: &[&Path]) -> anyhow::Result<Digest> {
    let mut hash = Sha256::new();
    for file in files.iter().filter(|file| file.exists()) {
        let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    Ok(Digest::of_hash(&hash.finalize().into()))
}

/// Copies an SDK without what was installed beside it.
fn copy_to(folder: &Path, sdk: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    collect(sdk, Path::new(""), &mut files)?;
    sdk::write(files.iter().map(|(path, bytes)| (path, bytes.as_slice())), folder)
}

fn collect(folder: &Path, below: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be read", folder.join(below).display());
    for entry in fs::read_dir(folder.join(below)).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let path = below.join(entry.file_name());
        if entry.path().is_dir() {
            if entry.file_name() != "node_modules" && entry.file_name() != "__pycache__" {
                collect(folder, &path, files)?;
            }
        } else {
            files.push((path, fs::read(entry.path()).with_context(cannot)?));
        }
    }
    Ok(())
}
