//! How a lead moves: `step` takes an event, changes the lead's state, and returns the effects to be carried out.
//!
//! It is total: an illegal or late event changes nothing but the journal, which says why. `step` never fails, waits or
//! asks. The same state, event, definitions, settings and time always give the same result.

mod assign;
mod cadence;
mod decide;
mod escalate;
mod groups;
mod http;
mod identity;
mod interrupts;
mod people;
mod report;
mod runs;
mod sending;
mod split;
mod standing;
mod tasks;
mod telling;
mod timers;
mod verbs;
mod view;

pub use groups::gives_way_to;
pub(crate) use report::account_joined_by;
pub use runs::is_told_of_release;
pub use view::View;

use crate::account::AccountFacts;
use crate::effect::Effect;
use crate::event::{Event, LeadCommand, Report, Wish};
use crate::expr::{Expr, Fault};
use crate::id::{BORN_MAX, Digest, EffectId, RunId, TaskId};
use crate::identity::IdentityKey;
use crate::journal::{Change, Entry, Ignored, Note, Personal, Skeleton};
use crate::lead::{Channel, OptOut, Stage, Touch};
use crate::own_words::Said;
use crate::paused::Paused;
use crate::run::Run;
use crate::state::LeadState;
use crate::task::{Task, TaskKind};
use crate::time::Timestamp;
use crate::value::Value;
use crate::workflow::{Carry, ChosenBy, Workflow};
use crate::workspace::{Definitions, Live};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The most steps that one transition may take, counting those that follow an answer given at once. A
/// run that needs more is parked.
pub const HOPS_MAX: u32 = 256;

/// How often the changes of one event are carried through.
const SETTLED_MAX: usize = 8;

/// What a transition may look at besides the state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    /// Every definition that a run may have pinned.
    pub definitions: &'a Definitions,
    /// The settings, the plugins, and the workflows that new runs start with.
    pub live: &'a Live,
    /// The workflows, plugins and connections that operators have paused.
    pub paused: &'a Paused,
    /// What is known of the lead's account.
    pub account: Option<&'a AccountFacts>,
    pub now: Timestamp,
}

/// One transition: an event, and the answers that came while it was handled, until no effect was left to answer.
#[derive(Debug)]
pub(crate) struct Transition {
    event_id: String,
    now: Timestamp,
    events: Vec<Event>,
    notes: Vec<Note>,
    changes: Vec<Change>,
    /// The digest of what was in force at the latest event.
    catalog: Option<Digest>,
    /// What was known of the account when the transition began.
    account: Option<AccountFacts>,
    /// What was known of the account at the latest event.
    account_latest: Option<AccountFacts>,
    /// How many steps may still be taken.
    hops_left: u32,
}

impl Transition {
    /// Begins a transition that the event with this id causes.
    pub(crate) const fn begin(event_id: String, now: Timestamp) -> Self {
        Self {
            event_id,
            now,
            events: Vec::new(),
            notes: Vec::new(),
            changes: Vec::new(),
            catalog: None,
            account: None,
            account_latest: None,
            hops_left: HOPS_MAX,
        }
    }

    /// Handles one event and returns the effects that it asks for.
    pub(crate) fn feed(&mut self, context: Context<'_>, state: &mut LeadState, event: Event) -> Vec<Effect> {
        if self.events.is_empty() && !context.paused.is_empty() {
            self.events.push(Event::Braked(context.paused.clone()));
        }
        self.catalog = Some(context.live.digest);
        self.remember_account(context.account);
        let Handled { notes, effects, changes } = handle(context, state, &event, &mut self.hops_left);
        let before = self.notes.len();
        self.notes.extend(notes);
        self.changes.extend(changes.into_iter().map(|change| change.behind(before)));
        self.events.push(event);
        effects
    }

    /// Records what is known of the account. That may change between two events of one
    /// transition, and a replay must know when.
    fn remember_account(&mut self, account: Option<&AccountFacts>) {
        if self.account_latest.as_ref() == account {
            return;
        }
        if self.events.iter().all(|event| matches!(event, Event::Braked(_))) {
            self.account = account.cloned();
        } else {
            self.events.push(Event::AccountKnown(account.cloned()));
        }
        self.account_latest = account.cloned();
    }

    /// The id of the event that caused it.
    pub(crate) fn event_id(&self) -> &str {
        &self.event_id
    }

    /// Adds a note of something that none of the events says.
    pub(crate) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// Puts the transition into the journal. Returns what `told` makes of its notes, and the entry that the new one pushes out. A
    /// timer that found nothing due leaves no entry, and neither does a message or an event of the account that changed nothing. Every other
    /// transition does, even one without notes, because a plugin may have been asked in it.
    pub(crate) fn finish<T>(self, state: &mut LeadState, told: impl FnOnce(&[Note]) -> T) -> (T, Option<Entry>) {
        let told = told(&self.notes);
        let goes_on = |event: &Event| matches!(event, Event::Braked(_) | Event::MessageDue(_) | Event::OfAccount(_));
        let nothing_happened = self.notes.is_empty() && self.events.iter().all(goes_on);
        if nothing_happened || self.notes == [Note::Ignored(Ignored::NothingDue)] {
            return (told, None);
        }
        state.seq += 1;
        let Self { now, event_id: event, catalog, notes, events, account, changes, .. } = self;
        let skeleton = Skeleton { now, event, notes, catalog };
        let personal = Personal { events, account, changes };
        let pushed_out = state.latest.replace(Entry { seq: state.seq, skeleton, personal: Some(personal) });
        (told, pushed_out)
    }
}

/// The outcome of handling one event.
struct Handled {
    notes: Vec<Note>,
    effects: Vec<Effect>,
    changes: Vec<Change>,
}

fn handle(cx: Context<'_>, state: &mut LeadState, event: &Event, hops_left: &mut u32) -> Handled {
    let mut machine = Machine {
        cx,
        state,
        notes: Vec::new(),
        effects: Vec::new(),
        report: None,
        named: &[],
        dialled: None,
        touch: None,
        task: None,
        recalled: Vec::new(),
        updated: Vec::new(),
        raised: BTreeMap::new(),
        ready: VecDeque::new(),
        walking: false,
        hops_left: *hops_left,
        lead_changed: false,
        dates_moved: false,
        gate_before: None,
        changes: Vec::new(),
    };
    machine.handle(event);
    let Machine { notes, effects, changes, hops_left: left, .. } = machine;
    *hops_left = left;
    Handled { notes, effects, changes }
}

/// Replays a journal entry: takes `state` from what it was before the entry to what it was after. Returns `None` when
/// the person was erased, because the events went with them. A run whose definition has since been dropped cannot be
/// followed, so it is parked. `live` must be what was in force when the entry was made; see [`Skeleton::catalog`].
pub fn replay(definitions: &Definitions, live: &Live, state: &mut LeadState, entry: &Entry) -> Option<Vec<Note>> {
    let Personal { events, account, .. } = entry.personal.as_ref()?;
    let (mut account, mut paused) = (account.as_ref(), Paused::default());
    let mut notes = Vec::new();
    let mut hops_left = HOPS_MAX;
    for event in events {
        match event {
            // These mark a change of context for the events that follow; nothing was handled with them.
            Event::AccountKnown(facts) => account = facts.as_ref(),
            Event::Paused(names) => paused = Paused::of_names(names),
            Event::Braked(what) => paused.clone_from(what),
            event => {
                let context = Context { definitions, live, paused: &paused, account, now: entry.skeleton.now };
                notes.extend(handle(context, state, event, &mut hops_left).notes);
            }
        }
    }
    state.seq = entry.seq;
    state.latest = Some(entry.clone());
    Some(notes)
}

/// The working state while one event is handled.
struct Machine<'a> {
    cx: Context<'a>,
    state: &'a mut LeadState,
    notes: Vec<Note>,
    effects: Vec<Effect>,
    /// The event from outside that is being handled; conditions read it as `event.…`.
    report: Option<&'a Report>,
    /// The lead fields that the event or task report brings; they say which addresses and numbers it means.
    named: &'a [(String, Value)],
    /// The number that a task's call reached, as it was before the task's report changed any field.
    dialled: Option<IdentityKey>,
    /// The touch just completed; conditions read it as `touch.…`.
    touch: Option<Touch>,
    /// The task just done; conditions read it as `task.…`.
    task: Option<view::ClosedTask>,
    /// Earlier events that a run's wait has now taken; that run's conditions read them as `event.…`.
    recalled: Vec<(RunId, Report)>,
    /// The fields that the event has changed, with their old values; conditions read them as `event.changed` and
    /// `event.old.…`.
    updated: Vec<(String, Value)>,
    /// For each run, how many field changes by workflows led one after another to where it is.
    raised: BTreeMap<RunId, u8>,
    /// The runs whose steps are to be taken next, in order.
    ready: VecDeque<RunId>,
    /// Whether steps are being taken now. A run that becomes ready meanwhile joins the queue.
    walking: bool,
    /// How many steps may still be taken in this transition.
    hops_left: u32,
    /// Whether the lead has changed since the `leave` conditions were last evaluated.
    lead_changed: bool,
    /// Whether a field was set that a wait may depend on.
    dates_moved: bool,
    /// What the gate said of the open calls before the event was handled.
    gate_before: Option<tasks::CallVerdicts>,
    /// The lead fields that changed.
    changes: Vec<Change>,
}

impl<'a> Machine<'a> {
    fn handle(&mut self, event: &'a Event) {
        self.gate_before = self.gate_of_calls();
        self.reseat();
        match event {
            Event::Reported(report) => self.reported(report),
            Event::TaskDone(report) => self.task_done(report),
            Event::TaskMoved { task, change, .. } => self.task_moved(*task, change),
            Event::TimerDue | Event::Woken => self.timer_due(),
            Event::Decided(answer) => self.decided(answer),
            Event::Assigned { run, attempt, owner, how } => self.assigned(*run, *attempt, owner.as_ref(), *how),
            Event::Delivered { effect, run, attempt, ending, script, at, channel, is_request } => {
                let (effect, run, attempt, script) = (*effect, *run, *attempt, *script);
                // Mails are reported without a channel, as they were by earlier programs, which sent nothing else.
                let channel = channel.or(Some(Channel::Email)).filter(|_| !is_request);
                let sent = sending::Sent { effect, run, attempt, script, at: *at, channel, is_request: *is_request };
                self.delivered(&sent, ending);
            }
            Event::Enrolled { workflow, key, .. } => drop(self.enroll_by_name(workflow, key.as_deref())),
            Event::HoldExpired { workflow, go } => self.hold_expired(*workflow, *go),
            Event::Commanded { command, by } => self.commanded(command, by),
            Event::Bound { key, binding } => self.bound(key, binding),
            Event::Unbound { key, why } => self.released(key, *why),
            Event::KeyShared { kind, with } => self.notes.push(Note::KeyShared { kind: *kind, with: *with }),
            Event::RulesRaised(old) => self.raise_rules(old),
            Event::PutOff { run, attempt } => self.put_off(*run, *attempt),
            Event::PlaceFree(run) => self.place_is_free(*run),
            Event::AnswersLost => self.answers_lost(),
            Event::Resumed(workflows) => self.resumed(workflows),
            Event::Unclear { workflow, cause } => self.unclear(workflow, cause),
            Event::Deferred { channel, verdict } => {
                self.notes.push(Note::Gated { channel: Some(*channel), verdict: *verdict, effect: None });
            }
            Event::OfAccount(passed) => self.account_event(passed),
            Event::MessageDue(message) => self.message_due(message),
            Event::TakenBack(effect) => self.taken_back(*effect),
            Event::AccountKnown(_) | Event::Paused(_) | Event::Braked(_) => {}
        }
        self.settle();
    }

    /// Carries the lead's changes through to runs and tasks that the event did not address: again when what follows changes the lead, and
    /// whoever waits for a place comes last.
    fn settle(&mut self) {
        for _ in 0..SETTLED_MAX {
            if self.lead_changed {
                self.leave_runs();
            }
            if self.dates_moved {
                self.then_walk(Self::follow_dates);
            }
            self.regate_calls();
            self.withdraw_refused();
            self.admit_waiters();
            self.admit_ousted();
            if !self.lead_changed && !self.dates_moved {
                break;
            }
        }
    }

    fn commanded(&mut self, command: &LeadCommand, by: &str) {
        let now = self.cx.now;
        match command {
            LeadCommand::OptOut { reason } => self.opt_out(by, reason.clone()),
            LeadCommand::Prefer { refused, from } => {
                let consent = &mut self.state.lead.consent;
                let (mut more, mut fewer) = (Vec::new(), Vec::new());
                if let Some(refused) = refused {
                    more.extend(refused.iter().copied().filter(|channel| !consent.refused.contains(channel)));
                    fewer.extend(Channel::ALL.iter().copied().filter(|channel| !refused.contains(channel)));
                    consent.refused.clone_from(refused);
                }
                match *from {
                    Some(Wish::Then(at)) => consent.not_before = (at > now).then_some(at),
                    Some(Wish::AnyTime) => consent.not_before = None,
                    None => {}
                }
                let (refused, not_before) = (consent.refused.clone(), consent.not_before);
                self.notes.push(Note::Preferred { refused, not_before });
                self.bind_refused(&more, by, Some(self.state.lead.id));
                self.release_refused(&fewer);
            }
            LeadCommand::Pause => {
                self.state.lead.paused_at.get_or_insert(now);
                self.notes.push(Note::Paused(true));
            }
            LeadCommand::Resume => {
                if self.state.lead.paused_at.take().is_some() {
                    self.give_time_again(|task| task.kind == TaskKind::Call);
                }
                self.notes.push(Note::Paused(false));
            }
            LeadCommand::SetOwner(rep) if !self.team().knows(rep) => self.ignore(Ignored::UnknownRep),
            LeadCommand::SetOwner(rep) => {
                let lead = &mut self.state.lead;
                lead.ages.set("owner", now, lead.created_at);
                self.leave_holds(Some(rep));
                self.set_owner(rep, ChosenBy::Manual, Carry { move_open_tasks: true, watch_previous_owner: true });
            }
            LeadCommand::Disqualify { .. } => {
                self.set_stage(Stage::Disqualified.into());
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
        self.bind_opted_out(by);
        // Let the workflows' own `leave` name the ending first; then end every run, whatever its workflow says.
        self.leave_runs();
        self.end_all_runs("suppressed");
        if self.state.lead.stage != Stage::Suppressed {
            self.set_stage(Stage::Suppressed.into());
        }
    }

    fn set_stage(&mut self, stage: Said<Stage>) {
        let lead = &mut self.state.lead;
        if lead.stage == stage.means && lead.stage_own == stage.own {
            return;
        }
        if lead.stage != stage.means {
            self.updated.push(("stage".to_owned(), Value::Text(lead.stage.as_str().to_owned())));
        }
        if lead.stage_own != stage.own {
            self.updated.push(("stage_own".to_owned(), Value::text(lead.stage_own.as_deref())));
        }
        let is_done_with = matches!(stage.means, Stage::Suppressed | Stage::Disqualified);
        (lead.stage, lead.stage_own) = (stage.means, stage.own.clone());
        self.lead_changed = true;
        self.notes.push(Note::Stage(stage.means, stage.own));
        if is_done_with {
            self.leave_holds(None);
        }
    }

    fn ignore(&mut self, why: Ignored) {
        self.notes.push(Note::Ignored(why));
    }

    /// Whether the lead has used up its sequence numbers. It is then enrolled no more and its runs are parked, so
    /// that no id is ever given twice.
    fn is_spent(&self) -> bool {
        self.state.born >= BORN_MAX
    }

    /// The sequence number for the next run, task or effect of this lead. The caller has
    /// checked that the lead is not spent.
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

    /// A run's definition and the valid index of its current step. A run whose definition is gone is parked; otherwise
    /// its timer would fire again for ever.
    fn place(&mut self, run: RunId) -> Option<(Arc<Workflow>, usize)> {
        let step = self.run(run)?.step;
        let found = self.definition(run).and_then(|definition| Some((definition.place(step)?, definition)));
        match found {
            Some((ix, definition)) => Some((definition, ix)),
            None => {
                self.park(run, "the version of the workflow that it follows is not there any more".to_owned());
                None
            }
        }
    }

    fn definition(&self, run: RunId) -> Option<Arc<Workflow>> {
        let run = self.state.runs.iter().find(|r| r.id == run)?;
        self.cx.definitions.get(&run.workflow).cloned()
    }

    fn view(&self, run: Option<RunId>) -> View<'_> {
        let recalled = self.recalled.iter().rfind(|(of, _)| Some(*of) == run).map(|(_, report)| report);
        View {
            state: self.state,
            live: self.cx.live,
            definitions: self.cx.definitions,
            account: self.cx.account,
            updated: if recalled.is_some() { &[] } else { &self.updated },
            report: recalled.or(self.report),
            touch: self.touch.as_ref(),
            task: self.task.as_ref(),
            open_task: None,
            run: run.and_then(|id| self.state.runs.iter().find(|r| r.id == id)),
            now: self.cx.now,
        }
    }

    /// A view in which conditions are about another event.
    fn view_of<'v>(&'v self, report: &'v Report, run: Option<RunId>) -> View<'v> {
        let own = self.report.is_some_and(|own| std::ptr::eq(own, report));
        let updated: &[(String, Value)] = if own { &self.updated } else { &[] };
        View { report: Some(report), updated, ..self.view(run) }
    }

    fn holds(&self, condition: &Expr, run: Option<RunId>) -> Result<bool, Fault> {
        condition.holds(&self.view(run))
    }

    /// The first arm whose condition holds. Evaluation ends there, or at a condition without an answer.
    fn first_that_holds<'d, A>(
        &self,
        arms: &'d [A],
        condition: fn(&A) -> &Expr,
        run: RunId,
    ) -> Result<Option<&'d A>, Fault> {
        for arm in arms {
            if self.holds(condition(arm), Some(run))? {
                return Ok(Some(arm));
            }
        }
        Ok(None)
    }
}
