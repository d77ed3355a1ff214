//! How much a connection lets through in an hour. What is over is not looked at before its time, so the gate is asked
//! when a message may really leave. Kept in memory: a new life of the engine begins with one message at once. Must not
//! know: what a message says.

use cadenza_core::time::{HOUR_MS, Timestamp};
use std::collections::BTreeMap;

/// Which part of an hour's messages may leave at once, after a pause.
const AT_ONCE: u32 = 60;

/// The rate of each connection that has one.
#[derive(Debug, Default)]
pub(super) struct Allowances(BTreeMap<String, Allowance>);

#[derive(Clone, Copy, Debug)]
struct Allowance {
    /// When the messages that have left would have left, one after the other at the rate.
    level: Timestamp,
}

/// The wait between two messages, and how far their level may be ahead of the clock, in milliseconds. In no hour that
/// begins anywhere more messages leave than `per_hour`.
fn rate(per_hour: u32) -> (i64, i64) {
    let at_once = (per_hour / AT_ONCE).max(1);
    let many = i64::from(per_hour - at_once + 1);
    let apart_ms = (HOUR_MS + many - 1) / many;
    (apart_ms, apart_ms * i64::from(at_once - 1))
}

impl Allowances {
    /// A message leaves by a connection. Returns when the next one may; `None` when it may leave at once.
    pub(super) fn take(&mut self, via: &str, per_hour: Option<u32>, now: Timestamp) -> Option<Timestamp> {
        let Some(per_hour) = per_hour.filter(|most| *most > 0) else {
            self.0.remove(via);
            return None;
        };
        let (apart_ms, ahead_ms) = rate(per_hour);
        let level = self.0.get(via).map_or(now.plus_ms(ahead_ms), |own| own.level.max(now)).plus_ms(apart_ms);
        self.0.insert(via.to_owned(), Allowance { level });
        Some(level.plus_ms(-ahead_ms)).filter(|next| *next > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hour_has_more_than_its_share_and_a_day_uses_it() {
        for per_hour in [1_u32, 2, 7, 59, 60, 200, 1_000, 100_000] {
            let mut allowances = Allowances::default();
            let (mut now, mut left) = (Timestamp::from_ms(0), Vec::new());
            while now.as_ms() < 3 * HOUR_MS {
                left.push(now.as_ms());
                now = allowances.take("post", Some(per_hour), now).unwrap_or(now);
                if left.len() % (per_hour as usize / 2 + 1) == 0 {
                    // A pause, after which several may leave at once.
                    now = now.plus_ms(HOUR_MS / 4);
                }
            }
            let mut first = 0;
            for (last, at) in left.iter().enumerate() {
                while left[first] + HOUR_MS <= *at {
                    first += 1;
                }
                let many = last - first + 1;
                assert!(many <= per_hour as usize, "{many} of {per_hour} in the hour before {at}");
            }
            let least = per_hour as usize * 3 / 2;
            assert!(left.len() >= least, "{} of {per_hour} an hour in three hours", left.len());
        }
    }

    #[test]
    fn what_has_no_limit_or_loses_it_is_not_held() {
        let mut allowances = Allowances::default();
        let now = Timestamp::from_ms(0);
        assert_eq!(allowances.take("crm", None, now), None);
        assert_eq!(allowances.take("post", Some(1), now), Some(now.plus_ms(HOUR_MS)));
        assert_eq!(allowances.take("post", None, now), None);
    }
}
