//! Turns YAML workspaces into checked definitions, with diagnostics that point at the line.
//!
//! [`Folder`] holds the files. [`check`] makes a [`cadenza_core::workspace::Workspace`] from them or reports everything
//! that is wrong. [`render`] shows the reports to people, and [`schema`] is for editors. [`template`] is the language
//! of scripts: what it checks is what it renders. The reference for authors is `workflows/README.md`.
//!
//! Must not know: any crate of the workspace but core, tokio, sled, wasmtime, axum, the clock. Plugins are known
//! through core's `PluginCatalog`; conditions leave here as core's `Expr`, and nothing evaluates CEL at run time.

mod address;
pub mod cases;
mod check;
mod condition;
mod connections;
mod cron;
mod dates;
mod diagnostic;
mod digest;
mod fault;
mod folder;
mod foreign;
mod form;
mod hours;
mod known;
mod limits;
mod mailers;
mod meant;
mod own_words;
mod pace;
mod placeholders;
mod putting_in;
mod render;
mod scalar;
mod schema;
mod script;
mod secret;
mod settings;
mod shape;
mod sources;
mod suggest;
mod taking_out;
mod team;
pub mod template;
mod usage;
mod workflow;
mod yaml;

pub use cases::{CheckedCases, check_cases};
pub use check::{Checked, check, plugin_settings};
pub use diagnostic::{Diagnostic, Place, Severity};
pub use folder::{FILE_BYTES_MAX, FILES_MAX, Folder, FolderError};
pub use render::{Paint, render};
pub use schema::{Document, schema};
pub use sources::EVENTS_SOURCE;
pub use suggest::{listed, nearest};
