//! Brakes: what an operator has paused. They are kept in the store, so a restart releases none.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is paused, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Brakes {
    /// Workflows: their runs stand still, and who is enrolled waits before the first step.
    pub(crate) workflows: BTreeSet<String>,
    /// Connections: nothing is sent by them.
    pub(crate) connections: BTreeSet<String>,
    /// Some workflow was released, and not all leads have been told so yet.
    pub(crate) releasing: bool,
}

/// What a brake holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Brake {
    /// A workflow.
    Workflow(String),
    /// A connection.
    Connection(String),
}

impl Brakes {
    /// Sets or releases one; whether leads are to be told of it.
    pub(crate) fn set(&mut self, what: Brake, on: bool) -> bool {
        match (what, on) {
            (Brake::Workflow(name), true) => {
                self.workflows.insert(name);
            }
            (Brake::Connection(name), true) => {
                self.connections.insert(name);
            }
            (Brake::Connection(name), false) => {
                self.connections.remove(&name);
            }
            (Brake::Workflow(name), false) => {
                let released = self.workflows.remove(&name);
                self.releasing |= released;
                return released;
            }
        }
        false
    }
}
