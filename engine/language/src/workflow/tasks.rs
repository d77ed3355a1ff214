//! `call` and `task`, and where their outcomes and results lead.

use super::asks::escalate;
use super::{Reader, shapes, without_else};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::placeholders::check_use;
use crate::script::check_template;
use crate::suggest::listed;
use crate::usage::Use;
use crate::yaml::{Entry, Node};
use cadenza_core::lead::{Outcome, TouchResult};
use cadenza_core::time::Span;
use cadenza_core::workflow::{Call, DUE_DEFAULT, Escalate, MailResults, Results, Target, Todo};
use std::collections::BTreeMap;

/// What can come of a call.
const CALL_OUTCOMES: &[Outcome] = &[
    Outcome::Connected,
    Outcome::NoAnswer,
    Outcome::Voicemail,
    Outcome::Busy,
    Outcome::WrongNumber,
    Outcome::Gatekeeper,
];
/// What can come of a task that is no touch.
const TASK_OUTCOMES: &[Outcome] = &[Outcome::Done];

pub(super) fn call(reader: &Reader<'_>, form: &Form<'_>, value: &Node) -> Option<Call> {
    let script = reader.script(value, Use::Task);
    let (due, escalate) = (due(reader, form), escalation(reader, form));
    let results = form.get("results").and_then(|node| results(reader, node, CALL_OUTCOMES));
    Some(Call { script: script?, due: due?, escalate: escalate?, results: results? })
}

/// `next` is where it goes when there are no `results`.
pub(super) fn todo(reader: &Reader<'_>, form: &Form<'_>, value: &Node, next: Option<Target>) -> Option<Todo> {
    let objective = reader.sheet.template(value, "what is to be done");
    check_use(&reader.sheet, &check_template(&reader.sheet, reader.known, value), Use::Task);
    let script = form.get("script").map(|node| reader.script(node, Use::Task));
    let (due, escalate) = (due(reader, form), escalation(reader, form));
    let results = match form.get("results") {
        Some(node) => {
            if form.get("go").is_some() {
                let problem = Problem::error("several-ways-out", form.key_span("go"), "this task has several ways out");
                reader.sheet.report(problem.help("`results` says where each of them leads; remove `go`"));
            }
            results(reader, node, TASK_OUTCOMES)
        }
        None => next.map(|otherwise| Results { by_result: BTreeMap::new(), by_outcome: BTreeMap::new(), otherwise }),
    };
    let script = script.map_or(Some(None), |script| script.map(Some));
    Some(Todo { objective: objective?, script: script?, due: due?, escalate: escalate?, results: results? })
}

/// When it is due; the default when the file does not say.
pub(super) fn due(reader: &Reader<'_>, form: &Form<'_>) -> Option<Span> {
    form.get("due").map_or(Some(DUE_DEFAULT), |node| reader.sheet.duration(node))
}

/// The escalation, when there is one; none of the outer option when it is broken.
pub(super) fn escalation(reader: &Reader<'_>, form: &Form<'_>) -> Option<Option<Escalate>> {
    form.get("escalate").map_or(Some(None), |node| escalate(reader, node).map(Some))
}

fn results(reader: &Reader<'_>, node: &Node, outcomes: &[Outcome]) -> Option<Results> {
    let (named, otherwise) = without_else(reader.sheet.named(node, "`results`")?);
    let (mut by_result, mut by_outcome) = (BTreeMap::new(), BTreeMap::new());
    let mut sound = true;
    for entry in named {
        let target = reader.target(&entry.value);
        let name = entry.key.text.as_str();
        let outcome = Outcome::parse(name).filter(|outcome| outcomes.contains(outcome));
        match (TouchResult::parse(name), outcome, target) {
            (Some(result), _, Some(target)) => drop(by_result.insert(result, target)),
            (_, Some(outcome), Some(target)) => drop(by_outcome.insert(outcome, target)),
            (Some(_), ..) | (_, Some(_), _) => sound = false,
            (None, None, _) => {
                let problem = Problem::error(
                    "unknown-result",
                    entry.key.span.clone(),
                    format!("there is no outcome or result `{name}`"),
                );
                let results = TouchResult::ALL.iter().map(|result| result.as_str());
                let names = results.chain(outcomes.iter().map(|outcome| outcome.as_str())).chain(["else"]);
                reader.sheet.report(problem.suggest(name, names, "outcomes and results"));
                sound = false;
            }
        }
    }
    let otherwise = match otherwise {
        Some(node) => reader.target(node)?,
        None => everything_named(reader, node, outcomes, &by_outcome)?,
    };
    sound.then_some(Results { by_result, by_outcome, otherwise })
}

/// `results` of a mail: each named, or covered by `else`.
pub(super) fn mail_results(reader: &Reader<'_>, node: &Node) -> Option<MailResults> {
    let (named, otherwise) = without_else(reader.sheet.named(node, "`results`")?);
    let mut sound = true;
    for Entry { key, .. } in named {
        if !shapes::mail_results().contains(&key.text.as_str()) {
            let message = format!("nothing named `{}` becomes of a mail", key.text);
            let problem = Problem::error("unknown-result", key.span.clone(), message);
            let names = shapes::mail_results().into_iter().chain(["else"]);
            reader.sheet.report(problem.suggest(&key.text, names, "what becomes of a mail"));
            sound = false;
        }
    }
    let missing: Vec<&str> = shapes::mail_results().into_iter().filter(|name| node.get(name).is_none()).collect();
    if otherwise.is_none() && !missing.is_empty() {
        let message = format!("`results` does not say what happens when the mail is {}", listed(missing));
        let problem = Problem::error("missing-else", node.pointer(), message);
        reader.sheet.report(problem.help("add `else: …` and the id of a step, or `end`"));
        sound = false;
    }
    let otherwise = otherwise.map(|node| reader.target(node));
    let [sent, refused, failed] = shapes::mail_results().map(|name| match node.get(name) {
        Some(node) => reader.target(node),
        None => otherwise.flatten(),
    });
    let results = MailResults { sent: sent?, refused: refused?, failed: failed? };
    sound.then_some(results)
}

/// Without `else` every outcome must be named; a result that is not named goes where its outcome goes.
fn everything_named(
    reader: &Reader<'_>,
    node: &Node,
    outcomes: &[Outcome],
    named: &BTreeMap<Outcome, Target>,
) -> Option<Target> {
    let missing: Vec<&str> =
        outcomes.iter().map(|outcome| outcome.as_str()).filter(|outcome| node.get(outcome).is_none()).collect();
    if missing.is_empty() {
        return named.get(&outcomes[0]).copied();
    }
    let message = match outcomes {
        [Outcome::Done] => "`results` does not say what happens when the task is done without one of these".to_owned(),
        _ => format!("`results` does not say what happens on {}", listed(missing)),
    };
    let problem = Problem::error("missing-else", node.pointer(), message);
    reader.sheet.report(problem.help("add `else: …` and the id of a step, or `end`"));
    None
}
