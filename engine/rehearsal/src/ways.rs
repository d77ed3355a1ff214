//! The ways out of a step, one by one, and which of them a run took. A new verb, or a new part of a workflow by which a
//! run can leave a step, does not compile until its ways are listed here.

use cadenza_core::event::{Ending, EventType};
use cadenza_core::journal::Interruption;
use cadenza_core::lead::{Outcome, TouchResult};
use cadenza_core::own_words::Said;
use cadenza_core::workflow::{
    Interrupt, Leave, MailResults, Reaction, Results, Step, StepId, Target, Verb, Wait, Workflow,
};

/// One way out of a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    /// The name as in the file: `qualified`, `arm 2`, `timeout`.
    pub(crate) name: String,
    /// The id of the step it leads to, or `end`.
    pub(crate) to: String,
}

/// What was seen of a run between reaching a step and leaving it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) done: Option<(Outcome, Option<Said<TouchResult>>)>,
    pub(crate) not_done: bool,
    pub(crate) track: Option<String>,
    pub(crate) mail: Option<Ending>,
    /// The arm of a `split`.
    pub(crate) arm: Option<String>,
}

fn target(workflow: &Workflow, target: Target) -> String {
    match target {
        Target::Step(ix) => workflow.steps.get(usize::from(ix.0)).map_or_else(String::new, |step| step.id.clone()),
        Target::End => "end".to_owned(),
    }
}

/// Every way out of a step. Ways to the same step that only their target could tell apart are merged into one.
pub(crate) fn ways_out(step: &Step, workflow: &Workflow) -> Vec<Way> {
    let way = |name: String, to: Target| Way { name, to: target(workflow, to) };
    let only = || vec![way("on".to_owned(), step.next)];
    match &step.verb {
        Verb::Score(_)
        | Verb::Assign(_)
        | Verb::Update(_)
        | Verb::Enroll(_)
        | Verb::Notify(_)
        | Verb::Watch(_)
        | Verb::Wait(Wait::For(_) | Wait::Next { .. }) => only(),
        Verb::Split(split) => split.arms.iter().map(|arm| way(arm.name.clone(), arm.go)).collect(),
        Verb::Require(require) => {
            merged([way("known".to_owned(), step.next), way("missing".to_owned(), require.missing)])
        }
        Verb::End(_) => Vec::new(),
        Verb::Switch(arms) => {
            let last = arms.len().saturating_sub(1);
            let name = |ix: usize| if ix == last { "else".to_owned() } else { format!("arm {}", ix + 1) };
            merged(arms.iter().enumerate().map(|(ix, arm)| way(name(ix), arm.go)))
        }
        Verb::Call(call) => results(&call.results, call.give_up.is_some()).map(|(name, to)| way(name, to)).collect(),
        Verb::Task(todo) => {
            let results: Vec<Way> =
                results(&todo.results, todo.give_up.is_some()).map(|(name, to)| way(name, to)).collect();
            if results.len() == 1 { only() } else { results }
        }
        Verb::Email(email) | Verb::Message(email) => match email.results {
            None => only(),
            Some(MailResults { sent, refused, failed }) => [("sent", sent), ("refused", refused), ("failed", failed)]
                .map(|(name, to)| way(name.to_owned(), to))
                .into(),
        },
        Verb::Http(http) => match http.results {
            None => only(),
            Some(MailResults { sent, refused, failed }) => [("sent", sent), ("refused", refused), ("failed", failed)]
                .map(|(name, to)| way(name.to_owned(), to))
                .into(),
        },
        Verb::Cadence(cadence) => {
            let stop = cadence.stop.iter().enumerate().map(|(ix, arm)| way(format!("stop {}", ix + 1), arm.go));
            let spent = std::iter::once(way("exhausted".to_owned(), cadence.exhausted));
            let not_done = cadence.not_done.map(|to| way("not_done".to_owned(), to));
            merged(stop.chain(spent).chain(not_done))
        }
        Verb::Branch(branch) => {
            let mut tracks: Vec<Way> = branch.tracks.iter().map(|(track, to)| way(track.clone(), *to)).collect();
            // A track that only a later version of the plugin knows takes an existing way, unless the file names
            // another target.
            let otherwise = way("else".to_owned(), branch.otherwise);
            if tracks.iter().all(|track| track.to != otherwise.to) {
                tracks.push(otherwise);
            }
            tracks
        }
        Verb::Wait(Wait::Until { past, blank, .. }) => merged([
            way("the date".to_owned(), step.next),
            way("past".to_owned(), *past),
            way("blank".to_owned(), *blank),
        ]),
        Verb::Wait(wait @ Wait::Event { on_timeout, .. }) => {
            let came = wait.awaited().map(|awaited| way(awaited.event.to_string(), awaited.go));
            merged(came.chain([way("timeout".to_owned(), *on_timeout)]))
        }
    }
}

fn merged(ways: impl IntoIterator<Item = Way>) -> Vec<Way> {
    let mut merged: Vec<Way> = Vec::new();
    for way in ways {
        match merged.iter_mut().find(|known| known.to == way.to) {
            Some(known) => known.name = format!("{} or {}", known.name, way.name),
            None => merged.push(way),
        }
    }
    merged
}

fn results(results: &Results, given_up: bool) -> impl Iterator<Item = (String, Target)> {
    let Results { by_own, by_result, by_outcome, not_done, otherwise } = results;
    let own = by_own.iter().map(|(word, to)| (word.clone(), *to));
    let said = by_result.iter().map(|(result, to)| (result.to_string(), *to));
    let ended = by_outcome.iter().map(|(outcome, to)| (outcome.to_string(), *to));
    let not_done = not_done.filter(|_| given_up).map(|to| ("not_done".to_owned(), to));
    // Even when every outcome is named, a result may not be.
    own.chain(said).chain(ended).chain(not_done).chain([("else".to_owned(), *otherwise)])
}

/// The way by which a run left a step. If nothing else decides, the step that it went to does.
pub(crate) fn way_taken(step: &Step, workflow: &Workflow, evidence: &Evidence, to: Option<StepId>) -> Option<Way> {
    let ways = ways_out(step, workflow);
    let landed = |way: &Way| match to {
        Some(id) => StepId::of(&way.to) == id,
        None => way.to == "end",
    };
    let named = |name: &str| ways.iter().find(|way| way.name == name).cloned();
    let by_name = match &step.verb {
        Verb::Call(call) => named(&result_name(&call.results, evidence)),
        Verb::Task(todo) => named(&result_name(&todo.results, evidence)),
        Verb::Split(_) => evidence.arm.as_ref().and_then(|arm| named(arm)),
        Verb::Email(_) | Verb::Message(_) => evidence.mail.and_then(|ending| {
            named(match ending {
                Ending::Sent => "sent",
                Ending::HeldBack | Ending::Refused => "refused",
                Ending::Dead | Ending::Unsure | Ending::Discarded | Ending::Redriven => "failed",
            })
        }),
        Verb::Http(_) => evidence.mail.and_then(|ending| {
            named(match ending {
                Ending::Sent => "sent",
                Ending::Refused => "refused",
                Ending::HeldBack | Ending::Dead | Ending::Unsure | Ending::Discarded | Ending::Redriven => "failed",
            })
        }),
        Verb::Branch(branch) => evidence
            .track
            .as_ref()
            .and_then(|track| named(if branch.tracks.contains_key(track) { track } else { "else" })),
        Verb::Score(_)
        | Verb::Switch(_)
        | Verb::Assign(_)
        | Verb::Cadence(_)
        | Verb::Wait(_)
        | Verb::Update(_)
        | Verb::Enroll(_)
        | Verb::Require(_)
        | Verb::Notify(_)
        | Verb::Watch(_)
        | Verb::End(_) => None,
    };
    by_name.filter(landed).or_else(|| ways.iter().find(|way| landed(way)).cloned())
}

fn result_name(results: &Results, evidence: &Evidence) -> String {
    if evidence.not_done {
        return if results.not_done.is_some() { "not_done" } else { "else" }.to_owned();
    }
    let Some((outcome, result)) = &evidence.done else { return "else".to_owned() };
    let result = result.as_ref();
    let own = result.and_then(|said| said.own.clone()).filter(|own| results.by_own.contains_key(own));
    let means = || result.map(|said| said.means).filter(|means| results.by_result.contains_key(means));
    let ended = || results.by_outcome.contains_key(outcome).then(|| outcome.to_string());
    own.or_else(|| means().map(|means| means.to_string())).or_else(ended).unwrap_or_else(|| "else".to_owned())
}

/// What happens to a run wherever it is.
#[derive(Debug, Default)]
pub(crate) struct FromAnywhere {
    /// The endings of `leave`.
    pub(crate) endings: Vec<String>,
    pub(crate) interrupts: Vec<String>,
}

/// The endings of `leave`, and the interrupts.
pub(crate) fn ways_from_anywhere(workflow: &Workflow) -> FromAnywhere {
    // Named one by one, so that a new part of a workflow comes by here.
    let Workflow {
        name: _,
        summary: _,
        digest: _,
        enroll: _,
        re_enroll: _,
        key: _,
        group: _,
        leave,
        interrupts,
        steps: _,
        scripts: _,
    } = workflow;
    let mut ways = FromAnywhere::default();
    for way in leave.iter().map(left_by) {
        if !ways.endings.contains(&way) {
            ways.endings.push(way);
        }
    }
    for Interrupt { event, of_account, reaction, .. } in interrupts {
        let did = match reaction {
            Reaction::Go(_) => Interruption::Moved,
            Reaction::Pause { .. } => Interruption::Paused,
            Reaction::Do(_) => Interruption::Stayed,
        };
        let way = interrupted(event, *of_account, did);
        if !ways.interrupts.contains(&way) {
            ways.interrupts.push(way);
        }
    }
    ways
}

/// The name of an entry of `leave` in coverage: its ending, and the event after which it is evaluated. Two entries that
/// agree in both count as one.
pub(crate) fn left_by(leave: &Leave) -> String {
    let of_account = if leave.of_account { " of account" } else { "" };
    match &leave.event {
        Some(event) => format!("{}, by {event}{of_account}", leave.ending),
        None => leave.ending.clone(),
    }
}

/// The name of an interrupt in coverage. Two that do the same on one event count as one. An interrupt of the account is
/// met when the event happens to another lead.
pub(crate) fn interrupted(by: &EventType, of_account: bool, did: Interruption) -> String {
    format!("{by}{}: {did}", if of_account { " of account" } else { "" })
}
