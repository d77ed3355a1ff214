//! The builds that decide and those on trial, compiled and ready for every sandbox of this process.

use super::{ComponentHash, Library, PluginError, Registry};
use cadenza_core::id::Digest;
use cadenza_core::plugin::{PluginCatalog, PluginInfo, Reads, lay_out};
use cadenza_core::value::Value;
use cadenza_core::workflow::{Ask, AskRef};
use cadenza_core::workspace::{Binding, Candidate, PluginSettings};
use cadenza_sandbox::{BudgetOverrides, Budgets, Compiled, HostLimits, Sandbox};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Components that come with the program or a workspace folder.
#[derive(Debug, Default)]
pub struct Offers {
    /// Name, component, and where it comes from.
    pub found: Vec<(String, ComponentHash, &'static str)>,
    /// Files that are named but cannot be used.
    pub troubles: Troubles,
}

/// Why plugins cannot be used, by name.
pub type Troubles = BTreeMap<String, PluginError>;

/// A build that is ready.
#[derive(Clone)]
struct Build {
    compiled: Compiled,
    budget: BudgetOverrides,
}

/// Plugins compiled for every sandbox of this process, with one sandbox to ask them about themselves.
pub struct Plugins {
    limits: HostLimits,
    builds: BTreeMap<Digest, Build>,
    /// What the live builds say of themselves, by name.
    infos: BTreeMap<String, PluginInfo>,
    /// What the builds on trial say of themselves, by name, with the share of leads for which they decide.
    candidates: BTreeMap<String, (PluginInfo, u16)>,
    troubles: Troubles,
    probe: Mutex<Sandbox>,
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.infos.keys()).finish()
    }
}

/// Keeps the components that come with the program and a workspace folder.
pub fn offers(
    library: &Library,
    root: &Path,
    settings: &BTreeMap<String, PluginSettings>,
) -> Result<Offers, PluginError> {
    let mut offers = Offers::default();
    for (name, component) in cadenza_plugins::PLUGINS {
        offers.found.push(((*name).to_owned(), library.keep(component)?, "program"));
    }
    for (name, own) in settings {
        let Some(file) = &own.file else { continue };
        let path = root.join(file);
        match read(&path, library.limits().component_bytes_max) {
            Ok(component) => {
                // A file of the workspace replaces what the program has under this name.
                offers.found.retain(|(offered, ..)| offered != name);
                offers.found.push((name.clone(), library.keep(&component)?, "workspace"));
            }
            Err(cause) => {
                drop(offers.troubles.insert(name.clone(), PluginError::File { name: name.clone(), path, cause }))
            }
        }
    }
    Ok(offers)
}

fn read(file: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    let bytes = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if bytes > bytes_max as u64 {
        return Err(format!("it has {bytes} bytes, and {bytes_max} are allowed"));
    }
    std::fs::read(file).map_err(|error| error.to_string())
}

impl Plugins {
    /// Loads everything that the registry has live or on trial, with the workspace's budgets. The registry
    /// learns their rules. What is wrong with a plugin that the settings name is reported at that place, when
    /// the workspace is checked.
    pub fn load(
        library: &Library,
        registry: &mut Registry,
        settings: &BTreeMap<String, PluginSettings>,
        troubles: Troubles,
    ) -> Result<Self, PluginError> {
        let limits = *library.limits();
        let mut plugins = Self {
            limits,
            builds: BTreeMap::new(),
            infos: BTreeMap::new(),
            candidates: BTreeMap::new(),
            troubles,
            probe: Mutex::new(Sandbox::new(&limits)?),
        };
        for (name, versions) in registry.plugins() {
            if let Some(live) = &versions.live
                && let Some(info) = plugins.take(library, name, live.hash, settings)?
            {
                plugins.infos.insert(name.to_owned(), info);
            }
            if let Some(trial) = &versions.candidate
                && let Some(info) = plugins.take(library, name, trial.hash, settings)?
            {
                plugins.candidates.insert(name.to_owned(), (info, trial.share_permille));
            }
        }
        plugins.all().try_for_each(|info| registry.check_rules(info))?;
        Ok(plugins)
    }

    /// The same, if nothing is wrong with any of them. For a caller that brings a single build, and has no
    /// folder that could be corrected.
    pub fn sound(mut self) -> Result<Self, PluginError> {
        self.troubles.pop_first().map_or(Ok(()), |(_, trouble)| Err(trouble))?;
        Ok(self)
    }

    /// Adds a build. What is wrong with the plugin itself is kept for the place where the settings name it.
    fn take(
        &mut self,
        library: &Library,
        name: &str,
        hash: ComponentHash,
        settings: &BTreeMap<String, PluginSettings>,
    ) -> Result<Option<PluginInfo>, PluginError> {
        use PluginError::{File, Gone, Load, Name};
        let own = settings.get(name);
        match self.add(library, name, hash, overrides(own)) {
            Ok(info) => Ok(Some(info)),
            Err(error @ (Load { .. } | Name { .. } | File { .. } | Gone(_))) if own.is_some() => {
                self.troubles.entry(name.to_owned()).or_insert(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn add(
        &mut self,
        library: &Library,
        name: &str,
        hash: ComponentHash,
        budget: BudgetOverrides,
    ) -> Result<PluginInfo, PluginError> {
        let compiled = library.compiled(name, hash)?;
        let load = |cause| PluginError::Load { name: name.to_owned(), cause };
        let probe = self.probe.get_mut().unwrap_or_else(PoisonError::into_inner);
        let info = probe.load_compiled(&compiled, Some(budget)).map_err(load)?;
        if info.name != name {
            return Err(PluginError::Name { name: name.to_owned(), found: info.name });
        }
        probe.can_begin(info.digest).map_err(load)?;
        self.builds.insert(info.digest, Build { compiled, budget });
        Ok(info)
    }

    /// Brings a worker's sandbox up to date. Builds that are no longer wanted stay until the next time,
    /// for questions asked earlier.
    pub fn equip(&self, sandbox: &mut Sandbox, before: &Self) -> Result<(), PluginError> {
        sandbox.retain(|digest| self.builds.contains_key(&digest) || before.builds.contains_key(&digest));
        // They were asked about themselves when they were first loaded, so nobody waits for that here.
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        for (digest, Build { compiled, budget }) in &self.builds {
            let same = before.builds.get(digest).is_some_and(|before| before.budget == *budget);
            if same && sandbox.plugin(*digest).is_some() {
                continue;
            }
            let load = |cause| PluginError::Load { name: digest.to_string(), cause };
            sandbox.load_like(&probe, compiled).map_err(load)?;
        }
        Ok(())
    }

    /// A new sandbox with all of them.
    pub fn sandbox(&self) -> Result<Sandbox, PluginError> {
        let mut sandbox = Sandbox::new(&self.limits)?;
        self.equip(&mut sandbox, self)?;
        Ok(sandbox)
    }

    /// What the live builds say of themselves, by name.
    pub const fn infos(&self) -> &BTreeMap<String, PluginInfo> {
        &self.infos
    }

    /// The build on trial, whatever its share.
    pub fn candidate(&self, name: &str) -> Option<&PluginInfo> {
        self.candidates.get(name).map(|(info, _)| info)
    }

    /// Every build that is loaded.
    pub fn all(&self) -> impl Iterator<Item = &PluginInfo> {
        self.infos.values().chain(self.candidates.values().map(|(info, _)| info))
    }

    /// What a decision of a build may use, and which of these budgets the workspace sets.
    pub fn budgets(&self, digest: Digest) -> Option<(Budgets, BudgetOverrides)> {
        let budgets = self.probe.lock().unwrap_or_else(PoisonError::into_inner).budgets(digest).copied()?;
        Some((budgets, self.builds.get(&digest)?.budget))
    }

    /// The same plugins with the build on trial in place of the live one, to see how a workspace would do with it.
    pub fn with_candidate_live<'a>(&'a self, name: &'a str) -> Promoted<'a> {
        Promoted { plugins: self, name }
    }

    fn reads_of(&self, digest: Digest, parameters: &[Value]) -> Result<Reads, String> {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        probe.reads(digest, parameters).map_err(|failure| failure.to_string())
    }

    fn binding(&self, info: &PluginInfo, ask: &Ask) -> Result<Binding, String> {
        let parameters = lay_out(info, &ask.with).map_err(|error| error.to_string())?;
        let reads = self.reads_of(info.digest, &parameters)?;
        Ok(Binding { parameters, reads })
    }

    /// What each build reads at each place where its plugin is asked.
    pub fn bind(&self, asks: &[(AskRef, &Ask)]) -> Bound {
        let mut bound = Bound::default();
        for (place, ask) in asks {
            let mut bind = |info: &PluginInfo| match self.binding(info, ask) {
                Ok(binding) => Some(binding),
                Err(why) => {
                    let plugin = ask.plugin.clone();
                    bound.misfits.push(Misfit { place: *place, plugin, digest: info.digest, why });
                    None
                }
            };
            let live = self.infos.get(&ask.plugin).and_then(&mut bind);
            let tried = self.candidate(&ask.plugin).and_then(bind);
            bound.bindings.extend(live.map(|binding| (*place, binding)));
            bound.candidates.extend(tried.map(|binding| (*place, binding)));
        }
        bound
    }

    /// The builds on trial, with what they read at the places that they fit.
    pub fn candidates(
        &self,
        asks: &[(AskRef, &Ask)],
        mut bindings: BTreeMap<AskRef, Binding>,
    ) -> BTreeMap<String, Candidate> {
        let candidate = |(name, (info, share_permille)): (&String, &(PluginInfo, u16))| {
            let places = asks.iter().filter(|(_, ask)| ask.plugin == *name).map(|(place, _)| *place);
            let bindings = places.filter_map(|place| Some((place, bindings.remove(&place)?))).collect();
            (name.clone(), Candidate { info: info.clone(), share_permille: *share_permille, bindings })
        };
        self.candidates.iter().map(candidate).collect()
    }
}

/// The result of binding builds to the places where they are asked.
#[derive(Debug, Default)]
pub struct Bound {
    /// The bindings of the live builds. A place whose plugin is gone, or no longer takes its parameters, has none; the
    /// step's failure policy applies there.
    pub bindings: BTreeMap<AskRef, Binding>,
    /// The bindings of the builds on trial. Where one does not fit it is not asked, and the live build decides.
    pub candidates: BTreeMap<AskRef, Binding>,
    /// Builds that do not fit a definition. For live builds that is an older definition, because the current ones were
    /// checked; for builds on trial it can also be one that was applied since.
    pub misfits: Vec<Misfit>,
}

/// A place where a plugin is asked, and a build of it that cannot be asked there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub place: AskRef,
    pub plugin: String,
    pub digest: Digest,
    pub why: String,
}

fn overrides(settings: Option<&PluginSettings>) -> BudgetOverrides {
    let Some(settings) = settings else { return BudgetOverrides::default() };
    let size = |bytes: Option<u64>| bytes.and_then(|bytes| usize::try_from(bytes).ok());
    BudgetOverrides {
        fuel: settings.fuel,
        wall_ms: settings.wall_ms.and_then(|ms| u32::try_from(ms).ok()),
        memory_bytes: size(settings.memory_bytes),
        output_bytes: size(settings.output_bytes),
        log_lines: size(settings.log_lines),
        table_elements: size(settings.table_elements),
        tables: size(settings.tables),
        instances: size(settings.instances),
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
        let info = self.infos.get(name).ok_or_else(|| format!("no plugin `{name}` is loaded"))?;
        self.reads_of(info.digest, parameters)
    }
    fn trouble(&self, name: &str) -> Option<String> {
        self.troubles.get(name).map(ToString::to_string)
    }
}

/// See [`Plugins::with_candidate_live`].
pub struct Promoted<'a> {
    plugins: &'a Plugins,
    name: &'a str,
}

impl PluginCatalog for Promoted<'_> {
    fn info(&self, name: &str) -> Option<&PluginInfo> {
        let tried = self.plugins.candidate(name).filter(|_| name == self.name);
        tried.or_else(|| self.plugins.infos.get(name))
    }
    fn names(&self) -> Vec<&str> {
        let mut names = self.plugins.names();
        if !names.contains(&self.name) {
            names.push(self.name);
        }
        names
    }
    fn reads(&self, name: &str, parameters: &[Value]) -> Result<Reads, String> {
        let info = self.info(name).ok_or_else(|| format!("no plugin `{name}` is loaded"))?;
        self.plugins.reads_of(info.digest, parameters)
    }
    fn trouble(&self, name: &str) -> Option<String> {
        self.plugins.trouble(name)
    }
}
