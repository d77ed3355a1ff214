//! What an event does to the runs that it finds: it ends their waits, or interrupts them wherever they are.

use super::Machine;
use crate::event::Report;
use crate::id::{RunId, TaskId};
use crate::journal::{Interruption, Note};
use crate::task::TaskKind;
use crate::time::{Span, Timestamp};
use crate::value::Value;
use crate::workflow::{Interrupt, Reaction};

impl Machine<'_> {
    /// Shows an event to every run, the oldest first: to what the run waits for, and if that did not move it, to its
    /// interrupts. No run takes a step meanwhile.
    pub(super) fn hear(&mut self, report: &Report) {
        let runs: Vec<(RunId, u32)> = self.state.runs.iter().map(|run| (run.id, run.attempt)).collect();
        if self.dates_moved {
            self.follow_dates();
        }
        for (id, attempt) in runs {
            let stays = |machine: &mut Self| machine.run(id).is_some_and(|run| run.attempt == attempt);
            if stays(self) {
                self.wake_by_event(id, report);
            }
            if stays(self) {
                self.interrupt(id, report);
            }
        }
    }

    /// Does what the interrupts of a run say, from the top: everything that leaves the run where it is, up to the
    /// first that moves or pauses it.
    fn interrupt(&mut self, id: RunId, report: &Report) {
        let Some(definition) = self.definition(id) else { return };
        if definition.interrupts.is_empty() {
            return;
        }
        let Some(at) = self.run(id).map(|run| run.at()) else { return };
        let of_this_kind = definition.interrupts.iter().filter(|one| one.event == report.kind);
        for interrupt in of_this_kind.filter(|one| one.applies_at(&definition, at.step)) {
            if !self.holds(&interrupt.condition, Some(id)) {
                continue;
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
                    let until = until.as_ref().map(|until| until.eval(&self.view(Some(id))));
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

    /// The pause of a run is over: it goes on where it was.
    pub(super) fn pause_over(&mut self, id: RunId) {
        let now = self.cx.now;
        if let Some(run) = self.run(id)
            && run.paused_until.take_if(|until| *until <= now).is_some()
        {
            self.notes.push(Note::PauseOver(id.in_journal()));
        }
    }

    fn calls_of(&self, run: RunId) -> Vec<TaskId> {
        let is_call = |task: &&crate::task::Task| task.run == Some(run) && task.kind == TaskKind::Call;
        self.state.tasks.iter().filter(is_call).map(|task| task.id).collect()
    }
}

/// The time that a value is or says.
fn time_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Time(at) => Some(*at),
        Value::Text(text) => Timestamp::parse(text),
        _ => None,
    }
}
