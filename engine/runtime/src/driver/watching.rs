//! Builds of plugins: promoted or tried, durably and at once; the tallies of candidates that are being watched; and the places of
//! decisions, as long as they are remembered.

use super::batch::After;
use super::desk::Desk;
use crate::catalog::{Catalog, Documents};
use crate::damage::document;
use crate::engine::Request;
use cadenza_builds::Registry;
use cadenza_builds::shadow::{Compared, Tally};
use cadenza_core::heart::Watched;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_store::{DocumentKey, Partitions, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often tallies are written while candidates are watched, in real time. A crash loses no more of them than this.
const TALLIES_EVERY: Duration = Duration::from_secs(1);
/// How often the lists of decisions that are too old are looked for, in real time.
const FORGET_EVERY: Duration = Duration::from_secs(10);
/// How often they are looked for while there are more: 12,800 lists a second, several times as many as batches are made.
const FORGET_MORE_EVERY: Duration = Duration::from_millis(20);
const FORGET_MAX: usize = 256;

pub(super) struct Watching {
    tallies: BTreeMap<String, Tally>,
    dirty: bool,
    written_at: Duration,
    forgotten_at: Duration,
    forgets_more: bool,
}

impl Watching {
    /// Reads what the store has.
    pub(super) async fn load(store: &dyn Store, elapsed: Duration) -> Result<Self, StoreError> {
        let tallies = document(store, &DocumentKey::Shadows).await?.unwrap_or_default();
        Ok(Self { tallies, dirty: false, written_at: elapsed, forgotten_at: elapsed, forgets_more: false })
    }

    /// How long until something is to be written, in real time.
    pub(super) fn sleep_max(&self) -> Duration {
        if self.dirty { TALLIES_EVERY.min(self.forget_every()) } else { self.forget_every() }
    }

    const fn forget_every(&self) -> Duration {
        if self.forgets_more { FORGET_MORE_EVERY } else { FORGET_EVERY }
    }
}

impl Watching {
    /// Puts other builds in force, from the next transition on. Calls under way are not disturbed.
    pub(super) fn change_plugins(&mut self, desk: &mut Desk, catalog: &Arc<Catalog>, documents: Documents) {
        let catalog = Arc::new(catalog.with_brakes(desk.catalog.brakes.as_ref().clone()));
        self.begin_anew(desk, &catalog);
        desk.put_in_force(Arc::clone(&catalog));
        desk.open.documents.extend(documents);
        desk.open.after.push(After::Publish(catalog));
    }

    /// Forgets the tallies of candidates that are no longer tried, or whose trial has begun again.
    fn begin_anew(&mut self, desk: &mut Desk, catalog: &Catalog) {
        let before = &desk.catalog.registry;
        let trial = |registry: &Registry, name: &str| {
            let versions = registry.get(name).filter(|versions| versions.candidate.is_some())?;
            Some(versions.trials)
        };
        let same = |name: &str| {
            let trial_now = trial(&catalog.registry, name);
            trial_now.is_some() && trial_now == trial(before, name)
        };
        self.tallies.retain(|name, _| same(name));
        self.write(desk);
    }

    fn write(&mut self, desk: &mut Desk) {
        let document = serde_json::to_vec(&self.tallies).expect("counts and texts become JSON");
        desk.open.documents.push((DocumentKey::Shadows, Some(document)));
        self.dirty = false;
        self.written_at = desk.clock.elapsed();
    }

    /// A decision is durable: the watched build is asked too, if it keeps up.
    pub(super) fn begin(&mut self, desk: &mut Desk, watched: Watched, results: mpsc::UnboundedSender<Request>) {
        let plugin = watched.answer.plugin.clone();
        let taken = desk.decider.watch(watched, move |compared| {
            let _ = results.send(Request::Compared(Box::new(compared)));
        });
        if !taken {
            self.tallies.entry(plugin).or_default().skipped += 1;
            self.dirty = true;
        }
    }

    /// Adds what a watched build would have decided.
    pub(super) fn compared(&mut self, desk: &Desk, compared: &Compared) {
        // An answer of a build that was dropped or promoted meanwhile no longer counts.
        let tried = desk.catalog.plugins.candidate(&compared.plugin).map(|info| info.digest);
        if tried == Some(compared.shadow) {
            self.tallies.entry(compared.plugin.clone()).or_default().add(compared);
            self.dirty = true;
        }
    }

    /// Writes tallies now and then, and forgets the places of decisions that are too old.
    pub(super) async fn keep(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        let elapsed = desk.clock.elapsed();
        if self.dirty && elapsed.saturating_sub(self.written_at) >= TALLIES_EVERY {
            self.write(desk);
        }
        if elapsed.saturating_sub(self.forgotten_at) >= self.forget_every() {
            let before = now.plus_ms(-i64::from(desk.options.decision_days_max) * DAY_MS);
            let old = desk.store.feed(&Partitions::ALL, None, before, FORGET_MAX).await?;
            self.forgets_more = old.len() == FORGET_MAX;
            desk.open.forget_feed.extend(old.into_iter().map(|(key, _)| key));
            self.forgotten_at = desk.clock.elapsed();
        }
        Ok(())
    }
}
