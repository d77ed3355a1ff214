//! Machine code of components, so that it need not be made again for every command: that of one that carries an interpreter
//! takes ten seconds. It is kept beside the build tools, in the same way as in an engine's data folder.

use super::tools::Tools;
use crate::plugins::Library;
use cadenza_sandbox::{Compiled, HostLimits, LoadError};
use std::time::{Duration, Instant};

/// Components from so many bytes on are kept; smaller ones are compiled in some milliseconds.
const KEPT_FROM_BYTES: usize = 1024 * 1024;
/// So many are kept, the newest.
const KEPT_MAX: usize = 8;

/// A component compiled, and how long that took; nothing when it was done before.
pub(crate) fn compiled(component: &[u8], tools: &Tools) -> Result<(Compiled, Option<Duration>), LoadError> {
    let began = Instant::now();
    if component.len() >= KEPT_FROM_BYTES
        && let Some((compiled, was_kept)) = kept(component, tools)
    {
        return Ok((compiled, if was_kept { None } else { Some(began.elapsed()) }));
    }
    let compiled = Compiled::new(component, &HostLimits::default())?;
    Ok((compiled, Some(began.elapsed())))
}

/// It as it was kept, or is from now on; nothing when it cannot be kept here, or cannot be compiled, which is told by who
/// tries it again.
fn kept(component: &[u8], tools: &Tools) -> Option<(Compiled, bool)> {
    let library = Library::open(&tools.code()).ok()?;
    let hash = library.keep(component).ok()?;
    let was_kept = library.is_compiled(hash);
    let compiled = library.compiled("it", hash).ok()?;
    library.keep_newest(KEPT_MAX);
    Some((compiled, was_kept))
}
