//! Another process takes the data over: the process that wrote before gives it up, and says so.

use super::*;
use cadenza_store::{Partitions, Store as _};

const FLOW: &str = "workflow: flow\nsummary: Waits.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: pause\n    wait: 30d\n  - end: over\n";

#[test]
fn who_is_fenced_writes_nothing_more_and_ends() {
    for commits in [Commits::OnCallersThread, Commits::OnTheirThread, Commits::InTurns] {
        let world = World { commits, ..World::new(&[FLOW]) };
        world.live(async |engine| {
            let before = engine.report(comes("ada@acme.example")).await.expect("nobody else writes yet").lead;
            let other = MemoryStore::in_one_order(&world.disk).expect("the disk is sound");
            let refused = engine.report(comes("bob@other.example")).await;
            assert!(matches!(refused, Err(Refused::Failed(_))), "{commits:?}: {refused:?}");
            // It does not keep trying for ever.
            engine.ended().await;
            assert!(engine.has_ended(), "{commits:?}");
            let refused = engine.report(comes("cyd@other.example")).await;
            assert!(matches!(refused, Err(Refused::Stopping)), "{commits:?}: {refused:?}");
            engine.stop().await;
            let leads: Vec<LeadId> = other
                .leads(&Partitions::ALL, None, 9)
                .await
                .expect("readable")
                .iter()
                .map(|state| state.lead.id)
                .collect();
            assert_eq!(leads, [before], "{commits:?}: what was acknowledged is there, and nothing else");
        });
    }
}
