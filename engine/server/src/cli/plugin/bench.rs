//! `cadenza plugin bench`: what decisions cost, and with `--profile` in which functions.

use super::{Which, grouped, identity, micros, percent, tell_budgets};
use crate::cli::Answer;
use crate::say::{counted, output, table};
use anyhow::bail;
use cadenza_kit::ask::{self, Question};
use cadenza_kit::bench::{Asked, Costs, measure, percentile};
use cadenza_kit::cases;
use cadenza_kit::generate::Generator;
use cadenza_kit::profile::{Profile, profile};
use cadenza_kit::subject::Subject;
use cadenza_sandbox::Resource;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// The most functions that a profile shows.
const FUNCTIONS_SHOWN: usize = 20;
/// How many leads are generated if there are no golden cases.
const GENERATED: u64 = 50;

#[derive(Debug, Args)]
pub(in crate::cli) struct Bench {
    #[command(flatten)]
    which: Which,
    /// The folder with golden cases, whose leads are decided about; if left out, `golden` beside the plugin
    #[arg(long, value_name = "DIR")]
    golden: Option<PathBuf>,
    /// How many calls are measured
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// Show in which functions the most expensive case spends its fuel
    #[arg(long)]
    profile: bool,
    /// As JSON, for other programs
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub(super) fn run(self) -> anyhow::Result<Answer> {
        let subject = self.which.load()?;
        subject.can_begin()?;
        let inputs = self.inputs(&subject)?;
        let costs = measure(&subject, &inputs, self.calls as usize)?;
        let profile = if self.profile { Some(profile(&subject, costliest(&subject, &inputs))?) } else { None };
        if self.json {
            output::json(&as_json(&subject, inputs.len(), &costs, profile.as_ref()));
            return Ok(Answer::Yes);
        }
        print(&subject, inputs.len(), &costs);
        if let Some(profile) = &profile {
            let fuel = grouped(profile.fuel);
            output::say(&format!("\nOne decision of {fuel} fuel, stopped at {} points", profile.stops));
            let columns = [("SELF", "self"), ("WITH CALLS", "inclusive"), ("FUNCTION", "function")];
            table::print(&columns, &parts(profile, percent_text), "Nothing could be seen.");
        }
        Ok(Answer::Yes)
    }

    /// The leads of golden cases, or generated ones if there are none.
    fn inputs(&self, subject: &Subject) -> anyhow::Result<Vec<Asked>> {
        if let Some(missing) = self.golden.as_ref().filter(|folder| !folder.is_dir()) {
            bail!("there is no folder {} with golden cases", missing.display());
        }
        let folder = self.golden.clone().or_else(|| self.which.golden());
        let golden = folder.map_or_else(|| Ok(Vec::new()), |folder| cases::read(&folder))?;
        let generator = Generator { subject, known: &[], seed: 1 };
        let of_golden = golden.iter().filter_map(|golden| {
            let kind = ask::kind(&subject.info, &golden.case).ok()?;
            Some((kind, golden.case.clone()))
        });
        let mut cases: Vec<_> = of_golden.collect();
        if cases.is_empty() {
            cases = (0..GENERATED).map(|number| generator.case(number)).collect();
        }
        let asked = cases.iter().filter_map(|(kind, case)| match ask::question(subject, *kind, case) {
            Ok(Question::Ask(input)) => Some((*kind, *input)),
            _ => None,
        });
        let asked: Vec<Asked> = asked.collect();
        if asked.is_empty() {
            bail!("no case can be asked: put golden cases into a folder `golden`, or name one with --golden");
        }
        Ok(asked)
    }
}

fn costliest<'a>(subject: &Subject, inputs: &'a [Asked]) -> &'a Asked {
    let fuel = |(kind, input): &&Asked| subject.sandbox.decide(subject.info.digest, *kind, input).cost.fuel;
    inputs.iter().max_by_key(fuel).expect("there is at least one input")
}

fn print(subject: &Subject, inputs: usize, costs: &Costs) {
    let info = &subject.info;
    let us = |took: Option<Duration>| took.map_or_else(|| "-".to_owned(), |took| format!("{:.1} µs", micros(took)));
    let fuel = |share| percentile(&costs.fuel, share).unwrap_or(0);
    let mut lines = vec![
        format!("{} {}: {}, {}", info.name, info.version, counted(inputs, "input"), counted(costs.calls, "call")),
        format!("  call       p50 {}  p99 {}", us(percentile(&costs.single, 0.5)), us(percentile(&costs.single, 0.99))),
    ];
    if let Some(half) = percentile(&costs.batch_per_lead, 0.5) {
        lines.push(format!("  in batches p50 {} a lead", us(Some(half))));
    }
    lines.push(format!("  first call {}", us(Some(costs.first))));
    lines.push(match subject.compile_time {
        Some(took) => format!("  compiling  {:.1} ms", micros(took) / 1_000.0),
        None => "  compiling  done before".to_owned(),
    });
    lines.push(format!(
        "  fuel       p50 {}  p99 {}, {} of the budget",
        grouped(fuel(0.5)),
        grouped(fuel(0.99)),
        percent(fuel(0.99) as f64 / info.fuel_budget.max(1) as f64)
    ));
    if costs.undecided > 0 {
        lines.push(format!("  {} of the inputs came to no decision", costs.undecided));
    }
    output::say(&lines.join("\n"));
    output::say("at most");
    tell_budgets(&costs.most, subject.budgets());
}

fn percent_text(share: f64) -> Value {
    Value::from(format!("{:.1} %", share * 100.0))
}

fn parts(profile: &Profile, show: impl Fn(f64) -> Value) -> Vec<Value> {
    let share = |stops: usize| stops as f64 / profile.stops.max(1) as f64;
    let row = |part: &cadenza_kit::profile::Part| json!({"self": show(share(part.own)), "inclusive": show(share(part.inclusive)), "function": part.function});
    profile.parts.iter().take(FUNCTIONS_SHOWN).map(row).collect()
}

fn as_json(subject: &Subject, inputs: usize, costs: &Costs, profile: Option<&Profile>) -> Value {
    let us = |sorted: &[Duration], share| percentile(sorted, share).map(micros);
    let budgets = subject.budgets();
    json!({
        "plugin": identity(subject),
        "inputs": inputs, "calls": costs.calls, "undecided": costs.undecided,
        "call_us": {"p50": us(&costs.single, 0.5), "p99": us(&costs.single, 0.99)},
        "batch_per_lead_us": {"p50": us(&costs.batch_per_lead, 0.5)},
        "first_call_us": micros(costs.first), "compile_ms": subject.compile_time.map(|took| micros(took) / 1_000.0),
        "fuel": {
            "p50": percentile(&costs.fuel, 0.5), "p99": percentile(&costs.fuel, 0.99), "max": costs.fuel.last(),
        },
        "budgets": Resource::ALL.into_iter().map(|of| {
            (of.as_str().to_owned(), json!({"max": costs.most.of(of), "allowed": budgets.of(of)}))
        }).collect::<serde_json::Map<_, _>>(),
        "profile": profile.map(|profile| json!({
            "fuel": profile.fuel, "stops": profile.stops, "functions": parts(profile, Value::from),
        })),
    })
}
