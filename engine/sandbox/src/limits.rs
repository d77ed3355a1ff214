//! What a plugin may use: the limits of the host, and the budgets of one plugin within them. Knows nothing of wasmtime.

use crate::resource::Resource;
use serde::{Deserialize, Serialize};

/// The most points a score may have, either way.
pub(crate) const POINTS_MAX: i32 = 1_000;
/// The most reasons an answer may give.
pub(crate) const REASONS_MAX: usize = 64;
/// The most bytes the value of one reason may have.
pub(crate) const VALUE_BYTES_MAX: usize = 256;
/// The most bytes of a refusal that are kept.
pub(crate) const REFUSAL_BYTES_MAX: usize = 512;
/// The most bytes of a trap's text that are kept.
pub(crate) const TRAP_BYTES_MAX: usize = 1_024;
/// The most bytes of the reason why a component is not loaded, because its words come from the component.
pub(crate) const REASON_BYTES_MAX: usize = 1_024;
/// The most imports that are named if a component has some that it may not have.
pub(crate) const IMPORTS_TOLD_MAX: usize = 16;
/// The most bytes of an import's name that are shown.
pub(crate) const IMPORT_BYTES_MAX: usize = 128;
/// The most bytes a whole description may have once it is read.
pub(crate) const DESCRIPTION_BYTES_MAX: usize = 256 * 1024;
/// The most leads that are scored in one instance.
pub(crate) const BATCH_LEADS_MAX: usize = 100;

/// The most that the host grants. One value of this is shared by every sandbox of a process, because
/// compiled code depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostLimits {
    /// The most fuel one decision may burn. One unit is about one instruction; 1 M units take
    /// about 70 µs (`measured.md`).
    pub fuel_max: u64,
    /// The most milliseconds one decision may take on the wall clock. This is only a protection; fuel is what decides.
    pub wall_ms_max: u32,
    /// The most bytes of linear memory an instance may have.
    pub memory_bytes_max: usize,
    /// The most elements an instance's table may have.
    pub table_elements_max: usize,
    /// The most linear memories of all core instances of a component; their bytes count
    /// together. A module may have one.
    pub memories_max: u32,
    /// The most tables of all core instances of a component. A module may have one.
    pub tables_max: u32,
    /// The most core instances that one component may be made of.
    pub instances_max: u32,
    /// The most bytes an answer may have once it is read: its texts, and 32 for each entry of a list.
    pub output_bytes_max: usize,
    /// The most lines one decision may log.
    pub log_lines_max: usize,
    /// The most bytes a component file may have.
    pub component_bytes_max: usize,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            // Python takes millions for what Rust does with thousands.
            fuel_max: 100_000_000,
            // Several times what the most fuel takes, so that a busy machine does not change the outcome.
            wall_ms_max: 500,
            memory_bytes_max: 256 * 1024 * 1024,
            table_elements_max: 16_384,
            // A lean guest has one of each. Those that carry an interpreter have up to 38 instances.
            memories_max: 4,
            tables_max: 16,
            instances_max: 48,
            output_bytes_max: 64 * 1024,
            log_lines_max: 100,
            component_bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// The most bytes of all lines of one decision.
const LOG_BYTES_MAX: usize = 16 * 1024;

/// What the workspace grants one plugin, in place of what the plugin asks for or the host grants by default. Never
/// more than [`HostLimits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetOverrides {
    /// Fuel of one decision.
    pub fuel: Option<u64>,
    /// Milliseconds of wall time of one decision.
    pub wall_ms: Option<u32>,
    /// Bytes of linear memory.
    pub memory_bytes: Option<usize>,
    /// Bytes of one answer.
    pub output_bytes: Option<usize>,
    /// Lines of one decision.
    pub log_lines: Option<usize>,
    /// Elements of a table.
    pub table_elements: Option<usize>,
    pub tables: Option<usize>,
    pub instances: Option<usize>,
}

/// What a plugin asks for itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks {
    pub(crate) fuel: u64,
    pub(crate) memory_bytes: u64,
}

impl BudgetOverrides {
    /// The override for one resource; `None` if it is not overridden.
    pub fn of(&self, resource: Resource) -> Option<u64> {
        match resource {
            Resource::Fuel => self.fuel,
            Resource::Time => self.wall_ms.map(|ms| u64::from(ms) * 1_000),
            Resource::Memory => self.memory_bytes.map(|bytes| bytes as u64),
            Resource::Output => self.output_bytes.map(|bytes| bytes as u64),
            Resource::LogLines => self.log_lines.map(|lines| lines as u64),
            Resource::TableElements => self.table_elements.map(|elements| elements as u64),
            Resource::Tables => self.tables.map(|tables| tables as u64),
            Resource::Instances => self.instances.map(|instances| instances as u64),
        }
    }

    /// Overrides one resource. A number that is too large is replaced by the largest that fits.
    pub fn set(&mut self, resource: Resource, most: u64) {
        let size = || Some(usize::try_from(most).unwrap_or(usize::MAX));
        match resource {
            Resource::Fuel => self.fuel = Some(most),
            Resource::Time => self.wall_ms = Some(u32::try_from(most / 1_000).unwrap_or(u32::MAX)),
            Resource::Memory => self.memory_bytes = size(),
            Resource::Output => self.output_bytes = size(),
            Resource::LogLines => self.log_lines = size(),
            Resource::TableElements => self.table_elements = size(),
            Resource::Tables => self.tables = size(),
            Resource::Instances => self.instances = size(),
        }
    }
}

/// What one call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Units of fuel.
    pub fuel: u64,
    /// Milliseconds of wall time.
    pub wall_ms: u32,
    /// Bytes of linear memory.
    pub memory_bytes: usize,
    /// Elements of each table.
    pub table_elements: usize,
    pub tables: usize,
    pub instances: usize,
    /// Bytes of one answer once it is read.
    pub output_bytes: usize,
    pub log_lines: usize,
    /// Bytes of all lines.
    pub log_bytes: usize,
}

impl Budgets {
    /// The most that a decision of any plugin may use.
    pub fn most(limits: &HostLimits) -> Self {
        Self { output_bytes: limits.output_bytes_max, ..Self::for_description(limits) }
    }

    /// What `describe` may use, before it is known what the plugin asks for.
    pub(crate) fn for_description(limits: &HostLimits) -> Self {
        Self {
            fuel: limits.fuel_max,
            wall_ms: limits.wall_ms_max,
            memory_bytes: limits.memory_bytes_max,
            table_elements: limits.table_elements_max,
            tables: limits.tables_max as usize,
            instances: limits.instances_max as usize,
            output_bytes: DESCRIPTION_BYTES_MAX,
            log_lines: limits.log_lines_max,
            log_bytes: LOG_BYTES_MAX,
        }
    }

    /// What a decision of a plugin may use that asks for this much.
    pub(crate) fn for_decision(limits: &HostLimits, asks: Asks, overrides: &BudgetOverrides) -> Self {
        let most = Self::most(limits);
        let asked_bytes = usize::try_from(asks.memory_bytes).unwrap_or(usize::MAX);
        Self {
            fuel: overrides.fuel.unwrap_or(asks.fuel).min(most.fuel),
            wall_ms: overrides.wall_ms.unwrap_or(most.wall_ms).min(most.wall_ms),
            memory_bytes: overrides.memory_bytes.unwrap_or(asked_bytes).min(most.memory_bytes),
            table_elements: overrides.table_elements.unwrap_or(most.table_elements).min(most.table_elements),
            tables: overrides.tables.unwrap_or(most.tables).min(most.tables),
            instances: overrides.instances.unwrap_or(most.instances).min(most.instances),
            output_bytes: overrides.output_bytes.unwrap_or(most.output_bytes).min(most.output_bytes),
            log_lines: overrides.log_lines.unwrap_or(most.log_lines).min(most.log_lines),
            log_bytes: most.log_bytes,
        }
    }

    /// The budget of one resource.
    pub fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Fuel => self.fuel,
            Resource::Time => u64::from(self.wall_ms) * 1_000,
            Resource::Memory => self.memory_bytes as u64,
            Resource::Output => self.output_bytes as u64,
            Resource::LogLines => self.log_lines as u64,
            Resource::TableElements => self.table_elements as u64,
            Resource::Tables => self.tables as u64,
            Resource::Instances => self.instances as u64,
        }
    }

    /// What this many decisions in one instance may use. Memory stays the same, because it is one instance.
    pub(crate) fn times(self, leads: usize) -> Self {
        Self {
            fuel: self.fuel.saturating_mul(leads as u64),
            wall_ms: self.wall_ms.saturating_mul(leads as u32),
            output_bytes: self.output_bytes.saturating_mul(leads),
            log_lines: self.log_lines.saturating_mul(leads),
            log_bytes: self.log_bytes.saturating_mul(leads),
            ..self
        }
    }
}
