//! Why a lead is where it is: one entry for each transition that changed something.
//!
//! An entry has a skeleton without personal data, from which reports are rebuilt, and a personal part with a key of its
//! own, which is deleted when a person is erased. The newest entry stays in the lead's own record until the next one
//! replaces it there, which saves a fresh lead two records.

use crate::event::{Ending, Event, is_false};
use crate::id::{Born, Digest, RunId};
use crate::identity::IdentityKind;
use crate::lead::{Channel, Outcome, RepId, Stage, TouchResult};
use crate::notice::Notice;
use crate::plugin::{Action, DecisionKind, Segment};
use crate::task::{Assignee, TaskKind};
use crate::time::Timestamp;
use crate::value::Value;
use crate::verdict as gate;
use crate::workflow::{ChosenBy, ScriptId, StepId, StepRef};
use minicbor::{Decode, Encode};

/// The entry of one transition.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Entry {
    /// The entry's number in the lead's journal, from 1.
    #[n(0)]
    pub seq: u64,
    /// The part that may be kept for ever.
    #[n(1)]
    pub skeleton: Skeleton,
    /// The part that is deleted with the person; `None` once it has been erased.
    #[n(2)]
    pub personal: Option<Personal>,
}

/// The part that may be kept for ever, because it has no personal data.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Skeleton {
    /// The engine's time at the transition.
    #[n(0)]
    pub now: Timestamp,
    /// The id of the event that began the transition.
    #[n(1)]
    pub event: String,
    /// What happened, in order.
    #[n(2)]
    pub notes: Vec<Note>,
    /// The digest of what was in force ([`crate::workspace::Live`]); `None` in entries of earlier programs.
    #[n(3)]
    pub catalog: Option<Digest>,
}

/// The part that is deleted with the person: everything that a replay needs.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Personal {
    /// The events that were handled. The first came from outside or from a timer; the others are answers to it. Some
    /// only mark a change of context: see [`Event::AccountKnown`].
    #[n(0)]
    pub events: Vec<Event>,
    /// What was known of the account when the first event was handled.
    #[n(1)]
    pub account: Option<crate::account::AccountFacts>,
    /// The lead's fields that changed, in order, except those that came with the event that created the lead.
    #[n(2)]
    #[cbor(default)]
    pub changes: Vec<Change>,
}

/// A change of one of the lead's fields. Long texts are shortened; the event has them in full.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Change {
    #[n(0)]
    pub field: String,
    /// The value before.
    #[n(1)]
    pub from: Value,
    /// The value after; blank when the field was cleared.
    #[n(2)]
    pub to: Value,
    /// The run whose `update` set the field; `None` when a sender or a person did.
    #[n(3)]
    pub run: Option<Born>,
    /// How many of the entry's notes came before this change; `None` in entries of earlier programs.
    #[n(4)]
    pub after: Option<u32>,
}

/// The most characters of a text that a change keeps.
const CHANGE_CHARS_MAX: usize = 200;

impl Change {
    /// A change from one value to another, after this many notes. Texts are shortened.
    pub(crate) fn new(field: &str, (from, to): (Value, Value), run: Option<RunId>, notes: usize) -> Self {
        let (from, to) = (shortened(from), shortened(to));
        let after = u32::try_from(notes).ok();
        Self { field: field.to_owned(), from, to, run: run.map(RunId::in_journal), after }
    }

    /// The index of the note before which the change was made.
    pub fn place(&self) -> Option<usize> {
        self.after.and_then(|notes| usize::try_from(notes).ok())
    }

    /// The same change in an entry that already has this many notes.
    pub(crate) fn behind(self, notes: usize) -> Self {
        let moved = |after: u32| after.checked_add(u32::try_from(notes).ok()?);
        Self { after: self.after.and_then(moved), ..self }
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
        /// The lead's field `source`, which says where it came from.
        #[n(0)]
        source: Option<String>,
    },
    /// An event of this type came from outside.
    #[n(1)]
    Reported(#[n(0)] crate::event::EventType),
    /// A run began.
    #[n(2)]
    Enrolled {
        #[n(0)]
        run: Born,
        /// The digest of the run's definition.
        #[n(1)]
        workflow: Digest,
        /// The lead's owner at the time.
        #[n(2)]
        owner: Option<RepId>,
    },
    /// A workflow should have enrolled the lead, but could not.
    #[n(3)]
    NotEnrolled {
        #[n(0)]
        workflow: String,
        #[n(1)]
        why: Refusal,
    },
    /// A run came to a step.
    #[n(4)]
    Entered {
        #[n(0)]
        run: Born,
        #[n(1)]
        step: StepId,
    },
    /// A plugin decided.
    #[n(5)]
    Decided {
        #[n(0)]
        run: Born,
        #[n(1)]
        kind: DecisionKind,
        #[n(2)]
        plugin: String,
        /// The plugin's build; `None` when none could be asked.
        #[cbor(n(3), with = "crate::id::known")]
        digest: Option<Digest>,
        /// The decision, without its reasons.
        #[n(4)]
        verdict: DecisionSummary,
    },
    /// An owner was chosen.
    #[n(6)]
    Owned {
        /// `None` when no owner could be found.
        #[n(0)]
        owner: Option<RepId>,
        #[n(1)]
        how: ChosenBy,
    },
    /// A task was made.
    #[n(7)]
    TaskMade {
        #[n(0)]
        task: Born,
        #[n(1)]
        kind: TaskKind,
        #[n(2)]
        assignee: Assignee,
        #[n(3)]
        due: Timestamp,
        /// The step that made the task.
        #[n(4)]
        at: Option<StepRef>,
    },
    /// A task was done.
    #[n(8)]
    TaskDone {
        #[n(0)]
        task: Born,
        #[n(1)]
        outcome: Outcome,
        /// What the lead said.
        #[n(2)]
        result: Option<TouchResult>,
        #[n(3)]
        kind: Option<TaskKind>,
        /// The rep who had the task.
        #[n(4)]
        by: Option<RepId>,
        /// The step that made the task.
        #[n(5)]
        at: Option<StepRef>,
        /// The team's own word for the result, if one was given.
        #[n(6)]
        result_own: Option<String>,
    },
    /// A task changed hands, or its times moved.
    #[n(9)]
    TaskMoved {
        #[n(0)]
        task: Born,
        /// Who has the task now.
        #[n(1)]
        assignee: Assignee,
    },
    /// A task is no longer needed.
    #[n(10)]
    TaskWithdrawn(#[n(0)] Born),
    /// A task was given up because nobody did it in time.
    #[n(130)]
    NotDone {
        #[n(0)]
        task: Born,
        #[n(1)]
        kind: TaskKind,
        #[n(2)]
        assignee: Assignee,
        /// The step that made the task.
        #[n(3)]
        at: StepRef,
    },
    /// A task that had been given up was reported after all: what the rep learnt counts, but no run moves.
    #[n(131)]
    DoneLate(#[n(0)] Born),
    /// The gate said whether a touch or a notice may happen.
    #[n(11)]
    Gated {
        /// The channel of a touch; `None` for a notice to a rep, which is not a touch.
        #[n(0)]
        channel: Option<Channel>,
        #[n(1)]
        verdict: gate::Verdict,
        /// The message; `None` for a call.
        #[n(2)]
        effect: Option<Born>,
    },
    /// A message was put into the outbox.
    #[n(12)]
    Queued {
        #[n(0)]
        effect: Born,
        /// The connection through which it leaves.
        #[n(1)]
        via: String,
        /// The script of a message to the lead; `None` for any other message.
        #[n(2)]
        script: Option<ScriptId>,
        /// The step that made the message.
        #[n(3)]
        at: Option<StepRef>,
        /// Whether it is a request. A run waits for its answer.
        #[n(4)]
        #[cbor(skip_if = "is_false", default)]
        is_request: bool,
        /// What a message is that is none to the lead; `None` also where it was written before this was known.
        #[n(5)]
        #[cbor(default)]
        notice: Option<Notice>,
    },
    /// What became of a message.
    #[n(13)]
    Delivered {
        #[n(0)]
        effect: Born,
        #[n(1)]
        ending: Ending,
        /// The script of a message to the lead; `None` for any other message.
        #[n(2)]
        script: Option<ScriptId>,
        /// Why the message was held back, if it was.
        #[n(3)]
        why: Option<gate::Reason>,
        /// The step that made the message.
        #[n(4)]
        at: Option<StepRef>,
        /// The HTTP status of the answer to a request, such as 200.
        #[n(5)]
        #[cbor(default)]
        status: Option<u16>,
        /// Whether it was a request. A run waits for its answer.
        #[n(6)]
        #[cbor(skip_if = "is_false", default)]
        is_request: bool,
    },
    /// A touch was completed.
    #[n(14)]
    Touched {
        #[n(0)]
        channel: Channel,
        #[n(1)]
        outcome: Outcome,
        /// The number of this contact, counted over the lead's whole life.
        #[n(2)]
        contact: u32,
        /// What the lead said.
        #[n(3)]
        result: Option<TouchResult>,
        /// The rep who made the touch.
        #[n(4)]
        by: Option<RepId>,
        /// The step that asked for the touch; `None` outside workflows.
        #[n(5)]
        at: Option<StepRef>,
        /// The team's own word for the result, if one was given.
        #[n(6)]
        result_own: Option<String>,
        /// The team's own word for the channel, if one was given.
        #[n(7)]
        channel_own: Option<String>,
    },
    /// An escalation decided what to do about an overdue task, and that was done.
    #[n(15)]
    Escalated {
        #[n(0)]
        task: Born,
        /// The place of the escalation point in the step's list.
        #[n(1)]
        point: u16,
        #[n(2)]
        action: Action,
        /// The rep who was told, if any.
        #[n(3)]
        to: Option<RepId>,
        /// The step that made the task.
        #[n(4)]
        at: Option<StepRef>,
    },
    /// A run waits.
    #[n(16)]
    Waiting {
        #[n(0)]
        run: Born,
        /// The end of the wait; `None` when it has none.
        #[n(1)]
        until: Option<Timestamp>,
    },
    /// A run has ended.
    #[n(17)]
    Ended {
        #[n(0)]
        run: Born,
        /// The name of the ending.
        #[n(1)]
        ending: String,
        /// The step at which the run was.
        #[n(2)]
        at: Option<StepRef>,
    },
    /// A run was parked and waits for a person.
    #[n(18)]
    Parked {
        #[n(0)]
        run: Born,
        /// Why the run was parked, in words.
        #[n(1)]
        cause: String,
        /// The step at which the run was.
        #[n(2)]
        at: Option<StepRef>,
    },
    /// The lead's stage changed. With the team's own word for it, if one was given.
    #[n(19)]
    Stage(#[n(0)] Stage, #[n(1)] Option<String>),
    /// The lead's segment changed.
    #[n(20)]
    Segment(#[n(0)] Segment),
    /// A hold began.
    #[n(21)]
    Held {
        /// The rep for whom it holds the lead or account.
        #[n(0)]
        owner: RepId,
        #[n(1)]
        until: Timestamp,
    },
    /// A hold ended.
    #[n(22)]
    HoldOver {
        /// Whether the hold expired, rather than being made permanent.
        #[n(0)]
        expired: bool,
    },
    /// A hold ended for the lead, because it has another owner, opted out or was disqualified.
    #[n(162)]
    HoldLeft {
        /// The rep for whom the hold kept the lead.
        #[n(0)]
        owner: RepId,
    },
    /// The lead opted out.
    #[n(23)]
    OptedOut,
    /// An event changed nothing, for this reason.
    #[n(24)]
    Ignored(#[n(0)] Ignored),
    /// A field could not be set.
    #[n(25)]
    NotSet {
        #[n(0)]
        field: String,
    },
    /// Two keys of one event belong to two leads. The lead with the stronger key was chosen; this is the other one.
    #[n(26)]
    IdentityConflict(#[n(0)] crate::id::LeadId),
    /// A person paused the lead's touches (`true`) or resumed them.
    #[n(27)]
    Paused(#[n(0)] bool),
    /// The lead's preferences changed; the fields hold the new ones.
    #[n(28)]
    Preferred {
        /// The channels that the lead refuses.
        #[n(0)]
        refused: Vec<Channel>,
        /// The time before which the lead does not want to be contacted.
        #[n(1)]
        not_before: Option<Timestamp>,
    },
    /// A run stands still because its workflow, or the plugin that it must ask, is paused.
    #[n(29)]
    Braked(#[n(0)] Born),
    /// A run that stood still continues.
    #[n(30)]
    Released(#[n(0)] Born),
    /// A person put off a task.
    #[n(31)]
    Snoozed {
        #[n(0)]
        task: Born,
        #[n(1)]
        until: Timestamp,
    },
    /// Another lead also has one of this lead's keys.
    #[n(60)]
    KeyShared {
        #[n(0)]
        kind: IdentityKind,
        /// The other lead.
        #[n(1)]
        with: crate::id::LeadId,
    },
    /// One of the lead's addresses or numbers may not be used.
    #[n(61)]
    Bound {
        #[n(0)]
        kind: IdentityKind,
        #[n(1)]
        why: crate::identity::Why,
    },
    /// An event named a key of this kind that the lead does not have. The event does not change who the lead is.
    #[n(62)]
    NotTaken(#[n(0)] IdentityKind),
    /// The lead's keys were rewritten under newer rules.
    #[n(63)]
    RulesRaised,
    /// A deal was won or lost. The lead keeps this stage, because it may not be contacted.
    #[n(64)]
    StageKept(#[n(0)] Stage),
    /// A deal was lost. The lead keeps this stage, because another of its deals is open or won.
    #[n(160)]
    OtherDeals(#[n(0)] Stage),
    /// The deal with this id was forgotten, because the lead has too many deals.
    #[n(161)]
    DealLetGo(#[n(0)] String),
    /// Several leads have the key that the event names, and it names no stronger key. The event went to the lead that
    /// was touched last, and set no fields.
    #[n(65)]
    OneOfSeveral {
        /// The kind of the key.
        #[n(0)]
        kind: IdentityKind,
        /// How many leads have the key.
        #[n(1)]
        leads: u32,
    },
    /// One of the lead's addresses or numbers is no longer bound for this reason.
    #[n(66)]
    Unbound {
        #[n(0)]
        kind: IdentityKind,
        /// The reason that no longer holds.
        #[n(1)]
        why: crate::identity::Why,
    },
    /// A field that an event brought was left out.
    #[n(70)]
    LeftOut {
        /// The field's name, or `data.` followed by a name.
        #[n(0)]
        field: String,
        /// Why it was left out. Its value is in the personal part.
        #[n(1)]
        why: crate::reading::Why,
    },
    /// The decision about an overdue task could not be carried out. The notes that follow say what was done instead.
    #[n(80)]
    NotEscalated {
        #[n(0)]
        task: Born,
        /// The action that was decided.
        #[n(1)]
        action: Action,
        #[n(2)]
        why: Unable,
        /// The rep who should have been told, or whose task it is.
        #[n(3)]
        rep: Option<RepId>,
    },
    /// There was no rep who could be told of an overdue task.
    #[n(81)]
    NobodyTold {
        #[n(0)]
        task: Born,
        /// The place of the escalation point in the step's list.
        #[n(1)]
        point: u16,
    },
    /// A call-back was agreed for this time, but the lead is in no workflow that could make the call.
    #[n(84)]
    CallbackUnheard(#[n(0)] Timestamp),
    /// This rep or pool is no longer in the team, so its task goes elsewhere.
    #[n(82)]
    Gone(#[n(0)] Assignee),
    /// The account's owner is away. The account stays with that owner, and the lead's owner stands in.
    #[n(83)]
    StandsIn {
        /// The lead's owner.
        #[n(0)]
        owner: RepId,
        /// The account's owner.
        #[n(1)]
        of: RepId,
    },
    /// An event interrupted a run. The notes that follow say what was done.
    #[n(132)]
    Interrupted {
        #[n(0)]
        run: Born,
        #[n(1)]
        by: crate::event::EventType,
        #[n(2)]
        did: Interruption,
        /// The step at which the run was.
        #[n(3)]
        at: StepRef,
    },
    /// A run touches nobody until then.
    #[n(133)]
    RunPaused {
        #[n(0)]
        run: Born,
        #[n(1)]
        until: Timestamp,
    },
    /// A paused run continues where it was.
    #[n(134)]
    PauseOver(#[n(0)] Born),
    /// An arm of a `split` was drawn, or kept from an earlier draw.
    #[n(135)]
    Drawn {
        #[n(0)]
        run: Born,
        #[n(1)]
        step: StepRef,
        /// The name of the arm.
        #[n(2)]
        arm: String,
        /// Whether the arm was kept from an earlier draw.
        #[n(3)]
        kept: bool,
    },
    /// Fields that a `require` step needs are blank.
    #[n(136)]
    Missing {
        #[n(0)]
        run: Born,
        #[n(1)]
        fields: Vec<String>,
    },
    /// A rep took a role in a run.
    #[n(137)]
    Cast {
        #[n(0)]
        run: Born,
        #[n(1)]
        role: String,
        /// `None` when nobody could be found.
        #[n(2)]
        rep: Option<RepId>,
        #[n(3)]
        how: ChosenBy,
    },
    /// A touch of a cadence was skipped, because its condition did not hold.
    #[n(140)]
    PassedOver {
        #[n(0)]
        run: Born,
        #[n(1)]
        touch: crate::workflow::TouchId,
        #[n(2)]
        at: StepRef,
    },
    /// From now on a rep watches the lead.
    #[n(138)]
    Watched(#[n(0)] RepId),
    /// A notice reached nobody.
    #[n(139)]
    NotTold {
        #[n(0)]
        run: Born,
        #[n(1)]
        why: Unable,
        /// The rep who should have been told, if known.
        #[n(2)]
        rep: Option<RepId>,
    },
    /// An event happened to another lead of the account. The notes that follow say what it led to.
    #[n(145)]
    OfAccount {
        #[n(0)]
        event: crate::event::EventType,
        /// The other lead.
        #[n(1)]
        lead: crate::id::LeadId,
    },
    /// An event was not passed on to the other leads of the account, because too many already wait to be passed on.
    #[n(146)]
    NotPassedOn(#[n(0)] crate::event::EventType),
    /// A workflow with a higher priority in its group has the lead. The run stands still until that is over.
    #[n(147)]
    Ousted(#[n(0)] Born),
    /// A run's question waits for room in the decision pool.
    #[n(120)]
    PutOff(#[n(0)] Born),
    /// A message that was about to leave did not, because the configuration in force is about to change. The lead is
    /// asked again afterwards.
    #[n(121)]
    TakenBack(#[n(0)] Born),
}

crate::codes::codes! {
    /// What an interrupt did to a run.
    pub enum Interruption {
        /// The run went to another step.
        0 Moved = "go",
        /// The run was paused.
        1 Paused = "pause",
        /// The run stayed where it was, and something else was done.
        2 Stayed = "do",
    }
}

crate::codes::codes! {
    /// Why something could not be done about an overdue task, or why nobody could be told.
    pub enum Unable {
        /// No rep has the task or the lead.
        0 NoOwner = "no_owner",
        /// The rep is no longer in the team.
        1 Gone = "gone",
        /// The rep is away.
        2 Away = "away",
        /// No manager is known.
        3 NoManager = "no_manager",
        /// The pool from which another rep could take the task is not known.
        4 NoPool = "no_pool",
        /// No other rep of the pool is available.
        5 NobodyElse = "nobody_else",
        /// The pool already has the task.
        6 WithPool = "with_pool",
        /// No connection carries notices to reps.
        7 NoConnection = "no_connection",
        /// The lead has the maximum number of open tasks, or has used up its sequence numbers.
        8 NoRoom = "no_room",
        /// The rep already has the task, and could not be told again.
        9 Told = "told_already",
    }
}

/// The outcome of a decision, without its reasons.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum DecisionSummary {
    #[n(0)]
    Score {
        #[n(0)]
        points: i32,
        #[n(1)]
        segment: Segment,
    },
    #[n(1)]
    Track(#[n(0)] String),
    #[n(2)]
    Action(#[n(0)] Action),
    /// There was no decision, and the failure policy applied. The plugin's own words are only in the personal part.
    #[n(3)]
    Failed(#[n(0)] crate::plugin::DecisionFailure),
}

crate::codes::codes! {
    /// Why a lead was not enrolled.
    pub enum Refusal {
        /// The lead is in that workflow now.
        0 AlreadyIn = "already_in",
        /// The lead was in the workflow before, and `re_enroll` does not let it in again yet.
        1 TooSoon = "too_soon",
        /// The lead has the maximum number of runs, or has used up its sequence numbers.
        2 TooManyRuns = "too_many_runs",
        /// No workflow of this name is live.
        3 Unknown = "unknown_workflow",
        /// The lead opted out or is disqualified.
        4 Suppressed = "suppressed",
        /// The workflow has one run for each value of something, and that value is blank.
        5 NoKey = "no_key",
        /// Another workflow of its group has the lead, and keeps it.
        6 GroupTaken = "group_taken",
        /// Another workflow of its group has the lead; this one waits until that is over.
        7 GroupWaits = "waits_for_group",
        /// The condition under `enroll` has no answer.
        8 NoAnswer = "no_answer",
    }
}

crate::codes::codes! {
    /// Why an event changed nothing.
    pub enum Ignored {
        /// The run has moved on in the meantime.
        0 StaleAttempt = "stale_attempt",
        /// There is no such run.
        1 UnknownRun = "unknown_run",
        /// There is no such open task.
        2 UnknownTask = "unknown_task",
        /// The run does not wait for this event.
        3 NotAwaited = "not_awaited",
        /// There is no such step in the definition.
        4 UnknownStep = "unknown_step",
        /// Nothing was due.
        5 NothingDue = "nothing_due",
        /// The team has no rep with this id.
        80 UnknownRep = "unknown_rep",
        /// The gate does not allow it now.
        120 HeldBack = "held_back",
    }
}
