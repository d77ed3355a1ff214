//! Tasks that nobody does: given up in time, reported late, put off by whatever forbids them.

use crate::support::workflows as w;
use crate::teller::check;
use cadenza_core::workflow::Workflow;
use std::sync::Arc;

/// A call that is given up, and another one after it.
fn called_twice() -> Arc<Workflow> {
    w::workflow("called")
        .on_created()
        .step("call", |go| {
            let results = w::results(go, &[("not_done", "chase"), ("wrong_number", "chase")], "end");
            w::given_up(w::call("1h", None, results), "1 business day")
        })
        .step("chase", |go| w::call("1h", None, w::results(go, &[], "end")))
        .build()
}

/// A call that is given up, and one that is made then.
fn called() -> Arc<Workflow> {
    w::workflow("called")
        .on_created()
        .step("call", |go| {
            w::given_up(w::call("1h", None, w::results(go, &[("not_done", "chase")], "end")), "1 business day")
        })
        .step("chase", |go| w::given_up(w::todo("1h", w::results(go, &[], "end")), "2 business days"))
        .build()
}

/// A call a day for as long as it takes.
fn cadence() -> Arc<Workflow> {
    w::workflow("tried")
        .on_created()
        .step("persist", |go| {
            let touches = vec![w::call_touch("0d", true)];
            let rounds = w::cadence(touches, 12, Some("1 business day"), vec![], go("silent"));
            w::cadence_given_up(rounds, "1 business day", None)
        })
        .step("silent", |_| cadenza_core::workflow::Verb::End("silent".to_owned()))
        .build()
}

#[test]
fn who_does_it_late_or_not_at_all() {
    let cases: [(&str, Arc<Workflow>, &str); 9] = [
        (
            "nobody makes the call, and nobody the task after it",
            called(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Tue 03-03 09:00 ~ timer
              call of nobody given up
              called -> chase
              todo for nobody, due Tue 03-03 10:00
            Thu 03-05 09:00 ~ timer
              todo of nobody given up
              called over: completed
            Fri 03-06 17:00 ? a
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "a workflow that is paused between two of its times, too",
            called(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 10:30 ! paused: called
            Mon 03-02 16:30 ! released
            Mon 03-02 16:30 ~ released
            Mon 03-02 16:40 ? a
              = called is at call
              = call open for nobody from Mon 03-02 16:30, due Mon 03-02 17:30
              = open, owner None, watchers []
              = account of None, , kept false
            Tue 03-03 16:30 ~ timer
              call of nobody given up
              called -> chase
              todo for nobody, due Tue 03-03 17:30
            Tue 03-03 16:40 ? a
              = called is at chase
              = todo open for nobody, due Tue 03-03 17:30
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "one that is made late begins the count anew",
            cadence(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in tried
              tried -> persist
              call for nobody, due Mon 03-02 10:00
            Tue 03-03 09:00 ~ timer
              call of nobody given up
            Wed 03-04 09:00 ~ timer
              call for nobody, due Wed 03-04 10:00
            Thu 03-05 09:00 ~ timer
              call of nobody given up
            Thu 03-05 16:30 > call connected
              done late
              done: connected
              touch 1: call connected
            Fri 03-06 09:00 ~ timer
              call for nobody, due Fri 03-06 10:00
            Mon 03-09 09:00 ~ timer
              call of nobody given up
            Tue 03-10 09:00 ~ timer
              call for nobody, due Tue 03-10 10:00
            Tue 03-10 17:00 ? a
              = tried is at persist, 0 contacts, round 3
              = call open for nobody, due Tue 03-10 10:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "so does one that is made in time",
            cadence(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in tried
              tried -> persist
              call for nobody, due Mon 03-02 10:00
            Tue 03-03 09:00 ~ timer
              call of nobody given up
            Wed 03-04 09:00 ~ timer
              call for nobody, due Wed 03-04 10:00
            Thu 03-05 09:00 ~ timer
              call of nobody given up
            Fri 03-06 09:00 ~ timer
              call for nobody, due Fri 03-06 10:00
            Fri 03-06 16:30 > call connected
              done: connected
              touch 1: call connected
            Mon 03-09 16:30 ~ timer
              call for nobody, due Mon 03-09 17:30
            Tue 03-10 16:30 ~ timer
              call of nobody given up
            Tue 03-10 17:00 ? a
              = tried is at persist, 1 contacts, round 4
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "a late report is about the number that the lead had then",
            called_twice(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Tue 03-03 09:00 ~ timer
              call of nobody given up
              called -> chase
              call for nobody, due Tue 03-03 10:00
            Tue 03-03 09:30 > lead.updated email=lee@acme.io phone=+12125550199
            Tue 03-03 12:00 > late wrong_number
              done late
              done: wrong_number
              Bound { kind: Phone, why: WrongNumber }
              touch 1: call wrong_number
            Tue 03-03 12:00 ? a
              = called is at chase
              = call open for nobody, due Tue 03-03 10:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "so is the report of whoever claimed the call before the number changed",
            called_twice(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > claim ada
              task now with ada
            Mon 03-02 09:35 > lead.updated email=lee@acme.io phone=+12125550199
            Mon 03-02 09:40 > call wrong_number
              done: wrong_number
              Bound { kind: Phone, why: WrongNumber }
              touch 1: call wrong_number
              called -> chase
              call for nobody, due Mon 03-02 10:40
            Mon 03-02 09:40 ? a
              = called is at chase
              = call open for nobody, due Mon 03-02 10:40
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "a late report leaves a call-back that was agreed since as it is",
            cadence(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in tried
              tried -> persist
              call for nobody, due Mon 03-02 10:00
            Tue 03-03 09:00 ~ timer
              call of nobody given up
            Tue 03-03 09:30 > call.completed email=lee@acme.io outcome=connected callback_at=2026-03-05T19:00:00Z
              touch 1: call connected
            Tue 03-03 12:00 > late no_answer
              done late
              done: no_answer
              touch 2: call no_answer
            Wed 03-04 09:00 ~ timer
              call for nobody, due Thu 03-05 14:00
            Fri 03-06 12:00 ? a
              = tried is at persist, 0 contacts, round 1
              = call open for nobody from Thu 03-05 14:00, due Thu 03-05 14:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "who unparks a cadence goes on with the next call, and the contacts that there were count",
            cadence(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in tried
              tried -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call voicemail
              done: voicemail
              touch 1: call voicemail
            Tue 03-03 09:10 ~ timer
              call for nobody, due Tue 03-03 10:10
            Wed 03-04 09:10 ~ timer
              call of nobody given up
            Thu 03-05 09:10 ~ timer
              call for nobody, due Thu 03-05 10:10
            Fri 03-06 09:10 ~ timer
              call of nobody given up
            Mon 03-09 09:10 ~ timer
              call for nobody, due Mon 03-09 10:10
            Tue 03-10 09:10 ~ timer
              call of nobody given up
              parked: nobody does it: three calls in a row were given up
            Wed 03-11 12:00 > unpark
              tried -> persist
            Thu 03-12 12:00 ~ timer
              call for nobody, due Thu 03-12 13:00
            Fri 03-13 12:00 ~ timer
              call of nobody given up
            Fri 03-13 17:00 ? a
              = tried is at persist, 1 contacts, round 5
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "what is paused is due as late as it was in the beginning, and a second resumption gives nothing",
            called(),
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io phone=+12125550123
              enrolled in called
              called -> call
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:30 > pause
              Paused(true)
            Mon 03-02 15:00 > resume
              Paused(false)
            Mon 03-02 15:30 > resume
              Paused(false)
            Mon 03-02 15:30 ? a
              = called is at call
              = call open for nobody from Mon 03-02 15:00, due Mon 03-02 16:00
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
    ];
    for (what, workflow, story) in cases {
        check(what, vec![workflow], |_, _| None, story);
    }
}
