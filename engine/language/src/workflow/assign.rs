//! `assign`, with `hold` and `carry`.

use super::Reader;
use super::shapes::{CARRY, CHOICE, HOLD};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::team::{unknown_rep, unknown_rep_or_pool};
use crate::yaml::Node;
use cadenza_core::time::Span;
use cadenza_core::workflow::{Assign, AssignBy, Carry, HoldRule, HoldScope, Sticky};

pub(super) fn read(reader: &Reader<'_>, step: &Form<'_>, value: &Node) -> Option<Assign> {
    let sheet = &reader.sheet;
    let hold = step.get("hold").map_or(Some(None), |node| hold(reader, node).map(Some));
    let carry = step.get("carry").map_or_else(|| Some(Carry::default()), |node| carry(reader, node));
    let form = Form::open(sheet, value, &CHOICE)?;
    let ways = AssignBy::ALL.iter().filter(|by| **by != AssignBy::Rep).map(|by| (by.as_str(), *by));
    let ways: Vec<_> = ways.collect();
    let named = form.get("rep").map_or(Some(None), |node| rep(reader, node).map(Some));
    let by = match (form.get("by"), form.get("rep")) {
        (Some(_), Some(_)) => {
            let problem = Problem::error("bad-assign", form.key_span("by"), "`rep` names one, and nobody is chosen");
            let problem = problem.help("remove `by`, or choose from a `pool`");
            sheet.report(problem.mend(sheet.taken_out(form.key_span("by").start), ""));
            None
        }
        (Some(node), None) => sheet.word(node, "how an owner is chosen", &ways),
        (None, Some(_)) => Some(AssignBy::Rep),
        (None, None) => {
            let problem = Problem::error("missing-key", form.pointer(), "`assign` says neither `by` nor `rep`");
            let by = || "by: longest_idle".to_owned();
            let added = match (form.get("pool"), reader.one_of("pool")) {
                (Some(_), _) => sheet.put_in(value, &[by()]),
                (None, Some(pool)) => sheet.put_in(value, &[format!("pool: {pool}"), by()]),
                (None, None) => None,
            };
            sheet.report(problem.help("add `by: longest_idle` and a `pool`, or `rep: …`").mend_by(added));
            None
        }
    };
    let role = form.get("as").map_or(Some(None), |node| sheet.name(node, "a role").map(Some));
    let anew =
        form.get("except").map_or(Some(false), |node| sheet.word(node, "who is passed over", &[("earlier", true)]));
    let announced = announced(reader, &form);
    if let (Some(_), Some(_)) = (step.get("hold"), form.get("as")) {
        let problem = Problem::error("bad-assign", step.key_span("hold"), "a role owns nothing that could be held");
        sheet.report(problem.help("remove `hold`, or `as`"));
    }
    let pool = form.get("pool").map_or(Some(None), |node| pool(reader, node).map(Some));
    let keeps: Vec<_> = Sticky::ALL.iter().map(|sticky| (sticky.as_str(), *sticky)).collect();
    let sticky =
        form.get("sticky").map_or(Some(None), |node| sheet.word(node, "what an owner sticks to", &keeps).map(Some));
    let fallback = form.get("fallback").map_or(Some(None), |node| fallback(reader, node).map(Some));
    match (by, form.get("pool")) {
        (Some(AssignBy::Rep), Some(_)) => {
            let problem = Problem::error("bad-assign", form.key_span("pool"), "`rep` names one, and no pool is asked");
            sheet.report(problem.help("remove `pool` or `rep`; a pool that takes over is a `fallback`"));
        }
        (Some(AssignBy::Territory), Some(_)) => {
            let problem =
                Problem::error("bad-assign", form.key_span("pool"), "an owner by territory comes from no pool");
            sheet.report(problem.help("remove `pool`, or choose another `by`"));
        }
        (Some(AssignBy::Territory), None) if !reader.known.territories && !reader.known.reps.incomplete => {
            let problem = Problem::error("bad-assign", form.key_span("by"), "team.yaml has no territories");
            sheet.report(problem.help("add `territories` there, each with `name`, `if` and `owner`"));
        }
        (Some(by), None) if !by.names_one() => {
            let problem = Problem::error(
                "bad-assign",
                form.key_span("by"),
                format!("`by: {by}` chooses from a pool, and none is named"),
            );
            let problem = problem.help("add `pool: …`").suggest("", reader.known.pools.iter(), "pools in team.yaml");
            let added = reader.one_of("pool").and_then(|pool| form.with(sheet, &format!("pool: {pool}")));
            sheet.report(problem.mend_by(added));
        }
        _ => {}
    }
    let (pool, by, named, role, anew) = (pool?, by?, named?, role?, anew?);
    let (sticky, fallback, hold, carry) = (sticky?, fallback?, hold?, carry?);
    Some(Assign { pool, by, rep: named, role, anew, unannounced: !announced?, sticky, fallback, hold, carry })
}

/// Whether the rep is told. If the file asks for it explicitly, it must be possible.
fn announced(reader: &Reader<'_>, form: &Form<'_>) -> Option<bool> {
    let Some(node) = form.get("announce") else { return Some(true) };
    let announced = reader.sheet.flag(node)?;
    if announced && !reader.known.notify_via && reader.known.has_all("contact") {
        let problem =
            Problem::error("no-connection", form.key_span("announce"), "no connection carries the announcement");
        reader.sheet.report(problem.help("add `contact: { notify_via: … }` to cadenza.yaml, or remove `announce`"));
        return None;
    }
    Some(announced)
}

/// A rep of team.yaml.
pub(super) fn rep(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.sheet.text(node, "a rep")?;
    if reader.known.reps.has(&name) {
        return Some(name);
    }
    reader.sheet.report(unknown_rep(node, &name, reader.known));
    None
}

pub(super) fn pool(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.sheet.text(node, "a pool")?;
    if reader.known.pools.has(&name) {
        return Some(name);
    }
    let problem = Problem::error("unknown-pool", node.span.clone(), format!("there is no pool `{name}`"));
    reader.sheet.report(problem.suggest(&name, reader.known.pools.iter(), "pools in team.yaml"));
    None
}

fn fallback(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.sheet.text(node, "a rep or pool")?;
    if reader.known.pools.has(&name) || reader.known.reps.has(&name) {
        return Some(name);
    }
    reader.sheet.report(unknown_rep_or_pool(node, &name, reader.known));
    None
}

fn hold(reader: &Reader<'_>, node: &Node) -> Option<HoldRule> {
    let form = Form::open(&reader.sheet, node, &HOLD)?;
    let scopes: Vec<_> = HoldScope::ALL.iter().map(|scope| (scope.as_str(), *scope)).collect();
    let scope = form.get("scope").and_then(|node| reader.sheet.word(node, "what a hold is on", &scopes));
    let span = form.get("for").and_then(|node| reader.sheet.duration(node));
    if span.is_some_and(Span::is_zero) {
        let problem = Problem::error("no-pause", form.key_span("for"), "this holds for no time at all");
        let value = form.get("for").map(|node| (node.span.clone(), "14d".to_owned()));
        reader.sheet.report(problem.help("say how long, `for: 14d`, or remove `hold`").mend_by(value));
    }
    let until = form.get("until").map_or(Some(None), |node| reader.sheet.event(node).map(Some));
    let on_expiry = form.get("on_expiry").map_or(Some(None), |node| reader.target(node).map(Some));
    Some(HoldRule { scope: scope?, span: span?, until: until?, on_expiry: on_expiry? })
}

fn carry(reader: &Reader<'_>, node: &Node) -> Option<Carry> {
    let form = Form::open(&reader.sheet, node, &CARRY)?;
    let moved = form.get("open_tasks").map_or(Some(false), |node| {
        reader.sheet.word(node, "what becomes of open tasks", &[("move", true), ("leave", false)])
    });
    let watched = form
        .get("watch")
        .map_or(Some(false), |node| reader.sheet.word(node, "who watches", &[("previous_owner", true)]));
    Some(Carry { move_open_tasks: moved?, watch_previous_owner: watched? })
}
