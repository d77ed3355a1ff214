//! Builds that decided once and are neither live nor tried any more: loaded again when somebody looks at what they decided,
//! to know the names of what they were passed.

use super::Library;
use crate::catalog::Catalog;
use crate::views::decision::Names;
use cadenza_core::id::Digest;
use cadenza_core::plugin::PluginInfo;
use cadenza_core::value::Value;
use cadenza_sandbox::{HostError, Sandbox};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Names are remembered for so many builds and sets of parameters.
const NAMES_MAX: usize = 256;

/// Builds by their digests.
pub(crate) struct Archive {
    shelves: Mutex<Shelves>,
}

struct Shelves {
    sandbox: Sandbox,
    names: BTreeMap<(Digest, String), Option<Arc<Names>>>,
}

impl Archive {
    /// An empty one.
    pub(crate) fn new(library: &Library) -> Result<Self, HostError> {
        let sandbox = Sandbox::new(library.limits())?;
        Ok(Self { shelves: Mutex::new(Shelves { sandbox, names: BTreeMap::new() }) })
    }

    /// What a build calls the values it is passed with these parameters; none when its component is gone.
    pub(crate) fn names(&self, catalog: &Catalog, digest: Digest, parameters: &[Value]) -> Option<Arc<Names>> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (digest, format!("{parameters:?}"));
        if let Some(known) = shelves.names.get(&key) {
            return known.clone();
        }
        let names = shelves.find(catalog, digest, parameters).map(Arc::new);
        if shelves.names.len() >= NAMES_MAX {
            shelves.names.clear();
        }
        shelves.names.insert(key, names.clone());
        names
    }
}

impl Shelves {
    fn find(&mut self, catalog: &Catalog, digest: Digest, parameters: &[Value]) -> Option<Names> {
        let info = match self.sandbox.plugin(digest) {
            Some(info) => info.clone(),
            None => self.load(catalog, digest)?,
        };
        let reads = self.sandbox.reads(digest, parameters).ok()?;
        let parameters = info.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        Some(Names {
            kinds: info.kinds,
            parameters,
            fields: reads.fields.into_iter().map(|field| field.name).collect(),
        })
    }

    fn load(&mut self, catalog: &Catalog, digest: Digest) -> Option<PluginInfo> {
        let hash = catalog.registry.components().into_iter().find(|hash| hash.digest() == digest)?;
        let compiled = catalog.library.compiled(&digest.to_string(), hash).ok()?;
        self.sandbox.load_compiled(&compiled, None).ok()
    }
}
