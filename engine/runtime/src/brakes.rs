//! Brakes: what an operator has paused. They are kept in the store, so a restart releases none.

use cadenza_core::paused::Paused;
use cadenza_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is paused, and whether leads still have to be told of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept")]
pub struct Brakes {
    #[serde(flatten)]
    pub paused: Paused,
    /// Whether a workflow or plugin was released and some leads have not been told.
    pub releasing: bool,
    /// When workflows were released of whose leads some have not been told. Time that people have to do something for those leads
    /// counts from then.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub released: BTreeMap<String, Timestamp>,
}

/// The stored form. Earlier programs kept paused plugins among the workflows.
#[derive(Deserialize)]
struct Kept {
    #[serde(flatten)]
    paused: Paused,
    releasing: bool,
    #[serde(default)]
    released: BTreeMap<String, Timestamp>,
}

impl From<Kept> for Brakes {
    fn from(Kept { mut paused, releasing, released }: Kept) -> Self {
        let named = Paused::of_names(&paused.workflows);
        paused.workflows = named.workflows;
        paused.plugins.extend(named.plugins);
        Self { paused, releasing, released }
    }
}

/// A workflow, plugin or connection that an operator can pause, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brake {
    Workflow(String),
    Plugin(String),
    Connection(String),
}

impl Brakes {
    /// Everything paused, with its kind: `workflow/inbound`, `plugin/inbound-fit`, `connection/mailer`.
    pub fn names(&self) -> BTreeSet<String> {
        let Paused { workflows, plugins, connections } = &self.paused;
        let all = [("workflow", workflows), ("plugin", plugins), ("connection", connections)];
        all.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind}/{name}"))).collect()
    }

    /// Sets or releases a brake. Returns whether leads must be told.
    pub fn set(&mut self, what: Brake, on: bool, now: Timestamp) -> bool {
        if let Brake::Workflow(name) = &what {
            match on {
                true => drop(self.released.remove(name)),
                false if self.paused.workflows.contains(name) => drop(self.released.insert(name.clone(), now)),
                false => {}
            }
        }
        let Paused { workflows, plugins, connections } = &mut self.paused;
        let (names, name, stops_runs) = match what {
            Brake::Workflow(name) => (workflows, name, true),
            Brake::Plugin(name) => (plugins, name, true),
            Brake::Connection(name) => (connections, name, false),
        };
        if on {
            names.insert(name);
            return false;
        }
        let released = names.remove(&name) && stops_runs;
        self.releasing |= released;
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_version_wrote_is_read() {
        let names = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        let (workflows, plugins, connections) = (names(&["inbound"]), names(&["fit"]), names(&["mailer"]));
        let (paused, released) = (Paused { workflows, plugins, connections }, BTreeMap::new());
        let now = Brakes { paused, releasing: true, released };
        for written in [
            r#"{"workflows":["inbound","plugin/fit"],"connections":["mailer"],"releasing":true}"#,
            &serde_json::to_string(&now).unwrap(),
        ] {
            assert_eq!(serde_json::from_str::<Brakes>(written).unwrap(), now, "{written}");
        }
    }
}
