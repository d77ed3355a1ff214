//! What happens about a call that is not made.

use crate::support::workflows::{self as w, hot, pooled};
use crate::teller::check;
use cadenza_core::workflow::Workflow;
use std::sync::Arc;

fn urgent() -> Vec<Arc<Workflow>> {
    let workflow = w::workflow("urgent")
        .on_created()
        .step("own", |_| cadenza_core::workflow::Verb::Assign(w::pool(None)))
        .step("call", |go| w::call("5 business minutes", Some(w::escalate()), w::results(go, &[], "end")));
    vec![workflow.build()]
}

#[test]
fn reminded_raised_and_offered_to_the_pool() {
    check(
        "an hour of silence",
        urgent(),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 09:05 ~ timer
          queued by chat
          escalated at point 0: remind ada
        Mon 03-02 09:15 ~ timer
          escalation for mia, due Mon 03-02 09:15
          queued by chat
          escalated at point 1: raise mia
        Mon 03-02 10:00 ~ timer
          task now with pool:closers
          escalated at point 2: reassign nobody
        Mon 03-02 10:05 > claim bob
          task now with bob
        Mon 03-02 10:05 ? a
          = urgent is at call
          = call open for bob, due Mon 03-02 09:05
          = escalation open for mia, due Mon 03-02 09:15
          = call under way since Mon 03-02 10:05
          = open, owner Some(ada), watchers []
        Mon 03-02 10:10 > call no_answer
          done: no_answer
          task withdrawn
          touch 1: call no_answer
          urgent over: completed
        Mon 03-02 10:10 ? a
          = open, owner Some(ada), watchers []
    ",
    );
}

#[test]
fn of_points_that_fell_due_meanwhile_only_the_latest_is_asked() {
    check(
        "pooled, the first never answered",
        urgent(),
        pooled,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 09:05 ~ timer
        Mon 03-02 09:05 ? a
          = urgent is at call
          = call open for ada, due Mon 03-02 09:05
          = open, owner Some(ada), watchers []
        Mon 03-02 09:17 ! stopped till then
        Mon 03-02 09:17 ~ timer
        Mon 03-02 09:17 > answer remind
          ignored: not_awaited
        Mon 03-02 09:17 > answer raise
          escalation for mia, due Mon 03-02 09:17
          queued by chat
          escalated at point 1: raise mia
        Mon 03-02 09:17 ? a
          = urgent is at call
          = call open for ada, due Mon 03-02 09:05
          = escalation open for mia, due Mon 03-02 09:17
          = open, owner Some(ada), watchers []
    ",
    );
}

#[test]
fn a_call_that_is_held_back_is_nobodys_neglect() {
    check(
        "paused",
        urgent(),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 09:01 > pause
          Paused(true)
        Tue 03-03 09:05 > resume
          Paused(false)
        Tue 03-03 09:10 ~ timer
          queued by chat
          escalated at point 0: remind ada
        Tue 03-03 09:20 ~ timer
          escalation for mia, due Tue 03-03 09:20
          queued by chat
          escalated at point 1: raise mia
        Tue 03-03 09:20 ? a
          = urgent is at call
          = call open for ada from Tue 03-03 09:05, due Tue 03-03 09:10
          = escalation open for mia, due Tue 03-03 09:20
          = open, owner Some(ada), watchers []
    ",
    );
    check(
        "its workflow is paused",
        urgent(),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 09:01 ! paused: urgent
        Mon 03-02 09:05 ~ timer
          urgent stands still
        Tue 03-03 09:05 ! released
        Tue 03-03 09:05 ~ released
          urgent goes on
        Tue 03-03 09:10 ~ timer
          queued by chat
          escalated at point 0: remind ada
        Tue 03-03 09:11 ? a
          = urgent is at call
          = call open for ada from Tue 03-03 09:05, due Tue 03-03 09:10
          = open, owner Some(ada), watchers []
    ",
    );
    check(
        "its plugin is paused: whatever else happens, it stands still until that is released",
        urgent(),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 09:01 ! paused: plugin speed
        Mon 03-02 09:05 ~ timer
          urgent stands still
        Mon 03-02 09:30 > lead.updated company=Acme
        Tue 03-03 09:05 ! released
        Tue 03-03 09:05 ~ released
          urgent goes on
        Tue 03-03 09:10 ~ timer
          queued by chat
          escalated at point 0: remind ada
        Tue 03-03 09:11 ? a
          = urgent is at call
          = call open for ada from Tue 03-03 09:05, due Tue 03-03 09:10
          = open, owner Some(ada), watchers []
          = account of None, , kept false
    ",
    );
    check(
        "the lead asked for a later time",
        urgent(),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 09:01 > prefer @03-09 10:00
          Preferred
          task now with ada
        Mon 03-02 09:01 ? a
          = urgent is at call
          = call open for ada from Mon 03-09 10:00, due Mon 03-09 10:05
          = open, owner Some(ada), watchers []
        Mon 03-09 10:05 ~ timer
          queued by chat
          escalated at point 0: remind ada
        Mon 03-09 10:05 ? a
          = urgent is at call
          = call open for ada from Mon 03-09 10:00, due Mon 03-09 10:05
          = open, owner Some(ada), watchers []
    ",
    );
}

#[test]
fn a_call_that_somebody_has_claimed_is_not_taken_away() {
    check(
        "it is offered to the pool when the claim has lapsed",
        urgent(),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 09:05 ~ timer
          queued by chat
          escalated at point 0: remind ada
        Mon 03-02 09:15 ~ timer
          escalation for mia, due Mon 03-02 09:15
          queued by chat
          escalated at point 1: raise mia
        Mon 03-02 09:59 > claim ada
          task now with ada
        Mon 03-02 10:00 ? a
          = urgent is at call
          = call open for ada, due Mon 03-02 09:05
          = escalation open for mia, due Mon 03-02 09:15
          = call under way since Mon 03-02 09:59
          = open, owner Some(ada), watchers []
        Mon 03-02 10:01 > claim bob
          ignored: not_awaited
        Mon 03-02 10:29 ~ timer
          task now with pool:closers
          escalated at point 2: reassign nobody
        Mon 03-02 10:30 ? a
          = urgent is at call
          = call open for pool:closers, due Mon 03-02 09:05
          = escalation open for mia, due Mon 03-02 09:15
          = open, owner Some(ada), watchers []
    ",
    );
    check(
        "what was decided before it was claimed is not done, and asked again",
        urgent(),
        pooled,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 10:00 ! stopped till then
        Mon 03-02 10:00 ~ timer
        Mon 03-02 10:00:30 ~ timer
        Mon 03-02 10:01 ~ timer
        Mon 03-02 10:01 > claim ada
          task now with ada
        Mon 03-02 10:02 > answer reassign
          ignored: not_awaited
        Mon 03-02 10:31 ~ timer
        Mon 03-02 10:31 > answer reassign
          task now with pool:closers
          escalated at point 2: reassign nobody
        Mon 03-02 10:31 ? a
          = urgent is at call
          = call open for pool:closers, due Mon 03-02 09:05
          = open, owner Some(ada), watchers []
    ",
    );
    check(
        "another owner takes it over, and nobody is at it",
        urgent(),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 09:01 > claim ada
          task now with ada
        Mon 03-02 09:02 > owner bob
          owner bob by manual
          task now with bob
        Mon 03-02 09:02 ? a
          = urgent is at call
          = call open for bob, due Mon 03-02 09:05
          = open, owner Some(bob), watchers [ada]
    ",
    );
}

#[test]
fn a_plugin_that_fails_does_not_let_it_be_forgotten() {
    check(
        "trap",
        urgent(),
        pooled,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in urgent
          urgent -> own
          owner ada by pool
          urgent -> call
          call for ada, due Mon 03-02 09:05
        Mon 03-02 09:05 ~ timer
        Mon 03-02 09:05 > answer fails
          no decision: the plugin trapped
          queued by chat
          escalated at point 0: remind ada
        Mon 03-02 09:05 > again
          ignored: not_awaited
    ",
    );
}
