//! The first-party plugins through the real sandbox: the golden cases that their own crates run natively, and what holds
//! for every one of them.

use cadenza_core::field::field_info;
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::plugin::{
    Decision, DecisionFailure, DecisionInput, DecisionKind, EngagementSeen, HistoryReads, Overdue, Parameters,
    PluginInfo, Reads, TouchSeen, With, lay_out,
};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::{Value, ValueType};
use cadenza_sandbox::{Decided, HostLimits, Sandbox};
use cadenza_sdk::golden::{self, Case, Expect, Length, ReasonCase, Scalar, TouchCase};
use std::path::{Path, PathBuf};

fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new(&HostLimits::default()).expect("this machine runs plugins");
    for (name, component) in cadenza_plugins::PLUGINS {
        let info = sandbox.load(component, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(info.name, *name, "a plugin is called as its crate");
    }
    sandbox
}

fn cases(plugin: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(plugin).join("golden")
}

/// What `check` compares, and the input that led to it; none when the parameters were refused.
fn decide(sandbox: &Sandbox, info: &PluginInfo, case: &Case) -> Result<(Expect, Option<DecisionInput>), String> {
    let [kind] = info.kinds[..] else { return Err("first-party plugins are of one kind".to_owned()) };
    let parameters = parameters(info, case)?;
    let reads = match sandbox.reads(info.digest, &parameters) {
        Ok(reads) => reads,
        Err(failure) => return Ok((failed(failure)?, None)),
    };
    let input = input(case, parameters, &reads)?;
    let Decided { answer, cost, .. } = sandbox.decide(info.digest, kind, &input);
    if cost.fuel * 4 > info.fuel_budget {
        return Err(format!("it burns {} of {} fuel; leave more room", cost.fuel, info.fuel_budget));
    }
    if cost.memory_bytes > 65_536 {
        return Err(format!("it takes {} bytes of memory, which is more than a page", cost.memory_bytes));
    }
    Ok((answer.map_or_else(failed, |decision| Ok(expect(info, decision)))?, Some(input)))
}

fn failed(failure: DecisionFailure) -> Result<Expect, String> {
    match failure {
        DecisionFailure::Refusal(why) => Ok(Expect { refusal: Some(why), ..Expect::default() }),
        other => Err(other.to_string()),
    }
}

fn expect(info: &PluginInfo, decision: Decision) -> Expect {
    let reasons = decision.reasons().iter().map(|reason| {
        let rule = info.rules.iter().find(|rule| rule.id == reason.rule).expect("the sandbox checks this");
        ReasonCase(rule.name.clone(), reason.points, reason.value.clone())
    });
    let reasons = reasons.collect();
    match decision {
        Decision::Score { points, segment, rescore_after_s, .. } => Expect {
            score: Some(points),
            segment: Some(segment.to_string()),
            rescore_after: rescore_after_s.map(Length::seconds),
            reasons,
            ..Expect::default()
        },
        Decision::Track { track, look_again_s, .. } => {
            Expect { track: Some(track), look_again: look_again_s.map(Length::seconds), reasons, ..Expect::default() }
        }
        Decision::Escalate { action, .. } => Expect { action: Some(action.to_string()), reasons, ..Expect::default() },
    }
}

fn parameters(info: &PluginInfo, case: &Case) -> Result<Parameters, String> {
    let mut with = With::new();
    for (name, scalar) in &case.with {
        let kind = info.parameters.iter().find(|parameter| parameter.name == *name).map(|parameter| parameter.kind);
        with.insert(name.clone(), value(scalar, kind)?);
    }
    lay_out(info, &with).map_err(|error| error.to_string())
}

fn value(scalar: &Scalar, kind: Option<ValueType>) -> Result<Value, String> {
    let value = match scalar {
        Scalar::Bool(yes) => Value::Bool(*yes),
        Scalar::Int(int) => Value::Int(*int),
        Scalar::Number(number) => Value::Number(*number),
        Scalar::List(texts) => Value::List(texts.iter().cloned().map(Value::Text).collect()),
        Scalar::Text(text) if kind == Some(ValueType::Duration) => {
            let span = cadenza_core::time::Span::parse(text).ok_or_else(|| format!("`{text}` is no duration"))?;
            Value::Duration(span.approximate_ms())
        }
        Scalar::Text(text) => Value::Text(text.clone()),
    };
    value.fit(kind.unwrap_or(ValueType::Any)).ok_or_else(|| format!("{scalar:?} does not fit its type"))
}

fn input(case: &Case, parameters: Parameters, reads: &Reads) -> Result<DecisionInput, String> {
    let field = |name: &String| match (case.lead.get(name), field_info(name)) {
        (_, None) => Err(format!("it reads `{name}`, which is no standard field")),
        (None, _) => Ok(Value::Blank),
        (Some(scalar), Some(info)) => value(scalar, Some(info.kind)),
    };
    Ok(DecisionInput {
        now: Timestamp::from_ms(case.now.0.as_ms()),
        parameters,
        fields: reads.fields.iter().map(field).collect::<Result<_, _>>()?,
        touches: within(&case.touches, reads.touches.as_ref(), |touch| (&touch.channel, touch.age))
            .map(touch_seen)
            .collect::<Result<_, _>>()?,
        engagement: within(&case.engagement, reads.engagement.as_ref(), |seen| (&seen.kind, seen.age))
            .map(|seen| EngagementSeen {
                age_s: seconds(seen.age),
                kind: seen.kind.clone(),
                detail: seen.detail.clone(),
            })
            .collect(),
        owner_present: case.owner_present.filter(|_| reads.owner_present),
        previous_score: case.previous_score.filter(|_| reads.previous_score),
        business_elapsed_ms: case.business_elapsed.filter(|_| reads.business_elapsed).map(ms),
        overdue: case.overdue.as_ref().map(|overdue| Overdue {
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
    let unknown = |code: &str| format!("`{code}` is no code of a touch");
    let result = match &touch.result {
        Some(result) => Some(TouchResult::parse(result).ok_or_else(|| unknown(result))?),
        None => None,
    };
    Ok(TouchSeen {
        age_s: seconds(touch.age),
        channel: Channel::parse(&touch.channel).ok_or_else(|| unknown(&touch.channel))?,
        outcome: Outcome::parse(&touch.outcome).ok_or_else(|| unknown(&touch.outcome))?,
        result,
    })
}

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
    length.0.as_ms() as u64
}

fn seconds(length: Length) -> u32 {
    length.0.as_delay_seconds()
}

#[test]
fn golden_cases_hold_in_the_sandbox() {
    let sandbox = sandbox();
    for info in sandbox.plugins() {
        golden::check(&cases(&info.name), |case| Ok(decide(&sandbox, info, case)?.0));
    }
}

#[test]
fn the_same_input_gives_the_same_answer_at_the_same_cost_in_every_sandbox() {
    let (sandbox, another) = (sandbox(), sandbox());
    for info in sandbox.plugins() {
        for (_, case) in golden::read(&cases(&info.name)).expect("the cases can be read") {
            let (_, Some(input)) = decide(&sandbox, info, &case).expect("it decides") else { continue };
            let one = sandbox.decide(info.digest, info.kinds[0], &input);
            let other = another.decide(info.digest, info.kinds[0], &input);
            assert_eq!(one.answer, other.answer, "{}", case.case);
            let cost = |decided: &Decided| (decided.cost.fuel, decided.cost.memory_bytes);
            assert_eq!(cost(&one), cost(&other), "{}", case.case);
        }
    }
}

#[test]
fn a_batch_scores_as_single_calls_do() {
    let sandbox = sandbox();
    let info = sandbox.plugins().find(|info| info.name == "inbound-fit").expect("it is loaded");
    let cases = golden::read(&cases(&info.name)).expect("the cases can be read");
    let inputs = cases.iter().filter_map(|(_, case)| decide(&sandbox, info, case).expect("it decides").1);
    // More than one instance takes, with neighbours that share their parameters and others that do not.
    let inputs: Vec<DecisionInput> = inputs.flat_map(|input| std::iter::repeat_n(input, 150)).collect();
    let singly: Vec<_> =
        inputs.iter().map(|input| sandbox.decide(info.digest, DecisionKind::Scoring, input).answer).collect();
    let (batch, _) = sandbox.score_batch(info.digest, &inputs);
    assert!(batch == singly, "a batch of {} differs from single calls", inputs.len());
}

#[test]
fn first_party_plugins_are_decided_inside_the_commit() {
    for info in sandbox().plugins() {
        assert!(
            info.fuel_budget <= cadenza_core::plugin::INLINE_FUEL_MAX,
            "{} asks for {} fuel, which would make its decisions a wait",
            info.name,
            info.fuel_budget
        );
    }
}
