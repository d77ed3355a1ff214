//! What the API shows. These types are separate from the records they are made from, so that either can change alone.

pub mod damage;
pub mod facts;
pub(crate) mod gate;
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

use cadenza_runtime::catalog::Catalog;
use serde::Serialize;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; null at the end.
    pub(crate) next: Option<String>,
}

/// The same of a list whose times people read beside words, with the zone of times in words.
#[derive(Debug, Serialize)]
pub(crate) struct Zoned<T> {
    #[serde(flatten)]
    pub(crate) page: T,
    pub(crate) timezone: Option<String>,
}

impl<T> Zoned<T> {
    pub(crate) fn of(page: T, catalog: &Catalog) -> Self {
        Self { page, timezone: catalog.workspace.settings.calendar.zone().iana_name().map(str::to_owned) }
    }
}
