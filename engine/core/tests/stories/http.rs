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
