//! The ways into a workflow and out of it: `enroll`, `re_enroll`, `leave`.

use super::Reader;
use super::shapes::{AFTER, AGAIN_WHEN, AT, CATCH_UP_ALL, FIRINGS_MAX, GROUP, LEAVE, LOSES, SCHEDULE, WHEN};
use crate::condition::{Place, condition, expression};
use crate::diagnostic::Problem;
use crate::foreign;
use crate::form::Form;
use crate::yaml::{Content, Node};
use cadenza_core::event::EventType;
use cadenza_core::expr::{Expr, Object};
use cadenza_core::id::hash64;
use cadenza_core::time::Span;
use cadenza_core::value::ValueType;
use cadenza_core::workflow::{CatchUp, Enroll, Group, Leave, ReEnroll, Schedule};
use std::collections::BTreeSet;

/// How far back missed firings are caught up, when the file does not say.
const WITHIN_DEFAULT: Span = Span::Days(7);

pub(super) fn enroll(reader: &Reader<'_>, form: &Form<'_>, workflow: &str) -> Vec<Enroll> {
    let Some(node) = form.get("enroll") else { return Vec::new() };
    let items = reader.sheet.list(node, "`enroll`").unwrap_or_default();
    let mut ways = Vec::new();
    for item in items {
        match (item.get("when"), item.get("schedule")) {
            (Some(_), None) => ways.extend(when(reader, item)),
            (None, Some(_)) => {
                ways.extend(at(reader, item));
            }
            (None, None)
                if item
                    .entries()
                    .iter()
                    .any(|entry| foreign::asks_if(&entry.key.text) || foreign::names_event(&entry.key.text)) =>
            {
                ways.extend(when(reader, item));
            }
            _ => {
                let problem = Problem::error(
                    "bad-enroll",
                    item.pointer(),
                    "an entry of `enroll` has either `when` or `schedule`",
                );
                reader
                    .sheet
                    .report(problem.help("write `- when: lead.created`, or `- schedule: { cron: … }` with `leads: …`"));
            }
        }
    }
    name_schedules(reader, items, &mut ways, workflow);
    ways
}

/// Gives schedules their ids: the id in the file, or else one made from their times, so that a move in the file or a
/// change of another schedule never gives one schedule the memory of another. Schedules with the same times differ by
/// their leads.
fn name_schedules(reader: &Reader<'_>, items: &[Node], ways: &mut [Enroll], workflow: &str) {
    let mut schedules: Vec<(&mut Schedule, &Expr)> = ways
        .iter_mut()
        .filter_map(|way| match way {
            Enroll::Schedule { schedule, leads } => Some((schedule, &*leads)),
            Enroll::When { .. } => None,
        })
        .collect();
    let times = |schedule: &Schedule| format!("{} {}", schedule.cron, schedule.timezone);
    let all: Vec<String> = schedules.iter().map(|(schedule, _)| times(schedule)).collect();
    let mut given = BTreeSet::new();
    for (schedule, leads) in &mut schedules {
        if schedule.id.is_empty() {
            let mut text = times(schedule);
            if all.iter().filter(|other| **other == text).count() > 1 {
                text.push_str(&format!(" {leads:?}"));
            }
            schedule.id = format!("t{:08x}", hash64(text.as_bytes()) >> 32);
        }
        schedule.id = format!("{workflow}/{}", schedule.id);
        if !given.insert(schedule.id.clone()) {
            let same = items.iter().filter_map(|item| item.get("schedule")).next_back();
            let problem = Problem::error(
                "duplicate-name",
                same.map_or(0..0, Node::pointer),
                "two schedules have the same id, or the same times and leads",
            );
            reader.sheet.report(problem.help("give each an `id` of its own, or leave one out"));
        }
    }
}

fn when(reader: &Reader<'_>, item: &Node) -> Option<Enroll> {
    if let Some(entry) = item.entries().iter().find(|entry| entry.key.text == "if" && item.get("when").is_none())
        && entry.value.scalar().is_some_and(|scalar| EventType::parse(&scalar.text).is_some())
    {
        let problem = Problem::error("unknown-event", entry.key.span.clone(), "an event stands behind `when`");
        reader.sheet.report(problem.label("did you mean `when`?").replace("when"));
        return None;
    }
    let form = Form::open(&reader.sheet, item, &WHEN)?;
    let event = form.get("when").and_then(|node| reader.sheet.event(node));
    let test = form.get("if");
    let test = test.map_or(Some(Expr::TRUE), |node| condition(&reader.sheet, reader.known, node, Place::Enrolling));
    Some(Enroll::When { event: event?, condition: test? })
}

fn at(reader: &Reader<'_>, item: &Node) -> Option<Enroll> {
    let form = Form::open(&reader.sheet, item, &AT)?;
    let leads = form.get("leads").and_then(|node| condition(&reader.sheet, reader.known, node, Place::Schedule));
    let schedule = form.get("schedule").and_then(|node| schedule(reader, node));
    Some(Enroll::Schedule { schedule: schedule?, leads: leads? })
}

fn schedule(reader: &Reader<'_>, node: &Node) -> Option<Schedule> {
    let sheet = &reader.sheet;
    let form = Form::open(sheet, node, &SCHEDULE)?;
    let id = form.get("id").map_or(Some(String::new()), |node| sheet.name(node, "the id of a schedule"));
    let cron = form.get("cron").and_then(|node| sheet.cron(node));
    let timezone = match form.get("timezone") {
        Some(node) => sheet.zone(node).map(|(name, _)| name),
        None => reader.known.timezone.clone(),
    };
    let catch_up = form.get("catch_up").map_or(Some(CatchUp::Latest), |node| catch_up(reader, node));
    let within = form.get("within").map_or(Some(WITHIN_DEFAULT), |node| sheet.duration(node));
    Some(Schedule { id: id?, cron: cron?, timezone: timezone?, catch_up: catch_up?, within: within? })
}

fn catch_up(reader: &Reader<'_>, node: &Node) -> Option<CatchUp> {
    if !matches!(node.content, Content::Map(_)) {
        let words = [("latest", CatchUp::Latest), ("none", CatchUp::None)];
        if node.scalar().is_some_and(|scalar| scalar.text == "all") {
            let problem = Problem::error("unknown-word", node.span.clone(), "`all` needs a bound");
            reader.sheet.report(problem.label("write `{ all: 10 }`").replace("{ all: 10 }"));
            return None;
        }
        return reader.sheet.word(node, "what happens to missed times", &words);
    }
    let form = Form::open(&reader.sheet, node, &CATCH_UP_ALL)?;
    let most = reader.sheet.whole(form.get("all")?, "a number of firings", 1, FIRINGS_MAX)?;
    u16::try_from(most).ok().map(|at_most| CatchUp::All { at_most })
}

pub(super) fn re_enroll(reader: &Reader<'_>, node: &Node) -> Option<ReEnroll> {
    if !matches!(node.content, Content::Map(_)) {
        let words = [("never", false), ("always", true)];
        if let Some(scalar) = node.scalar().filter(|scalar| Span::parse(&scalar.text).is_some()) {
            let instead = format!("{{ after: {} }}", scalar.text);
            let problem = Problem::error("unknown-word", node.span.clone(), "a duration stands behind `after`");
            reader.sheet.report(problem.label(format!("write `{instead}`")).replace(instead));
            return None;
        }
        let always = reader.sheet.word(node, "whether a lead may come in again", &words)?;
        return Some(if always { ReEnroll::Always } else { ReEnroll::Never });
    }
    if node.entries().iter().any(|entry| foreign::asks_if(&entry.key.text)) {
        let form = Form::open(&reader.sheet, node, &AGAIN_WHEN)?;
        return condition(&reader.sheet, reader.known, form.get("when")?, Place::Again).map(ReEnroll::When);
    }
    let form = Form::open(&reader.sheet, node, &AFTER)?;
    reader.sheet.duration(form.get("after")?).map(ReEnroll::After)
}

/// What happens to a run when a workflow with a higher priority in its group takes the lead, and whether the run is
/// then paused.
const OUSTED_WORDS: &[(&str, bool)] = &[("end", false), ("pause", true)];

/// The group in which a lead is in one workflow at a time. The outer option is `None` when the entry is broken.
pub(super) fn group(reader: &Reader<'_>, form: &Form<'_>) -> Option<Option<Group>> {
    let Some(node) = form.get("group") else { return Some(None) };
    let sheet = &reader.sheet;
    let form = Form::open(sheet, node, &GROUP)?;
    let name = form.get("name").and_then(|node| sheet.name(node, "the name of a group"));
    let priority = form.get("priority").map_or(Some(0), |node| {
        sheet.whole(node, "a priority", 0, 1_000).and_then(|priority| i32::try_from(priority).ok())
    });
    let waits = match form.get("loses") {
        None => Some(None),
        Some(node) if matches!(node.content, Content::Map(_)) => {
            let form = Form::open(sheet, node, &LOSES)?;
            form.get("wait").and_then(|node| sheet.duration(node)).map(Some)
        }
        Some(node) if node.scalar().is_some_and(|scalar| scalar.text == "wait") => {
            let problem = Problem::error("wrong-type", node.span.clone(), "nothing says how long it waits");
            sheet.report(problem.label("write `{ wait: 14d }`").replace("{ wait: 14d }"));
            None
        }
        Some(node) => sheet.word(node, "what becomes of a lead that another has", &[("out", None)]),
    };
    let ousted = form
        .get("ousted")
        .map_or(Some(false), |node| sheet.word(node, "what becomes of a run when a higher one comes", OUSTED_WORDS));
    Some(Some(Group { name: name?, priority: priority?, waits: waits?, pauses: ousted? }))
}

/// The expression for each value of which a lead has a run. The outer option is `None` when the entry is broken.
pub(super) fn one_run_per(reader: &Reader<'_>, form: &Form<'_>, ways: &[Enroll]) -> Option<Option<Expr>> {
    let Some(node) = form.get("one_run_per") else { return Some(None) };
    let sheet = &reader.sheet;
    if ways.iter().any(|way| matches!(way, Enroll::Schedule { .. })) {
        let message = "a schedule brings no event, so its runs would have no value to stand for";
        let problem = Problem::error("key-by-schedule", form.key_span("one_run_per"), message);
        let help =
            "remove the schedule, and let a step of another workflow put leads in: `enroll: { workflow: …, key: … }`";
        sheet.report(problem.help(help));
        return None;
    }
    let key = expression(sheet, reader.known, node, Place::Key, ValueType::Any)?;
    if !key.names(Object::Event) {
        let problem = Problem::error("bad-key", node.pointer(), "this says the same whatever event comes");
        sheet.report(problem.help("name what the event brings: `one_run_per: event.data.webinar`"));
        return None;
    }
    Some(Some(key))
}

/// Whether an event may happen to any lead of the account.
pub(super) fn of_account(reader: &Reader<'_>, form: &Form<'_>) -> Option<bool> {
    let whose = |node| reader.sheet.word(node, "whose event it is", &[("account", true)]);
    form.get("of").map_or(Some(false), whose)
}

pub(super) fn leave(reader: &Reader<'_>, form: &Form<'_>) -> Vec<Leave> {
    let Some(node) = form.get("leave") else { return Vec::new() };
    let read = |item: &Node| {
        let sheet = &reader.sheet;
        let before = sheet.errors();
        let form = Form::open(sheet, item, &LEAVE)?;
        let event = form.get("event").map(|node| sheet.event(node));
        let place = if event.is_some() { Place::Interrupt } else { Place::Leave };
        let test = match form.get("if") {
            Some(node) => condition(sheet, reader.known, node, place),
            None if event.is_some() => Some(Expr::TRUE),
            // It says so in another word, and that has been told.
            None if sheet.errors() > before => None,
            None => {
                let problem = Problem::error("missing-key", item.pointer(), "nothing says when the run ends");
                let problem = problem.help("write `if: …` with a condition, or `event: deal.won`");
                sheet.report(problem);
                None
            }
        };
        let of_account = of_account(reader, &form);
        if event.is_none() && form.get("of").is_some() && sheet.errors() == before {
            let message = "a condition is asked of this lead alone";
            let problem = Problem::error("no-event", form.key_span("of"), message);
            let help = "name the event that may happen to any lead of the account: `event: deal.won`";
            sheet.report(problem.help(help));
            return None;
        }
        let ending = form.get("as").and_then(|node| sheet.name(node, "the name of an ending"));
        let event = event.map_or(Some(None), |event| event.map(Some));
        Some(Leave { event: event?, of_account: of_account?, condition: test?, ending: ending? })
    };
    reader.sheet.list(node, "`leave`").unwrap_or_default().iter().filter_map(read).collect()
}
