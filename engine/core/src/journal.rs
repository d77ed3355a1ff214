//! Why a lead is where it is: one entry for each transition that changed something.
//!
//! An entry is a skeleton without personal data, from which reports rebuild, and a personal part, keyed separately, that
//! erasing a person deletes. The newest entry rides in the lead's own record until the next one pushes it out: a fresh
//! lead costs two records less.

use crate::event::{Ending, Event};
use crate::id::{Born, Digest, RunId};
use crate::identity::IdentityKind;
use crate::lead::{Channel, Outcome, RepId, Stage, TouchResult};
use crate::plugin::{Action, DecisionKind, Segment};
use crate::task::{Assignee, TaskKind};
use crate::time::Timestamp;
use crate::value::Value;
use crate::verdict as gate;
use crate::workflow::{ChosenBy, ScriptId, StepId, StepRef};
use minicbor::{Decode, Encode};

/// One transition.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Entry {
    /// Its number in the lead's journal, from 1.
    #[n(0)]
    pub seq: u64,
    /// What may be kept for ever.
    #[n(1)]
    pub skeleton: Skeleton,
    /// What is deleted with the person; none once erased.
    #[n(2)]
    pub personal: Option<Personal>,
}

/// What may be kept for ever: no personal data.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Skeleton {
    /// The engine's time of the transition.
    #[n(0)]
    pub now: Timestamp,
    /// The id of the event that began it.
    #[n(1)]
    pub event: String,
    /// What happened, in order.
    #[n(2)]
    pub notes: Vec<Note>,
    /// What was in force ([`crate::workspace::Live`]); none in entries of earlier programs.
    #[n(3)]
    pub catalog: Option<Digest>,
}

/// What is deleted with the person: everything that replaying needs.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Personal {
    /// The events handled, the first from outside or from a timer, the others answers to it; see
    /// [`Event::AccountKnown`].
    #[n(0)]
    pub events: Vec<Event>,
    /// What was known of the account when the first was handled.
    #[n(1)]
    pub account: Option<crate::account::AccountFacts>,
    /// Fields of the lead that changed, in order; none of those that came with the event that created it.
    #[n(2)]
    #[cbor(default)]
    pub changes: Vec<Change>,
}

/// A field of the lead that changed. Long texts are kept in part: the whole of what came is in the event.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Change {
    /// Its name.
    #[n(0)]
    pub field: String,
    /// What it held.
    #[n(1)]
    pub from: Value,
    /// What it holds now; blank when it was cleared.
    #[n(2)]
    pub to: Value,
    /// The run whose `update` set it; none when a sender or a person did.
    #[n(3)]
    pub run: Option<Born>,
}

/// How many characters of a text a change keeps.
const CHANGE_CHARS_MAX: usize = 200;

impl Change {
    /// A change from one value to another, its texts shortened.
    pub(crate) fn new(field: &str, from: Value, to: Value, run: Option<RunId>) -> Self {
        Self { field: field.to_owned(), from: shortened(from), to: shortened(to), run: run.map(RunId::in_journal) }
    }
}

fn shortened(value: Value) -> Value {
    match value {
        Value::Text(text) => match text.char_indices().nth(CHANGE_CHARS_MAX) {
            Some((end, _)) => Value::Text(format!("{}…", &text[..end])),
            None => Value::Text(text),
        },
        Value::List(items) => Value::List(items.into_iter().map(shortened).collect()),
        other => other,
    }
}

/// One thing that happened in a transition.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Note {
    /// The lead became known.
    #[n(0)]
    Created {
        /// Where it came from, by its field `source`.
        #[n(0)]
        source: Option<String>,
    },
    /// An event from outside, by its type.
    #[n(1)]
    Reported(#[n(0)] crate::event::EventType),
    /// A run began.
    #[n(2)]
    Enrolled {
        /// The run.
        #[n(0)]
        run: Born,
        /// Its definition.
        #[n(1)]
        workflow: Digest,
        /// Who had the lead then.
        #[n(2)]
        owner: Option<RepId>,
    },
    /// A workflow asked for the lead and did not get it.
    #[n(3)]
    NotEnrolled {
        /// The workflow's name.
        #[n(0)]
        workflow: String,
        /// Why, a code.
        #[n(1)]
        why: Refusal,
    },
    /// A run came to a step.
    #[n(4)]
    Entered {
        /// The run.
        #[n(0)]
        run: Born,
        /// The step.
        #[n(1)]
        step: StepId,
    },
    /// A plugin decided.
    #[n(5)]
    Decided {
        /// The run.
        #[n(0)]
        run: Born,
        /// Of which kind.
        #[n(1)]
        kind: DecisionKind,
        /// The plugin.
        #[n(2)]
        plugin: String,
        /// Its build; none when none could be asked.
        #[cbor(n(3), with = "crate::id::known")]
        digest: Option<Digest>,
        /// What, without its reasons.
        #[n(4)]
        verdict: Verdict,
    },
    /// An owner was chosen.
    #[n(6)]
    Owned {
        /// Who; none when nobody could be found.
        #[n(0)]
        owner: Option<RepId>,
        /// How.
        #[n(1)]
        how: ChosenBy,
    },
    /// A task was made.
    #[n(7)]
    TaskMade {
        /// The task.
        #[n(0)]
        task: Born,
        /// What kind.
        #[n(1)]
        kind: TaskKind,
        /// In whose queue.
        #[n(2)]
        assignee: Assignee,
        /// When it is due.
        #[n(3)]
        due: Timestamp,
        /// Where it comes from.
        #[n(4)]
        at: Option<StepRef>,
    },
    /// A task was done.
    #[n(8)]
    TaskDone {
        /// The task.
        #[n(0)]
        task: Born,
        /// What came of it.
        #[n(1)]
        outcome: Outcome,
        /// What the lead said.
        #[n(2)]
        result: Option<TouchResult>,
        /// Of which kind it was.
        #[n(3)]
        kind: Option<TaskKind>,
        /// Whose it was.
        #[n(4)]
        by: Option<RepId>,
        /// Where it came from.
        #[n(5)]
        at: Option<StepRef>,
    },
    /// A task changed hands or time.
    #[n(9)]
    TaskMoved {
        /// The task.
        #[n(0)]
        task: Born,
        /// To whom.
        #[n(1)]
        assignee: Assignee,
    },
    /// A task is no longer wanted.
    #[n(10)]
    TaskWithdrawn(#[n(0)] Born),
    /// A task was given up: nobody did it in time.
    #[n(130)]
    NotDone {
        /// The task.
        #[n(0)]
        task: Born,
        /// What was to be done.
        #[n(1)]
        kind: TaskKind,
        /// Whose it was.
        #[n(2)]
        assignee: Assignee,
        /// Where it comes from.
        #[n(3)]
        at: StepRef,
    },
    /// A task that had been given up was reported all the same: what was learnt counts, and no run moves.
    #[n(131)]
    DoneLate(#[n(0)] Born),
    /// A touch or a notice may happen, or not.
    #[n(11)]
    Gated {
        /// On which way; none for a notice to a rep, which is no touch.
        #[n(0)]
        channel: Option<Channel>,
        /// What it said.
        #[n(1)]
        verdict: gate::Verdict,
        /// Of which message.
        #[n(2)]
        effect: Option<Born>,
    },
    /// A message was made ready to leave.
    #[n(12)]
    Queued {
        /// The effect.
        #[n(0)]
        effect: Born,
        /// By which connection.
        #[n(1)]
        via: String,
        /// The script of a mail.
        #[n(2)]
        script: Option<ScriptId>,
        /// Where it comes from.
        #[n(3)]
        at: Option<StepRef>,
    },
    /// What became of a message.
    #[n(13)]
    Delivered {
        /// The effect.
        #[n(0)]
        effect: Born,
        /// How it ended.
        #[n(1)]
        ending: Ending,
        /// The script of a mail.
        #[n(2)]
        script: Option<ScriptId>,
        /// Why it was held back.
        #[n(3)]
        why: Option<gate::Reason>,
        /// Where it came from.
        #[n(4)]
        at: Option<StepRef>,
    },
    /// A touch was completed.
    #[n(14)]
    Touched {
        /// On which way.
        #[n(0)]
        channel: Channel,
        /// What came of it.
        #[n(1)]
        outcome: Outcome,
        /// The how-manieth contact of the lead.
        #[n(2)]
        contact: u32,
        /// What the lead said.
        #[n(3)]
        result: Option<TouchResult>,
        /// By whom.
        #[n(4)]
        by: Option<RepId>,
        /// For which step; none outside of workflows.
        #[n(5)]
        at: Option<StepRef>,
    },
    /// Something overdue was looked at.
    #[n(15)]
    Escalated {
        /// The task.
        #[n(0)]
        task: Born,
        /// Which point.
        #[n(1)]
        point: u16,
        /// What was done.
        #[n(2)]
        action: Action,
        /// Whom it went to.
        #[n(3)]
        to: Option<RepId>,
        /// Where the task comes from.
        #[n(4)]
        at: Option<StepRef>,
    },
    /// A run waits until then.
    #[n(16)]
    Waiting {
        /// The run.
        #[n(0)]
        run: Born,
        /// Until when.
        #[n(1)]
        until: Option<Timestamp>,
    },
    /// A run is over.
    #[n(17)]
    Ended {
        /// The run.
        #[n(0)]
        run: Born,
        /// How.
        #[n(1)]
        ending: String,
        /// At which step.
        #[n(2)]
        at: Option<StepRef>,
    },
    /// A run waits for a person.
    #[n(18)]
    Parked {
        /// The run.
        #[n(0)]
        run: Born,
        /// Why.
        #[n(1)]
        cause: String,
        /// At which step.
        #[n(2)]
        at: Option<StepRef>,
    },
    /// The lead's stage changed.
    #[n(19)]
    Stage(#[n(0)] Stage),
    /// The lead's segment changed.
    #[n(20)]
    Segment(#[n(0)] Segment),
    /// Ownership is held until then.
    #[n(21)]
    Held {
        /// By whom.
        #[n(0)]
        owner: RepId,
        /// Until when.
        #[n(1)]
        until: Timestamp,
    },
    /// A hold is over.
    #[n(22)]
    HoldOver {
        /// Expired rather than made permanent.
        #[n(0)]
        expired: bool,
    },
    /// The lead opted out.
    #[n(23)]
    OptedOut,
    /// An event changed nothing, and why.
    #[n(24)]
    Ignored(#[n(0)] Ignored),
    /// A field could not be set.
    #[n(25)]
    NotSet {
        /// The field.
        #[n(0)]
        field: String,
    },
    /// Two identities of one event belong to two leads; the stronger one was taken.
    #[n(26)]
    IdentityConflict(#[n(0)] crate::id::LeadId),
    /// Touches are held back by a person, or no longer.
    #[n(27)]
    Paused(#[n(0)] bool),
    /// Preferences changed; what holds now.
    #[n(28)]
    Preferred {
        /// Channels not wanted.
        #[n(0)]
        refused: Vec<Channel>,
        /// Not before.
        #[n(1)]
        not_before: Option<Timestamp>,
    },
    /// A run stands still: its workflow is paused, or the plugin that it has to ask.
    #[n(29)]
    Braked(#[n(0)] Born),
    /// It goes on.
    #[n(30)]
    Released(#[n(0)] Born),
    /// A task was put off by a person.
    #[n(31)]
    Snoozed {
        /// The task.
        #[n(0)]
        task: Born,
        /// Until when.
        #[n(1)]
        until: Timestamp,
    },
    /// Another lead has one of its keys too.
    #[n(60)]
    KeyShared {
        /// Of which kind.
        #[n(0)]
        kind: IdentityKind,
        /// Which lead.
        #[n(1)]
        with: crate::id::LeadId,
    },
    /// An address or number of the lead may not be used.
    #[n(61)]
    Bound {
        /// Of which kind.
        #[n(0)]
        kind: IdentityKind,
        /// Why.
        #[n(1)]
        why: crate::identity::Why,
    },
    /// An event named a key of this kind that is not the lead's, and does not change who a lead is.
    #[n(62)]
    NotTaken(#[n(0)] IdentityKind),
    /// What the lead is found by is kept by newer rules.
    #[n(63)]
    RulesRaised,
    /// A deal was won or lost; the lead stays where it is, since nobody may contact it.
    #[n(64)]
    StageKept(#[n(0)] Stage),
    /// Several leads have what the event names, which is nothing stronger than this: it went to the one of them that was
    /// touched last, and set no fields.
    #[n(65)]
    OneOfSeveral {
        /// Of which kind the key is.
        #[n(0)]
        kind: IdentityKind,
        /// How many have it.
        #[n(1)]
        leads: u32,
    },
    /// An address or number of the lead may be used again, as far as this is concerned.
    #[n(66)]
    Unbound {
        /// Of which kind.
        #[n(0)]
        kind: IdentityKind,
        /// What bound it.
        #[n(1)]
        why: crate::identity::Why,
    },
    /// Something that an event brought was left out.
    #[n(70)]
    LeftOut {
        /// The field, or `data.` and a name.
        #[n(0)]
        field: String,
        /// Why; what it said lies in the personal part.
        #[n(1)]
        why: crate::reading::Why,
    },
    /// Something that was decided about an overdue task could not be done; what was done instead stands in the notes
    /// that follow.
    #[n(80)]
    NotEscalated {
        /// The task.
        #[n(0)]
        task: Born,
        /// What should have been done.
        #[n(1)]
        action: Action,
        /// Why it was not.
        #[n(2)]
        why: Unable,
        /// Who should have heard of it.
        #[n(3)]
        rep: Option<RepId>,
    },
    /// Nobody could be told of an overdue task.
    #[n(81)]
    NobodyTold {
        /// The task.
        #[n(0)]
        task: Born,
        /// Which point.
        #[n(1)]
        point: u16,
    },
    /// A call back was agreed for then, and the lead is in no workflow that could make it.
    #[n(84)]
    CallbackUnheard(#[n(0)] Timestamp),
    /// This rep or pool is not in the team any more, and its task goes elsewhere.
    #[n(82)]
    Gone(#[n(0)] Assignee),
    /// The owner of the account is away: it stays theirs, and the lead's owner stands in.
    #[n(83)]
    StandsIn {
        /// Who has the lead.
        #[n(0)]
        owner: RepId,
        /// Who has the account.
        #[n(1)]
        of: RepId,
    },
    /// A run's question waits for a place in the pool.
    #[n(120)]
    PutOff(#[n(0)] Born),
    /// A message that was about to leave did not: it is asked about again when what is about to change has changed.
    #[n(121)]
    TakenBack(#[n(0)] Born),
}

crate::codes::codes! {
    /// Why something could not be done about an overdue task.
    pub enum Unable {
        /// Nobody has it.
        0 NoOwner = "no_owner",
        /// The rep is not in the team any more.
        1 Gone = "gone",
        /// The rep is away.
        2 Away = "away",
        /// No manager is known.
        3 NoManager = "no_manager",
        /// It is not known from which pool somebody else could take it.
        4 NoPool = "no_pool",
        /// Nobody else of the pool is here.
        5 NobodyElse = "nobody_else",
        /// The pool has it already.
        6 WithPool = "with_pool",
        /// No connection carries notices to reps.
        7 NoConnection = "no_connection",
        /// The lead has as many tasks, or has brought forth as much, as it may.
        8 NoRoom = "no_room",
        /// The rep has it already, and could not be told again.
        9 Told = "told_already",
    }
}

/// What a decision came to, without its reasons.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Verdict {
    /// A score.
    #[n(0)]
    Score {
        /// Points.
        #[n(0)]
        points: i32,
        /// Segment.
        #[n(1)]
        segment: Segment,
    },
    /// A track.
    #[n(1)]
    Track(#[n(0)] String),
    /// An action.
    #[n(2)]
    Action(#[n(0)] Action),
    /// No decision; the failure policy applied. Without the plugin's words, which lie in the personal part.
    #[n(3)]
    Failed(#[n(0)] crate::plugin::DecisionFailure),
}

crate::codes::codes! {
    /// Why a lead was not enrolled.
    pub enum Refusal {
        /// It is in that workflow now.
        0 AlreadyIn = "already_in",
        /// It was in it before, and `re_enroll` does not let it in yet.
        1 TooSoon = "too_soon",
        /// It has as many runs as it may.
        2 TooManyRuns = "too_many_runs",
        /// No workflow of this name is live.
        3 Unknown = "unknown_workflow",
        /// The lead opted out or is disqualified.
        4 Suppressed = "suppressed",
    }
}

crate::codes::codes! {
    /// Why an event changed nothing.
    pub enum Ignored {
        /// The run moved on meanwhile.
        0 StaleAttempt = "stale_attempt",
        /// There is no such run.
        1 UnknownRun = "unknown_run",
        /// There is no such open task.
        2 UnknownTask = "unknown_task",
        /// The run does not wait for this.
        3 NotAwaited = "not_awaited",
        /// There is no such step in the definition.
        4 UnknownStep = "unknown_step",
        /// Nothing was due.
        5 NothingDue = "nothing_due",
        /// There is nobody of this name in the team.
        80 UnknownRep = "unknown_rep",
        /// The gate says no.
        120 HeldBack = "held_back",
    }
}
