//! Damages a record of every kind in turn. The store opens, every read except that of the record itself still works,
//! and the damage is noted once.

use crate::committer::Opening;
use crate::conformance::ALL;
use crate::conformance::sample;
use crate::contract::Store;
use crate::kept_records::everything;
use crate::memory::{MemoryDisk, MemoryStore};
use crate::records::*;
use cadenza_core::effect::Due;
use cadenza_core::id::AccountId;
use cadenza_core::time::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Everything that can be read: the length of each list, and the outcome of each point read.
async fn survey(store: &MemoryStore) -> BTreeMap<&'static str, String> {
    fn list<T>(found: Result<Vec<T>, StoreError>) -> String {
        found.expect("a list goes on behind what it cannot read").len().to_string()
    }
    fn point<T: Debug>(found: Result<Option<T>, StoreError>) -> String {
        match found {
            Ok(Some(_)) => "there".to_owned(),
            Ok(None) => "absent".to_owned(),
            Err(error) if error.is_damage() => "damaged".to_owned(),
            Err(other) => panic!("{other}"),
        }
    }
    let (lead, max, event) = (sample::lead_id(1), Timestamp::MAX, sample::event_id(1));
    let journal = store.journal(lead, 0, 100).await.expect("a journal is a list");
    let personal = journal.iter().filter(|entry| entry.personal.is_some()).count();
    BTreeMap::from([
        ("leads", list(store.leads(ALL, None, 100).await)),
        ("journal", journal.len().to_string()),
        ("personal", personal.to_string()),
        ("timers", list(store.timers(ALL, None, max, 100).await)),
        ("queue", list(store.queue(ALL, None, None, 100).await)),
        ("questions", list(store.questions(ALL, Some("inbound-fit"), 100).await)),
        ("unanswered", list(store.unanswered(ALL, None, 100).await)),
        ("held", list(store.held(ALL, AccountId::of_key("domain:acme.example"), None, 100).await)),
        ("listeners", list(store.listeners(ALL, AccountId::of_key("domain:acme.example"), None, 100).await)),
        ("outbox", list(store.outbox(ALL, None, Due::OnRelease, 100).await)),
        ("dead letters", list(store.dead_letters(None, 100).await)),
        ("feed", list(store.feed(ALL, None, max, 100).await)),
        ("inbox", list(store.inbox(ALL, None, 100).await)),
        ("counters", store.counters().await.expect("counters are a list").values.len().to_string()),
        ("definitions", list(store.documents(DocumentKind::Definition).await)),
        ("tokens", list(store.documents(DocumentKind::Token).await)),
        ("lead", point(store.lead(lead).await)),
        ("identity", point(store.identity(&sample::identity(1)).await)),
        ("mark", point(store.mark(&event, sample::mark(1).day).await)),
        ("account", point(store.account(AccountId::of_key("domain:acme.example")).await)),
        ("pool", point(store.pool("closers").await)),
        ("schedule", point(store.schedule("sweep").await)),
        ("clock", point(store.document(&DocumentKey::Clock).await)),
        ("workspace", point(store.document(&DocumentKey::Workspace).await)),
        ("committed", store.committed(BatchId(1)).await.expect("nobody knows is no").to_string()),
    ])
}

/// A disk with one batch that writes a record of every kind.
async fn filled() -> MemoryDisk {
    let disk = MemoryDisk::default();
    let store = MemoryStore::on(&disk);
    let mut batch = everything(store.epoch());
    batch.at = sample::START;
    batch.decisions = vec![DecisionRef { lead: sample::lead_id(1), seq: 1 }];
    batch.documents.push((DocumentKey::Definition(cadenza_core::id::Digest(7)), Some(vec![1])));
    batch.documents.push((DocumentKey::Token("00".repeat(32)), Some(vec![1])));
    store.commit(batch).await.expect("memory takes it");
    drop(store);
    disk
}

#[tokio::test]
async fn one_kind_that_is_damaged_leaves_every_other_readable() {
    // Which reads come out differently while a kind is damaged, and the kind's name in the damage log.
    type Changed = &'static [(&'static str, &'static str)];
    let cases: [(u8, Changed, Option<&str>); 20] = [
        (b'A', &[("account", "damaged")], Some("account")),
        (b'B', &[], Some("last batch")),
        (b'C', &[("counters", "0")], Some("counter")),
        (b'D', &[("dead letters", "0")], Some("dead letter")),
        (b'E', &[("outbox", "0")], Some("outbox row")),
        (
            b'F',
            &[("clock", "damaged"), ("workspace", "damaged"), ("definitions", "0"), ("tokens", "0")],
            Some("document"),
        ),
        (b'G', &[], Some("record of the feed")),
        (b'I', &[("identity", "damaged")], Some("identity")),
        (b'J', &[("journal", "0"), ("personal", "0")], Some("journal entry")),
        (b'L', &[("lead", "damaged"), ("leads", "0")], Some("lead")),
        (b'M', &[("mark", "damaged")], Some("mark of an event")),
        (b'N', &[], None),
        (b'O', &[("pool", "damaged")], Some("pool")),
        (b'P', &[("personal", "0")], Some("personal part of a journal entry")),
        (b'R', &[("inbox", "0")], Some("row of the inbox")),
        (b'S', &[("schedule", "damaged")], Some("schedule")),
        (b'W', &[], None),
        // The clock is short; the workspace lies in pieces.
        (b'X', &[("workspace", "damaged")], Some("document")),
        (b'Y', &[], Some("number of pieces")),
        (b'Z', &[], None),
    ];
    let whole = survey(&MemoryStore::on(&filled().await)).await;
    assert!(
        whole.values().all(|found| found != "0" && found != "absent"),
        "there is something of everything: {whole:?}"
    );
    for (kind, changed, told) in cases {
        let disk = filled().await;
        disk.spoil(kind, None);
        let name = char::from(kind);
        let store =
            MemoryStore::try_on(&disk).unwrap_or_else(|error| panic!("`{name}` keeps it from opening: {error}"));
        let mut expected = whole.clone();
        expected.extend(changed.iter().map(|(what, how)| (*what, (*how).to_owned())));
        assert_eq!(survey(&store).await, expected, "with every `{name}` spoilt");
        let noted = store.damage().noted();
        let kinds: Vec<&str> = store.damage().by_kind().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds.contains(&told.unwrap_or("nothing")), told.is_some(), "`{name}` is told of: {kinds:?}");
        survey(&store).await;
        assert_eq!(store.damage().noted(), noted, "`{name}` is told of once");
        let mut batch = sample::intake(store.epoch(), BatchId(1), 5..6);
        batch.counted = [("leads".to_owned(), 1)].into();
        store.commit(batch).await.unwrap_or_else(|error| panic!("with `{name}` spoilt nothing is written: {error}"));
        store.recover().await.unwrap_or_else(|error| panic!("with `{name}` spoilt it does not open again: {error}"));
        assert!(store.committed(BatchId(1)).await.unwrap(), "the record of the last batch is written anew");
    }
}

#[tokio::test]
async fn a_key_that_means_nothing_is_stepped_over() {
    for kind in *b"ACDEFGIJLMNOPQSTUVYab" {
        let disk = filled().await;
        let whole = survey(&MemoryStore::on(&disk)).await;
        disk.spoil_key(kind);
        let store = MemoryStore::try_on(&disk).expect("it opens");
        assert_eq!(survey(&store).await, whole, "with a key of kind `{}`", char::from(kind));
    }
}

#[tokio::test]
async fn a_damaged_header_is_told_and_nothing_is_touched() {
    let disk = filled().await;
    disk.spoil(b'H', None);
    let opened = MemoryStore::try_on(&disk).map(|_| ());
    assert!(matches!(opened, Err(StoreError::Corrupt(_))), "{opened:?}");
}

#[tokio::test]
async fn pages_go_on_behind_what_cannot_be_read() {
    // Wherever the damaged records lie, and however many lie beside each other.
    for spoilt in [vec![0], vec![1, 2], vec![3, 4, 5, 6], vec![9], (0..10).collect()] {
        let disk = MemoryDisk::default();
        let store = MemoryStore::on(&disk);
        store.commit(sample::intake(store.epoch(), BatchId(1), 0..10)).await.expect("memory takes it");
        for number in &spoilt {
            disk.spoil(b'L', Some(*number));
        }
        for limit in [1, 2, 3, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = store.leads(ALL, after, limit).await.expect("it goes on");
                found.extend(page.iter().map(|state| state.lead.id));
                after = found.last().copied();
                if page.len() < limit {
                    break;
                }
            }
            let mut all: Vec<_> = (0..10).map(sample::lead_id).collect();
            all.sort();
            let sound = all.into_iter().enumerate().filter(|(ix, _)| !spoilt.contains(ix)).map(|(_, id)| id);
            assert_eq!(found, sound.collect::<Vec<_>>(), "{spoilt:?} spoilt, {limit} at a time");
        }
        assert_eq!(store.damage().by_kind(), [("lead", spoilt.len() as u64)]);
    }
}

#[tokio::test]
async fn looking_through_it_finds_each() {
    let disk = filled().await;
    for kind in *b"AEL" {
        disk.spoil(kind, None);
    }
    let store = MemoryStore::on(&disk);
    let (mut records, mut after) = (0, None);
    loop {
        let (read, next) = store.check(after, 3).await.expect("it goes on");
        records += read;
        if next.is_none() {
            break;
        }
        after = next;
    }
    assert!(records > 15, "it was looked at: {records}");
    let kinds: Vec<_> = store.damage().by_kind();
    assert_eq!(kinds, [("account", 1), ("lead", 3), ("outbox row", 1)]);
}

#[tokio::test]
async fn less_than_was_acknowledged_is_refused() {
    let disk = filled().await;
    drop(MemoryStore::on(&disk));
    // The record of the last batch is gone, together with, say, everything written after the first opening.
    disk.take_away(b'B');
    disk.take_away(b'H');
    let opened = MemoryStore::try_on(&disk).map(|_| ());
    assert!(matches!(opened, Err(StoreError::CutShort { .. })), "{opened:?}");
}

#[tokio::test]
async fn a_folder_that_is_only_copied_keeps_its_format() {
    let disk = filled().await;
    let format = |disk: &MemoryDisk| {
        let keeps = Opening { raise: false, ..Opening::default() };
        let store = MemoryStore::opened(disk, keeps).expect("it can be read");
        (store.raised_from(), MemoryStore::try_on(disk).expect("it can be read").raised_from())
    };
    disk.set_header(1, Epoch(1_000));
    assert_eq!(format(&disk), (None, Some(1)), "who looks leaves it as it is, who goes on with it raises it");
    disk.set_header(crate::record::FORMAT, Epoch(2_000));
    assert_eq!(format(&disk), (None, None));
    disk.set_header(99, Epoch(3_000));
    let keeps = Opening { raise: false, ..Opening::default() };
    let newer = MemoryStore::opened(&disk, keeps).map(|_| ());
    assert!(
        matches!(newer, Err(StoreError::Newer { found: 99, .. })),
        "a newer one cannot be read all the same: {newer:?}"
    );
}

#[tokio::test]
async fn a_folder_of_an_older_format_is_raised_and_a_newer_one_refused() {
    let disk = filled().await;
    for (format, expected) in [(1, Ok(Some(1))), (crate::record::FORMAT, Ok(None)), (99, Err(99))] {
        // Each later than the openings before it, as another program would leave it.
        disk.set_header(format, Epoch(u64::from(format) * 1_000));
        let opened = MemoryStore::try_on(&disk).map(|store| store.raised_from()).map_err(|error| match error {
            StoreError::Newer { found, .. } => found,
            other => panic!("{other}"),
        });
        assert_eq!(opened, expected, "format {format}");
    }
}
