//! What each verb does when a run reaches its step.

use super::Machine;
use super::report::Word;
use crate::effect::{AssignRequest, Effect};
use crate::event::Report;
use crate::expr::{Expr, Fault};
use crate::field::field_info;
use crate::gate;
use crate::id::RunId;
use crate::journal::Note;
use crate::lead::{Channel, RepId};
use crate::own_words::Said;
use crate::reading::{self, Why};
use crate::run::{Run, RunState, key_text};
use crate::state::Recent;
use crate::task::TaskKind;
use crate::time::Timestamp;
use crate::value::{Value, ValueType};
use crate::workflow::{
    Asks, Assign, AssignBy, Assignment, Call, Email, Enrolment, NextDay, Require, Since, Step, StepId, StepIx, Target,
    Todo, Verb, Wait, Workflow,
};

/// An event of which a wait has heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    seq: u64,
    nth: u8,
    number: u64,
}

impl Seen {
    fn of(recent: &Recent) -> Self {
        Self { seq: recent.seq, nth: recent.nth, number: recent.number() }
    }
}

/// An event that a wait takes, what it says, and where it leads. The error has the event about which there is no answer.
type Came = Result<Option<(Seen, Report, Target)>, (Seen, Fault)>;

/// Why a task or a mail was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotMade {
    /// The gate will never allow it.
    Never,
    /// The lead has as many open tasks as it may have, or has used up its sequence numbers.
    NoRoom,
}

/// Why a run is parked when there was no room for its task or mail.
const NO_ROOM: &str = "the lead has as many open tasks as it may have";
/// What has no answer when a wait on a date cannot tell its date.
const DATE: &str = "`until` of its `wait`";

impl Machine<'_> {
    pub(super) fn take_step(&mut self, id: RunId) {
        let Some(definition) = self.definition(id) else {
            self.park(id, "the definition it runs by is not in the store".to_owned());
            return;
        };
        let Some(at) = self.run(id).map(|run| run.step) else { return };
        let Some(step) = definition.step(at) else {
            self.park(id, "its definition has no such step".to_owned());
            return;
        };
        self.notes.push(Note::Entered { run: id.in_journal(), step: at });
        let seq = self.state.seq + 1;
        if let Some(ix) = definition.place(at).filter(|ix| definition.looks_back_to(Since::Step(StepIx(*ix as u16))))
            && let Some(run) = self.run(id)
        {
            run.mark(Some(StepId::of(&definition.steps[ix].id)), seq);
        }
        self.do_verb(id, step, &definition);
        let known = self.events_so_far();
        if let Some(run) = self.run(id)
            && run.step == at
            && run.state.rests()
        {
            (run.moved_seq, run.moved_nth) = (seq, Some(known));
        }
    }

    fn do_verb(&mut self, id: RunId, step: &Step, definition: &Workflow) {
        match &step.verb {
            Verb::Score(score) => self.ask(id, definition, Asks::Main, &score.ask),
            Verb::Branch(branch) => self.ask(id, definition, Asks::Main, &branch.ask),
            Verb::Switch(arms) => match self.first_that_holds(arms, |arm| &arm.condition, id) {
                Ok(arm) => self.go(id, arm.map_or(step.next, |arm| arm.go)),
                Err(fault) => self.no_answer(id, "`switch`", &fault),
            },
            Verb::Assign(assign) => self.ask_for_owner(id, assign),
            Verb::Call(call) => self.enter_call(id, call, definition),
            Verb::Email(email) => self.enter_sending(id, Channel::Email, email, step.next),
            Verb::Message(message) => self.enter_sending(id, Channel::Message, message, step.next),
            Verb::Http(http) => self.enter_http(id, http),
            Verb::Cadence(cadence) => self.enter_cadence(id, cadence),
            Verb::Task(todo) => self.enter_todo(id, todo, definition),
            Verb::Wait(wait) => self.enter_wait(id, wait, step.next),
            Verb::Update(assignments) => {
                let attempt = self.run(id).map(|run| run.attempt);
                match self.update(id, assignments) {
                    // What others did about the change may have moved it.
                    Ok(()) if self.run(id).map(|run| run.attempt) == attempt => self.go(id, step.next),
                    Ok(()) => {}
                    Err(fault) => self.no_answer(id, "`update`", &fault),
                }
            }
            Verb::Enroll(enrolment) => {
                let key = match self.key_for(id, enrolment) {
                    Ok(key) => key,
                    Err(fault) => return self.no_answer(id, "`enroll`", &fault),
                };
                // Move this run on first; the run enrolled here sets out when this one has come to rest.
                self.go(id, step.next);
                self.enroll_for(id, &enrolment.workflow, key.as_deref());
            }
            Verb::Split(split) => {
                let arm = self.draw(id, split, step);
                self.go(id, arm);
            }
            Verb::Require(require) => match self.missing(id, require) {
                Ok(missing) => self.go(id, if missing { require.missing } else { step.next }),
                Err(fault) => self.no_answer(id, "`require`", &fault),
            },
            Verb::Notify(_) | Verb::Watch(_) => {
                self.deed(id, &step.verb);
                self.go(id, step.next);
            }
            Verb::End(ending) => self.end_run(id, ending),
        }
    }

    /// Does what an interrupt may do while its run stays, too. Other verbs move their run, and are passed over here.
    pub(super) fn deed(&mut self, id: RunId, verb: &Verb) {
        match verb {
            Verb::Update(assignments) => {
                if let Err(fault) = self.update(id, assignments) {
                    self.no_answer(id, "`update`", &fault);
                }
            }
            Verb::Enroll(enrolment) => match self.key_for(id, enrolment) {
                Ok(key) => self.enroll_for(id, &enrolment.workflow, key.as_deref()),
                Err(fault) => self.no_answer(id, "`enroll`", &fault),
            },
            Verb::Notify(notify) => self.notify_party(id, notify),
            Verb::Watch(party) => self.watch(id, party),
            _ => {}
        }
    }

    /// The key of the run that a step begins in another workflow.
    fn key_for(&self, id: RunId, enrolment: &Enrolment) -> Result<Option<String>, Fault> {
        let Some(key) = &enrolment.key else { return Ok(None) };
        key.eval(&self.view(Some(id))).map(|value| key_text(&value))
    }

    /// Whether a required field is blank.
    fn missing(&mut self, id: RunId, require: &Require) -> Result<bool, Fault> {
        if !self.holds(&require.condition, Some(id))? {
            return Ok(false);
        }
        let blank = require.fields.iter().filter(|field| self.view(Some(id)).lead(field).is_blank());
        let fields: Vec<String> = blank.cloned().collect();
        if fields.is_empty() {
            return Ok(false);
        }
        self.notes.push(Note::Missing { run: id.in_journal(), fields });
        Ok(true)
    }

    fn enter_call(&mut self, id: RunId, call: &Call, definition: &Workflow) {
        match self.make_task(id, TaskKind::Call, None, call.into(), definition) {
            Ok(task) => self.set_run_state(id, RunState::Task(task)),
            // The gate will never allow a call, so the run goes on as if the call had come to nothing.
            Err(NotMade::Never) => self.go(id, call.results.otherwise),
            Err(NotMade::NoRoom) => self.park(id, NO_ROOM.to_owned()),
        }
    }

    fn enter_todo(&mut self, id: RunId, todo: &Todo, definition: &Workflow) {
        match self.make_task(id, TaskKind::Todo, None, todo.into(), definition) {
            Ok(task) => self.set_run_state(id, RunState::Task(task)),
            Err(_) => self.park(id, NO_ROOM.to_owned()),
        }
    }

    fn enter_sending(&mut self, id: RunId, channel: Channel, email: &Email, next: Target) {
        match self.send(id, channel, email) {
            Ok(effect) => self.set_run_state(id, RunState::Sending(effect)),
            Err(NotMade::Never) => self.go(id, email.results.map_or(next, |results| results.refused)),
            Err(NotMade::NoRoom) => self.park(id, NO_ROOM.to_owned()),
        }
    }

    pub(super) fn set_run_state(&mut self, id: RunId, state: RunState) {
        if let Some(run) = self.run(id) {
            run.state = state;
        }
    }

    fn ask_for_owner(&mut self, id: RunId, assign: &Assign) {
        let named = match assign.by {
            AssignBy::Territory => match self.territory_owner(id) {
                Ok(owner) => owner,
                Err(fault) => return self.no_answer(id, "the territories", &fault),
            },
            _ => assign.rep.clone().map(RepId),
        };
        // A territory may be a pool's: then somebody of it is chosen.
        let (named, of_pool) = match named {
            Some(name) if self.team().pools.contains_key(&name.0) => (None, Some(name.0)),
            named => (named, None),
        };
        let by = if of_pool.is_some() { AssignBy::LongestIdle } else { assign.by };
        let Some((attempt, had)) = self.run(id).map(|run| {
            run.state = RunState::Assigning;
            (run.attempt, run.had.clone())
        }) else {
            return;
        };
        self.effects.push(Effect::Assign(AssignRequest {
            run: id,
            attempt,
            pool: of_pool.or_else(|| assign.pool.clone()),
            by,
            sticky: assign.sticky,
            fallback: assign.fallback.clone(),
            current: self.state.lead.owner.clone(),
            account: self.state.lead.account,
            named,
            except: if assign.anew { had } else { Vec::new() },
            callable_from: gate::callable_from(&self.state.lead, &self.cx.live.settings, self.cx.now),
        }));
    }

    fn update(&mut self, id: RunId, assignments: &[Assignment]) -> Result<(), Fault> {
        self.tell_of_updates(id, |machine| machine.assign_values(id, assignments))
    }

    /// Does something for a run that sets fields; the lead's other runs and workflows hear which.
    pub(super) fn tell_of_updates<T>(&mut self, id: RunId, set: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::take(&mut self.updated);
        let done = set(self);
        let updated = std::mem::replace(&mut self.updated, before);
        if !updated.is_empty() {
            self.raise_updated(id, &updated);
        }
        done
    }

    fn assign_values(&mut self, id: RunId, assignments: &[Assignment]) -> Result<(), Fault> {
        for assignment in assignments {
            match assignment {
                Assignment::Stage(stage) => self.set_stage((*stage).into()),
                Assignment::OwnStage { own, means } => self.set_stage(Said { means: *means, own: Some(own.clone()) }),
                Assignment::Segment(segment) => self.set_segment(*segment),
                Assignment::Field { field, value } => {
                    let clears = *value == Expr::Literal(Value::Blank);
                    let value = value.eval(&self.view(Some(id)))?;
                    self.update_field(id, field, value, clears);
                }
            }
        }
        Ok(())
    }

    /// Sets a field from a computed value. A literal `null` clears the field; an expression that
    /// comes out blank leaves it as it is.
    pub(super) fn update_field(&mut self, run: RunId, field: &str, value: Value, clears: bool) {
        let settings = &self.cx.live.settings;
        let declared = settings.fields.get(field);
        let kind = field_info(field).map(|info| info.kind).or(declared.map(|declared| declared.kind));
        let kind = kind.unwrap_or(ValueType::Any);
        let read = reading::read_field(field, value, kind, settings.calendar.zone());
        let value = match read.and_then(|value| reading::choose(field, value, declared)) {
            Ok(value) => value,
            Err(left) => return self.left_out(field, left.why),
        };
        if !value.is_blank() || clears {
            self.set_fields(&[(field.to_owned(), value)], Word::Run(run));
        } else if !self.state.lead.profile.get(field).is_blank() {
            self.left_out(field, Why::Blank);
        }
    }

    pub(super) fn set_segment(&mut self, segment: crate::plugin::Segment) {
        if self.state.lead.segment != Some(segment) {
            let before = Value::text(self.state.lead.segment.map(|segment| segment.as_str()));
            self.updated.push(("segment".to_owned(), before));
            self.state.lead.segment = Some(segment);
            self.lead_changed = true;
            self.notes.push(Note::Segment(segment));
        }
    }

    fn enter_wait(&mut self, id: RunId, wait: &Wait, next: Target) {
        let now = self.cx.now;
        match wait {
            Wait::For(span) => {
                let until = self.cx.live.settings.calendar.add(now, *span);
                if until <= now { self.go(id, next) } else { self.wait_until(id, Some(until)) }
            }
            Wait::Until { date, past, blank, .. } => match self.wait_date(id, wait, date) {
                Ok(None) => self.go(id, *blank),
                Ok(Some(until)) if until <= now => self.go(id, *past),
                Ok(Some(until)) => self.wait_until(id, Some(until)),
                Err(fault) => self.no_answer(id, DATE, &fault),
            },
            Wait::Next { day, at } => {
                let until = self.next_time(*day, *at);
                self.wait_until(id, Some(until));
            }
            Wait::Event { timeout, on_timeout, since, .. } => {
                let came = match self.came(id, wait, *since) {
                    Ok(came) => came,
                    Err((seen, fault)) => return self.no_answer_to_event(id, seen, &fault),
                };
                let until = self.cx.live.settings.calendar.add(now, *timeout);
                match came {
                    Some((seen, report, go)) => {
                        self.saw_event(id, seen);
                        // The conditions that follow are about this event, not about the one being handled.
                        self.recalled.push((id, report));
                        self.go(id, go);
                    }
                    None if until <= now => self.go(id, *on_timeout),
                    None => self.wait_until(id, Some(until)),
                }
            }
        }
    }

    /// The earliest event that the wait takes of those that came before the run did: which, the event, and where it leads. What moved
    /// the run here, and what the run itself has changed, is not for the wait. The error also has the event about which there is no answer.
    fn came(&self, id: RunId, wait: &Wait, since: Since) -> Came {
        let Some(run) = self.state.runs.iter().find(|run| run.id == id) else { return Ok(None) };
        let Some(definition) = self.cx.definitions.get(&run.workflow) else { return Ok(None) };
        let marked = match since {
            Since::Moved => None,
            Since::Run => run.marked(None),
            Since::Step(ix) => {
                definition.steps.get(usize::from(ix.0)).and_then(|step| run.marked(Some(StepId::of(&step.id))))
            }
        };
        let is_later = |recent: &Recent| match marked {
            Some(seq) => recent.seq > seq,
            None if recent.seq == run.moved_seq => run.moved_nth.is_some_and(|known| recent.nth >= known),
            None => recent.seq > run.moved_seq,
        };
        let counts =
            |recent: &&Recent| is_later(recent) && !run.taken.contains(&recent.number()) && recent.by != Some(id);
        for recent in self.state.recent.iter().filter(counts) {
            let report = recall(recent);
            for awaited in wait.awaited().filter(|awaited| awaited.event == recent.kind) {
                let mut view = self.view(Some(id));
                view.report = Some(&report);
                if awaited.condition.holds(&view).map_err(|fault| (Seen::of(recent), fault))? {
                    return Ok(Some((Seen::of(recent), report, awaited.go)));
                }
            }
        }
        Ok(None)
    }

    /// Records that a wait has taken this event, so that the next wait does not take it again.
    fn saw_event(&mut self, id: RunId, seen: Seen) {
        if let Some(run) = self.run(id) {
            (run.moved_seq, run.moved_nth) = (seen.seq, Some(seen.nth.saturating_add(1)));
        }
        if self.definition(id).is_some_and(|definition| definition.looks_back()) {
            self.has_taken(id, seen);
        }
    }

    fn has_taken(&mut self, id: RunId, seen: Seen) {
        let kept: Vec<u64> = self.state.recent.iter().map(Recent::number).collect();
        if let Some(run) = self.run(id).filter(|run| !run.taken.contains(&seen.number)) {
            run.taken.retain(|taken| kept.contains(taken));
            run.taken.push(seen.number);
        }
    }

    /// The event being handled, as the waits know it.
    fn seen_now(&self) -> Seen {
        let seq = self.state.seq + 1;
        let latest = self.state.recent.last().filter(|latest| latest.seq == seq);
        latest.map_or(Seen { seq, nth: 0, number: seq }, Seen::of)
    }

    /// The event being handled has moved the runs that are to set out now. It is not for a wait to which it led them.
    pub(super) fn has_moved_runs(&mut self) {
        if self.events_so_far() > 0 {
            let seen = self.seen_now();
            let moved = |run: &&Run| self.ready.contains(&run.id);
            let moved: Vec<RunId> = self.state.runs.iter().filter(moved).map(|run| run.id).collect();
            moved.into_iter().for_each(|run| self.has_taken(run, seen));
        }
    }

    /// The next such day or opening on the lead's clock, strictly later than now.
    fn next_time(&self, day: NextDay, at: Option<u16>) -> Timestamp {
        gate::hours_of(&self.state.lead, &self.cx.live.settings).next_day(self.cx.now, day, at)
    }

    fn wait_until(&mut self, id: RunId, until: Option<Timestamp>) {
        self.set_run_state(id, RunState::Waiting { until });
        self.notes.push(Note::Waiting { run: id.in_journal(), until });
    }

    /// Parks a run that cannot tell whether it waits for an event. It counts as seen, or the run would be parked again and again.
    fn no_answer_to_event(&mut self, id: RunId, seen: Seen, fault: &Fault) {
        self.saw_event(id, seen);
        self.no_answer(id, "`if` of its `wait`", fault);
    }

    /// The moment that a wait on a date ends, or `None` while the date is blank.
    fn wait_date(&self, run: RunId, wait: &Wait, date: &Expr) -> Result<Option<Timestamp>, Fault> {
        let Wait::Until { offset, before, .. } = wait else { return Ok(None) };
        let calendar = &self.cx.live.settings.calendar;
        let date = date.moment(&self.view(Some(run)))?;
        Ok(date.map(|date| if *before { calendar.subtract(date, *offset) } else { calendar.add(date, *offset) }))
    }

    /// Makes runs that wait for a date follow it, once a field was set that may have moved it.
    pub(super) fn follow_dates(&mut self) {
        self.dates_moved = false;
        self.each_waiting_run(Self::follow_date);
    }

    fn each_waiting_run(&mut self, wake: fn(&mut Self, RunId, &Wait)) {
        let waiting: Vec<RunId> = self
            .state
            .runs
            .iter()
            .filter(|run| matches!(run.state, RunState::Waiting { .. }))
            .map(|run| run.id)
            .collect();
        for id in waiting {
            let Some((definition, ix)) = self.place(id) else { continue };
            if let Verb::Wait(wait) = &definition.steps[ix].verb {
                wake(self, id, wait);
            }
        }
    }

    /// Moves a run on that waits for the event being handled.
    pub(super) fn wake_by_event(&mut self, id: RunId, report: &Report) {
        if !self.run(id).is_some_and(|run| matches!(run.state, RunState::Waiting { .. })) {
            return;
        }
        let Some((definition, ix)) = self.place(id) else { return };
        let Verb::Wait(wait) = &definition.steps[ix].verb else { return };
        let seen = self.seen_now();
        for awaited in wait.awaited().filter(|awaited| awaited.event == report.kind) {
            match self.holds(&awaited.condition, Some(id)) {
                Ok(true) => {
                    self.saw_event(id, seen);
                    return self.go_on(id, awaited.go);
                }
                Ok(false) => {}
                Err(fault) => return self.no_answer_to_event(id, seen, &fault),
            }
        }
    }

    fn follow_date(&mut self, id: RunId, wait: &Wait) {
        let Wait::Until { date, past, blank, .. } = wait else { return };
        let waited = self.run(id).map(|run| run.state.clone());
        let until = match self.wait_date(id, wait, date) {
            Ok(until) => until,
            Err(fault) => return self.no_answer(id, DATE, &fault),
        };
        if waited == Some(RunState::Waiting { until }) {
            return;
        }
        match until {
            None => self.go_on(id, *blank),
            Some(until) if until <= self.cx.now => self.go_on(id, *past),
            until => self.wait_until(id, until),
        }
    }

    /// Moves a run on whose wait has run out.
    pub(super) fn wait_over(&mut self, id: RunId) {
        let Some((definition, ix)) = self.place(id) else { return };
        let step = &definition.steps[ix];
        match &step.verb {
            Verb::Wait(Wait::Event { on_timeout, .. }) => self.go_on(id, *on_timeout),
            Verb::Wait(wait @ Wait::Until { date, blank, .. }) => match self.wait_date(id, wait, date) {
                Ok(None) => self.go_on(id, *blank),
                Ok(Some(until)) if until > self.cx.now => self.wait_until(id, Some(until)),
                Ok(Some(_)) => self.go_on(id, step.next),
                Err(fault) => self.no_answer(id, DATE, &fault),
            },
            _ => self.go_on(id, step.next),
        }
    }
}

/// An earlier event in the form that conditions see.
fn recall(recent: &Recent) -> Report {
    Report {
        kind: recent.kind.clone(),
        at: recent.at,
        source: recent.source.clone(),
        fields: Vec::new(),
        data: recent.data.clone(),
        enrolls: false,
        only_finds: false,
        left_out: Vec::new(),
        standing: None,
        also: Vec::new(),
    }
}
