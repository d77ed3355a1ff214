//! What an event says of a call, in the engine's codes or the team's own words. The engine's word takes the place of the
//! team's, which is kept beside it.

use super::IntakeError;
use cadenza_core::event::{CHANNEL_OWN, RESULT_OWN};
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::own_words::{OwnWords, Said, Words};
use cadenza_core::reading::{LeftOut, Why};
use cadenza_core::value::Value;
use std::collections::BTreeMap;

const OUTCOME: &str = "outcome";
const RESULT: &str = "result";
const CHANNEL: &str = "channel";
/// Where the reason for a result may stand.
const REASONS: [&str; 2] = ["reason", "notes"];

type Data = BTreeMap<String, Value>;

/// Checks a call made outside. A misspelt code must not pass for another.
pub(super) fn check(data: &mut Data, left_out: &mut Vec<LeftOut>, words: &OwnWords) -> Result<(), IntakeError> {
    let outcome = outcome(data)?;
    name_channel(data, &words.channels);
    let unread = left_out.iter().find(|left| left.field == "data.result").map(LeftOut::words);
    let said = unread.or_else(|| text(data, RESULT));
    let own = text(data, RESULT_OWN);
    data.remove(RESULT_OWN);
    let Some(given) = said.clone().or(own.clone()) else { return Ok(()) };
    let result = result(&given, said.and(own), &words.results)?;
    // What the lead is said to have said is left out if it was not reached.
    if !result.means.counts_with(outcome) {
        data.remove(RESULT);
        let left = LeftOut::new("data.result", Why::Type, Some(&Value::Text(given)));
        left_out.push(left.wanting(format!("heard where the outcome of a call is {outcome}")));
        return Ok(());
    }
    if words.results.wants_reason(&result) && !REASONS.iter().any(|name| has_text(data, name)) {
        return Err(IntakeError::Reason { result: result.word().to_owned() });
    }
    put(data, (RESULT, result.means.as_str()), (RESULT_OWN, result.own));
    Ok(())
}

/// Reads the result of any other event, if it is one of the team's own: conditions and consent find what it means. Any
/// other text is the sender's.
pub(super) fn read_result(data: &mut Data, words: &Words<TouchResult>) {
    let said = text(data, RESULT).and_then(|text| words.said(&text));
    if let Some(Said { means, own: Some(own) }) = said {
        put(data, (RESULT, means.as_str()), (RESULT_OWN, Some(own)));
    }
}

fn outcome(data: &Data) -> Result<Outcome, IntakeError> {
    let known = || Outcome::ALL.iter().filter(|outcome| !matches!(outcome, Outcome::Sent | Outcome::Done));
    let text = text(data, OUTCOME).unwrap_or_default();
    let listed = || known().map(|outcome| outcome.as_str()).collect::<Vec<_>>().join(", ");
    known().find(|outcome| outcome.as_str() == text).copied().ok_or_else(|| IntakeError::Code {
        name: OUTCOME,
        text,
        known: format!("write {}", listed()),
    })
}

/// What the lead said. A word of the team's own may stand beside its meaning, as events of ours have it.
fn result(given: &str, own: Option<String>, words: &Words<TouchResult>) -> Result<Said<TouchResult>, IntakeError> {
    let unknown = |name: &'static str, text: &str| IntakeError::Code {
        name,
        text: text.to_owned(),
        known: format!("write {}", words.listed()),
    };
    let said = words.said(given).ok_or_else(|| unknown(RESULT, given))?;
    let Some(own) = own else { return Ok(said) };
    let beside =
        words.get(&own).filter(|word| word.means == said.means && said.own.as_ref().is_none_or(|it| *it == own));
    match beside {
        Some(word) => Ok(Said { means: word.means, own: Some(own) }),
        None => Err(unknown(RESULT_OWN, &own)),
    }
}

/// A channel of the team's own that means a call is that of the touch. Any other text under this name is the sender's.
fn name_channel(data: &mut Data, words: &Words<Channel>) {
    data.remove(CHANNEL_OWN);
    let said = text(data, CHANNEL).and_then(|text| words.said(&text));
    if let Some(Said { means: Channel::Call, own: Some(own) }) = said {
        data.insert(CHANNEL_OWN.to_owned(), Value::Text(own));
    }
}

fn put(data: &mut Data, (name, means): (&str, &str), (own_name, own): (&str, Option<String>)) {
    data.insert(name.to_owned(), Value::Text(means.to_owned()));
    data.extend(own.map(|own| (own_name.to_owned(), Value::Text(own))));
}

fn text(data: &Data, name: &str) -> Option<String> {
    match data.get(name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

fn has_text(data: &Data, name: &str) -> bool {
    text(data, name).is_some_and(|text| !text.trim().is_empty())
}
