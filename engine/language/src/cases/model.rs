//! A checked case: what is given, who does what, and what is expected. Everything that it names exists.

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
    /// The workflow that the file is about.
    pub workflow: String,
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// The line at which it begins in its file, from 1.
    pub line: usize,
    /// The practices that it shows.
    pub practices: Vec<String>,
    /// When its clock starts.
    pub starts: Timestamp,
    /// Fields of its leads, by the leads' names in the file.
    pub leads: BTreeMap<String, Vec<(String, Value)>>,
    /// What plugins decide, one question after the other. The last decision holds for all further questions. A plugin
    /// without an entry decides for itself.
    pub decisions: BTreeMap<String, Vec<Stub>>,
    /// What the requests of steps are answered with, one attempt after the other. The last answer holds for all further
    /// attempts. A request of a step without an entry is answered with 200 and nothing else.
    pub answers: BTreeMap<Place, Vec<AnswerStub>>,
    /// The arms that leads draw, by step; those of other steps are drawn as ever.
    pub draws: BTreeMap<Place, String>,
    /// What becomes of the messages of steps, one after the other; the last holds for all that follow. A message of a
    /// step that is not here is handed over.
    pub mails: BTreeMap<Place, Vec<MailStub>>,
    pub given: Vec<Given>,
    /// Who does the tasks that `given` does not mention. The first entry that fits applies.
    pub people: Vec<Habit>,
    /// How far time goes; `None` until nothing more happens.
    pub until: Option<Moment>,
    pub expect: Vec<Expected>,
}

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    At(Timestamp),
    /// This long after the case began, in the workspace's calendar.
    After(Span),
}

/// What a plugin decides in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stub {
    /// The plugin itself is asked.
    Real,
    /// The plugin gives no decision.
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

/// The answer to a request in a case.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerStub {
    /// No answer: nobody is there.
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
    /// This long after the previous entry.
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
    /// A person gives a command for a lead.
    Order { lead: String, order: Order },
    /// A person claims, snoozes or reassigns the open task of a step.
    Move { place: Place, lead: String, change: Change },
}

/// What a person commands for a lead.
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
    /// The lead's parked runs try their steps again.
    Unpark,
    /// A rep becomes the owner.
    Owner(String),
    /// The lead's runs of a workflow end.
    Remove {
        workflow: String,
    },
}

/// What a person does with a task, other than doing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A rep claims the task.
    Claim { by: String },
    /// The task is put off.
    Snooze { until: Moment },
    /// The task is given to a rep.
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

/// What is reported about a task.
#[derive(Clone, Debug, Default)]
pub struct Did {
    pub outcome: Option<Outcome>,
    pub result: Option<Said<TouchResult>>,
    pub notes: Option<String>,
    pub answers: Vec<(String, Value)>,
    /// When to call again.
    pub callback: Option<Moment>,
    /// Who does the task, if a pool has it.
    pub by: Option<String>,
}

/// What people do about tasks that `given` does not mention.
#[derive(Clone, Debug)]
pub struct Habit {
    /// Tasks of this step; `None` for every step.
    pub place: Option<Place>,
    /// This long after the task could first be done.
    pub within: Span,
    /// How many times; `None` for always.
    pub times: Option<u32>,
    pub did: Did,
}

/// Something that should happen.
#[derive(Clone, Debug)]
pub struct Expected {
    pub line: usize,
    pub what: What,
    /// Whether it should not happen.
    pub never: bool,
    /// The lead that it is about; `None` for any lead.
    pub lead: Option<String>,
    /// For how many leads it should happen.
    pub leads: Option<u32>,
    /// The exact time, to the minute.
    pub at: Option<Moment>,
    /// The latest time.
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
    /// The lead enters the workflow.
    Enters {
        workflow: String,
    },
    /// The lead is not let into the workflow.
    StaysOut {
        workflow: String,
        because: Option<Refusal>,
    },
    /// The lead comes to a step.
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
    /// A request is sent to another system.
    Request {
        place: Place,
        asked: Asked,
    },
    /// A rep is told of an overdue task.
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
    /// A run ends.
    Ended {
        ending: String,
        workflow: String,
    },
    /// A run waits for a person; `None` for any step.
    Parked(Option<Place>),
    /// The lead's fields when the case is over.
    Fields(Vec<(String, Value)>),
}

/// Expected parts of what a rep reads with a task.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// A text that the objective contains.
    pub objective: Option<String>,
    /// A text that the script contains.
    pub says: Option<String>,
    /// A text that the message to be left contains.
    pub voicemail: Option<String>,
}

impl Shown {
    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        self.objective.is_none() && self.says.is_none() && self.voicemail.is_none()
    }
}

/// Expected parts of a mail.
#[derive(Clone, Debug, Default)]
pub struct Wording {
    /// The script; `None` for any script.
    pub script: Option<String>,
    pub to: Option<String>,
    pub subject: Option<String>,
    /// A text that the body contains.
    pub says: Option<String>,
}

/// Expected parts of a request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: Option<Method>,
    /// The path, including the query parameters.
    pub path: Option<String>,
    /// A text that the body contains.
    pub says: Option<String>,
    /// The outcome of the request; `None` for any answer, or none.
    pub becomes: Option<Ending>,
}

/// Expected parts of a decision.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    pub points: Option<i32>,
    pub segment: Option<Segment>,
    pub track: Option<String>,
    pub action: Option<Action>,
    /// Whether the plugin gives no decision.
    pub fails: bool,
}
