//! What is read in order: pages follow one another without a gap and without repetition.

use super::{ALL, Opened, Place, ms, sample};
use crate::contract::Store;
use crate::partitions::Partitions;
use crate::records::{
    DeadContent, DeadLetter, DeadLetterId, DecisionRef, DeliveryKey, DocumentKey, Feed, FeedKey, InboxKey, InboxRow,
    LeadIndex, LeadWrite, Moved, OutboxWrite, QueueKey, Timer, TimerOwner,
};
use cadenza_core::effect::{Due, Message, NoticeKind, Outgoing};
use cadenza_core::id::{AccountId, EffectId, LeadId, RunId, TaskId};
use cadenza_core::journal::{Entry, Note, Personal, Skeleton};
use cadenza_core::lead::RepId;
use cadenza_core::run::RunState;
use cadenza_core::state::LeadState;
use cadenza_core::task::Assignee;
use cadenza_core::workflow::Asks;

/// Reads everything, two at a time.
macro_rules! all_pages {
    ($cursor:ident => $page:expr, $next:expr) => {{
        let mut all = Vec::new();
        let mut $cursor = None;
        loop {
            let page = $page.await.expect("readable");
            assert!(page.len() <= 2, "a page is longer than asked for");
            let Some(last) = page.last() else { break };
            $cursor = Some($next(last));
            all.extend(page);
        }
        all
    }};
}

pub(super) async fn timers_come_in_order_of_time<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    // Written out of order, several for the same time.
    let due = [50, 10, 30, 10, 20, 10, 40, -5];
    for (n, at) in due.iter().enumerate() {
        let mut state = sample::waiting(n as u64);
        state.tasks[0].escalation.as_mut().expect("the sample escalates").at = ms(*at);
        let write = LeadWrite { before: LeadIndex::default(), state: state.into(), entries: Vec::new() };
        opened.commit(|batch| batch.leads.push(write)).await;
    }
    for (until, count) in [(-6, 0), (-5, 1), (10, 4), (39, 6), (100, 8)] {
        let store = &opened.store;
        let found: Vec<Timer> = all_pages!(after => store.timers(ALL, after, ms(until), 2), |last: &Timer| *last);
        let mut expected: Vec<Timer> = due
            .iter()
            .enumerate()
            .filter(|(_, at)| **at <= until)
            .map(|(n, at)| (ms(*at), TimerOwner::Lead(sample::lead_id(n as u64))))
            .collect();
        expected.sort();
        assert_eq!(found, expected, "timers until {until}");
        assert_eq!(found.len(), count, "timers until {until}");
    }
}

/// The clock is set back between two commits, at an opening and in the middle of one, and the feed keeps
/// the order of the commits.
pub(super) async fn the_feed_has_the_order_of_the_commits_until_it_is_forgotten<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let decision = |n: u64| DecisionRef { lead: sample::lead_id(n), seq: n + 1 };
    let expected = |n: u64| {
        let lead = sample::waiting(n);
        let leads = vec![Moved { lead: lead.lead.id, seq: lead.seq }];
        Feed { leads, decisions: vec![decision(n), decision(n + 100)], documents: n == 3 }
    };
    for (n, at) in [10, 10, 20, 5, 7, 30].into_iter().enumerate() {
        let n = n as u64;
        if n == 4 {
            opened = opened.again(place).await;
        }
        let write = LeadWrite { before: LeadIndex::default(), state: sample::waiting(n).into(), entries: Vec::new() };
        opened
            .commit(|batch| {
                batch.at = ms(at);
                batch.leads.push(write);
                batch.decisions = vec![decision(n), decision(n + 100)];
                batch.documents.extend((n == 3).then(|| (DocumentKey::Clock, Some(vec![1]))));
            })
            .await;
        opened.commit(|batch| batch.at = ms(at)).await;
    }
    let store = &opened.store;
    type Fed = (FeedKey, Feed);
    let found: Vec<Fed> = all_pages!(after => store.feed(ALL, after, ms(99), 2), |last: &Fed| last.0);
    let fed: Vec<Feed> = found.iter().map(|(_, feed)| feed.clone()).collect();
    assert_eq!(fed, (0..6).map(expected).collect::<Vec<_>>(), "one record for each commit that changed something");
    let times: Vec<_> = found.iter().map(|(key, _)| key.at).collect();
    assert!(times.is_sorted() && times[5] == ms(30), "{times:?}");
    let until: Vec<Fed> = all_pages!(after => store.feed(ALL, after, ms(10), 2), |last: &Fed| last.0);
    assert_eq!(until.len(), 2, "none later than asked for");
    let mine = Partitions::from_iter([sample::lead_id(2).partition()]);
    let of_mine = store.feed(&mine, None, ms(99), 9).await.expect("readable");
    let leads = |feed: &Feed| feed.leads.iter().map(|moved| moved.lead).collect::<Vec<_>>();
    assert_eq!(of_mine.iter().flat_map(|(_, feed)| leads(feed)).collect::<Vec<_>>(), [sample::lead_id(2)]);
    let gone: Vec<FeedKey> = found[..4].iter().map(|(key, _)| *key).collect();
    opened.commit(|batch| batch.forget_feed = gone).await;
    let left = opened.store.feed(ALL, None, ms(99), 10).await.expect("readable");
    assert_eq!(left, found[4..]);
}

/// Rows come in the order of the commits that sent them, and those of one commit in the order they have in it.
pub(super) async fn what_leads_are_told_lies_in_their_inbox<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    for (batch_at, told) in [(20, [3, 1]), (10, [2, 1]), (30, [1, 4])] {
        opened
            .commit(|batch| {
                batch.at = ms(batch_at);
                batch.sent = told.map(|n| sample::told(n + batch_at as u64 * 100)).into();
            })
            .await;
    }
    let mut opened = opened.again(place).await;
    type Row = (InboxKey, InboxRow);
    let store = &opened.store;
    let found: Vec<Row> = all_pages!(after => store.inbox(ALL, after, 2), |last: &Row| last.0);
    let rows: Vec<InboxRow> = found.iter().map(|(_, row)| row.clone()).collect();
    assert_eq!(rows, [2003, 2001, 1002, 1001, 3001, 3004].map(sample::told));
    let mine = Partitions::from_iter([rows[2].to.partition()]);
    let expected: Vec<Row> = found.iter().filter(|(key, _)| mine.contains(key.to.partition())).cloned().collect();
    assert_eq!(store.inbox(&mine, None, 9).await.expect("readable"), expected, "of some partitions");
    let received = vec![found[0].0, found[3].0];
    opened.commit(|batch| batch.received = received).await;
    let left = opened.store.inbox(ALL, None, 9).await.expect("readable");
    assert_eq!(left, [1, 2, 4, 5].map(|ix| found[ix].clone()));
}

/// A page is as full as it can be, however many records there are in other partitions.
pub(super) async fn reads_keep_to_partitions<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let ids: Vec<u64> = (0..40).collect();
    for n in &ids {
        let mut state = sample::waiting(*n);
        let (id, due) = (state.lead.id, ms(*n as i64));
        state.tasks[0].escalation = Some(cadenza_core::task::EscalationPoint { point: 0, at: due, asked: false });
        state.lead.account = Some(AccountId::of_key("domain:acme.example"));
        state.runs[0].hears_account = true;
        state.runs[0].state = RunState::Deciding { slot: Asks::Main, since: due, overruns: 0, queued: None };
        let write = LeadWrite { before: LeadIndex::default(), state: state.into(), entries: Vec::new() };
        let row = Outgoing { id: EffectId::born(id, 1), due: Due::At(due), ..row(1, 1) };
        opened
            .commit(|batch| {
                batch.leads.push(write);
                batch.outbox.push(OutboxWrite::Put(row));
                batch.held.push((AccountId::of_key("domain:acme.example"), id, true));
            })
            .await;
    }
    let low: Partitions = (0..128).collect();
    let store = &opened.store;
    for (within, name) in [(Partitions::ALL, "all"), (low, "half"), (Partitions::ALL.without(&low), "the rest")] {
        let expected: Vec<LeadId> =
            ids.iter().map(|n| sample::lead_id(*n)).filter(|id| within.contains(id.partition())).collect();
        assert!(expected.len() > 3, "{name} has enough to fill pages");
        let sorted = |mut ids: Vec<LeadId>| {
            ids.sort();
            ids
        };
        let account = AccountId::of_key("domain:acme.example");
        let leads = all_pages!(after => store.leads(&within, after, 2), |last: &LeadState| last.lead.id);
        let timers = all_pages!(after => store.timers(&within, after, ms(99), 2), |last: &Timer| *last);
        let queue = all_pages!(after => store.queue(&within, None, after.as_ref(), 2), QueueKey::clone);
        let held = all_pages!(after => store.held(&within, account, after, 2), |last: &LeadId| *last);
        let listeners = all_pages!(after => store.listeners(&within, account, after, 2), |last: &LeadId| *last);
        let unanswered = all_pages!(after => store.unanswered(&within, after, 2), |last: &LeadId| *last);
        let rows = all_pages!(after => store.outbox(&within, after, Due::OnRelease, 2), |last: &Outgoing| {
            (last.due, last.id)
        });
        let most = expected.len() - 1;
        assert_eq!(store.leads(&within, None, most).await.expect("readable").len(), most, "a full page of leads");
        assert_eq!(store.timers(&within, None, ms(99), most).await.expect("readable").len(), most, "and of timers");
        let owner = |(_, owner): &Timer| match owner {
            TimerOwner::Lead(id) => *id,
            TimerOwner::Account(_) => LeadId(0),
        };
        for (what, found) in [
            ("leads", leads.iter().map(|state| state.lead.id).collect::<Vec<_>>()),
            ("timers", timers.iter().map(owner).collect()),
            ("places", sorted(queue.iter().map(|key| key.task.lead()).collect())),
            ("held", held),
            ("listeners", listeners),
            ("unanswered", unanswered),
            ("rows", rows.iter().map(|row| row.id.lead()).collect()),
        ] {
            assert_eq!(sorted(found), sorted(expected.clone()), "{what} of {name}");
        }
    }
}

pub(super) async fn queues_come_in_rank_order<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let rep = |id: &str| Assignee::Rep(RepId(id.to_owned()));
    let assignees = [rep("a"), rep("ab"), rep("b"), Assignee::Pool("a".to_owned()), Assignee::Nobody];
    let mut expected: Vec<QueueKey> = Vec::new();
    for n in 0..25_u64 {
        let mut state = sample::waiting(n);
        let task = &mut state.tasks[0];
        task.assignee = assignees[n as usize % assignees.len()].clone();
        task.due = ms((n as i64 * 7) % 11);
        task.raised = n.is_multiple_of(3);
        expected.extend(LeadIndex::of(&state).queue);
        let write = LeadWrite { before: LeadIndex::default(), state: state.into(), entries: Vec::new() };
        opened.commit(|batch| batch.leads.push(write)).await;
    }
    expected.sort();
    let store = &opened.store;
    for assignee in assignees.iter().map(Some).chain([None]) {
        let found: Vec<QueueKey> = all_pages!(after => store.queue(ALL, assignee, after.as_ref(), 2), QueueKey::clone);
        let expected: Vec<QueueKey> =
            expected.iter().filter(|key| assignee.is_none_or(|a| key.assignee == *a)).cloned().collect();
        assert_eq!(found, expected, "the queue of {assignee:?}");
    }
    let stranger = &rep("nobody-here");
    assert_eq!(store.queue(ALL, Some(stranger), None, 9).await.expect("readable"), Vec::new());
    let past = expected.last().expect("there are tasks");
    let first = &assignees[0];
    assert_eq!(store.queue(ALL, Some(first), Some(past), 9).await.expect("readable"), [], "a cursor of another queue");
}

pub(super) async fn leads_are_paged<P: Place>(place: &P) {
    let opened = Opened::on(place).await;
    let store = &opened.store;
    let batch = sample::intake(store.epoch(), crate::records::BatchId(1), 0..7);
    store.commit(batch).await.expect("the batch is committed");
    let found: Vec<LeadId> = all_pages!(after => async {
        let page = store.leads(ALL, after, 2).await?;
        Ok::<_, crate::records::StoreError>(page.iter().map(|state| state.lead.id).collect::<Vec<_>>())
    }, |last: &LeadId| *last);
    let mut expected: Vec<LeadId> = (0..7).map(sample::lead_id).collect();
    expected.sort();
    assert_eq!(found, expected);
}

pub(super) async fn journals_are_paged_and_forget_persons<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let id = sample::lead_id(1);
    let entry = |seq: u64, personal: bool| Entry {
        seq,
        skeleton: Skeleton {
            now: ms(seq as i64),
            event: format!("e{seq}"),
            notes: vec![Note::Paused(true)],
            catalog: None,
        },
        personal: personal.then(|| Personal {
            events: vec![sample::reported(seq)],
            account: None,
            changes: Vec::new(),
        }),
    };
    // The journals of these leads lie side by side; some entries have no personal part.
    let mut expected = Vec::new();
    for seq in 1..=5 {
        for n in [0, 1, 2] {
            let entry = entry(seq, seq != 3);
            if n == 1 {
                expected.push(entry.clone());
            }
            let state = sample::waiting(n);
            let write = LeadWrite { before: LeadIndex::of(&state), state: state.into(), entries: vec![entry] };
            opened.commit(|batch| batch.leads.push(write)).await;
        }
    }
    let store = &opened.store;
    let found: Vec<Entry> = all_pages!(after => store.journal(id, after.unwrap_or(0), 2), |last: &Entry| last.seq);
    assert_eq!(found, expected);
    assert_eq!(store.journal(id, 5, 9).await.expect("readable"), [], "nothing after the last");
    assert_eq!(store.journal(id, u64::MAX, 9).await.expect("readable"), [], "nothing after the end");
    assert_eq!(store.journal(sample::lead_id(9), 0, 9).await.expect("readable"), [], "a lead without a journal");
}

pub(super) fn row(number: u64, due: i64) -> Outgoing {
    let lead = sample::lead_id(number);
    Outgoing {
        id: EffectId::born(lead, 7),
        lead,
        run: RunId::born(lead, 1),
        attempt: 1,
        via: "crm".to_owned(),
        due: Due::At(ms(due)),
        message: Message::Notice { to: RepId("a".to_owned()), task: TaskId::born(lead, 2), kind: NoticeKind::Reminder },
        tries: 0,
        started_at: None,
        last_error: None,
        made_at: ms(0),
        redriven: false,
        deferred: None,
        incarnation: 0,
    }
}

pub(super) async fn an_outbox_row_lives<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    for (number, due) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
        opened.commit(|batch| batch.outbox.push(OutboxWrite::Put(row(number, due)))).await;
    }
    let later = Outgoing { due: Due::At(ms(25)), tries: 1, last_error: Some("503".to_owned()), ..row(2, 10) };
    let started = Outgoing { started_at: Some(ms(11)), ..row(4, 10) };
    let letter = DeadLetter {
        id: DeadLetterId(1),
        at: ms(12),
        cause: "refused".to_owned(),
        content: DeadContent::Outgoing(row(1, 30)),
        again: 0,
        last_at: None,
    };
    // Each step says what is written, and what is in the outbox after that.
    let steps = [
        (vec![], vec![row(2, 10), row(4, 10), row(3, 20), row(1, 30)]),
        (
            vec![
                OutboxWrite::Update { was_due: Due::At(ms(10)), row: later.clone() },
                OutboxWrite::Update { was_due: Due::At(ms(10)), row: started.clone() },
            ],
            vec![started.clone(), row(3, 20), later.clone(), row(1, 30)],
        ),
        (
            vec![OutboxWrite::Bury { was_due: Due::At(ms(30)), letter: letter.clone() }],
            vec![started.clone(), row(3, 20), later.clone()],
        ),
        (vec![OutboxWrite::Remove { due: Due::At(ms(20)), id: row(3, 20).id }], vec![started.clone(), later.clone()]),
        // Put and deleted in one batch; and tried again out of the dead letters.
        (
            vec![
                OutboxWrite::Put(row(5, 1)),
                OutboxWrite::Remove { due: Due::At(ms(1)), id: row(5, 1).id },
                OutboxWrite::Exhume { id: DeadLetterId(1), delivery: None },
                OutboxWrite::Put(row(1, 40)),
            ],
            vec![started, later, row(1, 40)],
        ),
    ];
    for (step, (writes, expected)) in steps.into_iter().enumerate() {
        opened.commit(|batch| batch.outbox = writes).await;
        let store = &opened.store;
        let found: Vec<Outgoing> =
            all_pages!(after => store.outbox(ALL, after, Due::At(ms(100)), 2), |last: &Outgoing| (last.due, last.id));
        assert_eq!(found, expected, "the outbox after step {step}");
        let due: Vec<Outgoing> = expected.into_iter().filter(|row| row.due <= Due::At(ms(20))).collect();
        assert_eq!(
            store.outbox(ALL, None, Due::At(ms(20)), 9).await.expect("readable"),
            due,
            "what is due at 20 after step {step}"
        );
        let buried = store.dead_letters(None, 9).await.expect("readable");
        assert_eq!(buried, if step == 2 || step == 3 { vec![letter.clone()] } else { vec![] }, "step {step}");
    }
}

pub(super) async fn dead_letters_wait_in_order<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let delivery = |id: u128| DeliveryKey(id);
    let letter = |id: u128| DeadLetter {
        id: DeadLetterId(id),
        at: ms(1),
        cause: "no field fits".to_owned(),
        content: DeadContent::Incoming {
            source: "web".to_owned(),
            event: format!("e{id}"),
            // Longer than one record may be.
            body: "x".repeat(40_000 * (id as usize % 3)),
            raw: (id == 5).then(|| vec![0xFF; 40_000].into()),
            content_type: Some("application/json".to_owned()),
            signed: None,
            delivery: Some(delivery(id)),
        },
        again: 0,
        last_at: None,
    };
    for id in [5, 1, 4, 1 << 90, 2] {
        let bury = OutboxWrite::Bury { was_due: Due::At(ms(0)), letter: letter(id) };
        opened.commit(|batch| batch.outbox.push(bury)).await;
    }
    let exhume = OutboxWrite::Exhume { id: DeadLetterId(4), delivery: Some(delivery(4)) };
    opened.commit(|batch| batch.outbox.push(exhume)).await;
    // One that came again stays where it is.
    let again = DeadLetter { again: 4, last_at: Some(ms(9)), ..letter(2) };
    let bury = OutboxWrite::Bury { was_due: Due::At(ms(0)), letter: again.clone() };
    opened.commit(|batch| batch.outbox.push(bury)).await;
    let opened = opened.again(place).await;
    let store = &opened.store;
    for (id, expected) in [(5, Some(5)), (4, None), (2, Some(2)), (9, None)] {
        let found = store.dead_letter_of(delivery(id)).await.expect("readable");
        assert_eq!(found, expected.map(DeadLetterId), "the letter of delivery {id}");
    }
    let found: Vec<DeadLetter> = all_pages!(after => store.dead_letters(after, 2), |last: &DeadLetter| last.id);
    assert_eq!(found, [letter(1), again, letter(5), letter(1 << 90)]);
}
