//! Everything as it was at one moment, whatever is written while it is read.

use super::{Opened, Place, sample};
use crate::contract::Store;
use crate::records::{Batch, DocumentKey, LeadIndex, LeadWrite, OutboxWrite, StoreError};
use crate::snapshot::{Images, Pair, Snapshot, images_in};
use cadenza_core::effect::{Due, Outgoing};
use cadenza_core::state::LeadState;

fn images() -> Images {
    images_in(&std::env::temp_dir()).expect("a file for what is changed")
}

fn rest(snapshot: &mut dyn Snapshot, limit: usize) -> Vec<Pair> {
    let mut all = Vec::new();
    loop {
        let page = snapshot.next(limit).expect("it can be read");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// New leads, changed ones, rows that go, documents that grow into pieces and shrink again, marks and counters.
fn change(batch: &mut Batch, round: u64) {
    for n in [round % 40, 40 + round] {
        let before = if n < 40 { LeadIndex::of(&sample::waiting(n)) } else { LeadIndex::default() };
        let state = LeadState { seq: 100 + round, ..sample::waiting(n) };
        batch.leads.push(LeadWrite { before, state: state.into(), entries: Vec::new() });
        batch.identities.push((sample::identity(n), sample::held(n)));
        batch.marks.push(sample::mark(n));
    }
    let row = |n: u64| Outgoing { due: Due::At(super::ms(n as i64)), ..super::lists::row(n, 0) };
    batch.outbox.push(OutboxWrite::Put(row(1_000 + round)));
    batch.outbox.push(OutboxWrite::Remove { due: row(round % 20).due, id: row(round % 20).id });
    batch.counted = [("leads".to_owned(), 1), (format!("round {round}"), 1)].into();
    let long = if round.is_multiple_of(2) { 40_000 } else { 10 };
    batch.documents.push((DocumentKey::Workspace, Some(vec![round as u8; long])));
}

pub(super) async fn a_snapshot_is_of_one_moment_whatever_is_written_meanwhile<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    opened
        .commit(|batch| {
            *batch = Batch { id: batch.id, ..sample::intake(batch.epoch, batch.id, 0..40) };
            let row = |n: u64| Outgoing { due: Due::At(super::ms(n as i64)), ..super::lists::row(n, 0) };
            batch.outbox.extend((0..20).map(|n| OutboxWrite::Put(row(n))));
            batch.documents.push((DocumentKey::Workspace, Some(vec![7; 40_000])));
        })
        .await;
    for limit in [1, 7, 50, 100_000] {
        let expected = rest(opened.store.snapshot(images()).await.expect("it begins").as_mut(), 1_000);
        assert!(expected.len() > 150 && expected.is_sorted(), "{} records in order", expected.len());
        let mut snapshot = opened.store.snapshot(images()).await.expect("the one before is over");
        let (mut found, mut round) = (Vec::new(), 0);
        loop {
            // Before the first page, between all others, and after the last.
            if round < 60 {
                opened.commit(|batch| change(batch, round)).await;
                round += 1;
            }
            let page = snapshot.next(limit).expect("it can be read");
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert!(found == expected, "{limit} at a time: {} records for {}, {differs:?}", found.len(), expected.len());
        drop(snapshot);
    }
}

pub(super) async fn one_snapshot_is_read_at_a_time_and_ends_when_it_is_dropped<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    opened.commit(|batch| *batch = sample::intake(batch.epoch, batch.id, 0..10)).await;
    let mut first = opened.store.snapshot(images()).await.expect("it begins");
    let second = opened.store.snapshot(images()).await.err();
    assert!(matches!(second, Some(StoreError::SnapshotUnderWay)), "{second:?}");
    assert_eq!(first.next(3).expect("it can be read").len(), 3, "halfway");
    drop(first);
    let mut next = opened.store.snapshot(images()).await.expect("the other is over");
    opened.store.recover().await.expect("the store opens again");
    assert!(next.next(3).is_err(), "what was opened again may be another");
    drop(next);
    let mut last = opened.store.snapshot(images()).await.expect("the other is over");
    opened.store.close().await.expect("it closes");
    assert!(last.next(3).is_err(), "a closed store is read no more");
}
