//! Turns a golden case into the question that the engine would ask: the plugin sees only what it asked for, within the
//! windows it asked for.

use super::subject::Subject;
use super::types::{Types, value};
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::plugin::{
    DecisionFailure, DecisionInput, DecisionKind, EngagementSeen, HistoryReads, Overdue, Parameters, PluginInfo, Reads,
    TouchSeen, With, lay_out,
};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_sdk::golden::{Case, Length, TouchCase};

/// What comes of a case before the plugin decides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    /// Its parameters do not go together, says the plugin.
    Refused(String),
    /// What is asked.
    Ask(Box<DecisionInput>),
}

/// The question a case puts. The error says what is wrong with the case.
pub(crate) fn question(subject: &Subject, types: &Types, kind: DecisionKind, case: &Case) -> Result<Question, String> {
    let parameters = parameters(&subject.info, case)?;
    match subject.sandbox.reads(subject.info.digest, &parameters) {
        Ok(reads) => Ok(Question::Ask(Box::new(input(types, kind, case, parameters, &reads)?))),
        Err(DecisionFailure::Refusal(why)) => Ok(Question::Refused(why)),
        Err(failure) => Err(format!("the plugin does not say what it reads: {failure}")),
    }
}

/// What the plugin reads of a case, given what the case sets; nothing when it refuses that.
pub(crate) fn reads(subject: &Subject, case: &Case) -> Option<Reads> {
    let parameters = parameters(&subject.info, case).ok()?;
    subject.sandbox.reads(subject.info.digest, &parameters).ok()
}

/// What a case sets, in the order of the plugin's parameters.
pub(crate) fn parameters(info: &PluginInfo, case: &Case) -> Result<Parameters, String> {
    let mut with = With::new();
    for (name, scalar) in &case.with {
        let Some(parameter) = info.parameters.iter().find(|parameter| parameter.name == *name) else {
            let names = info.parameters.iter().map(|parameter| parameter.name.as_str());
            return Err(match info.parameters.is_empty() {
                true => format!("the plugin has no parameter `{name}`, nor any other"),
                false => format!("the plugin has no parameter `{name}`; it has {}", cadenza_language::listed(names)),
            });
        };
        let kind = parameter.kind;
        let value = value(scalar, kind).ok_or_else(|| format!("the parameter `{name}` is of type {kind}"))?;
        with.insert(name.clone(), value);
    }
    lay_out(info, &with).map_err(|error| error.to_string())
}

fn input(
    types: &Types,
    kind: DecisionKind,
    case: &Case,
    parameters: Parameters,
    reads: &Reads,
) -> Result<DecisionInput, String> {
    let field = |name: &String| {
        let Some(scalar) = case.lead.get(name) else { return Ok(Value::Blank) };
        let kind = types.of(name).ok_or_else(|| format!("the type of `{name}` is not known"))?;
        value(scalar, kind).ok_or_else(|| format!("`{name}` is a field of type {kind}, and {scalar:?} is none"))
    };
    let engagement = within(&case.engagement, reads.engagement.as_ref(), |seen| (&seen.kind, seen.age));
    Ok(DecisionInput {
        now: Timestamp::from_ms(case.now.0.as_ms()),
        parameters,
        fields: reads.fields.iter().map(field).collect::<Result<_, _>>()?,
        touches: within(&case.touches, reads.touches.as_ref(), |touch| (&touch.channel, touch.age))
            .map(touch_seen)
            .collect::<Result<_, _>>()?,
        engagement: engagement
            .map(|seen| EngagementSeen {
                age_s: seconds(seen.age),
                kind: seen.kind.clone(),
                detail: seen.detail.clone(),
            })
            .collect(),
        owner_present: case.owner_present.filter(|_| reads.owner_present),
        previous_score: case.previous_score.filter(|_| reads.previous_score),
        business_elapsed_ms: case.business_elapsed.filter(|_| reads.business_elapsed).map(ms),
        overdue: case.overdue.as_ref().filter(|_| kind == DecisionKind::Escalation).map(|overdue| Overdue {
            point: overdue.point,
            points: overdue.points,
            waited_ms: ms(overdue.waited),
            overdue_ms: ms(overdue.late),
            reminders: overdue.reminders,
            raised: overdue.raised,
        }),
    })
}

fn touch_seen(touch: &TouchCase) -> Result<TouchSeen, String> {
    let result = touch.result.as_deref().map(|result| code(result, "result", TouchResult::parse)).transpose()?;
    Ok(TouchSeen {
        age_s: seconds(touch.age),
        channel: code(&touch.channel, "channel", Channel::parse)?,
        outcome: code(&touch.outcome, "outcome", Outcome::parse)?,
        result,
    })
}

fn code<T>(text: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    parse(text).ok_or_else(|| format!("`{text}` is no {what} of a touch"))
}

/// Those of a history that lie within a window.
fn within<'a, T>(
    history: &'a [T],
    window: Option<&'a HistoryReads>,
    of: impl Fn(&T) -> (&str, Length) + 'a,
) -> impl Iterator<Item = &'a T> {
    let count = window.map_or(0, |window| usize::from(window.count_max));
    let seen = history.iter().filter(move |item| {
        let (kind, age) = of(item);
        window.is_some_and(|window| {
            age.0.as_ms() <= i64::from(window.days_back_max) * DAY_MS
                && (window.kinds.is_empty() || window.kinds.iter().any(|wanted| wanted == kind))
        })
    });
    seen.take(count)
}

fn ms(length: Length) -> u64 {
    length.0.as_ms().unsigned_abs()
}

fn seconds(length: Length) -> u32 {
    length.0.as_delay_seconds()
}
