//! Runs: where leads are in workflows, and what operators do about single runs.

use crate::http::auth::{Caller, Read, Steer};
use crate::http::leads::{self, Done};
use crate::http::problem::{Kind, Problem};
use crate::http::request::{Bare, JsonBody, Named, Params};
use crate::http::state::Shared;
use crate::http::{cursor, decisions, paging};
use crate::views::run::RunView;
use crate::views::{Page, Zoned};
use axum::Json;
use axum::extract::State;
use cadenza_builds::decision::DecisionView;
use cadenza_core::event::LeadCommand;
use cadenza_core::id::{BORN_MAX, LeadId, RunId};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Leads read from the store at once.
const BATCH: usize = 256;
/// The values that `state` may have.
const STATES: &[&str] = &["active", "waiting", "parked", "done"];

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ListParams {
    workflow: Option<String>,
    step: Option<String>,
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// `GET /v1/runs`: in order of their leads, oldest first. One page looks at a bounded number of leads.
pub(crate) async fn list(
    _: Caller<Read>,
    State(api): State<Shared>,
    Params(params): Params<ListParams>,
) -> Result<Json<Zoned<Page<RunView>>>, Problem> {
    let limit = paging::size(params.limit, &api.limits)?;
    let (workflow, step, wanted) = (params.workflow.as_deref(), params.step.as_deref(), params.state.as_deref());
    if let Some(state) = wanted.filter(|state| !STATES.contains(state)) {
        let detail = format!("`{state}` is no state of a run: write {}", STATES.join(", "));
        return Err(Problem::new(Kind::BadParameter, detail).at("state"));
    }
    let name = format!("runs {workflow:?} {step:?} {wanted:?}");
    let after = cursor::read_id(&name, params.cursor.as_deref())?.map(LeadId);
    let page = api.scans.run(search(Arc::clone(&api), name, params, limit, after)).await?;
    Ok(Json(Zoned::of(page, &api.engine.catalog())))
}

/// A page of matching runs.
async fn search(
    api: Shared,
    name: String,
    params: ListParams,
    limit: usize,
    mut after: Option<LeadId>,
) -> Result<Page<RunView>, Problem> {
    let (workflow, step, wanted) = (params.workflow.as_deref(), params.step.as_deref(), params.state.as_deref());
    let catalog = api.engine.catalog();
    let (mut items, mut seen) = (Vec::new(), 0);
    loop {
        let batch = api.engine.leads(after, BATCH).await?;
        let last = batch.len() < BATCH;
        for state in batch {
            // A lead's runs stay together, so a page may hold a few more than asked for.
            if items.len() >= limit || seen >= api.limits.page_scan_max {
                let next = after.map(|lead| cursor::write(&name, &lead.0.to_be_bytes()));
                return Ok(Page { items, next });
            }
            after = Some(state.lead.id);
            seen += 1;
            let open = state.runs.iter().map(|run| RunView::new(run, &state, &catalog));
            let over = state.past.iter().map(|(workflow, past)| RunView::past(workflow, past, &state));
            items.extend(open.chain(over).filter(|run| run.is(workflow, step, wanted)));
        }
        if last {
            if let Some(name) = workflow.filter(|name| items.is_empty() && !catalog.definitions.knows(name)) {
                return Err(Problem::new(Kind::BadParameter, format!("there is no workflow `{name}`")).at("workflow"));
            }
            return Ok(Page { items, next: None });
        }
    }
}

/// `POST /v1/runs/{id}/cancel`
pub(crate) async fn cancel(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(id): Named<RunId>,
    _: Bare,
) -> Result<Json<Done>, Problem> {
    command(&api, id, caller.name(), LeadCommand::CancelRun(id)).await
}

/// `POST /v1/runs/{id}/unpark`: a parked run tries its step again.
pub(crate) async fn unpark(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(id): Named<RunId>,
    _: Bare,
) -> Result<Json<Done>, Problem> {
    command(&api, id, caller.name(), LeadCommand::Unpark(id)).await
}

/// A run, with the latest decision it asked for.
#[derive(Debug, Serialize)]
pub(crate) struct RunDetail {
    #[serde(flatten)]
    run: RunView,
    decision: Option<DecisionView>,
}

/// `GET /v1/runs/{id}`: one run, with what its plugin was last asked. That is personal data, so the
/// right to read is not enough.
pub(crate) async fn show(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Named(id): Named<RunId>,
) -> Result<Json<RunDetail>, Problem> {
    let not_found = || Problem::not_found("run", &id.to_string());
    let state = api.engine.lead(id.lead()).await?.ok_or_else(not_found)?;
    let catalog = api.engine.catalog();
    let open = state.runs.iter().find(|run| run.id == id).map(|run| RunView::new(run, &state, &catalog));
    let over = || state.past.iter().find(|(_, past)| past.run == id);
    let run = open.or_else(|| over().map(|(workflow, past)| RunView::past(workflow, past, &state)));
    let decision = decisions::latest(&api, &state, id).await?;
    Ok(Json(RunDetail { run: run.ok_or_else(not_found)?, decision }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct UnparkBody {
    workflow: Option<String>,
    step: Option<String>,
    cursor: Option<String>,
}

/// What happened to parked runs.
#[derive(Debug, Serialize)]
pub(crate) struct Unparked {
    released: usize,
    /// Those that could not be released.
    refused: usize,
    /// Where to continue; null once every lead has been looked at.
    next: Option<String>,
}

/// `POST /v1/runs/unpark`: all parked runs, of a workflow or at a step, try their steps again, a
/// limited number at a time.
pub(crate) async fn unpark_all(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    JsonBody(body): JsonBody<UnparkBody>,
) -> Result<Json<Unparked>, Problem> {
    let name = format!("unpark {:?} {:?}", body.workflow.as_deref(), body.step.as_deref());
    let after = cursor::read_id(&name, body.cursor.as_deref())?.map(LeadId);
    let (parked, next) = api.scans.run(parked(Arc::clone(&api), name, body, after)).await?;
    let mut released = 0;
    for together in parked.chunks(api.limits.events_under_way_max) {
        let commands = together.iter().map(|id| command(&api, *id, caller.name(), LeadCommand::Unpark(*id)));
        released += join_all(commands).await.iter().filter(|done| done.is_ok()).count();
    }
    Ok(Json(Unparked { released, refused: parked.len() - released, next }))
}

/// Parked runs, and where to continue. Each lead is visited once, so a run that is parked again at
/// once is not released forever.
async fn parked(
    api: Shared,
    name: String,
    body: UnparkBody,
    mut after: Option<LeadId>,
) -> Result<(Vec<RunId>, Option<String>), Problem> {
    let catalog = api.engine.catalog();
    let (workflow, step) = (body.workflow.as_deref(), body.step.as_deref());
    let (mut parked, mut seen) = (Vec::new(), 0);
    loop {
        let batch = api.engine.leads(after, BATCH).await?;
        for state in &batch {
            let views = state.runs.iter().map(|run| (run.id, RunView::new(run, state, &catalog)));
            parked.extend(views.filter(|(_, run)| run.is(workflow, step, Some("parked"))).map(|(id, _)| id));
        }
        seen += batch.len();
        match batch.last() {
            Some(last) if batch.len() == BATCH => after = Some(last.lead.id),
            _ => return Ok((parked, None)),
        }
        if parked.len() >= api.limits.leads_per_command_max || seen >= api.limits.page_scan_max {
            return Ok((parked, after.map(|lead| cursor::write(&name, &lead.0.to_be_bytes()))));
        }
    }
}

async fn command(api: &Shared, id: RunId, by: String, command: LeadCommand) -> Result<Json<Done>, Problem> {
    let not_found = || Problem::not_found("run", &id.to_string());
    let state = api.engine.lead(id.lead()).await?.ok_or_else(not_found)?;
    let number = id.0 & u128::from(BORN_MAX);
    if number == 0 || number > u128::from(state.born) {
        return Err(not_found());
    }
    leads::command(api, id.lead(), by, command).await
}
