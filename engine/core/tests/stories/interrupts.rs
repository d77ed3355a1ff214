//! What interrupts a run, wherever it is; in which order, see `order`.

use crate::support::workflows::{self as w, Does};
use crate::teller::check;
use cadenza_core::expr::Expr;
use cadenza_core::workflow::{Cadence, Refused, Since, TouchPlan, Verb, Workflow};
use std::sync::Arc;

fn hot(_: &cadenza_core::effect::Question, _: u64) -> Option<crate::support::Answered> {
    Some(Ok(w::scored(80, cadenza_core::plugin::Segment::Hot)))
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
    let cases: [(&str, Arc<Workflow>, &str); 5] = [
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

#[test]
fn what_another_run_changes_in_the_same_moment_is_news_to_a_wait() {
    let qualify = || {
        w::workflow("qualify")
            .on_created()
            .step("wait", |go| w::wait_any(&[("email.replied", go("set"))], Since::Moved, "9d", go("end")))
            .step("set", |_| w::set("campaign", "spring"))
            .build()
    };
    let sales = || {
        w::workflow("sales")
            .on_created()
            .interrupt("email.replied", &["talk"], Does::Go("criteria"))
            .step("talk", |go| w::todo("1h", w::results(go, &[], "end")))
            .step("criteria", |go| w::wait_any(&[("lead.updated", go("heard"))], Since::Moved, "9d", go("end")))
            .step("heard", |_| Verb::End("heard".to_owned()))
            .build()
    };
    check(
        "one reply moves both, and the older one changes what the younger waits for",
        vec![qualify(), sales()],
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
          enrolled in qualify
          enrolled in sales
          qualify -> wait
          waits until Wed 03-11 09:00
          sales -> talk
          todo for nobody, due Mon 03-02 10:00
        Mon 03-02 10:00 > email.replied
          sales by email.replied: go
          task withdrawn
          qualify -> set
          qualify over: completed
          sales -> criteria
          sales -> heard
          sales over: heard
        Mon 03-02 11:00 ? a
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
}
