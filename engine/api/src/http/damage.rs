//! `GET /v1/damaged`: what the engine could not read since it was started.

use crate::http::auth::{Caller, Steer};
use crate::http::problem::Problem;
use crate::http::state::Shared;
use crate::views::damage::DamageView;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

/// What cannot be read, each record once; at most a thousand are listed.
#[derive(Debug, Serialize)]
pub(crate) struct Damage {
    items: Vec<DamageView>,
    /// How many were found, including those that have been repaired and those not listed.
    noted: u64,
}

pub(crate) async fn list(_: Caller<Steer>, State(api): State<Shared>) -> Result<Json<Damage>, Problem> {
    let damage = api.engine.damage();
    Ok(Json(Damage { items: DamageView::list(damage), noted: damage.noted() }))
}
