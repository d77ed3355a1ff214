//! `cadenza plugin`: what an author of plugins does, without an engine. The logic is in `kit`; this
//! module calls it and prints.

mod bench;
mod builds;
mod inspect;
mod past;
mod production;
mod test;

use super::Answer;
use crate::say::output;
use anyhow::bail;
use cadenza_core::plugin::DecisionKind;
use cadenza_kit::build::{Built, build, when_changed};
use cadenza_kit::language::Language;
use cadenza_kit::project::NewPlugin;
use cadenza_kit::subject::Subject;
use cadenza_kit::tools::Tools;
use cadenza_sandbox::{Budgets, Resource, Used};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(super) enum Plugin {
    /// Write a new plugin that works, with golden cases and a copy of the SDK
    New(New),
    /// Build a plugin into a component
    Build(Build),
    /// Test a plugin in the sandbox: golden cases and generated ones, or past leads
    Test(test::Test),
    /// Measure what decisions of a plugin cost
    Bench(bench::Bench),
    /// Show what a plugin says of itself
    Inspect(inspect::Inspect),
    #[command(flatten)]
    Builds(builds::Builds),
}

impl Plugin {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        match self {
            Self::New(new) => new.run(),
            Self::Build(build) => build.run(),
            Self::Test(test) => test.run(),
            Self::Bench(bench) => bench.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Builds(builds) => builds.run(),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// The name that workflows use: lower-case letters, digits and `-`
    name: String,
    /// The language it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
    /// What it decides
    #[arg(long, value_enum, default_value_t = Kind::Scoring)]
    kind: Kind,
    /// The folder to write; if left out, one with the plugin's name in the current folder
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// How good a lead is
    Scoring,
    /// Which nurture track it should be on
    Nurture,
    /// What to do about something overdue
    Escalation,
}

impl From<Kind> for DecisionKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Scoring => Self::Scoring,
            Kind::Nurture => Self::Nurture,
            Kind::Escalation => Self::Escalation,
        }
    }
}

impl New {
    fn run(self) -> anyhow::Result<Answer> {
        let kind = self.kind.into();
        let new = NewPlugin { name: &self.name, language: self.lang, kind, folder: self.dir.as_deref() };
        let folder = new.write()?;
        let (language, program) = (self.lang.name(), output::program_from_anywhere());
        let (name, quoted) = (folder.display(), output::quoted(&folder.display().to_string()));
        output::say(&format!(
            "{name} has a plugin for {kind} in {language}. Next:\n  cd {quoted}\n  {program} plugin test"
        ));
        Ok(Answer::Yes)
    }
}

#[derive(Debug, Args)]
pub(super) struct Build {
    /// The plugin's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where the component goes; if left out, `build/NAME.wasm` in the folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    kept: Kept,
}

impl Build {
    fn run(self) -> anyhow::Result<Answer> {
        let built = build(&self.folder, self.out.as_deref(), &self.kept.tools()?)?;
        output::say(&summary(&built));
        Ok(Answer::Yes)
    }
}

/// Where build tools are kept.
#[derive(Debug, Args)]
struct Kept {
    /// Where the tools that build Python and JavaScript are kept; if left out, your cache folder
    #[arg(long, value_name = "DIR", env = "CADENZA_TOOLS")]
    tools: Option<PathBuf>,
}

impl Kept {
    fn tools(&self) -> anyhow::Result<Tools> {
        Tools::at(self.tools.as_deref())
    }
}

/// The plugin that a command is about.
#[derive(Debug, Args)]
struct Which {
    /// The plugin's folder, which is built first, or a component
    #[arg(value_name = "DIR|FILE.wasm", default_value = ".")]
    plugin: PathBuf,
    #[command(flatten)]
    kept: Kept,
}

impl Which {
    /// Loads the plugin. A message about building it goes to standard error, so that standard output has only the answer.
    fn load(&self) -> anyhow::Result<Subject> {
        if self.plugin.is_file() {
            return Subject::load(&self.plugin, self.kept.tools().ok().as_ref());
        }
        if !self.plugin.exists() {
            bail!("there is neither a folder nor a component {}", self.plugin.display());
        }
        let built = when_changed(&self.plugin, &self.kept.tools()?)?;
        output::complain(&summary(&built));
        Ok(built.subject)
    }

    /// Where its golden cases are: in `golden` in its folder, or in the folder of the project whose `build` folder
    /// contains the component.
    fn golden(&self) -> Option<PathBuf> {
        let folder = match self.plugin.is_file() {
            false if self.plugin == Path::new(".") => PathBuf::new(),
            false => self.plugin.clone(),
            true => {
                let file = self.plugin.canonicalize().ok()?;
                file.parent().filter(|folder| folder.ends_with("build")).and_then(Path::parent)?.to_owned()
            }
        };
        Some(folder.join("golden")).filter(|golden| golden.is_dir())
    }
}

fn summary(built: &Built) -> String {
    let subject = &built.subject;
    let how = match built.took {
        Some(took) => format!("from {} in {:.1} s", built.language.name(), took.as_secs_f64()),
        None => format!(
            "as it was built: nothing that goes into it has changed; `cadenza plugin build {}` builds it all the same",
            built.folder.display()
        ),
    };
    format!(
        "{} {how}\n  {}, imports {}, {}, digest {}",
        subject.file.display(),
        kinds(subject),
        imports(subject),
        bytes(subject.bytes as u64),
        subject.info.digest,
    )
}

fn kinds(subject: &Subject) -> String {
    subject.info.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" and ")
}

fn imports(subject: &Subject) -> String {
    match subject.imports() {
        [] => "nothing".to_owned(),
        imports => imports.join(", "),
    }
}

/// A size as people read it.
fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        few if few < 1_024.0 => format!("{few} B"),
        some if some < 1_048_576.0 => format!("{:.1} KiB", some / 1_024.0),
        many => format!("{:.1} MiB", many / 1_048_576.0),
    }
}

/// A number with its thousands separated.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn micros(took: Duration) -> f64 {
    took.as_nanos() as f64 / 1_000.0
}

/// Prints what was used of every budget.
fn tell_budgets(used: &Used, budgets: &Budgets) {
    for of in Resource::ALL {
        let (used, allowed) = (used.of(of), budgets.of(of));
        let share = percent(used as f64 / allowed.max(1) as f64);
        output::say(&format!("  {:<15}{:>12} of {:<12} {share}", of.as_str(), grouped(used), grouped(allowed)));
    }
}

/// A share as a percentage.
fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 { format!("{:.2} %", share * 100.0) } else { format!("{:.0} %", share * 100.0) }
}

/// What a JSON answer says about its plugin.
fn identity(subject: &Subject) -> serde_json::Value {
    json!({"name": subject.info.name, "version": subject.info.version, "digest": subject.info.digest})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_what_people_read() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([12, 2_048, 5_000_000].map(bytes), ["12 B", "2.0 KiB", "4.8 MiB"]);
        assert_eq!([0.0, 0.004, 0.5].map(percent), ["0 %", "0.40 %", "50 %"]);
    }
}
