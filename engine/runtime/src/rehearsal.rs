//! Previews: a command is computed as the driver would compute it, and the result is thrown away. This runs off the driver's
//! thread, asks plugins in a sandbox of its own, and leaves no trace in health, meters or trials.

use crate::catalog::Catalog;
use crate::decider::{NO_BUILD, is_inline};
use cadenza_builds::Plugins;
use cadenza_core::effect::Question;
use cadenza_core::event::Answer;
use cadenza_core::heart::{Command, Decide, Decided, Known, Outcome, Rules, Stop, WorkingSet, compute};
use cadenza_core::journal::Note;
use cadenza_core::plugin::{Cost, DecisionFailure};
use cadenza_core::time::Timestamp;
use cadenza_sandbox::Sandbox;
use std::sync::Arc;

/// What would happen.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// What would happen, in order, up to the answers of the plugins in `would_ask`, which were not asked.
    pub notes: Vec<Note>,
    /// Plugins that would be asked on the pool, each once.
    pub would_ask: Vec<String>,
}

/// Asks plugins for previews. Its sandbox is made for the first preview.
#[derive(Default)]
pub(crate) struct Rehearsal {
    sandbox: Option<(Arc<Plugins>, Sandbox)>,
}

impl Rehearsal {
    /// What a command would do, over the records that were read.
    pub(crate) fn rehearse(
        &mut self,
        command: &Command,
        catalog: &Catalog,
        set: &WorkingSet,
        answers: &mut Vec<Known>,
        now: Timestamp,
    ) -> Result<Preview, Stop> {
        let mut asking = Asking { sandbox: self.sandbox(&catalog.plugins), would_ask: Vec::new() };
        let rules = Rules {
            definitions: &catalog.definitions,
            live: &catalog.live,
            paused: &catalog.brakes.paused,
            asks_account: catalog.asks_account,
            older_keys: false,
            now,
        };
        let (outcome, _) = compute(command, rules, set, &mut asking, answers)?;
        let notes = if let Outcome::Applied(notes) = outcome { notes } else { Vec::new() };
        Ok(Preview { notes, would_ask: asking.would_ask })
    }

    /// A sandbox with the plugins in force. None if it cannot be made; then asking a plugin fails.
    fn sandbox(&mut self, plugins: &Arc<Plugins>) -> Option<&mut Sandbox> {
        if self.sandbox.as_ref().is_none_or(|(equipped, _)| !Arc::ptr_eq(equipped, plugins)) {
            self.sandbox = match plugins.sandbox() {
                Ok(sandbox) => Some((Arc::clone(plugins), sandbox)),
                Err(error) => {
                    tracing::error!(%error, "no sandbox could be made for previews");
                    None
                }
            };
        }
        self.sandbox.as_mut().map(|(_, sandbox)| sandbox)
    }
}

struct Asking<'a> {
    sandbox: Option<&'a mut Sandbox>,
    would_ask: Vec<String>,
}

impl Decide for Asking<'_> {
    fn decide(&mut self, question: Question) -> Decided {
        let inline = |sandbox: &Sandbox| is_inline(sandbox, &question);
        match self.sandbox.as_mut().filter(|sandbox| inline(sandbox)) {
            Some(sandbox) => Decided::Now(answer(sandbox, question)),
            None => {
                if !self.would_ask.contains(&question.plugin) {
                    self.would_ask.push(question.plugin.clone());
                }
                Decided::Asked(question)
            }
        }
    }
}

fn answer(sandbox: &mut Sandbox, question: Question) -> Answer {
    let Question { run, asker, kind, plugin, digest, input, .. } = question;
    let (decision, cost, log) = match digest {
        Some(digest) => {
            let decided = sandbox.decide(digest, kind, &input);
            (decided.answer, decided.cost, decided.log)
        }
        None => (Err(DecisionFailure::Unavailable(NO_BUILD.to_owned())), Cost::default(), Vec::new()),
    };
    Answer { run, asker, plugin, digest, input, decision, cost, log }
}
