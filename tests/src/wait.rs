//! Waiting for what happens on another thread or in another process.

use std::time::{Duration, Instant};

/// The longest that anything is waited for.
const WITHIN: Duration = Duration::from_secs(60);

/// Waits, in real time, until `look` finds something.
#[track_caller]
pub fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < WITHIN, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}
