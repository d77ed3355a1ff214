//! `people`: who does the tasks that `given` does not mention. Also reads the report of a task for both keys.

use super::lookup::{Lookup, moment};
use super::model::{Did, Habit};
use super::shapes::{HABIT, TIMES_MAX, call_outcomes};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::suggest::listed;
use crate::yaml::{Content, Node};
use cadenza_core::lead::{Outcome, TouchResult};
use cadenza_core::own_words::Said;
use cadenza_core::workflow::{Inquiry, Step, TouchPlan, Verb};

pub(super) fn read(look: &Lookup<'_>, node: &Node) -> Vec<Habit> {
    match &node.content {
        Content::Scalar(_) => {
            look.sheet.word(node, "what people do", &[("nobody", ())]);
            Vec::new()
        }
        Content::Map(_) => habit(look, node).into_iter().collect(),
        Content::List(items) => items.iter().filter_map(|item| habit(look, item)).collect(),
    }
}

fn habit(look: &Lookup<'_>, node: &Node) -> Option<Habit> {
    let form = Form::open(&look.sheet, node, &HABIT)?;
    let place = form.get("step").map(|node| look.task(node));
    let within = form.get("within").and_then(|node| look.sheet.duration(node));
    let times = form.get("times").map(|node| look.sheet.whole(node, "how often", 1, TIMES_MAX));
    let (place, step) = match place {
        Some(found) => found.map(|(place, step)| (Some(place), Some(step)))?,
        None => (None, None),
    };
    let did = did(look, &form, step)?;
    Some(Habit { place, within: within?, times: times.map_or(Some(None), |times| times.map(Some))?, did })
}

/// The report of a task of this step, or of any task without a step. It must fit what the step accepts.
pub(super) fn did(look: &Lookup<'_>, form: &Form<'_>, step: Option<&Step>) -> Option<Did> {
    let sheet = &look.sheet;
    let outcomes: Vec<_> = Outcome::ALL.iter().map(|outcome| (outcome.as_str(), *outcome)).collect();
    let outcome = form.get("outcome").map(|node| sheet.word(node, "how a task ends", &outcomes));
    let result = form.get("result").map(|node| look.result(node));
    let (outcome, result) =
        (outcome.map_or(Some(None), |it| it.map(Some))?, result.map_or(Some(None), |it| it.map(Some))?);
    // Without a step, the report is about calls. Tasks that are not calls are simply done.
    let is_call = step.is_none_or(|step| match &step.verb {
        Verb::Cadence(cadence) => cadence.touches.iter().any(|touch| matches!(touch.touch, TouchPlan::Call { .. })),
        verb => !matches!(verb, Verb::Task(_)),
    });
    let ends: Vec<Outcome> = if is_call { call_outcomes().collect() } else { vec![Outcome::Done] };
    let words = || listed(ends.iter().map(|outcome| outcome.as_str()));
    match outcome {
        None if is_call => {
            let message = "nothing says how the call ends";
            let problem = Problem::error("missing-key", form.pointer(), message);
            sheet.report(problem.help(format!("add `outcome: …`, one of {}", words())));
            return None;
        }
        Some(outcome) if !ends.contains(&outcome) => {
            let what = if is_call { "a call" } else { "a task that is no call" };
            let span = form.get("outcome").map_or_else(|| form.pointer(), |node| node.span.clone());
            let problem = Problem::error("wrong-outcome", span, format!("{what} does not end as `{outcome}`"));
            sheet.report(problem.help(format!("it can be {}", words())));
            return None;
        }
        _ => {}
    }
    if let (Some(outcome), Some(result)) = (outcome, &result)
        && is_call
        && !result.means.counts_with(outcome)
    {
        let message = format!("the lead said nothing when the outcome is `{outcome}`");
        let problem = Problem::error("wrong-outcome", form.key_span("result"), message);
        sheet.report(problem.help("leave `result` out, or write `outcome: connected`"));
        return None;
    }
    let answers = form.get("answers").map_or_else(Vec::new, |node| look.fields(node));
    let asks: &[Inquiry] = match step.map(|step| &step.verb) {
        Some(Verb::Call(call)) if outcome.is_some_and(Outcome::reached) => &call.asks,
        Some(Verb::Task(todo)) => &todo.asks,
        _ => &[],
    };
    let given = |field: &str| form.get("answers").and_then(|node| node.get(field)).is_some();
    let missing: Vec<&str> =
        asks.iter().filter(|ask| ask.required && !given(&ask.field)).map(|ask| ask.field.as_str()).collect();
    if !missing.is_empty() {
        let message = format!("the report has to answer {}", listed(missing.iter().copied()));
        let problem = Problem::error("unanswered", form.pointer(), message);
        sheet.report(problem.help(format!("add `answers: {{ {}: … }}`", missing.join(": …, "))));
        return None;
    }
    let notes = form.get("notes").and_then(|node| sheet.text(node, "notes"));
    let wants_reason = |said: &Said<TouchResult>| look.workspace.settings.own_words.results.wants_reason(said);
    if let Some(result) = result.as_ref().filter(|_| notes.is_none()).filter(|said| wants_reason(said)) {
        let message = format!("the report has to give a reason for `{}`", result.word());
        let problem = Problem::error("unanswered", form.key_span("result"), message);
        sheet.report(problem.help("add `notes: …`, what the rep wrote"));
        return None;
    }
    let callback = form.get("callback_at").and_then(|node| moment(look, node));
    let by = form.get("by").and_then(|node| look.rep(node));
    Some(Did { outcome, result, notes, answers, callback, by })
}
