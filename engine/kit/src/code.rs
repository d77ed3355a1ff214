//! Machine code of components, so that it need not be made again for every command; for a component with an
//! interpreter that takes ten seconds. The code is kept beside the build tools, signed as in an engine's data folder,
//! where nobody else may write.

use super::tools::Tools;
use cadenza_builds::{Library, PluginError};
use cadenza_sandbox::{Compiled, HostLimits, LoadError};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Components of at least this many bytes are kept. Smaller ones are compiled in some milliseconds.
const KEPT_FROM_BYTES: usize = 1024 * 1024;
/// How many of the newest are kept.
const KEPT_MAX: usize = 16;

/// A compiled component, and how long that took; `None` if it was compiled before.
pub(crate) fn compiled(component: &[u8], tools: Option<&Tools>) -> Result<(Compiled, Option<Duration>), LoadError> {
    let began = Instant::now();
    if let Some(tools) = tools.filter(|_| component.len() >= KEPT_FROM_BYTES)
        && let Some(kept) = kept(component, tools)
    {
        return kept.map(|(compiled, was_kept)| (compiled, (!was_kept).then(|| began.elapsed())));
    }
    let compiled = Compiled::new(component, &HostLimits::default())?;
    Ok((compiled, Some(began.elapsed())))
}

/// The code that was kept, or is kept from now on, and whether it was there before. `None` if nothing can be kept here.
fn kept(component: &[u8], tools: &Tools) -> Option<Result<(Compiled, bool), LoadError>> {
    let folder = tools.code();
    make_private(&folder)?;
    // One process at a time. The lock ends with the process at the latest.
    let lock = File::create(folder.join(".lock")).ok()?;
    lock.lock().ok()?;
    let library = Library::open(&folder).ok()?;
    let hash = library.keep(component).ok()?;
    let was_kept = library.is_compiled(hash);
    let compiled = library.compiled("it", hash);
    library.keep_newest(KEPT_MAX);
    match compiled {
        Ok(compiled) => Some(Ok((compiled, was_kept))),
        Err(PluginError::Load { cause, .. }) => Some(Err(cause)),
        Err(_) => None,
    }
}

/// Makes a folder in which nobody else may write, because what lies there is run. `None` if somebody else may.
fn make_private(folder: &Path) -> Option<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
    let found = std::fs::metadata(folder).ok()?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
    is_ours.then_some(())
}
