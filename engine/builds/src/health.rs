//! How each build is doing: what it uses of its budgets, how it fails, and whether it is currently asked at all.
//!
//! A build that fails many times in a row is not asked for a while (circuit breaker). Its runs take the failure policy
//! of their step at once, and no time or fuel is spent on it. After the pause one decision is tried. If that succeeds,
//! the build is asked as usual again; otherwise the next pause is twice as long. Times here are real times.

use super::histogram::Histogram;
use crate::meter::Meter;
use cadenza_core::id::Digest;
use cadenza_core::plugin::{Budget, DecisionFailure};
use cadenza_core::time::Timestamp;
use cadenza_sandbox::{Budgets, Decided, NEAR_PERCENT, Resource};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// How many failures in a row break the circuit.
pub(crate) const STREAK_MAX: u32 = 20;
/// The first pause, in milliseconds. Each further pause is twice as long.
const PAUSE_MS: i64 = 30_000;
/// The longest pause, in milliseconds.
const PAUSE_MS_MAX: i64 = 10 * 60_000;
/// A build that came near a budget is warned about until this many decisions did not.
const WARN_FOR_DECISIONS: u64 = 1_000;
/// The same warning is not logged again within this many milliseconds.
const WARN_EVERY_MS: i64 = 10 * 60_000;

/// Returns the real time. A build's circuit goes by it, whatever clock the engine runs on.
pub type RealTime = fn() -> Timestamp;

/// The builds that were asked since the start.
#[derive(Debug)]
pub struct Health {
    now: RealTime,
    builds: RwLock<BTreeMap<Digest, Arc<BuildHealth>>>,
}

impl Health {
    /// Knows no build yet.
    pub fn new(now: RealTime) -> Self {
        Self { now, builds: RwLock::default() }
    }

    /// What is known of a build. Counting begins if nothing is known yet.
    pub fn of(&self, digest: Digest) -> Arc<BuildHealth> {
        if let Some(known) = self.builds.read().unwrap_or_else(PoisonError::into_inner).get(&digest) {
            return Arc::clone(known);
        }
        let mut builds = self.builds.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(builds.entry(digest).or_insert_with(|| Arc::new(BuildHealth::new(self.now))))
    }
}

/// What is counted for one build.
#[derive(Debug)]
pub struct BuildHealth {
    now: RealTime,
    /// Questions, including those that were not put to it.
    pub decisions: Meter,
    /// How they ended, in the order of [`Outcome::ALL`].
    pub outcomes: [Meter; Outcome::ALL.len()],
    /// Lines that it logged.
    pub log_lines: Meter,
    used: [UseOf; Resource::ALL.len()],
    warned_at_ms: AtomicI64,
    /// Real time in milliseconds until which it is not asked; 0 while the circuit is closed. This and `streak` are
    /// outside the lock, so that a healthy build takes none.
    open_until_ms: AtomicI64,
    /// Failures in a row.
    streak: AtomicU32,
    circuit: Mutex<Circuit>,
}

/// What decisions used of one resource.
#[derive(Debug, Default)]
pub struct UseOf {
    pub spread: Histogram,
    /// Decisions that came near the budget.
    pub near: Meter,
    /// The number of the last of them.
    last_near: AtomicU64,
}

#[derive(Debug, Default)]
struct Circuit {
    /// Pauses since it last succeeded.
    pauses: u32,
    last_failure: Option<String>,
}

/// How a decision ended, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Decided,
    /// It refused, in words of its own.
    Refused,
    Trap,
    /// It ran out of fuel.
    Fuel,
    /// It took too long.
    WallTime,
    /// It wanted more memory than its budget.
    Memory,
    /// Its answer was larger than its budget.
    Output,
    /// It logged more than its budget.
    Log,
    /// Its answer breaks the contract.
    BadOutput,
    /// It was not asked.
    Unavailable,
}

impl Outcome {
    /// Every outcome, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Decided,
        Self::Refused,
        Self::Trap,
        Self::Fuel,
        Self::WallTime,
        Self::Memory,
        Self::Output,
        Self::Log,
        Self::BadOutput,
        Self::Unavailable,
    ];

    /// The name used in metrics and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Refused => "refused",
            Self::Trap => "trap",
            Self::Fuel => "fuel",
            Self::WallTime => "wall_time",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Log => "log",
            Self::BadOutput => "bad_output",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether it counts against the build. A refusal is the plugin's own decision.
    pub const fn is_failure(self) -> bool {
        !matches!(self, Self::Decided | Self::Refused | Self::Unavailable)
    }

    fn of(decided: &Decided) -> Self {
        match &decided.answer {
            Ok(_) => Self::Decided,
            Err(DecisionFailure::Refusal(_)) => Self::Refused,
            Err(DecisionFailure::Trap(_)) => Self::Trap,
            Err(DecisionFailure::Budget(Budget::Fuel)) => Self::Fuel,
            Err(DecisionFailure::Budget(Budget::WallTime)) => Self::WallTime,
            Err(DecisionFailure::Budget(Budget::Memory)) => Self::Memory,
            Err(DecisionFailure::Budget(Budget::Output)) => Self::Output,
            Err(DecisionFailure::Budget(Budget::Log)) => Self::Log,
            Err(DecisionFailure::BadOutput(_)) => Self::BadOutput,
            Err(DecisionFailure::Unavailable(_)) => Self::Unavailable,
        }
    }
}

/// Whether a build is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitView {
    /// The real time until which it is not asked.
    pub open_until: Option<Timestamp>,
    pub streak: u32,
    /// The last failure, without the plugin's words.
    pub last_failure: Option<String>,
}

impl BuildHealth {
    fn new(now: RealTime) -> Self {
        Self {
            now,
            decisions: Meter::default(),
            outcomes: Default::default(),
            log_lines: Meter::default(),
            used: Default::default(),
            warned_at_ms: AtomicI64::default(),
            open_until_ms: AtomicI64::default(),
            streak: AtomicU32::default(),
            circuit: Mutex::default(),
        }
    }

    /// Whether it may be asked now. Otherwise, what is answered in its place.
    pub fn admit(&self) -> Result<(), DecisionFailure> {
        let until = self.open_until_ms.load(Relaxed);
        if until == 0 {
            return Ok(());
        }
        let now = (self.now)().as_ms();
        let circuit = self.lock();
        if now >= until {
            // One is let through; the others wait for its result.
            self.open_until_ms.store(now + pause_ms(circuit.pauses), Relaxed);
            return Ok(());
        }
        let last = circuit.last_failure.as_deref().unwrap_or("it failed");
        Err(DecisionFailure::Unavailable(format!(
            "it had failed {} times in a row and was not asked for a while; the last time: {last}",
            self.streak.load(Relaxed)
        )))
    }

    /// Counts a question that is not put to it, because it is not admitted.
    pub fn turned_away(&self) {
        self.decisions.add(1);
        self.outcomes[Outcome::Unavailable as usize].add(1);
    }

    /// Counts how a decision ended; `plugin` is for the log.
    pub fn record(&self, plugin: &str, decided: &Decided, budgets: Option<&Budgets>) {
        let outcome = Outcome::of(decided);
        self.decisions.add(1);
        self.outcomes[outcome as usize].add(1);
        self.log_lines.add(u64::from(decided.cost.log_lines));
        // A decision that was not put to it used nothing.
        if outcome != Outcome::Unavailable {
            for resource in Resource::ALL {
                self.used(resource).spread.record(decided.used.of(resource));
            }
        }
        if let Some(budgets) = budgets {
            self.warn(plugin, decided, budgets);
        }
        if outcome.is_failure() {
            self.failed(plugin, decided);
        } else if outcome == Outcome::Decided || outcome == Outcome::Refused {
            self.came_through();
        }
    }

    fn warn(&self, plugin: &str, decided: &Decided, budgets: &Budgets) {
        let Decided { used, .. } = decided;
        let near = || used.near(budgets).filter(|of| !of.is_fixed());
        if near().next().is_none() {
            return;
        }
        for resource in near() {
            let of = self.used(resource);
            of.near.add(1);
            of.last_near.store(self.asked(), Relaxed);
        }
        let now = (self.now)().as_ms();
        if now - self.warned_at_ms.load(Relaxed) >= WARN_EVERY_MS {
            self.warned_at_ms.store(now, Relaxed);
            let say = |of: Resource| format!("{} {} of {}", of.as_str(), used.of(of), budgets.of(of));
            let uses = near().map(say).collect::<Vec<_>>().join(", ");
            tracing::warn!(plugin, uses, "a decision used more than {NEAR_PERCENT} % of a budget");
        }
    }

    /// Decisions that were put to it.
    pub fn asked(&self) -> u64 {
        self.decisions.get().saturating_sub(self.outcomes[Outcome::Unavailable as usize].get())
    }

    /// Notes that it has other budgets from now on, so that coming near the old ones no longer counts.
    pub fn forget_near(&self) {
        for resource in Resource::ALL {
            self.used(resource).last_near.store(0, Relaxed);
        }
    }

    /// What decisions used of one resource.
    pub fn used(&self, resource: Resource) -> &UseOf {
        &self.used[resource as usize]
    }

    /// The resources of which decisions recently came near the budget.
    pub fn near_lately(&self) -> impl Iterator<Item = Resource> {
        let lately = |resource: &Resource| {
            let last = self.used(*resource).last_near.load(Relaxed);
            last > 0 && self.asked().saturating_sub(last) < WARN_FOR_DECISIONS
        };
        Resource::ALL.into_iter().filter(lately)
    }

    fn failed(&self, plugin: &str, decided: &Decided) {
        let mut circuit = self.lock();
        let streak = self.streak.fetch_add(1, Relaxed).saturating_add(1);
        circuit.last_failure = decided.answer.as_ref().err().map(|failure| failure.without_words().to_string());
        if streak < STREAK_MAX {
            return;
        }
        let pause_ms = pause_ms(circuit.pauses);
        circuit.pauses = circuit.pauses.saturating_add(1);
        self.open_until_ms.store((self.now)().as_ms() + pause_ms, Relaxed);
        tracing::error!(plugin, streak, pause_ms, "a plugin fails again and again, and is not asked for a while");
    }

    /// It is asked as usual again. Its last failure is kept for inspection.
    fn came_through(&self) {
        if self.streak.load(Relaxed) > 0 {
            self.lock().pauses = 0;
            self.streak.store(0, Relaxed);
            self.open_until_ms.store(0, Relaxed);
        }
    }

    /// Makes it be asked again at once, as if nothing had happened. Returns whether it was not being asked.
    pub fn heal(&self) -> bool {
        *self.lock() = Circuit::default();
        self.streak.store(0, Relaxed);
        self.open_until_ms.swap(0, Relaxed) != 0
    }

    /// Whether it is asked.
    pub fn circuit(&self) -> CircuitView {
        let until = self.open_until_ms.load(Relaxed);
        let circuit = self.lock();
        CircuitView {
            open_until: (until != 0).then(|| Timestamp::from_ms(until)),
            streak: self.streak.load(Relaxed),
            last_failure: circuit.last_failure.clone(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause_ms(pauses: u32) -> i64 {
    (PAUSE_MS << pauses.min(16)).min(PAUSE_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_core::plugin::{Cost, Decision, Segment};
    use cadenza_sandbox::Used;

    fn now() -> Timestamp {
        Timestamp::from_ms(1_800_000_000_000)
    }

    fn decided(answer: Result<Decision, DecisionFailure>) -> Decided {
        Decided {
            answer,
            cost: Cost::default(),
            used: Used::default(),
            exceeded: None,
            log: Vec::new(),
            backtrace: Vec::new(),
        }
    }

    fn trap() -> Decided {
        decided(Err(DecisionFailure::Trap("alas".to_owned())))
    }

    fn score() -> Decided {
        decided(Ok(Decision::Score { points: 1, segment: Segment::Cold, reasons: Vec::new(), rescore_after_s: None }))
    }

    #[test]
    fn a_streak_of_failures_breaks_the_circuit_and_one_success_in_between_does_not() {
        let health = BuildHealth::new(now);
        for _ in 1..STREAK_MAX {
            health.record("fit", &trap(), None);
        }
        health.record("fit", &score(), None);
        for _ in 1..STREAK_MAX {
            health.record("fit", &trap(), None);
        }
        assert_eq!(health.admit(), Ok(()));
        health.record("fit", &trap(), None);
        let Err(DecisionFailure::Unavailable(why)) = health.admit() else { panic!("it should not be asked") };
        assert!(why.contains("20 times in a row") && why.ends_with("the plugin trapped"), "{why}");
        assert!(health.circuit().open_until.is_some());
    }

    #[test]
    fn after_the_pause_one_is_let_through_and_heals_it() {
        let health = BuildHealth::new(now);
        (0..STREAK_MAX).for_each(|_| health.record("fit", &trap(), None));
        health.open_until_ms.store(now().as_ms() - 1, Relaxed);
        assert_eq!(health.admit(), Ok(()));
        assert!(health.admit().is_err(), "the others wait for what comes of the first");
        health.record("fit", &score(), None);
        assert_eq!(health.admit(), Ok(()));
        assert_eq!(
            health.circuit(),
            CircuitView { open_until: None, streak: 0, last_failure: Some("the plugin trapped".to_owned()) }
        );
    }

    #[test]
    fn who_is_turned_away_is_counted_and_used_nothing() {
        let health = BuildHealth::new(now);
        health.record("fit", &score(), None);
        health.turned_away();
        assert_eq!((health.decisions.get(), health.outcomes[Outcome::Unavailable as usize].get()), (2, 1));
        assert_eq!(health.used(Resource::Fuel).spread.percentile(50), 0);
    }

    #[test]
    fn a_build_that_was_near_a_budget_is_warned_of_until_long_after_or_until_it_has_another() {
        let health = BuildHealth::new(now);
        let near = || health.used(Resource::Fuel).last_near.store(health.asked(), Relaxed);
        health.record("fit", &score(), None);
        near();
        (1..WARN_FOR_DECISIONS).for_each(|_| health.record("fit", &score(), None));
        assert_eq!(health.near_lately().collect::<Vec<_>>(), [Resource::Fuel]);
        (0..WARN_FOR_DECISIONS).for_each(|_| health.turned_away());
        assert_eq!(health.near_lately().count(), 1, "who was not asked was near nothing, nor far from it");
        health.record("fit", &score(), None);
        assert_eq!(health.near_lately().count(), 0);
        near();
        health.forget_near();
        assert_eq!(health.near_lately().count(), 0);
    }

    #[test]
    fn refusals_are_no_failures() {
        let health = BuildHealth::new(now);
        (0..=STREAK_MAX)
            .for_each(|_| health.record("fit", &decided(Err(DecisionFailure::Refusal("no".to_owned()))), None));
        assert_eq!(health.admit(), Ok(()));
    }

    #[test]
    fn a_person_heals_it_at_once() {
        let health = BuildHealth::new(now);
        (0..STREAK_MAX).for_each(|_| health.record("fit", &trap(), None));
        assert!(health.admit().is_err());
        health.heal();
        assert_eq!(health.admit(), Ok(()));
    }
}
