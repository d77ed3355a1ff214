//! `interrupts`: what events do to a run at any step.

use super::shapes::{DEED, INTERRUPT, PAUSE};
use super::{Reader, entry, steps, verbs};
use crate::condition::{Place, condition, expression};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::yaml::Node;
use cadenza_core::expr::Expr;
use cadenza_core::time::Span;
use cadenza_core::value::ValueType;
use cadenza_core::workflow::{Interrupt, Reaction, StepIx, Target, Verb};

/// The most entries of `interrupts`.
const INTERRUPTS_MAX: usize = 50;

pub(super) fn read(reader: &Reader<'_>, form: &Form<'_>) -> Option<Vec<Interrupt>> {
    let Some(node) = form.get("interrupts") else { return Some(Vec::new()) };
    let items = reader.sheet.list(node, "`interrupts`")?;
    if items.len() > INTERRUPTS_MAX {
        let message = format!("there are {} interrupts, and the most is {INTERRUPTS_MAX}", items.len());
        reader.sheet.report(Problem::error("too-large", form.key_span("interrupts"), message));
        return None;
    }
    let read: Vec<Option<Interrupt>> = items.iter().enumerate().map(|(ix, item)| one(reader, item, ix)).collect();
    read.into_iter().collect()
}

fn one(reader: &Reader<'_>, item: &Node, ix: usize) -> Option<Interrupt> {
    let sheet = &reader.sheet;
    let form = Form::open(sheet, item, &INTERRUPT)?;
    let event = form.get("event").and_then(|node| sheet.event(node));
    let test = form.get("if");
    let test = test.map_or(Some(Expr::TRUE), |node| condition(sheet, reader.known, node, Place::Interrupt));
    let during = form.get("during").map_or(Some(Vec::new()), |node| during(reader, node));
    let mut reactions: Vec<&str> = ["go", "pause", "do"].into_iter().filter(|key| form.get(key).is_some()).collect();
    reactions.sort_by_key(|key| form.key_span(key).start);
    let reaction = match reactions.as_slice() {
        ["go"] => form.get("go").and_then(|node| reader.target(node)).map(Reaction::Go),
        ["pause"] => form.get("pause").and_then(|node| pause(reader, node)),
        [_] => form.get("do").and_then(|node| deeds(reader, node, ix)).map(Reaction::Do),
        [] => {
            let problem = Problem::error("no-verb", item.pointer(), "this interrupt does nothing");
            let help = "add `go: …`, `pause: { until: event.until, else: 3 business days }` or `do: […]`; `go: end` ends the run";
            sheet.report(problem.help(help));
            None
        }
        [_, second, ..] => {
            let message = format!("an interrupt does one thing, and `{second}` is a second");
            let problem = Problem::error("two-verbs", form.key_span(second), message);
            let help = format!("remove `{second}`, or make an entry of its own of it: entries are asked from the top");
            sheet.report(problem.help(help));
            None
        }
    };
    let of_account = entry::of_account(reader, &form);
    Some(Interrupt { event: event?, of_account: of_account?, condition: test?, during: during?, reaction: reaction? })
}

fn during(reader: &Reader<'_>, node: &Node) -> Option<Vec<StepIx>> {
    if let Some(scalar) = node.scalar().filter(|scalar| scalar.is_plain() && scalar.text.contains(',')) {
        let instead = format!("[{}]", scalar.text);
        let problem = Problem::error("wrong-type", node.span.clone(), "several steps are a list, in brackets");
        reader.sheet.report(problem.label(format!("write `{instead}`")).replace(instead));
        return None;
    }
    let items = reader.sheet.items(node);
    let read: Vec<Option<StepIx>> = items
        .iter()
        .map(|item| match reader.target(item)? {
            Target::Step(ix) => Some(ix),
            Target::End => {
                let problem = Problem::error("unknown-step", item.span.clone(), "no run is at `end`");
                let problem = problem.help("name steps at which the interrupt applies");
                reader.sheet.report(problem.mend(reader.sheet.taken_out(item.span.start), ""));
                None
            }
        })
        .collect();
    read.into_iter().collect()
}

fn pause(reader: &Reader<'_>, node: &Node) -> Option<Reaction> {
    let sheet = &reader.sheet;
    if let Some(scalar) = node.scalar().filter(|scalar| Span::parse(&scalar.text).is_some()) {
        let instead = format!("{{ else: {} }}", scalar.text);
        let problem = Problem::error("wrong-type", node.span.clone(), "a duration stands behind `else`");
        let help = format!("or `{{ until: event.until, else: {} }}`, where the event says until when", scalar.text);
        sheet.report(problem.label(format!("write `{instead}`")).help(help).replace(instead));
        return None;
    }
    let form = Form::open(sheet, node, &PAUSE)?;
    let until = form
        .get("until")
        .map_or(Some(None), |node| expression(sheet, reader.known, node, Place::Interrupt, ValueType::Time).map(Some));
    let otherwise = form.get("else").and_then(|node| {
        let span = sheet.duration(node)?;
        if span.is_zero() {
            let problem = Problem::error("no-pause", node.span.clone(), "this pauses for no time at all");
            sheet.report(problem.help("say how long: `else: 3 business days`").replace("3 business days"));
        }
        Some(span)
    });
    Some(Reaction::Pause { until: until?, otherwise: otherwise? })
}

fn deeds(reader: &Reader<'_>, node: &Node, ix: usize) -> Option<Vec<Verb>> {
    let items = reader.sheet.list(node, "`do`")?;
    if items.is_empty() {
        reader.sheet.report(Problem::error("empty-list", node.span.clone(), "`do` does nothing"));
    }
    let read: Vec<Option<Verb>> = items
        .iter()
        .enumerate()
        .map(|(place, item)| {
            let form = Form::open(&reader.sheet, item, &DEED)?;
            let keys: Vec<&str> = DEED.names().filter(|key| form.get(key).is_some()).collect();
            match keys.as_slice() {
                ["update"] => steps::update(reader, form.get("update")?, Place::Interrupt).map(Verb::Update),
                ["notify"] => {
                    let key = format!("words/interrupt-{}-{}", ix + 1, place + 1);
                    verbs::notify(reader, form.get("notify")?, key).map(Verb::Notify)
                }
                ["watch"] => verbs::watch(reader, form.get("watch")?).map(Verb::Watch),
                [_] => steps::enroll(reader, form.get("enroll")?, Place::Interrupt).map(Verb::Enroll),
                [] => {
                    let problem = Problem::error("no-verb", item.pointer(), "this says nothing that is to be done");
                    reader.sheet.report(problem.help("write `update`, `notify`, `watch` or `enroll`"));
                    None
                }
                [_, second, ..] => {
                    let message = format!("an entry of `do` is one thing, and `{second}` is a second");
                    let problem = Problem::error("two-verbs", form.key_span(second), message);
                    let divided = reader.sheet.divided_at(item, form.key_span(second).start, None);
                    reader.sheet.report(problem.help("make an entry of its own of it").mend_by(divided));
                    None
                }
            }
        })
        .collect();
    read.into_iter().collect()
}

/// Reports a `do` that puts the lead into another workflow of its own group: that would end this run, or not let the
/// lead in.
pub(super) fn into_own_group(reader: &Reader<'_>, own: Option<&String>, form: &Form<'_>) {
    let Some(own) = own else { return };
    let name = form.get("workflow").and_then(Node::scalar).map(|name| &name.text);
    let interrupts = form.get("interrupts").map_or(&[][..], Node::list).iter();
    for deed in interrupts.filter_map(|item| item.get("do")).flat_map(Node::list) {
        let Some(enroll) = deed.get("enroll") else { continue };
        let Some(into) = enroll.get("workflow").unwrap_or(enroll).scalar().map(|into| &into.text) else { continue };
        if reader.known.groups.get(into) == Some(own) && name != Some(into) {
            let problem = steps::own_group(enroll.pointer(), own, into);
            reader.sheet.report(problem.help("lead the run by `go` to a step that does it, with `go: end`"));
        }
    }
}
