//! What an event does to the runs that it finds: it ends their waits, or interrupts them wherever they are.

use super::Machine;
use super::report::updates;
use crate::account::AccountMessage;
use crate::effect::Effect;
use crate::event::{EventType, Passed, Report, StandardEvent};
use crate::id::{RunId, TaskId};
use crate::journal::{Interruption, Note};
use crate::run::{Run, key_text};
use crate::task::TaskKind;
use crate::time::{Span, Timestamp};
use crate::value::Value;
use crate::workflow::{Interrupt, Reaction, Whose};

/// How many changes of fields may follow from one another.
const RAISED_MAX: u8 = 8;

impl<'a> Machine<'a> {
    /// Shows an event to every run, the oldest first: to what the run waits for, and if that did not move it, to its
    /// interrupts. No run takes a step meanwhile.
    pub(super) fn hear(&mut self, report: &Report) {
        let runs: Vec<(RunId, u32)> = self.state.runs.iter().map(|run| (run.id, run.attempt)).collect();
        if self.dates_moved {
            self.follow_dates();
        }
        for (id, attempt) in runs {
            if !self.run_hears(id, report, Whose::Own) {
                continue;
            }
            let stays = |machine: &mut Self| machine.run(id).is_some_and(|run| run.attempt == attempt);
            if stays(self) {
                self.wake_by_event(id, report);
            }
            if stays(self) {
                self.interrupt(id, report, Whose::Own);
            }
        }
    }

    /// Tells the lead's account of an event, if runs of its other leads may want to hear of it.
    pub(super) fn pass_on(&mut self, report: &Report) {
        let Some(account) = self.state.lead.account.filter(|_| self.cx.definitions.hear_of_account(&report.kind))
        else {
            return;
        };
        if self.cx.account.is_some_and(|facts| facts.id == account && facts.crowded) {
            return self.notes.push(Note::NotPassedOn(report.kind.clone()));
        }
        let passed = Passed::new(self.state.lead.id, self.cx.now, report);
        self.effects.push(Effect::Account(account, AccountMessage::Pass(Box::new(passed))));
    }

    /// Handles an event that happened to another lead of the account. Runs that were there by then leave or are interrupted if
    /// their workflow listens for it.
    pub(super) fn account_event(&mut self, passed: &'a Passed) {
        let report = &passed.report;
        let whose = Whose::OfAccount { since: passed.at };
        self.report = Some(report);
        let before = self.notes.len();
        self.leave_runs_at(Some((report, whose)));
        let runs: Vec<RunId> = self.state.runs.iter().map(|run| run.id).collect();
        self.then_walk(|machine| {
            for id in runs {
                if machine.run_hears(id, report, whose) {
                    machine.interrupt(id, report, whose);
                }
            }
        });
        // If nothing came of it, the lead has nothing to tell.
        if self.notes.len() > before {
            self.notes.insert(before, Note::OfAccount { event: report.kind.clone(), lead: passed.lead });
            for change in &mut self.changes {
                change.after = change.after.map(|after| after + u32::from(after as usize >= before));
            }
        }
    }

    fn run_hears(&self, id: RunId, report: &Report, whose: Whose) -> bool {
        self.state.runs.iter().find(|run| run.id == id).is_some_and(|run| self.hears(run, report, whose))
    }

    /// Whether an event is for a run. An event that carries a value of the run's key is only for the run of that value; an event
    /// of another lead is only for runs that had begun when it happened.
    pub(super) fn hears(&self, run: &Run, report: &Report, whose: Whose) -> bool {
        if matches!(whose, Whose::OfAccount { since } if run.started_at > since) {
            return false;
        }
        let Some(own) = &run.key else { return true };
        let key = self.cx.definitions.get(&run.workflow).and_then(|definition| definition.key.as_ref());
        // An event whose key has no answer names no run, and is for all of them.
        let value = key.and_then(|key| key.eval(&self.view_of(report, None)).ok());
        value.and_then(|value| key_text(&value)).is_none_or(|key| key == *own)
    }

    /// An answer moves a run on in the name of whatever had brought it to the step that asked: a loop by way of questions, mails
    /// or requests is a loop too.
    pub(super) fn goes_on_by_answer(&mut self, id: RunId) {
        if let Some(depth) = self.run(id).map(|run| run.raised).filter(|depth| *depth > 0) {
            self.raised.insert(id, depth);
        }
    }

    /// Tells the lead's other runs and workflows that a run has changed fields, as an event of its own. Changes that follow from
    /// one another more than [`RAISED_MAX`] deep are a loop.
    pub(super) fn raise_updated(&mut self, by: RunId, updated: &[(String, Value)]) {
        let depth = self.raised.get(&by).copied().unwrap_or(0) + 1;
        let kind = EventType::Standard(StandardEvent::LeadUpdated);
        let of_others = self.state.runs.iter().filter(|run| run.id != by);
        let hears = |run: &Run| self.cx.definitions.get(&run.workflow).is_some_and(|other| other.hears(&kind));
        let heard = of_others.clone().any(hears) || self.cx.live.workflows.values().any(|one| one.enrolls_by(&kind));
        if !heard {
            return;
        }
        if depth > RAISED_MAX {
            return self
                .park(by, "it changes what another workflow changes in turn: the two go round in a circle".to_owned());
        }
        let name = self.definition(by).map_or_else(String::new, |definition| definition.name.clone());
        let report = Report {
            kind,
            at: self.cx.now,
            source: format!("workflow/{name}"),
            fields: Vec::new(),
            data: updates(updated).collect(),
            enrolls: true,
            only_finds: false,
            left_out: Vec::new(),
            standing: None,
            also: Vec::new(),
        };
        let others: Vec<(RunId, u32)> =
            self.state.runs.iter().filter(|run| run.id != by).map(|run| (run.id, run.attempt)).collect();
        let wanted = self.wanted(&report);
        self.remember(&report, Some(by));
        self.then_walk(|machine| {
            for (id, attempt) in others {
                machine.hear_raised(id, attempt, &report, depth);
            }
            for workflow in &wanted {
                if let Some(id) = machine.enroll_by_event(workflow, &report) {
                    machine.raised.insert(id, depth);
                    if let Some(run) = machine.run(id) {
                        run.raised = depth;
                    }
                    machine.recalled.push((id, report.clone()));
                }
            }
        });
    }

    /// Tells a run what another run has changed.
    fn hear_raised(&mut self, id: RunId, attempt: u32, report: &Report, depth: u8) {
        let stays = |machine: &mut Self| machine.run(id).is_some_and(|run| run.attempt == attempt);
        if !stays(self) || !self.run_hears(id, report, Whose::Own) {
            return;
        }
        let before = self.raised.insert(id, depth);
        self.recalled.push((id, report.clone()));
        self.leave_run_at(id, report);
        if stays(self) {
            self.wake_by_event(id, report);
        }
        if stays(self) {
            self.interrupt(id, report, Whose::Own);
        }
        if stays(self) {
            // The run stays where it is: what it asks next is about the event being handled.
            self.recalled.pop();
            match before {
                Some(before) => self.raised.insert(id, before),
                None => self.raised.remove(&id),
            };
        }
    }

    /// Carries out the interrupts of a run, from the top: every one that leaves the run where it is, up to the first that moves
    /// or pauses it.
    fn interrupt(&mut self, id: RunId, report: &Report, whose: Whose) {
        let Some(definition) = self.definition(id) else { return };
        if definition.interrupts.is_empty() {
            return;
        }
        let Some(at) = self.run(id).map(|run| run.at()) else { return };
        let is_meant = |one: &&Interrupt| one.event == report.kind && whose.reaches(one.of_account);
        let of_this_kind = definition.interrupts.iter().filter(is_meant);
        for interrupt in of_this_kind.filter(|one| one.applies_at(&definition, at.step)) {
            match self.holds(&interrupt.condition, Some(id)) {
                Ok(true) => {}
                Ok(false) => continue,
                // A run whose message is under way would send it again later.
                Err(_) if self.run(id).is_some_and(|run| run.state.is_sending()) => continue,
                Err(fault) => return self.no_answer(id, "`if` of an interrupt", &fault),
            }
            let Interrupt { event, reaction, .. } = interrupt;
            let note = |did| Note::Interrupted { run: id.in_journal(), by: event.clone(), did, at };
            match reaction {
                Reaction::Do(deeds) => {
                    self.notes.push(note(Interruption::Stayed));
                    deeds.iter().for_each(|verb| self.deed(id, verb));
                }
                Reaction::Go(target) => {
                    self.notes.push(note(Interruption::Moved));
                    self.withdraw_tasks_of(id);
                    return self.go_on(id, *target);
                }
                Reaction::Pause { until, otherwise } => {
                    let until = match until.as_ref().map(|until| until.eval(&self.view(Some(id)))).transpose() {
                        Ok(until) => until,
                        Err(fault) => return self.no_answer(id, "`pause` of an interrupt", &fault),
                    };
                    self.notes.push(note(Interruption::Paused));
                    return self.pause_run(id, until.as_ref(), *otherwise);
                }
            }
        }
    }

    /// Pauses a run until a time, or for a span when the time is not known or past. Such a guess never shortens a
    /// pause that is in force.
    fn pause_run(&mut self, id: RunId, until: Option<&Value>, otherwise: Span) {
        let now = self.cx.now;
        let told = until.and_then(time_of).filter(|until| *until > now);
        let guess = self.cx.live.settings.calendar.add(now, otherwise);
        let Some(run) = self.run(id) else { return };
        let before = run.paused_until;
        let until = told.unwrap_or_else(|| before.map_or(guess, |before| before.max(guess)));
        run.paused_until = Some(until);
        self.notes.push(Note::RunPaused { run: id.in_journal(), until });
        let calls: Vec<TaskId> = self.calls_of(id);
        calls.into_iter().for_each(|call| self.reoffer_call(call, before, Some(until)));
    }

    /// The pause of a run is over, and it goes on where it was.
    pub(super) fn pause_over(&mut self, id: RunId) {
        let now = self.cx.now;
        if let Some(run) = self.run(id)
            && run.paused_until.take_if(|until| *until <= now).is_some()
        {
            run.raised = 0;
            self.notes.push(Note::PauseOver(id.in_journal()));
            self.keep_time_of_day(id);
        }
    }

    fn calls_of(&self, run: RunId) -> Vec<TaskId> {
        let is_call = |task: &&crate::task::Task| task.run == Some(run) && task.kind == TaskKind::Call;
        self.state.tasks.iter().filter(is_call).map(|task| task.id).collect()
    }
}

/// The time that a value is, or says as text.
fn time_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Time(at) => Some(*at),
        Value::Text(text) => Timestamp::parse(text),
        _ => None,
    }
}
