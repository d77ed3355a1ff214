//! Timers and queues are kept in step with the records they are derived from: there is a key for what
//! is, and none for what was.

use super::{ALL, Opened, Place, ms, sample};
use crate::contract::Store;
use crate::records::{LeadIndex, LeadWrite, QueueKey, Timer, TimerOwner};
use cadenza_core::account::{Account, Hold};
use cadenza_core::id::{AccountId, Digest, LeadId, RunId, TaskId};
use cadenza_core::lead::RepId;
use cadenza_core::run::RunState;
use cadenza_core::state::LeadState;
use cadenza_core::task::{Assignee, EscalationPoint};
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::Asks;

const ACME: &str = "domain:acme.example";
const ZETA: &str = "domain:zeta.example";

/// Takes a lead through states. After each, compares the whole index with what the state says.
async fn follow<P: Place>(place: &P, states: Vec<LeadState>) {
    let mut opened = Opened::on(place).await;
    let mut before = LeadIndex::default();
    for (step, state) in states.into_iter().enumerate() {
        let after = LeadIndex::of(&state);
        let id = state.lead.id;
        let write = LeadWrite { before: before.clone(), state: state.into(), entries: Vec::new() };
        opened.commit(|batch| batch.leads.push(write)).await;
        let timers = opened.store.timers(ALL, None, Timestamp::MAX, 9).await.expect("readable");
        let expected: Vec<Timer> = after.timer.iter().map(|at| (*at, TimerOwner::Lead(id))).collect();
        assert_eq!(timers, expected, "timers after step {step}");
        let queue = opened.store.queue(ALL, None, None, 99).await.expect("readable");
        assert_eq!(queue, after.queue, "queues after step {step}");
        let mut questions = Vec::new();
        for first in opened.store.questions(ALL, None, 9).await.expect("readable") {
            questions.extend(opened.store.questions(ALL, Some(&first.plugin), 9).await.expect("readable"));
        }
        assert_eq!(questions, after.questions, "questions after step {step}");
        let unanswered = opened.store.unanswered(ALL, None, 9).await.expect("readable");
        let expected: Vec<LeadId> = after.unanswered.then_some(id).into_iter().collect();
        assert_eq!(unanswered, expected, "questions without an answer after step {step}");
        for account in [ACME, ZETA].map(AccountId::of_key) {
            let listeners = opened.store.listeners(ALL, account, None, 9).await.expect("readable");
            let expected: Vec<LeadId> = (after.listens_to == Some(account)).then_some(id).into_iter().collect();
            assert_eq!(listeners, expected, "who hears of {account} after step {step}");
        }
        before = after;
    }
}

pub(super) async fn timers_follow_the_lead<P: Place>(place: &P) {
    let due = [Some(10), Some(20), Some(20), None, Some(5), Some(7), None];
    let states = due.map(|due| {
        let mut state = sample::waiting(1);
        state.tasks[0].escalation = due.map(|at| EscalationPoint { point: 0, at: ms(at), asked: false });
        state
    });
    follow(place, states.into()).await;
}

pub(super) async fn queues_follow_the_tasks<P: Place>(place: &P) {
    let rep = |id: &str| Assignee::Rep(RepId(id.to_owned()));
    let pool = |name: &str| Assignee::Pool(name.to_owned());
    // Each step lists the open tasks, as number, assignee and due time.
    let steps: Vec<Vec<(u64, Assignee, i64)>> = vec![
        vec![(1, rep("a"), 10)],
        vec![(1, rep("a"), 10), (2, pool("p"), 5), (3, Assignee::Nobody, 1)],
        vec![(1, rep("b"), 10), (2, rep("b"), 5), (3, Assignee::Nobody, 1)],
        vec![(2, rep("b"), 50), (4, rep("a"), 10)],
        vec![],
        vec![(5, pool("p"), 3)],
    ];
    let states = steps.into_iter().map(|tasks| {
        let mut state = sample::waiting(1);
        let model = state.tasks.remove(0);
        state.tasks = tasks
            .into_iter()
            .map(|(number, assignee, due)| {
                let mut task = model.clone();
                task.id = TaskId::born(state.lead.id, number);
                (task.assignee, task.due) = (assignee, ms(due));
                task
            })
            .collect();
        state
    });
    follow(place, states.collect()).await;
}

pub(super) async fn questions_wait_in_lines<P: Place>(place: &P) {
    // Each step lists the waiting questions, as number of the run, plugin, and since when.
    let steps: Vec<Vec<(u64, &str, i64)>> = vec![
        vec![(1, "slow", 10)],
        vec![(1, "slow", 10), (2, "slow", 5), (3, "quick", 7), (4, "", 1)],
        vec![(1, "slow", 10), (3, "quick", 8)],
        vec![],
        vec![(5, "slo", 3), (6, "slow", 3)],
    ];
    let states = steps.into_iter().map(|questions| {
        let mut state = sample::waiting(1);
        let model = state.runs.remove(0);
        state.runs = questions
            .into_iter()
            .map(|(number, plugin, since)| {
                let mut run = model.clone();
                run.id = RunId::born(state.lead.id, number);
                let queued = Some(plugin.to_owned());
                run.state = RunState::Deciding { slot: Asks::Main, since: ms(since), overruns: 0, queued };
                run
            })
            .collect();
        state
    });
    follow(place, states.collect()).await;
}

pub(super) async fn questions_without_an_answer_are_known<P: Place>(place: &P) {
    fn deciding(state: &mut LeadState, queued: Option<&str>) {
        let queued = queued.map(str::to_owned);
        state.runs[0].state = RunState::Deciding { slot: Asks::Main, since: ms(1), overruns: 0, queued };
    }
    fn about_a_task(state: &mut LeadState, asked: bool) {
        state.tasks[0].escalation = Some(EscalationPoint { point: 0, at: ms(1), asked });
    }
    /// Whether a question has no answer after a change.
    type Step = (bool, fn(&mut LeadState));
    let steps: [Step; 6] = [
        (false, |_| ()),
        (true, |state| deciding(state, None)),
        (false, |state| deciding(state, Some("slow"))),
        (true, |state| about_a_task(state, true)),
        (false, |state| about_a_task(state, false)),
        (false, |state| {
            deciding(state, None);
            state.runs[0].braked_at = Some(ms(2));
        }),
    ];
    let states = steps.into_iter().map(|(unanswered, change)| {
        let mut state = sample::waiting(1);
        change(&mut state);
        assert_eq!(LeadIndex::of(&state).unanswered, unanswered, "{state:?}");
        state
    });
    follow(place, states.collect()).await;
    let mut opened = Opened::on(place).await;
    let mut leads: Vec<LeadId> = (10..17).map(sample::lead_id).collect();
    leads.sort();
    for n in 10..17 {
        let mut state = sample::waiting(n);
        deciding(&mut state, None);
        let write = LeadWrite { before: LeadIndex::default(), state: state.into(), entries: Vec::new() };
        opened.commit(|batch| batch.leads.push(write)).await;
    }
    let (mut found, mut after) = (Vec::<LeadId>::new(), None);
    loop {
        let page = opened.store.unanswered(ALL, after, 3).await.expect("readable");
        let Some(last) = page.last() else { break };
        after = Some(*last);
        found.extend(page);
    }
    assert_eq!(found, leads, "a page at a time, in order");
}

pub(super) async fn leads_that_hear_of_their_account_are_known<P: Place>(place: &P) {
    let steps: [(Option<&str>, bool); 8] = [
        (None, false),
        (None, true),
        (Some(ACME), true),
        (Some(ACME), true),
        (Some(ZETA), true),
        (Some(ZETA), false),
        (Some(ACME), true),
        (None, true),
    ];
    let hears = |n, account: Option<&str>, hears| {
        let mut state = sample::waiting(n);
        state.lead.account = account.map(AccountId::of_key);
        state.runs[0].hears_account = hears;
        state
    };
    let states = steps.into_iter().map(|(account, listens)| {
        let state = hears(1, account, listens);
        let expected = account.filter(|_| listens).map(AccountId::of_key);
        assert_eq!(LeadIndex::of(&state).listens_to, expected, "{state:?}");
        state
    });
    follow(place, states.collect()).await;
    let mut opened = Opened::on(place).await;
    let mut leads: Vec<LeadId> = (10..17).map(sample::lead_id).collect();
    leads.sort();
    for n in 10..19 {
        let state = hears(n, Some(if n < 17 { ACME } else { ZETA }), true);
        let write = LeadWrite { before: LeadIndex::default(), state: state.into(), entries: Vec::new() };
        opened.commit(|batch| batch.leads.push(write)).await;
    }
    let (mut found, mut after) = (Vec::<LeadId>::new(), None);
    loop {
        let page = opened.store.listeners(ALL, AccountId::of_key(ACME), after, 3).await.expect("readable");
        let Some(last) = page.last() else { break };
        after = Some(*last);
        found.extend(page);
    }
    assert_eq!(found, leads, "a page at a time, in order, and none of another account");
}

pub(super) async fn leads_under_a_hold_are_paged<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let (account, other) = (AccountId::of_key(ACME), AccountId::of_key(ZETA));
    let mut leads: Vec<LeadId> = (0..7).map(sample::lead_id).collect();
    leads.sort();
    let held = leads.iter().map(|lead| (account, *lead, true)).chain([(other, sample::lead_id(9), true)]);
    opened.commit(|batch| batch.held.extend(held)).await;
    opened.commit(|batch| batch.held.push((account, leads[0], true))).await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = opened.store.held(ALL, account, after, 3).await.expect("readable");
        let Some(last) = page.last() else { break };
        after = Some(*last);
        found.extend(page);
    }
    assert_eq!(found, leads, "each once, and none of another account");
    opened.commit(|batch| batch.held.extend(leads[..5].iter().map(|lead| (account, *lead, false)))).await;
    assert_eq!(
        opened.store.held(ALL, account, None, 9).await.expect("readable"),
        leads[5..],
        "those that were told are gone"
    );
}

pub(super) async fn accounts_have_their_timers<P: Place>(place: &P) {
    let mut opened = Opened::on(place).await;
    let id = AccountId::of_key(ACME);
    let mut account = Account::new(id, "Acme".to_owned());
    let mut before = None;
    for until in [None, Some(30), Some(40), Some(40), None] {
        account.hold = until.map(|until| Hold {
            owner: RepId("a".to_owned()),
            until: ms(until),
            until_event: None,
            workflow: Digest(1),
            on_expiry: None,
            leads: vec![sample::lead_id(1)],
        });
        opened.commit(|batch| batch.accounts.push((account.clone(), before))).await;
        before = account.next_due();
        let timers = opened.store.timers(ALL, None, Timestamp::MAX, 9).await.expect("readable");
        let expected: Vec<Timer> = before.iter().map(|at| (*at, TimerOwner::Account(id))).collect();
        assert_eq!(timers, expected, "timers of a hold until {until:?}");
        assert_eq!(opened.store.account(id).await.expect("readable").as_ref(), Some(&account));
    }
    // A lead's timer at the same time has another key.
    opened.commit(|batch| *batch = sample::intake(batch.epoch, batch.id, 1..2)).await;
    let queue = opened.store.queue(ALL, None, None, 9).await.expect("readable");
    assert_eq!(queue.iter().map(|key: &QueueKey| key.task.lead()).collect::<Vec<_>>(), [sample::lead_id(1)]);
}
