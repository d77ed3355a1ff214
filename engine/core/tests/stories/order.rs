//! The rules of order, one by one: what one event does first and what then, and which of two things that meet wins. A
//! row is a rule and a story that would go another way without it.

use crate::support::workflows::{self as w, Does, hot, pooled};
use crate::teller::{Answers, tell};
use cadenza_core::event::StandardEvent;
use cadenza_core::expr::{Expr, Function, Operator};
use cadenza_core::lead::{Channel, Stage};
use cadenza_core::workflow::{
    Arm, Assign, AssignBy, Assignment, Awaited, Enrolment, HoldScope, MailResults, NextDay, Party, ReEnroll, Since,
    Split, SplitArm, SplitBy, StepIx, TouchPlan, Verb, Wait, Workflow,
};
use std::sync::Arc;

/// A rule, and a story that keeps to it.
struct Row {
    rule: &'static str,
    workflows: Vec<Arc<Workflow>>,
    plugins: Answers,
    story: &'static str,
}

const fn row(rule: &'static str, workflows: Vec<Arc<Workflow>>, story: &'static str) -> Row {
    Row { rule, workflows, plugins: hot, story }
}

#[test]
fn what_happens_in_which_order() {
    let bullets = [
        one_event(),
        changes_of_fields(),
        out_of_a_step(),
        given_up(),
        waits(),
        keys(),
        groups(),
        arms(),
        words(),
        zones_and_deals(),
    ];
    let told = |row: Row| {
        let Row { rule, workflows, plugins, story } = row;
        let told = std::panic::catch_unwind(move || tell(workflows, plugins, story));
        let other = told.unwrap_or_else(|_| Err("the story breaks off; above is where".to_owned())).err()?;
        Some(format!("{rule}: {other}"))
    };
    let broken: Vec<String> = bullets.into_iter().flatten().filter_map(told).collect();
    assert!(broken.is_empty(), "{} rules are not kept:\n{}", broken.len(), broken.join("\n\n"));
}

fn one_event() -> Vec<Row> {
    vec![
        row(
            "what a lead says of being contacted comes before what an event tells of it",
            vec![talking("selling").on_created().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
              enrolled in selling
              selling -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > deal.won opted_out=true
              OptedOut
              task withdrawn
              selling over: suppressed
              stage suppressed
              StageKept(Suppressed)
              Bound { kind: Email, why: OptedOut }
        ",
        ),
        row(
            "`leave` is asked once the event's fields are set, and before waits and interrupts",
            vec![
                w::workflow("left")
                    .on_created()
                    .leave(w::is("lead.campaign", "spring"), "chosen")
                    .interrupt("lead.updated", &[], watches("ada"))
                    .step("wait", |go| w::wait_any(&[("lead.updated", go("end"))], Since::Moved, "30d", go("end")))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in left
              left -> wait
              waits until Wed 04-01 09:00
            Mon 03-02 10:00 > lead.updated campaign=spring
              left over: chosen
            Mon 03-02 10:00 ? a
              = open, owner None, watchers []
        ",
        ),
        row(
            "of several runs that leave the oldest goes first",
            vec![
                talking("older")
                    .when(w::custom("first"), Expr::TRUE)
                    .leave(w::is("lead.campaign", "spring"), "left")
                    .build(),
                talking("newer")
                    .when(w::custom("second"), Expr::TRUE)
                    .leave(w::is("lead.campaign", "spring"), "left")
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 09:00 > custom.first
              enrolled in older
              older -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:01 > custom.second
              enrolled in newer
              newer -> talk
              todo for nobody, due Mon 03-02 10:01
            Mon 03-02 09:30 > lead.updated campaign=spring
              task withdrawn
              older over: left
              task withdrawn
              newer over: left
        ",
        ),
        row(
            "a run is moved by what it waits for; only if that does not move it do its interrupts act: from the top, \
             each `do` as far as the first `go`",
            vec![waiting()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in waiting
              waiting -> wait
              waits until Wed 04-01 09:00
            Mon 03-02 10:00 > email.replied
              waiting -> heard
              todo for nobody, due Mon 03-02 11:00
            Mon 03-02 11:00 > email.replied
              waiting by email.replied: do
              ada watches
              waiting by email.replied: go
              task withdrawn
              waiting -> other
              todo for nobody, due Mon 03-02 13:00
            Mon 03-02 11:00 ? a
              = waiting is at other
              = todo open for nobody, due Mon 03-02 13:00
              = open, owner None, watchers [ada]
        ",
        ),
        row(
            "a `pause` ends the list as a `go` does",
            vec![
                talking("paused")
                    .on_created()
                    .interrupt("email.replied", &[], watches("ada"))
                    .interrupt("email.replied", &[], Does::Pause(None, "1 business day"))
                    .interrupt("email.replied", &[], watches("bob"))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in paused
              paused -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > email.replied
              paused by email.replied: do
              ada watches
              paused by email.replied: pause
              paused until Tue 03-03 09:30
        ",
        ),
        row(
            "a workflow is asked whether it wants the lead once the event's fields are set, before a run does anything",
            vec![
                talking("spoiling")
                    .on_created()
                    .interrupt("lead.updated", &[], Does::Do(|| vec![w::set("campaign", "spoilt")]))
                    .build(),
                talking("wanting")
                    .when(w::standard(StandardEvent::LeadUpdated), w::is("lead.campaign", "spring"))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created campaign=winter
              enrolled in spoiling
              spoiling -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > lead.updated campaign=spring
              spoiling by lead.updated: do
              enrolled in wanting
              wanting -> talk
              todo for nobody, due Mon 03-02 10:30
        ",
        ),
        row(
            "a run that the event has ended does not keep the lead out",
            vec![
                talking("one")
                    .when(w::custom("start"), Expr::TRUE)
                    .leave_at("custom.start", false, "again")
                    .re_enroll(ReEnroll::Always)
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
            Mon 03-02 10:00 > custom.start
              enrolled in one
              one -> talk
              todo for nobody, due Mon 03-02 11:00
            Mon 03-02 11:00 > custom.start
              task withdrawn
              one over: again
              enrolled in one
              one -> talk
              todo for nobody, due Mon 03-02 12:00
        ",
        ),
        row(
            "a group is made room in once every run has heard the event, and before any of them sets out",
            vec![
                w::workflow("low")
                    .on_created()
                    .group("sales-motion", 10, None)
                    .interrupt("custom.high", &[], watches("ada"))
                    .interrupt("custom.high", &[], Does::Go("next"))
                    .step("talk", |go| w::todo("1h", w::results(go, &[], "end")))
                    .step("next", |_| w::set("campaign", "spoilt"))
                    .build(),
                talking("high").when(w::custom("high"), Expr::TRUE).group("sales-motion", 50, None).build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in low
              low -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > custom.high
              low by custom.high: do
              ada watches
              low by custom.high: go
              task withdrawn
              low over: ousted
              enrolled in high
              high -> talk
              todo for nobody, due Mon 03-02 10:30
        ",
        ),
        row(
            "runs set out in the order in which they began, whatever moved them, and the one just enrolled comes last",
            vec![
                w::workflow("older")
                    .when(w::custom("first"), Expr::TRUE)
                    .step("wait", |go| w::wait_any(&[("lead.updated", go("next"))], Since::Moved, "30d", go("end")))
                    .step("next", |go| w::todo("1h", w::results(go, &[], "end")))
                    .build(),
                w::workflow("middle")
                    .when(w::custom("second"), Expr::TRUE)
                    .step("wait", |go| {
                        let (date, offset) = (w::name("lead.project_date"), w::span("1d"));
                        Verb::Wait(Wait::Until { date, offset, before: true, past: go("next"), blank: go("end") })
                    })
                    .step("next", |go| w::todo("2h", w::results(go, &[], "end")))
                    .build(),
                talking("a-new-one").when(w::standard(StandardEvent::LeadUpdated), Expr::TRUE).build(),
            ],
            "
            Mon 03-02 09:00 > lead.created project_date=06-01_09:00
            Mon 03-02 09:00 > custom.first
              enrolled in older
              older -> wait
              waits until Wed 04-01 09:00
            Mon 03-02 09:01 > custom.second
              enrolled in middle
              middle -> wait
              waits until Sun 05-31 09:00
            Mon 03-02 09:30 > lead.updated project_date=03-02_12:00
              enrolled in a-new-one
              older -> next
              todo for nobody, due Mon 03-02 10:30
              middle -> next
              todo for nobody, due Mon 03-02 11:30
              a-new-one -> talk
              todo for nobody, due Mon 03-02 10:30
        ",
        ),
        row(
            "the run that an event begins does not hear of that event",
            vec![
                w::workflow("older")
                    .on_created()
                    .step("wait", |go| w::wait_any(&[("custom.again", go("talk"))], Since::Moved, "30d", go("end")))
                    .step("talk", |go| w::todo("1h", w::results(go, &[], "end")))
                    .build(),
                w::workflow("newer")
                    .when(w::custom("again"), Expr::TRUE)
                    .interrupt("custom.again", &[], Does::Go("end"))
                    .step("wait", |go| w::wait_any(&[("custom.again", go("end"))], Since::Run, "30d", go("end")))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in older
              older -> wait
              waits until Wed 04-01 09:00
            Mon 03-02 10:00 > custom.again
              enrolled in newer
              older -> talk
              todo for nobody, due Mon 03-02 11:00
              newer -> wait
              waits until Wed 04-01 10:00
        ",
        ),
        row(
            "a step to which an event's wait has led does not take the same event",
            vec![replying(Since::Run).build()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in replying
              replying -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > todo done
              done: done
              replying -> first
              waits until Wed 04-01 09:10
            Mon 03-02 09:20 > email.replied
              replying -> second
              waits until Wed 04-01 09:20
        ",
        ),
        row(
            "a step to which an event's interrupt has led does not take the same event",
            vec![replying(Since::Moved).interrupt("email.replied", &["talk"], Does::Go("second")).build()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in replying
              replying -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:20 > email.replied
              replying by email.replied: go
              task withdrawn
              replying -> second
              waits until Wed 04-01 09:20
        ",
        ),
        row(
            "a step to which a change by another workflow has led does not take that change",
            vec![
                updating(),
                w::workflow("moved")
                    .on_created()
                    .interrupt("lead.updated", &["talk"], Does::Go("wait"))
                    .step("talk", |go| w::todo("1h", w::results(go, &[], "end")))
                    .step("wait", |go| w::wait_any(&[("lead.updated", go("end"))], Since::Moved, "30d", go("end")))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in moved
              moved -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > custom.set
              enrolled in updating
              updating -> set
              moved by lead.updated: go
              task withdrawn
              updating over: completed
              moved -> wait
              waits until Wed 04-01 09:30
        ",
        ),
    ]
}

fn changes_of_fields() -> Vec<Row> {
    vec![
        row(
            "a field that a workflow changes is news to the others, and one that it leaves as it was is none",
            vec![updating(), hearing(Expr::TRUE)],
            "
            Mon 03-02 09:00 > lead.created campaign=winter
            Mon 03-02 10:00 > custom.set
              enrolled in updating
              updating -> set
              enrolled in hearing
              updating over: completed
              hearing -> look
              todo for nobody, due Mon 03-02 11:00
            Mon 03-02 11:00 > custom.set
              enrolled in updating
              updating -> set
              updating over: completed
        ",
        ),
        row(
            "the event says which fields have changed and what they were",
            vec![hearing(of_winter())],
            "
            Mon 03-02 09:00 > lead.created campaign=winter
            Mon 03-02 09:30 > lead.updated title=CTO
            Mon 03-02 10:00 > lead.updated campaign=spring
              enrolled in hearing
              hearing -> look
              todo for nobody, due Mon 03-02 11:00
            Mon 03-02 11:00 > todo done
              done: done
              hearing over: completed
            Mon 03-02 12:00 > lead.updated campaign=summer
        ",
        ),
        row(
            "after eight changes that follow from one another the run that makes the ninth is parked",
            vec![circle("one", "campaign"), circle("two", "campaign")],
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > lead.updated campaign=spring
              enrolled in one
              enrolled in two
              one -> set
              not enrolled in one: already_in
              not enrolled in two: already_in
              one over: completed
              two -> set
              enrolled in one
              not enrolled in two: already_in
              two over: completed
              one -> set
              not enrolled in one: already_in
              enrolled in two
              one over: completed
              two -> set
              enrolled in one
              not enrolled in two: already_in
              two over: completed
              one -> set
              not enrolled in one: already_in
              enrolled in two
              one over: completed
              two -> set
              enrolled in one
              not enrolled in two: already_in
              two over: completed
              one -> set
              not enrolled in one: already_in
              enrolled in two
              one over: completed
              two -> set
              enrolled in one
              not enrolled in two: already_in
              two over: completed
              one -> set
              not enrolled in one: already_in
              enrolled in two
              one over: completed
              two -> set
              parked: it changes what another workflow changes in turn: the two go round in a circle
        ",
        ),
        row(
            "what a run's own `do` changes does not interrupt that run, but others",
            vec![
                talking("doing")
                    .on_created()
                    .interrupt("email.replied", &[], Does::Do(|| vec![w::set("campaign", "spring")]))
                    .interrupt("lead.updated", &[], Does::Go("end"))
                    .build(),
                talking("other").on_created().interrupt("lead.updated", &[], Does::Go("end")).build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in doing
              enrolled in other
              doing -> talk
              todo for nobody, due Mon 03-02 10:00
              other -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > email.replied
              doing by email.replied: do
              other by lead.updated: go
              task withdrawn
              other over: completed
            Mon 03-02 09:30 ? a
              = doing is at talk
              = todo open for nobody, due Mon 03-02 10:00
              = open, owner None, watchers []
        ",
        ),
        row(
            "a `do` leaves a run where it was: what came before it still counts as come since the run last moved",
            vec![host(Since::Moved).interrupt("custom.page", &[], watches("ada")).build()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in host
              host -> host
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:05 > meeting.no_show
            Mon 03-02 09:06 > custom.page
              host by custom.page: do
              ada watches
            Mon 03-02 09:10 > todo done
              done: done
              host -> outcome
              host -> rebook
              todo for nobody, due Mon 03-02 10:10
        ",
        ),
        row(
            "what a run changes on its way does not come back to it at a wait",
            vec![
                w::workflow("setting")
                    .on_created()
                    .step("talk", |go| w::call("1h", None, w::results(go, &[], "set")))
                    .step("set", |_| w::set("campaign", "spring"))
                    .step("wait", |go| w::wait_any(&[("lead.updated", go("end"))], Since::Moved, "30d", go("end")))
                    .build(),
                talking("other").on_created().interrupt("lead.updated", &[], Does::Go("end")).build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in other
              enrolled in setting
              other -> talk
              todo for nobody, due Mon 03-02 10:00
              setting -> talk
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call no_answer
              done: no_answer
              touch 1: call no_answer
              setting -> set
              other by lead.updated: go
              task withdrawn
              other over: completed
              setting -> wait
              waits until Wed 04-01 09:10
        ",
        ),
    ]
}

fn out_of_a_step() -> Vec<Row> {
    vec![
        Row {
            plugins: pooled,
            ..row(
                "a decision that a `go` has overtaken is stale",
                vec![
                    w::workflow("scoring")
                        .on_created()
                        .interrupt("email.replied", &["score"], Does::Go("again"))
                        .step("score", |_| w::score())
                        .then("end")
                        .step("again", |_| w::score())
                        .build(),
                ],
                "
                Mon 03-02 09:00 > lead.created
                  enrolled in scoring
                  scoring -> score
                Mon 03-02 09:00 > email.replied
                  scoring by email.replied: go
                  scoring -> again
                Mon 03-02 09:00 > answer cold
                  ignored: stale_attempt
                Mon 03-02 09:00 > answer hot
                  scored hot
                  segment hot
                  scoring over: completed
            ",
            )
        },
        row(
            "the answer to a request that a `go` has overtaken is stale: nothing of it is saved",
            vec![
                w::workflow("asking")
                    .on_created()
                    .interrupt("email.replied", &[], Does::Go("by-hand"))
                    .step("ask", |go| {
                        w::http(Some(MailResults { sent: go("end"), refused: go("end"), failed: go("end") }))
                    })
                    .step("by-hand", |go| w::todo("1h", w::results(go, &[], "saved")))
                    .step("saved", |go| Verb::Switch(vec![Arm { condition: w::blank("lead.campaign"), go: go("end") }]))
                    .step("spoilt", |_| Verb::End("spoilt".to_owned()))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
              enrolled in asking
              asking -> ask
              queued by smtp
            Mon 03-02 09:01 > email.replied
              asking by email.replied: go
              asking -> by-hand
              todo for nobody, due Mon 03-02 10:01
            Mon 03-02 09:02 > answered 200 campaign=spring
              ignored: stale_attempt
            Mon 03-02 09:03 > todo done
              done: done
              asking -> saved
              asking over: completed
        ",
        ),
        row(
            "a mail that is under way when a `go` comes is a touch on the lead, and moves nothing",
            vec![followed()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in followed
              followed -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call connected not_now
              done: connected not_now
              touch 1: call connected
            Tue 03-03 09:10 ~ timer
              queued by smtp
            Tue 03-03 09:10 > due
              gate: email go
              leaves, 1 under way
            Tue 03-03 09:11 > email.replied
              followed by email.replied: go
              followed -> answer
              call for nobody, due Tue 03-03 10:11
            Tue 03-03 09:12 > sent
              touch 2: email sent
            Tue 03-03 09:12 ? a
              = followed is at answer
              = call open for nobody, due Tue 03-03 10:11
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "where a `go` comes between two dials, the first one is the contact",
            vec![followed()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in followed
              followed -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call no_answer
              done: no_answer
              touch 1: call no_answer
            Mon 03-02 09:12 > email.replied
              followed by email.replied: go
              followed -> answer
              call for nobody, due Mon 03-02 10:12
            Mon 03-02 09:20 > call connected
              done: connected
              touch 2: call connected
              followed over: completed
        ",
        ),
        row(
            "a cadence into which a `go` leads begins anew, though the run was in it",
            vec![
                w::workflow("anew")
                    .on_created()
                    .interrupt("lead.engaged", &[], Does::Go("persist"))
                    .step("persist", |go| {
                        w::cadence(vec![w::call_touch("0d", false)], 12, Some("1 business day"), vec![], go("end"))
                    })
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created phone=+12125550123
              enrolled in anew
              anew -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call no_answer
              done: no_answer
              touch 1: call no_answer
            Tue 03-03 09:10 ~ timer
              call for nobody, due Tue 03-03 10:10
            Tue 03-03 09:11 ? a
              = anew is at persist, 1 contacts, round 1
              = call open for nobody, due Tue 03-03 10:10
              = open, owner None, watchers []
            Tue 03-03 09:11 > lead.engaged
              anew by lead.engaged: go
              task withdrawn
              anew -> persist
              call for nobody, due Tue 03-03 10:11
            Tue 03-03 09:11 ? a
              = anew is at persist, 0 contacts, round 0
              = call open for nobody, due Tue 03-03 10:11
              = open, owner None, watchers []
        ",
        ),
        row(
            "a hold outlasts the step that a `go` leaves, and its run; it ends when its time is over, and what begins \
             then asks nobody whether the lead may come again",
            vec![held().interrupt("email.replied", &[], Does::Go("end")).build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@gmail.com
              enrolled in owned
              owned -> own
              owner ada by pool
              held by ada until Mon 03-16 09:00
              owned -> talk
              todo for ada, due Tue 03-03 09:00
            Mon 03-02 10:00 > email.replied
              owned by email.replied: go
              task withdrawn
              owned over: completed
            Mon 03-02 11:00 > lead.created email=lee@gmail.com
              not enrolled in owned: too_soon
            Mon 03-16 09:00 ~ timer
              hold over, expired
              enrolled in owned
              owned -> hand-back
              owner dan by fallback
              owned over: completed
            Tue 03-17 09:00 ? a
              = open, owner Some(dan), watchers [ada]
        ",
        ),
        row(
            "the event that it names ends a hold for good",
            vec![held().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
              enrolled in owned
              owned -> own
              owner ada by pool
              held by ada until Mon 03-16 09:00
              owned -> talk
              todo for ada, due Tue 03-03 09:00
            Fri 03-06 09:00 > deal.won amount=9
              stage customer
            Tue 03-31 09:00 ? a
              = owned is at talk
              = todo open for ada, due Tue 03-03 09:00
              = customer, owner Some(ada), watchers []
              = account of Some(ada), , kept true
        ",
        ),
        row(
            "a new owner ends a hold, a lead's own too",
            vec![held().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@gmail.com
              enrolled in owned
              owned -> own
              owner ada by pool
              held by ada until Mon 03-16 09:00
              owned -> talk
              todo for ada, due Tue 03-03 09:00
            Mon 03-02 10:00 > owner bob
              hold by ada is nothing to it any more
              owner bob by manual
              task now with bob
            Tue 03-17 09:00 ? a
              = owned is at talk
              = todo open for bob, due Tue 03-03 09:00
              = open, owner Some(bob), watchers [ada]
        ",
        ),
        row(
            "a new owner of one lead ends a hold on the account for this lead alone",
            vec![held().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
              enrolled in owned
              owned -> own
              owner ada by pool
              held by ada until Mon 03-16 09:00
              owned -> talk
              todo for ada, due Tue 03-03 09:00
            Mon 03-02 09:30 b: > lead.created email=kim@acme.io
              enrolled in owned
              owned -> own
              owner ada by sticky
              owned -> talk
              todo for ada, due Tue 03-03 09:30
            Mon 03-02 10:00 > owner bob
              hold by ada is nothing to it any more
              owner bob by manual
              task now with bob
            Mon 03-16 09:00 b: ~ hold over
              hold over, expired
              enrolled in owned
              owned -> hand-back
              owner dan by fallback
              task now with dan
              owned over: completed
            Tue 03-17 09:00 ? a
              = owned is at talk
              = todo open for bob, due Tue 03-03 09:00
              = open, owner Some(bob), watchers [ada]
              = account of Some(dan), , kept false
            Tue 03-17 09:00 ? b
              = owned is at talk
              = todo open for dan, due Tue 03-03 09:30
              = open, owner Some(dan), watchers [ada]
              = account of Some(dan), , kept false
        ",
        ),
        row(
            "so does an opt-out",
            vec![held().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
              enrolled in owned
              owned -> own
              owner ada by pool
              held by ada until Mon 03-16 09:00
              owned -> talk
              todo for ada, due Tue 03-03 09:00
            Mon 03-02 10:00 > opt_out
              OptedOut
              task withdrawn
              owned over: suppressed
              stage suppressed
              hold by ada is nothing to it any more
              Bound { kind: Email, why: OptedOut }
            Tue 03-17 09:00 ? a
              = suppressed, owner Some(ada), watchers []
              = account of Some(ada), , kept false
        ",
        ),
        row(
            "and a disqualification",
            vec![held().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@gmail.com
              enrolled in owned
              owned -> own
              owner ada by pool
              held by ada until Mon 03-16 09:00
              owned -> talk
              todo for ada, due Tue 03-03 09:00
            Mon 03-02 10:00 > disqualify
              stage disqualified
              hold by ada is nothing to it any more
              task withdrawn
              owned over: disqualified
            Tue 03-17 09:00 ? a
              = disqualified, owner Some(ada), watchers []
        ",
        ),
        row(
            "what begins when a hold is over needs no room in its group, though the lead is in another workflow of it",
            vec![
                held().group("sales-motion", 10, None).interrupt("email.replied", &[], Does::Go("end")).build(),
                talking("high").when(w::custom("high"), Expr::TRUE).group("sales-motion", 50, None).build(),
            ],
            "
            Mon 03-02 09:00 > lead.created email=lee@gmail.com
              enrolled in owned
              owned -> own
              owner ada by pool
              held by ada until Mon 03-16 09:00
              owned -> talk
              todo for ada, due Tue 03-03 09:00
            Mon 03-02 10:00 > custom.high
              task withdrawn
              owned over: ousted
              enrolled in high
              high -> talk
              todo for ada, due Mon 03-02 11:00
            Mon 03-16 09:00 ~ timer
              hold over, expired
              enrolled in owned
              owned -> hand-back
              owner dan by fallback
              task now with dan
              owned over: completed
            Mon 03-16 09:00 ? a
              = high is at talk
              = todo open for dan, due Mon 03-02 11:00
              = open, owner Some(dan), watchers [ada]
        ",
        ),
    ]
}

fn given_up() -> Vec<Row> {
    vec![
        row(
            "a report that comes before a task is given up counts as one in time",
            vec![called().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 16:59 > call no_answer
              done: no_answer
              touch 1: call no_answer
              called over: completed
            Fri 03-06 17:00 ? a
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "a report that comes after a task was given up is late: it is a touch, and moves nothing",
            vec![called().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Tue 03-03 09:00 ~ timer
              call of nobody given up
              called -> chase
              todo for nobody, due Tue 03-03 10:00
            Tue 03-03 12:00 > call connected qualified
              done late
              done: connected qualified
              touch 1: call connected
            Tue 03-03 12:00 ? a
              = called is at chase
              = todo open for nobody, due Tue 03-03 10:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "what a late report says of being contacted holds",
            vec![called().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Tue 03-03 09:00 ~ timer
              call of nobody given up
              called -> chase
              todo for nobody, due Tue 03-03 10:00
            Tue 03-03 12:00 > call connected opted_out
              done late
              done: connected opted_out
              touch 1: call connected
              OptedOut
              task withdrawn
              called over: suppressed
              stage suppressed
              Bound { kind: Email, why: OptedOut }
              Bound { kind: Phone, why: OptedOut }
        ",
        ),
        row(
            "whoever claims a call has half an hour for it, and a snooze gives no time",
            vec![called().build()],
            "
            Mon 03-02 10:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 11:00
            Tue 03-03 09:50 > claim ada
              task now with ada
            Tue 03-03 09:55 > snooze @03-04 10:00
              Snoozed { task: #2, until: 2026-03-04T15:00:00Z }
            Tue 03-03 10:20 ~ timer
              call of ada given up
              called -> chase
              todo for nobody, due Tue 03-03 11:20
            Tue 03-03 12:00 ? a
              = called is at chase
              = todo open for nobody, due Tue 03-03 11:20
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "whoever claims a task that is no call has half an hour for it, too",
            vec![
                w::workflow("asked")
                    .on_created()
                    .step("talk", |go| w::given_up(w::todo("1h", w::results(go, &[], "end")), "2h"))
                    .build(),
            ],
            "
            Mon 03-02 10:00 > lead.created
              enrolled in asked
              asked -> talk
              todo for nobody, due Mon 03-02 11:00
            Mon 03-02 11:50 > claim ada
              task now with ada
            Mon 03-02 12:20 ~ timer
              todo of ada given up
              asked over: completed
            Mon 03-02 12:30 ? a
              = open, owner None, watchers []
        ",
        ),
        row(
            "when a task is due, when somebody hears of it and when it is given up go by the hours of whoever has it",
            vec![in_the_west()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in west
              west -> own
              owner lea by named
              west -> talk
              todo for lea, due Mon 03-02 14:00
            Mon 03-02 13:00 ~ timer
              queued by chat
              escalated at point 0: remind lea
            Mon 03-02 16:00 ~ timer
              todo of lea given up
              west over: completed
            Mon 03-02 17:00 ? a
              = open, owner Some(lea), watchers []
        ",
        ),
        row(
            "the times of a task that changes hands go by the hours of whoever gets it",
            vec![in_the_west()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in west
              west -> own
              owner lea by named
              west -> talk
              todo for lea, due Mon 03-02 14:00
            Mon 03-02 09:30 > owner ada
              owner ada by manual
              task now with ada
            Mon 03-02 10:00 ~ timer
              queued by chat
              escalated at point 0: remind ada
            Mon 03-02 10:00 ? a
              = west is at talk
              = todo open for ada, due Mon 03-02 11:00
              = open, owner Some(ada), watchers [lea]
            Mon 03-02 12:00 > owner lea
              owner lea by manual
              task now with lea
            Mon 03-02 12:00 ? a
              = west is at talk
              = todo open for lea, due Mon 03-02 14:00
              = open, owner Some(lea), watchers [lea, ada]
            Mon 03-02 15:00 > owner ada
              owner ada by manual
              task now with ada
            Mon 03-02 16:00 ~ timer
              todo of ada given up
              west over: completed
            Mon 03-02 17:00 ? a
              = open, owner Some(ada), watchers [lea, ada]
        ",
        ),
        row(
            "while the lead is paused no time passes for a call",
            vec![called().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 10:00 > pause
              Paused(true)
            Thu 03-05 10:00 > resume
              Paused(false)
            Fri 03-06 10:00 ~ timer
              call of nobody given up
              called -> chase
              todo for nobody, due Fri 03-06 11:00
            Fri 03-06 17:00 ? a
              = called is at chase
              = todo open for nobody, due Fri 03-06 11:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "while its run is paused no time passes for a call",
            vec![
                called()
                    .interrupt("email.auto_replied", &[], Does::Pause(Some("event.until"), "3 business days"))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > email.auto_replied until=03-05_10:00
              called by email.auto_replied: pause
              paused until Thu 03-05 10:00
              task now with nobody
            Thu 03-05 10:00 ~ timer
              called goes on
            Thu 03-05 10:30 ? a
              = called is at call
              = call open for nobody from Thu 03-05 10:00, due Thu 03-05 11:00
              = open, owner None, watchers []
              = account of None, , kept false
            Fri 03-06 10:00 ~ timer
              call of nobody given up
              called -> chase
              todo for nobody, due Fri 03-06 11:00
            Fri 03-06 10:30 ? a
              = called is at chase
              = todo open for nobody, due Fri 03-06 11:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "while its workflow stands still no time passes for a task",
            vec![called().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 10:00 ! paused: called
            Tue 03-03 09:00 ~ timer
              called stands still
            Thu 03-05 10:00 ! released
            Thu 03-05 10:00 ~ released
              called goes on
            Fri 03-06 10:00 ~ timer
              call of nobody given up
              called -> chase
              todo for nobody, due Fri 03-06 11:00
            Fri 03-06 17:00 ? a
              = called is at chase
              = todo open for nobody, due Fri 03-06 11:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "while the gate holds a call back no time passes for it",
            vec![called().build()],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > prefer @03-05 10:00
              Preferred
              task now with nobody
            Thu 03-05 10:00 ? a
              = called is at call
              = call open for nobody from Thu 03-05 10:00, due Thu 03-05 11:00
              = open, owner None, watchers []
              = account of None, , kept false
            Fri 03-06 10:00 ~ timer
              call of nobody given up
              called -> chase
              todo for nobody, due Fri 03-06 11:00
            Fri 03-06 10:30 ? a
              = called is at chase
              = todo open for nobody, due Fri 03-06 11:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "what nobody does is no touch and no contact, and `stop` is not asked about it",
            vec![
                w::workflow("stopping")
                    .on_created()
                    .step("persist", |go| {
                        let stop = vec![Arm { condition: Expr::TRUE, go: go("stopped") }];
                        let touches = vec![w::call_touch("0d", false)];
                        w::cadence_given_up(
                            w::cadence(touches, 1, Some("1 business day"), stop, go("silent")),
                            "1 business day",
                            None,
                        )
                    })
                    .step("stopped", |_| Verb::End("stopped".to_owned()))
                    .step("silent", |_| Verb::End("silent".to_owned()))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created phone=+12125550123
              enrolled in stopping
              stopping -> persist
              call for nobody, due Mon 03-02 10:00
            Tue 03-03 09:00 ~ timer
              call of nobody given up
            Tue 03-03 09:00 ? a
              = stopping is at persist, 0 contacts, round 1
              = open, owner None, watchers []
            Wed 03-04 09:00 ~ timer
              call for nobody, due Wed 03-04 10:00
            Wed 03-04 09:10 > call no_answer
              done: no_answer
              touch 1: call no_answer
              stopping -> stopped
              stopping over: stopped
        ",
        ),
        row(
            "a cadence of which nobody did three calls in a row is left by `not_done`",
            vec![tried(1, Some("1 business day"), Some("manager"))],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in tried
              tried -> persist
            Tue 03-03 09:00 ~ timer
              call for nobody, due Tue 03-03 10:00
            Wed 03-04 09:00 ~ timer
              call of nobody given up
            Fri 03-06 09:00 ~ timer
              call for nobody, due Fri 03-06 10:00
            Mon 03-09 09:00 ~ timer
              call of nobody given up
            Wed 03-11 09:00 ~ timer
              call for nobody, due Wed 03-11 10:00
            Thu 03-12 09:00 ~ timer
              call of nobody given up
              tried -> manager
              todo for nobody, due Thu 03-12 10:00
            Thu 03-12 09:30 ? a
              = tried is at manager
              = todo open for nobody, due Thu 03-12 10:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "where there is no `not_done`, a run is parked of which nobody did three calls in a row",
            vec![tried(1, Some("1 business day"), None)],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in tried
              tried -> persist
            Tue 03-03 09:00 ~ timer
              call for nobody, due Tue 03-03 10:00
            Wed 03-04 09:00 ~ timer
              call of nobody given up
            Fri 03-06 09:00 ~ timer
              call for nobody, due Fri 03-06 10:00
            Mon 03-09 09:00 ~ timer
              call of nobody given up
            Wed 03-11 09:00 ~ timer
              call for nobody, due Wed 03-11 10:00
            Thu 03-12 09:00 ~ timer
              call of nobody given up
              parked: nobody does it: three calls in a row were given up
            Thu 03-12 09:30 ? a
              = tried is at persist
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "a cadence that is over while nobody calls is left by `not_done`, not by `exhausted`",
            vec![tried(2, None, Some("manager"))],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in tried
              tried -> persist
            Tue 03-03 09:00 ~ timer
              call for nobody, due Tue 03-03 10:00
            Wed 03-04 09:00 ~ timer
              call of nobody given up
            Thu 03-05 09:00 ~ timer
              call for nobody, due Thu 03-05 10:00
            Fri 03-06 09:00 ~ timer
              call of nobody given up
              tried -> manager
              todo for nobody, due Fri 03-06 10:00
            Fri 03-06 09:30 ? a
              = tried is at manager
              = todo open for nobody, due Fri 03-06 10:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        row(
            "where there is no `not_done`, it is parked, and whoever takes it up again has the last call made",
            vec![tried(2, None, None)],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in tried
              tried -> persist
            Tue 03-03 09:00 ~ timer
              call for nobody, due Tue 03-03 10:00
            Wed 03-04 09:00 ~ timer
              call of nobody given up
            Thu 03-05 09:00 ~ timer
              call for nobody, due Thu 03-05 10:00
            Fri 03-06 09:00 ~ timer
              call of nobody given up
              parked: nobody does it: the cadence is over, and its last calls were given up
            Fri 03-06 17:00 > unpark
              tried -> persist
            Tue 03-10 09:00 ~ timer
              call for nobody, due Tue 03-10 10:00
            Tue 03-10 10:00 > call no_answer
              done: no_answer
              touch 1: call no_answer
              tried -> silent
              tried over: silent
        ",
        ),
    ]
}

fn waits() -> Vec<Row> {
    vec![
        row(
            "the `if` of a wait is asked when the event comes, and not again when its answer changes",
            vec![
                w::workflow("choosy")
                    .on_created()
                    .step("wait", |go| {
                        let event = w::standard(StandardEvent::EmailReplied);
                        let first = Awaited { event, condition: w::is("lead.campaign", "spring"), go: go("end") };
                        let (timeout, on_timeout) = (w::span("30d"), go("late"));
                        Verb::Wait(Wait::Event { first, or: vec![], since: Since::Moved, timeout, on_timeout })
                    })
                    .step("late", |_| Verb::End("late".to_owned()))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in choosy
              choosy -> wait
              waits until Wed 04-01 09:00
            Mon 03-02 10:00 > email.replied
            Mon 03-02 11:00 > lead.updated campaign=spring
            Mon 03-02 12:00 > email.replied
              choosy over: completed
        ",
        ),
        row(
            "a wait takes what came since the run last moved",
            vec![host(Since::Moved).build()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in host
              host -> host
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:05 > meeting.no_show
            Mon 03-02 09:10 > todo done
              done: done
              host -> outcome
              host -> rebook
              todo for nobody, due Mon 03-02 10:10
        ",
        ),
        row(
            "of several that came it takes the earliest, whichever stands first in its list",
            vec![host(Since::Moved).build()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in host
              host -> host
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:05 > meeting.no_show
            Mon 03-02 09:06 > meeting.held
            Mon 03-02 09:10 > todo done
              done: done
              host -> outcome
              host -> rebook
              todo for nobody, due Mon 03-02 10:10
        ",
        ),
        row(
            "each event is taken once",
            vec![replying(Since::Moved).build()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in replying
              replying -> talk
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:05 > email.replied
            Mon 03-02 09:10 > todo done
              done: done
              replying -> first
              replying -> second
              waits until Wed 04-01 09:10
        ",
        ),
        row(
            "where waits look back to the beginning each event is taken once: the next wait takes the next one",
            vec![host(Since::Run).build()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in host
              host -> host
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:05 > meeting.held
            Mon 03-02 09:10 > todo done
              done: done
              host -> outcome
              host -> debrief
              waits until Mon 03-16 09:10
            Mon 03-02 09:20 > meeting.held
              host over: completed
        ",
        ),
        row(
            "where waits look back to a step each event is taken once",
            vec![host(Since::Step(StepIx(0))).build()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in host
              host -> host
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:05 > meeting.held
            Mon 03-02 09:06 > meeting.held
            Mon 03-02 09:10 > todo done
              done: done
              host -> outcome
              host -> debrief
              host over: completed
        ",
        ),
    ]
}

fn keys() -> Vec<Row> {
    vec![
        row(
            "an event that carries the key is for the run of that value, and one without it for all of them",
            vec![webinar()],
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > custom.registered webinar=pricing
              enrolled in webinar
              webinar -> wait
              waits until Wed 04-01 10:00
            Mon 03-02 10:01 > custom.registered webinar=security
              enrolled in webinar
              webinar -> wait
              waits until Wed 04-01 10:01
            Mon 03-02 10:02 > custom.registered webinar=sales
              enrolled in webinar
              webinar -> wait
              waits until Wed 04-01 10:02
            Mon 03-02 11:00 > custom.attended webinar=security
              webinar over: completed
            Mon 03-02 12:00 > custom.cancelled
              webinar by custom.cancelled: go
              webinar over: completed
              webinar by custom.cancelled: go
              webinar over: completed
        ",
        ),
        row(
            "nobody comes in without a key, and that is said",
            vec![webinar()],
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > custom.registered
              not enrolled in webinar: no_key
            Mon 03-02 10:01 > custom.registered webinar=
              not enrolled in webinar: no_key
            Mon 03-02 10:02 > enroll webinar
              not enrolled in webinar: no_key
        ",
        ),
        row(
            "whether a lead may come again is counted for each key",
            vec![webinar()],
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > custom.registered webinar=pricing
              enrolled in webinar
              webinar -> wait
              waits until Wed 04-01 10:00
            Mon 03-02 10:01 > custom.registered webinar=pricing
              not enrolled in webinar: already_in
            Mon 03-02 11:00 > custom.attended webinar=pricing
              webinar over: completed
            Mon 03-02 12:00 > custom.registered webinar=pricing
              not enrolled in webinar: too_soon
            Mon 03-02 12:00 > custom.registered webinar=security
              enrolled in webinar
              webinar -> wait
              waits until Wed 04-01 12:00
        ",
        ),
        row(
            "a step that enrols names the key",
            vec![
                webinar(),
                w::workflow("inviting")
                    .when(w::custom("invited"), Expr::TRUE)
                    .re_enroll(ReEnroll::Always)
                    .step("on", |_| {
                        let key = Some(w::name("event.data.webinar"));
                        Verb::Enroll(Enrolment { workflow: "webinar".to_owned(), key })
                    })
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > custom.invited webinar=pricing
              enrolled in inviting
              inviting -> on
              inviting over: completed
              enrolled in webinar
              webinar -> wait
              waits until Wed 04-01 10:00
            Mon 03-02 10:01 > custom.invited
              enrolled in inviting
              inviting -> on
              inviting over: completed
              not enrolled in webinar: no_key
            Mon 03-02 10:30 > custom.attended webinar=security
            Mon 03-02 11:00 > custom.attended webinar=pricing
              webinar over: completed
        ",
        ),
    ]
}

fn groups() -> Vec<Row> {
    vec![
        row(
            "the higher priority wins, then whoever is there, then the name; the loser stays out, the ousted one ends",
            of_a_group(),
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > custom.low
              enrolled in low
              not enrolled in other: group_taken
              low -> work
              todo for nobody, due Mon 03-02 11:00
            Mon 03-02 11:00 > custom.high
              task withdrawn
              low over: ousted
              enrolled in high
              not enrolled in a-low-one: group_taken
              high -> work
              todo for nobody, due Mon 03-02 12:00
            Mon 03-02 12:00 > custom.low
              not enrolled in low: too_soon
              not enrolled in other: group_taken
            Mon 03-02 13:00 > todo done
              done: done
              high over: completed
        ",
        ),
        row(
            "a loser that waits comes in when the lead is free",
            of_a_group(),
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > custom.high
              enrolled in high
              not enrolled in a-low-one: group_taken
              high -> work
              todo for nobody, due Mon 03-02 11:00
            Mon 03-02 11:00 > custom.low
              not enrolled in low: waits_for_group
              not enrolled in other: group_taken
            Tue 03-03 10:00 > todo done
              done: done
              high over: completed
              enrolled in low
              low -> work
              todo for nobody, due Tue 03-03 11:00
        ",
        ),
        row(
            "a loser that waits stays out when the lead is not free in time",
            of_a_group(),
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > custom.high
              enrolled in high
              not enrolled in a-low-one: group_taken
              high -> work
              todo for nobody, due Mon 03-02 11:00
            Mon 03-02 11:00 > custom.low
              not enrolled in low: waits_for_group
              not enrolled in other: group_taken
            Wed 03-04 11:00 ~ timer
              not enrolled in low: group_taken
            Thu 03-05 12:00 ? a
              = high is at work
              = todo open for nobody, due Mon 03-02 11:00
              = open, owner None, watchers []
        ",
        ),
        row(
            "an ousted run that pauses stands still, and goes on where it was",
            vec![
                w::workflow("low")
                    .when(w::custom("low"), Expr::TRUE)
                    .group("sales-motion", 10, None)
                    .pauses()
                    .step("first", |go| w::todo("1h", w::results(go, &[], "work")))
                    .step("work", |go| w::todo("1h", w::results(go, &[], "end")))
                    .build(),
                of_group("high", "high", 50, None),
            ],
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
            Mon 03-02 09:00 > custom.low
              enrolled in low
              low -> first
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > todo done
              done: done
              low -> work
              todo for nobody, due Mon 03-02 10:30
            Mon 03-02 10:00 > custom.high
              low gives way
              task withdrawn
              enrolled in high
              high -> work
              todo for nobody, due Mon 03-02 11:00
            Mon 03-02 11:00 ? a
              = low is at work
              = high is at work
              = todo open for nobody, due Mon 03-02 11:00
              = open, owner None, watchers []
              = account of None, , kept false
            Mon 03-02 12:00 > todo done
              done: done
              high over: completed
              low goes on
              low -> work
              todo for nobody, due Mon 03-02 13:00
        ",
        ),
    ]
}

fn arms() -> Vec<Row> {
    vec![
        row(
            "a lead keeps its arm when shares change",
            vec![drawing(1, &[("short", 100)]), drawing(2, &[("long", 100), ("short", 0)])],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in drawing
              drawing -> draw
              arm short
              drawing over: completed
            Mon 03-02 10:00 ! applied
            Mon 03-02 11:00 > lead.created
              enrolled in drawing
              drawing -> draw
              arm short kept
              drawing over: completed
        ",
        ),
        row(
            "a lead draws again when its arm is gone",
            vec![
                drawing(1, &[("short", 100)]),
                drawing(2, &[("long", 100)]),
                drawing(3, &[("long", 0), ("other", 100)]),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in drawing
              drawing -> draw
              arm short
              drawing over: completed
            Mon 03-02 10:00 ! applied
            Mon 03-02 11:00 > lead.created
              enrolled in drawing
              drawing -> draw
              arm long
              drawing over: completed
            Mon 03-02 12:00 ! applied
            Mon 03-02 13:00 > lead.created
              enrolled in drawing
              drawing -> draw
              arm long kept
              drawing over: completed
        ",
        ),
    ]
}

fn words() -> Vec<Row> {
    vec![
        row(
            "the stage is the engine's word and the team's stands beside it",
            vec![
                w::workflow("staging")
                    .on_created()
                    .leave(w::is("lead.stage", "trial"), "crosswise")
                    .leave(w::is("lead.stage_own", "open"), "crosswise")
                    .step("try", |_| {
                        Verb::Update(vec![Assignment::OwnStage { own: "trial".to_owned(), means: Stage::Open }])
                    })
                    .step("asked", |go| {
                        let both = vec![w::is("lead.stage", "open"), w::is("lead.stage_own", "trial")];
                        Verb::Switch(vec![Arm { condition: Expr::And(both), go: go("both") }])
                    })
                    .then("end")
                    .step("both", |_| Verb::End("both".to_owned()))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in staging
              staging -> try
              stage open (trial)
              staging -> asked
              staging -> both
              staging over: both
        ",
        ),
        row(
            "channel and result of a touch are the engine's words and the team's stand beside them",
            vec![writing()],
            "
            Mon 03-02 09:30 > lead.created
              enrolled in writing
              writing -> write
              todo for nobody, due Mon 03-02 10:30
            Mon 03-02 09:40 > todo done no-budget
              done: done not_now (no-budget)
              touch 1: other (linkedin) done
              writing -> both
              writing over: both
        ",
        ),
        row(
            "`results` asks for the team's word, then for its meaning, then for the outcome, and then takes `else`",
            vec![calling()],
            "
            Mon 03-02 09:30 > lead.created
              enrolled in calling
              calling -> call
              call for nobody, due Mon 03-02 10:30
            Mon 03-02 09:31 > call connected no-budget
              done: connected not_now (no-budget)
              touch 1: call connected
              calling -> own
              calling -> call
              call for nobody, due Mon 03-02 10:31
            Mon 03-02 09:32 > call connected competitor-won
              done: connected not_now (competitor-won)
              touch 2: call connected
              calling -> means
              calling -> call
              call for nobody, due Mon 03-02 10:32
            Mon 03-02 09:33 > call connected not_now
              done: connected not_now
              touch 3: call connected
              calling -> means
              calling -> call
              call for nobody, due Mon 03-02 10:33
            Mon 03-02 09:34 > call connected not-a-fit
              done: connected unqualified (not-a-fit)
              touch 4: call connected
              calling -> outcome
              calling -> call
              call for nobody, due Mon 03-02 10:34
            Mon 03-02 09:35 > call connected qualified
              done: connected qualified
              touch 5: call connected
              calling -> outcome
              calling -> call
              call for nobody, due Mon 03-02 10:35
            Mon 03-02 09:36 > call no_answer no-budget
              done: no_answer
              touch 6: call no_answer
              calling -> else
              calling -> call
              call for nobody, due Mon 03-02 10:36
        ",
        ),
    ]
}

fn zones_and_deals() -> Vec<Row> {
    vec![
        row(
            "times on the clock are the lead's where its zone is known, and the workspace's where nothing is",
            vec![
                w::workflow("next")
                    .on_created()
                    .step("wait", |_| Verb::Wait(Wait::Next { day: NextDay::Tuesday, at: Some(9 * 60) }))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in next
              next -> wait
              waits until Tue 03-03 09:00
            Mon 03-02 09:00 b: > lead.created timezone=Europe/Berlin
              enrolled in next
              next -> wait
              waits until Tue 03-03 03:00
        ",
        ),
        row(
            "a run goes by the deal that its key names",
            vec![
                w::workflow("deal")
                    .when(w::standard(StandardEvent::DealStageChanged), Expr::TRUE)
                    .key(w::name("event.deal"))
                    .step("wait", |go| w::wait_any(&[("deal.lost", go("which"))], Since::Moved, "30d", go("end")))
                    .step("which", |go| by_stage_of_deal(go("offered")))
                    .then("end")
                    .step("offered", |_| Verb::End("offered".to_owned()))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > deal.stage_changed deal=d-1 stage=offer
              enrolled in deal
              deal -> wait
              waits until Wed 04-01 10:00
            Mon 03-02 11:00 > deal.stage_changed deal=d-2 stage=demo
              enrolled in deal
              deal -> wait
              waits until Wed 04-01 11:00
            Mon 03-02 12:00 > deal.lost deal=d-1
              OtherDeals(Open)
              deal -> which
              deal -> offered
              deal over: offered
            Mon 03-02 13:00 > deal.won
              stage customer
            Mon 03-02 14:00 > deal.lost deal=d-3
              OtherDeals(Customer)
            Mon 03-02 15:00 ? a
              = deal is at wait
              = customer, owner None, watchers []
        ",
        ),
        row(
            "a run whose key names no deal goes by the newest one that is open",
            vec![
                w::workflow("asking")
                    .when(w::custom("ask"), Expr::TRUE)
                    .re_enroll(ReEnroll::Always)
                    .step("which", |go| by_stage_of_deal(go("offered")))
                    .then("end")
                    .step("offered", |_| Verb::End("offered".to_owned()))
                    .build(),
            ],
            "
            Mon 03-02 09:00 > lead.created
            Mon 03-02 10:00 > deal.stage_changed deal=d-1 stage=demo
            Mon 03-02 11:00 > deal.stage_changed deal=d-2 stage=offer
            Mon 03-02 12:00 > deal.stage_changed deal=d-3 stage=demo
            Mon 03-02 13:00 > deal.lost deal=d-3
              OtherDeals(Open)
            Mon 03-02 14:00 > custom.ask
              enrolled in asking
              asking -> which
              asking -> offered
              asking over: offered
            Mon 03-02 15:00 > deal.lost deal=d-2
              OtherDeals(Open)
            Mon 03-02 16:00 > custom.ask
              enrolled in asking
              asking -> which
              asking over: completed
        ",
        ),
    ]
}

/// One rep watches the lead.
fn watches(rep: &'static str) -> Does {
    match rep {
        "ada" => Does::Do(|| vec![Verb::Watch(Party::Rep("ada".to_owned()))]),
        _ => Does::Do(|| vec![Verb::Watch(Party::Rep("bob".to_owned()))]),
    }
}

/// One task, and that is all.
fn talking(name: &str) -> w::Builder {
    w::workflow(name).step("talk", |go| w::todo("1h", w::results(go, &[], "end")))
}

/// A run waits for a reply, and interrupts are about the same event.
fn waiting() -> Arc<Workflow> {
    w::workflow("waiting")
        .on_created()
        .interrupt(
            "email.replied",
            &[],
            Does::Do(|| vec![w::set("campaign", "heard"), Verb::Watch(Party::Rep("ada".to_owned()))]),
        )
        .interrupt("email.replied", &[], Does::Go("other"))
        .interrupt("email.replied", &[], watches("bob"))
        .step("wait", |go| w::wait_any(&[("email.replied", go("heard"))], Since::Moved, "30d", go("end")))
        .step("heard", |go| w::todo("1h", w::results(go, &[], "end")))
        .step("other", |go| w::todo("2h", w::results(go, &[], "end")))
        .build()
}

/// Two waits for a reply, one behind the other.
fn replying(since: Since) -> w::Builder {
    w::workflow("replying")
        .on_created()
        .step("talk", |go| w::todo("1h", w::results(go, &[], "first")))
        .step("first", move |go| w::wait_any(&[("email.replied", go("second"))], since, "30d", go("end")))
        .step("second", move |go| w::wait_any(&[("email.replied", go("end"))], since, "30d", go("end")))
}

fn updating() -> Arc<Workflow> {
    w::workflow("updating")
        .when(w::custom("set"), Expr::TRUE)
        .re_enroll(ReEnroll::Always)
        .step("set", |_| w::set("campaign", "spring"))
        .build()
}

/// That the campaign has changed, and was one of winter.
fn of_winter() -> Expr {
    let changes = Expr::In(Box::new(w::text("campaign")), Box::new(w::name("event.changed")));
    Expr::And(vec![changes, w::is("event.old.campaign", "winter")])
}

/// Comes in when fields change.
fn hearing(condition: Expr) -> Arc<Workflow> {
    w::workflow("hearing")
        .when(w::standard(StandardEvent::LeadUpdated), condition)
        .re_enroll(ReEnroll::Always)
        .step("look", |go| w::todo("1h", w::results(go, &[], "end")))
        .build()
}

/// Makes a field longer whenever any changes.
fn circle(name: &'static str, sets: &'static str) -> Arc<Workflow> {
    w::workflow(name)
        .when(w::standard(StandardEvent::LeadUpdated), Expr::TRUE)
        .re_enroll(ReEnroll::Always)
        .step("set", move |_| {
            let longer = Expr::Arithmetic(Operator::Add, Box::new(w::text("x")), Box::new(w::name("lead.campaign")));
            let value = Expr::Call(Function::Lower, vec![longer]);
            Verb::Update(vec![Assignment::Field { field: sets.to_owned(), value }])
        })
        .build()
}

/// A cadence that a reply interrupts.
fn followed() -> Arc<Workflow> {
    w::workflow("followed")
        .on_created()
        .interrupt("email.replied", &["persist"], Does::Go("answer"))
        .step("persist", |go| {
            let touches = vec![w::call_touch("0d", true), w::mail_touch("1 business day")];
            w::cadence(touches, 12, Some("3 business days"), vec![], go("silent"))
        })
        .step("silent", |_| Verb::End("silent".to_owned()))
        .step("answer", |go| w::call("1h", None, w::results(go, &[], "end")))
        .build()
}

/// A lead that is held by its owner for two weeks, and then handed back.
fn held() -> w::Builder {
    w::workflow("owned")
        .on_created()
        .step("own", |go| Verb::Assign(w::pool(Some(w::hold(HoldScope::Account, go("hand-back"))))))
        .step("talk", |go| w::todo("1 business day", w::results(go, &[], "end")))
        .then("end")
        .step("hand-back", |_| Verb::Assign(w::territory()))
        .then("end")
}

/// A call that is given up, and a task that follows then.
fn called() -> w::Builder {
    w::workflow("called")
        .on_created()
        .step("call", |go| {
            w::given_up(w::call("1h", None, w::results(go, &[("not_done", "chase")], "end")), "1 business day")
        })
        .step("chase", |go| w::todo("1h", w::results(go, &[], "end")))
}

/// A task for Lea, whose day begins three hours after New York's.
fn in_the_west() -> Arc<Workflow> {
    let lea = Assign { by: AssignBy::Rep, rep: Some("lea".to_owned()), ..w::territory() };
    w::workflow("west")
        .on_created()
        .step("own", move |_| Verb::Assign(lea.clone()))
        .step("talk", |go| {
            let talk = w::given_up(w::todo("2 business hours", w::results(go, &[], "end")), "4 business hours");
            w::escalated_at(talk, &["1 business hour"])
        })
        .build()
}

/// A cadence of so many calls, one a business day.
fn tried(calls: usize, repeat: Option<&'static str>, not_done: Option<&'static str>) -> Arc<Workflow> {
    w::workflow("tried")
        .on_created()
        .step("persist", move |go| {
            let touches = (0..calls).map(|_| w::call_touch("1 business day", false)).collect();
            let cadence = w::cadence(touches, 12, repeat, vec![], go("silent"));
            w::cadence_given_up(cadence, "1 business day", not_done.map(go))
        })
        .step("silent", |_| Verb::End("silent".to_owned()))
        .step("manager", |go| w::todo("1h", w::results(go, &[], "end")))
        .build()
}

/// A task, and then a wait for one of two events.
fn host(since: Since) -> w::Builder {
    w::workflow("host")
        .on_created()
        .step("host", |go| w::todo("1h", w::results(go, &[], "outcome")))
        .step("outcome", move |go| {
            let events = [("meeting.held", go("debrief")), ("meeting.no_show", go("rebook"))];
            w::wait_any(&events, since, "14d", go("chase"))
        })
        .step("debrief", |go| w::wait_any(&[("meeting.held", go("end"))], Since::Run, "14d", go("chase")))
        .step("rebook", |go| w::todo("1h", w::results(go, &[], "end")))
        .step("chase", |go| w::todo("1h", w::results(go, &[], "end")))
}

/// A run for each webinar.
fn webinar() -> Arc<Workflow> {
    w::workflow("webinar")
        .when(w::custom("registered"), Expr::TRUE)
        .key(w::name("event.data.webinar"))
        .interrupt("custom.cancelled", &[], Does::Go("end"))
        .step("wait", |go| w::wait_any(&[("custom.attended", go("end"))], Since::Moved, "30d", go("end")))
        .build()
}

fn of_group(name: &'static str, event: &str, priority: i32, waits: Option<&str>) -> Arc<Workflow> {
    w::workflow(name)
        .when(w::custom(event), Expr::TRUE)
        .group("sales-motion", priority, waits)
        .step("work", |go| w::todo("1h", w::results(go, &[], "end")))
        .build()
}

fn of_a_group() -> Vec<Arc<Workflow>> {
    vec![
        of_group("high", "high", 50, None),
        of_group("low", "low", 10, Some("2d")),
        of_group("a-low-one", "high", 10, None),
        of_group("other", "low", 10, None),
    ]
}

/// A version of a test of arms with these shares.
fn drawing(version: u64, arms: &'static [(&'static str, u8)]) -> Arc<Workflow> {
    w::workflow("drawing")
        .version(version)
        .on_created()
        .re_enroll(ReEnroll::Always)
        .step("draw", move |go| {
            let arm = |(name, share): &(&str, u8)| SplitArm { name: (*name).to_owned(), share: *share, go: go("end") };
            Verb::Split(Split { by: SplitBy::Lead, goal: None, arms: arms.iter().map(arm).collect() })
        })
        .build()
}

/// A touch by a channel of the team's own.
fn writing() -> Arc<Workflow> {
    w::workflow("writing")
        .on_created()
        .step("write", |go| {
            let note = TouchPlan::Task {
                objective: "Write on LinkedIn".to_owned(),
                script: None,
                channel: Some(Channel::Other),
                channel_own: Some("linkedin".to_owned()),
                due: w::span("1h"),
                escalate: None,
                give_up: None,
            };
            let crosswise =
                [("channel", "linkedin"), ("channel_own", "other"), ("result", "no-budget"), ("result_own", "not_now")];
            let both =
                [("channel", "other"), ("channel_own", "linkedin"), ("result", "not_now"), ("result_own", "no-budget")];
            let all = |said: [(&str, &str); 4]| said.map(|(name, word)| w::is(&format!("touch.{name}"), word)).to_vec();
            let stop = vec![
                Arm { condition: Expr::Or(all(crosswise)), go: go("crosswise") },
                Arm { condition: Expr::And(all(both)), go: go("both") },
            ];
            w::cadence(vec![w::touch_after("0d", note)], 1, None, stop, go("end"))
        })
        .step("crosswise", |_| Verb::End("crosswise".to_owned()))
        .step("both", |_| Verb::End("both".to_owned()))
        .build()
}

/// Calls whose results name a word of the team's own, a meaning, and an outcome.
fn calling() -> Arc<Workflow> {
    let named = [("no-budget", "own"), ("not_now", "means"), ("connected", "outcome")];
    let passes = || Verb::Switch(vec![]);
    w::workflow("calling")
        .on_created()
        .step("call", move |go| w::call("1h", None, w::results(go, &named, "else")))
        .step("own", move |_| passes())
        .then("call")
        .step("means", move |_| passes())
        .then("call")
        .step("outcome", move |_| passes())
        .then("call")
        .step("else", move |_| passes())
        .then("call")
        .build()
}

fn by_stage_of_deal(offered: cadenza_core::workflow::Target) -> Verb {
    Verb::Switch(vec![Arm { condition: w::is("deal.stage", "offer"), go: offered }])
}
