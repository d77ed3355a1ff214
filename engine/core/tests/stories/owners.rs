//! Who gets a lead, for how long, and who gets it after that.

use crate::support::workflows::{self as w, hot};
use crate::teller::check;
use cadenza_core::workflow::{Assign, HoldScope, Verb, Workflow};
use std::sync::Arc;

fn held(scope: HoldScope) -> Vec<Arc<Workflow>> {
    let workflow = w::workflow("owned")
        .on_created()
        .step("own", move |go| Verb::Assign(w::pool(Some(w::hold(scope, go("hand-back"))))))
        .step("talk", |go| w::todo("1 business day", w::results(go, &[], "end")))
        .then("end")
        .step("hand-back", |_| Verb::Assign(w::territory()))
        .then("end");
    vec![workflow.build()]
}

#[test]
fn a_hold_on_an_account_is_not_started_again_by_a_second_lead() {
    check(
        "two leads of Acme",
        held(HoldScope::Account),
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io region=west
          enrolled in owned
          owned -> own
          owner ada by pool
          held by ada until Mon 03-16 09:00
          owned -> talk
          todo for ada, due Tue 03-03 09:00
        Thu 03-05 09:00 b: > lead.created email=kim@acme.io
          enrolled in owned
          owned -> own
          owner ada by sticky
          owned -> talk
          todo for ada, due Fri 03-06 09:00
        Thu 03-05 09:00 ? b
          = owned is at talk
          = todo open for ada, due Fri 03-06 09:00
          = open, owner Some(ada), watchers []
          = account of Some(ada), held until Mon 03-16 09:00 for 2 leads, kept false
        Mon 03-16 09:00 ~ hold over
          hold over, expired
          enrolled in owned
          owned -> hand-back
          owner tess by territory
          task now with tess
          owned over: completed
        Mon 03-16 09:00 b: ~ hold over
          hold over, expired
          enrolled in owned
          owned -> hand-back
          owner dan by fallback
          task now with dan
          owned over: completed
        Tue 03-17 09:00 ? a
          = owned is at talk
          = todo open for tess, due Tue 03-03 09:00
          = open, owner Some(tess), watchers [ada]
          = account of Some(dan), , kept false
        Tue 03-17 09:00 ? b
          = owned is at talk
          = todo open for dan, due Fri 03-06 09:00
          = open, owner Some(dan), watchers [ada]
          = account of Some(dan), , kept false
    ",
    );
}

#[test]
fn a_lead_without_an_account_is_held_itself() {
    check(
        "free mail",
        held(HoldScope::Account),
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@gmail.com
          enrolled in owned
          owned -> own
          owner ada by pool
          held by ada until Mon 03-16 09:00
          owned -> talk
          todo for ada, due Tue 03-03 09:00
        Mon 03-16 09:00 ~ timer
          hold over, expired
          enrolled in owned
          owned -> hand-back
          owner dan by fallback
          task now with dan
          owned over: completed
        Tue 03-17 09:00 ? a
          = owned is at talk
          = todo open for dan, due Tue 03-03 09:00
          = open, owner Some(dan), watchers [ada]
    ",
    );
    check(
        "free mail, won",
        held(HoldScope::Account),
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@gmail.com
          enrolled in owned
          owned -> own
          owner ada by pool
          held by ada until Mon 03-16 09:00
          owned -> talk
          todo for ada, due Tue 03-03 09:00
        Fri 03-06 09:00 > deal.won
          stage customer
          hold over, kept
        Tue 03-17 09:00 ? a
          = owned is at talk
          = todo open for ada, due Tue 03-03 09:00
          = customer, owner Some(ada), watchers []
    ",
    );
}

#[test]
fn a_manual_owner_takes_what_nobody_had_and_what_the_last_one_had() {
    let nobody =
        w::workflow("nobody").on_created().step("talk", |go| w::todo("1h", w::results(go, &[], "end"))).build();
    check(
        "by hand",
        vec![nobody],
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in nobody
          nobody -> talk
          todo for nobody, due Mon 03-02 10:00
        Mon 03-02 09:01 > owner ada
          owner ada by manual
          task now with ada
        Mon 03-02 09:02 > owner bob
          owner bob by manual
          task now with bob
        Mon 03-02 09:02 ? a
          = nobody is at talk
          = todo open for bob, due Mon 03-02 10:00
          = open, owner Some(bob), watchers [ada]
    ",
    );
}

#[test]
fn who_gets_a_lead_or_a_role_is_told_unless_they_had_it() {
    let announced = |assign: Assign| Verb::Assign(Assign { unannounced: false, ..assign });
    let workflow = move || {
        w::workflow("given")
            .on_created()
            .step("own", move |_| announced(w::pool(None)))
            .step("again", move |_| announced(w::pool(None)))
            .step("host", move |_| announced(Assign { role: Some("host".to_owned()), ..w::territory() }))
            .step("talk", |go| w::todo("1h", w::results(go, &[], "own")))
            .build()
    };
    check(
        "told once for the lead and once for the role",
        vec![workflow()],
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io region=west
          enrolled in given
          given -> own
          owner ada by pool
          queued by chat
          given -> again
          owner ada by sticky
          given -> host
          host is tess by territory
          queued by chat
          given -> talk
          todo for ada, due Mon 03-02 10:00
        Mon 03-02 09:10 > todo done
          done: done
          given -> own
          owner ada by sticky
          given -> again
          owner ada by sticky
          given -> host
          host is tess by territory
          given -> talk
          todo for ada, due Mon 03-02 10:10
        Mon 03-02 09:10 ? a
          = given is at talk
          = todo open for ada, due Mon 03-02 10:10
          = open, owner Some(ada), watchers []
          = account of Some(ada), , kept false
    ",
    );
}
