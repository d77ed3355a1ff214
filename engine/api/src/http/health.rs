//! Whether the engine is alive, whether it takes requests, and what it counts.

use crate::http::auth::{Caller, Read};
use crate::http::problem::{Kind, Problem};
use crate::http::state::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use cadenza_builds::health::{BuildHealth, Outcome};
use cadenza_core::plugin::PluginInfo;
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use cadenza_runtime::counts::{Counts, StepCounts, WorkflowCounts};
use cadenza_runtime::left_behind;
use cadenza_sandbox::Resource;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// How long the store may take to read one record before the engine reports that it is not ready.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// How far unassigned tasks are counted.
const NOBODYS_COUNTED_MAX: u64 = 10_000;

/// The state of the engine.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
    now: Timestamp,
}

/// The values of one metric of a build, each with its additional labels.
type Values<'a> = &'a dyn Fn(&PluginInfo, &BuildHealth) -> Vec<(String, u64)>;

/// The metrics of each loaded build.
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
    family("log_lines_total", "counter", "Lines that its decisions said.", &|_, health| {
        vec![(String::new(), health.log_lines.get())]
    });
    let by_budget = |resource: Resource| format!(",budget=\"{}\"", resource.as_str());
    family("used", "gauge", "What a decision used, by budget and quantile.", &|_, health| {
        let quantiles = |resource| {
            let spread = &health.used(resource).spread;
            [("0.5", spread.percentile(50)), ("0.99", spread.percentile(99)), ("1", spread.max())]
                .map(|(quantile, used)| (format!("{},quantile=\"{quantile}\"", by_budget(resource)), used))
        };
        Resource::ALL.into_iter().flat_map(quantiles).collect()
    });
    family("budget", "gauge", "What a decision may use, by budget.", &|info, _| {
        let budgets = catalog.plugins.budgets(info.digest).into_iter();
        budgets.flat_map(|(budgets, _)| Resource::ALL.map(|of| (by_budget(of), budgets.of(of)))).collect()
    });
    family("near_budget_total", "counter", "Decisions that used more than 80 % of a budget.", &|_, health| {
        Resource::ALL.map(|of| (by_budget(of), health.used(of).near.get())).to_vec()
    });
    family("circuit_open", "gauge", "1 while a build is not asked because it failed again and again.", &|_, health| {
        vec![(String::new(), u64::from(health.circuit().open_until.is_some()))]
    });
}

/// The metrics of the workspace's leads, by segment, workflow and step.
fn lead_metrics(counts: &Counts, text: &mut String) {
    let mut family = |name: &str, help: &str, values: Vec<(String, i64)>| {
        let _ = writeln!(text, "# HELP cadenza_{name} {help}\n# TYPE cadenza_{name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "cadenza_{name}{labels} {value}");
        }
    };
    let segments = counts.segments.iter().map(|(segment, count)| (format!("{{segment=\"{segment}\"}}"), *count));
    let at = |state: &str, count: fn(&StepCounts) -> i64| -> Vec<(String, i64)> {
        let steps = counts.workflows.iter().flat_map(|of| of.steps.iter().map(move |step| (of, step)));
        let row = |(of, step): (&WorkflowCounts, &StepCounts)| {
            let (workflow, step_id) = (label(&of.workflow), label(&step.step));
            (format!("{{workflow=\"{workflow}\",step=\"{step_id}\",state=\"{state}\"}}"), count(step))
        };
        steps.map(row).collect()
    };
    let runs = [at("running", |step| step.runs), at("parked", |step| step.parked)].concat();
    let calls = counts.first_calls.iter().map(|of| (format!("{{within=\"{}\"}}", of.within), of.leads));
    family("leads", "Leads that are known.", vec![(String::new(), counts.leads)]);
    family("segment_leads", "Leads by segment.", segments.collect());
    family("step_runs", "Runs by workflow and step, all versions together; parked ones wait for a person.", runs);
    family("open_tasks", "Open tasks.", vec![(String::new(), counts.tasks)]);
    let help = "Leads that were called, by the business time they waited for the first call; each is in one class.";
    family("first_call_leads", help, calls.collect());
}

/// Escapes a text as the value of a Prometheus label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn health(api: &Shared, status: &'static str) -> Json<Health> {
    Json(Health { status, version: env!("CARGO_PKG_VERSION"), now: api.engine.clock().now() })
}

/// `GET /healthz`: the process responds.
pub(crate) async fn live(State(api): State<Shared>) -> Json<Health> {
    health(&api, "alive")
}

/// `GET /readyz`: recovery is done, requests are accepted, what was written can be read, and there is room for more.
pub(crate) async fn ready(State(api): State<Shared>) -> Result<Json<Health>, Problem> {
    if !api.engine.is_ready() {
        let detail = "the engine is draining: send this elsewhere, or later";
        return Err(Problem::new(Kind::Stopping, detail).retry_after_s(5));
    }
    api.engine.has_room()?;
    let read = tokio::time::timeout(READ_TIMEOUT, api.engine.can_read()).await;
    read.map_err(|_| Problem::new(Kind::Unavailable, "the data could not be read in time").retry_after_s(2))??;
    Ok(health(&api, "ready"))
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
    text.push_str(&family("cadenza_damaged_records_total", "counter", "Records that could not be read, by kind."));
    for (kind, count) in api.engine.damage().by_kind() {
        let _ = writeln!(text, "cadenza_damaged_records_total{{kind=\"{kind}\"}} {count}");
    }
    lead_metrics(&Counts::read(&counters, &api.engine.catalog()), &mut text);
    let nobodys = left_behind::length(&api.engine, &Assignee::Nobody, NOBODYS_COUNTED_MAX).await?;
    text.push_str(&family(
        "cadenza_tasks_of_nobody",
        "gauge",
        "Open tasks that nobody has: an operator gives them to somebody.",
    ));
    let _ = writeln!(text, "cadenza_tasks_of_nobody {nobodys}");
    plugin_metrics(&api, &mut text);
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}
