//! `GET /v1/status`: the workspace at a glance.

use crate::http::auth::{Caller, Read};
use crate::http::problem::Problem;
use crate::http::state::Shared;
use crate::views::status::StatusView;
use axum::Json;
use axum::extract::State;

/// Where leads are, first-response times, decisions, messages sent, and what needs a person.
pub(crate) async fn show(_: Caller<Read>, State(api): State<Shared>) -> Result<Json<StatusView>, Problem> {
    Ok(Json(StatusView::take(&api.engine).await?))
}
