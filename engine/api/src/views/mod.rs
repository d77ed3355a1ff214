//! What the API shows. These types are separate from the records they are made from, so that either can change alone.

pub mod damage;
pub mod facts;
pub(crate) mod lead;
pub(crate) mod outbox;
pub(crate) mod plugin;
pub(crate) mod run;
mod run_names;
pub(crate) mod schedule;
pub mod status;
pub mod task;
pub(crate) mod timeline;
pub mod words;
pub(crate) mod workflow;

use serde::Serialize;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; null at the end.
    pub(crate) next: Option<String>,
}
