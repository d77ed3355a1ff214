//! What becomes of a lead when an expression has no answer: nothing is taken for a no. A run waits for a person; an enrolment
//! lies with the dead letters.
//!
//! `lead.title >= 5` has no answer while the lead has a title that says no number.

use crate::support::workflows::{self as w, compare, hot, name, standard};
use crate::support::{Shared, Sim, World};
use crate::teller::check;
use cadenza_core::event::{Event, EventType, Report, StandardEvent};
use cadenza_core::expr::{Comparison, Expr, Operator};
use cadenza_core::heart::{Command, Outcome, Unclear};
use cadenza_core::journal::{Note, Refusal};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_core::workflow::{Arm, Assignment, Awaited, Since, Verb, Wait, Workflow};
use std::sync::Arc;

fn at_least_five(path: &str) -> Expr {
    compare(name(path), Comparison::GreaterOrEqual, Expr::Literal(Value::Int(5)))
}

#[test]
fn a_switch_or_an_update_without_an_answer_parks_and_goes_on_when_there_is_one() {
    let asks = w::workflow("asks")
        .on_created()
        .step("ask", |go| Verb::Switch(vec![Arm { condition: at_least_five("lead.title"), go: go("large") }]))
        .step("share", |_| {
            let (all, each) = (Expr::Literal(Value::Int(100)), name("lead.pain"));
            let value = Expr::Arithmetic(Operator::Divide, Box::new(all), Box::new(each));
            Verb::Update(vec![Assignment::Field { field: "budget".to_owned(), value }])
        })
        .step("small", |_| Verb::End("small".to_owned()))
        .step("large", |_| Verb::End("large".to_owned()))
        .build();
    check(
        "a switch",
        vec![asks],
        hot,
        "
        Mon 03-02 09:00 > lead.created title=CEO pain=0
          enrolled in asks
          asks -> ask
          parked: `switch`: `lead.title >= 5` has no answer: a text and a whole number do not go together
        Mon 03-02 09:10 > unpark
          asks -> ask
          parked: `switch`: `lead.title >= 5` has no answer: a text and a whole number do not go together
        Mon 03-02 09:20 > lead.updated title=4
        Mon 03-02 09:30 > unpark
          asks -> ask
          asks -> share
          parked: `update`: `100 / lead.pain` has no answer: something is divided by zero
        Mon 03-02 09:40 > lead.updated title=9
        Mon 03-02 09:50 > unpark
          asks -> share
          parked: `update`: `100 / lead.pain` has no answer: something is divided by zero
    ",
    );
}

#[test]
fn a_leave_without_an_answer_parks_and_what_was_counted_stays_counted() {
    let calls = w::workflow("calls")
        .on_created()
        .leave(at_least_five("lead.title"), "large")
        .leave(w::is("lead.stage", "customer"), "won")
        .step("persist", |go| {
            let stop = vec![Arm { condition: at_least_five("lead.pain"), go: go("talk") }];
            w::cadence(vec![w::call_touch("0d", false), w::call_touch("1d", false)], 3, Some("1d"), stop, go("end"))
        })
        .step("talk", |go| w::todo("1h", w::results(go, &[], "end")))
        .build();
    check(
        "leave and stop",
        vec![calls],
        hot,
        "
        Mon 03-02 09:00 > lead.created phone=+12125550100
          enrolled in calls
          calls -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call no_answer
          done: no_answer
          touch 1: call no_answer
        Tue 03-03 09:10 ~ timer
          call for nobody, due Tue 03-03 10:10
        Tue 03-03 09:15 > lead.updated title=CEO
          task withdrawn
          parked: `leave`: `lead.title >= 5` has no answer: a text and a whole number do not go together
        Tue 03-03 09:20 > lead.updated company=Acme
        Tue 03-03 09:25 > lead.updated title=
        Tue 03-03 09:30 > unpark
          calls -> persist
        Tue 03-03 09:30 ~ timer
          call for nobody, due Tue 03-03 10:30
        Tue 03-03 09:30 ? a
          = calls is at persist, 1 contacts, round 0
          = call open for nobody, due Tue 03-03 10:30
          = open, owner None, watchers []
          = account of None, , kept false
        Tue 03-03 09:40 > lead.updated pain=queues
        Tue 03-03 09:50 > call no_answer
          done: no_answer
          touch 2: call no_answer
          parked: `stop`: `lead.pain >= 5` has no answer: a text and a whole number do not go together
        Tue 03-03 10:00 > unpark
          calls -> persist
          parked: `stop`: `lead.pain >= 5` has no answer: a text and a whole number do not go together
        Tue 03-03 10:10 > lead.updated pain=3
        Tue 03-03 10:20 > unpark
          calls -> persist
        Tue 03-03 10:20 ? a
          = calls is at persist, 2 contacts, round 1
          = open, owner None, watchers []
          = account of None, , kept false
        Tue 03-03 10:30 > lead.updated title=CEO
          parked: `leave`: `lead.title >= 5` has no answer: a text and a whole number do not go together
        Tue 03-03 10:40 > deal.won
          stage customer
          calls over: won
    ",
    );
}

#[test]
fn a_run_that_is_parked_in_a_cadence_has_had_its_contacts() {
    let enough = compare(name("run.contacts"), Comparison::GreaterOrEqual, Expr::Literal(Value::Int(1)));
    let calls = w::workflow("calls")
        .on_created()
        .leave(Expr::And(vec![enough, w::is("lead.company", "Acme")]), "enough")
        .step("persist", |go| {
            let stop = vec![Arm { condition: at_least_five("lead.pain"), go: go("end") }];
            w::cadence(vec![w::call_touch("0d", false), w::call_touch("1d", false)], 3, Some("1d"), stop, go("end"))
        })
        .build();
    check(
        "parked after its first contact",
        vec![calls],
        hot,
        "
        Mon 03-02 09:00 > lead.created phone=+12125550100 pain=queues
          enrolled in calls
          calls -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call no_answer
          done: no_answer
          touch 1: call no_answer
          parked: `stop`: `lead.pain >= 5` has no answer: a text and a whole number do not go together
        Mon 03-02 09:20 > lead.updated company=Acme
          calls over: enough
    ",
    );
}

#[test]
fn an_event_without_an_answer_parks_the_run_that_waits_once() {
    let waits = w::workflow("waits")
        .on_created()
        .step("reply", |go| {
            let event = standard(StandardEvent::EmailReplied);
            let (condition, timeout) = (at_least_five("event.data.n"), w::span("9d"));
            Verb::Wait(Wait::Event {
                first: Awaited { event, condition, go: go("end") },
                or: vec![],
                since: Since::Moved,
                timeout,
                on_timeout: go("date"),
            })
        })
        .step("date", |go| {
            let date =
                Expr::Arithmetic(Operator::Add, Box::new(name("lead.project_date")), Box::new(name("lead.title")));
            let (past, blank) = (go("end"), go("end"));
            Verb::Wait(Wait::Until { date, offset: w::span("0d"), before: false, past, blank })
        })
        .build();
    check(
        "a wait",
        vec![waits],
        hot,
        "
        Mon 03-02 09:00 > lead.created title=CEO project_date=06-01_09:00
          enrolled in waits
          waits -> reply
          waits until Wed 03-11 09:00
        Mon 03-02 09:10 > email.replied n=many
          parked: `if` of its `wait`: `event.data.n >= 5` has no answer: a text and a whole number do not go together
        Mon 03-02 09:20 > unpark
          waits -> reply
          waits until Wed 03-11 09:20
        Wed 03-11 09:20 ~ timer
          waits -> date
          parked: `until` of its `wait`: `lead.project_date + lead.title` has no answer: a text and a time do not go together
        Thu 03-12 09:30 > lead.updated company=Acme
    ",
    );
}

#[test]
fn an_enrolment_without_an_answer_is_a_dead_letter() {
    let ways = w::workflow("one")
        .when(standard(StandardEvent::LeadCreated), at_least_five("event.data.n"))
        .when(standard(StandardEvent::LeadCreated), w::is("lead.source", "web"))
        .step("end", |_| Verb::End("done".to_owned()))
        .build();
    check(
        "an enrolment",
        vec![ways.clone()],
        hot,
        "
        Mon 03-02 09:00 > lead.created n=many
          not enrolled in one: no_answer
        Mon 03-02 09:00 > lead.created n=many source=web
          enrolled in one
          one -> end
          one over: done
    ",
    );
    assert_eq!(
        buried(vec![ways], "many"),
        ["one: `event.data.n >= 5` has no answer: a text and a whole number do not go together"]
    );
}

/// What a schedule and an event bury about a lead with this title.
fn buried(workflows: Vec<Arc<Workflow>>, n: &str) -> Vec<String> {
    let world: World = w::world(workflows, hot);
    let (mut shared, now) = (Shared::default(), Timestamp::from_ms(1_772_000_000_000));
    let mut sim = Sim::new(0, now);
    let report = Report {
        kind: EventType::Standard(StandardEvent::LeadCreated),
        at: now,
        source: "web".to_owned(),
        fields: vec![("title".to_owned(), Value::Text("CEO".to_owned()))],
        data: [("n".to_owned(), Value::Text(n.to_owned()))].into(),
        enrolls: true,
        only_finds: false,
        left_out: vec![],
        standing: None,
        also: Vec::new(),
    };
    sim.feed(&world, &mut shared, now, Event::Reported(report));
    let told = |unclear: &Unclear| format!("{}: {}", unclear.workflow, unclear.cause);
    let by_event: Vec<String> = sim.buried.drain(..).map(|unclear| told(&unclear)).collect();
    let leads = Arc::new(at_least_five("lead.title"));
    let lead = sim.state.lead.id;
    let command = Command::Enroll { lead, workflow: "one".to_owned(), by: "schedule".to_owned(), leads };
    let Outcome::Applied(notes) = sim.run(&world, &mut shared, now, &command) else { panic!("it is a lead's matter") };
    let not_enrolled = Note::NotEnrolled { workflow: "one".to_owned(), why: Refusal::NoAnswer };
    assert_eq!(notes, std::slice::from_ref(&not_enrolled), "its own story says so");
    assert_eq!(sim.state.latest.as_ref().map(|entry| entry.skeleton.notes.contains(&not_enrolled)), Some(true));
    sim.check_replay(&world);
    let by_schedule: Vec<String> = sim.buried.iter().map(told).collect();
    assert_eq!(by_schedule, ["one: `lead.title >= 5` has no answer: a text and a whole number do not go together"]);
    by_event
}
