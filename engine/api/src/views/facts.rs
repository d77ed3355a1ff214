//! A lead's journal as facts: what happened, in codes and names, for programs that compare or record it. The words for people are
//! in `words`; a note that says nothing to such a program has no fact.

use crate::json;
use cadenza_core::event::{Answer, Ending, Event, LeadCommand, Report, Standing, TaskChange, TaskReport};
use cadenza_core::gate::{Reason, Verdict as Gate};
use cadenza_core::id::{Born, Digest, LeadId};
use cadenza_core::journal::{DecisionSummary, Entry, Note, Refusal};
use cadenza_core::lead::{Channel, Outcome, Stage, TouchResult};
use cadenza_core::plugin::{Action, Decision, Segment};
use cadenza_core::state::LeadState;
use cadenza_core::task::{Assignee, Task, TaskKind};
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_core::workflow::{StepRef, Verb};
use cadenza_runtime::catalog::Catalog;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A step of a workflow, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    pub workflow: String,
    pub step: String,
}

/// A field that is set from an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    pub field: String,
    /// The part of the answer: `status`, or `body` and the names that lead to it.
    pub from: String,
    pub value: serde_json::Value,
}

/// Something that somebody did, or that came about elsewhere, and that only names what it is: nothing compares it, and whoever
/// plays a journal again has to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Besides {
    /// Contact preferences were changed.
    Preferences,
    /// A person ended one run.
    RunEnded,
    /// A person put the lead into a workflow under a key.
    PutInByKey,
    /// A task was reported that had been given up.
    LateReport,
    /// An escalation was done, taken, passed on or put off.
    Escalation,
    /// A run stood still because its workflow or a plugin was paused.
    Braked,
    /// The event was imported, and enrolled nobody.
    Imported,
    /// What another lead said binds an address or number of this one.
    Bound,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// An event came in.
    Event {
        event: String,
        source: String,
        fields: BTreeMap<String, serde_json::Value>,
        data: BTreeMap<String, serde_json::Value>,
        /// Where it says the lead stands, under the names by which events say so.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        standing: BTreeMap<String, serde_json::Value>,
    },
    /// An event happened to another lead of the account.
    OfAccount {
        event: String,
        /// The other lead.
        lead: String,
        data: BTreeMap<String, serde_json::Value>,
    },
    /// A person puts the lead into a workflow.
    PutIn {
        workflow: String,
    },
    /// A person commands something about the lead.
    Ordered {
        /// `pause`, `resume`, `opt_out`, `disqualify`, `unpark` or `remove`.
        command: String,
        /// What it is taken out of.
        workflow: Option<String>,
    },
    /// A person gives the lead to a rep.
    GivenTo {
        owner: String,
    },
    /// A rep takes a task.
    Claimed {
        #[serde(flatten)]
        at: At,
        by: String,
        /// Who had it before: a rep, `pool:` and a pool, or `nobody`.
        of: String,
    },
    /// A person gives a task to a rep.
    Reassigned {
        #[serde(flatten)]
        at: At,
        to: String,
    },
    Besides {
        what: Besides,
    },
    /// A person puts a task off.
    Snoozed {
        #[serde(flatten)]
        at: At,
        until: Timestamp,
    },
    Enters {
        workflow: String,
    },
    StaysOut {
        workflow: String,
        because: Refusal,
    },
    Step(At),
    /// The lead takes an arm of a split.
    Drawn {
        #[serde(flatten)]
        at: At,
        arm: String,
    },
    Decides {
        plugin: String,
        points: Option<i32>,
        segment: Option<Segment>,
        track: Option<String>,
        /// When the plugin wants to look again, in seconds.
        look_again_s: Option<u32>,
        action: Option<Action>,
        /// Whether there was no decision.
        fails: bool,
    },
    Owner {
        owner: Option<String>,
    },
    Task {
        #[serde(flatten)]
        at: At,
        kind: TaskKind,
        /// A rep, `pool:` and a pool, or `nobody`.
        assignee: String,
        due: Timestamp,
    },
    Done {
        #[serde(flatten)]
        at: At,
        kind: Option<TaskKind>,
        outcome: Outcome,
        result: Option<TouchResult>,
        /// The team's own word for the result, when that was given; likewise below.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result_own: Option<String>,
        answers: BTreeMap<String, serde_json::Value>,
        callback_at: Option<Timestamp>,
        by: Option<String>,
    },
    GivenUp(At),
    /// The contact gate said no, for now or for ever; of a message it may be said again when it is dropped.
    Withheld {
        channel: Channel,
        because: Reason,
        /// Until when; for good when it is `never`.
        until: Option<Timestamp>,
        never: bool,
    },
    /// What became of a message.
    Mail {
        #[serde(flatten)]
        at: At,
        /// The number that the lead's journal knows it by.
        effect: u64,
        /// None for a word to a rep.
        script: Option<String>,
        ending: Ending,
        because: Option<Reason>,
    },
    /// What became of a request.
    Request {
        #[serde(flatten)]
        at: At,
        /// The number that the lead's journal knows it by.
        effect: u64,
        ending: Ending,
        /// What was answered, such as 200, when something was.
        status: Option<u16>,
        /// What the step kept of the answer.
        kept: Vec<Kept>,
    },
    Touch {
        channel: Channel,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel_own: Option<String>,
        outcome: Outcome,
        result: Option<TouchResult>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result_own: Option<String>,
    },
    Escalated {
        #[serde(flatten)]
        at: At,
        action: Action,
        to: Option<String>,
    },
    Ended {
        #[serde(flatten)]
        at: At,
        ending: String,
    },
    Parked(At),
    Stage {
        stage: Stage,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage_own: Option<String>,
    },
    Segment {
        segment: Segment,
    },
}

/// Reads a lead's journal, entry after entry; remembers which run is which.
pub struct FactReader<'a> {
    catalog: &'a Catalog,
    runs: BTreeMap<Born, Digest>,
    tasks: BTreeMap<Born, Open>,
}

/// A task as far as the journal has told of it.
struct Open {
    at: StepRef,
    kind: TaskKind,
    assignee: Assignee,
}

impl<'a> FactReader<'a> {
    /// One that knows what the lead is in now; the rest it learns as it goes.
    pub fn new(catalog: &'a Catalog, state: &LeadState) -> Self {
        let runs = state.runs.iter().map(|run| (run.id.in_journal(), run.workflow)).collect();
        let open = |task: &Task| Open { at: task.at(), kind: task.kind, assignee: task.assignee.clone() };
        let tasks = state.tasks.iter().map(|task| (task.id.in_journal(), open(task))).collect();
        Self { catalog, runs, tasks }
    }

    /// What an entry says, note by note.
    pub fn read(&mut self, entry: &Entry) -> Vec<Option<Fact>> {
        let events = entry.personal.as_ref().map_or(&[][..], |personal| &personal.events);
        let mut answers = events.iter().filter_map(|event| match event {
            Event::Decided(answer) => Some(answer),
            _ => None,
        });
        entry.skeleton.notes.iter().map(|note| self.fact(note, events, &mut answers)).collect()
    }

    /// What a person or a sender did that no note tells: put the lead into a workflow, commanded something, or imported what
    /// had been. A schedule goes by the id of its firing.
    pub fn by_person(entry: &Entry) -> Option<Fact> {
        let events = entry.personal.as_ref().map_or(&[][..], |personal| &personal.events);
        events.iter().find_map(|event| match event {
            Event::Enrolled { key: Some(_), .. } => Some(Fact::Besides { what: Besides::PutInByKey }),
            Event::Enrolled { workflow, by, .. } if !by.contains('/') => {
                Some(Fact::PutIn { workflow: workflow.clone() })
            }
            Event::Commanded { command, .. } => Some(ordered(command)),
            Event::Reported(report) if !report.enrolls => Some(Fact::Besides { what: Besides::Imported }),
            _ => None,
        })
    }

    /// What a person did by which a task changed hands; none where the engine passed it on.
    fn moved(&mut self, task: Born, assignee: &Assignee, events: &[Event]) -> Option<Fact> {
        let change = events.iter().find_map(|event| match event {
            Event::TaskMoved { task: of, change, .. } if of.in_journal() == task => Some(change),
            _ => None,
        });
        let known = self.tasks.get_mut(&task)?;
        let before = std::mem::replace(&mut known.assignee, assignee.clone());
        let (at, kind) = (known.at, known.kind);
        match change? {
            _ if kind == TaskKind::Escalation => Some(Fact::Besides { what: Besides::Escalation }),
            TaskChange::Claimed(rep) => {
                Some(Fact::Claimed { at: self.at(at), by: rep.0.clone(), of: before.to_string() })
            }
            TaskChange::Reassigned(rep) => Some(Fact::Reassigned { at: self.at(at), to: rep.0.clone() }),
            TaskChange::Snoozed(_) => None,
        }
    }

    /// What a step kept of the answer to its request.
    fn kept(&self, at: StepRef, effect: Born, events: &[Event]) -> Vec<Kept> {
        let step = self.catalog.definitions.get(&at.workflow).and_then(|workflow| workflow.step(at.step));
        let Some(Verb::Http(http)) = step.map(|step| &step.verb) else { return Vec::new() };
        let reply = events.iter().find_map(|event| match event {
            Event::Delivered { effect: of, ending, .. } if of.in_journal() == effect => ending.reply(),
            _ => None,
        });
        let values = reply.map(|reply| reply.values.as_slice()).unwrap_or_default();
        let kept = |(field, value): &(String, Value)| {
            let save = http.save.iter().find(|save| save.field == *field)?;
            Some(Kept { field: field.clone(), from: save.from.to_string(), value: json::show(value) })
        };
        values.iter().filter_map(kept).collect()
    }

    /// The step of a place.
    fn at(&self, place: StepRef) -> At {
        let definitions = &self.catalog.definitions;
        At {
            workflow: definitions.name(&place.workflow).unwrap_or_default().to_owned(),
            step: definitions.step(&place.workflow, place.step).map_or_else(String::new, |(id, _)| id.to_owned()),
        }
    }

    fn fact<'e>(
        &mut self,
        note: &Note,
        events: &[Event],
        answers: &mut impl Iterator<Item = &'e Answer>,
    ) -> Option<Fact> {
        if let Note::TaskMade { task, kind, assignee, at: Some(at), .. } = note {
            self.tasks.insert(*task, Open { at: *at, kind: *kind, assignee: assignee.clone() });
        }
        let rep = |rep: &cadenza_core::lead::RepId| rep.0.clone();
        let at_or_nowhere = |place: &Option<StepRef>| place.map_or_else(At::default, |place| self.at(place));
        Some(match note {
            Note::Reported(kind) => heard(&kind.to_string(), events),
            Note::Enrolled { run, workflow, .. } => {
                self.runs.insert(*run, *workflow);
                Fact::Enters { workflow: self.catalog.definitions.name(workflow)?.to_owned() }
            }
            Note::NotEnrolled { workflow, why } => Fact::StaysOut { workflow: workflow.clone(), because: *why },
            Note::Entered { run, step } => Fact::Step(self.at(StepRef { workflow: *self.runs.get(run)?, step: *step })),
            Note::Drawn { step, arm, .. } => Fact::Drawn { at: self.at(*step), arm: arm.clone() },
            Note::Decided { plugin, verdict, .. } => decides(plugin, verdict, answers.next()),
            Note::Owned { owner, .. } => Fact::Owner { owner: owner.as_ref().map(rep) },
            Note::TaskMade { kind, assignee, due, at, .. } => {
                Fact::Task { at: at_or_nowhere(at), kind: *kind, assignee: assignee.to_string(), due: *due }
            }
            Note::TaskDone { task, outcome, result, kind, by, at, result_own } => {
                let report = events.iter().find_map(|event| match event {
                    Event::TaskDone(report) if report.task.in_journal() == *task => Some(report),
                    _ => None,
                });
                Fact::Done {
                    at: at_or_nowhere(at),
                    kind: *kind,
                    outcome: *outcome,
                    result: *result,
                    result_own: result_own.clone(),
                    answers: report.map(answers_of).unwrap_or_default(),
                    callback_at: report.and_then(|report| report.callback_at),
                    by: by.as_ref().map(rep),
                }
            }
            Note::NotDone { at, .. } => Fact::GivenUp(self.at(*at)),
            Note::DoneLate(_) => Fact::Besides { what: Besides::LateReport },
            Note::Snoozed { task, until } => match self.tasks.get(task)? {
                Open { kind: TaskKind::Escalation, .. } => Fact::Besides { what: Besides::Escalation },
                Open { at, .. } => Fact::Snoozed { at: self.at(*at), until: *until },
            },
            Note::TaskMoved { task, assignee } => return self.moved(*task, assignee, events),
            Note::OfAccount { event, lead } => of_account(&event.to_string(), *lead, events),
            Note::Braked(_) => Fact::Besides { what: Besides::Braked },
            Note::Bound { .. } if events.iter().any(|event| matches!(event, Event::Bound { .. })) => {
                Fact::Besides { what: Besides::Bound }
            }
            Note::Gated { channel: Some(channel), verdict, .. } => withheld(*channel, *verdict)?,
            Note::Delivered { effect, ending, at, status, is_request: true, .. } => Fact::Request {
                at: at_or_nowhere(at),
                effect: effect.number(),
                ending: *ending,
                status: *status,
                kept: at.map(|at| self.kept(at, *effect, events)).unwrap_or_default(),
            },
            Note::Delivered { effect, ending, script, why, at, .. } => Fact::Mail {
                at: at_or_nowhere(at),
                effect: effect.number(),
                script: script.and_then(|script| self.catalog.definitions.script(script)).map(str::to_owned),
                ending: *ending,
                because: *why,
            },
            Note::Touched { channel, outcome, result, result_own, channel_own, .. } => Fact::Touch {
                channel: *channel,
                channel_own: channel_own.clone(),
                outcome: *outcome,
                result: *result,
                result_own: result_own.clone(),
            },
            Note::Escalated { action, to, at, .. } => {
                Fact::Escalated { at: at_or_nowhere(at), action: *action, to: to.as_ref().map(rep) }
            }
            Note::Ended { run, ending, at } => {
                let step = at_or_nowhere(at).step;
                let workflow = self.catalog.definitions.name(self.runs.get(run)?)?.to_owned();
                Fact::Ended { at: At { workflow, step }, ending: ending.clone() }
            }
            Note::Parked { at, .. } => Fact::Parked(at_or_nowhere(at)),
            Note::Stage(stage, own) => Fact::Stage { stage: *stage, stage_own: own.clone() },
            Note::Segment(segment) => Fact::Segment { segment: *segment },
            _ => return None,
        })
    }
}

fn ordered(command: &LeadCommand) -> Fact {
    let (command, workflow) = match command {
        LeadCommand::Pause => ("pause", None),
        LeadCommand::Resume => ("resume", None),
        LeadCommand::OptOut { .. } => ("opt_out", None),
        LeadCommand::Disqualify { .. } => ("disqualify", None),
        LeadCommand::Unpark(_) => ("unpark", None),
        LeadCommand::Remove { workflow } => ("remove", Some(workflow.clone())),
        LeadCommand::SetOwner(rep) => return Fact::GivenTo { owner: rep.0.clone() },
        LeadCommand::Prefer { .. } => return Fact::Besides { what: Besides::Preferences },
        LeadCommand::CancelRun(_) => return Fact::Besides { what: Besides::RunEnded },
    };
    Fact::Ordered { command: command.to_owned(), workflow }
}

fn heard(event: &str, events: &[Event]) -> Fact {
    let report = events.iter().find_map(|event| match event {
        Event::Reported(report) => Some(report),
        _ => None,
    });
    let fields = |report: &Report| {
        report.fields.iter().map(|(name, value)| (name.clone(), json::show(value))).collect::<BTreeMap<_, _>>()
    };
    Fact::Event {
        event: event.to_owned(),
        source: report.map_or_else(String::new, |report| report.source.clone()),
        fields: report.map(fields).unwrap_or_default(),
        data: report.map(data_of).unwrap_or_default(),
        standing: report.and_then(|report| report.standing.as_ref()).map(stands).unwrap_or_default(),
    }
}

fn data_of(report: &Report) -> BTreeMap<String, serde_json::Value> {
    report.data.iter().map(|(name, value)| (name.clone(), json::show(value))).collect()
}

/// Where a sender says the lead stands, as an event says it: with the team's own word where that was given.
fn stands(standing: &Standing) -> BTreeMap<String, serde_json::Value> {
    let Standing { opted_out, refused, stage, owner, stage_own } = standing;
    let refused: Vec<&str> = refused.iter().map(|channel| channel.as_str()).collect();
    let stage = stage_own.as_deref().or(stage.map(Stage::as_str));
    let told = [
        ("opted_out", opted_out.map(serde_json::Value::from)),
        ("refused", (!refused.is_empty()).then(|| refused.into())),
        ("stage", stage.map(serde_json::Value::from)),
        ("owner", owner.as_ref().map(|rep| rep.0.as_str().into())),
    ];
    told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn of_account(event: &str, lead: LeadId, events: &[Event]) -> Fact {
    let passed = events.iter().find_map(|event| match event {
        Event::OfAccount(passed) if passed.lead == lead => Some(passed),
        _ => None,
    });
    let data = passed.map(|passed| data_of(&passed.report)).unwrap_or_default();
    Fact::OfAccount { event: event.to_owned(), lead: lead.to_string(), data }
}

fn answers_of(report: &TaskReport) -> BTreeMap<String, serde_json::Value> {
    report.fields.iter().map(|(name, value)| (name.clone(), json::show(value))).collect()
}

fn decides(plugin: &str, verdict: &DecisionSummary, answer: Option<&Answer>) -> Fact {
    let (mut points, mut segment, mut track, mut action, mut look_again_s) = (None, None, None, None, None);
    match verdict {
        DecisionSummary::Score { points: of, segment: so } => (points, segment) = (Some(*of), Some(*so)),
        DecisionSummary::Track(to) => track = Some(to.clone()),
        DecisionSummary::Action(what) => action = Some(*what),
        DecisionSummary::Failed(_) => {}
    }
    if let Some(Ok(Decision::Track { look_again_s: again, .. })) = answer.map(|answer| &answer.decision) {
        look_again_s = *again;
    }
    let fails = matches!(verdict, DecisionSummary::Failed(_));
    Fact::Decides { plugin: plugin.to_owned(), points, segment, track, look_again_s, action, fails }
}

fn withheld(channel: Channel, verdict: Gate) -> Option<Fact> {
    let (because, until, never) = match verdict {
        Gate::Go => return None,
        Gate::NotBefore { at, why } => (why, Some(at).filter(|at| *at != Timestamp::MAX), false),
        Gate::Held(why) => (why, None, false),
        Gate::Never(why) => (why, None, true),
    };
    Some(Fact::Withheld { channel, because, until, never })
}
