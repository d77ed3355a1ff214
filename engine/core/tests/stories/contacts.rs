//! Touches: cadences, double dials, voice mails, call-backs, and what counts as a contact.

use crate::support::workflows::{self as w, Does, hot};
use crate::teller::check;
use cadenza_core::lead::Channel;
use cadenza_core::plugin::Segment;
use cadenza_core::workflow::{Arm, Assignment, CadenceTouch, Email, MailResults, Target, TouchPlan, Verb, Workflow};
use std::sync::Arc;

fn keep_at_it(touches: fn() -> Vec<CadenceTouch>, max: u16, repeat: Option<&'static str>) -> Vec<Arc<Workflow>> {
    kept_at(touches(), max, repeat)
}

fn kept_at(touches: Vec<CadenceTouch>, max: u16, repeat: Option<&'static str>) -> Vec<Arc<Workflow>> {
    let workflow = w::workflow("follow")
        .on_created()
        .step("persist", move |go| {
            let stop = vec![
                Arm { condition: w::is("touch.result", "not_now"), go: go("nurture") },
                Arm { condition: w::reached(), go: go("talk") },
            ];
            w::cadence(touches.clone(), max, repeat, stop, go("nurture"))
        })
        .step("talk", |go| w::todo("1 business day", w::results(go, &[], "end")))
        .then("end")
        .step("nurture", |_| Verb::Update(vec![Assignment::Segment(Segment::Cold)]))
        .then("end");
    vec![workflow.build()]
}

#[test]
fn a_double_dial_is_one_contact_and_messages_count() {
    let touches = || vec![w::call_touch("0d", true), w::call_touch("1 business day", true)];
    check(
        "double dials",
        keep_at_it(touches, 3, Some("3 business days")),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call no_answer
          done: no_answer
          touch 1: call no_answer
        Mon 03-02 09:14 ~ timer
          call for nobody, due Mon 03-02 10:14
        Mon 03-02 09:20 > call voicemail
          done: voicemail
          touch 1: call voicemail
        Mon 03-02 09:20 ? a
          = follow is at persist, 1 contacts, round 0
          = open, owner None, watchers []
        Tue 03-03 09:20 ~ timer
          call for nobody, due Tue 03-03 10:20
        Tue 03-03 09:30 > call busy
          done: busy
          touch 2: call busy
        Tue 03-03 09:34 ~ timer
          call for nobody, due Tue 03-03 10:34
        Tue 03-03 09:40 > call no_answer
          done: no_answer
          touch 2: call no_answer
        Tue 03-03 09:40 ? a
          = follow is at persist, 2 contacts, round 1
          = open, owner None, watchers []
        Fri 03-06 09:40 ~ timer
          call for nobody, due Fri 03-06 10:40
        Fri 03-06 09:45 > call voicemail
          done: voicemail
          touch 3: call voicemail
          follow -> nurture
          segment cold
          follow over: completed
        Fri 03-06 09:45 ? a
          = open, owner None, watchers []
    ",
    );
}

#[test]
fn phone_and_mail_take_turns_until_the_limit() {
    let touches = || vec![w::call_touch("0d", false), w::mail_touch("1 business day")];
    check(
        "the limit",
        keep_at_it(touches, 3, Some("2 business days")),
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call no_answer
          done: no_answer
          touch 1: call no_answer
        Tue 03-03 09:10 ~ timer
          queued by smtp
        Tue 03-03 09:15 > sent
          touch 2: email sent
        Tue 03-03 09:15 > again
          ignored: not_awaited
        Thu 03-05 09:15 ~ timer
          call for nobody, due Thu 03-05 10:15
        Thu 03-05 09:30 > call voicemail
          done: voicemail
          touch 3: call voicemail
          follow -> nurture
          segment cold
          follow over: completed
    ",
    );
}

#[test]
fn a_stop_arm_ends_it() {
    let touches = || vec![w::call_touch("0d", true)];
    let cases = [
        (
            "reached",
            "
        Mon 03-02 09:00 > lead.created
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call connected qualified
          done: connected qualified
          touch 1: call connected
          follow -> talk
          todo for nobody, due Tue 03-03 09:10
        Mon 03-02 09:10 ? a
          = follow is at talk
          = todo open for nobody, due Tue 03-03 09:10
          = open, owner None, watchers []
        ",
        ),
        (
            "not now, the first arm that holds",
            "
        Mon 03-02 09:00 > lead.created
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call connected not_now
          done: connected not_now
          touch 1: call connected
          follow -> nurture
          segment cold
          follow over: completed
        ",
        ),
        (
            "reached on the second dial",
            "
        Mon 03-02 09:00 > lead.created
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call no_answer
          done: no_answer
          touch 1: call no_answer
        Mon 03-02 09:14 ~ timer
          call for nobody, due Mon 03-02 10:14
        Mon 03-02 09:15 > call connected
          done: connected
          touch 1: call connected
          follow -> talk
          todo for nobody, due Tue 03-03 09:15
        ",
        ),
    ];
    for (title, story) in cases {
        check(title, keep_at_it(touches, 5, Some("1 business day")), hot, story);
    }
}

#[test]
fn a_call_back_is_made_at_the_time_agreed() {
    let no_stop = w::workflow("follow")
        .on_created()
        .step("persist", |go| {
            let touches = vec![w::call_touch("0d", false), w::mail_touch("1 business day")];
            w::cadence(touches, 5, Some("2 business days"), vec![], go("end"))
        })
        .build();
    check(
        "in a cadence, where a mail would be next",
        vec![no_stop],
        hot,
        "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call connected callback @03-04 14:30
          done: connected callback
          touch 1: call connected
        Wed 03-04 14:30 ~ timer
          call for nobody, due Wed 03-04 14:30
        Wed 03-04 14:40 > call no_answer
          done: no_answer
          touch 2: call no_answer
        Wed 03-04 14:40 ? a
          = follow is at persist, 2 contacts, round 1
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
    let once = w::workflow("once")
        .on_created()
        .step("call", |go| w::call("1h", None, w::results(go, &[("callback", "call"), ("connected", "end")], "call")))
        .build();
    check(
        "at a call",
        vec![once],
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in once
          once -> call
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call connected callback @03-04 14:30
          done: connected callback
          touch 1: call connected
          once -> call
          call for nobody, due Wed 03-04 14:30
        Mon 03-02 09:10 ? a
          = once is at call
          = call open for nobody from Wed 03-04 14:30, due Wed 03-04 14:30
          = open, owner None, watchers []
        Mon 03-02 09:11 > resume
          Paused(false)
        Mon 03-02 09:12 > prefer
          Preferred
        Mon 03-02 09:12 ? a
          = once is at call
          = call open for nobody from Wed 03-04 14:30, due Wed 03-04 14:30
          = open, owner None, watchers []
    ",
    );
}

#[test]
fn touches_that_can_never_happen_are_passed_over_and_end_in_the_exit() {
    let mail_first = || vec![w::mail_touch("0d"), w::call_touch("0d", false)];
    check(
        "no mail address",
        keep_at_it(mail_first, 3, Some("1 business day")),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in follow
          follow -> persist
          gate: email never: no_address
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call no_answer
          done: no_answer
          touch 1: call no_answer
        Tue 03-03 09:10 ~ timer
          gate: email never: no_address
          call for nobody, due Tue 03-03 10:10
        Tue 03-03 09:20 > call no_answer
          done: no_answer
          touch 2: call no_answer
    ",
    );
    let call_then_mail = || vec![w::call_touch("0d", false), w::mail_touch("0d")];
    check(
        "no mail address, the round goes on",
        keep_at_it(call_then_mail, 3, Some("1 business day")),
        hot,
        "
        Mon 03-02 09:00 > lead.created
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call no_answer
          done: no_answer
          touch 1: call no_answer
          gate: email never: no_address
        Mon 03-02 09:10 ? a
          = follow is at persist, 1 contacts, round 1
          = open, owner None, watchers []
    ",
    );
    check(
        "wrong number, then bounced",
        keep_at_it(call_then_mail, 5, Some("1 business day")),
        hot,
        "
        Mon 03-02 09:00 > lead.created phone=+12125550100 email=lee@acme.io
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call wrong_number
          done: wrong_number
          Bound { kind: Phone, why: WrongNumber }
          touch 1: call wrong_number
          queued by smtp
        Mon 03-02 09:11 > email.bounced
          Bound { kind: Email, why: Bounced }
        Mon 03-02 09:12 > held
          follow -> nurture
          segment cold
          follow over: completed
    ",
    );
    let soft = |title: &str, then: &str| {
        let story = format!(
            "
        Mon 03-02 09:00 > lead.created phone=+12125550100 email=lee@acme.io
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        {then}
    "
        );
        check(title, keep_at_it(call_then_mail, 5, Some("1 business day")), hot, &story);
    };
    soft(
        "the third soft bounce within two weeks is a hard one",
        "Mon 03-02 09:01 > email.bounced kind=soft
        Tue 03-03 09:01 > email.bounced kind=soft email=lee@acme.io
        Wed 03-04 09:01 > email.bounced kind=Soft
          Bound { kind: Email, why: Bounced }",
    );
    soft(
        "soft bounces that lie further apart are none",
        "Mon 03-02 09:01 > email.bounced kind=soft
        Mon 03-09 09:01 > email.bounced kind=soft
        Tue 03-17 09:01 > email.bounced kind=soft",
    );
    soft(
        "nor are those before an answer, or of another address",
        "Mon 03-02 09:01 > email.bounced kind=soft
        Mon 03-02 09:02 > email.bounced kind=soft
        Mon 03-02 09:03 > email.auto_replied
        Mon 03-02 09:04 > email.bounced kind=soft
        Mon 03-02 09:05 > email.bounced kind=soft
        Mon 03-02 09:06 > lead.updated email=lee@new.example
        Mon 03-02 09:07 > email.bounced kind=soft",
    );
    check(
        "a new number opens the channel again",
        keep_at_it(call_then_mail, 5, Some("1 business day")),
        hot,
        "
        Mon 03-02 09:00 > lead.created phone=+12125550100 email=lee@acme.io
          enrolled in follow
          follow -> persist
          call for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 > call wrong_number
          done: wrong_number
          Bound { kind: Phone, why: WrongNumber }
          touch 1: call wrong_number
          queued by smtp
        Mon 03-02 09:12 > lead.updated phone=+12125550111
        Mon 03-02 09:13 > sent
          touch 2: email sent
        Tue 03-03 09:13 ~ timer
          call for nobody, due Tue 03-03 10:13
        Tue 03-03 09:30 ? a
          = follow is at persist, 2 contacts, round 1
          = call open for nobody, due Tue 03-03 10:13
          = open, owner None, watchers []
          = account of None, , kept false
    ",
    );
}

#[test]
fn a_mail_leads_where_its_results_say() {
    let mails = |results: bool| {
        let mail = move |go: &dyn Fn(&str) -> Target| {
            let named = MailResults { sent: go("talk"), refused: go("away"), failed: go("by-hand") };
            Verb::Email(Email { results: results.then_some(named), ..w::email() })
        };
        w::workflow("mails")
            .on_created()
            .step("mail", mail)
            .step("talk", |_| Verb::End("talked".to_owned()))
            .step("by-hand", |_| Verb::End("by-hand".to_owned()))
            .step("away", |_| Verb::End("away".to_owned()))
            .build()
    };
    for (results, ending, step, over) in [
        (true, "sent", "talk", "talked"),
        (true, "dead", "by-hand", "by-hand"),
        (true, "held", "away", "away"),
        (false, "sent", "talk", "talked"),
        (false, "dead", "talk", "talked"),
        (false, "held", "talk", "talked"),
    ] {
        let touch = if ending == "sent" { "touch 1: email sent\n          " } else { "" };
        let story = format!(
            "
        Mon 03-02 09:30 > lead.created email=lee@acme.io
          enrolled in mails
          mails -> mail
          queued by smtp
        Mon 03-02 09:31 > {ending}
          {touch}mails -> {step}
          mails over: {over}
    "
        );
        check(&format!("{ending}, results: {results}"), vec![mails(results)], hot, &story);
    }
    for (results, step, over) in [(true, "away", "away"), (false, "talk", "talked")] {
        let story = format!(
            "
        Mon 03-02 09:30 > lead.created
          enrolled in mails
          mails -> mail
          gate: email never: no_address
          mails -> {step}
          mails over: {over}
    "
        );
        check(&format!("no address, results: {results}"), vec![mails(results)], hot, &story);
    }
}

#[test]
fn a_touch_by_hand_on_a_channel_that_is_refused_is_not_made() {
    let by_hand = || {
        let card = |after: &str| {
            let card = TouchPlan::Task {
                objective: "Write on LinkedIn".to_owned(),
                script: None,
                channel: Some(Channel::Other),
                channel_own: None,
                due: w::span("1h"),
                escalate: None,
                give_up: None,
            };
            w::touch_after(after, card)
        };
        kept_at(
            vec![w::call_touch("0d", false), card("1 business day"), w::call_touch("1 business day", false)],
            12,
            None,
        )
    };
    for (title, story) in [
        (
            "it was refused before",
            "
            Mon 03-02 09:00 > lead.created phone=+12125550123
              enrolled in follow
              follow -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call no_answer
              done: no_answer
              touch 1: call no_answer
            Mon 03-02 09:20 > prefer other
              Preferred
            Tue 03-03 09:10 ~ timer
              gate: other never: channel_refused
            Wed 03-04 09:10 ~ timer
              call for nobody, due Wed 03-04 10:10
            Wed 03-04 12:00 ? a
              = follow is at persist, 1 contacts, round 0
              = call open for nobody, due Wed 03-04 10:10
              = open, owner None, watchers []
        ",
        ),
        (
            "it is refused while it is open: withdrawn, and the cadence goes on",
            "
            Mon 03-02 09:00 > lead.created phone=+12125550123
              enrolled in follow
              follow -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call no_answer
              done: no_answer
              touch 1: call no_answer
            Tue 03-03 09:10 ~ timer
              todo for nobody, due Tue 03-03 10:10
            Tue 03-03 09:30 > prefer other
              Preferred
              task withdrawn
            Wed 03-04 09:30 ~ timer
              call for nobody, due Wed 03-04 10:30
            Wed 03-04 12:00 ? a
              = follow is at persist, 1 contacts, round 0
              = call open for nobody, due Wed 03-04 10:30
              = open, owner None, watchers []
        ",
        ),
        (
            "all that is left is refused",
            "
            Mon 03-02 09:00 > lead.created phone=+12125550123
              enrolled in follow
              follow -> persist
              call for nobody, due Mon 03-02 10:00
            Mon 03-02 09:10 > call no_answer
              done: no_answer
              touch 1: call no_answer
            Tue 03-03 09:10 ~ timer
              todo for nobody, due Tue 03-03 10:10
            Tue 03-03 09:30 > prefer other call
              Preferred
              task withdrawn
              follow -> nurture
              segment cold
              follow over: completed
              Bound { kind: Phone, why: DoNotCall }
            Tue 03-03 12:00 ? a
              = open, owner None, watchers []
        ",
        ),
    ] {
        check(title, by_hand(), hot, story);
    }
}

#[test]
fn a_touch_with_a_time_of_day_keeps_it_when_it_was_held_past_it() {
    let at_nine = || {
        let mut mail = w::mail_touch("1d");
        mail.at = Some(9 * 60);
        w::workflow("outbound")
            .on_created()
            .step("persist", move |go| w::cadence(vec![mail.clone()], 12, None, vec![], go("end")))
            .interrupt("email.auto_replied", &[], Does::Pause(Some("event.until"), "3 business days"))
            .build()
    };
    for (title, story) in [
        (
            "a pause is over in the afternoon",
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
              enrolled in outbound
              outbound -> persist
            Mon 03-02 10:00 > email.auto_replied until=03-05_14:00
              outbound by email.auto_replied: pause
              paused until Thu 03-05 14:00
            Thu 03-05 14:00 ~ timer
              outbound goes on
              waits until Fri 03-06 09:00
            Fri 03-06 09:00 ~ timer
              queued by smtp
            Fri 03-06 10:00 ? a
              = outbound is at persist, 0 contacts, round 0
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "a pause is over before it",
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
              enrolled in outbound
              outbound -> persist
            Mon 03-02 10:00 > email.auto_replied until=03-03_08:00
              outbound by email.auto_replied: pause
              paused until Tue 03-03 08:00
            Tue 03-03 08:00 ~ timer
              outbound goes on
            Tue 03-03 09:00 ~ timer
              queued by smtp
            Tue 03-03 10:00 ? a
              = outbound is at persist, 0 contacts, round 0
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
        (
            "a brake is released in the afternoon",
            "
            Mon 03-02 09:00 > lead.created email=lee@acme.io
              enrolled in outbound
              outbound -> persist
            Mon 03-02 10:00 ! paused: outbound
            Tue 03-03 09:00 ~ timer
              outbound stands still
            Wed 03-04 15:00 ! released
            Wed 03-04 15:00 ~ released
              outbound goes on
              waits until Thu 03-05 09:00
            Thu 03-05 09:00 ~ timer
              queued by smtp
            Thu 03-05 10:00 ? a
              = outbound is at persist, 0 contacts, round 0
              = open, owner None, watchers []
              = account of None, , kept false
        ",
        ),
    ] {
        check(title, vec![at_nine()], hot, story);
    }
}
