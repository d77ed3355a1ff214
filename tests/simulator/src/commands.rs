//! What steps are to the engine. Each is a request of its handle; it is asked beside everything else, and its answer is heard
//! when it comes.

use crate::faults::Name;
use crate::life::Lives;
use crate::record::{Act, Fate, Told};
use crate::steps::{Braked, Brings, Naming, Origin, PEOPLE, Said, Stands, Step, ToLead, ToTask, origin};
use crate::world::{CONNECTIONS, OWN_RESULTS, OWN_STAGES, PASSING_RESULT, PLUGINS, REPS, WORKFLOWS};
use cadenza_core::event::{
    Event, EventType, LeadCommand, RESULT_OWN, Report, StandardEvent, Standing, TaskChange, TaskReport, Wish,
};
use cadenza_core::id::{LeadId, RunId, TaskId, hash64};
use cadenza_core::lead::{Outcome, RepId, TouchResult};
use cadenza_core::time::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};
use cadenza_core::value::Value;
use cadenza_runtime::brakes::Brake;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::engine::{Accepted, Applied, Engine, Exhume, Incoming, Refused};
use cadenza_store::{DeadContent, DeliveryKey, DocumentKey, MARK_DAYS};
use std::sync::Arc;
use tokio::task::{JoinHandle, spawn_local};

/// What was asked of the engine.
pub(crate) enum What {
    /// The event at this place among all that were told.
    Report(usize),
    /// The act at this place.
    Act(usize),
    /// Anything whose answer only says whether it was done.
    Other,
    /// A workspace, with what is in force if it is accepted.
    Apply(Arc<Catalog>),
}

pub(crate) struct Asked {
    pub(crate) what: What,
    pub(crate) answer: JoinHandle<Heard>,
}

pub(crate) enum Heard {
    Reported(Result<Accepted, Refused>),
    Applied(Result<Applied, Refused>),
    Done(Result<(), Refused>),
}

fn rep(which: u8) -> RepId {
    RepId(REPS.get(usize::from(which)).copied().unwrap_or("nobody").to_owned())
}

fn workflow(which: u8) -> String {
    WORKFLOWS.get(usize::from(which)).copied().unwrap_or("unknown").to_owned()
}

fn brake(what: Braked) -> Brake {
    match what {
        Braked::Workflow(which) => Brake::Workflow(workflow(which)),
        Braked::Plugin(which) => Brake::Plugin(PLUGINS[usize::from(which) % PLUGINS.len()].to_owned()),
        Braked::Connection(which) => Brake::Connection(CONNECTIONS[usize::from(which) % CONNECTIONS.len()].to_owned()),
    }
}

/// Everything that a brake may hold.
fn brakes() -> impl Iterator<Item = Brake> {
    let workflows = (0..3).map(Braked::Workflow);
    workflows.chain((0..3).map(Braked::Plugin)).chain((0..2).map(Braked::Connection)).map(brake)
}

fn text(text: String) -> Value {
    Value::Text(text)
}

fn field(name: &str, value: Value) -> (String, Value) {
    (name.to_owned(), value)
}

fn named(by: Naming, person: u8) -> Option<(String, Value)> {
    let next = (u32::from(person) + 1) % PEOPLE;
    Some(match by {
        Naming::Email => field("email", text(format!("p{person}@acme{}.example", person % 3))),
        Naming::Phone => field("phone", text(format!("+1212555{:04}", 100 + u32::from(person)))),
        Naming::ExternalId => field("external_id", text(format!("x{person}"))),
        Naming::SharedEmail => field("email", text(format!("family{}@home.example", person / 2))),
        Naming::NextEmail => field("email", text(format!("p{next}@acme{}.example", next % 3))),
        Naming::OurId => return None,
    })
}

fn report(said: &Said, now: Timestamp, number: usize) -> Report {
    let mut fields: Vec<(String, Value)> = said.by.iter().filter_map(|by| named(*by, said.person)).collect();
    let mut data = vec![field("n", Value::Int(number as i64))];
    let mut at = now;
    for brings in &said.brings {
        match *brings {
            Brings::HoursAgo(hours) => at = now.plus_ms(-HOUR_MS * i64::from(hours)),
            Brings::FirstName => fields.push(field("first_name", text(format!("P{}", said.person)))),
            Brings::Company(which) => fields.push(field("company", text(format!("Company {which}")))),
            Brings::Country(which) => {
                let countries = ["US", "DE", "FR", "GB"];
                fields.push(field("country", text(countries[usize::from(which) % 4].to_owned())));
            }
            Brings::Timezone(which) => {
                let zones = ["America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo", "Nowhere/At"];
                fields.push(field("timezone", text(zones[usize::from(which) % 4].to_owned())));
            }
            Brings::ProjectDate(days) => {
                fields.push(field("project_date", Value::Time(now.plus_ms(DAY_MS * i64::from(days)))));
            }
            Brings::NoProjectDate => fields.push(field("project_date", Value::Blank)),
            Brings::Outcome(which) => {
                let outcome = Outcome::ALL[usize::from(which) % Outcome::ALL.len()];
                data.push(field("outcome", text(outcome.as_str().to_owned())));
            }
            Brings::Result(which) => {
                let result = TouchResult::ALL[usize::from(which) % (TouchResult::ALL.len() - 1)];
                data.push(field("result", text(result.as_str().to_owned())));
                let own = own_result(result).filter(|_| number.is_multiple_of(2));
                data.extend(own.map(|own| field(RESULT_OWN, text(own.to_owned()))));
            }
        }
    }
    let standing = said.stands.map(|stands| match stands {
        Stands::OptedOut => Standing { opted_out: Some(true), ..Standing::default() },
        Stands::Refuses(channel) => Standing { refused: vec![channel], ..Standing::default() },
        Stands::At(stage) => {
            let own = OWN_STAGES.iter().find(|(_, means)| *means == stage && number.is_multiple_of(2));
            let stage_own = own.map(|(own, _)| (*own).to_owned());
            Standing { stage: Some(stage), stage_own, ..Standing::default() }
        }
        Stands::Owned(which) => Standing { owner: Some(rep(which)), ..Standing::default() },
    });
    let mut once = std::collections::BTreeSet::new();
    fields.retain(|(name, _)| once.insert(name.clone()));
    Report {
        kind: said.kind.clone(),
        at,
        source: "sim".to_owned(),
        fields,
        data: data.into_iter().collect(),
        enrolls: said.enrolls,
        only_finds: false,
        left_out: Vec::new(),
        standing,
        also: Vec::new(),
    }
}

fn done<F: Future<Output = Result<(), Refused>> + 'static>(answer: F) -> JoinHandle<Heard> {
    spawn_local(async move { Heard::Done(answer.await) })
}

impl Lives<'_> {
    /// Asks for what a step says. `looks` says that nothing else is under way, so there is time to look at what is there.
    pub(crate) async fn ask(&mut self, engine: &Engine, step: &Step, looks: bool, asked: &mut Vec<Asked>) {
        let number = self.given;
        self.given += 1;
        let other = |answer| Asked { what: What::Other, answer };
        let handle = engine.clone();
        match step {
            Step::Report(said) => {
                let told = self.tell(engine, said);
                self.record.lock().told.push(told);
                let ix = self.record.lock().told.len() - 1;
                asked.push(self.begin_report(engine, ix));
            }
            Step::Again(place) => {
                let count = self.record.lock().told.len();
                if count > 0 {
                    let ix = usize::from(*place) % count;
                    if self.is_remembered(engine, ix) {
                        asked.push(self.begin_report(engine, ix));
                    }
                }
            }
            Step::Lead(place, what) => {
                if let Some(lead) = self.lead(*place) {
                    let event = self.to_lead(engine, lead, *what).await;
                    asked.push(self.act(engine, lead, event, number));
                }
            }
            Step::Task(place, what) => {
                if looks && let Ok(queue) = engine.queue(None, None, 60).await {
                    self.tasks = queue.iter().map(|key| key.task).collect();
                }
                if !self.tasks.is_empty() {
                    let task = self.tasks[usize::from(*place) % self.tasks.len()];
                    let event = to_task(engine, task, *what);
                    asked.push(self.act(engine, task.lead(), event, number));
                }
            }
            Step::Enroll(place, which) => {
                if let Some(lead) = self.lead(*place) {
                    let event = Event::Enrolled { workflow: workflow(*which), by: "ana".to_owned(), key: None };
                    asked.push(self.act(engine, lead, event, number));
                }
            }
            Step::Brake(what, on) => {
                if *on {
                    self.record.count(Name::Braked);
                }
                let (what, on) = (brake(*what), *on);
                asked.push(other(done(async move { handle.brake(what, on).await })));
            }
            Step::Bury(which) => {
                let delivery = Some(DeliveryKey(u128::from(*which)));
                let content = DeadContent::Incoming {
                    source: "sim".to_owned(),
                    event: which.to_string(),
                    body: "{".to_owned(),
                    raw: None,
                    content_type: None,
                    signed: None,
                    delivery,
                };
                asked.push(other(done(async move { handle.bury("no JSON".to_owned(), content).await.map(drop) })));
            }
            Step::Redrive(place, even_so) => {
                let what = Exhume::Redrive { by: "ana".to_owned(), even_so: *even_so };
                asked.extend(self.exhume(engine, *place, what).await);
            }
            Step::Discard(place) => {
                asked.extend(self.exhume(engine, *place, Exhume::Discard { by: "ana".to_owned() }).await);
            }
            Step::Apply(which) => asked.extend(self.apply(engine, usize::from(*which))),
            Step::Plugins => {
                let catalog = engine.catalog();
                if let Ok(next) = catalog.with_registry(catalog.registry.as_ref().clone())
                    && let Ok(documents) = next.documents()
                {
                    asked.push(other(done(async move { handle.change_plugins(Arc::new(next), documents).await })));
                }
            }
            Step::Document(which) => {
                let document = (DocumentKey::Token(format!("{which:064}")), Some(vec![*which]));
                asked.push(other(done(async move { handle.write_documents(vec![document]).await })));
            }
            Step::Preview(place, what) => {
                if let Some(lead) = self.lead(*place) {
                    let event = self.to_lead(engine, lead, *what).await;
                    asked.push(other(done(async move { handle.preview(lead, event).await.map(drop) })));
                }
            }
            Step::Look => {
                let record = self.record.clone();
                asked.push(other(done(async move {
                    let leads = handle.leads(None, 1_000).await?;
                    leads.iter().for_each(|lead| record.show(lead));
                    if let Some(first) = leads.first() {
                        handle.timeline(first, 0, 100).await?;
                    }
                    handle.outbox(None, 50).await?;
                    handle.counters().await.map(drop)
                })));
            }
            Step::Advance(minutes) => {
                let to = engine.clock().now().plus_ms(MINUTE_MS * i64::from(*minutes));
                asked.push(self.begin_advance(engine, to));
            }
            // A fault is no request: see `life.rs`.
            Step::Fault(_) => {}
        }
    }

    /// A lead that somebody has heard of.
    fn lead(&self, place: u16) -> Option<LeadId> {
        let record = self.record.lock();
        let count = record.leads.len();
        (count > 0).then(|| record.leads[usize::from(place) % count])
    }

    fn tell(&self, engine: &Engine, said: &Said) -> Told {
        let number = self.record.lock().told.len();
        let report = report(said, engine.clock().now(), number);
        let lead = said.by.contains(&Naming::OurId).then(|| self.lead(u16::from(said.person))).flatten();
        let id = format!("sim/{number}");
        let content = hash64(format!("{report:?}").as_bytes());
        let incoming = Incoming { id, content, signed: None, report, lead };
        Told { incoming, came_at: engine.clock().now(), fate: Fate::Unknown }
    }

    fn begin_report(&self, engine: &Engine, ix: usize) -> Asked {
        let (engine, incoming) = (engine.clone(), self.record.lock().told[ix].incoming.clone());
        self.record.lock().from_outside.insert("report");
        let answer = spawn_local(async move { Heard::Reported(engine.report(incoming).await) });
        Asked { what: What::Report(ix), answer }
    }

    /// Sends an event again, and waits for the answer.
    pub(crate) async fn report_again(&mut self, engine: &Engine, ix: usize) {
        let Asked { what, answer } = self.begin_report(engine, ix);
        if let Ok(heard) = answer.await {
            self.hear(what, heard);
        }
    }

    /// Whether the engine still remembers an event. One that comes again later is another event.
    fn is_remembered(&self, engine: &Engine, ix: usize) -> bool {
        let age_ms = engine.clock().now().since_ms(self.record.lock().told[ix].came_at);
        age_ms < DAY_MS * (i64::from(MARK_DAYS) - 2)
    }

    /// Events of which it is not known whether they were taken, and which may be sent again.
    pub(crate) fn fates_unknown(&self, engine: &Engine) -> Vec<usize> {
        let unknown: Vec<usize> = {
            let record = self.record.lock();
            record.told.iter().enumerate().filter(|(_, told)| told.fate == Fate::Unknown).map(|(ix, _)| ix).collect()
        };
        unknown.into_iter().filter(|ix| self.is_remembered(engine, *ix)).collect()
    }

    async fn to_lead(&self, engine: &Engine, lead: LeadId, what: ToLead) -> Event {
        let run = |place: u16, runs: &[RunId]| match runs {
            [] => RunId::born(lead, u64::from(place)),
            runs => runs[usize::from(place) % runs.len()],
        };
        let runs: Vec<RunId> = match what {
            ToLead::CancelRun(_) | ToLead::Unpark(_) => {
                let state = engine.lead(lead).await.ok().flatten();
                state.map_or_else(Vec::new, |state| state.runs.iter().map(|run| run.id).collect())
            }
            _ => Vec::new(),
        };
        let now = engine.clock().now();
        let prefer = |refused, from| LeadCommand::Prefer { refused, from };
        let command = match what {
            ToLead::OptOut => LeadCommand::OptOut { reason: None },
            ToLead::Refuse(channel) => prefer(Some(vec![channel]), None),
            ToLead::RefuseNothing => prefer(Some(Vec::new()), None),
            ToLead::NotBefore(hours) => prefer(None, Some(Wish::Then(now.plus_ms(HOUR_MS * i64::from(hours))))),
            ToLead::AnyTime => prefer(None, Some(Wish::AnyTime)),
            ToLead::Pause => LeadCommand::Pause,
            ToLead::Resume => LeadCommand::Resume,
            ToLead::SetOwner(which) => LeadCommand::SetOwner(rep(which)),
            ToLead::Disqualify => LeadCommand::Disqualify { reason: "too small".to_owned() },
            ToLead::CancelRun(place) => LeadCommand::CancelRun(run(place, &runs)),
            ToLead::Unpark(place) => LeadCommand::Unpark(run(place, &runs)),
            ToLead::Remove(which) => LeadCommand::Remove { workflow: workflow(which) },
        };
        Event::Commanded { command, by: "ana".to_owned() }
    }

    fn act(&self, engine: &Engine, lead: LeadId, event: Event, number: u64) -> Asked {
        let (id, engine, record) = (format!("act/{number}"), engine.clone(), self.record.clone());
        if let Origin::Outside(name) = origin(&event) {
            self.record.lock().from_outside.insert(name);
        }
        let opts_out = opts_out(&event);
        let act = Act { id: id.clone(), lead, fate: Fate::Unknown, noted: false };
        let mut locked = self.record.lock();
        locked.acts.push(act);
        let ix = locked.acts.len() - 1;
        drop(locked);
        let answer = spawn_local(async move {
            let applied = engine.apply_to(lead, id, event).await;
            if let Ok(applied) = &applied
                && opts_out
                && applied.ignored().is_none()
            {
                record.lock().opted_out.insert(lead);
            }
            Heard::Applied(applied)
        });
        Asked { what: What::Act(ix), answer }
    }

    async fn exhume(&self, engine: &Engine, place: u16, what: Exhume) -> Option<Asked> {
        let letters = engine.dead_letters(None, 200).await.ok()?;
        if letters.is_empty() {
            return None;
        }
        let (id, handle) = (letters[usize::from(place) % letters.len()].id, engine.clone());
        Some(Asked { what: What::Other, answer: done(async move { handle.exhume(id, what).await }) })
    }

    fn apply(&self, engine: &Engine, which: usize) -> Option<Asked> {
        let before = engine.catalog();
        let catalog = Catalog::read(&self.folder(which), before.basis(engine.clock().now()));
        let catalog = match catalog {
            Ok(catalog) => Arc::new(catalog),
            Err(error) => {
                self.record.wrong(format!("workspace {which} cannot be applied: {error}"));
                return None;
            }
        };
        let documents = catalog.documents().ok()?;
        let (handle, given) = (engine.clone(), Arc::clone(&catalog));
        let answer = done(async move { handle.activate(given, documents).await });
        Some(Asked { what: What::Apply(catalog), answer })
    }

    /// Gives a process that may have been taken over something to write.
    pub(crate) fn keep_busy(&mut self, engine: &Engine, asked: &mut Vec<Asked>) {
        let number = self.record.lock().told.len();
        let said = Said {
            kind: EventType::Standard(StandardEvent::LeadCreated),
            person: (number as u32 % PEOPLE) as u8,
            by: vec![Naming::Email],
            brings: vec![Brings::FirstName],
            stands: None,
            enrolls: true,
        };
        let told = self.tell(engine, &said);
        self.record.lock().told.push(told);
        asked.push(self.begin_report(engine, number));
        asked.push(self.begin_advance(engine, engine.clock().now().plus_ms(DAY_MS)));
    }

    pub(crate) fn begin_advance(&self, engine: &Engine, to: Timestamp) -> Asked {
        let handle = engine.clone();
        Asked { what: What::Other, answer: done(async move { handle.advance(to).await.map(drop) }) }
    }

    /// Releases whatever is held: brakes, paused leads, parked runs.
    pub(crate) async fn release_everything(&mut self, engine: &Engine) {
        for ix in self.fates_unknown(engine) {
            self.report_again(engine, ix).await;
        }
        for what in brakes() {
            if let Err(error) = engine.brake(what.clone(), false).await {
                self.record.wrong(format!("{what:?} cannot be released: {error}"));
            }
        }
        let leads = engine.leads(None, 1_000).await.unwrap_or_default();
        for state in leads {
            let event = Event::Commanded { command: LeadCommand::Resume, by: "ana".to_owned() };
            self.given += 1;
            let Asked { what, answer } = self.act(engine, state.lead.id, event, self.given);
            if let Ok(heard) = answer.await {
                self.hear(what, heard);
            }
        }
    }

    /// Takes in an answer.
    pub(crate) fn hear(&mut self, what: What, heard: Heard) {
        match (what, heard) {
            (What::Report(ix), Heard::Reported(answer)) => self.hear_of_report(ix, answer),
            (What::Act(ix), Heard::Applied(answer)) => self.hear_of_act(ix, answer),
            (What::Apply(catalog), Heard::Done(Ok(()))) => {
                self.record.count(Name::WorkspaceChanged);
                self.note_in_force(&catalog);
            }
            // The workspace may be in force all the same; what is written under it shows that.
            (What::Apply(catalog), Heard::Done(Err(_))) => {
                self.in_force.insert(catalog.live.digest);
            }
            (What::Other, Heard::Done(Err(error))) => self.hear_refusal(&error),
            _ => {}
        }
    }

    fn hear_refusal(&self, error: &Refused) {
        if matches!(error, Refused::Busy) {
            self.record.count(Name::Busy);
        }
        self.record.say(|| match error {
            // How much is free on the machine is not part of the story.
            Refused::NoSpace { .. } => "  refused: there is no room".to_owned(),
            error => format!("  refused: {error}"),
        });
    }

    fn hear_of_report(&self, ix: usize, answer: Result<Accepted, Refused>) {
        match answer {
            Ok(accepted) => {
                let mut record = self.record.lock();
                let told = &mut record.told[ix];
                let (before, id) = (told.fate, told.incoming.id.clone());
                told.fate = Fate::Taken(accepted.lead);
                if told.incoming.report.opts_out() {
                    let address = told.incoming.report.field_text("email").map(str::to_owned);
                    record.addresses.extend(address);
                    record.opted_out.insert(accepted.lead);
                }
                record.meet(accepted.lead);
                drop(record);
                if let Fate::Taken(before) = before
                    && before != accepted.lead
                {
                    self.record.wrong(format!("{id} was acknowledged for {before}, and now for {}", accepted.lead));
                }
                let again = if accepted.duplicate { ", which it knows" } else { "" };
                self.record.say(|| format!("  {id} comes to {}{again}", accepted.lead));
            }
            Err(Refused::Conflict { .. } | Refused::NoIdentity(_)) => {
                self.record.lock().told[ix].fate = Fate::Refused;
            }
            Err(Refused::NotFound { .. }) => self.record.lock().told[ix].fate = Fate::Refused,
            Err(error) => self.hear_refusal(&error),
        }
    }

    fn hear_of_act(&self, ix: usize, answer: Result<Applied, Refused>) {
        match answer {
            Ok(applied) => {
                {
                    let mut record = self.record.lock();
                    let act = &mut record.acts[ix];
                    act.fate = Fate::Taken(act.lead);
                    act.noted = applied.state.latest.as_ref().is_some_and(|latest| latest.skeleton.event == act.id);
                }
                self.record.show(&applied.state);
            }
            Err(Refused::NotFound { .. } | Refused::Busy | Refused::Damaged(_)) => {
                self.record.lock().acts[ix].fate = Fate::Refused;
            }
            Err(error) => self.hear_refusal(&error),
        }
    }
}

/// The team's own word for a result, if it has one.
fn own_result(result: TouchResult) -> Option<&'static str> {
    let mut words = OWN_RESULTS.into_iter().chain([PASSING_RESULT]);
    words.find(|(_, means)| *means == result).map(|(own, _)| own)
}

/// Whether the event asks for no more contact.
fn opts_out(event: &Event) -> bool {
    match event {
        Event::Commanded { command: LeadCommand::OptOut { .. }, .. } => true,
        Event::TaskDone(report) => report.result == Some(TouchResult::OptedOut),
        _ => false,
    }
}

fn to_task(engine: &Engine, task: TaskId, what: ToTask) -> Event {
    let (now, by) = (engine.clock().now(), "ana".to_owned());
    let moved = |change| Event::TaskMoved { task, change, by: "ana".to_owned() };
    match what {
        ToTask::Claim(which) => moved(TaskChange::Claimed(rep(which))),
        ToTask::Reassign(which) => moved(TaskChange::Reassigned(rep(which))),
        ToTask::Snooze(minutes) => moved(TaskChange::Snoozed(now.plus_ms(MINUTE_MS * i64::from(minutes)))),
        ToTask::Done(outcome, result, hours) => {
            let callback_at = (result == Some(TouchResult::Callback)).then(|| now.plus_ms(HOUR_MS * i64::from(hours)));
            Event::TaskDone(TaskReport {
                task,
                outcome,
                result,
                result_own: result.and_then(own_result).filter(|_| hours.is_multiple_of(2)).map(str::to_owned),
                notes: None,
                fields: Vec::new(),
                callback_at,
                by,
            })
        }
    }
}
