//! A plugin as the API shows it: what it says of itself, which of its builds decide and are tried, and how they do.

use crate::catalog::Catalog;
use crate::json;
use crate::meters::Meter;
use crate::plugins::health::{BUDGETS, BuildHealth, Health, Outcome, WARN_PERCENT};
use crate::plugins::shadow::{Example, Tally};
use crate::plugins::{ComponentHash, Versions};
use cadenza_core::id::Digest;
use cadenza_core::plugin::{DecisionKind, PluginInfo};
use cadenza_core::step::paused_plugin;
use cadenza_core::time::Timestamp;
use cadenza_core::value::ValueType;
use cadenza_sandbox::Budgets;
use serde::Serialize;
use std::collections::BTreeMap;

/// A plugin.
#[derive(Debug, Serialize)]
pub(crate) struct PluginView {
    name: String,
    /// It is asked nothing while it is paused; who has to ask it waits.
    paused: bool,
    /// The build that decides; none while the first one is tried.
    #[serde(flatten)]
    live: Option<BuildView>,
    /// What is tried.
    candidate: Option<CandidateView>,
    /// Builds that were live before, the latest first: a rollback goes back one by one.
    past: Vec<PastView>,
}

/// A build that decides or is tried.
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
    budgets: Option<BudgetsView>,
    #[serde(rename = "use")]
    used: UseView,
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
struct BudgetsView {
    fuel: u64,
    wall_ms: u32,
    memory_bytes: usize,
    output_bytes: usize,
    log_lines: usize,
    table_elements: usize,
    tables: usize,
    instances: usize,
}

impl From<Budgets> for BudgetsView {
    fn from(budgets: Budgets) -> Self {
        let Budgets { fuel, wall_ms, memory_bytes, output_bytes, log_lines, table_elements, tables, instances, .. } =
            budgets;
        Self { fuel, wall_ms, memory_bytes, output_bytes, log_lines, table_elements, tables, instances }
    }
}

/// What its decisions used since the engine started.
#[derive(Debug, Serialize)]
struct UseView {
    decisions: u64,
    /// How they ended, those that occurred.
    outcomes: BTreeMap<&'static str, u64>,
    fuel_p50: u64,
    fuel_p99: u64,
    fuel_max: u64,
    /// Of the fuel budget, at the 99th percentile.
    fuel_p99_percent: f64,
    wall_us_p50: u64,
    wall_us_p99: u64,
    memory_bytes_max: u64,
    log_lines: u64,
    output_bytes_max: u64,
    table_elements_max: u64,
    /// Decisions that used more than 80 % of a budget, by budget, those that occurred.
    near_budget: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct CircuitView {
    /// `closed`: it is asked; `open`: it failed again and again, and is not.
    state: &'static str,
    /// Real time.
    open_until: Option<Timestamp>,
    failures_in_a_row: u32,
    last_failure: Option<String>,
}

#[derive(Debug, Serialize)]
struct DifferencesView {
    asked: u64,
    different: u64,
    /// Other points; the mean and the largest difference, watched minus live.
    points: u64,
    points_mean: f64,
    points_max: i32,
    /// Other reasons only.
    reasons: u64,
    /// Other segments, tracks or actions.
    moves: BTreeMap<String, u64>,
    fails: u64,
    fails_live: u64,
    skipped: u64,
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
    /// A plugin of the registry.
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
        let paused = catalog.brakes.paused.contains(&paused_plugin(name));
        Self { name: name.to_owned(), paused, live, candidate, past: past.collect() }
    }
}

impl BuildView {
    fn new(info: &PluginInfo, origin: &Origin<'_>, seen: Seen<'_>) -> Self {
        let health = seen.health.of(info.digest);
        let used = UseView::new(&health, info);
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
            budgets: seen.catalog.plugins.budgets(info.digest).map(BudgetsView::from),
            warnings: warnings(&used, &circuit),
            used,
            circuit,
        }
    }
}

fn warnings(used: &UseView, circuit: &CircuitView) -> Vec<String> {
    let mut warnings = Vec::new();
    for (budget, near) in &used.near_budget {
        warnings.push(format!(
            "{near} of {} decisions used more than {WARN_PERCENT} % of the budget `{budget}`: raise it under `plugins` in \
             cadenza.yaml, or make the plugin leaner",
            used.decisions
        ));
    }
    if circuit.state == "open" {
        let last = circuit.last_failure.as_deref().unwrap_or("it failed");
        warnings.push(format!(
            "it failed {} times in a row and is not asked for now, the last time: {last}; `cadenza plugin heal` asks it again",
            circuit.failures_in_a_row
        ));
    }
    warnings
}

impl UseView {
    fn new(health: &BuildHealth, info: &PluginInfo) -> Self {
        let outcomes =
            Outcome::ALL.into_iter().map(|outcome| (outcome.as_str(), health.outcomes[outcome as usize].get()));
        let fuel_p99 = health.fuel.percentile(99);
        Self {
            decisions: health.decisions.get(),
            outcomes: outcomes.filter(|(_, count)| *count > 0).collect(),
            fuel_p50: health.fuel.percentile(50),
            fuel_p99,
            fuel_max: health.fuel.max(),
            fuel_p99_percent: (fuel_p99 as f64 * 1_000.0 / info.fuel_budget.max(1) as f64).round() / 10.0,
            wall_us_p50: health.wall_us.percentile(50),
            wall_us_p99: health.wall_us.percentile(99),
            memory_bytes_max: health.memory_bytes.max(),
            log_lines: health.log_lines.get(),
            output_bytes_max: health.output_bytes.max(),
            table_elements_max: health.table_elements.max(),
            near_budget: BUDGETS
                .into_iter()
                .zip(health.near_budget.iter().map(Meter::get))
                .filter(|(_, count)| *count > 0)
                .collect(),
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
