//! A run as the API shows it: where it is, what it waits for, and until when.

use super::run_names::of_past;
use cadenza_core::id::{Digest, LeadId, RunId, TaskId};
use cadenza_core::run::{CadencePhase, CadenceState, Past, Run, RunState};
use cadenza_core::state::LeadState;
use cadenza_core::step::gives_way_to;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::{Step, TouchPlan, Verb};
use cadenza_runtime::catalog::Catalog;
use serde::Serialize;

/// A run as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct RunView {
    id: RunId,
    lead: LeadId,
    workflow: String,
    /// The value for which it stands, of a workflow with `one_run_per`.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The version it has pinned; left out once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// `active`, `waiting`, `parked` or `done`.
    state: &'static str,
    /// What it does or waits for.
    doing: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entered_at: Option<Timestamp>,
    /// When it continues by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<TaskId>,
    /// Contacts made by the cadence it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    contacts: Option<u16>,
    /// Why it is parked, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending: Option<String>,
}

impl RunView {
    /// A run that is not over.
    pub(crate) fn new(run: &Run, state: &LeadState, catalog: &Catalog) -> Self {
        let definition = catalog.definitions.get(&run.workflow);
        let doing = match run.braked_at {
            Some(_) => Doing::plain(match gives_way_to(&catalog.definitions, &state.runs, run) {
                Some(higher) => format!("stands still while `{higher}` has the lead"),
                None => "stands still: the workflow is paused, or the plugin that it has to ask".to_owned(),
            }),
            None => Doing::of(&run.state, definition.and_then(|definition| definition.step(run.step))),
        };
        let parked = if let RunState::Parked { cause, at } = &run.state { Some((cause, at)) } else { None };
        let awaited = run.awaited_task().and_then(|id| state.tasks.iter().find(|task| task.id == id));
        let doing = Doing { due: awaited.map(|task| task.due).or(doing.due), ..doing };
        Self {
            id: run.id,
            lead: state.lead.id,
            workflow: definition.map_or_else(|| run.workflow.to_string(), |d| d.name.clone()),
            key: run.key.clone(),
            version: Some(run.workflow),
            step: definition.and_then(|d| d.step(run.step)).map(|step| step.id.clone()),
            state: run.state.code(),
            doing: doing.text,
            started_at: Some(run.started_at),
            entered_at: Some(run.entered_at),
            due: doing.due,
            task: doing.task,
            contacts: doing.contacts,
            cause: parked.map(|(cause, _)| cause.clone()),
            parked_at: parked.map(|(_, at)| *at),
            ended_at: None,
            ending: None,
        }
    }

    /// A run that is over.
    pub(crate) fn past(name: &str, past: &Past, state: &LeadState) -> Self {
        let (workflow, key) = of_past(name);
        Self {
            id: past.run,
            lead: state.lead.id,
            workflow: workflow.to_owned(),
            key: key.map(str::to_owned),
            version: None,
            step: None,
            state: "done",
            doing: format!("over: {}", past.ending),
            started_at: None,
            entered_at: None,
            due: None,
            task: None,
            contacts: None,
            cause: None,
            parked_at: None,
            ended_at: Some(past.ended_at),
            ending: Some(past.ending.clone()),
        }
    }

    /// Writes `workflow/step`.
    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.workflow, self.step.as_deref().unwrap_or("?"))
    }

    /// Whether it matches the filters of a list.
    pub(crate) fn is(&self, workflow: Option<&str>, step: Option<&str>, state: Option<&str>) -> bool {
        workflow.is_none_or(|wanted| wanted == self.workflow)
            && step.is_none_or(|wanted| Some(wanted) == self.step.as_deref())
            && state.is_none_or(|wanted| wanted == self.state)
    }
}

struct Doing {
    text: String,
    due: Option<Timestamp>,
    task: Option<TaskId>,
    contacts: Option<u16>,
}

impl Doing {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), due: None, task: None, contacts: None }
    }

    fn of(state: &RunState, step: Option<&Step>) -> Self {
        match state {
            RunState::Ready => Self::plain("goes on at once"),
            RunState::Deciding { .. } => Self::plain("a plugin is asked"),
            RunState::Assigning => Self::plain("an owner is being chosen"),
            RunState::Task(task) => Self { task: Some(*task), ..Self::plain("waits for a person") },
            RunState::Sending(_) => Self::plain(match step.map(|step| &step.verb) {
                Some(Verb::Message(_)) => "a text message is on its way",
                Some(Verb::Http(_)) => "a request is on its way",
                _ => "a mail is on its way",
            }),
            RunState::Cadence(cadence) => Self::cadence(cadence, step),
            RunState::Waiting { until: Some(until) } => Self { due: Some(*until), ..Self::plain("waits") },
            RunState::Waiting { until: None } => Self::plain("waits for a date that is not known yet"),
            RunState::Parked { cause, .. } => Self::plain(format!("parked: {cause}")),
        }
    }

    fn cadence(state: &CadenceState, step: Option<&Step>) -> Self {
        let cadence = match step.map(|step| &step.verb) {
            Some(Verb::Cadence(cadence)) => Some(cadence),
            _ => None,
        };
        let place = cadence.and_then(|cadence| cadence.place(state.touch));
        let planned = cadence.zip(place).and_then(|(cadence, place)| Some(&cadence.touches.get(place)?.touch));
        let (what, due, task) = match state.phase {
            CadencePhase::Pause(at) => ("the next touch is planned", Some(at), None),
            CadencePhase::Task(task) if matches!(planned, Some(TouchPlan::Task { .. })) => {
                ("a task is to be done", None, Some(task))
            }
            CadencePhase::Task(task) => ("a call is to be made", None, Some(task)),
            CadencePhase::Redial(at) => ("the second dial is planned", Some(at), None),
            CadencePhase::RedialTask(task) => ("the second dial is to be made", None, Some(task)),
            CadencePhase::Sending(_) if matches!(planned, Some(TouchPlan::Message(_))) => {
                ("a text message is on its way", None, None)
            }
            CadencePhase::Sending(_) => ("a mail is on its way", None, None),
        };
        let touch = place.map(|place| format!("touch {} of ", place + 1));
        let text = format!("{what}, {}round {}", touch.unwrap_or_default(), state.round + 1);
        Self { text, due, task, contacts: Some(state.contacts) }
    }
}
