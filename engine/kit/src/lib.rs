//! The plugin kit: what an author of plugins does on the command line, from an empty folder to a component
//! that was tested and measured in the real sandbox. Knows nothing of engines, stores and workspaces;
//! `cli/plugin` does the printing.

pub mod answer;
pub mod ask;
pub mod bench;
pub mod build;
pub mod cases;
mod code;
pub mod generate;
pub mod history;
mod inputs;
pub mod language;
pub mod mask;
pub mod paste;
pub mod production;
pub mod profile;
pub mod project;
pub mod properties;
pub mod recorded;
mod sdk;
pub mod subject;
pub mod tools;
pub mod watch;
