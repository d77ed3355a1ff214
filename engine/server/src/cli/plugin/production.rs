//! `cadenza plugin test --from-production`: gives real inputs of a running engine to a build, shows what would change,
//! and makes golden cases from them without anybody's data.

use super::{grouped, percent};
use crate::cli::Answer;
use crate::cli::client::query;
use crate::cli::remote::{Remote, fetch};
use crate::say::{counted, output};
use anyhow::{Context as _, bail};
use cadenza_builds::decision::DecisionView;
use cadenza_core::plugin::Decision;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_kit::mask::masked;
use cadenza_kit::production::{Asked, Replay};
use cadenza_kit::subject::Subject;
use cadenza_kit::{answer, paste, recorded};
use cadenza_sandbox::{BudgetOverrides, Resource};
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The most failures that are shown, the most frequent first.
const FAILURES_SHOWN: usize = 5;
/// The most examples that are shown.
const EXAMPLES_SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(in crate::cli) struct Production {
    /// Put decisions that a running engine made to this build, and show what would change
    #[arg(long, conflicts_with_all = ["csv", "watch"])]
    from_production: bool,
    /// Decisions of this many past days
    #[arg(long, default_value_t = 30, requires = "from_production")]
    days: u32,
    /// The most decisions
    #[arg(long, default_value_t = 10_000, requires = "from_production")]
    decisions: usize,
    /// Write golden cases made from them into this folder, with personal data masked
    #[arg(long, value_name = "DIR", requires = "from_production")]
    export: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

impl Production {
    pub(super) const fn is_asked_for(&self) -> bool {
        self.from_production
    }

    pub(super) fn run(&self, subject: &Subject) -> anyhow::Result<Answer> {
        let taken = self.fetch(&subject.info.name)?;
        if taken.is_empty() {
            bail!("`{}` took no decision there in the last {} days", subject.info.name, self.days);
        }
        let subject = &subject.within(self.budget(&subject.info.name)?)?;
        subject.can_begin()?;
        let mut replay = Replay::default();
        let mut cases = Cases::default();
        for taken in &taken {
            if let Some(asked) = replay.add(subject, taken) {
                cases.add(subject, &asked);
            }
        }
        tell(subject, &replay, taken.len());
        if let Some(folder) = &self.export {
            cases.write(folder)?;
        }
        Ok(if replay.tally.different == 0 { Answer::Yes } else { Answer::No })
    }

    /// The budgets that the engine's workspace grants the plugin, which replace those that the plugin asks for.
    fn budget(&self, plugin: &str) -> anyhow::Result<BudgetOverrides> {
        let plugins = self.remote.client()?.get("/v1/plugins")?;
        let plugin = plugins.as_array().into_iter().flatten().find(|found| found["name"] == plugin);
        let build = plugin.map(|plugin| if plugin["digest"].is_string() { plugin } else { &plugin["candidate"] });
        let mut overrides = BudgetOverrides::default();
        for of in Resource::ALL {
            let budget = build.map(|build| &build["budgets"][of.as_str()]);
            if let Some(budget) = budget.filter(|budget| budget["set_by_workspace"] == true) {
                overrides.set(of, budget["allowed"].as_u64().context("the engine tells budgets in another way")?);
            }
        }
        Ok(overrides)
    }

    fn fetch(&self, plugin: &str) -> anyhow::Result<Vec<DecisionView>> {
        let client = self.remote.client()?;
        // The engine's clock, which may differ from ours.
        let clock = client.get(&format!("/v1/clock{}", query(&[])))?;
        let now = clock["now"].as_str().and_then(Timestamp::parse).context("the engine does not tell its time")?;
        // Day by day from the newest, because the engine lists the oldest first.
        let (mut taken, mut until) = (Vec::new(), now);
        for _ in 0..self.days {
            let from = until.plus_ms(-DAY_MS);
            let (after, before) = (from.plus_ms(1).to_string(), until.to_string());
            let filters = [("plugin", Some(plugin)), ("from", Some(after.as_str())), ("until", Some(before.as_str()))];
            let found = fetch(&client, "/v1/decisions", &filters, self.decisions - taken.len())?;
            let is_cut = found.more;
            taken.extend(found.into_items());
            if is_cut {
                output::complain(&format!(
                    "There are more than {} decisions: these are the newest, without those after the first of the day \
                     before {until}. Name more with --decisions, or fewer days.",
                    self.decisions
                ));
                break;
            }
            until = from;
        }
        let read = |item| serde_json::from_value(item).context("the engine tells decisions in another way");
        taken.into_iter().map(read).collect()
    }
}

fn tell(subject: &Subject, replay: &Replay, count: usize) {
    let tally = &replay.tally;
    output::say(&format!(
        "{} {} ({}) on {}:",
        subject.info.name,
        subject.info.version,
        subject.info.digest,
        counted(count, "real decision")
    ));
    let share = percent(tally.different as f64 / tally.asked.max(1) as f64);
    output::say(&format!("  {} of {} would come out differently ({share})", tally.different, tally.asked));
    for (what, count) in &tally.moves {
        output::say(&format!("    {what}: {count}"));
    }
    if tally.points > 0 {
        let mean = tally.points_sum as f64 / tally.points as f64;
        output::say(&format!("    other points: {} (mean {mean:+.1}, at most {:+})", tally.points, tally.points_max));
    }
    for (what, count) in [
        ("other reasons only", tally.reasons),
        ("would fail or be refused", tally.fails),
        ("failed then and would not now", tally.fails_live),
    ] {
        if count > 0 {
            output::say(&format!("    {what}: {count}"));
        }
    }
    let mut failures: Vec<_> = replay.failures.iter().collect();
    failures.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (why, count) in failures.iter().take(FAILURES_SHOWN) {
        output::say(&format!("    {why}: {count}"));
    }
    for example in tally.examples.iter().rev().take(EXAMPLES_SHOWN) {
        output::say(&format!("    {}: {} -> {}", example.lead, example.live, example.shadow));
    }
    output::say(&format!("  at most {} fuel of {}", grouped(replay.fuel_max), grouped(subject.info.fuel_budget)));
    for (what, counts) in [
        ("reads what was not recorded, or less of it: blank here", &replay.not_recorded),
        ("does not take a parameter that is set", &replay.not_taken),
        ("was not asked", &replay.not_asked),
    ] {
        for (which, count) in counts {
            output::say(&format!("  {what}: {which} ({count} times)"));
        }
    }
}

/// Cases worth keeping: one for each outcome and set of rules.
#[derive(Default)]
struct Cases {
    kinds_seen: BTreeSet<String>,
    yaml: Vec<String>,
    /// Cases that would come out differently without the data that was masked.
    changed: usize,
}

impl Cases {
    fn add(&mut self, subject: &Subject, asked: &Asked) {
        let Ok(decision) = &asked.decided.answer else { return };
        if !self.kinds_seen.insert(shape(decision)) {
            return;
        }
        let input = masked(&asked.input, &asked.reads.fields);
        let decided = subject.sandbox.decide(subject.info.digest, asked.kind, &input);
        let same = decided.answer.as_ref().is_ok_and(|decided| shape(decided) == shape(decision));
        let Ok(expect) = answer::expected(&subject.info, &decided.answer) else { return };
        if !same {
            self.changed += 1;
            return;
        }
        let name = format!("Real decision {}", self.yaml.len() + 1);
        let case = recorded::case(&subject.info, &name, &input, &asked.reads.fields);
        self.yaml.push(paste::yaml_with(&case, &expect));
    }

    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        let file = folder.join("production.yaml");
        let head = "# What real decisions were asked, masked, by `cadenza plugin test --from-production`. What is expected is what the\n\
                    # build that was tested answers: look through it before you keep it.\n";
        std::fs::write(&file, format!("{head}{}\n", self.yaml.join("\n")))
            .with_context(|| format!("{} cannot be written", file.display()))?;
        let left_out = match self.changed {
            0 => String::new(),
            changed => format!("; {changed} left out, which come out otherwise once masked"),
        };
        output::say(&format!("{} in {}{left_out}", counted(self.yaml.len(), "case"), file.display()));
        Ok(())
    }
}

/// The result of a decision, and the rules behind it.
fn shape(decision: &Decision) -> String {
    let rules: BTreeSet<(u16, i32)> = decision.reasons().iter().map(|reason| (reason.rule, reason.points)).collect();
    match decision {
        Decision::Score { points, segment, .. } => format!("{points} {segment} {rules:?}"),
        Decision::Track { track, .. } => format!("{track} {rules:?}"),
        Decision::Escalate { action, .. } => format!("{action} {rules:?}"),
    }
}
