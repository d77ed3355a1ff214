//! What handlers share: the engine, the tokens, and the sources with their verifiers and mappings.

use crate::http::auth::Tokens;
use crate::http::bodies::Bodies;
use crate::http::limits::Limits;
use crate::http::scans::Scans;
use crate::mapping::Reader;
use cadenza_builds::Archive;
use cadenza_core::id::EventId;
use cadenza_core::workspace::{Brings, MailFormat};
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::engine::Engine;
use cadenza_signatures::Verifier;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Everything a handler may use.
pub struct Api {
    pub(crate) engine: Engine,
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
    pub(crate) bodies: Bodies,
    /// Runs lists that look through records.
    pub(crate) scans: Scans,
    /// Held while tokens change: two admins must not revoke each other, nor one restore what the other revoked.
    pub(crate) revoking: tokio::sync::Mutex<()>,
    /// The folder that `POST /v1/workspace/apply` reads.
    pub(crate) workspace: PathBuf,
    /// Held while a workspace is applied, because each is built on the definitions of the one before.
    pub(crate) applying: Arc<tokio::sync::Mutex<()>>,
    /// Builds of plugins that have decided at some time.
    pub(crate) archive: Arc<Archive>,
    sources: RwLock<Arc<Sources>>,
    /// Whether the engine is about to stop. If so, requests that may take long are ended early.
    stopping: tokio::sync::watch::Sender<bool>,
}

/// The state as handlers hold it.
pub type Shared = Arc<Api>;

impl Api {
    /// The shared state of a running engine, with the tokens read and the sources prepared.
    pub async fn new(engine: Engine, workspace: PathBuf, limits: Limits) -> anyhow::Result<Shared> {
        let archive = Arc::new(Archive::new(&engine.catalog().library)?);
        let tokens = Tokens::default();
        tokens.refresh(&engine).await?;
        let sources = RwLock::new(Arc::new(Sources::new(&engine.catalog(), &workspace)));
        let (bodies, scans) = (Bodies::new(&limits), Scans::start(&limits)?);
        Ok(Arc::new(Self {
            engine,
            tokens,
            limits,
            bodies,
            scans,
            revoking: tokio::sync::Mutex::default(),
            workspace,
            applying: Arc::default(),
            archive,
            sources,
            stopping: tokio::sync::watch::Sender::new(false),
        }))
    }

    /// Tells handlers that may take long.
    pub(crate) fn stop_soon(&self) {
        self.stopping.send_replace(true);
    }

    /// Completes when the engine is about to stop.
    pub(crate) async fn stopping(&self) {
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// The engine behind the API.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether there are no tokens. Then nobody gets in except through webhooks.
    pub fn has_no_token(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The sources in force.
    pub fn sources(&self) -> Arc<Sources> {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over the sources of a workspace that became active.
    pub(crate) fn take_sources(&self, sources: Sources) {
        *self.sources.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sources);
    }

    /// An id for something that came without one.
    pub(crate) fn new_event_id(&self) -> String {
        let seed = getrandom::u64().unwrap_or_default();
        EventId::new(self.engine.clock().now(), seed).to_string()
    }
}

/// The webhooks of a workspace, ready for use.
pub struct Sources {
    by_name: BTreeMap<String, Intake>,
    /// Which sources have no secret, and why. Shown at the start and after `apply`.
    pub closed: Vec<(String, String)>,
}

/// A webhook that takes deliveries.
pub struct OpenSource {
    /// Recognises genuine deliveries.
    pub verifier: Verifier,
    /// Maps them to events.
    pub reader: Reader,
}

/// A webhook that takes what came back by mail.
pub struct MailSource {
    /// Recognises genuine deliveries.
    pub verifier: Verifier,
    pub format: MailFormat,
}

/// What one webhook accepts, and how it is read.
pub enum Intake {
    Open(Box<OpenSource>),
    Mail(Box<MailSource>),
    /// Its secret is not available; the text says why.
    Closed(String),
}

impl Sources {
    /// Prepares every source of a workspace. Relative paths of secret files are relative to `folder`.
    pub fn new(catalog: &Catalog, folder: &Path) -> Self {
        let mut closed = Vec::new();
        let mut by_name = BTreeMap::new();
        for (name, source) in &catalog.workspace.sources {
            let intake = match Verifier::new(source, folder) {
                Ok(verifier) => match &source.brings {
                    Brings::Mapping(mapping) => {
                        Intake::Open(Box::new(OpenSource { verifier, reader: Reader::new(mapping) }))
                    }
                    Brings::Mail(format) => Intake::Mail(Box::new(MailSource { verifier, format: *format })),
                },
                Err(error) => {
                    closed.push((name.clone(), error.to_string()));
                    Intake::Closed(error.to_string())
                }
            };
            by_name.insert(name.clone(), intake);
        }
        Self { by_name, closed }
    }

    /// The webhook with this name.
    pub fn get(&self, name: &str) -> Option<&Intake> {
        self.by_name.get(name)
    }
}
