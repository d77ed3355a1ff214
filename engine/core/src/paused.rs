//! What operators hold back, by name.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is paused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(default)]
#[cbor(map)]
pub struct Paused {
    /// Workflows: their runs stand still, their mails stay where they are, and who is enrolled waits before the first step.
    #[n(0)]
    #[cbor(skip_if = "BTreeSet::is_empty", default)]
    pub workflows: BTreeSet<String>,
    /// Plugins: runs stand still where one has to be asked.
    #[n(1)]
    #[cbor(skip_if = "BTreeSet::is_empty", default)]
    pub plugins: BTreeSet<String>,
    /// Connections: nothing leaves by them.
    #[n(2)]
    #[cbor(skip_if = "BTreeSet::is_empty", default)]
    pub connections: BTreeSet<String>,
}

/// How plugins were named among workflows, whose names have no `/`.
const PLUGIN: &str = "plugin/";

impl Paused {
    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        let Self { workflows, plugins, connections } = self;
        workflows.is_empty() && plugins.is_empty() && connections.is_empty()
    }

    /// What earlier programs wrote: workflows, and plugins among them.
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
