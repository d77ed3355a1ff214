//! What a decision sees: the moment, its parameters, and of the lead exactly what the plugin asked for.

use crate::contract::{escalator, types};
use crate::plugin::{Fields, Parameters, Plugin};
use crate::time::{Span, Time};

/// Everything that a decision of plugin `P` depends on.
#[derive(Debug)]
pub struct View<'a, P: Plugin> {
    /// When it is decided.
    pub now: Time,
    /// What the workflow says under `with`.
    pub parameters: &'a P::Parameters,
    /// The lead's fields; blank ones are `None`.
    pub fields: P::Fields,
    /// Touches, newest first; empty unless asked for in [`Plugin::reads`].
    pub touches: Vec<Touch>,
    /// Engagement, newest first; empty unless asked for.
    pub engagement: Vec<Engagement>,
    /// Whether the owner is at work now; none when not asked for or nobody owns the lead.
    pub owner_present: Option<bool>,
    /// The points of this score as they were before; none when not asked for or there are none.
    pub previous_score: Option<i32>,
    /// Business time since the task was made or the run entered; none when not asked for.
    pub business_elapsed: Option<Span>,
}

impl<'a, P: Plugin> View<'a, P> {
    /// Reads a lead as the host passes it; the error says which field has another type than the plugin takes.
    pub(crate) fn new(now: i64, parameters: &'a P::Parameters, lead: types::Lead) -> Result<Self, String> {
        Ok(Self {
            now: Time::from_ms(now),
            parameters,
            fields: P::Fields::take(lead.fields)?,
            touches: lead.touches.into_iter().map(Touch::from).collect(),
            engagement: lead.engagement.into_iter().map(Engagement::from).collect(),
            owner_present: lead.owner_present,
            previous_score: lead.previous_score,
            business_elapsed: lead.business_elapsed.map(|ms| Span::ms(i64::try_from(ms).unwrap_or(i64::MAX))),
        })
    }
}

/// Reads the parameters as the host passes them.
pub(crate) fn parameters<P: Plugin>(values: Vec<types::Value>) -> Result<P::Parameters, String> {
    P::Parameters::take(values)
}

/// A channel, outcome, result or kind of engagement. Compare it with a variant of the plugin's own `codes!`; one that
/// the plugin did not list equals none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub(crate) u16);

/// One contact attempt that was completed.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    /// How long ago.
    pub age: Span,
    /// On which channel.
    pub channel: Code,
    /// What came of it.
    pub outcome: Code,
    /// What the lead said; none when it was not reached.
    pub result: Option<Code>,
}

impl From<types::Touch> for Touch {
    fn from(touch: types::Touch) -> Self {
        Self {
            age: Span::seconds(i64::from(touch.age)),
            channel: Code(touch.channel),
            outcome: Code(touch.outcome),
            result: touch.result.map(Code),
        }
    }
}

/// Something the lead did of its own accord.
#[derive(Clone, Debug)]
pub struct Engagement {
    /// How long ago.
    pub age: Span,
    /// What it did.
    pub kind: Code,
    /// With what: the page, paper or event. May be empty.
    pub detail: String,
}

impl From<types::Engagement> for Engagement {
    fn from(engagement: types::Engagement) -> Self {
        Self { age: Span::seconds(i64::from(engagement.age)), kind: Code(engagement.kind), detail: engagement.detail }
    }
}

/// What is not done in time.
#[derive(Clone, Copy, Debug)]
pub struct Overdue {
    /// Which of the step's `at` points this is, from 0.
    pub point: u16,
    /// How many points the step has.
    pub points: u16,
    /// How long since the task was made.
    pub waited: Span,
    /// How long since it was due; zero before.
    pub late: Span,
    /// How often somebody was reminded.
    pub reminders: u16,
    /// Whether it was raised already.
    pub raised: bool,
}

impl From<escalator::Overdue> for Overdue {
    fn from(overdue: escalator::Overdue) -> Self {
        let span = |ms| Span::ms(i64::try_from(ms).unwrap_or(i64::MAX));
        Self {
            point: overdue.point,
            points: overdue.points,
            waited: span(overdue.waited),
            late: span(overdue.late),
            reminders: overdue.reminders,
            raised: overdue.raised,
        }
    }
}
