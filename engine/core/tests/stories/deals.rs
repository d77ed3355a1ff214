//! Deals: one without an id, and what becomes of it when its sender begins to give ids.

use crate::support::workflows::{self as w, hot};
use crate::teller::check;
use cadenza_core::event::StandardEvent;
use cadenza_core::expr::Expr;
use cadenza_core::workflow::{Arm, Since, Verb, Workflow};
use std::sync::Arc;

/// A run for each deal, which goes by what becomes of it.
fn a_run_for_each_deal() -> Arc<Workflow> {
    w::workflow("deal")
        .when(w::standard(StandardEvent::DealStageChanged), Expr::TRUE)
        .key(w::name("event.deal"))
        .step("wait", |go| w::wait_any(&[("deal.lost", go("which"))], Since::Moved, "30d", go("end")))
        .step("which", |go| Verb::Switch(vec![Arm { condition: w::is("deal.stage", "offer"), go: go("offered") }]))
        .then("end")
        .step("offered", |go| w::todo("1h", w::results(go, &[], "end")))
        .build()
}

#[test]
fn a_deal_that_was_open_before_there_were_ids_gets_the_first() {
    check(
        "one that was open before its sender gave ids",
        vec![a_run_for_each_deal()],
        hot,
        "
        Mon 03-02 09:00 > lead.created
        Mon 03-02 10:00 > deal.stage_changed stage=offer amount=9
          not enrolled in deal: no_key
        Mon 03-02 11:00 > deal.stage_changed deal=d-1
          enrolled in deal
          deal -> wait
          waits until Wed 04-01 11:00
        Mon 03-02 12:00 > deal.lost deal=d-1
          stage lost
          deal -> which
          deal over: completed
        Mon 03-02 15:00 ? a
          = lost, owner None, watchers []
    ",
    );
}
