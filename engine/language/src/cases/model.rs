//! A case as it was checked: what is given, who does what, and what is expected. Everything that it names exists.

use cadenza_core::effect::NoticeKind;
use cadenza_core::event::{Ending, EventType};
use cadenza_core::gate::Reason;
use cadenza_core::journal::Refusal;
use cadenza_core::lead::{Channel, Outcome, TouchResult};
use cadenza_core::own_words::Said;
use cadenza_core::plugin::{Action, Segment};
use cadenza_core::time::{Span, Timestamp};
use cadenza_core::value::Value;
use cadenza_core::workflow::Method;
use std::collections::BTreeMap;

/// A test file.
#[derive(Clone, Debug)]
pub struct Suite {
    pub file: String,
    /// The workflow that it is about.
    pub workflow: String,
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// Where it begins in its file, from 1.
    pub line: usize,
    /// The practices that it shows.
    pub practices: Vec<String>,
    /// When its clock begins.
    pub starts: Timestamp,
    /// Fields of its leads, by the leads' names in the file.
    pub leads: BTreeMap<String, Vec<(String, Value)>>,
    /// What plugins decide, one question after the other; the last holds for all that follow. A plugin that is not here
    /// decides for itself.
    pub decisions: BTreeMap<String, Vec<Stub>>,
    /// What is answered to the requests of steps, one attempt after the other; the last holds for all that follow. A request
    /// of a step that is not here is answered with 200 and nothing else.
    pub answers: BTreeMap<Place, Vec<AnswerStub>>,
    /// The arms that leads draw, by step; those of other steps are drawn as ever.
    pub draws: BTreeMap<Place, String>,
    /// What becomes of the messages of steps, one after the other; the last holds for all that follow. A message of a
    /// step that is not here is handed over.
    pub mails: BTreeMap<Place, Vec<MailStub>>,
    pub given: Vec<Given>,
    /// Who does tasks that `given` says nothing of; the first that fits.
    pub people: Vec<Habit>,
    /// How far time goes; until all is quiet when none.
    pub until: Option<Moment>,
    pub expect: Vec<Expected>,
}

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    At(Timestamp),
    /// So long after the case began, in the workspace's calendar.
    After(Span),
}

/// What a plugin is said to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stub {
    /// It is asked.
    Real,
    /// It gives no decision.
    Fails,
    Score {
        points: i32,
        segment: Segment,
    },
    Track {
        track: String,
        look_again: Option<Span>,
    },
    Escalate(Action),
}

/// What is said to be answered to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerStub {
    /// Nothing: nobody is there.
    Fails,
    Is {
        status: u16,
        body: Option<serde_json::Value>,
    },
}

/// What is said to become of a message to a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailStub {
    /// It is handed over.
    Sent,
    /// It is given up.
    Fails,
}

/// Something that happens from outside.
#[derive(Clone, Debug)]
pub struct Given {
    pub line: usize,
    pub when: When,
    pub act: Act,
}

/// When something given happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    At(Moment),
    /// So long after the entry before.
    Next(Span),
}

/// What happens from outside.
#[derive(Clone, Debug)]
pub enum Act {
    /// An event comes in.
    Event { kind: EventType, lead: String, fields: Vec<(String, Value)>, data: BTreeMap<String, Value> },
    /// Somebody does the open task of a step.
    Done(Done),
    /// A person puts a lead into a workflow.
    Enroll { workflow: String, lead: String },
    /// A person commands something about a lead.
    Order { lead: String, order: Order },
    /// A person takes, puts off or passes on the open task of a step.
    Move { place: Place, lead: String, change: Change },
}

/// What a person commands about a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Touches are held back.
    Pause,
    /// Touches may be made again.
    Resume,
    OptOut {
        reason: Option<String>,
    },
    Disqualify {
        reason: String,
    },
    /// Its parked runs try their steps again.
    Unpark,
    /// A rep becomes the owner.
    Owner(String),
    /// Its runs of a workflow end.
    Remove {
        workflow: String,
    },
}

/// What a person does with a task besides doing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A rep takes it.
    Claim { by: String },
    /// It is put off.
    Snooze { until: Moment },
    /// It is given to a rep.
    Reassign { to: String },
}

/// A step of a workflow, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub workflow: String,
    pub step: String,
}

/// A task that is done at a time.
#[derive(Clone, Debug)]
pub struct Done {
    pub place: Place,
    pub lead: String,
    pub did: Did,
}

/// What is reported of a task.
#[derive(Clone, Debug, Default)]
pub struct Did {
    pub outcome: Option<Outcome>,
    pub result: Option<Said<TouchResult>>,
    pub notes: Option<String>,
    pub answers: Vec<(String, Value)>,
    /// When to call again.
    pub callback: Option<Moment>,
    /// Who does it, where a pool has the task.
    pub by: Option<String>,
}

/// What people do about tasks that `given` says nothing of.
#[derive(Clone, Debug)]
pub struct Habit {
    /// Tasks of this step; of every step when none.
    pub place: Option<Place>,
    /// So long after the task could first be done.
    pub within: Span,
    /// How often; always when none.
    pub times: Option<u32>,
    pub did: Did,
}

/// Something that should happen.
#[derive(Clone, Debug)]
pub struct Expected {
    pub line: usize,
    pub what: What,
    /// Whether it should not.
    pub never: bool,
    /// Whose it is; of any lead when none.
    pub lead: Option<String>,
    /// Of how many leads.
    pub leads: Option<u32>,
    /// At this time, to the minute.
    pub at: Option<Moment>,
    /// At this time at the latest.
    pub by: Option<Moment>,
}

/// Who has a task or lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Rep(String),
    Pool(String),
    Nobody,
}

/// What is expected.
#[derive(Clone, Debug)]
pub enum What {
    /// It comes into the workflow.
    Enters {
        workflow: String,
    },
    /// It is not let into the workflow.
    StaysOut {
        workflow: String,
        because: Option<Refusal>,
    },
    /// It comes to a step.
    Step(Place),
    /// A task of the step is made.
    Task {
        place: Place,
        who: Option<Who>,
        due: Option<Moment>,
        shown: Shown,
    },
    /// A task of the step is given up.
    GivenUp(Place),
    /// A mail leaves.
    Mail(Wording),
    /// Another system is asked something.
    Request {
        place: Place,
        asked: Asked,
    },
    /// A rep hears of an overdue task.
    Notice {
        kind: NoticeKind,
        to: Option<String>,
    },
    /// A touch may never happen.
    Refused {
        channel: Channel,
        because: Option<Reason>,
    },
    /// A touch has to wait.
    Held {
        channel: Channel,
        because: Option<Reason>,
        until: Option<Moment>,
    },
    Decides {
        plugin: String,
        decided: Decided,
    },
    Owner(Who),
    Touch {
        channel: Said<Channel>,
        outcome: Option<Outcome>,
        result: Option<Said<TouchResult>>,
    },
    /// A run is over.
    Ended {
        ending: String,
        workflow: String,
    },
    /// A run waits for a person; at any step when none.
    Parked(Option<Place>),
    /// What is known of the lead when the case is over.
    Fields(Vec<(String, Value)>),
}

/// What whoever has a task reads with it, as far as it is told.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// What its objective has in it.
    pub objective: Option<String>,
    /// What its script has in it.
    pub says: Option<String>,
    /// What the message has in it that would be left.
    pub voicemail: Option<String>,
}

impl Shown {
    /// Whether nothing is told of it.
    pub fn is_empty(&self) -> bool {
        self.objective.is_none() && self.says.is_none() && self.voicemail.is_none()
    }
}

/// A mail, as far as it is told.
#[derive(Clone, Debug, Default)]
pub struct Wording {
    /// The script; any when none.
    pub script: Option<String>,
    pub to: Option<String>,
    pub subject: Option<String>,
    /// What its text has in it.
    pub says: Option<String>,
}

/// A request, as far as it is told.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: Option<Method>,
    /// Its path, with the parameters behind it.
    pub path: Option<String>,
    /// What its body has in it.
    pub says: Option<String>,
    /// What becomes of it; any answer or none when left out.
    pub becomes: Option<Ending>,
}

/// A decision, as far as it is told.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    pub points: Option<i32>,
    pub segment: Option<Segment>,
    pub track: Option<String>,
    pub action: Option<Action>,
    /// Whether it gave none.
    pub fails: bool,
}
