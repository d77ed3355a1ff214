//! What can go wrong outside decisions: with the host itself, and with loading a component.

use cadenza_core::plugin::DecisionFailure;

/// The host cannot run plugins at all. The operator has to fix it.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine or its pool could not be made.
    #[error("plugins cannot be run on this machine: {0}")]
    Engine(String),
    /// The thread that ends overlong decisions could not be started.
    #[error("plugins cannot be run: {0}")]
    Thread(#[from] std::io::Error),
}

/// A component was not loaded. Whoever made it has to fix it. What was loaded before stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// More bytes than a component may have.
    #[error("the component has {bytes} bytes, and {bytes_max} are allowed")]
    TooLarge { bytes: usize, bytes_max: usize },
    /// Not a component at all, or one that uses what is switched off (threads, relaxed SIMD, garbage collection…), or
    /// needs more memory or larger tables at the start than it may have.
    #[error("this is no component that can be run here: {0}")]
    Invalid(String),
    /// A module without the types of its functions, as `cargo build` and `clang` produce it.
    #[error(
        "this is a core module and no component yet: `cadenza plugin build` makes a component of a project, and \
         `wasm-tools component embed` with `component new` of a module that has the functions of the contract"
    )]
    CoreModule,
    /// The component wants something from outside.
    #[error(
        "the component imports {}; a plugin may import nothing but `cadenza:plugin/log`: build it without WASI",
        .0.join(", ")
    )]
    Imports(Vec<String>),
    /// The component was compiled by another build of the engine or under other limits.
    #[error("the compiled component does not fit this engine: {0}")]
    Stale(String),
    /// It exports none of the interfaces of the contract, or lacks `describe`.
    #[error("the component is no plugin: {0}")]
    NotAPlugin(String),
    /// A function has another type than the contract says.
    #[error("the component breaks the contract: {0}")]
    Contract(String),
    /// It failed to describe itself.
    #[error("the plugin could not describe itself: {0}")]
    Describe(DecisionFailure),
    /// It is made of more parts than its budget allows.
    #[error("it is made of {has} {what}, and {allowed} are allowed: raise `{what}` under `plugins` in cadenza.yaml")]
    Parts {
        what: &'static str,
        /// How many it has.
        has: usize,
        /// How many it may have.
        allowed: usize,
    },
    /// Its budgets, set by itself or the workspace, do not even let it begin.
    #[error(
        "no decision can begin within its budgets: {failure} before it is asked anything; raise {}, in the plugin or under \
         `plugins` in cadenza.yaml",
        .setting.map_or_else(|| "it".to_owned(), |setting| format!("`{setting}`"))
    )]
    Start {
        failure: DecisionFailure,
        /// The name of the budget there.
        setting: Option<&'static str>,
    },
    /// What it says of itself is inconsistent.
    #[error("the plugin's description is wrong: {0}")]
    Description(String),
}
