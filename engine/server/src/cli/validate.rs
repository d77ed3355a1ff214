//! `cadenza validate` and `cadenza schema`: checks a workspace folder without an engine, for people, editors and CI.

use super::Answer;
use crate::say::output;
use anyhow::Context as _;
use cadenza_builds::{Library, Plugins, Registry};
use cadenza_language::{Checked, Diagnostic, Document, Folder, Paint, check_cases};
use cadenza_runtime::clock::Clock;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// The workspace folder
    #[arg(default_value = ".", env = "CADENZA_WORKSPACE")]
    folder: PathBuf,
    /// A component that is not in the folder because it is pushed to a running engine; may be given several times
    #[arg(long, value_name = "FILE.wasm")]
    plugin: Vec<PathBuf>,
    /// For people, or for editors and CI
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Checks a workspace folder, together with components that are not in it.
pub(super) fn check(root: &Path, more: &[PathBuf]) -> anyhow::Result<(Folder, Checked)> {
    read(root, more).map(|(folder, checked, _)| (folder, checked))
}

/// The same, including the plugins that it was checked with.
fn read(root: &Path, more: &[PathBuf]) -> anyhow::Result<(Folder, Checked, Plugins)> {
    let folder = Folder::read(root)?;
    let settings = cadenza_language::plugin_settings(&folder);
    let (library, mut registry) = (Library::in_memory()?, Registry::default());
    let offers = cadenza_builds::offers(&library, root, &settings)?;
    for (name, hash, by) in offers.found {
        registry.offer(&name, hash, by, Clock::real());
    }
    for file in more {
        let component = std::fs::read(file).with_context(|| format!("`{}`", file.display()))?;
        let name = file.file_stem().and_then(|stem| stem.to_str()).context("--plugin names a component's file")?;
        registry.offer(name, library.keep(&component)?, "--plugin", Clock::real());
    }
    let plugins = Plugins::load(&library, &mut registry, &settings, offers.troubles)?;
    let checked = cadenza_language::check(&folder, &plugins);
    Ok((folder, checked, plugins))
}

impl Validate {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let (mut folder, mut checked, plugins) = read(&self.folder, &self.plugin)?;
        let mut valid = checked.workspace.is_some();
        // Names in test files are looked up in a workspace without errors.
        if let Some(workspace) = &checked.workspace {
            let files = Folder::read_cases(&self.folder)?;
            let cases = check_cases(&files, workspace, &plugins);
            valid &= !cases.diagnostics.iter().any(Diagnostic::is_error);
            checked.diagnostics.extend(cases.diagnostics);
            folder = folder.shown_with(files);
        }
        match self.format {
            Format::Json => output::json(&json!({"valid": valid, "diagnostics": checked.diagnostics})),
            Format::Text => output::say_painted(&report(&checked.diagnostics, &folder, valid)),
        }
        if let Some(end) = checked.workspace.as_ref().and_then(|of| of.settings.holidays_end(Clock::real())) {
            output::complain(&format!("warning: {end}"));
        }
        if checked.diagnostics.iter().any(|diagnostic| diagnostic.code == "unknown-plugin") {
            output::complain(
                "A plugin that is pushed to an engine is known here with `cadenza validate --plugin FILE.wasm`.",
            );
        }
        Ok(if valid { Answer::Yes } else { Answer::No })
    }
}

fn report(diagnostics: &[Diagnostic], folder: &Folder, valid: bool) -> String {
    let paint = if std::io::stdout().is_terminal() { Paint::Coloured } else { Paint::Plain };
    let rendered = cadenza_language::render(diagnostics, folder, paint);
    match (rendered.is_empty(), valid) {
        (true, _) => "The workspace is in order.".to_owned(),
        (false, true) => format!("{}\nThe workspace can be used as it is.", rendered.trim_end()),
        (false, false) => rendered.trim_end().to_owned(),
    }
}

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// The kind of file
    #[arg(value_enum, default_value_t = File::Workflow)]
    file: File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum File {
    Workflow,
    Team,
    Sources,
    Connections,
    Workspace,
    Test,
}

impl Schema {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let document = match self.file {
            File::Workflow => Document::Workflow,
            File::Team => Document::Team,
            File::Sources => Document::Sources,
            File::Connections => Document::Connections,
            File::Workspace => Document::Workspace,
            File::Test => Document::Test,
        };
        output::json(&cadenza_language::schema(document));
        Ok(Answer::Yes)
    }
}
