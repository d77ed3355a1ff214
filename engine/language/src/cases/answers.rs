//! `http`: the answers that a case gives for other systems to the requests of steps.

use super::lookup::Lookup;
use super::model::{AnswerStub, Place};
use super::shapes::ANSWER_FORM;
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::yaml::{Content, Entry, Node};
use cadenza_core::value::{Value, ValueType};
use cadenza_core::workflow::Verb;
use serde_json::Value as Json;
use std::collections::BTreeMap;

pub(super) const STATUS_MIN: u32 = 200;
pub(super) const STATUS_MAX: u32 = 599;

pub(super) fn read(look: &Lookup<'_>, node: &Node) -> BTreeMap<Place, Vec<AnswerStub>> {
    let entries = look.sheet.named(node, "`http`").unwrap_or_default();
    let read = |entry: &Entry| {
        let place = step(look, &entry.key.text, entry.key.span.clone())?;
        let items = look.in_turn(&entry.value, &place.step, "answers")?;
        let answers: Option<Vec<AnswerStub>> = items.iter().map(|item| answer(look, item)).collect();
        Some((place, answers?))
    };
    entries.iter().filter_map(read).collect()
}

/// A step that sends a request to another system.
pub(super) fn step(look: &Lookup<'_>, text: &str, span: std::ops::Range<usize>) -> Option<Place> {
    let words = ("no-request-there", "it asks no other system", "`http`");
    look.place_with((text, span), |verb| matches!(verb, Verb::Http(_)), words).map(|(place, _)| place)
}

fn answer(look: &Lookup<'_>, node: &Node) -> Option<AnswerStub> {
    let sheet = &look.sheet;
    if matches!(node.content, Content::Scalar(_)) {
        let text = sheet.text(node, "an answer")?;
        if text == "fails" {
            return Some(AnswerStub::Fails);
        }
        let message = format!("`{text}` is no answer");
        let problem = Problem::error("wrong-type", node.span.clone(), message);
        let status = text.parse::<u32>().ok().filter(|status| (STATUS_MIN..=STATUS_MAX).contains(status));
        sheet.report(match status {
            Some(status) => {
                let instead = format!("{{ status: {status} }}");
                problem.label(format!("write `{instead}`")).replace(instead)
            }
            None => problem
                .suggest(&text, ["fails"], "one word can be")
                .or_help("write `{ status: 200, body: { … } }`, or `fails` where nothing is answered"),
        });
        return None;
    }
    let form = Form::open(sheet, node, &ANSWER_FORM)?;
    let status = form.get("status").map(|node| sheet.whole(node, "what is answered", STATUS_MIN, STATUS_MAX));
    let body = form.get("body").map(|node| json(look, node));
    let status = u16::try_from(status.map_or(Some(200), |status| status)?).ok()?;
    Some(AnswerStub::Is { status, body: body.map_or(Some(None), |body| body.map(Some))? })
}

/// A node as a JSON value. Texts stay as they are written.
fn json(look: &Lookup<'_>, node: &Node) -> Option<Json> {
    Some(match &node.content {
        Content::Map(entries) => {
            let member = |entry: &Entry| Some((entry.key.text.clone(), json(look, &entry.value)?));
            Json::Object(entries.iter().map(member).collect::<Option<_>>()?)
        }
        Content::List(items) => Json::Array(items.iter().map(|item| json(look, item)).collect::<Option<_>>()?),
        Content::Scalar(scalar) if scalar.is_null() => Json::Null,
        Content::Scalar(scalar) if !scalar.is_plain() => Json::String(scalar.text.clone()),
        Content::Scalar(scalar) => match look.sheet.value(node, ValueType::Any, "a value of an answer")? {
            Value::Bool(bool) => Json::Bool(bool),
            Value::Int(int) => Json::from(int),
            Value::Number(number) => Json::from(number),
            _ => Json::String(scalar.text.clone()),
        },
    })
}
