//! Words of the team's own: where a run goes by them, and that what they mean decides everything else.

use crate::support::workflows::{self as w, hot};
use crate::teller::check;
use cadenza_core::lead::{Channel, Stage};
use cadenza_core::workflow::{Arm, Assignment, TouchPlan, Verb, Workflow};
use std::sync::Arc;

/// A call whose results name a word of the team's own, a meaning, and an outcome.
fn calling() -> Arc<Workflow> {
    let named = [("no-budget", "own"), ("not_now", "means"), ("connected", "outcome")];
    w::workflow("calling")
        .on_created()
        .step("call", move |go| w::call("1h", None, w::results(go, &named, "else")))
        .step("own", |go| w::todo("1h", w::results(go, &[], "end")))
        .step("means", |go| w::todo("1h", w::results(go, &[], "end")))
        .step("outcome", |go| w::todo("1h", w::results(go, &[], "end")))
        .step("else", |go| w::todo("1h", w::results(go, &[], "end")))
        .build()
}

#[test]
fn an_own_word_does_all_that_it_means() {
    check(
        "an opt-out in the team's own word",
        vec![calling()],
        hot,
        "
        Mon 03-02 09:30 > lead.created email=lee@acme.io
          enrolled in calling
          calling -> call
          call for nobody, due Mon 03-02 10:30
        Mon 03-02 09:33 > call connected never-again
          done: connected opted_out (never-again)
          touch 1: call connected
          OptedOut
          calling over: suppressed
          stage suppressed
          Bound { kind: Email, why: OptedOut }
        Mon 03-02 09:33 ? a
          = suppressed, owner None, watchers []
          = account of None, , kept false
    ",
    );
}

fn staging() -> Arc<Workflow> {
    let own = |own: &str, means| Verb::Update(vec![Assignment::OwnStage { own: own.to_owned(), means }]);
    w::workflow("staging")
        .on_created()
        .step("try", move |_| own("trial", Stage::Open))
        .step("wait", |go| w::todo("1h", w::results(go, &[], "won")))
        .step("won", move |_| own("reference", Stage::Customer))
        .step("thank", |go| w::todo("1h", w::results(go, &[], "plain")))
        .step("plain", |_| Verb::Update(vec![Assignment::Stage(Stage::Customer)]))
        .build()
}

/// Hears that a stage changed, in the engine's words or the team's.
fn hearing() -> Arc<Workflow> {
    w::workflow("hearing")
        .when(w::standard(cadenza_core::event::StandardEvent::LeadUpdated), w::is("lead.stage_own", "trial"))
        .step("look", |go| w::todo("1h", w::results(go, &[], "end")))
        .build()
}

#[test]
fn a_stage_of_the_teams_own_is_kept_beside_its_meaning() {
    check(
        "stages",
        vec![staging(), hearing()],
        hot,
        "
        Mon 03-02 09:30 > lead.created email=lee@acme.io
          enrolled in staging
          staging -> try
          stage open (trial)
          enrolled in hearing
          staging -> wait
          todo for nobody, due Mon 03-02 10:30
          hearing -> look
          todo for nobody, due Mon 03-02 10:30
        Mon 03-02 09:40 > todo done
          done: done
          staging -> won
          stage customer (reference)
          staging -> thank
          todo for nobody, due Mon 03-02 10:40
        Mon 03-02 09:50 > todo done
          done: done
          hearing over: completed
        Mon 03-02 09:55 > todo done
          done: done
          staging -> plain
          stage customer
          staging over: completed
    ",
    );
}

#[test]
fn a_channel_of_the_teams_own_counts_by_its_name_or_by_what_it_means() {
    for (count, count_own, title) in
        [(vec![Channel::Other], vec![], "by what it means"), (vec![], vec!["linkedin".to_owned()], "by its name")]
    {
        let cadence = move |exhausted| {
            let note = TouchPlan::Task {
                objective: "Write on LinkedIn".to_owned(),
                script: None,
                channel: Some(Channel::Other),
                channel_own: Some("linkedin".to_owned()),
                due: w::span("1h"),
                escalate: None,
                give_up: None,
            };
            let touches = vec![w::touch_after("0d", note)];
            let stop = vec![Arm { condition: w::is("touch.result_own", "competitor-won"), go: exhausted }];
            match w::cadence(touches, 2, Some("1d"), stop, exhausted) {
                Verb::Cadence(mut cadence) => {
                    (cadence.count, cadence.count_own) = (count.clone(), count_own.clone());
                    Verb::Cadence(cadence)
                }
                other => other,
            }
        };
        let workflow = w::workflow("writing").on_created().step("write", move |go| cadence(go("end"))).build();
        check(
            title,
            vec![workflow],
            hot,
            "
        Mon 03-02 09:30 > lead.created email=lee@acme.io
          enrolled in writing
          writing -> write
          todo for nobody, due Mon 03-02 10:30
        Mon 03-02 09:40 > todo done no-budget
          done: done not_now (no-budget)
          touch 1: other (linkedin) done
        Tue 03-03 09:40 ~ timer
          todo for nobody, due Tue 03-03 10:40
        Tue 03-03 09:40 > todo done
          done: done
          touch 2: other (linkedin) done
          writing over: completed
    ",
        );
    }
}
