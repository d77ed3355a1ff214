//! Turns a golden case into the question that the engine would ask. The plugin sees only what it asked for, within
//! the windows it asked for.

use super::subject::Subject;
use cadenza_core::field::field_info;
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::plugin::{
    DecisionFailure, DecisionInput, DecisionKind, EngagementSeen, FieldRead, HistoryReads, Overdue, Parameters,
    PluginInfo, Reads, TouchSeen, With, lay_out,
};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::{Value, ValueType};
use cadenza_sdk::golden::{Case, Expect, Length, Moment, Scalar, TouchCase};
use std::collections::BTreeMap;

/// What becomes of a case before the plugin decides.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// The plugin refuses its parameters.
    Refused(String),
    /// What is asked.
    Ask(Box<DecisionInput>),
}

/// The question that a case asks. The error says what is wrong with the case.
pub fn question(subject: &Subject, kind: DecisionKind, case: &Case) -> Result<Question, String> {
    let parameters = parameters(&subject.info, case)?;
    match subject.sandbox.reads(subject.info.digest, &parameters) {
        Ok(reads) => Ok(Question::Ask(Box::new(input(&subject.info, kind, case, parameters, &reads)?))),
        Err(DecisionFailure::Refusal(why)) => Ok(Question::Refused(why)),
        Err(failure) => Err(format!("the plugin does not say what it reads: {failure}")),
    }
}

/// What the plugin reads of a case, given what the case sets; `None` if it refuses that.
pub fn reads(subject: &Subject, case: &Case) -> Option<Reads> {
    let parameters = parameters(&subject.info, case).ok()?;
    subject.sandbox.reads(subject.info.digest, &parameters).ok()
}

/// What a case sets, in the order of the plugin's parameters.
pub fn parameters(info: &PluginInfo, case: &Case) -> Result<Parameters, String> {
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
    info: &PluginInfo,
    kind: DecisionKind,
    case: &Case,
    parameters: Parameters,
    reads: &Reads,
) -> Result<DecisionInput, String> {
    let engagement = within(&case.engagement, reads.engagement.as_ref(), |seen| (&seen.kind, seen.age));
    Ok(DecisionInput {
        now: Timestamp::from_ms(case.now.0.as_ms()),
        parameters,
        fields: reads.fields.iter().map(|read| field(case, read)).collect::<Result<_, _>>()?,
        touches: within(&case.touches, reads.touches.as_ref(), |touch| (&touch.channel, touch.age))
            .map(|touch| touch_seen(touch, &info.codes))
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

fn field(case: &Case, read: &FieldRead) -> Result<Value, String> {
    let FieldRead { name, kind } = read;
    if let Some(standard) = field_info(name).filter(|standard| !standard.kind.fits(*kind)) {
        return Err(format!(
            "the plugin reads `{name}` as {kind}, and the standard field is of type {}",
            standard.kind
        ));
    }
    let Some(scalar) = case.lead.get(name) else { return Ok(Value::Blank) };
    value(scalar, *kind).ok_or_else(|| format!("the plugin reads `{name}` as {kind}, and {} is none", spelt(scalar)))
}

fn spelt(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Bool(yes) => yes.to_string(),
        Scalar::Int(int) => int.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => format!("`{text}`"),
        Scalar::List(texts) => format!("`[{}]`", texts.join(", ")),
    }
}

fn touch_seen(touch: &TouchCase, codes: &[String]) -> Result<TouchSeen, String> {
    // A word of a team's own is one that the plugin lists. It is told that word, so what it means makes no difference.
    let own =
        |text: &str, is_engines: bool| (!is_engines && codes.iter().any(|code| code == text)).then(|| text.to_owned());
    let channel_own = own(&touch.channel, Channel::parse(&touch.channel).is_some());
    let result_own = touch.result.as_deref().and_then(|result| own(result, TouchResult::parse(result).is_some()));
    let channel = match channel_own {
        Some(_) => Channel::Other,
        None => code(&touch.channel, "channel", Channel::parse)?,
    };
    let result = match (&touch.result, &result_own) {
        (Some(_), Some(_)) => Some(TouchResult::NotNow),
        (Some(text), None) => Some(code(text, "result", TouchResult::parse)?),
        (None, _) => None,
    };
    let outcome = code(&touch.outcome, "outcome", Outcome::parse)?;
    Ok(TouchSeen { age_s: seconds(touch.age), channel, outcome, result, result_own, channel_own })
}

fn code<T>(text: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    parse(text).ok_or_else(|| format!("`{text}` is no {what} of a touch"))
}

/// The part of a history that lies within a window.
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

/// What a case writes, as a value of a type; `None` if it is not one.
pub fn value(scalar: &Scalar, kind: ValueType) -> Option<Value> {
    let value = match scalar {
        Scalar::Bool(yes) => Value::Bool(*yes),
        Scalar::Int(int) => Value::Int(*int),
        Scalar::Number(number) => Value::Number(*number),
        Scalar::List(texts) => Value::List(texts.iter().cloned().map(Value::Text).collect()),
        Scalar::Text(text) if kind == ValueType::Duration => Value::Duration(Length::parse(text)?.0.as_ms()),
        Scalar::Text(text) if kind == ValueType::Time => Value::Time(Timestamp::parse(text)?),
        Scalar::Text(text) => Value::Text(text.clone()),
    };
    // A number that happens to be whole stays a number: what an author writes as 1.0 is not an `int`.
    if matches!(scalar, Scalar::Number(_)) && kind == ValueType::Int { None } else { value.fit(kind) }
}

/// A case that says nothing.
pub fn blank() -> Case {
    Case {
        case: String::new(),
        // A morning on a working day.
        now: Moment(cadenza_sdk::Time::from_ms(1_772_442_000_000)),
        with: BTreeMap::new(),
        lead: BTreeMap::new(),
        touches: Vec::new(),
        engagement: Vec::new(),
        owner_present: None,
        previous_score: None,
        business_elapsed: None,
        overdue: None,
        expect: Expect::default(),
    }
}

/// The kind of decision a case is about, which follows from what it expects.
pub fn kind(info: &PluginInfo, case: &Case) -> Result<DecisionKind, String> {
    let Expect { score, segment, rescore_after, track, look_again, action, .. } = &case.expect;
    let wanted = if case.overdue.is_some() || action.is_some() {
        DecisionKind::Escalation
    } else if track.is_some() || look_again.is_some() {
        DecisionKind::Nurture
    } else if score.is_some() || segment.is_some() || rescore_after.is_some() {
        DecisionKind::Scoring
    } else {
        let other = info.kinds.iter().find(|kind| **kind != DecisionKind::Escalation);
        *other.ok_or("the case of an escalator needs `overdue`")?
    };
    if !info.kinds.contains(&wanted) {
        let kinds: Vec<&str> = info.kinds.iter().map(|kind| kind.as_str()).collect();
        return Err(format!("it expects what {wanted} decides, and the plugin is one for {}", kinds.join(" and ")));
    }
    if wanted == DecisionKind::Escalation && case.overdue.is_none() {
        return Err("the case of an escalator needs `overdue`".to_owned());
    }
    Ok(wanted)
}
