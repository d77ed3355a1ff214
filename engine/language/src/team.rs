//! `team.yaml`: reps, pools, territories.

use crate::condition::{Place, condition};
use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::hours::{self, named_calendar, read_week};
use crate::known::{Known, Names};
use crate::shape::{Shape, Takes, optional, required};
use crate::yaml::{Content, Entry, Node};
use cadenza_core::calendar::Calendar;
use cadenza_core::lead::RepId;
use cadenza_core::workspace::{Pool, Rep, Team, Territory};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Words for the recipient of an escalation, which therefore cannot be reps.
pub(crate) const ROLES: [&str; 2] = ["owner", "manager"];
const WEIGHT_MAX: u32 = 1_000;
const OPEN_TASKS_MAX: u32 = 100_000;

pub(crate) static TEAM: Shape = Shape {
    name: "team.yaml",
    about: "Who works here, in which pools, and to whom each part of the market belongs.",
    keys: &[
        required("reps", Takes::Map(&Takes::Form(&REP)), "Reps by id"),
        optional("pools", Takes::Map(&IN_POOL), "Reps that share work, by the pool's name"),
        optional("territories", Takes::List(&Takes::Form(&TERRITORY)), "Parts of the market, asked in order"),
    ],
};

static REP: Shape = Shape {
    name: "a rep",
    about: "Somebody who sells.",
    keys: &[
        required("name", Takes::Text, "The name people see"),
        optional("email", Takes::Text, "Mail address"),
        optional("signature", Takes::Text, "What stands below the rep's mails, in Markdown"),
        optional("manager", Takes::Ref("rep"), "The id of the rep's manager"),
        optional("timezone", Takes::Zone, "The rep's zone; the calendar's when left out"),
        optional("calendar", Takes::Ref("calendar"), "A calendar of cadenza.yaml; the workspace's when left out"),
        optional("hours", Takes::Map(&hours::DAY), "The rep's own hours by weekday"),
        optional("absences", Takes::List(&Takes::Form(&ABSENCE)), "Holidays and other absences"),
        optional("open_tasks_max", Takes::Whole(1, OPEN_TASKS_MAX), "Pools pass over the rep at this many open tasks"),
    ],
};

static ABSENCE: Shape = Shape {
    name: "an absence",
    about: "Days on which the rep does not work.",
    keys: &[required("from", Takes::Date, "The first day"), required("to", Takes::Date, "The last day")],
};

static IN_POOL: Takes = Takes::Either(&[Takes::List(&MEMBER), Takes::Form(&POOL)]);

static POOL: Shape = Shape {
    name: "a pool",
    about: "Reps that share work, with hours of the pool's own.",
    keys: &[
        required("members", Takes::List(&MEMBER), "Its reps"),
        optional(
            "calendar",
            Takes::Ref("calendar"),
            "A calendar of cadenza.yaml, for tasks that wait for any member; the workspace's when left out",
        ),
    ],
};

static MEMBER: Takes = Takes::Either(&[Takes::Ref("rep"), Takes::Form(&WEIGHTED)]);

static WEIGHTED: Shape = Shape {
    name: "a member of a pool",
    about: "A rep with a weight.",
    keys: &[
        required("rep", Takes::Ref("rep"), "The rep's id"),
        required("weight", Takes::Whole(1, WEIGHT_MAX), "The rep's share, against 1 for the others"),
    ],
};

static TERRITORY: Shape = Shape {
    name: "a territory",
    about: "A part of the market and who it belongs to.",
    keys: &[
        required("name", Takes::Name, "Its name"),
        required("if", Takes::Condition, "Which leads lie in it"),
        required("owner", Takes::Ref("rep or pool"), "The rep it belongs to, or the pool of which one takes the lead"),
    ],
};

/// Collects the names, so that the parts of the file, and workflows, can refer to them in any order.
pub(crate) fn collect(node: &Node, known: &mut Known<'_>) {
    let names = |key: &str, names: &mut Names| {
        let entries = node.get(key).map(Node::entries).unwrap_or_default();
        entries.iter().for_each(|entry| names.add(&entry.key.text));
    };
    names("reps", &mut known.reps);
    names("pools", &mut known.pools);
    for entry in node.get("reps").map(Node::entries).unwrap_or_default() {
        let called = ["name", "email"].into_iter().filter_map(|key| entry.value.get(key)?.scalar());
        known.called.extend(called.map(|called| (called.text.to_lowercase(), entry.key.text.clone())));
    }
    let territories = node.get("territories").map(|node| &node.content);
    known.territories = matches!(territories, Some(Content::List(items)) if !items.is_empty());
}

/// Reads the file. `base` is the workspace's calendar.
pub(crate) fn read(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>, base: &Calendar) -> Option<Team> {
    let form = Form::open(sheet, node, &TEAM)?;
    let mut team = Team::default();
    if let Some(reps) = form.get("reps") {
        for entry in sheet.named(reps, "`reps`").unwrap_or_default() {
            check_rep_name(sheet, entry, known);
            if let Some(rep) = read_rep(sheet, entry, known, base) {
                team.reps.insert(RepId(entry.key.text.clone()), rep);
            }
        }
        manager_circles(sheet, reps, &team.reps);
    }
    if let Some(pools) = form.get("pools") {
        for entry in sheet.named(pools, "`pools`").unwrap_or_default() {
            sheet.check_name(&entry.key.text, entry.key.span.clone(), "the name of a pool");
            if let Some(pool) = read_pool(sheet, entry, known) {
                team.pools.insert(entry.key.text.clone(), pool);
            }
        }
    }
    if let Some(territories) = form.get("territories") {
        for item in sheet.list(territories, "`territories`").unwrap_or_default() {
            team.territories.extend(read_territory(sheet, item, known));
        }
    }
    Some(team)
}

fn check_rep_name(sheet: &Sheet<'_>, entry: &Entry, known: &Known<'_>) {
    let (name, span) = (&entry.key.text, entry.key.span.clone());
    sheet.check_name(name, span.clone(), "the id of a rep");
    if ROLES.contains(&name.as_str()) {
        let message = format!("a rep cannot be called `{name}`: escalations mean the lead's {name} by it");
        sheet.report(Problem::error("bad-name", span, message));
    } else if known.pools.names.contains(name) {
        let message = format!("`{name}` is both a rep and a pool, and `fallback: {name}` could mean either");
        sheet.report(Problem::error("duplicate-name", span, message).help("give one of them another name"));
    }
}

fn read_rep(sheet: &Sheet<'_>, entry: &Entry, known: &Known<'_>, base: &Calendar) -> Option<Rep> {
    let form = Form::open(sheet, &entry.value, &REP)?;
    let mut calendar = match form.get("calendar") {
        Some(node) => named_calendar(sheet, node, known).unwrap_or_else(|| base.clone()),
        None => base.clone(),
    };
    if let Some((_, zone)) = form.get("timezone").and_then(|zone| sheet.zone(zone)) {
        calendar = calendar.in_zone(zone);
    }
    if let Some(hours) = form.get("hours")
        && let Some(week) = read_week(sheet, hours)
    {
        match calendar.with_week(week) {
            Ok(own) => calendar = own,
            Err(_) => sheet.report(Problem::error("never-open", hours.pointer(), "these hours are never open")),
        }
    }
    let absences = form.get("absences").map_or_else(Vec::new, |node| read_absences(sheet, node));
    let manager = form.get("manager").and_then(|node| rep(sheet, node, known));
    if manager.as_ref().is_some_and(|manager| manager.0 == entry.key.text) {
        let span = form.get("manager").map_or_else(|| form.pointer(), |node| node.span.clone());
        sheet.report(
            Problem::error("manager-circle", span, format!("`{}` cannot be the manager of `{0}`", entry.key.text))
                .help("remove it, or name another rep")
                .mend_by(form.without(sheet, "manager")),
        );
    }
    Some(Rep {
        name: sheet.text(form.get("name")?, "the rep's name")?,
        email: form.get("email").and_then(|email| sheet.text(email, "a mail address")),
        signature: form.get("signature").and_then(|node| sheet.text(node, "a signature")),
        manager,
        calendar,
        absences,
        open_tasks_max: form
            .get("open_tasks_max")
            .and_then(|most| sheet.whole(most, "a number of tasks", 1, OPEN_TASKS_MAX)),
    })
}

fn read_absences(sheet: &Sheet<'_>, node: &Node) -> Vec<(Date, Date)> {
    let read = |item: &Node| {
        let form = Form::open(sheet, item, &ABSENCE)?;
        let (from, to) = (form.get("from")?, form.get("to")?);
        let (first, last) = (sheet.date(from)?, sheet.date(to)?);
        if first > last || (last - first).get_days() > 3_660 {
            let problem =
                Problem::error("bad-date", to.span.clone(), format!("an absence from {first} to {last} cannot be"));
            let problem = problem.help("`to` is the last day, not before `from` and within ten years of it");
            // The two dates were written in the wrong order.
            let (a, b) = (from.span.clone(), to.span.clone());
            let turned = (first > last && a.end <= b.start && (first - last).get_days() <= 3_660).then(|| {
                let between = &sheet.text[a.end..b.start];
                (a.start..b.end, format!("{last}{between}{first}"))
            });
            sheet.report(problem.mend_by(turned));
            return None;
        }
        Some((first, last))
    };
    sheet.list(node, "`absences`").unwrap_or_default().iter().filter_map(read).collect()
}

/// Following the managers of each rep must lead to somebody without one.
fn manager_circles(sheet: &Sheet<'_>, reps: &Node, read: &BTreeMap<RepId, Rep>) {
    let mut named = BTreeSet::new();
    for entry in reps.entries() {
        let start = RepId(entry.key.text.clone());
        let mut above = read.get(&start).and_then(|rep| rep.manager.clone()).filter(|manager| *manager != start);
        let mut circle = vec![start.clone()];
        while let Some(manager) = above.filter(|manager| !named.contains(manager)) {
            if manager == start {
                let path: Vec<String> = circle.iter().chain([&start]).map(|rep| format!("`{rep}`")).collect();
                let message = format!("nobody is at the top here: {}", path.join(" → "));
                let problem = Problem::error("manager-circle", entry.key.span.clone(), message);
                // The rep who stands last in the file is taken to be at the top.
                let last = reps.entries().iter().rfind(|entry| circle.iter().any(|rep| rep.0 == entry.key.text));
                let problem = match last {
                    Some(last) => problem
                        .help(format!("remove the `manager` of one of them, such as that of `{}`", last.key.text)),
                    None => problem,
                };
                sheet.report(problem);
                named.extend(circle);
                break;
            }
            if circle.contains(&manager) {
                break;
            }
            circle.push(manager.clone());
            above = read.get(&manager).and_then(|rep| rep.manager.clone());
        }
    }
}

fn read_pool(sheet: &Sheet<'_>, entry: &Entry, known: &Known<'_>) -> Option<Pool> {
    let mut members: Vec<(RepId, u32)> = Vec::new();
    let form = match entry.value.content {
        Content::Map(_) => Some(Form::open(sheet, &entry.value, &POOL)?),
        _ => None,
    };
    let listed = form.as_ref().map_or(Some(&entry.value), |form| form.get("members"))?;
    let calendar = form.as_ref().and_then(|form| form.get("calendar"));
    let calendar = calendar.and_then(|calendar| named_calendar(sheet, calendar, known));
    let items = sheet.list(listed, "a pool")?;
    for item in items {
        let (node, weight) = match &item.content {
            Content::Map(_) => {
                let Some(form) = Form::open(sheet, item, &WEIGHTED) else { continue };
                let weight = form.get("weight").and_then(|weight| sheet.whole(weight, "a weight", 1, WEIGHT_MAX));
                (form.get("rep"), weight.unwrap_or(1))
            }
            _ => (Some(item), 1),
        };
        let Some((node, rep)) = node.and_then(|node| Some((node, rep(sheet, node, known)?))) else { continue };
        if members.iter().any(|(member, _)| *member == rep) {
            let message = format!("`{rep}` is in this pool already");
            let problem = Problem::error("duplicate-name", node.span.clone(), message).help("remove one of the two");
            // A weight may be what makes the difference.
            let without = (sheet.item_taken_out(item), String::new());
            sheet.report(problem.mend_by(Some(without).filter(|_| item.scalar().is_some())));
        }
        members.push((rep, weight));
    }
    if items.is_empty() {
        sheet.report(Problem::error(
            "empty-list",
            listed.span.clone(),
            format!("the pool `{}` has no members", entry.key.text),
        ));
    }
    Some(Pool { members, calendar })
}

fn read_territory(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) -> Option<Territory> {
    let form = Form::open(sheet, node, &TERRITORY)?;
    let name = form.get("name").and_then(|name| sheet.name(name, "the name of a territory"));
    let condition = form.get("if").and_then(|node| condition(sheet, known, node, Place::Territory));
    let owner = form.get("owner").and_then(|node| rep_or_pool(sheet, node, known));
    Some(Territory { name: name?, condition: condition?, owner: owner? })
}

/// The id of a rep of this team, or the name of a pool; the two never share a name.
fn rep_or_pool(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) -> Option<RepId> {
    let name = sheet.text(node, "a rep or a pool")?;
    if known.reps.has(&name) || known.pools.has(&name) {
        return Some(RepId(name));
    }
    sheet.report(unknown_rep_or_pool(node, &name, known));
    None
}

/// The complaint of somebody who is neither.
pub(crate) fn unknown_rep_or_pool(node: &Node, name: &str, known: &Known<'_>) -> Problem {
    let problem = Problem::error("unknown-rep", node.span.clone(), format!("there is no rep or pool `{name}`"));
    match known.rep_called(name) {
        Some(rep) => problem.label(format!("a rep is named by the id: `{rep}`")).replace(rep),
        None => problem.suggest(name, known.reps.iter().chain(known.pools.iter()), "reps and pools in team.yaml"),
    }
}

/// The id of a rep of this team.
pub(crate) fn rep(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>) -> Option<RepId> {
    let name = sheet.text(node, "a rep")?;
    if known.reps.has(&name) {
        return Some(RepId(name));
    }
    sheet.report(unknown_rep(node, &name, known));
    None
}

/// The complaint of a rep that there is not; whoever is called so is named.
pub(crate) fn unknown_rep(node: &Node, name: &str, known: &Known<'_>) -> Problem {
    let problem = Problem::error("unknown-rep", node.span.clone(), format!("there is no rep `{name}`"));
    match known.rep_called(name) {
        Some(rep) => problem.label(format!("a rep is named by the id: `{rep}`")).replace(rep),
        None => problem.suggest(name, known.reps.iter(), "reps in team.yaml"),
    }
}
