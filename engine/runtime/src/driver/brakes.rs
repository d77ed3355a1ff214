//! Brakes: set and released at once, for good. The runs of a workflow that is released stand still until their leads
//! are told, and held messages lie in the outbox until they are looked at again: a batch's share at a time; a restart
//! begins with that again.

use super::Driver;
use super::batch::{After, Reply};
use super::outbox::HELD;
use crate::brakes::{Brake, Brakes};
use crate::engine::Refused;
use cadenza_core::effect::Outgoing;
use cadenza_core::event::Event;
use cadenza_core::gate::{Reason, Verdict};
use cadenza_core::id::{EffectId, LeadId};
use cadenza_core::time::Timestamp;
use cadenza_store::{DocumentKey, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What is said of a row whose lead a person holds back.
const PAUSED: Verdict = Verdict::NotBefore { at: HELD, why: Reason::Paused };

/// How far leads and held messages have been told that something goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Releasing {
    /// The leads, as long as there are some that have not been told.
    leads: Option<Option<LeadId>>,
    /// The rows of the outbox that are held.
    rows: Option<EffectId>,
    /// Leads that a person let go on, whose own rows are looked at.
    resumed: BTreeSet<LeadId>,
    /// Releases that are not durable yet.
    pending: u32,
}

impl Releasing {
    /// What a store has to go on with: rows that may be held for no reason any more, and leads.
    pub(super) fn begin(brakes: &Brakes) -> Self {
        let leads = brakes.releasing.then_some(None);
        Self { leads, rows: Some(EffectId(0)), resumed: BTreeSet::new(), pending: 0 }
    }

    /// A release is durable: everybody is told, from the beginning.
    pub(super) fn go(&mut self, leads: bool) {
        if leads {
            self.leads = Some(None);
            self.pending = self.pending.saturating_sub(1);
        }
        self.rows = Some(EffectId(0));
    }

    /// Somebody lets a lead go on: what is held of it, and nothing else, is looked at.
    pub(super) fn go_of(&mut self, lead: LeadId) {
        self.resumed.insert(lead);
    }

    fn is_over(&self) -> bool {
        self.leads.is_none() && self.rows.is_none() && self.resumed.is_empty()
    }
}

impl Driver {
    pub(super) fn brake(&mut self, what: Brake, on: bool, reply: oneshot::Sender<Result<(), Refused>>) {
        tracing::info!(?what, on, "brake");
        let mut brakes = self.parts.catalog.brakes.as_ref().clone();
        let leads = brakes.set(what, on);
        if !on {
            // Begins when this is durable, and with it every lead and row that stood still before it.
            self.releasing.pending += u32::from(leads);
            self.open.after.push(After::Release { leads });
        }
        self.keep(brakes);
        self.open.replies.push(Reply::Done(reply));
    }

    fn keep(&mut self, brakes: Brakes) {
        let document = serde_json::to_vec(&brakes).expect("names become JSON");
        self.open.documents.push((DocumentKey::Brakes, Some(document)));
        self.parts.catalog = Arc::new(self.parts.catalog.with_brakes(brakes));
        self.open.after.push(After::Publish(Arc::clone(&self.parts.catalog)));
    }

    /// When somebody is next told: at once while there are some that have not been.
    pub(super) fn next_release(&self) -> Timestamp {
        if self.releasing.is_over() || self.is_asking_much() || self.released_in.is_some() {
            Timestamp::MAX
        } else {
            Timestamp::from_ms(0)
        }
    }

    pub(super) async fn release_further(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.next_release() > now {
            return Ok(());
        }
        self.release_leads(now).await?;
        self.release_rows_of_leads(now).await?;
        self.release_rows(now).await
    }

    /// The rows of one lead lie beside each other, since ids begin with that of the lead.
    async fn release_rows_of_leads(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let limit = self.parts.options.firing_leads_max;
        for _ in 0..limit {
            let Some(lead) = self.releasing.resumed.pop_first() else { break };
            let page = self.parts.store.outbox(Some((HELD, EffectId(lead.0))), HELD, limit).await?;
            for row in page.into_iter().take_while(|row| row.lead == lead) {
                if !self.holds(&row) {
                    self.release_row(row, now);
                }
            }
        }
        Ok(())
    }

    /// Until the store has it the row would be found among those that are held, and lie in the outbox twice.
    fn release_row(&mut self, row: Outgoing, now: Timestamp) {
        self.released_in = Some(self.open.number);
        self.put_off(HELD, row, now);
    }

    /// Whether a person holds a lead's touches back.
    async fn is_paused(&mut self, lead: LeadId) -> Result<bool, StoreError> {
        match self.load_lead(lead).await {
            Ok(_) => Ok(self.set.lead(lead).is_some_and(|state| state.lead.paused_at.is_some())),
            Err(error) if error.is_damage() => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn release_leads(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Some(told) = self.releasing.leads else { return Ok(()) };
        let limit = self.parts.options.firing_leads_max;
        let page = self.parts.store.leads(told, limit).await?;
        for stored in &page {
            let id = stored.lead.id;
            let state = self.set.lead(id).unwrap_or(stored);
            if state.runs.iter().any(|run| run.braked_at.is_some()) {
                self.transition_at(id, format!("release/{now}"), Event::Woken, now, Vec::new()).await?;
            }
        }
        self.releasing.leads = page.last().filter(|_| page.len() == limit).map(|last| Some(last.lead.id));
        if self.releasing.leads.is_none() && self.releasing.pending == 0 {
            self.keep(Brakes { releasing: false, ..self.parts.catalog.brakes.as_ref().clone() });
        }
        Ok(())
    }

    async fn release_rows(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Some(told) = self.releasing.rows else { return Ok(()) };
        let limit = self.parts.options.firing_leads_max;
        let page = self.parts.store.outbox(Some((HELD, told)), HELD, limit).await?;
        self.releasing.rows = page.last().filter(|_| page.len() == limit).map(|last| last.id);
        for row in page {
            if self.holds(&row) {
                continue;
            }
            if row.message.touch().is_none() || !self.is_paused(row.lead).await? {
                self.release_row(row, now);
            } else if row.deferred != Some(PAUSED) {
                // A person holds it too: that is told, and from then on it stays as it is until its lead goes on.
                self.defer(row, HELD, Reason::Paused).await?;
            }
        }
        Ok(())
    }
}
