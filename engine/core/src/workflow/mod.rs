//! The checked definition of a workflow: what `cadenza-language` makes from a file, and what `step` runs.
//!
//! A run pins the definition with which it started, by digest, for as long as it uses it. Definitions are stored in the
//! form that they have here (self-describing, by serde), so that a later program can continue a run that an earlier one
//! began.

use crate::event_type::EventType;
use crate::expr::{Expr, Object};
use crate::id::Digest;
use crate::plugin::DecisionKind;
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod enroll;
mod http;
mod interrupts;
mod names;
mod verbs;

pub use enroll::{CatchUp, Enroll, Enrolment, Group, Leave, ReEnroll, Schedule};
pub use http::{Filled, Http, Method, Part, Save};
pub(crate) use interrupts::Whose;
pub use interrupts::{Interrupt, Reaction};
pub(crate) use names::landing;
pub use names::{ScriptId, StepId, StepRef, TouchId};
pub use verbs::{
    Ask, Assign, AssignBy, Assignment, Awaited, Branch, Cadence, CadenceTouch, Call, Carry, ChosenBy, Doer, Email,
    Escalate, Goal, HoldRule, HoldScope, Inquiry, MAIN_SCORE, MailResults, NextDay, Notify, OnFailure, Party, Purpose,
    Recipient, Redial, Refused, Require, Results, Score, Script, Since, Split, SplitArm, SplitBy, Sticky, Todo,
    TouchPlan, Voicemails, Wait,
};

/// The most steps a workflow may have.
pub const STEPS_MAX: usize = 500;
/// How many contacts a cadence makes before it is exhausted, when the file names no limit (practice D1).
pub const CONTACTS_DEFAULT: u16 = 12;
/// The gap before the second dial of a double dial, when the file names none (practice B6; the figure is ours).
pub const REDIAL_DEFAULT: Span = Span::Elapsed(4 * crate::time::MINUTE_MS);
/// How long after it is made a call or task is due, when the file does not say.
pub const DUE_DEFAULT: Span = Span::BusinessDays(1);

/// A checked workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// The name, unique in the workspace.
    pub name: String,
    /// A summary for people, in one sentence.
    pub summary: String,
    /// The digest of the file and of every script that it uses.
    pub digest: Digest,
    /// The ways into the workflow.
    pub enroll: Vec<Enroll>,
    /// Whether a lead that was in the workflow before may enter again.
    pub re_enroll: ReEnroll,
    /// A lead has one run for each value of this expression. Without it, the lead has one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Expr>,
    /// The group of workflows of which a lead is in only one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Conditions that end a run, whatever step it is at.
    pub leave: Vec<Leave>,
    /// What events do to a run at any step, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interrupts: Vec<Interrupt>,
    /// The steps, in order; a run begins at the first.
    pub steps: Vec<Step>,
    /// The templates by path, as they were when the workflow was read.
    pub scripts: BTreeMap<String, Script>,
}

/// What is kept of a definition that no run follows any more, to show past runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    pub name: String,
    /// The digest of the definition.
    pub digest: Digest,
    /// The id and the verb of each step.
    pub steps: Vec<(String, String)>,
    /// The paths of the scripts; empty in outlines of earlier programs.
    #[serde(default)]
    pub scripts: Vec<String>,
}

impl Outline {
    /// The outline of a definition.
    pub fn of(workflow: &Workflow) -> Self {
        let step = |step: &Step| (step.id.clone(), step.verb.name().to_owned());
        Self {
            name: workflow.name.clone(),
            digest: workflow.digest,
            steps: workflow.steps.iter().map(step).collect(),
            scripts: workflow.scripts.keys().cloned().collect(),
        }
    }

    /// The id and the verb of a step.
    pub fn step(&self, step: StepId) -> Option<&(String, String)> {
        match step.place() {
            Some(place) => self.steps.get(place),
            None => self.steps.iter().find(|(id, _)| StepId::of(id) == step),
        }
    }
}

/// The index of a step in its workflow's list. Records name a step by its id instead: see [`StepId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepIx(pub u16);

/// Where a run goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    Step(StepIx),
    /// The run ends as completed.
    End,
}

/// One step: exactly one verb.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The author's id. Steps that cannot wait may have none in the file, and are then called `verb-number`.
    pub id: String,
    pub verb: Verb,
    /// Where the run goes when the verb has only one way out.
    pub next: Target,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verb {
    /// A scoring plugin decides points and segment.
    Score(Score),
    /// The run goes to the first arm whose condition holds.
    Switch(Vec<Arm>),
    /// An owner is chosen.
    Assign(Assign),
    /// A call task is made, and the run waits for its outcome.
    Call(Box<Call>),
    /// A mail is sent, and the run continues once it is handed over.
    Email(Email),
    /// A text message is sent, and the run continues once it is handed over.
    Message(Email),
    /// Touches on several channels are repeated until something stops them.
    Cadence(Box<Cadence>),
    /// A task for a person is made, and the run waits for its outcome.
    Task(Box<Todo>),
    /// A nurture plugin chooses the track.
    Branch(Branch),
    /// The run waits for a time, a date field or an event.
    Wait(Wait),
    /// Fields are set.
    Update(Vec<Assignment>),
    /// The lead is enrolled in another workflow, and this run goes on.
    Enroll(Enrolment),
    /// One of several arms is drawn.
    Split(Split),
    /// The run continues only when fields are known.
    Require(Require),
    /// People or another system are told something.
    Notify(Notify),
    /// Somebody watches the lead from now on, and is told when its owner changes.
    Watch(Party),
    /// Another system is asked something, and the run continues once it has answered.
    Http(Box<Http>),
    /// The run ends under this name.
    End(String),
}

impl Verb {
    /// Whether a message of this step with this script answers the lead.
    pub fn answers_with(&self, script: ScriptId) -> bool {
        let answers = |email: &Email| email.purpose == Purpose::Answer && ScriptId::of(&email.script) == script;
        match self {
            Self::Email(email) | Self::Message(email) => answers(email),
            Self::Cadence(cadence) => cadence.touches.iter().any(|touch| match &touch.touch {
                TouchPlan::Email(email) | TouchPlan::Message(email) => answers(email),
                TouchPlan::Call { .. } | TouchPlan::Task { .. } => false,
            }),
            _ => false,
        }
    }

    /// The verb as the file spells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Score(_) => "score",
            Self::Switch(_) => "switch",
            Self::Assign(_) => "assign",
            Self::Call(_) => "call",
            Self::Email(_) => "email",
            Self::Message(_) => "message",
            Self::Cadence(_) => "cadence",
            Self::Task(_) => "task",
            Self::Branch(_) => "branch",
            Self::Wait(_) => "wait",
            Self::Update(_) => "update",
            Self::Enroll(_) => "enroll",
            Self::Split(_) => "split",
            Self::Require(_) => "require",
            Self::Notify(_) => "notify",
            Self::Watch(_) => "watch",
            Self::Http(_) => "http",
            Self::End(_) => "end",
        }
    }

    /// The kind of decision for which the step itself asks a plugin, if it asks one.
    pub const fn decision(&self) -> Option<DecisionKind> {
        match self {
            Self::Score(_) => Some(DecisionKind::Scoring),
            Self::Branch(_) => Some(DecisionKind::Nurture),
            _ => None,
        }
    }

    /// Whether a run may stay at such a step for a while. These steps have an explicit id.
    pub const fn can_wait(&self) -> bool {
        match self {
            Self::Switch(_)
            | Self::Update(_)
            | Self::Enroll(_)
            | Self::Split(_)
            | Self::Require(_)
            | Self::Notify(_)
            | Self::Watch(_)
            | Self::End(_) => false,
            Self::Score(_)
            | Self::Assign(_)
            | Self::Call(_)
            | Self::Email(_)
            | Self::Message(_)
            | Self::Http(_)
            | Self::Cadence(_)
            | Self::Task(_)
            | Self::Branch(_)
            | Self::Wait(_) => true,
        }
    }

    /// Every expression that is evaluated at the step.
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Switch(arms) => arms.iter().map(|arm| &arm.condition).collect(),
            Self::Cadence(cadence) => {
                let stop = cadence.stop.iter().map(|arm| &arm.condition);
                stop.chain(cadence.touches.iter().filter_map(|touch| touch.condition.as_ref())).collect()
            }
            Self::Wait(Wait::Until { date, .. }) => vec![date],
            Self::Wait(wait) => wait.awaited().map(|awaited| &awaited.condition).collect(),
            Self::Require(require) => vec![&require.condition],
            Self::Http(http) => http.expressions(),
            Self::Enroll(enrolment) => enrolment.key.iter().collect(),
            Self::Update(assignments) => assignments
                .iter()
                .filter_map(|assignment| match assignment {
                    Assignment::Field { value, .. } => Some(value),
                    Assignment::Stage(_) | Assignment::OwnStage { .. } | Assignment::Segment(_) => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The escalations of the step's tasks, each with the index of its touch; 0 for steps with one task.
    pub fn escalations(&self) -> impl Iterator<Item = (u16, &Escalate)> {
        let (own, touches): (Option<&Escalate>, &[CadenceTouch]) = match self {
            Self::Call(call) => (call.escalate.as_ref(), &[]),
            Self::Task(todo) => (todo.escalate.as_ref(), &[]),
            Self::Cadence(cadence) => (None, &cadence.touches),
            _ => (None, &[]),
        };
        own.into_iter().map(|escalate| (0, escalate)).chain(touches.iter().enumerate().filter_map(|(ix, touch)| {
            match &touch.touch {
                TouchPlan::Call { escalate, .. } | TouchPlan::Task { escalate, .. } => {
                    escalate.as_ref().map(|escalate| (ix as u16, escalate))
                }
                TouchPlan::Email(_) | TouchPlan::Message(_) => None,
            }
        }))
    }
}

/// A condition and the target that it leads to. The condition of the `else` arm is [`Expr::TRUE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    pub condition: Expr,
    pub go: Target,
}

impl Workflow {
    /// The step with this id.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.get(self.place(id)?)
    }

    /// The index in the list of the step with this id.
    pub fn place(&self, id: StepId) -> Option<usize> {
        match id.place() {
            Some(place) => Some(place).filter(|place| *place < self.steps.len()),
            None => self.steps.iter().position(|step| StepId::of(&step.id) == id),
        }
    }

    /// The step at which a run begins.
    pub fn first(&self) -> StepId {
        StepId::of(self.steps.first().map_or("", |step| &step.id))
    }

    /// The id, as records store it, of the step to which a run goes; `None` at the end.
    pub fn landing(&self, target: Target) -> Option<StepId> {
        match target {
            Target::Step(ix) => self.steps.get(usize::from(ix.0)).map(|step| StepId::of(&step.id)),
            Target::End => None,
        }
    }

    /// A script of the workflow, with its path.
    pub fn script(&self, id: ScriptId) -> Option<(&str, &Script)> {
        self.scripts.iter().map(|(path, script)| (path.as_str(), script)).find(|(path, _)| ScriptId::of(path) == id)
    }

    /// Whether any expression of the workflow names this object.
    pub fn names(&self, object: Object) -> bool {
        let enroll = self.enroll.iter().map(|way| match way {
            Enroll::When { condition, .. } => condition,
            Enroll::Schedule { leads, .. } => leads,
        });
        let leave = self.leave.iter().map(|leave| &leave.condition);
        let interrupts = self.interrupts.iter().flat_map(Interrupt::expressions);
        let steps = self.steps.iter().flat_map(|step| step.verb.expressions());
        let again = if let ReEnroll::When(condition) = &self.re_enroll { Some(condition) } else { None };
        let enroll = enroll.chain(again).chain(&self.key);
        enroll.chain(leave).chain(interrupts).chain(steps).any(|expr| expr.names(object))
    }

    /// The waits of the steps.
    fn waits(&self) -> impl Iterator<Item = &Wait> {
        self.steps.iter().filter_map(|step| if let Verb::Wait(wait) = &step.verb { Some(wait) } else { None })
    }

    /// Whether any step waits for an event of this type.
    pub fn waits_for(&self, kind: &EventType) -> bool {
        self.waits().flat_map(Wait::awaited).any(|awaited| awaited.event == *kind)
    }

    /// Whether any wait counts events since the run began, or since the run came to a step.
    pub(crate) fn looks_back_to(&self, since: Since) -> bool {
        self.waits().any(|wait| matches!(wait, Wait::Event { since: from, .. } if *from == since))
    }

    /// Whether any wait counts events from before the run last moved.
    pub(crate) fn looks_back(&self) -> bool {
        self.waits().any(|wait| matches!(wait, Wait::Event { since, .. } if !since.is_moved()))
    }

    /// Whether an event of this type can end a wait or a run of the workflow, or interrupt a run.
    pub(crate) fn hears(&self, kind: &EventType) -> bool {
        self.waits_for(kind)
            || self.interrupts.iter().any(|one| one.event == *kind)
            || self.leave.iter().any(|one| one.event.as_ref() == Some(kind))
    }

    /// The types of events that count for the workflow whichever lead of the account they happen to.
    pub(crate) fn heard_of_account(&self) -> impl Iterator<Item = &EventType> {
        let interrupts = self.interrupts.iter().filter(|one| one.of_account).map(|one| &one.event);
        interrupts.chain(self.leave.iter().filter(|one| one.of_account).filter_map(|one| one.event.as_ref()))
    }

    /// Whether an event of this type can enrol a lead.
    pub(crate) fn enrolls_by(&self, kind: &EventType) -> bool {
        self.enroll.iter().any(|way| matches!(way, Enroll::When { event, .. } if event == kind))
    }

    /// The index of the step that has this id in the file.
    pub fn find(&self, id: &str) -> Option<StepIx> {
        self.steps.iter().position(|step| step.id == id).map(|ix| StepIx(ix as u16))
    }

    /// Every plugin question in the workflow: where it is asked, its kind, and the question.
    pub fn asks(&self) -> Vec<(AskRef, DecisionKind, &Ask)> {
        let mut asks = Vec::new();
        for (ix, step) in self.steps.iter().enumerate() {
            let at = |slot| AskRef { workflow: self.digest, step: StepIx(ix as u16), slot };
            let (kind, main, fallback) = match &step.verb {
                Verb::Score(score) => (DecisionKind::Scoring, Some(&score.ask), score.on_failure.ask()),
                Verb::Branch(branch) => (DecisionKind::Nurture, Some(&branch.ask), branch.on_failure.ask()),
                _ => (DecisionKind::Escalation, None, None),
            };
            asks.extend(main.map(|ask| (at(Slot::Own(Asks::Main)), kind, ask)));
            asks.extend(fallback.map(|ask| (at(Slot::Own(Asks::Fallback)), kind, ask)));
            for (touch, escalate) in step.verb.escalations() {
                asks.push((at(Slot::Escalation(touch)), kind, &escalate.ask));
            }
        }
        asks
    }
}

/// A place in a workflow that asks a plugin. What the plugin reads there is determined once, when it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskRef {
    pub workflow: Digest,
    pub step: StepIx,
    pub slot: Slot,
}

/// Which of a step's questions is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// One of the step's own questions.
    Own(Asks),
    /// The question about the task of the touch at this index; 0 for steps with one task.
    Escalation(u16),
}

crate::codes::codes! {
    /// Which of a step's own questions is meant.
    pub enum Asks {
        /// The question that the step names first.
        0 Main = "main",
        /// The question to another plugin when the first gives no decision.
        1 Fallback = "fallback",
    }
}
