//! The settings of wasmtime's engine, and components compiled under them.
//!
//! A component is compiled once in a process. Each sandbox has an engine of its own and maps the compiled code from
//! memory, which takes some 30 µs. Figures given for settings are from `measured.md`, "What a decision costs".

use crate::contract::LOG;
use crate::error::{HostError, LoadError};
use crate::instance::shorten;
use crate::limits::{HostLimits, IMPORT_BYTES_MAX, IMPORTS_TOLD_MAX, REASON_BYTES_MAX};
use cadenza_core::id::Digest;
use rustix::process::{Resource, getrlimit};
use sha2::Digest as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, OnceLock};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// Instances that can exist at a time in one sandbox. It takes one decision at a time; the second slot allows the one
/// used last to be cleaned up.
const SLOTS: u32 = 2;
/// Bytes of a slot's memory that are cleared by writing rather than by a system call. A lean guest, which has one page
/// of 64 KiB, stays below it.
const MEMORY_KEPT_BYTES: usize = 512 * 1024;
/// The same for tables. A lean guest's table has a few dozen entries of eight bytes.
const TABLE_KEPT_BYTES: usize = 4 * 1024;
/// Bytes by which a memory may grow in place if nothing is reserved. Beyond them it is moved.
const GROWTH_BYTES: u64 = 1024 * 1024;
/// Native stack that a guest may use. Its worker's thread has at least four times as much.
/// Interpreters need half of it.
const STACK_BYTES_MAX: usize = 512 * 1024;

/// An engine with a pool of its own. Compiled code is the same for all engines with the same limits.
pub(crate) fn engine(limits: &HostLimits) -> Result<Engine, HostError> {
    Engine::new(&config(limits)).map_err(|error| HostError::Engine(format!("{error:#}")))
}

/// The most address space that the sandboxes of one process reserve together: some 35 GiB each, most of it never
/// touched, so that a memory can grow in place and its accesses need no checks of their own.
const RESERVED_BYTES_MAX: u64 = 512 * 1024 * 1024 * 1024;

/// The limit on this process's address space (`ulimit -v`), in bytes, if it is too low for what sandboxes reserve. In
/// that case they reserve nothing. Plugins decide the same, for the same fuel, but somewhat slower.
pub fn reserves_nothing() -> Option<u64> {
    // Asked only once, because all code of a process is compiled for the same answer.
    static LIMIT: OnceLock<Option<u64>> = OnceLock::new();
    *LIMIT.get_or_init(|| getrlimit(Resource::As).current.filter(|bytes| *bytes < RESERVED_BYTES_MAX))
}

fn config(limits: &HostLimits) -> Config {
    let mut config = common();
    match reserves_nothing() {
        None => config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits))),
        Some(_) => config
            .allocation_strategy(InstanceAllocationStrategy::OnDemand)
            .memory_reservation(0)
            .memory_reservation_for_growth(GROWTH_BYTES)
            .memory_guard_size(0),
    };
    config
}

fn pool(limits: &HostLimits) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(SLOTS)
        .total_core_instances(SLOTS * limits.instances_max)
        .total_memories(SLOTS * limits.memories_max)
        .total_tables(SLOTS * limits.tables_max)
        .max_core_instances_per_component(limits.instances_max)
        .max_memories_per_component(limits.memories_max)
        .max_tables_per_component(limits.tables_max)
        .max_memory_size(limits.memory_bytes_max)
        .table_elements(limits.table_elements_max)
        .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
        .table_keep_resident(TABLE_KEPT_BYTES)
        .max_unused_warm_slots(SLOTS);
    pool
}

fn common() -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(STACK_BYTES_MAX)
        // Limits.
        .consume_fuel(true)
        .epoch_interruption(true)
        // The same answer on every machine.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .relaxed_simd_deterministic(true)
        // What a decision does not need is off, so that it need not be trusted.
        .shared_memory(false)
        .wasm_memory64(false)
        // Adapters between parts of one component need it. Without it, wasmtime panics on such a component.
        .wasm_multi_memory(true)
        .concurrency_support(false)
        // A trap then carries the guest's memory, from which its panic message is read.
        .coredump_on_trap(true);
    config
}

/// Identifies what compiled code depends on besides the component: the build of wasmtime, the machine and the settings.
/// Code that was compiled under another value cannot be used.
pub fn compatibility(limits: &HostLimits) -> Result<u64, HostError> {
    let mut hasher = DefaultHasher::new();
    engine(limits)?.precompile_compatibility_hash().hash(&mut hasher);
    limits.hash(&mut hasher);
    Ok(hasher.finish())
}

/// A component compiled for every sandbox with the same limits. Cheap to clone.
#[derive(Clone)]
pub struct Compiled {
    code: Arc<[u8]>,
    digest: Digest,
    limits: HostLimits,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("digest", &self.digest).field("code_bytes", &self.code.len()).finish()
    }
}

/// What a component imports, by name.
pub(crate) fn imports(component: &Component, engine: &Engine) -> Vec<String> {
    component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect()
}

/// Refuses imports other than `log`. There may be thousands with long names, of which people only need
/// to see what kind they are.
fn denied(imports: &[String]) -> Result<(), LoadError> {
    let denied: Vec<&String> = imports.iter().filter(|name| *name != LOG).collect();
    if denied.is_empty() {
        return Ok(());
    }
    let told = denied.iter().take(IMPORTS_TOLD_MAX);
    let mut told: Vec<String> = told.map(|name| format!("`{}`", shorten((*name).clone(), IMPORT_BYTES_MAX))).collect();
    if denied.len() > told.len() {
        told.push(format!("and {} more", denied.len() - told.len()));
    }
    Err(LoadError::Imports(told))
}

/// How a core module begins: with its version, where a component has its layer.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

impl Compiled {
    /// Compiles a component, which takes 10 to 20 ms for a guest of 30 kB. Refuses any import but `log`.
    pub fn new(component: &[u8], limits: &HostLimits) -> Result<Self, LoadError> {
        if component.len() > limits.component_bytes_max {
            return Err(LoadError::TooLarge { bytes: component.len(), bytes_max: limits.component_bytes_max });
        }
        if component.starts_with(CORE_MODULE) {
            return Err(LoadError::CoreModule);
        }
        // Some of wasmtime's messages have many lines.
        let one_line = |error: wasmtime::Error| format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
        let invalid = |error| LoadError::Invalid(shorten(one_line(error), REASON_BYTES_MAX));
        let engine = engine(limits).map_err(|error| LoadError::Invalid(error.to_string()))?;
        let compiled = Component::from_binary(&engine, component).map_err(invalid)?;
        denied(&imports(&compiled, &engine))?;
        Ok(Self {
            code: compiled.serialize().map_err(invalid)?.into(),
            digest: Digest::of_hash(&sha2::Sha256::digest(component).into()),
            limits: *limits,
        })
    }

    /// Takes code that was compiled before, in this process or in another one of the same program on this machine.
    ///
    /// # Safety
    /// `code` is what [`Compiled::code`] returned for the component with this digest under the same limits and
    /// [`compatibility`], unchanged. It is machine code, and loading it runs it.
    #[allow(unsafe_code, reason = "the caller vouches for machine code")]
    pub unsafe fn trusted(code: Arc<[u8]>, digest: Digest, limits: &HostLimits) -> Self {
        Self { code, digest, limits: *limits }
    }

    /// The machine code, to be kept for a later [`Compiled::trusted`].
    pub fn code(&self) -> &[u8] {
        &self.code
    }

    /// The beginning of the component's SHA-256.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Maps the code into an engine with these limits.
    pub(crate) fn component(&self, engine: &Engine, limits: &HostLimits) -> Result<Component, LoadError> {
        if self.limits != *limits {
            return Err(LoadError::Stale("it was compiled under other limits".to_owned()));
        }
        #[allow(unsafe_code, reason = "wasmtime cannot check machine code; only ours gets here, see SAFETY")]
        // SAFETY: `deserialize` runs what it is given. `code` is private; `new` sets it to what `serialize` of this
        // very build of wasmtime returned, and the caller of `trusted` guarantees the same.
        let component = unsafe { Component::deserialize(engine, &self.code) };
        component.map_err(|error| LoadError::Stale(format!("{error:#}")))
    }
}
