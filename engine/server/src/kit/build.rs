//! `cadenza plugin build`: from a project to a component that the sandbox takes.

use super::language::Language;
use super::subject::Subject;
use super::tools::{self, Tools};
use anyhow::{Context as _, bail};
use cadenza_sdk_build::{Guests, encode, ensure_target};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Where a project keeps what is built of it.
const BUILD_FOLDER: &str = "build";

/// A component that was built.
#[derive(Debug)]
pub(crate) struct Built {
    /// It, loaded.
    pub(crate) subject: Subject,
    /// What it is written in.
    pub(crate) language: Language,
    /// How long that took.
    pub(crate) took: Duration,
}

/// Builds the plugin in a folder; `out` is where the component goes, `build/NAME.wasm` in the project when nothing is said.
pub(crate) fn build(folder: &Path, out: Option<&Path>, tools: &Tools) -> anyhow::Result<Built> {
    let began = Instant::now();
    let language = Language::of(folder)?;
    // Scripts and cargo run elsewhere.
    let folder = &folder.canonicalize().with_context(|| format!("{} cannot be read", folder.display()))?;
    let component = match language {
        Language::Rust => rust(folder)?,
        Language::Python | Language::JavaScript | Language::TypeScript => script(folder, language, tools)?,
    };
    let source = folder.join(if language == Language::Rust { "src/lib.rs" } else { language.main_file() });
    let mut subject = Subject::of(&component, &source)
        .with_context(|| format!("what was built of {} cannot be used", source.display()))?;
    let named = || folder.join(BUILD_FOLDER).join(format!("{}.wasm", subject.info.name));
    let file = out.map_or_else(named, Path::to_owned);
    write(&file, &component)?;
    subject.file = file;
    Ok(Built { subject, language, took: began.elapsed() })
}

fn rust(folder: &Path) -> anyhow::Result<Vec<u8>> {
    ensure_target(folder)?;
    let modules = Guests { folder, packages: &[], target_dir: None }.compile()?;
    match &modules[..] {
        [module] => Ok(encode(&module.read()?)?),
        _ => {
            let names = cadenza_language::listed(modules.iter().map(|module| module.package.as_str()));
            bail!("{} has several plugins: name the folder of one ({names})", folder.display())
        }
    }
}

/// Has the SDK's own script build it. It says on standard error what is wrong, and in which file.
fn script(folder: &Path, language: Language, tools: &Tools) -> anyhow::Result<Vec<u8>> {
    let sdk = tools.sdk(folder, language)?;
    let mut script = match language {
        Language::Python => {
            let (python, script) = tools.python(&sdk)?;
            let mut python = Command::new(python);
            python.arg(script);
            python
        }
        _ => {
            let mut node = Command::new("node");
            node.arg(tools.javascript(&sdk)?);
            node
        }
    };
    let out = folder.join(BUILD_FOLDER).join(".component.wasm");
    fs::create_dir_all(folder.join(BUILD_FOLDER)).with_context(|| format!("{} cannot be written", folder.display()))?;
    script.arg("--plugin").arg(folder).arg("--wit").arg(sdk.join("wit/cadenza.wit")).arg("--out").arg(&out);
    tools::run(script.current_dir(folder), "install it and run this again")
        .with_context(|| format!("{} cannot be built", folder.join(language.main_file()).display()))?;
    let component = fs::read(&out).with_context(|| format!("the build script left no {}", out.display()))?;
    fs::remove_file(&out).with_context(|| format!("{} cannot be removed", out.display()))?;
    Ok(component)
}

fn write(file: &PathBuf, component: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    fs::write(file, component).with_context(|| format!("{} cannot be written", file.display()))
}
