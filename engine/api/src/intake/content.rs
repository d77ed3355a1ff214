//! What makes two deliveries under one id the same: what they say, as it was read. The order of members, a counter of
//! attempts, and how a number is written do not count.

use cadenza_core::event::{CHANNEL_OWN, EventType, RESULT_OWN, Report, Standing};
use cadenza_core::id::{Hash64, LeadId};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use jiff::tz::TimeZone;

const RESULT: &str = "result";
/// Whole numbers up to here are exact as doubles.
const EXACT_MAX: f64 = 9e15;

/// A hash of an event's content. `at` is when the sender says it happened; a delivery without a time is
/// the same whenever it comes.
pub(super) fn hash(report: &Report, lead: Option<LeadId>, at: Option<Timestamp>) -> u64 {
    let mut hash = Hash64::default();
    match &report.kind {
        EventType::Standard(kind) => hash.feed(kind.as_str().as_bytes()),
        EventType::Custom(name) => hash.feed(name.as_bytes()),
    }
    feed_number(&mut hash, at.map_or(i64::MIN, Timestamp::as_ms));
    hash.feed(&lead.map_or(0, |lead| lead.0).to_be_bytes());
    hash.feed(&[u8::from(report.enrolls)]);
    // A word of the team's own counts as it was given: what it means may be another thing at the next delivery.
    let own = |name: &str| match name {
        RESULT => report.data.get(RESULT_OWN),
        _ => None,
    };
    let is_ours = |name: &str| name == RESULT_OWN || name == CHANNEL_OWN;
    // Summed, so that their order does not count and nothing has to be sorted.
    let fields = report.fields.iter().map(|(name, value)| member(b'f', name, value));
    let data = report.data.iter().filter(|(name, _)| !is_ours(name));
    let data = data.map(|(name, value)| member(b'd', name, own(name).unwrap_or(value)));
    let left = report.left_out.iter().map(|left| member(b'l', &left.field, &Value::text(left.said.as_deref())));
    let also = report.also.iter().map(|(name, value)| member(b'a', name, value));
    let sum = fields.chain(data).chain(left).chain(also).fold(0_u64, u64::wrapping_add);
    hash.feed(&sum.to_be_bytes());
    if let Some(standing) = &report.standing {
        let stage = standing.stage.filter(|_| standing.stage_own.is_none());
        hash.feed(first_text(&Standing { stage, ..standing.clone() }).as_bytes());
        standing.stage_own.iter().for_each(|own| hash.feed(own.as_bytes()));
    }
    hash.finish()
}

/// What a standing says without words of the team's own, in the form that was hashed before there were any: what was heard
/// before an update is still the same.
pub(super) fn first_text(standing: &Standing) -> String {
    let Standing { opted_out, refused, stage, owner, stage_own: _ } = standing;
    format!("Standing {{ opted_out: {opted_out:?}, refused: {refused:?}, stage: {stage:?}, owner: {owner:?} }}")
}

fn member(place: u8, name: &str, value: &Value) -> u64 {
    let mut hash = Hash64::default();
    hash.feed(&[place]);
    hash.feed(name.as_bytes());
    feed(&mut hash, value);
    hash.finish()
}

fn feed_number(hash: &mut Hash64, number: i64) {
    hash.feed(&number.to_be_bytes());
}

fn feed(hash: &mut Hash64, value: &Value) {
    match value {
        Value::Blank => hash.feed(&[0]),
        Value::Bool(bool) => hash.feed(&[1, u8::from(*bool)]),
        Value::Int(int) => {
            hash.feed(&[2]);
            feed_number(hash, *int);
        }
        Value::Number(number) if number.fract() == 0.0 && number.abs() < EXACT_MAX => {
            feed(hash, &Value::Int(*number as i64));
        }
        Value::Number(number) => {
            hash.feed(&[3]);
            hash.feed(&number.to_bits().to_be_bytes());
        }
        Value::Time(at) => {
            hash.feed(&[4]);
            feed_number(hash, at.as_ms());
        }
        Value::Text(text) => {
            hash.feed(&[5]);
            hash.feed(&(text.len() as u64).to_be_bytes());
            hash.feed(text.as_bytes());
        }
        Value::List(items) => {
            hash.feed(&[6]);
            hash.feed(&(items.len() as u64).to_be_bytes());
            items.iter().for_each(|item| feed(hash, item));
        }
        Value::Duration(ms) => {
            hash.feed(&[7]);
            feed_number(hash, *ms);
        }
        Value::Date(date) => {
            hash.feed(&[8]);
            feed_number(hash, date.begins(&TimeZone::UTC).as_ms());
        }
    }
}
