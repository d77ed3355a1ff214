//! The one place that reads the time and sleeps. All other code gets `now` as an argument.
//!
//! Engine time is real, scaled (the demo) or virtual (tests, rehearsal). Within a process it never goes back: when the system's
//! clock is set back, engine time goes on at half speed until the system has caught up. Signatures, budgets and network time-outs
//! always use the system's time.

#![expect(clippy::disallowed_methods, reason = "this is the one place where time is read and slept by")]

use cadenza_core::time::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Which clock the engine runs on, as `--clock` spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ClockKind {
    #[default]
    Real,
    /// This many times as fast as the system's clock.
    Scaled(u32),
    /// A clock that stands still until it is advanced.
    Virtual,
}

impl std::str::FromStr for ClockKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "real" => Ok(Self::Real),
            "virtual" => Ok(Self::Virtual),
            scaled => scaled
                .strip_prefix("scaled:")
                .and_then(|n| n.parse().ok())
                .filter(|n| (1..=1_000_000).contains(n))
                .map(Self::Scaled)
                .ok_or_else(|| {
                    format!("`{text}` is no clock: write real, virtual or scaled:N with N from 1 to 1000000")
                }),
        }
    }
}

/// The engine's clock. It is cheap to clone, and all clones agree.
#[derive(Clone, Debug)]
pub struct Clock {
    kind: ClockKind,
    started: Instant,
    started_at: Timestamp,
    /// How far the virtual clock was advanced since `started_at`, in milliseconds.
    advanced_ms: Arc<AtomicI64>,
    steady: Arc<Steady>,
    pace: Pace,
}

/// How real time passes.
#[derive(Clone, Debug)]
enum Pace {
    /// As the system's.
    System,
    /// Only by sleeping: a sleep ends when everybody else on the thread has had their turn. The value is the nanoseconds slept so
    /// far.
    Slept(Arc<AtomicU64>),
}

/// How many turns others get before such a sleep ends.
const TURNS: usize = 16;

/// The system's clock without its steps back.
#[derive(Debug, Default)]
struct Steady {
    /// The latest time shown, in milliseconds.
    shown_ms: AtomicI64,
    /// While the system's clock is behind: since when, and the time shown then.
    behind: Mutex<Option<(Instant, i64)>>,
    is_behind: AtomicBool,
}

/// Steps back smaller than this are not logged, since time services make them.
const STEP_TOLD_MS: i64 = 1_000;

impl Steady {
    /// The time to show when the system's clock shows `system_ms` at this instant.
    fn show(&self, system_ms: i64, at: Instant) -> i64 {
        let shown_ms = self.shown_ms.fetch_max(system_ms, Ordering::AcqRel);
        if system_ms >= shown_ms {
            if self.is_behind.swap(false, Ordering::AcqRel) {
                *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            return system_ms;
        }
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, from_ms) = match *behind {
            Some(behind) => behind,
            None => {
                let step_ms = shown_ms - system_ms;
                if step_ms >= STEP_TOLD_MS {
                    tracing::warn!(
                        step_ms,
                        "the system's clock was set back: engine time goes on at half speed until it has caught up; \
                         a restart sets engine time back, too"
                    );
                }
                self.is_behind.store(true, Ordering::Release);
                *behind.insert((at, shown_ms))
            }
        };
        drop(behind);
        let passed_ms = i64::try_from(at.saturating_duration_since(since).as_millis()).unwrap_or(i64::MAX);
        let show_ms = from_ms.saturating_add(passed_ms / 2);
        self.shown_ms.fetch_max(show_ms, Ordering::AcqRel).max(show_ms)
    }
}

impl Clock {
    /// A clock that begins now, or at `from` if that is given, so that a virtual or scaled clock goes on where it was.
    pub fn new(kind: ClockKind, from: Option<Timestamp>) -> Self {
        let started_at = match kind {
            ClockKind::Real => Self::real(),
            ClockKind::Scaled(_) | ClockKind::Virtual => from.unwrap_or_else(Self::real),
        };
        Self {
            kind,
            started: Instant::now(),
            started_at,
            advanced_ms: Arc::default(),
            steady: Arc::default(),
            pace: Pace::System,
        }
    }

    /// The clock of an engine that shares one thread with everything it waits for. No real time passes there, and the same sleeps
    /// always end in the same order.
    #[must_use]
    pub fn on_one_thread(self) -> Self {
        Self { pace: Pace::Slept(Arc::default()), ..self }
    }

    /// Real time since the clock began, for pauses and limits. It never goes back.
    pub fn elapsed(&self) -> Duration {
        match &self.pace {
            Pace::System => self.started.elapsed(),
            Pace::Slept(nanoseconds) => Duration::from_nanos(nanoseconds.load(Ordering::Acquire)),
        }
    }

    /// Sleeps for this long in real time.
    pub async fn sleep(&self, time: Duration) {
        match &self.pace {
            Pace::System => tokio::time::sleep(time).await,
            Pace::Slept(nanoseconds) => {
                for _ in 0..TURNS {
                    tokio::task::yield_now().await;
                }
                let slept = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 1_024);
                nanoseconds.fetch_add(slept, Ordering::AcqRel);
            }
        }
    }

    /// Whether the clock is real, scaled or virtual.
    pub const fn kind(&self) -> ClockKind {
        self.kind
    }

    /// The present engine time.
    pub fn now(&self) -> Timestamp {
        match self.kind {
            ClockKind::Real => Timestamp::from_ms(self.steady.show(Self::real().as_ms(), Instant::now())),
            ClockKind::Scaled(factor) => {
                let real_ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
                self.started_at.plus_ms(real_ms.saturating_mul(i64::from(factor)))
            }
            ClockKind::Virtual => self.started_at.plus_ms(self.advanced_ms.load(Ordering::Acquire)),
        }
    }

    /// Sets the virtual clock forward to `to`, never back. Other clocks cannot be set.
    pub fn advance_to(&self, to: Timestamp) {
        if self.kind == ClockKind::Virtual {
            self.advanced_ms.fetch_max(to.since_ms(self.started_at), Ordering::AcqRel);
        }
    }

    /// How long in real time until the engine's clock shows `at`; none if that takes an advance.
    pub fn until(&self, at: Timestamp) -> Option<Duration> {
        let ms = u64::try_from(at.since_ms(self.now())).unwrap_or(0);
        match self.kind {
            ClockKind::Real => Some(Duration::from_millis(ms)),
            ClockKind::Scaled(factor) => Some(Duration::from_millis(ms / u64::from(factor).max(1))),
            ClockKind::Virtual => (ms == 0).then_some(Duration::ZERO),
        }
    }

    /// The system's time, for signatures, budgets and network time-outs.
    pub fn real() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_time_never_goes_back_and_never_stands_still() {
        let steady = Steady::default();
        let begin = Instant::now();
        // The real milliseconds that have passed, what the system's clock shows, and what the engine's clock should show.
        let cases = [
            (0, 1_000_000, 1_000_000, "as the system"),
            (10, 1_000_010, 1_000_010, "as the system"),
            (20, 9_000_000, 9_000_000, "a jump forward is taken at once"),
            (30, 1_000_030, 9_000_000, "a jump back is not"),
            (1_030, 1_001_030, 9_000_500, "it goes on at half speed"),
            (3_030, 1_003_030, 9_001_500, "as long as the system is behind"),
            (4_030, 900_000, 9_002_000, "and when it is set back once more"),
            (5_030, 9_002_600, 9_002_600, "the system has caught up"),
            (5_040, 9_002_610, 9_002_610, "as the system again"),
            (5_050, 9_002_000, 9_002_610, "back a second time"),
            (6_050, 9_003_000, 9_003_000, "nobody looked meanwhile: it has caught up with what was shown"),
            (6_060, 9_002_000, 9_003_000, "back a third time"),
            (7_060, 9_002_900, 9_003_500, "at half speed again"),
        ];
        for (passed_ms, system_ms, expected, why) in cases {
            let shown = steady.show(system_ms, begin + Duration::from_millis(passed_ms));
            assert_eq!(shown, expected, "{passed_ms} ms after the beginning: {why}");
        }
    }
}
