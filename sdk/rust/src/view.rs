//! What a decision sees: the moment, its parameters, and of the lead exactly what the plugin asked for.

use crate::contract::{escalator, types};
use crate::plugin::{Fields, Parameters, Plugin};
use crate::time::{Span, Time};
use crate::value::{Texts, Values};

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
    pub touches: &'a [Touch],
    /// Engagement, newest first; empty unless asked for.
    pub engagement: &'a [Engagement],
    /// Whether the owner is at work now; `None` if not asked for, or if nobody owns the lead.
    pub owner_present: Option<bool>,
    /// The previous points of this score; `None` if not asked for, or if there are none.
    pub previous_score: Option<i32>,
    /// Business time since the task was made or the run entered; `None` if not asked for.
    pub business_elapsed: Option<Span>,
}

/// What came with one call, for all its leads.
#[derive(Debug)]
pub(crate) struct Call<P: Plugin> {
    now: Time,
    texts: Texts,
    parameters: P::Parameters,
    fields: Vec<types::Value>,
    touches: Vec<Touch>,
    engagement: Vec<Engagement>,
    pub(crate) leads: Vec<types::Lead>,
}

impl<P: Plugin> Call<P> {
    /// Reads what the host passes. The error says which parameter has another type than the plugin takes.
    pub(crate) fn take(input: types::Input) -> Result<Self, String> {
        let texts = Texts::keep(input.texts);
        Ok(Self {
            now: Time::from_ms(input.now),
            parameters: P::Parameters::take(&mut Values::new(&input.parameters, texts))?,
            fields: input.fields,
            touches: input.touches.into_iter().map(Touch::from).collect(),
            engagement: input.engagement.into_iter().map(|seen| Engagement::of(seen, texts)).collect(),
            leads: input.leads,
            texts,
        })
    }

    /// The leads one after another. The error says which field has another type than the plugin takes.
    pub(crate) fn views(&self) -> impl Iterator<Item = Result<View<'_, P>, String>> {
        let mut fields = self.fields.as_slice();
        let (mut touches, mut engagement) = (self.touches.as_slice(), self.engagement.as_slice());
        self.leads.iter().map(move |lead| {
            // All of its values first: a lead that cannot be read must not shift those after it.
            let values = first(&mut fields, P::Fields::FIELDS.len() as u32);
            let (touches, engagement) = (first(&mut touches, lead.touches), first(&mut engagement, lead.engagement));
            Ok(View {
                now: self.now,
                parameters: &self.parameters,
                fields: P::Fields::take(&mut Values::new(values, self.texts))?,
                touches,
                engagement,
                owner_present: lead.owner_present,
                previous_score: lead.previous_score,
                business_elapsed: lead.business_elapsed.map(|ms| Span::ms(i64::try_from(ms).unwrap_or(i64::MAX))),
            })
        })
    }
}

/// Takes this many from the beginning.
fn first<'a, T>(from: &mut &'a [T], count: u32) -> &'a [T] {
    let (taken, rest) = from.split_at(count as usize);
    *from = rest;
    taken
}

/// A channel, outcome, result or kind of engagement. Compare it with a variant of the plugin's own `#[derive(Codes)]`
/// enum. One that the plugin did not list equals none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub(crate) u16);

/// A contact attempt that was completed.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    /// How long ago.
    pub age: Span,
    pub channel: Code,
    pub outcome: Code,
    /// What the lead said; `None` if it was not reached.
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
#[derive(Clone, Copy, Debug)]
pub struct Engagement {
    /// How long ago.
    pub age: Span,
    /// What it did.
    pub kind: Code,
    /// The page, paper or event. May be empty.
    pub detail: &'static str,
}

impl Engagement {
    fn of(seen: types::Engagement, texts: Texts) -> Self {
        Self { age: Span::seconds(i64::from(seen.age)), kind: Code(seen.kind), detail: texts.get(seen.detail) }
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
    /// How long since it was due; zero before that.
    pub late: Span,
    /// How often somebody was reminded.
    pub reminders: u16,
    /// Whether it was already raised.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::describe::ValueType;
    use crate::contract::types::{Input, Lead, Texts as Pool, Value};
    use crate::{FieldType, Nothing};

    struct Reader;

    #[derive(Debug)]
    struct Amounts(Option<i64>, Option<i64>);

    impl Fields for Amounts {
        const FIELDS: &'static [(&'static str, ValueType)] = &[("first", i64::KIND), ("second", i64::KIND)];

        fn take(values: &mut Values<'_>) -> Result<Self, String> {
            Ok(Self(values.field("first")?, values.field("second")?))
        }
    }

    impl Plugin for Reader {
        const NAME: &'static str = "reader";
        const VERSION: &'static str = "1";
        const SUMMARY: &'static str = "";
        type Parameters = Nothing;
        type Fields = Amounts;
    }

    #[test]
    fn a_lead_that_cannot_be_read_does_not_shift_those_after_it() {
        let lead =
            Lead { touches: 0, engagement: 0, owner_present: None, previous_score: None, business_elapsed: None };
        let input = Input {
            now: 0,
            texts: Pool { joined: Vec::new(), ends: Vec::new() },
            parameters: Vec::new(),
            fields: vec![Value::Boolean(true), Value::Int(1), Value::Int(2), Value::Blank],
            touches: Vec::new(),
            engagement: Vec::new(),
            leads: vec![lead, lead],
        };
        let call = Call::<Reader>::take(input).expect("it has no parameters");
        let read: Vec<_> = call.views().map(|view| view.map(|view| (view.fields.0, view.fields.1))).collect();
        assert!(read[0].as_ref().is_err_and(|why| why.contains("`first`")), "{read:?}");
        assert_eq!(read[1], Ok((Some(2), None)));
    }
}
