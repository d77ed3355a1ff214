//! A workspace folder in memory: the files that the language reads, by relative path. Reading it from disk is the only
//! IO here. A file that cannot be read is a fault that `check` reports, so that everything else is still checked.

pub use crate::fault::FILE_BYTES_MAX;
use crate::fault::{Fault, Flaw};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most files a folder may have.
pub const FILES_MAX: usize = 1_000;
/// How deeply `scripts/` may be nested, and how deeply misplaced files are looked for.
const FOLDERS_DEEP_MAX: usize = 4;
/// How many entries of other folders are searched for misplaced files.
const OTHER_ENTRIES_MAX: usize = 10_000;
/// The folder of samples, such as tables of events.
const SAMPLES: &str = "samples";
/// Top-level folders in which a YAML file is not a mistake.
const OTHER_FOLDERS: [&str; 3] = ["scripts", SAMPLES, "examples"];
/// The ending of the name of a file with cases.
pub(crate) const TEST_FILE: &str = ".test.yaml";
/// What some editors put at the beginning of a file. It is not part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The files of a workspace: `*.yaml` in its root, and `*.md` under `scripts/`. Paths are relative, with `/`.
///
/// It is stored as the mapping of its files, and the same limits apply when it is read back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, String>", try_from = "BTreeMap<String, String>")]
pub struct Folder {
    files: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The operating system refused.
    #[error("`{}` cannot be read: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason that the operating system gives.
        source: io::Error,
    },
    #[error("`{}` is no workspace: it has no file `cadenza.yaml`", path.display())]
    NotAWorkspace { path: PathBuf },
    /// The file has more than [`FILE_BYTES_MAX`] bytes.
    #[error("`{file}` has more than {FILE_BYTES_MAX} bytes: split it")]
    TooLarge { file: String },
    /// There are more than [`FILES_MAX`] files.
    #[error("the folder has more than {FILES_MAX} files")]
    TooMany,
    /// The folder is a link that leads out of the workspace.
    #[error("`{file}` is a link that leads out of the folder: put the folder itself there")]
    LeadsOut { file: String },
    /// The path is absolute or contains `..`.
    #[error("`{file}` is no path within a workspace")]
    Path { file: String },
}

impl Folder {
    /// A folder of these files, by relative path.
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, FolderError> {
        let mut files: BTreeMap<String, String> = files.into_iter().collect();
        if files.len() > FILES_MAX {
            return Err(FolderError::TooMany);
        }
        for (file, text) in &mut files {
            if text.starts_with(BYTE_ORDER_MARK) {
                text.remove(0);
            }
            if text.len() as u64 > FILE_BYTES_MAX {
                return Err(FolderError::TooLarge { file: file.clone() });
            }
            let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
            if !file.split('/').all(plain) || file.contains(['\\', '\0']) {
                return Err(FolderError::Path { file: file.clone() });
            }
        }
        Ok(Self { files, faults: Vec::new() })
    }

    /// Reads the folder at `root`. Problems of a single file are left to `check`.
    pub fn read(root: &Path) -> Result<Self, FolderError> {
        let home = root.canonicalize().map_err(|source| FolderError::Io { path: root.to_owned(), source })?;
        if !home.join("cadenza.yaml").is_file() {
            return Err(FolderError::NotAWorkspace { path: root.to_owned() });
        }
        let mut reading =
            Reading { home, files: BTreeMap::new(), faults: Vec::new(), other_entries: OTHER_ENTRIES_MAX };
        let folders = reading.files_of("", is_yaml)?;
        reading.scripts("scripts", 0)?;
        for folder in folders.iter().filter(|folder| !OTHER_FOLDERS.contains(&folder.as_str())) {
            reading.misplaced(folder, 1);
        }
        Ok(Self { faults: reading.faults, ..Self::new(reading.files)? })
    }

    /// The test files of the folder at `root`, with the tables from which they may take events. They are not part of
    /// the workspace: an engine never sees them.
    pub fn read_cases(root: &Path) -> Result<Self, FolderError> {
        let home = root.canonicalize().map_err(|source| FolderError::Io { path: root.to_owned(), source })?;
        let mut reading = Reading { home, files: BTreeMap::new(), faults: Vec::new(), other_entries: 0 };
        let folders = reading.files_of("", is_of_cases)?;
        if folders.iter().any(|folder| folder == SAMPLES) {
            reading.files_of(SAMPLES, is_table)?;
        }
        Ok(Self { faults: reading.faults, ..Self::new(reading.files)? })
    }

    /// The folder together with the files of another, for showing messages about both.
    #[must_use]
    pub fn shown_with(mut self, other: Self) -> Self {
        self.files.extend(other.files);
        self.faults.extend(other.faults);
        self
    }

    /// The text of a file.
    pub fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// What could not be read.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Whether there is a file with this name, readable or not.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.faults.iter().any(|fault| fault.file == path)
    }

    /// The part of a file that can be shown.
    pub(crate) fn shown(&self, path: &str) -> Option<&str> {
        let fault = || self.faults.iter().find(|fault| fault.file == path)?.readable();
        self.file(path).or_else(fault)
    }

    /// Every file with its text, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

impl From<Folder> for BTreeMap<String, String> {
    fn from(folder: Folder) -> Self {
        folder.files
    }
}
impl TryFrom<BTreeMap<String, String>> for Folder {
    type Error = FolderError;
    fn try_from(files: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        Self::new(files)
    }
}

/// `*.test.yaml` files are cases for `cadenza test`, not part of the workspace. `.yml` files are read so that they can
/// be reported.
fn is_yaml(name: &str) -> bool {
    (name.ends_with(".yaml") || name.ends_with(".yml")) && !name.ends_with(TEST_FILE)
}

fn is_table(name: &str) -> bool {
    name.ends_with(".csv")
}

fn is_of_cases(name: &str) -> bool {
    name.ends_with(TEST_FILE) || is_table(name)
}

fn is_script(name: &str) -> bool {
    name.ends_with(".md")
}

struct Reading {
    home: PathBuf,
    files: BTreeMap<String, String>,
    faults: Vec<Fault>,
    /// How many more entries of other folders may be looked at.
    other_entries: usize,
}

impl Reading {
    fn scripts(&mut self, folder: &str, deep: usize) -> Result<(), FolderError> {
        if deep >= FOLDERS_DEEP_MAX || !self.home.join(folder).is_dir() {
            return Ok(());
        }
        for below in self.files_of(folder, is_script)? {
            self.scripts(&below, deep + 1)?;
        }
        Ok(())
    }

    /// Reads the wanted files directly in `folder`; returns its sub-folders.
    fn files_of(&mut self, folder: &str, wanted: fn(&str) -> bool) -> Result<Vec<String>, FolderError> {
        let path = self.home.join(folder);
        let io = |source| FolderError::Io { path: path.clone(), source };
        self.stay_inside(folder, &path)?;
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(io)? {
            let Ok(name) = entry.map_err(io)?.file_name().into_string() else { continue };
            if name.starts_with('.') {
                continue;
            }
            let relative = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let full = path.join(&name);
            if full.is_dir() {
                folders.push(relative);
            } else if wanted(&name) {
                match self.read_file(&full) {
                    Ok(text) => drop(self.files.insert(relative, text)),
                    Err(flaw) => self.faults.push(Fault { file: relative, flaw }),
                }
                if self.files.len() + self.faults.len() > FILES_MAX {
                    return Err(FolderError::TooMany);
                }
            }
        }
        folders.sort();
        Ok(folders)
    }

    /// Records YAML files below a folder in which none is read. Links, and entries that cannot be listed, are skipped.
    fn misplaced(&mut self, folder: &str, deep: usize) {
        let path = self.home.join(folder);
        if path.is_symlink() {
            return;
        }
        let Ok(entries) = std::fs::read_dir(path) else { return };
        let mut below = Vec::new();
        for entry in entries.flatten() {
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
            if self.other_entries == 0 || self.files.len() + self.faults.len() >= FILES_MAX {
                return;
            }
            self.other_entries -= 1;
            let relative = format!("{folder}/{name}");
            if name.starts_with('.') {
                continue;
            } else if kind.is_dir() && deep < FOLDERS_DEEP_MAX {
                below.push(relative);
            } else if kind.is_file() && is_yaml(&name) {
                self.faults.push(Fault { file: relative, flaw: Flaw::Misplaced });
            }
        }
        below.sort();
        for folder in below {
            self.misplaced(&folder, deep + 1);
        }
    }

    fn stay_inside(&self, relative: &str, full: &Path) -> Result<(), FolderError> {
        let real = full.canonicalize().map_err(|source| FolderError::Io { path: full.to_owned(), source })?;
        if real.starts_with(&self.home) { Ok(()) } else { Err(FolderError::LeadsOut { file: relative.to_owned() }) }
    }

    fn read_file(&self, full: &Path) -> Result<String, Flaw> {
        let io = |error: io::Error| Flaw::Refused(error.to_string());
        let real = full.canonicalize().map_err(io)?;
        if !real.starts_with(&self.home) {
            return Err(Flaw::LeadsOut);
        }
        // Opening a FIFO would wait until somebody writes to it.
        if !real.metadata().map_err(io)?.is_file() {
            return Err(Flaw::NoFile);
        }
        let mut bytes = Vec::new();
        // One byte more than allowed, so that a file that grows while it is read is noticed too.
        File::open(real).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(io)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(Flaw::TooLarge);
        }
        String::from_utf8(bytes).map_err(|error| {
            let readable = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            Flaw::NotText { readable: readable.trim_start_matches(BYTE_ORDER_MARK).to_owned() }
        })
    }
}
