//! A question as a golden case: the way back from what the engine asks to what a file says.

use cadenza_core::plugin::{DecisionInput, FieldRead, PluginInfo};
use cadenza_core::value::Value;
use cadenza_sdk::golden::{Case, EngagementCase, Expect, Length, Moment, OverdueCase, Scalar, TouchCase};
use cadenza_sdk::{Span, Time};
use std::collections::BTreeMap;

/// The case of a question; `fields` are those of the input, in order. It expects nothing yet.
pub fn case(info: &PluginInfo, name: &str, input: &DecisionInput, fields: &[FieldRead]) -> Case {
    // A word of the team's own is in the case where the plugin is told it.
    let own = |word: Option<&String>| word.filter(|word| info.codes.contains(word)).cloned();
    let parameters = info.parameters.iter().map(|parameter| &parameter.name);
    Case {
        case: name.to_owned(),
        now: Moment(Time::from_ms(input.now.as_ms())),
        with: named(parameters, &input.parameters),
        lead: named(fields.iter().map(|field| &field.name), &input.fields),
        touches: input
            .touches
            .iter()
            .map(|touch| TouchCase {
                age: Length::seconds(touch.age_s),
                channel: own(touch.channel_own.as_ref()).unwrap_or_else(|| touch.channel.to_string()),
                outcome: touch.outcome.to_string(),
                result: touch.result.map(|means| own(touch.result_own.as_ref()).unwrap_or_else(|| means.to_string())),
            })
            .collect(),
        engagement: input
            .engagement
            .iter()
            .map(|seen| EngagementCase {
                age: Length::seconds(seen.age_s),
                kind: seen.kind.clone(),
                detail: seen.detail.clone(),
            })
            .collect(),
        owner_present: input.owner_present,
        previous_score: input.previous_score,
        business_elapsed: input.business_elapsed_ms.map(length),
        overdue: input.overdue.as_ref().map(|overdue| OverdueCase {
            point: overdue.point,
            points: overdue.points,
            waited: length(overdue.waited_ms),
            late: length(overdue.overdue_ms),
            reminders: overdue.reminders,
            raised: overdue.raised,
        }),
        expect: Expect::default(),
    }
}

fn length(ms: u64) -> Length {
    Length(Span::ms(i64::try_from(ms).unwrap_or(i64::MAX)))
}

fn named<'a>(names: impl Iterator<Item = &'a String>, values: &[Value]) -> BTreeMap<String, Scalar> {
    names.zip(values).filter_map(|(name, value)| Some((name.clone(), scalar(value)?))).collect()
}

fn scalar(value: &Value) -> Option<Scalar> {
    Some(match value {
        Value::Blank => return None,
        Value::Bool(yes) => Scalar::Bool(*yes),
        Value::Int(int) => Scalar::Int(*int),
        Value::Number(number) => Scalar::Number(*number),
        Value::Text(text) => Scalar::Text(text.clone()),
        Value::Time(at) => Scalar::Text(at.to_string()),
        Value::Date(date) => Scalar::Text(date.to_string()),
        Value::Duration(ms) => Scalar::Text(Length(Span::ms(*ms)).to_string()),
        Value::List(items) => {
            let texts = items.iter().map(|item| if let Value::Text(text) = item { Some(text.clone()) } else { None });
            Scalar::List(texts.collect::<Option<_>>()?)
        }
    })
}
