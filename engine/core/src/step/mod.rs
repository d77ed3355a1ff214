//! How a lead moves: `step` takes an event and changes the state, and says what is to be done outside.
//!
//! It is total: an illegal or late event changes nothing but the journal, which says why. It never fails, waits or asks;
//! the same state, event, definitions, settings and time always give the same result.

mod assign;
mod cadence;
mod decide;
mod escalate;
mod report;
mod runs;
mod tasks;
mod timers;
mod verbs;
mod view;

pub use view::View;

use crate::account::AccountFacts;
use crate::effect::Effect;
use crate::event::{Event, LeadCommand, Report};
use crate::id::{BORN_MAX, EffectId, RunId, TaskId};
use crate::journal::{Entry, Ignored, Note, Personal, Skeleton};
use crate::lead::{OptOut, Stage, Touch};
use crate::run::Run;
use crate::state::LeadState;
use crate::task::Task;
use crate::time::Timestamp;
use crate::workflow::Workflow;
use crate::workspace::{Definitions, Live};
use std::sync::Arc;

/// The most steps a run takes in one transition; one that wants more is parked.
pub const HOPS_MAX: u32 = 256;

/// What a transition may look at besides the state.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Every definition a run may have pinned.
    pub definitions: &'a Definitions,
    /// Settings, plugins and the workflows that new runs start with.
    pub live: &'a Live,
    /// What is known of the lead's account.
    pub account: Option<&'a AccountFacts>,
    /// The engine's time.
    pub now: Timestamp,
}

/// One transition: an event and the answers that came while it was handled, until all was quiet.
#[derive(Debug)]
pub struct Transition {
    event_id: String,
    now: Timestamp,
    events: Vec<Event>,
    notes: Vec<Note>,
    account: Option<AccountFacts>,
}

impl Transition {
    /// A transition begun by the event of this id.
    pub const fn begin(event_id: String, now: Timestamp) -> Self {
        Self { event_id, now, events: Vec::new(), notes: Vec::new(), account: None }
    }

    /// Handles one event; what it asks for is returned.
    pub fn feed(&mut self, context: Context<'_>, state: &mut LeadState, event: Event) -> Vec<Effect> {
        let (notes, effects) = step(context, state, &event);
        self.notes.extend(notes);
        self.events.push(event);
        if let Some(facts) = context.account {
            self.account = Some(facts.clone());
        }
        effects
    }

    /// What has happened so far.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Adds to what has happened: something only the driver knows.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// Puts the transition into the journal; the entry that it pushes out is returned. A timer that found nothing due
    /// leaves no trace.
    pub fn finish(self, state: &mut LeadState) -> (Vec<Note>, Option<Entry>) {
        if matches!(self.notes.as_slice(), [] | [Note::Ignored(Ignored::NothingDue)]) {
            return (self.notes, None);
        }
        state.seq += 1;
        let skeleton = Skeleton { now: self.now, event: self.event_id, notes: self.notes.clone() };
        let personal = Personal { events: self.events, account: self.account };
        let pushed_out = state.latest.replace(Entry { seq: state.seq, skeleton, personal: Some(personal) });
        (self.notes, pushed_out)
    }
}

/// Handles one event: the state is changed, what happened and what is to be done are returned.
pub fn step(context: Context<'_>, state: &mut LeadState, event: &Event) -> (Vec<Note>, Vec<Effect>) {
    let mut machine =
        Machine { cx: context, state, notes: Vec::new(), effects: Vec::new(), report: None, touch: None, task: None };
    machine.handle(event);
    (machine.notes, machine.effects)
}

/// A step under way.
struct Machine<'a> {
    cx: Context<'a>,
    state: &'a mut LeadState,
    notes: Vec<Note>,
    effects: Vec<Effect>,
    /// The event from outside that is being handled, for `event.…` in conditions.
    report: Option<&'a Report>,
    /// The touch just completed, for `touch.…`.
    touch: Option<Touch>,
    /// The task just done, for `task.…`.
    task: Option<view::ClosedTask>,
}

impl<'a> Machine<'a> {
    fn handle(&mut self, event: &'a Event) {
        match event {
            Event::Reported(report) => self.reported(report),
            Event::TaskDone(report) => self.task_done(report),
            Event::TaskMoved { task, change, .. } => self.task_moved(*task, change),
            Event::TimerDue | Event::Woken => self.timer_due(),
            Event::Decided(answer) => self.decided(answer),
            Event::Assigned { run, attempt, owner, how } => self.assigned(*run, *attempt, owner.as_ref(), how),
            Event::Delivered { effect, run, attempt, ending } => self.delivered(*effect, *run, *attempt, ending),
            Event::Enrolled { workflow, .. } => self.enroll_by_name(workflow),
            Event::HoldExpired { workflow, go } => self.hold_expired(*workflow, *go),
            Event::Commanded { command, by } => self.commanded(command, by),
        }
    }

    fn commanded(&mut self, command: &LeadCommand, by: &str) {
        let now = self.cx.now;
        match command {
            LeadCommand::OptOut { reason } => self.opt_out(by, reason.clone()),
            LeadCommand::Prefer { refused, not_before } => {
                self.state.lead.consent.refused.clone_from(refused);
                self.state.lead.consent.not_before = *not_before;
                self.notes.push(Note::Preferred);
                self.regate_calls();
            }
            LeadCommand::Pause => {
                self.state.lead.paused_at.get_or_insert(now);
                self.notes.push(Note::Paused(true));
            }
            LeadCommand::Resume => {
                self.state.lead.paused_at = None;
                self.notes.push(Note::Paused(false));
                self.regate_calls();
            }
            LeadCommand::SetOwner(rep) => {
                self.set_owner(
                    rep,
                    "manual",
                    crate::workflow::Carry { move_open_tasks: true, watch_previous_owner: true },
                );
            }
            LeadCommand::Disqualify { .. } => {
                self.set_stage(Stage::Disqualified);
                self.end_all_runs("disqualified");
            }
            LeadCommand::CancelRun(run) => match self.run_ix(*run) {
                Some(_) => self.end_run(*run, "cancelled"),
                None => self.ignore(Ignored::UnknownRun),
            },
            LeadCommand::Unpark(run) => self.unpark(*run),
            LeadCommand::Remove { workflow } => {
                let found: Vec<RunId> = self.runs_of(workflow).map(|run| run.id).collect();
                if found.is_empty() {
                    self.ignore(Ignored::UnknownRun);
                }
                found.into_iter().for_each(|run| self.end_run(run, "removed"));
            }
        }
    }

    fn opt_out(&mut self, by: &str, reason: Option<String>) {
        if self.state.lead.consent.opted_out.is_none() {
            self.state.lead.consent.opted_out = Some(OptOut { at: self.cx.now, by: by.to_owned(), reason });
            self.notes.push(Note::OptedOut);
        }
        // The workflow's own word for it first; then nothing of the lead goes on, whatever its workflows say.
        self.leave_runs();
        self.end_all_runs("suppressed");
        self.set_stage(Stage::Suppressed);
    }

    fn set_stage(&mut self, stage: Stage) {
        if self.state.lead.stage != stage {
            self.state.lead.stage = stage;
            self.notes.push(Note::Stage(stage));
        }
    }

    fn ignore(&mut self, why: Ignored) {
        self.notes.push(Note::Ignored(why));
    }

    /// The number of the next thing born of this lead; the last one is given again and again once a million are used up,
    /// and `run` and `task` ids are checked for that.
    fn born(&mut self) -> u64 {
        self.state.born = (self.state.born + 1).min(BORN_MAX);
        self.state.born
    }

    fn new_run_id(&mut self) -> RunId {
        RunId::born(self.state.lead.id, self.born())
    }
    fn new_task_id(&mut self) -> TaskId {
        TaskId::born(self.state.lead.id, self.born())
    }
    fn new_effect_id(&mut self) -> EffectId {
        EffectId::born(self.state.lead.id, self.born())
    }

    fn run_ix(&self, id: RunId) -> Option<usize> {
        self.state.runs.iter().position(|run| run.id == id)
    }

    fn run(&mut self, id: RunId) -> Option<&mut Run> {
        self.state.runs.iter_mut().find(|run| run.id == id)
    }

    fn task_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.state.tasks.iter_mut().find(|task| task.id == id)
    }

    fn definition(&self, run: RunId) -> Option<Arc<Workflow>> {
        let run = self.state.runs.iter().find(|r| r.id == run)?;
        self.cx.definitions.get(&run.workflow).cloned()
    }

    fn view(&self, run: Option<RunId>) -> View<'_> {
        View {
            state: self.state,
            live: self.cx.live,
            definitions: self.cx.definitions,
            account: self.cx.account,
            report: self.report,
            touch: self.touch.as_ref(),
            task: self.task.as_ref(),
            run: run.and_then(|id| self.state.runs.iter().find(|r| r.id == id)),
            now: self.cx.now,
        }
    }

    fn holds(&self, condition: &crate::expr::Expr, run: Option<RunId>) -> bool {
        condition.holds(&self.view(run))
    }
}
