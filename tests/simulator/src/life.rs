//! One life of the engine: it starts, things happen, and it dies or comes to its end.

use crate::post::Post;
use crate::world::{BEGIN, Fate, Told, World, library};
use cadenza_core::event::{Event, EventType, LeadCommand, Report, StandardEvent, Standing, TaskReport};
use cadenza_core::id::hash64;
use cadenza_core::lead::{Outcome, TouchResult};
use cadenza_core::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use cadenza_core::value::Value;
use cadenza_runtime::brakes::Brake;
use cadenza_runtime::clock::ClockKind;
use cadenza_runtime::courier::Courier;
use cadenza_runtime::engine::{Accepted, Engine, Incoming, Refused};
use cadenza_runtime::start::{Running, StartOptions, start};
use cadenza_runtime::{DriverOptions, Threads};
use cadenza_store::{Fault, MARK_DAYS, MemoryStore};
use std::sync::Arc;
use tokio::task::spawn_local;

/// How many people there are.
const PEOPLE: u32 = 12;

impl World {
    pub(crate) async fn lead_life(&mut self, last: bool) -> anyhow::Result<()> {
        let store = Arc::new(MemoryStore::in_turns(&self.disk)?);
        let options = StartOptions {
            workspace: self.folders.join("workspace"),
            data: self.folders.join("data"),
            clock: ClockKind::Virtual,
            clock_from: Some(|_, _| BEGIN),
            driver: DriverOptions::default(),
            threads: Threads::Callers,
            library: Some(library()?),
        };
        let courier: Arc<dyn Courier> = Arc::<Post>::clone(&self.post) as Arc<dyn Courier>;
        let Running { engine, .. } = start(options, store, courier).await?;
        self.say(format!("life {} begins at {}", self.lives, engine.clock().now()));
        if last {
            self.come_to_an_end(&engine).await;
            engine.stop().await;
            return Ok(());
        }
        let steps = self.random.usize(5..60).min(self.steps);
        for _ in 0..steps {
            self.steps -= 1;
            self.step(&engine).await;
        }
        if self.random.u8(0..4) == 0 {
            engine.stop().await;
            self.say("it is stopped".to_owned());
        } else {
            self.die(&engine).await;
        }
        Ok(())
    }

    async fn step(&mut self, engine: &Engine) {
        match self.random.u8(0..100) {
            0..30 => {
                let told = self.new_event(engine);
                self.send(engine, told).await;
            }
            30..38 => self.send_again(engine).await,
            38..55 => self.report_a_call(engine).await,
            55..62 => {
                let fault = if self.random.bool() { Fault::NotKept } else { Fault::Kept };
                let fault = self.fails.unwrap_or(fault);
                self.say(
                    if fault == Fault::Kept { "a commit is half known" } else { "a commit is not kept" }.to_owned(),
                );
                self.disk.fail_next(Some(fault));
            }
            62..68 => self.brake(engine).await,
            68..72 => self.pause_somebody(engine).await,
            _ => self.advance(engine).await,
        }
    }

    fn new_event(&mut self, engine: &Engine) -> Told {
        let who = self.random.u32(0..PEOPLE);
        let text = |text: String| Value::Text(text);
        let mut fields = vec![("email".to_owned(), text(format!("p{who}@acme{}.example", who % 3)))];
        let mut standing = None;
        let kind = match self.random.u8(0..10) {
            0..5 => {
                fields.push(("first_name".to_owned(), text(format!("P{who}"))));
                EventType::Standard(StandardEvent::LeadCreated)
            }
            5..8 => EventType::Custom("tick".to_owned()),
            8 => EventType::Standard(StandardEvent::EmailReplied),
            _ => {
                standing = Some(Standing { opted_out: Some(self.random.u8(0..3) == 0), ..Standing::default() });
                EventType::Standard(StandardEvent::LeadUpdated)
            }
        };
        let id = format!("sim/{}", self.told.len());
        let report = Report {
            kind,
            at: engine.clock().now(),
            source: "sim".to_owned(),
            fields,
            data: [("n".to_owned(), Value::Int(self.told.len() as i64))].into(),
            enrolls: true,
            only_finds: false,
            left_out: Vec::new(),
            standing,
            also: Vec::new(),
        };
        let incoming = Incoming { content: hash64(id.as_bytes()), id, signed: None, report, lead: None };
        Told { incoming, fate: Fate::Unknown }
    }

    async fn send(&mut self, engine: &Engine, told: Told) {
        self.told.push(told);
        self.report(engine, self.told.len() - 1).await;
    }

    async fn report(&mut self, engine: &Engine, ix: usize) {
        let result = engine.report(self.told[ix].incoming.clone()).await;
        self.told[ix].fate = self.heard(&self.told[ix], &result);
    }

    /// What its sender hears of an event; an acknowledged opt-out holds from here on.
    fn heard(&self, told: &Told, result: &Result<Accepted, Refused>) -> Fate {
        let id = &told.incoming.id;
        match result {
            Ok(accepted) => {
                if let Fate::Taken(before) = told.fate
                    && before != accepted.lead
                {
                    self.wrong(format!("{id} was acknowledged for {before}, and now for {}", accepted.lead));
                }
                if told.incoming.report.opts_out() {
                    self.post.seen().opted_out.insert(accepted.lead);
                }
                let again = if accepted.duplicate { ", which it knows" } else { "" };
                self.say(format!("{id} {} comes to {}{again}", told.incoming.report.kind, accepted.lead));
                Fate::Taken(accepted.lead)
            }
            Err(Refused::Conflict { .. } | Refused::NoIdentity(_)) => {
                self.say(format!("{id} is not taken"));
                Fate::Refused
            }
            Err(error) => {
                self.say(format!("{id} nobody knows: {error}"));
                told.fate
            }
        }
    }

    async fn send_again(&mut self, engine: &Engine) {
        if self.told.is_empty() {
            return;
        }
        let which = self.random.usize(0..self.told.len());
        if !self.is_remembered(engine, which) {
            return;
        }
        self.say(format!("{} is sent again", self.told[which].incoming.id));
        self.report(engine, which).await;
    }

    /// The engine remembers an event for so long; what comes again later is another one.
    fn is_remembered(&self, engine: &Engine, ix: usize) -> bool {
        let age_ms = engine.clock().now().since_ms(self.told[ix].incoming.report.at);
        age_ms < DAY_MS * (i64::from(MARK_DAYS) - 1)
    }

    async fn report_a_call(&mut self, engine: &Engine) {
        let Ok(queue) = engine.queue(None, None, 50).await else { return };
        if queue.is_empty() {
            return;
        }
        let task = queue[self.random.usize(0..queue.len())].task;
        let (outcome, result) = match self.random.u8(0..6) {
            0 => (Outcome::Connected, Some(TouchResult::Qualified)),
            1 => (Outcome::Connected, Some(TouchResult::NotNow)),
            2 => (Outcome::Gatekeeper, Some(TouchResult::OptedOut)),
            3 => (Outcome::Voicemail, None),
            _ => (Outcome::NoAnswer, None),
        };
        let by = "ana".to_owned();
        let report = TaskReport { task, outcome, result, notes: None, fields: Vec::new(), callback_at: None, by };
        let id = format!("task/{}", self.random.u64(..));
        match engine.apply_to(task.lead(), id, Event::TaskDone(report)).await {
            Ok(applied) => {
                if result == Some(TouchResult::OptedOut) && applied.ignored().is_none() {
                    self.post.seen().opted_out.insert(task.lead());
                }
                self.say(format!("the call {task} ends {outcome}"));
            }
            Err(error) => self.say(format!("what came of the call {task} is not taken: {error}")),
        }
    }

    async fn brake(&mut self, engine: &Engine) {
        let what = match self.random.u8(0..2) {
            0 => Brake::Workflow("follow".to_owned()),
            _ => Brake::Connection("mailer".to_owned()),
        };
        let on = self.random.bool();
        let done = engine.brake(what.clone(), on).await;
        self.say(format!("{what:?} is braked: {on}, {}", done.is_ok()));
    }

    async fn pause_somebody(&mut self, engine: &Engine) {
        let Ok(leads) = engine.leads(None, 50).await else { return };
        if leads.is_empty() {
            return;
        }
        let lead = leads[self.random.usize(0..leads.len())].lead.id;
        let command = if self.random.bool() { LeadCommand::Pause } else { LeadCommand::Resume };
        let event = Event::Commanded { command: command.clone(), by: "ana".to_owned() };
        let done = engine.apply_to(lead, format!("pause/{}", self.random.u64(..)), event).await;
        self.say(format!("{lead} {command:?}, {}", done.is_ok()));
    }

    async fn advance(&mut self, engine: &Engine) {
        let by_ms = if self.random.bool() { MINUTE_MS } else { HOUR_MS } * self.random.i64(1..30);
        let now = engine.advance(engine.clock().now().plus_ms(by_ms)).await;
        self.say(format!("it is {}", now.map_or_else(|error| error.to_string(), |now| now.to_string())));
    }

    /// The process dies while some things are under way: nobody knows what became of them.
    async fn die(&mut self, engine: &Engine) {
        self.post.seen().dying = true;
        let mut under_way = Vec::new();
        for _ in 0..self.random.usize(0..6) {
            let told = self.new_event(engine);
            let (engine, incoming) = (engine.clone(), told.incoming.clone());
            self.told.push(told);
            under_way.push((self.told.len() - 1, spawn_local(async move { engine.report(incoming).await })));
        }
        if self.random.bool() {
            let (engine, to) = (engine.clone(), engine.clock().now().plus_ms(HOUR_MS * self.random.i64(1..20)));
            spawn_local(async move { engine.advance(to).await });
        }
        for _ in 0..self.random.usize(0..40) {
            tokio::task::yield_now().await;
        }
        for (ix, task) in under_way {
            // Some were acknowledged before the end.
            if task.is_finished()
                && let Ok(result) = task.await
            {
                self.told[ix].fate = self.heard(&self.told[ix], &result);
            }
        }
        self.say(format!("it dies at {}", engine.clock().now()));
    }

    /// Nothing fails any more: what nobody knows the fate of is sent again, brakes are let go, and time goes on.
    async fn come_to_an_end(&mut self, engine: &Engine) {
        for ix in 0..self.told.len() {
            if self.told[ix].fate == Fate::Unknown && self.is_remembered(engine, ix) {
                self.report(engine, ix).await;
            }
        }
        for what in [Brake::Workflow("follow".to_owned()), Brake::Connection("mailer".to_owned())] {
            let _ = engine.brake(what, false).await;
        }
        for state in engine.leads(None, 100).await.unwrap_or_default() {
            let event = Event::Commanded { command: LeadCommand::Resume, by: "ana".to_owned() };
            let _ = engine.apply_to(state.lead.id, format!("resume/{}", state.lead.id), event).await;
        }
        let _ = engine.advance(engine.clock().now().plus_ms(30 * 24 * HOUR_MS)).await;
        self.check(engine).await;
    }
}
