//! Keys and the leads that have them: whose an event is, what leads tell their keys, and what keys tell leads in turn.
//!
//! A key's record belongs to the key. Leads exchange closed messages with it (`IdentityMessage` there, `Event::Bound` and
//! `Event::KeyShared` back), folded into one commit since this driver owns every partition.

use super::Driver;
use cadenza_core::event::{Event, EventType, Report, StandardEvent};
use cadenza_core::finding::{Match, Named};
use cadenza_core::id::LeadId;
use cadenza_core::identity::{Identity, IdentityKey, IdentityKind, IdentityMessage, Why, first_key, needed_by};
use cadenza_core::journal::Note;
use cadenza_core::lead::Lead;
use cadenza_core::step::Transition;
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_store::StoreError;
use std::collections::VecDeque;

/// Of the leads that have a key, how many are looked at to tell whose an event is: those that got it last.
const LOOKED_AT_MAX: usize = 32;
/// Of the leads that have a key, how many are told that one more has it.
const SHARING_TOLD_MAX: usize = 8;

/// Whose event it is.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The lead of the strongest key that leads to a single one.
    pub(super) lead: Option<LeadId>,
    /// Several leads have what the event names, and it names nothing stronger: the one that was touched last.
    pub(super) one_of: Option<(LeadId, Note)>,
    /// For each key the leads that have it, those that got it last first.
    pub(super) holders: Vec<(IdentityKind, Vec<LeadId>)>,
    /// What binds the keys.
    pub(super) bound: Vec<Event>,
}

/// Those of a key's holders that an event may be about.
struct Matching {
    /// Those of the best match.
    best: Vec<LeadId>,
    /// How many have the key now, whether the event may be about them or not.
    have_it: usize,
    /// A holder that cannot be read: nobody knows whether the event is about it.
    unreadable: Option<StoreError>,
}

/// What a lead's transition has to tell other leads, once it is over.
pub(super) type ToOthers = Vec<(LeadId, Event)>;

impl Driver {
    /// The leads that the keys of an event lead to.
    pub(super) async fn find(&mut self, named: &Named<'_>, report: &Report) -> Result<Found, StoreError> {
        let mut found = Found::default();
        let (mut weaker_than_several, mut unreadable) = (true, None);
        let created = report.kind == EventType::Standard(StandardEvent::LeadCreated);
        for key in named.keys {
            self.load_identity(key).await?;
            self.find_by_older_rules(key, report).await?;
            let Some(identity) = self.set.identity(key) else { continue };
            let bound = |binding: &_| Event::Bound { key: key.clone(), binding: Clone::clone(binding) };
            found.bound.extend(identity.bindings.iter().map(bound));
            let holders: Vec<LeadId> = identity.holders.iter().rev().take(LOOKED_AT_MAX).copied().collect();
            let count = identity.holders.len();
            let Matching { best: matching, have_it, unreadable: one } = self.matching(named, key, &holders).await?;
            unreadable = unreadable.or(one);
            match matching[..] {
                // What several have is nobody's: who comes anew with it is another one.
                [_] if created && have_it > 1 && key.kind != IdentityKind::External => {}
                [] => weaker_than_several = false,
                [lead] => drop(found.lead.get_or_insert(lead)),
                _ if found.lead.is_none() && found.one_of.is_none() && weaker_than_several => {
                    let note = Note::OneOfSeveral { kind: key.kind, leads: u32::try_from(count).unwrap_or(u32::MAX) };
                    found.one_of = self.touched_last(&matching).map(|lead| (lead, note));
                }
                _ => {}
            }
            // An id is its source's: whoever has it from another one has nothing to do with this event.
            found.holders.push((key.kind, if key.kind == IdentityKind::External { matching } else { holders }));
        }
        match unreadable {
            // It is perhaps that lead's; who is somebody else by a stronger key needs its record not.
            Some(error) if found.lead.is_none() => Err(error),
            _ => Ok(found),
        }
    }

    /// Those of a key's holders that the event may be about: those of the best match.
    async fn matching(
        &mut self,
        named: &Named<'_>,
        key: &IdentityKey,
        holders: &[LeadId],
    ) -> Result<Matching, StoreError> {
        let (mut best, mut matching, mut have_it, mut unreadable) = (Match::Formerly, Vec::new(), 0, None);
        for holder in holders {
            match self.load_lead(*holder).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) if error.is_damage() => {
                    have_it += 1;
                    unreadable = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            }
            let Some(state) = self.set.lead(*holder) else { continue };
            have_it += usize::from(named.is_had_by(key, &state.lead));
            let found = named.matches(key, &state.lead);
            if found > best {
                (best, matching) = (found, Vec::new());
            }
            if found == best {
                matching.push(*holder);
            }
        }
        Ok(Matching { best: matching, have_it, unreadable })
    }

    /// The lead whose last touch was completed last, or which came last while there was none.
    fn touched_last(&self, leads: &[LeadId]) -> Option<LeadId> {
        let touched = |lead: &Lead| lead.touches.last().map_or(lead.created_at, |touch| touch.at);
        leads.iter().copied().max_by_key(|id| (self.set.lead(*id).map(|state| touched(&state.lead)), *id))
    }

    /// Sees to it that what is known of a key is in memory.
    async fn load_identity(&mut self, key: &IdentityKey) -> Result<(), StoreError> {
        if self.set.identity(key).is_none() {
            let known = self.parts.store.identity(key).await?;
            self.set.put_identity(key.clone(), known.unwrap_or_default());
        }
        Ok(())
    }

    /// While there are keys by older rules, a text may lead to a lead by them alone.
    async fn find_by_older_rules(&mut self, key: &IdentityKey, report: &Report) -> Result<(), StoreError> {
        if self.raising.is_over() || self.set.identity(key).is_some_and(|known| !known.holders.is_empty()) {
            return Ok(());
        }
        let old = report.field_text(key.kind.as_str()).and_then(|text| first_key(key.kind, text));
        let Some(old) = old else { return Ok(()) };
        if let Some(Identity { holders, .. }) = self.parts.store.identity(&old).await? {
            let now = self.parts.clock.now();
            for lead in holders {
                let number = self.open.number;
                self.set.change_identity(key, number, |known| known.tell(lead, IdentityMessage::Held, now));
            }
        }
        Ok(())
    }

    /// Whether everybody else who has a key is the same person as `lead`, or said the same that binds it.
    async fn is_of_one(&mut self, key: &IdentityKey, lead: &Lead, why: Why) -> Result<bool, StoreError> {
        let holders = self.set.identity(key).map_or(&[][..], |identity| &identity.holders);
        let others: Vec<LeadId> = holders.iter().copied().filter(|holder| *holder != lead.id).collect();
        if others.len() > LOOKED_AT_MAX {
            return Ok(false);
        }
        for other in others {
            match self.load_lead(other).await {
                Err(error) if error.is_damage() => return Ok(false),
                loaded => drop(loaded?),
            }
            let is_one = self.set.lead(other).is_none_or(|other| {
                let consent = &other.lead.consent;
                let same_word = consent.opted_out.is_some()
                    || consent
                        .refused
                        .iter()
                        .any(|channel| needed_by(*channel) == Some(key.kind) && why.binds(*channel));
                same_word || lead.is_one_with(&other.lead)
            });
            if !is_one {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tells a key something for a lead. What binds it goes to the lead among its next events; other leads that have it
    /// hear of it after this transition.
    pub(super) async fn tell_key(
        &mut self,
        lead: &Lead,
        key: IdentityKey,
        message: IdentityMessage,
        (transition, events, others): (&mut Transition, &mut VecDeque<Event>, &mut ToOthers),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match self.load_identity(&key).await {
            // It was noted when it was met; the lead is none the worse for it.
            Err(error) if error.is_damage() => return Ok(()),
            loaded => loaded?,
        }
        let message = match message {
            IdentityMessage::BindAlone(binding) if self.is_of_one(&key, lead, binding.why).await? => {
                IdentityMessage::Bind(binding)
            }
            message => message,
        };
        let asked = matches!(message, IdentityMessage::Bind(_));
        let lead = lead.id;
        let number = self.open.number;
        let Some(told) = self.set.change_identity(&key, number, |known| known.tell(lead, message, now)) else {
            return Ok(());
        };
        let bound = |binding| Event::Bound { key: key.clone(), binding };
        events.extend(told.to_speaker.into_iter().map(bound));
        let holders = self.set.identity(&key).map_or(&[][..], |identity| &identity.holders);
        let others_of = holders.iter().rev().filter(|holder| **holder != lead);
        // The same id in two systems says nothing.
        if let Some(with) = told.shared_with.filter(|_| key.kind != IdentityKind::External) {
            transition.note(Note::KeyShared { kind: key.kind, with });
            let shared = Event::KeyShared { kind: key.kind, with: lead };
            others.extend(others_of.clone().take(SHARING_TOLD_MAX).map(|holder| (*holder, shared.clone())));
        }
        if let Some(why) = told.released {
            let released = Event::Unbound { key: key.clone(), why };
            others.extend(others_of.clone().map(|holder| (*holder, released.clone())));
        }
        if let Some(binding) = told.to_others {
            // A lead that asks for it learns that it was done, unless it knows.
            events.extend(asked.then(|| bound(binding.clone())));
            others.extend(others_of.map(|holder| (*holder, bound(binding.clone()))));
        }
        Ok(())
    }

    /// Tells other leads what came of a transition. One that cannot be read is passed over.
    pub(super) async fn tell_others(
        &mut self,
        others: ToOthers,
        event_id: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (lead, event) in others {
            // Boxed since it ends up here again; what others are told leads to nothing that they would tell.
            let telling = Box::pin(self.transition_at(lead, event_id.to_owned(), event, now, Vec::new()));
            telling.await?;
        }
        Ok(())
    }

    /// Other leads that are the only ones to have what an opt-out names beside the lead's own fields.
    pub(super) async fn named_also(&mut self, report: &Report) -> Result<Vec<LeadId>, StoreError> {
        let mut leads = Vec::new();
        let country = report.country(self.parts.catalog.live.settings.country);
        for (field, text) in &report.also {
            let (Some(kind), Value::Text(text)) = (IdentityKind::parse(field), text) else { continue };
            let Some(key) = IdentityKey::of(kind, text, country) else { continue };
            self.load_identity(&key).await?;
            if let Some([lead]) = self.set.identity(&key).map(|identity| &identity.holders[..]) {
                leads.push(*lead);
            }
        }
        Ok(leads)
    }

    /// The keys an event names, strongest first.
    pub(super) fn keys(&self, report: &Report) -> Vec<IdentityKey> {
        let country = report.country(self.parts.catalog.live.settings.country);
        let kinds = [IdentityKind::External, IdentityKind::Email, IdentityKind::Phone];
        kinds.into_iter().filter_map(|kind| IdentityKey::of(kind, report.field_text(kind.as_str())?, country)).collect()
    }
}
