//! Brakes. Setting and releasing one takes effect at once and is durable. After a release, the runs of its workflow stand still
//! until their leads are told, and held messages lie in the outbox until they are looked at. Both happen a batch's share at a
//! time, and a restart begins again.

use super::batch::After;
use super::desk::Desk;
use super::walks::Resuming;
use crate::brakes::{Brake, Brakes};
use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::gate::{self, Reason, Verdict};
use cadenza_core::heart::Found;
use cadenza_core::id::{EffectId, LeadId};
use cadenza_core::lead::Channel;
use cadenza_core::time::Timestamp;
use cadenza_store::{DocumentKey, Partitions, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The verdict on a row whose lead a person has paused.
const PAUSED: Verdict = Verdict::Held(Reason::Paused);

/// How far leads and held messages have been told of releases.
#[derive(Clone, Debug, Default)]
pub(super) struct Releasing {
    leads: Resuming,
    /// The last held row that was looked at; none when all have been.
    rows: Option<EffectId>,
    /// Leads that a person has resumed, whose held rows are looked at, each with the row to continue after.
    resumed: BTreeMap<LeadId, EffectId>,
    /// Releases that are not durable yet.
    pending: u32,
    /// The batch that carries rows that were held. No others are looked for before it has settled.
    released_in: Option<u64>,
}

impl Releasing {
    /// Where a start begins: with all held rows, since they may be held for no reason any more, and with leads if a release was
    /// under way.
    pub(super) fn begin(brakes: &Brakes) -> Self {
        Self { leads: Resuming::begin(brakes.releasing), rows: Some(EffectId(0)), ..Self::default() }
    }

    /// A release is durable: everybody is told, from the beginning.
    pub(super) fn go(&mut self, leads: bool) {
        if leads {
            self.leads = Resuming::begin(true);
            self.pending = self.pending.saturating_sub(1);
        }
        self.rows = Some(EffectId(0));
    }

    /// A person resumes a lead: the messages held for it are looked at, and nothing else.
    pub(super) fn go_of(&mut self, lead: LeadId) {
        self.resumed.insert(lead, EffectId(lead.0));
    }

    pub(super) fn settled(&mut self, batch: u64) {
        self.released_in.take_if(|number| *number <= batch);
    }

    /// Sets or releases a brake, in a batch of its own.
    pub(super) fn brake(&mut self, desk: &mut Desk, what: Brake, on: bool) {
        tracing::info!(?what, on, "brake");
        let mut brakes = desk.catalog.brakes.as_ref().clone();
        let leads = brakes.set(what, on, desk.clock.now());
        if !on {
            // Begins when this is durable; by then the store has every lead and row that stood still before it.
            self.pending += u32::from(leads);
            desk.open.after.push(After::Release { leads });
        }
        keep(desk, brakes);
    }

    /// When leads or rows are told next: at once while some are left.
    pub(super) fn next(&self, desk: &Desk) -> Timestamp {
        let is_over = self.leads.is_over() && self.rows.is_none() && self.resumed.is_empty();
        if is_over || desk.is_asking_much() || self.released_in.is_some() {
            Timestamp::MAX
        } else {
            Timestamp::from_ms(0)
        }
    }

    pub(super) async fn go_on(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        if self.next(desk) > now {
            return Ok(());
        }
        // If a lead cannot be read, the release stays noted, so that the next start looks at all leads again.
        if self.leads.go_on(desk, now).await? && self.pending == 0 && !misses_leads(desk) {
            let paused = desk.catalog.brakes.paused.clone();
            let brakes = Brakes { paused, ..Brakes::default() };
            keep(desk, brakes);
        }
        self.release_rows_of_leads(desk, now).await?;
        self.release_rows(desk, now).await
    }

    /// The rows of one lead are adjacent, since their ids begin with the lead's.
    async fn release_rows_of_leads(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        let limit = desk.options.firing_leads_max;
        for _ in 0..limit {
            let Some((lead, after)) = self.resumed.pop_first() else { break };
            let after = Some((Due::OnRelease, after));
            let page = desk.store.outbox(&Partitions::ALL, after, Due::OnRelease, limit).await?;
            if let Some(last) = page.last().filter(|last| page.len() == limit && last.lead == lead) {
                // More of its rows may follow than are looked at in one go.
                self.resumed.insert(lead, last.id);
            }
            for row in page.into_iter().take_while(|row| row.lead == lead) {
                if !desk.holds(&row) {
                    self.release_row(desk, row, now);
                }
            }
        }
        Ok(())
    }

    /// Until the store has the change, the row would be found among the held ones again and end up in the outbox twice.
    fn release_row(&mut self, desk: &mut Desk, row: Outgoing, now: Timestamp) {
        self.released_in = Some(desk.open.number);
        desk.put_off(Due::OnRelease, row, Due::At(now));
    }

    async fn release_rows(&mut self, desk: &mut Desk, now: Timestamp) -> Result<(), StoreError> {
        let Some(told) = self.rows else { return Ok(()) };
        let limit = desk.options.firing_leads_max;
        let page = desk.store.outbox(&Partitions::ALL, Some((Due::OnRelease, told)), Due::OnRelease, limit).await?;
        self.rows = page.last().filter(|_| page.len() == limit).map(|last| last.id);
        for row in page {
            if desk.holds(&row) {
                continue;
            }
            // A person holds this row too. If its lead is still paused, the row stays until the lead is resumed.
            let channel = row.message.touch().filter(|_| row.deferred == Some(PAUSED));
            let stays = match channel {
                Some(channel) => is_paused(desk, row.lead, channel, now).await?,
                None => false,
            };
            if !stays {
                self.release_row(desk, row, now);
            }
        }
        Ok(())
    }
}

/// Whether some lead cannot be read.
fn misses_leads(desk: &Desk) -> bool {
    desk.store.damage().list(0).iter().any(|damaged| damaged.kind == "lead")
}

/// Brings a changed set of brakes into force.
fn keep(desk: &mut Desk, brakes: Brakes) {
    let document = serde_json::to_vec(&brakes).expect("names become JSON");
    desk.open.documents.push((DocumentKey::Brakes, Some(document)));
    desk.catalog = Arc::new(desk.catalog.with_brakes(brakes));
    desk.open.after.push(After::Publish(Arc::clone(&desk.catalog)));
}

/// Whether the gate still says that a person has paused the lead's touches, and no stronger reason. For a lead that cannot be
/// read the answer is yes, since nobody knows.
async fn is_paused(desk: &mut Desk, lead: LeadId, channel: Channel, now: Timestamp) -> Result<bool, StoreError> {
    let settings = Arc::clone(&desk.catalog.live.settings);
    Ok(match desk.lead(lead).await? {
        Found::One(state) => gate::check(state, channel, &settings, now) == PAUSED,
        Found::Damaged(_) => true,
        Found::Nothing => false,
    })
}
