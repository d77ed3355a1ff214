//! `GET /v1/plugins`: what is loaded, and what each says of itself.

use crate::http::auth::{Caller, Read};
use crate::http::state::Shared;
use crate::views::plugin::PluginView;
use axum::Json;
use axum::extract::State;

/// Every loaded plugin, by name.
pub(crate) async fn list(_: Caller<Read>, State(api): State<Shared>) -> Json<Vec<PluginView>> {
    Json(api.engine.catalog().live.plugins.values().map(PluginView::new).collect())
}
