//! Which steps, and which ways out of them, the cases of a workspace visit, and which no case visits.

use crate::story::Life;
use crate::ways::{Evidence, FromAnywhere, Way, interrupted, left_by, way_taken, ways_from_anywhere, ways_out};
use cadenza_core::event::{EventType, StandardEvent};
use cadenza_core::id::{Born, Digest};
use cadenza_core::journal::{DecisionSummary, Interruption, Note};
use cadenza_core::own_words::Said;
use cadenza_core::workflow::{Leave, Step, StepId, StepRef, Workflow};
use cadenza_runtime::catalog::Catalog;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What cases visited, over all workflows.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    steps: BTreeSet<(String, String)>,
    ways: BTreeSet<(String, String, Way)>,
    /// The endings of `leave` and the interrupts that were met.
    left: BTreeSet<(String, String)>,
}

/// What cases visited of a workflow.
#[derive(Clone, Debug, Serialize)]
pub struct WorkflowCoverage {
    pub workflow: String,
    pub steps: usize,
    pub steps_visited: usize,
    /// Ways out of steps, endings of `leave`, and interrupts.
    pub ways: usize,
    pub ways_visited: usize,
    /// Steps that no case reaches.
    pub never_reached: Vec<String>,
    /// Ways that no case takes, out of steps that some case reaches: `first-call: unqualified -> set-aside`.
    pub never_taken: Vec<String>,
    /// Endings of `leave` that no case comes to.
    pub never_left: Vec<String>,
    /// Interrupts that no case meets.
    pub never_interrupted: Vec<String>,
}

/// What a lead hears while the following notes are written.
#[derive(Clone, Copy, Default)]
struct Heard<'n> {
    event: Option<&'n EventType>,
    /// Whether it happened to another lead of the account.
    of_account: bool,
}

impl Heard<'_> {
    /// Whether a run may have ended by this. A change by another run is heard without a note.
    fn may_be(&self, leave: &Leave) -> bool {
        const CHANGED: EventType = EventType::Standard(StandardEvent::LeadUpdated);
        let is_heard = |event: &EventType| self.event == Some(event) || *event == CHANGED;
        leave.event.as_ref().is_none_or(is_heard) && (self.of_account || !leave.of_account)
    }
}

/// A run on its way through a workflow.
struct Walk {
    workflow: Digest,
    at: Option<StepId>,
    evidence: Evidence,
}

impl Coverage {
    /// The coverage of what leads lived through.
    pub(crate) fn of(lives: &[Life], catalog: &Catalog) -> Self {
        let mut coverage = Self::default();
        for life in lives {
            let mut walks: BTreeMap<Born, Walk> = BTreeMap::new();
            for entry in &life.entries {
                let mut heard = Heard::default();
                for note in &entry.skeleton.notes {
                    match note {
                        Note::OfAccount { event, .. } => heard = Heard { event: Some(event), of_account: true },
                        Note::Reported(event) => heard = Heard { event: Some(event), of_account: false },
                        _ => coverage.see(note, heard, &mut walks, catalog),
                    }
                }
            }
        }
        coverage
    }

    /// Adds what other cases visited.
    pub fn add(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.ways.extend(other.ways);
        self.left.extend(other.left);
    }

    fn see(&mut self, note: &Note, heard: Heard<'_>, walks: &mut BTreeMap<Born, Walk>, catalog: &Catalog) {
        match note {
            Note::Enrolled { run, workflow, .. } => {
                walks.insert(*run, Walk { workflow: *workflow, at: None, evidence: Evidence::default() });
            }
            Note::Entered { run, step } => {
                let Some(walk) = walks.get_mut(run) else { return };
                let Some(workflow) = catalog.definitions.get(&walk.workflow) else { return };
                let evidence = std::mem::take(&mut walk.evidence);
                self.leave(walk.at, workflow, &evidence, Some(*step));
                walk.at = Some(*step);
                self.steps.extend(workflow.step(*step).map(|step| (workflow.name.clone(), step.id.clone())));
            }
            Note::Ended { run, ending, .. } => {
                let Some(walk) = walks.remove(run) else { return };
                let Some(workflow) = catalog.definitions.get(&walk.workflow) else { return };
                self.leave(walk.at, workflow, &walk.evidence, None);
                let left = workflow.leave.iter().filter(|leave| leave.ending == *ending && heard.may_be(leave));
                self.left.extend(left.map(|leave| (workflow.name.clone(), left_by(leave))));
            }
            Note::TaskDone { outcome, result, result_own, at: Some(at), .. } => {
                let said = result.map(|means| Said { means, own: result_own.clone() });
                for walk in standing_at(walks, at) {
                    walk.evidence.done = Some((*outcome, said.clone()));
                }
            }
            Note::NotDone { at, .. } => standing_at(walks, at).for_each(|walk| walk.evidence.not_done = true),
            Note::Delivered { ending, at: Some(at), .. } => {
                standing_at(walks, at).for_each(|walk| walk.evidence.mail = Some(*ending));
            }
            Note::Drawn { run, arm, .. } => {
                if let Some(walk) = walks.get_mut(run) {
                    walk.evidence.arm = Some(arm.clone());
                }
            }
            Note::Interrupted { run, by, did, .. } => {
                let Some(walk) = walks.get_mut(run) else { return };
                let Some(workflow) = catalog.definitions.get(&walk.workflow) else { return };
                self.left.insert((workflow.name.clone(), interrupted(by, heard.of_account, *did)));
                if *did == Interruption::Moved {
                    // The run leaves by none of its step's ways.
                    walk.at = None;
                }
            }
            Note::Decided { run, verdict: DecisionSummary::Track(track), .. } => {
                if let Some(walk) = walks.get_mut(run) {
                    walk.evidence.track = Some(track.clone());
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, at: Option<StepId>, workflow: &Workflow, evidence: &Evidence, to: Option<StepId>) {
        let Some(step) = at.and_then(|at| workflow.step(at)) else { return };
        if let Some(way) = way_taken(step, workflow, evidence, to) {
            self.ways.insert((workflow.name.clone(), step.id.clone(), way));
        }
    }

    /// The coverage by workflow, in order of their names.
    pub fn report(&self, catalog: &Catalog) -> Vec<WorkflowCoverage> {
        catalog.workspace.workflows.values().map(|workflow| self.of_workflow(workflow)).collect()
    }

    fn of_workflow(&self, workflow: &Workflow) -> WorkflowCoverage {
        let name = &workflow.name;
        let reached = |step: &&Step| self.steps.contains(&(name.clone(), step.id.clone()));
        let (mut ways, mut ways_visited, mut never_taken) = (0, 0, Vec::new());
        for step in &workflow.steps {
            for way in ways_out(step, workflow) {
                ways += 1;
                let line = format!("{}: {} -> {}", step.id, way.name, way.to);
                match self.ways.contains(&(name.clone(), step.id.clone(), way)) {
                    true => ways_visited += 1,
                    false if reached(&step) => never_taken.push(line),
                    false => {}
                }
            }
        }
        let FromAnywhere { endings, interrupts } = ways_from_anywhere(workflow);
        let left = |way: &&String| self.left.contains(&(name.clone(), (*way).clone()));
        let anywhere = || endings.iter().chain(&interrupts);
        WorkflowCoverage {
            workflow: name.clone(),
            steps: workflow.steps.len(),
            steps_visited: workflow.steps.iter().filter(reached).count(),
            ways: ways + anywhere().count(),
            ways_visited: ways_visited + anywhere().filter(left).count(),
            never_reached: workflow.steps.iter().filter(|step| !reached(step)).map(|step| step.id.clone()).collect(),
            never_taken,
            never_left: endings.iter().filter(|ending| !left(ending)).cloned().collect(),
            never_interrupted: interrupts.iter().filter(|way| !left(way)).cloned().collect(),
        }
    }
}

/// The runs that are at a step.
fn standing_at<'w>(walks: &'w mut BTreeMap<Born, Walk>, at: &StepRef) -> impl Iterator<Item = &'w mut Walk> {
    let at = *at;
    walks.values_mut().filter(move |walk| walk.workflow == at.workflow && walk.at == Some(at.step))
}
