//! What a build that is only watched would have decided differently: counted, with examples that name
//! leads but hold nobody's data.

use cadenza_core::id::{Digest, LeadId};
use cadenza_core::plugin::{Decision, DecisionFailure};
use cadenza_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// How many of the latest examples are kept.
const EXAMPLES_MAX: usize = 200;

/// One question that both builds were asked.
#[derive(Clone, Debug)]
pub struct Compared {
    pub plugin: String,
    /// The build that decided; `None` if none could be asked, or if several did.
    pub live: Option<Digest>,
    /// The build that was watched.
    pub shadow: Digest,
    pub lead: LeadId,
    /// When the live build was asked.
    pub at: Timestamp,
    /// What the live build decided.
    pub decided: Result<Decision, DecisionFailure>,
    /// What the watched build would have decided.
    pub would_decide: Result<Decision, DecisionFailure>,
}

/// The results of watching one build beside another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// The build that decides. The tally starts again with another one.
    pub live: Option<Digest>,
    /// The build that is watched.
    pub shadow: Option<Digest>,
    /// Questions that both were asked.
    pub asked: u64,
    /// How many of these differ in some way.
    pub different: u64,
    /// Those with other points, whatever the segment.
    pub points: u64,
    /// The sum of all differences in points, watched minus live.
    pub points_sum: i64,
    /// The largest difference either way.
    pub points_max: i32,
    /// Those that differ only in their reasons.
    pub reasons: u64,
    /// Other segments, tracks or actions: `warm -> hot`, and how often.
    pub moves: BTreeMap<String, u64>,
    /// Questions that the watched build failed or refused but the live one did not.
    pub fails: u64,
    /// Questions that the live build failed or refused but the watched one did not.
    pub fails_live: u64,
    /// Questions that the watched build was not asked, because it was too slow to keep up or failed repeatedly.
    #[serde(default)]
    pub skipped: u64,
    /// Why the watched build failed, without its own words, and how often.
    #[serde(default)]
    pub failures: BTreeMap<String, u64>,
    /// The latest differences.
    pub examples: VecDeque<Example>,
}

/// One difference between the builds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    pub lead: LeadId,
    /// When the live build was asked.
    pub at: Timestamp,
    /// What the live build decided, in words.
    pub live: String,
    /// What the watched build would have decided, in words.
    pub shadow: String,
}

impl Tally {
    /// Adds a question that both were asked.
    pub fn add(&mut self, compared: &Compared) {
        let Compared { live, shadow, lead, at, decided, would_decide, .. } = compared;
        if self.live != *live || self.shadow != Some(*shadow) {
            *self = Self { live: *live, shadow: Some(*shadow), ..Self::default() };
        }
        if matches!(would_decide, Err(DecisionFailure::Unavailable(_))) {
            // Its circuit is open, so there is nothing to compare.
            self.skipped += 1;
            return;
        }
        self.asked += 1;
        if let Err(failure) = would_decide {
            *self.failures.entry(failure.without_words().to_string()).or_default() += 1;
        }
        if decided == would_decide {
            return;
        }
        match (decided, would_decide) {
            (Ok(live), Ok(shadow)) => self.compare(live, shadow),
            (Ok(_), Err(_)) => self.fails += 1,
            (Err(_), Ok(_)) => self.fails_live += 1,
            // Both fail, each in its own way.
            (Err(_), Err(_)) => return,
        }
        self.different += 1;
        if self.examples.len() == EXAMPLES_MAX {
            self.examples.pop_front();
        }
        self.examples.push_back(Example { lead: *lead, at: *at, live: say(decided), shadow: say(would_decide) });
    }

    fn compare(&mut self, live: &Decision, shadow: &Decision) {
        let mut reasons_only = true;
        if let (Decision::Score { points: before, .. }, Decision::Score { points: after, .. }) = (live, shadow)
            && before != after
        {
            let difference = after - before;
            reasons_only = false;
            self.points += 1;
            self.points_sum += i64::from(difference);
            if difference.abs() > self.points_max.abs() {
                self.points_max = difference;
            }
        }
        let (before, after) = (what(live), what(shadow));
        if before != after {
            *self.moves.entry(format!("{before} -> {after}")).or_default() += 1;
        } else if reasons_only && live.reasons() != shadow.reasons() {
            self.reasons += 1;
        }
    }
}

/// The result of a decision: the segment, track or action.
fn what(decision: &Decision) -> &str {
    match decision {
        Decision::Score { segment, .. } => segment.as_str(),
        Decision::Track { track, .. } => track,
        Decision::Escalate { action, .. } => action.as_str(),
    }
}

/// A decision in a few words, without reasons and messages, because those may name people.
fn say(decided: &Result<Decision, DecisionFailure>) -> String {
    match decided {
        Ok(decision @ Decision::Score { points, .. }) => format!("{points} points, {}", what(decision)),
        Ok(decision) => what(decision).to_owned(),
        Err(DecisionFailure::Refusal(_)) => "refused".to_owned(),
        Err(_) => "failed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_core::plugin::Segment;

    fn score(points: i32, segment: Segment) -> Result<Decision, DecisionFailure> {
        Ok(Decision::Score { points, segment, reasons: Vec::new(), rescore_after_s: None })
    }

    fn add(tally: &mut Tally, decided: Result<Decision, DecisionFailure>, would: Result<Decision, DecisionFailure>) {
        tally.add(&Compared {
            plugin: "fit".to_owned(),
            live: Some(Digest(1)),
            shadow: Digest(2),
            lead: LeadId::new(Timestamp::from_ms(0), 1),
            at: Timestamp::from_ms(0),
            decided,
            would_decide: would,
        });
    }

    #[test]
    fn differences_are_counted_by_what_follows_from_them() {
        let mut tally = Tally::default();
        add(&mut tally, score(50, Segment::Warm), score(50, Segment::Warm));
        add(&mut tally, score(70, Segment::Warm), score(80, Segment::Hot));
        add(&mut tally, score(70, Segment::Warm), score(65, Segment::Warm));
        add(&mut tally, score(70, Segment::Warm), Err(DecisionFailure::Trap("alas".to_owned())));
        add(&mut tally, score(70, Segment::Warm), Err(DecisionFailure::Unavailable("for 29 s".to_owned())));
        assert_eq!((tally.asked, tally.different, tally.points, tally.fails), (4, 3, 2, 1));
        assert_eq!(tally.skipped, 1, "who is not asked is not compared");
        assert_eq!((tally.points_sum, tally.points_max), (5, 10));
        assert_eq!(tally.moves, BTreeMap::from([("warm -> hot".to_owned(), 1)]));
        assert_eq!(tally.examples[0].shadow, "80 points, hot");
        assert_eq!(tally.failures, BTreeMap::from([("the plugin trapped".to_owned(), 1)]), "without its words");
    }
}
