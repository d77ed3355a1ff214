//! The reps of the shipped team, simulated. Each works its own queue from the top during its own hours, takes some
//! time for everything, and is sometimes in a meeting while a lead waits. Everything goes through the API, as a
//! rep's own screen would do it.

use super::prospect::{CallAnswer, Prospect};
use super::tally::FirstCall;
use super::world::{Happening, World};
use cadenza_core::id::hash64;
use cadenza_core::lead::{RepId, TouchResult};
use cadenza_core::time::{HOUR_MS, MINUTE_MS, Timestamp};
use cadenza_core::workspace::Rep;
use fastrand::Rng;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Engine seconds between two looks at an empty queue.
const LOOK_EVERY_S: u32 = 40;
/// The step whose calls are the first response (practice C5: half of all buyers buy from whoever contacts them first).
const FIRST_CALL: &str = "first-call";
/// Engine seconds between two looks at calls that nobody owns.
const HAND_OUT_EVERY_S: u32 = 30 * 60;
/// How many calls without an owner are handed out at one look, for each rep who is present.
const HANDED_OUT_EACH: usize = 4;
/// The pool that gets them.
const DESK: &str = "sales-desk";

/// Plays one rep.
pub(super) async fn work(world: Arc<World>, id: RepId, rep: Rep, token: String) {
    let mut player = Player { rng: Rng::with_seed(hash64(id.0.as_bytes())), world, id, rep, token };
    while !player.world.is_over() {
        if let Err(error) = player.turn().await {
            player.world.fail(format!("{}: {error:#}", player.id));
        }
    }
}

struct Player {
    world: Arc<World>,
    id: RepId,
    rep: Rep,
    token: String,
    /// Decides how fast the rep is, and when the rep is called away.
    rng: Rng,
}

/// What a rep needs to know of a task.
struct Job {
    id: String,
    kind: String,
    step: String,
    email: String,
    redial: bool,
    due: Timestamp,
    /// When the task could first have been done.
    offered: Timestamp,
    reminders: u64,
    /// Fields that the report has to answer, with their types.
    asks: Vec<(String, String)>,
}

impl Job {
    fn read(task: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let time = |value: &Value| value.as_str().and_then(Timestamp::parse);
        let created = time(&task["created_at"])?;
        Some(Self {
            id: text(&task["id"])?,
            kind: text(&task["kind"])?,
            step: text(&task["why"]["step"]).unwrap_or_default(),
            email: text(&task["lead"]["email"])?,
            redial: task["redial"] == true,
            due: time(&task["due"])?,
            offered: time(&task["not_before"]).unwrap_or(created).max(created),
            reminders: task["reminders"].as_u64().unwrap_or_default(),
            asks: required(&task["asks"]),
        })
    }

    /// The rep's answers to the questions.
    fn answers(&self) -> Value {
        let answer = |kind: &str| match kind {
            "bool" => json!(true),
            "int" | "number" => json!(40),
            "date" => json!("2026-12-01"),
            "time" => json!("2026-12-01T15:00:00Z"),
            "list" => json!(["speed"]),
            _ => json!("Speed, one list for all, and who signs."),
        };
        self.asks.iter().map(|(field, kind)| (field.clone(), answer(kind))).collect::<Map<_, _>>().into()
    }
}

/// The required questions of a task that have no answer yet.
fn required(asks: &Value) -> Vec<(String, String)> {
    let asks = asks.as_array().into_iter().flatten().filter(|ask| ask["required"] == true && ask["value"].is_null());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    asks.map(|ask| (text(&ask["field"]), text(&ask["type"]))).collect()
}

impl Player {
    async fn turn(&mut self) -> anyhow::Result<()> {
        let now = self.world.now();
        if !self.rep.is_present(now) {
            let opens = self.rep.calendar.next_open(now);
            let opens = if self.rep.is_absent(opens) { now } else { opens };
            // Absent all day, or closed: looks again at opening time, or in an hour.
            self.world.sleep_until(if opens > now { opens } else { now.plus_ms(HOUR_MS) }).await;
            return Ok(());
        }
        match self.next_job().await? {
            Some(job) => self.carry_out(&job).await,
            None => {
                self.world.sleep_s(LOOK_EVERY_S).await;
                Ok(())
            }
        }
    }

    /// The top of the rep's own queue, or else one from a pool, claimed.
    async fn next_job(&self) -> anyhow::Result<Option<Job>> {
        if let Some(job) = self.top(&format!("/v1/tasks?owner={}&limit=1", self.id)).await? {
            return Ok(Some(job));
        }
        let catalog = self.world.engine.catalog();
        let pools = &catalog.workspace.settings.team.pools;
        for (name, _) in pools.iter().filter(|(_, pool)| pool.members.iter().any(|(rep, _)| *rep == self.id)) {
            if let Some(job) = self.top(&format!("/v1/tasks?pool={name}&limit=1")).await? {
                let path = format!("/v1/tasks/{}/claim", job.id);
                let answer = self.world.caller.post(&self.token, &path, &json!({})).await?;
                match answer.status.as_u16() {
                    200 => return Ok(Some(job)),
                    409 => {}
                    _ => anyhow::bail!("claiming {} was refused: {}", job.id, answer.problem()),
                }
            }
        }
        Ok(None)
    }

    async fn top(&self, path: &str) -> anyhow::Result<Option<Job>> {
        let answer = self.world.caller.get(&self.token, path).await?;
        anyhow::ensure!(answer.status.is_success(), "the queue cannot be read: {}", answer.problem());
        Ok(answer.body["items"].get(0).and_then(Job::read))
    }

    async fn carry_out(&mut self, job: &Job) -> anyhow::Result<()> {
        self.world.sleep_s(self.rng.u32(8..45)).await;
        if self.world.is_over() {
            return Ok(());
        }
        match job.kind.as_str() {
            "call" => self.call(job).await?,
            "escalation" => {
                self.world.sleep_s(self.rng.u32(60..180)).await;
                self.report(job, &json!({"notes": "Spoke with the rep, who sees to it."})).await?;
            }
            _ => self.do_task(job).await?,
        }
        self.be_called_away().await;
        Ok(())
    }

    /// Meetings, lunch, a customer at the door: why first calls are sometimes late.
    async fn be_called_away(&mut self) {
        match self.rng.f64() {
            chance if chance < 0.008 => self.world.sleep_s(self.rng.u32(40 * 60..75 * 60)).await,
            chance if chance < 0.04 => self.world.sleep_s(self.rng.u32(8 * 60..25 * 60)).await,
            _ => {}
        }
    }

    async fn call(&mut self, job: &Job) -> anyhow::Result<()> {
        let world = Arc::clone(&self.world);
        let prospect = world.prospects.get(&job.email);
        let prospect = prospect.ok_or_else(|| anyhow::anyhow!("a call to {}, who is no lead", job.email))?;
        let dialled = world.now();
        let dial = self.count_dial(job, dialled);
        let answer = prospect.answers_call(dial, job.redial);
        world.sleep_s(answer.seconds).await;
        if self.report(job, &outcome(&answer, dialled)).await? {
            let mut tally = world.tally();
            tally.reached += usize::from(answer.outcome.reached());
            tally.life(&job.email).reached += u32::from(answer.outcome.reached());
            match answer.result {
                Some(TouchResult::Qualified) => {
                    tally.qualified += 1;
                    tally.life(&job.email).qualified = true;
                }
                Some(TouchResult::OptedOut) => tally.opted_out += 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts a call, and returns how many there were before.
    fn count_dial(&self, job: &Job, dialled: Timestamp) -> u32 {
        let calendar = &self.world.engine.catalog().workspace.settings.calendar;
        let mut tally = self.world.tally();
        tally.dials += 1;
        if job.step == FIRST_CALL {
            let minutes = calendar.open_ms(job.offered, dialled) as f64 / MINUTE_MS as f64;
            tally.first_calls.push(FirstCall { minutes, in_time: dialled <= job.due });
        }
        let life = tally.life(&job.email);
        life.reminded |= job.reminders > 0;
        life.dials += 1;
        life.dials - 1
    }

    async fn do_task(&mut self, job: &Job) -> anyhow::Result<()> {
        let world = Arc::clone(&self.world);
        let prospect = world.prospects.get(&job.email);
        let prospect = prospect.ok_or_else(|| anyhow::anyhow!("a task about {}, who is no lead", job.email))?;
        match job.step.as_str() {
            "host" => {
                world.sleep_s(self.rng.u32(180..420)).await;
                let notes = "Introduced the closer. Their points: speed, one list for all, reports. Next: a meeting.";
                if self.report(job, &json!({"notes": notes, "data": job.answers()})).await? {
                    meet(&world, &job.email, prospect, self.rng.u32(40..240));
                }
            }
            "debrief" => {
                world.sleep_s(self.rng.u32(180..400)).await;
                let notes = "Liked: the numbers. Moved it forward: the demo. Should have asked who signs.";
                if self.report(job, &json!({"notes": notes, "data": job.answers()})).await? {
                    decide(&world, &job.email, prospect, self.rng.u32(60..420));
                }
            }
            _ => {
                world.sleep_s(self.rng.u32(120..360)).await;
                let result = prospect.agrees();
                let notes = "Agreed what comes next.";
                if self.report(job, &json!({"result": result, "notes": notes, "data": job.answers()})).await?
                    && result == TouchResult::Qualified
                {
                    let mut tally = world.tally();
                    tally.qualified += 1;
                    tally.life(&job.email).qualified = true;
                }
            }
        }
        Ok(())
    }

    /// Reports a task. Returns false if it was withdrawn in the meantime, which happens when the
    /// lead opts out or moves on.
    async fn report(&self, job: &Job, outcome: &Value) -> anyhow::Result<bool> {
        let answer = self.world.caller.post(&self.token, &format!("/v1/tasks/{}/outcome", job.id), outcome).await?;
        match answer.status.as_u16() {
            200 => self.world.tally().tasks_done += 1,
            409 => self.world.tally().tasks_gone += 1,
            _ => anyhow::bail!("the outcome of {} was refused: {}", job.id, answer.problem()),
        }
        Ok(answer.status.is_success())
    }
}

fn outcome(answer: &CallAnswer, dialled: Timestamp) -> Value {
    let mut outcome = json!({"outcome": answer.outcome});
    if let Some(result) = answer.result {
        outcome["result"] = json!(result);
    }
    if let Some(notes) = answer.notes {
        outcome["notes"] = json!(notes);
    }
    if let Some(hours) = answer.again_hours {
        let at = dialled.plus_ms(i64::from(hours) * HOUR_MS);
        outcome["data"] = json!({"callback_at": at.to_string()});
    }
    outcome
}

/// The meeting takes place, or the lead does not come.
fn meet(world: &Arc<World>, email: &str, prospect: &Prospect, after_minutes: u32) {
    let owner = email.to_owned();
    if prospect.comes_to_meeting() {
        world.later(after_minutes, Happening::new(email, "meeting.held", "first", json!({})), move |tally| {
            tally.meetings += 1;
            tally.life(&owner).met = true;
        });
    } else {
        world.later(after_minutes, Happening::new(email, "meeting.no_show", "first", json!({})), |_| {});
    }
}

/// The deal is won or lost, or stays open.
fn decide(world: &Arc<World>, email: &str, prospect: &Prospect, after_minutes: u32) {
    let owner = email.to_owned();
    match prospect.decides() {
        Some(Ok(amount)) => {
            let event = Happening::new(email, "deal.won", "first", json!({"amount": amount}));
            world.later(after_minutes, event, move |tally| {
                tally.won += 1;
                tally.revenue += u64::from(amount);
                tally.life(&owner).won = true;
            });
        }
        Some(Err(reason)) => {
            let event = Happening::new(email, "deal.lost", "first", json!({"reason": reason}));
            world.later(after_minutes, event, |tally| tally.lost += 1);
        }
        None => {}
    }
}

/// Plays the person who looks after calls that nobody owns: they go to the sales desk in turn.
pub(super) async fn hand_out(world: Arc<World>, token: String) {
    while !world.is_over() {
        world.sleep_s(HAND_OUT_EVERY_S).await;
        if !world.is_over()
            && let Err(error) = hand_out_once(&world, &token).await
        {
            world.fail(format!("handing out calls: {error:#}"));
        }
    }
}

async fn hand_out_once(world: &World, token: &str) -> anyhow::Result<()> {
    let catalog = world.engine.catalog();
    let team = &catalog.workspace.settings.team;
    let now = world.now();
    let members = team.pools.get(DESK).into_iter().flat_map(|pool| &pool.members);
    let is_there = |id: &&RepId| team.reps.get(*id).is_some_and(|rep| rep.is_present(now));
    let there: Vec<&RepId> = members.map(|(id, _)| id).filter(is_there).collect();
    if there.is_empty() {
        return Ok(());
    }
    let answer = world.caller.get(token, "/v1/tasks?kind=call&limit=500").await?;
    anyhow::ensure!(answer.status.is_success(), "the queues cannot be read: {}", answer.problem());
    let tasks = answer.body["items"].as_array().into_iter().flatten();
    let unowned = tasks.filter(|task| task["assignee"] == "nobody").filter_map(|task| task["id"].as_str());
    for (task, rep) in unowned.take(there.len() * HANDED_OUT_EACH).zip(there.iter().cycle()) {
        let answer = world.caller.post(token, &format!("/v1/tasks/{task}/reassign"), &json!({"rep": rep})).await?;
        match answer.status.as_u16() {
            200 => world.tally().handed_out += 1,
            409 => {}
            _ => anyhow::bail!("reassigning {task} was refused: {}", answer.problem()),
        }
    }
    Ok(())
}
