//! A driver of a few lines. It carries out what the heart asks for, on one clock, for a handful of leads that share
//! accounts and pools. It keeps every journal entry, so that a test can replay them.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod workflows;

use cadenza_core::account::Account;
use cadenza_core::effect::{Departure, Due, Outgoing, Question};
use cadenza_core::event::{Answer, Event};
use cadenza_core::heart::{
    Changes, Command, Decide, Decided, Found, Key, Outcome, Outside, Record, Rules, Stop, Unclear, WorkingSet, compute,
};
use cadenza_core::id::{AccountId, Born, Digest, LeadId};
use cadenza_core::identity::{Identity, IdentityKey};
use cadenza_core::journal::{Entry, Note};
use cadenza_core::paused::Paused;
use cadenza_core::plugin::{Cost, Decision, DecisionFailure};
use cadenza_core::run::{CadencePhase, RunState};
use cadenza_core::state::{LeadState, PoolState};
use cadenza_core::step::replay;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::Workflow;
use cadenza_core::workspace::{Definitions, Live, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;

pub type Answered = Result<Decision, DecisionFailure>;

/// Definitions, settings, and how plugins answer at once. A question without an answer stays pending.
pub struct World {
    pub definitions: Definitions,
    pub live: Live,
    pub paused: Paused,
    /// What was in force before, by digest.
    pub past: BTreeMap<Digest, Live>,
    pub answers: fn(&Question, u64) -> Option<Answered>,
}

impl World {
    /// Puts other settings in force from now on.
    pub fn change(&mut self, change: impl FnOnce(&mut Settings)) {
        self.replace(|live| change(Arc::make_mut(&mut live.settings)));
    }

    /// Puts another version of a workflow in force. Runs keep the version with which they began.
    pub fn apply(&mut self, version: Arc<Workflow>) {
        self.definitions.insert(Arc::clone(&version));
        self.replace(|live| drop(live.workflows.insert(version.name.clone(), version)));
    }

    fn replace(&mut self, change: impl FnOnce(&mut Live)) {
        let mut next = self.live.clone();
        next.digest = Digest(next.digest.0 + 1);
        change(&mut next);
        let before = std::mem::replace(&mut self.live, next);
        self.past.insert(before.digest, before);
    }
}

/// One lead, with all that a driver would keep for it.
pub struct Sim {
    pub state: LeadState,
    pub created_at: Timestamp,
    pub entries: Vec<Entry>,
    pub outbox: Vec<Outgoing>,
    /// Enrolments about which a person has to decide.
    pub buried: Vec<Unclear>,
    pub questions: Vec<Question>,
    /// The messages that were brought forward by the latest event.
    pub sooner: usize,
    /// The latest event that was fed, for feeding it again.
    pub last: Option<Event>,
    /// The workflow of every run that ever was.
    pub names: BTreeMap<Born, String>,
}

/// Everything that the leads share.
#[derive(Clone, Default)]
pub struct Shared {
    pub accounts: BTreeMap<AccountId, Account>,
    pub identities: BTreeMap<IdentityKey, Identity>,
    pub pools: BTreeMap<String, PoolState>,
    asked: u64,
}

impl Shared {
    /// Reads as a store would. Other leads do not exist, and reps have no open tasks.
    fn read(&self, key: Key) -> Record {
        match key {
            Key::Lead(id) => Record::Lead(id, Found::Nothing),
            Key::Account(id) => Record::Account(id, self.accounts.get(&id).cloned().into()),
            Key::Identity(key) => {
                let known = self.identities.get(&key).cloned();
                Record::Identity(key, known.into())
            }
            Key::Pool(name) => {
                let known = self.pools.get(&name).cloned();
                Record::Pool(name, known.unwrap_or_default())
            }
            Key::OpenTasks(rep) => Record::OpenTasks(rep, 0),
            Key::Mark(id) => Record::Mark(id, Found::Nothing),
        }
    }

    fn take(&mut self, changes: Changes) {
        self.accounts.extend(changes.accounts.into_iter().map(|(id, account)| (id, Arc::unwrap_or_clone(account))));
        self.identities.extend(changes.identities.into_iter().map(|(key, known)| (key, Arc::unwrap_or_clone(known))));
        self.pools.extend(changes.pools);
    }
}

/// A decider that gives the answers of a world.
struct Asking<'a> {
    answers: fn(&Question, u64) -> Option<Answered>,
    asked: &'a mut u64,
}

impl Decide for Asking<'_> {
    fn decide(&mut self, question: Question) -> Decided {
        *self.asked += 1;
        match (self.answers)(&question, *self.asked) {
            Some(decision) => Decided::Now(answered(&question, decision)),
            None => Decided::Asked(question),
        }
    }
}

/// Computes a command to its end, reading each record when the command stops for want of it.
fn compute_all(
    command: &Command,
    world: &World,
    shared: &mut Shared,
    set: &mut WorkingSet,
    now: Timestamp,
) -> (Outcome, Changes) {
    let World { definitions, live, paused, answers, past: _ } = world;
    let rules = Rules { definitions, live, paused, asks_account: false, older_keys: false, now };
    let mut known = Vec::new();
    loop {
        let mut decide = Asking { answers: *answers, asked: &mut shared.asked };
        match compute(command, rules, set, &mut decide, &mut known) {
            Ok(done) => return done,
            Err(Stop::Unread(keys)) => keys.into_iter().for_each(|key| set.put(shared.read(key))),
            Err(Stop::Rejected(why)) => panic!("{command:?} is refused: {why:?}"),
        }
    }
}

/// The answer to a question, as it comes back from a pool.
pub fn answer(question: &Question, decision: Answered) -> Event {
    Event::Decided(answered(question, decision))
}

fn answered(question: &Question, decision: Answered) -> Answer {
    let Question { run, asker, plugin, digest, input, .. } = question.clone();
    Answer { run, asker, plugin, digest, input, decision, cost: Cost::default(), log: vec![] }
}

/// What came of two events.
#[derive(Debug, PartialEq)]
pub struct Came {
    pub state: LeadState,
    pub accounts: BTreeMap<AccountId, Account>,
    /// What is to be sent, asked and brought forward, as text.
    pub outside: String,
}

impl Sim {
    pub fn new(number: u64, now: Timestamp) -> Self {
        let state = LeadState::new(LeadId::new(now, number), now);
        Self {
            state,
            created_at: now,
            entries: vec![],
            outbox: vec![],
            buried: vec![],
            questions: vec![],
            sooner: 0,
            last: None,
            names: BTreeMap::new(),
        }
    }

    /// Feeds one event, and everything to which it leads at once.
    pub fn feed(&mut self, world: &World, shared: &mut Shared, now: Timestamp, event: Event) -> Vec<Note> {
        self.last = Some(event.clone());
        let (lead, id) = (self.state.lead.id, format!("event-{}", self.state.seq));
        let outcome = self.run(world, shared, now, &Command::Event { lead, id, event: Box::new(event) });
        let Outcome::Applied(notes) = outcome else { panic!("an event came to {outcome:?}") };
        notes
    }

    /// Lets a message of the outbox fall due. Returns the notes and what becomes of the message, and
    /// puts its row back as it is then.
    pub fn depart(&mut self, world: &World, shared: &mut Shared, now: Timestamp, ix: usize) -> (Vec<Note>, Departure) {
        let seq = self.state.seq;
        let row = self.outbox.remove(ix);
        let outcome = self.run(world, shared, now, &Command::Depart(Box::new(row.clone())));
        let Outcome::Departs(after, departure) = outcome else { panic!("{row:?} came to {outcome:?}") };
        if departure != Departure::Never {
            self.outbox.insert(ix, *after);
        }
        let entry = self.state.latest.as_ref().filter(|_| self.state.seq > seq);
        (entry.map(|entry| entry.skeleton.notes.clone()).unwrap_or_default(), departure)
    }

    /// Runs a command about this lead.
    pub fn run(&mut self, world: &World, shared: &mut Shared, now: Timestamp, command: &Command) -> Outcome {
        let (id, before) = (self.state.lead.id, self.state.clone());
        let mut set = WorkingSet::default();
        set.put(Record::Lead(id, Some(before.clone()).into()));
        let (outcome, mut changes) = compute_all(command, world, shared, &mut set, now);
        for outside in changes.outside.drain(..) {
            match outside {
                Outside::Send(row) => self.outbox.push(*row),
                Outside::Ask(question) => self.questions.push(*question),
                Outside::Watch(_) => {}
                Outside::Bury(unclear) => self.buried.push(*unclear),
            }
        }
        for row in &mut self.outbox {
            if changes.sooner.contains(&(id, row.due)) {
                row.due = Due::At(now);
                self.sooner += 1;
            }
        }
        let pushed_out = changes.leads.get(&id).is_some_and(|lead| !lead.entries.is_empty());
        if let Some(lead) = changes.leads.remove(&id) {
            self.state = Arc::unwrap_or_clone(lead.state);
        }
        shared.take(changes);
        assert_eq!(pushed_out, self.state.seq > before.seq && before.latest.is_some());
        if self.state.seq == before.seq {
            assert_eq!(before, self.state, "{command:?} changed the state and left no journal entry");
        } else {
            self.entries.extend(self.state.latest.clone());
        }
        if let Err(broken) = self.state.validate() {
            panic!("after {command:?}: {broken}\n{:#?}", self.state);
        }
        outcome
    }

    /// What two events come to, in this order. In one commit the second is computed over what the first has changed, and
    /// nothing is written between them; in two, the second reads back what the first has written.
    pub fn two(&self, world: &World, shared: &Shared, now: Timestamp, events: [&Event; 2], one_commit: bool) -> Came {
        let (id, mut shared) = (self.state.lead.id, shared.clone());
        let mut came = Came { state: self.state.clone(), accounts: BTreeMap::new(), outside: String::new() };
        let mut set = WorkingSet::default();
        for (ix, event) in events.into_iter().enumerate() {
            if ix == 0 || !one_commit {
                let bytes = minicbor::to_vec(&came.state).expect("a vector takes everything");
                let read: LeadState = minicbor::decode(&bytes).expect("what was written can be read");
                set = WorkingSet::default();
                set.put(Record::Lead(id, Some(read).into()));
            }
            let command = Command::Event { lead: id, id: format!("two-{ix}"), event: Box::new(event.clone()) };
            let (_, mut changes) = compute_all(&command, world, &mut shared, &mut set, now);
            came.outside.push_str(&format!("{:?} {:?}", changes.outside, changes.sooner));
            changes.outside.clear();
            if let Some(lead) = changes.leads.get(&id) {
                came.state = (*lead.state).clone();
            }
            let accounts = changes.accounts.iter().map(|(id, account)| (*id, (**account).clone()));
            came.accounts.extend(accounts);
            if one_commit {
                set.apply(changes);
            } else {
                shared.take(changes);
            }
        }
        came
    }

    /// Replays the journal from the beginning and compares.
    pub fn check_replay(&self, world: &World) {
        let mut again = LeadState::new(self.state.lead.id, self.created_at);
        for entry in &self.entries {
            let then = entry.skeleton.catalog.expect("every entry says what was in force");
            let live = world.past.get(&then).unwrap_or(&world.live);
            assert_eq!(live.digest, then, "entry {}", entry.seq);
            let notes = replay(&world.definitions, live, &mut again, entry).expect("nobody was erased");
            assert_eq!(notes, entry.skeleton.notes, "entry {} played again has other notes", entry.seq);
        }
        assert_eq!(again, self.state, "the journal played again leads to another state");
    }

    /// Checks that the state is read back as it was written.
    pub fn check_encoding(&self) {
        let bytes = minicbor::to_vec(&self.state).expect("a vector takes everything");
        let again: LeadState = minicbor::decode(&bytes).expect("what was written can be read");
        assert_eq!(again, self.state, "the state written and read again is another");
    }

    /// Checks that something can wake every run.
    pub fn check_wakeable(&self) {
        for run in &self.state.runs {
            let mail_out = |effect| self.outbox.iter().any(|row| row.id == effect);
            let wakeable = match &run.state {
                _ if run.braked_at.is_some() => true,
                RunState::Ready | RunState::Assigning => false,
                RunState::Deciding { .. } | RunState::Task(_) | RunState::Parked { .. } => true,
                RunState::Sending(effect) => mail_out(*effect),
                RunState::Waiting { until } => until.is_some(),
                RunState::Cadence(cadence) => match cadence.phase {
                    CadencePhase::Sending(effect) => mail_out(effect),
                    _ => true,
                },
            };
            assert!(
                wakeable,
                "nothing can wake run {} ({:?}): see to it that its state has a timer",
                run.id, run.state
            );
        }
    }
}
