//! Messages that fall due: what the gate says over the whole lead, what is under way, and
//! until when a message is put off.

use crate::support::workflows::{self as w, hot};
use crate::teller::check;
use cadenza_core::workflow::{Verb, Workflow};
use std::sync::Arc;

/// Sends one mail, and then waits for a reply.
fn mailed(name: &'static str) -> Arc<Workflow> {
    let workflow = w::workflow(name).on_created().step("mail", |_| Verb::Email(w::email())).then("rest");
    let replied = w::standard(cadenza_core::event::StandardEvent::EmailReplied);
    workflow.step("rest", move |go| w::wait_event(replied.clone(), go("end"), "30d", go("end"))).build()
}

#[test]
fn what_is_said_when_a_mail_falls_due() {
    let created = "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
          enrolled in first
          first -> mail
          queued by smtp";
    let cases = [
        (
            "tried twice, under way once",
            "
        Mon 03-02 09:01 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:09 > due
          leaves, 1 under way
        Mon 03-02 09:10 > sent
          touch 1: email sent
          first -> rest
          waits until Wed 04-01 09:10
        ",
        ),
        (
            "an opt-out that came before it",
            "
        Mon 03-02 09:01 > opt_out
          OptedOut
          first over: suppressed
          stage suppressed
          Bound { kind: Email, why: OptedOut }
        Mon 03-02 09:02 > due
          ignored: stale_attempt
          is dropped, 0 under way
        ",
        ),
        (
            "an opt-out while it is under way",
            "
        Mon 03-02 09:01 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:02 > opt_out
          OptedOut
          first over: suppressed
          stage suppressed
          Bound { kind: Email, why: OptedOut }
        Mon 03-02 09:03 ? a
          = email under way since Mon 03-02 09:01
          = suppressed, owner None, watchers []
          = account of None, , kept false
        Mon 03-02 09:04 > sent
          touch 1: email sent
        Mon 03-02 09:05 ? a
          = suppressed, owner None, watchers []
          = account of None, , kept false
        ",
        ),
        (
            "taken back, and asked about again",
            "
        Mon 03-02 09:01 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:01 > back
          TakenBack(#2)
        Mon 03-02 09:01 > back
          ignored: not_awaited
        Mon 03-02 09:02 > due
          gate: email go
          leaves, 1 under way
        ",
        ),
        (
            "an attempt failed, and then a person holds the lead back",
            "
        Mon 03-02 09:01 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:02 > fails
        Mon 03-02 09:03 > pause
          Paused(true)
        Mon 03-02 09:04 > due
          gate: email held: paused
          stays, 0 under way
        Mon 03-02 09:05 > due
          stays, 0 under way
        Mon 03-02 09:06 > resume
          Paused(false)
        Mon 03-02 09:07 > due
          gate: email go
          leaves, 1 under way
        ",
        ),
        (
            "an attempt failed, and then the lead has another address",
            "
        Mon 03-02 09:01 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:02 > fails
        Mon 03-02 09:03 > lead.updated email=lee@other.io
        Mon 03-02 09:04 > due
          leaves, 1 under way
        Mon 03-02 09:05 > sent
          touch 1: email sent
          first -> rest
          waits until Wed 04-01 09:05
        ",
        ),
        (
            "and the one that it went to is dead: another mail takes its place",
            "
        Mon 03-02 09:01 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:02 > fails
        Mon 03-02 09:03 > lead.updated email=lee@other.io
        Mon 03-02 09:04 > email.bounced email=lee@acme.io
          Bound { kind: Email, why: Bounced }
        Mon 03-02 09:05 > due
          queued by smtp
          is dropped, 0 under way
        Mon 03-02 09:06 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:07 > sent
          touch 1: email sent
          first -> rest
          waits until Wed 04-01 09:07
        ",
        ),
        (
            "its run is cancelled before it leaves",
            "
        Mon 03-02 09:01 > cancel
          first over: cancelled
        Mon 03-02 09:02 > due
          ignored: stale_attempt
          is dropped, 0 under way
        ",
        ),
        (
            "taken back, and then its run is over",
            "
        Mon 03-02 09:01 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:01 > back
          TakenBack(#2)
        Mon 03-02 09:02 > disqualify
          stage disqualified
          first over: disqualified
        Mon 03-02 09:03 > due
          ignored: stale_attempt
          is dropped, 0 under way
        ",
        ),
        (
            "a connection is paused, and then its workflow too",
            "
        Mon 03-02 09:01 ! paused: by smtp
        Mon 03-02 09:02 > due
          gate: email held: connection_paused
          stays, 0 under way
        Mon 03-02 09:03 > due
          stays, 0 under way
        Mon 03-02 09:04 ! paused: first
        Mon 03-02 09:05 > due
          gate: email held: workflow_paused
          stays, 0 under way
        Mon 03-02 09:06 ! released
        Mon 03-02 09:07 > due
          gate: email go
          leaves, 1 under way
        ",
        ),
        (
            "a person holds the lead back, after an attempt that may have left",
            "
        Mon 03-02 09:01 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:02 > pause
          Paused(true)
        Mon 03-02 09:03 > due
          gate: email held: paused
          stays, 1 under way
        Mon 03-02 09:04 > resume
          Paused(false)
        Mon 03-02 09:05 > due
          leaves, 1 under way
        ",
        ),
    ];
    for (title, story) in cases {
        check(title, vec![mailed("first")], hot, &format!("{created}{story}"));
    }
}

#[test]
fn two_mails_that_fall_due_at_one_moment_see_each_other() {
    check(
        "two workflows",
        vec![mailed("first"), mailed("second")],
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
          enrolled in first
          first -> mail
          queued by smtp
          enrolled in second
          second -> mail
          queued by smtp
        Mon 03-02 09:01 > due
          gate: email go
          leaves, 1 under way
        Mon 03-02 09:01 > due second
          gate: email go
          leaves, 2 under way
        Mon 03-02 09:01 ? a
          = first is at mail
          = second is at mail
          = email under way since Mon 03-02 09:01
          = email under way since Mon 03-02 09:01
          = open, owner None, watchers []
          = account of None, , kept false
        Mon 03-02 09:02 > sent
          touch 1: email sent
          first -> rest
          waits until Wed 04-01 09:02
        Mon 03-02 09:03 ? a
          = first is at rest
          = second is at mail
          = email under way since Mon 03-02 09:01
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
}

#[test]
fn a_call_is_under_way_while_it_is_claimed() {
    let workflow = w::workflow("quick").on_created();
    let workflow = workflow.step("call", |go| w::call("1 business hour", None, w::results(go, &[], "end")));
    check(
        "claimed, and given to somebody else",
        vec![workflow.build()],
        hot,
        "
        Mon 03-02 09:00 > lead.created phone=+12125550100
          enrolled in quick
          quick -> call
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:01 > claim ada
          task now with ada
        Mon 03-02 09:01 ? a
          = quick is at call
          = call open for ada, due Mon 03-02 10:00
          = call under way since Mon 03-02 09:01
          = open, owner None, watchers []
        Mon 03-02 09:02 > pause
          Paused(true)
        Mon 03-02 09:03 > claim ada
          gate: call held: paused
          ignored: held_back
        Mon 03-02 09:04 > resume
          Paused(false)
        Mon 03-02 09:05 > claim bob
          ignored: not_awaited
        Mon 03-02 09:40 > claim ada
          task now with ada
        Mon 03-02 09:40 ? a
          = quick is at call
          = call open for ada, due Mon 03-02 10:00
          = call under way since Mon 03-02 09:40
          = open, owner None, watchers []
        Mon 03-02 09:41 > call no_answer
          done: no_answer
          touch 1: call no_answer
          quick over: completed
        Mon 03-02 09:42 ? a
          = open, owner None, watchers []
    ",
    );
}
