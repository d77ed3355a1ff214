//! Builds that once decided but are no longer live or on trial. They are loaded again when somebody looks at what they
//! decided, to learn the names of the values they were passed.

use crate::decision::Names;
use crate::{Library, Registry};
use cadenza_core::id::Digest;
use cadenza_core::plugin::{Parameters, PluginInfo};
use cadenza_core::value::Value;
use cadenza_sandbox::{HostError, Sandbox};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many builds with their parameters have their names remembered.
const NAMES_MAX: usize = 256;

/// Once this many builds are loaded, all of them are dropped before another is loaded.
const BUILDS_MAX: usize = 8;

/// Builds by their digests.
pub struct Archive {
    names: Mutex<BTreeMap<Asked, Option<Arc<Names>>>>,
    /// Held while a build is compiled. That may take long, so never on a thread that others wait for.
    sandbox: Mutex<Sandbox>,
}

/// A build, and the parameters it was asked with.
type Asked = (Digest, String);

impl Archive {
    /// An empty archive.
    pub fn new(library: &Library) -> Result<Self, HostError> {
        Ok(Self { names: Mutex::default(), sandbox: Mutex::new(Sandbox::new(library.limits())?) })
    }

    /// The names that a build gives the values it is passed with these parameters; `None` if its component is gone.
    pub async fn names(
        self: &Arc<Self>,
        (library, registry): (&Arc<Library>, &Arc<Registry>),
        digest: Option<Digest>,
        parameters: &Parameters,
    ) -> Option<Arc<Names>> {
        let digest = digest?;
        let asked = (digest, format!("{parameters:?}"));
        if let Some(known) = self.known().get(&asked) {
            return known.clone();
        }
        let (archive, parameters) = (Arc::clone(self), parameters.clone());
        let (library, registry) = (Arc::clone(library), Arc::clone(registry));
        let looking = tokio::task::spawn_blocking(move || {
            let names = archive.find((&library, &registry), digest, &parameters).map(Arc::new);
            let mut known = archive.known();
            if known.len() >= NAMES_MAX {
                known.clear();
            }
            known.insert(asked, names.clone());
            names
        });
        looking.await.ok().flatten()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Asked, Option<Arc<Names>>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, kept: (&Library, &Registry), digest: Digest, parameters: &[Value]) -> Option<Names> {
        let mut sandbox = self.sandbox.lock().unwrap_or_else(PoisonError::into_inner);
        let info = match sandbox.plugin(digest) {
            Some(info) => info.clone(),
            None => {
                if sandbox.plugins().count() >= BUILDS_MAX {
                    sandbox.retain(|_| false);
                }
                load(&mut sandbox, kept, digest)?
            }
        };
        let reads = sandbox.reads(digest, parameters).ok()?;
        let parameters = info.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        Some(Names { kinds: info.kinds, parameters, reads })
    }
}

fn load(sandbox: &mut Sandbox, (library, registry): (&Library, &Registry), digest: Digest) -> Option<PluginInfo> {
    let hash = registry.components().into_iter().find(|hash| hash.digest() == digest)?;
    let compiled = library.compiled(&digest.to_string(), hash).ok()?;
    sandbox.load_compiled(&compiled, None).ok()
}
