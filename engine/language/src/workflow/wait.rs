//! `wait`: for a time, until a date of the lead, for an event.

use super::Reader;
use super::shapes::{FOR_EVENT, FOR_EVENTS, NEXT, ONE_OF_EVENTS, RUN_STARTED, SINCE_STEP, TIMEOUT, UNTIL};
use crate::condition::{Place, condition, expression};
use crate::diagnostic::Problem;
use crate::foreign;
use crate::form::Form;
use crate::meant::meant_time;
use crate::yaml::{Content, Entry, Node};
use cadenza_core::event::EventType;
use cadenza_core::expr::Expr;
use cadenza_core::time::Span;
use cadenza_core::value::ValueType;
use cadenza_core::workflow::{Awaited, NextDay, Since, Target, Wait};

pub(super) fn read(reader: &Reader<'_>, step: &Form<'_>, value: &Node) -> Option<Wait> {
    match &value.content {
        Content::Map(_) if value.get("event").is_some() => event(reader, step, value),
        Content::Map(_) if value.get("for").is_some() => events(reader, step, value),
        Content::Map(_) if value.get("next").is_some() => next(reader, value),
        Content::Map(_) if value.get("until").is_some() => until(reader, value),
        Content::Scalar(_) => {
            let span = reader.sheet.duration(value)?;
            if span.is_zero() {
                let problem = Problem::error("no-pause", value.span.clone(), "this waits for no time at all");
                reader.sheet.report(problem.help("remove the step, or say how long: `wait: 1d`").replace("1d"));
            }
            Some(Wait::For(span))
        }
        Content::Map(_) | Content::List(_) => {
            let problem = Problem::error(
                "bad-wait",
                value.pointer(),
                "`wait` says neither how long, nor until when, nor for which event",
            );
            let help = "write `wait: 3 business days`, `wait: { until: lead.project_date, … }`, `wait: { next: monday }`, \
                        `wait: { event: meeting.held, … }` or `wait: { for: [{ event: meeting.held, go: … }, …], … }`";
            let is_event = |node: &Node| node.scalar().is_some_and(|event| EventType::parse(&event.text).is_some());
            let mut named = value.entries().iter().filter(|entry| foreign::names_event(&entry.key.text));
            reader.sheet.report(match named.find(|entry| is_event(&entry.value)) {
                Some(Entry { key, .. }) => problem.label("here it is `event`").mend(key.span.clone(), "event"),
                None => problem.help(help),
            });
            None
        }
    }
}

fn until(reader: &Reader<'_>, value: &Node) -> Option<Wait> {
    let sheet = &reader.sheet;
    let form = Form::open(sheet, value, &UNTIL)?;
    let date = form.get("until").and_then(|node| expression(sheet, reader.known, node, Place::Date, ValueType::Time));
    let duration = |key: &str| form.get(key).map(|node| sheet.duration(node));
    let (offset, before) = match (duration("before"), duration("after")) {
        (Some(_), Some(_)) => {
            let problem =
                Problem::error("bad-wait", form.key_span("after"), "the moment is either `before` or `after` the date");
            sheet.report(problem.help("remove one of the two"));
            return None;
        }
        (Some(offset), None) => (offset, true),
        (None, offset) => (offset.unwrap_or(Some(Span::ZERO)), false),
    };
    let target = |key: &str| form.get(key).and_then(|node| reader.target(node));
    let (past, blank) = (target("past"), target("blank"));
    Some(Wait::Until { date: date?, offset: offset?, before, past: past?, blank: blank? })
}

fn event(reader: &Reader<'_>, step: &Form<'_>, value: &Node) -> Option<Wait> {
    let sheet = &reader.sheet;
    only_its_own_ways(reader, step);
    let form = Form::open(sheet, value, &FOR_EVENT)?;
    let first = awaited(reader, &form);
    let (since, timeout) = (since(reader, &form), timeout(reader, &form));
    let (timeout, on_timeout) = timeout?;
    Some(Wait::Event { first: first?, or: Vec::new(), since: since?, timeout, on_timeout })
}

fn events(reader: &Reader<'_>, step: &Form<'_>, value: &Node) -> Option<Wait> {
    let sheet = &reader.sheet;
    only_its_own_ways(reader, step);
    let form = Form::open(sheet, value, &FOR_EVENTS)?;
    let node = form.get("for")?;
    let items = sheet.list(node, "`for`")?;
    let read: Vec<Option<Awaited>> = items
        .iter()
        .map(|item| Form::open(sheet, item, &ONE_OF_EVENTS).and_then(|form| awaited(reader, &form)))
        .collect();
    let (since, timeout) = (since(reader, &form), timeout(reader, &form));
    if items.is_empty() {
        let problem = Problem::error("empty-list", node.span.clone(), "this waits for no event");
        let problem = problem.help("write `- { event: meeting.held, go: … }`, or `wait: 3d`");
        sheet.report(problem.replace("[{ event: meeting.held, go: end }]"));
    }
    let mut all = read.into_iter().collect::<Option<Vec<Awaited>>>()?.into_iter();
    let (timeout, on_timeout) = timeout?;
    Some(Wait::Event { first: all.next()?, or: all.collect(), since: since?, timeout, on_timeout })
}

/// An event, the condition on it, and where it leads.
fn awaited(reader: &Reader<'_>, form: &Form<'_>) -> Option<Awaited> {
    let sheet = &reader.sheet;
    let event = form.get("event").and_then(|node| sheet.event(node));
    let which = form.get("if").map_or(Some(Expr::TRUE), |node| condition(sheet, reader.known, node, Place::Awaited));
    let go = form.get("go").and_then(|node| reader.target(node));
    Some(Awaited { event: event?, condition: which?, go: go? })
}

/// The time from which events count.
fn since(reader: &Reader<'_>, form: &Form<'_>) -> Option<Since> {
    let Some(node) = form.get("since") else { return Some(Since::Moved) };
    if !matches!(node.content, Content::Map(_)) {
        return reader.sheet.word(node, "since when events count", &[(RUN_STARTED, Since::Run)]);
    }
    let form = Form::open(&reader.sheet, node, &SINCE_STEP)?;
    let step = form.get("step")?;
    match reader.target(step)? {
        Target::Step(ix) => Some(Since::Step(ix)),
        Target::End => {
            let problem = Problem::error("unknown-step", step.span.clone(), "no run was ever at `end`");
            let problem = problem.help("name a step that the run comes to before, or write `since: run.started_at`");
            reader.sheet.report(problem.mend(node.span.clone(), RUN_STARTED));
            None
        }
    }
}

/// The next such day.
fn next(reader: &Reader<'_>, value: &Node) -> Option<Wait> {
    let sheet = &reader.sheet;
    let form = Form::open(sheet, value, &NEXT)?;
    let days: Vec<_> = NextDay::ALL.iter().map(|day| (day.as_str(), *day)).collect();
    let day = form.get("next").and_then(|node| sheet.word(node, "a day", &days));
    let at = form.get("at").map_or(Some(None), |node| time_of_day(reader, node).map(Some));
    if let (Some(NextDay::Opening), Some(_)) = (day, form.get("at")) {
        let problem = Problem::error("bad-wait", form.key_span("at"), "an opening has its own time");
        sheet.report(problem.help("remove `at`, or write `next: day` with it"));
    }
    Some(Wait::Next { day: day?, at: at? })
}

/// A time of the day such as `09:00`, in minutes after midnight.
pub(super) fn time_of_day(reader: &Reader<'_>, node: &Node) -> Option<u16> {
    let scalar = reader.sheet.raw_scalar(node, "a time of the day")?;
    let read = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let digits = |part: &str| part.len() <= 2 && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let (hour, minute): (u16, u16) = match digits(hour) && digits(minute) && minute.len() == 2 {
            true => (hour.parse().ok()?, minute.parse().ok()?),
            false => return None,
        };
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    if let Some(minutes) = read(&scalar.text) {
        return Some(minutes);
    }
    let problem = Problem::error("bad-time", node.span.clone(), format!("`{}` is no time of the day", scalar.text));
    reader.sheet.report(match meant_time(&scalar.text) {
        Some(time) => problem.label(format!("write `\"{time}\"`")).replace(format!("\"{time}\"")),
        None => problem.help("write hours and minutes of the day: `at: \"09:00\"`"),
    });
    None
}

/// What happens when no such event comes.
fn timeout(reader: &Reader<'_>, form: &Form<'_>) -> Option<(Span, Target)> {
    let sheet = &reader.sheet;
    form.get("timeout").and_then(|node| {
        let form = Form::open(sheet, node, &TIMEOUT)?;
        let after = form.get("after").and_then(|node| sheet.duration(node));
        if after.is_some_and(Span::is_zero) {
            let (at, value) = (form.key_span("after"), form.get("after").map(|node| node.span.clone()));
            let problem = Problem::error("no-pause", at, "this waits for no time at all: the event could never come");
            let problem = problem.help("say how long it is waited for: `timeout: { after: 14d, go: … }`");
            sheet.report(problem.mend_by(value.map(|value| (value, "14d".to_owned()))));
        }
        let go = form.get("go").and_then(|node| reader.target(node));
        Some((after?, go?))
    })
}

/// Reports a `go`: in a wait for events, each event says where it leads.
fn only_its_own_ways(reader: &Reader<'_>, step: &Form<'_>) {
    if step.get("go").is_some() {
        let problem =
            Problem::error("several-ways-out", step.key_span("go"), "a wait for an event has several ways out");
        let problem = problem.help("`go` stands within `wait`, and another within `timeout`; remove this one");
        // Where the wait says all of its ways, this one is never gone.
        let is_whole = step.get("wait").is_some_and(|wait| wait.get("timeout").is_some());
        reader.sheet.report(problem.mend_by(step.without(&reader.sheet, "go").filter(|_| is_whole)));
    }
}
