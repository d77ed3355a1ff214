//! One atomic commit: its order, its owner and its number.

use super::sample::{self, Presence, presence};
use super::{ALL, Opened, Place};
use crate::contract::Store;
use crate::records::{Batch, BatchId, Counters, DocumentKey, Epoch, LeadWrite, OutboxWrite, StoreError};
use cadenza_core::account::Account;
use cadenza_core::id::AccountId;
use cadenza_core::state::{PoolState, ScheduleState};

pub(super) async fn a_commit_is_seen_whole_and_survives_a_new_opening<P: Place>(place: &P) {
    let opened = Opened::on(place).await;
    let batch = sample::intake(opened.store.epoch(), BatchId(1), 0..100);
    opened.store.commit(batch).await.expect("the batch is committed");
    for n in 0..100 {
        assert_eq!(presence(&opened.store, n).await, Presence::Whole, "lead {n} after the commit");
    }
    assert_eq!(presence(&opened.store, 100).await, Presence::Absent, "a lead nobody wrote");
    let opened = opened.again(place).await;
    for n in 0..100 {
        assert_eq!(presence(&opened.store, n).await, Presence::Whole, "lead {n} at the next opening");
    }
}

pub(super) async fn the_epoch_goes_up_and_fences<P: Place>(place: &P) {
    let mut before = Epoch(0);
    for opening in 1..=3 {
        let store = place.open().await;
        let epoch = store.epoch();
        assert!(epoch > before, "opening {opening} must raise the epoch above {before:?}, it is {epoch:?}");
        if opening > 1 {
            let late = store.commit(sample::intake(before, BatchId(9), 0..1)).await;
            let expected = matches!(&late, Err(StoreError::Fenced { held, ours }) if (*held, *ours) == (epoch, before));
            assert!(expected, "a writer of an older epoch must be fenced off, not {late:?}");
            assert_eq!(presence(&store, 0).await, Presence::Absent, "what it wrote");
        }
        before = epoch;
        store.close().await.expect("the store closes");
    }
}

/// A batch with every kind of record is refused for its epoch: none of them may be there, and the store continues.
pub(super) async fn a_batch_that_is_refused_writes_nothing<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let epoch = opened.store.epoch();
    for wrong in [Epoch(epoch.0 - 1), Epoch(epoch.0 + 1)] {
        let mut batch = sample::intake(wrong, BatchId(1), 0..3);
        let account = Account::new(AccountId::of_key("domain:acme.example"), "Acme".to_owned());
        batch.accounts.push((account.clone(), None));
        batch.pools.push(("closers".to_owned(), PoolState::default()));
        batch.schedules.push(("sweep".to_owned(), ScheduleState::default()));
        batch.outbox.push(OutboxWrite::Put(super::lists::row(1, 5)));
        batch.counted = [("leads".to_owned(), 3)].into();
        batch.documents.push((DocumentKey::Workspace, Some(vec![1])));
        let refused = opened.store.commit(batch).await;
        assert!(matches!(refused, Err(StoreError::Fenced { .. })), "epoch {wrong:?} is not in force: {refused:?}");
        for n in 0..3 {
            assert_eq!(presence(&opened.store, n).await, Presence::Absent, "lead {n} of the refused batch");
        }
        let store = &opened.store;
        assert_eq!(store.account(account.id).await.expect("readable"), None);
        assert_eq!(store.pool("closers").await.expect("readable"), None);
        assert_eq!(store.schedule("sweep").await.expect("readable"), None);
        assert_eq!(
            store.outbox(ALL, None, cadenza_core::effect::Due::At(super::ms(9)), 9).await.expect("readable"),
            Vec::new()
        );
        assert_eq!(store.counters().await.expect("readable"), Counters::default());
        assert_eq!(store.document(&DocumentKey::Workspace).await.expect("readable"), None);
        assert!(!store.committed(BatchId(1)).await.expect("readable"), "the refused batch is not committed");
    }
    opened.commit(|batch| batch.documents.push((DocumentKey::Clock, Some(vec![2])))).await;
}

pub(super) async fn the_last_batch_is_known<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    assert!(!opened.store.committed(BatchId(1)).await.expect("readable"), "nothing was committed yet");
    for id in 1..=3 {
        opened.commit(|_| {}).await;
        for (asked, expected) in [(1, true), (id, true), (id + 1, false)] {
            let committed = opened.store.committed(BatchId(asked)).await.expect("readable");
            assert_eq!(committed, expected, "batch {asked} after {id} batches");
        }
    }
    let opened = opened.again(place).await;
    assert!(!opened.store.committed(BatchId(1)).await.expect("readable"), "numbers begin anew with the epoch");
}

pub(super) async fn commits_are_made_in_the_order_they_are_asked_for<P: Place>(place: &P) {
    let opened = Opened::on(place).await;
    let epoch = opened.store.epoch();
    let batches = (1..=40_u64).map(|id| {
        let mut batch = Batch::new(BatchId(id), epoch);
        batch.counted = [("last".to_owned(), 1), (format!("batch {id}"), id as i64)].into();
        opened.store.commit(batch)
    });
    // All are under way before the first is done: a pipeline must not overtake itself.
    let mut running: Vec<_> = batches.collect();
    std::future::poll_fn(|context| {
        running.retain_mut(|commit| match commit.as_mut().poll(context) {
            std::task::Poll::Ready(result) => {
                result.expect("the batch is committed");
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    let counters = opened.store.counters().await.expect("readable");
    assert_eq!((counters.values["last"], counters.values["batch 40"]), (40, 40), "each counts once");
    assert!(opened.store.committed(BatchId(40)).await.expect("readable"), "the batch asked for last is the last one");
}

pub(super) async fn a_store_that_is_well_recovers_to_what_it_was<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let epoch = opened.store.epoch();
    let counted = |value| {
        move |batch: &mut Batch| {
            batch.counted = [("n".to_owned(), value)].into();
        }
    };
    opened.commit(counted(1)).await;
    opened.store.commit(sample::intake(epoch, BatchId(2), 0..10)).await.expect("the batch is committed");
    opened.store.recover().await.expect("the store opens again");
    assert_eq!(opened.store.epoch(), epoch, "recovering is no new opening");
    assert!(opened.store.committed(BatchId(2)).await.expect("readable"), "what was committed still is");
    for n in 0..10 {
        assert_eq!(presence(&opened.store, n).await, Presence::Whole, "lead {n} after recovering");
    }
    opened.next = 3;
    opened.commit(counted(2)).await;
    assert_eq!(opened.store.counters().await.expect("readable").values["n"], 3, "commits go on");
}

pub(super) async fn a_closed_store_refuses<P: Place>(place: &P) {
    let store = place.open().await;
    store.close().await.expect("the store closes");
    let write = LeadWrite { before: Default::default(), state: sample::waiting(0).into(), entries: Vec::new() };
    let mut batch = Batch::new(BatchId(1), store.epoch());
    batch.leads.push(write);
    assert!(store.commit(batch).await.is_err(), "a closed store takes nothing");
    assert!(store.lead(sample::lead_id(0)).await.is_err(), "a closed store answers nothing");
}
