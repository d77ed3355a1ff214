//! Leads for `inbound-fit` to score: twelve fields, eight touches, two engagements.

use cadenza_core::id::Digest;
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::plugin::{DecisionInput, EngagementSeen, Reads, TouchSeen, With, lay_out};
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_sandbox::Sandbox;

/// Different leads, with eight touches each.
pub fn inputs(sandbox: &Sandbox, plugin: Digest, count: i64) -> Vec<DecisionInput> {
    let info = sandbox.plugin(plugin).expect("it is loaded");
    let parameters = lay_out(info, &With::new()).expect("every parameter has a default");
    let Reads { fields, .. } = sandbox.reads(plugin, &parameters).expect("the defaults go together");
    let now = Timestamp::parse("2026-03-02T09:00:00Z").expect("a time");
    let one = |lead: i64| DecisionInput {
        now,
        parameters: parameters.clone(),
        fields: fields.iter().map(|field| field_value(&field.name, lead, now)).collect(),
        touches: (0..8).map(|touch| touch_seen(lead + touch)).collect(),
        engagement: (0..2)
            .map(|seen| EngagementSeen { age_s: 90_000 * (seen + 1), kind: "page".into(), detail: "pricing".into() })
            .collect(),
        owner_present: None,
        previous_score: Some(60),
        business_elapsed_ms: None,
        overdue: None,
    };
    (0..count).map(one).collect()
}

fn touch_seen(turn: i64) -> TouchSeen {
    let outcome = [Outcome::NoAnswer, Outcome::Voicemail, Outcome::Connected][turn as usize % 3];
    TouchSeen {
        age_s: 40_000 * (turn as u32 + 1),
        channel: [Channel::Call, Channel::Email][turn as usize % 2],
        outcome,
        result: outcome.reached().then_some(TouchResult::Callback),
        result_own: None,
        channel_own: None,
    }
}

fn field_value(field: &str, lead: i64, now: Timestamp) -> Value {
    match field {
        "email" => Value::Text(format!("person{lead}@company.example")),
        "title" => Value::Text("Director of Operations".into()),
        "industry" => Value::Text("manufacturing".into()),
        "country" => Value::Text("DE".into()),
        "source" => Value::Text("web".into()),
        "product" => Value::Text("platform".into()),
        "pain" => Value::Text("leads are answered too late".into()),
        "message" => Value::Text("We would like a demo for a team of forty people next month.".into()),
        "employees" => Value::Int(100 + lead * 10),
        "budget" => Value::Number(5_000.0 + lead as f64 * 100.0),
        "project_date" => Value::Time(now.plus_ms((lead + 30) * DAY_MS)),
        _ => Value::Blank,
    }
}
