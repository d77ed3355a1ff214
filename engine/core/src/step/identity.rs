//! Who the lead is: how its keys change, and what binds the addresses and numbers that it has.
//!
//! A key's record belongs to the key (see [`crate::identity::Identity`]). What the lead tells a key leaves as an
//! effect. What other leads told it comes back as [`Event::Bound`](crate::event::Event::Bound).

use super::Machine;
use crate::country::Country;
use crate::effect::Effect;
use crate::event::Report;
use crate::finding::OPEN_SOURCE;
use crate::id::LeadId;
use crate::identity::{Binding, BoundKey, IdentityKey, IdentityKind, IdentityMessage, Why, needed_by};
use crate::journal::Note;
use crate::lead::{Channel, FORMER_MAX, Lead};
use crate::reading::Why as Reading;
use crate::value::Value;
use std::borrow::Cow;

/// How many bound keys a lead remembers. When there are more, keys that the lead no longer has are dropped first.
const BOUND_MAX: usize = 32;

/// For each channel that a lead can refuse: the kind of key that the refusal binds, and the reason.
const REFUSALS: [(Channel, IdentityKind, Why); 2] =
    [(Channel::Call, IdentityKind::Phone, Why::DoNotCall), (Channel::Email, IdentityKind::Email, Why::OptedOut)];

/// The kind of key that a field holds, or `None` for a field that is no key.
pub(super) fn kind_of(field: &str) -> Option<IdentityKind> {
    IdentityKind::parse(field)
}

impl<'a> Machine<'a> {
    /// The country for telephone numbers that name none: from these fields, else from the lead's
    /// profile, else the workspace's.
    pub(super) fn country(&self, fields: &[(String, Value)]) -> Option<Country> {
        let told = fields.iter().find_map(|(field, value)| match value {
            Value::Text(text) if field == "country" => Some(text.as_str()),
            _ => None,
        });
        // A country that cannot be read counts as none. Read with the workspace's country, a number at
        // least matches its other spellings.
        let told = told.or(self.state.lead.profile.country.as_deref()).and_then(Country::parse);
        told.or(self.cx.live.settings.country)
    }

    /// The fields that an event may set. Only an event that brings fields changes who a lead is. Any other event uses
    /// addresses and numbers only to find the lead, and may be out of date.
    pub(super) fn fields_to_set(&mut self, report: &'a Report, new: bool) -> Cow<'a, [(String, Value)]> {
        if report.only_finds {
            return Cow::Borrowed(&[]);
        }
        if new || report.brings_fields() || !report.fields.iter().any(|(field, _)| kind_of(field).is_some()) {
            return Cow::Borrowed(&report.fields);
        }
        for (kind, key) in self.keys_in(&report.fields) {
            let another = match kind {
                // Another source's id for the lead contradicts nothing.
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

    /// The keys that fields name, with `None` where the text is no key of that kind.
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

    pub(super) fn number(&self) -> Option<IdentityKey> {
        self.own_key(IdentityKind::Phone)
    }

    /// For a key field that is about to be set: its kind and the text that it holds now.
    pub(super) fn key_before(&self, field: &str) -> Option<(IdentityKind, Option<String>)> {
        let kind = kind_of(field)?;
        Some((kind, self.state.lead.text_of(kind).map(str::to_owned)))
    }

    /// Follows up a key field that was set. The old key becomes a former one, which still finds the lead.
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
        if kind == IdentityKind::Email {
            lead.consent.soft_bounces.clear();
        }
        if let Some(new) = new {
            lead.consent.unreachable.retain(|channel| needed_by(*channel) != Some(kind));
            let word = self.word_on(kind);
            self.tell_key(new.clone(), IdentityMessage::Held);
            // A refusal covers all the lead's addresses and numbers, those learnt later too.
            if let Some(binding) = word {
                self.tell_key(new, IdentityMessage::BindAlone(binding));
            }
        }
    }

    /// Keeps another source's id for the lead beside the lead's own, however old the event is, because it contradicts
    /// nothing. Returns false when that source already has a different id for the lead.
    pub(super) fn id_besides(&mut self, id: &Value) -> bool {
        let Value::Text(id) = id else { return false };
        let Some(source) = self.report.map(|report| report.source.as_str()) else { return false };
        let Some(key) = IdentityKey::of(IdentityKind::External, id, None) else { return false };
        match self.state.lead.external_id_of(source) {
            Some(known) => known == key.value,
            None => {
                self.state.lead.other_ids.insert(source.to_owned(), key.value.clone());
                self.lead_changed = true;
                self.tell_key(key, IdentityMessage::Held);
                true
            }
        }
    }

    /// Records that the lead's id is now the one of the event's source. The id of another source is kept beside it.
    /// Returns the id that was replaced.
    fn id_is_of_source(&mut self, old: Option<IdentityKey>, changed: bool) -> Option<IdentityKey> {
        let Some(source) = self.report.map(|report| report.source.as_str()) else { return old };
        let lead = &mut self.state.lead;
        let own = lead.external_source.as_deref().filter(|own| *own != source);
        match (own, old) {
            // A source that repeats an id does not take it from the system to which the id belongs.
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

    /// The lead's own word on being contacted, as a binding for its address or number.
    fn word_on(&self, kind: IdentityKind) -> Option<Binding> {
        let consent = &self.state.lead.consent;
        let own = Some(self.state.lead.id);
        let binding = |why| Binding { why, at: self.cx.now, by: String::new(), of: own };
        match &consent.opted_out {
            _ if kind == IdentityKind::External => None,
            Some(said) => Some(Binding { why: Why::OptedOut, at: said.at, by: said.by.clone(), of: None }),
            None => {
                let refused =
                    |(channel, of, _): &(Channel, IdentityKind, Why)| *of == kind && consent.refused.contains(channel);
                REFUSALS.into_iter().find(refused).map(|(.., why)| binding(why))
            }
        }
    }

    fn tell_key(&mut self, key: IdentityKey, message: IdentityMessage) {
        self.effects.push(Effect::Identity(key, message));
    }

    /// Records that a key of the lead is bound. The gate heeds it from now on.
    pub(super) fn bound(&mut self, key: &IdentityKey, binding: &Binding) {
        let known = |bound: &&mut BoundKey| bound.key == *key && bound.binding.why == binding.why;
        if let Some(known) = self.state.lead.consent.bound.iter_mut().find(known) {
            if binding.outlasts(&known.binding) {
                known.binding = binding.clone();
            }
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
        let binding = Binding { why, at: self.cx.now, by: by.to_owned(), of: None };
        self.bound(&key, &binding);
        self.tell_key(key, IdentityMessage::Bind(binding));
    }

    /// Handles mail that came back: binds the addresses that the event names, else the lead's own.
    pub(super) fn bounced(&mut self, report: &Report) {
        if report.is_soft_bounce() {
            let named = self.named(IdentityKind::Email);
            let is_own = named.is_empty() || self.own_key(IdentityKind::Email).is_some_and(|own| named.contains(&own));
            let at = report.at.min(self.cx.now);
            if !is_own || !self.state.lead.consent.soft_bounce(at) {
                return;
            }
        }
        self.rests(report, Channel::Email, Why::Bounced);
    }

    /// Mail reaches the lead, so what bounced before does not count any more.
    pub(super) fn reached_by_mail(&mut self) {
        self.state.lead.consent.soft_bounces.clear();
    }

    /// Handles a call that reached the wrong person: binds the numbers that a report from outside names, else the
    /// lead's own number as it was before the task's report changed it.
    pub(super) fn wrong_number(&mut self, by: &str) {
        match (self.report, self.dialled.take()) {
            (Some(report), _) => self.rests(report, Channel::Call, Why::WrongNumber),
            (None, Some(number)) => self.bind(number, Why::WrongNumber, by),
            (None, None) => self.unreachable(Channel::Call),
        }
    }

    /// Handles an event which says that an address or number does not reach the lead. If it names none, it means
    /// the lead's own, unless the lead has got another since. If it names one that cannot be read, it is not
    /// known which, and none is bound.
    fn rests(&mut self, report: &Report, channel: Channel, why: Why) {
        let Some(kind) = needed_by(channel) else { return };
        let field = kind.as_str();
        let named = self.named(kind);
        let unread = report.fields.iter().any(|(name, _)| name == field)
            || report.left_out.iter().any(|left| left.field.strip_prefix("data.").unwrap_or(&left.field) == field);
        if !named.is_empty() {
            named.into_iter().for_each(|key| self.bind(key, why, &report.source));
        } else if !unread {
            match self.own_key(kind) {
                Some(_) if self.is_older(field, report.at, |_| true) => self.left_out(field, Reading::Older),
                Some(own) => self.bind(own, why, &report.source),
                None => self.unreachable(channel),
            }
        }
    }

    /// The keys of this kind that the event or task report names.
    fn named(&self, kind: IdentityKind) -> Vec<IdentityKey> {
        let mut named = self.all_named();
        named.retain(|key| key.kind == kind);
        named
    }

    fn all_named(&self) -> Vec<IdentityKey> {
        let also = self.report.map_or(&[][..], |report| &report.also);
        let mut named = Vec::new();
        for (_, key) in self.keys_in(self.named).into_iter().chain(self.keys_in(also)) {
            named.extend(key.filter(|key| !named.contains(key)));
        }
        named
    }

    /// Binds every address and number that an opt-out names, on every lead that has them. The lead's own ones, former
    /// ones included, are bound unless another lead has them too.
    pub(super) fn bind_opted_out(&mut self, by: &str) {
        let binding = Binding { why: Why::OptedOut, at: self.cx.now, by: by.to_owned(), of: None };
        let named = self.all_named();
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

    /// Binds numbers that are not to be called and addresses that are not to be mailed, on every lead that has them. If
    /// the event names none, it means the lead's own, unless another lead has it too. `of` is the lead whose preference
    /// this is, and who may take it back.
    pub(super) fn bind_refused(&mut self, channels: &[Channel], by: &str, of: Option<LeadId>) {
        for (_, kind, why) in REFUSALS.into_iter().filter(|(channel, ..)| channels.contains(channel)) {
            let named = self.named(kind);
            let own = self.own_key(kind).filter(|_| named.is_empty());
            named.into_iter().for_each(|key| self.bind(key, why, by));
            if let Some(key) = own {
                let binding = Binding { why, at: self.cx.now, by: by.to_owned(), of };
                self.tell_key(key, IdentityMessage::BindAlone(binding));
            }
        }
    }

    /// Lets channels be used again: releases what the lead's own preference bound. What another reason binds
    /// stays bound, and a note says so.
    pub(super) fn release_refused(&mut self, channels: &[Channel]) {
        let own = self.state.lead.id;
        for (channel, kind, why) in REFUSALS.into_iter().filter(|(channel, ..)| channels.contains(channel)) {
            let bound = &self.state.lead.consent.bound;
            let by_preference =
                |bound: &&BoundKey| bound.key.kind == kind && bound.binding.why == why && bound.binding.of == Some(own);
            let keys: Vec<IdentityKey> = bound.iter().filter(by_preference).map(|bound| bound.key.clone()).collect();
            for key in keys {
                self.released(&key, why);
                self.tell_key(key, IdentityMessage::Release(why));
            }
            if let Some(why) = self.state.lead.bound_on(channel) {
                self.notes.push(Note::Bound { kind, why });
            }
        }
    }

    /// Records that a key of the lead is no longer bound for this reason.
    pub(super) fn released(&mut self, key: &IdentityKey, why: Why) {
        let bound = &mut self.state.lead.consent.bound;
        let count = bound.len();
        bound.retain(|bound| bound.key != *key || bound.binding.why != why);
        if bound.len() < count {
            self.lead_changed = true;
            self.notes.push(Note::Unbound { kind: key.kind, why });
        }
    }

    /// Handles a key of the lead that was made by older rules. The lead's keys are rewritten by today's rules, and each is told
    /// that the lead has it. The old key, rewritten, becomes a former one unless it is one of those.
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

    /// Carries bindings and the numbers of calls over to a key that means the same number as before but is written differently.
    pub(super) fn rewritten(&mut self, old: &IdentityKey, new: &IdentityKey) {
        let bound = self.state.lead.consent.bound.clone();
        for BoundKey { binding, .. } in bound.into_iter().filter(|bound| bound.key == *old) {
            if binding.why != Why::Crowded {
                self.bound(new, &binding);
                self.tell_key(new.clone(), IdentityMessage::Bind(binding));
            }
        }
        for task in self.state.tasks.iter_mut().chain(&mut self.state.given_up) {
            if task.number.as_ref() == Some(&old.value) {
                task.number = Some(new.value.clone());
            }
        }
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

    /// The lead's id in a source. An id whose source was never recorded counts for every source.
    pub fn external_id_of(&self, source: &str) -> Option<&str> {
        match &self.external_source {
            Some(own) if own != source => self.other_ids.get(source).map(String::as_str),
            _ => self.profile.external_id.as_deref(),
        }
    }

    /// The country in the lead's profile, when it can be read.
    pub fn country(&self) -> Option<Country> {
        self.profile.country.as_deref().and_then(Country::parse)
    }

    /// Whether two records may well be of one person: they have the same full name, or share an address or number that
    /// is personal, and no name contradicts it.
    pub fn is_one_with(&self, other: &Self) -> bool {
        let names = |lead: &Self| {
            let name = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_lowercase());
            (name(&lead.profile.first_name), name(&lead.profile.last_name))
        };
        let ((first, last), (other_first, other_last)) = (names(self), names(other));
        let differ = |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
        if differ(&first, &other_first) || differ(&last, &other_last) {
            return false;
        }
        let is_named = first.is_some() && last.is_some();
        let shares = |kind: IdentityKind| match (self.text_of(kind), other.text_of(kind)) {
            (Some(own), Some(theirs)) => own == theirs && IdentityKey::kept(kind, own).is_personal(),
            _ => false,
        };
        is_named && first == other_first && last == other_last
            || shares(IdentityKind::Email)
            || shares(IdentityKind::Phone)
    }

    /// What binds the address or number that a touch on this channel needs.
    pub fn bound_on(&self, channel: Channel) -> Option<Why> {
        let kind = needed_by(channel)?;
        let text = self.text_of(kind)?;
        self.bound_at(kind, text, channel)
    }

    /// What binds an address or number, in the form in which it is kept, for a touch on this channel.
    pub fn bound_at(&self, kind: IdentityKind, text: &str, channel: Channel) -> Option<Why> {
        let binds =
            |bound: &&BoundKey| bound.key.kind == kind && bound.key.value == text && bound.binding.why.binds(channel);
        self.consent.bound.iter().find(binds).map(|bound| bound.binding.why)
    }
}
