//! The one place where time is read. Everything else gets `now` as an argument.
//!
//! Engine time is real, scaled (the demo) or virtual (tests, rehearsal). Signatures, budgets and network time-outs always
//! use real time.

use cadenza_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Which clock the engine runs on, as `--clock` spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum ClockKind {
    /// The system's.
    #[default]
    Real,
    /// So many times as fast as the system's.
    Scaled(u32),
    /// Stands still until it is advanced.
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

/// The engine's clock; cheap to clone, all clones agree.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    kind: ClockKind,
    started: Instant,
    started_at: Timestamp,
    /// Milliseconds the virtual clock was advanced since `started_at`.
    advanced_ms: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that begins now, or at `from` when that is given (a virtual or scaled clock goes on where it was).
    pub(crate) fn new(kind: ClockKind, from: Option<Timestamp>) -> Self {
        let started_at = match kind {
            ClockKind::Real => Self::real(),
            ClockKind::Scaled(_) | ClockKind::Virtual => from.unwrap_or_else(Self::real),
        };
        Self { kind, started: Instant::now(), started_at, advanced_ms: Arc::new(AtomicI64::new(0)) }
    }

    /// Which clock this is.
    pub(crate) const fn kind(&self) -> ClockKind {
        self.kind
    }

    /// The engine's time.
    pub(crate) fn now(&self) -> Timestamp {
        match self.kind {
            ClockKind::Real => Self::real(),
            ClockKind::Scaled(factor) => {
                let real_ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
                self.started_at.plus_ms(real_ms.saturating_mul(i64::from(factor)))
            }
            ClockKind::Virtual => self.started_at.plus_ms(self.advanced_ms.load(Ordering::Acquire)),
        }
    }

    /// Sets the virtual clock forward to `to`; never back. Other clocks cannot be set.
    pub(crate) fn advance_to(&self, to: Timestamp) {
        if self.kind == ClockKind::Virtual {
            self.advanced_ms.fetch_max(to.since_ms(self.started_at), Ordering::AcqRel);
        }
    }

    /// How long in real time until the engine's clock shows `at`; none when only an advance gets there.
    pub(crate) fn until(&self, at: Timestamp) -> Option<Duration> {
        let ms = u64::try_from(at.since_ms(self.now())).unwrap_or(0);
        match self.kind {
            ClockKind::Real => Some(Duration::from_millis(ms)),
            ClockKind::Scaled(factor) => Some(Duration::from_millis(ms / u64::from(factor).max(1))),
            ClockKind::Virtual => (ms == 0).then_some(Duration::ZERO),
        }
    }

    /// The system's time, for signatures, budgets and network time-outs.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the system clock is read")]
    pub(crate) fn real() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}
