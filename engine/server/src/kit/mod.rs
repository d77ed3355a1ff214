//! The plugin kit: what an author of plugins does on the command line, from an empty folder to a component that was tested
//! and measured in the real sandbox. Knows nothing of engines, stores and workspaces; printing is `cli/plugin`'s.

pub(crate) mod answer;
pub(crate) mod ask;
pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod cases;
mod code;
pub(crate) mod generate;
pub(crate) mod history;
mod inputs;
pub(crate) mod language;
pub(crate) mod mask;
pub(crate) mod paste;
pub(crate) mod production;
pub(crate) mod profile;
pub(crate) mod project;
pub(crate) mod properties;
pub(crate) mod recorded;
pub(crate) mod sdk;
pub(crate) mod subject;
pub(crate) mod tools;
pub(crate) mod watch;
