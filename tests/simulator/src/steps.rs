//! What is done to the engine, step by step, as one closed set: each step has all its particulars. The lead or thing that a step
//! is about is given as a place among those that there are then, so that a trace still means something when earlier steps are
//! dropped.

use crate::dice::Dice;
use crate::faults::Fault;
use cadenza_core::event::{Event, EventType, LeadCommand, StandardEvent, TaskChange};
use cadenza_core::lead::{Channel, Outcome, Stage, TouchResult};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// An event comes from outside.
    Report(Said),
    /// An earlier event comes again, under the same id.
    Again(u16),
    /// Somebody does something to a lead.
    Lead(u16, ToLead),
    /// Somebody does something to a task.
    Task(u16, ToTask),
    /// Somebody puts a lead into a workflow.
    Enroll(u16, u8),
    /// An operator sets or releases a brake.
    Brake(Braked, bool),
    /// A delivery that could not be read is kept. If two have the same number, the second is a retry.
    Bury(u8),
    /// A dead letter is driven again.
    Redrive(u16, bool),
    /// A dead letter is thrown away.
    Discard(u16),
    /// Another workspace comes into force.
    Apply(u8),
    /// The builds of plugins are made live once more.
    Plugins,
    /// A document is written.
    Document(u8),
    /// Somebody asks what something would do to a lead.
    Preview(u16, ToLead),
    /// Somebody looks at everything there is.
    Look,
    /// The clock is set forward by this many minutes, and what falls due on the way is done.
    Advance(u32),
    /// Something goes wrong.
    Fault(Fault),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What happened.
    pub kind: EventType,
    /// The person to whom it happened.
    pub person: u8,
    /// How the event names the person.
    pub by: Vec<Naming>,
    /// What else the event says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brings: Vec<Brings>,
    /// What the sender says of the lead's standing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<Stands>,
    /// Whether the event may enrol the lead.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enrolls: bool,
}

const fn yes() -> bool {
    true
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
const fn is_yes(it: &bool) -> bool {
    *it
}

/// How an event names its lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the key of its name")]
pub enum Naming {
    Email,
    Phone,
    ExternalId,
    /// An address that two people share.
    SharedEmail,
    /// The address of the next person, since the lead's own has changed.
    NextEmail,
    /// Our own id of the lead.
    OurId,
}

/// What an event says of its lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the field of its name")]
pub enum Brings {
    FirstName,
    Company(u8),
    Country(u8),
    Timezone(u8),
    ProjectDate(i8),
    NoProjectDate,
    Outcome(u8),
    Result(u8),
    /// The event happened this many hours ago.
    HoursAgo(u8),
}

/// What a sender says of a lead's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// The lead asked not to be contacted.
    OptedOut,
    /// The lead does not want this channel.
    Refuses(Channel),
    /// The lead is at this stage.
    At(Stage),
    /// The lead belongs to this rep.
    Owned(u8),
}

/// What somebody does to a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the command of its name; see `LeadCommand`")]
pub enum ToLead {
    OptOut,
    Refuse(Channel),
    RefuseNothing,
    NotBefore(u16),
    AnyTime,
    Pause,
    Resume,
    SetOwner(u8),
    Disqualify,
    CancelRun(u16),
    Unpark(u16),
    Remove(u8),
}

/// What somebody does to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToTask {
    /// A rep takes it.
    Claim(u8),
    /// It is given to a rep.
    Reassign(u8),
    /// It is put off for this many minutes.
    Snooze(u16),
    /// It is done, with this outcome and result. The number says in how many hours to call again after `call back`.
    Done(Outcome, Option<TouchResult>, u8),
}

/// What a brake holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each holds the thing of its name")]
pub enum Braked {
    Workflow(u8),
    Plugin(u8),
    Connection(u8),
}

/// How many people there are.
pub const PEOPLE: u32 = 14;

impl Step {
    pub fn draw(dice: &mut Dice, workspaces: u8) -> Self {
        match dice.from_to(0, 999) {
            0..250 => Self::Report(Said::draw(dice)),
            250..310 => Self::Again(dice.place()),
            310..370 => Self::Lead(dice.place(), ToLead::draw(dice)),
            370..520 => Self::Task(dice.place(), ToTask::draw(dice)),
            520..540 => Self::Enroll(dice.place(), dice.from_to(0, 3) as u8),
            540..580 => Self::Brake(Braked::draw(dice), dice.chance(45)),
            580..590 => Self::Bury(dice.from_to(0, 3) as u8),
            590..605 => Self::Redrive(dice.place(), dice.chance(60)),
            605..612 => Self::Discard(dice.place()),
            612..617 => Self::Apply(dice.from_to(0, u32::from(workspaces) - 1) as u8),
            617..619 => Self::Plugins,
            619..623 => Self::Document(dice.from_to(0, 3) as u8),
            623..635 => Self::Preview(dice.place(), ToLead::draw(dice)),
            635..655 => Self::Look,
            655..910 => Self::Advance(if dice.chance(50) { dice.from_to(1, 60) } else { dice.from_to(60, 600) }),
            _ => Self::Fault(Fault::draw(dice)),
        }
    }
}

impl Said {
    fn draw(dice: &mut Dice) -> Self {
        let kind = match dice.from_to(0, 99) {
            0..45 => EventType::Standard(StandardEvent::LeadCreated),
            45..55 => EventType::Standard(StandardEvent::LeadUpdated),
            55..70 => EventType::Custom("tick".to_owned()),
            70..80 => EventType::Standard(StandardEvent::EmailReplied),
            80..82 => EventType::Standard(StandardEvent::LeadOptedOut),
            _ => EventType::Standard(dice.one_of(StandardEvent::ALL)),
        };
        let by = match dice.from_to(0, 99) {
            0..60 => vec![Naming::Email],
            60..70 => vec![Naming::Email, Naming::Phone],
            70..78 => vec![Naming::ExternalId, Naming::Email],
            78..84 => vec![Naming::Phone],
            84..89 => vec![Naming::SharedEmail, Naming::ExternalId],
            89..92 => vec![Naming::ExternalId, Naming::NextEmail],
            92..95 => vec![Naming::OurId, Naming::NextEmail],
            95..99 => vec![Naming::OurId],
            _ => Vec::new(),
        };
        let mut brings = Vec::new();
        if kind == EventType::Standard(StandardEvent::LeadCreated) {
            brings.push(Brings::FirstName);
        }
        while dice.chance(30) {
            brings.push(Brings::draw(dice));
        }
        let person = dice.from_to(0, PEOPLE - 1) as u8;
        let stands = dice.chance(4).then(|| Stands::draw(dice));
        Self { kind, person, by, brings, stands, enrolls: !dice.chance(5) }
    }
}

impl Brings {
    fn draw(dice: &mut Dice) -> Self {
        let which = dice.from_to(0, 3) as u8;
        match dice.from_to(0, 8) {
            0 => Self::FirstName,
            7 => Self::HoursAgo(dice.from_to(1, 100) as u8),
            1 | 2 => Self::Company(which),
            3 => Self::Country(which),
            4 => Self::Timezone(which),
            5 => Self::ProjectDate(dice.from_to(0, 12) as i8 - 3),
            6 => Self::NoProjectDate,
            _ => match dice.chance(50) {
                true => Self::Outcome(dice.from_to(0, 7) as u8),
                false => Self::Result(dice.from_to(0, 5) as u8),
            },
        }
    }
}

impl Stands {
    fn draw(dice: &mut Dice) -> Self {
        match dice.from_to(0, 5) {
            0 => Self::OptedOut,
            1 => Self::Refuses(dice.one_of(Channel::ALL)),
            2 | 3 => Self::At(dice.one_of(Stage::ALL)),
            _ => Self::Owned(dice.from_to(0, 3) as u8),
        }
    }
}

impl ToLead {
    fn draw(dice: &mut Dice) -> Self {
        match dice.from_to(0, 99) {
            0..4 => Self::OptOut,
            4..8 => Self::Refuse(dice.one_of(Channel::ALL)),
            8..14 => Self::RefuseNothing,
            14..22 => Self::NotBefore(dice.from_to(1, 100) as u16),
            22..28 => Self::AnyTime,
            28..42 => Self::Pause,
            42..60 => Self::Resume,
            60..70 => Self::SetOwner(dice.from_to(0, 4) as u8),
            70..72 => Self::Disqualify,
            72..78 => Self::CancelRun(dice.place()),
            78..94 => Self::Unpark(dice.place()),
            _ => Self::Remove(dice.from_to(0, 3) as u8),
        }
    }
}

impl ToTask {
    fn draw(dice: &mut Dice) -> Self {
        match dice.from_to(0, 9) {
            0 | 1 => Self::Claim(dice.from_to(0, 4) as u8),
            2 => Self::Reassign(dice.from_to(0, 4) as u8),
            3 => Self::Snooze(dice.from_to(1, 600) as u16),
            _ => {
                let outcome = dice.one_of(Outcome::ALL);
                let result = dice.chance(60).then(|| match dice.chance(4) {
                    true => TouchResult::OptedOut,
                    false => dice.one_of(&TouchResult::ALL[..6]),
                });
                Self::Done(outcome, result, dice.from_to(0, 48) as u8)
            }
        }
    }
}

impl Braked {
    fn draw(dice: &mut Dice) -> Self {
        let which = dice.from_to(0, 2) as u8;
        dice.one_of(&[Self::Workflow(which), Self::Plugin(which), Self::Connection(which % 2)])
    }
}

/// Who brings an event about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Somebody outside, by a step of this name.
    Outside(&'static str),
    /// The engine itself.
    Engine,
    /// Nobody any more. Old journals still have it.
    Past,
}

/// Who brings an event about. A new event does not compile here until it has an arm; if it comes from outside it also needs a
/// step.
pub const fn origin(event: &Event) -> Origin {
    match event {
        Event::Reported(_) => Origin::Outside("report"),
        Event::TaskDone(_) => Origin::Outside("task done"),
        Event::TaskMoved { change, .. } => Origin::Outside(match change {
            TaskChange::Claimed(_) => "task claimed",
            TaskChange::Reassigned(_) => "task reassigned",
            TaskChange::Snoozed(_) => "task snoozed",
        }),
        Event::Enrolled { .. } => Origin::Outside("enrolled"),
        Event::Commanded { command, .. } => Origin::Outside(match command {
            LeadCommand::OptOut { .. } => "opt-out",
            LeadCommand::Prefer { .. } => "preferences",
            LeadCommand::Pause => "pause",
            LeadCommand::Resume => "resume",
            LeadCommand::SetOwner(_) => "owner",
            LeadCommand::Disqualify { .. } => "disqualified",
            LeadCommand::CancelRun(_) => "cancel",
            LeadCommand::Unpark(_) => "unpark",
            LeadCommand::Remove { .. } => "remove",
        }),
        Event::TimerDue
        | Event::Decided(_)
        | Event::Assigned { .. }
        | Event::Delivered { .. }
        | Event::HoldExpired { .. }
        | Event::OfAccount(_)
        | Event::Woken
        | Event::AccountKnown(_)
        | Event::Bound { .. }
        | Event::KeyShared { .. }
        | Event::Unbound { .. }
        | Event::PutOff { .. }
        | Event::PlaceFree(_)
        | Event::AnswersLost
        | Event::Resumed(_)
        | Event::Unclear { .. }
        | Event::MessageDue(_)
        | Event::TakenBack(_)
        | Event::Braked(_) => Origin::Engine,
        Event::Paused(_) | Event::RulesRaised(_) | Event::Deferred { .. } => Origin::Past,
    }
}

/// What a long run must have brought about.
pub const FROM_OUTSIDE: [&str; 15] = [
    "report",
    "task done",
    "task claimed",
    "task reassigned",
    "task snoozed",
    "enrolled",
    "opt-out",
    "preferences",
    "pause",
    "resume",
    "owner",
    "disqualified",
    "cancel",
    "unpark",
    "remove",
];
