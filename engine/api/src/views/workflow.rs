//! Workflows and their versions as the API shows them.

use cadenza_core::id::Digest;
use cadenza_core::workflow::{Enroll, Workflow};
use cadenza_runtime::catalog::Catalog;
use serde::Serialize;

/// A workflow as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct WorkflowView {
    name: String,
    summary: String,
    version: Digest,
    /// Its runs stand still until it is resumed.
    paused: bool,
    enroll: Vec<String>,
    steps: Vec<StepView>,
}

#[derive(Debug, Serialize)]
struct StepView {
    id: String,
    verb: &'static str,
}

impl WorkflowView {
    /// The workflow as it is live.
    pub(crate) fn new(workflow: &Workflow, catalog: &Catalog) -> Self {
        let way = |enroll: &Enroll| match enroll {
            Enroll::When { event, .. } => format!("when {event}"),
            Enroll::Schedule { schedule, .. } => format!("schedule {} {}", schedule.cron, schedule.timezone),
        };
        Self {
            name: workflow.name.clone(),
            summary: workflow.summary.clone(),
            version: workflow.digest,
            paused: catalog.brakes.paused.workflows.contains(&workflow.name),
            enroll: workflow.enroll.iter().map(way).collect(),
            steps: workflow.steps.iter().map(|step| StepView { id: step.id.clone(), verb: step.verb.name() }).collect(),
        }
    }
}

/// One version of a workflow.
#[derive(Debug, Serialize)]
pub(crate) struct VersionView {
    pub(crate) version: Digest,
    /// Whether new runs start with it.
    pub(crate) live: bool,
    pub(crate) steps: usize,
}
