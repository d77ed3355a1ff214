//! The HTTP API, with every route in one table. A handler turns a request into a command or a read, and the result into
//! a response. It names the right it needs in its first argument. Knows the engine's handle and nothing behind it.

mod auth;
mod backup;
mod bodies;
mod clock;
mod cursor;
mod damage;
mod decisions;
#[cfg(test)]
mod doors;
mod events;
mod health;
mod hooks;
mod leads;
mod limits;
mod mail;
mod mails;
mod outbox;
mod own_words;
mod paging;
mod places;
mod plugins;
mod preferences;
mod problem;
mod request;
mod runs;
mod scans;
mod schedules;
mod serve;
mod state;
mod status;
mod tasks;
mod tokens;
mod vocabulary;
mod workflows;
mod workspace;

pub use limits::Limits;
pub use serve::serve;
pub use state::{Api, Shared};

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::{delete, get, post, put};
use problem::{Kind, Problem};

/// Every route.
pub(crate) fn router(api: Shared) -> Router {
    let routes = Router::new()
        .route("/hooks/{source}", post(hooks::receive))
        .route("/u/{link}", get(preferences::show).post(preferences::decide))
        .route("/v1/events", post(events::take))
        .route("/v1/mail", post(mail::take))
        .route("/v1/intake", get(vocabulary::show))
        .route("/v1/leads", get(leads::list).put(leads::put))
        .route("/v1/leads/{id}", get(leads::show))
        .route("/v1/leads/{id}/timeline", get(leads::timeline))
        .route("/v1/leads/{id}/gate", get(leads::gate))
        .route("/v1/leads/{id}/mail", get(mails::preview))
        .route("/v1/leads/{id}/owner", put(leads::set_owner))
        .route("/v1/leads/{id}/pause", post(leads::pause))
        .route("/v1/leads/{id}/resume", post(leads::resume))
        .route("/v1/leads/{id}/opt-out", post(leads::opt_out))
        .route("/v1/leads/{id}/preferences", post(leads::preferences))
        .route("/v1/leads/{id}/disqualify", post(leads::disqualify))
        .route("/v1/tasks", get(tasks::list))
        .route("/v1/tasks/{id}/outcome", post(tasks::outcome))
        .route("/v1/tasks/{id}/claim", post(tasks::claim))
        .route("/v1/tasks/{id}/reassign", post(tasks::reassign))
        .route("/v1/tasks/{id}/snooze", post(tasks::snooze))
        .route("/v1/runs", get(runs::list))
        .route("/v1/runs/unpark", post(runs::unpark_all))
        .route("/v1/runs/{id}", get(runs::show))
        .route("/v1/runs/{id}/cancel", post(runs::cancel))
        .route("/v1/runs/{id}/unpark", post(runs::unpark))
        .route("/v1/workflows", get(workflows::list))
        .route("/v1/workflows/{name}/versions", get(workflows::versions))
        .route("/v1/workflows/{name}/enroll", post(workflows::enroll))
        .route("/v1/workflows/{name}/remove", post(workflows::remove))
        .route("/v1/workflows/{name}/pause", post(workflows::pause))
        .route("/v1/workflows/{name}/resume", post(workflows::resume))
        .route("/v1/connections/{name}/test", post(mails::try_connection))
        .route("/v1/connections/{name}/pause", post(workflows::pause_connection))
        .route("/v1/connections/{name}/resume", post(workflows::resume_connection))
        .route("/v1/workspace/apply", post(workspace::apply))
        .route("/v1/schedules", get(schedules::list))
        .route("/v1/status", get(status::show))
        .route("/v1/plugins", get(plugins::list))
        .route("/v1/plugins/{name}", get(plugins::show).put(plugins::load))
        .route("/v1/plugins/{name}/promote", post(plugins::promote))
        .route("/v1/plugins/{name}/rollback", post(plugins::rollback))
        .route("/v1/plugins/{name}/heal", post(plugins::heal))
        .route("/v1/plugins/{name}/pause", post(workflows::pause_plugin))
        .route("/v1/plugins/{name}/resume", post(workflows::resume_plugin))
        .route("/v1/decisions", get(decisions::list))
        .route("/v1/outbox", get(outbox::list))
        .route("/v1/dead-letters", get(outbox::dead_letters))
        .route("/v1/dead-letters/{id}", get(outbox::dead_letter).delete(outbox::discard))
        .route("/v1/dead-letters/{id}/redrive", post(outbox::redrive))
        .route("/v1/backup", post(backup::take))
        .route("/v1/damaged", get(damage::list))
        .route("/v1/clock", get(clock::show))
        .route("/v1/clock/advance", post(clock::advance))
        .route("/v1/tokens", get(tokens::list).post(tokens::create))
        .route("/v1/tokens/{id}", delete(tokens::revoke))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed);
    routes.with_state(api)
}

async fn no_such_route(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Kind::NoSuchRoute,
        format!("there is nothing at `{}` for {method}: see the list of routes in engine/README.md", uri.path()),
    )
}

/// axum adds the `Allow` header.
async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        format!("this address does not take {method}: the header `Allow` names what it takes"),
    )
}
