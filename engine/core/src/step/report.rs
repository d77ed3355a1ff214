//! What an event from outside does to the lead itself, before any run sees it.

use super::Machine;
use super::view::{CHANGED, OLD, changed};
use crate::account::AccountMessage;
use crate::ages::Ages;
use crate::country::Country;
use crate::effect::Effect;
use crate::event::{CHANNEL_OWN, EventType, RESULT_OWN, Report, StandardEvent, Standing};
use crate::field::{KEPT_FIELDS, Profile};
use crate::finding;
use crate::id::{AccountId, RunId};
use crate::identity::{self, IdentityKey, IdentityKind};
use crate::journal::{Change, Note};
use crate::lead::{Channel, Deal, Engagement, Lead, Outcome, Stage, Touch, TouchResult};
use crate::reading::Why;
use crate::state::{LeadState, RECENT_MAX, Recent};
use crate::time::Timestamp;
use crate::value::{Value, ValueType};
use crate::workflow::Whose;
use crate::workspace::Live;

/// The id and name of the account that an event makes a lead join, so that conditions evaluated
/// for the event can refer to it.
pub(crate) fn account_joined_by(report: &Report, state: &LeadState, live: &Live) -> Option<(AccountId, String)> {
    if state.lead.account.is_some() || report.only_finds {
        return None;
    }
    let new = state.seq == 0 && state.runs.is_empty();
    let known = &state.lead.profile;
    let (company, domain, email) = (known.company.clone(), known.domain.clone(), known.email.clone());
    // Only these fields say which account it is.
    let mut profile = Profile { company, domain, email, ..Profile::default() };
    // An identity field that is used only to find the lead is not set.
    let sets = |field: &str| new || report.brings_fields() || super::identity::kind_of(field).is_none();
    let says = |field: &str| finding::ACCOUNT_FIELDS.contains(&field) && sets(field);
    for (field, value) in report.fields.iter().filter(|(field, _)| says(field)) {
        // A value that does not fit is left out here, as it is when the event is handled.
        let _ = profile.set(field, value.clone(), &live.settings.fields);
    }
    finding::account(&profile)
}

/// The values with which an event tells which fields changed.
pub(super) fn updates(updated: &[(String, Value)]) -> impl Iterator<Item = (String, Value)> {
    let old = updated.iter().map(|(field, old)| (format!("{OLD}{field}"), old.clone()));
    [(CHANGED.to_owned(), changed(updated))].into_iter().chain(old)
}

/// Whose word a field's value is, which decides how old the value counts as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    /// A sender's value, as old as the event. If the sender's clock is ahead of ours, the value counts as of now.
    Sent(Timestamp),
    /// A person's value, from now on.
    Own,
    /// The value set by a workflow's run, from now on.
    Run(RunId),
}

impl<'a> Machine<'a> {
    pub(super) fn reported(&mut self, report: &'a Report) {
        self.report = Some(report);
        self.named = &report.fields;
        let new = self.state.seq == 0 && self.state.runs.is_empty();
        if new {
            self.notes.push(Note::Created { source: report.field_text("source").map(str::to_owned) });
            self.state.lead.ages = Ages::first(self.state.lead.created_at.since_ms(report.at));
        }
        self.notes.push(Note::Reported(report.kind.clone()));
        for left in &report.left_out {
            self.left_out(&left.field, left.why);
        }
        let alone = self.state.lead.account.is_none();
        let fields = self.fields_to_set(report, new);
        self.set_fields(&fields, Word::Sent(report.at));
        let joins = alone && self.state.lead.account.is_some();
        // Consent comes before anything that may enrol or contact the lead.
        if let Some(standing) = &report.standing {
            self.stand(standing, report);
        }
        self.take_in(report);
        self.tell_holds(&report.kind, joins);
        // Which workflows want the lead is determined before any run moves. Which of them the lead is already in is determined
        // once runs have left.
        let wanted = if report.enrolls { self.wanted(report) } else { Vec::new() };
        self.leave_runs_at(Some((report, Whose::Own)));
        self.remember(report, None);
        self.pass_on(report);
        self.then_walk(|machine| {
            machine.hear(report);
            for workflow in &wanted {
                machine.enroll_by_event(workflow, report);
            }
        });
    }

    pub(super) fn left_out(&mut self, field: &str, why: Why) {
        self.notes.push(Note::LeftOut { field: field.to_owned(), why });
    }

    /// Sets the given fields. A value that does not fit, or is older than what is known, is
    /// not set, and the journal says so.
    pub(super) fn set_fields(&mut self, fields: &[(String, Value)], word: Word) {
        self.lead_changed |= !fields.is_empty();
        self.dates_moved |= !fields.is_empty();
        let country = self.country(fields);
        for (field, value) in fields {
            let before = self.key_before(field);
            let taken = self.set_field(field, value, word, country);
            if let Some((kind, before)) = before.filter(|_| taken) {
                self.key_set(kind, before);
            }
        }
        if fields.iter().any(|(field, _)| field == "country") {
            self.number_gets_its_country();
        }
        // A field learnt later may say which company the lead belongs to.
        if self.state.lead.account.is_none() {
            self.join_account();
        }
    }

    /// Reads the number again once the lead's country is known. Until then it was kept as bare digits.
    fn number_gets_its_country(&mut self) {
        let country = self.country(&[]);
        let Some(kept) = self.state.lead.profile.phone.clone().filter(|number| !number.starts_with('+')) else {
            return;
        };
        if let Some(known) = identity::phone(&kept, country).filter(|known| *known != kept) {
            let before = self.state.lead.profile.get("phone");
            self.state.lead.profile.phone = Some(known.clone());
            let after = self.state.lead.profile.get("phone");
            self.changes.push(Change::new("phone", (before, after), None, self.notes.len()));
            let unreachable = self.state.lead.consent.unreachable.clone();
            self.key_set(IdentityKind::Phone, Some(kept.clone()));
            self.state.lead.consent.unreachable = unreachable;
            let [old, new] = [&kept, &known].map(|text| IdentityKey::kept(IdentityKind::Phone, text));
            self.rewritten(&old, &new);
        }
    }

    /// Sets one field, and says whether the field now holds the given value.
    fn set_field(&mut self, field: &str, value: &Value, word: Word, country: Option<Country>) -> bool {
        if let Word::Sent(at) = word
            && self.is_older(field, at, |lead| !lead.profile.get(field).is_blank())
        {
            // A sender that repeats what is known does not disagree, nor does another
            // source with its own id for the lead.
            let agrees = if field == IdentityKind::External.as_str() {
                self.id_besides(value)
            } else {
                self.state.lead.profile.get(field) == *value
            };
            if !agrees {
                self.left_out(field, Why::Older);
            }
            return false;
        }
        let kept = KEPT_FIELDS.iter().any(|info| info.name == field);
        let lead = &mut self.state.lead;
        let before = lead.profile.get(field);
        if kept || lead.profile.set_at(field, value.clone(), &self.cx.live.settings.fields, country).is_err() {
            self.notes.push(Note::NotSet { field: field.to_owned() });
            return false;
        }
        let at = match word {
            Word::Sent(at) => at.min(self.cx.now),
            Word::Own | Word::Run(_) => self.cx.now,
        };
        lead.ages.set(field, at, lead.created_at);
        let run = if let Word::Run(run) = word { Some(run) } else { None };
        let came_with_the_lead = matches!(word, Word::Sent(_)) && self.state.seq == 0;
        let after = self.state.lead.profile.get(field);
        if before != after && self.updated.iter().all(|(name, _)| name != field) {
            self.updated.push((field.to_owned(), before.clone()));
        }
        if before != after && !came_with_the_lead {
            self.changes.push(Change::new(field, (before, after), run, self.notes.len()));
        }
        true
    }

    /// Whether the value that a field holds dates from after `at`. `known` says whether the field holds a value at all.
    pub(super) fn is_older(&self, field: &str, at: Timestamp, known: impl Fn(&Lead) -> bool) -> bool {
        let lead = &self.state.lead;
        if lead.ages.all_before(lead.created_at, at) {
            return false;
        }
        lead.ages.since(field, known(lead), lead.created_at).is_some_and(|since| at < since)
    }

    /// Marks the channel's address as wrong: the channel is not used until there is a new address.
    pub(super) fn unreachable(&mut self, channel: Channel) {
        if !self.state.lead.consent.unreachable.contains(&channel) {
            self.state.lead.consent.unreachable.push(channel);
        }
    }

    fn join_account(&mut self) {
        if let Some((id, name)) = finding::account(&self.state.lead.profile) {
            self.state.lead.account = Some(id);
            self.effects.push(Effect::Account(id, AccountMessage::Join { name }));
        }
    }

    fn take_in(&mut self, report: &Report) {
        if let EventType::Standard(kind) = &report.kind {
            self.take_in_standard(report, *kind);
        }
        let told_before = report.standing.as_ref().is_some_and(Standing::opts_out);
        if report.opts_out() && !told_before {
            self.opt_out(&report.source, report.text("reason").map(str::to_owned));
        }
    }

    fn take_in_standard(&mut self, report: &Report, kind: StandardEvent) {
        match kind {
            StandardEvent::LeadEngaged => self.engaged(report, report.text("kind").unwrap_or("page")),
            StandardEvent::CallInbound => self.engaged(report, "call"),
            StandardEvent::EmailReplied => {
                self.reached_by_mail();
                self.engaged(report, "reply");
            }
            StandardEvent::EmailAutoReplied => self.reached_by_mail(),
            StandardEvent::MeetingAccepted => self.engaged(report, "meeting"),
            StandardEvent::CallCompleted => self.called_outside(report),
            StandardEvent::EmailBounced => self.bounced(report),
            StandardEvent::DealStageChanged => {
                self.deal(report).stage = report.text("stage").map(str::to_owned);
                self.deal_amount(report);
            }
            StandardEvent::DealWon => self.deal_closed(report, true),
            StandardEvent::DealLost => self.deal_closed(report, false),
            StandardEvent::LeadCreated
            | StandardEvent::LeadUpdated
            | StandardEvent::LeadOptedOut
            | StandardEvent::MeetingDeclined
            | StandardEvent::MeetingCancelled
            | StandardEvent::MeetingHeld
            | StandardEvent::MeetingNoShow
            | StandardEvent::TaskDone => {}
        }
    }

    fn engaged(&mut self, report: &Report, kind: &str) {
        if matches!(kind, "reply" | "call") {
            self.state.lead.said_at = self.state.lead.said_at.max(Some(report.at));
        }
        let detail = report.text("detail").unwrap_or_default().to_owned();
        self.state.lead.record_engagement(Engagement { at: report.at, kind: kind.to_owned(), detail });
    }

    fn called_outside(&mut self, report: &Report) {
        let outcome = report.text("outcome").and_then(Outcome::parse).unwrap_or(Outcome::Connected);
        let result = report.text("result").and_then(TouchResult::parse).filter(|result| result.counts_with(outcome));
        let callback_at = report.data.get("callback_at").cloned().and_then(|at| at.fit(ValueType::Time));
        if let Some(Value::Time(at)) = callback_at {
            self.agree_callback(at);
        }
        let by = report.text("by").map(|rep| crate::lead::RepId(rep.to_owned()));
        let word = |name: &str| report.text(name).map(str::to_owned);
        let touch = Touch {
            at: report.at,
            channel: Channel::Call,
            outcome,
            result,
            by,
            run: None,
            task: None,
            effect: None,
            result_own: word(RESULT_OWN).filter(|_| result.is_some()),
            channel_own: word(CHANNEL_OWN),
        };
        self.complete_touch(touch, false, None);
    }

    /// The deal that an event is about.
    fn deal(&mut self, report: &Report) -> &mut Deal {
        let (deal, let_go) = self.state.lead.deal_of(report.text("deal"));
        if let Some(Deal { id: Some(id), .. }) = let_go {
            self.notes.push(Note::DealLetGo(id));
        }
        deal
    }

    fn deal_amount(&mut self, report: &Report) {
        if let Some(Value::Number(amount)) = report.data.get("amount").cloned().and_then(|v| v.fit(ValueType::Number)) {
            self.deal(report).amount = Some(amount);
        }
    }

    fn deal_closed(&mut self, report: &Report, won: bool) {
        self.deal_amount(report);
        let deal = self.deal(report);
        deal.won = Some(won);
        deal.closed_at = Some(report.at);
        // A deal lifts neither an opt-out nor a disqualification.
        if self.is_suppressed() {
            self.notes.push(Note::StageKept(self.state.lead.stage));
        } else if !won && self.state.lead.all_deals().any(|deal| deal.won != Some(false)) {
            self.notes.push(Note::OtherDeals(self.state.lead.stage));
        } else {
            self.set_stage(if won { Stage::Customer.into() } else { Stage::Lost.into() });
        }
    }

    /// An event may end a hold: the lead's own is ended here, and the account is told so that it can
    /// end its own. An account that the lead joins with this very event hears only of later events,
    /// whether or not it was known already.
    fn tell_holds(&mut self, kind: &EventType, joins: bool) {
        if self.state.hold.take_if(|hold| hold.until_event.as_ref() == Some(kind)).is_some() {
            self.notes.push(Note::HoldOver { expired: false });
        }
        if let Some(account) = self.cx.account.filter(|_| !joins)
            && account.held
        {
            self.effects.push(Effect::Account(account.id, AccountMessage::Happened(kind.clone())));
        }
    }

    /// How many events of the entry being made are kept so far.
    pub(super) fn events_so_far(&self) -> u8 {
        let latest = self.state.recent.last().filter(|latest| latest.seq == self.state.seq + 1);
        latest.map_or(0, |latest| latest.nth.saturating_add(1))
    }

    /// Keeps the event for as long as a wait of some run may ask for it, so that waits cannot race.
    pub(super) fn remember(&mut self, report: &Report, by: Option<RunId>) {
        let asked_for = self.state.runs.iter().any(|run| {
            self.cx.definitions.get(&run.workflow).is_some_and(|definition| definition.waits_for(&report.kind))
        });
        if asked_for {
            if self.state.recent.len() >= RECENT_MAX {
                self.state.recent.remove(0);
            }
            let mut data = report.data.clone();
            if report.kind == EventType::Standard(StandardEvent::LeadUpdated) && !data.contains_key(CHANGED) {
                data.extend(updates(&self.updated));
            }
            let recent = Recent {
                nth: self.events_so_far(),
                by,
                seq: self.state.seq + 1,
                kind: report.kind.clone(),
                data,
                at: report.at,
                source: report.source.clone(),
            };
            self.state.recent.push(recent);
        } else if self.state.runs.is_empty() {
            self.state.recent.clear();
        }
    }
}
