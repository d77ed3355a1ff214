//! The world that a seed plays in: workspaces as files, drawn so that every verb comes up, and every setting that affects a lead.
//! A trace keeps the files themselves, so that it stays the same when they are drawn differently.

mod settings;
mod steps;

use crate::dice::Dice;
use cadenza_core::lead::{Stage, TouchResult};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

pub use steps::VerbKind;

/// The names that commands may use in every workspace. A workflow that one of them lacks is asked for in vain.
pub const WORKFLOWS: [&str; 3] = ["follow", "handoff", "quiet"];
/// The reps who may be in the team.
pub const REPS: [&str; 4] = ["ana", "ben", "chloe", "maria"];
/// The plugins that the program brings.
pub const PLUGINS: [&str; 3] = ["inbound-fit", "nurture-track", "speed-to-lead"];
pub const CONNECTIONS: [&str; 2] = ["mailer", "pager"];

/// Results of the team's own, which workflows may name.
pub const OWN_RESULTS: [(&str, TouchResult); 3] = [
    ("no-budget", TouchResult::NotNow),
    ("recommended", TouchResult::Qualified),
    ("never-again", TouchResult::OptedOut),
];
/// A result that only some workspaces declare. It may be reported too late, and what is stored of it stays.
pub const PASSING_RESULT: (&str, TouchResult) = ("no-answer-to-that", TouchResult::DoesNotRecall);
/// Stages of the team's own.
pub const OWN_STAGES: [(&str, Stage); 2] = [("trial", Stage::Open), ("fits", Stage::Qualified)];

/// A workspace: its files by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Workspace(pub BTreeMap<String, String>);

impl Workspace {
    pub fn draw(dice: &mut Dice) -> Self {
        let mut files = BTreeMap::new();
        let settings = settings::Settings::draw(dice);
        files.insert("cadenza.yaml".to_owned(), settings.cadenza());
        files.insert("team.yaml".to_owned(), settings.team());
        files.insert("connections.yaml".to_owned(), settings.connections());
        for (name, subject) in [("hello", true), ("more", true), ("call", false)] {
            let subject = if subject { format!("subject: {name} to you\n") } else { String::new() };
            let text = format!(
                "---\nobjective: Say {name}\nreviewed_by: Ana\n{subject}---\n{name} {{{{ lead.first_name | default(\"you\") }}}}.\n"
            );
            files.insert(format!("scripts/{name}.md"), text);
        }
        files.insert("follow.yaml".to_owned(), steps::follow(dice));
        files.insert("handoff.yaml".to_owned(), steps::handoff(dice));
        files.insert("quiet.yaml".to_owned(), steps::quiet(dice));
        Self(files)
    }

    /// Draws a workspace that may replace the first while runs are in it: some of its files are different.
    pub fn changed(&self, dice: &mut Dice) -> Self {
        let (mut files, other) = (self.0.clone(), Self::draw(dice));
        let mut changed = false;
        for (name, text) in other.0 {
            if dice.chance(50) && name != "connections.yaml" {
                changed |= files.insert(name, text.clone()) != Some(text);
            }
        }
        if !changed {
            files.insert("follow.yaml".to_owned(), steps::follow(dice));
        }
        Self(files)
    }

    /// Writes the files into a folder, over those that are there.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        for (name, text) in &self.0 {
            let file = folder.join(name);
            std::fs::create_dir_all(file.parent().unwrap_or(folder))?;
            std::fs::write(file, text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_builds::Registry;
    use cadenza_runtime::catalog::{Basis, Catalog, explain};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    /// A workspace as the engine would read it.
    fn checked(workspace: &Workspace) -> anyhow::Result<Catalog> {
        let folder = tempfile::tempdir()?;
        workspace.write(folder.path())?;
        let basis = Basis {
            pinned: Arc::default(),
            registry: Registry::default(),
            library: crate::life::library()?,
            now: crate::record::BEGIN,
        };
        Catalog::read(folder.path(), basis).map_err(explain)
    }

    #[test]
    fn every_workspace_can_run_and_every_verb_is_drawn() {
        let mut drawn = BTreeSet::new();
        for seed in 0..60 {
            let dice = &mut Dice::new(seed);
            let first = Workspace::draw(dice);
            for workspace in [first.changed(dice), first] {
                let catalog = checked(&workspace).unwrap_or_else(|error| {
                    panic!("seed {seed} draws a workspace that cannot run: {error:#}\n{workspace:#?}")
                });
                let steps = catalog.workspace.workflows.values().flat_map(|workflow| &workflow.steps);
                drawn.extend(steps.map(|step| VerbKind::of(&step.verb)));
            }
        }
        let missing: Vec<_> = VerbKind::ALL.iter().filter(|kind| !drawn.contains(kind)).collect();
        assert!(missing.is_empty(), "never drawn, so nothing of them is tried: {missing:?}");
    }
}
