//! Asks plugins: those with a small fuel budget at once, on the driver's thread; others on a thread of their own, with an
//! engine and pool of their own, whose answers come back as events.

use crate::catalog::Catalog;
use crate::meters::Meters;
use cadenza_core::effect::Question;
use cadenza_core::event::Answer;
use cadenza_core::id::Digest;
use cadenza_core::plugin::{Cost, DecisionFailure, INLINE_FUEL_MAX};
use cadenza_sandbox::Sandbox;
use std::sync::Arc;
use std::sync::mpsc;

type Done = Box<dyn FnOnce(Answer) + Send>;

enum Job {
    Ask(Box<Question>, Done),
    Plugins(Arc<Catalog>),
}

/// Who asks plugins for one driver.
pub(crate) struct Decider {
    inline: Sandbox,
    /// Not bounded: the driver knows how many it has asked.
    pooled: mpsc::Sender<Job>,
    meters: Arc<Meters>,
}

impl Decider {
    /// A decider with the plugins of the catalog.
    pub(crate) fn new(catalog: &Arc<Catalog>, meters: Arc<Meters>) -> anyhow::Result<Self> {
        let inline = catalog.plugins.sandbox()?;
        let pool = catalog.plugins.sandbox()?;
        let (pooled, jobs) = mpsc::channel();
        let pool_meters = Arc::clone(&meters);
        std::thread::Builder::new()
            .name("cadenza-decisions".to_owned())
            .spawn(move || run_pool(pool, &jobs, &pool_meters))?;
        Ok(Self { inline, pooled, meters })
    }

    /// The plugins of this catalog from now on.
    pub(crate) fn use_plugins(&mut self, catalog: &Arc<Catalog>) {
        match catalog.plugins.sandbox() {
            Ok(sandbox) => self.inline = sandbox,
            Err(error) => tracing::error!(%error, "the new plugins could not be loaded; the old ones stay"),
        }
        // The thread ends with the decider.
        let _ = self.pooled.send(Job::Plugins(Arc::clone(catalog)));
    }

    /// Whether the question is answered inside the commit.
    pub(crate) fn is_inline(&self, question: &Question) -> bool {
        self.inline.plugin(&question.plugin).is_none_or(|info| info.fuel_budget <= INLINE_FUEL_MAX)
    }

    /// Asks now.
    pub(crate) fn ask_inline(&self, question: Question) -> Answer {
        ask(&self.inline, question, &self.meters)
    }

    /// Asks on the pool; `done` gets the answer.
    pub(crate) fn ask_pooled(&self, question: Question, done: impl FnOnce(Answer) + Send + 'static) {
        let _ = self.pooled.send(Job::Ask(Box::new(question), Box::new(done)));
    }
}

fn run_pool(mut sandbox: Sandbox, jobs: &mpsc::Receiver<Job>, meters: &Meters) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Ask(question, done) => done(ask(&sandbox, *question, meters)),
            Job::Plugins(catalog) => match catalog.plugins.sandbox() {
                Ok(new) => sandbox = new,
                Err(error) => tracing::error!(%error, "the new plugins could not be loaded; the old ones stay"),
            },
        }
    }
}

fn ask(sandbox: &Sandbox, question: Question, meters: &Meters) -> Answer {
    let digest = sandbox.plugin(&question.plugin).map_or(Digest(0), |info| info.digest);
    let decided = sandbox.decide(&question.plugin, question.kind, &question.input);
    let (decision, cost) = (decided.answer, decided.cost);
    meters.decisions_total.add(1);
    meters.decisions_failed_total.add(u64::from(decision.is_err()));
    meters.decision_ns_total.add(cost.wall_ns);
    meters.decision_fuel_total.add(cost.fuel);
    answer(question, digest, decision, cost)
}

fn answer(
    question: Question,
    digest: Digest,
    decision: Result<cadenza_core::plugin::Decision, DecisionFailure>,
    cost: Cost,
) -> Answer {
    let Question { run, attempt, task, plugin, input, .. } = question;
    Answer { run, attempt, task, plugin, digest, input, decision, cost }
}
