//! Notices to people: whom a `notify` or `watch` means, and how they are told.

use super::Machine;
use crate::effect::{Addressee, Message};
use crate::id::RunId;
use crate::journal::{Note, Unable};
use crate::lead::RepId;
use crate::workflow::{Notify, Party, ScriptId, StepRef};

/// The most people that one notice goes to; a pool may be larger.
const TOLD_MAX: usize = 50;

impl Machine<'_> {
    /// The reps for whom a party stands. The list may be empty.
    fn people(&self, run: RunId, party: &Party) -> Vec<RepId> {
        let lead = &self.state.lead;
        let manager = |rep: &RepId| self.team().reps.get(rep).and_then(|rep| rep.manager.clone());
        match party {
            Party::Owner => lead.owner.clone().into_iter().collect(),
            Party::Manager => lead.owner.as_ref().and_then(manager).into_iter().collect(),
            Party::Watchers => lead.watchers.clone(),
            Party::Role(role) => self.in_role(run, role).into_iter().collect(),
            Party::Rep(rep) => vec![RepId(rep.clone())],
            Party::Pool(pool) => self.team().members(pool).take(TOLD_MAX).cloned().collect(),
            Party::Connection(_) => Vec::new(),
        }
    }

    /// Tells a party something. A note says who could not be told.
    pub(super) fn notify_party(&mut self, id: RunId, notify: &Notify) {
        let run = id.in_journal();
        let not_told = |why, rep| Note::NotTold { run, why, rep };
        let (addressees, via) = match &notify.to {
            Party::Connection(name) => (vec![None], Some(name.clone())),
            party => {
                let via = notify.via.clone().or_else(|| self.cx.live.settings.contact.notify_via.clone());
                (self.people(id, party).into_iter().map(Some).collect(), via)
            }
        };
        let Some(via) = via else { return self.notes.push(not_told(Unable::NoConnection, None)) };
        if addressees.is_empty() {
            let why = if notify.to == Party::Manager { Unable::NoManager } else { Unable::NoOwner };
            return self.notes.push(not_told(why, None));
        }
        for rep in addressees {
            if let Some(gone) = rep.as_ref().filter(|rep| !self.team().knows(rep)) {
                self.notes.push(not_told(Unable::Gone, Some(gone.clone())));
                continue;
            }
            let at = self.run(id).map(|run| run.at()).filter(|_| !self.is_spent());
            let Some(at @ StepRef { workflow, step }) = at else {
                return self.notes.push(not_told(Unable::NoRoom, rep));
            };
            let to = rep.map_or(Addressee::System, Addressee::Rep);
            let script = ScriptId::of(&notify.script);
            // The notice stands whatever the run does next: attempt 0 keeps it from going stale.
            self.queue((id, 0), via.clone(), Message::Words { workflow, step, script, to, rendered: None }, at, false);
        }
    }

    /// Makes a party watch the lead from now on.
    pub(super) fn watch(&mut self, id: RunId, party: &Party) {
        let people = self.people(id, party);
        if people.is_empty() {
            self.notes.push(Note::NotTold { run: id.in_journal(), why: Unable::NoOwner, rep: None });
        }
        for rep in people {
            if !self.state.lead.watchers.contains(&rep) {
                self.state.lead.watch(rep.clone());
                self.notes.push(Note::Watched(rep));
            }
        }
    }
}
