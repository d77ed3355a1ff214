//! The engine's clock: what it shows, and how the virtual clock is advanced.

use crate::http::auth::{Caller, Read, Steer};
use crate::http::problem::{Kind, Problem};
use crate::http::request::JsonBody;
use crate::http::state::Shared;
use axum::Json;
use axum::extract::State;
use cadenza_core::time::{Span, Timestamp};
use cadenza_runtime::clock::ClockKind;
use serde::{Deserialize, Serialize};

/// What the clock shows.
#[derive(Debug, Serialize)]
pub(crate) struct ClockView {
    now: Timestamp,
    clock: String,
}

fn view(api: &Shared, now: Timestamp) -> Json<ClockView> {
    let clock = match api.engine.clock().kind() {
        ClockKind::Real => "real".to_owned(),
        ClockKind::Scaled(factor) => format!("scaled:{factor}"),
        ClockKind::Virtual => "virtual".to_owned(),
    };
    Json(ClockView { now, clock })
}

/// `GET /v1/clock`
pub(crate) async fn show(_: Caller<Read>, State(api): State<Shared>) -> Json<ClockView> {
    view(&api, api.engine.clock().now())
}

/// How far to advance.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct AdvanceBody {
    by: Option<Span>,
    to: Option<Timestamp>,
}

/// `POST /v1/clock/advance`: answers once everything due by then has been done.
pub(crate) async fn advance(
    _: Caller<Steer>,
    State(api): State<Shared>,
    JsonBody(body): JsonBody<AdvanceBody>,
) -> Result<Json<ClockView>, Problem> {
    let now = api.engine.clock().now();
    let to = match (body.by, body.to) {
        (Some(by), None) => api.engine.catalog().workspace.settings.calendar.add(now, by),
        (None, Some(to)) if to >= now => to,
        (None, Some(to)) => {
            let detail = format!("a clock goes forward only: it shows {now}, which is after {to}");
            return Err(Problem::new(Kind::InvalidField, detail).at("to"));
        }
        _ => {
            let detail = "write either `by`, a duration such as 5m or 2 business days, or `to`, a time";
            return Err(Problem::new(Kind::InvalidBody, detail));
        }
    };
    if to >= Timestamp::MAX {
        return Err(Problem::new(Kind::InvalidField, "a clock ends with the year 9999: go less far").at("by"));
    }
    tokio::select! {
        now = api.engine.advance(to) => Ok(view(&api, now?)),
        () = api.stopping() => {
            let detail = "the engine is stopping, before the clock has come so far";
            Err(Problem::new(Kind::Stopping, detail).retry_after_s(5))
        }
    }
}
