//! What operators have paused, by name.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The workflows, plugins and connections that are paused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(default)]
#[cbor(map)]
pub struct Paused {
    /// Paused workflows. Their runs stand still, their mails are held, and leads that are enrolled wait before the
    /// first step.
    #[n(0)]
    #[cbor(skip_if = "BTreeSet::is_empty", default)]
    pub workflows: BTreeSet<String>,
    /// Paused plugins. A run stands still where it must ask one of them.
    #[n(1)]
    #[cbor(skip_if = "BTreeSet::is_empty", default)]
    pub plugins: BTreeSet<String>,
    /// Paused connections. Nothing leaves through them.
    #[n(2)]
    #[cbor(skip_if = "BTreeSet::is_empty", default)]
    pub connections: BTreeSet<String>,
}

/// What earlier programs wrote before a plugin's name to list it among workflows, whose names contain no `/`.
const PLUGIN: &str = "plugin/";

impl Paused {
    /// Whether nothing is paused.
    pub fn is_empty(&self) -> bool {
        let Self { workflows, plugins, connections } = self;
        workflows.is_empty() && plugins.is_empty() && connections.is_empty()
    }

    /// Reads the form that earlier programs wrote: the names of workflows, with plugins among them.
    pub fn of_names(names: &BTreeSet<String>) -> Self {
        let (mut paused, names) = (Self::default(), names.iter());
        for name in names {
            match name.strip_prefix(PLUGIN) {
                Some(plugin) => paused.plugins.insert(plugin.to_owned()),
                None => paused.workflows.insert(name.clone()),
            };
        }
        paused
    }
}
