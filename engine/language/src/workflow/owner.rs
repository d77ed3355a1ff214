//! Reports calls and tasks that a lead can reach only without an owner. They would belong to nobody.
//!
//! A lead has an owner once some workflow has assigned it. This check follows the steps of one workflow. A lead that
//! comes from elsewhere may have got an owner there, unless it is new.

use super::flow::{step_of, ways};
use crate::diagnostic::{Problem, Sheet};
use crate::yaml::{Content, Node};
use cadenza_core::event::{EventType, StandardEvent};
use cadenza_core::expr::{Expr, Object};
use cadenza_core::workflow::{Enroll, Reaction, Step, Target, TouchPlan, Verb, Workflow};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reports them for one file; `all` are the workflows of the folder. `pool` is one of the team's pools, if it has any.
pub(crate) fn check(sheet: &Sheet<'_>, node: &Node, all: &BTreeMap<String, Arc<Workflow>>, pool: Option<&str>) {
    let Some(workflow) = super::name_of(node).and_then(|name| all.get(name)) else { return };
    let elsewhere = all.values().any(|other| other.name != workflow.name && other.steps.iter().any(assigns));
    if elsewhere && !takes_new_leads(workflow) {
        return;
    }
    let Some(Content::List(items)) = node.get("steps").map(|steps| &steps.content) else { return };
    let led: Vec<Target> = workflow
        .interrupts
        .iter()
        .filter_map(|interrupt| if let Reaction::Go(target) = interrupt.reaction { Some(target) } else { None })
        .collect();
    let owned = reached(&workflow.steps, &led, |ix| workflow.steps.get(ix).is_some_and(may_have_owner));
    for (ix, item) in items.iter().enumerate().filter(|(ix, _)| !owned.contains(ix)) {
        let Some((step, what)) = workflow.steps.get(ix).and_then(|step| Some((step, for_a_person(step)?))) else {
            continue;
        };
        let message = format!("{what} at `{}` would be nobody's: no step before it gives the lead an owner", step.id);
        let problem = Problem::warning("no-owner", item.get("id").unwrap_or(item).pointer(), message);
        let assign = format!("assign: {{ pool: {}, by: longest_idle }}", pool.unwrap_or("closers"));
        let problem = problem.help(format!("put an `assign` before it, such as `{assign}`"));
        // Further down, another step may lead past what would be inserted.
        let dash = sheet.dash_before(item.span.start).filter(|_| ix == 0 && pool.is_some());
        sheet.report(problem.mend_by(dash.map(|dash| {
            let (line, indent) = (sheet.line_start(item.span.start), " ".repeat(dash));
            (line..line, format!("{indent}- id: assign-1\n{indent}  {assign}\n"))
        })));
    }
}

/// Whether a lead that is new can enter, without a condition on its owner.
fn takes_new_leads(workflow: &Workflow) -> bool {
    let created = EventType::Standard(StandardEvent::LeadCreated);
    workflow.enroll.iter().any(|way| match way {
        Enroll::When { event, condition } => *event == created && !asks_for_owner(condition),
        Enroll::Schedule { .. } => false,
    })
}

/// The steps to which a lead may come after one of the steps for which `begins` holds. An interrupt may lead there from
/// any step after it.
fn reached(steps: &[Step], led: &[Target], begins: impl Fn(usize) -> bool) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut pending: Vec<usize> = (0..steps.len()).filter(|ix| begins(*ix)).collect();
    if !pending.is_empty() {
        let led: Vec<usize> = led.iter().copied().filter_map(step_of).collect();
        reached.extend(led.iter().copied());
        pending.extend(led);
    }
    while let Some(step) = pending.pop().and_then(|ix| steps.get(ix)) {
        for way in ways(step) {
            if let Target::Step(to) = way.to
                && reached.insert(usize::from(to.0))
            {
                pending.push(usize::from(to.0));
            }
        }
    }
    reached
}

fn assigns(step: &Step) -> bool {
    matches!(&step.verb, Verb::Assign(assign) if assign.role.is_none())
}

/// Whether the lead may have an owner after this step: one was chosen, or the step tested whether there is one.
fn may_have_owner(step: &Step) -> bool {
    match &step.verb {
        Verb::Assign(_) => assigns(step),
        Verb::Switch(arms) => arms.iter().any(|arm| asks_for_owner(&arm.condition)),
        _ => false,
    }
}

fn asks_for_owner(condition: &Expr) -> bool {
    let mut asks = false;
    condition.walk(&mut |expr| {
        if let Expr::Name(name) = expr {
            asks |= name.object == Object::Owner || (name.object == Object::Lead && name.field == "owner");
        }
    });
    asks
}

/// What the lead's owner or the owner's manager has to do at the step, if anything.
fn for_a_person(step: &Step) -> Option<&'static str> {
    match &step.verb {
        Verb::Call(call) => call.doer.needs_owner().then_some("the call"),
        Verb::Task(todo) => todo.doer.needs_owner().then_some("the task"),
        Verb::Cadence(cadence) => {
            cadence.touches.iter().find(|touch| touch.touch.is_task()).map(|touch| match touch.touch {
                TouchPlan::Call { .. } => "a call of the cadence",
                _ => "a task of the cadence",
            })
        }
        _ => None,
    }
}
