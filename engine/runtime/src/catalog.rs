//! What is in force: the checked workspace, the plugins loaded for it, and every definition that a run has pinned.

use crate::brakes::Brakes;
use cadenza_builds::{Library, Misfit, PluginError, Plugins, Registry, Troubles};
use cadenza_core::expr::Object;
use cadenza_core::id::{Digest, Hash64};
use cadenza_core::plugin::PluginInfo;
use cadenza_core::time::Timestamp;
use cadenza_core::workflow::{Ask, AskRef, Outline, Workflow};
use cadenza_core::workspace::{Candidate, Definitions, Live, Workspace};
use cadenza_language::{Diagnostic, Folder};
use cadenza_store::DocumentKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything that transitions are computed with. It is replaced as a whole, never changed.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub workspace: Arc<Workspace>,
    /// What `step` may look at and no run pins.
    pub live: Arc<Live>,
    /// The current definitions, every definition that a run has pinned, and what is left of the others.
    pub definitions: Arc<Definitions>,
    pub plugins: Arc<Plugins>,
    /// Which builds of the plugins are live, are tried, and were live.
    pub registry: Arc<Registry>,
    /// Builds that cannot be asked at some place where a definition asks their plugin.
    pub misfits: Arc<Vec<Misfit>>,
    /// Where the plugins' components are kept.
    pub library: Arc<Library>,
    /// The folder from which the workspace was read. Relative paths of secrets start from it.
    pub root: PathBuf,
    /// The files of the workspace.
    pub folder: Arc<Folder>,
    pub brakes: Arc<Brakes>,
    /// Whether a territory, or a workflow that new runs start with, asks about the lead's account. If so, an event that makes a
    /// lead join an account is handled with what is known of the account.
    pub asks_account: bool,
}

/// How many misfits are listed, and how many places of each.
const MISFITS_TOLD_MAX: usize = 10;
const PLACES_TOLD_MAX: usize = 3;

/// Documents to write; `None` deletes one.
pub type Documents = Vec<(DocumentKey, Option<Vec<u8>>)>;

/// Why a workspace cannot become active.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The folder has errors; these are all of them.
    #[error("the workspace has errors")]
    Broken(Vec<Diagnostic>, Arc<Folder>),
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] cadenza_language::FolderError),
    /// A plugin cannot be loaded.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// What a new catalog builds on.
#[derive(Clone, Debug)]
pub struct Basis {
    /// The definitions that stored runs may have pinned.
    pub pinned: Arc<Definitions>,
    pub registry: Registry,
    pub library: Arc<Library>,
    pub now: Timestamp,
}

impl Catalog {
    /// Reads and checks a workspace folder, with the plugins that it and the program bring.
    pub fn read(root: &Path, mut basis: Basis) -> Result<Self, CatalogError> {
        let folder = Folder::read(root)?;
        let offers = cadenza_builds::offers(&basis.library, root, &cadenza_language::plugin_settings(&folder))?;
        for (name, hash, by) in offers.found {
            basis.registry.offer(&name, hash, by, basis.now);
        }
        Self::of(folder, root, basis, offers.troubles)
    }

    /// Checks a workspace's files with the plugins of the registry.
    pub fn of(folder: Folder, root: &Path, basis: Basis, troubles: Troubles) -> Result<Self, CatalogError> {
        let folder = Arc::new(folder);
        let Basis { pinned, mut registry, library, .. } = basis;
        let settings = cadenza_language::plugin_settings(&folder);
        let plugins = Arc::new(Plugins::load(&library, &mut registry, &settings, troubles)?);
        let checked = cadenza_language::check(&folder, plugins.as_ref());
        let Some(workspace) = checked.workspace else {
            return Err(CatalogError::Broken(checked.diagnostics, folder));
        };
        let mut definitions = (*pinned).clone();
        for workflow in workspace.workflows.values() {
            definitions.insert(Arc::clone(workflow));
        }
        let (live, misfits) = live(&workspace, &definitions, &plugins);
        let territories = &workspace.settings.team.territories;
        let asks_account = workspace.workflows.values().any(|workflow| workflow.names(Object::Account))
            || territories.iter().any(|territory| territory.condition.names(Object::Account));
        Ok(Self {
            asks_account,
            workspace: Arc::new(workspace),
            live: Arc::new(live),
            definitions: Arc::new(definitions),
            plugins,
            registry: Arc::new(registry),
            misfits: Arc::new(misfits),
            library,
            root: root.to_owned(),
            folder,
            brakes: Arc::new(Brakes::default()),
        })
    }

    /// The basis of the catalog that follows this one.
    pub fn basis(&self, now: Timestamp) -> Basis {
        Basis {
            pinned: Arc::clone(&self.definitions),
            registry: self.registry.as_ref().clone(),
            library: Arc::clone(&self.library),
            now,
        }
    }

    /// The same workspace with other builds of plugins. It must be valid with them, and also with each candidate made live.
    pub fn with_registry(&self, mut registry: Registry) -> Result<Self, CatalogError> {
        let settings = cadenza_language::plugin_settings(&self.folder);
        let plugins = Plugins::load(&self.library, &mut registry, &settings, Troubles::new())?;
        let plugins = Arc::new(plugins.sound()?);
        let tried = registry.plugins().filter(|(_, versions)| versions.candidate.is_some()).map(|(name, _)| name);
        for name in tried {
            let checked = cadenza_language::check(&self.folder, &plugins.with_candidate_live(name));
            if checked.workspace.is_none() {
                return Err(CatalogError::Broken(checked.diagnostics, Arc::clone(&self.folder)));
            }
        }
        let checked = cadenza_language::check(&self.folder, plugins.as_ref());
        let Some(workspace) = checked.workspace else {
            return Err(CatalogError::Broken(checked.diagnostics, Arc::clone(&self.folder)));
        };
        let (live, misfits) = live(&workspace, &self.definitions, &plugins);
        let (live, misfits) = (Arc::new(live), Arc::new(misfits));
        Ok(Self { live, misfits, plugins, registry: Arc::new(registry), ..self.clone() })
    }

    /// Deletes components that belong to no build of this catalog: builds that were offered and refused, or are no longer wanted.
    pub fn forget_other_components(&self) {
        self.library.forget_all_but(&self.registry.components(), &self.registry.in_use());
    }

    /// Which builds cannot be asked at which places, and why, in sentences, for one build or for all. There may be many, since
    /// definitions are kept as long as runs may pin them.
    pub fn misfits(&self, build: Option<Digest>) -> Vec<String> {
        let mut alike: BTreeMap<(&str, Digest, &str), Vec<AskRef>> = BTreeMap::new();
        for Misfit { place, plugin, digest, why } in self.misfits.iter() {
            if build.is_none_or(|build| build == *digest) {
                alike.entry((plugin, *digest, why)).or_default().push(*place);
            }
        }
        let mut told: Vec<String> = alike
            .iter()
            .take(MISFITS_TOLD_MAX)
            .map(|((plugin, digest, why), places)| {
                let is_live = self.plugins.infos().get(*plugin).is_some_and(|info| info.digest == *digest);
                let then = if is_live {
                    "the failure policy of the step applies there"
                } else {
                    "the live build decides there"
                };
                format!(
                    "the build {digest} of `{plugin}` does not fit {}, which runs may still follow: {why}; {then}",
                    self.places(places)
                )
            })
            .collect();
        if let Some(more) = alike.len().checked_sub(MISFITS_TOLD_MAX).filter(|more| *more > 0) {
            told.push(format!("{more} more builds or reasons"));
        }
        told
    }

    fn places(&self, places: &[AskRef]) -> String {
        let name = |place: &AskRef| {
            let definition = self.definitions.get(&place.workflow)?;
            let (workflow, step) = (&definition.name, &definition.steps.get(usize::from(place.step.0))?.id);
            Some(format!("step `{step}` of `{workflow}` in its definition {}", place.workflow))
        };
        let mut names: Vec<String> = places.iter().take(PLACES_TOLD_MAX).filter_map(name).collect();
        if let Some(more) = places.len().checked_sub(PLACES_TOLD_MAX).filter(|more| *more > 0) {
            names.push(format!("{more} more places"));
        }
        names.join(", ")
    }

    pub(crate) fn has_in_force(&self, digest: &Digest) -> bool {
        self.workspace.workflows.values().any(|workflow| workflow.digest == *digest)
    }

    /// The same catalog with only outlines of these versions, and the documents that this writes to the store.
    pub fn without(&self, versions: &[Digest]) -> Result<(Self, Documents), serde_json::Error> {
        let mut definitions = self.definitions.as_ref().clone();
        let mut documents = Documents::new();
        for digest in versions {
            if let Some(outline) = definitions.drop(digest) {
                let bytes = serde_json::to_vec(&Kept::Past { past: outline.clone() })?;
                documents.push((DocumentKey::Definition(*digest), Some(bytes)));
            }
        }
        let (live, misfits) = live(&self.workspace, &definitions, &self.plugins);
        let (live, misfits, definitions) = (Arc::new(live), Arc::new(misfits), Arc::new(definitions));
        Ok((Self { live, misfits, definitions, ..self.clone() }, documents))
    }

    pub(crate) fn with_brakes(&self, brakes: Brakes) -> Self {
        Self { brakes: Arc::new(brakes), ..self.clone() }
    }
}

impl Catalog {
    /// The documents that a workspace writes when it becomes active: its files, and its definitions for the runs that pin them.
    pub fn documents(&self) -> Result<Documents, serde_json::Error> {
        let mut documents = Vec::new();
        for workflow in self.workspace.workflows.values() {
            let bytes = serde_json::to_vec(workflow.as_ref())?;
            documents.push((DocumentKey::Definition(workflow.digest), Some(bytes)));
        }
        documents.push((DocumentKey::Workspace, Some(serde_json::to_vec(self.folder.as_ref())?)));
        documents.push((DocumentKey::Plugins, Some(serde_json::to_vec(self.registry.as_ref())?)));
        Ok(documents)
    }
}

/// A version as the store keeps it: whole while runs may follow it (the format has not changed), afterwards as an outline.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Kept {
    Past { past: Outline },
    Followed(Box<Workflow>),
}

/// What `step` may look at and no run pins.
fn live(workspace: &Workspace, definitions: &Definitions, plugins: &Plugins) -> (Live, Vec<Misfit>) {
    let asks: Vec<(AskRef, &Ask)> =
        definitions.followed().flat_map(|definition| definition.asks()).map(|(place, _, ask)| (place, ask)).collect();
    let bound = plugins.bind(&asks);
    let candidates = plugins.candidates(&asks, bound.candidates);
    let live = Live {
        digest: digest(workspace, plugins.infos(), &candidates),
        settings: Arc::new(workspace.settings.clone()),
        workflows: workspace.workflows.clone(),
        plugins: plugins.infos().clone(),
        bindings: bound.bindings,
        candidates,
        connections: workspace.connections.keys().cloned().collect(),
    };
    (live, bound.misfits)
}

/// The digest of a workspace with the builds that are live in it or tried.
fn digest(workspace: &Workspace, live: &BTreeMap<String, PluginInfo>, tried: &BTreeMap<String, Candidate>) -> Digest {
    let mut hash = Hash64::default();
    hash.feed(&workspace.digest.0.to_be_bytes());
    for (name, info) in live {
        hash.feed(format!("{name}/{};", info.digest).as_bytes());
    }
    for (name, candidate) in tried {
        hash.feed(format!("{name}/{}/{};", candidate.info.digest, candidate.share_permille).as_bytes());
    }
    Digest(hash.finish())
}

/// The error as a person reads it: every diagnostic with its place.
pub fn explain(error: CatalogError) -> anyhow::Error {
    match error {
        CatalogError::Broken(diagnostics, folder) => {
            let shown = cadenza_language::render(&diagnostics, &folder, cadenza_language::Paint::Plain);
            anyhow::anyhow!("the workspace has errors\n{shown}")
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_version_is_read_as_it_was_always_kept_and_as_its_outline() {
        let catalog = fixture::catalog();
        let workflow = catalog.workspace.workflows.values().next().expect("the fixture has a workflow");
        let whole = serde_json::to_string(workflow.as_ref()).expect("as every version was written");
        match serde_json::from_str(&whole).expect("it is read") {
            Kept::Followed(read) => assert_eq!(*read, **workflow),
            Kept::Past { past } => panic!("{past:?}"),
        }
        let past = Outline::of(workflow);
        let outline = serde_json::to_string(&Kept::Past { past: past.clone() }).expect("it is written");
        assert!(outline.len() < whole.len() / 2, "{} of {} bytes", outline.len(), whole.len());
        match serde_json::from_str(&outline).expect("it is read") {
            Kept::Past { past: read } => assert_eq!(read, past),
            Kept::Followed(read) => panic!("{read:?}"),
        }
        let half = &whole[..whole.len() / 2];
        assert!(serde_json::from_str::<Kept>(half).is_err(), "what is damaged is neither");
    }
}
