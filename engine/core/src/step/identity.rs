//! Who the lead is: how its keys change, and what binds the addresses and numbers that it has.
//!
//! A key's record belongs to the key (see [`crate::identity::Identity`]): what the lead tells it leaves as an effect, and what
//! others told it comes back as [`Event::Bound`](crate::event::Event::Bound).

use super::Machine;
use crate::country::Country;
use crate::effect::Effect;
use crate::event::Report;
use crate::finding::OPEN_SOURCE;
use crate::identity::{Binding, BoundKey, IdentityKey, IdentityKind, IdentityMessage, Why, needed_by};
use crate::journal::Note;
use crate::lead::{Channel, FORMER_MAX, Lead};
use crate::value::Value;
use std::borrow::Cow;

/// How many bound keys a lead remembers; those that it no longer has give way first.
const BOUND_MAX: usize = 32;

/// The kind of key that a field is.
pub(super) fn kind_of(field: &str) -> Option<IdentityKind> {
    IdentityKind::parse(field)
}

impl<'a> Machine<'a> {
    /// Where telephone numbers of the lead are that do not say of which country: what these fields say comes first.
    pub(super) fn country(&self, fields: &[(String, Value)]) -> Option<Country> {
        let told = fields.iter().find_map(|(field, value)| match value {
            Value::Text(text) if field == "country" => Some(text.as_str()),
            _ => None,
        });
        // A country that is not understood is none: with ours a number is at least the same one as in another spelling.
        let told = told.or(self.state.lead.profile.country.as_deref()).and_then(Country::parse);
        told.or(self.cx.live.settings.country)
    }

    /// The fields that an event may set. Only what says that it brings fields changes who a lead is: anything else uses
    /// addresses and numbers to find it, and may be late.
    pub(super) fn fields_to_set(&mut self, report: &'a Report, new: bool) -> Cow<'a, [(String, Value)]> {
        if report.only_finds {
            return Cow::Borrowed(&[]);
        }
        if new || report.brings_fields() || !report.fields.iter().any(|(field, _)| kind_of(field).is_some()) {
            return Cow::Borrowed(&report.fields);
        }
        for (kind, key) in self.keys_in(&report.fields) {
            let another = match kind {
                // What another source calls the lead contradicts nothing.
                IdentityKind::External => {
                    let own = self.state.lead.external_id_of(&report.source);
                    own.is_some_and(|own| key.as_ref().is_none_or(|key| key.value != own))
                }
                IdentityKind::Email | IdentityKind::Phone => key != self.own_key(kind),
            };
            if another && !key.as_ref().is_some_and(|key| self.state.lead.former.contains(key)) {
                self.notes.push(Note::NotTaken(kind));
            }
        }
        report.fields.iter().filter(|(field, _)| kind_of(field).is_none()).cloned().collect()
    }

    /// The keys that fields name; none where the text is no such key.
    fn keys_in(&self, fields: &[(String, Value)]) -> Vec<(IdentityKind, Option<IdentityKey>)> {
        let country = self.country(fields);
        let named = fields.iter().filter_map(|(field, value)| match value {
            Value::Text(text) => Some((kind_of(field)?, text)),
            _ => None,
        });
        named.map(|(kind, text)| (kind, IdentityKey::of(kind, text, country))).collect()
    }

    fn own_key(&self, kind: IdentityKind) -> Option<IdentityKey> {
        IdentityKey::of(kind, self.state.lead.text_of(kind)?, self.country(&[]))
    }

    /// The number that a call reaches.
    pub(super) fn number(&self) -> Option<IdentityKey> {
        self.own_key(IdentityKind::Phone)
    }

    /// A field that is a key is about to be set: what it holds.
    pub(super) fn key_before(&self, field: &str) -> Option<(IdentityKind, Option<String>)> {
        let kind = kind_of(field)?;
        Some((kind, self.state.lead.text_of(kind).map(str::to_owned)))
    }

    /// It was set. The old key becomes a former one: it still finds the lead.
    pub(super) fn key_set(&mut self, kind: IdentityKind, before: Option<String>) {
        let changed = self.state.lead.text_of(kind) != before.as_deref();
        let mut old = before.filter(|_| changed).and_then(|text| IdentityKey::of(kind, &text, self.country(&[])));
        if kind == IdentityKind::External {
            old = self.id_is_of_source(old, changed);
        }
        if !changed {
            return;
        }
        let lead = &mut self.state.lead;
        let new = lead.text_of(kind).map(|text| IdentityKey::kept(kind, text));
        lead.former.retain(|key| Some(key) != new.as_ref());
        if let Some(old) = old.filter(|old| Some(old) != new.as_ref()) {
            lead.remember_former(old);
        }
        if let Some(new) = new {
            lead.consent.unreachable.retain(|channel| needed_by(*channel) != Some(kind));
            self.tell_key(new, IdentityMessage::Held);
        }
    }

    /// The lead's id is that of the event's source from now on. What another source calls the lead stays beside it; an id
    /// that is replaced is returned.
    fn id_is_of_source(&mut self, old: Option<IdentityKey>, changed: bool) -> Option<IdentityKey> {
        let Some(source) = self.report.map(|report| report.source.as_str()) else { return old };
        let lead = &mut self.state.lead;
        let own = lead.external_source.as_deref().filter(|own| *own != source);
        match (own, old) {
            // The same id through our own door does not take it away from the system that it is of.
            (Some(own), None) if !changed && own != OPEN_SOURCE => None,
            (Some(own), Some(old)) => {
                lead.other_ids.insert(own.to_owned(), old.value);
                lead.external_source = Some(source.to_owned());
                let before = lead.other_ids.remove(source).filter(|id| lead.profile.external_id.as_ref() != Some(id));
                before.and_then(|id| IdentityKey::of(IdentityKind::External, &id, None))
            }
            (_, old) => {
                lead.external_source = Some(source.to_owned());
                old
            }
        }
    }

    fn tell_key(&mut self, key: IdentityKey, message: IdentityMessage) {
        self.effects.push(Effect::Identity(key, message));
    }

    /// A key of the lead is bound: the gate asks for it from now on.
    pub(super) fn bound(&mut self, key: &IdentityKey, binding: &Binding) {
        let known = |bound: &BoundKey| bound.key == *key && bound.binding.why == binding.why;
        let consent = &self.state.lead.consent;
        // Nothing more is to be known of somebody who may not be contacted at all.
        let opted_out = consent.opted_out.is_some() && binding.why == Why::OptedOut;
        if opted_out || consent.bound.iter().any(known) {
            return;
        }
        let lead = &mut self.state.lead;
        if lead.consent.bound.len() >= BOUND_MAX {
            let own = |bound: &BoundKey| lead.text_of(bound.key.kind) == Some(bound.key.value.as_str());
            let oldest = lead.consent.bound.iter().position(|bound| !own(bound)).unwrap_or(0);
            lead.consent.bound.remove(oldest);
        }
        lead.consent.bound.push(BoundKey { key: key.clone(), binding: binding.clone() });
        self.lead_changed = true;
        self.notes.push(Note::Bound { kind: key.kind, why: binding.why });
    }

    /// Binds an address or number on every lead that has it.
    fn bind(&mut self, key: IdentityKey, why: Why, by: &str) {
        let binding = Binding { why, at: self.cx.now, by: by.to_owned() };
        self.bound(&key, &binding);
        self.tell_key(key, IdentityMessage::Bind(binding));
    }

    /// Mail to an address came back: to the one that the event names, else to the lead's own.
    pub(super) fn bounced(&mut self, report: &Report) {
        match self.named(IdentityKind::Email).or_else(|| self.own_key(IdentityKind::Email)) {
            Some(address) => self.bind(address, Why::Bounced, &report.source),
            None => self.unreachable(Channel::Email),
        }
    }

    /// Somebody else answered at the number that was called: the one that a report from outside names, else the lead's own,
    /// as it was before anything new was learnt in the call.
    pub(super) fn wrong_number(&mut self, by: &str) {
        let dialled = match self.report {
            Some(_) => self.named(IdentityKind::Phone).or_else(|| self.number()),
            None => self.dialled.take(),
        };
        match dialled {
            Some(number) => self.bind(number, Why::WrongNumber, by),
            None => self.unreachable(Channel::Call),
        }
    }

    /// The key of this kind that what is being handled names.
    pub(super) fn named(&self, kind: IdentityKind) -> Option<IdentityKey> {
        self.keys_in(self.named).into_iter().find_map(|(named, key)| key.filter(|_| named == kind))
    }

    /// An opt-out binds every address and number that it names, and those of the lead that nobody else has, former ones too.
    pub(super) fn bind_opted_out(&mut self, by: &str) {
        let binding = Binding { why: Why::OptedOut, at: self.cx.now, by: by.to_owned() };
        let mut named: Vec<IdentityKey> = self.keys_in(self.named).into_iter().filter_map(|(_, key)| key).collect();
        named.extend(self.named_in_data());
        let own = [IdentityKind::Email, IdentityKind::Phone].into_iter().filter_map(|kind| self.own_key(kind));
        let own: Vec<IdentityKey> = own.chain(self.state.lead.former.iter().cloned()).collect();
        let binds = |key: &IdentityKey| key.kind != IdentityKind::External;
        for key in named.iter().filter(|key| binds(key)) {
            self.tell_key(key.clone(), IdentityMessage::Bind(binding.clone()));
        }
        for key in own.into_iter().filter(|key| binds(key) && !named.contains(key)) {
            self.tell_key(key, IdentityMessage::BindAlone(binding.clone()));
        }
    }

    /// A number that is not to be called and an address that is not to be mailed are so on every lead that has them; where
    /// none is named, the lead's own, unless others have it too.
    pub(super) fn bind_refused(&mut self, channels: &[Channel], by: &str) {
        let binds = [
            (Channel::Call, IdentityKind::Phone, Why::DoNotCall),
            (Channel::Email, IdentityKind::Email, Why::OptedOut),
        ];
        for (_, kind, why) in binds.into_iter().filter(|(channel, ..)| channels.contains(channel)) {
            if let Some(key) = self.named(kind) {
                self.bind(key, why, by);
            } else if let Some(key) = self.own_key(kind) {
                let binding = Binding { why, at: self.cx.now, by: by.to_owned() };
                self.tell_key(key, IdentityMessage::BindAlone(binding));
            }
        }
    }

    /// Addresses and numbers that an opt-out names beside the lead: a call's report says which one was meant.
    fn named_in_data(&self) -> Vec<IdentityKey> {
        let Some(report) = self.report else { return Vec::new() };
        let country = self.country(&report.fields);
        let kinds = [IdentityKind::Email, IdentityKind::Phone].into_iter();
        kinds.filter_map(|kind| IdentityKey::of(kind, report.text(kind.as_str())?, country)).collect()
    }

    /// A key of the lead was made by older rules. What the lead has is kept by today's, and the keys that they make are told
    /// of it; the old one is one that it had, unless it is one of those.
    pub(super) fn raise_rules(&mut self, old: &IdentityKey) {
        let raised = IdentityKey::of(old.kind, &old.value, self.country(&[]));
        if let Some(key) = raised.filter(|key| self.own_key(old.kind).as_ref() != Some(key)) {
            self.tell_key(key.clone(), IdentityMessage::Held);
            self.state.lead.remember_former(key);
        }
        for kind in [IdentityKind::External, IdentityKind::Email, IdentityKind::Phone] {
            let Some(key) = self.own_key(kind) else { continue };
            self.state.lead.set_text_of(kind, key.value.clone());
            self.tell_key(key.clone(), IdentityMessage::Held);
            let rests = |channel| self.state.lead.consent.unreachable.contains(&channel);
            match kind {
                IdentityKind::Email if rests(Channel::Email) => {
                    self.raise_unreachable(key, Channel::Email, Why::Bounced)
                }
                IdentityKind::Phone if rests(Channel::Call) => {
                    self.raise_unreachable(key, Channel::Call, Why::WrongNumber)
                }
                _ => {}
            }
        }
        if let Some(opted_out) = self.state.lead.consent.opted_out.clone() {
            self.bind_opted_out(&opted_out.by);
        }
        self.notes.push(Note::RulesRaised);
    }

    fn raise_unreachable(&mut self, key: IdentityKey, channel: Channel, why: Why) {
        self.bind(key, why, "");
        self.state.lead.consent.unreachable.retain(|other| *other != channel);
    }
}

impl Lead {
    /// The text of the lead's key of this kind, as it is kept.
    pub fn text_of(&self, kind: IdentityKind) -> Option<&str> {
        match kind {
            IdentityKind::External => self.profile.external_id.as_deref(),
            IdentityKind::Email => self.profile.email.as_deref(),
            IdentityKind::Phone => self.profile.phone.as_deref(),
        }
    }

    fn remember_former(&mut self, key: IdentityKey) {
        if self.former.contains(&key) {
            return;
        }
        if self.former.len() >= FORMER_MAX {
            self.former.remove(0);
        }
        self.former.push(key);
    }

    fn set_text_of(&mut self, kind: IdentityKind, text: String) {
        match kind {
            IdentityKind::External => self.profile.external_id = Some(text),
            IdentityKind::Email => self.profile.email = Some(text),
            IdentityKind::Phone => self.profile.phone = Some(text),
        }
    }

    /// Its id in a source; one whose source was never told counts for each.
    pub fn external_id_of(&self, source: &str) -> Option<&str> {
        match &self.external_source {
            Some(own) if own != source => self.other_ids.get(source).map(String::as_str),
            _ => self.profile.external_id.as_deref(),
        }
    }

    /// The country that it gave, when it is one.
    pub fn country(&self) -> Option<Country> {
        self.profile.country.as_deref().and_then(Country::parse)
    }

    /// What binds the address or number that a touch on this way needs.
    pub fn bound_on(&self, channel: Channel) -> Option<Why> {
        let kind = needed_by(channel)?;
        let text = self.text_of(kind)?;
        let bound = self
            .consent
            .bound
            .iter()
            .find(|bound| bound.key.kind == kind && bound.key.value == text && bound.binding.why.binds(channel));
        bound.map(|bound| bound.binding.why)
    }
}
