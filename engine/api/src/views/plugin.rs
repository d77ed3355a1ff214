//! A plugin as the API shows it: what it says of itself, which of its builds decide or are on
//! trial, and how they are doing.

use crate::json;
use cadenza_builds::health::{BuildHealth, Health, Outcome};
use cadenza_builds::shadow::{Example, Tally};
use cadenza_builds::{ComponentHash, Versions};
use cadenza_core::id::Digest;
use cadenza_core::plugin::{DecisionKind, PluginInfo};
use cadenza_core::time::Timestamp;
use cadenza_core::value::ValueType;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::clock::Clock;
use cadenza_sandbox::{BudgetOverrides, Budgets, HostLimits, NEAR_PERCENT, Resource};
use serde::Serialize;
use std::collections::BTreeMap;

/// A plugin as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct PluginView {
    name: String,
    /// While it is paused it is asked nothing, and whoever has to ask it waits.
    paused: bool,
    /// The build that decides; `None` while the first one is on trial.
    #[serde(flatten)]
    live: Option<BuildView>,
    /// The build on trial.
    candidate: Option<CandidateView>,
    /// Builds that were live before, the latest first. A rollback goes back one by one.
    past: Vec<PastView>,
}

/// A build that decides or is on trial.
#[derive(Debug, Serialize)]
pub(crate) struct BuildView {
    digest: Digest,
    /// The SHA-256 of its component.
    component: ComponentHash,
    version: String,
    summary: String,
    kinds: Vec<DecisionKind>,
    parameters: Vec<ParameterView>,
    rules: Vec<RuleView>,
    tracks: Vec<String>,
    since: Timestamp,
    by: String,
    /// Its decisions since the engine started.
    #[serde(rename = "use")]
    used: UseView,
    /// For each budget, what a decision may use and what its decisions used.
    budgets: BTreeMap<&'static str, BudgetView>,
    circuit: CircuitView,
    /// What an operator should look at.
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CandidateView {
    /// `shadow`: only watched; `canary`: decides for a share of the leads.
    stage: &'static str,
    share_percent: f64,
    #[serde(flatten)]
    build: Option<BuildView>,
    /// How its decisions differ from those of the live build.
    differences: Option<DifferencesView>,
}

#[derive(Debug, Serialize)]
struct PastView {
    digest: Digest,
    component: ComponentHash,
    since: Timestamp,
    by: String,
}

#[derive(Debug, Serialize)]
struct UseView {
    decisions: u64,
    /// How many decisions ended in each way, without ways that did not occur.
    outcomes: BTreeMap<&'static str, u64>,
    /// Failures of the build: without those that decided or refused, and those that were never put to it.
    failed: u64,
    log_lines: u64,
}

#[derive(Debug, Serialize)]
struct BudgetView {
    allowed: u64,
    /// Whether it is set under `plugins` in cadenza.yaml. Otherwise it is what the plugin asks
    /// for, or the engine's default.
    set_by_workspace: bool,
    p50: u64,
    p99: u64,
    max: u64,
    /// The percentage of what is allowed, at the 99th percentile.
    p99_percent: f64,
    /// Decisions that used more than 80 %.
    near: u64,
}

#[derive(Debug, Serialize)]
struct CircuitView {
    /// `closed`: it is asked; `open`: it failed repeatedly, and is not asked.
    state: &'static str,
    open_until: Option<Timestamp>,
    failures_in_a_row: u32,
    last_failure: Option<String>,
}

#[derive(Debug, Serialize)]
struct DifferencesView {
    asked: u64,
    different: u64,
    /// Decisions with other points; with the mean and the largest difference, watched minus live.
    points: u64,
    points_mean: f64,
    points_max: i32,
    /// Decisions that differ only in their reasons.
    reasons: u64,
    /// Decisions with another segment, track or action.
    moves: BTreeMap<String, u64>,
    fails: u64,
    fails_live: u64,
    skipped: u64,
    /// Why the watched build failed or refused, without its own words, and how often.
    failures: BTreeMap<String, u64>,
    examples: Vec<Example>,
}

#[derive(Debug, Serialize)]
struct ParameterView {
    name: String,
    #[serde(rename = "type")]
    kind: ValueType,
    summary: String,
    default: serde_json::Value,
    minimum: Option<f64>,
    maximum: Option<f64>,
}

#[derive(Debug, Serialize)]
struct RuleView {
    id: u16,
    name: String,
    text: String,
}

/// Where a build came from.
struct Origin<'a> {
    hash: ComponentHash,
    since: Timestamp,
    by: &'a str,
}

/// What a view is made of.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) health: &'a Health,
    pub(crate) tallies: &'a BTreeMap<String, Tally>,
    /// The most differences that are shown one by one.
    pub(crate) examples_max: usize,
}

impl PluginView {
    pub(crate) fn new(name: &str, versions: &Versions, seen: Seen<'_>) -> Self {
        let catalog = seen.catalog;
        let live = versions.live.as_ref().zip(catalog.plugins.infos().get(name)).map(|(live, info)| {
            BuildView::new(info, &Origin { hash: live.hash, since: live.since, by: &live.by }, seen)
        });
        let candidate = versions.candidate.as_ref().map(|trial| {
            let origin = Origin { hash: trial.hash, since: trial.since, by: &trial.by };
            let tally = seen.tallies.get(name).filter(|tally| tally.shadow == Some(trial.hash.digest()));
            CandidateView {
                stage: if trial.share_permille == 0 { "shadow" } else { "canary" },
                share_percent: f64::from(trial.share_permille) / 10.0,
                build: catalog.plugins.candidate(name).map(|info| BuildView::new(info, &origin, seen)),
                differences: tally.map(|tally| DifferencesView::new(tally, seen.examples_max)),
            }
        });
        let past = versions.past.iter().rev().map(|past| PastView {
            digest: past.hash.digest(),
            component: past.hash,
            since: past.since,
            by: past.by.clone(),
        });
        let paused = catalog.brakes.paused.plugins.contains(name);
        Self { name: name.to_owned(), paused, live, candidate, past: past.collect() }
    }
}

impl BuildView {
    fn new(info: &PluginInfo, origin: &Origin<'_>, seen: Seen<'_>) -> Self {
        let health = seen.health.of(info.digest);
        let budgets = seen.catalog.plugins.budgets(info.digest);
        let budgets: BTreeMap<_, _> =
            budgets.into_iter().flat_map(|(budgets, set)| all_budgets(&health, &budgets, &set)).collect();
        let circuit = CircuitView::new(&health);
        Self {
            digest: info.digest,
            component: origin.hash,
            version: info.version.clone(),
            summary: info.summary.clone(),
            kinds: info.kinds.clone(),
            parameters: info.parameters.iter().map(ParameterView::from).collect(),
            rules: info
                .rules
                .iter()
                .map(|rule| RuleView { id: rule.id, name: rule.name.clone(), text: rule.text.clone() })
                .collect(),
            tracks: info.tracks.clone(),
            since: origin.since,
            by: origin.by.to_owned(),
            warnings: warnings(&health, &budgets, seen.catalog.library.limits(), &circuit)
                .into_iter()
                .chain(seen.catalog.misfits(Some(info.digest)))
                .collect(),
            used: UseView::new(&health),
            budgets,
            circuit,
        }
    }
}

fn all_budgets(
    health: &BuildHealth,
    budgets: &Budgets,
    set: &BudgetOverrides,
) -> [(&'static str, BudgetView); Resource::ALL.len()] {
    Resource::ALL.map(|resource| {
        let (used, allowed) = (health.used(resource), budgets.of(resource));
        let (p50, p99) = (used.spread.percentile(50), used.spread.percentile(99));
        let p99_percent = (p99 as f64 * 1_000.0 / allowed.max(1) as f64).round() / 10.0;
        let view = BudgetView {
            allowed,
            set_by_workspace: set.of(resource).is_some(),
            p50,
            p99,
            max: used.spread.max(),
            p99_percent,
            near: used.near.get(),
        };
        (resource.as_str(), view)
    })
}

fn warnings(
    health: &BuildHealth,
    budgets: &BTreeMap<&str, BudgetView>,
    limits: &HostLimits,
    circuit: &CircuitView,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let most = Budgets::most(limits);
    let known = |of: Resource| Some((of, budgets.get(of.as_str())?));
    for (of, budget) in health.near_lately().filter_map(known) {
        let what = if budget.allowed < most.of(of) {
            format!("raise `{}` under `plugins` in cadenza.yaml, or make the plugin leaner", of.setting())
        } else {
            "the engine grants no plugin more: make it leaner".to_owned()
        };
        warnings.push(format!(
            "{} of {} decisions used more than {NEAR_PERCENT} % of the budget {}, at most {} of {}: {what}",
            budget.near,
            health.asked(),
            of.as_str(),
            budget.max,
            budget.allowed,
        ));
    }
    // What the workspace sets may fit exactly.
    let parts = Resource::ALL.into_iter().filter(|of| of.is_fixed()).filter_map(known);
    for (of, budget) in parts.filter(|(_, budget)| !budget.set_by_workspace) {
        if budget.max * 100 > budget.allowed * NEAR_PERCENT {
            warnings.push(format!(
                "it is made of {} {}, more than {NEAR_PERCENT} % of the {} that the engine takes",
                budget.max,
                of.as_str(),
                budget.allowed
            ));
        }
    }
    // For the other budgets, a decision may use slightly more than it is allowed before it is stopped.
    let lowered = [Resource::Fuel, Resource::Memory].into_iter().filter_map(known);
    for (of, budget) in lowered.filter(|(_, budget)| budget.p99 > budget.allowed) {
        warnings.push(format!(
            "decisions used up to {} {} at the 99th percentile before no more than {} were allowed: raise `{}` under \
             `plugins` in cadenza.yaml, or some of them fail",
            budget.p99,
            of.as_str(),
            budget.allowed,
            of.setting()
        ));
    }
    if circuit.state == "open" {
        let last = circuit.last_failure.as_deref().unwrap_or("it failed");
        warnings.push(format!(
            "it failed {} times in a row and is not asked for {} s more, the last time: {last}; `cadenza plugin heal` asks it \
             again at once",
            circuit.failures_in_a_row,
            circuit.open_until.map_or(0, |until| (until.as_ms() - Clock::real().as_ms()).max(0) / 1_000)
        ));
    }
    warnings
}

impl UseView {
    fn new(health: &BuildHealth) -> Self {
        let count = |outcome: Outcome| health.outcomes[outcome as usize].get();
        let outcomes = Outcome::ALL.into_iter().map(|outcome| (outcome.as_str(), count(outcome)));
        Self {
            decisions: health.decisions.get(),
            outcomes: outcomes.filter(|(_, count)| *count > 0).collect(),
            failed: Outcome::ALL.into_iter().filter(|outcome| outcome.is_failure()).map(count).sum(),
            log_lines: health.log_lines.get(),
        }
    }
}

impl CircuitView {
    fn new(health: &BuildHealth) -> Self {
        let circuit = health.circuit();
        Self {
            state: if circuit.open_until.is_some() { "open" } else { "closed" },
            open_until: circuit.open_until,
            failures_in_a_row: circuit.streak,
            last_failure: circuit.last_failure,
        }
    }
}

impl DifferencesView {
    fn new(tally: &Tally, examples_max: usize) -> Self {
        Self {
            asked: tally.asked,
            different: tally.different,
            points: tally.points,
            points_mean: if tally.points == 0 { 0.0 } else { tally.points_sum as f64 / tally.points as f64 },
            points_max: tally.points_max,
            reasons: tally.reasons,
            moves: tally.moves.clone(),
            fails: tally.fails,
            fails_live: tally.fails_live,
            skipped: tally.skipped,
            failures: tally.failures.clone(),
            examples: tally.examples.iter().rev().take(examples_max).cloned().collect(),
        }
    }
}

impl From<&cadenza_core::plugin::ParameterInfo> for ParameterView {
    fn from(parameter: &cadenza_core::plugin::ParameterInfo) -> Self {
        Self {
            name: parameter.name.clone(),
            kind: parameter.kind,
            summary: parameter.summary.clone(),
            default: json::show(&parameter.default),
            minimum: parameter.minimum,
            maximum: parameter.maximum,
        }
    }
}
