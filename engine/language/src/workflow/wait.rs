//! `wait`: for a time, until a date of the lead, for an event.

use super::Reader;
use super::shapes::{FOR_EVENT, TIMEOUT, UNTIL};
use crate::condition::{Place, condition, expression};
use crate::diagnostic::Problem;
use crate::form::Form;
use crate::yaml::{Content, Node};
use cadenza_core::expr::Expr;
use cadenza_core::time::Span;
use cadenza_core::value::ValueType;
use cadenza_core::workflow::Wait;

pub(super) fn read(reader: &Reader<'_>, step: &Form<'_>, value: &Node) -> Option<Wait> {
    match &value.content {
        Content::Map(_) if value.get("event").is_some() => event(reader, step, value),
        Content::Map(_) if value.get("until").is_some() => until(reader, value),
        Content::Scalar(_) => {
            let span = reader.sheet.duration(value)?;
            if span.is_zero() {
                let problem = Problem::error("no-pause", value.span.clone(), "this waits for no time at all");
                reader.sheet.report(problem.help("remove the step, or say how long"));
            }
            Some(Wait::For(span))
        }
        Content::Map(_) | Content::List(_) => {
            let problem = Problem::error(
                "bad-wait",
                value.pointer(),
                "`wait` says neither how long, nor until when, nor for which event",
            );
            let help = "write `wait: 3 business days`, `wait: { until: lead.project_date, … }` or `wait: { event: meeting.held, … }`";
            reader.sheet.report(problem.help(help));
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
    if step.get("go").is_some() {
        let problem =
            Problem::error("several-ways-out", step.key_span("go"), "a wait for an event has several ways out");
        sheet.report(problem.help("`go` stands within `wait`, and another within `timeout`; remove this one"));
    }
    let form = Form::open(sheet, value, &FOR_EVENT)?;
    let event = form.get("event").and_then(|node| sheet.event(node));
    let which = form.get("if").map_or(Some(Expr::TRUE), |node| condition(sheet, reader.known, node, Place::Awaited));
    let go = form.get("go").and_then(|node| reader.target(node));
    let timeout = form.get("timeout").and_then(|node| {
        let form = Form::open(sheet, node, &TIMEOUT)?;
        let after = form.get("after").and_then(|node| sheet.duration(node));
        if after.is_some_and(Span::is_zero) {
            let at = form.key_span("after");
            let problem = Problem::error("no-pause", at, "this waits for no time at all: the event could never come");
            sheet.report(problem.help("say how long it is waited for: `timeout: { after: 14d, go: … }`"));
        }
        let go = form.get("go").and_then(|node| reader.target(node));
        Some((after?, go?))
    });
    let (timeout, on_timeout) = timeout?;
    Some(Wait::Event { event: event?, condition: which?, go: go?, timeout, on_timeout })
}
