//! Which name has a value at which place: a table. Every cell is checked twice: the validator accepts or refuses the
//! name, and if it accepts it, a lead is run to that place and the name is found to have a value there.

use crate::fixture::catalog;
use cadenza_core::account::Account;
use cadenza_core::effect::{Outgoing, Question};
use cadenza_core::event::{Delivery, Event, EventType, LeadCommand, Report, TaskReport};
use cadenza_core::expr::Scope as _;
use cadenza_core::heart::{
    Command, Decide, Decided, Found, Key, Outcome as Happened, Outside, Record, Rules, Stop, WorkingSet, compute,
};
use cadenza_core::id::{AccountId, LeadId};
use cadenza_core::lead::{Outcome, RepId, TouchResult};
use cadenza_core::paused::Paused;
use cadenza_core::state::{LeadState, PoolState};
use cadenza_core::step::View;
use cadenza_core::time::{DAY_MS, HOUR_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_core::workflow::Enroll;
use cadenza_core::workspace::{Definitions, Live, Workspace};
use cadenza_language::{Checked, Folder, Paint, check, render};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NAMES: [&str; 13] = [
    "lead.company",
    "account.owner",
    "owner.name",
    "deal.stage",
    "now",
    "run.step",
    "run.contacts",
    "event.type",
    "event.data.x",
    "task.kind",
    "task.outcome",
    "touch.channel",
    "touch.result",
];

/// What happens after the lead was created.
#[derive(Clone, Copy)]
enum Then {
    /// A call or task is done.
    Done,
    /// A mail has left.
    Sent,
    /// The lead replies.
    Reply,
    /// Three days pass.
    Days,
}
use Then::{Days, Done, Reply, Sent};

/// A place: the workflow with `@` where the condition stands, what happens, and for each name whether it has a value
/// (`v`) or is an error (`-`). If a lead comes to the step `met`, or its run ends as `met`, the condition was evaluated
/// and held.
struct Place {
    name: &'static str,
    workflow: &'static str,
    then: &'static [Then],
    cells: &'static str,
}

const fn place(name: &'static str, workflow: &'static str, then: &'static [Then], cells: &'static str) -> Place {
    Place { name, workflow, then, cells }
}

const CREATED: &str = "enroll: [{ when: lead.created }]\n";
const ASK: &str = "  - switch: [{ if: \"@\", go: met }, { else: end }]\n  - { id: met, task: Go }\n";

/// The columns are those of [`NAMES`].
const PLACES: [Place; 16] = [
    place(
        "enroll",
        "enroll: [{ when: lead.created, if: \"@\" }]\nsteps:\n  - { id: met, task: Go }\n",
        &[],
        "vvvvv--vv----",
    ),
    place(
        "schedule",
        "enroll: [{ schedule: { cron: \"0 8 * * *\" }, leads: \"@\" }]\nsteps:\n  - { id: met, task: Go }\n",
        &[],
        "vvvvv--------",
    ),
    place(
        "territory",
        "CREATEDsteps:\n  - { id: by, assign: { by: territory } }\n  - switch: [{ if: lead.owner == 'ben', go: met }, { else: end }]\n  - { id: met, task: Go }\n",
        &[],
        "vv-vv--------",
    ),
    place(
        "leave",
        "CREATEDleave: [{ if: \"@\", as: met }]\nsteps:\n  - { id: dial, cadence: { touches: [{ after: 0d, call: scripts/call.md }, { after: 3d, call: scripts/call.md }], exhausted: end } }\n",
        &[Done],
        "vvvvvvvvvvvvv",
    ),
    place("first switch", "CREATEDsteps:\nASK", &[], "vvvvvv-vv----"),
    place("switch after update", "CREATEDsteps:\n  - update: { plan: x }\nASK", &[], "vvvvvv-vv----"),
    place(
        "switch after assign",
        "CREATEDsteps:\n  - { id: own, assign: { pool: closers, by: round_robin } }\nASK",
        &[],
        "vvvvvv-------",
    ),
    place(
        "switch after a call",
        "CREATEDsteps:\n  - { id: dial, call: scripts/call.md, results: { else: ask } }\nIDASK",
        &[Done],
        "vvvvvv---vvvv",
    ),
    place("switch after a task", "CREATEDsteps:\n  - { id: do, task: Do }\nASK", &[Done], "vvvvvv---vv--"),
    place(
        "switch after a mail",
        "CREATEDsteps:\n  - { id: mail, email: scripts/mail.md }\nASK",
        &[Sent],
        "vvvvvv-----v-",
    ),
    place("switch after a wait", "CREATEDsteps:\n  - { id: rest, wait: 2d }\nASK", &[Days], "vvvvvv-------"),
    place(
        "switch after an event",
        "CREATEDsteps:\n  - { id: reply, wait: { event: email.replied, go: ask, timeout: { after: 9d, go: end } } }\nIDASK",
        &[Reply],
        "vvvvvv-vv----",
    ),
    place(
        "switch after an early event",
        "CREATEDsteps:\n  - { id: do, task: Do }\n  - { id: reply, wait: { event: email.replied, go: ask, timeout: { after: 9d, go: end } } }\nIDASK",
        &[Reply, Done],
        "vvvvvv-vv----",
    ),
    place(
        "if of a wait",
        "CREATEDsteps:\n  - { id: reply, wait: { event: email.replied, if: \"@\", go: met, timeout: { after: 9d, go: end } } }\n  - { id: met, task: Go }\n",
        &[Reply],
        "vvvvvv-vv----",
    ),
    place(
        "stop of a cadence with calls",
        "CREATEDsteps:\n  - { id: dial, cadence: { stop: [{ if: \"@\", go: met }], touches: [{ after: 0d, call: scripts/call.md }], exhausted: end } }\n  - { id: met, task: Go }\n",
        &[Done],
        "vvvvvvv--vvvv",
    ),
    place(
        "date of a wait",
        "CREATEDsteps:\n  - { id: rest, wait: { until: \"@ ? lead.project_date : lead.created_at\", past: end, blank: end } }\n  - { id: met, task: Go }\n",
        &[Days, Days, Days, Days],
        "vvvv-v-------",
    ),
];

const SETTINGS: &str = "name: Places\ntimezone: Europe/Berlin\nhours: { mon-sun: 00:00-24:00 }\nfields: { plan: text }\ncontact: { email_via: mailer }\n";
const TEAM: &str = "reps: { ana: { name: Ana }, ben: { name: Ben } }\npools: { closers: [ana] }\n";
const CONNECTIONS: &str = "connections: { mailer: { url: \"https://mail.example.com\" } }\n";
const CALL: &str = "---\nobjective: Call\nreviewed_by: Ana\n---\nHello\n";
const MAIL: &str = "---\nobjective: Mail\nreviewed_by: Ana\nsubject: Hello\n---\nHello\n";

fn folder(place: &Place, condition: &str) -> Folder {
    let mut team = TEAM.to_owned();
    let mut workflow =
        place.workflow.replace("CREATED", CREATED).replace("IDASK", &ASK.replace("switch", "id: ask\n    switch"));
    workflow = workflow.replace("ASK", ASK);
    if place.name == "territory" {
        team.push_str(&format!("territories: [{{ name: west, if: \"{condition}\", owner: ben }}]\n"));
    }
    workflow = format!("workflow: asked\nsummary: Asks.\n{workflow}").replace('@', condition);
    let files = [
        ("cadenza.yaml", SETTINGS.to_owned()),
        ("team.yaml", team),
        ("connections.yaml", CONNECTIONS.to_owned()),
        ("asked.yaml", workflow),
        ("scripts/call.md", CALL.to_owned()),
        ("scripts/mail.md", MAIL.to_owned()),
    ];
    Folder::new(files.map(|(path, text)| (path.to_owned(), text))).expect("the paths are plain")
}

#[test]
fn every_name_has_a_value_at_its_place_or_is_an_error_there() {
    let mut wrong = Vec::new();
    for place in &PLACES {
        assert_eq!(place.cells.len(), NAMES.len(), "{}: a cell for each name", place.name);
        for (name, cell) in NAMES.iter().zip(place.cells.chars()) {
            let folder = folder(place, &format!("!is_blank({name})"));
            let Checked { workspace, diagnostics } = check(&folder, &catalog());
            let refused = diagnostics.iter().any(|found| found.code == "no-value-here" && !found.help.is_empty());
            let is = match workspace {
                Some(workspace) if holds(place, &workspace) => 'v',
                Some(_) => 'b',
                None if refused => '-',
                None => panic!("{}: {}", place.name, render(&diagnostics, &folder, Paint::Plain)),
            };
            if is != cell {
                wrong.push(format!("{name} at {}: {is} instead of {cell}", place.name));
            }
        }
    }
    assert!(wrong.is_empty(), "v has a value, - is an error, b is taken and always blank:\n{}", wrong.join("\n"));
}

/// One lead, with what a driver would keep for it.
struct Driven {
    live: Live,
    definitions: Definitions,
    lead: LeadId,
    account: Account,
    set: WorkingSet,
    mails: Vec<Outgoing>,
    now: Timestamp,
    /// Ids of steps that runs reached, and names of endings.
    reached: BTreeSet<String>,
}

/// No workflow here waits for an answer.
struct Silent;

impl Decide for Silent {
    fn decide(&mut self, question: Question) -> Decided {
        Decided::Asked(question)
    }
}

impl Driven {
    fn state(&self) -> &LeadState {
        self.set.state(self.lead).expect("it is there")
    }

    fn feed(&mut self, event: Event) {
        let (none, mut answers) = (Paused::default(), Vec::new());
        let (definitions, live) = (&self.definitions, &self.live);
        let rules = Rules { definitions, live, paused: &none, asks_account: true, older_keys: false, now: self.now };
        let command = Command::Event { lead: self.lead, id: "ev".to_owned(), event: Box::new(event) };
        let (outcome, mut changes) = loop {
            match compute(&command, rules, &self.set, &mut Silent, &mut answers) {
                Ok(done) => break done,
                Err(Stop::Unread(keys)) => keys.into_iter().for_each(|key| self.set.put(read(key, &self.account))),
                Err(Stop::Rejected(why)) => panic!("{why:?}"),
            }
        };
        let rows = std::mem::take(&mut changes.outside).into_iter();
        self.mails.extend(rows.filter_map(|outside| if let Outside::Send(row) = outside { Some(*row) } else { None }));
        self.set.apply(changes);
        let Happened::Applied(notes) = outcome else { panic!("an event comes to something: {outcome:?}") };
        for note in notes {
            match note {
                cadenza_core::journal::Note::Entered { step, .. } => {
                    let definition = self.definitions.followed().next().expect("one workflow");
                    self.reached.extend(definition.step(step).map(|step| step.id.clone()));
                }
                cadenza_core::journal::Note::Ended { ending, .. } => drop(self.reached.insert(ending)),
                _ => {}
            }
        }
    }

    fn report(&mut self, kind: &str, data: &[(&str, &str)], fields: &[(&str, Value)]) {
        let text = |text: &str| Value::Text(text.to_owned());
        self.feed(Event::Reported(Report {
            kind: EventType::parse(kind).expect("an event type"),
            at: self.now,
            source: "test".to_owned(),
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            data: data.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect(),
            enrolls: true,
            only_finds: false,
            left_out: Vec::new(),
            standing: None,
            also: Vec::new(),
        }));
    }

    fn then(&mut self, what: Then) {
        self.now = self.now.plus_ms(HOUR_MS);
        match what {
            Reply => self.report("email.replied", &[("x", "1")], &[]),
            Sent => {
                let row = self.mails.pop().expect("a mail is under way");
                let Outgoing { id: effect, run, attempt, .. } = row;
                self.feed(Event::Delivered {
                    effect,
                    run,
                    attempt,
                    ending: Delivery::Sent,
                    is_request: false,
                    script: None,
                    at: None,
                    channel: None,
                });
            }
            Done => {
                // If the run has already ended, there is nothing left to do.
                let Some(task) = self.state().tasks.first() else { return };
                let call = task.kind == cadenza_core::task::TaskKind::Call;
                self.feed(Event::TaskDone(TaskReport {
                    task: task.id,
                    outcome: if call { Outcome::Connected } else { Outcome::Done },
                    result: call.then_some(TouchResult::NotNow),
                    notes: None,
                    fields: Vec::new(),
                    callback_at: None,
                    by: "ana".to_owned(),
                    result_own: None,
                }));
            }
            Days => {
                self.now = self.now.plus_ms(3 * DAY_MS);
                self.feed(Event::TimerDue);
            }
        }
    }
}

/// What a store would contain: one account, which has an owner.
fn read(key: Key, account: &Account) -> Record {
    match key {
        Key::Lead(id) => Record::Lead(id, Found::Nothing),
        Key::Account(id) => Record::Account(id, Some(account.clone()).filter(|account| account.id == id).into()),
        Key::Identity(key) => Record::Identity(key, Found::Nothing),
        Key::Pool(name) => Record::Pool(name, PoolState::default()),
        Key::OpenTasks(rep) => Record::OpenTasks(rep, 0),
        Key::Mark(id) => Record::Mark(id, Found::Nothing),
    }
}

/// Whether the condition held for a lead about which everything is known that can be.
fn holds(place: &Place, workspace: &Workspace) -> bool {
    let now = Timestamp::from_ms(1_795_186_800_000);
    let definitions: Definitions = workspace.workflows.values().cloned().collect();
    let live = Live {
        digest: workspace.digest,
        settings: Arc::new(workspace.settings.clone()),
        workflows: workspace.workflows.clone(),
        plugins: BTreeMap::new(),
        bindings: BTreeMap::new(),
        candidates: BTreeMap::new(),
        connections: workspace.connections.keys().cloned().collect(),
    };
    let mut account = Account::new(AccountId::of_key("domain:acme.example"), "Acme".to_owned());
    account.owner = Some(RepId("ana".to_owned()));
    let (lead, mut set) = (LeadId::new(now, 1), WorkingSet::default());
    set.put(Record::Lead(lead, Some(LeadState::new(lead, now)).into()));
    let (mails, reached) = (Vec::new(), BTreeSet::new());
    let mut driven = Driven { live, definitions, lead, account, set, mails, now, reached };
    let text = |text: &str| Value::Text(text.to_owned());
    let known = [
        ("email", text("ada@acme.example")),
        ("phone", text("+493012345678")),
        ("company", text("Acme")),
        ("project_date", Value::Time(now.plus_ms(10 * DAY_MS))),
    ];
    driven.report("deal.stage_changed", &[("stage", "demo")], &known);
    driven.feed(Event::Commanded { command: LeadCommand::SetOwner(RepId("ana".to_owned())), by: "ops".to_owned() });
    driven.report("lead.created", &[("x", "1")], &[]);
    place.then.iter().for_each(|then| driven.then(*then));
    let workflow = workspace.workflows.values().next().expect("one workflow");
    match workflow.enroll.first() {
        Some(Enroll::Schedule { leads, .. }) => {
            let view = View::of(driven.state(), &driven.live, &driven.definitions, driven.now);
            let account = driven.account.facts();
            let view = View { account: Some(&account), ..view };
            assert!(view.now() == driven.now);
            leads.holds(&view).expect("it has an answer")
        }
        _ => driven.reached.contains("met"),
    }
}

/// Names in texts: a step's task, the script of its call, of a cadence's call, of a step's mail, of a cadence's mail.
const TEXTS: [(&str, &str); 15] = [
    ("lead.company", "vvvvv"),
    ("owner.name", "vvvvv"),
    ("account.owner", "vvvvv"),
    ("deal.stage", "vvvvv"),
    ("now", "vvvvv"),
    ("run.step", "vvvvv"),
    ("run.started_at", "vvvvv"),
    ("run.contacts", "--v-v"),
    ("run.round", "--v-v"),
    ("task.due", "vvv--"),
    ("task.reminders", "vvv--"),
    ("task.outcome", "-----"),
    ("task.result", "-----"),
    ("touch.outcome", "-----"),
    ("event.data.x", "-----"),
];

#[test]
fn every_name_in_a_text_has_a_value_or_is_an_error() {
    let steps = [
        "  - { id: do, task: \"Do @\" }\n",
        "  - { id: dial, call: scripts/text.md, results: { else: end } }\n",
        "  - { id: dial, cadence: { touches: [{ after: 0d, call: scripts/text.md }], exhausted: end } }\n",
        "  - { id: mail, email: scripts/text.md }\n",
        "  - { id: mails, cadence: { touches: [{ after: 1d, email: scripts/text.md }, { after: 1d, call: scripts/call.md }], exhausted: end } }\n",
    ];
    let mut wrong = Vec::new();
    for (name, cells) in TEXTS {
        for (step, cell) in steps.iter().zip(cells.chars()) {
            let text = format!("{{{{ {name} | default('-') }}}}");
            let script = format!("---\nobjective: Say it\nreviewed_by: Ana\nsubject: Hello\n---\nIt is {text}.\n");
            let workflow = format!("workflow: texts\nsummary: Texts.\n{CREATED}steps:\n{}", step.replace('@', &text));
            let files = [
                ("cadenza.yaml", SETTINGS.to_owned()),
                ("connections.yaml", CONNECTIONS.to_owned()),
                ("texts.yaml", workflow),
                ("scripts/call.md", CALL.to_owned()),
                ("scripts/text.md", script),
            ];
            let folder = Folder::new(files.map(|(path, text)| (path.to_owned(), text))).expect("the paths are plain");
            let checked = check(&folder, &catalog());
            let refused =
                checked.diagnostics.iter().any(|found| found.code == "no-value-here" && !found.help.is_empty());
            match (checked.workspace.is_some(), refused, cell) {
                (true, false, 'v') | (false, true, '-') => {}
                _ => wrong.push(format!(
                    "{name} in `{}`:\n{}",
                    step.trim(),
                    render(&checked.diagnostics, &folder, Paint::Plain)
                )),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
