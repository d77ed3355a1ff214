//! Keys and the leads that have them: what leads tell their keys, and what keys tell leads in turn.
//!
//! A key's record belongs to the key. Leads and keys exchange closed sets of messages: `IdentityMessage` one way,
//! `Event::Bound` and `Event::KeyShared` the other. Where one node holds both, the exchange is folded into one command.

use super::Stop;
use super::overlay::Overlay;
use super::set::Found;
use super::turn::Turn;
use crate::event::Event;
use crate::id::LeadId;
use crate::identity::{IdentityKey, IdentityKind, IdentityMessage, Why, needed_by};
use crate::journal::Note;
use crate::lead::Lead;

/// How many of the leads that have a key are looked at to find which of them an event is about: those that got it last.
pub(super) const LOOKED_AT_MAX: usize = 32;
/// How many of the leads that have a key are told that one more lead has it.
const SHARING_TOLD_MAX: usize = 8;

impl Overlay<'_> {
    /// Passes a lead's message on to a key. What binds the key is added to the lead's next events. Other leads that
    /// have the key are told after this transition.
    pub(super) fn tell_key(
        &mut self,
        turn: &mut Turn,
        lead: &Lead,
        key: IdentityKey,
        message: IdentityMessage,
    ) -> Result<(), Stop> {
        let message = match message {
            IdentityMessage::BindAlone(binding) if self.is_of_one(&key, lead, binding.why)? => {
                IdentityMessage::Bind(binding)
            }
            message => message,
        };
        let asked = matches!(message, IdentityMessage::Bind(_));
        let (lead, now) = (lead.id, self.rules.now);
        // Nothing is known of a key that cannot be read. The lead goes on without it.
        let Some((told, identity)) = self.tell_identity(&key, |known| known.tell(lead, message, now))? else {
            return Ok(());
        };
        let bound = |binding| Event::Bound { key: key.clone(), binding };
        turn.events.extend(told.to_speaker.into_iter().map(bound));
        let others_of = identity.holders.iter().rev().filter(|holder| **holder != lead);
        // The same external id in two systems means nothing.
        if let Some(with) = told.shared_with.filter(|_| key.kind != IdentityKind::External) {
            turn.transition.note(Note::KeyShared { kind: key.kind, with });
            let shared = Event::KeyShared { kind: key.kind, with: lead };
            turn.others.extend(others_of.clone().take(SHARING_TOLD_MAX).map(|holder| (*holder, shared.clone())));
        }
        if let Some(why) = told.released {
            let released = Event::Unbound { key: key.clone(), why };
            turn.others.extend(others_of.clone().map(|holder| (*holder, released.clone())));
        }
        if let Some(binding) = told.to_others {
            // The lead that asked is told too. The event changes nothing if it knows already.
            turn.events.extend(asked.then(|| bound(binding.clone())));
            turn.others.extend(others_of.map(|holder| (*holder, bound(binding.clone()))));
        }
        Ok(())
    }

    /// Whether every other lead that has a key is the same person as `lead`, or refused contact there just the same.
    fn is_of_one(&self, key: &IdentityKey, lead: &Lead, why: Why) -> Result<bool, Stop> {
        let identity = self.identity(key)?;
        let holders = identity.one().map_or(&[][..], |identity| &identity.holders);
        let others: Vec<LeadId> = holders.iter().copied().filter(|holder| *holder != lead.id).collect();
        if others.len() > LOOKED_AT_MAX {
            return Ok(false);
        }
        self.need_leads(&others)?;
        for other in others {
            let is_one = match self.lead(other)? {
                Found::Nothing => true,
                Found::Damaged(_) => false,
                Found::One(other) => {
                    let consent = &other.lead.consent;
                    let same_word = consent.opted_out.is_some()
                        || consent
                            .refused
                            .iter()
                            .any(|channel| needed_by(*channel) == Some(key.kind) && why.binds(*channel));
                    same_word || lead.is_one_with(&other.lead)
                }
            };
            if !is_one {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
