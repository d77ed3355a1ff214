//! The distribution of values, in little space: eight buckets for each doubling, so a quantile is
//! at most an eighth too high.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const OCTAVE_BITS: u32 = 3;
const OCTAVE: usize = 1 << OCTAVE_BITS;
const BUCKETS: usize = (64 - OCTAVE_BITS as usize + 1) * OCTAVE;

/// Counts of values by their size.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    max: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), max: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Counts one value.
    pub fn record(&self, value: u64) {
        self.buckets[bucket(value)].fetch_add(1, Relaxed);
        self.max.fetch_max(value, Relaxed);
    }

    /// The largest value so far.
    pub fn max(&self) -> u64 {
        self.max.load(Relaxed)
    }

    /// A value that this percentage of values does not exceed; 0 if there are none.
    pub fn percentile(&self, percent: u64) -> u64 {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let wanted = (counts.iter().sum::<u64>() * percent).div_ceil(100);
        let mut seen = 0;
        for (at, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return upper(at).min(self.max());
            }
        }
        0
    }
}

fn bucket(value: u64) -> usize {
    if value < OCTAVE as u64 {
        return value as usize;
    }
    let exponent = 63 - value.leading_zeros();
    let within = (value >> (exponent - OCTAVE_BITS)) as usize & (OCTAVE - 1);
    (exponent - OCTAVE_BITS + 1) as usize * OCTAVE + within
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let (octave, within) = (bucket / OCTAVE, (bucket % OCTAVE) as u64);
    if octave == 0 {
        return within;
    }
    let width = octave as u32 - 1;
    let first = (OCTAVE as u64 + within) << width;
    first + ((1 << width) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for value in (0..200).chain([1_000, 65_535, 65_536, 1 << 40, u64::MAX - 1, u64::MAX]) {
            let at = bucket(value);
            assert!(value <= upper(at), "{value} is above its bucket's {}", upper(at));
            assert!(at == 0 || value > upper(at - 1), "{value} belongs further down");
            assert!(upper(at) - value <= value / 8 + 1, "{value} is reported as {}", upper(at));
        }
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let histogram = Histogram::default();
        assert_eq!(histogram.percentile(99), 0);
        (1..=1_000).for_each(|value| histogram.record(value));
        let close = |percent, exact: u64| (exact..=exact + exact / 8 + 1).contains(&histogram.percentile(percent));
        assert!(close(50, 500) && close(99, 990), "{} {}", histogram.percentile(50), histogram.percentile(99));
        assert_eq!(histogram.percentile(100), 1_000);
    }
}
