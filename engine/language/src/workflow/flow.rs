//! The ways from step to step: where each leads, whether time passes on it, and what has just happened when a run takes
//! it. Steps that nothing leads to are reported here. The checks of circles and moments use the same ways.

use super::Reader;
use super::moment::{Moment, Sees};
use crate::diagnostic::Problem;
use crate::yaml::Node;
use cadenza_core::workflow::{Email, Results, Step, Target, Verb, Wait};
use std::collections::BTreeSet;

/// What it takes for a run to go this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Time passes, or a person acts.
    Time,
    /// Nothing: the way is taken at once.
    Nothing,
    /// Nothing, if a date is past or not known.
    NothingIfPast,
    /// Nothing, for a lead who may never be called or mailed: the gate refuses the touch, and it is skipped.
    NothingIfRefused,
}

/// A way from one step to another.
pub(super) struct Way {
    pub(super) to: Target,
    pub(super) takes: Takes,
    pub(super) sees: Sees,
}

/// Every way out of a step.
pub(super) fn ways(step: &Step) -> Vec<Way> {
    let way = |to: Target, takes: Takes, sees: Sees| Way { to, takes, sees };
    let at_once = |to: Target| way(to, Takes::Nothing, Sees::Same);
    let answered = |to: Target| way(to, Takes::Nothing, Sees::Only(Moment::NOTHING));
    // Nobody did the task, so nothing has happened that could be looked at.
    let given_up = |to: Target| way(to, Takes::Time, Sees::Only(Moment::NOTHING));
    let unless_zero = |zero: bool| if zero { Takes::Nothing } else { Takes::Time };
    match &step.verb {
        Verb::Update(_) | Verb::Enroll(_) | Verb::Notify(_) | Verb::Watch(_) => vec![at_once(step.next)],
        Verb::Split(split) => split.arms.iter().map(|arm| at_once(arm.go)).collect(),
        Verb::Require(require) => vec![at_once(step.next), at_once(require.missing)],
        Verb::Score(_) => vec![answered(step.next)],
        Verb::Email(Email { results: Some(results), .. }) | Verb::Message(Email { results: Some(results), .. }) => {
            let sent = way(results.sent, Takes::Nothing, Sees::Only(Moment::TOUCH));
            vec![sent, answered(results.refused), answered(results.failed)]
        }
        // An answer may come at once, so no circle may rely on the time that it takes.
        Verb::Http(http) => match http.results {
            Some(results) => [results.sent, results.refused, results.failed].map(answered).into(),
            None => vec![answered(step.next)],
        },
        Verb::Email(_) | Verb::Message(_) => vec![way(step.next, Takes::Nothing, Sees::Only(Moment::TOUCH))],
        Verb::Assign(assign) => {
            let expiry = assign.hold.as_ref().and_then(|hold| Some((hold.on_expiry?, hold.span.is_zero())));
            let expiry = expiry.map(|(to, zero)| way(to, unless_zero(zero), Sees::Only(Moment::NOTHING)));
            [answered(step.next)].into_iter().chain(expiry).collect()
        }
        Verb::Switch(arms) => arms.iter().map(|arm| at_once(arm.go)).collect(),
        Verb::Call(call) => {
            let done = Sees::Only(Moment::CALL);
            let refused = way(call.results.otherwise, Takes::NothingIfRefused, done);
            let not_done = call.give_up.map(|_| given_up(call.results.given_up()));
            results(&call.results).map(|to| way(to, Takes::Time, done)).chain([refused]).chain(not_done).collect()
        }
        Verb::Task(todo) => {
            let not_done = todo.give_up.map(|_| given_up(todo.results.given_up()));
            let done = results(&todo.results).map(|to| way(to, Takes::Time, Sees::Only(Moment::TASK)));
            done.chain(not_done).collect()
        }
        Verb::Cadence(cadence) => {
            let people = cadence.touches.iter().any(|touch| touch.touch.is_task());
            let takes = unless_zero(!people && cadence.touches.iter().all(|touch| touch.after.is_zero()));
            let sees = Sees::Only(if people { Moment::CALL } else { Moment::TOUCH });
            // If there are more contacts than touches in a round, the pause between two rounds comes before the last
            // contact.
            let pauses = cadence.repeat.is_some_and(|repeat| !repeat.is_zero());
            let pauses = pauses && usize::from(cadence.contacts_max) > cadence.touches.len();
            let spent = way(cadence.exhausted, if pauses { Takes::Time } else { takes }, sees);
            let refused = way(cadence.exhausted, Takes::NothingIfRefused, sees);
            cadence
                .stop
                .iter()
                .map(|arm| way(arm.go, takes, sees))
                .chain([spent, refused])
                .chain(cadence.not_done.map(given_up))
                .collect()
        }
        Verb::Branch(branch) => branch.tracks.values().copied().chain([branch.otherwise]).map(answered).collect(),
        Verb::Wait(Wait::For(span)) => {
            vec![way(step.next, unless_zero(span.is_zero()), Sees::Only(Moment::NOTHING))]
        }
        // The date may be past or blank on arrival; then no time passes. An event may also make it so later.
        Verb::Wait(Wait::Until { past, blank, .. }) => {
            let moved = |to: Target| way(to, Takes::NothingIfPast, Sees::Only(Moment::ANYTHING));
            vec![way(step.next, Takes::Time, Sees::Only(Moment::NOTHING)), moved(*past), moved(*blank)]
        }
        Verb::Wait(Wait::Next { .. }) => vec![way(step.next, Takes::Time, Sees::Only(Moment::NOTHING))],
        Verb::Wait(wait @ Wait::Event { timeout, on_timeout, .. }) => {
            let came = wait.awaited().map(|awaited| way(awaited.go, Takes::Time, Sees::Only(Moment::EVENT)));
            came.chain([way(*on_timeout, unless_zero(timeout.is_zero()), Sees::Only(Moment::NOTHING))]).collect()
        }
        Verb::End(_) => Vec::new(),
    }
}

fn results(results: &Results) -> impl Iterator<Item = Target> {
    let Results { by_own, by_result, by_outcome, not_done: _, otherwise } = results;
    by_own.values().chain(by_result.values()).chain(by_outcome.values()).chain([otherwise]).copied()
}

/// `led` are the steps that interrupts lead to; none when that is not known.
pub(super) fn unreachable(reader: &Reader<'_>, items: &[Node], steps: &[Option<Step>], led: Option<&[Target]>) {
    // A broken step may be the missing link; complaining of what it should lead to would be noise.
    let Some(led) = led.filter(|_| steps.iter().all(Option::is_some)) else { return };
    let mut reached = BTreeSet::new();
    let mut pending: Vec<usize> = led.iter().copied().filter_map(step_of).chain([0]).collect();
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

pub(super) fn step_of(target: Target) -> Option<usize> {
    if let Target::Step(ix) = target { Some(usize::from(ix.0)) } else { None }
}
