//! Files of the project, for build scripts that embed them.

use std::fs;
use std::path::{Path, PathBuf};

/// The wanted files below a folder, in the order of their paths. Folders are asked about as well.
pub(crate) fn files(folder: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
        match path.is_dir() {
            _ if !is_wanted(&path) => {}
            true => found.extend(files(&path, is_wanted)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// The path of a file below a folder, written the same way on every system.
pub(crate) fn relative(file: &Path, folder: &Path) -> String {
    file.strip_prefix(folder).expect("it was found below").to_string_lossy().replace('\\', "/")
}
