//! `cadenza plugin list|show|push|promote|rollback|pause|resume|heal`: the builds of plugins in a running engine.

use crate::cli::Answer;
use crate::cli::client::query;
use crate::cli::remote::{Found, Listing, Remote, path, show};
use crate::say::{output, table};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Builds {
    /// List the plugins of a running engine: builds, use of budgets, failures
    List(List),
    /// Show one plugin: its builds, budgets and circuit, and what the build on trial would decide differently
    Show(Which),
    /// Load a build into a running engine, to be watched beside the live one or to decide for a share of the leads
    Push(Push),
    /// Make the build on trial the live one
    Promote(Meant),
    /// Drop the build on trial; if there is none, go back to the build before the live one
    Rollback(Meant),
    /// Ask a plugin nothing; runs that have to ask it wait, and lose nothing
    Pause(Which),
    /// Ask a paused plugin again
    Resume(Which),
    /// Ask a plugin that failed repeatedly again at once
    Heal(Which),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Which {
    /// The plugin's name
    name: String,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Meant {
    #[command(flatten)]
    which: Which,
    /// The build that is meant; any other is refused. If left out, the one that is there when the command begins
    #[arg(long)]
    digest: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Push {
    /// The component, as made by `cadenza plugin build`
    file: PathBuf,
    /// The plugin's name, if the file is not named after it
    #[arg(long)]
    name: Option<String>,
    /// Let it decide for this percentage of the leads, always the same ones; if left out, it is only watched
    #[arg(long, value_name = "PERCENT")]
    canary: Option<f64>,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Builds {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        match self {
            Self::List(list) => list.run()?,
            Self::Show(which) => which.run()?,
            Self::Push(push) => push.run()?,
            Self::Promote(meant) => meant.promote()?,
            Self::Rollback(meant) => meant.roll_back()?,
            Self::Pause(which) => which.act("/pause", |_| {
                format!("{} is paused: runs that have to ask it wait until it is resumed.", which.name)
            })?,
            Self::Resume(which) => which.act("/resume", |_| format!("{} is asked again.", which.name))?,
            Self::Heal(which) => which.act("/heal", |healed| {
                let healed: Vec<String> = healed["healed"].as_array().into_iter().flatten().map(build).collect();
                match healed.is_empty() {
                    true => format!("{} was asked all the while: there was nothing to heal.", which.name),
                    false => format!("{} is asked again: {}", which.name, healed.join(", ")),
                }
            })?,
        }
        Ok(Answer::Yes)
    }
}

impl List {
    fn run(self) -> anyhow::Result<()> {
        let mut plugins = self.remote.client()?.get("/v1/plugins")?;
        let items = plugins.as_array_mut().map(std::mem::take).unwrap_or_default();
        let columns = [
            ("NAME", "name"),
            ("LIVE", "digest"),
            ("VERSION", "version"),
            ("KINDS", "kinds"),
            ("DECISIONS", "use.decisions"),
            ("FAILED", "use.failed"),
            ("NOT ASKED", "use.outcomes.unavailable"),
            ("FUEL P99", "budgets.fuel.p99"),
            ("% OF BUDGET", "budgets.fuel.p99_percent"),
            ("TIME P99 µs", "budgets.time_us.p99"),
            ("CIRCUIT", "circuit.state"),
            ("PAUSED", "paused"),
            ("TRIED", "candidate.digest"),
            ("STAGE", "candidate.stage"),
            ("DIFFERENT", "candidate.differences.different"),
        ];
        show(Found::first(items, self.listing.limit), &self.listing, &columns, "There is no plugin.");
        Ok(())
    }
}

impl Which {
    /// Posts a request, and reports its result.
    fn act(&self, what: &str, say: impl FnOnce(&Value) -> String) -> anyhow::Result<()> {
        let done = self.remote.client()?.post(&path("/v1/plugins/", &self.name, what), None)?;
        self.tell(&done, || output::say(&say(&done)));
        Ok(())
    }

    /// Prints the answer, as JSON if requested, otherwise in words.
    fn tell(&self, done: &Value, say: impl FnOnce()) {
        if self.json { output::json(done) } else { say() }
    }

    fn run(self) -> anyhow::Result<()> {
        let plugin = self.plugin()?;
        self.tell(&plugin, || tell(&plugin));
        Ok(())
    }

    fn plugin(&self) -> anyhow::Result<Value> {
        Ok(self.remote.client()?.get(&path("/v1/plugins/", &self.name, ""))?)
    }
}

impl Meant {
    /// Acts on the build that is named or, if none is, on the present one.
    fn post(&self, what: &str, there: &Value) -> anyhow::Result<Value> {
        let digest = self.digest.as_deref().or_else(|| there.as_str());
        let body = digest.map(|digest| json!({"digest": digest}));
        let Which { name, remote, .. } = &self.which;
        Ok(remote.client()?.post(&path("/v1/plugins/", name, what), body.as_ref())?)
    }

    fn promote(&self) -> anyhow::Result<()> {
        let tried = self.which.plugin()?["candidate"].take();
        let of = |at: &str| tried["differences"][at].as_u64().unwrap_or_default();
        let (fails, asked, name) = (of("fails"), of("asked"), &self.which.name);
        if fails > 0 {
            output::complain(&format!(
                "It failed for {fails} of {asked} decisions while it was watched: `cadenza plugin show {name}` says why, \
                 `cadenza plugin rollback {name}` goes back.",
            ));
        }
        let plugin = self.post("/promote", &tried["digest"])?;
        self.which.tell(&plugin, || {
            output::say(&format!("{name} is live: {}", build(&plugin)));
            tell_warnings(&plugin);
        });
        Ok(())
    }

    fn roll_back(&self) -> anyhow::Result<()> {
        let plugin = self.which.plugin()?;
        let tried = &plugin["candidate"]["digest"];
        let done = self.post("/rollback", if tried.is_string() { tried } else { &plugin["digest"] })?;
        let (digest, name) = (table::cell(&done, "digest"), &self.which.name);
        let say = match done["done"].as_str() {
            Some("candidate_dropped") if done["plugin"].is_null() => {
                format!("{digest} is no longer tried, and nothing is left of {name}: no build of it ever decided.")
            }
            Some("candidate_dropped") => format!("{digest} is no longer tried; {} goes on.", build(&done["plugin"])),
            _ => format!("{name} is live again: {}", build(&done["plugin"])),
        };
        self.which.tell(&done, || output::say(&say));
        Ok(())
    }
}

impl Push {
    fn run(self) -> anyhow::Result<()> {
        let component = std::fs::read(&self.file).with_context(|| format!("`{}`", self.file.display()))?;
        let from_file = self.file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
        let name = self.name.or(from_file).context("give the plugin's name with --name")?;
        let canary = self.canary.map(|percent| percent.to_string());
        let address = path("/v1/plugins/", &name, &query(&[("canary", canary.as_deref())]));
        let plugin = self.remote.client()?.put_bytes(&address, component)?;
        if self.json {
            output::json(&plugin);
            return Ok(());
        }
        let candidate = &plugin["candidate"];
        output::say(&match candidate["stage"].as_str() {
            _ if !plugin["digest"].is_string() => format!(
                "{name} {} is kept, and decides nothing: no build of it is live yet, so there is nothing to compare it \
                 with. `cadenza plugin promote {name}` makes it live; then a workflow can name it.",
                build(candidate)
            ),
            Some("canary") => format!(
                "{name} {} decides for {} % of the leads; `cadenza plugin promote {name}` makes it live, `cadenza plugin \
                 rollback {name}` drops it.",
                build(candidate),
                table::cell(candidate, "share_percent")
            ),
            _ => format!(
                "{name} {} is watched beside the live build; `cadenza plugin show {name}` tells what it would decide \
                 otherwise, `cadenza plugin promote {name}` makes it live.",
                build(candidate)
            ),
        });
        tell_warnings(candidate);
        Ok(())
    }
}

/// Writes `0123456789abcdef (version 1.2.0)`.
fn build(plugin: &Value) -> String {
    format!("{} (version {})", table::cell(plugin, "digest"), table::cell(plugin, "version"))
}

fn tell(plugin: &Value) {
    let say = |text: String| output::say(&text);
    let name = table::cell(plugin, "name");
    if plugin["digest"].is_string() {
        say(format!("{name}: {}", table::cell(plugin, "summary")));
        say(format!(
            "live       {}, since {} by {}",
            build(plugin),
            table::cell(plugin, "since"),
            table::cell(plugin, "by")
        ));
        tell_build(plugin);
    } else {
        say(format!("{name}: no build is live yet"));
    }
    if plugin["paused"] == true {
        say("paused     it is asked nothing; runs that have to ask it wait".to_owned());
    }
    let candidate = &plugin["candidate"];
    if candidate.is_object() {
        let (stage, share) = (table::cell(candidate, "stage"), table::cell(candidate, "share_percent"));
        let how = if stage == "canary" { format!("canary, decides for {share} % of the leads") } else { stage };
        say(format!("\ntried      {}, {how}, since {}", build(candidate), table::cell(candidate, "since")));
        tell_build(candidate);
        if candidate["stage"] == "shadow" {
            tell_differences(&candidate["differences"]);
        }
    }
    for past in plugin["past"].as_array().into_iter().flatten() {
        say(format!(
            "before     {}, since {} by {}",
            table::cell(past, "digest"),
            table::cell(past, "since"),
            table::cell(past, "by")
        ));
    }
}

fn tell_build(build: &Value) {
    let used = &build["use"];
    output::say(&format!("  asked    {} times", table::cell(used, "decisions")));
    let outcomes = used["outcomes"].as_object().into_iter().flatten();
    let outcomes: Vec<String> = outcomes.map(|(outcome, count)| format!("{outcome} {count}")).collect();
    if !outcomes.is_empty() {
        output::say(&format!("  ended    {}", outcomes.join(", ")));
    }
    if let Some(last) = build["circuit"]["last_failure"].as_str() {
        output::say(&format!("  failed   {} times, the last time: {last}", table::cell(used, "failed")));
    }
    for (name, budget) in build["budgets"].as_object().into_iter().flatten() {
        let cell = |path: &str| table::cell(budget, path);
        output::say(&format!(
            "  {name:<15}p50 {}, p99 {}, max {} of {} ({} %)",
            cell("p50"),
            cell("p99"),
            cell("max"),
            cell("allowed"),
            cell("p99_percent"),
        ));
    }
    tell_warnings(build);
}

fn tell_warnings(build: &Value) {
    for warning in build["warnings"].as_array().into_iter().flatten() {
        output::say(&format!("  warning: {}", warning.as_str().unwrap_or_default()));
    }
}

fn tell_differences(differences: &Value) {
    if !differences.is_object() {
        return output::say("  nothing has been asked of both yet");
    }
    let cell = |path: &str| table::cell(differences, path);
    output::say(&format!(
        "  compared {} decisions, {} differ: other points {} (mean {:+.1}, at most {}), other reasons only {}, fails {}, \
         skipped {}",
        cell("asked"),
        cell("different"),
        cell("points"),
        differences["points_mean"].as_f64().unwrap_or_default(),
        cell("points_max"),
        cell("reasons"),
        cell("fails"),
        cell("skipped"),
    ));
    for (what, count) in differences["moves"].as_object().into_iter().flatten() {
        output::say(&format!("           {what}: {count}"));
    }
    for (why, count) in differences["failures"].as_object().into_iter().flatten() {
        output::say(&format!("           {why}: {count}"));
    }
    for example in differences["examples"].as_array().into_iter().flatten().take(10) {
        output::say(&format!(
            "           {}: {} -> {}",
            table::cell(example, "lead"),
            table::cell(example, "live"),
            table::cell(example, "shadow")
        ));
    }
}
