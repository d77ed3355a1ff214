//! `cadenza plugin test`: golden cases and properties in the real sandbox, once or whenever a file changes.

use super::{Which, grouped, kinds, past, production, tell_budgets};
use crate::cli::Answer;
use crate::say::{counted, output};
use anyhow::bail;
use cadenza_kit::cases::{self, Golden};
use cadenza_kit::paste;
use cadenza_kit::properties::{Broken, Checker, Property, Report};
use cadenza_kit::subject::Subject;
use cadenza_kit::watch::Files;
use cadenza_sandbox::{NEAR_PERCENT, Used};
use clap::Args;
use std::path::PathBuf;

/// How many of the shortest cases are shown for each property that does not hold; the rest are counted.
const BROKEN_SHOWN: usize = 2;

#[derive(Debug, Args)]
pub(in crate::cli) struct Test {
    #[command(flatten)]
    which: Which,
    /// The folder with golden cases; if left out, `golden` beside the plugin
    #[arg(long, value_name = "DIR")]
    golden: Option<PathBuf>,
    /// Test again whenever a file of the plugin changes
    #[arg(long, conflicts_with = "csv")]
    watch: bool,
    /// The seed of the generated leads
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many leads are generated
    #[arg(long, default_value_t = 200)]
    cases: u64,
    #[command(flatten)]
    past: past::PastLeads,
    #[command(flatten)]
    production: production::Production,
}

impl Test {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        if self.past.is_asked_for() {
            return self.past.run(&self.which.load()?);
        }
        if self.production.is_asked_for() {
            return self.production.run(&self.which.load()?);
        }
        if !self.watch {
            return self.once();
        }
        let folder = self.which.plugin.clone();
        if !folder.is_dir() {
            bail!("--watch is for a folder, which {} is not", folder.display());
        }
        loop {
            let files = Files::below(&folder);
            if let Err(error) = self.once() {
                output::complain(&format!("cadenza: {}", output::causes(error.as_ref())));
            }
            output::say(&format!("\nWaiting for a change in {}; Ctrl-C ends it.\n", folder.display()));
            files.wait_for_change(&folder);
        }
    }

    fn once(&self) -> anyhow::Result<Answer> {
        let subject = self.which.load()?;
        subject.can_begin()?;
        let golden = self.golden()?;
        output::say(&format!("{} {} ({})", subject.info.name, subject.info.version, kinds(&subject)));
        let (golden_holds, golden_most) = run_golden(&subject, &golden);
        let report = Checker::new(&subject)?.run(&golden, self.seed, self.cases);
        let properties_hold = tell_properties(&subject, &report, self.seed);
        tell_use(&subject, &golden_most.most(&report.most));
        Ok(if golden_holds && properties_hold { Answer::Yes } else { Answer::No })
    }

    fn golden(&self) -> anyhow::Result<Vec<Golden>> {
        let Some(named) = &self.golden else {
            return self.which.golden().map_or_else(|| Ok(Vec::new()), |folder| cases::read(&folder));
        };
        if !named.is_dir() {
            bail!("there is no folder {} with golden cases", named.display());
        }
        let cases = cases::read(named)?;
        if cases.is_empty() {
            bail!("there is no case in {}: put YAML files there", named.display());
        }
        Ok(cases)
    }
}

fn run_golden(subject: &Subject, golden: &[Golden]) -> (bool, Used) {
    if golden.is_empty() {
        output::say("\nThere are no golden cases: put YAML files into a folder `golden`, or name one with --golden.");
        return (true, Used::default());
    }
    let (mut wrong, mut most) = (0, Used::default());
    for case in golden {
        let outcome = cases::run(subject, case);
        if let Some(what) = &outcome.wrong {
            wrong += 1;
            output::say(&format!("\n{what}"));
        }
        tell_log(&case.case.case, &outcome.log);
        warn_near_budget(subject, &case.error(""), &outcome.used);
        most = most.most(&outcome.used);
    }
    let all = counted(golden.len(), "golden case");
    match wrong {
        0 => output::say(&format!("\n{all}: {}", if golden.len() == 1 { "it holds" } else { "all hold" })),
        wrong => output::say(&format!("\n{all}: {wrong} come{} out wrong", if wrong == 1 { "s" } else { "" })),
    }
    (wrong == 0, most)
}

fn tell_log(case: &str, log: &[String]) {
    if !log.is_empty() {
        let lines: Vec<String> = log.iter().map(|line| format!("    {line}")).collect();
        output::say(&format!("  `{case}` logs:\n{}", lines.join("\n")));
    }
}

/// Warns of a case that is within its budget today but may exceed it with a longer text.
fn warn_near_budget(subject: &Subject, place: &str, used: &Used) {
    let budgets = subject.budgets();
    for of in used.near(budgets) {
        let (name, used, allowed) = (of.as_str(), grouped(used.of(of)), grouped(budgets.of(of)));
        output::say(&format!("{place}warning: {name} {used}, more than {NEAR_PERCENT} % of the budget of {allowed}"));
    }
}

fn tell_properties(subject: &Subject, report: &Report, seed: u64) -> bool {
    let checked = counted(report.checked, "lead");
    let refused = if report.refused > 0 { format!(", {} refused", report.refused) } else { String::new() };
    if report.broken.is_empty() {
        output::say(&format!("{checked}, golden and generated (--seed {seed}){refused}: every property holds"));
        return true;
    }
    for property in Property::ALL {
        let broken = report.broken.iter().filter(|broken| broken.property == property);
        let yaml = |broken: &Broken| paste::yaml(&broken.case, broken.kind, &subject.info.kinds);
        let mut broken: Vec<(String, &Broken)> = broken.map(|broken| (yaml(broken), broken)).collect();
        if broken.is_empty() {
            continue;
        }
        output::say(&format!("\nThis does not hold for {}: {}.", counted(broken.len(), "lead"), property.sentence()));
        // Several leads may result in the same case, except for its name.
        let unnamed = |yaml: &str| yaml.split_once('\n').map(|(_, rest)| (rest.len(), rest.to_owned()));
        broken.sort_by_cached_key(|(yaml, _)| unnamed(yaml));
        broken.dedup_by_key(|(yaml, _)| unnamed(yaml));
        for (yaml, broken) in broken.into_iter().take(BROKEN_SHOWN) {
            output::say(&format!("\n  {}\n  as a golden case:\n{yaml}", broken.what));
            tell_log(&broken.case.case, &broken.log);
        }
    }
    output::say(&format!("\n{checked}, golden and generated (--seed {seed}){refused}: properties do not hold"));
    false
}

fn tell_use(subject: &Subject, most: &Used) {
    output::say("\nat most");
    tell_budgets(most, subject.budgets());
    warn_near_budget(subject, "", most);
}
