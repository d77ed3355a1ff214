//! Components by their content, and the machine code that was made from them.
//!
//! ```text
//! components/<sha-256>.wasm    as they came; durable, part of a backup
//! compiled/<sha-256>.<key>     machine code for this build, machine and settings; can be thrown away at any time
//! compiled/secret              with which the code is signed; made on this machine, never part of a backup
//! ```
//! Code is read once, its signature is checked, and it is loaded from memory, so what somebody
//! else put there is not run.

use super::PluginError;
use super::compile::{self, NotCompiled};
use cadenza_core::id::Digest;
use cadenza_sandbox::{Compiled, HostLimits, compatibility};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a signature.
const TAG_BYTES: usize = 32;

/// The SHA-256 of a component.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComponentHash([u8; 32]);

impl ComponentHash {
    /// The hash of these bytes.
    pub fn of(component: &[u8]) -> Self {
        Self(Sha256::digest(component).into())
    }

    /// The beginning of the hash, as journals name it.
    pub fn digest(&self) -> Digest {
        Digest::of_hash(&self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let pairs = text.as_bytes().chunks_exact(2);
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for ComponentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
impl fmt::Debug for ComponentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl serde::Serialize for ComponentHash {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for ComponentHash {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no SHA-256 in hex")))
    }
}

/// Where components and their code are kept.
pub struct Library {
    place: Place,
    compiler: Compiler,
    limits: HostLimits,
    /// A hash of what code depends on besides the component.
    compatibility: u64,
    /// What was compiled in this process, as long as it is in use.
    compiled: Mutex<BTreeMap<ComponentHash, Compiled>>,
}

/// Where components are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compiler {
    /// In a process of its own, limited by the system: this program, started again.
    Child,
    ThisProcess,
}

enum Place {
    /// In a data folder.
    Disk { components: PathBuf, compiled: PathBuf, secret: [u8; 32] },
    /// Only in memory, for commands without a data folder.
    Memory(Mutex<BTreeMap<ComponentHash, Arc<[u8]>>>),
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").finish_non_exhaustive()
    }
}

impl Library {
    /// The library of a data folder. What it needs is made.
    pub fn open(data: &Path) -> Result<Self, PluginError> {
        let (components, compiled) = (data.join("components"), data.join("compiled"));
        for folder in [&components, &compiled] {
            fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
        }
        let secret = secret(&compiled.join("secret"))?;
        Self::at(Place::Disk { components, compiled, secret }, Compiler::Child)
    }

    /// A library that keeps nothing when the process ends.
    pub fn in_memory() -> Result<Self, PluginError> {
        Self::at(Place::Memory(Mutex::default()), Compiler::Child)
    }

    /// The same for a program that cannot be its own compiler, such as a unit test. What it compiles has to be trusted.
    pub fn of_this_process() -> Result<Self, PluginError> {
        Self::at(Place::Memory(Mutex::default()), Compiler::ThisProcess)
    }

    fn at(place: Place, compiler: Compiler) -> Result<Self, PluginError> {
        let limits = HostLimits::default();
        let library =
            Self { place, compiler, compatibility: compatibility(&limits)?, limits, compiled: Mutex::default() };
        library.drop_foreign_code();
        Ok(library)
    }

    /// The limits for which code is made here.
    pub const fn limits(&self) -> &HostLimits {
        &self.limits
    }

    /// Keeps a component, which is durable when this returns.
    pub fn keep(&self, component: &[u8]) -> Result<ComponentHash, PluginError> {
        let hash = ComponentHash::of(component);
        match &self.place {
            Place::Memory(components) => {
                components.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, component.into());
            }
            Place::Disk { components, .. } => {
                let path = components.join(format!("{hash}.wasm"));
                // A damaged component is written again.
                if !fs::read(&path).is_ok_and(|kept| ComponentHash::of(&kept) == hash) {
                    write_whole(&path, &[component]).map_err(|error| at(&path, &error))?;
                }
            }
        }
        Ok(hash)
    }

    /// The bytes of a component.
    pub fn component(&self, hash: ComponentHash) -> Result<Arc<[u8]>, PluginError> {
        match &self.place {
            Place::Memory(components) => {
                let components = components.lock().unwrap_or_else(PoisonError::into_inner);
                components.get(&hash).cloned().ok_or(PluginError::Gone(hash))
            }
            Place::Disk { components, .. } => {
                let path = components.join(format!("{hash}.wasm"));
                match fs::read(&path) {
                    // A file whose content does not match its name is not a component of ours.
                    Ok(bytes) if ComponentHash::of(&bytes) == hash => Ok(bytes.into()),
                    Ok(_) => Err(PluginError::Gone(hash)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Err(PluginError::Gone(hash)),
                    Err(error) => Err(at(&path, &error)),
                }
            }
        }
    }

    /// A component ready for sandboxes: compiled earlier in this process or on this machine, or else now. `name` is for
    /// the error if it cannot be compiled.
    pub fn compiled(&self, name: &str, hash: ComponentHash) -> Result<Compiled, PluginError> {
        let known = || self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = known().get(&hash) {
            return Ok(compiled.clone());
        }
        let compiled = match self.read_code(hash) {
            Some(compiled) => compiled,
            None => {
                let component = self.component(hash)?;
                self.compile(hash, &component).map_err(|error| match error {
                    NotCompiled::Component(cause) => PluginError::Load { name: name.to_owned(), cause },
                    NotCompiled::Compiler(cause) => PluginError::Compiler(cause),
                })?
            }
        };
        known().insert(hash, compiled.clone());
        Ok(compiled)
    }

    /// Whether its machine code is already there.
    pub fn is_compiled(&self, hash: ComponentHash) -> bool {
        matches!(&self.place, Place::Disk { compiled, .. } if compiled.join(self.code_name(hash)).exists())
    }

    /// Drops all components from the disk except the newest.
    pub fn keep_newest(&self, count: usize) {
        let Place::Disk { components, .. } = &self.place else { return };
        let mut found: Vec<_> = fs::read_dir(components).into_iter().flatten().flatten().collect();
        found.sort_by_cached_key(|entry| std::cmp::Reverse(entry.metadata().and_then(|it| it.modified()).ok()));
        let hash = |entry: &fs::DirEntry| ComponentHash::parse(entry.file_name().to_str()?.strip_suffix(".wasm")?);
        let newest: BTreeSet<ComponentHash> = found.iter().filter_map(hash).take(count).collect();
        self.forget_all_but(&newest, &newest);
    }

    /// Drops components that are not to be kept, and drops from memory the code of those that are not in use.
    pub fn forget_all_but(&self, keep: &BTreeSet<ComponentHash>, in_use: &BTreeSet<ComponentHash>) {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner).retain(|hash, _| in_use.contains(hash));
        match &self.place {
            Place::Memory(components) => {
                components.lock().unwrap_or_else(PoisonError::into_inner).retain(|hash, _| keep.contains(hash));
            }
            Place::Disk { components, compiled, .. } => {
                for folder in [components, compiled] {
                    remove_files(folder, |name| {
                        name.split('.').next().and_then(ComponentHash::parse).is_some_and(|hash| !keep.contains(&hash))
                    });
                }
            }
        }
    }

    fn compile(&self, hash: ComponentHash, component: &[u8]) -> Result<Compiled, NotCompiled> {
        if self.compiler == Compiler::ThisProcess {
            return Ok(Compiled::new(component, &self.limits)?);
        }
        let code = compile::in_child(component)?;
        if let Place::Disk { compiled, secret, .. } = &self.place {
            let path = compiled.join(self.code_name(hash));
            let tag = self.sign(secret, hash, &code).finalize().into_bytes();
            if let Err(error) = write_whole(&path, &[tag.as_slice(), &code]) {
                tracing::warn!(%error, path = %path.display(), "compiled code is not kept; it will be compiled again");
            }
        }
        Ok(self.trust(code.into(), hash))
    }

    /// Code that was kept on this machine; `None` if there is none that can be trusted.
    fn read_code(&self, hash: ComponentHash) -> Option<Compiled> {
        let Place::Disk { compiled, secret, .. } = &self.place else { return None };
        let path = compiled.join(self.code_name(hash));
        let kept = fs::read(&path).ok()?;
        let (tag, code) = kept.split_at_checked(TAG_BYTES)?;
        if self.sign(secret, hash, code).verify_slice(tag).is_err() {
            tracing::warn!(path = %path.display(), "compiled code is not what this engine wrote there; it is compiled again");
            return None;
        }
        Some(self.trust(code.into(), hash))
    }

    #[allow(unsafe_code, reason = "machine code cannot be checked, only vouched for; see SAFETY")]
    fn trust(&self, code: Arc<[u8]>, hash: ComponentHash) -> Compiled {
        // SAFETY: both callers have what `Compiled::code` returned for this component in this very program. One has it
        // directly from its child process. The other has it from a file that was signed, together with the component's
        // hash and what code depends on, by a secret that lies beside it: in a data folder, or in a folder of the
        // user's own (`kit/code.rs`) where nobody else may write.
        unsafe { Compiled::trusted(code, hash.digest(), &self.limits) }
    }

    fn sign(&self, secret: &[u8; 32], hash: ComponentHash, code: &[u8]) -> Hmac<Sha256> {
        let mut signature = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        signature.update(&hash.0);
        signature.update(&self.compatibility.to_be_bytes());
        signature.update(code);
        signature
    }

    fn code_name(&self, hash: ComponentHash) -> String {
        format!("{hash}.{:016x}", self.compatibility)
    }

    /// Drops the code of other builds or settings, which is no longer of any use.
    fn drop_foreign_code(&self) {
        if let Place::Disk { compiled, .. } = &self.place {
            let ours = format!(".{:016x}", self.compatibility);
            remove_files(compiled, |name| name != "secret" && !name.ends_with(&ours));
        }
    }
}

fn at(path: &Path, error: &io::Error) -> PluginError {
    PluginError::Library { path: path.to_owned(), cause: error.to_string() }
}

/// The secret of this data folder on this machine; made if there is none.
fn secret(path: &Path) -> Result<[u8; 32], PluginError> {
    if let Ok(bytes) = fs::read(path)
        && let Ok(secret) = <[u8; 32]>::try_from(bytes)
    {
        return Ok(secret);
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| at(path, &io::Error::other(error.to_string())))?;
    write_whole(path, &[&secret]).map_err(|error| at(path, &error))?;
    Ok(secret)
}

/// Writes a file whole and durably, or not at all. Nobody else may read it.
fn write_whole(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn remove_files(folder: &Path, of_no_use: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(&of_no_use) {
            // A file that cannot be removed only takes up space.
            let _ = fs::remove_file(entry.path());
        }
    }
}
