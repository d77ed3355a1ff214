//! What decisions of a plugin cost, for the leads of the golden cases, in the sandbox used in production.

use super::subject::Subject;
use cadenza_core::plugin::{DecisionInput, DecisionKind};
use cadenza_sandbox::Used;
use std::time::{Duration, Instant};

/// Leads of one batch; as many as the engine scores in one instance.
const BATCH_LEADS: usize = 100;
/// The longest that one part of the measurement takes. An interpreter needs a thousand times as long as compiled code.
const MEASURED_FOR_MAX: Duration = Duration::from_secs(10);

/// What is asked: a kind of decision and its input.
pub type Asked = (DecisionKind, DecisionInput);

/// What decisions cost.
#[derive(Debug)]
pub struct Costs {
    /// How many single calls were measured.
    pub calls: usize,
    /// The first call of a sandbox, which maps the code into memory.
    pub first: Duration,
    /// Each call, the shortest first.
    pub single: Vec<Duration>,
    /// The time per lead of each batch, the shortest first; empty for a plugin that does not score.
    pub batch_per_lead: Vec<Duration>,
    /// Fuel of each of the inputs, the least first.
    pub fuel: Vec<u64>,
    /// The most of each resource that one decision used.
    pub most: Used,
    /// How many of the inputs led to no decision.
    pub undecided: usize,
}

/// Measures this many calls over these inputs, of which there must be at least one.
pub fn measure(subject: &Subject, inputs: &[Asked], calls: usize) -> anyhow::Result<Costs> {
    let digest = subject.info.digest;
    let fresh = subject.another_sandbox()?;
    let began = Instant::now();
    let _ = fresh.decide(digest, inputs[0].0, &inputs[0].1);
    let first = began.elapsed();
    let decided: Vec<_> = inputs.iter().map(|(kind, input)| fresh.decide(digest, *kind, input)).collect();
    let mut fuel: Vec<u64> = decided.iter().map(|decided| decided.cost.fuel).collect();
    fuel.sort_unstable();
    let single = repeated(calls, |turn| {
        let (kind, input) = &inputs[turn % inputs.len()];
        let _ = fresh.decide(digest, *kind, input);
    });
    let batch = batch(inputs);
    let batch_per_lead = if batch.is_empty() {
        Vec::new()
    } else {
        repeated(calls / BATCH_LEADS + 1, |_| {
            let _ = fresh.score_batch(digest, &batch);
        })
    };
    Ok(Costs {
        calls: single.len(),
        first,
        single,
        batch_per_lead: batch_per_lead.into_iter().map(|took| took / batch.len() as u32).collect(),
        fuel,
        most: decided.iter().fold(Used::default(), |most, decided| most.most(&decided.used)),
        undecided: decided.iter().filter(|decided| decided.answer.is_err()).count(),
    })
}

/// A batch as the engine makes them: leads of one moment, with the same parameters.
fn batch(inputs: &[Asked]) -> Vec<DecisionInput> {
    let scored: Vec<&DecisionInput> =
        inputs.iter().filter(|(kind, _)| *kind == DecisionKind::Scoring).map(|(_, input)| input).collect();
    let Some(first) = scored.first() else { return Vec::new() };
    let alike = scored.iter().filter(|input| input.parameters == first.parameters);
    let mut alike: Vec<DecisionInput> = alike.map(|input| (*input).clone()).collect();
    for input in &mut alike {
        input.now = first.now;
    }
    alike.into_iter().cycle().take(BATCH_LEADS).collect()
}

/// How long each of `calls` calls takes, the shortest first. Stops early if that takes too long.
fn repeated(calls: usize, mut call: impl FnMut(usize)) -> Vec<Duration> {
    let began = Instant::now();
    let mut took = Vec::with_capacity(calls);
    for turn in 0..calls {
        let start = Instant::now();
        call(turn);
        took.push(start.elapsed());
        if began.elapsed() > MEASURED_FOR_MAX {
            break;
        }
    }
    took.sort_unstable();
    took
}

/// The smallest of the sorted values that this share of them does not exceed.
pub fn percentile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_so_many_do_not_exceed() {
        let four = [1, 2, 3, 4];
        assert_eq!(
            [0.0, 0.25, 0.5, 0.75, 0.99, 1.0].map(|share| percentile(&four, share)),
            [1, 1, 2, 3, 4, 4].map(Some)
        );
        assert_eq!(percentile::<u8>(&[], 0.5), None);
    }
}
