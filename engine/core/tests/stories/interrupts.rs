//! The order in which an event does what it does to the runs of a lead, and what interrupts them.

use crate::support::workflows::{self as w, Does};
use crate::teller::check;
use cadenza_core::event::StandardEvent;
use cadenza_core::expr::Expr;
use cadenza_core::workflow::{
    Arm, Cadence, Notify, Party, ReEnroll, Refused, Since, StepIx, TouchPlan, Verb, Workflow,
};
use std::sync::Arc;

fn hot(_: &cadenza_core::effect::Question, _: u64) -> Option<crate::support::Answered> {
    Some(Ok(w::scored(80, cadenza_core::plugin::Segment::Hot)))
}

fn tell() -> Verb {
    Verb::Notify(Notify { to: Party::Owner, script: "words/x".to_owned(), via: Some("smtp".to_owned()) })
}

/// A call, a cadence and an answer, with interrupts.
fn followed() -> w::Builder {
    w::workflow("followed")
        .on_created()
        .step("persist", |go| {
            let touches = vec![w::call_touch("0d", true), w::mail_touch("1 business day")];
            w::cadence(touches, 12, Some("3 business days"), vec![], go("silent"))
        })
        .step("silent", |_| Verb::End("silent".to_owned()))
        .step("answer", |go| w::todo("1h", w::results(go, &[], "end")))
}

#[test]
fn an_event_interrupts_a_run_wherever_it_is() {
    let answered = || followed().interrupt("email.replied", &["persist"], Does::Go("answer")).build();
    let away =
        || followed().interrupt("email.auto_replied", &[], Does::Pause(Some("event.until"), "3 business days")).build();
    let cases: [(&str, Arc<Workflow>, &str); 7] = [
        (
            "a reply: its open call is withdrawn",
            answered(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in followed
              followed -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 11:00 > email.replied
              followed by email.replied: go
              task withdrawn
              followed -> answer
              todo for nobody, due Mon 03-02 12:00
            Mon 03-02 11:00 ? a
              = followed is at answer
              = todo open for nobody, due Mon 03-02 12:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "not at a step that is not named",
            answered(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in followed
              followed -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 11:00 > email.replied
              followed by email.replied: go
              task withdrawn
              followed -> answer
              todo for nobody, due Mon 03-02 12:00
            Mon 03-02 11:30 > email.replied
        ",
        ),
        (
            "between two dials: the first is the contact",
            answered(),
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
              todo for nobody, due Mon 03-02 10:12
            Mon 03-02 09:30 ? a
              = followed is at answer
              = todo open for nobody, due Mon 03-02 10:12
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "a mail under way counts, and moves nothing",
            answered(),
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
              todo for nobody, due Tue 03-03 10:11
            Tue 03-03 09:12 > sent
              touch 2: email sent
            Tue 03-03 09:12 ? a
              = followed is at answer
              = todo open for nobody, due Tue 03-03 10:11
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "a mail that has not left does not leave",
            answered(),
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
            Tue 03-03 09:11 > email.replied
              followed by email.replied: go
              followed -> answer
              todo for nobody, due Tue 03-03 10:11
            Tue 03-03 09:12 > due
              ignored: stale_attempt
              is dropped, 0 under way
        ",
        ),
        (
            "out of office: the open call waits, and it goes on where it was",
            away(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in followed
              followed -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > email.auto_replied until=03-10_08:00
              followed by email.auto_replied: pause
              paused until Tue 03-10 08:00
              task now with nobody
            Mon 03-02 09:10 ? a
              = followed is at persist, 0 contacts, round 0
              = call open for nobody from Tue 03-10 08:00, due Tue 03-10 09:00
              = open, owner None, watchers []
              = account of None, , kept false
            Tue 03-10 08:00 ~ timer
              followed goes on
            Tue 03-10 09:00 > call no_answer
              done: no_answer
              touch 1: call no_answer
            Tue 03-10 09:04 ~ timer
              call for nobody, due Tue 03-10 10:04
            Tue 03-10 09:10 ? a
              = followed is at persist, 0 contacts, round 0
              = call open for nobody, due Tue 03-10 10:04
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "out of office without a date; the next touch waits, contacts are kept",
            away(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in followed
              followed -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call connected not_now
              done: connected not_now
              touch 1: call connected
            Mon 03-02 10:00 > email.auto_replied
              followed by email.auto_replied: pause
              paused until Thu 03-05 10:00
            Thu 03-05 10:00 ~ timer
              followed goes on
              queued by smtp
            Thu 03-05 12:00 ? a
              = followed is at persist, 1 contacts, round 0
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
    ];
    cases.into_iter().for_each(|(title, workflow, story)| check(title, vec![workflow], hot, story));
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
        .interrupt("email.replied", &[], Does::Do(|| vec![w::set("campaign", "too late")]))
        .step("wait", |go| w::wait_any(&[("email.replied", go("heard"))], Since::Moved, "30d", go("end")))
        .step("heard", |go| w::todo("1h", w::results(go, &[], "end")))
        .step("other", |go| w::todo("2h", w::results(go, &[], "end")))
        .build()
}

fn updating() -> Arc<Workflow> {
    w::workflow("updating")
        .when(w::custom("set"), Expr::TRUE)
        .re_enroll(ReEnroll::Always)
        .step("set", |_| w::set("campaign", "spring"))
        .build()
}

/// Hears of what another workflow changes.
fn hearing(name: &str) -> w::Builder {
    w::workflow(name)
        .when(w::standard(StandardEvent::LeadUpdated), w::is("event.old.campaign", "winter"))
        .re_enroll(ReEnroll::Always)
        .step("look", |go| w::todo("1h", w::results(go, &[], "end")))
}

fn circle(name: &'static str, sets: &'static str) -> Arc<Workflow> {
    w::workflow(name)
        .when(w::standard(StandardEvent::LeadUpdated), Expr::TRUE)
        .re_enroll(ReEnroll::Always)
        .step("set", move |_| {
            Verb::Update(vec![cadenza_core::workflow::Assignment::Field {
                field: sets.to_owned(),
                value: Expr::Call(
                    cadenza_core::expr::Function::Lower,
                    vec![Expr::Arithmetic(
                        cadenza_core::expr::Operator::Add,
                        Box::new(w::text("x")),
                        Box::new(w::name("lead.campaign")),
                    )],
                ),
            }])
        })
        .build()
}

#[test]
fn the_order_in_which_an_event_acts() {
    let left = || {
        w::workflow("left")
            .on_created()
            .leave(w::is("lead.campaign", "spring"), "chosen")
            .interrupt("lead.updated", &[], Does::Do(|| vec![tell()]))
            .step("wait", |go| w::wait_any(&[("lead.updated", go("end"))], Since::Moved, "30d", go("end")))
            .build()
    };
    let again = || {
        w::workflow("again")
            .on_created()
            .when(w::custom("again"), Expr::TRUE)
            .re_enroll(ReEnroll::Always)
            .interrupt("custom.again", &[], Does::Go("end"))
            .step("wait", |go| w::wait_any(&[("custom.again", go("end"))], Since::Moved, "30d", go("end")))
            .build()
    };
    let cases: [(&str, Vec<Arc<Workflow>>, &str); 6] = [
        (
            "what a run waits for comes before its interrupts",
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
        (
            "leaving comes before waits and interrupts",
            vec![left()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in left
              left -> wait
              waits until Wed 04-01 09:00
            Mon 03-02 10:00 > lead.updated campaign=spring
              left over: chosen
        ",
        ),
        (
            "a run just ended counts as ended, and an event never reaches the run it enrolled",
            vec![again()],
            "
            Mon 03-02 09:00 > lead.created
              enrolled in again
              again -> wait
              waits until Wed 04-01 09:00
            Mon 03-02 10:00 > custom.again
              again over: completed
              enrolled in again
              again -> wait
              waits until Wed 04-01 10:00
        ",
        ),
        (
            "an update is an event to the other workflows",
            vec![updating(), hearing("hearing").build()],
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
        (
            "what an event changes and what it was",
            vec![hearing("hearing").build()],
            "
            Mon 03-02 09:00 > lead.created campaign=winter
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
        (
            "two that change what the other changes are a circle",
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
    ];
    cases.into_iter().for_each(|(title, workflows, story)| check(title, workflows, hot, story));
}

#[test]
fn waits_for_several_events_and_what_came_before() {
    let host = |since: Since| {
        w::workflow("host")
            .on_created()
            .step("host", |go| w::todo("1h", w::results(go, &[], "outcome")))
            .step("outcome", move |go| {
                w::wait_any(
                    &[("meeting.held", go("debrief")), ("meeting.no_show", go("rebook"))],
                    since,
                    "14d",
                    go("chase"),
                )
            })
            .step("debrief", |go| w::wait_any(&[("meeting.held", go("end"))], Since::Run, "14d", go("chase")))
            .step("rebook", |go| w::todo("1h", w::results(go, &[], "end")))
            .step("chase", |go| w::todo("1h", w::results(go, &[], "end")))
            .build()
    };
    let cases: [(&str, Since, &str); 4] = [
        (
            "the second of them",
            Since::Moved,
            "
            Mon 03-02 09:00 > lead.created
              enrolled in host
              host -> host
              todo for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > todo done
              done: done
              host -> outcome
              waits until Mon 03-16 09:10
            Tue 03-03 10:00 > meeting.no_show
              host -> rebook
              todo for nobody, due Tue 03-03 11:00
        ",
        ),
        (
            "one that came while the task was open counts since the run moved",
            Since::Moved,
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
        (
            "and it counts once: the next wait takes the next one",
            Since::Run,
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
        (
            "since a step",
            Since::Step(StepIx(0)),
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
    ];
    cases.into_iter().for_each(|(title, since, story)| check(title, vec![host(since)], hot, story));
}

#[test]
fn a_run_for_each_value() {
    let webinar = || {
        w::workflow("webinar")
            .when(w::custom("registered"), Expr::TRUE)
            .key(w::name("event.data.webinar"))
            .interrupt("custom.cancelled", &[], Does::Go("end"))
            .step("wait", |go| w::wait_any(&[("custom.attended", go("end"))], Since::Moved, "30d", go("end")))
            .build()
    };
    check(
        "each webinar has its run",
        vec![webinar()],
        hot,
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
        Mon 03-02 10:02 > custom.registered webinar=pricing
          not enrolled in webinar: already_in
        Mon 03-02 10:03 > custom.registered
          not enrolled in webinar: no_key
        Mon 03-02 11:00 > custom.attended webinar=security
          webinar over: completed
        Mon 03-02 11:01 > custom.registered webinar=security
          not enrolled in webinar: too_soon
        Mon 03-02 12:00 > custom.cancelled
          webinar by custom.cancelled: go
          webinar over: completed
    ",
    );
}

#[test]
fn a_lead_is_in_one_workflow_of_a_group() {
    let of_group = |name: &'static str, event: &str, priority: i32, waits: Option<&str>| {
        w::workflow(name)
            .when(w::custom(event), Expr::TRUE)
            .group("sales-motion", priority, waits)
            .step("work", |go| w::todo("1h", w::results(go, &[], "end")))
            .build()
    };
    let all = || {
        vec![
            of_group("high", "high", 50, None),
            of_group("low", "low", 10, Some("2d")),
            of_group("same", "high", 10, None),
            of_group("other", "low", 10, None),
        ]
    };
    check(
        "a higher one ousts, a lower one waits or stays out",
        all(),
        hot,
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
          not enrolled in same: group_taken
          high -> work
          todo for nobody, due Mon 03-02 12:00
        Mon 03-02 12:00 > custom.low
          not enrolled in low: too_soon
          not enrolled in other: group_taken
        Mon 03-02 13:00 > todo done
          done: done
          high over: completed
    ",
    );
    check(
        "who waits comes in when it is free",
        all(),
        hot,
        "
        Mon 03-02 09:00 > lead.created
        Mon 03-02 10:00 > custom.high
          enrolled in high
          not enrolled in same: group_taken
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
    );
    check(
        "who waits gives up in time",
        all(),
        hot,
        "
        Mon 03-02 09:00 > lead.created
        Mon 03-02 10:00 > custom.high
          enrolled in high
          not enrolled in same: group_taken
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
    );
}

#[test]
fn touches_with_conditions_and_of_every_kind() {
    let touch = |after: &str, touch: TouchPlan| w::touch_after(after, touch);
    let card = TouchPlan::Task {
        objective: "Write on LinkedIn".to_owned(),
        script: None,
        channel: Some(cadenza_core::lead::Channel::Other),
        channel_own: None,
        due: w::span("1h"),
        escalate: None,
        give_up: None,
    };
    let cadence = move || {
        let mut after_voicemail = w::mail_touch("0d");
        after_voicemail.condition = Some(w::is("touch.outcome", "voicemail"));
        let mut text = touch("0d", TouchPlan::Message(w::email()));
        text.refused = Refused::Wait;
        let mut late = touch("1 business day", card.clone());
        (late.id, late.at) = (Some("card".to_owned()), Some(15 * 60));
        let touches = vec![w::call_touch("0d", false), after_voicemail, late, text];
        w::workflow("outbound")
            .on_created()
            .step("persist", move |go| {
                let Verb::Cadence(cadence) = w::cadence(touches.clone(), 12, None, vec![], go("end")) else {
                    panic!("a cadence")
                };
                Verb::Cadence(Box::new(Cadence { count: cadenza_core::lead::Channel::ALL.to_vec(), ..*cadence }))
            })
            .build()
    };
    for (title, story) in [
        (
            "nobody answers: no mail; a card at three, a text that waits for a number",
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in outbound
              outbound -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call no_answer
              done: no_answer
              touch 1: call no_answer
              a touch is passed over
            Tue 03-03 15:00 ~ timer
              todo for nobody, due Tue 03-03 16:00
            Tue 03-03 16:00 > todo done
              done: done
              touch 2: other done
              queued by smtp
            Tue 03-03 16:01 > due
              gate: message go
              leaves, 1 under way
            Tue 03-03 16:10 ? a
              = outbound is at persist, 2 contacts, round 0
              = message under way since Tue 03-03 16:01
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "a voice mail and its mail",
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in outbound
              outbound -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call voicemail
              done: voicemail
              touch 1: call voicemail
              queued by smtp
            Mon 03-02 09:11 > sent
              touch 2: email sent
        ",
        ),
    ] {
        check(title, vec![cadence()], hot, story);
    }
}

/// A run that a colleague's reply ends, and one that it moves.
fn of_an_account() -> Vec<Arc<Workflow>> {
    let ended = w::workflow("ended")
        .on_created()
        .leave_at("deal.won", true, "won-elsewhere")
        .step("talk", |go| w::todo("1 business day", w::results(go, &[], "end")));
    let moved = w::workflow("moved")
        .on_created()
        .of_account()
        .interrupt("email.replied", &[], Does::Go("answer"))
        .step("talk", |go| w::todo("1 business day", w::results(go, &[], "end")))
        .then("end")
        .step("answer", |go| w::todo("1h", w::results(go, &[], "end")));
    vec![ended.build(), moved.build()]
}

#[test]
fn what_happens_to_one_lead_of_an_account_reaches_runs_of_the_others() {
    check(
        "a colleague replies, and buys",
        of_an_account(),
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
          enrolled in ended
          enrolled in moved
          ended -> talk
          todo for nobody, due Tue 03-03 09:00
          moved -> talk
          todo for nobody, due Tue 03-03 09:00
        Mon 03-02 10:00 b: > lead.created email=kim@acme.io
          enrolled in ended
          enrolled in moved
          ended -> talk
          todo for nobody, due Tue 03-03 10:00
          moved -> talk
          todo for nobody, due Tue 03-03 10:00
        Mon 03-02 11:00 b: > email.replied
          moved by email.replied: go
          task withdrawn
          moved -> answer
          todo for nobody, due Mon 03-02 12:00
        Mon 03-02 11:00 ~ account
          of its account: email.replied
          moved by email.replied: go
          task withdrawn
          moved -> answer
          todo for nobody, due Mon 03-02 12:00
        Mon 03-02 12:00 > deal.won
          stage customer
          task withdrawn
          ended over: won-elsewhere
        Mon 03-02 12:00 b: ~ account
          of its account: deal.won
          task withdrawn
          ended over: won-elsewhere
        Mon 03-02 13:00 ? a
          = moved is at answer
          = todo open for nobody, due Mon 03-02 12:00
          = customer, owner None, watchers []
          = account of None, , kept false
        Mon 03-02 13:00 ? b
          = moved is at answer
          = todo open for nobody, due Mon 03-02 12:00
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
    check(
        "who came later does not hear of it",
        of_an_account(),
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
          enrolled in ended
          enrolled in moved
          ended -> talk
          todo for nobody, due Tue 03-03 09:00
          moved -> talk
          todo for nobody, due Tue 03-03 09:00
        Mon 03-02 10:00 > email.replied
          moved by email.replied: go
          task withdrawn
          moved -> answer
          todo for nobody, due Mon 03-02 11:00
        Mon 03-02 10:01 b: > lead.created email=kim@acme.io
          enrolled in ended
          enrolled in moved
          ended -> talk
          todo for nobody, due Tue 03-03 10:01
          moved -> talk
          todo for nobody, due Tue 03-03 10:01
        Mon 03-02 11:00 ? b
          = ended is at talk
          = moved is at talk
          = todo open for nobody, due Tue 03-03 10:01
          = todo open for nobody, due Tue 03-03 10:01
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
}

#[test]
fn an_event_of_its_own_ends_a_run_that_leaves_at_it() {
    let workflows = || {
        let one = w::workflow("one")
            .when(w::custom("start"), Expr::TRUE)
            .leave_at("custom.start", false, "again")
            .step("talk", |go| w::todo("1 business day", w::results(go, &[], "end")));
        vec![one.re_enroll(ReEnroll::Always).build()]
    };
    check(
        "not the one that it enrolled",
        workflows(),
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
        Mon 03-02 10:00 > custom.start
          enrolled in one
          one -> talk
          todo for nobody, due Tue 03-03 10:00
        Mon 03-02 11:00 > custom.start
          task withdrawn
          one over: again
          enrolled in one
          one -> talk
          todo for nobody, due Tue 03-03 11:00
        Mon 03-02 12:00 ? a
          = one is at talk
          = todo open for nobody, due Tue 03-03 11:00
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
}

#[test]
fn a_run_that_gives_way_goes_on_where_it_was() {
    let of_group = |name: &'static str, event: &str, priority: i32| {
        w::workflow(name).when(w::custom(event), Expr::TRUE).group("sales-motion", priority, None)
    };
    let low = || {
        of_group("low", "low", 10)
            .pauses()
            .step("work", |go| w::todo("1h", w::results(go, &[], "rest")))
            .step("rest", |go| w::wait_any(&[("email.replied", go("end"))], Since::Moved, "2d", go("mail")))
            .step("mail", |_| Verb::Email(w::email()))
            .build()
    };
    let high = || of_group("high", "high", 50).step("talk", |go| w::todo("1h", w::results(go, &[], "end"))).build();
    check(
        "a task is withdrawn and made anew",
        vec![low(), high()],
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
        Mon 03-02 09:00 > custom.low
          enrolled in low
          low -> work
          todo for nobody, due Mon 03-02 10:00
        Mon 03-02 10:00 > custom.high
          low gives way
          task withdrawn
          enrolled in high
          high -> talk
          todo for nobody, due Mon 03-02 11:00
        Mon 03-02 11:00 ? a
          = low is at work
          = high is at talk
          = todo open for nobody, due Mon 03-02 11:00
          = open, owner None, watchers []
          = account of None, , kept false
        Mon 03-02 12:00 > todo done
          done: done
          high over: completed
          low goes on
          low -> work
          todo for nobody, due Mon 03-02 13:00
        Mon 03-02 13:00 ? a
          = low is at work
          = todo open for nobody, due Mon 03-02 13:00
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
    check(
        "a wait falls due after it",
        vec![low(), high()],
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
        Mon 03-02 09:00 > custom.low
          enrolled in low
          low -> work
          todo for nobody, due Mon 03-02 10:00
        Mon 03-02 09:30 > todo done
          done: done
          low -> rest
          waits until Wed 03-04 09:30
        Mon 03-02 10:00 > custom.high
          low gives way
          enrolled in high
          high -> talk
          todo for nobody, due Mon 03-02 11:00
        Thu 03-05 10:00 > todo done
          done: done
          high over: completed
          low goes on
        Wed 03-04 09:30 ~ timer
          low -> mail
          queued by smtp
        Thu 03-05 11:00 ? a
          = low is at mail
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
    check(
        "a mail that had not left waits for it",
        vec![low(), high()],
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
        Mon 03-02 09:00 > custom.low
          enrolled in low
          low -> work
          todo for nobody, due Mon 03-02 10:00
        Mon 03-02 09:30 > todo done
          done: done
          low -> rest
          waits until Wed 03-04 09:30
        Wed 03-04 09:30 ~ timer
          low -> mail
          queued by smtp
        Wed 03-04 10:00 > custom.high
          low gives way
          enrolled in high
          high -> talk
          todo for nobody, due Wed 03-04 11:00
        Wed 03-04 10:01 > due
          gate: email held: ousted
          stays, 0 under way
        Wed 03-04 11:00 > todo done
          done: done
          high over: completed
          low goes on
          looked at again: 1
        Wed 03-04 11:01 > due
          gate: email go
          leaves, 1 under way
    ",
    );
}

/// A run for each deal, which goes by what becomes of it.
fn a_run_for_each_deal() -> Arc<Workflow> {
    w::workflow("deal")
        .when(w::standard(StandardEvent::DealStageChanged), Expr::TRUE)
        .key(w::name("event.deal"))
        .step("wait", |go| w::wait_any(&[("deal.lost", go("which"))], Since::Moved, "30d", go("end")))
        .step("which", |go| Verb::Switch(vec![Arm { condition: w::is("deal.stage", "offer"), go: go("offered") }]))
        .then("end")
        .step("offered", |go| w::todo("1h", w::results(go, &[], "end")))
        .build()
}

#[test]
fn each_deal_is_one_of_its_own() {
    check(
        "two deals, one of them lost",
        vec![a_run_for_each_deal()],
        hot,
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
          todo for nobody, due Mon 03-02 13:00
        Mon 03-02 13:00 > deal.won
          stage customer
        Mon 03-02 14:00 > deal.lost deal=d-3
          OtherDeals(Customer)
        Mon 03-02 15:00 ? a
          = deal is at offered
          = deal is at wait
          = todo open for nobody, due Mon 03-02 13:00
          = customer, owner None, watchers []
    ",
    );
    check(
        "one that was open before its sender gave ids",
        vec![a_run_for_each_deal()],
        hot,
        "
        Mon 03-02 09:00 > lead.created
        Mon 03-02 10:00 > deal.stage_changed stage=offer amount=9
          not enrolled in deal: no_key
        Mon 03-02 11:00 > deal.stage_changed deal=d-1
          enrolled in deal
          deal -> wait
          waits until Wed 04-01 11:00
        Mon 03-02 12:00 > deal.lost deal=d-1
          stage lost
          deal -> which
          deal over: completed
        Mon 03-02 15:00 ? a
          = lost, owner None, watchers []
    ",
    );
}
