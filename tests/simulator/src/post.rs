//! The receiver behind the connections: it takes messages, refuses them, is slow, or loses them, as it is told. What must hold
//! for every single attempt is checked here, at the moment when the attempt leaves.

use crate::faults::{Answers, Attempt, Name};
use crate::mutants::Mutant;
use crate::record::Shared;
use crate::trace::Limits;
use cadenza_core::effect::{Message, Outgoing};
use cadenza_core::gate::Permit;
use cadenza_core::id::EffectId;
use cadenza_core::lead::Channel;
use cadenza_core::time::HOUR_MS;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::clock::Clock;
use cadenza_runtime::courier::{Attempted, Courier, Ended, Response, SendError};
use cadenza_runtime::{Answered, PlayedPool};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::{spawn_local, yield_now};

#[derive(Default)]
struct Desk {
    /// What happens to the next attempts.
    attempts: VecDeque<Attempt>,
    /// What happens to the next questions of the pool.
    answers: VecDeque<Answers>,
    under_way: usize,
    /// Whether there are attempts whose end the engine never hears. It waits for them until it dies.
    silent: bool,
    /// The life of the engine that is under way. What an earlier life began is not heard of in this one.
    life: u64,
    mutant: Option<Mutant>,
    /// The permit of the attempt before, for a mutant.
    permit: Option<Permit>,
    clock: Option<Clock>,
    number: u128,
}

/// Plays the receivers behind the connections.
pub(crate) struct Post {
    desk: Mutex<Desk>,
    record: Shared,
    /// The most attempts that may be under way.
    under_way_max: usize,
    /// With this many under way others wait.
    waits_from: usize,
}

impl Post {
    pub(crate) fn new(record: Shared, limits: &Limits, mutant: Option<Mutant>) -> Self {
        let (all, most, _) = limits.sendings;
        let (under_way_max, waits_from) = (limits.sendings_max(), all.min(most));
        Self { desk: Mutex::new(Desk { mutant, ..Desk::default() }), record, under_way_max, waits_from }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a life of the engine.
    pub(crate) fn begin(&self) {
        let mut desk = self.desk();
        desk.under_way = 0;
        desk.silent = false;
        desk.life += 1;
    }

    /// Sets the clock that the engine goes by.
    pub(crate) fn set_clock(&self, clock: Clock) {
        self.desk().clock = Some(clock);
    }

    /// Ends all failures.
    pub(crate) fn heal(&self) {
        let mut desk = self.desk();
        desk.attempts.clear();
        desk.answers.clear();
    }

    pub(crate) fn expect_attempts(&self, fares: Vec<Attempt>) {
        self.desk().attempts = fares.into();
    }

    pub(crate) fn expect_questions(&self, fares: Vec<Answers>) {
        self.desk().answers = fares.into();
    }

    /// Whether the engine waits for something that nobody will tell it.
    pub(crate) fn is_silent(&self) -> bool {
        self.desk().silent
    }

    /// Checks what must hold for an attempt at the moment when it leaves.
    fn look_at(&self, row: &Outgoing, permit: Option<&Permit>) {
        let (to, body) = match &row.message {
            Message::Email { rendered: Some(mail), .. } => {
                (Some(mail.to.clone()), format!("{} {}", mail.subject, mail.body))
            }
            // A message that cannot be rendered never comes here.
            Message::Email { rendered: None, .. }
            | Message::Text { rendered: None, .. }
            | Message::Words { rendered: None, .. }
            | Message::Request { rendered: None, .. } => (None, String::new()),
            Message::Text { rendered: Some(text), .. } => (Some(text.to.clone()), text.body.clone()),
            Message::Words { rendered: Some(words), to, .. } => (None, format!("{to:?} {words}")),
            Message::Assigned { to, role } => (None, format!("{to} {role:?}")),
            Message::Notice { to, task, kind } => (None, format!("{to} {task} {kind}")),
            Message::Request { rendered: Some(request), .. } => (None, format!("{request:?}")),
        };
        if let Some(channel) = row.message.touch() {
            match permit {
                None => self.record.wrong(format!("{} touches {} without a permit", row.id, row.lead)),
                Some(permit)
                    if !permit.is_for(row.id, channel) || !matches!(channel, Channel::Email | Channel::Message) =>
                {
                    self.record.wrong(format!("{} touches {} with the permit of another", row.id, row.lead));
                }
                Some(permit) if Some(permit.at()) != row.started_at => {
                    self.record.wrong(format!("{} leaves with a permit that was given at {}", row.id, permit.at()));
                }
                Some(_) => {}
            }
            if self.record.lock().opted_out.contains(&row.lead) {
                self.record.wrong(format!("{} touches {}, whose opt-out was acknowledged", row.id, row.lead));
            }
            if to.as_ref().is_some_and(|to| self.record.lock().addresses.contains(to)) {
                self.record.wrong(format!("{} leaves to {to:?}, which an opt-out named", row.id));
            }
        } else if permit.is_some() {
            self.record.wrong(format!("{} is no touch, and has a permit", row.id));
        }
        self.record.lock().departs(row, to, body);
    }

    /// Begins an attempt. Returns what happens to it.
    fn attempt(&self) -> (Attempt, Option<Mutant>, u64) {
        let mut desk = self.desk();
        desk.under_way += 1;
        desk.number += 1;
        if desk.under_way > self.under_way_max {
            let so_many = desk.under_way;
            self.record.wrong(format!("{so_many} attempts are under way, and {} may be", self.under_way_max));
        }
        if desk.under_way >= self.waits_from {
            self.record.count(Name::SendingsWait);
        }
        (desk.attempts.pop_front().unwrap_or(Attempt::Taken), desk.mutant, desk.life)
    }

    fn over(&self, life: u64) {
        let mut desk = self.desk();
        if desk.life == life {
            desk.under_way -= 1;
        }
    }
}

/// The answer to a request; other messages get none. Some of it fits no field, and some of it is missing.
fn answer(row: &Outgoing) -> Option<Response> {
    let body = match row.id.0 % 5 {
        0 => "{}".to_owned(),
        1 => "no JSON".to_owned(),
        2 => "{\"word\": [[]], \"number\": \"many\"}".to_owned(),
        number => format!("{{\"word\": \"w{number}\", \"number\": {number}}}"),
    };
    row.message.is_request().then_some(Response { status: 200, is_json: true, body, too_large: false })
}

const fn fails(retry_after_ms: Option<u64>) -> Ended {
    Err(SendError { cause: String::new(), retry: true, retry_after_ms, may_have_arrived: false })
}

impl Courier for Post {
    fn send(self: Arc<Self>, _: Arc<Catalog>, mut row: Outgoing, mut permit: Option<Permit>, done: Attempted) {
        let (fares, mutant, life) = self.attempt();
        if row.message.is_unrendered() {
            // As with the real couriers, nothing leaves.
            let cause = row.last_error.take().unwrap_or_else(|| "nothing to make it of".to_owned());
            self.record.say(|| format!("  {} cannot be made: {cause}", row.id));
            self.over(life);
            return done(row, Err(SendError { cause, retry: false, retry_after_ms: None, may_have_arrived: false }));
        }
        let mut seen = row.clone();
        match mutant {
            Some(Mutant::SentWithoutLeaving) if row.id.0.is_multiple_of(5) => {
                self.over(life);
                let ended = Ok(answer(&row));
                return done(row, ended);
            }
            Some(Mutant::KeyOfItsOwn) if row.tries > 1 => seen.id = EffectId(row.id.0 + 500_000 + self.desk().number),
            Some(Mutant::PermitKept) => {
                let kept = self.desk().permit.take();
                self.desk().permit = std::mem::replace(&mut permit, kept);
            }
            Some(Mutant::SaysSomethingElse) if row.tries > 1 => {
                if let Some((_, message)) = seen.message.written_mut() {
                    message.body.push_str("P.S.");
                }
            }
            Some(Mutant::GoesElsewhere) if row.tries > 1 => {
                if let Message::Email { rendered: Some(mail), .. } = &mut seen.message {
                    mail.to.insert(0, 'x');
                }
            }
            Some(Mutant::GoesElsewhere) if row.tries > 1 => {
                if let Message::Email { rendered: Some(mail), .. } = &mut seen.message {
                    mail.to.insert(0, 'x');
                }
            }
            Some(Mutant::LeavesLater) => {
                self.over(life);
                let clock = self.desk().clock.clone();
                spawn_local(async move {
                    let from = clock.as_ref().map(Clock::now);
                    for _ in 0..3_000 {
                        if clock.as_ref().map(Clock::now) >= from.map(|from| from.plus_ms(HOUR_MS)) {
                            break;
                        }
                        yield_now().await;
                    }
                    self.look_at(&row, permit.as_ref());
                    self.record.lock().taken.insert(row.id);
                });
                let ended = Ok(answer(&seen));
                return done(seen, ended);
            }
            _ => {}
        }
        self.look_at(&seen, permit.as_ref());
        let takes = || {
            self.record.lock().taken.insert(seen.id);
        };
        let (turns, result) = match fares {
            Attempt::Taken => (0, Ok(answer(&row))),
            Attempt::TakenTwice => {
                self.record.count(Name::PostTakenTwice);
                self.look_at(&seen, permit.as_ref());
                (0, Ok(answer(&row)))
            }
            Attempt::TakenLate(turns) => {
                self.record.count(Name::PostLate);
                (turns, Ok(answer(&row)))
            }
            Attempt::Fails => (0, fails(None)),
            Attempt::FailsFor(seconds) => (0, fails(Some(u64::from(seconds) * 1_000))),
            Attempt::TakenUnheard => {
                self.record.count(Name::PostTakenUnheard);
                takes();
                (0, fails(None))
            }
            Attempt::FailsLate(turns) => {
                self.record.count(Name::PostLate);
                (turns, fails(None))
            }
            Attempt::Refused => {
                self.record.count(Name::PostRefused);
                let refused = Response { status: 422, ..Response::default() };
                let is_request = row.message.is_request();
                (
                    0,
                    if is_request {
                        Ok(Some(refused))
                    } else {
                        Err(SendError {
                            cause: "400".to_owned(),
                            retry: false,
                            retry_after_ms: None,
                            may_have_arrived: false,
                        })
                    },
                )
            }
            Attempt::Silent => {
                self.record.count(Name::PostSilent);
                takes();
                self.desk().silent = true;
                return;
            }
        };
        match &result {
            Ok(_) => takes(),
            Err(error) => {
                if error.retry {
                    self.record.count(Name::PostFails);
                }
            }
        }
        self.record.say(|| format!("  {} leaves to {} and fares so: {fares:?}", row.id, row.lead));
        row.last_error = None;
        if turns == 0 {
            self.over(life);
            return done(row, result);
        }
        spawn_local(async move {
            for _ in 0..turns {
                yield_now().await;
            }
            self.over(life);
            done(row, result);
        });
    }

    fn unready(&self, _: &Catalog) -> Vec<(String, String)> {
        Vec::new()
    }
}

impl PlayedPool for Post {
    fn answered(&self, _: &str) -> Answered {
        let mut desk = self.desk();
        let fares = desk.answers.pop_front().unwrap_or(Answers::AtOnce);
        let another_is_late = matches!(fares, Answers::AtOnce) && matches!(desk.answers.back(), Some(Answers::Late(_)));
        drop(desk);
        match fares {
            Answers::AtOnce => {
                if another_is_late {
                    self.record.count(Name::Reordered);
                }
                Answered::default()
            }
            Answers::Late(turns) => {
                self.record.count(Name::PoolLate);
                Answered { after_turns: usize::from(turns), breaks_off: 0 }
            }
            Answers::BreaksOff => {
                self.record.count(Name::PoolBreaksOff);
                Answered { after_turns: 0, breaks_off: 1 }
            }
            Answers::BreaksOffAgain => {
                self.record.count(Name::PoolBreaksOffAgain);
                Answered { after_turns: 3, breaks_off: 2 }
            }
        }
    }
}
