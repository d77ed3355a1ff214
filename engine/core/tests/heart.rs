//! The heart over a working set: how often a command runs again, and that a command which stops leaves nothing behind.

mod support;

use cadenza_core::account::{Account, AccountMessage, HOLD_LEADS_MAX, Hold};
use cadenza_core::effect::Question;
use cadenza_core::event::{Answer, Event, Report, StandardEvent};
use cadenza_core::heart::{
    Changes, Command, Decide, Decided, Found, Incoming, Key, Known, Outcome, ROUNDS, Record, Rules, Stop, WorkingSet,
    compute,
};
use cadenza_core::id::{AccountId, LeadId};
use cadenza_core::identity::{Binding, HOLDERS_MAX, Identity, IdentityKey, IdentityKind, Why};
use cadenza_core::lead::RepId;
use cadenza_core::paused::Paused;
use cadenza_core::plugin::{Cost, DecisionKind, PluginInfo, Segment, With};
use cadenza_core::state::{LeadState, PoolState};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_core::workflow::{Ask, AskRef, Branch, HoldScope, OnFailure, StepId, Verb};
use cadenza_core::workspace::Candidate;
use std::collections::BTreeMap;
use support::World;
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

/// Who cannot be read is told later, and stops nobody.
#[test]
fn what_a_lead_that_cannot_be_read_is_told_is_kept_for_it() {
    let (world, now) = (w::world(vec![], hot), at("2026-03-02T14:30:00Z"));
    let account = AccountId::of_key("name:acme");
    let [damaged, sound] = [1, 2].map(|n| LeadId::new(now, n));
    let mut known = Account::new(account, "Acme".to_owned());
    known.hold = Some(Hold {
        owner: cadenza_core::lead::RepId("ada".to_owned()),
        until: now,
        until_event: None,
        workflow: cadenza_core::id::Digest(1),
        on_expiry: None,
        leads: vec![damaged, sound],
    });
    let mut set = WorkingSet::default();
    set.put(Record::Account(account, Some(known).into()));
    set.put(Record::Lead(damaged, Found::Damaged("torn".into())));
    set.put(Record::Lead(sound, Some(LeadState::new(sound, now)).into()));
    let none = Paused::default();
    let (definitions, live) = (&world.definitions, &world.live);
    let rules = Rules { definitions, live, paused: &none, asks_account: false, older_keys: false, now };
    let done = compute(&Command::AccountDue(account), rules, &set, &mut Silent, &mut Vec::new());
    let (_, changes) = done.expect("one of them stops nobody");
    assert!(changes.leads.contains_key(&sound), "{changes:?}");
    let untold: Vec<LeadId> = changes.untold.iter().map(|untold| untold.lead).collect();
    assert_eq!(untold, [damaged], "{changes:?}");
    assert!(matches!(changes.untold[0].event, Event::HoldExpired { .. }), "{changes:?}");
}

/// What a key told a lead that could not be read may hold no longer when it hears it.
#[test]
fn what_a_key_tells_late_counts_while_it_is_so() {
    let (world, now) = (w::world(vec![], hot), at("2026-03-02T14:30:00Z"));
    let (lead, why) = (LeadId::new(now, 1), Why::Bounced);
    let key = IdentityKey::kept(IdentityKind::Email, "lee@acme.io");
    let binding = Binding { why, at: now, by: "web".to_owned(), of: None };
    let bound = Event::Bound { key: key.clone(), binding: binding.clone() };
    let unbound = Event::Unbound { key: key.clone(), why };
    let none = Paused::default();
    let (definitions, live) = (&world.definitions, &world.live);
    let rules = Rules { definitions, live, paused: &none, asks_account: false, older_keys: false, now };
    for (what, event, is_bound, counts) in [
        ("it is bound", &bound, true, true),
        ("it is free again", &bound, false, false),
        ("it is free", &unbound, false, true),
        ("it is bound again", &unbound, true, false),
    ] {
        let mut set = WorkingSet::default();
        set.put(Record::Lead(lead, Some(LeadState::new(lead, now)).into()));
        let bindings = if is_bound { vec![binding.clone()] } else { Vec::new() };
        set.put(Record::Identity(key.clone(), Some(Identity { holders: vec![lead], bindings }).into()));
        let command = Command::Event { lead, id: "1".to_owned(), event: Box::new(event.clone()) };
        let (outcome, _) = compute(&command, rules, &set, &mut Silent, &mut Vec::new()).expect("all was read");
        assert_eq!(outcome != Outcome::Nothing, counts, "{what}: {outcome:?}");
    }
}

/// A decider that answers everything at once, and counts.
#[derive(Default)]
struct Counting(usize);

impl Decide for Counting {
    fn decide(&mut self, question: Question) -> Decided {
        self.0 += 1;
        let decision = match question.kind {
            DecisionKind::Nurture => w::tracked("monthly"),
            _ => w::scored(85, Segment::Hot),
        };
        let Question { run, asker, plugin, digest, input, .. } = question;
        Decided::Now(Answer {
            run,
            asker,
            plugin,
            digest,
            input,
            decision: Ok(decision),
            cost: Cost::default(),
            log: vec![],
        })
    }
}

/// A world in which a plugin decides something about a new lead, and then an owner is chosen from a pool.
fn decides_first(first: fn() -> Verb) -> World {
    let own = |_: &dyn Fn(&str) -> _| Verb::Assign(w::pool(None));
    let workflow = w::workflow("flow").step("first", move |_| first()).step("own", own);
    let mut world = w::world(vec![workflow.build()], hot);
    // Every question then has the same input, whatever its kind.
    world.live.bindings.clear();
    world
}

/// Asks the plugin of [`w::score`] for a nurture track.
fn branch() -> Verb {
    let ask = Ask { plugin: "fit".to_owned(), with: With::new() };
    let on_failure = OnFailure::Fallback("monthly".to_owned());
    let otherwise = cadenza_core::workflow::Target::Step(cadenza_core::workflow::StepIx(1));
    Verb::Branch(Branch { ask, tracks: BTreeMap::new(), otherwise, on_failure })
}

/// The same world with a build of the plugin that is only watched.
fn watched(mut world: World) -> World {
    let workflow = world.live.workflows.get("flow").expect("it has one");
    let places = workflow.asks().into_iter().map(|(place, ..)| place);
    let binding = cadenza_core::workspace::Binding { parameters: [].into_iter().collect(), reads: Default::default() };
    let bindings: BTreeMap<AskRef, _> = places.map(|place| (place, binding.clone())).collect();
    let info = PluginInfo {
        name: "fit".to_owned(),
        version: "2".to_owned(),
        summary: String::new(),
        digest: cadenza_core::id::Digest(2),
        kinds: vec![DecisionKind::Scoring],
        parameters: vec![],
        rules: vec![],
        tracks: vec![],
        codes: vec![],
        fuel_budget: 1,
        memory_budget: 1,
    };
    world.live.candidates.insert("fit".to_owned(), Candidate { info, share_permille: 0, bindings });
    world
}

/// Enrols a lead, with what is known of nothing but the lead. How often the plugin was asked until the pool was found
/// to be unread.
fn ask_until_it_stops(world: &World, answers: &mut Vec<Known>) -> usize {
    let (now, none, mut asking) = (at("2026-03-02T14:30:00Z"), Paused::default(), Counting::default());
    let lead = LeadId::new(now, 1);
    let mut set = WorkingSet::default();
    set.put(Record::Lead(lead, Some(LeadState::new(lead, now)).into()));
    let (definitions, live) = (&world.definitions, &world.live);
    let rules = Rules { definitions, live, paused: &none, asks_account: false, older_keys: false, now };
    let event = Event::Enrolled { workflow: "flow".to_owned(), by: "ana".to_owned(), key: None };
    let command = Command::Event { lead, id: "1".to_owned(), event: Box::new(event) };
    let stop = compute(&command, rules, &set, &mut asking, answers).expect_err("the pool was not read");
    assert!(matches!(&stop, Stop::Unread(keys) if keys.iter().all(|key| matches!(key, Key::Pool(_)))), "{stop:?}");
    asking.0
}

#[test]
fn an_answer_is_used_again_when_its_whole_question_is_equal() {
    for (what, first, again, asked) in [
        ("the same question", decides_first(w::score), decides_first(w::score), 0),
        ("another kind of decision", decides_first(w::score), decides_first(branch), 1),
        ("a build is watched now", decides_first(w::score), watched(decides_first(w::score)), 1),
        ("the build is watched as before", watched(decides_first(w::score)), watched(decides_first(w::score)), 0),
    ] {
        let mut answers = Vec::new();
        assert_eq!(ask_until_it_stops(&first, &mut answers), 1, "{what}");
        assert_eq!(ask_until_it_stops(&again, &mut answers), asked, "{what}");
    }
}

/// An account whose hold is over, while leads that it did not list have still to be told, and the next hold has begun.
struct Ending {
    world: support::World,
    account: Account,
    /// The leads that are still to be told.
    unlisted: Vec<LeadId>,
    now: Timestamp,
}

impl Ending {
    /// The runs that begin when the hold is over take their leads under the next one.
    fn new(unlisted: usize) -> Self {
        let workflow = w::workflow("held")
            .on_created()
            .step("own", |go| Verb::Assign(w::pool(Some(w::hold(HoldScope::Account, go("own"))))))
            .build();
        let (world, begun) = (w::world(vec![workflow.clone()], |_, _| None), at("2026-03-02T15:00:00Z"));
        let leads: Vec<LeadId> = (1..=HOLD_LEADS_MAX + unlisted).map(|n| LeadId::new(begun, n as u64)).collect();
        let mut account = Account::new(AccountId::of_key("domain:acme.io"), "Acme".to_owned());
        let hold = |lead: LeadId, until: Timestamp| {
            AccountMessage::Hold(Hold {
                owner: RepId("ada".to_owned()),
                until,
                until_event: None,
                workflow: workflow.digest,
                on_expiry: Some(StepId::of("own")),
                leads: vec![lead],
            })
        };
        let now = begun.plus_ms(2_000);
        for lead in &leads {
            account.tell(hold(*lead, begun.plus_ms(1_000)), begun);
        }
        let listed = account.timer_due(now);
        for (lead, _) in &listed {
            account.tell(hold(*lead, now.plus_ms(1_000_000)), now);
        }
        Self { world, account, unlisted: leads[HOLD_LEADS_MAX..].to_vec(), now }
    }

    /// Tells a page of the leads that their hold is over.
    fn tell(&mut self, page: &[LeadId], last: bool) -> Changes {
        let mut set = WorkingSet::default();
        let id = self.account.id;
        set.put(Record::Account(id, Some(self.account.clone()).into()));
        for lead in page {
            let mut state = LeadState::new(*lead, self.now);
            (state.seq, state.lead.account, state.lead.owner) = (1, Some(id), self.account.owner.clone());
            set.put(Record::Lead(*lead, Some(state).into()));
        }
        let none = Paused::default();
        let (definitions, live) = (&self.world.definitions, &self.world.live);
        let rules = Rules { definitions, live, paused: &none, asks_account: false, older_keys: false, now: self.now };
        let command = Command::HoldEnded { account: id, page: page.to_vec(), last };
        let mut answers = Vec::new();
        let changes = loop {
            match compute(&command, rules, &set, &mut Silent, &mut answers) {
                Ok((_, changes)) => break changes,
                Err(Stop::Unread(keys)) => keys.into_iter().for_each(|key| {
                    set.put(match key {
                        Key::Pool(name) => Record::Pool(name, PoolState::default()),
                        Key::OpenTasks(rep) => Record::OpenTasks(rep, 0),
                        key => panic!("nobody needs {key:?}"),
                    });
                }),
                Err(Stop::Rejected(why)) => panic!("{why:?}"),
            }
        };
        self.account = Account::clone(&changes.accounts[&id]);
        changes
    }
}

/// Whether a lead lies under a hold when all of this is written, in its order.
fn is_held(changes: &Changes, lead: LeadId) -> Option<bool> {
    changes.held.iter().rfind(|(_, of, _)| *of == lead).map(|(_, _, held)| *held)
}

#[test]
fn a_lead_that_joins_the_next_hold_when_it_hears_of_the_end_of_the_last_one_stays_in_it() {
    let mut ending = Ending::new(2);
    let page = ending.unlisted.clone();
    let changes = ending.tell(&page, true);
    for lead in page {
        assert_eq!(is_held(&changes, lead), Some(true), "{lead} is told when the next hold ends");
    }
}

#[test]
fn a_lead_that_joins_the_next_hold_between_two_pages_is_not_told_of_the_last_one() {
    let mut ending = Ending::new(2);
    let [first, second] = ending.unlisted[..] else { panic!("two of them") };
    ending.tell(&[first], false);
    let late = LeadId::new(ending.now, 1_000);
    let hold = ending.account.hold.clone().expect("the next hold is in force");
    let unlisted = ending.account.tell(AccountMessage::Hold(Hold { leads: vec![late], ..hold }), ending.now);
    assert_eq!(unlisted, [(late, true)], "its key lies among those of the hold that ends");
    let changes = ending.tell(&[second, late], true);
    assert!(changes.leads.contains_key(&second) && !changes.leads.contains_key(&late), "one of them is told");
    assert_eq!(is_held(&changes, late), None, "it stays where it is");
    let is_over = ending.account.ending.is_none() && ending.account.joined.is_empty();
    assert!(is_over && ending.account.more, "the next hold has leads that it does not list");
}
