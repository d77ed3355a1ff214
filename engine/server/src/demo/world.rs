//! What everybody in the demo shares: the clock, the connection to the engine, the prospects, the tally, and the first
//! thing that went wrong.

use super::caller::Caller;
use super::prospect::Prospect;
use super::tally::Tally;
use cadenza_core::time::{MINUTE_MS, SECOND_MS, Timestamp};
use cadenza_runtime::engine::Engine;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The demo's world.
pub(super) struct World {
    /// The engine. Only its clock, its workspace and its counters are read directly; everything else goes over HTTP.
    pub(super) engine: Engine,
    /// Calls the engine over HTTP.
    pub(super) caller: Caller,
    /// A token that may bring events in.
    pub(super) ingest_token: String,
    /// When the demo ends, on the engine's clock.
    pub(super) ends: Timestamp,
    /// The person behind each lead, by mail address.
    pub(super) prospects: BTreeMap<String, Prospect>,
    pub(super) tally: Mutex<Tally>,
    pub(super) trouble: OnceLock<String>,
}

impl World {
    /// The engine's time.
    pub(super) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// Whether the demo is over, successfully or not.
    pub(super) fn is_over(&self) -> bool {
        self.now() >= self.ends || self.trouble.get().is_some()
    }

    /// Locks what was counted.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that something is wrong. The first such record ends the demo.
    pub(super) fn fail(&self, what: String) {
        let _ = self.trouble.set(what);
    }

    /// Waits until the engine's clock shows `at`, or the demo ends.
    pub(super) async fn sleep_until(&self, at: Timestamp) {
        if let Some(wait) = self.engine.clock().until(at.min(self.ends)) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits this many engine seconds.
    pub(super) async fn sleep_s(&self, seconds: u32) {
        self.sleep_until(self.now().plus_ms(i64::from(seconds) * SECOND_MS)).await;
    }

    /// Posts a lead's event this many engine minutes from now, unless the demo is over by then. `seen` counts it once
    /// the engine has accepted it.
    pub(super) fn later(
        self: &Arc<Self>,
        after_minutes: u32,
        event: Happening,
        seen: impl FnOnce(&mut Tally) + Send + 'static,
    ) {
        let (world, at) = (Arc::clone(self), self.now().plus_ms(i64::from(after_minutes) * MINUTE_MS));
        tokio::spawn(async move {
            world.sleep_until(at).await;
            if !world.is_over() && world.report(&event).await {
                seen(&mut world.tally());
            }
        });
    }

    /// Posts an event. Anything but 202 is trouble.
    async fn report(&self, event: &Happening) -> bool {
        let body = json!({"id": event.id, "type": event.kind, "lead": {"email": event.email}, "data": event.data});
        match self.caller.post(&self.ingest_token, "/v1/events", &body).await {
            Ok(answer) if answer.status.as_u16() == 202 => return true,
            Ok(answer) => self.fail(format!("the event {} was not taken: {}", event.id, answer.problem())),
            Err(error) => self.fail(format!("{error:#}")),
        }
        false
    }
}

/// Something a prospect does.
pub(super) struct Happening {
    /// The event's id. The same deed gives the same event.
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) email: String,
    pub(super) data: Value,
}

impl Happening {
    /// What the lead with this mail address does; `deed` distinguishes it from its other deeds.
    pub(super) fn new(email: &str, kind: &'static str, deed: &str, data: Value) -> Self {
        Self { id: format!("{kind}/{email}/{deed}"), kind, email: email.to_owned(), data }
    }
}
