//! `cadenza test`: plays the cases of `*.test.yaml` in memory, and says in plain words which do not hold and what
//! happened instead.

use super::remote::{Remote, find_lead, path};
use super::{Answer, why};
use crate::say::{cases, counted, output, zone};
use anyhow::{Context as _, bail};
use cadenza_api::views::facts::Fact;
use cadenza_builds::{Library, Registry};
use cadenza_core::time::Timestamp;
use cadenza_language::cases::{Case, Suite};
use cadenza_language::{Diagnostic, Folder, Paint};
use cadenza_rehearsal::{Coverage, Past, Played, play_all, threads};
use cadenza_runtime::catalog::{Basis, Catalog, CatalogError};
use cadenza_runtime::clock::Clock;
use clap::{Args, ValueEnum};
use serde::Deserialize as _;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

#[derive(Debug, Args)]
pub(super) struct Test {
    /// The workspace folder
    #[arg(default_value = ".", env = "CADENZA_WORKSPACE")]
    folder: PathBuf,
    /// Only cases whose name, file or practice has this in it
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// Tell the whole story of each case, also of those that hold
    #[arg(long)]
    story: bool,
    /// List everything that no case visits; with `--case`, that none of those does
    #[arg(long)]
    coverage: bool,
    /// Play again whenever a file of the folder changes
    #[arg(long)]
    watch: bool,
    /// Print a test file of what a real lead lived through, masked: asks a running engine
    #[arg(long, value_name = "LEAD", conflicts_with_all = ["case", "story", "coverage", "watch"])]
    record: Option<String>,
    #[command(flatten)]
    remote: Remote,
    /// For people, or for CI
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The result of a folder's cases.
struct Report {
    /// What is wrong with files, and the files themselves.
    diagnostics: Vec<Diagnostic>,
    files: Folder,
    played: Vec<Played>,
    /// How many cases there are, including those that were not selected.
    cases: usize,
    /// Test files that have errors, or whose tables have errors.
    unplayed: Vec<String>,
    catalog: Option<Arc<Catalog>>,
    took: Duration,
}

impl Report {
    fn holds(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error) && self.played.iter().all(Played::holds)
    }
}

impl Test {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        if let Some(lead) = &self.record {
            return self.record(lead);
        }
        let library = Arc::new(Library::in_memory()?);
        if self.watch {
            return self.watch(&library);
        }
        let report = self.play(&library)?;
        if let Some(text) = self.names_nothing(&report) {
            bail!("{text}");
        }
        self.tell(&report);
        Ok(if report.holds() { Answer::Yes } else { Answer::No })
    }

    /// Makes a case from a lead's past.
    fn record(&self, lead: &str) -> anyhow::Result<Answer> {
        let client = self.remote.client()?;
        let lead = find_lead(&client, lead)?;
        let state = client.get(&path("/v1/leads/", &lead, ""))?;
        let (entries, zone) = why::entries(&client, &lead, true)?;
        let read = |entry: &serde_json::Value| -> anyhow::Result<(Timestamp, Vec<Fact>)> {
            let at = entry["at"].as_str().and_then(Timestamp::parse).context("an entry has no time")?;
            let facts = Vec::<Fact>::deserialize(&entry["facts"]);
            Ok((at, facts.context("the engine is of another version: its journal is not understood")?))
        };
        let text = |name: &str| state[name].as_str().map(str::to_owned);
        let entries: Vec<_> = entries.iter().map(read).collect::<anyhow::Result<_>>()?;
        let heard_of = entries.iter().flat_map(|(_, facts)| facts).filter_map(|fact| match fact {
            Fact::OfAccount { lead, .. } => Some(lead.clone()),
            _ => None,
        });
        let heard_of: BTreeSet<String> = heard_of.collect();
        // If a lead is gone, there is nothing left to mask.
        let known = |id: String| {
            let state = client.get(&path("/v1/leads/", &id, "")).ok()?;
            let fields = state["fields"].as_object()?.clone();
            Some((id, fields.into_iter().collect()))
        };
        // Whoever may not see them has fewer words in the file.
        let choices = client.get("/v1/intake").ok().and_then(|said| said["choices"].as_object().cloned());
        let choices = choices.into_iter().flatten().filter_map(|(_, words)| Vec::<String>::deserialize(words).ok());
        let past = Past {
            entries,
            choices: choices.flatten().collect(),
            colleagues: heard_of.into_iter().filter_map(known).collect(),
            stage: text("stage"),
            stage_own: text("stage_own"),
            segment: text("segment"),
            zone: zone::named(zone.as_deref()),
        };
        output::say(cadenza_rehearsal::record(&past)?.trim_end());
        Ok(Answer::Yes)
    }

    fn play(&self, library: &Arc<Library>) -> anyhow::Result<Report> {
        let began = Instant::now();
        let (registry, library) = (Registry::default(), Arc::clone(library));
        let basis = Basis { pinned: Arc::default(), registry, library, now: Clock::real() };
        let (diagnostics, files, played, cases, unplayed, catalog) = match Catalog::read(&self.folder, basis) {
            Err(CatalogError::Broken(diagnostics, folder)) => {
                (diagnostics, Folder::clone(&folder), Vec::new(), 0, Vec::new(), None)
            }
            Err(error) => return Err(error.into()),
            Ok(catalog) => {
                let catalog = Arc::new(catalog);
                let files = Folder::read_cases(&self.folder)?;
                let checked = cadenza_language::check_cases(&files, &catalog.workspace, catalog.plugins.as_ref());
                let all: Vec<(&Suite, &Case)> =
                    checked.suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case))).collect();
                let wanted: Vec<_> = all.iter().copied().filter(|(suite, case)| self.wants(suite, case)).collect();
                let played = play_all(&catalog, &wanted, threads())?;
                let is_played = |file: &str| checked.suites.iter().any(|suite| suite.file == file);
                let unplayed = files.files().map(|(file, _)| file).filter(|file| file.ends_with(".yaml"));
                let unplayed = unplayed.filter(|file| !is_played(file)).map(str::to_owned).collect();
                let cases = all.len();
                (checked.diagnostics, files, played, cases, unplayed, Some(catalog))
            }
        };
        Ok(Report { diagnostics, files, played, cases, unplayed, catalog, took: began.elapsed() })
    }

    /// The error for a `--case` that matches no case. Errors in files are reported first, because the case may be in
    /// one of those.
    fn names_nothing(&self, report: &Report) -> Option<String> {
        let text = self.case.as_ref()?;
        let is_meant = !report.played.is_empty() || report.diagnostics.iter().any(Diagnostic::is_error);
        let all = report.cases;
        (!is_meant).then(|| format!("no case of {all} has `{text}` in its name, file or practices"))
    }

    fn wants(&self, suite: &Suite, case: &Case) -> bool {
        let Some(text) = &self.case else { return true };
        let text = text.to_lowercase();
        let names = case.practices.iter().chain([&case.name, &suite.file]);
        names.into_iter().any(|name| name.to_lowercase().contains(&text))
    }

    fn tell(&self, report: &Report) {
        let coverage = report.catalog.as_ref().filter(|_| self.case.is_none() || self.coverage).map(|catalog| {
            let mut all = Coverage::default();
            report.played.iter().for_each(|played| all.add(played.coverage.clone()));
            all.report(catalog)
        });
        if self.format == Format::Json {
            return output::json(&json!({
                "holds": report.holds(),
                "diagnostics": report.diagnostics,
                "cases": report.played.iter().map(|played| {
                    let mut value = json!(played);
                    value["holds"] = json!(played.holds());
                    value
                }).collect::<Vec<_>>(),
                "coverage": coverage,
                "took_ms": u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
            }));
        }
        if !report.diagnostics.is_empty() {
            let paint = if std::io::stdout().is_terminal() { Paint::Coloured } else { Paint::Plain };
            output::say_painted(&cadenza_language::render(&report.diagnostics, &report.files, paint));
        }
        if report.catalog.is_none() {
            return output::say("The workspace has errors, so no case was played.");
        }
        for played in report.played.iter().filter(|played| self.story || !played.holds()) {
            output::say(&format!("{}\n", cases::told(played, self.story)));
        }
        if let Some(coverage) = coverage.filter(|_| !report.played.is_empty()) {
            output::say(&format!("{}\n", cases::coverage(&coverage, self.coverage)));
        }
        output::say(&self.summary(report));
    }

    fn summary(&self, report: &Report) -> String {
        let failed = report.played.iter().filter(|played| !played.holds()).count();
        let (played, files) =
            (report.played.len(), report.files.files().filter(|(file, _)| file.ends_with(".yaml")).count());
        if files == 0 {
            return "There is no test file: write one beside a workflow, such as `inbound.test.yaml`.".to_owned();
        }
        if let Some(text) = self.names_nothing(report) {
            return format!("Nothing was played: {text}.");
        }
        let seconds = report.took.as_secs_f64();
        let all = counted(report.cases, "case");
        let cases = if played == report.cases { all } else { format!("{played} of {all}") };
        let in_files = counted(files, "file");
        let unplayed = match report.unplayed.as_slice() {
            [] => String::new(),
            files => format!("; not played, because of errors: {}", files.join(", ")),
        };
        match failed {
            _ if played == 0 => format!("{cases} in {in_files}{unplayed} ({seconds:.2} s)."),
            0 => format!("{cases} in {in_files}: all hold{unplayed} ({seconds:.2} s)."),
            failed => {
                format!("{cases} in {in_files}: {} hold, {failed} failed{unplayed} ({seconds:.2} s).", played - failed)
            }
        }
    }

    /// Plays, waits for a change, and plays again, until somebody ends it.
    fn watch(&self, library: &Arc<Library>) -> anyhow::Result<Answer> {
        loop {
            let seen = changes(&self.folder);
            match self.play(library) {
                Ok(report) => self.tell(&report),
                Err(error) => output::complain(&format!("cadenza: {}", output::causes(error.as_ref()))),
            }
            output::complain("Waiting for a change of the folder; Ctrl-C ends.");
            while changes(&self.folder) == seen {
                std::thread::sleep(WATCH_EVERY);
            }
        }
    }
}

/// How often a watched folder is checked.
const WATCH_EVERY: Duration = Duration::from_millis(300);
/// How many levels of folders are watched.
const WATCH_DEEP_MAX: usize = 5;

/// The state of every file in a folder: when it was last written, and its size.
fn changes(folder: &Path) -> Vec<(PathBuf, Option<SystemTime>, u64)> {
    let mut files = Vec::new();
    note(folder, 0, &mut files);
    files.sort();
    files
}

fn note(folder: &Path, deep: usize, files: &mut Vec<(PathBuf, Option<SystemTime>, u64)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(about)) = (entry.path(), entry.metadata()) else { continue };
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        match about.is_dir() {
            true if deep < WATCH_DEEP_MAX => note(&path, deep + 1, files),
            true => {}
            false => files.push((path, about.modified().ok(), about.len())),
        }
    }
}
