//! Builds of plugins: made live or tried at once and for good; what came of watching those that are tried; and where
//! decisions lie, as long as that is remembered.

use super::Driver;
use super::batch::{After, Reply};
use crate::catalog::{Catalog, Documents};
use crate::damage::document;
use crate::decider::Watched;
use crate::engine::{Command, Refused};
use cadenza_builds::Registry;
use cadenza_builds::shadow::{Compared, Tally};
use cadenza_core::effect::Shadow;
use cadenza_core::event::{Answer, Event};
use cadenza_core::plugin::DecisionKind;
use cadenza_core::time::{DAY_MS, Timestamp};
use cadenza_store::{DocumentKey, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often tallies are written while builds are watched, in real time: a crash loses no more of them.
const TALLIES_EVERY: Duration = Duration::from_secs(1);
/// How often lists of decisions that are too old are looked for, in real time, and how many go at a time.
const FORGET_EVERY: Duration = Duration::from_secs(10);
/// How often as long as there are more: 12,800 lists a second, several times as many as batches are made.
const FORGET_MORE_EVERY: Duration = Duration::from_millis(20);
const FORGET_MAX: usize = 256;

/// What is remembered between batches.
pub(super) struct Watching {
    tallies: BTreeMap<String, Tally>,
    dirty: bool,
    written_at: Duration,
    forgotten_at: Duration,
    forgets_more: bool,
}

impl Watching {
    /// As the store has it.
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

impl Driver {
    /// Other builds are live or tried from the next transition on; calls under way are not disturbed.
    pub(super) fn change_plugins(
        &mut self,
        catalog: &Arc<Catalog>,
        documents: Documents,
        reply: oneshot::Sender<Result<(), Refused>>,
    ) {
        let catalog = Arc::new(catalog.with_brakes(self.parts.catalog.brakes.as_ref().clone()));
        self.begin_tallies_anew(&catalog);
        self.parts.decider.use_plugins(&catalog);
        self.parts.catalog = Arc::clone(&catalog);
        self.open.documents.extend(documents);
        self.open.after.push(After::Publish(catalog));
        self.open.replies.push(Reply::Done(reply));
    }

    /// Forgets what came of watching builds that are no longer tried, or are tried anew.
    fn begin_tallies_anew(&mut self, catalog: &Catalog) {
        let before = &self.parts.catalog.registry;
        let trial = |registry: &Registry, name: &str| {
            let versions = registry.get(name).filter(|versions| versions.candidate.is_some())?;
            Some(versions.trials)
        };
        let same = |name: &str| {
            let trial_now = trial(&catalog.registry, name);
            trial_now.is_some() && trial_now == trial(before, name)
        };
        self.watching.tallies.retain(|name, _| same(name));
        self.write_tallies();
    }

    fn write_tallies(&mut self) {
        let document = serde_json::to_vec(&self.watching.tallies).expect("counts and texts become JSON");
        self.open.documents.push((DocumentKey::Shadows, Some(document)));
        self.watching.dirty = false;
        self.watching.written_at = self.parts.clock.elapsed();
    }

    /// A pooled decision came back.
    pub(super) async fn answered(
        &mut self,
        answer: Answer,
        kind: DecisionKind,
        shadow: Option<Box<Shadow>>,
    ) -> Result<(), StoreError> {
        let lead = answer.run.lead();
        self.pool.leave(lead, &answer.plugin);
        self.next_timer = self.next_timer.min(self.parts.clock.now());
        self.watch(&answer, kind, shadow);
        let id = format!("decision/{}/{}", answer.run, answer.attempt);
        self.transition(lead, id, Event::Decided(answer)).await.map(|_| ())
    }

    /// Has the build asked that is only watched, once the decision itself is durable.
    pub(super) fn watch(&mut self, answer: &Answer, kind: DecisionKind, shadow: Option<Box<Shadow>>) {
        if let Some(shadow) = shadow {
            let watched = Watched { shadow: *shadow, kind, answer: answer.clone() };
            self.open.after.push(After::Watch(Box::new(watched)));
        }
    }

    /// The decision is durable: the watched build is asked, if it keeps up.
    pub(super) fn begin_watching(&mut self, watched: Watched) {
        let plugin = watched.answer.plugin.clone();
        let results = self.ends.results_to.clone();
        let taken = self.parts.decider.watch(watched, move |compared| {
            let _ = results.send(Command::Compared(Box::new(compared)));
        });
        if !taken {
            self.watching.tallies.entry(plugin).or_default().skipped += 1;
            self.watching.dirty = true;
        }
    }

    /// What a watched build would have decided.
    pub(super) fn compared(&mut self, compared: &Compared) {
        // One that was asked before the build was dropped or promoted says nothing any more.
        let tried = self.parts.catalog.plugins.candidate(&compared.plugin).map(|info| info.digest);
        if tried == Some(compared.shadow) {
            self.watching.tallies.entry(compared.plugin.clone()).or_default().add(compared);
            self.watching.dirty = true;
        }
    }

    /// Writes tallies now and then, and forgets where decisions lie that are too old.
    pub(super) async fn keep_watching(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let elapsed = self.parts.clock.elapsed();
        if self.watching.dirty && elapsed.saturating_sub(self.watching.written_at) >= TALLIES_EVERY {
            self.write_tallies();
        }
        if elapsed.saturating_sub(self.watching.forgotten_at) >= self.watching.forget_every() {
            let before = now.plus_ms(-i64::from(self.parts.options.decision_days_max) * DAY_MS);
            let old = self.parts.store.decisions(None, before, FORGET_MAX).await?;
            self.watching.forgets_more = old.len() == FORGET_MAX;
            self.open.forget_decisions.extend(old.into_iter().map(|(key, _)| key));
            self.watching.forgotten_at = self.parts.clock.elapsed();
        }
        Ok(())
    }
}
