//! The component under inspection, loaded into the same sandbox that decides in production.

use super::code;
use super::tools::Tools;
use anyhow::Context as _;
use cadenza_core::plugin::PluginInfo;
use cadenza_sandbox::{BudgetOverrides, Budgets, Compiled, HostLimits, Sandbox};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A component with a sandbox of its own.
#[derive(Debug)]
pub struct Subject {
    /// The file it came from.
    pub file: PathBuf,
    /// How many bytes it has.
    pub bytes: usize,
    /// What it says of itself, with the budgets that are enforced.
    pub info: PluginInfo,
    /// Compiled once for every sandbox.
    pub compiled: Compiled,
    /// How long that took; `None` if it was compiled before.
    pub compile_time: Option<Duration>,
    /// A sandbox with only this component.
    pub sandbox: Sandbox,
}

impl Subject {
    /// Loads the component in a file.
    pub fn load(file: &Path, tools: Option<&Tools>) -> anyhow::Result<Self> {
        let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::of(&bytes, file, tools).with_context(|| format!("{} cannot be used", file.display()))
    }

    /// Loads a component; `file` is where it comes from or goes to.
    pub fn of(component: &[u8], file: &Path, tools: Option<&Tools>) -> anyhow::Result<Self> {
        let limits = HostLimits::default();
        let (compiled, compile_time) = code::compiled(component, tools)?;
        let mut sandbox = Sandbox::new(&limits)?;
        let info = sandbox.load_compiled(&compiled, None)?;
        Ok(Self { file: file.to_owned(), bytes: component.len(), info, compiled, compile_time, sandbox })
    }

    /// What it imports: `log`, or nothing.
    pub fn imports(&self) -> &[String] {
        self.sandbox.imports(self.info.digest)
    }

    /// The same within the budgets of a workspace.
    pub fn within(&self, budget: BudgetOverrides) -> anyhow::Result<Self> {
        let mut sandbox = self.another_sandbox()?;
        sandbox.set_budget(self.info.digest, budget);
        let info = sandbox.plugin(self.info.digest).context("it was loaded into this sandbox")?.clone();
        let (file, compiled) = (self.file.clone(), self.compiled.clone());
        Ok(Self { file, info, compiled, sandbox, ..*self })
    }

    /// Fails if its budgets are less than what every decision begins with.
    pub fn can_begin(&self) -> anyhow::Result<()> {
        let begun = self.sandbox.can_begin(self.info.digest);
        begun.with_context(|| format!("{} cannot decide", self.file.display()))
    }

    /// What one of its decisions may use.
    pub fn budgets(&self) -> &Budgets {
        self.sandbox.budgets(self.info.digest).expect("it was loaded into this sandbox")
    }

    /// Another sandbox with it.
    pub(crate) fn another_sandbox(&self) -> anyhow::Result<Sandbox> {
        let mut sandbox = Sandbox::new(&HostLimits::default())?;
        sandbox.load_compiled(&self.compiled, None)?;
        Ok(sandbox)
    }
}
