//! The languages plugins are written in, and how a folder shows which one it is.

use super::sdk::{self, Embedded};
use anyhow::bail;
use cadenza_core::plugin::DecisionKind;
use clap::ValueEnum;
use std::path::Path;

/// A language that plugins are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "their names say it, and the help of the command line shows docs")]
pub enum Language {
    Rust,
    Python,
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    #[value(name = "typescript", alias = "ts")]
    TypeScript,
}

impl Language {
    const ALL: [Self; 4] = [Self::Rust, Self::Python, Self::JavaScript, Self::TypeScript];

    /// The file that makes a folder a plugin in this language.
    pub(crate) const fn main_file(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Python => "plugin.py",
            Self::JavaScript => "plugin.js",
            Self::TypeScript => "plugin.ts",
        }
    }

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
        }
    }

    /// The folder of its SDK below `sdk/`.
    pub const fn sdk(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript | Self::TypeScript => "javascript",
        }
    }

    /// The files of a new plugin of a kind; none if there is no SDK for this language.
    pub fn template(self, kind: DecisionKind) -> Vec<Embedded> {
        let templates = match self {
            Self::Rust => "rust/template",
            Self::Python => "python/template",
            Self::JavaScript => "javascript/template",
            Self::TypeScript => "javascript/template-ts",
        };
        let of_the_kind: Vec<Embedded> = sdk::below(&format!("{templates}/{kind}")).collect();
        if of_the_kind.is_empty() {
            return of_the_kind;
        }
        sdk::below(&format!("{templates}/every")).chain(of_the_kind).collect()
    }

    /// The language of the plugin in a folder.
    pub fn of(folder: &Path) -> anyhow::Result<Self> {
        if !folder.is_dir() {
            bail!("there is no folder {}: `cadenza plugin new` makes one", folder.display());
        }
        let found = Self::ALL.into_iter().filter(|language| folder.join(language.main_file()).is_file());
        match found.collect::<Vec<_>>()[..] {
            [language] => Ok(language),
            [] => bail!(
                "there is no plugin in {}: it has neither Cargo.toml nor plugin.py, plugin.js or plugin.ts",
                folder.display()
            ),
            [one, other, ..] => bail!(
                "{} has both {} and {}: a plugin is written in one language",
                folder.display(),
                one.main_file(),
                other.main_file()
            ),
        }
    }
}
