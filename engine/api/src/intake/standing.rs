//! What an event says under `lead` about where the lead stands: consent, stage, owner. Unclear consent refuses the
//! event; an unknown stage or owner is left out.

use super::{IntakeError, Rules};
use cadenza_core::event::Standing;
use cadenza_core::lead::{Channel, RepId, Stage};
use cadenza_core::moment;
use cadenza_core::own_words::{Said, Words};
use cadenza_core::reading::{self, LeftOut, Why};
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workspace::Team;

/// Reads one member. A blank one says nothing.
pub(super) fn read(
    name: &'static str,
    value: Value,
    rules: &Rules<'_>,
    left_out: &mut Vec<LeftOut>,
) -> Result<Option<Standing>, IntakeError> {
    let Some(value) = without_blank(value) else { return Ok(None) };
    Ok(match name {
        "opted_out" => Some(Standing { opted_out: Some(opted_out(&value, rules)?), ..Standing::default() }),
        "refused" => Some(Standing { refused: refused(value, &rules.own_words.channels)?, ..Standing::default() }),
        "stage" => match stage(&value, &rules.own_words.stages) {
            Some(Said { means, own }) => Some(Standing { stage: Some(means), stage_own: own, ..Standing::default() }),
            None => {
                let left = LeftOut::new(name, Why::Unknown, Some(&value));
                left_out.push(left.wanting(format!("a stage is {}", rules.own_words.stages.listed())));
                None
            }
        },
        _ => match owner(&value, rules.team) {
            Some(owner) => Some(Standing { owner: Some(owner), ..Standing::default() }),
            None => {
                let left = LeftOut::new(name, Why::Unknown, Some(&value));
                left_out.push(left.wanting("an owner is a rep of team.yaml, by id, mail address or name"));
                None
            }
        },
    })
}

/// Adds what one member says to what others say.
pub(super) fn add(standing: &mut Standing, told: Standing) {
    standing.opted_out = told.opted_out.or(standing.opted_out);
    standing.refused.extend(told.refused);
    if told.stage.is_some() {
        (standing.stage, standing.stage_own) = (told.stage, told.stage_own);
    }
    standing.owner = told.owner.or(standing.owner.take());
}

fn without_blank(value: Value) -> Option<Value> {
    match value {
        Value::Blank => None,
        Value::Text(text) => {
            Some(reading::known(&text)).filter(|text| !text.is_empty()).map(|text| Value::Text(text.to_owned()))
        }
        value => Some(value),
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::Text(text) => text.chars().take(60).collect(),
        other => crate::json::show(other).to_string().chars().take(60).collect(),
    }
}

/// Yes or no. The day on which it was said means yes.
fn opted_out(value: &Value, rules: &Rules<'_>) -> Result<bool, IntakeError> {
    let when = || matches!(value, Value::Text(_)).then(|| moment::read(value, rules.zone).ok()).flatten().map(|_| true);
    reading::truth(value).or_else(when).ok_or_else(|| IntakeError::Consent {
        field: "opted_out",
        said: said(value),
        wanted: "true or false, or the day it was said",
    })
}

fn refused(value: Value, own: &Words<Channel>) -> Result<Vec<Channel>, IntakeError> {
    let parts = |value: Value| match value {
        Value::Text(text) => text.split([',', ';']).map(|part| Value::Text(part.to_owned())).collect(),
        other => vec![other],
    };
    let items: Vec<Value> = match value {
        Value::List(items) => items.into_iter().flat_map(parts).collect(),
        value => parts(value),
    };
    let mut channels = Vec::new();
    for item in items {
        let Some(item) = without_blank(item) else { continue };
        let known = if let Value::Text(text) = &item { channel(text, own) } else { None };
        channels.push(known.ok_or_else(|| IntakeError::Consent {
            field: "refused",
            said: said(&item),
            wanted: "channels: call, email, message, meeting, other, or one of the team's own",
        })?);
    }
    channels.sort_unstable();
    channels.dedup();
    Ok(channels)
}

/// A channel, under any of its usual names. What the team has a word of its own for is refused by what that means, also where
/// the word is one of those names.
fn channel(text: &str, own: &Words<Channel>) -> Option<Channel> {
    let word = reading::known(text).to_lowercase();
    if let Some(own) = own.get(&word) {
        return Some(own.means);
    }
    match word.as_str() {
        "call" | "calls" | "phone" | "telephone" => Some(Channel::Call),
        "email" | "emails" | "e-mail" | "mail" => Some(Channel::Email),
        "message" | "messages" | "sms" | "text" | "whatsapp" => Some(Channel::Message),
        "meeting" | "meetings" => Some(Channel::Meeting),
        "other" => Some(Channel::Other),
        _ => None,
    }
}

fn stage(value: &Value, words: &Words<Stage>) -> Option<Said<Stage>> {
    let Value::Text(text) = value else { return None };
    words.said(&text.to_lowercase())
}

/// The rep that a text names: by id, or by mail address or name if only one rep has it. Without a
/// team, every text is an id.
fn owner(value: &Value, team: Option<&Team>) -> Option<RepId> {
    let Ok(Value::Text(text)) = reading::read(value.clone(), ValueType::Text, &jiff::tz::TimeZone::UTC) else {
        return None;
    };
    let Some(team) = team else { return Some(RepId(text)) };
    let id = RepId(text.clone());
    if team.reps.contains_key(&id) {
        return Some(id);
    }
    let wanted = text.to_lowercase();
    let is = |own: &str| own.to_lowercase() == wanted;
    let mut named =
        team.reps.iter().filter(|(id, rep)| is(&id.0) || is(&rep.name) || rep.email.as_deref().is_some_and(is));
    match (named.next(), named.next()) {
        (Some((id, _)), None) => Some(id.clone()),
        _ => None,
    }
}
