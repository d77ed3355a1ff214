//! Several writers of one store: who holds what, what they see of each other, and that a writer that has lost a
//! partition can no longer write there.

use super::{ALL, sample};
use crate::contract::Store;
use crate::partitions::Partitions;
use crate::records::*;
use async_trait::async_trait;
use cadenza_core::account::Account;
use cadenza_core::id::{AccountId, LeadId};
use cadenza_core::state::{LeadState, PoolState, ScheduleState};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);

/// A place where several writers can write at once.
#[async_trait]
pub trait Commons: Send + Sync {
    type Opened: Store;
    /// Adds another writer to the same store.
    async fn join(&self) -> Self::Opened;
    /// Advances the store's time.
    fn pass(&self, time: Duration);
}

/// Runs every case, each in a place of its own.
///
/// # Panics
/// When the store breaks the contract; the message says where.
pub async fn run_for_several<C: Commons>(fresh: impl Fn() -> C) {
    a_partition_has_one_holder(&fresh()).await;
    who_has_lost_a_partition_writes_nothing_there(&fresh()).await;
    what_all_may_write_is_written_against_what_was_seen(&fresh()).await;
    a_refused_batch_takes_those_behind_it_along(&fresh()).await;
    writers_are_told_apart(&fresh()).await;
    the_feed_has_one_order(&fresh()).await;
    for seed in 1..=4 {
        partitions_change_hands_under_load(&fresh(), seed).await;
    }
}

/// A writer and the number of its next batch.
struct Writer<S> {
    store: S,
    next: u64,
    holding: Holding,
}

impl<S: Store> Writer<S> {
    async fn of<C: Commons<Opened = S>>(place: &C) -> Self {
        let store = place.join().await;
        let holding = store.claim(&Partitions::NONE, LEASE).await.expect("claiming nothing");
        assert_eq!(holding.partitions, Partitions::NONE, "who has just come holds nothing");
        Self { store, next: 1, holding }
    }

    async fn claim(&mut self, wanted: &Partitions) -> Partitions {
        self.holding = self.store.claim(wanted, LEASE).await.expect("a store that is well lets claim");
        self.holding.partitions
    }

    fn batch(&mut self) -> Batch {
        self.next += 1;
        let mut batch = Batch::new(BatchId(self.next - 1), self.store.epoch());
        batch.term = self.holding.term;
        batch
    }

    /// A batch that writes lead `n` as a new one.
    fn new_lead(&mut self, n: u64) -> Batch {
        let mut batch = self.batch();
        batch.leads.push(LeadWrite {
            before: LeadIndex::default(),
            state: sample::waiting(n).into(),
            entries: Vec::new(),
        });
        batch
    }

    /// A batch that makes these writes, checked against what this writer has seen by now.
    fn shared(&mut self, write: &dyn Fn(&mut Batch)) -> Batch {
        let seen = self.store.position().expect("there are several");
        let mut batch = self.batch();
        write(&mut batch);
        batch.seen = batch.shared().map(|key| (key, seen)).collect();
        batch
    }
}

async fn a_partition_has_one_holder<C: Commons>(place: &C) {
    let (mut one, mut two) = (Writer::of(place).await, Writer::of(place).await);
    let low: Partitions = (0..128).collect();
    let high = Partitions::ALL.without(&low);
    assert_eq!(one.claim(ALL).await, Partitions::ALL, "what nobody holds");
    assert_eq!(two.claim(ALL).await, Partitions::NONE, "what somebody holds");
    one.store.release(&low).await.expect("given back");
    assert_eq!(two.claim(ALL).await, low, "what was given back");
    assert_eq!(one.claim(ALL).await, high, "it is not had back");
    let not_its_own = (0..).find(|n| high.contains(sample::lead_id(*n).partition())).expect("some lead lies there");
    let batch = two.new_lead(not_its_own);
    let refused = two.store.commit(batch).await;
    assert!(
        matches!(refused, Err(StoreError::NotHeld { .. })),
        "a newer claim is none to what others hold: {refused:?}"
    );
    let before = two.holding;
    place.pass(LEASE / 2);
    assert_eq!(two.claim(&Partitions::NONE).await, low, "what is held stays so");
    assert_eq!((two.holding.until, two.holding.term), (before.until, before.term), "claiming nothing renews nothing");
    assert_eq!(two.claim(&low).await, low);
    assert!(two.holding.until > before.until && two.holding.term == before.term, "renewed, and never lost");
    place.pass(LEASE / 2 + Duration::from_millis(1));
    assert_eq!(two.claim(ALL).await, Partitions::ALL, "the other's time has run out");
    assert!(two.holding.term > before.term, "it took some");
    assert_eq!(one.claim(&Partitions::NONE).await, Partitions::NONE, "the other hears so");
    two.store.close().await.expect("one of two closes");
    assert_eq!(one.claim(ALL).await, Partitions::ALL, "who closes gives back");
    assert!(two.store.lead(sample::lead_id(1)).await.is_err(), "a closed writer reads nothing");
    assert!(two.store.commit(Batch::new(BatchId(9), two.store.epoch())).await.is_err(), "and writes nothing");
    let batch = one.new_lead(1);
    one.store.commit(batch).await.expect("the other goes on");
}

async fn who_has_lost_a_partition_writes_nothing_there<C: Commons>(place: &C) {
    let (mut stale, mut holder) = (Writer::of(place).await, Writer::of(place).await);
    stale.claim(ALL).await;
    let before = stale.new_lead(1);
    let not_held = |result: Result<Weight, StoreError>, ours: Epoch, what: &str| {
        let refused = matches!(&result, Err(StoreError::NotHeld { partition, ours: writer, .. })
            if *partition == sample::lead_id(1).partition() && *writer == ours);
        assert!(refused, "{what} must be refused, not {result:?}");
    };
    place.pass(LEASE + Duration::from_millis(1));
    assert_eq!(holder.claim(ALL).await, Partitions::ALL);
    // Every kind of record that lies with a lead.
    let id = sample::lead_id(1);
    type Write = (&'static str, fn(&mut Batch));
    let writes: [Write; 4] = [
        ("a lead", |batch| {
            batch.leads.push(LeadWrite {
                before: LeadIndex::default(),
                state: sample::waiting(1).into(),
                entries: Vec::new(),
            })
        }),
        ("a message", |batch| batch.outbox.push(OutboxWrite::Put(super::lists::row(1, 5)))),
        ("a place under a hold", |batch| {
            batch.held.push((AccountId::of_key("domain:acme.example"), sample::lead_id(1), true));
        }),
        ("a row of its inbox", |batch| {
            let sent = FeedKey { at: sample::START, epoch: Epoch(1), batch: BatchId(1) };
            batch.received.push(InboxKey { sent, number: 0, to: sample::lead_id(1) });
        }),
    ];
    let ours = stale.store.epoch();
    not_held(stale.store.commit(before.clone()).await, ours, "what was computed before");
    for (what, write) in writes {
        stale.claim(&Partitions::NONE).await;
        let mut batch = stale.batch();
        write(&mut batch);
        not_held(stale.store.commit(batch).await, ours, what);
    }
    assert_eq!(holder.store.lead(id).await.expect("readable"), None, "nothing of it was kept");
    let batch = holder.new_lead(1);
    holder.store.commit(batch).await.expect("the holder writes");
    holder.store.release(ALL).await.expect("given back");
    assert_eq!(stale.claim(ALL).await, Partitions::ALL, "it holds all of them again");
    not_held(stale.store.commit(before).await, ours, "what was computed before somebody else had it");
    stale.claim(ALL).await;
    let batch = stale.new_lead(2);
    stale.store.commit(batch).await.expect("what is computed now is written");
}

async fn what_all_may_write_is_written_against_what_was_seen<C: Commons>(place: &C) {
    let account = || Account::new(AccountId::of_key("domain:acme.example"), "Acme".to_owned());
    type Write<'a> = (&'static str, &'a (dyn Fn(&mut Batch) + Sync));
    let writes: [Write<'_>; 6] = [
        ("a key", &|batch| batch.identities.push((sample::identity(1), sample::held(1)))),
        ("a key that goes", &|batch| batch.forget_identities.push(sample::identity(2))),
        ("a mark", &|batch| batch.marks.push(sample::mark(1))),
        ("an account", &|batch| batch.accounts.push((account(), None))),
        ("a schedule", &|batch| batch.schedules.push(("sweep".to_owned(), ScheduleState::default()))),
        ("a document", &|batch| batch.documents.push((DocumentKey::Workspace, Some(vec![1])))),
    ];
    let (mut one, mut two) = (Writer::of(place).await, Writer::of(place).await);
    for (what, write) in writes {
        let conflict = |result: Result<Weight, StoreError>, why: &str| {
            assert!(matches!(result, Err(StoreError::Conflict { .. })), "{what}, {why}: {result:?}");
        };
        let (first, second) = (one.shared(write), two.shared(write));
        one.store.commit(first).await.expect("who comes first writes");
        conflict(two.store.commit(second).await, "written meanwhile");
        two.claim(&Partitions::NONE).await;
        let again = two.shared(write);
        two.store.commit(again).await.expect("seen anew, it is written");
        // What a writer wrote itself is not news to it, however long ago it looked.
        let (mut third, mut fourth) = (two.shared(write), two.shared(write));
        fourth.seen = third.seen.clone();
        two.store.commit(std::mem::replace(&mut third, fourth)).await.expect("written");
        two.store.commit(third).await.expect("written over what it wrote itself");
        let mut blind = two.shared(write);
        blind.seen.clear();
        conflict(two.store.commit(blind).await, "by somebody who has not looked");
        two.claim(&Partitions::NONE).await;
    }
}

async fn a_refused_batch_takes_those_behind_it_along<C: Commons>(place: &C) {
    let (mut one, mut two) = (Writer::of(place).await, Writer::of(place).await);
    let write = |batch: &mut Batch| batch.documents.push((DocumentKey::Clock, Some(vec![1])));
    let (first, second) = (one.shared(&write), two.shared(&write));
    let behind = two.batch();
    one.store.commit(first).await.expect("written");
    assert!(two.store.commit(second).await.is_err(), "a conflict");
    let refused = two.store.commit(behind).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "what was computed on it: {refused:?}");
    let others = one.batch();
    one.store.commit(others).await.expect("nobody else is refused");
    two.claim(&Partitions::NONE).await;
    let next = two.batch();
    two.store.commit(next).await.expect("it goes on once it has claimed");
}

/// Numbers of batches and what pools remember are separate for each writer; counters are shared.
async fn writers_are_told_apart<C: Commons>(place: &C) {
    let (mut one, mut two) = (Writer::of(place).await, Writer::of(place).await);
    assert!(one.store.epoch() < two.store.epoch(), "each has a number of its own");
    for (first, by) in [(true, 2), (false, 3), (true, 5)] {
        let writer = if first { &mut one } else { &mut two };
        let mut batch = writer.batch();
        batch.counted = [("leads".to_owned(), by)].into();
        let assigned = [(cadenza_core::lead::RepId("a".to_owned()), by as u64)].into();
        batch.pools.push(("closers".to_owned(), PoolState { assigned, ..PoolState::default() }));
        writer.store.commit(batch).await.expect("written");
    }
    for (writer, committed, assigned) in [(&one, [true, true, false], 5), (&two, [true, false, false], 3)] {
        assert_eq!(writer.store.counters().await.expect("readable").values["leads"], 10);
        for (id, committed) in (1..).zip(committed) {
            assert_eq!(writer.store.committed(BatchId(id)).await.expect("readable"), committed, "batch {id}");
        }
        let pool = writer.store.pool("closers").await.expect("readable").expect("remembered");
        assert_eq!(pool.assigned.values().copied().collect::<Vec<_>>(), [assigned]);
    }
}

/// The feed has the order of the commits, even if two writers commit in the same millisecond.
async fn the_feed_has_one_order<C: Commons>(place: &C) {
    let (mut one, mut two) = (Writer::of(place).await, Writer::of(place).await);
    let low: Partitions = (0..128).collect();
    one.claim(&low).await;
    two.claim(&Partitions::ALL.without(&low)).await;
    let mut expected = Vec::new();
    for n in 0..20 {
        let writer = if low.contains(sample::lead_id(n).partition()) { &mut one } else { &mut two };
        let mut batch = writer.new_lead(n);
        batch.at = super::ms(5);
        expected.push(sample::lead_id(n));
        writer.store.commit(batch).await.expect("written");
        let feed = one.store.feed(ALL, None, super::ms(99), 99).await.expect("readable");
        let leads: Vec<LeadId> = feed.iter().flat_map(|(_, feed)| &feed.leads).map(|moved| moved.lead).collect();
        assert_eq!(leads, expected, "whoever follows it has missed nothing");
    }
}

/// Something that a lead must count once.
#[derive(Clone, Debug)]
struct Told {
    lead: LeadId,
    id: String,
}

/// One of those who hand partitions to each other, with what it has computed and not yet handed over.
struct Hand<S> {
    writer: Writer<S>,
    open: Option<(Batch, Vec<Told>)>,
}

const LEADS: u64 = 60;

/// Events come to two writers, some of them to both. Each applies those for its own leads and sends the others to the
/// other writer. In between they hand partitions to each other, or let their leases run out, with a batch computed and
/// not yet written. A third one, which once held everything, writes all the time.
async fn partitions_change_hands_under_load<C: Commons>(place: &C, seed: u64) {
    let mut dice = Dice(seed);
    let mut stale = Writer::of(place).await;
    stale.claim(ALL).await;
    let mut batch = stale.batch();
    batch.leads.extend((0..LEADS).map(|n| {
        let state = LeadState { seq: 0, ..sample::waiting(n) };
        LeadWrite { before: LeadIndex::default(), state: state.into(), entries: Vec::new() }
    }));
    stale.store.commit(batch).await.expect("the leads are there");
    place.pass(LEASE + Duration::from_millis(1));
    let mut hands = Vec::new();
    for _ in 0..2 {
        hands.push(Hand { writer: Writer::of(place).await, open: None });
    }
    hands[0].writer.claim(ALL).await;
    let mut waiting: VecDeque<Told> = VecDeque::new();
    let (mut acknowledged, mut refused, mut events) = (BTreeMap::<LeadId, u64>::new(), 0, 0);
    for turn in 0..1_500 {
        let hand = dice.below(2) as usize;
        match dice.below(10) {
            0 => {
                let given: Partitions = (0..=255).filter(|_| dice.below(2) == 0).collect();
                hands[hand].writer.store.release(&given).await.expect("given back");
                let taken = hands[1 - hand].writer.claim(ALL).await;
                assert_eq!(taken.and(&given), given.and(&taken), "what was given back can be taken");
            }
            1 => {
                place.pass(LEASE + Duration::from_millis(1));
                hands[hand].writer.claim(ALL).await;
            }
            2 => {
                let batch = stale.new_lead(dice.below(LEADS));
                let late = stale.store.commit(batch).await;
                assert!(
                    matches!(late, Err(StoreError::NotHeld { .. })),
                    "turn {turn}: a stale one got through: {late:?}"
                );
                if dice.below(2) == 0 {
                    stale.claim(&Partitions::NONE).await;
                }
            }
            3..6 => {
                events += 1;
                let told = Told { lead: sample::lead_id(dice.below(LEADS)), id: format!("event {events}") };
                // Now and then one is posted twice.
                waiting.extend(std::iter::repeat_n(told, 1 + usize::from(dice.below(4) == 0)));
            }
            _ => match hands[hand].open.take() {
                None => {
                    let taken: Vec<Told> = (0..=dice.below(4)).filter_map(|_| waiting.pop_front()).collect();
                    hands[hand].open = compute(&mut hands[hand].writer, taken).await;
                }
                Some((batch, told)) => match hands[hand].writer.store.commit(batch).await {
                    Ok(_) => {
                        told.into_iter().for_each(|told| *acknowledged.entry(told.lead).or_default() += 1);
                    }
                    Err(StoreError::NotHeld { .. } | StoreError::Conflict { .. }) => {
                        refused += 1;
                        waiting.extend(told);
                        hands[hand].writer.claim(&Partitions::NONE).await;
                    }
                    Err(other) => panic!("turn {turn}: {other}"),
                },
            },
        }
    }
    // At the end one writer has everything, and nothing is on its way.
    place.pass(LEASE + Duration::from_millis(1));
    let last = &mut hands[0];
    waiting.extend(last.open.take().into_iter().flat_map(|(_, told)| told));
    assert_eq!(last.writer.claim(ALL).await, Partitions::ALL);
    let mut left = 100;
    while let Some((batch, told)) = compute(&mut last.writer, waiting.drain(..).collect()).await {
        left -= 1;
        assert!(left > 0, "seed {seed}: the inbox does not become empty");
        last.writer.store.commit(batch).await.expect("nobody else writes");
        told.into_iter().for_each(|told| *acknowledged.entry(told.lead).or_default() += 1);
    }
    let leads = last.writer.store.leads(ALL, None, 100).await.expect("readable");
    let applied: BTreeMap<LeadId, u64> =
        leads.iter().filter(|state| state.seq > 0).map(|state| (state.lead.id, state.seq)).collect();
    assert_eq!(applied, acknowledged, "seed {seed}: each event that was acknowledged is applied once");
    let total: u64 = acknowledged.values().sum();
    assert_eq!(last.writer.store.counters().await.expect("readable").values["applied"], total as i64);
    assert!(total > 200 && refused > 20, "seed {seed}: {total} events, {refused} refused: that was no load");
}

/// A batch that applies these and the inbox for the leads this writer holds, and sends the rest to other writers; with
/// the events it acknowledges. `None` if there is nothing to do.
async fn compute<S: Store>(writer: &mut Writer<S>, told: Vec<Told>) -> Option<(Batch, Vec<Told>)> {
    let seen = writer.store.position().expect("there are several");
    let holds = writer.holding.partitions;
    let mut batch = writer.batch();
    let (mut applied, mut acknowledged) = (Vec::new(), Vec::<Told>::new());
    for told in told {
        let known = writer.store.mark(&told.id, 1).await.expect("readable").is_some();
        if known || acknowledged.iter().any(|other| other.id == told.id) {
            continue;
        }
        batch.marks.push(Mark { event: told.id.clone(), day: 1, lead: told.lead, content: None });
        if holds.contains(told.lead.partition()) {
            applied.push(told.lead);
        } else {
            batch.sent.push(InboxRow { to: told.lead, id: told.id.clone(), event: cadenza_core::event::Event::Woken });
        }
        acknowledged.push(told);
    }
    for (key, row) in writer.store.inbox(&holds, None, 10).await.expect("readable") {
        applied.push(row.to);
        batch.received.push(key);
    }
    let mut leads: BTreeMap<LeadId, (LeadIndex, LeadState)> = BTreeMap::new();
    for id in &applied {
        if !leads.contains_key(id) {
            let state = writer.store.lead(*id).await.expect("readable").expect("all leads are there");
            leads.insert(*id, (LeadIndex::of(&state), state));
        }
        leads.get_mut(id)?.1.seq += 1;
    }
    let write =
        |(before, state): (LeadIndex, LeadState)| LeadWrite { before, state: state.into(), entries: Vec::new() };
    batch.leads = leads.into_values().map(write).collect();
    batch.counted = [("applied".to_owned(), applied.len() as i64)].into();
    batch.seen = batch.shared().map(|key| (key, seen)).collect();
    (!acknowledged.is_empty() || !applied.is_empty()).then_some((batch, acknowledged))
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}
