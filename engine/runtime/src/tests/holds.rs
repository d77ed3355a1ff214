//! Holds with more leads than their account lists: all of the leads hear when the hold ends.

use super::*;
use cadenza_core::account::HOLD_LEADS_MAX;
use cadenza_core::journal::Note;
use cadenza_core::time::{DAY_MS, MINUTE_MS};
use futures_util::future::join_all;
use tokio::task::spawn_local;

const TEAM: &str = "reps: { ana: { name: Ana } }\npools: { closers: [ana] }\n";
const HOLDS: &str = "workflow: holds\nsummary: A hold.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: own\n    \
                     assign: { pool: closers, by: round_robin, sticky: account }\n    \
                     hold: { scope: account, for: 2d, on_expiry: back }\n  - id: pause\n    wait: 30d\n  \
                     - id: back\n    wait: 30d\n  - end: over\n";

async fn hears_of_the_end(engine: &Engine, lead: LeadId) -> bool {
    let state = engine.lead(lead).await.unwrap().expect("it came");
    let entries = engine.timeline(&state, 0, 20).await.unwrap();
    entries.iter().flat_map(|entry| &entry.skeleton.notes).any(|note| *note == Note::HoldOver { expired: true })
}

/// The last lead comes while the hold ends: its batch is on its way to the disk when the others are told.
#[test]
fn who_comes_while_a_hold_ends_hears_of_it_too() {
    let mut world = World::new(&[HOLDS]);
    world.commits = Commits::OnTheirThread;
    write(&world.folders.path().join("workspace/team.yaml"), TEAM);
    world.live(async |engine| {
        let address = |n: usize| format!("ada{n}@acme.example");
        let listed = join_all((0..HOLD_LEADS_MAX).map(|n| engine.report(comes(&address(n))))).await;
        rest(&engine).await;

        let stalled = world.disk.stall();
        let last = spawn_local({
            let (engine, incoming) = (engine.clone(), comes(&address(HOLD_LEADS_MAX)));
            async move { engine.report(incoming).await }
        });
        taken(&engine).await;
        engine.clock().advance_to(fixture::NOW.plus_ms(2 * DAY_MS + MINUTE_MS));
        for _ in 0..64 {
            yield_now().await;
        }
        drop(stalled);
        let last = last.await.unwrap().unwrap().lead;
        rest(&engine).await;
        for accepted in listed {
            assert!(hears_of_the_end(&engine, accepted.unwrap().lead).await, "one that the account lists");
        }
        assert!(hears_of_the_end(&engine, last).await, "the one that came last");
    });
}
