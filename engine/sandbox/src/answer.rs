//! What a plugin may answer. Everything that comes from a guest is checked here before the engine sees it.

use crate::contract::{Choice, Description, Rating, Reason, Verdict, View};
use crate::instance::shorten;
use crate::limits::{POINTS_MAX, REASONS_MAX, REFUSAL_BYTES_MAX, VALUE_BYTES_MAX};
use cadenza_core::id::Digest;
use cadenza_core::plugin::{
    self as kept, Decision, DecisionFailure, DecisionKind, ParameterInfo, PluginInfo, Reads, RuleInfo,
};
use cadenza_core::value::{Value, ValueType};

/// One decision, or why there is none.
pub(crate) type DecisionResult = Result<Decision, DecisionFailure>;

fn bad(what: String) -> DecisionFailure {
    DecisionFailure::BadOutput(what)
}

/// The plugin's own statement that it cannot decide.
pub(crate) fn refusal(why: String) -> DecisionFailure {
    DecisionFailure::Refusal(shorten(why, REFUSAL_BYTES_MAX))
}

/// A score that the plugin `info` may give.
pub(crate) fn score(info: &PluginInfo, rating: Result<Rating, String>) -> DecisionResult {
    let rating = rating.map_err(refusal)?;
    if !(-POINTS_MAX..=POINTS_MAX).contains(&rating.points) {
        return Err(bad(format!("{} points; a score lies between -{POINTS_MAX} and {POINTS_MAX}", rating.points)));
    }
    Ok(Decision::Score {
        points: rating.points,
        segment: rating.segment.into(),
        reasons: reasons(info, rating.reasons)?,
        rescore_after_s: rating.rescore_after,
    })
}

/// A track that the plugin `info` may choose.
pub(crate) fn choice(info: &PluginInfo, choice: Result<Choice, String>) -> DecisionResult {
    let choice = choice.map_err(refusal)?;
    if !info.tracks.contains(&choice.track) {
        let track = shorten(choice.track, VALUE_BYTES_MAX);
        return Err(bad(format!(
            "the track `{track}`, which the plugin did not describe ({})",
            info.tracks.join(", ")
        )));
    }
    Ok(Decision::Track {
        track: choice.track,
        look_again_s: choice.look_again,
        reasons: reasons(info, choice.reasons)?,
    })
}

/// What the plugin `info` decided about something overdue.
pub(crate) fn verdict(info: &PluginInfo, verdict: Result<Verdict, String>) -> DecisionResult {
    let verdict = verdict.map_err(refusal)?;
    Ok(Decision::Escalate { action: verdict.action.into(), reasons: reasons(info, verdict.reasons)? })
}

fn reasons(info: &PluginInfo, reasons: Vec<Reason>) -> Result<Vec<kept::Reason>, DecisionFailure> {
    if reasons.len() > REASONS_MAX {
        return Err(bad(format!("{} reasons, and {REASONS_MAX} are allowed", reasons.len())));
    }
    reasons
        .into_iter()
        .map(|Reason { rule, points, value }| {
            if info.rules.binary_search_by_key(&rule, |known| known.id).is_err() {
                return Err(bad(format!("a reason by rule {rule}, which the plugin did not describe")));
            }
            if value.len() > VALUE_BYTES_MAX {
                let bytes = value.len();
                return Err(bad(format!("a reason's value of {bytes} bytes, and {VALUE_BYTES_MAX} are allowed")));
            }
            Ok(kept::Reason { rule, points, value })
        })
        .collect()
}

/// The most parameters, rules, tracks and codes a plugin may describe, and the most fields it may read.
const ENTRIES_MAX: usize = 256;

/// What a plugin wants to see. Whether the workspace has it is checked elsewhere.
pub(crate) fn reads(view: Result<View, String>) -> Result<Reads, DecisionFailure> {
    let view = view.map_err(refusal)?;
    let fields = view.fields.len();
    if fields > ENTRIES_MAX {
        return Err(bad(format!("it reads {fields} fields, and {ENTRIES_MAX} are allowed")));
    }
    Ok(view.into())
}

/// What a plugin says of itself, if it is consistent. The error says what is not.
pub(crate) fn description(
    description: Description,
    kinds: Vec<DecisionKind>,
    digest: Digest,
) -> Result<PluginInfo, String> {
    let Description { name, version, summary, parameters, rules, tracks, codes, fuel_budget, memory_budget } =
        description;
    if !is_name(&name, b'-') {
        return Err(format!("the name `{name}` is not made of lower-case letters, digits and `-`"));
    }
    if fuel_budget == 0 {
        return Err("a fuel budget of 0 decides nothing".to_owned());
    }
    if memory_budget == 0 {
        return Err("a memory budget of 0 decides nothing".to_owned());
    }
    let named = [
        ("parameters", parameters.iter().map(|p| p.name.as_str()).collect::<Vec<_>>()),
        ("rules", rules.iter().map(|r| r.name.as_str()).collect()),
        ("tracks", tracks.iter().map(String::as_str).collect()),
        ("codes", codes.iter().map(String::as_str).collect()),
    ];
    for (what, names) in named {
        distinct_names(what, names)?;
    }
    let mut rules: Vec<RuleInfo> =
        rules.into_iter().map(|rule| RuleInfo { id: rule.id, name: rule.name, text: rule.text }).collect();
    rules.sort_by_key(|rule| rule.id);
    if let Some(twice) = rules.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(format!("two rules have the number {}", twice[0].id));
    }
    if kinds.contains(&DecisionKind::Nurture) && tracks.is_empty() {
        return Err("a plugin that chooses tracks has to say which".to_owned());
    }
    Ok(PluginInfo {
        name,
        version,
        summary,
        digest,
        kinds,
        parameters: parameters.into_iter().map(parameter).collect::<Result<_, _>>()?,
        rules,
        tracks,
        codes,
        fuel_budget,
        memory_budget,
    })
}

fn parameter(given: crate::contract::Parameter) -> Result<ParameterInfo, String> {
    let (name, kind) = (given.name, ValueType::from(given.kind));
    let default =
        Value::from(given.default).fit(kind).ok_or_else(|| format!("the default of `{name}` is no {kind}"))?;
    let (least, most) = (given.minimum.unwrap_or(f64::NEG_INFINITY), given.maximum.unwrap_or(f64::INFINITY));
    if least.is_nan() || most.is_nan() || least > most {
        return Err(format!("the range of `{name}` is empty"));
    }
    let number = match default {
        Value::Int(int) => Some(int as f64),
        Value::Number(number) => Some(number),
        _ => None,
    };
    if number.is_some_and(|number| !(least..=most).contains(&number)) {
        return Err(format!("the default of `{name}` is outside its own range"));
    }
    Ok(ParameterInfo { name, kind, summary: given.summary, default, minimum: given.minimum, maximum: given.maximum })
}

fn distinct_names(what: &str, mut names: Vec<&str>) -> Result<(), String> {
    if names.len() > ENTRIES_MAX {
        return Err(format!("{} {what}, and {ENTRIES_MAX} are allowed", names.len()));
    }
    if let Some(name) = names.iter().find(|name| !is_name(name, b'_') && !is_name(name, b'-')) {
        return Err(format!("among the {what} `{name}` is not made of lower-case letters, digits and `_`"));
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(format!("`{}` occurs twice among the {what}", twice[0])),
        None => Ok(()),
    }
}

/// The most bytes of a name.
const NAME_BYTES_MAX: usize = 64;

fn is_name(text: &str, joint: u8) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == joint)
}
