//! `cadenza plugin build`: from a project to a component that the sandbox takes.

use super::inputs::inputs;
use super::language::Language;
use super::subject::Subject;
use super::tools::{self, Tools};
use anyhow::{Context as _, bail};
use cadenza_builds::ComponentHash;
use cadenza_core::id::Digest;
use cadenza_sdk_build::{Guests, encode, ensure_target};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Where a project keeps what is built from it.
const BUILD_FOLDER: &str = "build";

/// A component that was built.
#[derive(Debug)]
pub struct Built {
    pub subject: Subject,
    /// The language it is written in.
    pub language: Language,
    pub folder: PathBuf,
    /// How long that took; `None` if it was already there.
    pub took: Option<Duration>,
}

/// What is remembered of a build, beside its result.
const MARK: &str = ".built";

/// The plugin in a folder, built if something has changed that goes into it. Building an interpreter takes ten seconds,
/// and two builds are not identical to the byte. Cargo decides this by itself.
pub fn when_changed(folder: &Path, tools: &Tools) -> anyhow::Result<Built> {
    let language = Language::of(folder)?;
    if language != Language::Rust
        && let Some(file) = built_of_the_same(folder, language, tools)
    {
        return Ok(Built {
            subject: Subject::load(&file, Some(tools))?,
            language,
            folder: folder.to_owned(),
            took: None,
        });
    }
    build(folder, None, tools)
}

fn built_of_the_same(folder: &Path, language: Language, tools: &Tools) -> Option<PathBuf> {
    let project = folder.canonicalize().ok()?;
    let sdk = tools.sdk(&project, language).ok()?;
    let mark = Mark::kept(folder).filter(|mark| Some(mark.inputs) == inputs(&project, &sdk))?;
    mark.component(folder)
}

/// What was built, and from what.
#[derive(Serialize, Deserialize)]
struct Mark {
    inputs: Digest,
    /// The component's file in the build folder, and its digest.
    file: String,
    component: Digest,
}

impl Mark {
    fn kept(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(BUILD_FOLDER).join(MARK)).ok()?).ok()
    }

    /// What was built, if it is still there unchanged.
    fn component(&self, folder: &Path) -> Option<PathBuf> {
        let file = folder.join(BUILD_FOLDER).join(&self.file);
        let component = fs::read(&file).ok()?;
        (ComponentHash::of(&component).digest() == self.component).then_some(file)
    }
}

/// Builds the plugin in a folder. `out` is where the component goes; the default is `build/NAME.wasm` in the project.
pub fn build(folder: &Path, out: Option<&Path>, tools: &Tools) -> anyhow::Result<Built> {
    let began = Instant::now();
    let language = Language::of(folder)?;
    // Scripts and cargo run in another folder.
    let folder = &folder.canonicalize().with_context(|| format!("{} cannot be read", folder.display()))?;
    // What changes during the build is built the next time.
    let inputs_before = match language {
        Language::Rust => None,
        _ => inputs(folder, &tools.sdk(folder, language)?),
    };
    let component = match language {
        Language::Rust => rust(folder)?,
        Language::Python | Language::JavaScript | Language::TypeScript => script(folder, language, tools)?,
    };
    let source = folder.join(if language == Language::Rust { "src/lib.rs" } else { language.main_file() });
    let mut subject = Subject::of(&component, &source, Some(tools))
        .with_context(|| format!("what was built of {} cannot be used", source.display()))?;
    let name = format!("{}.wasm", subject.info.name);
    let file = out.map_or_else(|| folder.join(BUILD_FOLDER).join(&name), Path::to_owned);
    write(&file, &component)?;
    if let Some(inputs) = inputs_before.filter(|_| out.is_none()) {
        let mark = Mark { inputs, file: name, component: subject.info.digest };
        write(&folder.join(BUILD_FOLDER).join(MARK), &serde_json::to_vec(&mark)?)?;
    }
    subject.file = file;
    Ok(Built { subject, language, folder: folder.clone(), took: Some(began.elapsed()) })
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

/// Builds it with the SDK's own script, which reports on standard error what is wrong, and in which file.
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

fn write(file: &Path, component: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    fs::write(file, component).with_context(|| format!("{} cannot be written", file.display()))
}
