//! How a run finds its way: the inbound lead, waits, coming back, leaving.

use crate::support::workflows::{self as w, hot, pooled, standard};
use crate::teller::check;
use cadenza_core::event::StandardEvent;
use cadenza_core::workflow::{Assignment, ReEnroll, Verb, Wait, Workflow};
use std::sync::Arc;

#[test]
fn a_hot_lead_is_called_and_handed_over() {
    check(
        "inbound, hot",
        vec![w::inbound(), w::handoff()],
        hot,
        "
        Mon 03-02 09:30 > lead.created email=lee@acme.io source=web
          enrolled in inbound
          inbound -> score
          scored hot
          segment hot
          inbound -> split
          inbound -> own
          owner ada by pool
          held by ada until Mon 03-16 09:30
          inbound -> first-call
          call for ada, due Mon 03-02 09:35
        Mon 03-02 09:30 ? a
          = inbound is at first-call
          = call open for ada, due Mon 03-02 09:35
          = open, owner Some(ada), watchers []
          = account of Some(ada), held until Mon 03-16 09:30 for 1 leads, kept false
        Mon 03-02 09:33 > call connected qualified
          done: connected qualified
          touch 1: call connected
          inbound -> hand-over
          inbound over: completed
          enrolled in handoff
          handoff -> qualify
          stage qualified
          handoff -> host
          todo for ada, due Tue 03-03 09:33
        Mon 03-02 09:34 > again
          ignored: unknown_task
        Mon 03-02 11:00 > meeting.accepted
        Mon 03-02 12:00 > todo done
          done: done
          handoff -> accepted
          handoff -> held
          handoff over: held
        Mon 03-02 12:00 ? a
          = qualified, owner Some(ada), watchers []
          = account of Some(ada), held until Mon 03-16 09:30 for 1 leads, kept false
    ",
    );
}

#[test]
fn an_event_that_comes_while_a_plugin_thinks_is_seen() {
    let thinking = w::workflow("thinking")
        .on_created()
        .step("score", |_| w::score())
        .step("reply", |go| w::wait_event(standard(StandardEvent::EmailReplied), go("end"), "1d", go("late")))
        .step("late", |_| Verb::End("late".to_owned()))
        .build();
    check(
        "a pooled decision",
        vec![thinking],
        pooled,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in thinking
          thinking -> score
        Mon 03-02 09:00 > email.replied
        Mon 03-02 09:00 > answer hot
          scored hot
          segment hot
          thinking -> reply
          thinking over: completed
        Mon 03-02 09:00 > again
          ignored: unknown_run
    ",
    );
}

#[test]
fn a_decision_that_does_not_come_is_asked_again_and_a_late_one_is_not_applied() {
    let thinking = w::workflow("thinking").on_created().step("score", |_| w::score()).build();
    check(
        "a lost decision",
        vec![thinking],
        pooled,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in thinking
          thinking -> score
        Mon 03-02 09:00:30 ~ timer
        Mon 03-02 09:01 ~ timer
        Mon 03-02 09:01 > answer hot
          ignored: stale_attempt
        Mon 03-02 09:01 > answer fails
          ignored: stale_attempt
        Mon 03-02 09:01 > answer warm
          scored warm
          segment warm
          thinking over: completed
    ",
    );
}

#[test]
fn another_plugin_is_asked_and_then_a_person() {
    let scored = w::workflow("scored")
        .on_created()
        .step("score", |_| w::score_or(w::second_opinion()))
        .step("talk", |go| w::todo("1h", w::results(go, &[], "end")))
        .build();
    check(
        "both fail, a person looks",
        vec![scored],
        pooled,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in scored
          scored -> score
        Mon 03-02 09:00 > answer fails
          no decision: the plugin trapped
        Mon 03-02 09:00 > again
          ignored: stale_attempt
        Mon 03-02 09:00 > answer fails
          no decision: the plugin trapped
          parked: second-fit: the plugin trapped
        Mon 03-02 12:00 > unpark
          scored -> score
        Mon 03-02 12:00 > answer warm
          scored warm
          segment warm
          scored -> talk
          todo for nobody, due Mon 03-02 13:00
    ",
    );
}

fn dated() -> Arc<Workflow> {
    w::workflow("project")
        .on_created()
        .step("until", |go| {
            Verb::Wait(Wait::Until {
                date: w::name("lead.project_date"),
                offset: w::span("30d"),
                before: true,
                past: go("past"),
                blank: go("blank"),
            })
        })
        .step("call", |go| w::call("1 business day", None, w::results(go, &[], "end")))
        .then("end")
        .step("past", |_| Verb::End("past".to_owned()))
        .step("blank", |_| Verb::End("blank".to_owned()))
        .build()
}

#[test]
fn a_wait_on_a_date_follows_the_date() {
    let cases = [
        (
            "comes",
            "
        Mon 03-02 09:00 > lead.created project_date=05-04_09:00
          enrolled in project
          project -> until
          waits until Sat 04-04 09:00
        Sat 04-04 09:00 ~ timer
          project -> call
          gate: call not before Mon 04-06 09:00: outside_hours
          call for nobody, due Tue 04-07 09:00
        Mon 04-06 09:00 ? a
          = project is at call
          = call open for nobody from Mon 04-06 09:00, due Tue 04-07 09:00
          = open, owner None, watchers []
        ",
        ),
        (
            "moves",
            "
        Mon 03-02 09:00 > lead.created project_date=05-04_09:00
          enrolled in project
          project -> until
          waits until Sat 04-04 09:00
        Tue 03-03 09:00 > lead.updated project_date=06-01_09:00
          waits until Sat 05-02 09:00
        Tue 03-03 09:01 > lead.updated title=CTO
        Tue 04-07 09:00 ? a
          = project is at until
          = open, owner None, watchers []
        ",
        ),
        (
            "moves into the past",
            "
        Mon 03-02 09:00 > lead.created project_date=05-04_09:00
          enrolled in project
          project -> until
          waits until Sat 04-04 09:00
        Tue 03-03 09:00 > lead.updated project_date=03-10_09:00
          project -> past
          project over: past
        ",
        ),
        (
            "is past",
            "
        Mon 03-02 09:00 > lead.created project_date=03-10_09:00
          enrolled in project
          project -> until
          project -> past
          project over: past
        ",
        ),
        (
            "is blank",
            "
        Mon 03-02 09:00 > lead.created
          enrolled in project
          project -> until
          project -> blank
          project over: blank
        ",
        ),
        (
            "is cleared",
            "
        Mon 03-02 09:00 > lead.created project_date=05-04_09:00
          enrolled in project
          project -> until
          waits until Sat 04-04 09:00
        Tue 03-03 09:00 > lead.updated project_date=
          project -> blank
          project over: blank
        ",
        ),
    ];
    for (title, story) in cases {
        check(title, vec![dated()], hot, story);
    }
}

#[test]
fn a_workflow_says_who_may_come_again() {
    let waiting = |re_enroll| {
        let workflow = w::workflow("short").on_created().re_enroll(re_enroll);
        vec![workflow.step("wait", |_| Verb::Wait(Wait::For(w::span("1d")))).build()]
    };
    check(
        "after 90 days",
        waiting(ReEnroll::After(w::span("90d"))),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in short
          short -> wait
          waits until Tue 03-03 09:00
        Mon 03-02 10:00 > lead.created
          not enrolled in short: already_in
        Tue 03-03 09:00 ~ timer
          short over: completed
        Wed 03-04 09:00 > lead.created
          not enrolled in short: too_soon
        Mon 06-01 08:59 > lead.created
          not enrolled in short: too_soon
        Mon 06-01 09:00 > lead.created
          enrolled in short
          short -> wait
          waits until Tue 06-02 09:00
    ",
    );
    check(
        "never",
        waiting(ReEnroll::Never),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in short
          short -> wait
          waits until Tue 03-03 09:00
        Tue 03-03 09:00 ~ timer
          short over: completed
        Wed 03-04 09:00 > lead.created
          not enrolled in short: too_soon
    ",
    );
    check(
        "always",
        waiting(ReEnroll::Always),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in short
          short -> wait
          waits until Tue 03-03 09:00
        Tue 03-03 09:00 ~ timer
          short over: completed
        Wed 03-04 09:00 > lead.created
          enrolled in short
          short -> wait
          waits until Thu 03-05 09:00
    ",
    );
}

#[test]
fn a_run_leaves_when_the_lead_changes_wherever_that_happens() {
    let won = |name| w::workflow(name).on_created().leave(w::is("lead.stage", "customer"), "won");
    let patient = won("patient").step("wait", |_| Verb::Wait(Wait::For(w::span("90d")))).build();
    let closing = won("closing")
        .step("talk", |go| w::todo("1h", w::results(go, &[], "close")))
        .step("close", |_| Verb::Update(vec![Assignment::Stage(cadenza_core::lead::Stage::Customer)]))
        .step("more", |go| w::todo("1h", w::results(go, &[], "end")))
        .build();
    check(
        "won from outside",
        vec![patient.clone()],
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in patient
          patient -> wait
          waits until Sun 05-31 09:00
        Tue 03-03 09:00 > deal.won amount=900
          stage customer
          patient over: won
        Tue 03-03 10:00 > lead.created
          not enrolled in patient: too_soon
    ",
    );
    check(
        "won by another run's update",
        vec![closing, patient],
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in closing
          enrolled in patient
          closing -> talk
          todo for nobody, due Mon 03-02 10:00
          patient -> wait
          waits until Sun 05-31 09:00
        Tue 03-03 09:00 > todo done
          done: done
          closing -> close
          stage customer
          closing over: won
          patient over: won
    ",
    );
}

#[test]
fn a_workflow_that_goes_round_in_a_circle_is_parked() {
    let circle = w::workflow("circle")
        .when(cadenza_core::event::EventType::Custom("spin".to_owned()), cadenza_core::expr::Expr::TRUE)
        .step("look", |_| Verb::Switch(vec![]))
        .step("score", |_| w::score())
        .then("look")
        .build();
    let mut told = crate::support::Sim::new(1, w::at("2026-03-02T14:00:00Z"));
    let world = w::world(vec![circle], hot);
    let report =
        cadenza_core::event::Event::Enrolled { workflow: "circle".to_owned(), by: "ops".to_owned(), key: None };
    told.feed(&world, &mut crate::support::Shared::default(), told.created_at, report);
    let state = &told.state.runs[0].state;
    assert!(
        matches!(state, cadenza_core::run::RunState::Parked { .. }),
        "answers at once count as steps too: {state:?}"
    );
    told.check_replay(&world);
}

#[test]
fn two_workflows_that_enroll_each_other_end() {
    let into = |name: &str, other: &'static str| {
        w::workflow(name).re_enroll(ReEnroll::Always).step("on", move |_| w::enroll(other)).build()
    };
    let world = w::world(vec![into("ping", "pong"), into("pong", "ping")], hot);
    let mut sim = crate::support::Sim::new(1, w::at("2026-03-02T14:00:00Z"));
    let event = cadenza_core::event::Event::Enrolled { workflow: "ping".to_owned(), by: "ops".to_owned(), key: None };
    sim.feed(&world, &mut crate::support::Shared::default(), sim.created_at, event);
    assert_eq!(sim.state.runs.len(), 1, "the last of them is parked for a person");
}

#[test]
fn a_paused_workflow_stands_still_and_loses_nothing() {
    check(
        "paused",
        vec![w::inbound(), w::handoff()],
        hot,
        "
        Mon 03-02 09:00 ! paused: inbound
        Mon 03-02 09:30 > lead.created email=lee@acme.io source=web
          enrolled in inbound
          inbound stands still
        Mon 03-02 10:00 ? a
          = inbound is at score
          = open, owner None, watchers []
          = account of None, , kept false
        Mon 03-02 10:30 ! released
        Mon 03-02 10:30 ~ released
          inbound goes on
          inbound -> score
          scored hot
          segment hot
          inbound -> split
          inbound -> own
          owner ada by pool
          held by ada until Mon 03-16 10:30
          inbound -> first-call
          call for ada, due Mon 03-02 10:35
        Mon 03-02 10:31 > call no_answer
          done: no_answer
          touch 1: call no_answer
          inbound -> persist
          call for ada, due Mon 03-02 11:31
        Mon 03-02 10:32 ! paused: inbound
        Mon 03-02 10:33 > call no_answer
          done: no_answer
          touch 2: call no_answer
        Mon 03-02 10:37 ~ timer
          inbound stands still
        Fri 03-06 09:00 ? a
          = inbound is at persist, 0 contacts, round 0
          = open, owner Some(ada), watchers []
          = account of Some(ada), held until Mon 03-16 10:30 for 1 leads, kept false
        Fri 03-06 09:30 ! released
        Fri 03-06 09:30 ~ released
          inbound goes on
          call for ada, due Fri 03-06 10:30
        Fri 03-06 09:31 ? a
          = inbound is at persist, 0 contacts, round 0
          = call open for ada, due Fri 03-06 10:30
          = open, owner Some(ada), watchers []
          = account of Some(ada), held until Mon 03-16 10:30 for 1 leads, kept false
    ",
    );
}
