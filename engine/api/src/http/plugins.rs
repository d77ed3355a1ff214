//! Plugins: which there are and how they are doing; loading a build, trying it out, promoting it and rolling it back.

use crate::http::auth::{Caller, Read, Steer};
use crate::http::bodies::Held;
use crate::http::problem::{Kind, Problem};
use crate::http::request::{Bare, Named, OptionalJson, Params};
use crate::http::state::Shared;
use crate::views::plugin::{PluginView, Seen};
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use cadenza_builds::{BuildRefusal, PluginError, Registry, RolledBack, Trial};
use cadenza_core::id::Digest;
use cadenza_core::plugin::PluginInfo;
use cadenza_runtime::catalog::{Catalog, CatalogError};
use cadenza_runtime::engine::Refused;
use cadenza_store::DocumentKey;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Differences that a list shows of each plugin, and that a single plugin shows.
const LIST_EXAMPLES: usize = 3;
const SHOW_EXAMPLES: usize = 200;

/// `GET /v1/plugins`: every plugin, by name.
pub(crate) async fn list(_: Caller<Read>, State(api): State<Shared>) -> Result<Json<Vec<PluginView>>, Problem> {
    let tallies = api.engine.tallies().await?;
    let catalog = api.engine.catalog();
    let seen = Seen { catalog: &catalog, health: api.engine.health(), tallies: &tallies, examples_max: LIST_EXAMPLES };
    Ok(Json(catalog.registry.plugins().map(|(name, versions)| PluginView::new(name, versions, seen)).collect()))
}

/// `GET /v1/plugins/{name}`: one plugin, with its differences one by one.
pub(crate) async fn show(
    _: Caller<Read>,
    State(api): State<Shared>,
    Named(name): Named<String>,
) -> Result<Json<PluginView>, Problem> {
    view(&api, &name).await.map(Json)
}

async fn view(api: &Shared, name: &str) -> Result<PluginView, Problem> {
    let tallies = api.engine.tallies().await?;
    let catalog = api.engine.catalog();
    let versions = catalog.registry.get(name).ok_or_else(|| Problem::not_found("plugin", name))?;
    let seen = Seen { catalog: &catalog, health: api.engine.health(), tallies: &tallies, examples_max: SHOW_EXAMPLES };
    Ok(PluginView::new(name, versions, seen))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct LoadParams {
    /// The percentage of leads for which it decides. If left out, it is only watched.
    canary: Option<f64>,
}

impl LoadParams {
    fn share_permille(&self) -> Result<u16, Problem> {
        match self.canary {
            None => Ok(0),
            // At least one in a thousand, at most all.
            Some(percent) if (0.1..=100.0).contains(&percent) => Ok((percent * 10.0).round() as u16),
            Some(percent) => {
                let detail = format!("`{percent}` is no share of the leads: write 0.1 to 100, in percent");
                Err(Problem::new(Kind::BadParameter, detail).at("canary"))
            }
        }
    }
}

/// A component as the request's body.
pub(crate) struct Component(Held);

impl FromRequest<Shared> for Component {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &Shared) -> Result<Self, Problem> {
        let (parts, body): (_, Body) = request.into_parts();
        let limits = &api.limits;
        let read = api.bodies.read(&parts.headers, body, limits.component_bytes_max, limits.component_read_timeout);
        read.await.map(Self)
    }
}

/// `PUT /v1/plugins/{name}?canary=`: loads a build, compiles it and checks it against the workspace. Then it is either
/// watched, or decides for a share of the leads.
pub(crate) async fn load(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    Params(params): Params<LoadParams>,
    Component(component): Component,
) -> Result<Json<PluginView>, Problem> {
    let share_permille = params.share_permille()?;
    let by = caller.name();
    let (plugin, now, who) = (name.clone(), api.engine.clock().now(), by.clone());
    let hash = change(&api, move |catalog, registry| {
        let hash = catalog.library.keep(&component.bytes)?;
        registry.try_out(&plugin, Trial { hash, share_permille, since: now, by: who }).map_err(PluginError::from)?;
        Ok(hash)
    })
    .await?;
    tracing::info!(plugin = name, digest = %hash.digest(), share_permille, by, "a build is tried");
    // If it was tried before and failed, that no longer counts.
    api.engine.health().of(hash.digest()).heal();
    view(&api, &name).await.map(Json)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct MeantBody {
    /// The build to promote or remove. If left out, whichever it is.
    digest: Option<Digest>,
}

/// `POST /v1/plugins/{name}/promote`: the build on trial goes live.
pub(crate) async fn promote(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    OptionalJson(body): OptionalJson<MeantBody>,
) -> Result<Json<PluginView>, Problem> {
    let (plugin, by, now) = (name.clone(), caller.name(), api.engine.clock().now());
    let promote = move |_: &Catalog, registry: &mut Registry| {
        Ok(registry.promote(&plugin, body.digest, &by, now).map_err(PluginError::from)?)
    };
    let hash = change(&api, promote).await?;
    tracing::info!(plugin = name, digest = %hash.digest(), by = caller.name(), "a build is promoted");
    // What it did on trial does not keep it from being asked.
    api.engine.health().of(hash.digest()).heal();
    view(&api, &name).await.map(Json)
}

/// What a rollback did.
#[derive(Debug, Serialize)]
pub(crate) struct RolledBackView {
    /// `candidate_dropped` or `live_again`.
    done: &'static str,
    digest: String,
    /// `None` if nothing is left of the plugin, because no build of it ever decided.
    plugin: Option<PluginView>,
}

/// `POST /v1/plugins/{name}/rollback`: drops the build on trial. If there is none, the previous build goes live again.
pub(crate) async fn rollback(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    OptionalJson(body): OptionalJson<MeantBody>,
) -> Result<Json<RolledBackView>, Problem> {
    let (plugin, by, now) = (name.clone(), caller.name(), api.engine.clock().now());
    let roll_back = move |_: &Catalog, registry: &mut Registry| {
        Ok(registry.roll_back(&plugin, body.digest, &by, now).map_err(PluginError::from)?)
    };
    let rolled_back = change(&api, roll_back).await?;
    let (done, hash) = match rolled_back {
        RolledBack::Candidate(hash) => ("candidate_dropped", hash),
        RolledBack::Live(hash) => ("live_again", hash),
    };
    tracing::info!(plugin = name, digest = %hash.digest(), by = caller.name(), done, "a build is rolled back");
    let is_left = api.engine.catalog().registry.get(&name).is_some();
    let plugin = if is_left { Some(view(&api, &name).await?) } else { None };
    Ok(Json(RolledBackView { done, digest: hash.digest().to_string(), plugin }))
}

/// What was healed.
#[derive(Debug, Serialize)]
pub(crate) struct HealedView {
    /// Builds that were not being asked, and now are.
    healed: Vec<HealedBuild>,
    plugin: PluginView,
}

#[derive(Debug, Serialize)]
struct HealedBuild {
    digest: Digest,
    version: String,
}

/// `POST /v1/plugins/{name}/heal`: a plugin that failed repeatedly is asked again at once.
pub(crate) async fn heal(
    caller: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    _: Bare,
) -> Result<Json<HealedView>, Problem> {
    let catalog = api.engine.catalog();
    let builds = catalog.plugins.infos().get(&name).into_iter().chain(catalog.plugins.candidate(&name));
    let heal = |info: &PluginInfo| {
        let healed = HealedBuild { digest: info.digest, version: info.version.clone() };
        api.engine.health().of(info.digest).heal().then_some(healed)
    };
    let healed = builds.filter_map(heal).collect();
    tracing::info!(plugin = name, by = caller.name(), "a plugin is healed");
    Ok(Json(HealedView { healed, plugin: view(&api, &name).await? }))
}

/// Changes the builds of plugins, checks that the workspace can be used with them, and puts them into force; otherwise
/// nothing changes. Continues even if the caller hangs up, so that nobody else begins before it is done.
async fn change<T: Send + 'static>(
    api: &Shared,
    change: impl FnOnce(&Catalog, &mut Registry) -> Result<T, CatalogError> + Send + 'static,
) -> Result<T, Problem> {
    let applying = Arc::clone(&api.applying).lock_owned().await;
    let api = Arc::clone(api);
    let changing = tokio::spawn(async move {
        let _applying = applying;
        change_alone(&api, change).await
    });
    changing.await.map_err(|error| Problem::new(Kind::Internal, format!("loading broke off: {error}")))?
}

async fn change_alone<T: Send + 'static>(
    api: &Shared,
    change: impl FnOnce(&Catalog, &mut Registry) -> Result<T, CatalogError> + Send + 'static,
) -> Result<T, Problem> {
    let before = api.engine.catalog();
    let forgotten = api.engine.decisions_forgotten_before();
    let making = tokio::task::spawn_blocking(move || {
        let mut registry = before.registry.as_ref().clone();
        registry.forget_retired(forgotten);
        let made = change(&before, &mut registry)?;
        let catalog = before.with_registry(registry)?;
        Ok::<_, CatalogError>((catalog, made))
    });
    let made = making.await.map_err(|error| Problem::new(Kind::Internal, format!("loading broke off: {error}")))?;
    let (catalog, made) = made.map_err(|error| {
        // A build that is refused was kept and compiled before that was known. Such builds must not pile up.
        api.engine.catalog().forget_other_components();
        refuse(&error)
    })?;
    let document = serde_json::to_vec(catalog.registry.as_ref())
        .map_err(|error| Problem::new(Kind::Internal, format!("the builds cannot be written down: {error}")))?;
    let catalog = Arc::new(catalog);
    let written = api.engine.change_plugins(Arc::clone(&catalog), vec![(DocumentKey::Plugins, Some(document))]).await;
    if !matches!(written, Err(Refused::Failed(_) | Refused::Unavailable(_))) {
        // Only now is it certain which builds are no longer wanted.
        catalog.forget_other_components();
    }
    written?;
    Ok(made)
}

fn refuse(error: &CatalogError) -> Problem {
    let unchanged = "what decided before goes on deciding";
    match error {
        CatalogError::Plugin(PluginError::Refused(BuildRefusal::Unknown(name))) => Problem::not_found("plugin", name),
        CatalogError::Plugin(PluginError::Refused(refusal)) if !matches!(refusal, BuildRefusal::RuleReused { .. }) => {
            Problem::new(Kind::PluginBuild, format!("{refusal}; {unchanged}"))
        }
        CatalogError::Broken(diagnostics, _) => {
            let detail = format!(
                "the workspace cannot be used with this build: each place is listed; change the plugin, or the workflow \
                 and apply it first; {unchanged}"
            );
            let list = diagnostics.iter().map(|diagnostic| serde_json::json!(diagnostic)).collect();
            Problem::new(Kind::InvalidPlugin, detail).with("errors", list)
        }
        CatalogError::Plugin(
            error @ (PluginError::Library { .. } | PluginError::Compiler(_) | PluginError::Host(_)),
        ) => Problem::new(Kind::Internal, format!("{error}; {unchanged}")),
        other => Problem::new(Kind::InvalidPlugin, format!("{other}; {unchanged}")),
    }
}
