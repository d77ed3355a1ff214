//! The workspace at a glance: where leads are, how fast they were called, what the engine did, what needs a person.

use cadenza_builds::health::Health;
use cadenza_core::id::TaskId;
use cadenza_core::task::Assignee;
use cadenza_core::time::Timestamp;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::counts::Counts;
use cadenza_runtime::engine::{Engine, Refused};
use cadenza_runtime::meters::Meters;
use cadenza_store::QueueKey;
use serde::Serialize;
use std::collections::BTreeSet;

/// What needs a person is counted up to this number. Beyond that, it is enough to know that there are more.
const COUNTED_MAX: usize = 1_000;
/// Places of a queue read at once.
const PAGE: usize = 256;

/// The workspace at one moment.
#[derive(Debug, Serialize)]
pub struct StatusView {
    now: Timestamp,
    timezone: Option<String>,
    #[serde(flatten)]
    counts: Counts,
    decisions: DecisionsView,
    sendings: SendingsView,
    needs_a_person: NeedsView,
}

/// Decisions of plugins since the engine started.
#[derive(Debug, Serialize)]
struct DecisionsView {
    taken: u64,
    /// How many of these failed, so that the step's failure policy applied.
    failed: u64,
    /// Microseconds that a decision took on average; null before the first.
    mean_us: Option<u64>,
}

/// Messages since the engine started.
#[derive(Debug, Serialize)]
struct SendingsView {
    sent: u64,
    failed_attempts: u64,
}

/// What waits for somebody. Dead letters and tasks are counted up to 1,000.
#[derive(Debug, Serialize)]
struct NeedsView {
    /// Runs that are parked.
    parked: i64,
    dead_letters: usize,
    /// Open tasks assigned to nobody.
    tasks_of_nobody: usize,
    /// Open tasks that are late, whoever has them; includes escalations.
    overdue_tasks: usize,
    /// What a person paused, such as `workflow/inbound`, `plugin/inbound-fit` or `connection/mailer`.
    paused: BTreeSet<String>,
    /// Plugins that are not asked for a while because they failed repeatedly.
    failing_plugins: BTreeSet<String>,
}

impl StatusView {
    /// Takes the status as it is now.
    pub async fn take(engine: &Engine) -> Result<Self, Refused> {
        let catalog = engine.catalog();
        let counts = Counts::read(&engine.counters().await?, &catalog);
        let Meters { decisions_total, decisions_failed_total, decision_ns_total, .. } = engine.meters();
        let (taken, failed) = (decisions_total.get(), decisions_failed_total.get());
        let needs_a_person = NeedsView {
            parked: counts.parked(),
            dead_letters: dead_letters(engine).await?,
            tasks_of_nobody: engine.queue(Some(&Assignee::Nobody), None, COUNTED_MAX).await?.len(),
            overdue_tasks: overdue(engine, engine.clock().now()).await?,
            paused: catalog.brakes.names(),
            failing_plugins: failing(engine.health(), &catalog),
        };
        Ok(Self {
            now: engine.clock().now(),
            timezone: catalog.workspace.settings.calendar.zone().iana_name().map(str::to_owned),
            counts,
            decisions: DecisionsView {
                taken,
                failed,
                mean_us: decision_ns_total.get().checked_div(taken).map(|mean_ns| mean_ns / 1_000),
            },
            sendings: SendingsView {
                sent: engine.meters().sent_total.get(),
                failed_attempts: engine.meters().send_failures_total.get(),
            },
            needs_a_person,
        })
    }
}

/// Counts dead letters. Only a few are held at a time, because each has its body.
async fn dead_letters(engine: &Engine) -> Result<usize, Refused> {
    const AT_ONCE: usize = 8;
    let (mut count, mut after) = (0, None);
    while count < COUNTED_MAX {
        let page = engine.dead_letters(after, AT_ONCE).await?;
        count += page.len();
        after = page.last().map(|letter| letter.id);
        if page.len() < AT_ONCE {
            break;
        }
    }
    Ok(count.min(COUNTED_MAX))
}

/// Counts late tasks. Within its class a queue is in the order of due times, so no task after the first that
/// is not late is late either.
async fn overdue(engine: &Engine, now: Timestamp) -> Result<usize, Refused> {
    let (mut count, mut place) = (0, None);
    while count < COUNTED_MAX {
        let page = engine.queue(None, place.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        let in_time = page.iter().find(|key| key.due >= now);
        let end = |key: &QueueKey| QueueKey { due: Timestamp::MAX, task: TaskId(u128::MAX), ..key.clone() };
        let next = in_time.map_or_else(|| last.clone(), end);
        count += page.iter().take_while(|key| key.due < now).count();
        place = Some(next);
    }
    Ok(count.min(COUNTED_MAX))
}

fn failing(health: &Health, catalog: &Catalog) -> BTreeSet<String> {
    let open = catalog.plugins.all().filter(|info| health.of(info.digest).circuit().open_until.is_some());
    open.map(|info| info.name.clone()).collect()
}
