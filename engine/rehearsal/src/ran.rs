//! The result of playing a case, and the times of its moments. Playing, comparing and telling share these.

use cadenza_api::views::task::Reading;
use cadenza_core::id::{LeadId, TaskId};
use cadenza_core::time::Timestamp;
use cadenza_language::cases::Moment;
use cadenza_runtime::catalog::Catalog;
use std::collections::BTreeMap;

/// The result of playing a case, before it is compared.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Leads by their names in the file.
    pub(crate) leads: BTreeMap<String, LeadId>,
    /// Entries that could not be done as the case gives them.
    pub(crate) troubles: Vec<Trouble>,
    /// What reps read with their tasks when these were new, if the case expects something about it.
    pub(crate) readings: BTreeMap<TaskId, Reading>,
}

/// An entry that could not be done as the case gives it.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// The time of a moment in a case that began at `begin`.
pub(crate) fn time_of(moment: Moment, begin: Timestamp, catalog: &Catalog) -> Timestamp {
    match moment {
        Moment::At(at) => at,
        Moment::After(span) => catalog.workspace.settings.calendar.add(begin, span),
    }
}
