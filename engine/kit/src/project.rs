//! `cadenza plugin new`: a folder with a small plugin that works, a golden file and a copy of the SDK.

use super::language::Language;
use super::sdk::{self, PROJECT_SDK};
use anyhow::{Context as _, bail};
use cadenza_core::plugin::DecisionKind;
use std::fs;
use std::path::{Path, PathBuf};

/// The most bytes of a plugin's name, as the contract says.
const NAME_BYTES_MAX: usize = 64;
/// Names that a crate cannot have, or that would hide one of Rust's own.
const RUST_WORDS: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// What a new plugin is.
#[derive(Clone, Copy, Debug)]
pub struct NewPlugin<'a> {
    pub name: &'a str,
    /// The language that it is written in.
    pub language: Language,
    /// What it decides.
    pub kind: DecisionKind,
    /// The folder to write; by default, one with its name in the current folder.
    pub folder: Option<&'a Path>,
}

impl NewPlugin<'_> {
    /// Writes the plugin, and returns its folder.
    pub fn write(self) -> anyhow::Result<PathBuf> {
        check_name(self.name, self.language)?;
        let template = self.language.template(self.kind);
        if template.is_empty() {
            let (language, version) = (self.language.name(), env!("CARGO_PKG_VERSION"));
            bail!("this build of cadenza ({version}) has no SDK for {language}: take another with --lang");
        }
        let folder = self.folder.map_or_else(|| PathBuf::from(self.name), Path::to_owned);
        check_free(&folder)?;
        let files = template.iter().map(|(path, bytes)| (self.fill(path), self.fill_bytes(bytes)));
        let files: Vec<(String, Vec<u8>)> = files.collect();
        sdk::write(files.iter().map(|(path, bytes)| (path, bytes.as_slice())), &folder)?;
        let copy = folder.join(PROJECT_SDK);
        sdk::write(sdk::below("wit"), &copy.join("wit"))?;
        sdk::write(sdk::library(self.language.sdk()), &copy.join(self.language.sdk()))?;
        sdk::write(sdk::guides(self.language.sdk()), &copy)?;
        if self.language == Language::Rust {
            sdk::write([("Cargo.lock", sdk::cargo_lock().as_bytes())], &folder)?;
        }
        Ok(folder)
    }

    fn fill(self, text: &str) -> String {
        text.replace("{{name}}", self.name).replace("{{crate}}", &self.name.replace('-', "_"))
    }

    fn fill_bytes(self, bytes: &[u8]) -> Vec<u8> {
        std::str::from_utf8(bytes).map_or_else(|_| bytes.to_owned(), |text| self.fill(text).into_bytes())
    }
}

fn check_name(name: &str, language: Language) -> anyhow::Result<()> {
    let is_plain = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.ends_with('-')
        && name.len() <= NAME_BYTES_MAX;
    if !is_plain {
        bail!(
            "`{name}` cannot be a plugin's name: take at most {NAME_BYTES_MAX} lower-case letters, digits and `-`, and \
             begin with a letter, as in `company-size`"
        );
    }
    if language == Language::Rust && (RUST_WORDS.contains(&name) || name.starts_with("cadenza-sdk")) {
        bail!("`{name}` means something else to cargo: take a name such as `{name}-score`");
    }
    Ok(())
}

fn check_free(folder: &Path) -> anyhow::Result<()> {
    if folder.is_file() {
        bail!("{} is a file: name another folder with --dir", folder.display());
    }
    if !folder.exists() {
        return Ok(());
    }
    let mut entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    if entries.next().is_some() {
        bail!("{} is not empty: name another folder with --dir", folder.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_workflows_and_cargo_can_use() {
        for name in ["company-size", "a", "fit2"] {
            assert!(check_name(name, Language::Rust).is_ok(), "{name}");
        }
        for name in ["", "Company", "2fit", "a_b", "a-", "ü", "test", "async", "cadenza-sdk"] {
            assert!(check_name(name, Language::Rust).is_err(), "{name}");
        }
        assert!(check_name("test", Language::Python).is_ok());
    }

    #[test]
    fn every_template_is_complete() {
        for kind in DecisionKind::ALL {
            let template = Language::Rust.template(*kind);
            for file in ["Cargo.toml", "src/lib.rs", "README.md", "tests/golden.rs", "golden/first.yaml"] {
                assert!(template.iter().any(|(path, _)| *path == file), "the template for {kind} has no {file}");
            }
        }
    }
}
