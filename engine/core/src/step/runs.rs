//! Runs: which workflows a lead is enrolled in, when a run leaves or ends, and how it moves from step to step.

use super::{HOPS_MAX, Machine};
use crate::effect::Effect;
use crate::event::Report;
use crate::expr::Fault;
use crate::id::{Digest, RunId, TaskId};
use crate::journal::{Ignored, Note, Refusal};
use crate::run::{COMPLETED, CadencePhase, Past, Run, RunState};
use crate::state::RUNS_MAX;
use crate::workflow::{Enroll, ReEnroll, StepId, Target, Verb, Workflow};
use std::sync::Arc;

impl Machine<'_> {
    pub(super) fn enroll_by_event(&mut self, report: &Report) {
        // Evaluate every condition on the lead as the event left it, before the first enrolment changes it.
        let asked = self.cx.live.workflows.values().map(|workflow| (workflow, self.wants(workflow, report)));
        let asked: Vec<(&Arc<Workflow>, Result<bool, Fault>)> = asked.collect();
        for (workflow, wanted) in asked {
            match wanted {
                Ok(true) => self.enroll(workflow),
                Ok(false) => {}
                Err(fault) => self.unclear(&workflow.name, &fault),
            }
        }
    }

    /// Whether a workflow enrols the lead for this event. One way in that does is enough, whatever the others come to.
    fn wants(&self, workflow: &Workflow, report: &Report) -> Result<bool, Fault> {
        let mut fault = None;
        for way in &workflow.enroll {
            if let Enroll::When { event, condition } = way
                && *event == report.kind
            {
                match self.holds(condition, None) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(found) => fault = fault.or(Some(found)),
                }
            }
        }
        fault.map_or(Ok(false), Err)
    }

    /// Nobody can tell whether a workflow is for the lead: a person has to look.
    fn unclear(&mut self, workflow: &str, fault: &Fault) {
        self.not_enrolled(workflow, Refusal::NoAnswer);
        self.effects.push(Effect::Unclear { workflow: workflow.to_owned(), cause: fault.to_string() });
    }

    pub(super) fn enroll_by_name(&mut self, name: &str) {
        match self.cx.live.workflows.get(name) {
            Some(workflow) => self.enroll(workflow),
            None => self.not_enrolled(name, Refusal::Unknown),
        }
    }

    pub(super) fn not_enrolled(&mut self, workflow: &str, why: Refusal) {
        self.notes.push(Note::NotEnrolled { workflow: workflow.to_owned(), why });
    }

    /// The lead's runs of a workflow, whatever version each of them has pinned.
    pub(super) fn runs_of(&self, workflow: &str) -> impl Iterator<Item = &Run> {
        let definitions = self.cx.definitions;
        self.state.runs.iter().filter(move |run| definitions.name(&run.workflow) == Some(workflow))
    }

    pub(super) fn enroll(&mut self, workflow: &Arc<Workflow>) {
        match self.refusal(workflow) {
            Some(why) => self.not_enrolled(&workflow.name, why),
            None => {
                let run = self.begin_run(workflow.digest, workflow.first());
                self.walk(run);
            }
        }
    }

    fn refusal(&self, workflow: &Workflow) -> Option<Refusal> {
        if self.is_suppressed() {
            return Some(Refusal::Suppressed);
        }
        if self.runs_of(&workflow.name).next().is_some() {
            return Some(Refusal::AlreadyIn);
        }
        if self.state.runs.len() >= RUNS_MAX || self.is_spent() {
            return Some(Refusal::TooManyRuns);
        }
        let past = self.state.past.get(&workflow.name)?;
        let again_at = match workflow.re_enroll {
            ReEnroll::Always => return None,
            ReEnroll::Never => return Some(Refusal::TooSoon),
            ReEnroll::After(span) => self.cx.live.settings.calendar.add(past.ended_at, span),
        };
        (self.cx.now < again_at).then_some(Refusal::TooSoon)
    }

    pub(super) fn begin_run(&mut self, workflow: Digest, step: StepId) -> RunId {
        let now = self.cx.now;
        let id = self.new_run_id();
        self.state.runs.push(Run {
            id,
            workflow,
            started_at: now,
            step,
            entered_at: now,
            attempt: 1,
            moved_seq: self.state.seq + 1,
            state: RunState::Ready,
            look_again_at: None,
            braked_at: None,
        });
        self.notes.push(Note::Enrolled { run: id.in_journal(), workflow, owner: self.state.lead.owner.clone() });
        id
    }

    /// Ends the runs for which a `leave` condition holds.
    pub(super) fn leave_runs(&mut self) {
        self.lead_changed = false;
        let asked = self.state.runs.iter().filter_map(|run| Some((run.id, self.leaves(run).transpose()?)));
        let leaving: Vec<(RunId, Result<String, Fault>)> = asked.collect();
        for (run, ending) in leaving {
            match ending {
                Ok(ending) => self.end_run(run, &ending),
                Err(fault) => self.no_answer(run, "`leave`", &fault),
            }
        }
    }

    /// The ending under which a run leaves. A condition that holds counts more than one without an answer before it.
    fn leaves(&self, run: &Run) -> Result<Option<String>, Fault> {
        let Some(definition) = self.cx.definitions.get(&run.workflow) else { return Ok(None) };
        let mut fault = None;
        for leave in &definition.leave {
            match self.holds(&leave.condition, Some(run.id)) {
                Ok(true) => return Ok(Some(leave.ending.clone())),
                Ok(false) => {}
                Err(found) => fault = fault.or(Some(found)),
            }
        }
        // A run whose mail is under way would send it again later. It is asked again when it moves on.
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
        let at = Some(self.state.runs.remove(ix).at());
        self.withdraw_tasks_of(id);
        let count = self.state.past.get(&name).map_or(0, |past| past.count).saturating_add(1);
        let past = Past { run: id, ended_at: self.cx.now, ending: ending.to_owned(), count };
        self.state.past.insert(name, past);
        self.notes.push(Note::Ended { run: id.in_journal(), ending: ending.to_owned(), at });
        if self.state.runs.is_empty() {
            self.state.recent.clear();
        }
    }

    fn withdraw_tasks_of(&mut self, id: RunId) {
        let tasks: Vec<TaskId> = self.state.tasks.iter().filter(|t| t.run == Some(id)).map(|t| t.id).collect();
        tasks.into_iter().for_each(|task| self.withdraw_task(task));
    }

    /// Parks a run because an expression has no answer; `place` says which. The run takes its step again when it goes on. In a
    /// cadence it goes on where it was, and its contacts stay counted.
    pub(super) fn no_answer(&mut self, id: RunId, place: &str, fault: &Fault) {
        let Some(run) = self.run(id) else { return };
        let awaited = run.awaited_task();
        let mut kept = match &run.state {
            // Who has to look at it has been told.
            RunState::Parked { .. } => return,
            RunState::Cadence(state) => Some(*state),
            _ => None,
        };
        if let Some(state) = &mut kept
            && self.state.tasks.iter().any(|task| Some(task.id) == awaited)
        {
            let redial = matches!(state.phase, CadencePhase::RedialTask(_));
            state.phase = if redial { CadencePhase::Redial(self.cx.now) } else { CadencePhase::Pause(self.cx.now) };
        }
        self.withdraw_tasks_of(id);
        self.park(id, format!("{place}: {fault}"));
        if let Some(RunState::Parked { cadence, .. }) = self.run(id).map(|run| &mut run.state) {
            *cadence = kept;
        }
    }

    pub(super) fn park(&mut self, id: RunId, cause: String) {
        let at = self.cx.now;
        if let Some(run) = self.run(id) {
            run.attempt = run.attempt.saturating_add(1);
            run.state = RunState::Parked { cause: cause.clone(), at, cadence: None };
            let at = Some(run.at());
            self.notes.push(Note::Parked { run: id.in_journal(), cause, at });
        }
    }

    pub(super) fn unpark(&mut self, id: RunId) {
        let Some(run) = self.run(id) else { return self.ignore(Ignored::UnknownRun) };
        let RunState::Parked { cadence: kept, .. } = run.state else { return self.ignore(Ignored::NotAwaited) };
        run.state = RunState::Ready;
        if let Some(kept) = kept
            && let Some((definition, ix)) = self.place(id)
            && let Verb::Cadence(cadence) = &definition.steps[ix].verb
        {
            self.resume_cadence(id, cadence, kept);
        } else {
            self.walk(id);
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
        if let Some(run) = self.run(id) {
            run.step = step;
            run.entered_at = now;
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

    /// Whether a run that is about to move must stand still, because its workflow is paused or the plugin that it must
    /// ask is. The run stays where it is and nothing that it waits for is lost: it goes on when the brake is released.
    pub(super) fn brake(&mut self, id: RunId) -> bool {
        let stands = self.is_held(id);
        if stands {
            self.stand_still(id);
        } else if let Some(run) = self.run(id)
            && run.braked_at.take().is_some()
        {
            self.notes.push(Note::Released(id.in_journal()));
            self.give_time_again(|task| task.run == Some(id));
        }
        stands
    }

    fn is_held(&mut self, id: RunId) -> bool {
        let paused = self.cx.paused;
        !paused.is_empty()
            && (self.definition(id).is_some_and(|definition| paused.workflows.contains(&definition.name))
                || self.awaited_plugin(id).is_some_and(|plugin| paused.plugins.contains(&plugin)))
    }

    pub(super) fn stand_still(&mut self, id: RunId) {
        let now = self.cx.now;
        if let Some(run) = self.run(id)
            && run.braked_at.is_none()
        {
            run.braked_at = Some(now);
            self.notes.push(Note::Braked(id.in_journal()));
        }
    }

    /// Lets the runs go on that no brake holds any longer.
    pub(super) fn release_runs(&mut self) {
        let braked = self.state.runs.iter().filter(|run| run.braked_at.is_some());
        let braked: Vec<RunId> = braked.map(|run| run.id).collect();
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
