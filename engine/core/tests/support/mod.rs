//! A driver of a few lines: answers what `step` asks for, from one clock, for a handful of leads that share accounts and
//! pools. It keeps every journal entry, so that a test can play them again.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod workflows;

use cadenza_core::account::{Account, AccountFacts};
use cadenza_core::assignment::{self, Memory};
use cadenza_core::effect::{Effect, Outgoing, Question};
use cadenza_core::event::{Answer, Event};
use cadenza_core::id::{AccountId, Digest, LeadId, RunId};
use cadenza_core::identity::{Identity, IdentityKey};
use cadenza_core::journal::{Entry, Note};
use cadenza_core::plugin::{Cost, Decision, DecisionFailure};
use cadenza_core::run::{CadencePhase, RunState};
use cadenza_core::state::{LeadState, PoolState};
use cadenza_core::step::{Context, Transition, replay};
use cadenza_core::time::Timestamp;
use cadenza_core::workspace::{Definitions, Live};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub type Answered = Result<Decision, DecisionFailure>;

/// Definitions, settings, and how plugins answer at once; one that does not is left pending.
pub struct World {
    pub definitions: Definitions,
    pub live: Live,
    pub paused: BTreeSet<String>,
    pub answers: fn(&Question, u64) -> Option<Answered>,
}

/// One lead with all that a driver would keep for it.
pub struct Sim {
    pub state: LeadState,
    pub created_at: Timestamp,
    pub entries: Vec<Entry>,
    pub outbox: Vec<Outgoing>,
    pub questions: Vec<Question>,
    /// The latest event fed, for telling it again.
    pub last: Option<Event>,
    /// The workflow of every run there was.
    pub names: BTreeMap<RunId, String>,
}

/// Everything the leads share.
#[derive(Default)]
pub struct Shared {
    pub accounts: BTreeMap<AccountId, Account>,
    pub identities: BTreeMap<IdentityKey, Identity>,
    pub pools: BTreeMap<String, PoolState>,
    asked: u64,
}

pub fn answer(question: &Question, decision: Answered) -> Event {
    let Question { run, attempt, task, plugin, input, .. } = question.clone();
    Event::Decided(Answer {
        run,
        attempt,
        task,
        plugin,
        digest: Digest(7),
        input,
        decision,
        cost: Cost::default(),
        log: vec![],
    })
}

impl Sim {
    pub fn new(number: u64, now: Timestamp) -> Self {
        let state = LeadState::new(LeadId::new(now, number), now);
        Self {
            state,
            created_at: now,
            entries: vec![],
            outbox: vec![],
            questions: vec![],
            last: None,
            names: BTreeMap::new(),
        }
    }

    /// One transition, answers at once included.
    pub fn feed(&mut self, world: &World, shared: &mut Shared, now: Timestamp, event: Event) -> Vec<Note> {
        self.last = Some(event.clone());
        let before = self.state.clone();
        let mut transition = Transition::begin(format!("event-{}", self.state.seq), now);
        let mut events = VecDeque::from([event.clone()]);
        while let Some(event) = events.pop_front() {
            let account = self.facts(shared);
            let World { definitions, live, paused, .. } = world;
            let context = Context { definitions, live, paused, account: account.as_ref(), now };
            for effect in transition.feed(context, &mut self.state, event) {
                self.carry_out(world, shared, now, effect, &mut events);
            }
        }
        let (notes, pushed_out) = transition.finish(&mut self.state);
        assert_eq!(pushed_out.is_some(), self.state.seq > before.seq && before.latest.is_some());
        if self.state.seq == before.seq {
            assert_eq!(before, self.state, "{event:?} changed the state and left no journal entry");
        } else {
            self.entries.extend(self.state.latest.clone());
        }
        if let Err(broken) = self.state.validate() {
            panic!("after {event:?}: {broken}\n{:#?}", self.state);
        }
        notes
    }

    fn facts(&self, shared: &Shared) -> Option<AccountFacts> {
        shared.accounts.get(&self.state.lead.account?).map(Account::facts)
    }

    fn carry_out(
        &mut self,
        world: &World,
        shared: &mut Shared,
        now: Timestamp,
        effect: Effect,
        events: &mut VecDeque<Event>,
    ) {
        match effect {
            Effect::Decide(question) => {
                shared.asked += 1;
                match (world.answers)(&question, shared.asked) {
                    Some(decision) => events.push_back(answer(&question, decision)),
                    None => self.questions.push(question),
                }
            }
            Effect::Assign(request) => {
                let owner = request.account.and_then(|id| shared.accounts.get(&id)).and_then(|a| a.owner.clone());
                let mut memory =
                    Memory { pools: &mut shared.pools, account_owner: owner.as_ref(), open_tasks: &BTreeMap::new() };
                let choice = assignment::choose(&request, &world.live.settings.team, &mut memory, now);
                let (run, attempt) = (request.run, request.attempt);
                events.push_back(Event::Assigned { run, attempt, owner: choice.owner, how: choice.how.to_owned() });
            }
            Effect::Send(row) => self.outbox.push(row),
            Effect::Account(id, message) => {
                let account = shared.accounts.entry(id).or_insert_with(|| Account::new(id, String::new()));
                account.tell(message, now);
            }
            Effect::Identity(key, message) => {
                let told = shared.identities.entry(key.clone()).or_default().tell(self.state.lead.id, message, now);
                let bound = |binding| Event::Bound { key: key.clone(), binding };
                events.extend(told.to_speaker.into_iter().map(bound));
            }
        }
    }

    /// Plays the journal from the beginning and compares.
    pub fn check_replay(&self, world: &World) {
        let mut again = LeadState::new(self.state.lead.id, self.created_at);
        for entry in &self.entries {
            let notes = replay(&world.definitions, &world.live, &mut again, entry).expect("nobody was erased");
            assert_eq!(notes, entry.skeleton.notes, "entry {} played again has other notes", entry.seq);
        }
        assert_eq!(again, self.state, "the journal played again leads to another state");
    }

    /// The encoding reads back the same.
    pub fn check_encoding(&self) {
        let bytes = minicbor::to_vec(&self.state).expect("a vector takes everything");
        let again: LeadState = minicbor::decode(&bytes).expect("what was written can be read");
        assert_eq!(again, self.state, "the state written and read again is another");
    }

    /// Every run can be woken by something.
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
