//! `call` and `task`, and where their outcomes and results lead.

use super::asks::escalate;
use super::shapes::INQUIRY;
use super::steps::covers_all;
use super::{Reader, parties, shapes, without_else};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::own_words::NOT_DONE;
use crate::placeholders::check_use;
use crate::putting_in::Edit;
use crate::script::check_template;
use crate::suggest::listed;
use crate::usage::Use;
use crate::yaml::{Entry, Node};
use cadenza_core::lead::{Outcome, TouchResult};
use cadenza_core::time::Span;
use cadenza_core::workflow::{Call, DUE_DEFAULT, Doer, Escalate, Inquiry, MailResults, Party, Results, Target, Todo};
use std::collections::BTreeMap;

/// The most questions that a report answers.
const ASKS_MAX: usize = 30;

/// The possible outcomes of a call.
const CALL_OUTCOMES: &[Outcome] = &[
    Outcome::Connected,
    Outcome::NoAnswer,
    Outcome::Voicemail,
    Outcome::Busy,
    Outcome::WrongNumber,
    Outcome::Gatekeeper,
];
/// The possible outcomes of a task that is not a touch.
const TASK_OUTCOMES: &[Outcome] = &[Outcome::Done];

pub(super) fn call(reader: &Reader<'_>, form: &Form<'_>, value: &Node) -> Option<Call> {
    attended(reader, form, "call");
    let script = reader.script(value, Use::Task);
    let (due, escalate, give_up) = (due(reader, form), escalation(reader, form), give_up(reader, form));
    let (doer, asks) = (doer(reader, form), asks(reader, form));
    let results = form.get("results").and_then(|node| results(reader, node, CALL_OUTCOMES, form.get("give_up")));
    let (script, doer, asks) = (script?, doer?, asks?);
    Some(Call { script, due: due?, escalate: escalate?, give_up: give_up?, doer, asks, results: results? })
}

/// `next` is the target when there are no `results`.
pub(super) fn todo(reader: &Reader<'_>, form: &Form<'_>, value: &Node, next: Option<Target>) -> Option<Todo> {
    attended(reader, form, "task");
    let objective = reader.sheet.template(value, "what is to be done");
    check_use(&reader.sheet, &check_template(&reader.sheet, reader.known, value), Use::Task);
    let script = form.get("script").map(|node| reader.script(node, Use::Task));
    let (due, escalate, give_up) = (due(reader, form), escalation(reader, form), give_up(reader, form));
    let (doer, asks) = (doer(reader, form), asks(reader, form));
    if form.get("results").is_none() && form.get("give_up").is_some() {
        let message = "nothing says where it leads when nobody does the task";
        let problem = Problem::error("give-up-nowhere", form.key_span("give_up"), message);
        let problem = problem.help("add `results: { not_done: …, else: … }` with the ids of steps, or `end`");
        // A done task leads where it led before; when nobody does it, the run ends.
        let results = next.and_then(|next| reader.id_of(next));
        let results = results.map(|id| format!("results: {{ not_done: end, else: {id} }}"));
        reader.sheet.report(problem.mend_by(results.and_then(|results| form.with(&reader.sheet, &results))));
    }
    let results = match form.get("results") {
        Some(node) => {
            if form.get("go").is_some() {
                let problem = Problem::error("several-ways-out", form.key_span("go"), "this task has several ways out");
                let problem = problem.help("`results` says where each of them leads; remove `go`");
                let without = form.without(&reader.sheet, "go").filter(|_| covers_all(node));
                reader.sheet.report(problem.mend_by(without));
            }
            results(reader, node, TASK_OUTCOMES, form.get("give_up"))
        }
        None => next.map(|otherwise| Results {
            by_own: BTreeMap::new(),
            by_result: BTreeMap::new(),
            by_outcome: BTreeMap::new(),
            not_done: None,
            otherwise,
        }),
    };
    let script = script.map_or(Some(None), |script| script.map(Some));
    let (objective, script, doer, asks) = (objective?, script?, doer?, asks?);
    let (due, escalate, give_up) = (due?, escalate?, give_up?);
    Some(Todo { objective, script, due, escalate, give_up, doer, asks, results: results? })
}

/// Who has to do it; the owner when the file does not say.
fn doer(reader: &Reader<'_>, form: &Form<'_>) -> Option<Doer> {
    let Some(node) = form.get("for") else { return Some(Doer::Owner) };
    match parties::read(reader, node, "for", &["owner", "manager"])? {
        Party::Owner => Some(Doer::Owner),
        Party::Manager => Some(Doer::Manager),
        Party::Role(role) => Some(Doer::Role(role)),
        Party::Rep(rep) => Some(Doer::Rep(rep)),
        Party::Pool(pool) => Some(Doer::Pool(pool)),
        Party::Watchers | Party::Connection(_) => None,
    }
}

/// The questions that a report answers.
fn asks(reader: &Reader<'_>, form: &Form<'_>) -> Option<Vec<Inquiry>> {
    let Some(node) = form.get("asks") else { return Some(Vec::new()) };
    let items = reader.sheet.list(node, "`asks`")?;
    if items.is_empty() || items.len() > ASKS_MAX {
        let message = format!("`asks` has {} questions", items.len());
        let problem = Problem::error("empty-list", node.pointer(), message);
        let problem = problem.help(format!("ask 1 to {ASKS_MAX}, or leave `asks` out"));
        let edit = reader.sheet.taken_out(form.key_span("asks").start);
        reader.sheet.report(if items.is_empty() { problem.mend(edit, "") } else { problem });
        return None;
    }
    let read: Vec<Option<Inquiry>> = items.iter().map(|item| inquiry(reader, item)).collect();
    let asks = read.into_iter().collect::<Option<Vec<Inquiry>>>()?;
    for (ix, ask) in asks.iter().enumerate() {
        if asks[..ix].iter().any(|before| before.field == ask.field) {
            let message = format!("`{}` is asked for twice", ask.field);
            let problem = Problem::error("asked-twice", items[ix].pointer(), message);
            reader.sheet.report(problem.help("one question for each field: remove one of them"));
            return None;
        }
    }
    Some(asks)
}

fn inquiry(reader: &Reader<'_>, item: &Node) -> Option<Inquiry> {
    let form = Form::open(&reader.sheet, item, &INQUIRY)?;
    let field = form.get("field").and_then(|node| {
        let field = reader.sheet.text(node, "a field")?;
        reader.given_field(&field, &node.span, "a rep cannot set it").map(|_| field)
    });
    let question = form.get("question").and_then(|node| reader.sheet.text(node, "a question"));
    let required = form.get("required").map_or(Some(false), |node| reader.sheet.flag(node));
    Some(Inquiry { field: field?, question: question?, required: required? })
}

/// The time after which it is given up, if any. The outer option is `None` when the entry is broken.
pub(super) fn give_up(reader: &Reader<'_>, form: &Form<'_>) -> Option<Option<Span>> {
    let Some(node) = form.get("give_up") else { return Some(None) };
    let span = reader.sheet.duration(node)?;
    if span.is_zero() {
        let problem = Problem::error("given-up-at-once", node.pointer(), "it is given up before anybody can do it");
        let problem = problem.help("say how long somebody has: `give_up: 3 business days`");
        reader.sheet.report(problem.replace("3 business days"));
        return None;
    }
    Some(Some(span))
}

/// Warns if nothing happens while nobody does it.
fn attended(reader: &Reader<'_>, form: &Form<'_>, verb: &str) {
    if form.get("give_up").is_none() && form.get("escalate").is_none() {
        let message = format!("when nobody does this {verb}, the run waits for ever");
        let problem = Problem::warning("waits-for-ever", form.key_span(verb), message);
        reader.sheet.report(problem.help(ATTEND).mend_by(form.with(&reader.sheet, "give_up: 3 business days")));
    }
}

/// What to write when nothing happens while nobody does the task.
const ATTEND: &str = "add `give_up: 3 business days` with `not_done: …` among its results, or `escalate: { plugin: …, at: [1d], … }`, which asks a plugin what to do";

/// The time after which it is due; the default when the file does not say.
pub(super) fn due(reader: &Reader<'_>, form: &Form<'_>) -> Option<Span> {
    form.get("due").map_or(Some(DUE_DEFAULT), |node| reader.sheet.duration(node))
}

/// The escalation, if there is one. The outer option is `None` when it is broken.
pub(super) fn escalation(reader: &Reader<'_>, form: &Form<'_>) -> Option<Option<Escalate>> {
    form.get("escalate").map_or(Some(None), |node| escalate(reader, node).map(Some))
}

fn results(reader: &Reader<'_>, node: &Node, outcomes: &[Outcome], give_up: Option<&Node>) -> Option<Results> {
    let (named, otherwise) = without_else(reader.sheet.named(node, "`results`")?);
    let (mut by_own, mut by_result, mut by_outcome, mut not_done) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), None);
    let own_results = &reader.known.own_words.results;
    let mut sound = true;
    for entry in named {
        let target = reader.target(&entry.value);
        let name = entry.key.text.as_str();
        if name == NOT_DONE {
            not_done = target;
            sound &= target.is_some();
            if give_up.is_none() {
                let message = "it never comes to `not_done`: nothing says when it is given up";
                let problem = Problem::error("never-given-up", entry.key.span.clone(), message);
                reader
                    .sheet
                    .report(problem.help("add `give_up: 3 business days` to the step, or leave `not_done` out"));
            }
            continue;
        }
        if own_results.get(name).is_some() {
            sound &= target.is_some();
            by_own.extend(target.map(|target| (name.to_owned(), target)));
            continue;
        }
        let outcome = Outcome::parse(name).filter(|outcome| outcomes.contains(outcome));
        match (TouchResult::parse(name), outcome, target) {
            (Some(result), _, Some(target)) => drop(by_result.insert(result, target)),
            (_, Some(outcome), Some(target)) => drop(by_outcome.insert(outcome, target)),
            (Some(_), ..) | (_, Some(_), _) => sound = false,
            // The declaration of the team's own words could not be read, and that has been reported.
            (None, None, _) if !reader.known.has_all("results") => sound = false,
            (None, None, _) => {
                let problem = Problem::error(
                    "unknown-result",
                    entry.key.span.clone(),
                    format!("there is no outcome or result `{name}`"),
                );
                let not_done = give_up.is_some().then_some(NOT_DONE);
                let names = own_results
                    .all()
                    .chain(outcomes.iter().map(|outcome| outcome.as_str()))
                    .chain(not_done)
                    .chain(["else"]);
                reader.sheet.report(problem.suggest(name, names, "outcomes and results"));
                sound = false;
            }
        }
    }
    let otherwise = match otherwise {
        Some(node) => reader.target(node)?,
        None => everything_named(reader, node, outcomes, &by_outcome, give_up.is_some())?,
    };
    sound.then_some(Results { by_own, by_result, by_outcome, not_done, otherwise })
}

/// `results` of a mail, message or request: each named, or covered by `else`.
pub(super) fn mail_results(reader: &Reader<'_>, node: &Node, what: &str) -> Option<MailResults> {
    let (named, otherwise) = without_else(reader.sheet.named(node, "`results`")?);
    let mut sound = true;
    for Entry { key, .. } in named {
        if !shapes::mail_results().contains(&key.text.as_str()) {
            let message = format!("nothing named `{}` becomes of a {what}", key.text);
            let problem = Problem::error("unknown-result", key.span.clone(), message);
            let names = shapes::mail_results().into_iter().chain(["else"]);
            reader.sheet.report(problem.suggest(&key.text, names, &format!("what becomes of a {what}")));
            sound = false;
        }
    }
    let missing: Vec<&str> = shapes::mail_results().into_iter().filter(|name| node.get(name).is_none()).collect();
    if otherwise.is_none() && !missing.is_empty() {
        let message = format!("`results` does not say what happens when the {what} is {}", listed(missing));
        let problem = Problem::error("missing-else", node.pointer(), message);
        reader.sheet.report(problem.help(ELSE).mend_by(with_else(reader, node)));
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

/// What to write when not every way out is covered.
const ELSE: &str = "add `else: …` and the id of a step, or `end`";

/// A mapping of ways out with one for all the rest: where a `go` beside it leads, else the run ends there.
pub(super) fn with_else(reader: &Reader<'_>, node: &Node) -> Option<Edit> {
    let is_of = |step: &&Node| step.entries().iter().any(|entry| entry.value.span == node.span);
    let go = reader.items.iter().find(is_of).and_then(|step| step.get("go")?.scalar());
    reader.sheet.put_in(node, &[format!("else: {}", go.map_or("end", |go| &go.text))])
}

/// Without `else` every outcome must be named; a result that is not named goes where its outcome goes.
fn everything_named(
    reader: &Reader<'_>,
    node: &Node,
    outcomes: &[Outcome],
    named: &BTreeMap<Outcome, Target>,
    given_up: bool,
) -> Option<Target> {
    let words = outcomes.iter().map(|outcome| outcome.as_str()).chain(given_up.then_some(NOT_DONE));
    let missing: Vec<&str> = words.filter(|word| node.get(word).is_none()).collect();
    if missing.is_empty() {
        return named.get(&outcomes[0]).copied();
    }
    let message = match outcomes {
        [Outcome::Done] if missing == [NOT_DONE] => {
            "`results` does not say what happens when nobody does the task".to_owned()
        }
        [Outcome::Done] => "`results` does not say what happens when the task is done without one of these".to_owned(),
        _ => format!("`results` does not say what happens on {}", listed(missing)),
    };
    let problem = Problem::error("missing-else", node.pointer(), message);
    reader.sheet.report(problem.help(ELSE).mend_by(with_else(reader, node)));
    None
}
