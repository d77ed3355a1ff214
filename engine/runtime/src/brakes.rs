//! Brakes: what an operator has paused. They are kept in the store, so a restart releases none.

use cadenza_core::paused::Paused;
use cadenza_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is paused, and whether somebody is still to be told that something is not any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept")]
pub struct Brakes {
    /// What is paused.
    #[serde(flatten)]
    pub paused: Paused,
    /// Some workflow or plugin was released, and not all leads have been told so yet.
    pub releasing: bool,
    /// When workflows were released of which not all leads have been told: what people had to do for them meanwhile counts from
    /// then.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub released: BTreeMap<String, Timestamp>,
}

/// As it lies in the store; earlier programs named plugins among workflows.
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

/// What a brake holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brake {
    Workflow(String),
    Plugin(String),
    Connection(String),
}

impl Brakes {
    /// What is paused, each with what it is: `workflow/inbound`, `plugin/inbound-fit`, `connection/mailer`.
    pub fn names(&self) -> BTreeSet<String> {
        let Paused { workflows, plugins, connections } = &self.paused;
        let all = [("workflow", workflows), ("plugin", plugins), ("connection", connections)];
        all.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind}/{name}"))).collect()
    }

    /// Sets or releases one; whether leads are to be told of it.
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
