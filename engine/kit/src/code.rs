//! Machine code of components, so that it need not be made again for every command: that of one that carries an interpreter
//! takes ten seconds. It is kept beside the build tools, signed as in an engine's data folder, where nobody else may write.

use super::tools::Tools;
use cadenza_builds::{Library, PluginError};
use cadenza_sandbox::{Compiled, HostLimits, LoadError};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Components from so many bytes on are kept; smaller ones are compiled in some milliseconds.
const KEPT_FROM_BYTES: usize = 1024 * 1024;
/// So many are kept, the newest.
const KEPT_MAX: usize = 16;

/// A component compiled, and how long that took; nothing when it was done before.
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

/// It as it was kept, or is from now on, and which of both; nothing when nothing can be kept here.
fn kept(component: &[u8], tools: &Tools) -> Option<Result<(Compiled, bool), LoadError>> {
    let folder = tools.code();
    make_private(&folder)?;
    // One process at a time; the lock ends with it at last.
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

/// Makes a folder in which nobody else may write: what lies there is run. Nothing when somebody else may.
fn make_private(folder: &Path) -> Option<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
    let found = std::fs::metadata(folder).ok()?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
    is_ours.then_some(())
}
