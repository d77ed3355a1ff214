//! Workflows: which there are, enrolling and removing leads, and pausing.

use crate::http::auth::{Caller, Read, Steer};
use crate::http::problem::{Kind, Problem};
use crate::http::request::{Bare, JsonBody, Named, Params};
use crate::http::state::Shared;
use crate::views::words;
use crate::views::workflow::{VersionView, WorkflowView};
use axum::Json;
use axum::extract::State;
use cadenza_core::event::{Event, LeadCommand};
use cadenza_core::id::LeadId;
use cadenza_core::journal::Note;
use cadenza_runtime::brakes::Brake;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::rehearsal::Preview;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

/// `GET /v1/workflows`
pub(crate) async fn list(_: Caller<Read>, State(api): State<Shared>) -> Json<Vec<WorkflowView>> {
    let catalog = api.engine.catalog();
    Json(catalog.live.workflows.values().map(|workflow| WorkflowView::new(workflow, &catalog)).collect())
}

/// `GET /v1/workflows/{name}/versions`: the live version and those that runs still have pinned.
pub(crate) async fn versions(
    _: Caller<Read>,
    State(api): State<Shared>,
    Named(name): Named<String>,
) -> Result<Json<Vec<VersionView>>, Problem> {
    let catalog = api.engine.catalog();
    let live = catalog.live.workflows.get(&name).map(|workflow| workflow.digest);
    let versions: Vec<VersionView> = catalog
        .definitions
        .followed()
        .filter(|workflow| workflow.name == name)
        .map(|workflow| VersionView {
            version: workflow.digest,
            live: live == Some(workflow.digest),
            steps: workflow.steps.len(),
        })
        .collect();
    if versions.is_empty() { Err(Problem::not_found("workflow", &name)) } else { Ok(Json(versions)) }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct WhomBody {
    lead: Option<LeadId>,
    #[serde(default)]
    leads: Vec<LeadId>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct DryRun {
    #[serde(default)]
    dry_run: bool,
}

/// What happened to each lead, or would happen.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    dry_run: bool,
    done: usize,
    refused: usize,
    results: Vec<LeadOutcome>,
}

#[derive(Debug, Serialize)]
struct LeadOutcome {
    lead: LeadId,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// In a preview: plugins that were not asked, but whose answers decide how it continues.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    would_ask: Vec<String>,
}

/// `POST /v1/workflows/{name}/enroll`
pub(crate) async fn enroll(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    Params(params): Params<DryRun>,
    JsonBody(body): JsonBody<WhomBody>,
) -> Result<Json<Outcome>, Problem> {
    if !api.engine.catalog().live.workflows.contains_key(&name) {
        return Err(Problem::not_found("workflow", &name));
    }
    let event = Event::Enrolled { workflow: name, by: caller.name(), key: None };
    for_each(&api, &event, body, params.dry_run).await
}

/// `POST /v1/workflows/{name}/remove`
pub(crate) async fn remove(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    Params(params): Params<DryRun>,
    JsonBody(body): JsonBody<WhomBody>,
) -> Result<Json<Outcome>, Problem> {
    if !api.engine.catalog().definitions.knows(&name) {
        return Err(Problem::not_found("workflow", &name));
    }
    let event = Event::Commanded { command: LeadCommand::Remove { workflow: name }, by: caller.name() };
    for_each(&api, &event, body, params.dry_run).await
}

async fn for_each(api: &Shared, event: &Event, body: WhomBody, dry_run: bool) -> Result<Json<Outcome>, Problem> {
    let max = api.limits.leads_per_command_max;
    let leads: Vec<LeadId> = body.lead.into_iter().chain(body.leads).collect();
    if leads.is_empty() || leads.len() > max {
        let detail = format!("name 1 to {max} leads, `lead` for one or `leads` for several, not {}", leads.len());
        return Err(Problem::new(Kind::TooMany, detail).at("leads"));
    }
    let mut results = Vec::with_capacity(leads.len());
    for together in leads.chunks(api.limits.events_under_way_max) {
        let done = join_all(together.iter().map(|lead| one(api, *lead, event, dry_run))).await;
        results.extend(done);
    }
    let done = results.iter().filter(|result| result.done).count();
    Ok(Json(Outcome { dry_run, done, refused: results.len() - done, results }))
}

async fn one(api: &Shared, lead: LeadId, event: &Event, dry_run: bool) -> LeadOutcome {
    let done = if dry_run { rehearse(api, lead, event.clone()).await } else { perform(api, lead, event.clone()).await };
    let (reason, why, would_ask) = match done {
        Ok(Preview { notes, would_ask }) => {
            let refused = refusal(&notes, &api.engine.catalog());
            let (reason, why) = refused.map_or((None, None), |(reason, why)| (Some(reason), Some(why)));
            (reason, why, would_ask)
        }
        Err(problem) => (Some(problem.kind().slug().to_owned()), Some(problem.detail().to_owned()), Vec::new()),
    };
    LeadOutcome { lead, done: reason.is_none(), reason, why, would_ask }
}

async fn perform(api: &Shared, lead: LeadId, event: Event) -> Result<Preview, Problem> {
    let notes = api.engine.apply_to(lead, api.new_event_id(), event).await?.notes;
    Ok(Preview { notes, would_ask: Vec::new() })
}

/// Computes the same command and throws the result away. What plugins on the pool would answer is unknown.
async fn rehearse(api: &Shared, lead: LeadId, event: Event) -> Result<Preview, Problem> {
    Ok(api.engine.preview(lead, event).await?)
}

fn refusal(notes: &[Note], catalog: &Catalog) -> Option<(String, String)> {
    notes.iter().find_map(|note| match note {
        Note::NotEnrolled { workflow, why } => {
            Some((why.to_string(), words::refusal(*why, workflow, catalog).into_owned()))
        }
        Note::Ignored(why) => Some((why.to_string(), words::ignored_words(*why).to_owned())),
        _ => None,
    })
}

/// The answer to a pause or resume.
#[derive(Debug, Serialize)]
pub(crate) struct Braked {
    name: String,
    paused: bool,
}

/// `POST /v1/workflows/{name}/pause`
pub(crate) async fn pause(_: Caller<Steer>, State(api): State<Shared>, Named(name): Named<String>, _: Bare) -> Brakes {
    brake_workflow(&api, name, true).await
}

/// `POST /v1/workflows/{name}/resume`
pub(crate) async fn resume(_: Caller<Steer>, State(api): State<Shared>, Named(name): Named<String>, _: Bare) -> Brakes {
    brake_workflow(&api, name, false).await
}

/// `POST /v1/connections/{name}/pause`
pub(crate) async fn pause_connection(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    _: Bare,
) -> Brakes {
    brake_connection(&api, name, true).await
}

/// `POST /v1/connections/{name}/resume`
pub(crate) async fn resume_connection(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    _: Bare,
) -> Brakes {
    brake_connection(&api, name, false).await
}

type Brakes = Result<Json<Braked>, Problem>;

async fn brake_workflow(api: &Shared, name: String, paused: bool) -> Brakes {
    let catalog = api.engine.catalog();
    // A workflow that is no longer live may have runs, and may be paused.
    if !catalog.definitions.knows(&name) && !catalog.brakes.paused.workflows.contains(&name) {
        return Err(Problem::not_found("workflow", &name));
    }
    api.engine.brake(Brake::Workflow(name.clone()), paused).await?;
    Ok(Json(Braked { name, paused }))
}

/// `POST /v1/plugins/{name}/pause`
pub(crate) async fn pause_plugin(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    _: Bare,
) -> Brakes {
    brake_plugin(&api, name, true).await
}

/// `POST /v1/plugins/{name}/resume`
pub(crate) async fn resume_plugin(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    _: Bare,
) -> Brakes {
    brake_plugin(&api, name, false).await
}

async fn brake_plugin(api: &Shared, name: String, paused: bool) -> Brakes {
    let catalog = api.engine.catalog();
    if catalog.registry.get(&name).is_none() && !catalog.brakes.paused.plugins.contains(&name) {
        return Err(Problem::not_found("plugin", &name));
    }
    api.engine.brake(Brake::Plugin(name.clone()), paused).await?;
    Ok(Json(Braked { name, paused }))
}

async fn brake_connection(api: &Shared, name: String, paused: bool) -> Brakes {
    let catalog = api.engine.catalog();
    if !catalog.workspace.connections.contains_key(&name) && !catalog.brakes.paused.connections.contains(&name) {
        return Err(Problem::not_found("connection", &name));
    }
    api.engine.brake(Brake::Connection(name.clone()), paused).await?;
    Ok(Json(Braked { name, paused }))
}
