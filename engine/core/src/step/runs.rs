//! Runs: which workflows a lead is enrolled in, when a run leaves or ends, and how it moves from step to step.

use super::{HOPS_MAX, Machine};
use crate::effect::Effect;
use crate::event::Report;
use crate::expr::Fault;
use crate::id::{RunId, TaskId};
use crate::journal::{Ignored, Note, Refusal};
use crate::run::{COMPLETED, CadencePhase, Past, Run, RunState, key_text};
use crate::state::{LeadState, RUNS_MAX};
use crate::task::Task;
use crate::time::Timestamp;
use crate::workflow::{Enroll, ReEnroll, Since, StepId, Target, Whose, Workflow};
use crate::workspace::Definitions;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name under which the latest run of a workflow is remembered. If the workflow's runs have keys, there is one for each key.
fn past_name(workflow: &str, key: Option<&str>) -> String {
    key.map_or_else(|| workflow.to_owned(), |key| format!("{workflow}/{key}"))
}

/// The open tasks of a workflow's runs that were on offer before this moment and whose runs did not stand still. If the workflow
/// was released at that moment, their time counts from it.
fn tasks_before<'s>(
    state: &'s LeadState,
    definitions: &Definitions,
    workflow: &str,
    at: Timestamp,
) -> impl Iterator<Item = &'s Task> {
    let of_it = |run: &&Run| run.braked_at.is_none() && definitions.name(&run.workflow) == Some(workflow);
    let runs: Vec<RunId> = state.runs.iter().filter(of_it).map(|run| run.id).collect();
    state.tasks.iter().filter(move |task| {
        task.created_at < at
            && task.not_before.is_none_or(|offered| offered < at)
            && task.run.is_some_and(|run| runs.contains(&run))
    })
}

/// Whether a lead has to hear that brakes were released, including those of these workflows at these times.
pub fn is_told_of_release(
    state: &LeadState,
    definitions: &Definitions,
    workflows: &BTreeMap<String, Timestamp>,
) -> bool {
    let has_tasks = |(name, at): (&String, &Timestamp)| tasks_before(state, definitions, name, *at).next().is_some();
    state.runs.iter().any(|run| run.braked_at.is_some()) || workflows.iter().any(has_tasks)
}

impl Machine<'_> {
    /// The workflows that enrol the lead by this event, each evaluated on the lead as the event left it.
    pub(super) fn wanted(&mut self, report: &Report) -> Vec<Arc<Workflow>> {
        let asked = self.cx.live.workflows.values().map(|workflow| (workflow, self.wants(workflow, report)));
        let asked: Vec<(&Arc<Workflow>, Result<bool, Fault>)> = asked.collect();
        let mut wanted: Vec<Arc<Workflow>> = Vec::new();
        for (workflow, wants) in asked {
            match wants {
                Ok(true) => wanted.push(Arc::clone(workflow)),
                Ok(false) => {}
                Err(fault) => self.unclear(&workflow.name, &fault.to_string()),
            }
        }
        // If one event brings the lead into several workflows of a group, the one with the highest priority comes first.
        wanted.sort_by_key(|workflow| std::cmp::Reverse(workflow.group.as_ref().map_or(0, |group| group.priority)));
        wanted
    }

    /// Whether a workflow enrols the lead for this event. One way in is enough, even if others have no answer.
    fn wants(&self, workflow: &Workflow, report: &Report) -> Result<bool, Fault> {
        let mut fault = None;
        for way in &workflow.enroll {
            if let Enroll::When { event, condition } = way
                && *event == report.kind
            {
                match condition.holds(&self.view_of(report, None)) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(found) => fault = fault.or(Some(found)),
                }
            }
        }
        fault.map_or(Ok(false), Err)
    }

    /// Records that it cannot be told whether a workflow is for the lead, so a person has to look.
    pub(super) fn unclear(&mut self, workflow: &str, cause: &str) {
        self.not_enrolled(workflow, Refusal::NoAnswer);
        self.effects.push(Effect::Unclear { workflow: workflow.to_owned(), cause: cause.to_owned() });
    }

    /// Enrols the lead by an event for which the workflow has a way in.
    pub(super) fn enroll_by_event(&mut self, workflow: &Arc<Workflow>, report: &Report) -> Option<RunId> {
        let key = workflow.key.as_ref().map(|key| key.eval(&self.view_of(report, None)));
        match key.transpose() {
            Ok(None) => return self.enroll(workflow, None),
            Ok(Some(value)) => match key_text(&value) {
                Some(key) => return self.enroll(workflow, Some(key)),
                None => self.not_enrolled(&workflow.name, Refusal::NoKey),
            },
            Err(fault) => self.unclear(&workflow.name, &fault.to_string()),
        }
        None
    }

    /// Enrols the lead in a workflow for a run of another, and with it the count of changes that lie behind that run.
    pub(super) fn enroll_for(&mut self, by: RunId, name: &str, key: Option<&str>) {
        let depth = self.raised.get(&by).copied();
        if let (Some(id), Some(depth)) = (self.enroll_by_name(name, key), depth) {
            self.raised.insert(id, depth);
            if let Some(run) = self.run(id) {
                run.raised = depth;
            }
        }
    }

    pub(super) fn enroll_by_name(&mut self, name: &str, key: Option<&str>) -> Option<RunId> {
        match self.cx.live.workflows.get(name) {
            Some(workflow) if workflow.key.is_some() && key.is_none() => self.not_enrolled(name, Refusal::NoKey),
            Some(workflow) => {
                let key = key.filter(|_| workflow.key.is_some()).map(str::to_owned);
                return self.enroll(workflow, key);
            }
            None => self.not_enrolled(name, Refusal::Unknown),
        }
        None
    }

    pub(super) fn not_enrolled(&mut self, workflow: &str, why: Refusal) {
        self.notes.push(Note::NotEnrolled { workflow: workflow.to_owned(), why });
    }

    /// The lead's runs of a workflow, whatever version each of them has pinned.
    pub(super) fn runs_of(&self, workflow: &str) -> impl Iterator<Item = &Run> {
        let definitions = self.cx.definitions;
        self.state.runs.iter().filter(move |run| definitions.name(&run.workflow) == Some(workflow))
    }

    pub(super) fn enroll(&mut self, workflow: &Arc<Workflow>, key: Option<String>) -> Option<RunId> {
        if let Some(why) = self.refusal(workflow, key.as_deref()) {
            match &workflow.re_enroll {
                ReEnroll::When(condition) if why == Refusal::NoAnswer => {
                    let fault = self.holds(condition, None).err();
                    fault.iter().for_each(|fault| self.unclear(&workflow.name, &fault.to_string()));
                }
                _ => self.not_enrolled(&workflow.name, why),
            }
            return None;
        }
        if !self.take_group(workflow, key.as_deref()) {
            return None;
        }
        let id = self.begin_run(workflow, workflow.first());
        if let Some(run) = self.run(id) {
            run.key = key;
        }
        self.walk(id);
        Some(id)
    }

    fn refusal(&self, workflow: &Workflow, key: Option<&str>) -> Option<Refusal> {
        if self.is_suppressed() {
            return Some(Refusal::Suppressed);
        }
        if self.runs_of(&workflow.name).any(|run| key.is_none() || run.key.as_deref() == key) {
            return Some(Refusal::AlreadyIn);
        }
        if self.state.runs.len() >= RUNS_MAX || self.is_spent() {
            return Some(Refusal::TooManyRuns);
        }
        let past = self.state.past.get(&past_name(&workflow.name, key))?;
        let may = match &workflow.re_enroll {
            ReEnroll::Always => true,
            ReEnroll::Never => false,
            ReEnroll::After(span) => self.cx.now >= self.cx.live.settings.calendar.add(past.ended_at, *span),
            ReEnroll::When(_) if past.could_come_again => false,
            ReEnroll::When(condition) => match self.holds(condition, None) {
                Ok(holds) => holds,
                Err(_) => return Some(Refusal::NoAnswer),
            },
        };
        (!may).then_some(Refusal::TooSoon)
    }

    pub(super) fn begin_run(&mut self, definition: &Workflow, step: StepId) -> RunId {
        let (now, seq, workflow) = (self.cx.now, self.state.seq + 1, definition.digest);
        let known = self.events_so_far();
        let id = self.new_run_id();
        let mut run = Run {
            id,
            workflow,
            started_at: now,
            step,
            entered_at: now,
            attempt: 1,
            moved_seq: seq,
            state: RunState::Ready,
            look_again_at: None,
            braked_at: None,
            paused_until: None,
            roles: BTreeMap::new(),
            had: Vec::new(),
            marks: Vec::new(),
            taken: Vec::new(),
            key: None,
            cadence: None,
            hears_account: definition.heard_of_account().next().is_some(),
            after_hold: false,
            raised: 0,
            moved_nth: Some(known),
        };
        if definition.looks_back_to(Since::Run) {
            run.mark(None, seq);
        }
        self.state.runs.push(run);
        self.notes.push(Note::Enrolled { run: id.in_journal(), workflow, owner: self.state.lead.owner.clone() });
        id
    }

    /// Ends the runs for which a `leave` condition holds.
    pub(super) fn leave_runs(&mut self) {
        self.leave_runs_at(None);
    }

    /// Ends the runs for which a `leave` condition holds, including the conditions that are evaluated at events of this type.
    pub(super) fn leave_runs_at(&mut self, heard: Option<(&Report, Whose)>) {
        self.lead_changed = false;
        let asked = self.state.runs.iter().filter_map(|run| Some((run.id, self.leaves(run, heard).transpose()?)));
        let leaving: Vec<(RunId, Result<String, Fault>)> = asked.collect();
        self.leave(leaving);
    }

    /// Ends one run if it leaves at this event.
    pub(super) fn leave_run_at(&mut self, id: RunId, report: &Report) {
        let run = self.state.runs.iter().find(|run| run.id == id);
        let ending = run.and_then(|run| self.leaves(run, Some((report, Whose::Own))).transpose());
        self.leave(ending.into_iter().map(|ending| (id, ending)).collect());
    }

    fn leave(&mut self, leaving: Vec<(RunId, Result<String, Fault>)>) {
        for (run, ending) in leaving {
            match ending {
                Ok(ending) => self.end_run(run, &ending),
                Err(fault) => self.no_answer(run, "`leave`", &fault),
            }
        }
    }

    pub(super) fn withdraw_tasks_of(&mut self, run: RunId) {
        let tasks: Vec<TaskId> = self.state.tasks.iter().filter(|t| t.run == Some(run)).map(|t| t.id).collect();
        tasks.into_iter().for_each(|task| self.withdraw_task(task));
    }

    /// The ending with which a run leaves, if it does. A condition that holds outweighs an earlier one without an answer.
    fn leaves(&self, run: &Run, heard: Option<(&Report, Whose)>) -> Result<Option<String>, Fault> {
        let Some(definition) = self.cx.definitions.get(&run.workflow) else { return Ok(None) };
        let heard = heard.filter(|(report, whose)| self.hears(run, report, *whose));
        let heard = heard.map(|(report, whose)| (&report.kind, whose));
        let mut fault = None;
        for leave in definition.leave.iter().filter(|leave| leave.is_asked(heard)) {
            match self.holds(&leave.condition, Some(run.id)) {
                Ok(true) => return Ok(Some(leave.ending.clone())),
                Ok(false) => {}
                Err(found) => fault = fault.or(Some(found)),
            }
        }
        // A run whose message is under way would send it again later. Its conditions are evaluated again when it moves on.
        fault.filter(|_| !run.state.is_sending()).map_or(Ok(None), Err)
    }

    pub(super) fn end_all_runs(&mut self, ending: &str) {
        let runs: Vec<RunId> = self.state.runs.iter().map(|run| run.id).collect();
        runs.into_iter().for_each(|run| self.end_run(run, ending));
    }

    /// Ends a run: withdraws its open tasks, and remembers the ending for `re_enroll`.
    pub(super) fn end_run(&mut self, id: RunId, ending: &str) {
        let Some(ix) = self.run_ix(id) else { return };
        let name = self.definition(id).map_or_else(|| self.state.runs[ix].workflow.to_string(), |d| d.name.clone());
        let again = self.cx.live.workflows.get(&name).map(|workflow| &workflow.re_enroll);
        let could_come_again =
            matches!(again, Some(ReEnroll::When(condition)) if matches!(self.holds(condition, None), Ok(true)));
        let run = self.state.runs.remove(ix);
        let (at, name) = (Some(run.at()), past_name(&name, run.key.as_deref()));
        self.withdraw_tasks_of(id);
        let count = self.state.past.get(&name).map_or(0, |past| past.count).saturating_add(1);
        let past = Past { run: id, ended_at: self.cx.now, ending: ending.to_owned(), count, could_come_again };
        self.state.remember_past(name, past);
        self.notes.push(Note::Ended { run: id.in_journal(), ending: ending.to_owned(), at });
        if self.state.runs.is_empty() {
            self.state.recent.clear();
        }
    }

    /// Parks a run because an expression has no answer; `place` says which expression. The run takes its step again when it goes
    /// on. In a cadence it goes on where it was, and its contacts stay counted.
    pub(super) fn no_answer(&mut self, id: RunId, place: &str, fault: &Fault) {
        let now = self.cx.now;
        let Some(run) = self.run(id) else { return };
        // The person who has to look at it has been told.
        if matches!(run.state, RunState::Parked { .. }) {
            return;
        }
        let awaited = run.awaited_task();
        let is_open = self.state.tasks.iter().any(|task| Some(task.id) == awaited);
        self.withdraw_tasks_of(id);
        self.park(id, format!("{place}: {fault}"));
        // A call that was open is made again then.
        if let Some(kept) = self.run(id).and_then(|run| run.cadence.as_mut()).filter(|_| is_open) {
            let redial = matches!(kept.phase, CadencePhase::RedialTask(_));
            kept.phase = if redial { CadencePhase::Redial(now) } else { CadencePhase::Pause(now) };
        }
    }

    pub(super) fn park(&mut self, id: RunId, cause: String) {
        let at = self.cx.now;
        if let Some(run) = self.run(id) {
            run.attempt = run.attempt.saturating_add(1);
            if let RunState::Cadence(cadence) = run.state {
                run.cadence = Some(cadence);
            }
            run.state = RunState::Parked { cause: cause.clone(), at };
            let at = Some(run.at());
            self.notes.push(Note::Parked { run: id.in_journal(), cause, at });
        }
    }

    pub(super) fn unpark(&mut self, id: RunId) {
        match self.run(id) {
            Some(run) if matches!(run.state, RunState::Parked { .. }) => {
                run.state = RunState::Ready;
                self.walk(id);
            }
            Some(_) => self.ignore(Ignored::NotAwaited),
            None => self.ignore(Ignored::UnknownRun),
        }
    }

    /// Moves a run to its next step. [`Machine::walk`] then takes that step.
    pub(super) fn go(&mut self, id: RunId, target: Target) {
        let now = self.cx.now;
        if target == Target::End {
            return self.end_run(id, COMPLETED);
        }
        let Some(step) = self.definition(id).and_then(|definition| definition.landing(target)) else {
            return self.park(id, "its definition has no such step".to_owned());
        };
        let raised = self.raised.get(&id).copied().unwrap_or(0);
        if let Some(run) = self.run(id) {
            run.raised = raised;
            run.step = step;
            run.entered_at = now;
            run.paused_until = None;
            run.cadence = None;
            run.attempt = run.attempt.saturating_add(1);
            run.state = RunState::Ready;
        }
    }

    /// Moves a run to its next step, and takes its steps until it waits, ends or asks.
    pub(super) fn go_on(&mut self, id: RunId, target: Target) {
        self.go(id, target);
        self.walk(id);
    }

    /// Takes a run's steps until it waits, ends or asks: at once, or after the runs that are walking now.
    pub(super) fn walk(&mut self, id: RunId) {
        self.ready.push_back(id);
        self.walk_ready();
    }

    /// Does something during which no run takes a step. Runs that became ready take their steps afterwards, in the order in which
    /// they began.
    pub(super) fn then_walk(&mut self, first: impl FnOnce(&mut Self)) {
        let within_another = std::mem::replace(&mut self.walking, true);
        let ready_before: Vec<RunId> = self.ready.iter().copied().collect();
        first(self);
        self.has_moved_runs(&ready_before);
        self.oldest_first();
        self.walking = within_another;
        self.walk_ready();
    }

    fn oldest_first(&mut self) {
        let runs = &self.state.runs;
        let place = |id: &RunId| runs.iter().position(|run| run.id == *id);
        self.ready.make_contiguous().sort_by_key(place);
    }

    fn walk_ready(&mut self) {
        if self.walking {
            return;
        }
        self.walking = true;
        while let Some(id) = self.ready.pop_front() {
            self.walk_alone(id);
        }
        self.walking = false;
    }

    fn walk_alone(&mut self, id: RunId) {
        // The `leave` conditions are evaluated when a run sets out, and again whenever a step changed the lead.
        self.lead_changed = true;
        while self.is_ready(id) {
            if self.lead_changed {
                self.leave_runs();
            } else if self.brake(id) {
                return;
            } else if self.hops_left == 0 {
                self.park(id, format!("more than {HOPS_MAX} steps in one go: the workflow goes round in a circle"));
            } else {
                self.hops_left -= 1;
                self.take_step(id);
            }
        }
    }

    fn is_ready(&mut self, id: RunId) -> bool {
        self.run(id).is_some_and(|run| run.state == RunState::Ready)
    }

    /// Whether a run that is about to move must stand still, because its workflow or the plugin that it must ask is paused, or a
    /// workflow of a higher priority has the lead. The run stays where it is, and nothing that it waits for is lost. It goes on
    /// when nothing holds it any more.
    pub(super) fn brake(&mut self, id: RunId) -> bool {
        let stands = self.is_held(id);
        if stands {
            self.stand_still(id);
        } else if let Some(run) = self.run(id)
            && run.braked_at.take().is_some()
        {
            self.notes.push(Note::Released(id.in_journal()));
            self.keep_time_of_day(id);
            self.give_time_again(|task| task.run == Some(id));
        }
        stands
    }

    pub(super) fn is_held(&mut self, id: RunId) -> bool {
        let paused = self.cx.paused;
        let braked = !paused.is_empty()
            && (self.definition(id).is_some_and(|definition| paused.workflows.contains(&definition.name))
                || self.awaited_plugin(id).is_some_and(|plugin| paused.plugins.contains(&plugin))
                || self.awaits_paused_escalation(id));
        braked || self.is_ousted(id)
    }

    fn stand_still(&mut self, id: RunId) {
        let now = self.cx.now;
        if let Some(run) = self.run(id)
            && run.braked_at.is_none()
        {
            run.braked_at = Some(now);
            self.notes.push(Note::Braked(id.in_journal()));
        }
    }

    /// Handles the release of workflows at these times. Nobody was late for them meanwhile. This also holds for runs that did not
    /// stand still, since nothing of theirs fell due.
    pub(super) fn resumed(&mut self, workflows: &BTreeMap<String, Timestamp>) {
        for (name, at) in workflows {
            let tasks: Vec<TaskId> =
                tasks_before(self.state, self.cx.definitions, name, *at).map(|task| task.id).collect();
            self.give_time_again_from(|task| tasks.contains(&task.id), *at);
        }
        self.release_runs();
        self.deadlines_due();
    }

    /// Lets runs go on that nothing holds any longer.
    pub(super) fn release_runs(&mut self) {
        let braked = self.state.runs.iter().filter(|run| run.braked_at.is_some());
        let braked: Vec<RunId> = braked.map(|run| run.id).collect();
        self.release(braked);
    }

    /// Lets these runs go on, except those that something still holds.
    pub(super) fn release(&mut self, braked: Vec<RunId>) {
        for id in braked {
            if self.brake(id) {
                continue;
            }
            match self.run(id).map(|run| run.state.clone()) {
                // The question may never have been asked.
                Some(RunState::Deciding { slot, .. }) => self.ask_again(id, slot),
                _ => self.walk(id),
            }
        }
    }
}
