//! What is read by its name: keys, marks, counters, documents, pools, schedules.

use super::{ALL, Opened, Place, ms, sample};
use crate::contract::Store;
use crate::records::{Counters, DocumentKey, DocumentKind, LeadIndex, LeadWrite, MARK_DAYS, Mark};
use cadenza_core::id::Digest;
use cadenza_core::identity::{Binding, Identity, IdentityKey, IdentityKind, Why};
use cadenza_core::lead::RepId;
use cadenza_core::state::{Firing, PoolState, ScheduleState, Series};

pub(super) async fn keys_lead_to_leads<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let key = |kind, value: &str| IdentityKey { kind, version: 1, value: value.to_owned() };
    // The same text as another kind of key, or a text that is the beginning of another, makes a different key.
    let keys = [
        key(IdentityKind::Email, "ada@example.com"),
        key(IdentityKind::Email, "ada@example.co"),
        key(IdentityKind::External, "ada@example.com"),
        key(IdentityKind::Phone, "+12125550100"),
        IdentityKey { version: 2, ..key(IdentityKind::Phone, "+12125550100") },
    ];
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(opened.store.identity(key).await.expect("readable"), None, "{key:?} before");
        opened.commit(|batch| batch.identities.push((key.clone(), sample::held(n as u64)))).await;
    }
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(opened.store.identity(key).await.expect("readable"), Some(sample::held(n as u64)), "{key:?}");
    }
    let binding = Binding { why: Why::OptedOut, at: sample::START, by: "web".to_owned(), of: None };
    let shared = Identity { holders: vec![sample::lead_id(0), sample::lead_id(9)], bindings: vec![binding] };
    opened.commit(|batch| batch.identities.push((keys[0].clone(), shared.clone()))).await;
    assert_eq!(opened.store.identity(&keys[0]).await.expect("readable"), Some(shared), "it is shared and bound");
    let of = async |store: &P::Opened, version, limit| {
        let found = store.identities_of(version, limit).await.expect("readable");
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    let (first, second) = (of(&opened.store, 1, 9).await, of(&opened.store, 2, 9).await);
    assert_eq!(first, [&keys[2], &keys[1], &keys[0], &keys[3]].map(Clone::clone), "those of the first rules");
    assert_eq!(second, [keys[4].clone()], "those of the second");
    assert_eq!(of(&opened.store, 1, 2).await, first[..2], "a page of them");
    opened.commit(|batch| batch.forget_identities.push(keys[3].clone())).await;
    assert_eq!(opened.store.identity(&keys[3]).await.expect("readable"), None, "it is forgotten");
    assert!(opened.store.identity(&keys[4]).await.expect("readable").is_some(), "and its newer form is not");
}

fn mark(event: &str, day: u32) -> Mark {
    Mark { event: event.to_owned(), day, lead: sample::lead_id(u64::from(day)), content: Some(u64::from(day) << 40) }
}

pub(super) async fn marks_are_found_for_thirty_days<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let day = 20_000;
    opened.commit(|batch| batch.marks.push(mark("web:1", day))).await;
    opened.commit(|batch| batch.marks.push(mark("web:2", day + 3))).await;
    let cases = [
        ("web:1", day, Some(day)),
        ("web:1", day + 3, Some(day)),
        ("web:1", day + MARK_DAYS, Some(day)),
        ("web:1", day + MARK_DAYS + 1, None),
        ("web:2", day + MARK_DAYS + 1, Some(day + 3)),
        // A clock that was set back does not make an event new.
        ("web:2", day, Some(day + 3)),
        ("web:", day, None),
        ("web:11", day, None),
        ("crm:1", day, None),
    ];
    for reopened in [false, true] {
        for (event, today, expected) in cases {
            let found = opened.store.mark(event, today).await.expect("readable");
            let expected = expected.map(|day| mark(event, day));
            assert_eq!(found, expected, "`{event}` asked for on day {today}, opened again: {reopened}");
        }
        opened = opened.again(place).await;
    }
}

/// Days that are over, days that get marks again, and thirty of them at once: an event is known or it is not.
pub(super) async fn marks_of_many_days_are_told_apart<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let (days, per_day) = (500..530, 40);
    let event = |day: u32, n: u32| format!("web:{day}:{n}");
    for day in days.clone() {
        let marks = (0..per_day).map(|n| mark(&event(day, n), day)).collect();
        opened.commit(|batch| batch.marks = marks).await;
    }
    // Enough commits for whatever a store does with days that are over; then marks for one of them.
    for _ in 0..40 {
        opened.commit(|_| {}).await;
    }
    let late = 510;
    opened.commit(|batch| batch.marks.push(mark(&event(late, per_day), late))).await;
    for reopened in 0..3 {
        for day in days.clone() {
            for n in 0..=per_day {
                let known = n < per_day || day == late;
                let found = opened.store.mark(&event(day, n), 529).await.expect("readable");
                let expected = known.then(|| mark(&event(day, n), day));
                assert_eq!(found, expected, "mark {n} of day {day}, opened again {reopened} times");
            }
        }
        opened = opened.again(place).await;
        for _ in 0..3 {
            opened.commit(|_| {}).await;
        }
    }
}

pub(super) async fn marks_are_forgotten_by_day<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let (days, per_day) = ([100, 101, 105], 1_100);
    for day in days {
        let marks = (0..per_day).map(|n| mark(&format!("web:{day}:{n}"), day)).collect();
        opened.commit(|batch| batch.marks = marks).await;
    }
    for (before, slices_min, left) in [(100, 1, 3), (105, 3, 1), (105, 1, 1), (200, 2, 0)] {
        let mut slices = 1;
        while !opened.store.forget_marks(before).await.expect("they are forgotten") {
            slices += 1;
        }
        assert!(slices >= slices_min, "the marks before day {before} were forgotten in {slices} slices");
        for (i, day) in days.into_iter().enumerate() {
            for n in [0, per_day / 2, per_day - 1] {
                let found = opened.store.mark(&format!("web:{day}:{n}"), 110).await.expect("readable");
                assert_eq!(found.is_some(), i >= days.len() - left, "mark {n} of day {day}, before {before}");
            }
        }
    }
}

pub(super) async fn what_is_counted_adds_up<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let named = |values: &[(&str, i64)]| -> std::collections::BTreeMap<String, i64> {
        values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    };
    let steps = [
        (named(&[("leads", 1), ("tasks", 2)]), named(&[("leads", 1), ("tasks", 2)])),
        (named(&[("leads", 1), ("a.b", -7)]), named(&[("leads", 2), ("tasks", 2), ("a.b", -7)])),
        (named(&[("tasks", -2), ("a.b", 7), ("none", 0)]), named(&[("leads", 2)])),
        (
            named(&[("leads", i64::MAX), ("leads.hot", i64::MIN)]),
            named(&[("leads", i64::MAX), ("leads.hot", i64::MIN)]),
        ),
        (named(&[("leads", -i64::MAX)]), named(&[("leads.hot", i64::MIN)])),
    ];
    for (i, (step, values)) in steps.into_iter().enumerate() {
        let expected = Counters { values };
        opened.commit(|batch| batch.counted = step).await;
        assert_eq!(opened.store.counters().await.expect("readable"), expected, "step {i}");
        opened.commit(|_| {}).await;
        assert_eq!(opened.store.counters().await.expect("readable"), expected, "a batch that counts nothing, step {i}");
        opened = opened.again(place).await;
        assert_eq!(opened.store.counters().await.expect("readable"), expected, "opened again, step {i}");
        opened.store.recover().await.expect("the store opens again");
        assert_eq!(opened.store.counters().await.expect("readable"), expected, "recovered, step {i}");
    }
}

fn content(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

pub(super) async fn documents_of_any_length<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let keys = [
        DocumentKey::Definition(Digest(7)),
        DocumentKey::Definition(Digest(1 << 60)),
        DocumentKey::Token("hash".to_owned()),
        DocumentKey::Workspace,
        DocumentKey::Clock,
        DocumentKey::Catalog(Digest(7)),
        DocumentKey::Part(Digest(7)),
    ];
    // Growing, shrinking, and just over and under every length at which something could be cut.
    let lengths = [0, 1, 4_095, 16_383, 16_384, 1_000_000, 16_385, 200_000, 32_768, 10, 0];
    for (i, length) in lengths.into_iter().enumerate() {
        let documents = keys.iter().enumerate().map(|(k, key)| (key.clone(), Some(content(length, k as u8))));
        opened.commit(|batch| batch.documents = documents.collect()).await;
        if i % 3 == 0 {
            opened = opened.again(place).await;
        }
        for (k, key) in keys.iter().enumerate() {
            let found = opened.store.document(key).await.expect("readable");
            assert!(found == Some(content(length, k as u8)), "{key:?} of {length} bytes");
        }
        let definitions = opened.store.documents(DocumentKind::Definition).await.expect("readable");
        let expected = [0, 1].map(|k| (keys[k].clone(), content(length, k as u8)));
        assert!(definitions == expected, "definitions of {length} bytes");
        let tokens = opened.store.documents(DocumentKind::Token).await.expect("readable");
        assert!(tokens == [(keys[2].clone(), content(length, 2))], "tokens of {length} bytes");
        let catalogs = opened.store.documents(DocumentKind::Catalog).await.expect("readable");
        assert!(catalogs == [(keys[5].clone(), content(length, 5))], "catalogs of {length} bytes");
    }
    let gone = keys.iter().map(|key| (key.clone(), None)).collect();
    opened.commit(|batch| batch.documents = gone).await;
    for key in &keys {
        assert_eq!(opened.store.document(key).await.expect("readable"), None, "{key:?} was taken away");
    }
}

/// A lead may grow beyond what one record holds, and shrink again.
pub(super) async fn long_leads_shrink_again<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    for (i, length) in [10, 300_000, 20_000, 40_000, 10].into_iter().enumerate() {
        let mut state = sample::waiting(1);
        state.lead.profile.message = Some("m".repeat(length));
        let write =
            LeadWrite { before: LeadIndex::of(&sample::waiting(1)), state: state.clone().into(), entries: Vec::new() };
        opened.commit(|batch| batch.leads.push(write)).await;
        if i % 2 == 0 {
            opened = opened.again(place).await;
        }
        assert!(opened.store.lead(state.lead.id).await.expect("readable").as_ref() == Some(&state), "{length} bytes");
        assert!(opened.store.leads(ALL, None, 9).await.expect("readable") == [state], "{length} bytes, in a page");
    }
}

pub(super) async fn pools_and_schedules<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let pool = |given: u64| PoolState {
        last_assigned: [(RepId("a".to_owned()), ms(given as i64))].into(),
        assigned: [(RepId("a".to_owned()), given)].into(),
        credit: [(RepId("a".to_owned()), -3)].into(),
    };
    let schedule = |nominal: i64| ScheduleState {
        handled: Some(ms(nominal)),
        firing: Some(Firing {
            nominal: ms(nominal),
            started_at: ms(nominal + 1),
            cursor: Some(sample::lead_id(3)),
            enrolled: 4,
            seen: 5,
        }),
        past: Vec::new(),
        rule: Some("0 8 * * * UTC".to_owned()),
        removed: None,
        ran: vec![Series { from: ms(nominal - 1), to: ms(nominal) }],
    };
    let other = ScheduleState { removed: Some(ms(7)), ..Default::default() };
    for step in 1..=3_u64 {
        opened
            .commit(|batch| {
                batch.pools = vec![("closers".to_owned(), pool(step)), ("closers2".to_owned(), pool(step * 10))];
                let other = ("nap/1".to_owned(), other.clone());
                batch.schedules = vec![("sweep/1".to_owned(), schedule(step as i64)), other];
            })
            .await;
        let store = &opened.store;
        assert_eq!(store.pool("closers").await.expect("readable"), Some(pool(step)));
        assert_eq!(store.pool("closers2").await.expect("readable"), Some(pool(step * 10)));
        assert_eq!(store.pool("closer").await.expect("readable"), None);
        assert_eq!(store.schedule("sweep/1").await.expect("readable"), Some(schedule(step as i64)));
        assert_eq!(store.schedule("sweep").await.expect("readable"), None);
        let all = [("nap/1".to_owned(), other.clone()), ("sweep/1".to_owned(), schedule(step as i64))];
        assert_eq!(store.schedules().await.expect("readable"), all);
        opened = opened.again(place).await;
    }
}
