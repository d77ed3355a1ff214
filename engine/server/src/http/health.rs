//! Whether the engine lives, whether it takes requests, and what it counts.

use crate::http::auth::{Caller, Read};
use crate::http::problem::{Kind, Problem};
use crate::http::state::Shared;
use crate::plugins::Histogram;
use crate::plugins::health::{BUDGETS, BuildHealth, Outcome};
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use cadenza_core::plugin::PluginInfo;
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

/// The values of one metric of a build, each with its further labels.
type Values<'a> = &'a dyn Fn(&PluginInfo, &BuildHealth) -> Vec<(String, u64)>;

/// What is counted of each build that is loaded.
fn plugin_metrics(api: &Shared, text: &mut String) {
    let catalog = api.engine.catalog();
    let builds: Vec<_> = catalog.plugins.all().map(|info| (info, api.engine.health().of(info.digest))).collect();
    let mut family = |name: &str, kind: &str, help: &str, values: Values<'_>| {
        let _ = writeln!(text, "# HELP cadenza_plugin_{name} {help}\n# TYPE cadenza_plugin_{name} {kind}");
        for (info, health) in &builds {
            for (more, value) in values(info, health) {
                let (plugin, digest) = (&info.name, info.digest);
                let _ =
                    writeln!(text, "cadenza_plugin_{name}{{plugin=\"{plugin}\",digest=\"{digest}\"{more}}} {value}");
            }
        }
    };
    family("decisions_total", "counter", "Decisions of a build, by how they ended.", &|_, health| {
        let ended =
            |outcome: Outcome| (format!(",outcome=\"{}\"", outcome.as_str()), health.outcomes[outcome as usize].get());
        Outcome::ALL.into_iter().map(ended).collect()
    });
    let quantiles = |histogram: &Histogram| {
        let at = |(label, percent)| (format!(",quantile=\"{label}\""), histogram.percentile(percent));
        [("0.5", 50), ("0.99", 99)].map(at).to_vec()
    };
    family("fuel", "gauge", "Fuel of a decision.", &|_, health| quantiles(&health.fuel));
    family("wall_microseconds", "gauge", "Wall time of a decision.", &|_, health| quantiles(&health.wall_us));
    family("memory_bytes_max", "gauge", "The most memory that a decision took.", &|_, health| {
        vec![(String::new(), health.memory_bytes.max())]
    });
    family("log_lines_total", "counter", "Lines that its decisions said.", &|_, health| {
        vec![(String::new(), health.log_lines.get())]
    });
    family("fuel_budget", "gauge", "Fuel that a decision may burn.", &|info, _| {
        vec![(String::new(), info.fuel_budget)]
    });
    family("memory_budget_bytes", "gauge", "Memory that a decision may take.", &|info, _| {
        vec![(String::new(), info.memory_budget)]
    });
    family("output_bytes_max", "gauge", "The largest answer of a decision.", &|_, health| {
        vec![(String::new(), health.output_bytes.max())]
    });
    family("table_elements_max", "gauge", "The largest table that a decision had.", &|_, health| {
        vec![(String::new(), health.table_elements.max())]
    });
    family("near_budget_total", "counter", "Decisions that used more than 80 % of a budget.", &|_, health| {
        let near = BUDGETS.into_iter().zip(&health.near_budget);
        near.map(|(budget, count)| (format!(",budget=\"{budget}\""), count.get())).collect()
    });
    // The others are no gauge of a decision: a component has as many instances and tables as it was loaded with.
    family("budget", "gauge", "What a decision may use, by budget.", &|info, _| {
        let Some(budgets) = catalog.plugins.budgets(info.digest) else { return Vec::new() };
        let all = [
            ("wall_time_ms", u64::from(budgets.wall_ms)),
            ("output_bytes", budgets.output_bytes as u64),
            ("log_lines", budgets.log_lines as u64),
            ("table_elements", budgets.table_elements as u64),
            ("tables", budgets.tables as u64),
            ("instances", budgets.instances as u64),
        ];
        all.map(|(budget, most)| (format!(",budget=\"{budget}\""), most)).to_vec()
    });
    family("circuit_open", "gauge", "1 while a build is not asked because it failed again and again.", &|_, health| {
        vec![(String::new(), u64::from(health.circuit().open_until.is_some()))]
    });
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
    plugin_metrics(&api, &mut text);
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}
