//! `GET /v1/plugins`: what is loaded, and what each says of itself.

use crate::http::auth::{Caller, Read};
use crate::http::state::Shared;
use axum::Json;
use axum::extract::State;
use cadenza_core::plugin::PluginInfo;

/// Every loaded plugin, by name.
pub(crate) async fn list(_: Caller<Read>, State(api): State<Shared>) -> Json<Vec<PluginInfo>> {
    Json(api.engine.catalog().live.plugins.values().cloned().collect())
}
