//! Requests to other systems: a run waits for the answer, and what it brings is kept.

use crate::support::workflows as w;
use crate::teller::check;
use cadenza_core::event::StandardEvent;
use cadenza_core::workflow::{MailResults, ReEnroll, Verb, Workflow};
use std::sync::Arc;

fn nothing(_: &cadenza_core::effect::Question, _: u64) -> Option<crate::support::Answered> {
    None
}

fn asking() -> w::Builder {
    w::workflow("asking")
        .on_created()
        .re_enroll(ReEnroll::Never)
        .step("ask", |go| w::http(Some(MailResults { sent: go("done"), refused: go("by-hand"), failed: go("later") })))
        .step("done", |_| Verb::End("done".to_owned()))
        .step("by-hand", |go| w::todo("1h", w::results(go, &[], "end")))
        .step("later", |_| Verb::End("later".to_owned()))
}

/// Hears of fields that other workflows change.
fn listening() -> Arc<Workflow> {
    w::workflow("listening")
        .when(w::standard(StandardEvent::LeadUpdated), cadenza_core::expr::Expr::TRUE)
        .step("heard", |_| Verb::End("heard".to_owned()))
        .build()
}

const BEGIN: &str = "
    Mon 03-02 09:00 > lead.created email=lee@acme.io
      enrolled in asking
      asking -> ask
      queued by smtp
";

#[test]
fn an_answer_leads_on_by_what_became_of_the_request() {
    let cases = [
        (
            "answered: the field is set, and other workflows hear of it before the run goes on",
            vec![asking().build(), listening()],
            "
            Mon 03-02 09:01 > answered 200 campaign=spring
              enrolled in listening
              asking -> done
              asking over: done
              listening -> heard
              listening over: heard
        ",
        ),
        (
            "answered with what is known already: nobody hears of anything",
            vec![asking().build(), listening()],
            "
            Mon 03-02 09:01 > answered 204
              asking -> done
              asking over: done
        ",
        ),
        (
            "refused",
            vec![asking().build()],
            "
            Mon 03-02 09:01 > refused 422
              asking -> by-hand
              todo for nobody, due Mon 03-02 10:01
        ",
        ),
        (
            "failed",
            vec![asking().build()],
            "
            Mon 03-02 09:01 > failed
              asking -> later
              asking over: later
        ",
        ),
        (
            "an answer that comes twice counts once",
            vec![asking().build()],
            "
            Mon 03-02 09:01 > answered 200 campaign=spring
              asking -> done
              asking over: done
            Mon 03-02 09:01 > again
              ignored: stale_attempt
        ",
        ),
    ];
    for (title, workflows, story) in cases {
        check(title, workflows, nothing, &format!("{BEGIN}{story}"));
    }
}

#[test]
fn a_request_leaves_whatever_the_gate_says_of_touches_but_not_against_a_brake() {
    let cases = [
        (
            "of a lead that wants no more touches, since it is none",
            "
            Mon 03-02 09:00 > prefer email call message
              Preferred
              Bound { kind: Email, why: OptedOut }
            Mon 03-02 09:01 > due
              leaves, 0 under way
        ",
        ),
        (
            "not by a connection that is paused",
            "
            Mon 03-02 09:00 ! paused: by smtp
            Mon 03-02 09:01 > due
              gate: notice held: connection_paused
              stays, 0 under way
        ",
        ),
        (
            "not for a run that has gone on, unless an attempt may have left",
            "
            Mon 03-02 09:00 > cancel
              asking over: cancelled
            Mon 03-02 09:01 > due
              ignored: stale_attempt
              is dropped, 0 under way
        ",
        ),
    ];
    for (title, story) in cases {
        check(title, vec![asking().build()], nothing, &format!("{BEGIN}{story}"));
    }
}

#[test]
fn a_circle_by_way_of_requests_ends() {
    let asks = |name: &'static str| {
        w::workflow(name)
            .when(w::standard(StandardEvent::LeadUpdated), cadenza_core::expr::Expr::TRUE)
            .re_enroll(ReEnroll::Always)
            .step("ask", |_| w::http(None))
            .build()
    };
    check(
        "two whose requests answer each other",
        vec![asks("one"), asks("two")],
        nothing,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
        Mon 03-02 09:00 > lead.updated campaign=a
          enrolled in one
          enrolled in two
          one -> ask
          queued by smtp
          two -> ask
          queued by smtp
        Mon 03-02 09:01 > answered 200 campaign=b
          not enrolled in one: already_in
          not enrolled in two: already_in
          one over: completed
        Mon 03-02 09:02 > answered 200 campaign=c
          enrolled in one
          not enrolled in two: already_in
          two over: completed
          one -> ask
          queued by smtp
        Mon 03-02 09:03 > answered 200 campaign=d
          not enrolled in one: already_in
          enrolled in two
          one over: completed
          two -> ask
          queued by smtp
        Mon 03-02 09:04 > answered 200 campaign=e
          enrolled in one
          not enrolled in two: already_in
          two over: completed
          one -> ask
          queued by smtp
        Mon 03-02 09:05 > answered 200 campaign=f
          not enrolled in one: already_in
          enrolled in two
          one over: completed
          two -> ask
          queued by smtp
        Mon 03-02 09:06 > answered 200 campaign=g
          enrolled in one
          not enrolled in two: already_in
          two over: completed
          one -> ask
          queued by smtp
        Mon 03-02 09:07 > answered 200 campaign=h
          not enrolled in one: already_in
          enrolled in two
          one over: completed
          two -> ask
          queued by smtp
        Mon 03-02 09:08 > answered 200 campaign=i
          enrolled in one
          not enrolled in two: already_in
          two over: completed
          one -> ask
          queued by smtp
        Mon 03-02 09:09 > answered 200 campaign=j
          not enrolled in one: already_in
          enrolled in two
          one over: completed
          two -> ask
          queued by smtp
        Mon 03-02 09:10 > answered 200 campaign=k
          parked: it changes what another workflow changes in turn: the two go round in a circle
        Mon 03-02 09:11 > lead.updated campaign=l
          enrolled in one
          not enrolled in two: already_in
          one -> ask
          queued by smtp
    ",
    );
}

#[test]
fn a_circle_by_way_of_an_enrolment_ends() {
    let asks = || {
        w::workflow("asks")
            .when(w::custom("go"), cadenza_core::expr::Expr::TRUE)
            .re_enroll(ReEnroll::Always)
            .step("ask", |_| w::http(None))
            .build()
    };
    let again = || {
        w::workflow("again")
            .when(w::standard(StandardEvent::LeadUpdated), cadenza_core::expr::Expr::TRUE)
            .re_enroll(ReEnroll::Always)
            .step("ask-again", |_| w::enroll("asks"))
            .build()
    };
    check(
        "a request whose answer has another workflow ask again",
        vec![asks(), again()],
        nothing,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
        Mon 03-02 09:00 > custom.go
          enrolled in asks
          asks -> ask
          queued by smtp
        Mon 03-02 09:01 > answered 200 campaign=b
          enrolled in again
          asks over: completed
          again -> ask-again
          again over: completed
          enrolled in asks
          asks -> ask
          queued by smtp
        Mon 03-02 09:02 > answered 200 campaign=c
          enrolled in again
          asks over: completed
          again -> ask-again
          again over: completed
          enrolled in asks
          asks -> ask
          queued by smtp
        Mon 03-02 09:03 > answered 200 campaign=d
          enrolled in again
          asks over: completed
          again -> ask-again
          again over: completed
          enrolled in asks
          asks -> ask
          queued by smtp
        Mon 03-02 09:04 > answered 200 campaign=e
          enrolled in again
          asks over: completed
          again -> ask-again
          again over: completed
          enrolled in asks
          asks -> ask
          queued by smtp
        Mon 03-02 09:05 > answered 200 campaign=f
          enrolled in again
          asks over: completed
          again -> ask-again
          again over: completed
          enrolled in asks
          asks -> ask
          queued by smtp
        Mon 03-02 09:06 > answered 200 campaign=g
          enrolled in again
          asks over: completed
          again -> ask-again
          again over: completed
          enrolled in asks
          asks -> ask
          queued by smtp
        Mon 03-02 09:07 > answered 200 campaign=h
          enrolled in again
          asks over: completed
          again -> ask-again
          again over: completed
          enrolled in asks
          asks -> ask
          queued by smtp
        Mon 03-02 09:08 > answered 200 campaign=i
          enrolled in again
          asks over: completed
          again -> ask-again
          again over: completed
          enrolled in asks
          asks -> ask
          queued by smtp
        Mon 03-02 09:09 > answered 200 campaign=j
          parked: it changes what another workflow changes in turn: the two go round in a circle
        Mon 03-02 10:00 ? a
          = asks is at ask
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
}
