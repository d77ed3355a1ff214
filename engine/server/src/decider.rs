//! Asks plugins: those with a small fuel budget at once, on the driver's thread; others on a thread of their own, with an
//! engine and pool of their own, whose answers come back as events. A third thread asks the builds that are only watched;
//! what they would decide is compared and changes nothing.

use crate::catalog::Catalog;
use crate::meters::Meters;
use crate::plugins::Plugins;
use crate::plugins::health::{BuildHealth, Health};
use crate::plugins::names::readable_backtrace;
use crate::plugins::shadow::Compared;
use cadenza_core::effect::{Question, Shadow};
use cadenza_core::event::Answer;
use cadenza_core::id::Digest;
use cadenza_core::plugin::{DecisionFailure, DecisionInput, DecisionKind, PluginInfo};
use cadenza_sandbox::{Decided, Sandbox};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;

type Done<T> = Box<dyn FnOnce(T) + Send>;

/// Questions to builds that are only watched, which may wait; more are passed over, and counted.
const SHADOWS_WAITING_MAX: usize = 1_024;

enum Job {
    Ask(Box<Question>, Done<Answer>),
    Plugins(Arc<Plugins>),
}

/// A decision that was taken, and the build that is asked besides.
pub(crate) struct Watched {
    /// What it is asked.
    pub(crate) shadow: Shadow,
    /// Of which kind.
    pub(crate) kind: DecisionKind,
    /// What was decided.
    pub(crate) answer: Answer,
}

enum ShadowJob {
    Ask(Box<Watched>, Done<Compared>),
    Plugins(Arc<Plugins>),
}

/// Who asks plugins for one driver.
pub(crate) struct Decider {
    inline: Bench,
    /// Not bounded: the driver knows how many it has asked.
    pooled: mpsc::Sender<Job>,
    /// Not bounded either: see `shadows_waiting`.
    shadows: mpsc::Sender<ShadowJob>,
    shadows_waiting: Arc<AtomicUsize>,
    meters: Arc<Meters>,
}

/// A sandbox with the plugins in force, and what is counted of each.
struct Bench {
    sandbox: Sandbox,
    plugins: Arc<Plugins>,
    health: Arc<Health>,
    /// Of the builds asked so far; saves a look into what all threads share.
    known: BTreeMap<Digest, Arc<BuildHealth>>,
}

impl Bench {
    fn new(plugins: &Arc<Plugins>, health: &Arc<Health>) -> anyhow::Result<Self> {
        let (sandbox, plugins, health) = (plugins.sandbox()?, Arc::clone(plugins), Arc::clone(health));
        Ok(Self { sandbox, plugins, health, known: BTreeMap::new() })
    }

    fn use_plugins(&mut self, plugins: Arc<Plugins>) {
        match plugins.equip(&mut self.sandbox, &self.plugins) {
            Ok(()) => self.plugins = plugins,
            Err(error) => tracing::error!(%error, "the new plugins could not be loaded; the old ones stay"),
        }
    }

    /// Asks a build, unless it failed so often that it is not asked now.
    fn ask(&mut self, plugin: &str, digest: Digest, kind: DecisionKind, input: &DecisionInput) -> Decided {
        if digest == Digest(0) {
            let why = "no build of it is loaded that fits the definition of this run";
            return Decided::not_asked(DecisionFailure::Unavailable(why.to_owned()));
        }
        let health = self.known.entry(digest).or_insert_with(|| self.health.of(digest));
        if let Err(failure) = health.admit() {
            health.turned_away();
            return Decided::not_asked(failure);
        }
        let decided = self.sandbox.decide(digest, kind, input);
        health.record(plugin, &decided, self.sandbox.budgets(digest));
        decided
    }
}

impl Decider {
    /// A decider with the plugins of the catalog.
    pub(crate) fn new(catalog: &Arc<Catalog>, meters: Arc<Meters>, health: &Arc<Health>) -> anyhow::Result<Self> {
        let inline = Bench::new(&catalog.plugins, health)?;
        let (pool, shadow) = (Bench::new(&catalog.plugins, health)?, Bench::new(&catalog.plugins, health)?);
        let (pooled, jobs) = mpsc::channel();
        let pool_meters = Arc::clone(&meters);
        start("cadenza-decisions", move || run_pool(pool, &jobs, &pool_meters))?;
        let (shadows, jobs) = mpsc::channel();
        let shadows_waiting = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::clone(&shadows_waiting);
        start("cadenza-shadows", move || run_shadows(shadow, &jobs, &waiting))?;
        Ok(Self { inline, pooled, shadows, shadows_waiting, meters })
    }

    /// The plugins of this catalog from now on; calls under way are not disturbed, and what was asked before is answered
    /// by the build it was put to.
    pub(crate) fn use_plugins(&mut self, catalog: &Arc<Catalog>) {
        for info in catalog.plugins.all() {
            let before = self.inline.plugins.budgets(info.digest);
            if before.is_some() && before != catalog.plugins.budgets(info.digest) {
                self.inline.health.of(info.digest).forget_near();
            }
        }
        self.inline.use_plugins(Arc::clone(&catalog.plugins));
        // The threads end with the decider.
        let _ = self.pooled.send(Job::Plugins(Arc::clone(&catalog.plugins)));
        let _ = self.shadows.send(ShadowJob::Plugins(Arc::clone(&catalog.plugins)));
    }

    /// Whether the question is answered inside the commit.
    pub(crate) fn is_inline(&self, question: &Question) -> bool {
        self.inline.sandbox.plugin(question.digest).is_none_or(PluginInfo::is_inline)
    }

    /// Asks now.
    pub(crate) fn ask_inline(&mut self, question: Question) -> Answer {
        ask(&mut self.inline, question, &self.meters)
    }

    /// Asks on the pool; `done` gets the answer.
    pub(crate) fn ask_pooled(&self, question: Question, done: impl FnOnce(Answer) + Send + 'static) {
        let _ = self.pooled.send(Job::Ask(Box::new(question), Box::new(done)));
    }

    /// Asks a build that is only watched; `done` gets what it would have decided. False when too many wait already.
    pub(crate) fn watch(&self, watched: Watched, done: impl FnOnce(Compared) + Send + 'static) -> bool {
        if self.shadows_waiting.load(Relaxed) >= SHADOWS_WAITING_MAX {
            return false;
        }
        self.shadows_waiting.fetch_add(1, Relaxed);
        self.shadows.send(ShadowJob::Ask(Box::new(watched), Box::new(done))).is_ok()
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(|_| ())
}

fn run_pool(mut bench: Bench, jobs: &mpsc::Receiver<Job>, meters: &Meters) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Ask(question, done) => done(ask(&mut bench, *question, meters)),
            Job::Plugins(plugins) => bench.use_plugins(plugins),
        }
    }
}

fn run_shadows(mut bench: Bench, jobs: &mpsc::Receiver<ShadowJob>, waiting: &AtomicUsize) {
    while let Ok(job) = jobs.recv() {
        match job {
            ShadowJob::Ask(watched, done) => {
                waiting.fetch_sub(1, Relaxed);
                let Watched { shadow, kind, answer } = *watched;
                let would = bench.ask(&answer.plugin, shadow.digest, kind, &shadow.input);
                done(Compared {
                    live: answer.digest,
                    shadow: shadow.digest,
                    lead: answer.run.lead(),
                    at: answer.input.now,
                    decided: answer.decision,
                    would_decide: would.answer,
                    plugin: answer.plugin,
                });
            }
            ShadowJob::Plugins(plugins) => bench.use_plugins(plugins),
        }
    }
}

fn ask(bench: &mut Bench, question: Question, meters: &Meters) -> Answer {
    let Question { run, attempt, task, kind, plugin, digest, input, .. } = question;
    let Decided { answer, cost, log, backtrace, .. } = bench.ask(&plugin, digest, kind, &input);
    meters.decisions_total.add(1);
    meters.decisions_failed_total.add(u64::from(answer.is_err()));
    meters.decision_ns_total.add(cost.wall_ns);
    meters.decision_fuel_total.add(cost.fuel);
    if !backtrace.is_empty() {
        // Names of functions are nobody's data; what the plugin says may be.
        let failure = answer.as_ref().err().map(|failure| failure.without_words().to_string());
        let backtrace = readable_backtrace(&backtrace).join(" < ");
        tracing::warn!(plugin, %digest, %run, failure, backtrace, "a plugin was stopped");
    }
    Answer { run, attempt, task, plugin, digest, input, decision: answer, cost, log }
}
