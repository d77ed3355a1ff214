//! Other writers of the same store: they come first, or take over what the engine holds.

use super::*;
use cadenza_core::lead::Stage;
use cadenza_store::{Batch, BatchId, Mark, Partitions, Position, Store, StoreError, Weight};
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::task::spawn_local;

const FLOW: &str = "workflow: flow\nsummary: Waits.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: pause\n    wait: 30d\n  - end: over\n";

struct Shared {
    time: Arc<AtomicI64>,
    first: MemoryStore,
}

impl Shared {
    fn on(disk: &MemoryDisk) -> Self {
        let time = Arc::new(AtomicI64::new(0));
        let now = Arc::clone(&time);
        let now = Arc::new(move || Timestamp::from_ms(now.load(Ordering::SeqCst)));
        let first = MemoryStore::for_several(disk, Commits::OnTheirThread, now).expect("the disk is sound");
        Self { time, first }
    }
}

/// A batch of another writer, which was told of this event too and had seen the store up to `seen`.
fn marks(store: &MemoryStore, number: u64, event: &str, lead: LeadId, seen: Position) -> Batch {
    let mut batch = Batch::new(BatchId(number), store.epoch());
    batch.marks.push(Mark { event: event.to_owned(), day: fixture::NOW.day(), lead, content: Some(1) });
    batch.seen = batch.shared().map(|key| (key, seen)).collect();
    batch
}

/// An engine that does not renew its claim during a test.
fn patient() -> World {
    let world = World::new(&[FLOW]);
    World { limits: DriverOptions { lease: Duration::from_hours(24 * 365), ..world.limits.clone() }, ..world }
}

#[test]
fn what_another_writer_has_changed_meanwhile_is_computed_again_in_order() {
    let world = patient();
    let shared = Shared::on(&world.disk);
    let elsewhere = LeadId::new(fixture::NOW, 7);
    on_one_thread(async {
        let other = Arc::new(shared.first.join().await.expect("there is room for two"));
        let Running { engine, .. } = world.start_on(shared.first).await;
        rest(&engine).await;
        let before = *engine.progress.borrow();
        // The other writer's batch is on its way, then the engine's, which has not seen it; and one more is computed behind.
        let stalled = world.disk.stall();
        let (first, second) = (comes("ada@acme.example"), comes("bob@other.example"));
        let batch = marks(&other, 1, &first.id, elsewhere, other.position().expect("there are several"));
        let theirs = spawn_local({
            let other = Arc::clone(&other);
            async move { other.commit(batch).await }
        });
        yield_now().await;
        let (one, two) = (engine.clone(), engine.clone());
        let ours = spawn_local(async move { one.report(first).await });
        until("the engine's batch is on its way", || engine.progress.borrow().submitted > before.submitted).await;
        let behind = spawn_local(async move { two.report(second).await });
        taken(&engine).await;
        drop(stalled);
        assert!(matches!(theirs.await.expect("it ends"), Ok(Weight { .. })), "who came first writes");
        let ours = ours.await.expect("it ends").expect("nobody hears of the conflict");
        assert_eq!((ours.duplicate, ours.lead), (true, elsewhere), "done again, it finds what the other did");
        let behind = behind.await.expect("it ends").expect("what was computed behind it is done again too");
        assert!(!behind.duplicate);
        assert_eq!(engine.meters().commits_conflicting_total.get(), 1);
        let leads = engine.leads(None, 9).await.expect("readable");
        assert_eq!(leads.iter().map(|state| state.lead.id).collect::<Vec<_>>(), [behind.lead]);
        engine.stop().await;
    });
}

#[test]
fn who_loses_what_it_holds_gives_up_and_says_so() {
    let world = patient();
    let shared = Shared::on(&world.disk);
    on_one_thread(async {
        let other = shared.first.join().await.expect("there is room for two");
        let Running { engine, .. } = world.start_on(shared.first).await;
        let before = engine.report(comes("ada@acme.example")).await.expect("it holds everything").lead;
        let lease = world.limits.lease;
        let nothing = other.claim(&Partitions::ALL, lease).await.expect("the store is well");
        assert!(nothing.partitions.is_empty(), "the engine holds it");
        shared.time.fetch_add(lease.as_millis() as i64 + 1, Ordering::SeqCst);
        let taken = other.claim(&Partitions::from_iter([before.partition()]), lease).await.expect("the store is well");
        assert_eq!(taken.partitions.len(), 1, "its time has run out");
        let disqualify = LeadCommand::Disqualify { reason: "no budget".to_owned() };
        let refused = command(&engine, before, disqualify).await;
        assert!(matches!(refused, Err(Refused::Failed(_) | Refused::Stopping)), "{refused:?}");
        engine.ended().await;
        assert!(engine.has_ended());
        let state = other.lead(before).await.expect("readable").expect("what was acknowledged is there");
        assert_ne!(state.lead.stage, Stage::Disqualified, "and nothing else");
    });
}

#[test]
fn an_engine_begins_with_everything_or_not_at_all() {
    let world = World::new(&[FLOW]);
    let shared = Shared::on(&world.disk);
    on_one_thread(async {
        let other = shared.first.join().await.expect("there is room for two");
        other.claim(&Partitions::from_iter([200]), world.limits.lease).await.expect("the store is well");
        let refused = world.try_start_on(shared.first).await.err().expect("somebody holds a partition");
        let why = refused.downcast_ref::<StoreError>();
        assert!(matches!(why, Some(StoreError::NotHeld { partition: 200, .. })), "{refused:#}");
    });
}
