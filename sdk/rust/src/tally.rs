//! Answers: points and reasons are added up in a [`Tally`], which then becomes a rating, choice or verdict.

use crate::contract::types::Reason;
use crate::time::Span;

pub use crate::contract::escalator::{Action, Verdict};
pub use crate::contract::nurturer::Choice;
pub use crate::contract::scorer::{Rating, Segment};

/// The most points a score may have, either way.
const POINTS_MAX: i32 = 1_000;

/// The most bytes the value of a reason may have.
const VALUE_BYTES_MAX: usize = 256;

/// Points and the reasons for them.
#[derive(Debug, Default)]
pub struct Tally {
    points: i32,
    reasons: Vec<Reason>,
}

impl Tally {
    /// No points, no reasons.
    pub fn new() -> Self {
        Self { points: 0, reasons: Vec::with_capacity(16) }
    }

    /// Gives or takes points by one of the plugin's rules, because of `value`. Only the first 256 bytes of a value are
    /// kept: more would be bad output, and a lead's own words may be longer.
    pub fn add(&mut self, rule: impl Into<u16>, points: i32, value: impl Into<String>) {
        self.points = self.points.saturating_add(points);
        let mut value = value.into();
        if value.len() > VALUE_BYTES_MAX {
            value.truncate(value.floor_char_boundary(VALUE_BYTES_MAX));
        }
        self.reasons.push(Reason { rule: rule.into(), points, value });
    }

    /// Names a rule that decided without points.
    pub fn because(&mut self, rule: impl Into<u16>, value: impl Into<String>) {
        self.add(rule, 0, value);
    }

    /// The points so far, limited to what a score may have.
    pub fn points(&self) -> i32 {
        self.points.clamp(-POINTS_MAX, POINTS_MAX)
    }

    /// A score of these points.
    pub fn rating(self, segment: Segment, rescore_after: Option<Span>) -> Rating {
        Rating {
            points: self.points(),
            segment,
            reasons: self.reasons(),
            rescore_after: rescore_after.map(Span::as_delay_seconds),
        }
    }

    /// A track, for these reasons.
    pub fn choice(self, track: impl Into<&'static str>, look_again: Option<Span>) -> Choice {
        Choice {
            track: track.into().to_owned(),
            look_again: look_again.map(Span::as_delay_seconds),
            reasons: self.reasons(),
        }
    }

    /// An action, for these reasons.
    pub fn verdict(self, action: Action) -> Verdict {
        Verdict { action, reasons: self.reasons() }
    }

    /// The weightiest first; those of equal weight in the order in which they were given.
    fn reasons(mut self) -> Vec<Reason> {
        // By hand, because there are a dozen at most, and the library's sort would be a third of a small guest's size.
        for end in 1..self.reasons.len() {
            let mut at = end;
            while at > 0 && self.reasons[at].points.unsigned_abs() > self.reasons[at - 1].points.unsigned_abs() {
                self.reasons.swap(at, at - 1);
                at -= 1;
            }
        }
        self.reasons
    }
}
