//! Advances the epoch of every engine once a millisecond while decisions are being made, and sleeps otherwise.
//!
//! One thread serves all sandboxes of the process. It protects against decisions that take time without burning fuel.
//! Fuel decides everything else, so a late tick changes no answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::Duration;
use wasmtime::{Engine, EngineWeak};

/// How often epochs advance.
const TICK: Duration = Duration::from_millis(1);
/// After this many ticks without a decision, the thread sleeps until the next one. Waking it costs a decision a few
/// microseconds; a tick costs a wake-up of a core.
const IDLE_TICKS_MAX: u32 = 50;

/// After how many ticks at least this many milliseconds have passed. The current tick may be
/// nearly over, so one is added.
pub(crate) fn ticks(wall_ms: u32) -> u64 {
    u64::from(wall_ms) + 1
}

static TICKER: LazyLock<Ticker> = LazyLock::new(Ticker::start);

struct Ticker {
    shared: Arc<Shared>,
    thread: Option<Thread>,
}

#[derive(Default)]
struct Shared {
    asleep: AtomicBool,
    watched: Mutex<Vec<(Weak<AtomicU64>, EngineWeak)>>,
}

/// A sandbox's place with the ticker, through which it announces its decisions.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Odd while a decision is being made.
    turns: Arc<AtomicU64>,
}

impl Watch {
    /// Lets this engine's epoch advance while decisions are being made. Fails if no thread can be started.
    pub(crate) fn over(engine: &Engine) -> std::io::Result<Self> {
        if TICKER.thread.is_none() {
            return Err(std::io::Error::other("the thread that ends overlong decisions could not be started"));
        }
        let turns = Arc::new(AtomicU64::new(0));
        let mut watched = TICKER.shared.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.push((Arc::downgrade(&turns), engine.weak()));
        Ok(Self { turns })
    }

    /// Marks a decision as being made until the returned value is dropped.
    pub(crate) fn decision(&self) -> Underway<'_> {
        // Sequentially consistent, as is the ticker's pair: either the ticker sees this turn, or we see it asleep.
        self.turns.fetch_add(1, Ordering::SeqCst);
        if TICKER.shared.asleep.load(Ordering::SeqCst)
            && let Some(thread) = &TICKER.thread
        {
            thread.unpark();
        }
        Underway(self)
    }
}

/// A decision that is being made.
pub(crate) struct Underway<'a>(&'a Watch);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.turns.fetch_add(1, Ordering::Release);
    }
}

impl Ticker {
    fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let started = thread::Builder::new().name("cadenza-epochs".to_owned()).spawn(move || seen.run());
        Self { shared, thread: started.ok().map(|handle| handle.thread().clone()) }
    }
}

impl Shared {
    fn run(&self) -> ! {
        let (mut idle_ticks, mut turns_before) = (0, u64::MAX);
        loop {
            thread::sleep(TICK);
            let (turns, underway) = self.tick();
            idle_ticks = if underway || turns != turns_before { 0 } else { idle_ticks + 1 };
            turns_before = turns;
            if idle_ticks < IDLE_TICKS_MAX {
                continue;
            }
            self.asleep.store(true, Ordering::SeqCst);
            if self.turns() == (turns, false) {
                thread::park();
            }
            self.asleep.store(false, Ordering::SeqCst);
            idle_ticks = 0;
        }
    }

    /// Advances every epoch, and forgets sandboxes that are gone.
    fn tick(&self) -> (u64, bool) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|(turns, engine)| match (turns.upgrade(), engine.upgrade()) {
            (Some(_), Some(engine)) => {
                engine.increment_epoch();
                true
            }
            _ => false,
        });
        drop(watched);
        self.turns()
    }

    /// How many turns were taken in all, and whether a decision is being made.
    fn turns(&self) -> (u64, bool) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched
            .iter()
            .filter_map(|(turns, _)| turns.upgrade())
            .map(|turns| turns.load(Ordering::SeqCst))
            .fold((0, false), |(sum, underway), turns| (sum.wrapping_add(turns), underway || turns % 2 == 1))
    }
}
