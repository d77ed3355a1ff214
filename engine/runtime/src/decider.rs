//! Asks plugins. Those with a small fuel budget are asked at once, on the driver's thread. The others are asked on the threads of
//! a pool, each with an engine of its own, and their answers come back as events. One more thread asks the candidate builds that
//! are only watched; what they would decide is compared and changes nothing.
//!
//! A thread that panics is a fault of this program, not of a plugin. The panic is counted, the thread goes on with a new sandbox,
//! and the question it held is asked again. A question that breaks two sandboxes is answered as unavailable, so that its step's
//! failure policy applies.

mod lines;

use crate::catalog::Catalog;
use crate::meters::Meters;
use crate::threads::{self, Threads};
use cadenza_builds::Plugins;
use cadenza_builds::health::{BuildHealth, Health};
use cadenza_builds::names::readable_backtrace;
use cadenza_builds::shadow::Compared;
use cadenza_core::effect::Question;
use cadenza_core::event::Answer;
use cadenza_core::heart::Watched;
use cadenza_core::id::Digest;
use cadenza_core::plugin::{Cost, Decision, DecisionFailure, DecisionInput, DecisionKind, PluginInfo};
use cadenza_sandbox::{Decided, Sandbox};
use lines::Lines;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;

type Done<T> = Box<dyn FnOnce(T) + Send>;

/// How many questions to watched builds may wait. Beyond that they are skipped, and counted.
const SHADOWS_WAITING_MAX: usize = 1_024;
/// Threads of the pool: as many as there are processors, within these bounds. With at least two, one plugin cannot keep all
/// others waiting.
const WORKERS_MIN: usize = 2;
const WORKERS_MAX: usize = 4;

/// A question on its way to a thread of the pool.
struct Job {
    question: Box<Question>,
    /// The plugins in force when the question was put. It is answered by the build to which it was put.
    plugins: Arc<Plugins>,
    done: Done<Answer>,
}

enum ShadowJob {
    Ask(Box<Watched>, Done<Compared>),
    Plugins(Arc<Plugins>),
}

/// What happens to a question in a pool that is played on the caller's thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// How many turns others get before the answer is heard. An answer that waits longer than a later one comes after it.
    pub after_turns: usize,
    /// How often the thread panics over the question.
    pub breaks_off: u8,
}

/// Says what becomes of questions when everything happens on one thread.
pub trait PlayedPool: Send + Sync {
    /// What happens to the next pooled question to this plugin.
    fn answered(&self, _plugin: &str) -> Answered {
        Answered::default()
    }

    /// A decision in place of the plugin's, whether the plugin would be asked at once or on the pool. If none, the plugin is
    /// asked.
    fn decided(&self, _question: &Question) -> Option<Result<Decision, DecisionFailure>> {
        None
    }
}

/// Asks plugins for one driver.
pub(crate) struct Decider {
    inline: Instances,
    /// Not bounded, since the driver knows how many questions it has put. None if everything happens on one thread.
    pooled: Option<Arc<Lines<Job>>>,
    /// Says what happens to questions when there is no pool.
    played: Option<Arc<dyn PlayedPool>>,
    /// Not bounded either: see `shadows_waiting`.
    shadows: mpsc::Sender<ShadowJob>,
    shadows_waiting: Arc<AtomicUsize>,
    meters: Arc<Meters>,
}

/// A sandbox with the plugins in force, and what is counted for each.
struct Instances {
    sandbox: Sandbox,
    plugins: Arc<Plugins>,
    health: Arc<Health>,
    /// The health of the builds asked so far, which saves looking into what all threads share.
    known: BTreeMap<Digest, Arc<BuildHealth>>,
}

impl Instances {
    fn new(plugins: &Arc<Plugins>, health: &Arc<Health>) -> anyhow::Result<Self> {
        let (sandbox, plugins, health) = (plugins.sandbox()?, Arc::clone(plugins), Arc::clone(health));
        Ok(Self { sandbox, plugins, health, known: BTreeMap::new() })
    }

    fn use_plugins(&mut self, plugins: &Arc<Plugins>) {
        if Arc::ptr_eq(plugins, &self.plugins) {
            return;
        }
        match plugins.equip(&mut self.sandbox, &self.plugins) {
            Ok(()) => self.plugins = Arc::clone(plugins),
            Err(error) => tracing::error!(%error, "the new plugins could not be loaded; the old ones stay"),
        }
    }

    /// Takes a new sandbox, since the state of the old one is unknown.
    fn renew(&mut self) {
        match self.plugins.sandbox() {
            Ok(sandbox) => self.sandbox = sandbox,
            Err(error) => tracing::error!(%error, "no new sandbox could be made; the old one stays"),
        }
    }

    /// Asks a build, unless it has failed so often that it is not asked now.
    fn ask(&mut self, plugin: &str, digest: Option<Digest>, kind: DecisionKind, input: &DecisionInput) -> Decided {
        let Some(digest) = digest else {
            return Decided::not_asked(DecisionFailure::Unavailable(NO_BUILD.to_owned()));
        };
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

/// The failure when there is no build to ask.
pub(crate) const NO_BUILD: &str = "no build of it is loaded that fits the definition of this run";

/// Whether a question is answered at once: its build is quick, or there is no build to ask.
pub(crate) fn is_inline(sandbox: &Sandbox, question: &Question) -> bool {
    question.digest.and_then(|digest| sandbox.plugin(digest)).is_none_or(PluginInfo::is_inline)
}

impl Decider {
    pub(crate) fn new(
        catalog: &Arc<Catalog>,
        meters: Arc<Meters>,
        health: &Arc<Health>,
        on: Threads,
        played: Option<Arc<dyn PlayedPool>>,
    ) -> anyhow::Result<Self> {
        let inline = Instances::new(&catalog.plugins, health)?;
        let shadows_waiting = Arc::new(AtomicUsize::new(0));
        let (shadows, jobs) = mpsc::channel();
        if on == Threads::Callers {
            return Ok(Self { inline, pooled: None, played, shadows, shadows_waiting, meters });
        }
        let shadow = Instances::new(&catalog.plugins, health)?;
        let workers = std::thread::available_parallelism().map_or(WORKERS_MIN, usize::from);
        let workers = workers.clamp(WORKERS_MIN, WORKERS_MAX);
        let pooled = Arc::new(Lines::new(workers));
        for number in 0..workers {
            let (lines, bench) = (Arc::clone(&pooled), Instances::new(&catalog.plugins, health)?);
            let mut worker = Worker { bench, meters: Arc::clone(&meters), ask };
            threads::on_own(&format!("cadenza-decisions-{number}"), move || worker.run(&lines))?;
        }
        let shadow_meters = Arc::clone(&meters);
        let waiting = Arc::clone(&shadows_waiting);
        threads::on_own("cadenza-shadows", move || run_shadows(shadow, &jobs, &waiting, &shadow_meters))?;
        Ok(Self { inline, pooled: Some(pooled), played: None, shadows, shadows_waiting, meters })
    }

    /// Uses the plugins of this catalog from now on. Calls under way are not disturbed, and questions put before are answered by
    /// the build to which they were put.
    pub(crate) fn use_plugins(&mut self, catalog: &Arc<Catalog>) {
        for info in catalog.plugins.all() {
            let before = self.inline.plugins.budgets(info.digest);
            if before.is_some() && before != catalog.plugins.budgets(info.digest) {
                self.inline.health.of(info.digest).forget_near();
            }
        }
        self.inline.use_plugins(&catalog.plugins);
        // The thread, if there is one, lives as long as the decider.
        let _ = self.shadows.send(ShadowJob::Plugins(Arc::clone(&catalog.plugins)));
    }

    /// Whether the question is answered inside the commit.
    pub(crate) fn is_inline(&self, question: &Question) -> bool {
        is_inline(&self.inline.sandbox, question)
    }

    pub(crate) fn ask_inline(&mut self, question: Question) -> Answer {
        if let Some(decision) = self.played.as_ref().and_then(|played| played.decided(&question)) {
            return stands_in(question, decision);
        }
        ask(&mut self.inline, question, &self.meters)
    }

    /// Asks on the pool. `done` gets the answer.
    pub(crate) fn ask_pooled(&mut self, question: Question, done: impl FnOnce(Answer) + Send + 'static) {
        let Some(pooled) = &self.pooled else { return self.play(question, done) };
        let plugin = question.plugin.clone();
        let plugins = Arc::clone(&self.inline.plugins);
        pooled.push(plugin, Job { question: Box::new(question), plugins, done: Box::new(done) });
    }

    /// Asks when there is no pool, as a thread of the pool would with the outcome that `played` gives.
    fn play(&mut self, question: Question, done: impl FnOnce(Answer) + Send + 'static) {
        if let Some(decision) = self.played.as_ref().and_then(|played| played.decided(&question)) {
            return done(stands_in(question, decision));
        }
        let fares = self.played.as_ref().map(|played| played.answered(&question.plugin)).unwrap_or_default();
        let mut breaks_off = fares.breaks_off;
        let answer = answer(&mut self.inline, &question, &self.meters, &mut |bench, question, meters| {
            if breaks_off > 0 {
                breaks_off -= 1;
                std::panic::resume_unwind(Box::new("a thread of the pool breaks off, as it is told to"));
            }
            ask(bench, question, meters)
        });
        if fares.after_turns == 0 {
            return done(answer);
        }
        threads::on_callers(async move {
            for _ in 0..fares.after_turns {
                tokio::task::yield_now().await;
            }
            done(answer);
        });
    }

    /// Asks a build that is only watched. `done` gets what it would have decided. Returns false if too many questions wait
    /// already.
    pub(crate) fn watch(&mut self, watched: Watched, done: impl FnOnce(Compared) + Send + 'static) -> bool {
        if self.pooled.is_none() {
            done(compare(&mut self.inline, watched));
            return true;
        }
        if self.shadows_waiting.load(Relaxed) >= SHADOWS_WAITING_MAX {
            return false;
        }
        self.shadows_waiting.fetch_add(1, Relaxed);
        self.shadows.send(ShadowJob::Ask(Box::new(watched), Box::new(done))).is_ok()
    }
}

/// The answer with a decision made in place of a plugin's.
fn stands_in(question: Question, decision: Result<Decision, DecisionFailure>) -> Answer {
    let Question { run, asker, plugin, digest, input, .. } = question;
    Answer { run, asker, plugin, digest, input, decision, cost: Cost::default(), log: Vec::new() }
}

/// The threads of the pool end with the decider.
impl Drop for Decider {
    fn drop(&mut self) {
        if let Some(pooled) = &self.pooled {
            pooled.close();
        }
    }
}

struct Worker {
    bench: Instances,
    meters: Arc<Meters>,
    /// How the worker asks. The test replaces it.
    ask: fn(&mut Instances, Question, &Meters) -> Answer,
}

impl Worker {
    fn run(&mut self, lines: &Lines<Job>) {
        while let Some((plugin, Job { question, plugins, done })) = lines.next() {
            self.bench.use_plugins(&plugins);
            let answer = self.answer(&question);
            lines.over(&plugin);
            done(answer);
        }
    }

    fn answer(&mut self, question: &Question) -> Answer {
        answer(&mut self.bench, question, &self.meters, &mut self.ask)
    }
}

/// Asks, and once more if that panics.
fn answer(
    bench: &mut Instances,
    question: &Question,
    meters: &Meters,
    ask: &mut dyn FnMut(&mut Instances, Question, &Meters) -> Answer,
) -> Answer {
    for _ in 0..2 {
        let again = question.clone();
        if let Some(answer) = unpanicked(meters, || ask(bench, again, meters)) {
            return answer;
        }
        bench.renew();
    }
    let why = "the host broke off twice while it was asked".to_owned();
    let Question { run, asker, plugin, digest, input, .. } = question.clone();
    let decision = Err(DecisionFailure::Unavailable(why));
    Answer { run, asker, plugin, digest, input, decision, cost: Cost::default(), log: Vec::new() }
}

/// The result of `work`, or none if it panics, which is counted.
fn unpanicked<T>(meters: &Meters, work: impl FnOnce() -> T) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(work));
    if done.is_err() {
        meters.threads_panicked_total.add(1);
        tracing::error!("a thread that asks plugins broke off, a fault of this program; it goes on with a new sandbox");
    }
    done.ok()
}

fn run_shadows(mut bench: Instances, jobs: &mpsc::Receiver<ShadowJob>, waiting: &AtomicUsize, meters: &Meters) {
    while let Ok(job) = jobs.recv() {
        match job {
            ShadowJob::Ask(watched, done) => {
                waiting.fetch_sub(1, Relaxed);
                // One lost comparison does no harm.
                match unpanicked(meters, || compare(&mut bench, *watched)) {
                    Some(compared) => done(compared),
                    None => bench.renew(),
                }
            }
            ShadowJob::Plugins(plugins) => bench.use_plugins(&plugins),
        }
    }
}

fn compare(bench: &mut Instances, watched: Watched) -> Compared {
    let Watched { shadow, kind, answer } = watched;
    let would = bench.ask(&answer.plugin, Some(shadow.digest), kind, &shadow.input);
    Compared {
        live: answer.digest,
        shadow: shadow.digest,
        lead: answer.run.lead(),
        at: answer.input.now,
        decided: answer.decision,
        would_decide: would.answer,
        plugin: answer.plugin,
    }
}

fn ask(bench: &mut Instances, question: Question, meters: &Meters) -> Answer {
    let Question { run, asker, kind, plugin, digest, input, .. } = question;
    let Decided { answer, cost, log, backtrace, .. } = bench.ask(&plugin, digest, kind, &input);
    meters.decisions_total.add(1);
    meters.decisions_failed_total.add(u64::from(answer.is_err()));
    meters.decision_ns_total.add(cost.wall_ns);
    meters.decision_fuel_total.add(cost.fuel);
    if !backtrace.is_empty() {
        // Names of functions are no personal data; what the plugin says may be.
        let failure = answer.as_ref().err().map(|failure| failure.without_words().to_string());
        let backtrace = readable_backtrace(&backtrace).join(" < ");
        let digest = digest.map(|digest| digest.to_string());
        tracing::warn!(plugin, digest, %run, failure, backtrace, "a plugin was stopped");
    }
    Answer { run, asker, plugin, digest, input, decision: answer, cost, log }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use cadenza_core::event::Asker;

    /// Panics always for attempt 1, and once for attempt 2.
    fn breaks_off(bench: &mut Instances, question: Question, meters: &Meters) -> Answer {
        static ONCE: AtomicUsize = AtomicUsize::new(0);
        match question.asker.number() {
            1 => panic!("a fault of ours"),
            2 if ONCE.fetch_add(1, Relaxed) == 0 => panic!("a fault of ours, once"),
            _ => ask(bench, question, meters),
        }
    }

    #[test]
    fn what_a_thread_held_when_it_broke_off_is_asked_again() {
        let catalog = Arc::new(fixture::catalog());
        let (meters, health) = (Arc::new(Meters::default()), Arc::new(Health::new(crate::clock::Clock::real)));
        let bench = Instances::new(&catalog.plugins, &health).unwrap();
        let mut worker = Worker { bench, meters: Arc::clone(&meters), ask: breaks_off };
        // The attempt, how often it panics, and whether the failure blames the host.
        for (attempt, panics, host) in [(0, 0, false), (1, 2, true), (2, 1, false)] {
            let before = meters.threads_panicked_total.get();
            let asker = Asker::Step { attempt };
            let question = Question { asker, ..crate::driver::sample_question(attempt.into()) };
            let answer = worker.answer(&question);
            assert_eq!(meters.threads_panicked_total.get() - before, panics, "attempt {attempt}");
            let words = format!("{:?}", answer.decision);
            assert_eq!(words.contains("broke off twice"), host, "attempt {attempt}: {words}");
            assert_eq!(answer.asker, asker);
        }
    }
}
