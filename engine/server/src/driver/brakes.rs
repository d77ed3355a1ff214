//! Brakes: set and released at once, for good. The runs of a workflow that is released stand still until their leads
//! are told, a batch's share at a time; a restart begins with that again.

use super::Driver;
use super::batch::{After, Reply};
use crate::brakes::{Brake, Brakes};
use crate::engine::Refused;
use cadenza_core::event::Event;
use cadenza_core::id::LeadId;
use cadenza_core::time::Timestamp;
use cadenza_store::{DocumentKey, StoreError};
use std::sync::Arc;
use tokio::sync::oneshot;

/// How far the leads have been told that a workflow goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Releasing {
    told: Option<LeadId>,
}

impl Driver {
    pub(super) fn brake(&mut self, what: Brake, on: bool, reply: oneshot::Sender<Result<(), Refused>>) {
        let mut brakes = self.parts.catalog.brakes.as_ref().clone();
        brakes.set(what, on);
        if brakes.releasing {
            // Begins when this is durable, and with it every lead that stood still before it.
            self.open.after.push(After::Release);
        }
        self.next_send = self.next_send.min(self.parts.clock.now());
        self.keep(brakes);
        self.open.replies.push(Reply::Done(reply));
    }

    fn keep(&mut self, brakes: Brakes) {
        let document = serde_json::to_vec(&brakes).expect("names become JSON");
        self.open.documents.push((DocumentKey::Brakes, Some(document)));
        self.parts.catalog = Arc::new(self.parts.catalog.with_brakes(brakes));
        self.open.after.push(After::Publish(Arc::clone(&self.parts.catalog)));
    }

    /// When leads are next told: at once while there are some that have not been.
    pub(super) const fn next_release(&self) -> Timestamp {
        if self.releasing.is_some() { Timestamp::from_ms(0) } else { Timestamp::MAX }
    }

    pub(super) async fn release_further(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Some(Releasing { told }) = self.releasing else { return Ok(()) };
        let limit = self.parts.options.firing_leads_max;
        let page = self.parts.store.leads(told, limit).await?;
        for stored in &page {
            let id = stored.lead.id;
            let state = self.set.lead(id).unwrap_or(stored);
            if state.runs.iter().any(|run| run.braked_at.is_some()) {
                self.transition_at(id, format!("release/{now}"), Event::Woken, now, Vec::new()).await?;
            }
        }
        self.releasing = page.last().filter(|_| page.len() == limit).map(|last| Releasing { told: Some(last.lead.id) });
        if self.releasing.is_none() {
            self.keep(Brakes { releasing: false, ..self.parts.catalog.brakes.as_ref().clone() });
        }
        Ok(())
    }
}
