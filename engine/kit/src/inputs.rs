//! What goes into a build of a project in a language with an interpreter, derived from its files, so that
//! the same is not built twice.

use cadenza_builds::ComponentHash;
use cadenza_core::id::Digest;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folders of a project that are not part of what is built.
const NOT_BUILT: &[&str] = &["build", "golden", ".git", ".venv"];
/// With more files than this, checking their state is not worthwhile.
const FILES_MAX: usize = 20_000;

/// Identifies one state of a project and the SDK; `None` if its files cannot tell.
pub(crate) fn inputs(project: &Path, sdk: &Path) -> Option<Digest> {
    let mut state = State { text: env!("CARGO_PKG_VERSION").to_owned(), files: 0, seen: BTreeSet::new() };
    state.add(project, project, 0)?;
    if !sdk.starts_with(project) {
        state.add(sdk, sdk, 0)?;
    }
    Some(ComponentHash::of(state.text.as_bytes()).digest())
}

struct State {
    text: String,
    files: usize,
    /// Folders that were looked at, by the paths that links lead to.
    seen: BTreeSet<PathBuf>,
}

impl State {
    fn add(&mut self, root: &Path, folder: &Path, depth: usize) -> Option<()> {
        if !self.seen.insert(folder.canonicalize().ok()?) {
            return Some(());
        }
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name()?.to_str()?;
            if name == "__pycache__" || depth == 0 && NOT_BUILT.contains(&name) {
                continue;
            }
            // The state of what a link leads to. A link that leads nowhere is not an input.
            let Ok(found) = std::fs::metadata(&path) else { continue };
            if found.is_dir() {
                self.add(root, &path, depth + 1)?;
                continue;
            }
            self.files += 1;
            let is_own =
                !path.components().any(|part| part.as_os_str() == "node_modules" || part.as_os_str() == ".cadenza");
            if self.files > FILES_MAX
                || is_own && is_source(name) && reaches_above(&std::fs::read_to_string(&path).ok()?, depth)
            {
                return None;
            }
            let (path, changed) = (path.strip_prefix(root).ok()?, found.modified().unwrap_or(SystemTime::UNIX_EPOCH));
            let _ = writeln!(self.text, "{path:?} {changed:?} {}", found.len());
        }
        Some(())
    }
}

fn is_source(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ["py", "js", "mjs", "cjs", "ts", "mts"].contains(&ending))
}

/// Whether a source at this depth in a project may name a file outside it.
fn reaches_above(source: &str, depth: usize) -> bool {
    source.match_indices("../").any(|(at, _)| {
        let steps = source.as_bytes()[at..].chunks_exact(3).take_while(|step| *step == b"../").count();
        steps > depth
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_goes_into_a_build_tells_its_state_and_nothing_else_does() {
        let folder = std::env::temp_dir().join(format!("cadenza-inputs-{}", std::process::id()));
        let (project, sdk) = (folder.join("project"), folder.join("sdk"));
        for (file, text) in
            [("project/plugin.js", "1"), ("project/target/rules.js", "import '../plugin.js'"), ("sdk/a.js", "2")]
        {
            let file = folder.join(file);
            fs::create_dir_all(file.parent().expect("it has a folder")).expect("it can be made");
            fs::write(file, text).expect("it can be written");
        }
        let state = || inputs(&project, &sdk);
        let before = state().expect("it is told by its files");
        for ignored in ["golden", "build", "__pycache__"] {
            fs::create_dir_all(project.join(ignored)).expect("it can be made");
            fs::write(project.join(ignored).join("more"), "more").expect("it can be written");
        }
        assert_eq!(state(), Some(before));
        fs::write(project.join("target/rules.js"), "import '../plugin.js' // more").expect("it can be written");
        let after = state().expect("it is told by its files");
        assert_ne!(after, before);
        fs::write(sdk.join("a.js"), "two").expect("it can be written");
        assert_ne!(state(), Some(after));
        // What lies outside cannot be looked at.
        fs::write(project.join("plugin.js"), "import '../shared.js'").expect("it can be written");
        assert_eq!(state(), None);
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
