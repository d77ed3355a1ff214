//! The checked definition of a workflow: what `cadenza-language` makes of a file, and what `step` runs.
//!
//! A run pins the definition it started with, by digest, for as long as it uses it. Definitions are stored as they stand
//! here (self-describing, by serde), so a later program can go on with a run begun by an earlier one.

use crate::codes::codes;
use crate::event::EventType;
use crate::expr::Expr;
use crate::id::Digest;
use crate::lead::{Channel, Outcome, Stage, TouchResult};
use crate::plugin::{DecisionKind, Segment, With};
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most steps a workflow may have.
pub const STEPS_MAX: usize = 500;
/// Contacts a cadence makes before it is exhausted when the file names no limit (practice D1).
pub const CONTACTS_DEFAULT: u16 = 12;
/// The gap before the second dial of a double dial when the file names none (practice B6, ours).
pub const REDIAL_DEFAULT: Span = Span::Elapsed(4 * crate::time::MINUTE_MS);
/// When a call or task is due if the file does not say.
pub const DUE_DEFAULT: Span = Span::BusinessDays(1);

/// A workflow, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// The name, unique in the workspace.
    pub name: String,
    /// One sentence for people.
    pub summary: String,
    /// Of the file and of every script it uses.
    pub digest: Digest,
    /// Who is enrolled, and when.
    pub enroll: Vec<Enroll>,
    /// Whether a lead that was in it before may come in again.
    pub re_enroll: ReEnroll,
    /// Conditions that end a run wherever it is.
    pub leave: Vec<Leave>,
    /// The steps; a run begins at the first.
    pub steps: Vec<Step>,
    /// Templates by path, as they were when the workflow was read.
    pub scripts: BTreeMap<String, Script>,
}

/// The index of a step in its workflow's list.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode, Serialize, Deserialize,
)]
#[cbor(transparent)]
pub struct StepIx(#[n(0)] pub u16);

/// Where a run goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode, Serialize, Deserialize)]
pub enum Target {
    /// To this step.
    #[n(0)]
    Step(#[n(0)] StepIx),
    /// The run is over, completed.
    #[n(1)]
    End,
}

/// One way into the workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Enroll {
    /// When an event of this type comes and the condition holds.
    When {
        /// The event.
        event: EventType,
        /// Asked of the lead as the event left it.
        condition: Expr,
    },
    /// At times, every lead for which the condition holds.
    Schedule {
        /// When.
        schedule: Schedule,
        /// Whom.
        leads: Expr,
    },
}

/// A cron schedule with its policy for firings that were missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Unique in the workspace: `workflow/number`.
    pub id: String,
    /// Five fields, as cron(5).
    pub cron: String,
    /// IANA name.
    pub timezone: String,
    /// What happens to firings missed while stopped.
    pub catch_up: CatchUp,
    /// Firings missed longer ago than this are not caught up.
    pub within: Span,
}

/// What happens to firings missed while stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// Only the latest missed one fires.
    Latest,
    /// Every missed one fires, the latest so many.
    All {
        /// At most this many.
        at_most: u16,
    },
    /// None fires.
    None,
}

/// Whether a lead may pass through again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReEnroll {
    /// Once and never again.
    Never,
    /// As soon as the last run is over.
    Always,
    /// So long after the last run ended.
    After(Span),
}

/// A condition that ends the run wherever it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leave {
    /// When it holds, the run ends.
    pub condition: Expr,
    /// The name of the ending: `suppressed`, `won`…
    pub ending: String,
}

/// One step: exactly one verb.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The author's id; steps that cannot wait may go without and get `verb-number`.
    pub id: String,
    /// What it does.
    pub verb: Verb,
    /// Where it goes when the verb has a single way out.
    pub next: Target,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verb {
    /// A scoring plugin decides points and segment.
    Score(Score),
    /// The first arm whose condition holds.
    Switch(Vec<Arm>),
    /// An owner is chosen.
    Assign(Assign),
    /// A call task; waits for its outcome.
    Call(Box<Call>),
    /// One mail; goes on once it is handed over.
    Email(Email),
    /// Repeated touches on several channels until something stops it.
    Cadence(Box<Cadence>),
    /// A task for a person; waits for its outcome.
    Task(Box<Todo>),
    /// A nurture plugin chooses the track.
    Branch(Branch),
    /// Nothing until a time, a date field or an event.
    Wait(Wait),
    /// Fields are set.
    Update(Vec<Assignment>),
    /// The lead is put into another workflow; this run goes on.
    Enroll(String),
    /// The run is over, under this name.
    End(String),
}

impl Verb {
    /// The verb as the file spells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Score(_) => "score",
            Self::Switch(_) => "switch",
            Self::Assign(_) => "assign",
            Self::Call(_) => "call",
            Self::Email(_) => "email",
            Self::Cadence(_) => "cadence",
            Self::Task(_) => "task",
            Self::Branch(_) => "branch",
            Self::Wait(_) => "wait",
            Self::Update(_) => "update",
            Self::Enroll(_) => "enroll",
            Self::End(_) => "end",
        }
    }

    /// The kind of decision the step asks for, when that is what it does.
    pub const fn decision(&self) -> Option<DecisionKind> {
        match self {
            Self::Score(_) => Some(DecisionKind::Scoring),
            Self::Branch(_) => Some(DecisionKind::Nurture),
            _ => None,
        }
    }

    /// Whether a run may stay here for a while; such steps have an explicit id.
    pub const fn can_wait(&self) -> bool {
        !matches!(self, Self::Switch(_) | Self::Update(_) | Self::Enroll(_) | Self::End(_))
    }
}

/// A condition and where it leads; the `else` arm's condition is [`Expr::TRUE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// When it holds…
    pub condition: Expr,
    /// …go there.
    pub go: Target,
}

/// A question to a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The plugin's name.
    pub plugin: String,
    /// Its parameters by name.
    pub with: With,
}

/// What a step does when its plugin gives no decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OnFailure<V> {
    /// Go on as if it had said this.
    Fallback(V),
    /// Ask another plugin; when that fails too, park.
    Plugin(Ask),
    /// Wait for a person.
    Park,
}

/// `score:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Whom to ask.
    pub ask: Ask,
    /// Under which name the score is kept. The lead's own score is the one named [`MAIN_SCORE`].
    pub name: String,
    /// When no decision comes.
    pub on_failure: OnFailure<Segment>,
}

/// The name of the score that sets the lead's segment and points.
pub const MAIN_SCORE: &str = "fit";

/// `branch:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// Whom to ask.
    pub ask: Ask,
    /// Where each track leads.
    pub tracks: BTreeMap<String, Target>,
    /// Where any other leads.
    pub otherwise: Target,
    /// When no decision comes: the track to take.
    pub on_failure: OnFailure<String>,
}

codes! {
    /// How an owner is chosen among several.
    pub enum AssignBy {
        /// Who has waited longest since the last assignment (practice C2).
        0 LongestIdle = "longest_idle",
        /// In turn.
        1 RoundRobin = "round_robin",
        /// Who owns the fewest open tasks.
        2 LeastLoaded = "least_loaded",
        /// In turn, by weight.
        3 Weighted = "weighted",
        /// By the territory the lead lies in.
        4 Territory = "territory",
    }
}

codes! {
    /// What an assignment sticks to: an owner known there is taken before anybody is chosen.
    pub enum Sticky {
        /// The lead's own owner.
        0 Lead = "lead",
        /// The owner of the lead's account, else the lead's own.
        1 Account = "account",
    }
}

/// `assign:` with `hold:` and `carry:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assign {
    /// The pool chosen from; none when by territory.
    pub pool: Option<String>,
    /// How.
    pub by: AssignBy,
    /// Whether a known owner is kept.
    pub sticky: Option<Sticky>,
    /// A rep or pool that takes it when nobody else can.
    pub fallback: Option<String>,
    /// How long the owner keeps it, whatever becomes of the run.
    pub hold: Option<Hold>,
    /// What moves along when the owner changes.
    pub carry: Carry,
}

codes! {
    /// What a hold is on.
    pub enum HoldScope {
        /// This lead alone.
        0 Lead = "lead",
        /// The lead's account; the lead alone when it has none.
        1 Account = "account",
    }
}

/// Ownership that outlives the run (practice C3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// On what.
    pub scope: HoldScope,
    /// For how long; a second lead of the account does not start it again.
    pub span: Span,
    /// An event that makes it permanent.
    pub until: Option<EventType>,
    /// Where a run of its own begins when it expires.
    pub on_expiry: Option<Target>,
}

/// What moves along when the owner changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carry {
    /// Open tasks go to the new owner.
    pub move_open_tasks: bool,
    /// The previous owner stays a watcher (practices A5, C3).
    pub watch_previous_owner: bool,
}

/// `call:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Path of the script.
    pub script: String,
    /// Due so long after it was made.
    pub due: Span,
    /// What happens while it is not done.
    pub escalate: Option<Escalate>,
    /// Where each outcome or result leads.
    pub results: Results,
}

/// `task:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Todo {
    /// What is to be done, a template.
    pub objective: String,
    /// A script to go with it.
    pub script: Option<String>,
    /// Due so long after it was made.
    pub due: Span,
    /// What happens while it is not done.
    pub escalate: Option<Escalate>,
    /// Where each outcome or result leads.
    pub results: Results,
}

/// Where outcomes and results lead: a result is looked up before its outcome; what is not named takes `otherwise`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// By result.
    pub by_result: BTreeMap<TouchResult, Target>,
    /// By outcome, when the lead was not reached or the result is not named.
    pub by_outcome: BTreeMap<Outcome, Target>,
    /// Everything else.
    pub otherwise: Target,
}

impl Results {
    /// Where this outcome and result lead.
    pub fn lookup(&self, outcome: Option<Outcome>, result: Option<TouchResult>) -> Target {
        result
            .and_then(|result| self.by_result.get(&result))
            .or_else(|| outcome.and_then(|outcome| self.by_outcome.get(&outcome)))
            .copied()
            .unwrap_or(self.otherwise)
    }
}

/// `escalate:` points at which a plugin is asked what to do about a task that is not done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Escalate {
    /// Whom to ask.
    pub ask: Ask,
    /// When: so long after the task was made, ascending.
    pub at: Vec<Span>,
    /// Whom a reminder goes to.
    pub remind: Recipient,
    /// Whom it is raised to.
    pub raise: Recipient,
}

/// Somebody who hears of an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recipient {
    /// The lead's owner.
    Owner,
    /// The owner's manager.
    Manager,
    /// This rep.
    Rep(String),
}

/// `email:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Email {
    /// Path of the script.
    pub script: String,
    /// The connection it leaves by.
    pub via: String,
}

/// `cadence:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cadence {
    /// The most contacts of the counted channels.
    pub contacts_max: u16,
    /// Which channels count.
    pub count: Vec<Channel>,
    /// Scripts of the voice-mail series (practice B4).
    pub voicemails: Option<Voicemails>,
    /// Asked after every completed touch, in order.
    pub stop: Vec<Arm>,
    /// The touches of one round, in order.
    pub touches: Vec<CadenceTouch>,
    /// How long after the last touch the round begins anew; once only when none.
    pub repeat: Option<Span>,
    /// Where it goes when the contacts or touches are used up.
    pub exhausted: Target,
}

/// One script for each message left: the first, those between, and the last before the limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voicemails {
    /// The first message.
    pub first: String,
    /// Every message between.
    pub next: String,
    /// The message left on the last contact.
    pub last: String,
}

/// One touch of a cadence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CadenceTouch {
    /// Counted from the completion of the touch before.
    pub after: Span,
    /// What is done.
    pub touch: TouchPlan,
}

/// What a touch of a cadence is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TouchPlan {
    /// A call task.
    Call {
        /// Path of the script.
        script: String,
        /// Due so long after it was made.
        due: Span,
        /// The second dial when nobody answers.
        redial: Option<Redial>,
        /// What happens while it is not done.
        escalate: Option<Escalate>,
    },
    /// A mail.
    Email(Email),
}

/// The double dial (practice B6): once more a few minutes later, counted as one contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redial {
    /// How long after the first dial.
    pub after: Span,
    /// Whether the message is left on the redial rather than on the first dial.
    pub voicemail_on_redial: bool,
}

/// `wait:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Wait {
    /// For so long.
    For(Span),
    /// Until so long before or after a date of the lead; follows the date when it moves.
    Until {
        /// The date.
        date: Expr,
        /// How far from it.
        offset: Span,
        /// Before it rather than after.
        before: bool,
        /// Where to go when that moment has already passed on entering.
        past: Target,
        /// Where to go when the date is blank, on entering or later.
        blank: Target,
    },
    /// Until an event comes.
    Event {
        /// The event.
        event: EventType,
        /// Which of them.
        condition: Expr,
        /// Where it leads.
        go: Target,
        /// At the latest after this…
        timeout: Span,
        /// …go there.
        on_timeout: Target,
    },
}

/// One field set by `update:`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Assignment {
    /// A given field, standard or custom.
    Field {
        /// Its name.
        field: String,
        /// Its new value; blank clears it.
        value: Expr,
    },
    /// The stage.
    Stage(Stage),
    /// The segment.
    Segment(Segment),
}

/// A template, with what its front matter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// What the touch is to achieve (practice B1).
    pub objective: String,
    /// Who tried it on a few people first (practice B12).
    pub reviewed_by: Option<String>,
    /// Subject line, a template; mails have one.
    pub subject: Option<String>,
    /// The text, a Jinja template.
    pub body: String,
}

impl Workflow {
    /// The step at this index.
    pub fn step(&self, ix: StepIx) -> Option<&Step> {
        self.steps.get(usize::from(ix.0))
    }

    /// Whether some step waits for an event of this type.
    pub fn waits_for(&self, kind: &EventType) -> bool {
        self.steps.iter().any(|step| matches!(&step.verb, Verb::Wait(Wait::Event { event, .. }) if event == kind))
    }

    /// The index of the step with this id.
    pub fn find(&self, id: &str) -> Option<StepIx> {
        self.steps.iter().position(|step| step.id == id).map(|ix| StepIx(ix as u16))
    }

    /// Every plugin question in the workflow: where it stands, of which kind it is, what is asked.
    pub fn asks(&self) -> Vec<(AskRef, DecisionKind, &Ask)> {
        let mut asks = Vec::new();
        for (ix, step) in self.steps.iter().enumerate() {
            let at = |slot| AskRef { workflow: self.digest, step: StepIx(ix as u16), slot };
            let (kind, main, fallback) = match &step.verb {
                Verb::Score(score) => (DecisionKind::Scoring, Some(&score.ask), score.on_failure.ask()),
                Verb::Branch(branch) => (DecisionKind::Nurture, Some(&branch.ask), branch.on_failure.ask()),
                _ => (DecisionKind::Escalation, None, None),
            };
            asks.extend(main.map(|ask| (at(AskRef::MAIN), kind, ask)));
            asks.extend(fallback.map(|ask| (at(AskRef::FALLBACK), kind, ask)));
            for (touch, escalate) in step.verb.escalations() {
                asks.push((at(AskRef::escalation(touch)), kind, &escalate.ask));
            }
        }
        asks
    }
}

/// Where in a workflow a plugin is asked; what it reads there is worked out once, when the plugin is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskRef {
    /// The definition.
    pub workflow: Digest,
    /// The step.
    pub step: StepIx,
    /// Which question of the step.
    pub slot: u16,
}

impl AskRef {
    /// The step's own question.
    pub const MAIN: u16 = 0;
    /// The plugin asked when the first gives no decision.
    pub const FALLBACK: u16 = 1;

    /// The escalation of the touch with this index; 0 for steps with one task.
    pub const fn escalation(touch: u16) -> u16 {
        touch + 2
    }
}

impl<V> OnFailure<V> {
    /// The other plugin, when that is the policy.
    pub const fn ask(&self) -> Option<&Ask> {
        match self {
            Self::Plugin(ask) => Some(ask),
            Self::Fallback(_) | Self::Park => None,
        }
    }
}

impl Verb {
    /// The escalations of the step's tasks, each with the index of its touch.
    pub fn escalations(&self) -> impl Iterator<Item = (u16, &Escalate)> {
        let (own, touches): (Option<&Escalate>, &[CadenceTouch]) = match self {
            Self::Call(call) => (call.escalate.as_ref(), &[]),
            Self::Task(todo) => (todo.escalate.as_ref(), &[]),
            Self::Cadence(cadence) => (None, &cadence.touches),
            _ => (None, &[]),
        };
        own.into_iter().map(|escalate| (0, escalate)).chain(touches.iter().enumerate().filter_map(|(ix, touch)| {
            match &touch.touch {
                TouchPlan::Call { escalate, .. } => escalate.as_ref().map(|escalate| (ix as u16, escalate)),
                TouchPlan::Email(_) => None,
            }
        }))
    }
}
