//! Past workspaces: what journal entries were computed under, kept so that each entry can be played again. An entry names it by
//! digest ([`cadenza_core::journal::Skeleton::catalog`]). The workspace's files and the plugins' own descriptions are kept, each
//! once under its digest. Definitions are made from the files, including those that no run follows any more.
//!
//! Nothing here is ever overwritten, so what was read once stays right.

use crate::catalog::Catalog;
use crate::engine::{Engine, Refused};
use cadenza_core::id::Digest;
use cadenza_core::journal::Entry;
use cadenza_core::plugin::{PluginCatalog, PluginInfo, Reads};
use cadenza_core::state::LeadState;
use cadenza_core::step;
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use cadenza_core::workspace::{Definitions, Live, Workspace};
use cadenza_language::{Diagnostic, Folder};
use cadenza_store::{DocumentKey, DocumentKind, Store, StoreError, UnlessDamaged as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Documents, each with its key.
type Parts = Vec<(DocumentKey, Vec<u8>)>;

/// Journal entries read at once.
const PAGE: usize = 256;

/// What entries were computed under, as the store keeps it.
#[derive(Deserialize, Serialize)]
pub(crate) struct Kept {
    /// When the first entry under it was written.
    at: Timestamp,
    workspace: Digest,
    /// The part that holds each file.
    files: BTreeMap<String, Digest>,
    /// For each plugin, the part that holds its live build's description.
    plugins: BTreeMap<String, Digest>,
    /// Builds that were tried, for whoever asks which build decided.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tried: BTreeMap<String, Tried>,
}

#[derive(Deserialize, Serialize)]
struct Tried {
    build: Digest,
    share_permille: u16,
}

impl Kept {
    /// The document for a catalog, and the parts that it names.
    pub(crate) fn of(catalog: &Catalog, now: Timestamp) -> Result<(Vec<u8>, Parts), serde_json::Error> {
        let mut parts = Parts::new();
        let mut part = |bytes: Vec<u8>| {
            let digest = digest(&bytes);
            parts.push((DocumentKey::Part(digest), bytes));
            digest
        };
        let files = catalog.folder.files().map(|(path, text)| (path.to_owned(), part(text.into()))).collect();
        let mut plugins = BTreeMap::new();
        for (name, info) in &catalog.live.plugins {
            plugins.insert(name.clone(), part(serde_json::to_vec(info)?));
        }
        let tried = catalog.live.candidates.iter();
        let tried = tried.map(|(name, candidate)| {
            let (build, share_permille) = (candidate.info.digest, candidate.share_permille);
            (name.clone(), Tried { build, share_permille })
        });
        let kept = Self { at: now, workspace: catalog.workspace.digest, files, plugins, tried: tried.collect() };
        Ok((serde_json::to_vec(&kept)?, parts))
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of_hash(&Sha256::digest(bytes).into())
}

/// What was in force at some time.
#[derive(Clone, Debug)]
pub struct Past {
    /// When the first entry under it was written.
    pub at: Timestamp,
    pub workspace: Arc<Workspace>,
    /// What `step` saw, as far as states depend on it. What plugins were asked is not part of that.
    pub live: Arc<Live>,
}

/// Why what an entry was computed under is not available.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Lost {
    /// Earlier programs did not keep it.
    #[error("what was in force then ({0}) was not kept")]
    NotKept(Digest),
    /// The entry does not say what was in force.
    #[error("the entry does not say what was in force: it was written by an earlier program")]
    NotNamed,
    /// A part is gone or damaged.
    #[error("{part}, which was in force then, cannot be read; `cadenza doctor` lists what cannot be read")]
    Part { part: String },
    /// This program refuses the files.
    #[error("this program does not take the workspace that was in force then: {}", first_of(.0))]
    Refused(Vec<Diagnostic>),
    /// The person was erased, and with them what happened.
    #[error("the person was erased, and what happened with them")]
    Erased,
}

fn first_of(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    errors.map(|error| format!("{}:{}: {}", error.file, error.line, error.message)).next().unwrap_or_default()
}

impl Past {
    /// Reads what was in force under this digest.
    ///
    /// # Errors
    /// When the store fails. Damage makes it lost, which is no error.
    pub async fn read(store: &dyn Store, name: Digest) -> Result<Result<Self, Lost>, StoreError> {
        let kept: Option<Kept> = crate::damage::document(store, &DocumentKey::Catalog(name)).await?;
        let Some(kept) = kept else { return Ok(Err(Lost::NotKept(name))) };
        let (mut files, mut infos) = (Vec::new(), BTreeMap::new());
        for (path, part) in &kept.files {
            match sound(store, *part).await?.map(String::from_utf8) {
                Some(Ok(text)) => files.push((path.clone(), text)),
                _ => return Ok(Err(Lost::Part { part: format!("the file `{path}`") })),
            }
        }
        for (plugin, part) in &kept.plugins {
            let info: Option<PluginInfo> = match sound(store, *part).await? {
                Some(bytes) => crate::damage::read(store, &DocumentKey::Part(*part), &bytes),
                None => None,
            };
            match info {
                Some(info) => drop(infos.insert(plugin.clone(), info)),
                None => return Ok(Err(Lost::Part { part: format!("what the plugin `{plugin}` said of itself") })),
            }
        }
        Ok(Self::of(name, &kept, files, infos))
    }

    fn of(
        name: Digest,
        kept: &Kept,
        files: Vec<(String, String)>,
        infos: BTreeMap<String, PluginInfo>,
    ) -> Result<Self, Lost> {
        let other = || Lost::Part { part: "the workspace".to_owned() };
        let folder = Folder::new(files).map_err(|_| other())?;
        let described = Described(infos);
        let checked = cadenza_language::check(&folder, &described);
        let Some(workspace) = checked.workspace else { return Err(Lost::Refused(checked.diagnostics)) };
        if workspace.digest != kept.workspace {
            return Err(other());
        }
        let live = Live {
            digest: name,
            settings: Arc::new(workspace.settings.clone()),
            workflows: workspace.workflows.clone(),
            plugins: described.0,
            bindings: BTreeMap::new(),
            candidates: BTreeMap::new(),
            connections: workspace.connections.keys().cloned().collect(),
        };
        Ok(Self { at: kept.at, workspace: Arc::new(workspace), live: Arc::new(live) })
    }

    /// The digests of everything that is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn kept(store: &dyn Store) -> Result<Vec<Digest>, StoreError> {
        let kept = store.documents(DocumentKind::Catalog).await?;
        let name = |(key, _)| if let DocumentKey::Catalog(digest) = key { Some(digest) } else { None };
        Ok(kept.into_iter().filter_map(name).collect())
    }
}

/// Reads a part, and checks it against its digest.
async fn sound(store: &dyn Store, part: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let key = DocumentKey::Part(part);
    let Some(bytes) = store.document(&key).await.unless_damaged()? else { return Ok(None) };
    if digest(&bytes) != part {
        store.damage().note_document(&key, "it is not what its digest says");
        return Ok(None);
    }
    Ok(Some(bytes))
}

/// Plugins known only by their descriptions. None of them is asked: what each reads was checked when the workspace was applied.
struct Described(BTreeMap<String, PluginInfo>);

impl PluginCatalog for Described {
    fn info(&self, name: &str) -> Option<&PluginInfo> {
        self.0.get(name)
    }
    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
    fn reads(&self, name: &str, _: &[Value]) -> Result<Reads, String> {
        match self.0.contains_key(name) {
            true => Ok(Reads::default()),
            false => Err(format!("there was no plugin `{name}`")),
        }
    }
}

/// Plays journals again, each entry under what was in force when it was computed.
pub struct Replay<'s> {
    store: &'s dyn Store,
    /// The definitions that runs may follow now, and those of every workspace that was read, since a run keeps its definition
    /// when the workspace changes.
    definitions: Definitions,
    /// What the previous entry was computed under; neighbours mostly share it.
    past: Option<Past>,
}

impl<'s> Replay<'s> {
    /// A replay of journals in this store, whose runs may follow these definitions.
    pub const fn new(store: &'s dyn Store, definitions: Definitions) -> Self {
        Self { store, definitions, past: None }
    }

    /// Takes a lead from its state before an entry to its state after it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn play(&mut self, state: &mut LeadState, entry: &Entry) -> Result<Result<(), Lost>, StoreError> {
        let Some(name) = entry.skeleton.catalog else { return Ok(Err(Lost::NotNamed)) };
        let past = match self.past.take().filter(|past| past.live.digest == name) {
            Some(past) => past,
            None => match Past::read(self.store, name).await? {
                Ok(past) => past,
                Err(lost) => return Ok(Err(lost)),
            },
        };
        past.workspace.workflows.values().for_each(|workflow| self.definitions.insert(Arc::clone(workflow)));
        let played = step::replay(&self.definitions, &past.live, state, entry);
        self.past = Some(past);
        Ok(played.map(drop).ok_or(Lost::Erased))
    }
}

impl Engine {
    /// A lead as it was after the entry of this number, played from its journal.
    ///
    /// # Errors
    /// When the journal cannot be read. The inner error names the entry that cannot be played, and why.
    pub async fn played_to(&self, lead: &LeadState, last: u64) -> Result<Result<LeadState, (u64, Lost)>, Refused> {
        let mut state = LeadState::new(lead.lead.id, lead.lead.created_at);
        let mut replay = Replay::new(self.store.as_ref(), self.catalog().definitions.as_ref().clone());
        while state.seq < last.min(lead.seq) {
            let page = self.timeline(lead, state.seq, PAGE).await?;
            for entry in page.iter().take_while(|entry| entry.seq <= last) {
                if entry.seq != state.seq + 1 {
                    return Ok(Err((state.seq + 1, Lost::Part { part: "an entry of its journal".to_owned() })));
                }
                if let Err(lost) = replay.play(&mut state, entry).await? {
                    return Ok(Err((entry.seq, lost)));
                }
            }
            if page.is_empty() {
                return Ok(Err((state.seq + 1, Lost::Part { part: "an entry of its journal".to_owned() })));
            }
        }
        Ok(Ok(state))
    }
}
