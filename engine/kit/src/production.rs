//! Puts decisions that were really taken to another build, to see what would change. Does not
//! know how they are fetched.

use super::subject::Subject;
use cadenza_builds::decision::{DecisionView, InputView};
use cadenza_builds::shadow::{Compared, Tally};
use cadenza_core::plugin::{
    Decision, DecisionFailure, DecisionInput, DecisionKind, EngagementSeen, FieldRead, HistoryReads, Reads, TouchSeen,
    With, lay_out,
};
use cadenza_core::time::DAY_MS;
use cadenza_core::value::Value;
use cadenza_sandbox::Decided;
use std::collections::BTreeMap;

/// The results of replaying.
#[derive(Debug, Default)]
pub struct Replay {
    /// What would change.
    pub tally: Tally,
    /// The most fuel of one decision.
    pub fuel_max: u64,
    /// What the build reads but was not recorded, because the build that decided did not read it, or read
    /// less of it; and how often.
    pub not_recorded: BTreeMap<String, u64>,
    /// Parameters that were set but that the build does not have.
    pub not_taken: BTreeMap<String, u64>,
    /// Decisions that the build fails or refuses: why, and how often.
    pub failures: BTreeMap<String, u64>,
    /// Decisions that could not be put to the build: why, and how often.
    pub not_asked: BTreeMap<String, u64>,
}

/// A decision that was put to the build.
#[derive(Debug)]
pub struct Asked {
    /// The kind of decision.
    pub kind: DecisionKind,
    /// What the plugin was asked.
    pub input: DecisionInput,
    /// What it reads, in the order of the fields.
    pub reads: Reads,
    /// What this build decides.
    pub decided: Decided,
}

impl Replay {
    /// Puts a decision to the build and compares. `None` if it cannot be asked.
    pub fn add(&mut self, subject: &Subject, taken: &DecisionView) -> Option<Asked> {
        let (kind, input, reads) = match self.question(subject, taken) {
            Ok(question) => question,
            Err(why) => {
                *self.not_asked.entry(why).or_default() += 1;
                return None;
            }
        };
        let decided = subject.sandbox.decide(subject.info.digest, kind, &input);
        self.fuel_max = self.fuel_max.max(decided.cost.fuel);
        self.tally.add(&Compared {
            plugin: taken.plugin.clone(),
            // All builds that decided are one side of the comparison.
            live: None,
            shadow: subject.info.digest,
            lead: taken.lead,
            at: taken.at,
            decided: outcome(taken),
            would_decide: decided.answer.clone(),
        });
        if let Err(failure) = &decided.answer {
            *self.failures.entry(failure.to_string()).or_default() += 1;
        }
        Some(Asked { kind, input, reads, decided })
    }

    fn question(
        &mut self,
        subject: &Subject,
        taken: &DecisionView,
    ) -> Result<(DecisionKind, DecisionInput, Reads), String> {
        let kind = taken.kind.ok_or("it failed, and the build that was asked is gone")?;
        if taken.input.by_position {
            return Err("the build that decided is gone, so the names of what it was passed are not known".to_owned());
        }
        if !subject.info.kinds.contains(&kind) {
            return Err(format!("the build does not decide {kind}"));
        }
        let known = |name: &str| subject.info.parameters.iter().any(|parameter| parameter.name == name);
        let mut with = With::new();
        for (name, value) in &taken.input.parameters {
            if known(name) {
                with.insert(name.clone(), value.clone());
            } else {
                *self.not_taken.entry(name.clone()).or_default() += 1;
            }
        }
        let parameters = lay_out(&subject.info, &with).map_err(|error| error.to_string())?;
        let reads = subject.sandbox.reads(subject.info.digest, &parameters).map_err(|failure| failure.to_string())?;
        let fields = reads.fields.iter().map(|FieldRead { name, kind }| {
            let recorded = taken.input.fields.get(name);
            match recorded.and_then(|value| value.clone().fit(*kind)) {
                Some(value) => value,
                None => {
                    *self.not_recorded.entry(name.clone()).or_default() += 1;
                    Value::Blank
                }
            }
        });
        let fields = fields.collect();
        let seen = &taken.input;
        for missing in missing(&reads, seen) {
            *self.not_recorded.entry(missing.to_owned()).or_default() += 1;
        }
        let input = DecisionInput {
            now: seen.now,
            parameters,
            fields,
            touches: within(&seen.touches, reads.touches.as_ref(), touch_window),
            engagement: within(&seen.engagement, reads.engagement.as_ref(), engagement_window),
            owner_present: seen.owner_present.filter(|_| reads.owner_present),
            previous_score: seen.previous_score.filter(|_| reads.previous_score),
            business_elapsed_ms: seen.business_elapsed_ms.filter(|_| reads.business_elapsed),
            overdue: seen.overdue.clone(),
        };
        Ok((kind, input, reads))
    }
}

/// What a build reads besides fields that the one that decided did not read, or not all of it.
fn missing(reads: &Reads, seen: &InputView) -> impl Iterator<Item = &'static str> {
    let missing = |recorded: &Reads| {
        [
            (lacks(reads.touches.as_ref(), recorded.touches.as_ref(), seen.touches.len()), "touches"),
            (lacks(reads.engagement.as_ref(), recorded.engagement.as_ref(), seen.engagement.len()), "engagement"),
            (reads.owner_present && !recorded.owner_present, "owner_present"),
            (reads.previous_score && !recorded.previous_score, "previous_score"),
            (reads.business_elapsed && !recorded.business_elapsed, "business_elapsed"),
        ]
    };
    let found = seen.reads.as_ref().map(missing);
    found.into_iter().flatten().filter_map(|(is_missing, what)| is_missing.then_some(what))
}

/// Whether a window on history may show more than was recorded through another, which showed `shown` items.
fn lacks(wanted: Option<&HistoryReads>, recorded: Option<&HistoryReads>, shown: usize) -> bool {
    let Some(wanted) = wanted else { return false };
    recorded.is_none_or(|recorded| {
        let kinds = recorded.kinds.is_empty()
            || !wanted.kinds.is_empty() && wanted.kinds.iter().all(|kind| recorded.kinds.contains(kind));
        let was_cut = shown >= usize::from(recorded.count_max);
        !kinds || wanted.days_back_max > recorded.days_back_max || was_cut && wanted.count_max > recorded.count_max
    })
}

/// What was decided at the time.
fn outcome(taken: &DecisionView) -> Result<Decision, DecisionFailure> {
    match (&taken.decision, &taken.failure) {
        (Some(decision), _) => Ok(decision.clone()),
        (None, Some(failure)) => Err(failure.clone()),
        (None, None) => Err(DecisionFailure::Unavailable("nothing is recorded".to_owned())),
    }
}

/// The age of something that was seen, its kind, and the team's own word for that.
type Seen<'a> = (u32, &'a str, Option<&'a str>);

fn touch_window(touch: &TouchSeen) -> Seen<'_> {
    (touch.age_s, touch.channel.as_str(), touch.channel_own.as_deref())
}

fn engagement_window(seen: &EngagementSeen) -> Seen<'_> {
    (seen.age_s, &seen.kind, None)
}

/// The part of a history that lies within the window of another build.
fn within<T: Clone>(items: &[T], window: Option<&HistoryReads>, of: impl Fn(&T) -> Seen<'_>) -> Vec<T> {
    let Some(window) = window else { return Vec::new() };
    let wanted = |item: &&T| {
        let (age_s, kind, own) = of(item);
        i64::from(age_s) * 1_000 <= i64::from(window.days_back_max) * DAY_MS
            && (window.kinds.is_empty() || window.kinds.iter().any(|wanted| wanted == kind || own == Some(wanted)))
    };
    items.iter().filter(wanted).take(usize::from(window.count_max)).cloned().collect()
}
