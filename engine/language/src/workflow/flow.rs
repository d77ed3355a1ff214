//! The shape of the whole: steps that nothing leads to, and circles in which a run would turn without ever pausing.

use super::Reader;
use crate::diagnostic::Problem;
use crate::yaml::Node;
use cadenza_core::workflow::{Email, Step, Target, TouchPlan, Verb, Wait};
use std::collections::BTreeSet;

/// A way from a step to another.
pub(super) struct Way {
    pub(super) to: Target,
    /// Whether time passes, or a person acts, before it is taken.
    pauses: bool,
}

pub(super) fn check(reader: &Reader<'_>, items: &[Node], steps: &[Option<Step>]) {
    circles(reader, items, steps);
    // A broken step may be the missing link; complaining of what it should lead to would be noise.
    if steps.iter().all(Option::is_some) {
        unreachable(reader, items, steps);
    }
}

/// Every way out of a step.
pub(super) fn ways(step: &Step) -> Vec<Way> {
    let way = |to: Target, pauses: bool| Way { to, pauses };
    match &step.verb {
        Verb::Email(Email { results: Some(results), .. }) => {
            [results.sent, results.refused, results.failed].map(|to| way(to, false)).into()
        }
        Verb::Score(_) | Verb::Email(_) | Verb::Update(_) | Verb::Enroll(_) => vec![way(step.next, false)],
        Verb::Assign(assign) => {
            let expiry = assign.hold.as_ref().and_then(|hold| hold.on_expiry);
            [way(step.next, false)].into_iter().chain(expiry.map(|to| way(to, true))).collect()
        }
        Verb::Switch(arms) => arms.iter().map(|arm| way(arm.go, false)).collect(),
        Verb::Call(call) => results(&call.results).map(|to| way(to, true)).collect(),
        Verb::Task(todo) => results(&todo.results).map(|to| way(to, true)).collect(),
        Verb::Cadence(cadence) => {
            let calls = cadence.touches.iter().any(|touch| matches!(touch.touch, TouchPlan::Call { .. }));
            let pauses = calls || cadence.touches.iter().any(|touch| !touch.after.is_zero());
            let stops = cadence.stop.iter().map(|arm| arm.go);
            stops.chain([cadence.exhausted]).map(|to| way(to, pauses)).collect()
        }
        Verb::Branch(branch) => {
            branch.tracks.values().copied().chain([branch.otherwise]).map(|to| way(to, false)).collect()
        }
        Verb::Wait(Wait::For(span)) => vec![way(step.next, !span.is_zero())],
        // The date may be past or blank on entering: then no time passes.
        Verb::Wait(Wait::Until { past, blank, .. }) => {
            vec![way(step.next, true), way(*past, false), way(*blank, false)]
        }
        Verb::Wait(Wait::Event { go, on_timeout, .. }) => vec![way(*go, true), way(*on_timeout, true)],
        Verb::End(_) => Vec::new(),
    }
}

fn results(results: &cadenza_core::workflow::Results) -> impl Iterator<Item = Target> {
    results.by_result.values().chain(results.by_outcome.values()).chain([&results.otherwise]).copied()
}

fn unreachable(reader: &Reader<'_>, items: &[Node], steps: &[Option<Step>]) {
    let mut reached = BTreeSet::new();
    let mut pending = vec![0];
    while let Some(ix) = pending.pop() {
        if let Some(Some(step)) = steps.get(ix).filter(|_| reached.insert(ix)) {
            pending.extend(ways(step).into_iter().filter_map(|way| step_of(way.to)));
        }
    }
    for (ix, item) in items.iter().enumerate().filter(|(ix, _)| !reached.contains(ix)) {
        let node = item.get("id").unwrap_or(item);
        let name = steps[ix].as_ref().map_or_else(String::new, |step| step.id.clone());
        let problem =
            Problem::warning("unreachable-step", node.pointer(), format!("nothing leads to the step `{name}`"));
        reader.sheet.report(problem.help("lead to it from another step, or remove it"));
    }
}

/// Circles of ways that are taken at once: found from their first step, named once.
fn circles(reader: &Reader<'_>, items: &[Node], steps: &[Option<Step>]) {
    let mut named = BTreeSet::new();
    for (start, item) in items.iter().enumerate() {
        let Some(circle) = shortest_circle(steps, start) else { continue };
        if circle.iter().any(|ix| named.contains(ix)) {
            continue;
        }
        named.extend(circle.iter().copied());
        let id = |ix: &usize| steps[*ix].as_ref().map_or("", |step| step.id.as_str());
        let path: Vec<String> = circle.iter().chain([&start]).map(|ix| format!("`{}`", id(ix))).collect();
        let node = item.get("id").unwrap_or(item);
        let message = format!("a lead would turn in this circle without a pause: {}", path.join(" → "));
        let problem = Problem::error("loop-without-wait", node.pointer(), message);
        reader.sheet.report(problem.help("put a `wait`, `call` or `task` into it"));
    }
}

/// The shortest way from `start` back to it over ways without a pause.
fn shortest_circle(steps: &[Option<Step>], start: usize) -> Option<Vec<usize>> {
    let mut came_from = vec![None; steps.len()];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(ix) = queue.pop_front() {
        let Some(Some(step)) = steps.get(ix) else { continue };
        for to in ways(step).into_iter().filter(|way| !way.pauses).filter_map(|way| step_of(way.to)) {
            if to == start {
                let mut path = vec![ix];
                while let Some(before) = came_from[path[path.len() - 1]] {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if to < steps.len() && came_from[to].is_none() {
                came_from[to] = Some(ix);
                queue.push_back(to);
            }
        }
    }
    None
}

fn step_of(target: Target) -> Option<usize> {
    if let Target::Step(ix) = target { Some(usize::from(ix.0)) } else { None }
}
