//! What is in force: the checked workspace, the plugins loaded for it, and every definition that runs have pinned.

use crate::brakes::Brakes;
use cadenza_core::plugin::{PluginCatalog, PluginInfo, Reads, lay_out};
use cadenza_core::value::Value;
use cadenza_core::workflow::Workflow;
use cadenza_core::workspace::{Binding, Definitions, Live, PluginSettings, Workspace};
use cadenza_language::{Diagnostic, Folder};
use cadenza_sandbox::{BudgetOverrides, Compiled, HostError, HostLimits, LoadError, Sandbox};
use cadenza_store::DocumentKey;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The most bytes of a component.
const COMPONENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Everything that transitions are made with. Replaced whole, never changed.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    /// The checked workspace.
    pub(crate) workspace: Arc<Workspace>,
    /// What `step` may look at that no run pins.
    pub(crate) live: Arc<Live>,
    /// Every definition that runs have pinned, and the current ones.
    pub(crate) definitions: Arc<Definitions>,
    /// The plugins.
    pub(crate) plugins: Arc<Plugins>,
    /// The folder it was read from; relative secrets lie there.
    pub(crate) root: PathBuf,
    /// The files it was made of.
    pub(crate) folder: Arc<Folder>,
    /// What is paused.
    pub(crate) brakes: Arc<Brakes>,
}

/// Documents to write; none deletes.
pub(crate) type Documents = Vec<(DocumentKey, Option<Vec<u8>>)>;

/// Why a workspace does not become active.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatalogError {
    /// The folder has errors; all of them.
    #[error("the workspace has errors")]
    Broken(Vec<Diagnostic>, Arc<Folder>),
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] cadenza_language::FolderError),
    /// A plugin cannot be loaded.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// Why a plugin is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PluginError {
    /// It does not load.
    #[error("the plugin `{name}` cannot be loaded: {cause}")]
    Load {
        /// Its name.
        name: String,
        /// Why.
        cause: LoadError,
    },
    /// Its file cannot be read.
    #[error("the plugin `{name}` cannot be read from `{}`: {cause}", path.display())]
    File {
        /// Its name.
        name: String,
        /// Where.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// The file holds another plugin.
    #[error("cadenza.yaml names the plugin `{name}`, but its file holds `{found}`")]
    Name {
        /// As named.
        name: String,
        /// As found.
        found: String,
    },
    /// The sandbox does not start.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Plugins compiled for every sandbox of this process, with one sandbox to ask them about themselves.
pub(crate) struct Plugins {
    limits: HostLimits,
    compiled: BTreeMap<String, (Compiled, BudgetOverrides)>,
    infos: BTreeMap<String, PluginInfo>,
    probe: Mutex<Sandbox>,
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.infos.keys()).finish()
    }
}

impl Plugins {
    /// The plugins shipped with the engine, and those the workspace brings.
    pub(crate) fn load(root: &Path, settings: &BTreeMap<String, PluginSettings>) -> Result<Self, PluginError> {
        let limits = HostLimits::default();
        let mut plugins = Self {
            limits,
            compiled: BTreeMap::new(),
            infos: BTreeMap::new(),
            probe: Mutex::new(Sandbox::new(&limits)?),
        };
        for (name, component) in cadenza_plugins::PLUGINS {
            plugins.add(name, component, settings.get(*name))?;
        }
        for (name, own) in settings {
            let Some(file) = &own.file else { continue };
            let path = root.join(file);
            let unreadable = |cause: String| PluginError::File { name: name.clone(), path: path.clone(), cause };
            let bytes = std::fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?.len();
            if bytes > COMPONENT_BYTES_MAX {
                return Err(unreadable(format!("it has more than {COMPONENT_BYTES_MAX} bytes")));
            }
            let component = std::fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
            plugins.add(name, &component, Some(own))?;
        }
        Ok(plugins)
    }

    fn add(&mut self, name: &str, component: &[u8], settings: Option<&PluginSettings>) -> Result<(), PluginError> {
        let load = |cause| PluginError::Load { name: name.to_owned(), cause };
        let budget = settings.map_or_else(BudgetOverrides::default, |settings| BudgetOverrides {
            fuel: settings.fuel,
            memory_bytes: settings.memory_bytes.and_then(|bytes| usize::try_from(bytes).ok()),
            wall_ms: settings.wall_ms.and_then(|ms| u32::try_from(ms).ok()),
            ..BudgetOverrides::default()
        });
        let compiled = Compiled::new(component, &self.limits).map_err(load)?;
        let probe = self.probe.get_mut().unwrap_or_else(PoisonError::into_inner);
        let info = probe.load_compiled(&compiled, Some(budget)).map_err(load)?;
        if info.name != name {
            return Err(PluginError::Name { name: name.to_owned(), found: info.name });
        }
        self.infos.insert(info.name.clone(), info);
        self.compiled.insert(name.to_owned(), (compiled, budget));
        Ok(())
    }

    /// A sandbox of one's own with all of them.
    pub(crate) fn sandbox(&self) -> Result<Sandbox, PluginError> {
        let mut sandbox = Sandbox::new(&self.limits)?;
        for (name, (compiled, budget)) in &self.compiled {
            let load = |cause| PluginError::Load { name: name.clone(), cause };
            sandbox.load_compiled(compiled, Some(*budget)).map_err(load)?;
        }
        Ok(sandbox)
    }
}

impl PluginCatalog for Plugins {
    fn info(&self, name: &str) -> Option<&PluginInfo> {
        self.infos.get(name)
    }
    fn names(&self) -> Vec<&str> {
        self.infos.keys().map(String::as_str).collect()
    }
    fn reads(&self, name: &str, parameters: &[Value]) -> Result<Reads, String> {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        probe.reads(name, parameters).map_err(|failure| failure.to_string())
    }
}

impl Catalog {
    /// Reads and checks a workspace folder. `pinned` are the definitions that stored runs may have pinned.
    pub(crate) fn read(root: &Path, pinned: &Definitions) -> Result<Self, CatalogError> {
        Self::of(Folder::read(root)?, root, pinned)
    }

    /// Checks a workspace's files.
    pub(crate) fn of(folder: Folder, root: &Path, pinned: &Definitions) -> Result<Self, CatalogError> {
        let folder = Arc::new(folder);
        let plugins = Arc::new(Plugins::load(root, &cadenza_language::plugin_settings(&folder))?);
        let checked = cadenza_language::check(&folder, plugins.as_ref());
        let Some(workspace) = checked.workspace else {
            return Err(CatalogError::Broken(checked.diagnostics, folder));
        };
        let mut definitions = pinned.clone();
        for workflow in workspace.workflows.values() {
            definitions.insert(workflow.digest, Arc::clone(workflow));
        }
        let live = Live {
            settings: Arc::new(workspace.settings.clone()),
            workflows: workspace.workflows.clone(),
            plugins: plugins.infos.clone(),
            bindings: bindings(&definitions, plugins.as_ref()),
        };
        Ok(Self {
            workspace: Arc::new(workspace),
            live: Arc::new(live),
            definitions: Arc::new(definitions),
            plugins,
            root: root.to_owned(),
            folder,
            brakes: Arc::new(Brakes::default()),
        })
    }

    /// The same with these brakes.
    pub(crate) fn with_brakes(&self, brakes: Brakes) -> Self {
        Self { brakes: Arc::new(brakes), ..self.clone() }
    }
}

impl Catalog {
    /// What a workspace that becomes active leaves in the store: its files, and its definitions for the runs that pin
    /// them.
    pub(crate) fn documents(&self) -> Result<Documents, serde_json::Error> {
        let mut documents = Vec::new();
        for workflow in self.workspace.workflows.values() {
            let bytes = serde_json::to_vec(workflow.as_ref())?;
            documents.push((DocumentKey::Definition(workflow.digest), Some(bytes)));
        }
        documents.push((DocumentKey::Workspace, Some(serde_json::to_vec(self.folder.as_ref())?)));
        Ok(documents)
    }
}

/// What each plugin reads at each place where it is asked. A place whose plugin is gone, or no longer takes its
/// parameters, has none: the step's failure policy applies there.
fn bindings(definitions: &Definitions, plugins: &Plugins) -> BTreeMap<cadenza_core::workflow::AskRef, Binding> {
    let asks = definitions.values().flat_map(|definition: &Arc<Workflow>| definition.asks());
    asks.filter_map(|(place, _, ask)| {
        let parameters = lay_out(plugins.info(&ask.plugin)?, &ask.with).ok()?;
        let reads = plugins.reads(&ask.plugin, &parameters).ok()?;
        Some((place, Binding { parameters, reads }))
    })
    .collect()
}
