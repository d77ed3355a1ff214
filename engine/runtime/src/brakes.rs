//! Brakes: what an operator has paused. They are kept in the store, so a restart releases none.

use cadenza_core::step::paused_plugin;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is paused, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brakes {
    /// Workflows, and plugins as [`paused_plugin`] names them: runs of the one stand still, and those that have to ask the
    /// other; who is enrolled waits before the first step.
    #[serde(rename = "workflows")]
    pub paused: BTreeSet<String>,
    /// Connections: nothing is sent by them.
    pub connections: BTreeSet<String>,
    /// Some workflow or plugin was released, and not all leads have been told so yet.
    pub releasing: bool,
}

/// What a brake holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brake {
    /// A workflow.
    Workflow(String),
    /// A plugin.
    Plugin(String),
    /// A connection.
    Connection(String),
}

impl Brakes {
    /// What is paused, each with what it is: `workflow/inbound`, `plugin/inbound-fit`, `connection/mailer`.
    pub fn names(&self) -> BTreeSet<String> {
        let is_plugin = |name: &str| name.starts_with(&paused_plugin(""));
        let paused = self.paused.iter().map(|name| match is_plugin(name) {
            true => name.clone(),
            false => format!("workflow/{name}"),
        });
        paused.chain(self.connections.iter().map(|name| format!("connection/{name}"))).collect()
    }

    /// Sets or releases one; whether leads are to be told of it.
    pub fn set(&mut self, what: Brake, on: bool) -> bool {
        let paused = match &what {
            Brake::Workflow(name) => name.clone(),
            Brake::Plugin(name) => paused_plugin(name),
            Brake::Connection(_) => String::new(),
        };
        match (what, on) {
            (Brake::Workflow(_) | Brake::Plugin(_), true) => {
                self.paused.insert(paused);
            }
            (Brake::Connection(name), true) => {
                self.connections.insert(name);
            }
            (Brake::Connection(name), false) => {
                self.connections.remove(&name);
            }
            (Brake::Workflow(_) | Brake::Plugin(_), false) => {
                let released = self.paused.remove(&paused);
                self.releasing |= released;
                return released;
            }
        }
        false
    }
}
