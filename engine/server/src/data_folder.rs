//! The data folder is accessible only to the user who runs the engine, because it contains people's names and addresses.
//!
//! Everything made from here on is closed to others (0700 and 0600). What already lies there and is more open is
//! closed, and that is reported. A folder that also holds other people's things, such as `/tmp`, is not ours to close;
//! only our own files in it are.

use anyhow::Context as _;
use rustix::fs::Mode;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What the engine makes in its data folder.
const OURS: [&str; 8] = ["lock", "acknowledged", "sled", "sled.new", "components", "compiled", "rendering", RESTORING];
/// Where a restore makes what is not complete yet.
pub(crate) const RESTORING: &str = "restoring";
/// The permission bits of other users.
const OTHERS: u32 = 0o077;
const STICKY: u32 = 0o1000;

/// Makes the folder if necessary, and closes it to others. Returns what was open, in sentences.
pub(crate) fn make_closed(data: &Path) -> anyhow::Result<Vec<String>> {
    // Applies to whatever this process makes from here on, including sled's files.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.with_context(|| format!("the data folder `{}` cannot be made", data.display()))?;
    close(data).with_context(|| format!("the data folder `{}` cannot be looked at", data.display()))
}

/// Says in a sentence which of the engine's files other users can access. Nothing is changed.
pub(crate) fn open_places(data: &Path) -> Option<String> {
    let mut open = Vec::new();
    for name in OURS {
        let path = data.join(name);
        if path.exists() {
            find_open(path, &mut open).ok()?;
        }
    }
    if fs::metadata(data).is_ok_and(|root| is_open(&root)) {
        open.push(data.to_owned());
    }
    (!open.is_empty()).then(|| {
        format!("`{}` is open to other users of this machine ({} files and folders)", data.display(), open.len())
    })
}

fn close(data: &Path) -> io::Result<Vec<String>> {
    let mut told = Vec::new();
    let is_ours = |name: &std::ffi::OsStr| OURS.iter().any(|ours| name == *ours);
    let (mut open, mut others) = (Vec::new(), false);
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if is_ours(&entry.file_name()) {
            find_open(entry.path(), &mut open)?;
        } else {
            others = true;
        }
    }
    let root = fs::metadata(data)?;
    let shared = others || root.permissions().mode() & STICKY != 0;
    if is_open(&root) && shared {
        told.push(format!(
            "`{}` is open to other users and holds other things than the engine's, so it stays so: a folder of its own is safer",
            data.display()
        ));
    } else if is_open(&root) {
        open.insert(0, data.to_owned());
    }
    let count = open.len();
    let failed = open.iter().filter_map(|path| closed(path).err().map(|error| (path, error)));
    for (path, error) in failed.take(1) {
        told.push(format!("`{}` is open to other users and cannot be closed: {error}", path.display()));
    }
    if told.is_empty() && count > 0 {
        told.push(format!(
            "`{}` was open to other users of this machine ({count} files and folders): only its owner gets in from now on",
            data.display()
        ));
    }
    Ok(told)
}

/// Files and folders below this one that other users can access. Links are skipped, because their targets may belong to
/// somebody else.
fn find_open(path: PathBuf, open: &mut Vec<PathBuf>) -> io::Result<()> {
    let found = fs::symlink_metadata(&path)?;
    if found.is_dir() {
        for entry in fs::read_dir(&path)? {
            find_open(entry?.path(), open)?;
        }
    }
    if !found.is_symlink() && is_open(&found) {
        open.push(path);
    }
    Ok(())
}

fn is_open(found: &Metadata) -> bool {
    found.permissions().mode() & OTHERS != 0
}

fn closed(path: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(path)?.permissions().mode();
    fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_open_is_closed_and_what_is_not_ours_is_left_alone() {
        // (what, mode of the folder, something else in it, mode afterwards, whether it is reported)
        let cases = [
            ("one that is closed already", 0o700, false, 0o700, false),
            ("one that others read", 0o755, false, 0o700, true),
            ("one that a group writes", 0o770, false, 0o700, true),
            ("one that holds other things", 0o755, true, 0o755, true),
            ("one that everybody writes to, such as /tmp", 0o1777, false, 0o1777, true),
        ];
        for (what, before, others, after, told) in cases {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("data");
            fs::create_dir_all(data.join("sled/blobs")).unwrap();
            fs::write(data.join("sled/db"), "x").unwrap();
            set(&data.join("sled"), 0o700);
            set(&data.join("sled/blobs"), 0o700);
            set(&data.join("sled/db"), 0o600);
            if others {
                fs::write(data.join("notes.txt"), "x").unwrap();
                set(&data.join("notes.txt"), 0o644);
            }
            set(&data, before);
            let words = close(&data).unwrap();
            assert_eq!((mode(&data), words.is_empty()), (after, !told), "{what}: {words:?}");
            if others {
                assert_eq!(mode(&data.join("notes.txt")), 0o644, "{what}: it is not ours");
            }
        }
    }

    #[test]
    fn files_are_closed_wherever_they_lie_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (data, outside) = (folder.path().join("data"), folder.path().join("outside"));
        fs::create_dir_all(data.join("sled")).unwrap();
        fs::write(data.join("sled/db"), "x").unwrap();
        fs::write(&outside, "x").unwrap();
        set(&data.join("sled/db"), 0o666);
        set(&outside, 0o644);
        std::os::unix::fs::symlink(&outside, data.join("sled/link")).unwrap();
        assert!(!close(&data).unwrap().is_empty());
        assert_eq!((mode(&data.join("sled/db")), mode(&outside)), (0o600, 0o644));
        assert!(close(&data).unwrap().is_empty(), "what was closed is not told of again");
    }
}
