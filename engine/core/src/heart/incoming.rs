//! Events from outside: whether one is known already, and which lead it is about. After that it
//! is a transition like any other.

use super::keys::LOOKED_AT_MAX;
use super::overlay::Overlay;
use super::set::{Found, Key, WorkingSet};
use super::turn::drop_notes;
use super::{Rejected, Rules, Stop};
use crate::event::{Event, EventType, LeadCommand, Report, StandardEvent};
use crate::finding::{self, ACCOUNT_FIELDS, Match, Named};
use crate::id::{LeadId, hash64};
use crate::identity::{IdentityKey, IdentityKind, IdentityMessage, first_key};
use crate::journal::Note;
use crate::lead::Lead;
use crate::reading::{LeftOut, Why};
use crate::state::LeadState;
use crate::step::account_joined_by;
use crate::value::Value;
use crate::workspace::Live;
use minicbor::{Decode, Encode};
use std::collections::VecDeque;

/// An event from outside that is ready to be applied: checked against the workspace, its id qualified by its source.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// `source/sender's id`, by which an event is known again.
    pub id: String,
    /// A hash of the content. The same id with another hash is a conflict.
    pub content: u64,
    /// For senders that do not sign the id: another id, made of what they did sign. An event that comes again with it
    /// is the same event, whatever its id.
    pub signed: Option<String>,
    pub report: Report,
    /// The lead that the event names by our own id. Without it, a lead is found or created by the event's keys.
    pub lead: Option<LeadId>,
}

/// The reply to an event that was applied, now or earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The lead to which the event belongs.
    pub lead: LeadId,
    /// Whether the lead is new, because none was found.
    pub created: bool,
    /// Whether the event had been applied before.
    pub duplicate: bool,
    /// The fields that the event brought and that were not taken.
    pub left_out: Vec<LeftOut>,
}

/// The mark of an event from outside that has been applied. The same id again does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mark {
    /// The sender's id, with the source in front.
    #[n(0)]
    pub event: String,
    /// The day on which the event was applied, in days since 1970. Marks are kept and forgotten by the day.
    #[n(1)]
    pub day: u32,
    #[n(2)]
    pub lead: LeadId,
    /// A hash of the content as it was read, by which other content under the same id is noticed. `None` in
    /// marks of a program that hashed the body as it was sent: the two hashes cannot be compared, so such
    /// an event counts as a duplicate.
    #[n(3)]
    pub content: Option<u64>,
}

/// Which lead an event is about, and what is known before the event is handled.
struct Whose {
    lead: LeadId,
    is_new: bool,
    /// The event names nothing but keys that several leads have.
    only_finds: bool,
    /// Notes about what the events themselves do not say.
    notes: Vec<Note>,
    /// What binds the addresses and numbers that the event brings.
    bound: Vec<Event>,
    /// Other leads that an opt-out names. They opt out too.
    others: Vec<LeadId>,
}

/// The leads to which the keys of an event lead.
#[derive(Debug, Default)]
struct Led {
    /// The lead of the strongest key that leads to a single one.
    lead: Option<LeadId>,
    /// When several leads have what the event names, and it names nothing stronger: the one that was touched last.
    one_of: Option<(LeadId, Note)>,
    /// For each key, the leads that have it; those that got it last come first.
    holders: Vec<(IdentityKind, Vec<LeadId>)>,
    bound: Vec<Event>,
}

/// The holders of a key that an event may be about.
struct Matching {
    /// The holders that match best.
    best: Vec<LeadId>,
    /// How many leads have the key now, whether or not the event may be about them.
    have_it: usize,
    /// Why a holder's record cannot be read. Whether the event is about that lead is then unknown.
    unreadable: Option<String>,
}

impl Incoming {
    /// The keys that the event names, strongest first.
    pub fn keys(&self, live: &Live) -> Vec<IdentityKey> {
        let country = self.report.country(live.settings.country);
        let kinds = [IdentityKind::External, IdentityKind::Email, IdentityKind::Phone];
        let of = |kind: IdentityKind| IdentityKey::of(kind, self.report.field_text(kind.as_str())?, country);
        kinds.into_iter().filter_map(of).collect()
    }

    /// The keys that an opt-out names beside the lead's own fields.
    fn also_named(&self, live: &Live) -> impl Iterator<Item = IdentityKey> {
        let country = self.report.country(live.settings.country);
        self.report.also.iter().filter_map(move |(field, text)| match (IdentityKind::parse(field), text) {
            (Some(kind), Value::Text(text)) => IdentityKey::of(kind, text, country),
            _ => None,
        })
    }

    /// The key that older rules made of the text from which `key` was made.
    fn older_key(&self, key: &IdentityKey) -> Option<IdentityKey> {
        first_key(key.kind, self.report.field_text(key.kind.as_str())?)
    }

    /// Adds what the event leads to, as far as it can be foreseen: see [`super::Command::names`].
    pub(super) fn names(
        &self,
        keys: &[IdentityKey],
        round: u8,
        rules: Rules<'_>,
        set: &WorkingSet,
        unread: &mut impl FnMut(Key),
    ) {
        match round {
            0 => {
                std::iter::once(&self.id).chain(&self.signed).for_each(|id| unread(Key::Mark(id.clone())));
                keys.iter().for_each(|key| unread(Key::Identity(key.clone())));
                if self.report.opts_out() {
                    self.also_named(rules.live).for_each(|key| unread(Key::Identity(key)));
                }
                match self.lead {
                    Some(lead) => unread(Key::Lead(lead)),
                    // Assume that no lead is found, as for most events that name an account.
                    None => {
                        let [company, domain, email] = ACCOUNT_FIELDS.map(|field| self.report.field_text(field));
                        let account = finding::account_of(company, domain, email);
                        account.into_iter().for_each(|(account, _)| unread(Key::Account(account)));
                    }
                }
            }
            // A duplicate needs nothing else.
            _ if matches!(set.mark(&self.id), Some(Found::One(_))) => {}
            1 => {
                self.holders(keys, set).for_each(|lead| unread(Key::Lead(lead)));
                if self.report.opts_out() {
                    let also: Vec<IdentityKey> = self.also_named(rules.live).collect();
                    self.holders(&also, set).for_each(|lead| unread(Key::Lead(lead)));
                }
                for key in keys.iter().filter(|_| rules.older_keys) {
                    self.older_key(key).into_iter().for_each(|key| unread(Key::Identity(key)));
                }
            }
            2 => {
                for state in self.states(keys, set) {
                    match state.lead.account {
                        Some(account) => unread(Key::Account(account)),
                        None => self.account_joined(state, rules, unread),
                    }
                }
                self.own_keys(keys, rules, set).into_iter().for_each(|key| unread(Key::Identity(key)));
            }
            _ => {
                let own = self.own_keys(keys, rules, set);
                self.holders(&own, set).for_each(|lead| unread(Key::Lead(lead)));
            }
        }
    }

    /// The leads that the event may be about, as far as they were read and can be.
    fn states<'s>(&self, keys: &[IdentityKey], set: &'s WorkingSet) -> impl Iterator<Item = &'s LeadState> {
        self.holders(keys, set).chain(self.lead).filter_map(|lead| set.state(lead)).collect::<Vec<_>>().into_iter()
    }

    /// The leads' own keys, for an event that says something against an address or number: it may bind these.
    fn own_keys(&self, keys: &[IdentityKey], rules: Rules<'_>, set: &WorkingSet) -> Vec<IdentityKey> {
        if !self.report.is_against() {
            return Vec::new();
        }
        let country = rules.live.settings.country;
        let of = |state: &LeadState| finding::keys(&state.lead.profile, state.lead.country().or(country));
        self.states(keys, set).flat_map(of).collect()
    }

    /// The leads that have one of these keys; of each key the [`LOOKED_AT_MAX`] that got it last.
    fn holders(&self, keys: &[IdentityKey], set: &WorkingSet) -> impl Iterator<Item = LeadId> {
        let known = keys.iter().filter_map(|key| set.identity(key)?.one());
        known.flat_map(|known| known.holders.iter().rev().take(LOOKED_AT_MAX).copied())
    }

    fn account_joined(&self, state: &LeadState, rules: Rules<'_>, unread: &mut impl FnMut(Key)) {
        if let Some((account, _)) = account_joined_by(&self.report, state, rules.live) {
            unread(Key::Account(account));
        }
    }
}

impl Overlay<'_> {
    pub(super) fn report(&mut self, incoming: &Incoming, keys: &[IdentityKey]) -> Result<Accepted, Stop> {
        if let Some(mark) = self.known_delivery(incoming)? {
            return self.report_again(incoming, &mark);
        }
        let named = Named { keys, source: &incoming.report.source, country: self.rules.live.settings.country };
        let Whose { lead, is_new, only_finds, notes, bound, others } = self.whose(incoming, &named)?;
        if is_new {
            self.create(lead);
        }
        let Incoming { id, content, signed, report, .. } = incoming;
        let mut report = report.clone();
        report.only_finds = only_finds;
        let mut left_out = report.left_out.clone();
        if only_finds {
            let brought = report.fields.iter().filter(|(field, _)| IdentityKind::parse(field).is_none());
            left_out.extend(brought.map(|(field, value)| LeftOut::new(field, Why::Shared, Some(value))));
        }
        self.need_to_tell(&others)?;
        for other in others {
            let command = LeadCommand::OptOut { reason: report.text("reason").map(str::to_owned) };
            let opted_out = VecDeque::from([Event::Commanded { command, by: report.source.clone() }]);
            self.transition(other, id, opted_out, vec![Note::IdentityConflict(lead)], drop_notes)?;
        }
        let number = report.field_text("phone").map(|number| Value::Text(number.to_owned()));
        let events = bound.into_iter().chain([Event::Reported(report)]).collect();
        self.transition(lead, id, events, notes, |notes| add_left_out(&mut left_out, notes, number.as_ref()))?;
        for event in std::iter::once(id).chain(signed) {
            let (event, day) = (event.clone(), self.rules.now.day());
            self.changes.marks.push(Mark { event, day, lead, content: Some(*content) });
        }
        Ok(Accepted { lead, created: is_new, duplicate: false, left_out })
    }

    fn report_again(&mut self, incoming: &Incoming, mark: &Mark) -> Result<Accepted, Stop> {
        if mark.content.is_some_and(|content| content != incoming.content) {
            return Err(Rejected::Conflict { id: incoming.id.clone() }.into());
        }
        // A retry is signed anew. Its signed id is marked too, so that a captured copy of
        // it cannot pass as another event.
        if let Some(signed) = &incoming.signed
            && matches!(self.mark(signed)?, Found::Nothing)
        {
            let day = self.rules.now.day();
            self.changes.marks.push(Mark { event: signed.clone(), day, ..mark.clone() });
        }
        let left_out = incoming.report.left_out.clone();
        Ok(Accepted { lead: mark.lead, created: false, duplicate: true, left_out })
    }

    /// The mark of an event that was applied before: under its id, or under its signed id.
    fn known_delivery(&self, incoming: &Incoming) -> Result<Option<Mark>, Stop> {
        for id in std::iter::once(&incoming.id).chain(&incoming.signed) {
            match self.mark(id)? {
                Found::Nothing => {}
                Found::One(mark) => return Ok(Some(Mark::clone(mark))),
                // It is not known whether the event was applied.
                Found::Damaged(why) => return Err(Rejected::Damaged(why.to_string()).into()),
            }
        }
        Ok(None)
    }

    /// The lead that an event is about, or a new one when the event's keys lead to none.
    fn whose(&mut self, incoming: &Incoming, named: &Named<'_>) -> Result<Whose, Stop> {
        let Incoming { id, report, lead: given, .. } = incoming;
        if let Some(lead) = *given {
            self.readable(lead)?;
        }
        let found = self.find(incoming, named)?;
        let created = report.kind == EventType::Standard(StandardEvent::LeadCreated);
        let one_of = found.one_of.filter(|_| !created);
        let (lead, is_new, only_finds, note) = match (given.or(found.lead), one_of) {
            (Some(lead), _) => (lead, false, false, None),
            (None, Some((lead, note))) => (lead, false, true, Some(note)),
            (None, None) => {
                names_somebody(report, named.keys)?;
                (LeadId::new(self.rules.now, hash64(id.as_bytes())), true, false, None)
            }
        };
        let others = if report.opts_out() {
            self.opted_out_besides(incoming, &found.holders, lead, only_finds)?
        } else {
            Vec::new()
        };
        let mut strangers = found.holders;
        strangers.retain(|(_, holders)| !holders.contains(&lead));
        let conflict = strangers.iter().find_map(|(_, holders)| holders.first()).filter(|_| !is_new);
        let conflict = conflict.copied().map(Note::IdentityConflict);
        // The lead must know these before anything comes of the event that brings the key.
        let brings = is_new || report.brings_fields();
        let state = if is_new { None } else { self.state(lead)? };
        let known = state.map_or(&[][..], |state| &state.lead.consent.bound);
        let unknown = |event: &Event| match event {
            Event::Bound { key, binding } => {
                known.iter().all(|known| known.key != *key || known.binding.why != binding.why)
            }
            _ => false,
        };
        let bound = found.bound.into_iter().filter(|event| brings && unknown(event)).collect();
        Ok(Whose { lead, is_new, only_finds, notes: note.into_iter().chain(conflict).collect(), bound, others })
    }

    /// Other leads that an opt-out names: by keys that only one lead has, and beside the lead's own fields.
    fn opted_out_besides(
        &self,
        incoming: &Incoming,
        holders: &[(IdentityKind, Vec<LeadId>)],
        lead: LeadId,
        only_finds: bool,
    ) -> Result<Vec<LeadId>, Stop> {
        // An external id that several leads share may mean any of them, so all of them opt out. A shared address or
        // number needs no opt-out of its leads, because it is bound itself.
        let all = |kind: &IdentityKind, holders: &[LeadId]| {
            holders.len() == 1 || only_finds && *kind == IdentityKind::External
        };
        let named = holders.iter().filter(|(kind, holders)| all(kind, holders));
        let mut others: Vec<LeadId> = named.flat_map(|(_, holders)| holders.iter().copied()).collect();
        for key in incoming.also_named(self.rules.live) {
            let identity = self.readable_identity(&key)?;
            if let Some([lead]) = identity.one().map(|identity| &identity.holders[..]) {
                others.push(*lead);
            }
        }
        others.retain(|other| *other != lead);
        others.sort_unstable();
        others.dedup();
        Ok(others)
    }

    /// What is known of a key. A record that cannot be read rejects the command, which cannot go on without it.
    fn readable_identity(&self, key: &IdentityKey) -> Result<Found<crate::identity::Identity>, Stop> {
        match self.identity(key)? {
            Found::Damaged(why) => Err(Rejected::Damaged(why.to_string()).into()),
            found => Ok(found),
        }
    }

    /// Finds the leads to which the keys of an event lead.
    fn find(&mut self, incoming: &Incoming, named: &Named<'_>) -> Result<Led, Stop> {
        let mut found = Led::default();
        let (mut weaker_than_several, mut unreadable) = (true, None);
        let created = incoming.report.kind == EventType::Standard(StandardEvent::LeadCreated);
        for key in named.keys {
            self.find_by_older_rules(key, incoming)?;
            let identity = self.readable_identity(key)?;
            let (all, bindings) = identity.one().map_or((&[][..], &[][..]), |known| (&known.holders, &known.bindings));
            let bound = |binding: &_| Event::Bound { key: key.clone(), binding: Clone::clone(binding) };
            found.bound.extend(bindings.iter().map(bound));
            let holders: Vec<LeadId> = all.iter().rev().take(LOOKED_AT_MAX).copied().collect();
            let Matching { best: matching, have_it, unreadable: one } = self.matching(named, key, &holders)?;
            unreadable = unreadable.or(one);
            match matching[..] {
                // A key that several leads have identifies none of them: a new lead that
                // comes with it is another person.
                [_] if created && have_it > 1 && key.kind != IdentityKind::External => {}
                [] => weaker_than_several = false,
                [lead] => drop(found.lead.get_or_insert(lead)),
                _ if found.lead.is_none() && found.one_of.is_none() && weaker_than_several => {
                    let leads = u32::try_from(all.len()).unwrap_or(u32::MAX);
                    let note = Note::OneOfSeveral { kind: key.kind, leads };
                    found.one_of = self.touched_last(&matching)?.map(|lead| (lead, note));
                }
                _ => {}
            }
            // An external id belongs to its source. Leads that have it from another source have
            // nothing to do with this event.
            found.holders.push((key.kind, if key.kind == IdentityKind::External { matching } else { holders }));
        }
        match unreadable {
            // The event may be about that unreadable lead. If a key led to another lead, the record is not needed.
            Some(why) if found.lead.is_none() => Err(Rejected::Damaged(why).into()),
            _ => Ok(found),
        }
    }

    /// The holders of a key that match the event best.
    fn matching(&self, named: &Named<'_>, key: &IdentityKey, holders: &[LeadId]) -> Result<Matching, Stop> {
        self.need_leads(holders)?;
        let (mut best, mut matching, mut have_it, mut unreadable) = (Match::Formerly, Vec::new(), 0, None);
        for holder in holders {
            let state = match self.lead(*holder)? {
                Found::One(state) => state,
                Found::Nothing => continue,
                Found::Damaged(why) => {
                    have_it += 1;
                    unreadable = Some(why.to_string());
                    continue;
                }
            };
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

    /// The lead that was touched last. A lead without touches counts from its creation.
    fn touched_last(&self, leads: &[LeadId]) -> Result<Option<LeadId>, Stop> {
        let touched = |lead: &Lead| lead.touches.last().map_or(lead.created_at, |touch| touch.at);
        let mut last = None;
        for id in leads {
            last = last.max(self.state(*id)?.map(|state| (touched(&state.lead), *id)));
        }
        Ok(last.map(|(_, id)| id))
    }

    /// While older keys are still stored, a text may lead to a lead by its older key alone. Such
    /// a lead is added to the new key.
    fn find_by_older_rules(&mut self, key: &IdentityKey, incoming: &Incoming) -> Result<(), Stop> {
        let has_holders =
            |found: &Found<_>| found.one().is_some_and(|known: &crate::identity::Identity| !known.holders.is_empty());
        if !self.rules.older_keys || has_holders(&self.readable_identity(key)?) {
            return Ok(());
        }
        let Some(old) = incoming.older_key(key) else { return Ok(()) };
        let (found, now) = (self.readable_identity(&old)?, self.rules.now);
        for lead in found.one().map_or(&[][..], |known| &known.holders) {
            self.tell_identity(key, |known| known.tell(*lead, IdentityMessage::Held, now))?;
        }
        Ok(())
    }
}

/// Checks that an event which led to no lead names a person, so that a lead can be made of it.
fn names_somebody(report: &Report, keys: &[IdentityKey]) -> Result<(), Stop> {
    if keys.is_empty() {
        return Err(Rejected::NoIdentity(report.left_out.clone()).into());
    }
    // As bare digits, the number would bind no lead that gave it with its country.
    if report.is_against() && keys.iter().all(IdentityKey::is_without_country) {
        let number = report.field_text("phone").map(|number| Value::Text(number.to_owned()));
        let wanted = "nobody has these digits; send the number with its country (+49 30 …), or `country` beside it";
        let left = LeftOut::new("phone", Why::Unknown, number.as_ref()).wanting(wanted);
        return Err(Rejected::NoIdentity(vec![left]).into());
    }
    Ok(())
}

/// Adds what the lead did not take to what could not be read before. Whether `number` is a telephone
/// number depends on where the lead is.
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
