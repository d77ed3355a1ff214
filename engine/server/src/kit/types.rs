//! The types of the fields a plugin reads. Those of standard fields are known; any other is a field of the workspace, whose
//! type follows from how the cases write it and, where that leaves a choice, from what the plugin accepts.

use super::ask::{self, Question};
use super::cases::Golden;
use super::subject::Subject;
use cadenza_core::field::field_info;
use cadenza_core::plugin::{DecisionFailure, DecisionKind, PluginInfo, lay_out};
use cadenza_core::time::{Span, Timestamp};
use cadenza_core::value::{Value, ValueType};
use cadenza_sdk::golden::{Case, Expect, Moment, Scalar};
use std::collections::{BTreeMap, BTreeSet};

/// Types of the fields that are the workspace's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Types {
    own: BTreeMap<String, ValueType>,
}

impl Types {
    /// Finds the types out; the error names file and case.
    pub(crate) fn settle(subject: &Subject, cases: &[Golden]) -> Result<Self, String> {
        let mut types = Self::default();
        let mentioned = cases.iter().flat_map(|golden| golden.case.lead.keys().cloned());
        let read = lay_out(&subject.info, &BTreeMap::new()).ok();
        let read = read.and_then(|parameters| subject.sandbox.reads(subject.info.digest, &parameters).ok());
        let read = read.map(|reads| reads.fields).unwrap_or_default();
        for name in mentioned.chain(read).filter(|name| field_info(name).is_none()).collect::<BTreeSet<_>>() {
            let kind = types.settle_one(subject, cases, &name)?;
            types.own.insert(name, kind);
        }
        Ok(types)
    }

    /// The type of a field, where it is known.
    pub(crate) fn of(&self, field: &str) -> Option<ValueType> {
        field_info(field).map(|info| info.kind).or_else(|| self.own.get(field).copied())
    }

    fn settle_one(&self, subject: &Subject, cases: &[Golden], name: &str) -> Result<ValueType, String> {
        let mut candidates = CANDIDATES.to_vec();
        for golden in cases {
            let Some(scalar) = golden.case.lead.get(name) else { continue };
            candidates.retain(|kind| value(scalar, *kind).is_some());
            if candidates.is_empty() {
                let what = "is of another type here than in the cases before";
                return Err(golden.error(&format!("`{name}` {what}, and it is no standard field")));
            }
        }
        let mention = cases.iter().find_map(|golden| Some((&golden.case, golden.case.lead.get(name)?)));
        let accepted = candidates.iter().copied().find(|kind| self.accepts(subject, mention, name, *kind));
        Ok(accepted.unwrap_or(candidates[0]))
    }

    /// Whether the plugin takes this type for the field, as far as can be seen from outside: it does not refuse, or refuses
    /// for the same reason as without the field.
    fn accepts(&self, subject: &Subject, mention: Option<(&Case, &Scalar)>, name: &str, kind: ValueType) -> bool {
        let (mut case, scalar) = match mention {
            Some((case, scalar)) => (case.clone(), scalar.clone()),
            None => (blank(), sample(kind)),
        };
        let mut types = self.clone();
        types.own.insert(name.to_owned(), kind);
        let refusal = |case: &Case| refusal(subject, &types, case);
        case.lead = BTreeMap::from([(name.to_owned(), scalar)]);
        let with_it = refusal(&case);
        case.lead.clear();
        with_it.is_none() || with_it == refusal(&case)
    }
}

/// What a field of the workspace may be; where a value fits several, the earlier is the likelier.
const CANDIDATES: [ValueType; 7] = [
    ValueType::Bool,
    ValueType::Int,
    ValueType::Number,
    ValueType::Time,
    ValueType::Duration,
    ValueType::Text,
    ValueType::List,
];

fn refusal(subject: &Subject, types: &Types, case: &Case) -> Option<String> {
    let kind = *subject.info.kinds.first()?;
    let Ok(Question::Ask(input)) = ask::question(subject, types, kind, case) else { return None };
    match subject.sandbox.decide(subject.info.digest, kind, &input).answer {
        Err(DecisionFailure::Refusal(why)) => Some(why),
        _ => None,
    }
}

/// A case that says nothing.
pub(crate) fn blank() -> Case {
    Case {
        case: String::new(),
        // A working morning.
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

fn sample(kind: ValueType) -> Scalar {
    match kind {
        ValueType::Bool => Scalar::Bool(true),
        ValueType::Int => Scalar::Int(1),
        ValueType::Number => Scalar::Number(1.5),
        ValueType::Time => Scalar::Text("2026-03-02T09:00:00Z".to_owned()),
        ValueType::Duration => Scalar::Text("1d".to_owned()),
        ValueType::Text | ValueType::Any => Scalar::Text("a".to_owned()),
        ValueType::List => Scalar::List(vec!["a".to_owned()]),
    }
}

/// What a case writes as a value of a type, if it is one.
pub(crate) fn value(scalar: &Scalar, kind: ValueType) -> Option<Value> {
    let value = match scalar {
        Scalar::Bool(yes) => Value::Bool(*yes),
        Scalar::Int(int) => Value::Int(*int),
        Scalar::Number(number) => Value::Number(*number),
        Scalar::List(texts) => Value::List(texts.iter().cloned().map(Value::Text).collect()),
        Scalar::Text(text) if kind == ValueType::Duration => Value::Duration(Span::parse(text)?.approximate_ms()),
        Scalar::Text(text) if kind == ValueType::Time => Value::Time(Timestamp::parse(text)?),
        Scalar::Text(text) => Value::Text(text.clone()),
    };
    // A number that happens to be whole stays one: what an author writes as 1.0 is no `int`.
    if matches!(scalar, Scalar::Number(_)) && kind == ValueType::Int { None } else { value.fit(kind) }
}

/// The kind of decision a case is about, which follows from what it expects.
pub(crate) fn kind(info: &PluginInfo, case: &Case) -> Result<DecisionKind, String> {
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
