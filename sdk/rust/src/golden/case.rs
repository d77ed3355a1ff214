//! One golden case as written in a file, and the answer it expects. Knows no plugin.

use crate::contract::describe::ValueType;
use crate::contract::types::{Reason, Value};
use crate::contract::{escalator, nurturer, scorer};
use crate::golden::Pool;
use crate::plugin::RuleText;
use crate::time::{Span, Time};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// A golden case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, as a sentence.
    pub case: String,
    /// When it is decided.
    pub now: Moment,
    /// What the workflow sets.
    #[serde(default)]
    pub with: BTreeMap<String, Scalar>,
    /// What is known of the lead.
    #[serde(default)]
    pub lead: BTreeMap<String, Scalar>,
    /// Touches, newest first.
    #[serde(default)]
    pub touches: Vec<TouchCase>,
    /// Engagement, newest first.
    #[serde(default)]
    pub engagement: Vec<EngagementCase>,
    /// Whether the owner is at work.
    pub owner_present: Option<bool>,
    /// The previous score.
    pub previous_score: Option<i32>,
    /// Business time since the task was made or the run entered.
    pub business_elapsed: Option<Length>,
    /// What is overdue; for escalators.
    pub overdue: Option<OverdueCase>,
    /// The expected answer.
    pub expect: Expect,
}

/// A touch of a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouchCase {
    /// How long ago.
    pub age: Length,
    /// Channel code.
    pub channel: String,
    /// Outcome code.
    pub outcome: String,
    /// Result code.
    pub result: Option<String>,
}

/// An engagement of a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngagementCase {
    /// How long ago.
    pub age: Length,
    /// What the lead did.
    pub kind: String,
    /// The page, paper or event it did it with.
    #[serde(default)]
    pub detail: String,
}

/// What is overdue in a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverdueCase {
    /// Which of the step's points this is, from 0.
    pub point: u16,
    /// How many points the step has.
    pub points: u16,
    /// Since the task was made.
    pub waited: Length,
    /// Since it was due.
    #[serde(default)]
    pub late: Length,
    /// How often somebody was reminded.
    #[serde(default)]
    pub reminders: u16,
    /// Whether it was already raised.
    #[serde(default)]
    pub raised: bool,
}

impl OverdueCase {
    pub(super) fn to_contract(&self) -> escalator::Overdue {
        escalator::Overdue {
            point: self.point,
            points: self.points,
            waited: self.waited.0.as_ms() as u64,
            late: self.late.0.as_ms() as u64,
            reminders: self.reminders,
            raised: self.raised,
        }
    }
}

/// The answer a case expects: a score, track, action or refusal.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Points of a score.
    pub score: Option<i32>,
    /// Segment of a score.
    pub segment: Option<String>,
    /// When a lead should be scored again.
    pub rescore_after: Option<Length>,
    /// The track chosen.
    pub track: Option<String>,
    /// When to look at the track again.
    pub look_again: Option<Length>,
    /// The action decided.
    pub action: Option<String>,
    /// What the plugin says if it cannot decide.
    pub refusal: Option<String>,
    /// The reasons, in order.
    #[serde(default)]
    pub reasons: Vec<ReasonCase>,
}

/// A reason: `[rule, points, value]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ReasonCase(pub String, pub i32, pub String);

impl Expect {
    pub(super) fn refused(why: String) -> Self {
        Self { refusal: Some(why), ..Self::default() }
    }

    pub(super) fn rating(answer: Result<scorer::Rating, String>, rules: &[RuleText]) -> Self {
        use scorer::Segment;
        answer.map_or_else(Self::refused, |rating| Self {
            score: Some(rating.points),
            segment: Some(
                match rating.segment {
                    Segment::Hot => "hot",
                    Segment::Warm => "warm",
                    Segment::Cold => "cold",
                }
                .to_owned(),
            ),
            rescore_after: rating.rescore_after.map(Length::seconds),
            reasons: named(rating.reasons, rules),
            ..Self::default()
        })
    }

    pub(super) fn choice(answer: Result<nurturer::Choice, String>, rules: &[RuleText]) -> Self {
        answer.map_or_else(Self::refused, |choice| Self {
            track: Some(choice.track),
            look_again: choice.look_again.map(Length::seconds),
            reasons: named(choice.reasons, rules),
            ..Self::default()
        })
    }

    pub(super) fn verdict(answer: Result<escalator::Verdict, String>, rules: &[RuleText]) -> Self {
        use escalator::Action;
        answer.map_or_else(Self::refused, |verdict| Self {
            action: Some(
                match verdict.action {
                    Action::Wait => "wait",
                    Action::Remind => "remind",
                    Action::Raise => "raise",
                    Action::Reassign => "reassign",
                }
                .to_owned(),
            ),
            reasons: named(verdict.reasons, rules),
            ..Self::default()
        })
    }
}

fn named(reasons: Vec<Reason>, rules: &[RuleText]) -> Vec<ReasonCase> {
    let name = |id| rules.iter().find(|rule| rule.id == id).map_or("a rule that is not described", |rule| rule.name);
    reasons.into_iter().map(|reason| ReasonCase(name(reason.rule).to_owned(), reason.points, reason.value)).collect()
}

/// Writes it as it would be in the file.
impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = [
            ("score", self.score.map(|points| points.to_string())),
            ("segment", self.segment.clone()),
            ("rescore_after", self.rescore_after.map(|length| length.to_string())),
            ("track", self.track.clone()),
            ("look_again", self.look_again.map(|length| length.to_string())),
            ("action", self.action.clone()),
            ("refusal", self.refusal.as_ref().map(|why| format!("{why:?}"))),
        ];
        for (name, value) in entries {
            if let Some(value) = value {
                writeln!(f, "    {name}: {value}")?;
            }
        }
        if !self.reasons.is_empty() {
            writeln!(f, "    reasons:")?;
        }
        for ReasonCase(rule, points, value) in &self.reasons {
            writeln!(f, "      - [{rule}, {points}, {value:?}]")?;
        }
        Ok(())
    }
}

/// A value of a field or parameter as YAML has it. Times and durations are texts there.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Number(f64),
    /// A text, time or duration.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl Scalar {
    /// The value as this type; `None` if it is not one.
    pub(super) fn fit(&self, kind: ValueType, pool: &mut Pool) -> Option<Value> {
        Some(match (self, kind) {
            (Self::Bool(yes), ValueType::Boolean) => Value::Boolean(*yes),
            (Self::Int(int), ValueType::Int) => Value::Int(*int),
            (Self::Int(int), ValueType::Number) => Value::Number(*int as f64),
            (Self::Number(number), ValueType::Number) => Value::Number(*number),
            (Self::Text(text), ValueType::Text) => Value::Text(pool.put(text)),
            (Self::Text(text), ValueType::Time) => Value::Time(Moment::parse(text)?.0.as_ms()),
            (Self::Text(text), ValueType::Duration) => Value::Duration(Length::parse(text)?.0.as_ms()),
            (Self::List(texts), ValueType::Texts) => Value::Texts(pool.put_all(texts)),
            _ => return None,
        })
    }
}

/// A point in time, written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment(pub Time);

impl Moment {
    fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Self(Time::from_ms(at.as_millisecond())))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no time such as 2026-03-08T07:30:00Z")))
    }
}

/// A length of time, written as `250ms`, `90s`, `5m`, `36h`, `14d` or `2w`; a day has 24 hours.
/// `-5m` lies before something.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Length(pub Span);

/// Units in which lengths are shown, the longest first, in milliseconds.
const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Another unit in which they may be written.
const WEEK: (&str, i64) = ("w", 7 * 86_400_000);

impl Length {
    /// A length of this many seconds.
    pub fn seconds(seconds: u32) -> Self {
        Self(Span::seconds(i64::from(seconds)))
    }

    /// Parses what a file says; `None` if it is not a length.
    pub fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_at(text.find(|letter: char| letter.is_ascii_alphabetic())?);
        let (_, ms) = UNITS.into_iter().chain([WEEK]).find(|(known, _)| *known == unit)?;
        Some(Self(Span::ms(count.parse::<i64>().ok()?.checked_mul(ms)?)))
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_ms();
        let (unit, length) = UNITS.into_iter().find(|(_, length)| ms % length == 0).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", ms / length)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no length of time such as 5m or 14d")))
    }
}
