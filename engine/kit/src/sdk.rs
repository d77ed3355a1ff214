//! The SDKs that come with the binary (`build/sdk.rs` embeds them), and how they are written into folders.

use anyhow::Context as _;
use std::fs;
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// Where a project keeps its copy of the SDK.
pub(crate) const PROJECT_SDK: &str = ".cadenza/sdk";

/// A file of an SDK: its path below the folder that was asked for, and its bytes.
pub(crate) type Embedded = (&'static str, &'static [u8]);

/// The files below a folder of `sdk/`.
pub(crate) fn below(folder: &str) -> impl Iterator<Item = Embedded> {
    FILES.iter().filter_map(move |(path, bytes)| {
        let path = path.strip_prefix(folder)?.strip_prefix('/')?;
        Some((path, *bytes))
    })
}

/// The library and the tools of a language, without its templates and guide.
pub(crate) fn library(language: &str) -> impl Iterator<Item = Embedded> {
    let is_template = |path: &str| path.starts_with("template/") || path.starts_with("template-");
    below(language).filter(move |(path, _)| !is_template(path) && *path != GUIDE)
}

/// The name of a guide.
const GUIDE: &str = "README.md";

/// The guide that all languages share, and the language's own if it has one.
pub(crate) fn guides(language: &str) -> impl Iterator<Item = Embedded> {
    let own = format!("{language}/{GUIDE}");
    FILES.iter().filter(move |(path, _)| *path == GUIDE || *path == own).copied()
}

/// The versions with which the SDK for Rust is tested. Cargo drops those that a plugin does not need.
pub(crate) fn cargo_lock() -> &'static str {
    CARGO_LOCK
}

/// Writes files below a folder.
pub(crate) fn write<'a>(
    files: impl IntoIterator<Item = (impl AsRef<Path>, &'a [u8])>,
    folder: &Path,
) -> anyhow::Result<()> {
    for (path, bytes) in files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| format!("the folder {} cannot be made", parent.display()))?;
        // An identical file is left alone, so that nothing is built again because of it.
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            continue;
        }
        // Moved into place whole, because another build may be reading it.
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let written = fs::write(&new, bytes).and_then(|()| fs::rename(&new, &path));
        written.with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_stand_alone() {
        for (path, bytes) in FILES.iter().filter(|(path, _)| path.ends_with("Cargo.toml")) {
            let text = std::str::from_utf8(bytes).unwrap();
            assert!(!text.contains("workspace = true"), "{path} takes something from a workspace:\n{text}");
        }
        let sdk = below("rust").find(|(path, _)| *path == "Cargo.toml").expect("the SDK has a manifest").1;
        let sdk = std::str::from_utf8(sdk).unwrap();
        assert!(sdk.contains("cadenza-sdk-derive = { path = \"derive\" }"), "{sdk}");
    }

    #[test]
    fn the_contract_and_the_library_are_there_and_templates_are_no_part_of_it() {
        assert!(below("wit").any(|(path, _)| path == "cadenza.wit"));
        let library: Vec<&str> = library("rust").map(|(path, _)| path).collect();
        assert!(library.contains(&"src/lib.rs") && library.contains(&"derive/src/lib.rs"), "{library:?}");
        assert!(!library.iter().any(|path| path.contains("template") || path.starts_with("build/")), "{library:?}");
        let of = |language| guides(language).map(|(path, _)| path).collect::<Vec<_>>();
        assert_eq!((of("rust"), of("python")), (vec!["README.md"], vec!["README.md", "python/README.md"]));
    }
}
