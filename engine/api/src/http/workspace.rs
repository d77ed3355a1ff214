//! `POST /v1/workspace/apply`: the folder is read again and becomes the active workspace, or nothing changes.

use crate::http::auth::{Caller, Steer};
use crate::http::problem::{Kind, Problem};
use crate::http::request::Bare;
use crate::http::state::{Shared, Sources};
use axum::Json;
use axum::extract::State;
use cadenza_language::{Diagnostic, Severity};
use cadenza_runtime::catalog::{Catalog, CatalogError};
use cadenza_runtime::left_behind;
use serde::Serialize;
use std::sync::Arc;

/// What became active.
#[derive(Debug, Serialize)]
pub(crate) struct AppliedView {
    digest: String,
    workflows: Vec<String>,
    /// What somebody should look at all the same, and what this workspace leaves behind.
    warnings: Vec<Diagnostic>,
    /// Sources that accept nothing because their secret is not available.
    closed_sources: Vec<ClosedSource>,
    /// Builds of plugins that do not fit a definition, where, and what happens there.
    misfits: Vec<String>,
    /// Connections through which nothing can be sent.
    unready_connections: Vec<UnreadyConnection>,
}

#[derive(Debug, Serialize)]
struct UnreadyConnection {
    connection: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct ClosedSource {
    source: String,
    why: String,
}

/// Reads, checks and activates the workspace folder.
pub(crate) async fn apply(_: Caller<Steer>, State(api): State<Shared>, _: Bare) -> Result<Json<AppliedView>, Problem> {
    let applying = Arc::clone(&api.applying).lock_owned().await;
    // Continues even if the caller hangs up, so that nobody else begins before it is done.
    let application = tokio::spawn(async move {
        let _applying = applying;
        apply_alone(&api).await
    });
    application.await.map_err(|error| Problem::new(Kind::Internal, format!("applying broke off: {error}")))?
}

async fn apply_alone(api: &Shared) -> Result<Json<AppliedView>, Problem> {
    let (folder, in_force, now) = (api.workspace.clone(), api.engine.catalog(), api.engine.clock().now());
    let before = Arc::clone(&in_force);
    let reading = tokio::task::spawn_blocking(move || {
        let catalog = Catalog::read(&folder, before.basis(now))?;
        let warnings = cadenza_language::check(&catalog.folder, catalog.plugins.as_ref()).diagnostics;
        let sources = Sources::new(&catalog, &folder);
        Ok::<_, CatalogError>((catalog, warnings, sources))
    });
    let (catalog, mut warnings, sources) = reading
        .await
        .map_err(|error| Problem::new(Kind::Internal, format!("reading the workspace broke off: {error}")))?
        .map_err(|error| {
            // Components that the folder brings along were kept before it was refused.
            api.engine.catalog().forget_other_components();
            refuse(&error)
        })?;
    warnings.extend(left_behind::warnings(&api.engine, Some(&in_force), &catalog).await?);
    let closed = |(source, why): &(String, String)| ClosedSource { source: source.clone(), why: why.clone() };
    let view = AppliedView {
        digest: catalog.workspace.digest.to_string(),
        workflows: catalog.live.workflows.keys().cloned().collect(),
        warnings,
        closed_sources: sources.closed.iter().map(closed).collect(),
        misfits: catalog.misfits(None),
        unready_connections: api
            .engine
            .unready(&catalog)
            .into_iter()
            .map(|(connection, why)| UnreadyConnection { connection, why })
            .collect(),
    };
    let documents = catalog
        .documents()
        .map_err(|error| Problem::new(Kind::Internal, format!("the workspace cannot be written down: {error}")))?;
    api.engine.activate(catalog.into(), documents).await?;
    api.take_sources(sources);
    Ok(Json(view))
}

fn refuse(error: &CatalogError) -> Problem {
    let unchanged = "the running workspace goes on unchanged";
    match error {
        CatalogError::Broken(diagnostics, _) => {
            let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
            let errors = if errors == 1 { "an error".to_owned() } else { format!("{errors} errors") };
            let detail = format!("the workspace has {errors}, listed with file and line; {unchanged}");
            let list = diagnostics.iter().map(|diagnostic| serde_json::json!(diagnostic)).collect();
            Problem::new(Kind::InvalidWorkspace, detail).with("errors", list)
        }
        other => Problem::new(Kind::InvalidWorkspace, format!("{other}; {unchanged}")),
    }
}
