//! Questions to plugins, and what their answers do.

use super::Machine;
use crate::effect::{Effect, Question, Shadow};
use crate::event::{Answer, Asker};
use crate::id::RunId;
use crate::journal::{DecisionSummary, Ignored, Note};
use crate::lead::{LeadScore, SCORES_MAX};
use crate::plugin::{
    Budget, Decision, DecisionFailure, DecisionInput, DecisionKind, EngagementSeen, HistoryReads, Overdue, Parameters,
    Reads, Segment, TouchSeen,
};
use crate::run::RunState;
use crate::state::DECISION_TIMEOUT_MS;
use crate::task::{Assignee, Task};
use crate::time::{DAY_MS, SECOND_MS, Timestamp};
use crate::workflow::{Ask, AskRef, Asks, Branch, MAIN_SCORE, OnFailure, Score, Slot, StepIx, Verb, Workflow};
use crate::workspace::Binding;

/// How often a decision that ran out of wall time is asked again: after 4 and after 16 seconds. After that the
/// step's failure policy applies.
const OVERRUNS_MAX: u8 = 2;

/// A question to be put to a plugin.
pub(super) struct Asked<'a> {
    pub(super) run: RunId,
    pub(super) asker: Asker,
    pub(super) kind: DecisionKind,
    pub(super) plugin: &'a str,
    pub(super) place: AskRef,
    /// The moment from which elapsed business time is measured.
    pub(super) since: Timestamp,
}

impl Machine<'_> {
    /// Asks a plugin on behalf of a run's step. The answer comes back as an event.
    pub(super) fn ask(&mut self, id: RunId, definition: &Workflow, slot: Asks, ask: &Ask) {
        let now = self.cx.now;
        let Some(run) = self.run(id) else { return };
        let overruns = match &run.state {
            RunState::Deciding { slot: before, overruns, .. } if *before == slot => *overruns,
            _ => 0,
        };
        run.state = RunState::Deciding { slot, since: now, overruns, queued: None };
        let (step, attempt, entered) = (run.step, run.attempt, run.entered_at);
        let Some(ix) = definition.place(step) else { return };
        let Some(kind) = definition.steps[ix].verb.decision() else { return };
        if self.brake(id) {
            return;
        }
        let place = AskRef { workflow: definition.digest, step: StepIx(ix as u16), slot: Slot::Own(slot) };
        let asker = Asker::Step { attempt };
        self.question(Asked { run: id, asker, kind, plugin: &ask.plugin, place, since: entered }, None);
    }

    /// Puts a question to the build of a plugin that decides for this lead, and to the build that is only watched.
    pub(super) fn question(&mut self, asked: Asked<'_>, overdue: Option<Overdue>) {
        let Asked { run, asker, kind, plugin, place, since } = asked;
        let live = self.cx.live;
        let about = |of: &Task| matches!(asker, Asker::Task { task, .. } if of.id == task);
        let whose = self.state.tasks.iter().find(|task| about(task)).map(|task| task.assignee.clone());
        let whose = whose.as_ref().unwrap_or(&Assignee::Nobody);
        let candidate = live.candidates.get(plugin).filter(|candidate| candidate.bindings.contains_key(&place));
        let decides = candidate.filter(|candidate| candidate.decides_for(plugin, self.state.lead.id));
        let shadow = candidate.filter(|candidate| candidate.share_permille == 0).map(|candidate| {
            let input = self.input(candidate.bindings.get(&place), since, overdue.clone(), whose);
            Box::new(Shadow { digest: candidate.info.digest, input })
        });
        let (info, binding) = match decides {
            Some(candidate) => (Some(&candidate.info), candidate.bindings.get(&place)),
            None => (live.plugins.get(plugin), live.bindings.get(&place)),
        };
        // A build that does not fit the place is not asked: without the fields that it
        // reads it would decide on nothing.
        let digest = info.filter(|_| binding.is_some()).map(|info| info.digest);
        let input = self.input(binding, since, overdue, whose);
        let plugin = plugin.to_owned();
        self.effects.push(Effect::Decide(Question { run, asker, kind, plugin, digest, input, shadow }));
    }

    /// Everything that a decision may depend on, exactly as the plugin declared it. Business time goes by the hours of `whose` task it is
    /// about.
    fn input(
        &self,
        binding: Option<&Binding>,
        since: Timestamp,
        overdue: Option<Overdue>,
        whose: &Assignee,
    ) -> DecisionInput {
        static NOTHING: Reads = Reads {
            fields: Vec::new(),
            touches: None,
            engagement: None,
            owner_present: false,
            previous_score: false,
            business_elapsed: false,
        };
        let now = self.cx.now;
        let lead = &self.state.lead;
        let reads = binding.map_or(&NOTHING, |binding| &binding.reads);
        let view = self.view(None);
        let team = &self.cx.live.settings.team;
        DecisionInput {
            now,
            parameters: binding.map_or_else(Parameters::default, |binding| binding.parameters.clone()),
            fields: reads.fields.iter().map(|read| view.lead_as(&read.name, read.kind)).collect(),
            touches: reads.touches.as_ref().map_or_else(Vec::new, |window| {
                newest(window, now, lead.touches.iter().rev(), |touch| {
                    (touch.at, touch.channel.as_str(), touch.channel_own.as_deref())
                })
                .map(|touch| TouchSeen {
                    age_s: age_s(now, touch.at),
                    channel: touch.channel,
                    outcome: touch.outcome,
                    result: touch.result,
                    result_own: touch.result_own.clone(),
                    channel_own: touch.channel_own.clone(),
                })
                .collect()
            }),
            engagement: reads.engagement.as_ref().map_or_else(Vec::new, |window| {
                newest(window, now, lead.engagements.iter().rev(), |e| (e.at, e.kind.as_str(), None))
                    .map(|e| EngagementSeen { age_s: age_s(now, e.at), kind: e.kind.clone(), detail: e.detail.clone() })
                    .collect()
            }),
            owner_present: (reads.owner_present && lead.owner.is_some()).then(|| {
                lead.owner.as_ref().and_then(|owner| team.reps.get(owner)).is_some_and(|rep| rep.is_present(now))
            }),
            previous_score: reads
                .previous_score
                .then(|| lead.scores.get(MAIN_SCORE).map(|score| score.points))
                .flatten(),
            business_elapsed_ms: reads
                .business_elapsed
                .then(|| u64::try_from(self.cx.live.settings.hours_for(whose).open_ms(since, now)).unwrap_or(0)),
            overdue,
        }
    }

    pub(super) fn decided(&mut self, answer: &Answer) {
        let asked_at = match answer.asker {
            Asker::Step { attempt } => attempt,
            Asker::Task { task, point } => return self.escalation_decided(task, point, answer),
        };
        self.goes_on_by_answer(answer.run);
        let Some((attempt, asked)) = self.run(answer.run).map(|run| match &run.state {
            RunState::Deciding { slot, overruns, .. } => (run.attempt, Some((*slot, *overruns))),
            _ => (run.attempt, None),
        }) else {
            self.ignore(Ignored::UnknownRun);
            return;
        };
        let Some((slot, overruns)) = asked.filter(|_| attempt == asked_at) else {
            self.ignore(Ignored::StaleAttempt);
            return;
        };
        let Some((definition, ix)) = self.place(answer.run) else { return };
        let step = &definition.steps[ix];
        if let Some(kind) = step.verb.decision() {
            self.note_decision(answer, kind);
        }
        if overruns < OVERRUNS_MAX && matches!(answer.decision, Err(DecisionFailure::Budget(Budget::WallTime))) {
            self.ask_later(answer.run, slot, overruns + 1);
            return;
        }
        match &step.verb {
            Verb::Score(score) => self.scored(answer, score, slot, &definition, step.next),
            Verb::Branch(branch) => self.branched(answer, branch, slot, &definition),
            _ => self.ignore(Ignored::NotAwaited),
        }
    }

    pub(super) fn note_decision(&mut self, answer: &Answer, kind: DecisionKind) {
        let verdict = match &answer.decision {
            Ok(Decision::Score { points, segment, .. }) => {
                DecisionSummary::Score { points: *points, segment: *segment }
            }
            Ok(Decision::Track { track, .. }) => DecisionSummary::Track(track.clone()),
            Ok(Decision::Escalate { action, .. }) => DecisionSummary::Action(*action),
            Err(failure) => DecisionSummary::Failed(failure.without_words()),
        };
        let (run, plugin, digest) = (answer.run, answer.plugin.clone(), answer.digest);
        self.notes.push(Note::Decided { run: run.in_journal(), kind, plugin, digest, verdict });
    }

    fn scored(
        &mut self,
        answer: &Answer,
        score: &Score,
        slot: Asks,
        definition: &Workflow,
        next: crate::workflow::Target,
    ) {
        match &answer.decision {
            Ok(Decision::Score { points, segment, reasons, .. }) => {
                let kept = LeadScore {
                    points: *points,
                    segment: *segment,
                    at: self.cx.now,
                    digest: answer.digest,
                    reasons: reasons.clone(),
                    plugin: Some(answer.plugin.clone()),
                };
                self.keep_score(&score.name, kept);
                self.go_on(answer.run, next);
            }
            decision => match self.fallback(answer.run, slot, &score.on_failure, definition) {
                Fallback::Value(segment) => {
                    self.keep_score(&score.name, self.fallback_score(*segment));
                    self.go_on(answer.run, next);
                }
                Fallback::Asked => {}
                Fallback::Park => self.park(answer.run, cause(&answer.plugin, decision)),
            },
        }
    }

    fn fallback_score(&self, segment: Segment) -> LeadScore {
        LeadScore { points: 0, segment, at: self.cx.now, digest: None, reasons: Vec::new(), plugin: None }
    }

    fn keep_score(&mut self, name: &str, score: LeadScore) {
        let scores = &mut self.state.lead.scores;
        if name == MAIN_SCORE || scores.len() < SCORES_MAX || scores.contains_key(name) {
            let segment = score.segment;
            scores.insert(name.to_owned(), score);
            if name == MAIN_SCORE {
                self.set_segment(segment);
            }
        }
    }

    fn branched(&mut self, answer: &Answer, branch: &Branch, slot: Asks, definition: &Workflow) {
        let now = self.cx.now;
        let go = |track: &str| branch.tracks.get(track).copied().unwrap_or(branch.otherwise);
        match &answer.decision {
            Ok(Decision::Track { track, look_again_s, .. }) => {
                let look_again_at = look_again_s.map(|s| now.plus_ms(i64::from(s) * SECOND_MS));
                if let Some(run) = self.run(answer.run) {
                    run.look_again_at = look_again_at;
                }
                self.go_on(answer.run, go(track));
            }
            decision => match self.fallback(answer.run, slot, &branch.on_failure, definition) {
                Fallback::Value(track) => self.go_on(answer.run, go(track)),
                Fallback::Asked => {}
                Fallback::Park => self.park(answer.run, cause(&answer.plugin, decision)),
            },
        }
    }

    /// Applies the step's failure policy. If it names another plugin, that plugin is asked here.
    fn fallback<'v, V>(
        &mut self,
        run: RunId,
        slot: Asks,
        policy: &'v OnFailure<V>,
        definition: &Workflow,
    ) -> Fallback<'v, V> {
        match policy {
            OnFailure::Fallback(value) => Fallback::Value(value),
            OnFailure::Plugin(ask) if slot == Asks::Main => {
                self.next_attempt(run);
                self.ask(run, definition, Asks::Fallback, ask);
                Fallback::Asked
            }
            OnFailure::Plugin(_) | OnFailure::Park => Fallback::Park,
        }
    }

    /// Schedules a decision that ran out of wall time to be asked again, since wall time says more about the machine
    /// than about the plugin. The wait is four times longer after each overrun.
    fn ask_later(&mut self, id: RunId, slot: Asks, overruns: u8) {
        let wait_ms = SECOND_MS << (2 * u32::from(overruns));
        let since = self.cx.now.plus_ms(wait_ms - DECISION_TIMEOUT_MS);
        self.next_attempt(id);
        self.set_run_state(id, RunState::Deciding { slot, since, overruns, queued: None });
    }

    /// Records that the decision pool is full. The question waits, however long that takes,
    /// and is not asked again meanwhile.
    pub(super) fn put_off(&mut self, id: RunId, attempt: u32) {
        let Some(plugin) = self.awaited_plugin(id) else { return self.ignore(Ignored::NotAwaited) };
        match self.run(id) {
            Some(run) if run.attempt == attempt => {
                if let RunState::Deciding { queued, .. } = &mut run.state {
                    *queued = Some(plugin);
                    self.notes.push(Note::PutOff(id.in_journal()));
                }
            }
            _ => self.ignore(Ignored::StaleAttempt),
        }
    }

    /// Asks a waiting question, now that the decision pool has room for it.
    pub(super) fn place_is_free(&mut self, id: RunId) {
        match self.run(id).map(|run| run.state.clone()) {
            Some(RunState::Deciding { slot, queued: Some(_), .. }) => self.ask_again(id, slot),
            _ => self.ignore(Ignored::NotAwaited),
        }
    }

    /// Puts questions again whose answers will not come, those of runs and those about overdue tasks.
    pub(super) fn answers_lost(&mut self) {
        if !self.state.is_unanswered() {
            return self.ignore(Ignored::NotAwaited);
        }
        let runs: Vec<(RunId, Asks)> = self.state.unanswered().collect();
        runs.into_iter().for_each(|(run, slot)| self.ask_again(run, slot));
        self.ask_about_tasks_again();
    }

    /// Asks again for a decision that did not come in time. The new attempt number keeps a
    /// late answer from being applied.
    pub(super) fn ask_again(&mut self, id: RunId, slot: Asks) {
        let Some((definition, ix)) = self.place(id) else { return };
        self.next_attempt(id);
        match asked_by(&definition.steps[ix].verb, slot) {
            Some(ask) => self.ask(id, &definition, slot, ask),
            None => self.park(id, "it waits for a decision that its step does not ask for".to_owned()),
        }
    }

    pub(super) fn awaited_plugin(&mut self, id: RunId) -> Option<String> {
        let RunState::Deciding { slot, .. } = &self.run(id)?.state else { return None };
        let slot = *slot;
        let (definition, ix) = self.place(id)?;
        asked_by(&definition.steps[ix].verb, slot).map(|ask| ask.plugin.clone())
    }

    /// Starts a new attempt, which fences off answers to earlier questions.
    fn next_attempt(&mut self, id: RunId) {
        if let Some(run) = self.run(id) {
            run.attempt = run.attempt.saturating_add(1);
        }
    }
}

/// The question that a step asks at this slot, if it asks one there.
fn asked_by(verb: &Verb, slot: Asks) -> Option<&Ask> {
    match (verb, slot) {
        (Verb::Score(score), Asks::Main) => Some(&score.ask),
        (Verb::Score(score), _) => score.on_failure.ask(),
        (Verb::Branch(branch), Asks::Main) => Some(&branch.ask),
        (Verb::Branch(branch), _) => branch.on_failure.ask(),
        _ => None,
    }
}

enum Fallback<'v, V> {
    Value(&'v V),
    Asked,
    Park,
}

fn cause(plugin: &str, decision: &Result<Decision, DecisionFailure>) -> String {
    match decision {
        Err(failure) => format!("{plugin}: {}", failure.without_words()),
        Ok(_) => format!("{plugin} answered another kind of question"),
    }
}

fn age_s(now: Timestamp, at: Timestamp) -> u32 {
    u32::try_from(now.since_ms(at).max(0) / SECOND_MS).unwrap_or(u32::MAX)
}

/// The newest items within a window. `items` must come newest first.
fn newest<'i, T: 'i>(
    window: &HistoryReads,
    now: Timestamp,
    items: impl Iterator<Item = &'i T>,
    when_and_kind: impl Fn(&'i T) -> (Timestamp, &'i str, Option<&'i str>),
) -> impl Iterator<Item = &'i T> {
    let oldest = now.plus_ms(-i64::from(window.days_back_max) * DAY_MS);
    items
        .filter(move |item| {
            let (at, kind, own) = when_and_kind(item);
            let wanted = |wanted: &String| wanted == kind || own.is_some_and(|own| wanted == own);
            at >= oldest && (window.kinds.is_empty() || window.kinds.iter().any(wanted))
        })
        .take(usize::from(window.count_max))
}
