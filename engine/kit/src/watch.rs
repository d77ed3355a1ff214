//! Notices that a file of a project has changed, by looking again and again; a project has a few dozen files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Folders that tools write to; a build changes them.
const NOT_WATCHED: &[&str] = &["target", "build", "node_modules", "__pycache__", ".venv", ".git"];

/// The files of a project as they are now.
#[derive(Debug, PartialEq, Eq)]
pub struct Files {
    changed: BTreeMap<PathBuf, (SystemTime, u64)>,
}

impl Files {
    /// Looks at all of them. What cannot be read counts as missing.
    pub fn below(folder: &Path) -> Self {
        let mut files = Self { changed: BTreeMap::new() };
        files.look(folder);
        files
    }

    fn look(&mut self, folder: &Path) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(found) = entry.metadata() else { continue };
            if !found.is_dir() {
                let changed = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                self.changed.insert(path, (changed, found.len()));
            } else if !NOT_WATCHED.iter().any(|folder| name == *folder) {
                self.look(&path);
            }
        }
    }

    /// Waits until one of them has changed.
    pub fn wait_for_change(&self, folder: &Path) {
        while Self::below(folder) == *self {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
