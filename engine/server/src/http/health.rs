//! Whether the engine lives, whether it takes requests, and what it counts.

use crate::http::auth::{Caller, Read};
use crate::http::problem::{Kind, Problem};
use crate::http::state::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use cadenza_core::time::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;

/// How it is.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
    now: Timestamp,
}

fn health(api: &Shared, status: &'static str) -> Json<Health> {
    Json(Health { status, version: env!("CARGO_PKG_VERSION"), now: api.engine.clock().now() })
}

/// `GET /healthz`: the process answers.
pub(crate) async fn live(State(api): State<Shared>) -> Json<Health> {
    health(&api, "alive")
}

/// `GET /readyz`: recovery is done and requests are taken.
pub(crate) async fn ready(State(api): State<Shared>) -> Result<Json<Health>, Problem> {
    if api.engine.is_ready() {
        return Ok(health(&api, "ready"));
    }
    Err(Problem::new(Kind::Stopping, "the engine is draining: send this elsewhere, or later").retry_after_s(5))
}

/// `GET /metrics`: Prometheus text.
pub(crate) async fn metrics(_: Caller<Read>, State(api): State<Shared>) -> Result<impl IntoResponse, Problem> {
    let counters = api.engine.counters().await?;
    let mut text = String::with_capacity(8 * 1024);
    let family = |name: &str, kind: &str, help: &str| format!("# HELP {name} {}\n# TYPE {name} {kind}\n", help.trim());
    for (name, kind, help, value) in api.engine.meters().all() {
        text.push_str(&family(name, kind, help));
        let _ = writeln!(text, "{name} {value}");
    }
    text.push_str(&family("cadenza_store_bytes", "gauge", "Bytes the store takes on disk."));
    let _ = writeln!(text, "cadenza_store_bytes {}", api.engine.size_on_disk());
    text.push_str(&family("cadenza_count", "gauge", "What the workspace's leads come to, by name."));
    for (name, value) in &counters.values {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = writeln!(text, "cadenza_count{{name=\"{name}\"}} {value}");
    }
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}
