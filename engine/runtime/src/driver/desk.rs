//! Where commands are run: everything that a command needs is read, the heart computes, and the result goes into the open batch.
//! The parts of the driver turn what they find into commands and bring them here; nothing else changes a state.

use super::batch::{After, OpenBatch};
use super::inbox::Unheard;
use super::ledger::Ledger;
use super::letters;
use super::options::DriverOptions;
use super::pool::{Called, Place, Pool};
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::decider::Decider;
use crate::meters::Meters;
use crate::reading::read;
use cadenza_core::account::{Account, AccountFacts};
use cadenza_core::effect::{Due, Question, Shadow};
use cadenza_core::event::{Answer, Event};
use cadenza_core::heart::{
    Changes, Command, Decide, Decided, Found, Key, Outcome, Outside, ROUNDS, Record, Rejected, Rules, Stop, Untold,
    Watched, compute,
};
use cadenza_core::id::{AccountId, LeadId, RunId};
use cadenza_core::journal::Note;
use cadenza_core::plugin::DecisionKind;
use cadenza_core::state::LeadState;
use cadenza_core::time::Timestamp;
use cadenza_store::{DecisionRef, Holding, InboxRow, OutboxWrite, Store, StoreError};
use std::sync::Arc;

/// The store, the rules and the open batch that commands are run with.
pub(super) struct Desk {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    /// What is in force.
    pub(super) catalog: Arc<Catalog>,
    pub(super) decider: Decider,
    pub(super) meters: Arc<Meters>,
    pub(super) options: DriverOptions,
    pub(super) pool: Pool,
    pub(super) ledger: Ledger,
    /// What this process holds of the store.
    pub(super) holding: Holding,
    pub(super) open: OpenBatch,
    /// No later than the store's next timer.
    pub(super) next_timer: Timestamp,
    /// Whether some identity keys are still kept under older rules.
    pub(super) older_keys: bool,
    /// Leads with events in the inbox.
    pub(super) unheard: Unheard,
}

/// The outcome of a command, or why it was refused.
pub(super) type Ran = Result<Outcome, Rejected>;

impl Desk {
    /// Runs a command, after reading what it needs.
    pub(super) async fn run(&mut self, command: &Command) -> Result<Ran, StoreError> {
        self.run_at(command, self.clock.now()).await
    }

    /// Runs a command as of a given time.
    pub(super) async fn run_at(&mut self, command: &Command, now: Timestamp) -> Result<Ran, StoreError> {
        self.prefetch(std::iter::once(command), now).await?;
        self.run_prefetched(command, Called::Nobody, now).await
    }

    /// Puts the waiting question of a run, for which there is a place now.
    pub(super) async fn call(&mut self, run: RunId, now: Timestamp) -> Result<Ran, StoreError> {
        let command = Command::Call(run);
        self.prefetch(std::iter::once(&command), now).await?;
        self.run_prefetched(&command, Called::Run(run), now).await
    }

    /// Puts a lead's questions again, since their answers were lost.
    pub(super) async fn ask_again(&mut self, lead: LeadId, now: Timestamp) -> Result<Ran, StoreError> {
        let command = Command::AskAgain(lead);
        self.prefetch(std::iter::once(&command), now).await?;
        self.run_prefetched(&command, Called::Lead(lead), now).await
    }

    /// Tells a lead something that must reach it. If its record cannot be read, the event is kept for it in the inbox.
    pub(super) async fn must_tell(&mut self, lead: LeadId, id: String, event: Event) -> Result<(), StoreError> {
        let command = Command::Event { lead, id, event: Box::new(event) };
        if let Err(Rejected::Damaged(_)) = self.run(&command).await?
            && let Command::Event { lead, id, event } = command
        {
            let untold = vec![Untold { lead, id, event: *event }];
            self.take_over(Changes { untold, ..Changes::default() });
        }
        Ok(())
    }

    /// Feeds an event to a lead and returns what happened: nothing if the lead is gone or cannot be read.
    pub(super) async fn tell(&mut self, lead: LeadId, id: String, event: Event) -> Result<Vec<Note>, StoreError> {
        match self.run(&Command::Event { lead, id, event: Box::new(event) }).await? {
            Ok(Outcome::Applied(notes)) => Ok(notes),
            _ => Ok(Vec::new()),
        }
    }

    /// A pooled decision came back. If a candidate build is being watched, it will be asked the same question.
    pub(super) async fn answered(
        &mut self,
        answer: Answer,
        kind: DecisionKind,
        shadow: Option<Box<Shadow>>,
    ) -> Result<(), StoreError> {
        let lead = answer.run.lead();
        self.open.after.push(After::Leave(lead, answer.plugin.clone()));
        if let Some(shadow) = shadow {
            let watched = Watched { shadow: *shadow, kind, answer: answer.clone() };
            self.open.after.push(After::Watch(Box::new(watched)));
        }
        let id = format!("decision/{}/{}", answer.run, answer.asker.number());
        self.tell(lead, id, Event::Decided(answer)).await.map(drop)
    }

    /// Reads the records that these commands name or lead to, for all commands together.
    pub(super) async fn prefetch<'c>(
        &mut self,
        commands: impl Iterator<Item = &'c Command> + Clone,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let catalog = Arc::clone(&self.catalog);
        let mut keys = Vec::new();
        for round in 0..ROUNDS {
            let rules = rules(&catalog, self.older_keys, now);
            commands.clone().for_each(|command| command.names(round, rules, self.ledger.set(), &mut keys));
            if !keys.is_empty() {
                self.read(std::mem::take(&mut keys)).await?;
            }
        }
        Ok(())
    }

    /// Runs a command over the records that were read. If that is not all of them, the missing ones are read and the command runs
    /// again from its beginning; only the answers of plugins are kept from the run before.
    pub(super) async fn run_prefetched(
        &mut self,
        command: &Command,
        called: Called,
        now: Timestamp,
    ) -> Result<Ran, StoreError> {
        let catalog = Arc::clone(&self.catalog);
        let mut answers = Vec::new();
        loop {
            let rules = rules(&catalog, self.older_keys, now);
            let batch = self.open.number;
            let mut asking = Asking::of(&mut self.decider, &mut self.pool, called, batch);
            match compute(command, rules, self.ledger.set(), &mut asking, &mut answers) {
                Ok((outcome, changes)) => {
                    self.meters.decisions_put_off_total.add(asking.put_off);
                    self.take_over(changes);
                    return Ok(Ok(outcome));
                }
                Err(stop) => {
                    asking.give_back();
                    match stop {
                        Stop::Rejected(why) => return Ok(Err(why)),
                        Stop::Unread(keys) => {
                            self.meters.commands_rerun_total.add(1);
                            self.read(keys).await?;
                        }
                    }
                }
            }
        }
    }

    /// Makes what a command changed part of the open batch.
    fn take_over(&mut self, mut changes: Changes) {
        let open = &mut self.open;
        open.touched |= !changes.is_empty();
        open.events += changes.transitions;
        open.held.append(&mut changes.held);
        self.unheard.add(&changes.untold);
        open.sent.extend(changes.untold.drain(..).map(|Untold { lead, id, event }| InboxRow { to: lead, id, event }));
        open.decisions.extend(changes.decided.drain(..).map(|(lead, seq)| DecisionRef { lead, seq }));
        for outside in changes.outside.drain(..) {
            match outside {
                Outside::Send(mut row) => {
                    row.incarnation = self.store.incarnation();
                    open.place(&row.via, row.due);
                    open.outbox.push(OutboxWrite::Put(*row));
                }
                Outside::Ask(question) => open.after.push(After::Ask(question)),
                Outside::Watch(watched) => open.after.push(After::Watch(watched)),
                Outside::Bury(unclear) => {
                    let letter = letters::of_enrolment(*unclear, self.clock.now());
                    self.meters.dead_letters_total.add(1);
                    tracing::warn!(letter = %letter.id, cause = letter.cause, "an enrolment lies with the dead letters");
                    open.outbox.push(OutboxWrite::Bury { was_due: Due::At(letter.at), letter });
                }
            }
        }
        open.after.extend(changes.sooner.drain(..).map(|(lead, due)| After::LookAgain(lead, due)));
        let leads = changes.leads.values().filter_map(|lead| lead.state.next_due());
        let accounts = changes.accounts.values().filter_map(|account| account.next_due());
        open.next_due = leads.chain(accounts).fold(open.next_due, Timestamp::min);
        self.meters.escalations_unheard_total.add(changes.unheard.len() as u64);
        for lead in &changes.unheard {
            tracing::warn!(%lead, "something is overdue, and nobody could be told of it: see the tasks of nobody");
        }
        for lead in &changes.cut_short {
            tracing::error!(%lead, "more came of one event than is handled at once: the rest is handled after it");
        }
        self.ledger.take(changes);
    }

    /// Reads the records that are not in memory.
    async fn read(&mut self, keys: Vec<Key>) -> Result<(), StoreError> {
        self.ledger.looks(self.store.position(), &keys);
        read(self.store.as_ref(), self.ledger.set_mut(), keys, self.clock.now().day(), u32::MAX).await
    }

    /// Takes over a lead that a walk through the store has read.
    pub(super) fn put(&mut self, lead: LeadState) {
        self.ledger.set_mut().put(Record::Lead(lead.lead.id, Some(lead).into()));
    }

    /// A lead, from memory or the store.
    pub(super) async fn lead(&mut self, id: LeadId) -> Result<&Found<LeadState>, StoreError> {
        self.read(vec![Key::Lead(id)]).await?;
        Ok(self.ledger.set().lead(id).unwrap_or(&Found::Nothing))
    }

    /// A lead that is in memory and can be read.
    pub(super) fn state(&self, id: LeadId) -> Option<&LeadState> {
        self.ledger.set().state(id)
    }

    /// What is known of an account; nothing if it has no name.
    pub(super) async fn facts(&mut self, account: Option<AccountId>) -> Result<Option<AccountFacts>, StoreError> {
        let Some(id) = account else { return Ok(None) };
        self.read(vec![Key::Account(id)]).await?;
        let account = self.ledger.set().account(id).and_then(Found::one);
        Ok(account.filter(|account| !account.name.is_empty()).map(Account::facts))
    }

    /// Puts another catalog in force, from the next command on.
    pub(super) fn put_in_force(&mut self, catalog: Arc<Catalog>) {
        self.decider.use_plugins(&catalog);
        self.catalog = catalog;
    }
}

fn rules(catalog: &Catalog, older_keys: bool, now: Timestamp) -> Rules<'_> {
    Rules {
        definitions: &catalog.definitions,
        live: &catalog.live,
        paused: &catalog.brakes.paused,
        asks_account: catalog.asks_account,
        older_keys,
        now,
    }
}

/// Asks plugins during one run of a command.
struct Asking<'a> {
    decider: &'a mut Decider,
    pool: &'a mut Pool,
    /// The asker for whom the pool has a place.
    called: Called,
    batch: u64,
    /// Places taken by the questions of this run.
    taken: Vec<(LeadId, String)>,
    put_off: u64,
}

impl<'a> Asking<'a> {
    const fn of(decider: &'a mut Decider, pool: &'a mut Pool, called: Called, batch: u64) -> Self {
        Self { decider, pool, called, batch, taken: Vec::new(), put_off: 0 }
    }

    /// Gives back the places: the command did not finish, and will put its questions again.
    fn give_back(self) {
        self.taken.iter().for_each(|(lead, plugin)| self.pool.leave(*lead, plugin));
    }
}

impl Decide for Asking<'_> {
    fn decide(&mut self, question: Question) -> Decided {
        if self.decider.is_inline(&question) {
            return Decided::Now(self.decider.ask_inline(question));
        }
        match self.pool.take(&question, self.called, self.batch) {
            Place::Free => {
                self.taken.push((question.run.lead(), question.plugin.clone()));
                Decided::Asked(question)
            }
            place => {
                self.put_off += 1;
                if place == Place::Waits { Decided::Waits } else { Decided::PutOff }
            }
        }
    }
}
