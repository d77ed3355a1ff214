//! `leads` and `given`: the leads of a case, and what happens from outside, in order of time.

use super::Leads;
use super::lookup::{Lookup, line, moment};
use super::model::{Act, Change, Done, Given, Moment, Order, When};
use super::people::did;
use super::rows;
use super::shapes::{COMMANDS, GIVEN, ROWS};
use crate::diagnostic::{Problem, Sheet};
use crate::form::{Form, unknown_key};
use crate::shape::Shape;
use crate::suggest::{listed, nearest};
use crate::yaml::{Content, Entry, Node};
use cadenza_core::time::Span;
use cadenza_core::value::ValueType;
use std::collections::BTreeMap;

pub(super) fn leads(look: &Lookup<'_>, node: &Node) -> Leads {
    let mut leads = Leads::new();
    for entry in look.sheet.named(node, "`leads`").unwrap_or_default() {
        look.sheet.check_name(&entry.key.text, entry.key.span.clone(), "the name of a lead");
        leads.insert(entry.key.text.clone(), look.fields(&entry.value));
    }
    leads
}

/// The key among `verbs` that says what an entry is. No such key, or two of them, is reported.
pub(super) fn find_verb(
    sheet: &Sheet<'_>,
    node: &Node,
    verbs: &[(&'static str, &'static Shape)],
    what: &str,
) -> Option<(&'static str, &'static Shape)> {
    if !matches!(node.content, Content::Map(_)) {
        let problem = Problem::error(
            "wrong-type",
            node.span.clone(),
            format!("{what} is a mapping, and this is {}", node.is_a()),
        );
        sheet.report(problem.help(format!("write it as `{{ {}: … }}`", verbs.first().map_or("", |(verb, _)| *verb))));
        return None;
    }
    let mut found = node
        .entries()
        .iter()
        .filter_map(|entry| Some((entry, verbs.iter().find(|(verb, _)| *verb == entry.key.text)?)));
    let names = || verbs.iter().map(|(verb, _)| *verb);
    let Some((_, (verb, shape))) = found.next() else {
        let common = |key: &str| verbs.iter().all(|(_, shape)| shape.key(key).is_some());
        let slip = node.entries().iter().filter(|entry| !common(&entry.key.text));
        let slip = slip.into_iter().find_map(|entry| Some((entry, nearest(&entry.key.text, names())?)));
        sheet.report(match slip {
            Some((Entry { key, .. }, near)) => {
                Problem::error("unknown-verb", key.span.clone(), format!("{what} has no `{}`", key.text))
                    .label(format!("did you mean `{near}`?"))
                    .replace(near)
            }
            None => Problem::error("no-verb", node.pointer(), format!("{what} does not say what it is"))
                .help(format!("give it one of {}", listed(names()))),
        });
        return None;
    };
    for entry in node.entries() {
        let key = &entry.key;
        if shape.key(&key.text).is_some() {
            continue;
        }
        let problem = match verbs.iter().any(|(other, _)| *other == key.text) {
            true => Problem::error("two-verbs", key.span.clone(), format!("this is both `{verb}` and `{}`", key.text))
                .help("make two entries of it"),
            false => unknown_key(sheet, node, entry, shape),
        };
        sheet.report(problem);
    }
    Some((verb, shape))
}

/// The entries, including the rows of their tables. Leads that a table brings are added to those of the file.
pub(super) fn read(look: &Lookup<'_>, items: &[Node], leads: &mut Leads) -> Vec<Given> {
    let mut given: Vec<Given> = Vec::new();
    let mut before = (look.leads.len() == 1).then(|| look.leads.keys().next().cloned()).flatten();
    // An entry that names no lead is not reported if the entry before it is wrong.
    let mut is_blamed = false;
    let mut latest: Option<(Moment, usize)> = None;
    for (number, item) in items.iter().enumerate() {
        let Some((verb, shape)) = find_verb(&look.sheet, item, &GIVEN, "an entry of `given`") else {
            is_blamed = true;
            continue;
        };
        let Some(form) = Form::peek(&look.sheet, item, shape) else { continue };
        form.require(&look.sheet, &|_| None);
        let Some(when) = when(look, &form, number == 0) else { continue };
        let at = line(&look.sheet, &item.pointer());
        in_order(look, &form, when, at, &mut latest);
        if verb == "csv" {
            given.extend(table(look, &form, when, at, leads).unwrap_or_default());
            continue;
        }
        let lead = match form.get("lead") {
            Some(node) => look.lead(node, leads),
            None if before.is_some() => before.clone(),
            None if is_blamed => None,
            None => {
                let names = listed(leads.keys().map(String::as_str));
                let problem = Problem::error("which-lead", form.pointer(), "nothing says which lead this is about");
                look.sheet.report(problem.help(format!("add `lead: …`; leads of this file: {names}")));
                None
            }
        };
        is_blamed |= lead.is_none();
        before.clone_from(&lead);
        let Some(lead) = lead else { continue };
        let act = match verb {
            "event" => event(look, &form, lead),
            "task" => task(look, &form, lead),
            "enroll" => workflow(look, &form, "enroll").map(|workflow| Act::Enroll { workflow, lead }),
            "claim" | "snooze" | "reassign" => moved(look, &form, verb, lead),
            _ => order(look, &form, verb).map(|order| Act::Order { lead, order }),
        };
        given.extend(act.map(|act| Given { line: at, when, act }));
    }
    given
}

/// When the entry happens: `at` a moment, or `after` the previous entry.
fn when(look: &Lookup<'_>, form: &Form<'_>, first: bool) -> Option<When> {
    match (form.get("at"), form.get("after")) {
        (Some(_), Some(_)) => {
            let message = "this says twice when it happens";
            let problem = Problem::error("two-times", form.key_span("after"), message);
            look.sheet.report(
                problem.help("keep `at`, counted from the case's beginning, or `after`, from the entry before"),
            );
            None
        }
        (Some(node), None) => moment(look, node).map(When::At),
        (None, Some(node)) => look.sheet.duration(node).map(When::Next),
        (None, None) if first => Some(When::At(Moment::After(Span::ZERO))),
        (None, None) => Some(When::Next(Span::ZERO)),
    }
}

/// Reports an entry that lies before the one above it, which is probably a mistake.
fn in_order(look: &Lookup<'_>, form: &Form<'_>, when: When, at: usize, latest: &mut Option<(Moment, usize)>) {
    let When::At(now) = when else { return };
    let is_earlier = match (now, latest.as_ref()) {
        (Moment::At(now), Some((Moment::At(before), _))) => now < *before,
        (Moment::After(now), Some((Moment::After(before), _))) => now.approximate_ms() < before.approximate_ms(),
        _ => false,
    };
    if let (true, Some((_, above))) = (is_earlier, latest.as_ref()) {
        let problem = Problem::error("not-ascending", form.key_span("at"), format!("this lies before line {above}"));
        look.sheet.report(problem.help("put the entries into the order of their times"));
    }
    *latest = Some((now, at));
}

fn event(look: &Lookup<'_>, form: &Form<'_>, lead: String) -> Option<Act> {
    let kind = form.get("event").and_then(|node| look.sheet.event(node));
    let fields = form.get("fields").map_or_else(Vec::new, |node| look.fields(node));
    let mut data = BTreeMap::new();
    if let Some(node) = form.get("data") {
        for entry in look.sheet.named(node, "`data`").unwrap_or_default() {
            let value = look.sheet.value(&entry.value, ValueType::Any, "what an event brings");
            data.extend(value.map(|value| (entry.key.text.clone(), value)));
        }
    }
    Some(Act::Event { kind: kind?, lead, fields, data })
}

fn task(look: &Lookup<'_>, form: &Form<'_>, lead: String) -> Option<Act> {
    let (place, step) = form.get("task").and_then(|node| look.task(node))?;
    let did = did(look, form, Some(step))?;
    Some(Act::Done(Done { place, lead, did }))
}

fn workflow(look: &Lookup<'_>, form: &Form<'_>, key: &str) -> Option<String> {
    form.get(key).and_then(|node| super::lookup::workflow(&look.sheet, node, look.workspace))
}

/// A person's command about a lead.
fn order(look: &Lookup<'_>, form: &Form<'_>, verb: &str) -> Option<Order> {
    match verb {
        "owner" => return form.get("owner").and_then(|node| look.rep(node)).map(Order::Owner),
        "remove" => return workflow(look, form, "remove").map(|workflow| Order::Remove { workflow }),
        _ => {}
    }
    let words: Vec<_> = COMMANDS.iter().map(|word| (*word, *word)).collect();
    let command = form.get("command").and_then(|node| look.sheet.word(node, "what a person commands", &words))?;
    let reason = form.get("reason").map(|node| look.sheet.text(node, "a reason"));
    let reason = reason.map_or(Some(None), |reason| reason.map(Some))?;
    if reason.is_some() && !matches!(command, "opt_out" | "disqualify") {
        let problem = Problem::error("unknown-key", form.key_span("reason"), format!("`{command}` has no reason"));
        look.sheet.report(problem.help("leave it out"));
        return None;
    }
    Some(match (command, reason) {
        ("pause", _) => Order::Pause,
        ("resume", _) => Order::Resume,
        ("unpark", _) => Order::Unpark,
        ("opt_out", reason) => Order::OptOut { reason },
        (_, Some(reason)) => Order::Disqualify { reason },
        (_, None) => {
            let problem = Problem::error("missing-key", form.pointer(), "nothing says why the lead is disqualified");
            look.sheet.report(problem.help("add `reason: …`"));
            return None;
        }
    })
}

/// What is done with the open task of a step, other than doing it.
fn moved(look: &Lookup<'_>, form: &Form<'_>, verb: &str, lead: String) -> Option<Act> {
    let (place, _) = form.get(verb).and_then(|node| look.task(node))?;
    let rep = |key: &str| form.get(key).and_then(|node| look.rep(node));
    let change = match verb {
        "claim" => Change::Claim { by: rep("by")? },
        "reassign" => Change::Reassign { to: rep("for")? },
        _ => Change::Snooze { until: form.get("until").and_then(|node| moment(look, node))? },
    };
    Some(Act::Move { place, lead, change })
}

fn table(look: &Lookup<'_>, form: &Form<'_>, when: When, at: usize, leads: &mut Leads) -> Option<Vec<Given>> {
    let node = form.get(ROWS.keys[2].name)?;
    let name = look.sheet.text(node, "a file")?;
    let here = |file: &str| file.ends_with(".csv");
    let Some(text) = look.files.file(&name).filter(|_| here(&name)) else {
        let problem = Problem::error("missing-file", node.span.clone(), format!("there is no table `{name}`"));
        let names: Vec<&str> = look.files.files().map(|(file, _)| file).filter(|file| here(file)).collect();
        look.sheet.report(problem.suggest(&name, names, "tables at the top of the folder and in `samples/`"));
        return None;
    };
    rows::read(look, (&name, text), when, at, leads)
}
