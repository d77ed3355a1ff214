//! Generated cases: what leads may look like that nobody thought of. A case follows from its seed and number alone, so that
//! one that fails can be made again.

use super::ask::{self, blank, value};
use super::subject::Subject;
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::plugin::{DecisionKind, FieldRead, HistoryReads, Reads};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::ValueType;
use cadenza_sdk::Span;
use cadenza_sdk::golden::{Case, EngagementCase, Length, OverdueCase, Scalar, TouchCase};
use fastrand::Rng;

/// Texts that have broken programs before, and some that have not.
const TEXTS: [&str; 14] = [
    "",
    " ",
    "Ada",
    "VP Sales",
    "hot",
    "DE",
    "ada@mail.example",
    "Müller & Söhne",
    "東京",
    "🎉 👩‍💻",
    "İSTANBUL ß ﬁ",
    "a\u{0301}\u{200D}",
    "line\nbreak\ttab",
    "\u{0}\u{7F}",
];
/// Kinds of engagement beside those that the plugin or its cases name; the last is one nobody has heard of.
const ENGAGEMENTS: [&str; 4] = ["page", "paper", "event", "never_heard_of"];
/// The most characters of a text field.
const TEXT_MAX: usize = 4_096;
/// The most touches or engagements of a generated lead; a lead keeps no more.
const HISTORY_MAX: usize = 40;

/// Makes cases for one plugin.
pub struct Generator<'a> {
    /// The plugin that is asked.
    pub subject: &'a Subject,
    /// Cases like which they are made.
    pub known: &'a [(DecisionKind, Case)],
    /// Where the sequence begins: the same seed, the same questions.
    pub seed: u64,
}

impl Generator<'_> {
    /// The case with this number, and the kind of decision it is about.
    pub fn case(&self, number: u64) -> (DecisionKind, Case) {
        let mut rng = Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number));
        let kinds = &self.subject.info.kinds;
        let kind = kinds[rng.usize(..kinds.len())];
        // What a workflow sets is taken from the cases: at random hardly any parameters would go together.
        let base = if self.known.is_empty() { None } else { Some(&self.known[rng.usize(..self.known.len())].1) };
        let mut case = blank();
        case.case = format!("Generated: --seed {}, number {number}", self.seed);
        if let Some(base) = base {
            (case.now, case.with) = (base.now, base.with.clone());
        }
        if rng.u8(..8) == 0 {
            self.stretch_parameter(&mut rng, &mut case);
        }
        let reads = ask::reads(self.subject, &case).unwrap_or_default();
        self.fill_fields(&mut rng, &mut case, &reads);
        self.fill_history(&mut rng, &mut case, &reads);
        fill_rest(&mut rng, &mut case, &reads, kind);
        (kind, case)
    }

    /// Sets one number to the end of its range.
    fn stretch_parameter(&self, rng: &mut Rng, case: &mut Case) {
        let ranged = self.subject.info.parameters.iter().filter(|p| p.minimum.is_some() && p.maximum.is_some());
        let ranged: Vec<_> = ranged.collect();
        let Some(parameter) = ranged.get(rng.usize(..ranged.len().max(1))) else { return };
        let end = if rng.bool() { parameter.minimum } else { parameter.maximum }.unwrap_or_default();
        let end = if parameter.kind == ValueType::Int { Scalar::Int(end as i64) } else { Scalar::Number(end) };
        case.with.insert(parameter.name.clone(), end);
    }

    fn fill_fields(&self, rng: &mut Rng, case: &mut Case, reads: &Reads) {
        for FieldRead { name, kind } in &reads.fields {
            let written = self.known.iter().filter_map(|(_, case)| case.lead.get(name));
            let written: Vec<&Scalar> = written.filter(|scalar| value(scalar, *kind).is_some()).collect();
            let value = match rng.u8(..100) {
                0..30 => continue,
                30..65 if !written.is_empty() => written[rng.usize(..written.len())].clone(),
                _ => scalar(rng, *kind, Timestamp::from_ms(case.now.0.as_ms())),
            };
            case.lead.insert(name.clone(), value);
        }
    }

    fn fill_history(&self, rng: &mut Rng, case: &mut Case, reads: &Reads) {
        if let Some(window) = &reads.touches {
            let wanted: Vec<Channel> = window.kinds.iter().filter_map(|kind| Channel::parse(kind)).collect();
            let channels = if wanted.is_empty() || rng.u8(..4) == 0 { Channel::ALL } else { &wanted[..] };
            case.touches = ages(rng, window).into_iter().map(|age| touch(rng, age, channels)).collect();
        }
        if let Some(window) = &reads.engagement {
            let named = self.known.iter().flat_map(|(_, case)| &case.engagement);
            let details: Vec<&str> =
                named.clone().map(|seen| seen.detail.as_str()).chain(TEXTS.iter().copied()).collect();
            let kinds = window.kinds.iter().map(String::as_str).chain(named.map(|seen| seen.kind.as_str()));
            let kinds: Vec<&str> = kinds.chain(ENGAGEMENTS).collect();
            let ages = ages(rng, window);
            let seen = |age| EngagementCase {
                age,
                kind: kinds[rng.usize(..kinds.len())].to_owned(),
                detail: details[rng.usize(..details.len())].to_owned(),
            };
            case.engagement = ages.into_iter().map(seen).collect();
        }
    }
}

/// Ages within a window and a little beyond it, newest first.
fn ages(rng: &mut Rng, window: &HistoryReads) -> Vec<Length> {
    let most = (usize::from(window.count_max) + 2).min(HISTORY_MAX);
    let days = i64::from(window.days_back_max) + 2;
    let mut seconds: Vec<i64> = (0..rng.usize(..=most)).map(|_| rng.i64(0..days * DAY_MS / 1_000)).collect();
    seconds.sort_unstable();
    seconds.into_iter().map(|seconds| Length(Span::seconds(seconds))).collect()
}

fn touch(rng: &mut Rng, age: Length, channels: &[Channel]) -> TouchCase {
    let outcome = Outcome::ALL[rng.usize(..Outcome::ALL.len())];
    let result = outcome.reached().then(|| TouchResult::ALL[rng.usize(..TouchResult::ALL.len())]);
    TouchCase {
        age,
        channel: channels[rng.usize(..channels.len())].to_string(),
        outcome: outcome.to_string(),
        result: result.map(|result| result.to_string()),
    }
}

fn fill_rest(rng: &mut Rng, case: &mut Case, reads: &Reads, kind: DecisionKind) {
    if reads.owner_present {
        case.owner_present = [None, Some(true), Some(false)][rng.usize(..3)];
    }
    if reads.previous_score {
        case.previous_score = [None, Some(-1_000), Some(1_000), Some(rng.i32(-1_000..=1_000))][rng.usize(..4)];
    }
    if reads.business_elapsed {
        case.business_elapsed = Some(length(rng));
    }
    if kind == DecisionKind::Escalation {
        let points = rng.u16(1..=5);
        case.overdue = Some(OverdueCase {
            point: rng.u16(..points),
            points,
            waited: length(rng),
            late: length(rng),
            reminders: rng.u16(..4),
            raised: rng.bool(),
        });
    }
}

/// Minutes mostly, or nothing, or ten years.
fn length(rng: &mut Rng) -> Length {
    Length(match rng.u8(..8) {
        0 => Span::ZERO,
        1 => Span::days(3_660),
        2 => Span::days(rng.i64(..60)),
        _ => Span::seconds(rng.i64(..7_200)),
    })
}

fn scalar(rng: &mut Rng, kind: ValueType, now: Timestamp) -> Scalar {
    match kind {
        ValueType::Bool => Scalar::Bool(rng.bool()),
        ValueType::Int => {
            let ends = [0, 1, -1, i64::MIN, i64::MAX, 1 << 31, rng.i64(..1_000), rng.i64(-100_000..1_000_000)];
            Scalar::Int(ends[rng.usize(..ends.len())])
        }
        ValueType::Number => {
            let ends = [0.0, -0.0, 0.1, -1.0, 1e308, -1e308, 5e-324, 1e15, rng.f64() * 1e6, rng.f64() * 100.0];
            Scalar::Number(ends[rng.usize(..ends.len())])
        }
        ValueType::Time => Scalar::Text(time(rng, now)),
        ValueType::Date => Scalar::Text(time(rng, now)[..10].to_owned()),
        ValueType::Duration => Scalar::Text(format!("{}m", [0, 1, 60, 5_270_400, rng.u32(..100_000)][rng.usize(..5)])),
        ValueType::Text | ValueType::Any => Scalar::Text(text(rng)),
        ValueType::List => Scalar::List((0..[0, 1, 3, 50][rng.usize(..4)]).map(|_| text(rng)).collect()),
    }
}

fn time(rng: &mut Rng, now: Timestamp) -> String {
    match rng.u8(..8) {
        0 => "0001-01-01T00:00:00Z".to_owned(),
        1 => "9999-12-30T00:00:00Z".to_owned(),
        2 => now.to_string(),
        _ => Timestamp::from_ms(now.as_ms() + rng.i64(-800..800) * DAY_MS + rng.i64(..DAY_MS) / 1_000 * 1_000)
            .to_string(),
    }
}

fn text(rng: &mut Rng) -> String {
    match rng.u8(..40) {
        0 => "x".repeat(TEXT_MAX),
        1 => "語".repeat(TEXT_MAX / 3),
        2..12 => std::iter::repeat_with(|| rng.char('\u{20}'..'\u{2FF}')).take(12).collect(),
        _ => TEXTS[rng.usize(..TEXTS.len())].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_can_be_pasted_into_a_golden_file() {
        let mut rng = Rng::with_seed(7);
        for number in 0..400 {
            let mut case = blank();
            for kind in ValueType::ALL {
                let value = scalar(&mut rng, *kind, Timestamp::from_ms(case.now.0.as_ms()));
                case.lead.insert(kind.to_string(), value);
            }
            case.touches = vec![touch(&mut rng, Length(Span::days(1)), Channel::ALL)];
            let yaml = crate::paste::yaml(&case, DecisionKind::Scoring, &[DecisionKind::Scoring]);
            let read: Vec<Case> =
                serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{number}: {error}\n{yaml}"));
            assert_eq!(read[0].lead, case.lead, "{yaml}");
            assert_eq!(read[0].now, case.now, "{yaml}");
        }
    }
}
