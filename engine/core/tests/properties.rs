//! What must hold whatever happens, in whatever order, to a lead in whatever workflow.

mod support;

use cadenza_core::effect::{Departure, Message, Question, Rendered};
use cadenza_core::event::{
    Asker, Delivery, Event, EventType, LeadCommand, Reply, Report, StandardEvent, TaskChange, TaskReport, Wish,
};
use cadenza_core::id::TaskId;
use cadenza_core::identity::IdentityKind;
use cadenza_core::journal::Note;
use cadenza_core::lead::{Channel, Outcome, RepId, Stage, TouchResult};
use cadenza_core::plugin::{Action, DecisionFailure, DecisionKind, Segment};
use cadenza_core::run::RunState;
use cadenza_core::state::LeadState;
use cadenza_core::task::TaskKind;
use cadenza_core::time::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_core::workflow::{
    Arm, Assignment, HoldScope, MailResults, OnFailure, ReEnroll, Target, Verb, Wait, Workflow,
};
use proptest::prelude::*;
use std::sync::Arc;
use support::workflows::{self as w, at, hot, pooled};
use support::{Answered, Shared, Sim, World, answer};

/// One thing that happens: what it is, its particulars, and the time since the last one.
type Happening = (u8, u32, u32);

fn pick<T: Clone>(list: &[T], by: u32) -> T {
    list[by as usize % list.len()].clone()
}

/// Makes some decision: sometimes none, sometimes one of the wrong kind.
fn moody(question: &Question, asked: u64) -> Option<Answered> {
    let mood = cadenza_core::id::hash64(&asked.to_be_bytes());
    match mood % 7 {
        0 => return None,
        1 => return Some(Err(DecisionFailure::Trap("unreachable".to_owned()))),
        2 => return Some(Ok(w::tracked("weekly"))),
        _ => {}
    }
    let by = (mood >> 8) as u32;
    Some(Ok(match question.kind {
        DecisionKind::Scoring => w::scored((by % 100) as i32, pick(Segment::ALL, by)),
        DecisionKind::Nurture => w::tracked(pick(&["weekly", "monthly", "long", "unheard-of"], by)),
        DecisionKind::Escalation => w::escalated(pick(Action::ALL, by)),
    }))
}

/// A workflow of a few steps drawn at random. The steps may form circles.
fn any_workflow(name: &'static str, seeds: Vec<(u8, u8, u8)>) -> Arc<Workflow> {
    let ids: Vec<String> = (0..seeds.len()).map(|ix| format!("s{ix}")).collect();
    let place = move |ids: &[String], by: u8| match usize::from(by) % (ids.len() + 1) {
        ix if ix == ids.len() => "end".to_owned(),
        ix => ids[ix].clone(),
    };
    let re_enroll = [ReEnroll::Always, ReEnroll::Never, ReEnroll::After(w::span("2d"))];
    let by = seeds.first().map_or(0, |seed| u32::from(seed.2));
    let mut workflow = w::workflow(name)
        .on_created()
        .when(w::custom("again"), w::is("lead.stage", "open"))
        .re_enroll(pick(&re_enroll, by))
        .leave(w::is("lead.stage", "lost"), "lost");
    for (ix, (verb, a, b)) in seeds.into_iter().enumerate() {
        let (near, far) = (place(&ids, a), place(&ids, b));
        let going = near.clone();
        workflow = workflow.step(&ids[ix], move |go| any_verb(verb, a, b, &near, &far, go)).then(&going);
    }
    workflow.build()
}

fn any_verb(verb: u8, a: u8, b: u8, near: &str, far: &str, go: &dyn Fn(&str) -> Target) -> Verb {
    let timeout = pick(&["0d", "1h", "3d", "2 business days"], u32::from(b));
    match verb % 15 {
        0 => {
            w::score_or(pick(&[OnFailure::Fallback(Segment::Cold), OnFailure::Park, w::second_opinion()], u32::from(a)))
        }
        1 => Verb::Switch(vec![Arm { condition: w::is("lead.segment", "hot"), go: go(far) }]),
        2 => Verb::Assign(w::pool((a.is_multiple_of(2)).then(|| w::hold(HoldScope::Lead, go(far))))),
        3 => Verb::Assign(w::pool(Some(w::hold(HoldScope::Account, go(far))))),
        4 => w::call("5 business minutes", Some(w::escalate()), w::results(go, &[("qualified", far)], near)),
        5 => Verb::Email(w::email()),
        6 => {
            let touches =
                vec![w::mail_touch("0d"), w::call_touch(timeout, a.is_multiple_of(2)), w::mail_touch(timeout)];
            let stop = vec![Arm { condition: w::reached(), go: go(near) }];
            w::cadence(touches, u16::from(a % 5), (!b.is_multiple_of(3)).then_some("1 business day"), stop, go(far))
        }
        7 => w::todo("1h", w::results(go, &[("qualified", far)], near)),
        8 => w::branch(go, &[("weekly", near), ("long", far)], near),
        9 => Verb::Wait(Wait::For(w::span(timeout))),
        10 => {
            let kind = if a.is_multiple_of(2) { w::standard(StandardEvent::EmailReplied) } else { w::custom("ping") };
            w::wait_event(kind, go(near), timeout, go(far))
        }
        11 => Verb::Wait(Wait::Until {
            date: w::name("lead.project_date"),
            offset: w::span(timeout),
            before: a.is_multiple_of(2),
            past: go(near),
            blank: go(far),
        }),
        12 => Verb::Update(vec![
            Assignment::Stage(pick(Stage::ALL, u32::from(a))),
            Assignment::Field { field: "project_date".to_owned(), value: w::name("lead.renewal") },
        ]),
        13 => w::http(b.is_multiple_of(2).then(|| MailResults { sent: go(near), refused: go(far), failed: go(near) })),
        _ => match a % 3 {
            0 => w::enroll("handoff"),
            1 => w::enroll("wild"),
            _ => Verb::End("so".to_owned()),
        },
    }
}

fn report(kind: EventType, a: u32, now: Timestamp) -> Report {
    let shifts = [0, -DAY_MS, -400 * DAY_MS, HOUR_MS];
    let when = |days: i64| Value::Time(now.plus_ms(days * DAY_MS));
    let fields: Vec<(&str, Value)> = match a % 9 {
        0 => vec![
            ("email", Value::text(Some(pick(&["lee@acme.io", "lee@other.io"], a / 9)))),
            ("phone", Value::text(Some("+12125550100"))),
        ],
        1 => vec![("project_date", when(i64::from(a % 90)))],
        2 => vec![("project_date", Value::Blank)],
        3 => vec![("renewal", when(-3)), ("region", Value::text(Some("west")))],
        4 => vec![("timezone", Value::text(Some(pick(&["Europe/Berlin", "Nowhere/At all"], a / 9))))],
        5 => vec![("employees", Value::text(Some("many"))), ("stage", Value::text(Some("customer")))],
        6 => vec![("phone", Value::text(Some("+12125550199")))],
        7 => vec![("email", Value::Blank), ("project_date", Value::Time(Timestamp::MAX))],
        _ => vec![],
    };
    let data = match a % 4 {
        0 => vec![("outcome", Value::text(Some(pick(Outcome::ALL, a / 4).as_str())))],
        1 => vec![("result", Value::text(Some(pick(TouchResult::ALL, a / 4).as_str()))), ("amount", Value::Int(9))],
        2 => vec![("callback_at", when(2)), ("stage", Value::text(Some("proposal")))],
        _ => vec![],
    };
    Report {
        kind,
        at: now.plus_ms(pick(&shifts, a / 7)),
        source: "web".to_owned(),
        fields: fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect(),
        data: data.into_iter().map(|(field, value)| (field.to_owned(), value)).collect(),
        enrolls: !a.is_multiple_of(11),
        only_finds: false,
        left_out: vec![],
        standing: None,
        also: Vec::new(),
    }
}

fn outcome(task: TaskId, a: u32, now: Timestamp) -> Event {
    let reached = a.is_multiple_of(3);
    let at = now.plus_ms(i64::from(a % 5) * DAY_MS - DAY_MS);
    Event::TaskDone(TaskReport {
        task,
        outcome: if reached { Outcome::Connected } else { pick(Outcome::ALL, a / 3) },
        result: (a.is_multiple_of(2)).then(|| pick(&TouchResult::ALL[..6 + usize::from(a.is_multiple_of(40))], a / 5)),
        notes: None,
        fields: vec![("project_date".to_owned(), Value::Time(now.plus_ms(40 * DAY_MS)))],
        callback_at: (a.is_multiple_of(7)).then_some(at),
        by: "ada".to_owned(),
        result_own: a.is_multiple_of(4).then(|| "no-budget".to_owned()),
    })
}

fn command(a: u32, state: &LeadState, now: Timestamp) -> Event {
    let run = state.runs.get(a as usize / 16 % state.runs.len().max(1)).map(|run| run.id);
    let run = run.unwrap_or(cadenza_core::id::RunId(a.into()));
    let from = pick(
        &[None, Some(Wish::AnyTime), Some(Wish::Then(now.plus_ms(3 * DAY_MS))), Some(Wish::Then(Timestamp::MAX))],
        a / 16,
    );
    let command = match a % 16 {
        0 if a.is_multiple_of(64) => LeadCommand::OptOut { reason: None },
        1 | 2 => LeadCommand::Prefer { refused: Some(vec![]), from },
        3 => LeadCommand::Prefer { refused: Some(vec![pick(Channel::ALL, a / 16)]), from: None },
        4 => LeadCommand::Pause,
        5 | 6 => LeadCommand::Resume,
        7 | 8 => LeadCommand::SetOwner(RepId(pick(&["ada", "bob", "nobody"], a / 16).to_owned())),
        9 if a % 32 == 9 => LeadCommand::Disqualify { reason: "competitor".to_owned() },
        10 => LeadCommand::CancelRun(run),
        11..=13 => LeadCommand::Unpark(run),
        14 => LeadCommand::Remove { workflow: "inbound".to_owned() },
        _ => LeadCommand::Resume,
    };
    Event::Commanded { command, by: "ops".to_owned() }
}

/// The state without its journal, to compare a lead before and after.
fn without_journal(state: &LeadState) -> LeadState {
    LeadState { seq: 0, latest: None, ..state.clone() }
}

struct Walk {
    world: World,
    shared: Shared,
    sim: Sim,
    now: Timestamp,
    closed: Vec<TaskId>,
}

impl Walk {
    fn new(world: World) -> Self {
        let now = at("2026-02-27T15:00:00Z");
        Self { world, shared: Shared::default(), sim: Sim::new(1, now), now, closed: vec![] }
    }

    /// Applies one happening, and applies it again where that may occur.
    fn happen(&mut self, (what, a, gap): Happening) {
        self.now = self.now.plus_ms(pick(&[0, 1, MINUTE_MS, 17 * MINUTE_MS, 3 * HOUR_MS, DAY_MS, 9 * DAY_MS], gap));
        let tasks: Vec<TaskId> = self.sim.state.tasks.iter().map(|task| task.id).collect();
        if a.is_multiple_of(37) {
            self.pause(a);
        }
        if a.is_multiple_of(41) {
            self.change(a);
        }
        if a.is_multiple_of(43) {
            self.begin_anew();
        }
        match what % 16 {
            0 => self.feed(Event::Reported(report(w::standard(StandardEvent::LeadCreated), a, self.now))),
            1 => self.feed(Event::Reported(report(w::standard(StandardEvent::LeadUpdated), a, self.now))),
            2 => {
                // An opt-out ends the story, so it is kept rare.
                let kinds = if a.is_multiple_of(20) { StandardEvent::ALL } else { &StandardEvent::ALL[..14] };
                self.feed(Event::Reported(report(w::standard(pick(kinds, a / 20)), a, self.now)));
            }
            3 => self.feed(Event::Reported(report(w::custom(pick(&["ping", "again"], a)), a, self.now))),
            4..=6 if !tasks.is_empty() => self.feed_twice(outcome(pick(&tasks, a), a, self.now)),
            4..=6 => self.feed_late(outcome(TaskId(a.into()), a, self.now)),
            7 => {
                let closed = self.closed.get(a as usize % self.closed.len().max(1)).copied();
                self.feed_late(outcome(closed.unwrap_or(TaskId(1)), a, self.now));
            }
            8..=10 => self.timer(a),
            11 if !self.sim.questions.is_empty() => self.answer(a),
            11 | 12 if !self.sim.outbox.is_empty() && a.is_multiple_of(2) => self.depart(a),
            11 | 12 if !self.sim.outbox.is_empty() => self.deliver(a),
            13 => self.feed(command(a, &self.sim.state, self.now)),
            14 if !tasks.is_empty() => {
                let rep = RepId(pick(&["ada", "bob"], a).to_owned());
                let changes = [
                    TaskChange::Claimed(rep.clone()),
                    TaskChange::Reassigned(rep),
                    TaskChange::Snoozed(self.now.plus_ms(DAY_MS)),
                ];
                self.feed(Event::TaskMoved { task: pick(&tasks, a), change: pick(&changes, a / 3), by: "ops".into() });
            }
            15 => {
                let workflow = pick(&["inbound", "handoff", "wild", "unknown"], a).to_owned();
                self.feed(Event::Enrolled { workflow, by: "ops".to_owned(), key: None });
            }
            _ => self.timer(a),
        }
    }

    /// Changes the workspace: other hours, a rep who left, or mails only in business hours.
    fn change(&mut self, a: u32) {
        self.world.change(|settings| match a / 41 % 4 {
            0 => settings.contact.business_hours = vec![Channel::Call, Channel::Email],
            1 => settings.contact.business_hours = vec![],
            2 => drop(settings.team.reps.remove(&RepId("bob".to_owned()))),
            _ => settings.contact.notify_via = None,
        });
        // Leads with tasks of a rep who left are told.
        self.feed(Event::Woken);
    }

    /// The engine ends and begins anew: what plugins were asked is lost, and each question without an answer is put again, or its
    /// task or run is held back.
    fn begin_anew(&mut self) {
        self.sim.questions.clear();
        let unanswered = self.sim.state.is_unanswered();
        self.feed(Event::AnswersLost);
        let state = &self.sim.state;
        let asks = self.sim.questions.len() + state.queued().count();
        let rests = state.runs.iter().any(|run| run.braked_at.is_some()) || !state.is_unanswered();
        assert!(!unanswered || asks > 0 || rests, "nobody will answer: {state:?}");
    }

    /// Pauses some workflows and releases the others.
    fn pause(&mut self, a: u32) {
        let names = ["inbound", "handoff", "wild", "tame"];
        let paused = names.into_iter().enumerate().filter(|(ix, _)| (a / 37) >> ix & 1 == 1);
        self.world.paused.workflows = paused.map(|(_, name)| name.to_owned()).collect();
        self.world.paused.connections = (a % 2 == 1).then(|| "smtp".to_owned()).into_iter().collect();
        let stood = |walk: &Self| walk.sim.state.runs.iter().filter(|run| run.braked_at.is_some()).count();
        if stood(self) > 0 {
            self.feed(Event::Woken);
            assert!(
                !self.world.paused.workflows.is_empty() || stood(self) == 0,
                "released, and stands still all the same"
            );
        }
    }

    fn feed(&mut self, event: Event) {
        let (tasks, sent) = (self.sim.state.tasks.clone(), self.sim.outbox.len());
        let suppressed = self.sim.state.lead.consent.opted_out.is_some();
        let notes = self.sim.feed(&self.world, &mut self.shared, self.now, event.clone());
        let open = |id| self.sim.state.tasks.iter().any(|task| task.id == id);
        self.closed.extend(tasks.iter().map(|task| task.id).filter(|id| !open(*id)));
        if suppressed {
            let touched = notes.iter().any(|note| matches!(note, Note::TaskMade { kind: TaskKind::Call, .. }));
            assert!(!touched && self.sim.outbox.len() == sent, "{event:?} touched a lead that opted out: {notes:?}");
        }
        for run in &self.sim.state.runs {
            if let RunState::Cadence(cadence) = run.state {
                let definition = self.world.definitions.get(&run.workflow).expect("it was there when the run began");
                let step = definition.step(run.step).expect("a step of it");
                let Verb::Cadence(plan) = &step.verb else { panic!("no cadence") };
                assert!(
                    cadence.contacts <= plan.contacts_max,
                    "{} contacts of {}",
                    cadence.contacts,
                    plan.contacts_max
                );
            }
        }
        self.sim.check_wakeable();
    }

    fn feed_twice(&mut self, event: Event) {
        self.feed(event.clone());
        self.feed_late(event);
    }

    /// Feeds an event that comes too late or twice. It must change nothing but the journal.
    fn feed_late(&mut self, event: Event) {
        let before = without_journal(&self.sim.state);
        let (sent, asked) = (self.sim.outbox.len(), self.sim.questions.len());
        self.feed(event.clone());
        assert_eq!(before, without_journal(&self.sim.state), "late or repeated, and not ignored: {event:?}");
        assert_eq!((sent, asked), (self.sim.outbox.len(), self.sim.questions.len()), "{event:?} asked for something");
    }

    fn timer(&mut self, a: u32) {
        if !a.is_multiple_of(3)
            && let Some(due) = self.sim.state.next_due()
            && due < at("2200-01-01T00:00:00Z")
        {
            self.now = self.now.max(due);
        }
        let account = self.sim.state.lead.account.and_then(|id| self.shared.accounts.get_mut(&id));
        for (_, event) in account.map(|account| account.timer_due(self.now)).unwrap_or_default() {
            self.feed(event);
        }
        if self.sim.state.next_due().is_none_or(|due| due > self.now) {
            let before = self.sim.state.clone();
            self.feed(Event::TimerDue);
            assert_eq!(before, self.sim.state, "a timer with nothing due left a trace");
            return;
        }
        self.feed(Event::TimerDue);
        let next = self.sim.state.next_due();
        assert!(
            next.is_none_or(|next| next > self.now),
            "the timer handled at {} is due again at {next:?}: {:#?}",
            self.now,
            self.sim.state.runs
        );
    }

    fn answer(&mut self, a: u32) {
        let question = self.sim.questions.remove(a as usize % self.sim.questions.len());
        let decision = moody(&question, u64::from(a)).unwrap_or(Err(DecisionFailure::Unavailable("busy".to_owned())));
        if a.is_multiple_of(5) {
            let asker = match question.asker {
                Asker::Step { attempt } => Asker::Step { attempt: attempt.wrapping_sub(1) },
                Asker::Task { task, point } => Asker::Task { task, point: point.wrapping_sub(1) },
            };
            let stale = Question { asker, ..question.clone() };
            self.feed_late(answer(&stale, decision.clone()));
        }
        self.feed_twice(answer(&question, decision));
    }

    /// Lets a message fall due, sometimes twice.
    fn depart(&mut self, a: u32) {
        let ix = a as usize % self.sim.outbox.len();
        let row = self.sim.outbox[ix].clone();
        let (notes, departure) = self.sim.depart(&self.world, &mut self.shared, self.now, ix);
        let under_way = self.sim.state.is_under_way(row.id);
        match departure {
            Departure::Now(permit) => {
                let channel = row.message.touch();
                assert_eq!(
                    permit.is_some(),
                    channel.is_some(),
                    "a touch leaves with a permit, and a notice needs none"
                );
                assert_eq!(under_way, channel.is_some(), "it is under way from now on");
                assert!(permit.is_none_or(|permit| permit.is_for(row.id, Channel::Email) && permit.at() == self.now));
                let lead = &self.sim.state.lead;
                assert!(channel.is_none() || lead.consent.opted_out.is_none(), "a mail leaves after an opt-out");
                assert!(!self.world.paused.connections.contains(&row.via), "it leaves by a connection that is paused");
                self.leaves(ix, a);
            }
            Departure::Later(_) => assert!(!under_way || row.started_at.is_some(), "put off, and under way: {notes:?}"),
            Departure::Never => {
                assert!(!under_way && notes.iter().any(|note| matches!(note, Note::Delivered { why: Some(_), .. })));
            }
        }
        self.sim.check_wakeable();
    }

    /// An attempt leaves for the address that the mail was written to, which is not bound; sometimes it is known to fail.
    fn leaves(&mut self, ix: usize, a: u32) {
        let lead = &self.sim.state.lead;
        let row = &mut self.sim.outbox[ix];
        if let Message::Email { rendered, .. } = &mut row.message {
            let to = lead.profile.email.clone().unwrap_or_default();
            let mail =
                rendered.get_or_insert(Rendered { to, subject: String::new(), body: String::new(), letter: None });
            let bound = lead.bound_at(IdentityKind::Email, &mail.to, Channel::Email);
            assert_eq!(bound, None, "a mail leaves for an address that is bound");
        }
        if a.is_multiple_of(4) {
            row.started_at = None;
        }
    }

    fn deliver(&mut self, a: u32) {
        let row = self.sim.outbox.remove(a as usize % self.sim.outbox.len());
        if !row.message.is_of_lead() {
            return;
        }
        let reply = |status| Reply {
            status,
            values: vec![
                ("campaign".to_owned(), Value::text(Some(pick(&["won", "lost"], a)))),
                ("project_date".to_owned(), Value::text(Some("soon"))),
            ],
            ..Reply::default()
        };
        let answers = [Delivery::Answered(reply(200)), Delivery::Refused(reply(422)), Delivery::Dead("503".to_owned())];
        let endings = [Delivery::Sent, Delivery::HeldBack("opted_out".to_owned()), Delivery::Dead("550".to_owned())];
        let endings = if row.message.is_request() { answers } else { endings };
        let ending = pick(&endings, (a / 3).saturating_sub(20) % 3);
        self.feed_twice(Event::Delivered {
            effect: row.id,
            run: row.run,
            attempt: row.attempt,
            ending,
            script: None,
            at: None,
            channel: None,
            is_request: row.message.is_request(),
        });
        assert!(!self.sim.state.is_under_way(row.id), "it is known what became of it");
    }

    fn finish(&self) {
        self.sim.check_replay(&self.world);
        self.sim.check_encoding();
    }
}

fn happenings(most: usize) -> impl Strategy<Value = Vec<Happening>> {
    let first = Just((0_u8, 1_u32, 0_u32));
    (first, prop::collection::vec((any::<u8>(), 0..100_000_u32, any::<u32>()), 1..most)).prop_map(|(first, rest)| {
        let mut all = vec![first];
        all.extend(rest);
        all
    })
}

fn settings(cases: u32) -> ProptestConfig {
    // CADENZA_CASES multiplies the number of cases, for a longer run before a release.
    let times = std::env::var("CADENZA_CASES").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases * times) }
}

proptest! {
    #![proptest_config(settings(300))]

    #[test]
    fn the_inbound_workflow_holds(happenings in happenings(80), mood in 0..3_u8) {
        let answers = [hot, moody, pooled][usize::from(mood)];
        let mut walk = Walk::new(w::world(vec![w::inbound(), w::handoff()], answers));
        happenings.into_iter().for_each(|happening| walk.happen(happening));
        walk.finish();
    }

    #[test]
    fn any_workflow_holds(
        wild in prop::collection::vec(any::<(u8, u8, u8)>(), 1..9),
        tame in prop::collection::vec(any::<(u8, u8, u8)>(), 1..5),
        happenings in happenings(50),
        mood in 0..3_u8,
    ) {
        let answers = [hot, moody, pooled][usize::from(mood)];
        let workflows = vec![any_workflow("wild", wild), any_workflow("tame", tame), w::handoff()];
        let mut walk = Walk::new(w::world(workflows, answers));
        happenings.into_iter().for_each(|happening| walk.happen(happening));
        walk.finish();
    }
}

/// An event as it may come beside another one.
fn beside(walk: &Walk, (what, a): (u8, u32)) -> Event {
    let tasks: Vec<TaskId> = walk.sim.state.tasks.iter().map(|task| task.id).collect();
    match what % 5 {
        0 | 1 => Event::Reported(report(w::standard(pick(StandardEvent::ALL, a)), a, walk.now)),
        2 => Event::Reported(report(w::custom(pick(&["ping", "again"], a)), a, walk.now)),
        3 if !tasks.is_empty() => outcome(pick(&tasks, a), a, walk.now),
        _ => command(a, &walk.sim.state, walk.now),
    }
}

proptest! {
    #![proptest_config(settings(300))]

    #[test]
    fn two_events_in_one_commit_come_to_what_they_come_to_in_two(
        wild in prop::collection::vec(any::<(u8, u8, u8)>(), 1..9),
        happenings in happenings(30),
        two in (any::<(u8, u32)>(), any::<(u8, u32)>()),
        mood in 0..3_u8,
    ) {
        let answers = [hot, moody, pooled][usize::from(mood)];
        let workflows = vec![any_workflow("wild", wild), w::inbound(), w::handoff()];
        let mut walk = Walk::new(w::world(workflows, answers));
        happenings.into_iter().for_each(|happening| walk.happen(happening));
        let (first, second) = (beside(&walk, two.0), beside(&walk, two.1));
        let come = |events, one_commit| walk.sim.two(&walk.world, &walk.shared, walk.now, events, one_commit);
        for events in [[&first, &second], [&second, &first]] {
            let (together, apart) = (come(events, true), come(events, false));
            prop_assert_eq!(together, apart, "{:?}", events);
        }
    }
}

#[test]
fn a_run_whose_definition_is_gone_is_parked_and_not_asked_again() {
    let mut walk = Walk::new(w::world(vec![w::inbound(), w::handoff()], pooled));
    walk.happen((0, 1, 0));
    walk.world.definitions = cadenza_core::workspace::Definitions::default();
    walk.now = walk.now.plus_ms(DAY_MS);
    walk.timer(0);
    assert!(matches!(walk.sim.state.runs[0].state, RunState::Parked { .. }), "{:?}", walk.sim.state.runs);
    assert_eq!(walk.sim.state.next_due(), None, "a parked run has no timer");
}

#[test]
fn a_lead_that_used_up_its_numbers_gets_no_number_twice() {
    let mut walk = Walk::new(w::world(vec![w::inbound(), w::handoff()], hot));
    walk.sim.state.born = cadenza_core::id::BORN_MAX - 1;
    walk.happen((0, 1, 0));
    assert!(matches!(walk.sim.state.runs[0].state, RunState::Parked { .. }), "{:?}", walk.sim.state.runs);
    walk.happen((15, 1, 0));
    assert_eq!(walk.sim.state.runs.len(), 1, "a spent lead is not enrolled");
}
