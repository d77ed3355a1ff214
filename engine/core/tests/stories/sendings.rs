//! Messages that fall due: what the gate says over the whole lead, what is under way, and
//! until when a message is put off.

use crate::support::workflows::{self as w, Does, hot};
use crate::support::{Shared, Sim};
use crate::teller::check;
use cadenza_core::effect::Departure;
use cadenza_core::event::{Event, Report, StandardEvent};
use cadenza_core::gate::Reason;
use cadenza_core::id::EffectId;
use cadenza_core::lead::Channel;
use cadenza_core::state::{Reservation, Toucher, UNDER_WAY_MAX};
use cadenza_core::value::Value;
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
          looked at again: 1
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
          looked at again: 1
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
fn a_mail_is_looked_at_again_when_what_put_it_off_is_gone() {
    let created = "
        Mon 03-02 09:00 > lead.created email=lee@acme.io
          enrolled in first
          first -> mail
          queued by smtp";
    let cases = [
        (
            "the lead asked for a later time, then for another, then for none",
            "
        Mon 03-02 09:01 > prefer @03-09 10:00
          Preferred
        Mon 03-02 09:02 > due
          gate: email not before Mon 03-09 10:00: not_before
          stays, 0 under way
        Mon 03-02 09:03 > prefer @03-05 10:00
          Preferred
          looked at again: 1
        Mon 03-02 09:03 > due
          gate: email not before Thu 03-05 10:00: not_before
          stays, 0 under way
        Mon 03-02 09:04 > lead.updated title=COO
        Mon 03-02 09:05 > prefer
          Preferred
          looked at again: 1
        Mon 03-02 09:05 > due
          gate: email go
          leaves, 1 under way
        ",
        ),
        (
            "the lead wants no mails at all",
            "
        Mon 03-02 09:01 > prefer @03-09 10:00
          Preferred
        Mon 03-02 09:02 > due
          gate: email not before Mon 03-09 10:00: not_before
          stays, 0 under way
        Mon 03-02 09:03 > prefer email @03-09 10:00
          Preferred
          Bound { kind: Email, why: OptedOut }
          looked at again: 1
        Mon 03-02 09:03 > due
          first -> rest
          waits until Wed 04-01 09:03
          is dropped, 0 under way
        ",
        ),
        (
            "a person held the lead back",
            "
        Mon 03-02 09:01 > pause
          Paused(true)
        Mon 03-02 09:02 > due
          gate: email held: paused
          stays, 0 under way
        Mon 03-02 09:03 > resume
          Paused(false)
          looked at again: 1
        Mon 03-02 09:03 > due
          gate: email go
          leaves, 1 under way
        ",
        ),
        (
            "its run was paused, and is to go on earlier",
            "
        Mon 03-02 09:01 > email.auto_replied until=03-10_08:00
          first by email.auto_replied: pause
          paused until Tue 03-10 08:00
        Mon 03-02 09:02 > due
          gate: email not before Tue 03-10 08:00: run_paused
          stays, 0 under way
        Mon 03-02 09:03 > email.auto_replied until=03-04_08:00
          first by email.auto_replied: pause
          paused until Wed 03-04 08:00
          looked at again: 1
        Mon 03-02 09:03 > due
          gate: email not before Wed 03-04 08:00: run_paused
          stays, 0 under way
        Wed 03-04 08:00 ~ timer
          first goes on
        Wed 03-04 08:00 > due
          gate: email go
          leaves, 1 under way
        ",
        ),
    ];
    for (title, story) in cases {
        let workflow = w::workflow("first").on_created().step("mail", |_| Verb::Email(w::email())).then("rest");
        let pause = Does::Pause(Some("event.until"), "3 business days");
        let workflow = workflow
            .interrupt("email.auto_replied", &[], pause)
            .step("rest", |go| w::wait_event(w::standard(StandardEvent::EmailReplied), go("end"), "30d", go("end")));
        check(title, vec![workflow.build()], hot, &format!("{created}{story}"));
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
          enrolled in second
          first -> mail
          queued by smtp
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
          = call open for ada from Mon 03-02 09:04, due Mon 03-02 10:04
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

/// The gate looks again each minute; that is told once.
#[test]
fn what_waits_for_others_under_way_says_so_once() {
    let (world, mut shared) = (w::world(vec![mailed("first")], hot), Shared::default());
    let mut now = w::at("2026-03-02T15:00:00Z");
    let mut sim = Sim::new(1, now);
    let report = Report {
        kind: w::standard(StandardEvent::LeadCreated),
        at: now,
        source: "web".to_owned(),
        fields: vec![("email".to_owned(), Value::Text("lee@acme.io".to_owned()))],
        data: [].into(),
        enrolls: true,
        only_finds: false,
        left_out: vec![],
        standing: None,
        also: Vec::new(),
    };
    sim.feed(&world, &mut shared, now, Event::Reported(report));
    let others = (0..UNDER_WAY_MAX as u64).map(|n| Reservation {
        by: Toucher::Message(EffectId::born(sim.state.lead.id, 100 + n)),
        channel: Channel::Email,
        since: now,
    });
    sim.state.reserved.extend(others.collect::<Vec<_>>());
    let mut noted = Vec::new();
    for _ in 0..5 {
        let (notes, departure) = sim.depart(&world, &mut shared, now, 0);
        assert!(
            matches!(departure, Departure::Later(verdict) if verdict.why() == Some(Reason::UnderWay)),
            "{departure:?}"
        );
        noted.push(notes.len());
        now = now.plus_ms(60_000);
    }
    assert_eq!(noted, [1, 0, 0, 0, 0], "once, however often somebody looks");
    sim.state.reserved.clear();
    let (notes, departure) = sim.depart(&world, &mut shared, now, 0);
    assert!(matches!(departure, Departure::Now(_)) && notes.len() == 1, "{departure:?}: {notes:?}");
}
