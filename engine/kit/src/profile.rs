//! In which functions a decision spends its fuel. The same input is decided with growing fuel budgets; the function
//! in which it runs out of fuel is the one that was running. Fuel is deterministic, so the same profile results
//! every time, on every machine.

use super::bench::Asked;
use super::subject::Subject;
use cadenza_builds::names::readable;
use cadenza_sandbox::BudgetOverrides;
use std::collections::{BTreeMap, BTreeSet};

/// How many stops a profile is made of.
const STOPS: u64 = 1_000;

/// A function's part of the fuel.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub function: String,
    /// Stops in the function itself.
    pub own: usize,
    /// Stops in it or in what it called.
    pub inclusive: usize,
}

/// Where the fuel of one decision goes.
#[derive(Debug)]
pub struct Profile {
    /// The fuel of the decision.
    pub fuel: u64,
    /// At how many points it was stopped.
    pub stops: usize,
    /// The functions, the one with the most stops of its own first.
    pub parts: Vec<Part>,
}

/// Profiles one decision.
pub fn profile(subject: &Subject, (kind, input): &Asked) -> anyhow::Result<Profile> {
    let digest = subject.info.digest;
    let fuel = subject.sandbox.decide(digest, *kind, input).cost.fuel;
    let mut sandbox = subject.another_sandbox()?;
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    let mut stops = 0;
    for stop in 0..STOPS.min(fuel) {
        let budget = BudgetOverrides { fuel: Some(1 + stop * fuel / STOPS.min(fuel)), ..BudgetOverrides::default() };
        sandbox.set_budget(digest, budget);
        let backtrace = sandbox.decide(digest, *kind, input).backtrace;
        let names: Vec<String> = backtrace.iter().map(|name| readable(name)).collect();
        let Some(innermost) = names.first() else { continue };
        stops += 1;
        part(&mut parts, innermost).own += 1;
        // A function that calls itself is in the backtrace several times.
        for name in names.iter().collect::<BTreeSet<_>>() {
            part(&mut parts, name).inclusive += 1;
        }
    }
    let mut parts: Vec<Part> = parts.into_values().collect();
    parts.sort_by(|a, b| (b.own, b.inclusive, &a.function).cmp(&(a.own, a.inclusive, &b.function)));
    Ok(Profile { fuel, stops, parts })
}

fn part<'a>(parts: &'a mut BTreeMap<String, Part>, function: &str) -> &'a mut Part {
    parts.entry(function.to_owned()).or_insert_with(|| Part { function: function.to_owned(), ..Part::default() })
}
