//! The driver by hand, without its loop: what happens when things fall into one batch, or are under way for long.

use super::*;
use crate::brakes::Brake;
use crate::engine::{Accepted, Applied, Incoming};
use crate::fixture;
use cadenza_core::event::{EventType, LeadCommand, Report, StandardEvent};
use cadenza_core::run::RunState;
use cadenza_core::value::Value;
use cadenza_language::Folder;
use cadenza_store::{Batch, BatchId, Mark, MemoryStore};
use std::path::Path;

const SETTINGS: &str = "name: fixture\ntimezone: America/New_York\ncontact: { email_via: mailer }\n\
                        plugins: { inbound-fit: { fuel: 50000000 } }\n";
const CONNECTIONS: &str = "connections: { mailer: { url: \"http://127.0.0.1:9/\" } }\n";
const SCRIPT: &str = "---\nobjective: Say hello\nreviewed_by: Ana\nsubject: Hello\n---\nHello.\n";
const MAILS: &str = "workflow: mails\nsummary: One mail.\nenroll: [{ when: lead.created }]\nsteps:\n  - id: mail\n    \
                     email: scripts/hello.md\n  - id: pause\n    wait: 30d\n  - end: over\n";
const SCORES: &str = "workflow: scores\nsummary: One score, on the pool.\nenroll: [{ when: lead.created }]\nsteps:\n  \
                      - id: score\n    score: inbound-fit\n    on_failure: { segment: cold }\n  - end: over\n";

pub(super) struct Rig {
    pub(super) driver: Driver,
    pub(super) clock: Clock,
    meters: Arc<Meters>,
}

impl Rig {
    pub(super) async fn new(workflow: &str) -> Self {
        Self::on(MemoryStore::new(), workflow).await
    }

    /// A driver over a store that has something in it already.
    pub(super) async fn on(store: MemoryStore, workflow: &str) -> Self {
        let files = [
            ("cadenza.yaml", SETTINGS),
            ("team.yaml", "reps: { ana: { name: Ana } }\n"),
            ("connections.yaml", CONNECTIONS),
            ("scripts/hello.md", SCRIPT),
            ("flow.yaml", workflow),
        ];
        let folder = Folder::new(files.map(|(name, text)| (name.to_owned(), text.to_owned()))).unwrap();
        let catalog = Catalog::of(folder, Path::new("."), fixture::basis(), Default::default());
        let catalog = Arc::new(catalog.unwrap_or_else(|error| panic!("{:#}", crate::catalog::explain(error))));
        let (clock, meters) = (Clock::new(ClockKind::Virtual, Some(fixture::NOW)), Arc::new(Meters::default()));
        let (results_to, results) = mpsc::unbounded_channel();
        let parts = Parts {
            store: Arc::new(store),
            clock: clock.clone(),
            catalog: Arc::clone(&catalog),
            decider: Decider::new(
                &catalog,
                Arc::clone(&meters),
                &Arc::new(cadenza_builds::health::Health::new(crate::clock::Clock::real)),
                crate::threads::Threads::Own,
            )
            .unwrap(),
            courier: Arc::new(fixture::Silent),
            meters: Arc::clone(&meters),
            free_bytes: Box::new(|| u64::MAX),
            rendering: Rendering::nowhere(),
            options: DriverOptions::default(),
        };
        let ends = Ends {
            commands: mpsc::channel(1).1,
            stop: mpsc::channel(1).1,
            results,
            results_to,
            progress: watch::channel(Progress::default()).0,
            catalog: watch::channel(catalog).0,
        };
        Self { driver: Driver::new(parts, ends).await.unwrap(), clock, meters }
    }

    /// A lead comes, in the open batch.
    async fn lead(&mut self, n: u32) -> oneshot::Receiver<Result<Accepted, Refused>> {
        let (reply, answer) = oneshot::channel();
        let report = Report {
            kind: EventType::Standard(StandardEvent::LeadCreated),
            at: self.clock.now(),
            source: "web".to_owned(),
            fields: vec![("email".to_owned(), Value::Text(format!("ada{n}@acme.example")))],
            data: [].into(),
            enrolls: true,
            only_finds: false,
            left_out: Vec::new(),
            standing: None,
            also: Vec::new(),
        };
        let incoming = Incoming { id: format!("web/{n}"), content: 1, signed: None, report, lead: None };
        self.driver.take(Command::Report(incoming, reply)).await.unwrap();
        answer
    }

    /// A lead that came and is durable.
    async fn durable_lead(&mut self, n: u32) -> LeadId {
        let answer = self.lead(n).await;
        self.settle().await;
        answer.await.unwrap().unwrap().lead
    }

    pub(super) async fn command(
        &mut self,
        lead: LeadId,
        command: LeadCommand,
    ) -> oneshot::Receiver<Result<Applied, Refused>> {
        let (reply, answer) = oneshot::channel();
        let event = Event::Commanded { command, by: "ops".to_owned() };
        self.driver.take(Command::Lead { lead, id: "ev".to_owned(), event, reply }).await.unwrap();
        answer
    }

    /// Everything computed so far becomes durable; nothing that is due is done.
    pub(super) async fn settle(&mut self) {
        while !self.driver.is_quiet() {
            if self.driver.flushing.is_none() {
                self.driver.hand_over();
            }
            let (_, flush) = self.driver.flushing.as_mut().expect("it was handed over");
            let result = flush.await;
            self.driver.settle(result).unwrap();
        }
    }

    /// Begins what is due to be sent; how many attempts the open batch has now.
    async fn begin_sendings(&mut self) -> usize {
        self.driver.begin_sendings(self.clock.now()).await.unwrap();
        self.attempts()
    }

    fn attempts(&self) -> usize {
        self.driver.open.after.iter().filter(|after| matches!(after, After::Send(..))).count()
    }

    fn questions(&self) -> usize {
        self.driver.open.after.iter().filter(|after| matches!(after, After::Ask(_))).count()
    }

    /// Takes every place that one plugin may have in the pool; by whom.
    fn fill_the_pool(&mut self) -> Vec<(LeadId, String)> {
        let mut taken = Vec::new();
        for n in 0.. {
            let lead = LeadId::new(fixture::NOW, n);
            let question = pool::tests::put(n, "inbound-fit", false);
            let question = cadenza_core::effect::Question { run: cadenza_core::id::RunId::born(lead, 1), ..question };
            if self.driver.pool.take(&question, 0) != pool::Place::Free {
                break;
            }
            taken.push((lead, question.plugin));
        }
        taken
    }

    async fn rows(&self) -> Vec<cadenza_core::effect::Outgoing> {
        self.driver.parts.store.outbox(None, Timestamp::MAX, 100).await.unwrap()
    }
}

#[tokio::test]
async fn an_opt_out_takes_back_the_mail_that_was_begun_in_its_batch() {
    let mut rig = Rig::new(MAILS).await;
    let lead = rig.durable_lead(1).await;
    assert_eq!(rig.begin_sendings().await, 1, "the mail is about to leave");
    let answer = rig.command(lead, LeadCommand::OptOut { reason: None }).await;
    rig.driver.hand_over();
    let (handed_over, _) = rig.driver.flushing.as_ref().expect("a batch is under way");
    let leaves = handed_over.after.iter().any(|after| matches!(after, After::Send(..)));
    assert!(!leaves, "a mail would leave after its opt-out was acknowledged");
    rig.settle().await;
    answer.await.unwrap().expect("the opt-out is acknowledged");
    assert_eq!(rig.begin_sendings().await, 0, "it does not leave later either");
    rig.settle().await;
    assert_eq!(rig.rows().await, [], "the gate said never");
    assert!(rig.driver.sending.is_empty());
}

/// What a sender says of the lead of the address `ada{n}@acme.example`.
fn said(n: u32, kind: StandardEvent, fields: &[(&str, &str)], id: LeadId) -> Incoming {
    let fields = fields.iter().map(|(name, text)| ((*name).to_owned(), Value::Text((*text).to_owned())));
    let report = Report {
        kind: EventType::Standard(kind),
        at: fixture::NOW,
        source: "crm".to_owned(),
        fields: fields.collect(),
        data: [].into(),
        enrolls: true,
        only_finds: false,
        left_out: Vec::new(),
        standing: None,
        also: Vec::new(),
    };
    Incoming { id: format!("crm/{kind:?}/{n}"), content: 1, signed: None, report, lead: Some(id) }
}

#[tokio::test]
async fn a_run_that_ends_takes_back_the_mail_that_was_begun_in_its_batch() {
    let mut rig = Rig::new(MAILS).await;
    let lead = rig.durable_lead(1).await;
    assert_eq!(rig.begin_sendings().await, 1, "the mail is about to leave");
    drop(rig.command(lead, LeadCommand::Remove { workflow: "mails".to_owned() }).await);
    rig.driver.take_back_sendings();
    assert_eq!(rig.attempts(), 0, "a mail would leave for a run that was ended in the same batch");
    rig.settle().await;
    assert_eq!(rig.begin_sendings().await, 0);
    rig.settle().await;
    assert_eq!(rig.rows().await, [], "the run has moved on");
}

/// A mail that was written, and could not be sent, while the lead gets another address or the old one is bound.
#[tokio::test]
async fn a_mail_that_is_sent_again_goes_to_no_address_that_is_bound_or_gone() {
    use StandardEvent::{EmailBounced, LeadUpdated};
    let new = [("email", "new@acme.example")].as_slice();
    let old = [("email", "ada1@acme.example")].as_slice();
    for (what, may_have_left, after, leaves_to) in [
        ("nothing came between", false, vec![], Some("ada1@acme.example")),
        ("another address", false, vec![(LeadUpdated, new)], Some("new@acme.example")),
        ("and the old one is dead", false, vec![(LeadUpdated, new), (EmailBounced, old)], Some("new@acme.example")),
        ("the old one is dead", false, vec![(EmailBounced, old)], None),
        ("an attempt may have left", true, vec![(LeadUpdated, new)], Some("ada1@acme.example")),
        ("that, and its address is dead", true, vec![(LeadUpdated, new), (EmailBounced, old)], None),
    ] {
        let mut rig = Rig::new(MAILS).await;
        let lead = rig.durable_lead(1).await;
        assert_eq!(rig.begin_sendings().await, 1);
        let begun = |after: &After| if let After::Send(row, ..) = after { Some((**row).clone()) } else { None };
        let row = rig.driver.open.after.iter().find_map(begun).expect("it was begun");
        rig.settle().await;
        if may_have_left {
            // As after a crash: nobody knows what became of it.
            rig.driver.sending.forget_places();
            rig.driver.sending.end(row.id);
        } else {
            let error = crate::courier::SendError { cause: "503".to_owned(), retry: true, retry_after_ms: None };
            rig.driver.sent(row, Err(error)).await.unwrap();
        }
        for (n, (kind, fields)) in (0..).zip(after) {
            rig.driver.take(Command::Report(said(n, kind, fields, lead), oneshot::channel().0)).await.unwrap();
        }
        rig.settle().await;
        rig.clock.advance_to(rig.clock.now().plus_ms(3_600_000));
        rig.driver.begin_sendings(rig.clock.now()).await.unwrap();
        let to = rig.driver.open.after.iter().find_map(begun).map(|row| match row.message {
            cadenza_core::effect::Message::Email { rendered: Some(mail), .. } => mail.to,
            other => panic!("{what}: {other:?}"),
        });
        assert_eq!(to.as_deref(), leaves_to, "{what}");
    }
}

#[tokio::test]
async fn a_brake_takes_back_the_mail_that_was_begun_in_its_batch_and_gives_it_free_again() {
    let mut rig = Rig::new(MAILS).await;
    rig.durable_lead(1).await;
    for brake in [Brake::Connection("mailer".to_owned()), Brake::Workflow("mails".to_owned())] {
        assert_eq!(rig.begin_sendings().await, 1);
        rig.driver.take(Command::Brake(brake.clone(), true, oneshot::channel().0)).await.unwrap();
        rig.driver.take_back_sendings();
        assert_eq!(rig.attempts(), 0, "{brake:?} lets a mail through");
        rig.settle().await;
        assert_eq!(rig.begin_sendings().await, 0, "{brake:?} holds it");
        rig.settle().await;
        let rows = rig.rows().await;
        assert_eq!((rows.len(), rows[0].due, rows[0].tries), (1, HELD, 0), "it lies behind all others, as if untried");
        rig.driver.take(Command::Brake(brake, false, oneshot::channel().0)).await.unwrap();
        rig.settle().await;
        rig.driver.release_further(rig.clock.now()).await.unwrap();
        rig.settle().await;
    }
    assert_eq!(rig.begin_sendings().await, 1, "released, it leaves");
}

#[tokio::test]
async fn a_connection_has_no_more_than_its_share_of_the_sendings() {
    let mut rig = Rig::new(MAILS).await;
    for n in 0..40 {
        drop(rig.lead(n).await);
    }
    rig.settle().await;
    let share = rig.driver.parts.options.sendings.most;
    assert_eq!(rig.begin_sendings().await, share);
    assert_eq!(rig.begin_sendings().await, share, "the others wait for one of these");
    let first = |after: &After| if let After::Send(row, ..) = after { Some(row.id) } else { None };
    let done = rig.driver.open.after.iter().find_map(first).expect("some are under way");
    rig.driver.sending.end(done);
    assert_eq!(rig.begin_sendings().await, share + 1, "a result makes room for one more");
}

#[tokio::test]
async fn a_decision_under_way_is_not_asked_again() {
    let mut rig = Rig::new(SCORES).await;
    let answer = rig.lead(1).await;
    assert_eq!(rig.questions(), 1, "its fuel is too much for the commit: it goes to the pool");
    // Kept from the pool, as if it were long at it.
    rig.driver.open.after.clear();
    rig.settle().await;
    let lead = answer.await.unwrap().unwrap().lead;
    rig.clock.advance_to(rig.clock.now().plus_ms(60_000));
    rig.driver.fire_timers(rig.clock.now()).await.unwrap();
    assert_eq!(rig.questions(), 0, "its answer is still to come");
    rig.driver.pool.leave(lead, "inbound-fit");
    rig.driver.fire_timers(rig.clock.now()).await.unwrap();
    assert_eq!(rig.questions(), 1, "the answer was lost, with a crash: it is asked again");
}

#[tokio::test]
async fn a_full_pool_puts_decisions_off_and_fails_none() {
    let mut rig = Rig::new(SCORES).await;
    let ours = rig.fill_the_pool();
    let lead = rig.durable_lead(1).await;
    assert_eq!((rig.questions(), rig.meters.decisions_put_off_total.get()), (0, 1));
    let state = rig.driver.parts.store.lead(lead).await.unwrap().expect("it is durable");
    assert!(
        matches!(state.runs[0].state, RunState::Deciding { queued: Some(_), .. }),
        "no failure policy was applied: {:?}",
        state.runs
    );
    let (seq, later) = (state.seq, rig.clock.now().plus_ms(600_000));
    rig.clock.advance_to(later);
    rig.driver.fire_timers(later).await.unwrap();
    rig.driver.ask_who_waits(later).await.unwrap();
    rig.settle().await;
    let state = rig.driver.parts.store.lead(lead).await.unwrap().expect("it is durable");
    assert_eq!((rig.questions(), state.seq), (0, seq), "nothing is asked again, and nothing written, while it is full");
    ours.iter().for_each(|(lead, plugin)| rig.driver.pool.leave(*lead, plugin));
    rig.driver.ask_who_waits(later).await.unwrap();
    assert_eq!(rig.questions(), 1, "asked when there is a place");
    rig.driver.ask_who_waits(later).await.unwrap();
    assert_eq!(rig.questions(), 1, "once");
}

#[tokio::test]
async fn an_event_of_before_an_upgrade_is_a_duplicate() {
    let known = LeadId::new(fixture::NOW, 9);
    for (content, answered) in [(None, Some(known)), (Some(1), Some(known)), (Some(2), None)] {
        let store = MemoryStore::new();
        let mut batch = Batch::new(BatchId(1), store.epoch());
        batch.marks.push(Mark { event: "web/7".to_owned(), day: due::day(fixture::NOW), lead: known, content });
        store.commit(batch).await.unwrap();
        let mut rig = Rig::on(store, MAILS).await;
        let answer = rig.lead(7).await;
        rig.settle().await;
        // Nothing else goes with the reply: it leaves with the next batch, empty or not.
        rig.driver.hand_over();
        rig.settle().await;
        let answer = answer.await.unwrap();
        let lead = answer.as_ref().ok().filter(|accepted| accepted.duplicate).map(|accepted| accepted.lead);
        assert_eq!(lead, answered, "a mark with the content {content:?}: {answer:?}");
    }
}
