//! Leads as intake writes them on their way to the first wait: what the suite, the crash tests and the benchmark write.
//! Everything follows from a number, so a reader can say what must be there without having seen it written.

use super::ALL;
use crate::contract::Store;
use crate::records::{Batch, BatchId, Epoch, InboxRow, LeadIndex, LeadWrite, Mark, QueueKey, TimerOwner};
use cadenza_core::event::{Answer, Asker, Event, EventType, Report, StandardEvent};
use cadenza_core::field::Profile;
use cadenza_core::finding::keys;
use cadenza_core::id::{Digest, LeadId, RunId, TaskId, hash64};
use cadenza_core::identity::{Identity, IdentityKey};
use cadenza_core::journal::{DecisionSummary, Entry, Note, Personal, Skeleton};
use cadenza_core::lead::{LeadScore, Outcome, RepId};
use cadenza_core::plugin::{Cost, Decision, DecisionInput, DecisionKind, Reason, Segment};
use cadenza_core::run::{Run, RunState};
use cadenza_core::state::LeadState;
use cadenza_core::task::{Assignee, EscalationPoint, Task, TaskKind};
use cadenza_core::time::{DAY_MS, MINUTE_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_core::workflow::{ChosenBy, StepId, StepRef};
use std::ops::Range;

/// When lead 0 came. The others follow, ten in a millisecond.
pub const START: Timestamp = Timestamp::from_ms(1_767_225_600_000);
const REPS: u64 = 12;

/// When lead `n` came.
pub const fn at(n: u64) -> Timestamp {
    START.plus_ms((n / 10) as i64)
}

/// The day of an instant, in days since 1970.
pub fn day(at: Timestamp) -> u32 {
    u32::try_from(at.as_ms().div_euclid(DAY_MS)).unwrap_or(0)
}

/// The id of lead `n`.
pub const fn lead_id(n: u64) -> LeadId {
    LeadId::new(at(n), n)
}

/// The profile of lead `n`.
pub fn profile(n: u64) -> Profile {
    let company = n % 50_000;
    Profile {
        email: Some(format!("person{:016x}@company{company}.example", hash64(&n.to_be_bytes()))),
        phone: Some(format!("+1212{:07}", n % 10_000_000)),
        first_name: Some("Ada".to_owned()),
        last_name: Some(format!("Lovelace{}", n % 1_000)),
        title: Some("Head of Operations".to_owned()),
        company: Some(format!("Company {company}")),
        employees: Some((n % 5_000) as i64),
        country: Some("US".to_owned()),
        source: Some("web".to_owned()),
        product: Some("starter".to_owned()),
        ..Profile::default()
    }
}

/// The id of the event that brought lead `n`.
pub fn event_id(n: u64) -> String {
    format!("web:msg_{:016x}", hash64(&(n ^ 0x5EED).to_be_bytes()))
}

/// Lead `n` as it waits for its first call.
pub fn waiting(n: u64) -> LeadState {
    let (now, id) = (at(n), lead_id(n));
    let (run, task) = (RunId::born(id, 1), TaskId::born(id, 2));
    let (workflow, plugin) = (Digest(0x1234_5678_9ABC_DEF0), Digest(0x0FED_CBA9_8765_4321));
    let owner = RepId(format!("rep-{}", n % REPS));
    let (due, step) = (now.plus_ms(5 * MINUTE_MS), StepId::of("first-call"));
    let reasons = vec![
        Reason { rule: 1, points: 30, value: "Head of Operations".to_owned() },
        Reason { rule: 4, points: 25, value: String::new() },
        Reason { rule: 7, points: 20, value: "web".to_owned() },
    ];
    let mut state = LeadState::new(id, now);
    state.lead.profile = profile(n);
    state.lead.segment = Some(Segment::Hot);
    state.lead.owner = Some(owner.clone());
    state.lead.scores.insert(
        "inbound-fit".to_owned(),
        LeadScore {
            points: 75,
            segment: Segment::Hot,
            at: now,
            digest: Some(plugin),
            reasons: reasons.clone(),
            plugin: Some("inbound-fit".to_owned()),
        },
    );
    (state.seq, state.born) = (1, 2);
    state.runs.push(Run {
        id: run,
        workflow,
        started_at: now,
        step,
        entered_at: now,
        attempt: 3,
        moved_seq: 1,
        look_again_at: None,
        braked_at: None,
        paused_until: None,
        hears_account: false,
        after_hold: false,
        raised: 0,
        moved_nth: Some(1),
        roles: std::collections::BTreeMap::new(),
        had: Vec::new(),
        marks: Vec::new(),
        taken: Vec::new(),
        key: None,
        cadence: None,
        state: RunState::Task(task),
    });
    state.tasks.push(Task {
        id: task,
        kind: TaskKind::Call,
        run: Some(run),
        workflow,
        step,
        touch: None,
        assignee: Assignee::Rep(owner.clone()),
        created_at: now,
        due,
        not_before: None,
        escalation: Some(EscalationPoint { point: 0, at: due, asked: false }),
        reminders: 0,
        raised: false,
        redial: false,
        agreed: true,
        about: None,
        give_up: None,
        number: None,
    });
    let answer = Event::Decided(Answer {
        run,
        asker: Asker::Step { attempt: 1 },
        plugin: "inbound-fit".to_owned(),
        digest: Some(plugin),
        input: DecisionInput {
            now,
            parameters: [Value::Int(75), Value::Int(40)].into_iter().collect(),
            fields: vec![Value::text(Some("Head of Operations")), Value::Int(250), Value::text(Some("web"))],
            touches: Vec::new(),
            engagement: Vec::new(),
            owner_present: None,
            previous_score: None,
            business_elapsed_ms: None,
            overdue: None,
        },
        decision: Ok(Decision::Score { points: 75, segment: Segment::Hot, reasons, rescore_after_s: None }),
        cost: Cost::default(),
        log: Vec::new(),
    });
    let notes = vec![
        Note::Created { source: None },
        Note::Reported(EventType::Standard(StandardEvent::LeadCreated)),
        Note::Enrolled { run: run.in_journal(), workflow, owner: None },
        Note::Decided {
            run: run.in_journal(),
            kind: DecisionKind::Scoring,
            plugin: "inbound-fit".to_owned(),
            digest: Some(plugin),
            verdict: DecisionSummary::Score { points: 75, segment: Segment::Hot },
        },
        Note::Owned { owner: Some(owner.clone()), how: ChosenBy::Pool },
        Note::Entered { run: run.in_journal(), step },
        Note::TaskMade {
            task: task.in_journal(),
            kind: TaskKind::Call,
            assignee: Assignee::Rep(owner),
            due,
            at: Some(StepRef { workflow, step }),
        },
    ];
    state.latest = Some(Entry {
        seq: 1,
        skeleton: Skeleton { now, event: event_id(n), notes, catalog: Some(Digest(9)) },
        personal: Some(Personal { events: vec![reported(n), answer], account: None, changes: Vec::new() }),
    });
    state
}

/// The event that brought lead `n`.
pub fn reported(n: u64) -> Event {
    Event::Reported(Report {
        kind: EventType::Standard(StandardEvent::LeadCreated),
        at: at(n),
        source: "web".to_owned(),
        fields: Vec::new(),
        data: [("form".to_owned(), Value::text(Some("demo")))].into(),
        enrolls: true,
        only_finds: false,
        left_out: Vec::new(),
        standing: None,
        also: Vec::new(),
    })
}

/// The key by which lead `n` is found.
pub fn identity(n: u64) -> IdentityKey {
    keys(&Profile { phone: None, ..profile(n) }, None).swap_remove(0)
}

/// What that key leads to.
pub fn held(n: u64) -> Identity {
    Identity { holders: vec![lead_id(n)], bindings: Vec::new() }
}

/// The mark of the event that brought lead `n`.
pub fn mark(n: u64) -> Mark {
    Mark { event: event_id(n), day: day(at(n)), lead: lead_id(n), content: Some(hash64(&n.to_le_bytes())) }
}

/// What another writer tells lead `n`.
pub fn told(n: u64) -> InboxRow {
    InboxRow { to: lead_id(n), id: event_id(n), event: Event::Woken }
}

/// Lead `n` after its first call: the task is gone, and the entry that created it lies in the journal.
pub fn called(n: u64) -> LeadState {
    let mut state = waiting(n);
    let task = state.tasks.remove(0);
    let until = at(n).plus_ms(DAY_MS);
    state.seq = 2;
    state.runs[0].state = RunState::Waiting { until: Some(until) };
    let done = Note::TaskDone {
        task: task.id.in_journal(),
        outcome: Outcome::NoAnswer,
        result: None,
        kind: Some(task.kind),
        by: task.assignee.rep().cloned(),
        at: Some(task.at()),
        result_own: None,
    };
    state.latest = Some(Entry {
        seq: 2,
        skeleton: Skeleton { now: at(n), event: format!("{}:done", event_id(n)), notes: vec![done], catalog: None },
        personal: Some(Personal { events: vec![Event::TimerDue], account: None, changes: Vec::new() }),
    });
    state
}

/// The write that takes lead `n` from [`waiting`] to [`called`].
pub fn call(n: u64) -> LeadWrite {
    let before = waiting(n);
    LeadWrite { before: LeadIndex::of(&before), state: called(n).into(), entries: before.latest.into_iter().collect() }
}

/// Leads as one batch of intake writes them: for each a lead, a key, a mark, a timer and a place in a queue.
pub fn intake(epoch: Epoch, id: BatchId, numbers: Range<u64>) -> Batch {
    let mut batch = Batch::new(id, epoch);
    for n in numbers {
        batch.leads.push(LeadWrite { before: LeadIndex::default(), state: waiting(n).into(), entries: Vec::new() });
        batch.identities.push((identity(n), held(n)));
        batch.marks.push(mark(n));
    }
    batch
}

/// How much of lead `n` is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// All its records, as they were written.
    Whole,
    Absent,
    /// Only some of its records, so a commit was not atomic.
    Half,
}

/// Looks for every record of lead `n` as it waits for its first call.
pub async fn presence(store: &impl Store, n: u64) -> Presence {
    presence_as(store, n, &waiting(n)).await
}

/// Looks for every record of lead `n` in this state, and for those it must not have.
pub async fn presence_as(store: &impl Store, n: u64, expected: &LeadState) -> Presence {
    let (id, index, first) = (lead_id(n), LeadIndex::of(expected), LeadIndex::of(&waiting(n)));
    let due = index.timer.expect("every state of the sample has a timer");
    let place = first.queue.first().expect("a waiting lead has a task");
    let entries = store.journal(id, 0, 9).await.expect("a journal can be read");
    let found = [
        store.lead(id).await.expect("a lead can be read").as_ref() == Some(expected),
        store.identity(&identity(n)).await.expect("a key can be read") == Some(held(n)),
        store.mark(&event_id(n), day(at(n))).await.expect("a mark can be read") == Some(mark(n)),
        has_timer(store, id, due).await,
    ];
    // What a lead has in one state but not in the other.
    let differing = [
        (has_place(store, place).await, index.queue.contains(place)),
        (has_timer(store, id, first.timer.expect("a waiting lead has a timer")).await, index.timer == first.timer),
        (entries.iter().map(|entry| entry.seq).eq(1..expected.seq), true),
    ];
    if found.iter().all(|found| *found) && differing.iter().all(|(found, expected)| found == expected) {
        Presence::Whole
    } else if found.iter().any(|found| *found) || differing.iter().take(2).any(|(found, _)| *found) {
        Presence::Half
    } else {
        Presence::Absent
    }
}

async fn has_timer(store: &impl Store, lead: LeadId, due: Timestamp) -> bool {
    let before = (due, TimerOwner::Lead(LeadId(lead.0 - 1)));
    let timers = store.timers(ALL, Some(before), due, 1).await.expect("timers can be read");
    timers.first() == Some(&(due, TimerOwner::Lead(lead)))
}

async fn has_place(store: &impl Store, place: &QueueKey) -> bool {
    let before = QueueKey { task: TaskId(place.task.0 - 1), ..place.clone() };
    let queue = store.queue(ALL, Some(&place.assignee), Some(&before), 1).await.expect("queues can be read");
    queue.first() == Some(place)
}
