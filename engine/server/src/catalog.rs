//! What is in force: the checked workspace, the plugins' words and every definition that runs have pinned.

use cadenza_core::workspace::{Definitions, Live, Workspace};
use std::sync::Arc;

/// Everything that transitions are made with. Replaced whole, never changed.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The checked workspace.
    pub workspace: Arc<Workspace>,
    /// What `step` may look at that no run pins.
    pub live: Arc<Live>,
    /// Every definition that runs have pinned, and the current ones.
    pub definitions: Arc<Definitions>,
}
