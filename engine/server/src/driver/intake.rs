//! Events from outside: known already, whose lead, and then a transition like any other.

use super::Driver;
use super::batch::Reply;
use super::due::day;
use crate::engine::{Accepted, Incoming, Refused};
use cadenza_core::event::{Event, Report};
use cadenza_core::field::Profile;
use cadenza_core::id::{LeadId, hash64};
use cadenza_core::identity::{self, IdentityKey};
use cadenza_core::journal::Note;
use cadenza_store::{Mark, StoreError};
use tokio::sync::oneshot;

/// Whose event it is.
struct Found {
    /// The lead of the strongest key that leads to one.
    lead: Option<LeadId>,
    /// Keys that lead nowhere yet.
    new: Vec<IdentityKey>,
    /// A weaker key leads to another lead.
    conflict: Option<LeadId>,
}

impl Driver {
    pub(super) async fn report(
        &mut self,
        incoming: Incoming,
        reply: oneshot::Sender<Result<Accepted, Refused>>,
    ) -> Result<(), StoreError> {
        if let Some(refused) = self.no_space() {
            self.parts.meters.commands_refused_total.add(1);
            let _ = reply.send(Err(refused));
            return Ok(());
        }
        let now = self.parts.clock.now();
        if let Some(mark) = self.known_mark(&incoming.id, day(now)).await? {
            // The first one may still be on its way to the disk: this reply goes with a batch behind it.
            self.open.replies.push(if mark.content == incoming.content {
                self.parts.meters.events_duplicate_total.add(1);
                Reply::Accepted(reply, Accepted { lead: mark.lead, duplicate: true })
            } else {
                Reply::Refused(reply, Refused::Conflict { id: incoming.id })
            });
            return Ok(());
        }
        let keys = self.keys(&incoming.report);
        let found = self.find(&keys).await?;
        let there = match incoming.lead.or(found.lead) {
            None => false,
            Some(lead) => match self.load_lead(lead).await {
                Ok(there) => there,
                Err(error) if error.is_damage() => {
                    let _ = reply.send(Err(error.into()));
                    return Ok(());
                }
                Err(error) => return Err(error),
            },
        };
        let lead = match (incoming.lead, found.lead) {
            (Some(named), _) if there => named,
            (Some(named), _) => {
                let _ = reply.send(Err(Refused::NotFound { what: "lead", id: named.to_string() }));
                return Ok(());
            }
            (None, Some(known)) => known,
            (None, None) if found.new.is_empty() => {
                let _ = reply.send(Err(Refused::NoIdentity));
                return Ok(());
            }
            (None, None) => {
                let id = LeadId::new(now, hash64(incoming.id.as_bytes()));
                self.create_lead(id, now);
                id
            }
        };
        let conflict = found.conflict.filter(|other| *other != lead);
        let also = conflict.map(Note::IdentityConflict).into_iter().collect();
        let Incoming { id, content, report, .. } = incoming;
        self.transition_at(lead, id.clone(), Event::Reported(report), now, also).await?;
        let number = self.open.number;
        for key in found.new {
            self.set.add_identity(key, lead, number);
        }
        self.set.add_mark(Mark { event: id, day: day(now), lead, content }, number);
        self.open.touched = true;
        self.open.replies.push(Reply::Accepted(reply, Accepted { lead, duplicate: false }));
        self.parts.meters.events_applied_total.add(1);
        Ok(())
    }

    async fn known_mark(&self, event: &str, today: u32) -> Result<Option<Mark>, StoreError> {
        match self.set.mark(event) {
            Some(mark) => Ok(Some(mark.clone())),
            None => self.parts.store.mark(event, today).await,
        }
    }

    /// The keys an event names, strongest first.
    fn keys(&self, report: &Report) -> Vec<IdentityKey> {
        let mut named = Profile::default();
        for (field, value) in &report.fields {
            if matches!(field.as_str(), "external_id" | "email" | "phone") {
                // One that does not fit is no key; the transition journals it.
                let _ = named.set(field, value.clone(), &self.parts.catalog.live.settings.fields);
            }
        }
        identity::keys(&named)
    }

    async fn find(&self, keys: &[IdentityKey]) -> Result<Found, StoreError> {
        let mut found = Found { lead: None, new: Vec::new(), conflict: None };
        for key in keys {
            let lead = match self.set.identity(key) {
                Some(lead) => Some(lead),
                None => self.parts.store.identity(key).await?,
            };
            match (lead, found.lead) {
                (None, _) => found.new.push(key.clone()),
                (Some(lead), None) => found.lead = Some(lead),
                (Some(other), Some(lead)) if other != lead => found.conflict = Some(other),
                (Some(_), Some(_)) => {}
            }
        }
        Ok(found)
    }
}
