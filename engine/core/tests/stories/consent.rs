//! What the lead allows, and when it may be contacted.

use crate::support::workflows::{self as w, hot};
use crate::teller::check;
use cadenza_core::workflow::Workflow;
use std::sync::Arc;

fn call_at_once() -> Vec<Arc<Workflow>> {
    let workflow = w::workflow("quick")
        .on_created()
        .step("call", |go| w::call("5 business minutes", None, w::results(go, &[], "mail")))
        .step("mail", |_| cadenza_core::workflow::Verb::Email(w::email()))
        .step("talk", |go| w::todo("1h", w::results(go, &[], "end")));
    vec![workflow.build()]
}

#[test]
fn calls_keep_to_business_hours_where_the_lead_is() {
    let cases = [
        (
            "a Saturday",
            "
        Sat 02-28 11:00 > lead.created
          enrolled in quick
          quick -> call
          gate: call not before Mon 03-02 09:00: outside_hours
          call for nobody, due Mon 03-02 09:05
        Sat 02-28 11:00 ? a
          = quick is at call
          = call open for nobody from Mon 03-02 09:00, due Mon 03-02 09:05
          = open, owner None, watchers []
        ",
        ),
        (
            "over the weekend on which clocks go forward",
            "
        Sat 03-07 11:00 > lead.created
          enrolled in quick
          quick -> call
          gate: call not before Mon 03-09 09:00: outside_hours
          call for nobody, due Mon 03-09 09:05
        Sat 03-07 11:00 ? a
          = quick is at call
          = call open for nobody from Mon 03-09 09:00, due Mon 03-09 09:05
          = open, owner None, watchers []
        ",
        ),
        (
            "five minutes before closing",
            "
        Fri 03-06 16:57 > lead.created
          enrolled in quick
          quick -> call
          call for nobody, due Mon 03-09 09:02
        ",
        ),
        (
            "in the evening in Berlin",
            "
        Mon 03-02 12:00 > lead.created timezone=Europe/Berlin
          enrolled in quick
          quick -> call
          gate: call not before Tue 03-03 03:00: outside_hours
          call for nobody, due Tue 03-03 09:05
        Mon 03-02 12:00 ? a
          = quick is at call
          = call open for nobody from Tue 03-03 03:00, due Tue 03-03 09:05
          = open, owner None, watchers []
        ",
        ),
        (
            "in the morning in Los Angeles",
            "
        Mon 03-02 10:00 > lead.created timezone=America/Los_Angeles
          enrolled in quick
          quick -> call
          gate: call not before Mon 03-02 12:00: outside_hours
          call for nobody, due Mon 03-02 12:05
        ",
        ),
        (
            "in the week in which only New York has moved its clocks",
            "
        Mon 03-09 12:30 > lead.created timezone=Europe/Berlin
          enrolled in quick
          quick -> call
          gate: call not before Tue 03-10 04:00: outside_hours
          call for nobody, due Tue 03-10 09:05
        ",
        ),
    ];
    for (title, story) in cases {
        check(title, call_at_once(), hot, story);
    }
}

#[test]
fn an_opt_out_ends_everything() {
    let cases = [
        (
            "said in a call",
            "
        Mon 03-02 09:30 > lead.created email=lee@acme.io
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
        Mon 03-02 09:33 > call connected opted_out
          done: connected opted_out
          touch 1: call connected
          OptedOut
          inbound over: suppressed
          stage suppressed
          hold by ada is nothing to it any more
          Bound { kind: Email, why: OptedOut }
        Mon 03-02 09:33 ? a
          = suppressed, owner Some(ada), watchers []
          = account of Some(ada), held until Mon 03-16 09:30 for 0 leads, kept false
        Mon 03-02 09:40 > lead.created
          not enrolled in inbound: suppressed
        Mon 03-30 09:40 ? a
          = suppressed, owner Some(ada), watchers []
          = account of Some(ada), , kept false
        ",
        ),
        (
            "by a person",
            "
        Mon 03-02 09:30 > lead.created
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
        Mon 03-02 09:33 > opt_out
          OptedOut
          task withdrawn
          inbound over: suppressed
          stage suppressed
          hold by ada is nothing to it any more
        Mon 03-02 09:34 > again
        ",
        ),
        (
            "said in a call made outside",
            "
        Mon 03-02 09:30 > lead.created
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
        Mon 03-02 09:33 > call.completed outcome=connected result=opted_out
          touch 1: call connected
          OptedOut
          task withdrawn
          inbound over: suppressed
          stage suppressed
          hold by ada is nothing to it any more
        ",
        ),
        (
            "from outside",
            "
        Mon 03-02 09:30 > lead.created
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
        Mon 03-02 09:33 > lead.opted_out reason=spam
          OptedOut
          task withdrawn
          inbound over: suppressed
          stage suppressed
          hold by ada is nothing to it any more
        Mon 03-02 09:34 > enroll inbound
          not enrolled in inbound: suppressed
        ",
        ),
    ];
    for (title, story) in cases {
        check(title, vec![w::inbound(), w::handoff()], hot, story);
    }
}

#[test]
fn a_channel_that_is_refused_is_given_up() {
    check(
        "no more calls, please",
        call_at_once(),
        hot,
        "
        Mon 03-02 09:30 > lead.created email=lee@acme.io
          enrolled in quick
          quick -> call
          call for nobody, due Mon 03-02 09:35
        Mon 03-02 09:33 > prefer call
          Preferred
          task withdrawn
          quick -> mail
          queued by smtp
        Mon 03-02 09:34 > prefer call email
          Preferred
          Bound { kind: Email, why: OptedOut }
        Mon 03-02 09:35 > held
          quick -> talk
          todo for nobody, due Mon 03-02 10:35
    ",
    );
}

#[test]
fn a_later_time_moves_the_call_and_its_withdrawal_moves_it_back() {
    check(
        "next week, no, today",
        call_at_once(),
        hot,
        "
        Mon 03-02 09:30 > lead.created
          enrolled in quick
          quick -> call
          call for nobody, due Mon 03-02 09:35
        Mon 03-02 09:33 > prefer @03-09 10:00
          Preferred
          task now with nobody
        Mon 03-02 09:33 ? a
          = quick is at call
          = call open for nobody from Mon 03-09 10:00, due Mon 03-09 10:05
          = open, owner None, watchers []
        Mon 03-02 09:40 > prefer
          Preferred
          task now with nobody
        Mon 03-02 09:40 ? a
          = quick is at call
          = call open for nobody, due Mon 03-02 09:45
          = open, owner None, watchers []
    ",
    );
}

/// Open calls are gated again by any event that changes what the gate looks at.
#[test]
fn open_calls_are_gated_again_when_a_zone_is_learnt() {
    let cases = [
        (
            "from a form",
            "
        Mon 03-02 09:30 > lead.created
          enrolled in quick
          quick -> call
          call for nobody, due Mon 03-02 09:35
        Mon 03-02 09:33 > lead.updated timezone=America/Los_Angeles
          task now with nobody
        Mon 03-02 09:33 ? a
          = quick is at call
          = call open for nobody from Mon 03-02 12:00, due Mon 03-02 12:05
          = open, owner None, watchers []
        ",
        ),
        (
            "and it was another one",
            "
        Mon 03-02 09:30 > lead.created timezone=America/Los_Angeles
          enrolled in quick
          quick -> call
          gate: call not before Mon 03-02 12:00: outside_hours
          call for nobody, due Mon 03-02 12:05
        Mon 03-02 09:33 > lead.updated timezone=America/Chicago
          task now with nobody
        Mon 03-02 09:34 > lead.updated timezone=America/New_York
          task now with nobody
        Mon 03-02 09:34 ? a
          = quick is at call
          = call open for nobody, due Mon 03-02 09:39
          = open, owner None, watchers []
        ",
        ),
        (
            "with a later time agreed before",
            "
        Mon 03-02 09:30 > lead.created
          enrolled in quick
          quick -> call
          call for nobody, due Mon 03-02 09:35
        Mon 03-02 09:31 > prefer @03-09 10:00
          Preferred
          task now with nobody
        Mon 03-02 09:33 > lead.updated timezone=America/Los_Angeles
          task now with nobody
        Mon 03-02 09:33 ? a
          = quick is at call
          = call open for nobody from Mon 03-09 12:00, due Mon 03-09 12:05
          = open, owner None, watchers []
        ",
        ),
        (
            "while the lead is paused",
            "
        Mon 03-02 09:30 > lead.created
          enrolled in quick
          quick -> call
          call for nobody, due Mon 03-02 09:35
        Mon 03-02 09:31 > pause
          Paused(true)
        Mon 03-02 09:33 > lead.updated timezone=America/Los_Angeles
        Mon 03-02 09:40 > resume
          Paused(false)
        Mon 03-02 09:40 ? a
          = quick is at call
          = call open for nobody from Mon 03-02 12:00, due Mon 03-02 12:05
          = open, owner None, watchers []
        ",
        ),
    ];
    for (title, story) in cases {
        check(title, call_at_once(), hot, story);
    }
}

#[test]
fn disqualified_leads_are_left_alone() {
    check(
        "a competitor",
        call_at_once(),
        hot,
        "
        Mon 03-02 09:30 > lead.created
          enrolled in quick
          quick -> call
          call for nobody, due Mon 03-02 09:35
        Mon 03-02 09:33 > disqualify
          stage disqualified
          task withdrawn
          quick over: disqualified
        Mon 03-02 09:34 > lead.created
          not enrolled in quick: suppressed
    ",
    );
}
