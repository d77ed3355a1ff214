//! One transition of a lead: the event, and the answers to what it asks, until all is quiet.

use super::Driver;
use super::batch::After;
use super::identities::ToOthers;
use super::pool::Place;
use cadenza_core::account::{Account, AccountFacts};
use cadenza_core::assignment::{self, Memory};
use cadenza_core::effect::{AssignRequest, Effect};
use cadenza_core::event::Event;
use cadenza_core::id::{AccountId, LeadId};
use cadenza_core::journal::Note;
use cadenza_core::state::LeadState;
use cadenza_core::step::{Context, Transition, account_joined_by};
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::Sticky;
use cadenza_store::{DecisionRef, OutboxWrite, StoreError, UnlessDamaged as _};
use std::collections::VecDeque;
use std::sync::Arc;

/// The most events of one transition, answers included: a workflow that asks and asks without waiting goes on when its
/// decisions are asked again, not now.
const EVENTS_MAX: usize = 512;

impl Driver {
    /// Sees to it that a lead is in memory; false when there is none.
    pub(super) async fn load_lead(&mut self, id: LeadId) -> Result<bool, StoreError> {
        if self.set.lead(id).is_some() {
            return Ok(true);
        }
        let Some(state) = self.parts.store.lead(id).await? else { return Ok(false) };
        self.set.put_lead(state, false);
        Ok(true)
    }

    /// Puts a new lead into memory.
    pub(super) fn create_lead(&mut self, id: LeadId, now: Timestamp) {
        self.set.put_lead(LeadState::new(id, now), true);
    }

    /// Handles an event of a lead; one that does not exist is passed over.
    pub(super) async fn transition(
        &mut self,
        id: LeadId,
        event_id: String,
        event: Event,
    ) -> Result<Vec<Note>, StoreError> {
        self.transition_at(id, event_id, event, self.parts.clock.now(), Vec::new()).await
    }

    /// The same at a given time, with notes that only the driver could make.
    pub(super) async fn transition_at(
        &mut self,
        id: LeadId,
        event_id: String,
        event: Event,
        now: Timestamp,
        also: Vec<Note>,
    ) -> Result<Vec<Note>, StoreError> {
        self.transition_of(id, event_id, VecDeque::from([event]), now, also).await
    }

    /// The same for several events, one after the other.
    pub(super) async fn transition_of(
        &mut self,
        id: LeadId,
        event_id: String,
        mut events: VecDeque<Event>,
        now: Timestamp,
        also: Vec<Note>,
    ) -> Result<Vec<Note>, StoreError> {
        // One that cannot be read is passed over like one that is not there: it was noted when it was met.
        self.load_lead(id).await.or_else(|error| if error.is_damage() { Ok(false) } else { Err(error) })?;
        let Some(mut lead) = self.set.take_lead(id) else { return Ok(Vec::new()) };
        let catalog = Arc::clone(&self.parts.catalog);
        // Copied only while a batch that writes it is still under way.
        let state = Arc::make_mut(&mut lead.state);
        let seq_before = state.seq;
        let mut others = ToOthers::new();
        let mut transition = Transition::begin(event_id.clone(), now);
        also.into_iter().for_each(|note| transition.note(note));
        let mut handled = 0;
        while let Some(event) = events.pop_front() {
            let account = match catalog.asks_account.then(|| account_joined_by(&event, state, &catalog.live)).flatten()
            {
                Some((id, name)) => {
                    let known = self.facts(Some(id)).await?;
                    Some(known.unwrap_or(AccountFacts { id, name, owner: None, held: false }))
                }
                None => self.facts(state.lead.account).await?,
            };
            let context = Context {
                definitions: &catalog.definitions,
                live: &catalog.live,
                paused: &catalog.brakes.paused,
                account: account.as_ref(),
                now,
            };
            for effect in transition.feed(context, state, event) {
                match effect {
                    Effect::Identity(key, message) => {
                        self.tell_key(&state.lead, key, message, (&mut transition, &mut events, &mut others), now)
                            .await?;
                    }
                    effect => events.extend(self.answer(effect, now).await?),
                }
            }
            handled += 1;
            if handled == EVENTS_MAX {
                tracing::error!(lead = %id, "a workflow asks without waiting; it goes on when its decisions are asked again");
                break;
            }
        }
        let (notes, pushed_out) = transition.finish(state);
        let changed = state.seq != seq_before;
        if let Some(due) = state.next_due() {
            self.next_timer = self.next_timer.min(due);
        }
        if changed && notes.iter().any(|note| matches!(note, Note::Decided { .. })) {
            self.open.decisions.push(DecisionRef { lead: id, seq: state.seq });
        }
        let unheard = notes.iter().filter(|note| matches!(note, Note::NobodyTold { .. })).count();
        if unheard > 0 {
            self.parts.meters.escalations_unheard_total.add(unheard as u64);
            tracing::warn!(lead = %id, "something is overdue, and nobody could be told of it: see the tasks of nobody");
        }
        let number = changed.then_some(self.open.number);
        self.open.touched |= changed;
        self.open.events += usize::from(changed);
        lead.entries.extend(pushed_out);
        self.set.return_lead(lead, number);
        self.tell_others(others, &event_id, now).await?;
        Ok(notes)
    }

    /// What is known of the lead's account.
    pub(super) async fn facts(&mut self, account: Option<AccountId>) -> Result<Option<AccountFacts>, StoreError> {
        let Some(id) = account else { return Ok(None) };
        self.load_account(id).await?;
        Ok(self.set.account(id).filter(|account| !account.name.is_empty()).map(Account::facts))
    }

    /// Sees to it that an account is in memory. One that cannot be read stays out of it: its leads go on as if they had none,
    /// and nothing is written over it.
    pub(super) async fn load_account(&mut self, id: AccountId) -> Result<(), StoreError> {
        if self.set.account(id).is_none() {
            match self.parts.store.account(id).await {
                Ok(account) => {
                    self.set.put_account(account.unwrap_or_else(|| Account::new(id, String::new())));
                }
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Does what a transition asks (but for what it tells keys, see [`Driver::tell_key`]), or puts it where it is done later; an answer that is there at once is returned.
    async fn answer(&mut self, effect: Effect, now: Timestamp) -> Result<Option<Event>, StoreError> {
        match effect {
            Effect::Decide(question) => {
                if self.parts.decider.is_inline(&question) {
                    let (kind, mut question) = (question.kind, question);
                    let shadow = question.shadow.take();
                    let answer = self.parts.decider.ask_inline(question);
                    self.watch(&answer, kind, shadow);
                    return Ok(Some(Event::Decided(answer)));
                }
                let (run, attempt) = (question.run, question.attempt);
                let place = self.pool.take(&question, self.open.number);
                if place == Place::Free {
                    self.open.after.push(After::Ask(Box::new(question)));
                    return Ok(None);
                }
                self.parts.meters.decisions_put_off_total.add(1);
                Ok((place == Place::Waits).then_some(Event::PutOff { run, attempt }))
            }
            Effect::Assign(request) => self.choose_owner(&request, now).await.map(Some),
            Effect::Send(row) => {
                self.open.place(&row.via, row.due);
                self.open.outbox.push(OutboxWrite::Put(row));
                Ok(None)
            }
            Effect::Identity(..) => Ok(None),
            Effect::Account(id, message) => {
                self.load_account(id).await?;
                let unlisted = self.set.change_account(id, self.open.number, |account| account.tell(message, now));
                self.open.held.extend(unlisted.into_iter().flatten().map(|lead| (id, lead, true)));
                if let Some(due) = self.set.account(id).and_then(Account::next_due) {
                    self.next_timer = self.next_timer.min(due);
                }
                Ok(None)
            }
        }
    }

    async fn choose_owner(&mut self, request: &AssignRequest, now: Timestamp) -> Result<Event, StoreError> {
        for pool in request.pool.iter().chain(&request.fallback) {
            if !self.set.has_pool(pool) && self.parts.catalog.live.settings.team.pools.contains_key(pool) {
                // What cannot be read is begun anew: a pool forgets whose turn it was, and nothing else.
                let state = self.parts.store.pool(pool).await.unless_damaged()?.unwrap_or_default();
                self.set.pools().insert(pool.clone(), state);
            }
        }
        let account_owner = match (request.sticky, request.account) {
            (Some(Sticky::Account), Some(id)) => {
                self.load_account(id).await?;
                self.set.account(id).and_then(|account| account.owner.clone())
            }
            _ => None,
        };
        let open_tasks = self.open_tasks(request).await?;
        let catalog = Arc::clone(&self.parts.catalog);
        let mut memory =
            Memory { pools: self.set.pools(), account_owner: account_owner.as_ref(), open_tasks: &open_tasks };
        let choice = assignment::choose(request, &catalog.live.settings.team, &mut memory, now);
        if let Some(pool) = choice.pool {
            self.set.pool_changed(pool);
            self.open.touched = true;
        }
        // Remembered where somebody asks how much a rep has to do.
        if let Some(owner) = choice.owner.as_ref().filter(|_| !open_tasks.is_empty()) {
            self.set.give(request.run.lead(), owner.clone(), self.open.number);
        }
        let (run, attempt) = (request.run, request.attempt);
        Ok(Event::Assigned { run, attempt, owner: choice.owner, how: choice.how.to_owned() })
    }
}
