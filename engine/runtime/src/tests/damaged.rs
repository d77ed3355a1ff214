//! Leads whose records cannot be read for a while. What they are told meanwhile reaches them once they can be read, and nobody
//! else has to wait for that.

use super::*;
use cadenza_core::account::HOLD_LEADS_MAX;
use cadenza_core::journal::Note;
use cadenza_core::lead::Outcome;
use cadenza_core::run::RunState;
use cadenza_core::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use cadenza_store::{Partitions, Store as _};
use futures_util::future::join_all;

const MAILS: &str = "workflow: mails\nsummary: One mail.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: mail\n    \
                     email: scripts/hello.md\n  - id: pause\n    wait: 30d\n  - end: over\n";
const LATER: &str = "workflow: later\nsummary: One mail, in an hour.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: pause\n    \
                     wait: 1h\n  - id: mail\n    email: scripts/hello.md\n  - end: over\n";
const TEAM: &str = "reps: { ana: { name: Ana } }\npools: { closers: [ana] }\n";
const HOLDS: &str = "workflow: holds\nsummary: A hold.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: own\n    \
                     assign: { pool: closers, by: round_robin, sticky: account }\n    \
                     hold: { scope: account, for: 2d, on_expiry: back }\n  - id: pause\n    wait: 30d\n  \
                     - id: back\n    wait: 30d\n  - end: over\n";
const ADA: &str = "ada@acme.example";
const BOB: &str = "bob@other.example";

/// The first byte of the keys of lead records.
const LEADS: u8 = b'L';

/// How many events leads have still to hear.
fn unheard(world: &World) -> usize {
    world.between_lives(async |store| store.inbox(&Partitions::ALL, None, 99).await.expect("readable").len())
}

/// A lead whose record is spoilt while its mail is under way, so that it cannot be told the result.
fn hears_nothing_of_its_mail(world: &World, result: Result<(), SendError>) -> LeadId {
    world.post.wait(true);
    world.live(async |engine| {
        let lead = engine.report(comes(ADA)).await.unwrap().lead;
        until("its mail leaves", || world.post.attempts() == 1).await;
        world.disk.spoil(LEADS, None);
        world.post.wait(false);
        world.post.answer(result);
        rest(&engine).await;
        engine.report(comes(BOB)).await.expect("nobody else waits for that");
        rest(&engine).await;
        assert_eq!(world.post.attempts(), 2, "the other's mail leaves");
        lead
    })
}

#[test]
fn the_result_of_a_mail_reaches_its_lead_when_it_can_be_read() {
    for (result, outcome, letters) in [
        (Ok(()), Some(Outcome::Sent), 0),
        (
            Err(SendError { cause: "550".to_owned(), retry: false, retry_after_ms: None, may_have_arrived: false }),
            None,
            1,
        ),
    ] {
        let world = World::new(&[MAILS]);
        let lead = hears_nothing_of_its_mail(&world, result);
        assert_eq!(unheard(&world), 1, "it is kept");
        world.live(async |engine| rest(&engine).await);
        assert_eq!(unheard(&world), 1, "as long as the lead cannot be read");
        world.disk.mend();
        world.live(async |engine| {
            rest(&engine).await;
            let state = engine.lead(lead).await.unwrap().expect("it came");
            assert_eq!(state.lead.touches.last().map(|touch| touch.outcome), outcome);
            assert!(matches!(state.runs[0].state, RunState::Waiting { .. }), "its run goes on: {:?}", state.runs);
            assert!(state.reserved.is_empty(), "{:?}", state.reserved);
            assert_eq!(engine.dead_letters(None, 9).await.unwrap().len(), letters);
        });
        assert_eq!(unheard(&world), 0);
        assert_eq!(world.post.addresses(lead), [ADA], "it left once");
    }
}

#[test]
fn what_a_lead_was_to_hear_goes_with_it() {
    let world = World::new(&[MAILS]);
    hears_nothing_of_its_mail(&world, Ok(()));
    world.disk.take_away(LEADS);
    world.live(async |engine| rest(&engine).await);
    assert_eq!(unheard(&world), 0);
}

/// A record may be readable at the next attempt, even if nobody mended it.
#[test]
fn who_can_be_read_again_hears_it_without_a_restart() {
    let world = World::new(&[MAILS]);
    world.post.wait(true);
    world.live(async |engine| {
        let lead = engine.report(comes(ADA)).await.unwrap().lead;
        until("its mail leaves", || world.post.attempts() == 1).await;
        world.disk.spoil(LEADS, None);
        world.post.answer(Ok(()));
        rest(&engine).await;
        world.disk.mend();
        let begin = engine.clock().elapsed();
        until("two minutes pass", || engine.clock().elapsed() > begin + Duration::from_secs(120)).await;
        let state = engine.lead(lead).await.unwrap().expect("it came");
        assert!(matches!(state.runs[0].state, RunState::Waiting { .. }), "{:?}", state.runs);
    });
}

#[test]
fn nothing_more_leaves_to_a_lead_before_it_has_heard_what_it_missed() {
    let world = World::new(&[MAILS, LATER]);
    world.post.wait(true);
    world.live(async |engine| {
        let lead = engine.report(comes(ADA)).await.unwrap().lead;
        until("its first mail leaves", || world.post.attempts() == 1).await;
        world.disk.spoil(LEADS, None);
        world.post.wait(false);
        world.post.answer(Ok(()));
        rest(&engine).await;
        world.disk.mend();
        engine.advance(engine.clock().now().plus_ms(HOUR_MS)).await.unwrap();
        assert_eq!(world.post.attempts(), 1, "the second mail is due, and the lead has still to hear of the first");
        until("both have left", || world.post.attempts() == 2).await;
        let state = engine.lead(lead).await.unwrap().expect("it came");
        assert_eq!(state.lead.touches.first().map(|touch| touch.outcome), Some(Outcome::Sent), "it has heard of it");
    });
}

/// Some leads are listed in the account's record, and one is not.
#[test]
fn the_end_of_a_hold_reaches_leads_when_they_can_be_read() {
    let world = World::new(&[HOLDS]);
    write(&world.folders.path().join("workspace/team.yaml"), TEAM);
    let leads = world.live(async |engine| {
        let address = |n: usize| format!("ada{n}@acme.example");
        let came = join_all((0..=HOLD_LEADS_MAX).map(|n| engine.report(comes(&address(n))))).await;
        rest(&engine).await;
        world.disk.spoil(LEADS, None);
        engine.advance(fixture::NOW.plus_ms(2 * DAY_MS + MINUTE_MS)).await.unwrap();
        came.into_iter().map(|accepted| accepted.unwrap().lead).collect::<Vec<_>>()
    });
    world.disk.mend();
    world.live(async |engine| {
        rest(&engine).await;
        for lead in leads {
            let state = engine.lead(lead).await.unwrap().expect("it came");
            let entries = engine.timeline(&state, 0, 20).await.unwrap();
            let over = |note: &&Note| **note == Note::HoldOver { expired: true };
            let times = entries.iter().flat_map(|entry| &entry.skeleton.notes).filter(over).count();
            assert_eq!(times, 1, "{lead} hears once that it is over");
        }
    });
}
