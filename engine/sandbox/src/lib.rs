//! The wasmtime host: loads, limits and asks plugins. Knows core's types and the contract in `sdk/wit`, and nothing of
//! workflows, stores or where components come from.
//!
//! A [`Sandbox`] belongs to one worker. It has an engine and a pool of its own, because a shared pool scales badly
//! (`measured.md`). A component is [`Compiled`] once and loaded into every worker's sandbox. Each decision runs in a
//! fresh instance that can reach nothing but its input, within budgets for fuel, wall time, memory and output.

mod answer;
mod compiled;
mod contract;
mod error;
mod instance;
mod layout;
mod limits;
mod plugin;
mod resource;
mod rows;
mod ticker;
mod used;

pub use compiled::{Compiled, compatibility, reserves_nothing};
pub use error::{HostError, LoadError};
pub use limits::{BudgetOverrides, Budgets, HostLimits};
pub use plugin::Decided;
pub use resource::Resource;
pub use used::{NEAR_PERCENT, Used};

use cadenza_core::id::{Digest, hash64};
use cadenza_core::plugin::{Cost, Decision, DecisionFailure, DecisionInput, DecisionKind, PluginInfo, Reads};
use cadenza_core::value::Value;
use layout::Layout;
use plugin::Plugin;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Runs plugins for one worker, one decision at a time. It can be sent to the worker's thread.
pub struct Sandbox {
    limits: HostLimits,
    engine: wasmtime::Engine,
    watch: ticker::Watch,
    plugins: BTreeMap<Digest, Plugin>,
    /// The layout of the current call, kept for its allocations.
    layout: RefCell<Layout>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("limits", &self.limits).field("plugins", &self.plugins.keys()).finish()
    }
}

impl Sandbox {
    /// An empty sandbox. Reserves address space for its pool, but no memory.
    pub fn new(limits: &HostLimits) -> Result<Self, HostError> {
        let engine = compiled::engine(limits)?;
        let watch = ticker::Watch::over(&engine)?;
        Ok(Self { limits: *limits, engine, watch, plugins: BTreeMap::new(), layout: RefCell::default() })
    }

    /// Compiles a component and loads it. If several sandboxes take the same component, calling [`Compiled::new`] once
    /// and [`Sandbox::load_compiled`] for each is cheaper.
    pub fn load(&mut self, component: &[u8], budget: Option<BudgetOverrides>) -> Result<PluginInfo, LoadError> {
        self.load_compiled(&Compiled::new(component, &self.limits)?, budget)
    }

    /// Loads a compiled component: finds out what it decides, checks it against the contract and asks it
    /// to describe itself. From then on it is asked by its digest. Loading the same component again
    /// replaces it, with its new budget.
    pub fn load_compiled(
        &mut self,
        compiled: &Compiled,
        budget: Option<BudgetOverrides>,
    ) -> Result<PluginInfo, LoadError> {
        let overrides = budget.unwrap_or_default();
        let plugin = Plugin::load(compiled, &self.engine, &self.watch, &self.limits, &overrides)?;
        let info = plugin.info.clone();
        self.plugins.insert(info.digest, plugin);
        Ok(info)
    }

    /// Loads what another sandbox with the same limits has loaded, from the same code, with its budgets. The plugin is
    /// not asked to describe itself again.
    pub fn load_like(&mut self, other: &Self, compiled: &Compiled) -> Result<(), LoadError> {
        let digest = compiled.digest();
        let known = other.plugins.get(&digest);
        let known = known.ok_or_else(|| LoadError::NotAPlugin("the other sandbox has not loaded it".to_owned()))?;
        self.plugins.insert(digest, known.like(compiled, &self.engine, &self.limits)?);
        Ok(())
    }

    /// Forgets every plugin but these. Decisions that ask for another fail as unavailable from now on.
    pub fn retain(&mut self, keep: impl Fn(Digest) -> bool) {
        self.plugins.retain(|digest, _| keep(*digest));
    }

    /// What is loaded, by digest.
    pub fn plugins(&self) -> impl Iterator<Item = &PluginInfo> {
        self.plugins.values().map(|plugin| &plugin.info)
    }

    /// What one plugin says of itself. The budgets are those that are enforced, including overrides.
    pub fn plugin(&self, plugin: Digest) -> Option<&PluginInfo> {
        self.plugins.get(&plugin).map(|plugin| &plugin.info)
    }

    /// What a plugin imports: `log`, or nothing.
    pub fn imports(&self, plugin: Digest) -> &[String] {
        self.plugins.get(&plugin).map_or(&[], |found| &found.imports)
    }

    /// What the plugin wants to see if it is given these parameters (laid out by `cadenza_core::plugin::lay_out`). A
    /// refusal says why they do not fit together.
    pub fn reads(&self, plugin: Digest, parameters: &[Value]) -> Result<Reads, DecisionFailure> {
        self.find(plugin)?.reads(&self.watch, &mut self.layout.borrow_mut(), parameters)
    }

    /// What a decision of a plugin may use.
    pub fn budgets(&self, plugin: Digest) -> Option<&Budgets> {
        self.plugins.get(&plugin).map(Plugin::budgets)
    }

    /// Sets other budgets for a plugin from now on, in place of what it asks for or had before.
    pub fn set_budget(&mut self, plugin: Digest, budget: BudgetOverrides) {
        if let Some(found) = self.plugins.get_mut(&plugin) {
            found.set_budget(&self.limits, &budget);
        }
    }

    /// Whether any decision of a plugin can begin within its budgets; some budgets are less than
    /// what every instance takes.
    pub fn can_begin(&self, plugin: Digest) -> Result<(), LoadError> {
        self.plugins.get(&plugin).map_or(Ok(()), |found| found.can_begin(&self.watch))
    }

    /// Takes one decision in a fresh instance. Returns what it cost even if it failed.
    pub fn decide(&self, plugin: Digest, kind: DecisionKind, input: &DecisionInput) -> Decided {
        match self.find(plugin) {
            Ok(found) => found.decide(&self.watch, &mut self.layout.borrow_mut(), kind, input),
            Err(failure) => Decided::not_asked(failure),
        }
    }

    /// Scores leads, in order, exactly as [`Sandbox::decide`] would one by one. Neighbours that share `now` and
    /// parameters share an instance, up to a hundred. If that instance fails, each of them is asked singly, so that one
    /// bad lead does not spoil the others. In each full batch one lead is also asked singly, and if the answers differ,
    /// none of its batch counts. The cost is that of all.
    pub fn score_batch(
        &self,
        plugin: Digest,
        inputs: &[DecisionInput],
    ) -> (Vec<Result<Decision, DecisionFailure>>, Cost) {
        let found = match self.find(plugin) {
            Ok(found) => found,
            Err(failure) => return (vec![Err(failure); inputs.len()], Cost::default()),
        };
        let (mut answers, mut cost) = (Vec::with_capacity(inputs.len()), Cost::default());
        let alike = inputs.chunk_by(|a, b| a.now == b.now && a.parameters == b.parameters);
        for batch in alike.flat_map(|alike| alike.chunks(limits::BATCH_LEADS_MAX)) {
            let (batch_answers, batch_cost) = self.score_chunk(found, batch);
            answers.extend(batch_answers);
            add(&mut cost, &batch_cost);
        }
        (answers, cost)
    }

    /// Scores leads that share `now` and parameters in one instance and asks about none of them singly. For a caller
    /// that wants to know what the plugin does with a batch, because [`Sandbox::score_batch`] hides what it can.
    pub fn score_together(
        &self,
        plugin: Digest,
        inputs: &[DecisionInput],
    ) -> Result<Vec<Result<Decision, DecisionFailure>>, DecisionFailure> {
        self.find(plugin)?.score_batch(&self.watch, &mut self.layout.borrow_mut(), inputs).0
    }

    fn score_chunk(&self, plugin: &Plugin, batch: &[DecisionInput]) -> (Vec<Result<Decision, DecisionFailure>>, Cost) {
        let (answers, mut cost) = plugin.score_batch(&self.watch, &mut self.layout.borrow_mut(), batch);
        let mut singly = |input: &DecisionInput| {
            let decided = plugin.decide(&self.watch, &mut self.layout.borrow_mut(), DecisionKind::Scoring, input);
            add(&mut cost, &decided.cost);
            decided.answer
        };
        let Ok(answers) = answers else {
            let answers = batch.iter().map(singly).collect();
            return (answers, cost);
        };
        // Which lead is asked twice depends only on the batch, so that a replay asks the same.
        let probe = hash64(&batch[0].now.as_ms().to_be_bytes()) as usize % limits::BATCH_LEADS_MAX;
        match batch.get(probe) {
            Some(input) if singly(input) != answers[probe] => {
                let why = "a score from a batch differs from the same lead's scored singly".to_owned();
                (vec![Err(DecisionFailure::BadOutput(why)); batch.len()], cost)
            }
            _ => (answers, cost),
        }
    }

    fn find(&self, plugin: Digest) -> Result<&Plugin, DecisionFailure> {
        self.plugins
            .get(&plugin)
            .ok_or_else(|| DecisionFailure::Unavailable(format!("no plugin with the digest {plugin} is loaded")))
    }
}

fn add(cost: &mut Cost, more: &Cost) {
    cost.fuel = cost.fuel.saturating_add(more.fuel);
    cost.wall_ns = cost.wall_ns.saturating_add(more.wall_ns);
    cost.wall_us = cost.wall_us.saturating_add(more.wall_us);
    cost.memory_bytes = cost.memory_bytes.max(more.memory_bytes);
    cost.log_lines = cost.log_lines.saturating_add(more.log_lines);
}
