//! The listener: connections within their limits, requests to the router, a graceful end. A connection is accepted at
//! once, whatever the others do. Beyond the limits it gets a reserved place, and either a health check or a refusal.

use crate::http::limits::Limits;
use crate::http::places::{Place, Places};
use crate::http::problem::{Kind, Problem};
use crate::http::state::Shared;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

/// How long no connection is accepted after the system refused one, most likely because file handles ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What is answered at a reserved place.
const ANSWERED_ALWAYS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// Files that the engine opens besides connections.
const OTHER_FILES: usize = 256;

type Stream = Pin<Box<TimeoutStream<TcpStream>>>;

/// Serves until `stop` completes. Then no connection is accepted, and running requests may finish within the drain
/// time. The caller stops the engine itself afterwards.
pub async fn serve(listener: TcpListener, api: Shared, stop: impl Future<Output = ()>) {
    let limits = within_files(api.limits.clone());
    let routes = super::router(Shared::clone(&api));
    let service = TowerToHyperService::new(routes.clone());
    let reserved = TowerToHyperService::new(health_alone(routes));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_read_timeout).max_buf_size(limits.head_bytes_max);
    let places = Places::new(&limits);
    let open = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, limits.write_timeout) => accepted,
            () = &mut stop => break,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // A broken connection is the other side's concern.
        match places.take(from) {
            Place::Own(place) => {
                let connection = open.watch(http.serve_connection(TokioIo::new(stream), service.clone()));
                tokio::spawn(async move {
                    let _ = connection.await;
                    drop(place);
                });
            }
            Place::Reserved(place, bell) => {
                let connection = http.serve_connection(TokioIo::new(stream), reserved.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::time::timeout(limits.reserved_timeout, connection) => {}
                        () = bell.notified() => {}
                    }
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    api.stop_soon();
    if tokio::time::timeout(limits.drain_timeout, open.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way after {} s and are cut off", limits.drain_timeout.as_secs());
    }
}

async fn accept(listener: &TcpListener, write_timeout: Duration) -> io::Result<(Stream, IpAddr)> {
    let (stream, from) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let mut stream = TimeoutStream::new(stream);
    // Counted from when the other side stopped reading, and again whenever it reads some.
    stream.set_write_timeout(Some(write_timeout));
    Ok((Box::pin(stream), from.ip()))
}

/// The same routes for a connection beyond the limits: it gets one response, and is closed.
fn health_alone(routes: Router) -> Router {
    routes.layer(middleware::from_fn(async |request: Request<Body>, next: Next| -> Response {
        let mut response = if ANSWERED_ALWAYS.contains(&request.uri().path()) {
            next.run(request).await
        } else {
            let detail =
                "as many connections are open, in all or from your address, as may be: use those, or come back";
            Problem::new(Kind::Crowded, detail).retry_after_s(5).into_response()
        };
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }))
}

/// Raises the number of files that this process may open to what the system allows, and lowers the limit on connections
/// to what there are files for. Beyond that, not even a health check would get one.
fn within_files(mut limits: Limits) -> Limits {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: now.maximum, maximum: now.maximum };
    let files = if setrlimit(Resource::Nofile, raised).is_ok() { now.maximum } else { now.current };
    let Some(files) = files.and_then(|files| usize::try_from(files).ok()) else { return limits };
    let room = files.saturating_sub(OTHER_FILES + limits.reserved_places).max(files / 4);
    if room < limits.connections_max {
        tracing::warn!(files, connections = room, "the system allows few open files, so fewer connections are taken");
        limits.connections_max = room;
    }
    limits.connections_per_address_max = limits.connections_per_address_max.min(limits.connections_max);
    limits
}
