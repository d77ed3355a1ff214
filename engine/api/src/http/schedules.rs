//! `GET /v1/schedules`: when each fires next, and what happened to its past firings.

use crate::http::auth::{Caller, Read};
use crate::http::problem::Problem;
use crate::http::state::Shared;
use crate::views::schedule::ScheduleView;
use axum::Json;
use axum::extract::State;
use cadenza_core::workflow::Enroll;

/// Every schedule of the live workflows.
pub(crate) async fn list(_: Caller<Read>, State(api): State<Shared>) -> Result<Json<Vec<ScheduleView>>, Problem> {
    let (catalog, now) = (api.engine.catalog(), api.engine.clock().now());
    let mut views = Vec::new();
    for workflow in catalog.live.workflows.values() {
        for way in &workflow.enroll {
            if let Enroll::Schedule { schedule, .. } = way {
                let state = api.engine.schedule(&schedule.id).await?.unwrap_or_default();
                views.push(ScheduleView::new(&workflow.name, schedule, &state, now));
            }
        }
    }
    Ok(Json(views))
}
