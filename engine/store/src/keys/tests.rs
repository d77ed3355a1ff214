//! Keys can be read back, and sort in the order of what they stand for.

use super::*;

/// Checks that sorted keys are sorted as bytes too, and that every key can be read back.
fn check<K: Key + Clone + PartialEq + std::fmt::Debug>(sorted: &[K]) {
    let bytes: Vec<Vec<u8>> = sorted.iter().map(Key::bytes).collect();
    for (key, bytes) in sorted.iter().zip(&bytes) {
        assert_eq!(&K::of_bytes(bytes).expect("a key reads back"), key);
        let (from, to) = (first::<K>(), end::<K>());
        assert!(from <= *bytes && *bytes < to, "{key:?} lies outside its kind");
    }
    for (i, pair) in bytes.windows(2).enumerate() {
        assert!(pair[0] < pair[1], "{:?} must sort before {:?}", sorted[i], sorted[i + 1]);
    }
}

#[test]
fn timers_sort_by_time_then_owner() {
    let mut timers = Vec::new();
    for ms in [i64::MIN, -1, 0, 1, 255, 256, 1_700_000_000_000, i64::MAX] {
        let at = Timestamp::from_ms(ms);
        timers.push((at, TimerOwner::Lead(LeadId(1))));
        timers.push((at, TimerOwner::Lead(LeadId(u128::MAX))));
        timers.push((at, TimerOwner::Account(AccountId(0))));
    }
    check(&timers);
}

#[test]
fn queues_sort_as_the_contract_does_and_do_not_overlap() {
    let rep = |id: &str| Assignee::Rep(RepId(id.into()));
    let pool = |name: &str| Assignee::Pool(name.into());
    let assignees =
        [rep(""), rep("a"), rep("a\0"), rep("a\0b"), rep("a\u{1}"), rep("ab"), pool("a"), pool("b"), Assignee::Nobody];
    let mut keys: Vec<QueueKey> = Vec::new();
    for assignee in &assignees {
        for (class, due, task) in [(0, 5, 9), (0, 6, 1), (1, -3, 2), (1, 4, 1), (1, 4, 2), (255, 0, 0)] {
            let due = Timestamp::from_ms(due);
            keys.push(QueueKey { assignee: assignee.clone(), class, due, task: TaskId(task) });
        }
    }
    assert!(keys.is_sorted(), "the cases are written in the contract's order");
    check(&keys);
    for assignee in &assignees {
        let (from, to) = queue_of(assignee);
        for key in &keys {
            let bytes = key.bytes();
            let inside = from <= bytes && bytes < to;
            assert_eq!(inside, key.assignee == *assignee, "{key:?} in the queue of {assignee:?}");
        }
    }
}

#[test]
fn the_other_keys_read_back_and_sort() {
    let ids = [0, 1, 1 << 80, u128::MAX];
    check(&ids.map(LeadId));
    check(&ids.map(AccountId));
    check(&ids.map(DeadLetterId));
    let seqs = [(1, 1), (1, 2), (1, 256), (2, 1)];
    check(&seqs.map(|(lead, seq)| SkeletonKey { lead: LeadId(lead), seq }));
    check(&seqs.map(|(lead, seq)| PersonalKey { lead: LeadId(lead), seq }));
    check(
        &[(1, 9), (2, 1), (256, 0)]
            .map(|(ms, id)| OutboxKey { due: Due::At(Timestamp::from_ms(ms)), id: EffectId(id) }),
    );
    check(&[(1, 9), (2, 1), (256, 0)].map(|(day, event)| MarkKey { day, event: [event; 16] }));
    check(&IDENTITY_KINDS.map(|kind| IdentityKey { kind, version: 1, value: "ada@example.com".into() }));
    check(&["", "a", "b", "été"].map(|name| PoolKey { name: name.into(), of: None }));
    check(&["", "a", "b", "été"].map(|name| ScheduleKey(name.into())));
    check(&["", "a", "b", "été"].map(|name| CounterKey(name.into())));
    check(&[
        DocumentKey::Definition(Digest(1)),
        DocumentKey::Definition(Digest(256)),
        DocumentKey::Workspace,
        DocumentKey::Token("ab".into()),
        DocumentKey::Clock,
    ]);
    check(&[PiecesKey(vec![b'F', 1]), PiecesKey(vec![b'L', 0])]);
    check(&[1, 2, 256].map(FilterKey));
    check(&[HeaderKey]);
    check(&[None, Some(Epoch(1)), Some(Epoch(300))].map(LastBatchKey));
    check(&[PoolKey { name: "a".into(), of: Some(Epoch(2)) }, PoolKey { name: "ab".into(), of: None }]);
    check(&[0, 7, 255].map(LeaseKey));
}

#[test]
fn damaged_keys_are_refused() {
    for bytes in [&[][..], b"L", b"L123", b"Z0123456789abcdef", b"L0123456789abcdefX"] {
        assert!(LeadId::of_bytes(bytes).is_err(), "{bytes:?} is no lead's key");
    }
    assert!(QueueKey::of_bytes(b"Q\x07x\0\0").is_err(), "an unknown kind of assignee");
}
