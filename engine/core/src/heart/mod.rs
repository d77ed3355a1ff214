//! The heart: what one command does, as one plain function over what was read beforehand.
//!
//! [`compute`] feeds an event to [`crate::step`], answers what `step` asks for, feeds the answers, and goes on until
//! nothing is left to answer. It reads from a [`WorkingSet`] and writes into changes of its own, which the caller
//! takes over or throws away. It waits for nothing. If it needs a record that was not read, it returns
//! [`Stop::Unread`]: the caller reads the record, and the command runs again from its beginning, with the answers that
//! it had already. The driver, previews and tests call the same function; nothing else feeds `step`.
//!
//! Must not know: where records are kept, or how a plugin is asked.

mod account;
mod command;
mod incoming;
mod keys;
mod overlay;
mod put_off;
mod set;
mod turn;

pub use command::{Command, Outcome, ROUNDS};
pub use incoming::{Accepted, Incoming, Mark};
pub use overlay::{ChangedLead, Changes, Outside, Unclear, Untold, Watched};
pub use set::{Found, Kept, Key, Record, WorkingSet};
pub use turn::Known;

use crate::effect::Question;
use crate::event::Answer;
use crate::id::LeadId;
use crate::paused::Paused;
use crate::reading::LeftOut;
use crate::time::Timestamp;
use crate::workspace::{Definitions, Live};
use overlay::Overlay;

/// What is in force while a command runs.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Every definition that a run may have pinned.
    pub definitions: &'a Definitions,
    /// The settings, the plugins, and the workflows that new runs start with.
    pub live: &'a Live,
    /// The workflows, plugins and connections that operators have paused.
    pub paused: &'a Paused,
    /// Whether some condition names the account. It must then be known before the lead has joined it.
    pub asks_account: bool,
    /// Whether keys made by older rules are still stored.
    pub older_keys: bool,
    /// The time, which is the same each time one command is run.
    pub now: Timestamp,
}

/// Asks plugins on behalf of a command.
pub trait Decide {
    /// Answers the question at once, or says what becomes of it.
    fn decide(&mut self, question: Question) -> Decided;
}

/// What becomes of a question.
#[derive(Debug)]
pub enum Decided {
    /// The question is answered.
    Now(Answer),
    /// The question is asked once the command is durable. Its answer comes as an event.
    Asked(Question),
    /// The pool has no room. The question waits in its lead's record.
    Waits,
    /// The pool has no room. The question is asked again when its time-out comes.
    PutOff,
}

/// Why a command stopped before its end. None of its changes are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The command needs records that have not been read.
    Unread(Vec<Key>),
    /// The command is refused.
    Rejected(Rejected),
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    NoLead(LeadId),
    /// The event names nothing by which a lead could be found or created.
    NoIdentity(Vec<LeftOut>),
    /// The same id came before with other content.
    Conflict {
        id: String,
    },
    /// A record that the command needs cannot be read; the text says why.
    Damaged(String),
}

impl From<Rejected> for Stop {
    fn from(why: Rejected) -> Self {
        Self::Rejected(why)
    }
}

/// Runs one command. `answers` holds the answers from an earlier run that was stopped; a question that is the same in
/// every respect is not asked again. The answers of this run are added.
///
/// # Errors
/// When a record was not read, or the command is refused.
pub fn compute(
    command: &Command,
    rules: Rules<'_>,
    set: &WorkingSet,
    decide: &mut dyn Decide,
    answers: &mut Vec<Known>,
) -> Result<(Outcome, Changes), Stop> {
    let mut overlay = Overlay::new(rules, set, decide, answers);
    overlay.run(command).map(|outcome| (outcome, overlay.into_changes()))
}
