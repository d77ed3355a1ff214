//! One transition of a lead: an event, the answers to what it asks for, and so on until nothing is left to answer.

use super::overlay::{Outside, Overlay, Unclear, Untold, Watched};
use super::put_off::PutOff;
use super::set::Found;
use super::{Decided, Stop};
use crate::account::AccountFacts;
use crate::assignment::{self, Memory};
use crate::effect::{AssignRequest, Effect, Question, Shadow};
use crate::event::{Answer, Asker, Event};
use crate::id::LeadId;
use crate::journal::Note;
use crate::lead::RepId;
use crate::plugin::DecisionKind;
use crate::state::LeadState;
use crate::step::{Context, Transition, account_joined_by};
use crate::workflow::{AssignBy, Sticky};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The most events in one transition, answers included. What is left is told to the lead in transitions of its own.
const EVENTS_MAX: usize = 512;

/// A transition under way.
pub(super) struct Turn {
    pub(super) transition: Transition,
    /// The events that are still to be handled.
    pub(super) events: VecDeque<Event>,
    /// What other leads are told once the transition is over.
    pub(super) others: Vec<(LeadId, Event)>,
}

/// For a transition of whose notes nothing is made.
pub(super) const fn drop_notes(_: &[Note]) {}

impl Overlay<'_> {
    /// Feeds a lead one event after another, along with the answers that they lead to. `also` holds notes that could not be made
    /// from the events. A lead that does not exist is skipped. For a lead that cannot be read the events are kept. Returns what
    /// `told` makes of the notes.
    pub(super) fn transition<T>(
        &mut self,
        id: LeadId,
        event_id: &str,
        events: VecDeque<Event>,
        also: Vec<Note>,
        told: impl FnOnce(&[Note]) -> T,
    ) -> Result<T, Stop> {
        let was_changed = self.changes.leads.contains_key(&id);
        let Some(mut lead) = self.take(id)? else {
            if let Found::Damaged(_) = self.lead(id)? {
                let untold = |event| Untold { lead: id, id: event_id.to_owned(), event };
                self.changes.untold.extend(events.into_iter().map(untold));
            }
            return Ok(told(&[]));
        };
        // The state is copied only where something else holds it too: the set as it was read, or a batch under way.
        let state = Arc::make_mut(&mut lead.state);
        let (seq_before, put_off) = (state.seq, PutOff::of(state, self.rules));
        let transition = Transition::begin(event_id.to_owned(), self.rules.now);
        let mut turn = Turn { transition, events, others: Vec::new() };
        also.into_iter().for_each(|note| turn.transition.note(note));
        self.feed(&mut turn, state)?;
        let Turn { transition, others, events: left } = turn;
        if !left.is_empty() {
            self.changes.cut_short.push(id);
            let untold = |event| Untold { lead: id, id: event_id.to_owned(), event };
            self.changes.untold.extend(left.into_iter().map(untold));
        }
        let (mut decides, mut unheard) = (false, 0);
        let (told, pushed_out) = transition.finish(state, |notes| {
            decides = notes.iter().any(|note| matches!(note, Note::Decided { .. }));
            unheard = notes.iter().filter(|note| matches!(note, Note::NobodyTold { .. })).count();
            told(notes)
        });
        let changed = state.seq != seq_before;
        let sooner = put_off.gone_in(&PutOff::of(state, self.rules));
        self.changes.sooner.extend(sooner.into_iter().map(|due| (id, due)));
        if changed && decides {
            self.changes.decided.push((id, state.seq));
        }
        self.changes.unheard.extend(std::iter::repeat_n(id, unheard));
        self.changes.transitions += usize::from(changed);
        lead.entries.extend(pushed_out);
        if changed || was_changed {
            self.changes.leads.insert(id, lead);
        }
        self.tell_others(others, event_id)?;
        Ok(told)
    }

    /// Tells other leads what came of a transition.
    pub(super) fn tell_others(&mut self, others: Vec<(LeadId, Event)>, event_id: &str) -> Result<(), Stop> {
        let leads: Vec<LeadId> = others.iter().map(|(lead, _)| *lead).collect();
        self.need_to_tell(&leads)?;
        for (lead, event) in others {
            // This ends: what a lead is told here never makes it tell others.
            self.transition(lead, event_id, VecDeque::from([event]), Vec::new(), drop_notes)?;
        }
        Ok(())
    }

    fn feed(&mut self, turn: &mut Turn, state: &mut LeadState) -> Result<(), Stop> {
        for _ in 0..EVENTS_MAX {
            let Some(event) = turn.events.pop_front() else { break };
            let account = self.account_at(&event, state)?;
            let context = Context {
                definitions: self.rules.definitions,
                live: self.rules.live,
                paused: self.rules.paused,
                account: account.as_ref(),
                now: self.rules.now,
            };
            for effect in turn.transition.feed(context, state, event) {
                match effect {
                    Effect::Identity(key, message) => self.tell_key(turn, &state.lead, key, message)?,
                    Effect::Decide(question) => turn.events.extend(self.ask(question)),
                    Effect::Assign(request) => turn.events.push_back(self.choose_owner(&request)?),
                    Effect::Send(row) => self.changes.outside.push(Outside::Send(Box::new(row))),
                    Effect::Depart(departure) => self.departure = Some(departure),
                    Effect::Unclear { workflow, cause } => {
                        let (lead, event) = (state.lead.id, turn.transition.event_id().to_owned());
                        self.changes.outside.push(Outside::Bury(Box::new(Unclear { lead, workflow, event, cause })));
                    }
                    Effect::Account(id, message) => {
                        let now = self.rules.now;
                        let unlisted = self.change_account(id, |account| account.tell(message, now))?;
                        self.changes.held.extend(unlisted.into_iter().map(|(lead, held)| (id, lead, held)));
                    }
                }
            }
        }
        Ok(())
    }

    /// What is known of the account while an event is handled. If conditions name the account, or other leads of it hear of the
    /// event, that includes the account which the event makes the lead join.
    fn account_at(&self, event: &Event, state: &LeadState) -> Result<Option<AccountFacts>, Stop> {
        let joined = match event {
            Event::Reported(report)
                if self.rules.asks_account || self.rules.definitions.hear_of_account(&report.kind) =>
            {
                account_joined_by(report, state, self.rules.live)
            }
            _ => None,
        };
        let Some((id, name)) = joined else { return self.facts(state.lead.account) };
        let known = self.facts(Some(id))?;
        Ok(Some(known.unwrap_or(AccountFacts { id, name, owner: None, held: false, crowded: false })))
    }

    fn ask(&mut self, mut question: Question) -> Option<Event> {
        let (run, asker, kind) = (question.run, question.asker, question.kind);
        let known = self.answers.iter().find(|known| known.answers(&question)).map(|known| known.answer.clone());
        let shadow = question.shadow.take();
        let decided = match known {
            Some(answer) => Decided::Now(answer),
            None => self.decide(question, shadow.as_deref()),
        };
        match decided {
            Decided::Now(answer) => {
                if let Some(shadow) = shadow {
                    let watched = Watched { shadow: *shadow, kind, answer: answer.clone() };
                    self.changes.outside.push(Outside::Watch(Box::new(watched)));
                }
                Some(Event::Decided(answer))
            }
            Decided::Asked(question) => {
                self.changes.outside.push(Outside::Ask(Box::new(Question { shadow, ..question })));
                None
            }
            Decided::Waits => {
                // Escalations have places of their own in the pool, and do not wait in the lead's record.
                let Asker::Step { attempt } = asker else { return None };
                Some(Event::PutOff { run, attempt })
            }
            Decided::PutOff => None,
        }
    }

    /// Asks for a decision. An answer is kept in case the command runs again.
    fn decide(&mut self, question: Question, shadow: Option<&Shadow>) -> Decided {
        let kind = question.kind;
        let decided = self.decide.decide(question);
        if let Decided::Now(answer) = &decided {
            self.answers.push(Known { kind, shadow: shadow.cloned(), answer: answer.clone() });
        }
        decided
    }

    fn choose_owner(&mut self, request: &AssignRequest) -> Result<Event, Stop> {
        let team = &self.rules.live.settings.team;
        let named = request.pool.iter().chain(&request.fallback);
        self.need_pools(named.filter(|name| team.pools.contains_key(*name)))?;
        let account_owner = match (request.sticky, request.account) {
            (Some(Sticky::Account), Some(id)) => self.account(id)?.and_then(|account| account.owner.clone()),
            _ => None,
        };
        let open_tasks = self.loads(self.who_counts(request))?;
        let (now, mut pools) = (self.rules.now, self.pools());
        let mut memory = Memory { pools: &mut pools, account_owner: account_owner.as_ref(), open_tasks: &open_tasks };
        let choice = assignment::choose(request, team, &mut memory, now);
        // This is remembered only where a choice depends on how much each rep has to do.
        if let Some(owner) = choice.owner.as_ref().filter(|_| !open_tasks.is_empty()) {
            self.changes.given.insert(request.run.lead(), owner.clone());
        }
        let (run, attempt) = (request.run, request.attempt);
        Ok(Event::Assigned { run, attempt, owner: choice.owner, how: choice.how })
    }

    /// The reps on whose load the choice depends.
    fn who_counts(&self, request: &AssignRequest) -> Vec<RepId> {
        let team = &self.rules.live.settings.team;
        let least = request.by == AssignBy::LeastLoaded;
        let reps = request.pool.iter().chain(&request.fallback).flat_map(|pool| team.members(pool));
        let counts = |rep: &&RepId| least || team.reps.get(rep).is_some_and(|rep| rep.open_tasks_max.is_some());
        let once: BTreeMap<&RepId, ()> = reps.filter(counts).map(|rep| (rep, ())).collect();
        once.into_keys().cloned().collect()
    }
}

/// An answer that a command has had, and those parts of the question that the answer does not repeat.
#[derive(Clone, Debug)]
pub struct Known {
    kind: DecisionKind,
    shadow: Option<Shadow>,
    answer: Answer,
}

impl Known {
    /// Whether this is the answer to a question that is the same in every respect.
    fn answers(&self, question: &Question) -> bool {
        let Question { run, asker, kind, plugin, digest, input, shadow } = question;
        let answer = &self.answer;
        self.kind == *kind
            && self.shadow.as_ref() == shadow.as_deref()
            && answer.run == *run
            && answer.asker == *asker
            && answer.plugin == *plugin
            && answer.digest == *digest
            && answer.input == *input
    }
}
