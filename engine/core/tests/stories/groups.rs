//! Groups, of whose workflows a lead is in one at a time: who counts, and who stands still for another.

use crate::support::workflows::{self as w, hot};
use crate::teller::check;
use cadenza_core::expr::Expr;
use cadenza_core::workflow::{HoldScope, Todo, Verb};

fn of_motion(name: &'static str, event: &str, priority: i32) -> w::Builder {
    w::workflow(name).when(w::custom(event), Expr::TRUE).group("sales-motion", priority, None)
}

#[test]
fn a_run_that_begins_at_the_end_of_a_hold_is_in_no_group() {
    let low = || {
        of_motion("low", "low", 10)
            .pauses()
            .step("own", move |go| Verb::Assign(w::pool(Some(w::hold(HoldScope::Lead, go("hand-back"))))))
            .then("end")
            .step("hand-back", |go| w::todo("1 business day", w::results(go, &[], "end")))
            .build()
    };
    let high = || of_motion("high", "high", 50).step("talk", |go| w::todo("1h", w::results(go, &[], "end"))).build();
    check(
        "a higher one has the lead when it begins",
        vec![low(), high()],
        hot,
        "
        Mon 03-02 09:00 > lead.created region=west
        Mon 03-02 09:00 > custom.low
          enrolled in low
          low -> own
          owner ada by pool
          held by ada until Mon 03-16 09:00
          low over: completed
        Fri 03-13 09:00 > custom.high
          enrolled in high
          high -> talk
          todo for ada, due Fri 03-13 10:00
        Mon 03-16 09:00 ~ timer
          hold over, expired
          enrolled in low
          low -> hand-back
          todo for ada, due Tue 03-17 09:00
        Mon 03-16 10:00 ? a
          = high is at talk
          = low is at hand-back
          = todo open for ada, due Fri 03-13 10:00
          = todo open for ada, due Tue 03-17 09:00
          = open, owner Some(ada), watchers []
    ",
    );
    check(
        "a higher one comes while it is there, and a lower one after it",
        vec![low(), high()],
        hot,
        "
        Mon 03-02 09:00 > lead.created region=west
        Mon 03-02 09:00 > custom.low
          enrolled in low
          low -> own
          owner ada by pool
          held by ada until Mon 03-16 09:00
          low over: completed
        Mon 03-16 09:00 ~ timer
          hold over, expired
          enrolled in low
          low -> hand-back
          todo for ada, due Tue 03-17 09:00
        Mon 03-16 10:00 > custom.high
          enrolled in high
          high -> talk
          todo for ada, due Mon 03-16 11:00
        Mon 03-16 11:00 > todo done
          done: done
          low over: completed
        Mon 03-16 12:00 ? a
          = high is at talk
          = todo open for ada, due Mon 03-16 11:00
          = open, owner Some(ada), watchers []
    ",
    );
}

#[test]
fn what_stands_still_already_gives_way_with_its_task() {
    let low = || {
        of_motion("low", "low", 10)
            .pauses()
            .step("work", |go| {
                let Verb::Task(todo) = w::todo("1h", w::results(go, &[], "end")) else { panic!("a task") };
                Verb::Task(Box::new(Todo { give_up: Some(w::span("90m")), ..*todo }))
            })
            .build()
    };
    let high = || of_motion("high", "high", 50).step("talk", |go| w::todo("1h", w::results(go, &[], "end"))).build();
    check(
        "it was held by a brake: its task is made anew when neither holds it",
        vec![low(), high()],
        hot,
        "
        Mon 03-02 09:00 > lead.created
        Mon 03-02 09:00 > custom.low
          enrolled in low
          low -> work
          todo for nobody, due Mon 03-02 10:00
        Mon 03-02 09:10 ! paused: low
        Mon 03-02 10:30 ~ timer
          low stands still
        Mon 03-02 11:00 > custom.high
          low gives way
          task withdrawn
          enrolled in high
          high -> talk
          todo for nobody, due Mon 03-02 12:00
        Mon 03-02 11:30 ! released
        Mon 03-02 11:30 ~ released
        Mon 03-02 12:00 > todo done
          done: done
          high over: completed
          low goes on
          low -> work
          todo for nobody, due Mon 03-02 13:00
        Mon 03-02 13:00 ? a
          = low is at work
          = todo open for nobody, due Mon 03-02 13:00
          = open, owner None, watchers []
    ",
    );
}

#[test]
fn a_group_that_what_is_withdrawn_frees_is_taken_at_once() {
    let low =
        || of_motion("low", "low", 10).pauses().step("work", |go| w::todo("1h", w::results(go, &[], "end"))).build();
    let high =
        || of_motion("high", "high", 50).step("call", |go| w::call("1h", None, w::results(go, &[], "end"))).build();
    check(
        "a call that is refused ends the run that had the lead",
        vec![low(), high()],
        hot,
        "
        Mon 03-02 09:00 > lead.created phone=+12125550123
        Mon 03-02 09:00 > custom.low
          enrolled in low
          low -> work
          todo for nobody, due Mon 03-02 10:00
        Mon 03-02 10:00 > custom.high
          low gives way
          task withdrawn
          enrolled in high
          high -> call
          call for nobody, due Mon 03-02 11:00
        Mon 03-02 10:30 > prefer call
          Preferred
          task withdrawn
          high over: completed
          low goes on
          low -> work
          todo for nobody, due Mon 03-02 11:30
          Bound { kind: Phone, why: DoNotCall }
        Mon 03-02 11:00 ? a
          = low is at work
          = todo open for nobody, due Mon 03-02 11:30
          = open, owner None, watchers []
    ",
    );
}
