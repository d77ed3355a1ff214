//! The heart over a working set: how often a command runs again, and that a command which stops leaves nothing behind.

mod support;

use cadenza_core::account::Account;
use cadenza_core::effect::Question;
use cadenza_core::event::Report;
use cadenza_core::event::StandardEvent;
use cadenza_core::heart::{
    Command, Decide, Decided, Found, Incoming, Key, Outcome, ROUNDS, Record, Rules, Stop, WorkingSet, compute,
};
use cadenza_core::id::{AccountId, LeadId};
use cadenza_core::identity::{HOLDERS_MAX, Identity, IdentityKey};
use cadenza_core::paused::Paused;
use cadenza_core::state::{LeadState, PoolState};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use std::collections::BTreeMap;
use support::workflows::{self as w, at, hot};

const NUMBER: &str = "+12125550100";

/// A decider that never asks a plugin.
struct Silent;

impl Decide for Silent {
    fn decide(&mut self, question: Question) -> Decided {
        Decided::Asked(question)
    }
}

/// Many leads of different companies with the same telephone number.
struct Switchboard {
    leads: BTreeMap<LeadId, LeadState>,
    number: IdentityKey,
}

impl Switchboard {
    fn new(now: Timestamp, number: IdentityKey) -> Self {
        let lead = |n: usize| {
            let id = LeadId::new(now, n as u64);
            let mut state = LeadState::new(id, now);
            state.seq = 1;
            state.lead.profile.phone = Some(NUMBER.to_owned());
            state.lead.account = Some(AccountId::of_key(&format!("name:company {n}")));
            (id, state)
        };
        Self { leads: (0..HOLDERS_MAX).map(lead).collect(), number }
    }

    fn read(&self, key: Key) -> Record {
        match key {
            Key::Lead(id) => Record::Lead(id, self.leads.get(&id).cloned().into()),
            Key::Account(id) => Record::Account(id, Some(Account::new(id, "A company".to_owned())).into()),
            Key::Identity(key) => {
                let holders = if key == self.number { self.leads.keys().copied().collect() } else { Vec::new() };
                Record::Identity(key, Some(Identity { holders, bindings: Vec::new() }).into())
            }
            Key::Pool(name) => Record::Pool(name, PoolState::default()),
            Key::OpenTasks(rep) => Record::OpenTasks(rep, 0),
            Key::Mark(id) => Record::Mark(id, Found::Nothing),
        }
    }
}

/// Leads that could not be foreseen are named all at once, however many of them an event is told to.
#[test]
fn a_number_that_serves_nobody_is_told_to_all_who_have_it_in_a_few_runs() {
    let (world, now) = (w::world(vec![], hot), at("2026-03-02T14:30:00Z"));
    let report = Report {
        kind: w::standard(StandardEvent::CallCompleted),
        at: now,
        source: "dialler".to_owned(),
        fields: vec![("phone".to_owned(), Value::Text(NUMBER.to_owned()))],
        data: [("outcome".to_owned(), Value::Text("wrong_number".to_owned()))].into(),
        enrolls: false,
        only_finds: false,
        left_out: Vec::new(),
        standing: None,
        also: Vec::new(),
    };
    let incoming = Incoming { id: "dialler/1".to_owned(), content: 1, signed: None, report, lead: None };
    let keys = incoming.keys(&world.live);
    let board = Switchboard::new(now, keys[0].clone());
    let command = Command::Report(Box::new(incoming), keys);
    let none = Paused::default();
    let (definitions, live) = (&world.definitions, &world.live);
    let rules = Rules { definitions, live, paused: &none, asks_account: true, older_keys: false, now };
    let (mut set, mut answers, mut stops) = (WorkingSet::default(), Vec::new(), 0);
    for round in 0..ROUNDS {
        let mut keys = Vec::new();
        command.names(round, rules, &set, &mut keys);
        keys.into_iter().for_each(|key| set.put(board.read(key)));
    }
    let (outcome, changes) = loop {
        match compute(&command, rules, &set, &mut Silent, &mut answers) {
            Ok(done) => break done,
            Err(Stop::Unread(keys)) => {
                stops += 1;
                assert!(
                    board.leads.keys().all(|id| set.state(*id).is_none_or(|state| state.seq == 1)),
                    "it left something"
                );
                keys.into_iter().for_each(|key| set.put(board.read(key)));
            }
            Err(Stop::Rejected(why)) => panic!("{why:?}"),
        }
    };
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    let told = changes.leads.values().filter(|lead| !lead.state.lead.consent.bound.is_empty()).count();
    assert_eq!(told, HOLDERS_MAX, "all hear that the number is bound");
    assert!(stops <= 4, "it ran again {stops} times");
}
