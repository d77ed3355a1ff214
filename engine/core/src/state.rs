//! The state that one owner keeps: a lead with its runs and tasks, a pool, a schedule. What
//! must always hold is checked here.

use crate::account::Hold;
use crate::event::EventType;
use crate::id::{AccountId, BORN_MAX, EffectId, LeadId, RunId, TaskId};
use crate::journal::Entry;
use crate::lead::{Channel, Lead, RepId, Stage};
use crate::run::{CadencePhase, Past, Run, RunState, Waiter};
use crate::task::{Task, TaskKind};
use crate::time::{MINUTE_MS, Timestamp};
use crate::value::Value;
use crate::workflow::{Asks, StepId};
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// The most runs that a lead may have at once.
pub const RUNS_MAX: usize = 16;
/// The most open tasks that a lead may have.
pub const TASKS_MAX: usize = 32;
/// The most events that are kept for waits.
pub const RECENT_MAX: usize = 16;
/// The most messages that may be under way to a lead at once.
pub const UNDER_WAY_MAX: usize = 16;
/// How long a claimed call counts as under way, in milliseconds: 30 minutes.
pub const CLAIM_MS: i64 = 30 * MINUTE_MS;
/// The most tasks remembered that were given up and may still be reported. The oldest is forgotten.
pub const GIVEN_UP_MAX: usize = 8;
/// How long to wait for a decision before asking again, in milliseconds. If it was lost with the engine, it is asked for again at
/// the next start.
pub const DECISION_TIMEOUT_MS: i64 = 30_000;

/// A lead with its runs and tasks: what one partition owns, loads and commits together.
#[derive(Clone, Debug, PartialEq)]
pub struct LeadState {
    pub lead: Lead,
    /// The number of transitions so far, which is also the number of the newest journal entry.
    pub seq: u64,
    /// The number of runs, tasks and effects born so far. Their ids derive from it.
    pub born: u64,
    /// The runs that have not ended.
    pub runs: Vec<Run>,
    /// The open tasks.
    pub tasks: Vec<Task>,
    /// The latest run that has ended, by workflow.
    pub past: BTreeMap<String, Past>,
    /// A hold on the lead itself: one that covers the lead alone, or whose lead has no account.
    pub hold: Option<Hold>,
    /// The agreed time of the next call.
    pub callback_at: Option<Timestamp>,
    /// Events for which a wait of some run may ask, newest last.
    pub recent: Vec<Recent>,
    /// The newest journal entry.
    pub latest: Option<Entry>,
    /// The touches under way, in the order in which they began.
    pub reserved: Vec<Reservation>,
    /// Tasks that were given up, the latest last, since somebody may still report one. At most [`GIVEN_UP_MAX`].
    pub given_up: Vec<Task>,
    /// The arms of A/B tests that the lead has drawn, the latest last. At most [`ARMS_MAX`].
    pub arms: Vec<DrawnArm>,
    /// Enrolments that wait until their group is free. At most [`WAITERS_MAX`].
    pub waiters: Vec<Waiter>,
}

/// How many enrolments of a lead may wait for their groups.
pub const WAITERS_MAX: usize = 16;

/// The most workflows whose latest run a lead remembers. A workflow whose runs have keys counts once for each key.
pub const PAST_MAX: usize = 512;

/// The most drawn arms that a lead keeps.
pub const ARMS_MAX: usize = 64;

/// The arm of an A/B test that a lead has drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct DrawnArm {
    /// A hash of the workflow's name.
    #[n(0)]
    pub workflow: u64,
    #[n(1)]
    pub step: StepId,
    /// A hash of the arm's name.
    #[n(2)]
    pub arm: StepId,
}

/// A touch that is under way. The gate counts it before it is known what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Reservation {
    #[n(0)]
    pub by: Toucher,
    #[n(1)]
    pub channel: Channel,
    /// When the touch began.
    #[n(2)]
    pub since: Timestamp,
}

/// What makes a touch that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Toucher {
    /// A message, until it is known what became of it, however often it is tried.
    #[n(0)]
    Message(#[n(0)] EffectId),
    /// A call that a rep has claimed, for [`CLAIM_MS`] or until the task is done, withdrawn or given away.
    #[n(1)]
    Call(#[n(0)] TaskId),
}

/// One of a lead's deadlines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deadline {
    /// The lead's own hold runs out.
    Hold,
    /// An escalation point of a task has come, or its question is asked again.
    Escalation(TaskId),
    /// A task is given up.
    GiveUp(TaskId),
    /// A run's wait is over.
    Wait(RunId),
    /// The next touch or second dial of a run's cadence is due.
    Cadence(RunId, CadencePhase),
    /// A run's decision has not come in time, and is asked for again.
    Decision(RunId, Asks),
    /// A run takes its step.
    Ready(RunId),
    /// A run's pause is over.
    Pause(RunId),
    /// An enrolment has waited for its group as long as it may.
    Waiter,
}

/// An event that is kept for waits.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Recent {
    /// The number of the journal entry with which the event came.
    #[n(0)]
    pub seq: u64,
    #[n(1)]
    pub kind: EventType,
    /// What the event brought.
    #[n(2)]
    pub data: BTreeMap<String, Value>,
    /// When the event happened, according to the sender.
    #[n(3)]
    pub at: Timestamp,
    /// The source that delivered it.
    #[n(4)]
    pub source: String,
    /// Its place among the events of that entry: runs that change fields make events of their own.
    #[n(5)]
    #[cbor(skip_if = "is_first", default)]
    pub nth: u8,
    /// The run that made the change of which it tells, to which it is no news.
    #[n(6)]
    pub by: Option<RunId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive calls it by reference")]
fn is_first(nth: &u8) -> bool {
    *nth == 0
}

impl Recent {
    /// Which event it is among all of the lead: the number of its entry, with its place there in the highest byte.
    pub(crate) fn number(&self) -> u64 {
        self.seq | u64::from(self.nth) << 56
    }
}

impl LeadState {
    /// Whether the lead is open and no workflow ever took it up.
    pub fn is_untaken(&self) -> bool {
        self.lead.stage == Stage::Open && self.runs.is_empty() && self.past.is_empty() && self.seq > 0
    }

    /// A lead of which nothing is known yet.
    pub fn new(id: LeadId, now: Timestamp) -> Self {
        Self {
            lead: Lead::new(id, now),
            seq: 0,
            born: 0,
            runs: Vec::new(),
            tasks: Vec::new(),
            past: BTreeMap::new(),
            hold: None,
            callback_at: None,
            recent: Vec::new(),
            latest: None,
            reserved: Vec::new(),
            given_up: Vec::new(),
            arms: Vec::new(),
            waiters: Vec::new(),
        }
    }

    /// Remembers how the latest run of a workflow ended. Beyond the limit the oldest ending is forgotten.
    pub(crate) fn remember_past(&mut self, name: String, past: Past) {
        self.past.insert(name, past);
        if self.past.len() > PAST_MAX
            && let Some(oldest) = self.past.iter().min_by_key(|(_, past)| past.ended_at).map(|(name, _)| name.clone())
        {
            self.past.remove(&oldest);
        }
    }

    /// Records that a message is under way from now on.
    pub(crate) fn reserve(&mut self, effect: EffectId, channel: Channel, since: Timestamp) {
        self.reserved.push(Reservation { by: Toucher::Message(effect), channel, since });
    }

    /// Whether a message is under way.
    pub fn is_under_way(&self, effect: EffectId) -> bool {
        self.reserved.iter().any(|reserved| reserved.by == Toucher::Message(effect))
    }

    /// Records that a message is no longer under way. Returns whether it was.
    pub(crate) fn release(&mut self, effect: EffectId) -> bool {
        let before = self.reserved.len();
        self.reserved.retain(|reserved| reserved.by != Toucher::Message(effect));
        self.reserved.len() < before
    }

    /// How many messages other than this one are under way.
    pub(crate) fn others_under_way(&self, effect: EffectId) -> usize {
        let others = |by: Toucher| matches!(by, Toucher::Message(other) if other != effect);
        self.reserved.iter().filter(|reserved| others(reserved.by)).count()
    }

    /// Records that a call which a rep has claimed is under way. Claims that have lapsed are dropped.
    pub(crate) fn claim(&mut self, task: TaskId, now: Timestamp) {
        let by = Toucher::Call(task);
        let lasts = |since: Timestamp| since.plus_ms(CLAIM_MS) > now;
        self.reserved.retain(|one| one.by != by && (matches!(one.by, Toucher::Message(_)) || lasts(one.since)));
        self.reserved.push(Reservation { by, channel: Channel::Call, since: now });
    }

    /// Records that a call is no longer under way.
    pub(crate) fn unclaim(&mut self, task: TaskId) {
        self.reserved.retain(|reserved| reserved.by != Toucher::Call(task));
    }

    /// Removes and returns an open task, which is done now, or one that was given up (then with `true`).
    pub(crate) fn take_task(&mut self, id: TaskId) -> Option<(Task, bool)> {
        if let Some(ix) = self.tasks.iter().position(|task| task.id == id) {
            return Some((self.tasks.remove(ix), false));
        }
        let ix = self.given_up.iter().position(|task| task.id == id)?;
        Some((self.given_up.remove(ix), true))
    }

    /// Remembers a task that was given up, since somebody may still report it.
    pub(crate) fn remember_given_up(&mut self, task: Task) {
        if self.given_up.len() == GIVEN_UP_MAX {
            self.given_up.remove(0);
        }
        self.given_up.push(Task { escalation: None, give_up: None, ..task });
    }

    /// When a task is given up. It is not while something forbids it, or while somebody who claimed it may be at it.
    pub fn gives_up_at(&self, task: &Task) -> Option<Timestamp> {
        let at = task.give_up.filter(|_| !self.is_forbidden(task))?;
        Some(self.not_while_claimed(task, at))
    }

    /// When the next escalation point of a task falls due, or its question is asked again. Neither happens while something
    /// forbids the task, or while somebody who claimed it may be at it.
    pub(crate) fn escalates_at(&self, task: &Task) -> Option<Timestamp> {
        self.would_escalate_at(task).filter(|_| !self.stands_still(task))
    }

    /// When the next escalation point would fall due if the task's run did not stand still.
    pub(crate) fn would_escalate_at(&self, task: &Task) -> Option<Timestamp> {
        let point = task.escalation.filter(|_| !self.is_paused_call(task))?;
        let at = if point.asked { point.at.plus_ms(DECISION_TIMEOUT_MS) } else { point.at };
        Some(self.not_while_claimed(task, at))
    }

    /// A time at which something would be done about a call, put off until its claim has lapsed.
    fn not_while_claimed(&self, task: &Task, at: Timestamp) -> Timestamp {
        let claimed = self.reserved.iter().find(|reserved| reserved.by == Toucher::Call(task.id));
        claimed.map_or(at, |claim| at.max(claim.since.plus_ms(CLAIM_MS)))
    }

    /// Whether a task may not be done for now, so that nobody is late with it, because a person has paused the lead or its run
    /// stands still.
    fn is_forbidden(&self, task: &Task) -> bool {
        self.is_paused_call(task) || self.stands_still(task)
    }

    fn is_paused_call(&self, task: &Task) -> bool {
        task.kind == TaskKind::Call && self.lead.paused_at.is_some()
    }

    /// When the lead's next deadline falls: its one timer.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.deadlines().map(|(at, _)| at).min()
    }

    /// All deadlines of the lead, in no order.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (Timestamp, Deadline)> {
        let hold = self.hold.iter().map(|hold| (hold.until, Deadline::Hold));
        let escalations =
            self.tasks.iter().filter_map(|task| Some((self.escalates_at(task)?, Deadline::Escalation(task.id))));
        let given_up = self.tasks.iter().filter_map(|task| Some((self.gives_up_at(task)?, Deadline::GiveUp(task.id))));
        let going = || self.runs.iter().filter(|run| run.braked_at.is_none());
        // What a pause put off falls due when the pause ends, and comes after its end.
        let pauses = going().filter_map(|run| Some((run.paused_until?, Deadline::Pause(run.id))));
        let runs = going().filter_map(|run| match &run.state {
            RunState::Waiting { until } => until.map(|at| (run.not_while_paused(at), Deadline::Wait(run.id))),
            RunState::Deciding { slot, since, queued: None, .. } => {
                Some((since.plus_ms(DECISION_TIMEOUT_MS), Deadline::Decision(run.id, *slot)))
            }
            RunState::Cadence(cadence) => match cadence.phase {
                CadencePhase::Pause(at) | CadencePhase::Redial(at) => {
                    Some((run.not_while_paused(at), Deadline::Cadence(run.id, cadence.phase)))
                }
                CadencePhase::Task(_) | CadencePhase::RedialTask(_) | CadencePhase::Sending(_) => None,
            },
            RunState::Ready => Some((run.entered_at, Deadline::Ready(run.id))),
            RunState::Deciding { queued: Some(_), .. }
            | RunState::Assigning
            | RunState::Task(_)
            | RunState::Sending(_)
            | RunState::Parked { .. } => None,
        });
        let waiters = self.waiters.iter().map(|waiter| (waiter.until, Deadline::Waiter));
        pauses.chain(waiters).chain(hold).chain(escalations).chain(given_up).chain(runs)
    }

    /// The account whose other leads' events a run of this lead listens to.
    pub fn listens_to(&self) -> Option<AccountId> {
        self.lead.account.filter(|_| self.runs.iter().any(|run| run.hears_account))
    }

    /// The questions that wait for room in the decision pool: the plugin, since when, and the run.
    pub fn queued(&self) -> impl Iterator<Item = (&str, Timestamp, RunId)> {
        self.runs.iter().filter(|run| run.braked_at.is_none()).filter_map(|run| match &run.state {
            RunState::Deciding { queued: Some(plugin), since, .. } => Some((plugin.as_str(), *since, run.id)),
            _ => None,
        })
    }

    /// Whether a question of the lead that was put, or is to be put again, has no answer. [`Self::queued`] has those that wait
    /// for room in the pool.
    pub fn is_unanswered(&self) -> bool {
        self.unanswered().next().is_some()
            || self.tasks.iter().any(|task| task.escalation.is_some_and(|point| point.asked))
    }

    /// The runs whose questions have no answer, each with the question's slot in its step.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = (RunId, Asks)> {
        self.runs.iter().filter(|run| run.braked_at.is_none()).filter_map(|run| match &run.state {
            RunState::Deciding { slot, queued: None, .. } => Some((run.id, *slot)),
            _ => None,
        })
    }

    /// Whether the run to which a task belongs stands still, and the task's escalation with it.
    pub fn stands_still(&self, task: &Task) -> bool {
        self.runs.iter().any(|run| Some(run.id) == task.run && run.braked_at.is_some())
    }

    /// Checks what must always hold; the error says what does not. Tests call it after every transition.
    pub fn validate(&self) -> Result<(), String> {
        let open = |id| self.tasks.iter().any(|task| task.id == id);
        for run in &self.runs {
            if let Some(task) = run.awaited_task()
                && !open(task)
            {
                return Err(format!("run {} waits for task {task}, which is not open", run.id));
            }
            if run.state == RunState::Ready && run.braked_at.is_none() {
                return Err(format!("run {} was left ready", run.id));
            }
        }
        for task in &self.tasks {
            if let Some(run) = task.run
                && !self.runs.iter().any(|r| r.id == run && r.awaited_task() == Some(task.id))
            {
                return Err(format!("task {} belongs to run {run}, which is over or does not wait for it", task.id));
            }
            if let Some(about) = task.about
                && !open(about)
            {
                return Err(format!("task {} is about task {about}, which is not open", task.id));
            }
        }
        for (ix, reserved) in self.reserved.iter().enumerate() {
            if let Toucher::Call(task) = reserved.by
                && !open(task)
            {
                return Err(format!("a call is under way for task {task}, which is not open"));
            }
            if self.reserved[..ix].iter().any(|other| other.by == reserved.by) {
                return Err(format!("{:?} is under way twice", reserved.by));
            }
        }
        let mut ids: Vec<u128> = self.runs.iter().map(|r| r.id.0).chain(self.tasks.iter().map(|t| t.id.0)).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("an id was given twice".to_owned());
        }
        if ids.last().is_some_and(|id| id & u128::from(BORN_MAX) > u128::from(self.born)) {
            return Err(format!("an id has a higher number than the {} things that were born here", self.born));
        }
        if self.lead.consent.opted_out.is_some() && !(self.runs.is_empty() && self.tasks.is_empty()) {
            return Err("the lead opted out and has runs or tasks".to_owned());
        }
        if self.runs.len() > RUNS_MAX
            || self.tasks.len() > TASKS_MAX
            || self.recent.len() > RECENT_MAX
            || self.reserved.len() > UNDER_WAY_MAX + TASKS_MAX
        {
            return Err("a list is longer than it may be".to_owned());
        }
        Ok(())
    }
}

/// What a pool remembers about its members.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct PoolState {
    /// When each member was last given a lead. Members that were never given one are missing.
    #[n(0)]
    pub last_assigned: BTreeMap<RepId, Timestamp>,
    /// How many leads each member was given.
    #[n(1)]
    pub assigned: BTreeMap<RepId, u64>,
    /// How far each member is ahead of or behind its turn, measured in the weights of those who
    /// took part: see `assignment.rs`.
    #[n(80)]
    #[cbor(default, skip_if = "BTreeMap::is_empty")]
    pub credit: BTreeMap<RepId, i64>,
}

/// What a schedule remembers.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct ScheduleState {
    /// The nominal time of the latest firing that was dealt with: fired, coalesced or given up.
    #[n(0)]
    pub handled: Option<Timestamp>,
    /// The firing under way.
    #[n(1)]
    pub firing: Option<Firing>,
    /// The latest firings, newest last; at most [`FIRINGS_MAX`].
    #[n(2)]
    pub past: Vec<PastFiring>,
    /// The cron expression and zone to which `handled` belongs; `None` in records of earlier versions.
    #[n(90)]
    pub rule: Option<String>,
    /// Since when the workspace no longer has the schedule. A firing that falls due meanwhile is not missed.
    #[n(91)]
    pub removed: Option<Timestamp>,
    /// The nominal times of all firings that began, in order and as separate series; at most [`SERIES_MAX`]. When the clock is
    /// set back it comes to these times again, and none of them fires twice.
    #[n(92)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub ran: Vec<Series>,
}

/// Firings that began one after another: those of these two nominal times, and of every time of the schedule between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Series {
    #[n(0)]
    pub from: Timestamp,
    #[n(1)]
    pub to: Timestamp,
}

impl Series {
    /// Whether this time lies in the series.
    pub fn has(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }
}

/// How many series of firings a schedule remembers. Beyond that the oldest two count as one, so that a clock that is set back
/// behind them skips what lies between them rather than firing anything twice.
pub const SERIES_MAX: usize = 20;

/// A firing that is going through the leads.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Firing {
    /// The time for which it stands. With the schedule's id, it makes the firing's id.
    #[n(0)]
    pub nominal: Timestamp,
    /// When it really began.
    #[n(1)]
    pub started_at: Timestamp,
    /// The last lead that was looked at.
    #[n(2)]
    pub cursor: Option<LeadId>,
    /// How many leads were enrolled so far.
    #[n(3)]
    pub enrolled: u64,
    /// How many leads were looked at so far.
    #[n(4)]
    pub seen: u64,
}

crate::codes::codes! {
    /// What became of a firing.
    pub enum Fired {
        /// It went through the leads in time.
        0 InTime = "fired",
        /// It went through the leads, late.
        1 Late = "late",
        /// It was missed, and a later missed firing stands for it.
        2 Coalesced = "coalesced",
        /// It was given up.
        3 Missed = "missed",
        /// Its schedule was removed while it went through the leads.
        4 Stopped = "stopped",
    }
}

/// A firing that has ended.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct PastFiring {
    /// The time for which it stands.
    #[n(0)]
    pub nominal: Timestamp,
    /// When it began. For a firing that never ran, when that was decided.
    #[n(1)]
    pub at: Timestamp,
    #[n(2)]
    pub how: Fired,
    /// How many leads were enrolled.
    #[n(3)]
    pub enrolled: u64,
}

/// How many past firings a schedule remembers.
pub const FIRINGS_MAX: usize = 20;
