//! Events from outside: known already, whose lead, and then a transition like any other.

use super::Driver;
use super::batch::Reply;
use super::due::day;
use crate::engine::{Accepted, Incoming, Refused};
use cadenza_core::event::{Event, EventType, LeadCommand, StandardEvent};
use cadenza_core::finding::Named;
use cadenza_core::id::{LeadId, hash64};
use cadenza_core::identity::{IdentityKey, IdentityKind};
use cadenza_core::journal::Note;
use cadenza_core::reading::{LeftOut, Why};
use cadenza_core::value::Value;
use cadenza_store::{Mark, StoreError};
use tokio::sync::oneshot;

/// Whose event it is, and what is known before it is handled.
struct Whose {
    lead: LeadId,
    is_new: bool,
    /// It names nothing but what several leads have.
    only_finds: bool,
    /// What only the driver knows.
    notes: Vec<Note>,
    /// What binds the addresses and numbers that it brings.
    bound: Vec<Event>,
    /// Other leads that an opt-out names: it is theirs too.
    others: Vec<LeadId>,
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
        let known = match self.known_delivery(&incoming, day(now)).await {
            Ok(known) => known,
            // Nobody knows whether it was applied.
            Err(error) if error.is_damage() => {
                let _ = reply.send(Err(error.into()));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(mark) = known {
            // The first one may still be on its way to the disk: this reply goes with a batch behind it.
            self.open.replies.push(if mark.content.is_none_or(|content| content == incoming.content) {
                self.parts.meters.events_duplicate_total.add(1);
                // A retry is signed anew: what was captured of it must not count under another id either.
                if let Some(signed) = incoming.signed.filter(|signed| self.set.mark(signed).is_none()) {
                    let (number, today) = (self.open.number, day(now));
                    self.set.add_mark(Mark { event: signed, day: today, ..mark.clone() }, number);
                    self.open.touched = true;
                }
                let left_out = incoming.report.left_out;
                Reply::Accepted(reply, Accepted { lead: mark.lead, created: false, duplicate: true, left_out })
            } else {
                Reply::Refused(reply, Refused::Conflict { id: incoming.id })
            });
            return Ok(());
        }
        let keys = self.keys(&incoming.report);
        let country = self.parts.catalog.live.settings.country;
        let named = Named { keys: &keys, source: &incoming.report.source, country };
        let whose = match self.whose(&incoming, &named).await {
            Ok(whose) => whose,
            Err(error) if error.is_damage() => {
                let _ = reply.send(Err(error.into()));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let Whose { lead, is_new, only_finds, notes, bound, others } = match whose {
            Ok(whose) => whose,
            Err(refused) => {
                let _ = reply.send(Err(refused));
                return Ok(());
            }
        };
        if is_new {
            self.create_lead(lead, now);
        }
        let Incoming { id, content, signed, mut report, .. } = incoming;
        report.only_finds = only_finds;
        let mut left_out = report.left_out.clone();
        if only_finds {
            let brought = report.fields.iter().filter(|(field, _)| IdentityKind::parse(field).is_none());
            left_out.extend(brought.map(|(field, value)| LeftOut::new(field, Why::Shared, Some(value))));
        }
        for other in others {
            let command = LeadCommand::OptOut { reason: report.text("reason").map(str::to_owned) };
            let opted_out = Event::Commanded { command, by: report.source.clone() };
            self.transition_at(other, id.clone(), opted_out, now, vec![Note::IdentityConflict(lead)]).await?;
        }
        let number = report.field_text("phone").map(|number| Value::Text(number.to_owned()));
        let events = bound.into_iter().chain([Event::Reported(report)]).collect();
        let notes = self.transition_of(lead, id.clone(), events, now, notes).await?;
        add_left_out(&mut left_out, &notes, number.as_ref());
        let number = self.open.number;
        for event in std::iter::once(id).chain(signed) {
            self.set.add_mark(Mark { event, day: day(now), lead, content: Some(content) }, number);
        }
        self.open.touched = true;
        self.open.replies.push(Reply::Accepted(reply, Accepted { lead, created: is_new, duplicate: false, left_out }));
        self.parts.meters.events_applied_total.add(1);
        Ok(())
    }

    /// The mark of an event that was applied: under its id, or under another when that is not signed.
    async fn known_delivery(&self, incoming: &Incoming, today: u32) -> Result<Option<Mark>, StoreError> {
        match (self.known_mark(&incoming.id, today).await?, &incoming.signed) {
            (None, Some(signed)) => self.known_mark(signed, today).await,
            (known, _) => Ok(known),
        }
    }

    async fn known_mark(&self, event: &str, today: u32) -> Result<Option<Mark>, StoreError> {
        match self.set.mark(event) {
            Some(mark) => Ok(Some(mark.clone())),
            None => self.parts.store.mark(event, today).await,
        }
    }

    /// The lead that an event is about; a new one when what it names leads to none.
    async fn whose(&mut self, incoming: &Incoming, named: &Named<'_>) -> Result<Result<Whose, Refused>, StoreError> {
        let Incoming { id, report, lead: given, .. } = incoming;
        if let Some(lead) = *given
            && !self.load_lead(lead).await?
        {
            return Ok(Err(Refused::NotFound { what: "lead", id: lead.to_string() }));
        }
        let found = self.find(named, report).await?;
        let created = report.kind == EventType::Standard(StandardEvent::LeadCreated);
        let one_of = found.one_of.filter(|_| !created);
        let (lead, is_new, only_finds, note) = match (given.or(found.lead), one_of) {
            (Some(lead), _) => (lead, false, false, None),
            (None, Some((lead, note))) => (lead, false, true, Some(note)),
            (None, None) if named.keys.is_empty() => return Ok(Err(Refused::NoIdentity(report.left_out.clone()))),
            // Kept as its digits it would bind nobody who gave it with its country.
            (None, None) if report.is_against() && named.keys.iter().all(IdentityKey::is_without_country) => {
                let number = report.field_text("phone").map(|number| Value::Text(number.to_owned()));
                let left = LeftOut::new("phone", Why::Unknown, number.as_ref());
                let wanted =
                    "nobody has these digits; send the number with its country (+49 30 …), or `country` beside it";
                return Ok(Err(Refused::NoIdentity(vec![left.wanting(wanted)])));
            }
            (None, None) => (LeadId::new(self.parts.clock.now(), hash64(id.as_bytes())), true, false, None),
        };
        let mut others = Vec::new();
        if report.opts_out() {
            // An id that several sources use may be each one's; an address or number is bound, whoever has it.
            let all = |kind: &IdentityKind, holders: &[LeadId]| {
                holders.len() == 1 || only_finds && *kind == IdentityKind::External
            };
            let named = found.holders.iter().filter(|(kind, holders)| all(kind, holders));
            others.extend(named.flat_map(|(_, holders)| holders.iter().copied()));
            others.extend(self.named_also(report).await?);
            others.retain(|other| *other != lead);
            others.sort_unstable();
            others.dedup();
        }
        let mut strangers = found.holders;
        strangers.retain(|(_, holders)| !holders.contains(&lead));
        let conflict = strangers.iter().find_map(|(_, holders)| holders.first()).filter(|_| !is_new);
        let conflict = conflict.copied().map(Note::IdentityConflict);
        // Known before anything comes of the event that brings the key.
        let brings = is_new || report.brings_fields();
        let known = self.set.lead(lead).map_or(&[][..], |state| &state.lead.consent.bound);
        let unknown = |event: &Event| match event {
            Event::Bound { key, binding } => {
                known.iter().all(|known| known.key != *key || known.binding.why != binding.why)
            }
            _ => false,
        };
        let bound = found.bound.into_iter().filter(|event| brings && unknown(event)).collect();
        Ok(Ok(Whose { lead, is_new, only_finds, notes: note.into_iter().chain(conflict).collect(), bound, others }))
    }
}

/// What the lead did not take, besides what could not be read before. Whether `number` is one depends on where the lead is.
fn add_left_out(left_out: &mut Vec<LeftOut>, notes: &[Note], number: Option<&Value>) {
    for note in notes {
        let left = match note {
            Note::LeftOut { field, why } => LeftOut::new(field, *why, None),
            Note::NotSet { field } if field == "phone" => {
                LeftOut::new(field, Why::Form, number).wanting("a telephone number where the lead is")
            }
            Note::NotSet { field } => LeftOut::new(field, Why::Form, None),
            Note::NotTaken(kind) => LeftOut::new(kind.as_str(), Why::Finds, None),
            _ => continue,
        };
        if !left_out.iter().any(|known| known.field == left.field) {
            left_out.push(left);
        }
    }
}
