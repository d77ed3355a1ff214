//! The heart: what one command does, as one plain function over what was read beforehand.
//!
//! [`compute`] feeds an event to [`crate::step`], answers what that asks for, feeds the answers, and goes on until all is
//! quiet. It reads from a [`WorkingSet`] and writes into changes of its own, which whoever called it takes over or throws away.
//! It waits for nothing. A record that it needs and nobody has read is a [`Stop::Unread`]: the caller reads it, and the command
//! runs again from its beginning, with the answers that it had already. The driver, previews and tests call the same function;
//! nothing else feeds `step`. Must not know: where records are kept, or how a plugin is asked.

mod account;
mod command;
mod intake;
mod keys;
mod overlay;
mod set;
mod turn;

pub use command::{Command, Outcome, ROUNDS};
pub use intake::{Accepted, Incoming, Mark};
pub use overlay::{ChangedLead, Changes, Outside, Watched};
pub use set::{Found, Kept, Key, Record, WorkingSet};

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
    /// Every definition a run may have pinned.
    pub definitions: &'a Definitions,
    /// Settings, plugins and the workflows that new runs start with.
    pub live: &'a Live,
    /// What operators hold back.
    pub paused: &'a Paused,
    /// Whether a condition names the account, so that it has to be known before the lead has joined it.
    pub asks_account: bool,
    /// Whether keys by older rules are still kept.
    pub older_keys: bool,
    /// The time, the same for every run of one command.
    pub now: Timestamp,
}

/// Who asks plugins for a command.
pub trait Decide {
    /// Answers at once, or says what becomes of the question.
    fn decide(&mut self, question: Question) -> Decided;
}

/// What becomes of a question.
#[derive(Debug)]
pub enum Decided {
    /// It is answered.
    Now(Answer),
    /// It is asked once the command is durable; its answer comes as an event.
    Asked(Question),
    /// There is no place for it: it waits in its lead's record.
    Waits,
    /// There is no place for it, and it is asked again when its time-out comes.
    PutOff,
}

/// Why a command did not come to its end. Nothing of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It needs records that nobody has read.
    Unread(Vec<Key>),
    /// It is refused.
    Rejected(Rejected),
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// There is no such lead.
    NoLead(LeadId),
    /// An event says nothing by which a lead could be found or created.
    NoIdentity(Vec<LeftOut>),
    /// The same id came before with another content.
    Conflict {
        /// The id.
        id: String,
    },
    /// Something that it needs cannot be read, in words.
    Damaged(String),
}

impl From<Rejected> for Stop {
    fn from(why: Rejected) -> Self {
        Self::Rejected(why)
    }
}

/// Runs one command. `answers` are those of an earlier run that was stopped: a question that is wholly the same is not put
/// again. After a stop they hold those of this run too.
///
/// # Errors
/// When something was not read, or the command is refused.
pub fn compute(
    command: &Command,
    rules: Rules<'_>,
    set: &WorkingSet,
    decide: &mut dyn Decide,
    answers: &mut Vec<Answer>,
) -> Result<(Outcome, Changes), Stop> {
    let mut overlay = Overlay::new(rules, set, decide, answers);
    match overlay.run(command) {
        Ok(outcome) => Ok((outcome, overlay.into_changes())),
        Err(stop) => {
            overlay.keep_answers();
            Err(stop)
        }
    }
}
