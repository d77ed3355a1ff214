//! A workspace folder in memory: the files the language reads, by relative path. Reading it from disk is the only IO here.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most bytes a file may have.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most files a folder may have.
pub const FILES_MAX: usize = 1_000;
/// How deep `scripts/` may be nested.
const FOLDERS_DEEP_MAX: usize = 4;

/// The files of a workspace: `*.yaml` in its root, and `*.md` under `scripts/`. Paths are relative, with `/`.
///
/// It is stored as the mapping of its files, and held to the same limits when it is read back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, String>", try_from = "BTreeMap<String, String>")]
pub struct Folder {
    files: BTreeMap<String, String>,
}

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The operating system says no.
    #[error("`{}` cannot be read: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// No `cadenza.yaml`.
    #[error("`{}` is no workspace: it has no file `cadenza.yaml`", path.display())]
    NotAWorkspace {
        /// The folder.
        path: PathBuf,
    },
    /// More than [`FILE_BYTES_MAX`].
    #[error("`{file}` has more than {FILE_BYTES_MAX} bytes: split it")]
    TooLarge {
        /// The file.
        file: String,
    },
    /// More than [`FILES_MAX`].
    #[error("the folder has more than {FILES_MAX} files")]
    TooMany,
    /// No UTF-8.
    #[error("`{file}` is not UTF-8 text")]
    NotText {
        /// The file.
        file: String,
    },
    /// A link that leads out of the folder.
    #[error("`{file}` is a link that leads out of the folder: put the file itself there")]
    LeadsOut {
        /// The link.
        file: String,
    },
    /// A path that is absolute or has `..`.
    #[error("`{file}` is no path within a workspace")]
    Path {
        /// The path.
        file: String,
    },
}

impl Folder {
    /// A folder of these files, by relative path.
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, FolderError> {
        let files: BTreeMap<String, String> = files.into_iter().collect();
        if files.len() > FILES_MAX {
            return Err(FolderError::TooMany);
        }
        for (file, text) in &files {
            if text.len() as u64 > FILE_BYTES_MAX {
                return Err(FolderError::TooLarge { file: file.clone() });
            }
            let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
            if !file.split('/').all(plain) || file.contains(['\\', '\0']) {
                return Err(FolderError::Path { file: file.clone() });
            }
        }
        Ok(Self { files })
    }

    /// Reads the folder at `root`.
    pub fn read(root: &Path) -> Result<Self, FolderError> {
        let home = root.canonicalize().map_err(|source| FolderError::Io { path: root.to_owned(), source })?;
        if !home.join("cadenza.yaml").is_file() {
            return Err(FolderError::NotAWorkspace { path: root.to_owned() });
        }
        let mut reading = Reading { home, files: BTreeMap::new() };
        reading.files_of("", is_yaml)?;
        reading.scripts("scripts", 0)?;
        Self::new(reading.files)
    }

    /// The text of a file.
    pub fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
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

/// `*.test.yaml` are cases for `cadenza test`, not part of the workspace. `.yml` is read so that it can be complained of.
fn is_yaml(name: &str) -> bool {
    (name.ends_with(".yaml") || name.ends_with(".yml")) && !name.ends_with(".test.yaml")
}

fn is_script(name: &str) -> bool {
    name.ends_with(".md")
}

struct Reading {
    home: PathBuf,
    files: BTreeMap<String, String>,
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

    /// Reads the wanted files directly in `folder`; answers its sub-folders.
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
                self.stay_inside(&relative, &full)?;
                let text = read_file(&relative, &full)?;
                self.files.insert(relative, text);
                if self.files.len() > FILES_MAX {
                    return Err(FolderError::TooMany);
                }
            }
        }
        folders.sort();
        Ok(folders)
    }

    fn stay_inside(&self, relative: &str, full: &Path) -> Result<(), FolderError> {
        let real = full.canonicalize().map_err(|source| FolderError::Io { path: full.to_owned(), source })?;
        if real.starts_with(&self.home) { Ok(()) } else { Err(FolderError::LeadsOut { file: relative.to_owned() }) }
    }
}

fn read_file(relative: &str, full: &Path) -> Result<String, FolderError> {
    let io = |source| FolderError::Io { path: full.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a file that grows while it is read is seen too.
    File::open(full).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(io)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FolderError::TooLarge { file: relative.to_owned() });
    }
    String::from_utf8(bytes).map_err(|_| FolderError::NotText { file: relative.to_owned() })
}
